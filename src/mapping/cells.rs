//! Cells: the gates of at most `k` operands that a circuit is mapped to, before polarities are settled.
//!
//! Cell operands may be complemented and cells come in order of creation; [`super::polarity`] turns
//! them into a network. Invariant: operands exist before the cell that reads them, a cell's level is
//! 1 + its highest operand's, a source's 0.

use super::tree::join_earliest;
use crate::circuit::{Literal, TruthTable};

/// The value of a cell or its complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CellLiteral {
    pub cell: u32,
    pub complemented: bool,
}

impl CellLiteral {
    /// The literal complemented once more where `flip` holds.
    pub fn flip_if(self, flip: bool) -> Self {
        CellLiteral { complemented: self.complemented ^ flip, ..self }
    }
}

/// An associative operation that trees are made of; `OR` is `And` with everything complemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    And,
    Xor,
}

impl Operation {
    /// The operation's table over `n` operands.
    pub fn table(self, n: usize) -> TruthTable {
        TruthTable::from_fn(n, |bits| match self {
            Operation::And => bits.iter().all(|&bit| bit),
            Operation::Xor => bits.iter().fold(false, |parity, &bit| parity ^ bit),
        })
    }
}

/// The cells made so far; see the module's head.
#[derive(Debug)]
pub struct Cells {
    k: usize,
    /// The operands of cell `i` are `operands[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
    operands: Vec<CellLiteral>,
    /// Over the operands' literals; a source has the table of no operands.
    tables: Vec<TruthTable>,
    levels: Vec<u32>,
    /// The index of the circuit node that a cell was made for.
    sources: Vec<u32>,
    origins: Vec<Option<Literal>>,
    /// `AND` and `XOR` of 2 to `k` operands, made once.
    trees: [Vec<TruthTable>; 2],
}

impl Cells {
    /// No cell yet; gates may have `k` operands.
    pub fn new(k: usize) -> Self {
        let tables = |op: Operation| (0..=k).map(|n| op.table(n)).collect();
        Cells {
            k,
            starts: vec![0],
            operands: Vec::new(),
            tables: Vec::new(),
            levels: Vec::new(),
            sources: Vec::new(),
            origins: Vec::new(),
            trees: [tables(Operation::And), tables(Operation::Xor)],
        }
    }

    pub fn k(&self) -> usize {
        self.k
    }

    pub fn len(&self) -> usize {
        self.levels.len()
    }

    pub fn operands(&self, cell: usize) -> &[CellLiteral] {
        &self.operands[self.starts[cell]..self.starts[cell + 1]]
    }

    /// The cell's value at the row made of its operands' values.
    pub fn table(&self, cell: usize) -> TruthTable {
        self.tables[cell]
    }

    pub fn level(&self, cell: usize) -> u32 {
        self.levels[cell]
    }

    pub fn is_source(&self, cell: usize) -> bool {
        self.operands(cell).is_empty()
    }

    /// The index of the circuit node that the cell was made for.
    pub fn source(&self, cell: usize) -> u32 {
        self.sources[cell]
    }

    /// The literal of the circuit that the cell computes, if it is known to.
    pub fn origin(&self, cell: usize) -> Option<Literal> {
        self.origins[cell]
    }

    /// Records that the positive literal of `cell` computes `literal` of the circuit.
    pub fn set_origin(&mut self, cell: u32, literal: Literal) {
        self.origins[cell as usize] = Some(literal);
    }

    /// A cell for an input or a latch.
    pub fn add_source(&mut self, source: Literal) -> CellLiteral {
        let cell = self.add(&[], TruthTable::from_fn(0, |_| false), source.node.index() as u32);
        self.set_origin(cell.cell, source);
        cell
    }

    /// A gate made for the circuit node of index `source`; no operands make a source.
    ///
    /// # Panics
    /// 2^32 cells exist, which is more than memory holds.
    pub fn add(&mut self, operands: &[CellLiteral], table: TruthTable, source: u32) -> CellLiteral {
        debug_assert!(operands.len() <= self.k && operands.len() == table.n_inputs());
        let cell = u32::try_from(self.len()).expect("2^32 cells do not fit in memory");
        let highest = operands.iter().map(|operand| self.levels[operand.cell as usize]).max();
        self.levels.push(highest.map_or(0, |level| level + 1));
        self.operands.extend_from_slice(operands);
        self.starts.push(self.operands.len());
        self.tables.push(table);
        self.sources.push(source);
        self.origins.push(None);
        CellLiteral { cell, complemented: false }
    }

    /// The operation over one or more operands, as a tree of least depth.
    pub fn add_tree(
        &mut self,
        operation: Operation,
        operands: &[CellLiteral],
        source: u32,
    ) -> CellLiteral {
        if (2..=self.k).contains(&operands.len()) {
            return self.add(operands, self.tree_table(operation, operands.len()), source);
        }
        let level = |operand: &CellLiteral| self.levels[operand.cell as usize];
        let mut leaves: Vec<_> =
            operands.iter().map(|operand| (level(operand), *operand)).collect();
        let mut group = Vec::with_capacity(self.k);
        let (_, root) = join_earliest(&mut leaves, self.k, |children| {
            group.clear();
            group.extend(children.iter().map(|child| child.1));
            self.add(&group, self.tree_table(operation, group.len()), source)
        });
        root
    }

    fn tree_table(&self, operation: Operation, n: usize) -> TruthTable {
        self.trees[operation as usize][n]
    }
}
