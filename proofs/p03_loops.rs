//! Theorem 3 (loops). A block of `L` layers looped `⌈D/L⌉` times computes every circuit of depth `D`, on
//! all inputs; so does every larger number of loops.
//!
//! Proof. `L ⌈D/L⌉ ≥ D`, and by theorem 1 every output is right after `D` or more layers. ∎
//!
//! Claims: simulation.
//!
//! Checked: all inputs of random circuits and of small members of the families, for `L` up to `D + 1`
//! and for the unrolled model. "`⌈D/L⌉`" cannot be rounded down ([`rounding_down_is_too_few`]); for some
//! circuits fewer loops do suffice, which is no contradiction.

use circuit2tf::circuit::Circuit;
use circuit2tf::family::generate;
use circuit2tf::model::Model;
use circuit2tf::run::Reference;
use circuit2tf::verify::{Check, Verdict};
use proptest::prelude::*;

use crate::ground::*;

fn is_right(model: &Model, circuit: &Circuit, n_loops: usize) -> bool {
    let engine = Reference::new(model).unwrap();
    let verdict = Check::new(&engine, circuit).loops(n_loops).run().unwrap();
    matches!(verdict, Verdict::Verified { .. })
}

proptest! {
    #![proptest_config(cases(60))]
    #[test]
    fn random_circuits_on_all_inputs(circuit in circuits(6, 16), layers in 1usize..6) {
        let looped = model(&circuit, |options| options.layers = layers);
        prop_assert_eq!(looped.n_loops, looped.labels.depth.div_ceil(layers));
        prop_assert!(is_right(&looped, &circuit, looped.n_loops));
        prop_assert!(is_right(&looped, &circuit, looped.n_loops + 1));
        let unrolled = model(&circuit, |options| options.unroll = true);
        prop_assert!(unrolled.n_loops <= 1);
        prop_assert!(is_right(&unrolled, &circuit, unrolled.n_loops));
    }
}

#[test]
fn families_on_all_inputs_for_every_number_of_layers() {
    for spec in
        ["parity:8", "adder:4", "mult:3", "majority:7", "sort-bitonic:4", "mux:2", "hamming74"]
    {
        let circuit = generate(spec).unwrap();
        let depth = model(&circuit, |_| ()).labels.depth;
        for layers in 1..=depth + 1 {
            let model = model(&circuit, |options| options.layers = layers);
            assert!(is_right(&model, &circuit, model.n_loops), "{spec}, {layers} layers");
        }
    }
}

#[test]
fn rounding_down_is_too_few() {
    for spec in ["parity:8", "parity-chain:6", "adder:3", "and:8"] {
        let circuit = generate(spec).unwrap();
        let model = model(&circuit, |options| options.layers = 2);
        assert!(!is_right(&model, &circuit, model.n_loops - 1), "{spec}");
    }
}
