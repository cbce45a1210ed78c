//! Engines: a model and inputs give outputs. They know tensors, not circuits.

use crate::batch::{Batch, LutProgram};
use crate::error::{Error, Result};
use crate::model::Model;

mod dense;
#[cfg(feature = "gpu")]
pub mod gpu;
mod reference;
mod resident;
mod simd;

pub use dense::{Dense, Device, DeviceName};
pub use reference::{Reference, Step};
pub use resident::{Folded, Incremental, Resident, Work};
pub use simd::Simd;

/// Something that runs a model.
pub trait Engine: Sync {
    /// The name used by flags and verdicts, with the device where it is not this processor.
    fn name(&self) -> &str;

    /// The outputs (rows) of every assignment (columns) of the inputs after `n_loops` loops.
    ///
    /// # Errors
    /// `inputs` has not one row per input of the model.
    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch>;

    /// What the engine has to say about the runs so far.
    fn remark(&self) -> Option<String> {
        None
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

/// An error unless `inputs` has one row per input of `model`.
pub(crate) fn require_inputs(model: &Model, inputs: &Batch) -> Result<()> {
    let expected = model.input_positions.len();
    if inputs.n_signals() == expected {
        return Ok(());
    }
    Err(Error::new(format!("{expected} input bits"), inputs.n_signals().to_string()))
}
