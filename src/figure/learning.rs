//! Learning, drawn: norms of Jacobians by loops, and what training came to.

use super::chart::{Axis, Chart, Mark, Panels, Series};
use crate::error::Result;
use crate::reasoning::learning::interval::Interval;
use crate::reasoning::learning::report::{Curve, Gradients, Training};
use crate::reasoning::learning::train::Cell;

/// The norms by the number of loops, a curve for each kind of weights.
///
/// # Errors
/// There is nothing to draw.
pub fn gradients(found: &Gradients) -> Result<String> {
    let series = |curve: &Curve| {
        let points = curve.norms.iter().enumerate().map(|(r, norm)| (r as f64, norm.estimate));
        // A logarithmic axis has no 0.
        let points = points.filter(|&(_, norm)| norm > 0.0);
        Series::new(&curve.weights.to_string(), Mark::Line, points)
    };
    let chart = Chart {
        title: format!("Gradient through loops: {}", found.circuit),
        description: "Norm of the Jacobian by the loops it goes through; curves that end at 0 loops are exactly 0 \
                      afterwards."
            .to_string(),
        x: Axis::linear("loops"),
        y: Axis::log("norm of the Jacobian per entry"),
        series: found.curves.iter().map(series).collect(),
    };
    chart.to_svg()
}

/// Success rate above, norm of the gradient below, a column for each circuit and a curve for each start.
///
/// # Errors
/// There is nothing to draw.
pub fn training(found: &Training) -> Result<String> {
    let rate = |cell: &Cell| Some(cell.rate());
    // A logarithmic axis has no 0.
    let norm = |cell: &Cell| Some(cell.gradient()).filter(|norm| norm.low > 0.0);
    let success = Axis::linear("success rate, 95 % interval");
    let size = Axis::log("norm of the gradient, mean and range");
    let panels = Panels {
        title: "Training by loops".to_string(),
        description: "The part of runs that end with every output right on every input, and the norm of the gradient \
                      before the first step."
            .to_string(),
        rows: vec![
            panels(found, "success of training", &success, &rate),
            panels(found, "gradient at the start", &size, &norm),
        ],
    };
    panels.to_svg()
}

fn panels(
    found: &Training,
    title: &str,
    y: &Axis,
    of: &dyn Fn(&Cell) -> Option<Interval>,
) -> Vec<Chart> {
    let mut circuits: Vec<&String> = found.cells.iter().map(|(name, _)| name).collect();
    circuits.dedup();
    let chart = |name: &String| Chart {
        title: format!("{name}: {title}"),
        description: format!("{} by the number of loops, for each start.", y.label),
        x: Axis::linear("loops"),
        y: y.clone(),
        series: curves(found.cells.iter().filter(|(other, _)| other == name), of),
    };
    circuits.into_iter().map(chart).collect()
}

/// A curve for each start.
fn curves<'a>(
    cells: impl Iterator<Item = &'a (String, Cell)>,
    of: &dyn Fn(&Cell) -> Option<Interval>,
) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for (_, cell) in cells {
        let name = cell.start.to_string();
        let s = series.iter().position(|series| series.name == name).unwrap_or_else(|| {
            series.push(Series::new(&name, Mark::Line, []));
            series.len() - 1
        });
        if let Some(Interval { estimate, low, high }) = of(cell) {
            series[s].push((cell.n_loops as f64, estimate), (low, high));
        }
    }
    series
}
