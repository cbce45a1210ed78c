//! Grading a class: a file of answers in, a table of students and exercises out.
//!
//! An answer that cannot be read counts as wrong and says why; it stops nobody else's grading. Programs
//! of students are run only if that is asked for.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::exercise;
use super::files::Reader;
use super::task::{Kind, Outcome};
use crate::error::{Error, Place, Result};

/// One answer of one student.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub student: String,
    pub seed: Option<u64>,
    pub exercise: usize,
    pub answer: String,
}

/// The grade of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    pub answer: Answer,
    /// None for a program that was not run.
    pub outcome: Option<Outcome>,
    /// Why the answer could not be read, if it could not; it is wrong then.
    pub error: Option<String>,
}

/// The grades of a class.
#[derive(Debug)]
pub struct Grades(pub Vec<Grade>);

/// Reads answers, JSON (a list of objects) or CSV with a header; `file` is their name in errors.
///
/// # Errors
/// It is neither, or an entry has no student, exercise or answer.
pub fn read(text: &str, file: &str) -> Result<Vec<Answer>> {
    if text.trim_start().starts_with('[') { read_json(text, file) } else { read_csv(text, file) }
}

fn read_json(text: &str, file: &str) -> Result<Vec<Answer>> {
    let values: Vec<Value> = serde_json::from_str(text).map_err(|error| {
        let place =
            Place::Line { file: file.to_string(), line: error.line(), column: error.column() };
        Error::new("a list of answers", error.to_string()).at(place)
    })?;
    let answer = |value: &Value| {
        let field = |name: &str| match &value[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let place = || Place::File(file.to_string());
        from_fields(field).map_err(|error| error.at(place()))
    };
    values.iter().map(answer).collect()
}

fn read_csv(text: &str, file: &str) -> Result<Vec<Answer>> {
    let at = |line: u64, error: Error| {
        error.at(Place::Line { file: file.to_string(), line: line as usize, column: 1 })
    };
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let broken = |error: csv::Error| {
        at(1, Error::new("answers, CSV with a header or JSON", error.to_string()))
    };
    let header = reader.headers().map_err(broken)?.clone();
    let has = |name: &&str| header.iter().any(|column| column.eq_ignore_ascii_case(name));
    if !text.trim().is_empty() && !["student", "exercise", "answer"].iter().all(has) {
        let found = format!("{:?}", header.iter().collect::<Vec<_>>().join(","));
        let expected = "a header with student, exercise, answer and perhaps seed, commas between";
        return Err(at(1, Error::new(expected, found)));
    }
    let mut answers = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(1, csv::Position::line);
        let field = |name: &str| {
            let column = header.iter().position(|column| column.eq_ignore_ascii_case(name));
            column.and_then(|column| record.get(column)).unwrap_or_default().to_string()
        };
        answers.push(from_fields(field).map_err(|error| at(line, error))?);
    }
    Ok(answers)
}

fn from_fields(field: impl Fn(&str) -> String) -> Result<Answer> {
    let needed = |name: &str| match field(name) {
        text if text.is_empty() => Err(Error::new(format!("a value for {name:?}"), "none")
            .hint("an answer has student, exercise, answer, and a seed if one was given")),
        text => Ok(text),
    };
    let number = |name: &str, text: &str| {
        text.parse::<u64>()
            .map_err(|_| Error::new(format!("a whole number for {name:?}"), format!("{text:?}")))
    };
    let seed = field("seed");
    Ok(Answer {
        student: needed("student")?,
        seed: if seed.is_empty() { None } else { Some(number("seed", &seed)?) },
        exercise: number("exercise", &needed("exercise")?)? as usize,
        answer: field("answer"),
    })
}

/// Grades all answers; files are read by `reader`, programs run only with `run_code`.
pub fn grade(
    answers: &[Answer],
    run_code: bool,
    reader: &(dyn Fn(&str) -> Result<Vec<u8>> + Sync),
) -> Grades {
    let grade = |answer: &Answer| {
        let answer = answer.clone();
        match check(&answer, run_code, &reader) {
            Ok(outcome) => Grade { answer, outcome, error: None },
            Err(error) => {
                let outcome = Outcome { findings: vec![error.to_string()], ..Outcome::default() };
                Grade { answer, outcome: Some(outcome), error: Some(error.to_string()) }
            }
        }
    };
    Grades(answers.par_iter().map(grade).collect())
}

fn check(answer: &Answer, run_code: bool, reader: &Reader) -> Result<Option<Outcome>> {
    let task = exercise(answer.exercise)?.instance(answer.seed, &[])?.task()?;
    if matches!(task.kind, Kind::Function(_)) && !run_code {
        return Ok(None);
    }
    task.check(&answer.answer, reader).map(Some)
}

impl Grades {
    /// Students in rows, exercises in columns: 1 right, 0 wrong, `?` not run, `-` no answer; and the sum. An
    /// answer that is given twice counts by its last.
    fn table(&self) -> Vec<Vec<String>> {
        let exercises: BTreeSet<usize> = self.0.iter().map(|grade| grade.answer.exercise).collect();
        let mut marks: BTreeMap<&str, BTreeMap<usize, &str>> = BTreeMap::new();
        for grade in &self.0 {
            let mark = match &grade.outcome {
                None => "?",
                Some(outcome) if outcome.right => "1",
                Some(_) => "0",
            };
            marks.entry(&grade.answer.student).or_default().insert(grade.answer.exercise, mark);
        }
        let mut header = vec!["student".to_string()];
        header.extend(exercises.iter().map(usize::to_string));
        header.push("right".to_string());
        let row = |(student, marks): (&&str, &BTreeMap<usize, &str>)| {
            let right = marks.values().filter(|mark| **mark == "1").count();
            let cells = exercises.iter().map(|e| marks.get(e).unwrap_or(&"-").to_string());
            [student.to_string()].into_iter().chain(cells).chain([right.to_string()]).collect()
        };
        [header].into_iter().chain(marks.iter().map(row)).collect()
    }

    /// The table, and the mistakes that were recognised with how often.
    pub fn text(&self) -> String {
        let table = self.table();
        let width =
            |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..table[0].len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells =
                cells.map(
                    |(i, (cell, &w))| {
                        if i == 0 { format!("{cell:<w$}") } else { format!("{cell:>w$}") }
                    },
                );
            format!("{}\n", cells.collect::<Vec<_>>().join("  "))
        };
        let mut text: String = table.iter().map(line).collect();
        for ((exercise, mistake), count) in self.mistakes() {
            text += &format!("{count} x exercise {exercise}: {mistake}\n");
        }
        for Grade { answer, error, .. } in self.0.iter().filter(|grade| grade.error.is_some()) {
            let error = error.as_deref().unwrap_or_default();
            text += &format!("{}, exercise {}: {error}\n", answer.student, answer.exercise);
        }
        if self.0.iter().any(|grade| grade.outcome.is_none()) {
            text += "? is a program that was not run; --run-code runs it\n";
        }
        text
    }

    /// The table as CSV.
    ///
    /// # Errors
    /// None: the table is in memory.
    pub fn csv(&self) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |error: String| Error::message(format!("cannot write CSV: {error}"));
        for row in self.table() {
            writer.write_record(&row).map_err(|error| failed(error.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Every answer with what was said to it, and the mistakes.
    pub fn json(&self) -> Value {
        let answer = |grade: &Grade| {
            let Answer { student, seed, exercise, answer } = &grade.answer;
            let outcome = grade.outcome.as_ref();
            let mistakes =
                outcome.map(|o| o.diagnoses.iter().map(|d| d.mistake.clone()).collect::<Vec<_>>());
            json!({
                "student": student, "seed": seed, "exercise": exercise, "answer": answer,
                "right": outcome.map(|o| o.right), "findings": outcome.map(|o| o.findings.clone()),
                "mistakes": mistakes,
            })
        };
        let mistake = |((exercise, mistake), count): ((usize, String), usize)| json!({ "exercise": exercise, "mistake": mistake, "count": count });
        json!({
            "answers": self.0.iter().map(answer).collect::<Vec<_>>(),
            "mistakes": self.mistakes().into_iter().map(mistake).collect::<Vec<_>>(),
        })
    }

    fn mistakes(&self) -> BTreeMap<(usize, String), usize> {
        let mut counts = BTreeMap::new();
        for grade in &self.0 {
            for diagnosis in grade.outcome.iter().flat_map(|outcome| &outcome.diagnoses) {
                *counts.entry((grade.answer.exercise, diagnosis.mistake.clone())).or_insert(0) += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_files(name: &str) -> Result<Vec<u8>> {
        Err(Error::message(format!("no {name}")))
    }

    #[test]
    fn a_class_is_graded_from_csv_and_json_alike() {
        let csv = "student,seed,exercise,answer\nada,,3,10 40 3\nbob,,3,\"9, 36, 1\"\nbob,5,99,1\nada,,27,x.rs\n";
        let json = r#"[{"student": "ada", "exercise": 3, "answer": "10 40 3"},
            {"student": "bob", "exercise": 3, "answer": "9, 36, 1", "seed": null},
            {"student": "bob", "seed": 5, "exercise": 99, "answer": 1},
            {"student": "ada", "exercise": 27, "answer": "x.rs"}]"#;
        let answers = read(csv, "class.csv").unwrap();
        assert_eq!(read(json, "class.json").unwrap(), answers);
        let grades = grade(&answers, false, &no_files);
        let table = grades.csv().unwrap();
        assert_eq!(table, "student,3,27,99,right\nada,1,?,-,1\nbob,0,-,0,0\n");
        assert!(grades.text().contains("1 x exercise 3: floor instead of ceil"));
    }

    #[test]
    fn broken_files_are_errors_with_their_line() {
        for (text, part) in [
            ("student,exercise,answer\nada,x,1\n", ":2:"),
            ("student,exercise\n,3\n", "student"),
            ("[{\"student\": \"ada\"}]", "exercise"),
            ("[", "list"),
        ] {
            let error = read(text, "class").unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(read("", "class").unwrap().is_empty());
        assert_eq!(grade(&[], false, &no_files).csv().unwrap(), "student,right\n");
    }
}
