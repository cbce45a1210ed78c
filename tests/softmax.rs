//! Rows of the softmax that are no compiled model's: averages over many positions, weights next to nothing.
//!
//! The engines take a softmax in f32 (f64 in f64) and round its weights to the dtype once, as array libraries do.

use circuit2tf::batch::Batch;
use circuit2tf::model::{Attention, Block, Dtype, Labels, Model, Parts, Scheme};
use circuit2tf::run::{Dense, Device, Engine, Reference};
use ndarray::{Array1, Array2};

/// One layer of one head of one entry, an input at position 0 on channel `BIT`, logit 1 from channel `READ` at
/// position `n_ctx - 1`, which logit 0, 1/2, is held against.
fn one_head(dtype: Dtype, n_ctx: usize, set: impl FnOnce(&mut Parts)) -> Model {
    let mut parts = Parts {
        scheme: Scheme::RECURRENT,
        dtype,
        attention: Attention::Bidirectional,
        n_loops: 1,
        n_prelude: 0,
        n_coda: 0,
        w_e: Array2::zeros((3, 4)),
        w_pos: Array2::zeros((n_ctx, 4)),
        blocks: vec![Block::zeros(1, 4, 1, 1)],
        w_u: Array2::zeros((4, 2)),
        b_u: Array1::from(vec![0.5, 0.0]),
        input_positions: vec![0],
        output_positions: vec![n_ctx - 1],
        scheme_vectors: Default::default(),
        labels: Labels {
            input_names: vec!["x".to_string()],
            output_names: vec!["y".to_string()],
            channel_names: ["key", "bit", "read", "other"].map(String::from).to_vec(),
            ..Labels::default()
        },
        claim: Default::default(),
    };
    parts.w_e[[1, BIT]] = 1.0;
    parts.w_u[[READ, 1]] = 1.0;
    let block = &mut parts.blocks[0];
    (block.b_q[[0, 0]], block.w_k[[0, KEY, 0]]) = (1.0, 1.0);
    block.w_o[[0, 0, READ]] = 1.0;
    set(&mut parts);
    Model::new(parts).unwrap()
}

const KEY: usize = 0;
const BIT: usize = 1;
const READ: usize = 2;

/// The output for input 0 and for input 1, by each engine that computes every term.
fn outputs(model: &Model) -> Vec<(&'static str, [bool; 2])> {
    let cpu = Device::cpu();
    let reference = Reference::new(model).unwrap();
    let fused = Dense::new(model, &cpu).unwrap();
    let basic = Dense::with_basic_operations(model, &cpu).unwrap();
    let engines: [(_, &dyn Engine); 3] =
        [("reference", &reference), ("fused", &fused), ("basic", &basic)];
    let run = |(name, engine): (&'static str, &dyn Engine)| {
        let outputs = engine.run(&Batch::counting(1, 0, 2), 1).unwrap();
        (name, [0, 1].map(|a| outputs.get(0, a)))
    };
    engines.map(run).to_vec()
}

/// All positions hold 1, and so does their average: adding the bit to it makes 1 or 2. Added up in bf16 the
/// denominator would be 256 and in f16 2048, and the average more than twice as large.
#[test]
fn an_average_over_many_positions_is_one() {
    for (dtype, n_ctx) in [(Dtype::Bf16, 512), (Dtype::Bf16, 600), (Dtype::F16, 4096)] {
        let model = one_head(dtype, n_ctx, |parts| {
            parts.blocks[0].b_v[[0, 0]] = 1.0;
            parts.blocks[0].b_o[READ] = -1.0;
            parts.w_u[[BIT, 1]] = 1.0;
            parts.output_positions = vec![0];
        });
        for (engine, found) in outputs(&model) {
            assert_eq!(found, [false, true], "{engine}, {n_ctx} positions in {dtype}");
        }
    }
}

/// The weight `e^-lead`, below the least normal number, times a large value and a large `W_O` is 1 or more.
#[test]
fn a_subnormal_weight_is_not_nothing() {
    let cases = [
        (Dtype::F32, 88.0, 126),
        (Dtype::F32, 90.0, 126),
        (Dtype::F32, 103.0, 126),
        (Dtype::Bf16, 90.0, 126),
        (Dtype::F64, 710.0, 1022),
        (Dtype::F64, 744.0, 1022),
    ];
    for (dtype, lead, exponent) in cases {
        let model = one_head(dtype, 2, |parts| {
            parts.w_pos[[1, KEY]] = lead;
            parts.blocks[0].w_v[[0, BIT, 0]] = 2f64.powi(exponent);
            let lost = (lead / std::f64::consts::LN_2).ceil() as i32;
            parts.blocks[0].w_o[[0, 0, READ]] = 2f64.powi(lost - exponent);
        });
        for (engine, found) in outputs(&model) {
            assert_eq!(found, [false, true], "{engine}, e^-{lead} in {dtype}");
        }
    }
}

/// 9,000 positions behind a lead of 17.34375, just above where `exp` rounds to 0 in f16: in f32 their terms add
/// up, the weight of the leader rounds to 1 - 2^-11, and the bit that it reads is not 1.
#[test]
fn many_terms_that_are_nothing_in_f16_are_something_together() {
    let model = one_head(Dtype::F16, 9000, |parts| {
        parts.w_pos[[0, KEY]] = 17.34375;
        let block = &mut parts.blocks[0];
        block.w_v[[0, BIT, 0]] = 1.0;
        block.b_o[READ] = -1.0 + 2f64.powi(-11);
        // Read as `weight - 1 + 2^-11 > 0`.
        (parts.b_u[0], parts.w_u[[READ, 1]]) = (0.0, 1.0);
        parts.output_positions = vec![0];
    });
    let (reference, dense) =
        (Reference::new(&model).unwrap(), Dense::new(&model, &Device::cpu()).unwrap());
    let one = Batch::from_columns(1, &[vec![true]]).unwrap();
    for engine in [&reference as &dyn Engine, &dense] {
        assert!(!engine.run(&one, 1).unwrap().get(0, 0), "{}", engine.name());
    }
}
