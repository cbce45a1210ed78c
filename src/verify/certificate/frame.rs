//! The frame: which channels can change, and the two states of a position.
//!
//! A channel is *dynamic* if a layer can write it or the tokens 0 and 1 differ on it, else *static*: its
//! number at a position is then the same after every layer, for every input. The dynamic channels of
//! every position start at one of two vectors, the states 0 and 1; an input starts at the state of its
//! bit, and the read-out tells the states apart. The conditions C0, C1, C8 and C12.

use super::exact::{Arithmetic, Dyadic, Sum};
use super::read_out::ReadOut;
use super::{Checked, Failure};
use crate::error::Error;
use crate::model::{Block, Model};
use crate::network::Network;

/// C1: there are channels, and no more heads than a truth table has operands. A file can have no numbers
/// and large dimensions, so this comes first.
pub fn require_size(model: &Model) -> Checked<()> {
    if model.d_model() == 0 {
        return Err(Failure::new("C1", "the residual stream has no channel"));
    }
    if !(1..=Network::MAX_K).contains(&model.n_heads()) {
        let place =
            format!("{} heads, of 1 to {} that are analysed", model.n_heads(), Network::MAX_K);
        return Err(Failure::new("C1", place));
    }
    Ok(())
}

/// C0: every number of the model is finite.
pub fn require_finite(model: &Model) -> Checked<()> {
    let found = model.for_each_tensor(|name, _, numbers| {
        match numbers.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(i) => Err(Error::message(format!("{name}, entry {i}, is {}", numbers[i]))),
        }
    });
    found.map_err(|error| Failure::new("C0", error.to_string()))
}

/// The most layers that are told apart, and the most positions over all of these.
const MAX_DISTINCT: usize = 1 << 10;
const MAX_POSITIONS: usize = 1 << 28;

/// The layers that differ from all before them; the others are equal to one of these.
///
/// # Errors
/// There are too many of them to analyse.
pub fn distinct_layers(model: &Model) -> Checked<Vec<(usize, &Block)>> {
    let mut distinct: Vec<(usize, &Block)> = Vec::new();
    for (l, block) in model.blocks.iter().enumerate() {
        if !distinct.iter().any(|&(_, other)| other == block) {
            distinct.push((l, block));
            let n_positions = distinct.len().saturating_mul(model.n_ctx() * model.n_heads());
            if distinct.len() > MAX_DISTINCT || (distinct.len() > 1 && n_positions > MAX_POSITIONS)
            {
                return Err(Failure::new("C1", "too many different layers to analyse"));
            }
        }
    }
    Ok(distinct)
}

/// For each block of the model the number of the distinct layer that it is equal to.
pub fn kinds(model: &Model, layers: &[(usize, &Block)]) -> Vec<usize> {
    let same = |block| layers.iter().position(|&(_, layer)| layer == block);
    model.blocks.iter().map(|block| same(block).expect("it is equal to one")).collect()
}

/// The static part of the stream and the states; see the module's head.
pub struct Frame<'m> {
    model: &'m Model,
    is_dynamic: Vec<bool>,
    dynamic: Vec<usize>,
    /// The token whose row of `W_E` a position adds; 0 stands for either bit at an input.
    tokens: Vec<u8>,
    /// The dynamic channels in state 0 and in state 1, in the order of [`Frame::dynamic`].
    states: [Vec<f64>; 2],
    /// The state that stands for both where only one occurs, which takes a model without inputs.
    lone_state: Option<bool>,
    /// The state that a position starts in; at an input that of token 0.
    starts: Vec<bool>,
}

impl<'m> Frame<'m> {
    /// Sorts the channels (C1) and finds the states (C8).
    pub fn new(
        model: &'m Model,
        layers: &[(usize, &Block)],
        arithmetic: &mut Arithmetic,
    ) -> Checked<Self> {
        let mut frame = Frame::without_states(model, layers, arithmetic)?;
        frame.find_states(arithmetic)?;
        frame.starts = frame.find_starts()?;
        Ok(frame)
    }

    /// Sorts the channels (C1) only: enough for queries and keys, whatever the states are.
    pub fn without_states(
        model: &'m Model,
        layers: &[(usize, &Block)],
        arithmetic: &mut Arithmetic,
    ) -> Checked<Self> {
        let written = layers.iter().map(|(_, block)| written_channels(block));
        let by_token = |c| model.w_e[[0, c]] != model.w_e[[1, c]];
        let mut is_dynamic: Vec<bool> = (0..model.d_model()).map(by_token).collect();
        for written in written {
            is_dynamic.iter_mut().zip(written).for_each(|(dynamic, written)| *dynamic |= written);
        }
        let mut tokens = vec![Model::BLANK as u8; model.n_ctx()];
        model.input_positions.iter().for_each(|&position| tokens[position] = 0);
        let dynamic = (0..model.d_model()).filter(|&c| is_dynamic[c]).collect();
        let (states, starts) = ([Vec::new(), Vec::new()], Vec::new());
        let frame = Frame { model, is_dynamic, dynamic, tokens, states, lone_state: None, starts };
        frame.require_exact_embedding(arithmetic)?;
        Ok(frame)
    }

    pub fn model(&self) -> &'m Model {
        self.model
    }

    pub fn is_dynamic(&self, channel: usize) -> bool {
        self.is_dynamic[channel]
    }

    /// The dynamic channels in order.
    pub fn dynamic(&self) -> &[usize] {
        &self.dynamic
    }

    /// The number on a static channel.
    pub fn at(&self, position: usize, channel: usize) -> f64 {
        debug_assert!(!self.is_dynamic[channel], "dynamic channels have no one number");
        let token = usize::from(self.tokens[position]);
        self.model.w_pos[[position, channel]] + self.model.w_e[[token, channel]]
    }

    /// The states that occur: both, or one in a model without inputs.
    pub fn bits(&self) -> impl Iterator<Item = bool> + use<> {
        let lone = self.lone_state;
        [false, true].into_iter().filter(move |&bit| lone.is_none_or(|lone| lone == bit))
    }

    /// The dynamic channels of a position in state `bit`.
    pub fn state(&self, bit: bool) -> &[f64] {
        &self.states[usize::from(bit)]
    }

    /// The state whose vector this is, if it is one.
    pub fn state_of(&self, dynamic: &[f64]) -> Option<bool> {
        self.bits().find(|&bit| self.state(bit) == dynamic)
    }

    /// The state that a position which is no input starts in.
    pub fn start(&self, position: usize) -> bool {
        self.starts[position]
    }

    /// Every entry of `W_E[token] + W_pos` is exact.
    fn require_exact_embedding(&self, arithmetic: &mut Arithmetic) -> Checked<()> {
        let mut exact = |a: f64, b: f64| {
            // The sum with zero is exact, and nearly all sums are of that kind.
            a == 0.0 || b == 0.0 || {
                let mut sum = Sum::EMPTY;
                sum.add(Dyadic::new(a));
                sum.add(Dyadic::new(b));
                arithmetic.exact(&sum).is_some()
            }
        };
        for (position, row) in self.model.w_pos.outer_iter().enumerate() {
            let tokens: &[usize] = if self.tokens[position] == 0 { &[0, 1] } else { &[2] };
            for &token in tokens {
                for (c, (&a, &b)) in self.model.w_e.row(token).iter().zip(row).enumerate() {
                    if !exact(a, b) {
                        let place =
                            format!("W_E + W_pos rounds at position {position}, channel {c}");
                        return Err(Failure::new("C8", place));
                    }
                }
            }
        }
        Ok(())
    }

    /// The dynamic channels that a position starts with under `token`.
    fn embedded(&self, position: usize, token: usize) -> Vec<f64> {
        let entry = |&c: &usize| self.model.w_e[[token, c]] + self.model.w_pos[[position, c]];
        self.dynamic.iter().map(entry).collect()
    }

    /// The vectors of the two bits at the first input, or without inputs those that occur.
    fn find_states(&mut self, arithmetic: &mut Arithmetic) -> Checked<()> {
        if let Some(&position) = self.model.input_positions.first() {
            self.states = [0, 1].map(|token| self.embedded(position, token));
            return if self.states[0] == self.states[1] {
                Err(Failure::new("C8", "the tokens 0 and 1 give the same state"))
            } else {
                Ok(())
            };
        }
        let mut vectors = (0..self.model.n_ctx()).map(|i| self.embedded(i, Model::BLANK));
        let first = vectors.next().unwrap_or_else(|| vec![0.0; self.dynamic.len()]);
        let second = vectors.find(|vector| *vector != first);
        // Which is which is a matter of names; the first output reads state 1 as 1.
        let bit = match self.model.output_positions.first() {
            Some(&position) => ReadOut::new(self).read(self, position, &first, arithmetic)?.0,
            None => false,
        };
        self.lone_state = second.is_none().then_some(bit);
        let second = second.unwrap_or_else(|| first.clone());
        self.states = if bit { [second, first] } else { [first, second] };
        Ok(())
    }

    fn find_starts(&self) -> Checked<Vec<bool>> {
        for &position in &self.model.input_positions {
            for (token, bit) in [(0, false), (1, true)] {
                if self.embedded(position, token) != self.state(bit) {
                    return Err(self.no_state(position, token));
                }
            }
        }
        let start = |position: usize| {
            let token = usize::from(self.tokens[position]);
            let state = self.state_of(&self.embedded(position, token));
            state.ok_or_else(|| self.no_state(position, token))
        };
        (0..self.model.n_ctx()).map(start).collect()
    }

    /// C8 fails at a position; names a channel if one alone shows it.
    fn no_state(&self, position: usize, token: usize) -> Failure {
        let place = format!("position {position} with token {token} does not start in its state");
        let vector = self.embedded(position, token);
        let odd = (0..vector.len())
            .find(|&i| [false, true].iter().all(|&bit| self.state(bit)[i] != vector[i]));
        Failure::new(
            "C8",
            match odd {
                None => place,
                Some(i) => format!(
                    "{place}: the dynamic channel {} is {}, in the states {} and {}",
                    self.dynamic[i], vector[i], self.states[0][i], self.states[1][i]
                ),
            },
        )
    }
}

/// For every channel whether the block can write it.
fn written_channels(block: &Block) -> Vec<bool> {
    let biases = block.b_o.iter().zip(&block.b_out);
    let mut written: Vec<bool> = biases.map(|(&a, &b)| a != 0.0 || b != 0.0).collect();
    for ((_, _, channel), &weight) in block.w_o.indexed_iter() {
        written[channel] |= weight != 0.0;
    }
    for ((_, channel), &weight) in block.w_out.indexed_iter() {
        written[channel] |= weight != 0.0;
    }
    written
}
