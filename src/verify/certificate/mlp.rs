//! One layer as tables: the new state of a position as a function of the states that its heads read.
//!
//! The heads add to the dynamic channels what depends on the states of their targets alone (C3). The MLP
//! sees those channels and, on some of the static ones, the *type* of the position. So for every type
//! the layer is evaluated for both old states and all states of `k` targets, with every operation
//! exact: the result must be one of the two states, the same for both old ones (C6). That is a row of
//! the type's truth table.

use std::collections::HashMap;

use super::exact::{Arithmetic, Dyadic, Sum};
use super::frame::Frame;
use super::{Checked, Failure};
use crate::model::Block;
use crate::network::words_per_table;

/// The most products that are formed, over all types of a layer: so many, and so many more for each number
/// of the position table, which large circuits of six operands a node come to.
const MAX_PRODUCTS: u64 = 1 << 29;
const MAX_PRODUCTS_PER_NUMBER: u64 = 1 << 10;
/// The most sums that are held for one layer: units times states of a position and its targets.
const MAX_HELD: usize = 1 << 24;

/// The truth tables of a layer.
pub struct Tables {
    /// The type of every position.
    pub types: Vec<u32>,
    /// [`words_per_table`] words per type; bit `r` is the value where bit `h` of `r` is the state that
    /// head `h` reads.
    pub tables: Vec<u64>,
}

impl Tables {
    pub fn n_types(&self) -> usize {
        self.types.iter().max().map_or(0, |&last| last as usize + 1)
    }
}

/// What the heads of a layer add: per head and state of its target, per dynamic channel.
pub type HeadOutputs = Vec<[Vec<Sum>; 2]>;

/// C3: what each head adds to the dynamic channels depends on its target's state alone.
pub fn head_outputs(
    frame: &Frame,
    (l, block): (usize, &Block),
    arithmetic: &mut Arithmetic,
) -> Checked<HeadOutputs> {
    let reads_static =
        |&((_, c, _), &w): &((usize, usize, usize), &f64)| w != 0.0 && !frame.is_dynamic(c);
    if let Some(((h, c, _), _)) = block.w_v.indexed_iter().find(reads_static) {
        let place = format!("layer {l}, head {h}: W_V reads the static channel {c}");
        return Err(Failure::new("C3", place));
    }
    let mut outputs = Vec::new();
    for h in 0..frame.model().n_heads() {
        let mut output = |bit| {
            head_output(frame, block, h, bit, arithmetic)
                .ok_or_else(|| Failure::new("C3", format!("layer {l}, head {h}: a value rounds")))
        };
        outputs.push([output(false)?, output(true)?]);
    }
    Ok(outputs)
}

/// The terms that head `h` adds to each dynamic channel when its target is in state `bit`.
fn head_output(
    frame: &Frame,
    block: &Block,
    h: usize,
    bit: bool,
    arithmetic: &mut Arithmetic,
) -> Option<Vec<Sum>> {
    let mut output = vec![Sum::EMPTY; frame.dynamic().len()];
    for (t, value) in values(frame, block, h, bit, arithmetic)?.into_iter().enumerate() {
        let value = Dyadic::new(value);
        for (output, &c) in output.iter_mut().zip(frame.dynamic()) {
            output.add_product(value, Dyadic::new(block.w_o[[h, t, c]]));
        }
    }
    Some(output)
}

/// The entries that head `h` reads from a position in state `bit`; none if one rounds.
pub fn values(
    frame: &Frame,
    block: &Block,
    h: usize,
    bit: bool,
    arithmetic: &mut Arithmetic,
) -> Option<Vec<f64>> {
    let entry = |(t, &bias): (usize, &f64)| {
        let mut sum = Sum::EMPTY;
        sum.add(Dyadic::new(bias));
        for (&c, &x) in frame.dynamic().iter().zip(frame.state(bit)) {
            sum.add_product(Dyadic::new(x), Dyadic::new(block.w_v[[h, c, t]]));
        }
        arithmetic.exact(&sum)
    };
    block.b_v.row(h).iter().enumerate().map(entry).collect()
}

/// C6: the truth table of every type of position.
pub fn find_tables(
    frame: &Frame,
    (l, block): (usize, &Block),
    heads: &HeadOutputs,
    arithmetic: &mut Arithmetic,
) -> Checked<Tables> {
    let at = |failure: Failure| failure.within(format!("layer {l}"));
    let mlp = Mlp::new(frame, block);
    let (types, examples) = mlp.sort_by_type(frame);
    let n_corners = 2 << heads.len();
    let cost = mlp.cost_of_type(n_corners as u64).saturating_mul(examples.len() as u64);
    let numbers = frame.model().w_pos.len() as u64;
    let most = MAX_PRODUCTS.saturating_add(numbers.saturating_mul(MAX_PRODUCTS_PER_NUMBER));
    if cost > most || n_corners * block.b_in.len() > MAX_HELD {
        let place = format!("{} types of positions and {n_corners} states each", examples.len());
        return Err(at(Failure::new("C6", format!("too many to evaluate: {place}"))));
    }
    let corners = mlp.corners(frame, block, heads, arithmetic).map_err(at)?;
    let mut tables = Vec::with_capacity(examples.len() * words_per_table(heads.len()));
    for &position in &examples {
        tables.extend(mlp.tabulate(frame, position, &corners, arithmetic).map_err(at)?);
    }
    Ok(Tables { types, tables })
}

/// The MLP's weights without their zeros.
struct Mlp {
    /// Per hidden unit the static channels that it reads.
    reads_static: Vec<Vec<(usize, Dyadic)>>,
    /// Per hidden unit the dynamic channels that it reads, by their place among those.
    reads_dynamic: Vec<Vec<(usize, Dyadic)>>,
    b_in: Vec<Dyadic>,
    /// Per hidden unit the dynamic channels that it writes, by their place among those.
    writes: Vec<Vec<(usize, Dyadic)>>,
    b_out: Vec<Dyadic>,
}

/// A state of the position and its targets, as the MLP meets it.
struct Corner {
    /// The row of the truth table: bit `h` is the state that head `h` reads.
    row: usize,
    /// The dynamic channels after the attention.
    dynamic: Vec<Dyadic>,
    /// What these channels and the bias add to each hidden unit.
    units: Vec<Sum>,
}

impl Mlp {
    fn new(frame: &Frame, block: &Block) -> Self {
        let n_channels = frame.model().d_model();
        let dynamic = || frame.dynamic().iter().copied().enumerate();
        let of_static = |u: usize| {
            let channels = (0..n_channels).filter(|&c| !frame.is_dynamic(c));
            nonzero(channels.map(|c| (c, block.w_in[[c, u]])))
        };
        let units = 0..block.b_in.len();
        Mlp {
            reads_static: units.clone().map(of_static).collect(),
            reads_dynamic: units
                .clone()
                .map(|u| nonzero(dynamic().map(|(i, c)| (i, block.w_in[[c, u]]))))
                .collect(),
            b_in: block.b_in.iter().map(|&b| Dyadic::new(b)).collect(),
            writes: units
                .map(|u| nonzero(dynamic().map(|(i, c)| (i, block.w_out[[u, c]]))))
                .collect(),
            b_out: dynamic().map(|(_, c)| Dyadic::new(block.b_out[c])).collect(),
        }
    }

    /// A bound on the products of one type.
    fn cost_of_type(&self, n_corners: u64) -> u64 {
        let count =
            |rows: &[Vec<(usize, Dyadic)>]| rows.iter().map(|row| 1 + row.len() as u64).sum();
        let (reads, writes): (u64, u64) = (count(&self.reads_static), count(&self.writes));
        n_corners.saturating_mul(writes).saturating_add(reads)
    }

    /// The type of every position, and a position of every type.
    ///
    /// Positions are of one type if they agree, number for number, on the static channels that some unit
    /// reads.
    fn sort_by_type(&self, frame: &Frame) -> (Vec<u32>, Vec<usize>) {
        let mut channels: Vec<usize> =
            self.reads_static.iter().flatten().map(|&(c, _)| c).collect();
        channels.sort_unstable();
        channels.dedup();
        let mut seen: HashMap<Vec<u64>, u32> = HashMap::new();
        let mut examples = Vec::new();
        let mut key = Vec::new();
        let mut types = Vec::with_capacity(frame.model().n_ctx());
        for position in 0..frame.model().n_ctx() {
            key.clear();
            // Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
            key.extend(channels.iter().map(|&c| (frame.at(position, c) + 0.0).to_bits()));
            let number = seen.get(&key).copied().unwrap_or_else(|| {
                seen.insert(key.clone(), examples.len() as u32);
                examples.push(position);
                examples.len() as u32 - 1
            });
            types.push(number);
        }
        (types, examples)
    }

    /// All states of a position and its targets.
    fn corners(
        &self,
        frame: &Frame,
        block: &Block,
        heads: &HeadOutputs,
        arithmetic: &mut Arithmetic,
    ) -> Checked<Vec<Corner>> {
        let mut corners = Vec::with_capacity(2 << heads.len());
        for row in 0..1usize << heads.len() {
            for old in [false, true] {
                let dynamic = after_attention(frame, block, heads, row, old, arithmetic);
                let dynamic: Vec<Dyadic> = dynamic.ok_or_else(|| {
                    Failure::new("C3", "the sum of the heads and the stream rounds")
                })?;
                let units = self.reads_dynamic.iter().zip(&self.b_in).map(|(reads, &bias)| {
                    let mut sum = Sum::EMPTY;
                    sum.add(bias);
                    reads.iter().for_each(|&(i, w)| sum.add_product(dynamic[i], w));
                    sum
                });
                let units = units.collect();
                corners.push(Corner { row, dynamic, units });
            }
        }
        Ok(corners)
    }

    /// The truth table of the type of `position`.
    fn tabulate(
        &self,
        frame: &Frame,
        position: usize,
        corners: &[Corner],
        arithmetic: &mut Arithmetic,
    ) -> Checked<Vec<u64>> {
        let fixed = self.reads_static.iter().map(|reads| {
            let mut sum = Sum::EMPTY;
            for &(c, w) in reads {
                sum.add_product(Dyadic::new(frame.at(position, c)), w);
            }
            sum
        });
        let fixed: Vec<Sum> = fixed.collect();
        let mut table = vec![0; corners.len().div_ceil(128)];
        for pair in corners.chunks_exact(2) {
            let row = pair[0].row;
            let bit = self.new_state(frame, &fixed, pair, arithmetic).map_err(|what| {
                Failure::new("C6", format!("position {position}, operands {row:b}: {what}"))
            })?;
            table[row / 64] |= u64::from(bit) << (row % 64);
        }
        Ok(table)
    }

    /// The state after the layer, the same for both old ones; or what is wrong.
    fn new_state(
        &self,
        frame: &Frame,
        fixed: &[Sum],
        pair: &[Corner],
        arithmetic: &mut Arithmetic,
    ) -> Result<bool, &'static str> {
        let mut bits = [false; 2];
        for (bit, corner) in bits.iter_mut().zip(pair) {
            let new = self.apply(fixed, corner, arithmetic).ok_or("the MLP rounds")?;
            *bit = frame.state_of(&new).ok_or("the new state is neither 0 nor 1")?;
        }
        if bits[0] == bits[1] { Ok(bits[0]) } else { Err("the new state depends on the old") }
    }

    /// The dynamic channels after the MLP, if every operation is exact.
    fn apply(
        &self,
        fixed: &[Sum],
        corner: &Corner,
        arithmetic: &mut Arithmetic,
    ) -> Option<Vec<f64>> {
        let mut new: Vec<Sum> = self
            .b_out
            .iter()
            .zip(&corner.dynamic)
            .map(|(&bias, &x)| {
                let mut sum = Sum::EMPTY;
                sum.add(bias);
                sum.add(x);
                sum
            })
            .collect();
        for ((fixed, unit), writes) in fixed.iter().zip(&corner.units).zip(&self.writes) {
            let mut sum = *unit;
            sum.add_sum(fixed);
            let hidden = arithmetic.exact(&sum)?;
            if hidden > 0.0 {
                let hidden = Dyadic::new(hidden);
                writes.iter().for_each(|&(i, w)| new[i].add_product(hidden, w));
            }
        }
        new.iter().map(|sum| arithmetic.exact(sum)).collect()
    }
}

/// The dynamic channels after the attention, for state `old` and targets as in `row`, if the sums are
/// exact.
fn after_attention(
    frame: &Frame,
    block: &Block,
    heads: &HeadOutputs,
    row: usize,
    old: bool,
    arithmetic: &mut Arithmetic,
) -> Option<Vec<Dyadic>> {
    let channels = frame.dynamic().iter().zip(frame.state(old)).enumerate();
    let entry = |(i, (&c, &x)): (usize, (&usize, &f64))| {
        let mut sum = Sum::EMPTY;
        sum.add(Dyadic::new(x));
        sum.add(Dyadic::new(block.b_o[c]));
        for (h, outputs) in heads.iter().enumerate() {
            sum.add_sum(&outputs[row >> h & 1][i]);
        }
        arithmetic.exact(&sum).map(Dyadic::new)
    };
    channels.map(entry).collect()
}

/// The entries that are not zero.
fn nonzero(entries: impl Iterator<Item = (usize, f64)>) -> Vec<(usize, Dyadic)> {
    entries.filter(|&(_, w)| w != 0.0).map(|(i, w)| (i, Dyadic::new(w))).collect()
}
