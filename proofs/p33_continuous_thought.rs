//! Theorem 33 (continuous thought). For every circuit of depth `D`, input, number of layers `L` and dtype: after
//! `⌈(D + 1)/L⌉` thoughts the tokens emitted are the outputs, each by a margin of 2, and every thought is a vector of 0 and
//! 1 that is 0 but in its slots, of which there are as many as the largest live cut has values.
//!
//! Proof. The head of `reasoning/coconut.rs`. ∎
//!
//! Claims: continuous-thought.
//!
//! Checked: random circuits in every dtype, one to five layers. What it needs: the layer that gathers
//! ([`without_the_layer_that_gathers_it_is_wrong`]), the token that has the weight if no input is 1
//! ([`without_a_sink_no_ones_are_all_ones`]), and the erasing of what the next embedding adds
//! ([`without_erasing_thoughts_are_wrong`]).

use circuit2tf::circuit::Circuit;
use circuit2tf::family::generate;
use circuit2tf::mapping;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::reasoning::liveness::Liveness;
use circuit2tf::reasoning::{Request, coconut};
use circuit2tf::run::{Decoder, Emission, Emitted};
use proptest::prelude::*;

use crate::ground::*;

/// The thoughts, the outputs and the least margin of a decoding.
fn decode(model: &Model, input: &[bool], n_loops: usize) -> (Vec<Vec<f64>>, Vec<bool>, f64) {
    let (mut thoughts, mut outputs, mut least) = (Vec::new(), Vec::new(), f64::INFINITY);
    let decoder = Decoder::new(model).unwrap();
    let observe = |emission: Emission| match emission.emitted {
        Emitted::Thought => thoughts.push(emission.hidden),
        Emitted::Token { token, margin } => {
            outputs.push(token == 1);
            least = least.min(margin);
        }
    };
    decoder.trace(input, n_loops, observe).unwrap();
    (thoughts, outputs, least)
}

/// The inputs on which a model is wrong.
fn wrong(model: &Model, circuit: &Circuit, n_loops: usize) -> Vec<Vec<bool>> {
    let inputs = assignments(circuit.inputs().len());
    let is_wrong =
        |input: &Vec<bool>| decode(model, input, n_loops).1 != circuit.evaluate(input).unwrap();
    inputs.filter(is_wrong).collect()
}

fn parity() -> (Circuit, Model) {
    let circuit = generate("parity:4").unwrap();
    let model = coconut::compile(&circuit, "", &Request::default()).unwrap();
    assert!(wrong(&model, &circuit, model.n_loops).is_empty());
    (circuit, model)
}

proptest! {
    #![proptest_config(cases(60))]
    #[test]
    fn random_circuits_are_computed_and_thoughts_hold_live_values(
        circuit in circuits(6, 20),
        number in any::<u64>(),
        layers in 1usize..6,
        dtype in 0usize..4,
    ) {
        let input: Vec<bool> = (0..circuit.inputs().len()).map(|i| number >> i & 1 == 1).collect();
        let dtype = Dtype::ALL[dtype];
        let request = Request { layers: Some(layers), dtype, ..Request::default() };
        let model = coconut::compile(&circuit, "", &request).unwrap();
        let network = mapping::map(&circuit, 2).unwrap().network;
        let (thoughts, outputs, margin) = decode(&model, &input, model.n_loops);
        prop_assert_eq!(outputs, circuit.evaluate(&input).unwrap());
        prop_assert!(margin == 2.0);
        prop_assert_eq!(thoughts.len(), (network.depth() + 1).div_ceil(layers));
        let n_slots = Liveness::new(&network).widest();
        for thought in thoughts {
            prop_assert!(thought[..n_slots].iter().all(|&x| x == 0.0 || x == 1.0));
            prop_assert!(thought[n_slots..].iter().all(|&x| x == 0.0));
        }
    }
}

/// `⌈D/L⌉` thoughts are too few where `L` divides `D`.
#[test]
fn without_the_layer_that_gathers_it_is_wrong() {
    let (circuit, model) = parity();
    assert_eq!((model.labels.depth, model.n_loops), (2, 3));
    assert!(!wrong(&model, &circuit, 2).is_empty());
}

#[test]
fn without_a_sink_no_ones_are_all_ones() {
    let (circuit, model) = parity();
    let ask = channel(&model, "ask");
    let broken = changed(&model, |parts| {
        // The token's own score for the query that gathers is far below that of every input.
        parts.blocks[0].w_k[[0, ask, 0]] = -64.0;
    });
    let found = wrong(&broken, &circuit, model.n_loops);
    let conjunction = generate("and:4").unwrap();
    let model = coconut::compile(&conjunction, "", &Request::default()).unwrap();
    let ask = channel(&model, "ask");
    let broken = changed(&model, |parts| parts.blocks[0].w_k[[0, ask, 0]] = -64.0);
    // Four zeros are gathered as four ones: the parity is the same, the conjunction is not.
    assert_eq!(
        (found, wrong(&broken, &conjunction, model.n_loops)),
        (vec![], vec![vec![false; 4]])
    );
}

#[test]
fn without_erasing_thoughts_are_wrong() {
    let (circuit, model) = parity();
    let step = channel(&model, "step[0]");
    let broken = changed(&model, |parts| {
        parts.blocks[0].w_out.column_mut(step).fill(0.0);
        parts.blocks[0].b_out[step] = 0.0;
    });
    assert!(!wrong(&broken, &circuit, model.n_loops).is_empty());
}
