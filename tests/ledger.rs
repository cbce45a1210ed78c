//! The ledger's outside: claims and proofs name each other, and the list of proofs is whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;
use circuit2tf::theory::ledger::{self, claims};

/// The files of `proofs/` that prove something, by name, with their heads.
fn proofs() -> BTreeMap<String, String> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/proofs"));
    let mut heads = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        if name.starts_with('p') && path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let head = text.lines().map_while(|line| line.strip_prefix("//!"));
            heads.insert(name, head.map(str::trim).collect::<Vec<_>>().join(" "));
        }
    }
    heads
}

/// The ids that a proof names after `Claims:`.
fn named(head: &str) -> Vec<&str> {
    let list = head.split("Claims: ").nth(1).and_then(|rest| rest.split('.').next());
    list.map_or(Vec::new(), |list| list.split(", ").map(str::trim).collect())
}

#[test]
fn a_claim_names_its_proofs_and_a_proof_its_claims() {
    let proofs = proofs();
    for claim in claims() {
        for file in claim.proofs {
            let head = proofs.get(*file).unwrap_or_else(|| panic!("{}: no proof {file}", claim.id));
            assert!(named(head).contains(&claim.id), "proofs/{file}.rs does not name {}", claim.id);
        }
    }
    for (file, head) in &proofs {
        assert!(!named(head).is_empty(), "proofs/{file}.rs names no claim");
        for id in named(head) {
            let claim = ledger::claim(id).unwrap();
            assert!(claim.proofs.contains(&file.as_str()), "{id} does not name proofs/{file}.rs");
        }
    }
}

#[test]
fn the_list_of_proofs_has_every_claim_under_its_file_with_its_status() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proofs/README.md");
    let text = fs::read_to_string(path).unwrap();
    for file in proofs().keys() {
        assert!(text.contains(&format!("({file}.rs)")), "proofs/README.md has no {file}");
    }
    for claim in claims() {
        let status = format!("`{}` {}", claim.id, claim.status);
        assert!(text.contains(&status), "proofs/README.md does not say {status}");
    }
}

#[test]
fn a_proof_that_names_nothing_is_found() {
    assert!(named("Theorem. Proof. Executed: all.").is_empty());
    assert_eq!(named("Claims: one, two-three. Executed: all."), ["one", "two-three"]);
}

/// What a command prints, and its exit status.
fn call(arguments: &[&str], folder: &Path) -> (String, i32) {
    let output = cargo_bin_cmd!("circuit2tf").args(arguments).current_dir(folder).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

#[test]
fn one_claim_is_shown_whole_and_a_bound_says_of_which_models() {
    let here = Path::new(".");
    let (text, status) = call(&["claims", "alternating-sum"], here);
    assert_eq!(status, 0);
    for line in [
        "alternating-sum [proved: proof in words, tests of a range]",
        "    arithmetic: real numbers",
        "    uniformity: a model for each length",
        "    proof: proofs/p17_attention_without_mlp.rs",
        "    circuit2tf claims check alternating-sum",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
    }
    for start in ["    attention: ", "    start: ", "    elsewhere: ", "    literature: "] {
        assert!(text.lines().any(|found| found.starts_with(start)), "no {start:?} in\n{text}");
    }
    assert!(!text.contains("one-layer-equality ["));
    assert_eq!(call(&["claims", "no-such-claim"], here), (String::new(), 2));
    let (json, _) = call(&["claims", "alternating-sum", "--json"], here);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let models = &json["claims"][0]["models"];
    assert_eq!(models["arithmetic"], "real numbers");
    assert!(models["attention"].is_string() && models["start"].is_string());
    assert_eq!(json["claims"].as_array().unwrap().len(), 1);
}

#[test]
fn the_literature_is_listed_as_text_and_as_bibtex() {
    let here = Path::new(".");
    let (text, _) = call(&["claims", "--references"], here);
    for key in ["hao2024", "goyal2024", "dehghani2019"] {
        assert!(text.contains(&format!("{key}: ")), "{key}");
    }
    assert!(text.contains("arXiv:2412.06769") && text.contains("continuous-thought"));
    let (bibtex, _) = call(&["claims", "--references", "--format", "bibtex"], here);
    let entries = bibtex.lines().filter(|line| line.starts_with('@')).count();
    assert_eq!(entries, bibtex.lines().filter(|line| *line == "}").count());
    assert!(entries > 20 && bibtex.contains("{hao2024,"));
    assert_eq!(call(&["claims", "alternating-sum", "--references"], here).1, 2);
    assert_eq!(call(&["claims", "--format", "bibtex"], here).1, 2);
    let (help, _) = call(&["claims", "--help"], here);
    assert!(help.contains("proved") && help.contains("in the literature"), "{help}");
}

/// The model of one head is written, run by the program, and right on all inputs by the oracle of its circuit.
#[test]
fn constructions_are_written_with_their_circuits_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let (list, status) = call(&["construct"], here);
    assert_eq!((list.lines().count(), status), (3, 0));
    for (spec, n_inputs) in [("parity-f16:8", 8), ("parity-heads:5", 5), ("equality:4", 8)] {
        let arguments = ["construct", spec, "-o", "m.safetensors", "--circuit", "c.blif"];
        assert_eq!(call(&arguments, here).1, 0, "{spec}");
        let bits = |number: usize| -> String {
            (0..n_inputs).map(|i| if number >> i & 1 == 1 { '1' } else { '0' }).collect()
        };
        let inputs: Vec<String> = (0..1 << n_inputs).map(bits).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let with = |head: &[&str]| call(&[head, &inputs[..]].concat(), here);
        let model = with(&["run", "m.safetensors", "--engine", "reference"]);
        assert_eq!(model, with(&["eval", "c.blif"]), "{spec}");
    }
    for arguments in [
        &["construct", "parity-f16:8"][..],
        &["construct", "nothing:8", "-o", "x.safetensors"],
        &["construct", "parity-f16:0", "-o", "x.safetensors"],
        &["construct", "parity-f16:8", "-o", "x.safetensors", "--circuit", "c.nothing"],
    ] {
        assert_eq!(call(arguments, here), (String::new(), 2), "{arguments:?}");
        assert!(!here.join("x.safetensors").exists());
    }
}
