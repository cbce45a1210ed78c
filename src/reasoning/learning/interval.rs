//! Confidence intervals of 95 %: Wilson's for rates, the bootstrap for medians.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The share that was seen.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The normal quantile of 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

/// Resamples of the bootstrap.
const RESAMPLES: usize = 1000;

/// The rate of `successes` in `n` trials, with Wilson's score interval (Wilson 1927).
///
/// # Panics
/// There is no trial, or more successes than trials.
pub fn wilson(successes: usize, n: usize) -> Interval {
    assert!(n > 0 && successes <= n, "{successes} successes of {n}");
    let (n, rate) = (n as f64, successes as f64 / n as f64);
    let shrunk = 1.0 + Z * Z / n;
    let middle = (rate + Z * Z / (2.0 * n)) / shrunk;
    let half = Z / shrunk * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    let [low, high] = [middle - half, middle + half];
    // At the ends the interval begins at the rate itself; rounding must not exclude it.
    Interval { estimate: rate, low: low.clamp(0.0, rate), high: high.clamp(rate, 1.0) }
}

/// The median, with the percentile interval of bootstrapped medians (Efron 1979).
///
/// # Panics
/// There is no value.
pub fn median(values: &[f64], seed: u64) -> Interval {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut resample = || -> f64 {
        let draw = |_| values[rng.random_range(0..values.len())];
        middle(&mut (0..values.len()).map(draw).collect::<Vec<_>>())
    };
    let mut medians: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    medians.sort_by(f64::total_cmp);
    let at = |part: f64| medians[(part * (RESAMPLES - 1) as f64).round() as usize];
    Interval { estimate: middle(&mut values.to_vec()), low: at(0.025), high: at(0.975) }
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (values[(n - 1) / 2] + values[n / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_intervals_of_the_textbook() {
        let near = |a: f64, b: f64| (a - b).abs() < 5e-4;
        let none = wilson(0, 10);
        assert!(none.low == 0.0 && near(none.high, 0.2775), "{none:?}");
        let all = wilson(10, 10);
        assert!(all.high == 1.0 && near(all.low, 0.7225), "{all:?}");
        let half = wilson(5, 10);
        assert!(near(half.low, 0.2366) && near(half.high, 0.7634), "{half:?}");
    }

    #[test]
    fn medians_lie_in_their_intervals() {
        let values: Vec<f64> = (1..=9).map(f64::from).collect();
        let found = median(&values, 1);
        assert_eq!(found.estimate, 5.0);
        assert!(found.low >= 1.0 && found.low < 5.0 && found.high > 5.0 && found.high <= 9.0);
        assert_eq!(median(&[2.0, 4.0], 1).estimate, 3.0);
        assert_eq!(median(&[0.0; 4], 1), Interval { estimate: 0.0, low: 0.0, high: 0.0 });
    }
}
