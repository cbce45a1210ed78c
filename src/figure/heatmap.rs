//! Heat maps: a matrix of numbers about ±1 or weights from 0 to 1, with names of rows and columns.
//!
//! A number's magnitude is the size of its square, its sign is written in it: nothing depends on colour.

use super::svg::{Anchor, Svg, number, shortened, text_width};
use crate::error::{Error, Result};

/// A matrix with names.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// What stands above it.
    pub title: String,
    /// What it shows, in a sentence, for those who do not see it.
    pub description: String,
    /// From above, as many as rows.
    pub row_names: Vec<String>,
    /// From the left, as many as columns.
    pub column_names: Vec<String>,
    /// Row by row, each as long as there are names of columns.
    pub rows: Vec<Vec<f64>>,
}

/// The most squares of a figure.
const MAX_CELLS: usize = 100_000;
const CELL: f64 = 15.0;
const TOP: f64 = 52.0;
/// Characters of a name.
const NAME: usize = 16;

const STYLE: &str = "
.c2tf .plus{fill:var(--s0)}
.c2tf .minus{fill:var(--s1);fill-opacity:.45}
.c2tf .cells text{font-size:10px;fill:var(--paper);text-anchor:middle}
.c2tf .cells text.m{fill:var(--ink)}
";

impl Heatmap {
    /// The heat map as an SVG document.
    ///
    /// # Errors
    /// More than 100 000 squares, or rows of other lengths than there are names.
    pub fn to_svg(&self) -> Result<String> {
        let (n_rows, n_columns) = (self.row_names.len(), self.column_names.len());
        if n_rows.saturating_mul(n_columns) > MAX_CELLS {
            let found = format!("{n_rows} x {n_columns}");
            return Err(Error::new(format!("a heat map of at most {MAX_CELLS} squares"), found)
                .hint("a smaller circuit shows the same"));
        }
        if self.rows.len() != n_rows || self.rows.iter().any(|row| row.len() != n_columns) {
            return Err(Error::new(format!("{n_rows} rows of {n_columns} numbers"), "others"));
        }
        let longest = |names: &[String]| {
            let widths = names.iter().map(|name| text_width(&shortened(name, NAME), 11.0));
            widths.fold(20.0, f64::max)
        };
        let (left, top) = (24.0 + longest(&self.row_names), TOP + longest(&self.column_names));
        let (width, height) = (CELL * n_columns as f64, CELL * n_rows as f64);
        let size = (left + width + 24.0).max(40.0 + text_width(&self.title, 19.0));
        let mut svg = Svg::new(size, top + height + 24.0, &self.title, &self.description, STYLE);
        svg.text(16.0, 32.0, Anchor::Start, "title", &self.title);
        for (c, name) in self.column_names.iter().enumerate() {
            let at = (left + CELL * (c as f64 + 0.5) + 4.0, top - 6.0);
            svg.turned_text(at, Anchor::Start, "small", -90.0, &shortened(name, NAME));
        }
        svg.rect("rule", (left, top), (width, height));
        for (r, (name, row)) in self.row_names.iter().zip(&self.rows).enumerate() {
            let y = top + CELL * r as f64;
            svg.text(left - 6.0, y + 11.5, Anchor::End, "small", &shortened(name, NAME));
            svg.open("g", &[("class", "cells")]);
            for (c, &value) in row.iter().enumerate() {
                draw_cell(&mut svg, (left + CELL * c as f64, y), value);
            }
            svg.close("g");
        }
        Ok(svg.finish())
    }
}

fn draw_cell(svg: &mut Svg, (x, y): (f64, f64), value: f64) {
    let side = (CELL - 1.0) * value.abs().min(1.0).sqrt();
    let middle = (x + CELL / 2.0, y + CELL / 2.0);
    if value.is_nan() {
        svg.text(middle.0, middle.1 + 3.5, Anchor::Start, "m", "!");
    } else if side > 0.5 {
        let class = if value > 0.0 { "plus" } else { "minus" };
        svg.rect(class, (middle.0 - side / 2.0, middle.1 - side / 2.0), (side, side));
        if side > 9.0 {
            let [x, y] = [middle.0, middle.1 + 3.5].map(number);
            let class = if value > 0.0 { "p" } else { "m" };
            svg.open("text", &[("x", &x), ("y", &y), ("class", class)]);
            svg.words(if value > 0.0 { "+" } else { "−" });
            svg.close("text");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: Vec<Vec<f64>>) -> Heatmap {
        let names = |n: usize| (0..n).map(|i| format!("<{i}>")).collect();
        Heatmap {
            title: "t".into(),
            description: "d".into(),
            row_names: names(rows.len()),
            column_names: names(rows.first().map_or(0, Vec::len)),
            rows,
        }
    }

    #[test]
    fn signs_are_written_and_zero_is_empty() {
        let svg = map(vec![vec![1.0, -1.0, 0.0], vec![0.25, f64::NAN, -2.0]]).to_svg().unwrap();
        assert_eq!(svg.matches("class=\"plus\"").count(), 2);
        assert_eq!(svg.matches("class=\"minus\"").count(), 2);
        assert_eq!((svg.matches(">+</text>").count(), svg.matches(">−</text>").count()), (1, 2));
        assert!(svg.contains(">!</text>") && svg.contains("&lt;0&gt;") && !svg.contains("NaN"));
    }

    #[test]
    fn ragged_and_huge_matrices_are_refused() {
        let mut ragged = map(vec![vec![1.0], vec![1.0]]);
        ragged.rows[1].push(1.0);
        assert!(ragged.to_svg().is_err());
        assert!(map(vec![vec![0.0; 400]; 400]).to_svg().is_err());
        assert!(map(Vec::new()).to_svg().is_ok());
    }
}
