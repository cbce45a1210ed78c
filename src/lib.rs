//! Compile Boolean circuits into looped transformers and prove that the weights compute them.

pub mod batch;
pub mod circuit;
pub mod claim;
pub mod compile;
mod error;
pub mod family;
pub mod format;
pub mod layout;
pub mod mapping;
pub mod model;
pub mod network;
pub mod run;
pub mod sat;
pub mod theory;
pub mod verify;

pub use error::{Error, Place, Result};
