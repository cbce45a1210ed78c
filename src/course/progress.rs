//! Progress: which exercises a student has tried and solved, as a small JSON document.
//!
//! Where the document is kept is the program's business; here it is read, changed and written as text.
//! What this version does not understand is an error, so that nobody's progress is overwritten.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::error::{Error, Place, Result};

/// What is known of one exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Whether a right answer was given.
    pub solved: bool,
    /// Answers that were checked, right ones too.
    pub tries: u64,
    /// Hints that were shown.
    pub hints: u64,
}

/// A student's progress, by number of exercise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress(BTreeMap<usize, Record>);

const VERSION: u64 = 1;

impl Progress {
    /// What is known of an exercise.
    pub fn record(&self, exercise: usize) -> Record {
        self.0.get(&exercise).copied().unwrap_or_default()
    }

    /// The record of an exercise, to be changed.
    pub fn record_mut(&mut self, exercise: usize) -> &mut Record {
        self.0.entry(exercise).or_default()
    }

    /// Forgets one exercise.
    pub fn forget(&mut self, exercise: usize) {
        self.0.remove(&exercise);
    }

    /// The document.
    pub fn to_json(&self) -> String {
        let entry = |(number, record): (&usize, &Record)| {
            let Record { solved, tries, hints } = record;
            (number.to_string(), json!({ "solved": solved, "tries": tries, "hints": hints }))
        };
        let exercises: serde_json::Map<String, Value> = self.0.iter().map(entry).collect();
        format!("{:#}\n", json!({ "version": VERSION, "exercises": exercises }))
    }

    /// Reads a document; `file` is its name in errors.
    ///
    /// # Errors
    /// It is no such document, or one of another version.
    pub fn from_json(text: &str, file: &str) -> Result<Self> {
        let hint = "nothing was changed; move the file away to start anew";
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let place =
                Place::Line { file: file.to_string(), line: error.line(), column: error.column() };
            Error::new("the progress of a course", error.to_string()).at(place).hint(hint)
        })?;
        let wrong = |expected: &str, found: &Value| {
            let place = Place::File(file.to_string());
            Error::new(expected, found.to_string()).at(place).hint(hint)
        };
        if value["version"] != json!(VERSION) {
            return Err(wrong("\"version\": 1", &value["version"]));
        }
        let exercises = value["exercises"].as_object();
        let exercises =
            exercises.ok_or_else(|| wrong("an object \"exercises\"", &value["exercises"]))?;
        let mut progress = Progress::default();
        for (number, record) in exercises {
            let read = || {
                let number = number.parse().ok()?;
                let solved = record["solved"].as_bool()?;
                let count = |name: &str| record[name].as_u64();
                Some((number, Record { solved, tries: count("tries")?, hints: count("hints")? }))
            };
            let expected = "for each exercise \"solved\", \"tries\" and \"hints\"";
            let (number, record) = read().ok_or_else(|| wrong(expected, record))?;
            progress.0.insert(number, record);
        }
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_written_and_read_is_the_same_and_others_are_errors() {
        let mut progress = Progress::default();
        *progress.record_mut(3) = Record { solved: true, tries: 2, hints: 1 };
        progress.record_mut(11).tries = 5;
        let text = progress.to_json();
        assert_eq!(Progress::from_json(&text, "p").unwrap(), progress);
        for (from, to) in
            [("1", "2"), ("{", "["), ("true", "7"), ("\"3\"", "\"x\""), ("exercises", "e")]
        {
            let broken = text.replacen(from, to, 1);
            let broken =
                if from == "1" { text.replace("\"version\": 1", "\"version\": 2") } else { broken };
            assert!(Progress::from_json(&broken, "p").is_err(), "{broken}");
        }
        assert!(Progress::from_json("", "p").is_err());
    }
}
