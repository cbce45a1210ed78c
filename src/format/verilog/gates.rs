//! Bits of expressions and the gates over them, constants folded.

use crate::circuit::GateKind;
use crate::error::Result;
use crate::format::cursor::Source;
use crate::format::nets::{Net, Nets, Pin};

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
    pub netlist: Nets<'a>,
    /// Where the gates that are made now come from.
    pub offset: usize,
    constants: [Option<Net>; 2],
}

impl<'a> Gates<'a> {
    pub fn new(source: Source<'a>) -> Self {
        Gates { netlist: Nets::new(source), offset: 0, constants: [None; 2] }
    }

    /// The bit as a fan-in.
    pub fn pin(&mut self, bit: Bit) -> Result<Pin> {
        match bit {
            Bit::Pin(pin) => Ok(pin),
            Bit::Constant(value) => self.constant(value).map(Pin::from),
            Bit::Gate(kind, pins) => {
                let net = self.netlist.anonymous(self.offset);
                self.netlist.gate(net, kind, &pins, self.offset)?;
                Ok(net.into())
            }
        }
    }

    fn constant(&mut self, value: bool) -> Result<Net> {
        if let Some(net) = self.constants[usize::from(value)] {
            return Ok(net);
        }
        let net = self.netlist.anonymous(self.offset);
        self.netlist.gate(net, GateKind::Const(value), &[], self.offset)?;
        self.constants[usize::from(value)] = Some(net);
        Ok(net)
    }

    /// The pin as a bit: a constant where its net is one.
    pub fn known(&self, pin: Pin) -> Bit {
        match self.constants.iter().position(|net| *net == Some(pin.net)) {
            Some(value) => Bit::Constant((value == 1) ^ pin.complemented),
            None => Bit::Pin(pin),
        }
    }

    /// The bit such that it can be read more than once: its gate is in the netlist.
    pub fn place(&mut self, bit: Bit) -> Result<Bit> {
        match bit {
            Bit::Gate(..) => self.pin(bit).map(Bit::Pin),
            bit => Ok(bit),
        }
    }

    /// The bits such that they can be read more than once.
    pub fn place_all(&mut self, bits: Vec<Bit>) -> Result<Vec<Bit>> {
        bits.into_iter().map(|bit| self.place(bit)).collect()
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

    /// AND, OR or XOR; chains of one kind become one wide gate.
    pub fn gate(&mut self, kind: GateKind, left: Bit, right: Bit) -> Result<Bit> {
        match (kind, left, right) {
            (GateKind::And, Bit::Constant(value), other)
            | (GateKind::And, other, Bit::Constant(value)) => {
                Ok(if value { other } else { Bit::Constant(false) })
            }
            (GateKind::Or, Bit::Constant(value), other)
            | (GateKind::Or, other, Bit::Constant(value)) => {
                Ok(if value { Bit::Constant(true) } else { other })
            }
            (_, Bit::Constant(value), other) | (_, other, Bit::Constant(value)) => {
                Ok(if value { complement(other) } else { other })
            }
            (kind, left, right) => {
                let mut pins = match left {
                    Bit::Gate(inner, pins) if inner == kind => pins,
                    other => vec![self.pin(other)?],
                };
                pins.push(self.pin(right)?);
                Ok(Bit::Gate(kind, pins))
            }
        }
    }

    /// Exclusive NOR, a gate of its own where both sides vary.
    pub fn xnor(&mut self, left: Bit, right: Bit) -> Result<Bit> {
        self.gate(GateKind::Xor, left, right).map(complement)
    }

    /// The AND, OR or XOR of all bits.
    pub fn reduce(&mut self, kind: GateKind, bits: Vec<Bit>) -> Result<Bit> {
        let mut bits = bits.into_iter();
        let first = bits.next().expect("a vector has a bit");
        bits.try_fold(first, |left, right| self.gate(kind, left, right))
    }

    /// `select ? then : otherwise`.
    pub fn choose(&mut self, select: Bit, then: Bit, otherwise: Bit) -> Result<Bit> {
        use GateKind::{And, Or};
        match (select, then, otherwise) {
            (Bit::Constant(value), then, otherwise) => Ok(if value { then } else { otherwise }),
            (_, Bit::Constant(a), Bit::Constant(b)) if a == b => Ok(Bit::Constant(a)),
            (select, Bit::Constant(true), otherwise) => self.gate(Or, select, otherwise),
            (select, Bit::Constant(false), otherwise) => {
                self.gate(And, complement(select), otherwise)
            }
            (select, then, Bit::Constant(false)) => self.gate(And, select, then),
            (select, then, Bit::Constant(true)) => self.gate(Or, complement(select), then),
            (select, then, otherwise) => {
                let select = self.pin(select)?;
                let otherwise = self.pin(otherwise)?;
                let then = self.pin(then)?;
                Ok(Bit::Gate(GateKind::Mux, vec![select, otherwise, then]))
            }
        }
    }

    fn majority(&mut self, a: Bit, b: Bit, c: Bit) -> Result<Bit> {
        match (a, b, c) {
            (Bit::Constant(value), x, y)
            | (x, Bit::Constant(value), y)
            | (x, y, Bit::Constant(value)) => {
                self.gate(if value { GateKind::Or } else { GateKind::And }, x, y)
            }
            (a, b, c) => {
                let pins = [self.pin(a)?, self.pin(b)?, self.pin(c)?];
                Ok(Bit::Gate(GateKind::Maj, pins.to_vec()))
            }
        }
    }

    /// The sum of two vectors of one width and a carry, modulo 2^width.
    pub fn add(&mut self, left: Vec<Bit>, right: Vec<Bit>, carry: bool) -> Result<Vec<Bit>> {
        let (left, right) = (self.place_all(left)?, self.place_all(right)?);
        let width = left.len();
        let mut carry = Bit::Constant(carry);
        let mut sum = Vec::with_capacity(width);
        for (i, (a, b)) in left.into_iter().zip(right).enumerate() {
            let partial = self.gate(GateKind::Xor, a.clone(), b.clone())?;
            sum.push(self.gate(GateKind::Xor, partial, carry.clone())?);
            if i + 1 < width {
                let next = self.majority(a, b, carry)?;
                carry = self.place(next)?;
            }
        }
        Ok(sum)
    }

    /// The difference of two vectors of one width, modulo 2^width.
    pub fn subtract(&mut self, left: Vec<Bit>, right: Vec<Bit>) -> Result<Vec<Bit>> {
        self.add(left, right.into_iter().map(complement).collect(), true)
    }

    /// The product of two vectors of one width, modulo 2^width.
    pub fn multiply(&mut self, left: Vec<Bit>, right: Vec<Bit>) -> Result<Vec<Bit>> {
        let (left, right) = (self.place_all(left)?, self.place_all(right)?);
        let width = left.len();
        let mut product = vec![Bit::Constant(false); width];
        for (shift, factor) in right.into_iter().enumerate() {
            if matches!(factor, Bit::Constant(false)) {
                continue;
            }
            let mut row = Vec::with_capacity(width - shift);
            for bit in &left[..width - shift] {
                row.push(self.gate(GateKind::And, bit.clone(), factor.clone())?);
            }
            let upper = product.split_off(shift);
            product.extend(self.add(upper, row, false)?);
        }
        Ok(product)
    }

    /// Whether `left` is below `right`, vectors of one width.
    pub fn less(&mut self, left: Vec<Bit>, right: Vec<Bit>, signed: bool) -> Result<Bit> {
        let last = left.len() - 1;
        let mut borrow = Bit::Constant(false);
        for (i, (a, b)) in left.into_iter().zip(right).enumerate() {
            // The sign bit counts the other way round.
            let (a, b) = if signed && i == last { (b, a) } else { (a, b) };
            let next = self.majority(complement(a), b, borrow)?;
            borrow = if i == last { next } else { self.place(next)? };
        }
        Ok(borrow)
    }

    /// Whether two vectors of one width are equal.
    pub fn equal(&mut self, left: Vec<Bit>, right: Vec<Bit>) -> Result<Bit> {
        let mut same = Vec::with_capacity(left.len());
        for (a, b) in left.into_iter().zip(right) {
            same.push(self.xnor(a, b)?);
        }
        self.reduce(GateKind::And, same)
    }

    /// The vector shifted by an unsigned amount; `fill` comes in.
    pub fn shift(
        &mut self,
        bits: Vec<Bit>,
        amount: Vec<Bit>,
        is_left: bool,
        fill: Bit,
    ) -> Result<Vec<Bit>> {
        let width = bits.len();
        let fill = self.place(fill)?;
        let mut bits = bits;
        let mut too_far = Bit::Constant(false);
        for (stage, select) in amount.into_iter().enumerate() {
            let distance = 1usize.checked_shl(stage as u32).filter(|&distance| distance < width);
            let Some(distance) = distance else {
                too_far = self.gate(GateKind::Or, too_far, select)?;
                continue;
            };
            let (select, from) = (self.place(select)?, self.place_all(bits)?);
            bits = Vec::with_capacity(width);
            for i in 0..width {
                let source =
                    if is_left { i.checked_sub(distance) } else { i.checked_add(distance) };
                let moved = source.and_then(|at| from.get(at)).unwrap_or(&fill).clone();
                bits.push(self.choose(select.clone(), moved, from[i].clone())?);
            }
        }
        let too_far = self.place(too_far)?;
        bits.into_iter().map(|bit| self.choose(too_far.clone(), fill.clone(), bit)).collect()
    }
}

/// The complement, without an inverter.
pub fn complement(bit: Bit) -> Bit {
    let flipped = |pins: Vec<Pin>, first: usize| {
        pins.into_iter().enumerate().map(|(i, pin)| pin.flip_if(i >= first)).collect()
    };
    match bit {
        Bit::Constant(value) => Bit::Constant(!value),
        Bit::Pin(pin) => Bit::Pin(pin.flip_if(true)),
        Bit::Gate(GateKind::Mux, pins) => Bit::Gate(GateKind::Mux, flipped(pins, 1)),
        Bit::Gate(GateKind::Maj, pins) => Bit::Gate(GateKind::Maj, flipped(pins, 0)),
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
