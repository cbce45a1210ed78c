//! The traps of the format, each as the smallest file that springs it. Files that must be refused are in
//! `circuits/bad`, with the errors they must give.

use super::*;
use crate::circuit::{Builder, GateKind, LatchInit, Literal, Property, PropertyKind, TruthTable};

fn load(text: &str) -> Circuit {
    read(text.as_bytes(), "t").unwrap_or_else(|error| panic!("{error}\n{text}")).circuit
}

fn ascii(circuit: &Circuit) -> String {
    String::from_utf8(write_ascii(circuit).unwrap().bytes).unwrap()
}

/// The outputs for all assignments, the first input changing fastest.
fn table(circuit: &Circuit) -> Vec<Vec<bool>> {
    let n = circuit.inputs().len();
    let bits = |a: usize| (0..n).map(|i| a >> i & 1 == 1).collect::<Vec<bool>>();
    (0..1 << n).map(|a| circuit.evaluate(&bits(a)).unwrap()).collect()
}

#[test]
fn ands_may_come_before_their_operands_and_variables_may_have_gaps() {
    let adder = load("aag 9 2 0 2 3\n4\n8\n6\n18\n6 19 15\n18 4 8\n14 5 9\ni1 b\no0 sum\n");
    assert_eq!(adder.n_gates(), 3);
    assert_eq!(adder.input_names(), ["i0", "b"]);
    assert_eq!(adder.outputs()[0].name, "sum");
    let rows = table(&adder);
    assert!(rows.iter().enumerate().all(|(a, row)| {
        let (x, y) = (a & 1 == 1, a >> 1 == 1);
        row == &[x ^ y, x & y]
    }));
}

#[test]
fn outputs_may_be_constants_inputs_complements_and_repeated() {
    let circuit = load("aag 1 1 0 6 0\n2\n0\n1\n2\n3\n2\n3\n");
    let expected = |x: bool| vec![false, true, x, !x, x, !x];
    assert_eq!(table(&circuit), [expected(false), expected(true)]);
    assert_eq!(circuit.n_gates(), 0);
}

#[test]
fn nothing_at_all_is_a_circuit() {
    for text in ["aag 0 0 0 0 0\n", "aag 0 0 0 0 0", "aig 0 0 0 0 0\n", "aag 0 0 0 0 0\nc"] {
        assert_eq!(load(text).n_nodes(), 0, "{text}");
    }
}

#[test]
fn operands_may_be_constants_and_equal() {
    assert_eq!(table(&load("aag 2 1 0 1 1\n2\n4\n4 1 2\n")), [[false], [true]]);
    assert_eq!(table(&load("aag 2 1 0 1 1\n2\n5\n4 3 3\n")), [[false], [true]]);
}

#[test]
fn a_latch_resets_to_zero_one_or_stays_unknown() {
    let circuit = load("aag 5 1 4 1 0\n2\n4 5\n6 6 0\n8 2 1\n10 11 10\n10\nl2 a b\n");
    let inits: Vec<LatchInit> = circuit.latches().iter().map(|latch| latch.init).collect();
    assert_eq!(inits, [LatchInit::Zero, LatchInit::Zero, LatchInit::One, LatchInit::Unknown]);
    assert_eq!(circuit.latches()[2].name, "a b");
    let toggle = &circuit.latches()[0];
    assert_eq!(toggle.next, !toggle.node.literal());
    assert!(circuit.evaluate(&[true]).is_err());
}

#[test]
fn the_sections_of_1_9_come_in_order() {
    let text = "aag 3 3 0 1 0 1 2 2 1\n2\n4\n6\n2\n4\n6\n3\n0\n2\n5\n7\n1\nc1 only this\nj1 two\n";
    let circuit = load(text);
    let literal = |i: usize, complemented| Literal { node: circuit.inputs()[i], complemented };
    let property = |kind, name: Option<&str>, literals: &[Literal]| Property {
        kind,
        name: name.map(str::to_string),
        literals: literals.to_vec(),
    };
    let constant = circuit.nodes().find(|&id| circuit.kind(id) == GateKind::Const(false)).unwrap();
    assert_eq!(
        circuit.properties(),
        [
            property(PropertyKind::Bad, None, &[literal(1, false)]),
            property(PropertyKind::Constraint, None, &[literal(2, false)]),
            property(PropertyKind::Constraint, Some("only this"), &[literal(0, true)]),
            property(PropertyKind::Justice, None, &[]),
            property(PropertyKind::Justice, Some("two"), &[literal(1, true), literal(2, true)]),
            property(PropertyKind::Fairness, None, &[!constant.literal()]),
        ]
    );
    assert_eq!(ascii(&circuit), text);
}

#[test]
fn c_alone_starts_the_comment_and_c0_is_a_name() {
    let text = "aag 1 1 0 0 0 0 1\n2\n2\nc0 c\nc\ni9 not a name \u{FFFD}\n";
    assert_eq!(load(text).properties()[0].name.as_deref(), Some("c"));
    let bytes = [&b"aag 0 0 0 1 0\n1\nc\n"[..], &[0xFF, 0xFE, b'\n']].concat();
    assert_eq!(table(&read(&bytes, "t").unwrap().circuit), [[true]]);
}

#[test]
fn names_hold_anything_but_line_ends() {
    let text = "aag 2 2 0 1 0\n2\n4\n4\ni0 a [3] \"x\"\ni1  two\to0 é \no0 !Q\n";
    let circuit = load(text);
    assert_eq!(circuit.input_names(), ["a [3] \"x\"", " two\to0 é "]);
    assert_eq!(circuit.outputs()[0].name, "!Q");
    assert_eq!(ascii(&circuit), text);
}

#[test]
fn a_default_name_that_the_file_uses_elsewhere_is_not_given_twice() {
    let circuit = load("aag 2 2 0 0 0\n2\n4\ni0 i1\n");
    assert_eq!(circuit.input_names(), ["i1", "i1_"]);
    assert_eq!(load(&ascii(&circuit)).input_names(), circuit.input_names());
}

#[test]
fn ascii_lines_may_end_in_spaces_cr_lf_or_with_the_file() {
    let circuit = load("aag 3 2 0 1 1 \r\n2\r\n4  \r\n6\r\n6 2 4\r\ni0 x\r\nc\r\nz");
    assert_eq!(circuit.input_names()[0], "x");
    assert_eq!(table(&load("aag 3 2 0 1 1\n2\n4\n6\n6 2 4")).concat(), [false, false, false, true]);
}

#[test]
fn binary_deltas_span_bytes() {
    // 200 inputs, one AND of the first and the complement of the last: literal 402 = 401 & 2.
    let bytes = [&b"aig 201 200 0 1 1\n402\n"[..], &[1, 0x80 | 15, 3]].concat();
    let circuit = read(&bytes, "t").unwrap().circuit;
    let and = circuit.outputs()[0].literal.node;
    let fanins: Vec<Literal> = circuit.fanins(and).collect();
    let (first, last) = (circuit.inputs()[0], circuit.inputs()[199]);
    assert_eq!(fanins, [!last.literal(), first.literal()]);
    assert_eq!(write_binary(&circuit).unwrap().bytes, bytes);
}

#[test]
fn the_binary_form_numbers_inputs_and_latches_itself() {
    let text = "aig 3 1 2 1 0\n6 1\n5 6\n3\nl0 q\n";
    let circuit = load(text);
    let [q, r] = circuit.latches() else { panic!("two latches") };
    assert_eq!((q.name.as_str(), q.next, q.init), ("q", r.node.literal(), LatchInit::One));
    assert_eq!((r.next, r.init), (!q.node.literal(), LatchInit::Unknown));
    assert_eq!(write_binary(&circuit).unwrap().bytes, text.as_bytes());
}

#[test]
fn a_million_unused_inputs_are_read_and_a_billion_refused_at_once() {
    assert_eq!(load("aig 1000000 1000000 0 0 0\n").inputs().len(), 1_000_000);
    for text in [
        "aig 1000000000 1000000000 0 0 0\n",
        "aig 1000000000 0 0 0 1000000000\n",
        "aag 1000000000 0 0 0 0\n",
        "aag 3000000000 1000000000 1000000000 0 1000000000\n",
        "aag 0 0 0 0 0 4294967295 4294967295 4294967295 4294967295\n",
        "aag 0 0 0 0 0 0 0 1\n1000000000\n",
    ] {
        read(text.as_bytes(), "t").expect_err(text);
    }
}

/// One gate of every kind, wide and narrow, over five inputs, and both constants.
fn menagerie() -> Circuit {
    let mut builder = Builder::new();
    let x: Vec<Literal> =
        (0..5).map(|i| builder.input(format!("x[{i}]")).unwrap().literal()).collect();
    let lut = |n, bits| GateKind::Lut(TruthTable::new(n, bits).unwrap());
    let mut kinds = vec![(GateKind::Buf, 1), (GateKind::Not, 1), (GateKind::Maj, 3)];
    kinds.extend([(GateKind::Mux, 3), (lut(0, 1), 0), (lut(3, 0x96), 3), (lut(5, 0xDEAD_BEEF), 5)]);
    for n in [1, 2, 5] {
        use GateKind::{And, Nand, Nor, Or, Xnor, Xor};
        kinds.extend([And, Or, Xor, Nand, Nor, Xnor].map(|kind| (kind, n)));
    }
    for (k, &(kind, n)) in kinds.iter().enumerate() {
        let operands: Vec<Literal> = (0..n).map(|i| x[i].flip_if((k + i) % 3 == 0)).collect();
        let gate = builder.gate(kind, &operands).unwrap();
        builder.output(format!("{}{n}", kind.name()) + &k.to_string(), gate).unwrap();
    }
    for value in [false, true] {
        let constant = builder.constant(value).unwrap();
        builder.output(format!("{value}"), constant).unwrap();
        builder.output(format!("not {value}"), !constant.literal()).unwrap();
    }
    builder.finish().unwrap()
}

#[test]
fn every_kind_of_gate_is_written_as_ands() {
    let circuit = menagerie();
    for written in [write_ascii(&circuit).unwrap(), write_binary(&circuit).unwrap()] {
        assert_eq!(written.notes, [""; 0]);
        let back = read(&written.bytes, "t").unwrap().circuit;
        assert_eq!(table(&back), table(&circuit));
        assert_eq!(back.input_names(), circuit.input_names());
        let names = |c: &Circuit| c.outputs().iter().map(|o| o.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&back), names(&circuit));
    }
}

#[test]
fn binary_to_ascii_to_binary_gives_the_same_bytes() {
    let binary = write_binary(&menagerie()).unwrap().bytes;
    let text = ascii(&read(&binary, "t").unwrap().circuit);
    assert_eq!(write_binary(&load(&text)).unwrap().bytes, binary);
    assert_eq!(ascii(&load(&text)), text);
}

#[test]
fn names_that_do_not_fit_a_line_are_changed_with_a_note() {
    let mut builder = Builder::new();
    for name in ["a\nb", "a_b", "", "_"] {
        builder.input(name).unwrap();
    }
    let written = write_ascii(&builder.finish().unwrap()).unwrap();
    assert_eq!(written.notes.len(), 2, "{:?}", written.notes);
    let back = read(&written.bytes, "t").unwrap().circuit;
    assert_eq!(back.input_names(), ["a_b_", "a_b", "__", "_"]);
}
