//! `compare`: the schemes of reasoning side by side, each compiled from the same circuit and verified.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Circuit, Oracle};
use circuit2tf::compile;
use circuit2tf::figure::growth::{self, Quantity};
use circuit2tf::model::{Dtype, Model, Pass};
use circuit2tf::network::Network;
use circuit2tf::reasoning::comparison::{Ceilings, Compared, Comparison, Row, Taken, Verification};
use circuit2tf::reasoning::cost::{Cost, Crossing};
use circuit2tf::reasoning::{Compiler, Request, SCHEMES};
use circuit2tf::run::{Halting, Rule};
use circuit2tf::verify::{Policy, Subject, decide_watched, halting_times};
use circuit2tf::{Error, Result};

use super::compile::scheme;
use super::output::{Figure, Output};
use super::progress::Bar;
use super::{Report, choice, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Circuits; a family with sizes A..B, such as adder:4..32, is taken at A, 2A, 4A and so on
    #[arg(required = true, value_name = "CIRCUIT")]
    circuits: Vec<String>,
    /// Only these schemes, separated by commas
    #[arg(long, value_name = "S", value_parser = scheme, value_delimiter = ',')]
    scheme: Vec<&'static dyn Compiler>,
    /// Tokens of the vocabulary of the scheme cot
    #[arg(long, value_name = "V", default_value_t = 2)]
    vocab: usize,
    /// Width that the ceiling of a latent step is also computed for
    #[arg(long, value_name = "D", default_value_t = 4096)]
    dim: u64,
    /// Bits of a number at that width
    #[arg(long, value_name = "B", default_value_t = 16)]
    bits: u64,
    /// Layers of the looped block and of the coconut decoder
    #[arg(long, value_name = "L", default_value_t = 1)]
    layers: usize,
    /// The largest fan-in of a node
    #[arg(long, value_name = "K", default_value_t = 2)]
    heads: usize,
    /// The number format
    #[arg(long, value_parser = choice::dtype(), default_value = "f32")]
    dtype: Dtype,
    /// Assignments to sample where no certificate applies and not all can be tried; by default what takes
    /// some seconds, 100000 at most
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// Count without building and verifying the models of decoders
    #[arg(long)]
    no_verify: bool,
    /// What the curves of an SVG show against the number of gates: a row of panels each, and a column for
    /// each family
    #[arg(long, value_parser = choice::quantity(), value_delimiter = ',', default_value = "steps")]
    plot: Vec<Quantity>,
    #[command(flatten)]
    output: Output<Figure>,
}

/// Assignments on which the states of live cuts are counted: all of so many inputs, else as many random ones.
const MEASURED_INPUTS: usize = 12;

/// Decoders of more parameters are counted and not built.
const MAX_BUILT: u128 = 1 << 26;

pub fn main(args: &Args) -> Result<Report> {
    let plan = args.output.plan()?;
    let specs: Vec<String> =
        args.circuits.iter().map(|spec| sizes(spec)).collect::<Result<Vec<_>>>()?.concat();
    // All of them before the work, which may be long.
    let sources: Vec<_> = specs.iter().map(|spec| source::circuit(spec)).collect::<Result<_>>()?;
    let circuits = sources.iter().map(|source| compare(args, source)).collect::<Result<_>>()?;
    let ceilings = Ceilings { vocab: args.vocab, dim: args.dim, bits: args.bits };
    let comparison = Comparison { ceilings, circuits };
    let status = u8::from(comparison.is_refuted());
    let figure = |_| growth::figure(&args.plot, &comparison.circuits);
    Ok(Report { status, ..plan.draw(&comparison, &figure)? })
}

/// The specs that `name:A..B` stands for: sizes A, 2A, 4A up to B.
fn sizes(spec: &str) -> Result<Vec<String>> {
    let range =
        spec.split_once(':').and_then(|(name, sizes)| Some((name, sizes.split_once("..")?)));
    let Some((name, (first, last))) = range.filter(|_| !std::path::Path::new(spec).exists()) else {
        return Ok(vec![spec.to_string()]);
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|&n| n > 0);
    let range = number(first).zip(number(last)).filter(|(first, last)| first <= last);
    let Some((first, last)) = range else {
        return Err(Error::new("sizes A..B of 1 or more, A at most B", format!("{spec:?}")));
    };
    let doubled = std::iter::successors(Some(first), |n| n.checked_mul(2));
    Ok(doubled.take_while(|&n| n <= last).map(|n| format!("{name}:{n}")).collect())
}

fn compare(args: &Args, source: &source::Source) -> Result<Compared> {
    let request = Request {
        layers: Some(args.layers),
        heads: args.heads,
        dtype: args.dtype,
        vocab: Some(args.vocab),
        ..Request::default()
    };
    let network = compile::map(&source.circuit, &request.options())?.network;
    let schemes = if args.scheme.is_empty() { &SCHEMES[..] } else { &args.scheme };
    let mut rows = Vec::with_capacity(schemes.len());
    for &compiler in schemes {
        let mut request = request.read_by(compiler);
        request.layers = request.layers.filter(|_| compiler.repeats_layers());
        rows.push(row(args, source, &network, (compiler, &request))?);
    }
    Ok(Compared {
        name: source.name.clone(),
        family: family(&source.name),
        n_gates: network.n_nodes() - network.n_inputs(),
        depth: network.depth(),
        crossing: Crossing::measure(&network, &assignments(network.n_inputs())?),
        rows,
    })
}

/// The name of a family, for the circuits in it; files are one.
fn family(name: &str) -> String {
    if std::path::Path::new(name).exists() || name == "stdin" {
        "files".to_string()
    } else {
        name.split(':').next().unwrap_or(name).to_string()
    }
}

/// All assignments if they are few, else some random ones.
fn assignments(n_inputs: usize) -> Result<Batch> {
    if n_inputs <= MEASURED_INPUTS {
        return Ok(Batch::counting(n_inputs, 0, 1 << n_inputs));
    }
    // A linear congruential generator (Knuth's MMIX constants), as good as any for counting states.
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 63 == 1
    };
    let columns: Vec<Vec<bool>> =
        (0..1 << MEASURED_INPUTS).map(|_| (0..n_inputs).map(|_| word()).collect()).collect();
    Batch::from_columns(n_inputs, &columns)
}

fn row(
    args: &Args,
    source: &source::Source,
    network: &Network,
    (compiler, request): (&dyn Compiler, &Request),
) -> Result<Row> {
    let pass = compiler.scheme().pass();
    let cost = compiler.cost(network, request)?;
    // A decoder is built only where it is small enough.
    if !pass.is_parallel() && (args.no_verify || cost.parameters() > MAX_BUILT) {
        let verification =
            if args.no_verify { Verification::NotAsked } else { Verification::TooLarge };
        return Ok(Row { cost, verification, taken: None });
    }
    let model = compiler.compile(&source.circuit, &source.sha256, request)?;
    let row = verified(args, cost, &model, &source.circuit)?;
    let taken = match pass {
        Pass::Halting => taken(&model, &source.circuit, samples(args, &row.cost))?,
        Pass::Looped | Pass::Thoughts | Pass::Tokens => None,
    };
    Ok(Row { taken, ..row })
}

/// After how many loops the model stops; none if nothing was tried.
fn taken(model: &Model, circuit: &Circuit, samples: u64) -> Result<Option<Taken>> {
    let assignments = policy(samples).assignments(circuit.inputs().len());
    let (engine, oracle) = (Halting::new(model, Rule::Known)?, Oracle::new(circuit)?);
    let plan = (model.n_loops, assignments);
    let times = halting_times(&engine, plan, &|inputs| oracle.run(inputs), &Bar::default())?;
    let (mean, worst) = (times.mean(), times.worst());
    let n_assignments = times.n_stopped();
    let taken = |(mean, worst)| Taken { mean, worst, assignments, n_assignments };
    Ok(mean.zip(worst).map(taken))
}

/// What a comparison may spend on verifying a decoder: some seconds of multiply-adds.
const BUDGET: u128 = 1 << 34;
const MOST_SAMPLES: u128 = 100_000;

/// The assignments to try where a certificate does not apply and they are not all tried.
fn samples(args: &Args, cost: &Cost) -> u64 {
    let affordable = if cost.scheme.is_parallel() {
        MOST_SAMPLES
    } else {
        (BUDGET / cost.multiply_adds.max(1)).clamp(64, MOST_SAMPLES)
    };
    args.samples.unwrap_or(affordable as u64)
}

/// A certificate where there is one for the scheme, else all assignments if they are no more than so many, and a
/// sample of so many if they are.
fn policy(samples: u64) -> Policy {
    let (tried, few_runs) = (samples.max(1), samples);
    Policy { searches: false, samples: Some(samples), tried, few_runs, ..Policy::default() }
}

fn verified(args: &Args, cost: Cost, model: &Model, circuit: &Circuit) -> Result<Row> {
    let subject = Subject::new(model, circuit)?;
    let policy = policy(samples(args, &cost));
    let verdict = decide_watched(&subject, &policy, &Bar::default())?.statement.verdict;
    Ok(Row { cost, verification: Verification::Done(verdict), taken: None })
}
