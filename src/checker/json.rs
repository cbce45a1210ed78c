//! JSON in which no object names a key twice, and entries that know where they stand.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{Checked, Refusal};

/// A JSON document; readers differ on which of two equal keys counts, so there must be none.
///
/// # Errors
/// The bytes are no JSON, or an object has a key twice.
pub fn parse(bytes: &[u8]) -> Checked<Value> {
    let strict: Result<Strict, _> = serde_json::from_slice(bytes);
    strict.map(|Strict(value)| value).map_err(|error| Refusal::new("JSON", error.to_string()))
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(value)) = entries.next_element()? {
            array.push(value);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} comes twice")));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

/// A value with its path in the document, such as `witness.layers[0].types`.
#[derive(Clone)]
pub struct Entry<'v> {
    value: &'v Value,
    path: String,
}

impl<'v> Entry<'v> {
    pub fn root(value: &'v Value) -> Self {
        Entry { value, path: String::new() }
    }

    pub fn value(&self) -> &'v Value {
        self.value
    }

    pub fn refuse(&self, reason: impl Into<String>) -> Refusal {
        Refusal::new(self.path.clone(), reason)
    }

    /// Refuses entry `i` of an array.
    pub fn refuse_at(&self, i: usize, reason: impl Into<String>) -> Refusal {
        Refusal::new(format!("{}[{i}]", self.path), reason)
    }

    /// An object's values, in the order of `keys`, which are all that it may have.
    pub fn object<const N: usize>(&self, keys: [&str; N]) -> Checked<[Entry<'v>; N]> {
        let object = self.value.as_object().ok_or_else(|| self.refuse("is no object"))?;
        if let Some(key) = object.keys().find(|key| !keys.contains(&key.as_str())) {
            return Err(self.at_key(key, self.value).refuse("is no entry that is known"));
        }
        if let Some(key) = keys.iter().find(|&&key| !object.contains_key(key)) {
            return Err(self.at_key(key, self.value).refuse("is missing"));
        }
        Ok(keys.map(|key| self.at_key(key, &object[key])))
    }

    fn at_key(&self, key: &str, value: &'v Value) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Entry { value, path: format!("{}{dot}{key}", self.path) }
    }

    pub fn array(&self) -> Checked<Vec<Entry<'v>>> {
        let array = self.value.as_array().ok_or_else(|| self.refuse("is no array"))?;
        let entry = |(i, value)| Entry { value, path: format!("{}[{i}]", self.path) };
        Ok(array.iter().enumerate().map(entry).collect())
    }

    pub fn array_of(&self, n: usize) -> Checked<Vec<Entry<'v>>> {
        let array = self.array()?;
        self.require_length(array.len(), n)?;
        Ok(array)
    }

    pub fn text(&self) -> Checked<&'v str> {
        self.value.as_str().ok_or_else(|| self.refuse("is no text"))
    }

    pub fn require(&self, text: &str) -> Checked<()> {
        let found = self.text()?;
        if found == text { Ok(()) } else { Err(self.refuse(format!("is {found:?}, not {text:?}"))) }
    }

    /// A whole number below `end`.
    pub fn count(&self, end: u64) -> Checked<usize> {
        let number = self.value.as_u64().filter(|&number| number < end);
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| self.refuse(format!("is no whole number from 0 to below {end}")))
    }

    /// An array of `n` whole numbers from `least` to below `end`.
    pub fn integers(&self, n: usize, least: i64, end: i64) -> Checked<Vec<i64>> {
        let array = self.value.as_array().ok_or_else(|| self.refuse("is no array"))?;
        self.require_length(array.len(), n)?;
        let integer = |(i, value): (usize, &Value)| {
            let number = value.as_i64().filter(|number| (least..end).contains(number));
            let wrong = || format!("is no whole number from {least} to below {end}");
            number.ok_or_else(|| self.refuse_at(i, wrong()))
        };
        array.iter().enumerate().map(integer).collect()
    }

    fn require_length(&self, found: usize, n: usize) -> Checked<()> {
        if found == n {
            return Ok(());
        }
        Err(self.refuse(format!("has {found} entries, not {n}")))
    }

    /// The first place where another document differs from this one.
    pub fn require_equal(&self, other: &Value) -> Checked<()> {
        match (self.value, other) {
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                self.array()?.iter().zip(b).try_for_each(|(a, b)| a.require_equal(b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.keys().chain(b.keys()).try_for_each(|key| match (a.get(key), b.get(key)) {
                    (Some(value), Some(b)) => self.at_key(key, value).require_equal(b),
                    _ => Err(self.at_key(key, self.value).refuse("is in one circuit only")),
                })
            }
            (a, b) if a == b => Ok(()),
            _ => Err(self.refuse("is not that of the circuit")),
        }
    }
}
