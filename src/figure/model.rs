//! A model drawn at one moment: its residual stream, and what a head attends to.

use super::heatmap::Heatmap;
use crate::error::Result;
use crate::model::Model;
use crate::trace::{self, Netlist};

/// The residual stream after `step` layers, over all loops.
///
/// # Errors
/// As [`trace::stream_after`].
pub fn stream(
    model: &Model,
    (name, netlist): (&str, Option<&Netlist>),
    inputs: &[bool],
    step: usize,
) -> Result<Heatmap> {
    Ok(Heatmap {
        title: format!("{name}: residual stream, layers applied: {step}"),
        description: "A row per position, a column per channel; + is 1, − is -1.".to_string(),
        row_names: position_names(model, netlist),
        column_names: model.labels.channel_names.clone(),
        rows: trace::stream_after(model, inputs, step)?,
    })
}

/// The attention matrix of a head in the layer that follows `step` layers.
///
/// # Errors
/// As [`trace::attention_after`].
pub fn attention(
    model: &Model,
    (name, netlist): (&str, Option<&Netlist>),
    inputs: &[bool],
    (step, head): (usize, usize),
) -> Result<Heatmap> {
    let rows = trace::attention_after(model, inputs, step, head)?;
    let layer = step % model.n_layers() + 1;
    let names = position_names(model, netlist);
    Ok(Heatmap {
        title: format!("{name}: attention of layer {layer}, head {head}"),
        description: "A row per query, a column per key; a full square is weight 1.".to_string(),
        row_names: names.clone(),
        column_names: names,
        rows,
    })
}

/// Names of the positions: those of the nodes where the network is known.
fn position_names(model: &Model, netlist: Option<&Netlist>) -> Vec<String> {
    let mut names: Vec<String> = (0..model.n_ctx()).map(|p| format!("p{p}")).collect();
    let nodes = netlist.into_iter().flat_map(Netlist::nodes);
    nodes.for_each(|node| names[node.position].clone_from(&node.name));
    names
}
