//! Storage ceilings: the bits of a token of a vocabulary and of a state of floating-point numbers.
//!
//! A number format of `B` bits has `2^B` patterns; those whose exponent field is all ones are infinite or
//! not a number, which leaves [`finite_patterns`], of which two are zero.

use crate::error::{Error, Result};
use crate::model::Dtype;

/// Vocabularies in use, in the order of their size.
pub const VOCABULARIES: [u64; 5] = [32_000, 32_768, 50_257, 128_256, 151_936];

/// The headline: `log2 V` bits of a token against `B d` bits of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    vocabulary: u64,
    dim: u64,
    bits: u64,
}

impl Ceilings {
    /// The largest vocabulary, so that it is a number of `f64`.
    pub const MAX_VOCABULARY: u64 = 1 << 53;
    /// The largest state, so that its bits are a number of `f64`.
    pub const MAX_DIM: u64 = 1 << 40;
    /// The widest coordinate.
    pub const MAX_BITS: u64 = 1 << 12;

    /// A vocabulary of `vocabulary` tokens beside `dim` coordinates of `bits` bits.
    ///
    /// # Errors
    /// Fewer than 2 tokens, no coordinate, no bit, or more than the constants above.
    pub fn new(vocabulary: u64, dim: u64, bits: u64) -> Result<Self> {
        let ranges = [
            ("a vocabulary", "tokens", vocabulary, 2, Self::MAX_VOCABULARY),
            ("a state", "coordinates", dim, 1, Self::MAX_DIM),
            ("coordinates", "bits", bits, 1, Self::MAX_BITS),
        ];
        for (what, unit, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                let expected = format!("{what} of {least} to {most} {unit}");
                return Err(Error::new(expected, value.to_string()));
            }
        }
        Ok(Ceilings { vocabulary, dim, bits })
    }

    /// The number of tokens, `V`.
    pub fn vocabulary(&self) -> u64 {
        self.vocabulary
    }

    /// The coordinates of a state, `d`.
    pub fn dim(&self) -> u64 {
        self.dim
    }

    /// Bits of a coordinate.
    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// `log2 V`.
    pub fn token_bits(&self) -> f64 {
        (self.vocabulary as f64).log2()
    }

    /// `g = ⌊log2 V⌋`: the whole bits that a token can name, one gate each.
    pub fn gates_per_token(&self) -> u64 {
        u64::from(self.vocabulary.ilog2())
    }

    /// `B d`.
    pub fn state_bits(&self) -> u64 {
        self.bits * self.dim
    }

    /// `B d / log2 V`.
    pub fn ratio(&self) -> f64 {
        self.state_bits() as f64 / self.token_bits()
    }

    /// The least `t` with `t log2 V > B d`: so many tokens in the context tell apart more than a state.
    pub fn tokens_to_exceed(&self) -> u64 {
        // For a power of two the quotient is of integers and exact.
        if self.vocabulary.is_power_of_two() {
            self.state_bits() / self.gates_per_token() + 1
        } else {
            self.ratio().floor() as u64 + 1
        }
    }
}

/// Bit patterns of a format that are finite numbers: `2^B - 2^p`, `p` its precision.
///
/// An exponent field of all ones leaves the sign and the `p - 1` stored significand bits: `2^p` patterns.
pub fn finite_patterns(dtype: Dtype) -> u64 {
    let all = 1u128 << (8 * dtype.size());
    (all - (1 << dtype.precision())) as u64
}

/// Finite numbers of a format: its two zeros are one number.
pub fn finite_values(dtype: Dtype) -> u64 {
    finite_patterns(dtype) - 1
}

/// `log2` of a count.
pub fn bits_of(count: u64) -> f64 {
    (count as f64).log2()
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;

    #[test]
    fn the_headline_is_the_one_that_is_quoted() {
        let headline = Ceilings::new(32_768, 4096, 16).unwrap();
        assert_eq!((headline.token_bits(), headline.state_bits()), (15.0, 65_536));
        assert!((headline.ratio() - 4369.0666).abs() < 1e-4);
        assert_eq!((headline.gates_per_token(), headline.tokens_to_exceed()), (15, 4370));
        let bits = VOCABULARIES.map(|v| Ceilings::new(v, 1, 1).unwrap().token_bits());
        let expected = [14.966, 15.0, 15.617, 16.969, 17.213];
        assert!(bits.iter().zip(expected).all(|(bits, e)| (bits - e).abs() < 5e-4), "{bits:?}");
    }

    #[test]
    fn as_many_tokens_exceed_the_state_and_one_fewer_do_not() {
        for (v, d, b) in [(2, 1, 1), (4, 3, 2), (5, 1000, 16), (50_257, 4096, 16), (3, 1, 1)] {
            let ceilings = Ceilings::new(v, d, b).unwrap();
            let tokens = ceilings.tokens_to_exceed();
            let bits = |t: u64| t as f64 * ceilings.token_bits();
            assert!(bits(tokens) > ceilings.state_bits() as f64, "{v} {d} {b}");
            assert!(bits(tokens - 1) <= ceilings.state_bits() as f64, "{v} {d} {b}");
        }
    }

    #[test]
    fn patterns_are_counted_by_going_through_all_of_them() {
        let finite = |is_finite: fn(u16) -> bool| (0..=u16::MAX).filter(|&b| is_finite(b)).count();
        let f16_count = finite(|bits| f16::from_bits(bits).is_finite()) as u64;
        let bf16_count = finite(|bits| bf16::from_bits(bits).is_finite()) as u64;
        assert_eq!((f16_count, bf16_count), (63_488, 65_280));
        assert_eq!(finite_patterns(Dtype::F16), f16_count);
        assert_eq!(finite_patterns(Dtype::Bf16), bf16_count);
        let values = |number: fn(u16) -> f64| {
            let numbers = (0..=u16::MAX).map(number).filter(|x| x.is_finite());
            // `x + 0` makes -0 a plain 0.
            let mut numbers: Vec<f64> = numbers.map(|x| x + 0.0).collect();
            numbers.sort_by(f64::total_cmp);
            numbers.dedup();
            numbers.len() as u64
        };
        assert_eq!(finite_values(Dtype::F16), values(|bits| f16::from_bits(bits).to_f64()));
        assert_eq!(finite_values(Dtype::Bf16), values(|bits| bf16::from_bits(bits).to_f64()));
        // By the exponent of the largest number: 2^p patterns for each of 2 e_max + 1 exponents.
        assert_eq!(finite_patterns(Dtype::F32), 2 * u64::from(f32::MAX.to_bits() + 1));
        assert_eq!(finite_patterns(Dtype::F64), 2 * (f64::MAX.to_bits() + 1));
    }

    #[test]
    fn totals_of_the_headline_state() {
        let total = |count| 4096.0 * bits_of(count);
        let cases = [
            (finite_patterns(Dtype::Bf16), 65_512.9),
            (finite_values(Dtype::Bf16), 65_512.8),
            (finite_patterns(Dtype::F16), 65_348.4),
        ];
        assert!(cases.iter().all(|&(count, expected)| (total(count) - expected).abs() < 0.05));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for (v, d, b) in [(0, 1, 1), (1, 1, 1), (2, 0, 1), (2, 1, 0), (u64::MAX, 1, 1)] {
            assert!(Ceilings::new(v, d, b).is_err(), "{v} {d} {b}");
        }
        assert!(Ceilings::new(2, u64::MAX, 1).is_err());
        assert!(Ceilings::new(2, 1, u64::MAX).is_err());
        let largest =
            Ceilings::new(Ceilings::MAX_VOCABULARY, Ceilings::MAX_DIM, Ceilings::MAX_BITS);
        assert_eq!(largest.unwrap().state_bits(), 1 << 52);
    }
}
