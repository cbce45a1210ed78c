//! What a decoder writes on an input: token by token, with bits and margin, and thought by thought.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::error::Result;
use crate::model::{Model, Scheme};
use crate::run::{Decoder, Emission, Emitted};
use crate::verify::bit_string;

/// The steps of a decoder on one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    scheme: Scheme,
    inputs: Vec<bool>,
    n_prompt: usize,
    /// In order.
    pub steps: Vec<Entry>,
}

/// A token or a thought.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The position that is filled.
    pub position: usize,
    /// What fills it.
    pub emitted: Emitted,
    /// The values that it holds, in the order of its slots.
    pub bits: String,
}

impl Written {
    /// Decodes one input.
    ///
    /// # Errors
    /// As [`Decoder::new`] and [`Decoder::trace`].
    pub fn run(model: &Model, inputs: &[bool]) -> Result<Self> {
        let decoder = Decoder::new(model)?;
        let mut steps = Vec::new();
        decoder
            .trace(inputs, model.n_loops, |emission| steps.push(Entry::new(model, &emission)))?;
        let (scheme, n_prompt) = (model.scheme, decoder.n_prompt());
        Ok(Written { scheme, inputs: inputs.to_vec(), n_prompt, steps })
    }

    /// One line per step.
    pub fn to_csv(&self) -> String {
        let line = |Entry { position, emitted, bits }: &Entry| match emitted {
            Emitted::Thought => format!("{position},thought,,{bits},\n"),
            Emitted::Token { token, margin } => {
                format!("{position},token,{token},{bits},{margin}\n")
            }
        };
        let lines: String = self.steps.iter().map(line).collect();
        format!("position,kind,token,bits,margin\n{lines}")
    }
}

impl Entry {
    fn new(model: &Model, emission: &Emission) -> Self {
        let Emission { position, emitted, ref hidden } = *emission;
        let bits = match emitted {
            Emitted::Thought => thought_bits(model, hidden),
            Emitted::Token { token, .. } => token_bits(model, token),
        };
        Entry { position, emitted, bits }
    }

    fn json(&self) -> Value {
        let (position, bits) = (self.position, &self.bits);
        match self.emitted {
            Emitted::Thought => json!({ "position": position, "kind": "thought", "bits": bits }),
            Emitted::Token { token, margin } => json!({
                "position": position,
                "kind": "token",
                "token": token,
                "bits": bits,
                // JSON has no infinity; a single token leads by it.
                "margin": margin.is_finite().then_some(margin),
            }),
        }
    }
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

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("position")?;
        for Entry { position, emitted, bits } in &self.steps {
            match emitted {
                Emitted::Thought => write!(f, "\n{position:>8}  thought  {bits}")?,
                Emitted::Token { token, margin } => {
                    write!(f, "\n{position:>8}  token    {bits}  ({token}, margin {margin})")?;
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let document = json!({
            "scheme": self.scheme.name(),
            "input": bit_string(&self.inputs),
            "n_prompt": self.n_prompt,
            "steps": self.steps.iter().map(Entry::json).collect::<Vec<_>>(),
        });
        document.serialize(serializer)
    }
}
