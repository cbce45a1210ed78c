//! Selftest: a corpus of models on an engine and a device, held bit by bit against the oracle and the reference
//! engine, as a table to send in.
//!
//! Outputs are compared on all assignments where inputs are few and on a sample from a printed seed elsewhere;
//! streams are compared number by number after every layer of every loop, on some assignments.

use std::fmt;
use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::compile::{Options, compile};
use crate::error::{Error, Result};
use crate::family::generate;
use crate::model::{Dtype, Model};
use crate::progress::Progress;
use crate::run::{
    self, Dense, Device, DeviceName, Engine, EngineKind, Incremental, Reference, Resident, Step,
};
use crate::verify::bit_string;

/// The engines that can be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tested {
    /// [`Resident`].
    Resident,
    /// [`Incremental`]; outputs only.
    Incremental,
    /// [`Dense`].
    Dense,
    /// [`Dense::with_basic_operations`].
    DenseBasic,
    /// The resident engine as compute shaders.
    Gpu,
}

impl Tested {
    /// All of them.
    pub const ALL: [Tested; 5] =
        [Tested::Resident, Tested::Incremental, Tested::Dense, Tested::DenseBasic, Tested::Gpu];

    /// What runs on the processor.
    const ON_PROCESSOR: [Tested; 4] =
        [Tested::Resident, Tested::Incremental, Tested::Dense, Tested::DenseBasic];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Tested::Resident => "resident",
            Tested::Incremental => "incremental",
            Tested::Dense => "dense",
            Tested::DenseBasic => "dense-basic",
            Tested::Gpu => "gpu",
        }
    }

    /// What it is, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Tested::Resident => "The forward pass, partially evaluated",
            Tested::Incremental => {
                "The resident engine, looking up only what can have changed; outputs only"
            }
            Tested::Dense => "The literal forward pass on many assignments at once",
            Tested::DenseBasic => {
                "The same out of the operations that other devices than the processor run"
            }
            Tested::Gpu => EngineKind::Gpu.about(),
        }
    }

    /// The name, and of the gpu engine the device, so that each line says where its result comes from.
    fn label(self) -> Result<String> {
        match self {
            Tested::Gpu => run::gpu_name(),
            _ => Ok(self.name().to_string()),
        }
    }

    fn prepare<'m>(self, model: &'m Model, device: &Device) -> Result<Box<dyn Engine + 'm>> {
        Ok(match self {
            Tested::Resident => Box::new(Resident::new(model)?),
            Tested::Incremental => Box::new(Incremental::new(model)?),
            Tested::Dense => Box::new(Dense::new(model, device)?),
            Tested::DenseBasic => Box::new(Dense::with_basic_operations(model, device)?),
            Tested::Gpu => return run::prepare(model, EngineKind::Gpu, DeviceName::Cpu, &()),
        })
    }

    /// Whether the engine has a stream to compare.
    fn holds_streams(self) -> bool {
        self != Tested::Incremental
    }
}

impl FromStr for Tested {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Tested::ALL.into_iter().find(|tested| tested.name() == name);
        let names = Tested::ALL.map(Tested::name).join(", ");
        found.ok_or_else(|| Error::new(format!("an engine: {names}"), format!("{name:?}")))
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

/// Up to so many inputs all assignments are run: 256 of them take the slowest engine a moment.
const FEW_INPUTS: usize = 8;
/// Assignments of a sample, elsewhere.
const SAMPLES: usize = 100;
/// Assignments whose streams are compared; a fault in the arithmetic shows in any.
const TRACED: usize = 2;

/// What is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// The device of the dense engine.
    pub device: DeviceName,
    /// None: all that run on the device.
    pub engine: Option<Tested>,
    /// Seed of the sampled assignments.
    pub seed: u64,
}

/// What became of all models on all engines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    version: &'static str,
    os: &'static str,
    processor: String,
    device: String,
    seed: u64,
    /// In the order of the engines.
    pub rows: Vec<Row>,
    verdict: String,
}

/// What became of one model on one engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The engine, with its device where that is not the plan's.
    pub engine: String,
    /// The circuit and the flags that its model is compiled with.
    pub case: String,
    /// The model's.
    pub dtype: &'static str,
    /// How many, and whether these are all.
    pub assignments: String,
    /// The first difference.
    pub failure: Option<String>,
}

impl Plan {
    /// Compares every model of the corpus on every engine.
    ///
    /// # Errors
    /// The device does not answer, the engine does not run on it or is not in this build, or it was cancelled.
    pub fn run(&self, progress: &dyn Progress) -> Result<Table> {
        let device = Device::open(self.device)?;
        let engines = self.engines()?;
        let cases = CORPUS.iter().flat_map(|case| self.dtypes().map(move |dtype| (case, dtype)));
        let cases: Vec<_> = cases.collect();
        let labels = engines.iter().map(|engine| engine.label()).collect::<Result<Vec<_>>>()?;
        let total = (cases.len() * engines.len()) as u64;
        progress.begin(total, "models");
        let mut rows: Vec<Row> = Vec::new();
        for (case, dtype) in cases {
            let circuit = generate(case.spec)?;
            let model = compile(&circuit, "", &options(case, dtype))?;
            let (inputs, assignments) = assignments(&circuit, self.seed);
            let truth = Truth { circuit: &circuit, model: &model, inputs: &inputs };
            for (&engine, label) in engines.iter().zip(&labels) {
                if progress.is_cancelled() {
                    return Err(Error::cancelled(rows.len() as u64, total, "models were compared"));
                }
                let failure = truth
                    .first_difference(&model, engine, &device)
                    .unwrap_or_else(|error| Some(format!("error: {error}")));
                let (engine, case, dtype) = (label.clone(), describe(case), dtype.name());
                let assignments = assignments.clone();
                rows.push(Row { engine, case, dtype, assignments, failure });
                progress.advance(1);
            }
        }
        rows.sort_by_key(|row| labels.iter().position(|label| *label == row.engine));
        Ok(self.table(rows))
    }

    fn engines(&self) -> Result<Vec<Tested>> {
        match (self.device, self.engine) {
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
    fn dtypes(&self) -> impl Iterator<Item = Dtype> + use<> {
        let device = self.device;
        Dtype::ALL.into_iter().filter(move |&d| device != DeviceName::Metal || d != Dtype::F64)
    }

    fn table(&self, rows: Vec<Row>) -> Table {
        let passed = rows.iter().filter(|row| row.failure.is_none()).count();
        let word = if passed == rows.len() { "PASSED" } else { "FAILED" };
        Table {
            version: env!("CARGO_PKG_VERSION"),
            os: std::env::consts::OS,
            processor: run::processor(),
            device: self.device.to_string(),
            seed: self.seed,
            verdict: format!("{word} {passed} of {} models", rows.len()),
            rows,
        }
    }
}

impl Table {
    /// Whether there was no difference.
    pub fn has_passed(&self) -> bool {
        self.rows.iter().all(|row| row.failure.is_none())
    }
}

impl fmt::Display for Table {
    /// The last line is the verdict.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { version, os, processor, device, seed, rows, verdict } = self;
        writeln!(f, "circuit2tf {version} on {os}, {processor}\ndevice {device}, seed {seed}\n")?;
        for Row { engine, case, dtype, assignments, failure } in rows {
            write!(f, "{engine:11} {dtype:4} {case:50} {assignments:11} ")?;
            match failure {
                None => writeln!(f, "ok")?,
                Some(failure) => writeln!(f, "FAIL {failure}")?,
            }
        }
        write!(f, "\n{verdict}")
    }
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

/// What is right: the circuit, and the reference engine on its model.
struct Truth<'a> {
    circuit: &'a Circuit,
    model: &'a Model,
    inputs: &'a Batch,
}

impl Truth<'_> {
    /// The first difference of an engine that runs `model`, which should be the same model.
    fn first_difference(
        &self,
        model: &Model,
        tested: Tested,
        device: &Device,
    ) -> Result<Option<String>> {
        let reference = Reference::new(self.model)?;
        let engine = tested.prepare(model, device)?;
        let n_loops = self.model.n_loops;
        let outputs = engine.run(self.inputs, n_loops)?;
        for (other, right) in [
            ("the circuit", Oracle::new(self.circuit)?.run(self.inputs)?),
            ("reference", reference.run(self.inputs, n_loops)?),
        ] {
            if let Some((a, output)) = right.first_difference(&outputs) {
                let input = bit_string(&self.inputs.column(a));
                return Ok(Some(format!("input {input}: output {output} is not that of {other}")));
            }
        }
        if tested.holds_streams() { self.streams(&reference, &*engine) } else { Ok(None) }
    }

    /// The first number of a stream that is not the reference engine's.
    fn streams(&self, reference: &Reference, engine: &dyn Engine) -> Result<Option<String>> {
        for a in 0..TRACED.min(self.inputs.n_assignments()) {
            let input = self.inputs.column(a);
            let steps = |engine: &dyn Engine| -> Result<Vec<Step>> {
                let mut steps = Vec::new();
                engine.trace(&input, self.model.n_loops, &mut |step| steps.push(step))?;
                Ok(steps)
            };
            let (right, found) = (steps(reference)?, steps(engine)?);
            if let Some(difference) = first_number(&right, &found) {
                return Ok(Some(format!("input {}: {difference}", bit_string(&input))));
            }
            if right.len() != found.len() {
                return Ok(Some(format!("{} streams for {}", found.len(), right.len())));
            }
        }
        Ok(None)
    }
}

/// Where two traces first differ.
fn first_number(right: &[Step], found: &[Step]) -> Option<String> {
    right.iter().zip(found).find_map(|(right, found)| {
        let mut numbers = right.stream.indexed_iter().zip(&found.stream);
        let (((position, channel), right), number) = numbers.find(|((_, x), y)| x != y)?;
        let n_steps = found.n_steps;
        let place = format!("position {position}, channel {channel}, after {n_steps} layers");
        Some(format!("{number} for {right} at {place}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parts;

    /// The model with one number changed.
    fn corrupted(model: &Model, change: fn(&mut Parts)) -> Model {
        let mut parts = model.clone().into_parts();
        change(&mut parts);
        Model::new(parts).expect("the shapes are the same")
    }

    #[test]
    fn an_engine_that_computes_something_else_is_found() {
        let circuit = generate("adder:2").unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let (inputs, _) = assignments(&circuit, 0);
        let truth = Truth { circuit: &circuit, model: &model, inputs: &inputs };
        let check =
            |other: &Model, engine| truth.first_difference(other, engine, &Device::cpu()).unwrap();
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
        let row = |failure: Option<&str>| Row {
            engine: "dense".to_string(),
            case: "adder:2".to_string(),
            dtype: "f32",
            assignments: "all 16".to_string(),
            failure: failure.map(str::to_string),
        };
        let good = Plan::default().table(vec![row(None)]);
        let bad = Plan::default().table(vec![row(None), row(Some("another bit"))]);
        assert_eq!((good.has_passed(), bad.has_passed()), (true, false));
        assert!(bad.to_string().ends_with("FAILED 1 of 2 models"));
    }

    #[test]
    fn being_stopped_is_an_error_of_its_kind() {
        let stopped = Plan::default().run(&std::sync::atomic::AtomicBool::new(true));
        assert!(stopped.unwrap_err().is_cancelled());
    }
}
