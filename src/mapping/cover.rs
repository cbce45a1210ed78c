//! Covers: a function of at most six variables as an OR of cubes (ANDs of literals).
//!
//! Every cube of a cover is a prime implicant and none can be left out. Among the primes those are
//! preferred that are early and cover much: a cube of depth `d` weighs `2^d`, its share of an OR tree.

use std::sync::LazyLock;

use super::decompose::{Arrivals, N, VARIABLE};
use super::tree::join_earliest;

/// A cube: its rows, and the place of the cube that lacks one of the literals, for each of them.
struct Cube {
    rows: u64,
    variables: Vec<usize>,
    wider: Vec<usize>,
}

/// All cubes over six variables. Number `c` in base 3 says for each variable whether it is absent,
/// positive or negative.
static CUBES: LazyLock<Vec<Cube>> = LazyLock::new(|| (0..3usize.pow(N as u32)).map(cube).collect());

fn cube(code: usize) -> Cube {
    let mut cube = Cube { rows: u64::MAX, variables: Vec::new(), wider: Vec::new() };
    for (v, projection) in VARIABLE.iter().enumerate() {
        let place = 3usize.pow(v as u32);
        let digit = code / place % 3;
        if digit > 0 {
            cube.rows &= if digit == 1 { *projection } else { !projection };
            cube.variables.push(v);
            cube.wider.push(code - digit * place);
        }
    }
    cube
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
    let implies = move |cube: &Cube| cube.rows & !f == 0;
    CUBES.iter().filter(move |&cube| {
        implies(cube) && !cube.wider.iter().any(|&wider| implies(&CUBES[wider]))
    })
}

/// `2^d` for the depth `d` of the cube's literals in a tree of two-input gates.
fn weight(cube: &Cube, arrivals: &Arrivals) -> u64 {
    let mut leaves: Vec<_> = cube.variables.iter().map(|&v| (u32::from(arrivals[v]), ())).collect();
    if leaves.is_empty() {
        return 1;
    }
    1 << join_earliest(&mut leaves, 2, |_| ()).0
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
