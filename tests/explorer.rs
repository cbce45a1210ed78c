//! The explorer's forward pass, run by Node, against the reference engine, bit by bit.
//!
//! The test that needs Node is ignored unless it is asked for, as `.ci/run` does.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::run::Reference;
use circuit2tf::verify::bit_string;
use serde_json::{Value, json};

/// Per input the bits of all positions after each layer, by the page's modules.
fn page_bits(model: &Model, loops: usize, inputs: &[Vec<bool>]) -> Value {
    let inputs: Vec<Vec<u8>> =
        inputs.iter().map(|bits| bits.iter().map(|&bit| bit.into()).collect()).collect();
    let model = BASE64_STANDARD.encode(file::to_bytes(model));
    let request = json!({ "model": model, "loops": loops, "inputs": inputs }).to_string();
    let mut child = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/forward.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node starts");
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn reference_bits(model: &Model, loops: usize, inputs: &[Vec<bool>]) -> Value {
    let engine = Reference::new(model).unwrap();
    let run = |input: &Vec<bool>| {
        let mut steps = Vec::new();
        engine.trace(input, loops, |step| steps.push(bit_string(&step.bits))).unwrap();
        steps
    };
    json!(inputs.iter().map(run).collect::<Vec<_>>())
}

#[test]
#[ignore = "needs Node"]
fn the_page_runs_the_weights_as_the_reference_engine_does() {
    let cases = [
        ("adder:2", Options { layers: 2, ..Options::default() }),
        ("mux:2", Options { heads: 3, dtype: Dtype::F64, ..Options::default() }),
        ("comparator:2", Options { causal: true, dtype: Dtype::F16, ..Options::default() }),
        ("parity:5", Options { dtype: Dtype::Bf16, collapse: 2, ..Options::default() }),
        ("majority:5", Options { unroll: true, ..Options::default() }),
        ("adder:4", Options::default()),
        ("parity:10", Options { heads: 3, layers: 2, ..Options::default() }),
        // So soft that operands leak and nodes go wrong: the same ones here and there.
        ("adder:2", Options { inverse_temperature: 0.5, ..Options::default() }),
        ("adder:2", Options { inverse_temperature: 0.25, dtype: Dtype::F16, ..Options::default() }),
    ];
    for (spec, options) in cases {
        let circuit = generate(spec).unwrap();
        let model = compile(&circuit, "", &options).unwrap();
        let n = model.input_positions.len();
        let inputs: Vec<Vec<bool>> =
            (0..1usize << n).map(|a| (0..n).map(|i| a >> i & 1 == 1).collect()).collect();
        let loops = model.n_loops + 1;
        let expected = reference_bits(&model, loops, &inputs);
        assert_eq!(page_bits(&model, loops, &inputs), expected, "{spec} {options:?}");
    }
}

/// The program in a folder of its own.
struct Session {
    folder: tempfile::TempDir,
}

impl Session {
    fn new() -> Self {
        let session = Session { folder: tempfile::tempdir().unwrap() };
        session.ok("compile adder:2 -o adder.safetensors --layers 2");
        session
    }

    fn call(&self, line: &str) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_circuit2tf"))
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn ok(&self, line: &str) -> String {
        let output = self.call(line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The message of a call that is refused with status 2 and prints and writes nothing.
    fn refused(&self, line: &str) -> String {
        let before = std::fs::read_dir(self.folder.path()).unwrap().count();
        let output = self.call(line);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{line}");
        assert_eq!(std::fs::read_dir(self.folder.path()).unwrap().count(), before, "{line}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

/// `(step, position)` and the fields bit, expected and mark of each line.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    text.lines().skip(1).map(|line| line.split(',').map(str::to_string).collect()).collect()
}

/// A universal model holds three values: a question mark until a node is known, and never a stale bit.
#[test]
fn trace_shows_what_a_universal_model_does_not_know() {
    let session = Session::new();
    session.ok("compile and:4 -o u.safetensors --scheme universal");
    for bits in ["1111", "1011", "0000"] {
        let line = format!("trace u.safetensors {bits} --circuit and:4");
        let json: Value = serde_json::from_str(&session.ok(&format!("{line} --json"))).unwrap();
        for row in csv_rows(&session.ok(&format!("{line} --format csv"))) {
            let (step, position): (u64, usize) = (row[0].parse().unwrap(), row[3].parse().unwrap());
            let nodes = json["nodes"].as_array().unwrap();
            let node = nodes.iter().find(|node| node["position"] == position).unwrap();
            let is_known = node["known_since_step"].as_u64().unwrap() <= step;
            let known = json["steps"][step as usize]["known"].as_str().unwrap().as_bytes();
            assert_eq!(known[position] == b'1', is_known, "{row:?}");
            let shown = if is_known { node["expected"].to_string() } else { "?".to_string() };
            assert_eq!(row[7], shown, "{row:?}");
            assert_eq!(row[9], if is_known { "right" } else { "not yet known" }, "{row:?}");
        }
    }
    let text = session.ok("trace u.safetensors 1111 --circuit and:4 --loops 1");
    assert!(text.contains("output y = ? (not yet known), not known before loop 2"), "{text}");
}

/// A prelude and a coda are shown as what they are, and all layers together are those of the plain loop.
#[test]
fn trace_shows_the_prelude_and_the_coda() {
    let session = Session::new();
    session.ok("compile adder:2 -o plain.safetensors");
    session.ok("compile adder:2 -o ends.safetensors --prelude 1 --coda 1");
    let bits = |file: &str| -> Vec<Value> {
        let json = session.ok(&format!("trace {file} 1101 --json"));
        let json: Value = serde_json::from_str(&json).unwrap();
        json["steps"].as_array().unwrap().iter().map(|step| step["bits"].clone()).collect()
    };
    assert_eq!(bits("plain.safetensors"), bits("ends.safetensors"));
    let grid = session.ok("trace ends.safetensors 1101");
    assert!(grid.contains("after loop (p: prelude, c: coda)"), "{grid}");
    let rows = csv_rows(&session.ok("trace ends.safetensors 1101 --format csv"));
    let parts = |part: &str| rows.iter().filter(|row| row[1] == part && row[2] == "1").count();
    assert!(parts("prelude") == parts("1") && parts("coda") == parts("1") && parts("1") > 0);
    session.refused("explore ends.safetensors -o page.html");
}

/// Many inputs at a time: the bits that one trace each gives.
#[test]
fn trace_takes_a_file_of_inputs() {
    let session = Session::new();
    std::fs::write(session.folder.path().join("inputs"), "0110\n1111\n").unwrap();
    let line = "trace adder.safetensors --inputs inputs";
    let many: Value = serde_json::from_str(&session.ok(&format!("{line} --json"))).unwrap();
    for (i, bits) in ["0110", "1111"].into_iter().enumerate() {
        let one = session.ok(&format!("trace adder.safetensors {bits} --json"));
        let one: Value = serde_json::from_str(&one).unwrap();
        assert_eq!(many["traces"][i]["inputs"], bits);
        for (step, expected) in one["steps"].as_array().unwrap().iter().enumerate() {
            assert_eq!(many["traces"][i]["steps"][step], expected["bits"]);
            let csv = format!("{bits},{step},{}\n", expected["bits"].as_str().unwrap());
            assert!(session.ok(line).contains(&csv));
        }
    }
    session.refused("trace adder.safetensors 0110 --inputs inputs");
}

#[test]
fn trace_says_the_same_as_a_grid_csv_and_json() {
    let session = Session::new();
    for number in 0..16 {
        let bits = format!("{number:04b}");
        let json: Value =
            serde_json::from_str(&session.ok(&format!("trace adder.safetensors {bits} --json")))
                .unwrap();
        let outputs = session.ok(&format!("eval adder:2 {bits}"));
        assert_eq!(json["outputs"], outputs.trim());
        let nodes = json["nodes"].as_array().unwrap();
        let rows = csv_rows(&session.ok(&format!("trace adder.safetensors {bits} --format csv")));
        assert_eq!(rows.len(), nodes.len() * json["steps"].as_array().unwrap().len());
        for row in &rows {
            let (step, position): (usize, usize) =
                (row[0].parse().unwrap(), row[3].parse().unwrap());
            let held = json["steps"][step]["bits"].as_str().unwrap();
            assert_eq!(&held[position..=position], row[7]);
            let at_end = step == 4;
            assert!(row[9] != "wrong" && (!at_end || row[9] == "right"), "{row:?}");
        }
        let grid = session.ok(&format!("trace adder.safetensors {bits} --circuit adder:2"));
        assert!(grid.contains("✓ right") && !grid.contains('\x1b'), "{grid}");
        let node_rows = grid.lines().filter(|line| line.trim_start().starts_with(char::is_numeric));
        assert_eq!(node_rows.count(), nodes.len());
        assert_eq!(
            grid.matches('~').count() - 1,
            rows.iter().filter(|row| row[9] == "stale").count()
        );
    }
}

#[test]
fn trace_shows_too_few_loops_and_refuses_what_does_not_fit() {
    let session = Session::new();
    let short = session.ok("trace adder.safetensors 1101 --loops 1");
    assert!(short.contains("output sum[2] = 1 (right)") || short.contains("(stale)"), "{short}");
    assert!(session.refused("trace adder.safetensors 110").contains("4 bits"));
    assert!(session.refused("trace adder.safetensors 11x1").contains("0 and 1"));
    assert!(session.refused("trace adder.safetensors").contains("expected 4 bits"));
    assert!(session.refused("trace adder:2 1101").contains("model file"));
    assert!(session.refused("trace adder.safetensors 1101 --loops 99999999").contains("trace"));
}

#[test]
fn a_wide_circuit_is_counted_by_level_and_a_deep_one_is_cut() {
    let session = Session::new();
    session.ok("compile mult:8 -o wide.safetensors");
    let bits = "1".repeat(16);
    let output = session.call(&format!("trace wide.safetensors {bits}"));
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("counted by level") && note.contains("columns"), "{note}");
    let text = String::from_utf8(output.stdout).unwrap();
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest < 200, "{widest}");
    assert!(text.lines().count() < 80);
}

#[test]
fn figures_are_written_whole_or_not_at_all() {
    let session = Session::new();
    let figures = [
        "plot circuit adder:2",
        "plot circuit adder.safetensors --circuit adder:2 --bits 1101 --step 1",
        "plot stream adder.safetensors --bits 1101",
        "plot attention adder:2 --layers 2 --causal --head 1",
        "plot loops adder:2",
        "plot tradeoff adder:2",
    ];
    for figure in figures {
        session.ok(&format!("{figure} -o figure.svg"));
        let svg = session.read("figure.svg");
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{figure}");
        assert!(svg.contains("<title>") && svg.contains("prefers-color-scheme"), "{figure}");
        let unbalanced = ["svg", "g", "text", "title", "style"].into_iter().find(|name| {
            let opened = svg.matches(&format!("<{name}>")).count()
                + svg.matches(&format!("<{name} ")).count();
            opened != svg.matches(&format!("</{name}>")).count()
        });
        assert_eq!(unbalanced, None, "{figure}");
        session.ok(&format!("{figure} -o again.svg"));
        assert_eq!(svg, session.read("again.svg"), "{figure}");
    }
    assert!(session.refused("plot attention adder:2 --head 2 -o x.svg").contains("head below 2"));
    assert!(session.refused("plot stream adder:2 --step 9 -o x.svg").contains("at most 3"));
    assert!(session.refused("plot stream adder.safetensors --layers 2 -o x.svg").contains("flags"));
    assert!(session.refused("plot attention mult:12 -o x.svg").contains("squares"));
}

#[test]
fn pages_are_written_for_circuits_and_models_and_large_ones_refused() {
    let session = Session::new();
    session.ok("explore adder:2 --layers 2 -o circuit.html");
    session.ok("explore adder.safetensors --circuit adder:2 -o model.html");
    let (circuit, model) = (session.read("circuit.html"), session.read("model.html"));
    let body = |page: &str| page.split_once("id=\"data\">").unwrap().1.to_string();
    assert_eq!(body(&circuit), body(&model), "the same model, under other titles");
    assert!(
        !circuit.contains("http://") || circuit.matches("http://").count() == 1,
        "the SVG namespace"
    );
    assert!(!circuit.contains("https://") && !circuit.contains(" src="));
    assert!(session.refused("explore mult:12 -o page.html").contains("at most 300 nodes"));
    assert!(
        session.refused("explore adder:2 --circuit adder:2 -o page.html").contains("--circuit")
    );
}
