//! Models with fewer layers than their circuit has levels, written by hand.
//!
//! Each refutes "a model that is not looped needs as many layers as the circuit has levels" in its own
//! way: an average counts ([`symmetric`]), attention chooses by content ([`or_by_content`]), a token
//! brings its own state as one more operand ([`parity_of_three`]), pointers double
//! ([`pointer_chasing`]), and averages decide thresholds of any fan-in ([`threshold`]).
//! Others belong to bounds on one layer, and show where these end: two layers that decide what one with exact
//! sums does not ([`equality()`]), and one that does where sums are rounded ([`running_sum`]); heads without
//! an MLP over the reals ([`heads`]) and in floating point ([`rounding`]); one hard head ([`decision_list()`]);
//! a latch that is no staircase ([`lines`]). In one the circuit is not in the weights ([`prompt`]).
//! [`crate::mapping::collapse()`] is the way that works for every circuit.
//! The models read and write bits as compiled ones do; any engine runs them.

use ndarray::{Array1, Array2};

use crate::error::{Error, Result};
use crate::layout::Spans;
use crate::model::{Attention, Block, Dtype, Labels, Model, Parts, Scheme};

mod decision_list;
mod equality;
pub mod heads;
pub mod lines;
mod pointer;
pub mod prompt;
pub mod rounding;
pub mod running_sum;
pub mod threshold;

pub use decision_list::{Item, decision_list};
pub use equality::equality;
pub use pointer::pointer_chasing;

/// The scale of scores that differ by 1 or more: other terms of the softmax underflow in f32, f16, bf16.
const INVERSE_TEMPERATURE: f64 = 128.0;

/// The most tokens of a model here; they are for small demonstrations.
const MAX_TOKENS: usize = 256;

/// Embedding, read-out and ports of a model whose blocks are to come.
struct Draft {
    w_e: Array2<f64>,
    w_pos: Array2<f64>,
    w_u: Array2<f64>,
    b_u: Array1<f64>,
    inputs: Vec<(usize, String)>,
    outputs: Vec<(usize, String)>,
    spans: Spans,
}

impl Draft {
    /// Tokens 0 and 1 write `zero` and 1 to channel `bit`; a position's answer is 1 where channel `out`
    /// exceeds 1/2.
    fn new(n_ctx: usize, spans: Spans, (bit, zero): (usize, f64), out: usize) -> Self {
        let d = spans.width();
        let mut draft = Draft {
            w_e: Array2::zeros((3, d)),
            w_pos: Array2::zeros((n_ctx, d)),
            w_u: Array2::zeros((d, 2)),
            b_u: Array1::from(vec![0.5, 0.0]),
            inputs: Vec::new(),
            outputs: Vec::new(),
            spans,
        };
        draft.w_e[[0, bit]] = zero;
        draft.w_e[[1, bit]] = 1.0;
        draft.w_u[[out, 1]] = 1.0;
        draft
    }

    fn finish(self, blocks: Vec<Block>, n_loops: usize, dtype: Dtype) -> Result<Model> {
        let (input_positions, input_names) = self.inputs.into_iter().unzip();
        let (output_positions, output_names) = self.outputs.into_iter().unzip();
        let depth = blocks.len() * n_loops;
        let channel_names = self.spans.names().to_vec();
        Model::new(Parts {
            scheme: Scheme::RECURRENT,
            dtype,
            attention: Attention::Bidirectional,
            n_loops,
            n_prelude: 0,
            n_coda: 0,
            w_e: self.w_e,
            w_pos: self.w_pos,
            blocks,
            w_u: self.w_u,
            b_u: self.b_u,
            input_positions,
            output_positions,
            scheme_vectors: Default::default(),
            labels: Labels { input_names, output_names, channel_names, depth, ..Labels::default() },
            claim: Default::default(),
        })
    }

    /// Inputs `x[0]`, … on the first positions and an output `y` on position 0.
    fn with_plain_ports(mut self, n_inputs: usize) -> Self {
        self.inputs = (0..n_inputs).map(|i| (i, format!("x[{i}]"))).collect();
        self.outputs = vec![(0, "y".to_string())];
        self
    }
}

/// Blocks of a stream of one channel, f32, that starts at `start`, a number each position; the input bit adds
/// nothing.
///
/// # Errors
/// The blocks are of another shape, or there are no positions.
pub(crate) fn started_at(start: &[f64], blocks: Vec<Block>, n_loops: usize) -> Result<Model> {
    let mut spans = Spans::default();
    let x = spans.one("x");
    let mut draft = Draft::new(start.len(), spans, (x, 0.0), x).with_plain_ports(1);
    draft.w_e.fill(0.0);
    draft.w_pos.column_mut(x).assign(&Array1::from(start.to_vec()));
    draft.finish(blocks, n_loops, Dtype::F32)
}

fn check_size(n_tokens: usize) -> Result<()> {
    if (1..=MAX_TOKENS).contains(&n_tokens) {
        return Ok(());
    }
    Err(Error::new(format!("1 to {MAX_TOKENS} tokens"), n_tokens.to_string()))
}

/// Any symmetric function in one layer with one head: `values[c]` is its value at `c` ones.
///
/// All scores are 0, so the head reads the average `c / P` over `P = 2^q` tokens, those beyond the inputs
/// holding 0. The MLP multiplies by `P` and interpolates: a function on `0..=n` is
/// `values[0] + Σ_j w_j relu(c - j)`, where `w_j` is how much the slope changes at `j`. All numbers are
/// integers below `2^16` or multiples of `1/P`: exact where `P ≤ 2^p` and matrix products are
/// accumulated in f32.
///
/// # Errors
/// Not 1 to 256 inputs.
pub fn symmetric(values: &[bool], dtype: Dtype) -> Result<Model> {
    let n = values.len().saturating_sub(1);
    check_size(n)?;
    let p = n.next_power_of_two();
    let mut spans = Spans::default();
    let [bit, mean, out] = spans.each(["bit", "mean", "out"]);
    let mut draft = Draft::new(p, spans, (bit, 0.0), out).with_plain_ports(n);
    let value = |c: usize| f64::from(u8::from(values[c]));
    draft.w_pos.column_mut(out).fill(value(0));
    let mut block = Block::zeros(1, 3, 1, n);
    block.w_v[[0, bit, 0]] = 1.0;
    block.w_o[[0, 0, mean]] = 1.0;
    let slope = |j: usize| value(j + 1) - value(j);
    for j in 0..n {
        block.w_in[[mean, j]] = p as f64;
        block.b_in[j] = -(j as f64);
        block.w_out[[j, out]] = slope(j) - if j > 0 { slope(j - 1) } else { 0.0 };
    }
    draft.finish(vec![block], 1, dtype)
}

/// The disjunction of `n` inputs in one layer with one head and no use of the MLP.
///
/// Every query asks for the bit 1: tokens that hold it outscore the others by the inverse temperature. If
/// there is one, the head averages ones, else zeros.
///
/// # Errors
/// Not 1 to 256 inputs.
pub fn or_by_content(n: usize, dtype: Dtype) -> Result<Model> {
    check_size(n)?;
    let mut spans = Spans::default();
    let [bit, out] = spans.each(["bit", "out"]);
    let draft = Draft::new(n, spans, (bit, 0.0), out).with_plain_ports(n);
    let mut block = Block::zeros(1, 2, 1, 1);
    block.b_q[[0, 0]] = INVERSE_TEMPERATURE;
    block.w_k[[0, bit, 0]] = 1.0;
    block.w_v[[0, bit, 0]] = 1.0;
    block.w_o[[0, 0, out]] = 1.0;
    draft.finish(vec![block], 1, dtype)
}

/// The parity of `3^layers` inputs in that many layers with two heads.
///
/// In layer `t` a token whose number `3^(t+1)` divides reads those `3^t` and `2·3^t` further on and adds
/// both to its own bit; every other token reads itself twice, which changes nothing modulo 2. With
/// `s = x + a + b` the parity is `s - 2 relu(s - 1) + 2 relu(s - 2)`.
///
/// # Errors
/// Not 1 to 5 layers.
pub fn parity_of_three(layers: usize, dtype: Dtype) -> Result<Model> {
    let n = u32::try_from(layers).ok().and_then(|layers| 3usize.checked_pow(layers));
    let n = n.filter(|_| layers > 0).unwrap_or(0);
    check_size(n)?;
    let mut spans = Spans::default();
    let place = spans.add("position", n);
    let [bit, first, second] = spans.each(["bit", "first", "second"]);
    let d_model = spans.width();
    let mut draft = Draft::new(n, spans, (bit, 0.0), bit).with_plain_ports(n);
    (0..n).for_each(|i| draft.w_pos[[i, place.at(i)]] = 1.0);
    let layer = |t: usize| {
        let stride = 3usize.pow(t as u32);
        let mut block = Block::zeros(2, d_model, n, 6);
        for (h, fetched) in [first, second].into_iter().enumerate() {
            for i in 0..n {
                let due = i.is_multiple_of(3 * stride);
                let target = if due { i + (h + 1) * stride } else { i };
                block.w_q[[h, place.at(i), target]] = INVERSE_TEMPERATURE;
                block.w_k[[h, place.at(i), i]] = 1.0;
            }
            block.w_v[[h, bit, 0]] = 1.0;
            block.w_o[[h, 0, fetched]] = 1.0;
        }
        add_modulo_two(&mut block, [bit, first, second]);
        block
    };
    draft.finish((0..layers).map(layer).collect(), 1, dtype)
}

/// `bit` becomes the parity of three bits, the other two become 0.
fn add_modulo_two(block: &mut Block, [bit, first, second]: [usize; 3]) {
    for (unit, weight) in [(0, 1.0), (1, -2.0), (2, 2.0)] {
        for channel in [bit, first, second] {
            block.w_in[[channel, unit]] = 1.0;
        }
        block.b_in[unit] = -(unit as f64);
        block.w_out[[unit, bit]] = weight;
    }
    for (unit, channel) in [(3, bit), (4, first), (5, second)] {
        block.w_in[[channel, unit]] = 1.0;
        block.w_out[[unit, channel]] = -1.0;
    }
}
