//! `claims`: the ledger, and its checks.

use circuit2tf::Result;
use circuit2tf::theory::ledger::{self, Claim, Evidence};
use clap::Subcommand;
use serde_json::{Value, json};

use super::Report;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Print a Markdown table
    #[arg(long)]
    markdown: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run the check of a claim
    Check {
        /// The claim's id; all claims with a check by default
        id: Option<String>,
    },
}

pub fn main(args: &Args) -> Result<Report> {
    match &args.action {
        Some(Action::Check { id: Some(id) }) => check(&[ledger::claim(id)?]),
        Some(Action::Check { id: None }) => {
            check(&ledger::claims().filter(|claim| claim.command().is_some()).collect::<Vec<_>>())
        }
        None => Ok(list(args.markdown)),
    }
}

fn list(markdown: bool) -> Report {
    let text: String = match markdown {
        true => {
            let head = "| id | statement | status | assumptions | reason | checked on | command |\n\
                        |---|---|---|---|---|---|---|\n";
            head.to_string() + &ledger::claims().map(row).collect::<String>()
        }
        false => ledger::claims().map(describe).collect(),
    };
    let json: Vec<Value> = ledger::claims().map(claim_json).collect();
    Report { text: text.into_bytes(), json: json!({ "claims": json }), status: 0 }
}

fn describe(claim: &Claim) -> String {
    let mut text = format!("{} [{}]\n    {}\n", claim.id, claim.status, claim.statement);
    text += &format!("    assumes: {}\n    reason: {}\n", claim.assumptions, claim.reason);
    if let Some(command) = claim.command() {
        text += &format!("    checked on: {}\n    {command}\n", claim.range);
    }
    text
}

fn row(claim: &Claim) -> String {
    let command = claim.command().map_or(String::new(), |command| format!("`{command}`"));
    let status = claim.status.to_string();
    let cells = [
        claim.id,
        claim.statement,
        &status,
        claim.assumptions,
        claim.reason,
        claim.range,
        &command,
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn claim_json(claim: &Claim) -> Value {
    json!({
        "id": claim.id,
        "statement": claim.statement,
        "status": claim.status.to_string(),
        "assumptions": claim.assumptions,
        "reason": claim.reason,
        "checked_on": claim.range,
        "command": claim.command(),
    })
}

/// Runs checks: status 0 if all find what they should, 1 if one does not, 3 for a claim without check.
fn check(claims: &[&Claim]) -> Result<Report> {
    let mut report = Report::default();
    let mut results = Vec::new();
    for claim in claims {
        let evidence = claim.check()?;
        let (verdict, status) = match &evidence {
            Some(evidence) if evidence.holds() => ("CONFIRMED", 0),
            Some(_) => ("FAILED", 1),
            None => ("UNKNOWN", 3),
        };
        report.status = report.status.max(status);
        let evidence = evidence.unwrap_or_default();
        let text = findings(&evidence);
        report.text.extend(format!("{}: {}\n{text}", claim.status, claim.statement).bytes());
        report.text.extend(format!("{verdict} {} ({})\n", claim.id, claim.status).bytes());
        let lines: Vec<Value> = evidence
            .findings
            .iter()
            .map(|finding| json!({ "holds": finding.holds, "text": finding.text }))
            .collect();
        results.push(json!({ "claim": claim_json(claim), "verdict": verdict, "evidence": lines }));
    }
    report.json = json!({ "checks": results });
    Ok(report)
}

fn findings(evidence: &Evidence) -> String {
    let line = |finding: &ledger::Finding| {
        format!("  {} {}\n", if finding.holds { "ok  " } else { "FAIL" }, finding.text)
    };
    evidence.findings.iter().map(line).collect()
}
