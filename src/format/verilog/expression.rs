//! Verilog expressions into gates: precedence with two stacks, so nesting costs heap, not stack.

use super::lexer::{Lexeme, Shape};
use super::{Module, Range};
use crate::circuit::GateKind;
use crate::error::{Error, Result};
use crate::format::cursor::{Source, Token, quote};
use crate::format::netlist::{Net, Netlist, Pin};

/// A bit of an expression. The gate at its root is not in the netlist yet, so that the net it is
/// assigned to can be its own, and a complement can change its kind.
#[derive(Debug, Clone)]
pub enum Bit {
    Constant(bool),
    Pin(Pin),
    Gate(GateKind, Vec<Pin>),
}

/// The netlist and the constants in it.
pub struct Gates<'a> {
    pub netlist: Netlist<'a>,
    /// Whether a constant had an x or z digit.
    pub has_unknown: bool,
    constants: [Option<Net>; 2],
}

impl<'a> Gates<'a> {
    pub fn new(source: Source<'a>) -> Self {
        Gates { netlist: Netlist::new(source), has_unknown: false, constants: [None; 2] }
    }

    /// The bit as a fan-in.
    pub fn pin(&mut self, bit: Bit, offset: usize) -> Result<Pin> {
        match bit {
            Bit::Pin(pin) => Ok(pin),
            Bit::Constant(value) => self.constant(value, offset).map(Pin::from),
            Bit::Gate(kind, pins) => {
                let net = self.netlist.anonymous(offset);
                self.netlist.gate(net, kind, &pins, offset)?;
                Ok(net.into())
            }
        }
    }

    fn constant(&mut self, value: bool, offset: usize) -> Result<Net> {
        if let Some(net) = self.constants[usize::from(value)] {
            return Ok(net);
        }
        let net = self.netlist.anonymous(offset);
        self.netlist.gate(net, GateKind::Const(value), &[], offset)?;
        self.constants[usize::from(value)] = Some(net);
        Ok(net)
    }

    /// Lets the bit drive a net.
    pub fn drive(&mut self, net: Net, bit: Bit, offset: usize) -> Result<()> {
        match bit {
            Bit::Constant(value) => self.netlist.gate(net, GateKind::Const(value), &[], offset),
            Bit::Gate(kind, pins) => self.netlist.gate(net, kind, &pins, offset),
            Bit::Pin(Pin { net: from, complemented }) => {
                let kind = if complemented { GateKind::Not } else { GateKind::Buf };
                self.netlist.gate(net, kind, &[from.into()], offset)
            }
        }
    }

    /// The gate over two bits; chains of one associative kind become one wide gate.
    fn binary(&mut self, kind: GateKind, left: Bit, right: Bit, offset: usize) -> Result<Bit> {
        let mut pins = match left {
            Bit::Gate(inner, pins) if inner == kind && kind != GateKind::Xnor => pins,
            other => vec![self.pin(other, offset)?],
        };
        pins.push(self.pin(right, offset)?);
        Ok(Bit::Gate(kind, pins))
    }
}

fn complement(bit: Bit) -> Bit {
    match bit {
        Bit::Constant(value) => Bit::Constant(!value),
        Bit::Pin(pin) => Bit::Pin(pin.flip_if(true)),
        Bit::Gate(GateKind::Mux, pins) => {
            Bit::Gate(GateKind::Mux, vec![pins[0], pins[1].flip_if(true), pins[2].flip_if(true)])
        }
        Bit::Gate(kind, pins) => Bit::Gate(
            match kind {
                GateKind::And => GateKind::Nand,
                GateKind::Nand => GateKind::And,
                GateKind::Or => GateKind::Nor,
                GateKind::Nor => GateKind::Or,
                GateKind::Xor => GateKind::Xnor,
                GateKind::Xnor => GateKind::Xor,
                _ => unreachable!("expressions have no other gates"),
            },
            pins,
        ),
    }
}

/// What waits on the operator stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Complement,
    Binary(GateKind, u8),
    /// `?` whose `:` has not come.
    Question,
    /// `?` and `:`.
    Choice,
    Parenthesis,
    /// `{` and how many of its items are complete.
    Brace(usize),
}

impl Operator {
    /// Higher binds tighter; what encloses binds not at all.
    fn precedence(self) -> u8 {
        match self {
            Operator::Complement => 9,
            Operator::Binary(_, precedence) => precedence,
            Operator::Choice => 1,
            Operator::Question | Operator::Parenthesis | Operator::Brace(_) => 0,
        }
    }
}

fn binary_operator(lexeme: Lexeme<'_>) -> Option<Operator> {
    let (kind, precedence) = match lexeme.token.text {
        _ if lexeme.shape != Shape::Symbol => return None,
        "&" => (GateKind::And, 8),
        "^" => (GateKind::Xor, 7),
        "~^" | "^~" => (GateKind::Xnor, 7),
        "|" => (GateKind::Or, 6),
        "&&" => (GateKind::And, 5),
        "||" => (GateKind::Or, 4),
        _ => return None,
    };
    Some(Operator::Binary(kind, precedence))
}

/// The two stacks of an expression that is being read.
#[derive(Default)]
struct Stacks {
    /// Vectors, least significant bit first.
    operands: Vec<Vec<Bit>>,
    operators: Vec<(Operator, usize)>,
}

impl<'a> Module<'a> {
    /// Reads an expression up to the first lexeme that cannot belong to it; bits come least
    /// significant first.
    pub(super) fn expression(&mut self) -> Result<Vec<Bit>> {
        let mut stacks = Stacks::default();
        loop {
            self.operand(&mut stacks)?;
            if !self.operators(&mut stacks)? {
                break;
            }
        }
        self.reduce(&mut stacks, 1)?;
        match stacks.operators.last() {
            None => Ok(stacks.operands.pop().expect("an expression has an operand")),
            Some((Operator::Question, _)) => Err(self.unexpected("\":\"")),
            Some((Operator::Brace(_), _)) => Err(self.unexpected("\",\" or \"}\"")),
            Some(_) => Err(self.unexpected("an operator or \")\"")),
        }
    }

    /// Prefixes and then an operand.
    fn operand(&mut self, stacks: &mut Stacks) -> Result<()> {
        loop {
            let lexeme = self.lexer.peek();
            let offset = lexeme.token.offset;
            let prefix = match (lexeme.shape, lexeme.token.text) {
                (Shape::Symbol, "~" | "!") => Operator::Complement,
                (Shape::Symbol, "(") => Operator::Parenthesis,
                (Shape::Symbol, "{") => Operator::Brace(0),
                (Shape::Word | Shape::Escaped, _) => {
                    let bits = self.reference()?;
                    stacks.operands.push(bits);
                    return Ok(());
                }
                (Shape::Number, _) => {
                    let bits = self.number(lexeme.token)?;
                    self.lexer.take()?;
                    stacks.operands.push(bits);
                    return Ok(());
                }
                _ => return Err(self.unexpected("a net, a constant, ~ or \"(\"")),
            };
            self.lexer.take()?;
            stacks.operators.push((prefix, offset));
        }
    }

    /// Closing marks and then an operator; false where the expression ends.
    fn operators(&mut self, stacks: &mut Stacks) -> Result<bool> {
        loop {
            let lexeme = self.lexer.peek();
            let offset = lexeme.token.offset;
            if let Some(operator) = binary_operator(lexeme) {
                self.reduce(stacks, operator.precedence())?;
                stacks.operators.push((operator, offset));
                self.lexer.take()?;
                return Ok(true);
            }
            if lexeme.is("?") {
                // Only what binds tighter: choices nest to the right.
                self.reduce(stacks, 2)?;
                stacks.operators.push((Operator::Question, offset));
                self.lexer.take()?;
                return Ok(true);
            }
            if !matches!(lexeme.token.text, ":" | "," | ")" | "}") || lexeme.shape != Shape::Symbol
            {
                return Ok(false);
            }
            self.reduce(stacks, 1)?;
            let top = stacks.operators.last_mut().map(|(operator, _)| operator);
            match (lexeme.token.text, top) {
                (":", Some(top @ Operator::Question)) => *top = Operator::Choice,
                (",", Some(Operator::Brace(items))) => *items += 1,
                (")", Some(Operator::Parenthesis)) => {
                    stacks.operators.pop();
                    self.lexer.take()?;
                    continue;
                }
                ("}", Some(Operator::Brace(items))) => {
                    let start = stacks.operands.len() - 1 - *items;
                    let items = stacks.operands.split_off(start);
                    let bits: Vec<Bit> = items.into_iter().rev().flatten().collect();
                    self.charge(bits.len(), offset)?;
                    stacks.operands.push(bits);
                    stacks.operators.pop();
                    self.lexer.take()?;
                    continue;
                }
                _ => return Ok(false),
            }
            self.lexer.take()?;
            return Ok(true);
        }
    }

    /// Applies the operators on the stack that bind at least as tightly as `precedence`.
    fn reduce(&mut self, stacks: &mut Stacks, precedence: u8) -> Result<()> {
        while let Some(&(operator, offset)) = stacks.operators.last()
            && operator.precedence() >= precedence
        {
            stacks.operators.pop();
            let mut operand = || stacks.operands.pop().expect("an operator has its operands");
            let bits = match operator {
                Operator::Complement => operand().into_iter().map(complement).collect(),
                Operator::Binary(kind, _) => {
                    let (right, left) = (operand(), operand());
                    self.binary(kind, left, right, offset)?
                }
                Operator::Choice => {
                    let (otherwise, then, select) = (operand(), operand(), operand());
                    self.choice(select, then, otherwise, offset)?
                }
                _ => unreachable!("what encloses has precedence 0"),
            };
            self.charge(bits.len(), offset)?;
            stacks.operands.push(bits);
        }
        Ok(())
    }

    fn binary(
        &mut self,
        kind: GateKind,
        left: Vec<Bit>,
        right: Vec<Bit>,
        offset: usize,
    ) -> Result<Vec<Bit>> {
        self.require_width(left.len(), right.len(), offset)?;
        let pairs = left.into_iter().zip(right);
        pairs.map(|(left, right)| self.gates.binary(kind, left, right, offset)).collect()
    }

    fn choice(
        &mut self,
        mut select: Vec<Bit>,
        then: Vec<Bit>,
        otherwise: Vec<Bit>,
        offset: usize,
    ) -> Result<Vec<Bit>> {
        self.require_width(1, select.len(), offset)?;
        self.require_width(then.len(), otherwise.len(), offset)?;
        let select = self.gates.pin(select.pop().expect("one bit"), offset)?;
        let mut bits = Vec::with_capacity(then.len());
        for (then, otherwise) in then.into_iter().zip(otherwise) {
            let otherwise = self.gates.pin(otherwise, offset)?;
            let then = self.gates.pin(then, offset)?;
            bits.push(Bit::Gate(GateKind::Mux, vec![select, otherwise, then]));
        }
        Ok(bits)
    }

    fn require_width(&self, expected: usize, found: usize, offset: usize) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        let expected = format!("operands of equal width, {expected} bits");
        Err(self.source.error(offset, expected, format!("{found}")))
    }

    /// A name, perhaps with `[3]` or `[3:0]` behind it.
    fn reference(&mut self) -> Result<Vec<Bit>> {
        let name = self.lexer.take()?.token;
        let signal = match self.by_name.get(name.text) {
            Some(&signal) => signal,
            None => self.create(name, None, None)?,
        };
        if !self.lexer.is("[") {
            return self.whole(name, signal);
        }
        let offset = self.lexer.take()?.token.offset;
        let left = self.index()?;
        let right = if self.lexer.is(":") {
            self.lexer.take()?;
            self.index()?
        } else {
            left
        };
        self.expect("]")?;
        self.select(name, signal, (left, right), offset)
    }

    /// All bits of a signal.
    pub(super) fn whole(&mut self, name: Token<'a>, signal: usize) -> Result<Vec<Bit>> {
        match self.signals[signal].range {
            Some(range) => self.select(name, signal, (range.left, range.right), name.offset),
            None => {
                let net = self.signals[signal].nets[0];
                self.gates.netlist.mention(net, name.offset);
                Ok(vec![Bit::Pin(net.into())])
            }
        }
    }

    fn select(
        &mut self,
        name: Token<'a>,
        signal: usize,
        (left, right): (usize, usize),
        offset: usize,
    ) -> Result<Vec<Bit>> {
        let range = self.signals[signal].range;
        let (low, high) = (left.min(right), left.max(right));
        let width = range.map_or(0, |range| range.width());
        let base = range.map_or(0, |range| range.low());
        let is_reversed = range.is_some_and(|range| range.left < range.right);
        if low < base || high - base >= width {
            return Err(self.outside(name, range, (left, right), offset));
        }
        self.charge(high - low + 1, name.offset)?;
        let mut bits = Vec::with_capacity(high - low + 1);
        for &net in &self.signals[signal].nets[low - base..=high - base] {
            self.gates.netlist.mention(net, name.offset);
            bits.push(Bit::Pin(net.into()));
        }
        if is_reversed {
            bits.reverse();
        }
        Ok(bits)
    }

    fn outside(
        &self,
        name: Token<'a>,
        range: Option<Range>,
        (left, right): (usize, usize),
        offset: usize,
    ) -> Error {
        let expected = match range {
            None => format!("no index, as {} is a single net", quote(name.text)),
            Some(range) => format!("an index within [{}:{}]", range.left, range.right),
        };
        let found = if left == right { format!("[{left}]") } else { format!("[{left}:{right}]") };
        self.source.error(offset, expected, found).hint(
            "a vector is declared before it is used; a name that holds brackets begins with a backslash",
        )
    }

    /// `1'b0`, `4'hF`, or an unsized 0 or 1, which is one bit.
    fn number(&mut self, token: Token<'a>) -> Result<Vec<Bit>> {
        let error = |expected: &str| self.source.error(token.offset, expected, quote(token.text));
        let Some((width, digits)) = token.text.split_once('\'') else {
            return match token.text {
                "0" => Ok(vec![Bit::Constant(false)]),
                "1" => Ok(vec![Bit::Constant(true)]),
                _ => Err(error("a constant with its width, such as 1'b0")),
            };
        };
        let width = if width.is_empty() { Ok(1) } else { width.parse::<u32>() };
        let mut digits = digits.chars();
        let bits_per_digit = match digits.next() {
            Some('b' | 'B') => 1,
            Some('o' | 'O') => 3,
            Some('h' | 'H') => 4,
            Some('d' | 'D') if matches!(digits.as_str(), "0" | "1") => 1,
            _ => return Err(error("a binary, octal or hexadecimal constant such as 1'b0")),
        };
        let Ok(width) = width else { return Err(error("a width in bits")) };
        let (bits, has_unknown) = digit_bits(digits.as_str(), bits_per_digit)
            .ok_or_else(|| error("digits of the constant's base"))?;
        let width = width as usize;
        if width == 0 || bits.iter().skip(width).any(|bit| *bit) {
            return Err(error("a constant that fits its width"));
        }
        self.charge(width, token.offset)?;
        self.gates.has_unknown |= has_unknown;
        Ok((0..width).map(|i| Bit::Constant(bits.get(i).copied().unwrap_or(false))).collect())
    }
}

/// The bits of the digits, least significant first, and whether there was an x or z among them.
fn digit_bits(digits: &str, bits_per_digit: usize) -> Option<(Vec<bool>, bool)> {
    let mut bits = Vec::new();
    let mut has_unknown = false;
    for digit in digits.chars().rev().filter(|&digit| digit != '_') {
        let is_unknown = matches!(digit, 'x' | 'X' | 'z' | 'Z' | '?');
        has_unknown |= is_unknown;
        let value = if is_unknown { 0 } else { digit.to_digit(1 << bits_per_digit)? };
        bits.extend((0..bits_per_digit).map(|i| value >> i & 1 == 1));
    }
    (!bits.is_empty()).then_some((bits, has_unknown))
}
