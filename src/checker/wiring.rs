//! The network in the weights: what each position computes of others, and on which level.
//!
//! A layer is a synchronous step: every position takes the value of its table at the states of its targets. Inputs
//! keep theirs, and a position on level `l` depends on lower levels only, so from `l` steps on, however
//! many, it holds one value, which its operands' values give.

use crate::frame::Frame;
use crate::json::Entry;
use crate::layer::{self, Table};
use crate::{Checked, Refusal};

/// What a position computes in a layer: a table over operands that are distinct, sorted, and all matter.
#[derive(Debug, PartialEq)]
pub struct Node {
    pub operands: Vec<u32>,
    pub table: Table,
}

impl Node {
    /// The node of a position whose heads read `targets`.
    pub fn new(targets: &[i64], table: &Table) -> Self {
        let mut operands: Vec<u32> = targets.iter().map(|&target| target as u32).collect();
        operands.sort_unstable();
        operands.dedup();
        let value = |operands: &[u32], states: usize| {
            let place = |target: &i64| operands.iter().position(|&o| i64::from(o) == *target);
            // What has no influence may be 0.
            let bit = |target| place(target).is_some_and(|place| states >> place & 1 == 1);
            let rows = targets.iter().enumerate().map(|(h, target)| usize::from(bit(target)) << h);
            layer::at(table, rows.sum())
        };
        let mut h = 0;
        while h < operands.len() {
            let states = 0..1usize << operands.len();
            let differ = |s: usize| value(&operands, s) != value(&operands, s ^ 1 << h);
            if states.into_iter().any(differ) {
                h += 1;
            } else {
                operands.remove(h);
            }
        }
        let mut reduced = [0; 4];
        for states in 0..1usize << operands.len() {
            reduced[states / 64] |= u64::from(value(&operands, states)) << (states % 64);
        }
        Node { operands, table: reduced }
    }

    pub fn n_rows(&self) -> usize {
        1 << self.operands.len()
    }

    pub fn at(&self, row: usize) -> bool {
        layer::at(&self.table, row)
    }
}

/// The nodes of every position in every layer.
pub type Wiring = Vec<Node>;

/// Checks the level of every position that an output depends on; of others it is -1. The positions, operands first,
/// and the highest level of an output.
///
/// # Errors
/// The level that is wrong, or the input that is not latched.
pub fn require_levels(
    frame: &Frame,
    wirings: &[Wiring],
    entry: &Entry,
) -> Checked<(Vec<usize>, usize)> {
    let model = frame.model;
    let levels = entry.integers(model.n, -1, model.n as i64 + 1)?;
    let mut is_input = vec![false; model.n];
    model.inputs.iter().for_each(|&position| is_input[position] = true);
    // Read by an output, or by a position on a higher level.
    let mut is_read = vec![false; model.n];
    model.outputs.iter().for_each(|&position| is_read[position] = true);
    let mut positions: Vec<usize> = (0..model.n).filter(|&p| levels[p] >= 0).collect();
    positions.sort_by_key(|&position| levels[position]);
    for &position in &positions {
        let nodes = || wirings.iter().map(|wiring| &wiring[position]);
        if is_input[position] {
            require_latched(position, nodes())?;
            if levels[position] != 0 {
                return Err(entry.refuse_at(position, "is not 0, and it is an input"));
            }
            continue;
        }
        let start = u64::from(frame.starts[position]);
        let stays = |node: &Node| node.operands.is_empty() && node.table[0] == start;
        let mut level = i64::from(!nodes().all(stays));
        for &operand in nodes().flat_map(|node| &node.operands) {
            let operand = operand as usize;
            is_read[operand] = true;
            if levels[operand] < 0 {
                let reason = format!("is -1, and position {position} reads it");
                return Err(entry.refuse_at(operand, reason));
            }
            level = level.max(levels[operand] + 1);
        }
        if level != levels[position] {
            return Err(entry.refuse_at(position, format!("is not {level}")));
        }
    }
    match (0..model.n).find(|&position| is_read[position] != (levels[position] >= 0)) {
        Some(position) if is_read[position] => Err(entry.refuse_at(position, "is -1 at an output")),
        Some(position) => Err(entry.refuse_at(position, "is not -1, and no output depends on it")),
        None => {
            let depth = model.outputs.iter().map(|&output| levels[output]).max();
            Ok((positions, depth.unwrap_or(0) as usize))
        }
    }
}

fn require_latched<'n>(position: usize, mut nodes: impl Iterator<Item = &'n Node>) -> Checked<()> {
    let is_latched = |node: &Node| node.operands == [position as u32] && node.at(1);
    if nodes.all(is_latched) {
        Ok(())
    } else {
        Err(Refusal::new(format!("position {position}"), "is an input that is not latched"))
    }
}
