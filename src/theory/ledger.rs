//! The ledger: what is claimed, how well it stands, and a check that runs.
//!
//! A claim's statement says no more than its reason and its check support: `Proved` means for all cases,
//! by the reason given, and the check goes through a finite part of them; `Verified` claims nothing
//! beyond that part; `Refuted` claims are false, and the check shows a case. A check runs models,
//! solvers and enumerations and can fail. Each file of `ledger/` is a topic: a list of claims and the
//! checks that they name; a new one is a line in `TOPICS`.

use std::fmt;
use std::sync::atomic::AtomicBool;

use crate::batch::Batch;
use crate::circuit::{Builder, Circuit, GateKind, Literal, TruthTable};
use crate::error::{Error, Result};
use crate::family::generate;
use crate::mapping::{self, Mapped};
use crate::model::{Dtype, Model};
use crate::run::{Reference, Step};
use crate::verify::{Verdict, exhaustive};

mod attention;
mod capacity;
mod certificate;
mod decoders;
mod depth;
mod exactness;
mod limits;
mod loops;
mod prompt;
mod schemes;
mod sharing;
mod simulation;
mod threshold;

/// The claims by topic, in logical order: each file states its claims and holds their checks.
static TOPICS: &[&[Claim]] = &[
    simulation::CLAIMS,
    exactness::CLAIMS,
    certificate::CLAIMS,
    depth::CLAIMS,
    attention::CLAIMS,
    threshold::CLAIMS,
    prompt::CLAIMS,
    loops::CLAIMS,
    decoders::CLAIMS,
    schemes::CLAIMS,
    sharing::CLAIMS,
    capacity::CLAIMS,
    limits::CLAIMS,
];

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// For all cases, by the reason given; the check goes through some of them.
    Proved,
    /// On the range of the check, by going through all of it; nothing is said beyond.
    Verified,
    /// False: the check shows a case.
    Refuted,
    /// Follows from something that is believed and not proved.
    Conditional,
    /// Nobody knows.
    Open,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Proved => "proved",
            Status::Verified => "verified",
            Status::Refuted => "refuted",
            Status::Conditional => "conditional",
            Status::Open => "open",
        })
    }
}

/// An entry of the ledger.
#[derive(Debug)]
pub struct Claim {
    pub id: &'static str,
    pub statement: &'static str,
    pub status: Status,
    pub assumptions: &'static str,
    /// The proof in brief, the counterexample, or the literature.
    pub reason: &'static str,
    /// What the check goes through; empty if there is none.
    pub range: &'static str,
    check: Option<fn(&mut Evidence) -> Result<()>>,
}

/// What a check found, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    pub findings: Vec<Finding>,
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub holds: bool,
    pub text: String,
}

impl Evidence {
    /// Whether there is evidence and all of it is as the claim's status says.
    pub fn holds(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(|finding| finding.holds)
    }

    fn note(&mut self, holds: bool, text: impl Into<String>) {
        self.findings.push(Finding { holds, text: text.into() });
    }
}

impl Claim {
    /// The command that runs the check, if there is one.
    pub fn command(&self) -> Option<String> {
        self.check.map(|_| format!("circuit2tf claims check {}", self.id))
    }

    /// Runs the check; none if the claim has none.
    ///
    /// # Errors
    /// Something in the check could not be built or run.
    pub fn check(&self) -> Result<Option<Evidence>> {
        let Some(check) = self.check else { return Ok(None) };
        let mut evidence = Evidence::default();
        check(&mut evidence)?;
        Ok(Some(evidence))
    }
}

/// All claims, in logical order.
pub fn claims() -> impl Iterator<Item = &'static Claim> {
    TOPICS.iter().copied().flatten()
}

/// The claim of that id.
///
/// # Errors
/// There is none.
pub fn claim(id: &str) -> Result<&'static Claim> {
    let found = claims().find(|claim| claim.id == id);
    found.ok_or_else(|| {
        Error::new("the id of a claim", format!("{id:?}")).hint("`circuit2tf claims` lists them")
    })
}

/// The arithmetic under which compiled models are exact.
const EXACT: &str = "the dtype rounds to nearest, exp(0) = 1, and exp of less than minus the dtype's \
                     underflow threshold is 0";
const OBLIVIOUS: &str = "attention does not depend on the input and every head reads one token";

/// The dtypes in which hand-made models are run.
const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

fn map(spec: &str) -> Result<Mapped> {
    mapping::map(&generate(spec)?, 2)
}

/// Whether a model computes a circuit on all inputs after some loops.
fn is_right(model: &Model, circuit: &Circuit, n_loops: usize) -> Result<bool> {
    let engine = Reference::new(model)?;
    let verdict = exhaustive(model, circuit, &engine, n_loops, &AtomicBool::new(false))?;
    Ok(matches!(verdict, Verdict::Verified { .. }))
}

/// The states of the stream for every input.
fn traces(model: &Model, n_inputs: usize, n_loops: usize) -> Result<Vec<Vec<Step>>> {
    let engine = Reference::new(model)?;
    let inputs = Batch::counting(n_inputs, 0, 1 << n_inputs);
    let trace = |a| {
        let mut steps = Vec::new();
        engine.trace(&inputs.column(a), n_loops, |step| steps.push(step))?;
        Ok(steps)
    };
    (0..inputs.n_assignments()).map(trace).collect()
}

fn lut(table: TruthTable) -> Result<Circuit> {
    let mut builder = Builder::new();
    let inputs = (0..table.n_inputs()).map(|i| Ok(builder.input(format!("x[{i}]"))?.literal()));
    let inputs = inputs.collect::<Result<Vec<Literal>>>()?;
    let gate = builder.gate(GateKind::Lut(table), &inputs)?;
    builder.output("y", gate)?;
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_finds_what_its_claim_says() {
        for claim in claims() {
            match claim.check().unwrap() {
                Some(evidence) => assert!(evidence.holds(), "{}: {evidence:#?}", claim.id),
                None => assert!(matches!(claim.status, Status::Conditional | Status::Open)),
            }
            assert_eq!(claim.command().is_some(), !claim.range.is_empty());
        }
    }

    #[test]
    fn ids_differ_and_unknown_ones_are_errors() {
        for (i, a) in claims().enumerate() {
            assert!(claims().take(i).all(|b| a.id != b.id), "{}", a.id);
            assert_eq!(claim(a.id).unwrap().statement, a.statement);
        }
        assert!(claim("everything").is_err());
        assert!(!Evidence::default().holds());
    }
}
