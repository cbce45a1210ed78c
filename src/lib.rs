//! Compile Boolean circuits into looped transformers and prove that the weights compute them.

pub mod batch;
pub mod circuit;
mod error;
pub mod family;
pub mod format;
pub mod network;

pub use error::{Error, Place, Result};
