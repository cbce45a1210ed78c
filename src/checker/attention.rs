//! Attention: that every softmax row is one-hot at the position that the witness says.
//!
//! Queries and keys read static channels only, so that every score is one number, the same for all inputs and after
//! all layers. If the target's score leads by more than `θ`, every other exponential is 0 ([`Format::threshold`]).
//!
//! Code lemma. Let the keys of a head be `±κ` in each of `m` entries and no two equal, and a query `±β` with the
//! signs of the target's key. A key that differs in `d` signs has a score lower by `2βκd`, so the target leads by
//! `2βκ` at least, and by `4βκ` if all keys have an even or all an odd number of positive entries, as `d` is then
//! even. All products are `±βκ`, so if `2m` and `2d` of them are exact, so is every score and difference.
//! Rows of which this does not speak are multiplied out.
//!
//! [`Format::threshold`]: crate::sum::Format::threshold

use std::collections::HashSet;

use crate::frame::{Column, Frame, columns, static_sum};
use crate::json::Entry;
use crate::layer;
use crate::model::Block;
use crate::sum::{Arithmetic, Format, Number, Sum};
use crate::{Checked, Refusal};

/// Products of scores that are formed at most, over all layers.
const MAX_PRODUCTS: u64 = 1 << 28;

/// What was found of the scores of all layers.
pub struct Scores {
    /// The least lead of a target; infinite if no row has a second position.
    pub gap: f64,
    /// The least Hamming distance that the lemma was used with.
    pub distance: Option<u32>,
    pub n_enumerated: usize,
}

impl Scores {
    pub fn none() -> Self {
        Scores { gap: f64::INFINITY, distance: None, n_enumerated: 0 }
    }
}

/// Checks `targets`, `heads` of them per position, for one of `n_kinds` layers.
///
/// # Errors
/// The row that is not one-hot at its target.
pub fn require_targets(
    frame: &Frame,
    block: &Block,
    (entry, targets): (&Entry, &[i64]),
    n_kinds: usize,
    arithmetic: &mut Arithmetic,
) -> Checked<Scores> {
    let (heads, size) = (frame.model.heads, frame.model.d_model * frame.model.d_head);
    let (mut scores, mut keys) = (Scores::none(), None);
    let mut budget = MAX_PRODUCTS / n_kinds as u64;
    for h in 0..heads {
        let of_head = |w: &'_ [f64]| h * w.len() / heads..(h + 1) * w.len() / heads;
        let weights = (&block.w_k[of_head(&block.w_k)], &block.b_k[of_head(&block.b_k)]);
        // Heads often share their keys.
        if keys.as_ref().is_none_or(|(of, _)| *of != weights) {
            keys = Some((weights, Keys::new(frame, weights, arithmetic)?));
        }
        let Some((_, keys)) = &keys else { continue };
        let weights = columns(&block.w_q[h * size..][..size], frame.model.d_head);
        let biases = &block.b_q[of_head(&block.b_q)];
        require_static(frame, "W_Q", &weights)?;
        let mut row = Row { frame, keys, budget: &mut budget, arithmetic: &mut *arithmetic };
        let mut query = Vec::new();
        for position in 0..frame.model.n {
            row.project(position, &weights, biases, &mut query)?;
            let at = position * heads + h;
            let target = targets[at] as usize;
            let lead = row.require_lead(position, &query, target, &mut scores);
            let lead = lead.map_err(|reason| entry.refuse_at(at, reason))?;
            scores.gap = scores.gap.min(lead);
        }
    }
    Ok(scores)
}

fn require_static(frame: &Frame, name: &str, weights: &[Column]) -> Checked<()> {
    match weights.iter().flatten().find(|&&(channel, _)| frame.is_dynamic[channel]) {
        None => Ok(()),
        Some((channel, _)) => {
            Err(Refusal::new(name, format!("reads channel {channel}, which can change")))
        }
    }
}

/// The signs and the magnitude of a vector whose entries have one magnitude.
fn code(vector: &[Number]) -> Option<(u64, Number)> {
    let first = *vector.first()?;
    let magnitude = Number { mantissa: first.mantissa.abs(), ..first };
    let is_code =
        |x: &Number| x.exponent == magnitude.exponent && x.mantissa.abs() == magnitude.mantissa;
    if vector.len() > 64 || first == Number::ZERO || !vector.iter().all(is_code) {
        return None;
    }
    let signs = vector.iter().enumerate().map(|(t, x)| u64::from(x.mantissa > 0) << t);
    Some((signs.sum(), magnitude))
}

/// The keys of all positions.
struct Keys {
    /// `d_head` entries per position.
    entries: Vec<Number>,
    /// If they are codes: the signs of each, their magnitude, and a bound on the distance of two.
    codes: Option<(Vec<u64>, Number, u32)>,
}

impl Keys {
    fn new(
        frame: &Frame,
        (weights, biases): (&[f64], &[f64]),
        arithmetic: &mut Arithmetic,
    ) -> Checked<Self> {
        let weights = columns(weights, frame.model.d_head);
        require_static(frame, "W_K", &weights)?;
        let mut entries = Vec::with_capacity(frame.model.n * frame.model.d_head);
        let mut key = Vec::new();
        for position in 0..frame.model.n {
            project(frame, position, (&weights, biases), &mut key, arithmetic)?;
            entries.extend_from_slice(&key);
        }
        let codes = codes(&entries, frame.model.d_head);
        Ok(Keys { entries, codes })
    }
}

/// The signs of keys that are codes of one magnitude, no two equal.
fn codes(entries: &[Number], d_head: usize) -> Option<(Vec<u64>, Number, u32)> {
    let found: Option<Vec<(u64, Number)>> = entries.chunks_exact(d_head).map(code).collect();
    let found = found?;
    let (first, magnitude) = *found.first()?;
    let signs: Vec<u64> = found.iter().map(|&(signs, _)| signs).collect();
    let distinct: HashSet<u64> = signs.iter().copied().collect();
    if distinct.len() < signs.len() || found.iter().any(|&(_, other)| other != magnitude) {
        return None;
    }
    let parity = |signs: u64| signs.count_ones() % 2;
    let distance = if signs.iter().all(|&signs| parity(signs) == parity(first)) { 2 } else { 1 };
    Some((signs, magnitude, distance))
}

/// The entries of a query or key.
fn project(
    frame: &Frame,
    position: usize,
    (weights, biases): (&[Column], &[f64]),
    vector: &mut Vec<Number>,
    arithmetic: &mut Arithmetic,
) -> Checked<()> {
    vector.clear();
    for (weights, &bias) in weights.iter().zip(biases) {
        let entry = arithmetic.exact(&static_sum(frame, position, bias, weights));
        let rounds = || Refusal::new(format!("position {position}"), "a query or key rounds");
        vector.push(Number::new(entry.ok_or_else(rounds)?));
    }
    Ok(())
}

/// The rows of one head.
struct Row<'a> {
    frame: &'a Frame<'a>,
    keys: &'a Keys,
    budget: &'a mut u64,
    arithmetic: &'a mut Arithmetic,
}

impl Row<'_> {
    fn project(
        &mut self,
        position: usize,
        weights: &[Column],
        biases: &[f64],
        query: &mut Vec<Number>,
    ) -> Checked<()> {
        project(self.frame, position, (weights, biases), query, self.arithmetic)
    }

    /// By how much the target leads, which is more than the threshold; or what is wrong.
    fn require_lead(
        &mut self,
        position: usize,
        query: &[Number],
        target: usize,
        scores: &mut Scores,
    ) -> Result<f64, String> {
        if target >= self.frame.model.visible(position) {
            return Err("is hidden by the mask".to_string());
        }
        let threshold = self.arithmetic.format.threshold();
        if let Some((lead, distance)) = self.lead_of_codes(query, target)
            && lead > threshold
        {
            scores.distance = Some(scores.distance.map_or(distance, |least| least.min(distance)));
            return Ok(lead);
        }
        scores.n_enumerated += 1;
        let lead = self.lead_of_scores(position, query, target)?;
        if lead <= threshold {
            return Err(format!("its score leads by {lead}, {threshold:.2} needed"));
        }
        Ok(lead)
    }

    /// The lead by the lemma, and the distance.
    fn lead_of_codes(&mut self, query: &[Number], target: usize) -> Option<(f64, u32)> {
        let (keys, key_size, distance) = self.keys.codes.as_ref()?;
        let (signs, size) = code(query)?;
        if keys[target] != signs {
            return None;
        }
        let mut products = |times| {
            let mut sum = Sum::EMPTY;
            sum.add_repeated(times, size, *key_size);
            self.arithmetic.exact(&sum)
        };
        products(2 * query.len() as u32)?;
        Some((products(2 * distance)?, *distance))
    }

    /// The lead over every other position, all scores multiplied out.
    fn lead_of_scores(
        &mut self,
        position: usize,
        query: &[Number],
        target: usize,
    ) -> Result<f64, String> {
        let cost = (self.frame.model.n * (1 + query.len())) as u64;
        *self.budget = self.budget.checked_sub(cost).ok_or("the scores are too many")?;
        let (mut own, mut second, mut least) = (0.0, f64::NEG_INFINITY, f64::INFINITY);
        for (j, key) in self.keys.entries.chunks_exact(query.len()).enumerate() {
            let mut sum = Sum::EMPTY;
            query.iter().zip(key).for_each(|(&q, &k)| sum.add_product(q, k));
            let score =
                self.arithmetic.exact(&sum).ok_or_else(|| format!("the score at {j} rounds"))?;
            if j == target {
                own = score;
            } else if j < self.frame.model.visible(position) {
                (second, least) = (second.max(score), least.min(score));
            }
        }
        if second == f64::NEG_INFINITY {
            return Ok(f64::INFINITY);
        }
        let rounds = "a difference of scores rounds";
        self.arithmetic.plus(own, -least).ok_or(rounds)?;
        Ok(self.arithmetic.plus(own, -second).ok_or(rounds)?)
    }
}

/// What a softmax in a format without an underflow there gives to other positions is rounded away.
///
/// Lemma. Let targets lead by `Δ`, more than the threshold, and let exponentials, their sum and the quotients be
/// taken in f32 or a wider format, values be added up as widely in any order, and the sum rounded to a format of
/// `p` bits and least normal number `2^q`. Of `n` positions let `V` bound the values that a head can read and `v`
/// be the target's. Then the head reads `v` exactly if `32 (n - 1) e^-Δ e^(n/2^23) V` is at most
/// `2^-(p+1) |v|`, or `2^(q-p)` where `v = 0`, and the same holds of `V = v = 1`. The proof is in proofs/08.
///
/// # Errors
/// The head and the value that the leak can change.
pub fn require_no_leak(
    frame: &Frame,
    block: &Block,
    gap: f64,
    arithmetic: &mut Arithmetic,
) -> Checked<()> {
    let (format, n) = (arithmetic.format, frame.model.n);
    if gap <= sufficient_lead(format, n, 1.0, 1.0) {
        return Err(Refusal::new("attention", format!("a lead of {gap} leaks beside {n} others")));
    }
    for h in 0..frame.model.heads {
        let values = layer::values(frame, block, h, arithmetic)?;
        for (t, (zero, one)) in values[0].iter().zip(&values[1]).enumerate() {
            let pair = [zero.abs(), one.abs()];
            let largest = pair[0].max(pair[1]);
            if pair.iter().any(|&value| gap <= sufficient_lead(format, n, largest, value)) {
                let reason = format!("entry {t}: a lead of {gap} leaks beside {n} others");
                return Err(Refusal::new(format!("head {h}"), reason));
            }
        }
    }
    Ok(())
}

/// The lead by which the lemma's inequality holds.
fn sufficient_lead(format: Format, n: usize, largest: f64, value: f64) -> f64 {
    let half_a_step = match value {
        0.0 => -format.underflow(),
        _ => value.ln() - f64::from(format.precision + 1) * std::f64::consts::LN_2,
    };
    (32.0 * (n as f64 - 1.0)).ln() + n as f64 / 8_388_608.0 + largest.ln() - half_a_step
}
