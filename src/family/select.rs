//! Comparator, equality, multiplexer and decoder.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always, ceil_log2};
use crate::circuit::Circuit;
use crate::error::Result;

const WIDTH: &[Parameter] = &[Parameter::size("n", "bits of a and of b", 1, 2_000_000)];
const SELECT_BITS: &[Parameter] = &[Parameter::size("q", "select bits, of 2^q lines", 1, 21)];

pub(super) const COMPARATOR: Family = Family {
    name: "comparator",
    about: "lt, eq, gt: which of a < b, a = b, a > b holds",
    example: "comparator:8",
    parameters: WIDTH,
    size: Formula::new("5 n - 2", |p| Some(5 * p["n"] - 2)),
    depth: Formula::new("2 L + 2", |p| Some(2 * ceil_log2(p["n"]) + 2)),
    condition: always,
    build: comparator,
};

pub(super) const EQUALITY: Family = Family {
    name: "eq",
    about: "1 where a = b",
    example: "eq:8",
    parameters: WIDTH,
    size: Formula::new("2 n - 1", |p| Some(2 * p["n"] - 1)),
    depth: Formula::new("L + 1", |p| Some(ceil_log2(p["n"]) + 1)),
    condition: always,
    build: equality,
};

pub(super) const MUX: Family = Family {
    name: "mux",
    about: "y = d[s], one of 2^q data bits, as a tree of two-way multiplexers",
    example: "mux:4",
    parameters: SELECT_BITS,
    size: Formula::new("3 (2^q - 1)", |p| Some(3 * ((1 << p["q"]) - 1))),
    depth: Formula::new("2 q", |p| Some(2 * p["q"])),
    condition: always,
    build: mux,
};

pub(super) const DECODER: Family = Family {
    name: "decoder",
    about: "y has 2^q bits, of which number s alone is 1",
    example: "decoder:4",
    parameters: SELECT_BITS,
    size: Formula::new("D(q) = 2^q + D(ceil(q/2)) + D(floor(q/2)), D(1) = 0", |p| {
        Some(decoder_size(p["q"]))
    }),
    depth: Formula::new("ceil(log2 q)", |p| Some(ceil_log2(p["q"]))),
    condition: always,
    build: decoder,
};

fn decoder_size(q: u64) -> u64 {
    if q == 1 { 0 } else { (1 << q) + decoder_size(q.div_ceil(2)) + decoder_size(q / 2) }
}

/// How the same bits of two words compare.
struct Order {
    less: Signal,
    equal: Signal,
}

/// The higher half decides where it differs, so halves merge as a tree.
fn comparator(p: &Params) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let a = netlist.input_word("a", p["n"]);
    let b = netlist.input_word("b", p["n"]);
    let compare = |(&a, &b): (&Signal, &Signal)| Order {
        less: netlist.and(!a, b),
        equal: !netlist.xor(a, b),
    };
    let bits: Vec<Order> = a.iter().zip(&b).map(compare).collect();
    let merge = |netlist: &mut GateBuilder, low: &Order, high: &Order| {
        let low_decides = netlist.and(high.equal, low.less);
        Order {
            less: netlist.or(high.less, low_decides),
            equal: netlist.and(high.equal, low.equal),
        }
    };
    let order = netlist.balance(bits, merge).expect("n is at least 1");
    let greater = netlist.and(!order.less, !order.equal);
    netlist.output("lt", order.less);
    netlist.output("eq", order.equal);
    netlist.output("gt", greater);
    netlist.finish()
}

fn equality(p: &Params) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let a = netlist.input_word("a", p["n"]);
    let b = netlist.input_word("b", p["n"]);
    let same: Vec<Signal> = a.iter().zip(&b).map(|(&a, &b)| !netlist.xor(a, b)).collect();
    let y = netlist.and_tree(&same);
    netlist.output("y", y);
    netlist.finish()
}

fn mux(p: &Params) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let select = netlist.input_word("s", p["q"]);
    let data = netlist.input_word("d", 1 << p["q"]);
    let y = mux_tree(&mut netlist, &select, &data);
    netlist.output("y", y);
    netlist.finish()
}

/// `data[select]`, where `data` has `2^q` signals and `select` has `q`.
pub(super) fn mux_tree(netlist: &mut GateBuilder, select: &[Signal], data: &[Signal]) -> Signal {
    let mut lines = data.to_vec();
    for &bit in select {
        lines = lines.chunks_exact(2).map(|pair| netlist.mux(bit, pair[0], pair[1])).collect();
    }
    lines[0]
}

fn decoder(p: &Params) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let select = netlist.input_word("s", p["q"]);
    let lines = decode(&mut netlist, &select);
    netlist.output_word("y", &lines);
    netlist.finish()
}

/// The products of all lines of the two halves. Recursion halves the bits.
fn decode(netlist: &mut GateBuilder, select: &[Signal]) -> Vec<Signal> {
    if let [bit] = *select {
        return vec![!bit, bit];
    }
    let (low, high) = select.split_at(select.len() / 2);
    let low = decode(netlist, low);
    let high = decode(netlist, high);
    let row = |&high: &Signal| low.iter().map(|&low| netlist.and(high, low)).collect::<Vec<_>>();
    high.iter().flat_map(row).collect()
}
