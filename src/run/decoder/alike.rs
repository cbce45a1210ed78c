//! Numbers that every honest runner holds alike, of which is known where they lie.
//!
//! Lemma. Let the terms of a sum be products of numbers of the dtype that all honest runners (`enclosure` says what these
//! may do) hold alike, its bias among them. They hold the result alike if
//!
//! 1. the lemma of `exact` holds for the terms: no operation rounds; or
//! 2. at most two terms are not 0, and each is itself a number of the dtype: products are exact then, and the one addition
//!    is rounded once, or once in a wider format and once more, which is the same, each accumulator having two bits more
//!    than twice the precision of the dtype or being the dtype's own.
//!
//! A unit `relu(Σ)` is held alike if its sum is, or
//!
//! 3. if the sum is at most 0 whatever is rounded: of its `n` terms each goes through `n + 3` roundings at most, of an error
//!    of `u` each, the dtype's unit roundoff or less, so with `(n + 3) u ≤ 1/4` the sum is off by `2 (n + 3) u` of its terms'
//!    magnitudes at most, and by half the least number for each rounding that underflows; or
//! 4. if one term is 0, and then 1 or 2 holds of the others, or far from 0, and then 3 holds.
//!
//! Let `θ` be one more than the underflow threshold of the softmax's format. A row of scores held alike has weights held
//! alike if one leads all others by `θ`, or if any two that are not `θ` below the largest are equal or differ by `θ`, as
//! different multiples of a power of two do: then `c` scores are the largest, their exponentials 1, the others 0, the sum
//! `c`, and the quotient `1/c` is rounded alike. End of proof.
//!
//! Ends of ranges are sums in f64, which are exact in case 1, rounded once in case 2, and in case 3 off by less than the
//! factor 2 above leaves.

use crate::model::Dtype;
use crate::run::enclosure::sum::{Formats, least, roundoff};
use crate::run::resident::exact::{Bound, is_exact_sum};

/// Where a number lies that all hold alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    pub lo: f64,
    pub hi: f64,
    /// It is 0 or of this magnitude at least.
    pub least: f64,
    /// It is a multiple of 2 to this power.
    pub grid: i32,
}

/// A weight of the model that is not 0.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    number: f64,
    grid: i32,
    is_power: bool,
}

impl Weight {
    pub fn new(number: f64) -> Self {
        let is_power = number.is_normal() && number.to_bits() << 12 == 0;
        Weight { number, grid: Bound::of(number).exponent, is_power }
    }
}

impl Value {
    pub const ZERO: Value = Value { lo: 0.0, hi: 0.0, least: f64::INFINITY, grid: i32::MAX };
    pub const ONE: Value = Value { lo: 1.0, hi: 1.0, least: 1.0, grid: 0 };

    pub fn point(x: f64) -> Self {
        match x == 0.0 {
            true => Value::ZERO,
            false => Value { lo: x, hi: x, least: x.abs(), grid: Bound::of(x).exponent },
        }
    }

    fn new(lo: f64, hi: f64, least: f64, grid: i32) -> Self {
        if lo == hi { Value::point(lo) } else { Value { lo, hi, least, grid } }
    }

    pub fn is_zero(&self) -> bool {
        self.lo == 0.0 && self.hi == 0.0
    }

    pub fn is_point(&self) -> bool {
        self.lo == self.hi
    }

    pub fn magnitude(&self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// One of the two.
    pub fn or(self, other: Value) -> Self {
        let (lo, hi) = (self.lo.min(other.lo), self.hi.max(other.hi));
        Value::new(lo, hi, self.least.min(other.least), self.grid.min(other.grid))
    }

    fn relu(self) -> Self {
        Value::new(self.lo.max(0.0), self.hi.max(0.0), self.least, self.grid)
    }

    /// What is supposed of it where it is fed back: that it is 1 at most, and 0 where it may be no integer.
    pub fn fed_back(self) -> Self {
        let (lo, hi) = (self.lo.max(-1.0), self.hi.min(1.0));
        match self.is_point() {
            true => self,
            false if self.grid >= 0 && lo <= hi => Value::new(lo, hi, 1.0, self.grid),
            false => Value::ZERO,
        }
    }

    /// The product with a weight.
    #[inline]
    pub fn scaled(self, w: Weight, dtype: Dtype) -> Term {
        let (a, b) = (self.lo * w.number, self.hi * w.number);
        let grid = self.grid.saturating_add(w.grid);
        let value = Value { lo: a.min(b), hi: a.max(b), least: self.least * w.number.abs(), grid };
        Term { value, is_number: (w.is_power || self.is_sign()) && value.is_in(dtype) }
    }

    /// The product of two numbers, neither of them surely 0.
    pub fn times(self, other: Value, dtype: Dtype) -> Term {
        if other.is_point() {
            return self.scaled(Weight::new(other.lo), dtype);
        }
        if self.is_point() {
            return other.scaled(Weight::new(self.lo), dtype);
        }
        let ends = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        let value = Value {
            lo: ends.iter().copied().fold(f64::INFINITY, f64::min),
            hi: ends.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            least: self.least * other.least,
            grid: self.grid.saturating_add(other.grid),
        };
        Term { value, is_number: (self.is_sign() || other.is_sign()) && value.is_in(dtype) }
    }

    /// Whether it is -1, 0 or 1.
    fn is_sign(&self) -> bool {
        self.grid >= 0 && self.magnitude() <= 1.0
    }

    /// Whether a number of the dtype times a power of two, which this is, is one too.
    fn is_in(&self, dtype: Dtype) -> bool {
        let last = dtype.min_exponent() + 1 - dtype.precision() as i32;
        self.grid >= last && self.magnitude() <= dtype.max_finite()
    }
}

/// A term of a sum.
#[derive(Debug, Clone, Copy)]
pub struct Term {
    value: Value,
    /// It is a number of the dtype.
    is_number: bool,
}

impl Term {
    /// A number of the dtype.
    pub fn number(value: Value) -> Self {
        Term { value, is_number: true }
    }
}

/// Says what sums and rows of softmax are, where all runners hold them alike.
#[derive(Debug, Clone, Copy)]
pub struct Sums {
    pub formats: Formats,
    /// No sum rounded so far.
    pub is_exact: bool,
}

impl Sums {
    pub fn new(formats: Formats) -> Self {
        Sums { formats, is_exact: true }
    }

    pub fn dtype(&self) -> Dtype {
        self.formats.dtype
    }

    /// The sum of terms, none of which is surely 0; none where it may not be held alike.
    pub fn sum(&mut self, terms: &[Term]) -> Option<Value> {
        let (dtype, mut bound) = (self.dtype(), Bound::EMPTY);
        let (mut lo, mut hi) = (0.0, 0.0);
        for Term { value, .. } in terms {
            (lo, hi) = (lo + value.lo, hi + value.hi);
            bound.magnitude += value.magnitude();
            bound.exponent = bound.exponent.min(value.grid);
        }
        let least = if let [term] = terms { term.value.least } else { 0.0 };
        if bound.is_exact_in(dtype) {
            return Some(Value::new(lo, hi, least, bound.exponent));
        }
        if terms.len() > 2 || !terms.iter().all(|term| term.is_number) {
            return None;
        }
        self.is_exact &= match terms {
            [a, b] if lo == hi => is_exact_sum(dtype, a.value.lo, b.value.lo),
            [_, _] => false,
            _ => true,
        };
        let (lo, hi) = (dtype.round(lo), dtype.round(hi));
        (lo.is_finite() && hi.is_finite()).then(|| Value::new(lo, hi, least, bound.exponent))
    }

    /// `relu` of the sum.
    pub fn unit(&mut self, terms: &mut [Term]) -> Option<Value> {
        if let Some(sum) = self.sum(terms) {
            return Some(sum.relu());
        }
        self.is_exact = false;
        if self.is_below(terms) {
            return Some(Value::ZERO);
        }
        let mut varying = (0..terms.len()).filter(|&i| !terms[i].value.is_point());
        let (Some(i), None) = (varying.next(), varying.next()) else { return None };
        let last = terms.len() - 1;
        terms.swap(i, last);
        let without = self.sum(&terms[..last])?.relu();
        let value = &mut terms[last].value;
        (value.lo, value.hi) = match (value.lo >= 0.0, value.hi <= 0.0) {
            (true, _) => (value.lo.max(value.least), value.hi),
            (_, true) => (value.lo, value.hi.min(-value.least)),
            _ => return None,
        };
        self.is_below(terms).then(|| without.or(Value::ZERO))
    }

    /// Whether the sum is at most 0, whatever is rounded.
    fn is_below(&self, terms: &[Term]) -> bool {
        let n = terms.len() as f64;
        let off = (n + 3.0) * roundoff(self.dtype());
        let most = |x: f64| x + 2.0 * off * x.abs();
        let top: f64 = terms.iter().map(|t| most(t.value.lo).max(most(t.value.hi))).sum();
        let magnitude: f64 = terms.iter().map(|t| t.value.magnitude()).sum();
        let underflow = (n + 3.0) * least(self.dtype());
        off <= 0.25 && 2.0 * magnitude <= self.dtype().max_finite() && top + underflow <= 0.0
    }

    /// The weights of a row of scores that can differ from 0, by key; none where they may not be held alike.
    pub fn softmax(&self, scores: &[Value]) -> Option<Vec<(usize, Value)>> {
        let Formats { dtype, accumulator, .. } = self.formats;
        let lead = accumulator.underflow_threshold() + 1.0;
        let surely = scores.iter().fold(f64::NEG_INFINITY, |m, s| m.max(s.lo));
        let alive: Vec<usize> =
            (0..scores.len()).filter(|&k| scores[k].hi - surely > -lead).collect();
        let first = scores[*alive.first()?];
        let n = alive.len();
        let part = |n: usize| dtype.round(accumulator.round(1.0 / n as f64));
        let weight = match n {
            1 => Value::ONE,
            _ if alive.iter().all(|&k| scores[k].is_point() && scores[k] == first) => {
                Value::point(part(n))
            }
            _ => {
                let grid = alive.iter().map(|&k| scores[k].grid).min()?;
                let reciprocal = -(n.next_power_of_two().ilog2() as i32);
                let last = reciprocal.max(dtype.min_exponent()) + 1 - dtype.precision() as i32;
                let differ = f64::from(grid.clamp(-1000, 1000)).exp2();
                (differ >= lead).then(|| Value::new(0.0, 1.0, part(n), last))?
            }
        };
        Some(alive.into_iter().map(|k| (k, weight)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Assumptions;

    fn sums(dtype: Dtype) -> Sums {
        Sums::new(Formats::new(dtype, Assumptions::default()))
    }

    fn terms(numbers: &[f64]) -> Vec<Term> {
        numbers.iter().map(|&x| Term::number(Value::point(x))).collect()
    }

    #[test]
    fn sums_are_alike_where_nothing_rounds_or_one_addition_does() {
        let third = f64::from(1f32 / 3.0);
        let cases: [(&[f64], Option<f64>, bool); 5] = [
            (&[1.0, 2.0, -4.0], Some(-1.0), true),
            (&[third, -third], Some(0.0), true),
            (&[third, 1.0], Some(f64::from(1f32 / 3.0 + 1.0)), false),
            (&[third, 1.0, 1.0], None, true),
            (&[3e38, 3e38], None, false),
        ];
        for (numbers, sum, is_exact) in cases {
            let mut sums = sums(Dtype::F32);
            let found = sums.sum(&terms(numbers));
            assert_eq!(found, sum.map(Value::point), "{numbers:?}");
            assert_eq!(sums.is_exact, is_exact, "{numbers:?}");
        }
        let tenth = Value::point(f64::from(0.1f32));
        let product = tenth.scaled(Weight::new(f64::from(0.3f32)), Dtype::F32);
        assert_eq!(sums(Dtype::F32).sum(&[product]), None, "a product is rounded in f32 or not");
    }

    /// `2 - 1 - K w`, where `w` is 0 or `1/16` at least.
    #[test]
    fn a_unit_is_alike_where_its_sum_is_far_below_zero() {
        let weight = Value { lo: 0.0, hi: 1.0, least: 1.0 / 16.0, grid: -27 };
        let one = Term::number(Value::ONE);
        let unit = |gain: f64| {
            let gathered = weight.scaled(Weight::new(-gain), Dtype::F32);
            let [two, less] = [2.0, -1.0].map(|x| Term::number(Value::point(x)));
            sums(Dtype::F32).unit(&mut [gathered, two, less])
        };
        assert_eq!(unit(128.0), Some(Value::ONE.or(Value::ZERO)));
        assert_eq!(unit(16.0), None, "1 - 16/16 is rounded to either side");
        let mut high = [weight.scaled(Weight::new(0.3), Dtype::F32), one];
        assert_eq!(sums(Dtype::F32).unit(&mut high), None);
    }

    #[test]
    fn rows_are_alike_where_scores_are_equal_or_far_apart() {
        for dtype in Dtype::ALL {
            let sums = sums(dtype);
            let lead = sums.formats.accumulator.underflow_threshold() + 1.0;
            let row = |numbers: &[f64]| {
                let scores: Vec<Value> = numbers.iter().map(|&x| Value::point(x)).collect();
                sums.softmax(&scores)
            };
            assert_eq!(row(&[1.0, 1.0 + lead, 0.5]), Some(vec![(1, Value::ONE)]));
            assert_eq!(row(&[1.0, 0.9 + lead]), None, "{dtype}: below the threshold");
            let third =
                dtype.round(if dtype == Dtype::F64 { 1.0 / 3.0 } else { f64::from(1f32 / 3.0) });
            let uniform = (0..3).map(|k| (k, Value::point(third))).collect();
            assert_eq!(row(&[7.0; 3]), Some(uniform));
            let far = |s: f64| Value::point(s).or(Value::point(-s));
            let weights = sums.softmax(&[far(1024.0), Value::ZERO, far(1024.0)]).unwrap();
            assert!(weights.iter().all(|(_, w)| (w.lo, w.hi, w.least) == (0.0, 1.0, third)));
            assert_eq!(sums.softmax(&[far(64.0), Value::ZERO]), None, "{dtype}");
        }
    }
}
