//! Structural Verilog: one module of gate primitives and `assign` expressions.
//!
//! As ISCAS files write it (`nand NAND2_1 (out, a, b);`), as the EPFL files do (escaped names, `assign`),
//! and as yosys and ABC print netlists. Expressions take `~ ! & | ^ ~^ && || ?:`, concatenations, bit
//! and part selects and constants. The bits of a vector `a` are named `a[0]`, `a[1]`, … and come in
//! ascending order of their index, whichever way the range is written. Ports keep the order of the
//! module's port list. Behaviour (`always`), instances of modules and delays have no place in a circuit:
//! the first two are errors, delays are skipped.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::cursor::{Source, Token, quote};
use super::netlist::{Net, Pin};
use super::{Format, Loaded};
use crate::circuit::GateKind;
use crate::error::{Error, Result};
use expression::{Bit, Gates};
use lexer::{Lexeme, Lexer, Shape};

mod expression;
mod lexer;
mod write;

pub use write::write;

/// The most bits that all declarations, operands and operators of a file may amount to, beyond one for
/// each byte of its text, so that a short text cannot ask for a vector of 10^9 bits.
const MAX_BITS: usize = 1 << 20;

const HINT: &str =
    "synthesise to gates first, in yosys: synth -flatten; abc -g AND,OR,XOR; write_verilog -noattr";

/// Reads a Verilog file.
///
/// # Errors
/// The text is no structural module, or no circuit: at the place, with what was expected.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    let source = Source::new(bytes, file)?;
    let mut module = Module {
        source,
        lexer: Lexer::new(source)?,
        gates: Gates::new(source),
        by_name: HashMap::new(),
        signals: Vec::new(),
        ports: Vec::new(),
        declared: Vec::new(),
        n_bits: 0,
        notes: Vec::new(),
    };
    module.read()?;
    module.finish()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Input,
    Output,
    Inout,
}

/// The indices `[left:right]` of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    left: usize,
    right: usize,
}

impl Range {
    fn low(self) -> usize {
        self.left.min(self.right)
    }

    fn width(self) -> usize {
        self.left.abs_diff(self.right).saturating_add(1)
    }
}

/// A declared or implied net or vector.
#[derive(Debug)]
struct Signal {
    range: Option<Range>,
    /// In ascending order of the index.
    nets: Vec<Net>,
    direction: Option<Direction>,
}

struct Module<'a> {
    source: Source<'a>,
    lexer: Lexer<'a>,
    gates: Gates<'a>,
    by_name: HashMap<&'a str, usize>,
    signals: Vec<Signal>,
    ports: Vec<Token<'a>>,
    /// Names that were declared with a direction.
    declared: Vec<Token<'a>>,
    n_bits: usize,
    notes: Vec<String>,
}

impl<'a> Module<'a> {
    fn read(&mut self) -> Result<()> {
        self.expect_word("module")?;
        self.name("the module's name")?;
        if self.lexer.is("(") {
            self.port_list()?;
        }
        self.expect(";")?;
        while !self.lexer.is("endmodule") {
            self.item()?;
        }
        self.lexer.take()?;
        match self.lexer.peek().shape {
            Shape::End => Ok(()),
            _ => Err(self.unexpected("one module, and the end of the file").hint(HINT)),
        }
    }

    /// `(a, b)`, or `(input [3:0] a, output b)`.
    fn port_list(&mut self) -> Result<()> {
        self.lexer.take()?;
        let mut header: Option<(Direction, Option<Range>)> = None;
        while !self.lexer.is(")") {
            if let Some(direction) = direction(self.lexer.peek()) {
                self.lexer.take()?;
                self.skip_net_type()?;
                header = Some((direction, self.range()?));
            }
            let name = self.name("a port")?;
            self.ports.push(name);
            if let Some((direction, range)) = header {
                self.declare(name, range, Some(direction))?;
            }
            if !self.lexer.is(")") {
                self.expect(",")?;
            }
        }
        self.lexer.take()?;
        Ok(())
    }

    fn item(&mut self) -> Result<()> {
        let first = self.lexer.peek();
        if first.shape == Shape::Word {
            if let Some(direction) = direction(first) {
                self.lexer.take()?;
                self.skip_net_type()?;
                return self.declaration(Some(direction), None);
            }
            if let Some(kind) = primitive(first.token.text) {
                self.lexer.take()?;
                return self.primitives(kind);
            }
            match first.token.text {
                "wire" | "tri" | "supply0" | "supply1" => {
                    self.lexer.take()?;
                    let value = match first.token.text {
                        "supply0" => Some(false),
                        "supply1" => Some(true),
                        _ => None,
                    };
                    return self.declaration(None, value);
                }
                "assign" => {
                    self.lexer.take()?;
                    return self.assignments();
                }
                _ => {}
            }
        }
        let error = self.unexpected("a declaration, a gate primitive, assign or endmodule");
        Err(if first.shape == Shape::End { error } else { error.hint(HINT) })
    }

    /// `wire`, `reg` and `signed` behind a direction say nothing about a circuit.
    fn skip_net_type(&mut self) -> Result<()> {
        while ["wire", "reg", "tri", "logic", "signed"].iter().any(|word| self.lexer.is(word)) {
            self.lexer.take()?;
        }
        Ok(())
    }

    /// `[3:0] a, b = c & d;`, a declaration behind its first word.
    fn declaration(&mut self, direction: Option<Direction>, value: Option<bool>) -> Result<()> {
        self.skip_net_type()?;
        let range = self.range()?;
        loop {
            let name = self.name("a name")?;
            let signal = self.declare(name, range, direction)?;
            if let Some(value) = value {
                for &net in &self.signals[signal].nets {
                    self.gates.netlist.gate(net, GateKind::Const(value), &[], name.offset)?;
                }
            }
            if self.lexer.is("=") {
                self.lexer.take()?;
                let target = self.whole(name, signal)?;
                self.assign(&target, name.offset)?;
            }
            if self.lexer.is(";") {
                self.lexer.take()?;
                return Ok(());
            }
            self.expect(",")?;
        }
    }

    /// The index of the signal, new or declared before in part.
    fn declare(
        &mut self,
        name: Token<'a>,
        range: Option<Range>,
        direction: Option<Direction>,
    ) -> Result<usize> {
        if direction.is_some() {
            self.declared.push(name);
        }
        let Some(&id) = self.by_name.get(name.text) else {
            return self.create(name, range, direction);
        };
        let signal = &mut self.signals[id];
        if signal.range != range {
            let found = format!("another for {}", quote(name.text));
            return Err(self.source.error(
                name.offset,
                "the range of the declaration before",
                found,
            ));
        }
        if direction.is_some() && signal.direction.is_some() {
            let found = format!("a second for {}", quote(name.text));
            return Err(self.source.error(name.offset, "one direction for each port", found));
        }
        signal.direction = signal.direction.or(direction);
        Ok(id)
    }

    fn create(
        &mut self,
        name: Token<'a>,
        range: Option<Range>,
        direction: Option<Direction>,
    ) -> Result<usize> {
        self.charge(range.map_or(1, Range::width), name.offset)?;
        let netlist = &mut self.gates.netlist;
        let nets = match range {
            None => vec![netlist.declare(Cow::Borrowed(name.text), name.offset)],
            Some(range) => (range.low()..range.low() + range.width())
                .map(|index| {
                    netlist.declare(Cow::Owned(format!("{}[{index}]", name.text)), name.offset)
                })
                .collect(),
        };
        self.signals.push(Signal { range, nets, direction });
        self.by_name.insert(name.text, self.signals.len() - 1);
        Ok(self.signals.len() - 1)
    }

    /// Counts bits against [`MAX_BITS`].
    fn charge(&mut self, n_bits: usize, offset: usize) -> Result<()> {
        self.n_bits = self.n_bits.saturating_add(n_bits);
        let most = MAX_BITS + self.source.text().len();
        if self.n_bits <= most {
            return Ok(());
        }
        let expected = format!("at most {most} bits in all declarations and operands");
        Err(self.source.error(offset, expected, format!("{}", self.n_bits)))
    }

    /// `[left:right]`, if there is one.
    fn range(&mut self) -> Result<Option<Range>> {
        if !self.lexer.is("[") {
            return Ok(None);
        }
        self.lexer.take()?;
        let left = self.index()?;
        self.expect(":")?;
        let right = self.index()?;
        self.expect("]")?;
        Ok(Some(Range { left, right }))
    }

    fn index(&mut self) -> Result<usize> {
        let number = self.lexer.peek();
        match number.token.text.parse::<u32>() {
            Ok(index) if number.shape == Shape::Number => {
                self.lexer.take()?;
                Ok(index as usize)
            }
            _ => Err(self.unexpected("an index")),
        }
    }

    /// Instances of one primitive, behind its name: `NAND2_1 (out, a, b), NAND2_2 (…);`.
    fn primitives(&mut self, kind: GateKind) -> Result<()> {
        self.skip_delay()?;
        loop {
            if !self.lexer.is("(") {
                self.name("an instance name or \"(\"")?;
            }
            let offset = self.lexer.peek().token.offset;
            self.expect("(")?;
            let mut pins = Vec::new();
            loop {
                pins.push(self.terminal()?);
                if self.lexer.is(")") {
                    break;
                }
                self.expect(",")?;
            }
            self.lexer.take()?;
            self.connect(kind, &pins, offset)?;
            if self.lexer.is(";") {
                self.lexer.take()?;
                return Ok(());
            }
            self.expect(",")?;
        }
    }

    /// One connection of a primitive: a single bit, and where it stands.
    fn terminal(&mut self) -> Result<(Bit, usize)> {
        let offset = self.lexer.peek().token.offset;
        let mut bits = self.expression()?;
        match (bits.pop(), bits.len()) {
            (Some(bit), 0) => Ok((bit, offset)),
            (_, more) => {
                let found = format!("{} bits", more + 1);
                Err(self.source.error(offset, "a single bit", found))
            }
        }
    }

    /// Outputs first: buffers and inverters drive all terminals but the last, other gates the first.
    fn connect(&mut self, kind: GateKind, pins: &[(Bit, usize)], offset: usize) -> Result<()> {
        let is_copy = matches!(kind, GateKind::Buf | GateKind::Not);
        if pins.len() < 2 {
            return Err(self.source.error(
                offset,
                "an output and at least one input",
                "one terminal",
            ));
        }
        let (outputs, inputs) = pins.split_at(if is_copy { pins.len() - 1 } else { 1 });
        let mut fanins = Vec::with_capacity(inputs.len());
        for (bit, offset) in inputs {
            fanins.push(self.gates.pin(bit.clone(), *offset)?);
        }
        for (bit, offset) in outputs {
            let net = self.target(bit, *offset)?;
            self.gates.netlist.gate(net, kind, &fanins, *offset)?;
        }
        Ok(())
    }

    fn target(&self, bit: &Bit, offset: usize) -> Result<Net> {
        match bit {
            Bit::Pin(Pin { net, complemented: false }) => Ok(*net),
            _ => Err(self.source.error(offset, "a net to drive", "an expression")),
        }
    }

    /// `#1`, `#1.5` or `#(1, 2)`.
    fn skip_delay(&mut self) -> Result<()> {
        if !self.lexer.is("#") {
            return Ok(());
        }
        self.lexer.take()?;
        if !self.lexer.take()?.is("(") {
            return Ok(());
        }
        loop {
            match self.lexer.take()? {
                lexeme if lexeme.shape == Shape::End => return Err(self.unexpected("\")\"")),
                lexeme if lexeme.is(")") => return Ok(()),
                _ => {}
            }
        }
    }

    /// `x = a & b, y = c;`, behind `assign`.
    fn assignments(&mut self) -> Result<()> {
        self.skip_delay()?;
        loop {
            let offset = self.lexer.peek().token.offset;
            let target = self.expression()?;
            self.expect("=")?;
            self.assign(&target, offset)?;
            if self.lexer.is(";") {
                self.lexer.take()?;
                return Ok(());
            }
            self.expect(",")?;
        }
    }

    /// Reads the right side of an assignment and lets it drive `target`.
    fn assign(&mut self, target: &[Bit], offset: usize) -> Result<()> {
        let right = self.lexer.peek().token.offset;
        let bits = self.expression()?;
        if bits.len() != target.len() {
            let (expected, found) = (format!("{} bits", target.len()), bits.len().to_string());
            return Err(self.source.error(right, expected, found));
        }
        for (target, bit) in target.iter().zip(bits) {
            let net = self.target(target, offset)?;
            self.gates.drive(net, bit, offset)?;
        }
        Ok(())
    }

    fn name(&mut self, expected: &str) -> Result<Token<'a>> {
        match self.lexer.peek().shape {
            Shape::Word | Shape::Escaped => Ok(self.lexer.take()?.token),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if !self.lexer.is(symbol) {
            return Err(self.unexpected(&format!("{symbol:?}")));
        }
        self.lexer.take().map(|_| ())
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if !self.lexer.is(word) {
            return Err(self.unexpected(word).hint(HINT));
        }
        self.lexer.take().map(|_| ())
    }

    fn unexpected(&self, expected: &str) -> Error {
        let found = self.lexer.peek();
        let text = match found.shape {
            Shape::End => "the end of the file".to_string(),
            _ => quote(found.token.text),
        };
        self.source.error(found.token.offset, expected, text)
    }

    fn finish(mut self) -> Result<Loaded> {
        let ports: HashSet<&str> = self.ports.iter().map(|port| port.text).collect();
        if let Some(name) = self.declared.iter().find(|name| !ports.contains(name.text)) {
            let found = quote(name.text);
            return Err(self.source.error(name.offset, "a name from the port list", found));
        }
        for port in std::mem::take(&mut self.ports) {
            let signal = self.by_name.get(port.text).map(|&id| &self.signals[id]);
            let Some((signal, direction)) = signal.and_then(|s| Some((s, s.direction?))) else {
                let found = format!("none for {}", quote(port.text));
                return Err(self.source.error(port.offset, "input or output for each port", found));
            };
            let netlist = &mut self.gates.netlist;
            let is_input = match direction {
                Direction::Input => true,
                Direction::Output => false,
                Direction::Inout => !signal.nets.iter().any(|&net| netlist.is_driven(net)),
            };
            if direction == Direction::Inout {
                let role = if is_input { "input" } else { "output" };
                self.notes
                    .push(format!("the inout port {} is taken as an {role}", quote(port.text)));
            }
            for &net in &signal.nets {
                if is_input && netlist.is_driven(net) {
                    let found = format!("one for {}", quote(netlist.name(net)));
                    let offset = netlist.offset(net);
                    return Err(self.source.error(offset, "no driver for an input", found));
                } else if is_input {
                    netlist.input(net, port.offset)?;
                } else {
                    let name = netlist.shared_name(net);
                    netlist.output(name, net.into(), port.offset)?;
                }
            }
        }
        if self.gates.has_unknown {
            self.notes.push("constants x and z are read as 0".to_string());
        }
        let circuit = self.gates.netlist.finish()?;
        Ok(Loaded { circuit, format: Format::Verilog, notes: self.notes })
    }
}

fn direction(lexeme: Lexeme<'_>) -> Option<Direction> {
    match (lexeme.shape, lexeme.token.text) {
        (Shape::Word, "input") => Some(Direction::Input),
        (Shape::Word, "output") => Some(Direction::Output),
        (Shape::Word, "inout") => Some(Direction::Inout),
        _ => None,
    }
}

fn primitive(word: &str) -> Option<GateKind> {
    Some(match word {
        "and" => GateKind::And,
        "or" => GateKind::Or,
        "nand" => GateKind::Nand,
        "nor" => GateKind::Nor,
        "xor" => GateKind::Xor,
        "xnor" => GateKind::Xnor,
        "not" => GateKind::Not,
        "buf" => GateKind::Buf,
        _ => return None,
    })
}
