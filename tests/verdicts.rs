//! What verdicts say: what they are about, by which scheme, and what a kept certificate is worth.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Model, Parts, Scheme, file};
use circuit2tf::run::HALTING;
use circuit2tf::verify::sha256;
use ndarray::{Array1, Array2, Array3, Axis, concatenate};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Exit status, stdout, stderr.
type Answer = (i32, String, String);

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, words: &str) -> Answer {
        call(self.0.path(), words)
    }

    fn ok(&self, words: &str) -> String {
        let (status, out, err) = self.call(words);
        assert_eq!(status, 0, "{words}: {out}{err}");
        out
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.call(&format!("{words} --json")).1).unwrap()
    }

    fn hash(&self, name: &str) -> String {
        sha256(&fs::read(self.path(name)).unwrap())
    }
}

fn call(folder: &Path, words: &str) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
    let output = command.args(words.split_whitespace()).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let status = output.status.code().unwrap_or_else(|| panic!("{words}: no exit status"));
    (status, text(&output.stdout), text(&output.stderr))
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

/// Every way to a verdict line, and every JSON document with a verdict.
#[test]
fn every_verdict_names_model_and_circuit_by_their_hashes() {
    let folder = Folder::new();
    folder.ok("gen adder:3 -o adder.bench");
    folder.ok("compile adder.bench -o m");
    folder.ok("compile adder:3 --scheme universal -o u");
    folder.ok("verify m adder.bench --certificate c.json");
    folder.call("verify m adder.bench --method exhaustive --shard 1/1 -o s.json");
    let [m, u, file] = ["m", "u", "adder.bench"].map(|name| folder.hash(name));
    let spec = sha256(b"adder:3");
    for (words, status, model, circuit) in [
        ("verify m adder.bench", 0, &m, &file),
        ("verify m adder:3", 0, &m, &spec),
        ("verify m adder:3 --method miter", 0, &m, &spec),
        ("verify m adder.bench --method exhaustive", 0, &m, &file),
        ("verify m adder.bench --method sample", 3, &m, &file),
        ("verify m adder.bench --engines reference,resident", 0, &m, &file),
        ("verify m adder.bench --loops 1", 1, &m, &file),
        ("verify m adder.bench --loops 1 --engines all", 1, &m, &file),
        ("verify m adder.bench --method exhaustive --shard 1/2 -o s2.json", 3, &m, &file),
        ("verify u adder.bench", 0, &u, &file),
        ("verify u adder.bench --method certificate", 3, &u, &file),
        ("verify u adder.bench --method sample", 3, &u, &file),
        ("verify merge m adder.bench s.json", 0, &m, &file),
        ("check c.json m adder.bench", 0, &m, &file),
        ("compile adder.bench -o m --verify", 0, &m, &file),
    ] {
        let (found, out, err) = folder.call(words);
        assert_eq!(found, status, "{words}: {out}{err}");
        let end = format!(" pairing=name model={} circuit={}", &model[..12], &circuit[..12]);
        assert!(last_line(&out).ends_with(&end), "{words}: {out}");
        let json = folder.json(words);
        let json = if words.starts_with("compile") { &json["verdict"] } else { &json };
        assert_eq!(
            (&json["model_sha256"], &json["circuit_sha256"]),
            (&json!(model), &json!(circuit))
        );
        let how = json["how"].as_str().unwrap();
        assert!(out.contains(&format!("{} {how} ", json["verdict"].as_str().unwrap())), "{words}");
    }
}

/// A model with one more channel, which no layer reads or writes and which is 1 everywhere, declared to be the
/// halting channel of the scheme universal.
fn declared_universal(model: Model) -> Model {
    let mut parts = model.into_parts();
    let n_ctx = parts.w_pos.nrows();
    let zeros = |n| Array2::zeros((n, 1));
    let n_heads = parts.blocks[0].w_q.dim().0;
    for block in &mut parts.blocks {
        let d_head = block.w_q.dim().2;
        for w in [&mut block.w_q, &mut block.w_k, &mut block.w_v] {
            *w = wider(Axis(1), w, &Array3::zeros((n_heads, 1, d_head)));
        }
        block.w_o = wider(Axis(2), &block.w_o, &Array3::zeros((n_heads, d_head, 1)));
        block.b_o = wider(Axis(0), &block.b_o, &Array1::zeros(1));
        block.w_in = wider(Axis(0), &block.w_in, &Array2::zeros((1, block.w_in.ncols())));
        block.w_out = wider(Axis(1), &block.w_out, &zeros(block.w_out.nrows()));
        block.b_out = wider(Axis(0), &block.b_out, &Array1::zeros(1));
    }
    parts.w_e = wider(Axis(1), &parts.w_e, &zeros(3));
    parts.w_pos = wider(Axis(1), &parts.w_pos, &Array2::ones((n_ctx, 1)));
    parts.w_u = wider(Axis(0), &parts.w_u, &Array2::zeros((1, 2)));
    let channel = parts.labels.channel_names.len() as i64;
    parts.labels.channel_names.push("halt".to_string());
    let scheme_vectors = [(HALTING.to_string(), vec![channel])].into();
    Model::new(Parts { scheme: Scheme::UNIVERSAL, scheme_vectors, ..parts }).unwrap()
}

fn wider<D: ndarray::RemoveAxis>(
    axis: Axis,
    a: &ndarray::Array<f64, D>,
    b: &ndarray::Array<f64, D>,
) -> ndarray::Array<f64, D> {
    concatenate(axis, &[a.view(), b.view()]).unwrap()
}

/// The block computes the AND, and the halting channel stops every input before the first loop.
#[test]
fn a_scheme_that_the_proof_is_not_about_has_no_certificate() {
    let folder = Folder::new();
    let model = compile(&generate("and:8").unwrap(), "", &Options::default()).unwrap();
    let bytes = file::to_bytes(&declared_universal(model));
    fs::write(folder.path("early"), bytes).unwrap();
    for scheme in ["universal", "coconut", "cot"] {
        folder.ok(&format!("compile and:8 --scheme {scheme} -o {scheme}"));
    }
    for (name, scheme) in
        [("early", "universal"), ("universal", "universal"), ("coconut", "coconut"), ("cot", "cot")]
    {
        for method in ["certificate", "miter"] {
            let words = format!("verify {name} and:8 --method {method} --certificate {name}.json");
            let (status, out, _) = folder.call(&words);
            assert_eq!(status, 3, "{words}: {out}");
            let says = format!("the scheme {scheme}, which ");
            let last = last_line(&out);
            assert!(last.starts_with("UNKNOWN certificate C0: ") && last.contains(&says), "{out}");
            assert_eq!(folder.call(&format!("check {name}.json {name} and:8")).0, 3);
        }
        let (status, _, err) = folder.call(&format!("decompile {name} -o x.bench"));
        assert!(status == 2 && err.contains(&format!("the scheme {scheme}")), "{name}: {err}");
        assert!(!folder.path("x.bench").exists());
        let fields = folder.ok(&format!("info {name} --receptive-fields"));
        assert!(fields.contains(&format!("the scheme {scheme}")), "{fields}");
    }
    let (status, out, _) = folder.call("verify early and:8");
    assert!(status == 1 && last_line(&out).starts_with("REFUTED input=11111111 "), "{out}");
}

/// The pass without the rule is what a model alone is held against: the engine against itself is never wrong.
#[test]
fn halting_of_a_model_is_held_against_something_that_does_not_halt() {
    let folder = Folder::new();
    let model = compile(&generate("and:8").unwrap(), "", &Options::default()).unwrap();
    fs::write(folder.path("early"), file::to_bytes(&declared_universal(model))).unwrap();
    let (status, out, _) = folder.call("halting early");
    assert!(status == 1 && last_line(&out).contains(" wrong=1 "), "{out}");
    let (status, out, _) = folder.call("halting early --circuit and:8");
    assert!(status == 1 && last_line(&out).contains(" wrong=1 "), "{out}");
    folder.ok("compile and:8 --scheme universal -o right");
    let out = folder.ok("halting right --circuit and:8");
    assert!(last_line(&out).contains(" wrong=0 "), "{out}");
    let (status, _, err) = folder.call("halting and:8 --circuit and:8");
    assert!(status == 2 && err.contains("--circuit"), "{err}");
}

/// What halts is right when it stops, and always stops: a look at outputs after some loops says neither.
#[test]
fn a_model_that_halts_is_looked_at_whole_or_not_at_all() {
    let folder = Folder::new();
    let model = compile(&generate("and:8").unwrap(), "", &Options::default()).unwrap();
    fs::write(folder.path("early"), file::to_bytes(&declared_universal(model))).unwrap();
    folder.ok("compile and:8 --scheme universal -o right");
    let mut parts =
        file::from_bytes(&fs::read(folder.path("right")).unwrap(), "right").unwrap().into_parts();
    // A channel of the address, which is no promise of anything.
    let never = parts.blocks[0].w_v.shape()[1] as i64 - 1;
    parts.scheme_vectors.insert(HALTING.to_string(), vec![never]);
    fs::write(folder.path("never"), file::to_bytes(&Model::new(parts).unwrap())).unwrap();
    for name in ["early", "right", "never"] {
        let words = format!("verify {name} and:8 --method exhaustive --shard 1/1 -o s.json");
        for engine in ["", " --engine dense"] {
            let (status, out, err) = folder.call(&format!("{words}{engine}"));
            assert!(status == 2 && out.is_empty() && err.contains("whose models halt"), "{err}");
        }
        let (status, _, err) = folder.call(&format!("run {name} 11111111 --engine dense"));
        assert!(status == 2 && err.contains("reference or resident"), "{err}");
    }
    let whole = folder.call("verify never and:8");
    assert!(last_line(&whole.1).starts_with("UNKNOWN halting: "), "{whole:?}");
    for (name, word) in [("right", "VERIFIED"), ("never", "UNKNOWN"), ("early", "REFUTED")] {
        let (_, out, _) = folder.call(&format!("verify {name} and:8 --engines all"));
        assert!(last_line(&out).starts_with(word), "{name}: {out}");
    }
    // Wrong by too few loops: nothing is wrong yet that says that it is not known.
    folder.ok("compile adder:4 --scheme universal -o adder");
    let (status, out, _) = folder.call("verify adder adder:4 --loops 2");
    assert!(status == 3 || out.contains("not known yet after 2 layers"), "{out}");
    let (status, out, _) = folder.call("halting early");
    assert!(status == 1 && out.contains("pass=1 stopped=0"), "{out}");
}

#[test]
fn a_certificate_knows_its_loops() {
    let folder = Folder::new();
    folder.ok("compile adder:3 -o m");
    for loops in [5, 6, 40] {
        folder.ok(&format!("verify m adder:3 --loops {loops} --certificate c.json"));
        let out = folder.ok("check c.json m adder:3");
        assert!(last_line(&out).contains(&format!("loops>={loops} ")), "{out}");
    }
    let (status, ..) = folder.call("verify m adder:3 --loops 2 --certificate c.json");
    assert_eq!((status, folder.call("check c.json m adder:3").0), (1, 3));
    for method in ["certificate", "miter"] {
        folder.ok(&format!("verify m adder-ks:3 --method {method} --certificate c.json"));
        folder.ok("check c.json m adder-ks:3");
    }
    folder.ok("verify m adder:3 --method miter --certificate c.json");
    folder.ok("check c.json m adder:3");
}

/// Every entry changed, removed, and one added beside it: each is refused, by name.
#[test]
fn a_certificate_with_any_entry_edited_is_refused_by_name() {
    let folder = Folder::new();
    folder.ok("compile adder:2 --layers 2 -o m");
    for verify in ["verify m adder:2", "verify m adder:2 --loops 1 --method certificate"] {
        folder.call(&format!("{verify} --certificate c.json"));
        let text = fs::read_to_string(folder.path("c.json")).unwrap();
        let kept: Value = serde_json::from_str(&text).unwrap();
        let mut edits = Vec::new();
        edit(&kept, "", &mut |name, document| edits.push((name.to_string(), document)));
        assert!(edits.len() > 100, "{}", edits.len());
        // What wrote the file is no part of the proof.
        edits.retain(|(name, document)| name != "program" || !document["program"].is_string());
        for (name, document) in edits {
            fs::write(folder.path("edited.json"), document.to_string()).unwrap();
            let (status, out, err) = folder.call("check edited.json m adder:2");
            assert_eq!((status, out.as_str()), (2, ""), "{name}: {document}");
            assert!(err.contains("edited.json: ") && err.contains(&name), "{name}: {err}");
        }
        fs::write(folder.path("edited.json"), kept.to_string()).unwrap();
        let (status, ..) = folder.call("check edited.json m adder:2");
        assert_ne!(status, 2, "another layout of the text is no edit");
    }
}

/// Calls `f` with the name of every entry and the whole document with that entry edited.
fn edit(value: &Value, name: &str, f: &mut dyn FnMut(&str, Value)) {
    match value {
        Value::Object(entries) => {
            for (key, entry) in entries {
                let with = |edited: Option<Value>| {
                    let mut entries = entries.clone();
                    match edited {
                        Some(edited) => entries.insert(key.clone(), edited),
                        None => entries.remove(key),
                    };
                    Value::Object(entries)
                };
                f(key, with(None));
                edit(entry, key, &mut |name, edited| f(name, with(Some(edited))));
            }
            let mut more = entries.clone();
            more.insert("unheard_of".to_string(), json!(1));
            f("unheard_of", Value::Object(more));
        }
        Value::Array(entries) => {
            for (i, entry) in entries.iter().enumerate() {
                let with = |edited: Value| {
                    let mut entries = entries.clone();
                    entries[i] = edited;
                    Value::Array(entries)
                };
                edit(entry, name, &mut |name, edited| f(name, with(edited)));
            }
            f(name, json!(entries[..entries.len() - 1]));
            f(name, json!([&entries[..], &entries[..1]].concat()));
        }
        Value::String(text) => f(name, json!(format!("{text}0"))),
        Value::Number(number) => f(name, json!(number.as_f64().unwrap() + 1.0)),
        Value::Bool(value) => f(name, json!(!value)),
        Value::Null => f(name, json!(1)),
    }
    if !value.is_object() && !value.is_array() {
        f(name, json!({ "nested": true }));
    }
}

/// x = p and not q, y = p; the inputs in two orders, with their meanings exchanged, and by other names.
const ORDERS: [(&str, &str); 4] = [
    ("order1.blif", ".inputs p q\n.outputs x y\n.names p q x\n10 1\n.names p y\n1 1\n"),
    ("order2.blif", ".inputs q p\n.outputs y x\n.names p q x\n10 1\n.names p y\n1 1\n"),
    ("swapped.blif", ".inputs q p\n.outputs x y\n.names q p x\n10 1\n.names q y\n1 1\n"),
    ("others.blif", ".inputs P1 Q1\n.outputs x y\n.names P1 Q1 x\n10 1\n.names P1 y\n1 1\n"),
];

fn orders() -> Folder {
    let folder = Folder::new();
    for (name, body) in ORDERS {
        fs::write(folder.path(name), format!(".model m\n{body}.end\n")).unwrap();
    }
    folder.ok("compile order1.blif -o m");
    for scheme in ["universal", "coconut", "cot"] {
        folder.ok(&format!("compile order1.blif --scheme {scheme} -o {scheme}"));
    }
    folder
}

#[test]
fn ports_are_paired_by_name_where_the_names_are_the_same_and_the_verdict_says_so() {
    let folder = orders();
    for method in ["", " --method miter", " --method exhaustive", " --engines all"] {
        for (circuit, status, pairing) in [
            ("order1.blif", 0, "name"),
            ("order2.blif", 0, "name"),
            ("swapped.blif", 1, "name"),
            ("others.blif", 0, "position"),
            ("order2.blif --pair position", 1, "position"),
            ("swapped.blif --pair position", 0, "position"),
            ("order1.blif --pair name", 0, "name"),
        ] {
            let words = format!("verify m {circuit}{method}");
            let (found, out, err) = folder.call(&words);
            assert_eq!(found, status, "{words}: {out}{err}");
            assert!(last_line(&out).contains(&format!(" pairing={pairing} model=")), "{out}");
            assert_eq!(folder.json(&words)["pairing"], pairing, "{words}");
        }
    }
    for scheme in ["universal", "coconut", "cot"] {
        for (circuit, status) in
            [("order1.blif", 0), ("order2.blif", 0), ("swapped.blif", 1), ("others.blif", 0)]
        {
            let (found, out, _) = folder.call(&format!("verify {scheme} {circuit}"));
            assert_eq!(found, status, "{scheme} {circuit}: {out}");
        }
    }
    for (words, says) in [
        ("verify m others.blif --pair name", "input \"P1\""),
        ("verify m order1.blif --pair type", "name or position"),
    ] {
        let (status, _, err) = folder.call(words);
        assert!(status == 2 && err.contains(says), "{words}: {err}");
    }
}

/// Each order's bits, given to the file that declares it, show the difference.
#[test]
fn a_counterexample_is_given_in_both_orders_and_replays_on_both_files() {
    let folder = orders();
    for method in ["", " --method exhaustive", " --method sample"] {
        for circuit in ["swapped.blif", "order2.blif --pair position"] {
            let words = format!("verify m {circuit}{method}");
            let (status, out, _) = folder.call(&words);
            assert_eq!(status, 1, "{words}: {out}");
            let json = folder.json(&words);
            let in_order = json.get("model_input").is_none();
            assert_eq!(in_order, circuit.contains("position"), "{json}");
            assert_eq!(in_order, !last_line(&out).contains(" model-input="), "{out}");
            let text = |key: &str| json[key].as_str().map(str::to_string);
            let number = |key: &str| json[key].as_u64().map(|n| n as usize);
            let input = text("input").unwrap();
            let model_input = text("model_input").unwrap_or(input.clone());
            let output = number("output").unwrap();
            let model_output = number("model_output").unwrap_or(output);
            let file = circuit.split(' ').next().unwrap();
            let expected = folder.ok(&format!("eval {file} {input}"));
            let got = folder.ok(&format!("run m {model_input}"));
            let bit = |text: &str, output: usize| Some(usize::from(text.as_bytes()[output] - b'0'));
            assert_eq!(bit(&expected, output), number("expected"), "{words}: {json}");
            assert_eq!(bit(&got, model_output), number("got"), "{words}: {json}");
            assert_ne!(number("expected"), number("got"));
        }
    }
}

#[test]
fn certificates_and_shards_know_their_pairing() {
    let folder = orders();
    for (circuit, flag) in [("order2.blif", ""), ("others.blif", ""), ("swapped.blif", "position")]
    {
        let flag = if flag.is_empty() { "" } else { " --pair position" };
        folder.ok(&format!("verify m {circuit}{flag} --certificate c.json"));
        folder.ok(&format!("check c.json m {circuit}{flag}"));
        let shard = format!("verify m {circuit}{flag} --method exhaustive --shard 1/1 -o s.json");
        assert_eq!(folder.call(&shard).0, 3);
        folder.ok(&format!("verify merge m {circuit}{flag} s.json"));
    }
    // The last ones were made by position, where the names would have done.
    for words in ["check c.json m swapped.blif", "verify merge m swapped.blif s.json"] {
        let (status, _, err) = folder.call(words);
        assert!(status == 2 && err.contains("pairing") && err.contains("--pair"), "{words}: {err}");
    }
    // A shard's counterexample is in the circuit's order, too.
    folder.call("verify m swapped.blif --method exhaustive --shard 1/1 -o s.json");
    let (status, out, err) = folder.call("verify merge m swapped.blif s.json");
    assert!(status == 1 && last_line(&out).contains(" model-input="), "{out}{err}");
}

/// Bits are given in the order of the model's file, and marks are about the circuit's nodes.
#[test]
fn trace_marks_nodes_by_the_same_pairing() {
    let folder = orders();
    for bits in ["00", "01", "10", "11"] {
        let own = folder.json(&format!("trace m {bits} --circuit order1.blif"));
        let other = folder.json(&format!("trace m {bits} --circuit order2.blif"));
        assert_eq!(own["inputs"], other["inputs"]);
        let text = folder.ok(&format!("trace m {bits} --circuit order2.blif"));
        let marks = text.lines().filter(|line| !line.contains("wrong"));
        assert!(marks.clone().count() > 3 && !marks.clone().any(|l| l.contains('✗')), "{text}");
    }
    folder.ok("explore m --circuit order2.blif -o page.html");
    folder.ok("plot circuit m --circuit order2.blif --bits 10 -o circuit.svg");
}

/// A bit of a position that says it is known changes in loop 4, of a model that is done after loop 1.
#[test]
fn what_is_known_is_watched_until_nothing_changes() {
    let folder = Folder::new();
    fs::write(folder.path("late"), include_bytes!("models/late.st")).unwrap();
    let circuit = "INPUT(i0)\nINPUT(i1)\nINPUT(i2)\nINPUT(i3)\nOUTPUT(g1)\ng1 = XOR(i3, i0)\n";
    fs::write(folder.path("xor.bench"), circuit).unwrap();
    for flags in ["", " --method exhaustive", " --method exhaustive --engine reference"] {
        let (status, out, _) = folder.call(&format!("verify late xor.bench{flags}"));
        assert_eq!(status, 3, "{out}");
        assert!(last_line(&out).contains("was known and changed in loop 4 "), "{out}");
    }
    folder.ok("compile adder:3 --scheme universal -o right");
    let out = folder.ok("verify right adder:3");
    assert!(last_line(&out).contains(" halts=always known=final pairing="), "{out}");
}
