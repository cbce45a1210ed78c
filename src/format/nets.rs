//! Netlists: nets that are driven and read in any order, as text formats list them, into a circuit.
//!
//! A reader reports what it finds, in file order; [`Nets::finish`] checks that every net has its one
//! driver and that gates do not feed themselves, and orders the gates. A file that is ordered already
//! keeps its order. Every step is iterative and linear in the netlist.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cursor::{Source, Token, quote, shorten};
use super::names::distinguish;
use crate::circuit::{Builder, Circuit, GateKind, LatchInit, Literal, NodeId};
use crate::error::{Error, Result};

/// A net of a netlist under construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Net(u32);

/// A net as a gate reads it, perhaps complemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    pub net: Net,
    pub complemented: bool,
}

impl From<Net> for Pin {
    fn from(net: Net) -> Self {
        Pin { net, complemented: false }
    }
}

impl Pin {
    /// The pin complemented once more where `flip` holds.
    pub fn flip_if(self, flip: bool) -> Self {
        Pin { complemented: self.complemented ^ flip, ..self }
    }
}

#[derive(Debug, Clone, Copy)]
enum Driver {
    None,
    Input,
    Latch,
    /// A gate over `pins[first..first + count]`.
    Gate {
        kind: GateKind,
        first: usize,
        count: usize,
    },
}

#[derive(Debug)]
struct NetInfo<'a> {
    /// Nets inside an expression have none.
    name: Option<Cow<'a, str>>,
    /// Where the net is driven, or first mentioned while it is not.
    offset: usize,
    driver: Driver,
    /// Whether anything but a declaration mentions it.
    is_used: bool,
}

#[derive(Debug)]
struct Latch {
    net: Net,
    next: Pin,
    init: LatchInit,
    clock: Option<(String, String)>,
}

/// Nets, their drivers and the ports, as far as they have been read.
#[derive(Debug)]
pub struct Nets<'a> {
    source: Source<'a>,
    nets: Vec<NetInfo<'a>>,
    by_name: HashMap<&'a str, Net>,
    pins: Vec<Pin>,
    inputs: Vec<Net>,
    gates: Vec<Net>,
    latches: Vec<Latch>,
    outputs: Vec<(Cow<'a, str>, Pin)>,
}

impl<'a> Nets<'a> {
    pub fn new(source: Source<'a>) -> Self {
        Nets {
            source,
            nets: Vec::new(),
            by_name: HashMap::new(),
            pins: Vec::new(),
            inputs: Vec::new(),
            gates: Vec::new(),
            latches: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// The net that the token names, the same for the same name.
    pub fn net(&mut self, token: Token<'a>) -> Net {
        if let Some(&net) = self.by_name.get(token.text) {
            return net;
        }
        let net = self.unshared(Cow::Borrowed(token.text), token.offset);
        self.by_name.insert(token.text, net);
        net
    }

    /// A new net with a name that [`Self::net`] does not find.
    pub fn unshared(&mut self, name: Cow<'a, str>, offset: usize) -> Net {
        self.push(Some(name), offset, true)
    }

    /// [`Self::unshared`], but nobody has to drive it before [`Self::mention`] mentions it.
    pub fn declare(&mut self, name: Cow<'a, str>, offset: usize) -> Net {
        self.push(Some(name), offset, false)
    }

    /// A new net without a name.
    pub fn anonymous(&mut self, offset: usize) -> Net {
        self.push(None, offset, true)
    }

    fn push(&mut self, name: Option<Cow<'a, str>>, offset: usize, is_used: bool) -> Net {
        self.nets.push(NetInfo { name, offset, driver: Driver::None, is_used });
        Net(self.nets.len() as u32 - 1)
    }

    /// Notes the first use of a declared net.
    pub fn mention(&mut self, net: Net, offset: usize) {
        let is_driven = self.is_driven(net);
        let info = &mut self.nets[net.0 as usize];
        if !std::mem::replace(&mut info.is_used, true) && !is_driven {
            info.offset = offset;
        }
    }

    /// Gives a net another name.
    pub fn rename(&mut self, net: Net, name: Cow<'a, str>) {
        self.nets[net.0 as usize].name = Some(name);
    }

    /// The nets that are used but not driven, by place.
    fn undriven(&self) -> Vec<Net> {
        let is_undriven = |net: &Net| self.info(*net).is_used && !self.is_driven(*net);
        let mut nets: Vec<Net> = (0..self.nets.len() as u32).map(Net).filter(is_undriven).collect();
        nets.sort_by_key(|&net| self.offset(net));
        nets
    }

    /// Which nets an output or the next state of a latch depends on.
    fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.nets.len()];
        let outputs = self.outputs.iter().map(|(_, pin)| pin.net);
        let mut open: Vec<Net> = outputs.chain(self.latches.iter().map(|l| l.next.net)).collect();
        while let Some(net) = open.pop() {
            if !std::mem::replace(&mut reached[net.0 as usize], true) {
                open.extend(self.fanins(net).iter().map(|pin| pin.net));
            }
        }
        reached
    }

    /// Holds the nets without a driver against what the circuit is for: one that matters is an error,
    /// others become constants, with a note.
    fn settle_undriven(&mut self, notes: &mut Vec<String>) -> Result<()> {
        const MOST_NAMES: usize = 8;
        let undriven = self.undriven();
        if undriven.is_empty() {
            return Ok(());
        }
        let reached = self.reached();
        if let Some(&net) = undriven.iter().find(|net| reached[net.0 as usize]) {
            let found = format!("none for {}", quote(self.name(net)));
            return Err(self
                .source
                .error(self.offset(net), "a driver for every net", found)
                .hint("declare it as an input, or define it; upper and lower case differ"));
        }
        let mut names: Vec<String> =
            undriven.iter().take(MOST_NAMES).map(|&net| shorten(self.name(net))).collect();
        if undriven.len() > names.len() {
            names.push(format!("({} more)", undriven.len() - names.len()));
        }
        let names = names.join(", ");
        notes.push(format!("nets without a driver, which no output depends on, are 0: {names}"));
        for net in undriven {
            self.gate(net, GateKind::Const(false), &[], self.offset(net))?;
        }
        Ok(())
    }

    pub fn is_driven(&self, net: Net) -> bool {
        !matches!(self.info(net).driver, Driver::None)
    }

    /// The name of a net, or nothing where it has none.
    pub fn name(&self, net: Net) -> &str {
        self.info(net).name.as_deref().unwrap_or_default()
    }

    /// The name of a net, as it was given.
    pub fn shared_name(&self, net: Net) -> Cow<'a, str> {
        self.info(net).name.clone().unwrap_or_default()
    }

    /// Where the net is driven, or first mentioned while it is not.
    pub fn offset(&self, net: Net) -> usize {
        self.info(net).offset
    }

    /// Makes the net an input.
    ///
    /// # Errors
    /// The net is driven already.
    pub fn input(&mut self, net: Net, offset: usize) -> Result<()> {
        self.drive(net, Driver::Input, offset)?;
        self.inputs.push(net);
        Ok(())
    }

    /// Lets a gate drive the net.
    ///
    /// # Errors
    /// The net is driven already, or the kind does not take so many fan-ins.
    pub fn gate(&mut self, net: Net, kind: GateKind, pins: &[Pin], offset: usize) -> Result<()> {
        if !kind.accepts(pins.len()) {
            let found = format!("{} operands for {}", pins.len(), kind.name());
            return Err(self.source.error(offset, arity(kind), found));
        }
        let first = self.pins.len();
        self.drive(net, Driver::Gate { kind, first, count: pins.len() }, offset)?;
        self.pins.extend_from_slice(pins);
        self.gates.push(net);
        Ok(())
    }

    /// Lets a latch drive the net.
    ///
    /// # Errors
    /// The net is driven already.
    pub fn latch(
        &mut self,
        net: Net,
        next: Pin,
        init: LatchInit,
        clock: Option<(String, String)>,
        offset: usize,
    ) -> Result<()> {
        self.drive(net, Driver::Latch, offset)?;
        self.latches.push(Latch { net, next, init, clock });
        Ok(())
    }

    /// Adds an output; one net may be several.
    pub fn output(&mut self, name: Cow<'a, str>, pin: Pin, offset: usize) {
        self.mention(pin.net, offset);
        self.outputs.push((name, pin));
    }

    fn drive(&mut self, net: Net, driver: Driver, offset: usize) -> Result<()> {
        if self.is_driven(net) {
            let line = self.source.line(self.offset(net));
            let found =
                format!("a second one for {}, driven in line {line}", quote(self.name(net)));
            return Err(self.source.error(offset, "one driver for each net", found));
        }
        let info = &mut self.nets[net.0 as usize];
        (info.driver, info.offset) = (driver, offset);
        Ok(())
    }

    fn info(&self, net: Net) -> &NetInfo<'a> {
        &self.nets[net.0 as usize]
    }

    /// The circuit. Inputs and latches come first, then gates, in file order as far as fan-ins allow.
    /// Outputs that share a name are told apart, which a note says.
    ///
    /// # Errors
    /// A net without a driver that an output depends on, gates that feed themselves, or more nodes than a
    /// circuit may have.
    pub fn finish(mut self, notes: &mut Vec<String>) -> Result<Circuit> {
        self.settle_undriven(notes)?;
        let names = self.outputs.iter_mut().map(|(name, _)| name);
        notes.extend(distinguish("output", names));
        let order = self.topological_order()?;
        let mut assembly = Assembly {
            builder: Builder::new(),
            nodes: vec![None; self.nets.len()],
            named_constants: [false; 2],
        };
        assembly.add_sources(&self)?;
        for net in order {
            assembly.add_gate(&self, net)?;
        }
        assembly.finish(&self)
    }

    fn fanins(&self, net: Net) -> &[Pin] {
        match self.info(net).driver {
            Driver::Gate { first, count, .. } => &self.pins[first..first + count],
            _ => &[],
        }
    }

    /// The gates such that fan-ins come first: a depth-first search with a stack of its own.
    fn topological_order(&self) -> Result<Vec<Net>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.nets.len()];
        let mut order = Vec::with_capacity(self.gates.len());
        let mut path: Vec<(Net, usize)> = Vec::new();
        for &root in &self.gates {
            if marks[root.0 as usize] == Mark::New {
                marks[root.0 as usize] = Mark::Open;
                path.push((root, 0));
            }
            while let Some((net, next)) = path.last_mut() {
                let Some(pin) = self.fanins(*net).get(*next) else {
                    marks[net.0 as usize] = Mark::Done;
                    order.push(*net);
                    path.pop();
                    continue;
                };
                *next += 1;
                if !matches!(self.info(pin.net).driver, Driver::Gate { .. }) {
                    continue;
                }
                match marks[pin.net.0 as usize] {
                    Mark::Done => {}
                    Mark::Open => return Err(self.cycle(&path, pin.net)),
                    Mark::New => {
                        marks[pin.net.0 as usize] = Mark::Open;
                        path.push((pin.net, 0));
                    }
                }
            }
        }
        Ok(order)
    }

    /// The error about the cycle that `back`, a net on the path, closes; the net defined first leads.
    fn cycle(&self, path: &[(Net, usize)], back: Net) -> Error {
        const MOST_NAMES: usize = 8;
        let start = path.iter().position(|&(net, _)| net == back).expect("the net is on the path");
        let mut cycle: Vec<Net> = path[start..].iter().map(|&(net, _)| net).collect();
        let has_name = |net: &Net| self.info(*net).name.is_some();
        cycle.retain(has_name);
        let Some(first) = (0..cycle.len()).min_by_key(|&i| self.offset(cycle[i])) else {
            return self.source.error(
                self.offset(back),
                "gates that do not feed themselves",
                "a cycle",
            );
        };
        cycle.rotate_left(first);
        let mut names: Vec<String> =
            cycle.iter().take(MOST_NAMES).map(|&net| shorten(self.name(net))).collect();
        if cycle.len() > names.len() {
            names.push(format!("({} more)", cycle.len() - names.len()));
        }
        names.push(shorten(self.name(cycle[0])));
        let found = format!("the cycle {}", names.join(" <- "));
        self.source
            .error(self.offset(cycle[0]), "gates that do not feed themselves", found)
            .hint("only a latch may close a loop")
    }
}

/// A circuit that is being built from a netlist.
struct Assembly {
    builder: Builder,
    /// The node of each net.
    nodes: Vec<Option<NodeId>>,
    /// Nets with the same constant are one node; the first gives it its name.
    named_constants: [bool; 2],
}

impl Assembly {
    fn add_sources(&mut self, netlist: &Nets<'_>) -> Result<()> {
        let place = |net| netlist.source.place(netlist.offset(net));
        for &net in &netlist.inputs {
            let node = self.builder.input(netlist.name(net));
            self.nodes[net.0 as usize] = Some(node.map_err(|error| error.at(place(net)))?);
        }
        for latch in &netlist.latches {
            let name = netlist.name(latch.net);
            let node = self.builder.latch(name, latch.init, latch.clock.clone());
            self.nodes[latch.net.0 as usize] =
                Some(node.map_err(|error| error.at(place(latch.net)))?);
        }
        Ok(())
    }

    fn add_gate(&mut self, netlist: &Nets<'_>, net: Net) -> Result<()> {
        let Driver::Gate { kind, .. } = netlist.info(net).driver else {
            unreachable!("only gates are in the order");
        };
        let node = match kind {
            GateKind::Const(value) => self.builder.constant(value)?,
            _ => {
                let fanins: Vec<Literal> =
                    netlist.fanins(net).iter().map(|&pin| self.literal(pin)).collect();
                self.builder.gate(kind, &fanins)?
            }
        };
        self.nodes[net.0 as usize] = Some(node);
        let Some(name) = &netlist.info(net).name else { return Ok(()) };
        if let GateKind::Const(value) = kind
            && std::mem::replace(&mut self.named_constants[usize::from(value)], true)
        {
            return Ok(());
        }
        self.builder.name(node, name.as_ref())
    }

    fn finish(mut self, netlist: &Nets<'_>) -> Result<Circuit> {
        for latch in &netlist.latches {
            let node = self.literal(latch.net.into()).node;
            let next = self.literal(latch.next);
            self.builder.next_state(node, next)?;
        }
        for (name, pin) in &netlist.outputs {
            let literal = self.literal(*pin);
            self.builder.output(name.as_ref(), literal)?;
        }
        self.builder.finish()
    }

    fn literal(&self, pin: Pin) -> Literal {
        let node = self.nodes[pin.net.0 as usize];
        let node = node.expect("drivers were checked and fan-ins come first");
        node.literal().flip_if(pin.complemented)
    }
}

fn arity(kind: GateKind) -> &'static str {
    match kind {
        GateKind::Buf | GateKind::Not => "one operand",
        GateKind::Mux | GateKind::Maj => "three operands",
        GateKind::Lut(_) => "as many operands as the table has",
        _ => "at least one operand",
    }
}
