//! Pass: the forward pass by which a model's blocks are applied, and what follows from it alone.
//!
//! The passes are those that engines make, the certificate was proved for or refuses, and a runner in another
//! language implements: a closed list. A new one is a variant here; each room that must know of it has an
//! exhaustive `match`, which the compiler then names. Schemes are open: several share a pass.

use std::str::FromStr;

use crate::error::{Error, Result};

/// A forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Prelude, core `n_loops` times, coda, over the whole sequence.
    Looped,
    /// Looped, and stopped for an input when the halting channel is 1 at all its outputs.
    Halting,
    /// A causal decoder whose last hidden state is `n_loops` times the next input embedding, before it answers.
    Thoughts,
    /// A causal decoder whose most likely token is the next one, `n_loops` times.
    Tokens,
}

/// What follows from a pass.
struct Facts {
    name: &'static str,
    /// What `n_loops` counts.
    steps: &'static str,
    /// What one run shows, step by step.
    shows: &'static str,
    is_parallel: bool,
    numpy: &'static str,
    /// Why a certificate, which is about a fixed number of layers over all positions at once, says nothing.
    uncertified: Option<&'static str>,
}

impl Pass {
    /// All of them.
    pub const ALL: [Pass; 4] = [Pass::Looped, Pass::Halting, Pass::Thoughts, Pass::Tokens];

    const fn facts(self) -> Facts {
        const LOOPED: Facts = Facts {
            name: "looped",
            steps: "loops",
            shows: "layer",
            is_parallel: true,
            numpy: "run_schemes.py",
            uncertified: None,
        };
        let by_tokens = Some("writes token after token");
        match self {
            Pass::Looped => LOOPED,
            Pass::Halting => {
                let uncertified = Some("stops when its halting channel says so");
                Facts { name: "halting", uncertified, ..LOOPED }
            }
            Pass::Thoughts => Facts {
                name: "thoughts",
                steps: "thoughts",
                shows: "thought and token",
                is_parallel: false,
                numpy: "run_decoder.py",
                uncertified: by_tokens,
            },
            Pass::Tokens => Facts {
                name: "tokens",
                steps: "tokens",
                shows: "token",
                is_parallel: false,
                numpy: "run_decoder.py",
                uncertified: by_tokens,
            },
        }
    }

    /// The name in files.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// What `n_loops` counts, in the plural.
    pub const fn steps(self) -> &'static str {
        self.facts().steps
    }

    /// What a trace of one run shows, one after the other.
    pub const fn shows(self) -> &'static str {
        self.facts().shows
    }

    /// Whether the whole sequence goes through the blocks at once, as against token by token.
    pub const fn is_parallel(self) -> bool {
        self.facts().is_parallel
    }

    /// The program in `tests/interop` that makes the pass in numpy and shares nothing with the engines.
    pub const fn numpy(self) -> &'static str {
        self.facts().numpy
    }

    /// Why there is no certificate for it: what a model of such a scheme does instead of applying a fixed number of
    /// layers. None where there is one.
    pub const fn uncertified(self) -> Option<&'static str> {
        self.facts().uncertified
    }
}

impl FromStr for Pass {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Pass::ALL.into_iter().find(|pass| pass.name() == name).ok_or_else(|| {
            let names = Pass::ALL.map(Pass::name).join(", ");
            Error::new(format!("a pass: {names}"), format!("{name:?}"))
        })
    }
}
