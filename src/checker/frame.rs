//! The frame of the proof: channels that no layer writes, and the two states of the others.

use std::collections::HashMap;

use crate::json::Entry;
use crate::model::{Block, Model};
use crate::sum::{Arithmetic, Number, Sum};
use crate::{Checked, Refusal};

/// Which channels can change, and what a position can hold there.
pub struct Frame<'m> {
    pub model: &'m Model,
    pub is_dynamic: Vec<bool>,
    pub dynamic: Vec<usize>,
    /// The dynamic channels in state 0 and state 1. Of a model without inputs one of them may not occur; the
    /// other one stands in its place.
    pub states: [Vec<f64>; 2],
    pub occurs: [bool; 2],
    /// The state that each position starts in; an input that of token 0.
    pub starts: Vec<bool>,
    tokens: Vec<usize>,
}

impl<'m> Frame<'m> {
    /// Checks what the witness says of channels and states.
    ///
    /// # Errors
    /// The entry that is wrong.
    pub fn new(
        model: &'m Model,
        dynamic: &Entry,
        states: &Entry,
        arithmetic: &mut Arithmetic,
    ) -> Checked<Self> {
        let n_dynamic = dynamic.array()?.len();
        let listed = dynamic.integers(n_dynamic, 0, model.d_model as i64)?;
        let mut is_dynamic = vec![false; model.d_model];
        listed.iter().for_each(|&channel| is_dynamic[channel as usize] = true);
        let mut tokens = vec![2; model.n];
        model.inputs.iter().for_each(|&position| tokens[position] = 0);
        let mut frame = Frame {
            model,
            dynamic: (0..model.d_model).filter(|&c| is_dynamic[c]).collect(),
            is_dynamic,
            states: [Vec::new(), Vec::new()],
            occurs: [true; 2],
            starts: Vec::new(),
            tokens,
        };
        frame.require_changes(dynamic, &listed)?;
        frame.require_exact_embedding(arithmetic)?;
        frame.read_states(states)?;
        frame.start()?;
        Ok(frame)
    }

    /// The number on a static channel.
    pub fn at(&self, position: usize, channel: usize) -> f64 {
        self.embedded(position, self.tokens[position], channel)
    }

    /// The state with these dynamic channels.
    pub fn state_of(&self, channels: &[f64]) -> Option<bool> {
        [false, true]
            .into_iter()
            .find(|&bit| self.occurs[usize::from(bit)] && self.states[usize::from(bit)] == channels)
    }

    fn embedded(&self, position: usize, token: usize, channel: usize) -> f64 {
        let d = self.model.d_model;
        self.model.w_e[token * d + channel] + self.model.w_pos[position * d + channel]
    }

    /// The channels listed are those that a layer writes or the bits 0 and 1 differ on, each once and in order.
    fn require_changes(&self, entry: &Entry, listed: &[i64]) -> Checked<()> {
        let d = self.model.d_model;
        let mut changes: Vec<bool> =
            (0..d).map(|c| self.model.w_e[c] != self.model.w_e[d + c]).collect();
        for block in &self.model.blocks {
            for weights in [&block.w_o, &block.b_o, &block.w_out, &block.b_out] {
                for row in weights.chunks_exact(d) {
                    changes.iter_mut().zip(row).for_each(|(changes, &w)| *changes |= w != 0.0);
                }
            }
        }
        let right = (0..d).filter(|&c| changes[c]).map(|c| c as i64);
        let wrong = right.clone().zip(listed).position(|(right, &listed)| right != listed);
        match wrong {
            Some(i) => Err(entry.refuse_at(i, "is not the next channel that can change")),
            None if right.count() != listed.len() => {
                Err(entry.refuse("does not list the channels that can change"))
            }
            None => Ok(()),
        }
    }

    fn require_exact_embedding(&self, arithmetic: &mut Arithmetic) -> Checked<()> {
        let d = self.model.d_model;
        for (position, row) in self.model.w_pos.chunks_exact(d).enumerate() {
            let tokens = if self.tokens[position] == 0 { 0..2 } else { 2..3 };
            for token in tokens {
                let token = &self.model.w_e[token * d..][..d];
                for (c, (&a, &b)) in token.iter().zip(row).enumerate() {
                    // A sum with 0 is exact, and nearly all are.
                    if a != 0.0 && b != 0.0 && arithmetic.plus(a, b).is_none() {
                        let place = format!("pos_embed.W_pos[{position}][{c}]");
                        return Err(Refusal::new(place, "the sum with W_E rounds"));
                    }
                }
            }
        }
        Ok(())
    }

    fn read_states(&mut self, entry: &Entry) -> Checked<()> {
        let states = entry.array_of(2)?;
        for (bit, state) in states.iter().enumerate() {
            self.occurs[bit] = !state.value().is_null();
            if self.occurs[bit] {
                let numbers = state.array_of(self.dynamic.len())?;
                let number = |entry: &Entry| {
                    let number = entry.value().as_f64().filter(|x| x.is_finite());
                    number.ok_or_else(|| entry.refuse("is no number"))
                };
                self.states[bit] = numbers.iter().map(number).collect::<Checked<_>>()?;
            }
        }
        match self.occurs {
            [true, true] if self.states[0] == self.states[1] => {
                Err(entry.refuse("are two equal states"))
            }
            [true, true] => self.require_states_of_inputs(&states),
            [false, false] => Err(entry.refuse("are none")),
            _ if !self.model.inputs.is_empty() => {
                Err(entry.refuse("are not two, and there are inputs"))
            }
            [one, _] => {
                self.states[usize::from(one)] = self.states[usize::from(!one)].clone();
                Ok(())
            }
        }
    }

    /// Inputs start in the state of their bit; the first that does not says which number is wrong.
    fn require_states_of_inputs(&self, states: &[Entry]) -> Checked<()> {
        for &position in &self.model.inputs {
            for (bit, state) in states.iter().enumerate() {
                for (i, &channel) in self.dynamic.iter().enumerate() {
                    if self.embedded(position, bit, channel) != self.states[bit][i] {
                        let reason = format!("the input at position {position} has another number");
                        return Err(state.refuse_at(i, reason));
                    }
                }
            }
        }
        Ok(())
    }

    fn start(&mut self) -> Checked<()> {
        let mut seen = [false; 2];
        for position in 0..self.model.n {
            let token = self.tokens[position];
            let channels = self.dynamic.iter().map(|&c| self.embedded(position, token, c));
            let state = self.state_of(&channels.collect::<Vec<_>>()).ok_or_else(|| {
                Refusal::new(
                    "witness.states",
                    format!("position {position} starts in none of them"),
                )
            })?;
            seen[usize::from(state)] = true;
            self.starts.push(state);
        }
        if self.model.inputs.is_empty() && self.model.n > 0 && seen != self.occurs {
            return Err(Refusal::new("witness.states", "are not those that occur"));
        }
        Ok(())
    }
}

/// For every layer of the model the number of the first one that is equal to it, and these first ones.
///
/// # Errors
/// The entry that says something else.
pub fn kinds<'m>(model: &'m Model, entry: &Entry) -> Checked<Vec<&'m Block>> {
    let listed = entry.integers(model.blocks.len(), 0, model.blocks.len() as i64)?;
    let mut kinds: Vec<&Block> = Vec::new();
    let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
    for (l, (block, &listed)) in model.blocks.iter().zip(&listed).enumerate() {
        let alike = by_hash.entry(hash(block)).or_default();
        let kind = alike.iter().copied().find(|&kind| kinds[kind] == block).unwrap_or(kinds.len());
        if kind == kinds.len() {
            kinds.push(block);
            alike.push(kind);
        }
        if listed != kind as i64 {
            return Err(entry.refuse_at(l, format!("is not {kind}: layers are the same or not")));
        }
    }
    Ok(kinds)
}

/// A number that equal blocks share; zeros of either sign are equal.
fn hash(block: &Block) -> u64 {
    let mut hash = 0u64;
    for weights in [&block.w_q, &block.w_k, &block.w_v, &block.w_o, &block.w_in, &block.w_out] {
        for &x in weights.iter().filter(|&&x| x != 0.0) {
            hash = hash.rotate_left(5) ^ x.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }
    hash
}

/// What a column of weights reads: rows with their numbers.
pub type Column = Vec<(usize, Number)>;

/// The entries of row-major weights that are not 0: for each of `n_to` columns the rows with their numbers.
pub fn columns(weights: &[f64], n_to: usize) -> Vec<Column> {
    let mut columns = vec![Vec::new(); n_to];
    for (at, &w) in weights.iter().enumerate().filter(|&(_, &w)| w != 0.0) {
        columns[at % n_to].push((at / n_to, Number::new(w)));
    }
    columns
}

/// A bias, and weights times the static channels of a position.
pub fn static_sum(frame: &Frame, position: usize, bias: f64, weights: &[(usize, Number)]) -> Sum {
    let mut sum = Sum::EMPTY;
    sum.add(Number::new(bias));
    for &(channel, weight) in weights.iter().filter(|&&(channel, _)| !frame.is_dynamic[channel]) {
        sum.add_product(Number::new(frame.at(position, channel)), weight);
    }
    sum
}
