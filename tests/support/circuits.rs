//! Small circuits by name, most of them at an edge of what can be said.

use circuit2tf::circuit::{Builder, Circuit, GateKind, Literal};

/// A builder with the inputs `x0`, `x1`, ….
pub fn with_inputs(n: usize) -> (Builder, Vec<Literal>) {
    let mut builder = Builder::new();
    let inputs = (0..n).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
    (builder, inputs)
}

/// Gives the literals the names `y0`, `y1`, … and closes the circuit.
pub fn with_outputs(mut builder: Builder, outputs: &[Literal]) -> Circuit {
    for (o, &literal) in outputs.iter().enumerate() {
        builder.output(format!("y{o}"), literal).unwrap();
    }
    builder.finish().unwrap()
}

/// Adds `x0`, `x1`, `x2`: sum and carry.
pub fn full_adder() -> Circuit {
    let (mut builder, x) = with_inputs(3);
    let half = builder.gate(GateKind::Xor, &x[..2]).unwrap().literal();
    let sum = builder.gate(GateKind::Xor, &[half, x[2]]).unwrap().literal();
    let both = builder.gate(GateKind::And, &x[..2]).unwrap().literal();
    let passed = builder.gate(GateKind::And, &[half, x[2]]).unwrap().literal();
    let carry = builder.gate(GateKind::Or, &[both, passed]).unwrap().literal();
    with_outputs(builder, &[sum, carry])
}

/// One gate over its own inputs.
pub fn one_gate(kind: GateKind, fanins: usize) -> Circuit {
    let (mut builder, x) = with_inputs(fanins);
    let gate = builder.gate(kind, &x).unwrap().literal();
    with_outputs(builder, &[gate])
}

/// `x0 AND NOT x1`, then `AND NOT x2`, …: no gate is symmetric and the depth is the number of gates.
pub fn chain(n_gates: usize) -> Circuit {
    let (mut builder, x) = with_inputs(n_gates + 1);
    let mut last = x[0];
    for &input in &x[1..] {
        last = builder.gate(GateKind::And, &[last, !input]).unwrap().literal();
    }
    with_outputs(builder, &[last])
}

/// The outputs 0 and 1, beside inputs that nothing reads.
pub fn constants(n_inputs: usize) -> Circuit {
    let (mut builder, _) = with_inputs(n_inputs);
    let outputs = [false, true].map(|value| builder.constant(value).unwrap().literal());
    with_outputs(builder, &outputs)
}

/// Circuits at the edges of what can be said, by name.
pub fn edge_cases() -> Vec<(&'static str, Circuit)> {
    let pass = |flip: bool| {
        let (builder, x) = with_inputs(2);
        with_outputs(builder, &[x[1].flip_if(flip), x[0], x[1].flip_if(flip)])
    };
    let one_constant = |value: bool| {
        let (mut builder, _) = with_inputs(0);
        let output = builder.constant(value).unwrap().literal();
        with_outputs(builder, &[output, output])
    };
    let folded = || {
        let (mut builder, x) = with_inputs(2);
        let both = builder.gate(GateKind::And, &[x[0], !x[0]]).unwrap().literal();
        let same = builder.gate(GateKind::Xor, &[x[1], x[1], x[0]]).unwrap().literal();
        let or = builder.gate(GateKind::Or, &[both, same, x[1]]).unwrap().literal();
        let buffer = builder.gate(GateKind::Buf, &[!or]).unwrap().literal();
        with_outputs(builder, &[both, same, !or, buffer, or])
    };
    vec![
        ("outputs that are inputs", pass(false)),
        ("an output that is a complemented input", pass(true)),
        ("constant outputs", constants(2)),
        ("constants and no inputs", constants(0)),
        ("zero and no inputs", one_constant(false)),
        ("one and no inputs", one_constant(true)),
        ("gates that fold", folded()),
        ("a wide AND", one_gate(GateKind::And, 100)),
        ("a wide OR", one_gate(GateKind::Or, 33)),
        ("a wide NAND", one_gate(GateKind::Nand, 14)),
        ("a wide NOR", one_gate(GateKind::Nor, 17)),
        ("a wide XOR", one_gate(GateKind::Xor, 65)),
        ("a wide XNOR", one_gate(GateKind::Xnor, 13)),
        ("an AND of twelve", one_gate(GateKind::And, 12)),
        ("a full adder", full_adder()),
        ("a chain", chain(9)),
    ]
}
