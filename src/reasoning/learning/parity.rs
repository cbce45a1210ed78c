//! The gradients of all parities of `n` inputs at once.
//!
//! For a model `f` and the loss `½ E(f - χ)²` the gradient is `E[f ∇f] - E[χ ∇f]`: of the target it knows
//! the correlation of `χ` with `∇f` alone. The `2^n` parities are orthonormal, so the squares of their
//! correlations sum to `E‖∇f‖²` (Parseval), and the variance of the gradient over the parities is at
//! most `E‖∇f‖² / 2^n` (Shalev-Shwartz, Shamir, Shammah 2017): all targets look alike.

use candle_core::Tensor;

use super::{Looped, Task, from_candle};
use crate::error::{Error, Result};

/// What the gradients of all parities are at one model.
#[derive(Debug, Clone, PartialEq)]
pub struct ParityGradients {
    /// `E‖∇f‖²` over all inputs.
    pub mean_square: f64,
    /// `‖E[χ ∇f]‖²` of the parity of the inputs in the mask `v`, by `v`.
    pub signals: Vec<f64>,
    /// Of the gradient over the parities: the sum over its coordinates.
    pub variance: f64,
    /// `‖E[χ ∇f]‖²` of the majority of the inputs, as `±1`.
    pub majority: f64,
}

impl ParityGradients {
    /// `E‖∇f‖² / 2^n`.
    pub fn bound(&self) -> f64 {
        self.mean_square / self.signals.len() as f64
    }
}

/// Measures all `2^n` parities at the model's numbers; `f` is the difference of the first output's logits.
///
/// # Errors
/// The model has no output, or candle's.
pub fn parity_gradients(looped: &Looped, task: &Task, n_loops: usize) -> Result<ParityGradients> {
    if task.targets.is_empty() {
        return Err(Error::new("a model with an output", "none"));
    }
    let n = task.n_assignments;
    let width = task.tokens.len() / n;
    let gradients = (0..n).map(|a| {
        let tokens = &task.tokens[a * width..(a + 1) * width];
        gradient(looped, tokens, n_loops).map_err(from_candle)
    });
    let gradients: Vec<Vec<f64>> = gradients.collect::<Result<_>>()?;
    let n_inputs = n.trailing_zeros();
    let mut found =
        ParityGradients { mean_square: 0.0, signals: vec![0.0; n], variance: 0.0, majority: 0.0 };
    for p in 0..gradients[0].len() {
        let mut values: Vec<f64> = gradients.iter().map(|gradient| gradient[p]).collect();
        found.mean_square += values.iter().map(|g| g * g).sum::<f64>() / n as f64;
        let sign = |a: usize| if 2 * a.count_ones() > n_inputs { 1.0 } else { -1.0 };
        let majority = values.iter().enumerate().map(|(a, g)| sign(a) * g).sum::<f64>() / n as f64;
        found.majority += majority * majority;
        walsh_hadamard(&mut values);
        let correlations: Vec<f64> = values.iter().map(|sum| sum / n as f64).collect();
        let mean = correlations.iter().sum::<f64>() / n as f64;
        for (signal, c) in found.signals.iter_mut().zip(&correlations) {
            *signal += c * c;
            found.variance += (c - mean) * (c - mean) / n as f64;
        }
    }
    Ok(found)
}

/// The gradient of `f` on one assignment, all parameters in one vector.
fn gradient(looped: &Looped, tokens: &[u32], n_loops: usize) -> candle_core::Result<Vec<f64>> {
    let mut x = looped.embed(tokens)?;
    for _ in 0..n_loops {
        x = looped.step(&x)?;
    }
    let logits = looped.read(&x)?.get(0)?;
    let gradients = (logits.get(1)? - logits.get(0)?)?.backward()?;
    let mut all = Vec::with_capacity(looped.n_parameters());
    for (_, variable) in looped.variables() {
        let gradient = match gradients.get(variable) {
            Some(gradient) => gradient.clone(),
            // Without loops the block takes no part.
            None => Tensor::zeros_like(variable)?,
        };
        all.extend(gradient.flatten_all()?.to_vec1::<f64>()?);
    }
    Ok(all)
}

/// In place, `values[v]` becomes the sum over `a` of `values[a]` times the sign of the parity of `a & v`.
fn walsh_hadamard(values: &mut [f64]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Start;
    use super::super::looped::soft_model;
    use super::*;
    use crate::family::generate;

    fn at_random(spec: &str, seed: u64) -> (Looped, Task) {
        let circuit = generate(spec).unwrap();
        let model = soft_model(&circuit, 2.0, 256.0).unwrap();
        let task = Task::new(&circuit, &model).unwrap();
        (Looped::new(&model, Start::Random, seed).unwrap(), task)
    }

    #[test]
    fn all_256_parities_of_eight_inputs_share_the_gradient() {
        let (looped, task) = at_random("parity:8", 1);
        let found = parity_gradients(&looped, &task, 3).unwrap();
        assert_eq!(found.signals.len(), 256);
        let sum: f64 = found.signals.iter().sum();
        assert!((sum / found.mean_square - 1.0).abs() < 1e-9, "Parseval");
        assert!(found.variance > 0.0 && found.variance <= found.bound() * (1.0 + 1e-9));
        // A function that is not one of so many orthogonal ones: the bound does not hold for it.
        assert!(found.majority > found.bound(), "{found:?}");
    }

    /// The correlation of one parity by its definition.
    #[test]
    fn a_signal_is_that_of_its_parity() {
        let (looped, task) = at_random("parity:3", 2);
        let found = parity_gradients(&looped, &task, 2).unwrap();
        let width = task.tokens.len() / 8;
        for v in [0usize, 5, 7] {
            let mut sum = vec![0.0; looped.n_parameters()];
            for a in 0..8 {
                let sign = if (a & v).count_ones() % 2 == 0 { 1.0 } else { -1.0 };
                let tokens = &task.tokens[a * width..(a + 1) * width];
                let gradient = gradient(&looped, tokens, 2).unwrap();
                sum.iter_mut().zip(gradient).for_each(|(s, g)| *s += sign * g / 8.0);
            }
            let expected: f64 = sum.iter().map(|s| s * s).sum();
            assert!((found.signals[v] - expected).abs() <= 1e-9 * expected, "{v}");
        }
    }
}
