//! The top model, which is the first unless another is asked for, with all its instances, and theirs, as one netlist.
//!
//! Ports are joined, not buffered. A net inside an instance is named `instance.net`. Before anything is
//! expanded the models are sorted: one that contains itself is an error, and so is a hierarchy that
//! would expand beyond [`MAX_SIZE`], since forty lines can describe a million million gates.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cover::add_cover;
use super::parse::{Instance, Item, Local, Model};
use crate::circuit::GateKind;
use crate::error::{Error, Result};
use crate::format::cursor::{Source, Token, quote};
use crate::format::nets::{Net, Nets, Pin};

/// The most bytes of text that a hierarchy may have when written flat.
const MAX_SIZE: usize = 64 << 20;

/// Expands the first of `models`, or the one called `top`.
///
/// # Errors
/// An instance of no model, of its own model, of a black box, or with wrong ports; a net driven twice;
/// too large. The first model is part of another, so that it is not what the file is about.
pub fn flatten<'a>(
    source: Source<'a>,
    models: &[Model<'a>],
    top: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Nets<'a>> {
    let by_name = index(&source, models)?;
    let is_asked_for = top.is_some();
    let top = find_top(&source, models, &by_name, top)?;
    let hierarchy = Hierarchy { source, models, by_name, top };
    let is_used = hierarchy.check()?;
    if !is_asked_for {
        refuse_inner_first(&source, models)?;
    }
    let unused = is_used.iter().filter(|used| !**used).count();
    let model = &models[top];
    if unused > 0 {
        let name = quote(model.name.text);
        notes.push(format!("the circuit is model {name}; it does not contain {unused} others"));
    }
    let mut expansion = Expansion { netlist: Nets::new(source), constants: Vec::new() };
    let nets = expansion.locals(model, "", HashMap::new());
    expansion.declare_inputs(model, &nets)?;
    let mut open = vec![Frame { model, path: String::new(), nets: nets.clone() }];
    while let Some(frame) = open.pop() {
        for (i, item) in frame.model.items.iter().enumerate() {
            match item {
                Item::Instance(_) => open.push(hierarchy.enter(&frame, i, &mut expansion)?),
                _ => expansion.item(item, &frame)?,
            }
        }
    }
    expansion.finish(model, &nets, notes)
}

/// The model that is asked for, or the first.
fn find_top(
    source: &Source<'_>,
    models: &[Model<'_>],
    by_name: &HashMap<&str, usize>,
    top: Option<&str>,
) -> Result<usize> {
    if let Some(name) = top {
        return by_name.get(name).copied().ok_or_else(|| {
            let expected = format!("a model called {} for --top", quote(name));
            source.error(models[0].name.offset, expected, "none")
        });
    }
    Ok(0)
}

/// An error if another model contains the first.
fn refuse_inner_first(source: &Source<'_>, models: &[Model<'_>]) -> Result<()> {
    let first = models[0].name;
    let instances = |model: &Model<'_>| {
        model.items.iter().any(
            |item| matches!(item, Item::Instance(instance) if instance.model.text == first.text),
        )
    };
    match models[1..].iter().find(|model| instances(model)) {
        None => Ok(()),
        Some(outer) => {
            let (first, outer) = (quote(first.text), outer.name.text);
            let found = format!("{first}, which is part of {}", quote(outer));
            let expected = "a first model that no other contains";
            let error = source.error(models[0].name.offset, expected, found);
            Err(error.hint(format!("--top {outer} makes that one the circuit")))
        }
    }
}

fn index<'a>(source: &Source<'a>, models: &[Model<'a>]) -> Result<HashMap<&'a str, usize>> {
    let mut by_name = HashMap::new();
    for (m, model) in models.iter().enumerate() {
        if by_name.insert(model.name.text, m).is_some() {
            let found = format!("{} a second time", quote(model.name.text));
            return Err(source.error(model.name.offset, "models with different names", found));
        }
    }
    Ok(by_name)
}

struct Hierarchy<'m, 'a> {
    source: Source<'a>,
    models: &'m [Model<'a>],
    by_name: HashMap<&'a str, usize>,
    top: usize,
}

/// An instance that is being expanded: the path to it, and its nets in the whole.
struct Frame<'m, 'a> {
    model: &'m Model<'a>,
    path: String,
    nets: Vec<Net>,
}

/// What a model amounts to when it is written flat.
#[derive(Clone, Copy, Default)]
struct Size {
    nets: usize,
    bytes: usize,
}

impl<'m, 'a> Hierarchy<'m, 'a> {
    /// Which models the top contains, itself included.
    fn check(&self) -> Result<Vec<bool>> {
        let mut sizes: Vec<Option<Size>> = vec![None; self.models.len()];
        let mut is_open = vec![false; self.models.len()];
        let mut path = vec![(self.top, 0)];
        is_open[self.top] = true;
        self.refuse_black_box(self.top, self.models[self.top].name.offset)?;
        while let Some((model, next)) = path.last_mut() {
            let items = &self.models[*model].items[*next..];
            let Some(step) = items.iter().position(|item| matches!(item, Item::Instance(_))) else {
                sizes[*model] = Some(self.size(*model, &sizes));
                is_open[*model] = false;
                path.pop();
                continue;
            };
            let Item::Instance(instance) = &items[step] else {
                unreachable!("found as an instance")
            };
            *next += step + 1;
            let child = self.child(instance)?;
            self.refuse_black_box(child, instance.model.offset)?;
            if is_open[child] {
                return Err(self.recursion(instance));
            }
            if sizes[child].is_none() {
                is_open[child] = true;
                path.push((child, 0));
            }
        }
        let top = &self.models[self.top];
        let size = sizes[self.top].unwrap_or_default().bytes;
        if size > MAX_SIZE && top.items.iter().any(|item| matches!(item, Item::Instance(_))) {
            let found = format!("at least {} MiB", size >> 20);
            let expected = format!("a hierarchy of at most {} MiB when flattened", MAX_SIZE >> 20);
            return Err(self.source.error(top.name.offset, expected, found));
        }
        Ok(sizes.iter().map(Option::is_some).collect())
    }

    fn size(&self, model: usize, sizes: &[Option<Size>]) -> Size {
        let model = &self.models[model];
        let mut size = Size { nets: model.nets.len(), bytes: model.size };
        for (i, item) in model.items.iter().enumerate() {
            if let Item::Instance(instance) = item {
                let child = self.by_name.get(instance.model.text).and_then(|&child| sizes[child]);
                let child = child.unwrap_or_default();
                let prefix = child.nets.saturating_mul(instance_name(instance, i).len() + 1);
                size.nets = size.nets.saturating_add(child.nets);
                size.bytes = size.bytes.saturating_add(child.bytes).saturating_add(prefix);
            }
        }
        size
    }

    fn child(&self, instance: &Instance<'a>) -> Result<usize> {
        self.by_name.get(instance.model.text).copied().ok_or_else(|| {
            self.source
                .error(instance.model.offset, "a model of this file", quote(instance.model.text))
                .hint("put all models into one file, or flatten first, for example with yosys")
        })
    }

    /// A model whose logic is elsewhere.
    fn refuse_black_box(&self, model: usize, offset: usize) -> Result<()> {
        let model = &self.models[model];
        if !model.is_black_box {
            return Ok(());
        }
        let found = format!("the black box {}", quote(model.name.text));
        let error = self.source.error(offset, "a model with its logic", found);
        Err(error.hint("put the logic of the model into the file"))
    }

    fn recursion(&self, instance: &Instance<'a>) -> Error {
        let found = format!("{} inside itself", quote(instance.model.text));
        self.source.error(instance.model.offset, "models that do not contain themselves", found)
    }

    /// The frame of the instance that is item `item` of `outer`.
    fn enter(
        &self,
        outer: &Frame<'m, 'a>,
        item: usize,
        expansion: &mut Expansion<'a>,
    ) -> Result<Frame<'m, 'a>> {
        let Item::Instance(instance) = &outer.model.items[item] else {
            unreachable!("only instances are entered");
        };
        let model = &self.models[self.child(instance)?];
        let mut ports = HashMap::new();
        for &(formal, actual) in &instance.bindings {
            let port = model.by_name.get(formal.text).filter(|net| model.ports.contains(net));
            let Some(&port) = port else {
                let expected = format!("a port of {}", quote(model.name.text));
                return Err(self.source.error(formal.offset, expected, quote(formal.text)));
            };
            if ports.insert(port, outer.nets[actual as usize]).is_some() {
                let found = format!("{} a second time", quote(formal.text));
                return Err(self.source.error(formal.offset, "each port connected once", found));
            }
        }
        for &(input, _) in model.inputs.iter().flatten() {
            if !ports.contains_key(&input) {
                let name = quote(model.nets[input as usize].text);
                let expected = format!("a net for input {name} of {}", quote(model.name.text));
                let found = "none, the pin is open";
                return Err(self.source.error(instance.model.offset, expected, found));
            }
        }
        let name = instance_name(instance, item);
        let path = format!("{}{name}.", outer.path);
        let nets = expansion.locals(model, &path, ports);
        Ok(Frame { model, path, nets })
    }
}

/// Yosys's name of the instance, or one made of its model's.
fn instance_name(instance: &Instance<'_>, item: usize) -> String {
    match instance.name {
        Some(name) => name.to_string(),
        None => format!("{}_{item}", instance.model.text),
    }
}

/// The netlist as far as it has been expanded.
struct Expansion<'a> {
    netlist: Nets<'a>,
    /// Yosys's nets for constants, which it does not always define.
    constants: Vec<(Net, bool)>,
}

impl<'a> Expansion<'a> {
    /// The nets of a model's locals: those of `ports` where they are connected, else new ones.
    fn locals(&mut self, model: &Model<'a>, path: &str, ports: HashMap<Local, Net>) -> Vec<Net> {
        let mut nets = Vec::with_capacity(model.nets.len());
        for (local, token) in (0..).zip(&model.nets) {
            let net = ports.get(&local).copied().unwrap_or_else(|| self.local(token, path));
            nets.push(net);
        }
        nets
    }

    fn local(&mut self, token: &Token<'a>, path: &str) -> Net {
        let name = match path {
            "" => Cow::Borrowed(token.text),
            _ => Cow::Owned(format!("{path}{}", token.text)),
        };
        let net = self.netlist.unshared(name, token.offset);
        match token.text {
            "$true" => self.constants.push((net, true)),
            "$false" | "$undef" => self.constants.push((net, false)),
            _ => {}
        }
        net
    }

    fn declare_inputs(&mut self, top: &Model<'a>, nets: &[Net]) -> Result<()> {
        for &(local, offset) in top.inputs.iter().flatten() {
            self.netlist.input(nets[local as usize], offset)?;
        }
        Ok(())
    }

    fn item(&mut self, item: &Item<'a>, frame: &Frame<'_, 'a>) -> Result<()> {
        let net = |local: Local| frame.nets[local as usize];
        match item {
            Item::Cover { pins, rows, value, offset } => {
                let pins: Vec<Pin> = pins.iter().map(|&local| net(local).into()).collect();
                let (target, inputs) = pins.split_last().expect("a cover drives a net");
                add_cover(&mut self.netlist, target.net, inputs, rows, *value, *offset)
            }
            Item::Latch { next, state, init, clock, offset } => {
                let control = |name: &'a str| match frame.model.by_name.get(name) {
                    Some(&local) => self.netlist.name(net(local)).to_string(),
                    None => name.to_string(),
                };
                let clock = clock.map(|clock| (clock.edge.to_string(), control(clock.control)));
                self.netlist.latch(net(*state), net(*next).into(), *init, clock, *offset)
            }
            Item::Connection { from, target, offset } => {
                self.netlist.gate(net(*target), GateKind::Buf, &[net(*from).into()], *offset)
            }
            Item::Instance(_) => unreachable!("instances are entered"),
        }
    }

    fn finish(
        mut self,
        top: &Model<'a>,
        nets: &[Net],
        notes: &mut Vec<String>,
    ) -> Result<Nets<'a>> {
        for (net, value) in std::mem::take(&mut self.constants) {
            if !self.netlist.is_driven(net) {
                let offset = self.netlist.offset(net);
                self.netlist.gate(net, GateKind::Const(value), &[], offset)?;
            }
        }
        if top.inputs.is_none() {
            for &net in nets {
                if !self.netlist.is_driven(net) {
                    self.netlist.input(net, self.netlist.offset(net))?;
                }
            }
            notes.push(
                "there is no .inputs: the nets that nothing drives are the inputs".to_string(),
            );
        }
        let outputs = match &top.outputs {
            Some(outputs) => outputs.clone(),
            None => {
                notes.push(
                    "there is no .outputs: the nets that nothing reads are the outputs".to_string(),
                );
                unread(top)
            }
        };
        for (local, offset) in outputs {
            let name = Cow::Borrowed(top.nets[local as usize].text);
            self.netlist.output(name, nets[local as usize].into(), offset);
        }
        Ok(self.netlist)
    }
}

/// The driven nets of a model that none of its items reads.
fn unread(model: &Model<'_>) -> Vec<(Local, usize)> {
    let mut is_driven = vec![false; model.nets.len()];
    let mut is_read = vec![false; model.nets.len()];
    for item in &model.items {
        match item {
            Item::Cover { pins, .. } => {
                let (target, inputs) = pins.split_last().expect("a cover drives a net");
                is_driven[*target as usize] = true;
                inputs.iter().for_each(|&local| is_read[local as usize] = true);
            }
            Item::Latch { next: from, state: target, .. }
            | Item::Connection { from, target, .. } => {
                is_driven[*target as usize] = true;
                is_read[*from as usize] = true;
            }
            Item::Instance(instance) => {
                instance.bindings.iter().for_each(|&(_, local)| is_read[local as usize] = true);
            }
        }
    }
    let locals = (0..)
        .zip(&model.nets)
        .filter(|(local, _)| is_driven[*local as usize] && !is_read[*local as usize]);
    locals.map(|(local, token)| (local, token.offset)).collect()
}
