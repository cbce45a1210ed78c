//! A scheme in one place: its compiler, its cost, and what of a request it reads.
//!
//! In: a [`Request`]. Out: a model, or what it would cost. A scheme is a file of this room with a value that is a
//! [`Compiler`], and a row of [`SCHEMES`](super::SCHEMES). Which engine runs its models, what its steps are called
//! and whether they can be certified follows from the [`Pass`](crate::model::Pass) that it names.

use std::fmt::Debug;

use super::cost::Cost;
use super::cot::Method;
use crate::circuit::Circuit;
use crate::compile::Options;
use crate::error::{Error, Result};
use crate::model::{self, Dtype, Model, Scheme};
use crate::network::Network;

/// What is asked of a compiler. What is none is as the scheme sees fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// The largest fan-in of a node, one attention head each: 2 to [`Options::MAX_HEADS`].
    pub heads: usize,
    /// The format of the weights.
    pub dtype: Dtype,
    /// Position `i` reads only positions `0..=i`; a decoder always does so.
    pub causal: bool,
    /// Layers of the block that is looped or fed back, or of the only block.
    pub layers: Option<usize>,
    /// Layers before the loop, applied once.
    pub prelude: Option<usize>,
    /// Layers after the loop, applied once.
    pub coda: Option<usize>,
    /// Levels of the circuit in one layer.
    pub collapse: usize,
    /// Blank tokens.
    pub pauses: Option<usize>,
    /// Tokens that can be read and written: at least 2.
    pub vocab: Option<usize>,
    /// How gates are put into tokens.
    pub method: Option<Method>,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            heads: 2,
            dtype: Dtype::F32,
            causal: false,
            layers: None,
            prelude: None,
            coda: None,
            collapse: 1,
            pauses: None,
            vocab: None,
            method: None,
        }
    }
}

/// A part of a request that only some schemes read, by the name of its flag.
#[derive(Debug)]
pub struct Flag {
    name: &'static str,
    is_given: fn(&Request) -> bool,
    forget: fn(&mut Request),
}

impl Flag {
    /// [`Request::prelude`].
    pub const PRELUDE: Flag =
        Flag { name: "--prelude", is_given: |r| r.prelude.is_some(), forget: |r| r.prelude = None };
    /// [`Request::coda`].
    pub const CODA: Flag =
        Flag { name: "--coda", is_given: |r| r.coda.is_some(), forget: |r| r.coda = None };
    /// [`Request::pauses`].
    pub const PAUSE: Flag =
        Flag { name: "--pause", is_given: |r| r.pauses.is_some(), forget: |r| r.pauses = None };
    /// [`Request::vocab`].
    pub const VOCAB: Flag =
        Flag { name: "--vocab", is_given: |r| r.vocab.is_some(), forget: |r| r.vocab = None };
    /// [`Request::method`].
    pub const SCHEDULE: Flag =
        Flag { name: "--schedule", is_given: |r| r.method.is_some(), forget: |r| r.method = None };
    /// [`Request::collapse`].
    pub const COLLAPSE: Flag =
        Flag { name: "--collapse", is_given: |r| r.collapse != 1, forget: |r| r.collapse = 1 };
    /// [`Request::layers`].
    pub const LAYERS: Flag =
        Flag { name: "--layers", is_given: |r| r.layers.is_some(), forget: |r| r.layers = None };

    const ALL: [Flag; 7] = [
        Flag::PRELUDE,
        Flag::CODA,
        Flag::PAUSE,
        Flag::VOCAB,
        Flag::SCHEDULE,
        Flag::COLLAPSE,
        Flag::LAYERS,
    ];

    fn is_read_by(&self, compiler: &dyn Compiler) -> bool {
        compiler.reads().iter().any(|flag| flag.name == self.name)
    }
}

impl Request {
    /// An error if something is asked for that the scheme would ignore.
    ///
    /// # Errors
    /// The first such part, by the name of its flag.
    pub fn require_read_by(&self, compiler: &dyn Compiler) -> Result<()> {
        let mut given = Flag::ALL.iter().filter(|flag| (flag.is_given)(self));
        let Some(ignored) = given.find(|flag| !flag.is_read_by(compiler)) else { return Ok(()) };
        let expected = format!("no {} with the scheme {}", ignored.name, compiler.scheme());
        Err(Error::new(expected, ignored.name).hint("`circuit2tf help compile`"))
    }

    /// What one scheme reads of a request for several.
    pub fn read_by(&self, compiler: &dyn Compiler) -> Request {
        let mut request = *self;
        let ignored = Flag::ALL.iter().filter(|flag| !flag.is_read_by(compiler));
        ignored.for_each(|flag| (flag.forget)(&mut request));
        request
    }

    /// What the plain compiler is asked for.
    pub fn options(&self) -> Options {
        Options {
            layers: self.layers.unwrap_or(1),
            heads: self.heads,
            collapse: self.collapse,
            dtype: self.dtype,
            causal: self.causal,
            prelude: self.prelude.unwrap_or(0),
            coda: self.coda.unwrap_or(0),
            ..Options::default()
        }
    }
}

/// All that is known of a scheme.
pub trait Compiler: Debug + Sync {
    /// Its name, and the forward pass of its models.
    fn scheme(&self) -> Scheme;

    /// What it reads of a request besides heads and dtype.
    fn reads(&self) -> &'static [Flag];

    /// Compiles a combinational circuit; `source_sha256` identifies its source in the model file.
    ///
    /// # Errors
    /// The circuit has latches or no output, a part of the request is out of range, or the model would be too large.
    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model>;

    /// What the model that [`compile`](Compiler::compile) makes of a network costs, counted without building it.
    ///
    /// # Errors
    /// A part of the request is out of range.
    fn cost(&self, network: &Network, request: &Request) -> Result<Cost>;

    /// What a user must know of a model, if anything.
    fn remark(&self, _model: &Model) -> Option<String> {
        None
    }

    /// Whether `layers` are a loop's, and so no bound on the depth that can be computed: a comparison gives all such
    /// schemes the same number.
    fn repeats_layers(&self) -> bool {
        true
    }
}

/// The scheme of that name.
///
/// # Errors
/// There is none.
pub fn named(schemes: &[&'static dyn Compiler], name: &str) -> Result<&'static dyn Compiler> {
    let found = schemes.iter().find(|compiler| compiler.scheme().name() == name);
    found.copied().ok_or_else(|| {
        let known: Vec<Scheme> = schemes.iter().map(|compiler| compiler.scheme()).collect();
        model::unknown(&known, name)
    })
}
