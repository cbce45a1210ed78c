//! The optimum for three variables: every function with least depth, then least size, in two-input gates.
//!
//! Only four patterns of arrival levels differ, all three together or one a level later. For let `a` and
//! `b` be the first to arrive: until both are there, there is nothing to compute, and a level after
//! that all functions of the two are ready, so when the third comes later still, it might as well come
//! then. A table is filled level by level: a function is due on level `t + 1` if two functions of level
//! at most `t` give it.

use std::sync::LazyLock;

use super::cells::Operation;
use super::decompose::{Arrivals, VARIABLE};

/// How a function comes from two others: the operation, whether complemented, and the functions.
#[derive(Debug, Clone, Copy)]
struct Step {
    operation: Operation,
    complemented: bool,
    parts: [u8; 2],
}

/// A function's least level, its size there, and its last step if it is no literal.
#[derive(Debug, Clone, Copy)]
struct Best {
    level: u32,
    size: u32,
    step: Option<Step>,
}

/// By function, of those that are 0 at row 0.
type Table = [Option<Best>; 256];

/// The tables with no variable late, and with variable 0, 1 and 2 late.
static TABLES: LazyLock<[Table; 4]> =
    LazyLock::new(|| [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]].map(fill));

/// The three variables over eight rows.
const SMALL: [u8; 3] = [0xAA, 0xCC, 0xF0];

/// Splits `f`, a function of exactly the given variables, at the root of its best form.
pub fn split(f: u64, variables: [usize; 3], arrivals: &Arrivals) -> (Operation, bool, [u64; 2]) {
    let mut order = [0, 1, 2];
    order.sort_by_key(|&i| arrivals[variables[i]]);
    let late = arrivals[variables[order[2]]] > arrivals[variables[order[1]]];
    let table = &TABLES[if late { 1 + order[2] } else { 0 }];
    let small = shrink(f, variables);
    let (normal, flipped) = if small & 1 == 1 { (!small, true) } else { (small, false) };
    let best = table[usize::from(normal)].expect("the table holds every function");
    let step = best.step.expect("a function of three variables is no literal");
    let parts = step.parts.map(|part| grow(part, variables));
    (step.operation, step.complemented ^ flipped, parts)
}

/// The rows of `f` over three variables, where the others are 0.
fn shrink(f: u64, variables: [usize; 3]) -> u8 {
    let row =
        |r: usize| variables.iter().enumerate().map(|(i, v)| (r >> i & 1) << v).sum::<usize>();
    (0..8).map(|r| ((f >> row(r) & 1) as u8) << r).sum()
}

/// The inverse of [`shrink`].
fn grow(small: u8, variables: [usize; 3]) -> u64 {
    let minterm = |r: usize| {
        let literal = |(i, &v): (usize, &usize)| {
            if r >> i & 1 == 1 { VARIABLE[v] } else { !VARIABLE[v] }
        };
        variables.iter().enumerate().map(literal).fold(u64::MAX, |all, g| all & g)
    };
    (0..8).filter(|r| small >> r & 1 == 1).fold(0, |f, r| f | minterm(r))
}

/// The table for variables that arrive at the given levels.
fn fill(arrivals: [u32; 3]) -> Table {
    let mut table: Table = [None; 256];
    let free = |level| Some(Best { level, size: 0, step: None });
    table[0] = free(0);
    for (v, level) in arrivals.into_iter().enumerate() {
        table[usize::from(SMALL[v])] = free(level);
    }
    for level in 0.. {
        let ready: Vec<u8> = (0..=255u8)
            .filter(|&f| table[usize::from(f)].is_some_and(|best| best.level <= level))
            .collect();
        if ready.len() == 128 {
            return table;
        }
        for (i, &g) in ready.iter().enumerate() {
            for &h in &ready[..i] {
                combine(&mut table, level, g, h);
            }
        }
    }
    unreachable!("every function has a level")
}

/// Enters what one gate makes of `g` and `h` and their complements.
fn combine(table: &mut Table, level: u32, g: u8, h: u8) {
    let size = |f: u8| table[usize::from(f)].map_or(0, |best| best.size);
    let size = 1 + size(g) + size(h);
    let ands = [[g, h], [g, !h], [!g, h], [!g, !h]].map(|p| (p[0] & p[1], Operation::And, p));
    for (f, operation, parts) in ands.into_iter().chain([(g ^ h, Operation::Xor, [g, h])]) {
        let (f, complemented) = if f & 1 == 1 { (!f, true) } else { (f, false) };
        let entry = &mut table[usize::from(f)];
        let better = entry.is_none_or(|best| (level + 1, size) < (best.level, best.size));
        if better {
            let step = Some(Step { operation, complemented, parts });
            *entry = Some(Best { level: level + 1, size, step });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_census_of_least_depths_is_the_known_one() {
        let mut census = [0; 4];
        for best in TABLES[0].iter().flatten() {
            census[best.level as usize] += 2;
        }
        assert_eq!(census, [8, 30, 194, 24]);
    }
}
