//! Models to ask verdicts about, of the kinds that the literal pass decides: attention that averages, wide
//! denominators, gaps about the thresholds, schemes relabelled, prelude and coda.

use circuit2tf::circuit::{Circuit, GateKind, TruthTable};
use circuit2tf::compile::{Options, compile};
use circuit2tf::model::{Attention, Dtype, Model, Parts, Pass, Scheme};
use circuit2tf::reasoning::{Request, coconut, cot, universal};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::averaging::{Recipe, SCORES, Scores};
use crate::circuits::{chain, constants, full_adder, one_gate, with_inputs, with_outputs};
use crate::mutation;
use crate::runner;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Attention of any scores, against a table that one runner finds, or against one beside it.
    Averaging,
    /// A compiled model among many blank positions, whose scores lead by little.
    Wide,
    /// A gap about one of the thresholds below which an exponential is no longer 0.
    Gap,
    /// A file whose entry `scheme` is another.
    Relabelled,
    /// A prelude and a coda, corrupted.
    Ends,
    /// A compiled model, corrupted.
    Corrupted,
}

pub const KINDS: [Kind; 6] =
    [Kind::Averaging, Kind::Wide, Kind::Gap, Kind::Relabelled, Kind::Ends, Kind::Corrupted];

/// A model and the circuit that it is said to compute.
pub struct Mutant {
    pub kind: Kind,
    pub seed: u64,
    pub text: String,
    pub model: Model,
    pub circuit: Circuit,
}

/// The mutant of a seed; none where what was made is no model.
pub fn mutant(kind: Kind, seed: u64) -> Option<Mutant> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed * KINDS.len() as u64 + kind as u64);
    let (text, model, circuit) = match kind {
        Kind::Averaging => averaging(&mut rng),
        Kind::Wide => wide(&mut rng),
        Kind::Gap => gap(&mut rng),
        Kind::Relabelled => relabelled(&mut rng),
        Kind::Ends => ends(&mut rng),
        Kind::Corrupted => {
            let (circuit, options) = (a_circuit(&mut rng), options(&mut rng));
            let text = format!("{options:?}");
            corrupted(text, compile(&circuit, "", &options).ok()?, circuit, &mut rng)
        }
    }?;
    Some(Mutant { kind, seed, text, model, circuit })
}

type Made = Option<(String, Model, Circuit)>;

fn pick<T: Clone>(rng: &mut impl Rng, of: &[T]) -> T {
    of[rng.random_range(0..of.len())].clone()
}

fn a_circuit(rng: &mut impl Rng) -> Circuit {
    let kinds = [GateKind::And, GateKind::Or, GateKind::Xor, GateKind::Nor];
    match rng.random_range(0..6) {
        0 => full_adder(),
        1 => chain(rng.random_range(1..=3)),
        2 => one_gate(GateKind::Maj, 3),
        3 => constants(1),
        4 => one_gate(GateKind::Buf, 1),
        _ => one_gate(pick(rng, &kinds), 2),
    }
}

fn options(rng: &mut impl Rng) -> Options {
    Options {
        layers: rng.random_range(1..=2),
        heads: rng.random_range(2..=3),
        dtype: pick(rng, &Dtype::ALL),
        unroll: rng.random_bool(0.2),
        causal: rng.random_bool(0.3),
        ..Options::default()
    }
}

fn averaging(rng: &mut ChaCha8Rng) -> Made {
    let scores = pick(rng, &SCORES);
    let many = rng.random_bool(0.05) || scores == Scores::Wide;
    let recipe = Recipe {
        scores,
        dtype: pick(rng, &Dtype::ALL),
        scheme: Scheme::RECURRENT,
        attention: pick(rng, &[Attention::Bidirectional, Attention::Causal]),
        layers: pick(rng, &[[0, 1, 0], [0, 2, 0], [1, 1, 0], [0, 1, 1]]),
        n_loops: rng.random_range(1..=2),
        n_heads: rng.random_range(1..=2),
        n_ctx: if many { rng.random_range(12..=40) } else { rng.random_range(2..=8) },
        seed: rng.random(),
    };
    let scheme = pick(rng, &[Scheme::RECURRENT, Scheme::UNIVERSAL, Scheme::COT, Scheme::COCONUT]);
    let recipe = match scheme.pass() {
        Pass::Looped => recipe,
        Pass::Halting => Recipe { scheme, layers: [0, 1, 0], ..recipe },
        // A prompt, and what is emitted behind it.
        Pass::Thoughts | Pass::Tokens => Recipe {
            scheme,
            layers: [0, 1, 0],
            attention: Attention::Causal,
            n_ctx: recipe.n_ctx.max(3) + 4,
            ..recipe
        },
    };
    let model = recipe.model();
    let circuit = table_beside(&model, rng);
    Some((format!("{recipe:?}"), model, circuit))
}

/// What one honest runner computes, one time in three with a bit changed.
fn table_beside(model: &Model, rng: &mut impl Rng) -> Circuit {
    let variant = pick(rng, &runner::honest(model));
    let n = model.input_positions.len();
    let n_outputs = model.output_positions.len();
    let mut tables = vec![0u64; n_outputs];
    for row in 0..1usize << n {
        let inputs: Vec<bool> = (0..n).map(|i| row >> i & 1 == 1).collect();
        for (o, bit) in runner::run(model, &inputs, model.n_loops, variant).into_iter().enumerate()
        {
            tables[o] |= u64::from(bit) << row;
        }
    }
    if rng.random_bool(0.33) {
        tables[rng.random_range(0..n_outputs)] ^= 1 << rng.random_range(0..1 << n);
    }
    let (mut builder, x) = with_inputs(n);
    let mut output = |bits: u64| {
        let table = GateKind::Lut(TruthTable::new(n, bits).unwrap());
        builder.gate(table, &x).unwrap().literal()
    };
    let outputs: Vec<_> = tables.into_iter().map(&mut output).collect();
    with_outputs(builder, &outputs)
}

/// With blank positions appended, and a lead of the targets about the logarithm of their number.
fn wide(rng: &mut ChaCha8Rng) -> Made {
    let n_blank = rng.random_range(10..=50);
    let inverse_temperature = f64::from(rng.random_range(2u8..=60)) / 2.0;
    let options = Options { inverse_temperature, heads: 2, layers: 1, ..options(rng) };
    let circuit = pick(rng, &[one_gate(GateKind::Buf, 1), one_gate(GateKind::Or, 2), chain(1)]);
    let mut parts = compile(&circuit, "", &options).ok()?.into_parts();
    let blank = ndarray::Array2::zeros((n_blank, parts.w_pos.ncols()));
    parts.w_pos.append(ndarray::Axis(0), blank.view()).unwrap();
    // What blank positions hold is what leaks.
    let d_model = parts.w_e.ncols();
    parts.w_e[[Model::BLANK, rng.random_range(0..d_model)]] = pick(rng, &[0.0, 1.0, -1.0]);
    Some((format!("{n_blank} blanks, {options:?}"), Model::new(parts).ok()?, circuit))
}

/// The thresholds of f16, bf16, f32 and f64.
const THRESHOLDS: [f64; 4] = [17.33, 92.88, 103.97, 745.13];

fn gap(rng: &mut ChaCha8Rng) -> Made {
    let options = options(rng);
    let threshold = pick(rng, &THRESHOLDS);
    let near = threshold * (1.0 + f64::from(rng.random_range(-8i8..=8)) / 512.0);
    let inverse_temperature = options.dtype.round(near);
    let options = Options { inverse_temperature, ..options };
    let circuit = a_circuit(rng);
    let model = compile(&circuit, "", &options).ok()?;
    let text = format!("{options:?}");
    match rng.random_bool(0.5) {
        true => Some((text, model, circuit)),
        false => corrupted(text, model, circuit, rng),
    }
}

fn ends(rng: &mut ChaCha8Rng) -> Made {
    let (prelude, coda) = pick(rng, &[(1, 1), (0, 1), (1, 0), (2, 1)]);
    let options = Options { prelude, coda, unroll: false, ..options(rng) };
    let circuit = pick(rng, &[full_adder(), chain(3), one_gate(GateKind::Xor, 3)]);
    let model = compile(&circuit, "", &options).ok()?;
    corrupted(format!("{options:?}"), model, circuit, rng)
}

fn corrupted(text: String, model: Model, circuit: Circuit, rng: &mut ChaCha8Rng) -> Made {
    let (change, parts) = mutation::combined(&model, rng.random());
    Some((format!("{text}, {change}"), Model::new(parts).ok()?, circuit))
}

/// A model of one scheme whose file names another, with the vectors that the other one reads.
fn relabelled(rng: &mut ChaCha8Rng) -> Made {
    let circuit = a_circuit(rng);
    let options = Options { causal: rng.random(), ..options(rng) };
    let request = Request { dtype: options.dtype, ..Request::default() };
    let made = match rng.random_range(0..4) {
        0 => universal::compile(&circuit, "", &Options { unroll: false, ..options.clone() }),
        1 => cot::compile(&circuit, "", &request),
        2 => coconut::compile(&circuit, "", &request),
        _ => compile(&circuit, "", &options),
    };
    let mut parts = made.ok()?.into_parts();
    let was = parts.scheme;
    parts.scheme = pick(rng, &Scheme::KNOWN);
    add_vectors(&mut parts, rng);
    if !parts.scheme.is_parallel() {
        parts.attention = Attention::Causal;
    }
    let text = format!("{was} as {}, {} loops, {options:?}", parts.scheme, parts.n_loops);
    let model = Model::new(parts).ok()?;
    // What is no decoder the decoder refuses, and is not run.
    let fits = model.scheme.is_parallel() || circuit2tf::run::Decoder::new(&model).is_ok();
    fits.then_some((text, model, circuit))
}

fn add_vectors(parts: &mut Parts, rng: &mut impl Rng) {
    let (n_ctx, d_model) = parts.w_pos.dim();
    let mut add = |name: &str, vector: Vec<i64>| {
        parts.scheme_vectors.entry(format!("scheme.{name}")).or_insert(vector);
    };
    match parts.scheme.pass() {
        Pass::Looped => {}
        Pass::Halting => add("halting", vec![rng.random_range(0..d_model as i64)]),
        Pass::Tokens | Pass::Thoughts => {
            parts.n_loops = parts.n_loops.clamp(1, 2);
            let n_prompt = n_ctx.saturating_sub(parts.n_loops + 1).max(1);
            add("prompt", (0..n_prompt).map(|_| rng.random_range(0..3)).collect());
            add("output_slots", vec![0; parts.output_positions.len()]);
            add("answers", vec![1]);
            // A decoder's outputs are tokens that it has written.
            let n_prompt = parts.scheme_vectors["scheme.prompt"].len();
            parts.output_positions.fill((n_prompt + parts.n_loops - 1).min(n_ctx - 1));
        }
    }
}
