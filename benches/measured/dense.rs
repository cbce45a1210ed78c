//! The dense engine on one thread, 64 assignments at a time, against PyTorch on the same model file.
//!
//! Times are of a layer for all assignments, best of several runs, of the thread's processor time (others may
//! be using the machine). `dense_torch.py` runs the file in the same minute, with attention written out and
//! with `scaled_dot_product_attention`; the faster of the two counts. Both must give the same bits as the
//! dense engine.

use std::hint::black_box;
use std::process::Command;

use circuit2tf::batch::Batch;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::run::{Dense, Device, Engine};
use circuit2tf::verify::bit_string;
use circuit2tf::{Error, Result};
use cpu_time::ThreadTime;

use crate::machine::{self, Machine};
use crate::runs::{pattern, peak, reset_peak};
use crate::{Asked, Row, Unit};

const BATCH: usize = 64;
/// Loops of a run; a layer costs the same in each.
const N_LOOPS: usize = 4;
/// Seconds of measurement after which no further run is made.
const ENOUGH: f64 = 1.0;

/// Positions, gates that give about as many, dtype.
const CASES: [(usize, usize, Dtype); 6] = [
    (64, 48, Dtype::F32),
    (256, 240, Dtype::F32),
    (1024, 1008, Dtype::F32),
    (256, 240, Dtype::F64),
    (256, 240, Dtype::Bf16),
    (256, 240, Dtype::F16),
];

/// The rows that are asked for.
///
/// # Errors
/// The engine fails, or PyTorch does, or they differ.
pub fn rows(asked: &Asked, machine: &Machine) -> Result<Vec<Row>> {
    // One thread for what the engine starts and for what candle would.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let mut rows = Vec::new();
    for (n_positions, n_gates, dtype) in CASES {
        let what = format!("dense, N = {n_positions}, batch {BATCH}, {}", dtype.name());
        if asked.for_row(&what) {
            let spec = format!("random:n=16,gates={n_gates},seed=1");
            let model = compile(&generate(&spec)?, "", &Options { dtype, ..Options::default() })?;
            let pool = pool.as_ref().expect("one thread can be had");
            rows.push(pool.install(|| row(what, &model, machine))?);
        }
    }
    Ok(rows)
}

fn row(what: String, model: &Model, machine: &Machine) -> Result<Row> {
    let inputs = pattern(model.input_positions.len(), BATCH);
    let (seconds, outputs) = measure(model, &inputs)?;
    let peak = peak();
    let limit = limit(model, machine);
    let (torch, note) = match std::env::var("TORCH_PYTHON") {
        Err(_) => (None, ", needs TORCH_PYTHON".to_string()),
        Ok(python) => {
            let (naive, sdpa) = torch(&python, model, &inputs, &outputs)?;
            (Some(naive.min(sdpa)), format!(", torch naive {naive:.2e}, sdpa {sdpa:.2e}"))
        }
    };
    Ok(Row {
        what,
        unit: Unit::TimesTorch,
        figure: torch.map(|torch| seconds / torch),
        target: Some(1.0),
        limit: torch.map(|torch| limit / torch),
        peak,
        note: format!("s/layer: dense {seconds:.2e}, limit {limit:.2e}{note}"),
    })
}

/// Least seconds of a layer for the whole batch: the multiply-adds of its matrix products and of its
/// exponentials.
fn limit(model: &Model, machine: &Machine) -> f64 {
    let (n, read) = (model.n_ctx(), model.n_heads() * model.d_head());
    // Queries, keys, values and what is written from them; the MLP; scores and means of values.
    let of_position =
        4 * read * model.d_model() + 2 * model.d_mlp() * model.d_model() + 2 * n * read;
    let products = (BATCH * n * of_position) as f64;
    let exponentials = (BATCH * n * n * model.n_heads()) as f64;
    let own = match model.dtype {
        Dtype::F64 => machine::multiply_adds_f64(),
        _ => machine.multiply_adds,
    };
    let peak = match model.dtype {
        Dtype::Bf16 => machine::multiply_adds_bf16().unwrap_or(own),
        _ => own,
    };
    products / peak + exponentials * f64::from(degree(model.dtype)) / own
}

/// The least degree of a polynomial that is within a unit in the format's last place of `2^x` for
/// `|x| ≤ 1/2`: the best of degree `d` errs by `2 (ln 2 / 4)^(d+1) / (d+1)!` (Chebyshev).
fn degree(dtype: Dtype) -> u32 {
    let last_place = (1.0 - f64::from(dtype.precision())).exp2();
    let (mut degree, mut error) = (0, 2.0 * std::f64::consts::LN_2 / 4.0);
    while error > last_place {
        degree += 1;
        error *= std::f64::consts::LN_2 / 4.0 / f64::from(degree + 1);
    }
    degree
}
/// Seconds per layer, the best of several runs, and the outputs.
fn measure(model: &Model, inputs: &Batch) -> Result<(f64, Batch)> {
    let engine = Dense::new(model, &Device::cpu())?;
    let outputs = engine.run(inputs, N_LOOPS)?;
    reset_peak();
    let (mut best, start) = (f64::INFINITY, ThreadTime::now());
    while start.elapsed().as_secs_f64() < ENOUGH {
        let run = ThreadTime::now();
        black_box(engine.run(black_box(inputs), N_LOOPS)?);
        best = best.min(run.elapsed().as_secs_f64());
    }
    Ok((best / (N_LOOPS * model.n_layers()) as f64, outputs))
}

/// PyTorch's seconds per layer with both kinds of attention, on the file of the model.
fn torch(python: &str, model: &Model, inputs: &Batch, outputs: &Batch) -> Result<(f64, f64)> {
    let failed = |error: std::io::Error| Error::message(format!("{python}: {error}"));
    let folder = tempfile::tempdir().map_err(failed)?;
    let (file, lines) = (folder.path().join("model.safetensors"), folder.path().join("inputs"));
    std::fs::write(&file, file::to_bytes(model)).map_err(failed)?;
    let columns = |batch: &Batch| -> Vec<String> {
        (0..batch.n_assignments()).map(|a| bit_string(&batch.column(a))).collect()
    };
    std::fs::write(&lines, columns(inputs).join("\n")).map_err(failed)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/measured/dense_torch.py");
    let done =
        Command::new(python).arg(script).args([&file, &lines]).arg(N_LOOPS.to_string()).output();
    let done = done.map_err(failed)?;
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
