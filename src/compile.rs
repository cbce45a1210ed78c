//! The compiler: a circuit becomes the weights of a looped transformer.
//!
//! Construction A of the theory in ±1 form. Position `i` of the sequence is node `i` of the mapped
//! network; its row of the position embedding holds its own address, the addresses of its operands and
//! its truth table (`embed`). One layer advances every node by one level: head `h` of the attention
//! fetches the value of operand `h` (`attention`), the MLP looks the operands up in the truth table
//! (`mlp`). No weight of a layer depends on the circuit beyond its number of operands and of address
//! bits, so all layers are equal, and after `t` of them every node of level at most `t` is right and
//! stays right. With `collapse = c` the network is one of `⌈depth / c⌉` levels and fan-in `2^c` first.

use std::collections::BTreeMap;

use crate::circuit::Circuit;
use crate::claim::Claim;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::mapping::{self, Mapped};
use crate::model::{Attention, Block, Dtype, Labels, Model, Parts, Schedule, Scheme};
#[cfg(doc)]
use crate::network::Network;

mod attention;
mod embed;
mod mlp;
mod unembed;

pub use attention::INVERSE_TEMPERATURE;

/// What the user may choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Layers of the block, looped `⌈depth / layers⌉` times.
    pub layers: usize,
    /// The largest fan-in of a node, one head each: 2 to [`Options::MAX_HEADS`].
    pub heads: usize,
    /// Levels of the circuit that one layer computes, with `heads^collapse` heads, at most
    /// [`Network::MAX_K`].
    pub collapse: usize,
    pub dtype: Dtype,
    /// As many layers as levels, applied once, instead of a loop.
    pub unroll: bool,
    /// Position `i` reads only positions `0..=i`.
    pub causal: bool,
    /// The scale of the scores; [`INVERSE_TEMPERATURE`] unless an experiment wants a softer softmax.
    pub inverse_temperature: f64,
}

impl Options {
    /// A truth table of the source circuit has six inputs at most.
    pub const MAX_HEADS: usize = 6;
}

impl Default for Options {
    fn default() -> Self {
        Options {
            layers: 1,
            heads: 2,
            collapse: 1,
            dtype: Dtype::F32,
            unroll: false,
            causal: false,
            inverse_temperature: INVERSE_TEMPERATURE,
        }
    }
}

/// The most bytes of weights, as `f64`, that a model may have; writing it takes as much again.
const MAX_MODEL_BYTES: usize = 4 << 30;

/// Compiles a combinational circuit; `source_sha256` identifies its source in the model file.
///
/// # Errors
/// The circuit has latches or no output, an option is out of range, or the model would be too large.
pub fn compile(circuit: &Circuit, source_sha256: &str, options: &Options) -> Result<Model> {
    circuit.require_combinational()?;
    if circuit.outputs().is_empty() {
        return Err(
            Error::new("a circuit with an output", "none").hint("there is nothing to compute")
        );
    }
    check_options(options)?;
    let mapped = map(circuit, options)?;
    let layout = Layout::new(mapped.network.k(), mapped.network.n_nodes())?;
    let schedule = schedule(&mapped, options);
    check_size(&mapped, &layout, schedule)?;

    let block = block(&layout, options);
    let (w_u, b_u) = unembed::read_out(&layout);
    Model::new(Parts {
        scheme: if options.unroll { Scheme::Unrolled } else { Scheme::Recurrent },
        dtype: options.dtype,
        attention: if options.causal { Attention::Causal } else { Attention::Bidirectional },
        n_loops: schedule.n_loops,
        w_e: embed::tokens(&layout),
        w_pos: embed::positions(&mapped.network, &layout),
        blocks: vec![block; schedule.n_layers],
        w_u,
        b_u,
        input_positions: (0..mapped.network.n_inputs()).collect(),
        output_positions: mapped.network.outputs().iter().map(|&id| id as usize).collect(),
        scheme_vectors: BTreeMap::new(),
        labels: labels(circuit, &mapped, &layout, source_sha256),
        claim: Claim { origin: mapped.origin }.to_vectors(),
    })
}

fn map(circuit: &Circuit, options: &Options) -> Result<Mapped> {
    let mapped = mapping::map(circuit, options.heads)?;
    if options.collapse == 1 { Ok(mapped) } else { mapping::collapse(&mapped, options.collapse) }
}

/// The one layer that simulates a level of any circuit.
fn block(layout: &Layout, options: &Options) -> Block {
    let (heads, d_head) = (layout.k(), layout.code_length());
    let mut block = Block::zeros(heads, layout.d_model(), d_head, mlp::n_units(layout));
    attention::fetch_operands(&mut block, layout, options.inverse_temperature);
    mlp::look_up_and_clear(&mut block, layout);
    if options.inverse_temperature == INVERSE_TEMPERATURE {
        attention::assert_exact(layout, options.dtype);
    }
    mlp::assert_exact(&block, layout, options.dtype);
    block
}

fn schedule(mapped: &Mapped, options: &Options) -> Schedule {
    match options.unroll {
        true => Schedule::unrolled(mapped.network.depth()),
        false => Schedule::looped(mapped.network.depth(), options.layers),
    }
}

fn check_options(options: &Options) -> Result<()> {
    if options.layers == 0 {
        return Err(Error::new("--layers of 1 or more", "0"));
    }
    if !(2..=Options::MAX_HEADS).contains(&options.heads) {
        let expected = format!("--heads from 2 to {}", Options::MAX_HEADS);
        return Err(Error::new(expected, options.heads.to_string())
            .hint("a head reads one operand, and gates have at least two"));
    }
    if options.dtype.first_outside(&[options.inverse_temperature]).is_some() {
        let expected = format!("an inverse temperature that {} can hold", options.dtype);
        return Err(Error::new(expected, options.inverse_temperature.to_string()));
    }
    Ok(())
}

fn check_size(mapped: &Mapped, layout: &Layout, schedule: Schedule) -> Result<()> {
    let block =
        Block::zeros(layout.k(), layout.d_model(), layout.code_length(), mlp::n_units(layout));
    let table = mapped.network.n_nodes().checked_mul(layout.d_model());
    let blocks = schedule.n_layers.checked_mul(block.n_parameters());
    let numbers = table.zip(blocks).and_then(|(table, blocks)| table.checked_add(blocks));
    match numbers.and_then(|n| n.checked_mul(size_of::<f64>())) {
        Some(bytes) if bytes <= MAX_MODEL_BYTES => Ok(()),
        _ => Err(Error::new(
            format!("a model of at most {} GiB of weights", MAX_MODEL_BYTES >> 30),
            format!("{} nodes and {} layers", mapped.network.n_nodes(), schedule.n_layers),
        )
        .hint("fewer --layers, looped, compute the same")),
    }
}

fn labels(circuit: &Circuit, mapped: &Mapped, layout: &Layout, source_sha256: &str) -> Labels {
    let orders = circuit.word_orders().iter();
    Labels {
        input_names: circuit.input_names().to_vec(),
        output_names: circuit.outputs().iter().map(|output| output.name.clone()).collect(),
        channel_names: layout.names(),
        depth: mapped.network.depth(),
        source_sha256: source_sha256.to_string(),
        word_orders: orders.map(|(base, order)| (base.clone(), order.to_string())).collect(),
    }
}
