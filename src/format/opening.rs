//! What a file opens with, as far as it tells the format.

/// The first bytes, cut up once for all formats to look at.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// The file.
    pub bytes: &'a [u8],
    /// What follows a byte order mark, white space, and comments of any format.
    pub text: &'a [u8],
    /// The first line of that.
    pub line: &'a [u8],
    /// The first word of the line.
    pub word: &'a [u8],
    /// What follows the word.
    pub rest: &'a [u8],
}

impl<'a> Opening<'a> {
    /// Of a file's bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        let text = skip_comments(bytes);
        let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
        let word_end = line.iter().position(|&byte| !is_word(byte)).unwrap_or(line.len());
        let (word, rest) = (&line[..word_end], line[word_end..].trim_ascii_start());
        Opening { bytes, text, line, word, rest }
    }
}

fn is_word(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'(' | b')' | b'=' | b',' | b'#')
}

fn skip_comments(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    loop {
        rest = rest.trim_ascii_start();
        let (open, close): (usize, &[u8]) = match rest {
            [b'#', ..] | [b'/', b'/', ..] => (1, b"\n"),
            [b'/', b'*', ..] => (2, b"*/"),
            _ => return rest,
        };
        let end = rest[open..].windows(close.len()).position(|window| window == close);
        let Some(end) = end else { return &[] };
        rest = &rest[open + end + close.len()..];
    }
}
