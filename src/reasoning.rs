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
//!
//! Whether training finds such models is what [`learning`] measures.
//!
//! [`Scheme`]: crate::model::Scheme

pub mod learning;
pub mod pause;
