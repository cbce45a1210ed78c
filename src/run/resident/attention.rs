//! Attention as a constant: the one position that every head of every position reads.
//!
//! Queries and keys that read static channels only make the scores constants. If all are exact (see
//! `exact`) and one exceeds every other by the softmax threshold and more, the reference engine's
//! softmax is exactly 1 there and 0 elsewhere: the largest score minus itself is 0, `exp(0) = 1`, the
//! other terms underflow, their sum is 1.
//!
//! Where keys are codes, `±κ` in every entry, no two alike, no score is formed. A query `±β` with the signs
//! of one key has score `βκ(m - 2d)` at a key that differs from it in `d` of `m` entries, so that one leads
//! by `2βκ·d`, `d ≥ 1`, and `d ≥ 2` if all keys have an even or all an odd number of positive entries. Rows
//! without such a query are enumerated.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use foldhash::fast::RandomState;

use super::exact::{Bound, Sum};
use super::frame::{Affine, Frame};
use super::{in_chunks, refuse};
use crate::error::Result;
use crate::model::{Attention, Block};

/// The most products of scores that are formed one by one, in all heads and layers.
const MAX_ENUMERATED: usize = 1 << 28;

/// Required of a score difference beyond the softmax threshold: more than the engine adds to it.
const MARGIN: f64 = 1.0;

/// In the place of a target that has not been found.
const UNKNOWN: u32 = u32::MAX;

/// Finds targets, within a budget of enumerated products.
#[derive(Debug)]
pub struct Targets<'f> {
    frame: &'f Frame<'f>,
    least_gap: f64,
    budget: usize,
}

impl<'f> Targets<'f> {
    pub fn new(frame: &'f Frame<'f>) -> Self {
        let least_gap = frame.model.dtype.softmax_threshold() + MARGIN;
        Targets { frame, least_gap, budget: MAX_ENUMERATED }
    }

    /// The targets of every head at every position, `[n_ctx, n_heads]`.
    ///
    /// # Errors
    /// The premise that fails, and where.
    pub fn find(&mut self, block: &Block) -> Result<Vec<u32>> {
        let (n, n_heads) = (self.frame.model.n_ctx(), self.frame.model.n_heads());
        let mut targets = vec![0; n * n_heads];
        let mut keys: Option<Keys> = None;
        for h in 0..n_heads {
            let projection =
                self.projection("W_K", h, |c, t| block.w_k[[h, c, t]], |t| block.b_k[[h, t]])?;
            // Heads often share their keys.
            let shared = keys.take().filter(|keys| keys.projection == projection);
            let head = match shared {
                Some(keys) => keys,
                None => Keys::new(self.frame, projection)?,
            };
            let queries =
                self.projection("W_Q", h, |c, t| block.w_q[[h, c, t]], |t| block.b_q[[h, t]])?;
            let mut position = 0;
            for found in in_chunks(n, |positions| self.look_up(&head, &queries, positions)) {
                for target in found? {
                    targets[position * n_heads + h] = match target {
                        UNKNOWN => self.enumerate(&head, &queries, position)?,
                        target => target,
                    };
                    position += 1;
                }
            }
            keys = Some(head);
        }
        Ok(targets)
    }

    fn projection(
        &self,
        name: &str,
        h: usize,
        weight: impl Fn(usize, usize) -> f64,
        bias: impl Fn(usize) -> f64,
    ) -> Result<Projection> {
        let entry = |t| Affine::new(self.frame, |c| weight(c, t), bias(t));
        let entries: Vec<Affine> = (0..self.frame.model.d_head()).map(entry).collect();
        match entries.iter().find_map(|entry| entry.dynamic.first()) {
            None => Ok(Projection::new(self.frame, entries)),
            Some(&(d, _)) => {
                let place = format!("{name} of head {h} reads channel {}", self.frame.dynamic[d]);
                refuse("queries and keys that ignore what the blocks write", place)
            }
        }
    }

    /// How many positions a position may read.
    fn visible(&self, position: usize) -> usize {
        match self.frame.model.attention {
            Attention::Bidirectional => self.frame.model.n_ctx(),
            Attention::Causal => position + 1,
        }
    }

    /// The targets at some positions, where keys are codes and a query is a key's.
    fn look_up(
        &self,
        keys: &Keys,
        queries: &Projection,
        positions: Range<usize>,
    ) -> Result<Vec<u32>> {
        // All codes first: the table is far away in memory, and the processor then waits for several rows of
        // it at once.
        let codes = codes(self.frame, queries, positions.clone())?;
        let target = |(code, position): (Option<Code>, usize)| {
            let index = keys.index.as_ref()?;
            let (target, lead) = index.look_up(code?)?;
            let score = Bound { magnitude: lead.magnitude * queries.entries.len() as f64, ..lead };
            let is_settled = (target as usize) < self.visible(position)
                && score.is_exact_in(self.frame.model.dtype)
                && 2.0 * index.distance * lead.magnitude >= self.least_gap;
            is_settled.then_some(target)
        };
        let targets = codes.into_iter().zip(positions).map(target);
        Ok(targets.map(|target| target.unwrap_or(UNKNOWN)).collect())
    }

    /// The target at a position, by forming all scores.
    fn enumerate(&mut self, keys: &Keys, queries: &Projection, position: usize) -> Result<u32> {
        let mut vectors = Vectors::new(self.frame, queries);
        let query = vectors.at(position)?;
        let visible = self.visible(position);
        let cost = visible.saturating_mul(1 + query.len());
        match self.budget.checked_sub(cost) {
            Some(left) => self.budget = left,
            None => return refuse("codes as keys, or few scores", format!("position {position}")),
        }
        let all = keys.vectors(self.frame)?;
        let (mut target, mut best, mut second) = (0, f64::NEG_INFINITY, f64::NEG_INFINITY);
        for j in 0..visible {
            let key = &all[j * query.len()..(j + 1) * query.len()];
            let mut score = Sum::new(0.0);
            query.iter().zip(key).for_each(|(&q, &k)| score.add_product(q, k));
            if !score.bound.is_exact_in(self.frame.model.dtype) {
                return refuse("scores that do not round", format!("position {position}, key {j}"));
            }
            if score.value > best {
                (target, best, second) = (j as u32, score.value, best)
            } else {
                second = second.max(score.value)
            }
        }
        if best - second >= self.least_gap {
            return Ok(target);
        }
        let expected = format!("softmax rows that are one-hot, scores {:.2} apart", self.least_gap);
        refuse(&expected, format!("{} at position {position}", best - second))
    }
}

/// Queries or keys of a head: affine maps of static channels.
#[derive(PartialEq)]
struct Projection {
    entries: Vec<Affine>,
    /// Bias, channel and weight of every entry, if none reads more than a channel and none rounds at any
    /// position, as the bounds of whole channels show.
    copies: Option<Vec<(f64, usize, f64)>>,
}

impl Projection {
    fn new(frame: &Frame, entries: Vec<Affine>) -> Self {
        let copy = |entry: &Affine| match *entry.fixed {
            _ if !entry.bound(frame).is_exact_in(frame.model.dtype) => None,
            [] => Some((entry.bias, 0, 0.0)),
            [(c, w)] => Some((entry.bias, c, w)),
            _ => None,
        };
        let copies = entries.iter().map(copy).collect();
        Projection { entries, copies }
    }
}

/// Forms the queries or keys of positions one after the other.
struct Vectors<'p> {
    frame: &'p Frame<'p>,
    projection: &'p Projection,
    row: Vec<f64>,
    vector: Vec<f64>,
}

impl<'p> Vectors<'p> {
    fn new(frame: &'p Frame, projection: &'p Projection) -> Self {
        Vectors { frame, projection, row: Vec::new(), vector: Vec::new() }
    }

    /// # Errors
    /// An entry rounds.
    fn at(&mut self, position: usize) -> Result<&[f64]> {
        let Projection { entries, copies } = self.projection;
        self.vector.clear();
        if let Some(copies) = copies {
            let row = self.frame.row(position, false, &mut self.row);
            self.vector.extend(copies.iter().map(|&(b, c, w)| b + row[c] * w));
            return Ok(&self.vector);
        }
        for entry in entries {
            let sum = entry.fixed_part(self.frame, position);
            if !sum.bound.is_exact_in(self.frame.model.dtype) {
                let place = format!("position {position}");
                return refuse("queries and keys that do not round", place);
            }
            self.vector.push(sum.value);
        }
        Ok(&self.vector)
    }
}

/// The keys of a head.
struct Keys {
    projection: Projection,
    /// `[n_ctx, d_head]`, once somebody has asked for them.
    vectors: OnceLock<Vec<f64>>,
    index: Option<Index>,
}

impl Keys {
    fn new(frame: &Frame, projection: Projection) -> Result<Keys> {
        let n = frame.model.n_ctx();
        let mut codes = Vec::with_capacity(n);
        for of_chunk in in_chunks(n, |positions| self::codes(frame, &projection, positions)) {
            codes.extend(of_chunk?);
        }
        let codes: Option<Vec<_>> = codes.into_iter().collect();
        let index = codes.and_then(|codes| Index::new(&codes));
        Ok(Keys { projection, vectors: OnceLock::new(), index })
    }

    fn vectors(&self, frame: &Frame) -> Result<&[f64]> {
        if let Some(known) = self.vectors.get() {
            return Ok(known);
        }
        let (mut vectors, mut all) = (Vectors::new(frame, &self.projection), Vec::new());
        for position in 0..frame.model.n_ctx() {
            all.extend_from_slice(vectors.at(position)?);
        }
        Ok(self.vectors.get_or_init(|| all))
    }
}

/// Keys that are codes of one magnitude, pairwise different, by their signs.
struct Index {
    positions: HashMap<u128, u32, RandomState>,
    magnitude: f64,
    /// A lower bound on the number of entries in which two keys differ.
    distance: f64,
}

impl Index {
    fn new(codes: &[Code]) -> Option<Index> {
        let &(first, magnitude) = codes.first()?;
        let mut positions = HashMap::with_capacity_and_hasher(codes.len(), RandomState::default());
        for (position, &(signs, of_key)) in codes.iter().enumerate() {
            if of_key != magnitude || positions.insert(signs, position as u32).is_some() {
                return None;
            }
        }
        let parity = |signs: u128| signs.count_ones() % 2;
        let one_parity = codes.iter().all(|&(signs, _)| parity(signs) == parity(first));
        Some(Index { positions, magnitude, distance: if one_parity { 2.0 } else { 1.0 } })
    }

    /// The key with the signs of the query, and one product of a score.
    fn look_up(&self, (signs, magnitude): Code) -> Option<(u32, Bound)> {
        let target = *self.positions.get(&signs)?;
        Some((target, Bound::of(self.magnitude).times(magnitude)))
    }
}

/// The signs and the magnitude of a vector whose entries are all of one magnitude, at most 128.
type Code = (u128, f64);

/// The queries or keys of some positions, where they are codes.
fn codes(
    frame: &Frame,
    projection: &Projection,
    positions: Range<usize>,
) -> Result<Vec<Option<Code>>> {
    let mut vectors = Vectors::new(frame, projection);
    positions.map(|position| Ok(code(vectors.at(position)?))).collect()
}

fn code(vector: &[f64]) -> Option<Code> {
    let magnitude = vector.first()?.abs();
    let is_code = vector.len() <= 128 && magnitude > 0.0;
    if !is_code || vector.iter().any(|x| x.abs() != magnitude) {
        return None;
    }
    let word = |part: &[f64]| {
        part.iter().enumerate().fold(0, |word, (i, &x)| word | u64::from(x > 0.0) << i)
    };
    let signs = vector.chunks(64).rev().fold(0, |signs, part| signs << 64 | u128::from(word(part)));
    Some((signs, magnitude))
}
