//! `halting`: after how many loops does a rule stop, over all inputs or a sample, and is it right?

use circuit2tf::circuit::Circuit;
use circuit2tf::compile::Options;
use circuit2tf::figure::chart::{Axis, Chart, Mark, Series};
use circuit2tf::model::{Model, file};
use circuit2tf::reasoning::universal;
use circuit2tf::run::Rule;
use circuit2tf::verify::{Assignments, Measured, Pairing, Policy, measure_halting};
use circuit2tf::{Error, Result};
use serde_json::json;

use super::run::EngineArgs;
use super::{Report, progress::Bar, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit, which is compiled for the scheme universal, or a looped model
    #[arg(value_name = "CIRCUIT|MODEL")]
    what: String,
    /// The circuit of the model; without it the model's pass without the rule says what is right
    #[arg(long, value_name = "CIRCUIT")]
    circuit: Option<String>,
    /// When to stop
    #[arg(long, value_name = "RULE", value_parser = super::choice::rule(), default_value = "known")]
    rule: Rule,
    /// Layers of the block, which is looped
    #[arg(long, value_name = "L", default_value_t = 1)]
    layers: usize,
    /// The largest fan-in of a node, one attention head each
    #[arg(long, value_name = "K", default_value_t = 2)]
    heads: usize,
    /// Sample so many assignments; by default all are tried up to 20 inputs, else 100000
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// Seed of the sample
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    engine: EngineArgs,
    /// Also write the distribution to a file: .csv or .svg
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
}

pub fn main(args: &Args) -> Result<Report> {
    let format = args.output.as_deref().map(Format::of).transpose()?;
    let (name, model, circuit) = subject(args)?;
    let policy = Policy { seed: args.seed, ..args.engine.policy() };
    let assignments = match args.samples {
        Some(count) => Assignments::Sample { count, seed: args.seed },
        None => policy.assignments(model.input_positions.len()),
    };
    let asked = (args.rule, assignments);
    let measured = measure_halting(&model, circuit.as_ref(), asked, &policy, &Bar::default())?;
    if let (Some(path), Some(format)) = (&args.output, format) {
        let text = match format {
            Format::Csv => measured.to_csv(),
            Format::Svg => chart(&name, &measured).to_svg()?,
        };
        source::write(path, text.as_bytes())?;
    }
    let text = format!("{name}: {measured}\n").into_bytes();
    Ok(Report { text, json: json!(measured), status: measured.exit_status() })
}

fn chart(name: &str, measured: &Measured) -> Chart {
    let times = &measured.times;
    let mean = times.mean().map_or("none".to_string(), |mean| format!("{mean:.2}"));
    let bars = times.used().map(|(r, n)| (r as f64, n as f64));
    Chart {
        title: format!("{name}: loops until the rule {} stops", measured.rule),
        description: format!("Over {}: mean {mean}.", measured.inputs()),
        x: Axis::linear("loops"),
        y: Axis::linear("inputs"),
        series: vec![Series::new("inputs", Mark::Bars, bars)],
    }
}

/// The model, and the circuit where one was given.
fn subject(args: &Args) -> Result<(String, Model, Option<Circuit>)> {
    let name = source::name(&args.what);
    if std::path::Path::new(&args.what).exists() || args.what == "-" {
        let bytes = source::bytes(&args.what)?;
        if file::is_model(&bytes) {
            let model = file::from_bytes(&bytes, &name)?;
            let Some(circuit) = &args.circuit else { return Ok((name, model, None)) };
            let circuit = source::circuit(circuit)?.circuit;
            let model = Pairing::new(&model, &circuit, None)?.arrange(model);
            return Ok((name, model, Some(circuit)));
        }
        let source = source::circuit_from(bytes, &args.what)?;
        return compiled(args, source);
    }
    compiled(args, source::circuit(&args.what)?)
}

fn compiled(args: &Args, source: source::Source) -> Result<(String, Model, Option<Circuit>)> {
    if args.circuit.is_some() {
        return Err(Error::new("--circuit with a model file", "a circuit"));
    }
    let options = Options { layers: args.layers, heads: args.heads, ..Options::default() };
    let model = universal::compile(&source.circuit, &source.sha256, &options)?;
    Ok((source.name, model, Some(source.circuit)))
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    Svg,
}

impl Format {
    fn of(path: &str) -> Result<Self> {
        match source::output(path, &["csv", "svg"])? {
            Some("csv") => Ok(Format::Csv),
            Some(_) => Ok(Format::Svg),
            None => Err(Error::new("a file name that ends in .csv or .svg", format!("{path:?}"))),
        }
    }
}
