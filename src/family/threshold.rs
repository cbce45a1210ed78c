//! Counting ones: popcount, threshold and majority.
//!
//! The count of `2^k - 1` bits, one more bit and the count of the rest, at most `2^k - 1` bits, are added
//! with the one bit as carry: one full or half adder for each carry that any counter must have. With
//! `s` ones and `z` zeros among the binary digits of `n` that takes `n - s - z` full and `z` half adders.
//! A threshold then compares the count with a constant.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always, bit_count, bit_length};
use crate::circuit::Circuit;
use crate::error::Result;

const MOST_INPUTS: u64 = 2_000_000;
const INPUTS: Parameter = Parameter::size("n", "inputs", 1, MOST_INPUTS);

pub(super) const MAJORITY: Family = Family {
    name: "majority",
    about: "1 where more than half of x is 1",
    example: "majority:7",
    parameters: &[INPUTS],
    size: Formula::new("as threshold; 5 (n - q) - (q - 1) at n = 2^q - 1", |p| {
        Some(threshold_size(p["n"], p["n"] / 2 + 1))
    }),
    depth: Formula::new("4 q - 5 at n = 2^q - 1, q >= 2", |p| counter_depth(p["n"])),
    condition: always,
    build: |p| threshold(p["n"], p["n"] / 2 + 1),
};

pub(super) const THRESHOLD: Family = Family {
    name: "threshold",
    about: "1 where at least t bits of x are 1",
    example: "threshold:n=9,t=4",
    parameters: &[INPUTS, Parameter::size("t", "the least count, at most n", 1, MOST_INPUTS)],
    size: Formula::new("popcount + bits(n) - 1 - 2 (zeros that t ends in)", |p| {
        Some(threshold_size(p["n"], p["t"]))
    }),
    depth: Formula::none("popcount and at most bits(n) - 1 more"),
    condition: |p| if p["t"] <= p["n"] { Ok(()) } else { Err("t = 1 to n") },
    build: |p| threshold(p["n"], p["t"]),
};

pub(super) const POPCOUNT: Family = Family {
    name: "popcount",
    about: "the number of ones in x",
    example: "popcount:15",
    parameters: &[INPUTS],
    size: Formula::new(
        "5 (n - ones(n)) - 3 zeros(n), counting binary digits; 5 (n - q) at n = 2^q - 1",
        |p| Some(counter_size(p["n"])),
    ),
    depth: Formula::new("4 q - 5 at n = 2^q - 1, q >= 2", |p| counter_depth(p["n"])),
    condition: always,
    build: popcount,
};

fn counter_size(n: u64) -> u64 {
    let zeros = bit_length(n) - bit_count(n);
    5 * (n - bit_count(n)) - 3 * zeros
}

fn counter_depth(n: u64) -> Option<u64> {
    let q = bit_length(n);
    ((n + 1).is_power_of_two() && q >= 2).then(|| 4 * q - 5)
}

/// The low bits of the count below the last one of `t` are read by nobody, and need no comparison.
fn threshold_size(n: u64, t: u64) -> u64 {
    let unread = u64::from(t.trailing_zeros());
    counter_size(n) + bit_length(n) - 1 - 2 * unread
}

fn popcount(p: &Params) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let x = netlist.input_word("x", p["n"]);
    let count = count(&mut netlist, &x);
    netlist.output_word("count", &count);
    netlist.finish()
}

fn threshold(n: u64, t: u64) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let x = netlist.input_word("x", n);
    let count = count(&mut netlist, &x);
    let y = at_least(&mut netlist, &count, t);
    netlist.output("y", y);
    netlist.finish()
}

/// The number of ones as a word of `bit_length(n)` bits. Recursion halves the bits.
fn count(netlist: &mut GateBuilder, bits: &[Signal]) -> Vec<Signal> {
    if bits.len() <= 1 {
        return bits.to_vec();
    }
    let full = (1 << bits.len().ilog2()) - 1;
    let mut carry = bits[0];
    let larger = count(netlist, &bits[1..=full]);
    let mut smaller = count(netlist, &bits[full + 1..]);
    smaller.resize(larger.len(), Signal::FALSE);
    let mut sum = Vec::with_capacity(larger.len() + 1);
    for (&a, &b) in larger.iter().zip(&smaller) {
        let (bit, next) = match b {
            Signal::FALSE => netlist.half_adder(a, carry),
            _ => netlist.full_adder(a, b, carry),
        };
        sum.push(bit);
        carry = next;
    }
    sum.push(carry);
    sum
}

/// Whether a word is at least `t`, one gate a bit: equal below, then each bit decides or passes on.
fn at_least(netlist: &mut GateBuilder, word: &[Signal], t: u64) -> Signal {
    word.iter().enumerate().fold(Signal::TRUE, |above, (i, &bit)| {
        if t >> i & 1 == 1 { netlist.and(bit, above) } else { netlist.or(bit, above) }
    })
}
