//! Why finite softmax temperatures and narrow formats give exact states.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Claim, EXACT, Evidence, Ground, Kind, Status};
use crate::circuit::Circuit;
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::model::Dtype;
use crate::run::Reference;
use crate::theory::order::randomly_summed;
use crate::verify::certificate::certify;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "leak",
        statement: "Where keys are all 2^m addresses of m signs and a query is the inverse temperature b \
                    times one of them, the softmax puts weight 1 - (1 + e^(-2b))^(-m) elsewhere; so \
                    b = ln(1 / ((1 - l)^(-1/m) - 1)) / 2 is the least for a leak l.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p07_leak"],
        sources: &[],
        assumptions: "real arithmetic; with fewer keys or a mask the leak is smaller",
        reason: "A key at Hamming distance d scores 2 b d less; sum over all distances is a binomial.",
        elsewhere: "",
        range: "m = 1 to 12 and four temperatures against sums over all keys; the least temperature by \
                bisection for m = 8, 10, 16, 20, 32",
        check: Some(leak),
    },
    Claim {
        id: "finite-temperature",
        statement: "A gate of k operands, read with a leak of at most (s - 1) / (2 k s) each by minterms \
                    of gain s, gives exactly its Boolean value; with a larger leak it need not.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p07_leak"],
        sources: &[],
        assumptions: "real arithmetic, operands between 0 and 1, minterms as differences of two ReLUs",
        reason: "The minterm of the operands' row is at least 1/2 + 1/(2s), where the clamp is 1, and all \
                 others at most 1/2 - 1/(2s), where it is 0.",
        elsewhere: "",
        range: "k = 2, s = 2, 4, 8, all 16 gates, all rows, all leaks in steps of 1/64 up to the bound and \
                one step beyond",
        check: Some(finite_temperature),
    },
    Claim {
        id: "analog-range",
        statement: "From operands anywhere between 0 and 1 a gate of k operands by minterms of gain s >= 1 gives \
                    a value between 0 and 1.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p07_leak"],
        sources: &[],
        assumptions: "real arithmetic",
        reason: "A minterm is positive only within 1/2 + 1/(2s) of its row, and rows of three minterms are not \
                 all so near, as two of them are at distance 2; two neighbours' brackets sum to 1 at \
                 most, so the clamps do too. Fewer rows give less.",
        elsewhere: "",
        range: "k = 1 to 4, the sum of all minterms at every point of a grid of sixteenths, s = 1, 3/2, 2, 3, \
                4, 8, 16; at s = 1/4 it exceeds 1",
        check: Some(analog_range),
    },
    Claim {
        id: "any-order",
        statement: "In f32, f16, bf16 and f64 the stream of a compiled model is the same signs after every layer \
                    in whatever order sums are taken, every product and partial sum being rounded.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p05_exactness", "p06_order_of_summation"],
        sources: &[],
        assumptions: EXACT,
        reason: "Every product and every partial sum of any order is a multiple of a power of two small enough \
                 to be a number of the dtype, so no operation rounds.",
        elsewhere: "",
        range: "3 small circuits, 4 random inputs and orders each, every pair of terms added drawn at random, \
                against the reference engine; with a gap of 1 some differ",
        check: Some(any_order),
    },
    Claim {
        id: "one-hot-threshold",
        statement: "In a binary format of p bits and least normal exponent e the exponential of a score that trails the \
                    maximum by (p - e) ln 2 or more rounds to 0, and that of one that trails by less does not. With one \
                    leader that is its weight; with several a weight rounds to 0 sooner.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p05_exactness"],
        sources: &[],
        assumptions: "exp is rounded to the nearest number, with gradual underflow",
        reason: "Half the least positive number is 2^(e - p); smaller numbers round to 0. Several leaders divide what is \
                 left: the least positive number, halved, is 0.",
        elsewhere: "",
        range: "f64, f32, bf16, f16 a thousandth above and below; certificates, which cover a softmax in f32 \
                too, of a compiled adder with the power of two above and below f32's or f64's as gap",
        check: Some(one_hot_threshold),
    },
    Claim {
        id: "average-stalls",
        statement: "Adding ones one by one in a format of p bits counts exactly up to 2^p and stays there.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p19_sums_of_ones"],
        sources: &[],
        assumptions: "round to nearest, ties to even, no wider accumulator",
        reason: "2^p + 1 is halfway between two numbers and 2^p the even one.",
        elsewhere: "",
        range: "bf16 to 512, f16 to 4096, f32 to 2^25",
        check: Some(average_stalls),
    },
];

/// The leak by its formula.
fn formula(m: u32, beta: f64) -> f64 {
    1.0 - (1.0 + (-2.0 * beta).exp()).powf(-f64::from(m))
}

fn leak(evidence: &mut Evidence) -> Result<()> {
    for beta in [0.5, 1.0, 2.0, 3.0] {
        // A sum of n terms is off by n units in the last place at most.
        let agrees = (1..=12u32).all(|m| {
            let weight = |a: u32| (-2.0 * beta * f64::from(a.count_ones())).exp();
            let total: f64 = (0..1u32 << m).map(weight).sum();
            let tolerance = 2.0 * f64::from(1u32 << m) * f64::EPSILON;
            ((1.0 - 1.0 / total) - formula(m, beta)).abs() <= tolerance
        });
        evidence.note(agrees, format!("inverse temperature {beta}: all keys, m = 1 to 12"));
    }
    let allowed = 3.0 / 16.0;
    for (m, expected) in [(8, 1.819), (10, 1.932), (16, 2.169), (20, 2.281), (32, 2.517)] {
        let (mut low, mut high) = (0.0, 10.0);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            let is_enough = formula(m, middle) <= allowed;
            (low, high) = if is_enough { (low, middle) } else { (middle, high) };
        }
        let closed = 0.5 * (1.0 / ((1.0 - allowed).powf(-1.0 / f64::from(m)) - 1.0)).ln();
        let right = (high - closed).abs() < 1e-9 && (high - expected).abs() <= 0.0005;
        evidence.note(right, format!("m = {m}: at least {high:.3} for a leak of 3/16"));
    }
    Ok(())
}

/// The gate of table `table` at operands `u`, by gated minterms of gain `s`.
fn gate(table: u32, u: [f64; 2], s: f64) -> f64 {
    let minterm = |a: u32| {
        let signed = [0, 1].map(|h| if a >> h & 1 == 1 { u[h] } else { -u[h] });
        let bracket = signed[0] + signed[1] - (f64::from(a.count_ones()) - 1.0);
        let y = bracket + f64::from(table >> a & 1) - 1.0;
        (s * (y - 0.5) + 0.5).max(0.0) - (s * (y - 0.5) - 0.5).max(0.0)
    };
    (0..4).map(minterm).sum()
}

fn finite_temperature(evidence: &mut Evidence) -> Result<()> {
    // All numbers are multiples of 1/64 times a power of two: f64 holds every one exactly.
    for (s, bound) in [(2.0, 8), (4.0, 12), (8.0, 14)] {
        let is_exact = |leaks: [u32; 2]| {
            (0..16u32).all(|table| {
                (0..4u32).all(|row| {
                    let u = [0, 1].map(|h| {
                        let leak = f64::from(leaks[h]) / 64.0;
                        if row >> h & 1 == 1 { 1.0 - leak } else { leak }
                    });
                    gate(table, u, s) == f64::from(table >> row & 1)
                })
            })
        };
        let all = (0..=bound).all(|a| (0..=bound).all(|b| is_exact([a, b])));
        let beyond = is_exact([bound + 1, bound + 1]);
        evidence.note(
            all && !beyond && f64::from(bound) / 64.0 == (s - 1.0) / (4.0 * s),
            format!("gain {s}: exact up to a leak of {bound}/64, not at {}/64", bound + 1),
        );
    }
    Ok(())
}

/// The sum of all `2^k` minterms of gain `s` at operands `u`: the gate that is always 1.
fn all_minterms(u: &[f64], s: f64) -> f64 {
    let minterm = |a: usize| {
        let distance = |(h, u): (usize, &f64)| if a >> h & 1 == 1 { 1.0 - u } else { *u };
        let y = 1.0 - u.iter().enumerate().map(distance).sum::<f64>();
        (s * (y - 0.5) + 0.5).clamp(0.0, 1.0)
    };
    (0..1usize << u.len()).map(minterm).sum()
}

fn analog_range(evidence: &mut Evidence) -> Result<()> {
    // Multiples of 1/16 times a multiple of 1/4: f64 holds every number exactly.
    let largest = |k: u32, s: f64| {
        let point = |code: usize| -> Vec<f64> {
            (0..k).map(|h| (code / 17usize.pow(h) % 17) as f64 / 16.0).collect()
        };
        (0..17usize.pow(k)).map(|code| all_minterms(&point(code), s)).fold(0.0, f64::max)
    };
    for k in 1..=4 {
        let within = [1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0].iter().all(|&s| largest(k, s) == 1.0);
        evidence.note(within, format!("k = {k}: at most 1 at {} points", 17usize.pow(k)));
    }
    let flat = largest(2, 0.25);
    evidence.note(flat > 1.0, format!("k = 2, s = 1/4: {flat}"));
    Ok(())
}

fn any_order(evidence: &mut Evidence) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut n_differ = 0;
    for spec in ["adder:2", "parity:5", "mux:2"] {
        let circuit = generate(spec)?;
        for dtype in Dtype::ALL {
            let sharp = orders_that_agree(&circuit, dtype, 1024.0, &mut rng)?;
            n_differ += 4 - orders_that_agree(&circuit, dtype, 1.0, &mut rng)?;
            evidence.note(sharp == 4, format!("{spec} in {dtype}: {sharp} of 4 orders agree"));
        }
    }
    evidence.note(n_differ > 0, format!("with a gap of 1: {n_differ} of 48 orders differ"));
    Ok(())
}

/// How many of 4 random inputs, summed in random orders, give the streams of the reference engine.
fn orders_that_agree(
    circuit: &Circuit,
    dtype: Dtype,
    gap: f64,
    rng: &mut ChaCha8Rng,
) -> Result<usize> {
    let options = Options { dtype, inverse_temperature: gap / 4.0, ..Options::default() };
    let model = compile(circuit, "", &options)?;
    let engine = Reference::new(&model)?;
    let mut n_agree = 0;
    for _ in 0..4 {
        let input: Vec<bool> = circuit.inputs().iter().map(|_| rng.random()).collect();
        let streams = randomly_summed(&model, &input, model.n_loops, rng)?;
        let mut expected = Vec::new();
        engine.trace(&input, model.n_loops, |step| expected.push(step.stream))?;
        n_agree += usize::from(streams == expected);
    }
    Ok(n_agree)
}

fn one_hot_threshold(evidence: &mut Evidence) -> Result<()> {
    let circuit = generate("adder:2")?;
    // The gap of a compiled model is four times its inverse temperature.
    for (dtype, threshold, above) in [
        (Dtype::F64, 745.13, 1024.0),
        (Dtype::F32, 103.97, 128.0),
        (Dtype::Bf16, 92.88, 128.0),
        (Dtype::F16, 17.33, 128.0),
    ] {
        let theta = dtype.underflow_threshold();
        let weight = |lead: f64| dtype.round((-lead).exp());
        let sharp = weight(theta * 1.001) == 0.0 && weight(theta * 0.999) > 0.0;
        let halved = dtype.round(weight(theta * 0.999) / 2.0) == 0.0;
        let proof = |gap: f64| {
            let options = Options { dtype, inverse_temperature: gap / 4.0, ..Options::default() };
            Ok(certify(&compile(&circuit, "", &options)?, &circuit).is_proof())
        };
        let certified = proof(above)? && !proof(above / 2.0)?;
        evidence.note(
            sharp && halved && certified && (theta - threshold).abs() < 0.006,
            format!("{dtype}: {theta:.2}; a gap of {above} is certified, {} is not", above / 2.0),
        );
    }
    Ok(())
}

fn average_stalls(evidence: &mut Evidence) -> Result<()> {
    for (dtype, ones) in [(Dtype::Bf16, 1u32 << 9), (Dtype::F16, 1 << 12), (Dtype::F32, 1 << 25)] {
        let most = 1u32 << dtype.precision();
        let (mut sum, mut exact) = (0.0, true);
        for count in 1..=ones {
            sum = dtype.round(sum + 1.0);
            exact &= sum == f64::from(count.min(most));
        }
        let average = sum / f64::from(ones);
        evidence.note(
            exact && average == 0.5,
            format!("{dtype}: {most} ones count; the average of {ones} ones is {average}"),
        );
    }
    Ok(())
}
