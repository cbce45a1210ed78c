//! The circuit in a certificate, and its normal form.
//!
//! A literal is `2·node`, plus 1 for the complement. In the normal form every node comes down to a constant or to
//! a literal of a *root*: an input, or a gate that depends on two or more distinct roots. Invariant: on
//! every assignment a node has the value of its [`Circuit::value`], a root that of its [`Form`].

use crate::Checked;
use crate::json::Entry;

/// A constant or a literal of a root; `x ^ 1` is the complement of `x`.
pub type Value = u32;

/// The constant 0.
pub const FALSE: Value = u32::MAX - 1;
/// The constant 1.
pub const TRUE: Value = u32::MAX;

/// What a root is a function of, by literals of smaller nodes, which are sorted.
#[derive(Debug, PartialEq)]
pub enum Form {
    /// An input, or a node that is no root.
    Leaf,
    /// 1 if all are.
    And(Vec<Value>),
    /// The parity of positive literals.
    Xor(Vec<Value>),
    /// A table over positive literals; bit `r` is the value where bit `h` of `r` is operand `h`.
    Table(u64, Vec<Value>),
}

impl Form {
    /// What it is a function of.
    pub fn operands(&self) -> &[Value] {
        match self {
            Form::Leaf => &[],
            Form::And(operands) | Form::Xor(operands) | Form::Table(_, operands) => operands,
        }
    }
}

/// The circuit of a certificate.
#[derive(Debug)]
pub struct Circuit {
    /// In their order.
    pub input_names: Vec<String>,
    /// In their order.
    pub output_names: Vec<String>,
    /// The values of the outputs.
    pub outputs: Vec<Value>,
    /// The nodes of the inputs.
    pub inputs: Vec<u32>,
    /// What each node is a function of.
    pub forms: Vec<Form>,
    values: Vec<Value>,
}

/// Nodes are numbered by 31 bits, and the last two literals are the constants.
const MAX_NODES: usize = (1 << 31) - 1;

impl Circuit {
    /// Reads `{"inputs": […], "nodes": […], "outputs": […]}`.
    ///
    /// # Errors
    /// The first entry that is none of the format.
    pub fn read(entry: &Entry) -> Checked<Self> {
        let [inputs, nodes, outputs] = entry.object(["inputs", "nodes", "outputs"])?;
        let mut circuit = Circuit {
            input_names: Vec::new(),
            output_names: Vec::new(),
            outputs: Vec::new(),
            inputs: Vec::new(),
            forms: Vec::new(),
            values: Vec::new(),
        };
        for name in inputs.array()? {
            circuit.input_names.push(name.text()?.to_string());
        }
        for node in nodes.array()?.into_iter().take(MAX_NODES) {
            circuit.add(&node)?;
        }
        if circuit.inputs.len() != circuit.input_names.len() {
            return Err(inputs.refuse(format!("names for {} inputs", circuit.inputs.len())));
        }
        for output in outputs.array()? {
            let [name, literal] = &output.array_of(2)?[..] else { return Err(output.refuse("")) };
            circuit.output_names.push(name.text()?.to_string());
            let literal = circuit.literal(literal)?;
            circuit.outputs.push(literal);
        }
        Ok(circuit)
    }

    /// What a literal comes down to.
    pub fn value(&self, literal: u32) -> Value {
        self.values[literal as usize / 2] ^ (literal & 1)
    }

    /// The number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.values.len()
    }

    fn literal(&self, entry: &Entry) -> Checked<Value> {
        Ok(self.value(entry.count(2 * self.n_nodes() as u64)? as u32))
    }

    fn add(&mut self, node: &Entry) -> Checked<()> {
        let entries = node.array()?;
        let [kind, rest @ ..] = &entries[..] else { return Err(node.refuse("has no kind")) };
        let own = 2 * self.n_nodes() as u32;
        let is_table = kind.value() == "lut";
        let operands = if is_table { rest.get(1..).unwrap_or(&[]) } else { rest };
        let operands: Vec<Value> =
            operands.iter().map(|operand| self.literal(operand)).collect::<Checked<_>>()?;
        let (form, value) = match kind.text()? {
            "input" if operands.is_empty() => {
                self.inputs.push(own / 2);
                (Form::Leaf, own)
            }
            "and" => conjunction(own, operands),
            "nand" => complement(conjunction(own, operands)),
            "xor" => parity(own, &operands),
            "xnor" => complement(parity(own, &operands)),
            "lut" if operands.len() <= 6 => {
                let rows = 1u32 << operands.len();
                let table = rest.first().and_then(|table| table.value().as_str());
                let table = table.and_then(|table| u64::from_str_radix(table, 16).ok());
                let table = table.filter(|table| rows == 64 || table >> rows == 0);
                tabulated(own, table.ok_or_else(|| node.refuse("has no table"))?, &operands)
            }
            _ => return Err(kind.refuse("is no kind of node")),
        };
        self.forms.push(form);
        self.values.push(value);
        Ok(())
    }
}

fn complement((form, value): (Form, Value)) -> (Form, Value) {
    (form, value ^ 1)
}

fn constant(value: bool) -> (Form, Value) {
    (Form::Leaf, if value { TRUE } else { FALSE })
}

fn conjunction(own: Value, mut operands: Vec<Value>) -> (Form, Value) {
    operands.retain(|&operand| operand != TRUE);
    operands.sort_unstable();
    operands.dedup();
    let is_false = |pair: &[Value]| pair[0] ^ 1 == pair[1];
    match operands[..] {
        [] => constant(true),
        _ if operands.contains(&FALSE) || operands.windows(2).any(is_false) => constant(false),
        [only] => (Form::Leaf, only),
        _ => (Form::And(operands), own),
    }
}

fn parity(own: Value, operands: &[Value]) -> (Form, Value) {
    // The constants' numbers have an even part, too, which comes twice or is dropped.
    let odd = operands.iter().filter(|&&operand| operand & 1 == 1).count() as u32 & 1;
    let mut roots: Vec<Value> =
        operands.iter().map(|operand| operand & !1).filter(|&root| root != FALSE).collect();
    roots.sort_unstable();
    let groups = roots.chunk_by(|a, b| a == b).filter(|group| group.len() % 2 == 1);
    let roots: Vec<Value> = groups.map(|group| group[0]).collect();
    match roots[..] {
        [] => constant(odd == 1),
        [only] => (Form::Leaf, only ^ odd),
        _ => (Form::Xor(roots), own ^ odd),
    }
}

fn tabulated(own: Value, table: u64, operands: &[Value]) -> (Form, Value) {
    let mut roots: Vec<Value> =
        operands.iter().map(|operand| operand & !1).filter(|&root| root != FALSE).collect();
    roots.sort_unstable();
    roots.dedup();
    let over = |roots: &[Value]| {
        let row = |values: usize| {
            // A root that is not there any more has no influence; the constant FALSE is always 0.
            let place = |operand: &Value| roots.iter().position(|root| *root == operand & !1);
            let root = |operand: &Value| place(operand).is_some_and(|h| values >> h & 1 == 1);
            let bit = |operand: &Value| root(operand) ^ (operand & 1 == 1);
            let bits = operands.iter().enumerate();
            bits.map(|(h, operand)| usize::from(bit(operand)) << h).sum::<usize>()
        };
        let rows = 0..1usize << roots.len();
        rows.map(|values| (table >> row(values) & 1) << values).sum::<u64>()
    };
    let full = over(&roots);
    let value = |row: usize| full >> row & 1;
    let matters =
        |h: usize| (0..1usize << roots.len()).any(|row| value(row) != value(row ^ 1 << h));
    let kept: Vec<Value> = (0..roots.len()).filter(|&h| matters(h)).map(|h| roots[h]).collect();
    let table = over(&kept);
    match kept[..] {
        [] => constant(table == 1),
        [only] => (Form::Leaf, only ^ u32::from(table == 1)),
        _ => (Form::Table(table, kept), own),
    }
}
