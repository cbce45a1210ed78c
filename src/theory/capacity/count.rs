//! Counting: what a head that averages tells apart in a given precision.
//!
//! A head that gives `n` tokens the weight `1/n` adds up the fraction of ones, from which thresholds and
//! parities follow. If products are added one after the other in the format itself, the sum of ones
//! is exact up to `2^p` and stays there, since `2^p + 1` is halfway to the next number and ties go to
//! even. An accumulator of more precision, or a tree of sums, moves the limit.

use crate::model::Dtype;

/// The sum of `n` ones, one after the other, every sum rounded to the format.
pub(crate) fn sum_of_ones(dtype: Dtype, n: u64) -> f64 {
    sum_of(dtype, 1.0, n)
}

/// The mean of `n` ones as such a head computes it: each weighs `1/n`, rounded.
pub fn mean_of_ones(dtype: Dtype, n: u64) -> f64 {
    sum_of(dtype, dtype.round(1.0 / n as f64), n)
}

fn sum_of(dtype: Dtype, term: f64, n: u64) -> f64 {
    let mut sum = 0.0;
    for _ in 0..n {
        let next = dtype.round(sum + term);
        if next == sum {
            // Every further sum is the same.
            return sum;
        }
        sum = next;
    }
    sum
}

/// The largest count that is exact, and at which the sum stays: `2^p`.
pub fn largest_count(dtype: Dtype) -> u64 {
    1 << dtype.precision()
}

/// Whether the sum of `n` ones is `n`.
pub fn counts(dtype: Dtype, n: u64) -> bool {
    sum_of_ones(dtype, n) == n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_up_to_the_limit_and_stay_there() {
        for dtype in [Dtype::Bf16, Dtype::F16, Dtype::F32] {
            let limit = largest_count(dtype);
            assert!(counts(dtype, limit) && counts(dtype, limit - 1), "{dtype}");
            assert_eq!(sum_of_ones(dtype, limit + 1), limit as f64, "{dtype}");
            assert_eq!(sum_of_ones(dtype, 2 * limit), limit as f64, "{dtype}");
        }
        assert_eq!(largest_count(Dtype::Bf16), 256);
        assert_eq!(largest_count(Dtype::F16), 2048);
        assert_eq!(largest_count(Dtype::F32), 1 << 24);
        assert!((1..=256).all(|n| counts(Dtype::Bf16, n)));
    }

    #[test]
    fn a_mean_of_twice_as_many_ones_stays_at_a_half() {
        assert_eq!(mean_of_ones(Dtype::Bf16, 256), 1.0);
        assert_eq!(mean_of_ones(Dtype::Bf16, 512), 0.5);
        assert_eq!(mean_of_ones(Dtype::F16, 4096), 0.5);
        assert_eq!(mean_of_ones(Dtype::F32, 512), 1.0);
    }
}
