//! Theorem 8 (certificate). If every condition that a certificate lists holds of a model's numbers and a
//! circuit, the model computes the circuit on all inputs, after its loops and after any more.
//!
//! Proof. C1 and C2 fix the static channels and with them the scores, C4 makes every softmax row one-hot at its
//! target, in the dtype and in f32, C5 hides what a wider softmax leaks, and C3 adds the target's state exactly, C13 making each sum exact in any order. C6 then says
//! which of its two states each position takes from those of its targets: a synchronous step of a network
//! that can be written down, whose start C8 fixes. By C10 the network has levels and computes the circuit, so
//! that after as many layers as a position's level it holds its value, and keeps it; C11 gives the
//! layers, C12 reads the bit. ∎
//!
//! Claims: certificate, certificate-complete.
//!
//! Executed: compiled models of random circuits have a certificate and are right on all inputs; of models with
//! a number of the weights changed at random, whatever they then compute, those with a certificate
//! are right. The conditions are sufficient only: [`a_right_model_without_a_certificate`].

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Circuit;
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model, Parts};
use circuit2tf::run::{Engine, Reference};
use circuit2tf::theory::shallow::symmetric;
use circuit2tf::verify::certificate::certify;
use proptest::prelude::*;

use crate::ground::*;

/// Whether the model computes the circuit on all inputs after its loops and after two more.
fn is_right(model: &Model, circuit: &Circuit) -> bool {
    [0, 2].into_iter().all(|more| is_right_after(model, circuit, model.n_loops + more))
}

fn is_right_after(model: &Model, circuit: &Circuit, n_loops: usize) -> bool {
    let columns: Vec<Vec<bool>> = assignments(circuit.inputs().len()).collect();
    let inputs = Batch::from_columns(circuit.inputs().len(), &columns).unwrap();
    let outputs = Reference::new(model).unwrap().run(&inputs, n_loops).unwrap();
    let expected = |a: usize| circuit.evaluate(&columns[a]).unwrap();
    (0..columns.len()).all(|a| outputs.column(a) == expected(a))
}

/// The number of the weights at `place`, counted through all tensors.
fn number(parts: &mut Parts, place: usize) -> &mut f64 {
    let block = &mut parts.blocks[0];
    let mut all: Vec<&mut f64> = parts.w_e.iter_mut().chain(&mut parts.w_pos).collect();
    all.extend(block.w_q.iter_mut().chain(&mut block.w_k).chain(&mut block.w_v));
    all.extend(block.w_o.iter_mut().chain(&mut block.w_in).chain(&mut block.w_out));
    all.extend(block.b_o.iter_mut().chain(&mut block.b_in).chain(&mut block.b_out));
    all.extend(parts.w_u.iter_mut().chain(&mut parts.b_u));
    let n = all.len();
    all.swap_remove(place % n)
}

proptest! {
    #![proptest_config(cases(40))]
    #[test]
    fn compiled_models_have_one_and_are_right(
        circuit in circuits(5, 15),
        layers in 1usize..4,
        dtype in prop::sample::select(vec![Dtype::F64, Dtype::F32, Dtype::Bf16, Dtype::F16]),
    ) {
        let model = model(&circuit, |options| (options.layers, options.dtype) = (layers, dtype));
        prop_assert!(certify(&model, &circuit).is_proof());
        prop_assert!(is_right(&model, &circuit));
    }

    #[test]
    fn changed_models_that_have_one_are_right(
        circuit in circuits(4, 8),
        places in prop::collection::vec(any::<usize>(), 12),
        value in prop::sample::select(vec![-1.0, 0.0, 0.5, 1.0, 2.0, 40.0]),
    ) {
        let model = model(&circuit, |_| ());
        for place in places {
            let mutant = changed(&model, |parts| *number(parts, place) = value);
            prop_assert!(!certify(&mutant, &circuit).is_proof() || is_right(&mutant, &circuit));
        }
    }
}

/// Most numbers matter somewhere: the property above would see a certificate that looked at none of them.
#[test]
fn changes_make_models_wrong() {
    let circuit = generate("adder:1").unwrap();
    let model = model(&circuit, |_| ());
    let wrong = |place: &usize| {
        let mutant = changed(&model, |parts| *number(parts, *place) *= -1.0);
        !is_right(&mutant, &circuit)
    };
    assert!((0..2000).step_by(7).filter(wrong).count() > 20);
}

/// Parity by an average over the inputs is right, and no row of its attention is one-hot.
#[test]
fn a_right_model_without_a_certificate() {
    let circuit = generate("parity:3").unwrap();
    let model = symmetric(&[false, true, false, true], Dtype::F32).unwrap();
    // It is one layer: more loops would count once more.
    assert!(is_right_after(&model, &circuit, 1) && !certify(&model, &circuit).is_proof());
}
