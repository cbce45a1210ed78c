//! Theorem 1 (simulation). For every circuit, input, mask, dtype and initial state of the gates: after
//! `t` layers every position whose node has level at most `t` holds the node's true value.
//!
//! Proof. By induction on `t`. Inputs and constants have level 0; their embedding is right, and since
//! they read themselves and project, each layer keeps them. A node of level `t + 1` reads operands of
//! level at most `t`, which are right after `t` layers; by the lemma of `compile/attention.rs` the heads
//! fetch exactly these values, and by that of `compile/mlp.rs` the MLP looks up exactly the gate's value
//! on them. The old state is cleared, so it plays no part. ∎
//!
//! Claims: simulation, self-stabilisation.
//!
//! Checked: every circuit of at most three gates on two inputs, from the all-0 and the all-1 initial
//! state, in the long range from every one; random circuits with every gate kind from random initial states, with and without a causal mask, with two
//! to four heads.
//!
//! The hypothesis "level at most `t`" is needed: see [`after_fewer_layers_a_node_may_be_wrong`].

use proptest::prelude::*;

use crate::ground::*;

/// The first position of level at most `t` that is wrong after `t` layers.
fn first_wrong(
    model: &circuit2tf::model::Model,
    circuit: &circuit2tf::circuit::Circuit,
    input: &[bool],
) -> Option<(usize, usize)> {
    let truth = truth(model, circuit, input);
    let steps = steps(model, input, model.n_loops + 1);
    steps.iter().find_map(|step| {
        let due = (0..model.n_ctx()).filter(|&i| truth.levels[i] <= step.n_steps);
        let mut wrong = due.filter(|&i| truth.values[i].is_some_and(|value| step.bits[i] != value));
        wrong.next().map(|position| (step.n_steps, position))
    })
}

/// All states of `n_gates` gates in the long range, else the two extreme ones.
fn initial_states(n_gates: usize) -> Vec<Vec<bool>> {
    if is_long_range() {
        assignments(n_gates).collect()
    } else {
        vec![vec![false; n_gates], vec![true; n_gates]]
    }
}

#[test]
fn every_circuit_of_three_gates() {
    for circuit in small_circuits() {
        let model = model(&circuit, |_| ());
        for start in initial_states(circuit.n_gates()) {
            let model = with_initial_states(&model, &start);
            for input in assignments(2) {
                assert_eq!(first_wrong(&model, &circuit, &input), None, "{circuit:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(100))]
    #[test]
    fn random_circuits_from_random_initial_states(
        circuit in circuits(6, 20),
        start in prop::collection::vec(any::<bool>(), 1..40),
        number in any::<u64>(),
        heads in 2usize..5,
        layers in 1usize..4,
        causal in any::<bool>(),
    ) {
        let model = model(&circuit, |options| {
            options.heads = heads;
            options.layers = layers;
            options.causal = causal;
        });
        let model = with_initial_states(&model, &start);
        let input: Vec<bool> = (0..circuit.inputs().len()).map(|i| number >> i & 1 == 1).collect();
        prop_assert_eq!(first_wrong(&model, &circuit, &input), None);
    }
}

/// The hypothesis is needed: a node of level `t + 1` may be wrong after `t` layers. The last node of a
/// parity chain is, for half of the inputs, after every number of layers below its level.
#[test]
fn after_fewer_layers_a_node_may_be_wrong() {
    let circuit = parity_chain(6);
    let model = model(&circuit, |_| ());
    let output = model.output_positions[0];
    let mut wrong = vec![0; model.n_loops + 1];
    for input in assignments(6) {
        let parity = input.iter().filter(|&&bit| bit).count() % 2 == 1;
        for step in steps(&model, &input, model.n_loops) {
            wrong[step.n_steps] += usize::from(step.bits[output] != parity);
        }
    }
    assert_eq!(wrong, [32, 32, 32, 32, 32, 0]);
}

/// Without the clearing units the old state plays a part, and the theorem fails.
#[test]
fn without_an_eraser_a_node_of_level_one_is_wrong() {
    let circuit = parity_chain(2);
    let whole = model(&circuit, |_| ());
    let value = channel(&whole, "value");
    let unit = 2 << whole.n_heads();
    let broken = changed(&whole, |parts| {
        assert_eq!(parts.blocks[0].w_out[[unit, value]], -1.0, "the unit that clears the value");
        parts.blocks[0].w_out[[unit, value]] = 0.0;
    });
    let wrong = assignments(2).filter(|input| first_wrong(&broken, &circuit, input).is_some());
    assert!(wrong.count() > 0);
    assert!(assignments(2).all(|input| first_wrong(&whole, &circuit, &input).is_none()));
}
