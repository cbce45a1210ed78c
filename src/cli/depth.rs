//! `depth` and `census`: how many levels functions need.

use std::path::Path;

use circuit2tf::circuit::TruthTable;
use circuit2tf::theory::depth::report::{Counts, Depths};
use circuit2tf::{Error, Result};

use super::output::{Output, Table};
use super::{Report, source};

#[derive(Debug, clap::Args)]
#[command(after_long_help = CLASS)]
pub struct Args {
    /// A truth table as a hexadecimal number, row 0 in its lowest bit (0xe8 is the majority of three), or
    /// a circuit
    #[arg(value_name = "FUNCTION|CIRCUIT")]
    what: String,
    #[command(flatten)]
    output: Output<Table>,
}

#[derive(Debug, clap::Args)]
pub struct CensusArgs {
    /// The number of variables, at most 4
    #[arg(default_value_t = 4)]
    variables: usize,
    #[command(flatten)]
    output: Output<Table>,
}

/// What least layers are the least of.
const CLASS: &str = "\
Least layers are those of models whose heads read one token each, which token not depending on the input; \
a token starts with one variable, its complement or a constant, in any number of copies, and may hold anything \
after that; what a layer does may be another thing at every token and in every layer. With one bit a token they \
are the least depth in gates of H + 1 inputs: `binary` for one head, `ternary` for two. A head that averages \
over tokens is not among them, though an average does not depend on the input: it computes parity in one layer \
(`circuit2tf claims oblivious-depth`).";

pub fn main(args: &Args) -> Result<Report> {
    let plan = args.output.plan()?;
    let depths = if args.what.starts_with("0x") && !Path::new(&args.what).exists() {
        Depths::of_table(&args.what, parse(&args.what)?)
    } else {
        Depths::of_circuit(&source::circuit(&args.what)?.circuit)
    };
    plan.report(&depths?)
}

/// The function that a number of 1, 2 or 4 hexadecimal digits is the table of.
fn parse(text: &str) -> Result<TruthTable> {
    let digits = &text[2..];
    let n_inputs = match digits.len() {
        1 => 2,
        2 => 3,
        4 => 4,
        _ => {
            let expected = "a table of 1, 2 or 4 hexadecimal digits, for 2, 3 or 4 variables";
            return Err(Error::new(expected, format!("{text:?}")));
        }
    };
    let bits = u64::from_str_radix(digits, 16);
    let bits = bits.map_err(|_| Error::new("hexadecimal digits after 0x", format!("{text:?}")))?;
    TruthTable::new(n_inputs, bits)
}

pub fn census(args: &CensusArgs) -> Result<Report> {
    args.output.plan()?.report(&Counts::of(args.variables)?)
}
