//! Gates as clauses.
//!
//! A gate is brought to a normal form: constant, repeated and irrelevant operands are dropped, operands
//! are positive, sorted variables, and the function is 0 where all of them are. Gates of one normal form
//! share a literal. A new one gets a variable `y`; a clause for every cube of an irredundant cover of its
//! function `f` (`cube → y`) and of the complement (`cube → ¬y`) goes to the solver as soon as a question
//! or a demand depends on it. Invariant: operands of a gate are lower variables than its own.

use std::collections::HashMap;

use super::rows::{Cube, MAX_VARIABLES, Rows};
use super::solver::Solver;
use super::{Answer, Limits, Lit};
use crate::circuit::{Circuit, GateKind};
use crate::error::{Error, Result};
use crate::network::Network;

/// Builds clauses gate by gate, and solves them.
///
/// ```
/// use circuit2tf::sat::{Answer, Encoder, Limits};
/// let mut encoder = Encoder::new();
/// let [a, b] = [encoder.input(), encoder.input()];
/// let both = encoder.gate(&[a, b], |row| row == 3)?;
/// assert_eq!(encoder.gate(&[!b, !a], |row| row == 0)?, both);
/// assert_eq!(encoder.solve(&[both, !a], Limits::default()), Answer::Unsatisfiable);
/// # Ok::<(), circuit2tf::Error>(())
/// ```
pub struct Encoder {
    solver: Solver,
    /// What each variable is; none for the constant and inputs.
    gates: Vec<Option<Gate>>,
    shared: HashMap<Gate, Lit>,
    covers: Covers,
    /// Whether the solver has the clauses of a variable.
    is_loaded: Vec<bool>,
}

/// A function of lower variables, in normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Gate {
    pub rows: Rows,
    n_operands: u8,
    /// The first `n_operands` are variables, in increasing order; the others are 0.
    operands: [u32; MAX_VARIABLES],
}

impl Gate {
    pub fn operands(&self) -> &[u32] {
        &self.operands[..usize::from(self.n_operands)]
    }
}

/// Covers of functions that have been met.
#[derive(Default)]
pub(super) struct Covers(HashMap<Rows, Vec<Cube>>);

impl Covers {
    /// The clauses of `head = gate`, variables being named by `name`.
    pub fn load(&mut self, solver: &mut Solver, gate: &Gate, head: u32, name: impl Fn(u32) -> u32) {
        let mut clause = Vec::with_capacity(gate.operands().len() + 1);
        for (rows, complemented) in [(gate.rows, false), (gate.rows.not(), true)] {
            for cube in self.0.entry(rows).or_insert_with(|| rows.cover()).iter() {
                clause.clear();
                clause.push(Lit::new(name(head), complemented));
                let operands = gate.operands().iter().enumerate();
                let inside = operands.filter(|&(h, _)| cube.variables >> h & 1 == 1);
                clause.extend(inside.map(|(h, &v)| Lit::new(name(v), cube.positive >> h & 1 == 1)));
                solver.add_clause(&clause);
            }
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// The most operands of a [`Encoder::gate`].
    pub const MAX_OPERANDS: usize = MAX_VARIABLES;

    /// No variables yet but the constant.
    pub fn new() -> Self {
        let mut solver = Solver::default();
        solver.add_clause(&[Lit::TRUE]);
        let (shared, covers) = (HashMap::new(), Covers::default());
        Encoder { solver, gates: vec![None], shared, covers, is_loaded: vec![true] }
    }

    /// The variables so far, the constant among them.
    pub fn n_variables(&self) -> usize {
        self.gates.len()
    }

    /// What a variable is; none for the constant and inputs.
    pub(super) fn gate_of(&self, variable: u32) -> Option<&Gate> {
        self.gates[variable as usize].as_ref()
    }

    /// A new free variable.
    pub fn input(&mut self) -> Lit {
        self.variable(None)
    }

    fn variable(&mut self, gate: Option<Gate>) -> Lit {
        self.gates.push(gate);
        self.is_loaded.push(gate.is_none());
        Lit::new(self.gates.len() as u32 - 1, false)
    }

    /// The literal of a gate whose value at row `r` is `table(r)`, operand 0 being bit 0 of `r`.
    ///
    /// # Errors
    /// More than [`Self::MAX_OPERANDS`] operands.
    pub fn gate(&mut self, operands: &[Lit], table: impl Fn(usize) -> bool) -> Result<Lit> {
        if operands.len() > Self::MAX_OPERANDS {
            let expected = format!("at most {} operands", Self::MAX_OPERANDS);
            return Err(Error::new(expected, operands.len().to_string()));
        }
        let mut variables: Vec<u32> = operands.iter().map(|operand| operand.variable()).collect();
        variables.retain(|&variable| variable != 0);
        variables.sort_unstable();
        variables.dedup();
        // What every operand contributes to the row: a variable's bit, and its own complement.
        let places: Vec<(Option<usize>, bool)> = operands
            .iter()
            .map(|l| (variables.binary_search(&l.variable()).ok(), l.is_complemented()))
            .collect();
        let row = |r: usize| {
            let bit = |&(place, complemented): &(Option<usize>, bool)| {
                place.is_none_or(|place| r >> place & 1 == 1) ^ complemented
            };
            places.iter().enumerate().map(|(h, place)| usize::from(bit(place)) << h).sum()
        };
        let rows = Rows::from_fn(variables.len(), |r| table(row(r)));
        Ok(self.normal_gate(&variables, rows))
    }

    /// The gate over distinct, sorted variables.
    fn normal_gate(&mut self, variables: &[u32], rows: Rows) -> Lit {
        let complemented = rows.at(0);
        let rows = if complemented { rows.not() } else { rows };
        let support: Vec<usize> = (0..variables.len()).filter(|&h| rows.depends_on(h)).collect();
        let mut operands = [0; MAX_VARIABLES];
        for (place, &h) in support.iter().enumerate() {
            operands[place] = variables[h];
        }
        let spread = |r: usize| support.iter().enumerate().map(|(i, &h)| (r >> i & 1) << h).sum();
        let rows = Rows::from_fn(support.len(), |r| rows.at(spread(r)));
        let literal = match support.len() {
            0 => Lit::FALSE,
            // The function is 0 at row 0 and depends on its variable.
            1 => Lit::new(operands[0], false),
            n => self.shared_gate(Gate { rows, n_operands: n as u8, operands }),
        };
        literal.flip_if(complemented)
    }

    fn shared_gate(&mut self, gate: Gate) -> Lit {
        if let Some(&literal) = self.shared.get(&gate) {
            return literal;
        }
        let literal = self.variable(Some(gate));
        self.shared.insert(gate, literal);
        literal
    }

    /// Gives the solver the clauses of everything that the literals depend on.
    fn load(&mut self, literals: &[Lit]) {
        let mut pending: Vec<u32> = literals.iter().map(|literal| literal.variable()).collect();
        while let Some(variable) = pending.pop() {
            if std::mem::replace(&mut self.is_loaded[variable as usize], true) {
                continue;
            }
            if let Some(gate) = &self.gates[variable as usize] {
                self.covers.load(&mut self.solver, gate, variable, |v| v);
                pending.extend_from_slice(gate.operands());
            }
        }
    }

    /// `a ∧ b`
    pub fn and(&mut self, a: Lit, b: Lit) -> Lit {
        self.gate(&[a, b], |row| row == 3).expect("two operands are allowed")
    }

    /// `a ∨ b`
    pub fn or(&mut self, a: Lit, b: Lit) -> Lit {
        !self.and(!a, !b)
    }

    /// `a ⊕ b`
    pub fn xor(&mut self, a: Lit, b: Lit) -> Lit {
        self.gate(&[a, b], |row| row == 1 || row == 2).expect("two operands are allowed")
    }

    /// The conjunction of any number of literals, as a balanced tree.
    pub fn all(&mut self, literals: &[Lit]) -> Lit {
        self.tree(literals, Lit::TRUE, Self::and)
    }

    /// The disjunction of any number of literals.
    pub fn any(&mut self, literals: &[Lit]) -> Lit {
        self.tree(literals, Lit::FALSE, Self::or)
    }

    fn tree(&mut self, literals: &[Lit], none: Lit, merge: fn(&mut Self, Lit, Lit) -> Lit) -> Lit {
        let mut layer = literals.to_vec();
        while layer.len() > 1 {
            layer = layer
                .chunks(2)
                .map(|pair| if pair.len() == 2 { merge(self, pair[0], pair[1]) } else { pair[0] })
                .collect();
        }
        layer.first().copied().unwrap_or(none)
    }

    /// The literal of every node of a circuit, `inputs` being those of its inputs.
    ///
    /// # Errors
    /// The circuit is sequential, or there is not one literal per input.
    pub fn circuit(&mut self, circuit: &Circuit, inputs: &[Lit]) -> Result<Vec<Lit>> {
        self.circuit_by(circuit, inputs, |_, literal| literal)
    }

    /// As [`Self::circuit`], where `settle` may put another literal of the same value in the place of each
    /// gate's.
    ///
    /// # Errors
    /// As there.
    pub fn circuit_by(
        &mut self,
        circuit: &Circuit,
        inputs: &[Lit],
        mut settle: impl FnMut(&Self, Lit) -> Lit,
    ) -> Result<Vec<Lit>> {
        circuit.require_combinational()?;
        require_count(circuit.inputs().len(), inputs.len())?;
        let mut literals = vec![Lit::FALSE; circuit.n_nodes()];
        for (&input, &literal) in circuit.inputs().iter().zip(inputs) {
            literals[input.index()] = literal;
        }
        let mut operands = Vec::new();
        for id in circuit.nodes().filter(|&id| circuit.kind(id) != GateKind::Input) {
            operands.clear();
            let fanins = circuit.fanins(id);
            operands.extend(fanins.map(|l| literals[l.node.index()].flip_if(l.complemented)));
            let literal = self.circuit_gate(circuit.kind(id), &operands)?;
            literals[id.index()] = settle(self, literal);
        }
        Ok(literals)
    }

    fn circuit_gate(&mut self, kind: GateKind, operands: &[Lit]) -> Result<Lit> {
        use GateKind::{And, Nand, Nor, Or, Xnor, Xor};
        Ok(match kind {
            And => self.all(operands),
            Nand => !self.all(operands),
            Or => self.any(operands),
            Nor => !self.any(operands),
            Xor => self.tree(operands, Lit::FALSE, Self::xor),
            Xnor => !self.tree(operands, Lit::FALSE, Self::xor),
            GateKind::Const(value) => Lit::constant(value),
            _ => {
                let table = kind.table(operands.len());
                self.gate(operands, |row| table.at(row))?
            }
        })
    }

    /// The literal of every node of a network, `inputs` being those of its inputs.
    ///
    /// # Errors
    /// There is not one literal per input.
    pub fn network(&mut self, network: &Network, inputs: &[Lit]) -> Result<Vec<Lit>> {
        require_count(network.n_inputs(), inputs.len())?;
        let mut literals = inputs.to_vec();
        let mut operands = Vec::new();
        for id in network.n_inputs()..network.n_nodes() {
            let literal = if network.is_source(id) {
                Lit::constant(network.value(id, 0))
            } else {
                operands.clear();
                operands.extend(network.operands(id).iter().map(|&p| literals[p as usize]));
                self.gate(&operands, |row| network.value(id, row))?
            };
            literals.push(literal);
        }
        Ok(literals)
    }

    /// Whether some assignment of the inputs makes all of `assumptions` true. The answer was checked: an
    /// assignment satisfies every clause, a refutation was gone through step by step. What was refuted is
    /// a clause for later questions.
    pub fn solve(&mut self, assumptions: &[Lit], limits: Limits) -> Answer {
        if assumptions.contains(&Lit::FALSE) {
            return Answer::Unsatisfiable;
        }
        self.load(assumptions);
        self.solver.solve(assumptions, limits)
    }

    /// How many clauses that the solver derived were checked so far.
    pub fn n_lemmas(&self) -> u64 {
        self.solver.n_lemmas()
    }

    /// The value of a literal in the assignment found by [`Self::solve`].
    pub fn value(&self, literal: Lit) -> bool {
        literal.value().unwrap_or_else(|| self.solver.value(literal))
    }
}

fn require_count(expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(format!("{expected} input literals"), found.to_string()))
}
