//! Decomposition: a truth table of more than `k` operands as a small, shallow circuit of cells.
//!
//! Functions here are words of 64 rows over six variables, whether they depend on them or not. For a
//! function and the arrival levels of its variables the solver keeps the best of these forms, by least
//! depth, then least size:
//!
//! - one gate, where at most `k` variables matter;
//! - for three variables and `k = 2`, the optimum, from [`super::exact`];
//! - a gate over some variables and the function's cofactors by them, where that is at most `k` in all
//!   (for `k >= 3` this is Shannon's expansion, and disjoint decomposition);
//! - a tree of least depth of AND, OR or XOR over simpler functions: single variables split off, parts
//!   that each lack a variable, the two covers ([`super::cover`]), and Shannon's and Davio's expansions.
//!
//! The depth is never more than that of the function's cover as AND trees under an OR tree. Beyond
//! three variables it need not be the optimum.

use std::collections::HashMap;
use std::rc::Rc;

use super::cells::{CellLiteral, Cells, Operation};
use super::tree::root_level;
use super::{cover, exact};
use crate::circuit::TruthTable;

/// The most variables of a function.
pub const N: usize = TruthTable::MAX_INPUTS;

/// The projections on the variables.
pub const VARIABLE: [u64; N] = [
    0xAAAA_AAAA_AAAA_AAAA,
    0xCCCC_CCCC_CCCC_CCCC,
    0xF0F0_F0F0_F0F0_F0F0,
    0xFF00_FF00_FF00_FF00,
    0xFFFF_0000_FFFF_0000,
    0xFFFF_FFFF_0000_0000,
];

/// The level of every variable.
pub type Arrivals = [u8; N];

/// Expansions are tried for so many functions; later ones get the cheaper forms only, so that time
/// stays linear whatever a file holds.
const EXPANSIONS: usize = 100_000;

/// `f` with variable `v` fixed.
pub fn cofactor(f: u64, v: usize, value: bool) -> u64 {
    let shift = 1 << v;
    if value {
        let ones = f & VARIABLE[v];
        ones | ones >> shift
    } else {
        let zeros = f & !VARIABLE[v];
        zeros | zeros << shift
    }
}

/// The variables that `f` depends on.
pub fn support(f: u64) -> impl Iterator<Item = usize> {
    (0..N).filter(move |&v| cofactor(f, v, false) != cofactor(f, v, true))
}

/// How a function is computed.
#[derive(Debug, Clone)]
enum Form {
    Constant,
    Variable(usize),
    /// One gate over variables and functions; the function is constant where all of these are fixed.
    Gate {
        variables: Vec<usize>,
        parts: Vec<u64>,
    },
    /// The operation over the parts, complemented.
    Tree {
        operation: Operation,
        complemented: bool,
        parts: Vec<u64>,
    },
}

/// A form with its level and the number of its gates.
#[derive(Debug, Clone)]
struct Solution {
    level: u32,
    size: u32,
    form: Form,
}

/// Decomposes tables into gates of at most `k` operands.
#[derive(Debug)]
pub struct Decomposer {
    k: usize,
    /// Of functions that are 0 at row 0; the others are their complements.
    solutions: HashMap<(u64, Arrivals), Rc<Solution>>,
    expansions: usize,
}

impl Decomposer {
    pub fn new(k: usize) -> Self {
        Decomposer { k, solutions: HashMap::new(), expansions: 0 }
    }

    /// Adds cells that compute `table` of `operands`, for the circuit node of index `source`, and
    /// returns the one that does.
    pub fn build(
        &mut self,
        table: TruthTable,
        operands: &[CellLiteral],
        source: u32,
        cells: &mut Cells,
    ) -> CellLiteral {
        let levels: Vec<u32> = operands.iter().map(|o| cells.level(o.cell as usize)).collect();
        let arrivals = relative_arrivals(&levels);
        let f = spread(table);
        self.compare_covers(normal(f).0, &arrivals);
        let mut instance = Instance { operands, arrivals, source, cells, built: Vec::new() };
        instance.build(self, f)
    }

    /// Makes sure that the solution of `f`, 0 at row 0, is no deeper than its covers. The search
    /// leaves these out where variables split off, which is as good but for rare arrivals.
    fn compare_covers(&mut self, f: u64, arrivals: &Arrivals) {
        let mut best = Some(Solution::clone(&self.solve(f, arrivals)));
        let mut covers = Vec::new();
        push_covers(f, arrivals, &mut covers);
        for (operation, complemented, parts) in covers {
            keep_better(&mut best, self.tree(operation, complemented, parts, arrivals));
        }
        self.solutions.extend(best.map(|best| ((f, *arrivals), Rc::new(best))));
    }

    /// The best form found for a function that is 0 at row 0.
    fn solve(&mut self, f: u64, arrivals: &Arrivals) -> Rc<Solution> {
        debug_assert!(f & 1 == 0);
        if let Some(solution) = self.solutions.get(&(f, *arrivals)) {
            return Rc::clone(solution);
        }
        let solution = Rc::new(self.search(f, arrivals));
        self.solutions.insert((f, *arrivals), Rc::clone(&solution));
        solution
    }

    fn search(&mut self, f: u64, arrivals: &Arrivals) -> Solution {
        let variables: Vec<usize> = support(f).collect();
        let last = variables.iter().map(|&v| u32::from(arrivals[v])).max().unwrap_or(0);
        match variables[..] {
            [] => return Solution { level: 0, size: 0, form: Form::Constant },
            [v] => return Solution { level: last, size: 0, form: Form::Variable(v) },
            _ => {}
        }
        if variables.len() <= self.k {
            let form = Form::Gate { variables, parts: Vec::new() };
            return Solution { level: last + 1, size: 1, form };
        }
        if self.k == 2 && variables.len() <= exact::MOST {
            let (operation, complemented, parts) = exact::split(f, &variables, arrivals);
            return self.tree(operation, complemented, parts.to_vec(), arrivals);
        }
        let mut best = None;
        self.try_trees(f, &variables, arrivals, &mut best);
        if self.k > 2 {
            self.try_gates(f, &variables, arrivals, &mut best);
        }
        best.expect(
            "a function of two or more variables has a cover of two or more cubes or splits",
        )
    }

    fn try_trees(
        &mut self,
        f: u64,
        variables: &[usize],
        arrivals: &Arrivals,
        best: &mut Option<Solution>,
    ) {
        let mut splits = Vec::new();
        push_covers(f, arrivals, &mut splits);
        push_parts_without_a_variable(f, variables, &mut splits);
        let separable = push_single_variables(f, variables, &mut splits);
        if !separable && self.k == 2 && self.expansions < EXPANSIONS {
            self.expansions += 1;
            push_expansions(f, variables, &mut splits);
        }
        for (operation, complemented, parts) in splits {
            keep_better(best, self.tree(operation, complemented, parts, arrivals));
        }
    }

    /// Tries gates over some variables and the cofactors by them.
    fn try_gates(
        &mut self,
        f: u64,
        variables: &[usize],
        arrivals: &Arrivals,
        best: &mut Option<Solution>,
    ) {
        for chosen in 1..1usize << variables.len() {
            let chosen: Vec<usize> = (0..variables.len())
                .filter(|i| chosen >> i & 1 == 1)
                .map(|i| variables[i])
                .collect();
            if chosen.len() >= self.k {
                continue;
            }
            let parts = distinct_cofactors(f, &chosen);
            if chosen.len() + parts.len() <= self.k {
                keep_better(best, self.gate(chosen, parts, arrivals));
            }
        }
    }

    /// The solution that is a gate over variables and functions.
    fn gate(&mut self, variables: Vec<usize>, parts: Vec<u64>, arrivals: &Arrivals) -> Solution {
        let mut level = variables.iter().map(|&v| u32::from(arrivals[v])).max().unwrap_or(0);
        let mut size = 1;
        for &part in &parts {
            let solution = self.solve(normal(part).0, arrivals);
            level = level.max(solution.level);
            size += solution.size;
        }
        Solution { level: level + 1, size, form: Form::Gate { variables, parts } }
    }

    /// The solution that is a tree over `parts`, where a part that is itself a tree of the operation
    /// gives its own parts: one tree is never deeper than one inside another.
    fn tree(
        &mut self,
        operation: Operation,
        mut complemented: bool,
        parts: Vec<u64>,
        arrivals: &Arrivals,
    ) -> Solution {
        let mut flat = Vec::new();
        let mut leaves = Vec::new();
        let mut size = 0;
        for part in parts {
            let (f, flipped) = normal(part);
            let solution = self.solve(f, arrivals);
            match &solution.form {
                Form::Tree { operation: inner, complemented: c, parts }
                    if *inner == operation && (operation == Operation::Xor || *c == flipped) =>
                {
                    complemented ^= operation == Operation::Xor && *c != flipped;
                    for &part in parts {
                        let solution = self.solve(normal(part).0, arrivals);
                        leaves.push(solution.level);
                        size += solution.size;
                        flat.push(part);
                    }
                }
                _ => {
                    leaves.push(solution.level);
                    size += solution.size;
                    flat.push(part);
                }
            }
        }
        let level = root_level(&leaves, self.k);
        size += (leaves.len() - 1).div_ceil(self.k - 1) as u32;
        Solution { level, size, form: Form::Tree { operation, complemented, parts: flat } }
    }
}

fn keep_better(best: &mut Option<Solution>, candidate: Solution) {
    let better = best
        .as_ref()
        .is_none_or(|best| (candidate.level, candidate.size) < (best.level, best.size));
    if better {
        *best = Some(candidate);
    }
}

/// `f` or its complement, whichever is 0 at row 0, and whether it is the complement.
fn normal(f: u64) -> (u64, bool) {
    if f & 1 == 1 { (!f, true) } else { (f, false) }
}

/// A table as a function of six variables that ignores the last.
fn spread(table: TruthTable) -> u64 {
    let n = table.n_inputs();
    (n..N).fold(table.bits(), |bits, v| bits | bits << (1u32 << v))
}

/// How many levels after its last variable a function of the first variables can be due: later gaps
/// between arrivals are all the same to the solver. Entry `j` is for `j` variables.
const SETTLED: [u32; N] = [0, 0, 1, 3, 5, 7];

/// The order and the gaps of the levels, without differences that do not matter.
fn relative_arrivals(levels: &[u32]) -> Arrivals {
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by_key(|&v| levels[v]);
    let mut arrivals = [0; N];
    for (j, pair) in order.windows(2).enumerate() {
        let gap = (levels[pair[1]] - levels[pair[0]]).min(SETTLED[j + 1]);
        arrivals[pair[1]] = arrivals[pair[0]] + gap as u8;
    }
    arrivals
}

/// An operation, whether its result is complemented, and the functions it is over.
type Split = (Operation, bool, Vec<u64>);

/// The sum of products and the product of sums.
fn push_covers(f: u64, arrivals: &Arrivals, splits: &mut Vec<Split>) {
    for complemented in [true, false] {
        let target = if complemented { f } else { !f };
        let cubes = cover::cubes(target, arrivals);
        if cubes.len() > 1 {
            let terms = cubes.into_iter().map(|cube| !cube).collect();
            splits.push((Operation::And, complemented, terms));
        }
    }
}

/// `f = x ∘ g` for all variables `x` at once; says whether there is one.
fn push_single_variables(f: u64, variables: &[usize], splits: &mut Vec<Split>) -> bool {
    let before = splits.len();
    for complemented in [false, true] {
        let mut rest = if complemented { !f } else { f };
        let mut parts = Vec::new();
        for &v in variables {
            if cofactor(rest, v, false) == 0 {
                parts.push(VARIABLE[v]);
                rest = cofactor(rest, v, true);
            } else if cofactor(rest, v, true) == 0 {
                parts.push(!VARIABLE[v]);
                rest = cofactor(rest, v, false);
            }
        }
        push_rest(Operation::And, complemented, parts, rest, splits);
    }
    let mut rest = f;
    let mut parts = Vec::new();
    for &v in variables {
        if cofactor(rest, v, false) == !cofactor(rest, v, true) {
            parts.push(VARIABLE[v]);
            rest = cofactor(rest, v, false);
        }
    }
    push_rest(Operation::Xor, false, parts, rest, splits);
    splits.len() > before
}

/// The split into variables and a rest, which is left out where it is the operation's neutral element.
fn push_rest(
    operation: Operation,
    complemented: bool,
    mut parts: Vec<u64>,
    rest: u64,
    splits: &mut Vec<Split>,
) {
    if parts.is_empty() {
        return;
    }
    let flip = operation == Operation::Xor && rest == u64::MAX;
    if rest != 0 && rest != u64::MAX {
        parts.push(rest);
    }
    splits.push((operation, complemented ^ flip, parts));
}

/// `f = g ∘ h` where `g` lacks a variable and `h` another.
fn push_parts_without_a_variable(f: u64, variables: &[usize], splits: &mut Vec<Split>) {
    for (i, &a) in variables.iter().enumerate() {
        for &b in &variables[..i] {
            for complemented in [false, true] {
                let f = if complemented { !f } else { f };
                // The least functions above f that lack a, and b.
                let g = cofactor(f, a, false) | cofactor(f, a, true);
                let h = cofactor(f, b, false) | cofactor(f, b, true);
                if g & h == f {
                    splits.push((Operation::And, complemented, vec![g, h]));
                }
            }
            let g = cofactor(f, a, false);
            let h = cofactor(f ^ g, b, false);
            if g ^ h == f {
                splits.push((Operation::Xor, false, vec![g, h]));
            }
        }
    }
}

/// Shannon's expansion, as OR of ANDs and as AND of ORs, and Davio's two, by each variable.
fn push_expansions(f: u64, variables: &[usize], splits: &mut Vec<Split>) {
    for &v in variables {
        let x = VARIABLE[v];
        let (f0, f1) = (cofactor(f, v, false), cofactor(f, v, true));
        splits.push((Operation::And, true, vec![!(!x & f0), !(x & f1)]));
        splits.push((Operation::And, false, vec![x | f0, !x | f1]));
        splits.push((Operation::Xor, false, vec![f0, x & (f0 ^ f1)]));
        splits.push((Operation::Xor, false, vec![f1, !x & (f0 ^ f1)]));
    }
}

/// The cofactors of `f` by all assignments of the variables, without constants, and of a function and
/// its complement one.
fn distinct_cofactors(f: u64, variables: &[usize]) -> Vec<u64> {
    let mut parts = vec![f];
    for &v in variables {
        parts = parts.iter().flat_map(|&g| [cofactor(g, v, false), cofactor(g, v, true)]).collect();
    }
    parts.iter_mut().for_each(|part| *part = normal(*part).0);
    parts.retain(|&part| part != 0);
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// One table on its way into cells.
struct Instance<'a> {
    operands: &'a [CellLiteral],
    arrivals: Arrivals,
    source: u32,
    cells: &'a mut Cells,
    /// The functions built so far, each 0 at row 0; a function needed twice is built once.
    built: Vec<(u64, CellLiteral)>,
}

impl Instance<'_> {
    /// The literal of the cell that computes `f`, which is not constant.
    fn build(&mut self, decomposer: &mut Decomposer, f: u64) -> CellLiteral {
        let (f, flipped) = normal(f);
        if let Some((_, literal)) = self.built.iter().find(|(g, _)| *g == f) {
            return literal.flip_if(flipped);
        }
        let solution = decomposer.solve(f, &self.arrivals);
        let literal = match &solution.form {
            Form::Constant => unreachable!("parts depend on a variable, so does the table"),
            Form::Variable(v) => self.operands[*v],
            Form::Gate { variables, parts } => self.build_gate(decomposer, f, variables, parts),
            Form::Tree { operation, complemented, parts } => {
                let operands: Vec<_> = parts.iter().map(|&g| self.build(decomposer, g)).collect();
                self.cells.add_tree(*operation, &operands, self.source).flip_if(*complemented)
            }
        };
        self.built.push((f, literal));
        literal.flip_if(flipped)
    }

    fn build_gate(
        &mut self,
        decomposer: &mut Decomposer,
        f: u64,
        variables: &[usize],
        parts: &[u64],
    ) -> CellLiteral {
        let mut functions: Vec<u64> = variables.iter().map(|&v| VARIABLE[v]).collect();
        let mut operands: Vec<_> = variables.iter().map(|&v| self.operands[v]).collect();
        for &part in parts {
            functions.push(part);
            operands.push(self.build(decomposer, part));
        }
        self.cells.add(&operands, table_over(f, &functions), self.source)
    }
}

/// The table of `f` over functions that determine it; rows that no assignment gives are 0.
fn table_over(f: u64, functions: &[u64]) -> TruthTable {
    TruthTable::from_fn(functions.len(), |bits| {
        let literal = |(g, &bit): (&u64, &bool)| if bit { *g } else { !g };
        let rows = functions.iter().zip(bits).map(literal).fold(u64::MAX, |all, g| all & g);
        f & rows != 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn census_of_four() {
        for k in 2..=3 {
            let mut decomposer = Decomposer::new(k);
            let mut census = [0; 8];
            let mut size = 0;
            for bits in 0..1u64 << 15 {
                let f = spread(TruthTable::new(4, bits << 1).unwrap());
                let s = decomposer.solve(f, &[0; N]);
                census[s.level as usize] += 2;
                size += s.size;
            }
            println!(
                "{k} {census:?} size {} expansions {}",
                size as f64 / 32768.,
                decomposer.expansions
            );
        }
        for n in 5..=6 {
            for k in 2..=5 {
                let mut decomposer = Decomposer::new(k);
                let mut census = [0; 12];
                let mut size = 0;
                let start = std::time::Instant::now();
                let mut f = 0x9E37_79B9_7F4A_7C15u64;
                for _ in 0..100 {
                    f ^= f << 13;
                    f ^= f >> 7;
                    f ^= f << 17;
                    let f = spread(TruthTable::new(n, f).unwrap());
                    let s = decomposer.solve(normal(f).0, &[0; N]);
                    census[s.level as usize] += 1;
                    size += s.size;
                }
                println!(
                    "n {n} k {k} {census:?} size {} expansions {} {:?}",
                    size as f64 / 100.,
                    decomposer.expansions,
                    start.elapsed()
                );
            }
        }
    }
}
