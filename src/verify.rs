//! Verification: does a model compute a circuit? A verdict, and the ways to reach one.
//!
//! Nothing here trusts the compiler. The circuit is evaluated by the oracle, the model is run by an
//! engine, and every output bit is compared; a claim only helps to say where a difference arose.

use crate::batch::Batch;
use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::model::Model;

mod agree;
pub mod certificate;
mod check;
mod decide;
mod decision;
mod decompile;
mod early;
mod enumerate;
mod halting;
mod locate;
mod miter;
mod pairing;
mod policy;
mod prove;
mod rounding;
mod shard;
mod share;
mod shrink;
mod subject;
mod times;
mod truth;
mod verdict;

pub use crate::batch::bit_string;
pub use agree::{Agreement, Comparison, compare_engines};
pub use check::Check;
pub use decide::{decide, decide_part, decide_watched};
pub use decision::{Decision, Fault, Origin};
pub use decompile::decompile;
pub use enumerate::{Assignments, MAX_EXHAUSTIVE_INPUTS, Part};
pub use halting::Final;
pub use locate::{Departure, locate};
pub use miter::{Equivalence, equivalent};
pub use pairing::{PairBy, Pairing};
pub use policy::{Method, Policy};
pub use prove::{check_kept, prove, prove_by_miter, refute};
pub use rounding::{Rounding, Undecided};
pub use shard::{Merged, Shard, merge};
pub use share::Share;
pub use shrink::shrink;
pub use subject::{Identity, Subject, sha256};
pub use times::{Measured, Times, halting_times, halts_exactly, measure_halting};
pub use verdict::{Broken, Disagreement, Doubt, Proof, Run, Statement, Verdict};

/// An input on which model and circuit differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// One bit per input, in order.
    pub input: Vec<bool>,
    /// The first output that differs.
    pub output: usize,
    /// The circuit's value there; the model gives the complement.
    pub expected: bool,
}

/// An error unless the model's ports are as many as the circuit's.
///
/// # Errors
/// The circuit is sequential, or the numbers of inputs or outputs differ.
pub fn require_same_ports(model: &Model, circuit: &Circuit) -> Result<()> {
    circuit.require_combinational()?;
    for (what, expected, found) in [
        ("inputs", circuit.inputs().len(), model.input_positions.len()),
        ("outputs", circuit.outputs().len(), model.output_positions.len()),
    ] {
        if expected != found {
            return Err(Error::new(
                format!("a model with the circuit's {expected} {what}"),
                format!("one with {found}"),
            )
            .hint("model and circuit do not belong together"));
        }
    }
    Ok(())
}

/// The counterexample at the first difference of two batches of outputs.
fn compare(inputs: &Batch, expected: &Batch, got: &Batch) -> Option<Counterexample> {
    let (assignment, output) = expected.first_difference(got)?;
    Some(Counterexample {
        input: inputs.column(assignment),
        output,
        expected: expected.get(output, assignment),
    })
}
