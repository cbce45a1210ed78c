//! Exercise 27, worked: each level takes as many tokens as its gates fill, the last one perhaps partly.

/// `widths[l]` is the number of gates on level `l + 1`; a token holds the results of `bits` gates, all of
/// one level. The tokens it takes to do all levels, one after the other.
pub fn tokens(widths: &[usize], bits: usize) -> usize {
    widths.iter().map(|width| width.div_ceil(bits)).sum()
}
