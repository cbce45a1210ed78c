//! Policy: how a verdict is looked for where nobody says how, and what that may take.
//!
//! Every threshold stands here once, with its reason. None of them can make a verdict wrong: they say when to stop
//! looking, and then the verdict is unknown.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Assignments;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::progress::Progress;
use crate::run::{self, Budget, DeviceName, Engine, EngineKind, Halting, Rule};
use crate::sat::Limits;

/// The ways to a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// [`prove`](super::prove()).
    Certificate,
    /// [`prove_by_miter`](super::prove_by_miter).
    Miter,
    /// [`Check::run`](super::Check::run) on all assignments.
    Exhaustive,
    /// [`Check::run`](super::Check::run) on some.
    Sample,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 4] =
        [Method::Certificate, Method::Miter, Method::Exhaustive, Method::Sample];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Method::Certificate => "certificate",
            Method::Miter => "miter",
            Method::Exhaustive => "exhaustive",
            Method::Sample => "sample",
        }
    }

    /// What it is, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Method::Certificate => {
                "A proof from the weights alone, for all inputs and any more loops"
            }
            Method::Miter => "The same proof with SAT instead of the model's claim",
            Method::Exhaustive => "All 2^n assignments",
            Method::Sample => "Some assignments; can refute, cannot verify",
        }
    }

    /// Whether it goes through assignments.
    pub fn runs(self) -> bool {
        matches!(self, Method::Exhaustive | Method::Sample)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Method::ALL.into_iter().find(|method| method.name() == name);
        let names = Method::ALL.map(Method::name).join(", ");
        found.ok_or_else(|| Error::new(format!("a method: {names}"), format!("{name:?}")))
    }
}

/// How [`decide`](super::decide) goes about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The only method whose verdict counts. None: a certificate, and where there is none, by running: all
    /// assignments if they are few, else a sample.
    pub method: Option<Method>,
    /// Whether a wrong input is looked for where a certificate fails.
    pub searches: bool,
    /// What runs the model.
    pub engine: EngineKind,
    /// Where it runs.
    pub device: DeviceName,
    /// What running may take.
    pub budget: Budget,
    /// Assignments to sample; none: [`Self::samples_beside`] or [`Self::samples_alone`].
    pub samples: Option<u64>,
    /// Seed of the sample.
    pub seed: u64,
    /// Samples beside a certificate that failed, which is what the verdict says if they show nothing: 10,000, a
    /// second for a small model. What they miss with probability 1/2 is wrong on one input in 14,000.
    pub samples_beside: u64,
    /// Samples where they are all there is: ten times as many, so that a fault on one input in 22,000 is found
    /// with probability 0.99.
    pub samples_alone: u64,
    /// Up to so many inputs, all assignments are tried where a certificate failed: 12, the 4,096 of which are fewer
    /// than the sample that they replace.
    pub few_inputs: usize,
    /// Up to so many inputs, all assignments are tried where there is no certificate for the scheme: 20, a million
    /// assignments, which an engine that looks up takes seconds for.
    pub tried_inputs: usize,
    /// Never more of them than so many. Of a decoder, which goes through assignments one by one, it is
    /// [`Self::few_runs`] that bounds them.
    pub tried: u64,
    /// Scores that a search beside a failed certificate may compute: 2^34, some seconds.
    pub search_scores: u64,
    /// A decoder goes through all assignments if they are so many, however long that takes: 2^12.
    pub few_runs: u64,
    /// What SAT may take: a minute, since it decides what it can decide in seconds or in no time at all.
    pub sat: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            method: None,
            searches: true,
            engine: EngineKind::Auto,
            device: DeviceName::Cpu,
            budget: Budget::default(),
            samples: None,
            seed: 0,
            samples_beside: 10_000,
            samples_alone: 100_000,
            few_inputs: 12,
            tried_inputs: 20,
            tried: 1 << 20,
            search_scores: 1 << 34,
            few_runs: 1 << 12,
            sat: Policy::SAT,
        }
    }
}

impl Policy {
    /// What SAT may take, of [`Self::sat`].
    pub(super) const SAT: Limits = Limits { conflicts: None, time: Some(Duration::from_secs(60)) };

    /// All assignments of so many inputs if no certificate decides and they are few enough, else a sample.
    pub fn assignments(&self, n_inputs: usize) -> Assignments {
        if n_inputs <= self.tried_inputs && 1 << n_inputs <= self.tried {
            Assignments::All
        } else {
            self.sample(self.samples_alone)
        }
    }

    /// Whether a certificate is made of a model: unless a method is asked for, where there is one for the scheme.
    pub fn certifies(&self, model: &Model) -> bool {
        self.method.map_or(model.scheme.has_fixed_steps(), |method| !method.runs())
    }

    /// The engine, ready to run a model.
    ///
    /// # Errors
    /// As [`run::prepare`].
    pub fn prepare<'m>(
        &self,
        model: &'m Model,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Engine + 'm>> {
        run::prepare(model, self.engine, self.device, progress)
    }

    /// The engine, ready to run a model until the rule stops it.
    ///
    /// # Errors
    /// As [`run::prepare_halting`].
    pub fn prepare_halting<'m>(&self, model: &'m Model, rule: Rule) -> Result<Halting<'m>> {
        run::prepare_halting(model, self.engine, self.device, rule)
    }

    /// The samples asked for, or the usual number for the scheme.
    pub(super) fn n_samples(&self, model: &Model) -> u64 {
        self.samples.unwrap_or(if model.scheme.has_fixed_steps() {
            self.samples_beside
        } else {
            self.samples_alone
        })
    }

    /// The samples asked for, or as many of the usual number as the budget allows, but not none.
    pub(super) fn affordable_samples(&self, engine: &dyn Engine) -> u64 {
        let most = self.budget.affordable(engine).max(1);
        self.samples.unwrap_or_else(|| self.n_samples(engine.model()).min(most))
    }

    /// Assignments that a search beside a failed certificate may go through.
    pub(super) fn searched(&self, model: &Model) -> u64 {
        let layers = model.schedule().n_steps().max(1) as u64;
        let scores = (model.n_ctx() as u64).saturating_pow(2).saturating_mul(layers);
        self.search_scores.div_ceil(scores.max(1))
    }

    /// All assignments where there is no certificate for the scheme, if they are few for the model.
    pub(super) fn tries_all(&self, model: &Model, n_inputs: usize) -> bool {
        let most = if model.scheme.is_parallel() {
            u64::MAX
        } else {
            // One by one, every step an application of all blocks to a token.
            self.searched(model).saturating_mul(16).max(self.few_runs)
        };
        self.assignments(n_inputs) == Assignments::All && 1 << n_inputs <= most
    }

    pub(super) fn sample(&self, usual: u64) -> Assignments {
        Assignments::Sample { count: self.samples.unwrap_or(usual), seed: self.seed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_assignments_are_all_tried() {
        let policy = Policy::default();
        assert_eq!(policy.assignments(20), Assignments::All);
        assert_eq!(policy.assignments(21), Assignments::Sample { count: 100_000, seed: 0 });
        let policy = Policy { tried: 100, samples: Some(50), seed: 3, ..policy };
        assert_eq!(policy.assignments(6), Assignments::All);
        assert_eq!(policy.assignments(7), Assignments::Sample { count: 50, seed: 3 });
    }

    /// The figures in the reasons.
    #[test]
    fn samples_find_what_is_said() {
        let Policy { samples_beside, samples_alone, few_inputs, tried_inputs, tried, .. } =
            Policy::default();
        let missed = |samples: u64, rate: f64| (1.0 - rate).powf(samples as f64);
        assert!((missed(samples_beside, 1.0 / 14_000.0) - 0.5).abs() < 0.02);
        assert!((missed(samples_alone, 1.0 / 22_000.0) - 0.01).abs() < 0.002);
        assert!(1 << few_inputs <= samples_beside && 1 << tried_inputs == tried);
    }

    #[test]
    fn methods_are_read_as_they_are_written() {
        for method in Method::ALL {
            assert_eq!(method.name().parse(), Ok(method));
        }
        assert!("proof".parse::<Method>().is_err());
    }
}
