//! Simulators: the working memory of one thread that evaluates a program block by block.
//!
//! A block is 1, 8 or 16 words of assignments. A simulator allocates once; what comes in is filled into
//! its slots by the caller, what comes out is read from them.

use super::kernel::{self, BLOCK_WORDS, Simd};
use super::program::Program;
use crate::batch::{Batch, counting_word};
use crate::error::{Error, Result};

/// The second-level cache of a core. A state that fits with 16 words a slot is evaluated so, since more
/// words a slot spread the cost of reading the program; a larger one with 8.
const CACHE_BYTES: usize = 2 << 20;

/// Evaluates one program; see the module's head.
#[derive(Debug)]
pub struct Simulator<'a> {
    program: &'a Program,
    simd: Simd,
    words: usize,
    /// `n_slots` rows of `words` words, starting at a cache line.
    state: Aligned,
}

impl<'a> Simulator<'a> {
    /// The words per block that suit the program and so many assignments.
    pub(super) fn fitting_words(program: &Program, n_assignments: u64) -> usize {
        let [one, line, two_lines] = BLOCK_WORDS;
        if n_assignments <= 64 * one as u64 {
            one
        } else if n_assignments <= 64 * line as u64 || program.n_slots * two_lines * 8 > CACHE_BYTES
        {
            line
        } else {
            two_lines
        }
    }

    pub(super) fn new(program: &'a Program, simd: Simd, words: usize) -> Result<Self> {
        if !BLOCK_WORDS.contains(&words) {
            return Err(Error::new(
                format!("words per block among {BLOCK_WORDS:?}"),
                words.to_string(),
            ));
        }
        let state = Aligned::zeros(program.n_slots * words);
        Ok(Simulator { program, simd: simd.require()?, words, state })
    }

    /// The words of a signal in a block; a block has 64 times as many assignments.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Evaluates one block. `fill(i, words)` writes the words of input `i`; it is called for the inputs
    /// that matter only, in rising order, and finds arbitrary words there.
    pub fn block(&mut self, mut fill: impl FnMut(usize, &mut [u64])) {
        let words = self.words;
        let state = self.state.as_mut_slice();
        let slot = |slot: u32| slot as usize * words..(slot as usize + 1) * words;
        if let Some(zero) = self.program.zero {
            state[slot(zero)].fill(0);
        }
        for &(input, at) in &self.program.inputs {
            fill(input as usize, &mut state[slot(at)]);
        }
        kernel::execute(self.program, state, words, self.simd);
    }

    /// Evaluates the block that starts at assignment number `64 first_word`, input `i` being bit `i` of
    /// an assignment's number.
    pub(crate) fn counting_block(&mut self, first_word: u64) {
        self.block(|input, words| {
            for (number, word) in (first_word..).zip(words) {
                *word = counting_word(input, number);
            }
        });
    }

    /// The words of output `o` after [`Self::block`].
    pub fn output(&self, o: usize) -> impl Iterator<Item = u64> + Clone + '_ {
        let literal = self.program.outputs[o];
        let flip = if literal.is_complemented() { u64::MAX } else { 0 };
        let start = literal.value() as usize * self.words;
        self.state.as_slice()[start..start + self.words].iter().map(move |word| word ^ flip)
    }

    /// Evaluates a whole batch: a row per input in, a row per output out.
    ///
    /// # Errors
    /// `inputs` has not one row per input.
    pub fn run(&mut self, inputs: &Batch) -> Result<Batch> {
        if inputs.n_signals() != self.program.n_inputs {
            return Err(Error::new(
                format!("{} input rows", self.program.n_inputs),
                inputs.n_signals().to_string(),
            ));
        }
        let mut outputs = Batch::zeros(self.program.outputs.len(), inputs.n_assignments());
        for start in (0..inputs.words_per_signal()).step_by(self.words) {
            let end = inputs.words_per_signal().min(start + self.words);
            self.block(|input, words| {
                words[..end - start].copy_from_slice(&inputs.words(input)[start..end]);
            });
            for o in 0..self.program.outputs.len() {
                for (to, word) in outputs.words_mut(o)[start..end].iter_mut().zip(self.output(o)) {
                    *to = word;
                }
            }
        }
        Ok(outputs)
    }
}

/// Words that start at a cache line, since a vector across two lines costs two loads.
#[derive(Debug)]
struct Aligned {
    padded: Vec<u64>,
    start: usize,
    len: usize,
}

impl Aligned {
    const LINE_BYTES: usize = 64;

    fn zeros(len: usize) -> Self {
        let padded = vec![0; len + Self::LINE_BYTES / 8 - 1];
        // `align_offset` may decline to answer; alignment is for speed only.
        let start = padded.as_ptr().align_offset(Self::LINE_BYTES).min(padded.len() - len);
        Aligned { padded, start, len }
    }

    fn as_slice(&self) -> &[u64] {
        &self.padded[self.start..self.start + self.len]
    }

    fn as_mut_slice(&mut self) -> &mut [u64] {
        &mut self.padded[self.start..self.start + self.len]
    }
}
