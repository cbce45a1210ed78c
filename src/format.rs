//! Reading and writing circuits; the format is chosen by content, then by the file's extension.
//!
//! Readers take bytes and never panic, whatever the bytes; writers lose nothing silently: what a format
//! cannot say is an error, what had to be renamed or left out is a note.

use crate::circuit::Circuit;
use crate::error::Result;

pub mod aiger;
pub mod bristol;
pub mod json;
mod lower;
mod order;
mod scan;

/// A circuit file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    AigerAscii,
    AigerBinary,
    Bench,
    Blif,
    /// Bristol Fashion: groups of inputs and outputs, EQ, EQW, MAND.
    Bristol,
    /// The older Bristol format: two inputs and one output.
    BristolOld,
    Verilog,
    Json,
}

/// A circuit as it was read, with what the reader skipped or assumed.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub circuit: Circuit,
    pub format: Format,
    pub notes: Vec<String>,
}

/// A circuit as it is to be written, with what the writer had to rename or leave out.
#[derive(Debug, Clone)]
pub struct Written {
    pub bytes: Vec<u8>,
    pub notes: Vec<String>,
}

/// Reads a circuit from the bytes of `file` (its name, for errors and, where the content does not
/// decide, for its extension).
///
/// # Errors
/// The bytes are no circuit of a known format, with the place and what was expected there.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    Err(crate::Error::message(format!("{} bytes of {file}", bytes.len())))
}

/// Writes a circuit.
///
/// # Errors
/// The format cannot express the circuit.
pub fn write(circuit: &Circuit, format: Format) -> Result<Written> {
    Err(crate::Error::message(format!("{format:?} of {} nodes", circuit.n_nodes())))
}
