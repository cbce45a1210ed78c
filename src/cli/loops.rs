//! `loops`: how many loops of the compiled block are needed?

use std::time::Duration;

use circuit2tf::mapping;
use circuit2tf::sat::Limits;
use circuit2tf::theory::tightness;
use circuit2tf::theory::tightness::report::{LoopsReport, WrongInputs};
use circuit2tf::{Error, Result};

use super::output::{Output, Table};
use super::{Report, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit
    circuit: String,
    /// Layers of the block
    #[arg(long, value_name = "L", default_value_t = 1)]
    layers: usize,
    /// The largest fan-in of a node, one attention head each
    #[arg(long, value_name = "K", default_value_t = 2)]
    heads: usize,
    /// Take the circuit's gates as they are, not the nodes that compile makes of them, some of which hold
    /// a gate's complement and so start from its other value
    #[arg(long, conflicts_with = "heads")]
    gates: bool,
    /// Also count the wrong inputs after every number of layers, by trying all
    #[arg(long)]
    table: bool,
    /// The most conflicts of one question to the SAT solver
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    conflicts: u64,
    /// The most seconds for solving; what is undecided then stays so
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    #[command(flatten)]
    output: Output<Table>,
}

pub fn main(args: &Args) -> Result<Report> {
    if args.layers == 0 {
        return Err(Error::new("--layers of 1 or more", "0"));
    }
    let plan = args.output.plan()?;
    let source = source::circuit(&args.circuit)?;
    let network = if args.gates {
        mapping::gates(&source.circuit)?
    } else {
        mapping::map(&source.circuit, args.heads)?.network
    };
    let wrong_inputs = if args.table { Some(WrongInputs::count(&network)?) } else { None };
    let limits =
        Limits { conflicts: Some(args.conflicts), time: Some(Duration::from_secs(args.timeout)) };
    let loops = tightness::loops(&network, args.layers, limits)?;
    let found = LoopsReport { name: source.name, loops, wrong_inputs };
    let status = if found.is_decided() { 0 } else { 3 };
    Ok(Report { status, ..plan.report(&found)? })
}
