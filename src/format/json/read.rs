//! From JSON to a circuit.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::circuit::{
    Builder, Circuit, GateKind, LatchInit, Literal, NodeId, Property, PropertyKind, TruthTable,
    WordOrder,
};
use crate::content;
use crate::error::{Error, Place, Result};
use crate::format::Loaded;
use crate::format::order::topological_order;

use super::{FORMAT, INITS, KINDS, PROPERTY_KINDS, VERSION};

/// The longest value that an error quotes, in characters.
const QUOTE: usize = 60;

pub(super) fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
    let document = content::json(bytes).map_err(|error| syntax(&error, file))?;
    let circuit = circuit(&document).map_err(|error| error.at(Place::File(file.to_string())))?;
    Ok(Loaded { circuit, format: &FORMAT, notes: Vec::new() })
}

/// The parser's error, its place taken out of its text.
fn syntax(error: &serde_json::Error, file: &str) -> Error {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let (line, column) = (error.line().max(1), error.column().max(1));
    Error::message(format!("JSON: {text}")).at(Place::Line { file: file.to_string(), line, column })
}

fn circuit(document: &Value) -> Result<Circuit> {
    let document = Object::new(document, "the circuit".to_string())?;
    document.only(&[
        "circuit2tf",
        "inputs",
        "latches",
        "gates",
        "outputs",
        "properties",
        "word_orders",
    ])?;
    let version = document.required("circuit2tf")?;
    if version.as_u64() != Some(VERSION) {
        return Err(wrong(&format!("{VERSION} as the version `circuit2tf`"), version));
    }
    let inputs = document.required("inputs")?;
    let inputs = array(inputs, "inputs")?.iter().map(|v| string(v, "the name of an input"));
    let inputs = inputs.collect::<Result<Vec<&str>>>()?;
    let latches = document.list("latches", Latch::new)?;
    let gates = document.list("gates", Gate::new)?;
    let mut signals = Signals::new(&inputs, &latches, &gates)?;
    signals.sources(&inputs, &latches)?;
    signals.gates(&gates)?;
    signals.roots(&document, &latches)?;
    signals.builder.finish()
}

/// An error about a value.
fn wrong(expected: &str, found: &Value) -> Error {
    let text = found.to_string();
    Error::new(
        expected,
        match text.char_indices().nth(QUOTE) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        },
    )
}

fn array<'a>(value: &'a Value, what: &str) -> Result<&'a Vec<Value>> {
    value.as_array().ok_or_else(|| wrong(&format!("a list of {what}"), value))
}

fn string<'a>(value: &'a Value, what: &str) -> Result<&'a str> {
    value.as_str().ok_or_else(|| wrong(&format!("a string as {what}"), value))
}

/// A JSON object with the words that errors call it by.
struct Object<'a> {
    map: &'a Map<String, Value>,
    what: String,
}

impl<'a> Object<'a> {
    fn new(value: &'a Value, what: String) -> Result<Self> {
        match value.as_object() {
            Some(map) => Ok(Object { map, what }),
            None => Err(wrong(&format!("an object as {what}"), value)),
        }
    }

    /// The object called by its kind and its `name`.
    fn named(value: &'a Value, kind: &str) -> Result<(Self, &'a str)> {
        let mut object = Object::new(value, format!("a {kind}"))?;
        let name = string(object.required("name")?, &format!("the name of a {kind}"))?;
        object.what = format!("{kind} {name:?}");
        Ok((object, name))
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    fn required(&self, key: &str) -> Result<&'a Value> {
        let missing = || Error::new(format!("a key `{key}` in {}", self.what), "none");
        self.get(key).ok_or_else(missing)
    }

    /// An error if there are other keys.
    fn only(&self, keys: &[&str]) -> Result<()> {
        match self.map.keys().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let expected = format!("the keys {} in {}", keys.join(", "), self.what);
                Err(Error::new(expected, format!("{key:?}")))
            }
        }
    }

    fn string(&self, key: &str) -> Result<&'a str> {
        string(self.required(key)?, &format!("`{key}` of {}", self.what))
    }

    /// The value that a word stands for.
    fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<T> {
        let text = self.string(key)?;
        let choice = choices.iter().find(|(name, _)| *name == text);
        choice.map(|&(_, value)| value).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|&(name, _)| name).collect();
            let expected = format!("`{key}` of {} to be one of {}", self.what, names.join(" "));
            Error::new(expected, format!("{text:?}"))
        })
    }

    /// The entries of a list that may be missing.
    fn list<T>(&self, key: &str, entry: impl Fn(&'a Value) -> Result<T>) -> Result<Vec<T>> {
        match self.get(key) {
            Some(value) => array(value, key)?.iter().map(entry).collect(),
            None => Ok(Vec::new()),
        }
    }
}

/// A signal by name, or its complement.
#[derive(Debug, Clone, Copy)]
struct Reference<'a> {
    name: &'a str,
    complemented: bool,
}

impl<'a> Reference<'a> {
    /// `what` has the literal, for errors.
    fn new(value: &'a Value, what: &str) -> Result<Self> {
        match value {
            Value::String(text) => Ok(match text.strip_prefix('!') {
                Some(name) => Reference { name, complemented: true },
                None => Reference { name: text, complemented: false },
            }),
            Value::Object(_) => {
                let object = Object::new(value, format!("a literal of {what}"))?;
                object.only(&["name", "complemented"])?;
                let complemented = match object.get("complemented") {
                    None => false,
                    Some(flag) => flag.as_bool().ok_or_else(|| {
                        wrong(&format!("true or false as `complemented` of {}", object.what), flag)
                    })?,
                };
                Ok(Reference { name: object.string("name")?, complemented })
            }
            _ => Err(wrong(&format!("a literal of {what}: a string or an object"), value)),
        }
    }

    fn list(value: &'a Value, what: &str) -> Result<Vec<Self>> {
        let values = array(value, &format!("literals of {what}"))?;
        values.iter().map(|value| Reference::new(value, what)).collect()
    }
}

struct Latch<'a> {
    name: &'a str,
    what: String,
    next: Reference<'a>,
    init: LatchInit,
    clock: Option<(String, String)>,
}

impl<'a> Latch<'a> {
    fn new(value: &'a Value) -> Result<Self> {
        let (object, name) = Object::named(value, "latch")?;
        object.only(&["name", "next", "init", "clock"])?;
        let clock = match object.get("clock").map(|clock| (clock, clock.as_array())) {
            None => None,
            Some((clock, pair)) => match pair.map(Vec::as_slice) {
                Some([Value::String(kind), Value::String(control)]) => {
                    Some((kind.clone(), control.clone()))
                }
                _ => {
                    let expected = format!("two strings as `clock` of {}", object.what);
                    return Err(wrong(&expected, clock));
                }
            },
        };
        Ok(Latch {
            name,
            next: Reference::new(object.required("next")?, &object.what)?,
            init: object.choice("init", &INITS)?,
            clock,
            what: object.what,
        })
    }
}

struct Gate<'a> {
    name: &'a str,
    what: String,
    kind: GateKind,
    fanins: Vec<Reference<'a>>,
}

impl<'a> Gate<'a> {
    fn new(value: &'a Value) -> Result<Self> {
        let (object, name) = Object::named(value, "gate")?;
        object.only(&["name", "kind", "table", "fanins"])?;
        let fanins = Reference::list(object.required("fanins")?, &object.what)?;
        let kind = gate_kind(&object, fanins.len())?;
        if !kind.accepts(fanins.len()) {
            let expected = format!("as many fan-ins of {} as {} takes", object.what, kind.name());
            return Err(Error::new(expected, fanins.len().to_string()));
        }
        Ok(Gate { name, what: object.what, kind, fanins })
    }
}

fn gate_kind(gate: &Object, n_fanins: usize) -> Result<GateKind> {
    let lut = GateKind::Lut(TruthTable::new(0, 0)?);
    let kinds: Vec<(&str, GateKind)> =
        KINDS.iter().chain([&lut]).map(|kind| (kind.name(), *kind)).collect();
    let kind = gate.choice("kind", &kinds)?;
    match (kind == lut, gate.get("table")) {
        (true, _) => truth_table(gate, n_fanins).map(GateKind::Lut),
        (false, None) => Ok(kind),
        (false, Some(table)) => {
            Err(wrong(&format!("no `table` in {}, which is no LUT", gate.what), table))
        }
    }
}

fn truth_table(gate: &Object, n_fanins: usize) -> Result<TruthTable> {
    let text = gate.string("table")?;
    if n_fanins > TruthTable::MAX_INPUTS {
        let expected = format!("at most {} fan-ins of {}", TruthTable::MAX_INPUTS, gate.what);
        return Err(Error::new(expected, n_fanins.to_string()));
    }
    let digits = text.strip_prefix("0x").filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
    let bits = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let table = TruthTable::new(n_fanins, bits.unwrap_or_default())?;
    if bits != Some(table.bits()) {
        let expected = format!("0x and {} bits in hexadecimal as `table`", 1u64 << n_fanins);
        return Err(Error::new(format!("{expected} of {}", gate.what), format!("{text:?}")));
    }
    Ok(table)
}

/// The circuit under construction. Signals are numbered inputs, latches, gates.
struct Signals<'a> {
    builder: Builder,
    numbers: HashMap<&'a str, usize>,
    /// The node of every signal that is built.
    nodes: Vec<Option<NodeId>>,
    first_gate: usize,
}

impl<'a> Signals<'a> {
    /// Numbers the signals.
    fn new(inputs: &[&'a str], latches: &[Latch<'a>], gates: &[Gate<'a>]) -> Result<Self> {
        let latch_names = latches.iter().map(|latch| latch.name);
        let gate_names = gates.iter().map(|gate| gate.name);
        let mut numbers = HashMap::new();
        for name in inputs.iter().copied().chain(latch_names).chain(gate_names) {
            let number = numbers.len();
            if numbers.insert(name, number).is_some() {
                let expected = "inputs, latches and gates with names that differ";
                return Err(Error::new(expected, format!("{name:?} twice")));
            }
        }
        let nodes = vec![None; numbers.len()];
        let first_gate = inputs.len() + latches.len();
        Ok(Signals { builder: Builder::new(), numbers, nodes, first_gate })
    }

    fn sources(&mut self, inputs: &[&str], latches: &[Latch]) -> Result<()> {
        for (k, name) in inputs.iter().enumerate() {
            self.nodes[k] = Some(self.builder.input(*name)?);
        }
        for (k, latch) in latches.iter().enumerate() {
            let id = self.builder.latch(latch.name, latch.init, latch.clock.clone())?;
            self.nodes[inputs.len() + k] = Some(id);
        }
        Ok(())
    }

    fn gates(&mut self, gates: &[Gate]) -> Result<()> {
        let mut operands = Vec::with_capacity(gates.len());
        for gate in gates {
            let fanins = gate.fanins.iter().map(|fanin| self.number(*fanin, &gate.what));
            operands.push(fanins.collect::<Result<Vec<usize>>>()?);
        }
        let operand = |gate: usize, pin: usize| operands[gate][pin].checked_sub(self.first_gate);
        let order = topological_order(gates.len(), |gate| operands[gate].len(), operand).map_err(
            |gate| {
                let found = format!("a cycle through {}", gates[gate].what);
                Error::new("gates without a cycle", found)
            },
        )?;
        for k in order {
            self.gate(&gates[k], self.first_gate + k)?;
        }
        Ok(())
    }

    fn gate(&mut self, gate: &Gate, number: usize) -> Result<()> {
        let fanins = gate.fanins.iter().map(|fanin| self.resolve(*fanin, &gate.what));
        let fanins = fanins.collect::<Result<Vec<Literal>>>()?;
        let id = match gate.kind {
            GateKind::Const(value) => self.builder.constant(value)?,
            kind => self.builder.gate(kind, &fanins)?,
        };
        self.builder.name(id, gate.name)?;
        self.nodes[number] = Some(id);
        Ok(())
    }

    /// Next states, outputs, properties and bit orders.
    fn roots(&mut self, document: &Object<'a>, latches: &[Latch]) -> Result<()> {
        for latch in latches {
            let next = self.resolve(latch.next, &latch.what)?;
            let state = Reference { name: latch.name, complemented: false };
            let state = self.resolve(state, &latch.what)?;
            self.builder.next_state(state.node, next)?;
        }
        for output in array(document.required("outputs")?, "outputs")? {
            let (object, name) = Object::named(output, "output")?;
            object.only(&["name", "literal"])?;
            let reference = Reference::new(object.required("literal")?, &object.what)?;
            let literal = self.resolve(reference, &object.what)?;
            self.builder.output(name, literal)?;
        }
        let mut names = std::collections::HashSet::new();
        for property in document.list("properties", |value| self.property(value))? {
            if let Some(name) = &property.name
                && !names.insert((property.kind, name.clone()))
            {
                let found = format!("{name:?} twice");
                return Err(Error::new("properties with names that differ", found));
            }
            self.builder.property(property)?;
        }
        self.word_orders(document)
    }

    fn property(&self, value: &'a Value) -> Result<Property> {
        let mut object = Object::new(value, "a property".to_string())?;
        object.only(&["kind", "name", "literals"])?;
        let name = match object.get("name") {
            None => None,
            Some(name) => Some(string(name, "the name of a property")?.to_string()),
        };
        if let Some(name) = &name {
            object.what = format!("property {name:?}");
        }
        let kind = object.choice("kind", &PROPERTY_KINDS)?;
        let literals = Reference::list(object.required("literals")?, &object.what)?;
        if kind != PropertyKind::Justice && literals.len() != 1 {
            let expected = format!("one literal of {}, which is no `justice`", object.what);
            return Err(Error::new(expected, literals.len().to_string()));
        }
        let literals = literals.into_iter().map(|r| self.resolve(r, &object.what));
        Ok(Property { kind, name, literals: literals.collect::<Result<_>>()? })
    }

    fn word_orders(&mut self, document: &Object<'a>) -> Result<()> {
        let Some(orders) = document.get("word_orders") else { return Ok(()) };
        let object = Object::new(orders, "`word_orders`".to_string())?;
        for word in object.map.keys() {
            let orders = WordOrder::ALL.map(|order| (order.name(), order));
            self.builder.word_order(word.as_str(), object.choice(word, &orders)?);
        }
        Ok(())
    }

    fn number(&self, reference: Reference, reader: &str) -> Result<usize> {
        self.numbers.get(reference.name).copied().ok_or_else(|| {
            let expected = format!("an input, a latch or a gate as a literal of {reader}");
            let error = Error::new(expected, format!("{:?}", reference.name));
            let verbatim = format!("!{}", reference.name);
            if reference.complemented && self.numbers.contains_key(verbatim.as_str()) {
                return error.hint(format!("write {{\"name\": {verbatim:?}}}"));
            }
            error
        })
    }

    /// The literal of a signal whose node is built.
    fn resolve(&self, reference: Reference, reader: &str) -> Result<Literal> {
        let number = self.number(reference, reader)?;
        let node = self.nodes[number].expect("operands are built before their readers");
        Ok(node.literal().flip_if(reference.complemented))
    }
}
