//! Intervals of real numbers, and their rounding to a format.

use super::super::resident::exact::Bound;
use crate::model::Dtype;

/// All numbers from `lo` to `hi`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
}

impl Interval {
    /// 0 alone.
    pub const ZERO: Interval = Interval::point(0.0);

    /// One number alone.
    pub const fn point(x: f64) -> Self {
        Interval { lo: x, hi: x }
    }

    /// Whether it is one number.
    pub fn is_point(self) -> bool {
        self.lo == self.hi
    }

    /// Whether a number is in it.
    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    /// The least interval around both.
    pub fn hull(self, other: Interval) -> Self {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// The largest magnitude.
    pub fn magnitude(self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// The number between the ends.
    pub fn middle(self) -> f64 {
        self.lo / 2.0 + self.hi / 2.0
    }

    /// Half of its length.
    pub fn radius(self) -> f64 {
        self.hi / 2.0 - self.lo / 2.0
    }

    /// None if an end is infinite or no number.
    pub fn finite(self) -> Option<Self> {
        (self.lo.is_finite() && self.hi.is_finite()).then_some(self)
    }

    /// What numbers of it are when rounded; rounding is monotone.
    pub fn round(self, dtype: Dtype) -> Self {
        Interval { lo: dtype.round(self.lo), hi: dtype.round(self.hi) }
    }

    /// The sums of a number of each, numbers of the format, rounded to it: the sum in f64 has more than twice
    /// the precision of every narrower format, so that rounding twice equals rounding once.
    pub fn add(self, other: Interval, dtype: Dtype) -> Self {
        Interval { lo: self.lo + other.lo, hi: self.hi + other.hi }.round(dtype)
    }

    /// The positive parts of its numbers.
    pub fn relu(self) -> Self {
        Interval { lo: self.lo.max(0.0), hi: self.hi.max(0.0) }
    }

    /// Of one term of a sum; of a number that is not known, one that no lemma applies to.
    pub fn bound(self) -> Bound {
        if self.is_point() {
            Bound::of(self.lo)
        } else {
            Bound { magnitude: self.magnitude(), exponent: i32::MIN }
        }
    }
}
