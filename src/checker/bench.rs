//! Circuit files in the format BENCH, read without the program that wrote the certificate.
//!
//! A file has lines `INPUT(x)`, `OUTPUT(y)`, `y = KIND(a, b)` and comments after `#`. Its gates are looked up in the
//! certificate's circuit, by kind and literals: what is found there is the same function of the inputs.

use std::collections::HashMap;

use serde_json::Value;

use crate::json::Entry;
use crate::{Checked, Refusal};

/// A line that drives a signal: its kind in capitals, and the signals that it reads.
type Gate<'t> = (String, Vec<&'t str>);

/// Inputs and outputs in order, and the gates by their signals.
#[derive(Default)]
struct Bench<'t> {
    inputs: Vec<&'t str>,
    outputs: Vec<&'t str>,
    gates: HashMap<&'t str, Gate<'t>>,
}

impl<'t> Bench<'t> {
    fn read(bytes: &'t [u8]) -> Checked<Self> {
        let refuse =
            |line: usize, what: &str| Refusal::new(format!("circuit file, line {line}"), what);
        let text = std::str::from_utf8(bytes).map_err(|_| refuse(0, "is no text"))?;
        let mut bench = Bench::default();
        for (l, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (signal, call) =
                line.split_once('=').map_or((None, line), |(s, c)| (Some(s.trim()), c));
            let call = call.trim().strip_suffix(')').and_then(|call| call.split_once('('));
            let (kind, operands) = call.ok_or_else(|| refuse(l + 1, "is no line of BENCH"))?;
            let operands: Vec<&str> = operands.split(',').map(str::trim).collect();
            match (kind.trim().to_ascii_uppercase().as_str(), signal, &operands[..]) {
                ("INPUT", None, [name]) => bench.inputs.push(name),
                ("OUTPUT", None, [name]) => bench.outputs.push(name),
                (kind, Some(signal), _) => {
                    let gate = (kind.to_string(), operands);
                    if bench.gates.insert(signal, gate).is_some() {
                        return Err(refuse(l + 1, "drives a signal once more"));
                    }
                }
                _ => return Err(refuse(l + 1, "is no line of BENCH")),
            }
        }
        Ok(bench)
    }
}

/// The certificate's circuit is the file's.
///
/// # Errors
/// The port or the gate that it does not have.
pub fn require_same(circuit: &Entry, bytes: &[u8]) -> Checked<()> {
    let bench = Bench::read(bytes)?;
    let [names, nodes, outputs] = circuit.object(["inputs", "nodes", "outputs"])?;
    let names_of = |ports: &[&str]| Value::from(ports.to_vec());
    names.require_equal(&names_of(&bench.inputs))?;
    let mut signals: HashMap<&str, u64> = HashMap::new();
    let mut inputs = bench.inputs.iter();
    let mut known = Known::default();
    for entry in nodes.array()? {
        let literal = known.add(&entry)?;
        if entry.value()[0] == "input" {
            signals.extend(inputs.next().map(|name| (*name, literal)));
        }
    }
    for (output, name) in outputs.array_of(bench.outputs.len())?.iter().zip(&bench.outputs) {
        let literal = literal_of(name, &bench, &known, &mut signals)?;
        let [found, held] = &output.array_of(2)?[..] else {
            return Err(output.refuse("is no pair"));
        };
        found.require(name)?;
        if known.literal(held)? != literal {
            return Err(held.refuse("is not the signal's"));
        }
    }
    Ok(())
}

/// The nodes of the certificate's circuit; of equal ones the first stands for all.
#[derive(Default)]
struct Known {
    firsts: Vec<u64>,
    by_node: HashMap<Value, u64>,
}

impl Known {
    /// Adds the next node; the literal that stands for it.
    fn add(&mut self, entry: &Entry) -> Checked<u64> {
        let own = 2 * self.firsts.len() as u64;
        let mut node = Vec::new();
        for entry in entry.array()? {
            node.push(match entry.value() {
                Value::Number(_) => self.literal(&entry)?.into(),
                other => other.clone(),
            });
        }
        let is_input = node.first().is_some_and(|kind| kind == "input");
        let first = if is_input { own } else { *self.by_node.entry(node.into()).or_insert(own) };
        self.firsts.push(first);
        Ok(first)
    }

    fn literal(&self, entry: &Entry) -> Checked<u64> {
        let literal = entry.count(2 * self.firsts.len() as u64)?;
        Ok(self.firsts[literal / 2] ^ (literal as u64 & 1))
    }
}

/// The literal of the certificate's circuit that a signal is.
fn literal_of<'t>(
    signal: &'t str,
    bench: &Bench<'t>,
    known: &Known,
    signals: &mut HashMap<&'t str, u64>,
) -> Checked<u64> {
    let refuse = |signal: &str, what: &str| Refusal::new(format!("signal {signal}"), what);
    // Without a circle a signal is pushed once for each time that it is read.
    let n_reads: usize = bench.gates.values().map(|(_, operands)| operands.len()).sum();
    let mut open = vec![signal];
    while let Some(&top) = open.last() {
        if signals.contains_key(top) {
            open.pop();
            continue;
        }
        let (kind, operands) =
            bench.gates.get(top).ok_or_else(|| refuse(top, "is driven by nothing"))?;
        let before = open.len();
        open.extend(operands.iter().filter(|operand| !signals.contains_key(**operand)));
        if open.len() > n_reads + 1 {
            return Err(refuse(top, "depends on itself"));
        }
        if open.len() > before {
            continue;
        }
        let literals: Vec<u64> = operands.iter().map(|operand| signals[operand]).collect();
        let node =
            node(kind, &literals).ok_or_else(|| refuse(top, "is a gate of no known kind"))?;
        let literal = known.by_node.get(&node);
        let literal = literal.ok_or_else(|| refuse(top, "is not in the certificate's circuit"))?;
        signals.insert(top, *literal);
        open.pop();
    }
    Ok(signals[signal])
}

/// A gate as the certificate has it.
fn node(kind: &str, literals: &[u64]) -> Option<Value> {
    let (kind, flip) = match (kind, literals.len()) {
        ("AND", _) | ("BUF" | "BUFF", 1) => ("and", 0),
        ("NAND", _) | ("NOT" | "INV", 1) => ("nand", 0),
        ("OR", _) => ("nand", 1),
        ("NOR", _) => ("and", 1),
        ("XOR", _) => ("xor", 0),
        ("XNOR", _) => ("xnor", 0),
        _ => return None,
    };
    let literals = literals.iter().map(|literal| Value::from(literal ^ flip));
    Some(std::iter::once(Value::from(kind)).chain(literals).collect())
}
