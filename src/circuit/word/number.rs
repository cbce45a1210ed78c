//! Numbers of any width between text and bits, least significant bit first.

use crate::error::{Error, Result};

/// The longest value that an error quotes, in characters.
const QUOTE: usize = 40;

/// The `width` bits of a decimal, `0x` or `0b` number.
///
/// # Errors
/// The text is no such number, is negative, or needs more bits.
pub(super) fn parse(text: &str, width: usize) -> Result<Vec<bool>> {
    if text.starts_with('-') {
        return Err(Error::new("a number that is not negative", shorten(text)));
    }
    let bits = if let Some(digits) = text.strip_prefix("0x") {
        powers_of_two(digits, 4, "hexadecimal digits after 0x")?
    } else if let Some(digits) = text.strip_prefix("0b") {
        powers_of_two(digits, 1, "binary digits after 0b")?
    } else {
        decimal_bits(text, width)?
    };
    fit(bits, width).ok_or_else(|| Error::new(format!("a number below 2^{width}"), shorten(text)))
}

/// The bits of a byte string given as hexadecimal digits, two a byte, the first byte's first.
///
/// # Errors
/// There are other characters, or not `width / 4` digits.
pub(super) fn bytes(text: &str, width: usize) -> Result<Vec<bool>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let what = format!("{} hexadecimal digits", width / 4);
    let bits = powers_of_two(digits, 4, &what)?;
    if bits.len() != width {
        return Err(Error::new(what, digits.len().to_string()));
    }
    Ok(bits.chunks(8).rev().flatten().copied().collect())
}

/// The bits of digits that stand for `bits_per_digit` bits each.
fn powers_of_two(digits: &str, bits_per_digit: u32, what: &str) -> Result<Vec<bool>> {
    let mut bits = Vec::with_capacity(digits.len() * bits_per_digit as usize);
    for character in digits.chars().rev() {
        let Some(digit) = character.to_digit(1 << bits_per_digit) else {
            return Err(Error::new(what, format!("{:?}", shorten(digits))));
        };
        bits.extend((0..bits_per_digit).map(|b| digit >> b & 1 == 1));
    }
    if digits.is_empty() {
        return Err(Error::new(what, "\"\""));
    }
    Ok(bits)
}

/// The bits of a decimal number, some more than `width` where it needs more.
fn decimal_bits(text: &str, width: usize) -> Result<Vec<bool>> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        let error = Error::new("decimal digits", format!("{:?}", shorten(text)));
        let hexadecimal = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        return Err(if hexadecimal {
            error.hint("write hexadecimal numbers as 0x1f")
        } else {
            error
        });
    }
    let mut limbs: Vec<u64> = Vec::new();
    for digit in text.bytes().map(|b| u64::from(b - b'0')) {
        let mut carry = digit;
        for limb in &mut limbs {
            let product = u128::from(*limb) * 10 + u128::from(carry);
            (*limb, carry) = (product as u64, (product >> 64) as u64);
        }
        if carry > 0 {
            limbs.push(carry);
        }
        if limbs.len() > width / 64 + 1 {
            break; // It cannot fit any more, whatever digits follow.
        }
    }
    Ok(limbs.iter().flat_map(|limb| (0..64).map(move |b| limb >> b & 1 == 1)).collect())
}

/// The bits padded or cut to `width`; `None` where a bit that is set would be cut.
fn fit(mut bits: Vec<bool>, width: usize) -> Option<Vec<bool>> {
    let lost = bits.iter().skip(width).any(|&bit| bit);
    bits.resize(width, false);
    (!lost).then_some(bits)
}

/// `0x` and the hexadecimal digits of all bits, leading zeros kept.
pub(super) fn hex(bits: &[bool]) -> String {
    let digit = |nibble: &[bool]| {
        let value = nibble.iter().rev().fold(0, |value, &bit| 2 * value + u32::from(bit));
        char::from_digit(value, 16).expect("four bits are a hexadecimal digit")
    };
    "0x".chars().chain(bits.chunks(4).rev().map(digit)).collect()
}

/// The decimal digits of at most 128 bits.
pub(super) fn decimal(bits: &[bool]) -> Option<String> {
    let value = bits.iter().rev().fold(0u128, |value, &bit| value << 1 | u128::from(bit));
    (bits.len() <= 128).then(|| value.to_string())
}

/// The text, cut where it is too long to read.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
