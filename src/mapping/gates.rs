//! The network of a circuit's own gates: no folding, splitting or complementing.

use crate::circuit::{Circuit, GateKind};
use crate::error::{Error, Result};
use crate::network::Network;

/// One node per gate of a combinational circuit, which holds the gate's own value; complemented operands
/// are read so.
///
/// [`super::map`] makes what is compiled, where a node may hold a complement. This is the circuit as it
/// is written, for questions about its own dynamics. A complemented output stands for its gate: the one is
/// wrong where the other is.
///
/// # Errors
/// The circuit has latches or properties, or a gate of more than [`Network::MAX_K`] operands.
pub fn gates(circuit: &Circuit) -> Result<Network> {
    circuit.require_combinational()?;
    let widest = circuit.nodes().map(|node| circuit.fanins(node).count()).max().unwrap_or(0);
    if widest > Network::MAX_K {
        let expected = format!("gates of at most {} operands", Network::MAX_K);
        return Err(Error::new(expected, widest.to_string())
            .hint("mapping splits wider ones; it is what compile does"));
    }
    let mut network = Network::new(widest.max(1), circuit.inputs().len())?;
    let mut places = vec![0; circuit.n_nodes()];
    (0..).zip(circuit.inputs()).for_each(|(place, input)| places[input.index()] = place);
    for node in circuit.nodes() {
        let kind = circuit.kind(node);
        places[node.index()] = match kind {
            GateKind::Input => continue,
            GateKind::Const(value) => network.constant(value),
            _ => {
                let fanins: Vec<_> = circuit.fanins(node).collect();
                let value = |row: usize| {
                    let bits = fanins.iter().enumerate();
                    let bits = bits.map(|(h, literal)| (row >> h & 1 == 1) ^ literal.complemented);
                    kind.evaluate(&bits.collect::<Vec<bool>>())
                };
                let operands: Vec<u32> = fanins.iter().map(|p| places[p.node.index()]).collect();
                if operands.is_empty() {
                    network.constant(value(0))
                } else {
                    network.gate(&operands, value)?
                }
            }
        };
    }
    circuit.outputs().iter().try_for_each(|o| network.output(places[o.literal.node.index()]))?;
    Ok(network)
}
