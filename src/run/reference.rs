//! The reference engine: the literal forward pass, in the arithmetic of the model's dtype.
//!
//! Every layer of every loop, dense softmax attention, one assignment at a time. f32 and f64 are computed
//! as they are. f16 and bf16 are computed in f32 and rounded after every operation, a matrix product
//! counting as one, as the usual runtimes do; f32 has more than twice their precision, so rounding twice
//! equals rounding once. It is written to be obviously right, and every other engine is held against it.

use half::{bf16, f16};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array, Array1, Array2, Array3, ArrayView2, Axis, Dimension, LinalgScalar};
use num_traits::{AsPrimitive, Float, NumAssign};
use rayon::prelude::*;

use super::{Engine, require_inputs};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::{Attention, Block, Dtype, Model};

/// A number format the forward pass can be computed in.
trait Number: LinalgScalar + Float + NumAssign + AsPrimitive<f64> + Send + Sync {}

impl<T: LinalgScalar + Float + NumAssign + AsPrimitive<f64> + Send + Sync> Number for T {}

/// The most bytes that the scores of one head may take.
const MAX_SCORE_BYTES: usize = 1 << 30;

/// The reference engine for one model.
#[derive(Debug)]
pub struct Reference<'m> {
    model: &'m Model,
    weights: AnyWeights,
}

/// A state of the residual stream as the engine passes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Layers applied so far; 0 is the embedding.
    pub n_steps: usize,
    /// `[n_ctx, d_model]`
    pub stream: Array2<f64>,
    /// The bit the read-out finds at each position.
    pub bits: Vec<bool>,
}

#[derive(Debug)]
enum AnyWeights {
    Single(Weights<f32>),
    Double(Weights<f64>),
}

/// Evaluates `$body` with `$weights` bound to the weights in the format they are computed in.
macro_rules! in_own_format {
    ($any:expr, $weights:ident => $body:expr) => {
        match $any {
            AnyWeights::Single($weights) => $body,
            AnyWeights::Double($weights) => $body,
        }
    };
}

impl<'m> Reference<'m> {
    /// Prepares a model.
    ///
    /// # Errors
    /// The scheme is a decoder's, or the scores of one head, `n_ctx²` numbers, exceed 1 GiB.
    pub fn new(model: &'m Model) -> Result<Self> {
        model.require_parallel()?;
        let n = model.n_ctx();
        let bytes = n.saturating_mul(n).saturating_mul(model.dtype.size());
        if bytes > MAX_SCORE_BYTES {
            let most = (MAX_SCORE_BYTES / model.dtype.size()).isqrt();
            return Err(Error::new(
                format!("at most {most} positions for the reference engine in {}", model.dtype),
                format!("{n}"),
            )
            .hint("it holds n_ctx² scores a head; `verify --method certificate` needs no run"));
        }
        // A little beyond the threshold, so that rounding the threshold itself cannot matter.
        let underflow = model.dtype.underflow_threshold() + 0.01;
        let single = |round| {
            let arithmetic = Arithmetic { round, underflow: underflow as f32 };
            AnyWeights::Single(Weights::new(model, arithmetic))
        };
        let weights = match model.dtype {
            Dtype::F32 => single(None),
            Dtype::F16 => single(Some(round_to_f16)),
            Dtype::Bf16 => single(Some(round_to_bf16)),
            Dtype::F64 => {
                AnyWeights::Double(Weights::new(model, Arithmetic { round: None, underflow }))
            }
        };
        Ok(Reference { model, weights })
    }

    /// Runs one assignment and shows `observe` the stream before the first layer and after each.
    ///
    /// # Errors
    /// `inputs` is not one bit per input.
    pub fn trace(
        &self,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(Step),
    ) -> Result<()> {
        require_inputs(self.model, &Batch::zeros(inputs.len(), 0))?;
        in_own_format!(&self.weights, weights => {
            let everywhere: Vec<usize> = (0..self.model.n_ctx()).collect();
            weights.forward(self.model, inputs, n_loops, |n_steps, stream| {
                let bits = weights.read(stream, &everywhere);
                observe(Step { n_steps, stream: stream.map(|x| x.as_()), bits });
            });
        });
        Ok(())
    }

    fn outputs(&self, inputs: &[bool], n_loops: usize) -> Vec<bool> {
        in_own_format!(&self.weights, weights => {
            let stream = weights.forward(self.model, inputs, n_loops, |_, _| ());
            weights.read(&stream, &self.model.output_positions)
        })
    }
}

impl Engine for Reference<'_> {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        require_inputs(self.model, inputs)?;
        let assignments = (0..inputs.n_assignments()).into_par_iter();
        let columns: Vec<_> =
            assignments.map(|a| self.outputs(&inputs.column(a), n_loops)).collect();
        Batch::from_columns(self.model.output_positions.len(), &columns)
    }
}

fn round_to_f16(numbers: &mut [f32]) {
    numbers.iter_mut().for_each(|x| *x = f16::from_f32(*x).to_f32());
}

fn round_to_bf16(numbers: &mut [f32]) {
    numbers.iter_mut().for_each(|x| *x = bf16::from_f32(*x).to_f32());
}

/// How numbers of the model's dtype are computed in format `T`.
#[derive(Debug, Clone, Copy)]
struct Arithmetic<T> {
    /// Applied to the results of every operation; none where `T` is the dtype.
    round: Option<fn(&mut [T])>,
    /// `exp(-x)` rounds to 0 in the dtype from here on.
    underflow: T,
}

impl<T: Number> Arithmetic<T> {
    /// The result of an operation, rounded to the dtype.
    fn round<D: Dimension>(self, mut result: Array<T, D>) -> Array<T, D> {
        self.round_in_place(result.as_slice_mut().expect("results are contiguous"));
        result
    }

    fn round_in_place(self, numbers: &mut [T]) {
        if let Some(round) = self.round {
            round(numbers);
        }
    }

    fn rounded(self, mut number: T) -> T {
        self.round_in_place(std::slice::from_mut(&mut number));
        number
    }

    /// `x w + b`
    fn affine(self, x: ArrayView2<T>, w: &Array2<T>, b: &Array1<T>) -> Array2<T> {
        self.round(self.round(x.dot(w)) + b)
    }

    /// `exp(x - max) / Σ exp(x - max)`, in place.
    ///
    /// Terms that underflow are set to 0 without being computed and are left out of the sum, and a sum of
    /// 1 divides nothing: the same numbers, sooner.
    fn softmax(self, row: &mut [T]) {
        let max = maximum(row);
        row.iter_mut().for_each(|score| *score -= max);
        self.round_in_place(row);
        let mut sum = T::zero();
        for term in row.iter_mut() {
            if *term <= -self.underflow {
                *term = T::zero();
            } else {
                *term = self.rounded(term.exp());
                sum = self.rounded(sum + *term);
            }
        }
        if sum != T::one() {
            row.iter_mut().for_each(|term| *term /= sum);
            self.round_in_place(row);
        }
    }
}

/// The largest number of a row; not-a-number wins, as it does in array libraries.
fn maximum<T: Float>(row: &[T]) -> T {
    // Independent lanes, so that the comparisons need not wait for each other.
    let larger = |a: T, b: T| if a > b || a.is_nan() { a } else { b };
    let mut lanes = [T::neg_infinity(); 16];
    let (chunks, rest) = row.as_chunks::<16>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    lanes.iter().chain(rest).copied().fold(T::neg_infinity(), larger)
}

/// The model's numbers, in the format they are computed in.
#[derive(Debug)]
struct Weights<T> {
    arithmetic: Arithmetic<T>,
    w_e: Array2<T>,
    w_pos: Array2<T>,
    layers: Vec<Layer<T>>,
    w_u: Array2<T>,
    b_u: Array1<T>,
}

#[derive(Debug)]
struct Layer<T> {
    heads: Vec<Head<T>>,
    b_o: Array1<T>,
    w_in: Array2<T>,
    b_in: Array1<T>,
    w_out: Array2<T>,
    b_out: Array1<T>,
}

#[derive(Debug)]
struct Head<T> {
    w_q: Array2<T>,
    b_q: Array1<T>,
    w_k: Array2<T>,
    b_k: Array1<T>,
    w_v: Array2<T>,
    b_v: Array1<T>,
    w_o: Array2<T>,
}

impl<T: Number> Weights<T>
where
    f64: AsPrimitive<T>,
{
    fn new(model: &Model, arithmetic: Arithmetic<T>) -> Self {
        Weights {
            arithmetic,
            w_e: model.w_e.map(|x| x.as_()),
            w_pos: model.w_pos.map(|x| x.as_()),
            layers: model.blocks.iter().map(Layer::new).collect(),
            w_u: model.w_u.map(|x| x.as_()),
            b_u: model.b_u.map(|x| x.as_()),
        }
    }

    /// The stream after `n_loops` loops; `observe` sees the number of layers applied and the stream.
    fn forward(
        &self,
        model: &Model,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(usize, &Array2<T>),
    ) -> Array2<T> {
        let mut tokens = vec![Model::BLANK; model.n_ctx()];
        for (&position, &bit) in model.input_positions.iter().zip(inputs) {
            tokens[position] = usize::from(bit);
        }
        let mut x = self.arithmetic.round(self.w_e.select(Axis(0), &tokens) + &self.w_pos);
        // One buffer for all scores: they are the largest arrays by far.
        let mut scores = Array2::zeros((model.n_ctx(), model.n_ctx()));
        let mut n_steps = 0;
        observe(n_steps, &x);
        for layer in model.schedule_of(n_loops).blocks().map(|l| &self.layers[l]) {
            x = layer.attend(x, &mut scores, self.arithmetic, model.attention);
            x = layer.transform(x, self.arithmetic);
            n_steps += 1;
            observe(n_steps, &x);
        }
        x
    }

    /// The bits at `positions`: 1 iff logit 1 exceeds logit 0.
    fn read(&self, x: &Array2<T>, positions: &[usize]) -> Vec<bool> {
        let x = x.select(Axis(0), positions);
        let logits = self.arithmetic.affine(x.view(), &self.w_u, &self.b_u);
        logits.outer_iter().map(|logit| logit[1] > logit[0]).collect()
    }
}

impl<T: Number> Layer<T>
where
    f64: AsPrimitive<T>,
{
    fn new(block: &Block) -> Self {
        let heads = 0..block.w_q.dim().0;
        Layer {
            heads: heads.map(|h| Head::new(block, h)).collect(),
            b_o: block.b_o.map(|x| x.as_()),
            w_in: block.w_in.map(|x| x.as_()),
            b_in: block.b_in.map(|x| x.as_()),
            w_out: block.w_out.map(|x| x.as_()),
            b_out: block.b_out.map(|x| x.as_()),
        }
    }

    /// `x + (Σ_h softmax(q_h k_hᵀ) v_h W_O[h] + b_O)`
    fn attend(
        &self,
        x: Array2<T>,
        scores: &mut Array2<T>,
        arithmetic: Arithmetic<T>,
        mask: Attention,
    ) -> Array2<T> {
        let mut sum = Array2::zeros(x.raw_dim());
        for head in &self.heads {
            sum = arithmetic.round(sum + head.read(&x, scores, arithmetic, mask));
        }
        let sum = arithmetic.round(sum + &self.b_o);
        arithmetic.round(x + sum)
    }

    /// `x + (relu(x W_in + b_in) W_out + b_out)`
    fn transform(&self, x: Array2<T>, arithmetic: Arithmetic<T>) -> Array2<T> {
        let hidden = arithmetic.affine(x.view(), &self.w_in, &self.b_in).mapv_into(relu);
        let written = arithmetic.affine(hidden.view(), &self.w_out, &self.b_out);
        arithmetic.round(x + written)
    }
}

impl<T: Number> Head<T>
where
    f64: AsPrimitive<T>,
{
    fn new(block: &Block, h: usize) -> Self {
        let matrix = |w: &Array3<f64>| w.index_axis(Axis(0), h).map(|x| x.as_());
        let bias = |b: &Array2<f64>| b.row(h).map(|x| x.as_());
        Head {
            w_q: matrix(&block.w_q),
            b_q: bias(&block.b_q),
            w_k: matrix(&block.w_k),
            b_k: bias(&block.b_k),
            w_v: matrix(&block.w_v),
            b_v: bias(&block.b_v),
            w_o: matrix(&block.w_o),
        }
    }

    /// `softmax(q kᵀ) v W_O`
    fn read(
        &self,
        x: &Array2<T>,
        scores: &mut Array2<T>,
        arithmetic: Arithmetic<T>,
        mask: Attention,
    ) -> Array2<T> {
        let q = arithmetic.affine(x.view(), &self.w_q, &self.b_q);
        let k = arithmetic.affine(x.view(), &self.w_k, &self.b_k);
        let v = arithmetic.affine(x.view(), &self.w_v, &self.b_v);
        general_mat_mul(T::one(), &q, &k.t(), T::zero(), scores);
        arithmetic.round_in_place(scores.as_slice_mut().expect("the buffer is contiguous"));
        for (i, mut row) in scores.outer_iter_mut().enumerate() {
            let row = row.as_slice_mut().expect("rows of the buffer are contiguous");
            let visible = match mask {
                Attention::Bidirectional => row.len(),
                Attention::Causal => i + 1,
            };
            row[visible..].fill(T::zero());
            arithmetic.softmax(&mut row[..visible]);
        }
        arithmetic.round(arithmetic.round(scores.dot(&v)).dot(&self.w_o))
    }
}

/// The positive part; not-a-number stays so.
fn relu<T: Float>(x: T) -> T {
    if x < T::zero() { T::zero() } else { x }
}
