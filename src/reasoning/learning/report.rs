//! What is measured of learning, as values: gradients through loops, gradients of all parities, training.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::gradient::{Channels, jacobian_norms, state_channel};
use super::interval::{Interval, median, wilson};
use super::looped::{COMPILED_GAIN, soft_model};
use super::parity::{ParityGradients, parity_gradients};
use super::train::{Cell, Config, Outcome, n_runs, study};
use super::{Looped, Start, Task};
use crate::circuit::Circuit;
use crate::compile::INVERSE_TEMPERATURE;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::progress::Progress;
use crate::table::{self, Document, Table, Tabular, number, row, words};

/// Random vectors by which a Jacobian is measured.
const N_PROBES: usize = 4;

const MEDIAN: &str = "median over seeds, 95 % bootstrap percentiles";

/// The norms of the Jacobian through loops, for several kinds of weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// Its name.
    pub circuit: String,
    /// The most that were measured.
    pub loops: usize,
    /// Of the random starts.
    pub seeds: Range<u64>,
    /// One for each kind of weights.
    pub curves: Vec<Curve>,
}

/// What is measured: of how many loops, and of which weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// How many at most.
    pub loops: usize,
    /// Slopes of the ramps, at the compiled temperature.
    pub gains: Vec<f64>,
    /// Inverse temperatures, at the compiled slope.
    pub betas: Vec<f64>,
    /// Deviation of the noise on the construction's weights.
    pub noise: f64,
    /// Of the random starts.
    pub seeds: Range<u64>,
}

/// Norms by the number of loops, from 0, of one kind of weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Which.
    pub weights: Weights,
    /// Output bits that are right after as many loops as levels, of all; for one seed.
    pub right: Option<(usize, usize)>,
    /// The median over the seeds, and its interval.
    pub norms: Vec<Interval>,
}

/// A kind of weights, and what of the stream is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Where they come from.
    pub start: Start,
    /// The slope of the ramps.
    pub gain: f64,
    /// The inverse temperature.
    pub beta: f64,
    /// All channels, and not only the one that holds the state.
    pub whole_stream: bool,
}

impl Weights {
    /// Softened constructions, then the compiled one whole, with noise, and random ones.
    fn asked(asked: &Asked) -> Vec<Self> {
        let compiled = Weights {
            start: Start::Construction,
            gain: COMPILED_GAIN,
            beta: INVERSE_TEMPERATURE,
            whole_stream: false,
        };
        let gains = asked.gains.iter().map(|&gain| Weights { gain, ..compiled });
        let betas = asked.betas.iter().map(|&beta| Weights { beta, ..compiled });
        let others = [
            Weights { whole_stream: true, ..compiled },
            Weights { start: Start::Noisy(asked.noise), ..compiled },
            Weights { start: Start::Random, whole_stream: true, ..compiled },
        ];
        gains.chain(betas).chain(others).collect()
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.start {
            Start::Random => write!(f, "random")?,
            Start::Noisy(noise) => write!(f, "constructed, noise {noise}")?,
            Start::Construction if self.whole_stream => write!(f, "constructed")?,
            Start::Construction => {
                write!(f, "constructed, gain {}, beta {}", self.gain, self.beta)?;
            }
        }
        if self.whole_stream { write!(f, ", whole stream") } else { Ok(()) }
    }
}

impl Gradients {
    /// Measures the norms for each kind of weights.
    ///
    /// # Errors
    /// A gain or temperature that makes no model, no loop or too many, more inputs than can be tried, or
    /// `progress` is cancelled.
    pub fn measure(
        name: &str,
        circuit: &Circuit,
        asked: &Asked,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let kinds = Weights::asked(asked);
        let build = |w: &Weights| soft_model(circuit, w.gain, w.beta);
        let models = kinds.iter().map(build).collect::<Result<Vec<Model>>>()?;
        let compiled = soft_model(circuit, COMPILED_GAIN, INVERSE_TEMPERATURE)?;
        let task = Task::new(circuit, &compiled)?;
        let mut curves = Vec::new();
        for (weights, model) in kinds.into_iter().zip(&models) {
            curves.push(Curve::measure(weights, model, &task, asked, progress)?);
            progress.advance(1);
        }
        let (loops, seeds) = (asked.loops, asked.seeds.clone());
        Ok(Gradients { circuit: name.to_string(), loops, seeds, curves })
    }

    /// The numbers of loops that are shown: 1, 2, 4, … and the last.
    fn shown(&self) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..).map(|i| 1 << i).take_while(|&r| r < self.loops).collect();
        shown.push(self.loops);
        shown
    }
}

impl Asked {
    /// The kinds of weights, each of which is one step of progress.
    pub fn n_kinds(&self) -> u64 {
        Weights::asked(self).len() as u64
    }
}

impl Curve {
    fn measure(
        weights: Weights,
        model: &Model,
        task: &Task,
        asked: &Asked,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let (start, seeds) = (weights.start, &asked.seeds);
        let channels =
            if weights.whole_stream { Channels::All } else { state_channel(model.n_ctx())? };
        let mut by_seed = Vec::new();
        let mut right = None;
        for seed in seeds.start..seeds.start + n_runs(start, seeds) {
            require_going(progress)?;
            let looped = Looped::new(model, start, seed)?;
            by_seed.push(jacobian_norms(&looped, task, asked.loops, &channels, N_PROBES, seed)?);
            if start == Start::Construction {
                let n_bits = task.n_assignments() * model.output_positions.len();
                right = Some((looped.n_right(task, model.n_loops)?, n_bits));
            }
        }
        let at = |r: usize| by_seed.iter().map(|norms| norms[r]).collect::<Vec<f64>>();
        let norms = (0..=asked.loops).map(|r| median(&at(r), seeds.start)).collect();
        Ok(Curve { weights, right, norms })
    }
}

fn require_going(progress: &dyn Progress) -> Result<()> {
    if progress.is_cancelled() { Err(Error::message("stopped before the end")) } else { Ok(()) }
}

/// Where training begins, and with how much noise.
fn start_json(start: Start) -> Value {
    let (kind, noise) = match start {
        Start::Random => ("random", None),
        Start::Construction => ("construction", None),
        Start::Noisy(noise) => ("construction", Some(noise)),
    };
    json!({ "kind": kind, "noise": noise })
}

fn triple(interval: &Interval) -> [f64; 3] {
    [interval.estimate, interval.low, interval.high]
}

impl Serialize for Gradients {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let curve = |curve: &Curve| {
            json!({
                "start": start_json(curve.weights.start),
                "gain": curve.weights.gain,
                "inverse_temperature": curve.weights.beta,
                "whole_stream": curve.weights.whole_stream,
                "right_bits": curve.right.map(|(right, _)| right),
                "bits": curve.right.map(|(_, all)| all),
                "norms": curve.norms.iter().map(triple).collect::<Vec<_>>(),
            })
        };
        let json = json!({
            "circuit": self.circuit,
            "loops": self.loops,
            "seeds": self.seeds.end - self.seeds.start,
            "seed": self.seeds.start,
            "interval": { "estimate": "median", "method": "bootstrap", "level": 0.95 },
            "curves": self.curves.iter().map(curve).collect::<Vec<_>>(),
        });
        json.serialize(serializer)
    }
}

impl Tabular for Gradients {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(format!(
            "{}: norm of the Jacobian by loops, per entry (an isometry has 1); {MEDIAN}, {} seeds from {}",
            self.circuit,
            self.seeds.end - self.seeds.start,
            self.seeds.start
        ));
        document.line(
            "constructed weights: of the channel that holds the state, unless the whole stream is named",
        );
        document.glance(self.at_a_glance());
        let norms = |curve: &Curve| {
            let name = curve.weights.to_string();
            let norm = move |(r, norm): (usize, &Interval)| {
                let [norm, low, high] = triple(norm).map(table::Cell::scientific);
                row![&name, r, norm, low, high]
            };
            curve.norms.iter().enumerate().map(norm).collect::<Vec<_>>()
        };
        let heads =
            [words("weights"), number("loops"), number("norm"), number("low"), number("high")];
        document.data(Table::new(heads).with(self.curves.iter().flat_map(norms)));
        document
    }
}

impl Gradients {
    fn at_a_glance(&self) -> Table {
        let shown = self.shown();
        let heads = shown.iter().map(|r| number(format!("r={r}")));
        let mut table = Table::new(
            [words("weights"), number("right")]
                .into_iter()
                .chain(heads)
                .chain([words(format!("r={}, 95 %", self.loops))]),
        );
        for curve in &self.curves {
            let right = curve.right.map_or("-".to_string(), |(right, n)| format!("{right}/{n}"));
            let cells = shown.iter().map(|&r| table::Cell::scientific(curve.norms[r].estimate));
            let last = curve.norms[self.loops];
            let range = format!("{:.2e} to {:.2e}", last.low, last.high);
            // One model has no range.
            let range = curve.right.map_or(Some(range), |_| None);
            let first = row![curve.weights.to_string(), right];
            table.push(first.into_iter().chain(cells).chain(row![range]));
        }
        table
    }
}

/// The gradients of all parities of some inputs, at random weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Parities {
    /// How many.
    pub inputs: usize,
    /// Of each forward pass.
    pub loops: usize,
    /// By seed.
    pub starts: Vec<(u64, ParityGradients)>,
}

impl Parities {
    /// Goes through the random starts, each of which is one step of progress; `circuit` is a parity.
    ///
    /// # Errors
    /// No loop or too many, more inputs than can be tried, or `progress` is cancelled.
    pub fn measure(
        circuit: &Circuit,
        loops: usize,
        seeds: Range<u64>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let model = soft_model(circuit, COMPILED_GAIN, INVERSE_TEMPERATURE)?;
        let task = Task::new(circuit, &model)?;
        let mut starts = Vec::new();
        for seed in seeds {
            require_going(progress)?;
            let looped = Looped::new(&model, Start::Random, seed)?;
            starts.push((seed, parity_gradients(&looped, &task, loops)?));
            progress.advance(1);
        }
        Ok(Parities { inputs: circuit.inputs().len(), loops, starts })
    }
}

impl Serialize for Parities {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let start = |(seed, found): &(u64, ParityGradients)| {
            json!({
                "seed": seed, "mean_square": found.mean_square, "bound": found.bound(),
                "variance": found.variance, "signals": found.signals, "majority": found.majority,
            })
        };
        let starts: Vec<Value> = self.starts.iter().map(start).collect();
        let json = json!({ "inputs": self.inputs, "loops": self.loops, "starts": starts });
        json.serialize(serializer)
    }
}

impl Tabular for Parities {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(format!(
            "{} parities of {} inputs, {} loops, random weights: the gradient over the parities, per coordinate \
             summed",
            1u64 << self.inputs.min(63),
            self.inputs,
            self.loops,
        ));
        let row = |(seed, found): &(u64, ParityGradients)| {
            let largest = found.signals.iter().copied().fold(0.0, f64::max);
            let numbers =
                [found.mean_square, found.bound(), found.variance, largest, found.majority];
            let [mean, bound, variance, largest, majority] = numbers.map(table::Cell::scientific);
            row![*seed, mean, bound, variance, largest, majority]
        };
        let heads = ["seed", "mean square", "bound", "variance", "largest", "majority"].map(number);
        document.table(Table::new(heads).with(self.starts.iter().map(row)));
        document.line(
            "mean square: of the gradient; bound: that over 2^n; largest and majority: the square of the gradient's part that knows the target",
        );
        document
    }
}

/// What training came to, from each start and with each number of loops.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Steps of the optimiser.
    pub n_steps: usize,
    /// AdamW's.
    pub learning_rate: f64,
    /// The first one.
    pub seed: u64,
    /// With the name of its circuit.
    pub cells: Vec<(String, Cell)>,
}

/// A circuit to learn, and with how many loops.
pub struct Subject {
    name: String,
    model: Model,
    task: Task,
    loops: Vec<usize>,
}

impl Subject {
    /// Without numbers of loops those from 1 to one more than the depth.
    ///
    /// # Errors
    /// More inputs than can be tried.
    pub fn new(name: &str, circuit: &Circuit, loops: &[usize]) -> Result<Self> {
        let model = soft_model(circuit, COMPILED_GAIN, INVERSE_TEMPERATURE)?;
        let task = Task::new(circuit, &model)?;
        let loops = match loops {
            [] => (1..=model.n_loops + 1).collect(),
            given => given.to_vec(),
        };
        Ok(Subject { name: name.to_string(), model, task, loops })
    }

    /// The runs of all starts, which take the same number of steps.
    pub fn n_runs(&self, starts: &[Start], seeds: &Range<u64>) -> u64 {
        let runs: u64 = starts.iter().map(|&start| n_runs(start, seeds)).sum();
        runs * self.loops.len() as u64
    }
}

impl Training {
    /// Trains every subject from every start; reports one step at a time.
    ///
    /// # Errors
    /// As [`study`].
    pub fn run(
        subjects: &[Subject],
        starts: &[Start],
        seeds: Range<u64>,
        config: &Config,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let mut cells = Vec::new();
        for Subject { name, model, task, loops } in subjects {
            let found = study(model, task, starts, loops, seeds.clone(), config, progress)?;
            cells.extend(found.into_iter().map(|cell| (name.clone(), cell)));
        }
        let Config { n_steps, learning_rate, .. } = *config;
        Ok(Training { n_steps, learning_rate, seed: seeds.start, cells })
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Start::Random => f.write_str("random"),
            Start::Construction => f.write_str("construction"),
            Start::Noisy(deviation) => write!(f, "construction + {deviation}"),
        }
    }
}

impl Cell {
    /// The rate of success.
    pub fn rate(&self) -> Interval {
        wilson(self.n_solved(), self.outcomes.len())
    }

    /// The mean over runs and the least and the largest norm of the gradient before the first step.
    pub fn gradient(&self) -> Interval {
        let norms = || self.outcomes.iter().map(|outcome| outcome.gradient);
        Interval {
            estimate: self.mean(|outcome| outcome.gradient),
            low: norms().fold(f64::INFINITY, f64::min),
            high: norms().fold(0.0, f64::max),
        }
    }

    fn mean(&self, of: impl Fn(&Outcome) -> f64) -> f64 {
        self.outcomes.iter().map(of).sum::<f64>() / self.outcomes.len() as f64
    }
}

impl Serialize for Training {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let run = |run: &Outcome| {
            json!({
                "right_bits": run.right, "bits": run.n_bits, "loss": run.loss,
                "gradient": run.gradient, "solved_after": run.solved_after,
            })
        };
        let cell = |(name, cell): &(String, Cell)| {
            json!({
                "circuit": name, "start": start_json(cell.start), "loops": cell.n_loops,
                "solved": cell.n_solved(), "rate": triple(&cell.rate()),
                "runs": cell.outcomes.iter().map(run).collect::<Vec<_>>(),
            })
        };
        let json = json!({
            "steps": self.n_steps,
            "learning_rate": self.learning_rate,
            "seed": self.seed,
            "interval": { "estimate": "rate", "method": "Wilson", "level": 0.95 },
            "cells": self.cells.iter().map(cell).collect::<Vec<_>>(),
        });
        json.serialize(serializer)
    }
}

impl Tabular for Training {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(format!(
            "AdamW, {} steps of rate {} on all inputs, seeds from {}; solved: every output right on every input at \
             the end, with Wilson's 95 % interval",
            self.n_steps, self.learning_rate, self.seed,
        ));
        document.glance(self.at_a_glance());
        document.data(self.numbers());
        document.line(
            "right bits, gradient (its norm before the first step) and loss are means over seeds",
        );
        document
    }
}

impl Training {
    fn at_a_glance(&self) -> Table {
        let row = |(name, cell): &(String, Cell)| {
            let (rate, n) = (cell.rate(), cell.outcomes.len());
            let bits = |end: usize| cell.mean(|o| o.right[end] as f64 / o.n_bits as f64);
            let loss = |end: usize| cell.mean(|o| o.loss[end]);
            row![
                name,
                cell.start.to_string(),
                cell.n_loops,
                format!("{}/{n}", cell.n_solved()),
                format!("{:.2} to {:.2}", rate.low, rate.high),
                format!("{:.2} -> {:.2}", bits(0), bits(1)),
                format!("{:.2e}", cell.gradient().estimate),
                format!("{:.3} -> {:.3}", loss(0), loss(1)),
            ]
        };
        let [circuit, start] = ["circuit", "start"].map(words);
        let numbers = ["loops", "solved", "interval", "right bits", "gradient", "loss"].map(number);
        Table::new([circuit, start].into_iter().chain(numbers)).with(self.cells.iter().map(row))
    }

    fn numbers(&self) -> Table {
        let row = |(name, cell): &(String, Cell)| {
            let [rate, low, high] =
                triple(&cell.rate()).map(|x| table::Cell::rounded(x, format!("{x:.3}")));
            let [mean, least, largest] = triple(&cell.gradient()).map(table::Cell::scientific);
            let start = cell.start.to_string();
            let counts = row![name, start, cell.n_loops, cell.outcomes.len(), cell.n_solved()];
            let [name, start, loops, runs, solved] = counts;
            [name, start, loops, runs, solved, rate, low, high, mean, least, largest]
        };
        let [circuit, start] = ["circuit", "start"].map(words);
        let numbers =
            ["loops", "runs", "solved", "rate", "low", "high", "gradient", "least", "largest"];
        let heads = [circuit, start].into_iter().chain(numbers.map(number));
        Table::new(heads).with(self.cells.iter().map(row))
    }
}
