//! The course: exercises with numbers, hints, a grader, and worked answers that are computed.
//!
//! An [`Exercise`] is text with `{name}` where a number goes, and functions of its parameters. A student's
//! [`Values`] are the defaults, a draw by seed, or set by hand; from them come the statement, the
//! [`Task`] with the right answer, and, for each mistake of the catalogue, exactly the wrong answer that
//! this mistake gives. No result is written down: what a worked answer shows is computed by the rest of
//! this crate when it is shown.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

pub mod book;
pub mod class;
mod exercises;
mod files;
mod function;
mod number;
pub mod progress;
pub mod report;
pub mod roster;
pub mod sheet;
mod simulate;
pub mod start;
mod task;

pub use files::Reader;
pub use task::{Diagnosis, Kind, Outcome, Solution, Task};

/// A number that a student, a lecturer or a seed may choose.
#[derive(Debug)]
pub struct Parameter {
    /// The name in `--set` and in texts.
    pub name: &'static str,
    /// What it counts.
    pub meaning: &'static str,
    /// The value of whom nothing else is set.
    pub default: u64,
    /// The least and the largest value that `--set` takes.
    pub range: (u64, u64),
    /// What a seed draws from.
    pub drawn: &'static [u64],
}

/// The values of an exercise's parameters, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(BTreeMap<&'static str, u64>);

impl Values {
    /// The value of a parameter.
    ///
    /// # Panics
    /// The exercise has no such parameter: a mistake in its definition.
    fn get(&self, name: &str) -> u64 {
        *self.0.get(name).expect("an exercise names only parameters it declares")
    }

    /// The parameter as a number of things.
    fn size(&self, name: &str) -> usize {
        usize::try_from(self.get(name)).expect("ranges of parameters fit")
    }

    /// The parameter as a real number.
    fn real(&self, name: &str) -> f64 {
        self.get(name) as f64
    }

    /// Names and values, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(&name, &value)| (name, value))
    }
}

/// What statements and worked answers show besides parameters and answers, by name.
type Facts = BTreeMap<&'static str, String>;

/// An exercise; its texts are Markdown with `{name}` for parameters, facts and right answers.
#[derive(Debug)]
pub struct Exercise {
    /// The number in commands.
    pub number: usize,
    /// A few words.
    pub title: &'static str,
    /// The number of the lesson that it belongs to.
    pub lesson: usize,
    /// Difficulty, 1 to 3.
    pub stars: u8,
    /// How long it takes.
    pub minutes: u32,
    /// Its numbers.
    pub parameters: &'static [Parameter],
    statement: &'static str,
    hints: &'static [&'static str],
    worked: &'static str,
    /// What only some values of the parameters satisfy together.
    require: fn(&Values) -> Result<()>,
    facts: fn(&Values) -> Result<Facts>,
    task: fn(&Values) -> Result<Task>,
}

/// An exercise with the numbers of one student.
#[derive(Debug)]
pub struct Instance {
    /// What is set.
    pub exercise: &'static Exercise,
    /// With which numbers.
    pub values: Values,
    /// The flags that give the same numbers again, with a space before, or nothing for the defaults.
    pub flags: String,
}

/// A lesson of the course.
#[derive(Debug)]
pub struct Lesson {
    /// From 1.
    pub number: usize,
    /// The name of its page without the extension.
    pub file: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Its text, Markdown.
    pub text: &'static str,
    /// What it shows.
    pub figures: &'static [book::Figure],
}

/// All exercises, by number.
pub fn exercises() -> Vec<&'static Exercise> {
    exercises::all()
}

/// All lessons, in order.
pub fn lessons() -> &'static [Lesson] {
    book::LESSONS
}

/// The lesson of that number.
///
/// # Errors
/// There is none.
pub fn lesson(number: usize) -> Result<&'static Lesson> {
    lessons().iter().find(|lesson| lesson.number == number).ok_or_else(|| {
        let expected = format!("a lesson from 1 to {}", lessons().len());
        Error::new(expected, number.to_string()).hint("`circuit2tf course list` lists them")
    })
}

impl Lesson {
    /// Its exercises, in the order in which its text names them.
    pub fn exercises(&self) -> Vec<&'static Exercise> {
        let place = |exercise: &&Exercise| self.text.rfind(&format!("- **{}** ", exercise.number));
        let mut own: Vec<_> =
            exercises().into_iter().filter(|exercise| exercise.lesson == self.number).collect();
        own.sort_by_key(place);
        own
    }
}

/// The exercise of that number.
///
/// # Errors
/// There is none.
pub fn exercise(number: usize) -> Result<&'static Exercise> {
    let all = exercises();
    let last = all.len();
    all.into_iter().find(|exercise| exercise.number == number).ok_or_else(|| {
        Error::new(format!("an exercise from 1 to {last}"), number.to_string())
            .hint("`circuit2tf course list` lists them")
    })
}

impl Exercise {
    /// The exercise with numbers drawn by a seed, or its defaults, and then those of `set`.
    ///
    /// # Errors
    /// A name is no parameter, or a value is out of its range.
    pub fn instance(&'static self, seed: Option<u64>, set: &[(String, u64)]) -> Result<Instance> {
        let mut values = self.draw(seed);
        for (name, value) in set {
            let parameter = self.parameters.iter().find(|p| p.name == name);
            let parameter = parameter.ok_or_else(|| self.no_parameter(name))?;
            let (least, most) = parameter.range;
            if !(least..=most).contains(value) {
                let expected = format!("{name} from {least} to {most}");
                return Err(Error::new(expected, value.to_string()).hint(parameter.meaning));
            }
            values.0.insert(parameter.name, *value);
        }
        (self.require)(&values)?;
        let seed = seed.map_or(String::new(), |seed| format!(" --seed {seed}"));
        let set: Vec<String> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let set = if set.is_empty() { String::new() } else { format!(" --set {}", set.join(",")) };
        Ok(Instance { exercise: self, values, flags: seed + &set })
    }

    fn draw(&self, seed: Option<u64>) -> Values {
        let mut rng = seed.map(ChaCha8Rng::seed_from_u64);
        if let Some(rng) = &mut rng {
            rng.set_stream(self.number as u64);
        }
        let mut draw = |parameter: &Parameter| {
            let drawn = rng.as_mut().and_then(|rng| parameter.drawn.choose(rng));
            (parameter.name, drawn.copied().unwrap_or(parameter.default))
        };
        Values(self.parameters.iter().map(&mut draw).collect())
    }

    fn no_parameter(&self, name: &str) -> Error {
        let names: Vec<&str> = self.parameters.iter().map(|p| p.name).collect();
        let expected = format!("a parameter of exercise {}", self.number);
        Error::new(expected, format!("{name:?}")).hint(match names.len() {
            0 => "it has none".to_string(),
            _ => format!("it has {}", names.join(", ")),
        })
    }
}

impl Instance {
    /// What is asked, with how to answer.
    ///
    /// # Errors
    /// Something that the statement shows could not be computed.
    pub fn statement(&self) -> Result<String> {
        let task = self.task()?;
        let text = self.render(self.exercise.statement, None)?;
        Ok(format!("{text}\n\n{}", task.how_to_answer()))
    }

    /// The hints, from a nudge to nearly the answer.
    ///
    /// # Errors
    /// As [`Self::statement`].
    pub fn hints(&self) -> Result<Vec<String>> {
        self.exercise.hints.iter().map(|hint| self.render(hint, None)).collect()
    }

    /// The question with its right answer and the mistakes.
    ///
    /// # Errors
    /// Something could not be computed.
    pub fn task(&self) -> Result<Task> {
        (self.exercise.task)(&self.values)
    }

    /// The worked answer.
    ///
    /// # Errors
    /// As [`Self::task`].
    pub fn worked(&self) -> Result<String> {
        self.render(self.exercise.worked, Some(&self.task()?))
    }

    /// Checks an answer: words, or the name of a file that `reader` reads.
    ///
    /// # Errors
    /// The answer cannot be read as one of the kind that is asked for.
    pub fn check(&self, answer: &str, reader: &Reader) -> Result<Outcome> {
        self.task()?.check(answer, reader)
    }

    /// Puts numbers in place of `{names}`; facts are computed only if some are used.
    fn render(&self, template: &str, task: Option<&Task>) -> Result<String> {
        let mut shown: BTreeMap<String, String> =
            self.values.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        shown.extend(task.into_iter().flat_map(Task::shown_answers));
        let missing = placeholders(template).any(|(_, name)| !shown.contains_key(name));
        if missing {
            let facts = (self.exercise.facts)(&self.values)?;
            for (name, fact) in facts {
                let earlier = shown.insert(name.to_string(), fact);
                debug_assert!(earlier.is_none(), "{name} is a fact and an answer");
            }
        }
        let mut text = String::new();
        let mut end = 0;
        for (at, name) in placeholders(template) {
            text += &template[end..at];
            text += shown.get(name).expect("an exercise names only what it computes");
            end = at + name.len() + 2;
        }
        Ok(text + &template[end..])
    }
}

/// Where `{name}` stands in a template, and the name: lower-case letters, digits and `_`.
fn placeholders(template: &str) -> impl Iterator<Item = (usize, &str)> {
    template.match_indices('{').filter_map(|(at, _)| {
        let rest = &template[at + 1..];
        let name = &rest[..rest.find('}')?];
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (!name.is_empty() && name.chars().all(is_name)).then_some((at, name))
    })
}
