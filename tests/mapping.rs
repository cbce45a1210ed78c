//! Mapping against the circuit: same function, true origins, bounded fan-in, the depth by definition.

use circuit2tf::circuit::{Builder, Circuit, GateKind, LatchInit, Literal, TruthTable};
use circuit2tf::mapping::{self, Mapped};
use circuit2tf::network::Network;
use proptest::prelude::*;

const KINDS: [GateKind; 10] = [
    GateKind::Buf,
    GateKind::Not,
    GateKind::And,
    GateKind::Or,
    GateKind::Xor,
    GateKind::Nand,
    GateKind::Nor,
    GateKind::Xnor,
    GateKind::Mux,
    GateKind::Maj,
];

/// The assignment that is bit `i` of `number` at input `i`.
fn assignment(n: usize, number: usize) -> Vec<bool> {
    (0..n).map(|i| number >> i & 1 == 1).collect()
}

/// Checks everything that holds of every mapping: outputs and origins on all assignments, the order of
/// the nodes, and the depth.
fn check(circuit: &Circuit, k: usize) -> Mapped {
    let mapped = mapping::map(circuit, k).unwrap();
    let network = &mapped.network;
    let n = circuit.inputs().len();
    assert_eq!((network.k(), network.n_inputs()), (k, n));
    assert_eq!(mapped.origin.len(), network.n_nodes());
    assert!(network.levels().is_sorted(), "nodes come by level");
    for (id, &input) in circuit.inputs().iter().enumerate() {
        assert_eq!(mapped.origin[id], Some(input.literal()));
    }
    for number in 0..1 << n {
        let bits = assignment(n, number);
        let expected = circuit.evaluate_nodes(&bits).unwrap();
        let value = |literal: Literal| expected[literal.node.index()] ^ literal.complemented;
        let values = network.evaluate(&bits);
        for (output, &id) in circuit.outputs().iter().zip(network.outputs()) {
            assert_eq!(values[id as usize], value(output.literal), "{} at {bits:?}", output.name);
        }
        for (id, origin) in mapped.origin.iter().enumerate() {
            if let Some(literal) = origin {
                assert_eq!(values[id], value(*literal), "node {id} as {literal:?} at {bits:?}");
            }
        }
    }
    let inverted_input = network.outputs().iter().any(|&id| {
        let origin = mapped.origin[id as usize];
        origin.is_some_and(|o| o.complemented && circuit.kind(o.node) == GateKind::Input)
    });
    let free_depth = mapping::depth(circuit, k);
    let depths = mapping::depths(circuit);
    assert_eq!(depths.depth, mapping::depth(circuit, 2));
    assert!(depths.multiplicative <= depths.depth, "{depths:?}");
    assert_eq!(network.depth(), if inverted_input { free_depth.max(1) } else { free_depth });
    every_gate_is_read(&mapped);
    mapped
}

fn every_gate_is_read(mapped: &Mapped) {
    let network = &mapped.network;
    let mut read = vec![false; network.n_nodes()];
    network.outputs().iter().for_each(|&id| read[id as usize] = true);
    for id in (network.n_inputs()..network.n_nodes()).rev() {
        assert!(read[id], "node {id} is read");
        network.operands(id).iter().for_each(|&operand| read[operand as usize] = true);
    }
}

/// The circuit with one gate over inputs and one output.
fn one_gate(kind: GateKind, fanins: usize) -> Circuit {
    let mut builder = Builder::new();
    let inputs: Vec<Literal> =
        (0..fanins).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
    let gate = builder.gate(kind, &inputs).unwrap();
    builder.output("y", gate).unwrap();
    builder.finish().unwrap()
}

fn lut(n: usize, bits: u64) -> GateKind {
    GateKind::Lut(TruthTable::new(n, bits).unwrap())
}

#[test]
fn every_gate_kind_at_every_width_and_fan_in() {
    for kind in KINDS {
        for fanins in (1..=9).filter(|&n| kind.accepts(n)) {
            for k in mapping::FAN_INS {
                check(&one_gate(kind, fanins), k);
            }
        }
    }
}

#[test]
fn small_gates_come_out_at_their_known_depth_and_size() {
    let gates = |circuit: &Circuit, k| {
        let network = check(circuit, k).network;
        (network.depth(), network.n_nodes() - network.n_inputs())
    };
    let xor3 = lut(3, 0x96);
    let cases = [
        (GateKind::Mux, 3, 2, (2, 3)),
        (GateKind::Maj, 3, 2, (3, 4)),
        (xor3, 3, 2, (2, 2)),
        (GateKind::Xor, 3, 2, (2, 2)),
        (GateKind::And, 8, 2, (3, 7)),
        (GateKind::Nor, 9, 3, (2, 4)),
        (GateKind::Mux, 3, 3, (1, 1)),
        (GateKind::Maj, 3, 3, (1, 1)),
        (lut(6, 0x6996_9669_9669_6996), 6, 2, (3, 5)),
        (lut(6, 1 << 63), 6, 2, (3, 5)),
        (lut(6, 0x8000_0000_0000_0001), 6, 6, (1, 1)),
    ];
    for (kind, fanins, k, expected) in cases {
        assert_eq!(gates(&one_gate(kind, fanins), k), expected, "{kind:?} at k = {k}");
    }
}

#[test]
fn every_function_of_three_variables_has_its_least_depth() {
    let mut census = [0; 4];
    for bits in 0..256 {
        let mapped = check(&one_gate(lut(3, bits), 3), 2);
        // The literals are 6 functions, of which 3 invert an input.
        census[mapping::depth(&one_gate(lut(3, bits), 3), 2)] += 1;
        assert!(mapped.network.depth() <= 3);
    }
    assert_eq!(census, [8, 30, 194, 24]);
}

#[test]
fn outputs_in_both_polarities_cost_one_node_more_and_no_level() {
    let mut builder = Builder::new();
    let (a, b) = (builder.input("a").unwrap(), builder.input("b").unwrap());
    let and = builder.gate(GateKind::And, &[a.into(), b.into()]).unwrap();
    let xor = builder.gate(GateKind::Xor, &[and.into(), !a.literal()]).unwrap();
    builder.output("and", and).unwrap();
    builder.output("nand", !and.literal()).unwrap();
    builder.output("xnor", !xor.literal()).unwrap();
    let network = check(&builder.finish().unwrap(), 2).network;
    assert_eq!(network.levels(), [0, 0, 1, 1, 2]);
}

#[test]
fn outputs_that_are_inputs_and_constants() {
    let mut builder = Builder::new();
    let a = builder.input("a").unwrap();
    builder.input("unread").unwrap();
    let zero = builder.constant(false).unwrap();
    let contradiction = builder.gate(GateKind::And, &[a.into(), !a.literal()]).unwrap();
    builder.output("a", a).unwrap();
    builder.output("not_a", !a.literal()).unwrap();
    builder.output("not_a_again", !a.literal()).unwrap();
    builder.output("one", !zero.literal()).unwrap();
    builder.output("zero", contradiction).unwrap();
    let circuit = builder.finish().unwrap();
    let mapped = check(&circuit, 2);
    assert_eq!(mapped.network.outputs(), [0, 4, 4, 3, 2]);
    assert_eq!(mapped.network.levels(), [0, 0, 0, 0, 1]);
    assert_eq!(mapping::depth(&circuit, 2), 0);
}

#[test]
fn an_empty_circuit_maps_to_an_empty_network() {
    assert_eq!(check(&Builder::new().finish().unwrap(), 2).network.n_nodes(), 0);
}

#[test]
fn a_chain_a_hundred_thousand_deep_maps() {
    let mut builder = Builder::new();
    let mut last = builder.input("a").unwrap();
    let b = builder.input("b").unwrap();
    for _ in 0..100_000 {
        last = builder.gate(GateKind::Nand, &[last.into(), b.into()]).unwrap();
    }
    builder.output("y", last).unwrap();
    let circuit = builder.finish().unwrap();
    assert_eq!(mapping::depth(&circuit, 2), 100_000);
    let network = mapping::map(&circuit, 2).unwrap().network;
    assert_eq!((network.depth(), network.n_nodes()), (100_000, 100_002));
}

#[test]
fn a_gate_of_a_hundred_thousand_operands_maps_to_a_tree() {
    let mut builder = Builder::new();
    let inputs: Vec<Literal> =
        (0..100_000).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
    let gate = builder.gate(GateKind::Xor, &inputs).unwrap();
    builder.output("y", gate).unwrap();
    assert_eq!(mapping::map(&builder.finish().unwrap(), 2).unwrap().network.depth(), 17);
}

#[test]
fn latches_are_sources_and_next_states_count() {
    let mut builder = Builder::new();
    let a = builder.input("a").unwrap();
    let state = builder.latch("s", LatchInit::Zero, None).unwrap();
    let next = builder.gate(GateKind::Mux, &[a.into(), state.into(), !state.literal()]).unwrap();
    let more = builder.gate(GateKind::And, &[next.into(), a.into()]).unwrap();
    builder.next_state(state, more).unwrap();
    builder.output("y", !state.literal()).unwrap();
    let circuit = builder.finish().unwrap();
    // The multiplexer has two operands, a and s.
    assert_eq!(mapping::depth(&circuit, 2), 2);
    assert!(mapping::map(&circuit, 2).is_err());
}

#[test]
fn fan_ins_out_of_range_are_refused() {
    let circuit = one_gate(GateKind::And, 2);
    for k in [0, 1, 7, usize::MAX] {
        let error = mapping::map(&circuit, k).unwrap_err();
        assert!(error.to_string().contains("fan-in of 2 to 6"), "{error}");
    }
}

/// One gate of a random circuit: its kind, its table if it is a LUT, and picks for its fan-ins.
#[derive(Debug, Clone)]
struct Draw {
    kind: usize,
    table: u64,
    picks: Vec<(prop::sample::Index, bool)>,
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let pick = (any::<prop::sample::Index>(), any::<bool>());
    let draw = (0..KINDS.len() + 4, any::<u64>(), prop::collection::vec(pick, 12));
    let draw = draw.prop_map(|(kind, table, picks)| Draw { kind, table, picks });
    prop::collection::vec(draw, 0..20)
}

/// A circuit of the drawn gates over `n_inputs` inputs and perhaps constants, with outputs of either
/// polarity, some the same.
fn random_circuit() -> impl Strategy<Value = Circuit> {
    let picks = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6);
    (0..=8usize, 0..3usize, draws(), picks).prop_map(|(n_inputs, constants, draws, outputs)| {
        let mut builder = Builder::new();
        let mut nodes = Vec::new();
        for i in 0..n_inputs {
            nodes.push(builder.input(format!("x{i}")).unwrap());
        }
        for value in [false, true].into_iter().take(constants.max(usize::from(n_inputs == 0))) {
            nodes.push(builder.constant(value).unwrap());
        }
        for draw in &draws {
            let width = draw.table as usize % 12 + 1;
            let (kind, width) = match KINDS.get(draw.kind) {
                Some(kind) => (*kind, (1..=12).find(|&n| kind.accepts(n)).unwrap()),
                None => (lut(width % 7, draw.table), width % 7),
            };
            let wide = kind.accepts(12);
            let width = if wide { draw.table as usize % 12 + 1 } else { width };
            let literal = |(pick, flip): &(prop::sample::Index, bool)| {
                pick.get(&nodes).literal().flip_if(*flip)
            };
            let fanins: Vec<Literal> = draw.picks[..width].iter().map(literal).collect();
            nodes.push(builder.gate(kind, &fanins).unwrap());
        }
        for (i, (pick, flip)) in outputs.iter().enumerate() {
            let literal = pick.get(&nodes).literal().flip_if(*flip);
            builder.output(format!("y{i}"), literal).unwrap();
        }
        builder.finish().unwrap()
    })
}

/// The depth of a circuit of gates of up to `k` operands that do not simplify, by definition.
fn depth_by_definition(circuit: &Circuit) -> usize {
    let mut levels = vec![0; circuit.n_nodes()];
    for node in circuit.nodes() {
        let highest = circuit.fanins(node).map(|f| levels[f.node.index()]).max();
        let free = matches!(circuit.kind(node), GateKind::Buf | GateKind::Not);
        levels[node.index()] = highest.map_or(0, |level| level + usize::from(!free));
    }
    let outputs = circuit.outputs().iter().map(|output| levels[output.literal.node.index()]);
    outputs.max().unwrap_or(0)
}

/// A circuit in which every gate reads two different nodes that are no inverter's operand as well.
fn two_input_gates() -> impl Strategy<Value = Circuit> {
    let gate = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8usize);
    prop::collection::vec(gate, 1..40).prop_map(|gates| {
        let mut builder = Builder::new();
        let mut nodes: Vec<_> = (0..3).map(|i| builder.input(format!("x{i}")).unwrap()).collect();
        // Inverters and buffers are outputs only, so no gate reads a node twice under two names.
        let mut outputs = Vec::new();
        for (a, b, kind) in &gates {
            let a = *a.get(&nodes);
            let others: Vec<_> = nodes.iter().copied().filter(|&node| node != a).collect();
            let b = *b.get(&others);
            let fanins = [a.literal(), !b.literal()];
            match KINDS[*kind] {
                kind @ (GateKind::Buf | GateKind::Not) => {
                    outputs.push(builder.gate(kind, &fanins[..1]).unwrap());
                }
                kind => nodes.push(builder.gate(kind, &fanins).unwrap()),
            }
        }
        outputs.extend(nodes.last());
        for (i, output) in outputs.into_iter().enumerate() {
            builder.output(format!("y{i}"), output).unwrap();
        }
        builder.finish().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_circuits_map_to_equal_networks(circuit in random_circuit(), k in 2..=6usize) {
        check(&circuit, k);
    }

    #[test]
    fn two_input_gates_have_the_depth_of_the_definition(circuit in two_input_gates()) {
        for k in mapping::FAN_INS {
            prop_assert_eq!(mapping::depth(&circuit, k), depth_by_definition(&circuit));
        }
    }

    #[test]
    fn sampled_tables_of_four_to_six_variables(n in 4..=6usize, bits: u64, k in 2..=6usize) {
        let circuit = one_gate(lut(n, bits), n);
        let depth = check(&circuit, k).network.depth();
        // No function of n variables needs more than n + 1 levels (McColl and Paterson, 1977). With k > 2
        // the first level takes k variables, and Shannon's expansion one on each level more.
        let bound = if k == 2 { n + 1 } else { n.saturating_sub(k) + 1 };
        prop_assert!(depth <= bound, "depth {}", depth);
    }

    #[test]
    fn mapping_is_deterministic(circuit in random_circuit()) {
        let (one, two) = (mapping::map(&circuit, 2).unwrap(), mapping::map(&circuit, 2).unwrap());
        prop_assert_eq!(one.network, two.network);
        prop_assert_eq!(one.origin, two.origin);
    }
}

proptest! {
    /// The network of the gates as they are: every gate's own value at its own level.
    #[test]
    fn gates_as_written_hold_their_own_values(circuit in random_circuit()) {
        let is_wide = |node| circuit.fanins(node).count() > Network::MAX_K;
        prop_assume!(!circuit.nodes().any(is_wide));
        let network = mapping::gates(&circuit).unwrap();
        let n = circuit.inputs().len();
        for number in 0..1 << n {
            let bits = assignment(n, number);
            let expected = circuit.evaluate_nodes(&bits).unwrap();
            let values = network.evaluate(&bits);
            let gates = circuit.nodes().filter(|&node| circuit.kind(node) != GateKind::Input);
            for (id, node) in (n..).zip(gates) {
                prop_assert_eq!(values[id], expected[node.index()], "{:?} at {:?}", node, &bits);
            }
            for (output, &id) in circuit.outputs().iter().zip(network.outputs()) {
                prop_assert_eq!(values[id as usize], expected[output.literal.node.index()]);
            }
        }
    }
}

#[test]
fn gates_of_more_than_eight_operands_cannot_stay_as_written() {
    for (n, fits) in [(8, true), (9, false)] {
        let circuit = one_gate(GateKind::And, n);
        assert_eq!(mapping::gates(&circuit).is_ok(), fits, "{n} operands");
    }
    assert_eq!(mapping::gates(&Builder::new().finish().unwrap()).unwrap().n_nodes(), 0);
}
