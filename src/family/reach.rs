//! Reachability in a directed graph, by squaring the relation "at most 1, 2, 4, … edges apart".
//!
//! Vertices reach themselves, so the `n (n-1)` pairs of different vertices are all there is. After `t`
//! squarings paths of `2^t` edges are found, and the longest simple path has `n - 1`.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always, ceil_log2};
use crate::circuit::Circuit;
use crate::error::Result;

pub(super) const REACH: Family = Family {
    name: "reach",
    about: "path_i_j: whether edges e_i_j lead from vertex i to j, by repeated squaring",
    example: "reach:8",
    parameters: &[Parameter::size("n", "vertices", 2, 256)],
    size: Formula::new("2 n (n-1) (n-2) ceil(log2(n-1))", |p| {
        let n = p["n"];
        Some(2 * n * (n - 1) * (n - 2) * ceil_log2(n - 1))
    }),
    depth: Formula::new("ceil(log2(n-1)) (1 + ceil(log2(n-1)))", |p| {
        let squarings = ceil_log2(p["n"] - 1);
        Some(squarings * (1 + squarings))
    }),
    condition: always,
    build,
};

fn build(p: &Params) -> Result<Circuit> {
    let n = p["n"] as usize;
    let mut netlist = GateBuilder::new();
    let mut paths = vec![vec![Signal::TRUE; n]; n];
    for (i, j) in pairs(n) {
        paths[i][j] = netlist.input(format!("e_{i}_{j}"));
    }
    for _ in 0..ceil_log2(p["n"] - 1) {
        paths = square(&mut netlist, &paths);
    }
    for (i, j) in pairs(n) {
        netlist.output(format!("path_{i}_{j}"), paths[i][j]);
    }
    netlist.finish()
}

fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)))
}

/// Direct, or through one other vertex.
fn square(netlist: &mut GateBuilder, paths: &[Vec<Signal>]) -> Vec<Vec<Signal>> {
    let n = paths.len();
    let mut squared = vec![vec![Signal::TRUE; n]; n];
    for (i, j) in pairs(n) {
        let others = (0..n).filter(|&k| k != i && k != j);
        let mut ways: Vec<Signal> = others.map(|k| netlist.and(paths[i][k], paths[k][j])).collect();
        ways.push(paths[i][j]);
        squared[i][j] = netlist.or_tree(&ways);
    }
    squared
}
