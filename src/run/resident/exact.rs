//! Exact sums: when no operation of a dot product rounds, in any order.
//!
//! Lemma. Let a format have precision `p`, least normal exponent `q` and largest number `M`. If all terms
//! of a sum are multiples of `2^e`, `e ≥ q`, and their magnitudes add up to at most `2^(e+p-1)` and `M`,
//! then each term and each partial sum is `n·2^e` with `|n| < 2^p`, a number of the format: no operation
//! rounds, in any order or tree, fused or not, in this format or a wider one. End of proof.
//!
//! Magnitudes are added in f64, whose rounding is monotone and cannot take a total above `2^(e+p-1)`, a
//! number of f64, to one below it.

use crate::model::Dtype;

/// What the lemma asks of the terms of a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The sum of the terms' magnitudes.
    pub magnitude: f64,
    /// All terms are multiples of 2 to this power.
    pub exponent: i32,
}

impl Bound {
    /// Of the sum without terms, or with zeros only.
    pub const EMPTY: Bound = Bound { magnitude: 0.0, exponent: i32::MAX };

    #[inline]
    pub fn of(x: f64) -> Self {
        Bound { magnitude: x.abs(), exponent: exponent(x) }
    }

    /// Of a term `a·b`, where `self` bounds the sum `a`.
    #[inline]
    pub fn times(self, b: f64) -> Self {
        if b == 0.0 || self == Bound::EMPTY {
            Bound::EMPTY
        } else {
            Bound {
                magnitude: self.magnitude * b.abs(),
                exponent: self.exponent.saturating_add(exponent(b)),
            }
        }
    }

    /// Of the terms of both sums.
    #[inline]
    pub fn plus(self, other: Bound) -> Self {
        Bound {
            magnitude: self.magnitude + other.magnitude,
            exponent: self.exponent.min(other.exponent),
        }
    }

    /// Of either sum.
    #[inline]
    pub fn or(self, other: Bound) -> Self {
        Bound {
            magnitude: self.magnitude.max(other.magnitude),
            exponent: self.exponent.min(other.exponent),
        }
    }

    /// Whether the lemma applies.
    #[inline]
    pub fn is_exact_in(self, dtype: Dtype) -> bool {
        if self == Bound::EMPTY {
            return true;
        }
        let limit = power_of_two(self.exponent.saturating_add(dtype.precision() as i32 - 1));
        self.exponent >= dtype.min_exponent() && self.magnitude <= limit.min(dtype.max_finite())
    }
}

/// A sum with its bound; the value is the exact one if the lemma applies in any format.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    pub value: f64,
    pub bound: Bound,
}

impl Sum {
    #[inline]
    pub fn new(x: f64) -> Self {
        Sum { value: x, bound: Bound::of(x) }
    }

    #[inline]
    pub fn add_product(&mut self, a: f64, b: f64) {
        self.value += a * b;
        self.bound = self.bound.plus(Bound::of(a).times(b));
    }
}

/// Whether the sum of two numbers of the format is one.
pub fn is_exact_sum(dtype: Dtype, a: f64, b: f64) -> bool {
    let sum = a + b;
    // What the sum in f64 is off by, exactly (Knuth's two-sum).
    let part = sum - a;
    let error = (a - (sum - part)) + (b - part);
    error == 0.0 && dtype.round(sum) == sum
}

/// `2^e` for an `e` above the subnormal range; infinite if it overflows.
#[inline]
fn power_of_two(e: i32) -> f64 {
    match u64::try_from(e.saturating_add(1023)) {
        Ok(field) if field < 2047 => f64::from_bits(field << 52),
        Ok(_) => f64::INFINITY,
        Err(_) => 0.0,
    }
}

/// The largest `e` such that `2^e` divides `x`; of 0, the largest number.
#[inline]
fn exponent(x: f64) -> i32 {
    let bits = x.to_bits();
    let (field, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    match (field, fraction) {
        (0, 0) => i32::MAX,
        (0, _) => fraction.trailing_zeros() as i32 - 1074,
        _ => (fraction | 1 << 52).trailing_zeros() as i32 + field - 1075,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_exact(dtype: Dtype, terms: &[(f64, f64)]) -> bool {
        let mut sum = Sum::new(0.0);
        terms.iter().for_each(|&(a, b)| sum.add_product(a, b));
        sum.bound.is_exact_in(dtype)
    }

    #[test]
    fn exponents_are_those_of_the_last_bit() {
        for (x, e) in [(1.0, 0), (-12.0, 2), (0.375, -3), (f64::from_bits(1), -1074)] {
            assert_eq!(exponent(x), e, "{x}");
        }
        assert_eq!(exponent(-0.0), i32::MAX);
    }

    #[test]
    fn sums_are_exact_up_to_half_the_precision_and_within_the_range() {
        for dtype in Dtype::ALL {
            let limit = f64::from(dtype.precision() - 1).exp2();
            assert!(is_exact(dtype, &[(limit - 1.0, 1.0), (-1.0, 1.0)]), "{dtype}");
            assert!(!is_exact(dtype, &[(limit, 1.0), (-1.0, 1.0)]), "{dtype}");
            assert!(!is_exact(dtype, &[(dtype.max_finite(), 2.0)]), "{dtype}");
            let least = f64::from(dtype.min_exponent()).exp2();
            assert!(is_exact(dtype, &[(least, 1.0)]), "{dtype}");
            assert!(!is_exact(dtype, &[(least, 0.5)]), "{dtype}");
            assert!(is_exact(dtype, &[(0.0, 1.0)]), "{dtype}");
        }
        assert!(!is_exact(Dtype::F64, &[(f64::MAX, f64::MAX)]));
        assert!(is_exact_sum(Dtype::Bf16, 255.0, 1.0) && !is_exact_sum(Dtype::Bf16, 256.0, 1.0));
        assert!(is_exact_sum(Dtype::F64, 0.5, 0.25) && !is_exact_sum(Dtype::F64, 1.0, 1e-20));
        assert!(!is_exact_sum(Dtype::F64, f64::MAX, f64::MAX));
        assert!(!is_exact(Dtype::F64, &[(0.1, 0.1)]));
    }
}
