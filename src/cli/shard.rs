//! `verify merge`: the parts of a check by running, spread over machines, put together.

use circuit2tf::verify::{Shard, merge};
use circuit2tf::{Error, Place, Result};

use super::Report;
use super::progress::Bar;
use super::run::EngineArgs;
use super::source::{self, PairArgs};

#[derive(Debug, clap::Args)]
pub struct MergeArgs {
    /// The model file
    model: String,
    /// The circuit
    circuit: String,
    /// The shard files
    #[arg(required = true)]
    files: Vec<String>,
    #[command(flatten)]
    pair: PairArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

pub fn main(args: &MergeArgs) -> Result<Report> {
    let model = source::model_with_sha256(&args.model)?;
    let source = source::circuit(&args.circuit)?;
    let subject = source.subject(model, args.pair)?;
    let read = |path: &String| -> Result<(String, Shard)> {
        let shard = Shard::from_json(&String::from_utf8_lossy(&source::bytes(path)?));
        let at_file = |error: Error| error.at(Place::File(source::name(path)));
        Ok((path.clone(), shard.map_err(at_file)?))
    };
    let shards: Vec<(String, Shard)> = args.files.iter().map(read).collect::<Result<_>>()?;
    let merged = merge(shards, &subject)?;
    Ok(Report::of(&merged.decide(subject, &args.engine.policy(), &Bar::default())?))
}
