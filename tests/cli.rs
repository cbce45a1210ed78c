//! The program from outside: what each command prints where, its exit status, and what it refuses.
//!
//! Every call, whatever it is for, is held to the contract: no panic, an exit status of 0 to 3, and for
//! status 2 nothing on stdout, `error: …` on stderr within a second, and no file made or changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;
use tempfile::TempDir;

/// A folder in which the program is called.
struct Session {
    folder: TempDir,
}

#[derive(Debug)]
struct Answer {
    status: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("text")
    }

    fn last_line(&self) -> &str {
        self.text().lines().last().unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).expect("one JSON document")
    }
}

impl Session {
    fn new() -> Self {
        Session { folder: tempfile::tempdir().unwrap() }
    }

    /// A session with the model `adder.safetensors` of the circuit `adder.bench`.
    fn with_adder() -> Self {
        let session = Session::new();
        session.ok("gen adder:2 -o adder.bench");
        session.ok("compile adder.bench -o adder.safetensors --layers 2");
        session
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), fs::read(&path).unwrap_or_default())).collect()
    }

    /// Calls the program with words separated by spaces, `''` being the empty one.
    fn call(&self, words: &str) -> Answer {
        self.feed(words, Vec::new())
    }

    fn feed(&self, words: &str, stdin: impl Into<Vec<u8>>) -> Answer {
        let before = self.files();
        let start = Instant::now();
        let words_given = words.split_whitespace().map(|word| word.trim_matches('\''));
        let mut command = cargo_bin_cmd!("circuit2tf");
        command.current_dir(self.folder.path()).args(words_given).write_stdin(stdin);
        let output = command.timeout(Duration::from_secs(60)).output().unwrap();
        let answer = Answer {
            status: output.status.code().unwrap_or_else(|| panic!("{words}: no exit status")),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!answer.stderr.contains("panicked"), "{words}: {}", answer.stderr);
        assert!((0..=3).contains(&answer.status), "{words}: {answer:?}");
        // Without a command the help is the answer.
        if answer.status == 2 && !words.is_empty() {
            assert!(start.elapsed() < Duration::from_secs(1), "{words}: {:?}", start.elapsed());
            assert!(answer.stderr.lines().any(|line| line.starts_with("error: ")), "{words}");
            assert!(answer.stdout.is_empty(), "{words}: an error and {}", answer.text());
            assert!(self.files() == before, "{words}: an error and another file");
        }
        answer
    }

    fn ok(&self, words: &str) -> Answer {
        let answer = self.call(words);
        assert_eq!(answer.status, 0, "{words}: {answer:?}");
        answer
    }

    /// The call fails with status 2 and says `fragment` on stderr.
    fn refused(&self, words: &str, fragment: &str) {
        let answer = self.call(words);
        assert_eq!(answer.status, 2, "{words}: {answer:?}");
        assert!(answer.stderr.contains(fragment), "{words}: {} lacks {fragment}", answer.stderr);
    }
}

/// A safetensors file with 2 added to one number of an F32 tensor.
fn with_2_more(model: &[u8], tensor: &str, index: usize) -> Vec<u8> {
    let (length, rest) = model.split_first_chunk::<8>().unwrap();
    let length = u64::from_le_bytes(*length) as usize;
    let header: Value = serde_json::from_slice(&rest[..length]).unwrap();
    assert_eq!(header[tensor]["dtype"], "F32");
    let offset = header[tensor]["data_offsets"][0].as_u64().unwrap() as usize;
    let at = 8 + length + offset + 4 * index;
    let mut changed = model.to_vec();
    let bytes: &mut [u8; 4] = (&mut changed[at..at + 4]).try_into().unwrap();
    *bytes = (f32::from_le_bytes(*bytes) + 2.0).to_le_bytes();
    changed
}

/// A safetensors file with one text of the metadata replaced.
fn with_metadata(model: &[u8], key: &str, value: &str) -> Vec<u8> {
    let (length, rest) = model.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    header["__metadata__"][key] = value.into();
    let header = header.to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

#[test]
fn a_circuit_becomes_a_model_that_runs_and_is_verified() {
    let session = Session::with_adder();
    // a = 3, b = 2, least significant bit first.
    for command in ["run adder.safetensors", "eval adder.bench", "eval adder:2"] {
        let answer = session.ok(&format!("{command} 1101 0000 1111"));
        assert_eq!(answer.text(), "101\n000\n011\n", "{command}");
        assert_eq!(answer.stderr, "", "{command}");
    }
    for (method, verdict) in [
        ("certificate", "VERIFIED certificate all 2^4 inputs"),
        ("miter", "VERIFIED certificate all 2^4 inputs"),
        ("exhaustive", "VERIFIED exhaustive 16 assignments exact engine="),
    ] {
        let answer = session.ok(&format!("verify adder.safetensors adder.bench --method {method}"));
        assert!(answer.last_line().starts_with(verdict), "{method}: {}", answer.text());
        assert_eq!(answer.stderr, "");
    }
}

#[test]
fn a_sample_is_never_a_proof() {
    let session = Session::with_adder();
    for (samples, seed) in [(100, 0), (1, 7), (0, 0)] {
        let words = format!(
            "verify adder.safetensors adder:2 --method sample --samples {samples} --seed {seed}"
        );
        let answer = session.call(&words);
        assert_eq!(answer.status, 3);
        let expected = format!("UNKNOWN sampled {samples} exact seed={seed}");
        assert!(answer.last_line().starts_with(&expected), "{}", answer.text());
    }
}

#[test]
fn one_changed_number_is_refuted_and_the_failing_part_is_a_circuit() {
    let session = Session::with_adder();
    let model = fs::read(session.path("adder.safetensors")).unwrap();
    for tensor in ["unembed.W_U", "blocks.0.mlp.b_out", "blocks.1.attn.b_O"] {
        let refuted = |index: &usize| {
            session.file("wrong.safetensors", with_2_more(&model, tensor, *index));
            session.call("verify wrong.safetensors adder.bench --method exhaustive").status == 1
        };
        assert!((0..40).find(refuted).is_some(), "no number of {tensor} matters");
        let answer = session.call("verify wrong.safetensors adder.bench --shrink part.blif");
        assert_eq!(answer.status, 1, "{tensor}: {}", answer.text());
        assert!(answer.last_line().starts_with("REFUTED input="), "{}", answer.text());
        assert!(answer.text().contains("counterexample: a[0]="), "{}", answer.text());
        if answer.text().contains("first wrong node") {
            let info = session.ok("info part.blif --json").json();
            assert_eq!(info["outputs"], 1, "{tensor}");
            fs::remove_file(session.path("part.blif")).unwrap();
        }
    }
}

#[test]
fn one_loop_fewer_is_refuted_with_a_true_counterexample() {
    let session = Session::with_adder();
    let answer =
        session.call("verify adder.safetensors adder:2 --loops 1 --shrink cone.aag --json");
    assert_eq!(answer.status, 1);
    let found = answer.json();
    assert_eq!(found["verdict"], "REFUTED");
    let output = found["output"].as_u64().unwrap() as usize;
    let bits = found["input"].as_str().unwrap();
    let bit = |words: &str| session.ok(words).text().as_bytes()[output] - b'0';
    assert_eq!(u64::from(bit(&format!("eval adder:2 {bits}"))), found["expected"]);
    assert_eq!(u64::from(bit(&format!("run adder.safetensors --loops 1 {bits}"))), found["got"]);
    assert_ne!(found["expected"], found["got"]);
    assert_eq!(session.ok("info cone.aag --json").json()["outputs"], 1);
    for loops in [2, 3, 50] {
        session.ok(&format!("verify adder.safetensors adder:2 --loops {loops}"));
    }
}

/// A node that the layers do not reach is not wrong yet, and one that they reach goes before it.
#[test]
fn the_first_wrong_node_is_one_that_was_reached() {
    let session = Session::with_adder();
    let answer = session.call("verify adder.safetensors adder:2 --loops 1");
    assert!(answer.text().contains(", not reached yet: level 3 after 2 layers\n"), "{answer:?}");
    let departure =
        &session.call("verify adder.safetensors adder:2 --loops 1 --json").json()["departure"];
    assert!(departure["reached"] == false && departure["level"] == 3, "{departure}");
    let circuit = |gate: &str| {
        let inputs = "INPUT(a)\nINPUT(b)\nINPUT(c)\nINPUT(d)\nOUTPUT(y)\nOUTPUT(z)\n";
        format!("{inputs}p = XOR(a, b)\nq = XOR(p, c)\ny = XOR(q, d)\nz = {gate}(a, b)\n")
    };
    session.file("and.bench", circuit("AND"));
    session.file("or.bench", circuit("OR"));
    session.ok("compile and.bench -o and.safetensors");
    // Of a = 1 both outputs are wrong: y was not reached, z was.
    for (loops, line) in [
        (2, "first wrong node: z (OR) at position 5, wrong from the start\n"),
        (3, "first wrong node: z (OR) at position 5, wrong from the start\n"),
    ] {
        let words = format!("verify and.safetensors or.bench --loops {loops} --method exhaustive");
        let answer = session.call(&words);
        assert!(answer.status == 1 && answer.text().contains(line), "{}", answer.text());
    }
    let words = "verify and.safetensors and.bench --loops 2 --method exhaustive";
    let line = "first wrong node: y (XOR) at position 7, not reached yet: level 3 after 2 layers\n";
    assert!(session.call(words).text().contains(line), "{}", session.call(words).text());
}

#[test]
fn every_command_prints_one_json_document() {
    let session = Session::with_adder();
    session.ok("verify adder.safetensors adder.bench --certificate proof.json");
    for (words, keys) in [
        ("compile adder:2 -o m.safetensors", "model info verdict"),
        ("compile adder:2 -o m.safetensors --verify", "model info verdict"),
        ("run adder.safetensors 0000", "outputs"),
        ("run adder.safetensors --set a=1 --set b=3 --order lsb", "outputs words"),
        ("eval adder:2 0000", "outputs"),
        ("verify adder.safetensors adder:2", "verdict how conditions"),
        ("verify adder.safetensors adder:2 --method exhaustive", "verdict how"),
        ("check proof.json adder.safetensors adder.bench", "verdict how"),
        ("info adder:2", "inputs outputs gates depth"),
        (
            "info adder.safetensors",
            "n_layers n_loops n_heads d_model d_head d_mlp n_ctx depth parameters",
        ),
        ("gen adder:2", "output format notes circuit"),
        ("gen adder:2 -o x.aig", "output format notes"),
        ("convert adder.bench x.v", "output format notes"),
        ("decompile adder.safetensors", "output format notes circuit"),
        ("loops adder:2", "depth layers"),
        ("info adder.safetensors --receptive-fields", "receptive_fields"),
        ("run adder.safetensors 0000 --engine dense --device cpu", "outputs"),
        ("families", "families"),
        ("families adder", "families"),
        ("devices", "devices"),
        ("selftest --engine dense --seed 3", "version device seed rows verdict"),
    ] {
        let json = session.ok(&format!("{words} --json")).json();
        for key in keys.split(' ') {
            assert!(json.get(key).is_some(), "{words}: {key} is not in {json:#}");
        }
    }
    let parameters = session.ok("info adder.safetensors --json").json()["parameters"].clone();
    let count = |key: &str| parameters[key].as_u64().unwrap();
    assert_eq!(count("embedding") + count("blocks") + count("unembed"), count("total"));
}

/// The tables of wrong inputs of the gates as written; compiled nodes differ where they hold complements.
#[test]
fn loops_counts_wrong_inputs_of_gates_and_of_compiled_nodes() {
    let session = Session::new();
    for (words, zero, one) in [
        (
            "loops adder:4 --gates --table",
            &[255, 253, 136, 92, 48, 32, 8, 0][..],
            Some(&[256, 227, 202, 184, 112, 80, 40, 0][..]),
        ),
        ("loops adder:4 --table", &[255, 229, 136, 92, 48, 32, 8, 0], None),
        ("loops and:8 --gates --table", &[1, 1, 1, 0], None),
        ("loops parity:8 --gates --table", &[128, 128, 128, 0], None),
    ] {
        let wrong = session.ok(&format!("{words} --json")).json()["wrong_inputs"].clone();
        assert_eq!(wrong["from_0"], Value::from(zero), "{words}");
        assert!(one.is_none_or(|one| wrong["from_1"] == Value::from(one)), "{words}: {wrong}");
    }
    // Right after 1, wrong after 2, right after 3 layers; mapping folds the glitch away.
    session.file(
        "glitch.bench",
        "INPUT(x)\nINPUT(y)\nOUTPUT(c)\na = NAND(x, x)\nb = NOR(a, x)\nc = OR(y, b)\n",
    );
    let answer = session.ok("loops glitch.bench --gates --table");
    assert!(answer.text().contains("right from gates at 0: 1, 3 loops"), "{}", answer.text());
    assert!(answer.text().contains("more loops can be wrong again"), "{}", answer.text());
    let mapped = session.ok("loops glitch.bench");
    assert!(mapped.last_line().starts_with("LOOPS least=0 "), "{}", mapped.text());
}

#[test]
fn a_device_that_is_not_built_in_is_refused_with_the_feature_that_it_needs() {
    let session = Session::with_adder();
    for (device, feature) in [("cuda", "cuda"), ("cuda:3", "cuda"), ("metal", "metal")] {
        let builtin = match feature {
            "cuda" => cfg!(feature = "cuda"),
            _ => cfg!(feature = "metal"),
        };
        if builtin {
            continue;
        }
        for command in [
            "run adder.safetensors 1101",
            "verify adder.safetensors adder:2 --method exhaustive",
            "selftest",
        ] {
            let expected = format!("--features {feature}, or --device cpu");
            session.refused(&format!("{command} --device {device}"), &expected);
        }
    }
}

#[test]
fn results_go_to_stdout_and_talk_to_stderr() {
    let session = Session::with_adder();
    for command in ["run adder.safetensors", "eval adder.bench", "eval adder:2"] {
        let order = if command.contains("eval adder:2") { "" } else { "--order lsb" };
        let answer = session.ok(&format!("{command} --set a=2 --set b=0x3 {order}"));
        assert_eq!(answer.text(), "101\n", "{command}");
        assert!(answer.stderr.contains("sum = 0x5 (5), lsb"), "{command}: {}", answer.stderr);
    }
    let msb = session.ok("eval adder:2 --set a=1 --set b=1 --order msb");
    assert_eq!(msb.text(), session.ok("eval adder:2 0101").text());
    assert_eq!(
        session.ok("run adder.safetensors --set a[0]=1 --set a[1]=1 --set b=0 --order lsb").text(),
        "110\n"
    );
    let latch = "INPUT(x)\nOUTPUT(y)\nq = DFF(y)\ny = XOR(x, q)\n";
    session.file("toggle.bench", latch);
    let converted = session.ok("convert toggle.bench -");
    assert!(converted.stderr.starts_with("note: "), "{}", converted.stderr);
    assert!(converted.text().starts_with("aag "));
    assert!(session.call("").stderr.contains("Usage: circuit2tf"));
    for words in ["--help", "--version", "help run", "compile --help", "run -h"] {
        let answer = session.ok(words);
        assert!(!answer.stdout.is_empty() && answer.stderr.is_empty(), "{words}");
    }
}

/// Queries so short leave no softmax one-hot, so that only the literal engine may say what comes out.
#[test]
fn a_model_that_cannot_be_evaluated_partially_runs_literally_and_says_so() {
    let session = Session::new();
    session.ok("compile adder:2 -o m.safetensors");
    let path = session.path("m.safetensors");
    let model = circuit2tf::model::file::from_bytes(&fs::read(&path).unwrap(), "m").unwrap();
    let mut parts = model.into_parts();
    parts.blocks.iter_mut().for_each(|block| block.w_q.mapv_inplace(|x| x / 512.0));
    let soft = circuit2tf::model::Model::new(parts).unwrap();
    fs::write(&path, circuit2tf::model::file::to_bytes(&soft)).unwrap();
    let refusal = session.call("run m.safetensors 1101 --engine resident");
    assert_eq!(refusal.status, 2);
    assert!(refusal.stderr.contains("one-hot"), "{}", refusal.stderr);
    let literal = session.ok("run m.safetensors 1101 0110 --engine reference");
    let answer = session.ok("run m.safetensors 1101 0110");
    assert_eq!(answer.stdout, literal.stdout);
    assert!(answer.stderr.starts_with("note: running the reference engine: "), "{}", answer.stderr);
}

/// A file that is read in parts, and what has no length before it has been read.
#[cfg(unix)]
#[test]
fn large_files_and_pipes_are_read_whole() {
    let session = Session::new();
    for (name, spec, bits) in [
        ("large.safetensors", "random:n=16,gates=10000,seed=1", "0110100110010110"),
        ("small.safetensors", "adder:2", "1101"),
    ] {
        session.ok(&format!("compile {spec} -o {name}"));
        let bytes = fs::read(session.path(name)).unwrap();
        assert_eq!(bytes.len() > 2 << 20, name.starts_with("large"), "{}", bytes.len());
        let expected = session.feed(&format!("run - {bits}"), bytes.clone());
        assert_eq!(expected.text(), session.ok(&format!("eval {spec} {bits}")).text(), "{name}");
        let of_file = session.ok(&format!("run {name} {bits}"));
        assert_eq!(of_file.stdout, expected.stdout, "{name}: {}", of_file.stderr);
        // A second reader of a pipe would find nothing.
        let pipe = session.path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = std::thread::spawn(move || fs::write(&pipe, bytes).unwrap());
        let mut command = cargo_bin_cmd!("circuit2tf");
        command.current_dir(session.folder.path()).args(["run", "pipe", bits]);
        let of_pipe = command.output().unwrap();
        // Before the writer is waited for, who waits himself if nobody reads.
        assert_eq!(of_pipe.stdout, expected.stdout, "{name}, through a pipe");
        writer.join().unwrap();
        fs::remove_file(session.path("pipe")).unwrap();
    }
}

#[test]
fn stdin_is_a_file_called_dash() {
    let session = Session::with_adder();
    let aig = session.ok("gen adder:2 --format aig").stdout;
    let model = fs::read(session.path("adder.safetensors")).unwrap();
    for (words, stdin, expected) in [
        ("eval - 1101", aig.clone(), "101\n"),
        ("run - 1101", model.clone(), "101\n"),
        ("run adder.safetensors --inputs -", b"1101\r\n0000\n1111".to_vec(), "101\n000\n011\n"),
        ("eval adder:2 1111 --inputs -", b"1101\n".to_vec(), "011\n101\n"),
        ("eval adder:2 --inputs -", Vec::new(), ""),
    ] {
        let answer = session.feed(words, stdin);
        assert_eq!((answer.status, answer.text()), (0, expected), "{words}: {}", answer.stderr);
    }
    assert_eq!(session.feed("compile - -o m.safetensors --verify", aig.clone()).status, 0);
    assert_eq!(session.feed("verify adder.safetensors -", aig.clone()).status, 0);
    assert_eq!(session.feed("info - --json", model).json()["n_layers"], 2);
    assert_eq!(session.feed("convert - x.bench", aig).status, 0);
    for (words, stdin, error) in [
        ("info -", &b""[..], "stdin: "),
        ("eval adder:2 --inputs -", b"1101\n01\n", "stdin:2:1: expected 4 bits, found 2"),
        ("eval adder:2 --inputs -", b"1101\n\xff101\n", "stdin:2:1: "),
    ] {
        let answer = session.feed(words, stdin);
        assert_eq!(answer.status, 2, "{words}");
        assert!(answer.stderr.contains(error), "{words}: {}", answer.stderr);
    }
}

#[test]
fn bad_arguments_are_refused_with_what_was_expected() {
    let session = Session::with_adder();
    for (words, error) in [
        ("compile adder:2", "--output"),
        ("fly", "unrecognized subcommand"),
        ("run adder.safetensors", "expected 4 input bits, found none"),
        ("run adder.safetensors 110", "expected 4 bits, found 3"),
        ("run adder.safetensors 11011", "expected 4 bits, found 5"),
        ("run adder.safetensors 11x1", "found 'x'"),
        ("eval adder:2 1101 ''", "expected 4 bits, found 0"),
        ("eval adder:2 --set a=4 --set b=0", "a number below 2^2"),
        ("eval adder:2 --set a=1", "b[0], b[1]"),
        ("eval adder:2 --set a=1 --set a=1 --set b=1", "a"),
        ("eval adder:2 --set c=1", "found \"c\""),
        ("eval adder:2 --set a", "expected name=value"),
        ("eval adder:2 --set a=-1", "a"),
        ("eval adder:2 --set a=1 --set b=1 --order up", "lsb, msb or bytes"),
        ("eval adder:2 0000 --set a=1", "cannot be used with"),
        ("eval adder.bench --set a=1 --set b=1", "order"),
        ("eval adder:2 --inputs missing.txt", "missing.txt: cannot read"),
        ("run adder.safetensors 1101 --loops 1000000000000000000", "at most 268435456 loops"),
        ("run adder.safetensors 1101 --loops 99999999999999999999", "--loops"),
        ("run adder.safetensors 1101 --loops -1", "-1"),
        ("run adder.safetensors 1101 --engine abacus", "reference"),
        #[cfg(not(feature = "gpu"))]
        ("run adder.safetensors 1101 --engine gpu", "--features gpu"),
        #[cfg(not(feature = "gpu"))]
        ("selftest --engine gpu", "--features gpu"),
        ("run adder.safetensors 1101 --device abacus", "cpu, cuda, cuda:N or metal"),
        ("run adder.safetensors 1101 --device cuda --engine resident", "--engine dense"),
        ("selftest --device cuda:99999999", "cpu, cuda, cuda:N or metal"),
        ("verify adder.safetensors adder:2 --method guess", "exhaustive"),
        ("verify adder.safetensors adder:2 --samples -1", "-1"),
        ("verify adder.safetensors adder:2 --loops 1 --shrink cone.doc", ".bench"),
        ("compile adder:2 -o m --layers 0", "--layers of 1 or more"),
        ("compile adder:2 -o m --layers 1000000000", "at most 4 GiB"),
        ("compile adder:2 -o m --layers 9999999999999999999", "GiB"),
        ("compile adder:2 -o m --heads 1", "--heads from 2 to 6"),
        ("compile adder:2 -o m --heads 9", "--heads from 2 to 6"),
        ("compile adder:2 -o m --dtype f8", "f32, f16, bf16, f64"),
        ("compile adder:2 -o m --unroll --layers 2", "cannot be used with"),
        ("loops adder:2 --layers 0", "--layers of 1 or more"),
        ("loops adder:2 --heads 9", "2 to 6"),
        ("loops adder:2 --heads 3 --gates", "--gates"),
        ("info adder:2 --receptive-fields", "a model for --receptive-fields"),
        ("loops sort-bitonic:4 --gates --layers 0", "--layers of 1 or more"),
        ("gen adder:999999999", "1 to 2000000"),
        ("gen adder:99999999999999999999999", "1 to 2000000"),
        ("gen adder:0", "1 to 2000000"),
        ("gen adder:-1", "1 to 2000000"),
        ("gen adder:", "found nothing"),
        ("gen adder", "found nothing"),
        ("gen adder:x", "found \"x\""),
        ("gen mult:100000", "1 to 1024"),
        ("gen random:n=16,gates=1000000000000,seed=7", "gates"),
        ("gen reach:100000", "found \"100000\""),
        ("gen subtracter:8", "found \"subtracter\""),
        ("gen adder:2 -o x.doc", ".bench"),
        ("gen adder:2 --format doc", "aag"),
        ("families subtracter", "found \"subtracter\""),
        ("compile subtracter:8 -o m", "subtracter"),
        ("compile missing.bench -o m", "neither"),
        ("compile '' -o m", "neither"),
        ("compile . -o m", "cannot read"),
        ("convert adder.bench x.doc", ".bench"),
    ] {
        session.refused(words, error);
    }
}

#[test]
fn models_and_circuits_in_each_others_place_are_refused() {
    let session = Session::with_adder();
    session.ok("gen adder:3 -o larger.blif");
    session.ok("gen parity:4 -o parity.aag");
    for (words, error) in [
        ("verify adder.bench adder.safetensors", "expected a model file"),
        ("verify adder:2 adder.safetensors", "the model stands before the circuit"),
        ("verify adder.safetensors adder.safetensors", "found a model file"),
        ("run adder.bench 0000", "expected a model file"),
        ("run adder:2 0000", "expected a model file"),
        ("eval adder.safetensors 0000", "found a model file"),
        ("compile adder.safetensors -o m", "found a model file"),
        ("convert adder.safetensors x.bench", "found a model file"),
        ("decompile adder.bench", "expected a model file"),
        ("verify adder.safetensors larger.blif", "the circuit's 6 inputs, found one with 4"),
        ("verify adder.safetensors parity.aag", "the circuit's 1 outputs, found one with 3"),
        ("verify missing.safetensors adder:2", "missing.safetensors: cannot read"),
        ("check adder.safetensors adder.safetensors adder:2", "adder.safetensors"),
    ] {
        session.refused(words, error);
    }
}

#[test]
fn broken_models_are_refused() {
    let session = Session::with_adder();
    let model = fs::read(session.path("adder.safetensors")).unwrap();
    for length in (0..model.len()).step_by(model.len() / 40).chain([1, 7, 8, 9, model.len() - 1]) {
        session.file("cut.safetensors", &model[..length]);
        session.refused("run cut.safetensors 0000", "cut.safetensors");
        session.refused("verify cut.safetensors adder:2", "cut.safetensors");
        session.refused("info cut.safetensors", "cut.safetensors");
    }
    for (key, value) in [
        ("n_layers", "1000000000000"),
        ("n_loops", "1000000000000000000"),
        ("n_ctx", "1000000000000"),
        ("n_heads", "-1"),
        ("d_model", "x"),
        ("format", "onnx"),
        ("attention", "sideways"),
        ("act_fn", "gelu"),
        ("input_names", "[1]"),
        ("output_names", "[\"a\"]"),
    ] {
        session.file("lying.safetensors", with_metadata(&model, key, value));
        let answer = session.call("run lying.safetensors 0000");
        assert_eq!(answer.status, 2, "{key} = {value}: {answer:?}");
    }
}

#[test]
fn circuits_that_have_no_truth_table_are_refused() {
    let session = Session::with_adder();
    session.file("toggle.bench", "INPUT(x)\nOUTPUT(y)\nq = DFF(y)\ny = XOR(x, q)\n");
    session.file("nothing.aag", "aag 0 0 0 0 0\n");
    session.file("mute.bench", "INPUT(x)\ny = NOT(x)\n");
    session.file("empty.bench", "");
    session.file("loop.bench", "INPUT(x)\nOUTPUT(y)\ny = AND(x, z)\nz = NOT(y)\n");
    for (words, error) in [
        ("compile toggle.bench -o m", "cut it at its latches"),
        ("eval toggle.bench 0", "cut it at its latches"),
        ("verify adder.safetensors toggle.bench", "cut it at its latches"),
        ("compile nothing.aag -o m", "a circuit with an output"),
        ("compile mute.bench -o m", "a circuit with an output"),
        ("compile empty.bench -o m", "empty.bench: "),
        ("compile loop.bench -o m", "loop.bench:"),
    ] {
        session.refused(words, error);
    }
    for circuit in ["toggle.bench", "nothing.aag", "mute.bench"] {
        session.ok(&format!("info {circuit}"));
    }
}

#[test]
fn the_least_circuits_work_from_end_to_end() {
    let session = Session::new();
    for (name, text, inputs, outputs) in [
        ("true.aag", "aag 0 0 0 1 0\n1\n", "", "1"),
        ("false.aag", "aag 0 0 0 1 0\n0\n", "", "0"),
        ("wire.aag", "aag 1 1 0 1 0\n2\n2\n", "1", "1"),
        ("not.aag", "aag 1 1 0 1 0\n2\n3\n", "1", "0"),
        ("twice.aag", "aag 1 1 0 4 0\n2\n2\n3\n2\n0\n", "0", "0100"),
        ("unread.aag", "aag 2 2 0 1 0\n2\n4\n1\n", "01", "1"),
        ("one.bench", "INPUT(x)\nOUTPUT(y)\ny = AND(x, x)\n", "1", "1"),
    ] {
        session.file(name, text);
        for options in ["", "--unroll", "--layers 3 --causal", "--heads 4 --dtype bf16"] {
            let answer = session.ok(&format!("compile {name} -o m.safetensors --verify {options}"));
            assert!(answer.last_line().starts_with("VERIFIED"), "{name} {options}");
            let verdict = session.ok(&format!("verify m.safetensors {name} --method exhaustive"));
            assert!(verdict.last_line().starts_with("VERIFIED exhaustive"), "{name} {options}");
            for command in ["run m.safetensors".to_string(), format!("eval {name}")] {
                let bits = if inputs.is_empty() { "''" } else { inputs };
                let answer = session.ok(&format!("{command} {bits}"));
                assert_eq!(answer.text(), format!("{outputs}\n"), "{command} {options}");
            }
        }
        session.ok(&format!("info {name}"));
        session.ok("info m.safetensors");
    }
    session.ok("compile true.aag -o m.safetensors");
    assert_eq!(session.ok("run m.safetensors").text(), "1\n");
    assert_eq!(session.ok("eval true.aag").text(), "1\n");
    let refuted = session.call("verify m.safetensors false.aag");
    assert_eq!(refuted.status, 1);
    assert!(refuted.last_line().starts_with("REFUTED input= output=0 expected=0 got=1 "));
}

#[test]
fn the_same_command_writes_the_same_bytes() {
    let session = Session::new();
    for options in ["", "--dtype f16 --layers 2", "--heads 3 --causal", "--unroll --dtype f64"] {
        session.ok(&format!("compile popcount:5 -o a.safetensors {options}"));
        session.ok(&format!("compile popcount:5 -o b.safetensors {options}"));
        let read = |name: &str| fs::read(session.path(name)).unwrap();
        assert!(read("a.safetensors") == read("b.safetensors"), "{options}");
        let proof = |name: &str| {
            session.ok(&format!("verify a.safetensors popcount:5 --certificate {name}"));
            read(name)
        };
        assert!(proof("a.json") == proof("b.json"), "{options}");
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error_and_leaves_what_was_there() {
    let session = Session::with_adder();
    fs::create_dir(session.path("folder")).unwrap();
    for (output, error) in [
        ("missing/m.safetensors", "the folder must exist"),
        ("folder", "cannot write"),
        ("adder.bench/m.safetensors", "cannot write"),
        ("''", "the name of a file"),
        ("-", "the name of a file"),
    ] {
        session.refused(&format!("compile adder:2 -o {output}"), error);
    }
    session.refused("gen adder:2 -o missing/x.bench", "missing/x.bench: cannot write");
    session.refused("convert adder.bench missing/x.blif", "missing/x.blif: cannot write");
    session.refused(
        "verify adder.safetensors adder:2 --certificate missing/p.json",
        "missing/p.json: cannot write",
    );
    assert!(!session.call("compile adder:2 -o missing/m").stderr.contains(".circuit2tf-"));
    if cfg!(target_os = "linux") {
        session.refused("compile adder:2 -o /proc/m.safetensors", "cannot write");
        session.refused("compile adder:2 -o /dev/full", "cannot write");
    }
    // A failed compilation keeps the model that was there, a good one replaces it whole.
    session.refused("compile missing.bench -o adder.safetensors", "neither");
    session.ok("compile adder:3 -o adder.safetensors");
    assert_eq!(session.ok("info adder.safetensors --json").json()["inputs"], 6);
    assert_eq!(fs::read_dir(session.path("folder")).unwrap().count(), 0);
}

#[test]
fn circuits_travel_through_every_format() {
    let session = Session::with_adder();
    let right = session.ok("eval adder:2 1101 0110 1111 1000").text().to_string();
    let files =
        ["x.aag", "x.aig", "x.bench", "x.blif", "x.txt", "x.v", "x.json", "y.aag"].windows(2);
    session.ok("convert adder:2 x.aag");
    for pair in files {
        let (from, to) = (pair[0], pair[1]);
        let answer = session.ok(&format!("convert {from} {to}"));
        assert!(answer.last_line().starts_with(&format!("wrote {to} (")), "{}", answer.text());
        assert_eq!(session.ok(&format!("eval {to} 1101 0110 1111 1000")).text(), right, "{to}");
        session.ok(&format!("verify adder.safetensors {to}"));
    }
    session.ok("decompile adder.safetensors -o z.blif");
    assert_eq!(session.ok("eval z.blif 1101 0110 1111 1000").text(), right);
}

/// Whether the work asks between blocks of assignments or is deep inside one.
#[test]
#[cfg(unix)]
fn an_interrupt_stops_long_work_soon_and_leaves_nothing() {
    let session = Session::with_adder();
    let budget = "--budget 1000000000000";
    for options in ["--samples 1000000000000", "--loops 268435456"] {
        let before = session.files();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
        command.args("verify adder.safetensors adder:2 --method sample".split(' '));
        command.args(options.split(' ').chain(budget.split(' ')));
        command.current_dir(session.folder.path());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let start = Instant::now();
        let interrupt = format!("kill -INT {}", child.id());
        std::process::Command::new("sh").args(["-c", &interrupt]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        // No verdict, whatever was seen so far, but how much that was.
        assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0), "{options}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let words: Vec<&str> = stderr.split(' ').collect();
        assert_eq!((words[..2].to_vec(), words[3]), (vec!["error:", "stopped:"], "of"), "{stderr}");
        let [done, total] = [words[2], words[4]].map(|n| n.parse::<u64>().unwrap());
        let asked = if options.starts_with("--samples") { 1_000_000_000_000 } else { 10_000 };
        assert!(done < total && total == asked, "{stderr}");
        assert!(start.elapsed() < Duration::from_secs(5), "{options}: {:?}", start.elapsed());
        assert!(session.files() == before);
    }
}

/// A decoder's trace holds the tokens that its outputs are read from, and a thought for each loop.
#[test]
fn the_trace_of_a_decoder_is_what_it_writes() {
    let session = Session::new();
    session.ok("compile adder:3 -o cot.safetensors --scheme cot --vocab 4");
    session.ok("compile adder:3 -o thoughts.safetensors --scheme coconut --layers 2");
    for (file, thoughts) in [("cot.safetensors", 0), ("thoughts.safetensors", 3)] {
        let bytes = std::fs::read(session.path(file)).unwrap();
        let model = circuit2tf::model::file::from_bytes(&bytes, file).unwrap();
        let trace = session.ok(&format!("trace {file} 110101 --json")).json();
        let steps = trace["steps"].as_array().unwrap();
        let written = |o: usize| {
            let position = Value::from(model.output_positions[o]);
            let step = steps.iter().find(|step| step["position"] == position).unwrap();
            let slot = model.scheme_vectors["scheme.output_slots"][o] as usize;
            step["bits"].as_str().unwrap().chars().nth(slot).unwrap()
        };
        let outputs: String = (0..model.output_positions.len()).map(written).collect();
        assert_eq!(outputs, session.ok(&format!("run {file} 110101")).text().trim(), "{file}");
        let n_thoughts = steps.iter().filter(|step| step["kind"] == "thought").count();
        assert_eq!(n_thoughts, thoughts, "{file}");
        let csv = session.ok(&format!("trace {file} 110101 --format csv"));
        assert_eq!(csv.text().lines().count(), 1 + steps.len(), "{file}");
    }
    session.ok("compile adder:3 -o ends.safetensors --prelude 1 --coda 1");
    session.refused("explore ends.safetensors -o ends.html", "without prelude and coda");
}
