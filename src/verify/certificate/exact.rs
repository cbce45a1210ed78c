//! Exact sums of products: when no operation of a dot product rounds, in any order.
//!
//! Lemma. Let a format have precision `p`, least normal number `2^q` and largest finite number `M`. If all
//! products `a·b` of a sum are multiples of `2^e`, `e ≥ q`, and `Σ |a·b| ≤ min(2^(e+p), M)`, then every
//! product and every partial sum, in whatever order or tree, with or without fused multiply-add, with a
//! wider accumulator or not, is a number of the format: no operation rounds or overflows.
//!
//! Proof. A product or a partial sum is a sum over a subset of the terms, so `n·2^e` with
//! `|n·2^e| ≤ Σ |a·b|`. By the bound `|n| ≤ 2^p`, and `n·2^e` is finite; as `e ≥ q` it is a normal number
//! or zero, and such numbers belong to the format. A correctly rounded operation whose exact result
//! belongs to the format returns it. End of proof.
//!
//! The bound `e ≥ q` is stronger than needed (the least subnormal would do), so nothing depends on
//! gradual underflow.

use crate::model::Dtype;

/// A finite number `mantissa · 2^exponent` with an odd mantissa, or zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dyadic {
    mantissa: i64,
    exponent: i32,
}

impl Dyadic {
    /// The number `x`, exactly.
    ///
    /// # Panics
    /// In debug builds, if `x` is not finite: the certificate looks for that first.
    pub fn new(x: f64) -> Self {
        debug_assert!(x.is_finite(), "only finite numbers are dyadic");
        let bits = x.to_bits();
        let (field, fraction) = ((bits >> 52 & 0x7ff) as i32, (bits & ((1 << 52) - 1)) as i64);
        let (magnitude, exponent) =
            if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        if magnitude == 0 {
            return Dyadic { mantissa: 0, exponent: 0 };
        }
        let zeros = magnitude.trailing_zeros();
        let mantissa = magnitude >> zeros;
        Dyadic {
            mantissa: if x < 0.0 { -mantissa } else { mantissa },
            exponent: exponent + zeros as i32,
        }
    }

    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    pub fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    pub fn magnitude(self) -> Self {
        Dyadic { mantissa: self.mantissa.abs(), ..self }
    }
}

/// The largest `Σ |a·b|`, in units of the common power of two, that any format allows.
const MAX_UNITS: u64 = 1 << 53;

/// A sum of products under construction, with what the lemma needs to know of its terms.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    /// In units of `2^exponent`.
    value: i64,
    /// `Σ |a·b|` in the same unit; above [`MAX_UNITS`] the sum is lost and nothing else matters.
    magnitude: u64,
    exponent: i32,
}

impl Sum {
    /// The sum of no terms.
    pub const EMPTY: Sum = Sum { value: 0, magnitude: 0, exponent: 0 };
    const LOST: Sum = Sum { value: 0, magnitude: u64::MAX, exponent: 0 };

    /// The sum of `n` terms `a·b`.
    pub fn repeated(n: u32, a: Dyadic, b: Dyadic) -> Sum {
        let mantissa = a.mantissa.checked_mul(b.mantissa).and_then(|m| m.checked_mul(n.into()));
        let exponent = a.exponent + b.exponent;
        match mantissa {
            Some(value) => Sum { value, magnitude: value.unsigned_abs(), exponent },
            None => Sum::LOST,
        }
    }

    pub fn add(&mut self, x: Dyadic) {
        let magnitude = x.mantissa.unsigned_abs();
        self.add_sum(&Sum { value: x.mantissa, magnitude, exponent: x.exponent });
    }

    pub fn add_product(&mut self, a: Dyadic, b: Dyadic) {
        match a.mantissa.checked_mul(b.mantissa) {
            Some(mantissa) => self.add(Dyadic { mantissa, exponent: a.exponent + b.exponent }),
            None => *self = Sum::LOST,
        }
    }

    /// Adds the terms of another sum.
    pub fn add_sum(&mut self, other: &Sum) {
        if other.magnitude == 0 {
            return;
        }
        if self.magnitude == 0 {
            *self = *other;
            return;
        }
        let exponent = self.exponent.min(other.exponent);
        *self = match (self.in_units_of(exponent), other.in_units_of(exponent)) {
            (Some(a), Some(b)) => {
                Sum { value: a.value + b.value, magnitude: a.magnitude + b.magnitude, exponent }
            }
            _ => Sum::LOST,
        };
    }

    /// The terms in a finer unit, if they are not lost.
    fn in_units_of(self, exponent: i32) -> Option<Sum> {
        if self.magnitude > MAX_UNITS {
            return None;
        }
        let shift = (self.exponent - exponent) as u32;
        if shift >= self.magnitude.leading_zeros() {
            return None;
        }
        let magnitude = self.magnitude << shift;
        (magnitude <= MAX_UNITS).then_some(Sum { value: self.value << shift, magnitude, exponent })
    }
}

/// The arithmetic of a dtype, and how much of it the exact sums have used.
#[derive(Debug, Clone, Copy)]
pub struct Arithmetic {
    dtype: Dtype,
    most_units: u64,
    largest: f64,
}

impl Arithmetic {
    pub fn new(dtype: Dtype) -> Self {
        Arithmetic { dtype, most_units: 0, largest: 0.0 }
    }

    /// The value of the sum, if the lemma says that it is exact in the dtype.
    pub fn exact(&mut self, sum: &Sum) -> Option<f64> {
        if sum.magnitude == 0 {
            return Some(0.0);
        }
        if sum.magnitude > 1 << self.dtype.precision() || sum.exponent < self.dtype.min_exponent() {
            return None;
        }
        let unit = power_of_two(sum.exponent)?;
        let largest = sum.magnitude as f64 * unit;
        if largest > self.dtype.max_finite() {
            return None;
        }
        self.most_units = self.most_units.max(sum.magnitude);
        self.largest = self.largest.max(largest);
        Some(sum.value as f64 * unit)
    }

    /// The largest `Σ |a·b|` over its limit `2^(e+p)` so far.
    pub fn share_of_precision(&self) -> f64 {
        self.most_units as f64 / (1u64 << self.dtype.precision()) as f64
    }

    /// The largest `Σ |a·b|` so far, a bound on the magnitude of every intermediate result.
    pub fn largest(&self) -> f64 {
        self.largest
    }
}

/// `2^exponent`, if that is a normal f64.
fn power_of_two(exponent: i32) -> Option<f64> {
    let field = u64::try_from(exponent + 1023).ok()?;
    (1..2047).contains(&field).then(|| f64::from_bits(field << 52))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(dtype: Dtype, terms: &[(f64, f64)]) -> Option<f64> {
        let mut sum = Sum::EMPTY;
        for &(a, b) in terms {
            sum.add_product(Dyadic::new(a), Dyadic::new(b));
        }
        Arithmetic::new(dtype).exact(&sum)
    }

    #[test]
    fn dyadics_are_the_numbers_they_are_made_of() {
        let least = f64::from_bits(1);
        for x in [1.0, -3.5, 0.1, 1e300, f64::MIN_POSITIVE, least, -f64::MAX] {
            let Dyadic { mantissa, exponent } = Dyadic::new(x);
            assert!(mantissa % 2 != 0);
            let (high, low) = (exponent / 2, exponent - exponent / 2);
            assert_eq!(mantissa as f64 * 2f64.powi(high) * 2f64.powi(low), x);
        }
        assert!(Dyadic::new(-0.0).is_zero());
    }

    #[test]
    fn small_integers_are_exact_and_their_sum_is_right() {
        for dtype in Dtype::ALL {
            assert_eq!(exact(dtype, &[(3.0, 5.0), (-1.0, 7.0), (0.5, 0.5)]), Some(8.25));
            assert_eq!(exact(dtype, &[]), Some(0.0));
        }
    }

    #[test]
    fn precision_is_the_limit_even_where_the_total_is_small() {
        for dtype in Dtype::ALL {
            let limit = f64::from(dtype.precision()).exp2();
            if limit <= dtype.max_finite() {
                assert_eq!(exact(dtype, &[(limit, 1.0)]), Some(limit), "{dtype}");
            }
            assert_eq!(exact(dtype, &[(limit, 1.0), (1.0, 1.0), (-limit, 1.0)]), None, "{dtype}");
            assert_eq!(exact(dtype, &[(1.0, 1.0), (0.5 / limit, 1.0)]), None, "{dtype}");
        }
    }

    #[test]
    fn a_product_with_too_many_bits_or_too_small_is_refused() {
        let third = |dtype: Dtype| dtype.round(1.0 / 3.0);
        for dtype in Dtype::ALL {
            assert_eq!(exact(dtype, &[(third(dtype), third(dtype))]), None, "{dtype}");
            let least = f64::from(dtype.min_exponent()).exp2();
            assert_eq!(exact(dtype, &[(least, 1.0)]), Some(least), "{dtype}");
            assert_eq!(exact(dtype, &[(least, 0.5)]), None, "{dtype}");
        }
    }

    #[test]
    fn overflow_is_refused_whatever_the_signs() {
        let half = |dtype: Dtype| (dtype.max_finite().log2().ceil() - 1.0).exp2();
        for dtype in Dtype::ALL {
            let half = half(dtype);
            assert_eq!(exact(dtype, &[(half, 1.0)]), Some(half), "{dtype}");
            assert_eq!(exact(dtype, &[(half, 1.0), (half, -1.0)]), None, "{dtype}");
            assert_eq!(exact(dtype, &[(half, 4.0)]), None, "{dtype}");
        }
    }

    /// Where the lemma holds, summing with rounding after each step gives the same in every order.
    #[test]
    fn rounded_sums_in_all_orders_agree_with_the_lemma() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut n_exact = 0;
        for _ in 0..20_000 {
            let dtype = [Dtype::F16, Dtype::Bf16, Dtype::F32][rng.random_range(0..3)];
            let scale = 2f64.powi(rng.random_range(-4..12));
            let mut number = || dtype.round(f64::from(rng.random_range(-8i32..=8)) * scale / 4.0);
            let terms: Vec<(f64, f64)> = (0..4).map(|_| (number(), number())).collect();
            let Some(value) = exact(dtype, &terms) else { continue };
            n_exact += 1;
            for order in 0..24 {
                let mut left = terms.clone();
                let mut sum = 0.0;
                let mut code = order;
                for n in (1..=4).rev() {
                    let (a, b) = left.remove(code % n);
                    code /= n;
                    sum = dtype.round(sum + dtype.round(a * b));
                }
                assert_eq!(sum, value, "{terms:?} in {dtype}");
            }
        }
        assert!(n_exact > 1000, "{n_exact}");
    }
}
