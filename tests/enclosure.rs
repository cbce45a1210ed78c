//! The enclosure holds what honest runners compute: a plain runner with every freedom of one is run on random models,
//! and each of its numbers looked for in the interval that was said to hold it.

use std::collections::BTreeMap;

use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Attention, Block, Dtype, Labels, Model, Parts, Scheme};
use circuit2tf::reasoning::{Request, coconut, cot};
use circuit2tf::run::{
    Assumptions, Decoder, Emitted, Enclosure, Interval, Quantity, Reference, Softmax,
};
use ndarray::{Array1, Array2, Array3};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Where a bias joins its product.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bias {
    /// After the product is rounded.
    After,
    /// As one of its terms.
    Within,
    /// As one of its terms, and the stream too.
    WithStream,
}

/// How heads are summed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Heads {
    Concatenated,
    OneByOne,
    /// Rounded each, then summed in the accumulator.
    Reduced,
}

/// The freedoms of an honest runner.
#[derive(Debug)]
struct Runner {
    dtype: Dtype,
    /// Accumulators of f64.
    wide: bool,
    fused: bool,
    /// Partial sums are joined at random, as a tree; else one after the other.
    tree: bool,
    bias: Bias,
    heads: Heads,
    /// `exp` is off by so many units in the last place at most.
    ulps: i32,
    reciprocal: bool,
    rng: ChaCha8Rng,
}

impl Runner {
    fn random(dtype: Dtype, rng: &mut ChaCha8Rng) -> Self {
        Runner {
            dtype,
            wide: rng.random(),
            fused: rng.random(),
            tree: rng.random(),
            bias: [Bias::After, Bias::Within, Bias::WithStream][rng.random_range(0..3)],
            heads: [Heads::Concatenated, Heads::OneByOne, Heads::Reduced][rng.random_range(0..3)],
            ulps: rng.random_range(0..=3),
            reciprocal: rng.random(),
            rng: ChaCha8Rng::seed_from_u64(rng.random()),
        }
    }

    fn round(&self, x: f64) -> f64 {
        round_to(self.dtype, x)
    }

    /// In the accumulator.
    fn keep(&self, x: f64) -> f64 {
        if self.wide || self.dtype == Dtype::F64 { x } else { f64::from(x as f32) }
    }

    /// `x w + sum`
    fn add_product(&self, x: f64, w: f64, sum: f64) -> f64 {
        match (self.fused, self.wide || self.dtype == Dtype::F64) {
            (false, _) => self.keep(self.keep(x * w) + sum),
            (true, true) => x.mul_add(w, sum),
            (true, false) => f64::from((x as f32).mul_add(w as f32, sum as f32)),
        }
    }

    /// The accumulator in the end.
    fn accumulate(&mut self, mut terms: Vec<(f64, f64)>) -> f64 {
        terms.shuffle(&mut self.rng);
        if !self.tree {
            return terms.iter().fold(0.0, |sum, &(x, w)| self.add_product(x, w, sum));
        }
        let mut parts: Vec<f64> = terms.iter().map(|&(x, w)| self.keep(x * w)).collect();
        while parts.len() > 1 {
            let (i, last) = (self.rng.random_range(0..parts.len() - 1), parts.len() - 1);
            parts[i] = self.keep(parts[i] + parts[last]);
            parts.pop();
        }
        parts.first().copied().unwrap_or(0.0)
    }

    fn affine(&mut self, mut terms: Vec<(f64, f64)>, b: f64) -> f64 {
        if self.bias == Bias::After {
            let sum = self.accumulate(terms);
            return self.round(self.round(sum) + b);
        }
        terms.push((b, 1.0));
        let sum = self.accumulate(terms);
        self.round(sum)
    }

    /// `x + Σ parts + b`
    fn residual(&mut self, x: f64, parts: Vec<Vec<(f64, f64)>>, b: f64) -> f64 {
        if self.heads == Heads::Concatenated || parts.len() < 2 {
            let mut terms = parts.concat();
            if self.bias == Bias::WithStream {
                terms.extend([(b, 1.0), (x, 1.0)]);
                let sum = self.accumulate(terms);
                return self.round(sum);
            }
            let written = self.affine(terms, b);
            return self.round(x + written);
        }
        let mut rounded: Vec<f64> = parts
            .into_iter()
            .map(|part| {
                let sum = self.accumulate(part);
                self.round(sum)
            })
            .collect();
        if self.heads == Heads::Reduced {
            let sum = self.accumulate(rounded.iter().map(|&r| (r, 1.0)).collect());
            let written = self.round(self.round(sum) + b);
            return self.round(x + written);
        }
        if self.bias != Bias::After {
            rounded.push(b);
        }
        rounded.shuffle(&mut self.rng);
        let sum = rounded.iter().fold(0.0, |sum, r| self.round(sum + r));
        match self.bias {
            Bias::After => self.round(x + self.round(sum + b)),
            Bias::Within => self.round(x + sum),
            Bias::WithStream => rounded.iter().fold(x, |sum, r| self.round(sum + r)),
        }
    }

    /// `exp`, off by some units.
    fn exp(&mut self, d: f64) -> f64 {
        let format = if self.dtype == Dtype::F64 { Dtype::F64 } else { Dtype::F32 };
        if d == 0.0 || d <= -(format.underflow_threshold() + 1.0) {
            return f64::from(u8::from(d == 0.0));
        }
        let ulps = self.rng.random_range(-self.ulps..=self.ulps);
        match format {
            Dtype::F64 => step(d.exp(), ulps, f64::next_up, f64::next_down),
            _ => f64::from(step(d.exp() as f32, ulps, f32::next_up, f32::next_down)),
        }
    }

    fn softmax(&mut self, scores: &[f64]) -> Vec<f64> {
        // In f32 whatever the accumulators are.
        let wide = if self.dtype == Dtype::F64 { Dtype::F64 } else { Dtype::F32 };
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let terms: Vec<f64> = scores.iter().map(|&s| self.exp(round_to(wide, s - max))).collect();
        let sum = self.accumulate(terms.iter().map(|&t| (t, 1.0)).collect());
        let sum = round_to(wide, sum);
        let share = |&t: &f64| match self.reciprocal {
            true => round_to(wide, t * round_to(wide, 1.0 / sum)),
            false => round_to(wide, t / sum),
        };
        terms.iter().map(share).map(|p| self.round(p)).collect()
    }
}

/// So many numbers up or down, not below 0.
fn step<T: PartialOrd + Default>(mut x: T, ulps: i32, up: fn(T) -> T, down: fn(T) -> T) -> T {
    for _ in 0..ulps.abs() {
        x = if ulps > 0 { up(x) } else { down(x) };
    }
    if x < T::default() { T::default() } else { x }
}

/// The nearest number of the format, ties to even, by its definition.
fn round_to(dtype: Dtype, x: f64) -> f64 {
    if dtype == Dtype::F64 || x == 0.0 || !x.is_finite() {
        return x;
    }
    let exponent = (x.abs().to_bits() >> 52) as i32 - 1023;
    let last = exponent.max(dtype.min_exponent()) - (dtype.precision() as i32 - 1);
    let unit = f64::from(last).exp2();
    let rounded = (x / unit).round_ties_even() * unit;
    if rounded.abs() > dtype.max_finite() { f64::INFINITY.copysign(x) } else { rounded }
}

type Rows = Vec<Vec<f64>>;

/// The numbers of a run, in the order in which the enclosure shows them.
fn run(runner: &mut Runner, model: &Model, inputs: &[bool]) -> Vec<(Quantity, Vec<f64>)> {
    let mut seen = Vec::new();
    let mut tokens = vec![Model::BLANK; model.n_ctx()];
    for (&position, &bit) in model.input_positions.iter().zip(inputs) {
        tokens[position] = usize::from(bit);
    }
    let embed = |(p, &t): (usize, &usize)| -> Vec<f64> {
        (0..model.d_model())
            .map(|c| runner.round(model.w_e[[t, c]] + model.w_pos[[p, c]]))
            .collect()
    };
    let mut x: Rows = tokens.iter().enumerate().map(embed).collect();
    x.iter().for_each(|row| seen.push((Quantity::Stream, row.clone())));
    for _ in 0..model.n_loops {
        for block in &model.blocks {
            x = layer(runner, model, block, &x, &mut seen);
        }
    }
    for &position in &model.output_positions {
        let logits =
            (0..2).map(|t| runner.affine(column(&x[position], model.w_u.column(t)), model.b_u[t]));
        let logits = logits.collect();
        seen.push((Quantity::Logits, logits));
    }
    seen
}

fn column(x: &[f64], w: ndarray::ArrayView1<f64>) -> Vec<(f64, f64)> {
    x.iter().copied().zip(w.iter().copied()).collect()
}

fn layer(
    runner: &mut Runner,
    model: &Model,
    block: &Block,
    x: &Rows,
    seen: &mut Vec<(Quantity, Vec<f64>)>,
) -> Rows {
    let projected = project(runner, block, x, seen);
    let mut next = Rows::new();
    for (i, row) in x.iter().enumerate() {
        let visible = if model.attention == Attention::Causal { i + 1 } else { x.len() };
        let read: Rows =
            projected.iter().map(|head| attend(runner, head, i, visible, seen)).collect();
        let attended = |c: usize| {
            let part = |h: usize| column(&read[h], block.w_o.slice(ndarray::s![h, .., c]));
            let parts = (0..projected.len()).map(part).collect();
            runner.residual(row[c], parts, block.b_o[c])
        };
        let attended: Vec<f64> = (0..row.len()).map(attended).collect();
        seen.push((Quantity::Stream, attended.clone()));
        let unit = |u: usize| runner.affine(column(&attended, block.w_in.column(u)), block.b_in[u]);
        let hidden: Vec<f64> = (0..block.b_in.len()).map(unit).map(|x| x.max(0.0)).collect();
        seen.push((Quantity::Hidden, hidden.clone()));
        let written = |c: usize| {
            let part = column(&hidden, block.w_out.column(c));
            runner.residual(attended[c], vec![part], block.b_out[c])
        };
        let row: Vec<f64> = (0..row.len()).map(written).collect();
        seen.push((Quantity::Stream, row.clone()));
        next.push(row);
    }
    next
}

/// Per head the queries, keys and values.
fn project(
    runner: &mut Runner,
    block: &Block,
    x: &Rows,
    seen: &mut Vec<(Quantity, Vec<f64>)>,
) -> Vec<[Rows; 3]> {
    let (n_heads, _, d_head) = block.w_q.dim();
    let mut projected = Vec::new();
    for h in 0..n_heads {
        let mut rows = [Rows::new(), Rows::new(), Rows::new()];
        for row in x {
            let kinds = [
                (Quantity::Queries, &block.w_q, &block.b_q),
                (Quantity::Keys, &block.w_k, &block.b_k),
                (Quantity::Values, &block.w_v, &block.b_v),
            ];
            for (to, (quantity, w, b)) in rows.iter_mut().zip(kinds) {
                let entry = |t| {
                    let w = w.slice(ndarray::s![h, .., t]);
                    runner.affine(column(row, w), b[[h, t]])
                };
                let row: Vec<f64> = (0..d_head).map(entry).collect();
                seen.push((quantity, row.clone()));
                to.push(row);
            }
        }
        projected.push(rows);
    }
    projected
}

/// What a head reads at position `i`, of the first `visible` ones.
fn attend(
    runner: &mut Runner,
    [q, k, v]: &[Rows; 3],
    i: usize,
    visible: usize,
    seen: &mut Vec<(Quantity, Vec<f64>)>,
) -> Vec<f64> {
    let score = |j: usize| {
        let sum = runner.accumulate(q[i].iter().copied().zip(k[j].iter().copied()).collect());
        runner.round(sum)
    };
    let scores: Vec<f64> = (0..visible).map(score).collect();
    let weights = runner.softmax(&scores);
    seen.push((Quantity::Scores, scores));
    seen.push((Quantity::Weights, weights.clone()));
    let entry = |t: usize| {
        let sum = runner.accumulate((0..visible).map(|j| (weights[j], v[j][t])).collect());
        runner.round(sum)
    };
    let mixed: Vec<f64> = (0..v[0].len()).map(entry).collect();
    seen.push((Quantity::Read, mixed.clone()));
    mixed
}

/// A model of random numbers; some heads average, some have scores far apart, biases may be missing.
fn random_model(dtype: Dtype, rng: &mut ChaCha8Rng) -> Model {
    let (n_ctx, d, heads) =
        (rng.random_range(2..=6), rng.random_range(2..=5), rng.random_range(1..=4));
    let (d_head, d_mlp, layers) =
        (rng.random_range(1..=3), rng.random_range(1..=4), rng.random_range(1..=2));
    let few = rng.random_bool(0.3);
    let mut number = |scale: f64| {
        let x = match few {
            // Short numbers: many sums are exact, and many lie in the middle of two.
            true => f64::from(rng.random_range(-8..=8)) / 8.0,
            false => rng.random_range(-1.0..1.0),
        };
        round_to(dtype, scale * x)
    };
    let mut blocks = Vec::new();
    for _ in 0..layers {
        let mut block = Block::zeros(heads, d, d_head, d_mlp);
        let query = [0.0, 1.0, 1.0, 30.0][(number(1.0).abs() * 3.9) as usize];
        block.w_q = Array3::from_shape_simple_fn((heads, d, d_head), || number(query));
        block.b_q = Array2::from_shape_simple_fn((heads, d_head), || number(query));
        block.w_k = Array3::from_shape_simple_fn((heads, d, d_head), || number(1.0));
        block.w_v = Array3::from_shape_simple_fn((heads, d, d_head), || number(1.0));
        block.b_v = Array2::from_shape_simple_fn((heads, d_head), || number(1.0));
        block.w_o = Array3::from_shape_simple_fn((heads, d_head, d), || number(1.0));
        block.b_o = Array1::from_shape_simple_fn(d, || number(1.0));
        block.w_in = Array2::from_shape_simple_fn((d, d_mlp), || number(1.0));
        block.b_in = Array1::from_shape_simple_fn(d_mlp, || number(1.0));
        block.w_out = Array2::from_shape_simple_fn((d_mlp, d), || number(1.0));
        block.b_out = Array1::from_shape_simple_fn(d, || number(1.0));
        blocks.push(block);
    }
    let parts = Parts {
        scheme: Scheme::RECURRENT,
        dtype,
        attention: Attention::Bidirectional,
        n_loops: 2,
        n_prelude: 0,
        n_coda: 0,
        w_e: Array2::from_shape_simple_fn((3, d), || number(1.0)),
        w_pos: Array2::from_shape_simple_fn((n_ctx, d), || number(1.0)),
        blocks,
        w_u: Array2::from_shape_simple_fn((d, 2), || number(1.0)),
        b_u: Array1::from_shape_simple_fn(2, || number(1.0)),
        input_positions: vec![0, 1],
        output_positions: vec![n_ctx - 1],
        scheme_vectors: BTreeMap::new(),
        labels: Labels {
            input_names: vec!["a".into(), "b".into()],
            output_names: vec!["y".into()],
            channel_names: (0..d).map(|c| format!("c{c}")).collect(),
            ..Labels::default()
        },
        claim: BTreeMap::new(),
    };
    let causal = rng.random_bool(0.3);
    let attention = if causal { Attention::Causal } else { Attention::Bidirectional };
    Model::new(Parts { attention, ..parts }).unwrap()
}

/// A number outside of its interval, if there is one, over some runners.
fn escapes(model: &Model, assumed: Assumptions, seed: u64, n_runners: u32) -> Option<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let inputs = [rng.random(), rng.random()];
    let enclosure = Enclosure::with(model, assumed).unwrap();
    let mut intervals: Vec<(Quantity, Vec<Interval>)> = Vec::new();
    let enclosed = enclosure
        .trace(&inputs, model.n_loops, Softmax::Wide, &mut |quantity, row| {
            intervals.push((quantity, row.to_vec()));
        })
        .unwrap();
    for _ in 0..n_runners {
        let mut runner = Runner::random(model.dtype, &mut rng);
        let numbers = run(&mut runner, model, &inputs);
        let is_read = |quantity: &Quantity| *quantity == Quantity::Logits;
        // The enclosure leaves loops out that change nothing.
        let both = |of_read: bool| {
            let rows = intervals.iter().filter(move |(q, _)| is_read(q) == of_read);
            rows.zip(numbers.iter().filter(move |(q, _)| is_read(q) == of_read))
        };
        for (at, ((quantity, row), (of_runner, numbers))) in
            both(false).chain(both(true)).enumerate()
        {
            assert_eq!((quantity, row.len()), (of_runner, numbers.len()));
            for (interval, &x) in row.iter().zip(numbers) {
                if !interval.contains(x) {
                    return Some(format!(
                        "{quantity:?} {at}: {x:e} not in {interval:?}, {runner:?}"
                    ));
                }
            }
        }
        let logits = &numbers.last().unwrap().1;
        if let Some(bit) = enclosed.outputs[0].bit {
            assert_eq!(bit, logits[1] > logits[0], "a decided bit");
        }
    }
    None
}

fn models(dtype: Dtype, n: u64) -> Vec<Model> {
    (0..n).map(|seed| random_model(dtype, &mut ChaCha8Rng::seed_from_u64(seed))).collect()
}

#[test]
fn every_number_of_every_honest_runner_is_enclosed() {
    for dtype in Dtype::ALL {
        let mut n_decided = 0;
        for (seed, model) in (0..).zip(&models(dtype, 150)) {
            let found = escapes(model, Assumptions::default(), seed, 12);
            assert_eq!(found, None, "{dtype}, model {seed}");
            let enclosure = Enclosure::new(model).unwrap();
            let enclosed = enclosure.run(&[true, false], 2, Softmax::Wide).unwrap();
            n_decided += u32::from(enclosed.outputs[0].bit.is_some());
            assert!(!enclosed.is_exact || enclosed.outputs[0].bound == 0.0);
        }
        // Scores of 30 and more tell the last bits of half precision apart, so that runners do differ there.
        let least = if dtype.size() == 2 { 25 } else { 120 };
        assert!(n_decided >= least, "{dtype}: {n_decided} of 150 are decided");
    }
}

/// Each freedom that is left out lets a runner escape, so the test above can say no.
#[test]
fn an_enclosure_that_leaves_a_freedom_out_is_found() {
    let all = Assumptions::default();
    let less = [
        ("accumulation", Assumptions { accumulation: 0.0, ..all }, Dtype::F32),
        ("accumulation", Assumptions { accumulation: 0.0, ..all }, Dtype::F64),
        ("accumulation", Assumptions { accumulation: 0.0, ..all }, Dtype::F16),
        ("exp", Assumptions { exp_ulps: 0.0, rounded_difference: 0.0, ..all }, Dtype::F32),
        ("bias", Assumptions { bias_apart: false, ..all }, Dtype::Bf16),
        ("bias", Assumptions { bias_apart: false, ..all }, Dtype::F32),
        ("heads", Assumptions { heads_apart: false, ..all }, Dtype::Bf16),
    ];
    for (what, assumed, dtype) in less {
        let found = (0..).zip(&models(dtype, 150)).find_map(|(s, m)| escapes(m, assumed, s, 12));
        assert!(found.is_some(), "{what} in {dtype}");
    }
}

/// Compiled models round nothing, whole or token by token; thoughts gather inputs by averages, and are decided.
#[test]
fn compiled_models_are_exact_or_decided() {
    for dtype in Dtype::ALL {
        let circuit = generate("adder:2").unwrap();
        let whole = compile(&circuit, "", &Options { dtype, ..Options::default() }).unwrap();
        let request = Request { dtype, vocab: Some(4), ..Request::default() };
        let tokens = cot::compile(&circuit, "", &request).unwrap();
        let request = Request { dtype, ..Request::default() };
        let thoughts = coconut::compile(&circuit, "", &request).unwrap();
        for (model, is_exact) in [(&whole, true), (&tokens, true), (&thoughts, false)] {
            let enclosure = Enclosure::new(model).unwrap();
            for number in 0..16 {
                let inputs: Vec<bool> = (0..4).map(|i| number >> i & 1 == 1).collect();
                let found = enclosure.run(&inputs, model.n_loops, Softmax::Wide).unwrap();
                let bits: Option<Vec<bool>> = found.outputs.iter().map(|d| d.bit).collect();
                assert_eq!(
                    bits,
                    Some(circuit.evaluate(&inputs).unwrap()),
                    "{} {dtype}",
                    model.scheme
                );
                assert!(found.is_exact || !is_exact, "{} {dtype}", model.scheme);
                assert!(found.outputs.iter().all(|d| d.lead > 0.9 && d.bound == 0.0));
            }
        }
    }
}

/// The engines are honest runners: their streams are in the intervals.
#[test]
fn streams_of_the_engines_are_enclosed() {
    for dtype in [Dtype::F32, Dtype::F64] {
        for model in models(dtype, 60) {
            let mut streams = Vec::new();
            let enclosure = Enclosure::new(&model).unwrap();
            enclosure
                .trace(&[true, false], 1, Softmax::Wide, &mut |quantity, row| {
                    if quantity == Quantity::Stream {
                        streams.push(row.to_vec());
                    }
                })
                .unwrap();
            let engine = Reference::new(&model).unwrap();
            let (n, mut at) = (model.n_ctx(), 0);
            engine
                .trace(&[true, false], 1, |step| {
                    for (i, row) in step.stream.outer_iter().enumerate() {
                        // After attention and after the MLP, per position.
                        let index = if step.n_steps == 0 { i } else { at + 2 * i + 1 };
                        let inside = streams[index].iter().zip(row).all(|(s, &x)| s.contains(x));
                        assert!(inside, "{dtype}, position {i} after {} layers", step.n_steps);
                    }
                    at += if step.n_steps == 0 { n } else { 2 * n };
                })
                .unwrap();
        }
    }
}

/// The decoder is an honest runner of thoughts.
#[test]
fn hidden_states_of_decoders_are_enclosed() {
    for dtype in Dtype::ALL {
        let circuit = generate("majority:5").unwrap();
        let request = Request { dtype, ..Request::default() };
        let model = coconut::compile(&circuit, "", &request).unwrap();
        let (enclosure, decoder) = (Enclosure::new(&model).unwrap(), Decoder::new(&model).unwrap());
        for number in 0..32 {
            let inputs: Vec<bool> = (0..5).map(|i| number >> i & 1 == 1).collect();
            let mut streams = Vec::new();
            let mut see = |quantity, row: &[Interval]| {
                if quantity == Quantity::Stream {
                    streams.push(row.to_vec());
                }
            };
            let found = enclosure.trace(&inputs, model.n_loops, Softmax::Wide, &mut see).unwrap();
            let mut tokens = Vec::new();
            decoder
                .trace(&inputs, model.n_loops, |emission| {
                    let holds = |row: &Vec<Interval>| {
                        row.iter().zip(&emission.hidden).all(|(s, &x)| s.contains(x))
                    };
                    assert!(streams.iter().any(holds), "{dtype}, position {}", emission.position);
                    if let Emitted::Token { token, .. } = emission.emitted {
                        tokens.push(token == 1);
                    }
                })
                .unwrap();
            assert_eq!(found.outputs[0].bit, Some(tokens[0]));
        }
    }
}

/// What is not finite, or may not be, decides nothing and ends nothing.
#[test]
fn numbers_that_are_not_finite_decide_nothing() {
    for dtype in Dtype::ALL {
        let model = random_model(dtype, &mut ChaCha8Rng::seed_from_u64(1));
        for bad in [f64::NAN, f64::INFINITY, dtype.max_finite()] {
            let mut parts = model.clone().into_parts();
            parts.blocks[0].w_out.fill(bad);
            parts.blocks[0].b_in.fill(dtype.max_finite());
            let model = Model::new(parts).unwrap();
            let found =
                Enclosure::new(&model).unwrap().run(&[true, true], 2, Softmax::Either).unwrap();
            assert_eq!((found.outputs[0].bit, found.is_exact), (None, false));
        }
    }
}
