//! Verilog as far as it says a circuit: modules of gates, instances and `assign` expressions.
//!
//! As ISCAS files write it (`nand NAND2_1 (out, a, b);`), as the EPFL files do (escaped names, `assign`),
//! and as yosys and ABC print netlists. What is read means what IEEE 1364-2005 says; what is not read is
//! refused by its name. Nothing that could change the circuit is passed over.
//!
//! - `preprocess`: conditional text and macros are carried out, `include` is refused
//! - `modules`: modules of the file instantiate one another and are flattened into the top, the one that
//!   no other contains or that is asked for; ports by position or name, parameters
//! - `expression`, `evaluate`: all operators with the standard's widths and signs; `/ % **` of constants
//!   only; bit and part selects with constant indices; no x and z
//! - `always`, `initial`, `generate`, functions, tasks, `inout`, tri-state and switch primitives, arrays,
//!   strengths, `defparam`: refused. Delays are left out with a note.
//!
//! The bits of a vector `a` are named `a[0]`, `a[1]`, … and come in ascending order of their index,
//! whichever way the range is written. Ports keep the order of the module's port list.

use super::cursor::{Source, quote};
use super::{Format, Holds, Loaded, Opening};
use crate::error::Result;

mod declare;
mod elaborate;
mod evaluate;
mod expression;
mod gates;
mod instance;
mod lexer;
mod modules;
mod number;
mod preprocess;
mod range;
mod write;

pub use write::write;

const HINT: &str = "synthesise to gates first, in yosys: synth -auto-top -flatten; setundef -zero; \
    abc -g AND,OR,XOR; opt_clean -purge; write_verilog -noattr";

/// Structural Verilog, IEEE 1364.
pub static FORMAT: Format = Format {
    name: "verilog",
    title: "Verilog",
    extension: "v",
    holds: Holds { names: true, ..Holds::GATES },
    has_modules: true,
    has_bad_states: false,
    detect: shows,
    read: |bytes, file, options| read(bytes, file, options.top.as_deref()),
    write,
};

/// A module, or a directive or an attribute, in which what stands may look like anything.
fn shows(opening: &Opening) -> bool {
    opening.text.starts_with(b"`")
        || opening.text.starts_with(b"(*")
        || matches!(opening.word, b"module" | b"macromodule")
}

/// Reads a Verilog file; the circuit is the module that no other contains, or the one called `top`.
///
/// # Errors
/// The text is no structural module, or no circuit: at the place, with what was expected.
pub fn read(bytes: &[u8], file: &str, top: Option<&str>) -> Result<Loaded> {
    let source = Source::new(bytes, file)?;
    let lexemes = preprocess::preprocess(source)?;
    let modules = modules::cut(&source, &lexemes)?;
    let top = modules::top(&source, &lexemes, &modules, top)?;
    let (circuit, mut notes) = elaborate::elaborate(source, &lexemes, &modules, top)?;
    if modules.len() > 1 {
        let name = quote(modules[top].name.text);
        notes.insert(0, format!("the circuit is module {name} of {}", modules.len()));
    }
    Ok(Loaded { circuit, format: &FORMAT, notes })
}
