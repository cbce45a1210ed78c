//! What the proofs have in common: circuits to try, models to change, streams to read.

use std::collections::HashMap;

use circuit2tf::circuit::{Builder, Circuit, GateKind, Literal, TruthTable};
use circuit2tf::claim::Claim;
use circuit2tf::compile::{Options, compile};
use circuit2tf::model::{Model, Parts};
use circuit2tf::run::{Reference, Step};
use proptest::prelude::{ProptestConfig, Strategy};

use crate::support::random_circuit;

/// Whether the long range is asked for.
pub fn is_long_range() -> bool {
    std::env::var("CIRCUIT2TF_PROOFS").is_ok_and(|range| range == "long")
}

/// Random circuits per property: `n`, or 20 times as many in the long range.
pub fn cases(n: u32) -> ProptestConfig {
    let cases = n * if is_long_range() { 20 } else { 1 };
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Random circuits that have an output; see [`random_circuit`] for what they hold.
pub fn circuits(max_inputs: usize, max_gates: usize) -> impl Strategy<Value = Circuit> {
    random_circuit(max_inputs, max_gates)
        .prop_map(|circuit| if circuit.outputs().is_empty() { parity_chain(2) } else { circuit })
}

/// Every circuit of one to three gates on two inputs, up to the order of operands and up to gates that
/// ignore an operand: each gate is one of the ten functions that depend on both of two earlier nodes.
/// Every gate is an output.
pub fn small_circuits() -> Vec<Circuit> {
    let functions: Vec<TruthTable> = (0..16)
        .map(|bits| TruthTable::new(2, bits).unwrap())
        .filter(|table| table.depends_on(0) && table.depends_on(1))
        .collect();
    let gates = |n_nodes: usize| -> Vec<(usize, usize, TruthTable)> {
        let pairs = (0..n_nodes).flat_map(|b| (0..b).map(move |a| (a, b)));
        pairs.flat_map(|(a, b)| functions.iter().map(move |&table| (a, b, table))).collect()
    };
    let mut all = Vec::new();
    let mut shorter: Vec<Vec<(usize, usize, TruthTable)>> = vec![Vec::new()];
    for n_gates in 1..=3 {
        let longer = shorter.iter().flat_map(|circuit| {
            gates(1 + n_gates).into_iter().map(|gate| [circuit.clone(), vec![gate]].concat())
        });
        shorter = longer.collect();
        all.extend(shorter.iter().map(|gates| circuit_of(2, gates)));
    }
    all
}

/// A circuit of two-input tables, every one an output.
fn circuit_of(n_inputs: usize, gates: &[(usize, usize, TruthTable)]) -> Circuit {
    let mut builder = Builder::new();
    let mut nodes: Vec<Literal> =
        (0..n_inputs).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
    for (g, &(a, b, table)) in gates.iter().enumerate() {
        let gate = builder.gate(GateKind::Lut(table), &[nodes[a], nodes[b]]).unwrap();
        builder.output(format!("g{g}"), gate).unwrap();
        nodes.push(gate.into());
    }
    builder.finish().unwrap()
}

/// The `n`-bit parity as a chain: as deep as it is large.
pub fn parity_chain(n: usize) -> Circuit {
    let mut builder = Builder::new();
    let inputs: Vec<Literal> =
        (0..n).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
    let mut parity = inputs[0];
    for &input in &inputs[1..] {
        parity = builder.gate(GateKind::Xor, &[parity, input]).unwrap().into();
    }
    builder.output("parity", parity).unwrap();
    builder.finish().unwrap()
}

/// The model of a circuit, with `change` applied to the options.
pub fn model(circuit: &Circuit, change: impl FnOnce(&mut Options)) -> Model {
    let mut options = Options::default();
    change(&mut options);
    compile(circuit, "", &options).unwrap()
}

/// The model with some numbers changed.
pub fn changed(model: &Model, change: impl FnOnce(&mut Parts)) -> Model {
    let mut parts = model.clone().into_parts();
    change(&mut parts);
    Model::new(parts).unwrap()
}

/// A channel's index by name.
pub fn channel(model: &Model, name: &str) -> usize {
    model.labels.channel_names.iter().position(|channel| channel == name).unwrap()
}

/// All assignments of `n` inputs.
pub fn assignments(n: usize) -> impl Iterator<Item = Vec<bool>> {
    (0..1usize << n).map(move |number| (0..n).map(|i| number >> i & 1 == 1).collect())
}

/// The stream before the first layer and after each of `n_loops` loops' layers.
pub fn steps(model: &Model, input: &[bool], n_loops: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let engine = Reference::new(model).unwrap();
    engine.trace(input, n_loops, |step| steps.push(step)).unwrap();
    steps
}

/// For each position the value its claim gives it, and its level in the network the weights hold.
pub struct Truth {
    pub values: Vec<Option<bool>>,
    pub levels: Vec<usize>,
}

/// The true values of `model`'s positions by the circuit and the claim, and their levels by the
/// pointers in the position table.
pub fn truth(model: &Model, circuit: &Circuit, input: &[bool]) -> Truth {
    let values = circuit.evaluate_nodes(input).unwrap();
    let claim = Claim::from_vectors(&model.claim, circuit).unwrap();
    let value = |l: Literal| values[l.node.index()] ^ l.complemented;
    Truth {
        values: claim.origin.iter().map(|origin| origin.map(value)).collect(),
        levels: levels(model),
    }
}

/// For each position the positions that its pointer channels address.
fn targets(model: &Model) -> Vec<Vec<usize>> {
    let code = |row: usize, prefix: &str| -> Vec<bool> {
        let first = channel(model, &format!("{prefix}[0]"));
        (first..first + model.d_head()).map(|c| model.w_pos[[row, c]] > 0.0).collect()
    };
    let positions = 0..model.n_ctx();
    let address: HashMap<_, _> = positions.clone().map(|i| (code(i, "address"), i)).collect();
    let operands = |i| (0..model.n_heads()).map(move |h| (i, format!("pointer{h}")));
    positions.map(|i| operands(i).map(|(i, name)| address[&code(i, &name)]).collect()).collect()
}

/// Levels of positions: 0 for those that read themselves.
fn levels(model: &Model) -> Vec<usize> {
    let mut levels = vec![0; model.n_ctx()];
    for (i, operands) in targets(model).iter().enumerate() {
        if !operands.contains(&i) {
            levels[i] = 1 + operands.iter().map(|&p| levels[p]).max().expect("k is at least 2");
        }
    }
    levels
}

/// Starts the gates, in order, at the bits of `start` (read cyclically); inputs and constants stay.
pub fn with_initial_states(model: &Model, start: &[bool]) -> Model {
    let gates = levels(model).into_iter().enumerate().filter(|&(_, level)| level > 0);
    let (value, twin) = (channel(model, "value"), channel(model, "not_value"));
    changed(model, |parts| {
        for ((position, _), &bit) in gates.zip(start.iter().cycle()) {
            let sign = if bit { 1.0 } else { -1.0 };
            parts.w_pos[[position, value]] = sign;
            parts.w_pos[[position, twin]] = -sign;
        }
    })
}

/// For each position its operands' positions, and its truth table as `±1`, read from the weights.
pub fn operands_and_tables(model: &Model) -> Vec<(Vec<usize>, Vec<f64>)> {
    let targets = targets(model);
    let table = channel(model, "table[0]");
    let rows = 1 << model.n_heads();
    let row = |i: usize| (0..rows).map(|r| model.w_pos[[i, table + r]]).collect();
    targets.into_iter().enumerate().map(|(i, operands)| (operands, row(i))).collect()
}
