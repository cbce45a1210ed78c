//! The tables of wrong inputs, and SAT against plain simulation of every input and initial state.

use super::*;
use crate::family::generate;
use crate::mapping::{gates, map};

fn network(spec: &str) -> Network {
    map(&generate(spec).unwrap(), 2).unwrap().network
}

/// `g2 = NAND(x0, x0)`, `g3 = NOR(g2, x0)` (always 0), `g4 = OR(x1, g3)`.
fn glitch() -> Network {
    let mut network = Network::new(2, 2).unwrap();
    let g2 = network.gate(&[0, 0], |row| row != 3).unwrap();
    let g3 = network.gate(&[g2, 0], |row| row == 0).unwrap();
    let g4 = network.gate(&[1, g3], |row| row != 0).unwrap();
    network.output(g4).unwrap();
    network
}

/// The network of the gates of a family's circuit.
fn as_written(spec: &str) -> Network {
    gates(&generate(spec).unwrap()).unwrap()
}

/// The mapped adder holds the complements of its inner carries, so its gates start elsewhere.
#[test]
fn wrong_inputs_of_adders_and_trees() {
    for (name, network, start, expected) in [
        ("gates", as_written("adder:4"), false, &[255, 253, 136, 92, 48, 32, 8, 0][..]),
        ("gates", as_written("adder:4"), true, &[256, 227, 202, 184, 112, 80, 40, 0]),
        ("mapped", network("adder:4"), false, &[255, 229, 136, 92, 48, 32, 8, 0]),
        ("and gates", as_written("and:8"), false, &[1, 1, 1, 0]),
        ("xor gates", as_written("parity:8"), false, &[128, 128, 128, 0]),
        ("and", network("and:8"), false, &[1, 1, 1, 0]),
        ("xor", network("parity:8"), false, &[128, 128, 128, 0]),
    ] {
        assert_eq!(wrong_inputs(&network, start).unwrap(), expected, "{name} {start}");
    }
    assert!(wrong_inputs(&network("and:25"), false).is_err());
}

/// One step by definition.
fn step(network: &Network, state: &[bool]) -> Vec<bool> {
    let value = |id: usize| {
        let bits = network.operands(id).iter().enumerate();
        network.value(id, bits.map(|(h, &p)| usize::from(state[p as usize]) << h).sum())
    };
    (0..network.n_nodes()).map(value).collect()
}

fn is_wrong(network: &Network, witness: &Witness, steps: usize) -> bool {
    let values = network.evaluate(&witness.input);
    let state = (0..steps).fold(witness.start.clone(), |state, _| step(network, &state));
    network.outputs().iter().any(|&id| state[id as usize] != values[id as usize])
}

/// For every number of steps below the depth whether all inputs and the given starts are right.
fn right_by_enumeration(network: &Network, start: Start) -> Vec<bool> {
    let gates: Vec<usize> = (0..network.n_nodes()).filter(|&id| !network.is_source(id)).collect();
    let starts = if start == Start::Any { 1usize << gates.len() } else { 1 };
    let mut right = vec![true; network.depth()];
    for number in 0..1usize << network.n_inputs() {
        let input: Vec<bool> = (0..network.n_inputs()).map(|i| number >> i & 1 == 1).collect();
        let values = network.evaluate(&input);
        for initial in 0..starts {
            let mut state = values.clone();
            for (g, &id) in gates.iter().enumerate() {
                state[id] = match start {
                    Start::All(bit) => bit,
                    Start::Any => initial >> g & 1 == 1,
                };
            }
            for right in &mut right {
                *right &=
                    network.outputs().iter().all(|&id| state[id as usize] == values[id as usize]);
                state = step(network, &state);
            }
        }
    }
    right
}

/// For every number of steps below the depth whether three-valued evaluation knows all outputs. A gate is
/// known if it has one value for all completions of its unknown operands.
fn known_by_enumeration(network: &Network) -> Vec<bool> {
    let mut always = vec![true; network.depth()];
    for number in 0..1usize << network.n_inputs() {
        let input: Vec<bool> = (0..network.n_inputs()).map(|i| number >> i & 1 == 1).collect();
        let values = network.evaluate(&input);
        let source = |id: usize| network.is_source(id).then(|| values[id]);
        let mut state: Vec<Option<bool>> = (0..network.n_nodes()).map(source).collect();
        for always in &mut always {
            *always &= network.outputs().iter().all(|&id| state[id as usize].is_some());
            let next = |id: usize| {
                let operands = network.operands(id);
                let fits = |row: &usize| {
                    let bit = |h: usize| row >> h & 1 == 1;
                    (0..operands.len()).all(|h| {
                        let same = (0..h).all(|g| operands[g] != operands[h] || bit(g) == bit(h));
                        same && state[operands[h] as usize].is_none_or(|v| v == bit(h))
                    })
                };
                let mut rows = (0..1 << operands.len()).filter(fits).map(|r| network.value(id, r));
                let first = rows.next()?;
                rows.all(|v| v == first).then_some(first)
            };
            state = (0..network.n_nodes()).map(|id| source(id).or_else(|| next(id))).collect();
        }
    }
    always
}

fn small_networks() -> Vec<(String, Network)> {
    let specs = ["adder:2", "and:5", "parity:4", "mux:2", "majority:3", "comparator:2", "eq:3"];
    let mut networks: Vec<(String, Network)> =
        specs.iter().map(|spec| (spec.to_string(), network(spec))).collect();
    networks.push(("glitch".to_string(), glitch()));
    for seed in 0..40 {
        let spec = format!("random:n=4,gates=9,seed={seed}");
        networks.push((spec.clone(), network(&spec)));
    }
    networks
}

#[test]
fn sat_agrees_with_enumeration_of_all_inputs_and_initial_states() {
    for (name, network) in small_networks() {
        let mut unrolling = Unrolling::new(&network).unwrap();
        for start in [Start::All(false), Start::All(true), Start::Any] {
            for (steps, right) in right_by_enumeration(&network, start).into_iter().enumerate() {
                match unrolling.check(steps, start, Limits::default()).unwrap() {
                    Correctness::Right => assert!(right, "{name} {start:?} {steps}"),
                    Correctness::Wrong(witness) => {
                        assert!(!right, "{name} {start:?} {steps}");
                        assert!(is_wrong(&network, &witness, steps), "{name} {start:?} {steps}");
                    }
                    Correctness::Undecided => panic!("{name}: there is no limit"),
                }
            }
        }
        for (steps, known) in known_by_enumeration(&network).into_iter().enumerate() {
            let answer = unrolling.unknown(steps, Limits::default()).unwrap();
            assert_eq!(answer == Answer::Unsatisfiable, known, "{name} {steps}");
        }
    }
}

#[test]
fn the_report_is_consistent_and_its_witnesses_are_wrong() {
    for (name, network) in small_networks() {
        for layers in 1..=3 {
            let found = loops(&network, layers, Limits::default()).unwrap();
            for (r, correctness) in found.from_zero.iter().enumerate() {
                if let Correctness::Wrong(witness) = correctness {
                    assert!(is_wrong(&network, witness, r * layers), "{name} {layers} {r}");
                }
            }
            let least = found.least_from_zero().unwrap();
            assert!(least <= found.from_any.loops && found.from_any.loops <= found.kleene.0);
            assert!(found.kleene.0 <= network.depth().div_ceil(layers) && found.kleene.1);
            match &found.from_any.one_fewer {
                None => assert_eq!(found.from_any.loops, 0),
                Some(Correctness::Wrong(witness)) => {
                    assert!(is_wrong(&network, witness, (found.from_any.loops - 1) * layers));
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

#[test]
fn three_gates_are_right_then_wrong_then_right() {
    let found = loops(&glitch(), 1, Limits::default()).unwrap();
    let right: Vec<bool> = found.from_zero.iter().map(|c| *c == Correctness::Right).collect();
    assert_eq!(right, [false, true, false, true]);
    assert!(found.is_right_then_wrong());
    assert_eq!((found.least_from_zero(), found.from_any.loops), (Some(1), 3));
}

#[test]
fn a_tree_of_all_but_one_right_inputs_needs_its_depth() {
    let found = loops(&network("and:64"), 1, Limits::default()).unwrap();
    assert_eq!(
        (found.least_from_zero(), found.from_any.loops, found.kleene),
        (Some(6), 6, (6, true))
    );
    let Correctness::Wrong(witness) = &found.from_zero[5] else { panic!("five levels of six") };
    assert!(witness.input.iter().all(|&bit| bit));
}

/// `s or not s`, both a level late: right from all states after two steps, known only after three.
#[test]
fn right_from_all_states_does_not_mean_known() {
    let mut network = Network::new(2, 1).unwrap();
    let s = network.gate(&[0], |row| row == 1).unwrap();
    let [same, not] = [1, 0].map(|bit| network.gate(&[s], |row| row == bit).unwrap());
    let always = network.gate(&[same, not], |row| row != 0).unwrap();
    network.output(always).unwrap();
    let found = loops(&network, 1, Limits::default()).unwrap();
    assert_eq!((found.from_any.loops, found.kleene), (2, (3, true)));
}
