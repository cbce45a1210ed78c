//! Charts: curves, points and bars over linear or logarithmic axes, with a legend.
//!
//! Series differ in colour and in marker and dash, so that they are told apart in print and by all eyes.

use std::fmt::Write;

use super::svg::{Anchor, FONT_SIZE, N_SERIES, Svg, number, text_width};
use crate::error::{Error, Result};

/// A chart of several series over common axes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// What the chart shows, in a sentence, for those who do not see it.
    pub description: String,
    /// The axis to the right.
    pub x: Axis,
    /// The axis upwards.
    pub y: Axis,
    /// What is drawn, the first at the bottom.
    pub series: Vec<Series>,
}

/// An axis, as long as its points need.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// What it counts, with the unit.
    pub label: String,
    /// How numbers are spaced.
    pub scale: Scale,
}

/// How the numbers of an axis are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// To base 10; points must be positive.
    Log,
}

/// Points under one name, drawn in the order given.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// `x` and `y`.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub mark: Mark,
    /// The interval of each point's y, drawn as a bar through it; empty, or as many as points.
    pub intervals: Vec<(f64, f64)>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// A curve through the points, each marked.
    #[default]
    Line,
    /// The points alone.
    Points,
    /// A bar from 0 (the axis, where it is logarithmic) to each point; bars of several series stand
    /// beside each other.
    Bars,
}

/// Charts in rows and columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panels {
    /// What stands above all.
    pub title: String,
    /// What they show, in a sentence, for those who do not see it.
    pub description: String,
    /// One without points is left empty.
    pub rows: Vec<Vec<Chart>>,
}

impl Axis {
    /// An axis of even spacing.
    pub fn linear(label: &str) -> Self {
        Axis { label: label.to_string(), scale: Scale::Linear }
    }

    /// A logarithmic axis, to base 10.
    pub fn log(label: &str) -> Self {
        Axis { label: label.to_string(), scale: Scale::Log }
    }
}

impl Series {
    /// A series without intervals.
    pub fn new(name: &str, mark: Mark, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().collect();
        Series { name: name.to_string(), points, mark, intervals: Vec::new() }
    }

    /// Adds a point with the interval of its y.
    pub fn push(&mut self, point: (f64, f64), interval: (f64, f64)) {
        self.points.push(point);
        self.intervals.push(interval);
    }

    /// How often each number occurs in `values`, as bars, from the least to the largest number.
    pub fn histogram(name: &str, values: impl IntoIterator<Item = usize>) -> Self {
        let mut counts = std::collections::BTreeMap::<usize, usize>::new();
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
        Series::new(name, Mark::Bars, counts.into_iter().map(|(x, n)| (x as f64, n as f64)))
    }
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const TOP: f64 = 52.0;
const RIGHT: f64 = 24.0;
/// Below the plot: tick labels and the axis label.
const BELOW: f64 = 56.0;
const LEGEND_ROW: f64 = 22.0;
/// Between the intervals of series at the same x.
const INTERVAL_STEP: f64 = 4.0;

const STYLE: &str = "
.c2tf .curve{fill:none;stroke-width:2}
.c2tf .mark{stroke-width:2;fill:var(--paper)}
.c2tf .interval{stroke-width:1.5}
.c2tf .bar{fill-opacity:.35;stroke-width:1.5}
";

/// Dashes by series; the first is solid.
const DASHES: [&str; N_SERIES] =
    ["none", "7 4", "2 3", "9 3 2 3", "12 4", "4 4", "1 4", "9 3 2 3 2 3"];

impl Chart {
    /// The chart as an SVG document.
    ///
    /// # Errors
    /// No series has a point, a coordinate is not finite, or one is not positive on a logarithmic axis.
    pub fn to_svg(&self) -> Result<String> {
        let mut svg = Svg::new(WIDTH, self.height(), &self.title, &self.description, &style());
        self.draw(&mut svg)?;
        Ok(svg.finish())
    }

    fn height(&self) -> f64 {
        HEIGHT + LEGEND_ROW * (self.legend_rows().len() as f64 + 0.5)
    }

    /// Draws the chart at the origin of what is open in `svg`.
    fn draw(&self, svg: &mut Svg) -> Result<()> {
        let x = Range::new(&self.x, self.coordinates(|p| p.0), false)?;
        let ends = self.series.iter().flat_map(|series| &series.intervals);
        let ends = ends.flat_map(|&(low, high)| [low, high]);
        let heights = self.coordinates(|p| p.1).into_iter().chain(ends).collect();
        let y = Range::new(&self.y, heights, self.has_bars())?;
        let widest =
            y.ticks().iter().map(|&t| text_width(&label(t), FONT_SIZE)).fold(0.0, f64::max);
        let x = x.widened(self.bar_slot(&x));
        let frame = Frame { left: 44.0 + widest, bottom: HEIGHT - BELOW, x, y };
        svg.text(WIDTH / 2.0, 30.0, Anchor::Middle, "title", &self.title);
        frame.draw(svg, &self.x.label, &self.y.label);
        let bars = self.series.iter().filter(|series| series.mark == Mark::Bars).count();
        let mut bar = 0;
        for (s, series) in self.series.iter().enumerate() {
            svg.open("g", &[("aria-label", &series.name), ("role", "list")]);
            if series.mark == Mark::Bars {
                frame.bars(svg, s, series, self.bar_slot(&frame.x), (bar, bars));
                bar += 1;
            } else {
                frame.curve(svg, s, series);
            }
            svg.close("g");
        }
        self.draw_legend(svg, &self.legend_rows());
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    fn coordinates(&self, of: impl Fn(&(f64, f64)) -> f64) -> Vec<f64> {
        self.series.iter().flat_map(|series| series.points.iter().map(&of)).collect()
    }

    fn has_bars(&self) -> bool {
        self.series.iter().any(|series| series.mark == Mark::Bars)
    }

    /// The distance that one x has for its bars, in the axis' own measure; 0 without bars.
    fn bar_slot(&self, range: &Range) -> f64 {
        let bars = self.series.iter().filter(|series| series.mark == Mark::Bars);
        let mut xs: Vec<f64> =
            bars.flat_map(|series| series.points.iter().map(|p| range.measure(p.0))).collect();
        if xs.is_empty() {
            return 0.0;
        }
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let least = xs.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        if least.is_finite() { least } else { 1.0 }
    }

    /// Series by row of the legend, each row with as many as fit; none for a single nameless series.
    fn legend_rows(&self) -> Vec<Vec<usize>> {
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let mut used = f64::INFINITY;
        for (s, series) in self.series.iter().enumerate() {
            if series.name.is_empty() {
                continue;
            }
            let width = entry_width(&series.name);
            if used + width > WIDTH - 40.0 {
                rows.push(Vec::new());
                used = 0.0;
            }
            used += width;
            rows.last_mut().expect("a row was begun").push(s);
        }
        rows
    }

    fn draw_legend(&self, svg: &mut Svg, rows: &[Vec<usize>]) {
        for (r, row) in rows.iter().enumerate() {
            let total: f64 = row.iter().map(|&s| entry_width(&self.series[s].name)).sum();
            let (mut x, y) =
                ((WIDTH - total).max(0.0) / 2.0, HEIGHT + LEGEND_ROW * (r as f64 + 0.5));
            for &s in row {
                let series = &self.series[s];
                let class = |kind: &str| format!("{kind} s{}", s % N_SERIES);
                match series.mark {
                    Mark::Bars => svg.rect(&class("bar"), (x, y - 6.0), (28.0, 12.0)),
                    Mark::Line => svg.path(&class("curve"), &path(&[(x, y), (x + 28.0, y)])),
                    Mark::Points => {}
                }
                if series.mark != Mark::Bars {
                    svg.path(&class("mark"), &marker(s, x + 14.0, y));
                }
                svg.text(x + 36.0, y + 5.0, Anchor::Start, "", &series.name);
                x += entry_width(&series.name);
            }
        }
    }
}

impl Panels {
    /// The charts as one SVG document.
    ///
    /// # Errors
    /// All are without points, or as for [`Chart::to_svg`].
    pub fn to_svg(&self) -> Result<String> {
        if self.rows.iter().flatten().all(Chart::is_empty) {
            return Err(Error::new("points to draw", "none"));
        }
        let heights: Vec<f64> = self.rows.iter().map(|row| Self::height(row)).collect();
        let n_columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let size = (WIDTH * n_columns as f64, heights.iter().sum());
        let mut svg = Svg::new(size.0, size.1, &self.title, &self.description, &style());
        let mut y = 0.0;
        for (row, height) in self.rows.iter().zip(heights) {
            for (column, chart) in row.iter().enumerate() {
                let place = format!("translate({} {})", number(WIDTH * column as f64), number(y));
                svg.open("g", &[("transform", &place), ("aria-label", &chart.title)]);
                if chart.is_empty() {
                    svg.text(WIDTH / 2.0, 30.0, Anchor::Middle, "faint", &chart.title)
                } else {
                    chart.draw(&mut svg)?
                }
                svg.close("g");
            }
            y += height;
        }
        Ok(svg.finish())
    }

    fn height(row: &[Chart]) -> f64 {
        row.iter().map(Chart::height).fold(0.0, f64::max)
    }
}

fn entry_width(name: &str) -> f64 {
    36.0 + text_width(name, FONT_SIZE) + 20.0
}

/// The colours and dashes of the series.
fn style() -> String {
    let mut style = STYLE.to_string();
    for (s, dash) in DASHES.iter().enumerate() {
        let _ = writeln!(style, ".c2tf .s{s}{{stroke:var(--s{s})}}");
        let _ = writeln!(style, ".c2tf .curve.s{s}{{stroke-dasharray:{dash}}}");
        let _ = writeln!(style, ".c2tf .bar.s{s}{{fill:var(--s{s})}}");
    }
    style
}

/// The outline of the marker of series `s` about a point: circle, square, triangle, diamond, and again
/// smaller.
fn marker(s: usize, x: f64, y: f64) -> String {
    let r = if s % N_SERIES < 4 { 5.0 } else { 3.5 };
    let at = |dx: f64, dy: f64| (x + dx * r, y + dy * r);
    let corners: &[(f64, f64)] = match s % 4 {
        0 => {
            let (left, top, r, d) = (number(x - r), number(y), number(r), number(2.0 * r));
            return format!("M{left} {top}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0Z");
        }
        1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        2 => &[(0.0, -1.1), (1.0, 0.8), (-1.0, 0.8)],
        _ => &[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)],
    };
    let corners: Vec<_> = corners.iter().map(|&(dx, dy)| at(dx, dy)).collect();
    path(&corners) + "Z"
}

/// Straight lines through points.
fn path(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (i, &(x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{} {}", if i == 0 { "M" } else { "L" }, number(x), number(y));
    }
    d
}

/// What an axis spans, in its own measure: the numbers or their logarithms.
#[derive(Debug, Clone, Copy)]
struct Range {
    scale: Scale,
    low: f64,
    high: f64,
    /// Only whole numbers are on the axis.
    whole: bool,
}

impl Range {
    fn new(axis: &Axis, numbers: Vec<f64>, from_zero: bool) -> Result<Self> {
        if numbers.is_empty() {
            return Err(Error::new("points to draw", "none"));
        }
        let least = if axis.scale == Scale::Log { f64::MIN_POSITIVE } else { f64::MIN };
        if let Some(wrong) = numbers.iter().find(|x| !x.is_finite() || **x < least) {
            let kind = if axis.scale == Scale::Log { "positive " } else { "" };
            let expected = format!("finite {kind}numbers on the axis {:?}", axis.label);
            return Err(Error::new(expected, wrong.to_string()));
        }
        let whole = axis.scale == Scale::Linear && numbers.iter().all(|x| x.fract() == 0.0);
        let mut range = Range { scale: axis.scale, low: 0.0, high: 0.0, whole };
        let measures: Vec<f64> = numbers.iter().map(|&x| range.measure(x)).collect();
        range.low = measures.iter().copied().fold(f64::INFINITY, f64::min);
        range.high = measures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if from_zero && axis.scale == Scale::Linear {
            (range.low, range.high) = (range.low.min(0.0), range.high.max(0.0));
        }
        if from_zero && axis.scale == Scale::Log {
            range.low = (range.low - 0.1).floor();
        }
        if range.low == range.high {
            let by = if range.low == 0.0 || axis.scale == Scale::Log {
                1.0
            } else {
                range.low.abs() / 2.0
            };
            (range.low, range.high) = (range.low - by, range.high + by);
        }
        Ok(range.to_ticks())
    }

    fn measure(&self, x: f64) -> f64 {
        if self.scale == Scale::Log { x.log10() } else { x }
    }

    /// Room for bars at both ends.
    fn widened(mut self, slot: f64) -> Self {
        (self.low, self.high) = (self.low - slot / 2.0, self.high + slot / 2.0);
        self
    }

    /// The range grown to the next ticks, if they are near.
    fn to_ticks(mut self) -> Self {
        let step = if self.scale == Scale::Log { 1.0 } else { self.step() };
        let (low, high) = ((self.low / step).floor() * step, (self.high / step).ceil() * step);
        if self.scale == Scale::Linear || high - low <= 1.6 * (self.high - self.low) {
            (self.low, self.high) = (low, high);
        }
        self
    }

    /// The distance of linear ticks: 1, 2 or 5 times a power of ten, about six to the axis.
    fn step(&self) -> f64 {
        let rough = (self.high - self.low) / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= rough).unwrap_or(10.0) * power;
        if self.whole { step.max(1.0) } else { step }
    }

    /// Where the ticks are, as numbers of the axis.
    fn ticks(&self) -> Vec<f64> {
        let slack = (self.high - self.low) * 1e-9;
        let inside = |x: f64| (self.low - slack..=self.high + slack).contains(&self.measure(x));
        if self.scale == Scale::Linear {
            let step = self.step();
            let (first, last) =
                ((self.low / step).floor() as i64, (self.high / step).ceil() as i64);
            return (first..=last).map(|i| i as f64 * step).filter(|&x| inside(x)).collect();
        }
        let decades = self.high - self.low;
        let factors: &[f64] = if decades < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / 8.0).ceil().max(1.0) as usize;
        let powers = (self.low.floor() as i32..=self.high.ceil() as i32).step_by(stride);
        let ticks = powers.flat_map(|p| factors.iter().map(move |f| f * 10f64.powi(p)));
        ticks.filter(|&x| inside(x)).collect()
    }
}

/// A tick in words: short, with powers of ten where digits would be many.
fn label(x: f64) -> String {
    let magnitude = x.abs();
    if x == 0.0 {
        return "0".to_string();
    }
    if (1e-3..1e6).contains(&magnitude) {
        let text = format!("{x:.6}");
        return text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    let text = format!("{x:.2e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

/// The plot's rectangle and what its sides span.
struct Frame {
    left: f64,
    bottom: f64,
    x: Range,
    y: Range,
}

impl Frame {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let part =
            |range: &Range, v: f64| (range.measure(v) - range.low) / (range.high - range.low);
        let (right, top) = (WIDTH - RIGHT, TOP);
        (
            self.left + part(&self.x, x) * (right - self.left),
            self.bottom - part(&self.y, y) * (self.bottom - top),
        )
    }

    fn draw(&self, svg: &mut Svg, x_label: &str, y_label: &str) {
        let (right, bottom) = (WIDTH - RIGHT, self.bottom);
        for tick in self.y.ticks() {
            let y = bottom
                - (self.y.measure(tick) - self.y.low) / (self.y.high - self.y.low) * (bottom - TOP);
            svg.line("rule", (self.left, y), (right, y));
            svg.text(self.left - 8.0, y + 5.0, Anchor::End, "", &label(tick));
        }
        for tick in self.x.ticks() {
            let part = (self.x.measure(tick) - self.x.low) / (self.x.high - self.x.low);
            let x = self.left + part * (right - self.left);
            svg.line("axis", (x, bottom), (x, bottom + 6.0));
            svg.text(x, bottom + 22.0, Anchor::Middle, "", &label(tick));
        }
        svg.path("axis", &path(&[(self.left, TOP), (self.left, bottom), (right, bottom)]));
        svg.text((self.left + right) / 2.0, bottom + 44.0, Anchor::Middle, "", x_label);
        svg.turned_text((20.0, (TOP + bottom) / 2.0), Anchor::Middle, "", -90.0, y_label);
    }

    fn curve(&self, svg: &mut Svg, s: usize, series: &Series) {
        let places: Vec<_> = series.points.iter().map(|&point| self.at(point)).collect();
        if series.mark == Mark::Line && places.len() > 1 {
            svg.path(&format!("curve s{}", s % N_SERIES), &path(&places));
        }
        for (&(x, _), &(low, high)) in series.points.iter().zip(&series.intervals) {
            // Side by side, as those of several series share an x.
            let aside = |(x, y): (f64, f64)| (x + INTERVAL_STEP * s as f64, y);
            let ends = [self.at((x, low)), self.at((x, high))].map(aside);
            svg.path(&format!("curve s{} interval", s % N_SERIES), &path(&ends));
        }
        for (&(x, y), point) in places.iter().zip(&series.points) {
            self.listed(svg, series, *point, |svg| {
                svg.path(&format!("mark s{}", s % N_SERIES), &marker(s, x, y));
            });
        }
    }

    /// Bars of the `index`-th of `n` series with bars, which share a slot.
    fn bars(
        &self,
        svg: &mut Svg,
        s: usize,
        series: &Series,
        slot: f64,
        (index, n): (usize, usize),
    ) {
        let slot = slot / (self.x.high - self.x.low) * (WIDTH - RIGHT - self.left) * 0.84;
        let width = slot / n as f64;
        let zero = match self.y.scale {
            Scale::Linear => self.at((1.0, 0.0)).1,
            Scale::Log => self.bottom,
        };
        for &point in &series.points {
            let (x, y) = self.at(point);
            let left = x - slot / 2.0 + width * index as f64;
            let (top, height) = (y.min(zero), (y - zero).abs());
            self.listed(svg, series, point, |svg| {
                svg.rect(&format!("bar s{}", s % N_SERIES), (left, top), (width, height));
            });
        }
    }

    /// One point of a series, with its numbers in words.
    fn listed(&self, svg: &mut Svg, series: &Series, (x, y): (f64, f64), draw: impl Fn(&mut Svg)) {
        svg.open("g", &[("role", "listitem")]);
        let name = if series.name.is_empty() { "" } else { ": " };
        svg.tooltip(&format!("{}{name}{}, {}", series.name, label(x), label(y)));
        draw(svg);
        svg.close("g");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(x: Scale, y: Scale, mark: Mark, points: &[(f64, f64)]) -> Chart {
        Chart {
            title: "Loops & layers".into(),
            description: "A test.".into(),
            x: Axis { label: "x".into(), scale: x },
            y: Axis { label: "y".into(), scale: y },
            series: vec![Series::new("one", mark, points.iter().copied())],
        }
    }

    fn range(axis: &Axis, numbers: &[f64], from_zero: bool) -> Range {
        Range::new(axis, numbers.to_vec(), from_zero).unwrap()
    }

    #[test]
    fn ticks_are_round_inside_and_few() {
        let whole = range(&Axis::linear("n"), &[1.0, 3.0], false);
        assert_eq!(whole.ticks(), [1.0, 2.0, 3.0]);
        let broken = range(&Axis::linear("n"), &[0.0, 0.9], false);
        assert_eq!(broken.ticks().len(), 6);
        let log = range(&Axis::log("n"), &[3.0, 2e5], false);
        assert_eq!(log.ticks(), [1.0, 10.0, 100.0, 1000.0, 1e4, 1e5, 1e6]);
        let wide = range(&Axis::log("n"), &[1e-30, 1e30], false);
        assert!((4..=10).contains(&wide.ticks().len()));
        for numbers in [[5.0, 5.0], [0.0, 0.0], [-7.0, -7.0], [1e300, 1e300]] {
            let ticks = range(&Axis::linear("n"), &numbers, false).ticks();
            assert!((2..=14).contains(&ticks.len()), "{numbers:?}: {ticks:?}");
        }
    }

    #[test]
    fn points_lie_where_the_axes_say() {
        let x = range(&Axis::log("x"), &[1.0, 100.0], false);
        let y = range(&Axis::linear("y"), &[0.0, 10.0], false);
        let frame = Frame { left: 100.0, bottom: 400.0, x, y };
        assert_eq!(frame.at((1.0, 0.0)), (100.0, 400.0));
        assert_eq!(frame.at((100.0, 10.0)), (WIDTH - RIGHT, TOP));
        assert_eq!(frame.at((10.0, 5.0)).0, (100.0 + WIDTH - RIGHT) / 2.0);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let nothing = chart(Scale::Linear, Scale::Linear, Mark::Line, &[]);
        assert!(nothing.to_svg().is_err());
        for wrong in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let point = [(1.0, 1.0), (2.0, wrong)];
            assert!(chart(Scale::Linear, Scale::Log, Mark::Line, &point).to_svg().is_err());
            let linear = chart(Scale::Linear, Scale::Linear, Mark::Bars, &point).to_svg();
            assert_eq!(linear.is_ok(), wrong.is_finite());
        }
    }

    #[test]
    fn a_histogram_counts_and_series_are_told_apart_without_colour() {
        let bars = Series::histogram("halts", [3, 1, 3, 3]);
        assert_eq!(bars.points, [(1.0, 1.0), (3.0, 3.0)]);
        let markers: std::collections::BTreeSet<String> =
            (0..N_SERIES).map(|s| marker(s, 0.0, 0.0)).collect();
        assert_eq!(markers.len(), N_SERIES);
        let dashes: std::collections::BTreeSet<&str> = DASHES.into();
        assert_eq!(dashes.len(), N_SERIES);
    }

    #[test]
    fn panels_stand_beside_and_below_each_other_and_intervals_are_drawn() {
        let mut with = chart(Scale::Linear, Scale::Linear, Mark::Line, &[]);
        with.series[0].push((1.0, 0.5), (0.25, 0.75));
        let empty = chart(Scale::Linear, Scale::Linear, Mark::Line, &[]);
        let rows = vec![vec![with.clone(), empty.clone()], vec![with]];
        let panels = Panels { title: "t".into(), description: "d".into(), rows };
        let svg = panels.to_svg().unwrap();
        assert_eq!((svg.matches("<svg").count(), svg.matches("interval\"").count()), (1, 2));
        assert!(svg.contains("translate(760 0)") && svg.contains("width=\"1520\""), "{svg}");
        let nothing = Panels { rows: vec![vec![empty]], ..panels };
        assert!(nothing.to_svg().is_err());
        assert!(Panels::default().to_svg().is_err());
    }

    #[test]
    fn every_mark_on_every_axis_draws_each_point_once() {
        for x in [Scale::Linear, Scale::Log] {
            for y in [Scale::Linear, Scale::Log] {
                for mark in [Mark::Line, Mark::Points, Mark::Bars] {
                    let svg = chart(x, y, mark, &[(1.0, 2.0), (4.0, 8.0)]).to_svg().unwrap();
                    assert_eq!(svg.matches("role=\"listitem\"").count(), 2);
                    assert!(svg.contains("<title>one: 4, 8</title>"), "{svg}");
                    assert!(svg.contains("Loops &amp; layers") && !svg.contains("NaN"));
                }
            }
        }
    }
}
