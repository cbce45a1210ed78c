//! `halting`: after how many loops does a rule stop, over all inputs or a sample, and is it right?

use circuit2tf::circuit::{Circuit, Oracle};
use circuit2tf::compile::Options;
use circuit2tf::figure::chart::{Axis, Chart, Mark, Series};
use circuit2tf::model::{Model, Parts, Scheme, file};
use circuit2tf::reasoning::universal;
use circuit2tf::run::{Halting, Rule};
use circuit2tf::verify::{self, Assignments, Pairing, Times, bit_string};
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

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
    /// When to stop: known, fixed-point or stable-output
    #[arg(long, value_name = "RULE", default_value = "known")]
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

/// Up to so many inputs all are tried.
const MAX_TRIED_INPUTS: usize = 20;
const DEFAULT_SAMPLES: u64 = 100_000;

pub fn main(args: &Args) -> Result<Report> {
    let format = args.output.as_deref().map(Format::of).transpose()?;
    let (name, model, circuit) = subject(args)?;
    let times = measure(args, &model, circuit.as_ref())?;
    let assignments = args.assignments(model.input_positions.len());
    let rounds = !verify::halts_exactly(&model, &args.engine.halting(&model, args.rule)?);
    let subject = Subject { name: &name, model: &model, rule: args.rule, assignments, rounds };
    if let (Some(path), Some(format)) = (&args.output, format) {
        source::write(path, subject.file(&times, format)?.as_bytes())?;
    }
    Ok(Report {
        text: subject.text(&times).into_bytes(),
        json: subject.json(&times),
        // What is wrong by rounding may be right elsewhere.
        status: match times.n_wrong > 0 {
            true if rounds => 3,
            wrong => u8::from(wrong),
        },
    })
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

/// After how many loops a model of the scheme universal stops.
///
/// # Errors
/// As [`verify::halting_times`].
pub fn times(model: &Model, circuit: &Circuit, assignments: Assignments) -> Result<Times> {
    let engine = Halting::new(model, Rule::Known)?;
    let (oracle, n_inputs) = (Oracle::new(circuit)?, circuit.inputs().len());
    let bar = Bar::new(assignments.total(n_inputs)?);
    let plan = (model.n_loops, assignments);
    verify::halting_times(&engine, n_inputs, plan, &|inputs| oracle.run(inputs), &bar)
}

/// The times; outputs are held against the circuit's, or against those of the same layers where nothing stops
/// them before the last loop.
fn measure(args: &Args, model: &Model, circuit: Option<&Circuit>) -> Result<Times> {
    let engine = args.engine.halting(model, args.rule)?;
    let n_inputs = model.input_positions.len();
    let assignments = args.assignments(n_inputs);
    let total = assignments.total(n_inputs)?;
    args.engine.require_affordable(model, &engine, total)?;
    let bar = Bar::new(total);
    // A fixed point is seen one loop after it is reached.
    let plan = (model.n_loops.saturating_add(1), assignments);
    match circuit {
        Some(circuit) => {
            let oracle = Oracle::new(circuit)?;
            verify::halting_times(&engine, n_inputs, plan, &|inputs| oracle.run(inputs), &bar)
        }
        None => {
            let whole = without_rule(model)?;
            let whole = args.engine.prepare(&whole)?;
            let expected = |inputs: &_| whole.run(inputs, model.n_loops);
            verify::halting_times(&engine, n_inputs, plan, &expected, &bar)
        }
    }
}

/// The model as one that goes through all its loops.
fn without_rule(model: &Model) -> Result<Model> {
    Model::new(Parts { scheme: Scheme::Recurrent, ..model.clone().into_parts() })
}

impl Args {
    fn assignments(&self, n_inputs: usize) -> Assignments {
        match self.samples {
            None if n_inputs <= MAX_TRIED_INPUTS => Assignments::All,
            n => Assignments::Sample { count: n.unwrap_or(DEFAULT_SAMPLES), seed: self.seed },
        }
    }
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

/// What was measured.
struct Subject<'a> {
    name: &'a str,
    model: &'a Model,
    rule: Rule,
    assignments: Assignments,
    /// Sums may round, so that another runner may find other numbers.
    rounds: bool,
}

/// Columns of the longest bar of the histogram.
const BAR: u64 = 40;

impl Subject<'_> {
    fn inputs(&self) -> String {
        match self.assignments {
            Assignments::All => "all inputs".to_string(),
            Assignments::Sample { seed, .. } => format!("a sample, seed {seed}"),
        }
    }

    fn text(&self, times: &Times) -> String {
        let n_loops = self.model.n_loops;
        let mut text = format!(
            "{}: {}, rule {}, at most {n_loops} loops, {}\nloops       inputs\n",
            self.name,
            self.model.scheme,
            self.rule,
            self.inputs()
        );
        let most = times.counts.iter().copied().max().unwrap_or(0).max(1);
        let used = times.counts.iter().enumerate().filter(|&(_, &n)| n > 0);
        for (r, &n) in used {
            let bar = "#".repeat((n * BAR).div_ceil(most) as usize);
            text += &format!("{r:>5} {n:>12}  {bar}\n");
        }
        if let Some(wrong) = &times.wrong {
            let input = bit_string(&wrong.input);
            let (output, expected) = (wrong.output, u8::from(wrong.expected));
            text += &format!(
                "stopped too early: input={input} output={output} expected={expected} got={}\n",
                1 - expected
            );
        }
        let mean = times.mean().map_or("none".to_string(), |mean| format!("{mean:.4}"));
        let worst = times.worst().map_or("none".to_string(), |worst| worst.to_string());
        let total = times.n_stopped() + times.n_unfinished;
        text + &format!(
            "HALTING rule={} inputs={total} mean={mean} worst={worst} wrong={} unfinished={}{}\n",
            self.rule,
            times.n_wrong,
            times.n_unfinished,
            if self.rounds { " sums-may-round" } else { "" }
        )
    }

    fn json(&self, times: &Times) -> Value {
        let counts = times.counts.iter().enumerate().filter(|&(_, &n)| n > 0);
        let wrong = times.wrong.as_ref().map(|wrong| {
            json!({
                "input": bit_string(&wrong.input),
                "output": wrong.output,
                "expected": u8::from(wrong.expected),
                "got": u8::from(!wrong.expected),
            })
        });
        json!({
            "scheme": self.model.scheme.name(),
            "rule": self.rule.name(),
            "n_loops": self.model.n_loops,
            "exhaustive": self.assignments == Assignments::All,
            "inputs": times.n_stopped() + times.n_unfinished,
            "mean": times.mean(),
            "worst": times.worst(),
            "distribution": counts.map(|(r, n)| json!([r, n])).collect::<Vec<_>>(),
            "wrong": times.n_wrong,
            "counterexample": wrong,
            "unfinished": times.n_unfinished,
            "exact": !self.rounds,
        })
    }

    fn file(&self, times: &Times, format: Format) -> Result<String> {
        let rows = times.counts.iter().enumerate();
        if let Format::Csv = format {
            let rows = rows.map(|(r, n)| format!("{r},{n}\n")).collect::<String>();
            return Ok(format!("loops,inputs\n{rows}"));
        }
        let mean = times.mean().map_or("none".to_string(), |mean| format!("{mean:.2}"));
        let bars = rows.filter(|&(_, &n)| n > 0).map(|(r, &n)| (r as f64, n as f64));
        let chart = Chart {
            title: format!("{}: loops until the rule {} stops", self.name, self.rule),
            description: format!("Over {}: mean {mean}.", self.inputs()),
            x: Axis::linear("loops"),
            y: Axis::linear("inputs"),
            series: vec![Series::new("inputs", Mark::Bars, bars)],
        };
        chart.to_svg()
    }
}
