//! The positions seen so far: their keys and values in a cache, one store per sequence, or, to hold the cache
//! against, their embeddings, from which all is computed again.
//!
//! Several sequences of one length advance together: their new rows stand one sequence after the other in
//! one matrix, so that a product with the weights is made once for all. Each row of a product depends on
//! that row alone, so a sequence's numbers do not depend on its company.

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use num_traits::AsPrimitive;

use crate::run::forward::{Arithmetic, Head, Layer, Number, Weights};

/// How the positions before are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Cached,
    Recomputed,
}

/// What is kept of the positions seen.
#[derive(Debug)]
pub struct Prefix<T> {
    /// Per layer, head and sequence.
    layers: Vec<Vec<Vec<KeyValues<T>>>>,
    n_sequences: usize,
    /// The embeddings `[n, d_model]` of the one sequence, if everything is computed again.
    embeddings: Option<Array2<T>>,
}

/// `[n, d_head]` each, row after row.
#[derive(Debug, Clone)]
struct KeyValues<T> {
    keys: Vec<T>,
    values: Vec<T>,
}

impl<T: Number> Prefix<T>
where
    f64: AsPrimitive<T>,
{
    /// No position yet, of `n_sequences` sequences; one, if everything is computed again.
    pub fn new(weights: &Weights<T>, n_sequences: usize, memory: Memory) -> Self {
        let embeddings = match memory {
            Memory::Cached => None,
            Memory::Recomputed => Some(Array2::zeros((0, weights.w_pos.ncols()))),
        };
        Prefix { layers: empty(weights, n_sequences), n_sequences, embeddings }
    }

    /// Passes the embeddings `x` of the next positions, `[n_sequences · rows, d_model]`, through the layers,
    /// and returns their hidden states.
    pub fn extend(&mut self, weights: &Weights<T>, x: Array2<T>) -> Array2<T> {
        let n_new = x.nrows();
        let Some(before) = &self.embeddings else { return self.pass(weights, x) };
        let all = concatenate![Axis(0), before.view(), x.view()];
        self.embeddings = Some(all.clone());
        self.layers = empty(weights, self.n_sequences);
        let n_before = all.nrows() - n_new;
        self.pass(weights, all).slice_move(s![n_before.., ..])
    }

    /// What came before is read from the cache and not computed again.
    fn pass(&mut self, weights: &Weights<T>, mut x: Array2<T>) -> Array2<T> {
        let rows = x.nrows() / self.n_sequences.max(1);
        for (layer, stored) in weights.layers.iter().zip(&mut self.layers) {
            x = attend(layer, x, stored, rows, weights.arithmetic);
            x = layer.transform(x, weights.arithmetic);
        }
        x
    }
}

/// Empty stores for every layer, head and sequence.
fn empty<T: Number>(weights: &Weights<T>, n_sequences: usize) -> Vec<Vec<Vec<KeyValues<T>>>> {
    let nothing = KeyValues { keys: Vec::new(), values: Vec::new() };
    let layer = |layer: &Layer<T>| vec![vec![nothing.clone(); n_sequences]; layer.heads.len()];
    weights.layers.iter().map(layer).collect()
}

/// `x + (Σ_h softmax(q_h k_hᵀ) v_h W_O[h] + b_O)` for the new rows.
fn attend<T: Number>(
    layer: &Layer<T>,
    x: Array2<T>,
    stored: &mut [Vec<KeyValues<T>>],
    rows: usize,
    arithmetic: Arithmetic<T>,
) -> Array2<T>
where
    f64: AsPrimitive<T>,
{
    let mut sum = Array2::zeros(x.raw_dim());
    for (head, stored) in layer.heads.iter().zip(stored) {
        sum = arithmetic.round(sum + read(head, &x, stored, rows, arithmetic));
    }
    let sum = arithmetic.round(sum + &layer.b_o);
    arithmetic.round(x + sum)
}

/// `softmax(q kᵀ) v W_O` for the new rows, whose keys and values are stored.
fn read<T: Number>(
    head: &Head<T>,
    x: &Array2<T>,
    stored: &mut [KeyValues<T>],
    rows: usize,
    arithmetic: Arithmetic<T>,
) -> Array2<T>
where
    f64: AsPrimitive<T>,
{
    let q = arithmetic.affine(x.view(), &head.w_q, &head.b_q);
    let k = arithmetic.affine(x.view(), &head.w_k, &head.b_k);
    let v = arithmetic.affine(x.view(), &head.w_v, &head.b_v);
    let mut mixed = Array2::zeros(v.raw_dim());
    for (sequence, stored) in stored.iter_mut().enumerate() {
        let new = s![sequence * rows..(sequence + 1) * rows, ..];
        stored.keys.extend(k.slice(new).iter());
        stored.values.extend(v.slice(new).iter());
        let (keys, values) = (matrix(&stored.keys, k.ncols()), matrix(&stored.values, v.ncols()));
        let mut scores = arithmetic.round(dot(q.slice(new), keys.t()));
        let n_before = keys.nrows() - rows;
        for (row, mut scores) in scores.axis_iter_mut(Axis(0)).enumerate() {
            let scores = scores.as_slice_mut().expect("rows of a new matrix are contiguous");
            // The causal mask.
            let (seen, hidden) = scores.split_at_mut(n_before + row + 1);
            arithmetic.softmax(seen);
            hidden.fill(T::zero());
        }
        mixed.slice_mut(new).assign(&scores.dot(&values));
    }
    arithmetic.round(arithmetic.round(mixed).dot(&head.w_o))
}

/// The product in row-major order, which slices of rows need.
fn dot<T: Number>(a: ArrayView2<T>, b: ArrayView2<T>) -> Array2<T> {
    let mut product = Array2::zeros((a.nrows(), b.ncols()));
    ndarray::linalg::general_mat_mul(T::one(), &a, &b, T::zero(), &mut product);
    product
}

fn matrix<T>(numbers: &[T], width: usize) -> ArrayView2<'_, T> {
    let shape = (numbers.len() / width.max(1), width);
    ArrayView2::from_shape(shape, numbers).expect("whole rows are stored")
}
