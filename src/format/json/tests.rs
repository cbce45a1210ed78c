//! The JSON format by examples: the documented one, and names, orders and depths that must survive.

use super::*;
use crate::circuit::{Builder, WordOrder};

/// The document of the module's head, as a file.
const EXAMPLE: &str = include_str!("../../../circuits/spec/adder_latch.json");

fn load(text: &str) -> Circuit {
    read(text.as_bytes(), "t").unwrap_or_else(|error| panic!("{error}\n{text}")).circuit
}

fn text(circuit: &Circuit) -> String {
    String::from_utf8(write(circuit).unwrap().bytes).unwrap()
}

#[test]
fn the_example_of_the_documentation_is_the_file_and_keeps_everything() {
    let documented: String = include_str!("../json.rs")
        .lines()
        .skip_while(|line| *line != "//! ```json")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| format!("{}\n", &line[4..]))
        .collect();
    assert_eq!(documented, EXAMPLE);
    assert_eq!(text(&load(EXAMPLE)), EXAMPLE);
}

#[test]
fn the_example_means_what_it_says() {
    let circuit = load(EXAMPLE);
    assert_eq!(circuit.input_names(), ["a[0]", "a[1]", "!b"]);
    assert_eq!(circuit.word_order("a"), Some(WordOrder::Lsb));
    let latch = &circuit.latches()[0];
    assert_eq!(latch.clock, Some(("re".to_string(), "clk".to_string())));
    assert_eq!(circuit.node_name(latch.next.node), Some("maj"));
    let outputs = circuit.outputs();
    assert_eq!(outputs[1].literal, !circuit.inputs()[2].literal());
    assert!(outputs[0].literal.complemented);
    assert_eq!(circuit.properties()[1].literals.len(), 2);
}

#[test]
fn gates_come_in_any_order() {
    let circuit = load(
        r#"{"circuit2tf": 1, "inputs": ["s", "a", "b"], "outputs": [{"name": "y", "literal": "!z"}],
        "gates": [{"name": "z", "kind": "NOT", "fanins": ["m"]},
                  {"name": "m", "kind": "MUX", "fanins": ["s", "a", "!b"]}]}"#,
    );
    assert_eq!(circuit.evaluate(&[false, true, true]).unwrap(), [true]);
    assert_eq!(circuit.evaluate(&[true, true, true]).unwrap(), [false]);
    let sorted = text(&circuit);
    assert_eq!(text(&load(&sorted)), sorted);
}

#[test]
fn names_hold_any_character() {
    let name = "!\"\\\n\t\u{0}\u{1F600} é/";
    let mut builder = Builder::new();
    let a = builder.input(name).unwrap();
    builder.input("").unwrap();
    let gate = builder.gate(GateKind::And, &[a.into(), !a.literal()]).unwrap();
    builder.name(gate, "!").unwrap();
    builder.output(name, !gate.literal()).unwrap();
    let circuit = builder.finish().unwrap();
    let back = load(&text(&circuit));
    assert_eq!(back.input_names(), circuit.input_names());
    assert_eq!(back.outputs(), circuit.outputs());
    assert_eq!(back.node_name(back.outputs()[0].literal.node), Some("!"));
}

#[test]
fn signals_that_share_a_name_are_told_apart_with_a_note() {
    let mut builder = Builder::new();
    let a = builder.input("a").unwrap();
    let first = builder.gate(GateKind::Buf, &[a.into()]).unwrap();
    let second = builder.gate(GateKind::Buf, &[first.into()]).unwrap();
    builder.name(second, "a").unwrap();
    builder.output("a", second).unwrap();
    let written = write(&builder.finish().unwrap()).unwrap();
    assert_eq!(written.notes, ["a second \"a\" written as \"a_\""]);
    let back = read(&written.bytes, "t").unwrap().circuit;
    assert_eq!(back.evaluate(&[true]).unwrap(), [true]);
}

#[test]
fn deep_documents_and_chains_do_not_overflow_the_stack() {
    let deep = "[".repeat(1_000_000);
    read(deep.as_bytes(), "t").expect_err("nesting");
    let gates: Vec<String> = (0..100_000)
        .map(|k| format!(r#"{{"name": "g{k}", "kind": "NOT", "fanins": ["g{}"]}}"#, k + 1))
        .collect();
    let text = format!(
        r#"{{"circuit2tf": 1, "inputs": ["g100000"], "gates": [{}],
        "outputs": [{{"name": "y", "literal": "g0"}}]}}"#,
        gates.join(",")
    );
    assert_eq!(load(&text).evaluate(&[true]).unwrap(), [true]);
}
