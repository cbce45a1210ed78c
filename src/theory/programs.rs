//! Formulas as programs over the permutations of five things (Barrington 1989).
//!
//! A program is a list of instructions, each of which looks at one variable and gives one of two
//! permutations; it computes a function if their product is a fixed 5-cycle where the function is 1 and
//! the identity where it is 0. A formula of depth `D` has a program of length `4^D`: a literal is one
//! instruction, a complement costs nothing, and a conjunction is a commutator, which is the identity
//! unless both factors are not.

use crate::error::{Error, Result};

/// Where 0 to 4 go.
pub type Permutation = [u8; 5];

/// What a program gives where its function is 0.
pub const IDENTITY: Permutation = [0, 1, 2, 3, 4];

/// What a program gives where its function is 1.
pub const CYCLE: Permutation = [1, 2, 3, 4, 0];

/// The deepest formula whose program is written out: 4^8 instructions.
pub const MAX_DEPTH: usize = 8;

/// `a`, then `b`.
pub fn then(a: Permutation, b: Permutation) -> Permutation {
    a.map(|x| b[usize::from(x)])
}

fn inverse(a: Permutation) -> Permutation {
    let mut inverse = IDENTITY;
    for (x, &y) in (0..).zip(&a) {
        inverse[usize::from(y)] = x;
    }
    inverse
}

/// All 120, in the order of their digits.
fn permutations() -> impl Iterator<Item = Permutation> {
    let digits = |code: usize| [0, 1, 2, 3, 4].map(|x| (code / 5usize.pow(4 - x) % 5) as u8);
    let is_one = |p: &Permutation| IDENTITY.iter().all(|x| p.contains(x));
    (0..5usize.pow(5)).map(digits).filter(is_one)
}

fn is_five_cycle(a: Permutation) -> bool {
    let next = |&x: &u8| (x != 0).then(|| a[usize::from(x)]);
    std::iter::successors(Some(a[0]), next).count() == 5
}

/// A variable, and the permutation for each of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// The number of the variable.
    pub variable: usize,
    /// The permutation where it is 0, and where it is 1.
    pub at: [Permutation; 2],
}

/// A complete formula of AND and OR on literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    /// `2^D` variables, each perhaps complemented.
    pub literals: Vec<(usize, bool)>,
    /// The gates, which are ORs where true: those on the literals first, the output last.
    pub is_or: Vec<bool>,
}

impl Formula {
    /// # Errors
    /// The literals are not `2^D` with `D` at most [`MAX_DEPTH`], or gates and literals don't match.
    pub fn new(literals: Vec<(usize, bool)>, is_or: Vec<bool>) -> Result<Self> {
        let n = literals.len();
        if !n.is_power_of_two() || n > 1 << MAX_DEPTH || is_or.len() + 1 != n {
            let expected = format!("2^D literals and one gate fewer, D at most {MAX_DEPTH}");
            return Err(Error::new(expected, format!("{n} and {}", is_or.len())));
        }
        Ok(Formula { literals, is_or })
    }

    /// The levels of gates.
    pub fn depth(&self) -> usize {
        self.literals.len().ilog2() as usize
    }

    /// # Panics
    /// A variable has no value.
    pub fn evaluate(&self, values: &[bool]) -> bool {
        let literal = |&(variable, complemented): &(usize, bool)| values[variable] ^ complemented;
        let nodes = self.literals.iter().map(literal).collect();
        self.fold(nodes, |is_or, a, b| if is_or { a || b } else { a && b })
    }

    /// A program for the formula: [`CYCLE`] where it is 1, the identity where it is 0.
    pub fn program(&self) -> Vec<Instruction> {
        let literal = |&(variable, complemented): &(usize, bool)| {
            let at = if complemented { [CYCLE, IDENTITY] } else { [IDENTITY, CYCLE] };
            vec![Instruction { variable, at }]
        };
        let factors = commutator_factors();
        self.fold(self.literals.iter().map(literal).collect(), |is_or, a, b| {
            if is_or {
                complement(&conjunction(&complement(&a), &complement(&b), factors))
            } else {
                conjunction(&a, &b, factors)
            }
        })
    }

    /// Joins neighbours, level by level.
    fn fold<T>(&self, mut nodes: Vec<T>, join: impl Fn(bool, T, T) -> T) -> T {
        let mut gates = self.is_or.iter();
        while nodes.len() > 1 {
            let mut operands = nodes.into_iter();
            let mut joined = Vec::with_capacity(operands.len() / 2);
            while let (Some(a), Some(b)) = (operands.next(), operands.next()) {
                let &is_or = gates.next().expect("one gate fewer than literals");
                joined.push(join(is_or, a, b));
            }
            nodes = joined;
        }
        nodes.pop().expect("a formula has a literal")
    }
}

/// The product of a program's permutations.
pub fn run(program: &[Instruction], values: &[bool]) -> Permutation {
    let permutation = |i: &Instruction| i.at[usize::from(values[i.variable])];
    program.iter().map(permutation).fold(IDENTITY, then)
}

/// The program with `before` in front and `after` behind, at no instruction more.
fn between(before: Permutation, program: &[Instruction], after: Permutation) -> Vec<Instruction> {
    let mut program = program.to_vec();
    if let Some(first) = program.first_mut() {
        first.at = first.at.map(|a| then(before, a));
    }
    if let Some(last) = program.last_mut() {
        last.at = last.at.map(|a| then(a, after));
    }
    program
}

/// A program that gives `cycle` where this one gives [`CYCLE`]: all 5-cycles are conjugate.
fn with_cycle(program: &[Instruction], cycle: Permutation) -> Vec<Instruction> {
    let carries = |p: &Permutation| then(then(*p, CYCLE), inverse(*p)) == cycle;
    let p = permutations().find(carries).expect("5-cycles are conjugate");
    between(p, program, inverse(p))
}

fn complement(program: &[Instruction]) -> Vec<Instruction> {
    between(IDENTITY, &with_cycle(program, inverse(CYCLE)), CYCLE)
}

/// Two 5-cycles whose commutator is one.
fn commutator_factors() -> [Permutation; 2] {
    let cycles: Vec<Permutation> = permutations().filter(|&p| is_five_cycle(p)).collect();
    let pairs = cycles.iter().flat_map(|&a| cycles.iter().map(move |&b| [a, b]));
    let mut found = pairs.filter(|&[a, b]| then(then(a, b), then(inverse(a), inverse(b))) == CYCLE);
    found.next().expect("S5 is not solvable")
}

fn conjunction(a: &[Instruction], b: &[Instruction], [x, y]: [Permutation; 2]) -> Vec<Instruction> {
    let parts = [(a, x), (b, y), (a, inverse(x)), (b, inverse(y))];
    parts.into_iter().flat_map(|(program, cycle)| with_cycle(program, cycle)).collect()
}
