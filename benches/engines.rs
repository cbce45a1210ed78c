//! The engines' speed: assignments per second and node evaluations (positions times layers times
//! assignments) per second on one core, resident and reference engine in one run, and the peak of memory.
//!
//! Behind the full engine's figure stand two limits on node evaluations per second, from what this core does
//! in the same minute. By bytes: a node of one assignment reads its operands and writes itself, 4 bytes each
//! in f32, and a copy of a state that lies in the second-level cache moves so many bytes a second. By
//! instructions: the multiply-adds that are left of a node, and so many are done a second on registers. Below
//! the table: how much two threads gain over one in the same run. `benches/commands.rs` times the whole
//! program, from process start, `benches/dense.rs` compares with PyTorch,
//! `benches/gpu.rs` has the gpu engine.
//!
//! Times are the best of several runs; preparing a model is timed apart. The reference engine is given as
//! many assignments as it does in reasonable time, and no model that it would need minutes for.

use std::hint::black_box;
use std::time::Instant;

use circuit2tf::Result;
use circuit2tf::batch::Batch;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Cost, Engine, Incremental, Reference, Resident};

/// Seconds of measurement after which no further run is made.
const ENOUGH: f64 = 1.0;
const MAX_RUNS: usize = 7;
/// Scores that the reference engine may form for one line of the table.
const MAX_SCORES: usize = 1 << 27;

/// Family, dtype, layers of the block, assignments.
const CASES: [(&str, Dtype, usize); 14] = [
    ("parity:16", Dtype::F32, 1 << 16),
    ("parity:16", Dtype::F64, 1 << 16),
    ("parity:16", Dtype::Bf16, 1 << 16),
    ("adder:8", Dtype::F32, 1 << 16),
    ("mult:8", Dtype::F32, 1 << 16),
    ("mult:12", Dtype::F32, 1 << 16),
    ("aes-sbox", Dtype::F32, 1 << 8),
    ("random:n=64,gates=1000,seed=1", Dtype::F32, 1),
    ("random:n=64,gates=1000,seed=1", Dtype::F32, 1 << 14),
    ("random:n=64,gates=10000,seed=1", Dtype::F32, 1),
    ("random:n=64,gates=10000,seed=1", Dtype::F32, 1 << 12),
    ("aes128", Dtype::F32, 1),
    ("sha256", Dtype::F32, 1),
    ("sha256", Dtype::F32, 16),
];

fn main() -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("one thread can be had").install(table)?;
    scaling()
}

/// Bytes that a core moves in a second, read and written, within its second-level cache.
fn bytes_per_second() -> f64 {
    const N: usize = 1 << 16;
    const ROUNDS: usize = 1000;
    let (from, mut to) = (vec![1.0f32; N], vec![0.0f32; N]);
    let seconds = least_seconds(|| {
        for _ in 0..ROUNDS {
            black_box(&mut to).copy_from_slice(black_box(&from));
        }
    });
    (2 * size_of::<f32>() * N * ROUNDS) as f64 / seconds
}

/// Multiply-adds that a core does in a second on registers, in f32.
fn products_per_second() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor was asked for AVX-512F.
        return unsafe { products_avx512() };
    }
    products()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn products_avx512() -> f64 {
    products()
}

/// Inlined into its caller, and so compiled for that one's instruction set.
#[inline(always)]
fn products() -> f64 {
    /// As many chains as two units of four cycles' latency need, and some.
    const LANES: usize = 16 * 12;
    const ROUNDS: usize = 1_000_000;
    let mut sums = [1.0f32; LANES];
    let mut best = f64::INFINITY;
    for _ in 0..MAX_RUNS {
        let (a, b) = (black_box(0.5f32), black_box(0.25f32));
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = sum.mul_add(a, b);
            }
        }
        best = best.min(start.elapsed().as_secs_f64());
        black_box(&mut sums);
    }
    (LANES * ROUNDS) as f64 / best
}

fn least_seconds(mut run: impl FnMut()) -> f64 {
    let mut timed = || {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..MAX_RUNS).map(|_| timed()).fold(f64::INFINITY, f64::min)
}

/// How much faster two threads are than one, each in turn.
fn scaling() -> Result<()> {
    let model = compile(&generate("mult:12")?, "", &Options::default())?;
    let (inputs, resident) = (pattern(&model, 1 << 16), Resident::new(&model)?);
    let mut best = [f64::INFINITY; 2];
    for _ in 0..MAX_RUNS {
        for (best, threads) in best.iter_mut().zip(1..) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let start = Instant::now();
            let outputs =
                pool.expect("threads can be had").install(|| resident.run(&inputs, model.n_loops));
            black_box(outputs?);
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    println!("mult:12, resident: two threads are {:.2} times as fast as one", best[0] / best[1]);
    Ok(())
}

fn table() -> Result<()> {
    let (bytes, products) = (bytes_per_second(), products_per_second());
    println!(
        "one core moves {bytes:.2e} B/s in its cache and does {products:.2e} multiply-adds/s in f32"
    );
    println!(
        "{:<31} {:>5} {:>7} {:>6} {:>11} {:>8} {:>9} {:>10} {:>9} {:>8}",
        "model",
        "dtype",
        "nodes",
        "steps",
        "engine",
        "prepare",
        "inputs",
        "inputs/s",
        "nodes/s",
        "MiB"
    );
    // A word picks families: `cargo bench --bench engines -- sha256`.
    let picked = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    for (spec, dtype, n) in CASES {
        if picked.as_ref().is_some_and(|word| !spec.contains(word)) {
            continue;
        }
        let model = compile(&generate(spec)?, "", &Options { dtype, ..Options::default() })?;
        let n_steps = model.n_loops * model.n_layers();
        let start = Instant::now();
        let resident = Resident::new(&model)?;
        let prepare = start.elapsed().as_secs_f64();
        line(spec, &model, &resident, prepare, n)?;
        if dtype == Dtype::F32 {
            let Cost { reads, multiply_adds } = resident.cost();
            println!(
                "{:<31} at most {:.2e} nodes/s by bytes, {:.2e} by instructions",
                "",
                bytes / (size_of::<f32>() as f64 * (reads + 1.0)),
                products / multiply_adds
            );
        }
        drop(resident);
        let start = Instant::now();
        let incremental = Incremental::new(&model)?;
        // A node that it skips counts as evaluated.
        line(spec, &model, &incremental, start.elapsed().as_secs_f64(), n)?;
        println!("{:<31} {}", "", incremental.remark().unwrap_or_default());
        let affordable = MAX_SCORES / (model.n_ctx().pow(2) * n_steps).max(1);
        if affordable > 0 {
            let start = Instant::now();
            let reference = Reference::new(&model)?;
            line(spec, &model, &reference, start.elapsed().as_secs_f64(), n.min(affordable))?;
        }
    }
    Ok(())
}

fn line(spec: &str, model: &Model, engine: &dyn Engine, prepare: f64, n: usize) -> Result<()> {
    let inputs = pattern(model, n);
    reset_peak();
    let (mut best, mut total) = (f64::INFINITY, 0.0);
    for _ in 0..MAX_RUNS {
        let start = Instant::now();
        black_box(engine.run(black_box(&inputs), model.n_loops)?);
        let seconds = start.elapsed().as_secs_f64();
        (best, total) = (best.min(seconds), total + seconds);
        if total > ENOUGH {
            break;
        }
    }
    let n_steps = model.n_loops * model.n_layers();
    let nodes = (model.n_ctx() * n_steps * n) as f64;
    println!(
        "{spec:<31} {:>5} {:>7} {n_steps:>6} {:>11} {:>6.1}ms {n:>9} {:>10.3e} {:>9.2e} {:>8}",
        model.dtype.name(),
        model.n_ctx(),
        engine.name(),
        1e3 * prepare,
        n as f64 / best,
        nodes / best,
        peak().map_or("-".to_string(), |kib| (kib >> 10).to_string()),
    );
    Ok(())
}

/// `n` assignments that look random.
fn pattern(model: &Model, n: usize) -> Batch {
    let mut inputs = Batch::zeros(model.input_positions.len(), n);
    let words = inputs.raw_mut().iter_mut().enumerate();
    words.for_each(|(w, word)| *word = (w as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    inputs
}

/// Lets the peak start anew, where the system can do that.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that the process has held since, in KiB.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
