//! Effort: about how long a run will take, said before it is begun.
//!
//! In: a model, the way an engine goes through it, how many assignments and loops. Out: operations, of which a
//! processor does some 2^30 a second on one core. Sizes alone are looked at, so the same files give the same
//! answer everywhere. A file of a few bytes can ask for any number of loops; this is what stands before it.

use std::fmt;

use super::Engine;
use crate::error::{Error, Result};
use crate::model::Model;

/// In which way an engine goes through a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Every product of every layer, assignment by assignment.
    Literal,
    /// A token after the other, each once.
    Tokens,
    /// A lookup per position and layer, for many assignments at once.
    Lookups,
    /// A lookup where something can have changed, which in a circuit is each position some few times.
    Changes,
}

/// Operations, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effort(u128);

/// Operations of one core in a second.
const PER_SECOND: u128 = 1 << 30;

/// What a layer takes of one assignment or block of them, however small it is.
const LEAST_LITERAL: u128 = 1 << 11;
const LEAST_LOOKUPS: u128 = 1 << 8;

/// Assignments that are looked up at once.
const LANES: u64 = 512;

/// Operations of a lookup, and how often a position changes on its way to rest.
const LOOKUP: u128 = 8;
const CHANGES: u128 = 8;

impl Effort {
    /// Of `engine` for so many assignments and loops of its model.
    pub fn new(engine: &dyn Engine, n_assignments: u64, n_loops: usize) -> Self {
        Effort::at(engine.model(), engine.pace(), n_assignments, n_loops)
    }

    /// Of any engine that goes at `pace`, with `model`.
    pub fn at(model: &Model, pace: Pace, n_assignments: u64, n_loops: usize) -> Self {
        let layers = model.schedule_of(n_loops).n_steps() as u128;
        let (n_ctx, blocks) = (model.n_ctx() as u128, model.blocks.len() as u128);
        let single = u128::from(n_assignments);
        let blocked = u128::from(n_assignments.div_ceil(LANES));
        Effort(match pace {
            Pace::Literal => product(&[single, layers, literal_layer(model)]),
            Pace::Tokens => product(&[single, blocks, literal_layer(model)]),
            Pace::Lookups => product(&[blocked, layers, LEAST_LOOKUPS.max(n_ctx * LOOKUP)]),
            Pace::Changes => {
                let rest = product(&[n_ctx, LOOKUP, CHANGES]);
                product(&[blocked, product(&[layers, LEAST_LOOKUPS]).saturating_add(rest)])
            }
        })
    }

    /// So many times as much.
    pub fn times(self, n: u64) -> Self {
        Effort(self.0.saturating_mul(u128::from(n)))
    }

    /// Both together.
    pub fn and(self, other: Effort) -> Self {
        Effort(self.0.saturating_add(other.0))
    }

    /// How often it fits into so many seconds.
    pub fn fits(self, seconds: u64) -> u64 {
        let times = product(&[u128::from(seconds), PER_SECOND]) / self.0.max(1);
        u64::try_from(times).unwrap_or(u64::MAX)
    }

    /// An error unless it is a matter of so many seconds.
    ///
    /// # Errors
    /// It takes longer, with what it takes.
    pub fn require(self, seconds: u64, what: &str) -> Result<()> {
        if self.0 <= product(&[u128::from(seconds), PER_SECOND]) {
            return Ok(());
        }
        let expected = format!("{what} that takes an estimated {} at most", Time(seconds));
        Err(Error::unaffordable(expected, self.to_string()))
    }
}

/// Multiply-adds of one layer on one assignment.
fn literal_layer(model: &Model) -> u128 {
    let [n, d, d_mlp, heads, d_head] =
        [model.n_ctx(), model.d_model(), model.d_mlp(), model.n_heads(), model.d_head()]
            .map(|size| size as u128);
    let projections = product(&[4, n, d, heads, d_head]);
    let scores = product(&[2, n, n, heads, d_head]);
    let mlp = product(&[2, n, d, d_mlp]);
    projections.saturating_add(scores).saturating_add(mlp).max(LEAST_LITERAL)
}

fn product(factors: &[u128]) -> u128 {
    factors.iter().fold(1, |all, &factor| all.saturating_mul(factor))
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = u64::try_from(self.0 / PER_SECOND).unwrap_or(u64::MAX);
        write!(f, "some 2^{} operations, {}", self.0.max(1).ilog2(), Time(seconds))
    }
}

/// Seconds, in the largest unit of which there are two.
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("years", 31_557_600), ("days", 86_400), ("hours", 3600), ("minutes", 60)];
        let fitting = units.into_iter().find(|(_, unit)| self.0 >= 2 * unit);
        let (name, unit) = fitting.unwrap_or(("seconds", 1));
        write!(f, "{} {name}", self.0 / unit)
    }
}
