//! Layout: which coordinates of the residual stream hold what.
//!
//! Every coordinate is `±1`, every value has a negated twin, and every address is a balanced code (half
//! of its entries `+1`), so at each position, before and after each sublayer, the coordinates sum to 0
//! and their squares to `d_model`. LayerNorm and RMSNorm would be the identity on such a stream, which
//! is why this form was preferred to the narrower one with 0/1 states: one construction serves models
//! without norms and stock architectures with them.
//!
//! | channels | width | content |
//! |---|---|---|
//! | `address[j]` | m | the node's own code; static |
//! | `pointer{h}[j]` | k·m | the code of operand `h`; static |
//! | `table[r]`, `not_table[r]` | 2·2^k | truth table, row `r`, and its negation; static |
//! | `value`, `not_value` | 2 | the node's state |
//! | `fetch{h}`, `not_fetch{h}` | 2·k | `(+1, -1)` between layers, operand `h` between attention and MLP |

use std::ops::Range;

use crate::error::Result;

mod codes;
mod spans;

pub use codes::Codes;
pub use spans::{Grid, Span, Spans};

/// The coordinates of a model for networks of `k` operands a node and `2·C(m, m/2)` bits of address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    k: usize,
    codes: Codes,
    spans: Spans,
    address: Span,
    pointer: Grid,
    /// The truth table and its negation.
    tables: [Span; 2],
    /// The state and its negation.
    value: [usize; 2],
    /// What each head reads and its negation.
    fetch: Grid,
}

impl Layout {
    /// The layout with the shortest codes for `n_nodes` nodes of `k` operands.
    ///
    /// # Errors
    /// More nodes than 2^28.
    pub fn new(k: usize, n_nodes: usize) -> Result<Self> {
        let codes = Codes::shortest(n_nodes)?;
        let mut spans = Spans::default();
        Ok(Layout {
            k,
            codes,
            address: spans.add("address", codes.length()),
            pointer: spans.grid("pointer", k, codes.length()),
            tables: ["table", "not_table"].map(|name| spans.add(name, 1 << k)),
            value: spans.each(["value", "not_value"]),
            fetch: spans.named(k, 2, |h, negated| format!("{}fetch{h}", ["", "not_"][negated])),
            spans,
        })
    }

    /// Operands a node, which is also the number of heads.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Bits of an address code, which is also the width of a head.
    pub fn code_length(&self) -> usize {
        self.codes.length()
    }

    /// Rows of a truth table.
    pub fn n_rows(&self) -> usize {
        1 << self.k
    }

    /// The width of the residual stream.
    pub fn d_model(&self) -> usize {
        self.spans.width()
    }

    /// The code of a position.
    pub fn address(&self) -> Range<usize> {
        self.address.range()
    }

    /// The address of operand `h`.
    pub fn pointer(&self, h: usize) -> Range<usize> {
        self.pointer.row(h).range()
    }

    /// The truth table's row `r`.
    pub fn table(&self, r: usize) -> usize {
        self.tables[0].at(r)
    }

    /// The complement of the table's row `r`.
    pub fn not_table(&self, r: usize) -> usize {
        self.tables[1].at(r)
    }

    /// The node's value.
    pub fn value(&self) -> usize {
        self.value[0]
    }

    /// The complement of the node's value.
    pub fn not_value(&self) -> usize {
        self.value[1]
    }

    /// Where head `h` writes what it reads.
    pub fn fetch(&self, h: usize) -> usize {
        self.fetch.at(h, 0)
    }

    /// The complement of what head `h` reads.
    pub fn not_fetch(&self, h: usize) -> usize {
        self.fetch.at(h, 1)
    }

    /// A name for every coordinate, in order.
    pub fn names(&self) -> Vec<String> {
        self.spans.names().to_vec()
    }

    /// The first `n_nodes` codes as bit masks; see [`Codes::first`].
    pub fn codes(&self, n_nodes: usize) -> Vec<u32> {
        self.codes.first(n_nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_balanced_distinct_and_short() {
        for (n_nodes, length) in [(1, 2), (2, 2), (3, 4), (6, 4), (7, 6), (20, 6), (21, 8), (70, 8)]
        {
            let layout = Layout::new(2, n_nodes).unwrap();
            assert_eq!(layout.code_length(), length, "{n_nodes} nodes");
            let codes = layout.codes(n_nodes);
            assert!(codes.iter().all(|code| code.count_ones() as usize == length / 2));
            assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(codes.iter().all(|&code| code < 1 << length));
        }
    }

    #[test]
    fn coordinates_are_disjoint_and_named() {
        for k in 1..=6 {
            let layout = Layout::new(k, 100).unwrap();
            let mut seen: Vec<usize> = layout.address().collect();
            seen.extend((0..k).flat_map(|h| layout.pointer(h)));
            seen.extend((0..layout.n_rows()).flat_map(|r| [layout.table(r), layout.not_table(r)]));
            seen.extend([layout.value(), layout.not_value()]);
            seen.extend((0..k).flat_map(|h| [layout.fetch(h), layout.not_fetch(h)]));
            seen.sort_unstable();
            assert_eq!(seen, (0..layout.d_model()).collect::<Vec<_>>());
            let names = layout.names();
            assert_eq!(names.len(), layout.d_model());
            assert_eq!(names[layout.value()], "value");
            assert_eq!(names[layout.not_fetch(k - 1)], format!("not_fetch{}", k - 1));
        }
    }
}
