//! The layer's operations out of candle's basic ones: what runs on every device that candle has.
//!
//! Numbers are stored in the model's dtype. The softmax is computed in f32 at least, because candle sums
//! f16 and bf16 in their own precision: a uniform row of 1024 bf16 numbers would sum to 4.

use candle_core::{D, DType, Device, Result, Tensor};

use super::{After, Heads};
use crate::model::Attention;

/// Bytes of scores that may exist at once: see [`n_queries`].
pub const SCORE_BYTES: usize = 256 << 20;

/// Copies of a score that live together: as the product gives it, in f32, minus the maximum, its exponential.
const COPIES: usize = 4;

/// The rows of scores, each of `n_keys` numbers in every head, that fit in [`SCORE_BYTES`] at once; one at
/// least.
pub fn n_queries(n_heads: usize, n_keys: usize, dtype: DType) -> usize {
    let size = dtype.size_in_bytes().max(DType::F32.size_in_bytes());
    SCORE_BYTES / (COPIES * size).saturating_mul(n_heads).saturating_mul(n_keys).max(1)
}

/// `x w + b`, and then what `after` says.
pub fn affine(x: &Tensor, w: &Tensor, b: &Tensor, after: After) -> Result<Tensor> {
    let y = product(x, w)?.broadcast_add(b)?;
    match after {
        After::Nothing => Ok(y),
        // Not candle's own, which turns not-a-number into 0.
        After::Relu => y.lt(0.0)?.where_cond(&y.zeros_like()?, &y),
        After::Add(x) => x + y,
    }
}

/// `softmax(q kᵀ) v` of every head, side by side: `[batch, n_ctx, 3 n_heads d_head]` to
/// `[batch, n_ctx, n_heads d_head]`, by as many queries at a time as `budget` rows of scores allow.
pub fn attend(qkv: &Tensor, heads: Heads, budget: usize) -> Result<Tensor> {
    let (batch, n, _) = qkv.dims3()?;
    if heads.number == 0 || batch * n == 0 {
        return Tensor::zeros((batch, n, heads.number * heads.size), qkv.dtype(), qkv.device());
    }
    // [3, batch, head, position, d_head]
    let qkv = qkv.reshape((batch, n, 3, heads.number, heads.size))?.permute((2, 0, 3, 1, 4))?;
    let part = |i| qkv.get(i)?.contiguous();
    let (q, k, v) = (part(0)?, part(1)?, part(2)?);
    let k = k.t()?.contiguous()?;
    let step = (budget / batch.max(1)).max(1);
    let mut read = Vec::new();
    for start in (0..n).step_by(step) {
        let queries = q.narrow(2, start, step.min(n - start))?.contiguous()?;
        let rows = softmax(&product(&queries, &k)?, start, heads.mask)?;
        read.push(product(&rows, &v)?);
    }
    let read = Tensor::cat(&read, 2)?;
    read.transpose(1, 2)?.contiguous()?.reshape((batch, n, heads.number * heads.size))
}

/// A product accumulated in f32, as devices do it. Of f16 the processor's own accumulates in f16 where there are
/// instructions for that, and a mean over 600 positions is then off by eight units in the last place.
fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.dtype() != DType::F16 || !a.device().is_cpu() {
        return a.broadcast_matmul(b);
    }
    let wide = |x: &Tensor| x.to_dtype(DType::F32);
    wide(a)?.broadcast_matmul(&wide(b)?)?.to_dtype(DType::F16)
}

/// Rows `start ..` of the softmax of the scores.
fn softmax(scores: &Tensor, start: usize, mask: Attention) -> Result<Tensor> {
    let dtype = scores.dtype();
    let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let mut scores = scores.to_dtype(wide)?;
    if mask == Attention::Causal {
        let (_, _, n_rows, n_keys) = scores.dims4()?;
        let hidden = hidden(start..start + n_rows, n_keys, scores.device())?;
        let low = Tensor::full(f64::NEG_INFINITY, (), scores.device())?.to_dtype(wide)?;
        let low = low.broadcast_as(scores.shape())?;
        scores = hidden.broadcast_as(scores.shape())?.where_cond(&low, &scores)?;
    }
    let terms = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    drop(scores);
    let sums = terms.sum_keepdim(D::Minus1)?;
    terms.broadcast_div(&sums)?.to_dtype(dtype)
}

/// 1 where the key comes after the query.
fn hidden(queries: std::ops::Range<usize>, n_keys: usize, device: &Device) -> Result<Tensor> {
    let shape = (queries.len(), n_keys);
    let entries = queries.flat_map(|i| (0..n_keys).map(move |j| u8::from(j > i)));
    Tensor::from_vec(entries.collect(), shape, device)
}
