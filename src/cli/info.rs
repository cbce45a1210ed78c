//! `info`: the sizes of a circuit or a model.

use std::collections::BTreeMap;

use circuit2tf::circuit::{Circuit, GateKind};
use circuit2tf::model::{Attention, Model, Scheme, file};
use circuit2tf::reasoning::cot;
use circuit2tf::{Result, mapping};
use serde_json::{Value, json};

use super::{Report, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit or model file
    #[arg(value_name = "CIRCUIT|MODEL")]
    what: String,
}

pub fn main(args: &Args) -> Result<Report> {
    if std::path::Path::new(&args.what).exists() || args.what == "-" {
        let bytes = source::bytes(&args.what)?;
        if file::is_model(&bytes) {
            let model = file::from_bytes(&bytes, &source::name(&args.what))?;
            let text = model_lines(&model, &source::name(&args.what));
            return Ok(Report { text: text.into_bytes(), json: model_json(&model), status: 0 });
        }
        return Ok(circuit_report(&source::circuit_from(bytes, &args.what)?));
    }
    Ok(circuit_report(&source::circuit(&args.what)?))
}

fn circuit_report(source: &source::Source) -> Report {
    let text = format!("{}\n", circuit_line(&source.circuit, &source.name));
    Report { text: text.into_bytes(), json: circuit_json(&source.circuit), status: 0 }
}

/// Sizes in one line, in the manner of ABC's `print_stats`.
pub fn circuit_line(circuit: &Circuit, name: &str) -> String {
    let kinds: Vec<String> =
        kinds(circuit).into_iter().map(|(kind, n)| format!("{kind} {n}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(" ")) };
    format!(
        "{name}: i/o = {}/{}  lat = {}  gates = {}{kinds}  depth = {}  and-depth = {}",
        circuit.inputs().len(),
        circuit.outputs().len(),
        circuit.latches().len(),
        circuit.n_gates(),
        mapping::depth(circuit, 2),
        circuit.multiplicative_depth(),
    )
}

fn circuit_json(circuit: &Circuit) -> Value {
    let outputs: Vec<&str> = circuit.outputs().iter().map(|output| output.name.as_str()).collect();
    json!({
        "kind": "circuit",
        "inputs": circuit.inputs().len(),
        "outputs": circuit.outputs().len(),
        "latches": circuit.latches().len(),
        "gates": circuit.n_gates(),
        "gates_by_kind": kinds(circuit),
        "depth": mapping::depth(circuit, 2),
        "and_depth": circuit.multiplicative_depth(),
        "input_names": circuit.input_names(),
        "output_names": outputs,
    })
}

fn kinds(circuit: &Circuit) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for kind in
        circuit.nodes().map(|id| circuit.kind(id)).filter(|kind: &GateKind| !kind.is_source())
    {
        *kinds.entry(kind.name()).or_insert(0) += 1;
    }
    kinds
}

/// A model's sizes in one line, and how well its gates are scheduled in another if they are.
pub fn model_lines(model: &Model, name: &str) -> String {
    let schedule = cot::bounds(model).map(|bounds| format!("schedule: {bounds}\n"));
    format!("{}\n{}", model_line(model, name), schedule.unwrap_or_default())
}

fn model_line(model: &Model, name: &str) -> String {
    let parameters = Parameters::of(model);
    format!(
        "{name}: {} layers x {} {}{}  depth = {}  heads = {}  d_model = {}  d_head = {}  d_mlp = {}  \
         n_ctx = {}  {} {}  parameters = {} (embedding {} blocks {} unembed {})",
        model.n_layers(),
        model.n_loops,
        steps(model.scheme),
        extras(model),
        model.labels.depth,
        model.n_heads(),
        model.d_model(),
        model.d_head(),
        model.d_mlp(),
        model.n_ctx(),
        model.dtype,
        attention(model),
        parameters.total(),
        parameters.embedding,
        parameters.blocks,
        parameters.unembed,
    )
}

/// What the block is applied to, time after time.
fn steps(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Cot => "tokens",
        Scheme::Coconut => "thoughts",
        _ => "loops",
    }
}

/// What a plain loop has not: a prelude, a coda, a scheme of its own.
fn extras(model: &Model) -> String {
    let ends = match (model.n_prelude, model.n_coda) {
        (0, 0) => String::new(),
        (p, c) => format!(" + {p} before + {c} after"),
    };
    match model.scheme {
        Scheme::Recurrent | Scheme::Unrolled => ends,
        scheme => format!("{ends} ({scheme})"),
    }
}

/// A model's sizes.
pub fn model_json(model: &Model) -> Value {
    let parameters = Parameters::of(model);
    json!({
        "kind": "model",
        "inputs": model.input_positions.len(),
        "outputs": model.output_positions.len(),
        "scheme": model.scheme.name(),
        "n_prelude": model.n_prelude,
        "n_layers": model.n_layers(),
        "n_coda": model.n_coda,
        "n_loops": model.n_loops,
        "schedule": cot::bounds(model).map(|bounds| schedule_json(&bounds)),
        "n_heads": model.n_heads(),
        "d_model": model.d_model(),
        "d_head": model.d_head(),
        "d_mlp": model.d_mlp(),
        "n_ctx": model.n_ctx(),
        "depth": model.labels.depth,
        "dtype": model.dtype.name(),
        "attention": attention(model),
        "source_sha256": model.labels.source_sha256,
        "input_names": model.labels.input_names,
        "output_names": model.labels.output_names,
        "parameters": {
            "embedding": parameters.embedding,
            "blocks": parameters.blocks,
            "unembed": parameters.unembed,
            "total": parameters.total(),
        },
    })
}

fn schedule_json(bounds: &cot::Bounds) -> Value {
    json!({
        "gates_per_token": bounds.gates_per_token,
        "gates": bounds.n_gates,
        "depth": bounds.depth,
        "lower": bounds.lower,
        "upper": bounds.upper,
        "by_levels": bounds.by_levels,
        "by_critical_path": bounds.by_critical_path,
        "tokens": bounds.reached,
        "is_least": bounds.is_least,
    })
}

fn attention(model: &Model) -> &'static str {
    match model.attention {
        Attention::Bidirectional => "bidirectional",
        Attention::Causal => "causal",
    }
}

struct Parameters {
    embedding: usize,
    blocks: usize,
    unembed: usize,
}

impl Parameters {
    fn of(model: &Model) -> Self {
        Parameters {
            embedding: model.w_e.len() + model.w_pos.len(),
            blocks: model.blocks.iter().map(|block| block.n_parameters()).sum(),
            unembed: model.w_u.len() + model.b_u.len(),
        }
    }

    fn total(&self) -> usize {
        self.embedding + self.blocks + self.unembed
    }
}
