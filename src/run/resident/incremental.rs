//! Incremental runs: only what can have changed is computed again.
//!
//! A layer is a function. Where the same layer is applied again and no row that a cell reads was changed by the
//! last application, the cell's number stays what it is, exactly. So after a layer the readers of changed
//! rows are marked, and the next application computes the marked cells only; a layer that differs from the
//! last one computes all.

use std::ops::AddAssign;

use super::kernel::{Cells, Lane, Sweep, execute};

/// How many numbers were computed, and how many were known to stay.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    pub computed: u64,
    pub skipped: u64,
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Work) {
        self.computed += other.computed;
        self.skipped += other.skipped;
    }
}

/// Where the cells of a layer are, and which cells read a row.
#[derive(Debug)]
pub struct FanOut {
    /// Per cell its program and where its sources start.
    cells: Vec<(u32, u32)>,
    /// The cells that read row `r` are `readers[starts[r]..starts[r + 1]]`.
    starts: Vec<u32>,
    readers: Vec<u32>,
}

impl FanOut {
    pub fn new<T>(sweep: &Sweep<T>) -> Self {
        let mut cells = Vec::with_capacity(sweep.cells.destinations.len());
        let mut starts = vec![0; sweep.cells.destinations.len() + 1];
        for run in &sweep.cells.runs {
            let n = sweep.programs[run.program].n_variables;
            let first = |i: usize| (run.first_source + i * n) as u32;
            cells.extend((0..run.cells.len()).map(|i| (run.program as u32, first(i))));
        }
        sweep.cells.sources.iter().for_each(|&row| starts[row as usize + 1] += 1);
        for row in 1..starts.len() {
            starts[row] += starts[row - 1];
        }
        let mut readers = vec![0; sweep.cells.sources.len()];
        let mut next = starts.clone();
        for (cell, &(program, first)) in cells.iter().enumerate() {
            let n = sweep.programs[program as usize].n_variables;
            for &row in &sweep.cells.sources[first as usize..first as usize + n] {
                readers[next[row as usize] as usize] = cell as u32;
                next[row as usize] += 1;
            }
        }
        FanOut { cells, starts, readers }
    }
}

/// The cells that have to be computed, and memory to do it.
#[derive(Debug)]
pub struct Pending<T> {
    /// A bit per cell.
    marked: Vec<u64>,
    last: Option<usize>,
    cells: Cells,
    /// Per marked cell the row it computes.
    rows: Vec<u32>,
    results: Vec<T>,
}

impl<T: Lane> Pending<T> {
    /// Everything is pending for `n_cells` cells.
    pub fn new(n_cells: usize) -> Self {
        Pending {
            marked: vec![0; n_cells.div_ceil(64)],
            last: None,
            cells: Cells::default(),
            rows: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Applies layer number `layer` to `state`, rows of `lanes` numbers.
    pub fn apply(
        &mut self,
        (layer, sweep): (usize, &Sweep<T>),
        fan_out: &FanOut,
        state: &mut [T],
        lanes: usize,
    ) -> Work {
        if self.last != Some(layer) {
            self.mark_all(fan_out.cells.len());
        }
        self.last = Some(layer);
        self.collect(sweep, fan_out);
        self.results.resize(self.rows.len() * lanes, T::zero());
        execute(&sweep.programs, &self.cells, state, &mut self.results, lanes);
        for (&row, result) in self.rows.iter().zip(self.results.chunks_exact(lanes)) {
            let number = &mut state[row as usize * lanes..(row as usize + 1) * lanes];
            if number != result {
                number.copy_from_slice(result);
                let [start, end] = [row, row + 1].map(|r| fan_out.starts[r as usize] as usize);
                for &cell in &fan_out.readers[start..end] {
                    self.marked[cell as usize / 64] |= 1 << (cell % 64);
                }
            }
        }
        let computed = self.rows.len() * lanes;
        let all = fan_out.cells.len() * lanes;
        Work { computed: computed as u64, skipped: (all - computed) as u64 }
    }

    fn mark_all(&mut self, n_cells: usize) {
        self.marked.fill(u64::MAX);
        if let (Some(last), used @ 1..) = (self.marked.last_mut(), n_cells % 64) {
            *last = (1 << used) - 1;
        }
    }

    /// Lists the marked cells in order, grouped by program, and unmarks them.
    fn collect(&mut self, sweep: &Sweep<T>, fan_out: &FanOut) {
        self.cells.clear();
        self.rows.clear();
        for (w, word) in self.marked.iter_mut().enumerate() {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                let cell = 64 * w + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let (program, first) = fan_out.cells[cell];
                let n = sweep.programs[program as usize].n_variables;
                let sources = &sweep.cells.sources[first as usize..first as usize + n];
                self.cells.push(program as usize, self.rows.len() as u32, sources);
                self.rows.push(sweep.cells.destinations[cell]);
            }
        }
    }
}
