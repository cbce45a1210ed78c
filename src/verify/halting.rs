//! Verification of models that halt: right when they stop, always stopping, and final.
//!
//! A model of the scheme universal promises, for every input, that (a) the outputs are right when its
//! halting channel is 1 at all of them, (b) they are after its number of loops, (c) wherever the channel is
//! 1, the bit that is read there never changes again, and neither does the channel. All three are checked
//! by running.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::{
    Assignments, Broken, Counterexample, Doubt, Proof, Rounding, Run, Undecided, Verdict, compare,
    halts_exactly, require_same_ports,
};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::progress::Progress;
use crate::run::{Enclosure, Engine, Halting, Rule, halting_channel};

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
/// As [`Check::run`](super::Check::run).
pub(super) fn check(
    engine: &Halting,
    circuit: &Circuit,
    assignments: Assignments,
    progress: &dyn Progress,
) -> Result<Verdict> {
    let model = engine.model();
    require_same_ports(model, circuit)?;
    if engine.rule() != Rule::Known {
        return Err(Error::new("the rule known", engine.rule().to_string()));
    }
    let (oracle, n_inputs) = (Oracle::new(circuit)?, circuit.inputs().len());
    progress.begin(assignments.total(n_inputs)?, "assignments");
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
    let rounding = rounding(engine, found.as_ref());
    let engine = engine.name().to_string();
    let run = Run { assignments, total, rounding, engine, n_loops: model.n_loops };
    let known = if moving.into_inner() {
        Final::ThroughLoop(last_watched(model))
    } else {
        Final::FixedPoint
    };
    Ok(match (found, assignments) {
        (Some(Found::Broken(broken)), _) => Verdict::Unknown(Doubt::Halting(broken)),
        (Some(Found::Wrong(wrong)), _) => {
            if run.rounding == Rounding::Exact || is_wrong_for_all(model, &wrong)? {
                Verdict::Refuted(wrong)
            } else {
                Verdict::Unknown(Doubt::Rounding(run))
            }
        }
        (None, _) if run.rounding != Rounding::Exact => Verdict::Unknown(Doubt::Rounding(run)),
        (None, Assignments::All) => Verdict::Verified(Proof::Halting { run, known }),
        (None, Assignments::Sample { .. }) => Verdict::Unknown(Doubt::SampledHalting(run)),
    })
}

fn rounding(engine: &Halting, found: Option<&Found>) -> Rounding {
    match found {
        _ if halts_exactly(engine) => Rounding::Exact,
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
