//! The ledger: what is claimed, of which models, how it is shown, and a check that runs.
//!
//! A claim's statement says no more than its reason and its check support: `Proved` means for all cases,
//! by the [`Ground`] given, and the check goes through a finite part of them; `Verified` claims nothing
//! beyond that part; `Refuted` claims are false, and the check shows a case. A check runs models,
//! solvers and enumerations and can fail. A bound names its class of models ([`Scope`]), its check runs
//! models that try to break it, and it says which model does break it over another arithmetic or class. Each
//! file of `ledger/` but [`scope`] and [`references`] is a topic: a list of claims and the checks that they
//! name; a new one is a line in `TOPICS`.
//!
//! "A compiled model" in a statement is one of the schemes recurrent, unrolled and pause, unless it says
//! otherwise.

use std::fmt;

use crate::batch::Batch;
use crate::circuit::{Builder, Circuit, GateKind, Literal, Oracle, TruthTable};
use crate::error::{Error, Result};
use crate::family::generate;
use crate::mapping::{self, Mapped};
use crate::model::{Dtype, Model};
use crate::run::{Engine, Reference, Step};

use references::{Work, work};
use scope::{
    Arithmetic, Ground, Kind, Mask, Reads, Scope, Start, Summation, Uniformity, Weighting,
};

mod capacity;
mod certificate;
mod decoders;
mod depth;
mod equality;
mod exactness;
mod gradients;
mod heads;
mod limits;
mod loops;
mod prompt;
mod rank;
pub mod references;
pub mod report;
mod schemes;
pub mod scope;
mod sharing;
mod simulation;
mod threshold;

/// The claims by topic, in logical order: each file states its claims and holds their checks.
static TOPICS: &[&[Claim]] = &[
    simulation::CLAIMS,
    exactness::CLAIMS,
    certificate::CLAIMS,
    depth::CLAIMS,
    equality::CLAIMS,
    heads::CLAIMS,
    rank::CLAIMS,
    threshold::CLAIMS,
    prompt::CLAIMS,
    loops::CLAIMS,
    decoders::CLAIMS,
    schemes::CLAIMS,
    sharing::CLAIMS,
    capacity::CLAIMS,
    gradients::CLAIMS,
    limits::CLAIMS,
];

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// For all cases, by the ground given; the check goes through some of them.
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
    /// A few words with hyphens, which no other claim has.
    pub id: &'static str,
    /// What is claimed, in a sentence.
    pub statement: &'static str,
    /// How it stands.
    pub status: Status,
    /// What kind of sentence it is.
    pub kind: Kind,
    /// How it is shown; of a refuted claim, how that it is false.
    pub ground: Ground,
    /// The models it speaks of; every bound has one.
    pub scope: Option<Scope>,
    /// The files of `proofs/` that prove or refute it, without their extension.
    pub proofs: &'static [&'static str],
    /// Keys of [`references::WORKS`].
    pub sources: &'static [&'static str],
    /// Under which it holds.
    pub assumptions: &'static str,
    /// The proof in brief, the counterexample, or the literature.
    pub reason: &'static str,
    /// Of a bound: which models break it in another class.
    pub elsewhere: &'static str,
    /// What the check goes through; empty if there is none.
    pub range: &'static str,
    check: Option<fn(&mut Evidence) -> Result<()>>,
}

/// What the statuses and grounds mean, for people.
pub const MEANING: &str = "\
proved       for all cases that the statement names. The ground says how: a proof in words with tests of a \
range; certificates besides, which hold for all inputs; machine-checked, all cases; or a proof in the literature
verified     on the range that is checked, all of it; nothing is said beyond
refuted      false: the check shows a case
conditional  follows from something believed and not proved, which is named
open         nobody knows

A bound says what no model of a class does. It names the arithmetic, whether one model serves all lengths, \
the attention and what a token holds at the start; its check runs models that try to break it, and \
`elsewhere` names those that do in another class. A compiled model is one of the schemes recurrent, unrolled \
and pause, unless a claim says otherwise.";

/// What a check found, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// In the order of the check.
    pub findings: Vec<Finding>,
    /// How many models were run.
    pub n_models: usize,
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as the claim's status says.
    pub holds: bool,
    /// What was looked at, and what it was.
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

    /// Whether a model's bits after some loops are the circuit's on all inputs, by the reference engine.
    fn computes(&mut self, model: &Model, circuit: &Circuit, n_loops: usize) -> Result<bool> {
        let inputs = Batch::counting(circuit.inputs().len(), 0, 1 << circuit.inputs().len());
        self.agrees(&Reference::new(model)?, circuit, &inputs, n_loops)
    }

    /// Whether an engine's bits after some loops are the circuit's on some inputs.
    fn agrees(
        &mut self,
        engine: &dyn Engine,
        circuit: &Circuit,
        inputs: &Batch,
        n_loops: usize,
    ) -> Result<bool> {
        self.n_models += 1;
        let expected = Oracle::new(circuit)?.run(inputs)?;
        Ok(engine.run(inputs, n_loops)?.first_difference(&expected).is_none())
    }
}

impl Claim {
    /// The works it cites.
    pub fn references(&self) -> impl Iterator<Item = &'static Work> {
        self.sources.iter().filter_map(|key| work(key))
    }

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
/// What `oblivious` means: an average over tokens would not depend on the input either, and counts.
const OBLIVIOUS: &str = "which one token a head reads at a token does not depend on the input; a layer's update may \
                         be another at every token";

/// Models in floating-point formats none of whose sums round: what the constructions are.
const EXACT_SOFTMAX: Scope = Scope {
    arithmetic: Arithmetic::Ieee(&DTYPES, Summation::NoneRounds),
    uniformity: Uniformity::PerLength,
    attention: scope::Attention {
        weighting: Weighting::Softmax,
        reads: Reads::Many,
        mask: Mask::Any,
    },
    start: Start::OneBitAndPosition,
};

/// The dtypes in which hand-made models are run.
const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

fn map(spec: &str) -> Result<Mapped> {
    mapping::map(&generate(spec)?, 2)
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

    /// Each check, and that those of bounds run models.
    #[test]
    fn every_check_finds_what_its_claim_says() {
        let mut wrong = Vec::new();
        for claim in claims() {
            let is_fine = match claim.check() {
                Ok(Some(evidence)) => {
                    evidence.holds() && (claim.kind != Kind::Bound || evidence.n_models > 0)
                }
                Ok(None) => matches!(claim.ground, Ground::Literature | Ground::Nothing),
                // A library without candle says so, and no more.
                Err(error) => cfg!(not(feature = "candle")) && error.hint.ends_with(" candle"),
            };
            if !is_fine || claim.command().is_some() == claim.range.is_empty() {
                wrong.push(format!("{}: {:#?}", claim.id, claim.check()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn bounds_name_their_models_and_what_breaks_them_elsewhere() {
        for claim in claims() {
            let is_bound = claim.kind == Kind::Bound;
            assert_eq!(claim.scope.is_some(), is_bound, "{}: class of models", claim.id);
            assert_eq!(!claim.elsewhere.is_empty(), is_bound, "{}: elsewhere", claim.id);
        }
        assert!(claims().filter(|claim| claim.kind == Kind::Bound).count() >= 15);
    }

    #[test]
    fn grounds_fit_what_is_claimed() {
        for claim in claims() {
            let fits = match claim.status {
                Status::Proved => !matches!(claim.ground, Ground::Counterexample | Ground::Nothing),
                Status::Verified => claim.ground == Ground::Machine,
                Status::Refuted => matches!(claim.ground, Ground::Counterexample | Ground::Prose),
                Status::Conditional => claim.ground == Ground::Literature,
                Status::Open => claim.ground == Ground::Nothing,
            };
            assert!(fits, "{}: {} by {}", claim.id, claim.status, claim.ground);
            let cites = !claim.sources.is_empty();
            assert!(cites || claim.ground != Ground::Literature, "{}", claim.id);
        }
    }

    #[test]
    fn ids_that_a_claim_names_are_claims() {
        for claim in claims() {
            let texts = [claim.statement, claim.assumptions, claim.reason, claim.elsewhere];
            for name in texts.iter().flat_map(|text| named_ids(text)) {
                assert!(claims().any(|other| other.id == name), "{} names {name}", claim.id);
            }
        }
    }

    /// What stands in backquotes, or alone or first in parentheses with a hyphen in it.
    fn named_ids(text: &'static str) -> Vec<&'static str> {
        let is_id = |word: &&str| {
            word.contains('-')
                && word.starts_with(char::is_alphabetic)
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        };
        let inner = text.split('(').skip(1).filter_map(|part| part.split([')', ',']).next());
        inner.filter(is_id).collect()
    }

    #[test]
    fn works_that_are_cited_exist_and_all_are_cited() {
        for claim in claims() {
            assert_eq!(claim.references().count(), claim.sources.len(), "{}", claim.id);
        }
        for work in references::WORKS {
            let cited = claims().any(|claim| claim.sources.contains(&work.key));
            assert!(cited, "{} is cited by no claim", work.key);
        }
        let cites = |id: &str, key| claim(id).unwrap().sources.contains(&key);
        assert!(cites("continuous-thought", "hao2024"));
        assert!(cites("pause-tokens", "goyal2024"));
        assert!(cites("known-outputs", "dehghani2019"));
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
