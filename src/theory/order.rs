//! The forward pass with every product and every partial sum rounded to the dtype, in an order of choice.
//!
//! The engines accumulate f16 and bf16 in f32 or wider. Here each single operation is rounded to the dtype, those of
//! a softmax in an order that is drawn now to that, now to f32 or f64 and the weights once more. In
//! [`randomly_summed`] the terms of every sum, a bias among them, are added in pairs drawn at random: what the
//! theorem on exactness allows at worst. In [`summed_in_order`] they are added as they stand, those of attention
//! in the order of the tokens. In goes a model and an assignment, out come the streams.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip};
use rand::{Rng, RngExt};

use crate::error::{Error, Result};
use crate::model::{Attention, Block, Dtype, Model};

/// The stream `[n_ctx, d_model]` before the first layer and after each of `n_loops` loops' layers.
///
/// # Errors
/// The model is a decoder, or `inputs` is not one bit per input.
pub fn randomly_summed(
    model: &Model,
    inputs: &[bool],
    n_loops: usize,
    rng: &mut impl Rng,
) -> Result<Vec<Array2<f64>>> {
    summed(model, inputs, n_loops, Drawn(rng))
}

/// The streams with every sum taken from its first term to its last.
///
/// # Errors
/// The model is a decoder, or `inputs` is not one bit per input.
pub fn summed_in_order(model: &Model, inputs: &[bool], n_loops: usize) -> Result<Vec<Array2<f64>>> {
    summed(model, inputs, n_loops, InOrder)
}

/// How sums are taken, and in which format a softmax is.
trait Order {
    fn add_up(&mut self, terms: Vec<f64>, dtype: Dtype) -> f64;

    fn softmax_in(&mut self, dtype: Dtype) -> Dtype;
}

/// Pairs of terms drawn at random; a softmax now in the dtype, now in a wider one.
struct Drawn<'r, R>(&'r mut R);

impl<R: Rng> Order for Drawn<'_, R> {
    fn add_up(&mut self, mut terms: Vec<f64>, dtype: Dtype) -> f64 {
        while terms.len() > 1 {
            let [a, b] = [(); 2].map(|()| terms.swap_remove(self.0.random_range(0..terms.len())));
            terms.push(dtype.round(a + b));
        }
        terms.pop().unwrap_or(0.0)
    }

    fn softmax_in(&mut self, dtype: Dtype) -> Dtype {
        wider(dtype, [dtype, Dtype::F32, Dtype::F64][self.0.random_range(0..3)])
    }
}

/// Terms as they stand; a softmax in f32, or f64 where the dtype is that.
struct InOrder;

impl Order for InOrder {
    fn add_up(&mut self, terms: Vec<f64>, dtype: Dtype) -> f64 {
        terms.into_iter().reduce(|sum, term| dtype.round(sum + term)).unwrap_or(0.0)
    }

    fn softmax_in(&mut self, dtype: Dtype) -> Dtype {
        wider(dtype, Dtype::F32)
    }
}

/// The format of higher precision.
fn wider(a: Dtype, b: Dtype) -> Dtype {
    if b.precision() > a.precision() { b } else { a }
}

fn summed(
    model: &Model,
    inputs: &[bool],
    n_loops: usize,
    order: impl Order,
) -> Result<Vec<Array2<f64>>> {
    model.require_parallel()?;
    if inputs.len() != model.input_positions.len() {
        let expected = format!("{} bits, one per input", model.input_positions.len());
        return Err(Error::new(expected, inputs.len().to_string()));
    }
    let mut tokens = vec![Model::BLANK; model.n_ctx()];
    for (&position, &bit) in model.input_positions.iter().zip(inputs) {
        tokens[position] = usize::from(bit);
    }
    let mut rounding = Rounding { dtype: model.dtype, order };
    let embedded = rounding.add(&model.w_e.select(Axis(0), &tokens), &model.w_pos);
    let mut streams = vec![embedded];
    for l in model.schedule_of(n_loops).blocks() {
        let stream = streams.last().expect("the embedding is there");
        let block = &model.blocks[l];
        let attended = rounding.attend(block, stream, model.attention);
        streams.push(rounding.transform(block, &attended));
    }
    Ok(streams)
}

struct Rounding<O> {
    dtype: Dtype,
    order: O,
}

impl<O: Order> Rounding<O> {
    fn add(&self, a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
        Zip::from(a).and(b).map_collect(|a, b| self.dtype.round(a + b))
    }

    fn sum(&mut self, terms: Vec<f64>) -> f64 {
        self.order.add_up(terms, self.dtype)
    }

    fn products<'a>(&self, a: ArrayView1<'a, f64>, b: ArrayView1<'a, f64>) -> Vec<f64> {
        a.iter().zip(b).map(|(a, b)| self.dtype.round(a * b)).collect()
    }

    /// `x w + b`
    fn affine(&mut self, x: &Array2<f64>, w: ArrayView2<f64>, b: ArrayView1<f64>) -> Array2<f64> {
        Array2::from_shape_fn((x.nrows(), w.ncols()), |(i, c)| {
            let mut terms = self.products(x.row(i), w.column(c));
            terms.push(b[c]);
            self.sum(terms)
        })
    }

    /// `x + (Σ_h softmax(q_h k_hᵀ) v_h W_O[h] + b_O)`
    fn attend(&mut self, block: &Block, x: &Array2<f64>, mask: Attention) -> Array2<f64> {
        let heads: Vec<Array2<f64>> =
            (0..block.w_q.dim().0).map(|h| self.read(block, h, x, mask)).collect();
        let written = Array2::from_shape_fn(x.raw_dim(), |(i, c)| {
            let mut terms = vec![block.b_o[c]];
            for (h, read) in heads.iter().enumerate() {
                let w_o = block.w_o.index_axis(Axis(0), h);
                terms.extend(self.products(read.row(i), w_o.column(c)));
            }
            self.sum(terms)
        });
        self.add(x, &written)
    }

    /// `softmax(q kᵀ) v`
    fn read(&mut self, block: &Block, h: usize, x: &Array2<f64>, mask: Attention) -> Array2<f64> {
        let [q, k, v] =
            [(&block.w_q, &block.b_q), (&block.w_k, &block.b_k), (&block.w_v, &block.b_v)]
                .map(|(w, b)| self.affine(x, w.index_axis(Axis(0), h), b.row(h)));
        let mut read = Array2::zeros((x.nrows(), v.ncols()));
        for i in 0..x.nrows() {
            let visible = if mask == Attention::Causal { i + 1 } else { x.nrows() };
            let products: Vec<Vec<f64>> =
                (0..visible).map(|j| self.products(q.row(i), k.row(j))).collect();
            let scores = products.into_iter().map(|terms| self.sum(terms)).collect();
            let weights = self.softmax(scores);
            for c in 0..v.ncols() {
                let terms = weights.iter().zip(v.column(c)).map(|(w, v)| self.dtype.round(w * v));
                read[[i, c]] = self.sum(terms.collect());
            }
        }
        read
    }

    /// In the dtype or in a wider one.
    fn softmax(&mut self, scores: Vec<f64>) -> Vec<f64> {
        let (narrow, dtype) = (self.dtype, self.order.softmax_in(self.dtype));
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let term = |score: &f64| dtype.round(dtype.round(score - max).exp());
        let terms: Vec<f64> = scores.iter().map(term).collect();
        let total = self.order.add_up(terms.clone(), dtype);
        terms.into_iter().map(|term| narrow.round(dtype.round(term / total))).collect()
    }

    /// `x + (relu(x W_in + b_in) W_out + b_out)`
    fn transform(&mut self, block: &Block, x: &Array2<f64>) -> Array2<f64> {
        let hidden = self.affine(x, block.w_in.view(), block.b_in.view()).map(|x| x.max(0.0));
        let written = self.affine(&hidden, block.w_out.view(), block.b_out.view());
        self.add(x, &written)
    }
}
