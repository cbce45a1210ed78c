//! Broken files, and the error that each must give.
//!
//! `circuits/bad/FILE` stands beside `FILE.error`, which holds the error's text with nothing but the
//! file's name for its path.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use circuit2tf::format;

fn bad_files() -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/circuits/bad"));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn with_error(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}.error", file.display()))
}

#[test]
fn every_bad_file_gives_the_error_beside_it_within_a_second() {
    let is_error = |file: &PathBuf| file.extension().is_some_and(|e| e == "error");
    let (errors, files): (Vec<PathBuf>, Vec<PathBuf>) = bad_files().into_iter().partition(is_error);
    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(file).unwrap();
        let start = Instant::now();
        let found = match format::read(&bytes, name) {
            Ok(loaded) => format!("a circuit of {} nodes", loaded.circuit.n_nodes()),
            Err(error) => error.to_string(),
        };
        assert!(start.elapsed() < Duration::from_secs(1), "{name} took {:?}", start.elapsed());
        match std::fs::read_to_string(with_error(file)) {
            Ok(expected) if expected.trim_end() == found => {}
            Ok(expected) => {
                failures.push(format!("{name}\n  expected {expected}  found    {found}"))
            }
            Err(_) => failures.push(format!("{name} has no {name}.error; found {found}")),
        }
    }
    for error in errors.iter().filter(|error| !error.with_extension("").exists()) {
        failures.push(format!("{} belongs to no file", error.display()));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(files.len() >= 40, "only {} files", files.len());
}
