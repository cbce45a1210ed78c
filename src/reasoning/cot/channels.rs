//! Which coordinates of the residual stream hold what, for `g` gates of `k` operands a token.
//!
//! | channels | width | content |
//! |---|---|---|
//! | `address[j]` | m | the position's own balanced code |
//! | `pointer{o}[j]` | g·k·m | the code of the position that holds operand `o` of the next token's gates |
//! | `slot{o}[j]` | g·k·c | which bit of that position's token it is, in `c = ⌈log₂ g⌉` signs |
//! | `table{i}[r]` | g·2^k | the truth table of gate `i` of the next token |
//! | `bit[s]` | g | the bits of the position's token |
//! | `fetch{o}[s]` | g·k·g | the bits of the token that holds operand `o` |
//! | `operand[o]` | g·k, none if g = 1 | operand `o` |
//! | `result[i]` | g | bit `i` of the next token |
//!
//! All are `±1`, but the last three kinds are 0 until they are computed. Operand `o = i k + h` is operand `h`
//! of gate `i`; with one gate a token what is fetched is the operand.

use crate::error::Result;
use crate::layout::Codes;

/// The coordinates of a model for sequences of so many positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub k: usize,
    pub g: usize,
    pub codes: Codes,
}

impl Channels {
    pub fn new(k: usize, g: usize, n_ctx: usize) -> Result<Self> {
        Ok(Channels { k, g, codes: Codes::shortest(n_ctx)? })
    }

    /// Operands of a token's gates, one head each.
    pub fn n_operands(self) -> usize {
        self.g * self.k
    }

    /// Signs that number the slots.
    pub fn slot_signs(self) -> usize {
        self.g.next_power_of_two().ilog2() as usize
    }

    /// Rows of a truth table.
    pub fn n_rows(self) -> usize {
        1 << self.k
    }

    pub fn address(self) -> usize {
        0
    }

    pub fn pointer(self, operand: usize) -> usize {
        (1 + operand) * self.codes.length()
    }

    pub fn slot(self, operand: usize) -> usize {
        self.pointer(self.n_operands()) + operand * self.slot_signs()
    }

    pub fn table(self, gate: usize, row: usize) -> usize {
        self.slot(self.n_operands()) + gate * self.n_rows() + row
    }

    pub fn bit(self, slot: usize) -> usize {
        self.table(self.g, 0) + slot
    }

    pub fn fetch(self, operand: usize, slot: usize) -> usize {
        self.bit(self.g) + operand * self.g + slot
    }

    pub fn operand(self, operand: usize) -> usize {
        match self.g {
            1 => self.fetch(operand, 0),
            _ => self.fetch(self.n_operands(), 0) + operand,
        }
    }

    pub fn result(self, gate: usize) -> usize {
        self.operand(self.n_operands()) + gate
    }

    pub fn d_model(self) -> usize {
        self.result(self.g)
    }

    /// A name for every coordinate, in order.
    pub fn names(self) -> Vec<String> {
        let numbered = |name: &str, n: usize| (0..n).map(|j| format!("{name}[{j}]")).collect();
        let mut names: Vec<String> = numbered("address", self.codes.length());
        let mut add = |more: Vec<String>| names.extend(more);
        for o in 0..self.n_operands() {
            add(numbered(&format!("pointer{o}"), self.codes.length()));
        }
        for o in 0..self.n_operands() {
            add(numbered(&format!("slot{o}"), self.slot_signs()));
        }
        for i in 0..self.g {
            add(numbered(&format!("table{i}"), self.n_rows()));
        }
        add(numbered("bit", self.g));
        for o in 0..self.n_operands() {
            add(numbered(&format!("fetch{o}"), self.g));
        }
        if self.g > 1 {
            add(numbered("operand", self.n_operands()));
        }
        add(numbered("result", self.g));
        names
    }
}
