//! Continuous thought (Coconut, Hao and others 2024): a causal decoder whose last hidden state is its next input
//! embedding.
//!
//! The prompt is the inputs and a token 2, which starts the thoughts. Its position gathers all inputs into one vector;
//! from then on the vector is the circuit's live state, a coordinate for each value that is still needed, and each layer
//! computes a level in it. Level `λ` is computed by layer `λ mod L` of thought `⌊λ / L⌋`, the gathering being level 0.
//! Behind the last thought one token per output is emitted.
//!
//! The number of thoughts is `⌈(D + 1)/L⌉`: that is `⌈D/L⌉`, and one more exactly if `L` divides `D`, because inputs stand
//! in `n` vectors at first and one layer's attention is needed to bring them into one. `d_model` is the largest live cut
//! plus the inputs plus codes of logarithmic length: it does not grow with the number of gates. `d_mlp` does: a thought
//! vector has no room for gates, so the circuit is in the MLPs, a few units a gate, gated by a code of the thought's
//! number in the position embedding; this is the factor of size against which latent reasoning trades its steps (Xu and
//! Sato 2025).
//!
//! # Weights
//!
//! Claim. Behind layer `l` of thought `r` every value that is live after level `rL + l` stands in its slot as 0 or 1,
//! and all other channels but dead slots, `step` and `ask` are 0; behind the last layer these are 0 too. Reasons.
//!
//! 1. *Gathering.* At the prompt's last token the score of an input is `S = 4β` if it is 1 and `-S` if it is 0, and the
//!    token's own is 0: the inputs that are 1, of which there are `c`, share the weight, `1/c` each; if there are none, the
//!    token itself has it. A gap of `S` is at least the softmax threshold of the dtype, so all else has weight 0, exactly.
//!    Input `i` puts its weight `w` into `gather[i]`. The MLP makes the slot `1 - relu(1 - K w)`, with `K ≥ 8n` a power of
//!    two: exactly 0 for `w = 0`; and where the input is 1, `w` is at least `1/n` but for rounding, so that `K w ≥ 7`, and
//!    `1 - K w` is negative however sums are rounded (`blocks`): exactly 1. `gather[i]` less `relu(gather[i])` is 0.
//! 2. *Elsewhere* the query finds the prompt's last token (score `S`, all else 0), whose slots are 0 in the embedding, so
//!    attention adds 0; but where an output is answered, it finds the last thought (score `2S`, that token `S`, all else 0)
//!    and copies the slots of the outputs.
//! 3. *Gates.* The units of level `λ` are 0 at all other thoughts (`units`), and write to each slot the sum of minterms less
//!    what it held.
//! 4. *Feedback.* The last layer erases `step` and `ask`, so the hidden state plus the next position's embedding is the
//!    slots and the next code.
//! 5. *Answers.* The last thought, whose embedding is the final state, answers output 0; the tokens behind it the others.
//!    The unit of the output that `select` names is its value. Logits are `±(2 answer - 1)`: the margin is 2.
//! 6. But for the weights `w` all numbers are integers, and no partial sum exceeds what the dtype holds exactly. End of proof.
//!
//! The forward pass is that of [`Decoder`](crate::run::Decoder): `n_loops` is the number of thoughts, `scheme.prompt` the prompt,
//! `scheme.answers` the number of tokens behind the thoughts.

use std::collections::BTreeMap;

use ndarray::{Array2, arr1};

use self::channels::Channels;
use self::slots::Slots;
use self::units::{Source, Units};
use super::cost::Cost;
use super::liveness::Liveness;
use super::scheme::{Compiler, Flag, Request};
use super::shape::Shape;
use crate::circuit::Circuit;
use crate::compile;
use crate::error::{Error, Result};
use crate::layout::{Span, Spans};
use crate::mapping;
use crate::model::{Attention, Model, Parts, Scheme};
use crate::network::Network;

mod blocks;
mod channels;
mod slots;
mod units;

/// The compiler of the scheme `coconut`.
#[derive(Debug)]
pub struct Coconut;

impl Compiler for Coconut {
    fn scheme(&self) -> Scheme {
        Scheme::COCONUT
    }

    fn reads(&self) -> &'static [Flag] {
        &[Flag::LAYERS]
    }

    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
        compile(circuit, source_sha256, request)
    }

    fn cost(&self, network: &Network, request: &Request) -> Result<Cost> {
        let shape = shape(network, request)?;
        let crossing_bits = shape.d_model as f64 * 8.0 * request.dtype.size() as f64;
        Ok(Cost::of_decoder(self.scheme(), shape, crossing_bits, request.dtype))
    }
}

/// The token that ends the prompt and starts the thoughts.
const START: usize = 2;

/// The number of thoughts for a circuit of that depth: one layer gathers the inputs.
pub fn n_thoughts(depth: usize, layers: usize) -> usize {
    (depth + 1).div_ceil(layers.max(1))
}

/// Compiles a combinational circuit; `source_sha256` identifies its source in the model file.
///
/// # Errors
/// The circuit has latches or no output, an option is out of range, the model would be too large, or the inputs are
/// more than attention can gather in the dtype.
pub fn compile(circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
    compile::require_output(circuit)?;
    let mapped = mapping::map(circuit, request.heads)?;
    let network = &mapped.network;
    let plan = Plan::new(network, request)?;
    plan.shape.require_size()?;
    let channels = plan.channels;
    let mut w_u = Array2::zeros((channels.d_model, 2));
    w_u[[channels.answer, 0]] = -2.0;
    w_u[[channels.answer, 1]] = 2.0;
    let first_token = plan.shape.n_prompt + plan.shape.n_thoughts;
    Model::new(Parts {
        scheme: Scheme::COCONUT,
        dtype: request.dtype,
        attention: Attention::Causal,
        n_loops: plan.shape.n_thoughts,
        n_prelude: 0,
        n_coda: 0,
        w_e: plan.token_embedding(),
        w_pos: plan.position_embedding(),
        blocks: blocks::blocks(&plan.units, channels, &plan.copied, request.dtype),
        w_u,
        b_u: arr1(&[1.0, -1.0]),
        input_positions: (0..network.n_inputs()).collect(),
        output_positions: (first_token..plan.shape.n_ctx).collect(),
        scheme_vectors: plan.vectors(),
        labels: compile::labels(circuit, &mapped, plan.spans.names().to_vec(), source_sha256),
        claim: BTreeMap::new(),
    })
}

/// The shape of the model that [`compile()`] makes.
///
/// # Errors
/// As [`compile()`], but of the circuit and the size.
pub fn shape(network: &Network, request: &Request) -> Result<Shape> {
    Ok(Plan::new(network, request)?.shape)
}

/// What stands where, and every hidden unit.
struct Plan {
    channels: Channels,
    spans: Spans,
    units: Units,
    /// The inputs that are read, in order; input `gathered[i]` goes to slot `i`.
    gathered: Vec<usize>,
    /// The channels that the head copies.
    copied: Vec<usize>,
    /// Per output the number of its code.
    selected: Vec<usize>,
    n_sources: usize,
    shape: Shape,
}

impl Plan {
    fn new(network: &Network, request: &Request) -> Result<Self> {
        let layers = request.layers.unwrap_or(1);
        if layers == 0 {
            return Err(Error::new("--layers of 1 or more", "0"));
        }
        let slots = Slots::new(network, &Liveness::new(network));
        let gathered: Vec<usize> =
            (0..network.n_inputs()).filter(|&i| slots.slot[i].is_some()).collect();
        let n_steps = n_thoughts(network.depth(), layers);
        let (sources, selected) = sources(network, &slots);
        let (channels, spans) =
            Channels::new(slots.n_slots, gathered.len(), n_steps, sources.len())?;
        let mut units = Units::new(channels, layers, n_steps);
        units.digitise(blocks::gain(gathered.len(), request.dtype)?);
        units.answer(&sources);
        for (level, writes) in (1..).zip(&slots.writes) {
            let (step, layer) = (level / layers, level % layers);
            units.compute(network, &slots, writes, layer, step);
        }
        units.erase();
        let mut copied: Vec<usize> = (0..gathered.len()).map(|i| channels.gather.at(i)).collect();
        copied.extend(sources.iter().filter_map(|source| match source {
            Source::Slot(slot) => Some(channels.slot.at(*slot)),
            Source::Constant(_) => None,
        }));
        let n_prompt = network.n_inputs() + 1;
        let n_tokens = network.outputs().len();
        let shape = Shape {
            n_layers: layers,
            n_heads: 1,
            d_model: channels.d_model,
            d_head: copied.len().max(blocks::SCORE_WIDTH),
            d_mlp: units.d_mlp(),
            n_ctx: n_prompt + n_steps + n_tokens,
            d_vocab: START + 1,
            d_vocab_out: 2,
            n_prompt,
            n_thoughts: n_steps,
            n_tokens,
        };
        let n_sources = sources.len();
        Ok(Plan { channels, spans, units, gathered, copied, selected, n_sources, shape })
    }

    /// `W_E`, `[3, d_model]`: the bit.
    fn token_embedding(&self) -> Array2<f64> {
        let mut w_e = Array2::zeros((START + 1, self.channels.d_model));
        w_e[[0, self.channels.bit]] = -1.0;
        w_e[[1, self.channels.bit]] = 1.0;
        w_e
    }

    /// `W_pos`, `[n_ctx, d_model]`; the last row is there for the ports' sake.
    fn position_embedding(&self) -> Array2<f64> {
        let (channels, shape) = (self.channels, self.shape);
        let mut w_pos = Array2::zeros((shape.n_ctx, channels.d_model));
        for (i, &input) in self.gathered.iter().enumerate() {
            w_pos[[input, channels.gather.at(i)]] = 1.0;
        }
        let mut write = |position: usize, span: Span, code: u32| {
            for (j, channel) in span.range().enumerate() {
                w_pos[[position, channel]] = if code >> j & 1 == 1 { 1.0 } else { -1.0 };
            }
        };
        let start = shape.n_prompt - 1;
        for (step, code) in channels.steps.first(shape.n_thoughts).into_iter().enumerate() {
            write(start + step, channels.step, code);
        }
        let last_thought = start + shape.n_thoughts;
        let codes = channels.outputs.first(self.n_sources);
        for (output, &source) in self.selected.iter().enumerate() {
            write(last_thought + output, channels.select, codes[source]);
        }
        w_pos[[start, channels.ask]] = 1.0;
        w_pos[[last_thought, channels.state]] = 1.0;
        for output in 1..self.selected.len() {
            w_pos[[last_thought + output, channels.recall]] = 1.0;
        }
        w_pos
    }

    /// The vectors of the file that the forward pass needs.
    fn vectors(&self) -> BTreeMap<String, Vec<i64>> {
        let mut prompt = vec![0; self.shape.n_prompt];
        prompt[self.shape.n_prompt - 1] = START as i64;
        BTreeMap::from([
            ("scheme.prompt".to_string(), prompt),
            ("scheme.answers".to_string(), vec![self.shape.n_tokens as i64]),
            (Model::OUTPUT_SLOTS.to_string(), vec![0; self.shape.n_tokens]),
        ])
    }
}

/// The distinct things that outputs are, and per output which of them.
fn sources(network: &Network, slots: &Slots) -> (Vec<Source>, Vec<usize>) {
    let source = |&id: &u32| match slots.slot[id as usize] {
        Some(slot) => Source::Slot(slot),
        None => Source::Constant(network.value(id as usize, 0)),
    };
    let all: Vec<Source> = network.outputs().iter().map(source).collect();
    let mut distinct = all.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let number = |source| distinct.binary_search(source).expect("it is among them");
    let selected = all.iter().map(number).collect();
    (distinct, selected)
}
