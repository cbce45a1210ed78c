//! Verdicts as values: what was found, and the evidence for it.
//!
//! `Display` gives the line of the contract, `Serialize` the JSON; a [`Statement`] is a verdict with what it is
//! about, and the form in which the program prints every one. Nothing reads the line back.

use std::fmt;
use std::ops::Range;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::certificate::{Certificate, Facts};
use super::halting::Final;
use super::{Assignments, Counterexample, Identity, Part, Rounding, bit_string};

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The model computes the circuit on every input.
    Verified(Proof),
    /// It does not.
    Refuted(Counterexample),
    /// No difference was found and none was excluded.
    Unknown(Doubt),
}

/// What shows that a model is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "method", content = "evidence", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Proof {
    /// Every condition of the certificate holds.
    Certificate(Box<Facts>),
    /// Every assignment was run.
    Exhaustive(Run),
    /// Every assignment was run until the model stopped, which it always did, and watched beyond.
    Halting {
        /// What was run.
        run: Run,
        /// For how long what is known was seen to stay.
        known: Final,
    },
}

/// Why nothing is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "method", content = "evidence", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Doubt {
    /// The certificate's condition that fails, and where.
    Condition {
        /// `C0` to `C13`.
        id: String,
        /// Where and how it fails.
        place: String,
    },
    /// Some assignments were run, and showed no difference.
    Sampled(Run),
    /// Some assignments were run on a model that halts, and showed no difference.
    SampledHalting(Run),
    /// A model that halts breaks a promise, and its outputs are right nevertheless.
    Halting(Broken),
    /// One part of the assignments was run, and showed no difference.
    Shard {
        /// Which.
        part: Part,
        /// Its assignments by number.
        range: Range<u64>,
        /// What was run.
        run: Run,
    },
    /// Engines do not agree, so that what the model computes depends on the runner.
    Engines(Disagreement),
    /// All assignments were run, and sums round: a bit may hang on who runs the model.
    Rounding(Run),
    /// No engine runs the model.
    NoEngine,
}

/// Assignments that were run and compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Which they were.
    pub assignments: Assignments,
    /// How many.
    pub total: u64,
    /// Whether others who run them find the same.
    pub rounding: Rounding,
    /// What ran them.
    pub engine: String,
    /// The loops of each.
    pub n_loops: usize,
}

/// A promise of a model that halts, broken on an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    /// An output is not known after the last loop.
    NotKnown {
        /// One bit per input.
        #[serde(serialize_with = "as_bits")]
        input: Vec<bool>,
        /// The loops that were run.
        n_loops: usize,
    },
    /// A position's bit was known and changed after that.
    Changed {
        /// One bit per input.
        #[serde(serialize_with = "as_bits")]
        input: Vec<bool>,
        /// Where.
        position: usize,
        /// When, from 1.
        in_loop: usize,
    },
}

/// Two engines that give different bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// Their names.
    pub engines: [String; 2],
    /// The loops of both.
    pub after_loops: usize,
    /// One bit per input.
    #[serde(serialize_with = "as_bits")]
    pub input: Vec<bool>,
    /// The output's number.
    pub output: usize,
    /// The circuit's bit.
    #[serde(serialize_with = "as_bit")]
    pub expected: bool,
    /// The first engine's bit; the second gives the complement.
    #[serde(serialize_with = "as_bit")]
    pub first: bool,
}

pub(super) fn as_bits<S: Serializer>(bits: &[bool], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bit_string(bits))
}

fn as_bit<S: Serializer>(bit: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*bit))
}

impl Run {
    /// The verdict where none of the assignments shows a difference.
    pub fn verdict(self) -> Verdict {
        match (self.assignments, &self.rounding) {
            (_, Rounding::Undecided(_)) => Verdict::Unknown(Doubt::Rounding(self)),
            (Assignments::Sample { .. }, _) => Verdict::Unknown(Doubt::Sampled(self)),
            (Assignments::All, Rounding::Unbounded) => Verdict::Unknown(Doubt::Rounding(self)),
            (Assignments::All, Rounding::Exact | Rounding::Bounded { .. }) => {
                Verdict::Verified(Proof::Exhaustive(self))
            }
        }
    }

    /// How many assignments.
    fn count(&self) -> String {
        match self.assignments {
            Assignments::All => format!("exhaustive {} assignments {}", self.total, self.rounding),
            Assignments::Sample { seed, .. } => {
                format!("sampled {} {} seed={seed}", self.total, self.rounding)
            }
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} engine={} loops={}", self.count(), self.engine, self.n_loops)
    }
}

impl Verdict {
    /// The exit status of the contract: 0 verified, 1 refuted, 3 unknown.
    pub fn exit_status(&self) -> u8 {
        match self {
            Verdict::Verified(_) => 0,
            Verdict::Refuted(_) => 1,
            Verdict::Unknown(_) => 3,
        }
    }

    /// The word that the line begins with.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Verified(_) => "VERIFIED",
            Verdict::Refuted(_) => "REFUTED",
            Verdict::Unknown(_) => "UNKNOWN",
        }
    }

    /// The word and the method, for a table: such as `VERIFIED exhaustive 256`.
    pub fn brief(&self) -> String {
        let how = match self {
            Verdict::Verified(Proof::Certificate(_)) => "certificate".to_string(),
            Verdict::Verified(Proof::Exhaustive(run) | Proof::Halting { run, .. }) => {
                format!("exhaustive {}", run.total)
            }
            Verdict::Unknown(Doubt::Sampled(run) | Doubt::SampledHalting(run)) => {
                format!("sampled {}", run.total)
            }
            Verdict::Unknown(Doubt::Rounding(run)) => match run.assignments {
                Assignments::All => format!("exhaustive {}", run.total),
                Assignments::Sample { .. } => format!("sampled {}", run.total),
            },
            Verdict::Unknown(Doubt::Condition { .. }) => "certificate".to_string(),
            Verdict::Unknown(doubt) => doubt.to_string(),
            Verdict::Refuted(found) => format!("input={}", bit_string(&found.input)),
        };
        format!("{} {how}", self.word())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.word())?;
        match self {
            Verdict::Verified(proof) => proof.fmt(f),
            Verdict::Refuted(found) => found.fmt(f),
            Verdict::Unknown(doubt) => doubt.fmt(f),
        }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (input, output) = (bit_string(&self.input), self.output);
        let (expected, got) = (u8::from(self.expected), u8::from(!self.expected));
        write!(f, "input={input} output={output} expected={expected} got={got}")
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proof::Certificate(facts) => {
                let Facts { n_inputs, n_loops, n_positions, depth, threshold, .. } = **facts;
                write!(f, "certificate all 2^{n_inputs} inputs, any order of summation, ")?;
                write!(f, "loops>={n_loops} positions={n_positions} depth={depth}")?;
                facts.gap.map_or(Ok(()), |gap| write!(f, " gap={gap}>{threshold:.2}"))
            }
            Proof::Exhaustive(run) => run.fmt(f),
            Proof::Halting { run, known } => {
                let (count, engine, n_loops) = (run.count(), &run.engine, run.n_loops);
                write!(f, "{count} engine={engine} loops<={n_loops} halts=always known={known}")
            }
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Condition { id, place } => write!(f, "certificate {id}: {place}"),
            Doubt::Sampled(run) | Doubt::Rounding(run) => run.fmt(f),
            Doubt::SampledHalting(run) => {
                write!(f, "{} engine={} loops<={}", run.count(), run.engine, run.n_loops)
            }
            Doubt::Halting(broken) => write!(f, "halting: {broken}"),
            Doubt::Shard { part, range, run } => {
                let Range { start, end } = range;
                write!(f, "shard {part}, assignments {start}..{end}: no difference, ")?;
                write!(f, "{} engine={} loops={}", run.rounding, run.engine, run.n_loops)
            }
            Doubt::Engines(difference) => write!(f, "engines differ: {difference}"),
            Doubt::NoEngine => f.write_str("no engine runs the model"),
        }
    }
}

impl Broken {
    fn input(&self) -> &Vec<bool> {
        match self {
            Broken::NotKnown { input, .. } | Broken::Changed { input, .. } => input,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::NotKnown { n_loops, .. } => {
                write!(f, "an output is not known after {n_loops} loops")?;
            }
            Broken::Changed { position, in_loop, .. } => {
                write!(f, "position {position} was known and changed in loop {in_loop}")?;
            }
        }
        write!(f, " on input={}", bit_string(self.input()))
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = &self.engines;
        let (input, output) = (bit_string(&self.input), self.output);
        let [a, b, expected] = [self.first, !self.first, self.expected].map(u8::from);
        write!(f, "after {} loops input={input} output={output} ", self.after_loops)?;
        write!(f, "expected={expected} {first}={a} {second}={b}")
    }
}

/// `how` is the line without the word, `evidence` the same as values.
#[derive(Serialize)]
struct Found<'v, E> {
    verdict: &'static str,
    how: String,
    #[serde(flatten)]
    evidence: &'v E,
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let verdict = self.word();
        match self {
            Verdict::Verified(proof) => {
                Found { verdict, how: proof.to_string(), evidence: proof }.serialize(serializer)
            }
            Verdict::Unknown(doubt) => {
                Found { verdict, how: doubt.to_string(), evidence: doubt }.serialize(serializer)
            }
            Verdict::Refuted(found) => {
                Found { verdict, how: found.to_string(), evidence: found }.serialize(serializer)
            }
        }
    }
}

impl Serialize for Counterexample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("input", &bit_string(&self.input))?;
        map.serialize_entry("output", &self.output)?;
        map.serialize_entry("expected", &u8::from(self.expected))?;
        map.serialize_entry("got", &u8::from(!self.expected))?;
        map.end()
    }
}

impl From<&Certificate> for Verdict {
    fn from(certificate: &Certificate) -> Self {
        if certificate.is_proof() {
            return Verdict::Verified(Proof::Certificate(Box::new(certificate.facts.clone())));
        }
        let failed = certificate.conditions.iter().find_map(|condition| {
            let place = condition.failure.clone()?;
            Some(Doubt::Condition { id: condition.id.clone(), place })
        });
        let missing = || {
            let has = |id: &&str| certificate.conditions.iter().any(|c| c.id == *id);
            let id = super::certificate::CONDITIONS.into_iter().find(|id| !has(id));
            let id = id.unwrap_or("of no name").to_string();
            Doubt::Condition { id, place: "the condition was not checked".to_string() }
        };
        Verdict::Unknown(failed.unwrap_or_else(missing))
    }
}

/// A verdict and what it is about.
///
/// Inputs and outputs of the verdict are in the order of the circuit's file. Where the model's file has another
/// one, line and JSON say both.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What was found.
    pub verdict: Verdict,
    /// Of what.
    pub subject: Identity,
}

/// An input of a verdict, and an output if one is named, as the model's file numbers them.
#[derive(Serialize)]
struct ModelPorts {
    model_input: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_output: Option<usize>,
}

impl Statement {
    /// None where there is no input, or one order.
    fn model_ports(&self) -> Option<ModelPorts> {
        let pairing = &self.subject.pairing;
        let (input, output) = match &self.verdict {
            _ if pairing.is_in_order() => return None,
            Verdict::Refuted(found) => (&found.input, Some(found.output)),
            Verdict::Unknown(Doubt::Engines(found)) => (&found.input, Some(found.output)),
            Verdict::Unknown(Doubt::Halting(broken)) => (broken.input(), None),
            Verdict::Unknown(Doubt::Rounding(Run {
                rounding: Rounding::Undecided(bit), ..
            })) => (&bit.input, Some(bit.output)),
            Verdict::Verified(_) | Verdict::Unknown(_) => return None,
        };
        Some(ModelPorts {
            model_input: bit_string(&pairing.model_input(input)),
            model_output: output.map(|output| pairing.model_output(output)),
        })
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.verdict)?;
        if let Some(ports) = self.model_ports() {
            write!(f, "model-input={} ", ports.model_input)?;
            ports.model_output.map_or(Ok(()), |output| write!(f, "model-output={output} "))?;
        }
        self.subject.fmt(f)
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'s> {
            #[serde(flatten)]
            verdict: &'s Verdict,
            #[serde(flatten)]
            model_ports: Option<ModelPorts>,
            #[serde(flatten)]
            subject: &'s Identity,
        }
        let (verdict, subject) = (&self.verdict, &self.subject);
        Flat { verdict, model_ports: self.model_ports(), subject }.serialize(serializer)
    }
}
