//! A class: who is in it, and the numbers that each one gets.
//!
//! A student's seed is a hash of the lecturer's secret and the student's name. It stands on no sheet, so that
//! a sheet's key can be printed only by who has the secret; the same secret grades.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::class::csv_error;
use crate::error::{Error, Place, Result};

/// The seed of a student's numbers, or without a name that of a sheet which is the same for all.
pub fn seed_of(secret: &str, student: Option<&str>) -> u64 {
    let mut hash = Sha256::new();
    // Neither can hold a zero byte, so that no two pairs are one text.
    for part in ["circuit2tf sheet", secret, student.unwrap_or_default()] {
        hash.update(part);
        hash.update([0]);
    }
    let bytes = hash.finalize();
    bytes.iter().take(8).fold(0, |seed, &byte| seed << 8 | u64::from(byte))
}

/// The students of a CSV file with a column `student`, in its order; `file` is its name in errors.
///
/// # Errors
/// It is no such file, names nobody, or somebody twice.
pub fn read(text: &str, file: &str) -> Result<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let at = |line: u64, error: Error| {
        error.at(Place::Line { file: file.to_string(), line: line as usize, column: 1 })
    };
    let broken = |error: csv::Error| csv_error(file, "a roster, CSV with a header", &error);
    let header = reader.headers().map_err(broken)?.clone();
    let column = header.iter().position(|column| column.eq_ignore_ascii_case("student"));
    let column = column.ok_or_else(|| {
        let found = format!("{:?}", header.iter().collect::<Vec<_>>().join(","));
        at(1, Error::new("a header with a column student, commas between", found))
    })?;
    let (mut students, mut known) = (Vec::new(), BTreeSet::new());
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(1, csv::Position::line);
        let name = record.get(column).unwrap_or_default().to_string();
        if name.is_empty() || name.contains('\0') {
            return Err(at(line, Error::new("the name of a student", format!("{name:?}"))));
        }
        if !known.insert(name.clone()) {
            let error = Error::new("every student once", format!("{name:?} again"));
            return Err(at(line, error.hint("a name decides the numbers; tell the two apart")));
        }
        students.push(name);
    }
    if students.is_empty() {
        Err(Error::new("a student", "none").at(Place::File(file.to_string())))
    } else {
        Ok(students)
    }
}

/// A name for each student's file: letters, digits, `-` and `_` of the student's, no two alike, also where
/// case does not count.
pub fn file_stems(students: &[String]) -> Vec<String> {
    const LONGEST: usize = 60;
    let mut taken = BTreeSet::new();
    let stem = |student: &String| {
        let plain = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
        let stem: String = student.chars().map(plain).take(LONGEST).collect();
        let stem = match stem.trim_matches('-') {
            "" => "student".to_string(),
            stem => stem.to_string(),
        };
        let numbered = (2..).map(|n| format!("{stem}-{n}"));
        let mut free = [stem.clone()].into_iter().chain(numbered);
        free.find(|stem| taken.insert(stem.to_lowercase())).expect("there is always one more")
    };
    students.iter().map(stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_depend_on_secret_and_name_and_on_nothing_else() {
        let seed = |secret, student| seed_of(secret, Some(student));
        assert_eq!(seed("s", "ada"), seed("s", "ada"));
        let all = [
            seed("s", "ada"),
            seed("s", "bob"),
            seed("t", "ada"),
            seed("sa", "da"),
            seed_of("s", None),
            seed_of("sada", None),
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
    }

    #[test]
    fn rosters_are_read_and_slips_are_errors_with_their_line() {
        let text = "\u{feff}Mail,Student\na@x,Ada Lovelace\nb@x,\"Bob, jr.\"\n";
        assert_eq!(read(text, "r").unwrap(), ["Ada Lovelace", "Bob, jr."]);
        for (text, part) in [
            ("", "student"),
            ("name\nada\n", "student"),
            ("student\n", "none"),
            ("student\nada\nbob\nada\n", "r:4:1"),
            ("student,mail\n,x\n", "r:2:1"),
            ("student;mail\nada;x\n", "commas"),
        ] {
            let error = read(text, "r").unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn files_of_students_have_plain_names_of_their_own() {
        let students = ["Ada Lovelace", "ada/lovelace", "ADA-LOVELACE-2", "../..", "", "Zoë"];
        let stems = file_stems(&students.map(String::from));
        let expected =
            ["Ada-Lovelace", "ada-lovelace-2", "ADA-LOVELACE-2-2", "student", "student-2", "Zoë"];
        assert_eq!(stems, expected);
    }
}
