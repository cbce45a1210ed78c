//! Register allocation: which coordinate of the thought holds which value, from which level on.
//!
//! A gate's value takes the lowest slot that is free after the values dying at its level are gone: a layer reads before
//! it writes, so a gate may take the slot of its own operand. So as many slots are used as the largest live cut has nodes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::network::Network;
use crate::reasoning::liveness::Liveness;

/// Where values live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slots {
    pub n_slots: usize,
    /// Per node its slot; none if nothing reads it, or it is a constant.
    pub slot: Vec<Option<usize>>,
    /// Per level, from 1: what its gates write.
    pub writes: Vec<Vec<Write>>,
}

/// A gate's value, written to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Write {
    pub node: usize,
    pub slot: usize,
    /// Whether the slot holds a dead value.
    pub is_used: bool,
}

impl Slots {
    pub fn new(network: &Network, liveness: &Liveness) -> Self {
        let n_levels = network.depth() + 1;
        let mut by_level = vec![Vec::new(); n_levels];
        let mut dying = vec![Vec::new(); n_levels];
        let is_constant = |id: usize| network.is_source(id) && id >= network.n_inputs();
        for (id, &level) in network.levels().iter().enumerate() {
            if liveness.is_needed(id, level) && !is_constant(id) {
                by_level[level as usize].push(id);
                if let Some(death) = liveness.dies_at[id] {
                    dying[death as usize].push(id);
                }
            }
        }
        let mut slots =
            Slots { n_slots: 0, slot: vec![None; network.n_nodes()], writes: Vec::new() };
        let mut free = BinaryHeap::new();
        for level in 0..n_levels {
            free.extend(dying[level].iter().filter_map(|&id| slots.slot[id]).map(Reverse));
            let writes = by_level[level].iter().map(|&node| slots.place(node, &mut free)).collect();
            if level > 0 {
                slots.writes.push(writes);
            }
        }
        slots
    }

    fn place(&mut self, node: usize, free: &mut BinaryHeap<Reverse<usize>>) -> Write {
        let used = free.pop().map(|Reverse(slot)| slot);
        let slot = used.unwrap_or(self.n_slots);
        self.n_slots = self.n_slots.max(slot + 1);
        self.slot[node] = Some(slot);
        Write { node, slot, is_used: used.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::generate;
    use crate::mapping;

    #[test]
    fn values_keep_their_slots_while_they_live_and_no_slot_is_wasted() {
        for spec in
            ["parity:16", "adder:8", "mult:4", "decoder:3", "aes-sbox", "mux:3", "hamming74"]
        {
            let network = mapping::map(&generate(spec).unwrap(), 2).unwrap().network;
            let liveness = Liveness::new(&network);
            let slots = Slots::new(&network, &liveness);
            assert_eq!(slots.n_slots, liveness.widest(), "{spec}");
            for level in 0..=network.depth() as u32 {
                let live = |&id: &usize| {
                    network.levels()[id] <= level && liveness.dies_at[id].is_none_or(|d| d > level)
                };
                let mut held: Vec<_> =
                    (0..network.n_nodes()).filter(live).map(|id| slots.slot[id].unwrap()).collect();
                let n = held.len();
                held.sort_unstable();
                held.dedup();
                assert_eq!(held.len(), n, "{spec}: two values in a slot after level {level}");
            }
        }
    }
}
