//! Engines held against each other and against the circuit, loop by loop.

use rayon::prelude::*;

use super::{Assignments, Counterexample, Progress, compare, require_same_ports};
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::run::Engine;

/// Assignments that engines are given at once.
const BLOCK: u64 = 1024;

/// What came of holding an engine against the first one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// The first loop after which the outputs differ from the first engine's, and the counterexample:
    /// `expected` is the first engine's bit.
    pub departure: Option<(usize, Counterexample)>,
    /// Where the outputs differ from the circuit's at the end.
    pub wrong: Option<Counterexample>,
}

/// Runs every engine for 0, 1, …, `n_loops` loops on all assignments and compares the outputs with those of
/// the first engine, bit for bit; after the last loop also with the circuit's.
///
/// # Errors
/// The ports do not fit, an engine fails, or it was cancelled.
pub fn agree(
    model: &Model,
    circuit: &Circuit,
    engines: &[&dyn Engine],
    n_loops: usize,
    assignments: Assignments,
    progress: &dyn Progress,
) -> Result<Vec<Agreement>> {
    require_same_ports(model, circuit)?;
    let n_inputs = circuit.inputs().len();
    let total = assignments.total(n_inputs)?;
    let oracle = Oracle::new(circuit)?;
    let check = |b: u64| -> Result<Vec<Agreement>> {
        let start = b * BLOCK;
        let inputs = assignments.block(n_inputs, start, BLOCK.min(total - start) as usize);
        let mut found = vec![Agreement::default(); engines.len()];
        for r in 0..=n_loops {
            if progress.is_cancelled() {
                return Err(Error::message("stopped before all assignments were compared"));
            }
            let outputs: Vec<_> =
                engines.iter().map(|engine| engine.run(&inputs, r)).collect::<Result<_>>()?;
            for (found, outputs_of_engine) in found.iter_mut().zip(&outputs) {
                if found.departure.is_none() {
                    let difference = compare(&inputs, &outputs[0], outputs_of_engine);
                    found.departure = difference.map(|difference| (r, difference));
                }
                if r == n_loops {
                    found.wrong = compare(&inputs, &oracle.run(&inputs)?, outputs_of_engine);
                }
            }
        }
        progress.advance(inputs.n_assignments() as u64);
        Ok(found)
    };
    let blocks = (0..total.div_ceil(BLOCK)).into_par_iter().map(check);
    let none = || Ok(vec![Agreement::default(); engines.len()]);
    // Blocks are put together in order, so what is kept is the first of each kind.
    blocks.reduce(none, |a, b| {
        let pairs = a?.into_iter().zip(b?);
        Ok(pairs
            .map(|(a, b)| Agreement {
                departure: a.departure.or(b.departure),
                wrong: a.wrong.or(b.wrong),
            })
            .collect())
    })
}
