//! The examples run and print what a reader is told they print.

use std::path::PathBuf;
use std::process::Command;

/// The built example, beside the folder of this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(file);
    assert!(path.exists(), "no {}: `cargo build --examples` builds it", path.display());
    path
}

fn run(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(example(name)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_full_adder_adds() {
    let text = run("full_adder", &[]);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|words: &Vec<&str>| words.len() == 5 && words[0].len() == 1)
        .filter(|words: &Vec<&str>| words[0] != "a")
        .collect();
    assert_eq!(rows.len(), 8, "{text}");
    for row in rows {
        let ones = row[..3].iter().filter(|&&bit| bit == "1").count();
        let right = format!("{}{}", ones % 2, ones / 2);
        assert_eq!((row[3], row[4]), (right.as_str(), right.as_str()), "{text}");
    }
    assert!(text.lines().last().unwrap().starts_with("VERIFIED certificate"), "{text}");
}

#[test]
fn a_file_becomes_a_model_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    let c17 = concat!(env!("CARGO_MANIFEST_DIR"), "/circuits/c17.bench");
    let text = run("file_end_to_end", &[c17, model.to_str().unwrap()]);
    assert_eq!(text, run("file_end_to_end", &[]));
    assert!(text.contains("circuit: 5 inputs, 2 outputs, 6 gates"), "{text}");
    assert!(text.contains("VERIFIED certificate all 2^5 inputs"), "{text}");
    assert!(text.contains("11111 -> 10, the circuit says 10"), "{text}");
    let bytes = std::fs::read(model).unwrap();
    assert!(text.contains(&format!("file:    {} bytes", bytes.len())), "{text}");
    circuit2tf::model::file::from_bytes(&bytes, "model").unwrap();
}

#[test]
fn a_graph_is_proved_and_a_wrong_one_refuted() {
    let text = run("graph", &[]);
    let [proof, proved, difference, refuted] = Vec::from_iter(text.lines()).try_into().unwrap();
    assert_eq!(proof, "proved for all 2^3 inputs, 3 levels");
    let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    assert_eq!([&json(proved)["verdict"], &json(proved)["method"]], ["VERIFIED", "certificate"]);
    // One 1 makes no carry.
    let input = difference.strip_prefix("refuted: on ").unwrap().split(' ').next().unwrap();
    assert_eq!(input.matches('1').count(), 1, "{difference}");
    assert!(difference.ends_with("carry must be 0"), "{difference}");
    assert_eq!([&json(refuted)["verdict"], &json(refuted)["input"]], ["REFUTED", input]);
}

#[test]
fn the_weights_read_as_the_construction() {
    let text = run("show_weights", &[]);
    for line in [
        "  q[0] = 256 pointer0[0]",
        "  k[0] = address[0]",
        "  v[0] = value",
        "  fetch1 += v[0], at the node found",
        "  not_fetch1 += 1",
        "  u[6] = relu(2 table[3] + 2 fetch0 + 2 fetch1 - 3.5)",
        "  u[7] = relu(2 table[3] + 2 fetch0 + 2 fetch1 - 4.5)",
        "  logit 1 = value",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
    }
    let heads = |spec| run("show_weights", &[spec]).matches("HEAD ").count();
    assert_eq!((heads("parity:2"), heads("adder:1")), (2, 2));
}
