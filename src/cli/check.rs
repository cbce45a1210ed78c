//! `check`: is a certificate that was kept still one for this model and this circuit?

use circuit2tf::verify::certificate::{CertificateFile, Prover};
use circuit2tf::verify::{Statement, Verdict, prove, prove_by_miter};
use circuit2tf::{Error, Place, Result};

use super::Report;
use super::run::with_loops;
use super::source::{self, PairArgs};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The certificate file that `verify --certificate` wrote
    certificate: String,
    /// The model file
    model: String,
    /// The circuit
    circuit: String,
    #[command(flatten)]
    pair: PairArgs,
}

pub fn main(args: &Args) -> Result<Report> {
    let at_file = |error: Error| error.at(Place::File(args.certificate.clone()));
    let bytes = source::bytes(&args.certificate)?;
    let file = CertificateFile::from_json(&String::from_utf8_lossy(&bytes)).map_err(at_file)?;
    let model = source::model_with_sha256(&args.model)?;
    let source = source::circuit(&args.circuit)?;
    let (model, subject) = source.pair(model, args.pair)?;
    let model = with_loops(model, Some(file.certificate.facts.n_loops))?;
    let provers: [&Prover; 2] = [&prove, &prove_by_miter];
    let again = file.recheck(&model, &source.circuit, &subject, &provers).map_err(at_file)?;
    Ok(Report::of(&Statement { verdict: Verdict::from(&again), subject }))
}
