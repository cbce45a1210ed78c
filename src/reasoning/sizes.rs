//! The sizes of a circuit and of a model, as values that are shown in a line and serialise themselves.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::cot::{self, Bounds};
use crate::circuit::{Circuit, GateKind};
use crate::mapping::{self, Depths};
use crate::model::{Attention, Model, Scheme};
use crate::table::{Document, Table, Tabular, row, words};
use crate::verify::certificate::{Field, receptive_fields};

/// A circuit's sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitSizes {
    /// What it is called in messages.
    pub name: String,
    /// In their order.
    pub input_names: Vec<String>,
    /// In their order.
    pub output_names: Vec<String>,
    /// How many.
    pub latches: usize,
    /// How many.
    pub gates: usize,
    /// How many of each kind, by its name.
    pub gates_by_kind: BTreeMap<&'static str, usize>,
    /// Levels of gates.
    pub depth: usize,
    /// Levels of gates that are no XOR.
    pub and_depth: usize,
}

impl CircuitSizes {
    /// The sizes of a circuit of that name.
    pub fn of(name: &str, circuit: &Circuit) -> Self {
        let Depths { depth, multiplicative } = mapping::depths(circuit);
        let mut gates_by_kind = BTreeMap::new();
        let kinds = circuit.nodes().map(|id| circuit.kind(id));
        for kind in kinds.filter(|kind: &GateKind| !kind.is_source()) {
            *gates_by_kind.entry(kind.name()).or_insert(0) += 1;
        }
        CircuitSizes {
            name: name.to_string(),
            input_names: circuit.input_names().to_vec(),
            output_names: circuit.outputs().iter().map(|output| output.name.clone()).collect(),
            latches: circuit.latches().len(),
            gates: circuit.n_gates(),
            gates_by_kind,
            depth,
            and_depth: multiplicative,
        }
    }
}

/// In one line, in the manner of ABC's `print_stats`.
impl fmt::Display for CircuitSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> =
            self.gates_by_kind.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        let kinds =
            if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(" ")) };
        write!(
            f,
            "{}: i/o = {}/{}  lat = {}  gates = {}{kinds}  depth = {}  and-depth = {}",
            self.name,
            self.input_names.len(),
            self.output_names.len(),
            self.latches,
            self.gates,
            self.depth,
            self.and_depth,
        )
    }
}

impl Serialize for CircuitSizes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = json!({
            "kind": "circuit",
            "inputs": self.input_names.len(),
            "outputs": self.output_names.len(),
            "latches": self.latches,
            "gates": self.gates,
            "gates_by_kind": self.gates_by_kind,
            "depth": self.depth,
            "and_depth": self.and_depth,
            "input_names": self.input_names,
            "output_names": self.output_names,
        });
        json.serialize(serializer)
    }
}

impl Tabular for CircuitSizes {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.prose(self.to_string());
        let sizes = [
            ("inputs", self.input_names.len()),
            ("outputs", self.output_names.len()),
            ("latches", self.latches),
            ("gates", self.gates),
            ("depth", self.depth),
            ("and-depth", self.and_depth),
        ];
        let kinds = self.gates_by_kind.iter().map(|(kind, n)| (*kind, *n));
        document.data(properties(&self.name, sizes.into_iter().chain(kinds)));
        document
    }
}

fn properties<'p>(name: &str, sizes: impl Iterator<Item = (&'p str, usize)>) -> Table {
    let table = Table::new([words("size"), crate::table::number("of")]);
    table.about("name", name).with(sizes.map(|(size, n)| row![size, n]))
}

/// A model's sizes, and what its outputs can depend on where that was asked for.
#[derive(Debug, Clone)]
pub struct ModelSizes<'m> {
    name: String,
    model: &'m Model,
    /// How well its gates are scheduled, if they are.
    schedule: Option<Bounds>,
    fields: Option<Vec<Field>>,
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

impl<'m> ModelSizes<'m> {
    /// The sizes of a model of that name.
    pub fn of(name: &str, model: &'m Model) -> Self {
        ModelSizes { name: name.to_string(), model, schedule: cot::bounds(model), fields: None }
    }

    /// With the inputs that each output can depend on, from the weights.
    #[must_use]
    pub fn with_receptive_fields(self) -> Self {
        ModelSizes { fields: Some(receptive_fields(self.model)), ..self }
    }

    /// What a plain loop has not: a prelude, a coda, a scheme of its own.
    fn extras(&self) -> String {
        let ends = match (self.model.n_prelude, self.model.n_coda) {
            (0, 0) => String::new(),
            (p, c) => format!(" + {p} before + {c} after"),
        };
        // Loops and layers say all there is to say of these.
        if [Scheme::RECURRENT, Scheme::UNROLLED].contains(&self.model.scheme) {
            return ends;
        }
        format!("{ends} ({})", self.model.scheme)
    }

    fn attention(&self) -> &'static str {
        match self.model.attention {
            Attention::Bidirectional => "bidirectional",
            Attention::Causal => "causal",
        }
    }
}

/// In one line, and the schedule in another.
impl fmt::Display for ModelSizes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, parameters) = (self.model, Parameters::of(self.model));
        write!(
            f,
            "{}: {} layers x {} {}{}  depth = {}  heads = {}  d_model = {}  d_head = {}  d_mlp = {}  n_ctx = {}  {} {}  \
             parameters = {} (embedding {} blocks {} unembed {})",
            self.name,
            model.n_layers(),
            model.n_loops,
            model.scheme.pass().steps(),
            self.extras(),
            model.labels.depth,
            model.n_heads(),
            model.d_model(),
            model.d_head(),
            model.d_mlp(),
            model.n_ctx(),
            model.dtype,
            self.attention(),
            parameters.total(),
            parameters.embedding,
            parameters.blocks,
            parameters.unembed,
        )?;
        self.schedule.iter().try_for_each(|bounds| write!(f, "\nschedule: {bounds}"))
    }
}

impl Serialize for ModelSizes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (model, parameters) = (self.model, Parameters::of(self.model));
        let mut json = json!({
            "kind": "model",
            "inputs": model.input_positions.len(),
            "outputs": model.output_positions.len(),
            "scheme": model.scheme,
            "n_prelude": model.n_prelude,
            "n_layers": model.n_layers(),
            "n_coda": model.n_coda,
            "n_loops": model.n_loops,
            "schedule": self.schedule.as_ref().map(schedule_json),
            "n_heads": model.n_heads(),
            "d_model": model.d_model(),
            "d_head": model.d_head(),
            "d_mlp": model.d_mlp(),
            "n_ctx": model.n_ctx(),
            "depth": model.labels.depth,
            "dtype": model.dtype,
            "attention": self.attention(),
            "source_sha256": model.labels.source_sha256,
            "input_names": model.labels.input_names,
            "output_names": model.labels.output_names,
            "parameters": {
                "embedding": parameters.embedding,
                "blocks": parameters.blocks,
                "unembed": parameters.unembed,
                "total": parameters.total(),
            },
        });
        if let Some(fields) = &self.fields {
            let names = &model.labels.output_names;
            let field = |(name, field): (&String, &Field)| {
                let Field { inputs, unbounded } = field;
                json!({ "output": name, "inputs": inputs, "unbounded": unbounded })
            };
            json["receptive_fields"] = names.iter().zip(fields).map(field).collect::<Value>();
        }
        json.serialize(serializer)
    }
}

fn schedule_json(bounds: &Bounds) -> Value {
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

impl Tabular for ModelSizes<'_> {
    fn document(&self) -> Document {
        let (model, parameters) = (self.model, Parameters::of(self.model));
        let mut document = Document::default();
        self.to_string().lines().for_each(|line| document.prose(line));
        let sizes = [
            ("inputs", model.input_positions.len()),
            ("outputs", model.output_positions.len()),
            ("n_prelude", model.n_prelude),
            ("n_layers", model.n_layers()),
            ("n_coda", model.n_coda),
            ("n_loops", model.n_loops),
            ("depth", model.labels.depth),
            ("n_heads", model.n_heads()),
            ("d_model", model.d_model()),
            ("d_head", model.d_head()),
            ("d_mlp", model.d_mlp()),
            ("n_ctx", model.n_ctx()),
            ("parameters, embedding", parameters.embedding),
            ("parameters, blocks", parameters.blocks),
            ("parameters, unembed", parameters.unembed),
            ("parameters, total", parameters.total()),
        ];
        document.data(properties(&self.name, sizes.into_iter()));
        if let Some(fields) = &self.fields {
            self.fields_in(fields, &mut document);
        }
        document
    }
}

impl ModelSizes<'_> {
    /// The largest field against the bound by heads and layers.
    fn fields_in(&self, fields: &[Field], document: &mut Document) {
        let labels = &self.model.labels;
        let n = self.model.input_positions.len();
        let mut table = Table::new(["output", "inputs", "unbounded"].map(words));
        for (name, field) in labels.output_names.iter().zip(fields) {
            let names: Vec<&str> =
                field.inputs.iter().map(|&i| labels.input_names[i].as_str()).collect();
            let (found, names) = (names.len(), names.join(" "));
            document.prose(match &field.unbounded {
                None => format!("{name}: {found} of {n} inputs: {names}"),
                Some(reason) => format!("{name}: {found} of {n} inputs, unbounded: {reason}"),
            });
            table.push(row![name, names, field.unbounded.as_ref().map(ToString::to_string)]);
        }
        document.data(table);
        let largest = fields.iter().map(|field| field.inputs.len()).max().unwrap_or(0);
        let steps = self.model.schedule().n_steps();
        let bound = if fields.iter().all(|field| field.unbounded.is_none()) {
            format!("at most ({} + 1)^{steps} by heads and layers", self.model.n_heads())
        } else {
            "no bound by heads and layers".to_string()
        };
        let premise = "as long as no number overflows";
        document.line(format!("largest field: {largest} of {n} inputs, {bound}, {premise}"));
    }
}
