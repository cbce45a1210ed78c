//! The engines' speed: assignments per second and node evaluations (positions times layers times
//! assignments) per second on one core, resident and reference engine in one run, and the peak of memory.
//!
//! Behind the full engine's figure in f32 stand two limits on it, by instructions and by bytes, as
//! `benches/measured` explains them; that has the targets, whole commands, threads and the comparison with
//! PyTorch, `benches/gpu.rs` the gpu engine.
//!
//! Times are the best of several runs; preparing a model is timed apart. The reference engine is given as
//! many assignments as it does in reasonable time, and no model that it would need minutes for.

use std::time::Instant;

use circuit2tf::Result;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Engine, Incremental, Reference, Resident};

use crate::machine::Machine;
use crate::runs::{least_seconds, pattern, peak, reset_peak};

#[allow(dead_code, reason = "each bench uses a part")]
#[path = "support/machine.rs"]
mod machine;
#[path = "support/runs.rs"]
mod runs;

/// Scores that the reference engine may form for one line of the table.
const MAX_SCORES: usize = 1 << 27;

/// Family, dtype, assignments.
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
    let machine = Machine::probe();
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
            let n_kept = resident.n_kept() as f64;
            println!(
                "{:<31} at most {:.2e} nodes/s by instructions, {:.2e} by bytes",
                "",
                1.0 / (n_kept * machine.by_instructions(resident.cost())),
                1.0 / (n_kept * machine.by_bytes(resident.cost()))
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
    let inputs = pattern(model.input_positions.len(), n);
    reset_peak();
    let best = least_seconds(|| engine.run(&inputs, model.n_loops))?;
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
        peak().map_or("-".to_string(), |mib| format!("{mib:.0}")),
    );
    Ok(())
}
