//! The network is the circuit, position by position, where the witness claims what a position holds.
//!
//! A claimed position is expanded down to claimed ones, its leaves, and the claimed literal's node down to the
//! nodes of the leaves' literals. Whatever values these nodes have, both sides must agree. By induction over the
//! levels every claimed position then holds its literal's value: its leaves, on lower levels, do. Up to twelve
//! nodes are tried in all their values; wider positions must be the same set of literals under AND or XOR.

use crate::Checked;
use crate::circuit::{Circuit, FALSE, Form, TRUE, Value};
use crate::json::Entry;
use crate::model::Model;
use crate::wiring::{Node, Wiring};

/// Nodes whose values are all tried.
const MAX_VARIABLES: usize = 12;
/// Nodes between them and what is compared, on either side.
const MAX_INNER: usize = 512;
/// Table rows that are looked at in all.
const MAX_ROWS: u64 = 1 << 34;

/// Checks the claims on `positions` and the outputs; how many comparisons that took.
///
/// # Errors
/// The claim that is wrong, or not shown to be right.
pub fn require_claims(
    model: &Model,
    circuit: &Circuit,
    wirings: &[Wiring],
    positions: &[usize],
    entry: &Entry,
) -> Checked<usize> {
    let claims = entry.integers(model.n, -1, 2 * circuit.n_nodes() as i64)?;
    let mut is_read = vec![false; model.n];
    positions.iter().for_each(|&position| is_read[position] = true);
    if let Some(unread) = (0..model.n).find(|&p| !is_read[p] && claims[p] != -1) {
        return Err(entry.refuse_at(unread, "is not -1, and no output depends on it"));
    }
    let value = |&claim: &i64| u32::try_from(claim).ok().map(|literal| circuit.value(literal));
    let mut comparison = Comparison {
        circuit,
        wiring: &wirings[0],
        values: claims.iter().map(value).collect(),
        is_input: vec![false; model.n],
        rows_left: MAX_ROWS,
    };
    for (&position, &input) in model.inputs.iter().zip(&circuit.inputs) {
        comparison.is_input[position] = true;
        comparison.values[position] = Some(2 * input);
        if is_read[position] && claims[position] != i64::from(2 * input) {
            return Err(entry.refuse_at(position, format!("is not {}, the input's", 2 * input)));
        }
    }
    let mut n_compared = 0;
    for (kind, wiring) in wirings.iter().enumerate() {
        comparison.wiring = wiring;
        for &position in positions {
            if comparison.is_input[position] {
                continue;
            }
            let is_new = kind == 0 || wiring[position] != wirings[0][position];
            match comparison.values[position] {
                Some(goal) if is_new => {
                    n_compared += 1;
                    if !comparison.is_equal(position, goal) {
                        return Err(entry.refuse_at(position, "is not shown to be what it holds"));
                    }
                }
                None if is_new && kind > 0 => {
                    return Err(entry.refuse_at(position, "is none, and layers differ there"));
                }
                _ => {}
            }
        }
        for (o, (&position, &goal)) in model.outputs.iter().zip(&circuit.outputs).enumerate() {
            if comparison.values[position] != Some(goal) {
                n_compared += 1;
                if !comparison.is_equal(position, goal) {
                    let reason = format!("output {o} is not shown to be the circuit's");
                    return Err(entry.refuse_at(position, reason));
                }
            }
        }
    }
    Ok(n_compared)
}

struct Comparison<'a> {
    circuit: &'a Circuit,
    wiring: &'a Wiring,
    /// Of claimed positions and inputs.
    values: Vec<Option<Value>>,
    is_input: Vec<bool>,
    rows_left: u64,
}

/// The two sides of a comparison by rows.
#[derive(Default)]
struct Sides {
    leaves: Vec<(usize, Value)>,
    /// Positions above the leaves, operands first.
    inner: Vec<usize>,
    variables: Vec<u32>,
    /// Nodes of the circuit above the variables, operands first.
    nodes: Vec<u32>,
    /// Nodes and positions that were begun.
    n_begun: usize,
}

impl Sides {
    fn are_too_large(&self) -> bool {
        self.leaves.len().max(self.variables.len()) > MAX_VARIABLES
            || self.inner.len().max(self.nodes.len()).max(self.n_begun) > MAX_INNER
    }
}

/// 64 rows of the table of a variable.
fn rows_of(variable: usize, block: u64) -> u64 {
    let row = |bit: u64| (64 * block + bit) >> variable & 1;
    (0..64).map(|bit| row(bit) << bit).sum()
}

/// The word of `of` in a list of words.
fn find<T: PartialEq>(words: &[(T, u64)], of: &T) -> u64 {
    words.iter().find(|(key, _)| key == of).map_or(0, |&(_, word)| word)
}

/// A table applied to words of its operands.
fn look_up(n: usize, operands: &[u64], at: impl Fn(usize) -> bool) -> u64 {
    let row = |row: usize| {
        let bits = operands.iter().enumerate();
        bits.fold(u64::MAX, |all, (h, &x)| all & if row >> h & 1 == 1 { x } else { !x })
    };
    (0..1usize << n).filter(|&r| at(r)).map(row).fold(0, |any, row| any | row)
}

impl Comparison<'_> {
    fn is_equal(&mut self, position: usize, goal: Value) -> bool {
        let mut sides = Sides::default();
        let fits = self.expand_position(position, position, &mut sides).is_some();
        sides.n_begun = 0;
        if fits && self.expand_goal(goal, &mut sides).is_some() {
            return self.agree(&sides, position, goal);
        }
        match self.circuit.forms.get(goal as usize / 2) {
            Some(Form::And(literals)) => {
                let found = self.conjuncts(position, goal & 1 == 0, 4 * literals.len() + 16);
                found.is_some_and(|found| found == *literals)
            }
            Some(Form::Xor(roots)) => {
                let found = self.summands(position, 4 * roots.len() + 16);
                found.is_some_and(|(found, odd)| found == *roots && odd == (goal & 1 == 1))
            }
            _ => false,
        }
    }

    fn expand_position(&self, top: usize, position: usize, sides: &mut Sides) -> Option<()> {
        let is_known = sides.leaves.iter().any(|&(leaf, _)| leaf == position);
        if is_known || sides.inner.contains(&position) {
            return Some(());
        }
        let is_leaf = position != top || self.is_input[position];
        match self.values[position].filter(|_| is_leaf) {
            Some(value) => {
                sides.leaves.push((position, value));
                let root = value & !1;
                if value < FALSE && !sides.variables.contains(&(root / 2)) {
                    sides.variables.push(root / 2);
                }
            }
            None => {
                sides.n_begun += 1;
                if sides.are_too_large() {
                    return None;
                }
                for &operand in &self.wiring[position].operands {
                    self.expand_position(top, operand as usize, sides)?;
                }
                sides.inner.push(position);
            }
        }
        (!sides.are_too_large()).then_some(())
    }

    fn expand_goal(&self, goal: Value, sides: &mut Sides) -> Option<()> {
        let node = goal / 2;
        if goal >= FALSE || sides.variables.contains(&node) || sides.nodes.contains(&node) {
            return Some(());
        }
        match &self.circuit.forms[node as usize] {
            Form::Leaf => sides.variables.push(node),
            form => {
                sides.n_begun += 1;
                if sides.are_too_large() {
                    return None;
                }
                form.operands().iter().try_for_each(|&operand| self.expand_goal(operand, sides))?;
                sides.nodes.push(node);
            }
        }
        (!sides.are_too_large()).then_some(())
    }

    /// Whether both sides agree on all values of the variables, 64 rows at a time.
    fn agree(&mut self, sides: &Sides, position: usize, goal: Value) -> bool {
        let n_blocks = 1u64 << sides.variables.len().saturating_sub(6);
        let rows: usize = sides.inner.iter().map(|&inner| self.wiring[inner].n_rows()).sum();
        match self.rows_left.checked_sub(n_blocks * rows as u64) {
            Some(left) => self.rows_left = left,
            None => return false,
        }
        (0..n_blocks).all(|block| {
            let variables = sides.variables.iter().enumerate();
            let mut nodes: Vec<(u32, u64)> =
                variables.map(|(i, &variable)| (variable, rows_of(i, block))).collect();
            for &node in &sides.nodes {
                let word = self.word_of_node(node, &nodes);
                nodes.push((node, word));
            }
            let leaves = sides.leaves.iter();
            let mut positions: Vec<(usize, u64)> =
                leaves.map(|&(leaf, value)| (leaf, word(value, &nodes))).collect();
            for &inner in &sides.inner {
                let node = &self.wiring[inner];
                let operands = node.operands.iter().map(|&o| find(&positions, &(o as usize)));
                let operands: Vec<u64> = operands.collect();
                positions.push((inner, look_up(operands.len(), &operands, |row| node.at(row))));
            }
            find(&positions, &position) == word(goal, &nodes)
        })
    }

    fn word_of_node(&self, node: u32, nodes: &[(u32, u64)]) -> u64 {
        let form = &self.circuit.forms[node as usize];
        let words = form.operands().iter().map(|&operand| word(operand, nodes));
        match form {
            Form::Leaf => 0,
            Form::And(_) => words.fold(u64::MAX, |all, word| all & word),
            Form::Xor(_) => words.fold(0, |sum, word| sum ^ word),
            Form::Table(table, operands) => {
                let words: Vec<u64> = words.collect();
                look_up(operands.len(), &words, |row| table >> row & 1 == 1)
            }
        }
    }

    /// The node of one of the positions of a tree, if that is not too large.
    fn node(&mut self, position: usize, nodes_left: &mut usize) -> Option<&Node> {
        *nodes_left = nodes_left.checked_sub(1)?;
        let node = &self.wiring[position];
        self.rows_left = self.rows_left.checked_sub(node.n_rows() as u64)?;
        Some(node)
    }

    /// The literals that must all hold for `position` to be `phase`, sorted, if it is such a conjunction.
    fn conjuncts(
        &mut self,
        position: usize,
        phase: bool,
        mut nodes_left: usize,
    ) -> Option<Vec<Value>> {
        let (mut found, mut open) = (Vec::new(), vec![(position, phase)]);
        while let Some((position, phase)) = open.pop() {
            let node = self.node(position, &mut nodes_left)?;
            let mut rows = (0..node.n_rows()).filter(|&row| node.at(row) == phase);
            let (row, None) = (rows.next()?, rows.next()) else { return None };
            for (h, operand) in node.operands.clone().into_iter().enumerate() {
                let phase = row >> h & 1 == 1;
                match self.values[operand as usize] {
                    None => open.push((operand as usize, phase)),
                    Some(TRUE) if phase => {}
                    Some(FALSE) if !phase => {}
                    Some(TRUE | FALSE) => return None,
                    Some(value) => found.push(value ^ u32::from(!phase)),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// The roots whose parity `position` is, sorted, and whether it is the complement; if it is such a parity.
    fn summands(&mut self, position: usize, mut nodes_left: usize) -> Option<(Vec<Value>, bool)> {
        let (mut found, mut odd, mut open) = (Vec::new(), false, vec![position]);
        while let Some(position) = open.pop() {
            let node = self.node(position, &mut nodes_left)?;
            let first = node.at(0);
            let is_odd = |row: usize| first ^ (row.count_ones() % 2 == 1);
            if (0..node.n_rows()).any(|row| node.at(row) != is_odd(row)) {
                return None;
            }
            odd ^= first;
            for operand in node.operands.clone() {
                match self.values[operand as usize] {
                    None => open.push(operand as usize),
                    Some(value) => {
                        odd ^= value & 1 == 1;
                        found.extend((value < FALSE).then_some(value & !1));
                    }
                }
            }
        }
        found.sort_unstable();
        let groups = found.chunk_by(|a, b| a == b).filter(|group| group.len() % 2 == 1);
        Some((groups.map(|group| group[0]).collect(), odd))
    }
}

fn word(value: Value, nodes: &[(u32, u64)]) -> u64 {
    let complement = if value & 1 == 1 { u64::MAX } else { 0 };
    // The constants are none of the nodes, and FALSE is 0.
    complement ^ find(nodes, &(value / 2))
}
