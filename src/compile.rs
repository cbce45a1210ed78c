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
pub(crate) use attention::assert_exact as assert_attention_exact;

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
    /// The format of the weights.
    pub dtype: Dtype,
    /// As many layers as levels, applied once, instead of a loop.
    pub unroll: bool,
    /// Layers before the loop, applied once; they do their share of the depth.
    pub prelude: usize,
    /// Layers after the loop.
    pub coda: usize,
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
            prelude: 0,
            coda: 0,
            causal: false,
            inverse_temperature: INVERSE_TEMPERATURE,
        }
    }
}

/// The most bytes of weights, as `f64`, that a model may have; writing it takes as much again.
pub(crate) const MAX_MODEL_BYTES: usize = 4 << 30;

/// Compiles a combinational circuit; `source_sha256` identifies its source in the model file.
///
/// # Errors
/// The circuit has latches or no output, an option is out of range, or the model would be too large.
pub fn compile(circuit: &Circuit, source_sha256: &str, options: &Options) -> Result<Model> {
    require_output(circuit)?;
    let mapped = map(circuit, options)?;
    let depth = mapped.network.depth();
    let (scheme, schedule) = if options.unroll {
        (Scheme::UNROLLED, Schedule::unrolled(depth))
    } else {
        let ends = (options.prelude, options.coda);
        (Scheme::RECURRENT, Schedule::recurrent(depth, options.layers, ends))
    };
    compile_network(circuit, source_sha256, mapped, (scheme, schedule), options)
}

/// Writes a network that a circuit was mapped to into a model that applies its blocks as scheduled.
///
/// Nothing is added to the schedule: with fewer steps than levels the model is wrong on some input, unless
/// the circuit is right early.
///
/// # Errors
/// As [`compile`].
pub fn compile_network(
    circuit: &Circuit,
    source_sha256: &str,
    mapped: Mapped,
    (scheme, schedule): (Scheme, Schedule),
    options: &Options,
) -> Result<Model> {
    require_output(circuit)?;
    check_options(options)?;
    require_size(mapped.network.k(), mapped.network.n_nodes(), schedule)?;
    let layout = Layout::new(mapped.network.k(), mapped.network.n_nodes())?;
    let block = block(&layout, options);
    let (w_u, b_u) = unembed::read_out(&layout);
    Model::new(Parts {
        scheme,
        dtype: options.dtype,
        attention: if options.causal { Attention::Causal } else { Attention::Bidirectional },
        n_loops: schedule.n_loops,
        n_prelude: schedule.n_prelude,
        n_coda: schedule.n_coda,
        w_e: embed::tokens(&layout),
        w_pos: embed::positions(&mapped.network, &layout),
        blocks: vec![block; schedule.n_blocks()],
        w_u,
        b_u,
        input_positions: (0..mapped.network.n_inputs()).collect(),
        output_positions: mapped.network.outputs().iter().map(|&id| id as usize).collect(),
        scheme_vectors: BTreeMap::new(),
        labels: labels(circuit, &mapped, layout.names(), source_sha256),
        claim: Claim { origin: mapped.origin }.to_vectors(),
    })
}

/// The network that is compiled.
///
/// # Errors
/// An option is out of range.
pub fn map(circuit: &Circuit, options: &Options) -> Result<Mapped> {
    check_options(options)?;
    let mapped = mapping::map(circuit, options.heads)?;
    if options.collapse == 1 { Ok(mapped) } else { mapping::collapse(&mapped, options.collapse) }
}

pub(crate) fn require_output(circuit: &Circuit) -> Result<()> {
    circuit.require_combinational()?;
    if circuit.outputs().is_empty() {
        Err(Error::new("a circuit with an output", "none").hint("there is nothing to compute"))
    } else {
        Ok(())
    }
}

/// The one layer that simulates a level of any circuit.
fn block(layout: &Layout, options: &Options) -> Block {
    let [n_heads, d_model, d_head, d_mlp] = shape(layout);
    let mut block = Block::zeros(n_heads, d_model, d_head, d_mlp);
    attention::fetch_operands(&mut block, layout, options.inverse_temperature);
    mlp::look_up_and_clear(&mut block, layout);
    if options.inverse_temperature == INVERSE_TEMPERATURE {
        attention::assert_exact(layout, options.dtype);
    }
    mlp::assert_exact(&block, layout, options.dtype);
    block
}

/// `[n_heads, d_model, d_head, d_mlp]` of a model for so many nodes of `k` operands.
///
/// # Errors
/// There are more nodes than addresses.
pub fn sizes(k: usize, n_nodes: usize) -> Result<[usize; 4]> {
    Ok(shape(&Layout::new(k, n_nodes)?))
}

fn shape(layout: &Layout) -> [usize; 4] {
    [layout.k(), layout.d_model(), layout.code_length(), mlp::n_units(layout)]
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

/// An error unless a model for so many nodes of `k` operands is small enough to be built.
///
/// # Errors
/// It is not, or there are more nodes than addresses.
pub fn require_size(k: usize, n_nodes: usize, schedule: Schedule) -> Result<()> {
    let layout = Layout::new(k, n_nodes)?;
    let [n_heads, d_model, d_head, d_mlp] = shape(&layout);
    let block = Block::zeros(n_heads, d_model, d_head, d_mlp);
    let table = n_nodes.checked_mul(d_model);
    let blocks = schedule.n_blocks().checked_mul(block.n_parameters());
    let numbers = table.zip(blocks).and_then(|(table, blocks)| table.checked_add(blocks));
    match numbers.and_then(|n| n.checked_mul(size_of::<f64>())) {
        Some(bytes) if bytes <= MAX_MODEL_BYTES => Ok(()),
        _ => Err(Error::new(
            format!("a model of at most {} GiB of weights", MAX_MODEL_BYTES >> 30),
            format!("{n_nodes} nodes and {} layers", schedule.n_blocks()),
        )
        .hint("fewer --layers, looped, compute the same")),
    }
}

/// What the model file says of the circuit and of its own channels.
pub(crate) fn labels(
    circuit: &Circuit,
    mapped: &Mapped,
    channel_names: Vec<String>,
    source_sha256: &str,
) -> Labels {
    let orders = circuit.word_orders().iter();
    Labels {
        input_names: circuit.input_names().to_vec(),
        output_names: circuit.outputs().iter().map(|output| output.name.clone()).collect(),
        channel_names,
        depth: mapped.network.depth(),
        source_sha256: source_sha256.to_string(),
        word_orders: orders.map(|(base, order)| (base.clone(), order.to_string())).collect(),
    }
}
