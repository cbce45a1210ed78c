//! `learn`: gradients through loops, the gradients of all parities, and training.

use circuit2tf::figure::learning as figure;
use circuit2tf::reasoning::learning::Start;
use circuit2tf::reasoning::learning::looped::COMPILED_GAIN;
use circuit2tf::reasoning::learning::report::{Asked, Gradients, Parities, Subject, Training};
use circuit2tf::reasoning::learning::train::Config;
use circuit2tf::{Error, Result};
use clap::Subcommand;

use super::output::{Figure, Output, Table};
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
    output: Output<Figure>,
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
    #[command(flatten)]
    output: Output<Table>,
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
    output: Output<Figure>,
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

/// The most random starts of a study.
const MAX_SEEDS: u64 = 10_000;

pub fn main(args: &Args) -> Result<Report> {
    match &args.action {
        Action::Gradients(args) => gradients(args),
        Action::Parities(args) => parities(args),
        Action::Train(args) => train(args),
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

fn gradients(args: &GradientArgs) -> Result<Report> {
    let plan = args.output.plan()?;
    let asked = Asked {
        loops: args.loops,
        gains: args.gain.clone(),
        betas: args.beta.clone(),
        noise: args.draws.noise,
        seeds: args.draws.range()?,
    };
    let circuit = source::circuit(&args.circuit)?.circuit;
    let bar = Bar::counting(asked.n_kinds(), "kinds of weights");
    let found = Gradients::measure(&args.circuit, &circuit, &asked, &bar)?;
    drop(bar);
    plan.draw(&found, &|_| figure::gradients(&found))
}

fn parities(args: &ParityArgs) -> Result<Report> {
    let plan = args.output.plan()?;
    let seeds = args.draws.range()?;
    let circuit = source::circuit(&format!("parity:{}", args.inputs))?.circuit;
    let bar = Bar::counting(args.draws.seeds, "random starts");
    let found = Parities::measure(&circuit, args.loops, seeds, &bar)?;
    drop(bar);
    plan.report(&found)
}

fn train(args: &TrainArgs) -> Result<Report> {
    let plan = args.output.plan()?;
    let seeds = args.draws.range()?;
    let config = Config { n_steps: args.steps, learning_rate: args.rate, n_loops: 1 };
    let starts = [Start::Random, Start::Construction, Start::Noisy(args.draws.noise)];
    let subject = |spec: &String| {
        let circuit = source::circuit(spec)?.circuit;
        Subject::new(spec, &circuit, &args.loops)
    };
    let subjects = args.circuits.iter().map(subject).collect::<Result<Vec<_>>>()?;
    let runs: u64 = subjects.iter().map(|subject| subject.n_runs(&starts, &seeds)).sum();
    let bar = Bar::counting(runs.saturating_mul(args.steps as u64), "steps");
    let found = Training::run(&subjects, &starts, seeds, &config, &bar)?;
    drop(bar);
    plan.draw(&found, &|_| figure::training(&found))
}
