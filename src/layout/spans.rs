//! Spans: the coordinates of a stream are handed out once, one after the other, each with its name.
//!
//! In: what a model needs to hold, by name. Out: places, disjoint by construction, and the names of all in order.

use std::ops::Range;

/// Neighbouring channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: usize,
    length: usize,
}

impl Span {
    /// The channel of entry `j`.
    ///
    /// # Panics
    /// There is no such entry: it would be another span's.
    pub fn at(self, j: usize) -> usize {
        assert!(j < self.length, "entry {j} of a span of {}", self.length);
        self.start + j
    }

    /// All of its channels.
    pub fn range(self) -> Range<usize> {
        self.start..self.start + self.length
    }
}

/// As many spans of one length, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    start: usize,
    n_rows: usize,
    length: usize,
}

impl Grid {
    /// The span of number `i`.
    ///
    /// # Panics
    /// There is no such span.
    pub fn row(self, i: usize) -> Span {
        assert!(i < self.n_rows, "span {i} of {}", self.n_rows);
        Span { start: self.start + i * self.length, length: self.length }
    }

    /// Entry `j` of the span of number `i`.
    ///
    /// # Panics
    /// There is no such entry.
    pub fn at(self, i: usize, j: usize) -> usize {
        self.row(i).at(j)
    }

    /// All spans as one.
    pub fn flat(self) -> Span {
        Span { start: self.start, length: self.n_rows * self.length }
    }
}

/// The channels that have been handed out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans {
    names: Vec<String>,
}

impl Spans {
    /// The channel `name`.
    pub fn one(&mut self, name: &str) -> usize {
        self.named(1, 1, |_, _| name.to_string()).at(0, 0)
    }

    /// Channels by these names, in order.
    pub fn each<const N: usize>(&mut self, names: [&str; N]) -> [usize; N] {
        names.map(|name| self.one(name))
    }

    /// The channels `name[0]`, `name[1]`, ….
    pub fn add(&mut self, name: &str, length: usize) -> Span {
        self.named(1, length, |_, j| format!("{name}[{j}]")).row(0)
    }

    /// The channels `name0[0]`, `name0[1]`, …, `name1[0]`, ….
    pub fn grid(&mut self, name: &str, n_rows: usize, length: usize) -> Grid {
        self.named(n_rows, length, |i, j| format!("{name}{i}[{j}]"))
    }

    /// `n_rows` spans of so many channels, with names of their own.
    pub fn named(
        &mut self,
        n_rows: usize,
        length: usize,
        name: impl Fn(usize, usize) -> String,
    ) -> Grid {
        let start = self.names.len();
        for i in 0..n_rows {
            self.names.extend((0..length).map(|j| name(i, j)));
        }
        Grid { start, n_rows, length }
    }

    /// The channels handed out so far: the width of the stream, in the end.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// The name of every channel, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_handed_out_once_and_by_name() {
        let mut spans = Spans::default();
        let (bit, code) = (spans.one("bit"), spans.add("code", 2));
        let (none, table) = (spans.add("none", 0), spans.grid("table", 2, 3));
        let found = [vec![bit], code.range().collect(), table.flat().range().collect()].concat();
        assert_eq!(found, Vec::from_iter(0..spans.width()));
        assert_eq!((code.at(1), table.at(1, 2), none.range().len()), (2, 8, 0));
        let names = spans.names();
        assert_eq!((&*names[0], &*names[2], &*names[8]), ("bit", "code[1]", "table1[2]"));
    }

    #[test]
    fn an_entry_beyond_its_span_is_no_other_spans_channel() {
        let mut spans = Spans::default();
        let (code, table) = (spans.add("code", 2), spans.grid("table", 2, 3));
        assert!(std::panic::catch_unwind(|| code.at(2)).is_err());
        assert!(std::panic::catch_unwind(|| table.at(0, 3)).is_err());
        assert!(std::panic::catch_unwind(|| table.row(2)).is_err());
    }
}
