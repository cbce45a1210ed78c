//! Traces: what every node of a model holds after each layer, and what is to be thought of it.
//!
//! In: a model, an input and a number of loops. Out: a [`Trace`], the bit that the read-out finds at each
//! position after each layer; and, where the network that the model computes is known ([`Netlist`]), a
//! [`Mark`] for each: right, stale, not yet known, or wrong. A node is *known* after `t` layers if its
//! value follows from the inputs by `t` steps of three-valued logic, whatever the gates held at the start
//! (Kleene 1952; theory §2.7); after as many layers as its level it always is.

use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::{Applied, Attention, Model, Pass, Schedule};
use crate::run::{Effort, Engine, Pace, Reference, Resident, halting_channel};

mod grid;
mod marked;
mod netlist;
mod written;

pub use grid::Grid;
pub use marked::Marked;
pub use netlist::{Netlist, Node};
pub use written::{Entry, Written};

/// Bits of all positions after each layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// What was applied, one layer a step.
    pub schedule: Schedule,
    /// Per number of layers applied, from 0, the bit at each position.
    pub bits: Vec<Vec<bool>>,
    /// The least number of loops after which one more left every number of the stream as it was; none
    /// if that was not seen.
    pub fixed_since_loop: Option<usize>,
    /// Of a model that halts, per number of layers whether each position says that its bit is known.
    pub known: Option<Vec<Vec<bool>>>,
    /// The least number of loops after which all its outputs are known; none if that was not seen.
    pub halted_after_loop: Option<usize>,
}

/// What a node's bit is worth after some layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Known, and the circuit's value.
    Right,
    /// The circuit's value by chance: not known yet.
    Unknown,
    /// Not the circuit's value, and not known yet: an old value, or one computed from old values.
    Stale,
    /// Known, and not the circuit's value: the model does not compute the circuit.
    Wrong,
}

impl Mark {
    /// All of them, as a legend lists them.
    pub const ALL: [Mark; 4] = [Mark::Right, Mark::Unknown, Mark::Stale, Mark::Wrong];

    /// The mark of a bit.
    pub fn of(bit: bool, expected: bool, is_known: bool) -> Self {
        match (bit == expected, is_known) {
            (true, true) => Mark::Right,
            (true, false) => Mark::Unknown,
            (false, false) => Mark::Stale,
            (false, true) => Mark::Wrong,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Mark::Right => "right",
            Mark::Unknown => "not yet known",
            Mark::Stale => "stale",
            Mark::Wrong => "wrong",
        }
    }

    /// One character, in every font.
    pub fn symbol(self) -> char {
        match self {
            Mark::Right => '✓',
            Mark::Unknown => '?',
            Mark::Stale => '~',
            Mark::Wrong => '✗',
        }
    }
}

/// Positions above which the resident engine is tried first: the reference engine's scores grow with
/// their square.
const MANY_POSITIONS: usize = 2048;

/// The longest run that is traced, by estimate.
const MAX_SECONDS: u64 = 60;

/// The most bits of a trace, and of many traces together: as bytes, 64 and 256 MiB.
const MAX_BITS: usize = 1 << 26;
const MAX_BITS_TOGETHER: usize = 1 << 28;

impl Trace {
    /// Runs `n_loops` loops on one input.
    ///
    /// # Errors
    /// `inputs` is not one bit per input, the trace would exceed 2^26 bits, the model is a decoder or
    /// neither engine accepts it, or it halts by a channel that its file does not name.
    pub fn run(model: &Model, inputs: &[bool], n_loops: usize) -> Result<Self> {
        let schedule = Schedule { n_loops, ..model.schedule() };
        let n_steps = schedule.n_steps();
        if n_steps.saturating_add(1).saturating_mul(model.n_ctx()) > MAX_BITS {
            let found = format!("{n_steps} layers of {} positions", model.n_ctx());
            return Err(Error::new(format!("a trace of at most {MAX_BITS} bits"), found)
                .hint("trace fewer loops"));
        }
        let halts = model.scheme.pass() == Pass::Halting;
        let halting = halts.then(|| halting_channel(model)).transpose()?;
        let mut trace = Trace {
            schedule,
            bits: Vec::new(),
            fixed_since_loop: None,
            known: halts.then(Vec::new),
            halted_after_loop: None,
        };
        let mut before = None;
        watch(model, inputs, n_loops, |step, stream, bits| {
            trace.bits.push(bits);
            let loops = trace.loops_done(step);
            if let (Some(known), Some(channel)) = (&mut trace.known, halting) {
                let row: Vec<bool> = stream.column(channel).iter().map(|&x| x > 0.5).collect();
                let stops = loops.filter(|_| model.output_positions.iter().all(|&p| row[p]));
                trace.halted_after_loop = trace.halted_after_loop.or(stops);
                known.push(row);
            }
            if let Some(loops) = loops.filter(|_| trace.fixed_since_loop.is_none()) {
                if before.as_ref().is_some_and(|before| *before == stream) {
                    trace.fixed_since_loop = Some(loops - 1);
                }
                before = Some(stream.to_owned());
            }
        })?;
        Ok(trace)
    }

    /// [`Trace::run`] on many inputs, in order.
    ///
    /// # Errors
    /// As [`Trace::run`], or the traces would exceed 2^28 bits together.
    pub fn run_all(model: &Model, inputs: &[Vec<bool>]) -> Result<Vec<Self>> {
        let n_steps = model.schedule().n_steps().saturating_add(1);
        let bits = inputs.len().saturating_mul(n_steps).saturating_mul(model.n_ctx());
        if bits > MAX_BITS_TOGETHER {
            let expected = format!("traces of at most {MAX_BITS_TOGETHER} bits together");
            let found = format!("{} inputs, {n_steps} steps of {}", inputs.len(), model.n_ctx());
            return Err(Error::new(expected, found).hint("trace fewer inputs at a time"));
        }
        inputs.par_iter().map(|input| Trace::run(model, input, model.n_loops)).collect()
    }

    /// Whether a position holds a bit after `step` layers: always, unless the model has three values.
    pub fn is_known(&self, step: usize, position: usize) -> bool {
        self.known.as_ref().is_none_or(|known| known[step][position])
    }

    /// What a position holds after `step` layers: `0`, `1`, or `?` where the model says that it does not know.
    pub fn value(&self, step: usize, position: usize) -> char {
        match (self.is_known(step, position), self.bits[step][position]) {
            (false, _) => '?',
            (true, false) => '0',
            (true, true) => '1',
        }
    }

    /// The values of all positions after `step` layers.
    pub fn values(&self, step: usize) -> String {
        (0..self.bits[step].len()).map(|position| self.value(step, position)).collect()
    }

    /// The application that `step` layers end with; none for the embedding.
    pub fn applied(&self, step: usize) -> Option<Applied> {
        self.schedule.applied(step.checked_sub(1)?)
    }

    /// The number of loops, if `step` layers are the prelude and that many whole loops.
    pub fn loops_done(&self, step: usize) -> Option<usize> {
        let looped = step.checked_sub(self.schedule.n_prelude)?;
        let loops = looped / self.schedule.n_layers;
        let is_end = looped % self.schedule.n_layers == 0 && loops <= self.schedule.n_loops;
        is_end.then_some(loops)
    }

    /// The number of loops with which `step` layers are done.
    pub fn loops_with(&self, step: usize) -> usize {
        step.saturating_sub(self.schedule.n_prelude).div_ceil(self.schedule.n_layers)
    }

    /// The loop, or the part outside of it, and the layer within that `step` layers end with.
    fn part_and_layer(&self, step: usize) -> (String, usize) {
        match self.applied(step) {
            None => ("0".to_string(), 0),
            Some(Applied::Prelude { layer }) => ("prelude".to_string(), layer),
            Some(Applied::Core { in_loop, layer }) => (in_loop.to_string(), layer),
            Some(Applied::Coda { layer }) => ("coda".to_string(), layer),
        }
    }
}

/// Runs one input and shows `observe` the number of layers applied, the stream `[n_ctx, d_model]` and the
/// bit at each position, before the first layer and after each.
///
/// # Errors
/// `inputs` is not one bit per input, the model is a decoder, or neither engine accepts it.
pub fn watch(
    model: &Model,
    inputs: &[bool],
    n_loops: usize,
    mut observe: impl FnMut(usize, ArrayView2<f64>, Vec<bool>),
) -> Result<()> {
    model.require_parallel().map_err(|error| error.hint("`trace` shows what a decoder writes"))?;
    let few = model.n_ctx() <= MANY_POSITIONS;
    let pace = if few { Pace::Literal } else { Pace::Lookups };
    let what = format!("a trace of {n_loops} loops");
    let effort = Effort::at(model, pace, 1, n_loops);
    effort.require(MAX_SECONDS, &what).map_err(|error| error.hint("trace fewer loops"))?;
    let resident = if few { None } else { Resident::new(model).ok() };
    let engine: Box<dyn Engine + '_> = match resident {
        Some(engine) => Box::new(engine),
        None => Box::new(Reference::new(model)?),
    };
    engine.trace(inputs, n_loops, &mut |step| {
        observe(step.n_steps, step.stream.view(), step.bits);
    })
}

/// The stream after `step` layers, a row per position.
///
/// # Errors
/// See [`watch`]; or the model has a prelude or a coda.
pub fn stream_after(model: &Model, inputs: &[bool], step: usize) -> Result<Vec<Vec<f64>>> {
    Ok(rows(&state_after(model, inputs, step)?))
}

/// The attention pattern of a head in the layer that follows `step` layers, in float64, a row per query.
///
/// # Errors
/// See [`watch`]; or there is no such head, or the model has a prelude or a coda.
pub fn attention_after(
    model: &Model,
    inputs: &[bool],
    step: usize,
    head: usize,
) -> Result<Vec<Vec<f64>>> {
    if head >= model.n_heads() {
        return Err(Error::new(format!("a head below {}", model.n_heads()), head.to_string()));
    }
    let stream = state_after(model, inputs, step)?;
    Ok(rows(&softmax_rows(model, &stream, step % model.n_layers(), head)))
}

fn rows(numbers: &Array2<f64>) -> Vec<Vec<f64>> {
    numbers.outer_iter().map(|row| row.to_vec()).collect()
}

fn state_after(model: &Model, inputs: &[bool], step: usize) -> Result<Array2<f64>> {
    model.require_core_only()?;
    let mut state = Array2::zeros((0, 0));
    watch(model, inputs, step.div_ceil(model.n_layers()), |at, stream, _| {
        if at == step {
            state = stream.to_owned();
        }
    })?;
    Ok(state)
}

/// `softmax(q kᵀ)`, `[n_ctx, n_ctx]`.
fn softmax_rows(model: &Model, stream: &Array2<f64>, l: usize, head: usize) -> Array2<f64> {
    let block = &model.blocks[l];
    let q = stream.dot(&block.w_q.index_axis(Axis(0), head)) + block.b_q.row(head);
    let k = stream.dot(&block.w_k.index_axis(Axis(0), head)) + block.b_k.row(head);
    let mut pattern = q.dot(&k.t());
    for (i, mut row) in pattern.outer_iter_mut().enumerate() {
        let visible = if model.attention == Attention::Causal { i + 1 } else { row.len() };
        row.slice_mut(s![visible..]).fill(f64::NEG_INFINITY);
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|score| (score - max).exp());
        let sum = row.sum();
        row /= sum;
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;

    #[test]
    fn many_positions_are_traced_by_the_resident_engine_to_the_same_end() {
        let circuit = generate("parity:1100").unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        assert!(model.n_ctx() > MANY_POSITIONS);
        let inputs: Vec<bool> = (0..1100).map(|i| i % 3 == 0).collect();
        let trace = Trace::run(&model, &inputs, model.n_loops + 1).unwrap();
        // One layer a loop, and the stream of a compiled model is given by its bits.
        let fixed = trace.bits.windows(2).position(|pair| pair[0] == pair[1]);
        assert!(fixed.is_some_and(|fixed| fixed <= model.n_loops));
        assert_eq!(trace.fixed_since_loop, fixed);
        let netlist = Netlist::of(&model, Some(&circuit)).unwrap();
        let values = netlist.values(&inputs).unwrap();
        let known = netlist.known_since(&values);
        for (step, bits) in trace.bits.iter().enumerate() {
            let marks = netlist.marks(&values, &known, bits, step);
            assert!(!marks.contains(&Mark::Wrong), "step {step}");
        }
        let last = netlist.marks(&values, &known, trace.bits.last().unwrap(), model.n_loops);
        assert!(last.iter().all(|&mark| mark == Mark::Right));
    }

    #[test]
    fn attention_is_on_the_operands_and_the_stream_is_the_engines() {
        let circuit = generate("adder:2").unwrap();
        for causal in [false, true] {
            let model = compile(&circuit, "", &Options { causal, ..Options::default() }).unwrap();
            let netlist = Netlist::of(&model, Some(&circuit)).unwrap();
            let inputs = [true, false, true, true];
            for head in 0..2 {
                let pattern = attention_after(&model, &inputs, 1, head).unwrap();
                for (i, row) in pattern.iter().enumerate() {
                    let node = netlist.nodes().iter().find(|node| node.position == i).unwrap();
                    let target =
                        node.operands.get(head).map_or(i, |&o| netlist.nodes()[o].position);
                    let one_hot = row.iter().enumerate().all(|(j, &w)| w == f64::from(j == target));
                    assert!(one_hot, "position {i}, head {head}: {row:?}");
                }
            }
            assert!(attention_after(&model, &inputs, 1, 2).is_err());
            let mut expected = Vec::new();
            let engine = Reference::new(&model).unwrap();
            engine.trace(&inputs, 2, |step| expected = rows(&step.stream)).unwrap();
            assert_eq!(stream_after(&model, &inputs, 2).unwrap(), expected);
        }
    }
}
