//! `check`: is a certificate that was kept still one for this model and this circuit?

use circuit2tf::verify::certificate::{CertificateFile, Prover};
use circuit2tf::verify::{Verdict, prove, prove_by_miter};
use circuit2tf::{Error, Place, Result};

use super::Report;
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
    let subject = source.subject(model, args.pair)?;
    let subject = subject.with_loops(file.certificate.facts.n_loops)?;
    let provers: [&Prover; 2] = [&prove, &prove_by_miter];
    let again = file
        .recheck(subject.model(), &source.circuit, subject.identity(), &provers)
        .map_err(at_file)?;
    Ok(Report::of(&subject.state(Verdict::from(&again))))
}
