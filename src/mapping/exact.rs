//! The optimum for three and four variables: every function in two-input gates, with least depth.
//!
//! In: a function and when its variables arrive. Out: the last gate of a circuit of least depth for it,
//! and the two functions that the gate is over. Among circuits of least depth a small one is taken.
//!
//! Few patterns of arrival levels differ. Until the second variable is there, there is nothing to
//! compute, so the first two might as well arrive together, at level 0. At level 1 all functions of the
//! two are ready, so a third that comes later might as well come then; at level 3 all functions of the
//! three are ready, which bounds the fourth alike. A table is filled level by level: a function is
//! due on level `t + 1` if it is not due before and two functions of level at most `t` give it.

use std::sync::OnceLock;

use super::cells::Operation;
use super::decompose::{Arrivals, VARIABLE};

/// The most variables there are tables for.
pub const MOST: usize = 4;

/// A function of four variables; one of three ignores the last.
type Rows = u16;

/// How a function comes from two others: the operation, whether complemented, and the functions.
#[derive(Debug, Clone, Copy)]
struct Step {
    operation: Operation,
    complemented: bool,
    parts: [Rows; 2],
}

/// A function's least level, the size of the circuit found, and its last gate if it is no literal.
#[derive(Debug, Clone, Copy)]
struct Best {
    level: u8,
    size: u8,
    step: Option<Step>,
}

/// The arrival levels of the third variable and, if there is one, the fourth.
type Pattern = (u8, Option<u8>);

const PATTERNS: [Pattern; 9] = [
    (0, None),
    (1, None),
    (0, Some(0)),
    (0, Some(1)),
    (0, Some(2)),
    (0, Some(3)),
    (1, Some(1)),
    (1, Some(2)),
    (1, Some(3)),
];

/// One table per pattern, filled when first asked for.
static TABLES: [OnceLock<Table>; PATTERNS.len()] = [const { OnceLock::new() }; PATTERNS.len()];

/// Splits `f`, a function of exactly the given three or four variables, at the root of its best
/// circuit.
pub fn split(f: u64, variables: &[usize], arrivals: &Arrivals) -> (Operation, bool, [u64; 2]) {
    let mut order = variables.to_vec();
    order.sort_by_key(|&v| arrivals[v]);
    let after_second = |v: usize| arrivals[v] - arrivals[order[1]];
    let pattern = (after_second(order[2]).min(1), order.get(3).map(|&v| after_second(v).min(3)));
    let index = PATTERNS.iter().position(|&known| known == pattern);
    let index = index.expect("the fourth variable comes no earlier than the third");
    let table = TABLES[index].get_or_init(|| Table::new(PATTERNS[index]));
    let (normal, flipped) = normal(shrink(f, &order));
    let best = table.best(normal).expect("the table holds every function");
    let step = best.step.expect("a function of three variables is no literal");
    (step.operation, step.complemented ^ flipped, step.parts.map(|part| grow(part, &order)))
}

/// `f` or its complement, whichever is 0 at row 0, and whether it is the complement.
fn normal(f: Rows) -> (Rows, bool) {
    if f & 1 == 1 { (!f, true) } else { (f, false) }
}

/// The rows of `f` over the given variables, where the others are 0.
fn shrink(f: u64, variables: &[usize]) -> Rows {
    let row =
        |r: usize| variables.iter().enumerate().map(|(i, v)| (r >> i & 1) << v).sum::<usize>();
    (0..16).map(|r| ((f >> row(r) & 1) as Rows) << r).sum()
}

/// The inverse of [`shrink`]. Three variables name their rows twice over, with equal values.
fn grow(small: Rows, variables: &[usize]) -> u64 {
    let minterm = |r: usize| {
        let literal =
            |(i, &v): (usize, &usize)| if r >> i & 1 == 1 { VARIABLE[v] } else { !VARIABLE[v] };
        variables.iter().enumerate().map(literal).fold(u64::MAX, |all, g| all & g)
    };
    (0..16).filter(|r| small >> r & 1 == 1).fold(0, |f, r| f | minterm(r))
}

/// The best circuits for one pattern.
#[derive(Debug)]
struct Table {
    /// By half the function, of those that are 0 at row 0.
    best: Vec<Option<Best>>,
    /// The functions that have an entry, in order of their levels.
    known: Vec<Rows>,
}

impl Table {
    /// A level with more functions than this is searched from its results, not by all pairs.
    const MANY: usize = 1000;

    fn new((third, fourth): Pattern) -> Self {
        let mut table = Table { best: vec![None; 1 << 15], known: Vec::new() };
        let mut sources = vec![(0, 0), (VARIABLE[0] as Rows, 0), (VARIABLE[1] as Rows, 0)];
        sources.push((VARIABLE[2] as Rows, third));
        sources.extend(fourth.map(|level| (VARIABLE[3] as Rows, level)));
        let n_functions = if fourth.is_some() { 1 << 15 } else { 1 << 7 };
        for level in 0.. {
            for &(f, _) in sources.iter().filter(|source| source.1 == level) {
                table.enter(f, Best { level, size: 0, step: None });
            }
            if table.known.len() == n_functions {
                break;
            }
            table.advance(level);
        }
        table
    }

    fn best(&self, f: Rows) -> Option<Best> {
        self.best[usize::from(f >> 1)]
    }

    fn enter(&mut self, f: Rows, best: Best) {
        let entry = &mut self.best[usize::from(f >> 1)];
        if entry.is_none() {
            self.known.push(f);
        }
        *entry = Some(best);
    }

    /// Enters all functions of `level + 1`, those up to `level` being known.
    fn advance(&mut self, level: u8) {
        let ready = self.known.clone();
        if ready.len() <= Self::MANY {
            for (i, &g) in ready.iter().enumerate() {
                for &h in &ready[..i] {
                    self.combine(level, g, h);
                }
            }
            return;
        }
        let open: Vec<Rows> =
            (0..1u32 << 15).map(|i| (i << 1) as Rows).filter(|&f| self.best(f).is_none()).collect();
        for f in open {
            if let Some(step) = find_xor(self, level, f, &ready).or_else(|| find_and(f, &ready)) {
                self.try_step(level, f, step);
            }
        }
    }

    /// Enters what one gate makes of `g` and `h` and their complements.
    fn combine(&mut self, level: u8, g: Rows, h: Rows) {
        let operation = Operation::And;
        for parts in [[g, h], [g, !h], [!g, h], [!g, !h]] {
            let (f, complemented) = normal(parts[0] & parts[1]);
            self.try_step(level, f, Step { operation, complemented, parts });
        }
        let step = Step { operation: Operation::Xor, complemented: false, parts: [g, h] };
        self.try_step(level, g ^ h, step);
    }

    /// Enters `f` as `step` on `level + 1`, unless it is known to be no worse.
    fn try_step(&mut self, level: u8, f: Rows, step: Step) {
        let size = |part: Rows| self.best(normal(part).0).map_or(0, |best| best.size);
        let best = Best {
            level: level + 1,
            size: 1 + size(step.parts[0]) + size(step.parts[1]),
            step: Some(step),
        };
        let known = self.best(f);
        if known.is_none_or(|known| (best.level, best.size) < (known.level, known.size)) {
            self.enter(f, best);
        }
    }
}

/// `f` as the exclusive or of two functions that are ready on `level`.
fn find_xor(table: &Table, level: u8, f: Rows, ready: &[Rows]) -> Option<Step> {
    let due = |g: Rows| table.best(g).is_some_and(|best| best.level <= level);
    let &g = ready.iter().find(|&&g| due(f ^ g))?;
    Some(Step { operation: Operation::Xor, complemented: false, parts: [g, f ^ g] })
}

/// `f` as AND or OR of two ready functions or their complements.
fn find_and(f: Rows, ready: &[Rows]) -> Option<Step> {
    [(f, false), (!f, true)].into_iter().find_map(|(f, complemented)| {
        let either = ready.iter().flat_map(|&g| [g, !g]);
        let above: Vec<Rows> = either.filter(|&g| f & !g == 0).collect();
        let pairs =
            above.iter().enumerate().flat_map(|(i, &g)| above[..i].iter().map(move |&h| [g, h]));
        let parts = pairs.into_iter().find(|[g, h]| g & h == f)?;
        Some(Step { operation: Operation::And, complemented, parts })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many functions, complements included, are due on each level.
    fn census(pattern: Pattern) -> Vec<usize> {
        let mut census = Vec::new();
        for best in Table::new(pattern).best.iter().flatten() {
            census.resize(census.len().max(usize::from(best.level) + 1), 0);
            census[usize::from(best.level)] += 2;
        }
        census
    }

    #[test]
    fn the_censuses_of_least_depth_are_the_known_ones() {
        assert_eq!(census((0, None)), [8, 30, 194, 24]);
        assert_eq!(census((0, Some(0))), [10, 60, 1458, 56456, 7552]);
    }

    #[test]
    fn every_entry_is_what_its_last_gate_makes_of_earlier_ones() {
        for pattern in PATTERNS {
            let table = Table::new(pattern);
            for f in table.known.iter().copied() {
                let best = table.best(f).unwrap();
                let Some(Step { operation, complemented, parts: [g, h] }) = best.step else {
                    continue;
                };
                let value = match operation {
                    Operation::And => g & h,
                    Operation::Xor => g ^ h,
                };
                assert_eq!(if complemented { !value } else { value }, f, "{pattern:?}");
                let level = |part: Rows| table.best(normal(part).0).unwrap().level;
                assert_eq!(best.level, 1 + level(g).max(level(h)), "{f:#x} in {pattern:?}");
            }
        }
    }

    #[test]
    fn a_variable_that_comes_last_ends_in_the_last_two_gates() {
        let late = Table::new((0, Some(3)));
        let [a, b, c, d] = [0, 1, 2, 3].map(|v| VARIABLE[v] as Rows);
        let level = |f: Rows| late.best(normal(f).0).unwrap().level;
        assert_eq!(level(d & (a & b | b & c | a & c)), 4);
        assert_eq!(level(d & a | !d & b & c), 5);
        assert_eq!(late.best.iter().flatten().map(|best| best.level).max(), Some(5));
    }
}
