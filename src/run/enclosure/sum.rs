//! Sums of products, and what any honest accumulation can make of them.
//!
//! Lemma. Let `n` products of numbers be added in a format of unit roundoff `u`, in any order or tree, with or
//! without fused operations, in that format or a wider one, or in parts. The result differs from the exact sum
//! by at most `n u / (1 - n u) Σ |a b|`, and by half the least subnormal number for each product that is one: each
//! term goes through `n` roundings at most, and an addition whose result is subnormal does not round (Higham,
//! Accuracy and Stability of Numerical Algorithms, 2002, section 3.1). Where the lemma of `exact` holds, by nothing.
//!
//! Here sums are formed in f64, whose own error is taken in. Gradual underflow is assumed, IEEE 754's default.

use super::super::resident::exact::Bound;
use super::Assumptions;
use super::interval::Interval;
use crate::model::Dtype;

/// The formats of a pass: of results, and of accumulators, the narrowest allowed.
#[derive(Debug, Clone, Copy)]
pub struct Formats {
    pub dtype: Dtype,
    pub accumulator: Dtype,
    pub assumed: Assumptions,
}

impl Formats {
    pub fn new(dtype: Dtype, assumed: Assumptions) -> Self {
        let accumulator = if dtype == Dtype::F64 { Dtype::F64 } else { Dtype::F32 };
        Formats { dtype, accumulator, assumed }
    }
}

/// Half the distance of 1 and the next number.
pub fn roundoff(dtype: Dtype) -> f64 {
    (-f64::from(dtype.precision())).exp2()
}

/// The least positive number.
pub fn least(dtype: Dtype) -> f64 {
    let exponent = dtype.min_exponent() + 1 - dtype.precision() as i32;
    f64::from(exponent).exp2()
}

/// A sum under construction.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    /// The exact sum lies in it, but for the rounding of f64.
    value: Interval,
    bound: Bound,
    n: u32,
}

impl Sum {
    pub const EMPTY: Sum = Sum { value: Interval::ZERO, bound: Bound::EMPTY, n: 0 };

    /// Adds `x w`; `exponent` is that of `w`, as the bound of one term has it.
    #[inline]
    pub fn add_weighted(&mut self, x: Interval, w: f64, exponent: i32) {
        let (a, b) = (x.lo * w, x.hi * w);
        let of_x = x.bound();
        self.add_term(
            Interval { lo: a.min(b), hi: a.max(b) },
            of_x.exponent.saturating_add(exponent),
        );
    }

    /// Adds a product of two numbers.
    #[inline]
    pub fn add_product(&mut self, x: Interval, y: Interval) {
        if y.is_point() {
            return self.add_weighted(x, y.lo, y.bound().exponent);
        }
        let ends = [x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi];
        let lo = ends.iter().copied().fold(f64::INFINITY, f64::min);
        let hi = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.add_term(Interval { lo, hi }, i32::MIN);
    }

    #[inline]
    fn add_term(&mut self, term: Interval, exponent: i32) {
        if term == Interval::ZERO {
            return;
        }
        self.value.lo += term.lo;
        self.value.hi += term.hi;
        self.bound.magnitude += term.magnitude();
        self.bound.exponent = self.bound.exponent.min(exponent);
        self.n += 1;
    }

    /// With a term more.
    pub fn with(mut self, x: Interval) -> Self {
        self.add_term(x, x.bound().exponent);
        self
    }

    /// Of the terms of both.
    pub fn plus(mut self, other: Sum) -> Self {
        self.value.lo += other.value.lo;
        self.value.hi += other.value.hi;
        self.bound = self.bound.plus(other.bound);
        self.n += other.n;
        self
    }

    /// The sum, if no operation rounds in the format, in any order.
    pub fn exact_in(self, dtype: Dtype) -> Option<Interval> {
        self.bound.is_exact_in(dtype).then_some(self.value)
    }

    /// The sum, if accumulating it does not round, nor does the rounding to the dtype.
    pub fn kept(self, formats: Formats) -> Option<Interval> {
        let sum = self.exact_in(formats.accumulator)?;
        (sum.round(formats.dtype) == sum).then_some(sum)
    }

    /// What an accumulator can hold in the end; none if it can overflow.
    pub fn accumulated(self, formats: Formats) -> Option<Interval> {
        let Formats { accumulator, assumed, .. } = formats;
        if let Some(exact) = self.exact_in(accumulator) {
            return Some(exact);
        }
        let error = of_terms(accumulator, f64::from(self.n), self.bound.magnitude)?;
        Some(widened(self.value, assumed.accumulation * error))
    }

    /// The sum, rounded to the dtype.
    pub fn rounded(self, formats: Formats) -> Option<Interval> {
        self.accumulated(formats)?.round(formats.dtype).finite()
    }
}

/// How far a sum of `n` terms in the format, or in f64, can be off, both together; none if it can overflow.
fn of_terms(format: Dtype, n: f64, magnitude: f64) -> Option<f64> {
    // Two more: a wider accumulator may be rounded to the format first, and the magnitudes' sum is rounded too.
    let off = |u: f64| {
        let nu = (n + 2.0) * u;
        (nu < 0.5).then(|| nu / (1.0 - nu) * magnitude)
    };
    let underflow = n * (least(format) + least(Dtype::F64));
    let error = off(roundoff(format))? + off(roundoff(Dtype::F64))? + underflow;
    (magnitude + error < format.max_finite()).then_some(error * (1.0 + 1e-9))
}

fn widened(value: Interval, error: f64) -> Interval {
    if error == 0.0 {
        value
    } else {
        Interval { lo: (value.lo - error).next_down(), hi: (value.hi + error).next_up() }
    }
}

/// The sums of numbers of the dtype, one addition after the other in any order, each rounded to it, or accumulated
/// and rounded once; none if they can overflow.
pub fn in_any_order(terms: &[Interval], formats: Formats) -> Option<Interval> {
    let dtype = formats.dtype;
    let terms: Vec<Interval> = terms.iter().copied().filter(|&x| x != Interval::ZERO).collect();
    let pair = |a: Interval, b: Interval| a.add(b, dtype);
    let sum = match terms[..] {
        [] => Interval::ZERO,
        [a] => a,
        [a, b] => pair(a, b),
        [a, b, c] => {
            let orders = [pair(pair(a, b), c), pair(a, pair(b, c)), pair(pair(a, c), b)];
            let once = Sum::EMPTY.with(a).with(b).with(c).rounded(formats)?;
            orders.into_iter().fold(once, Interval::hull)
        }
        _ => {
            let sum = terms.iter().fold(Sum::EMPTY, |sum, &x| sum.with(x));
            match sum.exact_in(dtype) {
                Some(exact) => exact,
                None => {
                    let error = of_terms(dtype, f64::from(sum.n), sum.bound.magnitude)?;
                    widened(sum.value, formats.assumed.accumulation * error).round(dtype)
                }
            }
        }
    };
    sum.finite()
}
