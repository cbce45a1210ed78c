//! The number formats of a model file.

use std::fmt;
use std::str::FromStr;

use half::{bf16, f16};
use serde::{Serialize, Serializer};

use crate::error::{Error, Result};

/// A binary floating-point format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE binary32.
    F32,
    /// IEEE binary16.
    F16,
    /// bfloat16: binary32 with 8 bits of significand.
    Bf16,
    /// IEEE binary64.
    F64,
}

impl Dtype {
    /// All of them, the default first.
    pub const ALL: [Dtype; 4] = [Dtype::F32, Dtype::F16, Dtype::Bf16, Dtype::F64];

    /// The name used by flags and messages.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
            Dtype::F64 => "f64",
        }
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Dtype::F16 | Dtype::Bf16 => 2,
            Dtype::F32 => 4,
            Dtype::F64 => 8,
        }
    }

    /// Significand bits, the implicit one included.
    #[inline]
    pub fn precision(self) -> u32 {
        match self {
            Dtype::F32 => 24,
            Dtype::F16 => 11,
            Dtype::Bf16 => 8,
            Dtype::F64 => 53,
        }
    }

    /// The exponent of the least normal number.
    #[inline]
    pub fn min_exponent(self) -> i32 {
        match self {
            Dtype::F32 | Dtype::Bf16 => -126,
            Dtype::F16 => -14,
            Dtype::F64 => -1022,
        }
    }

    /// The largest finite number.
    #[inline]
    pub fn max_finite(self) -> f64 {
        match self {
            Dtype::F32 => f64::from(f32::MAX),
            Dtype::F16 => f16::MAX.to_f64(),
            Dtype::Bf16 => bf16::MAX.to_f64(),
            Dtype::F64 => f64::MAX,
        }
    }

    /// The argument at and below which `exp` rounds to zero: `-θ` with `θ = (p - e_min) ln 2`, `p` the
    /// precision and `e_min` the least normal exponent. There `e^x ≤ 2^(e_min - p)`, half the least
    /// subnormal number.
    pub fn underflow_threshold(self) -> f64 {
        (f64::from(self.precision()) - f64::from(self.min_exponent())) * std::f64::consts::LN_2
    }

    /// The lead of a score from which on the exponentials of the others are zero wherever the softmax is taken
    /// in the format, or in f32 if that is wider: the larger of the two underflow thresholds.
    ///
    /// It is a bound for the exponential. A weight, its quotient by the sum, can be zero before: beside two
    /// leading scores it is half the exponential, and half of the least number of a format rounds to zero.
    pub fn softmax_threshold(self) -> f64 {
        self.underflow_threshold().max(Dtype::F32.underflow_threshold())
    }

    /// The nearest number of the format, ties to even, in one rounding.
    #[inline]
    pub fn round(self, x: f64) -> f64 {
        match self {
            Dtype::F32 => f64::from(x as f32),
            Dtype::F16 | Dtype::Bf16 => self.round_half(x),
            Dtype::F64 => x,
        }
    }

    /// [`Dtype::round`] for formats of 16 bits. The crate `half` goes through f32 where the processor converts f32 to
    /// f16, and elsewhere drops the last 32 bits first: beside a tie it is wrong, and in two ways.
    #[inline]
    fn round_half(self, x: f64) -> f64 {
        if !x.is_finite() {
            return x;
        }
        let dropped = 53 - self.precision();
        let rounded = if x.abs() < f64::from(self.min_exponent()).exp2() {
            // A unit in the last place of this number is the format's least subnormal number.
            let large = 1.5 * f64::from(self.min_exponent() + dropped as i32).exp2();
            ((x + large) - large).copysign(x)
        } else {
            let half_less = (1 << (dropped - 1)) - 1;
            let even = x.to_bits() >> dropped & 1;
            f64::from_bits((x.to_bits() + half_less + even) >> dropped << dropped)
        };
        if rounded.abs() > self.max_finite() { f64::INFINITY.copysign(x) } else { rounded }
    }

    /// The first number that is none of the format; what is not a number is of every format.
    pub fn first_outside(self, numbers: &[f64]) -> Option<f64> {
        match self {
            Dtype::F64 => None,
            Dtype::F32 => first(numbers, |x| f64::from(x as f32) != x),
            // The first 16 bits of a number of f32, of which the others are 0.
            Dtype::Bf16 => first(numbers, |x| {
                let single = x as f32;
                (f64::from(single) != x) | (single.to_bits() & 0xFFFF != 0)
            }),
            Dtype::F16 => first(numbers, |x| self.round(x) != x),
        }
    }
}

/// The first number for which `is_outside` holds and that is a number.
fn first(numbers: &[f64], is_outside: impl Fn(f64) -> bool) -> Option<f64> {
    /// Looked at without a way out between them, which lets the processor take several at once.
    const CHUNK: usize = 256;
    let is_outside = |x: f64| is_outside(x) & !x.is_nan();
    let any = |chunk: &&[f64]| chunk.iter().fold(false, |any, &x| any | is_outside(x));
    numbers.chunks(CHUNK).find(any)?.iter().copied().find(|&x| is_outside(x))
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By its name.
impl Serialize for Dtype {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromStr for Dtype {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Dtype::ALL.into_iter().find(|dtype| dtype.name() == text);
        found.ok_or_else(|| Error::new("f32, f16, bf16 or f64", format!("{text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_rounds_to_zero_at_the_threshold_and_not_above() {
        for dtype in Dtype::ALL {
            let theta = dtype.underflow_threshold();
            // f64's own subnormals carry the result for the narrower formats; f64 is probed directly.
            assert_eq!(dtype.round((-(theta + 0.01)).exp()), 0.0, "{dtype}");
            assert_ne!(dtype.round((-(theta - 0.01)).exp()), 0.0, "{dtype}");
        }
    }

    #[test]
    fn thresholds_are_those_of_the_theorem() {
        let expected =
            [(Dtype::F64, 745.13), (Dtype::F32, 103.97), (Dtype::Bf16, 92.88), (Dtype::F16, 17.33)];
        for (dtype, theta) in expected {
            assert!((dtype.underflow_threshold() - theta).abs() < 0.01, "{dtype}");
        }
    }

    /// Taken in f32, a softmax of scores that lead by the threshold of f16 or bf16 still leaks.
    #[test]
    fn the_threshold_of_a_softmax_is_that_of_f32_unless_the_format_is_wider() {
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            assert_eq!(dtype.softmax_threshold(), Dtype::F32.underflow_threshold());
            let below = -(dtype.underflow_threshold() + 0.01) as f32;
            assert_eq!(below.exp() == 0.0, dtype == Dtype::F32, "{dtype}");
        }
        assert_eq!(Dtype::F64.softmax_threshold(), Dtype::F64.underflow_threshold());
    }

    /// Two leaders, the third behind them by less than f16's threshold: its exponential is not 0, its weight is.
    #[test]
    fn a_weight_can_vanish_where_its_exponential_does_not() {
        let term = Dtype::F16.round((-17.3f64).exp());
        assert!(term > 0.0);
        assert_eq!(Dtype::F16.round(term / (2.0 + term)), 0.0);
    }

    /// Numbers beside the middle of two neighbours, by less than f32 shows and by the last bit of f64.
    #[test]
    fn rounding_is_once_beside_ties_too() {
        for (dtype, bits) in [(Dtype::F16, 0x0001..0x7BFF_u16), (Dtype::Bf16, 0x0001..0x7F7F)] {
            let number = |bits: u16| match dtype {
                Dtype::F16 => f16::from_bits(bits).to_f64(),
                _ => bf16::from_bits(bits).to_f64(),
            };
            for bits in bits {
                let (low, high) = (number(bits), number(bits + 1));
                let middle = f64::midpoint(low, high);
                let even = if bits % 2 == 0 { low } else { high };
                for sign in [1.0, -1.0] {
                    let round = |x: f64| sign * dtype.round(sign * x);
                    assert_eq!(round(middle), even, "{middle:e} in {dtype}");
                    for near in [middle.next_up(), middle * (1.0 + 1e-11), high.next_down(), high] {
                        assert_eq!(round(near), high, "{near:e} in {dtype}");
                    }
                    for near in [middle.next_down(), middle * (1.0 - 1e-11), low.next_up(), low] {
                        assert_eq!(round(near), low, "{near:e} in {dtype}");
                    }
                }
            }
            let max = dtype.max_finite();
            let beyond = max + (max - number(bits_before(dtype))) / 2.0;
            assert_eq!(dtype.round(beyond), f64::INFINITY);
            assert_eq!(dtype.round(-beyond.next_down()), -max);
            assert!(dtype.round(f64::NAN).is_nan() && dtype.round(-1e-300).is_sign_negative());
        }
    }

    /// The largest number but one.
    fn bits_before(dtype: Dtype) -> u16 {
        if dtype == Dtype::F16 { 0x7BFE } else { 0x7F7E }
    }

    #[test]
    fn rounding_finds_numbers_outside_the_format() {
        assert_eq!(Dtype::Bf16.first_outside(&[1.0, 256.0, 257.0]), Some(257.0));
        assert_eq!(Dtype::F16.first_outside(&[2048.0, 1e5]), Some(1e5));
        assert_eq!(Dtype::F32.first_outside(&[f64::NAN, f64::INFINITY]), None);
    }

    /// Numbers of a format, numbers beside them by a bit of f32 or of f64, and beyond its ends.
    #[test]
    fn a_number_is_of_the_format_if_rounding_leaves_it_alone() {
        let near = |x: f64| {
            let single = (x as f32).to_bits();
            let singles = [single, single ^ 1, single ^ 0x8000, single ^ 0x1000];
            let doubles = [x, x.next_up(), x.next_down(), -x];
            singles.map(|bits| f64::from(f32::from_bits(bits))).into_iter().chain(doubles)
        };
        for dtype in Dtype::ALL {
            let powers = (-1074..1024).map(|e| f64::from(e).exp2());
            let others = [0.0, 3.0, 257.0, 65_504.0, 65_520.0, f64::INFINITY, f64::NAN];
            for x in powers.chain(others).chain([dtype.max_finite()]).flat_map(near) {
                let is_outside = !x.is_nan() && dtype.round(x) != x;
                assert_eq!(
                    dtype.first_outside(&[1.0, x]).is_some(),
                    is_outside,
                    "{x:e} in {dtype}"
                );
            }
            let mut many = vec![1.0; 1000];
            (many[700], many[600]) = (f64::MIN_POSITIVE / 4.0, 1.0 + f64::EPSILON);
            let expected = if dtype == Dtype::F64 { None } else { Some(many[600]) };
            assert_eq!(dtype.first_outside(&many), expected, "{dtype}");
        }
    }
}
