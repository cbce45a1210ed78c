//! What is shown: a model file, or a circuit compiled for the purpose.

use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{self, Options};
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::trace::Netlist;
use circuit2tf::verify::Pairing;
use circuit2tf::{Error, Place, Result};

use super::source;

// Flattened into the arguments of a command, whose group has the same name.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// A model file, or a circuit, which is compiled
    #[arg(value_name = "CIRCUIT|MODEL")]
    what: String,
    /// The circuit of the model file: names for the nodes
    #[arg(long, value_name = "CIRCUIT")]
    circuit: Option<String>,
    /// Layers of the block, of a circuit
    #[arg(long, value_name = "L")]
    layers: Option<usize>,
    /// The largest fan-in of a node, of a circuit
    #[arg(long, value_name = "K")]
    heads: Option<usize>,
    /// The number format, of a circuit
    #[arg(long, value_parser = super::choice::dtype())]
    dtype: Option<Dtype>,
    /// A causal mask, of a circuit
    #[arg(long)]
    causal: bool,
}

/// A model, and the circuit behind it where that is known.
pub struct Subject {
    /// A title: the file's name or the family.
    pub name: String,
    pub model: Model,
    pub circuit: Option<Circuit>,
    /// From the order of the model's file to the circuit's, which the model here has.
    pub pairing: Pairing,
}

impl Args {
    /// Reads the model file, or reads and compiles the circuit.
    pub fn load(&self) -> Result<Subject> {
        let is_file = self.what == "-" || std::path::Path::new(&self.what).exists();
        let bytes = if is_file { Some(source::bytes(&self.what)?) } else { None };
        let source = match bytes {
            Some(bytes) if file::is_model(&bytes) => return self.read(&bytes),
            Some(bytes) => source::circuit_from(bytes, &self.what)?,
            None => source::circuit(&self.what)?,
        };
        if self.circuit.is_some() {
            return Err(Error::new("--circuit with a model file", "a circuit"));
        }
        let default = Options::default();
        let options = Options {
            layers: self.layers.unwrap_or(default.layers),
            heads: self.heads.unwrap_or(default.heads),
            dtype: self.dtype.unwrap_or(default.dtype),
            causal: self.causal,
            ..default
        };
        let model = compile::compile(&source.circuit, &source.sha256, &options)?;
        let pairing = Pairing::default();
        Ok(Subject { name: base_name(&source.name), model, circuit: Some(source.circuit), pairing })
    }

    fn read(&self, bytes: &[u8]) -> Result<Subject> {
        let name = source::name(&self.what);
        let compiles =
            self.layers.is_some() || self.heads.is_some() || self.dtype.is_some() || self.causal;
        if compiles {
            let error = Error::new("a circuit, for the flags of compiling", "a model file");
            return Err(error.at(Place::File(name)));
        }
        let model = file::from_bytes(bytes, &name)?;
        let circuit = self.circuit.as_deref().map(source::circuit).transpose()?;
        let circuit = circuit.map(|source| source.circuit);
        let pairing = match &circuit {
            Some(circuit) => Pairing::new(&model, circuit, None)?,
            None => Pairing::default(),
        };
        let model = pairing.arrange(model);
        Ok(Subject { name: base_name(&name), model, circuit, pairing })
    }
}

/// A file's name without its folders, or a family's spec.
fn base_name(path: &str) -> String {
    let name = std::path::Path::new(path).file_name();
    name.map_or_else(|| path.to_string(), |name| name.to_string_lossy().into_owned())
}

impl Subject {
    /// The network that the model computes.
    pub fn netlist(&self) -> Result<Netlist> {
        Netlist::of(&self.model, self.circuit.as_ref())
    }
}
