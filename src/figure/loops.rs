//! Loops, drawn: wrong inputs by the number of layers, and loops against the size of a layer.

use super::chart::{Axis, Chart, Mark, Series};
use crate::circuit::Circuit;
use crate::compile::{self, Options};
use crate::error::Result;
use crate::mapping;
use crate::theory::tightness;

/// Levels of the circuit in one layer, at most, of the curve that has more.
const MOST_LEVELS: usize = 3;

/// How many inputs are wrong after each number of layers, from gates at 0 and at 1.
///
/// # Errors
/// The circuit cannot be mapped, or has more inputs than can be tried.
pub fn wrong_inputs(name: &str, circuit: &Circuit) -> Result<Chart> {
    let network = mapping::map(circuit, 2)?.network;
    let series = |name: &str, start: bool| -> Result<Series> {
        let counts = tightness::wrong_inputs(&network, start)?;
        let points = counts.iter().enumerate().map(|(t, &n)| (t as f64, n as f64));
        Ok(Series::new(name, Mark::Line, points))
    };
    Ok(Chart {
        title: format!("{name}: wrong inputs by number of layers"),
        description: "How many inputs have a wrong output after each number of layers.".to_string(),
        x: Axis::linear("layers applied"),
        y: Axis::linear("wrong inputs"),
        series: vec![series("gates start at 0", false)?, series("gates start at 1", true)?],
    })
}

/// Loops against the parameters of a layer, for more heads and for more levels a layer.
///
/// # Errors
/// The circuit cannot be compiled.
pub fn tradeoff(name: &str, circuit: &Circuit) -> Result<Chart> {
    let point = |heads: usize, collapse: usize| -> Result<(f64, f64)> {
        let options = Options { heads, collapse, ..Options::default() };
        let model = compile::compile(circuit, "", &options)?;
        Ok((model.blocks[0].n_parameters() as f64, model.n_loops as f64))
    };
    let heads =
        (2..=Options::MAX_HEADS).map(|heads| point(heads, 1)).collect::<Result<Vec<_>>>()?;
    let levels =
        (1..=MOST_LEVELS).map(|collapse| point(2, collapse)).collect::<Result<Vec<_>>>()?;
    Ok(Chart {
        title: format!("{name}: loops against parameters of a layer"),
        description: "More heads, or more levels a layer, make a layer larger and loops fewer."
            .to_string(),
        x: Axis::log("parameters of a layer"),
        y: Axis::linear("loops"),
        series: vec![
            Series::new("2 to 6 heads, a level a layer", Mark::Line, heads),
            Series::new("1 to 3 levels a layer, from 2 heads", Mark::Line, levels),
        ],
    })
}
