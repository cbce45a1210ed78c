//! Theorem. At compiled weights the derivative of the state after a loop by the state before it is 0,
//! exactly, on a neighbourhood of every Boolean state; so gradients through one or more loops vanish.
//! More generally, a continuous map, differentiable but at finitely many points, that takes balls of radius `δ` into balls of radius `ε` has mean derivative at
//! most `ε/δ` on diameters; if it does so to every smaller ball about its fixed point at that ratio, `R` loops
//! have `(ε/δ)^R` (Bengio, Simard and Frasconi 1994).
//!
//! Proof. The ramp `relu(s z + ½) - relu(s z - ½)` is constant for `|s z| ≥ ½`, and states give `z = 1` or
//! `z ≤ -1`: with `s > ½` it is constant around them. What clears the old value has slope -1 and cancels
//! the residual path; a one-hot softmax has derivative 0. For the second part, ends of a diameter are
//! `2δ` apart and their images at most `2ε`; the mean derivative on it is the quotient, and balls
//! of ratio `ε/δ` shrink `R` times. End of proof.
//!
//! Claims: vanishing, latch-derivative.
//!
//! Executed: gains above ½ give exactly 0, below ½ (where the hypothesis fails) they do not; the mean
//! derivative of a softened latch, by quadrature, against the bound through 12 loops. That smaller balls shrink
//! too is needed: a clamp to `[-ε, ε]` has mean derivative `ε/δ` after any number of loops. So is continuity: a map with a
//! jump has derivative 0 beside it and takes no ball about it into a smaller one.

use circuit2tf::compile::INVERSE_TEMPERATURE;
use circuit2tf::family::generate;
use circuit2tf::reasoning::learning::gradient::{jacobian_norms, state_channel};
use circuit2tf::reasoning::learning::looped::soft_model;
use circuit2tf::reasoning::learning::{Looped, Start, Task};

fn norms(spec: &str, gain: f64) -> Vec<f64> {
    let circuit = generate(spec).unwrap();
    let model = soft_model(&circuit, gain, INVERSE_TEMPERATURE).unwrap();
    let task = Task::new(&circuit, &model).unwrap();
    let looped = Looped::new(&model, Start::Construction, 0).unwrap();
    let channel = state_channel(model.n_ctx()).unwrap();
    jacobian_norms(&looped, &task, 4, &channel, 2, 1).unwrap()
}

#[test]
fn states_have_no_derivative_above_a_gain_of_a_half_and_have_one_below() {
    for spec in ["parity:4", "adder:2", "and:4"] {
        for gain in [2.0, 1.0, 0.51] {
            assert_eq!(norms(spec, gain), [1.0, 0.0, 0.0, 0.0, 0.0], "{spec} {gain}");
        }
        assert!(norms(spec, 0.4)[1] > 0.0, "{spec}");
    }
}

#[test]
fn robust_latches_have_small_derivatives_on_diameters() {
    for slope in [1.5, 2.0, 4.0] {
        let latch = |x: f64| (slope * x).tanh();
        let derivative = |x: f64| slope * (1.0 - latch(x).powi(2));
        let fixed = (0..500).fold(1.0, |x, _| latch(x));
        let delta = 0.1;
        // The latch rises, so the ends of the ball go furthest.
        let radius = |loops: usize| {
            let end = |x: f64| (0..loops).fold(x, |x, _| latch(x));
            (end(fixed + delta) - fixed).abs().max((end(fixed - delta) - fixed).abs())
        };
        let n = 20_000;
        let mean = (0..n).map(|i| {
            let start = fixed - delta + 2.0 * delta * (f64::from(i) + 0.5) / f64::from(n);
            let pass = |(x, product): (f64, f64), _| (latch(x), product * derivative(x));
            (0..12).fold((start, 1.0), pass).1
        });
        let mean = mean.sum::<f64>() / f64::from(n);
        let rate = radius(1) / delta;
        assert!(rate < 1.0, "slope {slope}: not robust");
        // A radius is a difference of numbers near 1, each known to a half of EPSILON.
        let known = radius(12) + f64::EPSILON;
        assert!(mean <= known / delta * (1.0 + 1e-6), "slope {slope}: {mean}");
        assert!(mean <= rate.powi(12) * (1.0 + 1e-6), "slope {slope}: {mean} {rate}");
    }
}

#[test]
fn a_clamp_shrinks_a_ball_once() {
    let (delta, epsilon) = (1.0f64, 0.25);
    let ends = |loops: usize| (0..loops).fold(delta, |x, _| x.clamp(-epsilon, epsilon));
    assert_eq!([1, 2, 12].map(|loops| ends(loops) / delta), [0.25; 3]);
}
