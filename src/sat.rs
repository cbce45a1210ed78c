//! SAT: circuits and networks as clauses, and the solver behind them.
//!
//! An [`Encoder`] turns gates into literals and clauses (Tseitin), then [`Encoder::solve`] asks whether
//! some assignment makes given literals true. Gates are simplified and shared first: a gate over the
//! same operands with the same function is the same literal, so two circuits that agree in structure
//! meet in one literal and nothing is left to solve. The solver is BatSat, or CaDiCaL with the feature
//! `cadical`; without a time limit, answers are the same on every run.
//!
//! The solver is not trusted. That no assignment exists is said once every clause it derived was seen to
//! follow by unit propagation, that one exists once it was seen to satisfy every clause; all else is
//! undecided. Trusted are `proof.rs` and `solver.rs`, which check that (some 300 lines), and `encode.rs`,
//! `rows.rs` and `sweep.rs`, which make the clauses and say what an answer means for a circuit (some 650).

use std::time::{Duration, Instant};

mod backend;
mod encode;
mod proof;
mod rows;
mod solver;
mod sweep;

pub use encode::Encoder;
pub use sweep::Sweep;

/// A variable or its complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lit(u32);

impl Lit {
    /// The constant 1: the positive literal of variable 0, which a clause fixes.
    pub const TRUE: Lit = Lit(0);
    /// The constant 0.
    pub const FALSE: Lit = Lit(1);

    fn new(variable: u32, complemented: bool) -> Self {
        Lit(2 * variable + u32::from(complemented))
    }

    /// The constant `value`.
    pub fn constant(value: bool) -> Self {
        if value { Lit::TRUE } else { Lit::FALSE }
    }

    /// The literal's value if it is a constant.
    pub fn value(self) -> Option<bool> {
        (self.variable() == 0).then_some(self == Lit::TRUE)
    }

    /// The literal complemented once more where `flip` holds.
    pub fn flip_if(self, flip: bool) -> Self {
        Lit(self.0 ^ u32::from(flip))
    }

    fn variable(self) -> u32 {
        self.0 / 2
    }

    fn is_complemented(self) -> bool {
        self.0 % 2 == 1
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}

impl std::ops::Not for Lit {
    type Output = Lit;

    fn not(self) -> Lit {
        self.flip_if(true)
    }
}

/// When a solver gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most conflicts of one call.
    pub conflicts: Option<u64>,
    /// The most time of one call; answers then depend on the machine.
    pub time: Option<Duration>,
}

impl Limits {
    /// The limits that are left of these, time having run from `start` on.
    pub fn since(self, start: Instant) -> Self {
        Limits { time: self.time.map(|time| time.saturating_sub(start.elapsed())), ..self }
    }

    /// Whether no time is left.
    pub fn is_over(self) -> bool {
        self.time == Some(Duration::ZERO)
    }
}

/// What a solver says of a set of clauses and assumptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Some assignment satisfies them, and was seen to; [`Encoder::value`] reads it.
    Satisfiable,
    /// None does; the solver's proof was checked.
    Unsatisfiable,
    /// A limit was reached, or the solver's answer could not be confirmed.
    Undecided,
}
