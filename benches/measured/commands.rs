//! Whole commands from process start: files are read, engines prepared, results printed.
//!
//! A figure is the best of several runs, and what is printed is held against known answers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use circuit2tf::model::{Model, file};
use circuit2tf::run::{Engine, Incremental, Resident, Work};
use circuit2tf::{Error, Result};
use wait4::Wait4;

use crate::machine::{self, Machine};
use crate::runs::pattern;
use crate::{Asked, Row, Unit, n_cores};

/// Seconds after which a command is not repeated.
const ENOUGH: f64 = 2.0;
const MAX_RUNS: usize = 7;
/// Runs of the command that does nothing.
const STARTS: usize = 50;
/// Assignments that look-ups are counted of.
const SAMPLE: usize = 1 << 12;

const MODEL: &str = "m.safetensors";
const CIRCUIT: &str = "c.json";

/// A command, run where its family's model and circuit lie.
struct Case {
    what: &'static str,
    spec: &'static str,
    arguments: &'static [&'static str],
    /// What `--set` is given.
    inputs: &'static [&'static str],
    /// Part of what is printed.
    answer: &'static str,
    unit: Unit,
    target: f64,
    demand: Demand,
    /// If not the model's own.
    n_loops: Option<usize>,
    /// Unless `--all` is asked for, the first of so many parts is run.
    n_parts: u32,
}

/// What the engine cannot do without.
#[derive(Debug, Clone, Copy)]
enum Demand {
    /// Every number after every layer.
    EveryLayer,
    /// Every number once.
    Once,
}

const AES_INPUTS: [&str; 2] =
    ["key=0x000102030405060708090a0b0c0d0e0f", "plaintext=0x00112233445566778899aabbccddeeff"];
const AES_ANSWER: &str = "69c4e0d86a7b0430d8cdb78070b4c55a";

/// The message `abc`, padded, and the start of the state (FIPS 180-4).
const SHA_INPUTS: [&str; 2] = [
    "block=0x6162638000000000000000000000000000000000000000000000000000000000\
     0000000000000000000000000000000000000000000000000000000000000018",
    "state=0x6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19",
];
const SHA_ANSWER: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A run of one input by the default engine.
const ONE: Case = Case {
    what: "",
    spec: "",
    arguments: &["run", MODEL, "--json"],
    inputs: &[],
    answer: "",
    unit: Unit::Wall,
    target: 0.0,
    demand: Demand::Once,
    n_loops: None,
    n_parts: 1,
};

/// All inputs by the default engine.
const EXHAUSTIVE: Case = Case {
    arguments: &["verify", MODEL, CIRCUIT, "--method", "exhaustive"],
    answer: "VERIFIED",
    ..ONE
};

const CASES: [Case; 9] = [
    Case {
        what: "parity:16, all 65,536 inputs, resident",
        spec: "parity:16",
        arguments: &["verify", MODEL, CIRCUIT, "--method", "exhaustive", "--engine", "resident"],
        unit: Unit::Cpu,
        target: 0.03,
        demand: Demand::EveryLayer,
        ..EXHAUSTIVE
    },
    Case {
        what: "parity:16, all 65,536 inputs, incremental",
        spec: "parity:16",
        unit: Unit::Cpu,
        target: 0.03,
        ..EXHAUSTIVE
    },
    Case {
        what: "random, 1,000 gates, one input",
        spec: "random:n=16,gates=1000,seed=1",
        arguments: &["run", MODEL, "0110100110010110"],
        target: 0.005,
        ..ONE
    },
    Case {
        what: "random, 10,000 gates, one input",
        spec: "random:n=16,gates=10000,seed=1",
        arguments: &["run", MODEL, "0110100110010110"],
        target: 1.0,
        ..ONE
    },
    Case {
        what: "sha256 of abc, 5,331 loops, resident",
        spec: "sha256",
        // As many loops as the published circuit of SHA-256 has levels.
        arguments: &["run", MODEL, "--json", "--engine", "resident", "--loops", "5331"],
        inputs: &SHA_INPUTS,
        answer: SHA_ANSWER,
        target: 5.0,
        demand: Demand::EveryLayer,
        n_loops: Some(5331),
        ..ONE
    },
    Case {
        what: "sha256 of abc, incremental",
        spec: "sha256",
        inputs: &SHA_INPUTS,
        answer: SHA_ANSWER,
        target: 0.1,
        ..ONE
    },
    Case {
        what: "aes128, FIPS-197, incremental",
        spec: "aes128",
        inputs: &AES_INPUTS,
        answer: AES_ANSWER,
        target: 0.1,
        ..ONE
    },
    Case {
        what: "mult:12, all 16,777,216 inputs, resident",
        spec: "mult:12",
        arguments: &["verify", MODEL, CIRCUIT, "--method", "exhaustive", "--engine", "resident"],
        target: 600.0,
        demand: Demand::EveryLayer,
        n_parts: 16,
        ..EXHAUSTIVE
    },
    Case {
        what: "mult:12, all 16,777,216 inputs, incremental",
        spec: "mult:12",
        target: 60.0,
        ..EXHAUSTIVE
    },
];

/// What a process took, in seconds and MiB.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    pub wall: f64,
    pub cpu: f64,
    pub peak: f64,
}

impl Used {
    fn least(self, other: Used) -> Used {
        Used {
            wall: self.wall.min(other.wall),
            cpu: self.cpu.min(other.cpu),
            peak: self.peak.min(other.peak),
        }
    }

    fn in_unit(self, unit: Unit) -> f64 {
        if unit == Unit::Cpu { self.cpu } else { self.wall }
    }
}

/// The commands' figures, and where their models lie.
pub struct Measured {
    folder: tempfile::TempDir,
    /// A command that does nothing.
    pub start: Used,
    cases: Vec<(Case, Used, u32)>,
}

/// Runs the commands.
///
/// # Errors
/// One fails, or prints another answer.
pub fn measure(asked: &Asked) -> Result<Measured> {
    let folder = tempfile::tempdir().map_err(|error| Error::message(error.to_string()))?;
    let start = |_| once(folder.path(), &["--version"], "circuit2tf");
    let starts: Vec<Used> = (0..STARTS).map(start).collect::<Result<_>>()?;
    let start = starts.into_iter().reduce(Used::least).expect("there are some");
    let mut measured = Measured { folder, start, cases: Vec::new() };
    for case in CASES {
        if !asked.for_row(case.what) {
            continue;
        }
        let place = measured.place(&case);
        if !place.exists() {
            std::fs::create_dir(&place).map_err(|error| Error::message(error.to_string()))?;
            // Not in this process, which is to stay small.
            once(&place, &["compile", case.spec, "-o", MODEL], "")?;
            once(&place, &["gen", case.spec, "-o", CIRCUIT], "")?;
        }
        let n_parts = if asked.all { 1 } else { case.n_parts };
        let used = best(&place, &case, n_parts)?;
        measured.cases.push((case, used, n_parts));
    }
    Ok(measured)
}

impl Measured {
    /// The folder of the case's family.
    fn place(&self, case: &Case) -> PathBuf {
        self.folder.path().join(case.spec.replace(':', "-"))
    }

    /// The figures beside their limits.
    ///
    /// # Errors
    /// A model does not read, or the resident engine refuses it.
    pub fn rows(&self, machine: &Machine) -> Result<Vec<Row>> {
        self.cases.iter().map(|case| self.row(case, machine)).collect()
    }

    fn row(&self, (case, used, n_parts): &(Case, Used, u32), machine: &Machine) -> Result<Row> {
        let model = read(&self.place(case).join(MODEL))?;
        let files: f64 = case
            .arguments
            .iter()
            .filter_map(|argument| std::fs::metadata(self.place(case).join(argument)).ok())
            .map(|file| file.len() as f64 / machine::loads(file.len() as usize))
            .sum();
        let n_cores = if case.unit == Unit::Cpu { 1.0 } else { n_cores() as f64 };
        let work = seconds(case, &model, machine)?;
        let start = self.start.in_unit(case.unit);
        let limit = start + (files + work) / n_cores;
        Ok(Row {
            what: case.what.to_string(),
            unit: case.unit,
            figure: Some(f64::from(*n_parts) * used.in_unit(case.unit)),
            target: Some(case.target),
            limit: Some(limit),
            peak: Some(used.peak),
            note: format!(
                "limit: start {start:.4} + (files {files:.4} + work {work:.4}) / {n_cores}{}{}",
                if *n_parts == 1 {
                    String::new()
                } else {
                    format!("; extrapolated from 1/{n_parts}")
                },
                looked_up(case, &model)?
            ),
        })
    }
}

/// How often the incremental engine looks a number up, where the limit says once.
fn looked_up(case: &Case, model: &Model) -> Result<String> {
    if !matches!(case.demand, Demand::Once) || n_assignments(case, model) == 1.0 {
        return Ok(String::new());
    }
    let incremental = Incremental::new(model)?;
    incremental.run(&pattern(model.input_positions.len(), SAMPLE), model.n_loops)?;
    let n_layers = model.schedule_of(model.n_loops).n_steps() as f64;
    let Work { computed, skipped } = incremental.work();
    let share = computed as f64 / (computed + skipped) as f64;
    Ok(format!("; numbers are looked up {:.1} times each", n_layers * share))
}

fn read(path: &Path) -> Result<Model> {
    let bytes = std::fs::read(path).map_err(|error| Error::message(error.to_string()))?;
    file::from_bytes(&bytes, &path.display().to_string())
}

/// Least seconds of one core for the case's work.
fn seconds(case: &Case, model: &Model, machine: &Machine) -> Result<f64> {
    let resident = Resident::new(model)?;
    let cost = resident.cost();
    let n_assignments = n_assignments(case, model);
    let n_layers = model.schedule_of(case.n_loops.unwrap_or(model.n_loops)).n_steps() as f64;
    let n_numbers = (model.n_ctx() * resident.n_kept()) as f64;
    let state = 4 * model.n_ctx() * resident.n_kept();
    let picked = cost.reads / machine.picks;
    Ok(match (case.demand, n_assignments > 1.0) {
        (Demand::EveryLayer, true) => {
            let each = machine.by_instructions(cost).max(machine.by_bytes(cost));
            n_assignments * n_layers * n_numbers * each
        }
        (Demand::EveryLayer, false) => {
            let each = machine.by_instructions(cost).max(picked);
            let copy = state as f64 / machine::copies(state);
            n_layers * copy.max(n_numbers * each)
        }
        (Demand::Once, true) => n_numbers * n_assignments / 8.0 / machine.stores,
        (Demand::Once, false) => n_numbers * picked,
    })
}

fn n_assignments(case: &Case, model: &Model) -> f64 {
    match case.arguments[0] {
        "verify" => (model.input_positions.len() as f64).exp2(),
        _ => 1.0,
    }
}

/// The least that several runs take.
fn best(place: &Path, case: &Case, n_parts: u32) -> Result<Used> {
    let part = format!("1/{n_parts}");
    let mut arguments = case.arguments.to_vec();
    case.inputs.iter().for_each(|input| arguments.extend(["--set", input]));
    let answer = if n_parts == 1 {
        case.answer
    } else {
        arguments.extend(["--shard", &part, "-o", "part.json"]);
        "no difference"
    };
    let start = Instant::now();
    let mut best = once(place, &arguments, answer)?;
    for _ in 1..MAX_RUNS {
        if start.elapsed().as_secs_f64() > ENOUGH {
            break;
        }
        best = best.least(once(place, &arguments, answer)?);
    }
    Ok(best)
}

/// Runs the program; `answer` is part of what it is to print.
fn once(place: &Path, arguments: &[&str], answer: &str) -> Result<Used> {
    let command = arguments.join(" ");
    let failed = |error: std::io::Error| Error::message(format!("{command}: {error}"));
    let printed = place.join("printed");
    let stdout = std::fs::File::create(&printed).map_err(failed)?;
    let mut program = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
    program.current_dir(place).args(arguments).stdout(stdout).stderr(Stdio::null());
    let start = Instant::now();
    let used = program.spawn().map_err(failed)?.wait4().map_err(failed)?;
    let wall = start.elapsed().as_secs_f64();
    let text = std::fs::read_to_string(&printed).map_err(failed)?;
    if !used.status.success() || !text.contains(answer) {
        return Err(Error::new(format!("{command} to print {answer:?}"), text));
    }
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok(Used { wall, cpu, peak: used.rusage.maxrss as f64 / 1_048_576.0 })
}
