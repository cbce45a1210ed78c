//! The library from outside: what it brings along.

use std::collections::BTreeSet;
use std::process::Command;

/// The names of the crates that are built with the library, itself among them.
fn tree(features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", "circuit2tf"])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(String::from).collect()
}

#[test]
fn a_library_without_features_brings_no_program_and_no_tensors() {
    let alone = tree(&["--no-default-features"]);
    let with = |feature: &str| tree(&["--no-default-features", "--features", feature]);
    let (program, candle) = (with("program"), with("candle"));
    for name in ["clap", "csv", "ctrlc", "indicatif", "pulldown-cmark"] {
        assert!(program.contains(name) && !candle.contains(name), "{name} is of the program");
        assert!(!alone.contains(name), "the library brings {name}");
    }
    for name in ["candle-core", "candle-nn", "gemm"] {
        assert!(candle.contains(name) && !program.contains(name), "{name} is of candle");
        assert!(!alone.contains(name), "the library brings {name}");
    }
    let all: BTreeSet<String> = program.union(&candle).cloned().collect();
    assert_eq!(tree(&[]), all, "the default features are these two");
    assert!(alone.contains("circuit2tf") && 2 * alone.len() < all.len(), "{} crates", alone.len());
}
