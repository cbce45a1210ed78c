//! The arithmetic of a forward pass, in the model's dtype, which the engines that take it literally share.
//!
//! f32 and f64 are computed as they are. f16 and bf16 are computed in f32 and rounded after every operation,
//! a matrix product and a softmax counting as one each, as the usual runtimes do; f32 has more than twice
//! their precision, so rounding a sum twice equals rounding it once.

use half::{bf16, f16};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array, Array1, Array2, Array3, ArrayView2, Axis, Dimension, LinalgScalar};
use num_traits::{AsPrimitive, Float, NumAssign};

use crate::model::{Attention, Block, Dtype, Model};

/// A number format the forward pass can be computed in.
pub(super) trait Number:
    LinalgScalar + Float + NumAssign + AsPrimitive<f64> + Send + Sync
{
}

impl<T: LinalgScalar + Float + NumAssign + AsPrimitive<f64> + Send + Sync> Number for T {}

/// A model's numbers in the format they are computed in.
#[derive(Debug)]
pub(super) enum AnyWeights {
    Single(Weights<f32>),
    Double(Weights<f64>),
}

/// Evaluates `$body` with `$weights` bound to the weights in the format they are computed in.
macro_rules! in_own_format {
    ($any:expr, $weights:ident => $body:expr) => {
        match $any {
            $crate::run::forward::AnyWeights::Single($weights) => $body,
            $crate::run::forward::AnyWeights::Double($weights) => $body,
        }
    };
}
pub(super) use in_own_format;

impl AnyWeights {
    /// The numbers of a model, in the format its dtype is computed in.
    pub fn new(model: &Model) -> Self {
        // A little beyond the threshold, so that rounding the threshold itself cannot matter.
        let underflow = model.dtype.softmax_threshold() + 0.01;
        let single = |round| {
            let arithmetic = Arithmetic { round, underflow: underflow as f32 };
            AnyWeights::Single(Weights::new(model, arithmetic))
        };
        match model.dtype {
            Dtype::F32 => single(None),
            Dtype::F16 => single(Some(round_to_f16)),
            Dtype::Bf16 => single(Some(round_to_bf16)),
            Dtype::F64 => {
                AnyWeights::Double(Weights::new(model, Arithmetic { round: None, underflow }))
            }
        }
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
pub(super) struct Arithmetic<T> {
    /// Applied to the results of every operation; none where `T` is the dtype.
    round: Option<fn(&mut [T])>,
    /// `exp(-x)` rounds to 0 in `T` from here on.
    underflow: T,
}

impl<T: Number> Arithmetic<T> {
    /// The result of an operation, rounded to the dtype.
    pub fn round<D: Dimension>(self, mut result: Array<T, D>) -> Array<T, D> {
        self.round_in_place(result.as_slice_mut().expect("results are contiguous"));
        result
    }

    pub fn round_in_place(self, numbers: &mut [T]) {
        if let Some(round) = self.round {
            round(numbers);
        }
    }

    /// `x w + b`
    pub fn affine(self, x: ArrayView2<T>, w: &Array2<T>, b: &Array1<T>) -> Array2<T> {
        self.round(self.round(x.dot(w)) + b)
    }
}

impl<T: Number> Arithmetic<T>
where
    f64: AsPrimitive<T>,
{
    /// `exp(x - max) / Σ exp(x - max)` of scores of the dtype, in place: all of it in `T`, rounded to the dtype
    /// once.
    ///
    /// The sum is added up in f64 and then rounded to `T`, so it is the nearest number to the exact one or
    /// next to it, as sums by halves or in many lanes are in practice; one term after the other, in f32, a
    /// thousand equal terms can be off by hundreds of units. Terms that underflow are set to 0 without being
    /// computed, and a row of one term, 1, is left as it is: the same numbers, sooner.
    pub fn softmax(self, row: &mut [T]) {
        let max = maximum(row);
        let (mut sum, mut n_terms) = (0.0, 0);
        for score in row.iter_mut() {
            let difference = *score - max;
            if difference <= -self.underflow {
                *score = T::zero();
            } else {
                *score = difference.exp();
                sum += score.as_();
                n_terms += 1;
            }
        }
        if n_terms == 1 && sum == 1.0 {
            return;
        }
        let sum: T = sum.as_();
        row.iter_mut().for_each(|term| *term /= sum);
        self.round_in_place(row);
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
pub(super) struct Weights<T> {
    pub arithmetic: Arithmetic<T>,
    pub w_e: Array2<T>,
    pub w_pos: Array2<T>,
    pub layers: Vec<Layer<T>>,
    pub w_u: Array2<T>,
    pub b_u: Array1<T>,
}

#[derive(Debug)]
pub(super) struct Layer<T> {
    pub heads: Vec<Head<T>>,
    pub b_o: Array1<T>,
    pub w_in: Array2<T>,
    pub b_in: Array1<T>,
    pub w_out: Array2<T>,
    pub b_out: Array1<T>,
}

#[derive(Debug)]
pub(super) struct Head<T> {
    pub w_q: Array2<T>,
    pub b_q: Array1<T>,
    pub w_k: Array2<T>,
    pub b_k: Array1<T>,
    pub w_v: Array2<T>,
    pub b_v: Array1<T>,
    pub w_o: Array2<T>,
}

impl<T: Number> Weights<T>
where
    f64: AsPrimitive<T>,
{
    pub fn new(model: &Model, arithmetic: Arithmetic<T>) -> Self {
        Weights {
            arithmetic,
            w_e: model.w_e.map(|x| x.as_()),
            w_pos: model.w_pos.map(|x| x.as_()),
            layers: model.blocks.iter().map(Layer::new).collect(),
            w_u: model.w_u.map(|x| x.as_()),
            b_u: model.b_u.map(|x| x.as_()),
        }
    }

    /// The bits at `positions`: 1 iff logit 1 exceeds logit 0.
    pub fn read(&self, x: &Array2<T>, positions: &[usize]) -> Vec<bool> {
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
    pub fn attend(
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
    pub fn transform(&self, x: Array2<T>, arithmetic: Arithmetic<T>) -> Array2<T> {
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
    pub fn read(
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn arithmetic(dtype: Dtype) -> Arithmetic<f32> {
        let round = match dtype {
            Dtype::F16 => Some(round_to_f16 as fn(&mut [f32])),
            Dtype::Bf16 => Some(round_to_bf16 as fn(&mut [f32])),
            _ => None,
        };
        Arithmetic { round, underflow: 104.0 }
    }

    /// Added up in the dtype the denominator would stick at 256 or at 2048.
    #[test]
    fn equal_scores_have_equal_parts_of_one() {
        for (dtype, n) in [(Dtype::Bf16, 512), (Dtype::F16, 4096), (Dtype::F32, 10_000)] {
            let mut row = vec![3.0; n];
            arithmetic(dtype).softmax(&mut row);
            let expected = dtype.round(1.0 / n as f64) as f32;
            assert!(row.iter().all(|&weight| weight == expected), "{dtype}");
        }
    }

    /// Half a unit of the dtype and a few of f32, which is what the exponential and the quotient cost.
    #[test]
    fn weights_are_rounded_once() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            for (n, spread) in [(3, 8.0), (100, 4.0), (5000, 1.0)] {
                let number = |_| dtype.round(rng.random::<f64>() * spread - 2.0) as f32;
                let scores: Vec<f32> = (0..n).map(number).collect();
                let most = scores.iter().copied().fold(f32::MIN, f32::max);
                let term = |score: &f32| (f64::from(*score) - f64::from(most)).exp();
                let sum: f64 = scores.iter().map(term).sum();
                let mut row = scores.clone();
                arithmetic(dtype).softmax(&mut row);
                let half_a_unit = f64::from(-(dtype.precision() as i32)).exp2();
                let most_off = half_a_unit + 3.0 * f64::from(f32::EPSILON);
                for (&found, score) in row.iter().zip(&scores) {
                    let exact = term(score) / sum;
                    let least = if dtype == Dtype::F16 { 2f64.powi(-25) } else { 0.0 };
                    let off = (f64::from(found) - exact).abs();
                    assert!(off <= most_off * exact + least, "{found} for {exact} in {dtype}");
                }
            }
        }
    }

    /// What is 0 in f16 alone still counts in the sum, and is then rounded to 0.
    #[test]
    fn terms_too_small_for_the_dtype_count_together() {
        let mut row = vec![0.0; 11_000];
        row[5] = 17.34375;
        arithmetic(Dtype::F16).softmax(&mut row);
        let expected = |i| if i == 5 { 1.0 - 2f32.powi(-11) } else { 0.0 };
        assert!(row.iter().enumerate().all(|(i, &weight)| weight == expected(i)));
        row.fill(0.0);
        row[5] = 104.0;
        arithmetic(Dtype::F16).softmax(&mut row);
        assert!(row.iter().enumerate().all(|(i, &weight)| weight == f32::from(u8::from(i == 5))));
    }
}
