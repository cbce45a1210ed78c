//! `compile`: a circuit becomes a model file.

use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{self, Options};
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::verify::Verdict;
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::{Report, info, source, verify};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit
    circuit: String,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    output: String,
    /// Layers of the block, which is looped ⌈depth / layers⌉ times
    #[arg(long, value_name = "L", default_value_t = 1, conflicts_with = "unroll")]
    layers: usize,
    /// The largest fan-in of a node, one attention head each
    #[arg(long, value_name = "K", default_value_t = 2)]
    heads: usize,
    /// Levels of the circuit in one layer, with K^C heads, at most 8
    #[arg(long, value_name = "C", default_value_t = 1)]
    collapse: usize,
    /// The number format: f32, f16, bf16 or f64
    #[arg(long, default_value = "f32")]
    dtype: Dtype,
    /// As many layers as the circuit is deep, and no loop
    #[arg(long)]
    unroll: bool,
    /// A causal mask: every position reads itself and earlier ones
    #[arg(long)]
    causal: bool,
    /// Verify the model before it is written
    #[arg(long)]
    verify: bool,
}

pub fn main(args: &Args) -> Result<Report> {
    let source = source::circuit(&args.circuit)?;
    let options = Options {
        layers: args.layers,
        heads: args.heads,
        collapse: args.collapse,
        dtype: args.dtype,
        unroll: args.unroll,
        causal: args.causal,
        ..Options::default()
    };
    let model = compile::compile(&source.circuit, &source.sha256, &options)?;
    let verdict = match args.verify {
        true => Some(verify::check(&model, &source.circuit)),
        false => None,
    };
    if let Some(refuted @ Verdict::Refuted(_)) = &verdict {
        return Err(Error::message(format!("the compiled model is wrong: {refuted}"))
            .hint("nothing was written; please report the circuit, this is a bug"));
    }
    source::write(&args.output, &file::to_bytes(&model))?;
    Ok(report(&source.circuit, &source.name, &model, &args.output, verdict.as_ref()))
}

fn report(
    circuit: &Circuit,
    name: &str,
    model: &Model,
    output: &str,
    verdict: Option<&Verdict>,
) -> Report {
    let mut text =
        format!("{}\n{}\n", info::circuit_line(circuit, name), info::model_line(model, output));
    let mut json =
        json!({ "model": output, "info": info::model_json(model), "verdict": Value::Null });
    if let Some(verdict) = verdict {
        text += &format!("{verdict}\n");
        json["verdict"] = verify::verdict_json(verdict);
    }
    Report { text: text.into_bytes(), json, status: verdict.map_or(0, Verdict::exit_status) }
}
