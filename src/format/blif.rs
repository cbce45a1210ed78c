//! BLIF, the Berkeley logic interchange format: covers, latches, and models that instantiate models.
//!
//! Reading runs in three steps: `parse` cuts the text into models, `flatten` expands the instances of
//! the top model into one netlist, `cover` turns each `.names` into gates. Directives that are known to
//! describe no logic are skipped with a note, others are errors; skipped too is an `.exdc` network, since external don't cares only permit other
//! circuits than the one in the file. Missing `.model` and `.end` are accepted, missing `.inputs` and
//! `.outputs` are inferred. Yosys's `$true`, `$false`, `$undef`, `.cname` and `.conn` are understood.

use super::cursor::Source;
use super::{Format, Holds, Loaded, Opening};
use crate::error::Result;

mod cover;
mod flatten;
mod parse;
mod write;

pub use write::write;

/// Berkeley's logic interchange format.
pub static FORMAT: Format = Format {
    name: "blif",
    title: "BLIF",
    extension: "blif",
    holds: Holds { names: true, latches: true, resets: true, tables: true, ..Holds::GATES },
    has_modules: true,
    has_bad_states: false,
    detect: shows,
    read: |bytes, file, options| read(bytes, file, options.top.as_deref()),
    write,
};

fn shows(opening: &Opening) -> bool {
    matches!(opening.line, [b'.', letter, ..] if letter.is_ascii_alphabetic())
}

/// Reads a BLIF file; its first model is the circuit, or the one called `top`.
///
/// # Errors
/// The text is no BLIF, or no circuit: at the place, with what was expected.
pub fn read(bytes: &[u8], file: &str, top: Option<&str>) -> Result<Loaded> {
    let source = Source::new(bytes, file)?;
    let parsed = parse::parse(source)?;
    let mut notes = parsed.notes;
    let netlist = flatten::flatten(source, &parsed.models, top, &mut notes)?;
    let circuit = netlist.finish(&mut notes)?;
    Ok(Loaded { circuit, format: &FORMAT, notes })
}
