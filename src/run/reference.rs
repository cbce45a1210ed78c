//! The reference engine: the literal forward pass, in the arithmetic of the model's dtype.
//!
//! Every layer of every loop, dense softmax attention, one assignment at a time, each operation as `forward`
//! has it. It is written to be obviously right, and every other engine is held against it. The schemes recurrent,
//! unrolled and pause, in ten lines:
//!
//! ```text
//! x = W_E[tokens] + W_pos                     # tokens: bits at ports.input_positions, 2 elsewhere
//! blocks = prelude once, core n_loops times, coda once    # all are core in a file of version 1
//! for each block:
//!     for each head h: q, k, v = x W_Q[h] + b_Q[h], x W_K[h] + b_K[h], x W_V[h] + b_V[h]
//!     x += sum of softmax(q kᵀ) v W_O[h] over the heads + b_O      # a causal model masks j > i
//!     x += relu(x W_in + b_in) W_out + b_out
//! logits = x[ports.output_positions] W_U + b_U            # the bit is 1 iff logit 1 > logit 0
//! ```

use std::ops::ControlFlow;

use ndarray::{Array2, Axis};
use num_traits::AsPrimitive;
use rayon::prelude::*;

use super::forward::{AnyWeights, Number, Weights, in_own_format};
use super::{Engine, Step, require_inputs};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::Model;

/// The most bytes that the scores of one head may take.
const MAX_SCORE_BYTES: usize = 1 << 30;

/// The reference engine for one model.
#[derive(Debug)]
pub struct Reference<'m> {
    model: &'m Model,
    weights: AnyWeights,
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
        Ok(Reference { model, weights: AnyWeights::new(model) })
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
        self.trace_until(inputs, n_loops, |step| {
            observe(step);
            ControlFlow::Continue(())
        })
    }

    /// [`Reference::trace`] until `observe` has seen enough: the layers that follow are not computed.
    ///
    /// # Errors
    /// `inputs` is not one bit per input.
    pub fn trace_until(
        &self,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(Step) -> ControlFlow<()>,
    ) -> Result<()> {
        require_inputs(self.model, &Batch::zeros(inputs.len(), 0))?;
        in_own_format!(&self.weights, weights => {
            let everywhere: Vec<usize> = (0..self.model.n_ctx()).collect();
            weights.forward(self.model, inputs, n_loops, |n_steps, stream| {
                let bits = weights.read(stream, &everywhere);
                observe(Step { n_steps, stream: stream.map(|x| x.as_()), bits })
            });
        });
        Ok(())
    }

    fn outputs(&self, inputs: &[bool], n_loops: usize) -> Vec<bool> {
        in_own_format!(&self.weights, weights => {
            let stream = weights.forward(self.model, inputs, n_loops, |_, _| ControlFlow::Continue(()));
            weights.read(&stream, &self.model.output_positions)
        })
    }
}

impl Engine for Reference<'_> {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn model(&self) -> &Model {
        self.model
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        require_inputs(self.model, inputs)?;
        let assignments = (0..inputs.n_assignments()).into_par_iter();
        let columns: Vec<_> =
            assignments.map(|a| self.outputs(&inputs.column(a), n_loops)).collect();
        Batch::from_columns(self.model.output_positions.len(), &columns)
    }

    fn trace(&self, inputs: &[bool], n_loops: usize, see: &mut dyn FnMut(Step)) -> Result<()> {
        Reference::trace(self, inputs, n_loops, see)
    }
}

impl<T: Number> Weights<T>
where
    f64: AsPrimitive<T>,
{
    /// The stream after `n_loops` loops; `observe` sees the number of layers applied and the stream, and may
    /// end the run there.
    fn forward(
        &self,
        model: &Model,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(usize, &Array2<T>) -> ControlFlow<()>,
    ) -> Array2<T> {
        let mut tokens = vec![Model::BLANK; model.n_ctx()];
        for (&position, &bit) in model.input_positions.iter().zip(inputs) {
            tokens[position] = usize::from(bit);
        }
        let mut x = self.arithmetic.round(self.w_e.select(Axis(0), &tokens) + &self.w_pos);
        // One buffer for all scores: they are the largest arrays by far.
        let mut scores = Array2::zeros((model.n_ctx(), model.n_ctx()));
        let mut blocks = model.schedule_of(n_loops).blocks();
        let mut n_steps = 0;
        while observe(n_steps, &x).is_continue()
            && let Some(l) = blocks.next()
        {
            x = self.layers[l].attend(x, &mut scores, self.arithmetic, model.attention);
            x = self.layers[l].transform(x, self.arithmetic);
            n_steps += 1;
        }
        x
    }
}
