//! The softmax of rows of scores: the part of attention that takes most time.
//!
//! The exponential is a polynomial that the compiler turns into vector instructions; the loops are compiled
//! for each instruction set and chosen at run time. With `x = n ln 2 + r`, `|r| ≤ ln 2 / 2`, it is
//! `2^n Σ r^i / i!`, the sum being cut where the next term is below half a unit in the last place, and `2^n`
//! two factors, so that a subnormal result is rounded once. Invariant: `exp(0) = 1` and `exp(x) = 0` at and
//! below the format's underflow threshold, exactly, as the theorems assume. Not-a-number in a row makes the
//! whole row not-a-number.

use num_traits::Float;

use super::super::simd::Simd;

/// What the rows are made of.
pub trait Exponential: Float {
    /// `exp(x)` for `x ≤ 0`.
    fn exp_nonpositive(self) -> Self;
}

impl Exponential for f32 {
    #[inline(always)]
    fn exp_nonpositive(self) -> f32 {
        /// The exponent by which the polynomial is raised before and lowered after it is multiplied by `2^n`,
        /// which keeps all but the last product in the normal range.
        const LIFT: u32 = 100;
        /// `x + ROUND` has in its last bits, for small `x`, the nearest integer to it plus the exponent field of
        /// `2^LIFT`.
        const ROUND: f32 = (1.5 * (1 << 23) as f32) + (127 + LIFT) as f32;
        /// Nine bits, so that an integer below `2^15` times it is exact.
        const LN2_HIGH: f32 = 355.0 / 512.0;
        const LN2_LOW: f32 = (std::f64::consts::LN_2 - LN2_HIGH as f64) as f32;
        /// `-θ = -150 ln 2`: the result is 0 from here down.
        const UNDERFLOW: f32 = -103.972_08;
        /// Below [`UNDERFLOW`]; stands for all that is lower.
        const LEAST: f32 = -110.0;
        // Not `max`, which loses not-a-number.
        let x = if self < LEAST { LEAST } else { self };
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = (x - n * LN2_HIGH) - n * LN2_LOW;
        let mut p = 1.0 / 5040.0;
        for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            p = p * r + coefficient;
        }
        let power = f32::from_bits(shifted.to_bits() << 23);
        let power = if x <= UNDERFLOW { 0.0 } else { power };
        (p * power) * (1.0 / (1u128 << LIFT) as f32)
    }
}

impl Exponential for f64 {
    /// As for f32.
    #[inline(always)]
    fn exp_nonpositive(self) -> f64 {
        const LIFT: u64 = 600;
        const ROUND: f64 = (1.5 * (1u64 << 52) as f64) + (1023 + LIFT) as f64;
        /// The first 33 bits of `ln 2`, so that an integer below 2^20 times it is exact, and the rest.
        const LN2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
        const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
        /// `-θ = -1075 ln 2`
        const UNDERFLOW: f64 = -745.133_219_101_941_1;
        const LEAST: f64 = -750.0;
        /// `2^-LIFT`
        const LOWER: f64 = f64::from_bits((1023 - LIFT) << 52);
        /// `1 / i!` from 12 down to 0.
        const COEFFICIENTS: [f64; 13] = [
            1.0 / 479_001_600.0,
            1.0 / 39_916_800.0,
            1.0 / 3_628_800.0,
            1.0 / 362_880.0,
            1.0 / 40_320.0,
            1.0 / 5040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
            1.0,
            1.0,
        ];
        let x = if self < LEAST { LEAST } else { self };
        let shifted = x * std::f64::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = (x - n * LN2_HIGH) - n * LN2_LOW;
        let mut p = 1.0 / 6_227_020_800.0;
        for coefficient in COEFFICIENTS {
            p = p * r + coefficient;
        }
        let power = f64::from_bits(shifted.to_bits() << 52);
        let power = if x <= UNDERFLOW { 0.0 } else { power };
        (p * power) * LOWER
    }
}

/// Replaces the first `n_visible(i)` scores of each row `i` of `width` numbers by their softmax, the others
/// by 0. All of it is in the rows' format.
pub fn softmax_rows<T: Exponential>(
    rows: &mut [T],
    width: usize,
    n_visible: impl Fn(usize) -> usize,
) {
    match Simd::detect() {
        // SAFETY: the processor was asked for AVX-512F and FMA.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => unsafe { avx512(rows, width, n_visible) },
        // SAFETY: the processor was asked for AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => unsafe { avx2(rows, width, n_visible) },
        Simd::Plain => all_rows(rows, width, n_visible),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn avx512<T: Exponential>(rows: &mut [T], width: usize, n_visible: impl Fn(usize) -> usize) {
    all_rows(rows, width, n_visible);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<T: Exponential>(rows: &mut [T], width: usize, n_visible: impl Fn(usize) -> usize) {
    all_rows(rows, width, n_visible);
}

/// Inlined into each of its callers, so that each compiles it for its own instruction set.
#[inline(always)]
fn all_rows<T: Exponential>(rows: &mut [T], width: usize, n_visible: impl Fn(usize) -> usize) {
    if width == 0 {
        return;
    }
    for (i, row) in rows.chunks_exact_mut(width).enumerate() {
        let (visible, hidden) = row.split_at_mut(n_visible(i));
        hidden.fill(T::zero());
        let sum = exp_row(visible);
        // Division by 1 changes nothing.
        if sum != T::one() {
            visible.iter_mut().for_each(|term| *term = *term / sum);
        }
    }
}

/// Numbers that are computed together.
const LANES: usize = 32;

/// Replaces a row by `exp(score - max)` and returns the sum.
#[inline(always)]
fn exp_row<T: Exponential>(row: &mut [T]) -> T {
    let max = maximum(row);
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    let mut lanes = [T::zero(); LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *x = (*x - max).exp_nonpositive();
            *lane = *lane + *x;
        }
    }
    let mut sum = lanes.iter().fold(T::zero(), |sum, &lane| sum + lane);
    for x in rest {
        *x = (*x - max).exp_nonpositive();
        sum = sum + *x;
    }
    sum
}

/// The largest number; not-a-number is passed over, and shows in the sum of the terms.
#[inline(always)]
fn maximum<T: Exponential>(row: &[T]) -> T {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [T::neg_infinity(); LANES];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    lanes.iter().chain(rest).fold(T::neg_infinity(), |max, &x| larger(max, x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dtype;

    #[test]
    fn the_exponential_is_off_by_little_and_exact_where_theorems_need_it() {
        for i in 0..=870_000 {
            let x = -f64::from(i) / 10_000.0;
            let y = f64::from((x as f32).exp_nonpositive());
            let exact = f64::from(x as f32).exp();
            assert!((y / exact - 1.0).abs() < 3.0 * f64::from(f32::EPSILON), "{x}: {y}, {exact}");
            let x = 8.0 * x;
            assert!((x.exp_nonpositive() / x.exp() - 1.0).abs() < 8.0 * f64::EPSILON, "{x}");
        }
        assert_eq!((0f32.exp_nonpositive(), 0f64.exp_nonpositive()), (1.0, 1.0));
        let beyond = |dtype: Dtype| -dtype.underflow_threshold();
        for factor in [1.0, 1.000_001, 1.5, 10.0, 1e6, 1e30, f64::INFINITY] {
            assert_eq!(((factor * beyond(Dtype::F32)) as f32).exp_nonpositive(), 0.0);
            assert_eq!((factor * beyond(Dtype::F64)).exp_nonpositive(), 0.0);
        }
        for bits in [0x7FC0_0000, 0x7FC0_1234, 0xFFC0_01FF, 0x7F80_0001u32] {
            assert!(f32::from_bits(bits).exp_nonpositive().is_nan(), "{bits:x}");
        }
    }

    /// Subnormal results are kept, to the last threshold: each is a neighbour of the exact value.
    #[test]
    fn a_subnormal_result_is_rounded_once_and_not_to_zero() {
        for i in 0..=16_970 {
            let x = (-87.0 - f64::from(i) / 1000.0) as f32;
            let least = f64::from(f32::from_bits(1));
            let (y, exact) = (f64::from(x.exp_nonpositive()), f64::from(x).exp());
            let tolerance = 0.75 * least + 2.0 * f64::from(f32::EPSILON) * exact;
            assert!(y > 0.0 && (y - exact).abs() <= tolerance, "{x}: {y:e}, {exact:e}");
            let x = -708.0 - f64::from(i) * (37.13 / 16_970.0);
            let (y, exact) = (x.exp_nonpositive(), x.exp());
            let tolerance = 1.5 * f64::from_bits(1) + 4.0 * f64::EPSILON * exact;
            assert!(y > 0.0 && (y - exact).abs() <= tolerance, "{x}: {y:e}, {exact:e}");
        }
    }

    #[test]
    fn rows_of_every_width_and_instruction_set_are_the_definition() {
        for width in [1, 2, 31, 32, 33, 64, 100] {
            let n_rows = 5;
            let scores: Vec<f32> =
                (0..n_rows * width).map(|i| (i * 7919 % 97) as f32 / 4.0 - 50.0).collect();
            let n_visible = |i: usize| width.min(i * 9 + 1);
            let [mut best, mut plain] = [(); 2].map(|()| scores.clone());
            softmax_rows(&mut best, width, n_visible);
            all_rows(&mut plain, width, n_visible);
            for i in 0..n_rows {
                let row = &scores[i * width..][..n_visible(i)];
                let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let terms: Vec<f64> = row.iter().map(|x| f64::from(x - max).exp()).collect();
                let sum: f64 = terms.iter().sum();
                for found in [&best, &plain] {
                    let near = |x: f32, y: f64| (f64::from(x) - y).abs() <= 1e-6 * y;
                    let found = &found[i * width..][..width];
                    let all = found.iter().zip(&terms).all(|(&x, &y)| near(x, y / sum));
                    assert!(all, "{width}, row {i}");
                    assert!(found[row.len()..].iter().all(|&x| x == 0.0));
                }
            }
        }
    }

    #[test]
    fn a_number_that_is_none_shows_in_the_whole_row() {
        for bad in [f32::NAN, f32::INFINITY] {
            for at in [0, 20, 39] {
                let mut row = vec![1.0f32; 40];
                row[at] = bad;
                softmax_rows(&mut row, 40, |_| 40);
                assert!(row.iter().all(|x| x.is_nan()));
            }
        }
        let mut row = [f32::NEG_INFINITY; 3];
        softmax_rows(&mut row, 3, |_| 3);
        assert!(row.iter().all(|x| x.is_nan()));
    }
}
