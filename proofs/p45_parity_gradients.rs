//! Theorem. Let `f` be a model's output on uniform inputs of `n` bits, differentiable in its parameters, and the
//! loss of a target `χ` be `½ E(f - χ)²`. Over the `2^n` parities the gradient has variance at most
//! `E‖∇f‖² / 2^n`, without the half four times that (Shalev-Shwartz, Shamir and Shammah 2017).
//!
//! Proof. The gradient is `E[f ∇f] - E[χ ∇f]`, whose first term is the same for all targets. Parities are
//! orthonormal, and there are as many as inputs, so for each parameter the squares of `E[χ ∂f]` sum to
//! `E[(∂f)²]` (Parseval). A variance is at most the mean square, which is that sum over `2^n`. ∎
//!
//! Claims: parity-gradients.
//!
//! Executed: Parseval and the bound for all parities of small `n`, at random models and any number of loops.
//! That all parities are counted is needed: the signals of some exceed the bound.

use circuit2tf::compile::INVERSE_TEMPERATURE;
use circuit2tf::family::generate;
use circuit2tf::reasoning::learning::looped::soft_model;
use circuit2tf::reasoning::learning::parity::{ParityGradients, parity_gradients};
use circuit2tf::reasoning::learning::{Looped, Start, Task};

use crate::ground::is_long_range;

fn gradients(n_inputs: usize, n_loops: usize, seed: u64) -> ParityGradients {
    let circuit = generate(&format!("parity:{n_inputs}")).unwrap();
    let model = soft_model(&circuit, 2.0, INVERSE_TEMPERATURE).unwrap();
    let task = Task::new(&circuit, &model).unwrap();
    let looped = Looped::new(&model, Start::Random, seed).unwrap();
    parity_gradients(&looped, &task, n_loops).unwrap()
}

#[test]
fn all_parities_share_one_mean_square() {
    let widest = if is_long_range() { 8 } else { 5 };
    for n_inputs in 2..=widest {
        for n_loops in 1..=3 {
            let found = gradients(n_inputs, n_loops, n_inputs as u64);
            assert_eq!(found.signals.len(), 1 << n_inputs);
            let sum: f64 = found.signals.iter().sum();
            // Sums of some thousand terms, each rounded to 2^-53.
            assert!((sum / found.mean_square - 1.0).abs() < 1e-9, "{n_inputs} inputs");
            assert!(found.variance > 0.0 && found.variance <= found.bound() * (1.0 + 1e-9));
        }
    }
}

/// The bound is on a mean: of the signals of all parities, whose mean it is, some are much larger.
#[test]
fn single_parities_stand_out() {
    for seed in 1..=5 {
        let found = gradients(5, 1, seed);
        let largest = found.signals.iter().copied().fold(0.0, f64::max);
        assert!(largest > 2.0 * found.bound(), "seed {seed}");
    }
}
