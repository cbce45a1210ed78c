//! Scheme: in which way of reasoning a model's blocks are applied.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The schemes of latent reasoning, by the names of flags and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// The block is looped over the whole sequence.
    #[default]
    Recurrent,
    /// Looped, and stopped for an input when all its outputs are known.
    Universal,
    /// A causal decoder whose last hidden state is the next input embedding.
    Coconut,
    /// As many layers as the model has, once, over the inputs and blank tokens.
    Pause,
    /// A causal decoder whose most likely token is the next token.
    Cot,
    /// As many layers as levels, once.
    Unrolled,
}

impl Scheme {
    pub const ALL: [Scheme; 6] = [
        Scheme::Recurrent,
        Scheme::Universal,
        Scheme::Coconut,
        Scheme::Pause,
        Scheme::Cot,
        Scheme::Unrolled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Scheme::Recurrent => "recurrent",
            Scheme::Universal => "universal",
            Scheme::Coconut => "coconut",
            Scheme::Pause => "pause",
            Scheme::Cot => "cot",
            Scheme::Unrolled => "unrolled",
        }
    }

    /// Whether every input goes through the same layers, all positions at once: what a certificate is about.
    /// A new scheme is no such one before the proof has been read with it in mind.
    pub fn has_fixed_steps(self) -> bool {
        match self {
            Scheme::Recurrent | Scheme::Pause | Scheme::Unrolled => true,
            Scheme::Universal | Scheme::Coconut | Scheme::Cot => false,
        }
    }

    /// Whether the whole sequence goes through the blocks at once, as against token by token.
    pub fn is_parallel(self) -> bool {
        !matches!(self, Scheme::Coconut | Scheme::Cot)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Scheme::ALL.into_iter().find(|scheme| scheme.name() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = Scheme::ALL.iter().map(|scheme| scheme.name()).collect();
            Error::new(format!("a scheme: {}", names.join(", ")), format!("{name:?}"))
        })
    }
}
