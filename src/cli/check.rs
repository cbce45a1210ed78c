//! `check`: is a certificate that was kept still one for this model and this circuit?
//!
//! A proof is multiplied out by the independent checker. Where its network was compared with the circuit by SAT, that
//! comparison is made once more, and so is the whole attempt of a proof that failed.

use circuit2tf::verify::certificate::CertificateFile;
use circuit2tf::verify::{check_kept, sha256};
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
    let (model, bytes) = source::model_with_bytes(&args.model)?;
    let source = source::circuit(&args.circuit)?;
    let subject = source.subject((model, sha256(&bytes)), args.pair)?;
    let verdict = check_kept(&file, subject, &bytes).map_err(at_file)?;
    Ok(Report::of(&verdict))
}
