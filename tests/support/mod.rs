//! What several test files need: random circuits, equality by truth, and the table of benchmarks.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{
    Builder, Circuit, GateKind, LatchInit, Literal, NodeId, Oracle, TruthTable,
};
use proptest::prelude::*;
use proptest::sample::Index;

mod public;

/// One gate of a recipe: its kind, and where each fan-in comes from.
#[derive(Debug, Clone)]
struct Step {
    kind: usize,
    table: u64,
    named: bool,
    fanins: Vec<(Index, bool)>,
}

fn step() -> impl Strategy<Value = Step> {
    let fanins = prop::collection::vec((any::<Index>(), any::<bool>()), 1..=8);
    (0..14usize, any::<u64>(), any::<bool>(), fanins)
        .prop_map(|(kind, table, named, fanins)| Step { kind, table, named, fanins })
}

/// Combinational circuits with at most `max_inputs` inputs and `max_gates` gates: every gate kind,
/// constants, complemented literals, repeated fan-ins, dead gates, and outputs that are inputs,
/// constants, complemented, or the same literal twice.
pub fn random_circuit(max_inputs: usize, max_gates: usize) -> impl Strategy<Value = Circuit> {
    let steps = prop::collection::vec(step(), 0..=max_gates);
    let outputs = prop::collection::vec((any::<Index>(), any::<bool>()), 0..=6);
    (0..=max_inputs, steps, outputs).prop_map(|(n_inputs, steps, outputs)| {
        let (mut builder, mut nodes) = start(n_inputs);
        add_steps(&mut builder, &mut nodes, &steps);
        add_outputs(&mut builder, &nodes, &outputs);
        builder.finish().unwrap()
    })
}

/// A random circuit with latches, of every initial value in `inits`.
pub fn random_sequential(
    max_inputs: usize,
    max_gates: usize,
    inits: &'static [LatchInit],
) -> impl Strategy<Value = Circuit> {
    let steps = prop::collection::vec(step(), 0..=max_gates);
    let literals = || prop::collection::vec((any::<Index>(), any::<bool>()), 0..=4);
    let init = prop::collection::vec(prop::sample::select(inits), 4);
    (0..=max_inputs, steps, literals(), literals(), init).prop_map(
        |(n_inputs, steps, outputs, states, init)| {
            let (mut builder, mut nodes) = start(n_inputs);
            let latches: Vec<NodeId> = (0..states.len())
                .map(|l| builder.latch(format!("q{l}"), init[l], None).unwrap())
                .collect();
            nodes.extend(&latches);
            add_steps(&mut builder, &mut nodes, &steps);
            for (&latch, (next, flip)) in latches.iter().zip(&states) {
                let next = next.get(&nodes).literal().flip_if(*flip);
                builder.next_state(latch, next).unwrap();
            }
            add_outputs(&mut builder, &nodes, &outputs);
            builder.finish().unwrap()
        },
    )
}

fn start(n_inputs: usize) -> (Builder, Vec<NodeId>) {
    let mut builder = Builder::new();
    let mut nodes: Vec<NodeId> =
        (0..n_inputs).map(|i| builder.input(format!("a[{i}]")).unwrap()).collect();
    if nodes.is_empty() {
        nodes.push(builder.constant(true).unwrap());
    }
    (builder, nodes)
}

fn add_steps(builder: &mut Builder, nodes: &mut Vec<NodeId>, steps: &[Step]) {
    for (s, step) in steps.iter().enumerate() {
        let (kind, n) = kind(step);
        let fanins: Vec<Literal> = step
            .fanins
            .iter()
            .cycle()
            .take(n)
            .map(|(index, flip)| index.get(nodes).literal().flip_if(*flip))
            .collect();
        let node = match kind {
            GateKind::Const(value) => builder.constant(value).unwrap(),
            _ => builder.gate(kind, &fanins).unwrap(),
        };
        if step.named && !matches!(kind, GateKind::Const(_)) {
            builder.name(node, format!("g{s}")).unwrap();
        }
        nodes.push(node);
    }
}

/// The kind of a step and how many fan-ins it takes.
fn kind(step: &Step) -> (GateKind, usize) {
    let wide = step.fanins.len();
    let n_table = wide.min(TruthTable::MAX_INPUTS);
    match step.kind {
        0 => (GateKind::Const(false), 0),
        1 => (GateKind::Const(true), 0),
        2 => (GateKind::Buf, 1),
        3 => (GateKind::Not, 1),
        4 => (GateKind::And, wide),
        5 => (GateKind::Or, wide),
        6 => (GateKind::Xor, wide),
        7 => (GateKind::Nand, wide),
        8 => (GateKind::Nor, wide),
        9 => (GateKind::Xnor, wide),
        10 => (GateKind::Mux, 3),
        11 => (GateKind::Maj, 3),
        12 => (GateKind::Lut(TruthTable::new(0, step.table).unwrap()), 0),
        _ => (GateKind::Lut(TruthTable::new(n_table, step.table).unwrap()), n_table),
    }
}

fn add_outputs(builder: &mut Builder, nodes: &[NodeId], outputs: &[(Index, bool)]) {
    for (o, (index, flip)) in outputs.iter().enumerate() {
        let literal = index.get(nodes).literal().flip_if(*flip);
        builder.output(format!("y[{o}]"), literal).unwrap();
    }
}

/// The combinational part: latches become inputs behind the inputs, next states outputs behind the
/// outputs, so that two sequential circuits can be compared as truth tables.
pub fn cut_latches(circuit: &Circuit) -> Circuit {
    let mut builder = Builder::new();
    let mut map: Vec<Option<NodeId>> = vec![None; circuit.n_nodes()];
    for (&node, name) in circuit.inputs().iter().zip(circuit.input_names()) {
        map[node.index()] = Some(builder.input(format!("in {name}")).unwrap());
    }
    for latch in circuit.latches() {
        map[latch.node.index()] = Some(builder.input(format!("state {}", latch.name)).unwrap());
    }
    let literal = |map: &[Option<NodeId>], l: Literal| {
        map[l.node.index()].unwrap().literal().flip_if(l.complemented)
    };
    for node in circuit
        .nodes()
        .filter(|&node| !matches!(circuit.kind(node), GateKind::Input | GateKind::Latch))
    {
        map[node.index()] = Some(match circuit.kind(node) {
            GateKind::Const(value) => builder.constant(value).unwrap(),
            kind => {
                let fanins: Vec<Literal> = circuit.fanins(node).map(|l| literal(&map, l)).collect();
                builder.gate(kind, &fanins).unwrap()
            }
        });
    }
    for output in circuit.outputs() {
        builder.output(format!("out {}", output.name), literal(&map, output.literal)).unwrap();
    }
    for latch in circuit.latches() {
        builder.output(format!("next {}", latch.name), literal(&map, latch.next)).unwrap();
    }
    builder.finish().unwrap()
}

/// The first assignment, if any, at which two combinational circuits of the same shape differ: all are
/// tried where there are at most 12 inputs, else 512 pseudo-random ones.
pub fn difference(a: &Circuit, b: &Circuit) -> Option<(Vec<bool>, usize)> {
    assert_eq!(a.inputs().len(), b.inputs().len(), "numbers of inputs");
    assert_eq!(a.outputs().len(), b.outputs().len(), "numbers of outputs");
    let n = a.inputs().len();
    let batch = if n <= 12 { Batch::counting(n, 0, 1 << n) } else { random_batch(n, 512) };
    let run = |circuit: &Circuit| Oracle::new(circuit).unwrap().run(&batch).unwrap();
    let (assignment, output) = run(a).first_difference(&run(b))?;
    Some((batch.column(assignment), output))
}

/// Pseudo-random assignments, always the same.
pub fn random_batch(n_signals: usize, n_assignments: usize) -> Batch {
    let mut batch = Batch::zeros(n_signals, n_assignments);
    let mut random = Random(0x1234_5678_9ABC_DEF0);
    batch.raw_mut().iter_mut().for_each(|word| *word = random.next());
    batch
}

/// SplitMix64, from a seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// A line of the table in the benchmarks' README.
#[derive(Debug, Clone)]
pub struct Benchmark {
    pub path: PathBuf,
    pub file: String,
    /// Inputs, outputs, latches; Verilog files have none in the table.
    pub ports: Option<(usize, usize, usize)>,
    pub n_gates: usize,
    pub depth: Option<usize>,
}

/// The public circuits.
pub fn benchmarks() -> Vec<Benchmark> {
    let folder = public::folder();
    let rows = public::readme();
    let rows: Vec<Benchmark> = rows.lines().filter_map(|line| benchmark(&folder, line)).collect();
    assert!(rows.len() >= 72, "the table has {} rows", rows.len());
    rows
}

fn benchmark(folder: &Path, line: &str) -> Option<Benchmark> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let &[_, file, _, inputs, outputs, latches, gates, depth, ..] = cells.as_slice() else {
        return None;
    };
    let number = |cell: &str| cell.parse::<usize>().ok();
    let path = folder.join(file);
    if !path.is_file() {
        return None;
    }
    Some(Benchmark {
        path,
        file: file.to_string(),
        ports: (|| Some((number(inputs)?, number(outputs)?, number(latches)?)))(),
        n_gates: number(gates.split(' ').next()?)?,
        depth: number(depth),
    })
}
