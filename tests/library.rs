//! The library from outside: what it brings along, and files.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use circuit2tf::compile::{Options, compile};
use circuit2tf::format::{self, FORMATS};
use circuit2tf::model::Model;
use circuit2tf::{family, files};

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
    for name in
        ["clap", "clap_complete", "clap_mangen", "csv", "ctrlc", "indicatif", "pulldown-cmark"]
    {
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

#[test]
fn circuits_come_back_from_files_of_every_extension() {
    let folder = tempfile::tempdir().unwrap();
    let circuit = family::generate("adder:2").unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("adder.{}", format.extension));
        format::save(&circuit, &path).unwrap();
        let back = format::load(&path).unwrap();
        assert_eq!(back.format.extension, format.extension);
        for row in 0..16u8 {
            let bits: Vec<bool> = (0..4).map(|i| row >> i & 1 == 1).collect();
            assert_eq!(back.circuit.evaluate(&bits), circuit.evaluate(&bits), "{format}");
        }
    }
    // As in the program: what a format has no words for is a note, or nothing is written.
    let wide = family::generate("and:3").unwrap();
    assert!(!format::save(&circuit, folder.path().join("a.blif")).unwrap().is_empty());
    assert!(format::save(&wide, folder.path().join("wide.vhdl")).is_err());
    assert!(!folder.path().join("wide.vhdl").exists());
}

#[test]
fn models_come_back_and_a_name_that_says_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let circuit = family::generate("adder:2").unwrap();
    let model = compile(&circuit, "", &Options::default()).unwrap();
    for name in ["adder.safetensors", "adder.ST", "adder"] {
        model.save(path(name)).unwrap();
        assert_eq!(Model::load(path(name)).unwrap(), model);
    }
    let error = model.save(path("adder.blif")).unwrap_err().to_string();
    assert!(error.contains(".safetensors or .st") && !path("adder.blif").exists(), "{error}");
    let error = model.save(path("missing/adder.st")).unwrap_err().to_string();
    assert!(error.contains("the folder must exist"), "{error}");
    let error = Model::load(path("missing.st")).unwrap_err().to_string();
    assert!(error.contains("missing.st: cannot read"), "{error}");
    let error = format::load(path("adder")).unwrap_err().to_string();
    assert!(error.contains("this is no circuit file"), "{error}");
}

#[test]
fn a_file_is_replaced_at_once_or_kept_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    files::write(&path, b"one").unwrap();
    files::write(&path, b"two").unwrap();
    assert!(!files::create(&path, b"three").unwrap());
    assert_eq!(files::read(&path).unwrap(), b"two");
    assert!(files::write(folder.path(), b"").unwrap_err().to_string().contains("a folder"));
    assert!(files::write("-", b"").is_err());
    // Nothing else lies there, under whatever name.
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let large: Vec<u8> = (0..3_000_001u32).map(|i| (i % 251) as u8).collect();
    files::write(&path, &large).unwrap();
    assert_eq!(files::read(&path).unwrap(), large);
}
