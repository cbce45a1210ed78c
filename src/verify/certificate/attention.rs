//! Attention: which position every head of every position reads, whatever the input.
//!
//! W_Q and W_K ignore the dynamic channels (C2), so keys, queries and scores are constants. They are
//! computed exactly, and the target of a row is where its score is largest. If every other score that
//! the mask lets through is lower by more than the dtype's softmax threshold, which for f16 and bf16 is f32's,
//! its exponential is 0, that of the target 1 and the row one-hot (C4).
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

/// The most products of scores that are formed one by one, over all layers.
const MAX_ENUMERATED: u64 = 1 << 28;
/// The most entries of keys that are held for that.
const MAX_HELD: u64 = 1 << 25;
/// The most products that make up the keys and queries of a layer.
const MAX_PRODUCTS: u64 = 1 << 33;

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
    (0..frame.model().n_heads()).try_for_each(|h| require_oblivious_head(frame, (l, block), h))
}

fn require_oblivious_head(frame: &Frame, (l, block): (usize, &Block), h: usize) -> Checked<()> {
    for (name, weights) in [("W_Q", &block.w_q), ("W_K", &block.w_k)] {
        let reads = |&((c, _), &w): &((usize, usize), &f64)| w != 0.0 && frame.is_dynamic(c);
        let head = weights.outer_iter().nth(h);
        if let Some(((c, _), _)) = head.iter().flat_map(|head| head.indexed_iter()).find(reads) {
            let place = format!("layer {l}, head {h}: {name} reads the dynamic channel {c}");
            return Err(Failure::new("C2", place));
        }
    }
    Ok(())
}

/// C4: the target of every head at every position, for one of `n_layers` layers.
pub fn find_targets(
    frame: &Frame,
    (l, block): (usize, &Block),
    n_layers: usize,
    arithmetic: &mut Arithmetic,
) -> Checked<Targets> {
    require_few_products(frame, (l, block))?;
    let mut search = Search::new(frame, MAX_ENUMERATED / n_layers as u64, arithmetic);
    for h in 0..frame.model().n_heads() {
        let (keys, queries) =
            (Projection::keys(frame, block, h), Projection::queries(frame, block, h));
        let settled = search.set_keys(keys).and_then(|()| search.settle_head(h, &queries));
        settled.map_err(|failure| failure.within(format!("layer {l}, head {h}")))?;
    }
    Ok(search.found)
}

/// What a head of a layer reads, row by row.
pub enum Rows {
    /// Per position its target, or none where the row is not known to be one-hot, and the first such row.
    Settled(Vec<Option<u32>>, Option<String>),
    /// No row is known to be one-hot, for this reason.
    Unsettled(String),
}

/// The rows of every head of one of `n_layers` layers, one-hot or not, whatever else the layer does.
pub fn find_rows(
    frame: &Frame,
    layer: (usize, &Block),
    n_layers: usize,
    arithmetic: &mut Arithmetic,
) -> Vec<Rows> {
    let n_heads = frame.model().n_heads();
    if let Err(failure) = require_few_products(frame, layer) {
        return (0..n_heads).map(|_| Rows::Unsettled(failure.place.clone())).collect();
    }
    let mut search = Search::new(frame, MAX_ENUMERATED / n_layers as u64, arithmetic);
    let rows = |h| match search.rows(layer, h) {
        Ok((rows, exception)) => Rows::Settled(rows, exception),
        Err(failure) => Rows::Unsettled(failure.place),
    };
    (0..n_heads).map(rows).collect()
}

fn require_few_products(frame: &Frame, (l, block): (usize, &Block)) -> Checked<()> {
    let n_weights =
        block.w_q.iter().chain(&block.w_k).filter(|&&w| w != 0.0).count() + block.b_q.len();
    let n = frame.model().n_ctx();
    if (n as u64).saturating_mul(n_weights as u64) > MAX_PRODUCTS {
        let place = format!("layer {l}: {n} positions are too many for so large a W_Q and W_K");
        return Err(Failure::new("C4", place));
    }
    Ok(())
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
                Failure::new("C4", format!("position {position}: a query or key rounds"))
            })?;
            vector.push(Dyadic::new(entry));
        }
        Ok(())
    }
}

/// The signs of a vector whose entries all have one magnitude.
struct Code {
    signs: u64,
    magnitude: Dyadic,
}

impl Code {
    /// None if the magnitudes differ, or there are no or more than 64 entries.
    fn new(vector: &[Dyadic]) -> Option<Code> {
        let magnitude = vector.first()?.magnitude();
        let is_code = vector.len() <= 64 && vector.iter().all(|x| x.magnitude() == magnitude);
        let sign = |x: &Dyadic| u64::from(x.is_positive());
        let signs = vector.iter().rev().fold(0, |signs, x| signs << 1 | sign(x));
        (is_code && !magnitude.is_zero()).then_some(Code { signs, magnitude })
    }
}

/// Keys that are codes of one magnitude and pairwise different.
struct Index {
    positions: HashMap<u64, u32>,
    magnitude: Dyadic,
    /// A lower bound on the Hamming distance of two keys.
    distance: u32,
}

impl Index {
    /// None if a vector is no code, magnitudes differ or two codes are equal.
    fn new(
        frame: &Frame,
        keys: &Projection,
        arithmetic: &mut Arithmetic,
    ) -> Checked<Option<Index>> {
        let n = frame.model().n_ctx();
        let mut positions = HashMap::with_capacity(n);
        let mut first: Option<Code> = None;
        let (mut is_index, mut distance) = (true, 2);
        let mut vector = Vec::new();
        // Every key is computed even if there is no index: none may round.
        for position in 0..n {
            keys.apply(frame, position, &mut vector, arithmetic)?;
            let Some(code) = Code::new(&vector) else {
                is_index = false;
                continue;
            };
            is_index &= positions.insert(code.signs, position as u32).is_none();
            let first = first.get_or_insert(Code { ..code });
            is_index &= code.magnitude == first.magnitude;
            // Different codes with equally many ones modulo 2 differ in two places or more.
            if (code.signs ^ first.signs).count_ones() % 2 == 1 {
                distance = 1;
            }
        }
        let index = first.map(|first| Index { positions, magnitude: first.magnitude, distance });
        Ok(index.filter(|_| is_index))
    }

    /// The key with the signs of the query and its lead, by the distance lemma, if all scores are exact.
    fn look_up(&self, query: &[Dyadic], arithmetic: &mut Arithmetic) -> Option<(u32, f64)> {
        let code = Code::new(query)?;
        let target = *self.positions.get(&code.signs)?;
        // Of products of this one magnitude a score has m, the difference of two scores 2m.
        let products = |n| Sum::repeated(n, code.magnitude, self.magnitude);
        arithmetic.exact(&products(2 * query.len() as u32))?;
        Some((target, arithmetic.exact(&products(2 * self.distance))?))
    }
}

/// The search for the targets of a layer, head by head.
struct Search<'a> {
    frame: &'a Frame<'a>,
    arithmetic: &'a mut Arithmetic,
    /// The keys of the current head, which heads often share.
    keys: Option<(Projection, Option<Index>)>,
    /// Those keys as `n_ctx` vectors of `d_head` entries, once a row is enumerated.
    vectors: Vec<Dyadic>,
    /// Products that may still be enumerated.
    budget: u64,
    found: Targets,
}

impl<'a> Search<'a> {
    fn new(frame: &'a Frame<'a>, budget: u64, arithmetic: &'a mut Arithmetic) -> Self {
        let targets = vec![0; frame.model().n_ctx() * frame.model().n_heads()];
        let found = Targets { targets, gap: f64::INFINITY, distance: None, n_enumerated: 0 };
        let (keys, vectors) = (None, Vec::new());
        Search { frame, arithmetic, keys, vectors, budget, found }
    }

    fn set_keys(&mut self, projection: Projection) -> Checked<()> {
        if self.keys.as_ref().is_none_or(|(current, _)| *current != projection) {
            let index = Index::new(self.frame, &projection, self.arithmetic)?;
            self.keys = Some((projection, index));
            self.vectors.clear();
        }
        Ok(())
    }

    /// Finds the targets of head `h`.
    fn settle_head(&mut self, h: usize, queries: &Projection) -> Checked<()> {
        let (n, n_heads) = (self.frame.model().n_ctx(), self.frame.model().n_heads());
        let mut query = Vec::new();
        for position in 0..n {
            let (target, gap) = self.settle_row(position, queries, &mut query)?;
            self.found.targets[position * n_heads + h] = target;
            self.found.gap = self.found.gap.min(gap);
        }
        Ok(())
    }

    /// The target of every row of head `h`, none where a row is not settled, and the first such row.
    fn rows(
        &mut self,
        (l, block): (usize, &Block),
        h: usize,
    ) -> Checked<(Vec<Option<u32>>, Option<String>)> {
        let within = |failure: Failure| failure.within(format!("layer {l}, head {h}"));
        require_oblivious_head(self.frame, (l, block), h)?;
        self.set_keys(Projection::keys(self.frame, block, h)).map_err(within)?;
        let queries = Projection::queries(self.frame, block, h);
        let (mut query, mut exception) = (Vec::new(), None);
        let n = self.frame.model().n_ctx();
        let row = |position| match self.settle_row(position, &queries, &mut query) {
            Ok((target, _)) => Some(target),
            Err(failure) => {
                exception.get_or_insert_with(|| within(failure).place);
                None
            }
        };
        let rows = (0..n).map(row).collect();
        Ok((rows, exception))
    }

    /// The target of a position and the lead of its score, which exceeds the threshold.
    fn settle_row(
        &mut self,
        position: usize,
        queries: &Projection,
        query: &mut Vec<Dyadic>,
    ) -> Checked<(u32, f64)> {
        let threshold = self.frame.model().dtype.softmax_threshold();
        queries.apply(self.frame, position, query, self.arithmetic)?;
        // The lemma's gap is a lower bound: where it is not enough, the row's own scores may be.
        let (target, gap) = match self.look_up(position, query) {
            Some(found) if found.1 > threshold || !self.can_enumerate() => found,
            _ => self.enumerate(position, query)?,
        };
        // θ is irrational and its value here is off by an ulp at most, so a gap above the value is
        // above θ.
        if gap <= threshold {
            let place = format!("position {position}: the score of position {target}");
            let lead = format!("leads by {gap}, {threshold:.2} needed");
            return Err(Failure::new("C4", format!("{place} {lead}")));
        }
        Ok((target, gap))
    }

    /// The target by the distance lemma.
    fn look_up(&mut self, position: usize, query: &[Dyadic]) -> Option<(u32, f64)> {
        let index = self.keys.as_ref()?.1.as_ref()?;
        let found = index.look_up(query, self.arithmetic)?;
        let distance = self.found.distance.unwrap_or(index.distance).min(index.distance);
        // Behind the mask the best key may be another; enumerating finds it.
        if found.0 as usize >= self.visible(position) {
            return None;
        }
        self.found.distance = Some(distance);
        Some(found)
    }

    /// The positions `0..visible` are those that `position` may read.
    fn visible(&self, position: usize) -> usize {
        match self.frame.model().attention {
            Attention::Bidirectional => self.frame.model().n_ctx(),
            Attention::Causal => position + 1,
        }
    }

    fn cost_of_row(&self) -> u64 {
        let model = self.frame.model();
        (model.n_ctx() as u64).saturating_mul(1 + model.d_head() as u64)
    }

    fn can_enumerate(&self) -> bool {
        self.cost_of_row() <= self.budget.min(MAX_HELD)
    }

    /// The position of the largest score of a row, and its lead.
    fn enumerate(&mut self, position: usize, query: &[Dyadic]) -> Checked<(u32, f64)> {
        let fail = |what: &str| Failure::new("C4", format!("position {position}: {what}"));
        if !self.can_enumerate() {
            return Err(fail("no key has the signs of the query, and the scores are too many"));
        }
        self.budget -= self.cost_of_row();
        self.found.n_enumerated += 1;
        self.require_vectors()?;
        let mut leader = Leader::default();
        for j in 0..self.frame.model().n_ctx() {
            let key = &self.vectors[j * query.len()..(j + 1) * query.len()];
            let mut sum = Sum::EMPTY;
            query.iter().zip(key).for_each(|(&q, &k)| sum.add_product(q, k));
            let score = self.arithmetic.exact(&sum);
            let score = score.ok_or_else(|| fail(&format!("its score at {j} rounds")))?;
            // Runners compute masked scores too, so these must be exact, but they lead nobody.
            if j < self.visible(position) {
                leader.see(j, score);
            }
        }
        let gap = leader.lead(self.arithmetic);
        Ok((leader.target, gap.ok_or_else(|| fail("a difference of scores rounds"))?))
    }

    fn require_vectors(&mut self) -> Checked<()> {
        let Some((keys, _)) = self.keys.as_ref().filter(|_| self.vectors.is_empty()) else {
            return Ok(());
        };
        let mut vector = Vec::new();
        for position in 0..self.frame.model().n_ctx() {
            keys.apply(self.frame, position, &mut vector, self.arithmetic)?;
            self.vectors.extend_from_slice(&vector);
        }
        Ok(())
    }
}

/// The largest score of a row, the second and the least.
struct Leader {
    target: u32,
    best: f64,
    second: f64,
    least: f64,
}

impl Default for Leader {
    fn default() -> Self {
        let none = f64::NEG_INFINITY;
        Leader { target: 0, best: none, second: none, least: f64::INFINITY }
    }
}

impl Leader {
    fn see(&mut self, position: usize, score: f64) {
        self.least = self.least.min(score);
        if score > self.best {
            self.second = self.best;
            (self.target, self.best) = (position as u32, score);
        } else {
            self.second = self.second.max(score);
        }
    }

    /// The lead of the largest score, infinite if it is the only one; none if a difference is not exact
    /// or overflows.
    fn lead(&self, arithmetic: &mut Arithmetic) -> Option<f64> {
        if self.second == f64::NEG_INFINITY {
            return Some(f64::INFINITY);
        }
        let mut difference = |other: f64| {
            let mut sum = Sum::EMPTY;
            sum.add(Dyadic::new(self.best));
            sum.add(Dyadic::new(-other));
            arithmetic.exact(&sum)
        };
        // A softmax forms all differences to the best score; the largest is exact if any may round.
        difference(self.least)?;
        difference(self.second)
    }
}
