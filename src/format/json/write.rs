//! From a circuit to JSON, an entry a line.

use std::collections::HashSet;
use std::fmt::Write;

use crate::circuit::{Circuit, GateKind, Literal, NodeId};
use crate::format::Written;

use super::{INITS, PROPERTY_KINDS, VERSION};

pub(super) fn write(circuit: &Circuit) -> Written {
    let (names, notes) = signal_names(circuit);
    let writer = Writer { circuit, names };
    let mut sections = vec![
        format!("  \"circuit2tf\": {VERSION}"),
        format!("  \"inputs\": [{}]", join(circuit.input_names().iter().map(|name| quote(name)))),
    ];
    sections.extend(section("latches", writer.latches(), false));
    sections.extend(section("gates", writer.gates(), false));
    sections.extend(section("outputs", writer.outputs(), true));
    sections.extend(section("properties", writer.properties(), false));
    sections.extend(writer.word_orders());
    Written { bytes: format!("{{\n{}\n}}\n", sections.join(",\n")).into_bytes(), notes }
}

/// A list, one entry a line; `None` if it is empty and may be missing.
fn section(key: &str, entries: Vec<String>, required: bool) -> Option<String> {
    if entries.is_empty() {
        return required.then(|| format!("  \"{key}\": []"));
    }
    let mut list = format!("  \"{key}\": [\n");
    for (k, entry) in entries.iter().enumerate() {
        let comma = if k + 1 < entries.len() { "," } else { "" };
        writeln!(list, "    {{{entry}}}{comma}").expect("a string takes every character");
    }
    Some(list + "  ]")
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<String>>().join(", ")
}

/// The JSON string.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name for every node, no two the same, with a note for each name that had to change. Names that
/// the circuit gives go first: inputs, latches, gates; the other gates are called `n` and their number.
fn signal_names(circuit: &Circuit) -> (Vec<String>, Vec<String>) {
    let mut names = vec![String::new(); circuit.n_nodes()];
    let mut notes = Vec::new();
    let mut taken = HashSet::new();
    let inputs = circuit.inputs().iter().copied().zip(circuit.input_names().iter());
    let inputs = inputs.map(|(id, name)| (id, name.as_str()));
    let latches = circuit.latches().iter().map(|latch| (latch.node, latch.name.as_str()));
    let is_gate = |&id: &NodeId| !matches!(circuit.kind(id), GateKind::Input | GateKind::Latch);
    let gates: Vec<NodeId> = circuit.nodes().filter(is_gate).collect();
    let named = gates.iter().filter_map(|&id| circuit.node_name(id).map(|name| (id, name)));
    for (id, name) in inputs.chain(latches).chain(named) {
        names[id.index()] = claim(name.to_string(), &mut taken);
        if names[id.index()] != name {
            notes.push(format!("a second {name:?} written as {:?}", names[id.index()]));
        }
    }
    for id in gates.iter().copied().filter(|&id| circuit.node_name(id).is_none()) {
        names[id.index()] = claim(format!("n{}", id.index()), &mut taken);
    }
    (names, notes)
}

/// The name with underscores until it is new.
fn claim(mut name: String, taken: &mut HashSet<String>) -> String {
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

struct Writer<'a> {
    circuit: &'a Circuit,
    /// By node.
    names: Vec<String>,
}

impl Writer<'_> {
    fn literal(&self, literal: Literal) -> String {
        let name = &self.names[literal.node.index()];
        match (name.starts_with('!'), literal.complemented) {
            (false, false) => quote(name),
            (false, true) => quote(&format!("!{name}")),
            (true, false) => format!("{{\"name\": {}}}", quote(name)),
            (true, true) => format!("{{\"name\": {}, \"complemented\": true}}", quote(name)),
        }
    }

    fn literals(&self, literals: impl Iterator<Item = Literal>) -> String {
        join(literals.map(|literal| self.literal(literal)))
    }

    fn latches(&self) -> Vec<String> {
        let entry = |latch: &crate::circuit::Latch| {
            let name = quote(&self.names[latch.node.index()]);
            let init = INITS.iter().find(|&&(_, init)| init == latch.init);
            let init = init.map_or("unknown", |&(name, _)| name);
            let next = self.literal(latch.next);
            let clock = latch.clock.as_ref().map_or(String::new(), |(kind, control)| {
                format!(", \"clock\": [{}, {}]", quote(kind), quote(control))
            });
            format!("\"name\": {name}, \"next\": {next}, \"init\": \"{init}\"{clock}")
        };
        self.circuit.latches().iter().map(entry).collect()
    }

    fn gates(&self) -> Vec<String> {
        let entry = |id: NodeId| {
            let kind = self.circuit.kind(id);
            let name = quote(&self.names[id.index()]);
            let table = match kind {
                GateKind::Input | GateKind::Latch => return None,
                GateKind::Lut(table) => format!(" \"table\": \"{:#x}\",", table.bits()),
                _ => String::new(),
            };
            let fanins = self.literals(self.circuit.fanins(id));
            let kind = kind.name();
            Some(format!("\"name\": {name}, \"kind\": \"{kind}\",{table} \"fanins\": [{fanins}]"))
        };
        self.circuit.nodes().filter_map(entry).collect()
    }

    fn outputs(&self) -> Vec<String> {
        let outputs = self.circuit.outputs().iter();
        let entry = |output: &crate::circuit::Output| {
            let literal = self.literal(output.literal);
            format!("\"name\": {}, \"literal\": {literal}", quote(&output.name))
        };
        outputs.map(entry).collect()
    }

    fn properties(&self) -> Vec<String> {
        let entry = |property: &crate::circuit::Property| {
            let kind = PROPERTY_KINDS.iter().find(|&&(_, kind)| kind == property.kind);
            let kind = kind.map_or("bad", |&(name, _)| name);
            let name = property.name.as_ref();
            let name = name.map_or(String::new(), |name| format!(" \"name\": {},", quote(name)));
            let literals = self.literals(property.literals.iter().copied());
            format!("\"kind\": \"{kind}\",{name} \"literals\": [{literals}]")
        };
        self.circuit.properties().iter().map(entry).collect()
    }

    fn word_orders(&self) -> Option<String> {
        let orders = self.circuit.word_orders();
        let entry = |(word, order): (&String, &crate::circuit::WordOrder)| {
            format!("{}: \"{order}\"", quote(word))
        };
        let list = join(orders.iter().map(entry));
        (!orders.is_empty()).then(|| format!("  \"word_orders\": {{{list}}}"))
    }
}
