//! A Universal Transformer (Dehghani and others 2019) with sound halting: the loop stops for an input when its outputs
//! are known. The learned halting of that work (Graves 2016) is no such rule.
//!
//! A position holds one of three values: known to be 1, known to be 0, or not known yet. Inputs and
//! constants are known from the start. A layer takes every node to Kleene's extension of its truth table:
//! the result is known if all completions of the operands that are not known give the same. The layer
//! writes a halting bit beside, 1 where the value is known.
//!
//! The forward pass, in ten lines:
//!
//! ```text
//! halting = scheme.halting[0]                       # a channel
//! x = W_E[tokens] + W_pos                           # tokens: bits at input positions, 2 elsewhere
//! for r in 0..n_loops:
//!     if all(x[output_positions, halting] > 1/2): break
//!     for each block:
//!         x += attention(x)                         # as in every model file
//!         x += relu(x W_in + b_in) W_out + b_out
//! logits = x[output_positions] W_U + b_U            # the bit is 1 iff logit 1 > logit 0
//! ```
//!
//! A runner that does not look at the halting channel gets the same bits later.
//!
//! Claim. (1) After every layer each position holds its Kleene value: the layer is exactly one synchronous
//! step of three-valued evaluation. (2) A known bit never changes, and is the circuit's. (3) A node of level
//! `t` is known after `t` layers, so all outputs are known after `depth` layers. Reasons. (1) stands in
//! `kleene`, with the attention of [`mod@crate::compile`]. (2) By induction over layers: a step is
//! monotone (more knowledge in the operands never takes back or changes knowledge of the result), inputs
//! are latched, and the start is below everything. A result that all completions agree on holds for the
//! completion that is the circuit's own evaluation. (3) A table of known operands has one completion.
//! End of proof. (Kleene's strong three-valued logic, 1938.)

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};

use self::channels::Channels;
use super::cost::Cost;
use super::scheme::{Compiler, Flag, Request};
use crate::circuit::Circuit;
use crate::claim::Claim;
use crate::compile::{self, INVERSE_TEMPERATURE, Options};
use crate::error::{Error, Result};
use crate::mapping::Mapped;
use crate::model::{Attention, Block, Model, Parts, Schedule, Scheme};
use crate::network::Network;
use crate::run::HALTING;

mod channels;
mod kleene;

/// The compiler of the scheme `universal`.
#[derive(Debug)]
pub struct Universal;

impl Compiler for Universal {
    fn scheme(&self) -> Scheme {
        Scheme::UNIVERSAL
    }

    fn reads(&self) -> &'static [Flag] {
        &[Flag::COLLAPSE, Flag::LAYERS]
    }

    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
        compile(circuit, source_sha256, &request.options())
    }

    fn cost(&self, network: &Network, request: &Request) -> Result<Cost> {
        let channels = Channels::new(network.k(), network.n_nodes())?;
        let schedule = Schedule::looped(network.depth(), request.options().layers);
        let sizes = shape(&channels);
        Ok(Cost::of_parallel(self.scheme(), network, schedule, (sizes, request.dtype)))
    }
}

/// The most operands of a node: a layer has two units for each of the `3^k` patterns of their values.
pub const MAX_OPERANDS: usize = 4;

/// Compiles a combinational circuit for the loop of `options.layers` layers that halts.
///
/// # Errors
/// As [`compile::compile`]; nodes have more than [`MAX_OPERANDS`] operands; the options ask for an unrolled
/// model, a prelude or a coda.
pub fn compile(circuit: &Circuit, source_sha256: &str, options: &Options) -> Result<Model> {
    compile::require_output(circuit)?;
    check_options(options)?;
    let mapped = compile::map(circuit, options)?;
    let Mapped { network, .. } = &mapped;
    let schedule = Schedule::looped(network.depth(), options.layers);
    compile::require_size(network.k(), network.n_nodes(), schedule)?;
    let channels = Channels::new(network.k(), network.n_nodes())?;
    let block = block(&channels, options);
    let (w_u, b_u) = read_out(&channels);
    Model::new(Parts {
        scheme: Scheme::UNIVERSAL,
        dtype: options.dtype,
        attention: if options.causal { Attention::Causal } else { Attention::Bidirectional },
        n_loops: schedule.n_loops,
        n_prelude: 0,
        n_coda: 0,
        w_e: tokens(&channels),
        w_pos: positions(network, &channels),
        blocks: vec![block; schedule.n_layers],
        w_u,
        b_u,
        input_positions: (0..network.n_inputs()).collect(),
        output_positions: network.outputs().iter().map(|&id| id as usize).collect(),
        scheme_vectors: BTreeMap::from([(HALTING.to_string(), vec![channels.halting() as i64])]),
        labels: compile::labels(circuit, &mapped, channels.names(), source_sha256),
        claim: Claim { origin: mapped.origin }.to_vectors(),
    })
}

fn check_options(options: &Options) -> Result<()> {
    let k = options.heads.saturating_pow(options.collapse as u32);
    if k > MAX_OPERANDS {
        let expected = format!("at most {MAX_OPERANDS} operands a node in the scheme universal");
        return Err(Error::new(expected, k.to_string())
            .hint("a layer has two units for each of the 3^k patterns of their values"));
    }
    if options.unroll || options.prelude + options.coda > 0 {
        return Err(Error::new(
            "a loop and nothing else",
            "an unrolled model, a prelude or a coda",
        )
        .hint("halting is decided between loops"));
    }
    if options.inverse_temperature != INVERSE_TEMPERATURE {
        let expected = format!("the inverse temperature {INVERSE_TEMPERATURE}");
        return Err(Error::new(expected, options.inverse_temperature.to_string()));
    }
    Ok(())
}

fn block(channels: &Channels, options: &Options) -> Block {
    let [n_heads, d_model, d_head, d_mlp] = shape(channels);
    let mut block = Block::zeros(n_heads, d_model, d_head, d_mlp);
    fetch_operands(&mut block, channels);
    kleene::evaluate(&mut block, channels);
    compile::assert_attention_exact(channels.addresses(), options.dtype);
    kleene::assert_exact(&block, options.dtype);
    block
}

/// `[n_heads, d_model, d_head, d_mlp]`.
fn shape(channels: &Channels) -> [usize; 4] {
    let k = channels.k();
    [k, channels.width(), channels.code_length(), kleene::n_units(k)]
}

/// Head `h` reads both knowledge channels of operand `h`; the scores are those of the other schemes, so each
/// row of the softmax is one-hot, and what is added is 0 or 1.
fn fetch_operands(block: &mut Block, channels: &Channels) {
    for h in 0..channels.k() {
        for j in 0..channels.code_length() {
            block.w_q[[h, channels.pointer(h).start + j, j]] = INVERSE_TEMPERATURE;
            block.w_k[[h, channels.address().start + j, j]] = 1.0;
        }
        for bit in [false, true] {
            block.w_v[[h, channels.known(bit), usize::from(bit)]] = 1.0;
            block.w_o[[h, usize::from(bit), channels.fetched(h, bit)]] = 1.0;
        }
    }
}

/// `W_E`: an input is known; the blank says nothing.
fn tokens(channels: &Channels) -> Array2<f64> {
    let mut w_e = Array2::zeros((3, channels.width()));
    for bit in [false, true] {
        w_e[[usize::from(bit), channels.known(bit)]] = 1.0;
        w_e[[usize::from(bit), channels.halting()]] = 1.0;
    }
    w_e
}

/// `W_pos`: address, operands and truth table of every node; a constant is known, a gate is not.
fn positions(network: &Network, channels: &Channels) -> Array2<f64> {
    let codes = channels.addresses().codes(network.n_nodes());
    let sign = |bit: u32| if bit == 1 { 1.0 } else { -1.0 };
    let mut w_pos = Array2::zeros((network.n_nodes(), channels.width()));
    for (id, mut row) in w_pos.outer_iter_mut().enumerate() {
        for j in 0..channels.code_length() {
            row[channels.address().start + j] = sign(codes[id] >> j & 1);
            for (h, &operand) in network.operands(id).iter().enumerate() {
                row[channels.pointer(h).start + j] = sign(codes[operand as usize] >> j & 1);
            }
        }
        for r in 0..1 << channels.k() {
            row[channels.table(r)] = f64::from(u8::from(network.value(id, r)));
        }
        if id >= network.n_inputs() && network.is_source(id) {
            row[channels.known(network.value(id, 0))] = 1.0;
            row[channels.halting()] = 1.0;
        }
    }
    w_pos
}

/// Logit 1 is known-1 minus known-0, logit 0 its negative: equal while nothing is known, else 2 apart.
fn read_out(channels: &Channels) -> (Array2<f64>, Array1<f64>) {
    let mut w_u = Array2::zeros((channels.width(), 2));
    for (bit, sign) in [(false, -1.0), (true, 1.0)] {
        w_u[[channels.known(bit), 1]] = sign;
        w_u[[channels.known(bit), 0]] = -sign;
    }
    (w_u, Array1::zeros(2))
}

#[cfg(test)]
mod tests;
