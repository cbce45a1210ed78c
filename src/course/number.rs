//! Numbers as students write them: `7.15`, `1e-12`, `3/16`, `2^16`, `65_536 bits`, `ln(1023)`, `50 %`.
//!
//! Text in, numbers out. The grammar is that of a pocket calculator, `+ - * / ^`, parentheses and a few
//! functions, with what other keyboards and papers write for them. A number may carry its name or its unit:
//! words that the question itself uses. Any other word, and a comma that could be read in two ways, is an
//! error, so that nothing is guessed. Nesting is bounded, so that no input overflows the stack.

use self::lexer::{Commas, Lexed, Token, lex};
use crate::error::{Error, Result};

mod lexer;

/// Nesting of parentheses, signs and powers.
const MAX_NESTING: usize = 32;

/// The longest answer that is read, in bytes.
const MAX_LENGTH: usize = 10_000;

/// A number that is asked for: its name and its unit, perhaps of several words.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'t> {
    pub name: &'t str,
    pub unit: &'t str,
}

impl Slot<'_> {
    fn is_percent(&self) -> bool {
        self.unit == "percent"
    }

    /// Whether the word may stand behind this number.
    fn takes(&self, word: &str) -> bool {
        let stem = |word: &str| word.to_lowercase().trim_end_matches('s').to_string();
        let words = self.unit.split_whitespace().chain([self.name]);
        let is_ratio = self.unit.is_empty() && matches!(word, "x" | "times");
        is_ratio || words.into_iter().any(|own| stem(own) == stem(word))
    }
}

/// A number of an answer with the words around it.
struct Item {
    value: f64,
    /// Whether a `%` is in it; the value is the fraction.
    has_percent: bool,
    name: Vec<String>,
    units: Vec<String>,
}

/// Reads a number for each slot, in their order or by their names, separated by spaces, commas or
/// semicolons. Where percent are asked for, `50%` is 50; elsewhere it is 0.5.
///
/// # Errors
/// There are more or fewer, one is no number, or a word is neither name nor unit of its number.
pub fn read_list(text: &str, slots: &[Slot]) -> Result<Vec<f64>> {
    if text.len() > MAX_LENGTH {
        return Err(Error::new("an answer of at most 10000 bytes", text.len().to_string()));
    }
    let read = |commas| items(text, commas).and_then(|items| assign(items, slots, text));
    read(Commas::Separate).or_else(|error| {
        if text.contains(',') {
            grouped(text)
                .and_then(|()| read(Commas::Group))
                .map_err(|other| if other.expected == POINTS { other } else { error })
        } else {
            Err(error)
        }
    })
}

const POINTS: &str = "a decimal point, and no comma in a number";

/// Whether commas can group thousands: `16,777,216` says only that, `1,234` may be a decimal fraction.
fn grouped(text: &str) -> Result<()> {
    let is_word = |c: char| c.is_ascii_digit() || c == ',';
    let mut words = text.split(|c| !is_word(c)).filter(|word| word.contains(','));
    match words.find(|word| word.matches(',').count() == 1 && lexer::groups(word).is_some()) {
        Some(word) => {
            let hint = format!("write {} or {}", word.replace(',', "."), word.replace(',', ""));
            Err(Error::new(POINTS, format!("{word:?}")).hint(hint))
        }
        None => Ok(()),
    }
}

fn items(text: &str, commas: Commas) -> Result<Vec<Item>> {
    let no_number = || {
        Error::new("a number or a formula such as 7.15, 1e-12, 3/16 or 2^16", format!("{text:?}"))
    };
    let tokens = lex(text, commas).ok_or_else(no_number)?;
    let mut reader = Reader { tokens: &tokens, open: 0, has_percent: false, over_percent: false };
    if let Some(Token::Word(word)) = tokens.windows(2).find_map(|two| two[0].log(&two[1])) {
        return Err(Error::new("ln, log2 or log10", format!("{word:?}, whose base is not said")));
    }
    let items = reader.list().ok_or_else(no_number)?;
    if reader.over_percent {
        let expected = "a number that is not divided by percent";
        return Err(Error::new(expected, format!("{text:?}"))
            .hint("(1/4)% is a quarter of a percent; 25% and 100*1/4 are 25"));
    }
    Ok(items)
}

/// Puts every number into its slot.
fn assign(items: Vec<Item>, slots: &[Slot], text: &str) -> Result<Vec<f64>> {
    let names = slots.iter().map(|slot| slot.name).collect::<Vec<_>>().join(", ");
    if items.len() != slots.len() {
        let expected = match slots.len() {
            1 => format!("one number ({names})"),
            n => format!("{n} numbers ({names})"),
        };
        let found: Vec<String> = items.iter().map(|item| item.value.to_string()).collect();
        let found = match found.len() {
            0 => "none".to_string(),
            n => format!("{n}: {}", found.join(" | ")),
        };
        return Err(Error::new(expected, found)
            .hint("a space or a comma ends a number; write 65536 or 65_536, and 7.15"));
    }
    let mut values = vec![None; slots.len()];
    for (position, item) in items.into_iter().enumerate() {
        let position = match item.name.join(" ") {
            name if name.is_empty() => position,
            name => {
                let found = slots.iter().position(|slot| slot.name.eq_ignore_ascii_case(&name));
                found.ok_or_else(|| Error::new(format!("one of {names}"), format!("{name:?}")))?
            }
        };
        values[position] = Some(item.value_in(&slots[position], &names)?);
    }
    let missing = || Error::new(format!("each of {names} once"), format!("{text:?}"));
    values.into_iter().map(|value| value.ok_or_else(missing)).collect()
}

impl Item {
    fn value_in(&self, slot: &Slot, names: &str) -> Result<f64> {
        if let Some(word) = self.units.iter().find(|word| !slot.takes(word)) {
            let unit =
                if slot.unit.is_empty() { String::new() } else { format!(" ({})", slot.unit) };
            let found = format!("{:?} behind {}", word, self.value);
            return Err(Error::new(format!("{}{unit}", slot.name), found)
                .hint(format!("numbers alone will do, in this order: {names}")));
        }
        let value =
            if self.has_percent && slot.is_percent() { 100.0 * self.value } else { self.value };
        let expected = || Error::new("a finite number", format!("{value} for {}", slot.name));
        if value.is_finite() { Ok(value) } else { Err(expected()) }
    }
}

/// Reads tokens from the front.
struct Reader<'t> {
    tokens: &'t [Lexed],
    /// Parentheses that are open.
    open: usize,
    has_percent: bool,
    /// Whether a divisor was in percent: `255/256%` means 99.6 to some and 0.996 to others.
    over_percent: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.first().map(|lexed| &lexed.token)
    }

    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.token.clone())
    }

    fn take(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        if is_next {
            self.next();
        }
        is_next
    }

    /// All numbers with their words. Names stand before their numbers if the first one has one there.
    fn list(&mut self) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        let mut names_first = false;
        loop {
            while matches!(self.peek(), Some(Token::Separator)) {
                self.next();
            }
            if self.tokens.is_empty() {
                return Some(items);
            }
            let name = self.words(|_| true);
            names_first |=
                items.is_empty() && !name.is_empty() && self.peek() != Some(&Token::Equals);
            self.take(&Token::Equals);
            self.has_percent = false;
            let value = self.sum(0)?;
            let has_percent = self.has_percent;
            let units = if names_first {
                Vec::new()
            } else {
                // A word before `=` is the next number's name.
                self.words(|next| *next != Some(&Token::Equals))
            };
            items.push(Item { value, has_percent, name, units });
        }
    }

    /// Words that are no functions, as long as what follows each is accepted.
    fn words(&mut self, accepts: impl Fn(&Option<&Token>) -> bool) -> Vec<String> {
        let mut words = Vec::new();
        while let [Lexed { token: Token::Word(word), .. }, rest @ ..] = self.tokens {
            let next = rest.first().map(|lexed| &lexed.token);
            let is_value = constant(word, next).is_some() || next == Some(&Token::Open('('));
            if is_value || !accepts(&next) {
                break;
            }
            words.push(word.clone());
            self.tokens = rest;
        }
        words
    }

    fn sum(&mut self, nesting: usize) -> Option<f64> {
        let mut value = self.product(nesting)?;
        loop {
            match self.tokens.first() {
                // `10 -3` are two numbers, `10 - 3` and `10-3` one.
                Some(lexed) if self.open == 0 && lexed.is_sign() => return Some(value),
                Some(Lexed { token: Token::Sign('+'), .. }) => {
                    self.next();
                    value += self.product(nesting)?;
                }
                Some(Lexed { token: Token::Sign(_), .. }) => {
                    self.next();
                    value -= self.product(nesting)?;
                }
                _ => return Some(value),
            }
        }
    }

    fn product(&mut self, nesting: usize) -> Option<f64> {
        let mut value = self.signed(nesting)?;
        loop {
            if self.take(&Token::Times) {
                value *= self.signed(nesting)?;
            } else if self.take(&Token::Over) {
                let had_percent = std::mem::take(&mut self.has_percent);
                value /= self.signed(nesting)?;
                self.over_percent |= self.has_percent;
                self.has_percent |= had_percent;
            } else {
                return Some(value);
            }
        }
    }

    fn signed(&mut self, nesting: usize) -> Option<f64> {
        if nesting >= MAX_NESTING {
            return None;
        }
        if let Some(&Token::Sign(sign)) = self.peek() {
            self.next();
            let value = self.signed(nesting + 1)?;
            return Some(if sign == '-' { -value } else { value });
        }
        let base = self.atom(nesting)?;
        if self.take(&Token::Power) {
            Some(base.powf(self.signed(nesting + 1)?))
        } else {
            Some(base)
        }
    }

    fn atom(&mut self, nesting: usize) -> Option<f64> {
        let value = match self.next()? {
            Token::Number(value) => value,
            Token::Open(bracket) => self.bracketed(bracket, nesting)?,
            Token::Word(word) => match constant(&word, self.peek()) {
                Some(value) => value,
                None => {
                    let argument =
                        self.take(&Token::Open('(')).then(|| self.bracketed('(', nesting))??;
                    apply(&word, argument)?
                }
            },
            _ => return None,
        };
        if self.take(&Token::Percent) {
            self.has_percent = true;
            return Some(value / 100.0);
        }
        Some(value)
    }

    /// What stands in brackets, the first of which is read.
    fn bracketed(&mut self, bracket: char, nesting: usize) -> Option<f64> {
        self.open += 1;
        let value = self.sum(nesting + 1)?;
        self.open -= 1;
        match (bracket, self.next()?) {
            ('(', Token::Close(')')) => Some(value),
            ('⌈', Token::Close('⌉')) => Some(value.ceil()),
            ('⌊', Token::Close('⌋')) => Some(value.floor()),
            _ => None,
        }
    }
}

/// The word as a number; `e` only where it is raised to a power, since else it may be anything.
fn constant(word: &str, next: Option<&Token>) -> Option<f64> {
    match word {
        "e" if next == Some(&Token::Power) => Some(std::f64::consts::E),
        "pi" | "π" => Some(std::f64::consts::PI),
        _ => None,
    }
}

fn apply(name: &str, x: f64) -> Option<f64> {
    Some(match name {
        "ln" => x.ln(),
        "log2" | "log_2" => x.log2(),
        "log10" | "log_10" => x.log10(),
        "exp" => x.exp(),
        "sqrt" => x.sqrt(),
        "ceil" => x.ceil(),
        "floor" => x.floor(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots<'t>(names: &[(&'t str, &'t str)]) -> Vec<Slot<'t>> {
        names.iter().map(|&(name, unit)| Slot { name, unit }).collect()
    }

    #[test]
    fn formulas_have_the_values_of_a_pocket_calculator() {
        let bits = slots(&[("n", "bits")]);
        for (text, value) in [
            ("7.15", 7.15),
            ("1e-12", 1e-12),
            ("1E-3", 1e-3),
            ("1e−3", 1e-3),
            ("2^16", 65536.0),
            ("2^-3", 0.125),
            ("2**-3", 0.125),
            ("2^(-3)", 0.125),
            ("2⁻³", 0.125),
            ("2¹⁶", 65536.0),
            ("−3", -3.0),
            ("–3", -3.0),
            ("+3", 3.0),
            ("-2^2", -4.0),
            ("2^3^2", 512.0),
            ("2 ^ 16", 65536.0),
            ("3/16", 0.1875),
            ("3 / 16", 0.1875),
            ("3÷16", 0.1875),
            ("65_536 bits", 65536.0),
            ("65536 bit", 65536.0),
            ("16,777,216", 16_777_216.0),
            ("16'777'216", 16_777_216.0),
            ("16\u{202f}777\u{202f}216 bits", 16_777_216.0),
            ("65\u{a0}536", 65536.0),
            ("0x1F", 31.0),
            ("50%", 0.5),
            ("50 %", 0.5),
            ("50 percent", 0.5),
            ("1.5x10^-3", 1.5e-3),
            ("1.5 x 10^-3", 1.5e-3),
            ("1.5·10⁻³", 1.5e-3),
            ("ln(1023*13/3)", 8.396_832),
            ("log₂(8)", 3.0),
            ("log2( 8 )", 3.0),
            ("ceil(37/4)", 10.0),
            ("⌈37/4⌉", 10.0),
            ("⌊37/4⌋", 9.0),
            ("e^-1", 0.367_879),
            ("e^(-2 * 1)", 0.135_335),
            ("≈ 5.22", 5.22),
            ("~5.22", 5.22),
            ("n = 10", 10.0),
            ("n: 10", 10.0),
            ("n=10 bits", 10.0),
            (" ( 1 + 2 ) * 3 - 4 ", 5.0),
            ("2e3bits", 2000.0),
            ("10 - 3", 7.0),
            ("10-3", 7.0),
            (".5", 0.5),
            ("10.", 10.0),
        ] {
            let found = read_list(text, &bits).unwrap_or_else(|error| panic!("{text}: {error}"))[0];
            assert!((found - value).abs() < 1e-5, "{text}: {found}");
        }
    }

    #[test]
    fn what_is_no_number_or_could_be_two_is_an_error() {
        let bits = slots(&[("n", "bits")]);
        let deep = "(".repeat(100_000);
        for text in [
            "",
            "x",
            "1/0",
            "2^",
            "(1",
            "1)",
            "1 2",
            "foo(3)",
            "..",
            "2^9999",
            &deep,
            "-",
            "1.2.3",
            "7,15",
            "1,234",
            "65 536",
            "10k",
            "10 K",
            "2M",
            "3 million",
            "inf",
            "nan",
            "10 tokens",
            "log(8)",
            "1 -2",
            "(1⌉",
            "%",
            "5 %%",
            "1'2",
            "12'34",
            "1,23,456",
            "n=1 n=2",
            "m=3",
            "=",
            "²",
            "0x",
            "10 bits 3",
        ] {
            assert!(read_list(text, &bits).is_err(), "{text}: {:?}", read_list(text, &bits));
        }
        let error = |text| read_list(text, &bits).unwrap_err().to_string();
        assert!(read_list(&"-".repeat(5000), &bits).is_err());
        assert!(error("1,234").contains("1.234 or 1234"), "{}", error("1,234"));
        assert!(error("log(8)").contains("log2"), "{}", error("log(8)"));
        assert!(error("10 tokens").contains("n (bits)"), "{}", error("10 tokens"));
    }

    #[test]
    fn lists_may_name_their_numbers_and_their_units() {
        let names = slots(&[("depth", "layers"), ("ratio", "")]);
        for text in [
            "24 2",
            "24, 2",
            "24;2",
            "24,2",
            "ratio=2 depth=24",
            "ratio = 2, depth = 24",
            "depth: 24; ratio: 2",
            "24 layers, 2 times",
            "24 layers and 2x",
            "ratio=2x depth=24",
            "depth 24 ratio 2",
            "ratio 2, depth 24",
            "depth=24 layers ratio=2",
            "(24, 2)",
            "[24, 2]",
            "12 + 12 4 / 2",
            "24 log2(4)",
        ] {
            let found = read_list(text, &names).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found, [24.0, 2.0], "{text}");
        }
        let turned = slots(&[("ratio", ""), ("depth", "layers")]);
        assert_eq!(read_list("2x 24", &turned).unwrap(), [2.0, 24.0]);
        assert_eq!(read_list("24 -2", &names).unwrap(), [24.0, -2.0]);
        for text in [
            "24",
            "24 2 3",
            "depth=24 depth=2",
            "width=3 ratio=2",
            "",
            "24 loops 2",
            "24 2 layers",
            "depth 24 layers ratio 2",
            "1,932 8,397",
            "24 k 2",
        ] {
            assert!(read_list(text, &names).is_err(), "{text}");
        }
    }

    #[test]
    fn percent_are_percent_where_they_are_asked_for_and_hundredths_elsewhere() {
        let asked = slots(&[("wrong", "inputs"), ("accuracy", "percent")]);
        for text in [
            "1 99.6",
            "1 99.6%",
            "1 99.6 %",
            "1, 99.6 percent",
            "1 input, 99.6 % ",
            "1 100%-0.4%",
            "wrong=1 accuracy=99.6%",
        ] {
            let found = read_list(text, &asked).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!((found[1] - 99.6).abs() < 1e-9, "{text}: {found:?}");
        }
        for (text, value) in [("(255/256)%", 0.99609375), ("100*255/256", 99.609375)] {
            let accuracy = slots(&[("accuracy", "percent")]);
            let found = read_list(text, &accuracy).unwrap_or_else(|error| panic!("{error}"));
            assert!((found[0] - value).abs() < 1e-9, "{text}: {found:?}");
        }
        let error = read_list("1 255/256%", &asked).err().unwrap().to_string();
        assert!(error.contains("divided by percent"), "{error}");
        assert_eq!(read_list("1 0.996", &asked).unwrap()[1], 0.996);
        assert_eq!(read_list("50%", &slots(&[("part", "")])).unwrap(), [0.5]);
    }
}
