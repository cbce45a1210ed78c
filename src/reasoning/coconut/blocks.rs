//! The layers of a continuous-thought decoder: one head, in the first, and the hidden units of all.

use super::channels::Channels;
use super::units::{Unit, Units};
use crate::compile::INVERSE_TEMPERATURE;
use crate::error::{Error, Result};
use crate::model::{Block, Dtype};

/// `S`, the gap between any two scores that must differ.
const SCORE: f64 = 4.0 * INVERSE_TEMPERATURE;

/// Dimensions of query and key: `bit`, `ask`, `state`.
pub(super) const SCORE_WIDTH: usize = 3;

/// How far `K w` is above 1 at least, if `w` is `1/n`.
const LEAST_GAIN: usize = 8;

/// `K`: the least power of two of `8n` or more.
///
/// # Errors
/// The dtype has no such number.
pub(super) fn gain(n_gathered: usize, dtype: Dtype) -> Result<f64> {
    let gain = LEAST_GAIN.saturating_mul(n_gathered.max(1)).next_power_of_two() as f64;
    if gain <= dtype.max_finite() {
        return Ok(gain);
    }
    let expected = format!("at most 4096 inputs, whose weights {dtype} tells from 0");
    Err(Error::new(expected, n_gathered.to_string()).hint("--dtype bf16 or f32"))
}

/// The blocks; `copied` are the channels that the head copies.
pub(super) fn blocks(
    units: &Units,
    channels: Channels,
    copied: &[usize],
    dtype: Dtype,
) -> Vec<Block> {
    let d_head = copied.len().max(SCORE_WIDTH);
    let empty = Block::zeros(1, channels.d_model, d_head, units.d_mlp());
    let mut blocks = vec![empty; units.layers.len()];
    for (block, units) in blocks.iter_mut().zip(&units.layers) {
        units.iter().enumerate().for_each(|(u, unit)| unit.write_to(block, u));
    }
    attend(&mut blocks[0], channels, copied);
    let last = blocks.len() - 1;
    units.last_bias.iter().for_each(|&(channel, bias)| blocks[last].b_out[channel] += bias);
    assert_exact(units, channels, dtype);
    blocks
}

/// Query `(S, 0, 0)` at `ask`, `(0, S, 2S)` at `recall`, `(0, S, 0)` elsewhere; key `(bit, ask, state)`.
fn attend(block: &mut Block, channels: Channels, copied: &[usize]) {
    block.w_q[[0, channels.ask, 0]] = SCORE;
    block.w_q[[0, channels.ask, 1]] = -SCORE;
    block.w_q[[0, channels.recall, 2]] = 2.0 * SCORE;
    block.b_q[[0, 1]] = SCORE;
    for (dimension, channel) in [channels.bit, channels.ask, channels.state].iter().enumerate() {
        block.w_k[[0, *channel, dimension]] = 1.0;
    }
    for (dimension, &channel) in copied.iter().enumerate() {
        block.w_v[[0, channel, dimension]] = 1.0;
        block.w_o[[0, dimension, channel]] = 1.0;
    }
}

/// The numbers behind the proof: scores underflow, sums of integers are exact, and `1 - K w` stays negative where `w`
/// is about `1/n`, each of the sum's terms being rounded.
///
/// # Panics
/// A constant above is wrong.
fn assert_exact(units: &Units, channels: Channels, dtype: Dtype) {
    let exact_integers = f64::from(dtype.precision()).exp2();
    assert!(SCORE >= dtype.softmax_threshold(), "rows leak in {dtype}");
    assert!(2.0 * SCORE <= dtype.max_finite(), "scores overflow in {dtype}");
    let magnitude = |unit: &Unit| {
        let weights = unit.reads.iter().map(|(_, weight)| weight.abs());
        // The gain times a weight is no integer; see below.
        weights.filter(|&weight| weight <= 1.0).sum::<f64>() + unit.bias.abs()
    };
    let largest = units.layers.iter().flatten().map(magnitude).fold(0.0, f64::max);
    assert!(largest <= exact_integers, "{largest} exceeds {exact_integers} in {dtype}");
    let (length, least) = (channels.steps.length() as f64, LEAST_GAIN as f64 - 1.0);
    let rounding = (length + 2.0) * (least + length + 1.0) / exact_integers;
    assert!(least - 1.0 > rounding, "{length} signs of a step drown the weights in {dtype}");
}
