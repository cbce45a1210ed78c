//! Threshold circuits of unbounded fan-in: one level a layer, one head.
//!
//! In goes a [`ThresholdCircuit`], out comes a looped model of one layer with a token per wire. The key of a
//! token is the address of the gate that its wire leads to, the query that of the node it comes from: so it
//! reads the average of all wires into that node, which for `c` ones of `K` is `c / K`, compares it with the
//! node's threshold, and holds the node's value, complemented where the wire says so. Addresses are signs.
//!
//! Claim. With `n` inputs, `G` gates, `K` the largest fan-in, fan-ins being filled up to powers of two with
//! wires that are 0, and `m = ⌈log2(n + G + 1)⌉`, the model has one head of width `m`, `d_model = 2m + 5`, 7
//! units, and as many tokens as wires, inputs and outputs. After `t + 1` loops the wires from nodes of level
//! `t` or less hold their values; loop 1 takes the inputs from their own tokens to their wires.
//!
//! Reasons. (1) Keys at another address trail by `2β` a sign or more; where that underflows, the row is
//! uniform over the wires into the node. (2) With gain `s` the ramp is
//! `relu(s x + (s + 1)/2) - relu(s x + (s - 1)/2)` of `x = K (u - θ/K_g)`: at `u = c/K_g` it is 1 if
//! `c ≥ θ`, else 0, as `x` is then `-1` or less. It is flat where `x` is off by `1/2 - 1/(2s)` or less. So a
//! leak `λ` with `K λ ≤ 1/2 - 1/(2s)` does not pass, over the reals. (3) Of two pairs of units, one for
//! plain and one for complemented wires, the other is pushed below 0 by `2 s K`. A wire that is 0 has the
//! threshold 2. (4) Without a leak all numbers are multiples of 1/2 (of 1 for `s = 1`) no larger than
//! `s K`, or below 0 and then cut off whatever they are rounded to: exact if there are `2^p` of them at most,
//! see [`largest_fan_in`]; so are `K` terms of a softmax. End of proof.

use rand::{Rng, RngExt};

use super::Draft;
use crate::error::{Error, Result};
use crate::layout::{Span, Spans};
use crate::model::{Block, Dtype, Model};

/// The least power of two whose double underflows in every dtype.
pub const INVERSE_TEMPERATURE: f64 = 512.0;

/// A head of a model this long has `2^28` scores, which the reference engine takes in f32.
const MAX_TOKENS: usize = 1 << 14;

/// What a wire comes from: a node, or its complement. Nodes are the inputs, then the gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// The number of the node.
    pub tail: usize,
    /// Whether its complement is meant.
    pub complemented: bool,
}

impl From<usize> for Wire {
    fn from(tail: usize) -> Self {
        Wire { tail, complemented: false }
    }
}

/// A gate that is 1 where at least so many of its operands are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdGate {
    /// What is counted.
    pub operands: Vec<Wire>,
    /// How many 1s it takes, from 1 to all.
    pub at_least: usize,
}

impl ThresholdGate {
    /// All of them.
    pub fn and(operands: Vec<Wire>) -> Self {
        ThresholdGate { at_least: operands.len(), operands }
    }

    /// One of them.
    pub fn or(operands: Vec<Wire>) -> Self {
        ThresholdGate { at_least: 1, operands }
    }

    /// More than half.
    pub fn majority(operands: Vec<Wire>) -> Self {
        ThresholdGate { at_least: operands.len() / 2 + 1, operands }
    }
}

/// An acyclic circuit of threshold gates: operands come from nodes before the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdCircuit {
    n_inputs: usize,
    gates: Vec<ThresholdGate>,
    outputs: Vec<Wire>,
}

impl ThresholdCircuit {
    /// # Errors
    /// A wire comes from no earlier node, or a threshold is not between 1 and the fan-in.
    pub fn new(n_inputs: usize, gates: Vec<ThresholdGate>, outputs: Vec<Wire>) -> Result<Self> {
        let check = |wires: &[Wire], n_nodes: usize| match wires.iter().find(|w| w.tail >= n_nodes)
        {
            Some(wire) => Err(Error::new(format!("a node below {n_nodes}"), wire.tail.to_string())),
            None => Ok(()),
        };
        for (g, gate) in gates.iter().enumerate() {
            check(&gate.operands, n_inputs + g)?;
            if !(1..=gate.operands.len()).contains(&gate.at_least) {
                let expected = format!("a threshold of 1 to {}", gate.operands.len());
                return Err(Error::new(expected, gate.at_least.to_string()));
            }
        }
        check(&outputs, n_inputs + gates.len())?;
        Ok(ThresholdCircuit { n_inputs, gates, outputs })
    }

    /// Gates of 1 to `max_fan_in` operands from any nodes before, with any thresholds and complements; every
    /// gate is an output.
    ///
    /// # Panics
    /// There is no input, or no operand is allowed.
    pub fn random(rng: &mut impl Rng, n_inputs: usize, n_gates: usize, max_fan_in: usize) -> Self {
        let mut gates = Vec::with_capacity(n_gates);
        for g in 0..n_gates {
            let fan_in = rng.random_range(1..=max_fan_in);
            let wire =
                |_| Wire { tail: rng.random_range(0..n_inputs + g), complemented: rng.random() };
            let operands = (0..fan_in).map(wire).collect();
            gates.push(ThresholdGate { operands, at_least: rng.random_range(1..=fan_in) });
        }
        let outputs = (n_inputs..n_inputs + n_gates).map(Wire::from).collect();
        ThresholdCircuit { n_inputs, gates, outputs }
    }

    /// The number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// The outputs on an assignment of the inputs.
    ///
    /// # Panics
    /// `inputs` is not one bit per input.
    pub fn evaluate(&self, inputs: &[bool]) -> Vec<bool> {
        assert_eq!(inputs.len(), self.n_inputs, "one bit per input");
        let mut values = inputs.to_vec();
        for gate in &self.gates {
            let ones = gate.operands.iter().filter(|w| values[w.tail] ^ w.complemented).count();
            values.push(ones >= gate.at_least);
        }
        self.outputs.iter().map(|w| values[w.tail] ^ w.complemented).collect()
    }

    /// The largest level of an output, inputs being of level 0.
    pub fn depth(&self) -> usize {
        let mut levels = vec![0; self.n_inputs];
        for gate in &self.gates {
            let below = gate.operands.iter().map(|w| levels[w.tail]).max().unwrap_or(0);
            levels.push(below + 1);
        }
        self.outputs.iter().map(|w| levels[w.tail]).max().unwrap_or(0)
    }

    /// The largest fan-in, filled up to a power of two.
    pub fn largest_fan_in(&self) -> usize {
        self.gates.iter().map(|gate| gate.operands.len().next_power_of_two()).max().unwrap_or(1)
    }

    /// The tokens of its model: wires with those that fill up, inputs, outputs.
    pub fn n_tokens(&self) -> usize {
        let wires = self.gates.iter().map(|gate| gate.operands.len().next_power_of_two());
        wires.sum::<usize>() + self.n_inputs + self.outputs.len()
    }

    /// The length of an address; besides the nodes there is the place where outputs lead.
    pub fn address_length(&self) -> usize {
        let n_addresses = self.n_inputs + self.gates.len() + 1;
        (n_addresses.next_power_of_two().ilog2() as usize).max(1)
    }

    fn tokens(&self) -> Vec<Token> {
        let n = self.n_inputs;
        let from = |wire: &Wire, head: usize| {
            let gate = wire.tail.checked_sub(n).map(|g| &self.gates[g]);
            let threshold = gate.map_or(1.0, |gate| {
                gate.at_least as f64 / gate.operands.len().next_power_of_two() as f64
            });
            Token { head, tail: wire.tail, threshold, complemented: wire.complemented }
        };
        let mut tokens: Vec<Token> = (0..n).map(|i| from(&i.into(), i)).collect();
        for (head, gate) in (n..).zip(&self.gates) {
            let zero = Token { head, tail: head, threshold: NEVER, complemented: false };
            let n_zeros = gate.operands.len().next_power_of_two() - gate.operands.len();
            tokens.extend(gate.operands.iter().map(|wire| from(wire, head)));
            tokens.extend(std::iter::repeat_n(zero, n_zeros));
        }
        let sink = n + self.gates.len();
        tokens.extend(self.outputs.iter().map(|wire| from(wire, sink)));
        tokens
    }
}

/// What a token is for: a wire from `tail` to `head`.
#[derive(Debug, Clone)]
struct Token {
    head: usize,
    tail: usize,
    /// As a part of the fan-in of `tail`.
    threshold: f64,
    complemented: bool,
}

/// A threshold that no average reaches.
const NEVER: f64 = 2.0;

/// How sharply a model reads and decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    /// `β`
    pub inverse_temperature: f64,
    /// `s`, a power of two.
    pub gain: u32,
}

impl Default for Sharpness {
    /// Exact in every dtype up to the largest fan-in that there is.
    fn default() -> Self {
        Sharpness { inverse_temperature: INVERSE_TEMPERATURE, gain: 1 }
    }
}

/// The largest fan-in, a power of two, whose counts are exact at gain `gain`: `2^p` at 1, where they are
/// whole, and `2^(p - 1) / gain` above, where they are halves.
pub fn largest_fan_in(dtype: Dtype, gain: u32) -> u64 {
    match gain {
        1 => 1 << dtype.precision(),
        _ => (1 << (dtype.precision() - 1)) / u64::from(gain),
    }
}

/// The largest leak that a model of fan-in `K` bears: `(1/2 - 1/(2s)) / K`.
pub fn bearable_leak(circuit: &ThresholdCircuit, gain: u32) -> f64 {
    (0.5 - 0.5 / f64::from(gain)) / circuit.largest_fan_in() as f64
}

/// An inverse temperature at which every leak is bearable: with at most `F` tokens at an address,
/// `λ ≤ F ((1 + e^(-2β))^m - 1)`.
pub fn sufficient_inverse_temperature(circuit: &ThresholdCircuit, gain: u32) -> f64 {
    let at_an_address = circuit.largest_fan_in().max(circuit.outputs.len()) as f64;
    let allowed = bearable_leak(circuit, gain) / at_an_address;
    -0.5 * ((1.0 + allowed).powf(1.0 / circuit.address_length() as f64) - 1.0).ln()
}

/// The largest weight that a token of a model here gives to wires that it is not to read, from the
/// numbers of the model.
pub fn largest_leak(model: &Model) -> f64 {
    let block = &model.blocks[0];
    let part = |w: &ndarray::Array3<f64>| model.w_pos.dot(&w.index_axis(ndarray::Axis(0), 0));
    let scores = part(&block.w_q).dot(&part(&block.w_k).t());
    let leak = |row: ndarray::ArrayView1<f64>| {
        let most = row.fold(f64::NEG_INFINITY, |most, &score| most.max(score));
        let others = row.iter().filter(|&&score| score < most);
        let wrong: f64 = others.map(|score| (score - most).exp()).sum();
        let right = row.iter().filter(|&&score| score == most).count() as f64;
        wrong / (wrong + right)
    };
    scores.outer_iter().map(leak).fold(0.0, f64::max)
}

/// The channels of the stream, for addresses of `m` signs.
#[derive(Clone, Copy)]
struct Channels {
    m: usize,
    head: Span,
    tail: Span,
    /// The value, the average read, the threshold, and which of two kinds the wire is.
    others: [usize; 5],
    d_model: usize,
}

impl Channels {
    fn new(m: usize) -> (Self, Spans) {
        let mut spans = Spans::default();
        let [head, tail] = ["head", "tail"].map(|name| spans.add(name, m));
        let others = spans.each(["bit", "mean", "threshold", "plain", "complemented"]);
        (Channels { m, head, tail, others, d_model: spans.width() }, spans)
    }
}

/// The model of a threshold circuit: one layer, looped once more than the circuit is deep.
///
/// # Errors
/// The gain is no power of two, a fan-in is beyond [`largest_fan_in`], or there are more than 16384 tokens.
pub fn threshold_model(
    circuit: &ThresholdCircuit,
    sharpness: Sharpness,
    dtype: Dtype,
) -> Result<Model> {
    let (fan_in, n_tokens) = (circuit.largest_fan_in(), circuit.n_tokens());
    if !sharpness.gain.is_power_of_two() {
        return Err(Error::new("a gain that is a power of two", sharpness.gain.to_string()));
    }
    let most = largest_fan_in(dtype, sharpness.gain);
    if fan_in as u64 > most {
        let expected = format!("fan-ins of at most {most} in {dtype}");
        return Err(Error::new(expected, fan_in.to_string()).hint("larger counts would be rounded"));
    }
    if !(1..=MAX_TOKENS).contains(&n_tokens) {
        return Err(Error::new(format!("1 to {MAX_TOKENS} tokens"), n_tokens.to_string()));
    }
    let (channels, spans) = Channels::new(circuit.address_length());
    let draft = draft(circuit, channels, spans);
    let block = block(channels, sharpness, fan_in as f64);
    draft.finish(vec![block], circuit.depth() + 1, dtype)
}

fn draft(circuit: &ThresholdCircuit, channels: Channels, spans: Spans) -> Draft {
    let tokens = circuit.tokens();
    let [bit, _, threshold, plain, complemented] = channels.others;
    let mut draft = Draft::new(tokens.len(), spans, (bit, 0.0), bit);
    for (position, token) in tokens.iter().enumerate() {
        let mut row = draft.w_pos.row_mut(position);
        let sign = |address: usize, j: usize| if address >> j & 1 == 1 { 1.0 } else { -1.0 };
        for j in 0..channels.m {
            row[channels.head.at(j)] = sign(token.head, j);
            row[channels.tail.at(j)] = sign(token.tail, j);
        }
        row[threshold] = token.threshold;
        row[if token.complemented { complemented } else { plain }] = 1.0;
    }
    draft.inputs = (0..circuit.n_inputs).map(|i| (i, format!("x[{i}]"))).collect();
    let first = tokens.len() - circuit.outputs.len();
    let outputs = (0..circuit.outputs.len()).map(|o| (first + o, format!("y[{o}]")));
    draft.outputs = outputs.collect();
    draft
}

fn block(channels: Channels, sharpness: Sharpness, fan_in: f64) -> Block {
    let [bit, mean, threshold, plain, complemented] = channels.others;
    let gain = f64::from(sharpness.gain);
    let mut block = Block::zeros(1, channels.d_model, channels.m, 7);
    for j in 0..channels.m {
        block.w_q[[0, channels.tail.at(j), j]] = sharpness.inverse_temperature;
        block.w_k[[0, channels.head.at(j), j]] = 1.0;
    }
    block.w_v[[0, bit, 0]] = 1.0;
    block.w_o[[0, 0, mean]] = 1.0;
    for (first, other, sign) in [(0, complemented, 1.0), (2, plain, -1.0)] {
        for (unit, offset, weight) in [(first, 1.0, sign), (first + 1, -1.0, -sign)] {
            block.w_in[[mean, unit]] = gain * fan_in;
            block.w_in[[threshold, unit]] = -gain * fan_in;
            block.w_in[[other, unit]] = -2.0 * gain * fan_in;
            block.b_in[unit] = (gain + offset) / 2.0;
            block.w_out[[unit, bit]] = weight;
        }
    }
    // A complemented wire is 1 less the ramp; the old value and the average go.
    for (unit, from, to, weight) in
        [(4, complemented, bit, 1.0), (5, bit, bit, -1.0), (6, mean, mean, -1.0)]
    {
        block.w_in[[from, unit]] = 1.0;
        block.w_out[[unit, to]] = weight;
    }
    block
}
