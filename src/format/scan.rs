//! Numbers and lines of the token formats, AIGER and Bristol, with their byte offsets.
//!
//! A [`Scanner`] walks the bytes of one file. It never copies and never fails to advance; line and
//! column are counted only when an error needs them.

use crate::error::{Error, Place, Result};

/// Signals that a header may announce beyond the bytes that could mention them: a header that lies is
/// an error before anything is allocated, a file with unused inputs is not.
pub(super) const UNMENTIONED: usize = 1 << 20;

/// The longest piece of a file that an error quotes, in bytes.
const QUOTE: usize = 40;

/// A position in the bytes of a file.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    position: usize,
    file: &'a str,
    /// Whether errors give byte offsets instead of lines and columns.
    binary: bool,
}

impl<'a> Scanner<'a> {
    pub fn new(bytes: &'a [u8], file: &'a str) -> Self {
        Scanner { bytes, position: 0, file, binary: false }
    }

    /// From here on errors give byte offsets.
    pub fn set_binary(&mut self) {
        self.binary = true;
    }

    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// The offset of the next byte.
    pub fn offset(&self) -> usize {
        self.position
    }

    /// The number of bytes in the file.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    /// The next byte, passed.
    pub fn byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    /// Passes `byte` if it is the next.
    pub fn eat(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        self.position += usize::from(hit);
        hit
    }

    /// Where `offset` is, for an error.
    pub fn place(&self, offset: usize) -> Place {
        let file = self.file.to_string();
        if self.binary {
            return Place::Byte { file, offset };
        }
        let before = &self.bytes[..offset.min(self.bytes.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        Place::Line { file, line, column: before.len() - line_start + 1 }
    }

    /// The number of the line that `offset` is on, from 1.
    pub fn line_number(&self, offset: usize) -> usize {
        1 + self.bytes[..offset].iter().filter(|&&b| b == b'\n').count()
    }

    /// An error at `offset` about what stands there.
    pub fn expected(&self, offset: usize, expected: impl Into<String>) -> Error {
        Error::new(expected, self.quote(offset)).at(self.place(offset))
    }

    /// An error at `offset`.
    pub fn error(
        &self,
        offset: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::new(expected, found).at(self.place(offset))
    }

    /// What stands at `offset`, in words: the token up to the next white space.
    fn quote(&self, offset: usize) -> String {
        let rest = self.bytes.get(offset..).unwrap_or_default();
        match rest.first() {
            None => "the end of the file".to_string(),
            Some(b'\r') if self.binary => "a carriage return".to_string(),
            Some(b'\n' | b'\r') => "the end of the line".to_string(),
            Some(b' ') => "a space".to_string(),
            Some(_) => {
                let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                format!("{:?}", String::from_utf8_lossy(&rest[..end.min(QUOTE)]))
            }
        }
    }

    /// A decimal number of at most `max`, called `what` in errors.
    ///
    /// # Errors
    /// No digit is next, or the number is larger.
    pub fn number(&mut self, what: &str, max: usize) -> Result<usize> {
        let start = self.position;
        let mut number = 0usize;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            number = number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
            self.position += 1;
        }
        if start == self.position {
            return Err(self.expected(start, what));
        }
        if number > max {
            return Err(self.expected(start, format!("{what}, at most {max}")));
        }
        Ok(number)
    }

    /// Passes one space, before `what`.
    ///
    /// # Errors
    /// Something else is next.
    pub fn space(&mut self, what: &str) -> Result<()> {
        if self.eat(b' ') {
            return Ok(());
        }
        Err(self.expected(self.position, format!("a space and {what}")))
    }

    /// Passes the end of the line, or of the file. Text files may end a line with spaces and with CR LF.
    ///
    /// # Errors
    /// Something else is next.
    pub fn end_of_line(&mut self) -> Result<()> {
        if !self.binary {
            while self.eat(b' ') || self.eat(b'\t') || self.eat(b'\r') {}
        }
        if self.eat(b'\n') || self.position == self.bytes.len() {
            return Ok(());
        }
        let error = self.expected(self.position, "the end of the line");
        if self.binary && self.peek() == Some(b'\r') {
            return Err(error.hint(
                "line ends were changed to CR LF, which damages binary files; copy it in binary mode",
            ));
        }
        Err(error)
    }

    /// The rest of the line without its end, passed together with it.
    pub fn line(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        self.position += (length + 1).min(rest.len());
        let line = &rest[..length];
        line.strip_suffix(b"\r").unwrap_or(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_saturate_and_errors_carry_line_and_column() {
        let mut scanner = Scanner::new(b"12\n7 99999999999999999999999", "f");
        assert_eq!(scanner.number("a count", 20).unwrap(), 12);
        scanner.end_of_line().unwrap();
        assert_eq!(scanner.number("a count", 20).unwrap(), 7);
        scanner.space("a count").unwrap();
        assert_eq!(
            scanner.number("a count", 20).unwrap_err().to_string(),
            "f:2:3: expected a count, at most 20, found \"99999999999999999999999\""
        );
    }

    #[test]
    fn lines_end_with_lf_crlf_or_the_file() {
        let mut scanner = Scanner::new(b"a b\r\n\nc", "f");
        assert_eq!(scanner.line(), b"a b");
        assert_eq!(scanner.line(), b"");
        assert_eq!(scanner.line(), b"c");
        assert_eq!(scanner.peek(), None);
    }
}
