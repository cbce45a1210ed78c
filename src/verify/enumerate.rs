//! Which assignments a check goes through: all, a sample, a part; in blocks, spread over threads.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The most inputs for which all assignments are tried.
pub const MAX_EXHAUSTIVE_INPUTS: usize = 40;

/// Assignments that are drawn from one stream of the generator; parts begin at multiples of it.
pub(super) const DRAWN: usize = 1024;

/// Which assignments are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignments {
    /// All `2^n`; input `i` is bit `i` of an assignment's number.
    All,
    /// Corners and single bits first, then random ones from the seed.
    Sample {
        /// How many.
        count: u64,
        /// Of the draws.
        seed: u64,
    },
}

impl Assignments {
    /// How many there are for `n_inputs` inputs.
    ///
    /// # Errors
    /// All are asked for, and there are more than [`MAX_EXHAUSTIVE_INPUTS`] inputs.
    pub fn total(self, n_inputs: usize) -> Result<u64> {
        match self {
            Assignments::Sample { count, .. } => Ok(count),
            Assignments::All if n_inputs <= MAX_EXHAUSTIVE_INPUTS => Ok(1 << n_inputs),
            Assignments::All => Err(Error::new(
                format!("at most {MAX_EXHAUSTIVE_INPUTS} inputs to try all assignments"),
                n_inputs.to_string(),
            )
            .hint("--method certificate proves all inputs, --method sample tries some")),
        }
    }

    /// Part `part` of the assignments, by number; whole words, and of a sample whole blocks, so that parts draw the
    /// same one.
    ///
    /// # Errors
    /// As for [`Assignments::total`].
    pub fn range(self, n_inputs: usize, part: Part) -> Result<Range<u64>> {
        let total = self.total(n_inputs)?;
        let size = match self {
            Assignments::All => 64,
            Assignments::Sample { .. } => DRAWN as u64,
        };
        let n_blocks = u128::from(total.div_ceil(size));
        let bound = |i: u64| {
            let block = n_blocks * u128::from(i) / u128::from(part.count);
            (block as u64 * size).min(total)
        };
        Ok(bound(part.index - 1)..bound(part.index))
    }

    /// Calls `check` with blocks of all assignments, spread over threads, and returns what it finds in the
    /// first block in which it finds something, whatever the number of threads.
    ///
    /// # Errors
    /// There are too many, it was cancelled, or the first error of `check`.
    pub fn find_first<T: Send>(
        self,
        n_inputs: usize,
        progress: &dyn Progress,
        check: impl Fn(&Batch) -> Result<Option<T>> + Sync,
    ) -> Result<Option<T>> {
        let range = self.range(n_inputs, Part::WHOLE)?;
        self.find_first_in(n_inputs, (range, DRAWN), progress, |_, inputs| check(inputs))
    }

    /// [`Self::find_first`] of the assignments in `range`, in blocks of `size`; `check` is given the first one's number, too.
    pub(super) fn find_first_in<T: Send>(
        self,
        n_inputs: usize,
        (range, size): (Range<u64>, usize),
        progress: &dyn Progress,
        check: impl Fn(u64, &Batch) -> Result<Option<T>> + Sync,
    ) -> Result<Option<T>> {
        let (size, total) = (size as u64, range.end - range.start);
        let done = AtomicU64::new(0);
        let check = |b: u64| -> Result<Option<T>> {
            if progress.is_cancelled() {
                return Err(stopped(&done, total));
            }
            let start = range.start + b * size;
            let inputs = self.block(n_inputs, start, size.min(range.end - start) as usize);
            let found = check(start, &inputs)?;
            let n = inputs.n_assignments() as u64;
            progress.advance(n);
            done.fetch_add(n, Ordering::Relaxed);
            Ok(found)
        };
        let blocks = (0..total.div_ceil(size)).into_par_iter();
        let found = blocks.find_map_first(|b| check(b).transpose()).transpose();
        // Blocks that were under way when it was stopped are done by now, and count.
        found.map_err(|error| if error.is_cancelled() { stopped(&done, total) } else { error })
    }

    /// Assignments `start .. start + count`.
    pub(super) fn block(self, n_inputs: usize, start: u64, count: usize) -> Batch {
        match self {
            Assignments::All => Batch::counting(n_inputs, start, count),
            Assignments::Sample { seed, .. } => sampled(n_inputs, seed, start, count),
        }
    }
}

/// The error of a check that was stopped.
pub(super) fn stopped(done: &AtomicU64, total: u64) -> Error {
    Error::cancelled(done.load(Ordering::Relaxed), total, "assignments were compared")
}

/// Part `index` of `count` equal ones, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Part {
    index: u64,
    count: u64,
}

impl Part {
    /// All of it.
    pub const WHOLE: Part = Part { index: 1, count: 1 };

    /// # Errors
    /// `index` is not in `1..=count`.
    pub fn new(index: u64, count: u64) -> Result<Self> {
        if (1..=count).contains(&index) {
            return Ok(Part { index, count });
        }
        Err(Error::new("a shard I/N with I from 1 to N", format!("{index}/{count}")))
    }

    /// Which part, from 1.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many parts there are.
    pub fn count(self) -> u64 {
        self.count
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

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
        let (whole, first) = (sampled(3, 7, 0, 1500), sampled(3, 7, 0, 1024));
        let second = sampled(3, 7, 1024, 476);
        assert!((0..1024).all(|a| whole.column(a) == first.column(a)));
        assert!((0..476).all(|a| whole.column(1024 + a) == second.column(a)));
    }

    #[test]
    fn parts_cover_everything_exactly_once() {
        let sample = |n: u32| Assignments::Sample { count: 1 << n, seed: 1 };
        for n in [0, 3, 6, 8, 10, 11, 13, 40] {
            for (assignments, size) in [(Assignments::All, 64), (sample(n), DRAWN as u64)] {
                for count in [1, 2, 3, 7, 1000, u64::MAX] {
                    let part =
                        |i| assignments.range(n as usize, Part::new(i, count).unwrap()).unwrap();
                    let ranges: Vec<_> = (1..=count.min(1000)).map(part).collect();
                    assert_eq!(ranges[0].start, 0);
                    assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
                    assert_eq!(part(count).end, 1 << n);
                    let is_whole = |range: &Range<u64>| range.start.is_multiple_of(size);
                    assert!(ranges.iter().all(|range| is_whole(range) || range.is_empty()));
                    // As even as blocks allow.
                    let blocks =
                        ranges.iter().map(|range| (range.end - range.start).div_ceil(size));
                    let most = (1u64 << n).div_ceil(size).div_ceil(count);
                    assert!(blocks.into_iter().all(|blocks| blocks <= most));
                }
            }
        }
        assert!(Part::new(0, 3).is_err() && Part::new(4, 3).is_err() && Part::new(0, 0).is_err());
    }
}
