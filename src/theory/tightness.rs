//! Tightness: how many layers and loops a network needs to be right on every input.
//!
//! After `T` layers a compiled model holds what `T` synchronous steps of the network's gates give
//! (sources keep their values, every gate is updated at once). So `T` layers are wrong on an input
//! exactly if `T` steps from the initial gate states give other outputs than the circuit: a miter of the
//! unrolled steps against the circuit. A state of a gate after at least as many steps as its level is
//! right; only the others are unrolled, and only those an output depends on.
//!
//! For one initial state the numbers that are right need not be an interval: a circuit can be right
//! after 1, wrong after 2 and right after 3 steps. Right from all initial states after `T` steps implies
//! the same after `T + 1`. If three-valued evaluation from unknown gates knows every output after `T`
//! steps, then `T` steps are right from all states; the converse fails (`x or not x`).

use std::collections::HashMap;
use std::time::Instant;

use crate::error::Result;
use crate::network::Network;
use crate::sat::{Answer, Encoder, Limits, Lit};

pub mod report;
mod simulate;

pub use simulate::{MAX_COUNTED_INPUTS, wrong_inputs};

/// What gates hold before the first step; inputs and constants always start at their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// All gates the same value; compiled models start at 0.
    All(bool),
    /// Every combination of values.
    Any,
}

/// An input and initial states from which some number of steps gives a wrong output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// One bit per input.
    pub input: Vec<bool>,
    /// One bit per node of the network; those of inputs and constants are their values.
    pub start: Vec<bool>,
}

/// Whether some number of steps is right on all inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correctness {
    /// It is.
    Right,
    /// It is not, for this input from this start.
    Wrong(Witness),
    /// A limit of the solver was reached.
    Undecided,
}

/// The least number of loops that is right, as far as it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Least {
    /// So many loops are right.
    pub loops: usize,
    /// What one loop fewer is, unless `loops` is 0: never right, and undecided only if a limit was
    /// reached.
    pub one_fewer: Option<Correctness>,
}

/// How many loops of a block of layers a network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loops {
    /// Layers of the block.
    pub layers: usize,
    /// The highest level of an output.
    pub depth: usize,
    /// For `R = 0, …, ⌈depth / layers⌉` whether `R` loops from gates at 0 are right. The last is.
    pub from_zero: Vec<Correctness>,
    /// The least number of loops from which on every number is right from all initial gate states.
    pub from_any: Least,
    /// The least number of loops after which three-valued evaluation knows all outputs of all inputs;
    /// an upper bound only, if the second is false.
    pub kleene: (usize, bool),
    /// How many clauses that the solver derived were checked on the way.
    pub lemmas: u64,
}

impl Loops {
    /// The least number of loops that is right from gates at 0, unless a smaller one is undecided. More
    /// loops may be wrong again, as [`Self::from_zero`] says.
    pub fn least_from_zero(&self) -> Option<usize> {
        let least = self.from_zero.iter().position(|c| !matches!(c, Correctness::Wrong(_)))?;
        (self.from_zero[least] == Correctness::Right).then_some(least)
    }

    /// Whether some number of loops is right and a larger one wrong, from gates at 0.
    pub fn is_right_then_wrong(&self) -> bool {
        let first_right = self.from_zero.iter().position(|c| *c == Correctness::Right);
        let last_wrong = self.from_zero.iter().rposition(|c| matches!(c, Correctness::Wrong(_)));
        first_right.zip(last_wrong).is_some_and(|(right, wrong)| right < wrong)
    }
}

/// Decides how many loops of a block of `layers` layers (at least 1) a network needs.
///
/// The limit on conflicts holds for each output and number of loops, that on time for the whole call.
///
/// # Errors
/// Never for networks of at most [`Encoder::MAX_OPERANDS`] operands a node, which all are.
pub fn loops(network: &Network, layers: usize, limits: Limits) -> Result<Loops> {
    let start = Instant::now();
    let layers = layers.max(1);
    let most = network.depth().div_ceil(layers);
    let mut unrolling = Unrolling::new(network)?;
    // What goes down from the depth first: near it little is unrolled and most is settled.
    let from_any = unrolling.least_from_any(layers, limits, start)?;
    // What is known is right, so no fewer loops know than are right from all states.
    let fewest = match from_any.one_fewer {
        Some(Correctness::Wrong(_)) => from_any.loops,
        _ => 0,
    };
    let kleene = unrolling.least_known(fewest, layers, limits, start)?;
    let mut sampled = simulate::sample(network, Start::All(false));
    let mut from_zero = vec![Correctness::Right; most + 1];
    for r in (0..from_any.loops).rev() {
        from_zero[r] = match sampled[r * layers].take() {
            Some(witness) => Correctness::Wrong(witness),
            None => unrolling.check(r * layers, Start::All(false), limits.since(start))?,
        };
    }
    let lemmas = unrolling.encoder.n_lemmas();
    Ok(Loops { layers, depth: network.depth(), from_zero, from_any, kleene, lemmas })
}

/// Nodes unrolled between two looks at the clock.
const CLOCK_INTERVAL: u64 = 1024;

/// A network's steps as clauses, unrolled on demand.
pub struct Unrolling<'n> {
    network: &'n Network,
    encoder: Encoder,
    /// The true value of every node.
    values: Vec<Lit>,
    /// The initial states under [`Start::Any`]; of sources their values.
    free: Vec<Lit>,
    /// The states of gates after fewer steps than their level.
    states: HashMap<(Start, usize, u32), Lit>,
    /// Whether such a gate is known to be 0 and known to be 1.
    known: HashMap<(usize, u32), [Lit; 2]>,
}

impl<'n> Unrolling<'n> {
    /// # Errors
    /// Never for networks of at most [`Encoder::MAX_OPERANDS`] operands a node, which all are.
    pub fn new(network: &'n Network) -> Result<Self> {
        let mut encoder = Encoder::new();
        let inputs: Vec<Lit> = (0..network.n_inputs()).map(|_| encoder.input()).collect();
        let values = encoder.network(network, &inputs)?;
        let free = |id: usize| if network.is_source(id) { values[id] } else { encoder.input() };
        let free = (0..network.n_nodes()).map(free).collect();
        let (states, known) = (HashMap::new(), HashMap::new());
        Ok(Unrolling { network, encoder, values, free, states, known })
    }

    /// Whether `steps` steps from `start` give every output its value on all inputs.
    ///
    /// The limit on conflicts holds for each output.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn check(&mut self, steps: usize, start: Start, limits: Limits) -> Result<Correctness> {
        let begin = Instant::now();
        let mut verdict = Correctness::Right;
        for &output in self.network.outputs() {
            let in_time =
                self.unroll((steps, output), limits.since(begin), |unrolling, node| {
                    unrolling.step(start, node)
                })?;
            if !in_time {
                return Ok(Correctness::Undecided);
            }
            let state = self.state(start, steps, output).expect("just unrolled");
            let wrong = self.encoder.xor(state, self.values[output as usize]);
            match self.encoder.solve(&[wrong], limits.since(begin)) {
                Answer::Satisfiable => return Ok(Correctness::Wrong(self.witness(start))),
                Answer::Unsatisfiable => {}
                Answer::Undecided => verdict = Correctness::Undecided,
            }
        }
        Ok(verdict)
    }

    /// Whether three-valued evaluation from unknown gates leaves some output of some input unknown after
    /// `steps` steps: unsatisfiable if it knows all of them.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn unknown(&mut self, steps: usize, limits: Limits) -> Result<Answer> {
        let begin = Instant::now();
        let mut answer = Answer::Unsatisfiable;
        for &output in self.network.outputs() {
            if !self.unroll((steps, output), limits.since(begin), Self::step_known)? {
                return Ok(Answer::Undecided);
            }
            let [zero, one] = self.knowledge(steps, output).expect("just unrolled");
            match self.encoder.solve(&[!zero, !one], limits.since(begin)) {
                Answer::Satisfiable => return Ok(Answer::Satisfiable),
                Answer::Unsatisfiable => {}
                Answer::Undecided => answer = Answer::Undecided,
            }
        }
        Ok(answer)
    }

    /// Goes down from the depth, since right from all states stays right.
    fn least_from_any(&mut self, layers: usize, limits: Limits, start: Instant) -> Result<Least> {
        let mut sampled = simulate::sample(self.network, Start::Any);
        for r in (0..self.network.depth().div_ceil(layers)).rev() {
            let one_fewer = match sampled[r * layers].take() {
                Some(witness) => Correctness::Wrong(witness),
                None => self.check(r * layers, Start::Any, limits.since(start))?,
            };
            if one_fewer != Correctness::Right {
                return Ok(Least { loops: r + 1, one_fewer: Some(one_fewer) });
            }
        }
        Ok(Least { loops: 0, one_fewer: None })
    }

    /// Goes down from the depth, since what is known stays known, to at least `fewest`.
    fn least_known(
        &mut self,
        fewest: usize,
        layers: usize,
        limits: Limits,
        start: Instant,
    ) -> Result<(usize, bool)> {
        for r in (fewest..self.network.depth().div_ceil(layers)).rev() {
            match self.unknown(r * layers, limits.since(start))? {
                Answer::Unsatisfiable => {}
                answer => return Ok((r + 1, answer == Answer::Satisfiable)),
            }
        }
        Ok((fewest, true))
    }

    fn witness(&self, start: Start) -> Witness {
        let value = |id: usize| match start {
            Start::All(bit) if !self.network.is_source(id) => bit,
            _ => self.encoder.value(self.free[id]),
        };
        let start: Vec<bool> = (0..self.network.n_nodes()).map(value).collect();
        Witness { input: start[..self.network.n_inputs()].to_vec(), start }
    }

    /// The state of a node after `steps` steps, if it needs no unrolling or has been unrolled.
    fn state(&self, start: Start, steps: usize, id: u32) -> Option<Lit> {
        if self.network.levels()[id as usize] as usize <= steps {
            return Some(self.values[id as usize]);
        }
        match (steps, start) {
            (0, Start::All(bit)) => Some(Lit::constant(bit)),
            (0, Start::Any) => Some(self.free[id as usize]),
            _ => self.states.get(&(start, steps, id)).copied(),
        }
    }

    /// Steps from `root`, a number of steps and a node, down to all that it depends on and back; false
    /// if time ran out. `step` makes what is due at a place or names what is missing for it.
    fn unroll(
        &mut self,
        root: (usize, u32),
        limits: Limits,
        mut step: impl FnMut(&mut Self, (usize, u32)) -> Result<Vec<(usize, u32)>>,
    ) -> Result<bool> {
        let begin = Instant::now();
        let mut open = vec![root];
        for visit in 0u64.. {
            let Some(&place) = open.last() else { break };
            if visit.is_multiple_of(CLOCK_INTERVAL) && limits.since(begin).is_over() {
                return Ok(false);
            }
            let missing = step(self, place)?;
            if missing.is_empty() {
                open.pop();
            }
            open.extend(missing);
        }
        Ok(true)
    }

    /// Makes the state of a node after some steps, unless an operand's before is missing.
    fn step(&mut self, start: Start, (steps, id): (usize, u32)) -> Result<Vec<(usize, u32)>> {
        if self.state(start, steps, id).is_some() {
            return Ok(Vec::new());
        }
        let network = self.network;
        let operands = network.operands(id as usize);
        let states: Vec<Option<Lit>> =
            operands.iter().map(|&p| self.state(start, steps - 1, p)).collect();
        let missing = operands.iter().zip(&states).filter(|(_, state)| state.is_none());
        let missing: Vec<(usize, u32)> = missing.map(|(&p, _)| (steps - 1, p)).collect();
        if missing.is_empty() {
            let states: Vec<Lit> = states.into_iter().flatten().collect();
            let state = self.encoder.gate(&states, |row| network.value(id as usize, row))?;
            self.states.insert((start, steps, id), state);
        }
        Ok(missing)
    }

    /// Whether a node is known to be 0, and to be 1, after `steps` steps from unknown gates.
    fn knowledge(&self, steps: usize, id: u32) -> Option<[Lit; 2]> {
        if self.network.levels()[id as usize] as usize <= steps {
            return Some([!self.values[id as usize], self.values[id as usize]]);
        }
        match steps {
            0 => Some([Lit::FALSE; 2]),
            _ => self.known.get(&(steps, id)).copied(),
        }
    }

    /// Makes what is known of a node after some steps, unless an operand's before is missing.
    fn step_known(&mut self, (steps, id): (usize, u32)) -> Result<Vec<(usize, u32)>> {
        if self.knowledge(steps, id).is_some() {
            return Ok(Vec::new());
        }
        let operands = self.network.operands(id as usize);
        let missing = operands.iter().filter(|&&p| self.knowledge(steps - 1, p).is_none());
        let missing: Vec<(usize, u32)> = missing.map(|&p| (steps - 1, p)).collect();
        if missing.is_empty() {
            let known = [false, true].map(|value| self.known_gate(steps, id, value));
            self.known.insert((steps, id), known);
        }
        Ok(missing)
    }

    /// Whether the operands that are known before step `steps` force node `id` to `value`: every row of
    /// the other value contradicts one of them.
    fn known_gate(&mut self, steps: usize, id: u32, value: bool) -> Lit {
        let network = self.network;
        let operands = network.operands(id as usize);
        let known: Vec<[Lit; 2]> = operands
            .iter()
            .map(|&p| self.knowledge(steps - 1, p).expect("operands come first"))
            .collect();
        let first = |h: usize| operands.iter().position(|&p| p == operands[h]).unwrap_or(h);
        let consistent = |row: usize| (0..known.len()).all(|h| row >> h & 1 == row >> first(h) & 1);
        let rows = (0..1usize << known.len())
            .filter(|&row| consistent(row) && network.value(id as usize, row) != value);
        let contradicted: Vec<Lit> = rows
            .map(|row| {
                let against: Vec<Lit> =
                    (0..known.len()).map(|h| known[h][1 - (row >> h & 1)]).collect();
                self.encoder.any(&against)
            })
            .collect();
        self.encoder.all(&contradicted)
    }
}

#[cfg(test)]
mod tests;
