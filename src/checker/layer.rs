//! A layer as truth tables: what state a position takes from the states that its heads read.
//!
//! Values depend on a target's state alone. A position's static channels, as far as a hidden unit reads them, are its
//! *type*. For every type, both old states and all states of the targets the layer is multiplied out; the result
//! must be the state that the witness' table says, whatever the old one.

use crate::frame::{Column, Frame, columns, static_sum};
use crate::json::Entry;
use crate::model::Block;
use crate::sum::{Arithmetic, Number, Sum};
use crate::{Checked, Refusal};

/// A truth table over the heads: bit `r` is the value where bit `h` of `r` is the state that head `h` reads.
pub type Table = [u64; 4];

pub fn at(table: &Table, row: usize) -> bool {
    table[row / 64] >> (row % 64) & 1 == 1
}

/// Products that are formed at most, and so many more per number of the position table.
const MAX_PRODUCTS: u64 = 1 << 29;
const MAX_PRODUCTS_PER_NUMBER: u64 = 1 << 10;

/// What a head reads from a position in state 0 and in state 1, `d_head` entries each.
///
/// # Errors
/// It reads a static channel, or a sum rounds.
pub fn values(
    frame: &Frame,
    block: &Block,
    h: usize,
    arithmetic: &mut Arithmetic,
) -> Checked<[Vec<f64>; 2]> {
    let (d, t) = (frame.model.d_model, frame.model.d_head);
    let weights = columns(&block.w_v[h * d * t..][..d * t], t);
    let biases = &block.b_v[h * t..][..t];
    if weights.iter().flatten().any(|&(channel, _)| !frame.is_dynamic[channel]) {
        return Err(Refusal::new(format!("W_V of head {h}"), "reads a static channel"));
    }
    let mut of_state = |bit: usize| {
        let entry = |(weights, &bias): (&Column, &f64)| {
            let mut sum = Sum::EMPTY;
            sum.add(Number::new(bias));
            for &(channel, weight) in weights {
                let i = frame.dynamic.partition_point(|&c| c < channel);
                sum.add_product(Number::new(frame.states[bit][i]), weight);
            }
            arithmetic.exact(&sum)
        };
        let entries: Option<Vec<f64>> = weights.iter().zip(biases).map(entry).collect();
        entries.ok_or_else(|| Refusal::new(format!("head {h}"), "a value rounds"))
    };
    Ok([of_state(0)?, of_state(1)?])
}

/// A layer, read once for all of its types.
struct Layer<'a> {
    frame: &'a Frame<'a>,
    /// Per hidden unit the channels that it reads.
    reads: Vec<Column>,
    /// Per hidden unit the dynamic channels that it writes, by their place among those.
    writes: Vec<Column>,
    block: &'a Block,
    corners: Vec<Corner>,
}

/// An old state and the states of the targets.
struct Corner {
    row: usize,
    /// The dynamic channels after the attention.
    stream: Vec<Number>,
    /// What they add to each hidden unit.
    units: Vec<Sum>,
}

/// Checks `types` and `tables` of a layer; the tables.
///
/// # Errors
/// The entry that is wrong.
pub fn require_tables(
    frame: &Frame,
    block: &Block,
    (types_entry, types): (&Entry, &[i64]),
    tables_entry: &Entry,
    arithmetic: &mut Arithmetic,
) -> Checked<Vec<Table>> {
    let tables = read_tables(tables_entry, frame.model.heads)?;
    let layer = Layer::new(frame, block, arithmetic)?;
    let examples = layer.require_types(types_entry, types, tables.len())?;
    let most = MAX_PRODUCTS + MAX_PRODUCTS_PER_NUMBER * frame.model.w_pos.len() as u64;
    if layer.products_per_type().saturating_mul(examples.len() as u64) > most {
        return Err(types_entry.refuse("are too many to multiply out"));
    }
    for (kind, (&position, table)) in examples.iter().zip(&tables).enumerate() {
        let right = layer.require_table(position, table, arithmetic);
        right.map_err(|reason| tables_entry.refuse_at(kind, reason))?;
    }
    Ok(tables)
}

fn read_tables(entry: &Entry, heads: usize) -> Checked<Vec<Table>> {
    let digits = (1usize << heads).div_ceil(4);
    let table = |entry: &Entry| {
        let text = entry.text()?;
        let is_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let excess = heads == 1 && text > "3";
        if text.len() != digits || !is_hex || excess {
            return Err(entry.refuse(format!("is no table of {} rows", 1 << heads)));
        }
        let mut table = [0; 4];
        for (i, digit) in text.chars().rev().enumerate() {
            let digit = digit.to_digit(16).unwrap_or_default();
            table[i / 16] |= u64::from(digit) << (4 * (i % 16));
        }
        Ok(table)
    };
    entry.array()?.iter().map(table).collect()
}

impl<'a> Layer<'a> {
    fn new(frame: &'a Frame, block: &'a Block, arithmetic: &mut Arithmetic) -> Checked<Self> {
        let (d, n_units) = (frame.model.d_model, frame.model.d_mlp);
        let mut writes = vec![Vec::new(); n_units];
        for (at, &w) in block.w_out.iter().enumerate().filter(|&(_, &w)| w != 0.0) {
            let place = frame.dynamic.partition_point(|&c| c < at % d);
            writes[at / d].push((place, Number::new(w)));
        }
        let reads = columns(&block.w_in, n_units.max(1));
        let mut layer = Layer { frame, reads, writes, block, corners: Vec::new() };
        layer.reads.truncate(n_units);
        let added = layer.added_by_heads(arithmetic)?;
        for row in 0..1 << frame.model.heads {
            for old in 0..2 {
                let corner = layer.corner(row, old, &added, arithmetic);
                let rounds = || Refusal::new(format!("targets {row:b}"), "the stream rounds");
                let corner = corner.ok_or_else(rounds)?;
                layer.corners.push(corner);
            }
        }
        Ok(layer)
    }

    /// Products that one type takes.
    fn products_per_type(&self) -> u64 {
        let count = |rows: &[Vec<_>]| rows.iter().map(|row| row.len() as u64 + 1).sum::<u64>();
        count(&self.reads) + count(&self.writes) * self.corners.len() as u64
    }

    /// What each head adds to the dynamic channels, by the state of its target.
    fn added_by_heads(&self, arithmetic: &mut Arithmetic) -> Checked<Vec<[Vec<Sum>; 2]>> {
        let (frame, t) = (self.frame, self.frame.model.d_head);
        let d = frame.model.d_model;
        let mut added = Vec::new();
        for h in 0..frame.model.heads {
            let values = values(frame, self.block, h, arithmetic)?;
            added.push(values.map(|values| {
                let mut sums = vec![Sum::EMPTY; frame.dynamic.len()];
                for (t, value) in values.into_iter().enumerate().map(|(i, v)| (h * t + i, v)) {
                    for (sum, &c) in sums.iter_mut().zip(&frame.dynamic) {
                        let weight = Number::new(self.block.w_o[t * d + c]);
                        sum.add_product(Number::new(value), weight);
                    }
                }
                sums
            }));
        }
        Ok(added)
    }

    fn corner(
        &self,
        row: usize,
        old: usize,
        added: &[[Vec<Sum>; 2]],
        arithmetic: &mut Arithmetic,
    ) -> Option<Corner> {
        let entry = |(i, &c): (usize, &usize)| {
            let mut sum = Sum::EMPTY;
            sum.add(Number::new(self.frame.states[old][i]));
            sum.add(Number::new(self.block.b_o[c]));
            added.iter().enumerate().for_each(|(h, of)| sum.add_terms(&of[row >> h & 1][i]));
            arithmetic.exact(&sum).map(Number::new)
        };
        let stream: Option<Vec<Number>> =
            self.frame.dynamic.iter().enumerate().map(entry).collect();
        let stream = stream?;
        let unit = |reads: &Column| {
            let mut sum = Sum::EMPTY;
            for &(channel, weight) in reads.iter().filter(|read| self.frame.is_dynamic[read.0]) {
                let place = self.frame.dynamic.partition_point(|&c| c < channel);
                sum.add_product(stream[place], weight);
            }
            sum
        };
        let units = self.reads.iter().map(unit).collect();
        Some(Corner { row, stream, units })
    }

    /// Types are numbered in the order of their first positions; positions of one type agree on every static
    /// channel that a unit reads, those of two types do not. The first position of each.
    fn require_types(&self, entry: &Entry, types: &[i64], n_types: usize) -> Checked<Vec<usize>> {
        let is_read = |channel: usize| !self.frame.is_dynamic[channel];
        let mut channels: Vec<usize> =
            self.reads.iter().flatten().map(|&(c, _)| c).filter(|&c| is_read(c)).collect();
        channels.sort_unstable();
        channels.dedup();
        // Adding 0 makes -0 the same as 0.
        let bits = |position: usize| {
            channels.iter().map(move |&c| (self.frame.at(position, c) + 0.0).to_bits())
        };
        let mut examples = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (position, &kind) in types.iter().enumerate() {
            let kind = kind as usize;
            if kind == examples.len() {
                examples.push(position);
                if !seen.insert(bits(position).collect::<Vec<u64>>()) {
                    return Err(entry.refuse_at(position, "is a type that there is already"));
                }
            } else if kind > examples.len() || !bits(position).eq(bits(examples[kind])) {
                return Err(entry.refuse_at(position, "is not the type of this position"));
            }
        }
        if examples.len() != n_types {
            return Err(entry.refuse(format!("has {} types for {n_types} tables", examples.len())));
        }
        Ok(examples)
    }

    fn require_table(
        &self,
        position: usize,
        table: &Table,
        arithmetic: &mut Arithmetic,
    ) -> Result<(), String> {
        let units = self.reads.iter().zip(&self.block.b_in);
        let fixed = units.map(|(reads, &bias)| static_sum(self.frame, position, bias, reads));
        let fixed: Vec<Sum> = fixed.collect();
        for corner in &self.corners {
            let row = corner.row;
            let new = self.apply(&fixed, corner, arithmetic);
            let new = new.ok_or_else(|| format!("row {row:b}: the MLP rounds"))?;
            if self.frame.state_of(&new) != Some(at(table, row)) {
                return Err(format!("row {row:b}: the layer leaves another state"));
            }
        }
        Ok(())
    }

    /// The dynamic channels after the layer.
    fn apply(
        &self,
        fixed: &[Sum],
        corner: &Corner,
        arithmetic: &mut Arithmetic,
    ) -> Option<Vec<f64>> {
        let bias = |(i, &c): (usize, &usize)| {
            let mut sum = Sum::EMPTY;
            sum.add(corner.stream[i]);
            sum.add(Number::new(self.block.b_out[c]));
            sum
        };
        let mut new: Vec<Sum> = self.frame.dynamic.iter().enumerate().map(bias).collect();
        for ((unit, dynamic), writes) in fixed.iter().zip(&corner.units).zip(&self.writes) {
            let mut unit = *unit;
            unit.add_terms(dynamic);
            let hidden = arithmetic.exact(&unit)?;
            if hidden > 0.0 {
                let hidden = Number::new(hidden);
                writes.iter().for_each(|&(place, w)| new[place].add_product(hidden, w));
            }
        }
        new.iter().map(|sum| arithmetic.exact(sum)).collect()
    }
}
