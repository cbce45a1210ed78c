//! What a block that is looped shares, and what it cannot hold.

use std::collections::BTreeSet;

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Start, Uniformity, Weighting};
use super::{Claim, Evidence, Ground, Kind, Status};
use crate::error::Result;
use crate::model::Block;
use crate::run::Reference;
use crate::theory::shallow;

const TIED: Scope = Scope {
    arithmetic: Arithmetic::WeightBits,
    uniformity: Uniformity::PerLength,
    attention: scope::Attention { weighting: Weighting::Any, reads: Reads::Many, mask: Mask::Any },
    start: Start::OneSymbol,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "tied-capacity",
        statement: "A block of L layers looped R times computes everything that L R layers with \
                    weights of their own compute.",
        status: Status::Refuted,
        kind: Kind::Bound,
        ground: Ground::Prose,
        scope: Some(TIED),
        proofs: &["p44_counting"],
        sources: &["saunshi2025"],
        assumptions: "weights of b bits each, b the same for all",
        reason: "P parameters of b bits tell at most 2^(b P) functions apart, whatever R is. The \
                 looped functions are some of the others.",
        elsewhere: "with weights of unbounded precision counting says nothing: one number may hold a table of any size",
        range: "all weights -1, 0, 1 of one MLP unit per layer, two layers, starts 0 to 3, by the reference engine",
        check: Some(tied_capacity),
    },
    Claim {
        id: "parameter-ratio",
        statement: "A model of L R layers has R times the parameters of a block of L layers looped R times.",
        status: Status::Refuted,
        kind: Kind::Fact,
        ground: Ground::Counterexample,
        scope: None,
        proofs: &["p44_counting"],
        sources: &[],
        assumptions: "embeddings count",
        reason: "(L R p + e) / (L p + e) < R for e > 0.",
        elsewhere: "",
        range: "12 and 120 layers in the shape of GPT-2 small",
        check: Some(parameter_ratio),
    },
];

fn tied_capacity(evidence: &mut Evidence) -> Result<()> {
    let weights: Vec<[f64; 4]> =
        (0..81).map(|code| [1, 3, 9, 27].map(|place| f64::from(code / place % 3 - 1))).collect();
    let (mut tied, mut untied) = (BTreeSet::new(), BTreeSet::new());
    for first in &weights {
        tied.insert(function(evidence, &[*first], 2)?);
        for second in &weights {
            untied.insert(function(evidence, &[*first, *second], 1)?);
        }
    }
    evidence.note(
        tied.is_subset(&untied) && tied.len() < untied.len() && tied.len() <= 81,
        format!("{} functions tied, {} untied, from 81 weights a layer", tied.len(), untied.len()),
    );
    Ok(())
}

/// The function of the stream's start 0 to 3, a position each, that layers `x += b2 + w2 relu(w1 x + b1)` without
/// attention compute when they are looped: a small whole number each.
fn function(evidence: &mut Evidence, layers: &[[f64; 4]], n_loops: usize) -> Result<Vec<i32>> {
    let block = |&[w1, b1, w2, b2]: &[f64; 4]| {
        let mut block = Block::zeros(1, 1, 1, 1);
        (block.w_in[[0, 0]], block.b_in[0]) = (w1, b1);
        (block.w_out[[0, 0]], block.b_out[0]) = (w2, b2);
        block
    };
    let model =
        shallow::started_at(&[0.0, 1.0, 2.0, 3.0], layers.iter().map(block).collect(), n_loops)?;
    let mut last = Vec::new();
    Reference::new(&model)?
        .trace(&[false], n_loops, |step| last = step.stream.column(0).to_vec())?;
    evidence.n_models += 1;
    Ok(last.into_iter().map(|x| x as i32).collect())
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
