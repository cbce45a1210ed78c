//! Claims about capacity and learning: storage, schedules, latches, counting, gradients.

use super::{Claim, Evidence, Ground, Kind, Status, map};
use crate::error::Result;
use crate::family::generate;
use crate::model::Dtype;
use crate::reasoning::cot::{Bounds, Method, TokenSchedule};
use crate::reasoning::learning::gradient::{jacobian_norms, state_channel};
use crate::reasoning::learning::looped::soft_model;
use crate::reasoning::learning::parity::parity_gradients;
use crate::reasoning::learning::{Looped, Start, Task};
use crate::run::Reference;
use crate::theory::capacity::{Ceilings, Demand, latch};
use crate::theory::shallow::lines;

pub(super) static CLAIMS: &[Claim] = &[
    Claim {
        id: "storage-ratio",
        statement: "Latent steps are ahead of tokens by the ratio of what they can store, B d / log2 V.",
        status: Status::Refuted,
        kind: Kind::Fact,
        ground: Ground::Counterexample,
        scope: None,
        proofs: &["p42_parallelism"],
        sources: &[],
        assumptions: "a gate after its operands; a token computes floor(log2 V) gates, a loop a level",
        reason: "What counts is the average parallelism G/D: a chain gains nothing.",
        elsewhere: "",
        range: "parity of 1024 bits, V = 32768, d = 4096, B = 16: tree and chain",
        check: Some(storage_ratio),
    },
    Claim {
        id: "parallelism-bound",
        statement: "Tokens of g gates need max(D, ceil(G/g)) steps or more, and less than \
                    (G/D)/g + 1 times the D of loops.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p42_parallelism"],
        sources: &[],
        assumptions: "a gate after its operands; a loop computes a level",
        reason: "Level by level, the sum of ceil(w/g) over D levels is at most G/g + D (g - 1)/g.",
        elsewhere: "",
        range: "7 families, g = 1 to 32",
        check: Some(parallelism_bound),
    },
    Claim {
        id: "latch-bound",
        statement: "Against noise that may move it by r of its range a coordinate by itself holds at most \
                    ceil(1/(2r)) levels, and a layer of 2(M - 1) + 1 ReLU units, a staircase, holds as many.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p40_restoration", "p41_latch"],
        sources: &[],
        assumptions: "equally spaced levels, each coordinate restored by itself; the dtype is fine enough for the risers; \
                      without noise the identity holds any number",
        reason: "Intervals of radius r around the levels are disjoint exactly up to there; between them \
                 there is room for a riser.",
        elsewhere: "",
        range: "r = 0.25, 0.1, 0.07 in f64, f32 and f16, 10000 loops, noise always up and always down",
        check: Some(latch_bound),
    },
    Claim {
        id: "latch-of-lines",
        statement: "Eight ReLU units hold more states in two coordinates than staircases do: 11, not 3 times 3.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Machine,
        scope: None,
        proofs: &["p40_restoration"],
        sources: &[],
        assumptions: "noise moves a coordinate by at most 3/16; the head clears the state, so that the MLP need not",
        reason: "Two units a line: four lines parallel to the axes cut the plane into 9 cells, four in general position \
                 into 11. The MLP writes a state of the cell, and each is in its own cell.",
        elsewhere: "",
        range: "11 states, each from 5 starts within the noise, 10 loops in f32 by the reference engine",
        check: Some(latch_of_lines),
    },
    Claim {
        id: "thresholds-separate",
        statement: "Thresholds fl(x - c) > 0 tell all 65279 finite numbers of bf16 apart, and all 63487 of f16: the p + 1 \
                    bits that a threshold reads are of equally spaced levels.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Machine,
        scope: None,
        proofs: &[],
        sources: &[],
        assumptions: "gradual underflow; both zeros are one number",
        reason: "The difference of two different numbers of a format is never rounded to 0.",
        elsewhere: "",
        range: "all neighbours of both formats, of which every other pair follows as rounding is monotone",
        check: Some(thresholds_separate),
    },
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

/// What a circuit asks for, and its tokens of `g` gates.
fn demand(spec: &str, g: usize) -> Result<(Demand, Bounds)> {
    let network = map(spec)?.network;
    Ok((Demand::of(&network), TokenSchedule::new(&network, g, Method::Best).bounds))
}

fn storage_ratio(evidence: &mut Evidence) -> Result<()> {
    let ceilings = Ceilings::new(32_768, 4096, 16)?;
    for (spec, tokens, loops) in [("parity:1024", 76, 10), ("parity-chain:1024", 1023, 1023)] {
        let (demand, bounds) = demand(spec, ceilings.gates_per_token() as usize)?;
        let found = (bounds.by_levels, demand.depth());
        let ahead = found.0 as f64 / found.1 as f64;
        evidence.note(
            found == (tokens, loops) && ahead < ceilings.ratio(),
            format!("{spec}: {ahead:.1} times ahead, the ratio being {:.2}", ceilings.ratio()),
        );
    }
    Ok(())
}

fn parallelism_bound(evidence: &mut Evidence) -> Result<()> {
    let specs = [
        "parity:64",
        "parity-chain:9",
        "adder:8",
        "adder-ks:16",
        "mult:4",
        "mux:4",
        "sort-bitonic:8",
    ];
    for spec in specs {
        let (mut holds, mut parallelism) = (true, 0.0);
        for g in 1..=32 {
            let (demand, bounds) = demand(spec, g)?;
            let ahead = bounds.by_levels as f64 / demand.depth() as f64;
            parallelism = demand.gates() as f64 / demand.depth() as f64;
            holds &= bounds.lower <= bounds.by_levels && ahead < parallelism / g as f64 + 1.0;
        }
        evidence.note(holds, format!("{spec}: G/D = {parallelism:.2}"));
    }
    Ok(())
}

fn latch_bound(evidence: &mut Evidence) -> Result<()> {
    for dtype in [Dtype::F64, Dtype::F32, Dtype::F16] {
        for noise in [0.25, 0.1, 0.07] {
            let found = latch::experiment(dtype, noise, 10_000, 1, &())?;
            let (held, bound) = (found.adversarial.levels, found.bound.reaching);
            evidence.note(
                held == bound && found.adversarial.one_more.is_some(),
                format!("{dtype}, r = {noise}: {held} levels are held and {} are not", held + 1),
            );
        }
    }
    Ok(())
}

fn latch_of_lines(evidence: &mut Evidence) -> Result<()> {
    let states = lines::states();
    let mut holds = true;
    for &[x, y] in &states {
        for [a, b] in [[0.0, 0.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]] {
            let start = [x + a * lines::NOISE, y + b * lines::NOISE];
            let model = lines::latch_of_four_lines(start)?;
            let mut after = Vec::new();
            Reference::new(&model)?.trace(&[false], 10, |step| {
                after.push([step.stream[[0, 0]], step.stream[[0, 1]]]);
            })?;
            holds &= after[1..].iter().all(|&state| state == [x, y]);
            holds &= model.d_mlp() == 8;
            evidence.n_models += 1;
        }
    }
    let text =
        format!("{} states in two coordinates by 8 units, noise {}", states.len(), lines::NOISE);
    evidence.note(holds && states.len() == 11, text);
    Ok(())
}

fn thresholds_separate(evidence: &mut Evidence) -> Result<()> {
    let bf16: fn(u16) -> f64 = |bits| half::bf16::from_bits(bits).to_f64();
    let f16: fn(u16) -> f64 = |bits| half::f16::from_bits(bits).to_f64();
    for (dtype, number, expected) in [(Dtype::Bf16, bf16, 65279), (Dtype::F16, f16, 63487)] {
        let patterns = (0..=u16::MAX).map(number);
        // Adding 0 makes both zeros one.
        let mut numbers: Vec<f64> = patterns.filter(|x| x.is_finite()).map(|x| x + 0.0).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        let apart = |pair: &[f64]| dtype.round(pair[1] - pair[0]) > 0.0;
        let all = numbers.windows(2).all(apart);
        evidence.note(
            all && numbers.len() == expected,
            format!("{dtype}: {} numbers, each told from the next", numbers.len()),
        );
    }
    Ok(())
}

fn vanishing(evidence: &mut Evidence) -> Result<()> {
    for spec in ["parity:4", "adder:2", "majority:3"] {
        for (gain, vanishes) in [(2.0, true), (0.6, true), (0.4, false)] {
            let circuit = generate(spec)?;
            let model = soft_model(&circuit, gain, crate::compile::INVERSE_TEMPERATURE)?;
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

fn parity_variance(evidence: &mut Evidence) -> Result<()> {
    let circuit = generate("parity:6")?;
    let model = soft_model(&circuit, 2.0, crate::compile::INVERSE_TEMPERATURE)?;
    let task = Task::new(&circuit, &model)?;
    for seed in [1, 2] {
        let looped = Looped::new(&model, Start::Random, seed)?;
        let found = parity_gradients(&looped, &task, 2)?;
        let sum: f64 = found.signals.iter().sum();
        // Sums of some thousand terms, each rounded to 2^-53.
        let equal = (sum / found.mean_square - 1.0).abs() < 1e-9;
        evidence.note(
            equal && found.variance > 0.0 && found.variance <= found.bound() * (1.0 + 1e-9),
            format!("seed {seed}: variance {:.3e}, bound {:.3e}", found.variance, found.bound()),
        );
    }
    Ok(())
}
