//! Adders of two `n`-bit numbers: a chain of carries, and three prefix networks for them.
//!
//! Bit `i` generates a carry where `a_i b_i` and propagates one where `a_i + b_i` is odd. Blocks of
//! bits combine by `(G, P) (G', P') = (G + P G', P P')`, which is associative, so any prefix network
//! gives all carries (Kogge and Stone 1973, Sklansky 1960, Brent and Kung 1982). The sum has `n + 1`
//! bits, the last being the carry out.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always, bit_count, bit_length, ceil_log2};
use crate::circuit::Circuit;
use crate::error::Result;

pub(super) const RIPPLE: Family = Family {
    name: "adder",
    about: "sum = a + b, the carry rippling from bit to bit",
    example: "adder:8",
    parameters: &[Parameter::size("n", "bits of a and of b", 1, 2_000_000)],
    size: Formula::new("5 n - 3", |p| Some(5 * p["n"] - 3)),
    depth: Formula::new("2 n - 1", |p| Some(2 * p["n"] - 1)),
    condition: always,
    build: |p| build(p, ripple),
};

pub(super) const KOGGE_STONE: Family = Family {
    name: "adder-ks",
    about: "sum = a + b with Kogge and Stone's prefix network: fan-out 2",
    example: "adder-ks:8",
    parameters: PREFIX_WIDTH,
    size: Formula::new("3 n L + 2 n - 3 2^L + 3; 3 n L - n + 3 at n = 2^L", |p| {
        let (n, log) = (p["n"], ceil_log2(p["n"]));
        Some(3 * n * log + 2 * n + 3 - (3 << log))
    }),
    depth: Formula::new("2 L + 1; 2 L at n = 2^(L-1) + 1 >= 3", |p| {
        Some(2 * ceil_log2(p["n"]) + 1 - u64::from(p["n"] > 2 && is_one_above_power(p["n"])))
    }),
    condition: always,
    build: |p| build(p, |netlist, a, b| prefix_adder(netlist, a, b, kogge_stone)),
};

pub(super) const SKLANSKY: Family = Family {
    name: "adder-sklansky",
    about: "sum = a + b with Sklansky's prefix network: few levels, high fan-out",
    example: "adder-sklansky:8",
    parameters: PREFIX_WIDTH,
    size: Formula::new(
        "2 n + 3 ones(0 .. n-1), counting binary digits; 2 n + 3/2 n L at n = 2^L",
        |p| Some(2 * p["n"] + 3 * (0..p["n"]).map(bit_count).sum::<u64>()),
    ),
    depth: Formula::new("2 L + 2; 2 L + 1 at n = 1 and n = 2^(L-1) + 1", |p| {
        Some(2 * ceil_log2(p["n"]) + 2 - u64::from(p["n"] == 1 || is_one_above_power(p["n"])))
    }),
    condition: always,
    build: |p| build(p, |netlist, a, b| prefix_adder(netlist, a, b, sklansky)),
};

pub(super) const BRENT_KUNG: Family = Family {
    name: "adder-bk",
    about: "sum = a + b with Brent and Kung's prefix network: few gates",
    example: "adder-bk:8",
    parameters: PREFIX_WIDTH,
    size: Formula::new("8 n - 3 ones(n) - 3 bits(n), in binary; 8 n - 6 - 3 L at n = 2^L", |p| {
        Some(8 * p["n"] - 3 * bit_count(p["n"]) - 3 * bit_length(p["n"]))
    }),
    depth: Formula::new("4 L - 2 at n = 2^L >= 4; in general the latest carry", |p| {
        let carry = |width: u64| 2 * (bit_length(width) - 1) + 2 * bit_count(width) - 1;
        let last_sums = (1..p["n"]).map(|width| carry(width) + 1).max();
        Some(carry(p["n"]).max(last_sums.unwrap_or(0)))
    }),
    condition: always,
    build: |p| build(p, add),
};

const PREFIX_WIDTH: &[Parameter] = &[Parameter::size("n", "bits of a and of b", 1, 1 << 20)];

fn is_one_above_power(n: u64) -> bool {
    (n - 1).is_power_of_two()
}

fn build(
    p: &Params,
    add: impl Fn(&mut GateBuilder, &[Signal], &[Signal]) -> Vec<Signal>,
) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let a = netlist.input_word("a", p["n"]);
    let b = netlist.input_word("b", p["n"]);
    let sum = add(&mut netlist, &a, &b);
    netlist.output_word("sum", &sum);
    netlist.finish()
}

/// The sum of two words of one width, one bit wider.
fn ripple(netlist: &mut GateBuilder, a: &[Signal], b: &[Signal]) -> Vec<Signal> {
    let mut carry = Signal::FALSE;
    let mut sum = Vec::with_capacity(a.len() + 1);
    for (&a, &b) in a.iter().zip(b) {
        let (bit, next) = netlist.full_adder(a, b, carry);
        sum.push(bit);
        carry = next;
    }
    sum.push(carry);
    sum
}

/// Carry generate and propagate of a block of bits.
#[derive(Debug, Clone, Copy)]
struct Block {
    generate: Signal,
    propagate: Signal,
}

/// The blocks from bit 0 up to each bit, in place of the single bits.
struct Prefixes<'a> {
    netlist: &'a mut GateBuilder,
    blocks: Vec<Block>,
}

impl Prefixes<'_> {
    /// Extends the block that ends at bit `high` by the one that ends at bit `low`.
    fn combine(&mut self, high: usize, low: usize) {
        let (above, below) = (self.blocks[high], self.blocks[low]);
        let carried = self.netlist.and(above.propagate, below.generate);
        let generate = self.netlist.or(above.generate, carried);
        let propagate = self.netlist.and(above.propagate, below.propagate);
        self.blocks[high] = Block { generate, propagate };
    }

    fn len(&self) -> usize {
        self.blocks.len()
    }
}

/// The sum of two words of one width, one bit wider, by Brent and Kung's network.
pub(super) fn add(netlist: &mut GateBuilder, a: &[Signal], b: &[Signal]) -> Vec<Signal> {
    prefix_adder(netlist, a, b, brent_kung)
}

/// The sum of two words of one width, one bit wider, whose carries `network` makes.
fn prefix_adder(
    netlist: &mut GateBuilder,
    a: &[Signal],
    b: &[Signal],
    network: fn(&mut Prefixes),
) -> Vec<Signal> {
    let bits = a.iter().zip(b).map(|(&a, &b)| {
        let (propagate, generate) = netlist.half_adder(a, b);
        Block { generate, propagate }
    });
    let bits: Vec<Block> = bits.collect();
    let mut prefixes = Prefixes { netlist, blocks: bits.clone() };
    network(&mut prefixes);
    let blocks = prefixes.blocks;
    let carries = std::iter::once(Signal::FALSE).chain(blocks.iter().map(|block| block.generate));
    let propagates = bits.iter().map(|bit| bit.propagate).chain([Signal::FALSE]);
    propagates.zip(carries).map(|(propagate, carry)| netlist.xor(propagate, carry)).collect()
}

/// Doubles every block at once: bit `i` takes the block that ends `d` bits below, for `d = 1, 2, 4, …`
/// from the highest bit down, so that each still finds the lower one as it was.
fn kogge_stone(prefixes: &mut Prefixes) {
    let mut distance = 1;
    while distance < prefixes.len() {
        for i in (distance..prefixes.len()).rev() {
            prefixes.combine(i, i - distance);
        }
        distance *= 2;
    }
}

/// Every upper half takes the one block that ends below it.
fn sklansky(prefixes: &mut Prefixes) {
    let mut distance = 1;
    while distance < prefixes.len() {
        for i in (0..prefixes.len()).filter(|i| i & distance != 0) {
            prefixes.combine(i, (i & !(distance - 1)) - 1);
        }
        distance *= 2;
    }
}

/// Doubles the blocks that end at multiples of 2, 4, 8, …, then fills in the others on the way back.
fn brent_kung(prefixes: &mut Prefixes) {
    let mut distance = 1;
    while distance < prefixes.len() {
        for i in (2 * distance - 1..prefixes.len()).step_by(2 * distance) {
            prefixes.combine(i, i - distance);
        }
        distance *= 2;
    }
    while distance > 1 {
        distance /= 2;
        for i in (3 * distance - 1..prefixes.len()).step_by(2 * distance) {
            prefixes.combine(i, i - distance);
        }
    }
}
