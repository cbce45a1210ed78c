//! AIGER, Bristol and JSON on real files: counts, arithmetic, published vectors, a second opinion, and
//! round trips of random circuits. What the formats' smallest traps do is tested beside the readers.

use std::fs;
use std::path::Path;

use circuit2tf::circuit::word::{Assignment, Orders, readings};
use circuit2tf::circuit::{Builder, Circuit, GateKind, LatchInit, Literal, TruthTable};
use circuit2tf::format::{Loaded, Written, aiger, bristol, json};
use proptest::prelude::*;

#[path = "support/public.rs"]
mod public;

fn load(path: &Path) -> Loaded {
    let bytes = fs::read(path).unwrap();
    let file = path.display().to_string();
    let read = match path.extension().and_then(|extension| extension.to_str()) {
        Some("txt") => bristol::read,
        Some("json") => json::read,
        _ => aiger::read,
    };
    read(&bytes, &file).unwrap_or_else(|error| panic!("{error}"))
}

/// A number that follows a kind of gate in the table, such as 63 in `(AND 63 XOR 313)`; 0 without it.
fn count_of(kind: &str, gates: &str) -> usize {
    let mut words = gates.split(['(', ')', ' ']).skip_while(|word| *word != kind);
    words.nth(1).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn benchmarks_have_the_counts_of_their_table() {
    let (folder, table) = (public::folder(), public::readme());
    let mut n_files = 0;
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() < 8 || !(cells[2].starts_with("AIGER") || cells[2].starts_with("Bristol")) {
            continue;
        }
        let circuit = load(&folder.join(cells[1])).circuit;
        let count = |kind| circuit.nodes().filter(|&id| circuit.kind(id) == kind).count();
        let ports = [circuit.inputs().len(), circuit.outputs().len(), circuit.latches().len()];
        assert_eq!(ports.map(|n| n.to_string()), [cells[3], cells[4], cells[5]], "{line}");
        let expected = ["AND", "XOR", "NOT"].map(|kind| count_of(kind, cells[6]));
        assert_eq!([GateKind::And, GateKind::Xor, GateKind::Not].map(count), expected, "{line}");
        assert_eq!(circuit.n_gates(), expected.iter().sum::<usize>(), "{line}");
        assert!(circuit.depth() <= cells[7].parse().unwrap(), "{line}");
        n_files += 1;
    }
    assert!(n_files >= 29, "only {n_files} lines of the table were found");
}

/// The first output word as text, for inputs set by `settings`, all words in the order `order`.
fn evaluate(circuit: &Circuit, order: &str, settings: &[String]) -> String {
    let mut orders = Orders::declared_by(circuit);
    orders.flag(order).unwrap();
    let mut assignment = Assignment::new(circuit.input_names(), &orders);
    for setting in settings {
        assignment.set(setting).unwrap();
    }
    let bits = circuit.evaluate(&assignment.finish().unwrap()).unwrap();
    let names: Vec<String> = circuit.outputs().iter().map(|o| o.name.clone()).collect();
    readings(&names, &bits, &orders).unwrap()[0].value.clone()
}

/// FIPS-197 C.1 and B, and the all-zero block: key, plaintext, ciphertext.
const AES_128: [[&str; 3]; 3] = [
    [
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ],
    [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3243f6a8885a308d313198a2e0370734",
        "3925841d02dc09fbdc118597196a0b32",
    ],
    [
        "00000000000000000000000000000000",
        "00000000000000000000000000000000",
        "66e94bd4ef8a2c3b884cfa59ca342b2e",
    ],
];

#[test]
#[ignore = "needs CIRCUIT2TF_BENCHMARKS"]
fn aes_gives_the_published_vectors_in_the_order_of_each_file() {
    public::require_whole();
    let folder = public::folder();
    for (file, order, key, plaintext) in [
        ("bristol_fashion/aes_128.txt", "lsb", "in0", "in1"),
        ("bristol_fashion/AES-non-expanded.txt", "msb", "in1", "in0"),
    ] {
        let circuit = load(&folder.join(file)).circuit;
        for vector in AES_128 {
            let settings =
                [format!("{key}=0x{}", vector[0]), format!("{plaintext}=0x{}", vector[1])];
            assert_eq!(evaluate(&circuit, order, &settings), format!("0x{}", vector[2]), "{file}");
        }
    }
}

/// Holds a file of two 64-bit words in and one out against a function of numbers.
fn require_arithmetic(file: &str, function: fn(u64, u64) -> u64) {
    let circuit = load(&public::folder().join(file)).circuit;
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    for k in 0..20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (a, b) = (state ^ state >> 29, state.rotate_left(23) >> (3 * k));
        let value = evaluate(&circuit, "lsb", &[format!("in0={a}"), format!("in1={b}")]);
        assert_eq!(value, format!("{:#018x}", function(a, b)), "{file}: {a}, {b}");
    }
}

#[test]
fn arithmetic_files_compute_their_arithmetic() {
    require_arithmetic("bristol_fashion/adder64.txt", u64::wrapping_add);
    require_arithmetic("bristol_fashion/sub64.txt", u64::wrapping_sub);
    let adder = load(&public::folder().join("bristol_old/adder_32bit.txt")).circuit;
    let settings = ["in0=4294967295".to_string(), "in1=2".to_string()];
    assert_eq!(evaluate(&adder, "lsb", &settings), "0x100000001");
}

#[test]
#[ignore = "needs CIRCUIT2TF_BENCHMARKS"]
fn a_file_that_divides_divides() {
    public::require_whole();
    let divided = |a: u64, b| a.checked_div(b).unwrap_or(u64::MAX);
    require_arithmetic("bristol_fashion/udivide64.txt", divided);
}

#[test]
fn files_come_back_from_every_format_with_the_same_function() {
    let folder = public::folder();
    for file in ["bristol_fashion/FP-eq.txt", "epfl/int2float.aig", "epfl/router.aig"] {
        let circuit = load(&folder.join(file)).circuit;
        for (format, back) in round_trips(&circuit) {
            assert_same_function(&circuit, &back, &format!("{file} as {format}"));
        }
    }
}

#[test]
fn binary_benchmarks_come_back_byte_for_byte() {
    let folder = public::folder();
    for file in ["epfl/adder.aig", "epfl/ctrl.aig", "epfl/router.aig", "aiger/s2cfair.aig"] {
        let loaded = load(&folder.join(file));
        let original = fs::read(folder.join(file)).unwrap();
        let written = aiger::write_binary(&loaded.circuit).unwrap().bytes;
        // The comment at the end of the file is not kept.
        assert!(original.starts_with(&written), "{file}");
        assert!(matches!(original[written.len()..], [] | [b'c', ..]), "{file}");
        let text = aiger::write_ascii(&loaded.circuit).unwrap().bytes;
        let again = aiger::read(&text, "ascii").unwrap().circuit;
        assert_eq!(aiger::write_binary(&again).unwrap().bytes, written, "{file}");
    }
}

/// What another reader, of the crate oxidd-parser, makes of the file: its outputs for an assignment.
struct SecondOpinion {
    circuit: oxidd_parser::Circuit,
    outputs: Vec<oxidd_parser::Literal>,
}

impl SecondOpinion {
    fn read(path: &Path) -> Self {
        let options = oxidd_parser::ParseOptionsBuilder::default().build().unwrap();
        let problem = oxidd_parser::load_file(path, &options);
        let problem = problem.unwrap_or_else(|| panic!("refused: {}", path.display()));
        let oxidd_parser::ProblemDetails::AIGER(details) = problem.details else {
            panic!("{} is not read as AIGER", path.display())
        };
        SecondOpinion { circuit: problem.circuit, outputs: details.outputs().to_vec() }
    }

    fn evaluate(&self, inputs: &[bool]) -> Vec<bool> {
        let mut values: Vec<Option<bool>> = vec![None; self.circuit.num_gates()];
        self.outputs.iter().map(|&output| self.value(output, inputs, &mut values)).collect()
    }

    /// The value of a literal; gates may come in any order.
    fn value(
        &self,
        literal: oxidd_parser::Literal,
        inputs: &[bool],
        values: &mut [Option<bool>],
    ) -> bool {
        let positive = if let Some(input) = literal.get_input() {
            inputs[input]
        } else if let Some(gate) = literal.get_gate_no() {
            values[gate].unwrap_or_else(|| {
                let gate_inputs = self.circuit.gate_for_no(gate).unwrap().inputs;
                let all = gate_inputs.iter().all(|&input| self.value(input, inputs, values));
                values[gate] = Some(all);
                all
            })
        } else {
            false
        };
        positive ^ literal.is_negative()
    }
}

/// Pseudo-random assignments, the constant ones first.
fn assignments(n: usize, count: usize) -> Vec<Vec<bool>> {
    let mut state = 0x1234_5678_9ABC_DEF1u64;
    let mut bit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        state >> 63 == 1
    };
    let random = (0..count).map(|_| (0..n).map(|_| bit()).collect());
    [vec![false; n], vec![true; n]].into_iter().chain(random).collect()
}

#[test]
fn another_reader_agrees_on_benchmarks_and_on_what_is_written() {
    let folder = public::folder();
    let scratch = tempfile::tempdir().unwrap();
    let files = [
        "aiger/halfadder.aag",
        "aiger/true.aag",
        "aiger/xor1.aag",
        "epfl/ctrl.aig",
        "epfl/dec.aig",
        "epfl/router.aig",
        "epfl/int2float.aig",
        "syntcomp/mult2.aag",
    ];
    for file in files {
        let circuit = load(&folder.join(file)).circuit;
        let (ascii, binary) = (scratch.path().join("a.aag"), scratch.path().join("b.aig"));
        fs::write(&ascii, aiger::write_ascii(&circuit).unwrap().bytes).unwrap();
        fs::write(&binary, aiger::write_binary(&circuit).unwrap().bytes).unwrap();
        let opinions = [&folder.join(file), &ascii, &binary].map(|path| SecondOpinion::read(path));
        for inputs in assignments(circuit.inputs().len(), 20) {
            let outputs = circuit.evaluate(&inputs).unwrap();
            for opinion in &opinions {
                assert_eq!(opinion.evaluate(&inputs), outputs, "{file}");
            }
        }
    }
}

/// The circuit written and read back in every format.
fn round_trips(circuit: &Circuit) -> Vec<(&'static str, Circuit)> {
    type Write = fn(&Circuit) -> circuit2tf::Result<Written>;
    type Read = fn(&[u8], &str) -> circuit2tf::Result<Loaded>;
    let formats: [(&str, Write, Read); 5] = [
        ("ASCII AIGER", aiger::write_ascii, aiger::read),
        ("binary AIGER", aiger::write_binary, aiger::read),
        ("Bristol Fashion", bristol::write, bristol::read),
        ("old Bristol", bristol::write_old, bristol::read),
        ("JSON", json::write, json::read),
    ];
    let mut circuits = Vec::new();
    for (format, write, read) in formats {
        let Ok(written) = write(circuit) else {
            assert_eq!(format, "old Bristol", "only it cannot say everything");
            assert!(circuit.inputs().is_empty());
            continue;
        };
        let back = read(&written.bytes, format).unwrap_or_else(|error| panic!("{error}")).circuit;
        let again = write(&back).unwrap().bytes;
        assert_eq!(
            String::from_utf8_lossy(&again),
            String::from_utf8_lossy(&written.bytes),
            "{format} written again"
        );
        circuits.push((format, back));
    }
    circuits
}

fn assert_same_function(a: &Circuit, b: &Circuit, what: &str) {
    assert_eq!(a.inputs().len(), b.inputs().len(), "{what}");
    for inputs in assignments(a.inputs().len(), 30) {
        assert_eq!(a.evaluate(&inputs).unwrap(), b.evaluate(&inputs).unwrap(), "{what}");
    }
}

/// A gate as numbers that a circuit of any size can use: kind, operands, complements, table.
type Recipe = (usize, Vec<(usize, bool)>, u64);

fn build(n_inputs: usize, gates: &[Recipe], outputs: &[(usize, bool)]) -> Circuit {
    const KINDS: [GateKind; 10] = [
        GateKind::Buf,
        GateKind::Not,
        GateKind::Mux,
        GateKind::Maj,
        GateKind::And,
        GateKind::Or,
        GateKind::Xor,
        GateKind::Nand,
        GateKind::Nor,
        GateKind::Xnor,
    ];
    let mut builder = Builder::new();
    let mut nodes = vec![builder.constant(false).unwrap(), builder.constant(true).unwrap()];
    for i in 0..n_inputs {
        nodes.push(builder.input(format!("x[{i}]")).unwrap());
    }
    for (kind, operands, bits) in gates {
        let lut = TruthTable::new(operands.len(), *bits).unwrap();
        let kind = KINDS.get(*kind).copied().unwrap_or(GateKind::Lut(lut));
        let n = (0..=operands.len()).rev().find(|&n| kind.accepts(n)).unwrap();
        let literal =
            |&(node, flip): &(usize, bool)| Literal::from(nodes[node % nodes.len()]).flip_if(flip);
        let fanins: Vec<Literal> = operands[..n].iter().map(literal).collect();
        nodes.push(builder.gate(kind, &fanins).unwrap());
    }
    for (k, &(node, flip)) in outputs.iter().enumerate() {
        let literal = Literal::from(nodes[node % nodes.len()]).flip_if(flip);
        builder.output(format!("y{k}"), literal).unwrap();
    }
    builder.finish().unwrap()
}

fn random_circuit() -> impl Strategy<Value = Circuit> {
    let operands = prop::collection::vec((0usize..1000, any::<bool>()), 3..=6);
    let gates = prop::collection::vec((0usize..12, operands, any::<u64>()), 0..40);
    let outputs = prop::collection::vec((0usize..1000, any::<bool>()), 0..10);
    (0usize..7, gates, outputs).prop_map(|(n, gates, outputs)| build(n, &gates, &outputs))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits_come_back_from_every_format(circuit in random_circuit()) {
        for (format, back) in round_trips(&circuit) {
            assert_same_function(&circuit, &back, format);
        }
    }
}

#[test]
fn sequential_circuits_keep_latches_and_properties() {
    let folder = public::folder();
    for file in ["aiger/s2cfair.aig", "aiger/mult2.aig", "aiger/cnt1e.aag", "syntcomp/cnt2y.aag"] {
        let circuit = load(&folder.join(file)).circuit;
        let ascii = aiger::write_ascii(&circuit).unwrap().bytes;
        let through_json = json::read(&json::write(&circuit).unwrap().bytes, file).unwrap().circuit;
        assert_eq!(aiger::write_ascii(&through_json).unwrap().bytes, ascii, "{file}");
        assert!(bristol::write(&circuit).is_err());
        assert!(circuit.latches().iter().all(|latch| latch.init != LatchInit::DontCare));
    }
}
