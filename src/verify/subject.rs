//! What a verdict is about: a model and a circuit, by the hashes of their bytes, and how their ports are paired.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Pairing;

/// Digits of a hash in a line; JSON has them all.
const DIGITS: usize = 12;

/// A model and a circuit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Subject {
    pub pairing: Pairing,
    /// Of the model file's bytes, in hexadecimal.
    pub model_sha256: String,
    /// Of the circuit file's bytes or the family spec's text, in hexadecimal.
    pub circuit_sha256: String,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = |hash: &str| hash.chars().take(DIGITS).collect::<String>();
        let [model, circuit] = [&self.model_sha256, &self.circuit_sha256].map(|hash| first(hash));
        write!(f, "pairing={} model={model} circuit={circuit}", self.pairing.by())
    }
}

/// The hash of a file's bytes, or of a family spec's text, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
