//! AIGER, ASCII (`aag`) and binary (`aig`), as in FORMAT 20071012 and "AIGER 1.9 And Beyond".
//!
//! A file is a header `aag|aig M I L O A [B [C [J [F]]]]`, the sections it counts, names, and a comment.
//! Signals are literals `2 v + c`: variable `v`, complemented where `c` is 1; 0 and 1 are the constants.
//! A complement becomes the complement of a fan-in, so a circuit has one AND gate per AND of its file.
//! Inputs, outputs and latches without a name are called `i0`, `o0`, `l0`, and such names are not
//! written, so that a file without names stays one. Equal names of one section are told apart, with a note.
//!
//! Fields are separated by one space. ASCII lines may end with spaces or CR LF, binary ones may not.
//!
//! - `body`: header and sections, to literals with their places
//! - `symbols`: names, and where the comment starts
//! - `build`: literals to a circuit; definitions in any order, cycles and gaps are errors
//! - `write`: circuits to both forms, every gate made of ANDs

use crate::circuit::Circuit;
use crate::error::Result;
use crate::format::scan::Scanner;
use crate::format::{Format, Holds, Loaded, Opening, Written};

mod body;
mod build;
mod symbols;
mod write;

/// The form that is text.
pub static ASCII: Format = Format {
    name: "aag",
    extension: "aag",
    detect: |opening| shows(opening),
    write: write_ascii,
    ..AIGER
};

/// The form whose ANDs are differences in binary; the reader of the other sees which it is.
pub static BINARY: Format =
    Format { name: "aig", extension: "aig", detect: |_| false, write: write_binary, ..AIGER };

const AIGER: Format = Format {
    name: "",
    title: "AIGER",
    extension: "",
    holds: Holds { names: true, latches: true, resets: true, properties: true, ..Holds::GATES },
    has_modules: false,
    has_bad_states: true,
    detect: |_| false,
    read: |bytes, file, options| read_with(bytes, file, options.bad_as_outputs),
    write: write_ascii,
};

fn shows(opening: &Opening) -> bool {
    matches!(opening.bytes, [b'a', b'a' | b'i', b'g', b' ', b'-' | b'0'..=b'9', ..])
}

/// Reads an AIGER file of either form.
///
/// # Errors
/// The bytes are no AIGER file, with line and column, or in a binary file the byte.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    read_with(bytes, file, false)
}

/// [`read`]; where `bad_as_outputs` holds, bad states become outputs, behind the file's own.
///
/// # Errors
/// As [`read`].
pub fn read_with(bytes: &[u8], file: &str, bad_as_outputs: bool) -> Result<Loaded> {
    let mut scanner = Scanner::new(bytes, file);
    let header = body::Header::read(&mut scanner)?;
    let mut body = body::Body::read(&mut scanner, &header)?;
    let mut symbols = symbols::Symbols::read(&mut scanner, &header)?;
    let mut notes = Vec::new();
    if bad_as_outputs {
        notes.push(format!("bad states that are outputs: {}", body.bad.len()));
        body.outputs.append(&mut body.bad);
        symbols.bad_as_outputs();
    }
    let circuit = build::build(&scanner, &header, &body, symbols, &mut notes)?;
    let format = if scanner.is_binary() { &BINARY } else { &ASCII };
    Ok(Loaded { circuit, format, notes })
}

/// Writes a circuit as ASCII AIGER.
///
/// # Errors
/// The circuit needs more variables than AIGER literals of 32 bits have.
pub fn write_ascii(circuit: &Circuit) -> Result<Written> {
    write::write(circuit, write::Form::Ascii)
}

/// Writes a circuit as binary AIGER.
///
/// # Errors
/// The circuit needs more variables than AIGER literals of 32 bits have.
pub fn write_binary(circuit: &Circuit) -> Result<Written> {
    write::write(circuit, write::Form::Binary)
}

#[cfg(test)]
mod tests;
