//! `selftest`: a corpus of models on an engine and a device, held bit by bit against the oracle and the
//! reference engine, as a table to send in.
//!
//! Outputs are compared on all assignments where inputs are few and on a sample from a printed seed
//! elsewhere; streams are compared number by number after every layer of every loop, on some assignments.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Circuit, Oracle};
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Dense, Device, DeviceName, Engine, Incremental, Reference, Resident};
use circuit2tf::verify::{Progress, bit_string};
use circuit2tf::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{Report, devices, progress::Bar};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The device: cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceName,
    /// The engine; by default all that run on the device, which for gpu is the one that `devices` lists first
    #[arg(long, value_enum)]
    engine: Option<Tested>,
    /// Seed of the sampled assignments
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

/// The engines that can be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Tested {
    /// The forward pass, partially evaluated
    Resident,
    /// The resident engine, looking up only what can have changed; outputs only
    Incremental,
    /// The literal forward pass on many assignments at once
    Dense,
    /// The same out of the operations that other devices than the processor run
    DenseBasic,
    /// The resident engine on a GPU, as compute shaders; needs a build with `--features gpu`
    Gpu,
}

impl Tested {
    /// What runs on the processor.
    const ON_PROCESSOR: [Tested; 4] =
        [Tested::Resident, Tested::Incremental, Tested::Dense, Tested::DenseBasic];

    fn name(self) -> &'static str {
        match self {
            Tested::Resident => "resident",
            Tested::Incremental => "incremental",
            Tested::Dense => "dense",
            Tested::DenseBasic => "dense-basic",
            Tested::Gpu => "gpu",
        }
    }

    /// The name, and of the gpu engine the device, so that each line says where its result comes from.
    ///
    /// # Errors
    /// There is no such device, or this program was built without the engine.
    fn label(self) -> Result<String> {
        match self {
            Tested::Gpu => gpu::label(),
            _ => Ok(self.name().to_string()),
        }
    }
}

/// A circuit and what its model is like; every case is run in every dtype.
struct Case {
    spec: &'static str,
    layers: usize,
    heads: usize,
    unroll: bool,
    causal: bool,
}

const fn case(spec: &'static str, layers: usize, heads: usize) -> Case {
    Case { spec, layers, heads, unroll: false, causal: false }
}

/// Trees, chains, arithmetic, selection, sorting, codes, and gates at random.
const CORPUS: [Case; 10] = [
    case("parity:8", 1, 2),
    Case { causal: true, ..case("parity-chain:6", 2, 2) },
    case("adder:4", 3, 2),
    Case { unroll: true, ..case("mult:3", 1, 2) },
    case("majority:7", 1, 3),
    Case { causal: true, ..case("mux:2", 1, 4) },
    case("sort-bitonic:4", 2, 2),
    Case { unroll: true, causal: true, ..case("comparator:3", 1, 3) },
    case("hamming74", 1, 6),
    case("random:n=16,gates=100,seed=1", 2, 2),
];

/// Up to so many inputs all assignments are run.
const FEW_INPUTS: usize = 8;
/// Assignments of a sample.
const SAMPLES: usize = 100;
/// Assignments whose streams are compared.
const TRACED: usize = 2;

/// What became of one model on one engine.
struct Row {
    engine: String,
    case: String,
    dtype: Dtype,
    assignments: String,
    /// The first difference.
    failure: Option<String>,
}

pub fn main(args: &Args) -> Result<Report> {
    let device = Device::open(args.device)?;
    let engines = engines(args)?;
    let cases = CORPUS.iter().flat_map(|case| dtypes(args.device).map(move |dtype| (case, dtype)));
    let cases: Vec<_> = cases.collect();
    let labels = engines.iter().map(|engine| engine.label()).collect::<Result<Vec<_>>>()?;
    let bar = Bar::counting((cases.len() * engines.len()) as u64, "models");
    let mut rows = Vec::new();
    for (case, dtype) in cases {
        let circuit = generate(case.spec)?;
        let model = compile(&circuit, "", &options(case, dtype))?;
        for (&engine, label) in engines.iter().zip(&labels) {
            if bar.is_cancelled() {
                return Err(Error::message("stopped before all models were compared"));
            }
            let (inputs, assignments) = assignments(&circuit, args.seed);
            let failure = first_difference(&circuit, &model, &model, engine, &device, &inputs)
                .unwrap_or_else(|error| Some(format!("error: {error}")));
            let case = describe(case);
            rows.push(Row { engine: label.clone(), case, dtype, assignments, failure });
            bar.advance(1);
        }
    }
    rows.sort_by_key(|row| labels.iter().position(|label| *label == row.engine));
    Ok(report(args, &rows))
}

fn engines(args: &Args) -> Result<Vec<Tested>> {
    match (args.device, args.engine) {
        (DeviceName::Cpu, Some(engine)) => Ok(vec![engine]),
        (DeviceName::Cpu, None) => Ok(Tested::ON_PROCESSOR.to_vec()),
        (_, None | Some(Tested::Dense)) => Ok(vec![Tested::Dense]),
        (device, Some(engine)) => {
            let found = format!("--engine {} on {device}", engine.name());
            Err(Error::new("--engine dense for another device than cpu", found))
        }
    }
}

/// Apple devices have no f64.
fn dtypes(device: DeviceName) -> impl Iterator<Item = Dtype> {
    Dtype::ALL.into_iter().filter(move |&d| device != DeviceName::Metal || d != Dtype::F64)
}

fn options(case: &Case, dtype: Dtype) -> Options {
    let &Case { layers, heads, unroll, causal, .. } = case;
    Options { layers, heads, dtype, unroll, causal, ..Options::default() }
}

fn describe(case: &Case) -> String {
    let flag = |is: bool, text: &str| if is { text.to_string() } else { String::new() };
    let layers = flag(!case.unroll, &format!(" --layers {}", case.layers));
    let (unroll, causal) = (flag(case.unroll, " --unroll"), flag(case.causal, " --causal"));
    format!("{}{layers}{unroll} --heads {}{causal}", case.spec, case.heads)
}

fn assignments(circuit: &Circuit, seed: u64) -> (Batch, String) {
    let n = circuit.inputs().len();
    if n <= FEW_INPUTS {
        return (Batch::counting(n, 0, 1 << n), format!("all {}", 1 << n));
    }
    let mut inputs = Batch::zeros(n, SAMPLES);
    ChaCha8Rng::seed_from_u64(seed).fill(inputs.raw_mut());
    (inputs, format!("{SAMPLES} sampled"))
}

/// The first difference between the engine running `model` on one side and, on the other, the circuit and
/// the reference engine running `expected`, which is the same model.
fn first_difference(
    circuit: &Circuit,
    expected: &Model,
    model: &Model,
    engine: Tested,
    device: &Device,
    inputs: &Batch,
) -> Result<Option<String>> {
    let reference = Reference::new(expected)?;
    let n_loops = expected.n_loops;
    let truth = Oracle::new(circuit)?.run(inputs)?;
    let by_reference = reference.run(inputs, n_loops)?;
    let outputs = |tested: &dyn Engine| -> Result<Option<String>> {
        let outputs = tested.run(inputs, n_loops)?;
        for (other, right) in [("the circuit", &truth), ("reference", &by_reference)] {
            if let Some((a, output)) = right.first_difference(&outputs) {
                let input = bit_string(&inputs.column(a));
                return Ok(Some(format!("input {input}: output {output} is not that of {other}")));
            }
        }
        Ok(None)
    };
    let compare = |tested: &dyn Engine, trace: &mut Trace| match outputs(tested)? {
        None => streams(&reference, trace, inputs, n_loops),
        found => Ok(found),
    };
    match engine {
        Tested::Resident => {
            let tested = Resident::new(model)?;
            compare(&tested, &mut |input, n_loops, see| {
                tested.trace(input, n_loops, |_, stream| see(stream.iter().copied().collect()))
            })
        }
        Tested::Incremental => outputs(&Incremental::new(model)?),
        Tested::Dense | Tested::DenseBasic => {
            let tested = match engine {
                Tested::Dense => Dense::new(model, device)?,
                _ => Dense::with_basic_operations(model, device)?,
            };
            compare(&tested, &mut |input, n_loops, see| {
                tested.trace(input, n_loops, |step| see(step.stream.iter().copied().collect()))
            })
        }
        Tested::Gpu => gpu::compare(model, &compare),
    }
}

/// A comparison of an engine and its streams.
type Compare<'c> = &'c dyn Fn(&dyn Engine, &mut Trace) -> Result<Option<String>>;

#[cfg(feature = "gpu")]
mod gpu {
    use circuit2tf::run::gpu::{Device, Gpu};

    use super::{Compare, Model, Result};

    pub fn label() -> Result<String> {
        Ok(format!("gpu on {}", Device::open()?.adapter()))
    }

    pub fn compare(model: &Model, compare: Compare) -> Result<Option<String>> {
        let tested = Gpu::new(model)?;
        compare(&tested, &mut |input, n_loops, see| {
            tested.trace(input, n_loops, |_, stream| see(stream.iter().copied().collect()))
        })
    }
}

#[cfg(not(feature = "gpu"))]
mod gpu {
    use super::{Compare, Model, Result};
    use crate::cli::run::no_gpu;

    pub fn label() -> Result<String> {
        Err(no_gpu())
    }

    pub fn compare(_: &Model, _: Compare) -> Result<Option<String>> {
        Err(no_gpu())
    }
}

/// Shows the numbers of the stream of an input before the first layer and after each.
type Trace<'t> = dyn FnMut(&[bool], usize, &mut dyn FnMut(Vec<f64>)) -> Result<()> + 't;

/// The first number of a stream that is not the reference engine's.
fn streams(
    reference: &Reference,
    trace: &mut Trace,
    inputs: &Batch,
    n_loops: usize,
) -> Result<Option<String>> {
    for a in 0..TRACED.min(inputs.n_assignments()) {
        let input = inputs.column(a);
        let mut expected = Vec::new();
        reference.trace(&input, n_loops, |step| expected.push(step.stream))?;
        let (mut n_steps, mut found) = (0, None);
        trace(&input, n_loops, &mut |stream| {
            let right = expected.get(n_steps).into_iter().flat_map(|stream| stream.indexed_iter());
            let wrong = right.zip(stream).find(|((_, right), number)| *right != number);
            if let (None, Some((((position, channel), right), number))) = (&found, wrong) {
                let place =
                    format!("position {position}, channel {channel}, after {n_steps} layers");
                found =
                    Some(format!("input {}: {number} for {right} at {place}", bit_string(&input)));
            }
            n_steps += 1;
        })?;
        if found.is_none() && n_steps != expected.len() {
            found = Some(format!("{n_steps} streams for {}", expected.len()));
        }
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn report(args: &Args, rows: &[Row]) -> Report {
    let passed = rows.iter().filter(|row| row.failure.is_none()).count();
    let verdict = if passed == rows.len() { "PASSED" } else { "FAILED" };
    let last = format!("{verdict} {passed} of {} models", rows.len());
    let version = env!("CARGO_PKG_VERSION");
    let processor = devices::describe_processor();
    let mut text = format!(
        "circuit2tf {version} on {}, {processor}\ndevice {}, seed {}\n\n",
        std::env::consts::OS,
        args.device,
        args.seed
    );
    text += &rows.iter().map(line).collect::<String>();
    text += &format!("\n{last}\n");
    let json = json!({
        "version": version,
        "os": std::env::consts::OS,
        "processor": processor,
        "device": args.device.to_string(),
        "seed": args.seed,
        "rows": rows.iter().map(row_json).collect::<Vec<Value>>(),
        "verdict": last,
    });
    Report { text: text.into_bytes(), json, status: u8::from(passed != rows.len()) }
}

fn line(row: &Row) -> String {
    let Row { engine, case, dtype, assignments, failure } = row;
    let dtype = dtype.name();
    let found = failure.as_ref().map_or("ok".to_string(), |failure| format!("FAIL {failure}"));
    format!("{engine:11} {dtype:4} {case:50} {assignments:11} {found}\n")
}

fn row_json(row: &Row) -> Value {
    json!({
        "engine": row.engine,
        "case": row.case,
        "dtype": row.dtype.name(),
        "assignments": row.assignments,
        "failure": row.failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model with one number changed.
    fn corrupted(model: &Model, change: fn(&mut circuit2tf::model::Parts)) -> Model {
        let mut parts = model.clone().into_parts();
        change(&mut parts);
        Model::new(parts).expect("the shapes are the same")
    }

    #[test]
    fn an_engine_that_computes_something_else_is_found() {
        let circuit = generate("adder:2").unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let (inputs, _) = assignments(&circuit, 0);
        let cpu = Device::cpu();
        let check = |other: &Model, engine| {
            first_difference(&circuit, &model, other, engine, &cpu, &inputs).unwrap()
        };
        for engine in [Tested::Resident, Tested::Dense, Tested::DenseBasic] {
            assert_eq!(check(&model, engine), None);
            let flipped = corrupted(&model, |parts| parts.w_u.mapv_inplace(|x| -x));
            let failure = check(&flipped, engine).expect("wrong bits");
            assert!(failure.contains("is not that of the circuit"), "{failure}");
            // Right bits, another stream: channel 0 holds an address of which no value depends on size.
            let scaled = corrupted(&model, |parts| parts.w_pos[[0, 0]] *= 2.0);
            let failure = check(&scaled, engine).expect("another stream");
            assert!(failure.contains("at position 0, channel 0, after 0 layers"), "{failure}");
        }
    }

    #[test]
    fn a_failure_fails_the_whole_test() {
        let args = Args { device: DeviceName::Cpu, engine: None, seed: 0 };
        let row = |failure: Option<&str>| Row {
            engine: "dense".to_string(),
            case: "adder:2".to_string(),
            dtype: Dtype::F32,
            assignments: "all 16".to_string(),
            failure: failure.map(str::to_string),
        };
        let good = report(&args, &[row(None)]);
        let bad = report(&args, &[row(None), row(Some("another bit"))]);
        assert_eq!((good.status, bad.status), (0, 1));
        assert!(String::from_utf8(bad.text).unwrap().ends_with("FAILED 1 of 2 models\n"));
    }
}
