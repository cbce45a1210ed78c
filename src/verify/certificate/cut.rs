//! The network is the circuit: checked node by node, where the claim says to look.
//!
//! The claim gives, for some positions, the literal of the circuit that they compute. Such a position is
//! expanded down to claimed positions and inputs, its leaves, and the circuit's node down to the nodes of the
//! same leaves; both must be the same function of the leaves' values. By induction over the levels (C10)
//! every claimed position the outputs depend on then has the value of its literal: the leaves have, being on
//! lower levels. What the claim says is a hypothesis throughout; a wrong one fails a check.
//!
//! Functions of up to twelve leaves are compared row by row, wider ones as sets of literals under AND or
//! XOR. If layers differ, a claimed position must pass in each of them, and a position without a claim
//! must compute the same in all, as the state its reader finds may come from any layer.

use super::fold::{Folded, Function, Value};
use super::wiring::{Cone, Node, Wiring};
use super::{Checked, Failure};
use crate::circuit::{Circuit, Literal, NodeId};
use crate::claim::Claim;
use crate::model::Model;

/// The most leaves for which all rows are compared.
const MAX_LEAVES: usize = 12;
/// The most nodes on either side of a comparison, the leaves not counted; a table of six operands takes
/// some dozens of two.
const MAX_INNER: usize = 1 << 9;
/// The most table rows that are looked at in all.
const MAX_WORK: u64 = 1 << 34;

/// For all positions of the cone, what the claim, the ports and the circuit make of it.
pub struct Claims {
    /// The value of every position that is claimed or an input.
    values: Vec<Option<Value>>,
    is_input: Vec<bool>,
    /// The claim as the file has it.
    origin: Vec<Option<Literal>>,
}

impl Claims {
    /// The claim of the model's file, in terms of roots. Inputs are what the ports say.
    pub fn new(model: &Model, circuit: &Circuit, folded: &Folded) -> Checked<Self> {
        let n = model.n_ctx();
        let claim = Claim::from_vectors(&model.claim, circuit)
            .map_err(|error| Failure::new("C10", format!("no usable claim: {error}")))?;
        if claim.origin.len() != n {
            let place =
                format!("no usable claim: {} entries for {n} positions", claim.origin.len());
            return Err(Failure::new("C10", place));
        }
        let value = |literal: &Option<Literal>| literal.map(|literal| folded.value(literal));
        let mut values: Vec<Option<Value>> = claim.origin.iter().map(value).collect();
        let mut is_input = vec![false; n];
        for (&position, input) in model.input_positions.iter().zip(circuit.inputs()) {
            values[position] = Some(folded.value(input.literal()));
            is_input[position] = true;
        }
        Ok(Claims { values, is_input, origin: claim.origin })
    }
}

/// Checks every claimed position of the cone in every wiring, and the outputs; the number of positions that were
/// checked, and what is claimed of each.
pub fn require_equal(
    model: &Model,
    circuit: &Circuit,
    wirings: &[Wiring],
    cone: &Cone,
) -> Checked<(usize, Vec<Option<Literal>>)> {
    let folded = Folded::new(circuit);
    let claims = Claims::new(model, circuit, &folded)?;
    require_agreement(wirings, cone, &claims)?;
    let mut n_checked = 0;
    for (w, wiring) in wirings.iter().enumerate() {
        let mut checker = Checker::new(wiring, &folded, &claims, circuit.n_nodes());
        for &position in &cone.positions {
            let position = position as usize;
            // Shown in the first layer: below it, what has no claim is equal in all layers (`require_agreement`).
            let known = w > 0 && wiring.node(position) == wirings[0].node(position);
            if let Some(goal) = claims.values[position]
                && !claims.is_input[position]
                && !known
            {
                checker.check(position, goal)?;
                n_checked += 1;
            }
        }
        for (output, &position) in circuit.outputs().iter().zip(&model.output_positions) {
            let goal = folded.value(output.literal);
            if claims.values[position] != Some(goal) {
                checker.check(position, goal)?;
                n_checked += 1;
            }
        }
    }
    Ok((n_checked, claims.origin))
}

/// Positions without a claim compute the same in all layers.
fn require_agreement(wirings: &[Wiring], cone: &Cone, claims: &Claims) -> Checked<()> {
    for &position in &cone.positions {
        let position = position as usize;
        let differs = |wiring: &Wiring| wiring.node(position) != wirings[0].node(position);
        if claims.values[position].is_none() && wirings.iter().any(differs) {
            let place = format!("position {position} has no claim and differs between layers");
            return Err(Failure::new("C10", place));
        }
    }
    Ok(())
}

/// Compares positions of one wiring with nodes of the circuit.
struct Checker<'a> {
    wiring: &'a Wiring,
    folded: &'a Folded,
    claims: &'a Claims,
    /// The value in the current rows and the number of the check it was set in, by position and by root.
    positions: Slots,
    roots: Slots,
    /// Rows under construction in [`look_up`].
    rows: Vec<u64>,
    /// Of [`MAX_WORK`].
    budget: u64,
}

/// A word per index, forgotten at the next check.
struct Slots {
    words: Vec<u64>,
    checks: Vec<u32>,
    check: u32,
}

impl Slots {
    fn new(n: usize) -> Self {
        Slots { words: vec![0; n], checks: vec![0; n], check: 0 }
    }

    /// Forgets all words.
    fn clear(&mut self) {
        if self.check == u32::MAX {
            self.checks.fill(0);
            self.check = 0;
        }
        self.check += 1;
    }

    fn contains(&self, index: usize) -> bool {
        self.checks[index] == self.check
    }

    fn set(&mut self, index: usize, word: u64) {
        self.words[index] = word;
        self.checks[index] = self.check;
    }
}

/// The two sides of a comparison: what to evaluate, in order, over which variables.
#[derive(Default)]
struct Sides {
    /// Claimed positions and inputs that the position reads, with their values.
    leaves: Vec<(usize, Value)>,
    /// The position and the unclaimed ones below it, operands first.
    inner: Vec<usize>,
    /// Roots whose values are free.
    variables: Vec<NodeId>,
    /// Roots that are functions of others, operands first.
    nodes: Vec<NodeId>,
}

impl Sides {
    /// None if a comparison by rows would take too long.
    fn require_small(&self) -> Option<()> {
        let n_leaves = self.leaves.len().max(self.variables.len());
        let n_inner = self.inner.len().max(self.nodes.len());
        (n_leaves <= MAX_LEAVES && n_inner <= MAX_INNER).then_some(())
    }
}

impl<'a> Checker<'a> {
    fn new(wiring: &'a Wiring, folded: &'a Folded, claims: &'a Claims, n_nodes: usize) -> Self {
        let positions = Slots::new(claims.values.len());
        let (roots, rows) = (Slots::new(n_nodes), Vec::new());
        Checker { wiring, folded, claims, positions, roots, rows, budget: MAX_WORK }
    }

    /// Checks that `position` computes `goal` if its leaves compute what they are claimed to.
    fn check(&mut self, position: usize, goal: Value) -> Checked<()> {
        let equal = match self.sides(position, goal) {
            Some(sides) => self.compare(&sides, position, goal),
            None => self.compare_wide(position, goal),
        };
        if equal {
            Ok(())
        } else {
            Err(Failure::new(
                "C10",
                format!("position {position} is not shown to compute {}", describe(goal)),
            ))
        }
    }

    /// The sides of a comparison by rows; none if it would have too many leaves or inner nodes.
    fn sides(&mut self, position: usize, goal: Value) -> Option<Sides> {
        let mut sides = Sides::default();
        self.expand_position(position, &mut sides)?;
        self.roots.clear();
        for &(_, value) in &sides.leaves {
            if let Value::Root(literal) = value
                && !self.roots.contains(literal.node.index())
            {
                self.roots.set(literal.node.index(), 0);
                sides.variables.push(literal.node);
            }
        }
        if let Value::Root(literal) = goal {
            self.expand_root(literal.node, &mut sides)?;
        }
        Some(sides)
    }

    /// Finds the leaves of a position, and the positions between it and them.
    fn expand_position(&mut self, position: usize, sides: &mut Sides) -> Option<()> {
        self.positions.clear();
        let mut stack = vec![position];
        while let Some(&top) = stack.last() {
            if self.positions.contains(top) {
                stack.pop();
                continue;
            }
            // The claim of `position` itself is what is to be shown, so it is looked into.
            let is_leaf = top != position || self.claims.is_input[top];
            match self.claims.values[top].filter(|_| is_leaf) {
                Some(value) => sides.leaves.push((top, value)),
                None => {
                    let before = stack.len();
                    let operands = self.wiring.node(top).operands.iter().map(|&o| o as usize);
                    stack.extend(operands.filter(|&operand| !self.positions.contains(operand)));
                    if stack.len() > MAX_INNER {
                        return None;
                    }
                    if stack.len() > before {
                        continue;
                    }
                    sides.inner.push(top);
                }
            }
            self.positions.set(top, 0);
            stack.pop();
            sides.require_small()?;
        }
        Some(())
    }

    /// Finds the roots between `root` and the variables. An input that is no variable becomes one.
    fn expand_root(&mut self, root: NodeId, sides: &mut Sides) -> Option<()> {
        let mut stack = vec![root];
        while let Some(&top) = stack.last() {
            if self.roots.contains(top.index()) {
                stack.pop();
                continue;
            }
            match self.folded.function(top).operands() {
                [] => sides.variables.push(top),
                operands => {
                    let before = stack.len();
                    let nodes = operands.iter().map(|operand| operand.node);
                    stack.extend(nodes.filter(|node| !self.roots.contains(node.index())));
                    if stack.len() > MAX_INNER {
                        return None;
                    }
                    if stack.len() > before {
                        continue;
                    }
                    sides.nodes.push(top);
                }
            }
            self.roots.set(top.index(), 0);
            stack.pop();
            sides.require_small()?;
        }
        Some(())
    }

    /// Whether the two sides agree on all rows, 64 at a time.
    fn compare(&mut self, sides: &Sides, position: usize, goal: Value) -> bool {
        let n_blocks = 1u64 << sides.variables.len().saturating_sub(6);
        let rows = sides.inner.iter().map(|&inner| 1 << self.wiring.node(inner).operands.len());
        // Paid before it is begun, so that a hostile claim cannot buy more than the budget.
        let within_budget = self.spend(n_blocks * rows.sum::<u64>()).is_some();
        within_budget
            && (0..n_blocks).all(|block| {
                for (i, variable) in sides.variables.iter().enumerate() {
                    self.roots.set(variable.index(), rows_of_variable(i, block));
                }
                for &node in &sides.nodes {
                    let word = self.evaluate_root(node);
                    self.roots.set(node.index(), word);
                }
                for &(leaf, value) in &sides.leaves {
                    let word = self.word(value);
                    self.positions.set(leaf, word);
                }
                for &inner in &sides.inner {
                    let word = self.evaluate_position(inner);
                    self.positions.set(inner, word);
                }
                self.positions.words[position] == self.word(goal)
            })
    }

    /// None if the work would be too much.
    fn spend(&mut self, n_rows: u64) -> Option<()> {
        self.budget = self.budget.checked_sub(n_rows)?;
        Some(())
    }

    /// The word of a value whose root has one.
    fn word(&self, value: Value) -> u64 {
        match value {
            Value::Constant(value) => mask(value),
            Value::Root(literal) => {
                self.roots.words[literal.node.index()] ^ mask(literal.complemented)
            }
        }
    }

    fn evaluate_root(&mut self, node: NodeId) -> u64 {
        let roots = &self.roots;
        let word = |l: &Literal| roots.words[l.node.index()] ^ mask(l.complemented);
        match self.folded.function(node) {
            Function::Input => roots.words[node.index()],
            Function::And(operands) => operands.iter().map(word).fold(u64::MAX, |all, x| all & x),
            Function::Xor(operands) => operands.iter().map(word).fold(0, |parity, x| parity ^ x),
            Function::Table(table, operands) => {
                look_up(&[table.bits()], operands.iter().map(word), &mut self.rows)
            }
        }
    }

    fn evaluate_position(&mut self, position: usize) -> u64 {
        let node = self.wiring.node(position);
        let words = node.operands.iter().map(|&operand| self.positions.words[operand as usize]);
        look_up(node.table, words, &mut self.rows)
    }

    /// Whether the position is the AND or XOR that `goal` is, by the sets of their literals.
    fn compare_wide(&mut self, position: usize, goal: Value) -> bool {
        let Value::Root(goal) = goal else { return false };
        match self.folded.function(goal.node) {
            Function::And(literals) => {
                let found = self.conjuncts(position, !goal.complemented, literals.len());
                found.is_some_and(|found| found == literals)
            }
            Function::Xor(literals) => {
                let found = self.parity(position, literals.len());
                found.is_some_and(|(found, odd)| found == literals && odd == goal.complemented)
            }
            Function::Input | Function::Table(..) => false,
        }
    }

    /// The literals whose conjunction says that `position` has the value `phase`, sorted; none if it is
    /// not seen to be a conjunction, or one of far more than `n` literals.
    fn conjuncts(&mut self, position: usize, phase: bool, n: usize) -> Option<Vec<Literal>> {
        let mut literals = Vec::new();
        let mut budget = wide_budget(n);
        let mut stack = vec![(position, phase)];
        while let Some((inner, phase)) = stack.pop() {
            budget = budget.checked_sub(1)?;
            let node = self.wiring.node(inner);
            self.spend(1 << node.operands.len())?;
            let row = only_row(node, phase)?;
            for (h, &operand) in node.operands.iter().enumerate() {
                let phase = row >> h & 1 == 1;
                match self.claims.values[operand as usize] {
                    None => stack.push((operand as usize, phase)),
                    Some(Value::Constant(value)) if value == phase => {}
                    Some(Value::Constant(_)) => return None,
                    Some(Value::Root(literal)) => literals.push(literal.flip_if(!phase)),
                }
            }
        }
        literals.sort_unstable();
        literals.dedup();
        Some(literals)
    }

    /// The roots whose parity the position is, sorted, and whether it is complemented; none if it is not
    /// seen to be a parity, or one of far more than `n` roots.
    fn parity(&mut self, position: usize, n: usize) -> Option<(Vec<Literal>, bool)> {
        let (mut roots, mut odd) = (Vec::new(), false);
        let mut budget = wide_budget(n);
        let mut stack = vec![position];
        while let Some(inner) = stack.pop() {
            budget = budget.checked_sub(1)?;
            let node = self.wiring.node(inner);
            self.spend(1 << node.operands.len())?;
            odd ^= parity_of(node)?;
            for &operand in node.operands {
                match self.claims.values[operand as usize] {
                    None => stack.push(operand as usize),
                    Some(Value::Constant(value)) => odd ^= value,
                    Some(Value::Root(literal)) => {
                        odd ^= literal.complemented;
                        roots.push(literal.node.literal());
                    }
                }
            }
        }
        roots.sort_unstable();
        let groups = roots.chunk_by(|a, b| a == b);
        Some((groups.filter(|group| group.len() % 2 == 1).map(|group| group[0]).collect(), odd))
    }
}

/// How many inner nodes a tree over `n` literals may have here: with two operands each `n - 1`, and some
/// more for copies and inverters.
fn wide_budget(n: usize) -> usize {
    4 * n + 16
}

/// The only row in which the node has the value `phase`, if there is just one.
fn only_row(node: Node, phase: bool) -> Option<usize> {
    // With two rows it would be a disjunction, which says nothing of single literals.
    let mut rows = (0..1usize << node.operands.len()).filter(|&row| node.at(row) == phase);
    let row = rows.next()?;
    rows.next().is_none().then_some(row)
}

/// Whether the node is the parity of its operands (false) or its complement (true); none if neither.
fn parity_of(node: Node) -> Option<bool> {
    let odd = node.at(0);
    let agrees = |row: usize| node.at(row) == (odd ^ (row.count_ones() % 2 == 1));
    (0..1usize << node.operands.len()).all(agrees).then_some(odd)
}

/// A table applied to words of operands: muxes from the last operand to the first.
fn look_up(
    table: &[u64],
    operands: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator,
    rows: &mut Vec<u64>,
) -> u64 {
    rows.clear();
    let n_rows = 1usize << operands.len();
    rows.extend((0..n_rows).map(|row| mask(table[row / 64] >> (row % 64) & 1 == 1)));
    for operand in operands.rev() {
        let half = rows.len() / 2;
        for row in 0..half {
            rows[row] = rows[row] & !operand | rows[row + half] & operand;
        }
        rows.truncate(half);
    }
    rows[0]
}

/// Rows `64 block ..` of the variable `i` in the table of all assignments.
fn rows_of_variable(i: usize, block: u64) -> u64 {
    const WITHIN: [u64; 6] = [
        0xAAAA_AAAA_AAAA_AAAA,
        0xCCCC_CCCC_CCCC_CCCC,
        0xF0F0_F0F0_F0F0_F0F0,
        0xFF00_FF00_FF00_FF00,
        0xFFFF_0000_FFFF_0000,
        0xFFFF_FFFF_0000_0000,
    ];
    match WITHIN.get(i) {
        Some(&word) => word,
        None => mask(block >> (i - 6) & 1 == 1),
    }
}

fn mask(bit: bool) -> u64 {
    if bit { u64::MAX } else { 0 }
}

fn describe(value: Value) -> String {
    match value {
        Value::Constant(value) => format!("the constant {}", u8::from(value)),
        Value::Root(Literal { node, complemented }) => {
            let not = if complemented { "the complement of " } else { "" };
            format!("{not}node {} of the circuit", node.index())
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn looking_up_words_is_looking_up_each_of_their_bits() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for n in 0..=8usize {
            let table: Vec<u64> = (0..4).map(|_| rng.random()).collect();
            let operands: Vec<u64> = (0..n).map(|_| rng.random()).collect();
            let word = look_up(&table, operands.iter().copied(), &mut Vec::new());
            for bit in 0..64 {
                let row: usize =
                    operands.iter().enumerate().map(|(h, x)| ((x >> bit & 1) as usize) << h).sum();
                assert_eq!(word >> bit & 1, table[row / 64] >> (row % 64) & 1);
            }
        }
    }

    #[test]
    fn the_rows_of_twelve_variables_are_all_assignments() {
        let mut seen = vec![false; 1 << MAX_LEAVES];
        for block in 0..1u64 << (MAX_LEAVES - 6) {
            for bit in 0..64 {
                let value = |i| (rows_of_variable(i, block) >> bit & 1) as usize;
                seen[(0..MAX_LEAVES).map(|i| value(i) << i).sum::<usize>()] = true;
            }
        }
        assert!(seen.into_iter().all(|seen| seen));
    }
}
