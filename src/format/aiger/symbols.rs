//! Names in an AIGER file: lines `i0 name` after the sections, up to a line `c`, where a comment starts.

use crate::error::Result;
use crate::format::scan::Scanner;

use super::body::Header;
use super::build::default_name;

/// The sections that have names, in the order of [`Symbols`]' lists.
const LETTERS: [u8; 7] = *b"ilobcjf";

/// What the letters stand for.
const SECTIONS: [&str; 7] =
    ["input", "latch", "output", "bad state", "constraint", "justice property", "fairness"];

/// The names of each section's entries; the lists are as long as the sections.
#[derive(Debug, Clone)]
pub(super) struct Symbols {
    pub inputs: Vec<Option<String>>,
    pub latches: Vec<Option<String>>,
    pub outputs: Vec<Option<String>>,
    pub bad: Vec<Option<String>>,
    pub constraints: Vec<Option<String>>,
    pub justice: Vec<Option<String>>,
    pub fairness: Vec<Option<String>>,
}

impl Symbols {
    /// Reads the names; what follows a line `c` is not looked at.
    ///
    /// # Errors
    /// A line is no symbol, names an entry that does not exist or has a name, or is no UTF-8.
    pub fn read(scanner: &mut Scanner, header: &Header) -> Result<Self> {
        let mut names = [
            header.inputs,
            header.latches,
            header.outputs,
            header.bad,
            header.constraints,
            header.justice,
            header.fairness,
        ]
        .map(|count| vec![None; count]);
        while !at_end(scanner) {
            let offset = scanner.offset();
            let (section, index) = entry(scanner, &names)?;
            scanner.space("a name")?;
            let name_offset = scanner.offset();
            let name = std::str::from_utf8(scanner.line())
                .map_err(|_| scanner.error(name_offset, "a name in UTF-8", "other bytes"))?;
            if name.is_empty() {
                return Err(scanner.expected(name_offset, "a name"));
            }
            if names[section][index].is_some() {
                let found = format!("another for {} {index}", SECTIONS[section]);
                return Err(scanner.error(offset, "one name for each entry", found));
            }
            names[section][index] = Some(name.to_string());
        }
        let [inputs, latches, outputs, bad, constraints, justice, fairness] = names;
        Ok(Symbols { inputs, latches, outputs, bad, constraints, justice, fairness })
    }

    /// Makes the names of the bad states those of outputs; one without a name is called as in traces.
    pub fn bad_as_outputs(&mut self) {
        let names = std::mem::take(&mut self.bad).into_iter().enumerate();
        self.outputs.extend(names.map(|(k, name)| name.or_else(|| Some(default_name('b', k)))));
    }
}

/// Whether the comment is next, or nothing but empty lines.
fn at_end(scanner: &Scanner) -> bool {
    let rest = scanner.rest();
    let comment = matches!(rest, [b'c'] | [b'c', b'\n', ..] | [b'c', b'\r', b'\n', ..]);
    comment || rest.iter().all(u8::is_ascii_whitespace)
}

/// The letter and number before a name, as section and index.
fn entry(scanner: &mut Scanner, names: &[Vec<Option<String>>; 7]) -> Result<(usize, usize)> {
    let offset = scanner.offset();
    let letter = scanner.byte();
    let Some(section) = LETTERS.iter().position(|&l| Some(l) == letter) else {
        return Err(
            scanner.expected(offset, "a symbol (i, l, o, b, c, j, f and a number) or \"c\"")
        );
    };
    if letter == Some(b'c') && !scanner.peek().is_some_and(|b| b.is_ascii_digit()) {
        return Err(scanner
            .expected(offset, "\"c\" alone on its line, or c and a number")
            .hint("a comment starts on the line after its \"c\""));
    }
    let what = format!("the number of a named {}", SECTIONS[section]);
    let count = names[section].len();
    let number_offset = scanner.offset();
    let index = scanner.number(&what, u32::MAX as usize)?;
    if index >= count {
        let expected = format!("{what}, below {count}");
        return Err(scanner.error(number_offset, expected, index.to_string()));
    }
    Ok((section, index))
}
