//! The decoder engine: models that go token by token or thought by thought, with a cache of keys and values.
//!
//! One forward pass serves the schemes `cot` and `coconut` (for `cot` there are no thoughts):
//!
//! ```text
//! tokens = scheme.prompt; tokens[ports.input_positions] = inputs
//! thoughts, answers = (n_loops, scheme.answers[0]) if scheme == "coconut" else (0, n_loops)
//! h = last row of blocks(W_E[tokens] + W_pos[0..])
//! repeat thoughts times:  h = last row of blocks(.. and h + W_pos[next position])
//! repeat answers times:   token = argmax(h W_U + b_U); write it at the next position
//!                         h = last row of blocks(.. and W_E[token] + W_pos[that position])
//! output o = bit scheme.output_slots[o] of the token at ports.output_positions[o]
//! ```
//!
//! `blocks` are all layers, once, under a causal mask; "`..`" are the positions before, whose keys and values
//! are cached and never computed again. The arg-max is the first token whose logit no later one exceeds when
//! the logits are compared in order with `>`, so a logit that is not a number is chosen only where it comes
//! first. A position that holds no token, a thought's, reads as token 0.
//!
//! Arithmetic is the reference engine's (`forward`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ndarray::{Array2, ArrayView1, Axis, s};
use num_traits::AsPrimitive;
use rayon::prelude::*;

use self::cache::{Memory, Prefix};
use self::survey::Survey;
use super::forward::{AnyWeights, Number, Weights, in_own_format};
use super::{Alike, Engine, Pace, require_inputs};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::{Attention, Model, Pass};

mod alike;
mod cache;
mod survey;

/// Sequences that are decoded together.
const SEQUENCES: usize = 32;
/// Rows of the prompt that go through the layers at once: scores take so many rows.
const PROMPT_ROWS: usize = 64;
/// The most bytes that the cache of one sequence may take.
const MAX_CACHE_BYTES: usize = 1 << 30;

/// The decoder engine for one model.
#[derive(Debug)]
pub struct Decoder<'m> {
    model: &'m Model,
    weights: AnyWeights,
    prompt: Vec<usize>,
    n_answers: usize,
    slots: Vec<u32>,
    /// By number of loops.
    surveys: Mutex<BTreeMap<usize, Option<Arc<Survey>>>>,
}

/// What the decoder appends to the sequence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Emitted {
    /// The hidden state itself, as the next embedding.
    Thought,
    /// The most likely token.
    Token {
        /// Its number in the vocabulary.
        token: usize,
        /// By how much its logit exceeds every other.
        margin: f64,
    },
}

/// One step of decoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Emission {
    /// The position that is filled.
    pub position: usize,
    /// What was emitted.
    pub emitted: Emitted,
    /// `[d_model]`: the hidden state of the position before, behind the last layer.
    pub hidden: Vec<f64>,
}

impl<'m> Decoder<'m> {
    /// Prepares a model.
    ///
    /// # Errors
    /// The scheme is no decoder's, the mask is not causal, the vectors `scheme.*` are missing or do not fit, or
    /// the cache of one sequence would exceed 1 GiB.
    pub fn new(model: &'m Model) -> Result<Self> {
        require_decoder(model)?;
        require_small_cache(model)?;
        let decoder = Decoder {
            weights: AnyWeights::new(model),
            prompt: prompt(model)?,
            n_answers: n_answers(model)?,
            slots: slots(model)?,
            surveys: Mutex::default(),
            model,
        };
        decoder.require_room(model.n_loops)?;
        Ok(decoder)
    }

    /// Tokens of the prompt, inputs among them.
    pub fn n_prompt(&self) -> usize {
        self.prompt.len()
    }

    /// Thoughts and tokens that follow the prompt.
    pub fn n_steps(&self) -> usize {
        let (n_thoughts, n_tokens) = self.steps(self.model.n_loops);
        n_thoughts + n_tokens
    }

    /// Decodes one assignment and shows `observe` each thought and token.
    ///
    /// # Errors
    /// `inputs` is not one bit per input, or `n_loops` asks for more positions than there are.
    pub fn trace(
        &self,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(Emission),
    ) -> Result<()> {
        self.trace_with(inputs, n_loops, Memory::Cached, &mut observe)
    }

    /// [`Decoder::trace`] without a cache: every step passes all positions through the layers again.
    ///
    /// # Errors
    /// As [`Decoder::trace`].
    pub fn trace_without_cache(
        &self,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(Emission),
    ) -> Result<()> {
        self.trace_with(inputs, n_loops, Memory::Recomputed, &mut observe)
    }

    fn trace_with(
        &self,
        inputs: &[bool],
        n_loops: usize,
        memory: Memory,
        observe: &mut dyn FnMut(Emission),
    ) -> Result<()> {
        require_inputs(self.model, &Batch::zeros(inputs.len(), 0))?;
        self.require_room(n_loops)?;
        let inputs = Batch::from_columns(inputs.len(), &[inputs.to_vec()])?;
        in_own_format!(&self.weights, weights => {
            let prefix = Prefix::new(weights, 1, memory);
            self.decode(weights, prefix, &inputs, 0..1, n_loops, |position, hidden, emitted| {
                let hidden = hidden.row(0).iter().map(|&x| x.as_()).collect();
                observe(Emission { position, emitted: emitted[0], hidden });
            });
        });
        Ok(())
    }

    /// The outputs, as [`Engine::run`] gives them, and the least margin of any token that was emitted:
    /// infinite if there was none, not a number if a logit was not.
    ///
    /// # Errors
    /// `inputs` has not one row per input, or `n_loops` asks for more positions than there are.
    pub fn run_with_margin(&self, inputs: &Batch, n_loops: usize) -> Result<(Batch, f64)> {
        let (outputs, seen) = self.run_within(inputs, n_loops, None)?;
        Ok((outputs, seen.margin))
    }

    /// The outputs, and what was seen on the way.
    fn run_within(
        &self,
        inputs: &Batch,
        n_loops: usize,
        survey: Option<&Survey>,
    ) -> Result<(Batch, Seen)> {
        require_inputs(self.model, inputs)?;
        self.require_room(n_loops)?;
        let n = inputs.n_assignments();
        let chunks: Vec<_> = (0..n).step_by(SEQUENCES).map(|a| a..n.min(a + SEQUENCES)).collect();
        let decoded = chunks.into_par_iter().map(|chunk| {
            let mut seen = Seen::default();
            let tokens = in_own_format!(&self.weights, weights => {
                let prefix = Prefix::new(weights, chunk.len(), Memory::Cached);
                self.decode(weights, prefix, inputs, chunk, n_loops, |position, hidden, emitted| {
                    emitted.iter().for_each(|emitted| seen.note(emitted));
                    if let (Some(survey), Some(Emitted::Thought)) = (survey, emitted.first()) {
                        seen.within &= survey.holds(position - self.prompt.len(), hidden);
                    }
                })
            });
            (tokens.iter().map(|tokens| self.read(tokens)).collect::<Vec<_>>(), seen)
        });
        let decoded: Vec<_> = decoded.collect();
        let seen = decoded.iter().fold(Seen::default(), |all, (_, seen)| all.and(seen));
        let columns: Vec<_> = decoded.into_iter().flat_map(|(columns, _)| columns).collect();
        Ok((Batch::from_columns(self.model.output_positions.len(), &columns)?, seen))
    }

    /// What is known of all inputs at once; none where that is not enough.
    fn survey(&self, n_loops: usize) -> Option<Arc<Survey>> {
        let mut surveys = self.surveys.lock().expect("no thread panics with the lock");
        let survey = surveys.entry(n_loops);
        survey.or_insert_with(|| Survey::new(self, n_loops).map(Arc::new)).clone()
    }

    /// Thoughts and tokens for a number of loops.
    pub(super) fn steps(&self, n_loops: usize) -> (usize, usize) {
        match self.model.scheme.pass() {
            Pass::Thoughts => (n_loops, self.n_answers),
            Pass::Tokens => (0, n_loops),
            Pass::Looped | Pass::Halting => unreachable!("no decoder is made of it"),
        }
    }

    /// An error if the steps go beyond the last position.
    pub(super) fn require_room(&self, n_loops: usize) -> Result<()> {
        let (n_thoughts, n_tokens) = self.steps(n_loops);
        let n = self.prompt.len().saturating_add(n_thoughts).saturating_add(n_tokens);
        if n <= self.model.n_ctx() {
            return Ok(());
        }
        let expected = format!("at most {} positions, n_ctx", self.model.n_ctx());
        Err(Error::new(expected, format!("{n} in prompt, thoughts and tokens")))
    }

    /// The bits of the outputs in a sequence of tokens.
    pub(super) fn read(&self, tokens: &[usize]) -> Vec<bool> {
        let outputs = self.model.output_positions.iter().zip(&self.slots);
        outputs.map(|(&position, &slot)| tokens[position] >> slot & 1 == 1).collect()
    }

    /// The tokens of all positions for each of the `assignments`; `observe` sees the position filled, the
    /// hidden states it is filled from, one row per assignment, and what fills it.
    fn decode<T: Number>(
        &self,
        weights: &Weights<T>,
        mut prefix: Prefix<T>,
        inputs: &Batch,
        assignments: std::ops::Range<usize>,
        n_loops: usize,
        mut observe: impl FnMut(usize, &Array2<T>, &[Emitted]),
    ) -> Vec<Vec<usize>>
    where
        f64: AsPrimitive<T>,
    {
        let (n_thoughts, n_tokens) = self.steps(n_loops);
        let mut tokens: Vec<_> = assignments.map(|a| self.start(&inputs.column(a))).collect();
        let mut hidden = self.read_prompt(weights, &mut prefix, &tokens);
        let mut next = self.prompt.len();
        for _ in 0..n_thoughts {
            observe(next, &hidden, &vec![Emitted::Thought; tokens.len()]);
            let x = weights.arithmetic.round(hidden + weights.w_pos.row(next));
            hidden = prefix.extend(weights, x);
            next += 1;
        }
        for step in 0..n_tokens {
            let emitted = most_likely(weights, &hidden, &mut tokens, next);
            observe(next, &hidden, &emitted);
            // Nothing follows the last token.
            if step + 1 < n_tokens {
                let newest: Vec<_> = tokens.iter().map(|tokens| tokens[next]).collect();
                let x = weights.w_e.select(Axis(0), &newest) + weights.w_pos.row(next);
                hidden = prefix.extend(weights, weights.arithmetic.round(x));
            }
            next += 1;
        }
        tokens
    }

    /// The prompt with an assignment's bits, and 0 at the positions to come.
    pub(super) fn start(&self, inputs: &[bool]) -> Vec<usize> {
        let mut tokens = self.prompt.clone();
        for (&position, &bit) in self.model.input_positions.iter().zip(inputs) {
            tokens[position] = usize::from(bit);
        }
        tokens.resize(self.model.n_ctx(), 0);
        tokens
    }

    /// The hidden states of the prompt's last position, one row per sequence.
    fn read_prompt<T: Number>(
        &self,
        weights: &Weights<T>,
        prefix: &mut Prefix<T>,
        tokens: &[Vec<usize>],
    ) -> Array2<T>
    where
        f64: AsPrimitive<T>,
    {
        let n = self.prompt.len();
        let mut last = Array2::zeros((tokens.len(), self.model.d_model()));
        for start in (0..n).step_by(PROMPT_ROWS) {
            let rows = start..n.min(start + PROMPT_ROWS);
            let read: Vec<usize> =
                tokens.iter().flat_map(|tokens| tokens[rows.clone()].iter().copied()).collect();
            let mut x = weights.w_e.select(Axis(0), &read);
            for mut sequence in x.axis_chunks_iter_mut(Axis(0), rows.len()) {
                sequence += &weights.w_pos.slice(s![rows.clone(), ..]);
            }
            let hidden = prefix.extend(weights, weights.arithmetic.round(x));
            let ends: Vec<usize> = (1..=tokens.len()).map(|i| i * rows.len() - 1).collect();
            last = hidden.select(Axis(0), &ends);
        }
        last
    }
}

impl Engine for Decoder<'_> {
    fn name(&self) -> &'static str {
        "decoder"
    }

    fn model(&self) -> &Model {
        self.model
    }

    fn pace(&self) -> Pace {
        Pace::Tokens
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        Ok(self.run_with_margin(inputs, n_loops)?.0)
    }

    fn run_alike(&self, inputs: &Batch, n_loops: usize) -> Result<(Batch, Option<Alike>)> {
        require_inputs(self.model, inputs)?;
        self.require_room(n_loops)?;
        let survey = self.survey(n_loops);
        let (outputs, seen) = self.run_within(inputs, n_loops, survey.as_deref())?;
        let alike = survey.filter(|_| seen.within);
        let alike = alike.map(|survey| Alike { is_exact: survey.is_exact, lead: seen.margin });
        Ok((outputs, alike))
    }
}

/// What is seen of a run.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The least margin of a token; not a number if a logit was not.
    margin: f64,
    /// All that is fed back keeps the survey's bounds.
    within: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Seen { margin: f64::INFINITY, within: true }
    }
}

impl Seen {
    fn note(&mut self, emitted: &Emitted) {
        if let Emitted::Token { margin, .. } = emitted {
            self.margin = lesser(self.margin, *margin);
        }
    }

    fn and(self, other: &Seen) -> Self {
        let margin = lesser(self.margin, other.margin);
        Seen { margin, within: self.within && other.within }
    }
}

/// Writes the most likely token of each sequence at `position`.
fn most_likely<T: Number>(
    weights: &Weights<T>,
    hidden: &Array2<T>,
    tokens: &mut [Vec<usize>],
    position: usize,
) -> Vec<Emitted>
where
    f64: AsPrimitive<T>,
{
    let logits = weights.arithmetic.affine(hidden.view(), &weights.w_u, &weights.b_u);
    let choose = |(logits, tokens): (ArrayView1<T>, &mut Vec<usize>)| {
        let (token, margin) = arg_max(logits);
        tokens[position] = token;
        Emitted::Token { token, margin }
    };
    logits.outer_iter().zip(tokens).map(choose).collect()
}

/// The first token that no later one exceeds, and how far its logit exceeds every other; see the head of
/// the module for logits that are not numbers.
fn arg_max<T: Number>(logits: ArrayView1<T>) -> (usize, f64) {
    let mut best = 0;
    for (token, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = token;
        }
    }
    let others = logits.iter().enumerate().filter(|&(token, _)| token != best);
    let margin = others.map(|(_, &logit)| logits[best].as_() - logit.as_());
    (best, margin.fold(f64::INFINITY, lesser))
}

/// The lesser of two numbers; not-a-number wins.
fn lesser(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

fn require_decoder(model: &Model) -> Result<()> {
    if model.scheme.is_parallel() {
        let found = format!("one of the scheme {}", model.scheme);
        return Err(Error::new("a model that goes token by token (cot, coconut)", found));
    }
    if model.attention != Attention::Causal {
        return Err(Error::new("attention causal in a decoder", "bidirectional"));
    }
    if model.d_vocab_out() > model.d_vocab() {
        let expected =
            format!("at most {} tokens to write, as many as can be read", model.d_vocab());
        return Err(Error::new(expected, model.d_vocab_out().to_string()));
    }
    Ok(())
}

fn require_small_cache(model: &Model) -> Result<()> {
    let per_position = 2 * model.blocks.len() * model.n_heads();
    let numbers = per_position.saturating_mul(model.d_head()).saturating_mul(model.n_ctx());
    match numbers.saturating_mul(model.dtype.size()) {
        bytes if bytes <= MAX_CACHE_BYTES => Ok(()),
        bytes => {
            let expected = format!("a cache of at most {} MiB", MAX_CACHE_BYTES >> 20);
            Err(Error::new(expected, format!("{} MiB a sequence", bytes >> 20)))
        }
    }
}

/// A vector of the file that the scheme needs.
fn vector<'m>(model: &'m Model, name: &str) -> Result<&'m [i64]> {
    let found = model.scheme_vectors.get(name);
    let missing = || Error::new(format!("the tensor {name}"), "none");
    found.map(Vec::as_slice).ok_or_else(missing)
}

fn prompt(model: &Model) -> Result<Vec<usize>> {
    let is_token = |&x: &i64| usize::try_from(x).ok().filter(|&token| token < model.d_vocab());
    let prompt: Option<Vec<usize>> = vector(model, "scheme.prompt")?.iter().map(is_token).collect();
    let prompt = prompt.ok_or_else(|| {
        Error::new(format!("tokens below {} in scheme.prompt", model.d_vocab()), "others")
    })?;
    if prompt.is_empty() {
        return Err(Error::new("a prompt of at least one token", "none"));
    }
    match model.input_positions.iter().find(|&&position| position >= prompt.len()) {
        None => Ok(prompt),
        Some(position) => {
            let expected = format!("inputs in the prompt, at positions below {}", prompt.len());
            Err(Error::new(expected, position.to_string()))
        }
    }
}

fn n_answers(model: &Model) -> Result<usize> {
    if model.scheme.pass() != Pass::Thoughts {
        return Ok(0);
    }
    match vector(model, "scheme.answers")? {
        &[n] if n >= 0 => Ok(n as usize),
        other => Err(Error::new("one number of 0 or more in scheme.answers", format!("{other:?}"))),
    }
}

fn slots(model: &Model) -> Result<Vec<u32>> {
    let found = vector(model, Model::OUTPUT_SLOTS)?;
    let (n, bits) = (model.output_positions.len(), usize::BITS);
    if found.len() != n {
        let expected = format!("{n} entries in scheme.output_slots");
        return Err(Error::new(expected, found.len().to_string()));
    }
    let slot = |&x: &i64| u32::try_from(x).ok().filter(|&slot| slot < bits);
    let slots: Option<Vec<u32>> = found.iter().map(slot).collect();
    slots.ok_or_else(|| {
        Error::new(format!("bits 0 to {} in scheme.output_slots", bits - 1), "others")
    })
}
