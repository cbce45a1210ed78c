//! Where circuits and models come from and where files go.

use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use circuit2tf::circuit::Circuit;
use circuit2tf::model::{Model, file};
use circuit2tf::verify::{PairBy, Subject, sha256};
use circuit2tf::{Error, Place, Result, family, files, format};

mod output;

pub use output::{output, require_extension, write};

/// A circuit with what the model file says of its source.
pub struct Source {
    pub name: String,
    pub circuit: Circuit,
    /// Of the file's bytes, or of the family spec's text.
    pub sha256: String,
    /// What the reader was told.
    pub reading: String,
}

impl Source {
    /// A model, with the hash of its file, and this circuit.
    pub fn subject(&self, model: (Model, String), pair: PairArgs) -> Result<Subject<'_>> {
        let circuit = (&self.circuit, self.sha256.clone());
        Ok(Subject::of_files(model, circuit, pair.pair)?.read_as(&self.reading))
    }
}

/// How to pair inputs and outputs of model and circuit.
// Flattened into the arguments of a command.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(skip)]
pub struct PairArgs {
    /// Pair inputs and outputs of model and circuit by name or by position; by name if both have the same
    /// names, else by position
    #[arg(long, value_name = "HOW")]
    pair: Option<PairBy>,
}

/// What the command line tells the readers.
static OPTIONS: OnceLock<format::Options> = OnceLock::new();

/// Tells the readers what the command line says; before anything is read.
pub fn set_options(options: format::Options) {
    // A second call would be one by a caller in the same process, who gets what the first one said.
    let _ = OPTIONS.set(options);
}

/// Reads a circuit from a file, stdin (`-`) or a family spec, and prints the reader's notes.
pub fn circuit(spec: &str) -> Result<Source> {
    if is_file(spec) {
        return circuit_from(bytes(spec)?, spec);
    }
    if family::is_spec(spec) {
        let circuit = family::generate(spec)?;
        let (sha256, reading) = (sha256(spec.as_bytes()), String::new());
        return Ok(Source { name: spec.to_string(), circuit, sha256, reading });
    }
    Err(Error::new("a circuit file or a family", format!("{spec:?}, which is neither"))
        .hint("there is no such file; `circuit2tf families` lists the families"))
}

/// The circuit in the bytes of `spec`.
pub fn circuit_from(bytes: Vec<u8>, spec: &str) -> Result<Source> {
    if file::is_model(&bytes) {
        let error = Error::new("a circuit", "a model file").at(Place::File(name(spec)));
        return Err(error.hint(ORDER));
    }
    let options = OPTIONS.get_or_init(Default::default);
    let loaded = format::read_with(&bytes, &name(spec), options)?;
    super::print_notes(&loaded.notes);
    let (sha256, reading) = (sha256(&bytes), options.to_string());
    Ok(Source { name: name(spec), circuit: loaded.circuit, sha256, reading })
}

/// Reads a model file.
pub fn model(path: &str) -> Result<Model> {
    file::from_bytes(&model_bytes(path)?, &name(path))
}

/// Reads a model file, and gives the sha256 of its bytes with it.
pub fn model_with_sha256(path: &str) -> Result<(Model, String)> {
    let bytes = model_bytes(path)?;
    let (model, sha256) = rayon::join(|| file::from_bytes(&bytes, &name(path)), || sha256(&bytes));
    Ok((model?, sha256))
}

/// Reads a model file, and gives its bytes with it.
pub fn model_with_bytes(path: &str) -> Result<(Model, Vec<u8>)> {
    let bytes = model_bytes(path)?;
    Ok((file::from_bytes(&bytes, &name(path))?, bytes))
}

fn model_bytes(path: &str) -> Result<Vec<u8>> {
    if !is_file(path) && family::is_spec(path) {
        return Err(Error::new("a model file", format!("the family {path:?}")).hint(ORDER));
    }
    bytes(path)
}

const ORDER: &str = "where both are given, the model stands before the circuit";

fn is_file(path: &str) -> bool {
    path == "-" || Path::new(path).exists()
}

/// The name of a file in messages.
pub fn name(path: &str) -> String {
    if path == "-" { "stdin".to_string() } else { path.to_string() }
}

/// The bytes of a file, or of stdin for `-`.
pub fn bytes(path: &str) -> Result<Vec<u8>> {
    output::is_read(path)?;
    if path == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|error| Error::io("stdin", "read", &error));
    }
    files::read(path).map_err(|error| Error::io(path, "read", &error))
}
