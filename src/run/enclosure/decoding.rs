//! Decoders in intervals: tokens are chosen where one logit leads for every honest runner.

use super::interval::Interval;
use super::layer::{Pass, Row, Store};
use super::{Decision, Enclosure, Quantity, See};
use crate::error::Result;
use crate::run::decoder::Decoder;

/// The stores of every layer.
type Stores = Vec<Vec<Store>>;

impl Enclosure<'_> {
    /// The outputs' decisions, which are those of the tokens that hold them; none if a number is not finite.
    ///
    /// # Errors
    /// `n_loops` asks for more positions than there are.
    pub(super) fn decode(
        &self,
        decoder: &Decoder,
        inputs: &[bool],
        n_loops: usize,
        pass: &mut Pass,
        see: See,
    ) -> Result<Option<Vec<Decision>>> {
        decoder.require_room(n_loops)?;
        let mut tokens = decoder.start(inputs);
        let closest = self.tokens(decoder, &mut tokens, n_loops, pass, see);
        Ok(closest.map(|closest| {
            let bits = decoder.read(&tokens).into_iter();
            let bits = bits.map(|bit| closest.bit.map(|_| bit));
            bits.map(|bit| Decision { bit, ..closest }).collect()
        }))
    }

    /// Fills the tokens in, up to the first that is not decided; the decision is the closest, its bit is there if all
    /// tokens are decided.
    fn tokens(
        &self,
        decoder: &Decoder,
        tokens: &mut [usize],
        n_loops: usize,
        pass: &mut Pass,
        see: See,
    ) -> Option<Decision> {
        let (n_thoughts, n_tokens) = decoder.steps(n_loops);
        let mut stores: Stores = self.layers.iter().map(|layer| layer.stores()).collect();
        let n_prompt = decoder.n_prompt();
        let prompt: Vec<Row> = (0..n_prompt)
            .map(|position| self.embed(tokens[position], position, pass))
            .collect::<Option<_>>()?;
        let mut hidden = self.extend(prompt, &mut stores, pass, see)?;
        for position in n_prompt..n_prompt + n_thoughts {
            let x = self.place(&hidden, position, pass)?;
            hidden = self.extend(vec![x], &mut stores, pass, see)?;
        }
        let mut closest = Decision { bit: Some(false), lead: f64::INFINITY, bound: 0.0 };
        let first = n_prompt + n_thoughts;
        for step in 0..n_tokens {
            let logits = self.unembedding.apply(&hidden, pass)?;
            see(Quantity::Logits, &logits);
            let (token, decision) = most_likely(&logits);
            tokens[first + step] = token;
            if decision.slack() < closest.slack() || decision.bit.is_none() {
                closest = decision;
            }
            // Nothing follows the last token.
            if decision.bit.is_none() || step + 1 == n_tokens {
                break;
            }
            let x = self.embed(token, first + step, pass)?;
            hidden = self.extend(vec![x], &mut stores, pass, see)?;
        }
        Some(closest)
    }

    /// Passes new positions through the layers; the hidden state of the last.
    fn extend(
        &self,
        mut rows: Vec<Row>,
        stores: &mut Stores,
        pass: &mut Pass,
        see: See,
    ) -> Option<Row> {
        rows.iter().for_each(|row| see(Quantity::Stream, row));
        for (layer, stores) in self.layers.iter().zip(stores) {
            let n_before = stores.first().map_or(0, Store::len);
            rows = layer.apply(&rows, stores, &|i| n_before + i + 1, pass, see)?;
        }
        rows.pop()
    }
}

/// The first token that no later one exceeds, and how close the closest other comes; a bit says that it is the first
/// for every honest runner.
fn most_likely(logits: &[Interval]) -> (usize, Decision) {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if logit.middle() > logits[best].middle() {
            best = token;
        }
    }
    let leads = |other: usize| {
        if other < best {
            logits[best].lo > logits[other].hi
        } else {
            logits[best].lo >= logits[other].hi
        }
    };
    let others = (0..logits.len()).filter(|&other| other != best);
    let is_decided = others.clone().all(leads);
    let against = others.map(|other| {
        let decision = Decision::new([logits[other], logits[best]]);
        Decision { bit: is_decided.then_some(true), ..decision }
    });
    let alone = Decision { bit: Some(true), lead: f64::INFINITY, bound: 0.0 };
    let closest = against.fold(alone, |a, b| if b.slack() < a.slack() { b } else { a });
    (best, closest)
}
