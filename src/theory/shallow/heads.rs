//! Parity of `n` bits by `n` heads of one layer and no MLP.
//!
//! Let `c` be the number of ones and
//! `Δ(c) = Π_{i<n} (i + 1/2 - c) / Π_{j=1}^n (c + j)`,
//! which is positive at even `c` from 0 to `n` and negative at odd. Partial fractions make it
//! `(-1)^n + Σ_j A_j / (c + j)` with `A_j = (-1)^(j-1) C(n-1, j-1) Π_{i<n} (2i + 1 + 2j) / (2^n (n-1)!)`.
//! A head with score 0 for a zero and `ln((n + j)/j)` for a one gives a bit its weight `(n + j)/j` or 1 of
//! the sum `(n/j)(c + j)`: averaging the bits it reads `((n + j)/n) c/(c + j)`, which is
//! `((n + j)/n)(1 - j/(c + j))`. So a linear form of the heads and a constant is `Δ`.

use super::Draft;
use crate::error::{Error, Result};
use crate::layout::Spans;
use crate::model::{Block, Dtype, Model};

/// Beyond, the numerators exceed 127 bits.
pub const MAX_EXACT: usize = 12;

/// The coefficients `A_1, …, A_n` as integers over one denominator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fractions {
    /// Of `A_1, …, A_n`.
    pub numerators: Vec<i128>,
    /// Of them all.
    pub denominator: i128,
}

/// # Errors
/// Not 1 to 12 heads.
pub fn fractions(n: usize) -> Result<Fractions> {
    if !(1..=MAX_EXACT).contains(&n) {
        return Err(Error::new(format!("1 to {MAX_EXACT} heads"), n.to_string()));
    }
    let n = n as i128;
    let choose = |k: i128| (1..=k).fold(1, |product, i| product * (n - i) / i);
    let numerator = |j: i128| {
        let sign = if j % 2 == 1 { 1 } else { -1 };
        sign * choose(j - 1) * (0..n).map(|i| 2 * i + 1 + 2 * j).product::<i128>()
    };
    let denominator = (1..n).product::<i128>() << n;
    Ok(Fractions { numerators: (1..=n).map(numerator).collect(), denominator })
}

impl Fractions {
    /// Whether `(-1)^n + Σ_j A_j / (c + j)` is `Δ(c)`, in integers; at `n` values of `c` or more that shows it
    /// for all, as the difference times the poles' product is a polynomial of degree `n - 1` at most.
    pub fn is_exact_at(&self, c: i128) -> bool {
        let n = self.numerators.len() as i128;
        let poles = |but: i128| (1..=n).filter(|&j| j != but).map(|j| c + j).product::<i128>();
        let constant = if n % 2 == 0 { 1 } else { -1 } * poles(0) * self.denominator;
        let terms = (1..=n).zip(&self.numerators).map(|(j, a)| a * poles(j)).sum::<i128>();
        let zeros: i128 = (0..n).map(|i| 2 * i + 1 - 2 * c).product();
        // Both sides times the denominator and the poles; the zeros are doubled n times.
        (constant + terms) << n == zeros * self.denominator
    }
}

/// The parity of `n` bits in one layer of `n` heads of width 1, the MLP being 0.
///
/// Output is `1/2 - Δ`, in the dtype's arithmetic: right as long as rounding stays below the margin of
/// `Δ`, which falls by more than 4 with each head.
///
/// # Errors
/// Not 1 to 12 bits, or a coefficient is beyond the dtype.
pub fn parity_by_heads(n: usize, dtype: Dtype) -> Result<Model> {
    let fractions = fractions(n)?;
    let mut spans = Spans::default();
    let [bit, out] = spans.each(["bit", "out"]);
    let draft = Draft::new(n, spans, (bit, 0.0), out).with_plain_ports(n);
    let mut block = Block::zeros(n, 2, 1, 1);
    let mut constant = 0.5 - if n.is_multiple_of(2) { 1.0 } else { -1.0 };
    for (h, &numerator) in fractions.numerators.iter().enumerate() {
        let (j, bits) = ((h + 1) as f64, n as f64);
        let residue = numerator as f64 / fractions.denominator as f64 / j;
        block.b_q[[h, 0]] = dtype.round(((bits + j) / j).ln());
        block.w_k[[h, bit, 0]] = 1.0;
        block.w_v[[h, bit, 0]] = 1.0;
        block.w_o[[h, 0, out]] = dtype.round(residue * bits / (bits + j));
        constant -= residue;
    }
    block.b_o[out] = dtype.round(constant);
    draft.finish(vec![block], 1, dtype)
}
