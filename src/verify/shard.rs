//! Shards: a check by running, spread over many machines, and the parts put together again.
//!
//! Each machine goes through one part of the assignments and keeps what it found with all that says of what
//! the part is: the hashes of model and circuit, the assignments, the loops. Parts that agree on these and
//! together cover every assignment exactly once are as good as one run, if the machines are to be trusted
//! where they found nothing; a difference is run again. A part that was not finished is not written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::rounding::settle_one;
use super::{
    Assignments, Counterexample, Identity, PairBy, Part, Policy, Rounding, Run, Statement, Subject,
    Verdict, bit_string,
};
use crate::batch::{Batch, parse_bits};
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Place, Result};
use crate::model::{Model, Pass};
use crate::progress::Progress;
use crate::run::Engine;

const FORMAT: &str = "circuit2tf-shard";
const VERSION: u32 = 2;

/// What one machine found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    format: String,
    version: u32,
    /// Of the model file's bytes, in hexadecimal.
    pub model_sha256: String,
    /// Of the circuit file's bytes or the family spec's text, in hexadecimal.
    pub circuit_sha256: String,
    /// What the circuit's reader was told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reading: String,
    /// How their ports are paired.
    pub pairing: PairBy,
    /// Bits of an assignment.
    pub n_inputs: usize,
    /// The loops of each run.
    pub n_loops: usize,
    /// Of a sample; none if all assignments are gone through.
    pub seed: Option<u64>,
    /// Assignments of all parts together.
    pub total: u64,
    /// Which part, from 1.
    pub index: u64,
    /// How many parts there are.
    pub count: u64,
    /// Assignments `start .. end` by number are this part.
    pub start: u64,
    /// The first number behind the part.
    pub end: u64,
    /// What ran them.
    pub engine: String,
    /// What it rests on that there is no counterexample.
    pub rounding: Rounding,
    /// The first that was found, if one was.
    pub counterexample: Option<Difference>,
}

/// A counterexample as a shard file has it, in the order of the circuit's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// One character `0` or `1` per input.
    pub input: String,
    /// The output's number.
    pub output: usize,
    /// The circuit's bit.
    pub expected: u8,
}

/// What a part is of besides model and circuit: parts go together only if all of this is the same.
type Check = (usize, usize, Option<u64>, u64);

impl Shard {
    /// What was found in part `part` of `assignments`.
    ///
    /// # Errors
    /// There are too many inputs to go through all assignments.
    pub fn new(
        subject: &Subject,
        (assignments, part): (Assignments, Part),
        engine: &str,
        (found, rounding): (Option<&Counterexample>, Rounding),
    ) -> Result<Self> {
        let (n_inputs, n_loops) = (subject.circuit().inputs().len(), subject.model().n_loops);
        let Identity { pairing, model_sha256, circuit_sha256, reading } =
            subject.identity().clone();
        let range = assignments.range(n_inputs, part)?;
        let difference = |found: &Counterexample| Difference {
            input: bit_string(&found.input),
            output: found.output,
            expected: u8::from(found.expected),
        };
        Ok(Shard {
            format: FORMAT.to_string(),
            version: VERSION,
            model_sha256,
            circuit_sha256,
            reading,
            pairing: pairing.by(),
            n_inputs,
            n_loops,
            seed: match assignments {
                Assignments::All => None,
                Assignments::Sample { seed, .. } => Some(seed),
            },
            total: assignments.total(n_inputs)?,
            index: part.index(),
            count: part.count(),
            start: range.start,
            end: range.end,
            engine: engine.to_string(),
            rounding,
            counterexample: found.map(difference),
        })
    }

    /// An error unless the model is right or wrong by its outputs after so many loops. That one halts, and
    /// that what is known stays, is more than a part says.
    pub(super) fn require_parts(model: &Model) -> Result<()> {
        if model.scheme.pass() != Pass::Halting {
            return Ok(());
        }
        let found = format!("scheme {}, whose models halt", model.scheme);
        Err(Error::new("a scheme with a fixed number of loops, for parts of a check", found)
            .hint("`verify --method exhaustive` without --shard checks that it halts as well"))
    }

    /// Reads a shard file and checks it for itself.
    ///
    /// # Errors
    /// It is no such file, or it contradicts itself.
    pub fn from_json(text: &str) -> Result<Self> {
        let shard: Shard = serde_json::from_str(text)
            .map_err(|error| Error::new("a shard file (JSON)", error.to_string()).hint(WRITE))?;
        if (shard.format.as_str(), shard.version) != (FORMAT, VERSION) {
            let found = format!("{:?}, version {}", shard.format, shard.version);
            return Err(Error::new(format!("{FORMAT:?}, version {VERSION}"), found).hint(WRITE));
        }
        let part = Part::new(shard.index, shard.count)?;
        let range = shard.assignments().range(shard.n_inputs, part)?;
        let total = shard.assignments().total(shard.n_inputs)?;
        if (range.start, range.end, total) != (shard.start, shard.end, shard.total) {
            return Err(Error::new(
                format!(
                    "{}..{} of {total} as shard {}/{}",
                    range.start,
                    range.end,
                    part.index(),
                    part.count()
                ),
                format!("{}..{} of {}", shard.start, shard.end, shard.total),
            ));
        }
        if let Rounding::Bounded { lead, bound } = shard.rounding
            && !(lead > bound || lead == 0.0 && bound == 0.0)
        {
            let found = format!("lead {lead}, bound {bound}");
            return Err(Error::new("a lead above the bound on rounding", found).hint(WRITE));
        }
        shard.found()?;
        Ok(shard)
    }

    /// The file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers can be written") + "\n"
    }

    fn check(&self) -> Check {
        (self.n_inputs, self.n_loops, self.seed, self.total)
    }

    /// An error unless it is a part of a check of this model and circuit.
    fn require_of(&self, subject: &Identity, n_inputs: usize) -> Result<()> {
        for (what, expected, found) in [
            ("model", &subject.model_sha256, &self.model_sha256),
            ("circuit", &subject.circuit_sha256, &self.circuit_sha256),
        ] {
            if expected != found {
                let expected = format!("a shard of the {what} with sha256 {expected}");
                return Err(Error::new(expected, format!("one of {found}"))
                    .hint(format!("the file is about another {what}")));
            }
        }
        subject.require_reading(&self.reading, "a shard")?;
        if self.pairing != subject.pairing.by() {
            let expected = format!("a shard with pairing {}", subject.pairing.by());
            return Err(Error::new(expected, format!("one with pairing {}", self.pairing))
                .hint("--pair name or position says how to pair inputs and outputs"));
        }
        if self.n_inputs != n_inputs {
            let expected = format!("{n_inputs} as n_inputs, the circuit's number of inputs");
            return Err(Error::new(expected, self.n_inputs.to_string()));
        }
        Ok(())
    }

    fn assignments(&self) -> Assignments {
        match self.seed {
            None => Assignments::All,
            Some(seed) => Assignments::Sample { count: self.total, seed },
        }
    }

    /// The counterexample, if there is one.
    fn found(&self) -> Result<Option<Counterexample>> {
        let Some(difference) = &self.counterexample else { return Ok(None) };
        let input = parse_bits(&difference.input)?;
        if input.len() != self.n_inputs || difference.expected > 1 {
            let expected = format!("{} input bits and an expected bit", self.n_inputs);
            let found = format!("{:?}, {}", difference.input, difference.expected);
            return Err(Error::new(expected, found));
        }
        let (output, expected) = (difference.output, difference.expected == 1);
        Ok(Some(Counterexample { input, output, expected }))
    }
}

const WRITE: &str = "`circuit2tf verify --shard I/N -o FILE` writes shard files";

/// The parts of one check, which cover every assignment exactly once; with their names, in order.
#[derive(Debug)]
pub struct Merged {
    first: Shard,
    shards: Vec<(String, Shard)>,
}

/// Puts the parts of a check of `subject` together; `shards` are with their names.
///
/// # Errors
/// A part is of another model or circuit, the parts are not of one check, or they do not cover every
/// assignment exactly once.
pub fn merge(mut shards: Vec<(String, Shard)>, subject: &Subject) -> Result<Merged> {
    let n_inputs = subject.circuit().inputs().len();
    Shard::require_parts(subject.model())?;
    for (name, shard) in &shards {
        shard
            .require_of(subject.identity(), n_inputs)
            .map_err(|error| error.at(Place::File(name.clone())))?;
    }
    let Some((first_name, first)) = shards.first().cloned() else {
        return Err(Error::new("at least one shard file", "none"));
    };
    for (name, shard) in &shards {
        if shard.check() != first.check() {
            return Err(Error::new(
                format!("parts of one check, that of {first_name}"),
                format!("{name}, which differs in {}", first_difference(&first, shard)),
            ));
        }
    }
    shards.sort_by_key(|(_, shard)| (shard.start, shard.end));
    require_cover(&shards, first.total)?;
    Ok(Merged { first, shards })
}

/// An error unless parts in order cover `0..total` exactly once.
fn require_cover(shards: &[(String, Shard)], total: u64) -> Result<()> {
    let mut covered = 0;
    for (name, shard) in shards {
        if shard.start != covered {
            let found = format!("{name}, which starts at {}", shard.start);
            let what = if shard.start < covered { "twice" } else { "missing" };
            return Err(Error::new(format!("a shard that starts at assignment {covered}"), found)
                .hint(format!("some assignments are {what}")));
        }
        covered = shard.end;
    }
    if covered != total {
        let expected = format!("shards up to assignment {total}");
        return Err(Error::new(expected, format!("the last ends at {covered}"))
            .hint("some assignments are missing"));
    }
    Ok(())
}

impl Merged {
    /// The verdict on the model and circuit that all parts are of; counterexamples are run again, on an engine as
    /// `policy` says.
    ///
    /// # Errors
    /// A counterexample is none, or the model cannot be run.
    pub fn decide(
        &self,
        subject: Subject,
        policy: &Policy,
        progress: &dyn Progress,
    ) -> Result<Statement> {
        if self.shards.iter().all(|(_, shard)| shard.counterexample.is_none()) {
            return Ok(subject.state(self.verdict()));
        }
        let subject = subject.with_loops(self.first.n_loops)?;
        let engine = policy.prepare(subject.model(), progress)?;
        policy.budget.require(&*engine, self.shards.len() as u64)?;
        Ok(subject.state(self.replay(&*engine, subject.circuit())?))
    }

    /// The verdict of all parts together, where none has a counterexample.
    fn verdict(&self) -> Verdict {
        let engines = self.shards.iter().map(|(_, shard)| shard.engine.as_str());
        let engines: BTreeSet<&str> = engines.collect();
        let engine = Vec::from_iter(engines).join("+");
        let (total, n_loops) = (self.first.total, self.first.n_loops);
        let all = self.shards.iter().map(|(_, shard)| shard.rounding.clone());
        let rounding = all.fold(Rounding::Exact, Rounding::join);
        Run { assignments: self.first.assignments(), total, rounding, engine, n_loops }.verdict()
    }

    /// The verdict where some have found one, all of which are run again.
    fn replay(&self, engine: &dyn Engine, circuit: &Circuit) -> Result<Verdict> {
        let mut first = None;
        for (name, shard) in &self.shards {
            let at_file = |error: Error| error.at(Place::File(name.clone()));
            let Some(claimed) = shard.found()? else { continue };
            let inputs = Batch::from_columns(shard.n_inputs, std::slice::from_ref(&claimed.input));
            let inputs = inputs.map_err(at_file)?;
            let expected = Oracle::new(circuit)?.run(&inputs).map_err(at_file)?;
            let found = settle_one(engine, shard.n_loops, &inputs, &expected)?;
            if found.as_ref() != Some(&claimed) {
                let found = found.map_or("no difference".to_string(), |found| found.to_string());
                let error = Error::new(format!("the counterexample {claimed}"), found);
                return Err(at_file(error.hint("the file does not say what the model does")));
            }
            first = first.or(found);
        }
        Ok(first.map_or_else(|| self.verdict(), Verdict::Refuted))
    }
}

/// The name of the first thing in which two parts' subjects differ.
fn first_difference(a: &Shard, b: &Shard) -> &'static str {
    match () {
        () if a.n_inputs != b.n_inputs => "the number of inputs",
        () if a.n_loops != b.n_loops => "the number of loops",
        () if a.seed != b.seed => "the seed or the method",
        () => "the number of assignments",
    }
}
