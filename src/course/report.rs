//! What a student is told, as values: the list of exercises, an exercise, hints, a checked answer, progress.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::progress::Progress;
use super::{
    Diagnosis, Exercise, Instance, Lesson, Outcome, Parameter, Solution, exercises, lessons,
};
use crate::error::Result;
use crate::table::{Document, Table, Tabular, number, row, words};

/// Columns of running text.
const WIDTH: usize = 100;

/// The largest file that is shown, in bytes.
const MOST_SHOWN: usize = 4096;

/// Long lines broken at spaces; indented lines and table rows stay as they are.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        let keep = line.starts_with([' ', '|']);
        for (i, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if i > 0 {
                let breaks = !keep && column + 1 + length > WIDTH;
                out.push(if breaks { '\n' } else { ' ' });
                column = if breaks { 0 } else { column + 1 };
            }
            out += word;
            column += length;
        }
        out.push('\n');
    }
    out
}

/// A document of running text.
fn text(text: &str) -> Document {
    let mut document = Document::default();
    text.lines().for_each(|line| document.line(line));
    document
}

fn parameters(exercise: &Exercise) -> Vec<Value> {
    let parameter = |p: &Parameter| {
        json!({
            "name": p.name, "meaning": p.meaning, "default": p.default,
            "range": [p.range.0, p.range.1],
        })
    };
    exercise.parameters.iter().map(parameter).collect()
}

fn heading(instance: &Instance) -> String {
    format!("Exercise {}. {}\n\n", instance.exercise.number, instance.exercise.title)
}

/// The exercises by lesson, and which are solved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(pub Progress);

impl Listing {
    fn rows(&self) -> impl Iterator<Item = (&'static Lesson, &'static Exercise, bool)> + '_ {
        let of_lesson = |lesson: &'static Lesson| {
            lesson.exercises().into_iter().map(move |exercise| (lesson, exercise))
        };
        let all = lessons().iter().flat_map(of_lesson);
        all.map(|(lesson, exercise)| (lesson, exercise, self.0.record(exercise.number).solved))
    }
}

impl Tabular for Listing {
    fn document(&self) -> Document {
        let mut document = Document::default();
        let heads = [
            number("exercise"),
            number("lesson"),
            number("stars"),
            number("minutes"),
            words("state"),
            words("title"),
        ];
        let mut table = Table::new(heads);
        let mut last = None;
        for (lesson, exercise, is_solved) in self.rows() {
            if last.replace(lesson.number) != Some(lesson.number) {
                document.prose(format!("{}. {}", lesson.number, lesson.title));
            }
            let Exercise { number, title, stars, minutes, .. } = exercise;
            let mark = if is_solved { "solved" } else { "" };
            let difficulty = "*".repeat((*stars).into());
            document.prose(format!(
                "  {number:>3}  {difficulty:<3}  {minutes:>3} min  {mark:<6}  {title}"
            ));
            table.push(row![*number, lesson.number, *stars, *minutes, mark, *title]);
        }
        document.data(table);
        document.line(
            "* easy  ** takes thought  *** hard; read a lesson first: circuit2tf course lesson 1",
        );
        document
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let entry = |(lesson, exercise, solved): (&Lesson, &Exercise, bool)| {
            json!({
                "number": exercise.number, "title": exercise.title, "lesson": lesson.number,
                "stars": exercise.stars, "minutes": exercise.minutes, "solved": solved,
                "parameters": parameters(exercise),
            })
        };
        let entries: Vec<Value> = self.rows().map(entry).collect();
        json!({ "exercises": entries }).serialize(serializer)
    }
}

/// A lesson's text.
#[derive(Debug, Clone, Copy)]
pub struct Lecture(pub &'static Lesson);

impl Tabular for Lecture {
    fn document(&self) -> Document {
        text(self.0.text)
    }
}

impl Serialize for Lecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Lesson { number, title, text, .. } = self.0;
        json!({ "number": number, "title": title, "text": text }).serialize(serializer)
    }
}

/// What an exercise asks.
#[derive(Debug)]
pub struct Question<'i> {
    instance: &'i Instance,
    statement: String,
    /// The lesson is named, for whom it is the next.
    is_next: bool,
}

impl<'i> Question<'i> {
    /// The question of an exercise with its numbers.
    ///
    /// # Errors
    /// As [`Instance::statement`].
    pub fn new(instance: &'i Instance, is_next: bool) -> Result<Self> {
        Ok(Question { instance, statement: instance.statement()?, is_next })
    }
}

impl Tabular for Question<'_> {
    fn document(&self) -> Document {
        let Instance { exercise, flags, .. } = self.instance;
        let mut document = text(&(heading(self.instance) + &wrapped(&self.statement)));
        document.line("");
        document.line(format!("circuit2tf course check {} ANSWER{flags}", exercise.number));
        if self.is_next {
            document.line(format!("circuit2tf course lesson {}", exercise.lesson));
        }
        document
    }
}

impl Serialize for Question<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Instance { exercise, values, .. } = self.instance;
        let values: Map<String, Value> =
            values.iter().map(|(name, value)| (name.to_string(), value.into())).collect();
        let json = json!({
            "number": exercise.number, "title": exercise.title, "lesson": exercise.lesson,
            "statement": self.statement, "values": values, "parameters": parameters(exercise),
        });
        json.serialize(serializer)
    }
}

/// The first hints of an exercise.
#[derive(Debug)]
pub struct Hints<'i> {
    /// Whose they are.
    pub instance: &'i Instance,
    /// All of them.
    pub hints: Vec<String>,
    /// How many are shown.
    pub seen: usize,
}

impl Tabular for Hints<'_> {
    fn document(&self) -> Document {
        let n = self.hints.len();
        let shown = self.hints[..self.seen].iter().enumerate();
        let mut lines: String =
            shown.map(|(i, hint)| format!("{} of {n}. {hint}\n", i + 1)).collect();
        if self.seen == n {
            let (number, flags) = (self.instance.exercise.number, &self.instance.flags);
            lines +=
                &format!("These are all; the answer: circuit2tf course answer {number}{flags}\n");
        }
        text(&wrapped(&lines))
    }
}

impl Serialize for Hints<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let json = json!({ "hints": self.hints[..self.seen], "of": self.hints.len() });
        json.serialize(serializer)
    }
}

/// An answer that was checked.
#[derive(Debug)]
pub struct Checked<'i> {
    /// What was asked.
    pub instance: &'i Instance,
    /// What was answered.
    pub answer: &'i str,
    /// What is said to it.
    pub outcome: Outcome,
}

impl Tabular for Checked<'_> {
    fn document(&self) -> Document {
        let Outcome { right, findings, diagnoses } = &self.outcome;
        let mut document = Document::default();
        findings.iter().for_each(|line| document.line(line));
        for diagnosis in diagnoses {
            wrapped(&diagnosis.text()).lines().for_each(|line| document.line(line));
            if !diagnosis.experiment.is_empty() {
                document.line(format!("see it: {}", diagnosis.experiment));
            }
        }
        if !right && diagnoses.is_empty() {
            let (number, flags) = (self.instance.exercise.number, &self.instance.flags);
            document.line(format!(
                "no known mistake gives this answer; for a hint: circuit2tf course hint {number}{flags}"
            ));
        }
        document.conclude(if *right { "RIGHT" } else { "WRONG" });
        document
    }
}

impl Serialize for Checked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let diagnosis = |d: &Diagnosis| {
            json!({
                "about": d.about, "mistake": d.mistake, "why": d.why, "experiment": d.experiment,
            })
        };
        let Outcome { right, findings, diagnoses } = &self.outcome;
        let diagnoses: Vec<Value> = diagnoses.iter().map(diagnosis).collect();
        let outcome = json!({ "right": right, "findings": findings, "diagnoses": diagnoses });
        let number = self.instance.exercise.number;
        json!({ "number": number, "answer": self.answer, "outcome": outcome }).serialize(serializer)
    }
}

/// A worked answer.
#[derive(Debug)]
pub struct Worked<'i> {
    instance: &'i Instance,
    worked: String,
    /// What is right.
    pub solution: Solution,
    /// The file that the answer was written to.
    pub written: Option<&'i str>,
}

impl<'i> Worked<'i> {
    /// The worked answer of an exercise with its numbers.
    ///
    /// # Errors
    /// As [`Instance::worked`].
    pub fn new(instance: &'i Instance) -> Result<Self> {
        let (worked, solution) = (instance.worked()?, instance.task()?.solution()?);
        Ok(Worked { instance, worked, solution, written: None })
    }
}

impl Tabular for Worked<'_> {
    fn document(&self) -> Document {
        let mut document = text(&(heading(self.instance) + &wrapped(&self.worked)));
        document.line("");
        match (&self.solution, self.written) {
            (Solution::Text(answer), _) => document.line(format!("answer: {answer}")),
            (Solution::File { .. }, Some(path)) => document.line(format!("wrote {path}")),
            (Solution::File { name, bytes }, None) if bytes.len() > MOST_SHOWN => {
                let (number, flags) = (self.instance.exercise.number, &self.instance.flags);
                document.line(format!(
                    "{name} has {} bytes; to write it: circuit2tf course answer {number}{flags} -o {name}",
                    bytes.len()
                ));
            }
            (Solution::File { name, bytes }, None) => {
                document.line(format!("{name}:"));
                document.line("");
                let content = String::from_utf8_lossy(bytes);
                content.lines().for_each(|line| document.line(line));
            }
        }
        document
    }
}

impl Serialize for Worked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let answer = match &self.solution {
            Solution::Text(answer) => json!({ "text": answer }),
            Solution::File { name, bytes } => {
                json!({ "file": name, "content": String::from_utf8_lossy(bytes) })
            }
        };
        let number = self.instance.exercise.number;
        json!({ "number": number, "worked": self.worked, "answer": answer }).serialize(serializer)
    }
}

/// What was tried and solved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing(pub Progress);

impl Standing {
    fn n_solved(&self) -> usize {
        exercises().iter().filter(|exercise| self.0.record(exercise.number).solved).count()
    }

    fn tried(&self) -> impl Iterator<Item = (&'static Exercise, super::progress::Record)> + '_ {
        let in_order = lessons().iter().flat_map(Lesson::exercises);
        let all = in_order.map(|exercise| (exercise, self.0.record(exercise.number)));
        all.filter(|(_, record)| *record != Default::default())
    }
}

impl Tabular for Standing {
    fn document(&self) -> Document {
        let mut document = Document::default();
        let row = |(exercise, record): (&Exercise, super::progress::Record)| {
            let state = if record.solved { "solved" } else { "open" };
            row![exercise.number, state, record.tries, record.hints, exercise.title]
        };
        let heads =
            [number("exercise"), words("state"), number("tries"), number("hints"), words("title")];
        let table = Table::new(heads).with(self.tried().map(row));
        match self.tried().next() {
            Some(_) => document.table(table),
            None => document.data(table),
        }
        let (solved, all) = (self.n_solved(), exercises().len());
        document.line(format!("{solved} of {all} solved"));
        if solved < all {
            document.line("circuit2tf course next");
        }
        document
    }
}

impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let entry = |(exercise, record): (&Exercise, super::progress::Record)| {
            json!({
                "number": exercise.number, "solved": record.solved, "tries": record.tries,
                "hints": record.hints,
            })
        };
        let entries: Vec<Value> = self.tried().map(entry).collect();
        let (solved, of) = (self.n_solved(), exercises().len());
        json!({ "exercises": entries, "solved": solved, "of": of }).serialize(serializer)
    }
}
