//! A circuit drawn by levels, inputs at the left; optionally with the bits that a model holds.

use std::fmt::Write;

use super::layered::{Layered, Wire};
use super::svg::{Anchor, Svg, number, shortened};
use crate::error::Result;
use crate::model::Model;
use crate::trace::{Mark, Netlist, Trace};

const COLUMN: f64 = 150.0;
const ROW: f64 = 42.0;
const WIDTH: f64 = 104.0;
const HEIGHT: f64 = 32.0;
const LEFT: f64 = 20.0;
const TOP: f64 = 84.0;
/// Room for the names of outputs.
const RIGHT: f64 = 110.0;

/// Dashes tell the marks apart, beside their symbols.
const STYLE: &str = "
.c2tf .node{fill:var(--paper);stroke:var(--ink);stroke-width:1.5}
.c2tf .one{fill:var(--one);fill-opacity:.28}
.c2tf .unknown{stroke-dasharray:2 3}
.c2tf .stale{stroke-dasharray:7 3;stroke:var(--mark)}
.c2tf .wrong{stroke-width:4;stroke:var(--s5)}
.c2tf .wire{fill:none;stroke:var(--faint);stroke-width:1}
.c2tf .on{stroke:var(--one);stroke-width:2}
.c2tf .bold{font-weight:700}
";

/// What each node of a netlist holds, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The value, per node.
    pub bits: Vec<bool>,
    /// What it is worth, per node.
    pub marks: Vec<Mark>,
}

/// A circuit, and what a model holds of it.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// What stands above it.
    pub title: String,
    /// What is drawn.
    pub netlist: Netlist,
    /// What its nodes hold, if that is shown.
    pub state: Option<State>,
}

impl State {
    /// What `model` holds of the netlist's nodes after `step` layers, over all loops.
    ///
    /// # Errors
    /// As [`Trace::run`].
    pub fn after(model: &Model, netlist: &Netlist, inputs: &[bool], step: usize) -> Result<Self> {
        let trace = Trace::run(model, inputs, step.div_ceil(model.n_layers()))?;
        let values = netlist.values(inputs)?;
        let known = netlist.known_since(&values);
        let bits = &trace.bits[step];
        let held = netlist.nodes().iter().map(|node| bits[node.position]).collect();
        Ok(State { bits: held, marks: netlist.marks(&values, &known, bits, step) })
    }
}

impl Drawing {
    /// The circuit as an SVG document.
    ///
    /// # Errors
    /// The circuit is too large to be drawn, more than 200 000 nodes and crossings of levels.
    pub fn to_svg(&self) -> Result<String> {
        draw(&self.netlist, &self.title, self.state.as_ref())
    }
}

/// The circuit as an SVG document.
///
/// # Errors
/// The circuit is too large to be drawn: more than 200 000 nodes and crossings of levels.
pub fn draw(netlist: &Netlist, title: &str, state: Option<&State>) -> Result<String> {
    let layered = Layered::new(netlist)?;
    let width = LEFT + COLUMN * layered.n_columns.max(1) as f64 - (COLUMN - WIDTH) + RIGHT;
    let height = TOP + ROW * layered.height + 20.0;
    let description = format!(
        "{} nodes on {} levels, from the inputs at the left to level {} at the right.",
        netlist.nodes().len(),
        layered.n_columns,
        layered.n_columns.saturating_sub(1)
    );
    let mut svg = Svg::new(width.max(360.0), height, title, &description, STYLE);
    svg.text(LEFT, 32.0, Anchor::Start, "title", title);
    for column in 0..layered.n_columns {
        let label = if column == 0 { "inputs".to_string() } else { format!("level {column}") };
        svg.text(x(column) + WIDTH / 2.0, TOP - 16.0, Anchor::Middle, "faint", &label);
    }
    for wire in &layered.wires {
        let on = state.is_some_and(|state| state.bits[wire.from]);
        svg.path(if on { "wire on" } else { "wire" }, &wire_path(wire));
    }
    for id in 0..netlist.nodes().len() {
        draw_node(&mut svg, netlist, id, y(layered.rows[id]), state);
    }
    for (id, names) in outputs_of(netlist) {
        let at = (x(netlist.nodes()[id].level) + WIDTH + 6.0, y(layered.rows[id]) + 5.0);
        svg.text(at.0, at.1, Anchor::Start, "", &format!("→ {}", shortened(&names, 12)));
    }
    Ok(svg.finish())
}

fn x(column: usize) -> f64 {
    LEFT + COLUMN * column as f64
}

fn y(row: f64) -> f64 {
    TOP + ROW * row
}

/// The ids of nodes that are outputs, with the names.
fn outputs_of(netlist: &Netlist) -> std::collections::BTreeMap<usize, String> {
    let mut names = std::collections::BTreeMap::<usize, String>::new();
    for (name, id) in netlist.outputs() {
        let all = names.entry(id).or_default();
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(name);
    }
    names
}

fn draw_node(svg: &mut Svg, netlist: &Netlist, id: usize, middle: f64, state: Option<&State>) {
    let node = &netlist.nodes()[id];
    let left = x(node.level);
    let mut class = "node".to_string();
    let mut said = format!("{}, {}, level {}", node.name, node.operation, node.level);
    if let Some(state) = state {
        let kind = match state.marks[id] {
            Mark::Right => "right",
            Mark::Unknown => "unknown",
            Mark::Stale => "stale",
            Mark::Wrong => "wrong",
        };
        class += &format!(" {kind}{}", if state.bits[id] { " one" } else { "" });
        said += &format!(", holds {}, {}", u8::from(state.bits[id]), state.marks[id].name());
    }
    svg.open("g", &[]);
    svg.tooltip(&said);
    svg.rect(&class, (left, middle - HEIGHT / 2.0), (WIDTH, HEIGHT));
    svg.text(left + 8.0, middle - 1.0, Anchor::Start, "small", &shortened(&node.name, 11));
    svg.text(
        left + 8.0,
        middle + 12.0,
        Anchor::Start,
        "small faint",
        &shortened(&node.operation, 11),
    );
    if let Some(state) = state {
        let text = format!("{}{}", u8::from(state.bits[id]), state.marks[id].symbol());
        svg.text(left + WIDTH - 7.0, middle + 5.0, Anchor::End, "bold", &text);
    }
    svg.close("g");
}

/// A smooth line from the right of a node through the slots it passes to the left of its reader.
fn wire_path(wire: &Wire) -> String {
    let Some((&(column, row), rest)) = wire.points.split_first() else { return String::new() };
    let mut from = (x(column) + WIDTH, y(row));
    let mut d = format!("M{} {}", number(from.0), number(from.1));
    for (i, &(column, row)) in rest.iter().enumerate() {
        let to = (x(column), y(row));
        let middle = number((from.0 + to.0) / 2.0);
        let [y1, x2, y2] = [from.1, to.0, to.1].map(number);
        let _ = write!(d, "C{middle} {y1} {middle} {y2} {x2} {y2}");
        if i + 1 < rest.len() {
            from = (x(column) + WIDTH, to.1);
            let _ = write!(d, "H{}", number(from.0));
        }
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::generate;

    #[test]
    fn every_node_wire_and_output_is_drawn_once_and_marks_show() {
        let circuit = generate("adder:3").unwrap();
        let netlist = Netlist::of_circuit(&circuit, 2).unwrap();
        let plain = draw(&netlist, "adder & friends", None).unwrap();
        let n_wires: usize = netlist.nodes().iter().map(|node| node.operands.len()).sum();
        assert_eq!(plain.matches("class=\"node\"").count(), netlist.nodes().len());
        assert_eq!(plain.matches("class=\"wire\"").count(), n_wires);
        assert_eq!(plain.matches("→ ").count(), netlist.outputs().count());
        let n = netlist.nodes().len();
        let state = State {
            bits: (0..n).map(|id| id % 2 == 0).collect(),
            marks: (0..n).map(|id| Mark::ALL[id % 4]).collect(),
        };
        let marked = draw(&netlist, "adder", Some(&state)).unwrap();
        for mark in Mark::ALL {
            let shown = marked.matches(mark.symbol()).count();
            assert_eq!(shown, state.marks.iter().filter(|&&m| m == mark).count());
        }
    }
}
