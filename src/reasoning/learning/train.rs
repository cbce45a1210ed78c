//! Training: AdamW on all assignments at once, from a random start, the construction, or near it.
//!
//! A run succeeds if at its end every output is right on every input. Nothing is tuned to the tasks; the
//! outcome is what these settings give, not what training could at best.

use std::ops::Range;

use candle_core::Var;
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use rayon::prelude::*;

use super::gradient::no_gradient;
use super::looped::cross_entropy;
use super::{Looped, Start, Task, from_candle};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::progress::Progress;

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Steps of the optimiser.
    pub n_steps: usize,
    /// AdamW's.
    pub learning_rate: f64,
    /// Loops of each forward pass.
    pub n_loops: usize,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Before the first step and after the last, of all output bits.
    pub right: [usize; 2],
    /// Output bits, over all assignments.
    pub n_bits: usize,
    /// The mean cross entropy, before the first step and after the last.
    pub loss: [f64; 2],
    /// The norm of the gradient before the first step.
    pub gradient: f64,
    /// The number of steps after which all bits were right for the first time.
    pub solved_after: Option<usize>,
}

impl Outcome {
    /// Whether all bits are right after it.
    pub fn is_solved(&self) -> bool {
        self.right[1] == self.n_bits
    }
}

/// Trains `looped` on `task`; reports one step at a time to `progress`.
///
/// # Errors
/// No loop or step, a rate that is no positive number, a parameter without gradient, candle's, or it was
/// cancelled.
pub fn train(
    looped: &Looped,
    task: &Task,
    config: &Config,
    progress: &dyn Progress,
) -> Result<Outcome> {
    check(config)?;
    let classes = task.classes()?;
    let variables: Vec<Var> = looped.variables().iter().map(|(_, v)| v.clone()).collect();
    let settings = ParamsAdamW { lr: config.learning_rate, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(variables, settings).map_err(from_candle)?;
    let mut outcome = Outcome {
        right: [looped.n_right(task, config.n_loops)?; 2],
        n_bits: task.targets.len(),
        loss: [0.0; 2],
        gradient: 0.0,
        solved_after: None,
    };
    for step in 0..=config.n_steps {
        if progress.is_cancelled() {
            return Err(Error::message(format!("stopped after {step} steps")));
        }
        let logits = looped.logits(task, config.n_loops).map_err(from_candle)?;
        outcome.right[1] = n_right(&logits, &task.targets).map_err(from_candle)?;
        if outcome.is_solved() && outcome.solved_after.is_none() {
            outcome.solved_after = Some(step);
        }
        let loss = cross_entropy(&logits, &classes).map_err(from_candle)?;
        outcome.loss[1] = loss.to_scalar::<f64>().map_err(from_candle)?;
        if step == config.n_steps {
            break;
        }
        let gradients = loss.backward().map_err(from_candle)?;
        if step == 0 {
            outcome.loss[0] = outcome.loss[1];
            outcome.gradient = norm(looped, &gradients)?;
        }
        optimizer.step(&gradients).map_err(from_candle)?;
        progress.advance(1);
    }
    Ok(outcome)
}

/// Runs of the same start and number of loops, one per seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What the runs start from.
    pub start: Start,
    /// Loops of each forward pass.
    pub n_loops: usize,
    /// In the order of the seeds.
    pub outcomes: Vec<Outcome>,
}

impl Cell {
    /// How many runs solved it.
    pub fn n_solved(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.is_solved()).count()
    }
}

/// Trains from every start with every number of loops, `n_seeds` times each; a construction without noise
/// has nothing to draw and is run once. The number of loops of `config` is not used.
///
/// # Errors
/// Those of [`train`].
pub fn study(
    model: &Model,
    task: &Task,
    starts: &[Start],
    loops: &[usize],
    seeds: Range<u64>,
    config: &Config,
    progress: &dyn Progress,
) -> Result<Vec<Cell>> {
    let cells = starts.iter().flat_map(|&start| loops.iter().map(move |&n| (start, n)));
    let cells: Vec<(Start, usize)> = cells.collect();
    let run = |(start, n_loops): (Start, usize), seed: u64| {
        let looped = Looped::new(model, start, seed)?;
        train(&looped, task, &Config { n_loops, ..*config }, progress)
    };
    let cell = |&(start, n_loops): &(Start, usize)| {
        let seeds = seeds.start..(seeds.start + n_runs(start, &seeds));
        let outcomes: Result<Vec<Outcome>> =
            seeds.into_par_iter().map(|seed| run((start, n_loops), seed)).collect();
        Ok(Cell { start, n_loops, outcomes: outcomes? })
    };
    cells.par_iter().map(cell).collect()
}

/// The runs of a start.
pub fn n_runs(start: Start, seeds: &Range<u64>) -> u64 {
    let n = seeds.end.saturating_sub(seeds.start);
    if start == Start::Construction { n.min(1) } else { n }
}

fn check(config: &Config) -> Result<()> {
    if config.n_loops == 0 || config.n_steps == 0 {
        let found = format!("{} loops and {} steps", config.n_loops, config.n_steps);
        return Err(Error::new("at least one loop and one step", found));
    }
    if !(config.learning_rate > 0.0 && config.learning_rate.is_finite()) {
        return Err(Error::new("a learning rate above 0", config.learning_rate.to_string()));
    }
    Ok(())
}

/// Output bits that are right; one that is not a number is not.
fn n_right(logits: &candle_core::Tensor, targets: &[bool]) -> candle_core::Result<usize> {
    let logits = logits.to_vec2::<f64>()?;
    let is_right = |logit: &[f64], target: bool| {
        if target { logit[1] > logit[0] } else { logit[0] >= logit[1] }
    };
    Ok(logits.iter().zip(targets).filter(|&(logit, &target)| is_right(logit, target)).count())
}

/// The norm of the whole gradient.
///
/// # Errors
/// A parameter has none: an operation without backward pass stands before it.
fn norm(looped: &Looped, gradients: &candle_core::backprop::GradStore) -> Result<f64> {
    let mut square = 0.0;
    for (name, variable) in looped.variables() {
        let gradient = gradients.get(variable).ok_or_else(|| no_gradient(name))?;
        let sum = gradient.sqr().and_then(|g| g.sum_all()?.to_scalar::<f64>());
        square += sum.map_err(from_candle)?;
    }
    Ok(square.sqrt())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::super::looped::soft_model;
    use super::*;
    use crate::family::generate;

    fn outcome(spec: &str, start: Start, config: Config) -> Outcome {
        let circuit = generate(spec).unwrap();
        let model = soft_model(&circuit, 2.0, 256.0).unwrap();
        let task = Task::new(&circuit, &model).unwrap();
        let looped = Looped::new(&model, start, 1).unwrap();
        train(&looped, &task, &config, &()).unwrap()
    }

    const SHORT: Config = Config { n_steps: 30, learning_rate: 0.01, n_loops: 1 };

    #[test]
    fn a_random_start_learns_the_and_of_two_inputs() {
        let found = outcome("and:2", Start::Random, Config { n_steps: 150, ..SHORT });
        assert!(found.is_solved() && found.loss[1] < found.loss[0], "{found:?}");
        assert!(found.gradient > 0.0);
    }

    #[test]
    fn the_construction_is_right_before_the_first_step_and_random_numbers_are_not() {
        let loops = Config { n_loops: 2, ..SHORT };
        let found = outcome("parity:4", Start::Construction, loops);
        assert_eq!((found.solved_after, found.right[0]), (Some(0), found.n_bits));
        let found = outcome("parity:4", Start::Random, Config { n_steps: 1, ..loops });
        assert!(found.right[0] < found.n_bits && found.solved_after.is_none());
        // One loop is too few even for the constructed weights.
        let found = outcome("parity:4", Start::Construction, Config { n_steps: 1, ..SHORT });
        assert!(found.right[0] < found.n_bits);
    }

    #[test]
    fn runs_repeat_and_bad_settings_are_errors() {
        assert_eq!(outcome("and:2", Start::Random, SHORT), outcome("and:2", Start::Random, SHORT));
        let circuit = generate("and:2").unwrap();
        let model = soft_model(&circuit, 2.0, 256.0).unwrap();
        let task = Task::new(&circuit, &model).unwrap();
        let looped = Looped::new(&model, Start::Random, 1).unwrap();
        let fails = |config: Config, stop: bool| {
            train(&looped, &task, &config, &AtomicBool::new(stop)).is_err()
        };
        assert!(fails(Config { n_loops: 0, ..SHORT }, false));
        assert!(fails(Config { n_steps: 0, ..SHORT }, false));
        assert!(fails(Config { learning_rate: f64::NAN, ..SHORT }, false));
        assert!(fails(SHORT, true));
    }
}
