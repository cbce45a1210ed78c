//! Circuits into Verilog: one `assign` a gate, escaped names where Verilog needs them.

use std::fmt::Write as _;

use crate::circuit::{Circuit, GateKind, Literal, NodeId, TruthTable};
use crate::error::{Error, Result};
use crate::format::names::NetNames;
use crate::format::{Written, either, word_order_note};

use super::FORMAT;

/// Writes a module called `circuit`, with a port for every input and output.
///
/// # Errors
/// The circuit has latches or properties.
pub fn write(circuit: &Circuit) -> Result<Written> {
    FORMAT.refuse_properties(circuit)?;
    if !circuit.latches().is_empty() {
        let found = format!("{} latches", circuit.latches().len());
        return Err(Error::new("a combinational circuit, as only gates are written", found)
            .hint(format!("write {} instead", either(|format| format.holds.latches))));
    }
    let names = NetNames::for_ports(circuit, |c| c.is_ascii_graphic());
    let mut text = String::new();
    header(&mut text, circuit, &names);
    for node in circuit.nodes() {
        let kind = circuit.kind(node);
        if kind != GateKind::Input {
            let operands: Vec<String> =
                circuit.fanins(node).map(|literal| operand(&names, literal)).collect();
            assign(&mut text, names.node(node), &expression(kind, &operands));
        }
    }
    for (&node, name) in names.inverters() {
        assign(&mut text, name, &operand(&names, Literal { node, complemented: true }));
    }
    for &(o, literal) in names.copies() {
        let value = match circuit.kind(literal.node) {
            GateKind::Const(value) => constant(value ^ literal.complemented).to_string(),
            _ => operand(&names, literal),
        };
        assign(&mut text, &names.outputs()[o], &value);
    }
    text.push_str("endmodule\n");
    let mut notes: Vec<String> = word_order_note(circuit).into_iter().collect();
    notes.extend(names.into_notes());
    Ok(Written { bytes: text.into_bytes(), notes })
}

fn header(text: &mut String, circuit: &Circuit, names: &NetNames) {
    let inputs: Vec<&str> = circuit.inputs().iter().map(|&node| names.node(node)).collect();
    let outputs: Vec<&str> = names.outputs().iter().map(String::as_str).collect();
    let is_output: std::collections::HashSet<&str> = outputs.iter().copied().collect();
    let is_wire = |node: &NodeId| {
        circuit.kind(*node) != GateKind::Input && !is_output.contains(names.node(*node))
    };
    let wires: Vec<&str> = circuit.nodes().filter(is_wire).map(|node| names.node(node)).collect();
    let ports: Vec<&str> = inputs.iter().chain(&outputs).copied().collect();
    text.push_str("module circuit (");
    push_list(text, &ports);
    text.push_str(");\n");
    for (word, names) in [("input", inputs), ("output", outputs), ("wire", wires)] {
        if !names.is_empty() {
            text.push_str(word);
            push_list(text, &names);
            text.push_str(";\n");
        }
    }
}

/// Names with commas, eight a line.
fn push_list(text: &mut String, names: &[&str]) {
    const PER_LINE: usize = 8;
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(if i > 0 && i % PER_LINE == 0 { "\n    " } else { " " });
        text.push_str(&identifier(name));
    }
}

fn assign(text: &mut String, name: &str, value: &str) {
    writeln!(text, "assign {} = {value};", identifier(name)).expect("a string takes every text");
}

fn operand(names: &NetNames, literal: Literal) -> String {
    let sign = if literal.complemented { "~" } else { "" };
    format!("{sign}{}", identifier(names.node(literal.node)))
}

/// The name, behind a backslash and before a space where it is no plain identifier.
fn identifier(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'));
    if starts && is_plain && !is_keyword(name) { name.to_string() } else { format!("\\{name} ") }
}

fn constant(value: bool) -> &'static str {
    if value { "1'b1" } else { "1'b0" }
}

fn expression(kind: GateKind, operands: &[String]) -> String {
    match kind {
        GateKind::Const(value) => constant(value).to_string(),
        GateKind::Buf => operands[0].clone(),
        GateKind::Not => format!("~({})", operands[0]),
        GateKind::And => operands.join(" & "),
        GateKind::Or => operands.join(" | "),
        GateKind::Xor => operands.join(" ^ "),
        GateKind::Nand => format!("~({})", operands.join(" & ")),
        GateKind::Nor => format!("~({})", operands.join(" | ")),
        GateKind::Xnor => format!("~({})", operands.join(" ^ ")),
        GateKind::Mux => format!("{} ? {} : {}", operands[0], operands[2], operands[1]),
        GateKind::Maj => {
            let [a, b, c] = [0, 1, 2].map(|i| &operands[i]);
            format!("({a} & {b}) | ({a} & {c}) | ({b} & {c})")
        }
        GateKind::Lut(table) => sum_of_products(table, operands),
        GateKind::Input | GateKind::Latch => unreachable!("sources are not assigned"),
    }
}

/// One product for each row of the on-set or the off-set, whichever is smaller.
fn sum_of_products(table: TruthTable, operands: &[String]) -> String {
    let n_rows = 1usize << table.n_inputs();
    let ones = table.bits().count_ones() as usize;
    if ones == 0 || ones == n_rows {
        return constant(ones > 0).to_string();
    }
    let value = ones <= n_rows / 2;
    let product = |row: usize| {
        let literal = |(h, operand): (usize, &String)| {
            if row >> h & 1 == 1 { operand.clone() } else { format!("~({operand})") }
        };
        let literals: Vec<String> = operands.iter().enumerate().map(literal).collect();
        format!("({})", literals.join(" & "))
    };
    let products: Vec<String> =
        (0..n_rows).filter(|&row| table.at(row) == value).map(product).collect();
    let sum = products.join(" | ");
    if value { sum } else { format!("~({sum})") }
}

/// Whether Verilog reserves the word.
pub fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

/// Words that Verilog-2001 reserves, in order.
const KEYWORDS: &[&str] = &[
    "always",
    "and",
    "assign",
    "automatic",
    "begin",
    "buf",
    "bufif0",
    "bufif1",
    "case",
    "casex",
    "casez",
    "cell",
    "cmos",
    "config",
    "deassign",
    "default",
    "defparam",
    "design",
    "disable",
    "edge",
    "else",
    "end",
    "endcase",
    "endconfig",
    "endfunction",
    "endgenerate",
    "endmodule",
    "endprimitive",
    "endspecify",
    "endtable",
    "endtask",
    "event",
    "for",
    "force",
    "forever",
    "fork",
    "function",
    "generate",
    "genvar",
    "highz0",
    "highz1",
    "if",
    "ifnone",
    "incdir",
    "include",
    "initial",
    "inout",
    "input",
    "instance",
    "integer",
    "join",
    "large",
    "liblist",
    "library",
    "localparam",
    "logic",
    "macromodule",
    "medium",
    "module",
    "nand",
    "negedge",
    "nmos",
    "nor",
    "noshowcancelled",
    "not",
    "notif0",
    "notif1",
    "or",
    "output",
    "parameter",
    "pmos",
    "posedge",
    "primitive",
    "pull0",
    "pull1",
    "pulldown",
    "pullup",
    "pulsestyle_ondetect",
    "pulsestyle_onevent",
    "rcmos",
    "real",
    "realtime",
    "reg",
    "release",
    "repeat",
    "rnmos",
    "rpmos",
    "rtran",
    "rtranif0",
    "rtranif1",
    "scalared",
    "showcancelled",
    "signed",
    "small",
    "specify",
    "specparam",
    "strong0",
    "strong1",
    "supply0",
    "supply1",
    "table",
    "task",
    "time",
    "tran",
    "tranif0",
    "tranif1",
    "tri",
    "tri0",
    "tri1",
    "triand",
    "trior",
    "trireg",
    "unsigned",
    "use",
    "uwire",
    "vectored",
    "wait",
    "wand",
    "weak0",
    "weak1",
    "while",
    "wire",
    "wor",
    "xnor",
    "xor",
];
