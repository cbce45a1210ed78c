//! Exercise 27: how many tokens does a chain of thought take for a circuit?
//!
//! Copy this file, replace the body of `tokens`, and run `circuit2tf course check 27 YOUR_FILE`.

/// `widths[l]` is the number of gates on level `l + 1`; a token holds the results of `bits` gates, all of
/// one level. The tokens it takes to do all levels, one after the other.
pub fn tokens(widths: &[usize], bits: usize) -> usize {
    let _ = (widths, bits);
    0
}
