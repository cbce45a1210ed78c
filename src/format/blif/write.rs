//! Circuits into BLIF: one `.names` a gate, complemented fan-ins inside the covers.

use std::fmt::Write as _;

use crate::circuit::{Circuit, GateKind, LatchInit, Literal, NodeId, TruthTable};
use crate::error::Result;
use crate::format::names::NetNames;
use crate::format::{Written, word_order_note};

use super::FORMAT;

/// The widest parity that is written as one cover, whose rows double with every operand.
const WIDEST_PARITY: usize = 6;
/// Operands of one cover where a wider parity is split into a tree.
const PARITY_GROUP: usize = 4;

/// Writes a BLIF file with one model, called `circuit`.
///
/// # Errors
/// The circuit has properties.
pub fn write(circuit: &Circuit) -> Result<Written> {
    FORMAT.refuse_properties(circuit)?;
    let mut writer = Writer { text: String::new(), names: NetNames::new(circuit, is_legal) };
    writer.header(circuit);
    for latch in circuit.latches() {
        writer.names.need(latch.next);
        let next = writer.names.literal(latch.next).to_string();
        let init = match latch.init {
            LatchInit::Zero => "0",
            LatchInit::One => "1",
            LatchInit::DontCare => "2",
            LatchInit::Unknown => "3",
        };
        let clock = latch.clock.as_ref().map(|(edge, control)| format!("{edge} {control}"));
        let state = writer.names.node(latch.node).to_string();
        let words = [Some(".latch"), Some(&next), Some(&state), clock.as_deref(), Some(init)];
        writer.line(words.into_iter().flatten());
    }
    for node in circuit.nodes() {
        writer.node(circuit, node);
    }
    writer.inverters_and_copies(circuit);
    writer.text.push_str(".end\n");
    let mut notes: Vec<String> = word_order_note(circuit).into_iter().collect();
    notes.extend(writer.names.into_notes());
    Ok(Written { bytes: writer.text.into_bytes(), notes })
}

/// Whether BLIF may have the character in a name: no white space, comment or continuation.
fn is_legal(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, '#' | '\\')
}

struct Writer {
    text: String,
    names: NetNames,
}

impl Writer {
    fn header(&mut self, circuit: &Circuit) {
        self.text.push_str(".model circuit\n");
        let inputs: Vec<String> =
            circuit.inputs().iter().map(|&node| self.names.node(node).to_string()).collect();
        self.line(std::iter::once(".inputs").chain(inputs.iter().map(String::as_str)));
        let outputs = self.names.outputs().to_vec();
        self.line(std::iter::once(".outputs").chain(outputs.iter().map(String::as_str)));
    }

    /// A line, continued where it gets long.
    fn line<'w>(&mut self, words: impl Iterator<Item = &'w str>) {
        const WIDTH: usize = 78;
        let mut column = 0;
        for (w, word) in words.enumerate() {
            if w > 0 && column + word.len() > WIDTH {
                self.text.push_str(" \\\n");
                column = 0;
            }
            if w > 0 {
                self.text.push(' ');
            }
            self.text.push_str(word);
            column += word.len() + 1;
        }
        self.text.push('\n');
    }

    fn node(&mut self, circuit: &Circuit, node: NodeId) {
        let kind = circuit.kind(node);
        if matches!(kind, GateKind::Input | GateKind::Latch) {
            return;
        }
        let fanins: Vec<Literal> = circuit.fanins(node).collect();
        let nets: Vec<String> =
            fanins.iter().map(|literal| self.names.node(literal.node).to_string()).collect();
        let flips: Vec<bool> = fanins.iter().map(|literal| literal.complemented).collect();
        let name = self.names.node(node).to_string();
        match kind {
            GateKind::Xor | GateKind::Xnor if nets.len() > WIDEST_PARITY => {
                let odd = flips.iter().filter(|flip| **flip).count() % 2 == 1;
                self.parity(nets, &name, (kind == GateKind::Xor) ^ odd);
            }
            _ => self.cover(&nets, &name, &rows(kind, &flips)),
        }
    }

    fn cover(&mut self, inputs: &[String], name: &str, rows: &[String]) {
        let nets = inputs.iter().map(String::as_str).chain([name]);
        self.line(std::iter::once(".names").chain(nets));
        for row in rows {
            self.text.push_str(row);
            self.text.push('\n');
        }
    }

    /// The parity of `nets`, or its complement, as a tree of covers.
    fn parity(&mut self, mut nets: Vec<String>, name: &str, is_odd: bool) {
        while nets.len() > PARITY_GROUP {
            let mut next = Vec::with_capacity(nets.len().div_ceil(PARITY_GROUP));
            for group in nets.chunks(PARITY_GROUP) {
                if let [net] = group {
                    next.push(net.clone());
                    continue;
                }
                let part = self.names.fresh(&format!("{name}_x"));
                self.cover(group, &part, &rows(GateKind::Xor, &vec![false; group.len()]));
                next.push(part);
            }
            nets = next;
        }
        let kind = if is_odd { GateKind::Xor } else { GateKind::Xnor };
        self.cover(&nets, name, &rows(kind, &vec![false; nets.len()]));
    }

    fn inverters_and_copies(&mut self, circuit: &Circuit) {
        for (node, name) in self.names.inverters().clone() {
            let net = self.names.node(node).to_string();
            self.cover(&[net], &name, &rows(GateKind::Not, &[false]));
        }
        for (o, literal) in self.names.copies().to_vec() {
            let name = self.names.outputs()[o].clone();
            if let GateKind::Const(value) = circuit.kind(literal.node) {
                self.cover(&[], &name, &rows(GateKind::Const(value ^ literal.complemented), &[]));
            } else {
                let net = self.names.node(literal.node).to_string();
                self.cover(&[net], &name, &rows(GateKind::Buf, &[literal.complemented]));
            }
        }
    }
}

/// The cover of a gate whose fan-ins are complemented where `flips` says so. AND and OR take one row
/// whatever their width, since a row may stand for the off-set.
fn rows(kind: GateKind, flips: &[bool]) -> Vec<String> {
    let n = flips.len();
    let all = |bit: char, value: &str| vec![row(&bit.to_string().repeat(n), flips, value)];
    match kind {
        GateKind::Const(value) => {
            if value {
                vec!["1".to_string()]
            } else {
                Vec::new()
            }
        }
        GateKind::Buf | GateKind::And => all('1', "1"),
        GateKind::Not | GateKind::Nand => all('1', "0"),
        GateKind::Or => all('0', "0"),
        GateKind::Nor => all('0', "1"),
        GateKind::Mux => ["01-", "1-1"].map(|cube| row(cube, flips, "1")).to_vec(),
        GateKind::Maj => ["11-", "1-1", "-11"].map(|cube| row(cube, flips, "1")).to_vec(),
        GateKind::Lut(table) => minterms(table, flips),
        GateKind::Xor | GateKind::Xnor => minterms(kind.table(n), flips),
        GateKind::Input | GateKind::Latch => unreachable!("sources have no cover"),
    }
}

/// The rows of the on-set or of the off-set, whichever is smaller.
fn minterms(table: TruthTable, flips: &[bool]) -> Vec<String> {
    let n = table.n_inputs();
    let n_rows = 1usize << n;
    let ones = table.bits().count_ones() as usize;
    if ones == n_rows {
        return vec![row(&"-".repeat(n), flips, "1")];
    }
    let value = ones <= n_rows / 2;
    let output = if value { "1" } else { "0" };
    let pattern = |r: usize| (0..n).map(|h| if r >> h & 1 == 1 { '1' } else { '0' }).collect();
    let rows = (0..n_rows).filter(|&r| table.at(r) == value);
    rows.map(|r| row(&pattern(r) as &String, flips, output)).collect()
}

fn row(cube: &str, flips: &[bool], value: &str) -> String {
    let mut text = String::with_capacity(cube.len() + 2);
    for (column, flip) in cube.chars().zip(flips) {
        text.push(match (column, flip) {
            ('0', true) => '1',
            ('1', true) => '0',
            (column, _) => column,
        });
    }
    if !text.is_empty() {
        text.push(' ');
    }
    write!(text, "{value}").expect("a string takes every text");
    text
}
