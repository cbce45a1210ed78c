//! Engines alone: the full model's node evaluations per second (positions times layers times assignments), how
//! threads share them, and the gpu engine.

use circuit2tf::Result;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::Model;
#[cfg(feature = "gpu")]
use circuit2tf::run::gpu::{Device, Gpu};
use circuit2tf::run::{Engine, Incremental, Resident};

use crate::machine::Machine;
use crate::runs::{least_seconds, pattern, peak, reset_peak};
use crate::{Asked, Row, Unit, n_cores};

const SPEC: &str = "mult:12";
const N_ASSIGNMENTS: usize = 1 << 16;

/// The rows that are asked for.
///
/// # Errors
/// An engine refuses its model.
pub fn rows(asked: &Asked, machine: &Machine) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let what = format!("full model, {SPEC}, f32, one core");
    if asked.for_row(&what) {
        rows.push(one_core(what, machine)?);
    }
    let what = format!("full model, {SPEC}, f32, two threads");
    if asked.for_row(&what) {
        rows.push(two_threads(what)?);
    }
    let what = "sha256, incremental, the engine alone".to_string();
    if asked.for_row(&what) {
        rows.push(prepared(what, machine)?);
    }
    let what = "gpu, parity:16, 65,536 inputs".to_string();
    if asked.for_row(&what) {
        rows.push(gpu(what, machine)?);
    }
    Ok(rows)
}

fn model(spec: &str) -> Result<Model> {
    compile(&generate(spec)?, "", &Options::default())
}

/// Seconds for all assignments.
fn seconds(engine: &dyn Engine, model: &Model, n_threads: usize) -> Result<f64> {
    let inputs = pattern(model.input_positions.len(), N_ASSIGNMENTS);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build();
    let pool = pool.expect("threads can be had");
    pool.install(|| least_seconds(|| engine.run(&inputs, model.n_loops)))
}

/// Node evaluations of all assignments.
fn n_nodes(model: &Model) -> f64 {
    (model.n_ctx() * model.n_loops * model.n_layers() * N_ASSIGNMENTS) as f64
}

/// Least seconds of a node evaluation by instructions and by bytes.
fn limits(resident: &Resident, machine: &Machine) -> [f64; 2] {
    let n_kept = resident.n_kept() as f64;
    [Machine::by_instructions, Machine::by_bytes].map(|by| n_kept * by(machine, resident.cost()))
}

fn one_core(what: String, machine: &Machine) -> Result<Row> {
    let model = model(SPEC)?;
    reset_peak();
    let resident = Resident::new(&model)?;
    let figure = n_nodes(&model) / seconds(&resident, &model, 1)?;
    let peak = peak();
    let [instructions, bytes] = limits(&resident, machine);
    Ok(Row {
        what,
        unit: Unit::NodesPerSecond,
        figure: Some(figure),
        target: Some(3e9),
        limit: Some(1.0 / instructions.max(bytes)),
        peak,
        note: format!(
            "limits: {:.2e} by instructions, {:.2e} by bytes",
            1.0 / instructions,
            1.0 / bytes
        ),
    })
}

fn two_threads(what: String) -> Result<Row> {
    let model = model(SPEC)?;
    reset_peak();
    let resident = Resident::new(&model)?;
    let [mut one, mut two] = [f64::INFINITY; 2];
    // In turn, since what else the machine does changes.
    for _ in 0..3 {
        one = one.min(seconds(&resident, &model, 1)?);
        two = two.min(seconds(&resident, &model, 2)?);
    }
    Ok(Row {
        what,
        unit: Unit::TimesOneThread,
        figure: Some(one / two),
        target: None,
        limit: Some(2.0_f64.min(n_cores() as f64)),
        peak: peak(),
        note: String::new(),
    })
}

/// One assignment through a prepared engine: what of a whole command is neither reading nor preparing.
fn prepared(what: String, machine: &Machine) -> Result<Row> {
    let model = model("sha256")?;
    let inputs = pattern(model.input_positions.len(), 1);
    reset_peak();
    let resident = Resident::new(&model)?;
    let n_numbers = (model.n_ctx() * resident.n_kept()) as f64;
    let limit = n_numbers * resident.cost().reads / machine.picks;
    let incremental = Incremental::of(resident).map_err(|refused| refused.1)?;
    let figure = least_seconds(|| incremental.run(&inputs, model.n_loops))?;
    let note = incremental.remark().unwrap_or_default();
    let (figure, limit) = (Some(figure), Some(limit));
    Ok(Row { what, unit: Unit::Wall, figure, target: Some(0.1), limit, peak: peak(), note })
}

#[cfg(not(feature = "gpu"))]
fn gpu(what: String, _: &Machine) -> Result<Row> {
    let note = "needs --features gpu".to_string();
    let unit = Unit::NodesPerSecond;
    Ok(Row { what, unit, figure: None, target: None, limit: None, peak: None, note })
}

#[cfg(feature = "gpu")]
fn gpu(what: String, machine: &Machine) -> Result<Row> {
    let model = model("parity:16")?;
    let [instructions, bytes] = limits(&Resident::new(&model)?, machine);
    reset_peak();
    let device = Device::open()?;
    let on_cores = device.adapter().is_software();
    let gpu = Gpu::on(device, &model)?;
    let figure = n_nodes(&model) / seconds(&gpu, &model, n_cores())?;
    Ok(Row {
        what,
        unit: Unit::NodesPerSecond,
        figure: Some(figure),
        target: None,
        limit: on_cores.then_some(n_cores() as f64 / instructions.max(bytes)),
        peak: peak(),
        note: gpu.name().to_string(),
    })
}
