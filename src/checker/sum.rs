//! Exact sums: when a sum of products has one value, whoever adds it up.
//!
//! Lemma. Let a format have `p` significant bits, the least normal number `2^q` and the largest number `M`. If all
//! products of a sum are multiples of `2^e` with `e ≥ q`, and their magnitudes add up to at most `2^(e+p)` and at
//! most `M`, every partial sum, in any order or tree, fused or not, in this format or a wider one, is a number of
//! the format, so that nothing rounds. Proof: a partial sum is `n 2^e` with `|n| ≤ 2^p`. End of proof.

/// A finite number `mantissa · 2^exponent` with an odd mantissa, or zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    pub mantissa: i64,
    pub exponent: i32,
}

impl Number {
    pub const ZERO: Number = Number { mantissa: 0, exponent: 0 };

    /// `x`, which must be finite.
    pub fn new(x: f64) -> Self {
        if x == 0.0 {
            return Number::ZERO;
        }
        let bits = x.to_bits();
        let fraction = (bits & ((1 << 52) - 1)) as i64;
        // Subnormal numbers have no leading one, and the exponent of field 1.
        let (whole, field) = match (bits >> 52 & 0x7FF) as i32 {
            0 => (fraction, 1),
            field => (fraction + (1 << 52), field),
        };
        let zeros = whole.trailing_zeros() as i32;
        let mantissa = whole >> zeros;
        Number {
            mantissa: if x < 0.0 { -mantissa } else { mantissa },
            exponent: field - 1075 + zeros,
        }
    }
}

/// The number format of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Format {
    /// Significant bits, the implicit one included.
    pub precision: i32,
    /// The exponent of the least normal number.
    pub least: i32,
    pub largest: f64,
}

impl Format {
    pub const F32: Format = Format { precision: 24, least: -126, largest: f32::MAX as f64 };
    pub const F16: Format = Format { precision: 11, least: -14, largest: 65504.0 };
    pub const BF16: Format =
        Format { precision: 8, least: -126, largest: 255.0 * (1u128 << 120) as f64 };
    pub const F64: Format = Format { precision: 53, least: -1022, largest: f64::MAX };

    /// The `θ` from which on `e^-θ` rounds to 0: half of the least subnormal number.
    pub fn underflow(self) -> f64 {
        f64::from(self.precision - self.least) * std::f64::consts::LN_2
    }

    /// The lead of a score that makes a softmax row one-hot, taken in this format or in f32 if that is wider.
    pub fn threshold(self) -> f64 {
        self.underflow().max(Format::F32.underflow())
    }
}

/// What the lemma asks of a sum's terms.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    /// The value, in units of `2^unit`.
    value: i64,
    /// The magnitudes added up, in the same unit.
    size: u64,
    unit: i32,
}

/// No format has room for more units.
const MOST: u64 = 1 << 53;

impl Sum {
    pub const EMPTY: Sum = Sum { value: 0, size: 0, unit: 0 };
    const TOO_LARGE: Sum = Sum { value: 0, size: MOST + 1, unit: 0 };

    pub fn add(&mut self, x: Number) {
        self.add_terms(&Sum {
            value: x.mantissa,
            size: x.mantissa.unsigned_abs(),
            unit: x.exponent,
        });
    }

    pub fn add_product(&mut self, a: Number, b: Number) {
        let product = i128::from(a.mantissa) * i128::from(b.mantissa);
        let unit = a.exponent + b.exponent;
        match i64::try_from(product) {
            Ok(value) => self.add_terms(&Sum { value, size: value.unsigned_abs(), unit }),
            Err(_) => *self = Sum::TOO_LARGE,
        }
    }

    /// Adds `times` products of the magnitudes of `a` and `b`.
    pub fn add_repeated(&mut self, times: u32, a: Number, b: Number) {
        let (a, times) = (Number { mantissa: a.mantissa.abs(), ..a }, i64::from(times));
        let mantissa = b.mantissa.abs().checked_mul(times);
        match mantissa {
            Some(mantissa) => self.add_product(a, Number { mantissa, ..b }),
            None => *self = Sum::TOO_LARGE,
        }
    }

    pub fn add_terms(&mut self, other: &Sum) {
        if other.size == 0 {
            return;
        }
        if self.size == 0 {
            *self = *other;
            return;
        }
        let unit = self.unit.min(other.unit);
        *self = match (self.refined(unit), other.refined(unit)) {
            (Some(a), Some(b)) => Sum { value: a.0 + b.0, size: a.1 + b.1, unit },
            _ => Sum::TOO_LARGE,
        };
    }

    /// Value and size in a finer unit, unless they are too large for every format.
    fn refined(&self, unit: i32) -> Option<(i64, u64)> {
        let shift = (self.unit - unit) as u32;
        let fits = self.size <= MOST && (self.size == 0 || shift <= 53);
        let size = if fits { u128::from(self.size) << shift } else { u128::MAX };
        (size <= u128::from(MOST)).then(|| (self.value << shift, size as u64))
    }
}

/// A format in which sums are checked, and the largest of them.
#[derive(Debug, Clone, Copy)]
pub struct Arithmetic {
    pub format: Format,
    /// A bound on the magnitude of all partial sums so far.
    pub largest: f64,
}

impl Arithmetic {
    /// The value of a sum, if the lemma says that nothing rounds.
    pub fn exact(&mut self, sum: &Sum) -> Option<f64> {
        if sum.size == 0 {
            return Some(0.0);
        }
        let Format { precision, least, largest } = self.format;
        if sum.size > 1 << precision || sum.unit < least || sum.unit > 1023 {
            return None;
        }
        let unit = f64::from_bits(((sum.unit + 1023) as u64) << 52);
        let size = sum.size as f64 * unit;
        if size > largest {
            return None;
        }
        self.largest = self.largest.max(size);
        Some(sum.value as f64 * unit)
    }

    /// `a + b`, if it is exact.
    pub fn plus(&mut self, a: f64, b: f64) -> Option<f64> {
        let mut sum = Sum::EMPTY;
        sum.add(Number::new(a));
        sum.add(Number::new(b));
        self.exact(&sum)
    }
}
