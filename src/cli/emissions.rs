//! `trace` of a decoder: what it writes, token by token and thought by thought.

use circuit2tf::Result;
use circuit2tf::model::Model;
use circuit2tf::run::{Decoder, Emission, Emitted};
use circuit2tf::verify::bit_string;
use serde_json::{Value, json};

use super::Report;

/// Decodes one input and lists each token with its bits and margin, and each thought with the bits in its
/// slots.
pub fn report(model: &Model, inputs: &[bool], csv: bool) -> Result<Report> {
    let decoder = Decoder::new(model)?;
    let mut emissions = Vec::new();
    decoder.trace(inputs, model.n_loops, |emission| emissions.push(emission))?;
    let lines = emissions.iter().map(|emission| match csv {
        true => csv_line(model, emission),
        false => line(model, emission),
    });
    let head = if csv { "position,kind,token,bits,margin\n" } else { "position\n" };
    let text = format!("{head}{}", lines.collect::<String>());
    let entries: Vec<Value> = emissions.iter().map(|emission| entry(model, emission)).collect();
    let json = json!({
        "scheme": model.scheme.name(),
        "input": bit_string(inputs),
        "n_prompt": decoder.n_prompt(),
        "steps": entries,
    });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// The values that a token holds, slot 0 first.
fn token_bits(model: &Model, token: usize) -> String {
    let n_slots = model.d_vocab_out().max(2).ilog2();
    (0..n_slots).map(|slot| if token >> slot & 1 == 1 { '1' } else { '0' }).collect()
}

/// The live values that a thought carries, by the names of its channels.
fn thought_bits(model: &Model, hidden: &[f64]) -> String {
    let channels = model.labels.channel_names.iter().zip(hidden);
    let slots = channels.filter(|(name, _)| name.starts_with("slot["));
    slots.map(|(_, &x)| if x > 0.5 { '1' } else { '0' }).collect()
}

fn line(model: &Model, emission: &Emission) -> String {
    let position = emission.position;
    match emission.emitted {
        Emitted::Thought => {
            format!("{position:>8}  thought  {}\n", thought_bits(model, &emission.hidden))
        }
        Emitted::Token { token, margin } => {
            format!(
                "{position:>8}  token    {}  ({token}, margin {margin})\n",
                token_bits(model, token)
            )
        }
    }
}

fn csv_line(model: &Model, emission: &Emission) -> String {
    let position = emission.position;
    match emission.emitted {
        Emitted::Thought => {
            format!("{position},thought,,{},\n", thought_bits(model, &emission.hidden))
        }
        Emitted::Token { token, margin } => {
            format!("{position},token,{token},{},{margin}\n", token_bits(model, token))
        }
    }
}

fn entry(model: &Model, emission: &Emission) -> Value {
    match emission.emitted {
        Emitted::Thought => json!({
            "position": emission.position,
            "kind": "thought",
            "bits": thought_bits(model, &emission.hidden),
        }),
        Emitted::Token { token, margin } => json!({
            "position": emission.position,
            "kind": "token",
            "token": token,
            "bits": token_bits(model, token),
            // JSON has no infinity; a single token leads by it.
            "margin": margin.is_finite().then_some(margin),
        }),
    }
}
