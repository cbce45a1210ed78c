//! ISCAS bench: one `INPUT(x)`, `OUTPUT(x)` or `y = GATE(a, b, …)` a line, `#` comments.
//!
//! As the ISCAS-85 and ISCAS-89 files write it, with what ABC adds: `vdd`, `gnd`, `MUX(s, then, else)`,
//! `LUT 0x8 (a, b)` with the first operand as the least significant bit of the row. Words may have any
//! case, names may not. Definitions come in any order, a net may be input and output at once, and more than one output. A DFF has
//! no initial value in this format; it starts at 0, and a note says so.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::cursor::{Source, Token, quote};
use super::names::NetNames;
use super::nets::{Net, Nets, Pin};
use super::table::simplify;
use super::{Format, Holds, Loaded, Opening, Written};
use crate::circuit::{Circuit, GateKind, LatchInit, NodeId, TruthTable};
use crate::error::{Error, Result};

/// ISCAS bench.
pub static FORMAT: Format = Format {
    name: "bench",
    title: "bench",
    extension: "bench",
    holds: Holds { names: true, latches: true, tables: true, ..Holds::GATES },
    has_modules: false,
    has_bad_states: false,
    detect: shows,
    read: |bytes, file, _| read(bytes, file),
    write,
};

/// A net may be called anything, say `.end` or `module`, so this is asked before other formats; but not what a
/// Verilog file's directives define.
fn shows(opening: &Opening) -> bool {
    let is_port = ["INPUT", "OUTPUT"].iter().any(|port| {
        opening.word.eq_ignore_ascii_case(port.as_bytes()) && opening.rest.starts_with(b"(")
    });
    !opening.word.starts_with(b"`") && opening.rest.starts_with(b"=") || is_port
}

/// Reads a bench file.
///
/// # Errors
/// The text is no bench netlist, or no circuit: at the place, with what was expected.
pub fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    let source = Source::new(bytes, file)?;
    let mut reader = Reader {
        source,
        netlist: Nets::new(source),
        outputs: Vec::new(),
        constants: Vec::new(),
        n_latches: 0,
    };
    for line in source.lines() {
        let mut statement = Statement { source: &source, rest: line.before('#') };
        statement.skip_space();
        if !statement.rest.text.is_empty() {
            reader.statement(statement)?;
        }
    }
    reader.finish()
}

struct Reader<'a> {
    source: Source<'a>,
    netlist: Nets<'a>,
    outputs: Vec<Token<'a>>,
    /// Operands called `vdd` or `gnd`, which are constants unless the file defines them.
    constants: Vec<(Net, bool)>,
    n_latches: usize,
}

impl<'a> Reader<'a> {
    fn statement(&mut self, mut line: Statement<'a, '_>) -> Result<()> {
        let first = line.name("INPUT(…), OUTPUT(…) or a definition")?;
        if line.take('=') {
            self.definition(first, line)
        } else if first.text.eq_ignore_ascii_case("INPUT") {
            let port = line.port()?;
            let net = self.netlist.net(port);
            self.netlist.input(net, port.offset)
        } else if first.text.eq_ignore_ascii_case("OUTPUT") {
            let port = line.port()?;
            self.netlist.net(port);
            self.outputs.push(port);
            Ok(())
        } else if line.rest.text.starts_with('(') {
            Err(line.error_at(first, "INPUT or OUTPUT"))
        } else {
            Err(line.error("\"=\"").hint("a line is INPUT(x), OUTPUT(x) or y = GATE(a, b, …)"))
        }
    }

    fn definition(&mut self, target: Token<'a>, mut line: Statement<'a, '_>) -> Result<()> {
        let gate = line.name("a gate")?;
        let net = self.netlist.net(target);
        if let Some(value) = constant(gate.text) {
            line.end()?;
            return self.netlist.gate(net, GateKind::Const(value), &[], target.offset);
        }
        let word = gate.text.to_ascii_uppercase();
        let table =
            if word == "LUT" { Some(line.name("a truth table such as 0x8")?) } else { None };
        let operands = line.operands()?;
        let mut pins: Vec<Pin> = operands.iter().map(|&token| self.operand(token)).collect();
        match (table, kind(&word)) {
            (Some(table), _) => {
                let (kind, pins) = simplify(self.table(table, pins.len())?, &pins);
                self.netlist.gate(net, kind, &pins, target.offset)
            }
            (None, Some(kind)) => {
                self.require_operands(gate, kind, pins.len())?;
                if kind == GateKind::Mux {
                    pins.swap(1, 2);
                }
                self.netlist.gate(net, kind, &pins, target.offset)
            }
            (None, None) if word == "DFF" || word == "DFFRSE" => {
                self.flip_flop(net, target, gate, &operands, &pins)
            }
            (None, None) => Err(line.error_at(gate, "a gate").hint(
                "the gates are AND, OR, NAND, NOR, XOR, XNOR, NOT, BUF, MUX, MAJ, LUT, DFF, vdd and gnd",
            )),
        }
    }

    fn require_operands(&self, gate: Token<'a>, kind: GateKind, count: usize) -> Result<()> {
        if kind.accepts(count) {
            return Ok(());
        }
        let expected = match kind {
            GateKind::Buf | GateKind::Not => "one operand",
            GateKind::Mux | GateKind::Maj => "three operands",
            _ => "at least one operand",
        };
        let found = format!("{count} for {}", quote(gate.text));
        Err(self.source.error(gate.offset, expected, found))
    }

    fn operand(&mut self, token: Token<'a>) -> Pin {
        let net = self.netlist.net(token);
        if let Some(value) = constant(token.text) {
            self.constants.push((net, value));
        }
        net.into()
    }

    /// `DFF(d)`, or `DFFRSE(d, gnd, gnd, gnd, gnd)` as ABC writes the same thing.
    fn flip_flop(
        &mut self,
        net: Net,
        target: Token<'a>,
        gate: Token<'a>,
        operands: &[Token<'a>],
        pins: &[Pin],
    ) -> Result<()> {
        let plain = operands.iter().skip(1).all(|token| constant(token.text) == Some(false));
        let count = if gate.text.eq_ignore_ascii_case("DFF") { 1 } else { 5 };
        if pins.len() != count || !plain {
            let found = format!("{} operands", pins.len());
            return Err(self
                .source
                .error(gate.offset, "DFF(d) or DFFRSE(d, gnd, gnd, gnd, gnd)", found)
                .hint("flip-flops with reset, set or enable are not supported"));
        }
        self.n_latches += 1;
        self.netlist.latch(net, pins[0], LatchInit::Zero, None, target.offset)
    }

    fn table(&self, token: Token<'a>, n_inputs: usize) -> Result<TruthTable> {
        let error =
            |expected: &str, found: String| self.source.error(token.offset, expected, found);
        if n_inputs > TruthTable::MAX_INPUTS {
            let found = format!("{n_inputs}");
            return Err(error("a LUT of at most 6 operands", found)
                .hint("map the circuit to smaller LUTs first, for example with `if -K 6` in ABC"));
        }
        let digits = token.text.strip_prefix("0x").or(token.text.strip_prefix("0X"));
        let digits = digits.filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(digits) = digits.map(|digits| digits.trim_start_matches('0')) else {
            return Err(error("a truth table such as 0x8", quote(token.text)));
        };
        let bits = u64::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16).ok();
        let table = bits.and_then(|bits| TruthTable::new(n_inputs, bits).ok());
        match table.filter(|table| Some(table.bits()) == bits) {
            Some(table) => Ok(table),
            None => {
                let expected = format!("a table of {} bits", 1 << n_inputs);
                Err(error(&expected, quote(token.text)))
            }
        }
    }

    fn finish(mut self) -> Result<Loaded> {
        for (net, value) in std::mem::take(&mut self.constants) {
            if !self.netlist.is_driven(net) {
                let offset = self.netlist.offset(net);
                self.netlist.gate(net, GateKind::Const(value), &[], offset)?;
            }
        }
        for port in std::mem::take(&mut self.outputs) {
            let net = self.netlist.net(port);
            self.netlist.output(Cow::Borrowed(port.text), net.into(), port.offset);
        }
        let mut notes = Vec::new();
        if self.n_latches > 0 {
            notes.push(format!(
                "bench gives no initial values: the {} DFFs are taken to start at 0",
                self.n_latches
            ));
        }
        let circuit = self.netlist.finish(&mut notes)?;
        Ok(Loaded { circuit, format: &FORMAT, notes })
    }
}

fn constant(word: &str) -> Option<bool> {
    if word.eq_ignore_ascii_case("vdd") {
        Some(true)
    } else if word.eq_ignore_ascii_case("gnd") {
        Some(false)
    } else {
        None
    }
}

fn kind(word: &str) -> Option<GateKind> {
    Some(match word {
        "AND" => GateKind::And,
        "OR" => GateKind::Or,
        "NAND" => GateKind::Nand,
        "NOR" => GateKind::Nor,
        "XOR" => GateKind::Xor,
        "XNOR" | "NXOR" => GateKind::Xnor,
        "NOT" | "INV" => GateKind::Not,
        "BUF" | "BUFF" => GateKind::Buf,
        "MUX" => GateKind::Mux,
        "MAJ" => GateKind::Maj,
        _ => return None,
    })
}

/// A line that is being read.
struct Statement<'a, 's> {
    source: &'s Source<'a>,
    rest: Token<'a>,
}

impl<'a> Statement<'a, '_> {
    fn skip_space(&mut self) {
        let text = self.rest.text.trim_start();
        let offset = self.rest.end() - text.len();
        self.rest = Token { text, offset };
    }

    /// Steps over `length` bytes and the space behind them.
    fn advance(&mut self, length: usize) -> Token<'a> {
        let (text, rest) = self.rest.text.split_at(length);
        let token = Token { text, offset: self.rest.offset };
        self.rest = Token { text: rest, offset: token.end() };
        self.skip_space();
        token
    }

    fn take(&mut self, mark: char) -> bool {
        let found = self.rest.text.starts_with(mark);
        if found {
            self.advance(mark.len_utf8());
        }
        found
    }

    fn name(&mut self, expected: &str) -> Result<Token<'a>> {
        let length = self.rest.text.find(|c| !is_name(c)).unwrap_or(self.rest.text.len());
        if length == 0 {
            return Err(self.error(expected));
        }
        Ok(self.advance(length))
    }

    fn expect(&mut self, mark: char) -> Result<()> {
        if self.take(mark) { Ok(()) } else { Err(self.error(&format!("\"{mark}\""))) }
    }

    /// `(x)` and the end of the line.
    fn port(&mut self) -> Result<Token<'a>> {
        self.expect('(')?;
        let port = self.name("a net")?;
        if !self.take(')') {
            return Err(self
                .error("\")\"")
                .hint("a name holds no white space and none of , ( ) = #"));
        }
        self.end()?;
        Ok(port)
    }

    /// `(a, b, …)`, perhaps empty, and the end of the line.
    fn operands(&mut self) -> Result<Vec<Token<'a>>> {
        self.expect('(')?;
        let mut operands = Vec::new();
        if !self.take(')') {
            loop {
                operands.push(self.name("a net")?);
                if self.take(')') {
                    break;
                }
                if !self.take(',') {
                    return Err(self.error("\",\" or \")\""));
                }
            }
        }
        self.end()?;
        Ok(operands)
    }

    fn end(&mut self) -> Result<()> {
        if self.rest.text.is_empty() { Ok(()) } else { Err(self.error("the end of the line")) }
    }

    fn error(&self, expected: &str) -> Error {
        let text = self.rest.text;
        let length = text.find(|c| !is_name(c)).unwrap_or(text.len());
        let length = length.max(text.chars().next().map_or(0, char::len_utf8));
        let found =
            if text.is_empty() { "the end of the line".into() } else { quote(&text[..length]) };
        self.source.error(self.rest.offset, expected, found)
    }

    fn error_at(&self, token: Token<'a>, expected: &str) -> Error {
        self.source.error(token.offset, expected, quote(token.text))
    }
}

fn is_name(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, ',' | '(' | ')' | '=' | '#')
}

/// Writes a bench file. Complemented fan-ins go through one NOT per node.
///
/// # Errors
/// The circuit has properties, or a latch that starts at 1.
pub fn write(circuit: &Circuit) -> Result<Written> {
    FORMAT.refuse_properties(circuit)?;
    let mut names = NetNames::new(circuit, is_name);
    let mut notes = latch_notes(circuit)?;
    notes.extend(super::word_order_note(circuit));
    circuit.latches().iter().for_each(|latch| names.need(latch.next));
    for node in circuit.nodes() {
        circuit.fanins(node).for_each(|literal| names.need(literal));
    }
    let mut text = header(circuit, &names);
    for latch in circuit.latches() {
        let next = names.literal(latch.next);
        push_line(&mut text, names.node(latch.node), format_args!("DFF({next})"));
    }
    for node in circuit.nodes() {
        write_node(&mut text, circuit, node, &names);
    }
    for (&node, name) in names.inverters() {
        push_line(&mut text, name, format_args!("NOT({})", names.node(node)));
    }
    for &(o, literal) in names.copies() {
        let name = &names.outputs()[o];
        match circuit.kind(literal.node) {
            GateKind::Const(value) if value ^ literal.complemented => {
                push_line(&mut text, name, format_args!("vdd"))
            }
            GateKind::Const(_) => push_line(&mut text, name, format_args!("gnd")),
            _ if literal.complemented => {
                push_line(&mut text, name, format_args!("NOT({})", names.node(literal.node)))
            }
            _ => push_line(&mut text, name, format_args!("BUFF({})", names.node(literal.node))),
        }
    }
    notes.extend(names.into_notes());
    Ok(Written { bytes: text.into_bytes(), notes })
}

fn header(circuit: &Circuit, names: &NetNames) -> String {
    let mut text = format!(
        "# {} inputs, {} outputs, {} gates\n",
        circuit.inputs().len(),
        circuit.outputs().len(),
        circuit.n_gates()
    );
    for &input in circuit.inputs() {
        push_port(&mut text, "INPUT", names.node(input));
    }
    for output in names.outputs() {
        push_port(&mut text, "OUTPUT", output);
    }
    text
}

fn push_port(text: &mut String, word: &str, name: &str) {
    writeln!(text, "{word}({name})").expect("a string takes every text");
}

fn push_line(text: &mut String, name: &str, value: std::fmt::Arguments<'_>) {
    writeln!(text, "{name} = {value}").expect("a string takes every text");
}

fn write_node(text: &mut String, circuit: &Circuit, node: NodeId, names: &NetNames) {
    let kind = circuit.kind(node);
    let mut operands: Vec<&str> =
        circuit.fanins(node).map(|literal| names.literal(literal)).collect();
    if kind == GateKind::Mux {
        operands.swap(1, 2);
    }
    let (n_operands, operands) = (operands.len(), operands.join(", "));
    let name = names.node(node);
    match kind {
        GateKind::Input | GateKind::Latch => {}
        GateKind::Const(true) => push_line(text, name, format_args!("vdd")),
        GateKind::Const(false) => push_line(text, name, format_args!("gnd")),
        GateKind::Buf => push_line(text, name, format_args!("BUFF({operands})")),
        // ABC knows no MAJ; the reader recognises its table.
        GateKind::Maj => push_line(text, name, format_args!("LUT 0xe8 ({operands})")),
        // ABC takes two operands only; the reader recognises these tables too.
        GateKind::Xor | GateKind::Xnor if (3..=TruthTable::MAX_INPUTS).contains(&n_operands) => {
            let bits = kind.table(n_operands).bits();
            push_line(text, name, format_args!("LUT 0x{bits:x} ({operands})"));
        }
        GateKind::Lut(table) if table.n_inputs() == 0 => {
            push_line(text, name, format_args!("{}", if table.at(0) { "vdd" } else { "gnd" }));
        }
        GateKind::Lut(table) => {
            push_line(text, name, format_args!("LUT 0x{:x} ({operands})", table.bits()));
        }
        _ => push_line(text, name, format_args!("{}({operands})", kind.name())),
    }
}

/// What a DFF cannot say about the latches.
fn latch_notes(circuit: &Circuit) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let latches = circuit.latches();
    if let Some(latch) = latches.iter().find(|latch| latch.init == LatchInit::One) {
        let found = format!("latch {} that starts at 1", quote(&latch.name));
        return Err(Error::new("latches that start at 0, as bench has no initial values", found)
            .hint(format!("write {} instead", super::either(|format| format.holds.resets))));
    }
    let open = latches.iter().filter(|latch| latch.init != LatchInit::Zero).count();
    if open > 0 {
        notes.push(format!(
            "bench gives no initial values: {open} latches without one read back as 0"
        ));
    }
    let clocked = latches.iter().filter(|latch| latch.clock.is_some()).count();
    if clocked > 0 {
        notes.push(format!("bench has no clocks: those of {clocked} latches are left out"));
    }
    Ok(notes)
}
