//! Levels, depth and cones of the circuit as it is written.
//!
//! Inverters and buffers cost nothing, every other gate costs 1 whatever its fan-in; the depth of the
//! network that is compiled, with bounded fan-in, is [`crate::network::Network::depth`].

use super::{Circuit, GateKind, Literal, NodeId};

impl Circuit {
    /// The level of every node: 0 for sources, 1 + the highest fan-in's for a gate, and the fan-in's
    /// own for inverters and buffers.
    pub fn levels(&self) -> Vec<u32> {
        let mut levels = vec![0; self.n_nodes()];
        for id in self.nodes() {
            let highest = self.fanins(id).map(|operand| levels[operand.node.index()]).max();
            let cost = !matches!(self.kind(id), GateKind::Buf | GateKind::Not);
            levels[id.index()] = highest.map_or(0, |level: u32| level + u32::from(cost));
        }
        levels
    }

    /// The literals whose values matter: outputs, then next states, then properties.
    pub fn roots(&self) -> impl Iterator<Item = Literal> + '_ {
        let outputs = self.outputs().iter().map(|output| output.literal);
        let states = self.latches().iter().map(|latch| latch.next);
        let properties = self.properties().iter().flat_map(|p| p.literals.iter().copied());
        outputs.chain(states).chain(properties)
    }

    /// The highest level of any root.
    pub fn depth(&self) -> usize {
        let levels = self.levels();
        self.roots().map(|root| levels[root.node.index()]).max().unwrap_or(0) as usize
    }

    /// For every node whether some root in `roots` depends on it: the union of their fan-in cones.
    pub fn cone(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut inside = vec![false; self.n_nodes()];
        for root in roots {
            inside[root.index()] = true;
        }
        for id in self.nodes().rev() {
            if inside[id.index()] {
                for operand in self.fanins(id) {
                    inside[operand.node.index()] = true;
                }
            }
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::super::Builder;
    use super::*;

    /// `or(not(and(a, b)), xor(buf(c), constant))` and a gate that no output reads.
    fn example() -> (Circuit, [NodeId; 9]) {
        let mut builder = Builder::new();
        let [a, b, c] = ["a", "b", "c"].map(|name| builder.input(name).unwrap());
        let mut gate = |kind, fanins: &[NodeId]| {
            let fanins: Vec<Literal> = fanins.iter().map(|&id| id.into()).collect();
            builder.gate(kind, &fanins).unwrap()
        };
        let and = gate(GateKind::And, &[a, b]);
        let not = gate(GateKind::Not, &[and]);
        let buf = gate(GateKind::Buf, &[c]);
        let xor = gate(GateKind::Xor, &[buf, a]);
        let or = gate(GateKind::Or, &[not, xor]);
        let unread = gate(GateKind::And, &[or, not]);
        builder.output("y", !or.literal()).unwrap();
        (builder.finish().unwrap(), [a, b, c, and, not, buf, xor, or, unread])
    }

    #[test]
    fn inverters_and_buffers_are_free_and_unread_gates_do_not_deepen() {
        let (circuit, _) = example();
        assert_eq!(circuit.levels(), [0, 0, 0, 1, 1, 0, 1, 2, 3]);
        assert_eq!(circuit.depth(), 2);
    }

    #[test]
    fn a_cone_holds_what_its_roots_read_and_nothing_else() {
        let (circuit, [a, b, c, and, not, buf, xor, or, _]) = example();
        let cone = |roots: &[NodeId]| -> Vec<NodeId> {
            let inside = circuit.cone(roots.iter().copied());
            circuit.nodes().filter(|id| inside[id.index()]).collect()
        };
        assert_eq!(cone(&[]), []);
        assert_eq!(cone(&[b]), [b]);
        assert_eq!(cone(&[not]), [a, b, and, not]);
        assert_eq!(cone(&[xor]), [a, c, buf, xor]);
        assert_eq!(cone(&[xor, not]), [a, b, c, and, not, buf, xor]);
        assert_eq!(cone(&[or]), [a, b, c, and, not, buf, xor, or]);
    }

    #[test]
    fn an_empty_circuit_has_depth_zero() {
        assert_eq!(Builder::new().finish().unwrap().depth(), 0);
    }
}
