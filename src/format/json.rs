//! Circuits as JSON, the format that keeps everything a circuit has.
//!
//! ```json
//! {
//!   "circuit2tf": 1,
//!   "inputs": ["a[0]", "a[1]", "!b"],
//!   "latches": [
//!     {"name": "carry", "next": "maj", "init": "0", "clock": ["re", "clk"]}
//!   ],
//!   "gates": [
//!     {"name": "sum", "kind": "XOR", "fanins": ["a[0]", {"name": "!b"}, "carry"]},
//!     {"name": "maj", "kind": "LUT", "table": "0xe8", "fanins": ["a[0]", {"name": "!b"}, "carry"]},
//!     {"name": "both", "kind": "AND", "fanins": ["sum", "!a[1]"]},
//!     {"name": "one", "kind": "CONST1", "fanins": []}
//!   ],
//!   "outputs": [
//!     {"name": "y", "literal": "!both"},
//!     {"name": "not b", "literal": {"name": "!b", "complemented": true}},
//!     {"name": "1", "literal": "one"}
//!   ],
//!   "properties": [
//!     {"kind": "bad", "name": "overflow", "literals": ["maj"]},
//!     {"kind": "justice", "literals": ["sum", "!sum"]}
//!   ],
//!   "word_orders": {"a": "lsb"}
//! }
//! ```
//!
//! - `circuit2tf` is the version of the format; it, `inputs` and `outputs` are required, other lists may
//!   be missing. Keys that are not known are errors.
//! - Inputs, latches and gates share one name space; outputs have their own.
//! - A literal is a name, `"!x"` for the complement of `x`, or an object, which a name that starts with
//!   `!` needs.
//! - `kind` is CONST0 CONST1 BUF NOT AND OR XOR NAND NOR XNOR MUX MAJ LUT; `MUX` has the fan-ins
//!   select, value at 0, value at 1. Bit `r` of a LUT's `table`, in hexadecimal, is the value at row `r`,
//!   and bit `h` of `r` is fan-in `h`.
//! - `init` is `0`, `1`, `dont_care` or `unknown`; `clock` is BLIF's type and control and may be missing.
//! - The `kind` of a property is `bad`, `constraint`, `justice` or `fairness`; its name may be missing.
//! - The bit orders of words are `lsb`, `msb` and `bytes`, see [`crate::circuit::WordOrder`].
//!
//! Gates come in any order. Syntax errors have line and column; others name the gate or port.

use crate::circuit::{Circuit, GateKind, LatchInit, PropertyKind};
use crate::error::Result;
use crate::format::{Format, Holds, Loaded, Written};

mod read;
mod write;

/// This project's own, which says everything of a circuit.
pub static FORMAT: Format = Format {
    name: "json",
    title: "JSON",
    extension: "json",
    holds: Holds {
        names: true,
        latches: true,
        resets: true,
        tables: true,
        properties: true,
        orders: true,
    },
    has_modules: false,
    has_bad_states: false,
    detect: |opening| opening.line.starts_with(b"{"),
    read: |bytes, file, _| read(bytes, file),
    write,
};

/// Reads a JSON circuit.
///
/// # Errors
/// The bytes are no JSON, or no circuit.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    read::read(bytes, file)
}

/// Writes a circuit as JSON, gates in topological order. Gates without a name get one, since others
/// refer to them by it.
///
/// # Errors
/// None so far.
pub fn write(circuit: &Circuit) -> Result<Written> {
    Ok(write::write(circuit))
}

/// The version that is read and written.
const VERSION: u64 = 1;

/// The kinds of gates that have no truth table.
const KINDS: [GateKind; 12] = [
    GateKind::Const(false),
    GateKind::Const(true),
    GateKind::Buf,
    GateKind::Not,
    GateKind::And,
    GateKind::Or,
    GateKind::Xor,
    GateKind::Nand,
    GateKind::Nor,
    GateKind::Xnor,
    GateKind::Mux,
    GateKind::Maj,
];

const INITS: [(&str, LatchInit); 4] = [
    ("0", LatchInit::Zero),
    ("1", LatchInit::One),
    ("dont_care", LatchInit::DontCare),
    ("unknown", LatchInit::Unknown),
];

const PROPERTY_KINDS: [(&str, PropertyKind); 4] = [
    ("bad", PropertyKind::Bad),
    ("constraint", PropertyKind::Constraint),
    ("justice", PropertyKind::Justice),
    ("fairness", PropertyKind::Fairness),
];

#[cfg(test)]
mod tests;
