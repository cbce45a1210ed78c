//! Grading a class: a file of answers in, a table of students and exercises out.
//!
//! An answer that cannot be read counts as wrong and says why; it stops nobody else's grading. Programs
//! of students are run only if that is asked for. Of answers that are repeated the last counts, and one to
//! another student's numbers does not; both are said.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::files::Reader;
use super::task::{Kind, Outcome};
use super::{exercise, roster};
use crate::error::{Error, Place, Result};
use crate::table::{Cell, Document, Table, Tabular, number, row, words};

/// One answer of one student.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whose it is.
    pub student: String,
    /// The seed of the numbers it is about, if it says one.
    pub seed: Option<u64>,
    /// Its number.
    pub exercise: usize,
    /// As it was given: a value, or the name of a file.
    pub answer: String,
}

/// Who is graded, and by which numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Class<'c> {
    /// The lecturer's, from which the sheets were drawn; without one every answer says its own seed.
    pub secret: Option<&'c str>,
    /// Those who got a sheet each; without it all have the same.
    pub roster: Option<&'c [String]>,
}

impl Class<'_> {
    /// The seed of the numbers that an answer is about.
    fn seed(&self, answer: &Answer) -> Option<u64> {
        let student = self.roster.map(|_| answer.student.as_str());
        self.secret.map(|secret| roster::seed_of(secret, student)).or(answer.seed)
    }

    /// Why an answer does not count, by itself.
    fn standing(&self, answer: &Answer) -> Standing {
        let is_listed = |roster: &[String]| roster.contains(&answer.student);
        if !self.roster.is_none_or(is_listed) {
            return Standing::Unlisted;
        }
        if answer.seed.is_some() && answer.seed != self.seed(answer) {
            Standing::ForeignSeed
        } else {
            Standing::Counts
        }
    }
}

/// Whether an answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It does.
    Counts,
    /// A later one of the same student to the same exercise does.
    Repeated,
    /// It names a seed that is not the one of the student's sheet.
    ForeignSeed,
    /// The student is not on the roster.
    Unlisted,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Standing::Counts => "counts",
            Standing::Repeated => "repeated",
            Standing::ForeignSeed => "foreign seed",
            Standing::Unlisted => "not on the roster",
        }
    }
}

/// The grade of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// What was graded.
    pub answer: Answer,
    /// Whether it counts, and else why not.
    pub standing: Standing,
    /// None for a program that was not run.
    pub outcome: Option<Outcome>,
    /// Why the answer could not be read, if it could not; it is wrong then.
    pub error: Option<String>,
}

/// The grades of a class.
#[derive(Debug)]
pub struct Grades {
    /// In the order of the answers.
    pub grades: Vec<Grade>,
    /// Those who have a row, whatever they handed in.
    students: Vec<String>,
}

/// Reads answers, JSON (a list of objects) or CSV with a header; `file` is their name in errors.
///
/// # Errors
/// It is neither, or an entry has no student, exercise or answer.
pub fn read(text: &str, file: &str) -> Result<Vec<Answer>> {
    // A mark that spreadsheets put before UTF-8.
    let text = text.trim_start_matches('\u{feff}');
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
    let broken = |error: csv::Error| csv_error(file, "answers, CSV with a header or JSON", &error);
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

/// What is wrong with a CSV file, with the line where that is known.
pub(super) fn csv_error(file: &str, expected: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line) as usize;
    let place = Place::Line { file: file.to_string(), line, column: 1 };
    Error::new(expected, error.to_string()).at(place)
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
    class: &Class,
    run_code: bool,
    reader: &(dyn Fn(&str) -> Result<Vec<u8>> + Sync),
) -> Grades {
    let grade = |(answer, standing): (&Answer, &Standing)| {
        let (answer, standing) = (answer.clone(), *standing);
        match check(&answer, class.seed(&answer), run_code, &reader) {
            Ok(outcome) => Grade { answer, standing, outcome, error: None },
            Err(error) => {
                let outcome = Outcome { findings: vec![error.to_string()], ..Outcome::default() };
                Grade { answer, standing, outcome: Some(outcome), error: Some(error.to_string()) }
            }
        }
    };
    let standings = standings(answers, class);
    Grades {
        grades: answers.par_iter().zip(&standings).map(grade).collect(),
        students: class.roster.unwrap_or_default().to_vec(),
    }
}

/// Which answers count: of those that do by themselves the last to each exercise.
fn standings(answers: &[Answer], class: &Class) -> Vec<Standing> {
    let mut standings: Vec<Standing> = answers.iter().map(|a| class.standing(a)).collect();
    let mut later = BTreeSet::new();
    for (answer, standing) in answers.iter().zip(&mut standings).rev() {
        if *standing == Standing::Counts && !later.insert((&answer.student, answer.exercise)) {
            *standing = Standing::Repeated;
        }
    }
    standings
}

fn check(
    answer: &Answer,
    seed: Option<u64>,
    run_code: bool,
    reader: &Reader,
) -> Result<Option<Outcome>> {
    let task = exercise(answer.exercise)?.instance(seed, &[])?.task()?;
    if matches!(task.kind, Kind::Function(_)) && !run_code {
        return Ok(None);
    }
    task.check(&answer.answer, reader).map(Some)
}

impl Grades {
    /// The answers that count.
    fn counted(&self) -> impl Iterator<Item = &Grade> {
        self.grades.iter().filter(|grade| grade.standing == Standing::Counts)
    }

    /// What was done with answers that do not count or that name several seeds, a line for each student and
    /// exercise.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = BTreeMap::new();
        for grade in self.grades.iter().filter(|grade| grade.standing != Standing::Counts) {
            let (student, exercise) = (&grade.answer.student, grade.answer.exercise);
            *notes.entry((student, exercise, grade.standing)).or_insert(0) += 1;
        }
        let note = |((student, exercise, standing), n): ((&String, usize, Standing), usize)| {
            let why = match standing {
                Standing::Counts => unreachable!("those that count are left out"),
                Standing::Repeated => format!("answered {} times, and the last counts", n + 1),
                Standing::ForeignSeed => {
                    "not counted, since its seed is not that of the sheet".to_string()
                }
                Standing::Unlisted => {
                    "not counted, since nobody of that name is on the roster".to_string()
                }
            };
            format!("{student}, exercise {exercise}: {why}")
        };
        notes.into_iter().map(note).chain(self.several_seeds()).collect()
    }

    /// Students who name more than one seed; each answer was graded by its own.
    fn several_seeds(&self) -> Vec<String> {
        let mut seeds: BTreeMap<&str, BTreeSet<Option<u64>>> = BTreeMap::new();
        for Grade { answer, .. } in self.counted() {
            seeds.entry(&answer.student).or_default().insert(answer.seed);
        }
        let name = |seed: &Option<u64>| seed.map_or("none".to_string(), |seed| seed.to_string());
        let several = seeds.into_iter().filter(|(_, seeds)| seeds.len() > 1);
        let note = |(student, seeds): (&str, BTreeSet<Option<u64>>)| {
            let seeds = seeds.iter().map(name).collect::<Vec<_>>().join(", ");
            format!("{student}: seeds {seeds}; every answer was graded by the numbers of its own")
        };
        several.map(note).collect()
    }

    /// Students in rows, exercises in columns: 1 right, 0 wrong, `?` not run, `-` none that counts; and the
    /// sum.
    fn table(&self) -> Table {
        let exercises: BTreeSet<usize> =
            self.counted().map(|grade| grade.answer.exercise).collect();
        let mut marks: BTreeMap<&str, BTreeMap<usize, &str>> =
            self.students.iter().map(|student| (student.as_str(), BTreeMap::new())).collect();
        for grade in self.counted() {
            let mark = match &grade.outcome {
                None => "?",
                Some(outcome) if outcome.right => "1",
                Some(_) => "0",
            };
            marks.entry(&grade.answer.student).or_default().insert(grade.answer.exercise, mark);
        }
        let numbers = exercises.iter().map(usize::to_string).chain(["right".to_string()]);
        let mut table = Table::new([words("student")].into_iter().chain(numbers.map(number)));
        for (student, marks) in &marks {
            let right = marks.values().filter(|mark| **mark == "1").count();
            let cells = exercises.iter().map(|e| Cell::from(*marks.get(e).unwrap_or(&"-")));
            table.push(row![*student].into_iter().chain(cells).chain(row![right]));
        }
        table
    }

    fn mistakes(&self) -> BTreeMap<(usize, String), usize> {
        let mut counts = BTreeMap::new();
        for grade in self.counted() {
            for diagnosis in grade.outcome.iter().flat_map(|outcome| &outcome.diagnoses) {
                *counts.entry((grade.answer.exercise, diagnosis.mistake.clone())).or_insert(0) += 1;
            }
        }
        counts
    }
}

/// The table, and the mistakes that were recognised with how often.
impl Tabular for Grades {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.table(self.table());
        for ((exercise, mistake), count) in self.mistakes() {
            document.line(format!("{count} x exercise {exercise}: {mistake}"));
        }
        self.notes().into_iter().for_each(|note| document.line(note));
        for Grade { answer, error, .. } in self.counted() {
            if let Some(error) = error {
                let Answer { student, exercise, .. } = answer;
                document.line(format!("{student}, exercise {exercise}: {error}"));
            }
        }
        if self.counted().any(|grade| grade.outcome.is_none()) {
            document.line("? is a program that was not run; --run-code runs it");
        }
        document
    }
}

/// Every answer with what was said to it, and the mistakes.
impl Serialize for Grades {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let answer = |grade: &Grade| {
            let Answer { student, seed, exercise, answer } = &grade.answer;
            let outcome = grade.outcome.as_ref();
            let mistakes =
                outcome.map(|o| o.diagnoses.iter().map(|d| d.mistake.clone()).collect::<Vec<_>>());
            json!({
                "student": student, "seed": seed, "exercise": exercise, "answer": answer,
                "standing": grade.standing.name(), "right": outcome.map(|o| o.right),
                "findings": outcome.map(|o| o.findings.clone()), "mistakes": mistakes,
                "error": grade.error,
            })
        };
        let mistake = |((exercise, mistake), count): ((usize, String), usize)| json!({ "exercise": exercise, "mistake": mistake, "count": count });
        let json = json!({
            "answers": self.grades.iter().map(answer).collect::<Vec<_>>(),
            "notes": self.notes(),
            "mistakes": self.mistakes().into_iter().map(mistake).collect::<Vec<_>>(),
        });
        json.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Format;

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
        let grades = grade(&answers, &Class::default(), false, &no_files);
        let table = grades.document().render(Format::Csv);
        assert_eq!(table, "student,3,27,99,right\nada,1,?,-,1\nbob,0,-,0,0\n");
        assert!(
            grades
                .document()
                .render(Format::Text)
                .contains("1 x exercise 3: floor instead of ceil")
        );
    }

    #[test]
    fn of_repeated_answers_the_last_counts_and_foreign_ones_do_not() {
        let students = ["ada", "bob", "cyd"].map(String::from);
        let class = Class { secret: Some("secret"), roster: Some(&students) };
        let answer = |student: &str, text: &str| Answer {
            student: student.to_string(),
            seed: None,
            exercise: 3,
            answer: text.to_string(),
        };
        let right = |student: &str| {
            let seed = roster::seed_of("secret", Some(student));
            let task = exercise(3).unwrap().instance(Some(seed), &[]).unwrap().task().unwrap();
            match task.solution().unwrap() {
                super::super::Solution::Text(text) => text,
                file => panic!("{file:?}"),
            }
        };
        let answers = [
            answer("ada", "1 1 1"),
            Answer { seed: Some(5), ..answer("bob", "1 1 1") },
            answer("eve", "1 1 1"),
            answer("ada", &right("ada")),
            // Names the seed that the sheet has, which only the lecturer can know.
            Answer {
                seed: Some(roster::seed_of("secret", Some("bob"))),
                ..answer("bob", &right("bob"))
            },
        ];
        let grades = grade(&answers, &class, false, &no_files);
        assert_eq!(
            grades.document().render(Format::Csv),
            "student,3,right\nada,1,1\nbob,1,1\ncyd,-,0\n"
        );
        let notes = grades.notes();
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[0].starts_with("ada, exercise 3: answered 2 times"), "{notes:?}");
        assert!(notes[1].contains("bob") && notes[1].contains("seed"), "{notes:?}");
        assert!(notes[2].contains("eve") && notes[2].contains("roster"), "{notes:?}");
        assert!(notes.iter().all(|note| grades.document().render(Format::Text).contains(note)));
        assert_eq!(serde_json::json!(grades)["answers"][1]["standing"], "foreign seed");
    }

    #[test]
    fn seeds_that_answers_name_themselves_are_said() {
        let csv = "student,seed,exercise,answer\nada,1,3,1 1 1\nada,2,4,1 1 1 1 1\nbob,1,3,1 1 1\n";
        let grades = grade(&read(csv, "c").unwrap(), &Class::default(), false, &no_files);
        assert_eq!(
            grades.notes(),
            ["ada: seeds 1, 2; every answer was graded by the numbers of its own"]
        );
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
        assert_eq!(
            grade(&[], &Class::default(), false, &no_files).document().render(Format::Csv),
            "student,right\n"
        );
    }
}
