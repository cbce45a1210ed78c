//! Compile Boolean circuits into looped transformers, and prove that the weights compute them.
//!
//! A circuit of depth `D` becomes a block of `L` transformer layers that, looped `⌈D/L⌉` times, computes
//! it: one token per node, the circuit written in the position embeddings, the layers the same for every
//! circuit of one address length. The model is then checked against the circuit by means that do not trust the compiler.
//!
//! ```
//! use circuit2tf::compile::{Options, compile};
//! use circuit2tf::verify::{Policy, Subject, Verdict, decide};
//!
//! let circuit = circuit2tf::family::generate("adder:3")?;
//! let model = compile(&circuit, "", &Options { layers: 2, ..Options::default() })?;
//! assert_eq!((model.labels.depth, model.n_layers(), model.n_loops), (5, 2, 3));
//!
//! let decision = decide(&Subject::new(&model, &circuit)?, &Policy::default())?;
//! assert!(matches!(decision.statement.verdict, Verdict::Verified(_)));
//! # Ok::<(), circuit2tf::Error>(())
//! ```
//!
//! # Features
//!
//! With `default-features = false` it is a library and no more. `candle` (on by default) adds the dense engine and
//! learning; without it, asking for them is an error that says so. `program` (on by default) is the program and the
//! course. `cadical`, `cuda`, `metal` and `gpu` are explained in `Cargo.toml`.
//!
//! # Code map, in the order data flows
//!
//! | room | what it is | may import |
//! |---|---|---|
//! | [`circuit`] | acyclic graphs of gates; levels, cones; the oracle; words | – |
//! | [`files`] | files as bytes, written whole or not at all | – |
//! | [`format`](mod@format) | circuit files, read and written | circuit, files |
//! | [`family`] | generated circuits | circuit |
//! | [`network`] | the `k`-input form of a circuit, one node per position | circuit |
//! | [`mapping`] | circuit → network of bounded fan-in | circuit, network |
//! | [`layout`] | which coordinates of a residual stream hold what, and the allocator of all of them | – |
//! | [`model`] | a transformer as numbers, and its file | files |
//! | [`claim`] | what the compiler says each position computes | circuit |
//! | [`mod@compile`] | network + layout → model with its claim | all of the above but format, family |
//! | [`run`] | engines: model × inputs → outputs, traces; on the processor or a GPU | model |
//! | [`sat`] | circuits and networks as clauses, and a solver for them | circuit, network |
//! | [`verify`] | verdicts, and the ways to reach one | circuit, claim, model, network, run, sat |
//! | [`reasoning`] | the schemes of latent reasoning, one row of a table each: compiler, cost; learning | all of the above but format, family, sat |
//! | [`theory`] | what is true of circuits, loops and models, decided; the ledger of claims | all of the above but format, claim |
//! | [`trace`] | what every node holds after each layer, and what it is worth | circuit, claim, mapping, model, network, run, verify |
//! | [`selftest`] | engines on a device, held against the oracle and the reference engine | circuit, compile, family, model, run, verify |
//! | [`figure`] | what is computed, drawn as SVG | circuit, compile, mapping, model, reasoning, theory, trace |
//! | [`explorer`] | a page in which a model's weights run, to be watched and broken | figure, model, trace |
//! | [`course`] | exercises with graders and computed answers; lessons | all of the above |
//!
//! [`batch`] (bits of many assignments, programs of look-up tables on them), `content` (what bytes are
//! before they are read), [`table`] (the printer of tables: text, CSV, Markdown, LaTeX), [`Error`] and [`Progress`] are
//! known to all.
//! What may not be lost: `verify` does not import `compile`; `run` does not import `circuit`, so that the
//! oracle goes to a GPU as such a program; petgraph is named only in `circuit::graph`, wgpu only in `run/gpu`,
//! ndarray only in `model`, `compile`, `run`, `reasoning`, `trace` and `theory`'s hand-made models.
//! `tests/house.rs` holds the code to this table.
//!
//! Beside the rooms, in `src/checker`, lies a crate that checks kept certificates with their witness and depends on nothing
//! of this one. It has readers of its own for the model file and the circuit: shared ones, in a vocabulary crate
//! below both, would be less code, and a slip in them would be on both sides. [`verify`] hands it bytes.

pub mod batch;
pub mod circuit;
pub mod claim;
pub mod compile;
mod content;
#[cfg(feature = "program")]
pub mod course;
mod error;
pub mod explorer;
pub mod family;
pub mod figure;
pub mod files;
pub mod format;
pub mod layout;
pub mod mapping;
pub mod model;
pub mod network;
mod progress;
pub mod reasoning;
pub mod run;
pub mod sat;
pub mod selftest;
pub mod table;
pub mod theory;
pub mod trace;
pub mod verify;

pub use error::{Error, Kind, Place, Result};
pub use progress::Progress;

/// The version of this crate and of its program, which model files, certificates and JSON documents carry.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The JSON Schema (draft 2020-12) of the documents that the program prints with `--json`.
pub const SCHEMA: &str = include_str!("schema.json");
