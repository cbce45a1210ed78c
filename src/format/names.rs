//! Net names for writers: every node and output of a circuit gets a name that a format can write.
//!
//! In netlist formats inputs, outputs, latches and gates share one name space, in a circuit they do
//! not. Inputs keep their names first, then outputs, latches and named nodes; who comes too late, or
//! has characters the format does not know, is renamed, and a note says so. Invariant: two nets never
//! share a name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::cursor::quote;
use crate::circuit::{Circuit, GateKind, Literal, NodeId};

/// The names of all nets of a circuit.
#[derive(Debug)]
pub struct NetNames {
    legal: fn(char) -> bool,
    /// Whether inputs and outputs are different nets always.
    separate_ports: bool,
    /// Every name in use, with the number to try next where it has to be varied.
    taken: HashMap<String, usize>,
    nodes: Vec<Option<String>>,
    inverted: BTreeMap<NodeId, String>,
    outputs: Vec<String>,
    copies: Vec<(usize, Literal)>,
    notes: Vec<String>,
}

impl NetNames {
    /// Names made of characters that are `legal`.
    pub fn new(circuit: &Circuit, legal: fn(char) -> bool) -> Self {
        Self::allocate(circuit, legal, false)
    }

    /// [`Self::new`] where no net may be an input and an output at once.
    pub fn for_ports(circuit: &Circuit, legal: fn(char) -> bool) -> Self {
        Self::allocate(circuit, legal, true)
    }

    fn allocate(circuit: &Circuit, legal: fn(char) -> bool, separate_ports: bool) -> Self {
        let mut names = NetNames {
            legal,
            separate_ports,
            taken: HashMap::with_capacity(circuit.n_nodes() + circuit.outputs().len()),
            nodes: vec![None; circuit.n_nodes()],
            inverted: BTreeMap::new(),
            outputs: Vec::with_capacity(circuit.outputs().len()),
            copies: Vec::new(),
            notes: Vec::new(),
        };
        for (&node, name) in circuit.inputs().iter().zip(circuit.input_names()) {
            names.nodes[node.index()] = Some(names.claim("input", name));
        }
        names.name_outputs(circuit);
        for latch in circuit.latches() {
            if names.nodes[latch.node.index()].is_none() {
                names.nodes[latch.node.index()] = Some(names.claim("latch", &latch.name));
            }
        }
        names.name_nodes(circuit);
        names
    }

    /// An output that is a node of the same or of no name gives the node its name, one that is a
    /// complemented node gives it to the inverter; any other output is a copy.
    fn name_outputs(&mut self, circuit: &Circuit) {
        let own = own_names(circuit);
        for (o, output) in circuit.outputs().iter().enumerate() {
            let node = output.literal.node;
            let is_constant = matches!(circuit.kind(node), GateKind::Const(_));
            let complemented = output.literal.complemented;
            let is_shared = self.nodes[node.index()].as_ref() == Some(&output.name);
            if is_shared && !complemented && !self.separate_ports {
                self.outputs.push(output.name.clone());
                continue;
            }
            let name = self.claim("output", &output.name);
            let fits = own[node.index()].is_none_or(|own| own == output.name);
            if !complemented && fits && self.nodes[node.index()].is_none() {
                self.nodes[node.index()] = Some(name.clone());
            } else if complemented && !is_constant && !self.inverted.contains_key(&node) {
                self.inverted.insert(node, name.clone());
            } else {
                self.copies.push((o, output.literal));
            }
            self.outputs.push(name);
        }
    }

    fn name_nodes(&mut self, circuit: &Circuit) {
        for node in circuit.nodes() {
            if let (None, Some(name)) = (&self.nodes[node.index()], circuit.node_name(node)) {
                self.nodes[node.index()] = Some(self.claim("net", name));
            }
        }
        for node in circuit.nodes() {
            if self.nodes[node.index()].is_none() {
                self.nodes[node.index()] = Some(self.vary(&format!("n{}", node.index())));
            }
        }
    }

    /// The net of a node.
    pub fn node(&self, node: NodeId) -> &str {
        self.nodes[node.index()].as_deref().expect("every node was named")
    }

    /// Names the net of the literal if it is complemented and nobody has yet.
    pub fn need(&mut self, literal: Literal) {
        if literal.complemented && !self.inverted.contains_key(&literal.node) {
            let name = self.vary(&format!("{}_inv", self.node(literal.node)));
            self.inverted.insert(literal.node, name);
        }
    }

    /// The net of a literal.
    ///
    /// # Panics
    /// The literal is complemented and was not asked for with [`Self::need`].
    pub fn literal(&self, literal: Literal) -> &str {
        if literal.complemented { &self.inverted[&literal.node] } else { self.node(literal.node) }
    }

    /// A new net, called `base` or like it.
    pub fn fresh(&mut self, base: &str) -> String {
        self.vary(base)
    }

    /// The inverters that outputs and callers of [`Self::need`] need, by node.
    pub fn inverters(&self) -> &BTreeMap<NodeId, String> {
        &self.inverted
    }

    /// The names of the outputs, in order.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// The outputs that have to be driven by a copy of their literal.
    pub fn copies(&self) -> &[(usize, Literal)] {
        &self.copies
    }

    /// What was renamed: the first few, and how many more.
    pub fn into_notes(mut self) -> Vec<String> {
        const MOST: usize = 8;
        let more = self.notes.len().saturating_sub(MOST);
        self.notes.truncate(MOST);
        if more > 0 {
            self.notes.push(format!("{more} more names are written differently"));
        }
        self.notes
    }

    fn claim(&mut self, what: &str, name: &str) -> String {
        let is_legal = !name.is_empty() && name.chars().all(self.legal);
        let unique = if is_legal { self.vary(name) } else { self.vary(&self.clean(name)) };
        if unique != name {
            let reason =
                if is_legal { "the name is taken" } else { "the format allows no such name" };
            let (name, unique) = (quote(name), quote(&unique));
            self.notes.push(format!("{what} {name} is written as {unique}: {reason}"));
        }
        unique
    }

    fn clean(&self, name: &str) -> String {
        let legal = |c: char| if (self.legal)(c) { c } else { '_' };
        if name.is_empty() { "_".to_string() } else { name.chars().map(legal).collect() }
    }

    /// `base`, or `base_2`, `base_3`, … where it is taken.
    fn vary(&mut self, base: &str) -> String {
        let Some(&first) = self.taken.get(base) else {
            self.taken.insert(base.to_string(), 2);
            return base.to_string();
        };
        let mut number = first;
        let mut name = format!("{base}_{number}");
        while self.taken.contains_key(&name) {
            number += 1;
            name = format!("{base}_{number}");
        }
        self.taken.insert(base.to_string(), number + 1);
        self.taken.insert(name.clone(), 2);
        name
    }
}

/// The name that each node has of its own.
fn own_names(circuit: &Circuit) -> Vec<Option<&str>> {
    let mut own: Vec<Option<&str>> = circuit.nodes().map(|node| circuit.node_name(node)).collect();
    for latch in circuit.latches() {
        own[latch.node.index()] = Some(&latch.name);
    }
    own
}

/// `base_2`, `base_3`, …: the first that is not taken.
pub fn vary(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut names = (2u64..).map(|number| format!("{base}_{number}"));
    names.find(|name| !is_taken(name)).expect("numbers do not end")
}

/// Gives each name that an earlier one has another; a note says which.
pub fn distinguish<'n, 'a: 'n>(
    what: &str,
    names: impl Iterator<Item = &'n mut Cow<'a, str>>,
) -> Option<String> {
    const MOST: usize = 8;
    let names: Vec<&mut Cow<'a, str>> = names.collect();
    let mut all: HashSet<String> = HashSet::new();
    let mut repeated = Vec::new();
    for (i, name) in names.iter().enumerate() {
        if !all.insert(name.to_string()) {
            repeated.push(i);
        }
    }
    let mut next: HashMap<String, u64> = HashMap::new();
    let mut renamed = Vec::new();
    let mut names = names;
    for &i in &repeated {
        let base = names[i].to_string();
        let number = next.entry(base.clone()).or_insert(2);
        let mut name = format!("{base}_{number}");
        while !all.insert(name.clone()) {
            *number += 1;
            name = format!("{base}_{number}");
        }
        if renamed.len() < MOST {
            renamed.push(format!("{} is called {}", quote(&base), quote(&name)));
        }
        *names[i] = Cow::Owned(name);
    }
    if repeated.len() > renamed.len() {
        renamed.push(format!("{} more", repeated.len() - renamed.len()));
    }
    (!renamed.is_empty())
        .then(|| format!("{what} names repeat earlier ones: {}", renamed.join(", ")))
}

/// The known word that is nearest to `word`, if it is near.
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    /// A word that long is no slip of the pen.
    const LONGEST: usize = 40;
    if word.len() > LONGEST {
        return None;
    }
    let distance = |known: &str| strsim::osa_distance(word, known);
    let nearest = known.map(|known| (distance(known), known)).min()?;
    let is_near = nearest.0 <= 2 && nearest.0 < word.chars().count().div_ceil(2).max(2);
    is_near.then_some(nearest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_told_apart_and_free_ones_left_alone() {
        let mut names = ["a", "a", "b", "a_2", "a"].map(Cow::Borrowed);
        let note = distinguish("input", names.iter_mut()).unwrap();
        assert_eq!(names, ["a", "a_3", "b", "a_2", "a_4"]);
        assert!(note.contains("\"a\" is called \"a_3\""), "{note}");
        assert_eq!(distinguish("input", names.iter_mut()), None);
    }

    #[test]
    fn a_slip_of_the_pen_finds_the_word_that_was_meant() {
        let known = [".outputs", ".inputs", ".names", ".end"];
        let nearest = |word| nearest(word, known.into_iter());
        assert_eq!(nearest(".outptus"), Some(".outputs"));
        assert_eq!(nearest(".nmaes"), Some(".names"));
        assert_eq!(nearest(".ed"), Some(".end"));
        assert_eq!(nearest(".table"), None);
        assert_eq!(nearest("xy"), None);
    }
    use crate::circuit::Builder;

    #[test]
    fn names_are_unique_legal_and_kept_where_they_can_be() {
        let mut builder = Builder::new();
        let a = builder.input("a").unwrap();
        let b = builder.input("b c").unwrap();
        let g = builder.gate(GateKind::And, &[a.into(), b.into()]).unwrap();
        builder.name(g, "y").unwrap();
        let h = builder.gate(GateKind::Or, &[a.into(), g.into()]).unwrap();
        builder.name(h, "a").unwrap();
        builder.output("a", g).unwrap();
        builder.output("y", g).unwrap();
        builder.output("z", !h.literal()).unwrap();
        builder.output("z_2", a).unwrap();
        let mut names =
            NetNames::new(&builder.finish().unwrap(), |c| c.is_ascii_alphanumeric() || c == '_');
        assert_eq!(["a", "b_c", "y", "a_3"], [a, b, g, h].map(|node| names.node(node)));
        assert_eq!(names.outputs(), ["a_2", "y", "z", "z_2"]);
        assert_eq!(names.literal(!h.literal()), "z");
        names.need(!g.literal());
        assert_eq!(names.literal(!g.literal()), "y_inv");
        assert_eq!(names.copies(), [(0, g.literal()), (3, a.literal())]);
        assert_eq!(names.into_notes().len(), 3);
    }
}
