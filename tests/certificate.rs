//! The certificate: it proves what the compiler makes, and nothing that is wrong.

#[path = "support/circuits.rs"]
mod circuits;
#[path = "support/mutation.rs"]
mod mutation;
mod support;

use circuit2tf::circuit::{Circuit, GateKind};
use circuit2tf::compile::{Options, compile};
use circuit2tf::model::{Dtype, Model};
use circuit2tf::verify::Verdict;
use circuit2tf::verify::certificate::{Certificate, certify};
use mutation::{Subject, attack};
use proptest::prelude::*;
use support::random_circuit;

fn compiled(circuit: &Circuit, options: &Options) -> Model {
    compile(circuit, "5ource", options).unwrap()
}

fn require_verified(model: &Model, circuit: &Circuit, what: &str) -> Certificate {
    let certificate = certify(model, circuit);
    let verdict = Verdict::from(&certificate);
    assert!(matches!(verdict, Verdict::Verified { .. }), "{what}: {verdict}");
    certificate
}

/// A spread of what the compiler offers.
fn all_options() -> Vec<Options> {
    let mut all = Vec::new();
    for dtype in Dtype::ALL {
        for (heads, layers, unroll, causal) in [
            (2, 1, false, false),
            (3, 2, false, true),
            (4, 3, true, false),
            (2, 4, false, true),
            (3, 5, false, false),
            (6, 1, true, true),
        ] {
            all.push(Options { layers, heads, dtype, unroll, causal, ..Options::default() });
        }
    }
    all
}

#[test]
fn what_the_compiler_makes_of_edge_cases_is_verified_with_every_option() {
    for (name, circuit) in circuits::edge_cases() {
        for options in all_options() {
            let model = compiled(&circuit, &options);
            require_verified(&model, &circuit, &format!("{name}, {options:?}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_the_compiler_makes_of_random_circuits_is_verified(
        circuit in random_circuit(8, 60),
        choice in any::<prop::sample::Index>(),
    ) {
        if circuit.outputs().is_empty() {
            return Ok(());
        }
        let options = choice.get(&all_options()).clone();
        require_verified(&compiled(&circuit, &options), &circuit, &format!("{options:?}"));
    }
}

/// Small models of every kind, to be corrupted.
fn subjects() -> Vec<Subject> {
    let circuits = [
        ("full adder", circuits::full_adder()),
        ("chain", circuits::chain(3)),
        ("majority", circuits::one_gate(GateKind::Maj, 3)),
        ("constants", circuits::constants(1)),
    ];
    let options = all_options();
    let spread = circuits.into_iter().enumerate().flat_map(|(c, (name, circuit))| {
        let options = options.iter().filter(|options| options.heads < 4).skip(c % 2).step_by(2);
        options.cloned().map(move |options| (name, circuit.clone(), options)).collect::<Vec<_>>()
    });
    spread
        .map(|(name, circuit, options)| Subject {
            name: format!("{name}, {options:?}"),
            model: compiled(&circuit, &options),
            circuit,
        })
        .collect()
}

/// Mutants that are tried by default.
const QUICK: usize = 2000;

/// `CIRCUIT2TF_MUTANTS` says how many mutants to try.
#[test]
fn no_mutant_whose_function_changed_is_verified() {
    let n = std::env::var("CIRCUIT2TF_MUTANTS").ok().and_then(|text| text.parse().ok());
    let matrix = attack(&subjects(), n.unwrap_or(QUICK));
    println!(
        "{} mutants: {} changed, {} of them refused; unchanged: {} verified, {} unknown",
        matrix.mutants,
        matrix.changed,
        matrix.refused,
        matrix.unchanged_verified,
        matrix.unchanged_unknown
    );
    assert!(matrix.failures.is_empty(), "{:#?}", matrix.failures);
    assert_eq!(matrix.changed, matrix.refused);
    assert!(matrix.changed > matrix.mutants / 10, "the attack is an attack");
    assert!(matrix.unchanged_verified > 0, "the certificate verifies something");
}
