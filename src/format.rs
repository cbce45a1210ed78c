//! Reading and writing circuits; the format is chosen by content, then by the file's extension.
//!
//! Readers take bytes and never panic, whatever the bytes; writers lose nothing silently: what a format
//! cannot say is an error, what had to be renamed or left out is a note.

use std::fmt;
use std::path::Path;

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
mod nets;
mod opening;
mod order;
mod scan;
mod table;
pub mod verilog;

pub use opening::Opening;

/// A circuit file format: all that is known of it outside its room.
#[derive(Debug)]
pub struct Format {
    /// The name that flags use.
    pub name: &'static str,
    /// What people call it; several forms of one format share it.
    pub title: &'static str,
    /// The usual extension of its files, without the dot.
    pub extension: &'static str,
    /// What its files can say.
    pub holds: Holds,
    /// Whether a file may hold several circuits, of which [`Options::top`] names one.
    pub has_modules: bool,
    /// Whether [`Options::bad_as_outputs`] means something.
    pub has_bad_states: bool,
    /// Whether the content shows the format.
    pub detect: fn(&Opening) -> bool,
    /// Reads the bytes of a file of that name.
    pub read: fn(&[u8], &str, &Options) -> Result<Loaded>,
    /// Writes a circuit, or says what of it the format cannot say.
    pub write: fn(&Circuit) -> Result<Written>,
}

/// What a format can say; what it cannot is an error, or left out with a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// Names of inputs and outputs.
    pub names: bool,
    /// Latches, with the nets that they copy.
    pub latches: bool,
    /// What a latch starts at.
    pub resets: bool,
    /// Gates by their truth tables.
    pub tables: bool,
    /// Bad states, constraints, justice and fairness.
    pub properties: bool,
    /// Declared bit orders of words.
    pub orders: bool,
}

impl Holds {
    /// Gates, and nothing else.
    pub const GATES: Holds = Holds {
        names: false,
        latches: false,
        resets: false,
        tables: false,
        properties: false,
        orders: false,
    };
}

/// Every format, in the order in which they are listed to users; the first whose `detect` holds is a file's.
pub static FORMATS: [&Format; 8] = [
    &aiger::ASCII,
    &aiger::BINARY,
    &bench::FORMAT,
    &blif::FORMAT,
    &bristol::FASHION,
    &bristol::OLD,
    &verilog::FORMAT,
    &json::FORMAT,
];

/// The format of that name.
///
/// # Errors
/// There is none.
pub fn named(formats: &[&'static Format], name: &str) -> Result<&'static Format> {
    let known = formats.iter().find(|format| format.name == name);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = formats.iter().map(|format| format.name).collect();
        Error::new(format!("a format: {}", names.join(", ")), cursor::quote(name))
    })
}

/// The first format that a file's extension stands for: `.txt` is Bristol Fashion.
pub fn of_extension(formats: &[&'static Format], file: &str) -> Option<&'static Format> {
    let extension = Path::new(file).extension()?.to_str()?.to_ascii_lowercase();
    formats.iter().find(|format| format.extension == extension).copied()
}

/// The format in which a file of this name is written.
///
/// # Errors
/// Its extension names none.
pub fn of_name(file: &str) -> Result<&'static Format> {
    of_extension(&FORMATS, file).ok_or_else(|| {
        let mut extensions = FORMATS.map(|format| format!(".{}", format.extension)).to_vec();
        extensions.dedup();
        let expected = format!("an extension that names a format: {}", extensions.join(" "));
        Error::new(expected, format!("{file:?}"))
    })
}

/// What the formats are called that satisfy `which`, each once.
fn titles(formats: &[&Format], which: fn(&Format) -> bool) -> Vec<&'static str> {
    let mut titles: Vec<&str> = Vec::new();
    for format in formats.iter().filter(|format| which(format)) {
        if !titles.contains(&format.title) {
            titles.push(format.title);
        }
    }
    titles
}

/// The formats that satisfy `which`, as one says them: netlists before graphs, JSON, which nobody else reads, last.
fn either(which: fn(&Format) -> bool) -> String {
    let mut titles = titles(&FORMATS, which);
    titles.reverse();
    titles.sort_by_key(|&title| title == json::FORMAT.title);
    listed(&titles, "or")
}

/// `a, b or c`.
pub fn listed(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [word] => word.to_string(),
        [words @ .., word] => format!("{} {last} {word}", words.join(", ")),
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Format {
    /// An error if the circuit has properties, for a format that cannot say them.
    fn refuse_properties(&self, circuit: &Circuit) -> Result<()> {
        match circuit.properties().len() {
            0 => Ok(()),
            count => Err(Error::new(
                format!(
                    "a circuit without AIGER properties, which {} has no words for",
                    self.title
                ),
                format!("{count} properties"),
            )
            .hint(format!("write {} instead", either(|format| format.holds.properties)))),
        }
    }
}

/// A circuit as it was read, with what the reader skipped or assumed.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was read.
    pub circuit: Circuit,
    /// What it was written in.
    pub format: &'static Format,
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

/// What a reader has to be told: with the file's bytes, it says which circuit is read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The module or model that is the circuit, in a Verilog or BLIF file of several.
    pub top: Option<String>,
    /// Whether the bad states of an AIGER file become outputs.
    pub bad_as_outputs: bool,
}

/// In the words of the command line; empty if nothing was told.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let top = self.top.iter().map(|top| format!("top={top}"));
        let bad = self.bad_as_outputs.then(|| "bad-as-outputs".to_string());
        f.write_str(&Vec::from_iter(top.chain(bad)).join(" "))
    }
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
    let written = write(circuit, of_name(&path.to_string_lossy())?)?;
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

/// [`read`] with options.
///
/// # Errors
/// As [`read`], and options that the file's format does not know.
pub fn read_with(bytes: &[u8], file: &str, options: &Options) -> Result<Loaded> {
    read_among(&FORMATS, bytes, file, options)
}

/// [`read_with`], the file being of one of these formats.
///
/// # Errors
/// As [`read_with`].
pub fn read_among(
    formats: &[&'static Format],
    bytes: &[u8],
    file: &str,
    options: &Options,
) -> Result<Loaded> {
    let at = || Place::File(file.to_string());
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new("a circuit", "an empty file").at(at()));
    }
    if let Some(foreign) = content::foreign(bytes) {
        return Err(foreign.error("a circuit").at(at()));
    }
    let Some(format) = detect(formats, bytes).or(of_extension(formats, file)) else {
        let message = "this is no circuit file that can be told by its content or name";
        return Err(Error::message(message).at(at()).hint(known(formats)));
    };
    options.check(format).map_err(|error| error.at(at()))?;
    (format.read)(bytes, file, options)
}

/// The format that the content shows. Both kinds of Bristol file are the newer one, both of AIGER the ASCII one:
/// their readers look closer.
fn detect(formats: &[&'static Format], bytes: &[u8]) -> Option<&'static Format> {
    let opening = Opening::new(bytes);
    formats.iter().find(|format| (format.detect)(&opening)).copied()
}

/// What the formats are called, with the extensions that do not say it.
fn known(formats: &[&Format]) -> String {
    let with_extensions = |title: &&'static str| {
        let forms = formats.iter().filter(|format| format.title == *title);
        let mut extensions: Vec<String> =
            forms.map(|format| format!(".{}", format.extension)).collect();
        extensions.dedup();
        match extensions.join(", ") {
            plain if plain == format!(".{}", title.to_ascii_lowercase()) => title.to_string(),
            extensions => format!("{title} ({extensions})"),
        }
    };
    let known: Vec<String> = titles(formats, |_| true).iter().map(with_extensions).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    format!("the formats are {}", listed(&known, "and"))
}

impl Options {
    /// An error if one is set that the format has no use for.
    fn check(&self, format: &Format) -> Result<()> {
        if self.top.is_some() && !format.has_modules {
            let expected = format!("a {} file for --top", either(|format| format.has_modules));
            return Err(Error::new(expected, format!("{format}")));
        }
        if self.bad_as_outputs && !format.has_bad_states {
            let formats = either(|format| format.has_bad_states);
            return Err(Error::new(
                format!("an {formats} file for --bad-as-outputs"),
                format!("{format}"),
            ));
        }
        Ok(())
    }
}

/// Writes a circuit.
///
/// # Errors
/// The format cannot express the circuit.
pub fn write(circuit: &Circuit, format: &Format) -> Result<Written> {
    (format.write)(circuit)
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
        let cases: &[(&[u8], Option<&Format>)] = &[
            (b"aag 0 0 0 0 0\n", Some(&aiger::ASCII)),
            (b"aig 0 0 0 0 0\n", Some(&aiger::ASCII)),
            (b"aig = NOT(a)\n", Some(&bench::FORMAT)),
            (b".end = gnd\n", Some(&bench::FORMAT)),
            (b"module = NOT(a)\n", Some(&bench::FORMAT)),
            (b"#\n# c17\n\r\nInput (a)\n", Some(&bench::FORMAT)),
            (b"y=AND(a, b)", Some(&bench::FORMAT)),
            (b"# a comment\n.model m", Some(&blif::FORMAT)),
            (b"\xEF\xBB\xBF  .inputs a\n", Some(&blif::FORMAT)),
            (b"375 504\n32 32 33\n", Some(&bristol::FASHION)),
            (b"  6 9  \r\n2 1 1 \n", Some(&bristol::FASHION)),
            (b"1 2 3\n", None),
            (b"// v\n`timescale 1ns/1ps\n/* module */ (* top *) module m;", Some(&verilog::FORMAT)),
            (b"module(a)", Some(&verilog::FORMAT)),
            (b"`define EQ(x) \\\n y = (x)\nmodule m;", Some(&verilog::FORMAT)),
            (b"(* src = \"*) y = a\" *) module m;", Some(&verilog::FORMAT)),
            (b"\n{\"inputs\": []}", Some(&json::FORMAT)),
            (b"INPUT a\n", None),
            (b"/* no end", None),
            (b"\xFF\xFE\x00", None),
        ];
        for (bytes, format) in cases {
            assert_eq!(detect(&FORMATS, bytes), *format, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn names_and_extensions_lead_back_to_their_format() {
        for format in FORMATS {
            assert_eq!(named(&FORMATS, &format.to_string()).unwrap(), format);
            let found = of_extension(&FORMATS, &format!("x.{}", format.extension)).unwrap();
            assert_eq!(found.extension, format.extension);
        }
        assert_eq!(of_extension(&FORMATS, "A.BLIF"), Some(&blif::FORMAT));
        assert_eq!(of_extension(&FORMATS, "noextension"), None);
        let error = named(&FORMATS, "vhdl").unwrap_err().to_string();
        assert!(error.contains("aag, aig, bench") && error.contains("vhdl"), "{error}");
    }
    /// Sentences that name formats are made of the rows, and read as they always did.
    #[test]
    fn hints_list_the_formats() {
        assert_eq!(
            known(&FORMATS),
            "the formats are AIGER (.aag, .aig), bench, BLIF, Bristol (.txt), Verilog (.v) and JSON"
        );
        assert_eq!(either(|format| format.holds.properties), "AIGER or JSON");
        assert_eq!(either(|format| format.holds.latches), "BLIF, bench, AIGER or JSON");
        assert_eq!(either(|format| format.holds.resets), "BLIF, AIGER or JSON");
        assert_eq!(either(|format| format.has_modules), "Verilog or BLIF");
    }
}
