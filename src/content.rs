//! What bytes are before a reader takes them: kinds of files that are neither circuits nor models, and
//! JSON whose objects name each key once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::Error;

/// A kind of file that nothing here reads, known by its first bytes.
#[derive(Debug, Clone, Copy)]
pub struct Foreign {
    /// The kind in words.
    pub what: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

impl Foreign {
    /// The error where `expected` was to be read.
    pub fn error(&self, expected: &str) -> Error {
        Error::new(expected, self.what).hint(self.hint)
    }
}

const UNPACK: &str = "unpack it first";
const DOWNLOAD: &str = "a download that failed leaves such a page: fetch the file again";
const EXPORT: &str = "`circuit2tf import` reads checkpoints that are safetensors";

/// First bytes, lower case for text, and what they show.
const FOREIGN: [(&[u8], Foreign); 14] = [
    (
        b"version https://git-lfs",
        Foreign {
            what: "a Git LFS pointer, not the file itself",
            hint: "`git lfs pull` fetches the file",
        },
    ),
    (b"<!doctype html", Foreign { what: "an HTML page", hint: DOWNLOAD }),
    (b"<html", Foreign { what: "an HTML page", hint: DOWNLOAD }),
    (b"<head", Foreign { what: "an HTML page", hint: DOWNLOAD }),
    (b"<body", Foreign { what: "an HTML page", hint: DOWNLOAD }),
    (b"<?xml", Foreign { what: "an XML document", hint: DOWNLOAD }),
    (b"%pdf-", Foreign { what: "a PDF document", hint: DOWNLOAD }),
    (b"\x1F\x8B", Foreign { what: "a file packed with gzip", hint: UNPACK }),
    (b"bzh", Foreign { what: "a file packed with bzip2", hint: UNPACK }),
    (b"\xFD7zxz\0", Foreign { what: "a file packed with xz", hint: UNPACK }),
    (b"\x28\xB5\x2F\xFD", Foreign { what: "a file packed with zstd", hint: UNPACK }),
    (b"pk\x03\x04", Foreign { what: "a zip archive, perhaps a PyTorch checkpoint", hint: EXPORT }),
    (b"\x80\x02", Foreign { what: "a Python pickle, perhaps a PyTorch checkpoint", hint: EXPORT }),
    (b"gguf", Foreign { what: "a GGUF file", hint: EXPORT }),
];

/// The kind of file, if it is one of those.
pub fn foreign(bytes: &[u8]) -> Option<Foreign> {
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let begins =
        |magic: &[u8]| start.get(..magic.len()).is_some_and(|s| s.eq_ignore_ascii_case(magic));
    FOREIGN.iter().find(|(magic, _)| begins(magic)).map(|(_, foreign)| *foreign)
}

/// A JSON document in which no object names a key twice. Readers differ on which of two values counts,
/// so such a document has no one meaning.
///
/// # Errors
/// The bytes are no JSON, or a key comes twice in an object.
pub fn json(bytes: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(bytes).map(|Document(value)| value)
}

struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict).map(Document)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
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
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Document(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} comes twice")));
            }
            let Document(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_it_stands_unless_a_key_comes_twice() {
        let text = br#"{"a": [1, -2, 0.5, null, true, "x\u00e9"], "b": {"a": {}}}"#;
        assert_eq!(json(text).unwrap(), serde_json::from_slice::<Value>(text).unwrap());
        for text in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"c": 1, "\u0063": 2}}]"#] {
            let error = json(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("comes twice"), "{error}");
        }
        assert!(json("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn foreign_files_are_known_by_their_first_bytes() {
        for (bytes, what) in [
            (&b"version https://git-lfs.github.com/spec/v1\n"[..], "Git LFS"),
            (b"\n<!DOCTYPE html>", "HTML"),
            (b"\x1F\x8B\x08", "gzip"),
            (b"PK\x03\x04", "zip"),
        ] {
            assert!(foreign(bytes).unwrap().what.contains(what), "{what}");
        }
        for bytes in [&b""[..], b"aag 0 0 0 0 0\n", b"INPUT(a)", b"module m;", b"{}"] {
            assert!(foreign(bytes).is_none());
        }
    }
}
