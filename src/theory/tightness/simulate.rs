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
    let counts = (0..total.div_ceil(64).div_ceil(LANES as u64)).into_par_iter().map(|block| {
        let words = |i| std::array::from_fn(|l| counting_word(i, LANES as u64 * block + l as u64));
        let inputs = (0..network.n_inputs()).map(words);
        let mut state = initial(network, inputs, |_| constant(start));
        let wrong = wrong_after_each_step(network, &mut state);
        // Beyond the last assignment they begin anew; the block's first words are all there is then.
        let count = |wrong: &Lanes| {
            let words = wrong.iter().take(total.div_ceil(64).try_into().unwrap_or(LANES));
            words.map(|word| u64::from((word & last).count_ones())).sum::<u64>()
        };
        wrong.iter().map(count).collect()
    });
    let none = || vec![0; network.depth() + 1];
    let add = |a: Vec<u64>, b: Vec<u64>| a.iter().zip(&b).map(|(a, b)| a + b).collect();
    Ok(counts.reduce(none, add))
}

/// Words of assignments that are simulated together.
const LANES: usize = 8;

/// A bit of each of `64 LANES` assignments.
type Lanes = [u64; LANES];

fn constant(value: bool) -> Lanes {
    [if value { u64::MAX } else { 0 }; LANES]
}

/// For `T = 0, …, depth - 1` a random input, and random initial states where `start` leaves them open,
/// that gives a wrong output after `T` steps, if one was met.
pub(super) fn sample(network: &Network, start: Start) -> Vec<Option<Witness>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let inputs: Vec<Lanes> = (0..network.n_inputs()).map(|_| rng.random()).collect();
    let mut state = initial(network, inputs.into_iter(), |_| match start {
        Start::All(value) => constant(value),
        Start::Any => rng.random(),
    });
    let initial = state.clone();
    let mut wrong = wrong_after_each_step(network, &mut state);
    wrong.pop();
    let witness = |wrong: &Lanes| {
        let lane = wrong.iter().position(|&word| word != 0)?;
        let bit = wrong[lane].trailing_zeros();
        let start: Vec<bool> = initial.iter().map(|words| words[lane] >> bit & 1 == 1).collect();
        Some(Witness { input: start[..network.n_inputs()].to_vec(), start })
    };
    wrong.iter().map(witness).collect()
}

/// The states before the first step: inputs and constants at their values, gates as `gate` says.
fn initial(
    network: &Network,
    inputs: impl Iterator<Item = Lanes>,
    mut gate: impl FnMut(usize) -> Lanes,
) -> Vec<Lanes> {
    let mut state: Vec<Lanes> = inputs.collect();
    for id in network.n_inputs()..network.n_nodes() {
        let value = network.value(id, 0);
        state.push(if network.is_source(id) { constant(value) } else { gate(id) });
    }
    state
}

/// The assignments with a wrong output after 0, …, depth steps.
fn wrong_after_each_step(network: &Network, state: &mut [Lanes]) -> Vec<Lanes> {
    let mut rows = vec![constant(false); 1 << network.k()];
    let mut values = state.to_vec();
    for id in network.n_inputs()..network.n_nodes() {
        update(network, &mut values, id, &mut rows);
    }
    let wrong = |state: &[Lanes]| {
        let mut wrong = constant(false);
        for &id in network.outputs() {
            let (state, value) = (&state[id as usize], &values[id as usize]);
            (0..LANES).for_each(|l| wrong[l] |= state[l] ^ value[l]);
        }
        wrong
    };
    let mut after = vec![wrong(state)];
    for step in 1..=network.depth() as u32 {
        // A gate of a lower level has its value already.
        let late = (network.n_inputs()..network.n_nodes()).rev();
        late.filter(|&id| network.levels()[id] >= step)
            .for_each(|id| update(network, state, id, &mut rows));
        after.push(wrong(state));
    }
    after
}

/// Gives node `id` its function's value of the operands' states: one selection per row and operand, in
/// `rows`, which has room for a table.
fn update(network: &Network, state: &mut [Lanes], id: usize, rows: &mut [Lanes]) {
    for (row, words) in rows.iter_mut().enumerate() {
        *words = constant(network.value(id, row));
    }
    let mut n_rows = rows.len();
    for &operand in network.operands(id) {
        let bits = &state[operand as usize];
        n_rows /= 2;
        for row in 0..n_rows {
            let [zero, one] = [rows[2 * row], rows[2 * row + 1]];
            rows[row] = std::array::from_fn(|l| zero[l] & !bits[l] | one[l] & bits[l]);
        }
    }
    state[id] = rows[0];
}
