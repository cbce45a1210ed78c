//! `compile`: a circuit becomes a model file.

use circuit2tf::circuit::Circuit;
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::reasoning::sizes::{CircuitSizes, ModelSizes};
use circuit2tf::reasoning::{self, Compiler, Request, SCHEMES, cot};
use circuit2tf::verify::{Policy, Statement, Verdict, decide_watched, sha256};
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::progress::Bar;
use super::source::{self, PairArgs};
use super::{Report, choice, talk};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit
    circuit: String,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    output: String,
    /// In which way the blocks are applied: recurrent, universal, coconut, pause, cot or unrolled
    #[arg(long, value_name = "S", value_parser = scheme, default_value = "recurrent", conflicts_with = "unroll")]
    scheme: &'static dyn Compiler,
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
    /// The number format
    #[arg(long, value_parser = choice::dtype(), default_value = "f32")]
    dtype: Dtype,
    /// --scheme unrolled: as many layers as the circuit is deep, and no loop
    #[arg(long)]
    unroll: bool,
    /// A causal mask: every position reads itself and earlier ones
    #[arg(long)]
    causal: bool,
    /// Verify the model before it is written
    #[arg(long)]
    verify: bool,
}

/// The scheme that a flag names.
pub fn scheme(name: &str) -> Result<&'static dyn Compiler> {
    reasoning::named(&SCHEMES, name)
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
    let statement =
        if args.verify { Some(statement(&source, (model, sha256(&bytes)))?) } else { None };
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
    fn compile(&self, source: &source::Source) -> Result<Model> {
        let compiler = if self.unroll { scheme("unrolled")? } else { self.scheme };
        let request = Request {
            heads: self.heads,
            dtype: self.dtype,
            causal: self.causal,
            layers: self.layers,
            prelude: self.prelude,
            coda: self.coda,
            collapse: self.collapse,
            pauses: self.pause,
            vocab: self.vocab,
            method: self.schedule.map(ScheduleName::method),
        };
        request.require_read_by(compiler)?;
        let model = compiler.compile(&source.circuit, &source.sha256, &request)?;
        compiler.remark(&model).iter().for_each(talk::note);
        Ok(model)
    }
}

fn report(circuit: &Circuit, name: &str, model: &Model, output: &str) -> Report {
    let sizes = ModelSizes::of(output, model);
    let text = format!("{}\n{sizes}\n", CircuitSizes::of(name, circuit));
    let json = json!({ "model": output, "info": sizes, "verdict": Value::Null });
    Report { text: text.into_bytes(), json, status: 0 }
}
