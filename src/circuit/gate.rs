//! Gate kinds and truth tables.

use crate::batch::COUNTING;
use crate::error::{Error, Result};

/// A Boolean function of at most [`TruthTable::MAX_INPUTS`] inputs.
///
/// Bit `r` of `bits` is the value at row `r`, where bit `h` of `r` is operand `h`: operand 0 is the
/// least significant. Bits beyond `2^n_inputs` are 0, so equal functions compare equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TruthTable {
    n_inputs: u8,
    bits: u64,
}

/// The projection on operand `h` over 64 rows.
const PROJECTION: [u64; 6] = COUNTING;

impl TruthTable {
    /// Six inputs fill one word.
    pub const MAX_INPUTS: usize = 6;

    /// The table with the given rows; bits beyond `2^n_inputs` are dropped.
    ///
    /// # Errors
    /// More than [`Self::MAX_INPUTS`] inputs.
    pub fn new(n_inputs: usize, bits: u64) -> Result<Self> {
        if n_inputs > Self::MAX_INPUTS {
            return Err(Error::new(
                format!("a truth table of at most {} inputs", Self::MAX_INPUTS),
                format!("one of {n_inputs}"),
            ));
        }
        Ok(Self::masked(n_inputs, bits))
    }

    fn masked(n_inputs: usize, bits: u64) -> Self {
        TruthTable { n_inputs: n_inputs as u8, bits: bits & row_mask(n_inputs) }
    }

    /// The table of `f`, called once per row with the operands.
    ///
    /// # Panics
    /// More than [`Self::MAX_INPUTS`] inputs: callers pass a constant.
    pub fn from_fn(n_inputs: usize, f: impl Fn(&[bool]) -> bool) -> Self {
        assert!(n_inputs <= Self::MAX_INPUTS, "a table has at most six inputs");
        let mut bits = 0;
        for row in 0..1usize << n_inputs {
            let operands: Vec<bool> = (0..n_inputs).map(|h| row >> h & 1 == 1).collect();
            bits |= u64::from(f(&operands)) << row;
        }
        TruthTable { n_inputs: n_inputs as u8, bits }
    }

    /// The projection on operand `h` of `n_inputs`.
    ///
    /// # Panics
    /// `h` is not below `n_inputs`, or `n_inputs` is above six.
    pub fn projection(n_inputs: usize, h: usize) -> Self {
        assert!(h < n_inputs && n_inputs <= Self::MAX_INPUTS, "operand {h} of {n_inputs}");
        Self::masked(n_inputs, PROJECTION[h])
    }

    /// The number of inputs, at most [`TruthTable::MAX_INPUTS`].
    pub fn n_inputs(self) -> usize {
        usize::from(self.n_inputs)
    }

    /// The rows as a word, row 0 in bit 0.
    pub fn bits(self) -> u64 {
        self.bits
    }

    /// The value at `row`.
    pub fn at(self, row: usize) -> bool {
        debug_assert!(row < 1 << self.n_inputs);
        self.bits >> row & 1 == 1
    }

    /// The complement function.
    pub fn complement(self) -> Self {
        Self::masked(self.n_inputs(), !self.bits)
    }

    /// The function whose operand `h` is this one's operand `h` complemented.
    pub fn flip_operand(self, h: usize) -> Self {
        let ones = self.bits & PROJECTION[h];
        let zeros = self.bits & !PROJECTION[h];
        Self::masked(self.n_inputs(), ones >> (1 << h) | zeros << (1 << h))
    }

    /// The cofactor with operand `h` fixed, over the same operands (it no longer depends on `h`).
    pub fn cofactor(self, h: usize, value: bool) -> Self {
        let shift = 1 << h;
        let half = if value {
            let ones = self.bits & PROJECTION[h];
            ones | ones >> shift
        } else {
            let zeros = self.bits & !PROJECTION[h];
            zeros | zeros << shift
        };
        Self::masked(self.n_inputs(), half)
    }

    /// Whether the function is a parity of some of its inputs, or the complement of one.
    pub fn is_affine(self) -> bool {
        (0..self.n_inputs()).all(|h| {
            let (low, high) = (self.cofactor(h, false), self.cofactor(h, true));
            low == high || low == high.complement()
        })
    }

    /// Whether the function depends on operand `h`.
    pub fn depends_on(self, h: usize) -> bool {
        self.cofactor(h, false) != self.cofactor(h, true)
    }
}

/// A word with the low `2^n` bits set.
fn row_mask(n: usize) -> u64 {
    if n >= 6 { u64::MAX } else { (1 << (1 << n)) - 1 }
}

/// What a node of a circuit computes from its fan-ins.
///
/// `Input` and `Latch` nodes are sources: their value comes from outside (a latch holds its state).
/// `And`, `Or`, `Nand`, `Nor` take one or more operands, `Xor` is the parity and `Xnor` its complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GateKind {
    /// A bit from outside.
    Input,
    /// A bit of state.
    Latch,
    /// Always the same.
    Const(bool),
    /// Its operand.
    Buf,
    /// The complement of its operand.
    Not,
    /// 1 if all operands are.
    And,
    /// 1 if an operand is.
    Or,
    /// 1 if an odd number of operands are.
    Xor,
    /// 0 if all operands are 1.
    Nand,
    /// 0 if an operand is 1.
    Nor,
    /// 1 if an even number of operands are.
    Xnor,
    /// `Mux(s, a, b)` is `a` where `s` is 0 and `b` where `s` is 1.
    Mux,
    /// The majority of three.
    Maj,
    /// The row of a table, operand 0 the least significant bit of its number.
    Lut(TruthTable),
}

impl GateKind {
    /// Whether the node has no fan-ins: an input, a latch or a constant.
    pub fn is_source(self) -> bool {
        matches!(self, GateKind::Input | GateKind::Latch | GateKind::Const(_))
    }

    /// Whether `n` fan-ins are legal.
    pub fn accepts(self, n: usize) -> bool {
        match self {
            GateKind::Input | GateKind::Latch | GateKind::Const(_) => n == 0,
            GateKind::Buf | GateKind::Not => n == 1,
            GateKind::Mux | GateKind::Maj => n == 3,
            GateKind::Lut(table) => n == table.n_inputs(),
            GateKind::And
            | GateKind::Or
            | GateKind::Xor
            | GateKind::Nand
            | GateKind::Nor
            | GateKind::Xnor => n >= 1,
        }
    }

    /// What [`GateKind::accepts`] wants, in words.
    pub(super) fn takes(self) -> String {
        match self {
            GateKind::Input | GateKind::Latch | GateKind::Const(_) => "no operand".to_string(),
            GateKind::Mux | GateKind::Maj => "three operands".to_string(),
            GateKind::Lut(table) if table.n_inputs() != 1 => {
                format!("{} operands", table.n_inputs())
            }
            GateKind::Buf | GateKind::Not | GateKind::Lut(_) => "one operand".to_string(),
            _ => "one operand or more".to_string(),
        }
    }

    /// The gate's value, from its definition. `Input` and `Latch` have none.
    ///
    /// # Panics
    /// On a source that is not a constant: its value comes from outside.
    pub fn evaluate(self, operands: &[bool]) -> bool {
        let ones = || operands.iter().filter(|&&bit| bit).count();
        match self {
            GateKind::Input | GateKind::Latch => panic!("a source's value comes from outside"),
            GateKind::Const(value) => value,
            GateKind::Buf => operands[0],
            GateKind::Not => !operands[0],
            GateKind::And => ones() == operands.len(),
            GateKind::Nand => ones() != operands.len(),
            GateKind::Or => ones() > 0,
            GateKind::Nor => ones() == 0,
            GateKind::Xor => ones() % 2 == 1,
            GateKind::Xnor => ones() % 2 == 0,
            GateKind::Mux => operands[if operands[0] { 2 } else { 1 }],
            GateKind::Maj => ones() >= 2,
            GateKind::Lut(table) => {
                let row = operands.iter().enumerate().map(|(h, &bit)| usize::from(bit) << h);
                table.at(row.sum())
            }
        }
    }

    /// The truth table over `n` operands, where `n` is at most six.
    pub fn table(self, n: usize) -> TruthTable {
        TruthTable::from_fn(n, |operands| self.evaluate(operands))
    }

    /// The field's name of the kind, in upper case.
    pub fn name(self) -> &'static str {
        match self {
            GateKind::Input => "INPUT",
            GateKind::Latch => "LATCH",
            GateKind::Const(false) => "CONST0",
            GateKind::Const(true) => "CONST1",
            GateKind::Buf => "BUF",
            GateKind::Not => "NOT",
            GateKind::And => "AND",
            GateKind::Or => "OR",
            GateKind::Xor => "XOR",
            GateKind::Nand => "NAND",
            GateKind::Nor => "NOR",
            GateKind::Xnor => "XNOR",
            GateKind::Mux => "MUX",
            GateKind::Maj => "MAJ",
            GateKind::Lut(_) => "LUT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_operations_agree_with_their_definitions_on_every_function_of_three() {
        for bits in 0..256 {
            let table = TruthTable::new(3, bits).unwrap();
            for row in 0..8usize {
                assert_eq!(table.complement().at(row), !table.at(row));
                for h in 0..3 {
                    assert_eq!(table.flip_operand(h).at(row), table.at(row ^ 1 << h));
                    assert_eq!(table.cofactor(h, true).at(row), table.at(row | 1 << h));
                    assert_eq!(table.cofactor(h, false).at(row), table.at(row & !(1 << h)));
                }
            }
        }
    }

    #[test]
    fn mux_selects_and_lut_reads_operand_zero_as_least_significant() {
        assert!(GateKind::Mux.evaluate(&[false, true, false]));
        assert!(!GateKind::Mux.evaluate(&[true, true, false]));
        let lut = GateKind::Lut(TruthTable::new(2, 0b0010).unwrap());
        assert!(lut.evaluate(&[true, false]));
        assert!(!lut.evaluate(&[false, true]));
    }

    #[test]
    fn a_table_of_seven_inputs_is_refused() {
        assert!(TruthTable::new(7, 0).is_err());
    }
}
