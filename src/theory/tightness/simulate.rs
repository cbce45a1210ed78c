//! Steps of a network by simulation: counts over all inputs, and witnesses from random ones.
//!
//! 64 assignments a word. Operands have smaller indices than their gates, so going through the nodes
//! downwards updates all of them from the states before the step, and going upwards settles every node
//! at its true value.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Start, Witness};
use crate::batch::counting_word;
use crate::error::{Error, Result};
use crate::network::Network;

/// The most inputs for which [`wrong_inputs`] tries all assignments.
pub const MAX_COUNTED_INPUTS: usize = 24;

/// For `T = 0, …, depth` the number of inputs on which some output is wrong after `T` steps from gates
/// that all hold `start`.
///
/// # Errors
/// More than [`MAX_COUNTED_INPUTS`] inputs.
pub fn wrong_inputs(network: &Network, start: bool) -> Result<Vec<u64>> {
    if network.n_inputs() > MAX_COUNTED_INPUTS {
        let expected = format!("at most {MAX_COUNTED_INPUTS} inputs to count the wrong ones");
        return Err(Error::new(expected, network.n_inputs().to_string())
            .hint("without the table, SAT decides which numbers of loops are right"));
    }
    let total = 1u64 << network.n_inputs();
    let last = if total < 64 { (1 << total) - 1 } else { u64::MAX };
    let counts = (0..total.div_ceil(64)).into_par_iter().map(|word| {
        let inputs = (0..network.n_inputs()).map(|i| counting_word(i, word));
        let mut state = initial(network, inputs, |_| if start { u64::MAX } else { 0 });
        let wrong = wrong_after_each_step(network, &mut state);
        wrong.into_iter().map(|wrong| u64::from((wrong & last).count_ones())).collect()
    });
    let none = || vec![0; network.depth() + 1];
    let add = |a: Vec<u64>, b: Vec<u64>| a.iter().zip(&b).map(|(a, b)| a + b).collect();
    Ok(counts.reduce(none, add))
}

/// Words of random assignments that [`sample`] tries.
const SAMPLED_WORDS: usize = 8;

/// For `T = 0, …, depth - 1` a random input, and random initial states where `start` leaves them open,
/// that gives a wrong output after `T` steps, if one was met.
pub(super) fn sample(network: &Network, start: Start) -> Vec<Option<Witness>> {
    let mut witnesses = vec![None; network.depth()];
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for _ in 0..SAMPLED_WORDS {
        let inputs: Vec<u64> = (0..network.n_inputs()).map(|_| rng.random()).collect();
        let mut state = initial(network, inputs.into_iter(), |_| match start {
            Start::All(value) => {
                if value {
                    u64::MAX
                } else {
                    0
                }
            }
            Start::Any => rng.random(),
        });
        let initial = state.clone();
        let wrong = wrong_after_each_step(network, &mut state);
        for (witness, wrong) in witnesses.iter_mut().zip(wrong) {
            if witness.is_none() && wrong != 0 {
                let lane = wrong.trailing_zeros();
                let start: Vec<bool> = initial.iter().map(|word| word >> lane & 1 == 1).collect();
                let input = start[..network.n_inputs()].to_vec();
                *witness = Some(Witness { input, start });
            }
        }
    }
    witnesses
}

/// The states before the first step: inputs and constants at their values, gates as `gate` says.
fn initial(
    network: &Network,
    inputs: impl Iterator<Item = u64>,
    mut gate: impl FnMut(usize) -> u64,
) -> Vec<u64> {
    let mut state: Vec<u64> = inputs.collect();
    for id in network.n_inputs()..network.n_nodes() {
        let constant = if network.value(id, 0) { u64::MAX } else { 0 };
        state.push(if network.is_source(id) { constant } else { gate(id) });
    }
    state
}

/// The assignments with a wrong output after 0, …, depth steps.
fn wrong_after_each_step(network: &Network, state: &mut [u64]) -> Vec<u64> {
    let mut values = state.to_vec();
    (network.n_inputs()..network.n_nodes()).for_each(|id| update(network, &mut values, id));
    let wrong = |state: &[u64]| {
        let outputs = network.outputs().iter().map(|&id| id as usize);
        outputs.fold(0, |wrong, id| wrong | state[id] ^ values[id])
    };
    let mut after = vec![wrong(state)];
    for _ in 0..network.depth() {
        (network.n_inputs()..network.n_nodes()).rev().for_each(|id| update(network, state, id));
        after.push(wrong(state));
    }
    after
}

/// Gives node `id` its function's value of the operands' states: one selection per row and operand.
fn update(network: &Network, state: &mut [u64], id: usize) {
    let mut rows = [0; 1 << Network::MAX_K];
    let mut n_rows = 1 << network.k();
    for (row, word) in rows[..n_rows].iter_mut().enumerate() {
        *word = if network.value(id, row) { u64::MAX } else { 0 };
    }
    for &operand in network.operands(id) {
        let bit = state[operand as usize];
        n_rows /= 2;
        for row in 0..n_rows {
            rows[row] = rows[2 * row] & !bit | rows[2 * row + 1] & bit;
        }
    }
    state[id] = rows[0];
}
