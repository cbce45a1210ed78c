//! The circuit in a normal form, so that its nodes can be compared with those of a network.
//!
//! Every node comes down to a constant or to a literal of a *root*: an input, or a gate with at least two
//! operands, which are distinct roots. Gates that pass an operand on, or whose value is fixed by equal
//! or constant operands, are no roots. Invariant: on every assignment a node has the value of its
//! [`Value`], where root `r` stands for the function [`Folded::function`] of its operands.

use crate::circuit::{Circuit, GateKind, Literal, NodeId, TruthTable};

/// What a literal of the circuit comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Constant(bool),
    /// A root or its complement.
    Root(Literal),
}

impl Value {
    pub fn flip_if(self, flip: bool) -> Self {
        match self {
            Value::Constant(value) => Value::Constant(value ^ flip),
            Value::Root(literal) => Value::Root(literal.flip_if(flip)),
        }
    }
}

/// What a root is.
#[derive(Debug, Clone, Copy)]
pub enum Function<'f> {
    Input,
    /// The conjunction of the literals, which are sorted.
    And(&'f [Literal]),
    /// The parity of the (positive) literals, which are sorted.
    Xor(&'f [Literal]),
    /// The table over the (positive) literals.
    Table(TruthTable, &'f [Literal]),
}

impl<'f> Function<'f> {
    /// The literals that the root is a function of; none for an input.
    pub fn operands(self) -> &'f [Literal] {
        match self {
            Function::Input => &[],
            Function::And(operands) | Function::Xor(operands) | Function::Table(_, operands) => {
                operands
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// An input, or a node that is no root.
    Leaf,
    And,
    Xor,
    Table(TruthTable),
}

/// The normal form of a combinational circuit.
pub struct Folded {
    values: Vec<Value>,
    kinds: Vec<Kind>,
    /// Node `i` has the operands `operands[ends[i - 1]..ends[i]]`.
    ends: Vec<usize>,
    operands: Vec<Literal>,
}

impl Folded {
    /// In one pass over the nodes.
    pub fn new(circuit: &Circuit) -> Self {
        let n = circuit.n_nodes();
        let mut folded = Folded {
            values: Vec::with_capacity(n),
            kinds: Vec::with_capacity(n),
            ends: Vec::with_capacity(n),
            operands: Vec::new(),
        };
        let mut fanins = Vec::new();
        for node in circuit.nodes() {
            fanins.clear();
            fanins.extend(circuit.fanins(node).map(|literal| folded.value(literal)));
            let start = folded.operands.len();
            let (kind, value) = folded.fold(node, circuit.kind(node), &fanins);
            if matches!(kind, Kind::Leaf) {
                folded.operands.truncate(start);
            }
            folded.kinds.push(kind);
            folded.values.push(value);
            folded.ends.push(folded.operands.len());
        }
        folded
    }

    pub fn value(&self, literal: Literal) -> Value {
        self.values[literal.node.index()].flip_if(literal.complemented)
    }

    /// What the root `node` is.
    pub fn function(&self, node: NodeId) -> Function<'_> {
        let start = node.index().checked_sub(1).map_or(0, |before| self.ends[before]);
        let operands = &self.operands[start..self.ends[node.index()]];
        match self.kinds[node.index()] {
            Kind::Leaf => Function::Input,
            Kind::And => Function::And(operands),
            Kind::Xor => Function::Xor(operands),
            Kind::Table(table) => Function::Table(table, operands),
        }
    }

    /// Appends the operands of `node` and returns what it is and comes down to.
    fn fold(&mut self, node: NodeId, kind: GateKind, fanins: &[Value]) -> (Kind, Value) {
        let own = Value::Root(node.literal());
        let complement = |(kind, value): (Kind, Value)| (kind, value.flip_if(true));
        match kind {
            // The caller has checked that there are no latches.
            GateKind::Input | GateKind::Latch => (Kind::Leaf, own),
            GateKind::Const(value) => (Kind::Leaf, Value::Constant(value)),
            GateKind::Buf => (Kind::Leaf, fanins[0]),
            GateKind::Not => (Kind::Leaf, fanins[0].flip_if(true)),
            GateKind::And => self.fold_and(own, fanins, false),
            GateKind::Nand => complement(self.fold_and(own, fanins, false)),
            GateKind::Nor => self.fold_and(own, fanins, true),
            GateKind::Or => complement(self.fold_and(own, fanins, true)),
            GateKind::Xor => self.fold_xor(own, fanins),
            GateKind::Xnor => complement(self.fold_xor(own, fanins)),
            GateKind::Mux | GateKind::Maj => self.fold_table(own, kind.table(3), fanins),
            GateKind::Lut(table) => self.fold_table(own, table, fanins),
        }
    }

    /// The conjunction of the fan-ins, each complemented where `flip` holds.
    fn fold_and(&mut self, own: Value, fanins: &[Value], flip: bool) -> (Kind, Value) {
        let mut literals = Vec::with_capacity(fanins.len());
        for fanin in fanins {
            match fanin.flip_if(flip) {
                Value::Constant(true) => {}
                Value::Constant(false) => return (Kind::Leaf, Value::Constant(false)),
                Value::Root(literal) => literals.push(literal),
            }
        }
        literals.sort_unstable();
        literals.dedup();
        if literals.windows(2).any(|pair| pair[0] == !pair[1]) {
            return (Kind::Leaf, Value::Constant(false));
        }
        self.finish(Kind::And, own, &literals, Value::Constant(true))
    }

    /// The parity of the fan-ins.
    fn fold_xor(&mut self, own: Value, fanins: &[Value]) -> (Kind, Value) {
        let mut parity = false;
        let mut sorted = Vec::with_capacity(fanins.len());
        for fanin in fanins {
            match *fanin {
                Value::Constant(value) => parity ^= value,
                Value::Root(literal) => {
                    parity ^= literal.complemented;
                    sorted.push(literal.node.literal());
                }
            }
        }
        sorted.sort_unstable();
        let groups = sorted.chunk_by(|a, b| a == b);
        let odd: Vec<Literal> = groups.filter(|g| g.len() % 2 == 1).map(|g| g[0]).collect();
        let (kind, value) = self.finish(Kind::Xor, own, &odd, Value::Constant(false));
        (kind, value.flip_if(parity))
    }

    /// The table over the distinct roots that it depends on.
    fn fold_table(&mut self, own: Value, table: TruthTable, fanins: &[Value]) -> (Kind, Value) {
        let root = |fanin: &Value| match *fanin {
            Value::Root(literal) => Some(literal.node.literal()),
            Value::Constant(_) => None,
        };
        let mut roots: Vec<Literal> = fanins.iter().filter_map(root).collect();
        roots.sort_unstable();
        roots.dedup();
        let over = |roots: &[Literal]| {
            TruthTable::from_fn(roots.len(), |bits| {
                let bit = |literal: Literal| {
                    let place = roots.iter().position(|root| root.node == literal.node);
                    // A root that the table does not depend on has no place any more.
                    place.is_some_and(|place| bits[place]) ^ literal.complemented
                };
                let bits = fanins.iter().map(|fanin| match *fanin {
                    Value::Constant(value) => value,
                    Value::Root(literal) => bit(literal),
                });
                table.at(bits.enumerate().map(|(h, bit)| usize::from(bit) << h).sum())
            })
        };
        let full = over(&roots);
        let kept: Vec<Literal> =
            (0..roots.len()).filter(|&h| full.depends_on(h)).map(|h| roots[h]).collect();
        let reduced = over(&kept);
        // A table that depends on one operand is that operand or its complement.
        let flip = kept.len() < 2 && reduced.at(0);
        let (kind, value) = self.finish(Kind::Table(reduced), own, &kept, Value::Constant(false));
        (kind, value.flip_if(flip))
    }

    /// The function of `kind` over the operands, or what it comes down to with fewer than two; `empty`
    /// is its value for none.
    fn finish(
        &mut self,
        kind: Kind,
        own: Value,
        operands: &[Literal],
        empty: Value,
    ) -> (Kind, Value) {
        match *operands {
            [] => (Kind::Leaf, empty),
            [operand] => (Kind::Leaf, Value::Root(operand)),
            _ => {
                self.operands.extend_from_slice(operands);
                (kind, own)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::circuit::Builder;

    const KINDS: [GateKind; 10] = [
        GateKind::Buf,
        GateKind::Not,
        GateKind::And,
        GateKind::Or,
        GateKind::Xor,
        GateKind::Nand,
        GateKind::Nor,
        GateKind::Xnor,
        GateKind::Mux,
        GateKind::Maj,
    ];

    /// Gates over few nodes, so that equal, opposite and constant operands are frequent.
    fn circuit(rng: &mut impl Rng) -> Circuit {
        let mut builder = Builder::new();
        let mut nodes: Vec<Literal> =
            (0..3).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
        nodes.push(builder.constant(rng.random()).unwrap().into());
        for _ in 0..12 {
            let table = TruthTable::new(rng.random_range(0..=4), rng.random()).unwrap();
            let kinds = KINDS.into_iter().chain([GateKind::Lut(table)]);
            let kind = kinds.collect::<Vec<_>>()[rng.random_range(0..11)];
            let widths: Vec<usize> = (0..=4).filter(|&n| kind.accepts(n)).collect();
            let width = widths[rng.random_range(0..widths.len())];
            let recent = nodes.len() - 4;
            let fanins: Vec<Literal> = (0..width)
                .map(|_| nodes[rng.random_range(recent..nodes.len())].flip_if(rng.random()))
                .collect();
            nodes.push(builder.gate(kind, &fanins).unwrap().into());
        }
        builder.finish().unwrap()
    }

    fn value_of(folded: &Folded, root: NodeId, values: &[bool]) -> bool {
        let bit = |l: &Literal| values[l.node.index()] ^ l.complemented;
        match folded.function(root) {
            Function::Input => values[root.index()],
            Function::And(operands) => operands.iter().all(bit),
            Function::Xor(operands) => operands.iter().filter(|l| bit(l)).count() % 2 == 1,
            Function::Table(table, operands) => {
                let bits = operands.iter().enumerate();
                table.at(bits.map(|(h, l)| usize::from(bit(l)) << h).sum())
            }
        }
    }

    #[test]
    fn every_node_has_the_value_of_what_it_comes_down_to() {
        for seed in 0..500 {
            let circuit = circuit(&mut ChaCha8Rng::seed_from_u64(seed));
            let folded = Folded::new(&circuit);
            for assignment in 0..8 {
                let inputs: Vec<bool> = (0..3).map(|i| assignment >> i & 1 == 1).collect();
                let expected = circuit.evaluate_nodes(&inputs).unwrap();
                // The values of roots, which come before the nodes that come down to them.
                let mut roots = expected.clone();
                for node in circuit.nodes() {
                    roots[node.index()] = value_of(&folded, node, &roots);
                    let found = match folded.value(node.literal()) {
                        Value::Constant(value) => value,
                        Value::Root(l) => roots[l.node.index()] ^ l.complemented,
                    };
                    assert_eq!(found, expected[node.index()], "node {node:?}, seed {seed}");
                }
            }
        }
    }

    #[test]
    fn operands_are_distinct_roots_two_or_more() {
        for seed in 0..500 {
            let circuit = circuit(&mut ChaCha8Rng::seed_from_u64(seed));
            let folded = Folded::new(&circuit);
            for node in circuit.nodes() {
                let operands = folded.function(node).operands();
                assert!(operands.is_empty() || operands.len() > 1);
                assert!(operands.windows(2).all(|pair| pair[0].node < pair[1].node));
                let is_root = |l: &Literal| matches!(folded.value(l.node.literal()), Value::Root(root) if root.node == l.node);
                assert!(operands.iter().all(is_root));
            }
        }
    }
}
