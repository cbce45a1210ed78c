//! Every nonzero weight of one layer, written as formulas over the names of the channels.
//!
//! Run it with `cargo run --example show_weights -- [FAMILY]`, for example with `adder:1`. The layer is
//! the same for every circuit of a size: the circuit itself is in the position embeddings.

use circuit2tf::compile::{Options, compile};
use circuit2tf::model::{Block, Model};
use circuit2tf::{Result, family};

fn main() -> Result<()> {
    let spec = std::env::args().nth(1).unwrap_or_else(|| "parity:2".to_string());
    let model = compile(&family::generate(&spec)?, "", &Options::default())?;
    println!("{spec}: one layer, applied {} times; all channels are +1 or -1\n", model.n_loops);
    show_positions(&model);
    let names = &model.labels.channel_names;
    (0..model.n_heads()).for_each(|h| show_head(&model.blocks[0], h, names));
    show_attention_bias(&model.blocks[0], names);
    show_mlp(&model.blocks[0], names);
    println!("READ-OUT: the bit is 1 where logit 1 exceeds logit 0");
    for logit in 0..2 {
        let weights = model.w_u.column(logit).to_vec();
        println!("  logit {logit} = {}", sum(&weights, names, model.b_u[logit]));
    }
    Ok(())
}

/// The rows of the position table, one group of channels after the other.
fn show_positions(model: &Model) {
    println!("POSITIONS: who I am, whom I read, what I compute; a dot is left to the token");
    for (i, row) in model.w_pos.outer_iter().enumerate() {
        let mut line = format!("  position {i}:");
        let mut group = "";
        for (name, &x) in model.labels.channel_names.iter().zip(row) {
            let this = name.split('[').next().unwrap_or(name);
            if this != group {
                line += &format!(" {this} ");
                group = this;
            }
            line += if x > 0.0 {
                "+"
            } else if x < 0.0 {
                "-"
            } else {
                "."
            };
        }
        println!("{line}");
    }
    let at =
        |positions: &[usize]| positions.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    println!(
        "  inputs at {}, outputs at {}\n",
        at(&model.input_positions),
        at(&model.output_positions)
    );
}

fn show_head(block: &Block, h: usize, names: &[String]) {
    println!("HEAD {h}: asks for the node whose address is my pointer{h}, and takes its value");
    for (what, weights, biases) in [
        ("q", &block.w_q, &block.b_q),
        ("k", &block.w_k, &block.b_k),
        ("v", &block.w_v, &block.b_v),
    ] {
        for j in 0..biases.ncols() {
            let column: Vec<f64> = (0..names.len()).map(|c| weights[[h, c, j]]).collect();
            if column.iter().any(|&w| w != 0.0) || biases[[h, j]] != 0.0 {
                println!("  {what}[{j}] = {}", sum(&column, names, biases[[h, j]]));
            }
        }
    }
    let values: Vec<String> = (0..block.b_v.ncols()).map(|j| format!("v[{j}]")).collect();
    for (c, name) in names.iter().enumerate() {
        let weights: Vec<f64> = (0..values.len()).map(|j| block.w_o[[h, j, c]]).collect();
        if weights.iter().any(|&w| w != 0.0) {
            println!("  {name} += {}, at the node found", sum(&weights, &values, 0.0));
        }
    }
    println!();
}

fn show_attention_bias(block: &Block, names: &[String]) {
    println!(
        "AFTER ALL HEADS: the +1 that stood in each fetch channel is taken out, the value stays"
    );
    for (name, &bias) in names.iter().zip(&block.b_o).filter(|(_, bias)| **bias != 0.0) {
        println!("  {name} += {bias}");
    }
    println!();
}

fn show_mlp(block: &Block, names: &[String]) {
    println!(
        "MLP: a pair of units per row of the truth table steps from 0 to 1 if the operands fetched are\n\
         \x20    this row and its entry is +1; the last units clear what is replaced"
    );
    let units: Vec<String> = (0..block.b_in.len()).map(|u| format!("u[{u}]")).collect();
    for (u, unit) in units.iter().enumerate() {
        let weights = block.w_in.column(u).to_vec();
        println!("  {unit} = relu({})", sum(&weights, names, block.b_in[u]));
    }
    for (c, name) in names.iter().enumerate() {
        let weights = block.w_out.column(c).to_vec();
        if weights.iter().any(|&w| w != 0.0) {
            println!("  {name} += {}", sum(&weights, &units, block.b_out[c]));
        }
    }
    println!();
}

/// `2 a - b + 3` for the nonzero weights.
fn sum(weights: &[f64], names: &[String], bias: f64) -> String {
    let factor = |w: f64| if w.abs() == 1.0 { String::new() } else { format!("{} ", w.abs()) };
    let nonzero = weights.iter().zip(names).filter(|(w, _)| **w != 0.0);
    let mut terms: Vec<(bool, String)> =
        nonzero.map(|(&w, name)| (w < 0.0, format!("{}{name}", factor(w)))).collect();
    if bias != 0.0 || terms.is_empty() {
        terms.push((bias < 0.0, bias.abs().to_string()));
    }
    let mut text = String::new();
    for (i, (negative, term)) in terms.iter().enumerate() {
        text += match (i, negative) {
            (0, true) => "-",
            (0, false) => "",
            (_, true) => " - ",
            (_, false) => " + ",
        };
        text += term;
    }
    text
}
