//! What of a coordinate can be used: against noise, by a threshold, and after a layer has restored it.
//!
//! All bounds are per coordinate unless they say otherwise, and all are in bits or in levels.

use crate::error::{Error, Result};
use crate::model::Dtype;

/// Capacity of a coordinate with Gaussian noise at a signal-to-noise ratio of `db` decibels, in bits:
/// `½ log2(1 + SNR)` (Shannon 1948).
pub fn gaussian_bits(db: f64) -> f64 {
    (10f64.powf(db / 10.0)).ln_1p() / (2.0 * std::f64::consts::LN_2)
}

/// Levels on `[-range, range]` that stay distinct when each may be moved by less than `noise`:
/// `⌊range / noise⌋ + 1`. They are `2 noise` apart; moved by exactly `noise`, neighbours would meet.
///
/// # Errors
/// The range or the noise is not a positive number.
pub fn worst_case_levels(range: f64, noise: f64) -> Result<f64> {
    require_positive("a range", range)?;
    require_positive("noise", noise)?;
    Ok((range / noise).floor() + 1.0)
}

/// The most levels, equally spaced on an interval of length 1, that survive noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latchable {
    /// If noise stays below `r`: `⌊1 + 1/(2r)⌋`.
    pub below: u64,
    /// If it may reach `r`: `⌈1/(2r)⌉`, which is one fewer where `1/(2r)` is whole, since there two
    /// neighbours can be moved to the same point.
    pub reaching: u64,
}

/// The most levels that any map can hold against noise `noise`, as a part of the whole interval.
///
/// `M` levels are `1/(M - 1)` apart, and intervals of radius `r` around them are disjoint iff
/// `2 r (M - 1)` is less than 1 (at most 1, if noise stays below `r`).
///
/// # Errors
/// The noise is not a positive number.
pub fn latchable_levels(noise: f64) -> Result<Latchable> {
    require_positive("noise", noise)?;
    let half_gaps = 1.0 / (2.0 * noise);
    // The conversion saturates.
    let reaching = (half_gaps.ceil() as u64).max(1);
    Ok(Latchable { below: (half_gaps.floor() as u64).saturating_add(1), reaching })
}

fn require_positive(what: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::new(format!("{what} above 0"), value.to_string()))
}

/// The most equally spaced levels of `[0, 1]` that are numbers of the format: `2^p + 1`.
///
/// The numbers of `[½, 1]` are `2^-p` apart, so no finer grid has all its points among them. Small numbers are
/// finer: thresholds tell all finite numbers apart (claim `thresholds-separate`), but not levels that are
/// equally spaced, as noise of one size asks for.
pub fn readable_levels(dtype: Dtype) -> u64 {
    (1 << dtype.precision()) + 1
}

/// The bits of such a grid on `[-1, 1]`, rounded down: `p + 1`.
pub fn readable_bits(dtype: Dtype) -> u32 {
    dtype.precision() + 1
}

/// The least number of ReLU units of one hidden layer whose output is the staircase of `levels` levels
/// in each of `dim` coordinates, on the whole space: `2 d (M - 1)`.
///
/// Each riser begins and ends at a hyperplane where the map has a kink, and the layer is smooth off the
/// hyperplanes of its units (`proofs/p40_restoration.rs`).
pub fn restoration_units(dim: u64, levels: u64) -> u64 {
    2u64.saturating_mul(dim).saturating_mul(levels.saturating_sub(1))
}

/// Units of a restoration whose output is added to the state, as in a residual stream.
///
/// Units that are active below a kink instead of above it can cancel the state, if two risers differ by
/// 1 in slope; with two levels there is one riser and the state costs a unit of its own.
pub fn residual_units(dim: u64, levels: u64) -> u64 {
    let cancel = if levels == 2 { dim } else { 0 };
    restoration_units(dim, levels).saturating_add(cancel)
}

/// The most levels per coordinate that staircases of `hidden` units restore exactly in `dim` coordinates, each by
/// itself: `M = 1 + ⌊hidden / (2 dim)⌋`. Units that bend along other lines hold a few states more (claim
/// `latch-of-lines`).
///
/// # Errors
/// There is no coordinate.
pub fn restorable_levels(dim: u64, hidden: u64) -> Result<u64> {
    match hidden.checked_div(dim) {
        Some(per_coordinate) => Ok(1 + per_coordinate / 2),
        None => Err(Error::new("at least one coordinate", "0")),
    }
}

/// `d log2 M`: what `dim` coordinates of `levels` levels hold.
pub fn latched_bits(dim: u64, levels: u64) -> f64 {
    dim as f64 * (levels as f64).log2()
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn gaussian_capacities() {
        let cases = [(10.0, 1.73), (20.0, 3.33), (30.0, 4.98), (40.0, 6.64)];
        assert!(cases.iter().all(|&(db, bits)| (gaussian_bits(db) - bits).abs() < 5e-3));
        assert_eq!((4096.0 * gaussian_bits(20.0)).round(), 13_636.0);
        assert_eq!((65_536.0 / gaussian_bits(20.0) / 4096.0 * 1000.0).round(), 4806.0);
        assert_eq!((4096.0 * gaussian_bits(20.0) / 15.0).round(), 909.0);
    }

    #[test]
    fn levels_are_disjoint_at_the_bound_and_meet_above() {
        for (noise, below, reaching) in
            [(0.25, 3, 2), (0.1, 6, 5), (0.3, 2, 2), (0.07, 8, 8), (0.5, 2, 1), (0.6, 1, 1)]
        {
            assert_eq!(latchable_levels(noise).unwrap(), Latchable { below, reaching }, "{noise}");
            let overlap = |levels: u64| 2.0 * noise * (levels - 1) as f64;
            assert!(overlap(below) <= 1.0 && overlap(below + 1) > 1.0);
            assert!(overlap(reaching) < 1.0 && overlap(reaching + 1) >= 1.0);
        }
        assert_eq!(worst_case_levels(1.0, 0.25).unwrap(), 5.0);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(latchable_levels(bad).is_err() && worst_case_levels(bad, 1.0).is_err());
        }
        assert_eq!(latchable_levels(f64::MIN_POSITIVE / 4.0).unwrap().below, u64::MAX);
    }

    /// By trying: all points of the grid of `n` steps are numbers of the format.
    #[test]
    fn no_finer_grid_lies_in_the_format() {
        let fits = |n: u32, round: fn(f64) -> f64| {
            // i/n is a number of the format only if it is one of f64, which 53 bits decide.
            (0..=n).all(|i| {
                let x = round(f64::from(i) / f64::from(n));
                x * f64::from(n) == f64::from(i) && (x * 2f64.powi(40)).fract() == 0.0
            })
        };
        let largest = |most, round| (1..=most).rev().find(|&n| fits(n, round)).unwrap();
        let bf16_steps = largest(2048, |x| Dtype::Bf16.round(x));
        let f16_steps = largest(8192, |x| Dtype::F16.round(x));
        assert_eq!(u64::from(bf16_steps) + 1, readable_levels(Dtype::Bf16));
        assert_eq!(u64::from(f16_steps) + 1, readable_levels(Dtype::F16));
        assert_eq!((readable_bits(Dtype::Bf16), readable_bits(Dtype::F16)), (9, 12));
    }

    #[test]
    fn an_mlp_of_four_times_the_width_restores_three_levels() {
        let levels = restorable_levels(4096, 4 * 4096).unwrap();
        assert_eq!(levels, 3);
        assert_eq!(restoration_units(4096, levels), 4 * 4096);
        assert_eq!(residual_units(4096, levels), 4 * 4096);
        assert_eq!(residual_units(4096, 2), 3 * 4096);
        assert_eq!(latched_bits(4096, levels).floor(), 6492.0);
        assert!(restorable_levels(0, 4).is_err());
        assert_eq!(restoration_units(4096, 1), 0);
    }
}
