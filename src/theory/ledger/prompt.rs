//! One set of weights for every circuit, which comes with the input.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Claim, DTYPES, EXACT, Evidence, Ground, Kind, Status};
use crate::batch::Batch;
use crate::error::Result;
use crate::model::{Dtype, Model};
use crate::run::{Engine, Reference};
use crate::theory::shallow::prompt::{Gate, Shape, circuit_from_prompt, evaluate};

pub(super) const CLAIMS: &[Claim] = &[Claim {
    id: "circuit-in-the-prompt",
    statement: "One model computes every circuit of n inputs and G gates of two operands from the bits of \
                the circuit, after a layer of 2 m + 4 heads that gathers them and a loop per level, \
                m = ceil(log2(n + G)) or 1; its layers depend on m only.",
    status: Status::Proved,
    kind: Kind::Construction,
    ground: Ground::Prose,
    scope: None,
    proofs: &["p18_circuit_in_the_prompt"],
    sources: &[],
    assumptions: EXACT,
    reason: "A bit's token knows its gate and place, so a head per place brings the bits to the gate's \
             token; from then on it is the compiled layer with pointers and tables that were read.",
    elsewhere: "",
    range: "all 1024 circuits of 1 input and 2 gates on both inputs in f32; 100 random circuits of 3 inputs \
            and 5 gates in f32, f16 and bf16; layers equal over 3 shapes of one m",
    check: Some(circuit_in_the_prompt),
}];

/// How many prompts the model answers wrongly.
fn n_wrong(model: &Model, shape: Shape, prompts: &[(Vec<Gate>, Vec<bool>)]) -> Result<usize> {
    let columns: Vec<Vec<bool>> = prompts.iter().map(|(g, x)| shape.prompt(g, x)).collect();
    let batch = Batch::from_columns(model.input_positions.len(), &columns)?;
    let outputs = Reference::new(model)?.run(&batch, model.n_loops)?;
    let is_wrong = |(a, (gates, x)): &(usize, &(Vec<Gate>, Vec<bool>))| {
        outputs.column(*a) != evaluate(gates, x)
    };
    Ok(prompts.iter().enumerate().filter(is_wrong).count())
}

/// Every circuit of one input and two gates, on both inputs.
fn all_small() -> Vec<(Vec<Gate>, Vec<bool>)> {
    let mut prompts = Vec::new();
    for code in 0..1 << 11u32 {
        let [first, second] = [0, 4].map(|shift| (code >> shift & 15) as u8);
        let operands = [8, 9].map(|shift| (code >> shift & 1) as usize);
        let gates = vec![Gate { operands: [0, 0], table: first }, Gate { operands, table: second }];
        prompts.push((gates, vec![code >> 10 == 1]));
    }
    prompts
}

fn random(shape: Shape, rng: &mut ChaCha8Rng) -> (Vec<Gate>, Vec<bool>) {
    let gate = |g: usize| Gate {
        operands: [(); 2].map(|()| rng.random_range(0..shape.n_inputs + g)),
        table: rng.random_range(0..16),
    };
    let gates = (0..shape.n_gates).map(gate).collect();
    (gates, (0..shape.n_inputs).map(|_| rng.random()).collect())
}

fn circuit_in_the_prompt(evidence: &mut Evidence) -> Result<()> {
    let shape = Shape { n_inputs: 1, n_gates: 2 };
    let model = circuit_from_prompt(shape, Dtype::F32)?;
    let prompts = all_small();
    let wrong = n_wrong(&model, shape, &prompts)?;
    evidence
        .note(wrong == 0, format!("1 input, 2 gates: {} prompts, {wrong} wrong", prompts.len()));
    let shape = Shape { n_inputs: 3, n_gates: 5 };
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let prompts: Vec<_> = (0..100).map(|_| random(shape, &mut rng)).collect();
    for dtype in DTYPES {
        let model = circuit_from_prompt(shape, dtype)?;
        let wrong = n_wrong(&model, shape, &prompts)?;
        let heads = model.n_heads();
        evidence.note(
            wrong == 0 && heads == 2 * 3 + 4 && model.n_prelude == 1 && model.n_layers() == 1,
            format!("{dtype}: 3 inputs, 5 gates, {heads} heads: 100 random prompts, {wrong} wrong"),
        );
    }
    let shapes = [(3, 5), (1, 6), (4, 1)].map(|(n_inputs, n_gates)| Shape { n_inputs, n_gates });
    let models = shapes.map(|shape| circuit_from_prompt(shape, Dtype::F32));
    let [a, b, c] = models;
    let (a, b, c) = (a?, b?, c?);
    evidence
        .note(a.blocks == b.blocks && b.blocks == c.blocks, "3 shapes of m = 3: the same layers");
    Ok(())
}
