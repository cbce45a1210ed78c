//! Theorem 21 (sound halting). Let a loop's states be three-valued, inputs and constants known and gates unknown at
//! the start, and let a layer be Kleene's evaluation of every gate. Then a known bit never changes and is the
//! circuit's, and a node of level `t` is known after `t` layers. So a loop that stops when its outputs are known
//! stops within `depth` layers, and is right.
//!
//! Proof. Order the values by knowledge, unknown below both bits. Kleene's extension is monotone in it: fewer
//! completions agree on at least what more agree on. The start is below the state after one layer (sources stay,
//! gates were unknown), so by induction each state is below the next: what is known stays. The circuit's own
//! valuation is above the start and is kept by a layer, so all states are below it: what is known is right. The
//! operands of a node of level `t` are known after `t - 1` layers, by induction, and a row of known operands has one
//! completion. ∎
//!
//! Claims: known-outputs, adder-halting, stable-output-halting.
//!
//! Checked on random circuits: all promises, by running. The hypothesis "known" is needed: stopping when the outputs
//! rest is wrong ([`outputs_that_rest_are_no_reason_to_stop`]).

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Oracle;
use circuit2tf::compile::Options;
use circuit2tf::family::generate;
use circuit2tf::model::{Model, Parts};
use circuit2tf::reasoning::universal;
use circuit2tf::run::{Halting, Rule};
use circuit2tf::verify::{Broken, Check, Doubt, Verdict};
use proptest::prelude::*;

use crate::ground::*;

fn verdict(model: &Model, circuit: &circuit2tf::circuit::Circuit) -> Verdict {
    let engine = Halting::new(model, Rule::Known).unwrap();
    Check::until_known(&engine, circuit).run().unwrap()
}

proptest! {
    #![proptest_config(cases(60))]
    #[test]
    fn known_outputs_are_right_final_and_reached(
        circuit in circuits(6, 20),
        layers in 1usize..4,
        heads in 2usize..5,
    ) {
        let options = Options { layers, heads, ..Options::default() };
        let model = universal::compile(&circuit, "", &options).unwrap();
        let verdict = verdict(&model, &circuit);
        prop_assert!(matches!(verdict, Verdict::Verified { .. }), "{}", verdict);
    }
}

#[test]
fn outputs_that_rest_are_no_reason_to_stop() {
    let circuit = generate("and:8").unwrap();
    let model = universal::compile(&circuit, "", &Options::default()).unwrap();
    let inputs = Batch::counting(8, 0, 256);
    let expected = Oracle::new(&circuit).unwrap().run(&inputs).unwrap();
    let stopped = |rule| {
        let engine = Halting::new(&model, rule).unwrap();
        engine.run_until_halted(&inputs, model.n_loops + 1).unwrap()
    };
    for rule in [Rule::Known, Rule::FixedPoint] {
        assert_eq!(stopped(rule).outputs.first_difference(&expected), None, "{rule}");
    }
    let (assignment, _) = stopped(Rule::StableOutput).outputs.first_difference(&expected).unwrap();
    assert_eq!(assignment, 255, "all ones");
}

/// One number changed, each promise broken once: the check says which.
#[test]
fn a_model_that_breaks_a_promise_is_not_verified() {
    let circuit = generate("adder:2").unwrap();
    let model = universal::compile(&circuit, "", &Options::default()).unwrap();
    assert!(matches!(verdict(&model, &circuit), Verdict::Verified { .. }));
    let channel = |name: &str| channel(&model, name);
    let (halting, known) = (channel("halting"), channel("known1"));
    let says = |change: &dyn Fn(&mut Parts)| verdict(&changed(&model, change), &circuit);
    let broken = |verdict: &Verdict| match verdict {
        Verdict::Unknown(Doubt::Halting(broken)) => Some(broken.clone()),
        _ => None,
    };

    // Too few loops: an output is not known, and is read as 0.
    let early = says(&|parts| parts.n_loops = 1);
    let is_open = matches!(broken(&early), Some(Broken::NotKnown { n_loops: 1, .. }));
    assert!(is_open || matches!(early, Verdict::Refuted(_)), "{early}");
    // A gate that says it is done at the start.
    let gate = circuit.inputs().len();
    let eager = says(&|parts| parts.w_pos[[gate, halting]] = 1.0);
    assert!(matches!(broken(&eager), Some(Broken::Changed { .. })), "{eager}");
    // Outputs that say they are done, and are not.
    let liar = says(&|parts| {
        for position in parts.output_positions.clone() {
            parts.w_pos[[position, halting]] = 1.0;
        }
    });
    assert!(matches!(liar, Verdict::Refuted(_)), "{liar}");
    // A gate that starts with the wrong bit: it is taken back, or wrong.
    let wrong = says(&|parts| {
        parts.w_pos[[gate, known]] = 1.0;
        parts.w_pos[[gate, halting]] = 1.0;
    });
    assert!(!matches!(wrong, Verdict::Verified(_)), "{wrong}");
}
