//! Layered: where the nodes of a circuit are drawn, a column per level, with few crossings.
//!
//! In: a netlist. Out: a row for every node and for every column that a wire passes on the way to a later
//! reader. Rows are ordered by the mean of their neighbours' (barycentre), sweeping to and fro, and the best
//! order found is kept; then rows move as near to their neighbours as the order and their heights allow.
//! Source: Sugiyama, Tagawa, Toda 1981.

use crate::error::{Error, Result};
use crate::trace::Netlist;

/// A circuit's drawing: columns of slots from left to right.
#[derive(Debug, Clone, PartialEq)]
pub struct Layered {
    pub n_columns: usize,
    /// The height of the drawing, in rows.
    pub height: f64,
    /// Of each node its row, at its middle; the column is its level.
    pub rows: Vec<f64>,
    pub wires: Vec<Wire>,
}

/// What leads from a node to one operand's reader: `(column, row)` of the node, of the slots that are
/// passed, and of the reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    pub from: usize,
    pub to: usize,
    pub points: Vec<(usize, f64)>,
}

/// The most slots that are laid out: nodes and columns passed by wires.
const MAX_SLOTS: usize = 200_000;
const SWEEPS: usize = 12;
/// Heights in rows: a node's, and that of a wire that passes.
const NODE: f64 = 1.0;
const PASSING: f64 = 0.35;

/// A node in its column, or its wire in a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    node: usize,
    column: usize,
    /// Whether the wire passes, as against the node itself.
    passes: bool,
}

struct Graph {
    slots: Vec<Slot>,
    /// Slots of the column before that a slot continues or reads.
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// Of each node the slots in its own and the following columns.
    tracks: Vec<Vec<usize>>,
    columns: Vec<Vec<usize>>,
}

impl Layered {
    /// Lays a netlist out.
    ///
    /// # Errors
    /// More than 200 000 nodes and passed columns.
    pub fn new(netlist: &Netlist) -> Result<Self> {
        let mut graph = Graph::new(netlist)?;
        graph.reduce_crossings();
        let rows = graph.place();
        let wires = graph.wires(netlist, &rows);
        let bottom = (0..rows.len()).map(|slot| rows[slot] + graph.slots[slot].height() / 2.0);
        Ok(Layered {
            n_columns: graph.columns.len(),
            height: bottom.fold(0.0, f64::max),
            rows: graph.tracks.iter().map(|track| rows[track[0]]).collect(),
            wires,
        })
    }
}

impl Slot {
    fn height(&self) -> f64 {
        if self.passes { PASSING } else { NODE }
    }
}

impl Graph {
    fn new(netlist: &Netlist) -> Result<Self> {
        let nodes = netlist.nodes();
        let mut last: Vec<usize> = nodes.iter().map(|node| node.level).collect();
        for node in nodes {
            node.operands.iter().for_each(|&o| last[o] = last[o].max(node.level - 1));
        }
        let n_slots: usize =
            nodes.iter().zip(&last).map(|(node, last)| last - node.level + 1).sum();
        if n_slots > MAX_SLOTS {
            let found = format!("{n_slots}, of {} nodes", nodes.len());
            return Err(Error::new(
                format!("at most {MAX_SLOTS} nodes and crossings of levels"),
                found,
            )
            .hint("a circuit of this size cannot be read in a drawing"));
        }
        let n_columns = nodes.iter().map(|node| node.level + 1).max().unwrap_or(0);
        let mut graph = Graph {
            slots: Vec::with_capacity(n_slots),
            before: vec![Vec::new(); n_slots],
            after: vec![Vec::new(); n_slots],
            tracks: Vec::with_capacity(nodes.len()),
            columns: vec![Vec::new(); n_columns],
        };
        for (id, node) in nodes.iter().enumerate() {
            graph.add_track(id, node.level..=last[id]);
        }
        for (id, node) in nodes.iter().enumerate() {
            for &operand in &node.operands {
                let from = graph.tracks[operand][node.level - 1 - nodes[operand].level];
                graph.connect(from, graph.tracks[id][0]);
            }
        }
        Ok(graph)
    }

    fn add_track(&mut self, node: usize, columns: std::ops::RangeInclusive<usize>) {
        let mut track: Vec<usize> = Vec::new();
        for column in columns {
            let slot = self.slots.len();
            self.slots.push(Slot { node, column, passes: !track.is_empty() });
            self.columns[column].push(slot);
            if let Some(&previous) = track.last() {
                self.connect(previous, slot);
            }
            track.push(slot);
        }
        self.tracks.push(track);
    }

    fn connect(&mut self, from: usize, to: usize) {
        self.after[from].push(to);
        self.before[to].push(from);
    }

    /// Orders the columns by barycentres, and keeps the order with the fewest crossings.
    fn reduce_crossings(&mut self) {
        let mut places = vec![0.0; self.slots.len()];
        let note = |column: &[usize], places: &mut [f64]| {
            column.iter().enumerate().for_each(|(place, &slot)| places[slot] = place as f64);
        };
        self.columns.iter().for_each(|column| note(column, &mut places));
        let mut best = (self.crossings(&places), self.columns.clone());
        for sweep in 0..SWEEPS {
            let forwards = sweep % 2 == 0;
            let neighbours = if forwards { &self.before } else { &self.after };
            let n = self.columns.len();
            for c in 0..n {
                let column = &mut self.columns[if forwards { c } else { n - 1 - c }];
                let key = |slot: usize| mean(&neighbours[slot], &places).unwrap_or(places[slot]);
                column.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
                note(column, &mut places);
            }
            let crossings = self.crossings(&places);
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    /// Pairs of wires that cross between neighbouring columns: inversions, counted in a Fenwick tree.
    fn crossings(&self, places: &[f64]) -> u64 {
        let mut total = 0;
        for (c, column) in self.columns.iter().enumerate() {
            let width = self.columns.get(c + 1).map_or(0, Vec::len);
            let mut counts = vec![0u64; width + 1];
            let mut n_counted = 0;
            for &slot in column {
                let ends: Vec<usize> =
                    self.after[slot].iter().map(|&s| places[s] as usize).collect();
                for &end in &ends {
                    total += n_counted - at_most(&counts, end);
                }
                ends.iter().for_each(|&end| count(&mut counts, end));
                n_counted += ends.len() as u64;
            }
        }
        total
    }

    /// A row for each slot: as near as may be to the mean of its neighbours, in order and apart.
    fn place(&self) -> Vec<f64> {
        let mut rows = vec![0.0; self.slots.len()];
        let heights = |column: &[usize]| column.iter().map(|&slot| self.slots[slot].height()).sum();
        let tallest: f64 = self.columns.iter().map(|column| heights(column)).fold(0.0, f64::max);
        for column in &self.columns {
            let height: f64 = heights(column);
            let spread = if height > 0.0 { tallest / height } else { 1.0 };
            let mut top = 0.0;
            for &slot in column {
                rows[slot] = (top + self.slots[slot].height() / 2.0) * spread;
                top += self.slots[slot].height();
            }
        }
        for sweep in 0..SWEEPS {
            let n = self.columns.len();
            for c in 0..n {
                let column = &self.columns[if sweep % 2 == 0 { c } else { n - 1 - c }];
                self.settle(column, &mut rows, tallest);
            }
        }
        rows
    }

    /// Moves the slots of a column towards their neighbours' mean rows: the least squares under the order
    /// and the heights (pool adjacent violators), within the drawing.
    fn settle(&self, column: &[usize], rows: &mut [f64], tallest: f64) {
        let mut blocks: Vec<(f64, usize)> = Vec::new();
        let mut offsets = Vec::with_capacity(column.len());
        let mut top = 0.0;
        for &slot in column {
            let both = [&self.before[slot][..], &self.after[slot][..]].concat();
            let wanted = mean(&both, rows).unwrap_or(rows[slot]);
            let offset = top + self.slots[slot].height() / 2.0;
            offsets.push(offset);
            top += self.slots[slot].height();
            blocks.push((wanted - offset, 1));
            while let [.., (a, n), (b, m)] = blocks[..] {
                if a <= b {
                    break;
                }
                blocks.truncate(blocks.len() - 2);
                blocks.push(((a * n as f64 + b * m as f64) / (n + m) as f64, n + m));
            }
        }
        let room = (tallest - top).max(0.0);
        let shifts = blocks.iter().flat_map(|&(shift, n)| std::iter::repeat_n(shift, n));
        for ((&slot, offset), shift) in column.iter().zip(offsets).zip(shifts) {
            rows[slot] = offset + shift.clamp(0.0, room);
        }
    }

    fn wires(&self, netlist: &Netlist, rows: &[f64]) -> Vec<Wire> {
        let nodes = netlist.nodes();
        let mut wires = Vec::new();
        for (to, node) in nodes.iter().enumerate() {
            for &from in &node.operands {
                let passed = &self.tracks[from][..node.level - nodes[from].level];
                let slots = passed.iter().chain(&self.tracks[to][..1]);
                let points = slots.map(|&slot| (self.slots[slot].column, rows[slot])).collect();
                wires.push(Wire { from, to, points });
            }
        }
        wires
    }
}

fn mean(slots: &[usize], of: &[f64]) -> Option<f64> {
    let sum: f64 = slots.iter().map(|&slot| of[slot]).sum();
    (!slots.is_empty()).then(|| sum / slots.len() as f64)
}

/// How many of the counted ends are `0..=end`.
fn at_most(counts: &[u64], end: usize) -> u64 {
    let mut at = end + 1;
    let mut sum = 0;
    while at > 0 {
        sum += counts[at];
        at &= at - 1;
    }
    sum
}

fn count(counts: &mut [u64], end: usize) {
    let mut at = end + 1;
    while at < counts.len() {
        counts[at] += 1;
        at += at & at.wrapping_neg();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::generate;

    fn netlist(spec: &str) -> Netlist {
        Netlist::of_circuit(&generate(spec).unwrap(), 2).unwrap()
    }

    #[test]
    fn nodes_of_a_level_do_not_overlap_and_wires_end_where_they_should() {
        for spec in ["adder:4", "parity:8", "mux:3", "random:n=8,gates=120,seed=5", "and:1"] {
            let netlist = netlist(spec);
            let layered = Layered::new(&netlist).unwrap();
            let nodes = netlist.nodes();
            for level in 0..layered.n_columns {
                let of_level = |id: &usize| nodes[*id].level == level;
                let mut rows: Vec<f64> =
                    (0..nodes.len()).filter(of_level).map(|id| layered.rows[id]).collect();
                rows.sort_by(f64::total_cmp);
                assert!(rows.windows(2).all(|pair| pair[1] - pair[0] > NODE - 1e-9), "{spec}");
                assert!(rows.iter().all(|&row| row > 0.0 && row < layered.height), "{spec}");
            }
            let n_operands: usize = nodes.iter().map(|node| node.operands.len()).sum();
            assert_eq!(layered.wires.len(), n_operands);
            for wire in &layered.wires {
                assert!(nodes[wire.to].operands.contains(&wire.from));
                assert_eq!(wire.points[0], (nodes[wire.from].level, layered.rows[wire.from]));
                let columns: Vec<usize> = wire.points.iter().map(|point| point.0).collect();
                assert_eq!(columns, Vec::from_iter(nodes[wire.from].level..=nodes[wire.to].level));
            }
        }
    }

    #[test]
    fn a_tree_is_drawn_without_crossings_and_sweeping_never_makes_it_worse() {
        for (spec, none) in [("parity:16", true), ("and:13", true), ("mult:3", false)] {
            let mut graph = Graph::new(&netlist(spec)).unwrap();
            let crossings = |graph: &Graph| {
                let mut places = vec![0.0; graph.slots.len()];
                for column in &graph.columns {
                    column.iter().enumerate().for_each(|(p, &slot)| places[slot] = p as f64);
                }
                graph.crossings(&places)
            };
            let before = crossings(&graph);
            graph.reduce_crossings();
            assert!(crossings(&graph) <= before && (!none || crossings(&graph) == 0), "{spec}");
        }
    }

    #[test]
    fn crossings_are_counted_by_definition() {
        let graph = Graph::new(&netlist("random:n=5,gates=30,seed=2")).unwrap();
        let mut places = vec![0.0; graph.slots.len()];
        for column in &graph.columns {
            column.iter().enumerate().for_each(|(p, &slot)| places[slot] = p as f64);
        }
        let wires: Vec<(usize, usize)> = (0..graph.slots.len())
            .flat_map(|from| graph.after[from].iter().map(move |&to| (from, to)))
            .collect();
        let crosses = |a: &(usize, usize), b: &(usize, usize)| {
            graph.slots[a.0].column == graph.slots[b.0].column
                && places[a.0] < places[b.0]
                && places[a.1] > places[b.1]
        };
        let pairs = wires.iter().map(|a| wires.iter().filter(|b| crosses(a, b)).count());
        assert_eq!(graph.crossings(&places), pairs.sum::<usize>() as u64);
    }
}
