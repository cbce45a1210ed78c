//! Models that go token by token or thought by thought, against the oracle.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Circuit, Oracle};
use circuit2tf::family::generate;
use circuit2tf::mapping;
use circuit2tf::model::{Dtype, Model, Parts, file};
use circuit2tf::reasoning::liveness::Liveness;
use circuit2tf::reasoning::{Request, Shape, coconut, cot};
use circuit2tf::run::{Decoder, Emitted};
use circuit2tf::verify::{Check, Verdict};
use proptest::prelude::*;

#[path = "support/circuits.rs"]
mod circuits;
mod support;

use support::{random_batch, random_circuit};

const VOCABULARIES: [usize; 4] = [2, 4, 16, 1000];
const FAMILIES: [&str; 14] = [
    "parity:5",
    "parity-chain:5",
    "adder:2",
    "adder-ks:3",
    "majority:5",
    "mux:2",
    "decoder:3",
    "eq:3",
    "popcount:4",
    "hamming74",
    "sort-bitonic:4",
    "comparator:3",
    "mult:2",
    "random:n=7,gates=30,seed=3",
];

/// The outputs of the model on a batch, and the least margin.
fn decode(model: &Model, inputs: &Batch) -> (Batch, f64) {
    Decoder::new(model).unwrap().run_with_margin(inputs, model.n_loops).unwrap()
}

/// The first input, of all or of 200 where there are more than 8, on which model and circuit differ.
fn difference(model: &Model, circuit: &Circuit) -> Option<Vec<bool>> {
    let n = circuit.inputs().len();
    let inputs = if n <= 8 { Batch::counting(n, 0, 1 << n) } else { random_batch(n, 200) };
    let (got, margin) = decode(model, &inputs);
    let expected = Oracle::new(circuit).unwrap().run(&inputs).unwrap();
    let found = expected.first_difference(&got);
    assert!(found.is_some() || margin >= 2.0, "right by a margin of {margin} only");
    found.map(|(assignment, _)| inputs.column(assignment))
}

fn cot(circuit: &Circuit, vocab: usize, dtype: Dtype) -> Model {
    let request = Request { vocab: Some(vocab), dtype, ..Request::default() };
    cot::compile(circuit, "", &request).unwrap()
}

fn coconut(circuit: &Circuit, layers: usize, dtype: Dtype) -> Model {
    let request = Request { layers: Some(layers), dtype, ..Request::default() };
    coconut::compile(circuit, "", &request).unwrap()
}

#[test]
fn chains_of_thought_are_right_in_every_dtype_and_vocabulary() {
    for spec in FAMILIES {
        let circuit = generate(spec).unwrap();
        for vocab in VOCABULARIES {
            // The widest models in one dtype only.
            let dtypes = if vocab < 1000 { &Dtype::ALL[..] } else { &[Dtype::Bf16] };
            for &dtype in dtypes {
                let model = cot(&circuit, vocab, dtype);
                assert_eq!(difference(&model, &circuit), None, "{spec} V={vocab} {dtype}");
            }
        }
    }
}

#[test]
fn chains_of_thought_are_right_at_the_edges() {
    for (name, circuit) in circuits::edge_cases() {
        for vocab in [2, 3, 16] {
            let model = cot(&circuit, vocab, Dtype::Bf16);
            assert_eq!(difference(&model, &circuit), None, "{name} V={vocab}");
            let again = file::from_bytes(&file::to_bytes(&model), "").unwrap();
            assert_eq!(again, model, "{name}");
        }
    }
}

#[test]
fn wider_gates_take_fewer_tokens() {
    let circuit = generate("adder:4").unwrap();
    let tokens = [2, 3, 4].map(|fan_in| {
        let request = Request { heads: fan_in, vocab: Some(8), ..Request::default() };
        let model = cot::compile(&circuit, "", &request).unwrap();
        assert_eq!(difference(&model, &circuit), None, "fan-in {fan_in}");
        model.n_loops
    });
    assert!(tokens[2] <= tokens[0], "{tokens:?}");
}

#[test]
fn an_output_that_is_an_input_takes_no_token_and_a_constant_one() {
    let cases = circuits::edge_cases();
    let tokens = |name: &str| {
        let (_, circuit) = cases.iter().find(|(other, _)| *other == name).unwrap();
        cot(circuit, 2, Dtype::F32).n_loops
    };
    assert_eq!(tokens("outputs that are inputs"), 0);
    assert_eq!(tokens("one and no inputs"), 1);
    assert_eq!(tokens("constant outputs"), 2);
}

#[test]
fn one_token_a_gate_and_the_order_of_the_schedule() {
    let circuit = generate("parity:64").unwrap();
    let model = cot(&circuit, 2, Dtype::F32);
    assert_eq!((model.n_loops, model.n_layers(), model.n_heads()), (63, 1, 2));
    let wide = cot(&circuit, 32768, Dtype::F32);
    let bounds = cot::bounds(&wide).unwrap();
    assert_eq!((bounds.by_levels, bounds.reached, bounds.lower, bounds.upper), (9, 8, 6, 10));
    assert_eq!((wide.n_loops, wide.n_layers(), wide.d_vocab_out()), (8, 2, 32768));
}

/// What the shape counts is what the model has.
#[test]
fn shapes_are_those_of_the_models() {
    for (spec, vocab) in [("mult:2", 2), ("adder:3", 1000), ("outputs", 4)] {
        let circuit = match spec {
            "outputs" => circuits::edge_cases().swap_remove(0).1,
            _ => generate(spec).unwrap(),
        };
        let request = Request { vocab: Some(vocab), ..Request::default() };
        let model = cot::compile(&circuit, "", &request).unwrap();
        let network = mapping::map(&circuit, 2).unwrap().network;
        let (shape, bounds) = cot::shape(&network, &request).unwrap();
        assert_eq!(cot::bounds(&model), Some(bounds));
        require_shape(&shape, &model);
    }
}

fn require_shape(shape: &Shape, model: &Model) {
    let counted = (shape.n_layers, shape.n_heads, shape.d_model, shape.d_head, shape.d_mlp);
    let found =
        (model.blocks.len(), model.n_heads(), model.d_model(), model.d_head(), model.d_mlp());
    assert_eq!(counted, found);
    assert_eq!((shape.n_ctx, shape.d_vocab), (model.n_ctx(), model.d_vocab()));
    let mut n_parameters = 0;
    let count = |_: &str, _: &[usize], numbers: &[f64]| {
        n_parameters += numbers.len() as u128;
        Ok(())
    };
    model.for_each_tensor(count).unwrap();
    assert_eq!(shape.parameters(), n_parameters);
    let decoder = Decoder::new(model).unwrap();
    assert_eq!(shape.n_prompt, decoder.n_prompt());
    assert_eq!(shape.n_thoughts + shape.n_tokens, decoder.n_steps());
}

/// Every number of a model, negated where it is not 0, or set where it is: which of the changes are seen.
fn wrong_with_one_number_changed(model: &Model, circuit: &Circuit) -> (usize, usize) {
    let (mut seen, mut changed) = (0, 0);
    let engine_of = |model: &Model| difference_only(model, circuit);
    let changes: [fn(&mut Parts) -> Vec<&mut f64>; 4] = [
        |parts| parts.blocks[0].w_in.iter_mut().collect(),
        |parts| parts.blocks[0].w_o.iter_mut().collect(),
        |parts| parts.blocks[0].w_v.iter_mut().collect(),
        |parts| parts.w_u.iter_mut().collect(),
    ];
    for numbers in changes {
        let mut parts = model.clone().into_parts();
        let n = numbers(&mut parts).len();
        let nonzero: Vec<usize> = (0..n).filter(|&i| *numbers(&mut parts)[i] != 0.0).collect();
        for i in nonzero.into_iter().step_by(3) {
            let mut parts = model.clone().into_parts();
            *numbers(&mut parts)[i] *= -1.0;
            changed += 1;
            seen += usize::from(engine_of(&Model::new(parts).unwrap()));
        }
    }
    (seen, changed)
}

/// Whether a model, possibly wrong by any margin, differs from the circuit.
fn difference_only(model: &Model, circuit: &Circuit) -> bool {
    let inputs = Batch::counting(circuit.inputs().len(), 0, 1 << circuit.inputs().len());
    let expected = Oracle::new(circuit).unwrap().run(&inputs).unwrap();
    expected.first_difference(&decode(model, &inputs).0).is_some()
}

#[test]
fn a_changed_number_is_seen() {
    let circuit = generate("adder:2").unwrap();
    let models = [
        cot(&circuit, 2, Dtype::F32),
        cot(&circuit, 4, Dtype::F32),
        coconut(&circuit, 2, Dtype::F32),
    ];
    for model in models {
        let (seen, changed) = wrong_with_one_number_changed(&model, &circuit);
        assert!(changed > 5 && seen * 10 >= changed * 8, "{}: {seen} of {changed}", model.scheme);
    }
}

#[test]
fn a_wrong_truth_table_is_refuted_with_a_witness() {
    let circuit = generate("mult:2").unwrap();
    let model = cot(&circuit, 4, Dtype::F16);
    let table = model.labels.channel_names.iter().position(|name| name == "table0[3]").unwrap();
    let mut parts = model.into_parts();
    let position = parts.input_positions.len() - 1;
    parts.w_pos[[position, table]] *= -1.0;
    let wrong = Model::new(parts).unwrap();
    let engine = Decoder::new(&wrong).unwrap();
    let verdict = Check::new(&engine, &circuit).run();
    let Ok(Verdict::Refuted(found)) = verdict else { panic!("{verdict:?}") };
    assert_ne!(circuit.evaluate(&found.input).unwrap()[found.output], !found.expected);
}

#[test]
fn a_trace_shows_every_gate() {
    let circuit = generate("parity-chain:6").unwrap();
    let model = cot(&circuit, 2, Dtype::F32);
    let input = [true, false, true, true, false, true];
    let mut emitted = Vec::new();
    let decoder = Decoder::new(&model).unwrap();
    decoder.trace(&input, model.n_loops, |emission| emitted.push(emission)).unwrap();
    let tokens: Vec<_> = emitted.iter().map(|emission| emission.emitted).collect();
    let token = |token| Emitted::Token { token, margin: 2.0 };
    assert_eq!(tokens, [token(1), token(0), token(1), token(1), token(0)]);
    assert_eq!(
        emitted.iter().map(|emission| emission.position).collect::<Vec<_>>(),
        [6, 7, 8, 9, 10]
    );
    assert!(emitted.iter().all(|emission| emission.hidden.len() == model.d_model()));
}

#[test]
fn continuous_thoughts_are_right_in_every_dtype_and_number_of_layers() {
    for spec in FAMILIES {
        let circuit = generate(spec).unwrap();
        for layers in 1..=4 {
            for dtype in Dtype::ALL {
                let model = coconut(&circuit, layers, dtype);
                assert_eq!(difference(&model, &circuit), None, "{spec} L={layers} {dtype}");
            }
        }
    }
}

#[test]
fn continuous_thoughts_are_right_at_the_edges() {
    for (name, circuit) in circuits::edge_cases() {
        for (layers, dtype) in [(1, Dtype::F16), (2, Dtype::F32), (5, Dtype::Bf16)] {
            let model = coconut(&circuit, layers, dtype);
            assert_eq!(difference(&model, &circuit), None, "{name} L={layers}");
            let again = file::from_bytes(&file::to_bytes(&model), "").unwrap();
            assert_eq!(again, model, "{name}");
        }
    }
}

#[test]
fn thoughts_are_as_many_as_layers_need_and_d_model_follows_the_live_cut() {
    for spec in ["parity:16", "parity-chain:9", "adder:4", "mult:3"] {
        let circuit = generate(spec).unwrap();
        let network = mapping::map(&circuit, 2).unwrap().network;
        let widest = Liveness::new(&network).widest();
        for layers in 1..=4 {
            let model = coconut(&circuit, layers, Dtype::F32);
            assert_eq!(model.n_loops, (network.depth() + 1).div_ceil(layers), "{spec}");
            assert!(model.d_model() <= widest + circuit.inputs().len() + 25, "{spec}");
            let request = Request { layers: Some(layers), ..Request::default() };
            require_shape(&coconut::shape(&network, &request).unwrap(), &model);
        }
    }
}

/// Weights are 1/c for every number c of inputs that are 1, and in bf16 the sum of more than 256 ones stays 256.
#[test]
fn any_number_of_inputs_is_gathered() {
    let circuit = circuits::one_gate(circuit2tf::circuit::GateKind::Xor, 300);
    for dtype in [Dtype::Bf16, Dtype::F16] {
        let model = coconut(&circuit, 9, dtype);
        let columns: Vec<Vec<bool>> = [0, 1, 2, 3, 255, 256, 257, 258, 299, 300]
            .iter()
            .map(|&ones| (0..300).map(|i| i * 131 % 300 < ones).collect())
            .collect();
        let inputs = Batch::from_columns(300, &columns).unwrap();
        let expected = Oracle::new(&circuit).unwrap().run(&inputs).unwrap();
        assert_eq!(expected.first_difference(&decode(&model, &inputs).0), None, "{dtype}");
    }
}

#[test]
fn a_thought_holds_the_live_values_and_nothing_else() {
    let circuit = generate("parity:8").unwrap();
    let model = coconut(&circuit, 1, Dtype::F32);
    let input = [true, false, false, false, true, true, false, true];
    let mut thoughts = Vec::new();
    let decoder = Decoder::new(&model).unwrap();
    let observe = |emission: circuit2tf::run::Emission| {
        if emission.emitted == Emitted::Thought {
            thoughts.push(emission.hidden);
        }
    };
    decoder.trace(&input, model.n_loops, observe).unwrap();
    assert_eq!(thoughts.len(), 4);
    let bits = |values: &[f64]| values.iter().map(|&x| x == 1.0).collect::<Vec<_>>();
    assert_eq!(bits(&thoughts[0][..8]), input);
    assert_eq!(thoughts[3].iter().filter(|&&x| x != 0.0 && x != 1.0).count(), 0);
    for thought in &thoughts {
        assert!(thought[8..].iter().all(|&x| x == 0.0), "only slots are handed over: {thought:?}");
    }
}

#[test]
fn one_thought_too_few_is_wrong() {
    let circuit = generate("parity:8").unwrap();
    let model = coconut(&circuit, 1, Dtype::F32);
    let engine = Decoder::new(&model).unwrap();
    let verdict = Check::new(&engine, &circuit).loops(model.n_loops - 1).run();
    assert!(matches!(verdict, Ok(Verdict::Refuted(_))), "{verdict:?}");
    assert!(Check::new(&engine, &circuit).loops(model.n_loops + 1).run().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn random_circuits_as_chains_of_thought(
        circuit in random_circuit(6, 20),
        vocab in 2usize..300,
        fan_in in 2usize..5,
    ) {
        prop_assume!(!circuit.outputs().is_empty());
        let request = Request { vocab: Some(vocab), heads: fan_in, ..Request::default() };
        let model = cot::compile(&circuit, "", &request).unwrap();
        prop_assert_eq!(difference(&model, &circuit), None);
    }

    #[test]
    fn random_circuits_in_continuous_thought(
        circuit in random_circuit(6, 20),
        layers in 1usize..6,
        fan_in in 2usize..5,
        dtype in 0usize..4,
    ) {
        prop_assume!(!circuit.outputs().is_empty());
        let dtype = Dtype::ALL[dtype];
        let request =
            Request { layers: Some(layers), heads: fan_in, dtype, ..Request::default() };
        let model = coconut::compile(&circuit, "", &request).unwrap();
        prop_assert_eq!(difference(&model, &circuit), None);
    }
}

/// Decoding without a cache: the whole prefix again for every step, as one full pass of the layers.
fn without_cache(model: &Model, input: &[bool]) -> Vec<Vec<f64>> {
    let mut hidden = Vec::new();
    let decoder = Decoder::new(model).unwrap();
    decoder
        .trace_without_cache(input, model.n_loops, |emission| hidden.push(emission.hidden))
        .unwrap();
    hidden
}

#[test]
fn the_cache_changes_no_bit() {
    let circuit = generate("adder:3").unwrap();
    for dtype in Dtype::ALL {
        for model in
            [cot(&circuit, 2, dtype), cot(&circuit, 16, dtype), coconut(&circuit, 2, dtype)]
        {
            let decoder = Decoder::new(&model).unwrap();
            for number in [0usize, 1, 13, 42, 63] {
                let input: Vec<bool> = (0..6).map(|i| number >> i & 1 == 1).collect();
                let mut hidden = Vec::new();
                decoder
                    .trace(&input, model.n_loops, |emission| hidden.push(emission.hidden))
                    .unwrap();
                assert_eq!(hidden, without_cache(&model, &input), "{} {dtype}", model.scheme);
            }
        }
    }
}

/// Whatever numbers a file holds, it runs or is refused.
#[test]
fn corrupted_files_run_or_are_refused() {
    let circuit = generate("adder:2").unwrap();
    for model in [cot(&circuit, 4, Dtype::F16), coconut(&circuit, 2, Dtype::F16)] {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 65504.0, 0.0] {
            let mut parts = model.clone().into_parts();
            parts.blocks[0].w_in.fill(number);
            parts.w_u.fill(number);
            let broken = Model::new(parts).unwrap();
            let (outputs, margin) = decode(&broken, &Batch::counting(4, 0, 16));
            assert_eq!(outputs.n_assignments(), 16);
            assert!(margin.is_nan() || margin >= 0.0, "{margin}");
        }
        let changes: [fn(&mut Parts); 9] = [
            |parts| drop(parts.scheme_vectors.remove("scheme.prompt")),
            |parts| drop(parts.scheme_vectors.insert("scheme.prompt".to_string(), vec![])),
            |parts| {
                drop(parts.scheme_vectors.insert("scheme.prompt".to_string(), vec![0, -1, 0, 0, 0]))
            },
            |parts| drop(parts.scheme_vectors.insert("scheme.prompt".to_string(), vec![0])),
            |parts| {
                drop(parts.scheme_vectors.insert("scheme.output_slots".to_string(), vec![64; 3]))
            },
            |parts| drop(parts.scheme_vectors.insert("scheme.output_slots".to_string(), vec![0])),
            |parts| parts.n_loops = usize::MAX,
            |parts| parts.attention = circuit2tf::model::Attention::Bidirectional,
            |parts| parts.scheme = circuit2tf::model::Scheme::RECURRENT,
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut parts = model.clone().into_parts();
            change(&mut parts);
            let refused = Model::new(parts).and_then(|model| Decoder::new(&model).map(|_| ()));
            assert!(refused.is_err(), "change {i} of a {} model", model.scheme);
        }
    }
}

/// Larger circuits, on samples.
#[test]
fn larger_circuits_are_right_on_samples() {
    for spec in ["parity:64", "adder:16", "aes-sbox"] {
        let circuit = generate(spec).unwrap();
        let inputs = random_batch(circuit.inputs().len(), 40);
        let expected = Oracle::new(&circuit).unwrap().run(&inputs).unwrap();
        for model in [cot(&circuit, 16, Dtype::Bf16), coconut(&circuit, 4, Dtype::F32)] {
            let (got, margin) = decode(&model, &inputs);
            assert_eq!(expected.first_difference(&got), None, "{spec} {}", model.scheme);
            assert_eq!(margin, 2.0);
        }
    }
}
