//! Coordinates of the residual stream of a halting model.
//!
//! | channels | width | content |
//! |---|---|---|
//! | `address[j]` | m | the node's own balanced code, ±1; static |
//! | `pointer{h}[j]` | k·m | the code of operand `h`; static |
//! | `table[r]` | 2^k | truth table, row `r`, 0 or 1; static |
//! | `known0`, `known1` | 2 | 1 where the value is known to be that bit |
//! | `halting` | 1 | 1 where the value is known |
//! | `fetched{h}_0`, `fetched{h}_1` | 2·k | 0 between layers, the knowledge of operand `h` between attention and MLP |

use std::ops::Range;

use crate::error::Result;
use crate::layout::{Grid, Layout, Span, Spans};

/// The channels of nodes of `k` operands; see the module's head.
#[derive(Debug)]
pub struct Channels {
    /// Codes and heads are those of the plain compiler.
    layout: Layout,
    spans: Spans,
    address: Span,
    pointer: Grid,
    table: Span,
    known: [usize; 2],
    halting: usize,
    fetched: Grid,
}

impl Channels {
    /// # Errors
    /// More nodes than addresses.
    pub fn new(k: usize, n_nodes: usize) -> Result<Self> {
        let layout = Layout::new(k, n_nodes)?;
        let mut spans = Spans::default();
        Ok(Channels {
            address: spans.add("address", layout.code_length()),
            pointer: spans.grid("pointer", k, layout.code_length()),
            table: spans.add("table", 1 << k),
            known: spans.each(["known0", "known1"]),
            halting: spans.one("halting"),
            fetched: spans.named(k, 2, |h, bit| format!("fetched{h}_{bit}")),
            spans,
            layout,
        })
    }

    pub fn addresses(&self) -> &Layout {
        &self.layout
    }

    pub fn k(&self) -> usize {
        self.layout.k()
    }

    pub fn code_length(&self) -> usize {
        self.layout.code_length()
    }

    pub fn address(&self) -> Range<usize> {
        self.address.range()
    }

    pub fn pointer(&self, h: usize) -> Range<usize> {
        self.pointer.row(h).range()
    }

    pub fn table(&self, r: usize) -> usize {
        self.table.at(r)
    }

    pub fn known(&self, bit: bool) -> usize {
        self.known[usize::from(bit)]
    }

    pub fn halting(&self) -> usize {
        self.halting
    }

    pub fn fetched(&self, h: usize, bit: bool) -> usize {
        self.fetched.at(h, usize::from(bit))
    }

    /// The width of the stream.
    pub fn width(&self) -> usize {
        self.spans.width()
    }

    /// A name for every channel, in order.
    pub fn names(&self) -> Vec<String> {
        self.spans.names().to_vec()
    }
}
