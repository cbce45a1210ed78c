//! `claims`: the ledger, and its checks.

use circuit2tf::theory::ledger;
use circuit2tf::theory::ledger::report::{Checked, Checks, Entries, Literature};
use circuit2tf::{Error, Result};
use clap::{Subcommand, ValueEnum};

use super::Report;
use super::output::{Form, Kind, Output, Table};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_long_help = ledger::MEANING)]
pub struct Args {
    /// The claim to show, by its id; all by default
    #[arg(conflicts_with = "references")]
    id: Option<String>,
    /// List the literature that claims cite, with the claims that do
    #[arg(long)]
    references: bool,
    #[command(flatten)]
    output: Output<Format>,
    #[command(subcommand)]
    action: Option<Action>,
}

/// The forms of the ledger and of its literature.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// Aligned for a terminal, at most 80 columns wide or in parts
    Text,
    /// What --json prints
    Json,
    /// The tables with all digits (RFC 4180)
    Csv,
    /// Pipe tables
    Markdown,
    /// A tabular for each table, with the rules of booktabs
    Latex,
    /// The literature for BibTeX (--references)
    Bibtex,
}

impl Form for Format {
    fn kind(self) -> Kind {
        match self {
            Format::Text => Table::Text.kind(),
            Format::Json => Table::Json.kind(),
            Format::Csv => Table::Csv.kind(),
            Format::Markdown => Table::Markdown.kind(),
            Format::Latex => Table::Latex.kind(),
            Format::Bibtex => Kind::Bibtex,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run the check of a claim
    Check {
        /// The claim's id; all claims with a check by default
        id: Option<String>,
        #[command(flatten)]
        output: Output<Table>,
    },
}

pub fn main(args: &Args) -> Result<Report> {
    if let Some(Action::Check { id, output }) = &args.action {
        return check(id.as_deref(), output);
    }
    let plan = args.output.plan()?;
    if args.references {
        return plan.draw(&Literature, &|_| Ok(Literature.bibtex()));
    }
    let entries = match &args.id {
        Some(id) => Entries(vec![ledger::claim(id)?]),
        None => Entries::all(),
    };
    plan.draw(&entries, &|_| {
        let hint = "the ledger goes to a name that ends in .txt, .json, .csv, .md or .tex";
        Err(Error::new("--references, for BibTeX", "the ledger").hint(hint))
    })
}

/// Status 0 if all checks find what they should, 1 if one does not, 3 for a claim without check.
fn check(id: Option<&str>, output: &Output<Table>) -> Result<Report> {
    let plan = output.plan()?;
    let claims = match id {
        Some(id) => vec![ledger::claim(id)?],
        None => ledger::claims().filter(|claim| claim.command().is_some()).collect(),
    };
    let checks = Checks(claims.into_iter().map(Checked::new).collect::<Result<_>>()?);
    let status = checks.status();
    Ok(Report { status, ..plan.report(&checks)? })
}
