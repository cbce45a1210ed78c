//! `learn`: gradients through loops, the gradients of all parities, and training.

use circuit2tf::Progress;
use circuit2tf::compile::INVERSE_TEMPERATURE;
use circuit2tf::figure::chart::{Axis, Chart, Mark, Panels, Series};
use circuit2tf::model::Model;
use circuit2tf::reasoning::learning::gradient::{Channels, jacobian_norms, state_channel};
use circuit2tf::reasoning::learning::interval::{Interval, median, wilson};
use circuit2tf::reasoning::learning::looped::{COMPILED_GAIN, soft_model};
use circuit2tf::reasoning::learning::parity::parity_gradients;
use circuit2tf::reasoning::learning::train::{Cell, Config, n_runs, study};
use circuit2tf::reasoning::learning::{Looped, Start, Task};
use circuit2tf::{Error, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use super::progress::Bar;
use super::{Report, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Norms of the Jacobian through loops: constructed, softened and random weights
    Gradients(GradientArgs),
    /// Gradients of all parities of the inputs at random weights, and their variance
    Parities(ParityArgs),
    /// Train from random weights, from the construction, and from near it
    Train(TrainArgs),
}

#[derive(Debug, clap::Args)]
struct GradientArgs {
    #[arg(default_value = "parity:4")]
    circuit: String,
    #[arg(long, value_name = "R", default_value_t = 12)]
    loops: usize,
    /// Slopes of the ramps, at the compiled temperature; above 0.5 they are flat at the states
    #[arg(long, value_name = "S", value_delimiter = ',', default_values_t = [COMPILED_GAIN, 0.5, 0.45, 0.4, 0.3])]
    gain: Vec<f64>,
    /// Inverse temperatures, at the compiled slope
    #[arg(long, value_name = "BETA", value_delimiter = ',', default_values_t = [1.0, 0.5, 0.25, 0.1])]
    beta: Vec<f64>,
    #[command(flatten)]
    draws: Draws,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, clap::Args)]
struct ParityArgs {
    /// Inputs, at most 10
    #[arg(default_value_t = 8)]
    inputs: usize,
    #[arg(long, value_name = "R", default_value_t = 3)]
    loops: usize,
    #[command(flatten)]
    draws: Draws,
}

#[derive(Debug, clap::Args)]
struct TrainArgs {
    #[arg(default_values_t = ["parity:4", "adder:2", "majority:3"].map(String::from))]
    circuits: Vec<String>,
    /// Numbers of loops [default: 1 to one more than the depth]
    #[arg(long, value_name = "R", value_delimiter = ',')]
    loops: Vec<usize>,
    #[arg(long, value_name = "N", default_value_t = 200)]
    steps: usize,
    /// AdamW's learning rate
    #[arg(long, default_value_t = 0.003, allow_negative_numbers = true)]
    rate: f64,
    #[command(flatten)]
    draws: Draws,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, clap::Args)]
struct Draws {
    /// Random starts
    #[arg(long, value_name = "N", default_value_t = 4)]
    seeds: u64,
    /// The first of their seeds
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Deviation of the noise on the construction's weights
    #[arg(long, value_name = "SIGMA", default_value_t = 0.05, allow_negative_numbers = true)]
    noise: f64,
}

#[derive(Debug, clap::Args)]
struct Files {
    /// Also write the table as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<String>,
    /// Also draw it
    #[arg(long, value_name = "FILE")]
    svg: Option<String>,
}

/// The most random starts of a study.
const MAX_SEEDS: u64 = 10_000;

/// Random vectors by which a Jacobian is measured.
const N_PROBES: usize = 4;

pub fn main(args: &Args) -> Result<Report> {
    match &args.action {
        Action::Gradients(args) => args.files.require_names().and_then(|()| gradients(args)),
        Action::Parities(args) => parities(args),
        Action::Train(args) => args.files.require_names().and_then(|()| train(args)),
    }
}

impl Draws {
    fn range(&self) -> Result<std::ops::Range<u64>> {
        if !(1..=MAX_SEEDS).contains(&self.seeds) {
            return Err(Error::new(
                format!("--seeds from 1 to {MAX_SEEDS}"),
                self.seeds.to_string(),
            ));
        }
        if !(self.noise >= 0.0 && self.noise.is_finite()) {
            return Err(Error::new("--noise of 0 or more", self.noise.to_string()));
        }
        let end = self.seed.checked_add(self.seeds);
        end.map(|end| self.seed..end)
            .ok_or_else(|| Error::new("seeds below 2^64", self.seed.to_string()))
    }
}

impl Files {
    /// Looks at the names before the work.
    fn require_names(&self) -> Result<()> {
        for (path, extension) in [(&self.csv, "csv"), (&self.svg, "svg")] {
            path.as_deref().map(|path| source::output(path, &[extension])).transpose()?;
        }
        Ok(())
    }

    fn write(&self, csv: &str, svg: Result<String>) -> Result<()> {
        // Before anything is written, since it can fail.
        let drawn = self.svg.as_deref().map(|path| svg.map(|svg| (path, svg))).transpose()?;
        if let Some(path) = &self.csv {
            source::write(path, csv.as_bytes())?;
        }
        if let Some((path, svg)) = drawn {
            source::write(path, svg.as_bytes())?;
        }
        Ok(())
    }
}

/// Norms by the number of loops, from 0, of one kind of weights.
struct Curve {
    name: String,
    /// Output bits that are right after as many loops as levels, of all; for one seed.
    right: Option<(usize, usize)>,
    norms: Vec<Interval>,
}

fn gradients(args: &GradientArgs) -> Result<Report> {
    let seeds = args.draws.range()?;
    let circuit = source::circuit(&args.circuit)?.circuit;
    let softened = (args.gain.iter().map(|&gain| (gain, INVERSE_TEMPERATURE)))
        .chain(args.beta.iter().map(|&beta| (COMPILED_GAIN, beta)));
    let mut weights = Vec::new();
    for (gain, beta) in softened {
        let model = soft_model(&circuit, gain, beta)?;
        let channels = state_channel(model.n_ctx())?;
        let name = format!("constructed, gain {gain}, beta {beta}");
        weights.push((name, model, Start::Construction, channels));
    }
    let compiled = soft_model(&circuit, COMPILED_GAIN, INVERSE_TEMPERATURE)?;
    let (state, noise) = (state_channel(compiled.n_ctx())?, args.draws.noise);
    for (name, start, channels) in [
        ("constructed, whole stream".to_string(), Start::Construction, Channels::All),
        (format!("constructed, noise {noise}"), Start::Noisy(noise), state),
        ("random, whole stream".to_string(), Start::Random, Channels::All),
    ] {
        weights.push((name, compiled.clone(), start, channels));
    }
    let task = Task::new(&circuit, &compiled)?;
    let bar = Bar::counting(weights.len() as u64, "kinds of weights");
    let mut curves = Vec::new();
    for (name, model, start, channels) in weights {
        let curve = curve(&model, &task, (start, channels), args.loops, &seeds, &bar)?;
        curves.push(Curve { name, ..curve });
        bar.advance(1);
    }
    args.files.write(&curves_csv(&curves), curves_chart(&args.circuit, &curves).to_svg())?;
    let text = curves_text(args, &curves);
    let json = json!({
        "circuit": args.circuit, "loops": args.loops, "seeds": args.draws.seeds,
        "seed": args.draws.seed, "interval": MEDIAN, "curves": curves.iter().map(curve_json).collect::<Vec<_>>(),
    });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

fn curve(
    model: &Model,
    task: &Task,
    (start, channels): (Start, Channels),
    n_loops: usize,
    seeds: &std::ops::Range<u64>,
    progress: &dyn Progress,
) -> Result<Curve> {
    let mut by_seed = Vec::new();
    let mut right = None;
    for seed in seeds.start..seeds.start + n_runs(start, seeds) {
        if progress.is_cancelled() {
            return Err(Error::message("stopped before the end"));
        }
        let looped = Looped::new(model, start, seed)?;
        by_seed.push(jacobian_norms(&looped, task, n_loops, &channels, N_PROBES, seed)?);
        if start == Start::Construction {
            let n_bits = task.n_assignments() * model.output_positions.len();
            right = Some((looped.n_right(task, model.n_loops)?, n_bits));
        }
    }
    let at = |r: usize| by_seed.iter().map(|norms| norms[r]).collect::<Vec<f64>>();
    let norms = (0..=n_loops).map(|r| median(&at(r), seeds.start)).collect();
    Ok(Curve { name: String::new(), right, norms })
}

const MEDIAN: &str = "median over seeds, 95 % bootstrap percentiles";

/// The numbers of loops that are shown: 1, 2, 4, … and the last.
fn shown(n_loops: usize) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..).map(|i| 1 << i).take_while(|&r| r < n_loops).collect();
    shown.push(n_loops);
    shown
}

fn curves_text(args: &GradientArgs, curves: &[Curve]) -> String {
    let shown = shown(args.loops);
    let mut text = format!(
        "{}: norm of the Jacobian by loops, per entry (an isometry has 1); {MEDIAN}, {} seeds from {}\n\
         constructed weights: of the channel that holds the state, unless the whole stream is named\n",
        args.circuit, args.draws.seeds, args.draws.seed
    );
    let heads: String = shown.iter().map(|r| format!(" {:>9}", format!("r={r}"))).collect();
    text += &format!("{:<36} {:>9}{heads}\n", "weights", "right");
    for curve in curves {
        let right = curve.right.map_or("-".to_string(), |(right, all)| format!("{right}/{all}"));
        let cells: String =
            shown.iter().map(|&r| format!(" {:>9.2e}", curve.norms[r].estimate)).collect();
        text += &format!("{:<36} {right:>9}{cells}\n", curve.name);
        let last = curve.norms[args.loops];
        if curve.right.is_none() {
            text +=
                &format!("{:<36} r={}: {:.2e} to {:.2e}\n", "", args.loops, last.low, last.high);
        }
    }
    text
}

fn curve_json(curve: &Curve) -> Value {
    json!({
        "weights": curve.name,
        "right_bits": curve.right.map(|(right, _)| right),
        "bits": curve.right.map(|(_, all)| all),
        "norms": curve.norms.iter().map(|n| json!([n.estimate, n.low, n.high])).collect::<Vec<_>>(),
    })
}

fn curves_csv(curves: &[Curve]) -> String {
    let mut csv = "weights,loops,norm,low,high\n".to_string();
    for curve in curves {
        for (r, norm) in curve.norms.iter().enumerate() {
            let Interval { estimate, low, high } = norm;
            csv += &format!("\"{}\",{r},{estimate:e},{low:e},{high:e}\n", curve.name);
        }
    }
    csv
}

fn curves_chart(circuit: &str, curves: &[Curve]) -> Chart {
    let series = |curve: &Curve| {
        let points = curve.norms.iter().enumerate().map(|(r, norm)| (r as f64, norm.estimate));
        // A logarithmic axis has no 0.
        Series::new(&curve.name, Mark::Line, points.filter(|&(_, norm)| norm > 0.0))
    };
    Chart {
        title: format!("Gradient through loops: {circuit}"),
        description:
            "Norm of the Jacobian by the loops it goes through; curves that end at 0 loops are \
                      exactly 0 afterwards."
                .to_string(),
        x: Axis::linear("loops"),
        y: Axis::log("norm of the Jacobian per entry"),
        series: curves.iter().map(series).collect(),
    }
}

fn parities(args: &ParityArgs) -> Result<Report> {
    let seeds = args.draws.range()?;
    let spec = format!("parity:{}", args.inputs);
    let circuit = source::circuit(&spec)?.circuit;
    let model = soft_model(&circuit, COMPILED_GAIN, INVERSE_TEMPERATURE)?;
    let task = Task::new(&circuit, &model)?;
    let bar = Bar::counting(args.draws.seeds, "random starts");
    let mut text = format!(
        "{} parities of {} inputs, {} loops, random weights: the gradient over the parities, per \
         coordinate summed\n{:>6} {:>11} {:>11} {:>11} {:>11} {:>11}\n",
        1u64 << args.inputs.min(63),
        args.inputs,
        args.loops,
        "seed",
        "E|grad|^2",
        "bound",
        "variance",
        "largest",
        "majority"
    );
    let mut list = Vec::new();
    for seed in seeds {
        if bar.is_cancelled() {
            return Err(Error::message("stopped before the end"));
        }
        let looped = Looped::new(&model, Start::Random, seed)?;
        let found = parity_gradients(&looped, &task, args.loops)?;
        let largest = found.signals.iter().copied().fold(0.0, f64::max);
        text += &format!(
            "{seed:>6} {:>11.3e} {:>11.3e} {:>11.3e} {largest:>11.3e} {:>11.3e}\n",
            found.mean_square,
            found.bound(),
            found.variance,
            found.majority
        );
        list.push(json!({
            "seed": seed, "mean_square": found.mean_square, "bound": found.bound(),
            "variance": found.variance, "signals": found.signals, "majority": found.majority,
        }));
        bar.advance(1);
    }
    text += "bound: E|grad|^2 / 2^n; largest and majority: the square of the gradient's part that knows \
             the target\n";
    let json = json!({ "inputs": args.inputs, "loops": args.loops, "starts": list });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

fn train(args: &TrainArgs) -> Result<Report> {
    let seeds = args.draws.range()?;
    let config = Config { n_steps: args.steps, learning_rate: args.rate, n_loops: 1 };
    let starts = [Start::Random, Start::Construction, Start::Noisy(args.draws.noise)];
    let mut tasks = Vec::new();
    for spec in &args.circuits {
        let circuit = source::circuit(spec)?.circuit;
        let model = soft_model(&circuit, COMPILED_GAIN, INVERSE_TEMPERATURE)?;
        let loops = match args.loops.is_empty() {
            true => (1..=model.n_loops + 1).collect(),
            false => args.loops.clone(),
        };
        tasks.push((spec.as_str(), Task::new(&circuit, &model)?, model, loops));
    }
    let runs: u64 = starts.iter().map(|&start| n_runs(start, &seeds)).sum();
    let cells: u64 = tasks.iter().map(|(.., loops)| loops.len() as u64).sum();
    let bar = Bar::counting((runs * cells).saturating_mul(args.steps as u64), "steps");
    let mut results = Vec::new();
    for (spec, task, model, loops) in &tasks {
        let cells = study(model, task, &starts, loops, seeds.clone(), &config, &bar)?;
        results.extend(cells.into_iter().map(|cell| (*spec, cell)));
    }
    drop(bar);
    args.files.write(&cells_csv(&results), cells_panels(&results).to_svg())?;
    let json = json!({
        "steps": args.steps, "learning_rate": args.rate, "seed": args.draws.seed,
        "interval": "95 % Wilson", "cells": results.iter().map(cell_json).collect::<Vec<_>>(),
    });
    Ok(Report { text: cells_text(args, &results).into_bytes(), json, status: 0 })
}

fn start_name(start: Start) -> String {
    match start {
        Start::Random => "random".to_string(),
        Start::Construction => "construction".to_string(),
        Start::Noisy(deviation) => format!("construction + {deviation}"),
    }
}

fn cells_text(args: &TrainArgs, results: &[(&str, Cell)]) -> String {
    let mut text = format!(
        "AdamW, {} steps of rate {} on all inputs, seeds from {}; solved: every output right on every \
         input at the end, with Wilson's 95 % interval\n\
         {:<12} {:<19} {:>5} {:>7} {:>16} {:>13} {:>10} {:>17}\n",
        args.steps,
        args.rate,
        args.draws.seed,
        "circuit",
        "start",
        "loops",
        "solved",
        "interval",
        "right bits",
        "gradient",
        "loss"
    );
    for (spec, cell) in results {
        let (n, solved) = (cell.outcomes.len(), cell.n_solved());
        let rate = wilson(solved, n);
        let mean = |of: fn(&_) -> f64| cell.outcomes.iter().map(of).sum::<f64>() / n as f64;
        let bits = mean(|o: &circuit2tf::reasoning::learning::train::Outcome| {
            o.right[1] as f64 / o.n_bits as f64
        });
        let before = mean(|o| o.right[0] as f64 / o.n_bits as f64);
        text += &format!(
            "{spec:<12} {:<19} {:>5} {:>7} {:>16} {:>13} {:>10.2e} {:>17}\n",
            start_name(cell.start),
            cell.n_loops,
            format!("{solved}/{n}"),
            format!("{:.2} to {:.2}", rate.low, rate.high),
            format!("{before:.2} -> {bits:.2}"),
            mean(|o| o.gradient),
            format!("{:.3} -> {:.3}", mean(|o| o.loss[0]), mean(|o| o.loss[1])),
        );
    }
    text + "right bits, gradient (its norm before the first step) and loss are means over seeds\n"
}

fn cell_json((spec, cell): &(&str, Cell)) -> Value {
    let rate = wilson(cell.n_solved(), cell.outcomes.len());
    let runs = cell.outcomes.iter().map(|run| {
        json!({
            "right_bits": run.right, "bits": run.n_bits, "loss": run.loss,
            "gradient": run.gradient, "solved_after": run.solved_after,
        })
    });
    json!({
        "circuit": spec, "start": start_name(cell.start), "loops": cell.n_loops,
        "solved": cell.n_solved(), "rate": [rate.estimate, rate.low, rate.high],
        "runs": runs.collect::<Vec<_>>(),
    })
}

/// The mean over runs and the least and the largest norm of the gradient before the first step.
fn gradient(cell: &Cell) -> Interval {
    let norms = || cell.outcomes.iter().map(|outcome| outcome.gradient);
    Interval {
        estimate: norms().sum::<f64>() / cell.outcomes.len() as f64,
        low: norms().fold(f64::INFINITY, f64::min),
        high: norms().fold(0.0, f64::max),
    }
}

fn cells_csv(results: &[(&str, Cell)]) -> String {
    let mut csv =
        "circuit,start,loops,runs,solved,rate,low,high,gradient,least,largest\n".to_string();
    for (spec, cell) in results {
        let (n, solved) = (cell.outcomes.len(), cell.n_solved());
        let Interval { estimate, low, high } = wilson(solved, n);
        let (start, n_loops, norm) = (start_name(cell.start), cell.n_loops, gradient(cell));
        csv += &format!(
            "\"{spec}\",{start},{n_loops},{n},{solved},{estimate},{low},{high},{:e},{:e},{:e}\n",
            norm.estimate, norm.low, norm.high
        );
    }
    csv
}

/// Success rate above, norm of the gradient below, a column for each circuit and a curve for each start.
fn cells_panels(results: &[(&str, Cell)]) -> Panels {
    let mut circuits: Vec<&str> = results.iter().map(|&(spec, _)| spec).collect();
    circuits.dedup();
    let rate = |cell: &Cell| Some(wilson(cell.n_solved(), cell.outcomes.len()));
    // A logarithmic axis has no 0.
    let norm = |cell: &Cell| Some(gradient(cell)).filter(|norm| norm.low > 0.0);
    let row = |title: &str, y: Axis, of: &dyn Fn(&Cell) -> Option<Interval>| -> Vec<Chart> {
        let chart = |spec: &&str| Chart {
            title: format!("{spec}: {title}"),
            description: format!("{} by the number of loops, for each start.", y.label),
            x: Axis::linear("loops"),
            y: y.clone(),
            series: curves_of(results.iter().filter(|(other, _)| other == spec), of),
        };
        circuits.iter().map(chart).collect()
    };
    let success = Axis::linear("success rate, 95 % interval");
    let size = Axis::log("norm of the gradient, mean and range");
    Panels {
        title: "Training by loops".to_string(),
        description:
            "The part of runs that end with every output right on every input, and the norm of \
                      the gradient before the first step."
                .to_string(),
        rows: vec![
            row("success of training", success, &rate),
            row("gradient at the start", size, &norm),
        ],
    }
}

/// A curve for each start.
fn curves_of<'a>(
    cells: impl Iterator<Item = &'a (&'a str, Cell)>,
    of: &dyn Fn(&Cell) -> Option<Interval>,
) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for (_, cell) in cells {
        let name = start_name(cell.start);
        let s = series.iter().position(|series| series.name == name).unwrap_or_else(|| {
            series.push(Series::new(&name, Mark::Line, []));
            series.len() - 1
        });
        if let Some(Interval { estimate, low, high }) = of(cell) {
            series[s].push((cell.n_loops as f64, estimate), (low, high));
        }
    }
    series
}
