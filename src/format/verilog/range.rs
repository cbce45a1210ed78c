//! Ranges of vectors, and the bits and parts that are selected from them.

use super::elaborate::{Elaboration, Entry};
use super::number::Value;
use crate::error::Result;
use crate::format::cursor::Token;

/// The indices `[left:right]` of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub left: i64,
    pub right: i64,
}

impl Range {
    fn low(self) -> i64 {
        self.left.min(self.right)
    }

    pub fn width(self) -> usize {
        usize::try_from(self.left.abs_diff(self.right)).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// The index of a place among the bits, least significant first.
    pub fn index(self, place: usize) -> i64 {
        let step = if self.left >= self.right { 1 } else { -1 };
        self.right + step * place as i64
    }

    /// The place of an index among the bits, least significant first.
    fn place(self, index: i64) -> Option<usize> {
        let inside = (self.low()..=self.left.max(self.right)).contains(&index);
        inside.then(|| index.abs_diff(self.right) as usize)
    }
}

/// What stands in the brackets behind a name: one number, or two with what is between them.
#[derive(Debug, Clone, Copy)]
pub struct Select {
    pub first: Option<(Part, i64)>,
    pub last: i64,
}

/// How the two numbers of a part stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `[left:right]`
    Bounds,
    /// `[low +: width]`
    Up,
    /// `[high -: width]`
    Down,
}

impl Part {
    pub fn of(symbol: &str) -> Self {
        match symbol {
            "+:" => Part::Up,
            "-:" => Part::Down,
            _ => Part::Bounds,
        }
    }

    /// The higher and the lower index, or nothing where the width is none.
    fn bounds(self, first: i64, last: i64) -> Option<(i64, i64)> {
        match self {
            Part::Bounds => Some((first, last)),
            _ if last < 1 => None,
            Part::Up => first.checked_add(last - 1).map(|high| (high, first)),
            Part::Down => first.checked_sub(last - 1).map(|low| (first, low)),
        }
    }
}

impl<'a> Elaboration<'_, 'a> {
    /// `[left:right]`, if there is one.
    pub(super) fn range(&mut self) -> Result<Option<Range>> {
        if !self.is("[") {
            return Ok(None);
        }
        let offset = self.take().token.offset;
        let left = self.constant_integer()?;
        self.expect(":")?;
        let right = self.constant_integer()?;
        self.expect("]")?;
        // Far from the ends of the integers, so that differences are some too.
        if [left, right].iter().any(|bound| bound.unsigned_abs() > 1 << 40) {
            let found = format!("[{left}:{right}]");
            return Err(self.source.error(offset, "indices of at most 40 bits", found));
        }
        Ok(Some(Range { left, right }))
    }

    pub(super) fn constant_integer(&mut self) -> Result<i64> {
        let nodes = self.expression()?;
        self.integer(nodes, 0)
    }

    /// The places of a bit or part among the bits of the vector `name`, least significant first.
    pub(super) fn places(
        &self,
        name: Token<'a>,
        range: Option<Range>,
        Select { first, last }: Select,
    ) -> Result<std::ops::RangeInclusive<usize>> {
        let (part, first) = first.unwrap_or((Part::Bounds, last));
        let found = match part {
            Part::Bounds if first == last => format!("[{last}]"),
            Part::Bounds => format!("[{first}:{last}]"),
            Part::Up => format!("[{first} +: {last}]"),
            Part::Down => format!("[{first} -: {last}]"),
        };
        let offset = name.end();
        let Some(range) = range else {
            return Err(self.source.error(offset, "a vector", found).hint(
                "a vector is declared before it is used; a name that holds brackets begins with a backslash",
            ));
        };
        let expected = format!("an index within [{}:{}]", range.left, range.right);
        let error = || self.source.error(offset, expected.clone(), found.clone());
        let (high, low) = part.bounds(first, last).ok_or_else(error)?;
        // `+:` and `-:` count indices; the larger one is the less significant in [0:7].
        let (from, to) = match part {
            Part::Bounds => (range.place(low), range.place(high)),
            _ if range.left >= range.right => (range.place(low), range.place(high)),
            _ => (range.place(high), range.place(low)),
        };
        let (Some(from), Some(to)) = (from, to) else { return Err(error()) };
        if from > to {
            let expected = "a part whose bounds stand as in the declaration";
            return Err(self.source.error(offset, expected, found));
        }
        Ok(from..=to)
    }

    /// `name[last]`, `name[first:last]` and so on, in an expression.
    pub(super) fn select(&mut self, name: Token<'a>, select: Select) -> Result<Value> {
        let entry = self.entry(name)?;
        let range = match &entry {
            Entry::Parameter(_, range) => Some(*range),
            Entry::Signal(signal) => self.scope.signals[*signal].range,
        };
        let places = self.places(name, range, select)?;
        self.charge(places.clone().count(), name.offset)?;
        let bits = match entry {
            Entry::Parameter(value, _) => value.bits[places].to_vec(),
            Entry::Signal(signal) => self.signal_bits(name, signal, places),
        };
        Ok(Value { bits, signed: false, is_unsized: false })
    }
}
