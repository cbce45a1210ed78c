//! Certificate and miter together: other circuits of the same function, and wrong ones.

use circuit2tf::circuit::{Builder, Circuit, GateKind, Literal};
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Model, Parts};
use circuit2tf::run::Reference;
use circuit2tf::verify::{prove, prove_by_miter, refute};

fn model(circuit: &Circuit) -> Model {
    compile(circuit, "", &Options { layers: 2, ..Options::default() }).unwrap()
}

#[test]
fn a_model_is_proved_equal_to_another_circuit_of_the_same_function() {
    for (compiled, other) in
        [("adder:6", "adder-ks:6"), ("parity:9", "parity-chain:9"), ("mult:3", "mult-wallace:3")]
    {
        let model = model(&generate(compiled).unwrap());
        let certificate = prove(&model, &generate(other).unwrap());
        assert!(certificate.is_proof(), "{compiled} as {other}: {certificate:?}");
        let comparison = &certificate.facts.comparison;
        assert_eq!(comparison, "a miter, by SAT, proof checked");
    }
}

#[test]
fn the_miter_needs_no_claim() {
    let circuit = generate("comparator:5").unwrap();
    let parts = model(&circuit).into_parts();
    let lying = parts
        .claim
        .iter()
        .map(|(name, entries)| (name.clone(), entries.iter().rev().copied().collect()));
    let lying = Model::new(Parts { claim: lying.collect(), ..parts.clone() }).unwrap();
    assert!(prove(&lying, &circuit).is_proof());
    let silent = Model::new(Parts { claim: Default::default(), ..parts }).unwrap();
    assert!(prove(&silent, &circuit).is_proof());
    assert!(prove_by_miter(&model(&circuit), &circuit).is_proof());
}

/// An AND of all inputs, and the same without the last: they differ on one assignment in 2^14.
#[test]
fn a_rare_difference_is_found_and_replayed() {
    let and = |n_operands: usize| {
        let mut builder = Builder::new();
        let x: Vec<Literal> =
            (0..14).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
        let gate = builder.gate(GateKind::And, &x[..n_operands]).unwrap();
        builder.output("y", gate).unwrap();
        builder.finish().unwrap()
    };
    let (model, circuit) = (model(&and(13)), and(14));
    assert!(!prove(&model, &circuit).is_proof());
    let engine = Reference::new(&model).unwrap();
    let found = refute(&engine, &circuit).unwrap().expect("SAT finds it");
    let expected: Vec<bool> = (0..14).map(|i| i < 13).collect();
    assert_eq!((found.input, found.output, found.expected), (expected, 0, false));
}

#[test]
fn nothing_is_refuted_where_nothing_differs() {
    let circuit = generate("adder:3").unwrap();
    let model = model(&circuit);
    let engine = Reference::new(&model).unwrap();
    assert_eq!(refute(&engine, &circuit).unwrap(), None);
}

/// An AND of 24 literals of mixed signs, read one layer too early: wrong on one assignment in 2^24, which
/// neither corners nor a sample hold.
#[test]
fn too_few_layers_are_refuted_by_unrolling() {
    let mut builder = Builder::new();
    let x: Vec<Literal> = (0..24)
        .map(|i| Literal::from(builder.input(format!("x{i}")).unwrap()).flip_if(i % 3 == 1))
        .collect();
    let gate = builder.gate(GateKind::And, &x).unwrap();
    builder.output("y", gate).unwrap();
    builder.output("x5", x[5]).unwrap();
    let circuit = builder.finish().unwrap();
    let whole = compile(&circuit, "", &Options::default()).unwrap();
    for n_loops in 1..whole.n_loops {
        let model = Model::new(Parts { n_loops, ..whole.clone().into_parts() }).unwrap();
        let engine = Reference::new(&model).unwrap();
        let found = refute(&engine, &circuit).unwrap().expect("SAT finds it");
        let expected: Vec<bool> = (0..24).map(|i| i % 3 != 1).collect();
        assert_eq!((found.input, found.output, found.expected), (expected, 0, true), "{n_loops}");
    }
    let engine = Reference::new(&whole).unwrap();
    assert_eq!(refute(&engine, &circuit).unwrap(), None);
}

/// The longest path of the multiplier never matters: one layer fewer is right, and there is no witness.
#[test]
fn too_few_layers_that_are_right_are_not_refuted() {
    let circuit = generate("mult:4").unwrap();
    let whole = compile(&circuit, "", &Options::default()).unwrap();
    let refuted = |n_loops: usize| {
        let model = Model::new(Parts { n_loops, ..whole.clone().into_parts() }).unwrap();
        let engine = Reference::new(&model).unwrap();
        refute(&engine, &circuit).unwrap()
    };
    assert_eq!(refuted(whole.n_loops - 1), None);
    assert!(refuted(whole.n_loops - 2).is_some() || refuted(whole.n_loops - 3).is_some());
    assert!(refuted(0).is_some());
}
