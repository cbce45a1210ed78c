//! Scheme: the way of reasoning that a model was compiled for, and the forward pass that it takes.
//!
//! A scheme is a name for people and a [`Pass`] for runners. How one is compiled and what it costs stands in
//! `reasoning`. A file of one of the [known](Scheme::KNOWN) schemes says its name alone; any other says its pass
//! too, so that a reader that never heard of it runs the model.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Pass;
use crate::error::{Error, Result};

/// Bytes of the longest name.
const MAX_NAME: usize = 24;

/// A scheme of latent reasoning, as a model has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// The name, filled up with zeros: a value that is copied, though a file may bring a name of its own.
    name: [u8; MAX_NAME],
    pass: Pass,
}

impl Scheme {
    /// The block is looped over the whole sequence.
    pub const RECURRENT: Scheme = Scheme::new("recurrent", Pass::Looped);
    /// Looped, and stopped for an input when all its outputs are known.
    pub const UNIVERSAL: Scheme = Scheme::new("universal", Pass::Halting);
    /// A causal decoder whose last hidden state is the next input embedding.
    pub const COCONUT: Scheme = Scheme::new("coconut", Pass::Thoughts);
    /// As many layers as the model has, once, over the inputs and blank tokens.
    pub const PAUSE: Scheme = Scheme::new("pause", Pass::Looped);
    /// A causal decoder whose most likely token is the next token.
    pub const COT: Scheme = Scheme::new("cot", Pass::Tokens);
    /// As many layers as levels, once.
    pub const UNROLLED: Scheme = Scheme::new("unrolled", Pass::Looped);

    /// The schemes whose files say no pass.
    pub const KNOWN: [Scheme; 6] = [
        Scheme::RECURRENT,
        Scheme::UNIVERSAL,
        Scheme::COCONUT,
        Scheme::PAUSE,
        Scheme::COT,
        Scheme::UNROLLED,
    ];

    /// A scheme of that name, which takes that pass.
    ///
    /// # Panics
    /// The name is empty, longer than 24 bytes, or has others than lower-case letters, digits and hyphens.
    pub const fn new(name: &str, pass: Pass) -> Self {
        assert!(is_name(name), "a name of a scheme: a-z, 0-9 and -, at most 24");
        let (mut padded, mut i) = ([0; MAX_NAME], 0);
        while i < name.len() {
            padded[i] = name.as_bytes()[i];
            i += 1;
        }
        Scheme { name: padded, pass }
    }

    /// The scheme that a file names, with the pass that it says, if it says one.
    ///
    /// # Errors
    /// It names none that is known and says no pass, or one that could be none, or says another pass than the known
    /// scheme's.
    pub(super) fn of_file(name: &str, pass: Option<&str>) -> Result<Self> {
        let known = Scheme::KNOWN.into_iter().find(|scheme| scheme.name() == name);
        match (known, pass.map(str::parse).transpose()?) {
            (Some(known), None) => Ok(known),
            (Some(known), Some(pass)) if known.pass == pass => Ok(known),
            (Some(known), Some(pass)) => {
                let expected = format!("the pass {} with the scheme {known}", known.pass.name());
                Err(Error::new(expected, pass.name()))
            }
            (None, Some(pass)) if is_name(name) => Ok(Scheme::new(name, pass)),
            (None, _) => Err(unknown(&Scheme::KNOWN, name)),
        }
    }

    /// The name in flags and model files.
    pub fn name(&self) -> &str {
        let name = self.name.split(|&byte| byte == 0).next().unwrap_or_default();
        std::str::from_utf8(name).expect("a name is of ASCII letters, digits and hyphens")
    }

    /// How its models are run.
    pub fn pass(self) -> Pass {
        self.pass
    }

    /// Whether every input goes through the same layers, all positions at once: what a certificate is about.
    pub fn has_fixed_steps(self) -> bool {
        self.pass.uncertified().is_none()
    }

    /// Whether the whole sequence goes through the blocks at once, as against token by token.
    pub fn is_parallel(self) -> bool {
        self.pass.is_parallel()
    }
}

/// The error for a name that none of the schemes has.
pub fn unknown(schemes: &[Scheme], name: &str) -> Error {
    let names: Vec<&str> = schemes.iter().map(Scheme::name).collect();
    Error::new(format!("a scheme: {}", names.join(", ")), format!("{name:?}"))
}

const fn is_name(name: &str) -> bool {
    let (bytes, mut i) = (name.as_bytes(), 0);
    while i < bytes.len() {
        if !(bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit() || bytes[i] == b'-') {
            return false;
        }
        i += 1;
    }
    !bytes.is_empty() && bytes.len() <= MAX_NAME
}

impl Default for Scheme {
    fn default() -> Self {
        Scheme::RECURRENT
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By its name.
impl Serialize for Scheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.pass.name())
    }
}
