//! From a circuit to AIGER, ASCII or binary.
//!
//! Variables are numbered inputs, latches, ANDs, and an AND's first operand is the greater literal, as
//! the binary form needs; so both forms say the same, and reading one and writing the other and back
//! gives the same bytes. ANDs keep their order, other gates become several.

use std::collections::HashSet;
use std::io::Write;

use crate::circuit::{Circuit, GateKind, LatchInit, Literal, PropertyKind};
use crate::error::{Error, Result};
use crate::format::Written;
use crate::format::lower::{Basis, lower};

use super::build::default_name;

/// The two forms of an AIGER file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Ascii,
    Binary,
}

/// The kinds of properties in the order of their sections, with the letters of their symbols.
const PROPERTIES: [(PropertyKind, char); 4] = [
    (PropertyKind::Bad, 'b'),
    (PropertyKind::Constraint, 'c'),
    (PropertyKind::Justice, 'j'),
    (PropertyKind::Fairness, 'f'),
];

/// Writes a circuit in one of the forms.
///
/// # Errors
/// The circuit needs more variables than literals of 32 bits have.
pub(super) fn write(circuit: &Circuit, form: Form) -> Result<Written> {
    let aig = Aig::new(circuit)?;
    let mut writer = Writer { circuit, aig, form, bytes: Vec::new(), notes: Vec::new() };
    writer.header();
    writer.sources();
    writer.roots();
    writer.ands();
    writer.symbols();
    writer.note_losses();
    Ok(Written { bytes: writer.bytes, notes: writer.notes })
}

/// A circuit as ANDs and complements.
struct Aig {
    /// The AIGER literal of every node.
    literals: Vec<u32>,
    /// The first AND's variable.
    first: u32,
    /// The operands of the ANDs, the greater literal first.
    ands: Vec<[u32; 2]>,
}

impl Aig {
    fn new(circuit: &Circuit) -> Result<Self> {
        let states = circuit.latches().iter().map(|latch| latch.node);
        let mut literals = vec![0; circuit.n_nodes()];
        let mut first = 1;
        for id in circuit.inputs().iter().copied().chain(states) {
            literals[id.index()] = 2 * first;
            first += 1;
        }
        let mut aig = Aig { literals, first, ands: Vec::new() };
        let mut operands = Vec::new();
        for id in circuit.nodes() {
            let kind = circuit.kind(id);
            if matches!(kind, GateKind::Input | GateKind::Latch) {
                continue;
            }
            operands.clear();
            operands.extend(circuit.fanins(id).map(|operand| aig.literal(operand)));
            aig.literals[id.index()] = lower(&mut aig, kind, &operands);
            if aig.ands.len() > MAX_ANDS {
                let found = "a circuit that takes more";
                return Err(Error::new(format!("at most {MAX_ANDS} ANDs"), found));
            }
        }
        Ok(aig)
    }

    fn literal(&self, literal: Literal) -> u32 {
        self.literals[literal.node.index()] ^ u32::from(literal.complemented)
    }
}

/// Bounds the variables, with the inputs and latches a [`Circuit`] may have, below `2^31`.
const MAX_ANDS: usize = 1 << 30;

impl Basis for Aig {
    const FREE_XOR: bool = false;

    fn and(&mut self, a: u32, b: u32) -> u32 {
        self.ands.push([a.max(b), a.min(b)]);
        2 * (self.first + self.ands.len() as u32 - 1)
    }

    fn xor(&mut self, a: u32, b: u32) -> u32 {
        self.mux(a, b, b ^ 1)
    }

    fn mux(&mut self, s: u32, a: u32, b: u32) -> u32 {
        let (zero, one) = (self.and(s ^ 1, a), self.and(s, b));
        self.and(zero ^ 1, one ^ 1) ^ 1
    }

    fn maj(&mut self, a: u32, b: u32, c: u32) -> u32 {
        let both = self.and(a, b);
        let none = self.and(a ^ 1, b ^ 1);
        let third = self.and(c, none ^ 1);
        self.and(both ^ 1, third ^ 1) ^ 1
    }
}

fn line(bytes: &mut Vec<u8>, line: std::fmt::Arguments) {
    writeln!(bytes, "{line}").expect("a vector takes every byte");
}

/// A name as it can stand on a line of its own, different from all in `taken` where it had to change.
fn fitting(name: &str, taken: &mut HashSet<String>) -> String {
    let mut fitting = name.replace(['\n', '\r'], "_");
    if fitting == name && !name.is_empty() {
        return fitting;
    }
    while fitting.is_empty() || !taken.insert(fitting.clone()) {
        fitting.push('_');
    }
    fitting
}

/// The file being written.
struct Writer<'a> {
    circuit: &'a Circuit,
    aig: Aig,
    form: Form,
    bytes: Vec<u8>,
    notes: Vec<String>,
}

impl Writer<'_> {
    fn count(&self, kind: PropertyKind) -> usize {
        self.circuit.properties().iter().filter(|property| property.kind == kind).count()
    }

    fn header(&mut self) {
        let (inputs, latches) = (self.circuit.inputs().len(), self.circuit.latches().len());
        let (outputs, ands) = (self.circuit.outputs().len(), self.aig.ands.len());
        let mut fields = vec![inputs + latches + ands, inputs, latches, outputs, ands];
        fields.extend(PROPERTIES.map(|(kind, _)| self.count(kind)));
        let used = fields.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
        fields.truncate(used.max(5));
        let magic = if self.form == Form::Ascii { "aag" } else { "aig" };
        let fields: Vec<String> = fields.iter().map(usize::to_string).collect();
        line(&mut self.bytes, format_args!("{magic} {}", fields.join(" ")));
    }

    /// Inputs, which the binary form numbers itself, and latches.
    fn sources(&mut self) {
        if self.form == Form::Ascii {
            for id in self.circuit.inputs() {
                line(&mut self.bytes, format_args!("{}", self.aig.literals[id.index()]));
            }
        }
        for latch in self.circuit.latches() {
            let state = self.aig.literals[latch.node.index()];
            let reset = match latch.init {
                LatchInit::Zero => String::new(),
                LatchInit::One => " 1".to_string(),
                LatchInit::DontCare | LatchInit::Unknown => format!(" {state}"),
            };
            let next = self.aig.literal(latch.next);
            match self.form {
                Form::Ascii => line(&mut self.bytes, format_args!("{state} {next}{reset}")),
                Form::Binary => line(&mut self.bytes, format_args!("{next}{reset}")),
            }
        }
    }

    /// Outputs and properties.
    fn roots(&mut self) {
        for output in self.circuit.outputs() {
            line(&mut self.bytes, format_args!("{}", self.aig.literal(output.literal)));
        }
        for (kind, _) in PROPERTIES {
            let properties = || self.circuit.properties().iter().filter(|p| p.kind == kind);
            if kind == PropertyKind::Justice {
                properties()
                    .for_each(|p| line(&mut self.bytes, format_args!("{}", p.literals.len())));
            }
            for &literal in properties().flat_map(|p| &p.literals) {
                line(&mut self.bytes, format_args!("{}", self.aig.literal(literal)));
            }
        }
    }

    fn ands(&mut self) {
        for k in 0..self.aig.ands.len() {
            let [a, b] = self.aig.ands[k];
            let out = 2 * (self.aig.first + k as u32);
            match self.form {
                Form::Ascii => line(&mut self.bytes, format_args!("{out} {a} {b}")),
                Form::Binary => {
                    self.delta(out - a);
                    self.delta(a - b);
                }
            }
        }
    }

    /// Seven bits a byte, low bits first, the top bit set on all bytes but the last.
    fn delta(&mut self, mut delta: u32) {
        while delta >= 0x80 {
            self.bytes.push(delta as u8 | 0x80);
            delta >>= 7;
        }
        self.bytes.push(delta as u8);
    }

    fn symbols(&mut self) {
        let circuit = self.circuit;
        self.section('i', circuit.input_names().iter().map(String::as_str).map(Some));
        self.section('l', circuit.latches().iter().map(|latch| Some(latch.name.as_str())));
        self.section('o', circuit.outputs().iter().map(|output| Some(output.name.as_str())));
        for (kind, letter) in PROPERTIES {
            let properties = circuit.properties().iter().filter(|p| p.kind == kind);
            self.section(letter, properties.map(|p| p.name.as_deref()));
        }
    }

    /// The names of one section, but for those that a reader gives anyway.
    fn section<'n>(&mut self, letter: char, names: impl Iterator<Item = Option<&'n str>> + Clone) {
        let mut taken = names.clone().flatten().map(str::to_string).collect();
        for (k, name) in names.enumerate() {
            let Some(name) = name else { continue };
            let symbol = fitting(name, &mut taken);
            if symbol != name {
                self.notes.push(format!("AIGER has no name {name:?}: written as {symbol:?}"));
            }
            // A property without a name is not one named `b0`.
            if symbol != default_name(letter, k) || !"ilo".contains(letter) {
                line(&mut self.bytes, format_args!("{letter}{k} {symbol}"));
            }
        }
    }

    /// Says what AIGER has no place for.
    fn note_losses(&mut self) {
        let latches = self.circuit.latches();
        let clocks = latches.iter().filter(|latch| latch.clock.is_some()).count();
        let any = latches.iter().filter(|latch| latch.init == LatchInit::DontCare).count();
        let named = self.circuit.nodes().filter(|&id| self.circuit.node_name(id).is_some()).count();
        let orders = self.circuit.word_orders().len();
        for (count, what) in [
            (clocks, "latch types and clocks left out: AIGER has none"),
            (any, "don't-care reset values written as uninitialised"),
            (named, "names of inner nodes left out: AIGER names ports only"),
            (orders, "declared bit orders left out: AIGER has none"),
        ] {
            if count > 0 {
                self.notes.push(format!("{count} {what}"));
            }
        }
    }
}
