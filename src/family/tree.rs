//! Parity, conjunction and disjunction: one function, shallow as a tree and deep as a chain.
//!
//! `n - 1` gates are needed to read `n` inputs, and `ceil(log2 n)` levels with gates of two inputs.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, MAX_GATES, Parameter, Params, always, ceil_log2};
use crate::circuit::Circuit;
use crate::error::Result;

const INPUTS: &[Parameter] = &[Parameter::size("n", "inputs", 1, MAX_GATES + 1)];
const SIZE: Formula = Formula::new("n - 1", |p| Some(p["n"] - 1));
const TREE_DEPTH: Formula = Formula::new("L", |p| Some(ceil_log2(p["n"])));

pub(super) const PARITY: Family = Family {
    name: "parity",
    about: "the parity of x as a balanced tree",
    example: "parity:16",
    parameters: INPUTS,
    size: SIZE,
    depth: TREE_DEPTH,
    condition: always,
    build: |p| build(p, GateBuilder::xor_tree),
};

pub(super) const PARITY_CHAIN: Family = Family {
    name: "parity-chain",
    about: "the parity of x, one bit after the other",
    example: "parity-chain:16",
    parameters: INPUTS,
    size: SIZE,
    depth: Formula::new("n - 1", |p| Some(p["n"] - 1)),
    condition: always,
    build: |p| build(p, chain),
};

pub(super) const AND: Family = Family {
    name: "and",
    about: "the conjunction of x as a balanced tree",
    example: "and:8",
    parameters: INPUTS,
    size: SIZE,
    depth: TREE_DEPTH,
    condition: always,
    build: |p| build(p, GateBuilder::and_tree),
};

pub(super) const OR: Family = Family {
    name: "or",
    about: "the disjunction of x as a balanced tree",
    example: "or:8",
    parameters: INPUTS,
    size: SIZE,
    depth: TREE_DEPTH,
    condition: always,
    build: |p| build(p, GateBuilder::or_tree),
};

fn build(p: &Params, merge: fn(&mut GateBuilder, &[Signal]) -> Signal) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let x = netlist.input_word("x", p["n"]);
    let y = merge(&mut netlist, &x);
    netlist.output("y", y);
    netlist.finish()
}

fn chain(netlist: &mut GateBuilder, x: &[Signal]) -> Signal {
    x.iter().fold(Signal::FALSE, |parity, &bit| netlist.xor(parity, bit))
}
