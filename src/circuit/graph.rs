//! Circuits as graphs of petgraph: how a circuit that somebody else has built comes in, and how one goes out.
//!
//! A node of the graph is an input, a gate or an output ([`Vertex`]); an edge runs from an operand to the port
//! that it drives ([`Pin`]). Ports count from 0 without a gap; an output has port 0. Inputs and outputs are in
//! the order of their indices. A graph that comes in may be anything: what is wrong is said by node and port.
//!
//! ```
//! use circuit2tf::circuit::graph::{Pin, Vertex};
//! use circuit2tf::circuit::{Circuit, GateKind};
//! use petgraph::graph::DiGraph;
//!
//! let mut graph = DiGraph::<Vertex, Pin>::new();
//! let [a, b] = ["a", "b"].map(|name| graph.add_node(Vertex::input(name)));
//! let and = graph.add_node(GateKind::And.into());
//! let y = graph.add_node(Vertex::output("y"));
//! graph.add_edge(a, and, Pin::port(0));
//! graph.add_edge(b, and, Pin::complement(1));
//! graph.add_edge(and, y, Pin::port(0));
//!
//! let circuit = Circuit::from_graph(&graph)?;
//! assert_eq!(circuit.evaluate(&[true, false])?, [true]);
//! assert_eq!(circuit.to_graph()?.node_count(), 4);
//! # Ok::<(), circuit2tf::Error>(())
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;

use petgraph::Direction;
use petgraph::graph::{DiGraph, IndexType, NodeIndex};
use petgraph::visit::EdgeRef;

use super::{Builder, Circuit, GateKind, Literal, NodeId};
use crate::error::{Error, Result};

/// A node of a circuit's graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Vertex {
    /// An input, by a name that no other has.
    Input(String),
    /// A gate or a constant, and its name if it has one.
    Gate(GateKind, Option<String>),
    /// An output, by a name that no other has: what drives its port 0.
    Output(String),
}

impl Vertex {
    /// An input.
    pub fn input(name: impl Into<String>) -> Self {
        Vertex::Input(name.into())
    }

    /// An output.
    pub fn output(name: impl Into<String>) -> Self {
        Vertex::Output(name.into())
    }
}

/// A gate without a name.
impl From<GateKind> for Vertex {
    fn from(kind: GateKind) -> Self {
        Vertex::Gate(kind, None)
    }
}

/// As errors call it, such as `AND "carry"`.
impl fmt::Display for Vertex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Vertex::Input(name) => write!(f, "INPUT {name:?}"),
            Vertex::Gate(kind, None) => f.write_str(kind.name()),
            Vertex::Gate(kind, Some(name)) => write!(f, "{} {name:?}", kind.name()),
            Vertex::Output(name) => write!(f, "OUTPUT {name:?}"),
        }
    }
}

/// An edge: which operand of the gate at its end it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin {
    /// The operand's number, from 0; [`GateKind`] says what each is.
    pub port: usize,
    /// Whether the gate reads the operand's complement.
    pub complemented: bool,
}

impl Pin {
    /// The operand as it is.
    pub fn port(port: usize) -> Self {
        Pin { port, complemented: false }
    }

    /// The operand's complement.
    pub fn complement(port: usize) -> Self {
        Pin { port, complemented: true }
    }
}

impl Circuit {
    /// The circuit that a graph says.
    ///
    /// A node's id is its place in the order in which, of all nodes whose operands have come, that of the least
    /// index comes first.
    ///
    /// # Errors
    /// A cycle, with its nodes; a port that nothing or more than one edge drives, an input that is driven, an
    /// output that drives, a gate with more or fewer operands than its kind takes, a name that two inputs or two
    /// outputs have, a latch, a graph too large: by node and port.
    pub fn from_graph<Ix: IndexType>(graph: &DiGraph<Vertex, Pin, Ix>) -> Result<Circuit> {
        Importer::new(graph)?.circuit()
    }

    /// The circuit as a graph: node `i` is the node of id `i`, behind them the outputs.
    ///
    /// The declared orders of words' bits ([`Circuit::word_orders`]) have no place in it.
    ///
    /// # Errors
    /// The circuit is sequential.
    pub fn to_graph(&self) -> Result<DiGraph<Vertex, Pin>> {
        self.require_combinational()?;
        let mut graph =
            DiGraph::with_capacity(self.n_nodes() + self.outputs().len(), self.n_pins());
        let mut names = self.input_names().iter();
        for id in self.nodes() {
            let vertex = match self.kind(id) {
                GateKind::Input => Vertex::input(names.next().expect("inputs are in order of id")),
                kind => Vertex::Gate(kind, self.node_name(id).map(String::from)),
            };
            let node = graph.add_node(vertex);
            for (port, operand) in self.fanins(id).enumerate() {
                add_edge(&mut graph, operand, node, port);
            }
        }
        for output in self.outputs() {
            let node = graph.add_node(Vertex::output(&output.name));
            add_edge(&mut graph, output.literal, node, 0);
        }
        Ok(graph)
    }
}

fn add_edge(graph: &mut DiGraph<Vertex, Pin>, operand: Literal, node: NodeIndex, port: usize) {
    let pin = Pin { port, complemented: operand.complemented };
    graph.add_edge(NodeIndex::new(operand.node.index()), node, pin);
}

/// The most nodes of a cycle that an error names.
const MAX_NAMED: usize = 8;

/// A graph on its way in.
struct Importer<'g, Ix: IndexType> {
    graph: &'g DiGraph<Vertex, Pin, Ix>,
    /// For every node what drives its ports, in their order.
    operands: Vec<Vec<(usize, bool)>>,
}

impl<'g, Ix: IndexType> Importer<'g, Ix> {
    fn new(graph: &'g DiGraph<Vertex, Pin, Ix>) -> Result<Self> {
        let mut importer = Importer { graph, operands: Vec::new() };
        for node in graph.node_indices() {
            let operands = importer.operands_of(node)?;
            importer.require_fit(node, operands.len())?;
            importer.operands.push(operands);
        }
        importer.require_own_names()?;
        Ok(importer)
    }

    /// What drives the ports of a node.
    fn operands_of(&self, node: NodeIndex<Ix>) -> Result<Vec<(usize, bool)>> {
        let mut ports: BTreeMap<usize, (NodeIndex<Ix>, bool)> = BTreeMap::new();
        for edge in self.graph.edges_directed(node, Direction::Incoming) {
            let (source, pin) = (edge.source(), *edge.weight());
            if let Vertex::Output(_) = self.graph[source] {
                let found = format!(
                    "{}, which drives port {} of {}",
                    self.word(source),
                    pin.port,
                    self.word(node)
                );
                return Err(Error::new("an operand that is no output", found));
            }
            if let Some((other, _)) = ports.insert(pin.port, (source, pin.complemented)) {
                let mut drivers = [self.word(source), self.word(other)];
                drivers.sort();
                let place = format!("one operand at port {} of {}", pin.port, self.word(node));
                return Err(Error::new(place, format!("two: {}", drivers.join(" and "))));
            }
        }
        let is_input = matches!(self.graph[node], Vertex::Input(_));
        let missing = (0..ports.len()).find(|port| !ports.contains_key(port) && !is_input);
        if let Some(missing) = missing {
            let ports: Vec<String> = ports.keys().map(usize::to_string).collect();
            let place = format!("an operand at port {missing} of {}", self.word(node));
            return Err(Error::new(place, format!("none; driven are {}", ports.join(", "))));
        }
        Ok(ports.into_values().map(|(source, flip)| (source.index(), flip)).collect())
    }

    /// An error unless a node takes `n` operands.
    fn require_fit(&self, node: NodeIndex<Ix>, n: usize) -> Result<()> {
        let (fits, takes) = match &self.graph[node] {
            Vertex::Input(_) => (n == 0, "no operand".to_string()),
            Vertex::Output(_) => (n == 1, "one operand".to_string()),
            Vertex::Gate(GateKind::Input | GateKind::Latch, _) => {
                let hint = "an input is a Vertex::Input; latches are not taken";
                return Err(Error::new("a gate or a constant", self.word(node)).hint(hint));
            }
            Vertex::Gate(kind, _) => (kind.accepts(n), kind.takes()),
        };
        if fits {
            return Ok(());
        }
        let found = match n {
            _ if matches!(self.graph[node], Vertex::Input(_)) => n.to_string(),
            0 => "none".to_string(),
            1 => "one, at port 0".to_string(),
            _ => format!("{n}, at ports 0 to {}", n - 1),
        };
        Err(Error::new(format!("{takes} at {}", self.word(node)), found))
    }

    fn require_own_names(&self) -> Result<()> {
        let mut taken = BTreeMap::new();
        for node in self.graph.node_indices() {
            let (what, name) = match &self.graph[node] {
                Vertex::Input(name) => ("input", name),
                Vertex::Output(name) => ("output", name),
                Vertex::Gate(..) => continue,
            };
            if let Some(other) = taken.insert((what, name), node) {
                let found =
                    format!("{name:?} at {} and at node {}", self.word(other), node.index());
                return Err(Error::new(format!("{what} names that differ"), found));
            }
        }
        Ok(())
    }

    fn circuit(&self) -> Result<Circuit> {
        let mut builder = Builder::new();
        let mut images: Vec<Option<Literal>> = vec![None; self.graph.node_count()];
        for index in self.order()? {
            let node = NodeIndex::new(index);
            let operands: Vec<Literal> = self.operands[index]
                .iter()
                .map(|&(source, flip)| images[source].expect("operands come first").flip_if(flip))
                .collect();
            images[index] = self.build(&mut builder, node, &operands)?.map(NodeId::literal);
        }
        for node in self.graph.node_indices() {
            if let Vertex::Output(name) = &self.graph[node] {
                let (source, flip) = self.operands[node.index()][0];
                let operand = images[source].expect("all nodes were built").flip_if(flip);
                builder.output(name, operand)?;
            }
        }
        builder.finish()
    }

    /// Adds a node that is no output.
    fn build(
        &self,
        builder: &mut Builder,
        node: NodeIndex<Ix>,
        operands: &[Literal],
    ) -> Result<Option<NodeId>> {
        let (id, name) = match &self.graph[node] {
            Vertex::Output(_) => return Ok(None),
            Vertex::Input(name) => return builder.input(name).map(Some),
            // Each constant of the graph is one node, though a builder would share them.
            Vertex::Gate(kind, name) => (builder.add(*kind, operands)?, name),
        };
        if let Some(name) = name {
            builder.name(id, name)?;
        }
        Ok(Some(id))
    }

    /// All nodes, operands first.
    fn order(&self) -> Result<Vec<usize>> {
        let mut missing: Vec<usize> = self.operands.iter().map(Vec::len).collect();
        let ready = (0..missing.len()).filter(|&node| missing[node] == 0).map(Reverse);
        let mut ready: BinaryHeap<Reverse<usize>> = ready.collect();
        let mut order = Vec::with_capacity(missing.len());
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for reader in self.graph.neighbors(NodeIndex::new(node)) {
                missing[reader.index()] -= 1;
                if missing[reader.index()] == 0 {
                    ready.push(Reverse(reader.index()));
                }
            }
        }
        if order.len() == missing.len() { Ok(order) } else { Err(self.cycle(&missing)) }
    }

    /// The error about a cycle among the nodes whose operands have not all come.
    fn cycle(&self, missing: &[usize]) -> Error {
        let waits = |node: &usize| missing[*node] > 0;
        let mut walk = Vec::from_iter((0..missing.len()).find(waits));
        let mut seen = BTreeMap::new();
        // From operand to operand that has not come; there is always one, so a node comes again.
        let start = loop {
            let last = walk[walk.len() - 1];
            if let Some(at) = seen.insert(last, walk.len() - 1) {
                break at;
            }
            let mut operands = self.operands[last].iter().map(|&(source, _)| source);
            walk.push(operands.find(waits).expect("what waits waits for an operand"));
        };
        let cycle: Vec<usize> = walk[start..].iter().rev().copied().skip(1).collect();
        let least = (0..cycle.len()).min_by_key(|&at| cycle[at]).expect("a cycle has nodes");
        let nodes = cycle.iter().cycle().skip(least).take(cycle.len().min(MAX_NAMED));
        let mut words: Vec<String> = nodes.map(|&node| self.word(NodeIndex::new(node))).collect();
        if cycle.len() > MAX_NAMED {
            words.push(format!("{} more", cycle.len() - MAX_NAMED));
        }
        Error::new("a graph without cycles", format!("{} → and back", words.join(" → ")))
    }

    fn word(&self, node: NodeIndex<Ix>) -> String {
        format!("node {} ({})", node.index(), self.graph[node])
    }
}

#[cfg(test)]
mod tests;
