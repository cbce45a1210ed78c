//! Adaptive halting: a looped model that stops, for every input by itself, when a rule says so.
//!
//! In: a model whose blocks are all looped, a rule, assignments. Out: the outputs read when the rule stopped
//! an assignment, or after the last loop, and after how many loops that was. The rules:
//!
//! - [`Rule::Known`] needs a model of the scheme universal. Its file names a channel that the layer itself
//!   writes (`scheme.halting`), 1 at a position whose bit is final and 0 elsewhere; an assignment stops
//!   after the first loop, or before it, after which the channel is 1 at all outputs. Sound and complete for
//!   the models that [`reasoning`](crate) compiles, and checked for others by `verify`.
//! - [`Rule::FixedPoint`] stops when a loop left the whole stream unchanged. Sound for every model: all
//!   further loops would change nothing either. It takes a loop to see that, and waits for gates that no output needs.
//! - [`Rule::StableOutput`] stops when a loop left the outputs unchanged. Unsound: the output of an AND
//!   tree is 0 for `depth` loops, whatever it becomes.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use ndarray::Array2;
use rayon::prelude::*;

use super::{Engine, Pace, Probe, Reference, Resident, Snapshot, Step, require_inputs};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::{Model, Pass};

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rule {
    /// The halting channel is 1 at every output.
    #[default]
    Known,
    /// The last loop left the stream unchanged.
    FixedPoint,
    /// The last loop left the outputs unchanged.
    StableOutput,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 3] = [Rule::Known, Rule::FixedPoint, Rule::StableOutput];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Known => "known",
            Rule::FixedPoint => "fixed-point",
            Rule::StableOutput => "stable-output",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
            Error::new(format!("a rule: {}", names.join(", ")), format!("{name:?}"))
        })
    }
}

/// What became of some assignments.
#[derive(Debug, Clone)]
pub struct Halted {
    /// The outputs (rows) of every assignment (columns), as they were when it stopped.
    pub outputs: Batch,
    /// Per assignment the loops after which the rule stopped it; none if it did not.
    pub stopped: Vec<Option<usize>>,
}

/// The vector of a universal model's file that names its halting channel.
pub const HALTING: &str = "scheme.halting";

/// An engine that stops by a rule.
#[derive(Debug)]
pub struct Halting<'m> {
    model: &'m Model,
    rule: Rule,
    probes: Vec<Probe>,
    inner: Inner<'m>,
}

#[derive(Debug)]
enum Inner<'m> {
    Resident(Box<Resident<'m>>),
    Reference(Box<Reference<'m>>),
}

/// Assignments that go through the loops together.
const BLOCK: usize = 512;

impl<'m> Halting<'m> {
    /// Prepares a model with the fastest engine that accepts it.
    ///
    /// # Errors
    /// The model has a prelude or a coda or is a decoder's, or it has no halting channel and the rule needs
    /// one, or no engine accepts it.
    pub fn new(model: &'m Model, rule: Rule) -> Result<Self> {
        let probes = probes(model, rule)?;
        let inner = match Resident::with_probes(model, &probes) {
            Ok(engine) => Inner::Resident(Box::new(engine)),
            Err(_) => Inner::Reference(Box::new(Reference::new(model)?)),
        };
        Ok(Halting { model, rule, probes, inner })
    }

    /// [`Halting::new`] with the reference engine.
    ///
    /// # Errors
    /// As [`Halting::new`].
    pub fn by_reference(model: &'m Model, rule: Rule) -> Result<Self> {
        let probes = probes(model, rule)?;
        let inner = Inner::Reference(Box::new(Reference::new(model)?));
        Ok(Halting { model, rule, probes, inner })
    }

    /// [`Halting::new`] with the resident engine.
    ///
    /// # Errors
    /// As [`Halting::new`], or the resident engine refuses the model.
    pub fn by_resident(model: &'m Model, rule: Rule) -> Result<Self> {
        let probes = probes(model, rule)?;
        let inner = Inner::Resident(Box::new(Resident::with_probes(model, &probes)?));
        Ok(Halting { model, rule, probes, inner })
    }

    /// What stops it.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Runs every assignment until the rule stops it, for at most `n_loops` loops.
    ///
    /// # Errors
    /// `inputs` has not one row per input.
    pub fn run_until_halted(&self, inputs: &Batch, n_loops: usize) -> Result<Halted> {
        require_inputs(self.model, inputs)?;
        let blocks = self.blocks(inputs);
        let run = |block: &Batch| self.run_block(block, n_loops);
        let blocks: Vec<Halted> = blocks.par_iter().map(run).collect::<Result<_>>()?;
        let n_outputs = self.model.output_positions.len();
        let mut all = Halted {
            outputs: Batch::zeros(n_outputs, inputs.n_assignments()),
            stopped: Vec::with_capacity(inputs.n_assignments()),
        };
        for block in blocks {
            copy_columns(&block.outputs, &mut all.outputs, all.stopped.len());
            all.stopped.extend(block.stopped);
        }
        Ok(all)
    }

    /// The assignments in order, as many at a time as [`Halting::watch`] takes.
    pub fn blocks(&self, inputs: &Batch) -> Vec<Batch> {
        let size = match self.inner {
            Inner::Resident(_) => BLOCK,
            Inner::Reference(_) => 1,
        };
        let n = inputs.n_assignments();
        (0..n).step_by(size).map(|start| part(inputs, start, size.min(n - start))).collect()
    }

    /// Takes one of [`Halting::blocks`] through the loops, and shows `see` the number of loops and the state
    /// before the first loop and after each, until it has seen enough. For the rule [`Rule::Known`] probe 0
    /// of the state is the halting channel at the outputs, 1 the same at all positions, 2 the bit that the
    /// unembedding finds at all positions; for other rules there are no probes.
    ///
    /// # Errors
    /// `inputs` has not one row per input.
    pub fn watch(
        &self,
        inputs: &Batch,
        n_loops: usize,
        see: &mut dyn FnMut(usize, &dyn Snapshot) -> ControlFlow<()>,
    ) -> Result<()> {
        match &self.inner {
            Inner::Resident(engine) => engine.watch(inputs, n_loops, see),
            Inner::Reference(engine) => {
                require_inputs(self.model, inputs)?;
                let mut stream = Stream::new(self.model, &self.probes);
                engine.trace_until(&inputs.column(0), n_loops, |step| stream.advance(step, see))
            }
        }
    }

    fn run_block(&self, inputs: &Batch, n_loops: usize) -> Result<Halted> {
        let n = inputs.n_assignments();
        let mut outputs = Batch::zeros(self.model.output_positions.len(), n);
        let mut stopped = vec![None; n];
        let mut running = vec![u64::MAX; inputs.words_per_signal()];
        *running.last_mut().expect("a block has an assignment") = inputs.tail_mask();
        self.watch(inputs, n_loops, &mut |n_done, state| {
            let stops = match self.rule {
                Rule::Known => all_ones(&state.probe(AT_OUTPUTS)),
                Rule::FixedPoint => state.unchanged(),
                Rule::StableOutput if n_done == 0 => vec![0; running.len()],
                Rule::StableOutput => same_columns(&outputs, &state.outputs()),
            };
            let some_stop = running.iter().zip(&stops).any(|(running, stops)| running & stops != 0);
            if some_stop || n_done == n_loops || self.rule == Rule::StableOutput {
                replace_columns(&state.outputs(), &mut outputs, &running);
            }
            for (w, (running, stops)) in running.iter_mut().zip(stops).enumerate() {
                let mut news = *running & stops;
                *running &= !stops;
                while news != 0 {
                    stopped[64 * w + news.trailing_zeros() as usize] = Some(n_done);
                    news &= news - 1;
                }
            }
            if running.iter().all(|&word| word == 0) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(Halted { outputs, stopped })
    }
}

impl Engine for Halting<'_> {
    fn name(&self) -> &'static str {
        match self.inner {
            Inner::Resident(_) => "resident",
            Inner::Reference(_) => "reference",
        }
    }

    fn model(&self) -> &Model {
        self.model
    }

    /// The probes of the resident engine round nowhere either.
    fn is_exact(&self) -> bool {
        match &self.inner {
            Inner::Resident(engine) => engine.is_exact(),
            Inner::Reference(_) => false,
        }
    }

    fn pace(&self) -> Pace {
        match self.inner {
            Inner::Resident(_) => Pace::Lookups,
            Inner::Reference(_) => Pace::Literal,
        }
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        Ok(self.run_until_halted(inputs, n_loops)?.outputs)
    }
}

/// Numbers of the probes that [`Halting::watch`] documents.
const AT_OUTPUTS: usize = 0;

/// What is read between loops.
fn probes(model: &Model, rule: Rule) -> Result<Vec<Probe>> {
    model.require_parallel()?;
    model.require_core_only()?;
    if rule != Rule::Known {
        return Ok(Vec::new());
    }
    let channel = halting_channel(model)?;
    let everywhere: Vec<usize> = (0..model.n_ctx()).collect();
    Ok(vec![
        Probe::channel(model, channel, model.output_positions.clone()),
        Probe::channel(model, channel, everywhere.clone()),
        Probe::unembedding(model, everywhere),
    ])
}

/// The channel that a universal model's file names.
///
/// # Errors
/// The scheme is another, or the file does not name one channel.
pub fn halting_channel(model: &Model) -> Result<usize> {
    if model.scheme.pass() != Pass::Halting {
        return Err(Error::new("a model of the scheme universal", format!("{}", model.scheme))
            .hint("--rule fixed-point stops any looped model soundly"));
    }
    let named = model.scheme_vectors.get(HALTING).map_or(&[][..], Vec::as_slice);
    match named {
        [channel] => usize::try_from(*channel).ok().filter(|&c| c < model.d_model()),
        _ => None,
    }
    .ok_or_else(|| {
        let expected = format!("one channel below {} in {HALTING}", model.d_model());
        Error::new(expected, format!("{named:?}"))
    })
}

/// Assignments `start .. start + count`; `start` is a multiple of 64 or `count` is 1.
fn part(inputs: &Batch, start: usize, count: usize) -> Batch {
    let mut batch = Batch::zeros(inputs.n_signals(), count);
    for signal in 0..inputs.n_signals() {
        let words = batch.words_mut(signal);
        match count {
            1 => words[0] = u64::from(inputs.get(signal, start)),
            _ => words.copy_from_slice(&inputs.words(signal)[start / 64..][..words.len()]),
        }
    }
    batch
}

/// Copies all columns to those from `start` on; `start` is a multiple of 64 or there is one column.
fn copy_columns(from: &Batch, to: &mut Batch, start: usize) {
    for signal in 0..from.n_signals() {
        match from.n_assignments() {
            1 => to.set(signal, start, from.get(signal, 0)),
            _ => {
                let words = from.words(signal);
                to.words_mut(signal)[start / 64..][..words.len()].copy_from_slice(words);
            }
        }
    }
}

/// Copies the columns of a mask.
fn replace_columns(from: &Batch, to: &mut Batch, mask: &[u64]) {
    for signal in 0..from.n_signals() {
        let words = to.words_mut(signal).iter_mut().zip(from.words(signal));
        words.zip(mask).for_each(|((to, from), mask)| *to = *to & !mask | from & mask);
    }
}

/// A bit per column: whether all its bits are 1.
fn all_ones(bits: &Batch) -> Vec<u64> {
    let mut all = vec![u64::MAX; bits.words_per_signal()];
    for signal in 0..bits.n_signals() {
        all.iter_mut().zip(bits.words(signal)).for_each(|(all, word)| *all &= word);
    }
    all
}

/// A bit per column: whether it is the same in both.
fn same_columns(a: &Batch, b: &Batch) -> Vec<u64> {
    let mut same = vec![u64::MAX; a.words_per_signal()];
    for signal in 0..a.n_signals() {
        let pairs = a.words(signal).iter().zip(b.words(signal));
        same.iter_mut().zip(pairs).for_each(|(same, (x, y))| *same &= !(x ^ y));
    }
    same
}

/// One assignment in the reference engine.
struct Stream<'m> {
    model: &'m Model,
    probes: &'m [Probe],
    before: Option<Array2<f64>>,
    now: Option<Step>,
}

impl<'m> Stream<'m> {
    fn new(model: &'m Model, probes: &'m [Probe]) -> Self {
        Stream { model, probes, before: None, now: None }
    }

    /// Shows `see` the step if it ends a loop.
    fn advance(
        &mut self,
        step: Step,
        see: &mut dyn FnMut(usize, &dyn Snapshot) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let n_layers = self.model.n_layers();
        if !step.n_steps.is_multiple_of(n_layers) {
            return ControlFlow::Continue(());
        }
        let n_done = step.n_steps / n_layers;
        self.before = self.now.replace(step).map(|step| step.stream);
        see(n_done, self)
    }

    fn now(&self) -> &Step {
        self.now.as_ref().expect("a state is shown once there is one")
    }

    fn column(&self, bits: Vec<bool>) -> Batch {
        Batch::from_columns(bits.len(), &[bits]).expect("the column has as many bits as it has")
    }
}

impl Snapshot for Stream<'_> {
    fn outputs(&self) -> Batch {
        let bits = &self.now().bits;
        self.column(self.model.output_positions.iter().map(|&p| bits[p]).collect())
    }

    fn probe(&self, number: usize) -> Batch {
        self.column(self.probes[number].read(&self.now().stream))
    }

    fn unchanged(&self) -> Vec<u64> {
        let unchanged = self.before.as_ref().is_some_and(|before| *before == self.now().stream);
        vec![u64::from(unchanged)]
    }
}
