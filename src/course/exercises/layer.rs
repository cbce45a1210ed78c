//! What one layer does: one step of every gate, with weights that do not know the circuit.

use super::{any, log2_ceil};
use crate::course::task::{Kind, Mistake, Number, Task, Wrong};
use crate::course::{Exercise, Facts, Parameter, Values, simulate};
use crate::error::Result;
use crate::layout::Layout;
use crate::network::Network;
use crate::verify::bit_string;

pub static EXERCISES: [Exercise; 2] = [
    Exercise {
        number: 5,
        title: "Where the circuit is written",
        lesson: 1,
        stars: 1,
        minutes: 15,
        parameters: &[
            Parameter {
                name: "nodes",
                meaning: "nodes of the circuit, one token each",
                default: 1024,
                range: (2, 1 << 28),
                drawn: &[64, 256, 512, 1024, 2048, 4096, 16384, 65536],
            },
            Parameter {
                name: "heads",
                meaning: "operands of a gate, one head each",
                default: 2,
                range: (2, 6),
                drawn: &[2, 3, 4],
            },
        ],
        statement: "`circuit2tf compile` gives every node of a circuit one token. The residual stream of a token \
            holds its own address of m signs, the addresses of its k operands, and three things with the negation of \
            every number beside it: the truth table of its gate (2^k entries), its state, and k cells for what is \
            fetched. An address is balanced, half of its signs positive: m is the least even number for which \
            there are N such addresses, C(m, m/2) of them being N or more. Head h fetches the state of the \
            token at the h-th operand address; the MLP has d_mlp = 2^(k+1) + 1 + k units. A layer then has \
            4 k d m + 3 k m + d parameters for attention and 2 d d_mlp + d_mlp + d for the MLP, where d is \
            d_model.\n\nFor N = {nodes} nodes and k = {heads}: what is d_model? How \
            many parameters has one layer? How many numbers are in the table of position embeddings?",
        hints: &[
            "Add up the channels first: (1 + k) m of addresses, and twice 2^k truth table entries, 1 state and k cells.",
            "C(2, 1) = 2, C(4, 2) = 6, C(6, 3) = 20, ... until it is {nodes} or more. Which of the three numbers \
             contain N itself, and which only m?",
            "The table has one row of d_model numbers for every token.",
        ],
        worked: "m = {m}, so d = (1 + k) m + 2 (2^k + 1 + k) = **{d_model}**. A layer has **{layer}** parameters, the \
            table **{table}** numbers; `circuit2tf info --json` of a compiled model says the same. Twice the nodes \
            make the table at least twice as large ({table_twice}), and a layer grows from {layer} to {layer_twice}: \
            only through m. The circuit is in the table; the layers are the same for all circuits of one address \
            length. (States 0 and 1 without negations, and addresses of ceil(log2 N) bits, would do with fewer: \
            d = {narrow}. Balanced signs leave every row with mean 0 and mean square 1, so that a norm changes \
            nothing.)",
        require: any,
        facts: size_facts,
        task: sizes,
    },
    Exercise {
        number: 6,
        title: "A full adder, layer by layer",
        lesson: 1,
        stars: 1,
        minutes: 15,
        parameters: &[
            Parameter {
                name: "a",
                meaning: "first bit",
                default: 1,
                range: (0, 1),
                drawn: &[0, 1],
            },
            Parameter {
                name: "b",
                meaning: "second bit",
                default: 1,
                range: (0, 1),
                drawn: &[0, 1],
            },
            Parameter { name: "c", meaning: "carry in", default: 1, range: (0, 1), drawn: &[0, 1] },
            Parameter {
                name: "start",
                meaning: "what all gates hold before the first layer",
                default: 0,
                range: (0, 1),
                drawn: &[0, 1],
            },
        ],
        statement: "A full adder has inputs a, b, c and five gates:\n\n    p = a XOR b    g = a AND b    \
            s = p XOR c    q = p AND c    t = g OR q\n\nCompiled, one layer updates all five gates at once, \
            each from what its operands held before the layer. The inputs are a = {a}, b = {b}, c = {c}, and \
            every gate holds {start} at first. What do p, g, s, q, t hold after one layer, after two, after \
            three? Write p g s q t after one layer, then the same after two, then after three; spaces do not \
            count.",
        hints: &[
            "Write a table with a row for each layer. A row is computed from the row above it only.",
            "In the first layer s still sees p = {start}, whatever a and b are.",
            "A gate of level l is right from layer l on. p and g have level 1, s and q level 2, t level 3.",
        ],
        worked: "{trace}\nThe last row holds the true values. Every gate is right from the layer of its \
            level on, whatever it held before; some are right sooner by luck.",
        require: any,
        facts: trace_facts,
        task: trace,
    },
];

/// `d_model`, parameters of a layer and numbers of the table of a compiled model with addresses of `m` signs.
fn compiled(nodes: usize, k: usize, m: usize) -> [usize; 3] {
    shape(nodes, k, m, (1 + k) * m + 2 * ((1 << k) + 1 + k))
}

fn shape(nodes: usize, k: usize, m: usize, d: usize) -> [usize; 3] {
    let d_mlp = (2 << k) + 1 + k;
    [d, 4 * k * d * m + 3 * k * m + d + 2 * d * d_mlp + d_mlp + d, nodes * d]
}

/// `d_model` without negations, for addresses of `m` numbers.
fn narrow(k: usize, m: usize) -> usize {
    (1 + k) * m + (1 << k) + 1 + k
}

fn size_facts(values: &Values) -> Result<Facts> {
    let (nodes, k) = (values.size("nodes"), values.size("heads"));
    let twice = Layout::new(k, (2 * nodes).min(1 << 28))?.code_length();
    let [_, layer, table] = compiled(2 * nodes, k, twice);
    Ok(Facts::from([
        ("m", Layout::new(k, nodes)?.code_length().to_string()),
        ("narrow", narrow(k, log2_ceil(nodes)).to_string()),
        ("layer_twice", layer.to_string()),
        ("table_twice", table.to_string()),
    ]))
}

fn sizes(values: &Values) -> Result<Task> {
    let (nodes, k) = (values.size("nodes"), values.size("heads"));
    let m = Layout::new(k, nodes)?.code_length();
    let [d, layer, table] = compiled(nodes, k, m);
    let without_own = d - m;
    let real = |x: usize| Some(x as f64);
    let one_hot = compiled(nodes, k, nodes).map(real).to_vec();
    let shortest = log2_ceil(nodes);
    let unbalanced = compiled(nodes, k, shortest).map(real).to_vec();
    let bare = shape(nodes, k, m, narrow(k, m)).map(real).to_vec();
    let info = "circuit2tf compile adder:8 -o adder.safetensors";
    Ok(Task::numbers(
        vec![
            Number::whole("d_model", "", d),
            Number::whole("layer", "parameters", layer),
            Number::whole("table", "numbers", table),
        ],
        vec![
            Mistake::numbers(
                "the weights grow with the circuit",
                vec![None, Some(layer as f64 * nodes as f64), None],
                "A layer has one set of weights for all tokens; only the table has a row for each.",
                info,
            ),
            Mistake::numbers(
                "one-hot addresses",
                one_hot,
                "One-hot addresses have N numbers. A few signs tell N nodes apart.",
                info,
            ),
            Mistake::numbers(
                "any signs as address",
                unbalanced,
                "ceil(log2 N) signs tell N nodes apart, but addresses are balanced: of m signs half are positive.",
                info,
            ),
            Mistake::numbers(
                "negations forgotten",
                bare,
                "Table, state and fetched values stand beside their negations: two numbers each.",
                info,
            ),
            Mistake::numbers(
                "no address of its own",
                vec![real(without_own), None, None],
                "Besides those of its operands a token needs its own address, or nobody can find it.",
                info,
            ),
        ],
    ))
}

/// p, g, s, q, t of the statement, on inputs a, b, c.
fn full_adder() -> Result<Network> {
    let mut network = Network::new(2, 3)?;
    let xor = |row: usize| row == 1 || row == 2;
    let p = network.gate(&[0, 1], xor)?;
    let g = network.gate(&[0, 1], |row| row == 3)?;
    network.gate(&[p, 2], xor)?;
    let q = network.gate(&[p, 2], |row| row == 3)?;
    network.gate(&[g, q], |row| row != 0)?;
    Ok(network)
}

/// The five gates after layers 1, 2 and 3.
fn rows(values: &Values, start: bool) -> Result<Vec<Vec<bool>>> {
    let inputs = ["a", "b", "c"].map(|name| values.get(name) == 1);
    let states = simulate::states(&full_adder()?, &inputs, start, 3);
    Ok(states.into_iter().map(|state| state[3..].to_vec()).collect())
}

fn trace_facts(values: &Values) -> Result<Facts> {
    let rows = rows(values, values.get("start") == 1)?;
    let line = |(t, row): (usize, &Vec<bool>)| format!("| {t} | {} |\n", bit_string(row));
    let lines: String = rows.iter().enumerate().map(line).collect();
    Ok(Facts::from([("trace", format!("| layers | p g s q t |\n|---|---|\n{lines}"))]))
}

fn trace(values: &Values) -> Result<Task> {
    let start = values.get("start") == 1;
    let right = rows(values, start)?;
    let after = |rows: &[Vec<bool>]| rows[1..].concat();
    let last = right[3].clone();
    let late = right[..3].concat();
    let mistake = |name, gives, why: &str| Mistake {
        name,
        gives: Wrong::Bits(gives),
        why: why.to_string(),
        experiment: "circuit2tf loops adder:2 --table".to_string(),
    };
    Ok(Task::new(
        Kind::Bits(after(&right)),
        vec![
            mistake(
                "one after the other",
                [last.clone(), last.clone(), last].concat(),
                "Then each gate sees what others compute in the same layer. A layer reads the stream as \
                 it was before: gates that depend on each other need one layer each.",
            ),
            mistake(
                "a layer too few",
                late,
                "This starts with the state before the first layer. The first row asked for is after one.",
            ),
            mistake(
                "the other start",
                after(&rows(values, !start)?),
                "This is what gates do that start at the other value.",
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family;

    #[test]
    fn the_full_adder_adds() {
        let network = full_adder().unwrap();
        for x in 0..8u32 {
            let values = network.evaluate(&[x & 1 == 1, x & 2 == 2, x & 4 == 4]);
            assert_eq!(u32::from(values[5]) + 2 * u32::from(values[7]), x.count_ones());
        }
    }

    #[test]
    fn sizes_are_those_that_compile_writes() {
        assert_eq!(compiled(1024, 2, 14), [56, 7711, 57344]);
        for (spec, k) in [("parity:16", 2), ("adder:8", 2), ("mult:4", 3), ("parity-chain:300", 4)]
        {
            let circuit = family::generate(spec).unwrap();
            let options = Options { heads: k, ..Options::default() };
            let model = compile(&circuit, "", &options).unwrap();
            let m = Layout::new(k, model.n_ctx()).unwrap().code_length();
            let layer = model.blocks[0].n_parameters();
            let found = [model.d_model(), layer, model.w_pos.len()];
            assert_eq!(compiled(model.n_ctx(), k, m), found, "{spec}");
        }
    }
}
