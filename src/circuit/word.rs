//! Words: runs of ports named `base[0]`, `base[1]`, …, read and written as numbers.
//!
//! A file does not tell whether `base[0]` is the least or the most significant bit, so the order is
//! declared (by a family, a JSON file or a flag), never guessed: a word of several bits without an order
//! can be neither set nor printed as a number.
//!
//! - [`words`] finds the words among port names, [`WordOrder`] says how one is read
//! - [`Orders`] collects what a circuit declares and what `--order` flags say
//! - [`Assignment`] turns `--set name=value` flags into input bits
//! - [`readings`] turns output bits into numbers

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

mod assignment;
mod number;

pub use assignment::{Assignment, Orders, Reading, readings};

/// Which bit of a number `base[0]` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordOrder {
    /// `base[0]` is the least significant bit.
    Lsb,
    /// `base[0]` is the most significant bit.
    Msb,
    /// A byte string: `base[8 i + j]` is bit `j`, counted from the least significant, of byte `i`.
    Bytes,
}

impl WordOrder {
    /// All orders.
    pub const ALL: [WordOrder; 3] = [WordOrder::Lsb, WordOrder::Msb, WordOrder::Bytes];

    /// The name that flags and files use.
    pub fn name(self) -> &'static str {
        match self {
            WordOrder::Lsb => "lsb",
            WordOrder::Msb => "msb",
            WordOrder::Bytes => "bytes",
        }
    }
}

impl fmt::Display for WordOrder {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for WordOrder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = WordOrder::ALL.into_iter().find(|order| order.name() == text);
        named.ok_or_else(|| Error::new("a bit order: lsb, msb or bytes", format!("{text:?}")))
    }
}

/// A run of ports that share a base name and are indexed 0, 1, 2, … in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The name without an index.
    pub base: String,
    /// The position of `base[0]` among the ports.
    pub start: usize,
    /// The number of bits.
    pub width: usize,
}

/// The words among port names, by position: each maximal run `base[0]`, `base[1]`, … of neighbours.
pub fn words(names: &[String]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let Some((base, index)) = split_index(name) else { continue };
        match words.last_mut() {
            Some(word) if word.base == base && word.continues(index, position) => word.width += 1,
            _ if index == 0 => {
                words.push(Word { base: base.to_string(), start: position, width: 1 });
            }
            _ => {}
        }
    }
    words
}

/// The base and the index of a name `base[index]`.
fn split_index(name: &str) -> Option<(&str, usize)> {
    let (base, index) = name.strip_suffix(']')?.rsplit_once('[')?;
    let canonical = index == "0" || !index.starts_with(['0', '+']);
    index.parse().ok().filter(|_| canonical).map(|index| (base, index))
}

impl Word {
    fn continues(&self, index: usize, position: usize) -> bool {
        self.width == index && self.start + self.width == position
    }

    /// The positions of the word's ports.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.width
    }

    /// The bits, `base[0]` first, of a value: decimal `5`, hexadecimal `0x1f` or binary `0b101`, and
    /// in the order `bytes` two hexadecimal digits for each byte, with or without `0x`.
    ///
    /// # Errors
    /// The text is no such number or does not fit the word; `bytes` needs whole bytes, and all of them.
    pub fn decode(&self, text: &str, order: WordOrder) -> Result<Vec<bool>> {
        let mut bits = match order {
            WordOrder::Bytes => self.check_bytes().and_then(|()| number::bytes(text, self.width)),
            WordOrder::Lsb | WordOrder::Msb => number::parse(text, self.width),
        }
        .map_err(|error| self.blame(error))?;
        if order == WordOrder::Msb {
            bits.reverse();
        }
        Ok(bits)
    }

    /// The hexadecimal digits, after `0x`, of the word's bits, `base[0]` first.
    ///
    /// # Errors
    /// `bits` is not one per port, or the order is `bytes` and the width no multiple of 8.
    pub fn encode(&self, bits: &[bool], order: WordOrder) -> Result<String> {
        Ok(number::hex(&self.number(bits, order)?))
    }

    /// The decimal digits of the word's bits; `None` above 128 bits, and for `bytes`, which are no number.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub(crate) fn encode_decimal(&self, bits: &[bool], order: WordOrder) -> Result<Option<String>> {
        let number = self.number(bits, order)?;
        Ok(number::decimal(&number).filter(|_| order != WordOrder::Bytes))
    }

    /// The bits of the word's number, least significant first.
    fn number(&self, bits: &[bool], order: WordOrder) -> Result<Vec<bool>> {
        if bits.len() != self.width {
            let found = format!("{} bits", bits.len());
            return Err(self.blame(Error::new(format!("{} bits", self.width), found)));
        }
        match order {
            WordOrder::Lsb => Ok(bits.to_vec()),
            WordOrder::Msb => Ok(bits.iter().rev().copied().collect()),
            WordOrder::Bytes => {
                self.check_bytes().map_err(|error| self.blame(error))?;
                Ok(bits.chunks(8).rev().flatten().copied().collect())
            }
        }
    }

    fn check_bytes(&self) -> Result<()> {
        if self.width.is_multiple_of(8) {
            return Ok(());
        }
        Err(Error::new(
            "a word of whole bytes for the order `bytes`",
            format!("{} bits", self.width),
        ))
    }

    /// The error with the word's name and width in front.
    fn blame(&self, mut error: Error) -> Error {
        let name = format!("word {:?} of {} bits: ", self.base, self.width);
        let target = if error.expected.is_empty() { &mut error.found } else { &mut error.expected };
        target.insert_str(0, &name);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn word(width: usize) -> Word {
        Word { base: "w".to_string(), start: 0, width }
    }

    /// The bits as characters, `w[0]` first.
    fn decode(text: &str, width: usize, order: WordOrder) -> String {
        let bits = word(width).decode(text, order).unwrap();
        bits.iter().map(|&bit| if bit { '1' } else { '0' }).collect()
    }

    #[test]
    fn words_are_runs_from_index_zero() {
        let ports = names(&[
            "clk", "a[0]", "a[1]", "a[2]", "b[1]", "c[0]", "c[2]", "m[1][0]", "m[1][1]", "d[00]",
            "d[+0]", "e[0]", "x", "e[1]", "[0]",
        ]);
        let found: Vec<(String, usize, usize)> =
            words(&ports).into_iter().map(|w| (w.base, w.start, w.width)).collect();
        let expected = [("a", 1, 3), ("c", 5, 1), ("m[1]", 7, 2), ("e", 11, 1), ("", 14, 1)];
        assert_eq!(found, expected.map(|(base, start, width)| (base.to_string(), start, width)));
    }

    #[test]
    fn the_orders_place_the_bits() {
        assert_eq!(decode("5", 4, WordOrder::Lsb), "1010");
        assert_eq!(decode("5", 4, WordOrder::Msb), "0101");
        assert_eq!(decode("0x1f", 6, WordOrder::Lsb), "111110");
        assert_eq!(decode("0b000110", 4, WordOrder::Msb), "0110");
        assert_eq!(decode("0x0180", 16, WordOrder::Bytes), "1000000000000001");
        assert_eq!(decode("0180", 16, WordOrder::Bytes), "1000000000000001");
    }

    #[test]
    fn a_byte_string_as_one_big_endian_number_is_msb_or_lsb() {
        let text = "0x000102030405060708090a0b0c0d0e0f";
        let lsb = word(128).decode(text, WordOrder::Lsb).unwrap();
        let msb = word(128).decode(text, WordOrder::Msb).unwrap();
        // Wire 0 is bit 0 of the last byte, or the top bit of the first.
        assert_eq!((lsb[0], lsb[3], lsb[4], lsb[127]), (true, true, false, false));
        assert_eq!(msb, lsb.iter().rev().copied().collect::<Vec<bool>>());
    }

    #[test]
    fn what_is_decoded_encodes_to_the_same() {
        for (text, width) in [("0x00", 8), ("0x9c", 8), ("0x0123456789abcdef0011", 80)] {
            for order in WordOrder::ALL {
                let bits = word(width).decode(text, order).unwrap();
                assert_eq!(word(width).encode(&bits, order).unwrap(), text, "{order}");
            }
        }
        let bits = word(5).decode("0x1b", WordOrder::Lsb).unwrap();
        assert_eq!(word(5).encode(&bits, WordOrder::Lsb).unwrap(), "0x1b");
    }

    #[test]
    fn decimals_go_up_to_128_bits() {
        let largest = u128::MAX.to_string();
        let bits = word(128).decode(&largest, WordOrder::Msb).unwrap();
        assert_eq!(word(128).encode_decimal(&bits, WordOrder::Msb).unwrap(), Some(largest));
        let bits = word(129).decode("1", WordOrder::Lsb).unwrap();
        assert_eq!(word(129).encode_decimal(&bits, WordOrder::Lsb).unwrap(), None);
    }

    #[test]
    fn a_wide_decimal_is_exact() {
        // 10^60, computed here by repeated multiplication in another base.
        let text = format!("1{}", "0".repeat(60));
        let bits = word(200).decode(&text, WordOrder::Lsb).unwrap();
        let remainder = |m: u64| bits.iter().rev().fold(0, |r, &bit| (2 * r + u64::from(bit)) % m);
        let power = |m: u64| (0..60).fold(1, |p, _| p * 10 % m);
        for m in [3, 7, 1_000_003, 4_294_967_291] {
            assert_eq!(remainder(m), power(m));
        }
        assert_eq!(bits.iter().rposition(|&bit| bit), Some(199));
    }

    #[test]
    fn values_that_do_not_fit_are_refused_with_name_and_width() {
        use WordOrder::{Bytes, Lsb, Msb};
        let cases = [
            ("16", 4, Lsb, "expected word \"w\" of 4 bits: a number below 2^4, found 16"),
            ("0x10", 4, Msb, "expected word \"w\" of 4 bits: a number below 2^4, found 0x10"),
            (
                "-1",
                4,
                Lsb,
                "expected word \"w\" of 4 bits: a number that is not negative, found -1",
            ),
            (
                "0xg",
                4,
                Lsb,
                "expected word \"w\" of 4 bits: hexadecimal digits after 0x, found \"g\"",
            ),
            ("0b2", 4, Lsb, "expected word \"w\" of 4 bits: binary digits after 0b, found \"2\""),
            ("", 4, Lsb, "expected word \"w\" of 4 bits: decimal digits, found \"\""),
            (
                "1a",
                4,
                Lsb,
                "expected word \"w\" of 4 bits: decimal digits, found \"1a\"; hint: write hexadecimal numbers as 0x1f",
            ),
            (
                "0x",
                4,
                Lsb,
                "expected word \"w\" of 4 bits: hexadecimal digits after 0x, found \"\"",
            ),
            ("0x123", 16, Bytes, "expected word \"w\" of 16 bits: 4 hexadecimal digits, found 3"),
            (
                "00zz",
                16,
                Bytes,
                "expected word \"w\" of 16 bits: 4 hexadecimal digits, found \"00zz\"",
            ),
            (
                "0x1",
                4,
                Bytes,
                "expected word \"w\" of 4 bits: a word of whole bytes for the order `bytes`, found 4 bits",
            ),
        ];
        for (text, width, order, expected) in cases {
            assert_eq!(word(width).decode(text, order).unwrap_err().to_string(), expected);
        }
        let long = "9".repeat(100_000);
        assert!(word(64).decode(&long, Lsb).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn orders_have_names() {
        for order in WordOrder::ALL {
            assert_eq!(order.to_string().parse::<WordOrder>().unwrap(), order);
        }
        assert_eq!(
            "LSB".parse::<WordOrder>().unwrap_err().to_string(),
            "expected a bit order: lsb, msb or bytes, found \"LSB\""
        );
    }
}
