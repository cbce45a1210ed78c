//! Theorem 32 (chain of thought). For every circuit, input, vocabulary and dtype the token at each position behind the
//! prompt is the number whose bits are the values of its gates, and its logit leads by 2.
//!
//! Proof. By induction over the tokens. Operands stand in the prompt or in earlier tokens, which are right; by the
//! lemma of `reasoning/cot/blocks.rs` the layers fetch their bits, select and look up, exactly. The logit of token `v` is
//! the number of bits in which it agrees with the result less the number in which it differs, so every other token is
//! behind by 2 at least. ∎
//!
//! Claims: chain-of-thought.
//!
//! Checked: every token of random circuits, in every dtype. The hypothesis that rows are one-hot is needed: see
//! [`a_warm_softmax_is_wrong`].

use circuit2tf::family::generate;
use circuit2tf::mapping;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::reasoning::Request;
use circuit2tf::reasoning::cot::{self, Method, TokenSchedule};
use circuit2tf::run::{Decoder, Emitted};
use proptest::prelude::*;

use crate::ground::*;

/// The tokens and the least margin of a decoding.
fn tokens(model: &Model, input: &[bool]) -> (Vec<usize>, f64) {
    let (mut tokens, mut least) = (Vec::new(), f64::INFINITY);
    let decoder = Decoder::new(model).unwrap();
    let observe = |emission: circuit2tf::run::Emission| match emission.emitted {
        Emitted::Thought => panic!("there are none"),
        Emitted::Token { token, margin } => {
            tokens.push(token);
            least = least.min(margin);
        }
    };
    decoder.trace(input, model.n_loops, observe).unwrap();
    (tokens, least)
}

proptest! {
    #![proptest_config(cases(40))]
    #[test]
    fn every_token_is_the_values_of_its_gates(
        circuit in circuits(6, 20),
        number in any::<u64>(),
        vocab in 2usize..70,
        dtype in 0usize..4,
    ) {
        let input: Vec<bool> = (0..circuit.inputs().len()).map(|i| number >> i & 1 == 1).collect();
        let dtype = Dtype::ALL[dtype];
        let request = Request { vocab: Some(vocab), dtype, ..Request::default() };
        let model = cot::compile(&circuit, "", &request).unwrap();
        let network = mapping::map(&circuit, 2).unwrap().network;
        let values = network.evaluate(&input);
        let schedule = TokenSchedule::new(&network, vocab.ilog2() as usize, Method::Best);
        let value = |(slot, &node): (usize, &u32)| usize::from(values[node as usize]) << slot;
        let token = |gates: &Vec<u32>| gates.iter().enumerate().map(value).sum::<usize>();
        let expected: Vec<usize> = schedule.tokens.iter().map(token).collect();
        let (found, margin) = tokens(&model, &input);
        prop_assert_eq!(found, expected);
        prop_assert!(margin >= 2.0);
    }
}

/// With scores 4096 times smaller, other positions' bits mix in.
#[test]
fn a_warm_softmax_is_wrong() {
    let circuit = generate("adder:2").unwrap();
    let model = cot::compile(&circuit, "", &Request::default()).unwrap();
    let warm = changed(&model, |parts| parts.blocks[0].w_q.mapv_inplace(|x| x / 4096.0));
    let wrong = assignments(4).filter(|input| tokens(&warm, input).0 != tokens(&model, input).0);
    assert!(wrong.count() > 0);
}
