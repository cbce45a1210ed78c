//! The incremental engine: what can have changed is looked up, everything else stays.
//!
//! Where every number that the resident engine keeps takes at most two values, it is a bit, and a layer takes
//! bits to bits: the kernel's arithmetic is done once for every combination of values that a cell can read,
//! and the results are a truth table. A layer is a function, so where the same layer is applied again and
//! nothing that a cell reads was changed by the last application, the cell's bit stays what it is, exactly.
//! After a layer the readers of changed bits are marked, and the next application looks the marked cells up
//! only; a layer that differs from the last one looks all of them up.
//!
//! That is for many assignments, a bit of a word each. Of a few, where one layer is applied throughout, it is
//! layers that are put into words (`histories`).

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::histories::Histories;
use super::kernel::{Lane, Sweep, evaluate};
use super::plan::{InputRow, Plan, ReadOut};
use super::{AnyPlan, Resident, in_own_format, refuse};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::run::{Engine, Pace, require_inputs};

/// The most bits that a cell may read: its truth table is a word.
const MAX_VARIABLES: usize = 6;

/// How many numbers were computed or looked up, and how many were known to stay.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Computed or looked up.
    pub computed: u64,
    /// Known to stay as they were.
    pub skipped: u64,
}

/// The incremental engine for one model.
#[derive(Debug)]
pub struct Incremental<'m> {
    resident: Resident<'m>,
    tables: Tables,
    computed: AtomicU64,
    skipped: AtomicU64,
}

/// A plan over bits.
#[derive(Debug)]
struct Tables {
    /// The distinct ones.
    layers: Vec<LayerTables>,
    /// Of the only layer, if it has them.
    histories: Option<Histories>,
    /// Per row its bit before the first layer.
    start: Vec<bool>,
    /// Inputs, the rows that they set, and the bits for 0 and 1.
    inputs: Vec<(usize, u32, [bool; 2])>,
    outputs: Vec<LookUp>,
}

/// A truth table and the rows that it reads: row `r` of the table is bit `r`, variable `v` bit `v` of `r`.
#[derive(Debug, Clone)]
struct LookUp {
    table: u64,
    rows: Vec<u32>,
}

/// A distinct layer: what every row looks up, and who reads it.
#[derive(Debug)]
pub(super) struct LayerTables {
    /// Per row its truth table.
    pub tables: Vec<u64>,
    /// Per row the rows that it reads.
    pub sources: Lists,
    /// Per row the rows that read it.
    pub readers: Lists,
}

/// Lists of row numbers, one after the other: list `l` is `numbers[starts[l]..starts[l + 1]]`.
#[derive(Debug)]
pub(super) struct Lists {
    starts: Vec<u32>,
    numbers: Vec<u32>,
}

impl Lists {
    /// Lists of the given lengths, to be filled.
    pub fn new(lengths: &[u32]) -> Self {
        let mut starts = vec![0; lengths.len() + 1];
        for (list, length) in lengths.iter().enumerate() {
            starts[list + 1] = starts[list] + length;
        }
        let numbers = vec![0; starts[lengths.len()] as usize];
        Lists { starts, numbers }
    }

    pub fn of(&self, list: usize) -> &[u32] {
        &self.numbers[self.starts[list] as usize..self.starts[list + 1] as usize]
    }

    pub fn of_mut(&mut self, list: usize) -> &mut [u32] {
        &mut self.numbers[self.starts[list] as usize..self.starts[list + 1] as usize]
    }

    /// The lists turned round: list `n` holds the lists of `self` that `n` is in.
    pub fn transposed(&self) -> Self {
        let n_lists = self.starts.len() - 1;
        let mut lengths = vec![0; n_lists];
        self.numbers.iter().for_each(|&n| lengths[n as usize] += 1);
        let mut turned = Lists::new(&lengths);
        let mut next = turned.starts.clone();
        for list in 0..n_lists {
            for &n in self.of(list) {
                turned.numbers[next[n as usize] as usize] = list as u32;
                next[n as usize] += 1;
            }
        }
        turned
    }
}

impl Resident<'_> {
    /// The plan over bits.
    fn tabulate(&self) -> Result<Tables> {
        let values: Vec<[f64; 2]> =
            (0..self.n_kept()).map(|kept| self.two_values(kept)).collect::<Result<_>>()?;
        in_own_format!(&self.plan, plan => Encoding::new(plan, &values).tabulate())
    }
}

impl<'m> Incremental<'m> {
    /// Prepares a model.
    ///
    /// # Errors
    /// A premise of the resident engine fails, a number takes more than two values, or a cell reads more than
    /// six numbers.
    pub fn new(model: &'m Model) -> Result<Self> {
        Incremental::of(Resident::new(model)?).map_err(|refused| refused.1)
    }

    /// Makes an incremental engine of a resident one.
    ///
    /// # Errors
    /// As for [`Incremental::new`]; gives the resident engine back.
    pub fn of(resident: Resident<'m>) -> std::result::Result<Self, Box<(Resident<'m>, Error)>> {
        match resident.tabulate() {
            Ok(tables) => {
                let [computed, skipped] = [(); 2].map(|()| AtomicU64::new(0));
                Ok(Incremental { resident, tables, computed, skipped })
            }
            Err(error) => Err(Box::new((resident, error))),
        }
    }

    /// What all runs so far have done.
    pub fn work(&self) -> Work {
        let [computed, skipped] =
            [&self.computed, &self.skipped].map(|count| count.load(Ordering::Relaxed));
        Work { computed, skipped }
    }

    /// The state before the first layer; `word` gives an input's bits.
    fn start<W: Word>(&self, word: impl Fn(usize) -> W) -> Vec<W> {
        let tables = &self.tables;
        let mut state: Vec<W> = tables.start.iter().map(|&bit| W::splat(bit)).collect();
        for &(input, row, bits) in &tables.inputs {
            state[row as usize] = select(word(input), bits.map(W::splat));
        }
        state
    }

    /// The outputs of the assignments from word `first` of `inputs` on, as many as `W` holds.
    fn run_block<W: Word>(&self, inputs: &Batch, first: usize, n_loops: usize) -> Vec<W> {
        let tables = &self.tables;
        let mut state = self.start(|input| W::from_words(&inputs.words(input)[first..]));
        let mut pending = Pending::new(state.len());
        for layer in self.resident.schedule(n_loops) {
            pending.apply(layer, &tables.layers[layer], &mut state);
        }
        let lanes = W::LANES.min(inputs.n_assignments() - 64 * first) as u64;
        self.computed.fetch_add(pending.computed * lanes, Ordering::Relaxed);
        self.skipped.fetch_add(pending.skipped * lanes, Ordering::Relaxed);
        tables.outputs.iter().map(|output| output.at(&state)).collect()
    }

    fn run_blocks<W: Word>(&self, inputs: &Batch, n_loops: usize) -> Batch {
        let n_words = W::LANES.div_ceil(64);
        let starts = (0..inputs.words_per_signal()).into_par_iter().step_by(n_words);
        let blocks: Vec<(usize, Vec<W>)> =
            starts.map(|first| (first, self.run_block(inputs, first, n_loops))).collect();
        let mut outputs = Batch::zeros(self.tables.outputs.len(), inputs.n_assignments());
        for (first, of_block) in blocks {
            for (o, word) in of_block.iter().enumerate() {
                word.write(&mut outputs.words_mut(o)[first..]);
            }
        }
        outputs
    }
}

impl Incremental<'_> {
    /// The outputs of all assignments, one after the other.
    fn run_histories(&self, histories: &Histories, inputs: &Batch, n_layers: usize) -> Batch {
        let run = |a: usize| -> Vec<bool> {
            let bit = |input: usize| u64::splat(inputs.get(input, a));
            let (state, computed) = histories.run(&self.start(bit), n_layers);
            let all = (state.len() * n_layers) as u64;
            self.computed.fetch_add(computed, Ordering::Relaxed);
            self.skipped.fetch_add(all - computed, Ordering::Relaxed);
            self.tables.outputs.iter().map(|output| output.at(&state) & 1 == 1).collect()
        };
        let columns: Vec<Vec<bool>> =
            (0..inputs.n_assignments()).into_par_iter().map(run).collect();
        Batch::from_columns(self.tables.outputs.len(), &columns)
            .expect("a column has a bit per output")
    }

    /// The histories, for assignments that leave a word partly empty, if their words of layers are no more
    /// than one word of assignments per layer. Of more assignments, wide words hold 512 at once.
    fn histories(&self, n_assignments: usize, n_layers: usize) -> Option<&Histories> {
        let is_better =
            n_assignments <= 64 && n_assignments.saturating_mul(n_layers.div_ceil(64)) <= n_layers;
        self.tables.histories.as_ref().filter(|_| is_better)
    }
}

impl Engine for Incremental<'_> {
    fn name(&self) -> &'static str {
        "incremental"
    }

    fn model(&self) -> &Model {
        self.resident.frame.model
    }

    fn is_exact(&self) -> bool {
        self.resident.is_exact()
    }

    fn pace(&self) -> Pace {
        Pace::Changes
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        require_inputs(self.resident.frame.model, inputs)?;
        let n_layers = self.resident.frame.model.schedule_of(n_loops).n_steps();
        let n = inputs.n_assignments();
        Ok(match self.histories(n, n_layers) {
            Some(histories) => self.run_histories(histories, inputs, n_layers),
            // The less there is of the state, the more of it lies in a near cache.
            None if n <= 64 => self.run_blocks::<u64>(inputs, n_loops),
            None => self.run_blocks::<[u64; 8]>(inputs, n_loops),
        })
    }

    fn remark(&self) -> Option<String> {
        let Work { computed, skipped } = self.work();
        let share = 100.0 * skipped as f64 / (computed + skipped).max(1) as f64;
        Some(format!(
            "{computed} numbers were looked up, {skipped} ({share:.1} %) could be skipped"
        ))
    }
}

/// The numbers of a plan as bits.
struct Encoding<'p, T> {
    plan: &'p Plan<T>,
    /// Per row the numbers of the bits 0 and 1.
    values: Vec<[T; 2]>,
}

impl<'p, T: Lane> Encoding<'p, T> {
    /// `values`: per kept channel.
    fn new(plan: &'p Plan<T>, of_channel: &[[f64; 2]]) -> Self {
        let mut values = vec![[T::zero(); 2]; plan.rows.len()];
        for (cell, &row) in plan.rows.iter().enumerate() {
            values[row as usize] = of_channel[cell % of_channel.len()].map(T::of);
        }
        Encoding { plan, values }
    }

    fn tabulate(&self) -> Result<Tables> {
        let plan = self.plan;
        let layers = plan.sweeps.iter().map(|sweep| self.layer(sweep));
        let outputs = plan.outputs.iter().map(|output| self.read_out(output));
        let input = |input: &InputRow<T>| {
            let bits = input.values.map(|value| self.of(input.row, value));
            (input.input, input.row as u32, bits)
        };
        let layers = layers.collect::<Result<Vec<_>>>()?;
        let histories = match layers.as_slice() {
            [layer] => Histories::new(layer),
            _ => None,
        };
        Ok(Tables {
            layers,
            histories,
            start: (0..plan.start.len()).map(|row| self.of(row, plan.start[row])).collect(),
            inputs: plan.inputs.iter().map(input).collect(),
            outputs: outputs.collect::<Result<_>>()?,
        })
    }

    fn of(&self, row: usize, value: T) -> bool {
        value == self.values[row][1]
    }

    /// The truth table of `f` over the numbers of some rows.
    ///
    /// # Errors
    /// There are more than [`MAX_VARIABLES`].
    fn table(&self, rows: &[u32], mut f: impl FnMut(&[T]) -> bool) -> Result<u64> {
        if rows.len() > MAX_VARIABLES {
            let expected = format!("at most {MAX_VARIABLES} numbers that a number depends on");
            return refuse(&expected, rows.len().to_string());
        }
        let mut table = 0;
        let mut x = [T::zero(); MAX_VARIABLES];
        for r in 0..1usize << rows.len() {
            for (v, (x, &row)) in x.iter_mut().zip(rows).enumerate() {
                *x = self.values[row as usize][r >> v & 1];
            }
            table |= u64::from(f(&x[..rows.len()])) << r;
        }
        Ok(table)
    }

    /// Cells of one program differ only in the rows they read, and rows of a kept channel are alike, so the
    /// table of a program's first cell is that of all.
    fn layer(&self, sweep: &Sweep<T>) -> Result<LayerTables> {
        let n_rows = self.plan.rows.len();
        let (mut tables, mut lengths) = (vec![0; n_rows], vec![0; n_rows]);
        for run in &sweep.cells.runs {
            let program = &sweep.programs[run.program];
            let destinations = &sweep.cells.destinations[run.cells.clone()];
            let sources = &sweep.cells.sources[run.first_source..][..program.n_variables];
            let to = destinations[0] as usize;
            let table = self.table(sources, |x| self.of(to, evaluate(program, x)))?;
            for &row in destinations {
                (tables[row as usize], lengths[row as usize]) = (table, sources.len() as u32);
            }
        }
        let mut sources = Lists::new(&lengths);
        for run in &sweep.cells.runs {
            let n = sweep.programs[run.program].n_variables;
            for (i, cell) in run.cells.clone().enumerate() {
                let from = &sweep.cells.sources[run.first_source + i * n..][..n];
                sources.of_mut(sweep.cells.destinations[cell] as usize).copy_from_slice(from);
            }
        }
        Ok(LayerTables { tables, readers: sources.transposed(), sources })
    }

    fn read_out(&self, output: &ReadOut<T>) -> Result<LookUp> {
        let rows: Vec<u32> = output.terms.iter().map(|&(row, _)| row as u32).collect();
        let table = self.table(&rows, |x| {
            let terms = output.terms.iter().zip(x);
            let sum = terms.fold(output.constant, |sum, (&(_, weight), &x)| sum + weight * x);
            sum > T::zero()
        })?;
        Ok(LookUp { table, rows })
    }
}

/// The rows that have to be looked up.
struct Pending<W> {
    /// A bit per row.
    marked: Vec<u64>,
    last: Option<usize>,
    changes: Vec<(u32, W)>,
    computed: u64,
    skipped: u64,
}

impl<W: Word> Pending<W> {
    fn new(n_rows: usize) -> Self {
        let marked = vec![0; n_rows.div_ceil(64)];
        Pending { marked, last: None, changes: Vec::new(), computed: 0, skipped: 0 }
    }

    /// Applies layer number `number` to `state`.
    fn apply(&mut self, number: usize, layer: &LayerTables, state: &mut [W]) {
        if self.last != Some(number) {
            self.mark_all(state.len());
        }
        self.last = Some(number);
        let before = self.computed;
        self.look_up(layer, state);
        self.skipped += state.len() as u64 - (self.computed - before);
        for (row, word) in self.changes.drain(..) {
            state[row as usize] = word;
            for &reader in layer.readers.of(row as usize) {
                self.marked[reader as usize / 64] |= 1 << (reader % 64);
            }
        }
    }

    fn mark_all(&mut self, n_rows: usize) {
        self.marked.fill(u64::MAX);
        if let (Some(last), used @ 1..) = (self.marked.last_mut(), n_rows % 64) {
            *last = (1 << used) - 1;
        }
    }

    /// Finds what changes, all rows at once: marks are taken away, the state is not written yet.
    fn look_up(&mut self, layer: &LayerTables, state: &[W]) {
        for (w, word) in self.marked.iter_mut().enumerate() {
            let mut bits = std::mem::take(word);
            self.computed += u64::from(bits.count_ones());
            while bits != 0 {
                let row = 64 * w + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let next = look_up(layer.tables[row], layer.sources.of(row), state);
                if next != state[row] {
                    self.changes.push((row as u32, next));
                }
            }
        }
    }
}

impl LookUp {
    fn at<W: Word>(&self, state: &[W]) -> W {
        look_up(self.table, &self.rows, state)
    }
}

/// The truth table at the given rows, by Shannon expansion from the first variable up.
#[inline(always)]
pub(super) fn look_up<W: Word>(table: u64, rows: &[u32], state: &[W]) -> W {
    let constant = |r: usize| W::splat(table >> r & 1 == 1);
    let x = |v: usize| state[rows[v] as usize];
    match rows.len() {
        0 => constant(0),
        1 => select(x(0), [constant(0), constant(1)]),
        2 => {
            let given = |r: usize| select(x(0), [constant(r), constant(r + 1)]);
            select(x(1), [given(0), given(2)])
        }
        n => {
            let mut cofactors = [W::splat(false); 1 << MAX_VARIABLES];
            (0..1 << n).for_each(|r| cofactors[r] = constant(r));
            for v in 0..n {
                for r in 0..1 << (n - 1 - v) {
                    cofactors[r] = select(x(v), [cofactors[2 * r], cofactors[2 * r + 1]]);
                }
            }
            cofactors[0]
        }
    }
}

/// `values[1]` where `word` has a 1, otherwise `values[0]`.
#[inline(always)]
fn select<W: Word>(word: W, values: [W; 2]) -> W {
    values[0].xor(values[0].xor(values[1]).and(word))
}

/// A bit of some assignments.
pub(super) trait Word: Copy + PartialEq + Send + Sync {
    const LANES: usize;
    fn splat(bit: bool) -> Self;
    /// The first words of a batch's row, with zeros beyond its end.
    fn from_words(words: &[u64]) -> Self;
    /// Writes what fits.
    fn write(self, words: &mut [u64]);
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
}

impl Word for u64 {
    const LANES: usize = 64;

    #[inline(always)]
    fn splat(bit: bool) -> Self {
        0u64.wrapping_sub(u64::from(bit))
    }

    fn from_words(words: &[u64]) -> Self {
        words[0]
    }

    fn write(self, words: &mut [u64]) {
        words[0] = self;
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
}

impl<const N: usize> Word for [u64; N] {
    const LANES: usize = 64 * N;

    fn splat(bit: bool) -> Self {
        [u64::splat(bit); N]
    }

    fn from_words(words: &[u64]) -> Self {
        let mut all = [0; N];
        all.iter_mut().zip(words).for_each(|(to, &word)| *to = word);
        all
    }

    fn write(self, words: &mut [u64]) {
        words.iter_mut().zip(self).for_each(|(to, word)| *to = word);
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] & other[i])
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] ^ other[i])
    }
}
