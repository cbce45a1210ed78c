//! What the command line tells the readers, and what `info` says of what was read.

use std::process::{Command, Output, Stdio};

/// Runs the program with a text on stdin.
fn run(arguments: &[&str], text: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_circuit2tf"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that stops early does not read everything.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(arguments: &[&str], text: &str) -> String {
    let output = run(arguments, text);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn error(arguments: &[&str], text: &str) -> String {
    let output = run(arguments, text);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

const BAD: &str = "aag 3 2 0 0 1 1\n2\n4\n6\n6 2 4\ni0 p\ni1 q\nb0 bad\n";

#[test]
fn bad_states_are_outputs_if_asked_for_and_named_if_not() {
    let message = error(&["eval", "-", "11"], BAD);
    assert!(
        message.contains("found 1 bad state; hint: bad states can be outputs: --bad-as-outputs"),
        "{message}"
    );
    assert_eq!(stdout(&["eval", "-", "11", "01", "--bad-as-outputs"], BAD), "1\n0\n");
    let info = stdout(&["info", "-", "--bad-as-outputs", "--json"], BAD);
    assert!(info.contains("\"bad\""), "{info}");
    // Without a symbol, behind outputs of the file, and beside what stays a property.
    let two = "aag 1 1 0 1 0 2\n2\n3\n2\n3\n";
    assert_eq!(stdout(&["eval", "-", "1", "--bad-as-outputs"], two), "010\n");
    let constrained = "aag 1 1 0 0 0 1 1\n2\n2\n3\n";
    let message = error(&["eval", "-", "1", "--bad-as-outputs"], constrained);
    assert!(message.contains("found 1 constraint"), "{message}");
    let justice = "aag 2 1 1 0 0 0 0 1 2\n2\n4 2\n1\n2\n4\n2\n";
    let message = error(&["eval", "-", "1"], justice);
    assert!(
        message.contains("found 1 latch, 1 justice property, 2 fairness constraints"),
        "{message}"
    );
    let message = error(&["eval", "-", "1", "--bad-as-outputs"], "INPUT(a)\nOUTPUT(a)\n");
    assert!(message.contains("an AIGER file for --bad-as-outputs, found bench"), "{message}");
}

const LEAF_FIRST: &str = ".model leaf\n.inputs A B\n.outputs Y\n.names A B Y\n11 1\n.end\n\
    .model top\n.inputs p q\n.outputs z\n.subckt leaf A=p B=q Y=n\n.names n z\n0 1\n.end\n";

#[test]
fn the_top_of_a_blif_file_is_asked_for() {
    let message = error(&["eval", "-", "11"], LEAF_FIRST);
    assert!(
        message.contains("found \"leaf\", which is part of \"top\"; hint: --top top"),
        "{message}"
    );
    assert_eq!(stdout(&["eval", "-", "11", "01", "--top", "top"], LEAF_FIRST), "0\n1\n");
    assert_eq!(stdout(&["eval", "-", "11", "01", "--top", "leaf"], LEAF_FIRST), "1\n0\n");
    let message = error(&["eval", "-", "11", "--top", "none"], LEAF_FIRST);
    assert!(message.contains("a model called \"none\" for --top"), "{message}");
}

#[test]
fn the_and_depth_is_never_above_the_depth() {
    for (gates, expected) in [
        ("z = AND(p)\ny = NOR(q)", "depth = 0  and-depth = 0"),
        ("one = VDD\nz = AND(p, one)\ny = OR(q, p, GND)", "depth = 1  and-depth = 1"),
        ("z = AND(p, p)\nn = NOT(p)\ny = AND(p, n)", "depth = 0  and-depth = 0"),
        ("z = LUT 0x6 (p, q)\ny = LUT 0x2 (z)", "depth = 1  and-depth = 0"),
        ("z = AND(p, q)\ny = XOR(z, p)", "depth = 2  and-depth = 1"),
        ("z = MUX(vdd, p, q)\ny = MAJ(p, gnd, q)", "depth = 1  and-depth = 1"),
    ] {
        let text = format!("INPUT(p)\nINPUT(q)\nOUTPUT(z)\nOUTPUT(y)\n{gates}\n");
        let said = stdout(&["info", "-"], &text);
        assert!(said.contains(expected), "{gates}\n{said}");
        let json: serde_json::Value =
            serde_json::from_str(&stdout(&["info", "-", "--json"], &text)).unwrap();
        let line = format!("depth = {}  and-depth = {}", json["depth"], json["and_depth"]);
        assert!(said.contains(&line), "{said}{line}");
    }
}
