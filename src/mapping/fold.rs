//! Folding: every node of a circuit becomes a constant, a literal of a signal, or a signal of its own.
//!
//! A signal is a source or a gate that does not simplify: constants are propagated, inverters and
//! buffers absorbed, repeated and contradicting operands merged (`AND(a,a) = a`, `AND(a,!a) = 0`,
//! `XOR(a,a) = 0`), operands dropped that a table does not depend on. What is left of a gate has at least two
//! operands, distinct signals all. Invariant: a node's value is its signal's, complemented as
//! [`Value::Signal`] says.

use crate::circuit::{Circuit, GateKind, Literal, NodeId, TruthTable};

/// What a node (or literal) of the circuit comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Constant(bool),
    /// The signal that a node stands for, or its complement.
    Signal(Literal),
}

impl Value {
    fn flip_if(self, flip: bool) -> Self {
        match self {
            Value::Constant(value) => Value::Constant(value ^ flip),
            Value::Signal(literal) => Value::Signal(literal.flip_if(flip)),
        }
    }
}

/// What a signal computes from its operands. The operands of `Xor` and `Table` are not complemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// An input or a latch.
    Source,
    And,
    Xor,
    Table(TruthTable),
    /// The node is no signal: it folded into others.
    Folded,
}

/// A circuit after folding, indexed by its nodes.
#[derive(Debug)]
pub struct Folded {
    values: Vec<Value>,
    functions: Vec<Function>,
    /// The operands of node `i` are `operands[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
    operands: Vec<Literal>,
}

impl Folded {
    /// Folds a circuit, in one pass over its nodes.
    pub fn new(circuit: &Circuit) -> Self {
        let n = circuit.n_nodes();
        let mut folded = Folded {
            values: Vec::with_capacity(n),
            functions: Vec::with_capacity(n),
            starts: Vec::with_capacity(n + 1),
            operands: Vec::new(),
        };
        folded.starts.push(0);
        let mut fanins = Vec::new();
        for node in circuit.nodes() {
            fanins.clear();
            fanins.extend(circuit.fanins(node).map(|literal| folded.value(literal)));
            folded.push(node, circuit.kind(node), &fanins);
        }
        folded
    }

    /// What a literal of the circuit comes down to.
    pub fn value(&self, literal: Literal) -> Value {
        self.values[literal.node.index()].flip_if(literal.complemented)
    }

    pub fn function(&self, signal: NodeId) -> Function {
        self.functions[signal.index()]
    }

    pub fn operands(&self, signal: NodeId) -> &[Literal] {
        &self.operands[self.starts[signal.index()]..self.starts[signal.index() + 1]]
    }

    /// For every node whether it is a signal in the cone of `roots`.
    pub fn cone(&self, circuit: &Circuit, roots: impl Iterator<Item = Literal>) -> Vec<bool> {
        let mut inside = vec![false; self.values.len()];
        for root in roots {
            if let Value::Signal(literal) = self.value(root) {
                inside[literal.node.index()] = true;
            }
        }
        for node in circuit.nodes().rev() {
            if inside[node.index()] {
                for operand in self.operands(node) {
                    inside[operand.node.index()] = true;
                }
            }
        }
        inside
    }

    /// Appends `node`, a gate of the given kind over folded fan-ins.
    fn push(&mut self, node: NodeId, kind: GateKind, fanins: &[Value]) {
        let (function, value) = match kind {
            GateKind::Input | GateKind::Latch => (Function::Source, Value::Signal(node.literal())),
            GateKind::Const(value) => (Function::Folded, Value::Constant(value)),
            GateKind::Buf => (Function::Folded, fanins[0]),
            GateKind::Not => (Function::Folded, fanins[0].flip_if(true)),
            GateKind::And => self.and(node, fanins, false),
            // De Morgan: OR(x, …) = NOT AND(NOT x, …).
            GateKind::Or => flipped(self.and(node, fanins, true)),
            GateKind::Nand => flipped(self.and(node, fanins, false)),
            GateKind::Nor => self.and(node, fanins, true),
            GateKind::Xor => self.xor(node, fanins),
            GateKind::Xnor => flipped(self.xor(node, fanins)),
            GateKind::Mux | GateKind::Maj => self.table(node, kind.table(3), fanins),
            GateKind::Lut(table) => self.table(node, table, fanins),
        };
        self.functions.push(function);
        self.values.push(value);
        self.starts.push(self.operands.len());
    }

    /// The conjunction of the fan-ins, each complemented if `flip` holds.
    fn and(&mut self, node: NodeId, fanins: &[Value], flip: bool) -> (Function, Value) {
        let start = self.operands.len();
        for fanin in fanins {
            match fanin.flip_if(flip) {
                Value::Constant(true) => {}
                Value::Constant(false) => return self.constant(start, false),
                Value::Signal(literal) => self.operands.push(literal),
            }
        }
        self.merge_equal(start, false);
        if self.operands[start..].windows(2).any(|pair| pair[0].node == pair[1].node) {
            return self.constant(start, false);
        }
        self.finish(node, start, Function::And, true)
    }

    /// The parity of the fan-ins.
    fn xor(&mut self, node: NodeId, fanins: &[Value]) -> (Function, Value) {
        let start = self.operands.len();
        let mut parity = false;
        for fanin in fanins {
            match *fanin {
                Value::Constant(value) => parity ^= value,
                Value::Signal(literal) => {
                    parity ^= literal.complemented;
                    self.operands.push(literal.node.literal());
                }
            }
        }
        self.merge_equal(start, true);
        let (function, value) = self.finish(node, start, Function::Xor, false);
        (function, value.flip_if(parity))
    }

    /// `table` of the fan-ins.
    fn table(&mut self, node: NodeId, table: TruthTable, fanins: &[Value]) -> (Function, Value) {
        let signals = fanins.iter().filter_map(|fanin| match fanin {
            Value::Signal(literal) => Some(literal.node),
            Value::Constant(_) => None,
        });
        let mut support: Vec<NodeId> = Vec::with_capacity(TruthTable::MAX_INPUTS);
        for signal in signals {
            if !support.contains(&signal) {
                support.push(signal);
            }
        }
        let over_support = substitute(table, fanins, &support);
        let (table, support) = reduce_support(over_support, &support);
        let start = self.operands.len();
        self.operands.extend(support.iter().map(|signal| signal.literal()));
        // A table of one operand that depends on it is the operand or its complement.
        let flip = support.len() < 2 && table.at(0);
        let (function, value) = self.finish(node, start, Function::Table(table), false);
        (function, value.flip_if(flip))
    }

    /// Turns the operands from `start` into the function of `node`, or into a constant or a literal if
    /// there are fewer than two; `empty` is the value of the function of none.
    fn finish(
        &mut self,
        node: NodeId,
        start: usize,
        function: Function,
        empty: bool,
    ) -> (Function, Value) {
        match self.operands[start..] {
            [] => self.constant(start, empty),
            [operand] => {
                self.operands.truncate(start);
                (Function::Folded, Value::Signal(operand))
            }
            _ => (function, Value::Signal(node.literal())),
        }
    }

    fn constant(&mut self, start: usize, value: bool) -> (Function, Value) {
        self.operands.truncate(start);
        (Function::Folded, Value::Constant(value))
    }

    /// Sorts the operands from `start`, so that equal ones meet, and merges those: into none two by two
    /// if `cancel` holds, else into one.
    fn merge_equal(&mut self, start: usize, cancel: bool) {
        self.operands[start..].sort_unstable();
        let mut end = start;
        for i in start..self.operands.len() {
            let operand = self.operands[i];
            let repeated = end > start && self.operands[end - 1] == operand;
            if !repeated {
                self.operands[end] = operand;
                end += 1;
            } else if cancel {
                end -= 1;
            }
        }
        self.operands.truncate(end);
    }
}

fn flipped((function, value): (Function, Value)) -> (Function, Value) {
    (function, value.flip_if(true))
}

/// `table` over the distinct signals of its fan-ins.
fn substitute(table: TruthTable, fanins: &[Value], support: &[NodeId]) -> TruthTable {
    TruthTable::from_fn(support.len(), |bits| {
        let operands = fanins.iter().enumerate().map(|(h, fanin)| match *fanin {
            Value::Constant(value) => usize::from(value) << h,
            Value::Signal(literal) => {
                let place = support.iter().position(|&signal| signal == literal.node);
                let bit = bits[place.expect("the support holds every signal")];
                usize::from(bit ^ literal.complemented) << h
            }
        });
        table.at(operands.sum())
    })
}

/// The function over the signals it depends on.
fn reduce_support(table: TruthTable, support: &[NodeId]) -> (TruthTable, Vec<NodeId>) {
    let kept: Vec<usize> = (0..support.len()).filter(|&h| table.depends_on(h)).collect();
    let reduced = TruthTable::from_fn(kept.len(), |bits| {
        table.at(kept.iter().zip(bits).map(|(&h, &bit)| usize::from(bit) << h).sum())
    });
    (reduced, kept.iter().map(|&h| support[h]).collect())
}
