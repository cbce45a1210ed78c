//! Attention: head `h` of every node fetches the value of operand `h`.
//!
//! Claim. With `β` = [`INVERSE_TEMPERATURE`], after the attention sublayer the channels `fetch{h}`,
//! `not_fetch{h}` of node `i` hold `(v, -v)`, `v` being the value of its operand `h`, and no other
//! channel has changed, in every dtype, exactly.
//!
//! Reasons. (1) Query and key are `β · pointer{h}` and `address`, both `±1`, so the score of node `j` is
//! `β (m - 2 d)`, `d` the Hamming distance of the codes of the operand and of `j`. Balanced codes of
//! different nodes have `d ≥ 2`: the operand's score `β m` exceeds every other by at least `4 β`.
//! (2) Partial sums of a score are `β` times an integer of magnitude at most `m`, so exact in any order
//! as long as `m ≤ 2^p`, and they don't overflow as `β m` is below the largest finite number.
//! (3) Softmax subtracts the largest score, exactly; `exp(0) = 1`, and since `4 β` is at least the
//! threshold of its softmax ([`Dtype::softmax_threshold`]), every other term is exactly 0.
//! The sum is 1: the row is one-hot. (4) The head reads `value` of the operand, `±1`, and adds it to
//! `fetch{h} = +1` along with the output bias `-1`: `1 + v - 1 = v`; `not_fetch{h}` is its negative.
//! End of proof.

use crate::layout::Layout;
use crate::model::{Block, Dtype};

/// `β`: the least power of two with `4 β ≥ θ` for f64, whose softmax threshold `θ = 745.13` is the
/// largest. One value for all dtypes, so a file stays exact when a runner widens its numbers.
pub const INVERSE_TEMPERATURE: f64 = 256.0;

/// The least score gap, in units of `β`: two balanced codes differ in at least two places, and each
/// changes the product by 2.
const GAP: f64 = 4.0;

/// Sets the attention weights of `block`.
pub(super) fn fetch_operands(block: &mut Block, layout: &Layout, inverse_temperature: f64) {
    for h in 0..layout.k() {
        for j in 0..layout.code_length() {
            block.w_q[[h, layout.pointer(h).start + j, j]] = inverse_temperature;
            block.w_k[[h, layout.address().start + j, j]] = 1.0;
        }
        block.w_v[[h, layout.value(), 0]] = 1.0;
        block.w_o[[h, 0, layout.fetch(h)]] = 1.0;
        block.w_o[[h, 0, layout.not_fetch(h)]] = -1.0;
        block.b_o[layout.fetch(h)] = -1.0;
        block.b_o[layout.not_fetch(h)] = 1.0;
    }
}

/// The reasons (2) and (3), for weights with the default temperature.
///
/// # Panics
/// A constant above is wrong.
pub(crate) fn assert_exact(layout: &Layout, dtype: Dtype) {
    let code_length = layout.code_length() as f64;
    assert!(gap_over_threshold(dtype) >= 1.0, "other scores do not underflow in {dtype}");
    assert!(code_length <= f64::from(dtype.precision()).exp2(), "scores round in {dtype}");
    assert!(INVERSE_TEMPERATURE * code_length <= dtype.max_finite(), "scores overflow in {dtype}");
}

/// The score gap of the default temperature over the dtype's softmax threshold.
fn gap_over_threshold(dtype: Dtype) -> f64 {
    GAP * INVERSE_TEMPERATURE / dtype.softmax_threshold()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_reaches_the_threshold_of_every_dtype_and_half_of_it_does_not() {
        for dtype in Dtype::ALL {
            assert!(gap_over_threshold(dtype) >= 1.0, "{dtype}");
        }
        assert!(gap_over_threshold(Dtype::F64) / 2.0 < 1.0, "the least power of two");
    }
}
