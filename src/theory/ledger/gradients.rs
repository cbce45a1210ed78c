//! Claims about learning: gradients through loops, through latches, and of parities.

use super::{Claim, Evidence, Ground, Kind, Status};
use crate::error::Result;

#[cfg(feature = "candle")]
use trained::{parity_variance, vanishing};

pub(super) static CLAIMS: &[Claim] = &[
    Claim {
        id: "vanishing",
        statement: "At compiled weights the Jacobian of the state through one or more loops is exactly 0, \
                    and softened to a gain below 1/2 it is not.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p43_saturation"],
        sources: &[],
        assumptions: "the state is the channel that heads and read-out see",
        reason: "The ramps are flat at the states, and clearing the old value cancels the residual path.",
        elsewhere: "",
        range: "3 circuits, all inputs, 3 loops, 2 random probes, gains 2, 0.6 and 0.4",
        check: Some(vanishing),
    },
    Claim {
        id: "latch-derivative",
        statement: "A map of the line that takes a ball of radius d into one of radius e has mean derivative at \
                    most e/d on it; if it takes every smaller ball about its fixed point to one smaller by e/d or \
                    more, R loops have (e/d)^R at most.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p43_saturation"],
        sources: &["bengio1994"],
        assumptions: "the map is continuous, and differentiable but for finitely many points (a jump has derivative 0 \
                      beside it, and holds a bit)",
        reason: "The mean derivative is the distance of the ends' images over that of the ends: robust \
                 latching and vanishing gradients are one thing (Bengio, Simard and Frasconi 1994).",
        elsewhere: "",
        range: "x -> tanh(a x) about its positive fixed point, a = 1.5, 2, 4, d = 0.1, 1 to 12 loops, by quadrature \
                of the chain rule; a clamp, whose second loop shrinks nothing",
        check: Some(latch_derivative),
    },
    Claim {
        id: "parity-gradients",
        statement: "Over all parities of n inputs the gradient of half the squared loss varies by at most \
                    E|grad f|^2 / 2^n.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p45_parity_gradients"],
        sources: &["shalev-shwartz2017"],
        assumptions: "inputs are uniform; without the half it is 4 times that",
        reason: "Parities are orthonormal: the squares of their correlations with the gradient sum to \
                 E|grad f|^2 (Shalev-Shwartz, Shamir and Shammah 2017).",
        elsewhere: "",
        range: "all 64 parities of 6 inputs at 2 random models of 2 loops",
        check: Some(parity_variance),
    },
];

#[cfg(not(feature = "candle"))]
fn vanishing(_: &mut Evidence) -> Result<()> {
    Err(crate::Error::not_compiled_in("gradients", "candle"))
}

#[cfg(not(feature = "candle"))]
use vanishing as parity_variance;

fn latch_derivative(evidence: &mut Evidence) -> Result<()> {
    let (delta, n) = (0.1, 2000);
    for slope in [1.5, 2.0, 4.0] {
        let latch = |x: f64| (slope * x).tanh();
        let fixed = (0..500).fold(1.0, |x, _| latch(x));
        let reach = |x: f64| (latch(fixed + x) - fixed).abs().max((latch(fixed - x) - fixed).abs());
        let rate = reach(delta) / delta;
        // The ratio of every smaller ball, as the hypothesis wants it.
        let shrinks = (1..=50).all(|i| reach(delta * f64::from(i) / 50.0) <= rate * delta);
        let mean = |loops: usize| {
            let derivative = |i: i32| {
                let start = fixed + delta * (f64::from(2 * i + 1) / f64::from(n) - 1.0);
                let pass = |(x, product): (f64, f64), _| {
                    (latch(x), product * slope * (1.0 - latch(x).powi(2)))
                };
                (0..loops).fold((start, 1.0), pass).1
            };
            (0..n).map(derivative).sum::<f64>() / f64::from(n)
        };
        // The midpoint rule is off by less than a part in 10^4 here.
        let within = (1..=12).all(|loops| mean(loops) <= rate.powi(loops as i32) * 1.0001);
        let text =
            format!("a = {slope}: e/d = {rate:.3}, mean derivative {:.1e} in 12 loops", mean(12));
        evidence.note(rate < 1.0 && shrinks && within, text);
    }
    // A jump: derivative 0 but at one point, and yet a bit is held; the mean over the ball is no mean derivative.
    let sign = |x: f64| if x > 0.0 { 1.0 } else { -1.0 };
    let held = [0.5, -0.5].map(|x| (0..12).fold(x, |x, _| sign(x)));
    evidence.note(
        held == [1.0, -1.0],
        "a jump, which is not continuous: holds a bit, derivative 0 beside it",
    );
    let clamped = (0..12).fold(1.0f64, |x, _| x.clamp(-0.25, 0.25));
    evidence.note(clamped == 0.25, "clamp to a quarter of the ball: 0.25 after 12 loops");
    Ok(())
}

/// The checks that need gradients, and so candle.
#[cfg(feature = "candle")]
mod trained {
    use super::Evidence;
    use crate::compile::INVERSE_TEMPERATURE;
    use crate::error::Result;
    use crate::family::generate;
    use crate::reasoning::learning::gradient::{jacobian_norms, state_channel};
    use crate::reasoning::learning::looped::soft_model;
    use crate::reasoning::learning::parity::parity_gradients;
    use crate::reasoning::learning::{Looped, Start, Task};

    pub(super) fn vanishing(evidence: &mut Evidence) -> Result<()> {
        for spec in ["parity:4", "adder:2", "majority:3"] {
            for (gain, vanishes) in [(2.0, true), (0.6, true), (0.4, false)] {
                let circuit = generate(spec)?;
                let model = soft_model(&circuit, gain, INVERSE_TEMPERATURE)?;
                let looped = Looped::new(&model, Start::Construction, 0)?;
                let task = Task::new(&circuit, &model)?;
                let channel = state_channel(model.n_ctx())?;
                let norms = jacobian_norms(&looped, &task, 3, &channel, 2, 1)?;
                let holds = norms[1..].iter().all(|&norm| (norm == 0.0) == vanishes);
                evidence.note(holds, format!("{spec}, gain {gain}: {:.3} after 3 loops", norms[3]));
            }
        }
        Ok(())
    }

    pub(super) fn parity_variance(evidence: &mut Evidence) -> Result<()> {
        let circuit = generate("parity:6")?;
        let model = soft_model(&circuit, 2.0, INVERSE_TEMPERATURE)?;
        let task = Task::new(&circuit, &model)?;
        for seed in [1, 2] {
            let looped = Looped::new(&model, Start::Random, seed)?;
            let found = parity_gradients(&looped, &task, 2)?;
            let sum: f64 = found.signals.iter().sum();
            // Sums of some thousand terms, each rounded to 2^-53.
            let equal = (sum / found.mean_square - 1.0).abs() < 1e-9;
            evidence.note(
                equal && found.variance > 0.0 && found.variance <= found.bound() * (1.0 + 1e-9),
                format!(
                    "seed {seed}: variance {:.3e}, bound {:.3e}",
                    found.variance,
                    found.bound()
                ),
            );
        }
        Ok(())
    }
}
