//! The ledger as values that are shown and serialise themselves: entries, literature, results of checks.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::references::{WORKS, Work};
use super::scope::Scope;
use super::{Claim, Evidence, Finding, claims};
use crate::error::Result;
use crate::table::{Document, Table, Tabular, number, row, words};

/// Entries of the ledger.
#[derive(Debug, Clone)]
pub struct Entries(pub Vec<&'static Claim>);

/// The literature, with the claims that cite it.
#[derive(Debug, Clone, Copy)]
pub struct Literature;

/// What the checks of some claims found.
#[derive(Debug, Clone)]
pub struct Checks(pub Vec<Checked>);

/// What a claim's check found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Whose check it was.
    pub claim: &'static Claim,
    /// None if the claim has no check.
    pub evidence: Option<Evidence>,
}

impl Entries {
    /// All of them.
    pub fn all() -> Self {
        Entries(claims().collect())
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let claims: Vec<Value> = self.0.iter().map(|claim| claim_json(claim)).collect();
        json!({ "claims": claims }).serialize(serializer)
    }
}

fn claim_json(claim: &Claim) -> Value {
    let scope = |Scope { arithmetic, uniformity, attention, start }: Scope| {
        json!({
            "arithmetic": arithmetic.to_string(),
            "uniformity": uniformity.to_string(),
            "attention": attention.to_string(),
            "start": start.to_string(),
        })
    };
    json!({
        "id": claim.id,
        "statement": claim.statement,
        "status": claim.status.to_string(),
        "kind": claim.kind.to_string(),
        "shown_by": claim.ground.to_string(),
        "models": claim.scope.map(scope),
        "assumptions": claim.assumptions,
        "reason": claim.reason,
        "elsewhere": claim.elsewhere,
        "proofs": proofs(claim),
        "references": claim.sources,
        "checked_on": claim.range,
        "command": claim.command(),
    })
}

/// The files of a claim's proofs.
fn proofs(claim: &Claim) -> Vec<String> {
    claim.proofs.iter().map(|file| format!("proofs/{file}.rs")).collect()
}

impl Tabular for Entries {
    fn document(&self) -> Document {
        let mut document = Document::default();
        for claim in &self.0 {
            describe(claim, &mut document);
        }
        let heads = [
            "id",
            "statement",
            "status",
            "shown by",
            "models",
            "assumptions",
            "reason",
            "elsewhere",
            "checked on",
            "command",
        ];
        document.data(Table::new(heads.map(words)).with(self.0.iter().map(|claim| row_of(claim))));
        document
    }
}

fn describe(claim: &Claim, document: &mut Document) {
    document.prose(format!("{} [{}: {}]", claim.id, claim.status, claim.ground));
    document.prose(format!("    {}", claim.statement));
    let mut line = |name: &str, text: &str| {
        if !text.is_empty() {
            document.prose(format!("    {name}: {text}"));
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
    if let Some(command) = claim.command() {
        document.prose(format!("    {command}"));
    }
}

fn row_of(claim: &Claim) -> [crate::table::Cell; 10] {
    row![
        claim.id,
        claim.statement,
        claim.status.to_string(),
        claim.ground.to_string(),
        models(claim),
        claim.assumptions,
        claim.reason,
        claim.elsewhere,
        claim.range,
        claim.command().map(|command| format!("`{command}`")),
    ]
}

/// A bound's class of models, in one line.
fn models(claim: &Claim) -> String {
    claim.scope.map_or(String::new(), |scope| {
        let Scope { arithmetic, uniformity, attention, start } = scope;
        format!("{arithmetic}; {uniformity}; {attention}; {start}")
    })
}

fn cited_by(work: &Work) -> Vec<&'static str> {
    claims().filter(|claim| claim.sources.contains(&work.key)).map(|claim| claim.id).collect()
}

impl Literature {
    /// The entries for BibTeX.
    pub fn bibtex(self) -> String {
        WORKS.iter().map(Work::bibtex).collect::<Vec<_>>().join("\n")
    }
}

impl Serialize for Literature {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let work = |work: &Work| {
            json!({
                "key": work.key, "authors": work.authors, "year": work.year, "title": work.title,
                "venue": work.venue, "arxiv": work.arxiv, "read": work.read.remark(),
                "claims": cited_by(work),
            })
        };
        let works: Vec<Value> = WORKS.iter().map(work).collect();
        json!({ "references": works }).serialize(serializer)
    }
}

impl Tabular for Literature {
    fn document(&self) -> Document {
        let mut document = Document::default();
        for work in WORKS {
            document.prose(format!("{}: {}", work.key, work.line()));
            document.prose(format!("    {}", cited_by(work).join(", ")));
        }
        let heads = [words("key"), number("year"), words("title"), words("venue"), words("claims")];
        let row = |work: &Work| {
            row![work.key, work.year.to_string(), work.title, work.venue, cited_by(work).join(" ")]
        };
        document.data(Table::new(heads).with(WORKS.iter().map(row)));
        document
    }
}

impl Checked {
    /// Runs a claim's check.
    ///
    /// # Errors
    /// As [`Claim::check`].
    pub fn new(claim: &'static Claim) -> Result<Self> {
        Ok(Checked { claim, evidence: claim.check()? })
    }

    /// The verdict, and the exit status for it: 3 for a claim without a check.
    pub fn verdict(&self) -> (&'static str, u8) {
        match &self.evidence {
            Some(evidence) if evidence.holds() => ("CONFIRMED", 0),
            Some(_) => ("FAILED", 1),
            None => ("UNKNOWN", 3),
        }
    }

    fn findings(&self) -> &[Finding] {
        self.evidence.as_ref().map_or(&[], |evidence| &evidence.findings)
    }
}

impl Checks {
    /// The highest status of all.
    pub fn status(&self) -> u8 {
        self.0.iter().map(|checked| checked.verdict().1).max().unwrap_or(0)
    }
}

impl Serialize for Checks {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let finding = |f: &Finding| json!({ "holds": f.holds, "text": f.text });
        let check = |checked: &Checked| {
            json!({
                "claim": claim_json(checked.claim),
                "verdict": checked.verdict().0,
                "evidence": checked.findings().iter().map(finding).collect::<Vec<_>>(),
            })
        };
        json!({ "checks": self.0.iter().map(check).collect::<Vec<_>>() }).serialize(serializer)
    }
}

impl Tabular for Checks {
    fn document(&self) -> Document {
        let mut document = Document::default();
        let mut table = Table::new(["claim", "status", "verdict", "finding", "holds"].map(words));
        for checked in &self.0 {
            let (claim, (verdict, _)) = (checked.claim, checked.verdict());
            document.prose(format!("{}: {}", claim.status, claim.statement));
            for finding in checked.findings() {
                let mark = if finding.holds { "ok  " } else { "FAIL" };
                document.prose(format!("  {mark} {}", finding.text));
                let holds = if finding.holds { "yes" } else { "no" };
                table.push(row![claim.id, claim.status.to_string(), verdict, &finding.text, holds]);
            }
            document.prose(format!("{verdict} {} ({})", claim.id, claim.status));
        }
        document.data(table);
        document
    }
}
