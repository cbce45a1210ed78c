//! Theorem. `T` layers of a compiled model are wrong on some input exactly if the miter of `T` unrolled
//! steps against the circuit is satisfiable, and its solutions are the wrong inputs.
//!
//! Proof. A layer makes one synchronous step of all gates, exactly; so the outputs after `T` layers are
//! those of `T` unrolled steps from the initial states, and the miter says that one of them is not the
//! circuit's. End of proof.
//!
//! Claims: fewer-loops-fail, miter, monotone.
//!
//! Executed: every witness that the solver finds, from gates at 0 and from arbitrary initial states, is
//! run on the model and is wrong there; the least number of loops is run on all inputs and is right.
//! The depth is an upper bound only: the 4-bit array multiplier is right one loop early.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::layout::Layout;
use circuit2tf::mapping::map;
use circuit2tf::model::Model;
use circuit2tf::network::Network;
use circuit2tf::run::{Engine, Reference};
use circuit2tf::sat::Limits;
use circuit2tf::theory::tightness::{Correctness, Witness, loops};
use circuit2tf::verify::{Check, Verdict};

/// The model with its gates started as the witness says.
fn started(model: &Model, network: &Network, witness: &Witness) -> Model {
    let layout = Layout::new(network.k(), network.n_nodes()).unwrap();
    let mut parts = model.clone().into_parts();
    for id in (0..network.n_nodes()).filter(|&id| !network.is_source(id)) {
        let sign = if witness.start[id] { 1.0 } else { -1.0 };
        parts.w_pos[[id, layout.value()]] = sign;
        parts.w_pos[[id, layout.not_value()]] = -sign;
    }
    Model::new(parts).unwrap()
}

fn is_right(model: &Model, circuit: &Circuit, input: &[bool], n_loops: usize) -> bool {
    let inputs = Batch::from_columns(input.len(), &[input.to_vec()]).unwrap();
    let outputs = Reference::new(model).unwrap().run(&inputs, n_loops).unwrap();
    outputs.column(0) == circuit.evaluate(input).unwrap()
}

fn specs() -> Vec<String> {
    let named = ["adder:4", "and:8", "parity:8", "mux:2", "adder-ks:4", "majority:5"];
    let random = (0..6).map(|seed| format!("random:n=5,gates=14,seed={seed}"));
    named.iter().map(|spec| spec.to_string()).chain(random).collect()
}

#[test]
fn witnesses_are_wrong_and_the_least_number_is_right_on_the_model() {
    let mut replayed = 0;
    for spec in specs() {
        let circuit = generate(&spec).unwrap();
        let network = map(&circuit, 2).unwrap().network;
        for layers in [1, 2] {
            let options = Options { layers, ..Options::default() };
            let model = compile(&circuit, "", &options).unwrap();
            let found = loops(&network, layers, Limits::default()).unwrap();
            for (r, correctness) in found.from_zero.iter().enumerate() {
                if let Correctness::Wrong(witness) = correctness {
                    assert!(!is_right(&model, &circuit, &witness.input, r), "{spec} {layers} {r}");
                    replayed += 1;
                }
            }
            if let Some(Correctness::Wrong(witness)) = &found.from_any.one_fewer {
                let model = started(&model, &network, witness);
                let n_loops = found.from_any.loops - 1;
                assert!(!is_right(&model, &circuit, &witness.input, n_loops), "{spec} {layers}");
                replayed += 1;
            }
            let engine = Reference::new(&model).unwrap();
            let least = found.least_from_zero().unwrap();
            let verdict = Check::new(&engine, &circuit).loops(least).run().unwrap();
            assert!(matches!(verdict, Verdict::Verified { .. }), "{spec} {layers}: {verdict}");
        }
    }
    assert!(replayed > 60, "only {replayed} witnesses");
}

#[test]
fn a_multiplier_is_right_one_loop_early() {
    let circuit = generate("mult:4").unwrap();
    let network = map(&circuit, 2).unwrap().network;
    let found = loops(&network, 1, Limits::default()).unwrap();
    assert_eq!((found.depth, found.least_from_zero(), found.from_any.loops), (16, Some(15), 16));
    let model = compile(&circuit, "", &Options::default()).unwrap();
    let engine = Reference::new(&model).unwrap();
    let verdict = Check::new(&engine, &circuit).loops(15).run().unwrap();
    assert!(matches!(verdict, Verdict::Verified { .. }), "{verdict}");
}
