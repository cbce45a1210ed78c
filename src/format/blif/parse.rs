//! BLIF text into models: what each one declares, nets as numbers, nothing resolved between models.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::circuit::LatchInit;
use crate::error::{Error, Result};
use crate::format::cursor::{Source, Token, quote, shorten};
use crate::format::names::nearest;

/// A net of one model: an index into [`Model::nets`].
pub type Local = u32;

/// A cover, a latch, an instance or a connection.
#[derive(Debug)]
pub enum Item<'a> {
    /// `.names`: the last of `pins` is driven; `value` is the rows' common output.
    Cover {
        pins: Vec<Local>,
        rows: Vec<&'a str>,
        value: bool,
        offset: usize,
    },
    Latch {
        next: Local,
        state: Local,
        init: LatchInit,
        clock: Option<Clock<'a>>,
        offset: usize,
    },
    Instance(Instance<'a>),
    /// Yosys's `.conn`: `target` is the same signal as `from`.
    Connection {
        from: Local,
        target: Local,
        offset: usize,
    },
}

/// A latch's type and control signal.
#[derive(Debug, Clone, Copy)]
pub struct Clock<'a> {
    pub edge: &'a str,
    pub control: &'a str,
}

/// `.subckt`.
#[derive(Debug)]
pub struct Instance<'a> {
    pub model: Token<'a>,
    /// Yosys's `.cname`.
    pub name: Option<&'a str>,
    pub bindings: Vec<(Token<'a>, Local)>,
}

/// One `.model`.
#[derive(Debug)]
pub struct Model<'a> {
    pub name: Token<'a>,
    /// The names of the nets, each where it is first mentioned.
    pub nets: Vec<Token<'a>>,
    pub by_name: HashMap<&'a str, Local>,
    /// Absent where the model has no such line.
    pub inputs: Option<Vec<(Local, usize)>>,
    pub outputs: Option<Vec<(Local, usize)>>,
    pub ports: HashSet<Local>,
    pub items: Vec<Item<'a>>,
    /// Whether the model says that its logic is elsewhere.
    pub is_black_box: bool,
    /// How many bytes of words the model consists of.
    pub size: usize,
}

impl<'a> Model<'a> {
    fn new(name: Token<'a>) -> Self {
        Model {
            name,
            nets: Vec::new(),
            by_name: HashMap::new(),
            inputs: None,
            outputs: None,
            ports: HashSet::new(),
            items: Vec::new(),
            is_black_box: false,
            size: 0,
        }
    }

    fn net(&mut self, token: Token<'a>) -> Local {
        let next = self.nets.len() as Local;
        let net = *self.by_name.entry(token.text).or_insert(next);
        if net == next {
            self.nets.push(token);
        }
        net
    }

    fn ports(&mut self, words: &[Token<'a>]) -> Vec<(Local, usize)> {
        let ports: Vec<_> = words.iter().map(|&word| (self.net(word), word.offset)).collect();
        self.ports.extend(ports.iter().map(|(net, _)| net));
        ports
    }
}

/// The models in file order, and what was skipped.
pub struct Parsed<'a> {
    pub models: Vec<Model<'a>>,
    pub notes: Vec<String>,
}

/// Directives that are read.
const KNOWN: [&str; 13] = [
    ".model",
    ".end",
    ".exdc",
    ".inputs",
    ".input",
    ".outputs",
    ".output",
    ".names",
    ".latch",
    ".subckt",
    ".conn",
    ".cname",
    ".blackbox",
];

/// Directives that describe no logic: delays, areas, loads and drives of the BLIF report, and what yosys
/// and VPR say about cells.
const HARMLESS: [&str; 26] = [
    ".area",
    ".delay",
    ".wire_load_slope",
    ".wire",
    ".input_arrival",
    ".default_input_arrival",
    ".output_required",
    ".default_output_required",
    ".input_required",
    ".default_input_required",
    ".output_arrival",
    ".default_output_arrival",
    ".input_drive",
    ".default_input_drive",
    ".output_load",
    ".default_output_load",
    ".max_input_load",
    ".default_max_input_load",
    ".clock",
    ".clock_event",
    ".cycle",
    ".latch_order",
    ".code",
    ".attr",
    ".param",
    ".version",
];

/// Cuts a BLIF text into its models.
///
/// # Errors
/// A line that BLIF does not know, at its place.
pub fn parse<'a>(source: Source<'a>) -> Result<Parsed<'a>> {
    let mut parser = Parser {
        source,
        models: Vec::new(),
        is_open: false,
        skipping: false,
        first_exdc: None,
        takes_rows: false,
        skipped: BTreeMap::new(),
    };
    let mut words = Vec::new();
    for line in source.lines() {
        let line = line.before('#');
        let trimmed = line.text.trim_end();
        let body = trimmed.strip_suffix('\\');
        words.extend(Token { text: body.unwrap_or(trimmed), ..line }.words());
        if body.is_none() && !words.is_empty() {
            parser.line(&words)?;
            words.clear();
        }
    }
    if !words.is_empty() {
        parser.line(&words)?;
    }
    parser.finish()
}

struct Parser<'a> {
    source: Source<'a>,
    models: Vec<Model<'a>>,
    /// Whether the last model still takes lines.
    is_open: bool,
    /// Inside an `.exdc` network.
    skipping: bool,
    first_exdc: Option<usize>,
    /// Whether the line before was `.names` or a row.
    takes_rows: bool,
    /// Directives without logic: how many, the first one's offset.
    skipped: BTreeMap<&'a str, (usize, usize)>,
}

impl<'a> Parser<'a> {
    fn line(&mut self, words: &[Token<'a>]) -> Result<()> {
        let first = words[0];
        if self.skipping && !matches!(first.text, ".end" | ".model") {
            return Ok(());
        }
        if !first.text.starts_with('.') {
            return self.row(words);
        }
        self.takes_rows = false;
        let size = words.iter().map(|word| word.text.len() + 1).sum::<usize>();
        match first.text {
            ".model" => self.model(words)?,
            ".end" => (self.is_open, self.skipping) = (false, false),
            ".exdc" => {
                self.skipping = true;
                self.first_exdc.get_or_insert(first.offset);
            }
            _ => self.content(words)?,
        }
        if let Some(model) = self.models.last_mut() {
            model.size += size;
        }
        Ok(())
    }

    fn model(&mut self, words: &[Token<'a>]) -> Result<()> {
        (self.is_open, self.skipping) = (true, false);
        let Some(&name) = words.get(1) else {
            return Err(self.missing(words, "the model's name"));
        };
        self.models.push(Model::new(name));
        Ok(())
    }

    /// A line inside a model, which begins here if there is no `.model`.
    fn content(&mut self, words: &[Token<'a>]) -> Result<()> {
        if !self.is_open && !self.models.is_empty() {
            return Err(self.unexpected(words[0], ".model"));
        }
        if !self.is_open {
            self.models.push(Model::new(Token { text: "", offset: words[0].offset }));
            self.is_open = true;
        }
        match words[0].text {
            ".inputs" | ".input" => self.inputs(&words[1..]),
            ".outputs" | ".output" => self.outputs(&words[1..]),
            ".names" => self.names(words),
            ".latch" => self.latch(words),
            ".subckt" => self.instance(words),
            ".conn" => self.connection(words),
            ".cname" => {
                self.cell_name(words);
                Ok(())
            }
            ".gate" | ".mlatch" => {
                Err(self.unexpected(words[0], "logic without library cells").hint(
                    "expand the cells first, in ABC: read_library, read_blif, unmap, write_blif",
                ))
            }
            ".start_kiss" => Err(self
                .unexpected(words[0], "logic without state tables")
                .hint("encode the machine first, for example with SIS or yosys")),
            ".blackbox" => {
                self.current().is_black_box = true;
                Ok(())
            }
            word if HARMLESS.contains(&word) => {
                let entry = self.skipped.entry(word).or_insert((0, words[0].offset));
                entry.0 += 1;
                Ok(())
            }
            _ => Err(self.unknown(words[0])),
        }
    }

    fn unknown(&self, word: Token<'a>) -> Error {
        let error = self.unexpected(word, "a directive of BLIF that is known");
        match nearest(word.text, KNOWN.into_iter().chain(HARMLESS)) {
            Some(known) => error.hint(format!("the nearest known is {known}")),
            None => error.hint("take the line out if it describes no logic"),
        }
    }

    fn current(&mut self) -> &mut Model<'a> {
        self.models.last_mut().expect("a line inside a model comes after the model was opened")
    }

    fn inputs(&mut self, words: &[Token<'a>]) -> Result<()> {
        let ports = self.current().ports(words);
        self.current().inputs.get_or_insert_default().extend(ports);
        Ok(())
    }

    fn outputs(&mut self, words: &[Token<'a>]) -> Result<()> {
        let ports = self.current().ports(words);
        self.current().outputs.get_or_insert_default().extend(ports);
        Ok(())
    }

    fn names(&mut self, words: &[Token<'a>]) -> Result<()> {
        let Some(target) = words[1..].last() else {
            return Err(self.missing(words, "the net that the cover drives"));
        };
        let offset = target.offset;
        self.takes_rows = true;
        let model = self.current();
        let pins = words[1..].iter().map(|&word| model.net(word)).collect();
        model.items.push(Item::Cover { pins, rows: Vec::new(), value: true, offset });
        Ok(())
    }

    fn row(&mut self, words: &[Token<'a>]) -> Result<()> {
        if !self.takes_rows {
            return Err(self
                .unexpected(words[0], "a directive such as .names")
                .hint("rows of a cover stand directly below its .names line"));
        }
        let source = self.source;
        let model = self.current();
        let Some(Item::Cover { pins, rows, value, .. }) = model.items.last_mut() else {
            unreachable!("rows are taken behind .names only");
        };
        let width = pins.len() - 1;
        let (pattern, output) = match words {
            [output] if width == 0 => (Token { text: "", ..*output }, output),
            [pattern, output] if width > 0 => (*pattern, output),
            _ => return Err(row_shape(&source, words, width)),
        };
        check_pattern(&source, pattern, width)?;
        let is_one = match output.text {
            "1" => true,
            "0" => false,
            _ => return Err(source.error(output.offset, "an output 0 or 1", quote(output.text))),
        };
        if !rows.is_empty() && *value != is_one {
            return Err(source
                .error(output.offset, "rows with the same output", quote(output.text))
                .hint("a cover lists its on-set (1) or its off-set (0), not both"));
        }
        *value = is_one;
        rows.push(pattern.text);
        model.size += width + 3;
        Ok(())
    }

    fn latch(&mut self, words: &[Token<'a>]) -> Result<()> {
        let (clock, init) = match words.len() {
            3 => (None, None),
            4 => (None, Some(words[3])),
            5 => (Some((words[3], words[4])), None),
            6 => (Some((words[3], words[4])), Some(words[5])),
            0..3 => return Err(self.missing(words, "a latch's input and output")),
            _ => return Err(self.unexpected(words[6], "the end of the line")),
        };
        if let Some((edge, _)) = clock
            && !matches!(edge.text, "fe" | "re" | "ah" | "al" | "as")
        {
            return Err(self.unexpected(edge, "a latch type: fe, re, ah, al or as"));
        }
        let init = match init.map(|word| word.text) {
            Some("0") => LatchInit::Zero,
            Some("1") => LatchInit::One,
            Some("2") => LatchInit::DontCare,
            Some("3") | None => LatchInit::Unknown,
            Some(_) => {
                let word = *words.last().expect("a line has words");
                return Err(self.unexpected(word, "an initial value: 0, 1, 2 or 3"));
            }
        };
        let clock = clock.map(|(edge, control)| Clock { edge: edge.text, control: control.text });
        let model = self.current();
        let (next, state) = (model.net(words[1]), model.net(words[2]));
        model.items.push(Item::Latch { next, state, init, clock, offset: words[2].offset });
        Ok(())
    }

    fn instance(&mut self, words: &[Token<'a>]) -> Result<()> {
        let Some(&name) = words.get(1) else {
            return Err(self.missing(words, "the name of a model"));
        };
        let mut bindings = Vec::with_capacity(words.len() - 2);
        for &word in &words[2..] {
            let Some((formal, actual)) = word.text.split_once('=') else {
                return Err(self.unexpected(word, "a connection formal=actual"));
            };
            let actual = Token { text: actual, offset: word.offset + formal.len() + 1 };
            if formal.is_empty() || actual.text.is_empty() {
                return Err(self.unexpected(word, "a connection formal=actual"));
            }
            let actual = self.current().net(actual);
            bindings.push((Token { text: formal, offset: word.offset }, actual));
        }
        let instance = Instance { model: name, name: None, bindings };
        self.current().items.push(Item::Instance(instance));
        Ok(())
    }

    fn connection(&mut self, words: &[Token<'a>]) -> Result<()> {
        let &[_, from, target] = words else {
            return Err(self.missing(words, ".conn with two nets"));
        };
        let model = self.current();
        let (from, local) = (model.net(from), model.net(target));
        model.items.push(Item::Connection { from, target: local, offset: target.offset });
        Ok(())
    }

    fn cell_name(&mut self, words: &[Token<'a>]) {
        if let (Some(Item::Instance(instance)), Some(name)) =
            (self.current().items.last_mut(), words.get(1))
        {
            instance.name = Some(name.text);
        }
    }

    fn unexpected(&self, word: Token<'a>, expected: &str) -> Error {
        self.source.error(word.offset, expected, quote(word.text))
    }

    fn missing(&self, words: &[Token<'a>], expected: &str) -> Error {
        let end = words.last().map_or(0, Token::end);
        self.source.error(end, expected, "the end of the line")
    }

    fn finish(self) -> Result<Parsed<'a>> {
        if self.models.is_empty() {
            return Err(self.source.error(usize::MAX, "a .model", "the end of the file"));
        }
        let mut skipped: Vec<_> = self.skipped.iter().collect();
        skipped.sort_by_key(|(_, (_, offset))| *offset);
        let mut notes = Vec::new();
        if let Some(offset) = self.first_exdc {
            let line = self.source.line(offset);
            notes.push(format!("the external don't cares (.exdc, line {line}) are skipped: the circuit is the network before"));
        }
        if !skipped.is_empty() {
            notes.push(skipped_note(&skipped));
        }
        Ok(Parsed { models: self.models, notes })
    }
}

fn row_shape(source: &Source<'_>, words: &[Token<'_>], width: usize) -> Error {
    let expected = if width == 0 {
        "a row with an output alone, as the cover has no inputs".to_string()
    } else {
        format!("a row of {width} input columns, white space and an output")
    };
    let found = format!("{} words from {}", words.len(), quote(words[0].text));
    source.error(words[0].offset, expected, found)
}

fn check_pattern(source: &Source<'_>, pattern: Token<'_>, width: usize) -> Result<()> {
    if let Some(at) = pattern.text.find(|c| !matches!(c, '0' | '1' | '-')) {
        let found = pattern.text[at..].chars().next().expect("found at this place");
        return Err(source.error(pattern.offset + at, "0, 1 or - in a row", format!("{found:?}")));
    }
    if pattern.text.len() != width {
        let found = pattern.text.len().to_string();
        return Err(source.error(
            pattern.offset,
            format!("{width} columns, one for each input"),
            found,
        ));
    }
    Ok(())
}

fn skipped_note(skipped: &[(&&str, &(usize, usize))]) -> String {
    const MOST: usize = 8;
    let mut words: Vec<String> = skipped
        .iter()
        .take(MOST)
        .map(|(word, (count, _))| match count {
            1 => shorten(word),
            _ => format!("{} ({count} times)", shorten(word)),
        })
        .collect();
    if skipped.len() > MOST {
        words.push(format!("{} more", skipped.len() - MOST));
    }
    format!("skipped directives that describe no logic: {}", words.join(", "))
}
