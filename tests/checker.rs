//! The independent checker: it accepts what is proved, refuses everything else, and shares nothing with what proves.
//!
//! Mutants of certificates and of models are judged by the certifier, which makes the certificate once more, and by
//! the checker, which multiplies it out; `tests/interop/check.py` has a third judge, in numpy. All must agree.

#[path = "support/circuits.rs"]
mod circuits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use circuit2tf::circuit::{Builder, Circuit, GateKind, Literal, TruthTable};
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::format;
use circuit2tf::model::{Attention, Dtype, Model, Parts, file};
use circuit2tf::reasoning::{Request, pause};
use circuit2tf::verify::certificate::{Certificate, CertificateFile, certify};
use circuit2tf::verify::{self, Identity, PairBy, Pairing, Subject};
use circuit2tf_checker::{Refusal, Report};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// A model and its circuit, with the certificate.
struct Case {
    name: String,
    model: Model,
    bytes: Vec<u8>,
    circuit: Circuit,
    subject: Identity,
    kept: CertificateFile,
}

impl Case {
    fn new(name: &str, circuit: &Circuit, options: &Options) -> Self {
        let model = compile(circuit, "5ource", options).unwrap();
        Case::of(&format!("{name}, {options:?}"), model, circuit)
    }

    fn of(name: &str, model: Model, circuit: &Circuit) -> Self {
        let bytes = file::to_bytes(&model);
        let subject = subject(&bytes);
        let kept = CertificateFile::new(&certify(&model, circuit), &subject, circuit);
        Case { name: name.to_string(), model, bytes, circuit: circuit.clone(), subject, kept }
    }
}

fn subject(model: &[u8]) -> Identity {
    let circuit_sha256 = "c1rcu17".to_string();
    Identity { model_sha256: verify::sha256(model), circuit_sha256, ..Identity::default() }
}

/// The corpus, each circuit with its share of the options, or with all of them.
fn cases(all: bool) -> Vec<Case> {
    let families =
        ["adder:2", "parity-chain:3", "majority:5", "mux:2", "random:n=6,gates=30,seed=1"];
    let families = families.map(|spec| (spec, generate(spec).unwrap()));
    let wide = [("wide and", circuits::one_gate(GateKind::And, 15))];
    let circuits = families.into_iter().chain(circuits::edge_cases()).chain(wide);
    let mut cases = Vec::new();
    for (c, (name, circuit)) in circuits.enumerate() {
        let options = options();
        let chosen = options.iter().enumerate().filter(|(o, _)| all || (o + c) % 7 == 0);
        cases.extend(chosen.map(|(_, options)| Case::new(name, &circuit, options)));
        let request = Request { pauses: Some(60), layers: Some(8), ..Request::default() };
        let model = pause::compile(&circuit, "5ource", &request);
        let proved = model.into_iter().filter(|model| certify(model, &circuit).is_proof());
        cases.extend(proved.map(|model| Case::of(&format!("{name}, pause"), model, &circuit)));
    }
    cases
}

/// Every dtype with heads, layers and every kind of schedule.
fn options() -> Vec<Options> {
    let mut all = Vec::new();
    for dtype in Dtype::ALL {
        for heads in 2..=4 {
            for layers in 1..=3 {
                all.push(Options { dtype, heads, layers, ..Options::default() });
            }
            let causal = heads % 2 == 1;
            all.push(Options { dtype, heads, unroll: true, causal, ..Options::default() });
            all.push(Options { dtype, heads, prelude: 1, coda: 1, causal, ..Options::default() });
        }
        all.push(Options { dtype, heads: 6, causal: true, ..Options::default() });
    }
    all
}

/// What the certifier proves, the checker accepts, and both find the same facts.
#[test]
fn the_checker_accepts_what_is_proved_and_finds_the_same_facts() {
    for case in cases(std::env::var_os(MUTANTS).is_some()) {
        let (model, circuit, sha256) = (&case.model, &case.circuit, &case.subject.circuit_sha256);
        let model_file = (model.clone(), case.subject.model_sha256.clone());
        let by_position = Some(PairBy::Position);
        let subject = Subject::of_files(model_file, (circuit, sha256.clone()), by_position);
        let facts = case.kept.check(&subject.unwrap(), &case.bytes);
        let facts = facts.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(facts, certify(model, circuit).facts, "{}", case.name);
    }
}

/// How many mutants are judged.
const MUTANTS: &str = "CIRCUIT2TF_MUTANTS";
const QUICK: usize = 600;

/// A certificate and a model that it may be about, with how they were made.
struct Mutant {
    kind: String,
    model: Model,
    bytes: Vec<u8>,
    circuit: Option<Circuit>,
    subject: Identity,
    certificate: String,
}

impl Mutant {
    /// Whether the certificate is made again, entry by entry.
    fn is_proved(&self) -> bool {
        self.prove().is_ok()
    }

    fn prove(&self) -> Result<Certificate, String> {
        let circuit = self.circuit.as_ref().ok_or("the circuit is none")?;
        // Which of several ways to write a node is taken makes no other circuit.
        let written = CertificateFile::new(&certify(&self.model, circuit), &self.subject, circuit);
        let written: Value = serde_json::from_str(written.to_json()).unwrap();
        let mut document: Value = serde_json::from_str(&self.certificate).unwrap();
        document["circuit"] = written["circuit"].clone();
        let kept = CertificateFile::from_json(&document.to_string());
        kept.and_then(|kept| kept.recheck(&self.model, circuit, &self.subject, &[&certify]))
            .map_err(|error| error.to_string())
    }

    fn check(&self) -> Result<Report, Refusal> {
        let about = circuit2tf_checker::Subject {
            circuit_sha256: Some(self.subject.circuit_sha256.clone()),
            pairing: Some(self.subject.pairing.by().to_string()),
            ..Default::default()
        };
        circuit2tf_checker::check(self.certificate.as_bytes(), &self.bytes, &about)
    }

    fn is_accepted(&self) -> bool {
        self.check().is_ok()
    }
}

/// Every kind of entry and of weight changed, in ways that keep the file one that can be read; the judges agree.
#[test]
fn certifier_and_checker_agree_on_mutants() {
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    each_mutant(|mutant| {
        let [proved, accepted] = [mutant.is_proved(), mutant.is_accepted()];
        let said = || format!("{:?}, {:?}", mutant.check(), mutant.prove().err());
        assert_eq!(proved, accepted, "{}: {}", mutant.kind, said());
        counts.entry(mutant.kind).or_default()[usize::from(accepted)] += 1;
    });
    let accepted: usize = counts.values().map(|[_, accepted]| accepted).sum();
    let refused: usize = counts.values().map(|[refused, _]| refused).sum();
    println!("{counts:#?}\n{refused} refused, {accepted} accepted");
    assert!(refused > 4 * accepted && accepted > 0, "{refused} refused, {accepted} accepted");
}

/// For `tests/interop/check.py`: into the folder that `CIRCUIT2TF_CERTIFICATE_CASES` names, cases with the verdict.
#[test]
#[ignore = "writes files for tests/interop/check.py"]
fn cases_for_numpy_are_written_on_request() {
    let folder = std::env::var_os("CIRCUIT2TF_CERTIFICATE_CASES").expect("a folder to write to");
    let mut lines = String::new();
    let mut n_files = 0;
    let mut add = |bytes: &[u8], base: &mut (PathBuf, Vec<u8>), rest: Value| {
        if base.1.len() != bytes.len() {
            *base = (Path::new(&folder).join(format!("{n_files}.safetensors")), bytes.to_vec());
            std::fs::write(&base.0, bytes).unwrap();
            n_files += 1;
        }
        let changed = base.1.iter().zip(bytes).enumerate().filter(|(_, (a, b))| a != b);
        let patch: Vec<Value> = changed.map(|(at, (_, byte))| json!([at, byte])).collect();
        lines += &json!({ "model": base.0, "patch": patch, "case": rest }).to_string();
        lines += "\n";
    };
    let mut base = (PathBuf::new(), Vec::new());
    for case in cases(std::env::var_os(MUTANTS).is_some()) {
        let said = json!({ "kind": "proved", "certificate": case.kept.to_json(), "accepted": true,
            "circuit_sha256": case.subject.circuit_sha256, "pairing": "position" });
        add(&case.bytes, &mut base, said);
    }
    each_mutant(|mutant| {
        let said = json!({ "kind": mutant.kind, "certificate": mutant.certificate,
            "accepted": mutant.is_accepted(), "circuit_sha256": mutant.subject.circuit_sha256,
            "pairing": mutant.subject.pairing.by() });
        add(&mutant.bytes, &mut base, said);
    });
    std::fs::write(Path::new(&folder).join("cases.jsonl"), lines).unwrap();
}

fn each_mutant(mut judge: impl FnMut(Mutant)) {
    let n = std::env::var(MUTANTS).map_or(QUICK, |n| n.parse().expect("a number of mutants"));
    let cases = cases(false);
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let mut n_judged = 0;
    while n_judged < n {
        let case = &cases[n_judged * cases.len() / n];
        let mutant = match rng.random_range(0..3) {
            0 => mutant_of_model(case, &mut rng),
            _ => mutant_of_certificate(case, &mut rng),
        };
        if let Some(mutant) = mutant {
            judge(mutant);
            n_judged += 1;
        }
    }
}

/// A model with a number, a port or its mask changed, and the certificate that was about the model before.
fn mutant_of_model(case: &Case, rng: &mut impl Rng) -> Option<Mutant> {
    let mut parts: Parts = case.model.clone().into_parts();
    let kind = change_model(&mut parts, rng);
    let model = Model::new(parts).ok().filter(|model| *model != case.model)?;
    let bytes = file::to_bytes(&model);
    let subject = subject(&bytes);
    let certificate =
        case.kept.to_json().replace(&case.subject.model_sha256, &subject.model_sha256);
    let circuit = Some(case.circuit.clone());
    Some(Mutant { kind: format!("model {kind}"), model, bytes, circuit, subject, certificate })
}

fn change_model(parts: &mut Parts, rng: &mut impl Rng) -> &'static str {
    let block = rng.random_range(0..parts.blocks.len());
    let block = &mut parts.blocks[block];
    let (kind, numbers): (_, &mut [f64]) = match rng.random_range(0..18) {
        0 => ("W_E", parts.w_e.as_slice_mut().unwrap()),
        1..4 => ("W_pos", parts.w_pos.as_slice_mut().unwrap()),
        4 => ("W_Q", block.w_q.as_slice_mut().unwrap()),
        5 => ("W_K", block.w_k.as_slice_mut().unwrap()),
        6 => ("W_V", block.w_v.as_slice_mut().unwrap()),
        7 => ("W_O", block.w_o.as_slice_mut().unwrap()),
        8 => ("b_Q", block.b_q.as_slice_mut().unwrap()),
        9 => ("b_K", block.b_k.as_slice_mut().unwrap()),
        10 => ("b_V", block.b_v.as_slice_mut().unwrap()),
        11 => ("b_O", block.b_o.as_slice_mut().unwrap()),
        12 => ("W_in", block.w_in.as_slice_mut().unwrap()),
        13 => ("b_in", block.b_in.as_slice_mut().unwrap()),
        14 => ("W_out", block.w_out.as_slice_mut().unwrap()),
        15 => ("b_out", block.b_out.as_slice_mut().unwrap()),
        16 => ("W_U", parts.w_u.as_slice_mut().unwrap()),
        _ => return change_shape(parts, rng),
    };
    let nonzero: Vec<usize> = (0..numbers.len()).filter(|&i| numbers[i] != 0.0).collect();
    let at = match nonzero.len() {
        0 => rng.random_range(0..numbers.len().max(1)),
        _ if rng.random_ratio(1, 4) => rng.random_range(0..numbers.len()),
        n => nonzero[rng.random_range(0..n)],
    };
    let Some(number) = numbers.get_mut(at) else { return kind };
    *number = match rng.random_range(0..8) {
        0 => 0.0,
        1 => -*number,
        2 => *number + 1.0,
        3 => *number * 0.5,
        4 => *number * 2.0,
        5 => *number * 1.25,
        6 => f64::exp2(-20.0),
        _ => f64::NAN,
    };
    kind
}

fn change_shape(parts: &mut Parts, rng: &mut impl Rng) -> &'static str {
    let n = parts.w_pos.nrows();
    match rng.random_range(0..4) {
        0 => {
            parts.attention = match parts.attention {
                Attention::Causal => Attention::Bidirectional,
                Attention::Bidirectional => Attention::Causal,
            };
            "mask"
        }
        1 if !parts.input_positions.is_empty() => {
            let at = rng.random_range(0..parts.input_positions.len());
            parts.input_positions[at] = rng.random_range(0..n);
            "input"
        }
        2 if !parts.output_positions.is_empty() => {
            let at = rng.random_range(0..parts.output_positions.len());
            parts.output_positions[at] = rng.random_range(0..n);
            "output"
        }
        _ => {
            let [a, b] = [(); 2].map(|()| rng.random_range(0..n));
            let row = parts.w_pos.row(a).to_owned();
            let other = parts.w_pos.row(b).to_owned();
            parts.w_pos.row_mut(a).assign(&other);
            parts.w_pos.row_mut(b).assign(&row);
            "positions"
        }
    }
}

/// A certificate with an entry changed.
fn mutant_of_certificate(case: &Case, rng: &mut impl Rng) -> Option<Mutant> {
    let mut document: Value = serde_json::from_str(case.kept.to_json()).unwrap();
    let n_layers = document["witness"]["layers"].as_array()?.len();
    let layer = format!("/witness/layers/{}", rng.random_range(0..n_layers));
    let places = [
        "/version",
        "/model_sha256",
        "/circuit_sha256",
        "/pairing",
        "/loops",
        "/circuit/nodes",
        "/circuit/outputs",
        "/circuit/inputs",
        "/witness/dynamic",
        "/witness/states",
        "/witness/kinds",
        "/witness/levels",
        "/witness/claims",
        "/witness/claims",
        "/witness/claims",
        "/witness/levels",
    ];
    let entries = ["targets", "types", "tables"];
    let choice = rng.random_range(0..places.len() + 2 * entries.len());
    let place = match places.get(choice) {
        Some(place) => place.to_string(),
        None => format!("{layer}/{}", entries[choice % entries.len()]),
    };
    let before = document.clone();
    change_entry(document.pointer_mut(&place)?, rng);
    if document == before {
        return None;
    }
    let circuit = match place.starts_with("/circuit/") {
        true => read_circuit(&document["circuit"]),
        false => Some(case.circuit.clone()),
    };
    let kind = place.replace(|c: char| c.is_ascii_digit(), "");
    let Case { model, bytes, subject, .. } = case;
    let (model, bytes, subject) = (model.clone(), bytes.clone(), subject.clone());
    Some(Mutant { kind, model, bytes, circuit, subject, certificate: document.to_string() })
}

/// Changes a value somewhere inside an entry.
fn change_entry(value: &mut Value, rng: &mut impl Rng) {
    match value {
        Value::Array(entries) if entries.is_empty() => entries.push(json!(0)),
        Value::Array(entries) if rng.random_ratio(1, 12) => {
            let at = rng.random_range(0..entries.len());
            match rng.random_range(0..3) {
                0 => drop(entries.remove(at)),
                1 => entries.insert(at, entries[at].clone()),
                _ => entries.swap(at, 0),
            }
        }
        Value::Array(entries) => {
            let at = rng.random_range(0..entries.len());
            if rng.random_ratio(1, 3) {
                entries[at] = entries[rng.random_range(0..entries.len())].clone();
            } else {
                change_entry(&mut entries[at], rng);
            }
        }
        Value::Number(number) => {
            *value = match (number.as_i64(), rng.random_range(0..5)) {
                (Some(number), 0) => json!(number + 1),
                (Some(number), 1) => json!(number - 1),
                (Some(number), 2) => json!(number ^ 1),
                (Some(_), 3) => json!(-1),
                (Some(_), _) => json!(rng.random_range(0..40)),
                (None, kind) => json!(f64::from(kind) - 2.0 - number.as_f64().unwrap()),
            }
        }
        Value::String(text) => *text = change_text(text, rng),
        Value::Null => *value = json!([0.0]),
        _ => {}
    }
}

fn change_text(text: &str, rng: &mut impl Rng) -> String {
    const KINDS: [&str; 6] = ["and", "nand", "xor", "xnor", "input", "lut"];
    if KINDS.contains(&text) {
        return KINDS[rng.random_range(0..KINDS.len())].to_string();
    }
    match text {
        "position" => "name".to_string(),
        _ if text.is_empty() || rng.random_ratio(1, 8) => format!("{text}1"),
        _ => {
            let at = rng.random_range(0..text.len());
            let digit = char::from_digit(rng.random_range(0..16), 16).unwrap();
            let change = |(i, c)| if i == at { digit } else { c };
            text.chars().enumerate().map(change).collect()
        }
    }
}

/// The circuit of a certificate, read once more for the certifier; none if it is no circuit.
fn read_circuit(entry: &Value) -> Option<Circuit> {
    let mut builder = Builder::new();
    let mut nodes: Vec<Literal> = Vec::new();
    let mut names = entry["inputs"].as_array()?.iter();
    let literal = |nodes: &[Literal], value: &Value| {
        let number = value.as_u64()? as usize;
        Some(nodes.get(number / 2)?.flip_if(number % 2 == 1))
    };
    for node in entry["nodes"].as_array()? {
        let node = node.as_array()?;
        let kind = node.first()?.as_str()?;
        let n_before = if kind == "lut" { 2 } else { 1 };
        let fanins = node.get(n_before..)?.iter().map(|value| literal(&nodes, value));
        let fanins: Vec<Literal> = fanins.collect::<Option<_>>()?;
        let id = match (kind, fanins.len()) {
            // Names pair nothing here, and the builder wants them to be different.
            ("input", 0) => {
                builder.input(format!("{}{}", names.next()?.as_str()?, nodes.len())).ok()?
            }
            ("and" | "xnor", 0) => builder.constant(true).ok()?,
            ("nand" | "xor", 0) => builder.constant(false).ok()?,
            ("and", _) => builder.gate(GateKind::And, &fanins).ok()?,
            ("nand", _) => builder.gate(GateKind::Nand, &fanins).ok()?,
            ("xor", _) => builder.gate(GateKind::Xor, &fanins).ok()?,
            ("xnor", _) => builder.gate(GateKind::Xnor, &fanins).ok()?,
            ("lut", n) => {
                let bits = u64::from_str_radix(node[1].as_str()?, 16).ok()?;
                let table = TruthTable::new(n, bits).ok().filter(|table| table.bits() == bits)?;
                builder.gate(GateKind::Lut(table), &fanins).ok()?
            }
            _ => return None,
        };
        nodes.push(id.into());
    }
    if names.next().is_some() {
        return None;
    }
    for (o, output) in entry["outputs"].as_array()?.iter().enumerate() {
        let [name, value] = &output.as_array()?[..] else { return None };
        builder.output(format!("{}{o}", name.as_str()?), literal(&nodes, value)?).ok()?;
    }
    builder.finish().ok()
}

/// The chapter on the file shows what is written.
#[test]
fn the_example_in_the_chapter_is_what_is_written() {
    let chapter = include_str!("../examples/certificate.md");
    let block = |kind: &str| {
        let (_, rest) = chapter.split_once(&format!("```{kind}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let circuit = format::read(block("bench").as_bytes(), "five.bench").unwrap().circuit;
    let source_sha256 = verify::sha256(block("bench").as_bytes());
    let model = compile(&circuit, &source_sha256, &Options::default()).unwrap();
    let shown: Value = serde_json::from_str(block("json")).unwrap();
    let bytes = file::to_bytes(&model);
    let subject = Identity {
        reading: String::new(),
        pairing: Pairing::new(&model, &circuit, None).unwrap(),
        model_sha256: verify::sha256(&bytes),
        circuit_sha256: source_sha256,
    };
    let kept = CertificateFile::new(&certify(&model, &circuit), &subject, &circuit);
    assert_eq!(kept.to_json(), block("json"));
    assert_eq!(shown["model_sha256"], subject.model_sha256);
    assert!(
        circuit2tf_checker::check(block("json").as_bytes(), &bytes, &Default::default()).is_ok()
    );
}

const C17: &str = include_str!("../circuits/c17.bench");

/// A circuit file in the format BENCH is read by the checker itself, whatever the order of its lines.
#[test]
fn the_checker_reads_bench_files_and_tells_circuits_apart() {
    let nots =
        "INPUT(a)\nINPUT(b)\nOUTPUT(y)\nOUTPUT(n)\ny = OR(n, m, b)\nm = NOT(a)\nn = NOT(a)\n";
    for text in [C17, nots] {
        let circuit = format::read(text.as_bytes(), "x.bench").unwrap().circuit;
        let model = compile(&circuit, "5ource", &Options::default()).unwrap();
        let bytes = file::to_bytes(&model);
        let checked = |file: &str, hashed: &str| {
            let circuit_sha256 = verify::sha256(hashed.as_bytes());
            let subject = Identity { circuit_sha256, ..subject(&bytes) };
            let kept = CertificateFile::new(&certify(&model, &circuit), &subject, &circuit);
            let about = circuit2tf_checker::Subject {
                bench: Some(file.as_bytes().to_vec()),
                ..Default::default()
            };
            circuit2tf_checker::check(kept.to_json().as_bytes(), &bytes, &about)
        };
        checked(text, text).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_by_key(|line| !line.contains("PUT("));
        let sorted = lines.join("\r\n");
        checked(&sorted, &sorted).unwrap();
        let refused = checked(text, &sorted).unwrap_err();
        assert_eq!(refused.place, "circuit_sha256");
        let outputs: Vec<&str> = text.lines().filter(|line| line.starts_with("OUTPUT")).collect();
        let exchanged = text.replace(outputs[0], "x").replace(outputs[1], outputs[0]);
        for other in [
            text.replace("10 = NAND", "10 = AND").replacen("NOT", "BUFF", 1),
            exchanged.replace("x\n", &format!("{}\n", outputs[1])),
            format!("{text}\nINPUT(more)\n"),
            text.replacen("INPUT(a)", "INPUT(c)", 1).replacen("INPUT(1)", "INPUT(one)", 1),
            text.replace("OUTPUT(n)", "# none").replace("OUTPUT(23)", "# none"),
            text.replace("NOT(a)", "NOT(n)").replace("10 = NAND(1, 3)", "10 = NAND(10, 3)"),
            format!("{text}y = AND(a\n"),
        ] {
            assert_ne!(other, text);
            assert!(checked(&other, &other).is_err(), "{other}");
        }
    }
}

/// Files cut off or with bytes changed anywhere, hashes made right again.
#[test]
fn broken_files_are_refused_without_a_panic() {
    let case = &cases(false)[0];
    let check = |certificate: &[u8], model: &[u8]| {
        circuit2tf_checker::check(certificate, model, &Default::default()).map(|_| ())
    };
    check(case.kept.to_json().as_bytes(), &case.bytes).unwrap();
    let rebound = |model: &[u8]| {
        case.kept.to_json().replace(&case.subject.model_sha256, &verify::sha256(model))
    };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..400 {
        let mut model = case.bytes.clone();
        // The header is text; most of the file is numbers.
        let end = if rng.random_ratio(1, 2) { 3000.min(model.len()) } else { model.len() };
        let at = rng.random_range(0..end);
        match rng.random_range(0..3) {
            0 => model.truncate(at),
            1 => model[at] = rng.random(),
            _ => model[at] = b"0123456789,:[]{}\""[rng.random_range(0..17)],
        }
        let _ = check(rebound(&model).as_bytes(), &model);
        let mut kept = case.kept.to_json().as_bytes().to_vec();
        let at = rng.random_range(0..kept.len());
        match rng.random_range(0..3) {
            0 => kept.truncate(at),
            1 => kept[at] = rng.random(),
            _ => kept[at] = b"0123456789,:[]{}\"-"[rng.random_range(0..18)],
        }
        let _ = check(&kept, &case.bytes);
    }
    for length in 0..16 {
        assert!(check(rebound(&case.bytes[..length]).as_bytes(), &case.bytes[..length]).is_err());
    }
}
