//! The dense engine's speed on one thread, 64 assignments at a time, and PyTorch's on the same model file.
//!
//! A line per model: seconds per layer for all assignments, best of several runs; scores per second; the peak
//! of memory. Where `TORCH_PYTHON` names a Python that has torch, `dense_torch.py` runs the file in the same
//! minute, with attention written out and with `scaled_dot_product_attention`, and the ratio to the faster
//! of them is printed: below 1 the dense engine takes less time. Both must give the same bits.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use circuit2tf::batch::Batch;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::run::{Dense, Device, Engine};
use circuit2tf::verify::bit_string;
use circuit2tf::{Error, Result};

const BATCH: usize = 64;
/// Loops of a run; a layer costs the same in each.
const N_LOOPS: usize = 4;
/// Seconds of measurement after which no further run is made.
const ENOUGH: f64 = 3.0;

/// About 64, 256 and 1024 positions.
const CASES: [(&str, Dtype); 6] = [
    ("random:n=16,gates=48,seed=1", Dtype::F32),
    ("random:n=16,gates=240,seed=1", Dtype::F32),
    ("random:n=16,gates=1008,seed=1", Dtype::F32),
    ("random:n=16,gates=240,seed=1", Dtype::F64),
    ("random:n=16,gates=240,seed=1", Dtype::Bf16),
    ("random:n=16,gates=240,seed=1", Dtype::F16),
];

fn main() -> Result<()> {
    // One thread for what the engine starts and for what candle would.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("one thread can be had").install(table)
}

fn table() -> Result<()> {
    println!(
        "{:<31} {:>5} {:>6} {:>11} {:>9} {:>6} {:>12} {:>12} {:>6}",
        "model",
        "dtype",
        "n_ctx",
        "dense s/lay",
        "scores/s",
        "MiB",
        "torch naive",
        "torch sdpa",
        "ratio"
    );
    for (spec, dtype) in CASES {
        let model = compile(&generate(spec)?, "", &Options { dtype, ..Options::default() })?;
        let inputs = pattern(&model);
        let (seconds, outputs) = measure(&model, &inputs)?;
        let n = model.n_ctx();
        let scores = (BATCH * n * n * model.n_heads()) as f64;
        let mib = peak().map_or("-".to_string(), |kib| (kib >> 10).to_string());
        print!(
            "{spec:<31} {:>5} {n:>6} {seconds:>11.3e} {:>9.2e} {mib:>6}",
            dtype.name(),
            scores / seconds
        );
        match std::env::var("TORCH_PYTHON") {
            Err(_) => println!(),
            Ok(python) => {
                let (naive, sdpa) = torch(&python, &model, &inputs, &outputs)?;
                println!(" {naive:>12.3e} {sdpa:>12.3e} {:>6.2}", seconds / naive.min(sdpa));
            }
        }
    }
    Ok(())
}

/// Seconds per layer, the best of several runs, and the outputs.
fn measure(model: &Model, inputs: &Batch) -> Result<(f64, Batch)> {
    let engine = Dense::new(model, &Device::cpu())?;
    let outputs = engine.run(inputs, N_LOOPS)?;
    reset_peak();
    let (mut best, start) = (f64::INFINITY, Instant::now());
    while start.elapsed().as_secs_f64() < ENOUGH {
        let run = Instant::now();
        black_box(engine.run(black_box(inputs), N_LOOPS)?);
        best = best.min(run.elapsed().as_secs_f64());
    }
    Ok((best / (N_LOOPS * model.n_layers()) as f64, outputs))
}

/// PyTorch's seconds per layer with both kinds of attention, on the file of the model.
fn torch(python: &str, model: &Model, inputs: &Batch, outputs: &Batch) -> Result<(f64, f64)> {
    let folder = std::env::temp_dir().join(format!("circuit2tf-dense-{}", std::process::id()));
    let failed = |error: std::io::Error| Error::message(format!("{python}: {error}"));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let (file, lines) = (folder.join("model.safetensors"), folder.join("inputs"));
    std::fs::write(&file, file::to_bytes(model)).map_err(failed)?;
    let columns = |batch: &Batch| -> Vec<String> {
        (0..batch.n_assignments()).map(|a| bit_string(&batch.column(a))).collect()
    };
    std::fs::write(&lines, columns(inputs).join("\n")).map_err(failed)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/dense_torch.py");
    let done =
        Command::new(python).arg(script).args([&file, &lines]).arg(N_LOOPS.to_string()).output();
    let done = done.map_err(failed)?;
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    let text = String::from_utf8_lossy(&done.stdout);
    let mut words = text.split_whitespace();
    let mut seconds = || words.next().and_then(|word| word.parse::<f64>().ok());
    let (Some(naive), Some(sdpa)) = (seconds(), seconds()) else {
        return Err(Error::message(String::from_utf8_lossy(&done.stderr).into_owned()));
    };
    let found: Vec<&str> = words.collect();
    match found == columns(outputs) {
        true => Ok((naive, sdpa)),
        false => Err(Error::message("PyTorch gives other bits")),
    }
}

/// Assignments that look random.
fn pattern(model: &Model) -> Batch {
    let mut inputs = Batch::zeros(model.input_positions.len(), BATCH);
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
