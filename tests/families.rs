//! The generated families: formulas against circuits, functions against plain arithmetic, bad specs.

use std::collections::BTreeSet;

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Circuit, Oracle, WordOrder};
use circuit2tf::family::{self, MAX_GATES, Values, families, generate, parse};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Specs of every family over a range of parameters, small ones first.
fn specs() -> Vec<String> {
    let sized = [
        ("parity", 1..=40),
        ("parity-chain", 1..=40),
        ("and", 1..=40),
        ("or", 1..=40),
        ("majority", 1..=130),
        ("popcount", 1..=130),
        ("adder", 1..=40),
        ("adder-ks", 1..=70),
        ("adder-sklansky", 1..=70),
        ("adder-bk", 1..=70),
        ("mult", 1..=33),
        ("mult-wallace", 1..=33),
        ("comparator", 1..=40),
        ("eq", 1..=40),
        ("mux", 1..=10),
        ("decoder", 1..=12),
        ("sort-bitonic", 1..=64),
        ("sort-oddeven", 1..=64),
        ("crc", 1..=80),
        ("reach", 2..=17),
        ("s5", 1..=17),
    ];
    let mut specs: Vec<String> = Vec::new();
    for (name, range) in sized {
        specs.extend(range.map(|n| format!("{name}:{n}")));
    }
    for n in 1..=20 {
        specs.extend((1..=n).map(|t| format!("threshold:n={n},t={t}")));
    }
    for k in 1..=9 {
        for mode in ["sequential", "squaring"] {
            specs.extend([2, 4, 8].map(|n| format!("pointer:n={n},k={k},mode={mode}")));
        }
    }
    specs.extend(
        ["aes-sbox", "hamming74", "hamming74-encode", "aes128", "sha256"].map(String::from),
    );
    let others = [
        "crc:n=100,width=8,poly=0x07,init=0xff,xorout=0x55",
        "crc:n=72,init=0xffffffff,reflect=1,xorout=0xffffffff",
        "crc:n=64,width=64,poly=0x42F0E1EBA9EA3693",
        "crc:n=40,width=1,poly=1",
        "crc:n=72,mode=serial",
        "random:n=16,gates=1000,seed=7",
        "random:n=2,gates=1",
        "random:n=5,gates=300,window=4,outputs=3,kinds=and-xor",
    ];
    specs.extend(others.map(String::from));
    specs
}

#[test]
fn every_formula_is_the_size_or_depth_of_the_circuit() {
    let (mut sizes, mut depths) = (BTreeSet::new(), BTreeSet::new());
    for spec in specs() {
        let (family, params) = parse(&spec).unwrap();
        let circuit = family.generate(&params).unwrap();
        if let Some(size) = (family.size.of)(&params) {
            assert_eq!(circuit.n_gates() as u64, size, "{spec}: {}", family.size.text);
            sizes.insert(family.name);
        }
        if let Some(depth) = (family.depth.of)(&params) {
            assert_eq!(circuit.depth() as u64, depth, "{spec}: {}", family.depth.text);
            depths.insert(family.name);
        }
    }
    let without = |covered: &BTreeSet<&str>| -> Vec<&str> {
        families().iter().map(|f| f.name).filter(|name| !covered.contains(name)).collect()
    };
    assert_eq!(without(&sizes), [""; 0]);
    assert_eq!(without(&depths), ["threshold", "mult-wallace", "random"]);
}

/// Known sizes and depths: (spec, gates, depth).
const KNOWN: &[(&str, usize, usize)] = &[
    ("parity:1024", 1023, 10),
    ("majority:3", 4, 3),
    ("popcount:63", 5 * 57, 19),
    ("adder:8", 37, 15),
    ("adder-ks:8", 67, 7),
    ("adder-sklansky:8", 52, 8),
    ("adder-bk:8", 49, 10),
    ("mult:4", 64, 16),
    ("mult:16", 1408, 88),
    ("mult-wallace:8", 330, 23),
    ("mult-wallace:16", 1452, 49),
    ("mult-wallace:32", 6038, 99),
    ("mux:6", 189, 12),
    ("sort-bitonic:16", 160, 10),
    ("sort-oddeven:16", 126, 10),
    ("reach:16", 4 * 2 * 16 * 15 * 14, 20),
    ("s5:16", 3375, 16),
];

#[test]
fn known_sizes_and_depths() {
    for &(spec, gates, depth) in KNOWN {
        let circuit = generate(spec).unwrap();
        assert_eq!((circuit.n_gates(), circuit.depth()), (gates, depth), "{spec}");
    }
}

#[test]
fn gates_have_two_inputs_and_an_output_depends_on_each() {
    for spec in specs() {
        let circuit = generate(&spec).unwrap();
        let inside = circuit.cone(circuit.outputs().iter().map(|output| output.literal.node));
        for id in circuit.nodes().filter(|&id| !circuit.kind(id).is_source()) {
            assert_eq!(circuit.fanins(id).count(), 2, "{spec}");
            // A random circuit whose outputs are told to be the last few may have gates beside them.
            assert!(inside[id.index()] || spec.contains("outputs"), "{spec}");
        }
    }
}

#[test]
fn the_same_spec_gives_the_same_circuit() {
    let describe = |spec: &str| format!("{:?}", generate(spec).unwrap());
    for family in families() {
        assert!(describe(family.example) == describe(family.example), "{}", family.example);
    }
    assert!(describe("random:seed=1") != describe("random:seed=2"));
}

/// Ports grouped to words: `a[0]`, `a[1]`, … are one, a name without an index is a word of one bit.
fn widths<'a>(names: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut words: Vec<(&str, usize)> = Vec::new();
    for name in names {
        let base = name.split('[').next().unwrap();
        match words.last_mut() {
            Some((last, width)) if *last == base => *width += 1,
            _ => words.push((base, 1)),
        }
    }
    words.into_iter().map(|(_, width)| width).collect()
}

/// Splits bits into numbers, the first bit of each being its least significant.
fn numbers(bits: &[bool], widths: &[usize]) -> Vec<u128> {
    let mut bits = bits.iter();
    let mut number = |width: usize| {
        (0..width).map(|i| u128::from(*bits.next().expect("widths add up")) << i).sum()
    };
    widths.iter().map(|&width| number(width)).collect()
}

const EXHAUSTIVE_INPUTS: usize = 12;
const SAMPLES: usize = 256;

/// All assignments where there are few inputs, or random ones, a third of them nearly constant.
fn assignments(n: usize) -> Vec<Vec<bool>> {
    if n <= EXHAUSTIVE_INPUTS {
        return (0..1u32 << n).map(|a| (0..n).map(|i| a >> i & 1 == 1).collect()).collect();
    }
    let mut stream = ChaCha8Rng::seed_from_u64(n as u64);
    let mut bit = |odds: u64| stream.next_u64() % 16 < odds;
    (0..SAMPLES).map(|a| (0..n).map(|_| bit([1, 8, 15][a % 3])).collect()).collect()
}

/// Holds a family's circuit against a function from the numbers of its input words to those of its
/// outputs.
fn assert_computes(spec: &str, function: impl Fn(&[u128]) -> Vec<u128>) {
    let circuit = generate(spec).unwrap();
    let inputs = widths(circuit.input_names().iter().map(String::as_str));
    let outputs = widths(circuit.outputs().iter().map(|output| output.name.as_str()));
    let columns = assignments(circuit.inputs().len());
    let batch = Batch::from_columns(circuit.inputs().len(), &columns).unwrap();
    let results = Oracle::new(&circuit).unwrap().run(&batch).unwrap();
    for (a, column) in columns.iter().enumerate() {
        let arguments = numbers(column, &inputs);
        let got = numbers(&results.column(a), &outputs);
        assert_eq!(got, function(&arguments), "{spec} of {arguments:?}");
    }
}

#[test]
fn trees_and_counters() {
    let ones = |w: &[u128]| u128::from(w[0].count_ones());
    for n in (1..=12).chain([17, 31, 64, 100]) {
        let all = u128::MAX >> (128 - n);
        assert_computes(&format!("parity:{n}"), |w| vec![ones(w) % 2]);
        assert_computes(&format!("parity-chain:{n}"), |w| vec![ones(w) % 2]);
        assert_computes(&format!("and:{n}"), |w| vec![u128::from(w[0] == all)]);
        assert_computes(&format!("or:{n}"), |w| vec![u128::from(w[0] != 0)]);
        assert_computes(&format!("popcount:{n}"), |w| vec![ones(w)]);
        assert_computes(&format!("majority:{n}"), |w| vec![u128::from(2 * ones(w) > n)]);
    }
    for n in 1..=10 {
        for t in 1..=n {
            let spec = format!("threshold:n={n},t={t}");
            assert_computes(&spec, |w| vec![u128::from(ones(w) >= t)]);
        }
    }
}

#[test]
fn adders_add() {
    for name in ["adder", "adder-ks", "adder-sklansky", "adder-bk"] {
        for n in (1..=9).chain([13, 16, 31, 33, 64]) {
            assert_computes(&format!("{name}:{n}"), |w| vec![w[0] + w[1]]);
        }
    }
}

#[test]
fn multipliers_multiply() {
    for name in ["mult", "mult-wallace"] {
        for n in (1..=9).chain([16, 31, 32]) {
            assert_computes(&format!("{name}:{n}"), |w| vec![w[0] * w[1]]);
        }
    }
}

#[test]
fn comparators_compare_and_selectors_select() {
    for n in (1..=6).chain([11, 32, 64]) {
        assert_computes(&format!("comparator:{n}"), |w| {
            vec![w[0] < w[1], w[0] == w[1], w[0] > w[1]].into_iter().map(u128::from).collect()
        });
        assert_computes(&format!("eq:{n}"), |w| vec![u128::from(w[0] == w[1])]);
    }
    for q in 1..=6 {
        assert_computes(&format!("mux:{q}"), |w| vec![w[1] >> w[0] & 1]);
        assert_computes(&format!("decoder:{q}"), |w| vec![1 << w[0]]);
    }
}

/// Random numbers are seldom equal, so equal ones are made.
#[test]
fn equal_numbers_are_equal_and_one_bit_makes_them_differ() {
    let circuit = generate("comparator:20").unwrap();
    for column in assignments(20) {
        let mut both = [column.clone(), column].concat();
        assert_eq!(circuit.evaluate(&both).unwrap(), [false, true, false]);
        let a_bit = both[7];
        both[27] = !a_bit;
        assert_eq!(circuit.evaluate(&both).unwrap(), [!a_bit, false, a_bit]);
    }
}

#[test]
fn sorters_sort() {
    for name in ["sort-bitonic", "sort-oddeven"] {
        for n in (1..=12).chain([16, 23, 32, 100]) {
            assert_computes(&format!("{name}:{n}"), |w| {
                let ones = w[0].count_ones();
                vec![if ones == 0 { 0 } else { (u128::MAX >> (128 - ones)) << (n - ones) }]
            });
        }
    }
}

/// A CRC by its definition, one bit at a time, in the order they are sent.
fn crc(sent: &[bool], width: u32, poly: u64, init: u64, reflect: bool, xorout: u64) -> u64 {
    let mut register = u128::from(init);
    for &bit in sent {
        register ^= u128::from(bit) << (width - 1);
        register <<= 1;
        if register >> width & 1 == 1 {
            register ^= 1 << width | u128::from(poly);
        }
    }
    let register = register as u64;
    let reflected = register.reverse_bits() >> (64 - width);
    xorout ^ if reflect { reflected } else { register }
}

fn low_bits_first(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |j| byte >> j & 1 == 1)).collect()
}

fn high_bits_first(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |j| byte >> j & 1 == 1)).collect()
}

/// The check values of the catalogue: the CRC of the nine bytes "123456789".
#[test]
fn crcs_have_their_check_values() {
    let catalogue: [(&str, bool, u128); 5] = [
        ("width=32,poly=0x04C11DB7,init=0xffffffff,reflect=1,xorout=0xffffffff", true, 0xCBF4_3926),
        ("width=32,poly=0x1EDC6F41,init=0xffffffff,reflect=1,xorout=0xffffffff", true, 0xE306_9283),
        ("width=16,poly=0x1021,init=0xffff", false, 0x29B1),
        ("width=8,poly=0x07", false, 0xF4),
        ("width=64,poly=0x42F0E1EBA9EA3693", false, 0x6C40_DF5F_0B49_7347),
    ];
    for (parameters, reflect, check) in catalogue {
        let sent =
            if reflect { low_bits_first(b"123456789") } else { high_bits_first(b"123456789") };
        for mode in ["flat", "serial"] {
            let circuit = generate(&format!("crc:n=72,{parameters},mode={mode}")).unwrap();
            let bits = circuit.evaluate(&sent).unwrap();
            assert_eq!(numbers(&bits, &[bits.len()]), [check], "{parameters} {mode}");
        }
    }
}

#[test]
fn crcs_agree_with_the_definition() {
    for (width, poly) in [(1, 1), (3, 0b011), (5, 0x15), (32, 0x04C1_1DB7), (33, 2), (64, 0x1B)] {
        for (n, reflect, mode) in
            [(1, 0, "flat"), (7, 1, "serial"), (10, 1, "flat"), (50, 0, "serial")]
        {
            let spec = format!(
                "crc:n={n},width={width},poly={poly},init=1,reflect={reflect},xorout=1,mode={mode}"
            );
            assert_computes(&spec, |w| {
                let sent: Vec<bool> = (0..n).map(|i| w[0] >> i & 1 == 1).collect();
                vec![u128::from(crc(&sent, width, poly, 1, reflect == 1, 1))]
            });
        }
    }
}

#[test]
fn a_flat_crc_and_the_register_are_one_function_of_two_depths() {
    let flat = generate("crc:n=64,width=16,poly=0x1021").unwrap();
    let serial = generate("crc:n=64,width=16,poly=0x1021,mode=serial").unwrap();
    assert!(flat.depth() <= 6 && serial.depth() > 12, "{} {}", flat.depth(), serial.depth());
    for column in assignments(64) {
        assert_eq!(flat.evaluate(&column).unwrap(), serial.evaluate(&column).unwrap());
    }
}

#[test]
fn hamming_corrects_every_single_error_and_names_its_place() {
    let encode = generate("hamming74-encode").unwrap();
    let decode = generate("hamming74").unwrap();
    for data in assignments(4) {
        let code = encode.evaluate(&data).unwrap();
        for error in 0..=7u128 {
            let mut received = code.clone();
            if error > 0 {
                received[error as usize - 1] ^= true;
            }
            let decoded = decode.evaluate(&received).unwrap();
            assert_eq!(decoded[..4], data, "error at {error}");
            assert_eq!(numbers(&decoded[4..], &[3]), [error]);
        }
    }
}

#[test]
fn paths_are_found() {
    for n in 2..=9 {
        assert_computes(&format!("reach:{n}"), |edges| {
            let mut path = vec![vec![false; n]; n];
            let pairs = || (0..n * n).map(|p| (p / n, p % n)).filter(|(i, j)| i != j);
            for ((i, j), &edge) in pairs().zip(edges) {
                path[i][j] = edge == 1;
            }
            for k in 0..n {
                for (i, j) in (0..n * n).map(|p| (p / n, p % n)) {
                    path[i][j] |= path[i][k] && path[k][j];
                }
            }
            pairs().map(|(i, j)| u128::from(path[i][j])).collect()
        });
    }
}

/// A path through all vertices, which too few squarings would miss.
#[test]
fn the_longest_path_is_found() {
    for n in 2..=17 {
        let circuit = generate(&format!("reach:{n}")).unwrap();
        let pairs = || (0..n * n).map(|p| (p / n, p % n)).filter(|(i, j)| i != j);
        let line: Vec<bool> = pairs().map(|(i, j)| j == i + 1).collect();
        let expected: Vec<bool> = pairs().map(|(i, j)| j > i).collect();
        assert_eq!(circuit.evaluate(&line).unwrap(), expected, "{n}");
    }
}

#[test]
fn permutations_multiply() {
    let mut stream = ChaCha8Rng::seed_from_u64(5);
    let mut permutation = || {
        let mut images = [0, 1, 2, 3, 4];
        for i in 1..5 {
            images.swap(i, stream.next_u64() as usize % (i + 1));
        }
        images
    };
    let one_hot = |images: &[usize; 5]| -> Vec<bool> {
        (0..25).map(|entry| images[entry / 5] == entry % 5).collect()
    };
    for n in 1..=9 {
        let circuit = generate(&format!("s5:{n}")).unwrap();
        for _ in 0..20 {
            let factors: Vec<[usize; 5]> = (0..n).map(|_| permutation()).collect();
            let product = factors.iter().fold([0, 1, 2, 3, 4], |p, f| p.map(|i| f[i]));
            let bits: Vec<bool> = factors.iter().flat_map(one_hot).collect();
            assert_eq!(circuit.evaluate(&bits).unwrap(), one_hot(&product));
        }
    }
}

#[test]
fn pointers_are_chased() {
    for (n, most) in [(2, 5), (4, 9), (8, 17)] {
        for k in 1..=most {
            for mode in ["sequential", "squaring"] {
                assert_computes(&format!("pointer:n={n},k={k},mode={mode}"), |w| {
                    vec![(0..k).fold(w[n], |at, _| w[at as usize])]
                });
            }
        }
    }
}

/// The S-box by its definition in FIPS 197, section 5.1.1, with the inverse found by trial.
fn sbox(x: u8) -> u8 {
    let times = |a: u8, b: u8| {
        let product = (0..8).filter(|i| b >> i & 1 == 1).fold(0, |p, i| p ^ u16::from(a) << i);
        let reduced = (8..16)
            .rev()
            .fold(product, |p, i| if p >> i & 1 == 1 { p ^ 0x11B << (i - 8) } else { p });
        reduced as u8
    };
    let inverse = (1..=255).find(|&y| times(x, y) == 1).unwrap_or(0);
    let bit =
        |i: u8| [0, 4, 5, 6, 7].iter().fold(0x63 >> i, |sum, j| sum ^ inverse >> ((i + j) % 8)) & 1;
    (0..8).map(|i| bit(i) << i).sum()
}

#[test]
fn the_sbox_is_the_one_of_the_definition() {
    assert_eq!([0x00, 0x01, 0x53, 0xFF].map(sbox), [0x63, 0x7C, 0xED, 0x16]);
    assert_computes("aes-sbox", |w| vec![u128::from(sbox(w[0] as u8))]);
}

/// The bits of a byte string read as one big-endian number, least significant first.
fn number_bits(bytes: &[u8]) -> Vec<bool> {
    let mut bits = high_bits_first(bytes);
    bits.reverse();
    bits
}

fn number_hex(bits: &[bool]) -> String {
    let digits = bits.chunks(4).rev().map(|digit| numbers(digit, &[4])[0]);
    digits.map(|digit| format!("{digit:x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// FIPS 197 appendix B and C.1, and the all-zero block: (key, plaintext, ciphertext).
const AES_VECTORS: [[&str; 3]; 3] = [
    [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3243f6a8885a308d313198a2e0370734",
        "3925841d02dc09fbdc118597196a0b32",
    ],
    [
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ],
    [
        "00000000000000000000000000000000",
        "00000000000000000000000000000000",
        "66e94bd4ef8a2c3b884cfa59ca342b2e",
    ],
];

#[test]
fn aes_gives_the_standards_ciphertexts() {
    let circuit = generate("aes128").unwrap();
    for [key, plaintext, ciphertext] in AES_VECTORS {
        let inputs = [number_bits(&bytes(key)), number_bits(&bytes(plaintext))].concat();
        let outputs = circuit.evaluate(&inputs).unwrap();
        assert_eq!(number_hex(&outputs), ciphertext);
    }
}

/// The digest of a message by the compression circuit, padded as FIPS 180-4 says.
fn digest(circuit: &Circuit, message: &[u8]) -> String {
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded
        .resize(padded.len().next_multiple_of(64) + if padded.len() % 64 > 56 { 64 } else { 0 }, 0);
    let length_at = padded.len() - 8;
    padded[length_at..].copy_from_slice(&(8 * message.len() as u64).to_be_bytes());
    let start = bytes("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");
    let mut state = number_bits(&start);
    for block in padded.chunks(64) {
        state = circuit.evaluate(&[number_bits(block), state].concat()).unwrap();
    }
    number_hex(&state)
}

#[test]
fn sha256_gives_the_standards_digests() {
    let vectors: [(&[u8], &str); 4] = [
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (&[0; 55], "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"),
    ];
    let circuit = generate("sha256").unwrap();
    for (message, expected) in vectors {
        assert_eq!(digest(&circuit, message), expected, "{message:?}");
    }
    let zero = circuit.evaluate(&[false; 768]).unwrap();
    let expected = "7ca51614425c3ba8ce54dd2fc2020ae7b6e574d198136d0fae7e26ccbf0be7a6";
    assert_eq!(number_hex(&zero), expected);
}

#[test]
fn ciphers_have_the_ports_of_the_bristol_fashion_files() {
    let ports = |spec: &str| {
        let circuit = generate(spec).unwrap();
        let outputs = widths(circuit.outputs().iter().map(|output| output.name.as_str()));
        (widths(circuit.input_names().iter().map(String::as_str)), outputs)
    };
    assert_eq!(ports("aes128"), (vec![128, 128], vec![128]));
    assert_eq!(ports("sha256"), (vec![512, 256], vec![256]));
}

#[test]
fn random_circuits_keep_to_their_window_and_kinds() {
    let circuit = generate("random:n=5,gates=300,window=4,kinds=xor,seed=3").unwrap();
    for id in circuit.nodes().skip(5) {
        let operands: Vec<usize> = circuit.fanins(id).map(|operand| operand.node.index()).collect();
        assert!(operands.iter().all(|operand| operand + 4 >= id.index()), "{operands:?}");
        assert_ne!(operands[0], operands[1]);
        assert_eq!(circuit.kind(id).name(), "XOR");
    }
    assert_eq!(generate("random:gates=50,outputs=7").unwrap().outputs().len(), 7);
}

/// Fixed for all versions: a seed in somebody's notes must name the same circuit for ever.
#[test]
fn a_seed_names_one_circuit_for_ever() {
    let circuit = generate("random:n=4,gates=3,seed=1,outputs=1").unwrap();
    let gates: Vec<String> = circuit
        .nodes()
        .skip(4)
        .map(|id| {
            let operands = circuit.fanins(id).map(|operand| {
                format!("{}{}", if operand.complemented { "!" } else { "" }, operand.node.index())
            });
            format!("{} {}", circuit.kind(id).name(), operands.collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(gates, ["XOR !1 !3", "AND 3 4", "XNOR !1 2"]);
}

/// Bad specs and what the error must say.
const BAD: &[(&str, &str)] = &[
    ("addr:8", "did you mean adder?"),
    ("", "expected a family"),
    (":8", "expected a family"),
    ("ADDER:8", "a family"),
    ("adder", "expected n (bits of a and of b; 1 to 2000000)"),
    ("adder:", "n = 1 to 2000000"),
    ("adder:0", "n = 1 to 2000000"),
    ("adder:-1", "found \"-1\""),
    ("adder:+1", "found \"+1\""),
    ("adder:0x+1", "found \"0x+1\""),
    ("adder:8 ", "found \"8 \""),
    ("adder:8.5", "for example adder:8"),
    ("adder:999999999", "n = 1 to 2000000"),
    ("adder:99999999999999999999999999", "n = 1 to 2000000"),
    ("adder:8,9", "key=value after the first argument"),
    ("adder:n=8,n=9", "n twice"),
    ("adder:8,n=8", "n twice"),
    ("adder:m=8", "a parameter among n in adder:…, found \"m\""),
    ("adder:n=8,", "key=value after the first argument"),
    ("adder:n=", "found nothing"),
    ("adder-ks:1000000", "at most 10000000 gates, found 58854275"),
    ("mux:40", "q = 1 to 21"),
    ("decoder:64", "q = 1 to 21"),
    ("reach:100000", "n = 2 to 256"),
    ("reach:200", "at most 10000000 gates"),
    ("mult:100000", "n = 1 to 1024"),
    ("threshold:9", "expected t (the least count"),
    ("threshold:n=9,t=10", "expected t = 1 to n in threshold:…, found n=9,t=10"),
    ("pointer:n=12,k=2", "a power of two"),
    ("pointer:n=16,k=4294967296", "at most 10000000 gates"),
    ("pointer:n=16,k=8,mode=fast", "mode = sequential or squaring"),
    ("crc:n=8,width=8", "poly, init and xorout below 2^width"),
    ("crc:n=8,width=65", "width = 1 to 64"),
    ("aes128:5", "aes128 without arguments"),
    ("sha256:", "sha256 without arguments"),
    ("random:gates=10,outputs=11", "outputs = 0 to gates"),
    ("random:window=1", "window = 0 or at least 2"),
    ("random:gates=99999999999", "gates = 1 to 10000000"),
    ("random:kinds=lut", "all or and or xor or and-xor"),
];

#[test]
fn bad_specs_are_refused_with_range_and_example() {
    for &(spec, expected) in BAD {
        let start = std::time::Instant::now();
        let error = generate(spec).expect_err(spec).to_string();
        assert!(error.contains(expected), "{spec}: {error}");
        assert!(start.elapsed().as_millis() < 500, "{spec}");
    }
    let long = format!("adder:{}", "9".repeat(1_000_000));
    assert!(generate(&long).unwrap_err().to_string().len() < 300);
}

/// No corner of the declared ranges is too large to count, and what passes has a bound.
#[test]
fn the_largest_parameters_pass_or_are_refused_at_once() {
    for family in families() {
        let largest = family.parameters.iter().map(|parameter| match parameter.values {
            Values::Range(_, most) => format!("{}={most}", parameter.name),
            Values::Choice(words) => format!("{}={}", parameter.name, words[words.len() - 1]),
        });
        let arguments = largest.collect::<Vec<_>>().join(",");
        let spec = if arguments.is_empty() {
            family.name.into()
        } else {
            format!("{}:{arguments}", family.name)
        };
        let (family, params) = parse(&spec).unwrap();
        let size = (family.size.of)(&params);
        if let Err(error) = family.check(&params) {
            assert!(error.to_string().contains("expected"), "{spec}: {error}");
        } else {
            assert!(size.is_none_or(|size| size <= MAX_GATES), "{spec}");
        }
    }
}

#[test]
fn every_example_is_a_spec_that_generates() {
    for family in families() {
        assert!(family::is_spec(family.example));
        generate(family.example).unwrap();
    }
}

/// A word's order makes the number or byte string that a user writes the data that is sent.
#[test]
fn every_word_declares_its_order() {
    let order = |spec: &str, word: &str| generate(spec).unwrap().word_order(word);
    for family in families() {
        let circuit = generate(family.example).unwrap();
        let names = circuit.input_names().iter().chain(circuit.outputs().iter().map(|o| &o.name));
        for (base, _) in names.filter_map(|name| name.split_once('[')) {
            assert!(circuit.word_order(base).is_some(), "{}: {base}", family.example);
        }
    }
    assert_eq!(order("adder:4", "sum"), Some(WordOrder::Lsb));
    assert_eq!(order("crc:16", "data"), Some(WordOrder::Msb));
    assert_eq!(order("crc:16,reflect=1", "data"), Some(WordOrder::Bytes));
    assert_eq!(order("crc:15,reflect=1", "data"), Some(WordOrder::Lsb));
}
