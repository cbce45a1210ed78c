//! Input bits from `--set` and `--order` flags, and output bits as numbers.

use std::collections::BTreeMap;
use std::fmt;

use super::{Word, WordOrder, words};
use crate::circuit::Circuit;
use crate::error::{Error, Result};

/// How many unset inputs an error lists.
const LISTED: usize = 8;

/// The bit orders of words: declared by the circuit, and given by flags, which prevail.
///
/// ```
/// use circuit2tf::circuit::word::{Assignment, Orders};
/// let names: Vec<String> = ["a[0]", "a[1]", "a[2]", "en"].map(String::from).to_vec();
/// let mut orders = Orders::default();
/// orders.flag("a=lsb")?;
/// let mut assignment = Assignment::new(&names, &orders);
/// assignment.set("a=6")?;
/// assignment.set("en=1")?;
/// assert_eq!(assignment.finish()?, [false, true, true, true]);
/// # Ok::<(), circuit2tf::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Orders {
    declared: BTreeMap<String, WordOrder>,
    all: Option<WordOrder>,
    named: BTreeMap<String, WordOrder>,
}

impl Orders {
    /// What the circuit declares.
    pub fn declared_by(circuit: &Circuit) -> Self {
        Orders { declared: circuit.word_orders().clone(), ..Orders::default() }
    }

    /// What a model file says that its circuit declared.
    ///
    /// # Errors
    /// A text that names no order.
    pub fn declared_as(names: &BTreeMap<String, String>) -> Result<Self> {
        let order = |(base, name): (&String, &String)| Ok((base.clone(), name.parse()?));
        let declared = names.iter().map(order).collect::<Result<_>>()?;
        Ok(Orders { declared, ..Orders::default() })
    }

    /// Takes a flag's value: `ORDER` for all words or `name=ORDER` for one.
    ///
    /// # Errors
    /// There is no such order, or the same is said twice.
    pub fn flag(&mut self, text: &str) -> Result<()> {
        let (name, order) = match text.rsplit_once('=') {
            Some((name, order)) => (Some(name), order.parse()?),
            None => (None, text.parse()?),
        };
        let previous = match name {
            Some(name) => self.named.insert(name.to_string(), order),
            None => self.all.replace(order),
        };
        match previous {
            None => Ok(()),
            Some(_) => {
                let word = name.map_or("all words".to_string(), |name| format!("{name:?}"));
                Err(Error::new("one bit order for each word", format!("two for {word}")))
            }
        }
    }

    /// The order of a word: its own flag's, else that of the flag for all, else the declared one. One
    /// bit is the same in any order but `bytes`, so it needs none.
    pub fn of(&self, word: &Word) -> Option<WordOrder> {
        let one_bit = (word.width == 1).then_some(WordOrder::Lsb);
        let declared = || self.declared.get(&word.base).copied();
        one_bit.or_else(|| self.named.get(&word.base).copied()).or(self.all).or_else(declared)
    }

    /// An error if a flag names a word that is in none of the lists of port names.
    ///
    /// # Errors
    /// The first such flag, with the words there are.
    pub fn check(&self, ports: &[&[String]]) -> Result<()> {
        let known: Vec<String> =
            ports.iter().flat_map(|names| words(names)).map(|word| word.base).collect();
        match self.named.keys().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => {
                Err(Error::new(format!("a word: {}", list(&known)), format!("{name:?} in --order")))
            }
        }
    }
}

/// The bits of named inputs, set by and by.
#[derive(Debug, Clone)]
pub struct Assignment<'a> {
    names: &'a [String],
    orders: &'a Orders,
    words: Vec<Word>,
    positions: BTreeMap<&'a str, usize>,
    bits: Vec<Option<bool>>,
}

impl<'a> Assignment<'a> {
    /// Nothing is set. `names` are the inputs', which differ.
    pub fn new(names: &'a [String], orders: &'a Orders) -> Self {
        let positions = names.iter().enumerate().map(|(p, name)| (name.as_str(), p)).collect();
        Assignment { names, orders, words: words(names), positions, bits: vec![None; names.len()] }
    }

    /// Takes a flag's value `name=value`, where `name` is an input, whose value is 0 or 1, or a word.
    ///
    /// # Errors
    /// There is no such input or word, the word's order is not declared, the value does not fit, or a bit
    /// is set twice.
    pub fn set(&mut self, text: &str) -> Result<()> {
        let Some((name, value)) = text.rsplit_once('=') else {
            return Err(Error::new("name=value", format!("{text:?}")));
        };
        if let Some(&position) = self.positions.get(name) {
            let bit = match value {
                "0" => false,
                "1" => true,
                _ => return Err(Error::new(format!("0 or 1 for {name:?}"), format!("{value:?}"))),
            };
            return self.put(position, &[bit]);
        }
        let Some(word) = self.words.iter().find(|word| word.base == name) else {
            return Err(self.unknown(name));
        };
        let Some(order) = self.orders.of(word) else {
            let expected = format!("a declared bit order for {name:?}, {} bits", word.width);
            let hint = format!("--order {name}=lsb, msb or bytes");
            return Err(Error::new(expected, "none").hint(hint));
        };
        let bits = word.decode(value, order)?;
        self.put(word.start, &bits)
    }

    fn put(&mut self, start: usize, bits: &[bool]) -> Result<()> {
        for (position, &bit) in (start..).zip(bits) {
            if self.bits[position].replace(bit).is_some() {
                let found = format!("two for {:?}", self.names[position]);
                return Err(Error::new("one value for each input", found));
            }
        }
        Ok(())
    }

    fn unknown(&self, name: &str) -> Error {
        let in_word = |position: usize| self.words.iter().any(|w| w.range().contains(&position));
        let single = (0..self.names.len()).filter(|&p| !in_word(p)).map(|p| self.names[p].clone());
        let known: Vec<String> = self.words.iter().map(|w| w.base.clone()).chain(single).collect();
        Error::new(format!("an input or a word: {}", list(&known)), format!("{name:?}"))
    }

    /// The bits of all inputs, in order.
    ///
    /// # Errors
    /// Inputs that are not set, listed.
    pub fn finish(&self) -> Result<Vec<bool>> {
        let unset = self.bits.iter().zip(self.names).filter(|(bit, _)| bit.is_none());
        let unset: Vec<String> = unset.map(|(_, name)| name.clone()).collect();
        if !unset.is_empty() {
            let found =
                format!("none for {} of {}: {}", unset.len(), self.names.len(), list(&unset));
            return Err(Error::new("a value for every input", found));
        }
        Ok(self.bits.iter().flatten().copied().collect())
    }
}

/// Names joined by commas, cut after a few.
fn list(names: &[String]) -> String {
    let mut list = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED {
        list.push_str(", …");
    }
    list
}

/// A word or a single port with its value.
///
/// Displays as `sum = 0x2a (42), lsb`, a single port as `carry = 1`, and a word without an order as
/// `sum = 01010100, sum[0] first`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The word's base or the port's name.
    pub name: String,
    /// The number of bits.
    pub width: usize,
    /// The order the value was read in; `None` for one bit and where none is declared.
    pub order: Option<WordOrder>,
    /// `0x…` where there is an order, else the bits, the first port's first.
    pub value: String,
    /// The value in decimal, where there is an order.
    pub decimal: Option<String>,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} = {}", self.name, self.value)?;
        if let Some(decimal) = &self.decimal {
            write!(f, " ({decimal})")?;
        }
        match self.order {
            Some(order) => write!(f, ", {order}"),
            None if self.width > 1 => write!(f, ", {}[0] first", self.name),
            None => Ok(()),
        }
    }
}

/// The values of ports, words as numbers where their order is known.
///
/// # Errors
/// `bits` is not one per name, or a word in the order `bytes` has no whole bytes.
pub fn readings(names: &[String], bits: &[bool], orders: &Orders) -> Result<Vec<Reading>> {
    if names.len() != bits.len() {
        return Err(Error::new(format!("{} bits", names.len()), bits.len().to_string()));
    }
    let mut readings = Vec::new();
    let mut words = words(names).into_iter().peekable();
    let mut position = 0;
    while position < names.len() {
        let reading = match words.next_if(|word| word.start == position) {
            Some(word) => read_word(&word, &bits[word.range()], orders)?,
            None => read_bits(names[position].clone(), &bits[position..=position]),
        };
        position += reading.width;
        readings.push(reading);
    }
    Ok(readings)
}

fn read_word(word: &Word, bits: &[bool], orders: &Orders) -> Result<Reading> {
    let Some(order) = orders.of(word).filter(|_| word.width > 1) else {
        return Ok(read_bits(word.base.clone(), bits));
    };
    Ok(Reading {
        name: word.base.clone(),
        width: word.width,
        order: Some(order),
        value: word.encode(bits, order)?,
        decimal: word.encode_decimal(bits, order)?,
    })
}

fn read_bits(name: String, bits: &[bool]) -> Reading {
    let value = bits.iter().map(|&bit| if bit { '1' } else { '0' }).collect();
    Reading { name, width: bits.len(), order: None, value, decimal: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["a[0]", "a[1]", "a[2]", "a[3]", "en", "b[0]", "x=y"].map(String::from).to_vec()
    }

    fn orders(flags: &[&str]) -> Orders {
        let mut orders = Orders::default();
        flags.iter().for_each(|flag| orders.flag(flag).unwrap());
        orders
    }

    fn assign(flags: &[&str], settings: &[&str]) -> Result<Vec<bool>> {
        let (names, orders) = (names(), orders(flags));
        let mut assignment = Assignment::new(&names, &orders);
        for setting in settings {
            assignment.set(setting)?;
        }
        assignment.finish()
    }

    #[test]
    fn words_and_single_inputs_are_set() {
        let all = ["a=0x8", "en=1", "b=1", "x=y=0"];
        let bits = assign(&["lsb"], &all).unwrap();
        assert_eq!(bits, [false, false, false, true, true, true, false]);
        let bits = assign(&["lsb", "a=msb"], &all).unwrap();
        assert_eq!(bits[..4], [true, false, false, false]);
        let bitwise = ["a[0]=1", "a[1]=0", "a[2]=0", "a[3]=0", "en=1", "b[0]=1", "x=y=0"];
        assert_eq!(assign(&[], &bitwise).unwrap(), bits);
    }

    #[test]
    fn mistakes_say_what_is_expected() {
        let cases: [(&[&str], &[&str], &str); 8] = [
            (
                &[],
                &["a=1"],
                "expected a declared bit order for \"a\", 4 bits, found none; hint: --order a=lsb, \
                 msb or bytes",
            ),
            (&["lsb"], &["c=1"], "expected an input or a word: a, b, en, x=y, found \"c\""),
            (&["lsb"], &["en"], "expected name=value, found \"en\""),
            (&["lsb"], &["en=2"], "expected 0 or 1 for \"en\", found \"2\""),
            (&["lsb"], &["a=16"], "expected word \"a\" of 4 bits: a number below 2^4, found 16"),
            (
                &["lsb"],
                &["a=1", "a[3]=0"],
                "expected one value for each input, found two for \"a[3]\"",
            ),
            (&["lsb"], &["b=2"], "expected word \"b\" of 1 bits: a number below 2^1, found 2"),
            (
                &["lsb"],
                &["a=1", "en=0"],
                "expected a value for every input, found none for 2 of 7: b[0], x=y",
            ),
        ];
        for (flags, settings, expected) in cases {
            assert_eq!(assign(flags, settings).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn order_flags_are_checked() {
        let twice =
            |first: &str, second: &str| orders(&[first]).flag(second).unwrap_err().to_string();
        assert_eq!(
            twice("lsb", "lsb"),
            "expected one bit order for each word, found two for all words"
        );
        assert_eq!(
            twice("a=lsb", "a=msb"),
            "expected one bit order for each word, found two for \"a\""
        );
        assert!(Orders::default().flag("a=up").is_err());
        assert!(orders(&["a=lsb"]).check(&[&names()]).is_ok());
        assert_eq!(
            orders(&["en=lsb"]).check(&[&names()]).unwrap_err().to_string(),
            "expected a word: a, b, found \"en\" in --order"
        );
    }

    #[test]
    fn outputs_read_as_numbers_only_where_an_order_is_known() {
        let bits = [false, true, false, true, true, false, true];
        let shown = |flags: &[&str]| -> Vec<String> {
            let readings = readings(&names(), &bits, &orders(flags)).unwrap();
            readings.iter().map(Reading::to_string).collect()
        };
        assert_eq!(shown(&["a=lsb"]), ["a = 0xa (10), lsb", "en = 1", "b = 0", "x=y = 1"]);
        assert_eq!(shown(&["msb"])[0], "a = 0x5 (5), msb");
        assert_eq!(shown(&[])[0], "a = 0101, a[0] first");
    }
}
