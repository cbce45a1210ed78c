//! Theorem 2 (idempotence). For every input the stream after `D` layers, `D` the highest level, is a
//! fixed point of every further layer: extra loops change no number of it.
//!
//! Proof. By theorem 1 all values are the true ones after `D` layers, whatever came before, and after
//! one more; the fetch channels are `(+1, -1)` after every layer and the other channels are static. So
//! the stream after `D` and after `D + 1` layers is the same. ∎
//!
//! Claims: more-loops, unchanged-outputs, fixed-point-halting.
//!
//! Checked on random circuits, number by number. The hypothesis "after `D` layers" is needed: before, a
//! stream may stand still where it is read and move later ([`outputs_that_rest_are_not_final`]).

use proptest::prelude::*;

use crate::ground::*;

proptest! {
    #![proptest_config(cases(100))]
    #[test]
    fn extra_loops_change_no_number(
        circuit in circuits(6, 20),
        number in any::<u64>(),
        layers in 1usize..4,
    ) {
        let model = model(&circuit, |options| options.layers = layers);
        let input: Vec<bool> = (0..circuit.inputs().len()).map(|i| number >> i & 1 == 1).collect();
        let depth = truth(&model, &circuit, &input).levels.into_iter().max().unwrap_or(0);
        let steps = steps(&model, &input, model.n_loops + 3);
        for step in &steps[depth..] {
            prop_assert_eq!(&step.stream, &steps[depth].stream);
        }
    }
}

/// An AND tree of eight ones: the output reads 0 after the first and the second layer, unchanged, and 1
/// after the third.
#[test]
fn outputs_that_rest_are_not_final() {
    let circuit = circuit2tf::family::generate("and:8").unwrap();
    let model = model(&circuit, |_| ());
    let output = model.output_positions[0];
    let seen: Vec<bool> =
        steps(&model, &[true; 8], model.n_loops).iter().map(|step| step.bits[output]).collect();
    assert_eq!(seen, [false, false, false, true]);
}
