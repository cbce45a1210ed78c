//! A decision: the verdict with all that was seen on the way to it.
//!
//! `Display` gives the lines, of which the last is the verdict's, `Serialize` the JSON.

use std::fmt;

use serde::{Serialize, Serializer};

use super::certificate::{Certificate, Condition};
use super::{Departure, Statement, Subject, Verdict, bit_string, locate, shrink};
use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::model::{Applied, Pass};

/// A verdict and what was seen on the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The verdict, and what it is about.
    pub statement: Statement,
    /// The certificate, if one was tried, whether or not it proves anything.
    pub certificate: Option<Certificate>,
    /// What is to be said of a model that is wrong.
    pub fault: Option<Fault>,
}

/// A wrong input, looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The inputs by name, in the circuit's order.
    pub inputs: Vec<(String, bool)>,
    /// Where it arises.
    pub origin: Origin,
}

/// Where a model leaves its circuit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// At a node, with its name and kind.
    Node {
        /// Its name and kind.
        label: String,
        /// Where and when.
        departure: Departure,
    },
    /// Every position that the claim names is right.
    Beyond,
    /// They are after the last loop: the model stopped before.
    Stopped,
    /// In a sequence that a decoder writes, where positions are no nodes.
    Sequence {
        /// How it is written.
        pass: Pass,
        /// One bit per input.
        input: Vec<bool>,
    },
    /// It cannot be said.
    Unknown(Error),
}

impl Decision {
    pub(super) fn new(
        subject: &Subject,
        verdict: Verdict,
        certificate: Option<Certificate>,
    ) -> Self {
        let fault = match &verdict {
            Verdict::Refuted(found) => Some(Fault::of(subject, &found.input)),
            Verdict::Verified(_) | Verdict::Unknown(_) => None,
        };
        Decision { statement: subject.state(verdict), certificate, fault }
    }

    /// The exit status of the contract: 0 verified, 1 refuted, 3 unknown.
    pub fn exit_status(&self) -> u8 {
        self.statement.verdict.exit_status()
    }

    /// The part of the circuit that computes the first wrong node, of a model that is wrong at one.
    ///
    /// # Errors
    /// As [`shrink`](super::shrink()).
    pub fn cone(&self, circuit: &Circuit) -> Result<Option<Circuit>> {
        match &self.fault {
            Some(Fault { origin: Origin::Node { departure, .. }, .. }) => {
                shrink(circuit, departure.node).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl Fault {
    fn of(subject: &Subject, input: &[bool]) -> Self {
        let (model, circuit) = (subject.model(), subject.circuit());
        let origin = match locate(model, circuit, input, model.n_loops) {
            Ok(Some(departure)) => Origin::Node { label: label(&departure, circuit), departure },
            Ok(None) if model.scheme.pass() == Pass::Halting => Origin::Stopped,
            Ok(None) => Origin::Beyond,
            Err(_) if !model.scheme.is_parallel() => {
                Origin::Sequence { pass: model.scheme.pass(), input: input.to_vec() }
            }
            Err(error) => Origin::Unknown(error),
        };
        let inputs = circuit.input_names().iter().cloned().zip(input.iter().copied());
        Fault { inputs: inputs.collect(), origin }
    }
}

fn label(departure: &Departure, circuit: &Circuit) -> String {
    let kind = circuit.kind(departure.node).name();
    match circuit.node_name(departure.node) {
        Some(name) => format!("{name} ({kind})"),
        None => format!("node {} ({kind})", departure.node.index()),
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions = self.certificate.iter().flat_map(|certificate| &certificate.conditions);
        conditions.into_iter().try_for_each(|condition| line(condition, f))?;
        self.fault.iter().try_for_each(|fault| fault.fmt(f))?;
        self.statement.fmt(f)
    }
}

/// A line for a condition that was checked.
fn line(condition: &Condition, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let status = if condition.failure.is_none() { "ok  " } else { "FAIL" };
    write!(f, "{status} {:3} {}", condition.id, condition.statement)?;
    if let Some((margin, unit)) = &condition.margin {
        let margin = format!("{margin:.4}");
        write!(f, " ({} {unit})", margin.trim_end_matches('0').trim_end_matches('.'))?;
    }
    condition.failure.iter().try_for_each(|failure| write!(f, ": {failure}"))?;
    writeln!(f)
}

impl fmt::Display for Fault {
    /// The inputs by name, the way logic tools print them, and where it arises; a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counterexample:")?;
        let mut inputs = self.inputs.iter();
        inputs.try_for_each(|(name, bit)| write!(f, " {name}={}", u8::from(*bit)))?;
        let none = if self.inputs.is_empty() { " there are no inputs" } else { "" };
        writeln!(f, "{none}\n{}", self.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (label, departure) = match self {
            Origin::Node { label, departure } => (label, departure),
            Origin::Beyond => {
                return f.write_str("every position that the claim names is right at the end");
            }
            Origin::Stopped => {
                let right = "every position that the claim names is right after the last loop";
                return write!(f, "{right}: the model stopped before");
            }
            Origin::Sequence { pass, input } => {
                let what = pass.shows();
                let input = bit_string(input);
                return write!(f, "`circuit2tf trace MODEL {input}` shows each {what} of it");
            }
            Origin::Unknown(error) => return write!(f, "cannot say where it arose: {error}"),
        };
        write!(f, "first wrong node: {label} at position {}, ", departure.position)?;
        if let Some(level) = departure.level.filter(|_| !departure.is_reached()) {
            let applied = departure.schedule.n_steps();
            return write!(f, "not reached yet: level {level} after {applied} layers");
        }
        if !departure.is_known {
            return write!(f, "not known yet after {} layers", departure.schedule.n_steps());
        }
        match departure.since() {
            Some(Applied::Core { in_loop, layer }) => {
                write!(f, "wrong since loop {in_loop}, layer {layer}")
            }
            Some(Applied::Prelude { layer }) => {
                write!(f, "wrong since layer {layer} of the prelude")
            }
            Some(Applied::Coda { layer }) => write!(f, "wrong since layer {layer} of the coda"),
            None => f.write_str("wrong from the start"),
        }
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'d> {
            #[serde(flatten)]
            statement: &'d Statement,
            #[serde(skip_serializing_if = "Option::is_none")]
            conditions: Option<Vec<Checked<'d>>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            departure: Option<Left<'d>>,
        }
        let certificate = self.certificate.as_ref();
        let conditions = certificate.map(|c| c.conditions.iter().map(Checked::of).collect());
        let departure = self.fault.as_ref().and_then(|fault| Left::of(&fault.origin));
        Flat { statement: &self.statement, conditions, departure }.serialize(serializer)
    }
}

/// A condition in JSON.
#[derive(Serialize)]
struct Checked<'d> {
    id: &'d str,
    passed: bool,
    margin: Option<f64>,
    failure: Option<&'d str>,
}

impl<'d> Checked<'d> {
    fn of(condition: &'d Condition) -> Self {
        Checked {
            id: &condition.id,
            passed: condition.failure.is_none(),
            margin: condition.margin.as_ref().map(|(margin, _)| *margin),
            failure: condition.failure.as_deref(),
        }
    }
}

/// A departure in JSON.
#[derive(Serialize)]
struct Left<'d> {
    node: &'d str,
    position: usize,
    level: Option<usize>,
    reached: bool,
    known: bool,
    part: &'static str,
    r#loop: usize,
    layer: usize,
}

impl<'d> Left<'d> {
    fn of(origin: &'d Origin) -> Option<Self> {
        let Origin::Node { label, departure } = origin else { return None };
        let (part, in_loop, layer) = match departure.since() {
            None => ("embedding", 0, 0),
            Some(Applied::Prelude { layer }) => ("prelude", 0, layer),
            Some(Applied::Core { in_loop, layer }) => ("core", in_loop, layer),
            Some(Applied::Coda { layer }) => ("coda", 0, layer),
        };
        Some(Left {
            node: label,
            position: departure.position,
            level: departure.level,
            reached: departure.is_reached(),
            known: departure.is_known,
            part,
            r#loop: in_loop,
            layer,
        })
    }
}
