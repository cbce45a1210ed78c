//! Jacobians of the stream through loops, by random probes of the backward pass.
//!
//! For a vector `v` of independent signs the expectation of `‖vᵀ J‖²` is `‖J‖²_F` (Hutchinson 1990). A zero
//! is added to the stream after every loop; its gradient is `vᵀ J` for the loops that follow, so one
//! backward pass measures all distances at once.
//!
//! At compiled weights the Jacobian of the channel `value`, which is all that heads and the read-out see of
//! the state, is exactly 0: the ramps are flat at `±1`, what clears the old value has slope -1 and the
//! residual path slope 1, and a one-hot softmax does not move. Static channels are copied, with the
//! identity as Jacobian, and so is the sum of `value` and its twin `not_value`: nothing reads either.

use candle_core::{Device, Tensor, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::looped::cross_entropy;
use super::{Looped, Task, from_candle};
use crate::error::{Error, Result};
use crate::layout::Layout;

/// The most loops: the graph of all is held.
pub const MAX_LOOPS: usize = 64;

/// Which channels of the stream are pushed and seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channels {
    /// Every channel.
    All,
    /// These channels.
    Some(Vec<usize>),
}

/// The channel `value` of a model of two heads compiled with `n_ctx` positions.
///
/// # Errors
/// More positions than addresses.
pub fn state_channel(n_ctx: usize) -> Result<Channels> {
    Ok(Channels::Some(vec![Layout::new(2, n_ctx)?.value()]))
}

/// Root mean squares of `‖vᵀ J‖ / √(entries of v)` by the loops that `J` goes through, from 0.
///
/// An isometry has 1 everywhere, as has the identity at 0 loops. The mean is over all assignments of the
/// task and `n_probes` vectors.
///
/// # Errors
/// No or more than [`MAX_LOOPS`] loops, no probe, or candle's.
pub fn jacobian_norms(
    looped: &Looped,
    task: &Task,
    n_loops: usize,
    channels: &Channels,
    n_probes: usize,
    seed: u64,
) -> Result<Vec<f64>> {
    require_loops(n_loops)?;
    if n_probes == 0 {
        return Err(Error::new("at least one probe", "0"));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = vec![0.0; n_loops + 1];
    for _ in 0..n_probes {
        let norms = probe(looped, task, n_loops, channels, &mut rng).map_err(from_candle)?;
        sums.iter_mut().zip(norms).for_each(|(sum, norm)| *sum += norm);
    }
    Ok(sums.iter().map(|sum| (sum / n_probes as f64).sqrt()).collect())
}

fn require_loops(n_loops: usize) -> Result<()> {
    if (1..=MAX_LOOPS).contains(&n_loops) {
        return Ok(());
    }
    Err(Error::new(format!("1 to {MAX_LOOPS} loops"), n_loops.to_string()))
}

/// Mean squares of `vᵀ J` per entry of `v`, by loops.
fn probe(
    looped: &Looped,
    task: &Task,
    n_loops: usize,
    channels: &Channels,
    rng: &mut ChaCha8Rng,
) -> candle_core::Result<Vec<f64>> {
    let mut x = looped.embed(&task.tokens)?;
    let zero = Tensor::zeros_like(&x)?;
    let mut pushes = Vec::new();
    for _ in 0..=n_loops {
        let push = Var::from_tensor(&zero)?;
        x = (x + push.as_tensor())?;
        if pushes.len() < n_loops {
            x = looped.step(&x)?;
        }
        pushes.push(push);
    }
    let mask = mask(channels, x.dims()[2])?;
    let signs: Vec<f64> =
        (0..x.elem_count()).map(|_| if rng.random() { 1.0 } else { -1.0 }).collect();
    let v = Tensor::from_vec(signs, x.dims(), &Device::Cpu)?.broadcast_mul(&mask)?;
    let gradients = (x * &v)?.sum_all()?.backward()?;
    let entries = v.sqr()?.sum_all()?.to_scalar::<f64>()?;
    let mut norms = Vec::new();
    for push in pushes.iter().rev() {
        let gradient = gradients.get(push).expect("every push is in the graph");
        let seen = gradient.broadcast_mul(&mask)?.sqr()?.sum_all()?.to_scalar::<f64>()?;
        norms.push(seen / entries);
    }
    Ok(norms)
}

/// 1 at the channels, 0 elsewhere.
fn mask(channels: &Channels, d_model: usize) -> candle_core::Result<Tensor> {
    let mask = match channels {
        Channels::All => vec![1.0; d_model],
        Channels::Some(channels) => {
            (0..d_model).map(|c| if channels.contains(&c) { 1.0 } else { 0.0 }).collect()
        }
    };
    Tensor::from_vec(mask, d_model, &Device::Cpu)
}

/// Names of the parameters with the norm of the loss' gradient, in the order of the model file.
///
/// # Errors
/// No or more than [`MAX_LOOPS`] loops, a parameter without gradient, or candle's.
pub fn parameter_norms(looped: &Looped, task: &Task, n_loops: usize) -> Result<Vec<(String, f64)>> {
    require_loops(n_loops)?;
    let classes = task.classes()?;
    let gradients = looped
        .logits(task, n_loops)
        .and_then(|logits| cross_entropy(&logits, &classes)?.backward())
        .map_err(from_candle)?;
    let norm = |name: &str, variable: &Var| {
        let gradient = gradients.get(variable).ok_or_else(|| no_gradient(name))?;
        let square = gradient.sqr().and_then(|g| g.sum_all()?.to_scalar::<f64>());
        Ok((name.to_string(), square.map_err(from_candle)?.sqrt()))
    };
    looped.variables().iter().map(|(name, variable)| norm(name, variable)).collect()
}

pub(super) fn no_gradient(name: &str) -> Error {
    Error::new(format!("a gradient of {name}"), "none")
}

#[cfg(test)]
mod tests {
    use super::super::Start;
    use super::super::looped::soft_model;
    use super::*;
    use crate::family::generate;

    fn state(n_ctx: usize) -> Channels {
        state_channel(n_ctx).unwrap()
    }

    fn with_twin(n_ctx: usize) -> Channels {
        let layout = Layout::new(2, n_ctx).unwrap();
        Channels::Some(vec![layout.value(), layout.not_value()])
    }

    fn norms(spec: &str, gain: f64, temperature: f64, channels: fn(usize) -> Channels) -> Vec<f64> {
        let circuit = generate(spec).unwrap();
        let model = soft_model(&circuit, gain, temperature).unwrap();
        let task = Task::new(&circuit, &model).unwrap();
        let looped = Looped::new(&model, Start::Construction, 0).unwrap();
        jacobian_norms(&looped, &task, 3, &channels(model.n_ctx()), 3, 1).unwrap()
    }

    #[test]
    fn the_state_has_no_gradient_at_the_construction_and_has_one_when_softened() {
        for spec in ["parity:4", "adder:2", "majority:3"] {
            assert_eq!(norms(spec, 2.0, 256.0, state), [1.0, 0.0, 0.0, 0.0], "{spec}");
            assert_eq!(norms(spec, 0.6, 256.0, state), [1.0, 0.0, 0.0, 0.0], "{spec}");
            assert!(norms(spec, 0.45, 256.0, state)[1..].iter().all(|&norm| norm > 0.0), "{spec}");
            // Copied channels are an identity, and the twin copies the sum of both.
            assert_eq!(norms(spec, 2.0, 256.0, with_twin), [1.0; 4], "{spec}");
            assert!(norms(spec, 2.0, 256.0, |_| Channels::All)[3] > 0.5, "{spec}");
        }
    }

    #[test]
    fn probes_agree_with_finite_differences() {
        let circuit = generate("parity:2").unwrap();
        let model = soft_model(&circuit, 2.0, 256.0).unwrap();
        let task = Task::new(&circuit, &model).unwrap();
        let looped = Looped::new(&model, Start::Random, 7).unwrap();
        let x = looped.embed(&task.tokens).unwrap();
        let loops = |x: Tensor| looped.step(&looped.step(&x).unwrap()).unwrap();
        let flat = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let (base, end) = (flat(x.clone()), flat(loops(x.clone())));
        let h = 1e-6;
        let mut square = 0.0;
        for i in 0..base.len() {
            let mut moved = base.clone();
            moved[i] += h;
            let moved = Tensor::from_vec(moved, x.dims(), &Device::Cpu).unwrap();
            let differences = flat(loops(moved)).into_iter().zip(&end).map(|(a, b)| (a - b) / h);
            square += differences.map(|d| d * d).sum::<f64>();
        }
        let expected = (square / base.len() as f64).sqrt();
        let found = jacobian_norms(&looped, &task, 2, &Channels::All, 200, 1).unwrap()[2];
        assert!((found / expected - 1.0).abs() < 0.1, "{found} {expected}");
    }

    #[test]
    fn at_the_construction_only_the_last_loop_teaches() {
        // Of a parity the gradients of biases would cancel over the inputs.
        let circuit = generate("and:4").unwrap();
        let model = soft_model(&circuit, 2.0, 256.0).unwrap();
        let task = Task::new(&circuit, &model).unwrap();
        let looped = Looped::new(&model, Start::Construction, 0).unwrap();
        let norms = parameter_norms(&looped, &task, 2).unwrap();
        let nonzero: Vec<&str> =
            norms.iter().filter(|(_, norm)| *norm > 0.0).map(|(name, _)| name.as_str()).collect();
        // The ramps' gradients cancel in the stream, not in the weights of each of the two units.
        let expected =
            ["W_in", "b_in", "W_out", "b_out"].map(|name| format!("blocks.0.mlp.{name}"));
        assert_eq!(nonzero[..4], expected);
        assert_eq!(nonzero[4..], ["unembed.W_U", "unembed.b_U"]);
        assert!(parameter_norms(&looped, &task, 0).is_err());
    }
}
