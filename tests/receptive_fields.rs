//! Receptive fields: what the weights let outputs depend on, against the circuit's cones.

use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::mapping;
use circuit2tf::model::{Attention, Dtype, Model};
use circuit2tf::theory::depth;
use circuit2tf::theory::shallow;
use circuit2tf::verify::certificate::{Field, receptive_fields};

fn with_loops(model: &Model, n_loops: usize) -> Model {
    let mut parts = model.clone().into_parts();
    parts.n_loops = n_loops;
    Model::new(parts).unwrap()
}

/// The inputs on which each output of the mapped circuit depends after some steps, as it is wired.
fn cones(spec: &str, heads: usize, steps: usize) -> Vec<Vec<usize>> {
    let network = mapping::map(&generate(spec).unwrap(), heads).unwrap().network;
    let fields = depth::receptive_fields(&network, steps);
    let inputs = |&id: &u32| {
        let field = fields[id as usize].iter().enumerate();
        field.filter(|&(_, &reached)| reached).map(|(input, _)| input).collect()
    };
    network.outputs().iter().map(inputs).collect()
}

fn inputs(fields: &[Field]) -> Vec<Vec<usize>> {
    fields.iter().map(|field| field.inputs.clone()).collect()
}

#[test]
fn compiled_models_see_the_cones_of_their_circuits_after_any_number_of_loops() {
    for spec in ["adder:4", "parity:9", "mux:3", "majority:5", "random:n=8,gates=40,seed=2"] {
        for (layers, heads, causal, dtype) in
            [(1, 2, false, Dtype::F32), (3, 2, true, Dtype::F16), (2, 4, false, Dtype::Bf16)]
        {
            let options = Options { layers, heads, causal, dtype, ..Options::default() };
            let model = compile(&generate(spec).unwrap(), "", &options).unwrap();
            for n_loops in 0..=model.n_loops + 1 {
                let fields = receptive_fields(&with_loops(&model, n_loops));
                assert!(fields.iter().all(|field| field.unbounded.is_none()), "{spec}");
                let cones = cones(spec, heads, n_loops * layers);
                assert_eq!(inputs(&fields), cones, "{spec} {heads} heads, {n_loops} loops");
            }
        }
    }
}

/// Layers that differ: layer `t` of this model reads `3^t` positions further on.
#[test]
fn the_bound_by_heads_and_layers_is_met() {
    let model = shallow::parity_of_three(3, Dtype::F32).unwrap();
    assert_eq!(inputs(&receptive_fields(&model)), [(0..27).collect::<Vec<_>>()]);
    assert_eq!(depth::receptive_field_bound(2, 3), 27);
    let mut parts = model.into_parts();
    parts.blocks.remove(1);
    let without = receptive_fields(&Model::new(parts).unwrap());
    assert_eq!(inputs(&without), [[0, 1, 2, 9, 10, 11, 18, 19, 20]]);
    assert_eq!(without[0].unbounded, None);
}

#[test]
fn a_uniform_average_sees_everything() {
    let model = shallow::symmetric(&[false, true, false, true, false, true], Dtype::F32).unwrap();
    let [field] = &receptive_fields(&model)[..] else { panic!("one output") };
    assert_eq!(field.inputs, [0, 1, 2, 3, 4]);
    let reason = field.unbounded.as_deref().unwrap();
    assert!(reason.starts_with("layer 0, head 0, position 0:"), "{reason}");
    assert!(reason.contains("leads by 0"), "{reason}");
}

#[test]
fn attention_to_content_sees_everything_the_mask_lets_through() {
    let model = shallow::or_by_content(6, Dtype::F32).unwrap();
    let [field] = &receptive_fields(&model)[..] else { panic!("one output") };
    assert_eq!(field.inputs, [0, 1, 2, 3, 4, 5]);
    let reason = field.unbounded.as_deref().unwrap();
    assert_eq!(reason, "layer 0, head 0: W_K reads the dynamic channel 0");
    let mut parts = model.into_parts();
    parts.attention = Attention::Causal;
    parts.output_positions = vec![3];
    let causal = receptive_fields(&Model::new(parts).unwrap());
    assert_eq!(inputs(&causal), [[0, 1, 2, 3]]);
}

/// A compiled model in which one query reads a state, or whose scores no longer lead by enough.
#[test]
fn a_query_that_reads_the_state_and_a_gap_below_the_threshold_are_named() {
    let model = compile(&generate("adder:3").unwrap(), "", &Options::default()).unwrap();
    let channel = model.labels.channel_names.iter().position(|name| name == "value").unwrap();
    let mut parts = model.clone().into_parts();
    parts.blocks[0].w_q[[1, channel, 0]] = 1.0;
    let fields = receptive_fields(&Model::new(parts).unwrap());
    for field in &fields {
        let reason = field.unbounded.as_deref().unwrap();
        assert_eq!(reason, format!("layer 0, head 1: W_Q reads the dynamic channel {channel}"));
        assert_eq!(field.inputs, [0, 1, 2, 3, 4, 5]);
    }

    let mut parts = model.clone().into_parts();
    parts.blocks[0].w_q.iter_mut().for_each(|w| *w /= 64.0);
    let fields = receptive_fields(&Model::new(parts).unwrap());
    let reason = fields[0].unbounded.as_deref().unwrap();
    assert!(reason.contains("leads by 16, 103.97 needed"), "{reason}");

    let mut parts = model.into_parts();
    parts.blocks[0].w_in[[0, 0]] = f64::NAN;
    let fields = receptive_fields(&Model::new(parts).unwrap());
    assert!(fields.iter().all(|field| field.unbounded.is_some() && field.inputs.len() == 6));
}

#[test]
fn outputs_that_are_inputs_and_models_without_inputs() {
    let model = compile(&generate("decoder:2").unwrap(), "", &Options::default()).unwrap();
    let at_start = receptive_fields(&with_loops(&model, 0));
    assert!(at_start.iter().all(|field| *field == Field::default()));
    let mut parts = model.into_parts();
    parts.output_positions = vec![parts.input_positions[1]; 4];
    let fields = receptive_fields(&Model::new(parts).unwrap());
    assert_eq!(inputs(&fields), [[1]; 4]);
}

/// What cannot be read is no reason to stop: a number that is none, and one that rounds where an input is added.
#[test]
fn weights_that_cannot_be_read_leave_everything_in_the_field() {
    let options = Options { prelude: 1, coda: 1, ..Options::default() };
    let model = compile(&generate("adder:3").unwrap(), "", &options).unwrap();
    let all: Vec<usize> = (0..model.input_positions.len()).collect();
    let spoilt: [&dyn Fn(&mut circuit2tf::model::Parts); 2] =
        [&|parts| parts.blocks[0].w_in[[0, 0]] = f64::NAN, &|parts| {
            parts.w_e[[1, 0]] = 2f64.powi(-100)
        }];
    for spoil in spoilt {
        let mut parts = model.clone().into_parts();
        spoil(&mut parts);
        let fields = receptive_fields(&Model::new(parts).unwrap());
        assert!(fields.iter().all(|field| field.inputs == all && field.unbounded.is_some()));
    }
}
