//! The traps of the formats, each as the smallest file that springs it. Files that must be refused are in
//! `circuits/bad`, with the errors they must give.

use super::*;
use super::{FASHION, OLD};
use crate::circuit::{Builder, GateKind, Literal, TruthTable};

fn load(text: &str) -> Loaded {
    read(text.as_bytes(), "t").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The outputs for all assignments, the first input changing fastest.
fn table(circuit: &Circuit) -> Vec<Vec<bool>> {
    let n = circuit.inputs().len();
    let bits = |a: usize| (0..n).map(|i| a >> i & 1 == 1).collect::<Vec<bool>>();
    (0..1 << n).map(|a| circuit.evaluate(&bits(a)).unwrap()).collect()
}

fn text(written: Written) -> String {
    String::from_utf8(written.bytes).unwrap()
}

#[test]
fn fashion_groups_name_the_ports() {
    let loaded = load("1 4\n2 1 2\n1 1\n\n2 1 0 2 3 AND\n");
    assert_eq!(loaded.format, &FASHION);
    assert_eq!(loaded.circuit.input_names(), ["in0[0]", "in1[0]", "in1[1]"]);
    assert_eq!(loaded.circuit.outputs()[0].name, "out0[0]");
    assert!(loaded.circuit.word_orders().is_empty());
}

#[test]
fn the_third_line_tells_old_from_fashion() {
    let old = load("1 4\n2 1 1\n\n2 1 0 2 3 AND\n");
    assert_eq!(old.format, &OLD);
    assert_eq!(old.circuit.input_names(), ["in0[0]", "in0[1]", "in1[0]"]);
    let fashion = load("1 3\n2 1 1\n1 1\n2 1 0 1 2 AND\n");
    assert_eq!(fashion.format, &FASHION);
    assert_eq!(fashion.circuit.inputs().len(), 2);
    assert_eq!(load("0 3\n2 1 1\n").format, &OLD);
}

#[test]
fn the_old_format_may_lack_the_second_group_and_the_blank_line() {
    let circuit = load("1 3\n2 0 1\n2 1 0 1 2 XOR\n").circuit;
    assert_eq!(circuit.input_names(), ["in0[0]", "in0[1]"]);
    assert_eq!(table(&circuit).concat(), [false, true, true, false]);
}

#[test]
fn white_space_is_loose() {
    let text = "\n 1  3 \r\n2 1\t1  \n\n 1 1\n      \n\n2  1 0 1   2 and\n\n  \n";
    assert_eq!(table(&load(text).circuit).concat(), [false, false, false, true]);
}

#[test]
fn every_kind_of_gate_is_read() {
    let rows =
        |kind: &str| table(&load(&format!("1 3\n1 2\n1 1\n2 1 0 1 2 {kind}\n")).circuit).concat();
    for (kind, bits) in [("XOR", 6), ("AND", 8), ("OR", 14), ("XNOR", 9), ("NAND", 7), ("NOR", 1u8)]
    {
        assert_eq!(rows(kind), (0..4).map(|r| bits >> r & 1 == 1).collect::<Vec<bool>>(), "{kind}");
    }
    for (kind, out) in [("INV", [true, false]), ("NOT", [true, false]), ("EQW", [false, true])] {
        let circuit = load(&format!("1 2\n1 1\n1 1\n1 1 0 1 {kind}\n")).circuit;
        assert_eq!(table(&circuit).concat(), out, "{kind}");
        assert_eq!(circuit.n_gates(), 1);
    }
}

#[test]
fn eq_takes_a_value_not_a_wire() {
    let circuit = load("2 3\n1 1\n1 2\n1 1 1 1 EQ\n1 1 0 2 EQ\n").circuit;
    assert_eq!(table(&circuit), [[true, false], [true, false]]);
}

#[test]
fn mand_pairs_input_i_with_input_i_plus_k() {
    let circuit = load("1 6\n1 4\n1 2\n4 2 0 2 1 3 4 5 MAND\n").circuit;
    for (a, row) in table(&circuit).iter().enumerate() {
        let bit = |i: usize| a >> i & 1 == 1;
        assert_eq!(row, &[bit(0) & bit(1), bit(2) & bit(3)]);
    }
    assert_eq!(circuit.n_gates(), 2);
}

#[test]
fn wires_may_be_unused_and_in_any_order() {
    let circuit = load("2 9\n1 2\n1 1\n2 1 0 1 5 AND\n1 1 5 8 INV\n").circuit;
    assert_eq!(table(&circuit).concat(), [true, true, true, false]);
}

#[test]
fn inputs_may_be_outputs_and_either_may_be_missing() {
    assert_eq!(table(&load("0 2\n1 2\n1 1\n").circuit), [[false], [false], [true], [true]]);
    assert_eq!(table(&load("1 1\n0\n1 1\n1 1 1 0 EQ\n").circuit), [[true]]);
    assert_eq!(load("0 1\n1 1\n0\n").circuit.outputs().len(), 0);
}

#[test]
fn headers_that_lie_are_refused_at_once() {
    for text in [
        "1000000000 1000000064\n2 64 64\n1 64\n",
        "1 1000000000\n2 64 64\n1 64\n2 1 0 1 2 AND\n",
        "1 99999999999999999999999999\n2 1 1\n1 1\n2 1 0 1 2 AND\n",
        "0 2\n2 18446744073709551615 2\n1 1\n",
        "1 3\n1 2\n1 1\n18446744073709551615 18446744073709551615 0 AND\n",
    ] {
        read(text.as_bytes(), "t").expect_err(text);
    }
}

/// One gate of every kind, wide and narrow, over five inputs, both constants, inputs and repetitions.
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
        builder.output(format!("y{k}"), gate).unwrap();
        builder.output(format!("z{k}"), gate.literal().flip_if(k % 2 == 0)).unwrap();
    }
    for value in [false, true] {
        let constant = builder.constant(value).unwrap();
        builder.output(format!("{value}"), constant).unwrap();
        builder.output(format!("not {value}"), !constant.literal()).unwrap();
    }
    for (i, &input) in x.iter().enumerate() {
        builder.output(format!("x{i}"), input.flip_if(i % 2 == 0)).unwrap();
    }
    builder.finish().unwrap()
}

#[test]
fn every_kind_of_gate_is_written_and_a_second_time_the_same() {
    let circuit = menagerie();
    for write in [write, write_old] {
        let first = text(write(&circuit).unwrap());
        let back = load(&first);
        assert_eq!(table(&back.circuit), table(&circuit));
        assert_eq!(text(write(&back.circuit).unwrap()), first);
    }
}

#[test]
fn the_old_format_has_no_copies_and_constants() {
    let old = text(write_old(&menagerie()).unwrap());
    assert!(!old.contains("EQ"), "{old}");
    let mut builder = Builder::new();
    let one = builder.constant(true).unwrap();
    builder.output("y", one).unwrap();
    let circuit = builder.finish().unwrap();
    assert_eq!(
        write_old(&circuit).unwrap_err().to_string(),
        "expected at least one input, found none; hint: the old format has no constants; Bristol \
         Fashion has"
    );
    assert_eq!(text(write(&circuit).unwrap()), "1 1\n0\n1 1\n\n1 1 1 0 EQ\n");
}

/// The ANDs that a gate of three inputs, some complemented, is written with.
fn ands(kind: GateKind, n: usize) -> usize {
    let mut builder = Builder::new();
    let x: Vec<Literal> =
        (0..n).map(|i| builder.input(format!("x{i}")).unwrap().literal()).collect();
    let gate = builder.gate(kind, &x).unwrap();
    builder.output("y", gate).unwrap();
    text(write(&builder.finish().unwrap()).unwrap()).matches("AND").count()
}

#[test]
fn few_ands_are_spent() {
    assert_eq!(ands(GateKind::Xnor, 3), 0);
    assert_eq!(ands(GateKind::Nor, 3), 2);
    assert_eq!(ands(GateKind::Mux, 3), 1);
    assert_eq!(ands(GateKind::Maj, 3), 1);
    assert_eq!(ands(GateKind::Lut(GateKind::Xor.table(6)), 6), 0);
    assert_eq!(ands(GateKind::Lut(GateKind::Or.table(6)), 6), 5);
}

#[test]
fn words_become_groups_and_the_ports_between_them_too() {
    let mut builder = Builder::new();
    for name in ["c", "en", "a[0]", "a[1]", "b[0]", "x", "y[1]"] {
        builder.input(name).unwrap();
    }
    let circuit = builder.finish().unwrap();
    let written = write(&circuit).unwrap();
    assert_eq!(
        written.notes,
        ["Bristol has no names: input group 0 is c (2 bits), input group 1 is a (2 bits), input \
             group 2 is b (1 bits), input group 3 is x (2 bits)"]
    );
    assert_eq!(text(written), "0 7\n4 2 2 1 2\n0\n\n");
    let old = write_old(&circuit).unwrap();
    assert_eq!(old.notes, ["4 input groups written as 2: the old Bristol format has no more"]);
    assert_eq!(text(old), "0 7\n2 5 0\n\n");
}

#[test]
fn a_circuit_that_was_bristol_is_written_as_it_was() {
    let file = "3 6\n2 1 2\n1 2\n\n2 1 0 1 3 XOR\n2 1 3 2 4 AND\n1 1 4 5 INV\n";
    let written = write(&load(file).circuit).unwrap();
    assert_eq!(written.notes, [""; 0]);
    assert_eq!(text(written), file);
}

#[test]
fn constants_that_gates_need_keep_their_wires_when_written_again() {
    let mut builder = Builder::new();
    let x = builder.input("x").unwrap().literal();
    let zero = builder.constant(false).unwrap().literal();
    builder.gate(GateKind::And, &[zero, !x, zero]).unwrap();
    let circuit = builder.finish().unwrap();
    let first = text(write(&circuit).unwrap());
    assert_eq!(text(write(&load(&first).circuit).unwrap()), first);
}

#[test]
fn the_old_format_needs_an_input_even_for_constants_that_nobody_sees() {
    let mut builder = Builder::new();
    let one = builder.constant(true).unwrap().literal();
    builder.gate(GateKind::And, &[one, one]).unwrap();
    assert!(write_old(&builder.finish().unwrap()).is_err());
}
