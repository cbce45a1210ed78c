//! Answers that are programs: a Rust function, compiled and run on cases whose results are known.
//!
//! The student's file is a module of a small program that prints the function's result on every case; it
//! uses the standard library only, so `rustc` alone builds it. The results it must print are computed by
//! this crate. It runs for a limited time in a temporary folder, with the rights of whoever checks it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::files::Reader;
use super::start::FOLDER;
use super::task::{Mistake, Outcome, Solution, file_outcome};
use crate::error::{Error, Result};

/// A function is asked for.
#[derive(Debug, Clone)]
pub struct FunctionTask {
    /// The file the student starts from.
    pub start_name: &'static str,
    /// Calls, such as `tokens(&[2, 1], 1)`, and what they must give, as `{:?}` prints it.
    pub cases: Vec<(String, String)>,
    /// A program that is right.
    pub answer: &'static str,
}

/// How long a program may take, and how much it may print.
const MOST_TIME: Duration = Duration::from_secs(10);
const MOST_OUTPUT: u64 = 1 << 20;

/// Stands before every result, so that what the function itself prints is told apart.
const MARK: &str = "= ";

impl FunctionTask {
    pub const FILE: &'static str = "answer.rs";

    pub fn how_to_answer(&self) -> String {
        format!(
            "Answer. The name of a Rust file with that function, such as `{FOLDER}/{}`; it is built with rustc \
             and run on {} cases.",
            self.start_name,
            self.cases.len()
        )
    }

    pub fn solution(&self) -> Solution {
        Solution::File { name: Self::FILE, bytes: self.answer.as_bytes().to_vec() }
    }

    pub fn check(&self, answer: &str, mistakes: &[Mistake], reader: &Reader) -> Result<Outcome> {
        let results = self.run(&reader(answer)?)?;
        let mut findings = Vec::new();
        for ((call, expected), found) in self.cases.iter().zip(&results) {
            if found != expected {
                findings.push(format!("{call} gives {found}, and {expected} is right"));
            }
        }
        if results.len() < self.cases.len() {
            findings.push(format!("it stopped at {}", self.cases[results.len()].0));
        }
        file_outcome(findings.is_empty(), findings, mistakes, |bytes| {
            Ok(self.run(bytes)? == results)
        })
    }

    /// The results that a program prints, as far as it gets.
    fn run(&self, source: &[u8]) -> Result<Vec<String>> {
        let failed =
            |error: std::io::Error| Error::io("temporary folder", "build the program", &error);
        let folder = tempfile::tempdir().map_err(failed)?;
        let calls = self
            .cases
            .iter()
            .map(|(call, _)| format!("    println!(\"{MARK}{{:?}}\", answer::{call});\n"));
        let main = format!("mod answer;\nfn main() {{\n{}}}\n", calls.collect::<String>());
        fs::write(folder.path().join("answer.rs"), source).map_err(failed)?;
        fs::write(folder.path().join("main.rs"), main).map_err(failed)?;
        build(folder.path())?;
        let printed = execute(folder.path())?;
        Ok(printed.lines().filter_map(|line| line.strip_prefix(MARK)).map(str::to_string).collect())
    }
}

fn build(folder: &Path) -> Result<()> {
    let built = Command::new("rustc")
        .args(["--edition", "2024", "-A", "warnings", "-o", "program", "main.rs"])
        .current_dir(folder)
        .output()
        .map_err(|error| {
            Error::io("rustc", "build the program", &error)
                .hint("this exercise needs Rust on the path")
        })?;
    if built.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&built.stderr).into_owned();
    Err(Error::new("a program that rustc builds", format!("errors:\n{}", errors.trim_end())))
}

/// What the program prints, whether or not it ends well.
fn execute(folder: &Path) -> Result<String> {
    let failed = |error: std::io::Error| Error::io("the program", "run", &error);
    let printed = folder.join("printed");
    let stdout = File::create(&printed).map_err(failed)?;
    let mut child = Command::new(folder.join("program"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let start = Instant::now();
    while child.try_wait().map_err(failed)?.is_none() {
        let length = fs::metadata(&printed).map_err(failed)?.len();
        if start.elapsed() > MOST_TIME || length > MOST_OUTPUT {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            let limits = format!("{} s and {MOST_OUTPUT} bytes of output", MOST_TIME.as_secs());
            return Err(Error::new(format!("a program within {limits}"), "one that goes on"));
        }
        sleep(Duration::from_millis(5));
    }
    Ok(String::from_utf8_lossy(&fs::read(&printed).map_err(failed)?).into_owned())
}
