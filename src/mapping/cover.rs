//! Covers: a function of at most six variables as an OR of cubes (ANDs of literals).
//!
//! Every cube of a cover is a prime implicant and none can be left out. Among the primes those are
//! preferred that are early and cover much: a cube of depth `d` weighs `2^d`, its share of an OR tree.

use std::sync::LazyLock;

use super::decompose::{Arrivals, N, VARIABLE, support};

/// A cube: its rows, its variables as a bit set, and the rows of the cubes that lack one literal of it.
struct Cube {
    rows: u64,
    variables: usize,
    wider: Vec<u64>,
}

/// The cubes over each set of variables.
static CUBES: LazyLock<Vec<Vec<Cube>>> = LazyLock::new(|| {
    let over = |set: usize| move |cube: &Cube| cube.variables & !set == 0;
    (0..1 << N).map(|set| (0..3usize.pow(N as u32)).map(cube).filter(over(set)).collect()).collect()
});

/// The cube with the number `code`, which says in base 3 for each variable whether it is absent,
/// positive or negative.
fn cube(code: usize) -> Cube {
    let digits = || (0..N).map(|v| (v, code / 3usize.pow(v as u32) % 3)).filter(|d| d.1 > 0);
    let literal = |(v, digit): (usize, usize)| if digit == 1 { VARIABLE[v] } else { !VARIABLE[v] };
    let rows = |without: usize| {
        digits().filter(|d| d.0 != without).map(literal).fold(u64::MAX, |all, rows| all & rows)
    };
    Cube {
        rows: rows(N),
        variables: digits().map(|(v, _)| 1 << v).sum(),
        wider: digits().map(|(v, _)| rows(v)).collect(),
    }
}

/// An irredundant cover of `f` by primes, as the rows of each.
pub fn cubes(f: u64, arrivals: &Arrivals) -> Vec<u64> {
    let mut primes: Vec<(u64, u64)> =
        primes(f).map(|cube| (weight(cube, arrivals), cube.rows)).collect();
    // Light primes first, of those the widest.
    primes.sort_by_key(|&(weight, rows)| (weight, std::cmp::Reverse(rows.count_ones())));
    drop_redundant(choose(f, &primes))
}

fn primes(f: u64) -> impl Iterator<Item = &'static Cube> {
    let variables: usize = support(f).map(|v| 1 << v).sum();
    let implies = move |rows: u64| rows & !f == 0;
    CUBES[variables]
        .iter()
        .filter(move |cube| implies(cube.rows) && !cube.wider.iter().any(|&rows| implies(rows)))
}

/// `2^d` for the depth `d` of the cube's literals in a tree of two-input gates: a leaf on level `a`
/// takes up `2^a` of the `2^d` that a tree has room for.
fn weight(cube: &Cube, arrivals: &Arrivals) -> u64 {
    let variables = (0..N).filter(|v| cube.variables >> v & 1 == 1);
    variables.map(|v| 1u64 << arrivals[v]).sum::<u64>().next_power_of_two()
}

/// Takes primes until they cover `f`: first the only ones to cover a row, then those with the least
/// weight per new row.
fn choose(f: u64, primes: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let (once, twice) =
        primes.iter().fold((0, 0), |(once, twice), &(_, rows)| (once | rows, twice | once & rows));
    let essential = once & !twice;
    let mut chosen: Vec<(u64, u64)> =
        primes.iter().copied().filter(|(_, rows)| rows & essential != 0).collect();
    let mut open = chosen.iter().fold(f, |open, (_, rows)| open & !rows);
    while open != 0 {
        let gain = |rows: u64| u64::from((rows & open).count_ones());
        let lighter = |a: &&(u64, u64), b: &&(u64, u64)| (a.0 * gain(b.1)).cmp(&(b.0 * gain(a.1)));
        let useful = primes.iter().filter(|&&(_, rows)| rows & open != 0);
        let best = *useful.min_by(lighter).expect("the primes cover the function");
        open &= !best.1;
        chosen.push(best);
    }
    chosen
}

/// Drops cubes that the others cover, the heaviest first.
fn drop_redundant(mut chosen: Vec<(u64, u64)>) -> Vec<u64> {
    chosen.sort_by_key(|&(weight, _)| std::cmp::Reverse(weight));
    let mut i = 0;
    while i < chosen.len() {
        let others = chosen.iter().enumerate().filter(|(j, _)| *j != i);
        let covered = others.fold(0, |all, (_, (_, rows))| all | rows);
        if chosen[i].1 & !covered == 0 {
            chosen.remove(i);
        } else {
            i += 1;
        }
    }
    chosen.into_iter().map(|(_, rows)| rows).collect()
}
