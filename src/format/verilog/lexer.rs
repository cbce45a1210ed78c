//! Verilog text into lexemes: words, escaped names, numbers, strings, symbols and directives.
//!
//! White space, comments and attributes are passed over here. A directive or the use of a macro is a
//! lexeme, which `preprocess` carries out.

use crate::error::{Error, Result};
use crate::format::cursor::{Source, Token, quote};

/// What kind of lexeme it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A keyword or a plain name; one that begins with `$` too.
    Word,
    /// A name behind a backslash, which is no part of it; never a keyword.
    Escaped,
    /// A decimal number, perhaps with a fraction.
    Number,
    /// A base and digits, `'b01` or `'sh F`, whose width may stand before it as a number.
    Based,
    /// A string with its quotes.
    Text,
    Symbol,
    /// The word behind a backquote.
    Directive,
    End,
}

/// A lexeme and its text. In what a macro stands for the offset is that of the macro's use.
#[derive(Debug, Clone, Copy)]
pub struct Lexeme<'a> {
    pub shape: Shape,
    pub token: Token<'a>,
}

impl<'a> Lexeme<'a> {
    /// Whether this is the keyword or symbol `text`.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.shape, Shape::Word | Shape::Symbol) && self.token.text == text
    }

    /// The keyword, or nothing for any other shape.
    pub fn word(&self) -> &'a str {
        if self.shape == Shape::Word { self.token.text } else { "" }
    }

    /// The lexeme in the words of an error.
    pub fn quoted(&self) -> String {
        match self.shape {
            Shape::End => "the end of the file".to_string(),
            Shape::Directive => quote(&format!("`{}", self.token.text)),
            _ => quote(self.token.text),
        }
    }
}

/// Symbols of several characters, longest first.
const LONG: [&str; 22] = [
    "<<<", ">>>", "===", "!==", "~^", "^~", "~&", "~|", "&&", "||", "==", "!=", "<=", ">=", "<<",
    ">>", "**", "+:", "-:", "->", "::", "##",
];

/// Comments that ask tools to leave out what follows; simulators do not, so the file has two meanings.
const SWITCHES: [&str; 2] = ["translate_off", "translate_on"];

/// A place in a text, up to which it has been cut.
#[derive(Debug, Clone, Copy)]
pub struct Lexer<'a> {
    source: Source<'a>,
    pub offset: usize,
    /// Where to stop: the end of the text, or of a macro's body.
    end: usize,
    /// Whether a backslash at the end of a line is white space.
    is_body: bool,
}

impl<'a> Lexer<'a> {
    /// The lexemes of a whole text.
    pub fn new(source: Source<'a>) -> Self {
        Lexer { source, offset: 0, end: source.text().len(), is_body: false }
    }

    /// The lexemes of the body of a macro, `start..end`.
    pub fn body(source: Source<'a>, start: usize, end: usize) -> Self {
        Lexer { source, offset: start, end, is_body: true }
    }

    fn rest(&self) -> &'a str {
        &self.source.text()[self.offset..self.end]
    }

    fn error(&self, offset: usize, expected: &str, found: &str) -> Error {
        self.source.error(offset, expected, found)
    }

    /// The next lexeme.
    ///
    /// # Errors
    /// A comment, an attribute or a string has no end, or a name or number has no characters.
    pub fn take(&mut self) -> Result<Lexeme<'a>> {
        self.skip_blanks()?;
        let start = self.offset;
        let rest = self.rest();
        let (shape, length) = self.scan(rest)?;
        // The backslash and the backquote are no part of the name.
        let skipped = usize::from(matches!(shape, Shape::Escaped | Shape::Directive));
        self.offset = start + length;
        let token = Token { text: &rest[skipped..length], offset: start + skipped };
        Ok(Lexeme { shape, token })
    }

    fn scan(&self, rest: &'a str) -> Result<(Shape, usize)> {
        let while_in = |inside: fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
        Ok(match rest.chars().next() {
            None => (Shape::End, 0),
            Some('\\') => (Shape::Escaped, self.escaped(rest)?),
            Some('`') => (Shape::Directive, self.directive(rest)?),
            Some('"') => (Shape::Text, self.string(rest)?),
            Some('\'') => (Shape::Based, self.based(rest)?),
            Some(c) if c.is_ascii_digit() => (Shape::Number, decimal(rest)),
            Some(c) if is_name(c) => (Shape::Word, while_in(is_name)),
            Some(c) => {
                let long = LONG.iter().find(|long| rest.starts_with(**long));
                (Shape::Symbol, long.map_or(c.len_utf8(), |long| long.len()))
            }
        })
    }

    fn escaped(&self, rest: &str) -> Result<usize> {
        match rest.find(char::is_whitespace).unwrap_or(rest.len()) {
            1 => Err(self.error(self.offset + 1, "a name behind the backslash", "white space")),
            length => Ok(length),
        }
    }

    fn directive(&self, rest: &str) -> Result<usize> {
        let length = rest[1..].find(|c| !is_name(c)).map_or(rest.len(), |length| length + 1);
        if length > 1 && !rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(length);
        }
        let found = quote(&rest.chars().take(2).collect::<String>());
        Err(self.error(
            self.offset,
            "a directive or the name of a macro behind the backquote",
            &found,
        ))
    }

    fn string(&self, rest: &str) -> Result<usize> {
        string_length(rest).ok_or_else(|| {
            self.error(self.offset, "\"\\\"\" on the same line", "a string without end")
        })
    }

    /// `'b01`, `'sd 5`: white space may stand before the digits.
    fn based(&self, rest: &str) -> Result<usize> {
        let signed = usize::from(rest[1..].starts_with(['s', 'S']));
        if !rest[1 + signed..].starts_with(['b', 'B', 'o', 'O', 'd', 'D', 'h', 'H']) {
            let found = quote(&rest.chars().take(3).collect::<String>());
            return Err(self.error(self.offset, "a base such as 'b or 'h", &found));
        }
        let digits = rest[2 + signed..].trim_start();
        let start = rest.len() - digits.len();
        let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '?');
        match digits.find(|c| !is_digit(c)).unwrap_or(digits.len()) {
            0 => Err(self.error(self.offset + start, "digits behind the base", "none")),
            length => Ok(start + length),
        }
    }

    /// Steps over white space, comments and attributes.
    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.offset += rest.len() - trimmed.len();
            let comment = self.comment(trimmed, self.offset)?;
            let length = if comment > 0 {
                self.refuse_switch(&trimmed[..comment])?;
                comment
            } else if trimmed.starts_with("(*") && !trimmed[2..].trim_start().starts_with(')') {
                self.attribute(trimmed)?
            } else if self.is_body && is_continuation(trimmed) {
                1
            } else {
                return Ok(());
            };
            self.offset += length;
        }
    }

    /// The length of the comment at the start of `text`, which stands at `offset`; 0 if there is none.
    fn comment(&self, text: &str, offset: usize) -> Result<usize> {
        if text.starts_with("//") {
            return Ok(text.find('\n').unwrap_or(text.len()));
        }
        let Some(inside) = text.strip_prefix("/*") else { return Ok(0) };
        match inside.find("*/") {
            Some(end) => Ok(end + 4),
            None => Err(self.error(offset, "\"*/\"", "a comment without end")),
        }
    }

    fn refuse_switch(&self, comment: &str) -> Result<()> {
        let mut words = comment[2..].trim_end_matches("*/").split_whitespace();
        let is_switch =
            words.next().is_some() && words.next().is_some_and(|w| SWITCHES.contains(&w));
        if !is_switch {
            return Ok(());
        }
        let error = self.error(self.offset, "text that every tool reads", &quote(comment));
        Err(error.hint("switch the text off with `ifdef, or take it out"))
    }

    /// The length of `(* … *)`. What looks like its end inside a string is none.
    fn attribute(&self, rest: &str) -> Result<usize> {
        let mut at = 2;
        loop {
            let here = &rest[at..];
            at += match here.chars().next() {
                None => return Err(self.error(self.offset, "\"*)\"", "an attribute without end")),
                Some('*') if here.starts_with("*)") => return Ok(at + 2),
                Some('"') => string_length(here).ok_or_else(|| {
                    self.error(
                        self.offset + at,
                        "\"\\\"\" on the same line",
                        "a string without end",
                    )
                })?,
                Some('`') => {
                    let place = self.offset + at;
                    return Err(self.error(place, "an attribute without directives", "\"`\""));
                }
                Some(c) => c.len_utf8(),
            };
        }
    }

    /// Goes to the next backquote that is neither in a comment nor in a string, or to the end.
    ///
    /// # Errors
    /// A comment has no end.
    pub fn skip_to_directive(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let Some(at) = rest.find(['`', '/', '"', '\\']) else {
                self.offset = self.end;
                return Ok(());
            };
            self.offset += at;
            let here = &rest[at..];
            let comment = self.comment(here, self.offset)?;
            self.offset += if comment > 0 {
                comment
            } else if here.starts_with('"') {
                string_length(here).unwrap_or(1)
            } else if here.starts_with('\\') {
                here.find(char::is_whitespace).unwrap_or(here.len())
            } else if here.starts_with('`') {
                return Ok(());
            } else {
                1
            };
        }
    }

    /// The end of the body of a macro that begins here: of the line, or of the last of the lines that a
    /// backslash continues.
    pub fn end_of_body(&self) -> Result<usize> {
        let rest = self.rest();
        let mut at = 0;
        loop {
            let here = &rest[at..];
            at += match here.chars().next() {
                None | Some('\n') => return Ok(self.offset + at),
                Some('/') => {
                    let length = self.comment(here, self.offset + at)?;
                    let is_line = here.starts_with("//");
                    if is_line && here[..length].trim_end_matches('\r').ends_with('\\') {
                        let place = self.offset + at;
                        let found = "one that ends with a backslash";
                        return Err(self.error(place, "a comment behind the last line", found));
                    }
                    length.max(1)
                }
                Some('"') => string_length(here).unwrap_or(1),
                Some('\\') if is_continuation(here) => {
                    here.find('\n').map_or(here.len(), |end| end + 1)
                }
                Some(c) => c.len_utf8(),
            };
        }
    }

    /// Whether `symbol` stands here, with no white space before it.
    pub fn touches(&self, symbol: char) -> bool {
        self.rest().starts_with(symbol)
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// A backslash that ends a line.
fn is_continuation(text: &str) -> bool {
    text.starts_with("\\\n") || text.starts_with("\\\r\n")
}

/// The length of the string at the start, its quotes included; it ends on its line.
fn string_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The length of `12`, `1_000`, `1.5` or `1e-3`.
fn decimal(text: &str) -> usize {
    let digits =
        |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let mut length = digits(text);
    let starts_digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if let Some(fraction) = text[length..].strip_prefix('.')
        && starts_digit(fraction)
    {
        length += 1 + digits(fraction);
    }
    if let Some(exponent) = text[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        if starts_digit(&exponent[sign..]) {
            length += 1 + sign + digits(&exponent[sign..]);
        }
    }
    length
}
