//! Fewer layers than levels: counting, lookup, doubling.

use super::{any, log2_ceil, network, no_facts};
use crate::circuit::Circuit;
use crate::compile::{Options, compile};
use crate::course::files::{ModelTask, Proof};
use crate::course::task::{Kind, Mistake, Number, Task, Wrong};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::Result;
use crate::family;
use crate::model::{Dtype, Model, sparse};
use crate::theory::shallow::symmetric;

pub static EXERCISES: [Exercise; 4] = [
    Exercise {
        number: 7,
        title: "Parity in one layer, by hand",
        lesson: 6,
        stars: 3,
        minutes: 40,
        parameters: &[Parameter {
            name: "inputs",
            meaning: "bits of the parity",
            default: 3,
            range: (2, 8),
            drawn: &[3, 4, 5, 6, 7],
        }],
        statement: "Write down the weights of a model with one layer and one head that computes the parity of \
            {inputs} bits. One head that attends evenly to all positions reads their average; an MLP with \
            {inputs} units turns a count into its parity. Start from `course/parity.json`, which \
            `circuit2tf course start 6` writes: it has the shape for three bits and no attention and no MLP \
            yet.",
        hints: &[
            "With W_Q and W_K left at 0 all scores are 0, and the head averages its values over all positions. \
             With a power of two of positions, P, the average times P is exactly the number of ones.",
            "On whole numbers c, c mod 2 = relu(c) - 2 relu(c - 1) + 2 relu(c - 2) - ...",
            "W_V reads channel 0, W_O writes channel 1, W_in multiplies channel 1 by P, b_in subtracts 0, 1, \
             2, ..., W_out writes 1, -2, 2, ... to channel 2, where W_U reads.",
        ],
        worked: "The circuit has depth {depth}, the model one layer. There is no contradiction: the head sums \
            {inputs} bits at once, and the MLP has {inputs} units. Fan-in two is a property of the circuit, \
            not of attention. What it costs is width, and precision that can count to {inputs}.",
        require: any,
        facts: parity_facts,
        task: parity,
    },
    Exercise {
        number: 9,
        title: "Levels collapse",
        lesson: 6,
        stars: 2,
        minutes: 20,
        parameters: &[Parameter {
            name: "width",
            meaning: "bits of each number that is added",
            default: 4,
            range: (2, 8),
            drawn: &[3, 4, 5, 6, 8],
        }],
        statement: "Every node of a circuit is a function of the at most 2^c nodes that lie c levels below it. \
            So one layer with 2^c heads and an MLP of 2^(2^c + 1) + 2^c + 1 units can do c levels at once. For \
            the ripple adder of two {width}-bit numbers: how many layers does it take with c = 1, 2, 3, and how \
            many MLP units has a layer each time?",
        hints: &[
            "The depth of the adder is 2 x {width} - 1.",
            "Layers: the depth divided by c, rounded up.",
            "For c = 2 a gate has 4 operands and a truth table of 16 rows.",
        ],
        worked: "| c | layers | heads | MLP units | layers x units |\n|---|---|---|---|---|\n{table}\nDepth is \
            traded for width, and the price is doubly exponential in c. Layer counts depend on what a layer \
            may do, as instruction counts do.",
        require: any,
        facts: collapse_facts,
        task: collapse,
    },
    Exercise {
        number: 17,
        title: "A thousand hops",
        lesson: 6,
        stars: 2,
        minutes: 15,
        parameters: &[
            Parameter {
                name: "hops",
                meaning: "times the pointer is followed",
                default: 1000,
                range: (2, 1 << 30),
                drawn: &[50, 100, 200, 500, 1000, 3000, 10_000],
            },
            Parameter {
                name: "nodes",
                meaning: "nodes of the graph, one token each",
                default: 4096,
                range: (2, 1 << 30),
                drawn: &[256, 1024, 4096, 65536],
            },
        ],
        statement: "Each of {nodes} tokens holds the address of one token: a function f. After {hops} hops from \
            a token, where are we? One head can replace, at every token at once, its pointer p by the pointer \
            of the token it points to. How many loops of one layer give f applied {hops} times (a second \
            pointer may collect the result)? How many tokens and how many bits of address does it take?",
        hints: &[
            "After one loop every token knows where two hops lead. After two loops?",
            "Write {hops} in binary: squaring f as often as it has digits, and collecting those that are 1.",
            "Addresses tell {nodes} tokens apart.",
        ],
        worked: "ceil(log2 {hops}) = **{loops}** loops, with {nodes} tokens and addresses of **{address}** bits. \
            (The models of `circuit2tf claims check hops-need-layers` take one layer more: they are given the table as \
            bits, and collect them first.) That {hops} steps look sequential proves nothing. A lower bound of order log {hops} for narrow \
            models is known only under a conjecture: that to tell one cycle of n vertices from two takes \
            order log n rounds of parallel computation. (From the weaker one, that no constant number of rounds \
            does, it follows only that no constant number of layers does.) And it takes more nodes than hops: on \
            four nodes a thousand hops are four.",
        require: any,
        facts: no_facts,
        task: hops,
    },
    Exercise {
        number: 29,
        title: "Half the layers, certified",
        lesson: 6,
        stars: 3,
        minutes: 30,
        parameters: &[Parameter {
            name: "width",
            meaning: "bits of each number that is added",
            default: 2,
            range: (2, 4),
            drawn: &[2, 3, 4],
        }],
        statement: "The ripple adder of two {width}-bit numbers has depth {depth}. Make a model of it with at \
            most {layers} layers in all that the certificate accepts: every input, every order of summation. \
            Make it as you like: by hand, by a program, or with `circuit2tf compile` and the right flags.",
        hints: &[
            "A layer must do two levels at once. How many operands has a gate then?",
            "See `circuit2tf compile --help`: one flag merges levels.",
        ],
        worked: "`circuit2tf compile adder:{width} -o answer.safetensors --collapse 2` does it, with four heads. \
            Here it is as a list of weights.",
        require: any,
        facts: certified_facts,
        task: certified,
    },
];

fn parity_values(n: usize) -> Vec<bool> {
    (0..=n).map(|ones| ones % 2 == 1).collect()
}

fn parity_facts(values: &Values) -> Result<Facts> {
    let depth = network(&format!("parity:{}", values.get("inputs")))?.depth();
    Ok(Facts::from([("depth", depth.to_string())]))
}

fn parity(values: &Values) -> Result<Task> {
    let n = values.size("inputs");
    let reference = family::generate(&format!("parity:{n}"))?;
    let model = |values: Vec<bool>| symmetric(&values, Dtype::F32);
    let mistake = |name, ones: Vec<bool>, why: &str| -> Result<Mistake> {
        Ok(Mistake {
            name,
            gives: Wrong::File(sparse::to_json(&model(ones)?)?.into_bytes()),
            why: why.to_string(),
            experiment: "circuit2tf claims check symmetric-one-layer".to_string(),
        })
    };
    let task = ModelTask {
        reference,
        proof: Proof::Exhaustive,
        most_layers: 1,
        most_heads: 1,
        solution: model(parity_values(n))?,
    };
    let mistakes = vec![
        mistake(
            "OR instead of parity",
            (0..=n).map(|c| c > 0).collect(),
            "The slope changes at 1 and never again: the MLP must turn back at every further count.",
        )?,
        mistake(
            "one, not odd",
            (0..=n).map(|c| c == 1).collect(),
            "It goes up at 1 and down at 2 and stays there. 3 is odd too.",
        )?,
        mistake(
            "nothing yet",
            vec![false; n + 1],
            "The answer is always 0: the read-out sees nothing. Look at W_out and the channel that W_U reads.",
        )?,
        mistake(
            "even instead of odd",
            (0..=n).map(|c| c % 2 == 0).collect(),
            "This is the complement: it starts at 1 for no ones.",
        )?,
    ];
    Ok(Task::new(Kind::Model(Box::new(task)), mistakes))
}

/// Layers, heads and MLP units of the adder with `c` levels in a layer.
fn collapsed(circuit: &Circuit, c: usize) -> Result<[usize; 3]> {
    let mapped = crate::mapping::map(circuit, 2)?;
    let network =
        if c == 1 { mapped.network } else { crate::mapping::collapse(&mapped, c)?.network };
    let k = 1 << c;
    Ok([network.depth(), k, (2 << k) + k + 1])
}

fn collapse_table(values: &Values) -> Result<Vec<[usize; 3]>> {
    let circuit = family::generate(&format!("adder:{}", values.get("width")))?;
    (1..=3).map(|c| collapsed(&circuit, c)).collect()
}

fn collapse_facts(values: &Values) -> Result<Facts> {
    let line = |(i, [layers, heads, units]): (usize, &[usize; 3])| {
        format!("| {} | {layers} | {heads} | {units} | {} |\n", i + 1, layers * units)
    };
    let lines = collapse_table(values)?.iter().enumerate().map(line).collect();
    Ok(Facts::from([("table", lines)]))
}

fn collapse(values: &Values) -> Result<Task> {
    let table = collapse_table(values)?;
    let depth = table[0][0] as f64;
    let number =
        |name, unit, row: usize, column: usize| Number::whole(name, unit, table[row][column]);
    let experiment = "circuit2tf compile adder:2 -o m.safetensors --heads 3";
    let some = |x: f64| Some(x);
    Ok(Task::numbers(
        vec![
            number("layers1", "c = 1", 0, 0),
            number("layers2", "c = 2", 1, 0),
            number("layers3", "c = 3", 2, 0),
            number("units1", "c = 1", 0, 2),
            number("units2", "c = 2", 1, 2),
            number("units3", "c = 3", 2, 2),
        ],
        vec![
            Mistake::numbers(
                "depth is intrinsic",
                vec![some(depth), some(depth), some(depth), None, None, None],
                "Depth counts two-input gates. A layer with more heads does more than one such gate.",
                "circuit2tf depth 0xe8",
            ),
            Mistake::numbers(
                "floor instead of ceil",
                vec![
                    None,
                    some((depth / 2.0).floor()),
                    some((depth / 3.0).floor()),
                    None,
                    None,
                    None,
                ],
                "Rounded down, the last level is never computed.",
                "circuit2tf loops parity-chain:6 --layers 2",
            ),
            Mistake::numbers(
                "operands grow by two a level",
                vec![None, None, None, None, some(2f64.powi(5) + 5.0), some(2f64.powi(7) + 7.0)],
                "Each level doubles the operands: 2, 4, 8, not 2, 4, 6.",
                experiment,
            ),
            Mistake::numbers(
                "width is free",
                vec![None, None, None, None, Some(table[0][2] as f64), Some(table[0][2] as f64)],
                "A gate of 4 operands has 16 rows in its truth table, and the MLP needs units for each.",
                experiment,
            ),
        ],
    ))
}

fn hops(values: &Values) -> Result<Task> {
    let (hops, nodes) = (values.size("hops"), values.size("nodes"));
    let (loops, address) = (log2_ceil(hops), log2_ceil(nodes));
    let experiment = "circuit2tf claims check hops-need-layers";
    Ok(Task::numbers(
        vec![
            Number::whole("loops", "loops", loops),
            Number::whole("tokens", "tokens", nodes),
            Number::whole("address", "bits", address),
        ],
        vec![
            Mistake::numbers(
                "a layer for each hop",
                vec![Some(hops as f64), None, None],
                "Pointers double: a token reads where its target already points.",
                experiment,
            ),
            Mistake::numbers(
                "rounded down",
                vec![Some(f64::from(hops.ilog2())), None, None],
                "2 to that power is fewer hops than were asked for.",
                experiment,
            ),
            Mistake::numbers(
                "log of the nodes",
                vec![Some(address as f64), None, None],
                "The number of loops depends on the hops; that of the address bits on the nodes.",
                experiment,
            ),
            Mistake::numbers(
                "one-hot addresses",
                vec![None, None, Some(nodes as f64)],
                "Binary addresses of ceil(log2 N) bits are enough; finite sharpness reads them exactly.",
                experiment,
            ),
        ],
    ))
}

fn certified_facts(values: &Values) -> Result<Facts> {
    let depth = network(&format!("adder:{}", values.get("width")))?.depth();
    Ok(Facts::from([("depth", depth.to_string()), ("layers", depth.div_ceil(2).to_string())]))
}

fn certified(values: &Values) -> Result<Task> {
    let reference = family::generate(&format!("adder:{}", values.get("width")))?;
    let collapsed = Options { collapse: 2, ..Options::default() };
    let solution = compile(&reference, "", &collapsed)?;
    let most_layers = solution.n_layers() * solution.n_loops;
    let json = |model: Model| Ok(Wrong::File(sparse::to_json(&model)?.into_bytes()));
    let with_loops = |model: Model, n_loops: usize| {
        let mut parts = model.into_parts();
        parts.n_loops = n_loops;
        Model::new(parts)
    };
    let plain = compile(&reference, "", &Options::default())?;
    let mistakes = vec![
        Mistake {
            name: "fewer loops, same layers",
            gives: json(with_loops(plain, most_layers)?)?,
            why: "This is the plain model with the loops cut: deep gates never get their operands.".to_string(),
            experiment: "circuit2tf loops mult:2".to_string(),
        },
        Mistake {
            name: "soft attention",
            gives: json(compile(&reference, "", &Options { inverse_temperature: 4.0, ..collapsed })?)?,
            why: "Run, it is right, but a head leaks a little of all other tokens, and no condition of the \
                  certificate bounds what rounding makes of that: C4 says no."
                .to_string(),
            experiment: "circuit2tf compile parity:4 -o m.safetensors --verify".to_string(),
        },
    ];
    let task =
        ModelTask { reference, proof: Proof::Certificate, most_layers, most_heads: 8, solution };
    Ok(Task::new(Kind::Model(Box::new(task)), mistakes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_by_weights_is_parity() {
        let circuit = family::generate("parity:5").unwrap();
        for (ones, value) in parity_values(5).into_iter().enumerate() {
            let input: Vec<bool> = (0..5).map(|i| i < ones).collect();
            assert_eq!(circuit.evaluate(&input).unwrap(), [value]);
        }
    }

    #[test]
    fn sizes_of_collapsed_layers_are_those_of_compiled_models() {
        let circuit = family::generate("adder:3").unwrap();
        for c in 1..=2 {
            let options = Options { collapse: c, unroll: true, ..Options::default() };
            let model = compile(&circuit, "", &options).unwrap();
            let found = [model.n_layers(), model.n_heads(), model.d_mlp()];
            assert_eq!(collapsed(&circuit, c).unwrap(), found);
        }
    }
}
