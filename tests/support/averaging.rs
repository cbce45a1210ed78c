//! Models whose attention averages, of every dtype and scheme: what compiled models never do.

use circuit2tf::model::{Attention, Block, Dtype, Labels, Model, Parts, Pass, Scheme};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::literal::round;

/// What the scores of a row are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scores {
    /// All the same: a mean over all positions.
    Uniform,
    /// So many leaders, a thousand above all others.
    Ties(usize),
    /// One leader so little above all others that they together count.
    Wide,
    /// Leads of less than a tenth.
    Narrow,
    Random,
}

pub const SCORES: [Scores; 6] = [
    Scores::Uniform,
    Scores::Ties(2),
    Scores::Ties(3),
    Scores::Wide,
    Scores::Narrow,
    Scores::Random,
];

/// What a model is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    pub scores: Scores,
    pub dtype: Dtype,
    pub scheme: Scheme,
    pub attention: Attention,
    /// Layers of prelude, core and coda.
    pub layers: [usize; 3],
    pub n_loops: usize,
    pub n_heads: usize,
    pub n_ctx: usize,
    pub seed: u64,
}

const D_MODEL: usize = 6;
const D_HEAD: usize = 2;
const D_MLP: usize = 3;
/// Channels: the token's, the leaders', random ones; the halting channel of a model that halts.
const BIT: usize = 0;
const LEADER: usize = 1;
const HALTING: usize = 2;
/// Of a decoder.
const D_VOCAB: usize = 4;

impl Recipe {
    /// The model; the same recipe gives the same.
    pub fn model(self) -> Model {
        Model::new(self.parts()).expect("the shapes fit")
    }

    fn parts(self) -> Parts {
        let mut random = Random { rng: ChaCha8Rng::seed_from_u64(self.seed), dtype: self.dtype };
        let is_decoder = !self.scheme.is_parallel();
        let vocabulary = if is_decoder { D_VOCAB } else { 2 };
        let n_tokens = if is_decoder { D_VOCAB } else { 3 };
        let prompt = if is_decoder { self.n_ctx - self.n_emitted() } else { self.n_ctx };
        let n_inputs = prompt.min(if self.n_ctx > 100 { 1 } else { 3 });
        let positions = random.distinct(n_inputs, prompt);
        let outputs =
            if is_decoder { vec![self.n_ctx - 1; 2] } else { vec![positions[0], self.n_ctx - 1] };
        let scheme_vectors = match self.scheme.pass() {
            Pass::Looped => Vec::new(),
            Pass::Halting => vec![("scheme.halting", vec![HALTING as i64])],
            Pass::Tokens | Pass::Thoughts => vec![
                ("scheme.prompt", random.tokens(prompt, D_VOCAB)),
                ("scheme.output_slots", vec![0, 1]),
                ("scheme.answers", vec![self.answers() as i64]),
            ],
        };
        let n_blocks = self.layers.iter().sum();
        Parts {
            scheme: self.scheme,
            dtype: self.dtype,
            attention: self.attention,
            n_loops: self.n_loops,
            n_prelude: self.layers[0],
            n_coda: self.layers[2],
            w_e: self.tokens(n_tokens, &mut random),
            w_pos: self.positions(&mut random),
            blocks: (0..n_blocks).map(|_| self.block(&mut random)).collect(),
            w_u: random.array((D_MODEL, vocabulary), 1.0),
            b_u: random.array(vocabulary, 0.1),
            labels: labels(n_inputs, outputs.len()),
            input_positions: positions,
            output_positions: outputs,
            scheme_vectors: scheme_vectors.into_iter().map(|(k, v)| (k.to_string(), v)).collect(),
            claim: Default::default(),
        }
    }

    /// Tokens that a decoder that thinks emits behind its thoughts.
    fn answers(self) -> usize {
        if self.scheme.pass() == Pass::Thoughts { 2 } else { 0 }
    }

    fn n_emitted(self) -> usize {
        self.n_loops + self.answers()
    }

    /// `[n_tokens, d_model]`: opposite bits, and blanks that are neither.
    fn tokens(self, n_tokens: usize, random: &mut Random) -> ndarray::Array2<f64> {
        let mut w_e = random.array((n_tokens, D_MODEL), 0.5);
        w_e.column_mut(LEADER).fill(0.0);
        (w_e[[0, BIT]], w_e[[1, BIT]]) = (-1.0, 1.0);
        w_e
    }

    /// `[n_ctx, d_model]`: leaders are told from others, at the first positions, which causal queries see.
    fn positions(self, random: &mut Random) -> ndarray::Array2<f64> {
        let mut w_pos = random.array((self.n_ctx, D_MODEL), 0.5);
        let leaders = match self.scores {
            Scores::Ties(n) => n,
            _ => 1,
        };
        for (p, mut row) in w_pos.rows_mut().into_iter().enumerate() {
            row[LEADER] = if p < leaders { 1.0 } else { 0.0 };
        }
        w_pos
    }

    fn block(self, random: &mut Random) -> Block {
        let heads = (self.n_heads, D_MODEL, D_HEAD);
        let biases = (self.n_heads, D_HEAD);
        // What a layer writes leaves the leaders' channel alone.
        let mut w_o = random.array((self.n_heads, D_HEAD, D_MODEL), 0.7);
        let mut b_o = random.array(D_MODEL, 0.2);
        let mut w_out = random.array((D_MLP, D_MODEL), 0.5);
        let mut b_out = random.array(D_MODEL, 0.2);
        w_o.index_axis_mut(ndarray::Axis(2), LEADER).fill(0.0);
        w_out.column_mut(LEADER).fill(0.0);
        (b_o[LEADER], b_out[LEADER]) = (0.0, 0.0);
        let mut block = Block {
            w_v: random.array(heads, 0.7),
            b_v: random.array(biases, 0.2),
            w_in: random.array((D_MODEL, D_MLP), 0.7),
            b_in: random.array(D_MLP, 0.2),
            ..Block::zeros(self.n_heads, D_MODEL, D_HEAD, D_MLP)
        };
        (block.w_o, block.b_o, block.w_out, block.b_out) = (w_o, b_o, w_out, b_out);
        self.set_scores(&mut block, random);
        block
    }

    fn set_scores(self, block: &mut Block, random: &mut Random) {
        let heads = (self.n_heads, D_MODEL, D_HEAD);
        let biases = (self.n_heads, D_HEAD);
        let lead = match self.scores {
            Scores::Uniform => {
                (block.b_q, block.b_k) = (random.array(biases, 1.0), random.array(biases, 1.0));
                return;
            }
            Scores::Narrow | Scores::Random => {
                let scale = if self.scores == Scores::Narrow { 0.1 } else { 1.0 };
                (block.w_q, block.w_k) = (random.array(heads, 0.7), random.array(heads, scale));
                (block.b_q, block.b_k) = (random.array(biases, 0.5), random.array(biases, scale));
                return;
            }
            Scores::Ties(_) => 1024.0,
            Scores::Wide => round(self.dtype, (self.n_ctx as f64).ln() + random.number(1.0)),
        };
        for h in 0..self.n_heads {
            block.b_q[[h, 0]] = lead;
            block.w_k[[h, LEADER, 0]] = 1.0;
        }
    }
}

fn labels(n_inputs: usize, n_outputs: usize) -> Labels {
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect();
    Labels {
        input_names: names("x", n_inputs),
        output_names: names("y", n_outputs),
        channel_names: names("c", D_MODEL),
        depth: 1,
        ..Labels::default()
    }
}

struct Random {
    rng: ChaCha8Rng,
    dtype: Dtype,
}

impl Random {
    /// From `-scale` to `scale`, a number of the dtype.
    fn number(&mut self, scale: f64) -> f64 {
        round(self.dtype, self.rng.random_range(-scale..scale))
    }

    fn array<D: ndarray::Dimension, S: ndarray::ShapeBuilder<Dim = D>>(
        &mut self,
        shape: S,
        scale: f64,
    ) -> ndarray::Array<f64, D> {
        ndarray::Array::from_shape_simple_fn(shape, || self.number(scale))
    }

    fn tokens(&mut self, n: usize, vocabulary: usize) -> Vec<i64> {
        (0..n).map(|_| self.rng.random_range(0..vocabulary as i64)).collect()
    }

    fn distinct(&mut self, n: usize, below: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..below).collect();
        (0..n).map(|_| all.swap_remove(self.rng.random_range(0..all.len()))).collect()
    }
}
