//! Certificate and miter together: a proof where the claim is no help, an input where the model is wrong.

use super::certificate::{Certificate, CertificateFile, Prover, certify_or};
use super::early::circuit_so_far;
use super::miter::{Equivalence, equivalent};
use super::rounding::settle_one;
use super::{Counterexample, Policy, Proof, Statement, Subject, Verdict, decompile};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::Result;
use crate::model::{Model, Parts};
use crate::network::Network;
use crate::run::Engine;
use crate::sat::Limits;

/// What a certificate starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clue {
    /// The model's claim; where it does not lead to a proof, SAT.
    Claim,
    /// Nothing but the weights.
    None,
}

/// The certificate of a model; where the claim does not lead to a proof, the network read from the
/// weights is compared with the circuit by SAT.
pub fn prove(model: &Model, circuit: &Circuit) -> Certificate {
    certificate(model, circuit, Clue::Claim, Policy::SAT)
}

/// [`prove`] without a look at the claim.
pub fn prove_by_miter(model: &Model, circuit: &Circuit) -> Certificate {
    certificate(model, circuit, Clue::None, Policy::SAT)
}

/// What a kept certificate says, checked: a proof is multiplied out by the independent checker, from the bytes of the
/// model file. Where its network was compared with the circuit by SAT, that is done once more, and so is the
/// whole attempt of a proof that failed.
///
/// # Errors
/// The file is about something else, or the first entry that is wrong.
pub fn check_kept(
    file: &CertificateFile,
    subject: Subject,
    model_file: &[u8],
) -> Result<Statement> {
    let subject = subject.with_loops(file.loops()?)?;
    if file.is_proof() {
        let facts = file.check(&subject, model_file)?;
        if file.has_claims() {
            return Ok(subject.state(Verdict::Verified(Proof::Certificate(Box::new(facts)))));
        }
    }
    let provers: [&Prover; 2] = [&prove, &prove_by_miter];
    let again = file.recheck(subject.model(), subject.circuit(), subject.identity(), &provers)?;
    Ok(subject.state(Verdict::from(&again)))
}

/// The certificate of a model, for which SAT may take so much.
pub(super) fn certificate(
    model: &Model,
    circuit: &Circuit,
    clue: Clue,
    limits: Limits,
) -> Certificate {
    let by_miter = |network: &Network, circuit: &Circuit| by_miter(network, circuit, limits);
    if clue == Clue::Claim {
        return certify_or(model, circuit, &by_miter);
    }
    let parts = model.clone().into_parts();
    let unclaimed = Model::new(Parts { claim: Default::default(), ..parts });
    certify_or(&unclaimed.expect("a model without a claim is a model"), circuit, &by_miter)
}

fn by_miter(network: &Network, circuit: &Circuit, limits: Limits) -> Option<String> {
    let outputs: Vec<String> = circuit.outputs().iter().map(|o| o.name.clone()).collect();
    let read = network.to_circuit(circuit.input_names(), &outputs).ok()?;
    match equivalent(&read, circuit, limits) {
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
pub fn refute(engine: &dyn Engine, circuit: &Circuit) -> Result<Option<Counterexample>> {
    refute_within(engine, circuit, Policy::SAT)
}

/// [`refute`], for which SAT may take so much.
pub(super) fn refute_within(
    engine: &dyn Engine,
    circuit: &Circuit,
    limits: Limits,
) -> Result<Option<Counterexample>> {
    let model = engine.model();
    let Ok(read) = decompile(model).or_else(|_| circuit_so_far(model)) else { return Ok(None) };
    let Equivalence::Differ(input) = equivalent(&read, circuit, limits)? else { return Ok(None) };
    let inputs = Batch::from_columns(input.len(), &[input])?;
    let expected = Oracle::new(circuit)?.run(&inputs)?;
    settle_one(engine, engine.model().n_loops, &inputs, &expected)
}
