//! Theorem 9 (normalisation). Let a model satisfy the hypothesis of Theorem 5. Before the first layer and after every
//! layer each channel of each position is `+1` or `-1`, a position's channels sum to 0, and their mean square
//! is 1. So LayerNorm and RMSNorm with gain 1 and `ε = 0`, wherever they are put between layers, change no number.
//!
//! Proof. Theorem 5 says that the stream is the `±1` encoding of the gates' states. Values and table entries
//! stand beside their complements and addresses are balanced, so the sum is 0; squares of `±1` are 1. The mean
//! 0 and the deviation 1 are exact in every dtype, as are the subtraction and the division. ∎
//!
//! Claims: unit-norm.
//!
//! Checked on random circuits in every dtype: the stream after normalisation against the stream, number by number. With
//! a state that is no bit the norm does change it ([`analog_states_are_changed`]).

use circuit2tf::family::generate;
use circuit2tf::model::Dtype;
use ndarray::{Array2, Axis};
use proptest::prelude::*;

use crate::ground::*;

/// LayerNorm and RMSNorm, gain 1 and no ε.
fn normalised(stream: &Array2<f64>) -> [Array2<f64>; 2] {
    let rows = |centred: bool| {
        let mut stream = stream.clone();
        for mut row in stream.axis_iter_mut(Axis(0)) {
            let n = row.len() as f64;
            let mean = if centred { row.sum() / n } else { 0.0 };
            row.mapv_inplace(|x| x - mean);
            let deviation = (row.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
            row.mapv_inplace(|x| x / deviation);
        }
        stream
    };
    [rows(true), rows(false)]
}

proptest! {
    #![proptest_config(cases(40))]
    #[test]
    fn norms_change_nothing(
        circuit in circuits(6, 20),
        number in any::<u64>(),
        layers in 1usize..4,
        dtype in prop::sample::select(vec![Dtype::F64, Dtype::F32, Dtype::Bf16, Dtype::F16]),
    ) {
        let model = model(&circuit, |options| (options.layers, options.dtype) = (layers, dtype));
        let input: Vec<bool> = (0..circuit.inputs().len()).map(|i| number >> i & 1 == 1).collect();
        for step in steps(&model, &input, model.n_loops + 1) {
            prop_assert!(step.stream.iter().all(|x| x.abs() == 1.0));
            prop_assert!(normalised(&step.stream).iter().all(|stream| *stream == step.stream));
        }
    }
}

#[test]
fn analog_states_are_changed() {
    let circuit = generate("adder:2").unwrap();
    let model = model(&circuit, |_| ());
    let value = channel(&model, "value");
    let gate = (0..model.n_ctx()).find(|position| !model.input_positions.contains(position));
    let analog = changed(&model, |parts| parts.w_pos[[gate.unwrap(), value]] = 0.5);
    let start = &steps(&analog, &[false; 4], 0)[0].stream;
    assert!(normalised(start).iter().all(|stream| stream != start));
}
