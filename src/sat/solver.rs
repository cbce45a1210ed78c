//! The solver: clauses and assumptions in, an answer out. The only file that names one.

use std::time::{Duration, Instant};

use rustsat::solvers::{Solve, SolveIncremental, SolverResult};
use rustsat::types::{self, TernaryVal};

use super::{Answer, Limits, Lit};

#[cfg(feature = "cadical")]
type Backend = rustsat_cadical::CaDiCaL<'static, 'static>;
#[cfg(not(feature = "cadical"))]
type Backend = rustsat_batsat::Solver<Meter>;

#[derive(Default)]
pub struct Solver {
    backend: Backend,
}

impl Solver {
    pub fn add_clause(&mut self, literals: &[Lit]) {
        let clause: Vec<types::Lit> = literals.iter().map(|&literal| convert(literal)).collect();
        self.backend.extend([types::Clause::from_iter(clause)]);
    }

    pub fn solve(&mut self, assumptions: &[Lit], limits: Limits) -> Answer {
        let assumptions: Vec<types::Lit> = assumptions.iter().map(|&l| convert(l)).collect();
        self.set_limits(limits);
        match self.backend.solve_assumps(&assumptions) {
            Ok(SolverResult::Sat) => Answer::Satisfiable,
            Ok(SolverResult::Unsat) => Answer::Unsatisfiable,
            // An error is an answer the solver could not reach: nothing is claimed.
            Ok(SolverResult::Interrupted) | Err(_) => Answer::Undecided,
        }
    }

    /// The value of a literal after [`Answer::Satisfiable`]; one that does not matter is 0.
    pub fn value(&self, literal: Lit) -> bool {
        let positive = types::Lit::positive(literal.variable());
        let value = matches!(self.backend.lit_val(positive), Ok(TernaryVal::True));
        value ^ literal.is_complemented()
    }

    #[cfg(not(feature = "cadical"))]
    fn set_limits(&mut self, limits: Limits) {
        *self.backend.batsat_mut().cb_mut() =
            Meter { conflicts_left: limits.conflicts.unwrap_or(u64::MAX), end: end(limits.time) };
    }

    #[cfg(feature = "cadical")]
    fn set_limits(&mut self, limits: Limits) {
        use rustsat::solvers::{ControlSignal, LimitConflicts, Terminate};
        let conflicts = limits.conflicts.and_then(|n| i32::try_from(n).ok());
        let limited = self.backend.limit_conflicts(conflicts.map(|n| n as u32));
        limited.expect("CaDiCaL takes every limit that fits an int");
        let end = end(limits.time);
        self.backend.attach_terminator(move || match is_past(end) {
            true => ControlSignal::Terminate,
            false => ControlSignal::Continue,
        });
    }
}

fn convert(literal: Lit) -> types::Lit {
    types::Lit::new(literal.variable(), literal.is_complemented())
}

/// The end of a time limit; a limit beyond the clock's range is none.
fn end(time: Option<Duration>) -> Option<Instant> {
    time.and_then(|time| Instant::now().checked_add(time))
}

fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| Instant::now() >= end)
}

/// Counts BatSat's conflicts, each of which learns a clause, and watches the clock.
#[cfg(not(feature = "cadical"))]
struct Meter {
    conflicts_left: u64,
    end: Option<Instant>,
}

#[cfg(not(feature = "cadical"))]
impl Default for Meter {
    fn default() -> Self {
        Meter { conflicts_left: u64::MAX, end: None }
    }
}

#[cfg(not(feature = "cadical"))]
impl batsat::Callbacks for Meter {
    fn on_new_clause(&mut self, _: &[batsat::Lit], kind: batsat::ClauseKind) {
        if kind == batsat::ClauseKind::Learnt {
            self.conflicts_left = self.conflicts_left.saturating_sub(1);
        }
    }

    fn stop(&self) -> bool {
        self.conflicts_left == 0 || is_past(self.end)
    }
}
