//! `check`: is a certificate that was kept still one for this model and this circuit?

use circuit2tf::verify::certificate::CertificateFile;
use circuit2tf::verify::{Statement, Verdict, prove, prove_by_miter};
use circuit2tf::{Error, Place, Result};

use super::run::with_loops;
use super::{Report, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The certificate file that `verify --certificate` wrote
    certificate: String,
    /// The model file
    model: String,
    /// The circuit
    circuit: String,
}

pub fn main(args: &Args) -> Result<Report> {
    let at_file = |error: Error| error.at(Place::File(args.certificate.clone()));
    let bytes = source::bytes(&args.certificate)?;
    let file = CertificateFile::from_json(&String::from_utf8_lossy(&bytes)).map_err(at_file)?;
    let (model, model_sha256) = source::model_with_sha256(&args.model)?;
    let model = with_loops(model, Some(file.certificate.facts.n_loops))?;
    let source = source::circuit(&args.circuit)?;
    let (model, circuit) = ((&model, &*model_sha256), (&source.circuit, &*source.sha256));
    let again = file.recheck(model, circuit, &[&prove, &prove_by_miter]).map_err(at_file)?;
    let statement =
        Statement { verdict: Verdict::from(&again), subject: source.subject(&model_sha256) };
    Ok(Report::of(&statement))
}
