//! The MLP of a halting model: Kleene's extension of any truth table of `k` operands.
//!
//! Claim. Before the sublayer let `fetched{h}_v` be 1 iff operand `h` is known to be `v`, and row `r` of the
//! table be `t_r`, 0 or 1. After it `known{v}` is 1 iff `t_r = v` for all rows `r` that agree with the
//! operands that are known, else 0; `halting` is `known0 + known1`; `fetched` is 0 again; nothing else has
//! changed; in every dtype, exactly.
//!
//! Reasons. (1) With `ρ_h(1) = fetched{h}_1`, `ρ_h(0) = fetched{h}_0` and `ρ_h(⊥) = 1 - fetched{h}_1 -
//! fetched{h}_0`, exactly one of an operand's three numbers is 1, so the bracket `Σ_h ρ_h(a_h) - (k - 1)` of a
//! pattern `a` of `{0, 1, ⊥}^k` is 1 for the pattern of the operands and an integer of at most 0 for every
//! other. (2) The sum over the completions `r` of `a` of `t_r - 1` is 0 if all are 1 and at most -1 if not;
//! so `relu(bracket + Σ (t_r - 1))` is 1 iff `a` is the pattern of the operands and all its completions give
//! 1, else 0; and `relu(bracket - Σ t_r)` likewise for 0. At most one of these units is 1. (3) What stood in
//! `known`, `halting` and `fetched` is 0 or 1, so `relu` is the identity on it and takes it away. (4) All
//! terms are integers and no partial sum exceeds [`largest_partial_sum`]: every operation is exact in any
//! order ([`assert_exact`]). End of proof.

use ndarray::Axis;

use super::channels::Channels;
use crate::model::{Block, Dtype};

/// What is known of an operand: a bit, or nothing.
type Known = Option<bool>;

/// Hidden units: two for each pattern, and one for each channel to clear.
pub fn n_units(k: usize) -> usize {
    2 * 3usize.pow(k as u32) + 3 + 2 * k
}

/// Sets the MLP weights of `block`.
pub fn evaluate(block: &mut Block, channels: &Channels) {
    let k = channels.k();
    let mut unit = 0;
    for number in 0..3usize.pow(k as u32) {
        let pattern: Vec<Known> = (0..k as u32).map(|h| digit(number / 3usize.pow(h))).collect();
        for bit in [false, true] {
            bracket(block, channels, &pattern, unit);
            completions(block, channels, &pattern, (unit, bit));
            block.w_out[[unit, channels.known(bit)]] = 1.0;
            block.w_out[[unit, channels.halting()]] = 1.0;
            unit += 1;
        }
    }
    let fetched = (0..k).flat_map(|h| [false, true].map(|bit| channels.fetched(h, bit)));
    let state = [channels.known(false), channels.known(true), channels.halting()];
    for channel in state.into_iter().chain(fetched) {
        block.w_in[[channel, unit]] = 1.0;
        block.w_out[[unit, channel]] = -1.0;
        unit += 1;
    }
}

fn digit(number: usize) -> Known {
    [Some(false), Some(true), None][number % 3]
}

/// `Σ_h ρ_h(a_h) - (k - 1)`
fn bracket(block: &mut Block, channels: &Channels, pattern: &[Known], unit: usize) {
    block.b_in[unit] = 1.0 - pattern.len() as f64;
    for (h, known) in pattern.iter().enumerate() {
        match known {
            Some(bit) => block.w_in[[channels.fetched(h, *bit), unit]] = 1.0,
            None => {
                block.b_in[unit] += 1.0;
                block.w_in[[channels.fetched(h, false), unit]] = -1.0;
                block.w_in[[channels.fetched(h, true), unit]] = -1.0;
            }
        }
    }
}

/// Adds `Σ (t_r - 1)` for the bit 1, `-Σ t_r` for the bit 0, over the rows that complete the pattern.
fn completions(
    block: &mut Block,
    channels: &Channels,
    pattern: &[Known],
    (unit, bit): (usize, bool),
) {
    for row in 0..1usize << pattern.len() {
        let agrees = |(h, known): (usize, &Known)| known.is_none_or(|v| v == (row >> h & 1 == 1));
        if pattern.iter().enumerate().all(agrees) {
            block.w_in[[channels.table(row), unit]] = if bit { 1.0 } else { -1.0 };
            block.b_in[unit] -= f64::from(u8::from(bit));
        }
    }
}

/// A bound on every partial sum, in any order, of the sublayer's dot products on a stream of 0 and 1.
///
/// Into the hidden layer: the weights' magnitudes. Out of it: the channel itself, one unit that sets it and
/// one that clears it.
fn largest_partial_sum(block: &Block) -> f64 {
    let into = block.w_in.map(|w| w.abs()).sum_axis(Axis(0)) + block.b_in.map(|b| b.abs());
    into.iter().copied().fold(3.0, f64::max)
}

/// Reason (4): integers of magnitude up to `2^p` have at most `p` significant bits.
///
/// # Panics
/// A constant above is wrong.
pub fn assert_exact(block: &Block, dtype: Dtype) {
    let (bound, limit) = (largest_partial_sum(block), f64::from(dtype.precision()).exp2());
    assert!(bound <= limit, "{bound} exceeds {limit} in {dtype}");
    let weights = block.w_in.iter().chain(&block.b_in).chain(&block.w_out).chain(&block.b_out);
    assert!(weights.into_iter().all(|w| w.fract() == 0.0), "every weight is an integer");
}
