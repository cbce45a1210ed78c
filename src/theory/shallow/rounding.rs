//! Parity, and every symmetric function, by one head without an MLP: rounding is the non-linearity.
//!
//! Over the reals the read-out of one head that averages is a linear function of the number `c` of ones, and
//! has one sign change. In a format of `p` bits numbers from `2^p` to `2^(p+1)` are 2 apart, so that
//! `fl(2^p + a c)` is a staircase of `c`. What rounds here is a single operation, the addition of a sublayer's
//! output to the residual stream: how sums of products are accumulated plays no part
//! (Park, Park and Hwang 2026 on floats).

use super::{Draft, check_size};
use crate::error::{Error, Result};
use crate::layout::Spans;
use crate::model::{Block, Dtype, Model};

/// The most bits of a symmetric function: the weights are small integers up to there.
pub const MAX_SYMMETRIC: usize = 32;

/// The parity of `n` bits in one layer of one head of width 1 with `W_Q = 0`, `d_model = 3` and no MLP.
///
/// Claim. In a format of `p` bits the model is right on all inputs, for `n ≤ 2^(p-1)`, whatever the order and
/// the width of accumulators from the dtype's up, and in whatever order it is added to the stream: there are no
/// biases. Reasons.
///
/// 1. All scores are 0 and the `P = 2^q ≥ n` tokens share the weight, `1/P` each. A token's value is `P` or 0, and
///    `P/2` more for the second token, whose `count` starts at a half. Every partial sum is a multiple of 1/2 below
///    `2^(p-1)` but the last one, so the head gives `c + 1/2` exactly for `c < 2^(p-1)`.
/// 2. That is added to the channel `count`, which holds 0, and to `stair`, which holds `2^p`. The numbers next
///    to `2^p + c + 1/2` are `2^p + c` and `2^p + c + 1` rounded to even, which is the one that is even: for even
///    `c` the first, for odd `c` the second. At `c = 2^(p-1)`, an even number, the head's `c + 1/2` is rounded to `c` at once.
/// 3. Logit 1 is `stair - 2^p`, which is `c`, or `c + 1` for odd `c`, and logit 0 is `c + 1/2` (or `c`): the first
///    is the larger exactly if `c` is odd. Both differences are exact. End of proof.
///
/// Over the reals both logits are `c + 1/2`, and the answer is always 0.
///
/// # Errors
/// Not 1 to 256 inputs, or more than the format counts.
pub fn parity_by_rounding(n: usize, dtype: Dtype) -> Result<Model> {
    check_size(n)?;
    let (p, most) = (dtype.precision(), 1usize << (dtype.precision() - 1));
    if n > most {
        return Err(Error::new(format!("at most {most} bits in {dtype}"), n.to_string()));
    }
    let mut spans = Spans::default();
    let [bit, count, stair] = spans.each(["bit", "count", "stair"]);
    let tokens = n.next_power_of_two().max(2);
    let mut draft = Draft::new(tokens, spans, (bit, 0.0), stair).with_plain_ports(n);
    let base = f64::from(p).exp2();
    draft.w_pos[[1, count]] = 0.5;
    draft.w_pos.column_mut(stair).fill(base);
    draft.w_u[[count, 0]] = 1.0;
    draft.b_u[0] = 0.0;
    draft.b_u[1] = -base;
    let mut block = Block::zeros(1, 3, 1, 1);
    for channel in [bit, count] {
        block.w_v[[0, channel, 0]] = tokens as f64;
    }
    for channel in [count, stair] {
        block.w_o[[0, 0, channel]] = 1.0;
    }
    draft.finish(vec![block], 1, dtype)
}

/// Any symmetric function of `n ≤ 32` bits in one layer of one head with `W_Q = 0`, `d_model = n + 2` and no
/// MLP: `values[c]` is its value at `c` ones.
///
/// Claim. In f16 the model is right on all inputs if matrix products are accumulated in f32 or wider. Reasons.
///
/// 1. Channel `t` of `n` starts at `2^p` and gets `a_t c` with `a_t = 1/(t - 1/2)`. So it ends at
///    `2^p + 2 S_t(c)`, `S_t(c)` being the number of odd numbers below `a_t c`: 0 for `c < t` and 1 at `c = t`.
///    No `a_t c = 2c/(2t - 1)` is odd, and none is nearer to an odd number than `1/(2t - 1)`, which is more
///    than two roundings move it in a format of 11 bits: for `n ≤ 32` by less than a part in `2^10`.
/// 2. So the `S_t` are triangular in `t` and `c`, with ones on the diagonal: they and a constant span all
///    functions of `c`, with whole numbers `w_t` that are found from `t = 1` on, and `Σ w_t S_t` is the value
///    less that at 0. The logit is twice that, a sum of whole numbers below `2^24`. End of proof.
///
/// # Errors
/// Not 1 to 32 inputs.
pub fn symmetric_by_rounding(values: &[bool]) -> Result<Model> {
    let n = values.len().saturating_sub(1);
    if !(1..=MAX_SYMMETRIC).contains(&n) {
        return Err(Error::new(format!("1 to {MAX_SYMMETRIC} inputs"), n.to_string()));
    }
    let dtype = Dtype::F16;
    let mut spans = Spans::default();
    let stairs = spans.named(1, n, |_, t| format!("stair[{}]", t + 1)).row(0);
    let [bit, out] = spans.each(["bit", "start"]);
    let tokens = n.next_power_of_two();
    let mut block = Block::zeros(1, spans.width(), n, 1);
    let mut draft = Draft::new(tokens, spans, (bit, 0.0), out).with_plain_ports(n);
    let base = f64::from(dtype.precision()).exp2();
    let weights = staircase_weights(values);
    for (t, &weight) in weights.iter().enumerate() {
        draft.w_pos.column_mut(stairs.at(t)).fill(base);
        block.w_v[[0, bit, t]] = dtype.round(1.0 / (t as f64 + 0.5)) * tokens as f64;
        block.w_o[[0, t, stairs.at(t)]] = 1.0;
        draft.w_u[[stairs.at(t), 1]] = weight as f64;
    }
    // What the channels start at: as many as it takes, since 2^p times their sum may be no number.
    draft.w_pos.column_mut(out).fill(base);
    draft.w_u[[out, 1]] = -weights.iter().sum::<i64>() as f64;
    draft.b_u[0] = if values[0] { -1.0 } else { 1.0 };
    draft.finish(vec![block], 1, dtype)
}

/// `w_1, …, w_n` with `Σ w_t S_t(c) = values[c] - values[0]` at every `c`.
fn staircase_weights(values: &[bool]) -> Vec<i64> {
    let value = |c: usize| i64::from(values[c]);
    let mut weights: Vec<i64> = Vec::new();
    for c in 1..values.len() {
        let known: i64 = (1..c).map(|t| weights[t - 1] * steps(t, c)).sum();
        weights.push(value(c) - value(0) - known);
    }
    weights
}

/// `S_t(c)`: the odd numbers below `2c/(2t - 1)`.
fn steps(t: usize, c: usize) -> i64 {
    (2 * c).div_ceil(2 * t - 1) as i64 / 2
}
