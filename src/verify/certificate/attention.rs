//! Attention: which position every head of every position reads, whatever the input.
//!
//! W_Q and W_K ignore the dynamic channels (C2), so keys, queries and scores are constants. They are
//! computed exactly, and the target of a row is where its score is largest. If every other score that
//! the mask lets through is lower by more than the dtype's underflow threshold, its exponential is 0,
//! that of the target 1 and the row one-hot (C4).
//!
//! Rows are settled in time independent of `n_ctx` where keys are codes, `±κ` in every entry, no two
//! equal. Distance lemma: a query `±β` with the signs of key `p` has score `βκ(m - 2d)` at a key at Hamming
//! distance `d` from it, so `p` leads by at least `2βκ·d`, `d ≥ 1` as the keys differ, and `d ≥ 2` if all
//! have an even or all an odd number of positive entries, as then `d` is even. All products are `±βκ`, so
//! one bound covers the exactness of all scores. Other rows are enumerated.

use std::collections::HashMap;

use super::exact::{Arithmetic, Dyadic, Sum};
use super::frame::Frame;
use super::{Checked, Failure};
use crate::model::{Attention, Block};

/// The most products of scores that are formed one by one.
const MAX_ENUMERATED: u64 = 1 << 28;

/// What the scores of a layer come to.
pub struct Targets {
    /// Position `i`'s head `h` reads `targets[i * n_heads + h]`.
    pub targets: Vec<u32>,
    /// The least lead of a target's score over another one; infinite if no row has another one.
    pub gap: f64,
    /// The least Hamming distance that was used for the lemma.
    pub distance: Option<u32>,
    /// Rows that were enumerated.
    pub n_enumerated: usize,
}

/// C2: queries and keys don't depend on what can change.
pub fn require_oblivious(frame: &Frame, (l, block): (usize, &Block)) -> Checked<()> {
    for (name, weights) in [("W_Q", &block.w_q), ("W_K", &block.w_k)] {
        let reads =
            |&((_, c, _), &w): &((usize, usize, usize), &f64)| w != 0.0 && frame.is_dynamic(c);
        if let Some(((h, c, _), _)) = weights.indexed_iter().find(reads) {
            let place = format!("layer {l}, head {h}: {name} reads the dynamic channel {c}");
            return Err(Failure::new("C2", place));
        }
    }
    Ok(())
}

/// C4: the target of every head at every position.
pub fn find_targets(
    frame: &Frame,
    (l, block): (usize, &Block),
    arithmetic: &mut Arithmetic,
) -> Checked<Targets> {
    let (n, n_heads) = (frame.model().n_ctx(), frame.model().n_heads());
    let mut found = Targets {
        targets: vec![0; n * n_heads],
        gap: f64::INFINITY,
        distance: None,
        n_enumerated: 0,
    };
    let mut keys: Option<Keys> = None;
    let mut budget = MAX_ENUMERATED;
    for h in 0..n_heads {
        let at = |failure: Failure| failure.within(format!("layer {l}, head {h}"));
        let projection = Projection::keys(frame, block, h);
        // Heads often share their keys.
        let shared = keys.take().filter(|keys| keys.projection == projection);
        let mut head = match shared {
            Some(shared) => shared,
            None => Keys::new(frame, projection, arithmetic).map_err(at)?,
        };
        let queries = Projection::queries(frame, block, h);
        head.settle(frame, &queries, (h, n_heads), &mut found, (arithmetic, &mut budget))
            .map_err(at)?;
        keys = Some(head);
    }
    Ok(found)
}

/// A linear map of the static channels to the entries of a head, without its zeros.
#[derive(PartialEq)]
struct Projection {
    /// Per entry the channels that it reads, with their weights.
    weights: Vec<Vec<(u32, Dyadic)>>,
    biases: Vec<Dyadic>,
}

impl Projection {
    fn keys(frame: &Frame, block: &Block, h: usize) -> Self {
        let weight = |c: usize, t: usize| block.w_k[[h, c, t]];
        Projection::new(frame, weight, block.b_k.row(h).iter())
    }

    fn queries(frame: &Frame, block: &Block, h: usize) -> Self {
        let weight = |c: usize, t: usize| block.w_q[[h, c, t]];
        Projection::new(frame, weight, block.b_q.row(h).iter())
    }

    fn new<'b>(
        frame: &Frame,
        weight: impl Fn(usize, usize) -> f64,
        biases: impl Iterator<Item = &'b f64>,
    ) -> Self {
        let biases: Vec<Dyadic> = biases.map(|&b| Dyadic::new(b)).collect();
        let entry = |t: usize| {
            let channels = 0..frame.model().d_model();
            let used = channels.filter(|&c| weight(c, t) != 0.0);
            used.map(|c| (c as u32, Dyadic::new(weight(c, t)))).collect()
        };
        Projection { weights: (0..biases.len()).map(entry).collect(), biases }
    }

    /// Writes the entries at `position` into `vector`.
    fn apply(
        &self,
        frame: &Frame,
        position: usize,
        vector: &mut Vec<Dyadic>,
        arithmetic: &mut Arithmetic,
    ) -> Checked<()> {
        vector.clear();
        for (weights, &bias) in self.weights.iter().zip(&self.biases) {
            let mut sum = Sum::EMPTY;
            sum.add(bias);
            for &(channel, weight) in weights {
                sum.add_product(Dyadic::new(frame.at(position, channel as usize)), weight);
            }
            let entry = arithmetic.exact(&sum).ok_or_else(|| {
                Failure::new("C4", format!("a query or key entry rounds at position {position}"))
            })?;
            vector.push(Dyadic::new(entry));
        }
        Ok(())
    }
}

/// The signs of a vector whose entries all have one magnitude.
struct Code {
    signs: u128,
    magnitude: Dyadic,
}

impl Code {
    /// None if the magnitudes differ, or there are no or more than 128 entries.
    fn new(vector: &[Dyadic]) -> Option<Code> {
        let magnitude = vector.first()?.magnitude();
        let is_code = vector.len() <= 128 && vector.iter().all(|x| x.magnitude() == magnitude);
        let signs =
            vector.iter().rev().fold(0, |signs, x| signs << 1 | u128::from(x.is_positive()));
        (is_code && !magnitude.is_zero()).then_some(Code { signs, magnitude })
    }
}

/// The keys of a head: as codes where they are, one by one where a row needs that.
struct Keys {
    projection: Projection,
    index: Option<Index>,
    /// `n_ctx` vectors of `d_head` entries, once a row is enumerated.
    vectors: Option<Vec<Dyadic>>,
}

/// Keys that are codes of one magnitude and pairwise different.
struct Index {
    positions: HashMap<u128, u32>,
    magnitude: Dyadic,
    /// A lower bound on the Hamming distance of two keys.
    distance: u32,
}

impl Keys {
    fn new(frame: &Frame, projection: Projection, arithmetic: &mut Arithmetic) -> Checked<Keys> {
        let n = frame.model().n_ctx();
        let mut codes = Vec::with_capacity(n);
        let mut vector = Vec::new();
        for position in 0..n {
            projection.apply(frame, position, &mut vector, arithmetic)?;
            codes.extend(Code::new(&vector));
        }
        let index = (codes.len() == n).then(|| Index::new(&codes)).flatten();
        Ok(Keys { projection, index, vectors: None })
    }

    /// Finds the targets of head `h` of `n_heads`.
    fn settle(
        &mut self,
        frame: &Frame,
        queries: &Projection,
        (h, n_heads): (usize, usize),
        found: &mut Targets,
        (arithmetic, budget): (&mut Arithmetic, &mut u64),
    ) -> Checked<()> {
        let threshold = frame.model().dtype.underflow_threshold();
        let mut query = Vec::new();
        for position in 0..frame.model().n_ctx() {
            queries.apply(frame, position, &mut query, arithmetic)?;
            let looked_up = self.index.as_ref().and_then(|index| {
                let (target, gap) = index.look_up(&query, arithmetic)?;
                let is_visible = visible(frame, position) > target as usize;
                (is_visible && gap > threshold).then_some((target, gap, index.distance))
            });
            let (target, gap) = match looked_up {
                Some((target, gap, distance)) => {
                    found.distance = found.distance.min(Some(distance)).or(Some(distance));
                    (target, gap)
                }
                None => {
                    found.n_enumerated += 1;
                    self.enumerate(frame, &query, position, (arithmetic, budget))?
                }
            };
            // θ is irrational and its value here at most an ulp away from it, so `>` on numbers of the
            // dtype is `≥ θ`.
            if gap <= threshold {
                let place = format!(
                    "position {position}: a score is {gap} below that of position {target}"
                );
                return Err(Failure::new("C4", format!("{place}, {threshold:.2} needed")));
            }
            found.targets[position * n_heads + h] = target;
            found.gap = found.gap.min(gap);
        }
        Ok(())
    }

    /// The position of the largest score of a row, and its lead.
    fn enumerate(
        &mut self,
        frame: &Frame,
        query: &[Dyadic],
        position: usize,
        (arithmetic, budget): (&mut Arithmetic, &mut u64),
    ) -> Checked<(u32, f64)> {
        let n = frame.model().n_ctx();
        let fail = |what: &str| Failure::new("C4", format!("position {position}: {what}"));
        let cost = (n as u64).saturating_mul(1 + query.len() as u64);
        *budget = budget.checked_sub(cost).ok_or_else(|| {
            fail("query and keys are no codes of one magnitude, and the scores are too many to enumerate")
        })?;
        if self.vectors.is_none() {
            self.vectors = Some(self.all_vectors(frame, arithmetic)?);
        }
        let keys = self.vectors.as_deref().unwrap_or_default();
        let (mut best, mut second, mut least) =
            ((0, f64::NEG_INFINITY), f64::NEG_INFINITY, f64::INFINITY);
        for j in 0..n {
            let mut sum = Sum::EMPTY;
            let key = &keys[j * query.len()..(j + 1) * query.len()];
            query.iter().zip(key).for_each(|(&q, &k)| sum.add_product(q, k));
            let score =
                arithmetic.exact(&sum).ok_or_else(|| fail(&format!("its score at {j} rounds")))?;
            if j >= visible(frame, position) {
                continue;
            }
            least = least.min(score);
            if score > best.1 {
                (second, best) = (best.1, (j as u32, score));
            } else {
                second = second.max(score);
            }
        }
        if best.1 - least > frame.model().dtype.max_finite() {
            return Err(fail("a score difference overflows"));
        }
        if second == f64::NEG_INFINITY {
            return Ok((best.0, f64::INFINITY));
        }
        let gap = difference(best.1, second, arithmetic);
        Ok((best.0, gap.ok_or_else(|| fail("the lead of its largest score rounds"))?))
    }

    fn all_vectors(&self, frame: &Frame, arithmetic: &mut Arithmetic) -> Checked<Vec<Dyadic>> {
        let mut vectors = Vec::new();
        let mut vector = Vec::new();
        for position in 0..frame.model().n_ctx() {
            self.projection.apply(frame, position, &mut vector, arithmetic)?;
            vectors.extend_from_slice(&vector);
        }
        Ok(vectors)
    }
}

impl Index {
    /// None if the magnitudes differ or two codes are equal.
    fn new(codes: &[Code]) -> Option<Index> {
        let first = codes.first()?;
        let mut positions = HashMap::with_capacity(codes.len());
        for (position, code) in codes.iter().enumerate() {
            let is_new = positions.insert(code.signs, position as u32).is_none();
            if !is_new || code.magnitude != first.magnitude {
                return None;
            }
        }
        let parity = |code: &Code| code.signs.count_ones() % 2;
        let one_parity = codes.iter().all(|code| parity(code) == parity(first));
        let distance = if one_parity { 2 } else { 1 };
        Some(Index { positions, magnitude: first.magnitude, distance })
    }

    /// The key with the signs of the query and its lead, by the distance lemma, if all scores are exact.
    fn look_up(&self, query: &[Dyadic], arithmetic: &mut Arithmetic) -> Option<(u32, f64)> {
        let code = Code::new(query)?;
        let target = *self.positions.get(&code.signs)?;
        // Of products of this one magnitude a score has m, the difference of two scores 2m.
        let products = |n| Sum::repeated(n, code.magnitude, self.magnitude);
        arithmetic.exact(&products(2 * query.len() as u32))?;
        let gap = products(2 * self.distance);
        Some((target, arithmetic.exact(&gap)?))
    }
}

/// The positions `0..visible` are those that `position` may read.
fn visible(frame: &Frame, position: usize) -> usize {
    match frame.model().attention {
        Attention::Bidirectional => frame.model().n_ctx(),
        Attention::Causal => position + 1,
    }
}

/// `a - b`, if it is exact.
fn difference(a: f64, b: f64, arithmetic: &mut Arithmetic) -> Option<f64> {
    let mut sum = Sum::EMPTY;
    sum.add(Dyadic::new(a));
    sum.add(Dyadic::new(-b));
    arithmetic.exact(&sum)
}
