//! Multipliers of two `n`-bit numbers: rows added one after the other, and Wallace's reduction.
//!
//! Both start from the `n^2` partial products `a_i b_j`, of weight `2^(i+j)`. The array adds row after
//! row by ripple carry. Wallace's (1964) takes the bits of each column three at a time, the earliest
//! first, through full adders, and a pair left over in a column of more than two through a half adder,
//! until at most two are left in each, which one ripple adder sums.

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, Parameter, Params, always};
use crate::circuit::Circuit;
use crate::error::Result;

const WIDTH: &[Parameter] = &[Parameter::size("n", "bits of a and of b", 1, 1024)];

pub(super) const ARRAY: Family = Family {
    name: "mult",
    about: "product = a * b, row after row",
    example: "mult:8",
    parameters: WIDTH,
    size: Formula::new("6 n^2 - 8 n; 1 at n = 1", |p| {
        let n = p["n"];
        Some((6 * n * n).saturating_sub(8 * n).max(1))
    }),
    depth: Formula::new("6 n - 8 (n >= 3)", |p| (p["n"] >= 3).then(|| 6 * p["n"] - 8)),
    condition: always,
    build: |p| build(p, sum_rows),
};

pub(super) const WALLACE: Family = Family {
    name: "mult-wallace",
    about: "product = a * b, columns reduced three bits at a time, then a ripple adder",
    example: "mult-wallace:8",
    parameters: WIDTH,
    size: Formula::new("by counting the adders of each column; about 6 n^2", |p| {
        Some(wallace_size(p["n"] as usize))
    }),
    depth: Formula::none("about 3 n: 23 at n = 8, 49 at 16, 99 at 32"),
    condition: always,
    build: |p| build(p, sum_columns),
};

/// The gates of Wallace's reduction and the ripple adder, from the heights of the columns alone.
fn wallace_size(n: usize) -> u64 {
    let mut heights: Vec<usize> =
        (0..2 * n).map(|c| (c + 1).min((2 * n - 1).abs_diff(c))).collect();
    let mut size = n * n;
    while heights.iter().any(|&height| height > 2) {
        let full = |height: usize| height / 3;
        let half = |height: usize| usize::from(height > 2 && height % 3 == 2);
        let mut carried = 0;
        for height in &mut heights {
            let (fulls, halves) = (full(*height), half(*height));
            size += 5 * fulls + 2 * halves;
            *height = *height - 2 * fulls - halves + carried;
            carried = fulls + halves;
        }
    }
    let mut carry = false;
    let top = heights.pop().expect("there are 2 n columns");
    for height in heights {
        let bits = height + usize::from(carry);
        size += [0, 0, 2, 5][bits];
        carry = bits >= 2;
    }
    // The product has 2 n bits, so the top column needs its sum only.
    (size + (top + usize::from(carry)).saturating_sub(1)) as u64
}

fn build(p: &Params, sum: fn(&mut GateBuilder, &[Vec<Signal>]) -> Vec<Signal>) -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let a = netlist.input_word("a", p["n"]);
    let b = netlist.input_word("b", p["n"]);
    let rows: Vec<Vec<Signal>> =
        b.iter().map(|&b| a.iter().map(|&a| netlist.and(a, b)).collect()).collect();
    let product = sum(&mut netlist, &rows);
    netlist.output_word("product", &product);
    netlist.finish()
}

/// The sum of rows, row `j` shifted by `j`.
fn sum_rows(netlist: &mut GateBuilder, rows: &[Vec<Signal>]) -> Vec<Signal> {
    let mut product = Vec::with_capacity(2 * rows.len());
    let mut high: Vec<Signal> = Vec::new();
    for row in rows {
        let mut carry = Signal::FALSE;
        let mut sum = Vec::with_capacity(row.len() + 1);
        for (i, &bit) in row.iter().enumerate() {
            let above = high.get(i).copied().unwrap_or(Signal::FALSE);
            let (bit, next) = netlist.full_adder(bit, above, carry);
            sum.push(bit);
            carry = next;
        }
        sum.push(carry);
        product.push(sum.remove(0));
        high = sum;
    }
    product.extend(high);
    product
}

/// The sum of rows, row `j` shifted by `j`, by Wallace's reduction.
fn sum_columns(netlist: &mut GateBuilder, rows: &[Vec<Signal>]) -> Vec<Signal> {
    let mut columns: Vec<Vec<Signal>> = vec![Vec::new(); 2 * rows.len()];
    for (j, row) in rows.iter().enumerate() {
        for (i, &bit) in row.iter().enumerate() {
            columns[i + j].push(bit);
        }
    }
    while columns.iter().any(|column| column.len() > 2) {
        columns = reduce(netlist, columns);
    }
    let mut carry = Signal::FALSE;
    let mut product = Vec::with_capacity(columns.len());
    for column in columns {
        let bit = |i: usize| column.get(i).copied().unwrap_or(Signal::FALSE);
        let (sum, next) = netlist.full_adder(bit(0), bit(1), carry);
        product.push(sum);
        carry = next;
    }
    product
}

/// One stage: sums stay in their column, carries move one up. The top column never carries.
fn reduce(netlist: &mut GateBuilder, columns: Vec<Vec<Signal>>) -> Vec<Vec<Signal>> {
    let mut reduced: Vec<Vec<Signal>> = vec![Vec::new(); columns.len()];
    for (c, mut column) in columns.into_iter().enumerate() {
        column.sort_by_key(|&bit| netlist.level(bit));
        let high = column.len() > 2;
        for bits in column.chunks(3) {
            let (sum, carry) = match *bits {
                [a, b, c] => netlist.full_adder(a, b, c),
                [a, b] if high => netlist.half_adder(a, b),
                _ => {
                    reduced[c].extend(bits);
                    continue;
                }
            };
            reduced[c].push(sum);
            if let Some(next) = reduced.get_mut(c + 1) {
                next.push(carry);
            }
        }
    }
    reduced
}
