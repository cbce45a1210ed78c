//! A netlist under construction: gates of two inputs, free complements, folded constants.
//!
//! What every family builds with. [`GateBuilder::finish`] keeps the gates that an output depends on and
//! no others, so a generator need not care which of its sums or carries nobody reads.

use crate::circuit::{Builder, Circuit, GateKind, Literal, NodeId, WordOrder};
use crate::error::Result;

/// A constant, or a node of the netlist or its complement.
///
/// Coded as AIGER codes literals: 0 and 1 are the constants, node `i` is `2 (i + 1)`, and an odd number
/// is the complement of the even one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signal(u32);

impl Signal {
    pub(super) const FALSE: Signal = Signal(0);
    pub(super) const TRUE: Signal = Signal(1);

    pub(super) fn constant(value: bool) -> Self {
        Signal(u32::from(value))
    }

    /// The signal, complemented where `flip` holds.
    pub(super) fn flip_if(self, flip: bool) -> Self {
        Signal(self.0 ^ u32::from(flip))
    }

    fn is_complemented(self) -> bool {
        self.0 & 1 == 1
    }

    /// The index of the node; none for a constant.
    fn node(self) -> Option<usize> {
        (self.0 as usize / 2).checked_sub(1)
    }
}

impl std::ops::Not for Signal {
    type Output = Signal;

    fn not(self) -> Signal {
        self.flip_if(true)
    }
}

#[derive(Debug)]
struct Node {
    /// `Input`, `And`, `Or` or `Xor`.
    kind: GateKind,
    operands: [Signal; 2],
    level: u32,
}

/// A circuit being written. See the module's head.
#[derive(Debug, Default)]
pub(super) struct GateBuilder {
    nodes: Vec<Node>,
    input_names: Vec<String>,
    outputs: Vec<(String, Signal)>,
    word_orders: Vec<(String, WordOrder)>,
}

impl GateBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn input(&mut self, name: impl Into<String>) -> Signal {
        self.input_names.push(name.into());
        self.add(GateKind::Input, [Signal::FALSE; 2], 0)
    }

    /// The inputs `base[0] .. base[width - 1]`, least significant bit first.
    pub(super) fn input_word(&mut self, base: &str, width: u64) -> Vec<Signal> {
        self.word_orders.push((base.to_string(), WordOrder::Lsb));
        (0..width).map(|i| self.input(format!("{base}[{i}]"))).collect()
    }

    pub(super) fn output(&mut self, name: impl Into<String>, signal: Signal) {
        self.outputs.push((name.into(), signal));
    }

    /// The outputs `base[0]`, `base[1]`, …, least significant bit first.
    pub(super) fn output_word(&mut self, base: &str, bits: &[Signal]) {
        self.word_orders.push((base.to_string(), WordOrder::Lsb));
        for (i, &bit) in bits.iter().enumerate() {
            self.output(format!("{base}[{i}]"), bit);
        }
    }

    /// Declares another order for a word.
    pub(super) fn set_word_order(&mut self, base: &str, order: WordOrder) {
        self.word_orders.push((base.to_string(), order));
    }

    pub(super) fn and(&mut self, a: Signal, b: Signal) -> Signal {
        if a == Signal::FALSE || b == Signal::FALSE || a == !b {
            Signal::FALSE
        } else if a == Signal::TRUE || a == b {
            b
        } else if b == Signal::TRUE {
            a
        } else {
            self.gate(GateKind::And, a, b)
        }
    }

    pub(super) fn or(&mut self, a: Signal, b: Signal) -> Signal {
        if a == Signal::TRUE || b == Signal::TRUE || a == !b {
            Signal::TRUE
        } else if a == Signal::FALSE || a == b {
            b
        } else if b == Signal::FALSE {
            a
        } else {
            self.gate(GateKind::Or, a, b)
        }
    }

    pub(super) fn xor(&mut self, a: Signal, b: Signal) -> Signal {
        if a.node() == b.node() {
            return Signal::constant(a != b);
        }
        let flip = a.is_complemented() ^ b.is_complemented();
        let (a, b) = (a.flip_if(a.is_complemented()), b.flip_if(b.is_complemented()));
        match (a, b) {
            (Signal::FALSE, other) | (other, Signal::FALSE) => other.flip_if(flip),
            _ => self.gate(GateKind::Xor, a, b).flip_if(flip),
        }
    }

    /// `zero` where `select` is 0 and `one` where it is 1: three gates, two levels.
    pub(super) fn mux(&mut self, select: Signal, zero: Signal, one: Signal) -> Signal {
        let zero = self.and(!select, zero);
        let one = self.and(select, one);
        self.or(zero, one)
    }

    /// Sum and carry of two bits: two gates, one level.
    pub(super) fn half_adder(&mut self, a: Signal, b: Signal) -> (Signal, Signal) {
        (self.xor(a, b), self.and(a, b))
    }

    /// Sum and carry of three bits: five gates; `c` may come one level later than `a` and `b`.
    pub(super) fn full_adder(&mut self, a: Signal, b: Signal, c: Signal) -> (Signal, Signal) {
        let (propagate, generate) = self.half_adder(a, b);
        let (sum, late) = self.half_adder(propagate, c);
        (sum, self.or(generate, late))
    }

    /// The parity as a balanced tree; 0 of nothing.
    pub(super) fn xor_tree(&mut self, signals: &[Signal]) -> Signal {
        self.tree(signals, Signal::FALSE, GateBuilder::xor)
    }

    /// The disjunction as a balanced tree; 0 of nothing.
    pub(super) fn or_tree(&mut self, signals: &[Signal]) -> Signal {
        self.tree(signals, Signal::FALSE, GateBuilder::or)
    }

    /// The conjunction as a balanced tree; 1 of nothing.
    pub(super) fn and_tree(&mut self, signals: &[Signal]) -> Signal {
        self.tree(signals, Signal::TRUE, GateBuilder::and)
    }

    fn tree(
        &mut self,
        signals: &[Signal],
        neutral: Signal,
        operation: fn(&mut GateBuilder, Signal, Signal) -> Signal,
    ) -> Signal {
        let merge = |netlist: &mut GateBuilder, a: &Signal, b: &Signal| operation(netlist, *a, *b);
        self.balance(signals.to_vec(), merge).unwrap_or(neutral)
    }

    /// Merges neighbours, in order, until one item is left; an odd last one waits a round.
    pub(super) fn balance<T>(
        &mut self,
        mut items: Vec<T>,
        merge: impl Fn(&mut GateBuilder, &T, &T) -> T,
    ) -> Option<T> {
        while items.len() > 1 {
            let odd = if items.len() % 2 == 1 { items.pop() } else { None };
            let mut merged: Vec<T> =
                items.chunks_exact(2).map(|pair| merge(self, &pair[0], &pair[1])).collect();
            merged.extend(odd);
            items = merged;
        }
        items.pop()
    }

    /// The longest path to a signal, in gates.
    pub(super) fn level(&self, signal: Signal) -> u32 {
        signal.node().map_or(0, |node| self.nodes[node].level)
    }

    /// The circuit of all inputs, and of the gates that an output depends on.
    ///
    /// # Errors
    /// Two inputs or two outputs have one name.
    pub(super) fn finish(self) -> Result<Circuit> {
        let live = self.live();
        let mut builder = Builder::new();
        let mut ids: Vec<Option<NodeId>> = Vec::with_capacity(self.nodes.len());
        let mut names = self.input_names.into_iter();
        for (node, live) in self.nodes.iter().zip(live) {
            ids.push(if node.kind == GateKind::Input {
                Some(builder.input(names.next().expect("one name per input"))?)
            } else if live {
                let operands = node.operands.map(|operand| literal(operand, &ids));
                Some(builder.gate(node.kind, &operands)?)
            } else {
                None
            });
        }
        for (name, signal) in self.outputs {
            match signal.node() {
                Some(_) => builder.output(name, literal(signal, &ids))?,
                None => {
                    let constant = builder.constant(signal == Signal::TRUE)?;
                    builder.output(name, constant)?;
                }
            }
        }
        for (base, order) in self.word_orders {
            builder.word_order(base, order);
        }
        builder.finish()
    }

    /// For every node whether an output depends on it.
    fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        for node in self.outputs.iter().filter_map(|(_, signal)| signal.node()) {
            live[node] = true;
        }
        for (i, node) in self.nodes.iter().enumerate().rev() {
            if live[i] {
                for operand in node.operands.iter().filter_map(|signal| signal.node()) {
                    live[operand] = true;
                }
            }
        }
        live
    }

    fn gate(&mut self, kind: GateKind, a: Signal, b: Signal) -> Signal {
        let level = 1 + self.level(a).max(self.level(b));
        self.add(kind, [a, b], level)
    }

    fn add(&mut self, kind: GateKind, operands: [Signal; 2], level: u32) -> Signal {
        self.nodes.push(Node { kind, operands, level });
        let code = u32::try_from(2 * self.nodes.len()).expect("families stay below MAX_GATES");
        Signal(code)
    }
}

/// The literal of a signal whose node is in the circuit.
fn literal(signal: Signal, ids: &[Option<NodeId>]) -> Literal {
    let node = signal.node().expect("gates have no constant operands: those are folded");
    let id = ids[node].expect("what a live gate reads is live");
    id.literal().flip_if(signal.is_complemented())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Operation = (fn(&mut GateBuilder, Signal, Signal) -> Signal, fn(bool, bool) -> bool);

    /// Every pair of operands among the constants, two inputs and their complements.
    #[test]
    fn folding_never_changes_the_function() {
        let operations: [Operation; 3] = [
            (GateBuilder::and, |a, b| a && b),
            (GateBuilder::or, |a, b| a || b),
            (GateBuilder::xor, |a, b| a != b),
        ];
        let value = |code: usize, x: bool, y: bool| [false, x, y][code / 2] ^ (code % 2 == 1);
        for (operation, expected) in operations {
            for (i, j) in (0..36).map(|pair| (pair / 6, pair % 6)) {
                let mut netlist = GateBuilder::new();
                let (x, y) = (netlist.input("x"), netlist.input("y"));
                let operand = |code: usize| [Signal::FALSE, x, y][code / 2].flip_if(code % 2 == 1);
                let result = operation(&mut netlist, operand(i), operand(j));
                netlist.output("z", result);
                let circuit = netlist.finish().unwrap();
                let trivial = i < 2 || j < 2 || i / 2 == j / 2;
                assert_eq!(circuit.n_gates(), usize::from(!trivial), "operands {i} and {j}");
                for (x, y) in [(false, false), (false, true), (true, false), (true, true)] {
                    let expected = expected(value(i, x, y), value(j, x, y));
                    assert_eq!(circuit.evaluate(&[x, y]).unwrap(), [expected], "{i} {j}");
                }
            }
        }
    }

    #[test]
    fn a_gate_that_no_output_reads_is_dropped_and_an_input_is_not() {
        let mut netlist = GateBuilder::new();
        let (a, b) = (netlist.input("a"), netlist.input("b"));
        let (sum, carry) = netlist.half_adder(a, b);
        let _ = netlist.or(sum, carry);
        netlist.output("carry", carry);
        let circuit = netlist.finish().unwrap();
        assert_eq!((circuit.inputs().len(), circuit.n_gates()), (2, 1));
    }
}
