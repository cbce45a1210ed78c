//! `explore`: a page in which the model runs.

use circuit2tf::{Result, explorer};
use serde_json::json;

use super::{Report, source, subject};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: subject::Args,
    /// The HTML file to write
    #[arg(short, long, value_name = "FILE")]
    output: String,
}

pub fn main(args: &Args) -> Result<Report> {
    source::output(&args.output, &["html", "htm"])?;
    let subject = args.subject.load()?;
    explorer::require_looped(&subject.model)?;
    let page = explorer::page(&subject.model, &subject.netlist()?, &subject.name)?;
    source::write(&args.output, page.as_bytes())?;
    let text = format!("wrote {}, which any browser opens\n", args.output);
    let json = json!({ "page": args.output, "bytes": page.len() });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}
