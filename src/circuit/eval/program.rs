//! Programs: operations in an order and on slots that make evaluation fast.
//!
//! In goes a lowered circuit and the literals that are wanted; out come the operations that those depend
//! on, grouped into runs of one kind, each reading and writing slots of a small state. A slot is reused
//! after the last use of its value, so the state stays in cache. Wanted literals keep their slots to the
//! end. An operation may write the slot of one of its own operands.

use std::collections::VecDeque;

use super::lower::{Lit, Lowered, OpKind, ValueOp};

/// One operation on slots; a two-input one does not read its third operand.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotOp {
    pub(super) to: u32,
    pub(super) from: [u32; 3],
}

/// So many consecutive operations of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) kind: OpKind,
    pub(super) len: u32,
}

/// A program; see the module's head.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) n_inputs: usize,
    pub(super) n_slots: usize,
    /// The inputs that are read, with their slots, to be filled before the operations run.
    pub(super) inputs: Vec<(u32, u32)>,
    /// The slot to be filled with zeros before the operations run, where a constant is wanted.
    pub(super) zero: Option<u32>,
    pub(super) runs: Vec<Run>,
    pub(super) ops: Vec<SlotOp>,
    /// The wanted literals, over slots, to be read after the operations ran.
    pub(super) outputs: Vec<Lit>,
}

impl Program {
    /// The program that computes the literals `wanted`.
    pub(super) fn new(lowered: &Lowered, wanted: &[Lit]) -> Self {
        let uses = count_uses(lowered, wanted);
        let order = schedule(lowered, &uses);
        Allocation::new(lowered, uses).finish(&order, wanted)
    }
}

/// How often each value is used: once per operand of an operation that matters, and once more if it is
/// wanted, a use that never ends; 0 for dead values.
fn count_uses(lowered: &Lowered, wanted: &[Lit]) -> Vec<u32> {
    let first = 1 + lowered.n_inputs;
    let mut uses = vec![0; lowered.n_values()];
    for literal in wanted {
        uses[literal.value() as usize] = 1;
    }
    for (i, op) in lowered.ops.iter().enumerate().rev() {
        if uses[first + i] > 0 {
            for &operand in op.operands() {
                uses[operand as usize] += 1;
            }
        }
    }
    uses
}

/// The operations that matter, in an order that keeps runs of one kind long: all that is ready of one
/// kind, oldest first, with what becomes ready meanwhile; then the kind that has most ready. Against
/// sorting by level and kind this needs about as many slots and a third to two thirds of the runs.
fn schedule(lowered: &Lowered, uses: &[u32]) -> Vec<u32> {
    let mut readers = Readers::new(lowered, uses);
    let mut queues = Queues::default();
    let kind = |op: u32| lowered.ops[op as usize].kind;
    for source in 0..=lowered.n_inputs {
        readers.arrive(source, |op| queues.push(kind(op), op));
    }
    let mut order = Vec::new();
    while let Some(longest) = queues.longest() {
        while let Some(op) = queues.pop(longest) {
            order.push(op);
            readers
                .arrive(1 + lowered.n_inputs + op as usize, |next| queues.push(kind(next), next));
        }
    }
    order
}

/// The operations that are ready, first in first out for each kind.
#[derive(Default)]
struct Queues([VecDeque<u32>; OpKind::ALL.len()]);

impl Queues {
    fn push(&mut self, kind: OpKind, op: u32) {
        self.0[kind as usize].push_back(op);
    }

    fn pop(&mut self, kind: OpKind) -> Option<u32> {
        self.0[kind as usize].pop_front()
    }

    /// The kind with most ready, if any is.
    fn longest(&self) -> Option<OpKind> {
        let longest = OpKind::ALL.into_iter().max_by_key(|&kind| self.0[kind as usize].len());
        longest.filter(|&kind| !self.0[kind as usize].is_empty())
    }
}

/// For every value the live operations that read it, and for every operation what it waits for.
struct Readers {
    /// The readers of value `v` are `ops[starts[v]..starts[v + 1]]`, in rising order.
    starts: Vec<u32>,
    ops: Vec<u32>,
    n_missing: Vec<u8>,
}

impl Readers {
    fn new(lowered: &Lowered, uses: &[u32]) -> Self {
        let live = |(i, _): &(usize, &ValueOp)| uses[1 + lowered.n_inputs + i] > 0;
        let mut starts = vec![0; lowered.n_values() + 1];
        let mut n_missing = vec![0; lowered.ops.len()];
        for (i, op) in lowered.ops.iter().enumerate().filter(live) {
            n_missing[i] = op.operands().len() as u8;
            for &operand in op.operands() {
                starts[operand as usize + 1] += 1;
            }
        }
        for value in 0..lowered.n_values() {
            starts[value + 1] += starts[value];
        }
        let mut next = starts.clone();
        let mut ops = vec![0; starts[lowered.n_values()] as usize];
        for (i, op) in lowered.ops.iter().enumerate().filter(live) {
            for &operand in op.operands() {
                ops[next[operand as usize] as usize] = i as u32;
                next[operand as usize] += 1;
            }
        }
        Readers { starts, ops, n_missing }
    }

    /// Notes that `value` is there and hands over the operations that waited for nothing else.
    fn arrive(&mut self, value: usize, mut ready: impl FnMut(u32)) {
        for &op in &self.ops[self.starts[value] as usize..self.starts[value + 1] as usize] {
            self.n_missing[op as usize] -= 1;
            if self.n_missing[op as usize] == 0 {
                ready(op);
            }
        }
    }
}

/// Slots being given to values in program order.
struct Allocation<'a> {
    lowered: &'a Lowered,
    /// The uses of each value still to come.
    uses: Vec<u32>,
    /// The slot of each value, once it has one.
    slots: Vec<u32>,
    free: Vec<u32>,
    n_slots: u32,
}

impl<'a> Allocation<'a> {
    fn new(lowered: &'a Lowered, uses: Vec<u32>) -> Self {
        let slots = vec![0; uses.len()];
        Allocation { lowered, uses, slots, free: Vec::new(), n_slots: 0 }
    }

    fn finish(mut self, order: &[u32], wanted: &[Lit]) -> Program {
        let zero = (self.uses[0] > 0).then(|| self.take(0));
        let n_inputs = self.lowered.n_inputs as u32;
        let mut inputs = Vec::new();
        for i in 0..n_inputs {
            if self.uses[1 + i as usize] > 0 {
                inputs.push((i, self.take(1 + i)));
            }
        }
        let mut runs: Vec<Run> = Vec::new();
        let mut ops = Vec::with_capacity(order.len());
        for &op in order {
            let kind = self.lowered.ops[op as usize].kind;
            match runs.last_mut() {
                Some(run) if run.kind == kind => run.len += 1,
                _ => runs.push(Run { kind, len: 1 }),
            }
            ops.push(self.place(op));
        }
        let slot = |l: &Lit| Lit::new(self.slots[l.value() as usize], l.is_complemented());
        Program {
            n_inputs: self.lowered.n_inputs,
            n_slots: self.n_slots as usize,
            inputs,
            zero,
            runs,
            ops,
            outputs: wanted.iter().map(slot).collect(),
        }
    }

    /// The operation on slots: the last use of an operand frees its slot, the result takes one.
    fn place(&mut self, op: u32) -> SlotOp {
        let operands = self.lowered.ops[op as usize].operands();
        let mut from = [0; 3];
        for (from, &operand) in from.iter_mut().zip(operands) {
            *from = self.slots[operand as usize];
            self.uses[operand as usize] -= 1;
            if self.uses[operand as usize] == 0 {
                self.free.push(*from);
            }
        }
        SlotOp { to: self.take(1 + self.lowered.n_inputs as u32 + op), from }
    }

    /// Gives `value` a slot, the one freed last if there is one: it is still in cache.
    fn take(&mut self, value: u32) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.n_slots += 1;
            self.n_slots - 1
        });
        self.slots[value as usize] = slot;
        slot
    }
}
