//! Equality of two words: what one layer needs if sums are exact, and what it does if they are rounded.

use std::collections::HashSet;

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Start, Uniformity, Weighting};
use super::{Claim, DTYPES, EXACT, Evidence, Ground, Kind, Status};
use crate::batch::Batch;
use crate::error::Result;
use crate::family::generate;
use crate::model::{Dtype, Model};
use crate::run::{Engine, Reference};
use crate::theory::order::summed_in_order;
use crate::theory::shallow::equality;
use crate::theory::shallow::running_sum::{MAX_BITS, Tokens, equality_by_running_sum};

/// A head's message of one word is a weighted sum and a normaliser.
const MESSAGES: Scope = Scope {
    arithmetic: Arithmetic::ExactSums,
    uniformity: Uniformity::PerLength,
    attention: scope::Attention {
        weighting: Weighting::Any,
        reads: Reads::ManyFixedQuery,
        mask: Mask::Any,
    },
    start: Start::OneBitButReader,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "one-layer-equality",
        statement: "One layer of H heads of width w with numbers of p bits decides whether two n-bit words \
                    are equal only if H (w + 1) p >= n, whatever MLP follows.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Prose,
        scope: Some(MESSAGES),
        proofs: &["p16_equality"],
        sources: &["peng2024"],
        assumptions: "sums are exact, or each word's are taken apart and rounded once; a softmax that subtracts \
                      the maximum and divides first exchanges two more numbers a head: H (w + 3) p >= n; average-hard \
                      attention one, its maximum: H (w + 2) p >= n",
        reason: "What the tokens of one word contribute are H normalisers and H weighted sums, one message \
                 for all words with the same row of the function's matrix. Equality has 2^n rows.",
        elsewhere: "where sums are rounded after each addition and the words' bits take turns, one head of \
                    width 1 compares 87 bits in bf16 (equality-by-running-sum)",
        range: "rows counted for n = 1 to 10: 2^n for equality, 2 for parity, which the bound does not touch; \
                the model of equality-by-running-sum with one word before the other is wrong",
        check: Some(one_layer_equality),
    },
    Claim {
        id: "equality-by-running-sum",
        statement: "In bf16, sums being rounded after each addition in the order of the tokens, one layer of one \
                    head of width 1 with two MLP units decides whether two words of n <= 87 bits are equal, their \
                    bits taking turns: H (w + 3) p = 64.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p16_equality"],
        sources: &["park2026"],
        assumptions: "rounding is monotone; the token that answers holds no bit of a word; a runner that adds in another \
                      order, in lanes or from the end, is wrong",
        reason: "The running sum is 0 as long as the words agree. From the first difference on it stays on its side: \
                 what is still to come is less than half of what is left, and rounding does not pass a number.",
        elsewhere: "",
        range: "all pairs of words of 1 to 5 bits, and of 87 bits words that differ in one of 87 places alone, from \
                there on, or at random: products accumulated in f32 (reference engine), and every product and \
                partial sum rounded to bf16",
        check: Some(running_sum),
    },
    Claim {
        id: "equality-two-layers",
        statement: "Two layers of one head of width ceil(log2 n) + 1 and two MLP units decide whether two words \
                    of n <= 512 bits are equal.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p16_equality"],
        sources: &[],
        assumptions: EXACT,
        reason: "The bits of one place have one address: layer 1 compares them, layer 2 averages the \
                 differences, which gives 0 only if there are none, however it is rounded.",
        elsewhere: "",
        range: "all pairs of words of 1 to 5 bits in f32, f16 and bf16; 256 bits in bf16, where one layer of \
                that width with exact sums needs more numbers by `one-layer-equality`: equal words and words that \
                differ in one of 8 places",
        check: Some(equality_two_layers),
    },
];

fn one_layer_equality(evidence: &mut Evidence) -> Result<()> {
    for n in 1..=10u32 {
        let rows = |f: &dyn Fn(u32, u32) -> bool| {
            let row = |a: u32| (0..1 << n).map(|b| f(a, b)).collect::<Vec<bool>>();
            (0..1 << n).map(row).collect::<HashSet<_>>().len()
        };
        let (equality, parity) =
            (rows(&|a, b| a == b), rows(&|a, b| (a ^ b).count_ones() % 2 == 1));
        evidence.note(
            equality == 1 << n && parity == 2,
            format!("n = {n}: {equality} rows of equality, {parity} of parity"),
        );
    }
    let n = MAX_BITS;
    let model = equality_by_running_sum(n, Tokens::WordByWord)?;
    let wrong = n_wrong(evidence, &model, n, &pairs(n))?;
    let text = format!(
        "n = {n}, one word before the other: a model of one head is wrong on {wrong} pairs"
    );
    evidence.note(wrong > 0, text);
    Ok(())
}

/// A word, equal or not to another.
type Pair = (Vec<bool>, Vec<bool>);

/// Equal words; words that differ in one place alone, from there on, and at random from there on, each way.
fn pairs(n: usize) -> Vec<Pair> {
    let word: Vec<bool> = (0..n).map(|i| i * i % 7 < 3).collect();
    let noise = |i: usize, place: usize| (i * i + 5 * place) % 11 < 5;
    let mut pairs = vec![(word.clone(), word.clone()), (vec![false; n], vec![false; n])];
    pairs.push((vec![true; n], vec![true; n]));
    for place in 0..n {
        let change = |f: &dyn Fn(usize) -> bool| -> Vec<bool> {
            (0..n).map(|i| word[i] ^ (i == place || i > place && f(i))).collect()
        };
        pairs.push((word.clone(), change(&|_| false)));
        pairs.push((word.clone(), change(&|i| noise(i, place))));
        // The first word is ahead in its place and behind in all others.
        let ahead: Vec<bool> = (0..n).map(|i| i == place).collect();
        let behind: Vec<bool> = (0..n).map(|i| i > place).collect();
        pairs.push((ahead.clone(), behind.clone()));
        pairs.push((behind, ahead));
    }
    pairs
}

/// On how many pairs the reference engine is wrong.
fn n_wrong(evidence: &mut Evidence, model: &Model, n: usize, pairs: &[Pair]) -> Result<usize> {
    let columns: Vec<Vec<bool>> = pairs.iter().map(|(a, b)| [&a[..], &b[..]].concat()).collect();
    let outputs = Reference::new(model)?.run(&Batch::from_columns(2 * n, &columns)?, 1)?;
    evidence.n_models += 1;
    Ok((0..pairs.len()).filter(|&i| outputs.get(0, i) != (pairs[i].0 == pairs[i].1)).count())
}

/// On how many pairs the pass is wrong whose every product and partial sum is rounded, in order.
fn n_wrong_in_order(evidence: &mut Evidence, model: &Model, pairs: &[Pair]) -> Result<usize> {
    let differs = model.d_model() - 1;
    let least = model.b_u[1];
    let mut wrong = 0;
    for (a, b) in pairs {
        let streams = summed_in_order(model, &[&a[..], &b[..]].concat(), 1)?;
        let stream = streams.last().expect("the embedding is there");
        let says_equal = stream[[model.output_positions[0], differs]] < least;
        wrong += usize::from(says_equal != (a == b));
    }
    evidence.n_models += 1;
    Ok(wrong)
}

fn running_sum(evidence: &mut Evidence) -> Result<()> {
    for n in 1..=5 {
        let model = equality_by_running_sum(n, Tokens::Alternating)?;
        let right = evidence.computes(&model, &generate(&format!("eq:{n}"))?, 1)?;
        evidence.note(right, format!("n = {n}: all 4^{n} pairs of words"));
    }
    let n = MAX_BITS;
    let model = equality_by_running_sum(n, Tokens::Alternating)?;
    let pairs = pairs(n);
    let wrong = n_wrong(evidence, &model, n, &pairs)?;
    let bits = model.n_heads() * (model.d_head() + 3) * 16;
    evidence.note(
        wrong == 0 && bits < n && model.n_layers() == 1,
        format!(
            "n = {n}: H (w + 3) p = {bits}; {wrong} of {} pairs wrong, accumulated in f32",
            pairs.len()
        ),
    );
    let few: Vec<Pair> = pairs.iter().step_by(5).cloned().collect();
    let wrong = n_wrong_in_order(evidence, &model, &few)?;
    evidence.note(
        wrong == 0,
        format!("n = {n}: {wrong} of {} pairs wrong, rounded to bf16", few.len()),
    );
    Ok(())
}

fn equality_two_layers(evidence: &mut Evidence) -> Result<()> {
    for n in 1..=5 {
        let circuit = generate(&format!("eq:{n}"))?;
        let mut holds = true;
        for dtype in DTYPES {
            let model = equality(n, dtype)?;
            let shape = (model.n_layers() * model.n_loops, model.n_heads(), model.d_mlp());
            holds &= shape == (2, 1, 2) && evidence.computes(&model, &circuit, 1)?;
        }
        evidence.note(holds, format!("n = {n}: all 4^{n} pairs of words"));
    }
    let n = 256;
    let model = equality(n, Dtype::Bf16)?;
    let word: Vec<bool> = (0..n).map(|i| i * i % 7 < 3).collect();
    let pair = |place: usize| {
        let other = (0..n).map(|i| word[i] ^ (i == place));
        word.iter().copied().chain(other).collect::<Vec<bool>>()
    };
    // The last pair differs nowhere.
    let places = [0, 1, 31, 100, 128, 200, 254, 255, n];
    let batch = Batch::from_columns(2 * n, &places.map(pair))?;
    let outputs = Reference::new(&model)?.run(&batch, 1)?;
    let right = (0..places.len()).all(|a| outputs.get(0, a) == (places[a] == n));
    let bits = model.n_heads() * (model.d_head() + 1) * 16;
    evidence.note(right && bits < n, format!("n = {n}: H (w + 1) p = {bits} in bf16"));
    Ok(())
}
