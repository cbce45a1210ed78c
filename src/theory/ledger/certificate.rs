//! What a certificate is worth.

use super::{Claim, Evidence, Ground, Kind, Status};
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::model::{Block, Model, Parts};
use crate::verify::certificate::certify;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "certificate",
        statement: "A model with a certificate that is a proof computes its circuit on every input, after \
                    the model's loops and any more.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p08_certificate"],
        sources: &[],
        assumptions: "an operation whose exact result is a number of the dtype returns it, exp(0) = 1, exp \
                      of less than minus the threshold is 0, softmax subtracts the row's maximum",
        reason: "Induction over layers, from the conditions that the certificate lists; see \
                 src/verify/certificate.rs.",
        elsewhere: "",
        range: "9 compiled models, and every number of a half adder's weights negated or set to 0: a mutant \
                with a proof is right on all inputs by the reference engine",
        check: Some(certificate),
    },
    Claim {
        id: "certificate-complete",
        statement: "Every right model has a certificate that is a proof.",
        status: Status::Refuted,
        kind: Kind::Fact,
        ground: Ground::Counterexample,
        scope: None,
        proofs: &["p08_certificate"],
        sources: &[],
        assumptions: "none",
        reason: "The conditions are sufficient. Attention that counts or that looks up contents is right \
                 and outside of them.",
        elsewhere: "",
        range: "parity of 3 inputs by a uniform average: right on all inputs, no proof",
        check: Some(certificate_complete),
    },
];

/// Every number of the weights that is not 0.
fn numbers(parts: &mut Parts) -> Vec<&mut f64> {
    let Parts { w_e, w_pos, blocks, w_u, b_u, .. } = parts;
    let mut all: Vec<&mut f64> = [w_e, w_pos, w_u].into_iter().flatten().chain(b_u).collect();
    for block in blocks {
        let Block { w_q, w_k, w_v, b_q, b_k, b_v, w_o, b_o, w_in, b_in, w_out, b_out } = block;
        all.extend([w_q, w_k, w_v, w_o].into_iter().flatten());
        all.extend([b_q, b_k, b_v, w_in, w_out].into_iter().flatten());
        all.extend([b_o, b_in, b_out].into_iter().flatten());
    }
    all.retain(|number| **number != 0.0);
    all
}

fn certificate(evidence: &mut Evidence) -> Result<()> {
    for spec in ["adder:3", "majority:5", "mux:2"] {
        let circuit = generate(spec)?;
        let mut right = true;
        for (layers, heads, causal) in [(1, 2, false), (2, 3, true), (3, 2, false)] {
            let model =
                compile(&circuit, "", &Options { layers, heads, causal, ..Options::default() })?;
            right &= certify(&model, &circuit).is_proof();
            right &= evidence.computes(&model, &circuit, model.n_loops)?;
        }
        evidence.note(right, format!("{spec}: 3 models with a proof, right on all inputs"));
    }
    let circuit = generate("adder:1")?;
    let model = compile(&circuit, "", &Options::default())?;
    let n_numbers = numbers(&mut model.clone().into_parts()).len();
    let (mut wrong, mut proofs, mut wrong_proofs) = (0, 0, 0);
    for (index, factor) in (0..n_numbers).flat_map(|index| [(index, -1.0), (index, 0.0)]) {
        let mut parts = model.clone().into_parts();
        *numbers(&mut parts)[index] *= factor;
        let mutant = Model::new(parts)?;
        let is_proof = certify(&mutant, &circuit).is_proof();
        let is_wrong = !evidence.computes(&mutant, &circuit, mutant.n_loops)?;
        proofs += usize::from(is_proof);
        wrong += usize::from(is_wrong);
        wrong_proofs += usize::from(is_proof && is_wrong);
    }
    let n_mutants = 2 * n_numbers;
    evidence.note(
        wrong_proofs == 0 && wrong > n_mutants / 10,
        format!("adder:1: {n_mutants} mutants, {wrong} wrong, {proofs} with a proof, none both"),
    );
    Ok(())
}

fn certificate_complete(evidence: &mut Evidence) -> Result<()> {
    let circuit = generate("parity:3")?;
    let model =
        crate::theory::shallow::symmetric(&[false, true, false, true], crate::model::Dtype::F32)?;
    let right = evidence.computes(&model, &circuit, 1)?;
    let certificate = certify(&model, &circuit);
    let failed = certificate.conditions.iter().find(|condition| condition.failure.is_some());
    let id = failed.map_or("none", |condition| condition.id.as_str());
    evidence.note(
        right && !certificate.is_proof(),
        format!("parity of 3 in one layer: right on all 8 inputs, condition {id} fails"),
    );
    Ok(())
}
