//! Looping a block: depth, parameters, and what it does and does not save.

use super::{any, no_facts};
use crate::course::task::{Choice, Kind, Mistake, Number, Task};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::Result;
use crate::model::Schedule;

pub static EXERCISES: [Exercise; 3] = [
    Exercise {
        number: 1,
        title: "Depth and parameters of a looped block",
        lesson: 2,
        stars: 1,
        minutes: 10,
        parameters: &[
            Parameter {
                name: "layers",
                meaning: "layers of the standard transformer",
                default: 120,
                range: (1, 10_000),
                drawn: &[24, 36, 48, 60, 96, 120],
            },
            Parameter {
                name: "recurrent",
                meaning: "layers of the block that is looped",
                default: 12,
                range: (1, 10_000),
                drawn: &[4, 6, 8, 12],
            },
            Parameter {
                name: "loops",
                meaning: "times the block is applied",
                default: 10,
                range: (1, 10_000),
                drawn: &[2, 3, 4, 5, 8, 10],
            },
            Parameter {
                name: "width",
                meaning: "d_model, for the count with embeddings",
                default: 768,
                range: (1, 1 << 16),
                drawn: &[512, 768, 1024, 2048],
            },
        ],
        statement: "A standard transformer has {layers} layers. A recurrent one has {recurrent} layers that \
            are applied {loops} times. Every layer has the same number p of parameters.\n\nWhat are the \
            effective depths of the two, and how many times more layer parameters has the standard one? Then \
            count embeddings too: d = {width}, p = 12 d^2 + 13 d, and outside of the layers \
            (50257 + 1024) d + 2 d, as in the GPT-2 family. What is the ratio of all parameters?",
        hints: &[
            "Effective depth counts how many layers an input passes through. A layer that is used again counts \
             again.",
            "Parameters are counted once, however often they are used.",
            "The ratio of all parameters is ({layers} p + e) / ({recurrent} p + e), with e for the embeddings.",
        ],
        worked: "Depths **{standard_depth}** and {recurrent} x {loops} = **{recurrent_depth}**. Layer \
            parameters: {layers} p against {recurrent} p, a ratio of **{layer_ratio}**. With embeddings \
            {standard_total} against {recurrent_total}: a ratio of **{total_ratio}**, less, because both have \
            the embeddings. Per token the recurrent model computes as much as a model of {recurrent_depth} \
            layers. What it computes is some of what such a model can, not all: its layers are tied.",
        require: any,
        facts: parameter_facts,
        task: parameters,
    },
    Exercise {
        number: 3,
        title: "How many loops",
        lesson: 2,
        stars: 1,
        minutes: 5,
        parameters: &[
            Parameter {
                name: "depth",
                meaning: "levels of the circuit",
                default: 37,
                range: (1, 100_000),
                drawn: &[17, 23, 29, 31, 37, 41, 53, 64, 99],
            },
            Parameter {
                name: "layers",
                meaning: "layers of the block",
                default: 4,
                range: (1, 1000),
                drawn: &[2, 3, 4, 5, 6, 8],
            },
        ],
        statement: "A circuit of depth {depth} is compiled into a block of {layers} layers. How many loops \
            does it take, how many layers are applied in all, and how many of them come after the circuit is \
            done? (Think about what those do to the answer; the worked answer says.)",
        hints: &[
            "Each layer does one level. You cannot apply part of a block.",
            "Round {depth}/{layers} up.",
        ],
        worked: "ceil({depth}/{layers}) = **{loops}** loops apply **{applied}** layers, **{idle}** more than \
            there are levels. The extra ones change nothing: when every gate holds its true value, the next \
            step computes the same values again. The stream is a fixed point.",
        require: any,
        facts: no_facts,
        task: schedule,
    },
    Exercise {
        number: 30,
        title: "What looping saves",
        lesson: 2,
        stars: 2,
        minutes: 10,
        parameters: &[
            Parameter {
                name: "recurrent",
                meaning: "layers of the block that is looped",
                default: 12,
                range: (1, 1000),
                drawn: &[4, 6, 8, 12, 16],
            },
            Parameter {
                name: "loops",
                meaning: "times the block is applied",
                default: 10,
                range: (2, 1000),
                drawn: &[2, 4, 5, 8, 10],
            },
        ],
        statement: "A block of {recurrent} layers is looped {loops} times. Which of these are true?",
        hints: &[
            "Go through what a machine does for one token: which matrix products, which stored keys and values?",
            "Looped models of P parameters are at most as many as there are settings of P parameters.",
        ],
        worked: "**{answer}**.\n\n{reasons}",
        require: any,
        facts: no_facts,
        task: consequences,
    },
];

/// All parameters of a model in the shape of the GPT-2 family.
fn gpt2_parameters(layers: f64, width: f64) -> f64 {
    layers * (12.0 * width * width + 13.0 * width) + (50257.0 + 1024.0) * width + 2.0 * width
}

fn parameter_facts(values: &Values) -> Result<Facts> {
    let total =
        |layers| format!("{:.0}", gpt2_parameters(values.real(layers), values.real("width")));
    Ok(Facts::from([("standard_total", total("layers")), ("recurrent_total", total("recurrent"))]))
}

fn parameters(values: &Values) -> Result<Task> {
    let [layers, recurrent, loops, width] =
        ["layers", "recurrent", "loops", "width"].map(|name| values.real(name));
    let ratio = layers / recurrent;
    let total = gpt2_parameters(layers, width) / gpt2_parameters(recurrent, width);
    let claim = "circuit2tf compare adder:2 --scheme recurrent,unrolled --dim 64";
    Ok(Task::numbers(
        vec![
            Number::whole("standard_depth", "layers", values.size("layers")),
            Number::whole(
                "recurrent_depth",
                "layers",
                values.size("recurrent") * values.size("loops"),
            ),
            Number::close("layer_ratio", "", ratio),
            Number::close("total_ratio", "", total),
        ],
        vec![
            Mistake::numbers(
                "L + R",
                vec![None, Some(recurrent + loops), None, None],
                "Layers and loops multiply: each loop applies all layers of the block.",
                "circuit2tf compile parity-chain:10 -o m.safetensors --layers 3",
            ),
            Mistake::numbers(
                "loops not counted",
                vec![None, Some(recurrent), None, None],
                "A layer that is applied again counts again: depth is what an input passes through.",
                "circuit2tf compile parity-chain:10 -o m.safetensors --layers 3",
            ),
            Mistake::numbers(
                "parameters multiply by R",
                vec![None, None, Some(layers / (recurrent * loops)), None],
                "Loops use the same parameters again. They are counted once, not once for each loop.",
                claim,
            ),
            Mistake::numbers(
                "embeddings forgotten",
                vec![None, None, None, Some(ratio)],
                "Both models have the same embeddings, which brings the ratio of all parameters nearer to 1.",
                claim,
            ),
            Mistake::numbers(
                "upside down",
                vec![None, None, Some(1.0 / ratio), Some(1.0 / total)],
                "This is the recurrent model's number divided by the standard one's.",
                claim,
            ),
        ],
    ))
}

fn schedule(values: &Values) -> Result<Task> {
    let (depth, layers) = (values.size("depth"), values.size("layers"));
    let schedule = Schedule::looped(depth, layers);
    let applied = schedule.n_steps();
    let right = schedule.n_loops as f64;
    let only_loops = |loops: usize| vec![Some(loops as f64), None, None];
    // A chain of another depth, whose last loop is not full either.
    let width = if layers == 1 { 4 } else { layers + 3 };
    let width = if width == depth + 1 { width + layers } else { width };
    let experiment = format!("circuit2tf loops parity-chain:{width} --layers {layers}");
    Ok(Task::numbers(
        vec![
            Number::whole("loops", "loops", schedule.n_loops),
            Number::whole("applied", "layers", applied),
            Number::whole("idle", "layers", applied - depth),
        ],
        vec![
            Mistake::numbers(
                "floor instead of ceil",
                only_loops(depth / layers),
                "Rounded down, the last levels are never computed.",
                &experiment,
            ),
            Mistake::numbers(
                "a loop for each level",
                only_loops(depth),
                "A loop applies the whole block, which does as many levels as it has layers.",
                &experiment,
            ),
            Mistake::numbers(
                "depth plus layers",
                only_loops(depth + layers),
                "Depth is divided by layers, not added to them.",
                &experiment,
            ),
            Mistake::numbers(
                "part of a block",
                vec![Some(right), Some(depth as f64), None],
                "That is the depth. The last loop applies all layers of the block too.",
                &experiment,
            ),
            Mistake::numbers(
                "the remainder",
                vec![Some(right), None, Some((depth % layers) as f64)],
                "So many layers of the last loop still do something. Asked for are the others.",
                &experiment,
            ),
        ],
    ))
}

fn consequences(values: &Values) -> Result<Task> {
    let (recurrent, loops) = (values.get("recurrent"), values.get("loops"));
    let depth = recurrent * loops;
    let choice = |text: String, right, reason: &str, experiment: &str| Choice {
        text,
        right,
        reason: reason.to_string(),
        experiment: experiment.to_string(),
    };
    let options = vec![
        choice(
            format!(
                "It needs {loops} times fewer multiplications per token than {depth} layers of their own."
            ),
            false,
            "The same matrices are multiplied as often; only storing them is saved.",
            "circuit2tf compare adder:2 --scheme recurrent,unrolled --dim 64",
        ),
        choice(
            format!(
                "Everything it computes, {depth} layers with weights of their own compute too."
            ),
            true,
            "Give every layer the block's weights.",
            "circuit2tf claims check tied-capacity",
        ),
        choice(
            format!(
                "It computes everything that {depth} layers with weights of their own compute."
            ),
            false,
            "Tied is not untied: P parameters of b bits tell at most 2^(bP) functions apart, however often \
             they are used.",
            "circuit2tf claims check tied-capacity",
        ),
        choice(
            format!("Its cache of keys and values is as small as that of {recurrent} layers."),
            false,
            "Keys and values differ from loop to loop, so each loop keeps its own, unless they are shared by \
             design.",
            "circuit2tf compare adder:2 --scheme recurrent,unrolled --dim 64",
        ),
        choice(
            format!("Its layer parameters are {loops} times fewer than those of {depth} layers."),
            true,
            "They are counted once.",
            "circuit2tf claims check parameter-ratio",
        ),
    ];
    Ok(Task::new(Kind::Choice(rotated(options, (recurrent + loops) as usize)), Vec::new()))
}

/// Another order for other numbers, so that letters cannot be passed on.
pub fn rotated<T>(mut options: Vec<T>, by: usize) -> Vec<T> {
    let n = options.len();
    options.rotate_left(by % n);
    options
}
