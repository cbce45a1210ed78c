//! One set of weights for all circuits: the circuit comes as bits of the prompt.
//!
//! A gate of two operands is `2m + 4` bits: two addresses of `m` bits and a truth table. Each bit is a token
//! that knows its gate and its place. In the prelude a gate's token gathers its bits with one head for
//! each place; then the core is looped, in which two of the heads fetch the values of the operands and the
//! MLP looks them up in the table, as in a compiled model, whose tables and pointers are constants instead.
//!
//! Reasons. Scores are `β` times integers, and a key of the wrong kind or address trails by `2β` or more,
//! which underflows in every dtype: rows are one-hot. A token that is no gate reads a blank one in the
//! prelude, whose value is 0. All other numbers are those of `compile/mlp.rs`, exact in every dtype. Tokens
//! of the prompt change in the core, to no effect: nothing there reads them.

use super::Draft;
use crate::error::{Error, Result};
use crate::layout::{Span, Spans};
use crate::model::{Block, Dtype, Model};

/// The least power of two whose double underflows in every dtype.
const INVERSE_TEMPERATURE: f64 = 512.0;

/// The most nodes: inputs and gates.
pub const MAX_NODES: usize = 16;

/// A gate on two earlier nodes, inputs first; bit `a + 2b` of the table is its value at operands `a`, `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The numbers of two nodes.
    pub operands: [usize; 2],
    /// The function, four bits.
    pub table: u8,
}

/// How many circuits share a model: `n_inputs` and `n_gates`, any wires, any gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The inputs, which are the first nodes.
    pub n_inputs: usize,
    /// The gates.
    pub n_gates: usize,
}

impl Shape {
    /// Bits of an address.
    pub fn address_length(self) -> usize {
        let n_nodes = self.n_inputs + self.n_gates;
        (n_nodes.next_power_of_two().ilog2() as usize).max(1)
    }

    /// The model's input: the bits of the gates, then those of the circuit's inputs.
    pub fn prompt(self, gates: &[Gate], inputs: &[bool]) -> Vec<bool> {
        let m = self.address_length();
        let mut bits = Vec::new();
        for gate in gates {
            for operand in gate.operands {
                bits.extend((0..m).map(|j| operand >> j & 1 == 1));
            }
            bits.extend((0..4).map(|row| gate.table >> row & 1 == 1));
        }
        bits.extend(inputs);
        bits
    }
}

/// The values of all gates.
pub fn evaluate(gates: &[Gate], inputs: &[bool]) -> Vec<bool> {
    let mut values = inputs.to_vec();
    for gate in gates {
        let [a, b] = gate.operands.map(|operand| usize::from(values[operand]));
        values.push(gate.table >> (a + 2 * b) & 1 == 1);
    }
    values.split_off(inputs.len())
}

/// The channels of the stream, for addresses of `m` bits.
#[derive(Clone, Copy)]
struct Channels {
    m: usize,
    /// Bits of a gate: its pointers, then its table.
    slots: usize,
    address: Span,
    /// Whether the token is bit `slot` of its gate.
    is_bit: Span,
    /// Bit `slot` as gathered, a sign.
    gathered: Span,
    is_node: usize,
    is_no_gate: usize,
    is_blank: usize,
    value: usize,
    /// The operands fetched.
    fetched: Span,
    d_model: usize,
}

impl Channels {
    fn new(m: usize) -> (Self, Spans) {
        let (slots, mut spans) = (2 * m + 4, Spans::default());
        let channels = Channels {
            m,
            slots,
            address: spans.add("address", m),
            is_bit: spans.add("is_bit", slots),
            gathered: spans.add("gathered", slots),
            is_node: spans.one("is_node"),
            is_no_gate: spans.one("is_no_gate"),
            is_blank: spans.one("is_blank"),
            value: spans.one("value"),
            fetched: spans.add("fetched", 2),
            d_model: spans.width(),
        };
        (channels, spans)
    }
}

/// The model that computes every circuit of a shape from its bits, after as many loops as gates; its outputs
/// are the gates.
///
/// # Errors
/// There is no gate, no input, or there are more than [`MAX_NODES`] nodes.
pub fn circuit_from_prompt(shape: Shape, dtype: Dtype) -> Result<Model> {
    let Shape { n_inputs, n_gates } = shape;
    let n_nodes = n_inputs.saturating_add(n_gates);
    if n_inputs == 0 || n_gates == 0 || n_nodes > MAX_NODES {
        let expected = format!("an input, a gate, and at most {MAX_NODES} of both");
        return Err(Error::new(expected, format!("{n_inputs} and {n_gates}")));
    }
    let (channels, spans) = Channels::new(shape.address_length());
    let blocks = vec![gather(channels), step(channels)];
    let model = draft(shape, channels, spans).finish(blocks, n_gates, dtype)?;
    let mut parts = model.into_parts();
    parts.n_prelude = 1;
    parts.labels.depth = n_gates + 1;
    Model::new(parts)
}

/// Nodes, then the bits of the gates, then the blank token.
fn draft(shape: Shape, channels: Channels, spans: Spans) -> Draft {
    let (n, n_nodes) = (shape.n_inputs, shape.n_inputs + shape.n_gates);
    let blank = n_nodes + shape.n_gates * channels.slots;
    let value = channels.value;
    let mut draft = Draft::new(blank + 1, spans, (value, -1.0), value);
    let sign = |bit: bool| if bit { 1.0 } else { -1.0 };
    for position in 0..blank {
        let prompt = position.checked_sub(n_nodes);
        let node = prompt.map_or(position, |p| n + p / channels.slots);
        for j in 0..channels.m {
            draft.w_pos[[position, channels.address.at(j)]] = sign(node >> j & 1 == 1);
        }
        if let Some(p) = prompt {
            let slot = p % channels.slots;
            draft.w_pos[[position, channels.is_bit.at(slot)]] = 1.0;
            draft.inputs.push((position, format!("gate{}[{slot}]", p / channels.slots)));
        } else {
            draft.w_pos[[position, channels.is_node]] = 1.0;
        }
    }
    for i in 0..n {
        draft.inputs.push((i, format!("x[{i}]")));
        // An input holds its value: both operands are itself, the gate is AND.
        for slot in 0..channels.slots {
            let bit = match slot.checked_sub(2 * channels.m) {
                Some(row) => row == 3,
                None => i >> (slot % channels.m) & 1 == 1,
            };
            draft.w_pos[[i, channels.gathered.at(slot)]] = sign(bit);
        }
    }
    for position in (0..n).chain(n_nodes..=blank) {
        draft.w_pos[[position, channels.is_no_gate]] = 1.0;
    }
    for g in n..n_nodes {
        draft.w_pos[[g, value]] = -1.0;
        draft.outputs.push((g, format!("g[{}]", g - n)));
    }
    draft.w_pos[[blank, channels.is_blank]] = 1.0;
    for fetched in channels.fetched.range() {
        draft.w_pos.column_mut(fetched).fill(1.0);
    }
    draft
}

fn empty(channels: Channels) -> Block {
    Block::zeros(channels.slots, channels.d_model, channels.m + 2, 11)
}

/// Head `h` fetches bit `h` of the token's gate, or nothing where the token is no gate.
fn gather(channels: Channels) -> Block {
    let m = channels.m;
    let weight = 2.0 * (m + 1) as f64;
    let mut block = empty(channels);
    for h in 0..channels.slots {
        for j in 0..m {
            block.w_q[[h, channels.address.at(j), j]] = INVERSE_TEMPERATURE;
            block.w_k[[h, channels.address.at(j), j]] = 1.0;
        }
        block.b_q[[h, m]] = INVERSE_TEMPERATURE;
        block.w_k[[h, channels.is_bit.at(h), m]] = weight;
        block.w_q[[h, channels.is_no_gate, m + 1]] = INVERSE_TEMPERATURE;
        block.w_k[[h, channels.is_blank, m + 1]] = 3.0 * weight;
        block.w_v[[h, channels.value, 0]] = 1.0;
        block.w_o[[h, 0, channels.gathered.at(h)]] = 1.0;
    }
    block
}

/// Two heads fetch the operands' values, and the MLP looks them up, as in `compile`.
fn step(channels: Channels) -> Block {
    let m = channels.m;
    let mut block = empty(channels);
    for (h, fetched) in channels.fetched.range().enumerate() {
        for j in 0..m {
            block.w_q[[h, channels.gathered.at(h * m + j), j]] = INVERSE_TEMPERATURE;
            block.w_k[[h, channels.address.at(j), j]] = 1.0;
        }
        block.b_q[[h, m]] = INVERSE_TEMPERATURE;
        block.w_k[[h, channels.is_node, m]] = 2.0 * (m + 1) as f64;
        block.w_v[[h, channels.value, 0]] = 1.0;
        block.w_o[[h, 0, fetched]] = 1.0;
        block.b_o[fetched] = -1.0;
    }
    look_up(&mut block, channels);
    block
}

fn look_up(block: &mut Block, channels: Channels) {
    let (value, [first, second]) = (channels.value, [0, 1].map(|h| channels.fetched.at(h)));
    for row in 0..4 {
        for (unit, half_step) in [(2 * row, 0.5), (2 * row + 1, -0.5)] {
            block.w_in[[channels.gathered.at(2 * channels.m + row), unit]] = 2.0;
            for (h, fetched) in [first, second].into_iter().enumerate() {
                block.w_in[[fetched, unit]] = if row >> h & 1 == 1 { 2.0 } else { -2.0 };
            }
            block.b_in[unit] = half_step - 4.0;
            block.w_out[[unit, value]] = 4.0 * half_step;
        }
    }
    for (unit, channel, rest) in [(8, value, -1.0), (9, first, 1.0), (10, second, 1.0)] {
        block.w_in[[channel, unit]] = 1.0;
        block.b_in[unit] = 2.0;
        block.w_out[[unit, channel]] = -1.0;
        block.b_out[channel] = 2.0 + rest;
    }
}
