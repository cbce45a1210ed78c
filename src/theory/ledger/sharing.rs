//! What a block that is looped shares, and what it cannot hold.

use std::collections::BTreeSet;

use super::{Claim, Evidence, Status};
use crate::error::Result;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "tied-capacity",
        statement: "A block of L layers looped R times computes everything that L R layers with \
                    weights of their own compute.",
        status: Status::Refuted,
        assumptions: "weights of bounded size",
        reason: "P parameters of b bits tell at most 2^(b P) functions apart, whatever R is. The \
                 looped functions are some of the others.",
        range: "all weights -1, 0, 1 of one unit per layer, two layers, inputs 0 to 3",
        check: Some(tied_capacity),
    },
    Claim {
        id: "parameter-ratio",
        statement: "A model of L R layers has R times the parameters of a block of L layers looped R times.",
        status: Status::Refuted,
        assumptions: "embeddings count",
        reason: "(L R p + e) / (L p + e) < R for e > 0.",
        range: "12 and 120 layers in the shape of GPT-2 small",
        check: Some(parameter_ratio),
    },
];

fn tied_capacity(evidence: &mut Evidence) -> Result<()> {
    let weights: Vec<[i32; 4]> =
        (0..81).map(|code| [1, 3, 9, 27].map(|place| code / place % 3 - 1)).collect();
    let tied: BTreeSet<_> = weights.iter().map(|w| two_layers(w, w)).collect();
    let untied: BTreeSet<_> =
        weights.iter().flat_map(|w| weights.iter().map(move |v| two_layers(w, v))).collect();
    evidence.note(
        tied.is_subset(&untied) && tied.len() < untied.len() && tied.len() <= 81,
        format!("{} functions tied, {} untied, from 81 weights a layer", tied.len(), untied.len()),
    );
    Ok(())
}

/// The functions that two layers `x <- b2 + w2 relu(w1 x + b1)` compute on 0 to 3, as values.
fn two_layers(first: &[i32; 4], second: &[i32; 4]) -> [i32; 4] {
    let layer = |&[w1, b1, w2, b2]: &[i32; 4], x: i32| b2 + w2 * (w1 * x + b1).max(0);
    [0, 1, 2, 3].map(|x| layer(second, layer(first, x)))
}

fn parameter_ratio(evidence: &mut Evidence) -> Result<()> {
    let (d, vocabulary, context) = (768u64, 50257, 1024);
    let layer = 12 * d * d + 13 * d;
    let rest = (vocabulary + context) * d + 2 * d;
    let [block, unrolled] = [12, 120].map(|layers| layers * layer + rest);
    evidence.note(
        (block, unrolled) == (124_439_808, 889_929_984) && unrolled < 10 * block,
        format!(
            "12 layers {block}, 120 layers {unrolled}: ratio {:.2}",
            unrolled as f64 / block as f64
        ),
    );
    Ok(())
}
