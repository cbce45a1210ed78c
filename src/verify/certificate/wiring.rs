//! Wirings: what the layers compute, as a table of the states of other positions for every position.
//!
//! Tables are reduced: operands are distinct, in increasing order, and all matter. So an input that is
//! latched reads itself and nothing else, and a constant reads nothing. The levels of the positions that
//! the outputs depend on are computed over all layers together (C10): after `level` or more layers, in
//! whatever order they come, a position holds its final value.

use super::attention::Targets;
use super::frame::Frame;
use super::mlp::Tables;
use super::{Checked, Failure};
use crate::error::Result;
use crate::network::{Network, words_per_table};

/// One layer; see the module's head.
#[derive(Debug, PartialEq, Eq)]
pub struct Wiring {
    n_heads: usize,
    /// `n_heads` places per position, the first `n_operands` of them used.
    operands: Vec<u32>,
    n_operands: Vec<u8>,
    /// [`words_per_table`] words per position, over its operands.
    tables: Vec<u64>,
}

/// What a position computes in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node<'w> {
    pub operands: &'w [u32],
    /// Bit `r` is the value where bit `h` of `r` is the state of operand `h`.
    pub table: &'w [u64],
}

impl Node<'_> {
    /// The value of a node without operands.
    pub fn constant(self) -> Option<bool> {
        self.operands.is_empty().then_some(self.table[0] & 1 == 1)
    }

    /// The value at row `r`.
    pub fn at(self, row: usize) -> bool {
        self.table[row / 64] >> (row % 64) & 1 == 1
    }
}

impl Wiring {
    pub fn new(n_heads: usize, targets: &Targets, tables: &Tables) -> Self {
        let n = tables.types.len();
        let words = words_per_table(n_heads);
        let mut wiring = Wiring {
            n_heads,
            operands: vec![0; n * n_heads],
            n_operands: Vec::with_capacity(n),
            tables: Vec::with_capacity(n * words),
        };
        let mut reducer = Reducer::default();
        for (position, &kind) in tables.types.iter().enumerate() {
            let start = position * n_heads;
            let table = &tables.tables[kind as usize * words..][..words];
            reducer.reduce(&targets.targets[start..start + n_heads], table);
            let operands = &reducer.operands;
            wiring.operands[start..start + operands.len()].copy_from_slice(operands);
            wiring.n_operands.push(operands.len() as u8);
            wiring.tables.extend(reducer.words(words));
        }
        wiring
    }

    pub fn node(&self, position: usize) -> Node<'_> {
        let (start, words) = (position * self.n_heads, words_per_table(self.n_heads));
        Node {
            operands: &self.operands[start..start + usize::from(self.n_operands[position])],
            table: &self.tables[position * words..(position + 1) * words],
        }
    }
}

/// Brings tables into their reduced form.
#[derive(Default)]
struct Reducer {
    operands: Vec<u32>,
    rows: Vec<bool>,
}

impl Reducer {
    fn reduce(&mut self, targets: &[u32], table: &[u64]) {
        self.operands.clear();
        self.operands.extend_from_slice(targets);
        self.operands.sort_unstable();
        self.operands.dedup();
        // The row over all heads in which every head reads what its target holds in the reduced row.
        let places: Vec<usize> = targets
            .iter()
            .map(|target| self.operands.partition_point(|operand| operand < target))
            .collect();
        self.rows.clear();
        self.rows.extend((0..1usize << self.operands.len()).map(|row| {
            let heads = places.iter().enumerate();
            let full: usize = heads.map(|(h, &place)| (row >> place & 1) << h).sum();
            table[full / 64] >> (full % 64) & 1 == 1
        }));
        for place in (0..self.operands.len()).rev() {
            self.drop_if_idle(place);
        }
    }

    /// Drops the operand at `place` if the value does not depend on it.
    fn drop_if_idle(&mut self, place: usize) {
        let bit = 1 << place;
        if (0..self.rows.len()).any(|row| self.rows[row] != self.rows[row | bit]) {
            return;
        }
        self.operands.remove(place);
        let mut row = 0;
        self.rows.retain(|_| {
            row += 1;
            (row - 1) & bit == 0
        });
    }

    /// The rows packed into `n` words.
    fn words(&self, n: usize) -> impl Iterator<Item = u64> {
        let word = |w: usize| {
            let rows = self.rows.iter().skip(64 * w).take(64).enumerate();
            rows.map(|(r, &value)| u64::from(value) << r).sum()
        };
        (0..n).map(word)
    }
}

/// The positions that the outputs depend on, operands before readers, and their levels.
pub struct Cone {
    pub positions: Vec<u32>,
    /// None outside the cone.
    pub levels: Vec<Option<u32>>,
}

impl Cone {
    /// C10: the outputs depend on inputs that are latched, on constants, and on nothing in a circle.
    pub fn new(frame: &Frame, wirings: &[Wiring]) -> Checked<Self> {
        let n = frame.model().n_ctx();
        let mut cone = Cone { positions: Vec::new(), levels: vec![None; n] };
        let mut is_input = vec![false; n];
        frame.model().input_positions.iter().for_each(|&position| is_input[position] = true);
        let mut is_open = vec![false; n];
        let mut stack: Vec<usize> = frame.model().output_positions.iter().rev().copied().collect();
        while let Some(&position) = stack.last() {
            if cone.levels[position].is_some() {
                stack.pop();
                continue;
            }
            let pending = if is_input[position] {
                0
            } else {
                push_operands(&mut stack, wirings, position, &cone)
            };
            if pending > 0 {
                if std::mem::replace(&mut is_open[position], true) {
                    let place = format!("position {position} depends on itself");
                    return Err(Failure::new("C10", place));
                }
                continue;
            }
            stack.pop();
            let level = cone.level(frame, wirings, position, is_input[position])?;
            cone.levels[position] = Some(level);
            cone.positions.push(position as u32);
        }
        Ok(cone)
    }

    /// The level of a position whose operands have theirs.
    fn level(
        &self,
        frame: &Frame,
        wirings: &[Wiring],
        position: usize,
        is_input: bool,
    ) -> Checked<u32> {
        let nodes = || wirings.iter().map(|wiring| wiring.node(position));
        if is_input {
            let is_latched = |node: Node| node.operands == [position as u32] && node.at(1);
            return if nodes().all(is_latched) {
                Ok(0)
            } else {
                Err(Failure::new("C10", format!("the input at position {position} is not latched")))
            };
        }
        let start = Some(frame.start(position));
        if nodes().all(|node| node.constant() == start) {
            return Ok(0);
        }
        let operands = nodes().flat_map(|node| node.operands);
        let levels = operands.filter_map(|&operand| self.levels[operand as usize]);
        Ok(1 + levels.max().unwrap_or(0))
    }
}

/// Pushes the operands that have no level yet, over all layers, and returns how many these are.
fn push_operands(
    stack: &mut Vec<usize>,
    wirings: &[Wiring],
    position: usize,
    cone: &Cone,
) -> usize {
    let before = stack.len();
    for wiring in wirings {
        let operands = wiring.node(position).operands.iter().map(|&operand| operand as usize);
        stack.extend(operands.filter(|&operand| cone.levels[operand].is_none()));
    }
    stack.len() - before
}

/// The network of a wiring over a cone, and the position of each of its nodes.
///
/// Inputs come first, in the order of the ports, whether or not an output depends on them; the other
/// positions follow by level.
///
/// # Errors
/// [`Network`] does not take so many operands.
pub fn to_network(frame: &Frame, wiring: &Wiring, cone: &Cone) -> Result<(Network, Vec<usize>)> {
    let model = frame.model();
    let mut network = Network::new(model.n_heads(), model.input_positions.len())?;
    let mut positions = model.input_positions.clone();
    let mut ids = vec![None; model.n_ctx()];
    for (id, &position) in model.input_positions.iter().enumerate() {
        ids[position] = Some(id as u32);
    }
    let id_of = |ids: &[Option<u32>], position: usize| ids[position].expect("operands come first");
    let mut order = cone.positions.clone();
    order.sort_by_key(|&position| (cone.levels[position as usize], position));
    for position in order.into_iter().map(|position| position as usize) {
        if ids[position].is_some() {
            continue;
        }
        let node = wiring.node(position);
        let id = match node.constant() {
            Some(value) => network.constant(value),
            None => {
                let operands: Vec<u32> =
                    node.operands.iter().map(|&operand| id_of(&ids, operand as usize)).collect();
                network.gate(&operands, |row| node.at(row))?
            }
        };
        ids[position] = Some(id);
        positions.push(position);
    }
    for &position in &model.output_positions {
        network.output(id_of(&ids, position))?;
    }
    Ok((network, positions))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_reduced_table_is_the_same_function_of_operands_that_matter() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for n_heads in 1..=8 {
            for _ in 0..200 {
                // Few ones, so that tables that ignore an operand are frequent.
                let words = words_per_table(n_heads);
                let full = if n_heads < 6 { (1 << (1 << n_heads)) - 1 } else { u64::MAX };
                let table: Vec<u64> = (0..words)
                    .map(|_| full & [0, u64::MAX, rng.random()][rng.random_range(0..3)])
                    .collect();
                let targets: Vec<u32> = (0..n_heads).map(|_| rng.random_range(0..6)).collect();
                let wiring = Wiring::new(
                    n_heads,
                    &Targets {
                        targets: targets.clone(),
                        gap: 1.0,
                        distance: None,
                        n_enumerated: 0,
                    },
                    &Tables { types: vec![0], tables: table.clone() },
                );
                let node = wiring.node(0);
                assert!(node.operands.windows(2).all(|pair| pair[0] < pair[1]));
                for states in 0..64usize {
                    let row = |positions: &[u32]| -> usize {
                        positions.iter().enumerate().map(|(h, &p)| (states >> p & 1) << h).sum()
                    };
                    let full = row(&targets);
                    let expected = table[full / 64] >> (full % 64) & 1 == 1;
                    assert_eq!(node.at(row(node.operands)), expected);
                }
                for h in 0..node.operands.len() {
                    let rows = 0..1usize << node.operands.len();
                    assert!(rows.into_iter().any(|row| node.at(row) != node.at(row ^ 1 << h)));
                }
            }
        }
    }
}
