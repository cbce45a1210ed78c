//! Constants of Verilog: `12`, `8'hFF`, `'sd5`; and vectors of constant bits as integers.

use super::gates::Bit;
use super::lexer::Lexeme;
use crate::error::{Error, Result};
use crate::format::cursor::{Source, quote};

/// The width of a constant that has none of its own.
pub const UNSIZED: usize = 32;

/// A vector, least significant bit first, and how it counts.
#[derive(Debug, Clone)]
pub struct Value {
    pub bits: Vec<Bit>,
    pub signed: bool,
    /// Whether it is a constant without a width of its own.
    pub is_unsized: bool,
}

impl Value {
    /// The signed 32-bit constant `number`, as it is without a width.
    pub fn integer(number: i64) -> Self {
        let bits = (0..UNSIZED).map(|i| Bit::Constant(number >> i & 1 == 1)).collect();
        Value { bits, signed: true, is_unsized: true }
    }

    /// The integer, if all bits are constant and it fits.
    pub fn to_integer(&self) -> Option<i64> {
        let bits: Vec<bool> = self.bits.iter().map(constant).collect::<Option<_>>()?;
        let is_negative = self.signed && bits.last() == Some(&true);
        // All bits beyond the 63rd repeat the sign.
        if bits.iter().skip(63).any(|&bit| bit != is_negative) {
            return None;
        }
        let low = bits.iter().take(63).enumerate();
        let number = low.fold(0i64, |number, (i, &bit)| number | i64::from(bit) << i);
        let width = bits.len().min(63);
        Some(if is_negative {
            number | (-1i64).checked_shl(width as u32).unwrap_or(0)
        } else {
            number
        })
    }
}

fn constant(bit: &Bit) -> Option<bool> {
    match bit {
        Bit::Constant(value) => Some(*value),
        _ => None,
    }
}

/// A decimal number without a base: signed, 32 bits.
pub fn plain(source: &Source<'_>, number: Lexeme<'_>) -> Result<Value> {
    let token = number.token;
    let digits: String = token.text.chars().filter(|&c| c != '_').collect();
    match digits.parse::<i32>() {
        Ok(number) => Ok(Value::integer(i64::from(number))),
        Err(_) if digits.contains(['.', 'e', 'E']) => Err(source.error(
            token.offset,
            "an integer, as a real number is no vector",
            quote(token.text),
        )),
        Err(_) => Err(source
            .error(token.offset, "a constant of at most 31 bits without a width", quote(token.text))
            .hint("give it a width, such as 40'd5000000000")),
    }
}

/// The width in front of a base.
///
/// # Errors
/// It is 0, no integer, or more than `most`.
pub fn width(source: &Source<'_>, number: Lexeme<'_>, most: usize) -> Result<usize> {
    let token = number.token;
    let digits: String = token.text.chars().filter(|&c| c != '_').collect();
    let width = digits.parse::<usize>().ok().filter(|width| (1..=most).contains(width));
    width.ok_or_else(|| {
        source.error(token.offset, format!("a width of 1 to {most} bits"), quote(token.text))
    })
}

/// A base and digits, of a width or without one.
///
/// # Errors
/// A digit is none of the base or is x or z, or the number does not fit.
pub fn based(source: &Source<'_>, number: Lexeme<'_>, width: Option<usize>) -> Result<Value> {
    let token = number.token;
    let text = token.text[1..].to_ascii_lowercase();
    let error = |expected: &str| source.error(token.offset, expected, quote(token.text));
    let (signed, text) = match text.strip_prefix('s') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let (base, digits) = text.split_at(1);
    let digits: Vec<char> = digits.chars().filter(|&c| c != '_' && !c.is_whitespace()).collect();
    if digits.iter().any(|digit| matches!(digit, 'x' | 'z' | '?')) {
        return Err(unknown(source, number));
    }
    let bits = match base {
        "b" => digit_bits(&digits, 1),
        "o" => digit_bits(&digits, 3),
        "h" => digit_bits(&digits, 4),
        _ => decimal_bits(&digits),
    };
    let bits = bits.ok_or_else(|| error("digits of the constant's base"))?;
    let n_bits = width.unwrap_or(UNSIZED);
    if bits.iter().skip(n_bits).any(|bit| *bit) {
        return Err(error(&format!("a constant that fits its width of {n_bits} bits")));
    }
    let bits = (0..n_bits).map(|i| Bit::Constant(bits.get(i).copied().unwrap_or(false))).collect();
    Ok(Value { bits, signed, is_unsized: width.is_none() })
}

fn unknown(source: &Source<'_>, number: Lexeme<'_>) -> Error {
    let (offset, text) = (number.token.offset, quote(number.token.text));
    source
        .error(offset, "the digits of a number, as x and z are no bits", text)
        .hint("a circuit has no third value: replace tri-state drivers and don't cares first, for example with yosys: tribuf -logic; setundef -zero")
}

/// The bits of the digits, least significant first.
fn digit_bits(digits: &[char], bits_per_digit: usize) -> Option<Vec<bool>> {
    let mut bits = Vec::new();
    for digit in digits.iter().rev() {
        let value = digit.to_digit(1 << bits_per_digit)?;
        bits.extend((0..bits_per_digit).map(|i| value >> i & 1 == 1));
    }
    (!bits.is_empty()).then_some(bits)
}

/// The bits of decimal digits, of which there may be as many as 128 bits hold.
fn decimal_bits(digits: &[char]) -> Option<Vec<bool>> {
    let number: u128 = digits.iter().collect::<String>().parse().ok()?;
    Some((0..u128::BITS).map(|i| number >> i & 1 == 1).collect())
}
