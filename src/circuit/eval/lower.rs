//! Lowering: a circuit becomes a list of word operations in single-assignment form.
//!
//! In goes a circuit, out comes one operation list and, for every node, the literal that holds its
//! value. Values are numbered: 0 is the constant 0, then the inputs, then the operations, whose operands
//! have smaller numbers. Inverters, buffers and constants vanish: a complement moves into the literal or
//! into the kind of the operation, so nothing that runs later looks at a complement flag. Wide gates
//! become trees of two-input operations, tables Shannon expansions.

use crate::circuit::{Circuit, GateKind, TruthTable};
use crate::error::{Error, Result};

/// A value or its complement: twice the value's number, plus 1 for the complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lit(u32);

impl Lit {
    const FALSE: Lit = Lit(0);
    const TRUE: Lit = Lit(1);

    pub(super) fn new(value: u32, complemented: bool) -> Self {
        Lit(value << 1 | u32::from(complemented))
    }

    pub(super) fn value(self) -> u32 {
        self.0 >> 1
    }

    pub(super) fn is_complemented(self) -> bool {
        self.0 & 1 == 1
    }

    fn is_constant(self) -> bool {
        self.value() == 0
    }

    fn flip_if(self, flip: bool) -> Self {
        Lit(self.0 ^ u32::from(flip))
    }
}

impl std::ops::Not for Lit {
    type Output = Lit;

    fn not(self) -> Lit {
        self.flip_if(true)
    }
}

/// What an operation computes from the words of its operands `a`, `b`, `c`. With free complements on
/// results these are all gates of two inputs, multiplexers and majorities with complemented operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpKind {
    And,
    /// `a & !b`
    AndNot,
    Or,
    Xor,
    /// `a` where `c` is 0, `b` where `c` is 1.
    Mux,
    /// `a` where `c` is 0, `!b` where `c` is 1.
    MuxNot,
    Maj,
    /// The majority of `!a`, `b`, `c`.
    MajNot,
}

impl OpKind {
    pub(super) const ALL: [OpKind; 8] = [
        OpKind::And,
        OpKind::AndNot,
        OpKind::Or,
        OpKind::Xor,
        OpKind::Mux,
        OpKind::MuxNot,
        OpKind::Maj,
        OpKind::MajNot,
    ];

    pub(super) fn n_operands(self) -> usize {
        match self {
            OpKind::And | OpKind::AndNot | OpKind::Or | OpKind::Xor => 2,
            OpKind::Mux | OpKind::MuxNot | OpKind::Maj | OpKind::MajNot => 3,
        }
    }
}

/// One operation on values; a two-input one has 0 as third operand.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueOp {
    pub(super) kind: OpKind,
    operands: [u32; 3],
}

impl ValueOp {
    pub(super) fn operands(&self) -> &[u32] {
        &self.operands[..self.kind.n_operands()]
    }
}

/// A lowered circuit; see the module's head for its invariants.
#[derive(Debug, Clone)]
pub(super) struct Lowered {
    pub(super) n_inputs: usize,
    /// Operation `i` makes value `1 + n_inputs + i`.
    pub(super) ops: Vec<ValueOp>,
    /// The value of every node of the circuit.
    pub(super) nodes: Vec<Lit>,
    /// The outputs in order.
    pub(super) outputs: Vec<Lit>,
}

/// Three operands each and one more use are counted in 32 bits.
const MAX_VALUES: usize = 1 << 30;

impl Lowered {
    /// Lowers a combinational circuit.
    ///
    /// # Errors
    /// The circuit has latches or properties, or needs more than 2^30 operations.
    pub(super) fn new(circuit: &Circuit) -> Result<Self> {
        circuit.require_combinational()?;
        let n_inputs = circuit.inputs().len();
        require_room(circuit)?;
        let mut lowered = Lowered {
            n_inputs,
            ops: Vec::with_capacity(circuit.n_nodes() - n_inputs),
            nodes: vec![Lit::FALSE; circuit.n_nodes()],
            outputs: Vec::new(),
        };
        for (i, input) in circuit.inputs().iter().enumerate() {
            lowered.nodes[input.index()] = Lit::new(1 + i as u32, false);
        }
        let mut operands = Vec::new();
        for id in circuit.nodes().filter(|&id| circuit.kind(id) != GateKind::Input) {
            operands.clear();
            let nodes = &lowered.nodes;
            operands
                .extend(circuit.fanins(id).map(|l| nodes[l.node.index()].flip_if(l.complemented)));
            lowered.nodes[id.index()] = lowered.gate(circuit.kind(id), &mut operands);
        }
        let literals = circuit.outputs().iter().map(|output| output.literal);
        lowered.outputs =
            literals.map(|l| lowered.nodes[l.node.index()].flip_if(l.complemented)).collect();
        Ok(lowered)
    }

    pub(super) fn n_values(&self) -> usize {
        1 + self.n_inputs + self.ops.len()
    }

    /// The value of a gate over `operands`, which is scratch space afterwards.
    fn gate(&mut self, kind: GateKind, operands: &mut Vec<Lit>) -> Lit {
        match kind {
            GateKind::Input | GateKind::Latch => unreachable!("a combinational gate"),
            GateKind::Const(value) => Lit::FALSE.flip_if(value),
            GateKind::Buf => operands[0],
            GateKind::Not => !operands[0],
            GateKind::And => self.tree(operands, Self::and),
            GateKind::Nand => !self.tree(operands, Self::and),
            GateKind::Or => self.tree(operands, Self::or),
            GateKind::Nor => !self.tree(operands, Self::or),
            GateKind::Xor => self.tree(operands, Self::xor),
            GateKind::Xnor => !self.tree(operands, Self::xor),
            GateKind::Mux => self.mux(operands[0], operands[1], operands[2]),
            GateKind::Maj => self.maj(operands[0], operands[1], operands[2]),
            GateKind::Lut(table) => self.table(table, operands, &mut Vec::new()),
        }
    }

    /// Folds one or more operands pairwise, a balanced tree.
    fn tree(&mut self, operands: &mut Vec<Lit>, join: fn(&mut Self, Lit, Lit) -> Lit) -> Lit {
        while operands.len() > 1 {
            let n = operands.len();
            for i in 0..n / 2 {
                operands[i] = join(self, operands[2 * i], operands[2 * i + 1]);
            }
            if n % 2 == 1 {
                operands[n / 2] = operands[n - 1];
            }
            operands.truncate(n.div_ceil(2));
        }
        operands[0]
    }

    fn and(&mut self, a: Lit, b: Lit) -> Lit {
        if a == Lit::FALSE || b == Lit::FALSE || a == !b {
            return Lit::FALSE;
        }
        if a == Lit::TRUE || a == b {
            return b;
        }
        if b == Lit::TRUE {
            return a;
        }
        match (a.is_complemented(), b.is_complemented()) {
            (false, false) => self.emit(OpKind::And, [a, b, Lit::FALSE]),
            (false, true) => self.emit(OpKind::AndNot, [a, b, Lit::FALSE]),
            (true, false) => self.emit(OpKind::AndNot, [b, a, Lit::FALSE]),
            (true, true) => !self.emit(OpKind::Or, [a, b, Lit::FALSE]),
        }
    }

    fn or(&mut self, a: Lit, b: Lit) -> Lit {
        !self.and(!a, !b)
    }

    fn xor(&mut self, a: Lit, b: Lit) -> Lit {
        let flip = a.is_complemented() ^ b.is_complemented();
        if a.value() == b.value() {
            return Lit::FALSE.flip_if(flip);
        }
        if a.is_constant() || b.is_constant() {
            return Lit::new(a.value().max(b.value()), flip);
        }
        self.emit(OpKind::Xor, [a, b, Lit::FALSE]).flip_if(flip)
    }

    /// `a` where `s` is 0, `b` where `s` is 1.
    fn mux(&mut self, s: Lit, a: Lit, b: Lit) -> Lit {
        if s.is_complemented() {
            return self.mux(!s, b, a);
        }
        // On its side of the choice a branch over `s` itself is constant.
        let a = if a.value() == s.value() { Lit::FALSE.flip_if(a.is_complemented()) } else { a };
        let b = if b.value() == s.value() { Lit::TRUE.flip_if(b.is_complemented()) } else { b };
        match (a, b) {
            _ if s.is_constant() || a == b => a,
            _ if a == !b => self.xor(s, a),
            (Lit::FALSE, _) => self.and(s, b),
            (Lit::TRUE, _) => self.or(!s, b),
            (_, Lit::FALSE) => self.and(!s, a),
            (_, Lit::TRUE) => self.or(s, a),
            _ => {
                let flip = a.is_complemented();
                let differ = flip ^ b.is_complemented();
                let kind = if differ { OpKind::MuxNot } else { OpKind::Mux };
                self.emit(kind, [a, b, s]).flip_if(flip)
            }
        }
    }

    fn maj(&mut self, a: Lit, b: Lit, c: Lit) -> Lit {
        for (x, y, z) in [(a, b, c), (b, a, c), (c, a, b)] {
            match x {
                Lit::FALSE => return self.and(y, z),
                Lit::TRUE => return self.or(y, z),
                _ if y == z => return y,
                _ if y == !z => return x,
                _ => {}
            }
        }
        // The majority is self-dual: complementing all three complements the result. So at most one
        // complement remains, and it moves to the first operand.
        let complements = [a, b, c].iter().filter(|l| l.is_complemented()).count();
        let odd_one = match complements {
            1 => Some(true),
            2 => Some(false),
            _ => None,
        };
        let mut operands = [a, b, c];
        if let Some(odd) = odd_one {
            operands.sort_by_key(|l| l.is_complemented() != odd);
        }
        let kind = if odd_one.is_some() { OpKind::MajNot } else { OpKind::Maj };
        self.emit(kind, operands).flip_if(complements >= 2)
    }

    /// Shannon's expansion on the highest operand the table depends on; `known` keeps the cofactors
    /// that exist already, at most 63 of them. The recursion is at most six deep.
    fn table(
        &mut self,
        table: TruthTable,
        operands: &[Lit],
        known: &mut Vec<(TruthTable, Lit)>,
    ) -> Lit {
        let Some(h) = (0..table.n_inputs()).rev().find(|&h| table.depends_on(h)) else {
            return Lit::FALSE.flip_if(table.at(0));
        };
        for &(other, literal) in known.iter() {
            if other == table || other == table.complement() {
                return literal.flip_if(other != table);
            }
        }
        let (low, high) = (table.cofactor(h, false), table.cofactor(h, true));
        let a = self.table(low, operands, known);
        let b = if low == high.complement() { !a } else { self.table(high, operands, known) };
        let literal = self.mux(operands[h], a, b);
        known.push((table, literal));
        literal
    }

    fn emit(&mut self, kind: OpKind, operands: [Lit; 3]) -> Lit {
        let value = self.n_values() as u32;
        self.ops.push(ValueOp { kind, operands: operands.map(Lit::value) });
        Lit::new(value, false)
    }
}

/// An error where a circuit might need more than [`MAX_VALUES`] operations.
fn require_room(circuit: &Circuit) -> Result<()> {
    let most = |id| match circuit.kind(id) {
        GateKind::Lut(table) => 1 << table.n_inputs(),
        kind if kind.is_source() => 1,
        _ => circuit.fanins(id).count(),
    };
    let values = 1 + circuit.nodes().map(most).sum::<usize>();
    if values <= MAX_VALUES {
        return Ok(());
    }
    Err(Error::new(format!("a circuit of at most {MAX_VALUES} operations"), values.to_string()))
}
