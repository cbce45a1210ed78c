//! Verdicts by running say what they rest on: `exact` where no sum rounds, else a bound, and none where rounding could
//! decide a bit.

use std::collections::BTreeMap;

use circuit2tf::Result;
use circuit2tf::batch::Batch;
use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::format;
use circuit2tf::model::{Attention, Block, Dtype, Labels, Model, Parts, Scheme, file};
use circuit2tf::reasoning::{Request, coconut, cot, universal};
use circuit2tf::run::{
    Alike, Decoder, Dense, Device, Enclosure, Engine, Halting, Incremental, Reference, Resident,
    Rule, Softmax,
};
use circuit2tf::verify::{
    Assignments, Check, Doubt, Part, Policy, Proof, Rounding, Shard, Subject, Verdict, merge,
};

#[path = "support/circuits.rs"]
#[allow(dead_code, reason = "a part is used")]
mod circuits;
use circuits::{with_inputs, with_outputs};

fn all(circuit: &Circuit, engine: &dyn Engine) -> Verdict {
    Check::new(engine, circuit).run().unwrap()
}

/// What a verdict rests on.
fn rounding(verdict: &Verdict) -> &Rounding {
    match verdict {
        Verdict::Verified(Proof::Exhaustive(run) | Proof::Halting { run, .. })
        | Verdict::Unknown(Doubt::Sampled(run) | Doubt::Rounding(run)) => &run.rounding,
        other => panic!("{other}"),
    }
}

/// `x0`, and the constants 0 and 1, of one input.
fn buffer() -> Circuit {
    let (builder, x) = with_inputs(1);
    with_outputs(builder, &x)
}

fn constant(value: bool) -> Circuit {
    let (mut builder, _) = with_inputs(1);
    let output = builder.constant(value).unwrap().literal();
    with_outputs(builder, &[output])
}

/// A model of one layer, one head of one dimension and one unit, all zeros but for the embedding `[3, d]`, with input
/// and output at the positions named.
fn blank(dtype: Dtype, n_ctx: usize, d: usize, output: usize) -> Parts {
    Parts {
        scheme: Scheme::RECURRENT,
        dtype,
        attention: Attention::Bidirectional,
        n_loops: 1,
        n_prelude: 0,
        n_coda: 0,
        w_e: ndarray::Array2::zeros((3, d)),
        w_pos: ndarray::Array2::zeros((n_ctx, d)),
        blocks: vec![Block::zeros(1, d, 1, 1)],
        w_u: ndarray::Array2::zeros((d, 2)),
        b_u: ndarray::Array1::zeros(2),
        input_positions: vec![0],
        output_positions: vec![output],
        scheme_vectors: BTreeMap::new(),
        labels: Labels {
            input_names: vec!["x0".to_string()],
            output_names: vec!["y0".to_string()],
            channel_names: (0..d).map(|c| format!("c{c}")).collect(),
            ..Labels::default()
        },
        claim: BTreeMap::new(),
    }
}

/// The input's bit, to which an average of 512 equal values, 1, and the bias -1 add nothing.
fn averaging(dtype: Dtype) -> Model {
    let mut parts = blank(dtype, 512, 2, 0);
    parts.w_e[[1, 0]] = 1.0;
    parts.blocks[0].b_v[[0, 0]] = 1.0;
    parts.blocks[0].w_o[[0, 0, 1]] = 1.0;
    parts.blocks[0].b_o[1] = -1.0;
    (parts.w_u[[0, 1]], parts.w_u[[1, 1]], parts.b_u[0]) = (1.0, 1.0, 0.5);
    Model::new(parts).unwrap()
}

/// The second position reads the first, whose score is 90 behind its own, by a weight of 8e-40, made large again.
fn subnormal() -> Model {
    let mut parts = blank(Dtype::F32, 2, 4, 1);
    parts.w_e[[1, 1]] = 1.0;
    parts.w_pos[[1, 0]] = 90.0;
    parts.blocks[0].b_q[[0, 0]] = 1.0;
    parts.blocks[0].w_k[[0, 0, 0]] = 1.0;
    parts.blocks[0].w_v[[0, 1, 0]] = 126f64.exp2();
    parts.blocks[0].w_o[[0, 0, 2]] = 16384.0;
    (parts.w_u[[2, 1]], parts.b_u[0]) = (1.0, 0.5);
    Model::new(parts).unwrap()
}

/// Logits 0.1 + 0.2 - 0.3 and 0 where the input is 1: the order of summation decides. Where it is 0, 1 and 0.
fn cancelling(dtype: Dtype) -> Model {
    let mut parts = blank(dtype, 1, 4, 0);
    let near = |x: f64| dtype.round(x);
    for (c, x) in [0.1f64, 0.2, -0.3].into_iter().enumerate() {
        (parts.w_e[[1, c]], parts.w_u[[c, 1]]) = (near(x.abs()), near(x.signum()));
    }
    (parts.w_e[[0, 3]], parts.w_u[[3, 1]]) = (1.0, 1.0);
    Model::new(parts).unwrap()
}

#[test]
fn averages_of_equal_numbers_are_exact_in_every_dtype() {
    for dtype in Dtype::ALL {
        let model = averaging(dtype);
        let (reference, dense) =
            (Reference::new(&model).unwrap(), Dense::new(&model, &Device::cpu()).unwrap());
        for engine in [&reference as &dyn Engine, &dense] {
            let verdict = all(&buffer(), engine);
            assert_eq!(rounding(&verdict), &Rounding::Exact, "{} {dtype}", engine.name());
            assert_eq!(verdict.exit_status(), 0);
            let verdict = all(&constant(true), engine);
            assert_eq!(verdict.to_string(), "REFUTED input=0 output=0 expected=1 got=0");
        }
    }
}

#[test]
fn a_weight_that_is_subnormal_decides_and_is_bounded() {
    let model = subnormal();
    let (reference, dense) =
        (Reference::new(&model).unwrap(), Dense::new(&model, &Device::cpu()).unwrap());
    for engine in [&reference as &dyn Engine, &dense] {
        let verdict = all(&buffer(), engine);
        let Rounding::Bounded { lead, bound } = rounding(&verdict) else { panic!("{verdict}") };
        assert!(*lead >= 0.5 && *bound < 0.1 && verdict.exit_status() == 0, "{verdict}");
        assert!(verdict.to_string().starts_with("VERIFIED exhaustive 2 assignments lead>=0."));
        let verdict = all(&constant(false), engine);
        assert_eq!(verdict.to_string(), "REFUTED input=1 output=0 expected=0 got=1");
    }
}

/// Random weights, two loops of two layers, three heads: honest runners give several tables.
#[test]
fn a_table_that_hangs_on_the_order_of_summation_is_unknown() {
    let bytes = include_bytes!("../circuits/models/rounding.safetensors");
    let model = file::from_bytes(bytes, "rounding").unwrap();
    let text = include_str!("../circuits/models/rounding.blif");
    let circuit = format::read(text.as_bytes(), "rounding.blif").unwrap().circuit;
    let (reference, dense) =
        (Reference::new(&model).unwrap(), Dense::new(&model, &Device::cpu()).unwrap());
    for engine in [&reference as &dyn Engine, &dense] {
        let verdict = all(&circuit, engine);
        assert_eq!(verdict.exit_status(), 3, "{verdict}");
        let start = "UNKNOWN exhaustive 16 assignments rounding could decide output ";
        assert!(verdict.to_string().starts_with(start), "{verdict}");
    }
}

#[test]
fn sums_that_cancel_decide_nothing_for_or_against() {
    for dtype in [Dtype::F32, Dtype::F64] {
        let model = cancelling(dtype);
        let engine = Reference::new(&model).unwrap();
        let mut not = with_inputs(1);
        let not_x0 = with_outputs(std::mem::take(&mut not.0), &[!not.1[0]]);
        for circuit in [buffer(), constant(true), not_x0, constant(false)] {
            let verdict = all(&circuit, &engine);
            let right_at_0 = circuit.evaluate(&[false]).unwrap()[0];
            match (right_at_0, &verdict) {
                // Where the input is 0 the logits are 1 and 0.
                (false, Verdict::Refuted(found)) => assert_eq!(found.input, [false]),
                (true, Verdict::Unknown(Doubt::Rounding(run))) => {
                    let text = run.rounding.to_string();
                    assert!(
                        text.starts_with("rounding could decide output 0 on input=1"),
                        "{text}"
                    );
                }
                _ => panic!("{dtype}: {verdict}"),
            }
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_unknown() {
    for bad in [f64::NAN, f64::INFINITY, f64::from(f32::MAX)] {
        let mut parts = subnormal().into_parts();
        parts.blocks[0].w_o[[0, 0, 2]] = bad;
        parts.blocks[0].b_o[2] = bad;
        let model = Model::new(parts).unwrap();
        for circuit in [buffer(), constant(false), constant(true)] {
            let verdict = all(&circuit, &Reference::new(&model).unwrap());
            assert_eq!(verdict.exit_status(), 3, "{verdict}");
        }
    }
}

/// Whichever engine runs a compiled model.
#[test]
fn compiled_models_are_exact_with_every_engine() {
    let circuit = generate("adder:2").unwrap();
    for dtype in Dtype::ALL {
        let model = compile(&circuit, "", &Options { dtype, ..Options::default() }).unwrap();
        let (reference, dense) =
            (Reference::new(&model).unwrap(), Dense::new(&model, &Device::cpu()).unwrap());
        let (resident, incremental) =
            (Resident::new(&model).unwrap(), Incremental::new(&model).unwrap());
        for engine in [&reference as &dyn Engine, &dense, &resident, &incremental] {
            let verdict = all(&circuit, engine);
            let start =
                format!("VERIFIED exhaustive 16 assignments exact engine={} ", engine.name());
            assert!(verdict.to_string().starts_with(&start), "{verdict}");
            let sampled = Check::new(engine, &circuit)
                .on(Assignments::Sample { count: 9, seed: 5 })
                .run()
                .unwrap();
            assert!(
                sampled.to_string().starts_with("UNKNOWN sampled 9 exact seed=5 "),
                "{sampled}"
            );
        }
    }
}

/// An embedding whose sum rounds keeps a model from being exact by its engine; every runner rounds it alike.
#[test]
fn an_embedding_that_rounds_is_not_called_exact() {
    let circuit = generate("and:2").unwrap();
    let mut parts = compile(&circuit, "", &Options::default()).unwrap().into_parts();
    let c = (0..parts.w_e.ncols()).find(|&c| parts.w_e[[0, c]] != parts.w_e[[1, c]]).unwrap();
    parts.w_pos[[0, c]] = 1e-9f32.into();
    let model = Model::new(parts).unwrap();
    if let Ok(engine) = Resident::new(&model) {
        assert!(!engine.is_exact());
        let verdict = all(&circuit, &engine);
        assert!(matches!(rounding(&verdict), Rounding::Bounded { .. }), "{verdict}");
    }
}

#[test]
fn decoders_are_exact_or_bounded() {
    let circuit = generate("majority:5").unwrap();
    for dtype in Dtype::ALL {
        let request = Request { dtype, ..Request::default() };
        let tokens = cot::compile(&circuit, "", &request);
        let thoughts = coconut::compile(&circuit, "", &request);
        for (model, is_exact) in [(tokens.unwrap(), true), (thoughts.unwrap(), false)] {
            let verdict = all(&circuit, &Decoder::new(&model).unwrap());
            assert_eq!(verdict.exit_status(), 0, "{verdict}");
            match rounding(&verdict) {
                Rounding::Exact => assert!(is_exact, "{} {dtype}", model.scheme),
                Rounding::Bounded { lead, bound } => {
                    assert!(!is_exact && *lead >= 1.9 && *bound == 0.0, "{verdict}");
                }
                other => panic!("{other}"),
            }
        }
    }
}

fn tokens(spec: &str, dtype: Dtype, vocab: usize) -> Model {
    let request = Request { dtype, vocab: Some(vocab), ..Request::default() };
    cot::compile(&generate(spec).unwrap(), "", &request).unwrap()
}

fn thoughts(spec: &str, dtype: Dtype, layers: usize) -> Model {
    let request = Request { dtype, layers: Some(layers), ..Request::default() };
    coconut::compile(&generate(spec).unwrap(), "", &request).unwrap()
}

/// All inputs, the decoder's bits, and what it says of other runners.
fn decoded(model: &Model) -> (Batch, Batch, Option<Alike>) {
    let n = model.input_positions.len();
    let inputs = Batch::counting(n, 0, 1 << n);
    let (bits, alike) = Decoder::new(model).unwrap().run_alike(&inputs, model.n_loops).unwrap();
    (inputs, bits, alike)
}

/// What one pass says of all inputs, the enclosure says of each.
#[test]
fn the_survey_of_a_compiled_decoder_succeeds_and_the_enclosure_agrees() {
    for spec in ["parity:5", "mult:2", "majority:5", "adder:2", "mux:2"] {
        for dtype in Dtype::ALL {
            let models = [
                tokens(spec, dtype, 2),
                tokens(spec, dtype, 16),
                thoughts(spec, dtype, 1),
                thoughts(spec, dtype, 2),
            ];
            for model in models {
                let place = format!("{} {spec} {dtype}", model.scheme);
                let (inputs, bits, alike) = decoded(&model);
                let alike = alike.unwrap_or_else(|| panic!("{place}: no survey"));
                let enclosure = Enclosure::new(&model).unwrap();
                for a in 0..inputs.n_assignments() {
                    let found =
                        enclosure.run(&inputs.column(a), model.n_loops, Softmax::Wide).unwrap();
                    assert!(found.is_exact || !alike.is_exact, "{place}");
                    for (o, decision) in found.outputs.iter().enumerate() {
                        assert_eq!(decision.bit, Some(bits.get(o, a)), "{place}");
                        assert!(decision.lead >= alike.lead && decision.bound == 0.0, "{place}");
                    }
                }
            }
        }
    }
}

fn changed(model: Model, change: impl FnOnce(&mut Parts)) -> Model {
    let mut parts = model.into_parts();
    change(&mut parts);
    Model::new(parts).unwrap()
}

#[test]
fn a_survey_fails_where_sums_round_or_a_row_is_below_the_threshold() {
    let is_alike = |model: &Model| decoded(model).2.is_some();
    let scaled = |by: f64| {
        let model = tokens("parity:5", Dtype::F32, 2);
        changed(model, |parts| {
            parts.blocks[0].w_q.mapv_inplace(|w| by * w.signum() * w.abs().min(1.0))
        })
    };
    // Scores differ by four times the weight; one more than the threshold of f32 is 104.97.
    assert!(is_alike(&scaled(26.25)) && !is_alike(&scaled(26.234375)));
    let tenth = f64::from(0.1f32);
    let rounds = changed(tokens("parity:5", Dtype::F32, 2), |parts| {
        parts.blocks[0].w_in.mapv_inplace(|w| w * tenth);
        parts.blocks[0].b_in.mapv_inplace(|b| b * tenth);
    });
    assert!(!is_alike(&rounds), "0.1 + 0.1 + 0.1 is rounded");
    // Below the dtype's integers nothing rounds, beyond some sums do.
    let large = |by: f64| {
        changed(tokens("parity:5", Dtype::Bf16, 2), |parts| {
            parts.blocks[0].b_in.mapv_inplace(|b| b - by);
        })
    };
    assert!(is_alike(&large(16.0)));
    let weights = changed(tokens("parity:5", Dtype::Bf16, 2), |parts| {
        parts.blocks[0].w_out.mapv_inplace(|w| 128.0 * w);
    });
    assert!(!is_alike(&weights));
}

/// A slot that holds 2 is beyond what the survey supposes of thoughts; a gathered weight that is not cleared, too.
#[test]
fn thoughts_beyond_the_supposed_bounds_are_left_to_the_enclosure() {
    let circuit = generate("majority:5").unwrap();
    for by in [1.0, 0.125] {
        let model = changed(thoughts("majority:5", Dtype::F32, 1), |parts| {
            parts.blocks[0].b_out[0] += by;
        });
        assert_eq!(decoded(&model).2, None);
        let verdict = all(&circuit, &Decoder::new(&model).unwrap());
        assert_ne!(verdict.exit_status(), 0, "{verdict}");
    }
}

/// Of a sample every run is looked at where that costs nothing.
#[test]
fn a_sampled_decoder_says_what_its_verdict_rests_on() {
    let circuit = generate("majority:5").unwrap();
    for (model, words) in [
        (tokens("majority:5", Dtype::F32, 2), "UNKNOWN sampled 9 exact seed=5 "),
        (thoughts("majority:5", Dtype::F32, 1), "UNKNOWN sampled 9 lead>=2 rounding<=0 seed=5 "),
    ] {
        let engine = Decoder::new(&model).unwrap();
        let sample = Assignments::Sample { count: 9, seed: 5 };
        let sampled = Check::new(&engine, &circuit).on(sample).run().unwrap();
        assert!(sampled.to_string().starts_with(words), "{sampled}");
    }
}

/// When a model halts may hang on rounding as well.
#[test]
fn a_halting_model_whose_sums_round_is_unknown() {
    let circuit = generate("and:3").unwrap();
    let model = universal::compile(&circuit, "", &Options::default()).unwrap();
    let check = |engine: &Halting| Check::until_known(engine, &circuit).run().unwrap();
    for engine in [
        Halting::by_resident(&model, Rule::Known).unwrap(),
        Halting::by_reference(&model, Rule::Known).unwrap(),
    ] {
        assert_eq!(rounding(&check(&engine)), &Rounding::Exact);
    }
    let mut parts = model.into_parts();
    parts.w_u.mapv_inplace(|x| f64::from(0.1 * x as f32));
    parts.b_u.mapv_inplace(|x| f64::from(0.3 * x as f32));
    parts.blocks[0].b_out[0] = f64::from(1e-9f32);
    let model = Model::new(parts).unwrap();
    let engine = Halting::new(&model, Rule::Known).unwrap();
    let verdict = check(&engine);
    assert!(matches!(verdict, Verdict::Unknown(Doubt::Rounding(_))), "{verdict}");
    assert!(
        verdict.to_string().contains(" assignments sums-may-round engine=reference"),
        "{verdict}"
    );
}

/// An engine whose bits are none of the model's.
struct Liar<'m>(Reference<'m>);

impl Engine for Liar<'_> {
    fn name(&self) -> &str {
        "liar"
    }

    fn model(&self) -> &Model {
        self.0.model()
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        let honest = self.0.run(inputs, n_loops)?;
        let mut outputs = Batch::zeros(honest.n_signals(), honest.n_assignments());
        for a in 0..honest.n_assignments() {
            outputs.set(0, a, !honest.get(0, a));
        }
        Ok(outputs)
    }
}

#[test]
fn an_engine_that_no_honest_runner_agrees_with_is_an_error() {
    let model = subnormal();
    let liar = Liar(Reference::new(&model).unwrap());
    let error = Check::new(&liar, &buffer()).loops(1).run().unwrap_err();
    assert!(error.to_string().contains("another bit of output 0 on input=0"), "{error}");
    // The complement is not what the model computes, whatever the engine says.
    let (builder, x) = with_inputs(1);
    let not = with_outputs(builder, &[!x[0]]);
    let verdict = all(&not, &liar);
    assert_eq!(verdict.to_string(), "REFUTED input=0 output=0 expected=1 got=0");
}

#[test]
fn shards_keep_what_they_rest_on() {
    for (model, expected) in [(subnormal(), 0), (cancelling(Dtype::F32), 3)] {
        // Right where the input is 0 in both, and where it is 1 in the first.
        let circuit = if expected == 0 { buffer() } else { constant(true) };
        let engine = Reference::new(&model).unwrap();
        let subject = Subject::new(&model, &circuit).unwrap();
        let part = Part::WHOLE;
        let (found, rounding) = Check::new(&engine, &circuit).part(part).unwrap();
        assert_eq!(found, None);
        let shard = Shard::new(&subject, (Assignments::All, part), "reference", (None, rounding));
        let text = shard.unwrap().to_json();
        let shard = Shard::from_json(&text).unwrap();
        let merged = merge(vec![("a".to_string(), shard)], &subject).unwrap();
        let verdict = merged.decide(subject, &Policy::default(), &()).unwrap().verdict;
        assert_eq!(verdict.exit_status(), expected, "{verdict}");
        let forged = text.replace("\"rounding\"", "\"surroundings\"");
        assert!(Shard::from_json(&forged).is_err());
    }
}
