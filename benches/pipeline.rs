//! From a circuit file to a model and its verdict: times and peak memory, as a table.
//!
//! `cargo bench --bench pipeline`. With `CIRCUIT2TF_PYTHON` naming a Python that has numpy and
//! ml_dtypes, the reference engine is held against the plain numpy forward pass, one thread each.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use circuit2tf::batch::Batch;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::format::{self, bristol};
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::run::{Engine, Reference};

#[allow(dead_code, reason = "each bench uses a part")]
#[path = "support/runs.rs"]
mod runs;

fn main() {
    println!("read + compile + write, the circuit as a Bristol file");
    println!("{:12} {:>9} {:>9} {:>10} {:>12}", "circuit", "gates", "depth", "seconds", "peak MiB");
    for spec in ["aes128", "sha256"] {
        pipeline(spec);
    }
    println!("\nreference engine, all inputs, all threads");
    println!("{:12} {:>9} {:>10} {:>14}", "circuit", "inputs", "seconds", "µs an input");
    for spec in ["parity:16", "adder:6"] {
        exhaustive(spec);
    }
    against_numpy();
}

fn pipeline(spec: &str) {
    let bytes =
        format::write(&generate(spec).expect("a family"), &bristol::FASHION).expect("gates").bytes;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let start = Instant::now();
    let circuit = format::read(&bytes, "circuit.txt").expect("what was written reads").circuit;
    let model = compile(&circuit, "", &Options::default()).expect("it compiles");
    std::fs::write(folder.path().join("model"), file::to_bytes(&model)).expect("it can be written");
    let seconds = start.elapsed().as_secs_f64();
    let (gates, depth) = (circuit.n_gates(), model.labels.depth);
    let peak = runs::peak().map_or("unknown".to_string(), |mib| format!("{mib:.0}"));
    println!("{spec:12} {gates:>9} {depth:>9} {seconds:>10.3} {peak:>12}");
}

fn exhaustive(spec: &str) {
    let circuit = generate(spec).expect("a family");
    let model = compile(&circuit, "", &Options::default()).expect("it compiles");
    let n = circuit.inputs().len();
    let seconds = run(&model, &Batch::counting(n, 0, 1 << n)).as_secs_f64();
    println!("{spec:12} {:>9} {seconds:>10.2} {:>14.1}", 1 << n, seconds * 1e6 / f64::from(1 << n));
}

fn run(model: &Model, inputs: &Batch) -> Duration {
    let engine = Reference::new(model).expect("it fits");
    let start = Instant::now();
    engine.run(inputs, model.n_loops).expect("the inputs fit");
    start.elapsed()
}

fn against_numpy() {
    let Ok(python) = std::env::var("CIRCUIT2TF_PYTHON") else {
        println!("\nno CIRCUIT2TF_PYTHON: the comparison with numpy is skipped");
        return;
    };
    println!("\nreference engine against numpy, one thread each, milliseconds an input");
    println!(
        "{:12} {:>6} {:>9} {:>10} {:>9} {:>7}",
        "circuit", "dtype", "positions", "reference", "numpy", "ratio"
    );
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let all = &Dtype::ALL[..];
    // numpy's f16 takes seconds an input at a thousand positions.
    let cases = [("parity:16", 100, all), ("parity:128", 8, all), ("parity:512", 3, &all[..1])];
    for (spec, n_inputs, dtypes) in cases {
        for &dtype in dtypes {
            let circuit = generate(spec).expect("a family");
            let options = Options { dtype, ..Options::default() };
            let model = compile(&circuit, "", &options).expect("it compiles");
            let batch = Batch::zeros(circuit.inputs().len(), n_inputs);
            let best = (0..5).map(|_| one_thread.install(|| run(&model, &batch))).min();
            let ours = best.expect("five runs").as_secs_f64() * 1e3 / n_inputs as f64;
            let theirs = numpy(&python, &model, n_inputs) * 1e3;
            let ratio = theirs / ours;
            println!(
                "{spec:12} {dtype:>6} {:>9} {ours:>10.3} {theirs:>9.3} {ratio:>7.2}",
                model.n_ctx()
            );
        }
    }
}

/// Seconds an input takes in numpy: the difference between runs of `3n` and of `n` inputs, so that the
/// interpreter's start does not count.
fn numpy(python: &str, model: &Model, n: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, file::to_bytes(model)).expect("it can be written");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/run_model.py");
    let line = format!("{}\n", "0".repeat(model.input_positions.len()));
    let time = |n: usize| {
        let start = Instant::now();
        let mut child = Command::new(python)
            .args([script, path.to_str().expect("a plain path")])
            .envs([("OPENBLAS_NUM_THREADS", "1"), ("OMP_NUM_THREADS", "1")])
            .env_remove("OPENBLAS_CORETYPE")
            .env_remove("OPENBLAS_L2_SIZE")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("CIRCUIT2TF_PYTHON runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(line.repeat(n).as_bytes()).expect("it reads");
        drop(stdin);
        assert!(child.wait().expect("it ends").success(), "{script} failed");
        start.elapsed().as_secs_f64()
    };
    let pairs = (0..3).map(|_| (time(3 * n) - time(n)) / (2 * n) as f64);
    pairs.fold(f64::INFINITY, f64::min)
}
