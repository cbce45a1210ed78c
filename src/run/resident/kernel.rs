//! The inner loops: every cell of a layer on a block of assignments, compiled for several instruction sets.
//!
//! A state is a matrix of numbers, a row per kept channel of a position, a column ("lane") per assignment.
//! A sweep reads one state and writes the next. Rows that compute the same form a run, so that weights are
//! constants of the loops over rows and lanes. With a single assignment the loops go over 16 rows instead.
//! No operation rounds (see `fold`), so fusing a product with a sum changes no bit.

use std::ops::Range;

use num_traits::Float;

use super::super::simd::Simd;

/// What a number in a lane can do.
pub trait Lane: Float + Send + Sync + 'static {
    /// The number `x`, which must be one of the format.
    fn of(x: f64) -> Self;
    fn to_f64(self) -> f64;
}

impl Lane for f32 {
    fn of(x: f64) -> f32 {
        debug_assert!(f64::from(x as f32) == x, "{x} was checked to be a number of f32");
        x as f32
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Lane for f64 {
    fn of(x: f64) -> f64 {
        x
    }

    fn to_f64(self) -> f64 {
        self
    }
}

/// `constant + Σ weight·x + Σ_units output·relu(constant + Σ weight·x)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Program<T> {
    pub n_variables: usize,
    pub constant: T,
    /// One per variable; empty if all are 0.
    pub weights: Vec<T>,
    /// Per unit its constant, a weight per variable, its output weight.
    pub units: Vec<T>,
}

/// Consecutive cells that run one program.
#[derive(Debug, Clone)]
pub struct Run {
    pub program: usize,
    pub cells: Range<usize>,
    /// Where the sources of the first cell are.
    pub first_source: usize,
}

/// Cells in the order in which they are computed.
#[derive(Debug, Default)]
pub struct Cells {
    pub runs: Vec<Run>,
    /// The row that each cell computes.
    pub destinations: Vec<u32>,
    /// The rows that it reads, as many as its program has variables.
    pub sources: Vec<u32>,
}

impl Cells {
    /// Adds a cell, to the last run if that is of the same program.
    pub fn push(&mut self, program: usize, destination: u32, sources: &[u32]) {
        let number = self.destinations.len();
        match self.runs.last_mut() {
            Some(run) if run.program == program => run.cells.end += 1,
            _ => self.runs.push(Run {
                program,
                cells: number..number + 1,
                first_source: self.sources.len(),
            }),
        }
        self.destinations.push(destination);
        self.sources.extend_from_slice(sources);
    }
}

/// A layer: every row's next number.
#[derive(Debug)]
pub struct Sweep<T> {
    pub programs: Vec<Program<T>>,
    pub cells: Cells,
}

impl<T> Sweep<T> {
    /// The cells, the numbers that they read, and their multiply-adds.
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for run in &self.cells.runs {
            let Program { n_variables, weights, units, .. } = &self.programs[run.program];
            // A unit holds a constant besides its weights.
            let n_units = units.len() / (n_variables + 2);
            let multiply_adds = weights.len() + n_units * (n_variables + 1);
            for (count, of_cell) in counts.iter_mut().zip([1, *n_variables, multiply_adds]) {
                *count += run.cells.len() * of_cell;
            }
        }
        counts
    }
}

/// The lanes of a block: one, a vector, or a multiple of [`CHUNK`].
pub const VECTOR: usize = 16;
/// Lanes that are computed together where there are as many.
pub const CHUNK: usize = 32;

/// What the program computes of the given variables.
pub fn evaluate<T: Lane>(program: &Program<T>, x: &[T]) -> T {
    let [value] = cell::<T, 1, false>(program, x.len(), |v| [x[v]]);
    value
}

/// Computes the rows of `cells` from the state `now` into `next`, both of `lanes` lanes a row.
pub fn execute<T: Lane>(
    programs: &[Program<T>],
    cells: &Cells,
    now: &[T],
    next: &mut [T],
    lanes: usize,
) {
    match Simd::detect() {
        // SAFETY: the processor was asked for AVX-512F and FMA.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => unsafe { avx512(programs, cells, now, next, lanes) },
        // SAFETY: the processor was asked for AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => unsafe { avx2(programs, cells, now, next, lanes) },
        Simd::Plain => all_runs::<T, false>(programs, cells, now, next, lanes),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn avx512<T: Lane>(p: &[Program<T>], cells: &Cells, now: &[T], next: &mut [T], lanes: usize) {
    all_runs::<T, true>(p, cells, now, next, lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<T: Lane>(p: &[Program<T>], cells: &Cells, now: &[T], next: &mut [T], lanes: usize) {
    all_runs::<T, true>(p, cells, now, next, lanes);
}

/// A run's program with the rows that it reads and writes.
#[derive(Clone, Copy)]
struct RunCells<'s, T> {
    program: &'s Program<T>,
    destinations: &'s [u32],
    sources: &'s [u32],
}

/// Inlined into each of its callers, so that each compiles it for its own instruction set.
#[inline(always)]
fn all_runs<T: Lane, const FUSED: bool>(
    programs: &[Program<T>],
    cells: &Cells,
    now: &[T],
    next: &mut [T],
    lanes: usize,
) {
    for run in &cells.runs {
        let program = &programs[run.program];
        let n_sources = run.cells.len() * program.n_variables;
        let cells = RunCells {
            program,
            destinations: &cells.destinations[run.cells.clone()],
            sources: &cells.sources[run.first_source..run.first_source + n_sources],
        };
        match program.n_variables {
            0 => constants(cells, next, lanes),
            1 => one_run::<T, 1, FUSED>(cells, now, next, lanes),
            2 => one_run::<T, 2, FUSED>(cells, now, next, lanes),
            3 => one_run::<T, 3, FUSED>(cells, now, next, lanes),
            4 => one_run::<T, 4, FUSED>(cells, now, next, lanes),
            _ => any_run::<T, FUSED>(cells, now, next, lanes),
        }
    }
}

/// Cells that read nothing.
fn constants<T: Lane>(cells: RunCells<T>, next: &mut [T], lanes: usize) {
    let value = evaluate(cells.program, &[]);
    for &to in cells.destinations {
        next[to as usize * lanes..][..lanes].fill(value);
    }
}

#[inline(always)]
fn one_run<T: Lane, const V: usize, const FUSED: bool>(
    cells: RunCells<T>,
    now: &[T],
    next: &mut [T],
    lanes: usize,
) {
    match lanes {
        1 => by_rows::<T, V, FUSED>(cells, now, next),
        VECTOR => by_lanes::<T, V, VECTOR, FUSED>(cells, now, next, lanes),
        _ => by_lanes::<T, V, CHUNK, FUSED>(cells, now, next, lanes),
    }
}

#[inline(always)]
fn by_lanes<T: Lane, const V: usize, const C: usize, const FUSED: bool>(
    cells: RunCells<T>,
    now: &[T],
    next: &mut [T],
    lanes: usize,
) {
    let (sources, _) = cells.sources.as_chunks::<V>();
    let (now, _) = now.as_chunks::<C>();
    let (next, _) = next.as_chunks_mut::<C>();
    let chunks = lanes / C;
    for (&to, from) in cells.destinations.iter().zip(sources) {
        for chunk in 0..chunks {
            let x = from.map(|row| now[row as usize * chunks + chunk]);
            next[to as usize * chunks + chunk] = cell::<T, C, FUSED>(cells.program, V, |v| x[v]);
        }
    }
}

/// A run for a single assignment: a lane per row.
#[inline(always)]
fn by_rows<T: Lane, const V: usize, const FUSED: bool>(
    cells: RunCells<T>,
    now: &[T],
    next: &mut [T],
) {
    let (sources, _) = cells.sources.as_chunks::<V>();
    for (to, from) in cells.destinations.chunks(VECTOR).zip(sources.chunks(VECTOR)) {
        let mut x = [[T::zero(); VECTOR]; V];
        for (l, rows) in from.iter().enumerate() {
            for (v, &row) in rows.iter().enumerate() {
                x[v][l] = now[row as usize];
            }
        }
        let values = cell::<T, VECTOR, FUSED>(cells.program, V, |v| x[v]);
        for (&to, value) in to.iter().zip(values) {
            next[to as usize] = value;
        }
    }
}

/// A run for programs of many variables, which are read again for each unit.
#[inline(always)]
fn any_run<T: Lane, const FUSED: bool>(
    cells: RunCells<T>,
    now: &[T],
    next: &mut [T],
    lanes: usize,
) {
    let n = cells.program.n_variables;
    for (&to, from) in cells.destinations.iter().zip(cells.sources.chunks_exact(n)) {
        let at = |v: usize, lane: usize| from[v] as usize * lanes + lane;
        let to = to as usize * lanes;
        if lanes == 1 {
            let [value] = cell::<T, 1, FUSED>(cells.program, n, |v| [now[at(v, 0)]]);
            next[to] = value;
            continue;
        }
        for lane in (0..lanes).step_by(VECTOR) {
            let values = cell::<T, VECTOR, FUSED>(cells.program, n, |v| {
                let start = at(v, lane);
                now[start..start + VECTOR].try_into().expect("lanes are multiples of a vector")
            });
            next[to + lane..to + lane + VECTOR].copy_from_slice(&values);
        }
    }
}

/// The program on `C` lanes; `x(v)` are those of variable `v < n`.
#[inline(always)]
fn cell<T: Lane, const C: usize, const FUSED: bool>(
    program: &Program<T>,
    n: usize,
    x: impl Fn(usize) -> [T; C],
) -> [T; C] {
    let mut sum = [program.constant; C];
    if !program.weights.is_empty() {
        for v in 0..n {
            sum = product_sum::<T, C, FUSED>(x(v), program.weights[v], sum);
        }
    }
    for unit in program.units.chunks_exact(n + 2) {
        let mut inflow = [unit[0]; C];
        for v in 0..n {
            inflow = product_sum::<T, C, FUSED>(x(v), unit[1 + v], inflow);
        }
        for inflow in &mut inflow {
            *inflow = if *inflow > T::zero() { *inflow } else { T::zero() };
        }
        sum = product_sum::<T, C, FUSED>(inflow, unit[n + 1], sum);
    }
    sum
}

/// `a·x + b`, lane by lane.
#[inline(always)]
fn product_sum<T: Lane, const C: usize, const FUSED: bool>(x: [T; C], a: T, b: [T; C]) -> [T; C] {
    let mut sum = b;
    for l in 0..C {
        sum[l] = if FUSED { x[l].mul_add(a, b[l]) } else { x[l] * a + b[l] };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers, so that nothing rounds.
    fn number(seed: usize) -> f32 {
        (seed.wrapping_mul(0x9E37_79B9) >> 7 & 15) as f32 - 7.0
    }

    fn by_definition(program: &Program<f32>, x: &[f32]) -> f32 {
        let dot = |w: &[f32]| w.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        let units = program.units.chunks(x.len() + 2);
        let units = units.map(|u| u[x.len() + 1] * (u[0] + dot(&u[1..=x.len()])).max(0.0));
        program.constant + dot(&program.weights) + units.sum::<f32>()
    }

    #[test]
    fn every_width_and_instruction_set_computes_the_definition() {
        const N_ROWS: usize = 40;
        let program = |n: usize| Program {
            n_variables: n,
            constant: number(n),
            weights: if n.is_multiple_of(2) { Vec::new() } else { (0..n).map(number).collect() },
            units: (0..3 * (n + 2)).map(|i| number(i + 50 * n)).collect(),
        };
        let programs: Vec<_> = (0..=7).map(program).collect();
        let mut cells = Cells::default();
        for cell in 0..N_ROWS {
            let program = cell / 5;
            let sources: Vec<u32> =
                (0..program).map(|v| ((7 * cell + v) % N_ROWS) as u32).collect();
            cells.push(program, (N_ROWS - 1 - cell) as u32, &sources);
        }
        for lanes in [1, VECTOR, CHUNK, 3 * CHUNK] {
            let now: Vec<f32> = (0..N_ROWS * lanes).map(|i| number(i + 1000)).collect();
            let [mut best, mut plain] = [(); 2].map(|()| vec![0.0; now.len()]);
            execute(&programs, &cells, &now, &mut best, lanes);
            all_runs::<f32, false>(&programs, &cells, &now, &mut plain, lanes);
            assert_eq!(best, plain, "{lanes} lanes");
            let mut first = 0;
            for (cell, &to) in cells.destinations.iter().enumerate() {
                let sources = &cells.sources[first..first + cell / 5];
                first += cell / 5;
                for lane in 0..lanes {
                    let x: Vec<f32> =
                        sources.iter().map(|&row| now[row as usize * lanes + lane]).collect();
                    let expected = by_definition(&programs[cell / 5], &x);
                    assert_eq!(best[to as usize * lanes + lane], expected, "{lanes} lanes, {cell}");
                }
            }
        }
    }
}
