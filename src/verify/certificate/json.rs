//! Certificates as JSON, to be kept and checked again.

use serde_json::{Map, Value, json};

use super::{ASSUMPTIONS, Certificate, Condition, Facts};
use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::model::Model;

const FORMAT: &str = "circuit2tf certificate";
const VERSION: &str = "1";

/// A certificate with the hashes of what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateFile {
    pub certificate: Certificate,
    /// Of the model file's bytes, in hexadecimal.
    pub model_sha256: String,
    /// Of the circuit file's bytes or the family spec's text, in hexadecimal.
    pub circuit_sha256: String,
}

impl CertificateFile {
    /// The file's text.
    pub fn to_json(&self) -> String {
        let certificate = &self.certificate;
        let document = json!({
            "format": FORMAT,
            "version": VERSION,
            "model_sha256": self.model_sha256,
            "circuit_sha256": self.circuit_sha256,
            "verified": certificate.is_proof(),
            "assumptions": ASSUMPTIONS,
            "conditions": certificate.conditions.iter().map(condition_to_json).collect::<Vec<_>>(),
            "facts": facts_to_json(&certificate.facts),
        });
        format!("{document:#}\n")
    }

    /// Reads what [`Self::to_json`] writes.
    ///
    /// # Errors
    /// The text is no certificate, with the entry that is missing or wrong.
    pub fn from_json(text: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| Error::new("a certificate (JSON)", error.to_string()))?;
        let document = Entries(&document);
        for (key, value) in [("format", FORMAT), ("version", VERSION)] {
            let found = document.text(key)?;
            if found != value {
                return Err(Error::new(format!("{key} {value:?}"), format!("{found:?}")));
            }
        }
        let conditions = document.get("conditions")?.as_array();
        let conditions = conditions.ok_or_else(|| Error::new("an array of conditions", "none"))?;
        let file = CertificateFile {
            certificate: Certificate {
                conditions: conditions.iter().map(condition_from_json).collect::<Result<_>>()?,
                facts: facts_from_json(Entries(document.get("facts")?))?,
            },
            model_sha256: document.text("model_sha256")?,
            circuit_sha256: document.text("circuit_sha256")?,
        };
        match document.get("verified")?.as_bool() {
            Some(verified) if verified == file.certificate.is_proof() => Ok(file),
            _ => Err(Error::new("\"verified\" as the conditions say", "another value")),
        }
    }

    /// Checks the model and the circuit once more by `prove`, which makes a certificate of them, and
    /// compares every condition and fact but how the network was compared with the circuit.
    ///
    /// # Errors
    /// The hashes are not those of the file, or the first condition or fact that is different.
    pub fn recheck(
        &self,
        (model, model_sha256): (&Model, &str),
        (circuit, circuit_sha256): (&Circuit, &str),
        prove: impl FnOnce(&Model, &Circuit) -> Certificate,
    ) -> Result<()> {
        for (what, expected, found) in [
            ("model", &self.model_sha256, model_sha256),
            ("circuit", &self.circuit_sha256, circuit_sha256),
        ] {
            if expected != found {
                return Err(Error::new(format!("the {what} with sha256 {expected}"), found)
                    .hint(format!("the certificate is about another {what}")));
            }
        }
        let comparison = self.certificate.facts.comparison.clone();
        let again = prove(model, circuit);
        let facts = Facts { comparison, ..again.facts };
        self.certificate.require_same(&Certificate { facts, ..again })
    }
}

impl Certificate {
    /// An error that names the first difference.
    fn require_same(&self, again: &Certificate) -> Result<()> {
        let differs = |what: &str, kept: String, found: String| {
            Err(Error::new(format!("{what} as the certificate has it, {kept}"), found))
        };
        for (kept, found) in self.conditions.iter().zip(&again.conditions) {
            if kept != found {
                let text = |c: &Condition| format!("{} {}", c.id, condition_to_json(c));
                return differs("a condition", text(kept), text(found));
            }
        }
        let (kept, found) = (self.conditions.len(), again.conditions.len());
        if kept != found {
            return differs("the number of conditions", kept.to_string(), found.to_string());
        }
        if self.facts != again.facts {
            let text = |facts| facts_to_json(facts).to_string();
            return differs("facts", text(&self.facts), text(&again.facts));
        }
        Ok(())
    }
}

fn condition_to_json(condition: &Condition) -> Value {
    let mut entry = Map::new();
    entry.insert("id".to_string(), json!(condition.id));
    entry.insert("statement".to_string(), json!(condition.statement));
    entry.insert("passed".to_string(), json!(condition.failure.is_none()));
    if let Some((margin, unit)) = &condition.margin {
        entry.insert("margin".to_string(), json!(margin));
        entry.insert("unit".to_string(), json!(unit));
    }
    if let Some(failure) = &condition.failure {
        entry.insert("failure".to_string(), json!(failure));
    }
    Value::Object(entry)
}

fn condition_from_json(value: &Value) -> Result<Condition> {
    let entries = Entries(value);
    let optional = |key: &str| value.get(key).map(|_| entries.text(key)).transpose();
    let margin = match value.get("margin") {
        None => None,
        Some(_) => Some((entries.number("margin")?, entries.text("unit")?)),
    };
    Ok(Condition {
        id: entries.text("id")?,
        statement: entries.text("statement")?,
        margin,
        failure: optional("failure")?,
    })
}

fn facts_to_json(facts: &Facts) -> Value {
    json!({
        "dtype": facts.dtype,
        "attention": facts.attention,
        "n_positions": facts.n_positions,
        "n_inputs": facts.n_inputs,
        "n_outputs": facts.n_outputs,
        "n_heads": facts.n_heads,
        "n_layers": facts.n_layers,
        "n_loops": facts.n_loops,
        "n_distinct_layers": facts.n_distinct_layers,
        "n_dynamic_channels": facts.n_dynamic_channels,
        "depth": facts.depth,
        "gap": facts.gap,
        "threshold": facts.threshold,
        "distance": facts.distance,
        "n_enumerated": facts.n_enumerated,
        "n_types": facts.n_types,
        "largest": facts.largest,
        "comparison": facts.comparison,
    })
}

fn facts_from_json(entries: Entries) -> Result<Facts> {
    let absent = |key: &str| Ok::<bool, Error>(entries.get(key)?.is_null());
    Ok(Facts {
        dtype: entries.text("dtype")?,
        attention: entries.text("attention")?,
        n_positions: entries.count("n_positions")?,
        n_inputs: entries.count("n_inputs")?,
        n_outputs: entries.count("n_outputs")?,
        n_heads: entries.count("n_heads")?,
        n_layers: entries.count("n_layers")?,
        n_loops: entries.count("n_loops")?,
        n_distinct_layers: entries.count("n_distinct_layers")?,
        n_dynamic_channels: entries.count("n_dynamic_channels")?,
        depth: entries.count("depth")?,
        gap: if absent("gap")? { None } else { Some(entries.number("gap")?) },
        threshold: entries.number("threshold")?,
        distance: if absent("distance")? { None } else { Some(entries.count("distance")? as u32) },
        n_enumerated: entries.count("n_enumerated")?,
        n_types: entries.count("n_types")?,
        largest: entries.number("largest")?,
        comparison: entries.text("comparison")?,
    })
}

/// The entries of a JSON object, each required.
#[derive(Clone, Copy)]
struct Entries<'v>(&'v Value);

impl<'v> Entries<'v> {
    fn get(self, key: &str) -> Result<&'v Value> {
        self.0.get(key).ok_or_else(|| Error::new(format!("an entry {key:?}"), "none"))
    }

    fn text(self, key: &str) -> Result<String> {
        let text = self.get(key)?.as_str();
        text.map(str::to_string).ok_or_else(|| self.wrong(key, "a text"))
    }

    fn number(self, key: &str) -> Result<f64> {
        self.get(key)?.as_f64().ok_or_else(|| self.wrong(key, "a number"))
    }

    fn count(self, key: &str) -> Result<usize> {
        let count = self.get(key)?.as_u64().and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| self.wrong(key, "a count"))
    }

    fn wrong(self, key: &str, expected: &str) -> Error {
        let found = self.0.get(key).map_or_else(String::new, Value::to_string);
        Error::new(format!("{expected} as {key:?}"), found)
    }
}
