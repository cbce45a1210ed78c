//! A model as the list of its weights that are not 0: JSON, short enough to be written by hand.
//!
//! `{"layers": 1, "loops": 1, "heads": 1, "d_model": 3, "d_head": 1, "d_mlp": 3, "inputs": [0, 1, 2],
//! "outputs": [0], "positions": 4, "weights": {"blocks.0.attn.W_V": [[0, 0, 0, 1.0]]}}`: an entry is its
//! indices, then its value. Names and shapes are those of the model file; scores and streams are f32.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Attention, BLOCK_TENSORS, Block, Dtype, Labels, Model, Parts, Scheme};
use crate::content;
use crate::error::{Error, Place, Result};

/// The most numbers of a model that is given this way, zeros included.
const MAX_NUMBERS: usize = 1 << 22;

/// The largest of any size, so that products of sizes do not overflow.
const MAX_SIZE: usize = 1 << 14;

/// Reads a model; `file` is its name in errors.
///
/// # Errors
/// It is no JSON, a size is missing or too large, or an entry lies outside of its tensor.
pub fn from_json(bytes: &[u8], file: &str) -> Result<Model> {
    let at_file = |error: Error| error.at(Place::File(file.to_string()));
    let value = content::json(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let place = Place::Line { file: file.to_string(), line, column };
        Error::new("a model, safetensors or JSON", error.to_string()).at(place)
    })?;
    parse(&value).map_err(at_file)
}

/// Writes a model of one kind of layer after the other, without its claim.
///
/// # Errors
/// Nothing here, unless a tensor cannot be named.
pub fn to_json(model: &Model) -> Result<String> {
    let mut weights = Map::new();
    model.for_each_tensor(|name, shape, numbers| {
        let entries = numbers.iter().enumerate().filter(|(_, x)| **x != 0.0);
        let entries: Vec<Value> = entries.map(|(at, &x)| entry(shape, at, x)).collect();
        if !entries.is_empty() {
            weights.insert(name.to_string(), entries.into());
        }
        Ok(())
    })?;
    let sizes = json!({
        "layers": model.n_layers(), "loops": model.n_loops, "heads": model.n_heads(),
        "d_model": model.d_model(), "d_head": model.d_head(), "d_mlp": model.d_mlp(),
        "positions": model.n_ctx(), "inputs": model.input_positions,
        "outputs": model.output_positions,
    });
    let lines = |object: &Map<String, Value>, indent: &str| {
        let line = |(name, value): (&String, &Value)| format!("{indent}{}: {value}", json!(name));
        object.iter().map(line).collect::<Vec<_>>().join(",\n")
    };
    let sizes = sizes.as_object().expect("it is one");
    Ok(format!(
        "{{\n{},\n  \"weights\": {{\n{}\n  }}\n}}\n",
        lines(sizes, "  "),
        lines(&weights, "    ")
    ))
}

/// The indices of number `at` of a tensor, and its value.
fn entry(shape: &[usize], mut at: usize, value: f64) -> Value {
    let mut indices: Vec<Value> = Vec::new();
    for size in shape.iter().rev() {
        indices.push((at % size).into());
        at /= size;
    }
    indices.reverse();
    indices.push(value.into());
    indices.into()
}

fn parse(value: &Value) -> Result<Model> {
    let size = |name: &str| size(value, name);
    let (layers, heads, d_model) = (size("layers")?, size("heads")?, size("d_model")?);
    let (d_head, d_mlp, positions) = (size("d_head")?, size("d_mlp")?, size("positions")?);
    let block = heads * (4 * d_model * d_head + 3 * d_head) + 2 * d_model * (d_mlp + 1) + d_mlp;
    let numbers = layers.saturating_mul(block).saturating_add(positions * d_model);
    if numbers > MAX_NUMBERS {
        return Err(Error::new(format!("at most {MAX_NUMBERS} weights"), numbers.to_string()));
    }
    let (inputs, outputs) = (ports(value, "inputs")?, ports(value, "outputs")?);
    // The tensors of a block have all the shapes that are needed.
    let matrix = |rows, columns| Block::zeros(1, rows, 1, columns).w_in;
    let mut parts = Parts {
        scheme: Scheme::RECURRENT,
        dtype: Dtype::F32,
        attention: Attention::Bidirectional,
        n_prelude: 0,
        n_coda: 0,
        n_loops: size("loops")?,
        w_e: matrix(3, d_model),
        w_pos: matrix(positions, d_model),
        blocks: vec![Block::zeros(heads, d_model, d_head, d_mlp); layers],
        w_u: matrix(d_model, 2),
        b_u: Block::zeros(1, 1, 1, 2).b_in,
        labels: Labels {
            input_names: (0..inputs.len()).map(|i| format!("x[{i}]")).collect(),
            output_names: (0..outputs.len()).map(|i| format!("y[{i}]")).collect(),
            channel_names: (0..d_model).map(|c| format!("channel[{c}]")).collect(),
            depth: layers * size("loops")?,
            ..Labels::default()
        },
        input_positions: inputs,
        output_positions: outputs,
        scheme_vectors: BTreeMap::new(),
        claim: BTreeMap::new(),
    };
    let weights = value.get("weights").and_then(Value::as_object);
    let weights = weights.ok_or_else(|| Error::new("an object `weights`", "none"))?;
    for (name, entries) in weights {
        let (shape, numbers) = tensor(&mut parts, name)?;
        let entries = entries.as_array();
        for entry in
            entries.ok_or_else(|| Error::new(format!("a list of entries of {name}"), "none"))?
        {
            let (at, x) = place(entry, &shape).ok_or_else(|| {
                let expected =
                    format!("{} indices below {shape:?} and a number in {name}", shape.len());
                Error::new(expected, entry.to_string())
            })?;
            numbers[at] = x;
        }
    }
    Model::new(parts)
}

fn size(value: &Value, name: &str) -> Result<usize> {
    let size = value.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    size.filter(|n| (1..=MAX_SIZE).contains(n)).ok_or_else(|| {
        let found = value.get(name).map_or("none".to_string(), Value::to_string);
        Error::new(format!("a size {name:?} from 1 to {MAX_SIZE}"), found)
    })
}

fn ports(value: &Value, name: &str) -> Result<Vec<usize>> {
    let list = value.get(name).and_then(Value::as_array);
    let position = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
    let list = list.and_then(|list| list.iter().map(position).collect::<Option<Vec<_>>>());
    list.filter(|list| list.len() <= MAX_SIZE)
        .ok_or_else(|| Error::new(format!("a list of positions {name:?}"), "none"))
}

/// A tensor of the parts by its name in the file, with its shape.
fn tensor<'p>(parts: &'p mut Parts, name: &str) -> Result<(Vec<usize>, &'p mut [f64])> {
    let unknown = || {
        Error::new("the name of a tensor", format!("{name:?}")).hint(format!(
            "embed.W_E, pos_embed.W_pos, unembed.W_U, unembed.b_U, blocks.0. and one of {}",
            BLOCK_TENSORS.join(", ")
        ))
    };
    macro_rules! of {
        ($array:expr) => {
            Ok(($array.shape().to_vec(), $array.as_slice_mut().expect("zeros are contiguous")))
        };
    }
    match name {
        "embed.W_E" => return of!(parts.w_e),
        "pos_embed.W_pos" => return of!(parts.w_pos),
        "unembed.W_U" => return of!(parts.w_u),
        "unembed.b_U" => return of!(parts.b_u),
        _ => {}
    }
    let (layer, name) =
        name.strip_prefix("blocks.").and_then(|n| n.split_once('.')).ok_or_else(unknown)?;
    let layer: usize = layer.parse().map_err(|_| unknown())?;
    let block = parts.blocks.get_mut(layer).ok_or_else(unknown)?;
    match name {
        "attn.W_Q" => of!(block.w_q),
        "attn.W_K" => of!(block.w_k),
        "attn.W_V" => of!(block.w_v),
        "attn.b_Q" => of!(block.b_q),
        "attn.b_K" => of!(block.b_k),
        "attn.b_V" => of!(block.b_v),
        "attn.W_O" => of!(block.w_o),
        "attn.b_O" => of!(block.b_o),
        "mlp.W_in" => of!(block.w_in),
        "mlp.b_in" => of!(block.b_in),
        "mlp.W_out" => of!(block.w_out),
        "mlp.b_out" => of!(block.b_out),
        _ => Err(unknown()),
    }
}

/// Where an entry goes, and its value.
fn place(entry: &Value, shape: &[usize]) -> Option<(usize, f64)> {
    let (value, indices) = entry.as_array()?.split_last()?;
    if indices.len() != shape.len() {
        return None;
    }
    let mut at = 0;
    for (index, &size) in indices.iter().zip(shape) {
        let index = usize::try_from(index.as_u64()?).ok().filter(|&index| index < size)?;
        at = at * size + index;
    }
    Some((at, value.as_f64()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;

    #[test]
    fn a_model_written_and_read_has_the_same_weights() {
        let circuit = generate("adder:2").unwrap();
        let model = compile(&circuit, "", &Options { layers: 2, ..Options::default() }).unwrap();
        let read = from_json(to_json(&model).unwrap().as_bytes(), "m.json").unwrap();
        assert_eq!((&read.w_pos, &read.blocks), (&model.w_pos, &model.blocks));
        assert_eq!((&read.w_e, &read.w_u, &read.b_u), (&model.w_e, &model.w_u, &model.b_u));
        assert_eq!(
            (read.n_loops, &read.output_positions),
            (model.n_loops, &model.output_positions)
        );
    }

    #[test]
    fn what_is_no_model_is_an_error() {
        let good = r#"{"layers": 1, "loops": 1, "heads": 1, "d_model": 1, "d_head": 1, "d_mlp": 1,
            "positions": 1, "inputs": [0], "outputs": [0], "weights": {"unembed.b_U": [[1, 0.5]]}}"#;
        assert!(from_json(good.as_bytes(), "m").is_ok());
        for (from, to) in [
            ("\"layers\": 1", "\"layers\": 0"),
            ("\"layers\": 1", "\"layers\": 99999999999"),
            ("\"d_model\": 1", "\"d_model\": 16384"),
            ("[[1, 0.5]]", "[[2, 0.5]]"),
            ("[[1, 0.5]]", "[[1, 1, 0.5]]"),
            ("[[1, 0.5]]", "[[]]"),
            ("[[1, 0.5]]", "7"),
            ("unembed.b_U", "blocks.1.attn.W_Q"),
            ("unembed.b_U", "blocks.x"),
            ("\"outputs\": [0]", "\"outputs\": [4]"),
            ("\"weights\"", "\"wights\""),
            ("{", ""),
        ] {
            let text = good
                .replacen(from, to, 1)
                .replace("16384, \"d_head\": 1", "16384, \"d_head\": 16384");
            assert!(from_json(text.as_bytes(), "m").is_err(), "{from} {to}");
        }
    }
}
