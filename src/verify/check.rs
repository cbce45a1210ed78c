//! A check by running, as one value: an engine with its model, a circuit, loops, assignments, who watches.
//!
//! Every output bit of every assignment is compared with the oracle's, and a difference counts only if whoever
//! runs the model has it ([`Judge`]). A model that halts is held to its promises ([`Check::until_known`]).

use super::enumerate::DRAWN;
use super::rounding::{Judge, Outcome};
use super::truth::Truth;
use super::{
    Assignments, Counterexample, Part, Rounding, Run, Verdict, halting, require_same_ports,
};
use crate::circuit::Circuit;
use crate::error::Result;
use crate::model::Model;
use crate::progress::Progress;
use crate::run::{Engine, Halting};

/// A check by running, of the engine's own model.
///
/// ```
/// use circuit2tf::compile::{Options, compile};
/// use circuit2tf::run::Reference;
/// use circuit2tf::verify::{Check, Verdict};
///
/// let circuit = circuit2tf::family::generate("adder:3")?;
/// let model = compile(&circuit, "", &Options::default())?;
/// let engine = Reference::new(&model)?;
/// assert!(matches!(Check::new(&engine, &circuit).run()?, Verdict::Verified(_)));
/// let too_few = Check::new(&engine, &circuit).loops(model.n_loops - 1);
/// assert!(matches!(too_few.run()?, Verdict::Refuted(_)));
/// # Ok::<(), circuit2tf::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Check<'a> {
    runner: Runner<'a>,
    circuit: &'a Circuit,
    n_loops: usize,
    assignments: Assignments,
    progress: &'a dyn Progress,
}

#[derive(Clone, Copy)]
enum Runner<'a> {
    Loops(&'a dyn Engine),
    Halts(&'a Halting<'a>),
}

impl<'a> Check<'a> {
    /// All assignments, the model's own number of loops, and nobody watches.
    pub fn new(engine: &'a dyn Engine, circuit: &'a Circuit) -> Self {
        Check::of(Runner::Loops(engine), circuit, engine.model())
    }

    /// A check of a model that halts: outputs are right when they are known, which they always are in the
    /// end, and what is known stays.
    pub fn until_known(engine: &'a Halting<'a>, circuit: &'a Circuit) -> Self {
        Check::of(Runner::Halts(engine), circuit, engine.model())
    }

    fn of(runner: Runner<'a>, circuit: &'a Circuit, model: &Model) -> Self {
        let (n_loops, assignments) = (model.n_loops, Assignments::All);
        Check { runner, circuit, n_loops, assignments, progress: &() }
    }

    /// The check with another number of loops. A model that halts stops by itself, at most after its own.
    pub fn loops(self, n_loops: usize) -> Self {
        Check { n_loops, ..self }
    }

    /// The check on other assignments. A sample can refute, it never verifies.
    pub fn on(self, assignments: Assignments) -> Self {
        Check { assignments, ..self }
    }

    /// The check, watched by `progress`.
    pub fn watched_by(self, progress: &'a dyn Progress) -> Self {
        Check { progress, ..self }
    }

    /// The verdict. The counterexample is the one with the least number, whatever the number of threads.
    ///
    /// # Errors
    /// The ports do not fit, there are too many inputs to try all assignments, the engine fails, or it was
    /// cancelled; for a model that halts, the engine's rule is not [`Rule::Known`](crate::run::Rule::Known).
    pub fn run(&self) -> Result<Verdict> {
        if let Runner::Halts(engine) = self.runner {
            return halting::check(engine, self.circuit, self.assignments, self.progress);
        }
        let engine = self.engine();
        let truth = Truth::new(self.circuit, engine)?;
        let (found, rounding) = self.search(engine, &truth, Part::WHOLE)?;
        let engine = format!("{}{}", engine.name(), truth.remark());
        let total = self.assignments.total(self.circuit.inputs().len())?;
        let (assignments, n_loops) = (self.assignments, self.n_loops);
        let run = Run { assignments, total, rounding, engine, n_loops };
        Ok(found.map_or_else(|| run.verdict(), Verdict::Refuted))
    }

    /// The first assignment of a part on which model and circuit differ, whoever runs the model; if there is none,
    /// what that rests on.
    ///
    /// # Errors
    /// As [`Check::run`].
    pub fn part(&self, part: Part) -> Result<(Option<Counterexample>, Rounding)> {
        let engine = self.engine();
        self.search(engine, &Truth::new(self.circuit, engine)?, part)
    }

    fn engine(&self) -> &'a dyn Engine {
        match self.runner {
            Runner::Loops(engine) => engine,
            Runner::Halts(engine) => engine,
        }
    }

    /// The counterexample of the first block that has one; blocks are spread over threads.
    fn search(
        &self,
        engine: &dyn Engine,
        truth: &Truth,
        part: Part,
    ) -> Result<(Option<Counterexample>, Rounding)> {
        let (circuit, n_loops, assignments) = (self.circuit, self.n_loops, self.assignments);
        require_same_ports(engine.model(), circuit)?;
        let n_inputs = circuit.inputs().len();
        let range = assignments.range(n_inputs, part)?;
        self.progress.begin(range.end - range.start, "assignments");
        let blocks = (range, engine.block().next_multiple_of(DRAWN));
        let judge = Judge::new(engine, n_loops, assignments == Assignments::All);
        let found =
            assignments.find_first_in(n_inputs, blocks, self.progress, |start, inputs| {
                let expected = truth.run(inputs)?;
                let (got, alike) = engine.run_alike(inputs, n_loops)?;
                let outcome = Outcome { inputs, expected: &expected, got: &got, alike };
                let found = judge.settle(start, outcome, self.progress)?;
                found.map(|found| truth.confirm(engine.model(), n_loops, found)).transpose()
            })?;
        Ok((found, judge.rounding()))
    }
}
