//! The schemes of latent reasoning, each compiled from the same circuit.
//!
//! In: a circuit. Out: a [`Model`](crate::model::Model) whose [`Scheme`] says how its blocks are applied.
//! Every model is a whole one: its file runs without the circuit, in its own way, and is checked
//! against the circuit like any other.
//!
//! | scheme | steps one after the other | what crosses from step to step | compiled by |
//! |---|---|---|---|
//! | recurrent | `p + L·R + c` layers | the stream of all positions | [`compile`](crate::compile) |
//! | unrolled | `D` layers | the same | [`compile`](crate::compile) |
//! | pause | `L` layers, whatever the depth | the same | [`pause`] |
//! | cot | a token for every `⌊log₂ V⌋` gates, of 1 or 2 layers | the tokens | [`cot`] |
//! | coconut | `⌈(D + 1)/L⌉` thoughts of `L` layers | the live values, as one vector | [`coconut`] |
//! | universal | at most `L·R` layers, fewer where outputs are known sooner | the same | [`universal`] |
//!
//! Whether training finds such models is what [`learning`] measures.
//!
//! Each scheme is a file of this room with a [`Compiler`], and a row of [`SCHEMES`]; nothing else in the crate knows
//! them one by one.
//!
//! [`Scheme`]: crate::model::Scheme

pub mod coconut;
pub mod comparison;
pub mod cost;
pub mod cot;
#[cfg(feature = "candle")]
pub mod learning;
pub mod liveness;
pub mod pause;
mod recurrent;
mod scheme;
mod shape;
pub mod sizes;
pub mod universal;
mod unrolled;

pub use scheme::{Compiler, Flag, Request, named};
pub use shape::Shape;

/// The schemes, in the order in which they are listed to users.
pub const SCHEMES: [&dyn Compiler; 6] = [
    &recurrent::Recurrent,
    &universal::Universal,
    &coconut::Coconut,
    &pause::Pause,
    &cot::Cot,
    &unrolled::Unrolled,
];
