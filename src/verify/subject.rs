//! What a verdict is about: a model and a circuit, by the hashes of their bytes, and how their ports are paired.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{PairBy, Pairing, Statement, Verdict};
use crate::circuit::{Circuit, Literal};
use crate::error::{Error, Result};
use crate::model::{Model, file};

/// Digits of a hash in a line; JSON has them all.
const DIGITS: usize = 12;

/// Which model and which circuit: part of every verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Identity {
    /// How their ports are paired.
    pub pairing: Pairing,
    /// Of the model file's bytes, in hexadecimal.
    pub model_sha256: String,
    /// Of the circuit file's bytes or the family spec's text, in hexadecimal.
    pub circuit_sha256: String,
    /// What its reader was told, such as `top=m`: which circuit the file is hangs on it as well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reading: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = |hash: &str| hash.chars().take(DIGITS).collect::<String>();
        let [model, circuit] = [&self.model_sha256, &self.circuit_sha256].map(|hash| first(hash));
        write!(f, "pairing={} model={model} circuit={circuit}", self.pairing.by())?;
        if self.reading.is_empty() { Ok(()) } else { write!(f, " {}", self.reading) }
    }
}

impl Identity {
    /// An error unless `what` is about a circuit that was read as this one was.
    pub(super) fn require_reading(&self, reading: &str, what: &str) -> Result<()> {
        if self.reading == reading {
            return Ok(());
        }
        let [own, other] = [&self.reading, reading].map(|told| match told {
            "" => "nothing",
            told => told,
        });
        Err(Error::new(format!("{what} of a circuit whose reader was told {own}"), other)
            .hint("--top and --bad-as-outputs say which circuit of a file is read"))
    }
}

/// A model and the circuit that it may compute, whose ports are in the same order.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    model: Cow<'a, Model>,
    circuit: &'a Circuit,
    identity: Identity,
}

impl<'a> Subject<'a> {
    /// A model and a circuit that were not read from files: the model's hash is that of the file it would be
    /// written to, the circuit's that of its nodes and names.
    ///
    /// # Errors
    /// The circuit is sequential, or the numbers of inputs or outputs differ.
    pub fn new(model: &'a Model, circuit: &'a Circuit) -> Result<Self> {
        let identity = Identity {
            pairing: Pairing::new(model, circuit, None)?,
            model_sha256: sha256(&file::to_bytes(model)),
            circuit_sha256: sha256(structure(circuit).as_bytes()),
            reading: String::new(),
        };
        let model = if identity.pairing.is_in_order() {
            Cow::Borrowed(model)
        } else {
            Cow::Owned(identity.pairing.arrange(model.clone()))
        };
        Ok(Subject { model, circuit, identity })
    }

    /// A model and a circuit with the hashes of their files; `asked` says how ports are paired, which is by name
    /// where that can be done.
    ///
    /// # Errors
    /// As [`Subject::new`], or the names of ports differ where they are asked for.
    pub fn of_files(
        (model, model_sha256): (Model, String),
        (circuit, circuit_sha256): (&'a Circuit, String),
        asked: Option<PairBy>,
    ) -> Result<Self> {
        let pairing = Pairing::new(&model, circuit, asked)?;
        let model = Cow::Owned(pairing.arrange(model));
        let identity = Identity { pairing, model_sha256, circuit_sha256, reading: String::new() };
        Ok(Subject { model, circuit, identity })
    }

    /// What the circuit's reader was told, such as `top=m`; nothing by default.
    pub fn read_as(mut self, reading: &str) -> Self {
        self.identity.reading = reading.to_string();
        self
    }

    /// The subject, its model with another number of loops.
    ///
    /// # Errors
    /// As [`Model::with_loops`].
    pub fn with_loops(self, n_loops: usize) -> Result<Self> {
        let model = Cow::Owned(self.model.into_owned().with_loops(n_loops)?);
        Ok(Subject { model, ..self })
    }

    /// The model, with its ports in the circuit's order.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The circuit.
    pub fn circuit(&self) -> &'a Circuit {
        self.circuit
    }

    /// A verdict, with what it is about.
    pub fn state(&self, verdict: Verdict) -> Statement {
        Statement { verdict, subject: self.identity.clone() }
    }

    /// Which model and circuit these are.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// All that a verdict rests on: the ports by name, and what is between them.
fn structure(circuit: &Circuit) -> String {
    let mut text = String::new();
    let operand =
        |l: Literal| format!(" {}{}", if l.complemented { "!" } else { "" }, l.node.index());
    for id in circuit.nodes() {
        let operands: String = circuit.fanins(id).map(operand).collect();
        text += &format!("{:?}{operands}\n", circuit.kind(id));
    }
    for (id, name) in circuit.inputs().iter().zip(circuit.input_names()) {
        text += &format!("input {} {name:?}\n", id.index());
    }
    for output in circuit.outputs() {
        text += &format!("output{} {:?}\n", operand(output.literal), output.name);
    }
    text
}

/// The hash of a file's bytes, or of a family spec's text, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
