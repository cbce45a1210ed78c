//! Circuits that others made and published.

use std::path::{Path, PathBuf};

/// The folder that `CIRCUIT2TF_BENCHMARKS` names, which holds the whole collection, or else its small files.
pub fn folder() -> PathBuf {
    let small = || Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/public");
    std::env::var_os("CIRCUIT2TF_BENCHMARKS").map_or_else(small, PathBuf::from)
}

/// The README of the folder, with its table; every file of the table is there.
pub fn readme() -> String {
    let path = folder().join("README.md");
    let text = std::fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a test of large files is told where only the small ones are there.
pub fn require_whole() {
    let is_whole = std::env::var_os("CIRCUIT2TF_BENCHMARKS").is_some();
    assert!(is_whole, "CIRCUIT2TF_BENCHMARKS must name the folder of the whole collection");
}
