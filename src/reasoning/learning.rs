//! Learnability: gradients through the loops of constructed and random models, and training from both.
//!
//! In: a compiled model and its circuit. Out: norms of Jacobians by the number of loops they go through
//! ([`gradient`]), the gradients of all parities at once ([`parity`]), and the outcomes of training runs
//! ([`train`]), with intervals ([`interval`]). What is computed is what is reported; nothing is said of
//! models that were not run. Everything is f64, on the CPU, and follows from its seed.
//!
//! candle's fused layers have no backward pass and do not say so; [`looped`] is made of basic operations,
//! and training asserts that every parameter gets a gradient.

pub mod gradient;
pub mod interval;
pub mod looped;
pub mod parity;
pub mod report;
pub mod train;

pub use looped::{Looped, Start, Task};

use crate::error::Error;

/// candle's error as ours. It can only come of shapes that do not fit, or of memory.
fn from_candle(error: candle_core::Error) -> Error {
    Error::message(format!("tensors: {error}"))
}
