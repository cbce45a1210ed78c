//! Certificates as JSON, to be kept and checked again.
//!
//! The file says what it is about and carries the circuit and the witness, or how the proof failed. Nothing of
//! it is believed: [`CertificateFile::check`] has a proof multiplied out by the independent checker, and
//! [`CertificateFile::recheck`] makes the certificate once more.

use circuit2tf_checker::{Refusal, Report};
use serde_json::{Map, Value, json};

use super::super::{Doubt, Identity, PairBy, Subject, Verdict};
use super::witness::{circuit_to_json, literal};
use super::{Certificate, Facts};
use crate::circuit::{Circuit, Literal};
use crate::claim::Claim;
use crate::content;
use crate::error::{Error, Result};
use crate::model::{Model, Parts};

const FORMAT: &str = "circuit2tf certificate";

/// A certificate with what it is about, as a document of the format in `examples/certificate.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateFile {
    text: String,
    document: Value,
}

/// A way to make a certificate.
pub type Prover = dyn Fn(&Model, &Circuit) -> Certificate;

/// The keys of every file, in the order in which they are written.
const KEYS: [&str; 8] = [
    "format",
    "version",
    "program",
    "model_sha256",
    "circuit_sha256",
    "pairing",
    "loops",
    "circuit",
];
/// What follows them: a proof, or how it failed.
const WITNESS: &str = "witness";
const FAILURE: &str = "failure";

impl CertificateFile {
    /// A certificate and what it is about.
    pub fn new(certificate: &Certificate, subject: &Identity, circuit: &Circuit) -> Self {
        let mut document = json!({
            "format": FORMAT,
            "version": circuit2tf_checker::VERSION,
            "program": concat!("circuit2tf ", env!("CARGO_PKG_VERSION")),
            "model_sha256": subject.model_sha256,
            "circuit_sha256": subject.circuit_sha256,
            "pairing": subject.pairing.by(),
            "loops": certificate.facts.n_loops,
            "circuit": circuit_to_json(circuit),
        });
        match Verdict::from(certificate) {
            Verdict::Unknown(Doubt::Condition { id, place }) => {
                document[FAILURE] = json!({ "condition": id, "place": place });
            }
            _ => document[WITNESS] = certificate.witness.to_json(),
        }
        let mut text = String::new();
        let keys = KEYS.iter().chain([&WITNESS, &FAILURE]);
        let entries = keys.filter_map(|key| Some((*key, document.get(key)?)));
        write_object(&mut text, 0, entries);
        CertificateFile { text: text + "\n", document }
    }

    /// The file's text: an object's entries on lines of their own, a list of numbers on one.
    pub fn to_json(&self) -> &str {
        &self.text
    }

    /// Reads what [`Self::to_json`] gives. What it says is not believed before [`Self::check`].
    ///
    /// # Errors
    /// The text is no certificate, with the entry that is missing or wrong.
    pub fn from_json(text: &str) -> Result<Self> {
        let document = content::json(text.as_bytes())
            .map_err(|error| Error::new("a certificate (JSON)", error.to_string()))?;
        for (key, value) in [("format", FORMAT), ("version", circuit2tf_checker::VERSION)] {
            let found = &document[key];
            if *found != value {
                let error = Error::new(format!("{key} {value:?}"), found.to_string());
                return Err(error.hint("`circuit2tf verify --certificate` writes it anew"));
            }
        }
        let file = CertificateFile { text: text.to_string(), document };
        file.loops()?;
        file.pairing()?;
        let last = if file.is_proof() { WITNESS } else { FAILURE };
        let known = |key: &&String| KEYS.contains(&key.as_str()) || *key == last;
        let entries = file.document.as_object().into_iter();
        match entries.flat_map(Map::keys).find(|key| !known(key)) {
            Some(key) => Err(Error::new("the entries of a certificate", format!("{key:?}"))),
            None => Ok(file),
        }
    }

    /// Whether there is a witness, which is to be checked, and not the failure of one.
    pub fn is_proof(&self) -> bool {
        self.document.get(WITNESS).is_some()
    }

    /// Whether the witness says what each position holds, so that the network can be compared with the circuit.
    pub fn has_claims(&self) -> bool {
        !self.document[WITNESS]["claims"].is_null()
    }

    /// The loops that were certified, which need not be the model's own.
    ///
    /// # Errors
    /// There is no such number.
    pub fn loops(&self) -> Result<usize> {
        let found = &self.document["loops"];
        let loops = found.as_u64().and_then(|loops| usize::try_from(loops).ok());
        loops.ok_or_else(|| Error::new("a number as loops", found.to_string()))
    }

    /// How inputs and outputs of model and circuit were paired.
    ///
    /// # Errors
    /// The entry says no such thing.
    pub fn pairing(&self) -> Result<PairBy> {
        let found = &self.document["pairing"];
        let pairing = found.as_str().and_then(|text| text.parse().ok());
        pairing.ok_or_else(|| Error::new("pairing \"name\" or \"position\"", found.to_string()))
    }

    /// Has the independent checker multiply out what the file says, from the model file's bytes. Without claims
    /// ([`Self::has_claims`]) all but the comparison with the circuit is checked.
    ///
    /// # Errors
    /// The file is about something else, or the first entry that is wrong.
    pub fn check(&self, subject: &Subject, model_file: &[u8]) -> Result<Facts> {
        let identity = subject.identity();
        self.require_about(identity)?;
        let about = circuit2tf_checker::Subject {
            circuit_sha256: Some(identity.circuit_sha256.clone()),
            pairing: Some(identity.pairing.by().to_string()),
            circuit: Some(circuit_to_json(subject.circuit())),
            bench: None,
        };
        let report = circuit2tf_checker::check(self.text.as_bytes(), model_file, &about);
        report.map(|report| Facts::of(subject.model(), report)).map_err(
            |Refusal { place, reason }| {
                let expected = format!("{place} as model and circuit have it");
                Error::new(expected, format!("one that {reason}"))
                    .hint("the certificate was edited, or is about something else")
            },
        )
    }

    /// Makes the certificate once more, with the claims of the file, by the first of `provers` that says as much,
    /// and compares every entry.
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
        let n_loops = self.loops()?;
        let claim = match self.claims(circuit)? {
            Some(origin) => Claim { origin }.to_vectors(),
            None => model.claim.clone(),
        };
        let model = Model::new(Parts { n_loops, claim, ..model.clone().into_parts() })?;
        let mut again = None;
        for prove in provers {
            let made = CertificateFile::new_of(prove(&model, circuit), subject, circuit);
            let says_as_much =
                (made.1.is_proof(), made.1.has_claims()) == (self.is_proof(), self.has_claims());
            again = if says_as_much { Some(made) } else { again.or(Some(made)) };
            if says_as_much {
                break;
            }
        }
        let (certificate, right) = again.ok_or_else(|| Error::new("a way to prove", "none"))?;
        let mut kept = self.document.clone();
        // What wrote the file is no part of the proof.
        if kept["program"].is_string() {
            kept["program"] = right.document["program"].clone();
        }
        match difference(&right.document, &kept) {
            None => Ok(certificate),
            Some((path, right, kept)) => {
                let expected = format!("{path} {right}, as model and circuit have it");
                Err(Error::new(expected, kept.to_string())
                    .hint("the certificate was edited, or made by another version"))
            }
        }
    }

    fn new_of(
        certificate: Certificate,
        subject: &Identity,
        circuit: &Circuit,
    ) -> (Certificate, Self) {
        let file = CertificateFile::new(&certificate, subject, circuit);
        (certificate, file)
    }

    /// What the witness says that positions hold.
    fn claims(&self, circuit: &Circuit) -> Result<Option<Vec<Option<Literal>>>> {
        let found =
            |value: &Value| Error::new("literals of the circuit as claims", value.to_string());
        let claim = |value: &Value| match (value.as_i64(), value.as_u64()) {
            (Some(-1), _) => Ok(None),
            (_, Some(number)) => literal(circuit, number).ok_or_else(|| found(value)).map(Some),
            _ => Err(found(value)),
        };
        let claims = self.document[WITNESS]["claims"].as_array();
        claims.map(|claims| claims.iter().map(claim).collect()).transpose()
    }

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

impl Facts {
    /// What the independent checker found of a model.
    fn of(model: &Model, report: Report) -> Self {
        let compared = |n_compared| format!("{n_compared} cuts of the claim");
        Facts {
            n_loops: report.n_loops,
            n_distinct_layers: report.n_kinds,
            n_dynamic_channels: report.n_dynamic,
            depth: report.depth,
            gap: report.gap,
            distance: report.distance,
            n_enumerated: report.n_enumerated,
            n_types: report.n_types,
            largest: report.largest,
            comparison: report.n_compared.map(compared).unwrap_or_default(),
            ..Certificate::new(model).facts
        }
    }
}

/// Writes an object over lines, and what is in it, the lists of numbers on one line each.
fn write_object<'v>(
    text: &mut String,
    indent: usize,
    entries: impl Iterator<Item = (&'v str, &'v Value)>,
) {
    let mut before = "{";
    for (key, value) in entries {
        *text += before;
        *text += &format!("\n{:indent$}{}: ", "", json!(key), indent = indent + 2);
        write_value(text, indent + 2, value);
        before = ",";
    }
    *text += &format!("\n{:indent$}}}", "");
}

fn write_value(text: &mut String, indent: usize, value: &Value) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            write_object(text, indent, entries.iter().map(|(key, value)| (key.as_str(), value)));
        }
        Value::Array(entries) if entries.iter().any(Value::is_object) => {
            let mut before = "[";
            for entry in entries {
                *text += before;
                write_value(text, indent, entry);
                before = ", ";
            }
            *text += "]";
        }
        _ => *text += &value.to_string(),
    }
}

/// The path to the first entry in which two documents differ, such as `witness.levels[3]`, and both values.
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
