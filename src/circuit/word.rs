//! Words: runs of ports named `base[0]`, `base[1]`, …, read and written as numbers.
//!
//! A file does not tell whether `base[0]` is the least or the most significant bit, so the order is
//! declared (by a family, a JSON file or a flag), never guessed.

/// Which bit of a number `base[0]` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordOrder {
    /// `base[0]` is the least significant bit.
    Lsb,
    /// `base[0]` is the most significant bit.
    Msb,
    /// A byte string: `base[8 i + j]` is bit `j`, counted from the least significant, of byte `i`.
    Bytes,
}

/// A run of ports that share a base name and are indexed 0, 1, 2, … in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub base: String,
    /// The position of `base[0]` among the ports.
    pub start: usize,
    pub width: usize,
}

impl std::fmt::Display for WordOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
