//! The engines' speed: assignments per second and node evaluations (positions times layers times
//! assignments) per second on one core, resident and reference engine in one run, and the peak of memory.
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
use circuit2tf::run::{Engine, Incremental, Reference, Resident};

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
    pool.expect("one thread can be had").install(table)
}

fn table() -> Result<()> {
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
