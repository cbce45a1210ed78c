//! Header and sections of an AIGER file: literals with the offsets they stand at.
//!
//! What is checked here needs no other line: counts against the size of the file, literals against M,
//! the deltas of the binary form. Definitions are matched with uses in `build`.

use crate::circuit::LatchInit;
use crate::error::Result;
use crate::format::scan::{Scanner, UNMENTIONED};

/// The counts of the header.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub binary: bool,
    pub max_variable: usize,
    pub inputs: usize,
    pub latches: usize,
    pub outputs: usize,
    pub ands: usize,
    pub bad: usize,
    pub constraints: usize,
    pub justice: usize,
    pub fairness: usize,
}

/// The header's fields after the format, in order; the last four may be missing.
const FIELDS: [&str; 9] = [
    "the largest variable (M)",
    "the number of inputs (I)",
    "the number of latches (L)",
    "the number of outputs (O)",
    "the number of ANDs (A)",
    "the number of bad states (B)",
    "the number of constraints (C)",
    "the number of justice properties (J)",
    "the number of fairness constraints (F)",
];

/// How many fields a header needs.
const REQUIRED: usize = 5;

/// Counts above this are refused before they are added up.
const MAX_COUNT: usize = u32::MAX as usize;

impl Header {
    /// Reads the first line.
    ///
    /// # Errors
    /// It is no header, its counts contradict each other, or the file is too small for them.
    pub fn read(scanner: &mut Scanner) -> Result<Self> {
        let binary = match scanner.rest().get(..3) {
            Some(b"aag") => false,
            Some(b"aig") => true,
            _ => return Err(scanner.expected(0, "\"aag\" or \"aig\"")),
        };
        if binary {
            scanner.set_binary();
        }
        (0..3).for_each(|_| _ = scanner.byte());
        let mut fields = [0; FIELDS.len()];
        for (k, what) in FIELDS.into_iter().enumerate() {
            let more = matches!(scanner.rest(), [b' ', next, ..] if !next.is_ascii_whitespace());
            if k >= REQUIRED && !more {
                break;
            }
            scanner.space(what)?;
            fields[k] = scanner.number(what, MAX_COUNT)?;
        }
        scanner.end_of_line()?;
        let [max_variable, inputs, latches, outputs, ands, bad, constraints, justice, fairness] =
            fields;
        let header = Header {
            binary,
            max_variable,
            inputs,
            latches,
            outputs,
            ands,
            bad,
            constraints,
            justice,
            fairness,
        };
        header.check(scanner)?;
        Ok(header)
    }

    /// Holds the counts against each other and against the size of the file.
    fn check(&self, scanner: &Scanner) -> Result<()> {
        let defined = self.inputs + self.latches + self.ands;
        let m = self.max_variable;
        if self.binary && m != defined {
            return Err(scanner.error(4, format!("M = I + L + A = {defined}"), m.to_string()));
        }
        if m < defined {
            return Err(scanner.error(
                4,
                format!("M of at least I + L + A = {defined}"),
                m.to_string(),
            ));
        }
        let (least, left) = (self.least_bytes(), scanner.rest().len());
        if left < least {
            return Err(scanner.error(
                0,
                format!("at least {least} bytes after a header with these counts"),
                left.to_string(),
            ));
        }
        let most = scanner.len() + UNMENTIONED;
        if m > most {
            return Err(scanner
                .error(4, format!("M of at most {most} in a file of this size"), m.to_string())
                .hint("the file mentions few of the variables: renumber them"));
        }
        Ok(())
    }

    /// The bytes that the counted lines take at least, the last line end excepted.
    fn least_bytes(&self) -> usize {
        let lines = self.outputs + self.bad + self.constraints + self.justice + self.fairness;
        let bytes = if self.binary {
            2 * (self.latches + lines + self.ands)
        } else {
            2 * (self.inputs + lines) + 4 * self.latches + 6 * self.ands
        };
        bytes.saturating_sub(1)
    }
}

/// A literal and the offset it stands at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pin {
    pub literal: u32,
    pub offset: usize,
}

impl Pin {
    pub fn variable(self) -> usize {
        self.literal as usize / 2
    }

    pub fn complemented(self) -> bool {
        self.literal & 1 == 1
    }
}

/// A latch: the literal it defines, its next state and its reset value.
#[derive(Debug, Clone, Copy)]
pub(super) struct LatchLine {
    pub state: Pin,
    pub next: Pin,
    pub init: LatchInit,
}

/// What a reset literal of AIGER 1.9.23 is, as far as its number says.
fn reset_in_words(literal: u32, state: Pin) -> &'static str {
    if literal == state.literal ^ 1 {
        ", the complement of the latch itself"
    } else {
        ", a function"
    }
}

/// An AND: the literal it defines and its two operands.
#[derive(Debug, Clone, Copy)]
pub(super) struct And {
    pub out: Pin,
    pub operands: [Pin; 2],
}

/// The sections between header and symbols.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub inputs: Vec<Pin>,
    pub latches: Vec<LatchLine>,
    pub outputs: Vec<Pin>,
    pub bad: Vec<Pin>,
    pub constraints: Vec<Pin>,
    pub justice: Vec<Vec<Pin>>,
    pub fairness: Vec<Pin>,
    pub ands: Vec<And>,
}

impl Body {
    /// Reads the sections that `header` counts.
    ///
    /// # Errors
    /// A line or a delta is missing or malformed, or a literal is above `2 M + 1`.
    pub fn read(scanner: &mut Scanner, header: &Header) -> Result<Self> {
        let mut reader = Reader { scanner, header };
        let inputs = reader.inputs()?;
        let latches = (0..header.latches).map(|k| reader.latch(k)).collect::<Result<_>>()?;
        let outputs = reader.lines(header.outputs, "an output literal")?;
        let bad = reader.lines(header.bad, "a bad state literal")?;
        let constraints = reader.lines(header.constraints, "a constraint literal")?;
        let justice = reader.justice()?;
        let fairness = reader.lines(header.fairness, "a fairness literal")?;
        let ands = (0..header.ands).map(|k| reader.and(k)).collect::<Result<_>>()?;
        Ok(Body { inputs, latches, outputs, bad, constraints, justice, fairness, ands })
    }
}

/// Reads sections; `header` tells their form and the range of literals.
struct Reader<'a, 'b> {
    scanner: &'a mut Scanner<'b>,
    header: &'a Header,
}

impl Reader<'_, '_> {
    fn inputs(&mut self) -> Result<Vec<Pin>> {
        if self.header.binary {
            return Ok((1..=self.header.inputs).map(|v| self.implicit(v)).collect());
        }
        self.lines(self.header.inputs, "an input literal")
    }

    /// The literal of a variable that the binary form numbers itself.
    fn implicit(&self, variable: usize) -> Pin {
        Pin { literal: 2 * variable as u32, offset: self.scanner.offset() }
    }

    fn literal(&mut self, what: &str) -> Result<Pin> {
        let offset = self.scanner.offset();
        let literal = self.scanner.number(what, 2 * self.header.max_variable + 1)? as u32;
        Ok(Pin { literal, offset })
    }

    /// `count` lines of one literal each.
    fn lines(&mut self, count: usize, what: &str) -> Result<Vec<Pin>> {
        let mut pins = Vec::with_capacity(count);
        for _ in 0..count {
            pins.push(self.literal(what)?);
            self.scanner.end_of_line()?;
        }
        Ok(pins)
    }

    /// A latch line: `[state] next [reset]`, the state only in ASCII.
    fn latch(&mut self, k: usize) -> Result<LatchLine> {
        let state = if self.header.binary {
            self.implicit(self.header.inputs + k + 1)
        } else {
            let state = self.literal("a latch literal")?;
            self.scanner.space("a next state")?;
            state
        };
        let next = self.literal("a next state literal")?;
        let more = self.scanner.rest();
        let reset = more.len() > 1 && more[0] == b' ' && more[1].is_ascii_digit();
        let init = if reset { self.reset(state)? } else { LatchInit::Zero };
        self.scanner.end_of_line()?;
        Ok(LatchLine { state, next, init })
    }

    fn reset(&mut self, state: Pin) -> Result<LatchInit> {
        const WHAT: &str = "a reset value";
        self.scanner.space(WHAT)?;
        let reset = self.literal(WHAT)?;
        match reset.literal {
            0 => Ok(LatchInit::Zero),
            1 => Ok(LatchInit::One),
            own if own == state.literal => Ok(LatchInit::Unknown),
            other => Err(self
                .scanner
                .error(
                    reset.offset,
                    format!("a reset value: 0, 1 or the latch's own {}", state.literal),
                    format!("the reset literal {other}{}", reset_in_words(other, state)),
                )
                .hint("a reset that is computed is not read; start from 0 or 1 and let an input choose")),
        }
    }

    /// The sizes of all justice properties, then all their literals.
    fn justice(&mut self) -> Result<Vec<Vec<Pin>>> {
        let mut sizes = Vec::with_capacity(self.header.justice);
        for _ in 0..self.header.justice {
            let most = self.scanner.rest().len() / 2;
            sizes.push(self.scanner.number("the size of a justice property", most)?);
            self.scanner.end_of_line()?;
        }
        sizes.into_iter().map(|size| self.justice_literals(size)).collect()
    }

    fn justice_literals(&mut self, size: usize) -> Result<Vec<Pin>> {
        let mut pins = Vec::new();
        for _ in 0..size {
            pins.push(self.literal("a justice literal")?);
            self.scanner.end_of_line()?;
        }
        Ok(pins)
    }

    fn and(&mut self, k: usize) -> Result<And> {
        if self.header.binary { self.binary_and(k) } else { self.ascii_and() }
    }

    fn ascii_and(&mut self) -> Result<And> {
        let out = self.literal("an AND literal")?;
        self.scanner.space("the first operand")?;
        let left = self.literal("the first operand")?;
        self.scanner.space("the second operand")?;
        let right = self.literal("the second operand")?;
        self.scanner.end_of_line()?;
        Ok(And { out, operands: [left, right] })
    }

    /// Two deltas: the left side less the first operand, and that less the second.
    fn binary_and(&mut self, k: usize) -> Result<And> {
        let out = self.implicit(self.header.inputs + self.header.latches + k + 1);
        let first = self.delta(out.literal)?;
        if first.literal == out.literal {
            return Err(self
                .scanner
                .error(first.offset, "a delta of at least 1", "0")
                .hint("an AND cannot read itself"));
        }
        let second = self.delta(first.literal)?;
        Ok(And { out, operands: [first, second] })
    }

    /// A delta: seven bits a byte, low bits first, the top bit set on all bytes but the last. Gives
    /// the literal that lies so far below `from`.
    fn delta(&mut self, from: u32) -> Result<Pin> {
        let offset = self.scanner.offset();
        let mut delta = 0u64;
        for shift in (0..).step_by(7) {
            let Some(byte) = self.scanner.byte() else {
                return Err(self.scanner.expected(self.scanner.offset(), "a delta"));
            };
            let bits = u64::from(byte & 0x7F);
            if shift > 28 || shift > 0 && byte == 0 {
                let error =
                    self.scanner.error(offset, "a delta in its shortest form", "a longer one");
                return Err(error.hint("at most five bytes, the last of several not zero"));
            }
            delta |= bits << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        match u32::try_from(delta).ok().and_then(|delta| from.checked_sub(delta)) {
            Some(literal) => Ok(Pin { literal, offset }),
            None => Err(self.scanner.error(
                offset,
                format!("a delta of at most {from}"),
                delta.to_string(),
            )),
        }
    }
}
