//! The gpu engine's and its oracle's speed on this machine's device, beside those of the processor's two
//! cores or however many it has; every line names the device. A software device's figures say nothing about
//! hardware.
//!
//! Node evaluations are positions times layers times assignments, gate evaluations tables times assignments;
//! times are the best of several runs and include bringing bits to the device and back.

use std::time::Instant;

use circuit2tf::Result;
use circuit2tf::circuit::Oracle;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::run::gpu::Gpu;
use circuit2tf::run::{Engine, Resident};

use crate::runs::{least_seconds, pattern};

#[allow(dead_code, reason = "each bench uses a part")]
#[path = "support/runs.rs"]
mod runs;

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
            let seconds = least_seconds(|| engine.run(&inputs, model.n_loops))?;
            println!("  {:.2e} nodes/s  engine={}", n_nodes as f64 / seconds, engine.name());
        }
        let oracle = Oracle::new(&circuit)?;
        let program = oracle.luts();
        let n_gates = (program.luts().len() * n) as f64;
        let device = gpu.device().expect("the engine runs on one");
        let luts = device.load(&program)?;
        let on_device = least_seconds(|| luts.run(&inputs))?;
        println!("  {:.2e} gates/s  oracle of {}", n_gates / on_device, gpu.name());
        println!("  {:.2e} gates/s  oracle", n_gates / least_seconds(|| oracle.run(&inputs))?);
    }
    Ok(())
}
