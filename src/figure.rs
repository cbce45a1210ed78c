//! Figures: what is computed, drawn as SVG that is fit for slides.
//!
//! In go names, numbers and points; out comes one SVG document as text. Invariant: the same input gives the
//! same bytes, every figure is well-formed XML whatever the names are, its text is text, it says in words
//! what it shows (`<title>`, `<desc>`), it suits light and dark surroundings, and nothing is told by
//! colour alone.

pub mod chart;
pub mod circuit;
mod data;
pub mod growth;
pub mod heatmap;
pub(crate) mod layered;
#[cfg(feature = "candle")]
pub mod learning;
pub mod loops;
pub mod model;
pub(crate) mod svg;
