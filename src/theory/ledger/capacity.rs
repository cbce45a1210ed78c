//! Claims about capacity: storage, schedules, latches, counting.

use super::{Claim, Evidence, Ground, Kind, Status, map};
use crate::error::Result;
use crate::model::Dtype;
use crate::reasoning::cot::{Bounds, Method, TokenSchedule};
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
