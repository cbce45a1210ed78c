//! The program from process start: wall time, processor time and peak of memory of whole commands, each
//! beside what was aimed at.
//!
//! A line is the best of several runs, in which files are read, engines prepared and results printed.
//! Known answers are held against what is printed. `benches/engines.rs` has the engines alone, with what
//! bounds them, and `benches/dense.rs` the comparison with PyTorch.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use circuit2tf::{Error, Result};
use wait4::Wait4;

/// Seconds after which a command is not repeated.
const ENOUGH: f64 = 2.0;
const MAX_RUNS: usize = 7;

/// A command, run where its family's model and circuit lie.
struct Case {
    spec: &'static str,
    arguments: &'static [&'static str],
    /// What `--set` is given.
    inputs: &'static [&'static str],
    /// Seconds of wall time.
    target: f64,
    /// Part of what is printed.
    answer: &'static str,
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

const EXHAUSTIVE: [&str; 5] = ["verify", "m.safetensors", "c.json", "--method", "exhaustive"];
const ONE_INPUT: [&str; 3] = ["run", "m.safetensors", "0110100110010110"];
const RUN: [&str; 3] = ["run", "m.safetensors", "--json"];
const RESIDENT: [&str; 5] = ["run", "m.safetensors", "--json", "--engine", "resident"];
/// As many loops as the published circuit of SHA-256 has levels.
const ALL_LEVELS: [&str; 7] =
    ["run", "m.safetensors", "--json", "--engine", "resident", "--loops", "5331"];

const fn case(spec: &'static str, arguments: &'static [&'static str], target: f64) -> Case {
    Case { spec, arguments, inputs: &[], target, answer: "" }
}

const fn known(
    inputs: &'static [&'static str],
    answer: &'static str,
    Case { spec, arguments, target, .. }: Case,
) -> Case {
    Case { spec, arguments, inputs, target, answer }
}

const CASES: [Case; 8] = [
    known(&[], "VERIFIED", case("parity:16", &EXHAUSTIVE, 0.03)),
    case("random:n=16,gates=1000,seed=1", &ONE_INPUT, 0.005),
    case("random:n=16,gates=10000,seed=1", &ONE_INPUT, 1.0),
    known(&AES_INPUTS, AES_ANSWER, case("aes128", &RUN, 0.1)),
    known(&SHA_INPUTS, SHA_ANSWER, case("sha256", &RUN, 0.1)),
    known(&SHA_INPUTS, SHA_ANSWER, case("sha256", &RESIDENT, 5.0)),
    known(&SHA_INPUTS, SHA_ANSWER, case("sha256", &ALL_LEVELS, 5.0)),
    known(&[], "VERIFIED", case("mult:12", &EXHAUSTIVE, 60.0)),
];

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("circuit2tf-commands-{}", std::process::id()));
    let failed = |error: std::io::Error| Error::message(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let done = table(&folder);
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    done
}

fn table(folder: &Path) -> Result<()> {
    println!("{:>9} {:>9} {:>9} {:>6}  command", "wall s", "cpu s", "target", "MiB");
    // A word picks families: `cargo bench --bench commands -- sha256`.
    let picked = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    for case in CASES {
        if picked.as_ref().is_some_and(|word| !case.spec.contains(word)) {
            continue;
        }
        // Not in this process: a child's peak counts what its parent held when it was started.
        once(folder, case.spec, &["compile", case.spec, "-o", "m.safetensors"], "")?;
        once(folder, case.spec, &["gen", case.spec, "-o", "c.json"], "")?;
        let [wall, cpu, peak] = best(folder, &case)?;
        println!(
            "{wall:>9.4} {cpu:>9.4} {:>9} {:>6.0}  {}: {}",
            case.target,
            peak / 1_048_576.0,
            case.spec,
            case.arguments.join(" ")
        );
    }
    Ok(())
}

/// Seconds of wall time and of processor time, and bytes, each the least of several runs.
fn best(folder: &Path, case: &Case) -> Result<[f64; 3]> {
    let set = case.inputs.iter().flat_map(|&input| ["--set", input]);
    let arguments: Vec<&str> = case.arguments.iter().copied().chain(set).collect();
    let (mut best, start) = ([f64::INFINITY; 3], Instant::now());
    for _ in 0..MAX_RUNS {
        let found = once(folder, case.spec, &arguments, case.answer)?;
        best = std::array::from_fn(|i| best[i].min(found[i]));
        if start.elapsed().as_secs_f64() > ENOUGH {
            break;
        }
    }
    Ok(best)
}

/// Runs the program; `answer` is part of what it is to print.
fn once(folder: &Path, spec: &str, arguments: &[&str], answer: &str) -> Result<[f64; 3]> {
    let failed = |error: std::io::Error| Error::message(format!("{spec}: {error}"));
    let printed = folder.join("printed");
    let stdout = std::fs::File::create(&printed).map_err(failed)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
    command.current_dir(folder).args(arguments).stdout(stdout).stderr(Stdio::null());
    let start = Instant::now();
    let used = command.spawn().map_err(failed)?.wait4().map_err(failed)?;
    let wall = start.elapsed().as_secs_f64();
    let text = std::fs::read_to_string(&printed).map_err(failed)?;
    if !used.status.success() || !text.contains(answer) {
        return Err(Error::new(format!("{spec} to print {answer:?}"), text));
    }
    let cpu = used.rusage.utime + used.rusage.stime;
    Ok([wall, cpu.as_secs_f64(), used.rusage.maxrss as f64])
}
