//! `claims`: the ledger, and its checks.

use circuit2tf::Result;
use circuit2tf::theory::ledger::references::{WORKS, Work};
use circuit2tf::theory::ledger::scope::Scope;
use circuit2tf::theory::ledger::{self, Claim, Evidence};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Report;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_long_help = ledger::MEANING)]
pub struct Args {
    /// The claim to show, by its id; all by default
    #[arg(conflicts_with = "references")]
    id: Option<String>,
    /// Print a Markdown table
    #[arg(long, conflicts_with = "references")]
    markdown: bool,
    /// List the literature that claims cite, with the claims that do
    #[arg(long)]
    references: bool,
    /// The form of the list of literature
    #[arg(long, value_enum, default_value_t, requires = "references")]
    format: Format,
    #[command(subcommand)]
    action: Option<Action>,
}

/// A form of the list of literature.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Bibtex,
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
    match (&args.action, &args.id) {
        (Some(Action::Check { id: Some(id) }), _) => check(&[ledger::claim(id)?]),
        (Some(Action::Check { id: None }), _) => {
            check(&ledger::claims().filter(|claim| claim.command().is_some()).collect::<Vec<_>>())
        }
        (None, Some(id)) => Ok(list(&[ledger::claim(id)?], args.markdown)),
        (None, None) if args.references => Ok(references(args.format)),
        (None, None) => Ok(list(&ledger::claims().collect::<Vec<_>>(), args.markdown)),
    }
}

fn references(format: Format) -> Report {
    let cited_by = |work: &Work| -> Vec<&str> {
        ledger::claims().filter(|c| c.sources.contains(&work.key)).map(|c| c.id).collect()
    };
    let text: String = match format {
        Format::Text => {
            let entry = |work: &Work| {
                format!("{}: {}\n    {}\n", work.key, work.line(), cited_by(work).join(", "))
            };
            WORKS.iter().map(entry).collect()
        }
        Format::Bibtex => WORKS.iter().map(Work::bibtex).collect::<Vec<_>>().join("\n"),
    };
    let json = |work: &Work| {
        json!({
            "key": work.key, "authors": work.authors, "year": work.year, "title": work.title,
            "venue": work.venue, "arxiv": work.arxiv, "read": work.read.remark(),
            "claims": cited_by(work),
        })
    };
    let works: Vec<Value> = WORKS.iter().map(json).collect();
    Report { text: text.into_bytes(), json: json!({ "references": works }), status: 0 }
}

fn list(claims: &[&Claim], markdown: bool) -> Report {
    let text: String = match markdown {
        true => {
            let head = "| id | statement | status | shown by | models | assumptions | reason | elsewhere | checked on \
                        | command |\n|---|---|---|---|---|---|---|---|---|---|\n";
            head.to_string() + &claims.iter().map(|claim| row(claim)).collect::<String>()
        }
        false => claims.iter().map(|claim| describe(claim)).collect(),
    };
    let json: Vec<Value> = claims.iter().map(|claim| claim_json(claim)).collect();
    Report { text: text.into_bytes(), json: json!({ "claims": json }), status: 0 }
}

fn describe(claim: &Claim) -> String {
    let mut lines = vec![
        format!("{} [{}: {}]", claim.id, claim.status, claim.ground),
        format!("    {}", claim.statement),
    ];
    let mut line = |name: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("    {name}: {text}"));
        }
    };
    if let Some(scope) = claim.scope {
        line("arithmetic", &scope.arithmetic.to_string());
        line("uniformity", &scope.uniformity.to_string());
        line("attention", &scope.attention.to_string());
        line("start", &scope.start.to_string());
    }
    line("assumes", claim.assumptions);
    line("reason", claim.reason);
    line("elsewhere", claim.elsewhere);
    line("proof", &proofs(claim).join(", "));
    let works: Vec<String> = claim.references().map(Work::short).collect();
    line("literature", &works.join(", "));
    line("checked on", claim.range);
    lines.extend(claim.command().map(|command| format!("    {command}")));
    lines.join("\n") + "\n"
}

/// The files of a claim's proofs.
fn proofs(claim: &Claim) -> Vec<String> {
    claim.proofs.iter().map(|file| format!("proofs/{file}.rs")).collect()
}

/// A bound's class of models, in one line.
fn models(claim: &Claim) -> String {
    claim.scope.map_or(String::new(), |scope| {
        let Scope { arithmetic, uniformity, attention, start } = scope;
        format!("{arithmetic}; {uniformity}; {attention}; {start}")
    })
}

fn row(claim: &Claim) -> String {
    let command = claim.command().map_or(String::new(), |command| format!("`{command}`"));
    let (status, ground, models) =
        (claim.status.to_string(), claim.ground.to_string(), models(claim));
    let cells = [
        claim.id,
        claim.statement,
        &status,
        &ground,
        &models,
        claim.assumptions,
        claim.reason,
        claim.elsewhere,
        claim.range,
        &command,
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn claim_json(claim: &Claim) -> Value {
    let scope = claim.scope.map(|scope| {
        json!({
            "arithmetic": scope.arithmetic.to_string(),
            "uniformity": scope.uniformity.to_string(),
            "attention": scope.attention.to_string(),
            "start": scope.start.to_string(),
        })
    });
    json!({
        "id": claim.id,
        "statement": claim.statement,
        "status": claim.status.to_string(),
        "kind": claim.kind.to_string(),
        "shown_by": claim.ground.to_string(),
        "models": scope,
        "assumptions": claim.assumptions,
        "reason": claim.reason,
        "elsewhere": claim.elsewhere,
        "proofs": proofs(claim),
        "references": claim.sources,
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
