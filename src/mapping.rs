//! Mapping: from a circuit to the network that is compiled, with at most `k` operands per node.
//!
//! In: a circuit. Out: a [`Network`], and for each of its nodes the literal of the circuit that it
//! computes. The passes, in order: fold constants, inverters and repeated operands away; drop what no
//! output depends on; give every gate of at most `k` operands one node and split wider ones (AND, OR
//! and XOR into trees of least depth, tables by decomposition); settle polarities. Gates are never
//! merged or restructured across one another.
//!
//! The depth of a circuit is the depth of that network, with one exception: a complemented input that
//! is an output needs a node on level 1 in a network, while [`depth`] counts inverters as free.

use std::ops::RangeInclusive;

use crate::circuit::{Circuit, Literal, NodeId};
use crate::error::{Error, Result};
use crate::network::Network;

mod cells;
mod collapse;
mod cover;
mod decompose;
mod exact;
mod fold;
mod gates;
mod polarity;
mod tree;

pub use collapse::collapse;
pub use gates::gates;

use cells::{CellLiteral, Cells, Operation};
use decompose::Decomposer;
use fold::{Folded, Function, Value};
use polarity::Root;

/// The fan-ins that circuits can be mapped to: truth tables fit in a word.
pub const FAN_INS: RangeInclusive<usize> = 2..=6;

/// A circuit as a network, and what its nodes compute.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// Nodes of at most `k` operands.
    pub network: Network,
    /// Per node of the network the literal of the circuit whose value it has, on every assignment;
    /// `None` for inner nodes of gates that were split.
    pub origin: Vec<Option<Literal>>,
}

/// Maps a combinational circuit to a network of at most `k` operands per node.
///
/// # Errors
/// `k` is not in [`FAN_INS`], or the circuit has latches or properties.
pub fn map(circuit: &Circuit, k: usize) -> Result<Mapped> {
    if !FAN_INS.contains(&k) {
        let (least, most) = FAN_INS.into_inner();
        return Err(Error::new(format!("a fan-in of {least} to {most}"), k.to_string()));
    }
    circuit.require_combinational()?;
    let (cells, roots) = cover(circuit, &Folded::new(circuit), k);
    polarity::settle(&cells, circuit.inputs().len(), &roots)
}

/// The depth of a circuit in gates of at most `k` operands: the highest level of an output, of a
/// latch's next state or of a property, where inputs, latches and constants have level 0.
///
/// Inverters are free, so it is 0 where [`map`] needs a node for an inverted input; else it is the
/// network's depth.
///
/// # Panics
/// `k` is not in [`FAN_INS`]: callers check.
pub fn depth(circuit: &Circuit, k: usize) -> usize {
    assert!(FAN_INS.contains(&k), "a fan-in of {k}");
    covered_depth(&cover(circuit, &Folded::new(circuit), k))
}

/// Two depths of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depths {
    /// In gates of two operands, see [`depth`].
    pub depth: usize,
    /// The most gates on a path to a root that are not linear, what secure computation calls the
    /// multiplicative depth. Gates are those of the circuit, as wide as they are, without those that
    /// constants and repeated operands make linear or idle; it is never above `depth`.
    pub multiplicative: usize,
}

/// Both depths, for which the circuit is folded and its tables decomposed once.
pub fn depths(circuit: &Circuit) -> Depths {
    let folded = Folded::new(circuit);
    let depth = covered_depth(&cover(circuit, &folded, 2));
    Depths { depth, multiplicative: multiplicative_depth(circuit, &folded) }
}

fn multiplicative_depth(circuit: &Circuit, folded: &Folded) -> usize {
    let mut levels = vec![0usize; circuit.n_nodes()];
    for node in circuit.nodes() {
        let operands = folded.operands(node);
        let highest = operands.iter().map(|operand| levels[operand.node.index()]).max();
        let is_linear = match folded.function(node) {
            Function::Source | Function::Folded | Function::Xor => true,
            Function::And => false,
            Function::Table(table) => table.is_affine(),
        };
        levels[node.index()] = highest.unwrap_or(0) + usize::from(!is_linear);
    }
    let level = |root| match folded.value(root) {
        Value::Constant(_) => 0,
        Value::Signal(literal) => levels[literal.node.index()],
    };
    circuit.roots().map(level).max().unwrap_or(0)
}

fn covered_depth((cells, roots): &(Cells, Vec<(Root, Literal)>)) -> usize {
    let level = |root: &Root| match root {
        Root::Constant(_) => 0,
        Root::Cell(literal) => cells.level(literal.cell as usize) as usize,
    };
    roots.iter().map(|(root, _)| level(root)).max().unwrap_or(0)
}

/// The cells of the circuit, sources first (inputs in order, then latches), and what its roots come
/// down to.
fn cover(circuit: &Circuit, folded: &Folded, k: usize) -> (Cells, Vec<(Root, Literal)>) {
    let live = folded.cone(circuit, circuit.roots());
    let mut mapper = Mapper::new(circuit, k);
    for node in circuit.nodes().filter(|node| live[node.index()]) {
        mapper.add(node, folded.function(node), folded.operands(node));
    }
    mapper.record_origins(circuit, folded);
    let root = |literal| match folded.value(literal) {
        Value::Constant(value) => Root::Constant(value),
        Value::Signal(signal) => Root::Cell(mapper.cell(signal)),
    };
    let roots = circuit.roots().map(|literal| (root(literal), literal)).collect();
    (mapper.cells, roots)
}

/// Adds the cells of one signal after the other.
struct Mapper {
    cells: Cells,
    decomposer: Decomposer,
    /// The cell of every signal, by node.
    places: Vec<Option<CellLiteral>>,
    operands: Vec<CellLiteral>,
}

impl Mapper {
    /// A mapper with the cells of the sources.
    fn new(circuit: &Circuit, k: usize) -> Self {
        let mut cells = Cells::new(k);
        let mut places = vec![None; circuit.n_nodes()];
        let latches = circuit.latches().iter().map(|latch| &latch.node);
        for source in circuit.inputs().iter().chain(latches) {
            places[source.index()] = Some(cells.add_source(source.literal()));
        }
        Mapper { cells, decomposer: Decomposer::new(k), places, operands: Vec::new() }
    }

    /// The cell literal of a signal's literal.
    fn cell(&self, literal: Literal) -> CellLiteral {
        let place = self.places[literal.node.index()];
        place.expect("live signals have cells").flip_if(literal.complemented)
    }

    /// Adds the cells of `signal`, whose operands have theirs.
    fn add(&mut self, signal: NodeId, function: Function, operands: &[Literal]) {
        let mut cells = std::mem::take(&mut self.operands);
        cells.clear();
        cells.extend(operands.iter().map(|&operand| self.cell(operand)));
        let source = signal.index() as u32;
        let place = match function {
            Function::Source | Function::Folded => None,
            Function::And => Some(self.cells.add_tree(Operation::And, &cells, source)),
            Function::Xor => Some(self.cells.add_tree(Operation::Xor, &cells, source)),
            Function::Table(table) if cells.len() <= self.cells.k() => {
                Some(self.cells.add(&cells, table, source))
            }
            Function::Table(table) => {
                Some(self.decomposer.build(table, &cells, source, &mut self.cells))
            }
        };
        if place.is_some() {
            self.places[signal.index()] = place;
        }
        self.operands = cells;
    }

    /// Records for every gate's last cell the literal of the circuit that it computes.
    fn record_origins(&mut self, circuit: &Circuit, folded: &Folded) {
        let gates = circuit.nodes().filter(|&node| !circuit.kind(node).is_source());
        for node in gates {
            let Value::Signal(signal) = folded.value(node.literal()) else { continue };
            // A node that folded into another is not the one its cell was made for.
            if signal.node == node
                && let Some(place) = self.places[node.index()]
            {
                let flip = signal.complemented ^ place.complemented;
                self.cells.set_origin(place.cell, node.literal().flip_if(flip));
            }
        }
    }
}
