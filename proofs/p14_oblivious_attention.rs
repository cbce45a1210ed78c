//! Theorem. Let each of `H` heads read one token at every token, and which one not depend on the input. A token
//! starts with a variable, its complement or a constant, any number of tokens with the same; what a layer does may
//! be another thing at every token and in every layer. Then
//! (a) after `L` layers a token depends on at most `(H + 1)^L` inputs, whatever the number of tokens;
//! (b) with one bit per token the least number of layers for `f` is the least depth of `f` in gates of
//! `H + 1` inputs, sources being variables, their complements and constants.
//!
//! Proof. (a) A token's inputs after a layer are its own and those of `H` others before: induction on
//! `L`. (b) After `t` layers a token's bit is a gate of `H + 1` bits of depth at most `t - 1`, so `L`
//! layers compute functions of depth at most `L`. Conversely take a formula of least depth as a tree
//! with a token per leaf. A gate lives on the token of its leftmost leaf, which has the left operand as
//! its own bit; the heads read the others; bits wait unchanged until their level is due. End of proof.
//!
//! Claims: oblivious-depth, oblivious-width, oblivious-gathering, census.
//!
//! Executed: (a) on the networks of some families after every number of steps; (b) for `H = 1` by all
//! models of four tokens and two layers against the census of all functions of three inputs. The
//! hypotheses are needed: where attention looks at the input, one head and one layer see eight inputs, and so they do
//! by an average over all tokens, which does not depend on the input but is no one token.

use circuit2tf::circuit::TruthTable;
use circuit2tf::family::generate;
use circuit2tf::mapping::map;
use circuit2tf::model::Dtype;
use circuit2tf::run::Reference;
use circuit2tf::theory::depth::{
    Basis, Census, least_layers_unbounded, receptive_field_bound, receptive_fields,
    tiny_oblivious_models,
};
use circuit2tf::theory::shallow::{or_by_content, symmetric};
use circuit2tf::verify::{Check, Verdict};

#[test]
fn receptive_fields_are_bounded_and_trees_reach_the_bound() {
    for spec in ["parity:16", "and:32", "adder:6", "mux:3", "mult:3"] {
        let network = map(&generate(spec).unwrap(), 2).unwrap().network;
        let mut reached = 0;
        for steps in 0..=network.depth() {
            let fields = receptive_fields(&network, steps);
            let largest =
                fields.iter().map(|f| f.iter().filter(|&&bit| bit).count()).max().unwrap();
            assert!(largest as u128 <= receptive_field_bound(1, steps), "{spec} {steps}");
            reached = largest;
        }
        if spec.starts_with("parity") || spec.starts_with("and") {
            assert_eq!(reached as u128, receptive_field_bound(1, network.depth()), "{spec}");
        }
    }
}

#[test]
fn least_layers_are_least_depths() {
    let census = Census::new(3, Basis::Binary).unwrap();
    for (layers, computed) in tiny_oblivious_models().iter().enumerate() {
        for f in 0..256u16 {
            let within = census.depth(f).is_some_and(|depth| depth <= layers);
            assert_eq!(computed[usize::from(f)], within, "function {f:#04x}, {layers} layers");
        }
    }
    // With unbounded tokens the majority of three would do with two layers; with one bit it needs three.
    let majority = TruthTable::new(3, 0xe8).unwrap();
    assert_eq!(census.depth(majority.bits() as u16), Some(3));
    assert_eq!(least_layers_unbounded(3, 1), 2);
}

#[test]
fn attention_by_content_sees_more() {
    let model = or_by_content(8, Dtype::F32).unwrap();
    let circuit = generate("or:8").unwrap();
    let engine = Reference::new(&model).unwrap();
    let verdict = Check::new(&engine, &circuit).loops(1).run().unwrap();
    assert!(matches!(verdict, Verdict::Verified { .. }), "{verdict}");
    assert!(receptive_field_bound(model.n_heads(), 1) < 8);
}

/// All scores are 0 for every input, and the one layer computes the parity of eight bits.
#[test]
fn an_average_sees_more() {
    let values: Vec<bool> = (0..=8).map(|ones| ones % 2 == 1).collect();
    let model = symmetric(&values, Dtype::F32).unwrap();
    let block = &model.blocks[0];
    assert!(block.w_q.iter().chain(&block.b_q).all(|&w| w == 0.0));
    let circuit = generate("parity:8").unwrap();
    let engine = Reference::new(&model).unwrap();
    let verdict = Check::new(&engine, &circuit).loops(1).run().unwrap();
    assert!(matches!(verdict, Verdict::Verified { .. }), "{verdict}");
    assert!(receptive_field_bound(model.n_heads(), 1) < 8);
}
