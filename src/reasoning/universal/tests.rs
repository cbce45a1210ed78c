//! The halting model against Kleene's evaluation, state by state.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::batch::Batch;
use crate::family::generate;
use crate::model::Dtype;
use crate::run::{Halting, Reference, Resident, Rule};

/// What is known of every node after each number of steps, straight from the definition.
fn kleene(network: &Network, inputs: &[bool], n_steps: usize) -> Vec<Vec<Option<bool>>> {
    let mut states = Vec::new();
    let mut now: Vec<Option<bool>> = (0..network.n_nodes())
        .map(|id| match inputs.get(id) {
            Some(&bit) => Some(bit),
            None => network.is_source(id).then(|| network.value(id, 0)),
        })
        .collect();
    for _ in 0..n_steps {
        states.push(now.clone());
        now = (0..network.n_nodes()).map(|id| step(network, &now, id)).collect();
    }
    states.push(now);
    states
}

fn step(network: &Network, now: &[Option<bool>], id: usize) -> Option<bool> {
    let operands = network.operands(id);
    let agrees = |row: usize| {
        let mut operands = operands.iter().enumerate();
        operands.all(|(h, &p)| now[p as usize].is_none_or(|bit| bit == (row >> h & 1 == 1)))
    };
    let values: Vec<bool> =
        (0..1 << network.k()).filter(|&r| agrees(r)).map(|r| network.value(id, r)).collect();
    values.iter().all(|&v| v == values[0]).then_some(values[0])
}

fn options(heads: usize, dtype: Dtype) -> Options {
    Options { heads, dtype, ..Options::default() }
}

/// The proof's part (1): every layer is a step of three-valued evaluation, for 2 to 4 operands, in every dtype.
#[test]
fn a_layer_is_a_step_of_kleenes_evaluation_at_every_position() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (spec, heads) in [
        ("adder:3", 2),
        ("mux:2", 2),
        ("random:n=6,gates=25,seed=1", 3),
        ("majority:5", 3),
        ("random:n=6,gates=20,seed=2", 4),
    ] {
        let circuit = generate(spec).unwrap();
        for dtype in Dtype::ALL {
            let model = compile(&circuit, "", &options(heads, dtype)).unwrap();
            let mapped = compile::map(&circuit, &options(heads, dtype)).unwrap();
            let channels = Channels::new(heads, mapped.network.n_nodes()).unwrap();
            let engine = Reference::new(&model).unwrap();
            for _ in 0..4 {
                let inputs: Vec<bool> = circuit.inputs().iter().map(|_| rng.random()).collect();
                let n_loops = model.n_loops + 1;
                let states = kleene(&mapped.network, &inputs, n_loops);
                let check = |step: crate::run::Step| {
                    for (id, known) in states[step.n_steps].iter().enumerate() {
                        let found = |c: usize| step.stream[[id, c]];
                        let expected = |bit| f64::from(u8::from(*known == Some(bit)));
                        for bit in [false, true] {
                            assert_eq!(found(channels.known(bit)), expected(bit), "{spec} {dtype}");
                        }
                        let halting = f64::from(u8::from(known.is_some()));
                        assert_eq!(found(channels.halting()), halting, "{spec} {dtype}");
                    }
                };
                engine.trace(&inputs, n_loops, check).unwrap();
            }
        }
    }
}

#[test]
fn the_resident_engine_takes_the_model_and_agrees_with_the_reference() {
    for (spec, heads) in [("adder:4", 2), ("mult:3", 2), ("majority:5", 3), ("popcount:5", 4)] {
        let circuit = generate(spec).unwrap();
        let model = compile(&circuit, "", &options(heads, Dtype::F32)).unwrap();
        assert_eq!(
            Resident::new(&model).unwrap().n_states(),
            3,
            "{spec}: known 0, known 1, neither"
        );
        let inputs = Batch::counting(circuit.inputs().len(), 0, 1 << circuit.inputs().len().min(8));
        for rule in Rule::ALL {
            let [resident, reference] =
                [Halting::by_resident(&model, rule), Halting::by_reference(&model, rule)]
                    .map(|engine| engine.unwrap().run_until_halted(&inputs, 9).unwrap());
            assert_eq!(resident.stopped, reference.stopped, "{spec} {rule}");
            assert_eq!(resident.outputs.first_difference(&reference.outputs), None);
        }
    }
}

/// The numbers of loops of claim 15: Kleene's evaluation of the network, mean and worst.
#[test]
fn loops_are_those_of_kleenes_evaluation() {
    for (spec, mean, worst) in [("adder:4", 5.22, 7), ("adder:8", 7.72, 15)] {
        let circuit = generate(spec).unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let n = circuit.inputs().len();
        let inputs = Batch::counting(n, 0, 1 << n);
        let halted = Halting::new(&model, Rule::Known).unwrap();
        let halted = halted.run_until_halted(&inputs, model.n_loops).unwrap();
        let loops: Vec<usize> = halted.stopped.into_iter().map(Option::unwrap).collect();
        let found = loops.iter().sum::<usize>() as f64 / loops.len() as f64;
        assert_eq!(loops.iter().max(), Some(&worst), "{spec}");
        assert!((found - mean).abs() < 0.005, "{spec}: {found}");
    }
}

#[test]
fn more_operands_and_other_forms_are_refused() {
    let circuit = generate("parity:6").unwrap();
    let refused = [
        options(5, Dtype::F32),
        Options { collapse: 3, ..Options::default() },
        Options { unroll: true, ..Options::default() },
        Options { prelude: 1, ..Options::default() },
        Options { inverse_temperature: 1.0, ..Options::default() },
    ];
    for options in refused {
        assert!(compile(&circuit, "", &options).is_err(), "{options:?}");
    }
    assert!(compile(&circuit, "", &Options { collapse: 2, ..Options::default() }).is_ok());
}
