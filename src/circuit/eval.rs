//! The oracle: direct evaluation of a circuit, many assignments at once.

use super::{Circuit, GateKind, Literal};
use crate::batch::Batch;
use crate::error::{Error, Result};

impl Circuit {
    /// The outputs for one assignment of the inputs.
    ///
    /// # Errors
    /// The circuit has latches, or `inputs` is not one bit per input.
    pub fn evaluate(&self, inputs: &[bool]) -> Result<Vec<bool>> {
        let values = self.evaluate_nodes(inputs)?;
        let value = |literal: Literal| values[literal.node.index()] ^ literal.complemented;
        Ok(self.outputs().iter().map(|output| value(output.literal)).collect())
    }

    /// The value of every node for one assignment of the inputs, by definition of the gates.
    ///
    /// # Errors
    /// The circuit has latches, or `inputs` is not one bit per input.
    pub fn evaluate_nodes(&self, inputs: &[bool]) -> Result<Vec<bool>> {
        self.require_combinational()?;
        if inputs.len() != self.inputs().len() {
            return Err(Error::new(
                format!("{} input bits", self.inputs().len()),
                format!("{}", inputs.len()),
            ));
        }
        let mut values = vec![false; self.n_nodes()];
        for (&input, &bit) in self.inputs().iter().zip(inputs) {
            values[input.index()] = bit;
        }
        let mut operands = Vec::new();
        for id in self.nodes() {
            let kind = self.kind(id);
            if kind == GateKind::Input {
                continue;
            }
            operands.clear();
            let fanins = self.fanins(id);
            operands.extend(fanins.map(|l| values[l.node.index()] ^ l.complemented));
            values[id.index()] = kind.evaluate(&operands);
        }
        Ok(values)
    }
}

/// A circuit prepared for bit-parallel evaluation.
#[derive(Debug, Clone)]
pub struct Oracle {
    circuit: Circuit,
}

impl Oracle {
    /// Prepares a combinational circuit.
    ///
    /// # Errors
    /// The circuit has latches or properties.
    pub fn new(circuit: &Circuit) -> Result<Self> {
        circuit.require_combinational()?;
        Ok(Oracle { circuit: circuit.clone() })
    }

    /// The outputs of every assignment: rows are outputs, columns assignments.
    ///
    /// # Errors
    /// `inputs` has not one row per input.
    pub fn run(&self, inputs: &Batch) -> Result<Batch> {
        let mut outputs = Batch::zeros(self.circuit.outputs().len(), inputs.n_assignments());
        for a in 0..inputs.n_assignments() {
            for (o, bit) in self.circuit.evaluate(&inputs.column(a))?.into_iter().enumerate() {
                outputs.set(o, a, bit);
            }
        }
        Ok(outputs)
    }
}
