//! Verilog text into words, escaped names, numbers and symbols, one at a time with one to look ahead.

use crate::error::Result;
use crate::format::cursor::{Source, Token};

/// What kind of lexeme it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A keyword or a plain name.
    Word,
    /// A name behind a backslash, which is no part of it; never a keyword.
    Escaped,
    Number,
    Symbol,
    End,
}

/// A lexeme and its text.
#[derive(Debug, Clone, Copy)]
pub struct Lexeme<'a> {
    pub shape: Shape,
    pub token: Token<'a>,
}

impl Lexeme<'_> {
    /// Whether this is the keyword or symbol `text`.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.shape, Shape::Word | Shape::Symbol) && self.token.text == text
    }
}

/// The lexemes of a text from some place on.
#[derive(Debug)]
pub struct Lexer<'a> {
    source: Source<'a>,
    ahead: Lexeme<'a>,
}

/// Symbols of two characters, which are matched before single ones.
const PAIRS: [&str; 6] = ["~^", "^~", "&&", "||", "==", "!="];

impl<'a> Lexer<'a> {
    /// The lexemes of the whole text.
    ///
    /// # Errors
    /// The text begins with a comment that does not end.
    pub fn new(source: Source<'a>) -> Result<Self> {
        let start = Lexeme { shape: Shape::Symbol, token: Token { text: "", offset: 0 } };
        let mut lexer = Lexer { source, ahead: start };
        lexer.take()?;
        Ok(lexer)
    }

    /// The lexeme ahead.
    pub fn peek(&self) -> Lexeme<'a> {
        self.ahead
    }

    /// Whether the keyword or symbol `text` is ahead.
    pub fn is(&self, text: &str) -> bool {
        self.ahead.is(text)
    }

    /// Takes the lexeme ahead.
    ///
    /// # Errors
    /// A comment behind it does not end, or an escaped name is empty.
    pub fn take(&mut self) -> Result<Lexeme<'a>> {
        let taken = self.ahead;
        let offset = self.skip_blanks(taken.token.end())?;
        self.ahead = self.scan(offset)?;
        Ok(taken)
    }

    /// The first offset from `offset` on that is no white space, comment, attribute or directive.
    fn skip_blanks(&self, mut offset: usize) -> Result<usize> {
        loop {
            let rest = &self.source.text()[offset..];
            let trimmed = rest.trim_start();
            offset += rest.len() - trimmed.len();
            let (close, name) = if trimmed.starts_with("//") || trimmed.starts_with('`') {
                ("\n", "")
            } else if trimmed.starts_with("/*") {
                ("*/", "comment")
            } else if trimmed.starts_with("(*") {
                ("*)", "attribute")
            } else {
                return Ok(offset);
            };
            let open = if name.is_empty() { 1 } else { 2 };
            offset += match trimmed[open..].find(close) {
                Some(end) => open + end + close.len(),
                None if name.is_empty() => trimmed.len(),
                None => {
                    let found = format!("a {name} without end");
                    return Err(self.source.error(offset, format!("{close:?}"), found));
                }
            };
        }
    }

    fn scan(&self, offset: usize) -> Result<Lexeme<'a>> {
        let rest = &self.source.text()[offset..];
        let lexeme = |shape, length: usize| {
            Ok(Lexeme { shape, token: Token { text: &rest[..length], offset } })
        };
        let while_in = |inside: fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
        match rest.chars().next() {
            None => lexeme(Shape::End, 0),
            Some('\\') => self.escaped(&rest[1..], offset + 1),
            Some(c) if c.is_alphabetic() || c == '_' || c == '$' => {
                lexeme(Shape::Word, while_in(|c| c.is_alphanumeric() || c == '_' || c == '$'))
            }
            Some(c) if c.is_ascii_digit() || c == '\'' => lexeme(
                Shape::Number,
                while_in(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '\'' | '?' | '.')),
            ),
            Some(_) if PAIRS.iter().any(|pair| rest.starts_with(pair)) => lexeme(Shape::Symbol, 2),
            Some(c) => lexeme(Shape::Symbol, c.len_utf8()),
        }
    }

    fn escaped(&self, rest: &'a str, offset: usize) -> Result<Lexeme<'a>> {
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.source.error(offset, "a name behind the backslash", "white space"));
        }
        Ok(Lexeme { shape: Shape::Escaped, token: Token { text: &rest[..length], offset } })
    }
}
