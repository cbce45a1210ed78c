//! The one error of the crate: where, what was expected, what was found, and a hint.
//!
//! Everything that a file or a flag can cause is an [`Error`]; a panic is a bug in this crate.

use std::fmt;

/// Where an error was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// No place in a file: the value itself is at fault, for example a flag.
    None,
    /// A file as a whole.
    File(String),
    /// A position in a text file.
    Line {
        /// Its name.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// A position in a binary file.
    Byte {
        /// Its name.
        file: String,
        /// From 0.
        offset: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::None => Ok(()),
            Place::File(file) => write!(f, "{file}: "),
            Place::Line { file, line, column } => write!(f, "{file}:{line}:{column}: "),
            Place::Byte { file, offset } => write!(f, "{file}: byte {offset}: "),
        }
    }
}

/// What an error is, where that matters to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Something that a file or a flag causes.
    Fault,
    /// The system does not read or write.
    Io,
    /// It would take longer than it may, by an estimate that is made before it is begun.
    Unaffordable,
    /// It needs a cargo feature that this build does not have.
    NotCompiledIn,
    /// The work was stopped from outside before it was done: nothing was found out.
    Cancelled,
}

/// An error with its place, the expectation, the finding and a hint.
///
/// Displays as `c17.bench:3:7: expected a gate name, found "FOO"; hint: the gates are AND, OR, …`.
/// An empty expectation prints the finding alone, an empty hint nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}{found}{}", prefix(.expected), suffix(.hint))]
pub struct Error {
    kind: Kind,
    /// Where it was seen.
    pub place: Place,
    /// What should be there; empty if the finding says all.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do about it; empty if there is nothing to say.
    pub hint: String,
}

fn prefix(expected: &str) -> String {
    if expected.is_empty() { String::new() } else { format!("expected {expected}, found ") }
}

fn suffix(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!("; hint: {hint}") }
}

impl Error {
    /// An error about a value: `expected`, `found`.
    pub fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Error {
            kind: Kind::Fault,
            place: Place::None,
            expected: expected.into(),
            found: found.into(),
            hint: String::new(),
        }
    }

    /// An error that is a plain sentence.
    pub fn message(text: impl Into<String>) -> Self {
        Error::new("", text)
    }

    /// What was asked for needs a cargo feature that this build does not have.
    pub fn not_compiled_in(what: &str, feature: &str) -> Self {
        let found = format!("a program built without the cargo feature {feature}");
        let error = Error::new(format!("support for {what}"), found);
        Error { kind: Kind::NotCompiledIn, ..error }
            .hint(format!("cargo build --release --features {feature}"))
    }

    /// The work was stopped after `done` of `total` of `what`.
    pub fn cancelled(done: u64, total: u64, what: &str) -> Self {
        let text = format!("stopped: {done} of {total} {what}");
        Error { kind: Kind::Cancelled, ..Error::message(text) }
    }

    /// It takes longer than it may: `expected` names the limit, `found` the estimate.
    pub fn unaffordable(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Error { kind: Kind::Unaffordable, ..Error::new(expected, found) }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the work was stopped from outside, which is no answer.
    pub fn is_cancelled(&self) -> bool {
        self.kind == Kind::Cancelled
    }

    /// The error with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The error at a place.
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// An operating-system error about `file`.
    pub fn io(file: &str, action: &str, error: &std::io::Error) -> Self {
        let error = Error::message(format!("cannot {action}: {error}"));
        Error { kind: Kind::Io, ..error }.at(Place::File(file.to_string()))
    }
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
