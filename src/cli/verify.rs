//! `verify`: does a model compute a circuit?

use circuit2tf::circuit::Circuit;
use circuit2tf::model::{Applied, Model, Scheme};
use circuit2tf::run::{Engine, Rule};
use circuit2tf::verify::certificate::{Certificate, CertificateFile};
use circuit2tf::verify::{
    self, Assignments, Counterexample, Departure, Doubt, Part, Shard, Statement, Subject, Verdict,
    bit_string,
};
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::run::{EngineArgs, with_loops};
use super::source::{self, PairArgs};
use super::{Report, convert, engines, progress::Bar, shard};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Command {
    #[command(subcommand)]
    merge: Option<Merge>,
    // Not an `Option`: one that holds another flattened struct, the engine's flags, is never there.
    #[command(flatten)]
    check: Args,
}

#[derive(Debug, clap::Subcommand)]
enum Merge {
    /// Put the shards of a check together and give its verdict
    Merge(shard::MergeArgs),
}

pub fn main(command: &Command) -> Result<Report> {
    match &command.merge {
        Some(Merge::Merge(args)) => shard::main(args),
        None => check_model(&command.check),
    }
}

#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The model file
    #[arg(required = true)]
    model: Option<String>,
    /// The circuit
    #[arg(required = true)]
    circuit: Option<String>,
    /// How to check; by default a certificate, and where there is none, by running: all inputs if they are
    /// few, else a sample
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// Assignments to sample; 10000 unless the scheme has no certificate, and 100000 then
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// Seed of the sample
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Loops to check, instead of the model's own number
    #[arg(long, value_name = "R")]
    loops: Option<usize>,
    #[command(flatten)]
    pair: PairArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Where to keep the certificate (JSON), for `circuit2tf check`
    #[arg(long, value_name = "FILE")]
    certificate: Option<String>,
    /// Where to write the fan-in cone of the first wrong node, if the model is refuted
    #[arg(long, value_name = "FILE")]
    shrink: Option<String>,
    /// Go through one part of the assignments: I/N, or auto or auto/N in a job array
    #[arg(long, value_name = "I/N", requires = "output")]
    shard: Option<shard::Spec>,
    /// Where to keep what a shard found, for `circuit2tf verify merge`
    #[arg(short, long, value_name = "FILE", requires = "shard")]
    output: Option<String>,
    /// Compare engines with each other and with the circuit, loop by loop: all, or names
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["method", "shard"])]
    engines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Method {
    /// A proof from the weights alone, for all inputs and any more loops
    Certificate,
    /// The same proof with SAT instead of the model's claim
    Miter,
    /// All 2^n assignments
    Exhaustive,
    /// Some assignments; can refute, cannot verify
    Sample,
}

const DEFAULT_SAMPLES: u64 = 10_000;

/// The same where a sample is all there is.
const UNCERTIFIED_SAMPLES: u64 = 100_000;

fn named(file: &Option<String>) -> &str {
    file.as_deref().expect("required unless a subcommand is given, which has its own arguments")
}

fn check_model(args: &Args) -> Result<Report> {
    // Before the work, which may be long, so that no verdict is lost to a slip in a name.
    args.shrink.as_deref().map(convert::by_extension).transpose()?;
    args.certificate.as_deref().map(|path| source::output(path, &["json", "cert"])).transpose()?;
    args.output.as_deref().map(|path| source::output(path, &["json", "shard"])).transpose()?;
    let model = source::model_with_sha256(named(&args.model))?;
    let source = source::circuit(named(&args.circuit))?;
    let (model, subject) = source.pair(model, args.pair)?;
    let model = with_loops(model, args.loops)?;
    if !args.engines.is_empty() {
        let assignments = engines::assignments(&source.circuit, n_samples(args, &model), args.seed);
        return engines::compare(
            &model,
            &source.circuit,
            subject,
            args.engine,
            (&args.engines, assignments),
        );
    }
    if let (Some(spec), Some(path)) = (args.shard, &args.output) {
        return check_shard(args, &model, &source.circuit, subject, (spec.part()?, path));
    }
    let certificate = match args.method {
        None if !model.scheme.has_fixed_steps() => None,
        None | Some(Method::Certificate) => Some(verify::prove(&model, &source.circuit)),
        Some(Method::Miter) => Some(verify::prove_by_miter(&model, &source.circuit)),
        Some(Method::Exhaustive | Method::Sample) => None,
    };
    if let Some(path) = &args.certificate {
        keep(path, certificate.as_ref(), &subject)?;
    }
    let verdict = decide(args, &model, &source.circuit, certificate.as_ref())?;
    let statement = Statement { verdict, subject };
    report(args, &model, &source.circuit, certificate.as_ref(), &statement)
}

/// Goes through one part of the assignments and writes what was found.
fn check_shard(
    args: &Args,
    model: &Model,
    circuit: &Circuit,
    subject: Subject,
    (part, path): (Part, &str),
) -> Result<Report> {
    let assignments = match args.method {
        Some(Method::Exhaustive) => Assignments::All,
        Some(Method::Sample) => {
            Assignments::Sample { count: n_samples(args, model), seed: args.seed }
        }
        _ => {
            return Err(Error::new("--method exhaustive or sample with --shard", "another")
                .hint("other methods do not go through assignments"));
        }
    };
    let n_loops = model.n_loops;
    let range = assignments.range(circuit.inputs().len(), part)?;
    let engine = args.engine.prepare(model)?;
    args.engine.require_affordable(model, &*engine, range.end - range.start)?;
    let bar = Bar::new(range.end - range.start);
    let (found, rounding) =
        verify::refute_in(model, circuit, &*engine, n_loops, assignments, range.clone(), &bar)?;
    let size = (circuit.inputs().len(), n_loops);
    let outcome = (found.as_ref(), rounding.clone());
    let shard = Shard::new(&subject, size, (assignments, part), engine.name(), outcome)?;
    source::write(path, shard.to_json().as_bytes())?;
    let (total, engine) = (range.end - range.start, engine.name().to_string());
    let run = verify::Run { assignments, total, rounding, engine, n_loops };
    let nothing = Verdict::Unknown(Doubt::Shard { part, range, run });
    let verdict = found.map_or(nothing, Verdict::Refuted);
    Ok(Report::of(&Statement { verdict, subject }))
}

/// Writes the certificate, whatever it says.
fn keep(path: &str, certificate: Option<&Certificate>, subject: &Subject) -> Result<()> {
    let Some(certificate) = certificate else {
        return Err(Error::new("--certificate with the method certificate", "another method"));
    };
    let file = CertificateFile::new(certificate.clone(), subject);
    source::write(path, file.to_json().as_bytes())
}

/// The verdict of the method asked for. A certificate that fails says nothing about the model, so an
/// input on which it is wrong is then looked for, and without a method all inputs are tried if they are
/// few.
fn decide(
    args: &Args,
    model: &Model,
    circuit: &Circuit,
    certificate: Option<&Certificate>,
) -> Result<Verdict> {
    let run = |method| run(args, model, circuit, method);
    let Some(certificate) = certificate else {
        return match args.method {
            Some(method) => run(method),
            None => uncertified(args, model, circuit),
        };
    };
    // Where the certificate does not know the scheme, what it fails at is all that it can say.
    if certificate.is_proof() || !model.scheme.has_fixed_steps() {
        return Ok(Verdict::from(certificate));
    }
    match refute(args, model, circuit) {
        Ok(Some(found)) => return Ok(Verdict::Refuted(found)),
        Err(error) if error.is_cancelled() => return Err(error),
        Ok(None) | Err(_) => {}
    }
    let n_inputs = circuit.inputs().len();
    let most = if args.method.is_none() { u64::MAX } else { affordable_samples(model) };
    let found = match n_inputs <= FEW_INPUTS && 1 << n_inputs <= most {
        true => all_or_sample(args, model, circuit),
        false => run(Method::Sample),
    };
    match found {
        Ok(refuted @ Verdict::Refuted(_)) => Ok(refuted),
        // Whoever asks for a proof from the weights is given no other.
        Ok(verified @ Verdict::Verified(_)) if args.method.is_none() => Ok(verified),
        Ok(doubt @ Verdict::Unknown(Doubt::Rounding(_))) if args.method.is_none() => Ok(doubt),
        Err(error) if error.is_cancelled() => Err(error),
        // The failed condition is what is known.
        Ok(_) => Ok(Verdict::from(certificate)),
        Err(error) => {
            eprintln!("note: not run: {error}");
            Ok(Verdict::from(certificate))
        }
    }
}

/// Up to so many inputs all assignments are tried where no certificate decides.
const FEW_INPUTS: usize = 12;

/// Up to so many inputs all assignments are tried for a scheme without a certificate, if that is affordable.
const MAX_TRIED_INPUTS: usize = 20;

/// All assignments if they are few, else a sample.
fn uncertified(args: &Args, model: &Model, circuit: &Circuit) -> Result<Verdict> {
    let n_inputs = circuit.inputs().len();
    if n_inputs <= MAX_TRIED_INPUTS && 1 << n_inputs <= affordable_runs(model) {
        return all_or_sample(args, model, circuit);
    }
    run(args, model, circuit, Method::Sample)
}

/// All assignments, or a sample where running all takes too long.
fn all_or_sample(args: &Args, model: &Model, circuit: &Circuit) -> Result<Verdict> {
    match run(args, model, circuit, Method::Exhaustive) {
        Err(error) if !error.is_cancelled() => run(args, model, circuit, Method::Sample),
        decided => decided,
    }
}

/// How many assignments can be tried in some minutes.
fn affordable_runs(model: &Model) -> u64 {
    match model.scheme {
        // One by one, every step an application of all blocks to a token.
        Scheme::Coconut | Scheme::Cot => affordable_samples(model).saturating_mul(16).max(1 << 12),
        _ => 1 << MAX_TRIED_INPUTS,
    }
}

fn run(args: &Args, model: &Model, circuit: &Circuit, method: Method) -> Result<Verdict> {
    if model.scheme == Scheme::Universal {
        return run_halting(args, model, circuit, method);
    }
    let engine = args.engine.prepare(model)?;
    if method == Method::Exhaustive {
        let total = Assignments::All.total(circuit.inputs().len())?;
        args.engine.require_affordable(model, &*engine, total)?;
        return verify::exhaustive(model, circuit, &*engine, model.n_loops, &Bar::new(total));
    }
    // A search after a failed certificate takes a while, not for ever.
    let samples = match args.method {
        Some(Method::Certificate | Method::Miter) | None if model.scheme.has_fixed_steps() => {
            n_samples(args, model).min(affordable_samples(model))
        }
        _ => affordable(args, model, &*engine),
    };
    args.engine.require_affordable(model, &*engine, samples)?;
    let bar = Bar::new(samples);
    verify::sample(model, circuit, &*engine, model.n_loops, (samples, args.seed), &bar)
}

/// The samples asked for, or as many of the usual number as time allows, but not none.
fn affordable(args: &Args, model: &Model, engine: &dyn Engine) -> u64 {
    let most = args.engine.affordable(model, engine).max(1);
    args.samples.unwrap_or_else(|| n_samples(args, model).min(most))
}

fn n_samples(args: &Args, model: &Model) -> u64 {
    let default =
        if model.scheme.has_fixed_steps() { DEFAULT_SAMPLES } else { UNCERTIFIED_SAMPLES };
    args.samples.unwrap_or(default)
}

/// Whether a halting model is right when it stops, always stops, and keeps what it knows.
fn run_halting(args: &Args, model: &Model, circuit: &Circuit, method: Method) -> Result<Verdict> {
    let engine = args.engine.halting(model, Rule::Known)?;
    let assignments = match method {
        Method::Exhaustive => Assignments::All,
        _ => Assignments::Sample { count: affordable(args, model, &engine), seed: args.seed },
    };
    let total = assignments.total(circuit.inputs().len())?;
    args.engine.require_affordable(model, &engine, total)?;
    let bar = Bar::new(total);
    verify::check_halting(model, circuit, &engine, assignments, &bar)
}

/// A wrong input from the miter, replayed; an error where the model is too large to run.
fn refute(args: &Args, model: &Model, circuit: &Circuit) -> Result<Option<Counterexample>> {
    let engine = args.engine.prepare(model)?;
    args.engine.require_affordable(model, &*engine, 1)?;
    verify::refute(model, circuit, &*engine)
}

/// How many runs make about 2^34 scores: some seconds.
fn affordable_samples(model: &Model) -> u64 {
    let layers = model.schedule().n_steps().max(1) as u64;
    let scores = (model.n_ctx() as u64).saturating_pow(2).saturating_mul(layers);
    (1u64 << 34).div_ceil(scores.max(1))
}

fn report(
    args: &Args,
    model: &Model,
    circuit: &Circuit,
    certificate: Option<&Certificate>,
    statement: &Statement,
) -> Result<Report> {
    let mut json = json!(statement);
    let mut text = String::new();
    if let Some(certificate) = certificate {
        text += &conditions(certificate);
        json["conditions"] = conditions_json(certificate);
    }
    if let Verdict::Refuted(found) = &statement.verdict {
        text += &named_inputs(circuit, &found.input);
        match verify::locate(model, circuit, &found.input, model.n_loops) {
            Ok(Some(departure)) => {
                text += &describe(&departure, circuit);
                json["departure"] = departure_json(&departure, circuit);
                shrink(args, circuit, &departure)?;
            }
            Ok(None) => text += "every position that the claim names is right at the end\n",
            Err(_) if !model.scheme.is_parallel() => text += &decoded(model, &found.input),
            Err(error) => text += &format!("cannot say where it arose: {error}\n"),
        }
    }
    text += &format!("{statement}\n");
    Ok(Report { text: text.into_bytes(), json, status: statement.verdict.exit_status() })
}

/// A line for each condition that was checked.
fn conditions(certificate: &Certificate) -> String {
    let line = |condition: &verify::certificate::Condition| {
        let status = if condition.failure.is_none() { "ok  " } else { "FAIL" };
        let margin = condition.margin.as_ref();
        let margin = margin.map_or(String::new(), |(x, unit)| format!(" ({} {unit})", decimal(*x)));
        let place = condition.failure.as_ref().map_or(String::new(), |f| format!(": {f}"));
        format!("{status} {:3} {}{margin}{place}\n", condition.id, condition.statement)
    };
    certificate.conditions.iter().map(line).collect()
}

/// A number with four decimals at most.
fn decimal(x: f64) -> String {
    let text = format!("{x:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn conditions_json(certificate: &Certificate) -> Value {
    let entry = |condition: &verify::certificate::Condition| {
        json!({
            "id": condition.id,
            "passed": condition.failure.is_none(),
            "margin": condition.margin.as_ref().map(|(margin, _)| margin),
            "failure": condition.failure,
        })
    };
    certificate.conditions.iter().map(entry).collect()
}

/// The check that `compile --verify` makes: the certificate where there is one for the scheme, else runs.
///
/// # Errors
/// It was cancelled.
pub fn check(model: &Model, circuit: &Circuit) -> Result<Verdict> {
    match model.scheme.has_fixed_steps() {
        true => Ok(Verdict::from(&verify::prove(model, circuit))),
        false => uncertified(&Args::default(), model, circuit),
    }
}

/// The same with so many samples where no certificate applies.
///
/// # Errors
/// It was cancelled.
pub fn check_with(model: &Model, circuit: &Circuit, samples: u64) -> Result<Verdict> {
    match model.scheme.has_fixed_steps() {
        true => Ok(Verdict::from(&verify::prove(model, circuit))),
        false => {
            let args = Args { samples: Some(samples), ..Args::default() };
            let method = match tried(circuit.inputs().len(), samples) {
                Assignments::All => Method::Exhaustive,
                Assignments::Sample { .. } => Method::Sample,
            };
            run(&args, model, circuit, method)
        }
    }
}

/// All assignments if they are no more than so many, else a sample of so many.
pub fn tried(n_inputs: usize, samples: u64) -> Assignments {
    match n_inputs <= MAX_TRIED_INPUTS && 1 << n_inputs <= samples.max(1) {
        true => Assignments::All,
        false => Assignments::Sample { count: samples, seed: 0 },
    }
}

/// Where to look at a decoder, whose positions are tokens and not nodes.
fn decoded(model: &Model, input: &[bool]) -> String {
    let what = if model.scheme == Scheme::Cot { "token" } else { "thought and token" };
    format!("`circuit2tf trace MODEL {}` shows each {what} of it\n", bit_string(input))
}

fn shrink(args: &Args, circuit: &Circuit, departure: &Departure) -> Result<()> {
    let Some(path) = &args.shrink else { return Ok(()) };
    let cone = verify::shrink(circuit, departure.node)?;
    convert::write_circuit(&cone, path)
}

/// The inputs of a counterexample by name, the way logic tools print them.
fn named_inputs(circuit: &Circuit, input: &[bool]) -> String {
    let pairs = circuit.input_names().iter().zip(input);
    let pairs = pairs.map(|(name, &bit)| format!("{name}={}", u8::from(bit)));
    match input.is_empty() {
        true => "counterexample: there are no inputs\n".to_string(),
        false => format!("counterexample: {}\n", pairs.collect::<Vec<_>>().join(" ")),
    }
}

fn node_label(departure: &Departure, circuit: &Circuit) -> String {
    let kind = circuit.kind(departure.node).name();
    match circuit.node_name(departure.node) {
        Some(name) => format!("{name} ({kind})"),
        None => format!("node {} ({kind})", departure.node.index()),
    }
}

fn describe(departure: &Departure, circuit: &Circuit) -> String {
    let since = match departure.since() {
        Some(Applied::Core { in_loop, layer }) => format!("since loop {in_loop}, layer {layer}"),
        Some(Applied::Prelude { layer }) => format!("since layer {layer} of the prelude"),
        Some(Applied::Coda { layer }) => format!("since layer {layer} of the coda"),
        None => "from the start".to_string(),
    };
    let node = format!("{} at position {}", node_label(departure, circuit), departure.position);
    match departure.level.filter(|_| !departure.is_reached()) {
        Some(level) => {
            let applied = departure.schedule.n_steps();
            format!(
                "first wrong node: {node}, not reached yet: level {level} after {applied} layers\n"
            )
        }
        None => format!("first wrong node: {node}, wrong {since}\n"),
    }
}

fn departure_json(departure: &Departure, circuit: &Circuit) -> Value {
    let (part, in_loop, layer) = match departure.since() {
        None => ("embedding", 0, 0),
        Some(Applied::Prelude { layer }) => ("prelude", 0, layer),
        Some(Applied::Core { in_loop, layer }) => ("core", in_loop, layer),
        Some(Applied::Coda { layer }) => ("coda", 0, layer),
    };
    json!({
        "node": node_label(departure, circuit),
        "position": departure.position,
        "level": departure.level,
        "reached": departure.is_reached(),
        "part": part,
        "loop": in_loop,
        "layer": layer,
    })
}
