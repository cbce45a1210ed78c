//! Chain of thought: a causal decoder of one or two layers that emits the gates as tokens, whatever the depth.
//!
//! With a vocabulary of `V` tokens a token is `g = ⌊log₂ V⌋` bits, one gate each: token `v` says that the gate in
//! slot `s` of its position has the value of bit `s` of `v`. Which gate stands in which slot is a matter of
//! scheduling ([`schedule`]). The position embedding of position `j` holds what the *next* token needs: for each of
//! its gates the positions and slots of the operands and the truth table. Attention fetches the tokens that hold the
//! operands, one head an operand; the first MLP selects the slots, the second looks the operands up (`blocks`); with
//! one gate a token there is nothing to select and one layer does. The logit of `v` is
//! `Σ_s (2 b_s(v) - 1)(2 y_s - 1)`, `y_s` being the gates' values: `g` for the one right token and at most `g - 2` for
//! every other, so greedy decoding is right by a margin of 2. Tokens of `2^g` and beyond have the logit `-g`.
//!
//! The prompt is the inputs, tokens 0 and 1; where there are none it is one token 0, since decoding starts at some
//! token. A constant output is a gate without operands. An output that is an input is read off the prompt, without a
//! token. A slot that no gate needs holds 0. The row of `W_pos` of the last position is there for the ports' sake: the
//! last token is emitted and not read.
//!
//! The forward pass is that of [`Decoder`](crate::run::Decoder): `n_loops` is the number of tokens emitted, `scheme.prompt` the
//! prompt, `scheme.output_slots` the bit of the token at `ports.output_positions` that is the output.
//! `claim.schedule` is [`Bounds`] in the order of its fields, which a runner ignores.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};

use self::blocks::sign;
use self::channels::Channels;
pub use self::schedule::{Bounds, Method, TokenSchedule};
use super::cost::Cost;
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
pub mod schedule;

/// The compiler of the scheme `cot`.
#[derive(Debug)]
pub struct Cot;

impl Compiler for Cot {
    fn scheme(&self) -> Scheme {
        Scheme::COT
    }

    fn reads(&self) -> &'static [Flag] {
        &[Flag::VOCAB, Flag::SCHEDULE]
    }

    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
        compile(circuit, source_sha256, request)
    }

    fn cost(&self, network: &Network, request: &Request) -> Result<Cost> {
        let (shape, _) = shape(network, request)?;
        let crossing_bits = (vocab(request) as f64).log2();
        Ok(Cost::of_decoder(self.scheme(), shape, crossing_bits, request.dtype))
    }
}

/// Tokens that can be read and written, 2 by default.
fn vocab(request: &Request) -> usize {
    request.vocab.unwrap_or(2)
}

/// Gates in a token: `⌊log₂ V⌋`.
fn gates_per_token(request: &Request) -> usize {
    vocab(request).max(1).ilog2() as usize
}

/// Compiles a combinational circuit; `source_sha256` identifies its source in the model file.
///
/// # Errors
/// The circuit has latches or no output, an option is out of range, or the model would be too large.
pub fn compile(circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
    compile::require_output(circuit)?;
    require_vocab(request)?;
    let mapped = mapping::map(circuit, request.heads)?;
    let network = &mapped.network;
    let plan = Plan::new(network, request)?;
    plan.shape.require_size()?;

    let blocks = blocks::blocks(plan.channels);
    blocks::assert_exact(&blocks, plan.channels, request.dtype);
    let (w_u, b_u) = plan.unembedding(vocab(request));
    let (output_positions, output_slots) = plan.outputs(network);
    Model::new(Parts {
        scheme: Scheme::COT,
        dtype: request.dtype,
        attention: Attention::Causal,
        n_loops: plan.schedule.tokens.len(),
        n_prelude: 0,
        n_coda: 0,
        w_e: plan.token_embedding(vocab(request)),
        w_pos: plan.position_embedding(network),
        blocks,
        w_u,
        b_u,
        input_positions: (0..network.n_inputs()).collect(),
        output_positions,
        scheme_vectors: BTreeMap::from([
            ("scheme.prompt".to_string(), vec![0; plan.n_prompt]),
            (Model::OUTPUT_SLOTS.to_string(), output_slots),
        ]),
        labels: compile::labels(circuit, &mapped, plan.spans.names().to_vec(), source_sha256),
        claim: BTreeMap::from([(CLAIM.to_string(), plan.schedule.bounds.to_vector())]),
    })
}

/// The shape of the model that [`compile()`] makes, and its schedule.
///
/// # Errors
/// The vocabulary has fewer than two tokens, or there are more positions than addresses.
pub fn shape(network: &Network, request: &Request) -> Result<(Shape, Bounds)> {
    require_vocab(request)?;
    let plan = Plan::new(network, request)?;
    Ok((plan.shape, plan.schedule.bounds))
}

/// How well the schedule of a model is, if it says so.
pub fn bounds(model: &Model) -> Option<Bounds> {
    model.claim.get(CLAIM).and_then(|vector| Bounds::from_vector(vector))
}

const CLAIM: &str = "claim.schedule";

fn require_vocab(request: &Request) -> Result<()> {
    if vocab(request) >= 2 {
        return Ok(());
    }
    let hint = "a token holds the value of a gate, which is one of two";
    Err(Error::new("--vocab of 2 or more", vocab(request).to_string()).hint(hint))
}

/// What stands where.
struct Plan {
    schedule: TokenSchedule,
    n_prompt: usize,
    channels: Channels,
    spans: Spans,
    shape: Shape,
    /// Position and slot of every node.
    places: Vec<(usize, usize)>,
}

impl Plan {
    fn new(network: &Network, request: &Request) -> Result<Self> {
        let g = gates_per_token(request);
        let schedule = TokenSchedule::new(network, g, request.method.unwrap_or(Method::Best));
        let n_prompt = network.n_inputs().max(1);
        let n_ctx = n_prompt + schedule.tokens.len();
        let (channels, spans) = Channels::new(network.k(), g, n_ctx)?;
        let [n_heads, d_model, d_head, d_mlp] = blocks::shape(channels);
        let shape = Shape {
            n_layers: if g == 1 { 1 } else { 2 },
            n_heads,
            d_model,
            d_head,
            d_mlp,
            n_ctx,
            d_vocab: vocab(request),
            d_vocab_out: vocab(request),
            n_prompt,
            n_thoughts: 0,
            n_tokens: schedule.tokens.len(),
        };
        let mut places: Vec<_> = (0..network.n_nodes()).map(|input| (input, 0)).collect();
        for (t, token) in schedule.tokens.iter().enumerate() {
            for (slot, &node) in token.iter().enumerate() {
                places[node as usize] = (n_prompt + t, slot);
            }
        }
        Ok(Plan { schedule, n_prompt, channels, spans, shape, places })
    }

    /// `W_E`, `[V, d_model]`: the bits of the token.
    fn token_embedding(&self, vocab: usize) -> Array2<f64> {
        let mut w_e = Array2::zeros((vocab, self.channels.d_model));
        for token in 0..1 << self.channels.g {
            for s in 0..self.channels.g {
                w_e[[token, self.channels.bit.at(s)]] = sign(token >> s & 1 == 1);
            }
        }
        w_e
    }

    /// `W_pos`, `[n_ctx, d_model]`: the position's address, and what the next token needs. Where there is no gate,
    /// the operands are the position itself and the value is 0.
    fn position_embedding(&self, network: &Network) -> Array2<f64> {
        let channels = self.channels;
        let codes = channels.codes.first(self.shape.n_ctx);
        let mut w_pos = Array2::zeros((self.shape.n_ctx, channels.d_model));
        for position in 0..self.shape.n_ctx {
            let mut row = w_pos.row_mut(position);
            let mut write = |span: Span, bits: usize| {
                span.range().enumerate().for_each(|(j, c)| row[c] = sign(bits >> j & 1 == 1));
            };
            write(channels.address, codes[position] as usize);
            let next = (position + 1).checked_sub(self.n_prompt);
            let gates =
                next.and_then(|t| self.schedule.tokens.get(t)).map_or(&[][..], Vec::as_slice);
            for i in 0..channels.g {
                let gate = gates.get(i).map(|&node| node as usize);
                for h in 0..channels.k {
                    let o = i * channels.k + h;
                    let (source, slot) = self.operand(network, gate, h, position);
                    write(channels.pointer.row(o), codes[source] as usize);
                    write(channels.slot.row(o), slot);
                }
                let value = |r| gate.is_some_and(|gate| network.value(gate, r));
                write(
                    channels.table.row(i),
                    (0..channels.n_rows()).map(|r| usize::from(value(r)) << r).sum(),
                );
            }
        }
        w_pos
    }

    /// Position and slot that operand `h` of a gate is read from; the reading position itself where the gate
    /// needs none.
    fn operand(
        &self,
        network: &Network,
        gate: Option<usize>,
        h: usize,
        position: usize,
    ) -> (usize, usize) {
        match gate {
            Some(gate) if !network.is_source(gate) => {
                self.places[network.operands(gate)[h] as usize]
            }
            _ => (position, 0),
        }
    }

    /// `W_U` and `b_U`, `[d_model, V]` and `[V]`.
    fn unembedding(&self, vocab: usize) -> (Array2<f64>, Array1<f64>) {
        let g = self.channels.g;
        let mut w_u = Array2::zeros((self.channels.d_model, vocab));
        let mut b_u = Array1::from_elem(vocab, -(g as f64));
        for token in 0..1 << g {
            b_u[token] = 0.0;
            for s in 0..g {
                w_u[[self.channels.result.at(s), token]] = sign(token >> s & 1 == 1);
            }
        }
        (w_u, b_u)
    }

    /// `ports.output_positions` and `scheme.output_slots`.
    fn outputs(&self, network: &Network) -> (Vec<usize>, Vec<i64>) {
        let places = network.outputs().iter().map(|&node| self.places[node as usize]);
        places.map(|(position, slot)| (position, slot as i64)).unzip()
    }
}
