//! Verification by running: all assignments, or a sample of them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Counterexample, Progress, Verdict, compare, require_same_ports};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::run::Engine;

/// The most inputs for which all assignments are tried.
pub const MAX_EXHAUSTIVE_INPUTS: usize = 40;

/// Assignments an engine is given at once.
const BLOCK: usize = 1024;

/// Which assignments are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignments {
    /// All `2^n`; assignment `a` gives input `i` bit `i` of `a`.
    All,
    /// Corners and single bits first, then random ones from the seed.
    Sample { n: u64, seed: u64 },
}

impl Assignments {
    /// How many there are.
    ///
    /// # Errors
    /// More than [`MAX_EXHAUSTIVE_INPUTS`] inputs to try all of.
    pub fn total(self, n_inputs: usize) -> Result<u64> {
        match self {
            Assignments::Sample { n, .. } => Ok(n),
            Assignments::All if n_inputs <= MAX_EXHAUSTIVE_INPUTS => Ok(1 << n_inputs),
            Assignments::All => {
                let most = MAX_EXHAUSTIVE_INPUTS;
                let expected = format!("at most {most} inputs to try all assignments");
                Err(Error::new(expected, n_inputs.to_string())
                    .hint("--method certificate proves all inputs, --method sample tries some"))
            }
        }
    }

    /// Calls `check` with blocks of assignments, spread over threads, and returns what it finds in the first
    /// block in which it finds something, whatever the number of threads.
    ///
    /// # Errors
    /// There are too many, it was cancelled, or the first error of `check`.
    pub fn find_first<T: Send>(
        self,
        n_inputs: usize,
        progress: &dyn Progress,
        check: impl Fn(&Batch) -> Result<Option<T>> + Sync,
    ) -> Result<Option<T>> {
        let total = self.total(n_inputs)?;
        let check = |b: u64| -> Result<Option<T>> {
            if progress.is_cancelled() {
                return Err(Error::message("stopped before all assignments were compared"));
            }
            let inputs = self.block(n_inputs, b * BLOCK as u64, total);
            let found = check(&inputs)?;
            progress.advance(inputs.n_assignments() as u64);
            Ok(found)
        };
        let blocks = (0..total.div_ceil(BLOCK as u64)).into_par_iter();
        blocks.find_map_first(|b| check(b).transpose()).transpose()
    }

    fn block(self, n_inputs: usize, start: u64, total: u64) -> Batch {
        let count = (total - start).min(BLOCK as u64) as usize;
        match self {
            Assignments::All => Batch::counting(n_inputs, start, count),
            Assignments::Sample { seed, .. } => sampled(n_inputs, seed, start, count),
        }
    }
}

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
    let assignments = Assignments::All;
    let found = first_counterexample(model, circuit, engine, n_loops, progress, assignments)?;
    let total = assignments.total(circuit.inputs().len())?;
    Ok(match found {
        Some(counterexample) => Verdict::Refuted(counterexample),
        None => Verdict::Verified {
            how: format!("exhaustive {total} assignments engine={} loops={n_loops}", engine.name()),
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
    (n, seed): (u64, u64),
    progress: &dyn Progress,
) -> Result<Verdict> {
    let assignments = Assignments::Sample { n, seed };
    let found = first_counterexample(model, circuit, engine, n_loops, progress, assignments)?;
    Ok(match found {
        Some(counterexample) => Verdict::Refuted(counterexample),
        None => Verdict::Unknown {
            how: format!("sampled {n} seed={seed} engine={} loops={n_loops}", engine.name()),
        },
    })
}

/// Assignments `start .. start + count` of the sample: all 0, all 1, a walking 1, a walking 0, random.
///
/// Each block draws from its own stream of the generator, so the sample is the same in any order.
fn sampled(n_inputs: usize, seed: u64, start: u64, count: usize) -> Batch {
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

fn first_counterexample(
    model: &Model,
    circuit: &Circuit,
    engine: &dyn Engine,
    n_loops: usize,
    progress: &dyn Progress,
    assignments: Assignments,
) -> Result<Option<Counterexample>> {
    require_same_ports(model, circuit)?;
    let oracle = Oracle::new(circuit)?;
    assignments.find_first(circuit.inputs().len(), progress, |inputs| {
        Ok(compare(inputs, &oracle.run(inputs)?, &engine.run(inputs, n_loops)?))
    })
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
    }
}
