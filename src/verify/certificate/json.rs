//! Certificates as JSON, to be kept and checked again.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{Identity, PairBy};
use super::{ASSUMPTIONS, Certificate, Condition, Facts};
use crate::circuit::Circuit;
use crate::content;
use crate::error::{Error, Result};
use crate::model::Model;

const FORMAT: &str = "circuit2tf certificate";
const VERSION: &str = "2";

/// A certificate with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateFile {
    pub certificate: Certificate,
    /// How inputs and outputs of model and circuit were paired.
    pub pairing: PairBy,
    /// The file as it was read, with what follows from the rest if nobody edited it.
    document: Value,
}

/// A way to make a certificate.
pub type Prover = dyn Fn(&Model, &Circuit) -> Certificate;

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: String,
    model_sha256: String,
    circuit_sha256: String,
    pairing: PairBy,
    /// The loops that were certified, which need not be the model's own.
    loops: usize,
    verified: bool,
    assumptions: Vec<String>,
    conditions: Vec<Entry>,
    facts: Facts,
}

/// A condition in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    statement: String,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    margin: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl CertificateFile {
    /// A certificate and what it is about.
    pub fn new(certificate: Certificate, subject: &Identity) -> Self {
        let Certificate { conditions, facts } = &certificate;
        let document = Document {
            format: FORMAT.to_string(),
            version: VERSION.to_string(),
            model_sha256: subject.model_sha256.clone(),
            circuit_sha256: subject.circuit_sha256.clone(),
            pairing: subject.pairing.by(),
            loops: facts.n_loops,
            verified: certificate.is_proof(),
            assumptions: ASSUMPTIONS.map(str::to_string).to_vec(),
            conditions: conditions.iter().map(Entry::of).collect(),
            facts: facts.clone(),
        };
        let (pairing, document) = (subject.pairing.by(), json!(document));
        CertificateFile { certificate, pairing, document }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.document)
    }

    /// Reads what [`Self::to_json`] writes. What it says is not believed before [`Self::recheck`].
    ///
    /// # Errors
    /// The text is no certificate, with the entry that is missing or wrong.
    pub fn from_json(text: &str) -> Result<Self> {
        let kept = content::json(text.as_bytes())
            .map_err(|error| Error::new("a certificate (JSON)", error.to_string()))?;
        let document: Document = serde_path_to_error::deserialize(&kept)
            .map_err(|error| Error::new("a certificate (JSON)", error.to_string()))?;
        for (key, value, found) in
            [("format", FORMAT, &document.format), ("version", VERSION, &document.version)]
        {
            if found != value {
                return Err(Error::new(format!("{key} {value:?}"), format!("{found:?}")));
            }
        }
        if document.loops != document.facts.n_loops {
            let found = format!("{} and {}", document.loops, document.facts.n_loops);
            return Err(Error::new("the same number as loops and as facts.n_loops", found));
        }
        let conditions = document.conditions.into_iter().map(Entry::condition);
        Ok(CertificateFile {
            certificate: Certificate { conditions: conditions.collect(), facts: document.facts },
            pairing: document.pairing,
            document: kept,
        })
    }

    /// Checks the model and the circuit once more by each of `provers`, which make certificates of them, and
    /// compares every entry with the first that compares network and circuit by the same means.
    ///
    /// # Errors
    /// The file is about something else, or the first entry that is different.
    pub fn recheck(
        &self,
        model: &Model,
        circuit: &Circuit,
        subject: &Identity,
        provers: &[&Prover],
    ) -> Result<Certificate> {
        self.require_about(subject)?;
        let mut again = None;
        for prove in provers {
            let certificate = prove(model, circuit);
            let is_same = certificate.facts.comparison == self.certificate.facts.comparison;
            again = if is_same { Some(certificate) } else { again.or(Some(certificate)) };
            if is_same {
                break;
            }
        }
        let again = again.ok_or_else(|| Error::new("a way to prove", "none"))?;
        let right = CertificateFile::new(again, subject);
        match difference(&right.document, &self.document) {
            None => Ok(right.certificate),
            Some((path, right, kept)) => {
                let expected = format!("{path} {right}, as model and circuit have it");
                Err(Error::new(expected, kept.to_string())
                    .hint("the certificate was edited, or made by another version"))
            }
        }
    }
}

impl CertificateFile {
    fn require_about(&self, subject: &Identity) -> Result<()> {
        let pairing = subject.pairing.by().to_string();
        for (key, right, hint) in [
            ("model_sha256", &subject.model_sha256, "the certificate is about another model"),
            ("circuit_sha256", &subject.circuit_sha256, "the certificate is about another circuit"),
            ("pairing", &pairing, "--pair name or position says how to pair inputs and outputs"),
        ] {
            if self.document[key] != right.as_str() {
                let found = self.document[key].to_string();
                return Err(Error::new(format!("{key} {right:?}"), found).hint(hint));
            }
        }
        Ok(())
    }
}

impl Entry {
    fn of(condition: &Condition) -> Self {
        let (margin, unit) = condition.margin.clone().unzip();
        Entry {
            id: condition.id.clone(),
            statement: condition.statement.clone(),
            passed: condition.failure.is_none(),
            margin,
            unit,
            failure: condition.failure.clone(),
        }
    }

    fn condition(self) -> Condition {
        let Entry { id, statement, margin, unit, failure, .. } = self;
        Condition { id, statement, margin: margin.zip(unit), failure }
    }
}

/// The path to the first entry in which two documents differ, such as `conditions[3].margin`, and both values.
fn difference(a: &Value, b: &Value) -> Option<(String, Value, Value)> {
    let within = |key: String, (a, b): (&Value, &Value)| {
        let (path, a, b) = difference(a, b)?;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Some((format!("{key}{dot}{path}"), a, b))
    };
    let absent = json!("no such entry");
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            let entries = (a.get(key).unwrap_or(&absent), b.get(key).unwrap_or(&absent));
            within(key.clone(), entries)
        }),
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len())).find_map(|i| {
            let entries = (a.get(i).unwrap_or(&absent), b.get(i).unwrap_or(&absent));
            within(format!("[{i}]"), entries)
        }),
        _ => (a != b).then(|| (String::new(), a.clone(), b.clone())),
    }
}
