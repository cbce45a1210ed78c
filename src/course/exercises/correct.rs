//! Right on every input: how many loops are needed, and why a few wrong inputs hide.

use super::{any, bits, network, no_facts};
use crate::circuit::Circuit;
use crate::course::task::{Kind, Mistake, Number, Task, Wrong};
use crate::course::{Exercise, Facts, Parameter, Values, simulate};
use crate::error::{Error, Result};
use crate::family;
use crate::network::Network;
use crate::sat::Limits;
use crate::theory::tightness::{self, Correctness, Loops};
use crate::verify::bit_string;

const WIDTH: Parameter = Parameter {
    name: "width",
    meaning: "bits of each number that is added",
    default: 4,
    range: (2, 8),
    drawn: &[3, 4, 5, 6],
};

const LAYERS: Parameter = Parameter {
    name: "layers",
    meaning: "layers of the block",
    default: 2,
    range: (1, 8),
    drawn: &[1, 2, 3],
};

pub static EXERCISES: [Exercise; 4] = [
    Exercise {
        number: 11,
        title: "One loop fewer",
        lesson: 4,
        stars: 2,
        minutes: 15,
        parameters: &[WIDTH, LAYERS],
        statement: "The ripple adder of two {width}-bit numbers is compiled into a block of {layers} layers. \
            What is the least number of loops that is right on every input? With one loop fewer, on how many \
            of the 2^(2 x {width}) inputs is some output wrong, if gates start at 0, and if they start at 1?",
        hints: &[
            "The depth of the adder is 2 x {width} - 1; the carry goes through all of it.",
            "`circuit2tf loops adder:{width} --layers {layers} --table` counts the wrong inputs after every \
             number of layers.",
            "One loop fewer means {layers} layers fewer than the least number of loops applies, not one.",
        ],
        worked: "The depth is {depth}, so ceil({depth}/{layers}) = **{loops}** loops are enough, and the SAT \
            solver finds an input on which one fewer fails: {witness}. After that many layers **{from_0}** \
            inputs are wrong from gates at 0, and **{from_1}** from gates at 1: {percent}% of all inputs are \
            right, and it is not an adder.",
        require: any,
        facts: one_fewer_facts,
        task: one_fewer,
    },
    Exercise {
        number: 12,
        title: "Accuracy is not correctness",
        lesson: 4,
        stars: 1,
        minutes: 10,
        parameters: &[Parameter {
            name: "inputs",
            meaning: "inputs of the AND, a power of two",
            default: 8,
            range: (4, 16),
            drawn: &[4, 8, 16],
        }],
        statement: "The AND of {inputs} inputs is a tree of two-input gates. It is compiled into one layer and \
            looped one time too few, with gates starting at 0. On how many inputs is it wrong? What is its \
            accuracy over all inputs, in percent? How many random tests does it take on average until the \
            first one fails?",
        hints: &[
            "The last gate still sees operands from before: zeros, unless they were right already.",
            "The output stays 0. On which inputs is 0 wrong?",
            "If one input in so many is wrong, so many tests are needed on average.",
        ],
        worked: "The output is still 0, which is wrong on **{wrong}** input, all ones. The accuracy is \
            **{accuracy}** percent, and it takes **{tests}** random tests on average to notice. The \
            certificate runs no input and says no at once: of its conditions, C11 asks for as many layers as \
            there are levels.",
        require: power_of_two,
        facts: no_facts,
        task: accuracy,
    },
    Exercise {
        number: 13,
        title: "Right, wrong, right",
        lesson: 4,
        stars: 2,
        minutes: 15,
        parameters: &[Parameter {
            name: "delay",
            meaning: "buffers between the second gate and the last",
            default: 0,
            range: (0, 6),
            drawn: &[0, 1, 2, 3, 4],
        }],
        statement: "A network has inputs x and y and the gates\n\n    g = NAND(x, x)    h = NOR(g, x)    \
            z = OR(y, h')\n\nwhere h' is h after {delay} buffers (gates that copy, one level each; without any, \
            h' is h), and z is the output. All gates start at 0 and one layer updates them all. For each number of layers from 1 \
            to the depth, which is {depth}, write 1 if z is right on all four inputs and 0 if not.",
        hints: &[
            "h is always 0 in the end. What is it after the first layer, when g still holds 0?",
            "Follow that wrong value of h through the buffers to z, one layer each.",
            "Right after some number of layers does not mean right after one more.",
        ],
        worked: "{table}\nSo **{answer}**. z is right as long as the wrong h has not arrived, wrong when it \
            does, and right from the depth on. From all initial states at once correctness is monotone; from \
            one initial state it is not.",
        require: any,
        facts: glitch_facts,
        task: glitch,
    },
    Exercise {
        number: 26,
        title: "Find an input on which it fails",
        lesson: 4,
        stars: 2,
        minutes: 15,
        parameters: &[WIDTH, LAYERS],
        statement: "The ripple adder of two {width}-bit numbers, in a block of {layers} layers, is looped one \
            time too few, from gates at 0. Give an input on which it is wrong: the {width} bits of a, lowest \
            first, then those of b.",
        hints: &[
            "Something must travel through the whole adder: a carry that starts at the lowest bit.",
            "Make every later position pass the carry on: exactly one of its two bits is 1.",
            "`circuit2tf loops adder:{width} --layers {layers}` prints such an input.",
        ],
        worked: "The solver finds **{answer}**. A carry starts at the bottom and is passed on to the top; \
            {fewer} loops are not enough for it to arrive.",
        require: any,
        facts: one_fewer_facts,
        task: counterexample,
    },
];

/// The width of an adder that is not asked about, so that what is seen of it is no answer.
fn another_width(values: &Values) -> u64 {
    if values.get("width") == 2 { 3 } else { 2 }
}

fn adder(values: &Values) -> Result<Network> {
    network(&format!("adder:{}", values.get("width")))
}

fn loops_of(network: &Network, values: &Values) -> Result<(Loops, usize)> {
    let loops = tightness::loops(network, values.size("layers"), Limits::default())?;
    let least = loops.least_from_zero();
    let least = least.filter(|&least| least > 0).ok_or_else(|| Error::message("undecided"))?;
    Ok((loops, least))
}

fn witness(loops: &Loops, least: usize) -> Result<Vec<bool>> {
    match &loops.from_zero[least - 1] {
        Correctness::Wrong(witness) => Ok(witness.input.clone()),
        _ => Err(Error::message("no input on which one loop fewer fails")),
    }
}

fn one_fewer_facts(values: &Values) -> Result<Facts> {
    let network = adder(values)?;
    let (loops, least) = loops_of(&network, values)?;
    let wrong = tightness::wrong_inputs(&network, false)?[(least - 1) * values.size("layers")];
    let percent = 100.0 - 100.0 * wrong as f64 / (1u64 << network.n_inputs()) as f64;
    Ok(Facts::from([
        ("depth", network.depth().to_string()),
        ("fewer", (least - 1).to_string()),
        ("witness", bit_string(&witness(&loops, least)?)),
        ("percent", format!("{percent:.1}")),
    ]))
}

fn one_fewer(values: &Values) -> Result<Task> {
    let (network, layers) = (adder(values)?, values.size("layers"));
    let (_, least) = loops_of(&network, values)?;
    let counts =
        [tightness::wrong_inputs(&network, false)?, tightness::wrong_inputs(&network, true)?];
    let at = |start: usize, t: usize| Some(counts[start][t] as f64);
    let t = (least - 1) * layers;
    let before_depth = network.depth().saturating_sub(1);
    let experiment =
        format!("circuit2tf loops adder:{} --layers {layers} --table", another_width(values));
    Ok(Task::numbers(
        vec![
            Number::whole("loops", "loops", least),
            Number::whole("from_0", "inputs", counts[0][t] as usize),
            Number::whole("from_1", "inputs", counts[1][t] as usize),
        ],
        vec![
            Mistake::numbers(
                "accuracy is correctness",
                vec![Some(least as f64 - 1.0), None, None],
                "That many loops are right on most inputs. A circuit is computed only if all are right.",
                &experiment,
            ),
            Mistake::numbers(
                "a loop for each level",
                vec![Some(network.depth() as f64), None, None],
                "One loop does as many levels as the block has layers.",
                &experiment,
            ),
            Mistake::numbers(
                "one layer fewer",
                vec![None, at(0, before_depth), at(1, before_depth)],
                "That counts after one layer fewer than the depth. One loop fewer is a whole block fewer.",
                &experiment,
            ),
            Mistake::numbers(
                "starts exchanged",
                vec![None, at(1, t), at(0, t)],
                "These are the right numbers for the other start.",
                &experiment,
            ),
        ],
    ))
}

fn power_of_two(values: &Values) -> Result<()> {
    if values.get("inputs").is_power_of_two() {
        Ok(())
    } else {
        Err(Error::new("a power of two for inputs", values.get("inputs").to_string()))
    }
}

fn accuracy(values: &Values) -> Result<Task> {
    let n = values.size("inputs");
    let network = network(&format!("and:{n}"))?;
    let wrong = tightness::wrong_inputs(&network, false)?[network.depth() - 1];
    let all = (n as f64).exp2();
    let percent = 100.0 * (1.0 - wrong as f64 / all);
    // Smaller, so that its table is no answer.
    let experiment = format!("circuit2tf loops and:{} --table", if n == 4 { 2 } else { 4 });
    Ok(Task::numbers(
        vec![
            Number::whole("wrong", "inputs", wrong as usize),
            Number { name: "accuracy", unit: "percent", value: percent, tolerance: 1e-4 },
            Number::whole("tests", "tests", (all / wrong as f64) as usize),
        ],
        vec![
            Mistake::numbers(
                "accuracy is correctness",
                vec![Some(0.0), Some(100.0), None],
                "It looks right on nearly all inputs. It is a constant 0, and wrong on all ones.",
                &experiment,
            ),
            Mistake::numbers(
                "a fraction for percent",
                vec![None, Some(percent / 100.0), None],
                "In percent it is a hundred times as much.",
                &experiment,
            ),
            Mistake::numbers(
                "wrong on half",
                vec![Some(all / 2.0), Some(50.0), Some(2.0)],
                "The output is 0 everywhere, but the AND is 1 on one input only.",
                &experiment,
            ),
            Mistake::numbers(
                "a test for each input bit",
                vec![None, None, Some(n as f64)],
                "A random test hits one given assignment once in 2^n times, not once in n.",
                &experiment,
            ),
        ],
    ))
}

/// The network of the statement.
fn glitching(delay: usize) -> Result<Network> {
    let mut network = Network::new(2, 2)?;
    let g = network.gate(&[0, 0], |row| row != 3)?;
    let mut h = network.gate(&[g, 0], |row| row == 0)?;
    for _ in 0..delay {
        h = network.gate(&[h], |row| row == 1)?;
    }
    let z = network.gate(&[1, h], |row| row != 0)?;
    network.output(z)?;
    Ok(network)
}

/// For 1 to the depth layers the number of wrong inputs.
fn glitches(values: &Values) -> Result<Vec<u64>> {
    Ok(tightness::wrong_inputs(&glitching(values.size("delay"))?, false)?[1..].to_vec())
}

fn glitch_facts(values: &Values) -> Result<Facts> {
    let line = |(t, n): (usize, &u64)| format!("| {} | {n} |\n", t + 1);
    let lines: String = glitches(values)?.iter().enumerate().map(line).collect();
    let depth = (3 + values.get("delay")).to_string();
    let table = format!("| layers | wrong inputs of 4 |\n|---|---|\n{lines}");
    Ok(Facts::from([("depth", depth), ("table", table)]))
}

fn glitch(values: &Values) -> Result<Task> {
    let right: Vec<bool> = glitches(values)?.iter().map(|&wrong| wrong == 0).collect();
    let depth = right.len();
    let mistake = |name, gives: Vec<bool>, why: &str| Mistake {
        name,
        gives: Wrong::Bits(gives),
        why: why.to_string(),
        experiment: "circuit2tf claims check monotone".to_string(),
    };
    Ok(Task::new(
        Kind::Bits(right),
        vec![
            mistake(
                "wrong until the depth",
                (1..=depth).map(|t| t == depth).collect(),
                "Fewer layers than levels can be right by luck: here z is right while the wrong h is on its way.",
            ),
            mistake(
                "h is constant",
                vec![true; depth],
                "h is 0 in the end, but after the first layer it has seen g = 0 and holds NOT x.",
            ),
            mistake(
                "once right, always right",
                (1..=depth).map(|t| t + 1 >= depth).collect(),
                "From one initial state correctness is not monotone: a wrong value may arrive late.",
            ),
        ],
    ))
}

/// The model's and the circuit's outputs after one loop too few.
fn run_short(
    network: &Network,
    steps: usize,
    circuit: &Circuit,
    input: &[bool],
) -> Result<[String; 2]> {
    let states = simulate::states(network, input, false, steps);
    let got = simulate::outputs(network, &states[steps]);
    Ok([bit_string(&got), bit_string(&circuit.evaluate(input)?)])
}

fn counterexample(values: &Values) -> Result<Task> {
    let (network, width) = (adder(values)?, values.size("width"));
    let circuit = family::generate(&format!("adder:{width}"))?;
    let (loops, least) = loops_of(&network, values)?;
    let found = witness(&loops, least)?;
    let steps = (least - 1) * values.size("layers");
    let mistake = |name, input: u64, why: &str| Mistake {
        name,
        gives: Wrong::Bits(bits(input, 2 * width)),
        why: why.to_string(),
        experiment: format!(
            "circuit2tf loops adder:{} --layers {}",
            another_width(values),
            values.get("layers")
        ),
    };
    let mut mistakes = vec![
        mistake(
            "all ones is the worst case",
            u64::MAX,
            "Every position makes a carry of its own, so none has to travel.",
        ),
        mistake("no carry at all", 0, "0 + 0 is right at once: gates start at 0."),
        mistake(
            "a carry from nowhere",
            (1 << width) - 1,
            "Every position would pass a carry on, but none makes one.",
        ),
    ];
    // With very few loops these may be counterexamples after all.
    mistakes.retain(|mistake| match &mistake.gives {
        Wrong::Bits(input) => {
            run_short(&network, steps, &circuit, input).is_ok_and(|[a, b]| a == b)
        }
        _ => true,
    });
    let refute = move |input: &[bool]| {
        let [got, expected] = run_short(&network, steps, &circuit, input)?;
        let text = format!("after {steps} layers the outputs are {got}, and {expected} is right");
        Ok((got != expected, text))
    };
    Ok(Task::new(Kind::Counterexample { found, refute: Box::new(refute) }, mistakes))
}
