//! `info`: the sizes of a circuit or a model.

use std::collections::BTreeMap;

use circuit2tf::circuit::{Circuit, GateKind};
use circuit2tf::mapping::{self, Depths};
use circuit2tf::model::{Attention, Model, Scheme, file};
use circuit2tf::reasoning::cot;
use circuit2tf::verify::certificate::{Field, receptive_fields};
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::{Report, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit or model file
    #[arg(value_name = "CIRCUIT|MODEL")]
    what: String,
    /// The inputs that each output of a model can depend on, from its weights: what its heads can read
    #[arg(long)]
    receptive_fields: bool,
}

pub fn main(args: &Args) -> Result<Report> {
    if std::path::Path::new(&args.what).exists() || args.what == "-" {
        let bytes = source::bytes(&args.what)?;
        if file::is_model(&bytes) {
            let model = file::from_bytes(&bytes, &source::name(&args.what))?;
            return Ok(model_report(&model, &source::name(&args.what), args.receptive_fields));
        }
        return circuit_report(&source::circuit_from(bytes, &args.what)?, args);
    }
    circuit_report(&source::circuit(&args.what)?, args)
}

fn model_report(model: &Model, name: &str, with_fields: bool) -> Report {
    let mut text = model_lines(model, name);
    let mut json = model_json(model);
    if with_fields {
        let fields = receptive_fields(model);
        text += &fields_text(model, &fields);
        json["receptive_fields"] = fields_json(model, &fields);
    }
    Report { text: text.into_bytes(), json, status: 0 }
}

/// A line for each output, and the largest field against the bound by heads and layers.
fn fields_text(model: &Model, fields: &[Field]) -> String {
    let n = model.input_positions.len();
    let line = |(name, field): (&String, &Field)| {
        let names: Vec<&str> =
            field.inputs.iter().map(|&i| model.labels.input_names[i].as_str()).collect();
        let found = names.len();
        match &field.unbounded {
            None => format!("{name}: {found} of {n} inputs: {}\n", names.join(" ")),
            Some(reason) => format!("{name}: {found} of {n} inputs, unbounded: {reason}\n"),
        }
    };
    let lines: String = model.labels.output_names.iter().zip(fields).map(line).collect();
    let largest = fields.iter().map(|field| field.inputs.len()).max().unwrap_or(0);
    let steps = model.schedule().n_steps();
    let bound = match fields.iter().all(|field| field.unbounded.is_none()) {
        true => format!("at most ({} + 1)^{steps} by heads and layers", model.n_heads()),
        false => "no bound by heads and layers".to_string(),
    };
    format!("{lines}largest field: {largest} of {n} inputs, {bound}\n")
}

fn fields_json(model: &Model, fields: &[Field]) -> Value {
    let field = |(name, field): (&String, &Field)| json!({ "output": name, "inputs": field.inputs, "unbounded": field.unbounded });
    model.labels.output_names.iter().zip(fields).map(field).collect()
}

fn circuit_report(source: &source::Source, args: &Args) -> Result<Report> {
    if args.receptive_fields {
        return Err(Error::new("a model for --receptive-fields", "a circuit"));
    }
    let depths = mapping::depths(&source.circuit);
    let text = format!("{}\n", circuit_sizes(&source.circuit, &source.name, depths));
    let json = circuit_json(&source.circuit, depths);
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// Sizes in one line, in the manner of ABC's `print_stats`.
pub fn circuit_line(circuit: &Circuit, name: &str) -> String {
    circuit_sizes(circuit, name, mapping::depths(circuit))
}

fn circuit_sizes(circuit: &Circuit, name: &str, depths: Depths) -> String {
    let kinds: Vec<String> =
        kinds(circuit).into_iter().map(|(kind, n)| format!("{kind} {n}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(" ")) };
    format!(
        "{name}: i/o = {}/{}  lat = {}  gates = {}{kinds}  depth = {}  and-depth = {}",
        circuit.inputs().len(),
        circuit.outputs().len(),
        circuit.latches().len(),
        circuit.n_gates(),
        depths.depth,
        depths.multiplicative,
    )
}

fn circuit_json(circuit: &Circuit, depths: Depths) -> Value {
    let outputs: Vec<&str> = circuit.outputs().iter().map(|output| output.name.as_str()).collect();
    json!({
        "kind": "circuit",
        "inputs": circuit.inputs().len(),
        "outputs": circuit.outputs().len(),
        "latches": circuit.latches().len(),
        "gates": circuit.n_gates(),
        "gates_by_kind": kinds(circuit),
        "depth": depths.depth,
        "and_depth": depths.multiplicative,
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
        model.scheme.pass().steps(),
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

/// What a plain loop has not: a prelude, a coda, a scheme of its own.
fn extras(model: &Model) -> String {
    let ends = match (model.n_prelude, model.n_coda) {
        (0, 0) => String::new(),
        (p, c) => format!(" + {p} before + {c} after"),
    };
    // Loops and layers say all there is to say of these.
    if [Scheme::RECURRENT, Scheme::UNROLLED].contains(&model.scheme) {
        return ends;
    }
    format!("{ends} ({})", model.scheme)
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
