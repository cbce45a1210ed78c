//! Verification of models that halt: right when they stop, always stopping, and final.
//!
//! A model of the scheme universal promises, for every input, that (a) the outputs are right when its
//! halting channel is 1 at all of them, (b) they are after its number of loops, (c) wherever the channel is
//! 1, the bit that is read there never changes again, and neither does the channel. All three are checked
//! by running. Any rule can be asked how many loops it takes, and whether it is right.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::{
    Assignments, Broken, Counterexample, Doubt, Progress, Proof, Rounding, Run, Undecided, Verdict,
    compare, require_same_ports,
};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::run::{Enclosure, Engine, Halting, Rule, halting_channel};

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

    /// The most loops of those.
    pub fn worst(&self) -> Option<usize> {
        self.counts.iter().rposition(|&n| n > 0)
    }
}

/// Counts after how many loops, at most `n_loops`, the engine's rule stops the assignments, and compares
/// the outputs of those that stopped with `expected`, such as the oracle's.
///
/// # Errors
/// There are too many assignments, it was cancelled, or `expected` fails.
pub fn halting_times(
    engine: &Halting,
    n_inputs: usize,
    (n_loops, assignments): (usize, Assignments),
    expected: &(dyn Fn(&Batch) -> Result<Batch> + Sync),
    progress: &dyn Progress,
) -> Result<Times> {
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

/// For how long what is known was seen to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Final {
    /// For ever: every assignment was watched until a loop changed nothing.
    FixedPoint,
    /// Through that loop, where some assignment had not come to rest.
    ThroughLoop(usize),
}

impl fmt::Display for Final {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Final::FixedPoint => f.write_str("final"),
            Final::ThroughLoop(n) => write!(f, "unchanged-through-loop-{n}"),
        }
    }
}

/// Loops that a model is watched beyond its own, as long as it changes.
const WATCHED: usize = 64;

/// What is found in a block of assignments.
enum Found {
    Wrong(Counterexample),
    Broken(Broken),
}

/// Checks the three promises of a halting model.
///
/// # Errors
/// The ports do not fit, the rule is not [`Rule::Known`], there are too many assignments, or it was
/// cancelled.
pub fn check_halting(
    model: &Model,
    circuit: &Circuit,
    engine: &Halting,
    assignments: Assignments,
    progress: &dyn Progress,
) -> Result<Verdict> {
    require_same_ports(model, circuit)?;
    if engine.rule() != Rule::Known {
        return Err(Error::new("the rule known", engine.rule().to_string()));
    }
    let (oracle, n_inputs) = (Oracle::new(circuit)?, circuit.inputs().len());
    let moving = AtomicBool::new(false);
    let found = assignments.find_first(n_inputs, progress, |inputs| {
        let halted = engine.run_until_halted(inputs, model.n_loops)?;
        if let Some(wrong) = compare(inputs, &oracle.run(inputs)?, &halted.outputs) {
            return Ok(Some(Found::Wrong(wrong)));
        }
        if let Some(a) = halted.stopped.iter().position(Option::is_none) {
            let (input, n_loops) = (inputs.column(a), model.n_loops);
            return Ok(Some(Found::Broken(Broken::NotKnown { input, n_loops })));
        }
        let watched = watch(engine, inputs, last_watched(model))?;
        moving.fetch_or(!watched.rests, Ordering::Relaxed);
        Ok(watched.change.map(Found::Broken))
    })?;
    let total = assignments.total(n_inputs)?;
    let rounding = rounding(model, engine, found.as_ref());
    let engine = engine.name().to_string();
    let run = Run { assignments, total, rounding, engine, n_loops: model.n_loops };
    let known = match moving.into_inner() {
        false => Final::FixedPoint,
        true => Final::ThroughLoop(last_watched(model)),
    };
    Ok(match (found, assignments) {
        (Some(Found::Broken(broken)), _) => Verdict::Unknown(Doubt::Halting(broken)),
        (Some(Found::Wrong(wrong)), _) => {
            match run.rounding == Rounding::Exact || is_wrong_for_all(model, &wrong)? {
                true => Verdict::Refuted(wrong),
                false => Verdict::Unknown(Doubt::Rounding(run)),
            }
        }
        (None, _) if run.rounding != Rounding::Exact => Verdict::Unknown(Doubt::Rounding(run)),
        (None, Assignments::All) => Verdict::Verified(Proof::Halting { run, known }),
        (None, Assignments::Sample { .. }) => Verdict::Unknown(Doubt::SampledHalting(run)),
    })
}

/// Whether no sum rounds, by the resident engine's premises, of its probes as well: when a model halts may hang on
/// rounding as much as its bits.
pub fn halts_exactly(model: &Model, engine: &Halting) -> bool {
    engine.is_exact()
        || Halting::by_resident(model, engine.rule()).is_ok_and(|engine| engine.is_exact())
}

fn rounding(model: &Model, engine: &Halting, found: Option<&Found>) -> Rounding {
    match found {
        _ if halts_exactly(model, engine) => Rounding::Exact,
        Some(Found::Wrong(Counterexample { input, output, .. })) => {
            let (input, output) = (input.clone(), *output);
            Rounding::Undecided(Undecided { input, output, margin: None })
        }
        _ => Rounding::Unbounded,
    }
}

/// Whether the model stops on that input, or does not, and is wrong then, whoever runs it.
fn is_wrong_for_all(model: &Model, wrong: &Counterexample) -> Result<bool> {
    let enclosure = Enclosure::new(model)?;
    let found = enclosure.run_until_halted(&wrong.input, model.n_loops, halting_channel(model)?)?;
    Ok(found.is_some_and(|found| found[wrong.output].bit == Some(!wrong.expected)))
}

fn last_watched(model: &Model) -> usize {
    model.n_loops.saturating_add(WATCHED.max(model.n_loops))
}

/// What was seen of some assignments.
struct Watched {
    /// A position whose halting channel was 1 and which changed later.
    change: Option<Broken>,
    /// Whether all of them came to a state that a loop leaves as it is.
    rests: bool,
}

fn watch(engine: &Halting, inputs: &Batch, n_loops: usize) -> Result<Watched> {
    let mut watched = Watched { change: None, rests: true };
    for block in engine.blocks(inputs) {
        let mut before: Option<(Batch, Batch)> = None;
        let mut rests = false;
        engine.watch(&block, n_loops, &mut |n_done, state| {
            let (known, bits) = (state.probe(1), state.probe(2));
            if let Some(old) = &before
                && let Some((position, a)) = changed(old, (&known, &bits))
            {
                let input = block.column(a);
                watched.change = Some(Broken::Changed { input, position, in_loop: n_done });
                return ControlFlow::Break(());
            }
            before = Some((known, bits));
            rests = all_columns(&block, &state.unchanged());
            if rests { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        watched.rests &= rests;
        if watched.change.is_some() {
            break;
        }
    }
    Ok(watched)
}

/// Whether a bit per assignment is 1 for all of a batch.
fn all_columns(batch: &Batch, bits: &[u64]) -> bool {
    let last = bits.len().saturating_sub(1);
    let mask = |w: usize| if w == last { batch.tail_mask() } else { u64::MAX };
    bits.iter().enumerate().all(|(w, &bits)| bits & mask(w) == mask(w))
}

/// A position and an assignment that were known and are not now, or have another bit.
fn changed(old: &(Batch, Batch), now: (&Batch, &Batch)) -> Option<(usize, usize)> {
    let (known, bits) = old;
    let last = known.words_per_signal().saturating_sub(1);
    for position in 0..known.n_signals() {
        for w in 0..known.words_per_signal() {
            let mask = if w == last { known.tail_mask() } else { u64::MAX };
            let same =
                now.0.words(position)[w] & !(bits.words(position)[w] ^ now.1.words(position)[w]);
            let lost = known.words(position)[w] & !same & mask;
            if lost != 0 {
                return Some((position, 64 * w + lost.trailing_zeros() as usize));
            }
        }
    }
    None
}
