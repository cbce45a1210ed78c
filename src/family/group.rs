//! The word problem of S5: the product of `n` permutations of five things.
//!
//! Complete for NC1 (Barrington 1989). A permutation is a 5 by 5 matrix in row-major order, one 1 in
//! each row and column: bit `5 i + j` says that it takes `i` to `j`. The first factor acts first.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always, ceil_log2};
use crate::circuit::Circuit;
use crate::error::Result;

pub(super) const S5: Family = Family {
    name: "s5",
    about: "the product of the 5 by 5 permutation matrices p0, p1, …, as a tree",
    example: "s5:16",
    parameters: &[Parameter::size("n", "permutations", 1, 40_000)],
    size: Formula::new("225 (n - 1)", |p| Some(225 * (p["n"] - 1))),
    depth: Formula::new("4 L", |p| Some(4 * ceil_log2(p["n"]))),
    condition: always,
    build,
};

const POINTS: usize = 5;

fn build(p: &Params) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let entries = (POINTS * POINTS) as u64;
    let factors: Vec<Vec<Signal>> =
        (0..p["n"]).map(|i| netlist.input_word(&format!("p{i}"), entries)).collect();
    let product = netlist.balance(factors, |netlist, a, b| multiply(netlist, a, b));
    netlist.output_word("product", &product.expect("n is at least 1"));
    netlist.finish()
}

/// The Boolean product of two matrices: 25 disjunctions of five conjunctions.
fn multiply(netlist: &mut GateBuilder, a: &[Signal], b: &[Signal]) -> Vec<Signal> {
    let mut product = Vec::with_capacity(POINTS * POINTS);
    for (i, j) in (0..POINTS * POINTS).map(|entry| (entry / POINTS, entry % POINTS)) {
        let ways: [Signal; POINTS] =
            std::array::from_fn(|k| netlist.and(a[POINTS * i + k], b[POINTS * k + j]));
        product.push(netlist.or_tree(&ways));
    }
    product
}
