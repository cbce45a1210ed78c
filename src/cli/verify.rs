//! `verify`: does a model compute a circuit?

use circuit2tf::Result;
use circuit2tf::circuit::Circuit;
use circuit2tf::model::Model;
use circuit2tf::verify::{self, Departure, Verdict, bit_string};
use serde_json::{Value, json};

use super::run::{EngineName, loops};
use super::{Report, progress::Bar, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model file
    model: String,
    /// The circuit
    circuit: String,
    /// How to check; by default a certificate, then all inputs if they are few, else a sample
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// Assignments to sample
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SAMPLES)]
    samples: u64,
    /// Seed of the sample
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Loops to run, instead of the model's own number
    #[arg(long, value_name = "R")]
    loops: Option<usize>,
    /// The engine that runs the model
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// Where to write the fan-in cone of the first wrong node, if the model is refuted
    #[arg(long, value_name = "FILE")]
    shrink: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Method {
    /// All 2^n assignments
    Exhaustive,
    /// Some assignments; can refute, cannot verify
    Sample,
}

const DEFAULT_SAMPLES: u64 = 10_000;

pub fn main(args: &Args) -> Result<Report> {
    let model = source::model(&args.model)?;
    let source = source::circuit(&args.circuit)?;
    let verdict = decide(args, &model, &source.circuit)?;
    let mut json = verdict_json(&verdict);
    let mut text = String::new();
    if let Verdict::Refuted(found) = &verdict {
        let loops = loops(&model, args.loops)?;
        text += &named_inputs(&source.circuit, &found.input);
        match verify::locate(&model, &source.circuit, &found.input, loops) {
            Ok(Some(departure)) => {
                text += &describe(&departure, &source.circuit);
                json["departure"] = departure_json(&departure, &source.circuit);
                shrink(args, &source.circuit, &departure)?;
            }
            Ok(None) => text += "every position that the claim names is right at the end\n",
            Err(error) => text += &format!("cannot say where it arose: {error}\n"),
        }
    }
    text += &format!("{verdict}\n");
    Ok(Report { text: text.into_bytes(), json, status: verdict.exit_status() })
}

fn decide(args: &Args, model: &Model, circuit: &Circuit) -> Result<Verdict> {
    let loops = loops(model, args.loops)?;
    let method = args.method.unwrap_or_else(|| by_size(circuit));
    let engine = args.engine.prepare(model)?;
    match method {
        Method::Exhaustive => {
            let bar = Bar::new(1 << circuit.inputs().len().min(63));
            verify::exhaustive(model, circuit, &*engine, loops, &bar)
        }
        Method::Sample => {
            let bar = Bar::new(args.samples);
            verify::sample(model, circuit, &*engine, loops, (args.samples, args.seed), &bar)
        }
    }
}

/// Up to so many inputs all assignments are tried unless asked otherwise.
const FEW_INPUTS: usize = 12;

fn by_size(circuit: &Circuit) -> Method {
    match circuit.inputs().len() {
        0..=FEW_INPUTS => Method::Exhaustive,
        _ => Method::Sample,
    }
}

/// The check that `compile --verify` makes.
pub fn check(model: &Model, circuit: &Circuit) -> Result<Verdict> {
    let args = Args {
        model: String::new(),
        circuit: String::new(),
        method: None,
        samples: DEFAULT_SAMPLES,
        seed: 0,
        loops: None,
        engine: EngineName::default(),
        shrink: None,
    };
    decide(&args, model, circuit)
}

fn shrink(args: &Args, circuit: &Circuit, departure: &Departure) -> Result<()> {
    let Some(path) = &args.shrink else { return Ok(()) };
    let cone = verify::shrink(circuit, departure.node)?;
    super::convert::write_circuit(&cone, path)
}

pub fn verdict_json(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Verified { how } => json!({ "verdict": "VERIFIED", "how": how }),
        Verdict::Unknown { how } => json!({ "verdict": "UNKNOWN", "how": how }),
        Verdict::Refuted(found) => json!({
            "verdict": "REFUTED",
            "input": bit_string(&found.input),
            "output": found.output,
            "expected": u8::from(found.expected),
            "got": u8::from(!found.expected),
        }),
    }
}

/// The inputs of a counterexample by name, the way logic tools print them.
fn named_inputs(circuit: &Circuit, input: &[bool]) -> String {
    let pairs = circuit.input_names().iter().zip(input);
    let pairs = pairs.map(|(name, &bit)| format!("{name}={}", u8::from(bit)));
    format!("counterexample: {}\n", pairs.collect::<Vec<_>>().join(" "))
}

fn node_label(departure: &Departure, circuit: &Circuit) -> String {
    let kind = circuit.kind(departure.node).name();
    match circuit.node_name(departure.node) {
        Some(name) => format!("{name} ({kind})"),
        None => format!("node {} ({kind})", departure.node.index()),
    }
}

fn describe(departure: &Departure, circuit: &Circuit) -> String {
    let since = match departure.loop_and_layer() {
        Some((r, l)) => format!("since loop {r}, layer {l}"),
        None => "from the start".to_string(),
    };
    let label = node_label(departure, circuit);
    format!("first wrong node: {label} at position {}, wrong {since}\n", departure.position)
}

fn departure_json(departure: &Departure, circuit: &Circuit) -> Value {
    let (r, l) = departure.loop_and_layer().unwrap_or((0, 0));
    json!({
        "node": node_label(departure, circuit),
        "position": departure.position,
        "loop": r,
        "layer": l,
    })
}
