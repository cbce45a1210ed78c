//! The text netlist formats: hand-written files with their truth, benchmarks, round trips.

mod support;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use circuit2tf::circuit::{Circuit, GateKind, LatchInit, NodeId, Output};
use circuit2tf::format::{self, FORMATS, Format, Loaded, bench, blif, of_extension, verilog};
use proptest::prelude::*;
use support::{Benchmark, benchmarks, cut_latches, difference};

static TEXT: [&Format; 3] = [&bench::FORMAT, &blif::FORMAT, &verilog::FORMAT];

fn load(path: &Path) -> Loaded {
    let bytes = std::fs::read(path).unwrap();
    format::read(&bytes, &path.display().to_string()).unwrap_or_else(|error| panic!("{error}"))
}

fn names(circuit: &Circuit) -> (Vec<String>, Vec<String>, Vec<String>) {
    let outputs = circuit.outputs().iter().map(|output| output.name.clone()).collect();
    let latches = circuit.latches().iter().map(|latch| latch.name.clone()).collect();
    (circuit.input_names().to_vec(), outputs, latches)
}

/// Each `circuits/spec/FILE.truth` says what FILE must read as: `inputs`, `outputs` and `latches` with
/// their names, `gates N`, `note TEXT` for each text that some note must hold, then rows of the truth
/// table, inputs and latch states left, outputs and next states right.
#[test]
fn the_files_in_spec_mean_what_their_truth_says() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/circuits/spec"));
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "truth") {
            n_files += 1;
            check_truth(&path.with_extension(""), &std::fs::read_to_string(&path).unwrap());
        }
    }
    assert!(n_files >= 15, "only {n_files} files");
}

fn check_truth(path: &Path, truth: &str) {
    let loaded = load(path);
    let (inputs, outputs, latches) = names(&loaded.circuit);
    let comb = cut_latches(&loaded.circuit);
    let mut n_rows = 0;
    for line in truth.lines() {
        let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let at = format!("{}: {line}", path.display());
        match key {
            "inputs" => assert_eq!(inputs, words, "{at}"),
            "outputs" => assert_eq!(outputs, words, "{at}"),
            "latches" => assert_eq!(latches, words, "{at}"),
            "gates" => assert_eq!(loaded.circuit.n_gates().to_string(), rest, "{at}"),
            "note" => {
                assert!(
                    loaded.notes.iter().any(|note| note.contains(rest)),
                    "{at}: {:?}",
                    loaded.notes
                );
            }
            _ => {
                n_rows += 1;
                let bits = |word: &str| word.chars().map(|c| c == '1').collect::<Vec<bool>>();
                let (row, values) =
                    if inputs.is_empty() && latches.is_empty() { ("", key) } else { (key, rest) };
                assert_eq!(comb.evaluate(&bits(row)).unwrap(), bits(values), "{at}");
            }
        }
    }
    assert!(n_rows > 0, "{} checks no row", path.display());
}

fn text_benchmarks() -> Vec<Benchmark> {
    let is_text = |b: &Benchmark| {
        of_extension(&FORMATS, &b.file).is_some_and(|format| TEXT.contains(&format))
    };
    benchmarks().into_iter().filter(is_text).collect()
}

#[test]
fn benchmarks_have_the_ports_gates_and_depth_of_their_table() {
    for benchmark in text_benchmarks() {
        let loaded = load(&benchmark.path);
        let circuit = &loaded.circuit;
        let at = &benchmark.file;
        assert_eq!(Some(loaded.format), of_extension(&FORMATS, at), "{at}");
        if let Some(ports) = benchmark.ports {
            let found = (circuit.inputs().len(), circuit.outputs().len(), circuit.latches().len());
            assert_eq!(found, ports, "{at}");
        }
        if loaded.format != &blif::FORMAT {
            let is_constant =
                |output: &&Output| matches!(circuit.kind(output.literal.node), GateKind::Const(_));
            let n_constants = circuit.outputs().iter().filter(is_constant).count();
            assert_eq!(circuit.n_gates() + n_constants, benchmark.n_gates, "{at}");
        }
        if let Some(depth) = benchmark.depth {
            assert!(circuit.depth() <= depth, "{at}: {} > {depth}", circuit.depth());
        }
    }
}

/// Files that the benchmarks' README says hold the same function, ports in the same order.
const SAME: &[(&str, &str)] = &[
    ("iscas85/c17.bench", "iscas85/c17.v"),
    ("iscas85/c17.bench", "mcnc_blif/C17.blif"),
    ("iscas85/c432.bench", "iscas85/c432.v"),
    ("iscas85/c432.bench", "mcnc_blif/C432.blif"),
    ("iscas85/c880.bench", "iscas85/c880.v"),
    ("iscas85/c880.bench", "mcnc_blif/C880.blif"),
    ("iscas85/c6288.bench", "iscas85/c6288.v"),
    ("iscas85/c6288.bench", "mcnc_blif/C6288.blif"),
    ("iscas89/s27.bench", "lgsynth91_seq_blif/s27.blif"),
    ("iscas89/s298.bench", "lgsynth91_seq_blif/s298.blif"),
    ("epfl/adder.blif", "epfl/adder.v"),
    ("epfl/ctrl.blif", "epfl/ctrl.v"),
    ("epfl/int2float.blif", "epfl/int2float.v"),
    ("epfl/adder.blif", "epfl_best_lut6/adder_size_2022.blif"),
    ("epfl/ctrl.blif", "epfl_best_lut6/ctrl_size_2023.blif"),
    ("epfl/int2float.blif", "epfl_best_lut6/int2float_size_2024.blif"),
    ("epfl/router.blif", "epfl_best_lut6/router_size_2024.blif"),
    ("epfl/max.blif", "epfl_best_lut6/max_size_2024.blif"),
    ("epfl/dec.blif", "epfl_best_lut6/dec_size_2018.blif"),
];

#[test]
fn the_same_circuit_in_two_formats_is_the_same_function() {
    let files: BTreeMap<String, Benchmark> =
        text_benchmarks().into_iter().map(|b| (b.file.clone(), b)).collect();
    let are_there =
        |(left, right): &&(&str, &str)| files.contains_key(*left) && files.contains_key(*right);
    let pairs: Vec<_> = SAME.iter().filter(are_there).collect();
    assert!(pairs.len() >= 15, "{} pairs are there", pairs.len());
    for (left, right) in pairs {
        let [a, b] = [left, right].map(|file| cut_latches(&load(&files[*file].path).circuit));
        assert_eq!(difference(&a, &b), None, "{left} and {right}");
    }
}

#[test]
fn benchmarks_survive_every_text_format() {
    for benchmark in text_benchmarks() {
        let circuit = load(&benchmark.path).circuit;
        for format in TEXT {
            if format == &verilog::FORMAT && !circuit.latches().is_empty() {
                assert!(format::write(&circuit, format).is_err());
            } else {
                round_trip(&circuit, format);
            }
        }
    }
}

/// Constants of one value become one node, with one name.
fn is_constant(circuit: &Circuit, node: NodeId) -> bool {
    match circuit.kind(node) {
        GateKind::Const(_) => true,
        GateKind::Lut(table) => (0..table.n_inputs()).all(|h| !table.depends_on(h)),
        _ => false,
    }
}

/// Writes and reads the circuit: function, port names and order, and node names must survive.
fn round_trip(circuit: &Circuit, format: &Format) -> Circuit {
    let written = format::write(circuit, format).unwrap();
    let text = String::from_utf8(written.bytes).unwrap();
    let loaded = format::read(text.as_bytes(), "unnamed")
        .unwrap_or_else(|error| panic!("{format}: {error}\n{text}"));
    assert_eq!(loaded.format, format, "{text}");
    let back = loaded.circuit;
    if written.notes.is_empty() {
        assert_eq!(names(&back), names(circuit), "{format}\n{text}");
        let kept: HashSet<&str> = back.nodes().filter_map(|node| back.node_name(node)).collect();
        for node in circuit.nodes().filter(|&node| !is_constant(circuit, node)) {
            let lost = circuit.node_name(node).filter(|name| !kept.contains(name));
            assert_eq!(lost, None, "{format}\n{text}");
        }
    }
    assert_eq!(difference(&cut_latches(circuit), &cut_latches(&back)), None, "{format}\n{text}");
    // Tables become gates with complemented fan-ins, then bench makes these inverters, then all is said.
    let rewrite = |bytes: &[u8]| {
        let circuit = format::read(bytes, "unnamed").unwrap().circuit;
        format::write(&circuit, format).unwrap().bytes
    };
    let settled = rewrite(&rewrite(text.as_bytes()));
    assert!(rewrite(&settled) == settled, "{format} does not settle\n{text}");
    back
}

proptest! {
    #[test]
    fn random_circuits_survive_every_text_format(circuit in support::random_circuit(6, 20)) {
        for format in TEXT {
            round_trip(&circuit, format);
        }
    }

    #[test]
    fn random_latches_survive_blif(
        circuit in support::random_sequential(
            3, 10, &[LatchInit::Zero, LatchInit::One, LatchInit::DontCare, LatchInit::Unknown])
    ) {
        let back = round_trip(&circuit, &blif::FORMAT);
        let inits = |circuit: &Circuit| circuit.latches().iter().map(|l| l.init).collect::<Vec<_>>();
        prop_assert_eq!(inits(&circuit), inits(&back));
    }

    #[test]
    fn random_latches_survive_bench(
        circuit in support::random_sequential(3, 10, &[LatchInit::Zero])
    ) {
        round_trip(&circuit, &bench::FORMAT);
    }
}

/// Whatever the bytes, a reader answers: files of every kind with bytes and lines changed at random.
#[test]
fn mutated_files_are_read_or_refused() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/circuits");
    let mut files = Vec::new();
    for folder in ["spec", "bad"] {
        for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if !name.ends_with(".truth") && !name.ends_with(".error") {
                files.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    let rounds = std::env::var("MUTATIONS").map_or(20, |count| count.parse().unwrap());
    let mut runner = support::Random(7);
    for _ in 0..rounds {
        for (name, bytes) in &files {
            let other = &files[runner.below(files.len())].1;
            let mutant = mutate(bytes, other, &mut runner);
            if let Ok(loaded) = format::read(&mutant, name) {
                for format in TEXT {
                    let Ok(written) = format::write(&loaded.circuit, format) else { continue };
                    let name = format!("written.{}", format.extension);
                    if let Err(error) = format::read(&written.bytes, &name) {
                        panic!("{error}\n{}", String::from_utf8_lossy(&written.bytes));
                    }
                }
            }
        }
    }
}

fn mutate(bytes: &[u8], other: &[u8], random: &mut support::Random) -> Vec<u8> {
    const SPICE: &[u8] = b"\\()=,.#~&|^?:[]{};'\"01-aby \n\r\t\0\xFF/*`$";
    let mut mutant = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(mutant.len() + 1);
        let end = (at + random.below(12)).min(mutant.len());
        match random.below(5) {
            0 => drop(mutant.drain(at..end)),
            1 => mutant.insert(at, SPICE[random.below(SPICE.len())]),
            2 => mutant.extend_from_within(at..end),
            3 if at < mutant.len() => mutant[at] = SPICE[random.below(SPICE.len())],
            _ => {
                let start = random.below(other.len() + 1);
                let stop = (start + random.below(30)).min(other.len());
                mutant.splice(at..end, other[start..stop].iter().copied());
            }
        }
    }
    mutant
}
