//! The dense engine against the reference engine: the same stream after every layer of every loop where no
//! sum rounds, and the same up to rounding for any other numbers, on every device that is compiled in.
//! What the tests are built for must answer.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Oracle;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Attention, Block, Dtype, Model, Parts};
use circuit2tf::run::{Dense, Device, DeviceName, Engine, Reference, Step};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[path = "support/stream.rs"]
mod stream;
mod support;

use stream::require_same_stream;
use support::{random_batch, random_circuit};

fn compiled(spec: &str, options: &Options) -> Model {
    compile(&generate(spec).unwrap(), "", options).unwrap()
}

/// The engine with both kinds of operations.
fn engines(model: &Model) -> [Dense<'_>; 2] {
    let cpu = Device::cpu();
    [Dense::new(model, &cpu).unwrap(), Dense::with_basic_operations(model, &cpu).unwrap()]
}

/// All assignments of up to 5 inputs, else some.
fn assignments(model: &Model) -> Batch {
    let n = model.input_positions.len();
    if n <= 5 { Batch::counting(n, 0, 1 << n) } else { random_batch(n, 20) }
}

fn streams(trace: impl FnOnce(&mut dyn FnMut(Step))) -> Vec<Step> {
    let mut steps = Vec::new();
    trace(&mut |step| steps.push(step));
    steps
}

fn require_same(model: &Model, engine: &Dense, n_loops: usize, what: &str) {
    let reference = Reference::new(model).unwrap();
    let inputs = assignments(model);
    let expected = reference.run(&inputs, n_loops).unwrap();
    let outputs = engine.run(&inputs, n_loops).unwrap();
    assert_eq!(expected.first_difference(&outputs), None, "{what}");
    for a in (0..inputs.n_assignments()).step_by(inputs.n_assignments().div_ceil(3).max(1)) {
        let input = inputs.column(a);
        require_same_stream(model, &input, n_loops, what, |see| {
            engine.trace(&input, n_loops, |step| see(step.n_steps, &step.stream)).unwrap();
        });
    }
}

#[test]
fn every_dtype_mask_schedule_and_fan_in_gives_the_stream_of_the_reference() {
    for dtype in Dtype::ALL {
        for (layers, unroll, causal) in [(1, false, false), (2, false, true), (3, true, false)] {
            for heads in 2..=4 {
                for spec in ["adder:2", "mux:2", "majority:5"] {
                    let options =
                        Options { layers, heads, dtype, unroll, causal, ..Options::default() };
                    let model = compiled(spec, &options);
                    for engine in engines(&model) {
                        let what = format!("{spec} {options:?}");
                        require_same(&model, &engine, model.n_loops, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn more_loops_or_fewer_are_the_same_too() {
    let model = compiled("comparator:3", &Options { layers: 2, ..Options::default() });
    for engine in engines(&model) {
        for n_loops in [0, 1, model.n_loops + 3] {
            require_same(&model, &engine, n_loops, &format!("{n_loops} loops"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits_give_the_stream_of_the_reference(
        circuit in random_circuit(5, 12),
        heads in 2..=4usize,
        layers in 1..=3usize,
        dtype in prop::sample::select(&Dtype::ALL[..]),
        causal in any::<bool>(),
    ) {
        prop_assume!(!circuit.outputs().is_empty());
        let options = Options { layers, heads, dtype, causal, ..Options::default() };
        let model = compile(&circuit, "", &options).unwrap();
        for engine in engines(&model) {
            require_same(&model, &engine, model.n_loops, "random");
        }
    }
}

/// Groups of assignments, and batches that end in the middle of one; several tiles of queries.
#[test]
fn any_number_of_assignments_gives_the_outputs_of_the_circuit() {
    for (spec, causal) in [("adder:3", false), ("random:n=12,gates=70,seed=3", true)] {
        let circuit = generate(spec).unwrap();
        let oracle = Oracle::new(&circuit).unwrap();
        let model = compile(&circuit, "", &Options { causal, ..Options::default() }).unwrap();
        for engine in engines(&model) {
            for n in [0, 1, 2, 65, 130] {
                let inputs = random_batch(circuit.inputs().len(), n);
                let outputs = engine.run(&inputs, model.n_loops).unwrap();
                let expected = oracle.run(&inputs).unwrap();
                assert_eq!(expected.first_difference(&outputs), None, "{spec}, {n}");
            }
        }
    }
}

/// A model whose numbers mean nothing: attention is soft, and every number counts.
fn hand_made(
    [n, d, heads, d_head, d_mlp]: [usize; 5],
    parts: (Dtype, Attention),
    seed: u64,
) -> Model {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let template = compiled("and:2", &Options::default()).into_parts();
    let mut number = |_: f64| parts.0.round(rng.random_range(-0.5..0.5));
    let mut block = || {
        let mut block = Block::zeros(heads, d, d_head, d_mlp);
        for w in [&mut block.w_q, &mut block.w_k, &mut block.w_v, &mut block.w_o] {
            w.mapv_inplace(&mut number);
        }
        for b in [&mut block.b_q, &mut block.b_k, &mut block.b_v, &mut block.w_in, &mut block.w_out]
        {
            b.mapv_inplace(&mut number);
        }
        for b in [&mut block.b_o, &mut block.b_in, &mut block.b_out] {
            b.mapv_inplace(&mut number);
        }
        block
    };
    let blocks = vec![block(), block()];
    let mut matrix = |shape| ndarray::Array2::<f64>::zeros(shape).mapv(&mut number);
    let (w_e, w_pos, w_u) = (2.0 * matrix((3, d)), matrix((n, d)), matrix((d, 2)));
    let mut labels = template.labels;
    labels.channel_names = vec![String::new(); d];
    Model::new(Parts {
        dtype: parts.0,
        attention: parts.1,
        w_e,
        w_pos,
        blocks,
        w_u,
        b_u: ndarray::arr1(&[0.25, -0.25]),
        input_positions: vec![0, n - 1],
        output_positions: vec![n / 2],
        labels,
        ..template
    })
    .unwrap()
}

/// The largest difference of two runs' streams over the largest number of the expected ones.
fn distance(model: &Model, engine: &Dense) -> f64 {
    let reference = Reference::new(model).unwrap();
    let expected = streams(|f| reference.trace(&[true, false], 2, f).unwrap());
    let found = streams(|f| engine.trace(&[true, false], 2, f).unwrap());
    let mut worst: f64 = 0.0;
    for (expected, found) in expected.iter().zip(&found) {
        let largest = expected.stream.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let off = (&expected.stream - &found.stream).iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        worst = worst.max(off / largest);
    }
    worst
}

#[test]
fn any_other_numbers_give_the_stream_of_the_reference_up_to_rounding() {
    for (seed, sizes) in
        [[5, 7, 3, 2, 9], [33, 40, 1, 1, 1], [70, 6, 2, 5, 3], [2, 1, 1, 4, 0], [4, 3, 0, 0, 2]]
            .into_iter()
            .enumerate()
    {
        for mask in [Attention::Bidirectional, Attention::Causal] {
            for dtype in Dtype::ALL {
                let model = hand_made(sizes, (dtype, mask), seed as u64);
                // Four layers of a few sums each, no term above the sizes; units in the last place.
                let tolerance = 256.0 * (-f64::from(dtype.precision())).exp2();
                for engine in engines(&model) {
                    let off = distance(&model, &engine);
                    assert!(off <= tolerance, "{sizes:?} {dtype} {mask:?}: {off} > {tolerance}");
                }
            }
        }
    }
}

/// No number goes unread: each, changed, changes the stream as it changes the reference engine's.
#[test]
fn every_number_counts() {
    let model = hand_made([5, 4, 2, 3, 4], (Dtype::F64, Attention::Causal), 1);
    let changes: [fn(&mut Parts) -> &mut f64; 9] = [
        |parts| &mut parts.w_pos[[3, 2]],
        |parts| &mut parts.blocks[1].w_q[[1, 2, 0]],
        |parts| &mut parts.blocks[1].b_q[[0, 2]],
        |parts| &mut parts.blocks[0].w_k[[0, 3, 1]],
        |parts| &mut parts.blocks[1].b_v[[1, 0]],
        |parts| &mut parts.blocks[1].w_v[[1, 0, 2]],
        |parts| &mut parts.blocks[1].w_o[[1, 0, 2]],
        |parts| &mut parts.blocks[0].w_in[[1, 2]],
        |parts| &mut parts.blocks[1].b_out[3],
    ];
    for (c, change) in changes.into_iter().enumerate() {
        let mut parts = model.clone().into_parts();
        *change(&mut parts) += 0.25;
        let mutant = Model::new(parts).unwrap();
        for (engine, other) in engines(&model).iter().zip(engines(&mutant)) {
            assert!(distance(&mutant, &other) < 1e-12, "change {c}");
            assert!(distance(&mutant, engine) > 1e-6, "change {c}");
        }
    }
}

#[test]
fn numbers_that_are_not_finite_spread_as_in_the_reference() {
    let changes: [fn(&mut Parts, f64); 5] = [
        |parts, x| parts.w_pos[[1, 0]] = x,
        |parts, x| parts.blocks[0].w_q[[0, 0, 0]] = x,
        |parts, x| parts.blocks[0].b_v[[0, 0]] = x,
        |parts, x| parts.blocks[0].w_in[[0, 0]] = x,
        |parts, x| parts.blocks[0].b_in[0] = x,
    ];
    for dtype in Dtype::ALL {
        for mask in [Attention::Bidirectional, Attention::Causal] {
            for (c, change) in changes.iter().enumerate() {
                for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let mut parts = hand_made([6, 4, 2, 2, 3], (dtype, mask), 5).into_parts();
                    change(&mut parts, x);
                    let model = Model::new(parts).unwrap();
                    let reference = Reference::new(&model).unwrap();
                    let expected = streams(|f| reference.trace(&[true, true], 1, f).unwrap());
                    for engine in engines(&model) {
                        let found = streams(|f| engine.trace(&[true, true], 1, f).unwrap());
                        for (expected, found) in expected.iter().zip(&found) {
                            let same = expected.stream.iter().zip(&found.stream).all(|(x, y)| {
                                x.is_nan() == y.is_nan() && x.is_infinite() == y.is_infinite()
                            });
                            assert!(same, "{dtype} {mask:?}, change {c} to {x}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_least_circuits_run() {
    let circuit = {
        let mut builder = circuit2tf::circuit::Builder::new();
        let one = builder.constant(true).unwrap();
        builder.output("y", one.literal()).unwrap();
        builder.output("z", !one.literal()).unwrap();
        builder.finish().unwrap()
    };
    let model = compile(&circuit, "", &Options::default()).unwrap();
    for engine in engines(&model) {
        for n_loops in [0, 4] {
            let outputs = engine.run(&Batch::zeros(0, 70), n_loops).unwrap();
            assert!((0..70).all(|a| outputs.column(a) == [true, false]));
        }
        assert!(engine.run(&Batch::zeros(1, 1), 1).is_err());
        assert!(engine.trace(&[true], 1, |_| ()).is_err());
    }
}

/// Positions without limit: so many would need 1 GB of scores in a head.
#[test]
fn scores_need_not_fit_in_memory() {
    let circuit = generate("random:n=64,gates=11600,seed=1").unwrap();
    let options = Options { dtype: Dtype::F64, ..Options::default() };
    let model = compile(&circuit, "", &options).unwrap();
    assert!(Reference::new(&model).is_err(), "the reference engine refuses it");
    let inputs = random_batch(64, 1);
    let dense = Dense::new(&model, &Device::cpu()).unwrap().run(&inputs, 1).unwrap();
    let resident = circuit2tf::run::Resident::new(&model).unwrap().run(&inputs, 1).unwrap();
    assert_eq!(resident.first_difference(&dense), None);
}

/// What is compiled in must answer, and is held to the same.
#[test]
fn every_device_that_is_compiled_in_gives_the_stream_of_the_reference() {
    let all = [DeviceName::Cpu, DeviceName::Cuda(0), DeviceName::Metal];
    for name in all.into_iter().filter(|name| name.is_compiled_in()) {
        let device = Device::open(name).unwrap_or_else(|error| panic!("{error}"));
        for dtype in Dtype::ALL {
            // Metal has no f64.
            if name == DeviceName::Metal && dtype == Dtype::F64 {
                continue;
            }
            let model = compiled("adder:4", &Options { dtype, layers: 2, ..Options::default() });
            let engine = Dense::new(&model, &device).unwrap();
            require_same(&model, &engine, model.n_loops, &format!("{name} {dtype}"));
        }
    }
}
