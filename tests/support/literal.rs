//! The second judge: the literal forward pass, written from the contract of the model file and from nothing
//! else.
//!
//! Embeddings and sublayers are in the model's dtype. A matrix product is accumulated in f32 or wider (f64 for
//! an f64 model) and rounded once; softmax takes its scores in the dtype, then maximum, exp, sum and quotient
//! in f32 (f64), and is rounded once. What that leaves open is an [`Arithmetic`]: a runner's, or one that
//! encloses all runners.
//!
//! Slow and plain: for every token of a decoder the whole sequence goes through the layers again.

use circuit2tf::model::{self, Attention, Block, Dtype, Model};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis};

/// What a pass does with numbers.
pub trait Arithmetic {
    type Number: Copy;

    /// A number of the file.
    fn exact(&self, x: f64) -> Self::Number;

    /// The sum of two numbers of the dtype, in it.
    fn add(&self, a: Self::Number, b: Self::Number) -> Self::Number;

    /// The sum of products, a bias with it, in the dtype.
    fn product(&self, terms: Terms<Self::Number>, bias: Option<Self::Number>) -> Self::Number;

    /// The sum of products over several heads.
    fn heads(&self, heads: Vec<Terms<Self::Number>>, bias: Self::Number) -> Self::Number;

    fn relu(&self, x: Self::Number) -> Self::Number;

    /// The weights of a row of scores.
    fn softmax(&self, scores: &[Self::Number]) -> Vec<Self::Number>;

    fn mask(&self) -> Mask;

    /// Whether `a > b`; none where that depends on the runner.
    fn exceeds(&self, a: Self::Number, b: Self::Number) -> Option<bool>;
}

/// Pairs of factors.
pub type Terms<N> = Vec<(N, N)>;

/// What a causal query sees of the positions behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// They are left out of every sum, as a cache does.
    Absent,
    /// Their scores are `-∞`, their weights 0.
    Infinite,
}

/// A model in an arithmetic. Where a bit, a token or a halt depends on the runner, results are none.
pub struct Pass<'m, A> {
    pub model: &'m Model,
    pub arithmetic: A,
}

impl<A: Arithmetic> Pass<'_, A> {
    /// The output bits, for any scheme; of a decoder `n_loops` are the tokens it emits, or its thoughts.
    pub fn bits(&self, inputs: &[bool], n_loops: usize) -> Vec<Option<bool>> {
        self.outcome(inputs, n_loops).bits
    }

    /// The bits, and the numbers that led to them.
    pub fn outcome(&self, inputs: &[bool], n_loops: usize) -> Outcome<A::Number> {
        let outputs = &self.model.output_positions;
        if !self.model.scheme.is_parallel() {
            let (tokens, hidden) = self.decode(inputs, n_loops);
            let slots = &self.model.scheme_vectors["scheme.output_slots"];
            let bit =
                |(&p, &slot): (&usize, &i64)| tokens.get(p).map(|token| token >> slot & 1 == 1);
            let bits = outputs.iter().zip(slots).map(bit).collect();
            return Outcome { bits, stream: hidden, logits: Vec::new() };
        }
        let Some(stream) = self.stream(inputs, n_loops) else {
            let bits = vec![None; outputs.len()];
            return Outcome { bits, stream: Vec::new(), logits: Vec::new() };
        };
        let logits: Vec<_> = outputs.iter().map(|&p| self.read(&stream[p])).collect();
        let bits = logits.iter().map(|l| self.arithmetic.exceeds(l[1], l[0])).collect();
        Outcome { bits, stream, logits }
    }

    /// The residual stream behind the last block, `[n_ctx][d_model]`, of such a model.
    fn stream(&self, inputs: &[bool], n_loops: usize) -> Option<Vec<Vec<A::Number>>> {
        let mut tokens = vec![Model::BLANK; self.model.n_ctx()];
        let ports = self.model.input_positions.iter().zip(inputs);
        ports.for_each(|(&p, &bit)| tokens[p] = usize::from(bit));
        let mut x: Vec<_> = tokens.iter().enumerate().map(|(p, &t)| self.embed(t, p)).collect();
        let (prelude, rest) = self.model.blocks.split_at(self.model.n_prelude);
        let (core, coda) = rest.split_at(rest.len() - self.model.n_coda);
        prelude.iter().for_each(|block| self.block(block, &mut x));
        for _ in 0..n_loops {
            if self.has_halted(&x)? {
                break;
            }
            core.iter().for_each(|block| self.block(block, &mut x));
        }
        coda.iter().for_each(|block| self.block(block, &mut x));
        Some(x)
    }

    /// A decoder's tokens, prompt and thoughts (as token 0) among them, and the hidden state before each step:
    /// up to where a token depends on the runner.
    fn decode(&self, inputs: &[bool], n_loops: usize) -> (Vec<usize>, Vec<Vec<A::Number>>) {
        let vector = |name: &str| &self.model.scheme_vectors[name];
        let mut tokens: Vec<usize> = vector("scheme.prompt").iter().map(|&t| t as usize).collect();
        let ports = self.model.input_positions.iter().zip(inputs);
        ports.for_each(|(&p, &bit)| tokens[p] = usize::from(bit));
        let (n_thoughts, n_answers) = match self.model.scheme.pass() {
            model::Pass::Thoughts => (n_loops, vector("scheme.answers")[0] as usize),
            model::Pass::Tokens => (0, n_loops),
            model::Pass::Looped | model::Pass::Halting => unreachable!("a decoder was asked for"),
        };
        let mut embedded: Vec<_> =
            tokens.iter().enumerate().map(|(p, &token)| self.embed(token, p)).collect();
        let mut hidden = Vec::new();
        for step in 0..n_thoughts + n_answers {
            let h = self.last_row(&embedded);
            hidden.push(h.clone());
            let position = embedded.len();
            if step < n_thoughts {
                let w_pos = self.exact(self.model.w_pos.row(position));
                embedded.push(self.sum(&h, &w_pos));
                // What holds no token reads as token 0.
                tokens.push(0);
            } else {
                let Some(token) = self.first_largest(&self.read(&h)) else { break };
                embedded.push(self.embed(token, position));
                tokens.push(token);
            }
        }
        (tokens, hidden)
    }

    fn exact(&self, numbers: ArrayView1<f64>) -> Vec<A::Number> {
        numbers.iter().map(|&x| self.arithmetic.exact(x)).collect()
    }

    fn sum(&self, a: &[A::Number], b: &[A::Number]) -> Vec<A::Number> {
        a.iter().zip(b).map(|(&a, &b)| self.arithmetic.add(a, b)).collect()
    }

    fn embed(&self, token: usize, position: usize) -> Vec<A::Number> {
        let token = self.exact(self.model.w_e.row(token));
        self.sum(&token, &self.exact(self.model.w_pos.row(position)))
    }

    /// `x W + b`.
    fn affine(&self, x: &[A::Number], w: ArrayView2<f64>, b: ArrayView1<f64>) -> Vec<A::Number> {
        let terms = |j: usize| x.iter().copied().zip(self.exact(w.column(j))).collect();
        let bias = |j: usize| Some(self.arithmetic.exact(b[j]));
        (0..w.ncols()).map(|j| self.arithmetic.product(terms(j), bias(j))).collect()
    }

    /// Logits.
    fn read(&self, x: &[A::Number]) -> Vec<A::Number> {
        self.affine(x, self.model.w_u.view(), self.model.b_u.view())
    }

    fn last_row(&self, embedded: &[Vec<A::Number>]) -> Vec<A::Number> {
        let mut x = embedded.to_vec();
        self.model.blocks.iter().for_each(|block| self.block(block, &mut x));
        x.pop().expect("a prompt has a token")
    }

    fn block(&self, block: &Block, x: &mut [Vec<A::Number>]) {
        let heads: Vec<_> = (0..block.w_q.dim().0).map(|h| self.head(block, h, x)).collect();
        for (p, x) in x.iter_mut().enumerate() {
            let mixed: Vec<_> = heads.iter().map(|head| head[p].as_slice()).collect();
            *x = self.sum(x, &self.output(block, &mixed));
            let hidden = self.affine(x, block.w_in.view(), block.b_in.view());
            let hidden: Vec<_> = hidden.iter().map(|&h| self.arithmetic.relu(h)).collect();
            *x = self.sum(x, &self.affine(&hidden, block.w_out.view(), block.b_out.view()));
        }
    }

    /// `softmax(q kᵀ) v` of a head, a row for each position.
    fn head(&self, block: &Block, h: usize, x: &[Vec<A::Number>]) -> Vec<Vec<A::Number>> {
        let of = |w: &Array3<f64>, b: &Array2<f64>| -> Vec<_> {
            let (w, b) = (w.index_axis(Axis(0), h), b.row(h));
            x.iter().map(|x| self.affine(x, w, b)).collect()
        };
        let q = of(&block.w_q, &block.b_q);
        let (k, v) = (of(&block.w_k, &block.b_k), of(&block.w_v, &block.b_v));
        let row = |(p, q): (usize, &Vec<A::Number>)| {
            let weights = self.arithmetic.softmax(&self.scores(p, q, &k));
            let terms = |e: usize| weights.iter().zip(&v).map(|(&w, v)| (w, v[e])).collect();
            (0..q.len()).map(|e| self.arithmetic.product(terms(e), None)).collect()
        };
        q.iter().enumerate().map(row).collect()
    }

    fn scores(&self, p: usize, q: &[A::Number], k: &[Vec<A::Number>]) -> Vec<A::Number> {
        let is_causal = self.model.attention == Attention::Causal;
        let visible = if is_causal { p + 1 } else { k.len() };
        let terms = |k: &[A::Number]| q.iter().copied().zip(k.iter().copied()).collect();
        let score = |k: &Vec<A::Number>| self.arithmetic.product(terms(k), None);
        let mut scores: Vec<_> = k[..visible].iter().map(score).collect();
        if self.arithmetic.mask() == Mask::Infinite {
            scores.resize(k.len(), self.arithmetic.exact(f64::NEG_INFINITY));
        }
        scores
    }

    /// What attention adds at a position: `Σ_h z_h W_O[h] + b_O`.
    fn output(&self, block: &Block, mixed: &[&[A::Number]]) -> Vec<A::Number> {
        let terms = |h: usize, c: usize| {
            let w = block.w_o.index_axis(Axis(0), h);
            mixed[h].iter().copied().zip(self.exact(w.column(c))).collect()
        };
        let heads = |c: usize| (0..mixed.len()).map(|h| terms(h, c)).collect();
        let bias = |c: usize| self.arithmetic.exact(block.b_o[c]);
        (0..block.b_o.len()).map(|c| self.arithmetic.heads(heads(c), bias(c))).collect()
    }

    /// Whether a model that halts has: the channel of known bits is up at all outputs.
    fn has_halted(&self, x: &[Vec<A::Number>]) -> Option<bool> {
        if self.model.scheme.pass() != model::Pass::Halting {
            return Some(false);
        }
        let channel = self.model.scheme_vectors["scheme.halting"][0] as usize;
        let half = self.arithmetic.exact(0.5);
        let known: Vec<Option<bool>> = self
            .model
            .output_positions
            .iter()
            .map(|&p| self.arithmetic.exceeds(x[p][channel], half))
            .collect();
        match known.contains(&Some(false)) {
            true => Some(false),
            false if known.contains(&None) => None,
            false => Some(true),
        }
    }

    /// The first token whose logit no later one exceeds, compared in order with `>`.
    fn first_largest(&self, logits: &[A::Number]) -> Option<usize> {
        (1..logits.len()).try_fold(0, |best, t| {
            let is_larger = self.arithmetic.exceeds(logits[t], logits[best])?;
            Some(if is_larger { t } else { best })
        })
    }
}

/// What a pass came to, as far as that is the same for all runners.
pub struct Outcome<N> {
    pub bits: Vec<Option<bool>>,
    /// Behind the last block, `[n_ctx][d_model]`; of a decoder, `[n_steps][d_model]`, the hidden state before
    /// each step.
    pub stream: Vec<Vec<N>>,
    /// `[n_outputs][2]`; of a decoder none.
    pub logits: Vec<Vec<N>>,
}

/// The nearest number of a format, ties to even, in one rounding.
pub fn round(dtype: Dtype, x: f64) -> f64 {
    let (digits, least, max) = match dtype {
        Dtype::F64 => return x,
        Dtype::F32 => return f64::from(x as f32),
        Dtype::F16 => (11, -14, 65_504.0),
        Dtype::Bf16 => (8, -126, f64::from(f32::from_bits(0x7F7F_0000))),
    };
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let exponent = ((x.to_bits() >> 52 & 0x7FF) as i32 - 1023).max(least);
    let unit = f64::from(exponent - digits + 1).exp2();
    let rounded = (x / unit).round_ties_even() * unit;
    if rounded.abs() > max { f64::INFINITY.copysign(x) } else { rounded }
}
