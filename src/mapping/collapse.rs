//! Collapse: `c` levels of a network in one, at the price of fan-in `k^c`.
//!
//! Claim. A node of level `l` is a function of at most `k^c` nodes whose levels are at most
//! `c (⌈l/c⌉ - 1)`. Reason: follow operands until the level is so low; that takes at most
//! `l - c (⌈l/c⌉ - 1) ≤ c` steps, each into `k` nodes. So, by induction on `⌈l/c⌉`, the network whose
//! nodes are these functions gives every node it keeps level `⌈l/c⌉`, and depth `D` becomes `⌈D/c⌉`.
//! Kept are inputs, outputs, and what kept nodes are functions of.

use super::Mapped;
use crate::error::{Error, Result};
use crate::network::Network;

/// The network with `levels` levels in one, and what its nodes compute.
///
/// # Errors
/// `levels` is 0, or `k^levels` exceeds [`Network::MAX_K`].
pub fn collapse(mapped: &Mapped, levels: usize) -> Result<Mapped> {
    let old = &mapped.network;
    let k = u32::try_from(levels).ok().and_then(|levels| old.k().checked_pow(levels));
    let Some(k) = k.filter(|&k| levels > 0 && k <= Network::MAX_K) else {
        return Err(Error::new(
            format!("{} to the power of the levels in one at most {}", old.k(), Network::MAX_K),
            format!("{levels} levels in one"),
        ));
    };
    let cones = kept_cones(old, levels);
    let mut network = Network::new(k, old.n_inputs())?;
    let mut origin = mapped.origin[..old.n_inputs()].to_vec();
    let mut places: Vec<u32> = (0..old.n_nodes() as u32).collect();
    for id in old.n_inputs()..old.n_nodes() {
        let Some(cone) = &cones[id] else { continue };
        places[id] = if old.is_source(id) {
            network.constant(old.value(id, 0))
        } else {
            let operands: Vec<u32> = cone.iter().map(|&p| places[p as usize]).collect();
            let rows: Vec<bool> =
                (0..1 << cone.len()).map(|row| cone_value(old, id as u32, cone, row)).collect();
            network.gate(&operands, |row| rows[row])?
        };
        origin.push(mapped.origin[id]);
    }
    for &output in old.outputs() {
        network.output(places[output as usize])?;
    }
    Ok(Mapped { network, origin })
}

/// For each node that is kept the nodes it becomes a function of, in rising order; none of a source.
fn kept_cones(network: &Network, levels: usize) -> Vec<Option<Vec<u32>>> {
    let mut cones = vec![None; network.n_nodes()];
    for &output in network.outputs() {
        cones[output as usize] = Some(Vec::new());
    }
    for id in (network.n_inputs()..network.n_nodes()).rev() {
        if cones[id].is_none() || network.is_source(id) {
            continue;
        }
        let leaves = leaves(network, id as u32, levels);
        for &leaf in &leaves {
            cones[leaf as usize].get_or_insert_default();
        }
        cones[id] = Some(leaves);
    }
    cones
}

/// The first nodes below `root` whose level is at most `levels (⌈l / levels⌉ - 1)`.
fn leaves(network: &Network, root: u32, levels: usize) -> Vec<u32> {
    let level = |id: u32| network.levels()[id as usize] as usize;
    let highest = levels * (level(root).div_ceil(levels) - 1);
    let mut open = network.operands(root as usize).to_vec();
    let mut leaves = Vec::new();
    while let Some(id) = open.pop() {
        if level(id) <= highest {
            leaves.push(id)
        } else {
            open.extend(network.operands(id as usize))
        }
    }
    leaves.sort_unstable();
    leaves.dedup();
    leaves
}

/// The value of `root` where the leaves of its cone hold the bits of `row`. A cone has at most three
/// levels ([`Network::MAX_K`]), which bounds the recursion.
fn cone_value(network: &Network, root: u32, leaves: &[u32], row: usize) -> bool {
    let operand = |&id: &u32| match leaves.binary_search(&id) {
        Ok(place) => row >> place & 1 == 1,
        Err(_) => cone_value(network, id, leaves, row),
    };
    let bits = network.operands(root as usize).iter().map(operand).enumerate();
    network.value(root as usize, bits.map(|(h, bit)| usize::from(bit) << h).sum())
}
