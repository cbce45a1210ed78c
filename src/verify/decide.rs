//! The verdict on a model and a circuit, by whichever way leads to one.
//!
//! A certificate first, where there is one for the scheme. One that fails says nothing about the model: an input
//! on which it is wrong is then looked for, by SAT and by running, and where all inputs could be run, that decides.
//! Schemes without a certificate are run. How much is run is the [`Policy`]'s affair.

use super::certificate::Certificate;
use super::prove::{self, Clue};
use super::{
    Assignments, Check, Counterexample, Decision, Doubt, Method, Part, Policy, Run, Shard,
    Statement, Subject, Verdict,
};
use crate::error::{Error, Result};
use crate::model::Pass;
use crate::progress::Progress;
use crate::run::Rule;

/// Decides whether a model computes a circuit.
///
/// ```
/// use circuit2tf::compile::{Options, compile};
/// use circuit2tf::verify::{Policy, Proof, Subject, Verdict, decide};
///
/// let circuit = circuit2tf::family::generate("adder:8")?;
/// let model = compile(&circuit, "", &Options::default())?;
/// let decision = decide(&Subject::new(&model, &circuit)?, &Policy::default())?;
/// let Verdict::Verified(Proof::Certificate(facts)) = &decision.statement.verdict else { panic!() };
/// assert_eq!((facts.n_inputs, facts.depth), (16, 15));
///
/// let wrong = circuit2tf::family::generate("comparator:8")?;
/// assert!(Subject::new(&model, &wrong).is_err());
/// # Ok::<(), circuit2tf::Error>(())
/// ```
///
/// # Errors
/// The method asked for cannot be carried out: too many inputs, longer than the budget, an engine that refuses the
/// model.
pub fn decide(subject: &Subject, policy: &Policy) -> Result<Decision> {
    decide_watched(subject, policy, &())
}

/// [`decide`], watched by `progress`.
///
/// # Errors
/// As [`decide`], or it was cancelled.
pub fn decide_watched(
    subject: &Subject,
    policy: &Policy,
    progress: &dyn Progress,
) -> Result<Decision> {
    let search = Search { subject, policy, progress };
    let certificate = search.certificate();
    let verdict = search.verdict(certificate.as_ref())?;
    Ok(Decision::new(subject, verdict, certificate))
}

/// The verdict by running alone, as the policy says: of a model that halts, that it stops and is right then.
pub(super) fn by_running(
    subject: &Subject,
    policy: &Policy,
    method: Method,
    progress: &dyn Progress,
) -> Result<Verdict> {
    Search { subject, policy, progress }.run(method)
}

/// Goes through one part of the assignments, of all or of a sample as the policy's method says, for
/// [`merge`](super::merge) to put together.
///
/// # Errors
/// The method does not go through assignments; as [`decide_watched`] else.
pub fn decide_part(
    subject: &Subject,
    policy: &Policy,
    part: Part,
    progress: &dyn Progress,
) -> Result<(Shard, Statement)> {
    let (model, circuit) = (subject.model(), subject.circuit());
    Shard::require_parts(model)?;
    let assignments = match policy.method {
        Some(Method::Exhaustive) => Assignments::All,
        Some(Method::Sample) => policy.sample(policy.n_samples(model)),
        other => {
            let found = other.map_or("none", Method::name);
            return Err(Error::new("--method exhaustive or sample with --shard", found)
                .hint("other methods do not go through assignments"));
        }
    };
    let range = assignments.range(circuit.inputs().len(), part)?;
    let total = range.end - range.start;
    let engine = policy.prepare(model, progress)?;
    policy.budget.require(&*engine, total)?;
    let check = Check::new(&*engine, circuit).on(assignments).watched_by(progress);
    let (found, rounding) = check.part(part)?;
    let outcome = (found.as_ref(), rounding.clone());
    let shard = Shard::new(subject, (assignments, part), engine.name(), outcome)?;
    let (engine, n_loops) = (engine.name().to_string(), model.n_loops);
    let run = Run { assignments, total, rounding, engine, n_loops };
    let nothing = Verdict::Unknown(Doubt::Shard { part, range, run });
    let verdict = found.map_or(nothing, Verdict::Refuted);
    Ok((shard, subject.state(verdict)))
}

struct Search<'a> {
    subject: &'a Subject<'a>,
    policy: &'a Policy,
    progress: &'a dyn Progress,
}

impl Search<'_> {
    fn certificate(&self) -> Option<Certificate> {
        let (model, circuit) = (self.subject.model(), self.subject.circuit());
        let clue = match self.policy.method {
            _ if !self.policy.certifies(model) => return None,
            Some(Method::Miter) => Clue::None,
            _ => Clue::Claim,
        };
        Some(prove::certificate(model, circuit, clue, self.policy.sat))
    }

    fn verdict(&self, certificate: Option<&Certificate>) -> Result<Verdict> {
        let Some(certificate) = certificate else {
            return match self.policy.method {
                Some(method) => self.run(method),
                None => self.uncertified(),
            };
        };
        // Where the certificate does not know the scheme, what it fails at is all that it can say.
        let is_known = self.subject.model().scheme.has_fixed_steps();
        if !certificate.is_proof() && is_known && self.policy.searches {
            self.beside(certificate)
        } else {
            Ok(Verdict::from(certificate))
        }
    }

    /// The verdict where a certificate failed.
    fn beside(&self, certificate: &Certificate) -> Result<Verdict> {
        match self.refute() {
            Ok(Some(found)) => return Ok(Verdict::Refuted(found)),
            Err(error) if error.is_cancelled() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        let is_free = self.policy.method.is_none();
        let n_inputs = self.subject.circuit().inputs().len();
        let most = if is_free { u64::MAX } else { self.policy.searched(self.subject.model()) };
        let found = if n_inputs <= self.policy.few_inputs && 1 << n_inputs <= most {
            self.all_or_sample()
        } else {
            self.run(Method::Sample)
        };
        match found {
            Ok(refuted @ Verdict::Refuted(_)) => Ok(refuted),
            // Whoever asks for a proof from the weights is given no other.
            Ok(verified @ Verdict::Verified(_)) if is_free => Ok(verified),
            Ok(doubt @ Verdict::Unknown(Doubt::Rounding(_))) if is_free => Ok(doubt),
            Err(error) if error.is_cancelled() => Err(error),
            // The failed condition is what is known.
            Ok(_) => Ok(Verdict::from(certificate)),
            Err(error) => {
                self.progress.note(&format!("not run: {error}"));
                Ok(Verdict::from(certificate))
            }
        }
    }

    /// A wrong input from the miter, replayed; an error where the model is too large to run.
    fn refute(&self) -> Result<Option<Counterexample>> {
        let engine = self.policy.prepare(self.subject.model(), self.progress)?;
        self.policy.budget.require(&*engine, 1)?;
        prove::refute_within(&*engine, self.subject.circuit(), self.policy.sat)
    }

    /// All assignments if they are few, else a sample.
    fn uncertified(&self) -> Result<Verdict> {
        let n_inputs = self.subject.circuit().inputs().len();
        if self.policy.tries_all(self.subject.model(), n_inputs) {
            self.all_or_sample()
        } else {
            self.run(Method::Sample)
        }
    }

    /// All assignments, or a sample where running all takes too long.
    fn all_or_sample(&self) -> Result<Verdict> {
        match self.run(Method::Exhaustive) {
            Err(error) if !error.is_cancelled() => self.run(Method::Sample),
            decided => decided,
        }
    }

    /// The verdict of running all assignments or a sample.
    fn run(&self, method: Method) -> Result<Verdict> {
        let (model, circuit) = (self.subject.model(), self.subject.circuit());
        let (n_inputs, policy) = (circuit.inputs().len(), self.policy);
        if model.scheme.pass() == Pass::Halting {
            let engine = policy.prepare_halting(model, Rule::Known)?;
            let assignments = match method {
                Method::Exhaustive => Assignments::All,
                _ => policy.sample(policy.affordable_samples(&engine)),
            };
            policy.budget.require(&engine, assignments.total(n_inputs)?)?;
            let check = Check::until_known(&engine, circuit);
            return check.on(assignments).watched_by(self.progress).run();
        }
        let engine = policy.prepare(model, self.progress)?;
        let assignments = match method {
            Method::Exhaustive => Assignments::All,
            // A search after a failed certificate takes a while, not for ever.
            _ if policy.certifies(model) => {
                let count = policy.n_samples(model).min(policy.searched(model));
                Assignments::Sample { count, seed: policy.seed }
            }
            _ => policy.sample(policy.affordable_samples(&*engine)),
        };
        policy.budget.require(&*engine, assignments.total(n_inputs)?)?;
        Check::new(&*engine, circuit).on(assignments).watched_by(self.progress).run()
    }
}
