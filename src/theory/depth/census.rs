//! The census: the least depth of every function of `n` variables, level by level.

use super::{Basis, MAX_VARIABLES};
use crate::circuit::TruthTable;
use crate::error::{Error, Result};

/// A function of at most four variables, row 0 in bit 0.
type Rows = u16;

/// The least depth of every function of some number of variables over a basis.
#[derive(Debug, Clone)]
pub struct Census {
    n: usize,
    basis: Basis,
    /// By function; [`UNREACHED`] where no depth is known.
    depths: Vec<u8>,
    /// The functions of every depth.
    levels: Vec<Vec<Rows>>,
    /// How variables can be renamed: where row `r` comes from.
    renamings: Vec<Vec<usize>>,
}

const UNREACHED: u8 = u8::MAX;

impl Census {
    /// Counts all functions of `n` variables.
    ///
    /// # Errors
    /// More than [`MAX_VARIABLES`] variables.
    pub fn new(n: usize, basis: Basis) -> Result<Self> {
        if n > MAX_VARIABLES {
            let expected = format!("at most {MAX_VARIABLES} variables for a census");
            return Err(Error::new(expected, n.to_string()));
        }
        let mut census = Census {
            n,
            basis,
            depths: vec![UNREACHED; 1 << (1 << n)],
            levels: vec![Vec::new()],
            renamings: renamings(n),
        };
        census.add_sources();
        while !census.levels.last().is_some_and(Vec::is_empty) && !census.is_complete() {
            census.levels.push(Vec::new());
            census.add_level();
        }
        if census.levels.last().is_some_and(Vec::is_empty) {
            census.levels.pop();
        }
        Ok(census)
    }

    /// The least depth of the function with these rows, or none if the basis cannot express it.
    ///
    /// # Panics
    /// `rows` has bits beyond the `2^n` rows.
    pub fn depth(&self, rows: u16) -> Option<usize> {
        let depth = self.depths[usize::from(rows)];
        (depth != UNREACHED).then_some(usize::from(depth))
    }

    /// How many functions have depth 0, 1, 2, ….
    pub fn counts(&self) -> Vec<usize> {
        self.levels.iter().map(Vec::len).collect()
    }

    fn is_complete(&self) -> bool {
        self.levels.iter().map(Vec::len).sum::<usize>() == self.depths.len()
    }

    fn ones(&self) -> Rows {
        (self.depths.len() - 1) as Rows
    }

    fn add_sources(&mut self) {
        let ones = self.ones();
        self.add(0);
        self.add(ones);
        for variable in 0..self.n {
            let rows = TruthTable::projection(self.n, variable).bits() as Rows;
            self.add(rows);
            if matches!(self.basis, Basis::Binary | Basis::DeMorgan | Basis::Ternary) {
                self.add(rows ^ ones);
            }
        }
    }

    /// Adds a function to the last level, with all that renaming its variables gives, if it is new.
    fn add(&mut self, rows: Rows) {
        let depth = (self.levels.len() - 1) as u8;
        if self.depths[usize::from(rows)] != UNREACHED {
            return;
        }
        for renaming in &self.renamings {
            let renamed = renaming
                .iter()
                .enumerate()
                .fold(0, |all, (to, &from)| all | (rows >> from & 1) << to);
            let known = &mut self.depths[usize::from(renamed)];
            if *known == UNREACHED {
                *known = depth;
                self.levels[usize::from(depth)].push(renamed);
            }
        }
    }

    /// Adds what one more gate gives: one operand from the level before, the others from any.
    fn add_level(&mut self) {
        let last = self.levels[self.levels.len() - 2].clone();
        let known: Vec<Rows> = self.levels.iter().flatten().copied().collect();
        if self.basis == Basis::Ternary {
            return self.add_ternary(&last, &known);
        }
        if self.basis == Basis::AndOrNot {
            last.iter().for_each(|f| self.add(f ^ self.ones()));
        }
        // Renaming the variables of both operands renames the result: one operand of each kind will do.
        let ones = self.ones();
        for &f in &self.one_of_each_kind(&last) {
            for &g in &known {
                match self.basis {
                    Basis::Nand => self.add(f & g ^ ones),
                    Basis::Binary => {
                        // Operands and results are closed under complement.
                        for rows in [f & g, f ^ g] {
                            self.add(rows);
                            self.add(rows ^ ones);
                        }
                    }
                    _ => {
                        self.add(f & g);
                        self.add(f | g);
                    }
                }
            }
            if self.is_complete() {
                return;
            }
        }
    }

    /// The least of every set of functions that are one another's renamings.
    fn one_of_each_kind(&self, functions: &[Rows]) -> Vec<Rows> {
        let rename = |rows: Rows, renaming: &Vec<usize>| {
            renaming.iter().enumerate().fold(0, |all, (to, &from)| all | (rows >> from & 1) << to)
        };
        let is_least = |&&rows: &&Rows| self.renamings.iter().all(|r| rows <= rename(rows, r));
        functions.iter().filter(is_least).copied().collect()
    }

    /// All gates of three inputs, until every function is there: the selection first, which by
    /// Shannon's expansion soon gives all.
    fn add_ternary(&mut self, last: &[Rows], known: &[Rows]) {
        const SELECTION: u8 = 0b1100_1010;
        for gate in std::iter::once(SELECTION).chain(0..=u8::MAX) {
            for &f in known {
                for &g in known {
                    for &h in last {
                        // Bit 2 of the gate's row is f, bit 1 is g, bit 0 is h.
                        let row = |r: u8, x: Rows, bit: u8| if r >> bit & 1 == 1 { x } else { !x };
                        let rows = (0..8)
                            .filter(|r| gate >> r & 1 == 1)
                            .fold(0, |all, r| all | row(r, f, 2) & row(r, g, 1) & row(r, h, 0));
                        self.add(rows & self.ones());
                    }
                }
                if self.is_complete() {
                    return;
                }
            }
        }
    }
}

/// For every permutation of the variables where each row of a renamed table comes from.
fn renamings(n: usize) -> Vec<Vec<usize>> {
    let mut permutations: Vec<Vec<usize>> = vec![Vec::new()];
    for next in 0..n {
        let insert = |p: &Vec<usize>, at: usize| {
            let mut longer = p.clone();
            longer.insert(at, next);
            longer
        };
        permutations = permutations
            .iter()
            .flat_map(|p| (0..=p.len()).map(|at| insert(p, at)).collect::<Vec<_>>())
            .collect();
    }
    let source = |p: &[usize], row: usize| (0..n).map(|v| (row >> v & 1) << p[v]).sum();
    permutations.iter().map(|p| (0..1 << n).map(|row| source(p, row)).collect()).collect()
}

/// How many functions of five variables have depth 0, 1, 2 and 3 over the basis of all two-input gates.
///
/// Goes through 3.7 million pairs of functions in 75 MB.
pub fn shallow_functions_of_five() -> [usize; 4] {
    let variables = (0..5).map(|v| TruthTable::projection(5, v).bits() as u32);
    // Complements go without saying: of each pair the one that is 0 at row 0.
    let mut known: Vec<u32> = std::iter::once(0).chain(variables).collect();
    let mut counts = [2 * known.len(), 0, 0, 0];
    for count in &mut counts[1..] {
        let before = known.len();
        let mut next = known.clone();
        for (i, &f) in known.iter().enumerate() {
            for &g in &known[..i] {
                // f and g are 0 at row 0, so f | g is that of the four ANDs which is the complement's.
                next.extend([f & g, f & !g, !f & g, f | g, f ^ g]);
            }
        }
        next.sort_unstable();
        next.dedup();
        *count = 2 * (next.len() - before);
        known = next;
    }
    counts
}
