//! Linear maps over GF(2): cyclic redundancy checks and the Hamming(7,4) code.
//!
//! A flat circuit gives every output bit its own tree of XORs over the inputs it depends on; a shift
//! register takes the data bit by bit: the same function, far deeper. The parameters of the check are
//! those of Williams' catalogue (1993), with input and output reflected together.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always, ceil_log2};
use crate::circuit::{Circuit, WordOrder};
use crate::error::Result;

pub(super) const CRC: Family = Family {
    name: "crc",
    about: "the CRC of n data bits, data[0] sent first; with reflect=1 low bits of bytes come first",
    example: "crc:n=72,init=0xffffffff,reflect=1,xorout=0xffffffff",
    parameters: &[
        Parameter::size("n", "data bits", 1, 1 << 16),
        Parameter::size("width", "bits of the check", 1, 64).or(32),
        Parameter::size("poly", "generator without its top term", 1, u64::MAX).or(0x04C1_1DB7),
        Parameter::size("init", "start of the register", 0, u64::MAX).or(0),
        Parameter::size("reflect", "1: crc[0] is the top of the register", 0, 1).or(0),
        Parameter::size("xorout", "added to the check", 0, u64::MAX).or(0),
        Parameter::choice("mode", "trees of XORs, or a shift register", &["flat", "serial"]),
    ],
    size: Formula::new(
        "flat: the sum over check bits of the data bits they depend on, less 1 each",
        |p| (!is_serial(p)).then(|| weights(p).map(|weight| weight.saturating_sub(1)).sum()),
    ),
    depth: Formula::new("flat: ceil(log2) of the most data bits a check bit depends on", |p| {
        (!is_serial(p)).then(|| ceil_log2(weights(p).max().unwrap_or(0)))
    }),
    condition: |p| {
        let fits = ["poly", "init", "xorout"].iter().all(|&key| p[key] <= mask(p));
        if fits { Ok(()) } else { Err("poly, init and xorout below 2^width") }
    },
    build: crc,
};

pub(super) const HAMMING: Family = Family {
    name: "hamming74",
    about: "decodes r[0..6] (positions 1 to 7): data corrected in one place, and the syndrome",
    example: "hamming74",
    parameters: &[],
    size: Formula::new("20: 9 for the syndrome, 7 to locate, 4 to correct", |_| Some(20)),
    depth: Formula::new("5", |_| Some(5)),
    condition: always,
    build: |_| hamming_decode(),
};

pub(super) const HAMMING_ENCODE: Family = Family {
    name: "hamming74-encode",
    about: "encodes four data bits as c[0..6], with parity at positions 1, 2 and 4",
    example: "hamming74-encode",
    parameters: &[],
    size: Formula::new("6", |_| Some(6)),
    depth: Formula::new("2", |_| Some(2)),
    condition: always,
    build: |_| hamming_encode(),
};

fn is_serial(p: &Params) -> bool {
    p["mode"] == 1
}

/// The bits of the register.
fn mask(p: &Params) -> u64 {
    u64::MAX >> (64 - p["width"])
}

/// The register after one more 0 bit.
fn step(p: &Params, register: u64) -> u64 {
    let top = register >> (p["width"] - 1) & 1;
    (register << 1 & mask(p)) ^ if top == 1 { p["poly"] } else { 0 }
}

/// What each data bit adds to the register: the last one the generator, an earlier one that, shifted on.
fn columns(p: &Params) -> Vec<u64> {
    let powers = std::iter::successors(Some(p["poly"]), |&register| Some(step(p, register)));
    let mut columns: Vec<u64> = powers.take(p["n"] as usize).collect();
    columns.reverse();
    columns
}

/// For each bit of the register how many data bits it depends on.
fn weights(p: &Params) -> impl Iterator<Item = u64> {
    let columns = columns(p);
    (0..p["width"]).map(move |bit| columns.iter().map(|column| column >> bit & 1).sum())
}

fn crc(p: &Params) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let data = netlist.input_word("data", p["n"]);
    let mut register =
        if is_serial(p) { serial(&mut netlist, p, &data) } else { flat(&mut netlist, p, &data) };
    if p["reflect"] == 1 {
        register.reverse();
    }
    netlist.set_word_order("data", sending_order(p));
    let added = register.iter().enumerate().map(|(i, bit)| bit.flip_if(p["xorout"] >> i & 1 == 1));
    let check: Vec<Signal> = added.collect();
    netlist.output_word("crc", &check);
    netlist.finish()
}

/// The order in which the data read as a number is the byte string that is sent.
fn sending_order(p: &Params) -> WordOrder {
    match (p["reflect"], p["n"] % 8) {
        (0, _) => WordOrder::Msb,
        (_, 0) => WordOrder::Bytes,
        _ => WordOrder::Lsb,
    }
}

fn flat(netlist: &mut GateBuilder, p: &Params, data: &[Signal]) -> Vec<Signal> {
    let columns = columns(p);
    let constant = (0..p["n"]).fold(p["init"], |register, _| step(p, register));
    let row = |bit: u64| {
        let depends = data.iter().zip(&columns).filter(|(_, column)| *column >> bit & 1 == 1);
        let terms: Vec<Signal> = depends.map(|(&signal, _)| signal).collect();
        netlist.xor_tree(&terms).flip_if(constant >> bit & 1 == 1)
    };
    (0..p["width"]).map(row).collect()
}

/// The register shifts up; what falls out, plus the data bit, returns at the taps.
fn serial(netlist: &mut GateBuilder, p: &Params, data: &[Signal]) -> Vec<Signal> {
    let constant = |bit: u64| Signal::constant(p["init"] >> bit & 1 == 1);
    let mut register: Vec<Signal> = (0..p["width"]).map(constant).collect();
    for &bit in data {
        let top = register.pop().expect("the width is at least 1");
        let feedback = netlist.xor(top, bit);
        register.insert(0, Signal::FALSE);
        for (tap, signal) in register.iter_mut().enumerate() {
            if p["poly"] >> tap & 1 == 1 {
                *signal = netlist.xor(*signal, feedback);
            }
        }
    }
    register
}

/// Positions 1 to 7 of a code word, as indices; those of the data are no powers of two.
const DATA_POSITIONS: [usize; 4] = [2, 4, 5, 6];

fn hamming_encode() -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let data = netlist.input_word("d", 4);
    let mut code = [Signal::FALSE; 7];
    for (position, bit) in DATA_POSITIONS.into_iter().zip(data) {
        code[position] = bit;
    }
    for power in 0..3 {
        code[(1 << power) - 1] = parity(&mut netlist, &code, power);
    }
    netlist.output_word("c", &code);
    netlist.finish()
}

/// The parity of the positions whose number, from 1, has the bit `power`.
fn parity(netlist: &mut GateBuilder, code: &[Signal], power: usize) -> Signal {
    let covered = code.iter().enumerate().filter(|(i, _)| (i + 1) >> power & 1 == 1);
    let bits = covered.map(|(_, &bit)| bit).filter(|&bit| bit != Signal::FALSE);
    netlist.xor_tree(&bits.collect::<Vec<_>>())
}

/// The syndrome is the number, from 1, of the position that is wrong, or 0.
fn hamming_decode() -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let received = netlist.input_word("r", 7);
    let syndrome: [Signal; 3] = std::array::from_fn(|power| parity(&mut netlist, &received, power));
    let [one, two, four] = syndrome;
    let one_two = netlist.and(one, two);
    let one_four = netlist.and(one, four);
    let two_four = netlist.and(two, four);
    let wrong = [
        netlist.and(one_two, !four),
        netlist.and(one_four, !two),
        netlist.and(two_four, !one),
        netlist.and(one_two, four),
    ];
    let corrected = DATA_POSITIONS.iter().zip(wrong);
    let data: Vec<Signal> =
        corrected.map(|(&position, wrong)| netlist.xor(received[position], wrong)).collect();
    netlist.output_word("d", &data);
    netlist.output_word("syndrome", &syndrome);
    netlist.finish()
}
