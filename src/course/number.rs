//! Numbers as students write them: `7.15`, `1e-12`, `3/16`, `2^16`, `65_536`, `ln(1023)`, `50%`.
//!
//! Text in, a number out. The grammar is that of a pocket calculator: `+ - * / ^`, parentheses, a few
//! functions; a word at the end is a unit and is ignored. Nesting is bounded, so that no input
//! overflows the stack.

use crate::error::{Error, Result};

/// Nesting of parentheses, signs and powers.
const MAX_NESTING: usize = 32;

/// The longest answer that is read, in bytes.
const MAX_LENGTH: usize = 10_000;

/// Reads one number or formula.
///
/// # Errors
/// It is no formula, or its value is not a finite number.
pub fn read(text: &str) -> Result<f64> {
    let no_number = || {
        Error::new("a number or a formula such as 7.15, 1e-12, 3/16 or 2^16", format!("{text:?}"))
    };
    if text.len() > MAX_LENGTH {
        return Err(Error::new("an answer of at most 10000 bytes", text.len().to_string()));
    }
    let mut formula = Formula { rest: text.trim() };
    let value = formula.sum(0).filter(|_| is_unit(formula.rest)).ok_or_else(no_number)?;
    if value.is_finite() { Ok(value) } else { Err(no_number()) }
}

/// Reads `count` numbers, separated by spaces or commas; `name=` before a number is allowed and skipped
/// over, as are words that are units.
///
/// # Errors
/// There are more or fewer, or one is no number.
pub fn read_list(text: &str, names: &[&str]) -> Result<Vec<f64>> {
    if names.len() == 1 {
        let text: String = text.split_whitespace().collect();
        let name = format!("{}=", names[0]);
        return Ok(vec![read(text.strip_prefix(&name).unwrap_or(&text))?]);
    }
    let words = text.split([' ', ',', ';', '\t', '\n']).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.filter(|word| !is_unit(word)).collect();
    if words.len() != names.len() {
        let expected = format!("{} numbers ({})", names.len(), names.join(", "));
        let found = match words.len() {
            0 => format!("none in {text:?}"),
            n => format!("{n}: {}", words.join(" | ")),
        };
        return Err(Error::new(expected, found)
            .hint("a space or a comma ends a number; thousands are written 65536 or 65_536"));
    }
    let mut values = vec![None; names.len()];
    for (position, word) in words.into_iter().enumerate() {
        let (slot, word) = match word.split_once('=') {
            None => (position, word),
            Some((name, word)) => {
                let slot = names.iter().position(|known| *known == name);
                let expected = || Error::new(format!("one of {}", names.join(", ")), name);
                (slot.ok_or_else(expected)?, word)
            }
        };
        values[slot] = Some(read(word)?);
    }
    let missing = || Error::new(format!("each of {} once", names.join(", ")), format!("{text:?}"));
    values.into_iter().map(|value| value.ok_or_else(missing)).collect()
}

/// No word, or one of letters only.
fn is_unit(word: &str) -> bool {
    word.chars().all(char::is_alphabetic)
}

struct Formula<'t> {
    rest: &'t str,
}

impl Formula<'_> {
    fn take(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c).map(str::trim_start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self, nesting: usize) -> Option<f64> {
        let mut value = self.product(nesting)?;
        loop {
            if self.take('+') {
                value += self.product(nesting)?;
            } else if self.take('-') {
                value -= self.product(nesting)?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self, nesting: usize) -> Option<f64> {
        let mut value = self.signed(nesting)?;
        loop {
            if self.take('*') || self.take('×') {
                value *= self.signed(nesting)?;
            } else if self.take('/') {
                value /= self.signed(nesting)?;
            } else {
                return Some(value);
            }
        }
    }

    fn signed(&mut self, nesting: usize) -> Option<f64> {
        if nesting >= MAX_NESTING {
            return None;
        }
        if self.take('-') {
            return Some(-self.signed(nesting + 1)?);
        }
        let base = self.atom(nesting)?;
        if self.take('^') { Some(base.powf(self.signed(nesting + 1)?)) } else { Some(base) }
    }

    fn atom(&mut self, nesting: usize) -> Option<f64> {
        if self.take('(') {
            let value = self.sum(nesting + 1)?;
            return self.take(')').then_some(value);
        }
        if self.rest.starts_with(char::is_alphabetic) {
            let end = self.rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at(end);
            self.rest = rest.trim_start();
            let argument = self.take('(').then(|| self.sum(nesting + 1))??;
            return self.take(')').then(|| apply(name, argument))?;
        }
        let value = self.literal()?;
        if self.take('%') { Some(value / 100.0) } else { Some(value) }
    }

    fn literal(&mut self) -> Option<f64> {
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        while let Some(&byte) = bytes.get(end) {
            let exponent = |at: usize| {
                let sign = usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
                bytes.get(at + sign).is_some_and(u8::is_ascii_digit).then_some(at + sign)
            };
            match byte {
                b'0'..=b'9' | b'.' | b'_' => end += 1,
                b'e' | b'E' if end > 0 => match exponent(end + 1) {
                    Some(digits) => end = digits,
                    None => break,
                },
                _ => break,
            }
        }
        let (digits, rest) = self.rest.split_at(end);
        let value = digits.replace('_', "").parse().ok()?;
        self.rest = rest.trim_start();
        Some(value)
    }
}

fn apply(name: &str, x: f64) -> Option<f64> {
    Some(match name {
        "ln" => x.ln(),
        "log2" => x.log2(),
        "log10" => x.log10(),
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

    #[test]
    fn formulas_have_the_values_of_a_pocket_calculator() {
        for (text, value) in [
            ("7.15", 7.15),
            ("1e-12", 1e-12),
            ("2^16", 65536.0),
            ("-2^2", -4.0),
            ("2^3^2", 512.0),
            ("3/16", 0.1875),
            ("65_536 bits", 65536.0),
            ("50%", 0.5),
            ("ln(1023*13/3)", 8.396_832),
            ("ceil(37/4) loops", 10.0),
            (" ( 1 + 2 ) * 3 - 4 ", 5.0),
            ("2e3tokens", 2000.0),
        ] {
            let found = read(text).unwrap();
            assert!((found - value).abs() < 1e-5, "{text}: {found}");
        }
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let deep = "(".repeat(100_000);
        for text in ["", "x", "1/0", "2^", "(1", "1)", "1 2", "foo(3)", "..", "2^9999", &deep, "-"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"-".repeat(5000)).is_err());
    }

    #[test]
    fn lists_may_name_their_numbers() {
        let names = ["depth", "ratio"];
        for text in ["24 2", "24, 2", "ratio=2 depth=24", "24 layers, 2 times"] {
            assert_eq!(read_list(text, &names).unwrap(), [24.0, 2.0], "{text}");
        }
        for text in ["24", "24 2 3", "depth=24 depth=2", "width=3 ratio=2", ""] {
            assert!(read_list(text, &names).is_err(), "{text}");
        }
        assert_eq!(read_list("2 ^ 16", &["n"]).unwrap(), [65536.0]);
    }
}
