//! What one layer does: one step of every gate, with weights that do not know the circuit.

use super::{any, log2_ceil};
use crate::course::task::{Kind, Mistake, Number, Task, Wrong};
use crate::course::{Exercise, Facts, Parameter, Values, simulate};
use crate::error::Result;
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
                range: (2, 1 << 30),
                drawn: &[64, 256, 512, 1024, 2048, 4096, 16384, 65536],
            },
            Parameter {
                name: "heads",
                meaning: "operands of a gate, one head each",
                default: 2,
                range: (1, 6),
                drawn: &[2, 3, 4],
            },
        ],
        statement: "Construction A gives every node of a circuit one token. The residual stream of a token \
            holds its own address of m bits, the addresses of its k operands, the truth table of its gate \
            (2^k entries), its state, and k scratch cells, one number each. Head h fetches the state of the \
            token at the h-th operand address; the MLP has 2^(k+1) + 1 + k units. A layer then has \
            k (2 d m + 2 d) parameters for attention and 2 d d_mlp + d_mlp + d for the MLP, where d is \
            d_model.\n\nFor N = {nodes} nodes and k = {heads}, with m = ceil(log2 N): what is d_model? How \
            many parameters has one layer? How many numbers are in the table of position embeddings?",
        hints: &[
            "Add up the channels first: (1 + k) m addresses, 2^k truth table entries, 1 state, k scratch cells.",
            "m = ceil(log2 {nodes}). Which of the three numbers contain N itself, and which only m?",
            "The table has one row of d_model numbers for every token.",
        ],
        worked: "d = (1 + k) m + 2^k + 1 + k = **{d_model}**. A layer has **{layer}** parameters, the table \
            **{table}** numbers. Twice the nodes make the table more than twice as large ({table_twice}), \
            and a layer grows from {layer} to {layer_twice}: only through m. The circuit is in the table; \
            the layers are the same for all circuits of this size.",
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

/// `d_model`, parameters of a layer and numbers of the table of Construction A.
fn construction_a(nodes: usize, k: usize) -> [usize; 3] {
    construction(nodes, k, log2_ceil(nodes))
}

/// The same with addresses of `m` numbers.
fn construction(nodes: usize, k: usize, m: usize) -> [usize; 3] {
    let rows = 1 << k;
    let d = (1 + k) * m + rows + 1 + k;
    let d_mlp = 2 * rows + 1 + k;
    [d, k * (2 * d * m + 2 * d) + 2 * d * d_mlp + d_mlp + d, nodes * d]
}

fn size_facts(values: &Values) -> Result<Facts> {
    let [_, layer, table] = construction_a(2 * values.size("nodes"), values.size("heads"));
    Ok(Facts::from([("layer_twice", layer.to_string()), ("table_twice", table.to_string())]))
}

fn sizes(values: &Values) -> Result<Task> {
    let (nodes, k) = (values.size("nodes"), values.size("heads"));
    let [d, layer, table] = construction_a(nodes, k);
    let without_own = d - log2_ceil(nodes);
    let real = |x: usize| Some(x as f64);
    let one_hot = construction(nodes, k, nodes).map(real).to_vec();
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
                "One-hot addresses have N numbers. m = ceil(log2 N) bits tell N nodes apart.",
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

    #[test]
    fn the_full_adder_adds_and_sizes_are_those_of_the_theory() {
        let network = full_adder().unwrap();
        for x in 0..8u32 {
            let values = network.evaluate(&[x & 1 == 1, x & 2 == 2, x & 4 == 4]);
            assert_eq!(u32::from(values[5]) + 2 * u32::from(values[7]), x.count_ones());
        }
        assert_eq!(construction_a(1024, 2), [37, 2490, 37888]);
        assert_eq!(construction_a(64, 2), [25, 1286, 1600]);
        assert_eq!(construction_a(1 << 20, 2), [67, 7180, 70_254_592]);
    }
}
