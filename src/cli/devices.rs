//! `devices`: what this machine offers for running models.

use circuit2tf::{Result, run};
use serde_json::json;

use super::Report;

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn main(_: &Args) -> Result<Report> {
    let devices = run::devices();
    let text: String = devices.iter().map(|device| format!("{device}\n")).collect();
    Ok(Report { text: text.into_bytes(), json: json!({ "devices": devices }), status: 0 })
}
