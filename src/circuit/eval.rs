//! The oracle: direct evaluation of a circuit, many assignments at once.
//!
//! [`Circuit::evaluate`] is the plain definition, one assignment at a time: the reference. An [`Oracle`]
//! is the fast path, tested against it: the circuit is lowered to word operations, these are put in an
//! order and on slots that suit caches and vector units, and a [`Simulator`] runs them block by block.
//! Circuits go in, [`Batch`]es or blocks of words come and go; no assignment ever depends on another.

use self::lower::Lowered;
use self::program::Program;
use super::{Circuit, GateKind, Literal};
use crate::batch::Batch;
use crate::error::{Error, Result};

mod compare;
mod kernel;
mod levels;
mod lower;
mod program;
mod simulator;

pub use compare::{Comparison, MAX_COUNTED_INPUTS, compare_exhaustively};
pub use kernel::{BLOCK_WORDS, Simd};
pub use simulator::Simulator;

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
///
/// ```
/// use circuit2tf::batch::Batch;
/// use circuit2tf::circuit::{Builder, GateKind, Oracle};
/// let mut builder = Builder::new();
/// let [a, b] = [builder.input("a")?, builder.input("b")?];
/// let and = builder.gate(GateKind::And, &[a.into(), b.into()])?;
/// builder.output("nand", !and.literal())?;
/// let oracle = Oracle::new(&builder.finish()?)?;
/// let nand = oracle.run(&Batch::counting(2, 0, 4))?;
/// assert_eq!(nand.words(0)[0] & nand.tail_mask(), 0b0111);
/// # Ok::<(), circuit2tf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Oracle {
    lowered: Lowered,
    program: Program,
}

impl Oracle {
    /// Prepares a combinational circuit, in time and memory linear in its size.
    ///
    /// # Errors
    /// The circuit has latches or properties, or needs more than 2^30 operations.
    pub fn new(circuit: &Circuit) -> Result<Self> {
        let lowered = Lowered::new(circuit)?;
        let program = Program::new(&lowered, &lowered.outputs);
        Ok(Oracle { lowered, program })
    }

    /// The number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.lowered.n_inputs
    }

    /// The number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.lowered.outputs.len()
    }

    /// The word operations that one block of the outputs costs; gates outside the outputs' cones cost
    /// none, inverters and buffers neither.
    pub fn n_operations(&self) -> usize {
        self.program.ops.len()
    }

    /// The values that evaluation of the outputs holds at once.
    pub fn n_slots(&self) -> usize {
        self.program.n_slots
    }

    /// The groups of consecutive operations of one kind; each costs one branch a block.
    pub fn n_runs(&self) -> usize {
        self.program.runs.len()
    }

    /// The outputs of every assignment: rows are outputs, columns assignments.
    ///
    /// # Errors
    /// `inputs` has not one row per input.
    pub fn run(&self, inputs: &Batch) -> Result<Batch> {
        let words = Simulator::fitting_words(&self.program, inputs.n_assignments() as u64);
        Simulator::new(&self.program, Simd::detect(), words)?.run(inputs)
    }

    /// The values of every node under every assignment: rows are nodes, columns assignments. Every
    /// call makes a program for all nodes first, in linear time.
    ///
    /// # Errors
    /// `inputs` has not one row per input.
    pub fn run_nodes(&self, inputs: &Batch) -> Result<Batch> {
        let program = Program::new(&self.lowered, &self.lowered.nodes);
        let words = Simulator::fitting_words(&program, inputs.n_assignments() as u64);
        Simulator::new(&program, Simd::detect(), words)?.run(inputs)
    }

    /// Working memory for evaluating the outputs block by block, with the widest instruction set of
    /// this processor and blocks that suit its cache.
    pub fn simulator(&self) -> Simulator<'_> {
        let words = Simulator::fitting_words(&self.program, u64::MAX);
        Simulator::new(&self.program, Simd::detect(), words)
            .expect("a detected set and a listed size")
    }

    /// A simulator with a given instruction set and `words` words per block, one of [`BLOCK_WORDS`].
    ///
    /// # Errors
    /// The processor does not have the instruction set, or there are no blocks of that size.
    pub fn simulator_with(&self, simd: Simd, words: usize) -> Result<Simulator<'_>> {
        Simulator::new(&self.program, simd, words)
    }
}
