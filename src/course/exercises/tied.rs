//! What tied weights cost: counting functions, and gradients through many loops.

use super::any;
use crate::compile::{Options, compile};
use crate::course::task::{Mistake, Number, Task};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::Result;
use crate::family;
use crate::model::{Dtype, Model};
use crate::run::Reference;

pub static EXERCISES: [Exercise; 2] = [
    Exercise {
        number: 18,
        title: "Counting what fits",
        lesson: 10,
        stars: 2,
        minutes: 20,
        parameters: &[
            Parameter {
                name: "parameters",
                meaning: "parameters P, embeddings included",
                default: 1_000_000,
                range: (1, 1 << 40),
                drawn: &[100_000, 500_000, 1_000_000, 2_000_000, 5_000_000],
            },
            Parameter {
                name: "bits",
                meaning: "bits of a parameter",
                default: 16,
                range: (1, 64),
                drawn: &[8, 16, 32],
            },
            Parameter {
                name: "variables",
                meaning: "inputs of a function",
                default: 24,
                range: (1, 50),
                drawn: &[20, 22, 24, 26],
            },
            Parameter {
                name: "loops",
                meaning: "times the block is applied",
                default: 100,
                range: (2, 1_000_000),
                drawn: &[10, 100, 1000],
            },
        ],
        statement: "A looped model has {parameters} parameters of {bits} bits each, embeddings included, and is \
            looped {loops} times. At most 2^a different functions are computed by models of this shape. There \
            are 2^b functions of {variables} bits. What are a and b? How many parameters does a model need at \
            least, so that some setting computes each of the 2^b functions?",
        hints: &[
            "A model is settled by the bits of its parameters. How many settings are there?",
            "A function gives one bit for each of the 2^n inputs.",
            "Loops add no settings.",
        ],
        worked: "a = **{model}**, whatever the number of loops, and b = **{functions}**: {verdict}. At least \
            **{least}** parameters are needed to express all. Looping adds depth, not description. The circuits \
            that it runs must be written down somewhere, in weights or in embeddings.",
        require: any,
        facts: counting_facts,
        task: counting,
    },
    Exercise {
        number: 22,
        title: "What the gradient sees",
        lesson: 10,
        stars: 2,
        minutes: 20,
        parameters: &[
            Parameter {
                name: "percent",
                meaning: "what a loop leaves of a small error, in percent",
                default: 10,
                range: (1, 99),
                drawn: &[5, 10, 20, 25, 50],
            },
            Parameter {
                name: "loops",
                meaning: "loops that errors go through",
                default: 12,
                range: (2, 100),
                drawn: &[6, 8, 10, 12],
            },
        ],
        statement: "At the constructed weights a gate's new state is a clamped sum: exactly 0 or 1 as long as its \
            operands are nearly so. What is the derivative of a gate's state after one loop by its own state \
            before? A continuous latch that is learned instead leaves {percent}% of every small error in each loop. What \
            bounds the mean derivative of the state after {loops} loops by the state at the start?",
        hints: &[
            "Where a clamp is flat its derivative is 0. And the old state? The MLP erases it.",
            "Derivatives multiply along the loops.",
        ],
        worked: "**{derivative}**: a gate's state is erased and written anew from flat parts. Measured by moving \
            the gates of a compiled adder by 1/1024 at the start, the stream after one loop changes by \
            {measured}. A contraction to {percent}% leaves **{bound}** after {loops} loops. To hold a bit \
            against noise is to forget small changes, and gradients are small changes: robust latching and \
            vanishing gradients are the same thing (Bengio, Simard, Frasconi 1994). That a model exists says \
            nothing about whether training finds it.",
        require: any,
        facts: gradient_facts,
        task: gradient,
    },
];

fn counting_facts(values: &Values) -> Result<Facts> {
    let (model, functions) = exponents(values);
    let verdict = if model < functions {
        "some function is computed by no setting"
    } else {
        "counting alone excludes nothing here"
    };
    Ok(Facts::from([("verdict", verdict.to_string())]))
}

fn exponents(values: &Values) -> (u64, u64) {
    (values.get("parameters") * values.get("bits"), 1 << values.get("variables"))
}

fn counting(values: &Values) -> Result<Task> {
    let (model, functions) = exponents(values);
    let loops = values.real("loops");
    let experiment = "circuit2tf claims check tied-capacity";
    let whole = |name, unit, value: u64| Number::whole(name, unit, value as usize);
    Ok(Task::numbers(
        vec![
            whole("model", "the exponent a", model),
            whole("functions", "the exponent b", functions),
            whole("least", "parameters", functions.div_ceil(values.get("bits"))),
        ],
        vec![
            Mistake::numbers(
                "tied counted as untied",
                vec![Some(model as f64 * loops), None, None],
                "Each loop uses the same parameters. Only weights of their own would add settings.",
                experiment,
            ),
            Mistake::numbers(
                "parameters instead of bits",
                vec![Some(values.real("parameters")), None, Some(functions as f64)],
                "A parameter of b bits has 2^b settings.",
                experiment,
            ),
            Mistake::numbers(
                "inputs instead of functions",
                vec![None, Some(values.real("variables")), None],
                "2^n is the number of inputs. A function chooses a bit for each of them: 2^(2^n).",
                experiment,
            ),
            Mistake::numbers(
                "loops save parameters for everything",
                vec![None, None, Some((functions as f64 / values.real("bits") / loops).ceil())],
                "Loops cannot stand in for parameters when all functions are asked for.",
                experiment,
            ),
        ],
    ))
}

/// By how much the stream after one loop changes if gates start 1/1024 higher, in f64.
fn measured_change() -> Result<f64> {
    const STEP: f64 = 1.0 / 1024.0;
    let circuit = family::generate("adder:2")?;
    let model = compile(&circuit, "", &Options { dtype: Dtype::F64, ..Options::default() })?;
    let value = model.labels.channel_names.iter().position(|name| name == "value");
    let value = value.unwrap_or_default();
    let mut parts = model.clone().into_parts();
    parts.w_e[[Model::BLANK, value]] += STEP;
    let moved = Model::new(parts)?;
    let after = |model: &Model| -> Result<Vec<f64>> {
        let mut last = Vec::new();
        Reference::new(model)?.trace(&[true, false, true, true], 1, |step| {
            last = step.stream.column(value).to_vec();
        })?;
        Ok(last)
    };
    let (still, moved) = (after(&model)?, after(&moved)?);
    Ok(still.iter().zip(&moved).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
}

fn gradient_facts(_: &Values) -> Result<Facts> {
    Ok(Facts::from([("measured", measured_change()?.to_string())]))
}

fn gradient(values: &Values) -> Result<Task> {
    let (contraction, loops) = (values.real("percent") / 100.0, values.size("loops"));
    let bound = contraction.powi(loops as i32);
    let experiment = "circuit2tf claims check self-stabilisation";
    Ok(Task::numbers(
        vec![Number::whole("derivative", "", 0), Number::close("bound", "", bound)],
        vec![
            Mistake::numbers(
                "the residual connection keeps it",
                vec![Some(1.0), None],
                "The residual path carries the old state, and the eraser subtracts exactly that.",
                experiment,
            ),
            Mistake::numbers(
                "residuals fix it",
                vec![None, Some((1.0 + contraction).powi(loops as i32))],
                "A latch that keeps the old state and adds to it would not forget errors at all.",
                experiment,
            ),
            Mistake::numbers(
                "errors add up",
                vec![None, Some(contraction * loops as f64)],
                "By the chain rule derivatives multiply.",
                experiment,
            ),
            Mistake::numbers(
                "one loop fewer",
                vec![None, Some(contraction.powi(loops as i32 - 1))],
                "Each of the loops is one factor.",
                experiment,
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_gates_a_little_changes_nothing_after_a_loop() {
        assert_eq!(measured_change().unwrap(), 0.0);
    }
}
