//! Where files go: which names are taken, and which files are never replaced.
//!
//! A name's extension says the format. No file that this run reads, whatever it is called there, is written
//! by it, and no two of its results go to one file: both are decided here, for all commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use circuit2tf::format::FORMATS;
use circuit2tf::{Error, Place, Result, files};
use same_file::Handle;

/// The files of this run, by the names it was given.
struct Used {
    inputs: Vec<String>,
    outputs: Vec<(String, PathBuf)>,
}

static USED: Mutex<Used> = Mutex::new(Used { inputs: Vec::new(), outputs: Vec::new() });

/// The extensions of all that the program writes besides circuits.
const OTHERS: [&str; 12] =
    ["safetensors", "st", "html", "htm", "svg", "csv", "md", "tex", "bib", "rs", "cert", "shard"];

/// Whether the extension names one thing that the program writes, and holds nothing else.
fn is_known(extension: &str) -> bool {
    OTHERS.contains(&extension) || FORMATS.iter().any(|format| format.extension == extension)
}

/// Looks at the name of a file to write before the work, which may be long: its extension is one of
/// `extensions` or there is none, and it can be written as far as that is seen. Gives the extension.
///
/// # Errors
/// The name is taken by something else, its folder is missing, or its extension says something else.
pub fn output<'e>(path: &str, extensions: &[&'e str]) -> Result<Option<&'e str>> {
    let extension = extension_of(path, extensions)?;
    declare(path)?;
    Ok(extension)
}

/// [`output`] where a flag says the format, whose extension it gives: the name may have that, or one that
/// says nothing.
///
/// # Errors
/// As [`output`].
pub fn require_extension(path: &str, extension: &str) -> Result<()> {
    let found = lower_extension(path).filter(|found| is_known(found));
    if found.is_some_and(|found| found != extension) {
        let error = Error::new(format!("a name that ends in .{extension}"), format!("{path:?}"));
        return Err(error.hint("the extension and --format say different formats"));
    }
    declare(path)
}

fn extension_of<'e>(path: &str, extensions: &[&'e str]) -> Result<Option<&'e str>> {
    let Some(found) = lower_extension(path) else { return Ok(None) };
    let known = extensions.iter().find(|extension| **extension == found);
    known.map(|extension| Some(*extension)).ok_or_else(|| {
        let names: Vec<String> = extensions.iter().map(|e| format!(".{e}")).collect();
        Error::new(format!("a name that ends in {}", names.join(" or ")), format!("{path:?}"))
            .hint("the extension says the format")
    })
}

fn lower_extension(path: &str) -> Option<String> {
    Some(Path::new(path).extension()?.to_string_lossy().to_ascii_lowercase())
}

fn declare(path: &str) -> Result<()> {
    let target = files::target(path)?;
    let mut used = USED.lock().expect("nothing panics while it is held");
    used.require_no_input(path)?;
    if let Some((other, _)) = used.outputs.iter().find(|(_, taken)| *taken == target) {
        let found = format!("the same file as {other}");
        return Err(Error::new("a file for each result", found).at(Place::File(path.to_string())));
    }
    used.outputs.push((path.to_string(), target));
    Ok(())
}

/// Notes that a file is read, so that it is not written.
///
/// # Errors
/// It is to be written.
pub fn is_read(path: &str) -> Result<()> {
    let mut used = USED.lock().expect("nothing panics while it is held");
    used.inputs.push(path.to_string());
    used.outputs.iter().try_for_each(|(output, _)| used.require_no_input(output))
}

impl Used {
    fn require_no_input(&self, output: &str) -> Result<()> {
        let Some(input) = self.inputs.iter().find(|input| is_same(input, output)) else {
            return Ok(());
        };
        let found = format!("the same file as the input {}", super::name(input));
        Err(Error::new("a file to write that is not read", found)
            .at(Place::File(output.to_string()))
            .hint("nothing was written; give the output another name"))
    }
}

/// Whether two names, `-` being stdin, lead to one file: through another path, a link or a hard link.
fn is_same(input: &str, output: &str) -> bool {
    // Opening a pipe would wait for its other end.
    let opened = |path: &str| {
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        is_file.then(|| Handle::from_path(path).ok())?
    };
    let input = if input == "-" { Handle::stdin().ok() } else { opened(input) };
    input.is_some_and(|input| opened(output) == Some(input))
}

/// Writes a file whole or not at all.
///
/// # Errors
/// It cannot be written, or was read.
pub fn write(path: &str, bytes: &[u8]) -> Result<()> {
    files::target(path)?;
    USED.lock().expect("nothing panics while it is held").require_no_input(path)?;
    files::write(path, bytes)
}
