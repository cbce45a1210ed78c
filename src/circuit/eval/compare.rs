//! Comparison of two circuits on all assignments.
//!
//! In go two oracles of one shape, out comes the smallest assignment at which they differ. Threads claim
//! consecutive ranges of assignments, so every range below a difference that was found gets finished
//! and the result does not depend on the threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::{Oracle, Simulator};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// 2^40 assignments take minutes for small circuits and hours for large ones.
pub const MAX_COUNTED_INPUTS: usize = 40;

/// The assignments that a thread claims at once, in words.
const WORDS_PER_CLAIM: u64 = 1 << 12;

/// What a comparison on all assignments found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// No assignment tells the circuits apart, and all were tried.
    Equal,
    /// The smallest assignment number at which an output differs (input `i` is bit `i` of it), and the
    /// first such output.
    Differ {
        /// Its number.
        assignment: u64,
        /// The output's number.
        output: usize,
    },
}

/// Compares two circuits on all assignments, on all threads of the current rayon pool.
///
/// `progress` is told how many more assignments are done in steps of at most 2^18, and asked whether to stop
/// before every block of at most 1024 assignments.
///
/// # Errors
/// The circuits differ in their number of inputs or outputs, or have more than
/// [`MAX_COUNTED_INPUTS`] inputs; or it was cancelled.
pub fn compare_exhaustively(a: &Oracle, b: &Oracle, progress: &dyn Progress) -> Result<Comparison> {
    let search = Search::new(a, b, progress)?;
    let threads = (0..rayon::current_num_threads()).into_par_iter();
    let found = threads.filter_map(|_| search.work()).min();
    if search.cancelled.load(Ordering::Relaxed) {
        let done = search.done.load(Ordering::Relaxed);
        return Err(Error::cancelled(done, search.n_assignments, "assignments were compared"));
    }
    Ok(found.map_or(Comparison::Equal, |(assignment, output)| Comparison::Differ {
        assignment,
        output,
    }))
}

/// What the threads of one comparison share.
struct Search<'a> {
    a: &'a Oracle,
    b: &'a Oracle,
    progress: &'a dyn Progress,
    /// Whether a thread was asked to stop before all was done.
    cancelled: AtomicBool,
    done: AtomicU64,
    n_assignments: u64,
    /// The words of assignments in all, in a block, and claimed so far.
    n_words: u64,
    block_words: usize,
    claimed: AtomicU64,
    /// The smallest assignment found to differ so far.
    smallest: AtomicU64,
}

impl<'a> Search<'a> {
    fn new(a: &'a Oracle, b: &'a Oracle, progress: &'a dyn Progress) -> Result<Self> {
        let shape = |oracle: &Oracle| (oracle.n_inputs(), oracle.n_outputs());
        let text = |(i, o): (usize, usize)| format!("{i} inputs and {o} outputs");
        if shape(a) != shape(b) {
            return Err(Error::new(text(shape(a)), text(shape(b))));
        }
        if a.n_inputs() > MAX_COUNTED_INPUTS {
            return Err(Error::new(
                format!("at most {MAX_COUNTED_INPUTS} inputs to try all assignments"),
                a.n_inputs().to_string(),
            )
            .hint("sample assignments or use SAT instead"));
        }
        let n_assignments = 1 << a.n_inputs();
        let fitting = |oracle: &Oracle| Simulator::fitting_words(&oracle.program, n_assignments);
        Ok(Search {
            a,
            b,
            progress,
            cancelled: AtomicBool::new(false),
            done: AtomicU64::new(0),
            n_assignments,
            n_words: n_assignments.div_ceil(64),
            block_words: fitting(a).min(fitting(b)),
            claimed: AtomicU64::new(0),
            smallest: AtomicU64::new(u64::MAX),
        })
    }

    /// One thread: claims ranges until none below the smallest difference is left, and returns the
    /// smallest difference it saw itself.
    fn work(&self) -> Option<(u64, usize)> {
        let mut a = self.simulator(self.a);
        let mut b = self.simulator(self.b);
        loop {
            let start = self.claimed.fetch_add(WORDS_PER_CLAIM, Ordering::Relaxed);
            let end = self.n_words.min(start.saturating_add(WORDS_PER_CLAIM));
            if start >= end || 64 * start > self.smallest.load(Ordering::Relaxed) {
                return None;
            }
            let found = self.compare_range(&mut a, &mut b, start, end);
            if let Some((assignment, _)) = found {
                self.smallest.fetch_min(assignment, Ordering::Relaxed);
                return found;
            }
            if self.cancelled.load(Ordering::Relaxed) {
                return None;
            }
            let n = self.n_assignments.min(64 * end) - 64 * start;
            self.done.fetch_add(n, Ordering::Relaxed);
            self.progress.advance(n);
        }
    }

    fn simulator<'s>(&self, oracle: &'s Oracle) -> Simulator<'s> {
        oracle
            .simulator_with(super::Simd::detect(), self.block_words)
            .expect("a detected instruction set and a listed size")
    }

    /// The first difference in the words `start .. end`, the last block of which may reach beyond the
    /// last assignment: there the assignments begin anew, so it shows nothing that is not seen earlier.
    fn compare_range(
        &self,
        a: &mut Simulator,
        b: &mut Simulator,
        start: u64,
        end: u64,
    ) -> Option<(u64, usize)> {
        for first_word in (start..end).step_by(self.block_words) {
            if self.progress.is_cancelled() {
                self.cancelled.store(true, Ordering::Relaxed);
                return None;
            }
            a.counting_block(first_word);
            b.counting_block(first_word);
            if let Some((lane, output)) = first_difference(a, b, self.a.n_outputs()) {
                return Some((64 * first_word + lane, output));
            }
        }
        None
    }
}

/// The first assignment of the current block, and in it the first output, at which two simulators
/// differ.
fn first_difference(a: &Simulator, b: &Simulator, n_outputs: usize) -> Option<(u64, usize)> {
    let lane = |o: usize| {
        let differences = a.output(o).zip(b.output(o)).map(|(x, y)| x ^ y);
        // Nearly always there is none: a fold has no branches to take, unlike a search.
        if differences.clone().fold(0, |any, word| any | word) == 0 {
            return None;
        }
        let (w, word) = differences.enumerate().find(|&(_, word)| word != 0)?;
        Some(64 * w as u64 + u64::from(word.trailing_zeros()))
    };
    (0..n_outputs).filter_map(|o| Some((lane(o)?, o))).min()
}
