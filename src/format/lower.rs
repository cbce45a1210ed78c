//! Gates of every kind in the few that AIGER (AND) and Bristol (AND, XOR) have.
//!
//! Signals are literals as in AIGER: `2 s` is signal `s`, `2 s + 1` its complement, 0 and 1 are the
//! constants. A [`Basis`] makes the gates, this file decides which.

use crate::circuit::{GateKind, TruthTable};

/// A set of gates that a format has.
pub(super) trait Basis {
    /// Whether an XOR costs nothing worth counting, so that `low ^ x (low ^ high)` is as cheap as a
    /// multiplexer.
    const FREE_XOR: bool;

    fn and(&mut self, a: u32, b: u32) -> u32;
    fn xor(&mut self, a: u32, b: u32) -> u32;
    /// `a` where `s` is 0, `b` where it is 1.
    fn mux(&mut self, s: u32, a: u32, b: u32) -> u32;
    fn maj(&mut self, a: u32, b: u32, c: u32) -> u32;
}

/// The literal of a gate over literals. Wide gates become balanced trees.
///
/// # Panics
/// On a source: it computes nothing.
pub(super) fn lower<B: Basis>(basis: &mut B, kind: GateKind, operands: &[u32]) -> u32 {
    let flipped = |literals: &[u32]| literals.iter().map(|l| l ^ 1).collect::<Vec<u32>>();
    match kind {
        GateKind::Input | GateKind::Latch => panic!("a source is no gate"),
        GateKind::Const(value) => u32::from(value),
        GateKind::Buf => operands[0],
        GateKind::Not => operands[0] ^ 1,
        GateKind::And => tree(operands, |a, b| basis.and(a, b)),
        GateKind::Nand => tree(operands, |a, b| basis.and(a, b)) ^ 1,
        GateKind::Or => tree(&flipped(operands), |a, b| basis.and(a, b)) ^ 1,
        GateKind::Nor => tree(&flipped(operands), |a, b| basis.and(a, b)),
        GateKind::Xor => tree(operands, |a, b| basis.xor(a, b)),
        GateKind::Xnor => tree(operands, |a, b| basis.xor(a, b)) ^ 1,
        GateKind::Mux => basis.mux(operands[0], operands[1], operands[2]),
        GateKind::Maj => basis.maj(operands[0], operands[1], operands[2]),
        GateKind::Lut(table) => {
            Expansion { basis, operands, known: Vec::new() }.literal(table.bits())
        }
    }
}

/// Joins neighbours, level by level, until one literal is left.
fn tree(literals: &[u32], mut join: impl FnMut(u32, u32) -> u32) -> u32 {
    let mut level = literals.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| if let [a, b] = *pair { join(a, b) } else { pair[0] })
            .collect();
    }
    level[0]
}

/// The expansion of one truth table by its operands; equal or complementary cofactors are built once.
struct Expansion<'a, B> {
    basis: &'a mut B,
    operands: &'a [u32],
    known: Vec<(u64, u32)>,
}

/// How a function splits at operand `x`: from its cofactors `low` (x = 0) and `high` (x = 1), or with
/// free XOR from one of them and their difference.
#[derive(Clone, Copy)]
enum Split {
    /// `x ? high : low`
    Shannon,
    /// `low ^ x (low ^ high)`
    LowDifference,
    /// `high ^ !x (low ^ high)`
    HighDifference,
}

impl<B: Basis> Expansion<'_, B> {
    /// The literal of the function with the given rows. The depth of the recursion is at most the
    /// number of operands, six.
    fn literal(&mut self, rows: u64) -> u32 {
        let table = self.table(rows);
        if rows & 1 == 1 {
            return self.literal(table.complement().bits()) ^ 1;
        }
        if rows == 0 {
            return 0;
        }
        if let Some(&(_, literal)) = self.known.iter().find(|(known, _)| *known == rows) {
            return literal;
        }
        let literal = self.expand(table);
        self.known.push((rows, literal));
        literal
    }

    fn table(&self, rows: u64) -> TruthTable {
        TruthTable::new(self.operands.len(), rows).expect("rows of the table that is expanded")
    }

    /// Splits a function that is not constant at the operand that leaves the least.
    fn expand(&mut self, table: TruthTable) -> u32 {
        let support = (0..table.n_inputs()).filter(|&h| table.depends_on(h));
        let (_, h, split) = support
            .flat_map(|h| self.splits().iter().map(move |&split| (h, split)))
            .map(|(h, split)| (self.estimate(table, h, split), h, split))
            .min_by_key(|&(estimate, h, _)| (estimate, h))
            .expect("a function that is not constant depends on an operand");
        let (low, high) = (table.cofactor(h, false).bits(), table.cofactor(h, true).bits());
        let x = self.operands[h];
        match split {
            Split::Shannon => self.shannon(x, low, high),
            Split::LowDifference => self.davio(x, low, low ^ high),
            Split::HighDifference => self.davio(x ^ 1, high, low ^ high),
        }
    }

    fn splits(&self) -> &'static [Split] {
        const ALL: [Split; 3] = [Split::Shannon, Split::LowDifference, Split::HighDifference];
        if B::FREE_XOR { &ALL } else { &ALL[..1] }
    }

    /// The ANDs still to come after a split at `h`, roughly.
    fn estimate(&self, table: TruthTable, h: usize, split: Split) -> usize {
        let (low, high) = (table.cofactor(h, false), table.cofactor(h, true));
        if low == high.complement() {
            return self.weight(low.bits());
        }
        let difference = low.bits() ^ high.bits();
        let (a, b) = match split {
            Split::Shannon => (low.bits(), high.bits()),
            Split::LowDifference => (low.bits(), difference),
            Split::HighDifference => (high.bits(), difference),
        };
        1 + self.weight(a) + self.weight(b)
    }

    /// 0 for what needs no AND, else the number of operands less one.
    fn weight(&self, rows: u64) -> usize {
        let table = self.table(rows);
        let support: Vec<usize> = (0..table.n_inputs()).filter(|&h| table.depends_on(h)).collect();
        let affine = support
            .iter()
            .all(|&h| table.cofactor(h, false) == table.cofactor(h, true).complement());
        if support.len() < 2 || B::FREE_XOR && affine { 0 } else { support.len() - 1 }
    }

    /// `x ? high : low`, without a multiplexer where one side is constant or they are complements.
    fn shannon(&mut self, x: u32, low: u64, high: u64) -> u32 {
        if high == self.table(low).complement().bits() {
            let low = self.literal(low);
            return self.xor(low, x);
        }
        let (a, b) = (self.literal(low), self.literal(high));
        match (a, b) {
            (0, b) => self.basis.and(x, b),
            (1, b) => self.basis.and(x, b ^ 1) ^ 1,
            (a, 0) => self.basis.and(x ^ 1, a),
            (a, 1) => self.basis.and(x ^ 1, a ^ 1) ^ 1,
            (a, b) => self.basis.mux(x, a, b),
        }
    }

    /// `rest ^ x difference`.
    fn davio(&mut self, x: u32, rest: u64, difference: u64) -> u32 {
        let (rest, difference) = (self.literal(rest), self.literal(difference));
        let product = match difference {
            0 => 0,
            1 => x,
            difference => self.basis.and(x, difference),
        };
        self.xor(rest, product)
    }

    /// XOR, with constants folded.
    fn xor(&mut self, a: u32, b: u32) -> u32 {
        match (a, b) {
            (0 | 1, b) => b ^ a,
            (a, 0 | 1) => a ^ b,
            (a, b) => self.basis.xor(a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A basis that computes truth tables over six operands and counts what it is asked for.
    struct Tables<const FREE_XOR: bool> {
        rows: Vec<u64>,
        ands: usize,
    }

    impl<const FREE_XOR: bool> Tables<FREE_XOR> {
        fn new() -> Self {
            let operands = (0..6).map(|h| TruthTable::projection(6, h).bits());
            Tables { rows: std::iter::once(0).chain(operands).collect(), ands: 0 }
        }

        fn value(&self, literal: u32) -> u64 {
            self.rows[literal as usize / 2] ^ if literal & 1 == 1 { u64::MAX } else { 0 }
        }

        fn push(&mut self, rows: u64, ands: usize) -> u32 {
            self.rows.push(rows);
            self.ands += ands;
            2 * (self.rows.len() as u32 - 1)
        }
    }

    impl<const FREE_XOR: bool> Basis for Tables<FREE_XOR> {
        const FREE_XOR: bool = FREE_XOR;

        fn and(&mut self, a: u32, b: u32) -> u32 {
            self.push(self.value(a) & self.value(b), 1)
        }

        fn xor(&mut self, a: u32, b: u32) -> u32 {
            self.push(self.value(a) ^ self.value(b), if FREE_XOR { 0 } else { 3 })
        }

        fn mux(&mut self, s: u32, a: u32, b: u32) -> u32 {
            let (s, a, b) = (self.value(s), self.value(a), self.value(b));
            self.push(a & !s | b & s, if FREE_XOR { 1 } else { 3 })
        }

        fn maj(&mut self, a: u32, b: u32, c: u32) -> u32 {
            let (a, b, c) = (self.value(a), self.value(b), self.value(c));
            self.push(a & b | a & c | b & c, if FREE_XOR { 1 } else { 4 })
        }
    }

    /// Lowers a table and gives the ANDs it took, having checked its rows.
    fn ands<const FREE_XOR: bool>(n: usize, bits: u64) -> usize {
        let table = TruthTable::new(n, bits).unwrap();
        let mut basis = Tables::<FREE_XOR>::new();
        let operands: Vec<u32> = (1..=n as u32).map(|s| 2 * s).collect();
        let literal = lower(&mut basis, GateKind::Lut(table), &operands);
        let value = basis.value(literal);
        assert_eq!(TruthTable::new(n, value).unwrap(), table, "{n} inputs, rows {bits:x}");
        basis.ands
    }

    #[test]
    fn every_table_of_three_inputs_is_computed_in_few_ands() {
        for bits in 0..256 {
            assert!(ands::<true>(3, bits) <= 2, "{bits:x}: {}", ands::<true>(3, bits));
            assert!(ands::<false>(3, bits) <= 7, "{bits:x}: {}", ands::<false>(3, bits));
        }
    }

    #[test]
    fn tables_of_four_to_six_inputs_are_computed() {
        let mut bits = 0x1234_5678_9ABC_DEF1u64;
        for n in 4..=6 {
            for _ in 0..300 {
                bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let rows = bits ^ bits >> 31;
                assert!(ands::<true>(n, rows) < 1 << (n - 1));
                assert!(ands::<false>(n, rows) < 3 << (n - 1));
            }
        }
    }

    #[test]
    fn wide_gates_become_trees_of_their_function() {
        for n in 1..=6usize {
            let operands: Vec<u32> = (1..=n as u32).map(|s| 2 * s).collect();
            for kind in [
                GateKind::And,
                GateKind::Nand,
                GateKind::Or,
                GateKind::Nor,
                GateKind::Xor,
                GateKind::Xnor,
            ] {
                let mut basis = Tables::<true>::new();
                let literal = lower(&mut basis, kind, &operands);
                let value = TruthTable::new(n, basis.value(literal)).unwrap();
                assert_eq!(value, kind.table(n), "{kind:?} of {n}");
                assert_eq!(basis.rows.len(), 7 + n - 1);
            }
        }
    }
}
