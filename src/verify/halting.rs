//! Verification of models that halt: right when they stop, always stopping, and final.
//!
//! A model of the scheme universal promises, for every input, that (a) the outputs are right when its
//! halting channel is 1 at all of them, (b) they are after its number of loops, (c) wherever the channel is
//! 1, the bit that is read there never changes again, and neither does the channel. All three are checked
//! by running. Any rule can be asked how many loops it takes, and whether it is right.

use std::ops::ControlFlow;
use std::sync::Mutex;

use super::{
    Assignments, Counterexample, Progress, Verdict, bit_string, compare, require_same_ports,
};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::model::Model;
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

/// A promise that is broken.
enum Broken {
    /// (a)
    Wrong(Counterexample),
    /// (b) or (c), in words.
    Halting(String),
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
    let found = assignments.find_first(n_inputs, progress, |inputs| {
        let halted = engine.run_until_halted(inputs, model.n_loops)?;
        if let Some(wrong) = compare(inputs, &oracle.run(inputs)?, &halted.outputs) {
            return Ok(Some(Broken::Wrong(wrong)));
        }
        if let Some(a) = halted.stopped.iter().position(Option::is_none) {
            let input = bit_string(&inputs.column(a));
            let n_loops = model.n_loops;
            let text = format!("an output is not known after {n_loops} loops on input={input}");
            return Ok(Some(Broken::Halting(text)));
        }
        Ok(first_change(model, engine, inputs)?.map(Broken::Halting))
    })?;
    let all = assignments.total(n_inputs)?;
    let name = engine.name();
    Ok(match (found, assignments) {
        (Some(Broken::Wrong(wrong)), _) => Verdict::Refuted(wrong),
        (Some(Broken::Halting(text)), _) => Verdict::Unknown { how: format!("halting: {text}") },
        (None, Assignments::All) => Verdict::Verified {
            how: format!(
                "exhaustive {all} assignments engine={name} loops<={} halts=always known=final",
                model.n_loops
            ),
        },
        (None, Assignments::Sample { seed, .. }) => Verdict::Unknown {
            how: format!("sampled {all} seed={seed} engine={name} loops<={}", model.n_loops),
        },
    })
}

/// A position whose halting channel was 1 and which changed later, in words.
fn first_change(model: &Model, engine: &Halting, inputs: &Batch) -> Result<Option<String>> {
    let mut found = None;
    for block in engine.blocks(inputs) {
        let mut before: Option<(Batch, Batch)> = None;
        // One loop more than needed: what is known at the end stays as well.
        engine.watch(&block, model.n_loops.saturating_add(1), &mut |n_done, state| {
            let (known, bits) = (state.probe(1), state.probe(2));
            if let Some(old) = &before
                && let Some((position, a)) = changed(old, (&known, &bits))
            {
                let input = bit_string(&block.column(a));
                let text = format!(
                    "position {position} was known and changed in loop {n_done} on input={input}"
                );
                found = Some(text);
                return ControlFlow::Break(());
            }
            before = Some((known, bits));
            ControlFlow::Continue(())
        })?;
        if found.is_some() {
            break;
        }
    }
    Ok(found)
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
