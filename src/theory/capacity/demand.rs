//! Demand: what a circuit has to hand from level to level, and how many tokens or loops that takes.
//!
//! In the schedule model a gate is computed after its operands, a token computes `g` gates and a loop a
//! whole level. The tokens needed are those of a [`TokenSchedule`]; loops are `D`. So latent steps are ahead by
//! about the average parallelism over `g`, whatever a state could hold.
//!
//! [`TokenSchedule`]: crate::reasoning::cot::TokenSchedule

use crate::network::Network;

/// The sizes of a network's levels and cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Gates on levels `1..=D`.
    pub widths: Vec<u64>,
    /// After levels `0..=D`: nodes computed by then that are an output or that a later level reads;
    /// inputs are among them, constants are not.
    pub cuts: Vec<u64>,
}

impl Demand {
    /// Counts the gates and the live nodes of every level.
    pub fn of(network: &Network) -> Self {
        let levels = network.levels();
        let depth = levels.iter().copied().max().unwrap_or(0) as usize;
        let last_read = last_read(network, depth);
        let mut widths = vec![0; depth];
        // The differences of the cuts: a node enters at its level and leaves where it is last read.
        let mut changes = vec![0i64; depth + 2];
        for (id, &level) in levels.iter().enumerate() {
            if level > 0 {
                widths[level as usize - 1] += 1;
            }
            let is_constant = level == 0 && id >= network.n_inputs();
            if let Some(end) = last_read[id].filter(|&end| !is_constant && end > level as usize) {
                changes[level as usize] += 1;
                changes[end] -= 1;
            }
        }
        let mut live = 0;
        let cuts = changes[..=depth].iter().map(|change| {
            live += change;
            live as u64
        });
        Demand { cuts: cuts.collect(), widths }
    }

    /// `G`.
    pub fn gates(&self) -> u64 {
        self.widths.iter().sum()
    }

    /// `D`, which is also the number of loops of one layer.
    pub fn depth(&self) -> u64 {
        self.widths.len() as u64
    }

    /// The largest cut and the first level after which it is live.
    pub fn largest_cut(&self) -> (usize, u64) {
        let mut largest = (0, 0);
        for (level, &cut) in self.cuts.iter().enumerate() {
            if cut > largest.1 {
                largest = (level, cut);
            }
        }
        largest
    }

    /// `G/D`; none without gates.
    pub fn average_parallelism(&self) -> Option<f64> {
        (self.depth() > 0).then(|| self.gates() as f64 / self.depth() as f64)
    }
}

/// The average parallelism `G/D` at which latent steps would be ahead by `ratio`: below the first number
/// they cannot be, from the second on they are.
///
/// Level by level, tokens are less than `G/g + D (g - 1)/g`, and never fewer than `G/g`.
pub fn parallelism_for(ratio: f64, per_token: u64) -> [f64; 2] {
    let g = per_token as f64;
    [(ratio - 1.0) * g + 1.0, ratio * g]
}

/// For every node the level before which it is last read: `depth + 1` for outputs, none if unread.
fn last_read(network: &Network, depth: usize) -> Vec<Option<usize>> {
    let mut last_read = vec![None; network.n_nodes()];
    for id in (0..network.n_nodes()).filter(|&id| !network.is_source(id)) {
        let level = network.levels()[id] as usize;
        for &operand in network.operands(id) {
            let last = &mut last_read[operand as usize];
            *last = (*last).max(Some(level));
        }
    }
    for &output in network.outputs() {
        last_read[output as usize] = Some(depth + 1);
    }
    last_read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::generate;
    use crate::mapping::map;
    use crate::reasoning::cot::{Method, TokenSchedule};

    fn demand(spec: &str) -> Demand {
        Demand::of(&map(&generate(spec).unwrap(), 2).unwrap().network)
    }

    #[test]
    fn gates_and_levels_of_the_families() {
        let numbers = |spec: &str| (demand(spec).gates(), demand(spec).depth());
        assert_eq!(numbers("parity:64"), (63, 6));
        assert_eq!(numbers("parity-chain:1024"), (1023, 1023));
        assert_eq!(numbers("adder-ks:64"), (1091, 13));
    }

    #[test]
    fn a_speed_up_asks_for_parallelism() {
        let [least, enough] = parallelism_for(65_536.0 / 15.0, 15);
        assert!((least - 65_522.0).abs() < 1e-6 && (enough - 65_536.0).abs() < 1e-6);
        for spec in ["parity:64", "parity:1024", "adder-ks:16", "adder:8", "mult:4"] {
            let network = map(&generate(spec).unwrap(), 2).unwrap().network;
            let demand = Demand::of(&network);
            for g in 1..20 {
                let bounds = TokenSchedule::new(&network, g, Method::Best).bounds;
                let speed_up = bounds.by_levels as f64 / demand.depth() as f64;
                let [least, _] = parallelism_for(speed_up, g as u64);
                assert!(demand.average_parallelism().unwrap() >= least - 1e-9, "{spec} {g}");
            }
        }
    }

    /// The definition, node by node.
    fn cut_by_definition(network: &Network, level: u32) -> u64 {
        let levels = network.levels();
        let is_constant = |id: usize| network.is_source(id) && id >= network.n_inputs();
        let is_read = |id: usize| {
            let later = |reader: &usize| levels[*reader] > level && !network.is_source(*reader);
            network.outputs().contains(&(id as u32))
                || (0..levels.len())
                    .filter(later)
                    .any(|reader| network.operands(reader).contains(&(id as u32)))
        };
        let live = |id: &usize| levels[*id] <= level && !is_constant(*id) && is_read(*id);
        (0..levels.len()).filter(live).count() as u64
    }

    #[test]
    fn cuts_are_those_of_the_definition() {
        let named = ["parity:9", "parity-chain:5", "adder:4", "mux:2", "majority:5", "decoder:3"];
        let random = (0..20).map(|seed| format!("random:n=6,gates=30,seed={seed}"));
        for spec in named.iter().map(|spec| spec.to_string()).chain(random) {
            let network = map(&generate(&spec).unwrap(), 2).unwrap().network;
            let demand = Demand::of(&network);
            for (level, &cut) in demand.cuts.iter().enumerate() {
                assert_eq!(cut, cut_by_definition(&network, level as u32), "{spec} {level}");
            }
        }
        assert_eq!(demand("parity:64").cuts, [64, 32, 16, 8, 4, 2, 1]);
        assert_eq!(demand("parity:64").largest_cut(), (0, 64));
    }

    #[test]
    fn outputs_without_gates_need_neither_tokens_nor_loops() {
        let mut network = Network::new(2, 2).unwrap();
        let one = network.constant(true);
        for id in [0, 0, one] {
            network.output(id).unwrap();
        }
        let demand = Demand::of(&network);
        assert_eq!(demand, Demand { widths: vec![], cuts: vec![1] });
        assert_eq!(demand.average_parallelism(), None);
        let empty = Demand::of(&Network::new(2, 0).unwrap());
        assert_eq!((empty.largest_cut(), empty.gates()), ((0, 0), 0));
    }
}
