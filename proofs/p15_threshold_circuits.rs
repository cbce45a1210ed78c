//! Theorem. A threshold circuit of depth `D`, of `n` inputs and `G` gates of any fan-in up to `2^p`, runs in
//! `D + 1` loops of one layer with one head: a token per wire, input and output, `d_model = 2m + 5` and
//! `d_head = m` with `m = ⌈log2(n + G + 1)⌉`, and 7 MLP units, `p` being the precision of the dtype.
//! Over the reals a leak `λ` of the rows does no harm if `K λ ≤ 1/2 - 1/(2s)`, `K` being the largest fan-in
//! and `s` the gain of the ramp; `β = -1/2 ln((1 + (1/2 - 1/(2s))/(K F))^(1/m) - 1)` is enough for it, with
//! at most `F` tokens at an address.
//!
//! Proof. [`circuit2tf::theory::shallow::threshold`] has the construction and why a layer makes every wire
//! hold its node's value on the previous values. Induction on the level: after loop 1 the wires from inputs
//! are right, and those from a gate of level `t` one loop after those into it. Rows: with `K_g` keys at the
//! target and, by the binomial theorem, others of weight at most `F ((1 + e^(-2β))^m - 1)` against 1 each,
//! `λ` is at most that. End of proof.
//!
//! Claims: threshold-one-head, threshold-leak, threshold-fan-in.
//!
//! Executed: sizes; all inputs of random circuits in every dtype at gains 1, 2 and 4; graph reachability;
//! the inequality on the numbers of models in f64 at the least temperature it allows. The hypotheses are
//! needed: with wider gates than `2^p` the reference engine, which rounds what a head reads to the dtype, counts
//! wrongly, though the numbers are the same; with a leak far beyond the bound bits are wrong; with one loop
//! fewer the last level is late.

use circuit2tf::batch::Batch;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Engine, Reference};
use circuit2tf::theory::shallow::threshold::{
    Sharpness, ThresholdCircuit, ThresholdGate, Wire, bearable_leak, largest_fan_in, largest_leak,
    sufficient_inverse_temperature, threshold_model,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::ground::*;

/// The first input on which the outputs after some loops are not the circuit's.
fn first_wrong(
    model: &Model,
    circuit: &ThresholdCircuit,
    inputs: &[Vec<bool>],
    n_loops: usize,
) -> Option<Vec<bool>> {
    let batch = Batch::from_columns(circuit.n_inputs(), inputs).unwrap();
    let outputs = Reference::new(model).unwrap().run(&batch, n_loops).unwrap();
    let is_wrong = |a: &usize| outputs.column(*a) != circuit.evaluate(&inputs[*a]);
    (0..inputs.len()).find(is_wrong).map(|a| inputs[a].clone())
}

fn random(seed: u64, shape: [usize; 3]) -> ThresholdCircuit {
    let [n_inputs, n_gates, fan_in] = shape;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    ThresholdCircuit::random(&mut rng, n_inputs, n_gates, fan_in)
}

/// One gate that is 1 where 3/4 of its `k` operands are, all of them inputs.
fn most_of(k: usize) -> ThresholdCircuit {
    let gate = ThresholdGate { operands: (0..k).map(Wire::from).collect(), at_least: k / 4 * 3 };
    ThresholdCircuit::new(k, vec![gate], vec![k.into()]).unwrap()
}

#[test]
fn random_circuits_in_every_dtype_on_all_inputs() {
    let seeds = if is_long_range() { 200 } else { 6 };
    for seed in 0..seeds {
        let circuit = random(seed, [4, 6, 7]);
        let inputs: Vec<Vec<bool>> = assignments(4).collect();
        for dtype in Dtype::ALL {
            for gain in [1, 2, 4] {
                let sharpness = Sharpness { gain, ..Sharpness::default() };
                let model = threshold_model(&circuit, sharpness, dtype).unwrap();
                assert_eq!(first_wrong(&model, &circuit, &inputs, model.n_loops), None, "{seed}");
            }
        }
    }
}

#[test]
fn sizes_are_the_formula_and_every_loop_is_needed() {
    for (seed, shape) in
        (0..20).zip([[3, 5, 4], [9, 30, 12], [1, 1, 1], [20, 3, 60]].iter().cycle())
    {
        let circuit = random(seed, *shape);
        let model = threshold_model(&circuit, Sharpness::default(), Dtype::F32).unwrap();
        let m = circuit.address_length();
        let [n, g, _] = *shape;
        assert!(1 << m > n + g && (m == 1 || 1 << (m - 1) <= n + g));
        assert_eq!((model.n_heads(), model.d_head(), model.d_model()), (1, m, 2 * m + 5));
        assert_eq!((model.d_mlp(), model.n_layers(), model.n_loops), (7, 1, circuit.depth() + 1));
        assert_eq!(model.n_ctx(), circuit.n_tokens());
    }
    // A chain of conjunctions: the last is late if a loop is missing, and stays if there are more.
    let gates = (1..5).map(|i| ThresholdGate::and(vec![i.into(), (i + 4 - 1).into()]));
    let gates: Vec<ThresholdGate> = gates.collect();
    let circuit = ThresholdCircuit::new(5, gates, vec![8.into()]).unwrap();
    let inputs: Vec<Vec<bool>> = assignments(5).collect();
    let model = threshold_model(&circuit, Sharpness::default(), Dtype::Bf16).unwrap();
    let wrong = |n_loops| first_wrong(&model, &circuit, &inputs, n_loops).is_some();
    let loops = model.n_loops;
    assert_eq!([loops - 1, loops, loops + 3].map(wrong), [true, false, false]);
}

/// Whether paths lead from vertex to vertex: two levels a squaring, whatever the number of vertices.
fn reachability(n: usize) -> ThresholdCircuit {
    let pairs = || (0..n).flat_map(move |i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)));
    let mut paths = vec![vec![0; n]; n];
    pairs().enumerate().for_each(|(e, (i, j))| paths[i][j] = e);
    let n_inputs = n * (n - 1);
    let mut gates: Vec<ThresholdGate> = Vec::new();
    for _ in 0..(n - 1).next_power_of_two().ilog2() {
        let mut squared = paths.clone();
        for (i, j) in pairs() {
            let mut ways = vec![Wire::from(paths[i][j])];
            for k in (0..n).filter(|&k| k != i && k != j) {
                gates.push(ThresholdGate::and(vec![paths[i][k].into(), paths[k][j].into()]));
                ways.push((n_inputs + gates.len() - 1).into());
            }
            gates.push(ThresholdGate::or(ways));
            squared[i][j] = n_inputs + gates.len() - 1;
        }
        paths = squared;
    }
    let outputs = pairs().map(|(i, j)| paths[i][j].into()).collect();
    ThresholdCircuit::new(n_inputs, gates, outputs).unwrap()
}

#[test]
fn reachability_takes_two_layers_a_squaring() {
    let sizes = if is_long_range() { 2..=4 } else { 2..=3 };
    for n in sizes {
        let circuit = reachability(n);
        let squarings = (n - 1).next_power_of_two().ilog2() as usize;
        assert_eq!(circuit.depth(), 2 * squarings);
        let model = threshold_model(&circuit, Sharpness::default(), Dtype::F32).unwrap();
        let inputs: Vec<Vec<bool>> = assignments(n * (n - 1)).collect();
        assert_eq!(first_wrong(&model, &circuit, &inputs, model.n_loops), None, "{n}");
        let family = circuit2tf::family::generate(&format!("reach:{n}")).unwrap();
        let same = |input: &Vec<bool>| circuit.evaluate(input) == family.evaluate(input).unwrap();
        assert!(inputs.iter().all(same), "{n}");
    }
}

/// The first `ones` of `k` inputs are 1.
fn counts(k: usize, ones: &[usize]) -> Vec<Vec<bool>> {
    ones.iter().map(|&ones| (0..k).map(|i| i < ones).collect()).collect()
}

#[test]
fn the_precision_bounds_the_fan_in() {
    let mut widths = vec![(Dtype::Bf16, 256)];
    if is_long_range() {
        widths.push((Dtype::F16, 2048));
    }
    for (dtype, widest) in widths {
        assert_eq!(largest_fan_in(dtype, 1), widest as u64);
        let circuit = most_of(widest);
        let model = threshold_model(&circuit, Sharpness::default(), dtype).unwrap();
        let enough = widest / 4 * 3;
        let around = counts(widest, &[0, 1, enough - 1, enough, enough + 1, widest - 1, widest]);
        assert_eq!(first_wrong(&model, &circuit, &around, 2), None, "{dtype}");

        // The average of one too few is rounded to that of enough.
        let wider = most_of(2 * widest);
        assert!(threshold_model(&wider, Sharpness::default(), dtype).is_err());
        // In f32 the same numbers, all of which the narrow dtype has, are right.
        let model = threshold_model(&wider, Sharpness::default(), Dtype::F32).unwrap();
        let inputs = counts(2 * widest, &[0, 2 * enough - 1, 2 * enough]);
        assert_eq!(first_wrong(&model, &wider, &inputs, 2), None, "{dtype}");
        let narrow = changed(&model, |parts| parts.dtype = dtype);
        assert_eq!(first_wrong(&narrow, &wider, &inputs, 2), Some(inputs[1].clone()), "{dtype}");
    }
}

#[test]
fn a_bearable_leak_is_borne_and_a_warm_row_is_not() {
    let seeds = if is_long_range() { 100 } else { 8 };
    let inputs: Vec<Vec<bool>> = assignments(4).collect();
    let mut wrong = 0;
    for seed in 0..seeds {
        let circuit = random(seed, [4, 6, 7]);
        for gain in [2, 4, 8] {
            let enough = sufficient_inverse_temperature(&circuit, gain);
            let at = |inverse_temperature| {
                let sharpness = Sharpness { inverse_temperature, gain };
                threshold_model(&circuit, sharpness, Dtype::F64).unwrap()
            };
            let model = at(enough);
            let (leak, bearable) = (largest_leak(&model), bearable_leak(&circuit, gain));
            assert!(leak > 0.0 && leak <= bearable, "{seed} {gain}: {leak} of {bearable}");
            assert_eq!(
                first_wrong(&model, &circuit, &inputs, model.n_loops),
                None,
                "{seed} {gain}"
            );
            let warm = at(enough / 8.0);
            assert!(largest_leak(&warm) > bearable);
            wrong += usize::from(first_wrong(&warm, &circuit, &inputs, warm.n_loops).is_some());
        }
    }
    assert!(wrong > 0);
}

#[test]
fn what_is_no_threshold_circuit_is_refused() {
    let gate = |operands: Vec<Wire>, at_least| vec![ThresholdGate { operands, at_least }];
    for (gates, outputs) in [
        (gate(vec![], 0), vec![]),
        (gate(vec![0.into()], 0), vec![]),
        (gate(vec![0.into()], 2), vec![]),
        (gate(vec![1.into()], 1), vec![]),
        (gate(vec![0.into()], 1), vec![Wire::from(2)]),
    ] {
        assert!(ThresholdCircuit::new(1, gates, outputs).is_err());
    }
    let empty = ThresholdCircuit::new(0, vec![], vec![]).unwrap();
    assert!(threshold_model(&empty, Sharpness::default(), Dtype::F32).is_err());
    let three = Sharpness { gain: 3, ..Sharpness::default() };
    assert!(threshold_model(&most_of(4), three, Dtype::F32).is_err());
    // An output may be an input, complemented, in a model of one loop.
    let complement = Wire { tail: 0, complemented: true };
    let not = ThresholdCircuit::new(1, vec![], vec![0.into(), complement]).unwrap();
    let model = threshold_model(&not, Sharpness::default(), Dtype::F16).unwrap();
    assert_eq!(model.n_loops, 1);
    assert_eq!(first_wrong(&model, &not, &assignments(1).collect::<Vec<_>>(), 1), None);
}
