//! Reading and writing circuits; the format is chosen by content, then by the file's extension.
//!
//! Readers take bytes and never panic, whatever the bytes; writers lose nothing silently: what a format
//! cannot say is an error, what had to be renamed or left out is a note.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::circuit::Circuit;
use crate::error::{Error, Place, Result};
use crate::{content, files};

pub mod aiger;
pub mod bench;
pub mod blif;
pub mod bristol;
mod cursor;
pub mod json;
mod lower;
mod names;
mod netlist;
mod order;
mod scan;
mod table;
pub mod verilog;

/// A circuit file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// AIGER 1.9 as text.
    AigerAscii,
    /// AIGER 1.9 as bytes.
    AigerBinary,
    /// The netlists of ISCAS.
    Bench,
    /// Berkeley's logic interchange format.
    Blif,
    /// Bristol Fashion: groups of inputs and outputs, EQ, EQW, MAND.
    Bristol,
    /// The older Bristol format: two inputs and one output.
    BristolOld,
    /// Structural Verilog, IEEE 1364.
    Verilog,
    /// This project's own, which says everything of a circuit.
    Json,
}

impl Format {
    /// Every format, in the order in which they are listed to users.
    pub const ALL: [Format; 8] = [
        Format::AigerAscii,
        Format::AigerBinary,
        Format::Bench,
        Format::Blif,
        Format::Bristol,
        Format::BristolOld,
        Format::Verilog,
        Format::Json,
    ];

    /// The name that flags use.
    pub fn name(self) -> &'static str {
        match self {
            Format::AigerAscii => "aag",
            Format::AigerBinary => "aig",
            Format::Bench => "bench",
            Format::Blif => "blif",
            Format::Bristol => "bristol",
            Format::BristolOld => "bristol-old",
            Format::Verilog => "verilog",
            Format::Json => "json",
        }
    }

    /// The usual extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Bristol | Format::BristolOld => "txt",
            Format::Verilog => "v",
            other => other.name(),
        }
    }

    /// The format that a file's extension stands for; `.txt` is Bristol Fashion.
    pub fn from_extension(file: &str) -> Option<Format> {
        let extension = Path::new(file).extension()?.to_str()?.to_ascii_lowercase();
        Format::ALL.into_iter().find(|format| format.extension() == extension)
    }

    /// The format in which a file of this name is written.
    ///
    /// # Errors
    /// Its extension names none.
    pub fn of_name(file: &str) -> Result<Format> {
        Format::from_extension(file).ok_or_else(|| {
            let mut extensions = Format::ALL.map(|f| format!(".{}", f.extension())).to_vec();
            extensions.dedup();
            let expected = format!("an extension that names a format: {}", extensions.join(" "));
            Error::new(expected, format!("{file:?}"))
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Format> {
        let known = Format::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.into_iter().map(Format::name).collect();
            Error::new(format!("a format: {}", names.join(", ")), cursor::quote(name))
        })
    }
}

/// A circuit as it was read, with what the reader skipped or assumed.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was read.
    pub circuit: Circuit,
    /// What it was written in.
    pub format: Format,
    /// Sentences for people, one for each thing.
    pub notes: Vec<String>,
}

/// A circuit as it is to be written, with what the writer had to rename or leave out.
#[derive(Debug, Clone)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// Sentences for people, one for each thing.
    pub notes: Vec<String>,
}

/// What a reader has to be told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The module or model that is the circuit, in a Verilog or BLIF file of several.
    pub top: Option<String>,
    /// Whether the bad states of an AIGER file become outputs.
    pub bad_as_outputs: bool,
}

/// Reads a circuit from a file.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("adder.blif");
/// use circuit2tf::{family, format};
///
/// format::save(&family::generate("adder:2")?, &path)?;
/// assert_eq!(format::load(&path)?.circuit.n_gates(), 7);
/// # Ok::<(), circuit2tf::Error>(())
/// ```
///
/// # Errors
/// It cannot be read; or as [`read`].
pub fn load(path: impl AsRef<Path>) -> Result<Loaded> {
    load_with(path, &Options::default())
}

/// Reads a circuit from a file, with options.
///
/// # Errors
/// It cannot be read; or as [`read_with`].
pub fn load_with(path: impl AsRef<Path>, options: &Options) -> Result<Loaded> {
    let (bytes, name) = files::named(path.as_ref())?;
    read_with(&bytes, &name, options)
}

/// Writes a circuit to a file, whole or not at all, in the format of its extension (`.txt` is Bristol Fashion).
/// Gives what had to be renamed or left out.
///
/// # Errors
/// The extension names no format, the format cannot express the circuit, or the file cannot be written.
pub fn save(circuit: &Circuit, path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    let written = write(circuit, Format::of_name(&path.to_string_lossy())?)?;
    files::write(path, &written.bytes)?;
    Ok(written.notes)
}

/// Reads a circuit from the bytes of `file` (its name, for errors and, where the content does not
/// decide, for its extension).
///
/// # Errors
/// The bytes are no circuit of a known format, with the place and what was expected there.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    read_with(bytes, file, &Options::default())
}

/// The same with options.
///
/// # Errors
/// The same, and options that the file's format does not know.
pub fn read_with(bytes: &[u8], file: &str, options: &Options) -> Result<Loaded> {
    let at = || Place::File(file.to_string());
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new("a circuit", "an empty file").at(at()));
    }
    if let Some(foreign) = content::foreign(bytes) {
        return Err(foreign.error("a circuit").at(at()));
    }
    let format = detect(bytes).or(Format::from_extension(file));
    options.check(format).map_err(|error| error.at(at()))?;
    let top = options.top.as_deref();
    match format {
        Some(Format::AigerAscii | Format::AigerBinary) => {
            aiger::read_with(bytes, file, options.bad_as_outputs)
        }
        Some(Format::Bench) => bench::read(bytes, file),
        Some(Format::Blif) => blif::read(bytes, file, top),
        Some(Format::Bristol | Format::BristolOld) => bristol::read(bytes, file),
        Some(Format::Verilog) => verilog::read(bytes, file, top),
        Some(Format::Json) => json::read(bytes, file),
        None => Err(Error::message("this is no circuit file that can be told by its content or name")
            .at(at())
            .hint("the formats are AIGER (.aag, .aig), bench, BLIF, Bristol (.txt), Verilog (.v) and JSON")),
    }
}

impl Options {
    /// An error if one is set that the format has no use for.
    fn check(&self, format: Option<Format>) -> Result<()> {
        let Some(format) = format else { return Ok(()) };
        let is_aiger = matches!(format, Format::AigerAscii | Format::AigerBinary);
        if self.top.is_some() && !matches!(format, Format::Verilog | Format::Blif) {
            return Err(Error::new("a Verilog or BLIF file for --top", format!("{format}")));
        }
        if self.bad_as_outputs && !is_aiger {
            return Err(Error::new("an AIGER file for --bad-as-outputs", format!("{format}")));
        }
        Ok(())
    }
}

/// Writes a circuit.
///
/// # Errors
/// The format cannot express the circuit.
pub fn write(circuit: &Circuit, format: Format) -> Result<Written> {
    match format {
        Format::AigerAscii => aiger::write_ascii(circuit),
        Format::AigerBinary => aiger::write_binary(circuit),
        Format::Bench => bench::write(circuit),
        Format::Blif => blif::write(circuit),
        Format::Bristol => bristol::write(circuit),
        Format::BristolOld => bristol::write_old(circuit),
        Format::Verilog => verilog::write(circuit),
        Format::Json => json::write(circuit),
    }
}

/// The format that the content shows. Both kinds of Bristol file are `Bristol`, both of AIGER
/// `AigerAscii`: their readers look closer.
fn detect(bytes: &[u8]) -> Option<Format> {
    if let [b'a', b'a' | b'i', b'g', b' ', b'-' | b'0'..=b'9', ..] = bytes {
        return Some(Format::AigerAscii);
    }
    let content = skip_comments(bytes);
    // A directive or an attribute; what stands in it may look like anything.
    if content.starts_with(b"`") || content.starts_with(b"(*") {
        return Some(Format::Verilog);
    }
    let line = content.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
    let word_end = line.iter().position(|&byte| !is_word(byte)).unwrap_or(line.len());
    let (word, rest) = (&line[..word_end], line[word_end..].trim_ascii_start());
    let is_number = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let mut numbers = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    // First, since the net that a bench file defines may be called anything, say ".end" or "module".
    if rest.starts_with(b"=") || is_bench_port(word) && rest.starts_with(b"(") {
        Some(Format::Bench)
    } else if line.starts_with(b"{") {
        Some(Format::Json)
    } else if line.first() == Some(&b'.') && line.get(1).is_some_and(u8::is_ascii_alphabetic) {
        Some(Format::Blif)
    } else if matches!(word, b"module" | b"macromodule") {
        Some(Format::Verilog)
    } else if numbers.clone().count() == 2 && numbers.all(is_number) {
        Some(Format::Bristol)
    } else {
        None
    }
}

fn is_word(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'(' | b')' | b'=' | b',' | b'#')
}

fn is_bench_port(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"INPUT") || word.eq_ignore_ascii_case(b"OUTPUT")
}

/// The bytes behind a byte order mark, white space, and comments of any format.
fn skip_comments(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    loop {
        rest = rest.trim_ascii_start();
        let (open, close): (usize, &[u8]) = match rest {
            [b'#', ..] | [b'/', b'/', ..] => (1, b"\n"),
            [b'/', b'*', ..] => (2, b"*/"),
            _ => return rest,
        };
        let end = rest[open..].windows(close.len()).position(|window| window == close);
        let Some(end) = end else { return &[] };
        rest = &rest[open + end + close.len()..];
    }
}

/// An error if the circuit has properties, which netlist formats cannot say.
fn refuse_properties(circuit: &Circuit, format: &str) -> Result<()> {
    match circuit.properties().len() {
        0 => Ok(()),
        count => Err(Error::new(
            format!("a circuit without AIGER properties, which {format} has no words for"),
            format!("{count} properties"),
        )
        .hint("write AIGER or JSON instead")),
    }
}

/// A note about declared bit orders, which netlist formats cannot say.
fn word_order_note(circuit: &Circuit) -> Option<String> {
    let words: Vec<&str> = circuit.word_orders().keys().map(String::as_str).collect();
    (!words.is_empty()).then(|| {
        format!("the format has no bit orders: those of {} are left out", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_format() {
        let cases: &[(&[u8], Option<Format>)] = &[
            (b"aag 0 0 0 0 0\n", Some(Format::AigerAscii)),
            (b"aig 0 0 0 0 0\n", Some(Format::AigerAscii)),
            (b"aig = NOT(a)\n", Some(Format::Bench)),
            (b".end = gnd\n", Some(Format::Bench)),
            (b"module = NOT(a)\n", Some(Format::Bench)),
            (b"#\n# c17\n\r\nInput (a)\n", Some(Format::Bench)),
            (b"y=AND(a, b)", Some(Format::Bench)),
            (b"# a comment\n.model m", Some(Format::Blif)),
            (b"\xEF\xBB\xBF  .inputs a\n", Some(Format::Blif)),
            (b"375 504\n32 32 33\n", Some(Format::Bristol)),
            (b"  6 9  \r\n2 1 1 \n", Some(Format::Bristol)),
            (b"1 2 3\n", None),
            (b"// v\n`timescale 1ns/1ps\n/* module */ (* top *) module m;", Some(Format::Verilog)),
            (b"module(a)", Some(Format::Verilog)),
            (b"`define EQ(x) \\\n y = (x)\nmodule m;", Some(Format::Verilog)),
            (b"(* src = \"*) y = a\" *) module m;", Some(Format::Verilog)),
            (b"\n{\"inputs\": []}", Some(Format::Json)),
            (b"INPUT a\n", None),
            (b"/* no end", None),
            (b"\xFF\xFE\x00", None),
        ];
        for (bytes, format) in cases {
            assert_eq!(detect(bytes), *format, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn names_and_extensions_lead_back_to_their_format() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
            let found = Format::from_extension(&format!("x.{}", format.extension())).unwrap();
            assert_eq!(found.extension(), format.extension());
        }
        assert_eq!(Format::from_extension("A.BLIF"), Some(Format::Blif));
        assert_eq!(Format::from_extension("noextension"), None);
        let error = "vhdl".parse::<Format>().unwrap_err().to_string();
        assert!(error.contains("aag, aig, bench") && error.contains("vhdl"), "{error}");
    }
}
