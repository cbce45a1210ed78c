//! Every scheme from outside: compiled, run, verified, traced and compared; wrong weights are found.

use std::path::PathBuf;

use assert_cmd::cargo::cargo_bin_cmd;
use circuit2tf::Result;
use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{self, Options};
use circuit2tf::family::generate;
use circuit2tf::model::{Model, Parts, Pass, Scheme, file};
use circuit2tf::network::Network;
use circuit2tf::reasoning::cost::Cost;
use circuit2tf::reasoning::{Compiler, Flag, Request, SCHEMES, named, universal};
use circuit2tf::trace::{Netlist, Trace};
use serde_json::Value;

fn schemes() -> Vec<Scheme> {
    SCHEMES.iter().map(|compiler| compiler.scheme()).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, words: &str) -> (i32, String, String) {
        let words = words.split_whitespace().map(|word| if word == "''" { "" } else { word });
        let output =
            cargo_bin_cmd!("circuit2tf").current_dir(self.0.path()).args(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn ok(&self, words: &str) -> String {
        let (status, stdout, stderr) = self.call(words);
        assert_eq!(status, 0, "{words}: {stdout}{stderr}");
        stdout
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{words} --json"))).unwrap()
    }

    fn model(&self, name: &str) -> Model {
        file::from_bytes(&std::fs::read(self.path(name)).unwrap(), name).unwrap()
    }
}

/// Circuits at the edge: no inputs, no gates, outputs that are constants, inputs and their complements, inputs
/// that nobody reads.
const EDGES: [(&str, &str, &[&str]); 7] = [
    ("true.aag", "aag 0 0 0 1 0\n1\n", &["''"]),
    ("false.aag", "aag 0 0 0 1 0\n0\n", &["''"]),
    ("wire.aag", "aag 1 1 0 1 0\n2\n2\n", &["0", "1"]),
    ("not.aag", "aag 1 1 0 1 0\n2\n3\n", &["0", "1"]),
    ("twice.aag", "aag 1 1 0 4 0\n2\n2\n3\n2\n0\n", &["0", "1"]),
    ("unread.aag", "aag 2 2 0 1 0\n2\n4\n1\n", &["00", "01", "10", "11"]),
    ("one.bench", "INPUT(x)\nOUTPUT(y)\ny = AND(x, x)\n", &["0", "1"]),
];

#[test]
fn every_scheme_goes_from_the_least_circuits_to_a_verdict_and_a_trace() {
    let folder = Folder::new();
    for (name, text, inputs) in EDGES {
        std::fs::write(folder.path(name), text).unwrap();
        for scheme in schemes() {
            folder.ok(&format!("compile {name} -o m.st --scheme {scheme}"));
            assert_eq!(folder.model("m.st").scheme, scheme);
            let verdict = folder.ok(&format!("verify m.st {name}"));
            let last = verdict.lines().last().unwrap();
            assert!(last.starts_with("VERIFIED"), "{name} {scheme}: {verdict}");
            for bits in inputs {
                let expected = folder.ok(&format!("eval {name} {bits}"));
                assert_eq!(folder.ok(&format!("run m.st {bits}")), expected, "{name} {scheme}");
                let trace = folder.json(&format!("trace m.st {bits}"));
                assert!(trace["steps"].is_array(), "{name} {scheme}");
                folder.ok(&format!("trace m.st {bits} --format csv"));
            }
        }
    }
}

#[test]
fn all_schemes_of_the_least_circuits_can_be_compared() {
    let folder = Folder::new();
    for (name, text, _) in EDGES {
        std::fs::write(folder.path(name), text).unwrap();
        let rows = folder.json(&format!("compare {name}"))["circuits"][0]["schemes"].clone();
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), SCHEMES.len(), "{name}");
        for row in rows {
            assert_eq!(row["verdict"]["verdict"], "VERIFIED", "{name}: {row}");
        }
    }
}

/// Adds 2 to one number of the unembedding or of an MLP's output bias.
fn with_2_more(model: &Model, in_unembedding: bool, index: usize) -> Option<Model> {
    let mut parts: Parts = model.clone().into_parts();
    let number = match in_unembedding {
        true => parts.w_u.iter_mut().nth(index)?,
        false => parts.blocks[0].b_out.iter_mut().nth(index)?,
    };
    *number += 2.0;
    Model::new(parts).ok()
}

#[test]
fn a_wrong_weight_is_refuted_in_every_scheme_with_a_true_counterexample() {
    let folder = Folder::new();
    for scheme in schemes() {
        folder.ok(&format!("compile adder:2 -o m.st --scheme {scheme}"));
        let model = folder.model("m.st");
        for in_unembedding in [true, false] {
            let (mut n_refuted, mut n_same) = (0, 0);
            for wrong in (0..).map_while(|i| with_2_more(&model, in_unembedding, i)) {
                std::fs::write(folder.path("wrong.st"), file::to_bytes(&wrong)).unwrap();
                let differs = (0..16).any(|number: u32| {
                    let bits: String =
                        (0..4).map(|i| if number >> i & 1 == 1 { '1' } else { '0' }).collect();
                    let run = folder.call(&format!("run wrong.st {bits}")).1;
                    run != folder.ok(&format!("eval adder:2 {bits}"))
                });
                let (status, text, _) = folder.call("verify wrong.st adder:2");
                let last = text.lines().last().unwrap().to_string();
                match differs {
                    true => assert!(last.starts_with("REFUTED"), "{scheme}: {text}"),
                    false => assert_ne!(status, 2, "{scheme}: {text}"),
                }
                if let Some(rest) = last.strip_prefix("REFUTED input=") {
                    let bits = rest.split(' ').next().unwrap();
                    let run = folder.call(&format!("run wrong.st {bits}")).1;
                    assert_ne!(run, folder.ok(&format!("eval adder:2 {bits}")), "{scheme}");
                    assert!(!text.contains("cannot say"), "{scheme}: {text}");
                    n_refuted += 1;
                } else {
                    n_same += 1;
                }
                if n_refuted >= 2 && n_same >= 1 {
                    break;
                }
            }
            assert!(n_refuted > 0, "{scheme}: no number matters");
        }
    }
}

/// Three-valued: a value is shown once it is known and never taken back; the loop stops when the outputs are.
#[test]
fn a_model_that_halts_shows_what_it_does_not_know() {
    let circuit = generate("adder:3").unwrap();
    let model = universal::compile(&circuit, "", &Options::default()).unwrap();
    let netlist = Netlist::of_circuit(&circuit, 2).unwrap();
    for number in 0..64 {
        let inputs: Vec<bool> = (0..6).map(|i| number >> i & 1 == 1).collect();
        let trace = Trace::run(&model, &inputs, model.n_loops).unwrap();
        let expected = netlist.values(&inputs).unwrap();
        let since = netlist.known_since(&expected);
        for step in 0..=model.n_loops {
            for (id, node) in netlist.nodes().iter().enumerate() {
                let bit = if expected[id] { '1' } else { '0' };
                let value = if step >= since[id] { bit } else { '?' };
                assert_eq!(trace.value(step, node.position), value, "{number} {step} {id}");
            }
        }
        let last = netlist.outputs().map(|(_, id)| since[id]).max();
        assert_eq!(trace.halted_after_loop, last);
    }
    let folder = Folder::new();
    folder.ok("compile adder:2 -o m.st --scheme universal");
    let text = folder.ok("trace m.st 1011 --circuit adder:2");
    assert!(text.contains("halts after loop 3") && text.contains("    ?     ?     ?     1✓"));
    let cut = folder.ok("trace m.st 1011 --loops 1");
    assert!(cut.contains("does not halt"), "{cut}");
    assert_eq!(folder.json("trace m.st 1011 --loops 1")["outputs"], "0??");
}

#[test]
fn a_comparison_measures_loops_and_comes_in_every_format() {
    let folder = Folder::new();
    let found = folder.json("compare adder:4 adder:8 --no-verify");
    for (c, mean, worst, n) in [(0, 5.2188, 7, 256), (1, 7.7216, 15, 65536)] {
        let rows = found["circuits"][c]["schemes"].as_array().unwrap();
        let taken = &rows[1]["loops_taken"];
        assert!((taken["mean"].as_f64().unwrap() - mean).abs() < 1e-4, "{taken}");
        assert_eq!(
            (&taken["worst"], &taken["inputs"], &taken["exhaustive"]),
            (&worst.into(), &n.into(), &true.into())
        );
        assert!(rows[0]["loops_taken"].is_null());
        assert_eq!(rows[0]["verdict"]["verdict"], "VERIFIED");
        assert_eq!(rows[0]["verdict"]["method"], "certificate");
    }
    let csv = folder.ok("compare adder:4 --format csv --no-verify");
    let n_columns = |line: &str| line.split(',').count();
    assert!(csv.lines().all(|line| n_columns(line) == n_columns(&csv[..csv.find('\n').unwrap()])));
    assert!(csv.contains("universal,7,5.21875,7,7,"), "{csv}");
    let text = folder.ok("compare adder:4 --scheme universal");
    assert!(text.contains("on all 256 inputs") && text.contains("VERIFIED exhaustive 256"));
    let sampled = folder.ok("compare adder:16 --scheme universal --samples 500");
    assert!(sampled.contains("a sample of 500 inputs") && sampled.contains("UNKNOWN sampled 500"));
    let markdown = folder.ok("compare adder:4 --format markdown --no-verify");
    assert!(markdown.contains("| universal | 7 | 5.22 | 7 |"), "{markdown}");
    folder
        .ok("compare parity:4..16 adder:2..4 --no-verify --format svg --plot steps,bits -o g.svg");
    let svg = std::fs::read_to_string(folder.path("g.svg")).unwrap();
    // Two families beside each other, two quantities below each other.
    assert_eq!(svg.matches("<g transform=\"translate(").count(), 4, "{svg}");
    for words in
        ["adder: sequential steps", "parity: bits a pass", "recurrent, universal, pause, unrolled"]
    {
        assert!(svg.contains(words), "{words}");
    }
}

#[test]
fn what_makes_no_sense_of_schemes_is_refused() {
    let folder = Folder::new();
    for words in [
        "compare",
        "compare adder:8..4",
        "compare adder:0..4",
        "compare adder:4 nothing:1",
        "compare adder:4 --scheme magic",
        "compare adder:4 --vocab 1",
        "compare adder:4 --vocab 0",
        "compare adder:4 --layers 0",
        "compare adder:4 --heads 9",
        "compare adder:4 --plot cost",
        "compare adder:4 --format svg -o no/such/folder.svg",
        "compare adder:4 --scheme recurrent --format svg --plot tokens",
        "halting nothing:1",
        "halting adder:4 --rule never",
        "halting adder:4 --layers 0",
        "halting adder:4 -o times.txt",
        "halting adder:4 --heads 6",
        "compile adder:4 -o m.st --scheme universal --prelude 1",
        "compile adder:4 -o m.st --scheme pause --pause 3",
        "compile adder:4 -o m.st --scheme cot --layers 2",
        "compile adder:4 -o m.st --scheme cot --vocab 1",
        "compile adder:4 -o m.st --scheme coconut --layers 0",
        "compile adder:4 -o m.st --scheme unrolled --layers 2",
        "compile adder:4 -o m.st --scheme magic",
    ] {
        let (status, stdout, stderr) = folder.call(words);
        assert_eq!((status, stdout.as_str()), (2, ""), "{words}: {stderr}");
        assert!(stderr.contains("error: ") && !stderr.contains("panicked"), "{words}: {stderr}");
    }
    assert!(!folder.path("m.st").exists());
}

/// A scheme that is in no room of the crate: the recurrent one, with as many loops again to spare.
#[derive(Debug)]
struct Patient;

impl Compiler for Patient {
    fn scheme(&self) -> Scheme {
        Scheme::new("patient", Pass::Looped)
    }

    fn reads(&self) -> &'static [Flag] {
        &[Flag::LAYERS]
    }

    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
        let parts = SCHEMES[0].compile(circuit, source_sha256, request)?.into_parts();
        Model::new(Parts { scheme: self.scheme(), n_loops: 2 * parts.n_loops, ..parts })
    }

    fn cost(&self, network: &Network, request: &Request) -> Result<Cost> {
        let cost = SCHEMES[0].cost(network, request)?;
        let (passes, steps) = (2 * cost.passes, 2 * cost.steps);
        Ok(Cost { scheme: self.scheme(), passes, steps, ..cost })
    }
}

/// A registry with a row more.
fn with_patient() -> Vec<&'static dyn Compiler> {
    SCHEMES.into_iter().chain([&Patient as &dyn Compiler]).collect()
}

#[test]
fn a_row_more_is_a_scheme_more() {
    let (registry, circuit) = (with_patient(), generate("adder:2").unwrap());
    let compiler = named(&registry, "patient").unwrap();
    let error = named(&registry, "magic").unwrap_err().to_string();
    assert!(error.contains("cot, unrolled, patient"), "{error}");
    assert!(named(&SCHEMES, "patient").is_err());

    let request = Request { layers: Some(2), vocab: Some(4), ..Request::default() };
    let error = request.require_read_by(compiler).unwrap_err().to_string();
    assert!(error.contains("no --vocab with the scheme patient"), "{error}");
    let request = request.read_by(compiler);
    request.require_read_by(compiler).unwrap();

    let network = compile::map(&circuit, &request.options()).unwrap().network;
    let cost = compiler.cost(&network, &request).unwrap();
    let model = compiler.compile(&circuit, "", &request).unwrap();
    assert_eq!((cost.scheme, cost.steps), (model.scheme, model.schedule().n_steps()));
    assert_eq!(compiler.remark(&model), None);
}

/// The program has never heard of the scheme, and runs, shows and certifies its model by the pass in the file.
#[test]
fn a_file_of_an_unknown_scheme_runs_by_its_pass() {
    let (folder, circuit) = (Folder::new(), generate("adder:2").unwrap());
    let model = Patient.compile(&circuit, "", &Request::default()).unwrap();
    let bytes = file::to_bytes(&model);
    assert_eq!(file::from_bytes(&bytes, "m.st").unwrap(), model);
    std::fs::write(folder.path("m.st"), &bytes).unwrap();
    assert!(folder.ok("info m.st").contains("1 layers x 6 loops (patient)"));
    let verdict = folder.ok("verify m.st adder:2 --certificate m.json");
    assert!(verdict.contains("VERIFIED certificate"), "{verdict}");
    assert!(folder.ok("check m.json m.st adder:2").contains("VERIFIED"));
    assert_eq!(folder.ok("run m.st 1111"), folder.ok("eval adder:2 1111"));

    let changed = |old: &str, new: &str| {
        assert_eq!(old.len(), new.len());
        let at = bytes.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
        let mut bytes = bytes.clone();
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
        file::from_bytes(&bytes, "m.st").unwrap_err().to_string()
    };
    for (old, new, expected) in [
        ("\"pass\"", "\"past\"", "a scheme: recurrent, universal, coconut, pause, cot, unrolled"),
        ("\"looped\"", "\"stands\"", "a pass: looped, halting, thoughts, tokens"),
        ("patient", "coconut", "the pass thoughts with the scheme coconut"),
        ("patient", "Patient", "a scheme: recurrent"),
    ] {
        let error = changed(old, new);
        assert!(error.contains(expected), "{old} as {new}: {error}");
    }
}

#[test]
fn the_registry_the_files_and_the_readme_name_the_same_schemes() {
    let schemes = schemes();
    assert!(Scheme::KNOWN.iter().all(|known| schemes.contains(known)), "a row is lost");
    let readme = include_str!("../README.md");
    for scheme in &schemes {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{scheme}` |")));
        assert!(row.is_some(), "the README has no row for {scheme}");
        let runner =
            format!("{}/tests/interop/{}", env!("CARGO_MANIFEST_DIR"), scheme.pass().numpy());
        assert!(std::path::Path::new(&runner).exists(), "{runner}");
    }
    // Each pass is some scheme's, so that each is compiled for, run and verified above.
    assert!(Pass::ALL.iter().all(|&pass| schemes.iter().any(|scheme| scheme.pass() == pass)));
}
