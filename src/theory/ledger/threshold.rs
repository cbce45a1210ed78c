//! What one head does for gates of any fan-in, and what the precision has to do with it.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Claim, EXACT, Evidence, Ground, Kind, Status};
use crate::batch::Batch;
use crate::error::Result;
use crate::model::{Dtype, Model};
use crate::run::{Engine, Reference};
use crate::theory::shallow::threshold::{
    Sharpness, ThresholdCircuit, ThresholdGate, Wire, bearable_leak, largest_fan_in, largest_leak,
    sufficient_inverse_temperature, threshold_model,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "threshold-one-head",
        statement: "In a format of p bits a circuit of threshold gates of any fan-in up to 2^p and depth D, \
                    with G gates on n inputs, runs in D + 1 loops of one layer with one head of width m, \
                    d_model = 2 m + 5 and 7 MLP units, m = ceil(log2(n + G + 1)), with a token per wire, \
                    input and output, wires being added to make fan-ins powers of two.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p15_threshold_circuits"],
        sources: &[],
        assumptions: EXACT,
        reason: "A token attends to all wires into the node that its own comes from: the average is the \
                 number of ones over the fan-in. Loop 1 takes the inputs to their wires, each further \
                 loop one level; matrix products are accumulated in f32, or exactly.",
        elsewhere: "",
        range: "5 random circuits of 4 inputs, 6 gates and fan-ins up to 7, all inputs, f32, f16, bf16 and \
                f64, by the reference engine",
        check: Some(one_head),
    },
    Claim {
        id: "threshold-leak",
        statement: "Such a model of largest fan-in K and gain s is right if every row puts no more than \
                    (1/2 - 1/(2s))/K on wires that it is not to read.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p15_threshold_circuits"],
        sources: &[],
        assumptions: "real arithmetic",
        reason: "The average is off by the leak at most, K times that is what the ramp sees, and the ramp is \
                 flat that far.",
        elsewhere: "",
        range: "5 random circuits, gains 2, 4 and 8, in f64 at an inverse temperature that the formula gives: \
                leaks from the weights' numbers, all inputs; some is wrong at an eighth of it",
        check: Some(leak),
    },
    Claim {
        id: "threshold-fan-in",
        statement: "With the numbers of such a model the reference engine decides in bf16 whether 3/4 of 256 \
                    bits are 1, but not of 512; in f32 it does.",
        status: Status::Verified,
        kind: Kind::Fact,
        ground: Ground::Machine,
        scope: None,
        proofs: &["p15_threshold_circuits", "p19_sums_of_ones"],
        sources: &["london2025"],
        assumptions: "the softmax is added up in f32, and what a head reads is rounded to the dtype",
        reason: "Of 512 bits the average of 383 ones is rounded to that of 384. Precision is what \
                 separates the classes: models of constant depth, polynomial size and padding are AC0 at \
                 constant precision, inside attention too, and nonuniform TC0 at logarithmic (London and Kanade 2025, not \
                 checked here); with exact sums in attention constant precision decides majority \
                 (depth-at-fixed-precision).",
        elsewhere: "",
        range: "256 bits: every number of ones up to 256 in bf16; 512 bits: 0, 383, 384 and 512 ones, in bf16 \
                and f32",
        check: Some(fan_in),
    },
];

/// The inputs on which a model is wrong after its loops.
fn wrong(model: &Model, circuit: &ThresholdCircuit, inputs: &[Vec<bool>]) -> Result<Vec<usize>> {
    let batch = Batch::from_columns(circuit.n_inputs(), inputs)?;
    let outputs = Reference::new(model)?.run(&batch, model.n_loops)?;
    let is_wrong = |a: &usize| outputs.column(*a) != circuit.evaluate(&inputs[*a]);
    Ok((0..inputs.len()).filter(is_wrong).collect())
}

fn random(seed: u64) -> ThresholdCircuit {
    ThresholdCircuit::random(&mut ChaCha8Rng::seed_from_u64(seed), 4, 6, 7)
}

fn all_inputs() -> Vec<Vec<bool>> {
    (0..16u8).map(|a| (0..4).map(|i| a >> i & 1 == 1).collect()).collect()
}

fn one_head(evidence: &mut Evidence) -> Result<()> {
    for seed in 0..5 {
        let circuit = random(seed);
        let (m, loops) = (circuit.address_length(), circuit.depth() + 1);
        let mut holds = true;
        for dtype in Dtype::ALL {
            let model = threshold_model(&circuit, Sharpness::default(), dtype)?;
            let shape = (model.n_heads(), model.d_head(), model.d_model(), model.d_mlp());
            holds &= shape == (1, m, 2 * m + 5, 7) && model.n_ctx() == circuit.n_tokens();
            holds &= model.n_layers() == 1 && model.n_loops == loops;
            holds &= wrong(&model, &circuit, &all_inputs())?.is_empty();
        }
        let text = format!("seed {seed}: {} tokens, {loops} loops", circuit.n_tokens());
        evidence.note(holds, text);
    }
    Ok(())
}

fn leak(evidence: &mut Evidence) -> Result<()> {
    let mut n_wrong = 0;
    for seed in 0..5 {
        let circuit = random(seed);
        for gain in [2, 4, 8] {
            let enough = sufficient_inverse_temperature(&circuit, gain);
            let at = |inverse_temperature| {
                threshold_model(&circuit, Sharpness { inverse_temperature, gain }, Dtype::F64)
            };
            let model = at(enough)?;
            let (leak, bearable) = (largest_leak(&model), bearable_leak(&circuit, gain));
            let right = wrong(&model, &circuit, &all_inputs())?.is_empty();
            n_wrong += wrong(&at(enough / 8.0)?, &circuit, &all_inputs())?.len();
            evidence.note(
                right && leak > 0.0 && leak <= bearable,
                format!("seed {seed}, gain {gain}: a leak of {leak:.1e} of {bearable:.1e}"),
            );
        }
    }
    evidence.note(n_wrong > 0, format!("warmer: {n_wrong} wrong inputs"));
    Ok(())
}

/// The model of a gate that is 1 where 3/4 of `n` inputs are, in f32, whose numbers bf16 has too.
fn most_of(n: usize) -> Result<(ThresholdCircuit, Model)> {
    let gate = ThresholdGate { operands: (0..n).map(Wire::from).collect(), at_least: n / 4 * 3 };
    let circuit = ThresholdCircuit::new(n, vec![gate], vec![n.into()])?;
    let model = threshold_model(&circuit, Sharpness::default(), Dtype::F32)?;
    Ok((circuit, model))
}

fn fan_in(evidence: &mut Evidence) -> Result<()> {
    let widest = largest_fan_in(Dtype::Bf16, 1) as usize;
    let counts = |n: usize, ones: &[usize]| -> Vec<Vec<bool>> {
        ones.iter().map(|&ones| (0..n).map(|i| i < ones).collect()).collect()
    };
    let in_bf16 = |model: &Model| {
        let mut parts = model.clone().into_parts();
        parts.dtype = Dtype::Bf16;
        Model::new(parts)
    };
    let (circuit, model) = most_of(widest)?;
    let all = counts(widest, &(0..=widest).collect::<Vec<_>>());
    let right = wrong(&in_bf16(&model)?, &circuit, &all)?.is_empty();
    evidence.note(right && widest == 256, format!("bf16, {widest} bits: right at every count"));
    let (circuit, model) = most_of(2 * widest)?;
    let enough = widest / 2 * 3;
    let some = counts(2 * widest, &[0, enough - 1, enough, 2 * widest]);
    let narrow = wrong(&in_bf16(&model)?, &circuit, &some)?;
    let text = format!("bf16, 512 bits: wrong at {} of {} counts", narrow.len(), some.len());
    evidence.note(narrow.contains(&1), text);
    let wide = wrong(&model, &circuit, &some)?;
    evidence.note(wide.is_empty(), "f32, 512 bits, the same numbers: right");
    Ok(())
}
