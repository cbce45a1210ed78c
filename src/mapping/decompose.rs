//! Decomposition: a truth table of more than `k` operands as a small, shallow circuit of cells.
//!
//! Functions here are words of 64 rows over six variables, whether they depend on them or not. For a
//! function and the arrival levels of its variables the solver keeps the best of these forms, by least
//! depth, then least size:
//!
//! - one gate, where at most `k` variables matter;
//! - for three and four variables and `k = 2`, the optimum, from [`super::exact`];
//! - a gate over some variables and the function's cofactors by them, where that is at most `k` in all
//!   (for `k >= 3` this is Shannon's expansion, and disjoint decomposition);
//! - a tree of least depth of AND, OR or XOR over simpler functions: single variables split off, parts
//!   that each lack a variable, the two covers ([`super::cover`]), and Shannon's and Davio's expansions.
//!
//! The depth is never more than that of the covers found, as AND trees under an OR tree. Beyond four
//! variables it need not be the optimum.

use std::collections::HashMap;
use std::rc::Rc;

use super::cells::{CellLiteral, Cells, Operation};
use super::tree::root_level;
use super::{cover, exact};
use crate::batch::COUNTING;
use crate::circuit::TruthTable;

/// The most variables of a function.
pub const N: usize = TruthTable::MAX_INPUTS;

/// The projections on the variables.
pub const VARIABLE: [u64; N] = COUNTING;

/// The level of every variable.
pub type Arrivals = [u8; N];

/// So many functions are searched in every way; later ones get the cheap forms only. That is some seconds
/// of work, and time stays linear whatever a file holds.
const FULL_SEARCHES: usize = 250_000;

/// So many solutions are remembered; a table that starts with more forgets them.
const MOST_SOLUTIONS: usize = 1 << 18;

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
    searches: usize,
}

impl Decomposer {
    pub fn new(k: usize) -> Self {
        Decomposer { k, solutions: HashMap::new(), searches: 0 }
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
        if self.solutions.len() > MOST_SOLUTIONS {
            self.solutions.clear();
        }
        let levels: Vec<u32> = operands.iter().map(|o| cells.level(o.cell as usize)).collect();
        let arrivals = relative_arrivals(&levels);
        let f = spread(table);
        let mut instance = Instance { operands, arrivals, source, cells, built: Vec::new() };
        instance.build(self, f)
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
        let target = Target { f, variables: &variables, arrivals };
        // Some path from every variable ends in the root, so no circuit is shallower than this.
        let levels: Vec<u32> = variables.iter().map(|&v| u32::from(arrivals[v])).collect();
        let bound = root_level(&levels, self.k);
        let mut best = None;
        for ways in self.ways() {
            for (operation, complemented, parts) in ways(&target) {
                keep_better(&mut best, self.tree(operation, complemented, parts, arrivals));
            }
            if let Some(best) = best.take_if(|best| best.level == bound) {
                return best;
            }
        }
        if self.k > 2 {
            self.try_gates(&target, &mut best);
        }
        best.expect("a function from which no variable splits off has covers of two cubes or more")
    }

    /// The ways to make trees that are worth their time, the most promising first. Gates of three
    /// operands contain the expansions.
    fn ways(&mut self) -> &'static [fn(&Target) -> Vec<Split>] {
        self.searches += 1;
        let ways: &[fn(&Target) -> Vec<Split>] =
            &[single_variables, covers, parts_without_a_variable, expansions];
        match (self.searches > FULL_SEARCHES, self.k) {
            (true, _) => &ways[..2],
            (false, 2) => ways,
            (false, _) => &ways[..3],
        }
    }

    /// Tries gates over some variables and the cofactors by them.
    fn try_gates(&mut self, target: &Target, best: &mut Option<Solution>) {
        for set in 1..1usize << target.variables.len() {
            let chosen = target.variables.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1);
            let chosen: Vec<usize> = chosen.map(|(_, &v)| v).collect();
            if chosen.len() >= self.k {
                continue;
            }
            let parts = distinct_cofactors(target.f, &chosen);
            if chosen.len() + parts.len() <= self.k {
                keep_better(best, self.gate(chosen, parts, target.arrivals));
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

    /// The solution that is a tree over `parts`.
    fn tree(
        &mut self,
        operation: Operation,
        mut complemented: bool,
        parts: Vec<u64>,
        arrivals: &Arrivals,
    ) -> Solution {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            complemented ^= self.flatten(operation, part, arrivals, &mut flat);
        }
        let solutions = flat.iter().map(|&part| self.solve(normal(part).0, arrivals));
        let (levels, sizes): (Vec<u32>, Vec<u32>) =
            solutions.map(|solution| (solution.level, solution.size)).unzip();
        let joins = (flat.len() - 1).div_ceil(self.k - 1) as u32;
        Solution {
            level: root_level(&levels, self.k),
            size: joins + sizes.iter().sum::<u32>(),
            form: Form::Tree { operation, complemented, parts: flat },
        }
    }

    /// Pushes `part`, or its own parts if it is itself a tree of the operation, since one tree is never
    /// deeper than one inside another. Says whether that complements the result.
    fn flatten(
        &mut self,
        operation: Operation,
        part: u64,
        arrivals: &Arrivals,
        flat: &mut Vec<u64>,
    ) -> bool {
        let (f, flipped) = normal(part);
        match &self.solve(f, arrivals).form {
            Form::Tree { operation: inner, complemented, parts }
                if *inner == operation
                    && (operation == Operation::Xor || *complemented == flipped) =>
            {
                flat.extend(parts);
                // The part is the inner tree, complemented where the two differ; for AND they agree.
                *complemented != flipped
            }
            _ => {
                flat.push(part);
                false
            }
        }
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

/// A function of two or more variables to be split, those variables, and when they arrive.
struct Target<'a> {
    f: u64,
    variables: &'a [usize],
    arrivals: &'a Arrivals,
}

/// All variables that split off, `f = x ∘ g`, at once.
fn single_variables(target: &Target) -> Vec<Split> {
    let mut splits = Vec::new();
    for (operation, complemented) in
        [(Operation::And, false), (Operation::And, true), (Operation::Xor, false)]
    {
        let mut rest = if complemented { !target.f } else { target.f };
        let mut parts = Vec::new();
        for &v in target.variables {
            if let Some((literal, cofactor)) = split_off(operation, rest, v) {
                parts.push(literal);
                rest = cofactor;
            }
        }
        if parts.is_empty() {
            continue;
        }
        // A rest of 1 is neutral to AND, to XOR a complement.
        let flip = operation == Operation::Xor && rest == u64::MAX;
        if rest != 0 && rest != u64::MAX {
            parts.push(rest);
        }
        splits.push((operation, complemented ^ flip, parts));
    }
    splits
}

/// The literal of `v` and the function without `v` that give `f` by the operation, if there are such.
fn split_off(operation: Operation, f: u64, v: usize) -> Option<(u64, u64)> {
    let (f0, f1) = (cofactor(f, v, false), cofactor(f, v, true));
    match operation {
        Operation::And if f0 == 0 => Some((VARIABLE[v], f1)),
        Operation::And if f1 == 0 => Some((!VARIABLE[v], f0)),
        Operation::Xor if f0 == !f1 => Some((VARIABLE[v], f0)),
        _ => None,
    }
}

/// The sum of products and the product of sums.
fn covers(target: &Target) -> Vec<Split> {
    let cover = |complemented: bool| {
        let cubes = cover::cubes(if complemented { target.f } else { !target.f }, target.arrivals);
        let terms: Vec<u64> = cubes.into_iter().map(|cube| !cube).collect();
        (terms.len() > 1).then_some((Operation::And, complemented, terms))
    };
    [true, false].into_iter().filter_map(cover).collect()
}

/// `f = g ∘ h` where `g` lacks a variable and `h` another.
fn parts_without_a_variable(target: &Target) -> Vec<Split> {
    let mut splits = Vec::new();
    for (i, &a) in target.variables.iter().enumerate() {
        for &b in &target.variables[..i] {
            for complemented in [false, true] {
                let f = if complemented { !target.f } else { target.f };
                // The least functions above f that lack a, and b.
                let g = cofactor(f, a, false) | cofactor(f, a, true);
                let h = cofactor(f, b, false) | cofactor(f, b, true);
                if g & h == f {
                    splits.push((Operation::And, complemented, vec![g, h]));
                }
            }
            let g = cofactor(target.f, a, false);
            let h = cofactor(target.f ^ g, b, false);
            if g ^ h == target.f {
                splits.push((Operation::Xor, false, vec![g, h]));
            }
        }
    }
    splits
}

/// Shannon's expansion, as OR of ANDs and as AND of ORs, and Davio's two, by each variable; none where
/// a variable splits off.
fn expansions(target: &Target) -> Vec<Split> {
    if !single_variables(target).is_empty() {
        return Vec::new();
    }
    let by = |&v: &usize| {
        let x = VARIABLE[v];
        let (f0, f1) = (cofactor(target.f, v, false), cofactor(target.f, v, true));
        [
            (Operation::And, true, vec![!(!x & f0), !(x & f1)]),
            (Operation::And, false, vec![x | f0, !x | f1]),
            (Operation::Xor, false, vec![f0, x & (f0 ^ f1)]),
            (Operation::Xor, false, vec![f1, !x & (f0 ^ f1)]),
        ]
    };
    target.variables.iter().flat_map(by).collect()
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

    /// How many functions of four variables are due on each level, in gates of `k` operands.
    fn census_of_four(k: usize) -> [usize; 5] {
        let mut decomposer = Decomposer::new(k);
        let mut census = [0; 5];
        for half in 0..1u64 << 15 {
            let f = spread(TruthTable::new(4, half << 1).unwrap());
            census[decomposer.solve(f, &[0; N]).level as usize] += 2;
        }
        census
    }

    #[test]
    fn every_function_of_four_variables_has_its_least_depth() {
        assert_eq!(census_of_four(2), [10, 60, 1458, 56456, 7552]);
        // What depends on three variables or fewer is one gate, everything else takes two levels.
        assert_eq!(census_of_four(3), [10, 932, 64594, 0, 0]);
    }

    #[test]
    fn when_searches_run_out_the_covers_remain() {
        let mut decomposer = Decomposer::new(2);
        decomposer.searches = FULL_SEARCHES;
        let bits = 0x9E37_79B9_7F4A_7C16;
        let thrifty = decomposer.solve(bits, &[0; N]).level;
        let thorough = Decomposer::new(2).solve(bits, &[0; N]).level;
        assert!(thorough < thrifty && thrifty <= 8, "{thorough} and {thrifty}");
    }

    #[test]
    fn gaps_between_arrivals_count_up_to_where_all_is_settled() {
        assert_eq!(relative_arrivals(&[5, 1000, 7, 7]), [0, 3, 0, 0, 0, 0]);
        assert_eq!(relative_arrivals(&[4, 4, 5]), [0, 0, 1, 0, 0, 0]);
        assert_eq!(relative_arrivals(&[0; 6]), [0; 6]);
    }
}
