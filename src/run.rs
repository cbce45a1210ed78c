//! Engines: a model and inputs give outputs. They know tensors, not circuits.

use ndarray::{Array2, ArrayView1};

use crate::batch::{Batch, LutProgram};
use crate::error::{Error, Result};
use crate::model::Model;

#[cfg(not(feature = "candle"))]
mod absent;
mod decoder;
#[cfg(feature = "candle")]
mod dense;
mod device;
mod effort;
mod enclosure;
mod forward;
#[cfg(feature = "gpu")]
pub mod gpu;
mod halting;
mod machine;
mod prepare;
mod reference;
mod resident;
mod simd;

#[cfg(not(feature = "candle"))]
pub use absent::Dense;
pub use decoder::{Decoder, Emission, Emitted};
#[cfg(feature = "candle")]
pub use dense::Dense;
pub use device::{Device, DeviceName};
pub use effort::{Effort, Pace};
pub use enclosure::{Assumptions, Decision, Enclosed, Enclosure, Interval, Quantity, Softmax};
pub use halting::{HALTING, Halted, Halting, Rule, halting_channel};
pub use machine::{Available, Offer, processor};
pub use prepare::{Budget, EngineKind, prepare, prepare_halting};
pub(crate) use prepare::{gpu_name, on_processor};
pub use reference::Reference;
pub use resident::{Cost, Folded, Incremental, Resident, Work};
pub use simd::Simd;

/// Something that runs a model.
pub trait Engine: Sync {
    /// The name used by flags and verdicts, with the device where it is not this processor.
    fn name(&self) -> &str;

    /// The model that it runs.
    fn model(&self) -> &Model;

    /// The outputs (rows) of every assignment (columns) of the inputs after `n_loops` loops.
    ///
    /// # Errors
    /// `inputs` has not one row per input of the model.
    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch>;

    /// The outputs, and of what all honest runners hold alike in these runs, logits among it, what is known: none where
    /// they may differ.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn run_alike(&self, inputs: &Batch, n_loops: usize) -> Result<(Batch, Option<Alike>)> {
        Ok((self.run(inputs, n_loops)?, None))
    }

    /// Runs one assignment and shows `see` the stream before the first layer and after each.
    ///
    /// # Errors
    /// `inputs` is not one bit per input, or the engine does not hold the stream.
    fn trace(&self, _inputs: &[bool], _n_loops: usize, _see: &mut dyn FnMut(Step)) -> Result<()> {
        let expected = "an engine that holds the stream (reference, resident, dense, gpu)";
        Err(Error::new(expected, self.name()))
    }

    /// Whether no sum rounds in the model, for any input, in any order, so that every honest runner gets the same
    /// numbers. False where the engine does not know.
    fn is_exact(&self) -> bool {
        false
    }

    /// What the engine has to say about the runs so far.
    fn remark(&self) -> Option<String> {
        None
    }

    /// In which way it goes through the model, from which follows what a run takes.
    fn pace(&self) -> Pace {
        Pace::Literal
    }

    /// How many assignments it likes to be given at once, a multiple of 64.
    fn block(&self) -> usize {
        1024
    }

    /// The device that the engine runs on; none if that is this processor.
    fn device(&self) -> Option<&dyn LutDevice> {
        None
    }
}

/// Runs in which every honest runner holds the same logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alike {
    /// No sum rounds, in any order.
    pub is_exact: bool,
    /// The least by which a logit leads.
    pub lead: f64,
}

/// A state of the residual stream as an engine passes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Layers applied so far; 0 is the embedding.
    pub n_steps: usize,
    /// `[n_ctx, d_model]`
    pub stream: Array2<f64>,
    /// The bit the read-out finds at each position.
    pub bits: Vec<bool>,
}

impl Step {
    /// A stream on which no sum rounds, with the bits that are read there.
    fn read(model: &Model, n_steps: usize, stream: Array2<f64>) -> Self {
        let logits = stream.dot(&model.w_u) + &model.b_u;
        let bits = logits.outer_iter().map(|logit| logit[1] > logit[0]).collect();
        Step { n_steps, stream, bits }
    }
}

/// A device that can also run an oracle's program.
pub trait LutDevice {
    /// The program, ready to run.
    ///
    /// # Errors
    /// The device cannot hold it.
    fn load<'d>(&'d self, program: &LutProgram) -> Result<Box<dyn RunLuts + 'd>>;
}

/// A [`LutProgram`] on a device.
pub trait RunLuts: Sync {
    /// The outputs (rows) of every assignment (columns) of the inputs.
    ///
    /// # Errors
    /// `inputs` has not one row per input, or the device failed.
    fn run(&self, inputs: &Batch) -> Result<Batch>;
}

/// A bit to be read from the stream at some positions besides the outputs: whether logit 1 exceeds logit 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Where it is read.
    pub positions: Vec<usize>,
    /// Weights `[d_model]` and bias of logit 0 and of logit 1.
    pub logits: [(Vec<f64>, f64); 2],
}

impl Probe {
    /// What the unembedding says.
    pub fn unembedding(model: &Model, positions: Vec<usize>) -> Self {
        let logits = [0, 1].map(|bit| (model.w_u.column(bit).to_vec(), model.b_u[bit]));
        Probe { positions, logits }
    }

    /// Whether a channel, which holds 0 or 1, holds 1.
    pub fn channel(model: &Model, channel: usize, positions: Vec<usize>) -> Self {
        let mut weights = vec![0.0; model.d_model()];
        weights[channel] = 1.0;
        Probe { positions, logits: [(vec![0.0; model.d_model()], 0.5), (weights, 0.0)] }
    }

    /// The bits in a stream, `[n_ctx, d_model]`.
    fn read(&self, stream: &Array2<f64>) -> Vec<bool> {
        let logit = |x: ArrayView1<f64>, (weights, bias): &(Vec<f64>, f64)| {
            x.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() + bias
        };
        let bit = |&position: &usize| {
            let x = stream.row(position);
            logit(x, &self.logits[1]) > logit(x, &self.logits[0])
        };
        self.positions.iter().map(bit).collect()
    }
}

/// The state of some assignments between two loops.
pub trait Snapshot {
    /// The outputs (rows) of every assignment (columns), read now.
    fn outputs(&self) -> Batch;

    /// The bits of the probe of that number, a row per position.
    fn probe(&self, number: usize) -> Batch;

    /// A bit per assignment: whether the last loop changed nothing in the whole stream. Before the first
    /// loop nothing can be said, and that is 0.
    fn unchanged(&self) -> Vec<u64>;
}

/// An error unless `inputs` has one row per input of `model`.
pub(crate) fn require_inputs(model: &Model, inputs: &Batch) -> Result<()> {
    let expected = model.input_positions.len();
    if inputs.n_signals() == expected {
        return Ok(());
    }
    Err(Error::new(format!("{expected} input bits"), inputs.n_signals().to_string()))
}
