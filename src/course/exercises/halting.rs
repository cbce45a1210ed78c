//! When to stop: rules that are sound, and how early they stop.

use super::{any, log2_ceil, network, no_facts};
use crate::circuit::Oracle;
use crate::compile::Options;
use crate::course::task::{Mistake, Number, Task};
use crate::course::{Exercise, Parameter, Values, simulate};
use crate::error::{Error, Result};
use crate::family;
use crate::network::Network;
use crate::reasoning::universal;
use crate::run::{Halting, Rule};
use crate::verify::{Assignments, Times, halting_times};

pub static EXERCISES: [Exercise; 1] = [Exercise {
    number: 14,
    title: "Stopping when the answer is known",
    lesson: 5,
    stars: 3,
    minutes: 25,
    parameters: &[Parameter {
        name: "width",
        meaning: "bits of each number that is added",
        default: 4,
        range: (2, 10),
        drawn: &[3, 4, 5, 6, 7, 8],
    }],
    statement: "A sound rule for stopping: every gate starts as unknown, becomes known once its known operands \
        decide it, and the loop ends when all outputs are known. For the ripple adder of two {width}-bit \
        numbers in a block of one layer, how many loops does this take in the worst case, and how many on \
        average over all inputs?",
    hints: &[
        "An AND with a known 0 is known, whatever the other operand is. An XOR needs both.",
        "A carry is known early where both bits agree. The time is set by the longest run of positions where \
         they differ.",
        "The worst case is the depth. The average grows like 2 log2 of the width.",
    ],
    worked: "Run on all inputs, a model that halts by this rule needs **{mean}** loops on average and **{worst}** at most. Known outputs \
        never change again, so the rule is sound. The rule \"stop when the outputs did not change in the last \
        loop\" is not: on the AND of eight ones the output is 0, 0, 0 and then 1. A stream that did not \
        change at all is a fixed point, and stopping there is sound too.",
    require: any,
    facts: no_facts,
    task: mean_loops,
}];

fn mean_loops(values: &Values) -> Result<Task> {
    let width = values.size("width");
    let network = network(&format!("adder:{width}"))?;
    let times = stopping_times(&format!("adder:{width}"))?;
    let (mean, worst) = times
        .mean()
        .zip(times.worst())
        .filter(|_| times.n_wrong == 0 && times.n_unfinished == 0)
        .ok_or_else(|| Error::message("the rule did not stop rightly on every input"))?;
    // Smaller, so that its times are no answer.
    let experiment = format!("circuit2tf halting adder:{}", if width == 2 { 3 } else { 2 });
    Ok(Task::numbers(
        vec![Number::whole("worst", "loops", worst), Number::close("mean", "loops", mean)],
        vec![
            Mistake::numbers(
                "the mean is the worst case",
                vec![None, Some(worst as f64)],
                "Few inputs have a carry that goes all the way.",
                &experiment,
            ),
            Mistake::numbers(
                "half the worst case",
                vec![None, Some((1.0 + worst as f64) / 2.0)],
                "The times are not spread evenly over 1 to the worst case.",
                &experiment,
            ),
            Mistake::numbers(
                "stable output means done",
                vec![None, Some(mean_until_stable(&network))],
                "Such a rule stops when the outputs did not change for one loop. They can change later.",
                "circuit2tf claims check unchanged-outputs",
            ),
            Mistake::numbers(
                "a tree of carries",
                vec![Some(1.0 + log2_ceil(width) as f64), None],
                "That is the depth of a prefix adder. Here the carry goes through all positions.",
                "circuit2tf info adder-ks:8",
            ),
        ],
    ))
}

/// After how many loops the model that halts, of one layer, knows its outputs: run on every input.
fn stopping_times(spec: &str) -> Result<Times> {
    let circuit = family::generate(spec)?;
    let model = universal::compile(&circuit, "", &Options::default())?;
    let engine = Halting::new(&model, Rule::Known)?;
    let (oracle, plan) = (Oracle::new(&circuit)?, (model.n_loops, Assignments::All));
    halting_times(&engine, plan, &|inputs| oracle.run(inputs), &())
}

/// The mean number of steps until the outputs are those of the step before, from gates at 0, over at most
/// 4096 inputs, evenly spread.
fn mean_until_stable(network: &Network) -> f64 {
    let n = network.n_inputs();
    let stride = 1usize << n.saturating_sub(12);
    let inputs: Vec<usize> = (0..1usize << n).step_by(stride).collect();
    let stable = |&input: &usize| {
        let bits = super::bits(input as u64, n);
        let states = simulate::states(network, &bits, false, network.depth() + 1);
        let outputs: Vec<_> =
            states.iter().map(|state| simulate::outputs(network, state)).collect();
        (1..outputs.len()).find(|&t| outputs[t] == outputs[t - 1]).unwrap_or(network.depth())
    };
    inputs.iter().map(stable).sum::<usize>() as f64 / inputs.len() as f64
}
