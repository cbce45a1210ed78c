//! Family specs: `name`, `name:8`, `name:key=value,key=value`, read against a family's parameters.
//!
//! In goes text, out come a family and one value for each of its parameters, all in range, or an error
//! that names the parameter, its range and an example.

use std::fmt;
use std::ops::Index;

use super::{FAMILIES, Family};
use crate::error::{Error, Result};

/// A parameter of a family.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The key in a spec.
    pub name: &'static str,
    /// What it sets.
    pub about: &'static str,
    /// What it may be.
    pub values: Values,
    /// The value where the spec gives none; a parameter without one must be given.
    pub default: Option<u64>,
}

/// The values a parameter may have.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// A number from the first to the second, both included; decimal, or hexadecimal after `0x`.
    Range(u64, u64),
    /// One of these words, whose value is its position.
    Choice(&'static [&'static str]),
}

impl Parameter {
    /// A number that must be given.
    pub(super) const fn size(
        name: &'static str,
        about: &'static str,
        least: u64,
        most: u64,
    ) -> Self {
        Parameter { name, about, values: Values::Range(least, most), default: None }
    }

    /// The parameter with a default value.
    pub(super) const fn or(self, default: u64) -> Self {
        Parameter { default: Some(default), ..self }
    }

    /// One of several words, the first being the default.
    pub(super) const fn choice(
        name: &'static str,
        about: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        Parameter { name, about, values: Values::Choice(words), default: Some(0) }
    }
}

impl Values {
    /// A value as a spec gives it.
    pub fn show(self, value: u64) -> String {
        match self {
            Values::Range(..) => value.to_string(),
            Values::Choice(words) => words[value as usize].to_string(),
        }
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Range(0, u64::MAX) => write!(f, "any 64-bit number"),
            Values::Range(least, most) => write!(f, "{least} to {most}"),
            Values::Choice(words) => write!(f, "{}", words.join(" or ")),
        }
    }
}

/// One value for each parameter of a family, by name: `params["n"]`. Displays as a spec's arguments.
#[derive(Debug, Clone)]
pub struct Params {
    values: Vec<(&'static Parameter, u64)>,
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (parameter, value)) in self.values.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match parameter.values {
                Values::Range(..) => write!(f, "{comma}{}={value}", parameter.name)?,
                Values::Choice(words) => {
                    write!(f, "{comma}{}={}", parameter.name, words[*value as usize])?;
                }
            }
        }
        Ok(())
    }
}

impl Index<&str> for Params {
    type Output = u64;

    /// # Panics
    /// The family declares no such parameter.
    fn index(&self, name: &str) -> &u64 {
        let found = self.values.iter().find(|(parameter, _)| parameter.name == name);
        &found.expect("a family asks for parameters that it declares").1
    }
}

/// Whether `text` names a family, with or without arguments.
pub fn is_spec(text: &str) -> bool {
    let name = text.split_once(':').map_or(text, |(name, _)| name);
    FAMILIES.iter().any(|family| family.name == name)
}

/// The family that a spec names, and the values of its parameters.
///
/// # Errors
/// There is no such family, or a parameter is unknown, missing, given twice or out of range. What
/// several parameters must satisfy together is checked by [`Family::check`].
pub fn parse(spec: &str) -> Result<(&'static Family, Params)> {
    let (name, arguments) = match spec.split_once(':') {
        Some((name, arguments)) => (name, Some(arguments)),
        None => (spec, None),
    };
    let family = FAMILIES
        .iter()
        .find(|family| family.name == name)
        .ok_or_else(|| Error::new("a family", shown(name)).hint(similar(name)))?;
    let mut given: Vec<Option<u64>> = vec![None; family.parameters.len()];
    for (i, argument) in arguments.iter().flat_map(|list| list.split(',')).enumerate() {
        let (index, value) = read_argument(family, i, argument)?;
        if given[index].replace(value).is_some() {
            let name = family.parameters[index].name;
            return Err(wrong(family, "each parameter once", format!("{name} twice")));
        }
    }
    let mut values = Vec::new();
    for (parameter, given) in family.parameters.iter().zip(given) {
        let value = given.or(parameter.default).ok_or_else(|| missing(family, parameter))?;
        values.push((parameter, value));
    }
    Ok((family, Params { values }))
}

/// An error about a family's arguments, with an example of a right spec.
pub(super) fn wrong(family: &Family, expected: &str, found: impl Into<String>) -> Error {
    Error::new(format!("{expected} in {}:…", family.name), found)
        .hint(format!("for example {}", family.example))
}

/// The parameter that the `i`-th argument sets, and its value. Only the first may leave out its key.
fn read_argument(family: &Family, i: usize, argument: &str) -> Result<(usize, u64)> {
    if family.parameters.is_empty() {
        let expected = format!("{} without arguments", family.name);
        return Err(Error::new(expected, shown(argument)).hint(format!("write {}", family.example)));
    }
    let (index, value) = match argument.split_once('=') {
        Some((key, value)) => {
            let index = family.parameters.iter().position(|parameter| parameter.name == key);
            (index.ok_or_else(|| wrong(family, &known(family), shown(key)))?, value)
        }
        None if i == 0 => (0, argument),
        None => return Err(wrong(family, "key=value after the first argument", shown(argument))),
    };
    Ok((index, read_value(family, &family.parameters[index], value)?))
}

fn read_value(family: &Family, parameter: &Parameter, text: &str) -> Result<u64> {
    let value = match parameter.values {
        Values::Choice(words) => words.iter().position(|&word| word == text).map(|i| i as u64),
        Values::Range(least, most) => {
            let number = match text.strip_prefix("0x") {
                Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
                None if !text.starts_with('+') => text.parse().ok(),
                _ => None,
            };
            number.filter(|number| (least..=most).contains(number))
        }
    };
    let expected = format!("{} = {}", parameter.name, parameter.values);
    value.ok_or_else(|| wrong(family, &expected, shown(text)))
}

fn missing(family: &Family, parameter: &Parameter) -> Error {
    let expected = format!("{} ({}; {})", parameter.name, parameter.about, parameter.values);
    wrong(family, &expected, "nothing")
}

fn known(family: &Family) -> String {
    let names: Vec<_> = family.parameters.iter().map(|parameter| parameter.name).collect();
    format!("a parameter among {}", names.join(", "))
}

/// Text from outside as an error shows it: quoted, and cut where it is long.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    if text.is_empty() {
        return "nothing".to_string();
    }
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// A hint for an unknown name: the nearest family, if it is near.
fn similar(name: &str) -> String {
    const FARTHEST: usize = 3;
    const LONGEST: usize = 32;
    let nearest = FAMILIES
        .iter()
        .filter(|_| name.len() <= LONGEST)
        .map(|family| (edit_distance(name, family.name), family.name))
        .min()
        .filter(|&(distance, family)| distance <= FARTHEST.min(family.len() / 2));
    match nearest {
        Some((_, family)) => format!("did you mean {family}?"),
        None => "`circuit2tf families` lists them".to_string(),
    }
}

/// The least number of insertions, deletions and replacements from one text to the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_gives_its_size_bare_or_by_key_and_defaults_fill_the_rest() {
        for spec in ["adder:8", "adder:n=8", "adder:0x8"] {
            let (family, params) = parse(spec).unwrap();
            assert_eq!((family.name, params["n"]), ("adder", 8), "{spec}");
        }
        let (_, params) = parse("pointer:16,mode=squaring,k=3").unwrap();
        assert_eq!([params["n"], params["k"], params["mode"]], [16, 3, 1]);
        assert_eq!(params.to_string(), "n=16,k=3,mode=squaring");
        let (_, params) = parse("crc:32").unwrap();
        assert_eq!(params["poly"], 0x04C1_1DB7);
    }

    #[test]
    fn a_name_is_a_spec_and_a_file_is_not() {
        assert!(["aes128", "adder:8", "adder:nonsense", "random:seed=1"].map(is_spec) == [true; 4]);
        assert!(["adder.bench", "c17", "", ":8", "./adder:8"].map(is_spec) == [false; 5]);
    }

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        assert_eq!(similar("addr"), "did you mean adder?");
        assert_eq!(similar("sha-256"), "did you mean sha256?");
        assert!(similar("quicksort").contains("families"));
        assert!(similar(&"adder".repeat(100_000)).contains("families"));
    }

    #[test]
    fn edit_distances() {
        for (a, b, distance) in [("", "abc", 3), ("kitten", "sitting", 3), ("or", "or", 0)] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }
}
