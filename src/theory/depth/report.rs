//! Least depths as values: of the functions of a circuit, and of all functions of a few variables.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Basis, Census, MAX_VARIABLES, least_depth, least_layers_unbounded, relevant_inputs, tables,
};
use crate::circuit::{Circuit, TruthTable};
use crate::error::Result;
use crate::mapping;
use crate::table::{Document, Table, Tabular, number, row, words};

/// The numbers of heads for which layers are counted.
const HEADS: [usize; 4] = [1, 2, 4, 8];

/// How many levels and layers functions need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Depths {
    /// The depth with which the circuit is written; none of a function that is given by its table.
    pub written_depth: Option<usize>,
    /// One for each output, or the one of a table.
    pub functions: Vec<Function>,
}

/// What one function needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Function {
    /// The output's.
    pub name: String,
    /// The number of inputs that it depends on.
    pub relevant_inputs: usize,
    /// The least layers of heads that read one token each, the same for every input, if tokens are unbounded.
    pub least_layers: Vec<Layers>,
    /// By basis, unless there are too many variables: the least depth, or none if the basis cannot express it.
    pub least_depth: Option<BTreeMap<&'static str, Option<usize>>>,
}

/// Layers of so many heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layers {
    /// Heads of a layer.
    pub heads: usize,
    /// How many.
    pub layers: usize,
}

impl Function {
    fn new(name: &str, relevant_inputs: usize) -> Self {
        let layers =
            |heads| Layers { heads, layers: least_layers_unbounded(relevant_inputs, heads) };
        Function {
            name: name.to_string(),
            relevant_inputs,
            least_layers: HEADS.map(layers).to_vec(),
            least_depth: None,
        }
    }

    fn of_table(name: &str, table: TruthTable) -> Result<Self> {
        let relevant = (0..table.n_inputs()).filter(|&h| table.depends_on(h)).count();
        let depth = |basis: Basis| Ok((basis.name(), least_depth(table, basis)?));
        let depths = Basis::ALL.into_iter().map(depth).collect::<Result<_>>()?;
        Ok(Function { least_depth: Some(depths), ..Function::new(name, relevant) })
    }
}

impl Depths {
    /// Of the function with a truth table.
    ///
    /// # Errors
    /// More than [`MAX_VARIABLES`] variables.
    pub fn of_table(name: &str, table: TruthTable) -> Result<Self> {
        Ok(Depths { written_depth: None, functions: vec![Function::of_table(name, table)?] })
    }

    /// Of a circuit's outputs.
    ///
    /// # Errors
    /// The circuit is sequential.
    pub fn of_circuit(circuit: &Circuit) -> Result<Self> {
        let relevant = relevant_inputs(circuit)?;
        let tables = match circuit.inputs().len() {
            0..=MAX_VARIABLES => tables(circuit)?,
            _ => Vec::new(),
        };
        let function = |(o, relevant): (usize, &Vec<usize>)| {
            let name = &circuit.outputs()[o].name;
            match tables.get(o) {
                Some(&table) => Function::of_table(name, table),
                None => Ok(Function::new(name, relevant.len())),
            }
        };
        let functions = relevant.iter().enumerate().map(function).collect::<Result<_>>()?;
        Ok(Depths { written_depth: Some(mapping::depth(circuit, 2)), functions })
    }
}

impl Tabular for Depths {
    fn document(&self) -> Document {
        let mut document = Document::default();
        if let Some(depth) = self.written_depth {
            document.line(format!("written with depth {depth}"));
        }
        document.line(
            "least layers of heads that read one token each, the same for every input, if tokens are unbounded",
        );
        let heads =
            HEADS.map(|h| number(if h == 1 { "1 head".to_string() } else { format!("{h} heads") }));
        let mut table = Table::new([words("function"), number("inputs")].into_iter().chain(heads));
        for function in &self.functions {
            let layers = function.least_layers.iter().map(|l| l.layers.into());
            table.push(row![&function.name, function.relevant_inputs].into_iter().chain(layers));
        }
        document.table(table);
        if self.functions.iter().any(|function| function.least_depth.is_some()) {
            document.line("least depth in gates; - if they cannot express it");
            document.table(self.by_basis());
        }
        document
    }
}

impl Depths {
    fn by_basis(&self) -> Table {
        let bases = Basis::ALL.map(|basis| number(basis.name()));
        let mut table = Table::new([words("function")].into_iter().chain(bases));
        for function in &self.functions {
            let Some(depths) = &function.least_depth else { continue };
            let depth = |basis: Basis| match depths[basis.name()] {
                Some(depth) => depth.into(),
                None => "-".into(),
            };
            table.push(row![&function.name].into_iter().chain(Basis::ALL.map(depth)));
        }
        table
    }
}

/// How many functions of some variables have each least depth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How many.
    pub variables: usize,
    /// By basis: functions of depth 0, 1, …
    pub functions_by_depth: BTreeMap<&'static str, Vec<usize>>,
}

impl Counts {
    /// Counts all functions of so many variables.
    ///
    /// # Errors
    /// More than [`MAX_VARIABLES`] variables.
    pub fn of(variables: usize) -> Result<Self> {
        let counts = |basis: Basis| Ok((basis.name(), Census::new(variables, basis)?.counts()));
        let functions_by_depth = Basis::ALL.into_iter().map(counts).collect::<Result<_>>()?;
        Ok(Counts { variables, functions_by_depth })
    }
}

impl Tabular for Counts {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(format!("functions of {} variables by least depth", self.variables));
        let most = self.functions_by_depth.values().map(Vec::len).max().unwrap_or(0);
        let heads = (0..most).map(|depth| number(format!("depth {depth}")));
        let mut table = Table::new([words("gates")].into_iter().chain(heads));
        for basis in Basis::ALL {
            let counts = &self.functions_by_depth[basis.name()];
            let cells = (0..most).map(|depth| counts.get(depth).copied().into());
            table.push(row![basis.name()].into_iter().chain(cells));
        }
        document.table(table);
        document
    }
}
