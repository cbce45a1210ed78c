//! Decompiling: the circuit in the weights is the one that was compiled.

#[path = "support/circuits.rs"]
mod circuits;
mod support;

use circuit2tf::circuit::{Circuit, GateKind};
use circuit2tf::compile::{Options, compile};
use circuit2tf::format::{self, aiger, bench, blif, json};
use circuit2tf::model::{Dtype, Model};
use circuit2tf::verify::certificate::{certify, read_network};
use circuit2tf::verify::decompile;
use proptest::prelude::*;
use support::random_circuit;

/// The model without anything that a decompiler should not need.
fn weights_alone(model: &Model) -> Model {
    let mut parts = (**model).clone();
    parts.claim.clear();
    parts.labels.channel_names.iter_mut().for_each(String::clear);
    parts.labels.source_sha256.clear();
    parts.labels.depth = 0;
    Model::new(parts).unwrap()
}

fn truth(circuit: &Circuit) -> Vec<Vec<bool>> {
    let n = circuit.inputs().len();
    let bits = |a: usize| (0..n).map(|i| a >> i & 1 == 1).collect::<Vec<bool>>();
    (0..1 << n).map(|a| circuit.evaluate(&bits(a)).unwrap()).collect()
}

fn names(circuit: &Circuit) -> (Vec<String>, Vec<String>) {
    let outputs = circuit.outputs().iter().map(|output| output.name.clone()).collect();
    (circuit.input_names().to_vec(), outputs)
}

/// `decompile(compile(c))` computes `c`, and compiling it again gives a model of that function whose
/// network is no larger or deeper.
fn check_round_trip(circuit: &Circuit, options: &Options) {
    let model = compile(circuit, "", options).unwrap();
    let found = decompile(&weights_alone(&model)).unwrap();
    assert_eq!(names(&found), names(circuit));
    assert_eq!(truth(&found), truth(circuit), "{options:?}");
    assert!(certify(&model, circuit).is_proof());

    let again = compile(&found, "", options).unwrap();
    assert!(certify(&again, &found).is_proof());
    let (first, second) =
        (read_network(&model).unwrap().network, read_network(&again).unwrap().network);
    assert!(second.n_nodes() <= first.n_nodes());
    assert!(second.depth() <= first.depth());
    assert_eq!(truth(&decompile(&again).unwrap()), truth(circuit));
}

fn options() -> Vec<Options> {
    let mut all = Vec::new();
    for dtype in Dtype::ALL {
        for heads in [2, 3, 4, 6] {
            let (layers, causal) = (heads - 1, heads % 2 == 1);
            all.push(Options { heads, dtype, layers, causal, ..Options::default() });
        }
    }
    all
}

#[test]
fn edge_cases_come_back() {
    for (name, circuit) in circuits::edge_cases() {
        if circuit.inputs().len() <= 12 {
            println!("{name}");
            options().iter().for_each(|options| check_round_trip(&circuit, options));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn random_circuits_come_back(
        circuit in random_circuit(6, 40),
        choice in any::<prop::sample::Index>(),
    ) {
        if !circuit.outputs().is_empty() {
            check_round_trip(&circuit, choice.get(&options()));
        }
    }
}

#[test]
fn what_comes_back_can_be_written_in_every_format_that_has_its_gates() {
    let circuit = circuits::full_adder();
    let found = decompile(&compile(&circuit, "", &Options::default()).unwrap()).unwrap();
    assert!(found.nodes().all(|node| !matches!(found.kind(node), GateKind::Lut(_))));
    for format in [&blif::FORMAT, &aiger::ASCII, &bench::FORMAT, &json::FORMAT] {
        let bytes = format::write(&found, format).unwrap().bytes;
        let read = format::read(&bytes, "found").unwrap().circuit;
        assert_eq!(truth(&read), truth(&circuit), "{format:?}");
    }
}

#[test]
fn weights_that_are_no_network_are_an_error() {
    let model = compile(&circuits::full_adder(), "", &Options::default()).unwrap();
    let mut parts = (*model).clone();
    parts.blocks[0].w_v.fill(0.25);
    let error = decompile(&Model::new(parts).unwrap()).unwrap_err();
    assert!(error.to_string().contains("C3"), "{error}");
}
