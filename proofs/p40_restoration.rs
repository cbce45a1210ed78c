//! Theorem. A layer of one hidden layer of ReLUs whose output is the staircase of `M` levels in each of
//! `d` coordinates, on the whole space, has at least `2 d (M - 1)` units, and so many suffice. If its
//! output is added to its input, so many suffice for `M ≥ 3`; for `M = 2` they do not, if any noise is
//! to be borne.
//!
//! Proof. The staircase has a kink on each of the `2 d (M - 1)` hyperplanes where a riser begins or ends.
//! The layer is smooth off the hyperplanes of its units; finitely many cover one only if it is among
//! them. So many suffice: a pair a riser. Added to its input a layer must have slope -1 on every flat
//! part. A unit that is active below its kink, where the slope changes by `Δ`, contributes `-Δ` there:
//! the state is cancelled by units whose changes sum to 1. With risers of slopes `s + 1` and `s` these are
//! the beginning of the first and the end of the second: `(s + 1) - s`. With one riser the changes
//! are `s` and `-s`, so `s = 1`, and the riser takes up the whole interval. End of proof.
//!
//! Staircases are one way only: in two coordinates eight units hold eleven states, where they have nine
//! ([`four_lines_hold_more_states_than_staircases`]), since four lines in general position cut the plane into eleven.
//! And without noise nothing need be restored.
//!
//! Claims: latch-bound, latch-of-lines.
//!
//! Executed: the kinks of latches are counted on a line; four integer units restore three levels in a
//! residual stream; of all choices for two levels in two units none bears noise.

use circuit2tf::model::{Block, Dtype};
use circuit2tf::theory::capacity::latch::Latch;
use circuit2tf::theory::capacity::noise::{residual_units, restoration_units};
use circuit2tf::theory::shallow::lines;

/// `x + relu(x W_in + b_in) W_out + b_out` of a stream of one channel.
fn apply(block: &Block, x: f64) -> f64 {
    let units = block.w_in.iter().zip(&block.b_in).zip(&block.w_out);
    let sum: f64 = units.map(|((w, b), out)| (w * x + b).max(0.0) * out).sum();
    x + sum + block.b_out[0]
}

/// Changes of slope at interior points of a grid that contains all kinks.
fn kinks(f: impl Fn(f64) -> f64, points: &[f64]) -> usize {
    let bends = |p: &&[f64]| {
        let [a, b, c] = [f(p[0]), f(p[1]), f(p[2])];
        ((c - b) - (b - a)).abs() > 1e-9
    };
    points.windows(3).filter(bends).count()
}

#[test]
fn a_staircase_has_as_many_kinks_as_it_takes_units() {
    for levels in 2..=12 {
        let latch = Latch::new(Dtype::F64, levels, 0.2 / (levels - 1) as f64).unwrap();
        let block = latch.block();
        // Risers are 1/2 wide, so kinks are multiples of 1/4.
        let points: Vec<f64> = (2..=4 * levels as usize + 4).map(|i| i as f64 / 4.0).collect();
        let found = kinks(|x| apply(&block, x), &points) as u64;
        assert_eq!(found, restoration_units(1, levels));
        assert_eq!(block.b_in.len() as u64, restoration_units(1, levels) + 1);
    }
}

/// Slopes 3 and 2 between the levels 0, 12, 24; units 0 and 3 are active below their kinks.
fn three_levels_in_four_units() -> Block {
    let mut block = Block::zeros(1, 1, 1, 4);
    for (unit, (sign, kink, change)) in
        [(-1.0, 4.0, 3.0), (1.0, 8.0, -3.0), (1.0, 15.0, 2.0), (-1.0, 21.0, -2.0)]
            .into_iter()
            .enumerate()
    {
        block.w_in[[0, unit]] = sign;
        block.b_in[unit] = -sign * kink;
        block.w_out[[unit, 0]] = change;
    }
    // At 0 the units below their kinks write 3·4 - 2·21.
    block.b_out[0] = 30.0;
    block
}

#[test]
fn four_units_restore_three_levels_in_a_residual_stream() {
    let block = three_levels_in_four_units();
    assert_eq!(block.b_in.len() as u64, residual_units(1, 3));
    for level in [0.0, 12.0, 24.0] {
        for push in [-3.0, -1.5, 0.0, 2.25, 3.0] {
            assert_eq!(apply(&block, level + push), level, "{level} + {push}");
        }
    }
    // Without the difference of the slopes, the state is not cancelled.
    let mut equal = block;
    equal.w_out[[0, 0]] = 2.0;
    assert_ne!(apply(&equal, 1.0), apply(&equal, 0.0));
}

#[test]
fn two_units_do_not_restore_two_levels_in_a_residual_stream() {
    assert_eq!(residual_units(1, 2), 3);
    let mut borne = 0;
    for slope in (1..=64).map(|s| f64::from(s) / 8.0) {
        for below in [[false, false], [true, false], [false, true], [true, true]] {
            let changes = [slope, -slope];
            // The slope that the units give the flat parts: it must be -1 to cancel the state.
            let left: f64 = (0..2).filter(|&u| below[u]).map(|u| -changes[u]).sum();
            let noise = (1.0 - 1.0 / slope) / 2.0;
            borne += usize::from(left == -1.0 && noise > 0.0);
        }
    }
    assert_eq!(borne, 0);
}

#[test]
fn four_lines_hold_more_states_than_staircases() {
    let states = lines::states();
    assert_eq!((states.len(), restoration_units(2, 3)), (11, 8));
    let mut seed = 1u64;
    // In steps of 1/64, so that no sum rounds.
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let steps = (lines::NOISE * 64.0) as u64;
        (seed >> 40).rem_euclid(2 * steps + 1) as f64 / 64.0 - lines::NOISE
    };
    for &[x, y] in &states {
        for _ in 0..20 {
            let model = lines::latch_of_four_lines([x + noise(), y + noise()]).unwrap();
            assert_eq!(model.d_mlp(), 8);
            let steps = crate::ground::steps(&model, &[false], 3);
            let held =
                |step: &circuit2tf::run::Step| [step.stream[[0, 0]], step.stream[[0, 1]]] == [x, y];
            assert!(steps[1..].iter().all(held), "{x} {y}");
        }
    }
}
