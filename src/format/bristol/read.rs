//! From Bristol text to a circuit: one gate of the file, one gate of the circuit.

use crate::circuit::{Builder, Circuit, GateKind, Literal};
use crate::error::{Error, Result};
use crate::format::scan::{Scanner, UNMENTIONED};
use crate::format::{Format, Loaded};

use super::{FASHION, OLD};

/// The shortest gate line, `1 1 0 1 EQ`, without its end.
const LEAST_GATE: usize = 10;

pub(super) fn read(bytes: &[u8], file: &str) -> Result<Loaded> {
    let mut lines =
        Lines { scanner: Scanner::new(bytes, file), tokens: Vec::new(), first_comment: None };
    let header = Header::read(&mut lines)?;
    let mut wires = Wires::new(&header)?;
    for read in 0..header.gates {
        if !lines.next() {
            let found = format!("{read} before the end of the file");
            return Err(lines.here(format!("{} gates", header.gates), found));
        }
        wires.gate(&lines)?;
    }
    if lines.next() {
        let expected = format!("the end of the file after {} gates", header.gates);
        return Err(lines.scanner.expected(lines.offset(0), expected));
    }
    let circuit = wires.finish(&lines, &header)?;
    let note = lines.first_comment.map(|offset| {
        let line = lines.scanner.line_number(offset);
        format!("comments are skipped, the first in line {line}: Bristol files have none")
    });
    Ok(Loaded { circuit, format: header.format, notes: note.into_iter().collect() })
}

/// A token: the bytes between white space, and their offset.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    text: &'a [u8],
    offset: usize,
}

/// The non-blank lines of a file as tokens.
struct Lines<'a> {
    scanner: Scanner<'a>,
    /// The tokens of the current line.
    tokens: Vec<Token<'a>>,
    /// Where the first comment starts.
    first_comment: Option<usize>,
}

impl<'a> Lines<'a> {
    /// Goes to the next line that is neither blank nor a comment, which `#` or `//` starts; `false` at the end of the file.
    fn next(&mut self) -> bool {
        self.tokens.clear();
        while self.tokens.is_empty() && self.scanner.peek().is_some() {
            let mut offset = self.scanner.offset();
            for text in self.scanner.line().split(u8::is_ascii_whitespace) {
                if text.starts_with(b"#") || text.starts_with(b"//") {
                    self.first_comment.get_or_insert(offset);
                    break;
                }
                if !text.is_empty() {
                    self.tokens.push(Token { text, offset });
                }
                offset += text.len() + 1;
            }
        }
        !self.tokens.is_empty()
    }

    /// The offset of token `k`, or of the end of the line or file.
    fn offset(&self, k: usize) -> usize {
        match (self.tokens.get(k), self.tokens.last()) {
            (Some(token), _) => token.offset,
            (None, Some(last)) => last.offset + last.text.len(),
            (None, None) => self.scanner.offset(),
        }
    }

    /// An error at the current line's start.
    fn here(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        self.scanner.error(self.offset(0), expected, found)
    }

    /// Token `k` as a number, called `what` in errors.
    fn number(&self, k: usize, what: &str) -> Result<usize> {
        let digits = self.tokens.get(k).map_or(&b""[..], |token| token.text);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(self.scanner.expected(self.offset(k), what));
        }
        let digit = |n: usize, d: &u8| n.saturating_mul(10).saturating_add(usize::from(d - b'0'));
        Ok(digits.iter().fold(0, digit))
    }

    /// All tokens as numbers, or `None` if one is none.
    fn numbers(&self) -> Option<Vec<usize>> {
        (0..self.tokens.len()).map(|k| self.number(k, "").ok()).collect()
    }
}

/// The lines before the gates.
#[derive(Debug)]
struct Header {
    format: &'static Format,
    gates: usize,
    wires: usize,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    /// Where the wire count stands.
    wires_offset: usize,
}

impl Header {
    fn read(lines: &mut Lines) -> Result<Self> {
        lines.next();
        let gates = lines.number(0, "the number of gates")?;
        let wires = lines.number(1, "the number of wires")?;
        let wires_offset = lines.offset(1);
        if lines.tokens.len() > 2 {
            return Err(lines.scanner.expected(lines.offset(2), "the end of the line"));
        }
        check_size(lines, gates, wires)?;
        let (format, inputs, outputs) = groups(lines)?;
        let header = Header { format, gates, wires, inputs, outputs, wires_offset };
        header.check_groups(lines)?;
        Ok(header)
    }

    /// Inputs and outputs must fit the wires.
    fn check_groups(&self, lines: &Lines) -> Result<()> {
        for (what, groups) in [("inputs", &self.inputs), ("outputs", &self.outputs)] {
            let sum = groups.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
            if sum > self.wires {
                return Err(lines.scanner.error(
                    self.wires_offset,
                    format!("at least {sum} wires for {sum} {what}"),
                    self.wires.to_string(),
                ));
            }
        }
        Ok(())
    }
}

/// Holds the first line against the size of the file, before anything is allocated.
fn check_size(lines: &Lines, gates: usize, wires: usize) -> Result<()> {
    let left = lines.scanner.rest().len();
    let most = (left + 1) / (LEAST_GATE + 1);
    if gates > most {
        let expected = format!("at most {most} gates in the {left} bytes that follow");
        return Err(lines.scanner.error(lines.offset(0), expected, gates.to_string()));
    }
    let most = left + UNMENTIONED;
    if wires > most {
        let expected = format!("at most {most} wires in a file of this size");
        return Err(lines.scanner.error(lines.offset(1), expected, wires.to_string()));
    }
    Ok(())
}

/// The sizes of the groups: format, inputs, outputs. Fashion has two lines `count n_1 … n_count`, the
/// old format one line of three numbers, which may look like the first of them.
fn groups(lines: &mut Lines) -> Result<(&'static Format, Vec<usize>, Vec<usize>)> {
    let counted = |numbers: &[usize]| numbers.first() == Some(&(numbers.len().wrapping_sub(1)));
    lines.next();
    let Some(second) = lines.numbers().filter(|numbers| !numbers.is_empty()) else {
        let bad = (0..lines.tokens.len()).find(|&k| lines.number(k, "").is_err()).unwrap_or(0);
        return Err(lines.scanner.expected(lines.offset(bad), "the sizes of the input groups"));
    };
    let uncounted = lines
        .here("a count and as many group sizes", format!("{} numbers", second.len()))
        .hint("Fashion: `2 64 64` and below it `1 64`; old format: `64 64 64`");
    if second.len() != 3 && !counted(&second) {
        return Err(uncounted);
    }
    let gates = lines.scanner.clone();
    lines.next();
    match lines.numbers() {
        Some(third) if !third.is_empty() && counted(&second) && counted(&third) => {
            Ok((&FASHION, second[1..].to_vec(), third[1..].to_vec()))
        }
        numbers if second.len() == 3 && numbers.as_ref().is_none_or(Vec::is_empty) => {
            lines.scanner = gates;
            // A second group of no bits is the format's way to say that there is one group.
            let inputs = if second[1] == 0 { &second[..1] } else { &second[..2] };
            Ok((&OLD, inputs.to_vec(), vec![second[2]]))
        }
        Some(third) if !counted(&second) && counted(&third) => Err(uncounted),
        _ => Err(lines.scanner.expected(lines.offset(0), "the sizes of the output groups")),
    }
}

/// The gates that take two inputs and give one output.
const BINARY: [(&[u8], GateKind); 6] = [
    (b"XOR", GateKind::Xor),
    (b"AND", GateKind::And),
    (b"OR", GateKind::Or),
    (b"XNOR", GateKind::Xnor),
    (b"NAND", GateKind::Nand),
    (b"NOR", GateKind::Nor),
];

/// The circuit under construction and the literal on every wire that is written.
struct Wires {
    builder: Builder,
    literals: Vec<Option<Literal>>,
    /// The operands of the current gate.
    operands: Vec<Literal>,
}

impl Wires {
    /// A circuit of inputs only.
    fn new(header: &Header) -> Result<Self> {
        let mut wires = Wires {
            builder: Builder::new(),
            literals: Vec::with_capacity(header.wires),
            operands: Vec::new(),
        };
        for (group, &size) in header.inputs.iter().enumerate() {
            for bit in 0..size {
                let input = wires.builder.input(format!("in{group}[{bit}]"))?;
                wires.literals.push(Some(input.literal()));
            }
        }
        wires.literals.resize(header.wires, None);
        Ok(wires)
    }

    /// The gate on the current line.
    fn gate(&mut self, lines: &Lines) -> Result<()> {
        let n_in = lines.number(0, "the number of gate inputs")?;
        let n_out = lines.number(1, "the number of gate outputs")?;
        let last = lines.tokens.len() - 1;
        let name = lines.tokens[last].text;
        if name[0].is_ascii_digit() {
            return Err(lines.scanner.expected(lines.offset(last + 1), "the kind of the gate"));
        }
        if n_in.saturating_add(n_out).saturating_add(2) != last {
            return Err(lines.here(
                format!("{} wires: {n_in} inputs and {n_out} outputs", n_in.saturating_add(n_out)),
                last.saturating_sub(2).to_string(),
            ));
        }
        let upper = name.to_ascii_uppercase();
        match upper.as_slice() {
            b"INV" | b"NOT" => self.plain(lines, GateKind::Not, [1, 1], [n_in, n_out]),
            b"EQW" => self.plain(lines, GateKind::Buf, [1, 1], [n_in, n_out]),
            b"EQ" => self.constant(lines, [n_in, n_out]),
            b"MAND" => self.many_ands(lines, [n_in, n_out]),
            kind => match BINARY.iter().find(|(name, _)| *name == kind) {
                Some(&(_, kind)) => self.plain(lines, kind, [2, 1], [n_in, n_out]),
                None => Err(lines
                    .scanner
                    .expected(lines.offset(last), "the kind of a gate")
                    .hint("XOR AND INV EQ EQW MAND, also NOT OR XNOR NAND NOR")),
            },
        }
    }

    /// A gate of one output.
    fn plain(
        &mut self,
        lines: &Lines,
        kind: GateKind,
        arity: [usize; 2],
        found: [usize; 2],
    ) -> Result<()> {
        require_arity(lines, arity, found)?;
        self.operands.clear();
        for k in 0..arity[0] {
            let operand = self.operand(lines, 2 + k)?;
            self.operands.push(operand);
        }
        self.drive(lines, 2 + arity[0], kind)
    }

    /// `EQ`, whose input is a value and not a wire.
    fn constant(&mut self, lines: &Lines, found: [usize; 2]) -> Result<()> {
        require_arity(lines, [1, 1], found)?;
        let value = lines.number(2, "the constant 0 or 1")?;
        if value > 1 {
            return Err(lines.scanner.expected(lines.offset(2), "the constant 0 or 1"));
        }
        let literal = self.builder.constant(value == 1)?.literal();
        self.set(lines, 3, literal)
    }

    /// `MAND`: `k` ANDs, of input `i` and input `i + k`.
    fn many_ands(&mut self, lines: &Lines, [n_in, n_out]: [usize; 2]) -> Result<()> {
        if n_out == 0 || n_in != n_out.saturating_mul(2) {
            let expected = "MAND with twice as many inputs as outputs";
            return Err(lines.here(expected, format!("{n_in} and {n_out}")));
        }
        // All inputs are read before the first output is written, as in one gate.
        let operands =
            (0..n_in).map(|k| self.operand(lines, 2 + k)).collect::<Result<Vec<Literal>>>()?;
        for k in 0..n_out {
            self.operands.clear();
            self.operands.extend([operands[k], operands[k + n_out]]);
            self.drive(lines, 2 + n_in + k, GateKind::And)?;
        }
        Ok(())
    }

    /// The wire that token `k` names.
    fn wire(&self, lines: &Lines, k: usize) -> Result<usize> {
        let wire = lines.number(k, "a wire")?;
        if wire >= self.literals.len() {
            let expected = format!("a wire below {}", self.literals.len());
            return Err(lines.scanner.error(lines.offset(k), expected, wire.to_string()));
        }
        Ok(wire)
    }

    /// The literal on the wire that token `k` names.
    fn operand(&self, lines: &Lines, k: usize) -> Result<Literal> {
        let wire = self.wire(lines, k)?;
        self.literals[wire].ok_or_else(|| {
            let found = format!("wire {wire}, which is not written before");
            lines.scanner.error(lines.offset(k), "an input or an earlier gate's output", found)
        })
    }

    /// Puts a gate over the current operands on the wire that token `k` names.
    fn drive(&mut self, lines: &Lines, k: usize, kind: GateKind) -> Result<()> {
        let literal = self.builder.gate(kind, &self.operands)?.literal();
        self.set(lines, k, literal)
    }

    fn set(&mut self, lines: &Lines, k: usize, literal: Literal) -> Result<()> {
        let wire = self.wire(lines, k)?;
        if self.literals[wire].is_some() {
            let found = format!("wire {wire} again");
            let expected = "a wire that nothing writes before";
            return Err(lines.scanner.error(lines.offset(k), expected, found));
        }
        self.literals[wire] = Some(literal);
        Ok(())
    }

    /// The last wires are the outputs.
    fn finish(mut self, lines: &Lines, header: &Header) -> Result<Circuit> {
        let mut wire = header.wires - header.outputs.iter().sum::<usize>();
        for (group, &size) in header.outputs.iter().enumerate() {
            for bit in 0..size {
                let Some(literal) = self.literals[wire] else {
                    let found = format!("wire {wire} (out{group}[{bit}]), which nothing writes");
                    return Err(lines.here("a value on every output", found));
                };
                self.builder.output(format!("out{group}[{bit}]"), literal)?;
                wire += 1;
            }
        }
        self.builder.finish()
    }
}

fn require_arity(lines: &Lines, arity: [usize; 2], found: [usize; 2]) -> Result<()> {
    if arity == found {
        return Ok(());
    }
    let kind = String::from_utf8_lossy(lines.tokens.last().map_or(&b""[..], |t| t.text));
    let text = |[n_in, n_out]: [usize; 2]| format!("{n_in} in and {n_out} out");
    Err(lines.here(format!("{kind} with {}", text(arity)), text(found)))
}
