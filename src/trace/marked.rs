//! A trace with what is to be thought of it: a mark for every node after every layer.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Mark, Netlist, Trace};
use crate::error::Result;
use crate::model::{Applied, Model};
use crate::table::quoted;
use crate::verify::bit_string;

/// A trace on an input and, where the network is known that the model should compute, what its bits are worth.
#[derive(Debug, Clone)]
pub struct Marked {
    pub(super) trace: Trace,
    inputs: Vec<bool>,
    output_positions: Vec<usize>,
    pub(super) judged: Option<Judged>,
}

/// What is known of a trace.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) netlist: Netlist,
    pub(super) known_since: Vec<usize>,
    pub(super) expected: Vec<bool>,
    /// Per number of layers, of every node.
    pub(super) marks: Vec<Vec<Mark>>,
}

impl Judged {
    fn new(netlist: Netlist, inputs: &[bool], trace: &Trace) -> Result<Self> {
        let expected = netlist.values(inputs)?;
        let known_since = netlist.known_since(&expected);
        let steps = trace.bits.iter().enumerate();
        let marks = steps.map(|(step, bits)| {
            let mut marks = netlist.marks(&expected, &known_since, bits, step);
            for (id, node) in netlist.nodes().iter().enumerate() {
                if !trace.is_known(step, node.position) {
                    let is_late = known_since[id] <= step;
                    marks[id] = if is_late { Mark::Wrong } else { Mark::Unknown };
                }
            }
            marks
        });
        Ok(Judged { marks: marks.collect(), expected, known_since, netlist })
    }
}

impl Marked {
    /// Runs a model's own loops on one input, given in the order of its ports, and marks what it holds if the network
    /// is known.
    ///
    /// # Errors
    /// As [`Trace::run`].
    pub fn run(model: &Model, inputs: &[bool], netlist: Option<Netlist>) -> Result<Self> {
        let trace = Trace::run(model, inputs, model.n_loops)?;
        let judged = netlist.map(|netlist| Judged::new(netlist, inputs, &trace)).transpose()?;
        let (inputs, output_positions) = (inputs.to_vec(), model.output_positions.clone());
        Ok(Marked { trace, inputs, output_positions, judged })
    }

    /// One line per node and number of layers; where no network is known, per position.
    pub fn to_csv(&self) -> String {
        let mut text = "step,loop,layer,position,level,name,gate,bit,expected,mark\n".to_string();
        let trace = &self.trace;
        for (step, bits) in trace.bits.iter().enumerate() {
            let (part, layer) = trace.part_and_layer(step);
            let Some(judged) = &self.judged else {
                (0..bits.len()).for_each(|position| {
                    let value = trace.value(step, position);
                    text += &format!("{step},{part},{layer},{position},,,,{value},,\n");
                });
                continue;
            };
            for (id, node) in judged.netlist.nodes().iter().enumerate() {
                let (name, operation) = (quoted(&node.name), quoted(&node.operation));
                let (value, expected) =
                    (trace.value(step, node.position), u8::from(judged.expected[id]));
                let (position, level, mark) =
                    (node.position, node.level, judged.marks[step][id].name());
                text += &format!(
                    "{step},{part},{layer},{position},{level},{name},{operation},{value},{expected},{mark}\n"
                );
            }
        }
        text
    }

    fn step_json(&self, step: usize) -> Value {
        let trace = &self.trace;
        let mut json = json!({ "step": step, "bits": bit_string(&trace.bits[step]) });
        match trace.applied(step) {
            None => {}
            Some(Applied::Core { in_loop, layer }) => {
                (json["loop"], json["layer"]) = (in_loop.into(), layer.into());
            }
            Some(Applied::Prelude { layer } | Applied::Coda { layer }) => {
                json["part"] = trace.part_and_layer(step).0.into();
                json["layer"] = layer.into();
            }
        }
        if let Some(known) = &trace.known {
            json["known"] = bit_string(&known[step]).into();
        }
        if let Some(judged) = &self.judged {
            let symbols = judged.marks[step].iter().map(|mark| mark.symbol());
            json["marks"] = symbols.collect::<String>().into();
        }
        json
    }

    fn nodes_json(&self, judged: &Judged) -> Vec<Value> {
        let node = |(id, node): (usize, &super::Node)| {
            json!({
                "position": node.position,
                "name": node.name,
                "gate": node.operation,
                "level": node.level,
                "operands": node.operands,
                "expected": u8::from(judged.expected[id]),
                "known_since_step": judged.known_since[id],
            })
        };
        judged.netlist.nodes().iter().enumerate().map(node).collect()
    }

    fn outputs_json(&self, judged: &Judged) -> Vec<Value> {
        let output = |(name, id): (&str, usize)| {
            json!({
                "name": name,
                "node": id,
                "known_after_loop": self.trace.loops_with(judged.known_since[id]),
            })
        };
        judged.netlist.outputs().map(output).collect()
    }
}

impl Serialize for Marked {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let trace = &self.trace;
        let last = trace.bits.len() - 1;
        let outputs = self.output_positions.iter().map(|&position| trace.value(last, position));
        let document = json!({
            "inputs": bit_string(&self.inputs),
            "outputs": outputs.collect::<String>(),
            "n_prelude": trace.schedule.n_prelude,
            "n_layers": trace.schedule.n_layers,
            "n_coda": trace.schedule.n_coda,
            "n_loops": trace.schedule.n_loops,
            "fixed_since_loop": trace.fixed_since_loop,
            "halted_after_loop": trace.halted_after_loop,
            "steps": (0..trace.bits.len()).map(|step| self.step_json(step)).collect::<Vec<_>>(),
            "nodes": self.judged.as_ref().map(|judged| self.nodes_json(judged)),
            "output_nodes": self.judged.as_ref().map(|judged| self.outputs_json(judged)),
        });
        document.serialize(serializer)
    }
}
