//! Engines held against each other and against the circuit, loop by loop.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::decide::by_running;
use super::enumerate::stopped;
use super::{
    Assignments, Check, Counterexample, Disagreement, Doubt, Method, Part, Policy, Run, Statement,
    Subject, Verdict, compare, require_same_ports,
};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::model::Pass;
use crate::progress::Progress;
use crate::run::{self, Effort, Engine, EngineKind};

/// Assignments that engines are given at once.
const BLOCK: u64 = 1024;

/// What came of holding an engine against the first one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Agreement {
    /// Where and after how many loops the outputs first differ from the first engine's.
    pub departure: Option<Disagreement>,
    /// Whether they do so after the last loop.
    #[serde(skip)]
    pub differs_at_end: bool,
    /// Where the outputs differ from the circuit's at the end.
    pub wrong: Option<Counterexample>,
}

impl Agreement {
    /// What came of two parts of the assignments, of which `self` is the earlier.
    fn or(self, later: Agreement) -> Self {
        Agreement {
            departure: self.departure.or(later.departure),
            differs_at_end: self.differs_at_end || later.differs_at_end,
            wrong: self.wrong.or(later.wrong),
        }
    }
}

/// Engines, what came of each, and the verdict of all together.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// By their names, in the order in which they were asked for.
    pub engines: Vec<(String, Agreement)>,
    /// Those that refuse the model, and why.
    pub not_run: Vec<(EngineKind, Error)>,
    /// What they say of the model.
    pub statement: Statement,
}

/// Runs every engine of `kinds` for 0, 1, … loops and compares the outputs with those of the first, bit for bit, and
/// after the last loop with the circuit's.
///
/// # Errors
/// It takes longer than the budget, an engine fails, or it was cancelled.
pub fn compare_engines(
    subject: &Subject,
    kinds: &[EngineKind],
    policy: &Policy,
    progress: &dyn Progress,
) -> Result<Comparison> {
    let (model, circuit) = (subject.model(), subject.circuit());
    let (mut ready, mut not_run) = (Vec::<Box<dyn Engine>>::new(), Vec::new());
    for &kind in kinds {
        match run::on_processor(model, kind, progress) {
            // A scheme that has an engine of its own is run by that, whatever is asked for: once.
            Ok(engine) if ready.iter().any(|other| other.name() == engine.name()) => {
                let own = format!("the {}, which is compared already", engine.name());
                not_run.push((kind, Error::new(format!("the engine {kind}"), own)));
            }
            Ok(engine) => ready.push(engine),
            Err(error) => not_run.push((kind, error)),
        }
    }
    let engines: Vec<&dyn Engine> = ready.iter().map(|engine| &**engine).collect();
    let n_inputs = circuit.inputs().len();
    let assignments = match policy.assignments(n_inputs) {
        Assignments::All => Assignments::All,
        Assignments::Sample { .. } => policy.sample(policy.n_samples(model)),
    };
    require_affordable(policy, &engines, assignments.total(n_inputs)?)?;
    let crowd = Crowd { engines: &engines, circuit, n_loops: model.n_loops, assignments };
    let found = crowd.agree(progress)?;
    let verdict = match crowd.conclude(&found, progress)? {
        // They agree on its bits after each loop; whether it halts is more than that.
        Verdict::Verified(_) if model.scheme.pass() == Pass::Halting => {
            by_running(subject, policy, Method::Exhaustive, progress)?
        }
        verdict => verdict,
    };
    let names = engines.iter().map(|engine| engine.name().to_string());
    let engines = names.zip(found).collect();
    Ok(Comparison { engines, not_run, statement: subject.state(verdict) })
}

fn require_affordable(policy: &Policy, engines: &[&dyn Engine], total: u64) -> Result<()> {
    let Some(n_loops) = engines.first().map(|engine| engine.model().n_loops) else { return Ok(()) };
    let effort = engines.iter().map(|engine| Effort::new(*engine, total, n_loops));
    effort.reduce(Effort::and).map_or(Ok(()), |all| {
        // Runs of 0 to n loops are (n + 1) / 2 runs of n.
        let all = all.times((n_loops as u64 / 2).saturating_add(1));
        let what = format!("{} engines after each of {n_loops} loops", engines.len());
        policy.budget.require_effort(all, &what)
    })
}

/// Engines of one model, and what they are given.
struct Crowd<'a> {
    engines: &'a [&'a dyn Engine],
    circuit: &'a Circuit,
    n_loops: usize,
    assignments: Assignments,
}

impl Crowd<'_> {
    /// What came of holding each engine against the first.
    fn agree(&self, progress: &dyn Progress) -> Result<Vec<Agreement>> {
        let none = || vec![Agreement::default(); self.engines.len()];
        let Some(first) = self.engines.first() else { return Ok(none()) };
        require_same_ports(first.model(), self.circuit)?;
        let n_inputs = self.circuit.inputs().len();
        let total = self.assignments.total(n_inputs)?;
        progress.begin(total, "assignments");
        let oracle = Oracle::new(self.circuit)?;
        let done = AtomicU64::new(0);
        let check = |b: u64| -> Result<Vec<Agreement>> {
            let start = b * BLOCK;
            let inputs = self.assignments.block(n_inputs, start, BLOCK.min(total - start) as usize);
            let found = self.agree_on(&inputs, &oracle.run(&inputs)?, progress)?;
            let n = inputs.n_assignments() as u64;
            progress.advance(n);
            done.fetch_add(n, Ordering::Relaxed);
            Ok(found)
        };
        let blocks = (0..total.div_ceil(BLOCK)).into_par_iter().map(check);
        // Blocks are put together in order, so what is kept is the first of each kind.
        let found = blocks.try_reduce(none, |a, b| {
            Ok(a.into_iter().zip(b).map(|(earlier, later)| earlier.or(later)).collect())
        });
        found.map_err(|error| if error.is_cancelled() { stopped(&done, total) } else { error })
    }

    fn agree_on(
        &self,
        inputs: &Batch,
        expected: &Batch,
        progress: &dyn Progress,
    ) -> Result<Vec<Agreement>> {
        let mut found = vec![Agreement::default(); self.engines.len()];
        for r in 0..=self.n_loops {
            if progress.is_cancelled() {
                return Err(stopped(&AtomicU64::new(0), 0));
            }
            let outputs: Vec<Batch> =
                self.engines.iter().map(|engine| engine.run(inputs, r)).collect::<Result<_>>()?;
            for (e, found) in found.iter_mut().enumerate() {
                let pair = [(self.engines[0], &outputs[0]), (self.engines[e], &outputs[e])];
                let difference = difference(inputs, expected, pair, r);
                found.differs_at_end = difference.is_some();
                found.departure = found.departure.take().or(difference);
                if r == self.n_loops {
                    found.wrong = compare(inputs, expected, &outputs[e]);
                }
            }
        }
        Ok(found)
    }

    /// The verdict of all together.
    ///
    /// Where all give the same bits in the end, what they say of the circuit counts, as far as rounding lets it. A
    /// model that they do not run alike is not refuted: which of them is right is not known here.
    fn conclude(&self, found: &[Agreement], progress: &dyn Progress) -> Result<Verdict> {
        let is_wrong = found.iter().any(|agreement| agreement.wrong.is_some());
        let departure = found.iter().find_map(|agreement| agreement.departure.clone());
        let differ_at_end = found.iter().any(|agreement| agreement.differs_at_end);
        // All give the same bits; an engine that is exact is fast, too.
        let exact = self.engines.iter().find(|engine| engine.is_exact());
        let Some(&engine) = exact.or(self.engines.first()) else {
            return Ok(Verdict::Unknown(Doubt::NoEngine));
        };
        if let Some(departure) = departure.filter(|_| !is_wrong || differ_at_end) {
            return Ok(Verdict::Unknown(Doubt::Engines(departure)));
        }
        let (n_loops, assignments) = (self.n_loops, self.assignments);
        let check = Check::new(engine, self.circuit).loops(n_loops).on(assignments);
        let (wrong, rounding) = check.watched_by(progress).part(Part::WHOLE)?;
        let total = assignments.total(self.circuit.inputs().len())?;
        let names: Vec<&str> = self.engines.iter().map(|engine| engine.name()).collect();
        let run = Run { assignments, total, rounding, engine: names.join("+"), n_loops };
        Ok(wrong.map_or_else(|| run.verdict(), Verdict::Refuted))
    }
}

/// The first difference of two engines' outputs.
fn difference(
    inputs: &Batch,
    expected: &Batch,
    [(first, a), (second, b)]: [(&dyn Engine, &Batch); 2],
    after_loops: usize,
) -> Option<Disagreement> {
    let (assignment, output) = a.first_difference(b)?;
    Some(Disagreement {
        engines: [first, second].map(|engine| engine.name().to_string()),
        after_loops,
        input: inputs.column(assignment),
        output,
        expected: expected.get(output, assignment),
        first: a.get(output, assignment),
    })
}

impl fmt::Display for Comparison {
    /// A line for each engine, and the verdict.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, agreement) in &self.engines {
            writeln!(f, "{name:<12} {agreement}")?;
        }
        for (kind, why) in &self.not_run {
            writeln!(f, "{:<12} not run: {why}", kind.name())?;
        }
        self.statement.fmt(f)
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.departure, &self.wrong) {
            (Some(difference), _) => {
                write!(f, "differs from {} {difference}", difference.engines[0])
            }
            (None, Some(wrong)) => write!(f, "differs from the circuit: {wrong}"),
            (None, None) => f.write_str("same bits after every loop"),
        }
    }
}

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'c> {
            #[serde(flatten)]
            statement: &'c Statement,
            engines: Vec<Run<'c>>,
            not_run: Vec<NotRun>,
        }
        #[derive(Serialize)]
        struct Run<'c> {
            engine: &'c str,
            #[serde(flatten)]
            agreement: &'c Agreement,
        }
        #[derive(Serialize)]
        struct NotRun {
            engine: &'static str,
            why: String,
        }
        let engines = self.engines.iter().map(|(engine, agreement)| Run { engine, agreement });
        let not_run = self.not_run.iter();
        let not_run =
            not_run.map(|(kind, why)| NotRun { engine: kind.name(), why: why.to_string() });
        let (engines, not_run) = (engines.collect(), not_run.collect());
        Flat { statement: &self.statement, engines, not_run }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;
    use crate::model::Model;
    use crate::run::Reference;

    /// The reference engine, with one output of one assignment turned over after the loops named.
    struct Slip<'m>(Reference<'m>, &'static [usize]);

    impl Engine for Slip<'_> {
        fn name(&self) -> &str {
            "slip"
        }

        fn model(&self) -> &Model {
            self.0.model()
        }

        fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
            let mut outputs = self.0.run(inputs, n_loops)?;
            if self.1.contains(&n_loops) {
                outputs.set(1, 5, !outputs.get(1, 5));
            }
            Ok(outputs)
        }
    }

    /// The verdict of the reference engine and a slip, in this order or the other.
    fn verdict_of(slips: &'static [usize], n_loops: usize, swap: bool) -> Verdict {
        let circuit = generate("adder:2").unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let reference = || Reference::new(&model).unwrap();
        let (right, slip) = (reference(), Slip(reference(), slips));
        let mut engines: [&dyn Engine; 2] = [&right, &slip];
        if swap {
            engines.reverse();
        }
        let assignments = Assignments::All;
        let crowd = Crowd { engines: &engines, circuit: &circuit, n_loops, assignments };
        let found = crowd.agree(&()).unwrap();
        crowd.conclude(&found, &()).unwrap()
    }

    #[test]
    fn engines_that_differ_are_a_verdict_of_their_own() {
        let depth = 3;
        for swap in [false, true] {
            assert!(matches!(verdict_of(&[], depth, swap), Verdict::Verified(_)));
            // On the way, at the end, and where one of them is wrong in the end.
            for (slips, after) in [(&[1][..], 1), (&[0, 3], 0), (&[3], 3)] {
                let found = verdict_of(slips, depth, swap);
                assert_eq!(found.exit_status(), 3);
                let Verdict::Unknown(Doubt::Engines(found)) = found else { panic!("{found}") };
                assert_eq!((found.after_loops, found.output), (after, 1));
                // 5 is a = 1, b = 1, whose sum has bit 1 set, whatever the engines say.
                assert_eq!(found.input, [true, false, true, false]);
                assert!(found.expected, "{found}");
            }
            // All are wrong in the end: that counts, whatever they differed in before.
            for slips in [&[][..], &[1]] {
                let found = verdict_of(slips, depth - 1, swap);
                assert!(matches!(found, Verdict::Refuted(_)), "{found}");
            }
        }
    }
}
