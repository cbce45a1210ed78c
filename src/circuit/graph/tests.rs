//! Graphs come in and go out as they are, and what is wrong with one is said by node and port.

use super::*;
use crate::circuit::{LatchInit, TruthTable};
use crate::family::{families, generate};

type Graph = DiGraph<Vertex, Pin>;

/// The circuit's text: everything of it but orders of words.
fn text(circuit: &Circuit) -> String {
    let nodes = circuit.nodes().map(|id| {
        let fanins: Vec<Literal> = circuit.fanins(id).collect();
        format!("{:?} {:?} {fanins:?}", circuit.kind(id), circuit.node_name(id))
    });
    let ports = format!("{:?} {:?}", circuit.input_names(), circuit.outputs());
    nodes.chain([ports]).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_circuit_that_goes_out_comes_back() {
    for family in families() {
        let circuit = generate(family.example).unwrap();
        let graph = circuit.to_graph().unwrap();
        assert_eq!(graph.node_count(), circuit.n_nodes() + circuit.outputs().len());
        assert_eq!(graph.edge_count(), circuit.n_pins() + circuit.outputs().len());
        let back = Circuit::from_graph(&graph).unwrap();
        assert_eq!(text(&back), text(&circuit), "{}", family.example);
    }
}

/// `y = s ? ¬b : a` with its operands, named or not, behind their readers, in a graph of 8-bit indices.
#[test]
fn a_graph_in_any_order_is_a_circuit() {
    let mut graph = DiGraph::<Vertex, Pin, u8>::default();
    let y = graph.add_node(Vertex::output("y"));
    let mux = graph.add_node(Vertex::Gate(GateKind::Mux, Some("m".to_string())));
    let one = graph.add_node(GateKind::Const(true).into());
    let [s, a, b] = ["s", "a", "b"].map(|name| graph.add_node(Vertex::input(name)));
    let z = graph.add_node(Vertex::output("z"));
    graph.add_edge(b, mux, Pin::complement(2));
    graph.add_edge(mux, y, Pin::port(0));
    graph.add_edge(s, mux, Pin::port(0));
    graph.add_edge(a, mux, Pin::port(1));
    graph.add_edge(one, z, Pin::complement(0));
    let circuit = Circuit::from_graph(&graph).unwrap();
    assert_eq!(circuit.input_names(), ["s", "a", "b"]);
    for row in 0..8 {
        let [s, a, b] = [0, 1, 2].map(|i| row >> i & 1 == 1);
        let expected = if s { !b } else { a };
        assert_eq!(circuit.evaluate(&[s, a, b]).unwrap(), [expected, false]);
    }
    let mux = circuit.nodes().find(|&id| circuit.kind(id) == GateKind::Mux).unwrap();
    assert_eq!(circuit.node_name(mux), Some("m"));
    assert!(Circuit::from_graph(&Graph::new()).unwrap().outputs().is_empty());
}

#[test]
fn two_constants_and_two_edges_of_one_operand_stay() {
    let mut graph = Graph::new();
    let [zero, other] = [0, 1].map(|_| graph.add_node(GateKind::Const(false).into()));
    let xor = graph.add_node(GateKind::Xor.into());
    for (port, operand) in [zero, other, other].into_iter().enumerate() {
        graph.add_edge(operand, xor, Pin::port(port));
    }
    let y = graph.add_node(Vertex::output("y"));
    graph.add_edge(xor, y, Pin::port(0));
    let circuit = Circuit::from_graph(&graph).unwrap();
    assert_eq!((circuit.n_nodes(), circuit.n_pins()), (3, 3));
    assert_eq!(circuit.evaluate(&[]).unwrap(), [false]);
}

/// Inputs `a`, `b` (nodes 0 and 1), their AND (node 2) and an output `y` of it (node 3).
fn and() -> (Graph, [NodeIndex; 4]) {
    let mut graph = Graph::new();
    let [a, b] = ["a", "b"].map(|name| graph.add_node(Vertex::input(name)));
    let and = graph.add_node(GateKind::And.into());
    let y = graph.add_node(Vertex::output("y"));
    for (source, node, port) in [(a, and, 0), (b, and, 1), (and, y, 0)] {
        graph.add_edge(source, node, Pin::port(port));
    }
    (graph, [a, b, and, y])
}

fn error(change: impl FnOnce(&mut Graph, [NodeIndex; 4])) -> String {
    let (mut graph, nodes) = and();
    assert!(Circuit::from_graph(&graph).is_ok());
    change(&mut graph, nodes);
    Circuit::from_graph(&graph).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_with_ports_is_said_by_node_and_port() {
    let found = error(|graph, [a, _, and, _]| {
        graph.add_edge(a, and, Pin::port(3));
    });
    assert_eq!(
        found,
        "expected an operand at port 2 of node 2 (AND), found none; driven are 0, 1, 3"
    );
    let found = error(|graph, [a, _, and, _]| {
        graph.add_edge(a, and, Pin::complement(1));
    });
    let two = "two: node 0 (INPUT \"a\") and node 1 (INPUT \"b\")";
    assert_eq!(found, format!("expected one operand at port 1 of node 2 (AND), found {two}"));
    let found = error(|graph, [_, _, and, _]| graph[and] = GateKind::Mux.into());
    assert_eq!(found, "expected three operands at node 2 (MUX), found 2, at ports 0 to 1");
    let found = error(|graph, [_, _, and, _]| {
        let table = TruthTable::new(1, 0b10).unwrap();
        graph[and] = Vertex::Gate(GateKind::Lut(table), Some("t".to_string()));
    });
    assert_eq!(found, "expected one operand at node 2 (LUT \"t\"), found 2, at ports 0 to 1");
    let found = error(|graph, [a, b, ..]| {
        graph.add_edge(a, b, Pin::port(3));
    });
    assert_eq!(found, "expected no operand at node 1 (INPUT \"b\"), found 1");
    let found = error(|graph, _| {
        graph.add_node(Vertex::output("z"));
    });
    assert_eq!(found, "expected one operand at node 4 (OUTPUT \"z\"), found none");
    let found = error(|graph, _| {
        graph.add_node(GateKind::Or.into());
    });
    assert_eq!(found, "expected one operand or more at node 4 (OR), found none");
    let found = error(|graph, [.., y]| {
        let z = graph.add_node(Vertex::output("z"));
        graph.add_edge(y, z, Pin::port(0));
    });
    assert!(found.contains("node 3 (OUTPUT \"y\"), which drives port 0 of node 4"), "{found}");
}

#[test]
fn names_that_are_taken_and_latches_are_errors() {
    let found = error(|graph, [_, b, ..]| graph[b] = Vertex::input("a"));
    assert_eq!(
        found,
        "expected input names that differ, found \"a\" at node 0 (INPUT \"a\") and at node 1"
    );
    let found = error(|graph, [_, _, and, _]| {
        let y = graph.add_node(Vertex::output("y"));
        graph.add_edge(and, y, Pin::port(0));
    });
    assert!(found.contains("output names that differ") && found.contains("node 4"), "{found}");
    for kind in [GateKind::Latch, GateKind::Input] {
        let found = error(|graph, _| {
            graph.add_node(kind.into());
        });
        assert!(found.contains("found node 4") && found.contains("Vertex::Input"), "{found}");
    }
    let mut builder = Builder::new();
    let latch = builder.latch("q", LatchInit::Zero, None).unwrap();
    builder.next_state(latch, latch).unwrap();
    assert!(builder.finish().unwrap().to_graph().unwrap_err().to_string().contains("1 latch"));
}

#[test]
fn a_cycle_is_said_node_by_node() {
    let cycle = "expected a graph without cycles, found";
    let found = error(|graph, [_, _, and, _]| {
        graph.add_edge(and, and, Pin::port(2));
    });
    assert_eq!(found, format!("{cycle} node 2 (AND) → and back"));
    // Behind the cycle, and so no part of it: the output, and a gate of a lower index.
    let found = error(|graph, [a, b, and, _]| {
        graph[a] = GateKind::Buf.into();
        let or = graph.add_node(GateKind::Or.into());
        let not = graph.add_node(GateKind::Not.into());
        for (source, node, port) in
            [(not, a, 0), (and, or, 0), (b, or, 1), (or, not, 0), (not, and, 2)]
        {
            graph.add_edge(source, node, Pin::port(port));
        }
        graph.remove_edge(graph.find_edge(a, and).unwrap());
        graph.add_edge(b, and, Pin::port(0));
    });
    assert_eq!(found, format!("{cycle} node 2 (AND) → node 4 (OR) → node 5 (NOT) → and back"));
    // A long one takes no stack and no page.
    let mut graph = Graph::new();
    let ring: Vec<NodeIndex> = (0..200_000).map(|_| graph.add_node(GateKind::Buf.into())).collect();
    for (at, &node) in ring.iter().enumerate() {
        graph.add_edge(node, ring[(at + 1) % ring.len()], Pin::port(0));
    }
    let found = Circuit::from_graph(&graph).unwrap_err().to_string();
    assert!(found.starts_with(&format!("{cycle} node 0 (BUF) → node 1 (BUF)")), "{found}");
    assert!(found.ends_with("node 7 (BUF) → 199992 more → and back"), "{found}");
}
