//! The resident engine: the forward pass, partially evaluated for the weights in hand.
//!
//! What does not vary is computed once and stays resident: channels that no block writes are constants
//! (`frame`), so are scores that read only these, and softmax rows that are one-hot become a table of
//! targets (`attention`). What is left of a layer is the arithmetic on the few channels that vary, for many
//! assignments at once (`fold`, `plan`, `kernel`). Every premise is checked on the numbers, never taken from
//! names or claims; a model that fails one is refused, and the reference engine runs it as what it is.
//!
//! Invariant: for a model that is accepted, every channel of every position after every layer of every loop
//! is, as a number, what the reference engine computes, for all inputs. Reasons: the vectors that a position
//! can hold are enumerated (`states`) and no sum rounds on any of them (`exact`), so neither the order of
//! summation nor the format, if wide enough, matters; and what replaces a layer is compared with the layer
//! on every combination of these vectors.

use std::ops::{ControlFlow, Range};

use ndarray::Array2;
use rayon::prelude::*;

use self::attention::Targets;
use self::fold::{Basis, Derived};
use self::frame::{Affine, Frame};
use self::kernel::Lane;
use self::plan::{Bits, Layers, Plan};
use self::states::{Layer, States};
use super::{Engine, Pace, Probe, Snapshot, Step, require_inputs};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::{Dtype, Model};

mod attention;
pub(in crate::run) mod exact;
mod fold;
mod frame;
mod histories;
mod incremental;
mod kernel;
mod plan;
mod states;

pub use fold::Folded;
pub use incremental::{Incremental, Work};
#[cfg(feature = "gpu")]
pub(super) use kernel::Sweep;
#[cfg(feature = "gpu")]
pub(super) use plan::Plan as ResidentPlan;

/// The resident engine for one model.
#[derive(Debug)]
pub struct Resident<'m> {
    frame: Frame<'m>,
    basis: Basis,
    states: States,
    /// Per layer of the block the number of a distinct one.
    layers: Vec<usize>,
    plan: AnyPlan,
}

/// The work of one number of one assignment in one layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Numbers that it is computed from.
    pub reads: f64,
    /// Products that are summed.
    pub multiply_adds: f64,
}

#[derive(Debug)]
enum AnyPlan {
    Single(Plan<f32>),
    Double(Plan<f64>),
}

/// Evaluates `$body` with `$plan` bound to the plan in the format it computes in.
macro_rules! in_own_format {
    ($any:expr, $plan:ident => $body:expr) => {
        match $any {
            AnyPlan::Single($plan) => $body,
            AnyPlan::Double($plan) => $body,
        }
    };
}
use in_own_format;

/// A premise that does not hold, and where.
fn refuse<T>(premise: &str, found: impl Into<String>) -> Result<T> {
    Err(Error::new(premise, found)
        .hint("the resident engine needs it, the reference engine does not"))
}

/// Calls `f` on parts of `0..n`, several at a time; the results are in order.
fn in_chunks<R: Send>(n: usize, f: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    /// Fewer are done sooner than threads are woken.
    const CHUNK: usize = 1 << 13;
    if n <= CHUNK {
        return vec![f(0..n)];
    }
    let starts = (0..n).into_par_iter().step_by(CHUNK);
    starts.map(|start| f(start..n.min(start + CHUNK))).collect()
}

impl<'m> Resident<'m> {
    /// Prepares a model, in time and memory linear in its size if its keys are codes.
    ///
    /// # Errors
    /// A premise of partial evaluation fails: what was expected, what was found.
    pub fn new(model: &'m Model) -> Result<Self> {
        Resident::with_probes(model, &[])
    }

    /// [`Resident::new`], ready to read more bits than the outputs' in [`Resident::watch`].
    ///
    /// # Errors
    /// As [`Resident::new`]; a probe's logits round.
    pub fn with_probes(model: &'m Model, probes: &[Probe]) -> Result<Self> {
        let computed_in = match model.dtype {
            Dtype::F64 => Dtype::F64,
            _ => Dtype::F32,
        };
        Self::computed_in(computed_in, model, probes)
    }

    /// [`Resident::with_probes`], computing in `computed_in`, f32 or f64, whatever the model's dtype.
    ///
    /// # Errors
    /// A premise fails, one of which is that no sum of the plan rounds in that format.
    pub(super) fn computed_in(
        computed_in: Dtype,
        model: &'m Model,
        probes: &[Probe],
    ) -> Result<Self> {
        model.require_parallel()?;
        let frame = Frame::new(model)?;
        if model.n_ctx() == 0 {
            return refuse("a position", "none");
        }
        let (layers, numbers) = distinct_layers(&frame)?;
        let mut states = States::at_start(&frame);
        states.close(&layers, model.dtype)?;
        let basis = Basis::new(&states, frame.dynamic.len());
        require_numbers(computed_in, &states, &basis)?;
        let bits: Vec<Bits> = probes.iter().map(|probe| bits(&frame, probe)).collect();
        let parts = (&frame, &*layers, &states, &basis);
        let plan = match computed_in {
            Dtype::F64 => AnyPlan::Double(plan_in(parts, &bits, Dtype::F64)?),
            _ => AnyPlan::Single(plan_in(parts, &bits, Dtype::F32)?),
        };
        Ok(Resident { frame, basis, states, layers: numbers, plan })
    }

    /// Distinct vectors of the channels that vary, over all positions, layers, loops and inputs.
    pub fn n_states(&self) -> usize {
        self.states.len()
    }

    /// Numbers that are computed per position, layer and assignment; other channels follow from these.
    pub fn n_kept(&self) -> usize {
        self.basis.kept.len()
    }

    /// What became of the hidden units of all types of positions.
    pub fn folded(&self) -> Folded {
        in_own_format!(&self.plan, plan => plan.folded)
    }

    /// What is left to do for a number, a mean over positions and distinct layers.
    pub fn cost(&self) -> Cost {
        let counts: Vec<[usize; 3]> = in_own_format!(&self.plan, plan => {
            plan.sweeps.iter().map(|sweep| sweep.counts()).collect()
        });
        let total = |i: usize| counts.iter().map(|count| count[i]).sum::<usize>() as f64;
        Cost { reads: total(1) / total(0), multiply_adds: total(2) / total(0) }
    }

    /// The two numbers that a kept channel can hold; the same twice if there is but one.
    ///
    /// # Errors
    /// It can hold more.
    fn two_values(&self, kept: usize) -> Result<[f64; 2]> {
        let channel = self.basis.kept[kept];
        let mut found = self.states.vectors.iter().map(|vector| vector[channel]);
        let first = found.next().unwrap_or_default();
        let second = found.clone().find(|&x| x != first).unwrap_or(first);
        match found.find(|&x| x != first && x != second) {
            None => Ok([first, second]),
            Some(x) => {
                refuse("at most two numbers in a channel", format!("{first}, {second}, {x}"))
            }
        }
    }

    /// Runs one assignment and shows `observe` the number of layers applied and the stream, `[n_ctx, d_model]`,
    /// before the first layer and after each.
    ///
    /// # Errors
    /// `inputs` is not one bit per input.
    pub fn trace(
        &self,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(usize, &Array2<f64>),
    ) -> Result<()> {
        require_inputs(self.frame.model, &Batch::zeros(inputs.len(), 0))?;
        let mut stream = self.static_stream();
        let mut n_steps = 0;
        in_own_format!(&self.plan, plan => {
            plan.trace(inputs, self.schedule(n_loops), |numbers| {
                self.write_dynamic(&plan.rows, numbers, &mut stream);
                observe(n_steps, &stream);
                n_steps += 1;
            });
        });
        Ok(())
    }

    /// Takes assignments through at most `n_loops` loops, all together, and shows `see` the number of loops
    /// and the state, before the first loop and after each, until it has seen enough.
    ///
    /// # Errors
    /// `inputs` has not one row per input, or the model has a prelude or a coda.
    pub fn watch(
        &self,
        inputs: &Batch,
        n_loops: usize,
        see: &mut dyn FnMut(usize, &dyn Snapshot) -> ControlFlow<()>,
    ) -> Result<()> {
        require_inputs(self.frame.model, inputs)?;
        self.frame.model.require_core_only()?;
        in_own_format!(&self.plan, plan => plan.watch(inputs, &self.layers, n_loops, see));
        Ok(())
    }

    /// The plan, if it is one in f32.
    #[cfg(feature = "gpu")]
    pub(super) fn plan_in_f32(&self) -> Option<&Plan<f32>> {
        match &self.plan {
            AnyPlan::Single(plan) => Some(plan),
            AnyPlan::Double(_) => None,
        }
    }

    /// The stream in which the rows of the plan hold the given numbers, `[n_ctx, d_model]`.
    #[cfg(feature = "gpu")]
    pub(super) fn stream(&self, numbers: &[f32]) -> Array2<f64> {
        let mut stream = self.static_stream();
        in_own_format!(&self.plan, plan => self.write_dynamic(&plan.rows, numbers, &mut stream));
        stream
    }

    /// The layers of `n_loops` loops as numbers of distinct ones.
    pub(super) fn schedule(&self, n_loops: usize) -> Layers {
        let layers = self.layers.clone();
        Box::new(self.frame.model.schedule_of(n_loops).blocks().map(move |l| layers[l]))
    }

    fn static_stream(&self) -> Array2<f64> {
        let model = self.frame.model;
        Array2::from_shape_fn((model.n_ctx(), model.d_model()), |(position, c)| {
            match self.frame.index[c] {
                None => self.frame.at(position, c),
                Some(_) => 0.0,
            }
        })
    }

    fn write_dynamic<T: Lane>(&self, rows: &[u32], numbers: &[T], stream: &mut Array2<f64>) {
        let n_kept = self.basis.kept.len();
        for (position, mut at) in stream.outer_iter_mut().enumerate() {
            for (&c, &Derived { kept, scale, shift }) in
                self.frame.dynamic.iter().zip(&self.basis.derived)
            {
                at[c] = if scale == 0.0 {
                    shift
                } else {
                    let row = rows[position * n_kept + kept] as usize;
                    scale * numbers[row].to_f64() + shift
                };
            }
        }
    }
}

/// An error unless the kept channels hold numbers of the format.
fn require_numbers(format: Dtype, states: &States, basis: &Basis) -> Result<()> {
    let kept = states.vectors.iter().flat_map(|vector| basis.kept.iter().map(|&d| vector[d]));
    match kept.into_iter().find(|&x| format.round(x) != x) {
        None => Ok(()),
        Some(x) => refuse(&format!("states that are numbers of {format}"), x.to_string()),
    }
}

fn plan_in<T: Lane>(
    (frame, layers, states, basis): (&Frame, &[Layer], &States, &Basis),
    bits: &[Bits],
    computed_in: Dtype,
) -> Result<Plan<T>> {
    Plan::new(frame, layers, states, basis, (bits, computed_in))
}

fn bits(frame: &Frame, probe: &Probe) -> Bits {
    let logits = probe.logits.each_ref().map(|(w, b)| Affine::new(frame, |c| w[c], *b));
    Bits { positions: probe.positions.clone(), logits }
}

/// The distinct layers of the block, and which of them each layer is.
fn distinct_layers(frame: &Frame) -> Result<(Vec<Layer>, Vec<usize>)> {
    let (mut firsts, mut layers, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    let mut targets = Targets::new(frame);
    for (l, block) in frame.model.blocks.iter().enumerate() {
        let known = firsts.iter().position(|&first| *block == frame.model.blocks[first]);
        numbers.push(known.unwrap_or(layers.len()));
        if known.is_none() {
            let targets = targets.find(block).map_err(|error| in_layer(error, l))?;
            layers.push(Layer::new(frame, block, targets));
            firsts.push(l);
        }
    }
    Ok((layers, numbers))
}

fn in_layer(mut error: Error, l: usize) -> Error {
    error.found += &format!(" in layer {l}");
    error
}

impl Engine for Resident<'_> {
    fn name(&self) -> &'static str {
        "resident"
    }

    fn model(&self) -> &Model {
        self.frame.model
    }

    /// The premises are that queries, keys, scores, values, units and what is written round nowhere, and that
    /// rows are one-hot by f32's threshold; embeddings may round.
    fn is_exact(&self) -> bool {
        self.frame.starts_exactly()
    }

    fn pace(&self) -> Pace {
        Pace::Lookups
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        require_inputs(self.frame.model, inputs)?;
        let layers = || self.schedule(n_loops);
        Ok(in_own_format!(&self.plan, plan => plan.run(inputs, &layers)))
    }

    fn trace(&self, inputs: &[bool], n_loops: usize, see: &mut dyn FnMut(Step)) -> Result<()> {
        Resident::trace(self, inputs, n_loops, |n_steps, stream| {
            see(Step::read(self.frame.model, n_steps, stream.clone()));
        })
    }
}
