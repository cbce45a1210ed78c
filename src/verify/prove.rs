//! Certificate and miter together: a proof where the claim is no help, an input where the model is wrong.

use std::time::Duration;

use super::certificate::{Certificate, certify_or};
use super::early::circuit_so_far;
use super::miter::{Equivalence, equivalent};
use super::rounding::settle_one;
use super::{Counterexample, decompile};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::Result;
use crate::model::{Model, Parts};
use crate::network::Network;
use crate::run::Engine;
use crate::sat::Limits;

/// How long SAT is tried.
const LIMITS: Limits = Limits { conflicts: None, time: Some(Duration::from_secs(60)) };

/// The certificate of a model; where the claim does not lead to a proof, the network read from the
/// weights is compared with the circuit by SAT.
pub fn prove(model: &Model, circuit: &Circuit) -> Certificate {
    certify_or(model, circuit, &by_miter)
}

/// The same without a look at the claim.
pub fn prove_by_miter(model: &Model, circuit: &Circuit) -> Certificate {
    let parts = model.clone().into_parts();
    let unclaimed = Model::new(Parts { claim: Default::default(), ..parts });
    certify_or(&unclaimed.expect("a model without a claim is a model"), circuit, &by_miter)
}

fn by_miter(network: &Network, circuit: &Circuit) -> Option<String> {
    let outputs: Vec<String> = circuit.outputs().iter().map(|o| o.name.clone()).collect();
    let read = network.to_circuit(circuit.input_names(), &outputs).ok()?;
    match equivalent(&read, circuit, LIMITS) {
        // Not how many lemmas: that is the solver's affair, and a kept certificate outlives a solver.
        Ok(Equivalence::Equal { .. }) => Some("a miter, by SAT, proof checked".to_string()),
        _ => None,
    }
}

/// An input on which the network in the weights, or what it has computed after the model's layers if these
/// are too few, is not the circuit, if SAT finds one and the model, run on it, is wrong indeed, whoever runs it.
///
/// # Errors
/// The ports do not fit.
pub fn refute(
    model: &Model,
    circuit: &Circuit,
    engine: &dyn Engine,
) -> Result<Option<Counterexample>> {
    let Ok(read) = decompile(model).or_else(|_| circuit_so_far(model)) else { return Ok(None) };
    let Equivalence::Differ(input) = equivalent(&read, circuit, LIMITS)? else { return Ok(None) };
    let inputs = Batch::from_columns(input.len(), &[input])?;
    let expected = Oracle::new(circuit)?.run(&inputs)?;
    settle_one(model, engine, model.n_loops, &inputs, &expected)
}
