//! What one layer cannot do: messages that are too short, and alternating sums.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{any, bits};
use crate::course::task::{Mistake, Number, Task};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::Result;
use crate::family;

pub static EXERCISES: [Exercise; 2] = [
    Exercise {
        number: 19,
        title: "Equality through a narrow channel",
        lesson: 8,
        stars: 3,
        minutes: 30,
        parameters: &[
            Parameter {
                name: "bits",
                meaning: "bits of each of the two numbers that are compared",
                default: 16,
                range: (1, 1000),
                drawn: &[16, 24, 32, 64],
            },
            Parameter {
                name: "small",
                meaning: "bits of the small case that is enumerated",
                default: 4,
                range: (1, 6),
                drawn: &[3, 4, 5],
            },
            Parameter {
                name: "head_width",
                meaning: "d_v, the width of a head's value",
                default: 1,
                range: (1, 64),
                drawn: &[1, 2, 3],
            },
            Parameter {
                name: "precision",
                meaning: "bits p of a number",
                default: 4,
                range: (1, 64),
                drawn: &[4, 8],
            },
        ],
        statement: "Two numbers A and B of n bits each are compared for equality in one layer, whose sums are exact, or \
            taken for A and for B apart and rounded once. What the token that answers (and holds no bit of either) \
            learns of A's tokens is, for each head, a weighted sum of values and the total weight: \
            H (d_v + 1) numbers of p bits. Write the results as a matrix with a row for each A and a column \
            for each B.\n\nHow many different rows has it for n = {small}? For n = {bits}, what must \
            H (d_v + 1) p be at least? With d_v = {head_width} and p = {precision}, how many heads is that?",
        hints: &[
            "If two numbers A give the same message, the answer is the same for every B: equal rows.",
            "So there must be at least as many messages as different rows.",
            "The bound is log2 of the number of rows. Divide by (d_v + 1) p and round up.",
        ],
        worked: "All 2^{small} rows differ: enumerated, **{rows}**. So H (d_v + 1) p must be at least \
            **{bound}**, which takes **{heads}** heads, whatever MLP comes after. Two layers do it with one \
            narrow head: first each pair of bits is compared, then the results are joined. Parity has only 2 \
            different rows, and this argument says nothing about it. Nor does it about a sum over both numbers that is \
            rounded on the way: see `circuit2tf claims equality-by-running-sum`. (A softmax that subtracts the maximum \
            and divides first exchanges the maximum and the total too: H (d_v + 3).)",
        require: any,
        facts: |_| Ok(Facts::new()),
        task: equality,
    },
    Exercise {
        number: 20,
        title: "Parity by attention alone",
        lesson: 8,
        stars: 3,
        minutes: 40,
        parameters: &[Parameter {
            name: "inputs",
            meaning: "bits of the parity",
            default: 3,
            range: (2, 12),
            drawn: &[2, 3, 4, 5, 6, 8],
        }],
        statement: "One layer of attention over the real numbers, no MLP: the answer is the sign of a constant and a sum \
            of head outputs s_j / d_j, where numerator and denominator add up one term for each token, and d_j > 0. \
            How many heads does the parity of {inputs} bits need? With k heads whose denominators are c + 1, ..., c + k, with c \
            the number of ones, the sum of heads can be made\n\n    D(c) = (1/2 - c) (3/2 - c) ... \
            (k - 1/2 - c) / ((c + 1) (c + 2) ... (c + k)).\n\nWhat is the least |D(c)| over c = 0, ..., k for \
            k = {inputs}?",
        hints: &[
            "Multiply by all denominators: a sum of products of k factors that each add up terms of one token. \
             A product of k such terms depends on at most k bits.",
            "Weight every input by +1 or -1 according to its parity and add up: what depends on fewer than n \
             bits cancels.",
            "Compute D(c) for each c and take the smallest absolute value; it is near the middle.",
        ],
        worked: "Exactly **{heads}** heads over the real numbers. With fewer, the alternating sum of the numerator is 0, while its \
            sign would have to alternate: on random heads with whole numbers, one head fewer than bits, it \
            came out as {alternating}. With as many heads D changes sign between all counts; its least absolute \
            value is **{margin}**. It shrinks exponentially ({margins}), so heads are paid for in precision. \
            In floating point the theorem is false: in f16 one head without an MLP computes the parity of up to 1024 \
            bits, since the residual stream rounds: `circuit2tf claims parity-by-rounding`.",
        require: any,
        facts: parity_facts,
        task: parity,
    },
];

/// The number of different rows of the matrix of `A = B`.
fn rows_of_equality(n: usize) -> Result<usize> {
    let circuit = family::generate(&format!("eq:{n}"))?;
    let mut rows = BTreeSet::new();
    for a in 0..1u64 << n {
        let value = |b: u64| Ok(circuit.evaluate(&[bits(a, n), bits(b, n)].concat())?[0]);
        rows.insert((0..1u64 << n).map(value).collect::<Result<Vec<bool>>>()?);
    }
    Ok(rows.len())
}

fn equality(values: &Values) -> Result<Task> {
    let n = values.size("bits");
    let (width, precision) = (values.size("head_width"), values.size("precision"));
    let rows = rows_of_equality(values.size("small"))?;
    let heads = |per_head: usize| n.div_ceil(per_head);
    let experiment = "circuit2tf eval eq:2 0000 0001 0010 0011 0100 0101 0110 0111";
    Ok(Task::numbers(
        vec![
            Number::whole("rows", "rows", rows),
            Number::whole("bound", "bits", n),
            Number::whole("heads", "heads", heads((width + 1) * precision)),
        ],
        vec![
            Mistake::numbers(
                "only the answer counts",
                vec![Some(2.0), Some(1.0), Some(1.0)],
                "The answer is one bit, but the message must serve every B.",
                experiment,
            ),
            Mistake::numbers(
                "pairs instead of rows",
                vec![Some((rows * rows) as f64), Some(2.0 * n as f64), None],
                "The rows are numbered by A alone.",
                experiment,
            ),
            Mistake::numbers(
                "total weight forgotten",
                vec![None, None, Some(heads(width * precision) as f64)],
                "A head sends its weighted sum and the total weight it is divided by: d_v + 1 numbers.",
                experiment,
            ),
            Mistake::numbers(
                "precision forgotten",
                vec![None, None, Some(heads(width + 1) as f64)],
                "A number of p bits tells 2^p cases apart.",
                experiment,
            ),
        ],
    ))
}

/// `|D(c)|` of the statement.
fn margin_at(k: usize, c: usize) -> f64 {
    let (k, c) = (k as i64, c as i64);
    let factor = |i: i64| (i as f64 + 0.5 - c as f64) / (c + i + 1) as f64;
    (0..k).map(factor).product::<f64>().abs()
}

fn margin(k: usize) -> f64 {
    (0..=k).map(|c| margin_at(k, c)).fold(f64::INFINITY, f64::min)
}

/// `Σ_x (-1)^{|x|} F(x)` with `F = (Σ_j s_j / d_j) Π d_j` of `heads` random heads on `n` bits, exactly.
fn alternating_sum(n: usize, heads: usize, seed: u64) -> i128 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // For each head, token and bit a term of the numerator and one of the denominator.
    let mut term = |least: i64| rng.random_range(least..=3);
    let terms: Vec<Vec<[[i64; 2]; 2]>> = (0..heads)
        .map(|_| (0..n).map(|_| [[term(-3), term(-3)], [term(1), term(1)]]).collect())
        .collect();
    let sum = |head: &[[[i64; 2]; 2]], part: usize, x: usize| -> i128 {
        head.iter().enumerate().map(|(i, t)| i128::from(t[part][x >> i & 1])).sum()
    };
    let f = |x: usize| -> i128 {
        let product = |j: usize| -> i128 {
            (0..heads).map(|h| sum(&terms[h], usize::from(h != j), x)).product()
        };
        (0..heads).map(product).sum()
    };
    (0..1 << n).map(|x: usize| if x.count_ones().is_multiple_of(2) { f(x) } else { -f(x) }).sum()
}

fn parity_facts(values: &Values) -> Result<Facts> {
    let n = values.size("inputs");
    let margins: Vec<String> = (1..=4).map(|k| format!("{:.2e}", margin(k))).collect();
    Ok(Facts::from([
        ("alternating", alternating_sum(n, n - 1, 1).to_string()),
        ("margins", margins.join(", ")),
    ]))
}

fn parity(values: &Values) -> Result<Task> {
    let n = values.size("inputs");
    let experiment = "circuit2tf claims check symmetric-one-layer";
    let ends = margin_at(n, 0);
    Ok(Task::numbers(
        vec![Number::whole("heads", "heads", n), Number::close("margin", "", margin(n))],
        vec![
            Mistake::numbers(
                "one head counts",
                vec![Some(1.0), None],
                "One head can count, but over the reals the sign of a single ratio changes only once. It needs an MLP \
                 after it, or numbers that are rounded.",
                experiment,
            ),
            Mistake::numbers(
                "a head for each level",
                vec![Some(super::log2_ceil(n) as f64), None],
                "That is the depth of a circuit. Here heads multiply out to a polynomial, whose degree is their \
                 number.",
                experiment,
            ),
            Mistake::numbers(
                "one too few",
                vec![Some(n as f64 - 1.0), None],
                "With n - 1 heads the alternating sum is 0.",
                experiment,
            ),
            Mistake::numbers(
                "margin at no ones",
                vec![None, Some(ends)],
                "At c = 0 the value is large. The least one is near the middle.",
                experiment,
            ),
            Mistake::numbers(
                "last count forgotten",
                vec![None, Some((0..=1).map(|c| margin_at(n, c)).fold(f64::INFINITY, f64::min))],
                "That is the least over c = 0 and c = 1 only.",
                experiment,
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternating_sums_vanish_with_fewer_heads_than_bits_and_not_with_as_many() {
        for n in 2..=4 {
            for seed in 0..5 {
                for heads in 1..n {
                    assert_eq!(alternating_sum(n, heads, seed), 0);
                }
            }
            assert!((0..5).any(|seed| alternating_sum(n, n, seed) != 0));
        }
    }

    #[test]
    fn margins_are_those_of_the_theory() {
        for (k, expected) in [
            (1, 0.25),
            (2, 0.042),
            (3, 6.25e-3),
            (4, 1.1e-3),
            (6, 3.3e-5),
            (8, 1.0e-6),
            (12, 8.6e-10),
        ] {
            assert!((margin(k) / expected - 1.0).abs() < 0.04, "{k}: {}", margin(k));
        }
    }
}
