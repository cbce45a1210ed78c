//! What each scheme costs for a circuit, from the sizes of its model, which need not be built.
//!
//! One number means the same in every scheme. A *step* is one layer application on the critical path: all
//! positions of a parallel scheme make it at once, a decoder makes it for one position. A *pass* is one
//! application of all blocks that are looped or fed back. *Multiply-adds* count dense products: the
//! weights, the scores, the sums of values and the logits. The *cache* is the keys and values that a decoder
//! keeps; parallel schemes compute them anew in each layer. *Crossing bits* are what can be handed from one
//! pass to the next: `log₂ V` for a token, the bits of the whole state else. They are a ceiling; [`Crossing`]
//! is what a circuit really hands over.

use std::collections::BTreeSet;

use super::Shape;
use super::liveness::Liveness;
use crate::batch::Batch;
use crate::compile;
use crate::error::Result;
use crate::model::{Dtype, Schedule, Scheme};
use crate::network::Network;

/// The costs of one scheme.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// Whose cost it is.
    pub scheme: Scheme,
    /// Applications of all blocks that are looped or fed back.
    pub passes: usize,
    /// Layer applications on the critical path.
    pub steps: usize,
    /// Tokens emitted.
    pub tokens: usize,
    /// Blocks stored.
    pub layers: usize,
    /// Parameters of the embedding.
    pub embedding: u128,
    /// Parameters of the blocks stored.
    pub blocks: u128,
    /// Those of the blocks if every step had one of its own.
    pub blocks_untied: u128,
    /// Parameters of the unembedding.
    pub unembedding: u128,
    /// Dense products of a run of one assignment, the logits among them.
    pub multiply_adds: u128,
    /// Keys and values that a decoder keeps, in bytes.
    pub cache_bytes: u128,
    /// What can be handed from one pass to the next, in bits: a ceiling.
    pub crossing_bits: f64,
}

impl Cost {
    /// Parameters of the model as it is stored.
    pub fn parameters(&self) -> u128 {
        self.embedding + self.blocks + self.unembedding
    }

    /// Parameters, if every step had a block of its own.
    pub fn parameters_untied(&self) -> u128 {
        self.embedding + self.blocks_untied + self.unembedding
    }

    /// The cost of the plain compiler's model of a network.
    ///
    /// # Errors
    /// More nodes than addresses.
    pub(super) fn of_plain(
        scheme: Scheme,
        network: &Network,
        schedule: Schedule,
        dtype: Dtype,
    ) -> Result<Self> {
        let sizes = compile::sizes(network.k(), network.n_nodes())?;
        Ok(Cost::of_parallel(scheme, network, schedule, (sizes, dtype)))
    }

    /// The cost of a model that runs on the whole sequence at once, a position for each node, from
    /// `[n_heads, d_model, d_head, d_mlp]`.
    pub(super) fn of_parallel(
        scheme: Scheme,
        network: &Network,
        schedule: Schedule,
        ([n_heads, d_model, d_head, d_mlp], dtype): ([usize; 4], Dtype),
    ) -> Self {
        let shape = Shape {
            n_layers: schedule.n_blocks(),
            n_heads,
            d_model,
            d_head,
            d_mlp,
            n_ctx: network.n_nodes(),
            d_vocab: 3,
            d_vocab_out: 2,
            n_prompt: network.n_nodes(),
            n_thoughts: 0,
            n_tokens: 0,
        };
        let [n, d, h, e, m] = [shape.n_ctx, d_model, n_heads, d_head, d_mlp].map(|x| x as u128);
        let step = n * (4 * h * d * e + 2 * d * m) + 2 * n * n * h * e;
        let logits = network.outputs().len() as u128 * d * shape.d_vocab_out as u128;
        Cost {
            scheme,
            passes: schedule.n_loops,
            steps: schedule.n_steps(),
            tokens: 0,
            layers: shape.n_layers,
            embedding: shape.embedding(),
            blocks: shape.blocks(),
            blocks_untied: shape.block() * schedule.n_steps() as u128,
            unembedding: shape.unembedding(),
            multiply_adds: step * schedule.n_steps() as u128 + logits,
            cache_bytes: 0,
            crossing_bits: (n * d) as f64 * 8.0 * dtype.size() as f64,
        }
    }

    /// The cost of a decoder, which hands `crossing_bits` from pass to pass.
    pub(super) fn of_decoder(
        scheme: Scheme,
        shape: Shape,
        crossing_bits: f64,
        dtype: Dtype,
    ) -> Self {
        let steps = shape.n_passes() * shape.n_layers;
        Cost {
            scheme,
            passes: shape.n_passes(),
            steps,
            tokens: shape.n_tokens,
            layers: shape.n_layers,
            embedding: shape.embedding(),
            blocks: shape.blocks(),
            blocks_untied: shape.block() * steps as u128,
            unembedding: shape.unembedding(),
            multiply_adds: shape.multiply_adds(),
            cache_bytes: shape.cache_bytes(dtype),
            crossing_bits,
        }
    }
}

/// What a network hands from one level to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// The largest live cut, in bits.
    pub live_cut: usize,
    /// The most distinct states of a live cut that were seen, over all levels.
    pub states: usize,
    /// The level after which they were.
    pub level: usize,
    /// The assignments that were looked at.
    pub n_assignments: usize,
}

impl Crossing {
    /// Evaluates the network on the assignments and counts the states of every live cut.
    pub fn measure(network: &Network, inputs: &Batch) -> Self {
        let liveness = Liveness::new(network);
        let levels = network.levels();
        let is_live = |id: usize, level: usize| {
            levels[id] as usize <= level
                && liveness.dies_at[id].is_none_or(|death| death as usize > level)
        };
        let cuts: Vec<Vec<usize>> = (0..liveness.cuts.len())
            .map(|level| (0..network.n_nodes()).filter(|&id| is_live(id, level)).collect())
            .collect();
        let mut seen: Vec<BTreeSet<Vec<u64>>> = vec![BTreeSet::new(); cuts.len()];
        for a in 0..inputs.n_assignments() {
            let values = network.evaluate(&inputs.column(a));
            for (cut, seen) in cuts.iter().zip(&mut seen) {
                seen.insert(packed(cut, &values));
            }
        }
        // The first of the largest.
        let counts = seen.iter().enumerate().rev();
        let (level, states) = counts
            .map(|(level, states)| (level, states.len()))
            .max_by_key(|&(_, states)| states)
            .unwrap_or((0, 1));
        let (live_cut, n_assignments) = (liveness.widest(), inputs.n_assignments());
        Crossing { live_cut, states, level, n_assignments }
    }

    /// `log₂` of the distinct states.
    pub fn bits(&self) -> f64 {
        (self.states.max(1) as f64).log2()
    }
}

fn packed(cut: &[usize], values: &[bool]) -> Vec<u64> {
    let word = |ids: &[usize]| {
        ids.iter().enumerate().fold(0, |word, (i, &id)| word | u64::from(values[id]) << i)
    };
    cut.chunks(64).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::generate;
    use crate::reasoning::{Request, SCHEMES, named};

    fn mapped(spec: &str) -> Network {
        compile::map(&generate(spec).unwrap(), &Request::default().options()).unwrap().network
    }

    /// Theory, section 3: between 69 and 78 tokens, 76 level by level, against 10 loops.
    #[test]
    fn a_large_vocabulary_is_costed_without_a_model() {
        let network = mapped("parity:1024");
        let request = Request { vocab: Some(32768), ..Request::default() };
        let cost = named(&SCHEMES, "cot").unwrap().cost(&network, &request).unwrap();
        assert!((69..=76).contains(&cost.tokens), "{} tokens", cost.tokens);
        assert_eq!((network.depth(), cost.crossing_bits), (10, 15.0));
    }

    #[test]
    fn the_cost_of_every_scheme_is_what_the_tensors_of_its_model_say() {
        let circuit = generate("adder:2").unwrap();
        let request = Request::default();
        for compiler in SCHEMES {
            let cost = compiler.cost(&mapped("adder:2"), &request).unwrap();
            let model = compiler.compile(&circuit, "", &request).unwrap();
            let mut n = 0;
            let count = |_: &str, _: &[usize], numbers: &[f64]| {
                n += numbers.len() as u128;
                Ok(())
            };
            model.for_each_tensor(count).unwrap();
            assert_eq!((cost.parameters(), &cost.scheme), (n, &model.scheme));
            assert_eq!(cost.layers, model.blocks.len(), "{}", model.scheme);
        }
    }

    #[test]
    fn a_loop_stores_one_layer_where_the_unrolled_model_stores_all() {
        let cost = |name: &str| {
            named(&SCHEMES, name).unwrap().cost(&mapped("adder:2"), &Request::default()).unwrap()
        };
        let (looped, unrolled) = (cost("recurrent"), cost("unrolled"));
        assert_eq!((looped.steps, looped.passes, looped.layers), (3, 3, 1));
        assert_eq!(unrolled.parameters(), looped.parameters_untied());
        assert_eq!(unrolled.multiply_adds, looped.multiply_adds);
    }

    #[test]
    fn a_cut_has_the_states_that_inputs_can_put_it_in() {
        let all = |n: usize| Batch::counting(n, 0, 1 << n);
        // A chain hands over one bit of parity and the inputs that are still to come.
        let chain = Crossing::measure(&mapped("parity-chain:6"), &all(6));
        assert_eq!((chain.live_cut, chain.states, chain.level), (6, 64, 0));
        // Of 2 bits that are equal only two states are seen.
        let mut network = Network::new(2, 1).unwrap();
        let not = network.gate(&[0], |row| row == 0).unwrap();
        let and = network.gate(&[0, not], |row| row == 3).unwrap();
        network.output(and).unwrap();
        network.output(not).unwrap();
        let crossing = Crossing::measure(&network, &all(1));
        assert_eq!((crossing.live_cut, crossing.states, crossing.bits()), (2, 2, 1.0));
    }
}
