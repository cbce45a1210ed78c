//! A softmax row: weights that every honest runner finds in scores that lie in intervals.
//!
//! A runner takes the largest score `m` from all, in f32 (f64 for f64), then `exp`, the sum in any order, and the
//! quotient, which may be a product with the sum's reciprocal; at last it rounds to the dtype.
//!
//! Of the exponential is assumed that `exp(0) = 1`, that it is 0 from 1 below the underflow threshold on, and that it
//! is off by a few units in the last place elsewhere ([`Assumptions::exp_ulps`]). So `e_k = exp(s_k - m) (1 + δ_k) + α_k`,
//! with `|δ_k| ≤ η_k` from rounding the difference and from the exponential, and `α_k` where it can be subnormal.
//!
//! The exact weight `exp(s_j) / Σ exp(s_k)` rises with `s_j` and falls with the other scores, so its ends are at ends of
//! the intervals, whatever `m` is. The sum adds `γ_n`, the quotient two roundings.

use super::Assumptions;
use super::interval::Interval;
use super::sum::{Formats, least, roundoff};
use crate::model::Dtype;

/// In which format softmax is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Softmax {
    /// In f32, or f64 for f64: the literal pass.
    Wide,
    /// In either that or the dtype, with a sum that is rounded once: what a certificate covers.
    Either,
}

/// Weights that can differ from 0, by key.
pub type Weights = Vec<(usize, Interval)>;

/// The weights, and whether no sum was rounded.
pub fn softmax(scores: &[Interval], taken: Softmax, formats: Formats) -> (Weights, bool) {
    let wide = formats.accumulator;
    let (mut weights, is_exact) = in_format(scores, wide, formats);
    let is_narrow = formats.dtype.precision() < wide.precision();
    if taken == Softmax::Either && is_narrow && !is_exact {
        let (narrow, _) = in_format(scores, formats.dtype, formats);
        weights.iter_mut().zip(narrow).for_each(|(a, b)| a.1 = a.1.hull(b.1));
    }
    (weights, is_exact)
}

/// A term that is not surely 0.
struct Term {
    key: usize,
    /// `exp(s - M)`, `M` being the largest end of all scores.
    lo: f64,
    hi: f64,
}

fn in_format(scores: &[Interval], format: Dtype, formats: Formats) -> (Weights, bool) {
    let largest = scores.iter().fold(f64::NEG_INFINITY, |m, s| m.max(s.hi));
    let surely = scores.iter().fold(f64::NEG_INFINITY, |m, s| m.max(s.lo));
    // The same terms in both formats: the narrower one's threshold is lower.
    let zero = -(formats.accumulator.underflow_threshold() + 1.0);
    let alive: Vec<usize> = (0..scores.len()).filter(|&k| scores[k].hi - surely > zero).collect();
    let all = |weight: Interval| alive.iter().map(|&k| (k, weight)).collect();
    if let [_] = alive[..] {
        return (all(Interval::point(1.0)), true);
    }
    let n = alive.len() as f64;
    if alive.iter().all(|&k| scores[k] == Interval::point(largest)) {
        let sum = Interval::point(n).round(format).lo;
        let weight = Interval::point(1.0 / sum).round(format).round(formats.dtype);
        // Quotients are rounded, to the same number everywhere.
        return (all(weight), true);
    }
    let is_known = alive.iter().all(|&k| scores[k].is_point());
    let term = |&key: &usize| term(key, scores[key], largest, is_known, format, formats.assumed);
    let terms: Vec<Term> = alive.iter().map(term).collect();
    (weights(&terms, format, formats.dtype), false)
}

fn term(
    key: usize,
    score: Interval,
    largest: f64,
    is_known: bool,
    format: Dtype,
    assumed: Assumptions,
) -> Term {
    let u = roundoff(format);
    let ulps = 2.0 * assumed.exp_ulps * u;
    // The difference is rounded, by nothing to 0.
    let off = |d: f64| {
        if is_known && d == 0.0 {
            0.0
        } else {
            ulps + (assumed.rounded_difference * (1.0 - d) * u).exp_m1() + EXP_ERROR
        }
    };
    let (lo, hi) = (score.lo - largest, score.hi - largest);
    // Below this argument the result can be subnormal.
    let subnormal = f64::from(format.min_exponent()) * std::f64::consts::LN_2 + 1.0;
    let absolute = if lo < subnormal { (ulps / u + 2.0) * least(format) } else { 0.0 };
    let above = hi.exp() * (1.0 + off(hi)) + absolute;
    Term {
        key,
        lo: (lo.exp() * (1.0 - off(lo)) - absolute).max(0.0),
        hi: if above.is_nan() { absolute } else { above },
    }
}

/// More than the standard library's exponential is off by in f64, which is not said but far below this.
const EXP_ERROR: f64 = 8.0 / (1u64 << 53) as f64;

fn weights(terms: &[Term], format: Dtype, dtype: Dtype) -> Weights {
    let n = terms.len() as f64;
    let (lo, hi) = terms.iter().fold((0.0, 0.0), |(lo, hi), t| (lo + t.lo, hi + t.hi));
    // What the sums here are off by, and those of a runner: additions in its accumulator, and three roundings to the
    // format, of the sum, of its reciprocal and of the product.
    let own = (n + 4.0) * 2.0 * roundoff(Dtype::F64);
    let accumulator = if dtype == Dtype::F64 { Dtype::F64 } else { Dtype::F32 };
    let off = (n - 1.0) * roundoff(accumulator) + 3.0 * roundoff(format) + own;
    let weight = |term: &Term| {
        let rest_hi = (hi - term.hi).max(0.0) + own * hi;
        let rest_lo = ((lo - term.lo) * (1.0 - own) - own * lo).max(0.0);
        let share = |own: f64, rest: f64, none: f64| match own + rest {
            0.0 => none,
            sum => own / sum,
        };
        let underflow = 2.0 * least(format);
        let low = share(term.lo, rest_hi, 0.0) * (1.0 - off) - underflow;
        let high = share(term.hi, rest_lo, 1.0) * (1.0 + 2.0 * off) + underflow;
        // A rounded sum is no less than a term, and `t fl(1/t)` is at most 1 + u, which is rounded to 1.
        let real = Interval { lo: low.max(0.0), hi: high.min(1.0) };
        (term.key, real.round(dtype))
    };
    terms.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(scores: &[f64], taken: Softmax, dtype: Dtype) -> (Weights, bool) {
        let scores: Vec<Interval> = scores.iter().map(|&s| Interval::point(s)).collect();
        softmax(&scores, taken, Formats::new(dtype, Assumptions::default()))
    }

    /// 10,999 terms, each of which is 0 in f16 and not in f32, where the order of so long a sum counts as well.
    #[test]
    fn a_leak_of_many_small_terms_is_there_in_f32_and_may_not_be_in_f16() {
        let mut scores = vec![0.0; 11_000];
        scores[5] = 17.34375;
        let leader = |taken| row(&scores, taken, Dtype::F16).0[5].1;
        let (wide, leaked) = (leader(Softmax::Wide), 1.0 - 2f64.powi(-11));
        assert!(wide.contains(leaked) && wide.radius() <= 2f64.powi(-10), "{wide:?}");
        let either = leader(Softmax::Either);
        assert!(either.contains(1.0) && either.contains(leaked));
    }

    #[test]
    fn rows_that_are_one_hot_or_uniform_are_known() {
        for (dtype, taken) in
            Dtype::ALL.into_iter().flat_map(|d| [(d, Softmax::Wide), (d, Softmax::Either)])
        {
            let lead = Dtype::F32.underflow_threshold().max(dtype.underflow_threshold());
            let one_hot = row(&[1.0, 3.0 + lead.ceil(), 2.0], taken, dtype);
            assert_eq!(one_hot, (vec![(1, Interval::point(1.0))], true));
            let (uniform, is_exact) = row(&[7.0; 3], taken, dtype);
            let third =
                dtype.round(if dtype == Dtype::F64 { 1.0 / 3.0 } else { f64::from(1f32 / 3.0) });
            assert!(is_exact && uniform.iter().all(|&(_, w)| w == Interval::point(third)));
            let (near, is_exact) = row(&[1.0, lead.floor() - 1.0], taken, dtype);
            assert!(!is_exact && near.len() == 2 && near[1].1.hi == 1.0, "{near:?}");
        }
    }
}
