//! Polarities: cells with complemented operands become a network, which has none.
//!
//! Complements of operands are absorbed into the reader's table. An output that is a complemented gate
//! complements that gate's table, and its readers make up for it; if the positive value is an output
//! too, a second node with the complemented table stands beside the first, on the same level. An
//! output that is a complemented source, which has no table to change, costs a node on level 1.
//!
//! Nodes come in the order of the network: inputs, the constants that are outputs, then gates by level,
//! circuit node and creation.

use super::Mapped;
use super::cells::{CellLiteral, Cells};
use crate::circuit::{Literal, TruthTable};
use crate::error::Result;
use crate::network::Network;

/// What an output of the circuit comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    Constant(bool),
    Cell(CellLiteral),
}

/// The network of `cells`, whose sources are the circuit's inputs and come first, with one output per
/// root, each given with the circuit's literal that it computes.
///
/// # Errors
/// The network refuses the fan-in.
pub fn settle(cells: &Cells, n_inputs: usize, roots: &[(Root, Literal)]) -> Result<Mapped> {
    let mut emitter = Emitter {
        cells,
        network: Network::new(cells.k(), n_inputs)?,
        origin: (0..n_inputs).map(|cell| cells.origin(cell)).collect(),
        placed: vec![[None; 2]; cells.len()],
    };
    for input in 0..n_inputs {
        emitter.placed[input][0] = Some(input as u32);
    }
    let constants = emitter.emit_constants(roots);
    for gate in ordered_gates(cells, n_inputs, roots) {
        emitter.emit(gate)?;
    }
    for (root, _) in roots {
        let id = match root {
            Root::Constant(value) => constants[usize::from(*value)],
            Root::Cell(literal) => {
                emitter.placed[literal.cell as usize][usize::from(literal.complemented)]
            }
        };
        emitter.network.output(id.expect("every root has its node"))?;
    }
    Ok(Mapped { network: emitter.network, origin: emitter.origin })
}

/// The nodes to emit after inputs and constants, each as the cell literal that it computes.
fn ordered_gates(cells: &Cells, n_inputs: usize, roots: &[(Root, Literal)]) -> Vec<CellLiteral> {
    let mut wanted = vec![[false; 2]; cells.len()];
    for (root, _) in roots {
        if let Root::Cell(literal) = root {
            wanted[literal.cell as usize][usize::from(literal.complemented)] = true;
        }
    }
    let mut gates = Vec::with_capacity(cells.len());
    for (cell, [_, complement]) in wanted.iter().enumerate() {
        let positive = cell >= n_inputs && wanted[cell] != [false, true];
        let literal = |complemented| CellLiteral { cell: cell as u32, complemented };
        gates.extend(positive.then(|| literal(false)));
        gates.extend(complement.then(|| literal(true)));
    }
    // An inverted input is a gate on level 1.
    let level = |gate: &CellLiteral| cells.level(gate.cell as usize).max(1);
    gates.sort_by_key(|gate| (level(gate), cells.source(gate.cell as usize)));
    gates
}

struct Emitter<'a> {
    cells: &'a Cells,
    network: Network,
    origin: Vec<Option<Literal>>,
    /// The network node of each cell's positive and complemented literal.
    placed: Vec<[Option<u32>; 2]>,
}

impl Emitter<'_> {
    /// Adds the constants that are outputs, and returns their nodes by value.
    fn emit_constants(&mut self, roots: &[(Root, Literal)]) -> [Option<u32>; 2] {
        [false, true].map(|value| {
            let (_, literal) = roots.iter().find(|(root, _)| *root == Root::Constant(value))?;
            self.origin.push(Some(*literal));
            Some(self.network.constant(value))
        })
    }

    /// Adds the node that computes `gate`.
    fn emit(&mut self, gate: CellLiteral) -> Result<()> {
        let cell = gate.cell as usize;
        let id = if self.cells.is_source(cell) {
            self.network.gate(&[gate.cell], |row| row == 0)?
        } else {
            let (operands, table) = self.absorb(self.cells.operands(cell), self.cells.table(cell));
            self.network.gate(&operands, |row| table.at(row) ^ gate.complemented)?
        };
        self.placed[cell][usize::from(gate.complemented)] = Some(id);
        let origin = self.cells.origin(cell);
        self.origin.push(origin.map(|literal| literal.flip_if(gate.complemented)));
        Ok(())
    }

    /// The operands as network nodes, and the table over those.
    fn absorb(&self, operands: &[CellLiteral], table: TruthTable) -> (Vec<u32>, TruthTable) {
        let mut over_nodes = table;
        let mut ids = Vec::with_capacity(operands.len());
        for (h, operand) in operands.iter().enumerate() {
            let (id, flipped) = match self.placed[operand.cell as usize] {
                [Some(id), _] => (id, false),
                [None, complement] => (complement.expect("operands are on lower levels"), true),
            };
            if flipped != operand.complemented {
                over_nodes = over_nodes.flip_operand(h);
            }
            ids.push(id);
        }
        (ids, over_nodes)
    }
}
