//! The oracle that a run is compared with: on the engine's device, if it has one, or on this processor.

use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::run::{Engine, Resident, RunLuts};

use super::{Counterexample, bit_string};

/// An oracle and where it runs.
pub(super) struct Truth<'e> {
    circuit: &'e Circuit,
    oracle: Oracle,
    on_device: Option<Box<dyn RunLuts + 'e>>,
}

impl<'e> Truth<'e> {
    /// The oracle of a circuit, on the device of `engine` if that has one which can hold it.
    ///
    /// # Errors
    /// The circuit has latches.
    pub(super) fn new(circuit: &'e Circuit, engine: &'e dyn Engine) -> Result<Self> {
        let oracle = Oracle::new(circuit)?;
        let on_device = engine.device().and_then(|device| device.load(&oracle.luts()).ok());
        Ok(Truth { circuit, oracle, on_device })
    }

    /// What a verdict says of it.
    pub(super) fn remark(&self) -> &'static str {
        if self.on_device.is_some() { " oracle=gpu" } else { "" }
    }

    /// The outputs of every assignment.
    ///
    /// # Errors
    /// `inputs` has not one row per input, or the device failed.
    pub(super) fn run(&self, inputs: &Batch) -> Result<Batch> {
        match &self.on_device {
            Some(luts) => luts.run(inputs),
            None => self.oracle.run(inputs),
        }
    }

    /// The counterexample; one that a device found is first looked at on this processor.
    ///
    /// # Errors
    /// It is none: the device is at fault, not the model.
    pub(super) fn confirm(
        &self,
        model: &Model,
        n_loops: usize,
        found: Counterexample,
    ) -> Result<Counterexample> {
        if self.on_device.is_none() {
            return Ok(found);
        }
        let input = Batch::from_columns(found.input.len(), std::slice::from_ref(&found.input))?;
        let got = Resident::new(model)?.run(&input, n_loops)?.get(found.output, 0);
        let expected = self.circuit.evaluate(&found.input)?[found.output];
        if (expected, got) == (found.expected, !found.expected) {
            return Ok(found);
        }
        let input = bit_string(&found.input);
        Err(Error::new(
            "a device that computes what this processor does",
            format!("another result for {input}"),
        )
        .hint("the driver is at fault; --engine resident runs on the processor"))
    }
}
