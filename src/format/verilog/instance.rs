//! Gate primitives and instances of modules: who is connected to what.

use std::collections::HashMap;

use super::HINT;
use super::declare::is_plain;
use super::elaborate::{Elaboration, Entry, Signal};
use super::gates::Bit;
use super::lexer::{Lexeme, Shape};
use super::modules::{Direction, Module};
use super::number::Value;
use super::range::{Part, Select};
use crate::circuit::GateKind;
use crate::error::{Error, Result};
use crate::format::cursor::{Token, quote};
use crate::format::nets::{Net, Pin};

/// A value on an input, and whether its bits do not depend on the port's width.
#[derive(Debug, Clone)]
pub struct Sent {
    pub value: Value,
    pub is_plain: bool,
}

/// What a port is connected to, and where that stands.
#[derive(Debug, Clone)]
pub enum Connection {
    Input(Sent, usize),
    /// Nets that the port drives, least significant first.
    Output(Vec<Net>, usize),
}

/// A parameter that an instance sets, by its name or its position.
#[derive(Debug, Clone)]
pub struct Override<'a> {
    name: Option<Token<'a>>,
    value: Value,
    offset: usize,
    is_used: bool,
}

/// An instance of a module; the default is the top, which nothing is connected to.
#[derive(Debug, Clone, Default)]
pub struct Instance<'a> {
    pub module: usize,
    /// Its name and those around it, with a point behind each.
    pub path: String,
    pub connections: HashMap<&'a str, Connection>,
    pub offset: usize,
    /// The modules around it, the top first.
    pub parents: Vec<usize>,
    pub overrides: Vec<Override<'a>>,
}

impl<'a> Instance<'a> {
    /// The value that is set for parameter `index`, called `name`.
    pub fn parameter(&mut self, index: usize, name: Token<'a>) -> Option<Value> {
        let mut overrides = self.overrides.iter_mut().enumerate();
        let (_, found) = overrides.find(|(i, other)| match other.name {
            Some(other) => other.text == name.text,
            None => *i == index,
        })?;
        found.is_used = true;
        Some(found.value.clone())
    }
}

/// Words that say how strongly a gate drives.
const STRENGTHS: [&str; 13] = [
    "supply0", "supply1", "strong0", "strong1", "pull0", "pull1", "weak0", "weak1", "highz0",
    "highz1", "small", "medium", "large",
];

impl<'a> Elaboration<'_, 'a> {
    /// Instances of one primitive, behind its name: `NAND2_1 (out, a, b), NAND2_2 (…);`.
    pub(super) fn primitives(&mut self, kind: GateKind) -> Result<()> {
        self.refuse_strength()?;
        self.delay()?;
        loop {
            if !self.is("(") {
                self.name("an instance name or \"(\"")?;
            }
            self.refuse_array()?;
            let offset = self.peek().token.offset;
            self.expect("(")?;
            self.primitive(kind, offset)?;
            if self.eat(";") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.unexpected("\",\" or \";\""));
            }
        }
    }

    pub(super) fn refuse_strength(&self) -> Result<()> {
        match self.ahead() {
            [open, word, ..] if open.is("(") && STRENGTHS.contains(&word.word()) => {
                let found = word.quoted();
                let expected = "drivers without a strength";
                Err(self.source.error(word.token.offset, expected, found))
            }
            _ => Ok(()),
        }
    }

    fn refuse_array(&self) -> Result<()> {
        if self.is("[") {
            Err(self.refuse("a single instance, as arrays of them are not read"))
        } else {
            Ok(())
        }
    }

    /// The terminals of a primitive, outputs first: buffers and inverters drive all terminals but the
    /// last, other gates the first.
    fn primitive(&mut self, kind: GateKind, offset: usize) -> Result<()> {
        let n_terminals = terminals(self.ahead());
        if n_terminals < 2 {
            let expected = "an output and at least one input";
            return Err(self.source.error(offset, expected, "one terminal"));
        }
        let is_copy = matches!(kind, GateKind::Buf | GateKind::Not);
        let n_outputs = if is_copy { n_terminals - 1 } else { 1 };
        let mut outputs = Vec::with_capacity(n_outputs);
        for _ in 0..n_outputs {
            let offset = self.peek().token.offset;
            let nets = self.target()?;
            self.single(nets.len(), offset)?;
            outputs.push((nets[0], offset));
            self.expect(",")?;
        }
        let mut pins: Vec<Pin> = Vec::with_capacity(n_terminals - n_outputs);
        for k in n_outputs..n_terminals {
            let offset = self.peek().token.offset;
            let nodes = self.expression()?;
            let mut bits = self.evaluate(nodes, 0)?.bits;
            self.single(bits.len(), offset)?;
            pins.push(self.gates.pin(bits.remove(0))?);
            if !self.eat(if k + 1 < n_terminals { "," } else { ")" }) {
                return Err(self.unexpected("an operator, \",\" or \")\""));
            }
        }
        for (net, offset) in outputs {
            self.gates.netlist.gate(net, kind, &pins, offset)?;
        }
        Ok(())
    }

    fn single(&self, n_bits: usize, offset: usize) -> Result<()> {
        match n_bits {
            1 => Ok(()),
            _ => Err(self.source.error(offset, "a single bit", format!("{n_bits} bits"))),
        }
    }

    /// The nets that a name or a concatenation of names stands for on the left of an assignment, least
    /// significant first.
    pub(super) fn target(&mut self) -> Result<Vec<Net>> {
        let mut items: Vec<Vec<Net>> = Vec::new();
        let mut depth = 0usize;
        loop {
            while self.eat("{") {
                depth += 1;
            }
            let name = self.name("a net to drive")?;
            let select = self.target_select()?;
            let Entry::Signal(signal) = self.entry(name)? else {
                let found = format!("the parameter {}", quote(name.text));
                return Err(self.source.error(name.offset, "a net to drive", found));
            };
            items.push(self.driven(name, signal, select)?);
            while depth > 0 && self.eat("}") {
                depth -= 1;
            }
            if depth == 0 {
                break;
            }
            self.expect(",")?;
        }
        // The first item is the most significant.
        Ok(items.into_iter().rev().flatten().collect())
    }

    fn target_select(&mut self) -> Result<Option<Select>> {
        if !self.eat("[") {
            return Ok(None);
        }
        let first = self.constant_integer()?;
        let symbol = self.peek().token.text;
        if !matches!(symbol, ":" | "+:" | "-:") {
            self.expect("]")?;
            return Ok(Some(Select { first: None, last: first }));
        }
        self.take();
        let last = self.constant_integer()?;
        self.expect("]")?;
        Ok(Some(Select { first: Some((Part::of(symbol), first)), last }))
    }

    /// The nets of a signal or a part of it, to be driven.
    pub(super) fn driven(
        &mut self,
        name: Token<'a>,
        signal: usize,
        select: Option<Select>,
    ) -> Result<Vec<Net>> {
        let Signal { range, direction, .. } = self.scope.signals[signal];
        let places = match select {
            Some(select) => self.places(name, range, select)?,
            None => 0..=self.scope.signals[signal].pins.len() - 1,
        };
        if direction == Some(Direction::Input) {
            let found = format!("one for {}", quote(name.text));
            return Err(self.source.error(name.offset, "no driver for an input", found));
        }
        self.charge(places.clone().count(), name.offset)?;
        Ok(self.scope.signals[signal].pins[places].iter().map(|pin| pin.net).collect())
    }

    /// Instances of a module: `ha #(.W(4)) u0 (.a(x), .s(y)), u1 (…);`.
    pub(super) fn instances(&mut self) -> Result<()> {
        let name = self.peek();
        let Some(&module) = self.by_name.get(name.token.text) else { return Err(self.no_module()) };
        self.take();
        let overrides = self.overrides()?;
        loop {
            let label = self.name("the name of the instance")?;
            self.refuse_array()?;
            self.expect("(")?;
            let connections = self.connections(module, label)?;
            let mut parents = self.scope.instance.parents.clone();
            parents.push(self.scope.instance.module);
            self.refuse_recursion(module, name.token, &parents)?;
            let path = format!("{}{}.", self.scope.path, label.text);
            let kept = path.len() + parents.len() * size_of::<usize>();
            self.charge_text(kept, label.offset)?;
            let overrides = overrides.clone();
            let offset = label.offset;
            self.waiting.push(Instance { module, path, connections, offset, parents, overrides });
            if self.eat(";") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.unexpected("\",\" or \";\""));
            }
        }
    }

    fn no_module(&self) -> Error {
        match self.ahead().get(1).map(|behind| behind.shape) {
            Some(Shape::Word | Shape::Escaped | Shape::Symbol) => self
                .unexpected("a declaration, a gate primitive, assign, or a module of this file")
                .hint(HINT),
            _ => self.no_item(),
        }
    }

    fn refuse_recursion(&self, module: usize, name: Token<'a>, parents: &[usize]) -> Result<()> {
        if !parents.contains(&module) {
            return Ok(());
        }
        let found = format!("{} inside itself", quote(name.text));
        Err(self.source.error(name.offset, "modules that do not contain themselves", found))
    }

    /// `#(4, 2)` or `#(.W(4))`, if it is there.
    fn overrides(&mut self) -> Result<Vec<Override<'a>>> {
        let mut overrides = Vec::new();
        if !self.eat("#") {
            return Ok(overrides);
        }
        self.expect("(")?;
        while !self.eat(")") {
            let offset = self.peek().token.offset;
            let name =
                if self.eat(".") { Some(self.name("the name of a parameter")?) } else { None };
            if name.is_some() {
                self.expect("(")?;
            }
            let nodes = self.expression()?;
            let value = self.evaluate(nodes, 0)?;
            if !value.bits.iter().all(|bit| matches!(bit, Bit::Constant(_))) {
                let found = "one that nets decide";
                return Err(self.source.error(offset, "a constant for a parameter", found));
            }
            if name.is_some() {
                self.expect(")")?;
            }
            overrides.push(Override { name, value, offset, is_used: false });
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        self.check_mixture(&overrides)?;
        Ok(overrides)
    }

    fn check_mixture(&self, overrides: &[Override<'a>]) -> Result<()> {
        let mut names = std::collections::HashSet::new();
        let is_named = overrides.first().is_some_and(|first| first.name.is_some());
        for other in overrides {
            if other.name.is_some() != is_named {
                let expected = "parameters all by name or all by position";
                return Err(self.source.error(other.offset, expected, "both"));
            }
            if let Some(name) = other.name
                && !names.insert(name.text)
            {
                return Err(self.twice(name, "each parameter once"));
            }
        }
        Ok(())
    }

    fn twice(&self, name: Token<'a>, expected: &str) -> Error {
        let found = format!("{} a second time", quote(name.text));
        self.source.error(name.offset, expected, found)
    }

    /// Every parameter that the instance sets is one of the module's.
    pub(super) fn check_overrides(&self) -> Result<()> {
        let instance = &self.scope.instance;
        match instance.overrides.iter().find(|other| !other.is_used) {
            None => Ok(()),
            Some(other) => {
                let module = quote(self.modules[instance.module].name.text);
                let expected = format!("a parameter of {module} that can be set");
                let found = match other.name {
                    Some(name) => quote(name.text),
                    None => "one too many".to_string(),
                };
                Err(self.source.error(other.offset, expected, found))
            }
        }
    }

    /// `.a(x), .s(y))` or `x, y)`.
    fn connections(
        &mut self,
        module: usize,
        label: Token<'a>,
    ) -> Result<HashMap<&'a str, Connection>> {
        let module = &self.modules[module];
        let mut connections = HashMap::new();
        let mut seen = Vec::new();
        let is_named = self.is(".");
        if !is_named && !self.is(")") {
            let found = terminals(self.ahead());
            if found != module.ports.len() {
                let expected =
                    format!("{} ports of {}", module.ports.len(), quote(module.name.text));
                return Err(self.source.error(label.offset, expected, found.to_string()));
            }
        }
        while !self.eat(")") {
            let port = if is_named { self.named_port(module)? } else { module.ports[seen.len()] };
            if seen.contains(&port.text) {
                return Err(self.twice(port, "each port connected once"));
            }
            seen.push(port.text);
            let is_open = if is_named { self.is(")") } else { self.is(",") || self.is(")") };
            if !is_open {
                let connection = self.connection(module, port)?;
                connections.insert(port.text, connection);
            }
            if is_named {
                self.expect(")")?;
            }
            if !self.is(")") {
                if !self.eat(",") {
                    return Err(self.unexpected("an operator, \",\" or \")\""));
                }
                if is_named && !self.is(".") {
                    return Err(self.unexpected("\".\" and a port, as before"));
                }
            }
        }
        self.require_inputs(module, &connections, label)?;
        Ok(connections)
    }

    fn named_port(&mut self, module: &Module<'a>) -> Result<Token<'a>> {
        self.expect(".")?;
        let port = self.name("a port")?;
        if !module.ports.iter().any(|known| known.text == port.text) {
            let expected = format!("a port of {}", quote(module.name.text));
            return Err(self.source.error(port.offset, expected, quote(port.text)));
        }
        self.expect("(")?;
        Ok(port)
    }

    fn connection(&mut self, module: &Module<'a>, port: Token<'a>) -> Result<Connection> {
        let offset = self.peek().token.offset;
        match module.directions.get(port.text) {
            Some(Direction::Input) => {
                let nodes = self.expression()?;
                let is_plain = nodes.last().is_some_and(is_plain);
                let mut value = self.evaluate(nodes, 0)?;
                value.bits = self.gates.place_all(value.bits)?;
                Ok(Connection::Input(Sent { value, is_plain }, offset))
            }
            Some(Direction::Output) => Ok(Connection::Output(self.target()?, offset)),
            None => {
                let expected = format!("input or output for port {}", quote(port.text));
                Err(self.source.error(offset, expected, "none"))
            }
        }
    }

    /// An open input has no value.
    fn require_inputs(
        &self,
        module: &Module<'a>,
        connections: &HashMap<&'a str, Connection>,
        label: Token<'a>,
    ) -> Result<()> {
        let is_open = |port: &&Token<'a>| {
            module.directions.get(port.text) == Some(&Direction::Input)
                && !connections.contains_key(port.text)
        };
        match module.ports.iter().find(is_open) {
            None => Ok(()),
            Some(port) => {
                let (port, module) = (quote(port.text), quote(module.name.text));
                let expected = format!("a net for input {port} of {module}");
                let found = format!("none at instance {}", quote(label.text));
                Err(self.source.error(label.offset, expected, found))
            }
        }
    }

    /// Connects a port whose direction is declared after its nets.
    pub(super) fn connect_late(
        &mut self,
        name: Token<'a>,
        signal: usize,
        direction: Direction,
    ) -> Result<()> {
        let Some(connection) = self.scope.instance.connections.remove(name.text) else {
            return Ok(());
        };
        let pins = self.scope.signals[signal].pins.clone();
        match connection {
            Connection::Input(sent, offset) => {
                let bits = self.fitted(sent, pins.len(), name, offset)?;
                for (pin, bit) in pins.into_iter().zip(bits) {
                    self.gates.drive(pin.net, bit, name.offset)?;
                }
            }
            Connection::Output(nets, offset) => {
                if nets.len() > pins.len() {
                    let expected = format!("at most {} bits at the output", pins.len());
                    return Err(self.source.error(offset, expected, nets.len().to_string()));
                }
                for (net, pin) in nets.into_iter().zip(pins) {
                    self.gates.netlist.mention(pin.net, offset);
                    self.gates.drive(net, Bit::Pin(pin), offset)?;
                }
            }
        }
        debug_assert!(self.scope.signals[signal].direction == Some(direction));
        Ok(())
    }
}

/// The number of terminals before the closing parenthesis, commas inside brackets not counted.
fn terminals(lexemes: &[Lexeme<'_>]) -> usize {
    let mut depth = 0usize;
    let mut commas = 0;
    for lexeme in lexemes.iter().filter(|lexeme| lexeme.shape == Shape::Symbol) {
        match lexeme.token.text {
            ")" if depth == 0 => break,
            ";" => break,
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," if depth == 0 => commas += 1,
            _ => {}
        }
    }
    commas + 1
}
