//! Headers, declarations of nets and parameters, and assignments.

use super::elaborate::{Elaboration, Entry, Signal};
use super::expression::{Kind, Node};
use super::gates::Bit;
use super::instance::Sent;
use super::lexer::Shape;
use super::modules::Direction;
use super::number::{UNSIZED, Value};
use super::range::Range;
use super::write;
use crate::circuit::GateKind;
use crate::error::{Error, Result};
use crate::format::cursor::{Token, quote};
use crate::format::nets::Net;

impl<'a> Elaboration<'_, 'a> {
    /// `#(parameter W = 4) (a, b);` or `(input [3:0] a, output b);`, behind the module's name.
    pub(super) fn header(&mut self) -> Result<()> {
        if self.eat("#") {
            self.expect("(")?;
            self.scope.has_header = true;
            while !self.eat(")") {
                let is_open = !self.is("localparam");
                if self.is("parameter") || self.is("localparam") {
                    self.take();
                }
                self.parameters(is_open, ")")?;
            }
        }
        if self.eat("(") {
            self.port_list()?;
        }
        self.expect(";")
    }

    fn port_list(&mut self) -> Result<()> {
        let mut header: Option<(Direction, bool, Option<Range>)> = None;
        if self.eat(")") {
            return Ok(());
        }
        loop {
            if self.is("inout") {
                return Err(self.no_inout());
            }
            if let Some(direction) = Direction::of(self.peek().word()) {
                self.take();
                let signed = self.net_type()?;
                header = Some((direction, signed, self.range()?));
            }
            if self.is(".") || self.is("{") {
                return Err(self.refuse("a name as a port, not an expression"));
            }
            let name = self.name("a port")?;
            if let Some((direction, signed, range)) = header {
                let signal = self.declare(name, range, Some(direction), false)?;
                self.scope.signals[signal].signed |= signed;
            }
            if self.eat(")") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.unexpected("\",\" or \")\""));
            }
        }
    }

    /// `wire signed` and the like, behind a direction or a type: whether `signed` is there.
    fn net_type(&mut self) -> Result<bool> {
        let mut signed = false;
        loop {
            match self.peek().word() {
                "signed" => signed = true,
                "wire" | "reg" | "tri" | "logic" | "uwire" => {}
                "vectored" | "scalared" | "unsigned" => {}
                _ => return Ok(signed),
            }
            self.take();
        }
    }

    /// `[3:0] a, b = c & d;`, a declaration behind its first word; `value` is a supply's.
    pub(super) fn declaration(
        &mut self,
        direction: Option<Direction>,
        value: Option<bool>,
    ) -> Result<()> {
        let signed = self.net_type()?;
        let range = self.range()?;
        self.delay()?;
        loop {
            let name = self.name("a name")?;
            let signal = self.declare(name, range, direction, direction.is_none())?;
            self.set_signed(name, signal, signed)?;
            if self.is("[") {
                return Err(self.refuse("a vector, as arrays are not read"));
            }
            if let Some(value) = value {
                for net in self.driven(name, signal, None)? {
                    self.gates.netlist.gate(net, GateKind::Const(value), &[], name.offset)?;
                }
            }
            if self.eat("=") {
                let target = self.driven(name, signal, None)?;
                self.assign(&target, name.offset)?;
            }
            if self.eat(";") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.unexpected("\",\" or \";\""));
            }
        }
    }

    /// A signal that was used before it is signed would count otherwise there.
    fn set_signed(&mut self, name: Token<'a>, signal: usize, signed: bool) -> Result<()> {
        let signal = &mut self.scope.signals[signal];
        let was_used = signal.direction.is_none() && signal.offset != name.offset;
        if signed && !signal.signed && was_used {
            let found = format!("signed for {} after its use", quote(name.text));
            return Err(self.source.error(name.offset, "signed where a net is declared", found));
        }
        signal.signed |= signed;
        Ok(())
    }

    /// The signal of a declaration, new or declared before in part.
    fn declare(
        &mut self,
        name: Token<'a>,
        range: Option<Range>,
        direction: Option<Direction>,
        has_type: bool,
    ) -> Result<usize> {
        let signal = match self.scope.names.get(name.text) {
            None => self.create(name, range, direction)?,
            Some(Entry::Signal(signal)) => {
                let signal = *signal;
                self.complete(name, signal, range, direction, has_type)?;
                signal
            }
            Some(Entry::Parameter(..)) => {
                return Err(self.taken(name, "a parameter"));
            }
        };
        self.scope.signals[signal].has_type |= has_type;
        Ok(signal)
    }

    fn taken(&self, name: Token<'a>, what: &str) -> Error {
        let found = format!("{}, which is {what}", quote(name.text));
        self.source.error(name.offset, "a name that is not taken", found)
    }

    /// Adds a direction or a type to a signal.
    fn complete(
        &mut self,
        name: Token<'a>,
        signal: usize,
        range: Option<Range>,
        direction: Option<Direction>,
        has_type: bool,
    ) -> Result<()> {
        let Signal { range: before, direction: known, has_type: had_type, .. } =
            self.scope.signals[signal];
        let source = self.source;
        let again = |expected: &str, what: &str| {
            let found = format!("{what} for {}", quote(name.text));
            Err(source.error(name.offset, expected, found))
        };
        if before != range {
            return again("the range of the declaration before", "another");
        }
        if direction.is_some() && known.is_some() {
            return again("one direction for each port", "a second");
        }
        if has_type && had_type {
            return again("one declaration for each net", "a second");
        }
        if let Some(direction) = direction {
            self.scope.signals[signal].direction = Some(direction);
            self.connect_late(name, signal, direction)?;
        }
        Ok(())
    }

    /// `parameter [3:0] A = 1, B = 2` up to `end`, which is taken if it is `;`.
    pub(super) fn parameters(&mut self, is_open: bool, end: &str) -> Result<()> {
        let kind = self.parameter_type()?;
        loop {
            let name = self.name("the name of a parameter")?;
            self.expect("=")?;
            let nodes = self.expression()?;
            let width = kind.range.map_or(0, Range::width);
            let mut value = self.evaluate(nodes, width)?;
            self.require_constant(&value, name)?;
            if is_open
                && let Some(other) = self.scope.instance.parameter(self.scope.n_parameters, name)
            {
                value = other;
            }
            self.scope.n_parameters += usize::from(is_open);
            let entry = self.converted(value, kind)?;
            if self.scope.names.insert(name.text, entry).is_some() {
                return Err(self.taken(name, "used or declared before"));
            }
            if end == ")" && self.is(")") {
                return Ok(());
            }
            if end == ";" && self.eat(";") {
                return Ok(());
            }
            self.expect(",")?;
            if end == ")" && (self.is("parameter") || self.is("localparam")) {
                return Ok(());
            }
        }
    }

    /// What stands between `parameter` and the name.
    fn parameter_type(&mut self) -> Result<ParameterType> {
        if self.is("real") || self.is("realtime") || self.is("time") {
            return Err(self.refuse("a parameter that is a vector or an integer"));
        }
        if self.eat("integer") {
            let range = Range { left: UNSIZED as i64 - 1, right: 0 };
            return Ok(ParameterType { signed: true, range: Some(range) });
        }
        let signed = self.eat("signed");
        Ok(ParameterType { signed, range: self.range()? })
    }

    fn require_constant(&self, value: &Value, name: Token<'a>) -> Result<()> {
        if value.bits.iter().all(|bit| matches!(bit, Bit::Constant(_))) {
            return Ok(());
        }
        let found = "one that nets decide";
        Err(self.source.error(name.offset, "a constant value of the parameter", found))
    }

    /// The value in the parameter's own type, or as it is where it has none.
    fn converted(&mut self, mut value: Value, kind: ParameterType) -> Result<Entry> {
        if let Some(range) = kind.range {
            let fill = match value.bits.last() {
                Some(sign) if value.signed => sign.clone(),
                _ => Bit::Constant(false),
            };
            value.bits.resize(range.width(), fill);
            value = Value { signed: kind.signed, is_unsized: false, ..value };
            return Ok(Entry::Parameter(value, range));
        }
        value.signed |= kind.signed;
        let range = Range { left: value.bits.len() as i64 - 1, right: 0 };
        Ok(Entry::Parameter(value, range))
    }

    /// `#1`, `#1.5` or `#(1, 2)`: how long a gate takes is no part of what it computes.
    pub(super) fn delay(&mut self) -> Result<()> {
        if !self.eat("#") {
            return Ok(());
        }
        self.has_delays = true;
        if !self.is("(") {
            let delay = self.take();
            return match delay.shape {
                Shape::Number | Shape::Word if !write::is_keyword(delay.token.text) => Ok(()),
                _ => Err(self.source.error(delay.token.offset, "a delay", delay.quoted())),
            };
        }
        let offset = self.peek().token.offset;
        let mut depth = 0usize;
        loop {
            let lexeme = self.take();
            match lexeme.token.text {
                "(" => depth += 1,
                ")" if depth == 1 => return Ok(()),
                ")" => depth -= 1,
                ";" | "endmodule" => {
                    return Err(self.source.error(
                        offset,
                        "\")\" behind the delays",
                        lexeme.quoted(),
                    ));
                }
                _ => {}
            }
        }
    }

    /// `x = a & b, y = c;`, behind `assign`.
    pub(super) fn assignments(&mut self) -> Result<()> {
        self.refuse_strength()?;
        self.delay()?;
        loop {
            let offset = self.peek().token.offset;
            let target = self.target()?;
            self.expect("=")?;
            self.assign(&target, offset)?;
            if self.eat(";") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.unexpected("an operator, \",\" or \";\""));
            }
        }
    }

    /// Reads the right side of an assignment and lets it drive `target`, least significant first.
    fn assign(&mut self, target: &[Net], offset: usize) -> Result<()> {
        let nodes = self.expression()?;
        let value = self.evaluate(nodes, target.len())?;
        for (&net, bit) in target.iter().zip(value.bits) {
            self.gates.drive(net, bit, offset)?;
        }
        Ok(())
    }

    /// The value of an expression on an input of `width` bits.
    ///
    /// # Errors
    /// The port is wider and the expression is one whose bits depend on that.
    pub(super) fn fitted(
        &mut self,
        sent: Sent,
        width: usize,
        port: Token<'a>,
        offset: usize,
    ) -> Result<Vec<Bit>> {
        let Sent { value: Value { mut bits, signed, .. }, is_plain } = sent;
        if bits.len() < width && !is_plain {
            let expected = format!("an expression of {width} bits for input {}", quote(port.text));
            let found = bits.len().to_string();
            return Err(self.source.error(offset, expected, found).hint(
                "tools differ on such a width: assign the expression to a wire of the port's width first",
            ));
        }
        let mut fill = Bit::Constant(false);
        if signed && let Some(sign) = bits.pop() {
            fill = self.gates.place(sign)?;
            bits.push(fill.clone());
        }
        bits.resize(width, fill);
        Ok(bits)
    }
}

/// Whether the bits of a tree are the same in every context, but for zeros or signs before them.
pub(super) fn is_plain(root: &Node) -> bool {
    match &root.kind {
        Kind::Leaf(_) | Kind::Concat(_) | Kind::Repeat(..) => true,
        Kind::Binary(operator, ..) => operator.is_one_bit(),
        Kind::Unary(operator, _) => {
            use super::expression::Unary::{Complement, Minus, Plus};
            !matches!(operator, Plus | Minus | Complement)
        }
        Kind::Choice(..) => false,
    }
}

/// A declared type.
#[derive(Debug, Clone, Copy)]
struct ParameterType {
    signed: bool,
    range: Option<Range>,
}
