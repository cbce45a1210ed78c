//! The part of a circuit that a failure needs.

use crate::circuit::{Builder, Circuit, GateKind, Literal, NodeId};
use crate::error::Result;

/// The fan-in cone of `node`, with the inputs it depends on and `node` as its only output.
///
/// When `node` is the first wrong one, its operands are right, so this is all of the circuit that
/// matters.
///
/// # Errors
/// The circuit has latches.
pub fn shrink(circuit: &Circuit, node: NodeId) -> Result<Circuit> {
    circuit.require_combinational()?;
    let cone = circuit.cone([node]);
    let mut names = circuit.input_names().iter();
    let mut builder = Builder::new();
    let mut copies: Vec<Option<NodeId>> = vec![None; circuit.n_nodes()];
    for id in circuit.nodes() {
        let kind = circuit.kind(id);
        let input_name = if kind == GateKind::Input { names.next() } else { None };
        if !cone[id.index()] {
            continue;
        }
        let copy = match (kind, input_name) {
            (GateKind::Const(value), _) => builder.constant(value)?,
            (_, Some(name)) => builder.input(name.clone())?,
            _ => {
                let copied = |l: Literal| {
                    let copy = copies[l.node.index()].expect("a cone holds its nodes' fan-ins");
                    copy.literal().flip_if(l.complemented)
                };
                let fanins: Vec<Literal> = circuit.fanins(id).map(copied).collect();
                builder.gate(kind, &fanins)?
            }
        };
        if let Some(name) = circuit.node_name(id) {
            builder.name(copy, name)?;
        }
        copies[id.index()] = Some(copy);
    }
    let copy = copies[node.index()].expect("a cone holds its root");
    builder.output(circuit.node_name(node).unwrap_or("wrong"), copy)?;
    builder.finish()
}
