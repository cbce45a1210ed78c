//! MLP: looks the fetched operands up in the node's truth table and clears the old values.
//!
//! Claim. If before the sublayer `fetch{h} = v_h`, `value = x`, all `±1` with negated twins, and row `r`
//! of the truth table is `t_r = ±1`, then after it `value` is `t_r` for the row `r` whose bits are the
//! operands, the fetch pairs are `(+1, -1)` again, and nothing else has changed, in every dtype, exactly.
//!
//! Reasons. (1) With `s_h = +1` where row `r` has operand `h` set and `-1` elsewhere,
//! `z_r = t_r + Σ s_h v_h - k` is `t_r` for the row of the operands and at most `1 + (k - 2) - k = -1`
//! for every other. (2) `ramp(z) = relu(2z + 1/2) - relu(2z - 1/2)` is 1 at `z = 1` and 0 at every odd
//! `z ≤ -1`; it is flat around both, so an error below 3/4 in `z` does not pass. The sum `f` of the
//! ramps is 1 if `t_r = 1` for the row of the operands, else 0. (3) For `y` in `value`, `fetch{h}`, the
//! unit `relu(y + 2) = y + 2` is linear, as `y ≥ -2`; subtracting it clears `y`: `value` becomes
//! `x + 2f - (x + 2) + 1 = 2f - 1`, `fetch{h}` becomes `v - (v + 2) + 3 = 1`. The twins get the
//! negatives. (4) All terms are multiples of 1/2 and no partial sum exceeds
//! [`largest_partial_sum`], so every operation is exact in any order ([`assert_exact`]). End of proof.

use ndarray::Axis;

use crate::layout::Layout;
use crate::model::{Block, Dtype};

/// Half the width of the ramp's flat part on either side of its threshold, in units of `2z`.
const HALF_STEP: f64 = 0.5;
/// The slope of the ramp, which makes it pass from 0 to 1 between `2z = -1/2` and `2z = 1/2`.
const SLOPE: f64 = 2.0;
/// Keeps the clearing units in their linear part.
const LIFT: f64 = 2.0;

/// Hidden units: two for each row of the truth table, one for each channel to clear.
pub(super) fn n_units(layout: &Layout) -> usize {
    2 * layout.n_rows() + 1 + layout.k()
}

/// Sets the MLP weights of `block`.
pub(super) fn look_up_and_clear(block: &mut Block, layout: &Layout) {
    for row in 0..layout.n_rows() {
        look_up(block, layout, row, 2 * row, HALF_STEP);
        look_up(block, layout, row, 2 * row + 1, -HALF_STEP);
    }
    let mut unit = 2 * layout.n_rows();
    clear(block, unit, layout.value(), layout.not_value(), -1.0);
    for h in 0..layout.k() {
        unit += 1;
        clear(block, unit, layout.fetch(h), layout.not_fetch(h), 1.0);
    }
}

/// One of the two units of a row's ramp; the sign of `half_step` is the sign it enters with.
fn look_up(block: &mut Block, layout: &Layout, row: usize, unit: usize, half_step: f64) {
    block.w_in[[layout.table(row), unit]] = SLOPE;
    for h in 0..layout.k() {
        let sign = if row >> h & 1 == 1 { 1.0 } else { -1.0 };
        block.w_in[[layout.fetch(h), unit]] = SLOPE * sign;
    }
    block.b_in[unit] = half_step - SLOPE * layout.k() as f64;
    let weight = 2.0 * half_step.signum();
    block.w_out[[unit, layout.value()]] = weight;
    block.w_out[[unit, layout.not_value()]] = -weight;
}

/// Replaces a channel by `rest` and its twin by `-rest`.
fn clear(block: &mut Block, unit: usize, channel: usize, twin: usize, rest: f64) {
    block.w_in[[channel, unit]] = 1.0;
    block.b_in[unit] = LIFT;
    block.w_out[[unit, channel]] = -1.0;
    block.w_out[[unit, twin]] = 1.0;
    block.b_out[channel] = LIFT + rest;
    block.b_out[twin] = -(LIFT + rest);
}

/// A bound on every partial sum, in any order, of the sublayer's dot products on a `±1` stream.
///
/// Into the hidden layer: the weights' magnitudes. Out of it: by (1) at most one row's pair is active,
/// at 5/2 and 3/2 with weights `±2`, beside one clearing unit at 3 or less, a bias and the residual.
fn largest_partial_sum(block: &Block) -> f64 {
    let into = block.w_in.map(|w| w.abs()).sum_axis(Axis(0)) + block.b_in.map(|b| b.abs());
    let bias = block.b_out.iter().fold(0.0, |bound: f64, b| bound.max(b.abs()));
    let out = 2.0 * (2.5 + 1.5) + (1.0 + LIFT) + bias + 1.0;
    into.iter().copied().fold(out, f64::max)
}

/// Reason (4): multiples of 1/2 below `2^(p-1)` have at most `p` significant bits.
///
/// # Panics
/// A constant above is wrong.
pub(super) fn assert_exact(block: &Block, layout: &Layout, dtype: Dtype) {
    let bound = largest_partial_sum(block);
    let limit = f64::from(dtype.precision() - 1).exp2();
    assert!(bound <= limit, "{bound} exceeds {limit} in {dtype} with {} heads", layout.k());
    let multiple_of_half = |&w: &f64| (2.0 * w).fract() == 0.0;
    let weights = block.w_in.iter().chain(&block.b_in).chain(&block.w_out).chain(&block.b_out);
    assert!(weights.into_iter().all(multiple_of_half), "every weight is a multiple of 1/2");
}
