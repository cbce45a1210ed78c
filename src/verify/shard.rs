//! Shards: a check by running, spread over many machines, and the parts put together again.
//!
//! Each machine goes through one part of the assignments and keeps what it found with all that says of what
//! the part is: the hashes of model and circuit, the assignments, the loops. Parts that agree on these and
//! together cover every assignment exactly once are as good as one run. A part that was not finished is not
//! written.

use serde::{Deserialize, Serialize};

use super::{Assignments, Counterexample, Part, Verdict, bit_string};
use crate::error::{Error, Result};

const FORMAT: &str = "circuit2tf-shard";
const VERSION: u32 = 1;

/// What one machine found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    format: String,
    version: u32,
    pub model_sha256: String,
    pub circuit_sha256: String,
    pub n_inputs: usize,
    pub n_loops: usize,
    /// Of a sample; none if all assignments are gone through.
    pub seed: Option<u64>,
    /// Assignments of all parts together.
    pub total: u64,
    pub index: u64,
    pub count: u64,
    /// Assignments `start .. end` by number are this part.
    pub start: u64,
    pub end: u64,
    pub engine: String,
    pub counterexample: Option<Difference>,
}

/// A counterexample as a shard file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    pub input: String,
    pub output: usize,
    pub expected: u8,
}

/// What a part is of: parts go together only if all of this is the same.
type Subject<'s> = (&'s str, &'s str, usize, usize, Option<u64>, u64);

impl Shard {
    /// What was found in part `part` of `assignments`.
    ///
    /// # Errors
    /// There are too many inputs to go through all assignments.
    pub fn new(
        [model_sha256, circuit_sha256]: [&str; 2],
        (n_inputs, n_loops): (usize, usize),
        (assignments, part): (Assignments, Part),
        engine: &str,
        found: Option<&Counterexample>,
    ) -> Result<Self> {
        let range = assignments.range(n_inputs, part)?;
        let difference = |found: &Counterexample| Difference {
            input: bit_string(&found.input),
            output: found.output,
            expected: u8::from(found.expected),
        };
        Ok(Shard {
            format: FORMAT.to_string(),
            version: VERSION,
            model_sha256: model_sha256.to_string(),
            circuit_sha256: circuit_sha256.to_string(),
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
            counterexample: found.map(difference),
        })
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
        shard.found()?;
        Ok(shard)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers can be written") + "\n"
    }

    /// Whether it is a part of the same check as `other`.
    fn subject(&self) -> Subject<'_> {
        let hashes = (self.model_sha256.as_str(), self.circuit_sha256.as_str());
        (hashes.0, hashes.1, self.n_inputs, self.n_loops, self.seed, self.total)
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
        let bit = |c: char| match c {
            '0' | '1' => Ok(c == '1'),
            _ => Err(Error::new("bits 0 and 1 as the input", format!("{:?}", difference.input))),
        };
        let input: Vec<bool> = difference.input.chars().map(bit).collect::<Result<_>>()?;
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

/// The verdict of all parts together; `shards` are with their names.
///
/// # Errors
/// The parts are not of one check, or do not cover every assignment exactly once.
pub fn merge(mut shards: Vec<(String, Shard)>) -> Result<Verdict> {
    let Some((first_name, first)) = shards.first().cloned() else {
        return Err(Error::new("at least one shard file", "none"));
    };
    for (name, shard) in &shards {
        if shard.subject() != first.subject() {
            return Err(Error::new(
                format!("parts of one check, that of {first_name}"),
                format!("{name}, which differs in {}", first_difference(&first, shard)),
            ));
        }
    }
    shards.sort_by_key(|(_, shard)| (shard.start, shard.end));
    let mut covered = 0;
    for (name, shard) in &shards {
        if shard.start != covered {
            let found = format!("{name}, which starts at {}", shard.start);
            let what = if shard.start < covered { "twice" } else { "missing" };
            return Err(Error::new(format!("a shard that starts at assignment {covered}"), found)
                .hint(format!("some assignments are {what}")));
        }
        covered = shard.end;
    }
    if covered != first.total {
        let expected = format!("shards up to assignment {}", first.total);
        return Err(Error::new(expected, format!("the last ends at {covered}"))
            .hint("some assignments are missing"));
    }
    for (_, shard) in &shards {
        if let Some(found) = shard.found()? {
            return Ok(Verdict::Refuted(found));
        }
    }
    let mut engines: Vec<&str> = shards.iter().map(|(_, shard)| shard.engine.as_str()).collect();
    engines.sort_unstable();
    engines.dedup();
    Ok(first.assignments().verdict(first.total, &engines.join("+"), first.n_loops))
}

/// The name of the first thing in which two parts' subjects differ.
fn first_difference(a: &Shard, b: &Shard) -> &'static str {
    match () {
        () if a.model_sha256 != b.model_sha256 => "the model",
        () if a.circuit_sha256 != b.circuit_sha256 => "the circuit",
        () if a.n_inputs != b.n_inputs => "the number of inputs",
        () if a.n_loops != b.n_loops => "the number of loops",
        () if a.seed != b.seed => "the seed or the method",
        () => "the number of assignments",
    }
}
