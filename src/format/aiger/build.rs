//! From the literals of an AIGER file to a circuit.
//!
//! Definitions come in any order in ASCII files, so the ANDs are sorted first; a list that is in
//! order keeps it.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::circuit::{Builder, Circuit, GateKind, Literal, NodeId, Property, PropertyKind};
use crate::error::{Error, Result};
use crate::format::names::distinguish;
use crate::format::order::topological_order;
use crate::format::scan::Scanner;

use super::body::{And, Body, Header, Pin};
use super::symbols::Symbols;

/// Builds the circuit; `scanner` only places errors.
///
/// # Errors
/// A variable is defined twice or not at all but used, or the ANDs form a cycle.
pub(super) fn build(
    scanner: &Scanner,
    header: &Header,
    body: &Body,
    symbols: Symbols,
    notes: &mut Vec<String>,
) -> Result<Circuit> {
    let definitions = Definitions::new(scanner, header, body)?;
    let order = definitions.order(scanner, body)?;
    let variables = vec![None; header.max_variable + 1];
    let mut construction = Construction { scanner, variables, builder: Builder::new(), notes };
    construction.sources(body, &symbols)?;
    for k in order {
        construction.and(&body.ands[k])?;
    }
    construction.roots(body, symbols)?;
    construction.builder.finish()
}

/// What defines a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Definition {
    Nothing,
    /// Constant, input or latch.
    Source,
    /// The AND of that index.
    And(u32),
}

/// The definition of every variable.
struct Definitions(Vec<Definition>);

impl Definitions {
    fn new(scanner: &Scanner, header: &Header, body: &Body) -> Result<Self> {
        let mut definitions = Definitions(vec![Definition::Nothing; header.max_variable + 1]);
        definitions.0[0] = Definition::Source;
        let states = body.latches.iter().map(|latch| latch.state);
        for pin in body.inputs.iter().copied().chain(states) {
            definitions.define(scanner, pin, Definition::Source)?;
        }
        for (k, and) in body.ands.iter().enumerate() {
            definitions.define(scanner, and.out, Definition::And(k as u32))?;
        }
        Ok(definitions)
    }

    fn define(&mut self, scanner: &Scanner, pin: Pin, definition: Definition) -> Result<()> {
        let found = pin.literal.to_string();
        if pin.complemented() || pin.literal == 0 {
            let expected = "a literal to define: even and not 0";
            return Err(scanner.error(pin.offset, expected, found));
        }
        let slot = &mut self.0[pin.variable()];
        if *slot != Definition::Nothing {
            let expected = "a literal that is not defined yet";
            return Err(scanner.error(pin.offset, expected, found));
        }
        *slot = definition;
        Ok(())
    }

    /// The ANDs, operands first.
    fn order(&self, scanner: &Scanner, body: &Body) -> Result<Vec<usize>> {
        let operand = |k: usize, pin: usize| match self.0[body.ands[k].operands[pin].variable()] {
            Definition::And(operand) => Some(operand as usize),
            Definition::Nothing | Definition::Source => None,
        };
        topological_order(body.ands.len(), |_| 2, operand).map_err(|k| {
            let out = body.ands[k].out;
            let found = format!("a cycle through AND {}", out.literal);
            scanner.error(out.offset, "ANDs without a cycle", found)
        })
    }
}

/// The circuit under construction, and the node of every variable that is built.
struct Construction<'a, 'b> {
    scanner: &'a Scanner<'b>,
    notes: &'a mut Vec<String>,
    variables: Vec<Option<NodeId>>,
    builder: Builder,
}

impl Construction<'_, '_> {
    fn sources(&mut self, body: &Body, symbols: &Symbols) -> Result<()> {
        for (pin, name) in body.inputs.iter().zip(complete(&symbols.inputs, "input", self.notes)) {
            self.variables[pin.variable()] = Some(self.builder.input(name)?);
        }
        for (latch, name) in
            body.latches.iter().zip(complete(&symbols.latches, "latch", self.notes))
        {
            let id = self.builder.latch(name, latch.init, None)?;
            self.variables[latch.state.variable()] = Some(id);
        }
        Ok(())
    }

    fn and(&mut self, and: &And) -> Result<()> {
        let [left, right] = and.operands;
        let operands = [self.resolve(left)?, self.resolve(right)?];
        self.variables[and.out.variable()] = Some(self.builder.gate(GateKind::And, &operands)?);
        Ok(())
    }

    /// Next states, outputs and properties.
    fn roots(&mut self, body: &Body, symbols: Symbols) -> Result<()> {
        for latch in &body.latches {
            let next = self.resolve(latch.next)?;
            let state = self.resolve(latch.state)?;
            self.builder.next_state(state.node, next)?;
        }
        for (&pin, name) in
            body.outputs.iter().zip(complete(&symbols.outputs, "output", self.notes))
        {
            let literal = self.resolve(pin)?;
            self.builder.output(name, literal)?;
        }
        self.properties(PropertyKind::Bad, each(&body.bad), symbols.bad)?;
        self.properties(PropertyKind::Constraint, each(&body.constraints), symbols.constraints)?;
        let justice = body.justice.iter().map(Vec::as_slice);
        self.properties(PropertyKind::Justice, justice, symbols.justice)?;
        self.properties(PropertyKind::Fairness, each(&body.fairness), symbols.fairness)
    }

    fn properties<'p>(
        &mut self,
        kind: PropertyKind,
        pins: impl Iterator<Item = &'p [Pin]>,
        names: Vec<Option<String>>,
    ) -> Result<()> {
        for (pins, name) in pins.zip(names) {
            let literals = pins.iter().map(|&pin| self.resolve(pin)).collect::<Result<_>>()?;
            self.builder.property(Property { kind, name, literals })?;
        }
        Ok(())
    }

    /// The circuit's literal for one of the file.
    fn resolve(&mut self, pin: Pin) -> Result<Literal> {
        let node = match self.variables[pin.variable()] {
            Some(node) => node,
            None if pin.variable() == 0 => self.builder.constant(false)?,
            None => return Err(self.undefined(pin)),
        };
        Ok(node.literal().flip_if(pin.complemented()))
    }

    fn undefined(&self, pin: Pin) -> Error {
        let found = format!("{}, which nothing defines", pin.literal);
        self.scanner.error(pin.offset, "a literal of an input, a latch or an AND", found)
    }
}

/// Single literals as properties of one.
fn each(pins: &[Pin]) -> impl Iterator<Item = &[Pin]> {
    pins.chunks(1)
}

/// The name that an entry without one gets.
pub(super) fn default_name(letter: char, index: usize) -> String {
    format!("{letter}{index}")
}

/// All names of a section, those that are missing filled in: `i0`, `i1`, …, with underscores where
/// the file uses that name for another entry. Equal ones are told apart, which a note says.
fn complete<'n>(
    names: &'n [Option<String>],
    what: &str,
    notes: &mut Vec<String>,
) -> Vec<Cow<'n, str>> {
    let letter = what.chars().next().expect("a section has a name");
    let given: HashSet<&str> = names.iter().flatten().map(String::as_str).collect();
    let fill = |(k, name): (usize, &'n Option<String>)| match name {
        Some(name) => Cow::Borrowed(name.as_str()),
        None => {
            let mut name = default_name(letter, k);
            while given.contains(name.as_str()) {
                name.push('_');
            }
            Cow::Owned(name)
        }
    };
    let mut names: Vec<Cow<'n, str>> = names.iter().enumerate().map(fill).collect();
    notes.extend(distinguish(what, names.iter_mut()));
    names
}
