//! Engines: a model and inputs give outputs. They know tensors, not circuits.

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::Model;

mod decoder;
mod forward;
mod reference;
mod resident;

pub use decoder::{Decoder, Emission, Emitted};
pub use reference::{Reference, Step};
pub use resident::{Folded, Resident, Work};

/// Something that runs a model.
pub trait Engine: Sync {
    /// The name used by flags and verdicts.
    fn name(&self) -> &'static str;

    /// The outputs (rows) of every assignment (columns) of the inputs after `n_loops` loops.
    ///
    /// # Errors
    /// `inputs` has not one row per input of the model.
    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch>;
}

/// An error unless `inputs` has one row per input of `model`.
pub(crate) fn require_inputs(model: &Model, inputs: &Batch) -> Result<()> {
    let expected = model.input_positions.len();
    if inputs.n_signals() == expected {
        return Ok(());
    }
    Err(Error::new(format!("{expected} input bits"), inputs.n_signals().to_string()))
}
