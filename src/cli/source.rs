//! Where circuits and models come from and where files go.

use std::io::{Read, Write};
use std::path::Path;

use circuit2tf::circuit::Circuit;
use circuit2tf::model::{Model, file};
use circuit2tf::{Error, Place, Result, family, format};
use sha2::{Digest, Sha256};

/// A circuit with what the model file says of its source.
pub struct Source {
    pub name: String,
    pub circuit: Circuit,
    /// Of the file's bytes, or of the family spec's text.
    pub sha256: String,
}

/// Reads a circuit from a file, stdin (`-`) or a family spec, and prints the reader's notes.
pub fn circuit(spec: &str) -> Result<Source> {
    if spec != "-" && !Path::new(spec).exists() && family::is_spec(spec) {
        let circuit = family::generate(spec)?;
        return Ok(Source { name: spec.to_string(), circuit, sha256: sha256(spec.as_bytes()) });
    }
    circuit_from(bytes(spec)?, spec)
}

/// The circuit in the bytes of `spec`.
pub fn circuit_from(bytes: Vec<u8>, spec: &str) -> Result<Source> {
    if file::is_model(&bytes) {
        let error = Error::new("a circuit", "a model file").at(Place::File(spec.to_string()));
        return Err(error.hint("the order of arguments is MODEL, then CIRCUIT"));
    }
    let loaded = format::read(&bytes, spec)?;
    super::print_notes(&loaded.notes);
    Ok(Source { name: spec.to_string(), circuit: loaded.circuit, sha256: sha256(&bytes) })
}

/// Reads a model file, and gives the sha256 of its bytes with it.
pub fn model(path: &str) -> Result<(Model, String)> {
    let bytes = bytes(path)?;
    Ok((file::from_bytes(&bytes, path)?, sha256(&bytes)))
}

/// The bytes of a file, or of stdin for `-`.
pub fn bytes(path: &str) -> Result<Vec<u8>> {
    if path == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|error| Error::io("stdin", "read", &error));
    }
    std::fs::read(path).map_err(|error| {
        let error_here = Error::io(path, "read", &error);
        match error.kind() {
            std::io::ErrorKind::NotFound => error_here
                .hint("neither a file nor a family; `circuit2tf families` lists the families"),
            _ => error_here,
        }
    })
}

/// Writes a file whole or not at all: to a temporary file beside it, then renamed.
pub fn write(path: &str, bytes: &[u8]) -> Result<()> {
    let target = Path::new(path);
    let parent = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let write = || {
        // A device or pipe cannot be replaced by renaming.
        if target.exists() && !target.is_file() {
            return std::fs::write(target, bytes);
        }
        let mut file = tempfile::Builder::new().prefix(".circuit2tf-").tempfile_in(parent)?;
        file.write_all(bytes)?;
        set_default_permissions(file.as_file())?;
        file.persist(target)?;
        Ok(())
    };
    write().map_err(|error: std::io::Error| Error::io(path, "write", &error))
}

/// Temporary files are private; the result is as readable as any file the user makes.
#[cfg(unix)]
fn set_default_permissions(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_default_permissions(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
