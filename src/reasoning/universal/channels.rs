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
use crate::layout::Layout;

/// The channels of nodes of `k` operands; see the module's head.
#[derive(Debug)]
pub struct Channels {
    /// Addresses and pointers are those of every scheme.
    layout: Layout,
}

impl Channels {
    /// # Errors
    /// More nodes than addresses.
    pub fn new(k: usize, n_nodes: usize) -> Result<Self> {
        Ok(Channels { layout: Layout::new(k, n_nodes)? })
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
        self.layout.address()
    }

    pub fn pointer(&self, h: usize) -> Range<usize> {
        self.layout.pointer(h)
    }

    pub fn table(&self, r: usize) -> usize {
        self.layout.table(r)
    }

    pub fn known(&self, bit: bool) -> usize {
        self.table(1 << self.k()) + usize::from(bit)
    }

    pub fn halting(&self) -> usize {
        self.known(true) + 1
    }

    pub fn fetched(&self, h: usize, bit: bool) -> usize {
        self.halting() + 1 + 2 * h + usize::from(bit)
    }

    /// The width of the stream.
    pub fn width(&self) -> usize {
        self.fetched(self.k() - 1, true) + 1
    }

    /// A name for every channel, in order.
    pub fn names(&self) -> Vec<String> {
        let (k, m) = (self.k(), self.code_length());
        let mut names: Vec<String> = (0..m).map(|j| format!("address[{j}]")).collect();
        for h in 0..k {
            names.extend((0..m).map(|j| format!("pointer{h}[{j}]")));
        }
        names.extend((0..1 << k).map(|r| format!("table[{r}]")));
        names.extend(["known0", "known1", "halting"].map(str::to_string));
        for h in 0..k {
            names.extend([0, 1].map(|bit| format!("fetched{h}_{bit}")));
        }
        names
    }
}
