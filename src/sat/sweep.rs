//! Sweeping: gates of a second circuit that compute what one of the first does are merged with it.
//!
//! Two circuits of one function rarely share structure, but many of their inner nodes agree. Simulation
//! of some assignments suggests which: gates with equal words, up to complement. Every suggestion is decided in a
//! *window*, the gates next below the two, whose own operands are left free: if they agree there, they
//! agree on every assignment. Windows grow a few times before a suggestion is dropped, so that nothing
//! is ever merged on suspicion, and the cost of a gate does not follow the size of the circuit. (Kuehlmann,
//! "Dynamic transition relation simplification for bounded property checking", 2004; Mishchenko et al.,
//! "FRAIGs", 2005.)

use std::collections::{BinaryHeap, HashMap, HashSet};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::encode::{Covers, Encoder, Gate};
use super::solver::Solver;
use super::{Answer, Limits, Lit};

/// Words of 64 assignments that are simulated.
const WORDS: usize = 16;

type Words = [u64; WORDS];

/// Gates in a window and conflicts in it, one attempt after the other.
const WINDOWS: [(usize, u64); 3] = [(16, 50), (150, 200), (1500, 1000)];

/// The most gates of the first circuit that one of the second is compared with.
const MAX_CANDIDATES: usize = 4;

/// A class that has suggested so many wrong pairs is not believed any more.
const MAX_STRIKES: usize = 8;

/// What is known of an encoder's variables by simulation.
pub struct Sweep {
    rng: ChaCha8Rng,
    /// By variable.
    values: Vec<Words>,
    /// Literals of the first circuit by the words that they have.
    classes: HashMap<Words, Class>,
    /// Variables below this are the first circuit's.
    n_first: u32,
    /// What a later variable was replaced by, perhaps itself.
    settled: HashMap<u32, Lit>,
    covers: Covers,
    n_lemmas: u64,
}

#[derive(Default)]
struct Class {
    members: Vec<Lit>,
    strikes: usize,
}

impl Sweep {
    /// Everything in the encoder so far is the first circuit.
    pub fn new(encoder: &Encoder) -> Self {
        let mut sweep = Sweep {
            rng: ChaCha8Rng::seed_from_u64(1),
            values: Vec::new(),
            classes: HashMap::new(),
            n_first: encoder.n_variables() as u32,
            settled: HashMap::new(),
            covers: Covers::default(),
            n_lemmas: 0,
        };
        sweep.simulate(encoder);
        for variable in 0..sweep.n_first {
            let (words, is_complemented) = canonical(&sweep.values[variable as usize]);
            let members = &mut sweep.classes.entry(words).or_default().members;
            if members.len() < MAX_CANDIDATES {
                members.push(Lit::new(variable, is_complemented));
            }
        }
        sweep
    }

    /// How many clauses that the solver derived were checked so far.
    pub fn n_lemmas(&self) -> u64 {
        self.n_lemmas
    }

    /// The first circuit's literal that has the value of this one on all assignments, if it is found, else
    /// the literal itself.
    pub fn settle(&mut self, encoder: &Encoder, literal: Lit) -> Lit {
        let variable = literal.variable();
        if variable < self.n_first {
            return literal;
        }
        let settled = match self.settled.get(&variable) {
            Some(&settled) => settled,
            None => {
                self.simulate(encoder);
                let settled = self.partner(encoder, variable);
                self.settled.insert(variable, settled);
                settled
            }
        };
        settled.flip_if(literal.is_complemented())
    }

    fn partner(&mut self, encoder: &Encoder, variable: u32) -> Lit {
        let (words, is_complemented) = canonical(&self.values[variable as usize]);
        let own = Lit::new(variable, is_complemented);
        let Some(class) = self.classes.get_mut(&words) else { return own.flip_if(is_complemented) };
        for &member in &class.members {
            if class.strikes >= MAX_STRIKES {
                break;
            }
            let (agree, n_lemmas) = agree_nearby(encoder, &mut self.covers, own, member);
            self.n_lemmas += n_lemmas;
            if agree {
                return member.flip_if(is_complemented);
            }
            class.strikes += 1;
        }
        own.flip_if(is_complemented)
    }

    /// Gives the encoder's new variables their words.
    fn simulate(&mut self, encoder: &Encoder) {
        for variable in self.values.len()..encoder.n_variables() {
            let words = match encoder.gate_of(variable as u32) {
                Some(gate) => evaluate(gate, &self.values),
                None if variable == 0 => [u64::MAX; WORDS],
                None => self.free_words(),
            };
            self.values.push(words);
        }
    }

    /// Half of the words are balanced, the others rarely 1 or rarely 0, which tells wide gates apart.
    fn free_words(&mut self) -> Words {
        std::array::from_fn(|w| {
            let [a, b, c]: [u64; 3] = self.rng.random();
            match w % 4 {
                0 => a & b & c,
                1 => a | b | c,
                _ => a,
            }
        })
    }
}

/// The words complemented where their first bit is 1, and whether they were.
fn canonical(words: &Words) -> (Words, bool) {
    let is_complemented = words[0] & 1 == 1;
    let flip = if is_complemented { u64::MAX } else { 0 };
    (words.map(|word| word ^ flip), is_complemented)
}

/// The words of a gate from those of all lower variables: Shannon's expansion from the last operand down.
fn evaluate(gate: &Gate, values: &[Words]) -> Words {
    let operands = gate.operands();
    let mask = |row: usize| if gate.rows.at(row) { u64::MAX } else { 0 };
    let mut rows = vec![0u64; 1 << operands.len()];
    std::array::from_fn(|w| {
        rows.iter_mut().enumerate().for_each(|(row, word)| *word = mask(row));
        for (h, &operand) in operands.iter().enumerate().rev() {
            let select = values[operand as usize][w];
            for row in 0..1 << h {
                rows[row] = rows[row] & !select | rows[row | 1 << h] & select;
            }
        }
        rows[0]
    })
}

/// Whether two literals agree whatever the operands of the gates nearest below them are, and how many
/// lemmas were checked for that; a false answer says nothing.
fn agree_nearby(encoder: &Encoder, covers: &mut Covers, a: Lit, b: Lit) -> (bool, u64) {
    let mut n_lemmas = 0;
    for (n_gates, conflicts) in WINDOWS {
        let (gates, is_whole) = window(encoder, [a, b], n_gates);
        let (answer, n) = agree_within(encoder, covers, &gates, [a, b], conflicts);
        n_lemmas += n;
        match answer {
            Answer::Unsatisfiable => return (true, n_lemmas),
            Answer::Satisfiable if is_whole => break,
            Answer::Satisfiable | Answer::Undecided => {}
        }
    }
    (false, n_lemmas)
}

/// At most `n` gates below the literals, higher variables first, and whether these are all.
fn window(encoder: &Encoder, roots: [Lit; 2], n: usize) -> (Vec<u32>, bool) {
    let mut pending = BinaryHeap::from(roots.map(Lit::variable));
    let mut seen = HashSet::from(roots.map(Lit::variable));
    let mut gates = Vec::new();
    while let Some(variable) = pending.pop() {
        let Some(gate) = encoder.gate_of(variable) else { continue };
        if gates.len() == n {
            return (gates, false);
        }
        gates.push(variable);
        pending.extend(gate.operands().iter().copied().filter(|&operand| seen.insert(operand)));
    }
    (gates, true)
}

/// Whether the literals can differ, given what the gates are and nothing of their operands, and how many
/// lemmas were checked for the answer.
fn agree_within(
    encoder: &Encoder,
    covers: &mut Covers,
    gates: &[u32],
    [a, b]: [Lit; 2],
    conflicts: u64,
) -> (Answer, u64) {
    // Variable 0 is the constant in every solver.
    let mut names = HashMap::from([(0, 0)]);
    for variable in [a.variable(), b.variable()].into_iter().chain(gates.iter().copied()) {
        let operands = encoder.gate_of(variable).into_iter().flat_map(Gate::operands);
        for &named in [&variable].into_iter().chain(operands) {
            let next = names.len() as u32;
            names.entry(named).or_insert(next);
        }
    }
    let mut solver: Solver = Solver::default();
    solver.add_clause(&[Lit::TRUE]);
    for &variable in gates {
        let gate = encoder.gate_of(variable).expect("a window holds gates");
        covers.load(&mut solver, gate, variable, |v| names[&v]);
    }
    let [a, b] = [a, b].map(|l| Lit::new(names[&l.variable()], l.is_complemented()));
    let limits = Limits { conflicts: Some(conflicts), time: None };
    let answer = match solver.solve(&[a, !b], limits) {
        Answer::Unsatisfiable => solver.solve(&[!a, b], limits),
        answer => answer,
    };
    (answer, solver.n_lemmas())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Builder, Circuit, GateKind, Literal, rebuild};
    use crate::family::generate;

    /// The value of every variable of an encoder whose inputs come first.
    fn values(encoder: &Encoder, inputs: &[bool]) -> Vec<bool> {
        let mut values: Vec<bool> = Vec::new();
        for variable in 0..encoder.n_variables() {
            let value = match encoder.gate_of(variable as u32) {
                Some(gate) => {
                    let bits = gate.operands().iter().map(|&v| usize::from(values[v as usize]));
                    gate.rows.at(bits.enumerate().map(|(h, bit)| bit << h).sum())
                }
                None => variable == 0 || inputs[variable - 1],
            };
            values.push(value);
        }
        values
    }

    /// The circuit with every gate as the NAND of the NANDs of its rows.
    fn in_nands(circuit: &Circuit) -> Circuit {
        rebuild(circuit, |builder, node, fanins| {
            let table = circuit.kind(node).table(fanins.len());
            let ones = (0..1usize << fanins.len()).filter(|&row| table.at(row));
            let row = |row: usize| -> Vec<Literal> {
                let literals = fanins.iter().enumerate();
                literals.map(|(h, l)| l.flip_if(row >> h & 1 == 0)).collect()
            };
            let rows: Vec<Literal> =
                ones.map(|r| builder.gate(GateKind::Nand, &row(r)).unwrap().into()).collect();
            builder.gate(GateKind::Nand, &rows).unwrap().into()
        })
    }

    /// The encoder, the number of variables of `a`, and what `b`'s nodes were and became.
    fn sweep(a: &Circuit, b: &Circuit) -> (Encoder, u32, Vec<(Lit, Lit)>) {
        let mut encoder = Encoder::new();
        let inputs: Vec<Lit> = a.inputs().iter().map(|_| encoder.input()).collect();
        encoder.circuit(a, &inputs).unwrap();
        let mut sweep = Sweep::new(&encoder);
        let n_first = encoder.n_variables() as u32;
        let mut pairs = Vec::new();
        let settle = |encoder: &Encoder, literal| {
            let settled = sweep.settle(encoder, literal);
            pairs.push((literal, settled));
            settled
        };
        encoder.circuit_by(b, &inputs, settle).unwrap();
        (encoder, n_first, pairs)
    }

    #[test]
    fn what_is_merged_is_equal_on_every_assignment() {
        for seed in 0..40 {
            let circuit = |seed| generate(&format!("random:n=7,gates=60,seed={seed}")).unwrap();
            // Equal circuits in other gates, and circuits that have nothing to do with each other.
            for b in [in_nands(&circuit(seed)), circuit(seed + 1000)] {
                let (encoder, _, pairs) = sweep(&circuit(seed), &b);
                for assignment in 0..128 {
                    let inputs: Vec<bool> = (0..7).map(|i| assignment >> i & 1 == 1).collect();
                    let values = values(&encoder, &inputs);
                    let value = |l: Lit| values[l.variable() as usize] ^ l.is_complemented();
                    assert!(pairs.iter().all(|&(a, b)| value(a) == value(b)), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn a_circuit_in_other_gates_meets_itself() {
        for spec in ["adder:16", "mult:6", "random:n=20,gates=2000,seed=3"] {
            let a = generate(spec).unwrap();
            let (_, n_first, pairs) = sweep(&a, &in_nands(&a));
            let last = pairs.last().expect("there are gates").1;
            let merged = pairs.iter().filter(|(_, settled)| settled.variable() < n_first).count();
            assert!(last.variable() < n_first && 4 * merged > pairs.len(), "{spec}: {merged}");
        }
    }

    /// The ANDs of 50 and of the first 49 inputs are 0 on whatever is simulated.
    #[test]
    fn what_simulation_cannot_tell_apart_is_not_merged_for_it() {
        let and = |n: usize| {
            let mut builder = Builder::new();
            let inputs = (0..50).map(|i| builder.input(format!("x{i}")).unwrap().into());
            let x: Vec<Literal> = inputs.collect();
            let gate = builder.gate(GateKind::And, &x[..n]).unwrap();
            builder.output("y", gate).unwrap();
            builder.finish().unwrap()
        };
        let (_, n_first, pairs) = sweep(&and(50), &and(49));
        let (_, settled) = pairs.last().unwrap();
        assert!(settled.variable() >= n_first);
    }
}
