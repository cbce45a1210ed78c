//! Pointer chasing: the `k`-th successor of a start under a function given as a table.
//!
//! Hop by hop, or by squaring the table: the tables of `f^1, f^2, f^4, …` commute, so those that the
//! binary digits of `k` name are applied from the lowest up, each as soon as it is there.

use super::builder::{GateBuilder, Signal};
use super::select::mux_tree;
use super::{Family, Formula, Parameter, Params, bit_count, bit_length, ceil_log2};
use crate::circuit::Circuit;
use crate::error::Result;

pub(super) const POINTER: Family = Family {
    name: "pointer",
    about: "end = f(f(… f(start))), k times, for a table f0, f1, … of n words",
    example: "pointer:n=16,k=8",
    parameters: &[
        Parameter::size("n", "entries of f, a power of two", 2, 1 << 16),
        Parameter::size("k", "hops", 1, 1 << 32),
        Parameter::choice(
            "mode",
            "one hop after the other, or squaring f",
            &["sequential", "squaring"],
        ),
    ],
    // An entry that looks itself up finds its lowest bit selected by itself, which saves 3/2 gates.
    size: Formula::new(
        "w = log2 n: 3 w (n-1) k; squaring (3 w (n-1) - 3/2) n floor(log2 k) + 3 w (n-1) ones(k)",
        |p| {
            let lookup = 3 * ceil_log2(p["n"]) * (p["n"] - 1);
            let square = lookup * p["n"] - 3 * p["n"] / 2;
            let of_start = if is_squaring(p) { bit_count(p["k"]) } else { p["k"] };
            Some(lookup * of_start + if is_squaring(p) { square * squarings(p) } else { 0 })
        },
    ),
    depth: Formula::new("2 w k; squaring 2 w (floor(log2 k) + 1)", |p| {
        let lookup = 2 * ceil_log2(p["n"]);
        Some(lookup * if is_squaring(p) { squarings(p) + 1 } else { p["k"] })
    }),
    condition: |p| if p["n"].is_power_of_two() { Ok(()) } else { Err("n = a power of two") },
    build,
};

fn is_squaring(p: &Params) -> bool {
    p["mode"] == 1
}

fn squarings(p: &Params) -> u64 {
    bit_length(p["k"]) - 1
}

fn build(p: &Params) -> Result<Circuit> {
    let width = ceil_log2(p["n"]);
    let mut netlist = GateBuilder::new();
    let mut f: Vec<Vec<Signal>> =
        (0..p["n"]).map(|i| netlist.input_word(&format!("f{i}"), width)).collect();
    let mut at = netlist.input_word("start", width);
    if is_squaring(p) {
        for digit in 0..bit_length(p["k"]) {
            if digit > 0 {
                f = f.iter().map(|next| lookup(&mut netlist, &f, next)).collect();
            }
            if p["k"] >> digit & 1 == 1 {
                at = lookup(&mut netlist, &f, &at);
            }
        }
    } else {
        for _ in 0..p["k"] {
            at = lookup(&mut netlist, &f, &at);
        }
    }
    netlist.output_word("end", &at);
    netlist.finish()
}

/// The entry of `f` that `at` names.
fn lookup(netlist: &mut GateBuilder, f: &[Vec<Signal>], at: &[Signal]) -> Vec<Signal> {
    let column = |bit: usize| f.iter().map(|entry| entry[bit]).collect::<Vec<_>>();
    (0..at.len()).map(|bit| mux_tree(netlist, at, &column(bit))).collect()
}
