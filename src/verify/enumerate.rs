//! Verification by running: all assignments, or a sample of them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::truth::Truth;
use super::{Counterexample, Progress, Verdict, compare, require_same_ports};
use crate::batch::Batch;
use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::run::Engine;

/// The most inputs for which all assignments are tried.
pub const MAX_EXHAUSTIVE_INPUTS: usize = 40;

/// Compares model and circuit on all `2^n` assignments.
///
/// The counterexample is the one with the least number (input `i` is bit `i` of it), whatever the number
/// of threads.
///
/// # Errors
/// The ports do not fit, there are more than [`MAX_EXHAUSTIVE_INPUTS`] inputs, or it was cancelled.
pub fn exhaustive(
    model: &Model,
    circuit: &Circuit,
    engine: &dyn Engine,
    n_loops: usize,
    progress: &dyn Progress,
) -> Result<Verdict> {
    let n_inputs = circuit.inputs().len();
    if n_inputs > MAX_EXHAUSTIVE_INPUTS {
        let expected = format!("at most {MAX_EXHAUSTIVE_INPUTS} inputs to try all assignments");
        return Err(Error::new(expected, n_inputs.to_string())
            .hint("--method certificate proves all inputs, --method sample tries some"));
    }
    let total = 1u64 << n_inputs;
    let size = engine.block() as u64;
    let block = |b: u64| {
        let start = b * size;
        Batch::counting(n_inputs, start, size.min(total - start) as usize)
    };
    require_same_ports(model, circuit)?;
    let truth = Truth::new(circuit, engine)?;
    let n_blocks = total.div_ceil(size);
    let found = first_counterexample(&truth, model, engine, n_loops, progress, n_blocks, block)?;
    Ok(match found {
        Some(counterexample) => Verdict::Refuted(counterexample),
        None => Verdict::Verified {
            how: format!(
                "exhaustive {total} assignments engine={}{} loops={n_loops}",
                engine.name(),
                truth.remark()
            ),
        },
    })
}

/// Compares model and circuit on `n_samples` assignments: corners and single bits first, then random
/// ones from `seed`. Never verifies.
///
/// # Errors
/// The ports do not fit, or it was cancelled.
pub fn sample(
    model: &Model,
    circuit: &Circuit,
    engine: &dyn Engine,
    n_loops: usize,
    (n_samples, seed): (u64, u64),
    progress: &dyn Progress,
) -> Result<Verdict> {
    let n_inputs = circuit.inputs().len();
    let size = engine.block().next_multiple_of(DRAWN) as u64;
    let block = |b: u64| {
        let start = b * size;
        sampled(n_inputs, seed, start, size.min(n_samples - start) as usize)
    };
    require_same_ports(model, circuit)?;
    let truth = Truth::new(circuit, engine)?;
    let n_blocks = n_samples.div_ceil(size);
    let found = first_counterexample(&truth, model, engine, n_loops, progress, n_blocks, block)?;
    Ok(match found {
        Some(counterexample) => Verdict::Refuted(counterexample),
        None => Verdict::Unknown {
            how: format!(
                "sampled {n_samples} seed={seed} engine={}{} loops={n_loops}",
                engine.name(),
                truth.remark()
            ),
        },
    })
}

/// Assignments that are drawn from one stream of the generator.
const DRAWN: usize = 1024;

/// Assignments `start .. start + count` of the sample; `start` is a multiple of [`DRAWN`].
///
/// Every so many draw from their own stream, so the sample is the same in any order and in blocks of any size.
fn sampled(n_inputs: usize, seed: u64, start: u64, count: usize) -> Batch {
    let mut batch = Batch::zeros(n_inputs, count);
    for first in (0..count).step_by(DRAWN) {
        let drawn = drawn(n_inputs, seed, start + first as u64, DRAWN.min(count - first));
        for i in 0..n_inputs {
            let from = drawn.words(i);
            batch.words_mut(i)[first / 64..][..from.len()].copy_from_slice(from);
        }
    }
    batch
}

/// So many assignments of one stream: all 0, all 1, a walking 1, a walking 0 at the start, then random.
fn drawn(n_inputs: usize, seed: u64, start: u64, count: usize) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(start);
    let n = n_inputs as u64;
    let mut batch = Batch::zeros(n_inputs, count);
    rng.fill(batch.raw_mut());
    for a in 0..count {
        let number = start + a as u64;
        if number >= 2 + 2 * n {
            break;
        }
        for i in 0..n_inputs {
            let bit = match number {
                0 => false,
                1 => true,
                _ if number < 2 + n => number - 2 == i as u64,
                _ => number - 2 - n != i as u64,
            };
            batch.set(i, a, bit);
        }
    }
    batch
}

/// The counterexample of the first block that has one; blocks are spread over threads.
fn first_counterexample(
    truth: &Truth,
    model: &Model,
    engine: &dyn Engine,
    n_loops: usize,
    progress: &dyn Progress,
    n_blocks: u64,
    block: impl Fn(u64) -> Batch + Sync,
) -> Result<Option<Counterexample>> {
    let check = |b: u64| -> Result<Option<Counterexample>> {
        if progress.is_cancelled() {
            return Err(Error::message("stopped before all assignments were compared"));
        }
        let inputs = block(b);
        let found = compare(&inputs, &truth.run(&inputs)?, &engine.run(&inputs, n_loops)?);
        progress.advance(inputs.n_assignments() as u64);
        found.map(|found| truth.confirm(model, n_loops, found)).transpose()
    };
    let first = (0..n_blocks).into_par_iter().find_map_first(|b| check(b).transpose());
    first.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_starts_with_corners_and_walking_bits_and_repeats_itself() {
        let batch = sampled(3, 7, 0, 100);
        let columns: Vec<Vec<bool>> = (0..8).map(|a| batch.column(a)).collect();
        let bits = |text: &str| text.chars().map(|c| c == '1').collect::<Vec<bool>>();
        let expected = ["000", "111", "100", "010", "001", "011", "101", "110"].map(bits);
        assert_eq!(columns, expected);
        assert_eq!(sampled(3, 7, 0, 100).raw(), batch.raw());
        assert_ne!(sampled(3, 8, 0, 100).raw(), batch.raw());
        let (whole, second) = (sampled(3, 7, 0, 1500), sampled(3, 7, 1024, 476));
        assert!((0..100).all(|a| whole.column(a) == batch.column(a)));
        assert!((0..476).all(|a| whole.column(1024 + a) == second.column(a)));
    }
}
