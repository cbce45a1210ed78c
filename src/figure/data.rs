//! The numbers of a figure, for those who draw it themselves: as a table and as JSON.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::chart::{Chart, Series};
use super::circuit::Drawing;
use super::heatmap::Heatmap;
use crate::table::{Cell, Document, Table, Tabular, number, row, words};

impl Serialize for Chart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let series = |series: &Series| {
            json!({
                "name": series.name,
                "points": series.points,
                "intervals": series.intervals,
            })
        };
        let json = json!({
            "kind": "chart",
            "title": self.title,
            "description": self.description,
            "x": self.x.label,
            "y": self.y.label,
            "series": self.series.iter().map(series).collect::<Vec<_>>(),
        });
        json.serialize(serializer)
    }
}

/// A number as it is, which is short: a count, or a power of two.
fn plain(x: f64) -> Cell {
    Cell::rounded(x, x.to_string())
}

impl Tabular for Chart {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(&self.title);
        let mut table = Table::new([words("series"), number(&self.x.label), number(&self.y.label)]);
        for series in &self.series {
            let points = series.points.iter();
            points.for_each(|&(x, y)| table.push(row![&series.name, plain(x), plain(y)]));
        }
        document.table(table);
        document
    }
}

impl Serialize for Heatmap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = json!({
            "kind": "heat map",
            "title": self.title,
            "description": self.description,
            "row_names": self.row_names,
            "column_names": self.column_names,
            "rows": self.rows,
        });
        json.serialize(serializer)
    }
}

impl Tabular for Heatmap {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(&self.title);
        let heads = self.column_names.iter().map(number);
        let mut table = Table::new([words("position")].into_iter().chain(heads));
        for (name, row) in self.row_names.iter().zip(&self.rows) {
            table.push(row![name].into_iter().chain(row.iter().copied().map(plain)));
        }
        document.table(table);
        document
    }
}

impl Serialize for Drawing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = |(id, node): (usize, &crate::trace::Node)| {
            let state = self.state.as_ref();
            json!({
                "name": node.name,
                "gate": node.operation,
                "level": node.level,
                "position": node.position,
                "operands": node.operands,
                "bit": state.map(|state| u8::from(state.bits[id])),
                "mark": state.map(|state| state.marks[id].name()),
            })
        };
        let nodes: Vec<Value> = self.netlist.nodes().iter().enumerate().map(node).collect();
        json!({ "kind": "circuit", "title": self.title, "nodes": nodes }).serialize(serializer)
    }
}

impl Tabular for Drawing {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(&self.title);
        let nodes = self.netlist.nodes();
        let row = |(id, node): (usize, &crate::trace::Node)| {
            let operands: Vec<&str> =
                node.operands.iter().map(|&operand| nodes[operand].name.as_str()).collect();
            let state = self.state.as_ref();
            let bit = state.map(|state| u8::from(state.bits[id]));
            let mark = state.map(|state| state.marks[id].name());
            row![node.level, &node.name, &node.operation, operands.join(" "), bit, mark]
        };
        let heads = [
            number("level"),
            words("node"),
            words("gate"),
            words("operands"),
            number("bit"),
            words("mark"),
        ];
        document.table(Table::new(heads).with(nodes.iter().enumerate().map(row)));
        document
    }
}
