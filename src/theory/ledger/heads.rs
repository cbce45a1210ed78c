//! Heads without an MLP: alternating sums over the reals, and what rounding adds.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Start, Uniformity, Weighting};
use super::{Claim, Evidence, Ground, Kind, Status, lut};
use crate::batch::Batch;
use crate::circuit::TruthTable;
use crate::error::Result;
use crate::family::generate;
use crate::model::{Dtype, Model};
use crate::run::{Dense, Device, Engine, Reference};
use crate::theory::order::randomly_summed;
use crate::theory::shallow::heads::{MAX_EXACT, fractions, parity_by_heads};
use crate::theory::shallow::rounding::{parity_by_rounding, symmetric_by_rounding};

const ALTERNATING: Scope = Scope {
    arithmetic: Arithmetic::Reals,
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
        id: "alternating-sum",
        statement: "Over the reals one attention-only layer of k heads, read by the sign of a linear form with a \
                    constant, does not compute the parity of k + 1 bits.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Prose,
        scope: Some(ALTERNATING),
        proofs: &["p17_attention_without_mlp"],
        sources: &["rajaraman2026", "hsu2026", "kozachinskiy2026"],
        assumptions: "neither the query nor the read-out depends on the bit of the token that answers; nothing is \
                      rounded",
        reason: "Times the product of the positive normalisers the form is a sum of products of k terms \
                 that are sums over single bits, so its alternating sum over k + 1 bits is 0; parity's \
                 would not be.",
        elsewhere: "in f16, bf16, f32 and f64 one head is enough, for up to 2^(p-1) bits in a format of p: the residual \
                    stream rounds (parity-by-rounding); with as many heads as bits it is done over the reals too \
                    (parity-by-heads)",
        range: "200 random integer models with a constant for each k = 1 to 5: the sum is 0 over k + 1 bits, and not \
                always over k; for each k = 1 to 5 the model of parity-by-heads for k + 1 bits in f64 without one head, \
                and 40 with other numbers in the heads that are left: all wrong",
        check: Some(alternating_sum),
    },
    Claim {
        id: "parity-without-mlp-at-any-precision",
        statement: "One attention-only layer of k heads, read by the sign of a linear form, does not compute the \
                    parity of k + 1 bits at any precision.",
        status: Status::Refuted,
        kind: Kind::Bound,
        ground: Ground::Counterexample,
        scope: Some(Scope {
            arithmetic: Arithmetic::Ieee(&Dtype::ALL, scope::Summation::Once),
            ..ALTERNATING
        }),
        proofs: &["p17_attention_without_mlp"],
        sources: &["park2026"],
        assumptions: "none",
        reason: "Over the reals it holds (alternating-sum). In a format of p bits the addition to the residual stream \
                 rounds, and a rounded line is a staircase (parity-by-rounding).",
        elsewhere: "over the reals it holds (alternating-sum)",
        range: "the parity of 16 bits by one head in f16, all 65536 inputs, by the reference engine; the same numbers \
                in f64, where nothing rounds, are wrong",
        check: Some(any_precision),
    },
    Claim {
        id: "parity-by-rounding",
        statement: "In a format of p bits one layer of one head of width 1 with W_Q = 0, d_model = 3 and no MLP \
                    computes the parity of n bits, for every n up to 2^(p-1).",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p17_attention_without_mlp"],
        sources: &["park2026"],
        assumptions: "the residual stream is in the dtype, ties go to even; any accumulator from the dtype's up, any \
                      order of summation",
        reason: "The head counts, and one token adds a half to it. Added to 2^p the count and a half is rounded up exactly if the count is odd; \
                 beside it the count and a half is kept, and the two are compared.",
        elsewhere: "",
        range: "all inputs of n = 1 to 10 in f16, bf16, f32 and f64, by the reference and the dense engine; in f16 and \
                bf16 with every operation rounded in random orders; n = 128 in f16 and bf16, 256 in f16, every count",
        check: Some(parity_of_rounding),
    },
    Claim {
        id: "symmetric-by-rounding",
        statement: "In f16 one layer of one head with W_Q = 0, d_model = n + 2 and no MLP computes every symmetric \
                    function of n <= 32 bits.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p17_attention_without_mlp"],
        sources: &["park2026"],
        assumptions: "the residual stream is in f16, matrix products are accumulated in f32 or wider and rounded once",
        reason: "Staircases of n slopes are triangular in slope and count, so that they and a constant span all \
                 functions of the count, with small whole weights.",
        elsewhere: "",
        range: "all 32 functions of 4 bits; the parity of 16 bits (d_model 18), all 65536 inputs; 32 bits, every count",
        check: Some(symmetric_of_rounding),
    },
    Claim {
        id: "k-heads-margin",
        statement: "The partial fractions with poles at -1, ..., -k that vanish at 1/2, ..., k - 1/2 tell the \
                    parity of k bits from their sum, and their least absolute value falls by more than 4 \
                    with each head.",
        status: Status::Verified,
        kind: Kind::Fact,
        ground: Ground::Machine,
        scope: None,
        proofs: &["p17_attention_without_mlp"],
        sources: &[],
        assumptions: "head j is a softmax whose denominator is the number of ones plus j",
        reason: "The sign changes at every half-integer; the product is a constant and k simple fractions.",
        elsewhere: "",
        range: "k = 1 to 12: signs by exact integers; margins 0.25, 0.042, 0.0063, ..., 8.6e-10",
        check: Some(heads_margin),
    },
    Claim {
        id: "parity-by-heads",
        statement: "Over the reals one attention-only layer of n heads, read by the sign of a linear form, computes \
                    the parity of n bits; by `alternating-sum` fewer heads do not.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p17_attention_without_mlp"],
        sources: &["rajaraman2026"],
        assumptions: "real arithmetic",
        reason: "Head j reads a multiple of c/(c + j), c being the number of ones; a linear form of these and a \
                 constant is the product over i < n of (i + 1/2 - c), divided by that of c + j over j from 1 to n, \
                 whose sign alternates.",
        elsewhere: "",
        range: "the coefficients for n = 1 to 12 in integers; models for n = 1 to 8 in f64, all inputs, by the \
                reference engine",
        check: Some(parity_of_heads),
    },
];

fn parity_of_heads(evidence: &mut Evidence) -> Result<()> {
    for n in 1..=MAX_EXACT {
        let fractions = fractions(n)?;
        let exact = (0..=n as i128).all(|c| fractions.is_exact_at(c));
        if n > 8 {
            evidence.note(exact, format!("{n} heads: coefficients exact"));
            continue;
        }
        let model = parity_by_heads(n, Dtype::F64)?;
        let right = evidence.computes(&model, &generate(&format!("parity:{n}"))?, 1)?;
        evidence.note(
            exact && right && is_without_mlp(&model) && model.n_heads() == n,
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
                let constant = form(-9)[0][0];
                zeros += usize::from(alternating(&heads, constant, n) == 0);
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
        let n_right = too_few_heads(evidence, k, &mut rng)?;
        let text =
            format!("{k} heads: {n_right} of 41 models compute the parity of {} bits", k + 1);
        evidence.note(n_right == 0, text);
    }
    Ok(())
}

/// How many of 41 models with `k` heads compute the parity of `k + 1` bits: that of `k + 1` heads without its last,
/// and such with other scores, read-outs and constants.
fn too_few_heads(evidence: &mut Evidence, k: usize, rng: &mut ChaCha8Rng) -> Result<usize> {
    let circuit = generate(&format!("parity:{}", k + 1))?;
    let model = parity_by_heads(k + 1, Dtype::F64)?;
    let mut n_right = 0;
    for attempt in 0..=40 {
        let mut parts = model.clone().into_parts();
        let block = &mut parts.blocks[0];
        if attempt > 0 {
            block.b_q.iter_mut().for_each(|score| *score = rng.random_range(-4.0..4.0));
            block.w_o.iter_mut().for_each(|weight| *weight *= rng.random_range(-4.0..4.0));
            block.b_o.iter_mut().for_each(|constant| *constant = rng.random_range(-4.0..4.0));
        }
        // The last head writes nothing.
        block.w_o.outer_iter_mut().skip(k).for_each(|mut head| head.fill(0.0));
        n_right += usize::from(evidence.computes(&Model::new(parts)?, &circuit, 1)?);
    }
    Ok(n_right)
}

/// `Σ_x (-1)^|x| (constant + Σ_j s_j / d_j) Π_i d_i` over all inputs of `n` bits, for heads `s_j / d_j`.
fn alternating(heads: &[[Form; 2]], constant: i128, n: usize) -> i128 {
    let at = |form: &Form, x: usize| -> i128 {
        form.iter().enumerate().map(|(bit, values)| values[x >> bit & 1]).sum()
    };
    let numerator = |x: usize| -> i128 {
        let all: i128 = heads.iter().map(|[_, d]| at(d, x)).product();
        let term = |j: usize| -> i128 {
            let factor = |(i, [s, d]): (usize, &[Form; 2])| at(if i == j { s } else { d }, x);
            heads.iter().enumerate().map(factor).product()
        };
        constant * all + (0..heads.len()).map(term).sum::<i128>()
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

fn is_without_mlp(model: &Model) -> bool {
    let silent = model.blocks.iter().all(|block| block.w_out.iter().all(|&w| w == 0.0));
    silent && model.blocks.iter().all(|block| block.b_out.iter().all(|&b| b == 0.0))
}

fn any_precision(evidence: &mut Evidence) -> Result<()> {
    let (n, circuit) = (16, generate("parity:16")?);
    let model = parity_by_rounding(n, Dtype::F16)?;
    let right = evidence.computes(&model, &circuit, 1)?;
    evidence.note(
        right && is_without_mlp(&model) && model.n_heads() == 1 && model.n_layers() == 1,
        format!("f16: parity of {n} bits by one head, right on all {} inputs", 1 << n),
    );
    let mut parts = model.into_parts();
    parts.dtype = Dtype::F64;
    let right = evidence.computes(&Model::new(parts)?, &circuit, 1)?;
    evidence.note(!right, "f64, where nothing rounds: the same numbers are wrong");
    Ok(())
}

/// Inputs of `n` bits with every number of ones, the ones in front.
fn counts(n: usize) -> Result<Batch> {
    let columns: Vec<Vec<bool>> = (0..=n).map(|ones| (0..n).map(|i| i < ones).collect()).collect();
    Batch::from_columns(n, &columns)
}

fn parity_of_rounding(evidence: &mut Evidence) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for dtype in Dtype::ALL {
        let mut right = true;
        for n in 1..=10usize {
            let (model, circuit) =
                (parity_by_rounding(n, dtype)?, generate(&format!("parity:{n}"))?);
            right &= evidence.computes(&model, &circuit, 1)? && is_without_mlp(&model);
            let inputs = Batch::counting(n, 0, 1 << n);
            right &= evidence.agrees(&Dense::new(&model, &Device::cpu())?, &circuit, &inputs, 1)?;
        }
        evidence.note(right, format!("{dtype}: parity of 1 to 10 bits, two engines, all inputs"));
    }
    for (dtype, n) in [(Dtype::F16, 128), (Dtype::Bf16, 128), (Dtype::F16, 256)] {
        let (model, circuit) = (parity_by_rounding(n, dtype)?, generate(&format!("parity:{n}"))?);
        let right = evidence.agrees(&Reference::new(&model)?, &circuit, &counts(n)?, 1)?;
        evidence.note(right, format!("{dtype}: {n} bits, every count"));
    }
    for dtype in [Dtype::F16, Dtype::Bf16] {
        let model = parity_by_rounding(7, dtype)?;
        let mut right = true;
        for input in (0..128u8).map(|x| (0..7).map(|i| x >> i & 1 == 1).collect::<Vec<bool>>()) {
            let streams = randomly_summed(&model, &input, 1, &mut rng)?;
            let row = streams.last().expect("the embedding is there").row(0).to_vec();
            let ones = input.iter().filter(|&&bit| bit).count();
            right &= (row[2] + model.b_u[1] > row[1]) == (ones % 2 == 1);
        }
        evidence.note(right, format!("{dtype}: 7 bits, every operation rounded, in random orders"));
    }
    Ok(())
}

fn symmetric_of_rounding(evidence: &mut Evidence) -> Result<()> {
    let mut right = true;
    for code in 0..32u32 {
        let values: Vec<bool> = (0..=4).map(|ones| code >> ones & 1 == 1).collect();
        let ones = |x: &[bool]| x.iter().filter(|&&bit| bit).count();
        let circuit = lut(TruthTable::from_fn(4, |x| values[ones(x)]))?;
        let model = symmetric_by_rounding(&values)?;
        right &= evidence.computes(&model, &circuit, 1)? && is_without_mlp(&model);
    }
    evidence.note(right, "32 symmetric functions of 4 bits, all inputs");
    let odd: Vec<bool> = (0..=16).map(|c| c % 2 == 1).collect();
    let model = symmetric_by_rounding(&odd)?;
    let right = evidence.computes(&model, &generate("parity:16")?, 1)? && model.d_model() == 18;
    evidence
        .note(right, format!("parity of 16 bits: all 65536 inputs, d_model {}", model.d_model()));
    let values: Vec<bool> = (0..=32).map(|c| c * c % 7 < 3).collect();
    let model = symmetric_by_rounding(&values)?;
    let outputs = Reference::new(&model)?.run(&counts(32)?, 1)?;
    evidence.n_models += 1;
    let right = (0..=32).all(|ones| outputs.get(0, ones) == values[ones]);
    evidence.note(right, "a function of 32 bits: every count");
    Ok(())
}
