//! Words: runs of ports named `base[0]`, `base[1]`, …, read and written as numbers.
//!
//! A file does not tell whether `base[0]` is the least or the most significant bit, so the order is
//! declared (by a family, a JSON file or a flag), never guessed.

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

/// A run of ports that share a base name and are indexed 0, 1, 2, … in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub base: String,
    /// The position of `base[0]` among the ports.
    pub start: usize,
    pub width: usize,
}

/// The words among port names, by position: each maximal run `base[0]`, `base[1]`, … of neighbours.
pub fn words(names: &[String]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let Some((base, index)) = split_index(name) else { continue };
        match words.last_mut() {
            Some(word)
                if word.base == base
                    && word.width == index
                    && word.start + word.width == position =>
            {
                word.width += 1;
            }
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
