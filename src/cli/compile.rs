//! `compile`: a circuit becomes a model file.

use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{self, Options};
use circuit2tf::model::{Dtype, Model, Scheme, file};
use circuit2tf::reasoning::{coconut, cot, pause, universal};
use circuit2tf::verify::{Policy, Statement, Verdict, decide_watched, sha256};
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::progress::Bar;
use super::source::{self, PairArgs};
use super::{Report, info};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit
    circuit: String,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    output: String,
    /// In which way the blocks are applied: recurrent, universal, coconut, pause, cot or unrolled
    #[arg(long, value_name = "S", default_value = "recurrent", conflicts_with = "unroll")]
    scheme: Scheme,
    /// Layers of the block, which is looped ⌈depth / layers⌉ times; 1 by default, and the depth where
    /// nothing is looped
    #[arg(long, value_name = "L", conflicts_with = "unroll")]
    layers: Option<usize>,
    /// Layers before the loop, applied once (recurrent)
    #[arg(long, value_name = "P")]
    prelude: Option<usize>,
    /// Layers after the loop, applied once (recurrent)
    #[arg(long, value_name = "C")]
    coda: Option<usize>,
    /// Tokens of the vocabulary; each holds ⌊log₂ V⌋ gates, 2 being the default (cot)
    #[arg(long, value_name = "V")]
    vocab: Option<usize>,
    /// How gates are put into tokens; the best schedule that is found by default (cot)
    #[arg(long, value_enum, value_name = "HOW")]
    schedule: Option<ScheduleName>,
    /// Pause tokens, one for each gate; by default as many as are needed (pause)
    #[arg(long, value_name = "P")]
    pause: Option<usize>,
    /// The largest fan-in of a node, one attention head each
    #[arg(long, value_name = "K", default_value_t = 2)]
    heads: usize,
    /// Levels of the circuit in one layer, with K^C heads, at most 8
    #[arg(long, value_name = "C", default_value_t = 1)]
    collapse: usize,
    /// The number format: f32, f16, bf16 or f64
    #[arg(long, default_value = "f32")]
    dtype: Dtype,
    /// The same as --scheme unrolled: as many layers as the circuit is deep, and no loop
    #[arg(long)]
    unroll: bool,
    /// A causal mask: every position reads itself and earlier ones
    #[arg(long)]
    causal: bool,
    /// Verify the model before it is written
    #[arg(long)]
    verify: bool,
}

/// The ways to schedule by name.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ScheduleName {
    /// The best of level by level, by critical path and, for few gates, all
    Best,
    /// Level by level
    Levels,
}

impl ScheduleName {
    fn method(self) -> cot::Method {
        match self {
            ScheduleName::Best => cot::Method::Best,
            ScheduleName::Levels => cot::Method::Levels,
        }
    }
}

pub fn main(args: &Args) -> Result<Report> {
    source::output(&args.output, &file::EXTENSIONS)?;
    let source = source::circuit(&args.circuit)?;
    let model = args.compile(&source)?;
    let bytes = file::to_bytes(&model);
    let mut report = report(&source.circuit, &source.name, &model, &args.output);
    let statement = match args.verify {
        true => Some(statement(&source, (model, sha256(&bytes)))?),
        false => None,
    };
    if let Some(Statement { verdict: refuted @ Verdict::Refuted(_), .. }) = &statement {
        return Err(Error::message(format!("the compiled model is wrong: {refuted}"))
            .hint("nothing was written; please report the circuit, this is a bug"));
    }
    source::write(&args.output, &bytes)?;
    if let Some(statement) = statement {
        let statement = Report::of(&statement);
        report.text.extend(statement.text);
        report.json["verdict"] = statement.json;
        report.status = statement.status;
    }
    Ok(report)
}

/// A certificate where there is one for the scheme, else runs; what fails is not looked into.
fn statement(source: &source::Source, model: (Model, String)) -> Result<Statement> {
    let subject = source.subject(model, PairArgs::default())?;
    let policy = Policy { searches: false, ..Policy::default() };
    Ok(decide_watched(&subject, &policy, &Bar::default())?.statement)
}

impl Args {
    fn scheme(&self) -> Scheme {
        if self.unroll { Scheme::Unrolled } else { self.scheme }
    }

    fn compile(&self, source: &source::Source) -> Result<Model> {
        self.require_fitting_flags()?;
        let (circuit, sha256) = (&source.circuit, &*source.sha256);
        let options = Options {
            layers: self.layers.unwrap_or(1),
            heads: self.heads,
            collapse: self.collapse,
            dtype: self.dtype,
            unroll: self.scheme() == Scheme::Unrolled,
            causal: self.causal,
            prelude: self.prelude.unwrap_or(0),
            coda: self.coda.unwrap_or(0),
            ..Options::default()
        };
        match self.scheme() {
            Scheme::Recurrent | Scheme::Unrolled => compile::compile(circuit, sha256, &options),
            Scheme::Universal => universal::compile(circuit, sha256, &options),
            Scheme::Pause => self.compile_paused(source, options),
            Scheme::Cot => {
                let options = cot::Options {
                    vocab: self.vocab.unwrap_or(2),
                    fan_in: self.heads,
                    dtype: self.dtype,
                    method: self.schedule.map_or(cot::Method::Best, ScheduleName::method),
                };
                cot::compile(circuit, sha256, &options)
            }
            Scheme::Coconut => {
                let layers = self.layers.unwrap_or(1);
                let options = coconut::Options { layers, fan_in: self.heads, dtype: self.dtype };
                coconut::compile(circuit, sha256, &options)
            }
        }
    }

    /// Flags of another scheme are an error, so that none is ignored.
    fn require_fitting_flags(&self) -> Result<()> {
        let scheme = self.scheme();
        for (flag, is_given, fits) in [
            ("--prelude", self.prelude.is_some(), scheme == Scheme::Recurrent),
            ("--coda", self.coda.is_some(), scheme == Scheme::Recurrent),
            ("--pause", self.pause.is_some(), scheme == Scheme::Pause),
            ("--vocab", self.vocab.is_some(), scheme == Scheme::Cot),
            ("--schedule", self.schedule.is_some(), scheme == Scheme::Cot),
            ("--collapse", self.collapse != 1, scheme.is_parallel()),
            ("--layers", self.layers.is_some(), !matches!(scheme, Scheme::Unrolled | Scheme::Cot)),
        ] {
            if is_given && !fits {
                let expected = format!("no {flag} with the scheme {scheme}");
                return Err(Error::new(expected, flag).hint("`circuit2tf help compile`"));
            }
        }
        Ok(())
    }

    fn compile_paused(&self, source: &source::Source, options: Options) -> Result<Model> {
        let mapped = compile::map(&source.circuit, &options)?;
        let depth = mapped.network.depth();
        let layers = self.layers.unwrap_or(depth.max(1));
        let needed = mapped.network.n_nodes() - mapped.network.n_inputs();
        let n_pauses = self.pause.unwrap_or(needed);
        let options = Options { layers, ..options };
        let model = pause::compile(&source.circuit, &source.sha256, n_pauses, &options)?;
        if depth > layers {
            eprintln!(
                "note: depth {depth} exceeds {layers} layers, and pause tokens add none: wrong on some \
                 input unless the circuit is right early; `circuit2tf verify` says which"
            );
        }
        Ok(model)
    }
}

fn report(circuit: &Circuit, name: &str, model: &Model, output: &str) -> Report {
    let text =
        format!("{}\n{}", info::circuit_line(circuit, name), info::model_lines(model, output));
    let json = json!({ "model": output, "info": info::model_json(model), "verdict": Value::Null });
    Report { text: text.into_bytes(), json, status: 0 }
}
