//! Circuits made from others, gate by gate, for tests.

use super::{Builder, Circuit, GateKind, Literal, NodeId};

/// The circuit in which `gate` says what stands for each node that is no input, given its fan-ins in the new
/// one.
pub fn rebuild(
    circuit: &Circuit,
    mut gate: impl FnMut(&mut Builder, NodeId, &[Literal]) -> Literal,
) -> Circuit {
    let mut builder = Builder::new();
    let mut nodes: Vec<Literal> = Vec::new();
    let image = |nodes: &[Literal], l: Literal| nodes[l.node.index()].flip_if(l.complemented);
    for node in circuit.nodes() {
        let literal = match circuit.kind(node) {
            GateKind::Input => builder.input(format!("x{}", node.index())).unwrap().into(),
            _ => {
                let fanins: Vec<Literal> = circuit.fanins(node).map(|l| image(&nodes, l)).collect();
                gate(&mut builder, node, &fanins)
            }
        };
        nodes.push(literal);
    }
    for output in circuit.outputs() {
        builder.output(output.name.clone(), image(&nodes, output.literal)).unwrap();
    }
    builder.finish().unwrap()
}
