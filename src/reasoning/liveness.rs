//! Liveness: which values of a network are still needed after each level.
//!
//! A node is live after level `l` if its own level is at most `l` and a node of a higher level reads it or it is an
//! output. The number of live nodes is the live cut: what a step must hand over to the next, at least if it hands over
//! node values. Constants count as live where they are read; no gate reads one, and outputs need none.

use crate::network::Network;

/// When each node of a network is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Liveness {
    /// Per node the first level after which it is dead; none if never.
    pub dies_at: Vec<Option<u32>>,
    /// Per level, from 0 to the depth, the number of live nodes after it.
    pub cuts: Vec<usize>,
}

impl Liveness {
    /// Of the nodes of a network.
    pub fn new(network: &Network) -> Self {
        let levels = network.levels();
        let mut dies_at: Vec<Option<u32>> = levels.iter().map(|&level| Some(level)).collect();
        for (id, &level) in levels.iter().enumerate().skip(network.n_inputs()) {
            for &operand in network.operands(id).iter().filter(|&&p| p as usize != id) {
                let death = &mut dies_at[operand as usize];
                *death = (*death).max(Some(level));
            }
        }
        for &output in network.outputs() {
            let is_constant =
                network.is_source(output as usize) && output as usize >= network.n_inputs();
            if !is_constant {
                dies_at[output as usize] = None;
            }
        }
        let mut changes = vec![0i64; network.depth() + 2];
        for (&level, death) in levels.iter().zip(&dies_at) {
            changes[level as usize] += 1;
            if let Some(death) = death {
                changes[*death as usize] -= 1;
            }
        }
        let mut live = 0;
        let cuts = changes[..=network.depth()].iter().map(|change| {
            live += change;
            live as usize
        });
        Liveness { cuts: cuts.collect(), dies_at }
    }

    /// The largest live cut.
    pub fn widest(&self) -> usize {
        self.cuts.iter().copied().max().unwrap_or(0)
    }

    /// Whether node `id`, of level `level`, is ever needed by another level or at the end.
    pub fn is_needed(&self, id: usize, level: u32) -> bool {
        self.dies_at[id].is_none_or(|death| death > level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::generate;
    use crate::mapping;

    fn cuts(spec: &str) -> Vec<usize> {
        Liveness::new(&mapping::map(&generate(spec).unwrap(), 2).unwrap().network).cuts
    }

    #[test]
    fn cuts_of_trees_halve_and_those_of_chains_shrink_by_one() {
        assert_eq!(cuts("parity:16"), [16, 8, 4, 2, 1]);
        assert_eq!(cuts("parity-chain:5"), [5, 4, 3, 2, 1]);
    }

    /// By definition, on networks where values are read levels later and outputs are inputs.
    #[test]
    fn cuts_are_the_nodes_that_are_read_later() {
        for spec in ["adder:4", "mult:3", "hamming74", "mux:3", "decoder:3", "aes-sbox"] {
            let network = mapping::map(&generate(spec).unwrap(), 2).unwrap().network;
            let levels = network.levels();
            let expected = (0..=network.depth() as u32).map(|l| {
                let read_later = |id: usize| {
                    network.outputs().contains(&(id as u32))
                        || (0..network.n_nodes())
                            .any(|r| levels[r] > l && network.operands(r).contains(&(id as u32)))
                };
                (0..network.n_nodes()).filter(|&id| levels[id] <= l && read_later(id)).count()
            });
            assert_eq!(cuts(spec), expected.collect::<Vec<_>>(), "{spec}");
        }
    }
}
