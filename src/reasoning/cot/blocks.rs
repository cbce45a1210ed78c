//! The layers of a chain-of-thought decoder; no weight depends on the circuit.
//!
//! Claim. On a stream whose static channels and bits are `±1` and whose other channels are 0, at every
//! position: attention writes the bits of the token that holds operand `o` to `fetch{o}`, the first MLP the
//! bit that `slot{o}` names to `operand[o]`, and the last MLP the row of `table{i}` that the operands of gate
//! `i` name to `result[i]`, in every dtype, exactly.
//!
//! Reasons. (1) Query and key of head `o` are `β · pointer{o}` and `address`, balanced codes: the score of
//! the position pointed at is `β m`, and any other's is less by `4 β` or more, which is at least the softmax
//! threshold of the dtype; so the row is one-hot, exactly, as in `compile/attention.rs`, and the head writes
//! the `±1` it reads. (2) With `c` signs, `f + Σ σ_j slot_j - c` is `f` for the slot that is named, and at most
//! `1 - 2` for every other; so the sum of the units `relu` is 1 if the bit is 1 and else 0, and twice it less 1
//! is the bit. (3) With `s_h = +1` where row `r` has operand `h` set and else `-1`, `t_r + Σ s_h v_h - k` is `t_r`
//! for the row of the operands, at most `1 + (k - 2) - k = -1` for every other, and the same follows for the
//! result. (4) All numbers are integers, a score `β` times one; no partial sum exceeds [`largest_partial_sum`],
//! within which every integer is a number of the dtype. The second layer of two has no head that writes: its
//! values and outputs are 0. End of proof.

use ndarray::Axis;

use super::channels::Channels;
use crate::compile::INVERSE_TEMPERATURE;
use crate::model::{Block, Dtype};

/// Twice a unit that is 0 or 1, less 1, is a sign.
const TO_SIGN: f64 = 2.0;

/// The blocks in order: fetch and select, look up; or one that does both, as there is nothing to select.
pub(super) fn blocks(channels: Channels) -> Vec<Block> {
    let [n_heads, d_model, d_head, d_mlp] = shape(channels);
    let mut first = Block::zeros(n_heads, d_model, d_head, d_mlp);
    fetch(&mut first, channels);
    if channels.g == 1 {
        look_up(&mut first, channels);
        return vec![first];
    }
    select(&mut first, channels);
    let mut second = Block::zeros(n_heads, d_model, d_head, d_mlp);
    look_up(&mut second, channels);
    vec![first, second]
}

/// Heads, d_model, d_head, d_mlp.
pub(super) fn shape(channels: Channels) -> [usize; 4] {
    let n_selecting = if channels.g == 1 { 0 } else { channels.n_operands() * channels.g };
    let d_mlp = n_selecting.max(channels.g * channels.n_rows());
    let d_head = channels.codes.length().max(channels.g);
    [channels.n_operands(), channels.d_model, d_head, d_mlp]
}

fn fetch(block: &mut Block, channels: Channels) {
    for o in 0..channels.n_operands() {
        for j in 0..channels.codes.length() {
            block.w_q[[o, channels.pointer.at(o, j), j]] = INVERSE_TEMPERATURE;
            block.w_k[[o, channels.address.at(j), j]] = 1.0;
        }
        for s in 0..channels.g {
            block.w_v[[o, channels.bit.at(s), s]] = 1.0;
            block.w_o[[o, s, channels.fetch.at(o, s)]] = 1.0;
        }
    }
}

fn select(block: &mut Block, channels: Channels) {
    for o in 0..channels.n_operands() {
        for s in 0..channels.g {
            let unit = o * channels.g + s;
            block.w_in[[channels.fetch.at(o, s), unit]] = 1.0;
            for j in 0..channels.slot_signs() {
                block.w_in[[channels.slot.at(o, j), unit]] = sign(s >> j & 1 == 1);
            }
            block.b_in[unit] = -(channels.slot_signs() as f64);
            block.w_out[[unit, channels.operand.at(o)]] = TO_SIGN;
        }
        block.b_out[channels.operand.at(o)] = -1.0;
    }
}

fn look_up(block: &mut Block, channels: Channels) {
    for i in 0..channels.g {
        for row in 0..channels.n_rows() {
            let unit = i * channels.n_rows() + row;
            block.w_in[[channels.table.at(i, row), unit]] = 1.0;
            for h in 0..channels.k {
                let operand = channels.operand.at(i * channels.k + h);
                block.w_in[[operand, unit]] = sign(row >> h & 1 == 1);
            }
            block.b_in[unit] = -(channels.k as f64);
            block.w_out[[unit, channels.result.at(i)]] = TO_SIGN;
        }
        block.b_out[channels.result.at(i)] = -1.0;
    }
}

pub(super) fn sign(bit: bool) -> f64 {
    if bit { 1.0 } else { -1.0 }
}

/// A bound on every partial sum, in any order, of the products with the weights but the scores, on a stream of
/// numbers of magnitude 1 at most; hidden units are 0 or 1, one of those that write to a channel being 1.
fn largest_partial_sum(block: &Block, channels: Channels) -> f64 {
    let into = block.w_in.map(|w| w.abs()).sum_axis(Axis(0)) + block.b_in.map(|b| b.abs());
    let logits = 2.0 * channels.g as f64;
    into.iter().copied().fold(logits.max(TO_SIGN + 1.0), f64::max)
}

/// Reasons (1) and (4).
///
/// # Panics
/// A constant above is wrong.
pub(super) fn assert_exact(blocks: &[Block], channels: Channels, dtype: Dtype) {
    let exact_integers = f64::from(dtype.precision()).exp2();
    let code_length = channels.codes.length() as f64;
    assert!(4.0 * INVERSE_TEMPERATURE >= dtype.softmax_threshold(), "rows leak in {dtype}");
    assert!(code_length <= exact_integers, "scores round in {dtype}");
    assert!(INVERSE_TEMPERATURE * code_length <= dtype.max_finite(), "scores overflow in {dtype}");
    for block in blocks {
        let bound = largest_partial_sum(block, channels);
        assert!(bound <= exact_integers, "{bound} exceeds {exact_integers} in {dtype}");
        let weights = block.w_in.iter().chain(&block.b_in).chain(&block.w_out).chain(&block.b_out);
        assert!(weights.into_iter().all(|w| w.fract() == 0.0), "every weight is an integer");
    }
}
