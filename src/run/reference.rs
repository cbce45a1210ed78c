//! The reference engine: the literal forward pass, in the arithmetic of the model's dtype.
//!
//! Every layer of every loop, dense softmax attention, one assignment at a time, each operation rounded
//! to the dtype. It is written to be obviously right, and every other engine is held against it.

use half::{bf16, f16};
use ndarray::{Array1, Array2, Array3, ArrayViewMut1, Axis, LinalgScalar, s};
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
    F32(Weights<f32>),
    F64(Weights<f64>),
    F16(Weights<f16>),
    Bf16(Weights<bf16>),
}

/// Evaluates `$body` with `$weights` bound to the weights in their own format.
macro_rules! in_own_format {
    ($any:expr, $weights:ident => $body:expr) => {
        match $any {
            AnyWeights::F32($weights) => $body,
            AnyWeights::F64($weights) => $body,
            AnyWeights::F16($weights) => $body,
            AnyWeights::Bf16($weights) => $body,
        }
    };
}

impl<'m> Reference<'m> {
    /// Prepares a model.
    ///
    /// # Errors
    /// The scores of one head, `n_ctx²` numbers, exceed 1 GiB.
    pub fn new(model: &'m Model) -> Result<Self> {
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
        let weights = match model.dtype {
            Dtype::F32 => AnyWeights::F32(Weights::new(model)),
            Dtype::F64 => AnyWeights::F64(Weights::new(model)),
            Dtype::F16 => AnyWeights::F16(Weights::new(model)),
            Dtype::Bf16 => AnyWeights::Bf16(Weights::new(model)),
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

/// The model's numbers in format `T`.
#[derive(Debug)]
struct Weights<T> {
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
    fn new(model: &Model) -> Self {
        Weights {
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
        let mut x = self.w_e.select(Axis(0), &tokens) + &self.w_pos;
        let mut n_steps = 0;
        observe(n_steps, &x);
        for _ in 0..n_loops {
            for layer in &self.layers {
                layer.attend(&mut x, model.attention);
                layer.transform(&mut x);
                n_steps += 1;
                observe(n_steps, &x);
            }
        }
        x
    }

    /// The bits at `positions`: 1 iff logit 1 exceeds logit 0.
    fn read(&self, x: &Array2<T>, positions: &[usize]) -> Vec<bool> {
        let logits = x.select(Axis(0), positions).dot(&self.w_u) + &self.b_u;
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

    /// `x += Σ_h softmax(q_h k_hᵀ) v_h W_O[h] + b_O`
    fn attend(&self, x: &mut Array2<T>, attention: Attention) {
        let mut sum = Array2::zeros(x.raw_dim());
        for head in &self.heads {
            sum += &head.read(x, attention);
        }
        *x += &(sum + &self.b_o);
    }

    /// `x += relu(x W_in + b_in) W_out + b_out`
    fn transform(&self, x: &mut Array2<T>) {
        let mut hidden = x.dot(&self.w_in) + &self.b_in;
        hidden.mapv_inplace(relu);
        *x += &(hidden.dot(&self.w_out) + &self.b_out);
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

    fn read(&self, x: &Array2<T>, attention: Attention) -> Array2<T> {
        let q = x.dot(&self.w_q) + &self.b_q;
        let k = x.dot(&self.w_k) + &self.b_k;
        let v = x.dot(&self.w_v) + &self.b_v;
        let mut pattern = q.dot(&k.t());
        for (i, mut row) in pattern.outer_iter_mut().enumerate() {
            let visible = match attention {
                Attention::Bidirectional => row.len(),
                Attention::Causal => i + 1,
            };
            row.slice_mut(s![visible..]).fill(T::zero());
            softmax(row.slice_mut(s![..visible]));
        }
        pattern.dot(&v).dot(&self.w_o)
    }
}

/// The positive part; not-a-number stays so.
fn relu<T: Float>(x: T) -> T {
    if x < T::zero() { T::zero() } else { x }
}

/// `exp(x - max) / Σ exp(x - max)`.
fn softmax<T: Number>(mut row: ArrayViewMut1<T>) {
    let max = row.iter().copied().fold(T::neg_infinity(), maximum);
    row.mapv_inplace(|score| (score - max).exp());
    let sum = row.iter().copied().fold(T::zero(), |sum, term| sum + term);
    row.mapv_inplace(|term| term / sum);
}

/// The larger of two numbers; not-a-number wins, as it does in array libraries.
fn maximum<T: Float>(a: T, b: T) -> T {
    if a > b || a.is_nan() { a } else { b }
}
