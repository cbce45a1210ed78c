//! Netlist: the network that a model computes, with the position and a name for each node.

use std::collections::BTreeSet;

use super::Mark;
use crate::circuit::{Circuit, GateKind, Literal};
use crate::claim::Claim;
use crate::error::{Error, Result};
use crate::mapping;
use crate::model::Model;
use crate::network::Network;
use crate::verify::certificate::{NetworkReading, read_network};

/// A network with what a reader wants to know of its nodes.
#[derive(Debug, Clone)]
pub struct Netlist {
    network: Network,
    nodes: Vec<Node>,
    output_names: Vec<String>,
    is_proved: bool,
}

/// A node of a netlist. Ids are in topological order, the inputs first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Of the sequence.
    pub position: usize,
    /// An input's name, or what the circuit calls the node, with `¬` for a complement.
    pub name: String,
    /// Such as `AND`, `XOR` or `a∧¬b` over the operands in order.
    pub operation: String,
    /// The longest path from an input, in nodes.
    pub level: usize,
    /// Ids of the distinct operands; none for inputs and constants.
    pub operands: Vec<usize>,
    /// The value at every row of the operands, operand 0 least significant; a constant's one row.
    pub rows: Vec<bool>,
}

impl Netlist {
    /// The network that `model` computes.
    ///
    /// It is read from the weights; where they are no network any more, and the model's claim is the one
    /// that compiling `circuit` makes, it is the network that was compiled. Names come from the claim,
    /// if a circuit is given and the claim fits it.
    ///
    /// # Errors
    /// The weights cannot be read as a network, and the claim does not help.
    pub fn of(model: &Model, circuit: Option<&Circuit>) -> Result<Self> {
        let claim = circuit
            .and_then(|circuit| Some((circuit, Claim::from_vectors(&model.claim, circuit).ok()?)))
            .filter(|(circuit, claim)| claim.fits(circuit, &model.input_positions));
        let read = read_network(model);
        let is_proved = read.is_ok();
        let reading = match (read, &claim) {
            (Ok(reading), _) => reading,
            (Err(error), Some((circuit, claim))) => compiled(model, circuit, claim).ok_or(error)?,
            (Err(error), None) => {
                return Err(error.hint(
                    "the circuit that was compiled (--circuit) tells what the model should do",
                ));
            }
        };
        let origin = |position: usize| -> Option<(&Circuit, Literal)> {
            let (circuit, claim) = claim.as_ref()?;
            Some((circuit, (*claim.origin.get(position)?)?))
        };
        let labels = &model.labels;
        let netlist = Netlist::new(reading, origin, &labels.input_names, &labels.output_names)?;
        Ok(Netlist { is_proved, ..netlist })
    }

    fn new<'c>(
        reading: NetworkReading,
        origin: impl Fn(usize) -> Option<(&'c Circuit, Literal)>,
        input_names: &[String],
        output_names: &[String],
    ) -> Result<Self> {
        let NetworkReading { network, positions } = reading;
        if input_names.len() != network.n_inputs() {
            let found = input_names.len().to_string();
            return Err(Error::new(format!("{} names of inputs", network.n_inputs()), found));
        }
        let node = |(id, &position): (usize, &usize)| {
            let (operands, rows) = table(&network, id);
            let is_input = id < network.n_inputs();
            let operation =
                if is_input { "INPUT".to_string() } else { operation(operands.len(), &rows) };
            let name = match (is_input, origin(position)) {
                (true, _) => input_names[id].clone(),
                (false, Some((circuit, literal))) => literal_name(circuit, literal),
                (false, None) => format!("p{position}"),
            };
            let level = network.levels()[id] as usize;
            Node { position, name, operation, level, operands, rows }
        };
        let nodes = positions.iter().enumerate().map(node).collect();
        Ok(Netlist { network, nodes, output_names: output_names.to_vec(), is_proved: false })
    }

    /// A circuit's network in the order of [`mapping::map`], at positions of the same numbers.
    ///
    /// # Errors
    /// See [`mapping::map`].
    pub fn of_circuit(circuit: &Circuit, k: usize) -> Result<Self> {
        let mapped = mapping::map(circuit, k)?;
        let positions = (0..mapped.network.n_nodes()).collect();
        let reading = NetworkReading { network: mapped.network, positions };
        let origin = |position: usize| Some((circuit, mapped.origin[position]?));
        let outputs: Vec<String> =
            circuit.outputs().iter().map(|output| output.name.clone()).collect();
        Netlist::new(reading, origin, circuit.input_names(), &outputs)
    }

    /// Whether the network was read from the weights, which proves that they compute it.
    pub fn is_proved(&self) -> bool {
        self.is_proved
    }

    /// All nodes, by id.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The number of inputs, which are the first nodes.
    pub fn n_inputs(&self) -> usize {
        self.network.n_inputs()
    }

    /// The highest level of an output.
    pub fn depth(&self) -> usize {
        self.network.depth()
    }

    /// Names of the outputs and the ids of their nodes.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, usize)> {
        let ids = self.network.outputs().iter().map(|&id| id as usize);
        self.output_names.iter().map(String::as_str).zip(ids)
    }

    /// The value of every node.
    ///
    /// # Errors
    /// `inputs` is not one bit per input.
    pub fn values(&self, inputs: &[bool]) -> Result<Vec<bool>> {
        if inputs.len() != self.n_inputs() {
            let expected = format!("{} input bits", self.n_inputs());
            return Err(Error::new(expected, inputs.len().to_string()));
        }
        Ok(self.network.evaluate(inputs))
    }

    /// The number of layers after which each node is known, given the values of all nodes: the least `t`
    /// such that the operands known after `t - 1` fix it.
    pub fn known_since(&self, values: &[bool]) -> Vec<usize> {
        let mut since: Vec<usize> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut times: Vec<usize> =
                node.operands.iter().map(|&operand| since[operand]).collect();
            times.sort_unstable();
            let fixes = |&time: &usize| node.is_fixed_by(values, |operand| since[operand] <= time);
            let start = (node.operands.is_empty()).then_some(0);
            let known =
                start.or_else(|| times.iter().find(|time| fixes(time)).map(|time| time + 1));
            since.push(known.expect("all operands together fix a node"));
        }
        since
    }

    /// The mark of each node whose position holds a bit of `bits`, after `step` layers.
    pub fn marks(
        &self,
        values: &[bool],
        known_since: &[usize],
        bits: &[bool],
        step: usize,
    ) -> Vec<Mark> {
        let mark = |(id, node): (usize, &Node)| {
            Mark::of(bits[node.position], values[id], known_since[id] <= step)
        };
        self.nodes.iter().enumerate().map(mark).collect()
    }
}

impl Node {
    /// Whether the operands that are `known`, at their values, leave only one value.
    fn is_fixed_by(&self, values: &[bool], known: impl Fn(usize) -> bool) -> bool {
        let agrees = |row: &usize| {
            let mut operands = self.operands.iter().enumerate();
            operands.all(|(h, &o)| !known(o) || (row >> h & 1 == 1) == values[o])
        };
        let found: BTreeSet<bool> =
            (0..self.rows.len()).filter(agrees).map(|row| self.rows[row]).collect();
        found.len() == 1
    }
}

/// The network that compiling `circuit` for as many heads gives, if the model's claim is its own.
fn compiled(model: &Model, circuit: &Circuit, claim: &Claim) -> Option<NetworkReading> {
    for k in mapping::FAN_INS {
        let Ok(mut mapped) = mapping::map(circuit, k) else { continue };
        let collapse = (1..4).find(|&c| k.checked_pow(c as u32) == Some(model.n_heads()));
        if let Some(collapse @ 2..) = collapse {
            mapped = mapping::collapse(&mapped, collapse).ok()?;
        }
        if collapse.is_some() && mapped.origin == claim.origin {
            let positions = (0..mapped.network.n_nodes()).collect();
            return Some(NetworkReading { network: mapped.network, positions });
        }
    }
    None
}

/// The distinct operands of a node and its value at each of their rows.
fn table(network: &Network, id: usize) -> (Vec<usize>, Vec<bool>) {
    if network.is_source(id) {
        return (Vec::new(), vec![network.value(id, 0)]);
    }
    let mut distinct: Vec<u32> = Vec::new();
    let mut places = Vec::new();
    for operand in network.operands(id) {
        let place = distinct.iter().position(|other| other == operand);
        places.push(place.unwrap_or(distinct.len()));
        if place.is_none() {
            distinct.push(*operand);
        }
    }
    let value = |row: usize| {
        let bits = places.iter().enumerate().map(|(h, &place)| (row >> place & 1) << h);
        network.value(id, bits.sum())
    };
    let rows = (0..1 << distinct.len()).map(value).collect();
    (distinct.into_iter().map(|operand| operand as usize).collect(), rows)
}

/// What a table is called in the field, or its rows in hexadecimal, the last row first.
fn operation(n_operands: usize, rows: &[bool]) -> String {
    let ones = rows.iter().filter(|&&row| row).count();
    let parity = |row: usize| row.count_ones() % 2 == 1;
    let is =
        |f: &dyn Fn(usize) -> bool| rows.iter().enumerate().all(|(row, &value)| value == f(row));
    let last = rows.len() - 1;
    let named: [(&str, &dyn Fn(usize) -> bool); 6] = [
        ("AND", &|row| row == last),
        ("OR", &|row| row != 0),
        ("NAND", &|row| row != last),
        ("NOR", &|row| row == 0),
        ("XOR", &parity),
        ("XNOR", &|row| !parity(row)),
    ];
    match n_operands {
        0 => return GateKind::Const(rows[0]).name().to_string(),
        1 => return if rows[1] { "BUF".to_string() } else { "NOT".to_string() },
        3 if is(&|row| row.count_ones() >= 2) => return GateKind::Maj.name().to_string(),
        _ => {}
    }
    if let Some((name, _)) = named.iter().find(|(_, f)| is(f)) {
        return name.to_string();
    }
    if ones == 1 || ones == last {
        let row = (0..=last).find(|&row| rows[row] == (ones == 1)).unwrap_or(0);
        return product(n_operands, row, ones == 1);
    }
    let digit = |four: &[bool]| {
        let bits = four.iter().enumerate().map(|(bit, &row)| u32::from(row) << bit);
        char::from_digit(bits.sum(), 16).expect("four bits are a digit")
    };
    format!("TABLE {}", rows.chunks(4).rev().map(digit).collect::<String>())
}

/// The function that is 1 in one row only, or 0 in one row only, over `a`, `b`, …
fn product(n_operands: usize, row: usize, is_and: bool) -> String {
    let factor = |h: usize| {
        let plain = (row >> h & 1 == 1) == is_and;
        let letter = char::from(b'a' + h as u8);
        if plain { letter.to_string() } else { format!("¬{letter}") }
    };
    let factors: Vec<String> = (0..n_operands).map(factor).collect();
    factors.join(if is_and { "∧" } else { "∨" })
}

/// What the circuit calls a literal: the node's name, or `n` and its number.
fn literal_name(circuit: &Circuit, literal: Literal) -> String {
    let sign = if literal.complemented { "¬" } else { "" };
    match circuit.node_name(literal.node) {
        Some(name) => format!("{sign}{name}"),
        None => format!("{sign}n{}", literal.node.index()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;
    use crate::trace::Trace;

    fn bits(number: usize, n: usize) -> Vec<bool> {
        (0..n).map(|i| number >> i & 1 == 1).collect()
    }

    /// Three-valued evaluation by definition: a node is known if both values of every unknown operand
    /// lead to the same.
    fn known_by_rounds(netlist: &Netlist, values: &[bool]) -> Vec<usize> {
        let nodes = netlist.nodes();
        let mut since: Vec<Option<usize>> =
            nodes.iter().map(|node| node.operands.is_empty().then_some(0)).collect();
        for round in 1..=nodes.len() {
            let before = since.clone();
            for (id, node) in nodes.iter().enumerate() {
                let is_known = |operand: usize| before[operand].is_some();
                if since[id].is_none() && node.is_fixed_by(values, is_known) {
                    since[id] = Some(round);
                }
            }
        }
        since.into_iter().map(|since| since.unwrap()).collect()
    }

    #[test]
    fn nodes_are_known_when_three_valued_logic_knows_them() {
        for spec in ["adder:3", "mux:2", "and:8", "parity:5", "random:n=6,gates=40,seed=3"] {
            let netlist = Netlist::of_circuit(&generate(spec).unwrap(), 2).unwrap();
            for number in 0..1 << netlist.n_inputs() {
                let values = netlist.values(&bits(number, netlist.n_inputs())).unwrap();
                let known = netlist.known_since(&values);
                assert_eq!(known, known_by_rounds(&netlist, &values), "{spec} {number}");
                assert!(
                    known.iter().zip(netlist.nodes()).all(|(&since, node)| since <= node.level)
                );
            }
        }
    }

    #[test]
    fn marks_of_a_compiled_model_are_never_wrong_and_end_right() {
        for (spec, layers, heads, collapse) in
            [("adder:3", 2, 2, 1), ("mux:2", 1, 3, 1), ("parity:6", 3, 2, 2)]
        {
            let circuit = generate(spec).unwrap();
            let options = Options { layers, heads, collapse, ..Options::default() };
            let model = compile(&circuit, "", &options).unwrap();
            let netlist = Netlist::of(&model, Some(&circuit)).unwrap();
            assert!(netlist.is_proved());
            for number in 0..1 << netlist.n_inputs() {
                let inputs = bits(number, netlist.n_inputs());
                let trace = Trace::run(&model, &inputs, model.n_loops + 1).unwrap();
                let values = netlist.values(&inputs).unwrap();
                let known = netlist.known_since(&values);
                for (step, bits) in trace.bits.iter().enumerate() {
                    let marks = netlist.marks(&values, &known, bits, step);
                    assert!(!marks.contains(&Mark::Wrong), "{spec} {number} step {step}");
                    let at_end = step >= netlist.depth();
                    assert!(!at_end || marks.iter().all(|&mark| mark == Mark::Right));
                }
                assert!(trace.fixed_since_loop.unwrap() <= model.n_loops);
            }
        }
    }

    #[test]
    fn a_model_that_is_no_network_any_more_is_marked_by_its_claim() {
        let circuit = generate("adder:2").unwrap();
        let soft = Options { inverse_temperature: 0.125, ..Options::default() };
        let model = compile(&circuit, "", &soft).unwrap();
        assert!(Netlist::of(&model, None).is_err(), "the weights are no network");
        let netlist = Netlist::of(&model, Some(&circuit)).unwrap();
        assert!(!netlist.is_proved());
        let wrong = (0..16).filter(|&number| {
            let inputs = bits(number, 4);
            let trace = Trace::run(&model, &inputs, model.n_loops).unwrap();
            let values = netlist.values(&inputs).unwrap();
            let known = netlist.known_since(&values);
            let marks = netlist.marks(&values, &known, trace.bits.last().unwrap(), model.n_loops);
            marks.contains(&Mark::Wrong)
        });
        assert!(wrong.count() > 0, "so soft a model is wrong somewhere");
    }

    #[test]
    fn operations_have_their_names() {
        let cases = [
            (2, 0b1000, "AND"),
            (2, 0b0110, "XOR"),
            (2, 0b0010, "a∧¬b"),
            (2, 0b1101, "¬a∨b"),
            (1, 0b01, "NOT"),
            (3, 0xe8, "MAJ"),
            (3, 0x96, "XOR"),
            (3, 0xca, "TABLE ca"),
            (0, 1, "CONST1"),
        ];
        for (n, table, name) in cases {
            let rows: Vec<bool> = (0..1 << n).map(|row| table >> row & 1 == 1).collect();
            assert_eq!(operation(n, &rows), name);
        }
    }
}
