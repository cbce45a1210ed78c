//! Answers cut into tokens: numbers in all their spellings, words, signs.

/// What a comma between digits is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commas {
    /// The end of a number.
    Separate,
    /// A mark between thousands, if the digits stand in threes.
    Group,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Word(String),
    /// `+` or `-`.
    Sign(char),
    Times,
    Over,
    Power,
    Percent,
    Open(char),
    Close(char),
    /// `=` or `:`, also "about".
    Equals,
    Separator,
}

/// A token with what stands around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lexed {
    pub token: Token,
    pub space_before: bool,
    pub space_after: bool,
}

impl Lexed {
    /// Whether it is a sign that belongs to the number behind it, and not between two.
    pub fn is_sign(&self) -> bool {
        matches!(self.token, Token::Sign(_)) && self.space_before && !self.space_after
    }

    /// The word, if it is a logarithm of no base.
    pub fn log(&self, next: &Lexed) -> Option<Token> {
        let is_log = matches!(&self.token, Token::Word(word) if word == "log");
        (is_log && next.token == Token::Open('(')).then(|| self.token.clone())
    }
}

/// Marks between thousands besides the comma: apostrophes and spaces that do not end a line.
const MARKS: [char; 6] = ['\'', '’', '\u{a0}', '\u{202f}', '\u{2009}', '\u{2007}'];

const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SUBSCRIPTS: &str = "₀₁₂₃₄₅₆₇₈₉";

/// The tokens; none if there is a character or a number that is none.
pub fn lex(text: &str, commas: Commas) -> Option<Vec<Lexed>> {
    let text = without_frame(text.trim());
    let mut lexer = Lexer { rest: text, tokens: Vec::new(), commas };
    let mut spaced = false;
    while let Some(c) = lexer.rest.chars().next() {
        if c.is_whitespace() {
            lexer.rest = &lexer.rest[c.len_utf8()..];
            lexer
                .tokens
                .last_mut()
                .into_iter()
                .for_each(|last: &mut Lexed| last.space_after = true);
            spaced = true;
            continue;
        }
        let known = lexer.tokens.len();
        lexer.token(c)?;
        lexer.tokens[known..].iter_mut().take(1).for_each(|first| first.space_before = spaced);
        spaced = false;
    }
    Some(lexer.tokens)
}

/// The text without brackets around a whole list.
fn without_frame(text: &str) -> &str {
    let framed = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    let inside = framed('[', ']').or(framed('{', '}')).or(framed('(', ')'));
    // `(1 + 2) * (3 + 4)` is no list, nor is `(1 + 2)`.
    let is_list = |inside: &&str| inside.contains([',', ';']) && !inside.contains(['(', ')']);
    inside.filter(is_list).unwrap_or(text)
}

struct Lexer<'t> {
    rest: &'t str,
    tokens: Vec<Lexed>,
    commas: Commas,
}

impl Lexer<'_> {
    fn push(&mut self, length: usize, token: Token) {
        self.rest = &self.rest[length..];
        self.tokens.push(Lexed { token, space_before: false, space_after: false });
    }

    /// Takes the token that starts with `c`.
    fn token(&mut self, c: char) -> Option<()> {
        let token = match c {
            '0'..='9' | '.' => return self.number(),
            '*' if self.rest.starts_with("**") => {
                self.push(2, Token::Power);
                return Some(());
            }
            '+' => Token::Sign('+'),
            '-' | '−' | '–' => Token::Sign('-'),
            '*' | '×' | '·' | '⋅' => Token::Times,
            'x' | 'X' if self.multiplies() => Token::Times,
            '/' | '÷' => Token::Over,
            '^' => Token::Power,
            '%' => Token::Percent,
            '(' | '⌈' | '⌊' => Token::Open(c),
            ')' | '⌉' | '⌋' => Token::Close(c),
            '=' | ':' | '≈' | '~' => Token::Equals,
            ',' | ';' | '&' => Token::Separator,
            _ if c == '⁻' || SUPERSCRIPTS.contains(c) => return self.superscript(),
            _ if c.is_alphabetic() => {
                self.word();
                return Some(());
            }
            _ => return None,
        };
        // "n = ~5" is one mark.
        if token == Token::Equals && self.tokens.last().is_some_and(|t| t.token == Token::Equals) {
            self.rest = &self.rest[c.len_utf8()..];
            return Some(());
        }
        self.push(c.len_utf8(), token);
        Some(())
    }

    /// Whether an `x` stands between two numbers, with as much space before it as behind: `4x 5` are two.
    fn multiplies(&self) -> bool {
        let Some(last) = self.tokens.last() else { return false };
        let after = &self.rest[1..];
        let is_even = last.space_after == after.starts_with(char::is_whitespace);
        let is_value = matches!(last.token, Token::Number(_) | Token::Close(_));
        let next = after.trim_start();
        is_value && is_even && next.starts_with(|c: char| c.is_ascii_digit() || c == '(')
    }

    fn number(&mut self) -> Option<()> {
        if let Some(digits) = self.rest.strip_prefix("0x").or(self.rest.strip_prefix("0X")) {
            let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            let value = u64::from_str_radix(&digits[..end], 16).ok()?;
            self.push(2 + end, Token::Number(value as f64));
            return Some(());
        }
        let whole = self.whole_part();
        let end = whole + fraction_and_exponent(&self.rest[whole..]);
        let digits: String = self.rest[..end]
            .chars()
            .filter(|c| !MARKS.contains(c) && !matches!(c, '_' | ','))
            .collect();
        let value = digits.replace('−', "-").parse().ok()?;
        self.push(end, Token::Number(value));
        Some(())
    }

    /// The length of the digits before a point, with the marks between thousands.
    fn whole_part(&self) -> usize {
        let is_mark = |c: char| MARKS.contains(&c) || c == ',' && self.commas == Commas::Group;
        let digit = |c: char| c.is_ascii_digit() || c == '_';
        let end = self.rest.find(|c| !digit(c) && !is_mark(c)).unwrap_or(self.rest.len());
        let grouped = self.rest[..end].trim_end_matches(is_mark);
        match groups(grouped) {
            Some(_) => grouped.len(),
            None => self.rest.find(|c| !digit(c)).unwrap_or(self.rest.len()),
        }
    }

    /// A power in raised digits.
    fn superscript(&mut self) -> Option<()> {
        self.tokens.last()?;
        self.push(0, Token::Power);
        if self.rest.starts_with('⁻') {
            self.push('⁻'.len_utf8(), Token::Sign('-'));
        }
        let end = self.rest.find(|c| !SUPERSCRIPTS.contains(c)).unwrap_or(self.rest.len());
        let value = plain_digits(&self.rest[..end], SUPERSCRIPTS).parse().ok()?;
        self.push(end, Token::Number(value));
        Some(())
    }

    fn word(&mut self) {
        let inside = |c: char| c.is_alphanumeric() || c == '_' || SUBSCRIPTS.contains(c);
        let end =
            self.rest.find(|c| !inside(c) || SUPERSCRIPTS.contains(c)).unwrap_or(self.rest.len());
        let word = plain_digits(&self.rest[..end], SUBSCRIPTS);
        let token = match word.as_str() {
            "and" => Token::Separator,
            "percent" => Token::Percent,
            _ => Token::Word(word),
        };
        self.push(end, token);
    }
}

/// The number of groups of three behind the first of one to three digits, at least one; none if the text is
/// not grouped, or with two marks.
pub fn groups(text: &str) -> Option<usize> {
    let mark = text.chars().find(|c| !c.is_ascii_digit())?;
    let mut parts = text.split(mark);
    let is_digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let first = parts.next().filter(|first| (1..=3).contains(&first.len()) && is_digits(first));
    let rest: Vec<&str> = parts.collect();
    let in_threes = rest.iter().all(|part| part.len() == 3 && is_digits(part));
    (first.is_some() && in_threes && mark != '_').then_some(rest.len())
}

/// The length of `.5e-3` at the front, perhaps none.
fn fraction_and_exponent(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = &text[from..];
        from + rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len())
    };
    let end = if text.starts_with('.') { digits(1) } else { 0 };
    let Some(exponent) = text[end..].strip_prefix(['e', 'E']) else { return end };
    let signed = exponent.strip_prefix(['+', '-', '−']).unwrap_or(exponent);
    if signed.starts_with(|c: char| c.is_ascii_digit()) {
        digits(text.len() - signed.len())
    } else {
        end
    }
}

fn plain_digits(text: &str, raised: &str) -> String {
    let plain =
        |c| raised.chars().position(|r| r == c).and_then(|d| char::from_digit(d as u32, 10));
    text.chars().map(|c| plain(c).unwrap_or(c)).collect()
}
