//! After how many loops a rule stops a model, over all inputs or a sample, and whether it is right.

use std::fmt;
use std::sync::Mutex;

use serde::{Serialize, Serializer};

use super::{Assignments, Counterexample, Policy, bit_string, compare};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::Result;
use crate::model::{Model, Parts, Scheme};
use crate::progress::Progress;
use crate::run::{Engine, Halting, Rule};

/// How many loops a rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times {
    /// Entry `r` counts the assignments that stopped after `r` loops.
    pub counts: Vec<u64>,
    /// Assignments that did not stop within the loops allowed.
    pub n_unfinished: u64,
    /// Assignments that stopped with a wrong output.
    pub n_wrong: u64,
    /// The first of them.
    pub wrong: Option<Counterexample>,
}

impl Times {
    /// Assignments that stopped.
    pub fn n_stopped(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean number of loops of those; none if none did.
    pub fn mean(&self) -> Option<f64> {
        let loops: u64 = self.counts.iter().zip(0..).map(|(n, r)| n * r).sum();
        (self.n_stopped() > 0).then(|| loops as f64 / self.n_stopped() as f64)
    }

    /// The numbers of loops after which some stopped, with how many.
    pub fn used(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.counts.iter().copied().enumerate().filter(|&(_, n)| n > 0)
    }

    /// The most loops of those.
    pub fn worst(&self) -> Option<usize> {
        self.counts.iter().rposition(|&n| n > 0)
    }
}

/// How many loops a rule takes, of what, and what that rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The model's.
    pub scheme: Scheme,
    /// When it is stopped.
    pub rule: Rule,
    /// The model's own number of loops.
    pub n_loops: usize,
    /// What was run.
    pub assignments: Assignments,
    /// Whether outputs were held against the circuit's; else against those of the pass that nothing stops.
    pub of_circuit: bool,
    /// Whether sums may round, so that another runner may find other numbers.
    pub rounds: bool,
    /// What was found.
    pub times: Times,
}

/// Counts after how many loops `rule` stops a model. Outputs are held against the circuit's; without one against
/// those of the same layers where nothing stops them before the last loop.
///
/// # Errors
/// The model has no loops that can be looked at, it takes longer than the budget, or it was cancelled.
pub fn measure_halting(
    model: &Model,
    circuit: Option<&Circuit>,
    (rule, assignments): (Rule, Assignments),
    policy: &Policy,
    progress: &dyn Progress,
) -> Result<Measured> {
    let engine = policy.prepare_halting(model, rule)?;
    policy.budget.require(&engine, assignments.total(model.input_positions.len())?)?;
    let most = match rule {
        Rule::Known => model.n_loops,
        // What is seen by comparing two loops is seen one loop after it is reached.
        Rule::FixedPoint | Rule::StableOutput => model.n_loops.saturating_add(1),
    };
    let plan = (most, assignments);
    let times = match circuit {
        Some(circuit) => {
            let oracle = Oracle::new(circuit)?;
            halting_times(&engine, plan, &|inputs| oracle.run(inputs), progress)?
        }
        None => {
            let parts = Parts { scheme: Scheme::RECURRENT, ..model.clone().into_parts() };
            let without_rule = Model::new(parts)?;
            let whole = policy.prepare(&without_rule, progress)?;
            halting_times(&engine, plan, &|inputs| whole.run(inputs, model.n_loops), progress)?
        }
    };
    let (scheme, n_loops, rounds) = (model.scheme, model.n_loops, !halts_exactly(&engine));
    let of_circuit = circuit.is_some();
    Ok(Measured { scheme, rule, n_loops, assignments, of_circuit, rounds, times })
}

/// Columns of the longest bar of the histogram.
const BAR: u64 = 40;

impl Measured {
    /// What was run, in words.
    pub fn inputs(&self) -> String {
        match self.assignments {
            Assignments::All => "all inputs".to_string(),
            Assignments::Sample { seed, .. } => format!("a sample, seed {seed}"),
        }
    }

    /// The exit status of the contract: 0 if the rule is right, 1 if it is wrong; 3 if it is wrong, and what is wrong
    /// by rounding may be right elsewhere, or if it did not stop everywhere.
    pub fn exit_status(&self) -> u8 {
        match (self.times.n_wrong, self.times.n_unfinished) {
            (0, 0) => 0,
            (0, _) => 3,
            _ => {
                if self.rounds {
                    3
                } else {
                    1
                }
            }
        }
    }

    /// A line per number of loops.
    pub fn to_csv(&self) -> String {
        let rows = self.times.counts.iter().enumerate();
        let rows = rows.map(|(r, n)| format!("{r},{n}\n")).collect::<String>();
        format!("loops,inputs\n{rows}")
    }
}

impl fmt::Display for Measured {
    /// A histogram, and a line that says it in numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { scheme, rule, n_loops, times, .. } = self;
        let allowed = times.counts.len().saturating_sub(1);
        writeln!(f, "{scheme}, rule {rule}, at most {allowed} loops, {}", self.inputs())?;
        writeln!(f, "loops       inputs")?;
        let most = times.counts.iter().copied().max().unwrap_or(0).max(1);
        for (r, n) in times.used() {
            writeln!(f, "{r:>5} {n:>12}  {}", "#".repeat((n * BAR).div_ceil(most) as usize))?;
        }
        times.wrong.iter().try_for_each(|wrong| match self.of_circuit {
            true => writeln!(f, "stopped too early: {wrong}"),
            false => {
                let (input, output) = (bit_string(&wrong.input), wrong.output);
                let whole = u8::from(wrong.expected);
                write!(
                    f,
                    "differs from the pass of {n_loops} loops: input={input} output={output} "
                )?;
                writeln!(f, "pass={whole} stopped={}", 1 - whole)
            }
        })?;
        let mean = times.mean().map_or("none".to_string(), |mean| format!("{mean:.4}"));
        let worst = times.worst().map_or("none".to_string(), |worst| worst.to_string());
        let (total, n_wrong) = (times.n_stopped() + times.n_unfinished, times.n_wrong);
        write!(f, "HALTING rule={rule} inputs={total} mean={mean} worst={worst} wrong={n_wrong} ")?;
        let rounds = if self.rounds { " sums-may-round" } else { "" };
        write!(f, "unfinished={}{rounds}", times.n_unfinished)
    }
}

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'m> {
            scheme: &'m str,
            rule: &'static str,
            n_loops: usize,
            exhaustive: bool,
            inputs: u64,
            mean: Option<f64>,
            worst: Option<usize>,
            distribution: Vec<(usize, u64)>,
            of_circuit: bool,
            wrong: u64,
            counterexample: &'m Option<Counterexample>,
            unfinished: u64,
            exact: bool,
        }
        let times = &self.times;
        let flat = Flat {
            scheme: self.scheme.name(),
            rule: self.rule.name(),
            n_loops: self.n_loops,
            exhaustive: self.assignments == Assignments::All,
            inputs: times.n_stopped() + times.n_unfinished,
            mean: times.mean(),
            worst: times.worst(),
            distribution: times.used().collect(),
            of_circuit: self.of_circuit,
            wrong: times.n_wrong,
            counterexample: &times.wrong,
            unfinished: times.n_unfinished,
            exact: !self.rounds,
        };
        flat.serialize(serializer)
    }
}

/// Counts after how many loops, at most `n_loops`, the engine's rule stops the assignments, and compares
/// the outputs of those that stopped with `expected`, such as the oracle's.
///
/// # Errors
/// There are too many assignments, it was cancelled, or `expected` fails.
pub fn halting_times(
    engine: &Halting,
    (n_loops, assignments): (usize, Assignments),
    expected: &(dyn Fn(&Batch) -> Result<Batch> + Sync),
    progress: &dyn Progress,
) -> Result<Times> {
    let n_inputs = engine.model().input_positions.len();
    progress.begin(assignments.total(n_inputs)?, "assignments");
    let times = Mutex::new(Times { counts: vec![0; n_loops + 1], ..Times::default() });
    // Blocks end in any order; the first wrong assignment is that of the first block.
    let first = Mutex::new(None::<(Vec<bool>, Counterexample)>);
    assignments.find_first(n_inputs, progress, |inputs| {
        let (halted, expected) = (engine.run_until_halted(inputs, n_loops)?, expected(inputs)?);
        let mut outputs = halted.outputs;
        let mut times = times.lock().expect("no thread panics with the lock");
        for (a, stopped) in halted.stopped.iter().enumerate() {
            match stopped {
                Some(r) => times.counts[*r] += 1,
                None => {
                    times.n_unfinished += 1;
                    // Nothing was promised of these.
                    let signals = 0..outputs.n_signals();
                    signals.for_each(|o| outputs.set(o, a, expected.get(o, a)));
                }
            }
        }
        times.n_wrong += n_differences(&expected, &outputs);
        if let Some(wrong) = compare(inputs, &expected, &outputs) {
            let mut first = first.lock().expect("no thread panics with the lock");
            let key = inputs.column(0);
            let is_earlier = |(other, _): &(Vec<bool>, Counterexample)| is_before(&key, other);
            if first.as_ref().is_none_or(is_earlier) {
                *first = Some((key, wrong));
            }
        }
        Ok(None::<()>)
    })?;
    let first = first.into_inner().expect("no thread panics with the lock");
    let times = times.into_inner().expect("no thread panics with the lock");
    Ok(Times { wrong: first.map(|(_, wrong)| wrong), ..times })
}

/// Whether assignment `a` has a lower number than `b`: input `i` is bit `i`.
fn is_before(a: &[bool], b: &[bool]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// The columns in which two batches differ.
fn n_differences(a: &Batch, b: &Batch) -> u64 {
    let last = a.words_per_signal().saturating_sub(1);
    let word = |w: usize| {
        let mask = if w == last { a.tail_mask() } else { u64::MAX };
        let different = |o: usize| a.words(o)[w] ^ b.words(o)[w];
        ((0..a.n_signals()).fold(0, |all, o| all | different(o)) & mask).count_ones()
    };
    (0..a.words_per_signal()).map(|w| u64::from(word(w))).sum()
}

/// Whether no sum rounds, by the resident engine's premises, of its probes as well: when a model halts may hang on
/// rounding as much as its bits.
pub fn halts_exactly(engine: &Halting) -> bool {
    engine.is_exact()
        || Halting::by_resident(engine.model(), engine.rule()).is_ok_and(|engine| engine.is_exact())
}
