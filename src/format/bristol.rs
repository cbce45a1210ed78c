//! Bristol circuits, the old format and Bristol Fashion.
//!
//! Both start with `gates wires`. The old format goes on with one line `n1 n2 n_out`, Fashion with one
//! line of input groups and one of output groups, `count n_1 … n_count`. Then come the gates, one a
//! line: `nin nout in… out… KIND`. Inputs are the first wires, outputs the last; a gate's inputs are
//! written before it, no wire twice. Spaces and blank lines between are free. `EQ` sets its output to
//! a constant, `EQW` copies, `MAND` pairs its input `i` with `i + k`.
//!
//! Files hold no names and no bit order. Input `i` of group `g` is called `in{g}[{i}]`, outputs
//! `out{g}[{i}]`, and no order is declared: files differ (`aes_128` starts with the least significant
//! bit, `AES-non-expanded` with the most significant), so the user has to say.
//!
//! - `read`: text to a circuit
//! - `write`: a circuit to XOR, AND and INV, outputs on the last wires

use crate::circuit::Circuit;
use crate::error::Result;
use crate::format::{Format, Holds, Loaded, Opening, Written};

mod read;
mod write;

/// Bristol Fashion: groups of inputs and outputs, EQ, EQW, MAND.
pub static FASHION: Format =
    Format { name: "bristol", detect: |opening| shows(opening), write, ..BRISTOL };

/// The older format: two inputs and one output; the reader of the other sees which it is.
pub static OLD: Format =
    Format { name: "bristol-old", detect: |_| false, write: write_old, ..BRISTOL };

const BRISTOL: Format = Format {
    name: "",
    title: "Bristol",
    extension: "txt",
    holds: Holds::GATES,
    has_modules: false,
    has_bad_states: false,
    detect: |_| false,
    read: |bytes, file, _| read(bytes, file),
    write,
};

/// Two numbers on the first line.
fn shows(opening: &Opening) -> bool {
    let mut words = opening.line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.clone().count() == 2 && words.all(|word| word.iter().all(u8::is_ascii_digit))
}

/// Reads a Bristol circuit; the header's third line tells old from Fashion.
///
/// # Errors
/// The bytes are no such circuit, with line and column.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    read::read(bytes, file)
}

/// Writes Bristol Fashion. Each run of ports `base[0]`, `base[1]`, … is a group, and so are the ports
/// between two runs.
///
/// # Errors
/// The circuit has latches or properties.
pub fn write(circuit: &Circuit) -> Result<Written> {
    write::write(circuit, write::Dialect::Fashion)
}

/// Writes the old format: the first input group, all others together as the second, all outputs as one
/// group. It has no EQ and EQW, so a copy is two INVs and a constant an XOR of a wire with itself.
///
/// # Errors
/// The circuit has latches or properties, or gates or constants but no inputs.
pub fn write_old(circuit: &Circuit) -> Result<Written> {
    write::write(circuit, write::Dialect::Old)
}

#[cfg(test)]
mod tests;
