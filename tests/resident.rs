//! The resident engine against the reference engine: the same stream after every layer of every loop, the
//! same outputs, or a refusal that names the premise.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Oracle;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Attention, Dtype, Model, Parts};
use circuit2tf::run::{Engine, Incremental, Reference, Resident, Work};
use proptest::prelude::*;
use rayon::prelude::*;

#[path = "support/stream.rs"]
mod stream;
mod support;

use stream::require_same_stream;
use support::{random_batch, random_circuit};

fn compiled(spec: &str, options: &Options) -> Model {
    compile(&generate(spec).unwrap(), "", options).unwrap()
}

/// All assignments of up to 6 inputs, else some.
fn assignments(model: &Model) -> Batch {
    let n = model.input_positions.len();
    if n <= 6 { Batch::counting(n, 0, 1 << n) } else { random_batch(n, 20) }
}

/// Holds the outputs of `resident` against the reference engine's, and the streams of some assignments.
fn require_same(model: &Model, resident: &Resident, n_loops: usize, what: &str) {
    let reference = Reference::new(model).unwrap();
    let inputs = assignments(model);
    let expected = reference.run(&inputs, n_loops).unwrap();
    let outputs = resident.run(&inputs, n_loops).unwrap();
    assert_eq!(expected.first_difference(&outputs), None, "{what}");
    match Incremental::new(model) {
        Ok(incremental) => {
            let outputs = incremental.run(&inputs, n_loops).unwrap();
            assert_eq!(expected.first_difference(&outputs), None, "{what}, incrementally");
        }
        Err(refusal) => assert!(resident.n_states() > 2, "{what}: {refusal}"),
    }
    for a in (0..inputs.n_assignments()).step_by(inputs.n_assignments().div_ceil(4)) {
        let input = inputs.column(a);
        require_same_stream(model, &input, n_loops, what, |see| {
            resident.trace(&input, n_loops, see).unwrap();
        });
    }
}

#[test]
fn every_dtype_mask_schedule_and_fan_in_gives_the_stream_of_the_reference() {
    for dtype in Dtype::ALL {
        for (layers, unroll, causal) in [(1, false, false), (2, false, true), (3, true, false)] {
            for heads in 2..=4 {
                for spec in ["adder:2", "mux:2", "majority:5"] {
                    let options =
                        Options { layers, heads, dtype, unroll, causal, ..Options::default() };
                    let model = compiled(spec, &options);
                    let resident = Resident::new(&model).unwrap();
                    let what = format!("{spec} {options:?}");
                    require_same(&model, &resident, model.n_loops, &what);
                    assert_eq!(resident.n_states(), 2, "{what}");
                    assert_eq!(resident.n_kept(), 1, "{what}");
                }
            }
        }
    }
}

#[test]
fn wide_gates_and_more_or_fewer_loops_are_the_same_too() {
    for heads in [5, 6] {
        let model = compiled("parity:7", &Options { heads, ..Options::default() });
        let resident = Resident::new(&model).unwrap();
        require_same(&model, &resident, model.n_loops, &format!("{heads} heads"));
    }
    let model = compiled("comparator:3", &Options { layers: 2, ..Options::default() });
    let resident = Resident::new(&model).unwrap();
    for n_loops in [0, 1, model.n_loops + 3] {
        require_same(&model, &resident, n_loops, &format!("{n_loops} loops"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_circuits_give_the_stream_of_the_reference(
        circuit in random_circuit(5, 12),
        heads in 2..=4usize,
        layers in 1..=3usize,
        dtype in prop::sample::select(&Dtype::ALL[..]),
        causal in any::<bool>(),
    ) {
        prop_assume!(!circuit.outputs().is_empty());
        let options = Options { layers, heads, dtype, causal, ..Options::default() };
        let model = compile(&circuit, "", &options).unwrap();
        require_same(&model, &Resident::new(&model).unwrap(), model.n_loops, "random");
    }
}

/// Blocks of every width, and batches that end in the middle of one.
#[test]
fn any_number_of_assignments_gives_the_outputs_of_the_circuit() {
    for spec in ["mult:4", "random:n=12,gates=300,seed=3"] {
        let circuit = generate(spec).unwrap();
        let oracle = Oracle::new(&circuit).unwrap();
        for dtype in [Dtype::F32, Dtype::F64] {
            let model = compile(&circuit, "", &Options { dtype, ..Options::default() }).unwrap();
            let resident = Resident::new(&model).unwrap();
            let incremental = Incremental::new(&model).unwrap();
            for n in [0, 1, 2, 15, 16, 17, 33, 63, 64, 65, 127, 200, 513, 1000, 2049] {
                let inputs = random_batch(circuit.inputs().len(), n);
                let outputs = resident.run(&inputs, model.n_loops).unwrap();
                let expected = oracle.run(&inputs).unwrap();
                assert_eq!(expected.first_difference(&outputs), None, "{spec}, {n} in {dtype}");
                let before = incremental.work();
                let outputs = incremental.run(&inputs, model.n_loops).unwrap();
                assert_eq!(expected.first_difference(&outputs), None, "{spec}, {n} in {dtype}");
                let Work { computed, skipped } = incremental.work();
                let all = (model.n_ctx() * model.n_loops * n) as u64;
                assert_eq!(computed - before.computed + skipped - before.skipped, all);
                assert!(n == 0 || skipped > before.skipped && computed > before.computed);
            }
        }
    }
}

#[test]
fn a_circuit_without_inputs_runs() {
    let circuit = {
        let mut builder = circuit2tf::circuit::Builder::new();
        let one = builder.constant(true).unwrap();
        builder.output("y", one.literal()).unwrap();
        builder.output("z", !one.literal()).unwrap();
        builder.finish().unwrap()
    };
    let model = compile(&circuit, "", &Options::default()).unwrap();
    let resident = Resident::new(&model).unwrap();
    for n_loops in [0, 4] {
        let outputs = resident.run(&Batch::zeros(0, 70), n_loops).unwrap();
        assert!((0..70).all(|a| outputs.column(a) == [true, false]));
    }
    assert!(resident.run(&Batch::zeros(1, 1), 1).is_err());
    assert!(resident.trace(&[true], 1, |_, _| ()).is_err());
}

#[test]
fn a_soft_softmax_is_refused() {
    for (dtype, enough, too_little) in [(Dtype::F32, 32.0, 16.0), (Dtype::F16, 32.0, 16.0)] {
        let model = |inverse_temperature| {
            compiled("adder:2", &Options { dtype, inverse_temperature, ..Options::default() })
        };
        let hard = model(enough);
        require_same(&hard, &Resident::new(&hard).unwrap(), hard.n_loops, "a lesser temperature");
        let error = Resident::new(&model(too_little)).unwrap_err();
        assert!(error.expected.contains("one-hot"), "{error}");
    }
}

/// Changes of one number; NaN and infinities last.
const CHANGES: [fn(f64) -> f64; 9] = [
    |x| -x,
    |_| 0.0,
    |x| x + 1.0,
    |x| x - 0.5,
    |x| 2.0 * x,
    |x| x / 2.0,
    |x| x * 1.0078125,
    |_| f64::NAN,
    |_| f64::INFINITY,
];
const N_FINITE: usize = 7;

fn tensors(parts: &mut Parts) -> Vec<(String, &mut [f64])> {
    let mut all: Vec<(String, Option<&mut [f64]>)> = vec![
        ("W_E".to_string(), parts.w_e.as_slice_mut()),
        ("W_pos".to_string(), parts.w_pos.as_slice_mut()),
        ("W_U".to_string(), parts.w_u.as_slice_mut()),
        ("b_U".to_string(), parts.b_u.as_slice_mut()),
    ];
    for (l, block) in parts.blocks.iter_mut().enumerate() {
        all.extend(
            [
                ("W_Q", block.w_q.as_slice_mut()),
                ("W_K", block.w_k.as_slice_mut()),
                ("W_V", block.w_v.as_slice_mut()),
                ("b_Q", block.b_q.as_slice_mut()),
                ("b_K", block.b_k.as_slice_mut()),
                ("b_V", block.b_v.as_slice_mut()),
                ("W_O", block.w_o.as_slice_mut()),
                ("b_O", block.b_o.as_slice_mut()),
                ("W_in", block.w_in.as_slice_mut()),
                ("b_in", block.b_in.as_slice_mut()),
                ("W_out", block.w_out.as_slice_mut()),
                ("b_out", block.b_out.as_slice_mut()),
            ]
            .map(|(name, numbers)| (format!("{l}.{name}"), numbers)),
        );
    }
    all.into_iter().map(|(name, numbers)| (name, numbers.unwrap())).collect()
}

/// Changes number `i` of tensor `t`.
fn changed(model: &Model, (t, i): (usize, usize), change: fn(f64) -> f64) -> (String, Model) {
    let mut parts = (**model).clone();
    let (name, numbers) = tensors(&mut parts).swap_remove(t);
    numbers[i] = model.dtype.round(change(numbers[i]));
    let text = format!("{name}[{i}] = {}", numbers[i]);
    (text, Model::new(parts).unwrap())
}

/// Every number of every tensor with one of the changes, by turns: accepted and the same, or refused.
#[test]
fn corrupted_models_run_as_what_they_are_or_are_refused() {
    for (spec, dtype, layers) in
        [("adder:1", Dtype::F32, 2), ("mux:1", Dtype::Bf16, 1), ("mux:1", Dtype::F16, 1)]
    {
        let model = compiled(spec, &Options { dtype, layers, ..Options::default() });
        let mut parts = (*model).clone();
        let sizes: Vec<usize> = tensors(&mut parts).iter().map(|(_, x)| x.len()).collect();
        let sites: Vec<_> =
            sizes.iter().enumerate().flat_map(|(t, &n)| (0..n).map(move |i| (t, i))).collect();
        let accepted = sites.par_iter().enumerate().filter(|&(number, &site)| {
            let mut any = false;
            for change in [number % N_FINITE, (number + 3) % N_FINITE] {
                let (text, mutant) = changed(&model, site, CHANGES[change]);
                if let Ok(resident) = Resident::new(&mutant) {
                    require_same(&mutant, &resident, mutant.n_loops + 2, &text);
                    any = true;
                }
            }
            any
        });
        let accepted = accepted.count();
        assert!(accepted > sites.len() / 20, "only {accepted} of {} accepted", sites.len());
        assert!(accepted < sites.len(), "a change that breaks a premise is accepted");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let model = compiled("mux:1", &Options::default());
    let mut parts = (*model).clone();
    let sizes: Vec<usize> = tensors(&mut parts).iter().map(|(_, x)| x.len()).collect();
    for (t, &n) in sizes.iter().enumerate() {
        for change in &CHANGES[N_FINITE..] {
            let (text, mutant) = changed(&model, (t, n - 1), *change);
            let error = Resident::new(&mutant).unwrap_err();
            assert!(error.expected.contains("finite"), "{text}: {error}");
        }
    }
}

#[test]
fn scores_that_depend_on_the_state_are_refused() {
    let model = compiled("mux:1", &Options::default());
    let value = model.labels.channel_names.iter().position(|name| name == "value").unwrap();
    for is_query in [true, false] {
        let mut parts = (*model).clone();
        let block = &mut parts.blocks[0];
        let w = if is_query { &mut block.w_q } else { &mut block.w_k };
        w[[1, value, 0]] = 1.0;
        let error = Resident::new(&Model::new(parts).unwrap()).map(|_| ()).unwrap_err();
        assert!(error.expected.contains("ignore what the blocks write"), "{error}");
    }
}

/// A pointer ahead of its reader is hidden by the causal mask: the row is then another, or soft.
#[test]
fn a_target_behind_the_mask_is_not_read() {
    let model = compiled("adder:2", &Options::default());
    let mut parts = (*model).clone();
    parts.attention = Attention::Causal;
    let (first, last) =
        (parts.w_pos.row(0).to_owned(), parts.w_pos.row(model.n_ctx() - 1).to_owned());
    for (c, name) in model.labels.channel_names.iter().enumerate() {
        if name.starts_with("address") {
            parts.w_pos[[0, c]] = last[c];
            parts.w_pos[[model.n_ctx() - 1, c]] = first[c];
        }
    }
    let mutant = Model::new(parts).unwrap();
    if let Ok(resident) = Resident::new(&mutant) {
        require_same(&mutant, &resident, mutant.n_loops, "hidden target");
    }
}

/// Of one assignment 64 layers are looked up at once; what can change has a level above the window's first
/// layer.
#[test]
fn few_assignments_go_through_many_layers_at_once() {
    let circuit = generate("parity-chain:150").unwrap();
    let model = compile(&circuit, "", &Options::default()).unwrap();
    let incremental = Incremental::new(&model).unwrap();
    let inputs = random_batch(150, 1);
    for n_loops in [1, 63, 64, 65, 149, 200] {
        let resident = Resident::new(&model).unwrap().run(&inputs, n_loops).unwrap();
        let outputs = incremental.run(&inputs, n_loops).unwrap();
        assert_eq!(resident.first_difference(&outputs), None, "{n_loops} loops");
    }
    let before = incremental.work().computed;
    incremental.run(&inputs, model.n_loops).unwrap();
    let n_gates = (model.n_ctx() - 150) as u64;
    // Levels 1 to 149 take part in the windows before them: all, those above 64, those above 128.
    let most = 64 * (n_gates + (n_gates - 64)) + (model.n_loops as u64 - 128) * (n_gates - 128);
    let computed = incremental.work().computed - before;
    assert!(64 * n_gates <= computed && computed <= most, "{computed} of at most {most}");
}

/// A model that is prepared in several parts: what is found in the last is as good as what is found in the first.
#[test]
fn positions_far_behind_are_looked_at_like_the_first() {
    let circuit = generate("random:n=16,gates=10000,seed=3").unwrap();
    let model = compile(&circuit, "", &Options::default()).unwrap();
    let inputs = random_batch(16, 64);
    let outputs = Resident::new(&model).unwrap().run(&inputs, model.n_loops).unwrap();
    let expected = Oracle::new(&circuit).unwrap().run(&inputs).unwrap();
    assert_eq!(expected.first_difference(&outputs), None);

    let channel = |start: &str| {
        let mut names = model.labels.channel_names.iter();
        names.position(|name| name.starts_with(start)).unwrap()
    };
    let last = model.n_ctx() - 1;
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = (*model).clone();
        change(&mut parts);
        Model::new(parts).unwrap()
    };
    let refusal = |mutant: &Model| Resident::new(mutant).map(|_| ()).unwrap_err();
    let infinite = with(&|parts| parts.w_pos[[last, 0]] = f64::INFINITY);
    assert!(refusal(&infinite).found.contains(&format!("[{last}, 0]")));
    let alike = with(&|parts| {
        for (c, name) in model.labels.channel_names.iter().enumerate() {
            if name.starts_with("address") {
                parts.w_pos[[last, c]] = parts.w_pos[[0, c]];
            }
        }
    });
    let error = refusal(&alike);
    assert!(error.expected.contains("one-hot"), "two keys are one: {error}");
    let third = with(&|parts| parts.w_pos[[last, channel("value")]] = 3.0);
    match Resident::new(&third) {
        Ok(resident) => assert!(resident.n_states() > 2),
        Err(error) => assert!(error.expected.contains("states"), "{error}"),
    }
}

/// More gates than scores could be held of; a whole block of a hash through every layer, and beyond.
#[test]
fn sha256_runs_through_the_model() {
    let circuit = generate("sha256").unwrap();
    let model = compile(&circuit, "", &Options::default()).unwrap();
    assert!(Reference::new(&model).is_err(), "its scores do not fit");
    let inputs = random_batch(circuit.inputs().len(), 1);
    let expected = Oracle::new(&circuit).unwrap().run(&inputs).unwrap();
    let incremental = Incremental::new(&model).unwrap();
    for n_loops in [model.n_loops, 5331] {
        let outputs = incremental.run(&inputs, n_loops).unwrap();
        assert_eq!(expected.first_difference(&outputs), None, "{n_loops} loops");
    }
    let before = model.n_loops - 1;
    let resident = Resident::new(&model).unwrap();
    for n_loops in [before, model.n_loops] {
        let [of_resident, of_incremental] = [&resident as &dyn Engine, &incremental]
            .map(|engine| engine.run(&inputs, n_loops).unwrap());
        assert_eq!(of_resident.first_difference(&of_incremental), None, "{n_loops} loops");
    }
}
