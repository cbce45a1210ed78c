//! Theorem. For every `m` there is one set of layers that computes every circuit of two-operand gates with at
//! most `2^m` nodes from the bits of the circuit and its inputs: one layer of `2m + 4` heads that gathers a
//! gate's bits, then one layer looped as often as the circuit is deep.
//!
//! Proof. [`circuit2tf::theory::shallow::prompt`] has the construction. After the first layer a gate's token holds
//! its pointers and its table as a compiled model's position embedding does, and by Theorem 1 the loop is the
//! synchronous dynamics. End of proof.
//!
//! Claims: circuit-in-the-prompt.
//!
//! Executed: every circuit of one input and two gates; random ones of any shape up to eight nodes, in every dtype;
//! the layers of different shapes are equal. With a bit of the prompt changed the answer is that of the changed
//! circuit; without the gathering layer it is wrong.

use circuit2tf::batch::Batch;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Engine, Reference};
use circuit2tf::theory::shallow::prompt::{Gate, Shape, circuit_from_prompt, evaluate};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::ground::*;

type Prompt = (Vec<Gate>, Vec<bool>);

fn n_wrong(model: &Model, shape: Shape, prompts: &[Prompt]) -> usize {
    let columns: Vec<Vec<bool>> = prompts.iter().map(|(g, x)| shape.prompt(g, x)).collect();
    let batch = Batch::from_columns(columns[0].len(), &columns).unwrap();
    let outputs = Reference::new(model).unwrap().run(&batch, model.n_loops).unwrap();
    let is_wrong = |(a, (g, x)): &(usize, &Prompt)| outputs.column(*a) != evaluate(g, x);
    prompts.iter().enumerate().filter(is_wrong).count()
}

fn random(shape: Shape, rng: &mut ChaCha8Rng) -> Prompt {
    let gate = |g: usize| Gate {
        operands: [(); 2].map(|()| rng.random_range(0..shape.n_inputs + g)),
        table: rng.random_range(0..16),
    };
    let gates = (0..shape.n_gates).map(gate).collect();
    (gates, (0..shape.n_inputs).map(|_| rng.random()).collect())
}

#[test]
fn every_circuit_of_one_input_and_two_gates() {
    let shape = Shape { n_inputs: 1, n_gates: 2 };
    let mut prompts = Vec::new();
    for code in 0..1 << 11u32 {
        let table = |shift: u32| (code >> shift & 15) as u8;
        let second = [8, 9].map(|shift| (code >> shift & 1) as usize);
        let gates = [([0, 0], table(0)), (second, table(4))];
        let gates = gates.map(|(operands, table)| Gate { operands, table });
        prompts.push((gates.to_vec(), vec![code >> 10 == 1]));
    }
    let model = circuit_from_prompt(shape, Dtype::F32).unwrap();
    assert_eq!(n_wrong(&model, shape, &prompts), 0);
}

#[test]
fn random_circuits_of_all_shapes_in_every_dtype() {
    let n = if is_long_range() { 300 } else { 8 };
    let mut rng = ChaCha8Rng::seed_from_u64(18);
    for n_inputs in 1..=4 {
        for n_gates in 1..=4 {
            let shape = Shape { n_inputs, n_gates };
            let prompts: Vec<Prompt> = (0..n).map(|_| random(shape, &mut rng)).collect();
            for dtype in Dtype::ALL {
                let model = circuit_from_prompt(shape, dtype).unwrap();
                assert_eq!(model.n_heads(), 2 * shape.address_length() + 4);
                assert_eq!((model.n_prelude, model.n_layers(), model.n_loops), (1, 1, n_gates));
                assert_eq!(n_wrong(&model, shape, &prompts), 0, "{shape:?} {dtype}");
            }
        }
    }
    let shape = |n_inputs, n_gates| Shape { n_inputs, n_gates };
    let blocks = |shape| circuit_from_prompt(shape, Dtype::F32).unwrap().blocks.clone();
    assert_eq!(blocks(shape(3, 5)), blocks(shape(4, 1)));
    for wrong in [shape(0, 1), shape(1, 0), shape(8, 9)] {
        assert!(circuit_from_prompt(wrong, Dtype::F32).is_err());
    }
}

#[test]
fn the_prompt_is_what_is_computed() {
    let shape = Shape { n_inputs: 2, n_gates: 1 };
    let gate = |table| vec![Gate { operands: [0, 1], table }];
    let model = circuit_from_prompt(shape, Dtype::Bf16).unwrap();
    let prompts: Vec<Prompt> =
        (0..16).flat_map(|table| assignments(2).map(move |x| (gate(table), x))).collect();
    assert_eq!(n_wrong(&model, shape, &prompts), 0);
    let blind = changed(&model, |parts| parts.blocks[0].w_o.fill(0.0));
    assert!(n_wrong(&blind, shape, &prompts) > 0);
}
