//! Theorem 6 (engines agree). Let a model satisfy the hypothesis of Theorem 5: `4 β ≥ θ`, `θ` the dtype's
//! softmax threshold. Then every engine that computes the literal forward pass gives the same stream after
//! every layer, number by number, whatever the order of its sums, the width of its accumulators from the
//! dtype's up, and its exponential, provided that an operation whose exact result is a number of the dtype
//! returns it, that softmax subtracts the row's maximum, and that `exp(0) = 1` and `exp(x) = 0` for `x ≤ -θ`.
//!
//! Proof. Every partial sum of every product is a number of the dtype, in any order (reason (2) of
//! `compile/attention.rs`, and `compile/mlp.rs`), so each engine's matrix products are the exact ones. In a
//! softmax row one term is `exp(0) = 1` and the others are 0 by the assumption on `exp`; their sum is 1 in any
//! order, and a division by it, before the product with the values or after, changes nothing. So every
//! operation has one possible result. By induction over layers the streams are equal. ∎
//!
//! Claims: any-order.
//!
//! Checked on random circuits in every dtype: the reference engine (sums one after the other, the library's
//! exponential, f16 and bf16 rounded after each operation) against the dense engine with fused operations
//! (vectors of partial sums, a polynomial, a division after the product) and with candle's basic ones (f16
//! and bf16 as such, another order), and against a forward pass that adds random pairs of terms and rounds
//! every single operation. The hypothesis is needed: where a row leaks, terms that are neither 0
//! nor 1 are rounded in an order, and the passes differ ([`below_the_threshold_engines_differ`]).

use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Dense, Device, Step};
use circuit2tf::theory::order::randomly_summed;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::ground::*;

/// The streams of the dense engine, with fused and with basic operations.
fn dense_steps(model: &Model, input: &[bool]) -> [Vec<Step>; 2] {
    let cpu = Device::cpu();
    let engines =
        [Dense::new(model, &cpu).unwrap(), Dense::with_basic_operations(model, &cpu).unwrap()];
    engines.map(|engine| {
        let mut steps = Vec::new();
        engine.trace(input, model.n_loops, |step| steps.push(step)).unwrap();
        steps
    })
}

proptest! {
    #![proptest_config(cases(25))]
    #[test]
    fn all_engines_give_one_stream(
        circuit in circuits(6, 20),
        number in any::<u64>(),
        heads in 2usize..5,
        causal in any::<bool>(),
    ) {
        let input: Vec<bool> = (0..circuit.inputs().len()).map(|i| number >> i & 1 == 1).collect();
        for dtype in Dtype::ALL {
            let model = model(&circuit, |options| {
                (options.dtype, options.heads, options.causal) = (dtype, heads, causal);
            });
            let expected = steps(&model, &input, model.n_loops);
            for found in dense_steps(&model, &input) {
                prop_assert!(found == expected, "{}", dtype);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(8))]
    #[test]
    fn every_order_of_rounded_sums_gives_that_stream(
        circuit in circuits(4, 8),
        number in any::<u64>(),
        heads in 2usize..4,
        causal in any::<bool>(),
    ) {
        let input: Vec<bool> = (0..circuit.inputs().len()).map(|i| number >> i & 1 == 1).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        for dtype in Dtype::ALL {
            let model = model(&circuit, |options| {
                (options.dtype, options.heads, options.causal) = (dtype, heads, causal);
            });
            let expected = steps(&model, &input, model.n_loops).into_iter().map(|step| step.stream);
            let found = randomly_summed(&model, &input, model.n_loops, &mut rng).unwrap();
            prop_assert!(expected.eq(found), "{}", dtype);
        }
    }
}

#[test]
fn below_the_threshold_engines_differ() {
    let circuit = generate("parity:32").unwrap();
    let input: Vec<bool> = (0..32).map(|i| i % 3 == 0).collect();
    for dtype in [Dtype::F32, Dtype::F64, Dtype::F16] {
        // The clamps of the MLP take most differences back; at which temperature one survives depends on the
        // circuit.
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let differs = |beta: f64| {
            let leaky = model(&circuit, |options| {
                (options.dtype, options.inverse_temperature) = (dtype, beta);
            });
            assert!(4.0 * beta < dtype.softmax_threshold());
            let expected = steps(&leaky, &input, leaky.n_loops);
            let in_another_order =
                randomly_summed(&leaky, &input, leaky.n_loops, &mut rng).unwrap();
            let streams = expected.iter().map(|step| &step.stream);
            dense_steps(&leaky, &input).iter().any(|found| *found != expected)
                || !streams.eq(&in_another_order)
        };
        assert!([0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0].into_iter().any(differs), "{dtype}");
    }
}
