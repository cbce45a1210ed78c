//! Sorting networks on bits: Batcher's bitonic sorter and odd-even merge sort (1968).
//!
//! A comparator of bits is an AND, the smaller, and an OR, the larger. Every comparator here puts the
//! smaller at the lower index, so the network for the next power of two also sorts fewer inputs: the
//! missing ones count as 1s above, which never move, and the comparators that touch them fall away.
//! `y` ascends: `y[i]` is 1 where at least `n - i` inputs are, so all thresholds come at once.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always};
use crate::circuit::Circuit;
use crate::error::Result;

const INPUTS: &[Parameter] = &[Parameter::size("n", "bits to sort", 1, 1 << 16)];
const DEPTH: Formula =
    Formula::new("q (q+1) / 2 at n = 2^q", |p| exponent(p).map(|q| q * (q + 1) / 2));

pub(super) const BITONIC: Family = Family {
    name: "sort-bitonic",
    about: "y = the bits of x in ascending order, by Batcher's bitonic sorter",
    example: "sort-bitonic:16",
    parameters: INPUTS,
    size: Formula::new("n q (q+1) / 2 at n = 2^q", |p| exponent(p).map(|q| (q * (q + 1) / 2) << q)),
    depth: DEPTH,
    condition: always,
    build: |p| build(p, bitonic),
};

pub(super) const ODD_EVEN: Family = Family {
    name: "sort-oddeven",
    about: "y = the bits of x in ascending order, by Batcher's odd-even merge sort",
    example: "sort-oddeven:16",
    parameters: INPUTS,
    size: Formula::new("2 ((q^2 - q + 4) 2^(q-2) - 1) at n = 2^q", |p| {
        exponent(p).map(|q| ((q * q + 4 - q) << q) / 2 - 2)
    }),
    depth: DEPTH,
    condition: always,
    build: |p| build(p, odd_even),
};

fn exponent(p: &Params) -> Option<u64> {
    p["n"].is_power_of_two().then(|| u64::from(p["n"].ilog2()))
}

/// The comparators of a network, in order, each as (lower, higher) index.
fn build(p: &Params, network: fn(usize) -> Vec<(usize, usize)>) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let mut wires: Vec<Signal> = netlist.input_word("x", p["n"]);
    for (low, high) in network(wires.len()) {
        let (a, b) = (wires[low], wires[high]);
        wires[low] = netlist.and(a, b);
        wires[high] = netlist.or(a, b);
    }
    netlist.output_word("y", &wires);
    netlist.finish()
}

/// Merges sorted halves: compares mirrored positions first, which leaves two bitonic halves, then
/// positions at half the distance, again and again.
fn bitonic(n: usize) -> Vec<(usize, usize)> {
    let mut comparators = Vec::new();
    let mut size = 2;
    while size / 2 < n {
        let mirrored = (0..n).map(|i| (i, i ^ (size - 1)));
        comparators.extend(mirrored.filter(|&(i, j)| i < j && j < n));
        let mut distance = size / 4;
        while distance > 0 {
            let pairs = (0..n).filter(|i| i & distance == 0).map(|i| (i, i + distance));
            comparators.extend(pairs.filter(|&(_, j)| j < n));
            distance /= 2;
        }
        size *= 2;
    }
    comparators
}

/// Merges sorted runs of `run`: the evens and the odds by themselves, then neighbours across.
fn odd_even(n: usize) -> Vec<(usize, usize)> {
    let mut comparators = Vec::new();
    let mut run = 1;
    while run < n {
        let mut distance = run;
        while distance > 0 {
            let start = distance % run;
            let pairs = (start..n).filter(|i| (i - start) / distance % 2 == 0);
            let pairs = pairs.map(|i| (i, i + distance));
            let merged = |&(i, j): &(usize, usize)| j < n && i / (2 * run) == j / (2 * run);
            comparators.extend(pairs.filter(merged));
            distance /= 2;
        }
        run *= 2;
    }
    comparators
}
