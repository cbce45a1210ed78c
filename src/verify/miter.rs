//! Equivalence of two circuits: simulation finds the easy differences, SAT decides the rest.
//!
//! The miter of two circuits feeds both the same inputs and asks for an assignment on which an output
//! differs. Inner nodes of the two that are seen to agree are merged first, so that circuits that went
//! through other tools meet again long before their outputs. What is left of the outputs is asked about one
//! after the other, each answer a clause for the next. A difference is evaluated on both circuits before it
//! is returned.

use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::{Error, Result};
use crate::sat::{Answer, Encoder, Limits, Lit, Sweep};

/// What is known of two circuits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Equivalence {
    /// They agree on every assignment. Every refutation that says so was checked.
    Equal {
        /// Derived clauses, besides those of the gates.
        lemmas: u64,
    },
    /// They differ on this one, a bit per input.
    Differ(Vec<bool>),
    /// A limit was reached before a difference was found or excluded.
    Undecided,
}

/// Assignments that are simulated first; a few words for each row cost less than a call of the solver.
const SIMULATED: usize = 1024;

/// Whether two circuits with inputs and outputs in the same order compute the same.
///
/// The limit on conflicts holds for each output, that on time for all of them.
///
/// # Errors
/// A circuit is sequential, or they differ in their number of inputs or outputs.
pub fn equivalent(a: &Circuit, b: &Circuit, limits: Limits) -> Result<Equivalence> {
    let shape = |circuit: &Circuit| (circuit.inputs().len(), circuit.outputs().len());
    if shape(a) != shape(b) {
        let text = |(i, o): (usize, usize)| format!("{i} inputs and {o} outputs");
        return Err(Error::new(text(shape(a)), text(shape(b))));
    }
    let start = Instant::now();
    if let Some(input) = simulate(a, b)? {
        return Ok(Equivalence::Differ(input));
    }
    let mut encoder = Encoder::new();
    let inputs: Vec<Lit> = a.inputs().iter().map(|_| encoder.input()).collect();
    let nodes_a = encoder.circuit(a, &inputs)?;
    let mut sweep = Sweep::new(&encoder);
    let nodes_b = encoder.circuit_by(b, &inputs, |encoder, literal| {
        if limits.since(start).is_over() { literal } else { sweep.settle(encoder, literal) }
    })?;
    let [in_a, in_b] = [outputs(a, &nodes_a), outputs(b, &nodes_b)];
    let mut is_decided = true;
    for (x, y) in in_a.into_iter().zip(in_b) {
        let differ = encoder.xor(x, y);
        match encoder.solve(&[differ], limits.since(start)) {
            Answer::Unsatisfiable => {}
            Answer::Undecided => is_decided = false,
            Answer::Satisfiable => {
                let input: Vec<bool> = inputs.iter().map(|&l| encoder.value(l)).collect();
                assert_ne!(a.evaluate(&input)?, b.evaluate(&input)?, "a model is a difference");
                return Ok(Equivalence::Differ(input));
            }
        }
    }
    let lemmas = sweep.n_lemmas() + encoder.n_lemmas();
    Ok(if is_decided { Equivalence::Equal { lemmas } } else { Equivalence::Undecided })
}

fn outputs(circuit: &Circuit, nodes: &[Lit]) -> Vec<Lit> {
    let literals = circuit.outputs().iter().map(|output| output.literal);
    literals.map(|l| nodes[l.node.index()].flip_if(l.complemented)).collect()
}

/// A difference among some random assignments.
fn simulate(a: &Circuit, b: &Circuit) -> Result<Option<Vec<bool>>> {
    let mut inputs = Batch::zeros(a.inputs().len(), SIMULATED);
    ChaCha8Rng::seed_from_u64(0).fill(inputs.raw_mut());
    let [in_a, in_b] = [Oracle::new(a)?.run(&inputs)?, Oracle::new(b)?.run(&inputs)?];
    Ok(in_a.first_difference(&in_b).map(|(assignment, _)| inputs.column(assignment)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Builder, GateKind, Literal, rebuild};
    use crate::family::generate;

    fn decide(a: &str, b: &str) -> Equivalence {
        equivalent(&generate(a).unwrap(), &generate(b).unwrap(), Limits::default()).unwrap()
    }

    #[test]
    fn different_structures_of_one_function_are_equal() {
        for (a, b) in [
            ("adder:24", "adder-ks:24"),
            ("adder-bk:16", "adder-sklansky:16"),
            ("parity:40", "parity-chain:40"),
            ("sort-bitonic:8", "sort-oddeven:8"),
            ("mult:4", "mult-wallace:4"),
        ] {
            assert!(matches!(decide(a, b), Equivalence::Equal { .. }), "{a} {b}");
        }
    }

    #[test]
    fn a_proof_that_needs_search_counts_its_lemmas() {
        let found = decide("mult:5", "mult-wallace:5");
        assert!(matches!(found, Equivalence::Equal { lemmas: 50.. }), "{found:?}");
    }

    /// An AND of all inputs but the last against the AND of all: one assignment in 2^n tells.
    #[test]
    fn a_difference_that_simulation_misses_is_found() {
        let and = |skip: usize| {
            let mut builder = Builder::new();
            let x: Vec<Literal> =
                (0..50).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
            let gate = builder.gate(GateKind::And, &x[..50 - skip]).unwrap();
            builder.output("y", gate).unwrap();
            builder.finish().unwrap()
        };
        let found = equivalent(&and(0), &and(1), Limits::default()).unwrap();
        let expected: Vec<bool> = (0..50).map(|i| i < 49).collect();
        assert_eq!(found, Equivalence::Differ(expected));
    }

    /// The circuit with another kind of gate at one node.
    fn with_kind(circuit: &Circuit, changed: usize, kind: GateKind) -> Circuit {
        rebuild(circuit, |builder, node, fanins| {
            let is_changed = node.index() == changed && kind.accepts(fanins.len());
            let kind = if is_changed { kind } else { circuit.kind(node) };
            builder.gate(kind, fanins).unwrap().into()
        })
    }

    /// Whatever is merged on the way, the verdict is that of all inputs.
    #[test]
    fn verdicts_on_changed_circuits_are_those_of_enumeration() {
        let kinds = [GateKind::And, GateKind::Or, GateKind::Xor, GateKind::Nand, GateKind::Nor];
        let mut equal = 0;
        for seed in 0..20 {
            let circuit = generate(&format!("random:n=7,gates=50,seed={seed}")).unwrap();
            for changed in (7..circuit.n_nodes()).step_by(5) {
                let kind = kinds[(changed + seed) % kinds.len()];
                let mutant = with_kind(&circuit, changed, kind);
                let inputs = |a: usize| -> Vec<bool> { (0..7).map(|i| a >> i & 1 == 1).collect() };
                let agree = |a| {
                    circuit.evaluate(&inputs(a)).unwrap() == mutant.evaluate(&inputs(a)).unwrap()
                };
                let is_equal = (0..128).all(agree);
                let found = equivalent(&circuit, &mutant, Limits::default()).unwrap();
                let found_equal = matches!(found, Equivalence::Equal { .. });
                assert_eq!(found_equal, is_equal, "seed {seed}, node {changed}");
                equal += usize::from(is_equal);
            }
        }
        assert!((10..190).contains(&equal), "{equal} of 200");
    }

    #[test]
    fn a_limit_gives_undecided_and_shapes_must_agree() {
        let [a, b] = ["mult:6", "mult-wallace:6"].map(|spec| generate(spec).unwrap());
        let limits = Limits { conflicts: Some(10), time: None };
        assert_eq!(equivalent(&a, &b, limits).unwrap(), Equivalence::Undecided);
        let limits = Limits { conflicts: None, time: Some(std::time::Duration::ZERO) };
        assert_eq!(equivalent(&a, &b, limits).unwrap(), Equivalence::Undecided);
        assert!(equivalent(&a, &generate("adder:6").unwrap(), Limits::default()).is_err());
    }
}
