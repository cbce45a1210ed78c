//! The top module with all its instances, and theirs, as one netlist.
//!
//! A module is read anew for each instance, since its parameters decide its widths. Nets inside an
//! instance are named `instance.net`; ports are joined with the nets outside, not buffered.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use super::gates::{Bit, Gates};
use super::instance::{Connection, Instance};
use super::lexer::{Lexeme, Shape};
use super::modules::{self, Direction, Module};
use super::number::Value;
use super::range::Range;
use super::{HINT, write};
use crate::circuit::{Circuit, GateKind};
use crate::error::{Error, Result};
use crate::format::cursor::{Source, Token, quote};
use crate::format::nets::{Net, Pin};

/// The most bits that all declarations, operands and operators of a file may amount to, beyond one for
/// each byte of its text, so that a short text cannot ask for a vector of 10^9 bits.
const MAX_BITS: usize = 1 << 20;

/// The most bytes of text that a hierarchy may have when written flat.
const MAX_SIZE: usize = 64 << 20;

/// A declared or implied net or vector.
#[derive(Debug)]
pub struct Signal {
    pub range: Option<Range>,
    /// Least significant first.
    pub pins: Vec<Pin>,
    pub direction: Option<Direction>,
    pub signed: bool,
    /// Whether `wire` or the like has declared it, not a direction alone.
    pub has_type: bool,
    pub offset: usize,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Entry {
    Parameter(Value, Range),
    /// An index into [`Scope::signals`].
    Signal(usize),
}

/// The names of the module that is being read, in one of its instances.
#[derive(Default)]
pub struct Scope<'a> {
    pub names: HashMap<&'a str, Entry>,
    pub signals: Vec<Signal>,
    /// The instance and a point, before the names of its nets.
    pub path: String,
    pub instance: Instance<'a>,
    /// How many parameters were declared.
    pub n_parameters: usize,
    /// Whether the parameters stand in the header, so that those below cannot be set from outside.
    pub has_header: bool,
}

/// A file that is being read into a netlist.
pub struct Elaboration<'l, 'a> {
    pub source: Source<'a>,
    lexemes: &'l [Lexeme<'a>],
    at: usize,
    pub modules: &'l [Module<'a>],
    pub by_name: HashMap<&'a str, usize>,
    pub gates: Gates<'a>,
    pub scope: Scope<'a>,
    /// Instances that have not been read.
    pub waiting: Vec<Instance<'a>>,
    n_bits: usize,
    size: usize,
    pub has_delays: bool,
}

/// The circuit of the module `top`, and what was left out or renamed.
///
/// # Errors
/// What the modules hold is no circuit, at the place, with what was expected.
pub fn elaborate<'a>(
    source: Source<'a>,
    lexemes: &[Lexeme<'a>],
    modules: &[Module<'a>],
    top: usize,
) -> Result<(Circuit, Vec<String>)> {
    let mut elaboration = Elaboration {
        source,
        lexemes,
        at: 0,
        modules,
        by_name: modules.iter().enumerate().map(|(m, module)| (module.name.text, m)).collect(),
        gates: Gates::new(source),
        scope: Scope::default(),
        waiting: vec![Instance { module: top, ..Instance::default() }],
        n_bits: 0,
        size: 0,
        has_delays: false,
    };
    elaboration.check_size(modules::flat_size(lexemes, modules, top), modules[top].name)?;
    let mut notes = Vec::new();
    while let Some(instance) = elaboration.waiting.pop() {
        let is_top = instance.parents.is_empty();
        elaboration.read(instance)?;
        if is_top {
            elaboration.ports(&mut notes)?;
        }
    }
    if elaboration.has_delays {
        notes.push("delays are left out".to_string());
    }
    let circuit = elaboration.gates.netlist.finish(&mut notes)?;
    Ok((circuit, notes))
}

impl<'l, 'a> Elaboration<'l, 'a> {
    pub fn peek(&self) -> Lexeme<'a> {
        self.lexemes[self.at]
    }

    /// The lexemes from here on.
    pub fn ahead(&self) -> &'l [Lexeme<'a>] {
        &self.lexemes[self.at..]
    }

    pub fn is(&self, text: &str) -> bool {
        self.peek().is(text)
    }

    /// Takes a lexeme. The end of the file is never behind it: a module ends before.
    pub fn take(&mut self) -> Lexeme<'a> {
        let taken = self.peek();
        self.at += 1;
        taken
    }

    /// Takes `text` if it is ahead.
    pub fn eat(&mut self, text: &str) -> bool {
        let is_ahead = self.is(text);
        self.at += usize::from(is_ahead);
        is_ahead
    }

    pub fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(&format!("{symbol:?}"))) }
    }

    /// A name that is no keyword.
    pub fn name(&mut self, expected: &str) -> Result<Token<'a>> {
        let name = self.peek();
        match name.shape {
            Shape::Word if write::is_keyword(name.token.text) => Err(self.unexpected(expected)),
            Shape::Word if name.token.text.starts_with('$') => Err(self.unexpected(expected)),
            Shape::Word | Shape::Escaped => Ok(self.take().token),
            _ => Err(self.unexpected(expected)),
        }
    }

    pub fn unexpected(&self, expected: &str) -> Error {
        let found = self.peek();
        self.source.error(found.token.offset, expected, found.quoted())
    }

    pub fn most_bits(&self) -> usize {
        MAX_BITS + self.source.text().len()
    }

    /// Counts bits against [`MAX_BITS`].
    pub fn charge(&mut self, n_bits: usize, offset: usize) -> Result<()> {
        self.n_bits = self.n_bits.saturating_add(n_bits);
        let most = self.most_bits();
        // A module may be read many times; its own text is charged in `read`.
        if self.n_bits <= most.saturating_add(self.size) {
            return Ok(());
        }
        let expected = format!("at most {most} bits in all declarations and operands");
        Err(self.source.error(offset, expected, self.n_bits.to_string()))
    }

    /// Holds what the hierarchy amounts to against [`MAX_SIZE`], before any of it is read.
    fn check_size(&self, size: usize, top: Token<'a>) -> Result<()> {
        if size <= MAX_SIZE.max(self.source.text().len()) {
            return Ok(());
        }
        let expected = format!("a hierarchy of at most {} MiB when flattened", MAX_SIZE >> 20);
        let found = format!("at least {} MiB", size >> 20);
        Err(self.source.error(top.offset, expected, found))
    }

    /// Counts bytes of text against [`MAX_SIZE`].
    pub fn charge_text(&mut self, n_bytes: usize, offset: usize) -> Result<()> {
        self.size = self.size.saturating_add(n_bytes);
        if self.size <= MAX_SIZE.max(self.source.text().len()) {
            return Ok(());
        }
        let expected = format!("a hierarchy of at most {} MiB when flattened", MAX_SIZE >> 20);
        Err(self.source.error(offset, expected, "a larger one"))
    }

    /// Reads a module for one instance.
    fn read(&mut self, instance: Instance<'a>) -> Result<()> {
        let module = &self.modules[instance.module];
        let lexemes = &self.lexemes[module.body.clone()];
        if !instance.parents.is_empty() {
            let n_bytes = lexemes.iter().map(|lexeme| lexeme.token.text.len() + 1).sum();
            self.charge_text(n_bytes, instance.offset)?;
        }
        let path = instance.path.clone();
        self.scope = Scope { path, instance, ..Scope::default() };
        self.at = module.body.start;
        self.header()?;
        while !self.is("endmodule") {
            self.item()?;
        }
        self.check_ports(module)?;
        self.check_overrides()
    }

    /// A name as a parameter or a signal, which it becomes where that is allowed.
    pub fn entry(&mut self, name: Token<'a>) -> Result<Entry> {
        if let Some(entry) = self.scope.names.get(name.text) {
            return Ok(entry.clone());
        }
        if !self.modules[self.scope.instance.module].takes_implicit {
            let expected = "a declared net, as `default_nettype none demands";
            return Err(self.source.error(name.offset, expected, quote(name.text)));
        }
        self.create(name, None, None).map(Entry::Signal)
    }

    /// A new signal. A port of an instance is the net that it is connected to.
    pub fn create(
        &mut self,
        name: Token<'a>,
        range: Option<Range>,
        direction: Option<Direction>,
    ) -> Result<usize> {
        let width = range.map_or(1, Range::width);
        self.charge(width, name.offset)?;
        let connection = match direction {
            Some(_) => self.scope.instance.connections.remove(name.text),
            None => None,
        };
        let pins = match connection {
            Some(connection) => self.joined(name, range, connection)?,
            None => self.new_pins(name, range, 0..width)?,
        };
        self.scope.signals.push(Signal {
            range,
            pins,
            direction,
            signed: false,
            has_type: false,
            offset: name.offset,
        });
        let signal = self.scope.signals.len() - 1;
        self.scope.names.insert(name.text, Entry::Signal(signal));
        Ok(signal)
    }

    /// Nets for the given places of a signal.
    fn new_pins(
        &mut self,
        name: Token<'a>,
        range: Option<Range>,
        places: std::ops::Range<usize>,
    ) -> Result<Vec<Pin>> {
        let path = self.scope.path.clone();
        let mut pins = Vec::with_capacity(places.len());
        for place in places {
            let net_name = match range {
                None if path.is_empty() => Cow::Borrowed(name.text),
                None => Cow::Owned(format!("{path}{}", name.text)),
                Some(range) => Cow::Owned(format!("{path}{}[{}]", name.text, range.index(place))),
            };
            if !path.is_empty() {
                self.charge_text(net_name.len(), name.offset)?;
            }
            pins.push(self.gates.netlist.declare(net_name, name.offset).into());
        }
        Ok(pins)
    }

    /// The bits of a port that is connected: those outside, as far as there are any.
    fn joined(
        &mut self,
        name: Token<'a>,
        range: Option<Range>,
        connection: Connection,
    ) -> Result<Vec<Pin>> {
        let width = range.map_or(1, Range::width);
        match connection {
            Connection::Input(value, offset) => {
                let bits = self.fitted(value, width, name, offset)?;
                bits.into_iter().map(|bit| self.gates.pin(bit)).collect()
            }
            Connection::Output(mut nets, offset) => {
                if nets.len() > width {
                    let expected = format!("at most {width} bits at output {}", quote(name.text));
                    let found = nets.len().to_string();
                    return Err(self.source.error(offset, expected, found));
                }
                nets.truncate(width);
                let mut pins: Vec<Pin> = nets.into_iter().map(Pin::from).collect();
                pins.extend(self.new_pins(name, range, pins.len()..width)?);
                Ok(pins)
            }
        }
    }

    /// The bits of a signal that are read.
    pub fn signal_bits(
        &mut self,
        name: Token<'a>,
        signal: usize,
        places: RangeInclusive<usize>,
    ) -> Vec<Bit> {
        let pins = &self.scope.signals[signal].pins[places];
        let netlist = &mut self.gates.netlist;
        pins.iter().for_each(|pin| netlist.mention(pin.net, name.offset));
        pins.iter().map(|&pin| self.gates.known(pin)).collect()
    }

    /// All bits of a signal that is read.
    pub fn read_signal(&mut self, name: Token<'a>, signal: usize) -> Result<Value> {
        let Signal { pins, signed, .. } = &self.scope.signals[signal];
        let (last, signed) = (pins.len() - 1, *signed);
        self.charge(last + 1, name.offset)?;
        let bits = self.signal_bits(name, signal, 0..=last);
        Ok(Value { bits, signed, is_unsized: false })
    }

    /// Every name in the port list has a direction, and every direction a name there.
    fn check_ports(&self, module: &Module<'a>) -> Result<()> {
        let mut listed = HashSet::new();
        for port in &module.ports {
            if !listed.insert(port.text) {
                let found = format!("{} a second time", quote(port.text));
                return Err(self.source.error(port.offset, "ports with different names", found));
            }
            let direction = match self.scope.names.get(port.text) {
                Some(Entry::Signal(signal)) => self.scope.signals[*signal].direction,
                _ => None,
            };
            if direction.is_none() {
                let found = format!("none for {}", quote(port.text));
                return Err(self.source.error(port.offset, "input or output for each port", found));
            }
        }
        let is_stray = |(name, entry): &(&&'a str, &Entry)| match entry {
            Entry::Signal(s) => {
                self.scope.signals[*s].direction.is_some() && !listed.contains(**name)
            }
            Entry::Parameter(..) => false,
        };
        let offset = |entry: &Entry| match entry {
            Entry::Signal(signal) => self.scope.signals[*signal].offset,
            Entry::Parameter(..) => 0,
        };
        let strays = self.scope.names.iter().filter(is_stray);
        match strays.min_by_key(|(_, entry)| offset(entry)) {
            None => Ok(()),
            Some((name, entry)) => {
                let expected = "a name from the port list";
                Err(self.source.error(offset(entry), expected, quote(name)))
            }
        }
    }

    /// The ports of the top module become those of the circuit, in ascending order of the index.
    fn ports(&mut self, notes: &mut Vec<String>) -> Result<()> {
        let module = &self.modules[self.scope.instance.module];
        let mut bits = Vec::new();
        for port in &module.ports {
            let Some(Entry::Signal(signal)) = self.scope.names.get(port.text) else { continue };
            let signal = &self.scope.signals[*signal];
            let mut pins = signal.pins.clone();
            if signal.range.is_some_and(|range| range.left < range.right) {
                pins.reverse();
            }
            let is_vector = signal.range.is_some();
            bits.extend(pins.into_iter().map(|pin| (*port, pin.net, signal.direction, is_vector)));
        }
        self.rename_scalars(&bits, notes);
        for (port, net, direction, _) in bits {
            let netlist = &mut self.gates.netlist;
            match direction {
                Some(Direction::Input) => netlist.input(net, port.offset)?,
                _ => {
                    netlist.output(netlist.shared_name(net), net.into(), port.offset);
                }
            }
        }
        Ok(())
    }

    /// A scalar port called `\k[2] ` is not bit 2 of a bus `k`, and gets another name than that.
    fn rename_scalars(
        &mut self,
        bits: &[(Token<'a>, Net, Option<Direction>, bool)],
        notes: &mut Vec<String>,
    ) {
        let netlist = &mut self.gates.netlist;
        let buses = bits.iter().filter(|(.., is_vector)| *is_vector);
        let mut taken: HashSet<String> =
            buses.map(|(_, net, ..)| netlist.name(*net).to_string()).collect();
        let scalars: Vec<_> = bits.iter().filter(|(.., is_vector)| !is_vector).collect();
        let free = scalars.iter().filter(|(port, ..)| !taken.contains(port.text));
        let free: Vec<String> = free.map(|(port, ..)| port.text.to_string()).collect();
        let clashing = scalars.iter().filter(|(port, ..)| taken.contains(port.text));
        let clashing: Vec<_> = clashing.map(|(port, net, ..)| (*port, *net)).collect();
        taken.extend(free);
        for (port, net) in clashing {
            let name = crate::format::names::vary(port.text, |name| taken.contains(name));
            let (old, new) = (quote(port.text), quote(&name));
            notes.push(format!("port \\{} is called {new}: {old} is a bit of a bus", port.text));
            netlist.rename(net, Cow::Owned(name.clone()));
            taken.insert(name);
        }
    }

    fn item(&mut self) -> Result<()> {
        let first = self.peek();
        let word = first.word();
        if let Some(direction) = Direction::of(word) {
            self.take();
            return self.declaration(Some(direction), None);
        }
        if let Some(kind) = primitive(word) {
            self.take();
            return self.primitives(kind);
        }
        match word {
            "wire" | "tri" | "uwire" | "logic" | "supply0" | "supply1" => {
                self.take();
                let value = match word {
                    "supply0" => Some(false),
                    "supply1" => Some(true),
                    _ => None,
                };
                self.declaration(None, value)
            }
            "assign" => {
                self.take();
                self.assignments()
            }
            "parameter" | "localparam" => {
                self.take();
                let is_open = word == "parameter" && !self.scope.has_header;
                self.parameters(is_open, ";")
            }
            _ if first.is(";") => {
                self.take();
                Ok(())
            }
            "inout" => Err(self.no_inout()),
            _ if write::is_keyword(word) => Err(self.no_item()),
            _ => match first.shape {
                Shape::Word | Shape::Escaped => self.instances(),
                _ => Err(self.no_item()),
            },
        }
    }

    pub fn no_item(&self) -> Error {
        let expected = "a declaration, a gate primitive, an instance, assign or endmodule";
        self.unexpected(expected).hint(HINT)
    }

    pub fn no_inout(&self) -> Error {
        self.unexpected("input or output, as a port of both directions needs a third value").hint(
            "split it into an input, an output and an enable, for example with iopadmap in yosys",
        )
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
