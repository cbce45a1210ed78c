//! Shape: how large a decoder is and what decoding takes, counted without building it.

use crate::compile::MAX_MODEL_BYTES;
use crate::error::{Error, Result};
use crate::model::Dtype;

/// The sizes of a decoder and of its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Layers that are stored.
    pub n_layers: usize,
    /// Heads of a layer.
    pub n_heads: usize,
    /// The width of the residual stream.
    pub d_model: usize,
    /// The width of a head.
    pub d_head: usize,
    /// ReLU units of a layer.
    pub d_mlp: usize,
    /// The length of the sequence.
    pub n_ctx: usize,
    /// Tokens that can be read.
    pub d_vocab: usize,
    /// Tokens that can be written.
    pub d_vocab_out: usize,
    /// Tokens of the prompt.
    pub n_prompt: usize,
    /// Hidden states that are fed back.
    pub n_thoughts: usize,
    /// Tokens that are emitted.
    pub n_tokens: usize,
}

impl Shape {
    /// Parameters of one block.
    pub fn block(&self) -> u128 {
        let [h, d, e, m] = [self.n_heads, self.d_model, self.d_head, self.d_mlp].map(|x| x as u128);
        h * (4 * d * e + 3 * e) + d + 2 * d * m + m + d
    }

    /// Parameters of all blocks.
    pub fn blocks(&self) -> u128 {
        self.n_layers as u128 * self.block()
    }

    /// Parameters of token and position embedding.
    pub fn embedding(&self) -> u128 {
        (self.d_vocab as u128 + self.n_ctx as u128) * self.d_model as u128
    }

    /// Parameters of the unembedding.
    pub fn unembedding(&self) -> u128 {
        self.d_vocab_out as u128 * (self.d_model as u128 + 1)
    }

    /// All parameters.
    pub fn parameters(&self) -> u128 {
        self.embedding() + self.blocks() + self.unembedding()
    }

    /// Positions that go through the layers: the last token is emitted and not read.
    pub fn n_read(&self) -> usize {
        match self.n_tokens {
            0 => self.n_prompt + self.n_thoughts,
            n => self.n_prompt + self.n_thoughts + n - 1,
        }
    }

    /// Passes through the layers that follow one another: the prompt, at once, and each thought and token
    /// that is read. None if nothing is emitted.
    pub fn n_passes(&self) -> usize {
        if self.n_tokens == 0 { 0 } else { self.n_thoughts + self.n_tokens }
    }

    /// Multiplications and additions of one decoding, each position computed once: the products with the
    /// weights, the scores and the weighted sums of the positions seen, and the logits.
    pub fn multiply_adds(&self) -> u128 {
        let [h, d, e, m] = [self.n_heads, self.d_model, self.d_head, self.d_mlp].map(|x| x as u128);
        let (n, layers) = (self.n_read() as u128, self.n_layers as u128);
        let weights = h * 4 * d * e + 2 * d * m;
        let seen = n * (n + 1) / 2;
        let logits = self.n_tokens as u128 * d * self.d_vocab_out as u128;
        layers * (n * weights + seen * 2 * h * e) + logits
    }

    /// Bytes of the keys and values at the end of one decoding.
    pub fn cache_bytes(&self, dtype: Dtype) -> u128 {
        let per_position = 2 * self.n_layers as u128 * self.n_heads as u128 * self.d_head as u128;
        per_position * self.n_read() as u128 * dtype.size() as u128
    }

    /// An error unless the model is small enough to be built.
    ///
    /// # Errors
    /// It is not.
    pub fn require_size(&self) -> Result<()> {
        let bytes = self.parameters() * size_of::<f64>() as u128;
        if bytes <= MAX_MODEL_BYTES as u128 {
            return Ok(());
        }
        let expected = format!("a model of at most {} GiB of weights", MAX_MODEL_BYTES >> 30);
        Err(Error::new(expected, format!("{} GiB", bytes >> 30)))
    }
}
