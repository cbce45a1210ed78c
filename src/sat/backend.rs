//! The solvers: clauses and assumptions in, an answer and its derivation out. The only file that names one.
//!
//! Nothing that is said here is believed: [`super::solver`] checks it.

use std::time::{Duration, Instant};

use rustsat::solvers::{Solve, SolveIncremental, SolverResult};
use rustsat::types::{self, TernaryVal};

use super::proof::Step;
use super::{Answer, Limits, Lit};

/// Decides whether clauses can be satisfied.
pub trait Backend {
    fn add_clause(&mut self, literals: &[Lit]);

    fn solve(&mut self, assumptions: &[Lit], limits: Limits) -> Answer;

    /// The value of a variable after [`Answer::Satisfiable`]; one that does not matter is 0.
    fn value(&self, variable: u32) -> bool;

    /// What was derived and deleted since the last call, in order.
    fn take_steps(&mut self) -> Vec<Step>;
}

#[cfg(not(feature = "cadical"))]
pub type Preferred = BatSat;
#[cfg(feature = "cadical")]
pub type Preferred = CaDiCaL;

#[cfg(not(feature = "cadical"))]
#[derive(Default)]
pub struct BatSat(rustsat_batsat::Solver<Meter>);

#[cfg(not(feature = "cadical"))]
impl Backend for BatSat {
    fn add_clause(&mut self, literals: &[Lit]) {
        self.0.extend([to_clause(literals)]);
    }

    fn solve(&mut self, assumptions: &[Lit], limits: Limits) -> Answer {
        let meter = self.0.batsat_mut().cb_mut();
        (meter.conflicts_left, meter.end) =
            (limits.conflicts.unwrap_or(u64::MAX), end(limits.time));
        answer(self.0.solve_assumps(&to_literals(assumptions)))
    }

    fn value(&self, variable: u32) -> bool {
        matches!(self.0.lit_val(types::Lit::positive(variable)), Ok(TernaryVal::True))
    }

    fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.0.batsat_mut().cb_mut().steps)
    }
}

/// Counts BatSat's conflicts, each of which learns a clause, writes these down, and watches the clock.
#[cfg(not(feature = "cadical"))]
struct Meter {
    conflicts_left: u64,
    end: Option<Instant>,
    steps: Vec<Step>,
}

#[cfg(not(feature = "cadical"))]
impl Default for Meter {
    fn default() -> Self {
        Meter { conflicts_left: u64::MAX, end: None, steps: Vec::new() }
    }
}

#[cfg(not(feature = "cadical"))]
impl batsat::Callbacks for Meter {
    fn on_new_clause(&mut self, clause: &[batsat::Lit], kind: batsat::ClauseKind) {
        if kind == batsat::ClauseKind::Learnt {
            self.conflicts_left = self.conflicts_left.saturating_sub(1);
            self.steps.push(Step::Lemma(clause.iter().map(from_batsat).collect()));
        }
    }

    fn on_delete_clause(&mut self, clause: &[batsat::Lit]) {
        self.steps.push(Step::Deletion(clause.iter().map(from_batsat).collect()));
    }

    fn stop(&self) -> bool {
        self.conflicts_left == 0 || is_past(self.end)
    }
}

#[cfg(not(feature = "cadical"))]
fn from_batsat(literal: &batsat::Lit) -> Lit {
    Lit::new(literal.var().idx(), !literal.sign())
}

#[cfg(feature = "cadical")]
pub struct CaDiCaL {
    solver: rustsat_cadical::CaDiCaL<'static, 'static>,
    /// Dropped after the solver, which refers to it.
    tracer: rustsat_cadical::ProofTracerHandle<Tracer>,
}

#[cfg(feature = "cadical")]
impl Default for CaDiCaL {
    fn default() -> Self {
        let mut solver = rustsat_cadical::CaDiCaL::default();
        let tracer = solver.connect_proof_tracer(Tracer::default(), false);
        CaDiCaL { solver, tracer }
    }
}

#[cfg(feature = "cadical")]
impl Backend for CaDiCaL {
    fn add_clause(&mut self, literals: &[Lit]) {
        self.solver.extend([to_clause(literals)]);
    }

    fn solve(&mut self, assumptions: &[Lit], limits: Limits) -> Answer {
        use rustsat::solvers::{ControlSignal, LimitConflicts, Terminate};
        let conflicts = limits.conflicts.and_then(|n| i32::try_from(n).ok());
        let limited = self.solver.limit_conflicts(conflicts.map(|n| n as u32));
        limited.expect("CaDiCaL takes every limit that fits an int");
        let end = end(limits.time);
        self.solver.attach_terminator(move || {
            if is_past(end) { ControlSignal::Terminate } else { ControlSignal::Continue }
        });
        answer(self.solver.solve_assumps(&to_literals(assumptions)))
    }

    fn value(&self, variable: u32) -> bool {
        matches!(self.solver.lit_val(types::Lit::positive(variable)), Ok(TernaryVal::True))
    }

    fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.solver.proof_tracer_mut(&self.tracer).0)
    }
}

/// Writes down what CaDiCaL derives. Only clauses that it can do without are taken for deleted: others come
/// back when later questions need them.
#[cfg(feature = "cadical")]
#[derive(Default)]
struct Tracer(Vec<Step>);

#[cfg(feature = "cadical")]
impl rustsat_cadical::TraceProof for Tracer {
    fn add_derived_clause(
        &mut self,
        _: rustsat_cadical::ClauseId,
        _: bool,
        clause: &rustsat_cadical::CaDiCaLClause,
        _: &[rustsat_cadical::ClauseId],
    ) {
        self.0.push(Step::Lemma(clause.iter().map(from_rustsat).collect()));
    }

    fn delete_clause(
        &mut self,
        _: rustsat_cadical::ClauseId,
        is_redundant: bool,
        clause: &rustsat_cadical::CaDiCaLClause,
    ) {
        if is_redundant {
            self.0.push(Step::Deletion(clause.iter().map(from_rustsat).collect()));
        }
    }
}

#[cfg(feature = "cadical")]
fn from_rustsat(literal: types::Lit) -> Lit {
    Lit::new(literal.vidx32(), literal.is_neg())
}

fn to_literals(literals: &[Lit]) -> Vec<types::Lit> {
    literals.iter().map(|l| types::Lit::new(l.variable(), l.is_complemented())).collect()
}

fn to_clause(literals: &[Lit]) -> types::Clause {
    types::Clause::from_iter(to_literals(literals))
}

/// An error is an answer that the solver could not reach.
fn answer<E>(result: Result<SolverResult, E>) -> Answer {
    match result {
        Ok(SolverResult::Sat) => Answer::Satisfiable,
        Ok(SolverResult::Unsat) => Answer::Unsatisfiable,
        Ok(SolverResult::Interrupted) | Err(_) => Answer::Undecided,
    }
}

/// The end of a time limit; a limit beyond the clock's range is none.
fn end(time: Option<Duration>) -> Option<Instant> {
    time.and_then(|time| Instant::now().checked_add(time))
}

fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| Instant::now() >= end)
}
