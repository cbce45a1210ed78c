//! Checks spread over machines, and engines held against each other, through the program.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

fn circuit2tf(args: &[&str], folder: &Path) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
    for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
        command.env_remove(name);
    }
    let output = command.args(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

/// A folder with a model of the 6-bit adder, `m`.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let (status, ..) = circuit2tf(&["compile", "adder:6", "-o", "m"], folder.path());
    assert_eq!(status, 0);
    folder
}

fn shard(folder: &Path, part: &str, file: &str, more: &[&str]) -> (i32, String, String) {
    let args = ["verify", "m", "adder:6", "--shard", part, "-o", file];
    circuit2tf(&[&args, more].concat(), folder)
}

#[test]
fn parts_of_an_exhaustive_run_merge_to_its_verdict() {
    let folder = folder();
    let exhaustive = ["--method", "exhaustive"];
    for i in 1..=3 {
        let (status, out, _) =
            shard(folder.path(), &format!("{i}/3"), &format!("{i}.json"), &exhaustive);
        assert_eq!(status, 3, "{out}");
        assert!(last_line(&out).starts_with("UNKNOWN shard"), "{out}");
    }
    let merge = |files: &[&str]| {
        circuit2tf(&[&["verify", "merge", "m", "adder:6"], files].concat(), folder.path())
    };
    let (status, out, _) = merge(&["3.json", "1.json", "2.json"]);
    assert_eq!(status, 0);
    assert!(last_line(&out).starts_with("VERIFIED exhaustive 4096 assignments"), "{out}");
    for (files, says) in [
        (&["1.json", "3.json"][..], "missing"),
        (&["1.json", "2.json"], "missing"),
        (&["1.json", "2.json", "2.json", "3.json"], "twice"),
        (&["nothing.json"], "nothing.json"),
    ] {
        let (status, out, err) = merge(files);
        assert_eq!((status, out.as_str()), (2, ""), "{files:?}");
        assert!(err.contains(says), "{files:?}: {err}");
    }
    assert_eq!(circuit2tf(&["verify", "merge"], folder.path()).0, 2);
}

#[test]
fn a_part_with_a_difference_refutes_the_whole() {
    let folder = folder();
    for (part, file) in [("1/2", "1.json"), ("2/2", "2.json")] {
        let more = ["--method", "exhaustive", "--loops", "10"];
        let (status, out, _) = shard(folder.path(), part, file, &more);
        assert_eq!(status == 1, last_line(&out).starts_with("REFUTED"), "{out}");
    }
    let merge =
        || circuit2tf(&["verify", "merge", "m", "adder:6", "1.json", "2.json"], folder.path());
    let (status, out, _) = merge();
    assert_eq!(status, 1);
    let whole = ["verify", "m", "adder:6", "--method", "exhaustive", "--loops", "10"];
    let (_, expected, _) = circuit2tf(&whole, folder.path());
    assert_eq!(last_line(&out), last_line(&expected));
    // A difference that the model does not show when it is run is the file's, and no refutation.
    let text = fs::read_to_string(folder.path().join("1.json")).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    let found = whole["counterexample"].clone();
    let (output, expected) = (found["output"].clone(), found["expected"].as_u64().unwrap());
    for (entry, value) in [
        ("expected", Value::from(1 - expected)),
        ("output", Value::from(output.as_u64().unwrap() + 1)),
        ("output", Value::from(99)),
        ("input", Value::from("000000000000")),
    ] {
        let mut lying = whole.clone();
        lying["counterexample"][entry] = value.clone();
        fs::write(folder.path().join("1.json"), lying.to_string()).unwrap();
        let (status, out, err) = merge();
        assert_eq!((status, out.as_str()), (2, ""), "{entry}: {value}");
        assert!(err.contains("1.json"), "{err}");
    }
}

/// Parts that agree with each other, of a model or circuit other than the one named.
#[test]
fn parts_are_merged_for_their_own_model_and_circuit_only() {
    let folder = folder();
    let more = ["--method", "exhaustive"];
    shard(folder.path(), "1/1", "1.json", &more);
    circuit2tf(&["compile", "adder:6", "--layers", "2", "-o", "other"], folder.path());
    for (model, circuit, what) in
        [("other", "adder:6", "another model"), ("m", "adder-ks:6", "another circuit")]
    {
        let args = ["verify", "merge", model, circuit, "1.json"];
        let (status, out, err) = circuit2tf(&args, folder.path());
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.contains("1.json") && err.contains(what), "{err}");
    }
    // All parts can lie alike, but not about what model and circuit say.
    let text = fs::read_to_string(folder.path().join("1.json")).unwrap();
    let mut lying: Value = serde_json::from_str(&text).unwrap();
    for (entry, value) in [("n_inputs", 2), ("total", 4), ("end", 4)] {
        lying[entry] = Value::from(value);
    }
    fs::write(folder.path().join("1.json"), lying.to_string()).unwrap();
    let (status, _, err) =
        circuit2tf(&["verify", "merge", "m", "adder:6", "1.json"], folder.path());
    assert!(status == 2 && err.contains("n_inputs"), "{err}");
}

/// Two modules of one file are two circuits, of which each has its own verdict.
#[test]
fn parts_are_of_the_module_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        circuit2tf(&words, folder.path())
    };
    let module = |name: &str, gate: &str| {
        format!("module {name}(input a, b, output y); {gate}(y, a, b); endmodule\n")
    };
    let text = module("m1", "and") + &module("m2", "or");
    fs::write(folder.path().join("two.v"), text).unwrap();
    assert_eq!(run("compile two.v --top m1 -o m").0, 0);
    let (status, out, _) = run("verify m two.v --top m1 --method exhaustive --shard 1/1 -o 1.json");
    assert!(status == 3 && last_line(&out).ends_with(" top=m1"), "{out}");
    assert_eq!(run("verify merge m two.v --top m1 1.json").0, 0);
    assert_eq!(run("verify m two.v --top m1 --certificate c.json").0, 0);
    assert_eq!(run("check c.json m two.v --top m1").0, 0);
    let (status, out, err) = run("verify merge m two.v --top m2 1.json");
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(err.contains("whose reader was told top=m2") && err.contains("--top"), "{err}");
    // A certificate carries its circuit.
    let (status, out, err) = run("check c.json m two.v --top m2");
    assert!(status == 2 && out.is_empty() && err.contains("circuit"), "{err}");
    assert!(last_line(&run("verify m two.v --top m2").1).starts_with("REFUTED"));
}

/// Every entry of a shard file that says what it is a part of, changed by hand.
#[test]
fn parts_of_different_checks_do_not_merge() {
    let folder = folder();
    let sample = ["--method", "sample", "--samples", "5000", "--seed", "3"];
    shard(folder.path(), "1/2", "1.json", &sample);
    shard(folder.path(), "2/2", "2.json", &sample);
    let merge = |file: &str| {
        circuit2tf(&["verify", "merge", "m", "adder:6", "1.json", file], folder.path())
    };
    let (status, out, _) = merge("2.json");
    assert_eq!(status, 3);
    assert!(last_line(&out).starts_with("UNKNOWN sampled 5000 exact seed=3"), "{out}");
    let whole: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("2.json")).unwrap()).unwrap();
    for (entry, value) in [
        ("model_sha256", Value::from("00")),
        ("circuit_sha256", Value::from("00")),
        ("n_loops", Value::from(1)),
        ("seed", Value::from(4)),
        ("seed", Value::Null),
        ("start", Value::from(0)),
        ("end", Value::from(4096)),
        ("total", Value::from(6000)),
        ("index", Value::from(1)),
        ("count", Value::from(0)),
        ("n_inputs", Value::from(11)),
        ("version", Value::from(1)),
        ("pairing", Value::from("position")),
        ("reading", Value::from("top=m")),
        ("rounding", serde_json::json!({"bounded": {"lead": -5.0, "bound": 9.0}})),
        ("unheard_of", Value::from(1)),
        ("counterexample", serde_json::json!({"input": "2", "output": 0, "expected": 1})),
    ] {
        let mut lying = whole.clone();
        lying[entry] = value.clone();
        fs::write(folder.path().join("lie.json"), lying.to_string()).unwrap();
        let (status, out, err) = merge("lie.json");
        assert_eq!((status, out.as_str()), (2, ""), "{entry}: {value}");
        assert!(err.starts_with("error: "), "{err}");
    }
}

#[test]
fn shards_need_a_method_that_goes_through_assignments_and_a_file() {
    let folder = folder();
    assert_eq!(shard(folder.path(), "1/2", "x", &[]).0, 2);
    assert_eq!(shard(folder.path(), "1/2", "x", &["--method", "certificate"]).0, 2);
    assert_eq!(shard(folder.path(), "0/2", "x", &["--method", "sample"]).0, 2);
    assert_eq!(shard(folder.path(), "auto/2", "x", &["--method", "sample"]).0, 2);
    let args = ["verify", "m", "adder:6", "--method", "sample", "--shard", "1/2"];
    assert_eq!(circuit2tf(&args, folder.path()).0, 2);
    assert!(!folder.path().join("x").exists());
}

#[test]
fn engines_agree_or_are_said_to_differ() {
    let folder = TempDir::new().unwrap();
    circuit2tf(&["compile", "adder:3", "-o", "m"], folder.path());
    let all = ["verify", "m", "adder:3", "--engines", "all", "--json"];
    let (status, out, err) = circuit2tf(&all, folder.path());
    assert_eq!(status, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let names: Vec<&str> = report["engines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["engine"].as_str().unwrap())
        .collect();
    assert!(["reference", "resident", "incremental"].iter().all(|name| names.contains(name)));
    let short = ["verify", "m", "adder:3", "--engines", "reference,resident", "--loops", "4"];
    let (status, out, _) = circuit2tf(&short, folder.path());
    assert_eq!(status, 1);
    assert!(out.contains("differs from the circuit"), "{out}");
    let unknown = ["verify", "m", "adder:3", "--engines", "steam"];
    assert_eq!(circuit2tf(&unknown, folder.path()).0, 2);
}
