//! Depth: the least number of levels that a function needs over a basis of gates.
//!
//! Functions of `n ≤ 4` variables are truth tables of `2^n` bits. What one more level reaches is what a
//! gate makes of functions that are there already, so a census goes level by level through all functions
//! at once. [`least_layers_unbounded`] turns fan-in into the least number of layers for heads that read one token
//! each, which token not depending on the input (`proofs/p14_oblivious_attention.rs`).

use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle, TruthTable};
use crate::error::{Error, Result};
use crate::network::Network;

mod census;
pub mod report;
mod tiny;

pub use census::{Census, shallow_functions_of_five};
pub use tiny::tiny_oblivious_models;

/// A set of gates; sources are the variables and the constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// All gates of two inputs, hence complements for free.
    Binary,
    /// AND and OR; complemented variables are sources.
    DeMorgan,
    /// NAND alone.
    Nand,
    /// AND, OR and NOT, each one level.
    AndOrNot,
    /// AND and OR without complements: reaches monotone functions only.
    Monotone,
    /// All gates of three inputs.
    Ternary,
}

impl Basis {
    /// All of them.
    pub const ALL: [Basis; 6] = [
        Basis::Binary,
        Basis::DeMorgan,
        Basis::Nand,
        Basis::AndOrNot,
        Basis::Monotone,
        Basis::Ternary,
    ];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Binary => "binary",
            Basis::DeMorgan => "de-morgan",
            Basis::Nand => "nand",
            Basis::AndOrNot => "and-or-not",
            Basis::Monotone => "monotone",
            Basis::Ternary => "ternary",
        }
    }
}

/// The most variables of a function whose least depth is looked up.
pub const MAX_VARIABLES: usize = 4;

/// The least depth of a function over a basis, or none if the basis cannot express it.
///
/// # Errors
/// More than [`MAX_VARIABLES`] inputs.
pub fn least_depth(table: TruthTable, basis: Basis) -> Result<Option<usize>> {
    Ok(Census::new(table.n_inputs(), basis)?.depth(table.bits() as u16))
}

/// Inputs that a function of depth `layers` can depend on, every gate reading `heads` others and its own
/// last value: `(heads + 1)^layers`.
pub fn receptive_field_bound(heads: usize, layers: usize) -> u128 {
    let layers = u32::try_from(layers).unwrap_or(u32::MAX);
    (heads as u128 + 1).checked_pow(layers).unwrap_or(u128::MAX)
}

/// The least number of layers for a function of `relevant` inputs if attention does not depend on the
/// input, each of the `heads` heads reads one token, and tokens hold as much as they like:
/// `⌈log_{heads + 1} relevant⌉`.
pub fn least_layers_unbounded(relevant: usize, heads: usize) -> usize {
    let enough = |&layers: &usize| receptive_field_bound(heads, layers) >= relevant as u128;
    (0..).find(enough).expect("with a head or more, the bound grows without end")
}

/// The inputs that each node can depend on after `steps` steps of a network whose gates start at
/// constants, as the network is wired: one bit set per node.
pub fn receptive_fields(network: &Network, steps: usize) -> Vec<Vec<bool>> {
    let n_inputs = network.n_inputs();
    let mut fields: Vec<Vec<bool>> =
        (0..network.n_nodes()).map(|id| (0..n_inputs).map(|i| i == id).collect()).collect();
    for _ in 0..steps.min(network.n_nodes()) {
        // Downwards, so that operands still have their fields from before the step.
        for id in (n_inputs..network.n_nodes()).rev() {
            let mut field = vec![false; n_inputs];
            for &operand in network.operands(id).iter().filter(|&&p| p as usize != id) {
                field.iter_mut().zip(&fields[operand as usize]).for_each(|(all, &bit)| *all |= bit);
            }
            fields[id] = field;
        }
    }
    fields
}

/// The most inputs for which [`relevant_inputs`] tries all assignments.
pub const MAX_TRIED_INPUTS: usize = 20;

/// For each output the inputs it depends on, found by trying all assignments.
///
/// # Errors
/// The circuit is sequential or has more than [`MAX_TRIED_INPUTS`] inputs.
pub fn relevant_inputs(circuit: &Circuit) -> Result<Vec<Vec<usize>>> {
    let n = circuit.inputs().len();
    if n > MAX_TRIED_INPUTS {
        let expected = format!("at most {MAX_TRIED_INPUTS} inputs to see which ones matter");
        return Err(Error::new(expected, n.to_string()));
    }
    let outputs = Oracle::new(circuit)?.run(&Batch::counting(n, 0, 1 << n))?;
    let depends = |output: usize, input: usize| {
        (0..1usize << n).any(|a| {
            a >> input & 1 == 0 && { outputs.get(output, a) != outputs.get(output, a | 1 << input) }
        })
    };
    let relevant = |output| (0..n).filter(|&input| depends(output, input)).collect();
    Ok((0..circuit.outputs().len()).map(relevant).collect())
}

/// The truth tables of a circuit's outputs.
///
/// # Errors
/// The circuit is sequential or has more than [`TruthTable::MAX_INPUTS`] inputs.
pub fn tables(circuit: &Circuit) -> Result<Vec<TruthTable>> {
    let n = circuit.inputs().len();
    let outputs = match n {
        0..=TruthTable::MAX_INPUTS => Oracle::new(circuit)?.run(&Batch::counting(n, 0, 1 << n))?,
        _ => {
            let expected = format!("at most {} inputs for a truth table", TruthTable::MAX_INPUTS);
            return Err(Error::new(expected, n.to_string()));
        }
    };
    (0..circuit.outputs().len()).map(|o| TruthTable::new(n, outputs.words(o)[0])).collect()
}

#[cfg(test)]
mod tests;
