//! `capacity`: the headline ratio of latent states to tokens, why it misleads, and what latches hold.

use circuit2tf::model::Dtype;
use circuit2tf::theory::capacity::Ceilings;
use circuit2tf::theory::capacity::report::{Capacity, Latched};
use circuit2tf::{Error, Result};
use clap::Subcommand;

use super::output::{Output, Table};
use super::progress::Bar;
use super::{Report, choice, source};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// A circuit whose tokens and loops are counted too
    circuit: Option<String>,
    /// Tokens of the vocabulary
    #[arg(long, value_name = "V", default_value_t = 32_768)]
    vocab: u64,
    /// Coordinates of a latent state
    #[arg(long, value_name = "D", default_value_t = 4096)]
    dim: u64,
    /// Bits of a coordinate [default: those of --dtype, or 16]
    #[arg(long, value_name = "B")]
    bits: Option<u64>,
    /// Show this number format only
    #[arg(long, value_parser = choice::dtype())]
    dtype: Option<Dtype>,
    /// Signal-to-noise ratios in decibels
    #[arg(
        long,
        value_name = "DB",
        value_delimiter = ',',
        default_values_t = [10.0, 20.0, 30.0, 40.0],
        allow_negative_numbers = true
    )]
    snr_db: Vec<f64>,
    #[command(flatten)]
    output: Output<Table>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Hold levels through many loops under bounded noise, and find how many survive
    Latch(LatchArgs),
}

#[derive(Debug, clap::Args)]
struct LatchArgs {
    /// How far noise may move a level, as a part of the whole interval
    #[arg(long, value_name = "R", default_value_t = 0.03, allow_negative_numbers = true)]
    noise: f64,
    /// Compute in this number format only
    #[arg(long, value_parser = choice::dtype())]
    dtype: Option<Dtype>,
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    loops: u64,
    /// Of the random noise
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    output: Output<Table>,
}

pub fn main(args: &Args) -> Result<Report> {
    if let Some(Action::Latch(args)) = &args.action {
        return latch(args);
    }
    let plan = args.output.plan()?;
    let ceilings = Ceilings::new(args.vocab, args.dim, bits(args)?)?;
    let mut capacity = Capacity::new(&ceilings, &shown(args.dtype), &args.snr_db)?;
    if let Some(spec) = &args.circuit {
        let source = source::circuit(spec)?;
        capacity = capacity.with_circuit(&source.name, &source.circuit, &ceilings)?;
    }
    plan.report(&capacity)
}

/// Bits of a coordinate, by `--bits` and `--dtype`.
fn bits(args: &Args) -> Result<u64> {
    let of_dtype = args.dtype.map(|dtype| 8 * dtype.size() as u64);
    match (args.bits, of_dtype) {
        (Some(bits), Some(dtype)) if bits != dtype => {
            let found = format!("--bits {bits}");
            Err(Error::new(format!("--bits {dtype}, the size of --dtype"), found))
        }
        (bits, dtype) => Ok(bits.or(dtype).unwrap_or(16)),
    }
}

fn shown(dtype: Option<Dtype>) -> Vec<Dtype> {
    dtype.map_or(Dtype::ALL.to_vec(), |dtype| vec![dtype])
}

fn latch(args: &LatchArgs) -> Result<Report> {
    let plan = args.output.plan()?;
    let dtypes = shown(args.dtype);
    let bar = Bar::counting(dtypes.len() as u64, "formats");
    let found = Latched::measure(args.noise, (args.loops, args.seed), &dtypes, &bar)?;
    drop(bar);
    plan.report(&found)
}
