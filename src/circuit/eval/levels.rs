//! Levels: the operations that the outputs depend on as look-up tables, for devices that evaluate a level at
//! once.

use super::Oracle;
use super::lower::{Lowered, OpKind};
use crate::batch::{COUNTING, Lut, LutProgram};

impl Oracle {
    /// The circuit as a program of look-up tables, every table at its least level.
    pub fn luts(&self) -> LutProgram {
        let lowered = &self.lowered;
        let first = 1 + lowered.n_inputs;
        let levels = levels(lowered);
        let mut order: Vec<usize> = (0..lowered.ops.len()).filter(|&op| levels[op] > 0).collect();
        order.sort_by_key(|&op| levels[op]);
        // The numbers of the values in the program; dead ones keep theirs, which nothing reads.
        let mut numbers: Vec<u32> = (0..lowered.n_values() as u32).collect();
        for (number, &op) in order.iter().enumerate() {
            numbers[first + op] = (first + number) as u32;
        }
        let lut = |&op: &usize| {
            let mut operands = [0; 3];
            let values = lowered.ops[op].operands().iter();
            operands.iter_mut().zip(values).for_each(|(to, &v)| *to = numbers[v as usize]);
            Lut { table: table(lowered.ops[op].kind), operands }
        };
        let luts = order.iter().map(lut).collect();
        let n_levels = order.last().map_or(0, |&op| levels[op]);
        let ends = (1..=n_levels).map(|k| order.partition_point(|&op| levels[op] <= k)).collect();
        let outputs = lowered.outputs.iter();
        let outputs = outputs.map(|l| (numbers[l.value() as usize], l.is_complemented())).collect();
        LutProgram::new(lowered.n_inputs, luts, ends, outputs)
            .expect("an operation is above the level of its operands")
    }
}

/// The level of every operation, 0 for those that no output depends on.
fn levels(lowered: &Lowered) -> Vec<u32> {
    let first = 1 + lowered.n_inputs;
    let mut live = vec![false; lowered.n_values()];
    lowered.outputs.iter().for_each(|output| live[output.value() as usize] = true);
    for (i, op) in lowered.ops.iter().enumerate().rev() {
        if live[first + i] {
            op.operands().iter().for_each(|&v| live[v as usize] = true);
        }
    }
    let mut levels = vec![0; lowered.n_values()];
    for (i, op) in lowered.ops.iter().enumerate() {
        if live[first + i] {
            let highest = op.operands().iter().map(|&v| levels[v as usize]).max();
            levels[first + i] = 1 + highest.unwrap_or(0);
        }
    }
    levels.split_off(first)
}

/// An operation as a table: its word where the operands are the projections on the bits of a row's number.
fn table(kind: OpKind) -> u8 {
    let [a, b, c, ..] = COUNTING.map(|word| word as u8);
    match kind {
        OpKind::And => a & b,
        OpKind::AndNot => a & !b,
        OpKind::Or => a | b,
        OpKind::Xor => a ^ b,
        OpKind::Mux => a & !c | b & c,
        OpKind::MuxNot => a & !c | !b & c,
        OpKind::Maj => a & b | c & (a | b),
        OpKind::MajNot => !a & b | c & (!a | b),
    }
}
