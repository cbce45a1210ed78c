//! The dense engine: the literal forward pass for many assignments at once, on any device that candle has.
//!
//! Every score, every term of every softmax, every product is computed, whatever the weights: nothing is
//! taken from what a compiled model is known to be. On the processor the operations are `fused`, on other
//! devices they are candle's `basic` ones, and [`Dense::with_basic_operations`] runs these on the processor
//! too. Sums are accumulated in f32 at least, in an order that the device chooses.
//!
//! Invariant: for a model whose sums do not round (the certificate's conditions, the resident engine's
//! premises) the stream after every layer is, number by number, the reference engine's. For others it may
//! differ by rounding. Reasons and tests in `proofs/p06_order_of_summation.rs`.
//!
//! Memory: assignments are run in groups of a size that follows from the model; on the processor a group's
//! arrays fit in the cache if one assignment's do, and grow with `n_ctx`; elsewhere the scores of a group
//! take at most 256 MiB, and are computed for some queries at a time where one assignment has more.

use std::ops::Range;
use std::sync::Mutex;

use candle_core::{DType, Tensor};
use ndarray::Array2;
use rayon::prelude::*;

use self::weights::{Layer, Weights};
use super::{Device, DeviceName, Engine, Step, require_inputs};
use crate::batch::Batch;
use crate::error::Result;
use crate::model::{Attention, Dtype, Model};

mod basic;
mod fused;
mod rounding;
mod softmax;
mod weights;

/// The dense engine for one model on one device.
#[derive(Debug)]
pub struct Dense<'m> {
    model: &'m Model,
    device: Device,
    operations: Operations,
    weights: Weights,
    /// One run at a time, so that runs do not add up in a device's memory.
    turn: Mutex<()>,
}

/// Who computes a layer's operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operations {
    Fused,
    Basic,
}

/// The heads of a layer.
#[derive(Debug, Clone, Copy)]
struct Heads {
    number: usize,
    /// `d_head`
    size: usize,
    mask: Attention,
}

/// What is done to the result of an affine map.
#[derive(Debug, Clone, Copy)]
enum After<'t> {
    Nothing,
    /// The positive part; not-a-number stays so.
    Relu,
    /// Adds it to this.
    Add(&'t Tensor),
}

/// Bytes of a group's arrays on the processor: half of a second-level cache, or less.
const GROUP_BYTES: usize = 512 << 10;

impl<'m> Dense<'m> {
    /// Prepares a model on a device.
    ///
    /// # Errors
    /// The scheme is a decoder's, or the device does not take the weights.
    pub fn new(model: &'m Model, device: &Device) -> Result<Self> {
        let operations = match device.name() {
            DeviceName::Cpu => Operations::Fused,
            _ => Operations::Basic,
        };
        Dense::with(model, device, operations)
    }

    /// [`Dense::new`] with candle's basic operations, also on the processor: what another device would run.
    ///
    /// # Errors
    /// As [`Dense::new`].
    pub fn with_basic_operations(model: &'m Model, device: &Device) -> Result<Self> {
        Dense::with(model, device, Operations::Basic)
    }

    fn with(model: &'m Model, device: &Device, operations: Operations) -> Result<Self> {
        model.require_parallel()?;
        let dtype = match (operations, model.dtype) {
            (_, Dtype::F64) => DType::F64,
            (Operations::Fused, _) | (_, Dtype::F32) => DType::F32,
            (Operations::Basic, Dtype::F16) => DType::F16,
            (Operations::Basic, Dtype::Bf16) => DType::BF16,
        };
        let weights = Weights::new(model, dtype, &device.inner).map_err(|e| device.error(&e))?;
        let device = device.clone();
        Ok(Dense { model, device, operations, weights, turn: Mutex::new(()) })
    }

    /// Runs one assignment and shows `observe` the stream before the first layer and after each.
    ///
    /// # Errors
    /// `inputs` is not one bit per input, or the device fails.
    pub fn trace(
        &self,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(Step),
    ) -> Result<()> {
        let inputs = Batch::from_columns(inputs.len(), &[inputs.to_vec()])?;
        require_inputs(self.model, &inputs)?;
        let shape = (self.model.n_ctx(), self.model.d_model());
        let seen = self.forward(&inputs, 0..1, n_loops, |n_steps, stream| {
            let numbers = stream.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?;
            let stream64 = Array2::from_shape_vec(shape, numbers).expect("one stream was run");
            observe(Step { n_steps, stream: stream64, bits: self.read(stream)? });
            Ok(())
        });
        seen.map(|_| ()).map_err(|e| self.device.error(&e))
    }

    /// Assignments that are run together.
    fn group(&self) -> usize {
        let model = self.model;
        let (n, heads) = (model.n_ctx(), model.n_heads());
        let group = match self.operations {
            Operations::Fused => {
                let width = 2 * model.d_model() + 4 * heads * model.d_head() + model.d_mlp();
                let size = if model.dtype == Dtype::F64 { 8 } else { 4 };
                GROUP_BYTES / (n * width * size).max(1)
            }
            Operations::Basic => self.n_queries() / n.max(1),
        };
        group.max(1)
    }

    /// Rows of scores in all heads that basic operations may form at once.
    fn n_queries(&self) -> usize {
        basic::n_queries(self.model.n_heads(), self.model.n_ctx(), self.weights.w_pos.dtype())
    }

    /// The stream of a group of assignments after `n_loops` loops, `[group, n_ctx, d_model]`.
    fn forward(
        &self,
        inputs: &Batch,
        group: Range<usize>,
        n_loops: usize,
        mut observe: impl FnMut(usize, &Tensor) -> candle_core::Result<()>,
    ) -> candle_core::Result<Tensor> {
        let mut x = self.embed(inputs, group)?;
        observe(0, &x)?;
        for (l, n_steps) in self.model.schedule_of(n_loops).blocks().zip(1..) {
            x = self.apply(&self.weights.layers[l], x)?;
            observe(n_steps, &x)?;
        }
        Ok(x)
    }

    /// `W_E[token] + W_pos`
    fn embed(&self, inputs: &Batch, group: Range<usize>) -> candle_core::Result<Tensor> {
        let (n, batch) = (self.model.n_ctx(), group.len());
        let mut tokens = vec![Model::BLANK as u32; batch * n];
        for (input, &position) in self.model.input_positions.iter().enumerate() {
            for (b, a) in group.clone().enumerate() {
                tokens[b * n + position] = u32::from(inputs.get(input, a));
            }
        }
        let tokens = Tensor::from_vec(tokens, batch * n, &self.device.inner)?;
        let rows = self.weights.w_e.index_select(&tokens, 0)?;
        let x = rows.reshape((batch, n, ()))?.broadcast_add(&self.weights.w_pos)?;
        match self.operations {
            Operations::Fused => fused::rounded(&x, self.model.dtype),
            Operations::Basic => Ok(x),
        }
    }

    /// `x += Σ_h softmax(q_h k_hᵀ) v_h W_O[h] + b_O`, then `x += relu(x W_in + b_in) W_out + b_out`
    fn apply(&self, layer: &Layer, x: Tensor) -> candle_core::Result<Tensor> {
        let qkv = self.affine(&x, &layer.w_qkv, &layer.b_qkv, After::Nothing)?;
        let read = self.attend(&qkv)?;
        let x = self.affine(&read, &layer.w_o, &layer.b_o, After::Add(&x))?;
        let hidden = self.affine(&x, &layer.w_in, &layer.b_in, After::Relu)?;
        self.affine(&hidden, &layer.w_out, &layer.b_out, After::Add(&x))
    }

    fn affine(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        after: After,
    ) -> candle_core::Result<Tensor> {
        match self.operations {
            Operations::Fused => fused::affine(x, w, b, after, self.model.dtype),
            Operations::Basic => basic::affine(x, w, b, after),
        }
    }

    fn attend(&self, qkv: &Tensor) -> candle_core::Result<Tensor> {
        let model = self.model;
        let heads = Heads { number: model.n_heads(), size: model.d_head(), mask: model.attention };
        match self.operations {
            Operations::Fused => fused::attend(qkv, heads, model.dtype),
            Operations::Basic => basic::attend(qkv, heads, self.n_queries()),
        }
    }

    /// The bit at every position of `x`, `[batch, positions, d_model]`: 1 iff logit 1 exceeds logit 0.
    fn read(&self, x: &Tensor) -> candle_core::Result<Vec<bool>> {
        let logits = self.affine(x, &self.weights.w_u, &self.weights.b_u, After::Nothing)?;
        let logits: Vec<f64> = logits.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?;
        Ok(logits.chunks_exact(2).map(|logit| logit[1] > logit[0]).collect())
    }

    /// The output bits of a group of assignments, one assignment after the other.
    fn outputs(&self, inputs: &Batch, group: Range<usize>, n_loops: usize) -> Result<Vec<bool>> {
        let run = || {
            let x = self.forward(inputs, group, n_loops, |_, _| Ok(()))?;
            self.read(&x.index_select(&self.weights.output_positions, 1)?)
        };
        run().map_err(|e| self.device.error(&e))
    }
}

impl Engine for Dense<'_> {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn model(&self) -> &Model {
        self.model
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        require_inputs(self.model, inputs)?;
        let (n, n_outputs) = (inputs.n_assignments(), self.model.output_positions.len());
        let mut outputs = Batch::zeros(n_outputs, n);
        if n_outputs == 0 {
            return Ok(outputs);
        }
        let starts = (0..n).into_par_iter().step_by(self.group());
        let run = |start: usize| {
            let group = start..n.min(start + self.group());
            self.outputs(inputs, group, n_loops)
        };
        let groups: Vec<Vec<bool>> = match self.device.name() {
            DeviceName::Cpu => starts.map(run).collect::<Result<_>>()?,
            _ => {
                let _turn = self.turn.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                (0..n).step_by(self.group()).map(run).collect::<Result<_>>()?
            }
        };
        for (at, bit) in groups.into_iter().flatten().enumerate() {
            outputs.set(at % n_outputs, at / n_outputs, bit);
        }
        Ok(outputs)
    }

    fn trace(&self, inputs: &[bool], n_loops: usize, see: &mut dyn FnMut(Step)) -> Result<()> {
        Dense::trace(self, inputs, n_loops, see)
    }
}
