//! Attention as a constant: the one position that every head of every position reads.
//!
//! Queries and keys that read static channels only make the scores constants. If all are exact (see
//! `exact`) and one exceeds every other by the underflow threshold and more, the reference engine's
//! softmax is exactly 1 there and 0 elsewhere: the largest score minus itself is 0, `exp(0) = 1`, the
//! other terms underflow, their sum is 1.
//!
//! Where keys are codes, `±κ` in every entry, no two alike, no score is formed. A query `±β` with the signs
//! of one key has score `βκ(m - 2d)` at a key that differs from it in `d` of `m` entries, so that one leads
//! by `2βκ·d`, `d ≥ 1`, and `d ≥ 2` if all keys have an even or all an odd number of positive entries. Rows
//! without such a query are enumerated.

use std::collections::HashMap;

use super::exact::{Bound, Sum};
use super::frame::{Affine, Frame};
use super::refuse;
use crate::error::Result;
use crate::model::{Attention, Block};

/// The most products of scores that are formed one by one, in all heads and layers.
const MAX_ENUMERATED: usize = 1 << 28;

/// Required of a score difference beyond the underflow threshold: more than the difference can be off when
/// it is rounded to the narrowest dtype near the threshold (by 1/4, in bf16).
const MARGIN: f64 = 1.0;

/// Finds targets, within a budget of enumerated products.
#[derive(Debug)]
pub struct Targets<'f> {
    frame: &'f Frame<'f>,
    least_gap: f64,
    budget: usize,
}

impl<'f> Targets<'f> {
    pub fn new(frame: &'f Frame<'f>) -> Self {
        let least_gap = frame.model.dtype.underflow_threshold() + MARGIN;
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
            for position in 0..n {
                targets[position * n_heads + h] = self.target(&head, &queries, position)?;
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
    ) -> Result<Vec<Affine>> {
        let entry = |t| Affine::new(self.frame, |c| weight(c, t), bias(t));
        let projection: Vec<Affine> = (0..self.frame.model.d_head()).map(entry).collect();
        match projection.iter().find_map(|entry| entry.dynamic.first()) {
            None => Ok(projection),
            Some(&(d, _)) => {
                let place = format!("{name} of head {h} reads channel {}", self.frame.dynamic[d]);
                refuse("queries and keys that ignore what the blocks write", place)
            }
        }
    }

    fn target(&mut self, keys: &Keys, queries: &[Affine], position: usize) -> Result<u32> {
        let query = vector(self.frame, queries, position)?;
        let visible = match self.frame.model.attention {
            Attention::Bidirectional => self.frame.model.n_ctx(),
            Attention::Causal => position + 1,
        };
        let found = keys.index.as_ref().and_then(|index| {
            let (target, lead) = index.look_up(&query)?;
            let score = Bound { magnitude: lead.magnitude * query.len() as f64, ..lead };
            let is_settled = (target as usize) < visible
                && score.is_exact_in(self.frame.model.dtype)
                && 2.0 * index.distance * lead.magnitude >= self.least_gap;
            is_settled.then_some(target)
        });
        match found {
            Some(target) => Ok(target),
            None => self.enumerate(keys, &query, position, visible),
        }
    }

    fn enumerate(
        &mut self,
        keys: &Keys,
        query: &[f64],
        position: usize,
        visible: usize,
    ) -> Result<u32> {
        let cost = visible.saturating_mul(1 + query.len());
        match self.budget.checked_sub(cost) {
            Some(left) => self.budget = left,
            None => return refuse("codes as keys, or few scores", format!("position {position}")),
        }
        let (mut target, mut best, mut second) = (0, f64::NEG_INFINITY, f64::NEG_INFINITY);
        for j in 0..visible {
            let key = &keys.vectors[j * query.len()..(j + 1) * query.len()];
            let mut score = Sum::new(0.0);
            query.iter().zip(key).for_each(|(&q, &k)| score.add_product(q, k));
            if !score.bound.is_exact_in(self.frame.model.dtype) {
                return refuse("scores that do not round", format!("position {position}, key {j}"));
            }
            match score.value > best {
                true => (target, best, second) = (j as u32, score.value, best),
                false => second = second.max(score.value),
            }
        }
        if best - second >= self.least_gap {
            return Ok(target);
        }
        let expected = format!("softmax rows that are one-hot, scores {:.2} apart", self.least_gap);
        refuse(&expected, format!("{} at position {position}", best - second))
    }
}

/// The entries of a query or key.
fn vector(frame: &Frame, projection: &[Affine], position: usize) -> Result<Vec<f64>> {
    let entry = |entry: &Affine| {
        let sum = entry.fixed_part(frame, position);
        match sum.bound.is_exact_in(frame.model.dtype) {
            true => Ok(sum.value),
            false => refuse("queries and keys that do not round", format!("position {position}")),
        }
    };
    projection.iter().map(entry).collect()
}

/// The keys of a head.
struct Keys {
    projection: Vec<Affine>,
    /// `[n_ctx, d_head]`
    vectors: Vec<f64>,
    index: Option<Index>,
}

impl Keys {
    fn new(frame: &Frame, projection: Vec<Affine>) -> Result<Keys> {
        let (mut vectors, mut codes) = (Vec::new(), Vec::new());
        for position in 0..frame.model.n_ctx() {
            let key = vector(frame, &projection, position)?;
            codes.extend(code(&key));
            vectors.extend(key);
        }
        let index = (codes.len() == frame.model.n_ctx()).then(|| Index::new(&codes)).flatten();
        Ok(Keys { projection, vectors, index })
    }
}

/// Keys that are codes of one magnitude, pairwise different, by their signs.
struct Index {
    positions: HashMap<u128, u32>,
    magnitude: f64,
    /// A lower bound on the number of entries in which two keys differ.
    distance: f64,
}

impl Index {
    fn new(codes: &[(u128, f64)]) -> Option<Index> {
        let &(first, magnitude) = codes.first()?;
        let mut positions = HashMap::with_capacity(codes.len());
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
    fn look_up(&self, query: &[f64]) -> Option<(u32, Bound)> {
        let (signs, magnitude) = code(query)?;
        let target = *self.positions.get(&signs)?;
        Some((target, Bound::of(self.magnitude).times(magnitude)))
    }
}

/// The signs and the magnitude of a vector whose entries are all of one magnitude, at most 128.
fn code(vector: &[f64]) -> Option<(u128, f64)> {
    let magnitude = vector.first()?.abs();
    let is_code = vector.len() <= 128 && vector.iter().all(|x| x.abs() == magnitude);
    let signs = vector.iter().rev().fold(0, |signs, &x| signs << 1 | u128::from(x > 0.0));
    (is_code && magnitude > 0.0).then_some((signs, magnitude))
}
