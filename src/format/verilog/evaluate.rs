//! Trees of expressions into bits: widths and signs as IEEE 1364-2005, 5.4 and 5.5, say.
//!
//! An operand is either determined by itself or by its context: then it has the context's width and
//! sign, and is extended before the operator is applied.

use super::elaborate::Elaboration;
use super::expression::{Binary, Kind, Node, Unary};
use super::gates::{Bit, complement};
use super::number::Value;
use crate::circuit::GateKind;
use crate::error::{Error, Result};

/// What a node's surroundings make of it.
#[derive(Debug, Clone, Copy)]
struct Context {
    width: usize,
    signed: bool,
}

impl<'a> Elaboration<'_, 'a> {
    /// The value of a tree in an assignment to `width` bits, at least so many bits wide.
    pub(super) fn evaluate(&mut self, nodes: Vec<Node>, width: usize) -> Result<Value> {
        self.evaluate_from(nodes, 0, width)
    }

    /// The value of a tree by itself, as an integer; `base` is the index of its first node.
    pub(super) fn integer(&mut self, nodes: Vec<Node>, base: usize) -> Result<i64> {
        let offset = nodes.last().expect("a tree has a root").offset;
        let first = nodes[0].offset.min(offset);
        let value = self.evaluate_from(nodes, base, 0)?;
        value.to_integer().ok_or_else(|| {
            let is_constant = value.bits.iter().all(|bit| matches!(bit, Bit::Constant(_)));
            let found = if is_constant { "a larger one" } else { "one that nets decide" };
            let expected = "a constant expression of at most 64 bits";
            self.source.error(first, expected, found).hint(super::HINT)
        })
    }

    fn evaluate_from(&mut self, nodes: Vec<Node>, base: usize, width: usize) -> Result<Value> {
        let contexts = self.contexts(&nodes, base, width)?;
        let root = nodes.last().expect("a tree has a root");
        let (signed, is_unsized) = (root.signed, root.is_unsized);
        let mut values: Vec<Vec<Bit>> = Vec::with_capacity(nodes.len());
        for (node, context) in nodes.into_iter().zip(&contexts) {
            self.gates.offset = node.offset;
            let operation = Operation { contexts: &contexts, base, context: *context };
            let bits = self.bits(node, &operation, &mut values)?;
            values.push(bits);
        }
        let bits = values.pop().expect("a tree has a root");
        Ok(Value { bits, signed, is_unsized })
    }

    /// Widths and signs from the root down; what they amount to is charged before anything is built.
    fn contexts(&mut self, nodes: &[Node], base: usize, width: usize) -> Result<Vec<Context>> {
        let own = |node: &Node| Context { width: node.width, signed: node.signed };
        let mut contexts: Vec<Context> = nodes.iter().map(own).collect();
        if let (Some(last), Some(root)) = (contexts.last_mut(), nodes.last()) {
            self.require_bits(root)?;
            last.width = last.width.max(width);
        }
        for (at, node) in nodes.iter().enumerate().rev() {
            let context = contexts[at];
            let of = |operand: usize| operand - base;
            match &node.kind {
                Kind::Leaf(_) => {}
                Kind::Unary(Unary::Plus | Unary::Minus | Unary::Complement, a) => {
                    contexts[of(*a)] = context;
                }
                Kind::Binary(operator, a, _) if operator.is_shift() => contexts[of(*a)] = context,
                Kind::Binary(operator, a, b) if operator.is_comparison() => {
                    let (a, b) = (of(*a), of(*b));
                    let width = nodes[a].width.max(nodes[b].width);
                    let context = Context { width, signed: nodes[a].signed && nodes[b].signed };
                    (contexts[a], contexts[b]) = (context, context);
                }
                Kind::Binary(operator, ..) if operator.is_one_bit() => {}
                Kind::Binary(_, a, b) | Kind::Choice(_, a, b) => {
                    (contexts[of(*a)], contexts[of(*b)]) = (context, context);
                }
                Kind::Unary(..) | Kind::Concat(_) | Kind::Repeat(..) => {}
            }
            self.require_operands(nodes, node, base)?;
            self.charge(cost(node, context.width), node.offset)?;
        }
        Ok(contexts)
    }

    /// No bits are an operand only of a concatenation.
    fn require_operands(&self, nodes: &[Node], node: &Node, base: usize) -> Result<()> {
        let require = |operand: usize| self.require_bits(&nodes[operand - base]);
        match node.kind {
            Kind::Leaf(_) | Kind::Concat(_) => Ok(()),
            Kind::Unary(_, a) | Kind::Repeat(_, a) => require(a),
            Kind::Binary(_, a, b) => require(a).and_then(|()| require(b)),
            Kind::Choice(a, b, c) => require(a).and_then(|()| require(b)).and_then(|()| require(c)),
        }
    }

    fn require_bits(&self, node: &Node) -> Result<()> {
        match node.width {
            0 => Err(self.source.error(node.offset, "at least one bit", "a repetition of 0 times")),
            _ => Ok(()),
        }
    }

    fn bits(
        &mut self,
        node: Node,
        operation: &Operation<'_>,
        values: &mut [Vec<Bit>],
    ) -> Result<Vec<Bit>> {
        let context = operation.context;
        let mut take = |operand: usize| std::mem::take(&mut values[operand - operation.base]);
        let bits = match node.kind {
            Kind::Leaf(value) => value.bits,
            Kind::Unary(operator, a) => {
                let a = take(a);
                self.unary(operator, a, node.offset)?
            }
            Kind::Binary(operator, a, b) => {
                let operands = operation.contexts[a - operation.base];
                let (a, b) = (take(a), take(b));
                self.binary(operator, a, b, operands, node.offset)?
            }
            Kind::Choice(select, then, otherwise) => {
                let (select, then, otherwise) = (take(select), take(then), take(otherwise));
                self.choice(select, then, otherwise)?
            }
            Kind::Concat(items) => items.into_iter().rev().flat_map(take).collect(),
            Kind::Repeat(count, item) => {
                let item = self.gates.place_all(take(item))?;
                let n_bits = item.len() * count;
                item.into_iter().cycle().take(n_bits).collect()
            }
        };
        self.extend(bits, context)
    }

    /// The bits with the sign, or zeros, before them.
    fn extend(&mut self, mut bits: Vec<Bit>, context: Context) -> Result<Vec<Bit>> {
        if bits.len() >= context.width {
            return Ok(bits);
        }
        let mut fill = Bit::Constant(false);
        if context.signed
            && let Some(sign) = bits.pop()
        {
            fill = self.gates.place(sign)?;
            bits.push(fill.clone());
        }
        bits.resize(context.width, fill);
        Ok(bits)
    }

    fn unary(&mut self, operator: Unary, bits: Vec<Bit>, offset: usize) -> Result<Vec<Bit>> {
        let (kind, is_complemented) = match operator {
            Unary::Plus | Unary::Signed | Unary::Unsigned => return Ok(bits),
            Unary::Complement => return Ok(bits.into_iter().map(complement).collect()),
            Unary::Minus => {
                let zero = vec![Bit::Constant(false); bits.len()];
                return self.gates.subtract(zero, bits);
            }
            Unary::Log => return self.logarithm(bits, offset),
            Unary::And => (GateKind::And, false),
            Unary::Nand => (GateKind::And, true),
            Unary::Or => (GateKind::Or, false),
            Unary::Nor | Unary::Not => (GateKind::Or, true),
            Unary::Xor => (GateKind::Xor, false),
            Unary::Xnor => (GateKind::Xor, true),
        };
        let bit = self.gates.reduce(kind, bits)?;
        Ok(vec![if is_complemented { complement(bit) } else { bit }])
    }

    /// `$clog2`: the least number of bits that tell so many things apart.
    fn logarithm(&self, bits: Vec<Bit>, offset: usize) -> Result<Vec<Bit>> {
        let value = Value { bits, signed: false, is_unsized: false };
        let Some(number) = value.to_integer() else {
            return Err(self.source.error(offset, "a constant in $clog2", "nets"));
        };
        let log = if number <= 1 { 0 } else { 64 - (number - 1).leading_zeros() };
        Ok(Value::integer(i64::from(log)).bits)
    }

    fn binary(
        &mut self,
        operator: Binary,
        a: Vec<Bit>,
        b: Vec<Bit>,
        operands: Context,
        offset: usize,
    ) -> Result<Vec<Bit>> {
        let gates = &mut self.gates;
        let one = |bit: Result<Bit>| bit.map(|bit| vec![bit]);
        match operator {
            Binary::And | Binary::Or | Binary::Xor | Binary::Xnor => self.bitwise(operator, a, b),
            Binary::LogicalAnd | Binary::LogicalOr => {
                let (a, b) = (gates.reduce(GateKind::Or, a)?, gates.reduce(GateKind::Or, b)?);
                let is_and = operator == Binary::LogicalAnd;
                one(gates.gate(if is_and { GateKind::And } else { GateKind::Or }, a, b))
            }
            Binary::Equal => one(gates.equal(a, b)),
            Binary::Unequal => one(gates.equal(a, b).map(complement)),
            Binary::Less => one(gates.less(a, b, operands.signed)),
            Binary::Greater => one(gates.less(b, a, operands.signed)),
            Binary::LessEqual => one(gates.less(b, a, operands.signed).map(complement)),
            Binary::GreaterEqual => one(gates.less(a, b, operands.signed).map(complement)),
            Binary::Add => gates.add(a, b, false),
            Binary::Subtract => gates.subtract(a, b),
            Binary::Multiply => gates.multiply(a, b),
            Binary::ShiftLeft | Binary::ArithmeticLeft => {
                gates.shift(a, b, true, Bit::Constant(false))
            }
            Binary::ShiftRight => gates.shift(a, b, false, Bit::Constant(false)),
            Binary::ArithmeticRight => {
                let mut a = gates.place_all(a)?;
                let sign = a.last_mut().filter(|_| operands.signed).map(|bit| bit.clone());
                gates.shift(a, b, false, sign.unwrap_or(Bit::Constant(false)))
            }
            Binary::Divide | Binary::Modulo | Binary::Power => {
                self.divide(operator, a, b, operands, offset)
            }
        }
    }

    fn bitwise(&mut self, operator: Binary, a: Vec<Bit>, b: Vec<Bit>) -> Result<Vec<Bit>> {
        let gates = &mut self.gates;
        let pairs = a.into_iter().zip(b);
        pairs
            .map(|(a, b)| match operator {
                Binary::And => gates.gate(GateKind::And, a, b),
                Binary::Or => gates.gate(GateKind::Or, a, b),
                Binary::Xor => gates.gate(GateKind::Xor, a, b),
                _ => gates.xnor(a, b),
            })
            .collect()
    }

    /// Division, remainder and power, of constants.
    fn divide(
        &self,
        operator: Binary,
        a: Vec<Bit>,
        b: Vec<Bit>,
        operands: Context,
        offset: usize,
    ) -> Result<Vec<Bit>> {
        let width = a.len();
        let number = |bits| Value { bits, signed: operands.signed, is_unsized: false }.to_integer();
        let (a, b) = (number(a), number(b));
        let result = a.zip(b).and_then(|(a, b)| match operator {
            Binary::Divide => a.checked_div(b),
            Binary::Modulo => a.checked_rem(b),
            _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        });
        match result {
            Some(number) => {
                Ok((0..width).map(|i| Bit::Constant(number >> i.min(63) & 1 == 1)).collect())
            }
            None => Err(self.no_division(a.is_some() && b.is_some(), offset)),
        }
    }

    fn no_division(&self, is_constant: bool, offset: usize) -> Error {
        let found = if is_constant { "no result of 63 bits" } else { "nets" };
        let expected = "constants on both sides of / % and **";
        self.source.error(offset, expected, found).hint(super::HINT)
    }

    fn choice(
        &mut self,
        select: Vec<Bit>,
        then: Vec<Bit>,
        otherwise: Vec<Bit>,
    ) -> Result<Vec<Bit>> {
        let select = self.gates.reduce(GateKind::Or, select)?;
        // Placed only where it is read more than once.
        let select = if then.len() > 1 { self.gates.place(select)? } else { select };
        let pairs = then.into_iter().zip(otherwise);
        pairs.map(|(then, otherwise)| self.gates.choose(select.clone(), then, otherwise)).collect()
    }
}

/// A node's place in the tree that is evaluated.
struct Operation<'c> {
    contexts: &'c [Context],
    base: usize,
    context: Context,
}

/// The gates that a node may need, in bits.
fn cost(node: &Node, width: usize) -> usize {
    let bits = usize::BITS as usize;
    match node.kind {
        Kind::Leaf(_) => width,
        Kind::Binary(Binary::Multiply, ..) => width.saturating_mul(width).saturating_mul(2),
        Kind::Binary(operator, ..) if operator.is_shift() => {
            width.saturating_mul(bits - width.leading_zeros() as usize + 2)
        }
        Kind::Binary(Binary::Add | Binary::Subtract, ..) => width.saturating_mul(2),
        _ => width,
    }
}
