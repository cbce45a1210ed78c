//! Theorem. Against noise that may move it by `r`, a part of its range, a coordinate of equally spaced
//! levels, restored by itself, can be held through any number of loops iff there are at most `⌈1/(2r)⌉` of them.
//!
//! Proof. `M` levels are `1/(M - 1)` apart. If `2r (M - 1) ≥ 1`, two neighbours can be moved to the same
//! point, and whatever maps it loses one of them. If not, a gap of `1/(M - 1) - 2r` is left between the
//! places where neighbours can be, and a staircase that rises there restores every level exactly; so the
//! state is the same before every loop. Among all noise the extremes decide, as the staircase never
//! falls. `2r (M - 1) < 1` iff `M < 1 + 1/(2r)` iff `M ≤ ⌈1/(2r)⌉`. End of proof.
//!
//! Claims: latch-bound.
//!
//! Executed: noise at the bound and just above, in f64 and f32, 10000 loops; random noise never loses what
//! the extremes hold. The hypothesis on noise: a latch for less noise loses to more.

use circuit2tf::model::Dtype;
use circuit2tf::theory::capacity::latch::{Latch, Noise};
use circuit2tf::theory::capacity::noise::latchable_levels;

const LOOPS: u64 = 10_000;

fn is_held(latch: &Latch, noise: Noise) -> bool {
    latch.hold(noise, LOOPS, &()).unwrap().is_none()
}

#[test]
fn levels_are_held_up_to_the_bound_and_not_above() {
    for dtype in [Dtype::F64, Dtype::F32] {
        for noise in [0.4, 0.25, 0.2, 0.13, 0.1, 0.05, 0.021] {
            let bound = latchable_levels(noise).unwrap().reaching;
            let at = Latch::new(dtype, bound, noise).unwrap();
            assert!(is_held(&at, Noise::Adversarial), "{dtype} {noise} {bound}");
            assert!(is_held(&at, Noise::Random { seed: 3 }), "{dtype} {noise} {bound}");
            let above = Latch::new(dtype, bound + 1, noise).unwrap();
            assert!(!is_held(&above, Noise::Adversarial), "{dtype} {noise} {bound} + 1");
        }
    }
}

#[test]
fn a_latch_restores_what_its_noise_moves_and_not_what_more_noise_moves() {
    let latch = Latch::new(Dtype::F64, 5, 0.05).unwrap();
    // The noise is a fifth of the distance of two levels; the riser takes up the half in the middle.
    assert_eq!(latch.restore(3.2), 3.0);
    assert_ne!(latch.restore(3.4), 3.0);
}
