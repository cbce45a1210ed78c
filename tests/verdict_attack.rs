//! Attempts to get a wrong verdict, VERIFIED or REFUTED, from the certificate, from running all inputs, from the
//! program's default and from its independent checker.
//!
//! The judge is the literal pass: where [`enclosure`] decides a bit, it is what every honest runner finds; where
//! it does not, and for what a certificate says of more runners, some runners are asked. `REFUTED` is wrong if one
//! of them finds the circuit's bit. `tests/interop/check.py` has numpy judge a sample.

#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/averaging.rs"]
mod averaging;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/circuits.rs"]
mod circuits;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/enclosure.rs"]
mod enclosure;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/literal.rs"]
mod literal;
#[path = "support/mutant.rs"]
mod mutant;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/mutation.rs"]
mod mutation;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/runner.rs"]
mod runner;

use circuit2tf::batch::parse_bits;
use circuit2tf::circuit::Circuit;
use circuit2tf::format::{self, blif};
use circuit2tf::model::{Model, Scheme, file};
use circuit2tf::run::{self, DeviceName, EngineKind, Halting, Rule};
use circuit2tf::verify::{self, Verdict};
use mutant::{KINDS, Kind, Mutant, mutant};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What was said, in the first word of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Verified,
    Refuted {
        input: Vec<bool>,
        output: usize,
        expected: bool,
    },
    Unknown,
    /// It was refused with an error.
    Error,
}

impl Said {
    fn word(&self) -> &'static str {
        match self {
            Said::Verified => "VERIFIED",
            Said::Refuted { .. } => "REFUTED",
            Said::Unknown => "UNKNOWN",
            Said::Error => "error",
        }
    }

    fn of(verdict: circuit2tf::Result<Verdict>) -> Self {
        match verdict {
            Ok(Verdict::Verified { .. }) => Said::Verified,
            Ok(Verdict::Refuted(found)) => {
                Said::Refuted { input: found.input, output: found.output, expected: found.expected }
            }
            Ok(_) => Said::Unknown,
            Err(_) => Said::Error,
        }
    }
}

fn by_certificate(model: &Model, circuit: &Circuit) -> Said {
    match verify::prove(model, circuit).is_proof() {
        true => Said::Verified,
        false => Said::Unknown,
    }
}

/// All inputs, with the engine that the program would take.
fn by_running(model: &Model, circuit: &Circuit) -> Said {
    if model.scheme == Scheme::UNIVERSAL {
        let verdict = Halting::new(model, Rule::Known)
            .and_then(|halting| verify::Check::until_known(&halting, circuit).run());
        return Said::of(verdict);
    }
    let engine = run::prepare(model, EngineKind::Auto, DeviceName::Cpu, &());
    Said::of(engine.and_then(|engine| verify::Check::new(&*engine, circuit).run()))
}

/// What the program says: by default, by the certificate that it keeps and checks again.
fn by_program(mutant: &Mutant, folder: &Path) -> Vec<(&'static str, Said)> {
    let name = format!("{:?}-{}", mutant.kind, mutant.seed);
    let [model, circuit, certificate] =
        ["safetensors", "blif", "json"].map(|ext| folder.join(format!("{name}.{ext}")));
    std::fs::write(&model, file::to_bytes(&mutant.model)).unwrap();
    std::fs::write(&circuit, format::write(&mutant.circuit, &blif::FORMAT).unwrap().bytes).unwrap();
    let program = |arguments: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
        let output = command.arg("--json").args(arguments).output().unwrap();
        assert!(matches!(output.status.code(), Some(0..=3)), "{:?}: {output:?}", mutant.text);
        read_verdict(&output.stdout)
    };
    let default = program(&[Path::new("verify"), &model, &circuit]);
    let keep: [&Path; 6] = [
        Path::new("verify"),
        &model,
        &circuit,
        Path::new("--method=certificate"),
        Path::new("--certificate"),
        &certificate,
    ];
    let mut said = vec![("verify", default), ("verify --method certificate", program(&keep))];
    if certificate.exists() {
        said.push(("check", program(&[Path::new("check"), &certificate, &model, &circuit])));
    }
    said
}

fn read_verdict(stdout: &[u8]) -> Said {
    let Ok(found) = serde_json::from_slice::<Value>(stdout) else { return Said::Error };
    match found["verdict"].as_str() {
        Some("VERIFIED") => Said::Verified,
        Some("UNKNOWN") => Said::Unknown,
        Some("REFUTED") => Said::Refuted {
            input: parse_bits(found["input"].as_str().unwrap()).unwrap(),
            output: found["output"].as_u64().unwrap() as usize,
            expected: found["expected"] == 1,
        },
        other => panic!("{other:?}"),
    }
}

/// What is wrong with a verdict.
fn fault(mutant: &Mutant, is_certificate: bool, said: &Said) -> Option<String> {
    let Mutant { model, circuit, .. } = mutant;
    match said {
        Said::Unknown | Said::Error => None,
        Said::Verified if is_certificate && !model.scheme.is_parallel() => {
            Some("no certificate knows a decoder".to_string())
        }
        Said::Verified if is_certificate => {
            let loops = [model.n_loops, model.n_loops + 1];
            loops.into_iter().find_map(|n| wrong_row(model, circuit, n, &runner::covered(model)))
        }
        Said::Verified => wrong_row(model, circuit, model.n_loops, &runner::honest(model)),
        Said::Refuted { input, output, expected } => {
            if circuit.evaluate(input).unwrap()[*output] != *expected {
                return Some("the circuit's bit is another".to_string());
            }
            let bit = enclosure::pass(model).bits(input, model.n_loops)[*output];
            if bit == Some(*expected) {
                return Some("every runner finds the circuit's bit".to_string());
            }
            let runners = some(&runner::honest(model));
            let right = runners.iter().find(|&&variant| {
                bit.is_none()
                    && runner::run(model, input, model.n_loops, variant)[*output] == *expected
            });
            right.map(|variant| format!("{variant:?} finds the circuit's bit"))
        }
    }
}

/// The first input on which the model is wrong for certain, or for a runner.
fn wrong_row(
    model: &Model,
    circuit: &Circuit,
    n_loops: usize,
    runners: &[runner::Variant],
) -> Option<String> {
    rows(model).iter().find_map(|row| {
        let expected = circuit.evaluate(row).unwrap();
        let bits = enclosure::pass(model).bits(row, n_loops);
        if (0..bits.len()).any(|o| bits[o].is_some_and(|bit| bit != expected[o])) {
            return Some(format!("every runner is wrong at {row:?} after {n_loops} loops"));
        }
        let is_wrong = |variant| runner::run(model, row, n_loops, variant) != expected;
        let wrong = some(runners).into_iter().find(|&variant| is_wrong(variant));
        wrong.map(|variant| format!("{variant:?} is wrong at {row:?} after {n_loops} loops"))
    })
}

fn rows(model: &Model) -> Vec<Vec<bool>> {
    let n = model.input_positions.len();
    (0..1usize << n).map(|row| (0..n).map(|i| row >> i & 1 == 1).collect()).collect()
}

/// A few runners out of all, of every order, accumulator and kind of softmax.
fn some(runners: &[runner::Variant]) -> Vec<runner::Variant> {
    let stride = runners.len().div_ceil(7) | 1;
    runners.iter().copied().step_by(stride).collect()
}

/// How often what was said of a kind, by whom, and what was wrong.
#[derive(Default)]
struct Findings {
    said: BTreeMap<(Kind, &'static str, &'static str), usize>,
    faults: Vec<String>,
}

impl Findings {
    fn of(mutant: &Mutant, said: Vec<(&'static str, Said)>) -> Self {
        let mut findings = Findings::default();
        for (who, said) in said {
            *findings.said.entry((mutant.kind, who, said.word())).or_default() += 1;
            let is_certificate = who != "running" && said == Said::Verified && {
                // By default a certificate comes first, and is what a proof rests on.
                who != "verify" || by_certificate(&mutant.model, &mutant.circuit) == Said::Verified
            };
            if let Some(fault) = fault(mutant, is_certificate, &said) {
                let Mutant { kind, seed, text, .. } = mutant;
                findings
                    .faults
                    .push(format!("{who}: {said:?}, but {fault} ({kind:?} {seed}: {text})"));
            }
        }
        findings
    }

    fn merge(mut self, other: Findings) -> Self {
        for (key, n) in other.said {
            *self.said.entry(key).or_default() += n;
        }
        self.faults.extend(other.faults);
        self
    }

    fn require_none_wrong(&self) {
        for ((kind, who, word), n) in &self.said {
            println!("{:12} {who:28} {word:9} {n:7}", format!("{kind:?}"));
        }
        let shown: Vec<&String> = self.faults.iter().take(40).collect();
        assert!(self.faults.is_empty(), "{} wrong verdicts: {shown:#?}", self.faults.len());
    }

    /// How often somebody said it.
    fn count(&self, who: &str, word: &str) -> usize {
        let these = self.said.iter().filter(|((_, w, said), _)| *w == who && *said == word);
        these.map(|(_, n)| n).sum()
    }
}

/// The number of mutants a kind: `CIRCUIT2TF_MUTANTS` in all, or so many.
fn n_seeds(default: u64) -> u64 {
    let asked = std::env::var("CIRCUIT2TF_MUTANTS").ok().and_then(|text| text.parse::<u64>().ok());
    asked.map_or(default, |n| n.div_ceil(KINDS.len() as u64))
}

fn mutants(n_seeds: u64) -> impl ParallelIterator<Item = Mutant> {
    let all = (0..n_seeds).into_par_iter().flat_map_iter(|seed| KINDS.map(|kind| (kind, seed)));
    all.filter_map(|(kind, seed)| mutant(kind, seed))
}

#[test]
fn no_mutant_is_wrongly_verified_or_refuted() {
    let judged = mutants(n_seeds(40)).map(|mutant| {
        let Mutant { model, circuit, .. } = &mutant;
        let said = vec![
            ("certificate", by_certificate(model, circuit)),
            ("running", by_running(model, circuit)),
        ];
        Findings::of(&mutant, said)
    });
    let findings = judged.reduce(Findings::default, Findings::merge);
    findings.require_none_wrong();
    let said = [("certificate", "VERIFIED"), ("running", "VERIFIED"), ("running", "REFUTED")];
    assert!(said.iter().all(|(who, word)| findings.count(who, word) > 0), "{:?}", findings.said);
}

#[test]
fn the_program_says_nothing_wrong_of_a_mutant() {
    let folder = tempfile::tempdir().unwrap();
    let judged = mutants(n_seeds(400) / 100)
        .map(|mutant| Findings::of(&mutant, by_program(&mutant, folder.path())));
    judged.reduce(Findings::default, Findings::merge).require_none_wrong();
}

/// For `tests/interop/check.py`: into the folder that `CIRCUIT2TF_LITERAL_CASES` names, mutants with what numpy
/// must find if the verdicts are right.
#[test]
#[ignore = "writes files into CIRCUIT2TF_LITERAL_CASES"]
fn cases_for_numpy_are_written_on_request() {
    let folder = std::env::var_os("CIRCUIT2TF_LITERAL_CASES").expect("a folder to write to");
    mutants(25).for_each(|mutant| {
        let path = Path::new(&folder).join(format!("{:?}-{}.json", mutant.kind, mutant.seed));
        let rows: Vec<Value> = rows(&mutant.model).iter().map(|row| case(&mutant, row)).collect();
        std::fs::write(path.with_extension("safetensors"), file::to_bytes(&mutant.model)).unwrap();
        std::fs::write(path, json!(rows).to_string()).unwrap();
    });
}

/// An input with the bits on which all runners agree, and those that a verdict stands for.
fn case(mutant: &Mutant, row: &[bool]) -> Value {
    let Mutant { model, circuit, .. } = mutant;
    let expected = circuit.evaluate(row).unwrap();
    let of = |bits: Vec<Option<bool>>| -> String {
        bits.into_iter().map(|bit| bit.map_or('?', |bit| if bit { '1' } else { '0' })).collect()
    };
    let verdicts = [by_certificate(model, circuit), by_running(model, circuit)];
    let must = |o: usize| {
        verdicts.iter().find_map(|said| match said {
            Said::Verified => Some(expected[o]),
            Said::Refuted { input, output, expected } if input == row && *output == o => {
                Some(!expected)
            }
            _ => None,
        })
    };
    json!({
        "inputs": of(row.iter().copied().map(Some).collect()),
        "bits": of(enclosure::pass(model).bits(row, model.n_loops)),
        "must": of((0..expected.len()).map(must).collect()),
        "bounds": [],
    })
}
