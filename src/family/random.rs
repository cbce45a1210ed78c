//! Random circuits, for fuzzing and for measurements.
//!
//! Every gate reads two different earlier nodes, each complemented or not by a coin. The coins come from
//! ChaCha8, keyed with the seed, and are turned into choices here, so that a spec gives the same circuit
//! whatever the version of the random-number crates.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Family, Formula, MAX_GATES, Parameter, Params};
use crate::circuit::{Builder, Circuit, GateKind, Literal, NodeId, WordOrder};
use crate::error::Result;

pub(super) const RANDOM: Family = Family {
    name: "random",
    about: "a random circuit; its outputs are the gates that nobody reads, or the last few",
    example: "random:n=16,gates=1000,seed=7",
    parameters: &[
        Parameter::size("n", "inputs", 2, 1_000_000).or(16),
        Parameter::size("gates", "gates of two inputs", 1, MAX_GATES).or(1000),
        Parameter::size("seed", "seed", 0, u64::MAX).or(0),
        Parameter::size(
            "outputs",
            "the last so many gates; 0: all that nobody reads",
            0,
            MAX_GATES,
        )
        .or(0),
        Parameter::size("window", "read only the last so many nodes; 0: any", 0, MAX_GATES).or(0),
        Parameter::choice("kinds", "gates drawn from", &["all", "and", "xor", "and-xor"]),
    ],
    size: Formula::new("gates", |p| Some(p["gates"])),
    depth: Formula::none("about log n + log gates; about gates / window with a window"),
    condition: |p| match (p["window"], p["outputs"]) {
        (1, _) => Err("window = 0 or at least 2"),
        (_, outputs) if outputs > p["gates"] => Err("outputs = 0 to gates"),
        _ => Ok(()),
    },
    build,
};

/// What each value of `kinds` draws from.
const KINDS: [&[GateKind]; 4] = [
    &[GateKind::And, GateKind::Or, GateKind::Xor, GateKind::Nand, GateKind::Nor, GateKind::Xnor],
    &[GateKind::And],
    &[GateKind::Xor],
    &[GateKind::And, GateKind::Xor],
];

fn build(p: &Params) -> Result<Circuit> {
    let mut coins = Coins::new(p["seed"]);
    let mut builder = Builder::new();
    builder.word_order("x", WordOrder::Lsb);
    builder.word_order("y", WordOrder::Lsb);
    let mut nodes: Vec<NodeId> = Vec::new();
    for i in 0..p["n"] {
        nodes.push(builder.input(format!("x[{i}]"))?);
    }
    let mut is_read = vec![false; (p["n"] + p["gates"]) as usize];
    for _ in 0..p["gates"] {
        let kind = coins.pick(KINDS[p["kinds"] as usize]);
        let operands = coins.operands(&nodes, p["window"] as usize);
        for operand in operands {
            is_read[operand.node.index()] = true;
        }
        nodes.push(builder.gate(kind, &operands)?);
    }
    for (i, node) in outputs(p, &nodes, &is_read).into_iter().enumerate() {
        builder.output(format!("y[{i}]"), node)?;
    }
    builder.finish()
}

fn outputs(p: &Params, nodes: &[NodeId], is_read: &[bool]) -> Vec<NodeId> {
    match p["outputs"] as usize {
        0 => {
            let gates = &nodes[p["n"] as usize..];
            gates.iter().copied().filter(|gate| !is_read[gate.index()]).collect()
        }
        count => nodes[nodes.len() - count..].to_vec(),
    }
}

/// A stream of choices.
struct Coins {
    stream: ChaCha8Rng,
}

impl Coins {
    fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Coins { stream: ChaCha8Rng::from_seed(key) }
    }

    /// A number below `bound`: the high half of a product, whose bias is below `bound / 2^64`.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.stream.next_u64()) * bound as u128) >> 64) as usize
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Two different nodes among the last `window` (all for 0), each complemented or not.
    fn operands(&mut self, nodes: &[NodeId], window: usize) -> [Literal; 2] {
        let nearest = match window {
            0 => nodes,
            _ => &nodes[nodes.len().saturating_sub(window)..],
        };
        let first = self.below(nearest.len());
        let second = self.below(nearest.len() - 1);
        let second = second + usize::from(second >= first);
        [first, second].map(|i| nearest[i].literal().flip_if(self.below(2) == 1))
    }
}
