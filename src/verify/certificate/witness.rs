//! The witness: what the proof found, so that another program can multiply it out without looking for it.
//!
//! What is written is documented in `examples/certificate.md`, from which the checkers were written: the crate in
//! `src/checker`, which calls nothing of this room, and `tests/interop/check_certificate.py`.

use serde_json::{Value, json};

use super::attention::Targets;
use super::frame::{self, Frame};
use super::mlp::Tables;
use crate::circuit::{Circuit, GateKind, Literal, NodeId};
use crate::model::{Block, Model};
use crate::network::words_per_table;

/// What was found in the weights; complete if all conditions hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Witness {
    dynamic: Vec<usize>,
    /// The dynamic channels in state 0 and 1; none of a state that does not occur.
    states: [Option<Vec<f64>>; 2],
    /// For each block the distinct one that it is equal to.
    kinds: Vec<usize>,
    /// One per distinct block.
    layers: Vec<Layer>,
    /// None outside of the outputs' cone.
    levels: Vec<Option<u32>>,
    /// What positions of the cone hold; none at all if the claim was no help.
    claims: Option<Vec<Option<Literal>>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Layer {
    n_heads: usize,
    targets: Vec<u32>,
    types: Vec<u32>,
    tables: Vec<u64>,
}

impl Witness {
    pub fn new(frame: &Frame, layers: &[(usize, &Block)]) -> Self {
        let mut states = [None, None];
        frame.bits().for_each(|bit| states[usize::from(bit)] = Some(frame.state(bit).to_vec()));
        Witness {
            dynamic: frame.dynamic().to_vec(),
            states,
            kinds: frame::kinds(frame.model(), layers),
            ..Witness::default()
        }
    }

    /// Adds what the next distinct block computes.
    pub fn add_layer(&mut self, n_heads: usize, targets: Targets, tables: Tables) {
        let (Targets { targets, .. }, Tables { types, tables }) = (targets, tables);
        self.layers.push(Layer { n_heads, targets, types, tables });
    }

    pub fn set_levels(&mut self, levels: Vec<Option<u32>>) {
        self.levels = levels;
    }

    /// Keeps the claims of the cone's positions; an input's is the input.
    pub fn set_claims(
        &mut self,
        model: &Model,
        circuit: &Circuit,
        mut claims: Vec<Option<Literal>>,
    ) {
        for (&position, input) in model.input_positions.iter().zip(circuit.inputs()) {
            claims[position] = Some(input.literal());
        }
        let in_cone = self.levels.iter().map(Option::is_some);
        claims.iter_mut().zip(in_cone).filter(|(_, is)| !is).for_each(|(claim, _)| *claim = None);
        self.claims = Some(claims);
    }

    /// The entry `witness` of a certificate file.
    pub fn to_json(&self) -> Value {
        let or_none = |number: Option<i64>| number.unwrap_or(-1);
        let levels = self.levels.iter().map(|level| or_none(level.map(i64::from)));
        let claim = |claim: &Option<Literal>| or_none(claim.map(|literal| number(literal).into()));
        let claims = self.claims.as_ref();
        json!({
            "dynamic": self.dynamic,
            "states": self.states,
            "kinds": self.kinds,
            "layers": self.layers.iter().map(Layer::to_json).collect::<Vec<_>>(),
            "levels": levels.collect::<Vec<_>>(),
            "claims": claims.map(|claims| claims.iter().map(claim).collect::<Vec<_>>()),
        })
    }
}

impl Layer {
    fn to_json(&self) -> Value {
        let digits = (1usize << self.n_heads).div_ceil(4);
        let table = |words: &[u64]| {
            let text: String = words.iter().rev().map(|word| format!("{word:016x}")).collect();
            text[text.len() - digits..].to_string()
        };
        let tables = self.tables.chunks_exact(words_per_table(self.n_heads)).map(table);
        json!({
            "targets": self.targets,
            "types": self.types,
            "tables": tables.collect::<Vec<_>>(),
        })
    }
}

/// A literal of the certificate file.
fn number(literal: Literal) -> u32 {
    2 * literal.node.index() as u32 + u32::from(literal.complemented)
}

/// The literal of a circuit with this number, if there is one.
pub fn literal(circuit: &Circuit, number: u64) -> Option<Literal> {
    let node = circuit.node(usize::try_from(number / 2).ok()?)?;
    Some(node.literal().flip_if(number % 2 == 1))
}

/// The entry `circuit` of a certificate file: a combinational circuit with few kinds of gates.
pub fn circuit_to_json(circuit: &Circuit) -> Value {
    let nodes: Vec<Value> = circuit.nodes().map(|node| node_to_json(circuit, node)).collect();
    let output = |output: &crate::circuit::Output| json!([output.name, number(output.literal)]);
    let outputs: Vec<Value> = circuit.outputs().iter().map(output).collect();
    json!({ "inputs": circuit.input_names(), "nodes": nodes, "outputs": outputs })
}

fn node_to_json(circuit: &Circuit, node: NodeId) -> Value {
    let fanins = || circuit.fanins(node);
    let gate = |kind: &str, flip: bool| {
        let literals = fanins().map(|literal| number(literal.flip_if(flip)).into());
        std::iter::once(Value::from(kind)).chain(literals).collect()
    };
    match circuit.kind(node) {
        GateKind::Input | GateKind::Latch => gate("input", false),
        GateKind::Const(true) | GateKind::Buf | GateKind::And => gate("and", false),
        GateKind::Const(false) | GateKind::Not | GateKind::Nand => gate("nand", false),
        GateKind::Or => gate("nand", true),
        GateKind::Nor => gate("and", true),
        GateKind::Xor => gate("xor", false),
        GateKind::Xnor => gate("xnor", false),
        kind @ (GateKind::Mux | GateKind::Maj | GateKind::Lut(_)) => {
            let table = kind.table(fanins().count());
            let literals = fanins().map(|literal| number(literal).into());
            let table = Value::from(format!("{:x}", table.bits()));
            [Value::from("lut"), table].into_iter().chain(literals).collect()
        }
    }
}
