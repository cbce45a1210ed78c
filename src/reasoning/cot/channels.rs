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
use crate::layout::{Codes, Grid, Span, Spans};

/// The coordinates of a model for sequences of so many positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub k: usize,
    pub g: usize,
    pub codes: Codes,
    pub address: Span,
    pub pointer: Grid,
    pub slot: Grid,
    pub table: Grid,
    pub bit: Span,
    pub fetch: Grid,
    pub operand: Span,
    pub result: Span,
    pub d_model: usize,
}

impl Channels {
    /// The coordinates and their names.
    ///
    /// # Errors
    /// More positions than addresses.
    pub fn new(k: usize, g: usize, n_ctx: usize) -> Result<(Self, Spans)> {
        let codes = Codes::shortest(n_ctx)?;
        let mut spans = Spans::default();
        let address = spans.add("address", codes.length());
        let pointer = spans.grid("pointer", g * k, codes.length());
        let slot = spans.grid("slot", g * k, slot_signs(g));
        let table = spans.grid("table", g, 1 << k);
        let bit = spans.add("bit", g);
        let fetch = spans.grid("fetch", g * k, g);
        let operand = if g == 1 { fetch.flat() } else { spans.add("operand", g * k) };
        let result = spans.add("result", g);
        let channels = Channels {
            k,
            g,
            codes,
            address,
            pointer,
            slot,
            table,
            bit,
            fetch,
            operand,
            result,
            d_model: spans.width(),
        };
        Ok((channels, spans))
    }

    /// Operands of a token's gates, one head each.
    pub fn n_operands(self) -> usize {
        self.g * self.k
    }

    /// Signs that number the slots.
    pub fn slot_signs(self) -> usize {
        slot_signs(self.g)
    }

    /// Rows of a truth table.
    pub fn n_rows(self) -> usize {
        1 << self.k
    }
}

fn slot_signs(g: usize) -> usize {
    g.next_power_of_two().ilog2() as usize
}
