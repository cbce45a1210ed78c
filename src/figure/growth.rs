//! How each scheme grows: a panel for every family and quantity, with a curve for each scheme over the gates.
//!
//! Schemes that cost the same everywhere in a panel are one curve that names them all; else the one drawn last
//! would hide the others.

use std::str::FromStr;

use super::chart::{Axis, Chart, Mark, Panels, Series};
use crate::error::{Error, Result};
use crate::model::Scheme;
use crate::reasoning::comparison::{Compared, Row};

/// What a panel shows of every scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Layer applications that follow one another; of a model that halts also the mean.
    Steps,
    /// Tokens that are emitted.
    Tokens,
    /// All of them, blocks tied.
    Parameters,
    /// All of them, a block for every step.
    UntiedParameters,
    /// Dense products.
    MultiplyAdds,
    /// Keys and values that a decoder keeps.
    CacheBytes,
    /// Bits that can cross from pass to pass at most.
    Bits,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Quantity; 7] = [
        Quantity::Steps,
        Quantity::Tokens,
        Quantity::Parameters,
        Quantity::UntiedParameters,
        Quantity::MultiplyAdds,
        Quantity::CacheBytes,
        Quantity::Bits,
    ];

    /// The name that a flag has for it.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Steps => "steps",
            Quantity::Tokens => "tokens",
            Quantity::Parameters => "parameters",
            Quantity::UntiedParameters => "untied-parameters",
            Quantity::MultiplyAdds => "multiply-adds",
            Quantity::CacheBytes => "cache-bytes",
            Quantity::Bits => "bits",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Quantity::Steps => "sequential steps",
            Quantity::Tokens => "tokens emitted",
            Quantity::Parameters => "parameters, blocks tied",
            Quantity::UntiedParameters => "parameters, blocks untied",
            Quantity::MultiplyAdds => "multiply-adds",
            Quantity::CacheBytes => "cache bytes",
            Quantity::Bits => "bits a pass",
        }
    }

    fn of(self, row: &Row) -> f64 {
        let cost = &row.cost;
        match self {
            Quantity::Steps => cost.steps as f64,
            Quantity::Tokens => cost.tokens as f64,
            Quantity::Parameters => cost.parameters() as f64,
            Quantity::UntiedParameters => cost.parameters_untied() as f64,
            Quantity::MultiplyAdds => cost.multiply_adds as f64,
            Quantity::CacheBytes => cost.cache_bytes as f64,
            Quantity::Bits => cost.crossing_bits,
        }
    }
}

impl FromStr for Quantity {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Quantity::ALL.into_iter().find(|quantity| quantity.name() == name);
        let names = Quantity::ALL.map(Quantity::name).join(", ");
        found.ok_or_else(|| Error::new(names, format!("{name:?}")))
    }
}

/// A row of panels for each quantity, a column for each family.
///
/// # Errors
/// There is nothing to draw: a logarithmic axis has no place for 0.
pub fn figure(quantities: &[Quantity], all: &[Compared]) -> Result<String> {
    let mut families: Vec<&str> = Vec::new();
    for compared in all {
        if !families.contains(&compared.family.as_str()) {
            families.push(&compared.family);
        }
    }
    let row = |&quantity: &Quantity| {
        families.iter().map(|family| panel(quantity, family, all)).collect::<Vec<_>>()
    };
    let names: Vec<&str> = all.iter().map(|compared| compared.name.as_str()).collect();
    let panels = Panels {
        title: "Schemes of reasoning".to_string(),
        description: format!("What each scheme costs, over the gates of {}.", names.join(", ")),
        rows: quantities.iter().map(row).collect(),
    };
    panels.to_svg()
}

fn panel(quantity: Quantity, family: &str, all: &[Compared]) -> Chart {
    let members: Vec<&Compared> = all.iter().filter(|c| c.family == family).collect();
    let mut series: Vec<Series> = Vec::new();
    let schemes = schemes(&members);
    for &scheme in &schemes {
        add(&mut series, scheme.name(), curve(&members, scheme, |row| Some(quantity.of(row))));
    }
    for scheme in schemes.into_iter().filter(|_| quantity == Quantity::Steps) {
        // Of models that halt; every loop of a block applies all its layers.
        let mean = |row: &Row| Some(row.taken.as_ref()?.mean * row.cost.layers as f64);
        add(&mut series, &format!("mean of {scheme}"), curve(&members, scheme, mean));
    }
    Chart {
        title: format!("{family}: {}", quantity.label()),
        description: format!("Over the number of gates of {} circuits.", members.len()),
        x: Axis::log("gates"),
        y: Axis::log(quantity.label()),
        series,
    }
}

/// The schemes that are compared, in order.
fn schemes(members: &[&Compared]) -> Vec<Scheme> {
    let mut schemes = Vec::new();
    for row in members.iter().flat_map(|compared| &compared.rows) {
        if !schemes.contains(&row.cost.scheme) {
            schemes.push(row.cost.scheme);
        }
    }
    schemes
}

/// The points of a scheme by number of gates; those at 0 have no place on a logarithmic axis.
fn curve(
    members: &[&Compared],
    scheme: Scheme,
    quantity: impl Fn(&Row) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let point = |compared: &&Compared| {
        let row = compared.rows.iter().find(|row| row.cost.scheme == scheme)?;
        let point = (compared.n_gates as f64, quantity(row)?);
        (point.0 > 0.0 && point.1 > 0.0).then_some(point)
    };
    let mut points: Vec<(f64, f64)> = members.iter().filter_map(point).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points
}

/// Adds a curve under its name, or its name to the curve that it is.
fn add(series: &mut Vec<Series>, name: &str, points: Vec<(f64, f64)>) {
    if points.is_empty() {
        return;
    }
    match series.iter_mut().find(|series| series.points == points) {
        Some(same) => same.name += &format!(", {name}"),
        None => series.push(Series::new(name, Mark::Line, points)),
    }
}
