//! From a circuit to Bristol gates: XOR, AND, INV, EQ, EQW.
//!
//! AND is what a gate costs in the protocols that read these files, so other kinds are made with the
//! fewest ANDs known here: OR and MUX and MAJ with one. Complements are INV gates, one per wire, made
//! when first needed; an XOR passes a complement on instead.

use std::io::Write;

use crate::circuit::{Circuit, GateKind, Literal, word};
use crate::error::{Error, Result};
use crate::format::Written;
use crate::format::lower::{Basis, lower};

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Old,
    Fashion,
}

pub(super) fn write(circuit: &Circuit, dialect: Dialect) -> Result<Written> {
    circuit.require_combinational()?;
    if dialect == Dialect::Old && circuit.inputs().is_empty() && circuit.n_nodes() > 0 {
        return Err(Error::new("at least one input", "none")
            .hint("the old format has no constants; Bristol Fashion has"));
    }
    let mut gate_list = GateList::new(circuit, dialect);
    gate_list.gates_of(circuit);
    let outputs = gate_list.outputs_of(circuit);
    let order = gate_list.order();
    let wires = gate_list.number(&order, &outputs);
    let mut file = File { bytes: Vec::new(), notes: Vec::new() };
    file.header(circuit, dialect, gate_list.gates.len());
    file.gates(&gate_list, &order, &wires);
    file.note_losses(circuit);
    Ok(Written { bytes: file.bytes, notes: file.notes })
}

/// A gate over signals.
#[derive(Debug, Clone, Copy)]
enum Gate {
    Xor(u32, u32),
    And(u32, u32),
    Inv(u32),
    /// A constant.
    Eq(bool),
    /// A copy.
    Eqw(u32),
}

/// The circuit as gates. Signal 0 is the constant, `1 ..= n_inputs` are the inputs, and gate `g` drives
/// signal `n_inputs + 1 + g`.
struct GateList {
    dialect: Dialect,
    n_inputs: u32,
    gates: Vec<Gate>,
    /// The signal that is the complement of a signal, where there is one; 0 is none.
    inverses: Vec<u32>,
    /// The signals of the constants, where they are made; 0 is none.
    constants: [u32; 2],
    /// The literal of every node: `2 signal + complement`.
    literals: Vec<u32>,
}

impl Basis for GateList {
    const FREE_XOR: bool = true;

    fn and(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.signal(a), self.signal(b));
        2 * self.push(Gate::And(a, b))
    }

    fn xor(&mut self, a: u32, b: u32) -> u32 {
        let (left, right) = (self.signal(a & !1), self.signal(b & !1));
        (2 * self.push(Gate::Xor(left, right))) ^ ((a ^ b) & 1)
    }

    fn mux(&mut self, s: u32, a: u32, b: u32) -> u32 {
        let difference = self.xor(a, b);
        let product = self.and(s, difference);
        self.xor(a, product)
    }

    fn maj(&mut self, a: u32, b: u32, c: u32) -> u32 {
        let (left, right) = (self.xor(a, c), self.xor(b, c));
        let product = self.and(left, right);
        self.xor(product, c)
    }
}

impl GateList {
    fn new(circuit: &Circuit, dialect: Dialect) -> Self {
        let n_inputs = circuit.inputs().len() as u32;
        let mut literals = vec![0; circuit.n_nodes()];
        for (signal, id) in (1..).zip(circuit.inputs()) {
            literals[id.index()] = 2 * signal;
        }
        let inverses = vec![0; circuit.inputs().len() + 1];
        GateList { dialect, n_inputs, gates: Vec::new(), inverses, constants: [0; 2], literals }
    }

    /// Adds a gate; gives the signal it drives.
    fn push(&mut self, gate: Gate) -> u32 {
        self.gates.push(gate);
        self.inverses.push(0);
        self.n_inputs + self.gates.len() as u32
    }

    /// The signal of a literal, through a constant or an INV where it needs one.
    fn signal(&mut self, literal: u32) -> u32 {
        let (signal, complemented) = (literal / 2, literal & 1 == 1);
        match (signal, complemented) {
            (0, value) => self.constant(value),
            (_, false) => signal,
            (_, true) => self.invert(signal),
        }
    }

    fn invert(&mut self, signal: u32) -> u32 {
        match self.inverses[signal as usize] {
            0 => self.new_inverse(signal),
            inverse => inverse,
        }
    }

    /// An INV of its own; the first of a signal serves all complements of it.
    fn new_inverse(&mut self, signal: u32) -> u32 {
        let inverse = self.push(Gate::Inv(signal));
        self.inverses[inverse as usize] = signal;
        let known = &mut self.inverses[signal as usize];
        *known = if *known == 0 { inverse } else { *known };
        inverse
    }

    fn constant(&mut self, value: bool) -> u32 {
        if self.constants[usize::from(value)] == 0 {
            self.constants[usize::from(value)] = self.new_constant(value);
        }
        self.constants[usize::from(value)]
    }

    fn new_constant(&mut self, value: bool) -> u32 {
        match (self.dialect, value) {
            (Dialect::Fashion, value) => self.push(Gate::Eq(value)),
            (Dialect::Old, false) => self.push(Gate::Xor(1, 1)),
            (Dialect::Old, true) => {
                let zero = self.constant(false);
                self.push(Gate::Inv(zero))
            }
        }
    }

    /// A new signal of the same value.
    fn copy(&mut self, signal: u32) -> u32 {
        match self.dialect {
            Dialect::Fashion => self.push(Gate::Eqw(signal)),
            Dialect::Old => {
                let inverse = self.invert(signal);
                self.new_inverse(inverse)
            }
        }
    }

    /// The gates of the circuit; NOT and BUF stay what they are.
    fn gates_of(&mut self, circuit: &Circuit) {
        let mut operands = Vec::new();
        for id in circuit.nodes() {
            let kind = circuit.kind(id);
            operands.clear();
            operands.extend(circuit.fanins(id).map(|operand| self.literal(operand)));
            self.literals[id.index()] = match kind {
                GateKind::Input => continue,
                GateKind::Not => {
                    let signal = self.signal(operands[0]);
                    2 * self.new_inverse(signal)
                }
                GateKind::Buf => {
                    let signal = self.signal(operands[0]);
                    2 * self.copy(signal)
                }
                kind => lower(self, kind, &operands),
            };
        }
    }

    fn literal(&self, literal: Literal) -> u32 {
        self.literals[literal.node.index()] ^ u32::from(literal.complemented)
    }

    /// A signal for each output: driven by a gate, and no two the same.
    fn outputs_of(&mut self, circuit: &Circuit) -> Vec<u32> {
        let mut used = vec![false; self.inverses.len()];
        let mut signals = Vec::with_capacity(circuit.outputs().len());
        for output in circuit.outputs() {
            let literal = self.literal(output.literal);
            let mut signal = self.signal(literal);
            used.resize(self.inverses.len(), false);
            if signal <= self.n_inputs || used[signal as usize] {
                signal = self.copy(signal);
                used.resize(self.inverses.len(), false);
            }
            used[signal as usize] = true;
            signals.push(signal);
        }
        signals
    }

    /// The order of the gates in the file: constants first, so that it does not depend on who needed
    /// them first, and reading and writing it again gives the same.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.gates.len()).collect();
        order.sort_by_key(|&g| match self.gates[g] {
            Gate::Eq(value) => usize::from(value),
            _ => 2,
        });
        order
    }

    /// The signal that a gate drives.
    fn driven_by(&self, gate: usize) -> usize {
        self.n_inputs as usize + 1 + gate
    }

    /// The wire of every signal: inputs, then the gates that are no output, then the outputs in order.
    fn number(&self, order: &[usize], outputs: &[u32]) -> Vec<usize> {
        let mut wires = vec![None; self.inverses.len()];
        let first_output = wires.len() - 1 - outputs.len();
        for (wire, &signal) in (first_output..).zip(outputs) {
            wires[signal as usize] = Some(wire);
        }
        let inputs = 1..=self.n_inputs as usize;
        let mut free = 0..first_output;
        for signal in inputs.chain(order.iter().map(|&gate| self.driven_by(gate))) {
            wires[signal] = wires[signal].or_else(|| free.next());
        }
        // Signal 0 is no wire; every other one has its own now.
        wires.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// The file being written.
struct File {
    bytes: Vec<u8>,
    notes: Vec<String>,
}

impl File {
    fn line(&mut self, line: std::fmt::Arguments) {
        writeln!(self.bytes, "{line}").expect("a vector takes every byte");
    }

    fn header(&mut self, circuit: &Circuit, dialect: Dialect, n_gates: usize) {
        let names: Vec<String> = circuit.outputs().iter().map(|o| o.name.clone()).collect();
        let (inputs, outputs) = (groups(circuit.input_names()), groups(&names));
        self.line(format_args!("{n_gates} {}", n_gates + circuit.inputs().len()));
        match dialect {
            Dialect::Fashion => {
                for groups in [&inputs, &outputs] {
                    let sizes: String =
                        groups.iter().map(|group| format!(" {}", group.1)).collect();
                    self.line(format_args!("{}{sizes}", groups.len()));
                }
                self.note_names("input", "in", &inputs);
                self.note_names("output", "out", &outputs);
            }
            Dialect::Old => self.old_header(&inputs, &outputs),
        }
        self.bytes.push(b'\n');
    }

    /// The old format's line of three sizes.
    fn old_header(&mut self, inputs: &[(String, usize)], outputs: &[(String, usize)]) {
        let size = |groups: &[(String, usize)]| groups.iter().map(|group| group.1).sum::<usize>();
        let (first, others) = inputs.split_at(inputs.len().min(1));
        self.line(format_args!("{} {} {}", size(first), size(others), size(outputs)));
        for (what, groups, room) in [("input", inputs, 2), ("output", outputs, 1)] {
            if groups.len() > room {
                let merged = format!("{} {what} groups written as {room}", groups.len());
                self.notes.push(format!("{merged}: the old Bristol format has no more"));
            }
        }
    }

    /// Says which group is which, where the names do not.
    fn note_names(&mut self, what: &str, default: &str, groups: &[(String, usize)]) {
        let renamed =
            groups.iter().enumerate().filter(|(g, group)| group.0 != format!("{default}{g}"));
        let lines: Vec<String> = renamed
            .map(|(g, (name, size))| format!("{what} group {g} is {name} ({size} bits)"))
            .collect();
        if !lines.is_empty() {
            self.notes.push(format!("Bristol has no names: {}", lines.join(", ")));
        }
    }

    fn gates(&mut self, gate_list: &GateList, order: &[usize], wires: &[usize]) {
        let wire = |signal: u32| wires[signal as usize];
        for &g in order {
            let out = wires[gate_list.driven_by(g)];
            match gate_list.gates[g] {
                Gate::Xor(a, b) => self.line(format_args!("2 1 {} {} {out} XOR", wire(a), wire(b))),
                Gate::And(a, b) => self.line(format_args!("2 1 {} {} {out} AND", wire(a), wire(b))),
                Gate::Inv(a) => self.line(format_args!("1 1 {} {out} INV", wire(a))),
                Gate::Eqw(a) => self.line(format_args!("1 1 {} {out} EQW", wire(a))),
                Gate::Eq(value) => self.line(format_args!("1 1 {} {out} EQ", u8::from(value))),
            }
        }
    }

    /// Says what Bristol has no place for.
    fn note_losses(&mut self, circuit: &Circuit) {
        let named = circuit.nodes().filter(|&id| circuit.node_name(id).is_some()).count();
        if named > 0 {
            self.notes.push(format!("{named} names of inner nodes left out: Bristol has none"));
        }
        if !circuit.word_orders().is_empty() {
            let orders = circuit.word_orders().len();
            self.notes.push(format!("{orders} declared bit orders left out: Bristol has none"));
        }
    }
}

/// The groups that ports form, as name and size: each run of a word is one, and so are the ports between
/// two words, which go by their first name.
fn groups(names: &[String]) -> Vec<(String, usize)> {
    let mut groups = Vec::new();
    let mut next = 0;
    let loose = |groups: &mut Vec<(String, usize)>, range: std::ops::Range<usize>| {
        if !range.is_empty() {
            groups.push((names[range.start].clone(), range.len()));
        }
    };
    for run in word::words(names) {
        loose(&mut groups, next..run.start);
        next = run.start + run.width;
        groups.push((run.base, run.width));
    }
    loose(&mut groups, next..names.len());
    groups
}
