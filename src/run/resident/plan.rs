//! Plans: a folded model laid out for the kernel, and its execution on blocks of assignments.

use std::collections::HashMap;
use std::ops::ControlFlow;

use rayon::prelude::*;

use super::exact::Sum;
use super::fold::{Basis, Cell, Folded, fold};
use super::frame::{Affine, Frame};
use super::kernel::{Cells, Lane, Program, Sweep, VECTOR, execute};
use super::states::{Layer, States};
use super::{Snapshot, refuse};
use crate::batch::Batch;
use crate::error::Result;
use crate::model::Dtype;

/// Bytes of both states of a block: the share of a second-level cache that they may take.
const CACHE_BYTES: usize = 1 << 19;
/// The most assignments of a block.
const MAX_LANES: usize = 512;
/// Assignments of a word of a batch.
const WORD: usize = 64;

/// A model ready to run in number format `T`.
#[derive(Debug)]
pub struct Plan<T> {
    /// `[n_ctx, n_kept]`: the row of a kept channel of a position.
    pub rows: Vec<u32>,
    /// A layer each; the numbers of a schedule count these.
    pub sweeps: Vec<Sweep<T>>,
    /// Per row its number before the first layer, where that is not an input's.
    pub start: Vec<T>,
    pub inputs: Vec<InputRow<T>>,
    pub outputs: Vec<ReadOut<T>>,
    probes: Vec<Vec<ReadOut<T>>>,
    pub folded: Folded,
}

/// A bit that is read at some positions besides the outputs: whether logit 1 exceeds logit 0.
#[derive(Debug)]
pub struct Bits {
    pub positions: Vec<usize>,
    pub logits: [Affine; 2],
}

/// A row that an input sets to one of two numbers.
#[derive(Debug)]
pub struct InputRow<T> {
    pub input: usize,
    pub row: usize,
    pub values: [T; 2],
}

/// `constant + Σ weight · row`, positive iff logit 1 exceeds logit 0.
#[derive(Debug)]
pub struct ReadOut<T> {
    pub constant: T,
    pub terms: Vec<(usize, T)>,
}

impl<T: Lane> Plan<T> {
    /// Folds distinct layers; `computed_in` names the format `T`.
    ///
    /// # Errors
    /// The premise that fails.
    pub fn new(
        frame: &Frame,
        layers: &[Layer],
        states: &States,
        basis: &Basis,
        (bits, computed_in): (&[Bits], Dtype),
    ) -> Result<Self> {
        let n_kept = basis.kept.len();
        let mut folded = Folded::default();
        let mut tables = Vec::new();
        for layer in layers {
            let (cells, of_layer) = fold(frame, layer, states, basis, computed_in)?;
            folded.add(of_layer);
            tables.push(Table::new(&cells, layer, n_kept));
        }
        // Rows in the order in which the first layer computes them, so that it writes one after the other.
        let mut rows = vec![0; frame.model.n_ctx() * n_kept];
        if let Some(table) = tables.first() {
            for (row, &cell) in table.order.iter().enumerate() {
                rows[cell as usize] = row as u32;
            }
        }
        let sweeps =
            tables.iter().zip(layers).map(|(table, layer)| table.sweep(layer, &rows, n_kept));
        let probes =
            bits.iter().map(|bits| read_outs(frame, states, basis, &rows, bits, computed_in));
        let mut plan = Plan {
            sweeps: sweeps.collect(),
            start: vec![T::zero(); rows.len()],
            inputs: Vec::new(),
            outputs: read_outs(frame, states, basis, &rows, &outputs(frame), computed_in)?,
            probes: probes.collect::<Result<_>>()?,
            rows,
            folded,
        };
        plan.set_start(frame, basis);
        Ok(plan)
    }

    fn set_start(&mut self, frame: &Frame, basis: &Basis) {
        let n_kept = basis.kept.len();
        for (cell, &row) in self.rows.iter().enumerate() {
            let (position, channel) = (cell / n_kept, frame.dynamic[basis.kept[cell % n_kept]]);
            let value = |bit| T::of(frame.start(position, channel, bit));
            self.start[row as usize] = value(false);
            if let Some(input) = frame.input[position] {
                let values = [value(false), value(true)];
                self.inputs.push(InputRow { input, row: row as usize, values });
            }
        }
    }

    /// The lanes of a block that suit so many assignments.
    fn lanes(&self, n_assignments: usize) -> usize {
        let bytes = 2 * size_of::<T>() * self.start.len().max(1);
        let most = match n_assignments {
            0..=1 => 1,
            2..=VECTOR => VECTOR,
            n => n.next_power_of_two().min(MAX_LANES),
        };
        // Fewer than a vector would leave the vector half empty, in the cache or not.
        let fitting = (CACHE_BYTES / bytes).max(VECTOR);
        // The largest power of two that fits.
        most.min(1 << fitting.ilog2())
    }

    /// Outputs of all assignments after the layers of `layers`, numbers of distinct ones.
    pub fn run(&self, inputs: &Batch, layers: &(impl Fn() -> Layers + Sync)) -> Batch {
        self.run_blocks(inputs, |state| {
            layers().for_each(|layer| state.apply(&self.sweeps[layer]));
        })
    }

    /// Fills blocks of assignments in, has `run` take them through the layers, and reads the outputs.
    fn run_blocks(&self, inputs: &Batch, run: impl Fn(&mut State<T>) + Sync) -> Batch {
        let n = inputs.n_assignments();
        let lanes = self.lanes(n);
        let words = lanes.div_ceil(WORD);
        // A task owns whole words of the outputs, though its lanes may be fewer: two tasks never write one word.
        let block = |state: &mut State<T>, start: usize| {
            let mut outputs = vec![0; self.outputs.len() * words];
            let end = n.min((start + words) * WORD);
            for first in (start * WORD..end).step_by(lanes) {
                self.fill(state, inputs, first);
                run(state);
                self.read(state, first - start * WORD, words, &mut outputs);
            }
            (start, outputs)
        };
        let starts = (0..inputs.words_per_signal()).into_par_iter().step_by(words);
        let state = || State::new(self.start.len(), lanes);
        let blocks: Vec<_> = starts.map_init(state, block).collect();
        let mut outputs = Batch::zeros(self.outputs.len(), n);
        for (start, of_block) in blocks {
            for (o, row) in of_block.chunks(words).enumerate() {
                let to = &mut outputs.words_mut(o)[start..];
                let len = to.len().min(words);
                to[..len].copy_from_slice(&row[..len]);
            }
        }
        outputs
    }

    /// Shows the state of one assignment before the first layer and after each, a number per row.
    pub fn trace(&self, inputs: &[bool], layers: Layers, mut observe: impl FnMut(&[T])) {
        let mut state = State::new(self.start.len(), 1);
        state.now.as_mut_slice().copy_from_slice(&self.start);
        for row in &self.inputs {
            state.now.as_mut_slice()[row.row] = row.values[usize::from(inputs[row.input])];
        }
        observe(state.now.as_slice());
        for layer in layers {
            state.apply(&self.sweeps[layer]);
            observe(state.now.as_slice());
        }
    }

    /// Takes all assignments through the loops together, each a list of layers, and shows the state before
    /// the first loop and after each, until `see` has seen enough.
    pub fn watch(
        &self,
        inputs: &Batch,
        layers: &[usize],
        n_loops: usize,
        see: &mut dyn FnMut(usize, &dyn Snapshot) -> ControlFlow<()>,
    ) {
        // All assignments in one block, since `see` looks at all of them after each loop.
        let lanes = inputs.n_assignments().next_power_of_two().max(VECTOR);
        let mut state = State::new(self.start.len(), lanes);
        self.fill(&mut state, inputs, 0);
        let mut view = View { plan: self, state, before: None, n: inputs.n_assignments() };
        for n_done in 0..=n_loops {
            if see(n_done, &view).is_break() || n_done == n_loops {
                return;
            }
            view.before = Some(view.state.now.as_slice().to_vec());
            layers.iter().for_each(|&layer| view.state.apply(&self.sweeps[layer]));
        }
    }

    /// The state before the first layer, from assignment `first` on.
    fn fill(&self, state: &mut State<T>, inputs: &Batch, first: usize) {
        let lanes = state.lanes;
        let now = state.now.as_mut_slice();
        for (row, &value) in now.chunks_exact_mut(lanes).zip(&self.start) {
            row.fill(value);
        }
        for &InputRow { input, row, values } in &self.inputs {
            let words = &inputs.words(input)[first / WORD..];
            let row = &mut now[row * lanes..(row + 1) * lanes];
            for (part, &word) in row.chunks_mut(WORD).zip(words) {
                let word = word >> (first % WORD);
                for (l, x) in part.iter_mut().enumerate() {
                    *x = if word >> l & 1 == 1 { values[1] } else { values[0] };
                }
            }
        }
    }

    /// Writes the outputs' bits; `at` is the number of the first assignment in `outputs`, rows of `words`.
    fn read(&self, state: &State<T>, at: usize, words: usize, outputs: &mut [u64]) {
        read_bits(&self.outputs, state, (at, words), outputs);
    }
}

/// A state of some assignments between two loops, with the one before the last loop.
struct View<'p, T> {
    plan: &'p Plan<T>,
    state: State<T>,
    /// None before the first loop.
    before: Option<Vec<T>>,
    n: usize,
}

impl<T: Lane> View<'_, T> {
    fn bits(&self, read_outs: &[ReadOut<T>]) -> Batch {
        let mut bits = Batch::zeros(read_outs.len(), self.n);
        let words = bits.words_per_signal();
        read_bits(read_outs, &self.state, (0, words), bits.raw_mut());
        bits
    }
}

impl<T: Lane> Snapshot for View<'_, T> {
    fn outputs(&self) -> Batch {
        self.bits(&self.plan.outputs)
    }

    fn probe(&self, number: usize) -> Batch {
        self.bits(&self.plan.probes[number])
    }

    fn unchanged(&self) -> Vec<u64> {
        let (now, lanes) = (self.state.now.as_slice(), self.state.lanes);
        let mut unchanged = vec![true; lanes];
        match &self.before {
            None => unchanged.fill(false),
            Some(before) => {
                for (now, before) in now.chunks_exact(lanes).zip(before.chunks_exact(lanes)) {
                    let pairs = now.iter().zip(before);
                    unchanged.iter_mut().zip(pairs).for_each(|(same, (x, y))| *same &= x == y);
                }
            }
        }
        let word = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |word, (a, &bit)| word | u64::from(bit) << a)
        };
        unchanged.chunks(WORD).map(word).take(self.n.div_ceil(WORD)).collect()
    }
}

/// Writes bits; `at` is the number of the first assignment in `outputs`, rows of `words`.
fn read_bits<T: Lane>(
    read_outs: &[ReadOut<T>],
    state: &State<T>,
    (at, words): (usize, usize),
    outputs: &mut [u64],
) {
    if words == 0 {
        return;
    }
    let lanes = state.lanes;
    let now = state.now.as_slice();
    let mut logits = vec![T::zero(); lanes];
    for (read_out, outputs) in read_outs.iter().zip(outputs.chunks_exact_mut(words)) {
        logits.fill(read_out.constant);
        for &(row, weight) in &read_out.terms {
            let row = &now[row * lanes..(row + 1) * lanes];
            logits.iter_mut().zip(row).for_each(|(sum, &x)| *sum = *sum + weight * x);
        }
        for (part, output) in logits.chunks(WORD).zip(&mut outputs[at / WORD..]) {
            let bits = part.iter().enumerate();
            let word = bits.fold(0, |word, (l, &x)| word | u64::from(x > T::zero()) << l);
            *output |= word << (at % WORD);
        }
    }
}

/// The layers of a run as numbers of distinct ones.
pub type Layers = Box<dyn Iterator<Item = usize>>;

/// The state of a block, and the one that is being computed.
struct State<T> {
    lanes: usize,
    now: Aligned<T>,
    next: Aligned<T>,
}

impl<T: Lane> State<T> {
    fn new(n_rows: usize, lanes: usize) -> Self {
        let [now, next] = [(); 2].map(|()| Aligned::zeros(n_rows * lanes));
        State { lanes, now, next }
    }

    fn apply(&mut self, sweep: &Sweep<T>) {
        let (now, next) = (self.now.as_slice(), self.next.as_mut_slice());
        execute(&sweep.programs, &sweep.cells, now, next, self.lanes);
        std::mem::swap(&mut self.now, &mut self.next);
    }
}

/// Numbers that start at a cache line, since a vector across two lines costs two loads.
struct Aligned<T> {
    padded: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Lane> Aligned<T> {
    const LINE_BYTES: usize = 64;

    fn zeros(len: usize) -> Self {
        let padded = vec![T::zero(); len + Self::LINE_BYTES / size_of::<T>()];
        // `align_offset` may decline to answer; alignment is for speed only.
        let start = padded.as_ptr().align_offset(Self::LINE_BYTES).min(padded.len() - len);
        Aligned { padded, start, len }
    }

    fn as_slice(&self) -> &[T] {
        &self.padded[self.start..self.start + self.len]
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.padded[self.start..self.start + self.len]
    }
}

/// The programs of a layer, and which one each kept channel of each position runs; a program computes one
/// kept channel.
struct Table<T> {
    programs: Vec<Program<T>>,
    /// Per program the variables that it reads.
    variables: Vec<Vec<usize>>,
    /// `[n_ctx, n_kept]`
    program_of: Vec<u32>,
    /// The cells, program by program.
    order: Vec<u32>,
}

impl<T: Lane> Table<T> {
    fn new(cells: &[Cell], layer: &Layer, n_kept: usize) -> Self {
        let (mut programs, mut variables) = (Vec::new(), Vec::new());
        let mut known = HashMap::new();
        let of_cell: Vec<u32> = cells
            .iter()
            .enumerate()
            .map(|(i, cell)| {
                let read = cell.variables();
                let number = programs.len();
                // The channel is part of the key: the rows of one hold the same numbers, so that a program is one table
                // where numbers are taken as bits.
                let number = *known.entry((i % n_kept, cell.bits())).or_insert(number);
                if number == programs.len() {
                    programs.push(program(cell, &read));
                    variables.push(read);
                }
                number as u32
            })
            .collect();
        let mut program_of = Vec::with_capacity(layer.type_of.len() * n_kept);
        for &t in &layer.type_of {
            program_of.extend(&of_cell[t as usize * n_kept..(t as usize + 1) * n_kept]);
        }
        // Program by program, so that each is loaded once and runs over all its cells.
        let order = sorted(&program_of, programs.len());
        Table { programs, variables, program_of, order }
    }

    fn sweep(&self, layer: &Layer, rows: &[u32], n_kept: usize) -> Sweep<T> {
        let mut cells = Cells::default();
        let mut sources = Vec::new();
        for &cell in &self.order {
            let cell = cell as usize;
            let (position, program) = (cell / n_kept, self.program_of[cell] as usize);
            sources.clear();
            sources.extend(self.variables[program].iter().map(|variable| {
                let (place, kept) = (variable / n_kept, variable % n_kept);
                let from = match place.checked_sub(1) {
                    None => position,
                    Some(h) => layer.targets[position * layer.n_heads + h] as usize,
                };
                rows[from * n_kept + kept]
            }));
            cells.push(program, rows[cell], &sources);
        }
        Sweep { programs: self.programs.clone(), cells }
    }
}

/// The places of `keys`, all below `n_keys`, by rising key, and of equal keys in their order.
fn sorted(keys: &[u32], n_keys: usize) -> Vec<u32> {
    let mut next = vec![0; n_keys + 1];
    keys.iter().for_each(|&key| next[key as usize + 1] += 1);
    (0..n_keys).for_each(|key| next[key + 1] += next[key]);
    let mut places = vec![0; keys.len()];
    for (place, &key) in keys.iter().enumerate() {
        places[next[key as usize]] = place as u32;
        next[key as usize] += 1;
    }
    places
}

/// A cell over the variables that it reads.
fn program<T: Lane>(cell: &Cell, variables: &[usize]) -> Program<T> {
    let weights =
        |weights: &[f64]| variables.iter().map(|&v| T::of(weights[v])).collect::<Vec<T>>();
    let affine = weights(&cell.affine.weights);
    let units = cell.units.iter().flat_map(|(form, w)| {
        let inflow = [T::of(form.constant)].into_iter().chain(weights(&form.weights));
        inflow.chain([T::of(*w)]).collect::<Vec<T>>()
    });
    Program {
        n_variables: variables.len(),
        constant: T::of(cell.affine.constant),
        units: units.collect(),
        weights: if affine.iter().all(|w| w.is_zero()) { Vec::new() } else { affine },
    }
}

/// The outputs' bits: what the unembedding says at their positions.
fn outputs(frame: &Frame) -> Bits {
    let model = frame.model;
    let logits = [0, 1].map(|bit| Affine::new(frame, |c| model.w_u[[c, bit]], model.b_u[bit]));
    Bits { positions: model.output_positions.clone(), logits }
}

/// The read-outs of bits, one for each position.
fn read_outs<T: Lane>(
    frame: &Frame,
    states: &States,
    basis: &Basis,
    rows: &[u32],
    Bits { positions, logits }: &Bits,
    computed_in: Dtype,
) -> Result<Vec<ReadOut<T>>> {
    let n_kept = basis.kept.len();
    let read_out = |&position: &usize| {
        let fixed = logits.each_ref().map(|logit| logit.fixed_part(frame, position));
        // One sum, logit 1 less logit 0, in the place of two; on every state it is held against both below.
        let mut constant = fixed[1].value - fixed[0].value;
        let mut weights = vec![0.0; n_kept];
        for (logit, sign) in logits.iter().zip([-1.0, 1.0]) {
            for &(d, w) in &logit.dynamic {
                let derived = basis.derived[d];
                constant += sign * w * derived.shift;
                if derived.scale != 0.0 {
                    weights[derived.kept] += sign * w * derived.scale;
                }
            }
        }
        for state in &states.vectors {
            let logits = [0, 1].map(|bit| {
                let mut sum = fixed[bit];
                logits[bit].dynamic.iter().for_each(|&(d, w)| sum.add_product(state[d], w));
                sum
            });
            let mut difference = Sum::new(constant);
            let terms = basis.kept.iter().zip(&weights);
            terms.for_each(|(&d, &w)| difference.add_product(state[d], w));
            let dtypes = (frame.model.dtype, computed_in);
            if !is_read_rightly(logits, difference, dtypes) {
                return refuse("logits that do not round", format!("position {position}"));
            }
        }
        let terms = weights.iter().enumerate().filter(|&(_, &w)| w != 0.0);
        let terms = terms.map(|(k, &w)| (rows[position * n_kept + k] as usize, T::of(w)));
        Ok(ReadOut { constant: T::of(constant), terms: terms.collect() })
    };
    positions.iter().map(read_out).collect()
}

/// No sum rounds, and the sign of the difference is the order of the logits.
fn is_read_rightly(logits: [Sum; 2], difference: Sum, (of_model, of_plan): (Dtype, Dtype)) -> bool {
    logits.iter().all(|logit| logit.bound.is_exact_in(of_model))
        && difference.bound.is_exact_in(of_plan)
        && (difference.value > 0.0) == (logits[1].value > logits[0].value)
}
