//! Equality of two words in one layer of one head of width 1: a running sum that is rounded.
//!
//! With exact sums one layer of `H` heads of width `w` and numbers of `p` bits needs `H (w + 1) p ≥ n` to compare
//! words of `n` bits (`proofs/p16_equality.rs`), since a word sends that many bits. A sum that is rounded after
//! each addition is no message of a word: where the words' bits take turns it never holds more than their
//! difference so far.

use super::Draft;
use crate::error::{Error, Result};
use crate::layout::Spans;
use crate::model::{Block, Dtype, Model};

/// The most bits of a word: `e^-86` is a normal number of bf16 and f32, and `e^-90` is none.
pub const MAX_BITS: usize = 87;

/// The order of the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// a0 b0 a1 b1 …
    Alternating,
    /// a0 a1 … b0 b1 …
    WordByWord,
}

/// Whether two words of `n` bits are equal, by one layer of one head of width 1 with an MLP of two units, in
/// bf16; ports as in the family `eq`. The token that answers comes last and holds no bit of a word.
///
/// A bit that is 1 scores `-i` in place `i`, one that is 0 scores 256 less, and the query is a constant. So the
/// weight of place `i` is `w_i`, a fixed multiple of `e^-i` but for rounding, if its bit is 1, and 0 if not; where no
/// bit is 1 the weights of both words' bits agree as well. Values are 1 for the first word and -1 for the second.
///
/// Claim. With alternating tokens, sums rounded after each addition in their order in any format of 8 bits or
/// more with the range of bf16, the model is right. Reasons.
///
/// 1. As long as the words agree, a place adds `w_i` or 0 and takes it away again: the sum is 0, exactly.
/// 2. Where they differ first, at place `i`, it becomes `w_i` or `-w_i`; say the first. As `w_{j+1} < w_j / 2`,
///    rounding considered, the sum after place `j` is at least `B_j = w_i 2^(i-j)`: it was `B_{j-1}`, at most `w_j` is
///    taken away, and `B_{j-1} - w_j ≥ B_j`, a number of the format, below which a monotone rounding does not go.
/// 3. So the sum, times `2^30`, is 0 if the words are equal and beyond `2^-100` else; logit 0 is its absolute value
///    and logit 1 is `2^-100`. End of proof.
///
/// Word by word the first word is rounded to one number before the second comes, and the bound holds.
///
/// # Errors
/// Not 1 to 87 bits.
pub fn equality_by_running_sum(n: usize, order: Tokens) -> Result<Model> {
    /// The query: bits of 1 come before bits of 0 by this much.
    const ONES_FIRST: f64 = 256.0;
    if !(1..=MAX_BITS).contains(&n) {
        return Err(Error::new(format!("words of 1 to {MAX_BITS} bits"), n.to_string()));
    }
    let mut spans = Spans::default();
    let [bit, place, word, sum, differs] = spans.each(["bit", "place", "word", "sum", "differs"]);
    let mut draft = Draft::new(2 * n + 1, spans, (bit, 0.0), differs);
    for (name, sign) in [("a", 1.0), ("b", -1.0)] {
        for i in 0..n {
            let second = usize::from(sign < 0.0);
            let position = match order {
                Tokens::Alternating => 2 * i + second,
                Tokens::WordByWord => n * second + i,
            };
            draft.w_pos[[position, place]] = -(i as f64);
            draft.w_pos[[position, word]] = sign;
            draft.inputs.push((position, format!("{name}[{i}]")));
        }
    }
    draft.w_pos[[2 * n, place]] = -2.0 * ONES_FIRST;
    draft.outputs.push((2 * n, "eq".to_string()));
    let mut block = Block::zeros(1, 5, 1, 2);
    block.b_q[[0, 0]] = 1.0;
    block.w_k[[0, bit, 0]] = ONES_FIRST;
    block.w_k[[0, place, 0]] = 1.0;
    block.b_k[[0, 0]] = -ONES_FIRST;
    block.w_v[[0, word, 0]] = 1.0;
    block.w_o[[0, 0, sum]] = 30f64.exp2();
    for (unit, sign) in [(0, 1.0), (1, -1.0)] {
        block.w_in[[sum, unit]] = sign;
        block.w_out[[unit, differs]] = 1.0;
    }
    draft.w_u.fill(0.0);
    draft.w_u[[differs, 0]] = 1.0;
    draft.b_u[0] = 0.0;
    draft.b_u[1] = (-100f64).exp2();
    draft.finish(vec![block], 1, Dtype::Bf16)
}
