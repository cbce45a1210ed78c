//! BLIF, the Berkeley logic interchange format: covers, latches, and models that instantiate models.
//!
//! Reading runs in three steps: `parse` cuts the text into models, `flatten` expands the instances of
//! the first model into one netlist, `cover` turns each `.names` into gates. Directives that describe no
//! logic are skipped with a note; so is an `.exdc` network, since external don't cares only permit other
//! circuits than the one in the file. Missing `.model` and `.end` are accepted, missing `.inputs` and
//! `.outputs` are inferred. Yosys's `$true`, `$false`, `$undef`, `.cname` and `.conn` are understood.

use super::cursor::Source;
use super::{Format, Loaded};
use crate::error::Result;

mod cover;
mod flatten;
mod parse;
mod write;

pub use write::write;

/// Reads a BLIF file; its first model is the circuit.
///
/// # Errors
/// The text is no BLIF, or no circuit: at the place, with what was expected.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    let source = Source::new(bytes, file)?;
    let parsed = parse::parse(source)?;
    let mut notes = parsed.notes;
    let netlist = flatten::flatten(source, &parsed.models, &mut notes)?;
    Ok(Loaded { circuit: netlist.finish()?, format: Format::Blif, notes })
}
