//! Boolean circuits: acyclic graphs of gates with named, ordered inputs and outputs.
//!
//! A [`Circuit`] is made by a [`Builder`] only, whose gates can refer only to nodes that exist already.
//! So node ids are a topological order, and a cycle, a dangling pin or a second driver cannot be
//! written down. Fan-ins and outputs are [`Literal`]s, a node with an optional complement, as in an
//! AIG; the circuit is the reference that every model is checked against.

use std::collections::{BTreeMap, HashSet};

use crate::error::{Error, Result};

pub mod eval;
mod gate;
pub mod graph;
mod level;
#[cfg(test)]
mod rebuild;
pub mod word;

pub use eval::Oracle;
pub use gate::{GateKind, TruthTable};
#[cfg(test)]
pub(crate) use rebuild::rebuild;
pub use word::{Word, WordOrder};

/// A node of a circuit. Ids are dense and topologically ordered: fan-ins have smaller ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// The id as an index into per-node tables.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The positive literal of the node.
    pub fn literal(self) -> Literal {
        Literal { node: self, complemented: false }
    }
}

/// A node or its complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Literal {
    /// The node.
    pub node: NodeId,
    /// Whether its complement is meant.
    pub complemented: bool,
}

impl Literal {
    /// The literal complemented once more where `flip` holds.
    pub fn flip_if(self, flip: bool) -> Self {
        Literal { complemented: self.complemented ^ flip, ..self }
    }
}

impl From<NodeId> for Literal {
    fn from(node: NodeId) -> Self {
        node.literal()
    }
}

impl std::ops::Not for Literal {
    type Output = Literal;

    fn not(self) -> Literal {
        self.flip_if(true)
    }
}

/// A named output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// A name that no other output has.
    pub name: String,
    /// What it shows.
    pub literal: Literal,
}

/// The value a latch starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LatchInit {
    /// 0.
    Zero,
    /// 1.
    One,
    /// BLIF's 2: either value will do.
    DontCare,
    /// BLIF's 3, AIGER's uninitialised latch.
    Unknown,
}

/// A latch: a source node that holds its state, and the literal of its next state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latch {
    /// A name that no other latch has.
    pub name: String,
    /// The node that holds the state.
    pub node: NodeId,
    /// The state of the next step.
    pub next: Literal,
    /// The state of the first step.
    pub init: LatchInit,
    /// BLIF's type and control signal, verbatim, for example `("re", "clk")`.
    pub clock: Option<(String, String)>,
}

/// Which AIGER 1.9 section a property comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PropertyKind {
    /// A state that must not be reached.
    Bad,
    /// What holds in every step of the runs that count.
    Constraint,
    /// Literals that must not all hold again and again.
    Justice,
    /// What holds again and again in the runs that count.
    Fairness,
}

/// A property of a sequential circuit; only `Justice` has more or fewer than one literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Its section of the file.
    pub kind: PropertyKind,
    /// Its name, if the file gave it one.
    pub name: Option<String>,
    /// What it speaks of.
    pub literals: Vec<Literal>,
}

/// What every node is and reads.
#[derive(Debug, Clone, Default)]
struct Nodes {
    kinds: Vec<GateKind>,
    /// Where each node's fan-ins end in `fanins`; they begin where those of the node before end.
    ends: Vec<u32>,
    /// The fan-ins of all nodes, one after the other, in pin order.
    fanins: Vec<Literal>,
}

impl Nodes {
    fn fanins(&self, index: usize) -> &[Literal] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.fanins[start as usize..self.ends[index] as usize]
    }
}

/// An acyclic circuit; see the module's head for what holds of every value of this type.
#[derive(Debug, Clone)]
pub struct Circuit {
    nodes: Nodes,
    inputs: Vec<NodeId>,
    input_names: Vec<String>,
    outputs: Vec<Output>,
    latches: Vec<Latch>,
    properties: Vec<Property>,
    node_names: BTreeMap<NodeId, String>,
    word_orders: BTreeMap<String, WordOrder>,
}

impl Circuit {
    /// The number of nodes: inputs, latches, constants and gates.
    pub fn n_nodes(&self) -> usize {
        self.nodes.kinds.len()
    }

    /// The number of pins that a node drives: the fan-ins of all nodes.
    pub fn n_pins(&self) -> usize {
        self.nodes.fanins.len()
    }

    /// The number of gates: nodes that are no input, latch or constant.
    pub fn n_gates(&self) -> usize {
        self.nodes().filter(|&id| !self.kind(id).is_source()).count()
    }

    /// All nodes in topological order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.n_nodes() as u32).map(NodeId)
    }

    /// The node with the given index, if there is one.
    pub fn node(&self, index: usize) -> Option<NodeId> {
        (index < self.n_nodes()).then_some(NodeId(index as u32))
    }

    /// What a node is.
    pub fn kind(&self, id: NodeId) -> GateKind {
        self.nodes.kinds[id.index()]
    }

    /// The fan-ins of a node, in pin order.
    pub fn fanins(&self, id: NodeId) -> impl ExactSizeIterator<Item = Literal> + '_ {
        self.nodes.fanins(id.index()).iter().copied()
    }

    /// The inputs in their declared order.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The names of the inputs, in the same order.
    pub fn input_names(&self) -> &[String] {
        &self.input_names
    }

    /// The outputs in their declared order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The latches in their declared order.
    pub fn latches(&self) -> &[Latch] {
        &self.latches
    }

    /// The properties in their declared order.
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// The name of a node that is no input, if the file gave it one.
    pub fn node_name(&self, id: NodeId) -> Option<&str> {
        self.node_names.get(&id).map(String::as_str)
    }

    /// The bit order of the word `base`, where the source of the circuit declares one.
    pub fn word_order(&self, base: &str) -> Option<WordOrder> {
        self.word_orders.get(base).copied()
    }

    /// All declared bit orders by word.
    pub fn word_orders(&self) -> &BTreeMap<String, WordOrder> {
        &self.word_orders
    }

    /// An error unless the circuit is combinational.
    pub fn require_combinational(&self) -> Result<()> {
        if self.latches.is_empty() && self.properties.is_empty() {
            return Ok(());
        }
        let error = Error::new("a combinational circuit", self.sequential_parts());
        Err(if self.latches.is_empty() {
            error.hint("bad states can be outputs: --bad-as-outputs; other properties say nothing about one step")
        } else {
            error.hint("a sequential circuit has no truth table; cut it at its latches first, for example with yosys or `abc -c comb`")
        })
    }

    /// Latches and properties by kind, in words.
    fn sequential_parts(&self) -> String {
        let count = |kind| self.properties.iter().filter(|property| property.kind == kind).count();
        let parts = [
            (self.latches.len(), "latch", "latches"),
            (count(PropertyKind::Bad), "bad state", "bad states"),
            (count(PropertyKind::Constraint), "constraint", "constraints"),
            (count(PropertyKind::Justice), "justice property", "justice properties"),
            (count(PropertyKind::Fairness), "fairness constraint", "fairness constraints"),
        ];
        let words = parts.iter().filter(|(count, ..)| *count > 0);
        let words = words.map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many }));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Builds a [`Circuit`] node by node.
///
/// ```
/// use circuit2tf::circuit::{Builder, GateKind};
/// let mut builder = Builder::new();
/// let a = builder.input("a")?;
/// let b = builder.input("b")?;
/// let sum = builder.gate(GateKind::Xor, &[a.into(), b.into()])?;
/// builder.output("sum", sum)?;
/// let circuit = builder.finish()?;
/// assert_eq!(circuit.evaluate(&[true, true])?, [false]);
/// # Ok::<(), circuit2tf::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Builder {
    nodes: Nodes,
    inputs: Vec<NodeId>,
    input_names: Vec<String>,
    outputs: Vec<Output>,
    /// Each latch with itself as next state until that is set.
    latches: Vec<Latch>,
    next_states: BTreeMap<NodeId, Literal>,
    properties: Vec<Property>,
    node_names: BTreeMap<NodeId, String>,
    word_orders: BTreeMap<String, WordOrder>,
    constants: [Option<NodeId>; 2],
    taken: HashSet<(&'static str, String)>,
}

impl Builder {
    /// The most nodes a circuit may have: ids are 32 bits, edges too.
    pub const MAX_NODES: usize = 1 << 28;

    /// A builder without a node.
    pub fn new() -> Self {
        Self::default()
    }

    /// An input.
    ///
    /// # Errors
    /// An input of that name exists, or the circuit is full.
    pub fn input(&mut self, name: impl Into<String>) -> Result<NodeId> {
        let name = self.claim_name("input", name.into())?;
        let id = self.add(GateKind::Input, &[])?;
        self.inputs.push(id);
        self.input_names.push(name);
        Ok(id)
    }

    /// A latch, whose next state [`Self::next_state`] sets later.
    ///
    /// # Errors
    /// A latch of that name exists, or the circuit is full.
    pub fn latch(
        &mut self,
        name: impl Into<String>,
        init: LatchInit,
        clock: Option<(String, String)>,
    ) -> Result<NodeId> {
        let name = self.claim_name("latch", name.into())?;
        let id = self.add(GateKind::Latch, &[])?;
        let next = id.literal();
        self.latches.push(Latch { name, node: id, next, init, clock });
        Ok(id)
    }

    /// Sets the next state of a latch.
    ///
    /// # Errors
    /// `latch` is no latch or has a next state already, or `next` does not exist.
    pub fn next_state(&mut self, latch: NodeId, next: impl Into<Literal>) -> Result<()> {
        let next = next.into();
        self.require(next)?;
        if self.nodes.kinds.get(latch.index()) != Some(&GateKind::Latch) {
            return Err(Error::new("a latch", format!("node {}", latch.index())));
        }
        match self.next_states.insert(latch, next) {
            None => Ok(()),
            Some(_) => Err(Error::message("the latch has a next state already")),
        }
    }

    /// The constant `value`; asked for twice, it is the same node.
    ///
    /// # Errors
    /// The circuit is full.
    pub fn constant(&mut self, value: bool) -> Result<NodeId> {
        if let Some(id) = self.constants[usize::from(value)] {
            return Ok(id);
        }
        let id = self.add(GateKind::Const(value), &[])?;
        self.constants[usize::from(value)] = Some(id);
        Ok(id)
    }

    /// A gate over literals that exist.
    ///
    /// # Errors
    /// The kind is a source, does not take so many fan-ins, a fan-in does not exist, or the circuit is
    /// full.
    pub fn gate(&mut self, kind: GateKind, fanins: &[Literal]) -> Result<NodeId> {
        if kind.is_source() || !kind.accepts(fanins.len()) {
            return Err(Error::new(
                "a gate with the fan-ins its kind takes",
                format!("{} with {}", kind.name(), fanins.len()),
            ));
        }
        self.add(kind, fanins)
    }

    /// Gives a node a name; a later name replaces an earlier one.
    ///
    /// # Errors
    /// The node does not exist.
    pub fn name(&mut self, node: NodeId, name: impl Into<String>) -> Result<()> {
        self.require(node.literal())?;
        self.node_names.insert(node, name.into());
        Ok(())
    }

    /// An output.
    ///
    /// # Errors
    /// An output of that name exists, or the literal's node does not.
    pub fn output(&mut self, name: impl Into<String>, literal: impl Into<Literal>) -> Result<()> {
        let literal = literal.into();
        self.require(literal)?;
        let name = self.claim_name("output", name.into())?;
        self.outputs.push(Output { name, literal });
        Ok(())
    }

    /// A property of a sequential circuit.
    ///
    /// # Errors
    /// A literal's node does not exist.
    pub fn property(&mut self, property: Property) -> Result<()> {
        for &literal in &property.literals {
            self.require(literal)?;
        }
        self.properties.push(property);
        Ok(())
    }

    /// Declares the bit order of the word `base`, whose bits are named `base[0]`, `base[1]`, ….
    pub fn word_order(&mut self, base: impl Into<String>, order: WordOrder) {
        self.word_orders.insert(base.into(), order);
    }

    /// The finished circuit.
    ///
    /// # Errors
    /// A latch has no next state.
    pub fn finish(self) -> Result<Circuit> {
        let mut latches = self.latches;
        for latch in &mut latches {
            let Some(&next) = self.next_states.get(&latch.node) else {
                let found = format!("none for {:?}", latch.name);
                return Err(Error::new("a next state for every latch", found));
            };
            latch.next = next;
        }
        Ok(Circuit {
            nodes: self.nodes,
            inputs: self.inputs,
            input_names: self.input_names,
            outputs: self.outputs,
            latches,
            properties: self.properties,
            node_names: self.node_names,
            word_orders: self.word_orders,
        })
    }

    fn add(&mut self, kind: GateKind, fanins: &[Literal]) -> Result<NodeId> {
        for &literal in fanins {
            self.require(literal)?;
        }
        if self.nodes.kinds.len() >= Self::MAX_NODES
            || self.nodes.fanins.len() + fanins.len() >= u32::MAX as usize
        {
            return Err(Error::new(
                format!("at most {} nodes", Self::MAX_NODES),
                "a larger circuit",
            ));
        }
        let id = NodeId(self.nodes.kinds.len() as u32);
        self.nodes.kinds.push(kind);
        self.nodes.fanins.extend_from_slice(fanins);
        self.nodes.ends.push(self.nodes.fanins.len() as u32);
        Ok(id)
    }

    fn require(&self, literal: Literal) -> Result<()> {
        if literal.node.index() < self.nodes.kinds.len() {
            return Ok(());
        }
        Err(Error::new(
            format!("a node below {}", self.nodes.kinds.len()),
            format!("node {}", literal.node.index()),
        ))
    }

    fn claim_name(&mut self, what: &'static str, name: String) -> Result<String> {
        if self.taken.insert((what, name.clone())) {
            return Ok(name);
        }
        Err(Error::new(format!("{what} names that differ"), format!("{name:?} twice")))
    }
}
