//! What one layer of attention can and cannot do, unconditionally.

use std::collections::HashSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Claim, DTYPES, EXACT, Evidence, Status, is_right};
use crate::batch::Batch;
use crate::error::Result;
use crate::family::generate;
use crate::model::Dtype;
use crate::run::{Engine, Reference};
use crate::theory::shallow::equality;
use crate::theory::shallow::heads::{MAX_EXACT, fractions, parity_by_heads};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "one-layer-equality",
        statement: "One layer of H heads of width w with numbers of p bits decides whether two n-bit words \
                    are equal only if H (w + 1) p >= n, whatever MLP follows.",
        status: Status::Proved,
        assumptions: "the reading token's query does not depend on the input; the answer is read at it",
        reason: "What the tokens of one word contribute are H normalisers and H weighted sums, one message \
                 for all words with the same row of the function's matrix. Equality has 2^n rows.",
        range: "rows counted for n = 1 to 10: 2^n for equality, 2 for parity, which the bound does not touch",
        check: Some(one_layer_equality),
    },
    Claim {
        id: "equality-two-layers",
        statement: "Two layers of one head of width ceil(log2 n) + 1 and two MLP units decide whether two words \
                    of n <= 512 bits are equal.",
        status: Status::Proved,
        assumptions: EXACT,
        reason: "The bits of one place have one address: layer 1 compares them, layer 2 averages the \
                 differences, which gives 0 only if there are none, however it is rounded.",
        range: "all pairs of words of 1 to 5 bits in f32, f16 and bf16; 256 bits in bf16, where one layer of \
                that width needs more numbers by `one-layer-equality`: equal words and words that differ in \
                one of 8 places",
        check: Some(equality_two_layers),
    },
    Claim {
        id: "alternating-sum",
        statement: "One attention-only layer of k heads, read by the sign of a linear form, does not compute \
                    the parity of k + 1 bits at any precision.",
        status: Status::Proved,
        assumptions: "the reading token's query does not depend on the input; one bit per token",
        reason: "Times the product of the positive normalisers the form is a sum of products of k terms \
                 that are sums over single bits, so its alternating sum over k + 1 bits is 0; parity's \
                 would not be.",
        range: "200 random integer models for each k = 1 to 5: the sum is 0 over k + 1 bits, and not \
                always over k",
        check: Some(alternating_sum),
    },
    Claim {
        id: "k-heads-margin",
        statement: "The partial fractions with poles at -1, ..., -k that vanish at 1/2, ..., k - 1/2 tell the \
                    parity of k bits from their sum, and their least absolute value falls by more than 4 \
                    with each head.",
        status: Status::Verified,
        assumptions: "head j is a softmax whose denominator is the number of ones plus j",
        reason: "The sign changes at every half-integer; the product is a constant and k simple fractions.",
        range: "k = 1 to 12: signs by exact integers; margins 0.25, 0.042, 0.0063, ..., 8.6e-10",
        check: Some(heads_margin),
    },
    Claim {
        id: "parity-by-heads",
        statement: "One attention-only layer of n heads, read by the sign of a linear form, computes the parity \
                    of n bits; by `alternating-sum` fewer heads do not.",
        status: Status::Proved,
        assumptions: "real arithmetic",
        reason: "Head j reads a multiple of c/(c + j), c being the number of ones; a linear form of these and a \
                 constant is the product over i < n of (i + 1/2 - c), divided by that of c + j over j from 1 to n, \
                 whose sign alternates.",
        range: "the coefficients for n = 1 to 12 in integers; models for n = 1 to 8 in f64, all inputs, by the \
                reference engine",
        check: Some(parity_of_heads),
    },
    Claim {
        id: "rank-census",
        statement: "Of the 65536 functions of 4 variables 2, 1048, 53212, 11272 and 2 have \
                    Ehrenfeucht-Haussler rank 0 to 4; rank 4 is the two parities.",
        status: Status::Verified,
        assumptions: "none",
        reason: "Dynamic programming over cofactors. The rank is the number of chain-of-thought steps of \
                 one layer with one hard head (Barcelo, Kozachinskiy and Steifer 2025, not checked here).",
        range: "all functions of 3 and of 4 variables",
        check: Some(rank_census),
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
    Ok(())
}

fn equality_two_layers(evidence: &mut Evidence) -> Result<()> {
    for n in 1..=5 {
        let circuit = generate(&format!("eq:{n}"))?;
        let mut holds = true;
        for dtype in DTYPES {
            let model = equality(n, dtype)?;
            let shape = (model.n_layers() * model.n_loops, model.n_heads(), model.d_mlp());
            holds &= shape == (2, 1, 2) && is_right(&model, &circuit, 1)?;
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

fn parity_of_heads(evidence: &mut Evidence) -> Result<()> {
    for n in 1..=MAX_EXACT {
        let fractions = fractions(n)?;
        let exact = (0..=n as i128).all(|c| fractions.is_exact_at(c));
        if n > 8 {
            evidence.note(exact, format!("{n} heads: coefficients exact"));
            continue;
        }
        let model = parity_by_heads(n, Dtype::F64)?;
        let without_mlp = model.blocks.iter().all(|block| block.w_out.iter().all(|&w| w == 0.0));
        let right = is_right(&model, &generate(&format!("parity:{n}"))?, 1)?;
        evidence.note(
            exact && right && without_mlp && model.n_heads() == n,
            format!("{n} heads: coefficients exact, model right on all 2^{n} inputs"),
        );
    }
    Ok(())
}

/// A head's normaliser or weighted sum: per bit what it adds at 0 and at 1.
type Form = Vec<[i128; 2]>;

fn alternating_sum(evidence: &mut Evidence) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for k in 1..=5 {
        let mut sums = |n: usize| {
            let mut zeros = 0;
            for _ in 0..200 {
                let mut form = |least: i128| -> Form {
                    (0..n).map(|_| [(); 2].map(|()| rng.random_range(least..=9))).collect()
                };
                let heads: Vec<[Form; 2]> = (0..k).map(|_| [form(-9), form(1)]).collect();
                zeros += usize::from(alternating(&heads, n) == 0);
            }
            zeros
        };
        let (wide, narrow) = (sums(k + 1), sums(k));
        evidence.note(
            wide == 200 && narrow < 200,
            format!(
                "{k} heads: the sum is 0 in {wide} of 200 over {} bits, in {narrow} over {k}",
                k + 1
            ),
        );
    }
    Ok(())
}

/// `Σ_x (-1)^|x| Σ_j s_j(x) Π_(i≠j) d_i(x)` over all inputs of `n` bits, for heads `s_j / d_j`.
fn alternating(heads: &[[Form; 2]], n: usize) -> i128 {
    let at = |form: &Form, x: usize| -> i128 {
        form.iter().enumerate().map(|(bit, values)| values[x >> bit & 1]).sum()
    };
    let numerator = |x: usize| -> i128 {
        let term = |j: usize| -> i128 {
            let factor = |(i, [s, d]): (usize, &[Form; 2])| at(if i == j { s } else { d }, x);
            heads.iter().enumerate().map(factor).product()
        };
        (0..heads.len()).map(term).sum()
    };
    let sign = |x: usize| if x.count_ones() % 2 == 1 { -1 } else { 1 };
    (0..1usize << n).map(|x| sign(x) * numerator(x)).sum()
}

fn heads_margin(evidence: &mut Evidence) -> Result<()> {
    let mut last: Option<f64> = None;
    for k in 1..=12i64 {
        // Twice the numerator's factors, which are odd integers.
        let numerator = |c: i64| (0..k).map(|i| i128::from(2 * (i - c) + 1)).product::<i128>();
        let denominator = |c: i64| (1..=k).map(|j| i128::from(2 * (c + j))).product::<i128>();
        let alternates = (0..=k).all(|c| (numerator(c) > 0) == (c % 2 == 0));
        let value = |c: i64| numerator(c) as f64 / denominator(c) as f64;
        let margin = (0..=k).map(|c| value(c).abs()).fold(f64::INFINITY, f64::min);
        let falls = last.is_none_or(|last| margin < last / 4.0);
        last = Some(margin);
        evidence.note(alternates && falls, format!("{k} heads: margin {margin:.2e}"));
    }
    Ok(())
}

/// The ranks of all functions of `n` variables, by truth table.
fn ranks(n: usize) -> Vec<u32> {
    let below = if n > 0 { ranks(n - 1) } else { Vec::new() };
    let constant = (1usize << (1 << n)) - 1;
    let cofactor = |f: usize, variable: usize, value: usize| -> usize {
        let rows = (0..1usize << n).filter(|row| row >> variable & 1 == value);
        rows.enumerate().map(|(at, row)| (f >> row & 1) << at).sum()
    };
    let rank = |f: usize| {
        let split = |variable: usize| {
            let [a, b] = [0, 1].map(|value| below[cofactor(f, variable, value)]);
            if a == b { a + 1 } else { a.max(b) }
        };
        match f == 0 || f == constant {
            true => 0,
            false => (0..n).map(split).min().unwrap_or(0),
        }
    };
    (0..=constant).map(rank).collect()
}

fn rank_census(evidence: &mut Evidence) -> Result<()> {
    for (n, expected) in [(3, &[2, 94, 158, 2][..]), (4, &[2, 1048, 53212, 11272, 2])] {
        let ranks = ranks(n);
        let count = |rank: u32| ranks.iter().filter(|&&found| found == rank).count();
        let counts: Vec<usize> = (0..=n as u32).map(count).collect();
        let parity = (0..1usize << n).fold(0, |f, row| f | (row.count_ones() as usize % 2) << row);
        let of_parity = ranks[parity] == n as u32 && ranks[ranks.len() - 1 - parity] == n as u32;
        evidence.note(
            counts == expected && of_parity,
            format!("{n} variables: {counts:?} by rank, the parities at {n}"),
        );
    }
    Ok(())
}
