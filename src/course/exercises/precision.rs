//! Attention sharp enough to read one token, and sums exact enough to count.

use super::{any, no_facts};
use crate::course::task::{Mistake, Number, Task};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::Result;
use crate::model::Dtype;
use crate::theory::capacity::count;

pub static EXERCISES: [Exercise; 2] = [
    Exercise {
        number: 4,
        title: "How sharp attention must be",
        lesson: 3,
        stars: 2,
        minutes: 20,
        parameters: &[
            Parameter {
                name: "address",
                meaning: "bits m of an address",
                default: 10,
                range: (1, 60),
                drawn: &[8, 10, 12, 16, 20, 32],
            },
            Parameter {
                name: "heads",
                meaning: "operands k of a gate",
                default: 2,
                range: (1, 8),
                drawn: &[2, 3, 4],
            },
            Parameter {
                name: "gain",
                meaning: "slope s of the clamp in the MLP",
                default: 4,
                range: (2, 64),
                drawn: &[2, 4, 8],
            },
        ],
        statement: "Keys are addresses of m = {address} entries +1 or -1, all 2^m are present, and the score \
            of key j for a query with address i is beta times their inner product. The weight that leaks to \
            wrong keys is then 1 - (1 + e^(-2 beta))^(-m). The MLP of a gate with k = {heads} operands and \
            gain s = {gain} gives exactly 0 or 1 as long as no operand leaks more than \
            (s - 1) / (2 k s).\n\nWhat is the least beta? What would be the least lead of the right score with \
            one-hot keys, where all N - 1 = 2^m - 1 others score the same? And from which beta on are all \
            other weights exactly 0 if the softmax is taken in f32, in bf16 and in f16, where exp(x) is 0 below \
            -(p - e_min) ln 2, with p = 24, 8, 11 and e_min = -126, -126, -14?",
        hints: &[
            "Call the allowed leak lambda. Solve 1 - (1 + e^(-2 beta))^(-m) = lambda for beta.",
            "One-hot keys: lambda = (N - 1) e^(-lead) / (1 + (N - 1) e^(-lead)).",
            "Two addresses that differ in one place differ in score by 2 beta. That must exceed the threshold.",
        ],
        worked: "lambda = {leak}. With binary keys beta = **{binary}** is enough: doubling the number of \
            addresses changes it to {binary_more} only. With one-hot keys the lead must be **{one_hot}**. \
            Summed up over all {keys} keys, the leak at this beta is {measured}. Exact zeros need 2 beta \
            above the threshold: **{f32}**, **{bf16}** and **{f16}**. Compiled models use a lead of 1024, far \
            beyond all of them. The certificate asks for that of f32 in the narrower formats too, since runners \
            may take the softmax of narrow scores in f32.",
        require: any,
        facts: temperature_facts,
        task: temperatures,
    },
    Exercise {
        number: 16,
        title: "How far a sum counts",
        lesson: 3,
        stars: 2,
        minutes: 10,
        parameters: &[Parameter {
            name: "fan_in",
            meaning: "ones that are added in bf16",
            default: 512,
            range: (257, 1 << 20),
            drawn: &[384, 512, 768, 1024, 2048, 4096],
        }],
        statement: "A head that attends evenly to K tokens averages K bits: it counts. The sum is taken one \
            term after the other, rounding to nearest, ties to even. Up to which K is the sum of K ones exact \
            in bf16, in f16 and in f32? And what average does bf16 give for K = {fan_in} ones?",
        hints: &[
            "Whole numbers are exact as long as they fit into the significand, with its leading one.",
            "Once adding 1 is rounded away, the sum stays where it is.",
            "The average is that sum divided by {fan_in}.",
        ],
        worked: "Adding ones until nothing changes any more gives **{bf16}** in bf16, **{f16}** in f16 and \
            **{f32}** in f32. At K = {fan_in} the bf16 sum stalls, and the average is **{average}** where 1 \
            is right. So at constant precision everywhere, the sums of attention included, counting ends at a fixed \
            number, and with precision that grows like the logarithm of the length it does not. (If only sums in \
            attention are exact, constant precision compares counts: the class of C-RASP, which is another one.)",
        require: any,
        facts: no_facts,
        task: counting,
    },
];

/// The most an operand may leak.
fn allowed_leak(values: &Values) -> f64 {
    let (k, s) = (values.real("heads"), values.real("gain"));
    (s - 1.0) / (2.0 * k * s)
}

/// The least beta for ±1 addresses of `m` entries.
fn least_beta(leak: f64, m: f64) -> f64 {
    -0.5 * ((1.0 - leak).powf(-1.0 / m) - 1.0).ln()
}

/// The least lead of one score over `others` equal ones.
fn least_lead(leak: f64, others: f64) -> f64 {
    (others * (1.0 - leak) / leak).ln()
}

/// The leak of a query, summed over all keys by their distance.
fn measured_leak(beta: f64, m: u64) -> f64 {
    let mut keys_at_distance = 1.0;
    let mut others = 0.0;
    for distance in 1..=m {
        keys_at_distance *= (m - distance + 1) as f64 / distance as f64;
        others += keys_at_distance * (-2.0 * beta * distance as f64).exp();
    }
    others / (1.0 + others)
}

fn temperature_facts(values: &Values) -> Result<Facts> {
    let (leak, m) = (allowed_leak(values), values.real("address"));
    let beta = least_beta(leak, m);
    Ok(Facts::from([
        ("leak", format!("{leak:.4}")),
        ("keys", format!("2^{m}")),
        ("binary_more", format!("{:.3}", least_beta(leak, m + 1.0))),
        ("measured", format!("{:.4}", measured_leak(beta, values.get("address")))),
    ]))
}

fn temperatures(values: &Values) -> Result<Task> {
    let (leak, m) = (allowed_leak(values), values.real("address"));
    let others = m.exp2() - 1.0;
    let (beta, lead) = (least_beta(leak, m), least_lead(leak, others));
    let halves = [Dtype::F32, Dtype::Bf16, Dtype::F16].map(|d| d.underflow_threshold() / 2.0);
    let names = ["f32", "bf16", "f16"];
    let mut numbers =
        vec![Number::close("binary", "beta", beta), Number::close("one_hot", "lead", lead)];
    numbers.extend(
        names.into_iter().zip(halves).map(|(name, half)| Number::close(name, "beta", half)),
    );
    let gain = values.real("gain");
    let one_operand = (gain - 1.0) / (2.0 * gain);
    let experiment = "circuit2tf compile adder:8 -o adder.safetensors --verify";
    Ok(Task::numbers(
        numbers,
        vec![
            Mistake::numbers(
                "beta grows like N",
                vec![Some(others + 1.0), None, None, None, None],
                "The leak falls off exponentially in beta, so its logarithm counts: beta is about \
                 (1/2) ln(m / leak), and m is already log N.",
                experiment,
            ),
            Mistake::numbers(
                "one-hot keys for binary ones",
                vec![Some(lead), None, None, None, None],
                "Most binary addresses differ in many places and leak far less than the nearest ones.",
                experiment,
            ),
            Mistake::numbers(
                "gap beta instead of 2 beta",
                vec![Some(2.0 * beta), None, None, None, None],
                "Flipping one entry of a +-1 address changes the inner product by 2.",
                experiment,
            ),
            Mistake::numbers(
                "one operand instead of k",
                vec![
                    Some(least_beta(one_operand, m)),
                    Some(least_lead(one_operand, others)),
                    None,
                    None,
                    None,
                ],
                "The k operands leak together: each may use up only 1/k of what the gate tolerates.",
                experiment,
            ),
            Mistake::numbers(
                "threshold for the gap, not for beta",
                vec![
                    None,
                    None,
                    Some(2.0 * halves[0]),
                    Some(2.0 * halves[1]),
                    Some(2.0 * halves[2]),
                ],
                "The threshold is for the gap, which is 2 beta.",
                experiment,
            ),
        ],
    ))
}

fn counting(values: &Values) -> Result<Task> {
    let dtypes = [(Dtype::Bf16, "bf16"), (Dtype::F16, "f16"), (Dtype::F32, "f32")];
    let limits = dtypes.map(|(dtype, _)| count::largest_count(dtype));
    let mut numbers: Vec<Number> = dtypes
        .iter()
        .zip(limits)
        .map(|((_, name), limit)| Number::whole(name, "ones", limit as usize))
        .collect();
    let sum = count::sum_of_ones(Dtype::Bf16, values.get("fan_in"));
    numbers.push(Number::close("average", "", sum / values.real("fan_in")));
    let stored = limits.map(|limit| Some(limit as f64 / 2.0));
    let experiment = "circuit2tf claims check symmetric-one-layer";
    Ok(Task::numbers(
        numbers,
        vec![
            Mistake::numbers(
                "the leading one forgotten",
                vec![stored[0], stored[1], stored[2], None],
                "The significand has one bit more than is stored: its leading 1 is implied.",
                experiment,
            ),
            Mistake::numbers(
                "the average is exact",
                vec![None, None, None, Some(1.0)],
                "In real arithmetic it is. In bf16 the sum stops growing: 256 + 1 is half way between two \
                 numbers, and is rounded back to 256.",
                experiment,
            ),
            Mistake::numbers(
                "all bits count",
                vec![Some(65536.0), Some(65536.0), Some((32f64).exp2()), None],
                "A 16-bit float has 16 bits, but only those of its significand count ones.",
                experiment,
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_beta_leaks_what_is_allowed() {
        for m in [4, 8, 10, 20] {
            let beta = least_beta(3.0 / 16.0, m as f64);
            assert!((measured_leak(beta, m) - 3.0 / 16.0).abs() < 1e-9);
        }
    }
}
