//! Text with places: bytes in, lines and tokens out, each of which knows where it stands.
//!
//! A token carries its byte offset; line and column are counted only when an error asks for them, so
//! places cost nothing on the way. Invariant: offsets lie on character boundaries of the text. Lines end
//! in LF or CRLF; a byte order mark is no part of the text.

use crate::error::{Error, Place, Result};

/// The text of a file.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

/// A piece of the text and the byte offset where it starts.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    pub text: &'a str,
    pub offset: usize,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl<'a> Source<'a> {
    /// The text in `bytes`; `file` is the name that errors show.
    ///
    /// # Errors
    /// The bytes are not UTF-8 or hold a NUL, at the first such byte.
    pub fn new(bytes: &'a [u8], file: &'a str) -> Result<Self> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()])
                .expect("valid up to the place that the check itself gave"),
        };
        let source = Source { file, text: valid };
        let bad = valid.find('\0').or((valid.len() < bytes.len()).then_some(valid.len()));
        match bad {
            None => Ok(source),
            Some(offset) => Err(source
                .error(offset, "UTF-8 text", format!("byte 0x{:02X}", bytes[offset]))
                .hint("convert the file first, for example with `iconv -f LATIN1 -t UTF-8`")),
        }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Line and column of an offset, both from 1; an offset behind the end is the end.
    pub fn place(&self, offset: usize) -> Place {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        Place::Line {
            file: self.file.to_string(),
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: 1 + before.len() - line_start,
        }
    }

    /// The line number of an offset, from 1.
    pub fn line(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    /// An error at an offset.
    pub fn error(
        &self,
        offset: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::new(expected, found).at(self.place(offset))
    }

    /// The lines, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = Token<'a>> + use<'a> {
        let mut offset = 0;
        self.text.split_inclusive('\n').map(move |line| {
            let start = offset;
            offset += line.len();
            let text = line.strip_suffix('\n').unwrap_or(line);
            Token { text: text.strip_suffix('\r').unwrap_or(text), offset: start }
        })
    }
}

impl<'a> Token<'a> {
    /// The offset just behind the token.
    pub fn end(&self) -> usize {
        self.offset + self.text.len()
    }

    /// The token up to a comment that `mark` starts.
    pub fn before(&self, mark: char) -> Token<'a> {
        let end = self.text.find(mark).unwrap_or(self.text.len());
        Token { text: &self.text[..end], offset: self.offset }
    }

    /// The words between white space.
    pub fn words(&self) -> impl Iterator<Item = Token<'a>> + use<'a> {
        let start = self.offset;
        let text = self.text;
        text.split_whitespace().map(move |word| {
            let offset = word.as_ptr() as usize - text.as_ptr() as usize;
            Token { text: word, offset: start + offset }
        })
    }
}

/// The text in quotes, cut where it is too long to be read in an error.
pub fn quote(text: &str) -> String {
    match cut(text) {
        None => format!("{text:?}"),
        Some(start) => format!("{start:?}…"),
    }
}

/// The text, cut where it is too long to be read in an error.
pub fn shorten(text: &str) -> String {
    match cut(text) {
        None => text.to_string(),
        Some(start) => format!("{start}…"),
    }
}

/// The start of a text that is too long.
fn cut(text: &str) -> Option<&str> {
    const MOST: usize = 60;
    text.char_indices().nth(MOST).map(|(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize, column: usize) -> Place {
        Place::Line { file: "f".to_string(), line, column }
    }

    #[test]
    fn lines_end_in_lf_or_crlf_and_words_know_their_columns() {
        let source = Source::new(b"\xEF\xBB\xBFab  c\r\n\r\n d \n", "f").unwrap();
        let words: Vec<(&str, Place)> = source
            .lines()
            .flat_map(|line| line.words().collect::<Vec<_>>())
            .map(|word| (word.text, source.place(word.offset)))
            .collect();
        assert_eq!(words, [("ab", place(1, 1)), ("c", place(1, 5)), ("d", place(3, 2))]);
        assert_eq!(source.lines().count(), 3);
        assert_eq!(source.place(usize::MAX), place(4, 1));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_at_their_place() {
        for (bytes, at) in [(&b"ok\nab\xE9c"[..], place(2, 3)), (b"a\0b", place(1, 2))] {
            assert_eq!(Source::new(bytes, "f").unwrap_err().place, at);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(quote("a\"b"), r#""a\"b""#);
        assert_eq!(quote(&"é".repeat(100)), format!("\"{}\"…", "é".repeat(60)));
        assert_eq!(shorten(&"é".repeat(60)), "é".repeat(60));
    }
}
