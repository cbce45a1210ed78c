//! The literal pass, held together: engines, honest runners ([`runner`]) and what encloses them all
//! ([`enclosure`]), on models whose attention averages. `tests/interop/check.py` holds numpy against the same
//! models.

#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/averaging.rs"]
mod averaging;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/enclosure.rs"]
mod enclosure;
#[path = "support/literal.rs"]
mod literal;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/runner.rs"]
mod runner;

use std::collections::{BTreeMap, BTreeSet};

use averaging::{Recipe, SCORES, Scores};
use circuit2tf::batch::Batch;
use circuit2tf::model::{Attention, Block, Dtype, Labels, Model, Parts, Scheme, file};
use circuit2tf::run::{
    Decoder, Dense, Device, Engine, Halting, Incremental, Reference, Resident, Rule, Step,
};
use enclosure::Interval;
use literal::Outcome;
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

/// Short sequences in every shape, and long ones in a plain one.
fn recipes() -> Vec<Recipe> {
    let mut all = Vec::new();
    for (seed, (scores, dtype)) in cross(&SCORES, &Dtype::ALL).into_iter().enumerate() {
        for (s, recipe) in shapes().into_iter().enumerate() {
            let seed = (seed * 100 + s) as u64;
            // The longest in turn, one a dtype and two a kind of scores: they take most of the time.
            if recipe.n_ctx < 300 || scores == Scores::Uniform || seed / 100 % 5 == seed % 5 {
                all.push(Recipe { scores, dtype, seed, ..recipe });
            }
        }
    }
    all
}

fn cross<A: Copy, B: Copy>(a: &[A], b: &[B]) -> Vec<(A, B)> {
    a.iter().flat_map(|&a| b.iter().map(move |&b| (a, b))).collect()
}

fn shapes() -> Vec<Recipe> {
    let plain = Recipe {
        scores: Scores::Uniform,
        dtype: Dtype::F32,
        scheme: Scheme::RECURRENT,
        attention: Attention::Bidirectional,
        layers: [0, 1, 0],
        n_loops: 1,
        n_heads: 1,
        n_ctx: 300,
        seed: 0,
    };
    let causal = Recipe { attention: Attention::Causal, n_heads: 2, n_ctx: 9, ..plain };
    vec![
        plain,
        Recipe { n_ctx: 600, ..plain },
        Recipe { n_ctx: 2, n_loops: 3, n_heads: 3, ..plain },
        Recipe { n_ctx: 7, n_loops: 2, n_heads: 2, ..plain },
        Recipe { n_ctx: 33, layers: [1, 1, 1], n_loops: 2, ..plain },
        Recipe { n_ctx: 17, layers: [0, 2, 0], scheme: Scheme::UNROLLED, ..plain },
        Recipe { n_ctx: 20, layers: [0, 2, 0], scheme: Scheme::PAUSE, n_heads: 2, ..plain },
        Recipe { n_ctx: 12, n_loops: 3, scheme: Scheme::UNIVERSAL, ..plain },
        Recipe { n_ctx: 40, ..causal },
        Recipe { n_loops: 4, scheme: Scheme::COT, layers: [0, 2, 0], ..causal },
        Recipe { n_loops: 3, scheme: Scheme::COCONUT, ..causal },
        Recipe { n_ctx: 330, n_heads: 1, n_loops: 2, scheme: Scheme::COT, ..causal },
    ]
}

/// All assignments.
fn assignments(model: &Model) -> Vec<Vec<bool>> {
    let n = model.input_positions.len();
    (0..1usize << n).map(|row| (0..n).map(|i| row >> i & 1 == 1).collect()).collect()
}

/// The first number that no runner can have; `expected` ends where what follows depends on the runner.
fn outside(found: &[f64], expected: &[Interval]) -> Option<String> {
    assert!(found.len() >= expected.len());
    let at = (0..expected.len()).find(|&i| !expected[i].contains(found[i]))?;
    Some(format!("number {at} is {:e}, which is not in {:?}", found[at], expected[at]))
}

/// The first bit that no runner can have.
fn wrong_bit(found: &[bool], expected: &[Option<bool>]) -> Option<String> {
    assert_eq!(found.len(), expected.len());
    let at = (0..found.len()).find(|&o| expected[o].is_some_and(|bit| bit != found[o]))?;
    Some(format!("output {at} is {}, of which no runner is", u8::from(found[at])))
}

/// Runners, as many as time allows for the size of the model, others for another name.
fn runners(model: &Model, name: &str) -> impl Iterator<Item = runner::Variant> {
    let stride = if model.n_ctx() > 100 { 31 } else { 7 };
    runner::honest(model).into_iter().skip(name.len() % stride).step_by(stride)
}

/// Bits, how many of them are the same for all runners, and who was found outside of what encloses them.
#[derive(Default)]
struct Findings {
    n_bits: usize,
    n_decided: usize,
    wrong: Vec<String>,
}

/// Holds runners and engines inside of the enclosure.
fn compare(model: &Model, name: &str, findings: &mut Findings) {
    for inputs in assignments(model) {
        let Outcome { bits, stream, .. } = enclosure::pass(model).outcome(&inputs, model.n_loops);
        let stream = stream.concat();
        findings.n_bits += bits.len();
        findings.n_decided += bits.iter().flatten().count();
        let mut note = |who: &str, problem: Option<String>| {
            findings.wrong.extend(problem.map(|problem| format!("{who}: {problem} ({name})")));
        };
        for variant in runners(model, name) {
            let found = runner::pass(model, variant).outcome(&inputs, model.n_loops);
            let found_bits: Vec<bool> = found.bits.into_iter().flatten().collect();
            let who = format!("{variant:?}");
            note(&who, wrong_bit(&found_bits, &bits));
            note(&who, outside(&found.stream.concat(), &stream));
        }
        for (engine, found) in engine_numbers(model, &inputs) {
            note(engine, outside(&found, &stream));
        }
        for (engine, found) in engine_bits(model, &inputs) {
            note(&engine, wrong_bit(&found, &bits));
        }
    }
}

fn engine_numbers(model: &Model, inputs: &[bool]) -> Vec<(&'static str, Vec<f64>)> {
    let n_loops = model.n_loops;
    if let Ok(decoder) = Decoder::new(model) {
        let (mut cached, mut plain) = (Vec::new(), Vec::new());
        decoder.trace(inputs, n_loops, |step| cached.extend(step.hidden)).unwrap();
        decoder.trace_without_cache(inputs, n_loops, |step| plain.extend(step.hidden)).unwrap();
        return vec![("cache", cached), ("no cache", plain)];
    }
    if model.scheme == Scheme::UNIVERSAL {
        return Vec::new();
    }
    let reference = Reference::new(model).unwrap();
    let dense = Dense::new(model, &Device::cpu()).unwrap();
    let basic = Dense::with_basic_operations(model, &Device::cpu()).unwrap();
    let [mut by_reference, mut by_dense, mut by_basic] = [(); 3].map(|()| Vec::new());
    reference.trace(inputs, n_loops, |step| by_reference = numbers(&step)).unwrap();
    dense.trace(inputs, n_loops, |step| by_dense = numbers(&step)).unwrap();
    basic.trace(inputs, n_loops, |step| by_basic = numbers(&step)).unwrap();
    vec![("reference", by_reference), ("dense", by_dense), ("dense-basic", by_basic)]
}

/// The stream, position by position.
fn numbers(step: &Step) -> Vec<f64> {
    step.stream.iter().copied().collect()
}

/// What every engine that takes the model says.
fn engine_bits(model: &Model, inputs: &[bool]) -> Vec<(String, Vec<bool>)> {
    let batch = Batch::from_columns(inputs.len(), &[inputs.to_vec()]).unwrap();
    let column = |batch: Batch| (0..batch.n_signals()).map(|s| batch.get(s, 0)).collect();
    if model.scheme == Scheme::UNIVERSAL {
        let halting = Halting::by_reference(model, Rule::Known).unwrap();
        let halted = halting.run_until_halted(&batch, model.n_loops).unwrap();
        return vec![("halting".to_string(), column(halted.outputs))];
    }
    let mut engines: Vec<Box<dyn Engine + '_>> = Vec::new();
    if let Ok(decoder) = Decoder::new(model) {
        engines.push(Box::new(decoder));
    } else {
        engines.push(Box::new(Reference::new(model).unwrap()));
        engines.push(Box::new(Dense::new(model, &Device::cpu()).unwrap()));
        engines.push(Box::new(Dense::with_basic_operations(model, &Device::cpu()).unwrap()));
        if let Ok(resident) = Resident::new(model) {
            engines.push(Box::new(resident));
        }
        if let Ok(incremental) = Incremental::new(model) {
            engines.push(Box::new(incremental));
        }
    }
    let run = |engine: &dyn Engine| column(engine.run(&batch, model.n_loops).unwrap());
    engines.iter().map(|engine| (engine.name().to_string(), run(&**engine))).collect()
}

#[test]
fn engines_and_runners_agree_where_attention_averages() {
    let mut findings = Findings::default();
    for recipe in recipes() {
        compare(&recipe.model(), &format!("{recipe:?}"), &mut findings);
    }
    let Findings { n_bits, n_decided, wrong } = findings;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        n_decided * 10 > n_bits * 8,
        "{n_decided} of {n_bits} bits are the same for all runners"
    );
}

/// For `tests/interop/check.py`: into the folder that `CIRCUIT2TF_LITERAL_CASES` names, each model with the
/// bits on which all runners agree and the bounds of a decoder's hidden states or of the logits.
#[test]
#[ignore = "writes files into CIRCUIT2TF_LITERAL_CASES"]
fn cases_for_numpy_are_written_on_request() {
    let folder = std::env::var_os("CIRCUIT2TF_LITERAL_CASES").expect("a folder to write to");
    let folder = std::path::Path::new(&folder);
    for (number, recipe) in recipes().into_iter().enumerate() {
        let model = recipe.model();
        let rows: Vec<Value> = assignments(&model).iter().map(|row| case(&model, row)).collect();
        let path = folder.join(format!("{number:03}.json"));
        std::fs::write(path.with_extension("safetensors"), file::to_bytes(&model)).unwrap();
        std::fs::write(path, json!(rows).to_string()).unwrap();
    }
}

fn case(model: &Model, inputs: &[bool]) -> Value {
    let Outcome { bits, stream, logits } = enclosure::pass(model).outcome(inputs, model.n_loops);
    let bit = |bit: Option<bool>| bit.map_or('?', |bit| if bit { '1' } else { '0' });
    let bits: String = bits.into_iter().map(bit).collect();
    let inputs: String = inputs.iter().map(|&input| bit(Some(input))).collect();
    let numbers = if model.scheme.is_parallel() { logits } else { stream };
    let bounds: Vec<[f64; 2]> = numbers.concat().iter().map(|x| [x.low, x.high]).collect();
    json!({"inputs": inputs, "bits": bits, "bounds": bounds})
}

/// A model of one input, one output and one head that reads `v`, and of zeros otherwise.
fn small(dtype: Dtype, n_ctx: usize, d_model: usize, output: usize) -> Parts {
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect();
    Parts {
        scheme: Scheme::RECURRENT,
        dtype,
        attention: Attention::Bidirectional,
        n_loops: 1,
        n_prelude: 0,
        n_coda: 0,
        w_e: Array2::zeros((3, d_model)),
        w_pos: Array2::zeros((n_ctx, d_model)),
        blocks: vec![Block::zeros(1, d_model, 1, 1)],
        w_u: Array2::zeros((d_model, 2)),
        b_u: Array1::from(vec![0.5, 0.0]),
        input_positions: vec![0],
        output_positions: vec![output],
        scheme_vectors: BTreeMap::new(),
        labels: Labels {
            input_names: names("x", 1),
            output_names: names("y", 1),
            channel_names: names("c", d_model),
            ..Labels::default()
        },
        claim: BTreeMap::new(),
    }
}

/// Everybody says that the output is the input.
fn require_identity(model: &Model) {
    for bit in [false, true] {
        let outcome = enclosure::pass(model).outcome(&[bit], 1);
        assert_eq!(outcome.bits, [Some(bit)], "{:?}", outcome.logits);
        for variant in runners(model, "") {
            assert_eq!(runner::run(model, &[bit], 1, variant), [bit], "{variant:?}");
        }
        for (engine, found) in engine_bits(model, &[bit]) {
            assert_eq!(found, [bit], "{engine}");
        }
    }
}

/// A mean over 512 positions: a denominator that is rounded to bf16 after every term stops at 256, and the
/// mean of ones is 2.
#[test]
fn a_mean_of_ones_is_one_in_every_dtype() {
    for (dtype, n_ctx) in [(Dtype::Bf16, 512), (Dtype::F16, 300), (Dtype::F32, 300)] {
        let mut parts = small(dtype, n_ctx, 2, 0);
        parts.w_e[[1, 0]] = 1.0;
        let block = &mut parts.blocks[0];
        (block.b_v[[0, 0]], block.w_o[[0, 0, 1]], block.b_o[1]) = (1.0, 1.0, -1.0);
        (parts.w_u[[0, 1]], parts.w_u[[1, 1]]) = (1.0, 1.0);
        require_identity(&Model::new(parts).unwrap());
    }
}

/// `exp(-90)` is a subnormal number of f32, not 0: the weight of a value of 2^126 that counts.
#[test]
fn a_subnormal_exponential_counts() {
    let mut parts = small(Dtype::F32, 2, 4, 1);
    (parts.w_e[[1, 1]], parts.w_pos[[1, 0]]) = (1.0, 90.0);
    let block = &mut parts.blocks[0];
    (block.b_q[[0, 0]], block.w_k[[0, 0, 0]]) = (1.0, 1.0);
    (block.w_v[[0, 1, 0]], block.w_o[[0, 0, 2]]) = (126f64.exp2(), 16_384.0);
    parts.w_u[[2, 1]] = 1.0;
    require_identity(&Model::new(parts).unwrap());
}

/// Three heads of thirds and halves whose last bits decide: honest runners give several tables, and what
/// encloses them says so and nothing else.
#[test]
fn where_the_last_bits_decide_runners_differ_and_the_enclosure_does_not_decide() {
    let model = undecided();
    let variants = runner::honest(&model);
    let mut tables = BTreeSet::new();
    let table = |variant: &runner::Variant| -> Vec<Vec<bool>> {
        let rows = assignments(&model);
        rows.iter().map(|row| runner::run(&model, row, model.n_loops, *variant)).collect()
    };
    tables.extend(variants.iter().map(table));
    assert!(tables.len() >= 4, "{} tables", tables.len());
    let mut n_decided = 0;
    for (row, inputs) in assignments(&model).iter().enumerate() {
        let bits = enclosure::pass(&model).bits(inputs, model.n_loops);
        for (output, bit) in bits.iter().enumerate() {
            let found: BTreeSet<bool> = tables.iter().map(|table| table[row][output]).collect();
            assert!(bit.is_none_or(|bit| found == BTreeSet::from([bit])), "{inputs:?}, {output}");
            n_decided += usize::from(bit.is_some());
        }
    }
    assert!(n_decided >= 16, "{n_decided} of 48 bits are decided");
}

/// Addresses of signs in channels 0 to 2, three operands' in the next nine, the bit in the last; two layers,
/// two loops.
fn undecided() -> Model {
    const SIGNS: [&str; 8] = [
        "++-++-+++--+++",
        "-+++---++----0",
        "--++++++---+-+",
        "+---+------+-0",
        "-+-+++++--+-+0",
        "+-++-+--+++--0",
        "---+-++----++0",
        "+++-++-+++-+00",
    ];
    const BIT: usize = 13;
    let mut parts = small(Dtype::F32, 8, 14, 7);
    parts.n_loops = 2;
    (parts.w_e[[0, BIT]], parts.w_e[[1, BIT]]) = (-1.0, 1.0);
    for (mut row, signs) in parts.w_pos.rows_mut().into_iter().zip(SIGNS) {
        let number = |sign| f64::from(i8::from(sign == '+') - i8::from(sign == '-'));
        row.iter_mut().zip(signs.chars()).for_each(|(x, sign)| *x = number(sign));
    }
    let mut block = Block::zeros(3, 14, 3, 2);
    for (h, e) in cross(&[0, 1, 2], &[0, 1, 2]) {
        (block.w_q[[h, 3 + 3 * h + e, e]], block.w_k[[h, e, e]]) = (1.0, 1.0);
    }
    (block.w_in[[BIT, 0]], block.b_in[0]) = (1.0, 2.0);
    (block.w_out[[0, BIT]], block.b_out[BIT]) = (-1.0, 2.0);
    let [mut first, mut second] = [block.clone(), block];
    (first.w_v[[0, BIT, 0]], first.w_v[[1, BIT, 2]], first.b_v[[2, 0]]) = (-0.5, -2.0, -0.5);
    (first.w_o[[0, 0, BIT]], first.w_o[[0, 2, BIT]]) = (2.0, -2.0);
    (first.w_o[[1, 2, BIT]], first.w_o[[2, 2, BIT]]) = (1.0, 1.0);
    first.w_out[[1, BIT]] = -0.5;
    second.w_v[[0, BIT, 0]] = 2.0;
    (second.w_v[[0, BIT, 2]], second.w_v[[2, BIT, 2]]) = (-1.0, 1.0);
    (second.w_o[[0, 2, BIT]], second.w_o[[1, 2, BIT]], second.w_o[[2, 2, BIT]]) = (1.0, 2.0, 1.0);
    (second.w_in[[12, 1]], second.w_in[[BIT, 1]]) = (-1.0, 1.0);
    parts.blocks = vec![first, second];
    (parts.w_u[[12, 0]], parts.w_u[[BIT, 1]], parts.b_u[0]) = (-1.0, 1.0, 0.0);
    (parts.input_positions, parts.output_positions) = (vec![4, 1, 7, 6], vec![7, 0, 5]);
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect();
    (parts.labels.input_names, parts.labels.output_names) = (names("x", 4), names("y", 3));
    Model::new(parts).unwrap()
}
