//! The gpu engine's and its oracle's speed on this machine's device, beside those of the processor's two
//! cores or however many it has; every line names the device. A software device's figures say nothing about
//! hardware.
//!
//! Node evaluations are positions times layers times assignments, gate evaluations tables times assignments;
//! times are the best of several runs and include bringing bits to the device and back.

use std::hint::black_box;
use std::time::Instant;

use circuit2tf::Result;
use circuit2tf::batch::Batch;
use circuit2tf::circuit::Oracle;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::run::gpu::Gpu;
use circuit2tf::run::{Engine, Resident};

/// Seconds of measurement after which no further run is made.
const ENOUGH: f64 = 1.0;
const MAX_RUNS: usize = 5;

/// Family and assignments.
const CASES: [(&str, usize); 5] = [
    ("parity:16", 1 << 16),
    ("mult:8", 1 << 14),
    ("aes-sbox", 1 << 8),
    ("random:n=64,gates=10000,seed=1", 1 << 10),
    ("random:n=64,gates=100000,seed=1", 1 << 6),
];

fn main() -> Result<()> {
    for (spec, n) in CASES {
        let circuit = generate(spec)?;
        let model = compile(&circuit, "", &Options::default())?;
        let inputs = pattern(circuit.inputs().len(), n);
        let n_nodes = model.n_ctx() * model.n_loops * model.n_layers() * n;
        let start = Instant::now();
        let gpu = Gpu::new(&model)?;
        println!(
            "{spec}: {n} assignments, prepared in {:.0} ms",
            1e3 * start.elapsed().as_secs_f64()
        );
        let resident = Resident::new(&model)?;
        for engine in [&gpu as &dyn Engine, &resident] {
            let seconds = best(|| engine.run(&inputs, model.n_loops))?;
            println!("  {:.2e} nodes/s  engine={}", n_nodes as f64 / seconds, engine.name());
        }
        let oracle = Oracle::new(&circuit)?;
        let program = oracle.luts();
        let n_gates = (program.luts().len() * n) as f64;
        let device = gpu.device().expect("the engine runs on one");
        let luts = device.load(&program)?;
        let on_device = best(|| luts.run(&inputs))?;
        println!("  {:.2e} gates/s  oracle of {}", n_gates / on_device, gpu.name());
        println!("  {:.2e} gates/s  oracle", n_gates / best(|| oracle.run(&inputs))?);
    }
    Ok(())
}

/// The least time that a run takes, in seconds.
fn best(run: impl Fn() -> Result<Batch>) -> Result<f64> {
    let (mut best, mut total) = (f64::INFINITY, 0.0);
    for _ in 0..MAX_RUNS {
        let start = Instant::now();
        black_box(run()?);
        let seconds = start.elapsed().as_secs_f64();
        (best, total) = (best.min(seconds), total + seconds);
        if total > ENOUGH {
            break;
        }
    }
    Ok(best)
}

/// `n` assignments that look random.
fn pattern(n_inputs: usize, n: usize) -> Batch {
    let mut inputs = Batch::zeros(n_inputs, n);
    let words = inputs.raw_mut().iter_mut().enumerate();
    words.for_each(|(w, word)| *word = (w as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    inputs
}
