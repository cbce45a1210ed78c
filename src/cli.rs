//! The command line: arguments, one file per command, and what they share.
//!
//! stdout carries the result, stderr the talk. Exit status: 0 done or verified, 1 refuted, 2 error, 3
//! unknown, 130 interrupted.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use circuit2tf::format::FORMATS;
use circuit2tf::table::Tabular;
use circuit2tf::verify::Statement;
use circuit2tf::{Error, Result};
use clap::{FromArgMatches, Parser, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

mod assignments;
mod capacity;
mod check;
mod choice;
mod claims;
mod compare;
mod compile;
mod construct;
mod convert;
mod course;
mod depth;
mod devices;
mod eval;
mod examples;
mod explore;
mod families;
mod halting;
mod info;
#[cfg(feature = "candle")]
mod learn;
mod loops;
mod manual;
mod output;
mod plot;
mod progress;
mod run;
mod selftest;
mod shard;
mod source;
mod subject;
mod talk;
mod trace;
mod verify;

/// Compile Boolean circuits into looped transformers, and prove that the weights compute them.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, long_about = long_about())]
struct Cli {
    /// Print one JSON document on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    /// The module or model that is the circuit, in a Verilog or BLIF file of several
    #[arg(long, global = true, value_name = "NAME")]
    top: Option<String>,
    /// Take the bad states of an AIGER file as outputs, behind its own
    #[arg(long, global = true)]
    bad_as_outputs: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Threads of the processor to use; all by default
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    #[command(subcommand)]
    command: Command,
}

fn long_about() -> String {
    let mut extensions = FORMATS.map(|format| format!(".{}", format.extension)).to_vec();
    extensions.dedup();
    format!(
        "Compile Boolean circuits into looped transformers, and prove that the weights compute them.\n\n\
         CIRCUIT is a file ({}), `-` for stdin, or a family such as adder:8 (see `circuit2tf families`).",
        extensions.join(" ")
    )
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile a circuit into a model file
    Compile(compile::Args),
    /// Write a model of the theory that is no compiled circuit, or list them
    Construct(construct::Args),
    /// Run a model on inputs
    Run(run::Args),
    /// Evaluate a circuit on inputs, directly
    Eval(eval::Args),
    /// Check that a model computes a circuit
    Verify(verify::Command),
    /// Check a certificate that was kept against a model and a circuit
    Check(check::Args),
    /// Read a circuit back from the weights of a model alone
    Decompile(convert::DecompileArgs),
    /// Find the least number of loops that is right for all inputs
    Loops(loops::Args),
    /// Set the schemes of reasoning side by side, each compiled from the same circuit and verified
    Compare(compare::Args),
    /// Count the loops that a rule for halting takes, over all inputs or a sample
    Halting(halting::Args),
    /// Show how many levels a function needs over several sets of gates
    Depth(depth::Args),
    /// Count all functions of a few variables by least depth
    Census(depth::CensusArgs),
    /// Compare what tokens and latent states can hold with what circuits ask for
    Capacity(capacity::Args),
    /// Measure gradients through loops, and train looped models
    #[cfg(feature = "candle")]
    Learn(learn::Args),
    /// Not in this program: it was built without the cargo feature candle
    #[cfg(not(feature = "candle"))]
    Learn {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        _arguments: Vec<String>,
    },
    /// List what is claimed and how well it stands, or run a claim's check
    Claims(claims::Args),
    /// List the devices that models can run on
    Devices(devices::Args),
    /// Hold the engines on a device against the reference engine and the oracle, as a table to send in
    Selftest(selftest::Args),
    /// Show what every node of a model holds after each layer
    Trace(trace::Args),
    /// Draw a figure as SVG
    Plot(plot::Args),
    /// Write a page in which the model runs, to be watched and broken
    Explore(explore::Args),
    /// Describe a circuit or a model
    Info(info::Args),
    /// Generate a circuit of a family
    Gen(convert::GenArgs),
    /// Read a circuit in one format and write it in another
    Convert(convert::ConvertArgs),
    /// Exercises with hints, a grader and worked answers; problem sheets, grading, the lessons
    Course(course::Args),
    /// List the families of generated circuits, or describe one
    Families(families::Args),
    /// Write the pages of the manual
    Man(manual::ManArgs),
    /// Print a script that completes commands and flags in a shell
    Completions(manual::CompletionsArgs),
    /// Print the JSON Schema of what every command prints with --json
    Schema,
}

/// What a command prints on stdout, and its exit status.
#[derive(Debug, Default)]
struct Report {
    /// For people and pipes; bytes, since a circuit may be binary.
    text: Vec<u8>,
    json: Value,
    status: u8,
}

impl Report {
    /// A result in its usual form.
    fn shown(found: &impl Tabular) -> Result<Self> {
        output::Output::<output::Table>::default().plan()?.report(found)
    }

    /// A verdict and no more.
    fn of(statement: &Statement) -> Self {
        Report::about(statement, statement)
    }

    /// What led to a verdict, which the status says.
    fn about(found: &(impl Display + Serialize), statement: &Statement) -> Self {
        let status = statement.verdict.exit_status();
        Report { text: format!("{found}\n").into_bytes(), json: json!(found), status }
    }
}

/// The command of this run: its name and that of what it does, such as `capacity latch`.
static COMMAND: OnceLock<String> = OnceLock::new();

/// One JSON document: what was found, with the command that found it and the program's version.
fn json_text(found: &Value) -> String {
    let mut document = found.clone();
    document["command"] = COMMAND.get().map_or("", String::as_str).into();
    document["program_version"] = circuit2tf::VERSION.into();
    format!("{document:#}\n")
}

/// The names of the command and of those below it.
fn command_name(matches: &clap::ArgMatches) -> String {
    let below = std::iter::successors(matches.subcommand(), |(_, matches)| matches.subcommand());
    below.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

/// The exit status of a program that was interrupted: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

pub fn main() -> ExitCode {
    progress::catch_interrupts();
    let parsed = examples::command().try_get_matches().and_then(|matches| {
        let _ = COMMAND.set(command_name(&matches));
        Cli::from_arg_matches(&matches)
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results, on stdout with status 0; clap gives usage errors 2.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let Cli { json, top, bad_as_outputs, quiet, threads, command } = cli;
    source::set_options(circuit2tf::format::Options { top, bad_as_outputs });
    talk::set_quiet(quiet);
    match use_threads(threads)
        .and_then(|()| dispatch(command))
        .and_then(|report| print(&report, json))
    {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if error.is_cancelled() { INTERRUPTED } else { 2 })
        }
    }
}

/// Limits the threads of everything that runs on several.
fn use_threads(threads: Option<u16>) -> Result<()> {
    let Some(n) = threads else { return Ok(()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n.into()).build_global();
    pool.map_err(|error| Error::message(format!("cannot use {n} threads: {error}")))
}

fn dispatch(command: Command) -> Result<Report> {
    match command {
        Command::Compile(args) => compile::main(&args),
        Command::Construct(args) => construct::main(&args),
        Command::Run(args) => run::main(&args),
        Command::Eval(args) => eval::main(&args),
        Command::Verify(args) => verify::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Decompile(args) => convert::decompile(&args),
        Command::Loops(args) => loops::main(&args),
        Command::Compare(args) => compare::main(&args),
        Command::Halting(args) => halting::main(&args),
        Command::Depth(args) => depth::main(&args),
        Command::Census(args) => depth::census(&args),
        Command::Capacity(args) => capacity::main(&args),
        #[cfg(feature = "candle")]
        Command::Learn(args) => learn::main(&args),
        #[cfg(not(feature = "candle"))]
        Command::Learn { .. } => {
            Err(circuit2tf::Error::not_compiled_in("gradients and training", "candle"))
        }
        Command::Claims(args) => claims::main(&args),
        Command::Devices(args) => devices::main(&args),
        Command::Selftest(args) => selftest::main(&args),
        Command::Trace(args) => trace::main(&args),
        Command::Plot(args) => plot::main(&args),
        Command::Explore(args) => explore::main(&args),
        Command::Info(args) => info::main(&args),
        Command::Gen(args) => convert::generate(&args),
        Command::Convert(args) => convert::convert(&args),
        Command::Course(args) => course::main(&args),
        Command::Families(args) => families::main(&args),
        Command::Man(args) => manual::man(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Schema => manual::schema(),
    }
}

fn print(report: &Report, json: bool) -> Result<u8> {
    let mut stdout = io::stdout().lock();
    let written = if json {
        stdout.write_all(json_text(&report.json).as_bytes())
    } else {
        stdout.write_all(&report.text)
    };
    match written.and_then(|()| stdout.flush()) {
        // The reader of a pipe may leave early, as `head` does.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("stdout", "write", &error))
        }
        _ => Ok(report.status),
    }
}

/// Prints what a reader skipped or a writer renamed.
fn print_notes(notes: &[String]) {
    notes.iter().for_each(talk::note);
}
