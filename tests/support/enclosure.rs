//! An arithmetic that encloses all honest runners: each number is an interval in which every one of them has
//! its own.
//!
//! A sum of `n` products in an accumulator of unit roundoff `u`, in any order, is off by at most `γ_n Σ|x w|`
//! with `γ_n = n u / (1 - n u)` (Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1), and by
//! nothing where all products are multiples of one power of two and their absolute values sum up to no more
//! than `1/u` of it. Rounding to the dtype is monotone, so it may be applied to the ends. `exp` is taken to be
//! within [`EXP_ULPS`] units of roundoff of the exact value, `exp(0)` to be 1, and to be 0 below the least
//! subnormal number's half.

use circuit2tf::model::{Dtype, Model};

use crate::literal::{Arithmetic, Mask, Pass, Terms, round};

/// The model in the arithmetic of all honest runners at once.
pub fn pass(model: &Model) -> Pass<'_, Enclosure> {
    Pass { model, arithmetic: Enclosure { dtype: model.dtype } }
}

/// Units of roundoff; vector libraries have up to 2.5 units in the last place, which are two of these each.
const EXP_ULPS: f64 = 8.0;

/// From the least to the largest number that a runner can have; a runner's may be no number only where an end
/// is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Interval {
    pub fn contains(self, x: f64) -> bool {
        (self.low <= x && x <= self.high) || (x.is_nan() && !self.is_finite())
    }

    fn point(x: f64) -> Self {
        Interval { low: x, high: x }
    }

    /// All that a runner can have, if an end is no number.
    fn new(low: f64, high: f64) -> Self {
        if low.is_nan() || high.is_nan() {
            Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
        } else {
            Interval { low, high }
        }
    }

    fn is_finite(self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    fn is_point(self) -> bool {
        self.low == self.high
    }

    fn magnitude(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    fn hull(self, other: Self) -> Self {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn times(self, other: Self) -> Self {
        let ends = [
            self.low * other.low,
            self.low * other.high,
            self.high * other.low,
            self.high * other.high,
        ];
        if ends.iter().any(|x| x.is_nan()) {
            return Interval::new(f64::NAN, f64::NAN);
        }
        let low = ends.into_iter().fold(f64::INFINITY, f64::min);
        Interval { low, high: ends.into_iter().fold(f64::NEG_INFINITY, f64::max) }
    }
}

pub struct Enclosure {
    dtype: Dtype,
}

impl Enclosure {
    /// Unit roundoff and least number of f32, of an f64 model of f64.
    fn single(&self) -> (f64, f64) {
        match self.dtype {
            Dtype::F64 => (f64::EPSILON / 2.0, f64::from_bits(1)),
            _ => (f64::from(f32::EPSILON) / 2.0, f64::from(f32::from_bits(1))),
        }
    }

    fn round(&self, x: Interval) -> Interval {
        Interval::new(round(self.dtype, x.low), round(self.dtype, x.high))
    }

    /// The sum of products as accumulators may have it.
    fn sum(&self, terms: &[(Interval, Interval)]) -> Interval {
        let zero = Interval::point(0.0);
        let is_nothing = |&&(x, w): &&(Interval, Interval)| {
            (x == zero && w.is_finite()) || (w == zero && x.is_finite())
        };
        let terms: Vec<_> = terms.iter().filter(|term| !is_nothing(term)).collect();
        let products = terms.iter().map(|(x, w)| x.times(*w));
        let (mut low, mut high, mut size) = (0.0, 0.0, 0.0);
        for product in products {
            low += product.low;
            high += product.high;
            size += product.magnitude();
        }
        if self.is_exact(&terms, size) {
            return Interval::new(low, high);
        }
        let ((u, least), n) = (self.single(), terms.len() as f64);
        // The runner's error, and this sum's own.
        let error = size * (n * u / (1.0 - n * u) + (n + 2.0) * f64::EPSILON) + n * least;
        let overflows = self.dtype != Dtype::F64 && size + error > f64::from(f32::MAX);
        let error = if overflows { f64::NAN } else { error };
        Interval::new(low - error, high + error)
    }

    /// Whether no order of summation rounds: the terms are points, and multiples of a number that is not too
    /// small beside the sum of their sizes.
    fn is_exact(&self, terms: &[&(Interval, Interval)], size: f64) -> bool {
        let (u, least) = self.single();
        let unit = |&&(x, w): &&(Interval, Interval)| lowest_bit(x.low) * lowest_bit(w.low);
        let unit = terms.iter().map(unit).fold(f64::INFINITY, f64::min);
        let points = terms.iter().all(|(x, w)| x.is_point() && w.is_point());
        points && (terms.is_empty() || (unit >= least && size <= unit / u))
    }

    /// What becomes of the scores' exponentials: intervals, and whether each is 0 or 1 for certain.
    fn exps(&self, scores: &[Interval]) -> (Vec<Interval>, bool) {
        let (u, least) = self.single();
        let dead = if self.dtype == Dtype::F64 { -746.0 } else { -104.0 };
        let max = scores.iter().map(|s| s.high).fold(f64::NEG_INFINITY, f64::max);
        let leader = scores.iter().map(|s| s.low).fold(f64::NEG_INFINITY, f64::max);
        let zero = Interval::point(0.0);
        let is_dead = |s: &Interval| s.high - leader <= dead;
        if scores.iter().filter(|s| !is_dead(s)).count() == 1 {
            let one = |s| if is_dead(s) { zero } else { Interval::point(1.0) };
            return (scores.iter().map(one).collect(), true);
        }
        let exp = |s: &Interval| {
            if is_dead(s) {
                return zero;
            }
            if s.is_point() && s.low == max && max == leader {
                return Interval::point(1.0);
            }
            // The difference from the maximum is rounded, which is an error of the exponent.
            let error = u * ((max - s.low).min(-dead) + EXP_ULPS + 4.0);
            let low = ((s.low - max).exp() * (1.0 - error) - 2.0 * least).max(0.0);
            Interval { low, high: (s.high - max).exp() * (1.0 + error) + 2.0 * least }
        };
        let exps: Vec<Interval> = scores.iter().map(exp).collect();
        let is_certain = exps.iter().all(|&e| e == zero || e == Interval::point(1.0));
        (exps, is_certain)
    }
}

impl Arithmetic for Enclosure {
    type Number = Interval;

    fn exact(&self, x: f64) -> Interval {
        Interval::point(x)
    }

    fn add(&self, a: Interval, b: Interval) -> Interval {
        self.round(Interval::new(a.low + b.low, a.high + b.high))
    }

    fn product(&self, mut terms: Terms<Interval>, bias: Option<Interval>) -> Interval {
        let product = self.round(self.sum(&terms));
        let Some(bias) = bias else { return product };
        terms.push((bias, Interval::point(1.0)));
        self.round(self.sum(&terms)).hull(self.add(product, bias))
    }

    fn heads(&self, heads: Vec<Terms<Interval>>, bias: Interval) -> Interval {
        let outputs: Vec<Interval> =
            heads.iter().map(|terms| self.product(terms.clone(), None)).collect();
        let from = |start| outputs.iter().fold(start, |sum, &output| self.add(sum, output));
        let one_by_one = from(bias).hull(self.add(from(Interval::point(0.0)), bias));
        self.product(heads.concat(), Some(bias)).hull(one_by_one)
    }

    fn relu(&self, x: Interval) -> Interval {
        if !x.is_finite() {
            // What is no number stays so.
            return Interval { low: f64::NEG_INFINITY, high: x.high };
        }
        Interval { low: x.low.max(0.0), high: x.high.max(0.0) }
    }

    fn softmax(&self, scores: &[Interval]) -> Vec<Interval> {
        let (u, least) = self.single();
        // A score of -∞ is a mask's.
        let is_wild = |s: &Interval| !s.is_finite() && s.high != f64::NEG_INFINITY;
        if scores.iter().any(is_wild) {
            return vec![Interval::new(f64::NAN, f64::NAN); scores.len()];
        }
        let (exps, is_certain) = self.exps(scores);
        let (low, high) = exps.iter().fold((0.0, 0.0), |(l, h), e| (l + e.low, h + e.high));
        let n = exps.iter().filter(|e| e.high > 0.0).count() as f64;
        let weight = |e: &Interval| {
            if e.high == 0.0 {
                return Interval::point(0.0);
            }
            let narrow = |x: f64| if self.dtype == Dtype::F64 { x } else { f64::from(x as f32) };
            if is_certain {
                return self.round(Interval::point(narrow(1.0 / low)));
            }
            // In f32 the sum of n rounds n times, the quotient once; these sums round too.
            let error = (n + 2.0) * (u + 2.0 * f64::EPSILON);
            let least_weight = e.low / (e.low + (high - e.high).max(0.0)) * (1.0 - error);
            let most = e.high / (e.high + (low - e.low).max(0.0)) * (1.0 + error) + 2.0 * least;
            let low = if e.low == 0.0 { 0.0 } else { (least_weight - 2.0 * least).max(0.0) };
            self.round(Interval::new(narrow(low), narrow(most.min(1.0))))
        };
        exps.iter().map(weight).collect()
    }

    fn mask(&self) -> Mask {
        Mask::Infinite
    }

    fn exceeds(&self, a: Interval, b: Interval) -> Option<bool> {
        if !a.is_finite() || !b.is_finite() {
            return None;
        }
        match (a.low > b.high, a.high <= b.low) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

/// The power of two of a number's last bit that is 1; infinite for 0.
fn lowest_bit(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return f64::INFINITY;
    }
    let exponent = (x.to_bits() >> 52 & 0x7FF) as i32;
    let digits = x.to_bits() & ((1 << 52) - 1) | u64::from(exponent > 0) << 52;
    f64::from(exponent.max(1) - 1075 + digits.trailing_zeros() as i32).exp2()
}
