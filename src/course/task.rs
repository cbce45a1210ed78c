//! What an exercise asks for, and what to say to an answer.
//!
//! A [`Task`] holds the right answer, however it is given, and the wrong answers that known mistakes give.
//! Checking an answer reads it as the kind that is asked for, compares it with the right one, and if it
//! is wrong with that of every mistake: a diagnosis is never a guess.

use std::collections::BTreeMap;

use super::files::{CircuitTask, ModelTask, Reader};
use super::function::FunctionTask;
use super::number;
use crate::error::{Error, Result};
use crate::verify::bit_string;

/// A number that is asked for.
#[derive(Debug, Clone)]
pub struct Number {
    pub name: &'static str,
    pub unit: &'static str,
    pub value: f64,
    /// The relative error that passes; 0 for whole numbers.
    pub tolerance: f64,
}

/// The relative error that passes where numbers are rounded.
pub const CLOSE: f64 = 0.005;

impl Number {
    /// A whole number.
    pub fn whole(name: &'static str, unit: &'static str, value: usize) -> Self {
        Number { name, unit, value: value as f64, tolerance: 0.0 }
    }

    /// A number that may be rounded.
    pub fn close(name: &'static str, unit: &'static str, value: f64) -> Self {
        Number { name, unit, value, tolerance: CLOSE }
    }

    fn accepts(&self, x: f64) -> bool {
        // Formulas such as log2(8) are a few units in the last place off.
        (x - self.value).abs() <= self.tolerance.max(1e-9) * self.value.abs().max(1e-30)
            || self.value == 0.0 && x.abs() <= 1e-12
    }

    /// The value with as many digits as matter.
    fn shown(&self, value: f64) -> String {
        if value == value.round() && value.abs() < 1e15 {
            format!("{value}")
        } else if value.abs() < 1e-3 || value.abs() >= 1e9 {
            format!("{value:.3e}")
        } else if self.tolerance >= CLOSE {
            let digits = (3 - value.abs().log10().floor() as i32).clamp(2, 6) as usize;
            format!("{value:.digits$}")
        } else {
            format!("{value:.2}")
        }
    }
}

/// One of several statements to choose from.
#[derive(Debug, Clone)]
pub struct Choice {
    pub text: String,
    pub right: bool,
    /// Why it is right, or which mistake it is and what shows that.
    pub reason: String,
    pub experiment: String,
}

/// A statement to put into one of several classes.
#[derive(Debug, Clone)]
pub struct Item {
    pub text: &'static str,
    /// The letter of its class.
    pub class: char,
    pub reason: &'static str,
    /// The class it is often taken for, and what is then overlooked.
    pub mistaken: (char, &'static str),
    pub experiment: &'static str,
}

/// Runs a counterexample: whether it is one, and what was seen.
pub type Refute = Box<dyn Fn(&[bool]) -> Result<(bool, String)>>;

/// What an answer is.
pub enum Kind {
    Numbers(Vec<Number>),
    /// The letters of all options that are right.
    Choice(Vec<Choice>),
    /// One letter for each item.
    Classes(&'static [(char, &'static str)], Vec<Item>),
    Bits(Vec<bool>),
    /// An input on which a model is wrong, of so many bits; `found` is one.
    Counterexample {
        found: Vec<bool>,
        refute: Refute,
    },
    Circuit(Box<CircuitTask>),
    Model(Box<ModelTask>),
    Function(FunctionTask),
}

/// The wrong answer that a mistake gives.
#[derive(Debug, Clone)]
pub enum Wrong {
    /// One entry for each number that is asked for; none where the mistake does not touch it.
    Numbers(Vec<Option<f64>>),
    Bits(Vec<bool>),
    /// A file or a program that has the mistake.
    File(Vec<u8>),
}

/// A mistake with its answer.
#[derive(Debug, Clone)]
pub struct Mistake {
    pub name: &'static str,
    pub gives: Wrong,
    pub why: String,
    /// A command line that shows it.
    pub experiment: String,
}

/// A question with its right answer and the mistakes.
pub struct Task {
    pub kind: Kind,
    pub(super) mistakes: Vec<Mistake>,
}

/// What was said to an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    pub right: bool,
    /// What was found, line by line.
    pub findings: Vec<String>,
    pub diagnoses: Vec<Diagnosis>,
}

/// A mistake that gives exactly the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    pub mistake: String,
    pub why: String,
    pub experiment: String,
}

/// An answer that can be handed in: words, or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Solution {
    Text(String),
    File { name: &'static str, bytes: Vec<u8> },
}

impl Mistake {
    /// A mistake about numbers.
    pub fn numbers(
        name: &'static str,
        gives: Vec<Option<f64>>,
        why: impl Into<String>,
        experiment: impl Into<String>,
    ) -> Self {
        let (why, experiment) = (why.into(), experiment.into());
        Mistake { name, gives: Wrong::Numbers(gives), why, experiment }
    }

    fn diagnosis(&self) -> Diagnosis {
        Diagnosis {
            mistake: self.name.to_string(),
            why: self.why.clone(),
            experiment: self.experiment.clone(),
        }
    }
}

impl Task {
    /// A task; mistakes that give the right answer for these numbers are none and are left out.
    pub fn new(kind: Kind, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.retain(|mistake| match (&kind, &mistake.gives) {
            (Kind::Numbers(numbers), Wrong::Numbers(gives)) => !accepts(numbers, gives),
            (Kind::Bits(bits), Wrong::Bits(gives)) => bits != gives,
            _ => true,
        });
        Task { kind, mistakes }
    }

    /// A question for numbers.
    pub fn numbers(numbers: Vec<Number>, mistakes: Vec<Mistake>) -> Self {
        Task::new(Kind::Numbers(numbers), mistakes)
    }

    /// Whether the answer is a program, which checking runs.
    pub fn is_program(&self) -> bool {
        matches!(self.kind, Kind::Function(_))
    }

    /// How an answer is to be written.
    pub fn how_to_answer(&self) -> String {
        match &self.kind {
            Kind::Numbers(numbers) => {
                let one = |n: &Number| {
                    let unit =
                        if n.unit.is_empty() { String::new() } else { format!(" ({})", n.unit) };
                    let close = match n.tolerance {
                        0.0 => String::new(),
                        tolerance => format!(" to within {}%", 100.0 * tolerance),
                    };
                    format!("`{}`{unit}{close}", n.name)
                };
                let names: Vec<String> = numbers.iter().map(one).collect();
                let what = if names.len() == 1 {
                    "One number"
                } else {
                    "Numbers in this order, with spaces between"
                };
                format!(
                    "Answer. {what}: {}. A formula such as 3/16, 2^10 or log2(5) counts as a number.",
                    names.join("; ")
                )
            }
            Kind::Choice(options) => {
                let line = |(i, option): (usize, &Choice)| {
                    format!("- **{}**: {}\n", letter(i), option.text)
                };
                let lines: String = options.iter().enumerate().map(line).collect();
                format!("{lines}\nAnswer. The letters of all that are true, such as `AC`.")
            }
            Kind::Classes(classes, items) => {
                let line = |(i, item): (usize, &Item)| format!("{}. {}\n", i + 1, item.text);
                let lines: String = items.iter().enumerate().map(line).collect();
                let classes: Vec<String> =
                    classes.iter().map(|(c, name)| format!("`{c}` {name}")).collect();
                format!("{lines}\nAnswer. One letter for each, in order: {}.", classes.join(", "))
            }
            Kind::Bits(bits) => format!(
                "Answer. {} bits, such as `{}`.",
                bits.len(),
                "01".repeat(bits.len())[..bits.len()].to_owned()
            ),
            Kind::Counterexample { found, .. } => {
                format!("Answer. An input of {} bits.", found.len())
            }
            Kind::Circuit(task) => task.how_to_answer(),
            Kind::Model(task) => task.how_to_answer(),
            Kind::Function(task) => task.how_to_answer(),
        }
    }

    /// The right answer as one would hand it in.
    ///
    /// # Errors
    /// A file could not be written.
    pub fn solution(&self) -> Result<Solution> {
        Ok(match &self.kind {
            Kind::Numbers(numbers) => {
                let shown = |n: &Number| {
                    if n.value.fract() == 0.0 {
                        format!("{}", n.value)
                    } else {
                        nine_digits(n.value)
                    }
                };
                Solution::Text(numbers.iter().map(shown).collect::<Vec<_>>().join(" "))
            }
            Kind::Choice(options) => Solution::Text(right_letters(options)),
            Kind::Classes(_, items) => {
                Solution::Text(items.iter().map(|item| item.class).collect())
            }
            Kind::Bits(bits) => Solution::Text(bit_string(bits)),
            Kind::Counterexample { found, .. } => Solution::Text(bit_string(found)),
            Kind::Circuit(task) => task.solution()?,
            Kind::Model(task) => task.solution()?,
            Kind::Function(task) => task.solution(),
        })
    }

    /// The answers that mistakes give, as one would hand them in, each with the mistake's name.
    pub fn wrong_answers(&self) -> Vec<(String, Solution)> {
        match &self.kind {
            Kind::Choice(options) => wrong_choices(options),
            Kind::Classes(_, items) => wrong_classes(items),
            _ => self.mistakes.iter().map(|m| (m.name.to_string(), self.wrong_answer(m))).collect(),
        }
    }

    fn wrong_answer(&self, mistake: &Mistake) -> Solution {
        match (&mistake.gives, &self.kind) {
            (Wrong::Numbers(gives), Kind::Numbers(numbers)) => {
                let all =
                    gives.iter().zip(numbers).map(|(x, n)| format!("{:e}", x.unwrap_or(n.value)));
                Solution::Text(all.collect::<Vec<_>>().join(" "))
            }
            (Wrong::Bits(bits), _) => Solution::Text(bit_string(bits)),
            (Wrong::File(bytes), kind) => {
                Solution::File { name: file_name(kind), bytes: bytes.clone() }
            }
            (Wrong::Numbers(_), _) => unreachable!("numbers are asked for by numbers"),
        }
    }

    /// The right answers by name, for worked answers: numbers by their names, others as `answer`.
    pub(super) fn shown_answers(&self) -> BTreeMap<String, String> {
        let shown = |n: &Number| (n.name.to_string(), n.shown(n.value));
        match &self.kind {
            Kind::Numbers(numbers) => numbers.iter().map(shown).collect(),
            Kind::Choice(options) => {
                let line = |(i, o): (usize, &Choice)| {
                    format!(
                        "- **{}** {}: {}\n",
                        letter(i),
                        if o.right { "yes" } else { "no" },
                        o.reason
                    )
                };
                let reasons = options.iter().enumerate().map(line).collect();
                let letters = right_letters(options);
                BTreeMap::from([("answer".to_string(), letters), ("reasons".to_string(), reasons)])
            }
            Kind::Classes(_, items) => {
                let line = |(i, item): (usize, &Item)| {
                    format!("{}. `{}` {}\n", i + 1, item.class, item.reason)
                };
                let reasons = items.iter().enumerate().map(line).collect();
                let letters = items.iter().map(|item| item.class).collect();
                BTreeMap::from([("answer".to_string(), letters), ("reasons".to_string(), reasons)])
            }
            Kind::Bits(bits) | Kind::Counterexample { found: bits, .. } => {
                BTreeMap::from([("answer".to_string(), bit_string(bits))])
            }
            _ => BTreeMap::new(),
        }
    }

    /// Checks an answer.
    ///
    /// # Errors
    /// It cannot be read as one of this kind.
    pub fn check(&self, answer: &str, reader: &Reader) -> Result<Outcome> {
        let answer = answer.trim();
        match &self.kind {
            Kind::Numbers(numbers) => self.check_numbers(numbers, answer),
            Kind::Choice(options) => check_choice(options, answer),
            Kind::Classes(classes, items) => check_classes(classes, items, answer),
            Kind::Bits(bits) => {
                let found = read_bits(answer, bits.len())?;
                let first = bits.iter().zip(&found).position(|(a, b)| a != b);
                let finding = |i| format!("bit {} is the first that is wrong", i + 1);
                Ok(self.outcome(
                    found == *bits,
                    first.map(finding).into_iter().collect(),
                    |wrong| matches!(wrong, Wrong::Bits(b) if *b == found),
                ))
            }
            Kind::Counterexample { found, refute } => {
                let input = read_bits(answer, found.len())?;
                let (right, seen) = refute(&input)?;
                Ok(self.outcome(
                    right,
                    vec![seen],
                    |wrong| matches!(wrong, Wrong::Bits(b) if *b == input),
                ))
            }
            Kind::Circuit(task) => task.check(answer, &self.mistakes, reader),
            Kind::Model(task) => task.check(answer, &self.mistakes, reader),
            Kind::Function(task) => task.check(answer, &self.mistakes, reader),
        }
    }

    fn check_numbers(&self, numbers: &[Number], answer: &str) -> Result<Outcome> {
        let names: Vec<&str> = numbers.iter().map(|n| n.name).collect();
        let found = number::read_list(answer, &names)?;
        let line = |(n, &x): (&Number, &f64)| {
            format!(
                "{} {} {}",
                n.name,
                n.shown(x),
                if n.accepts(x) { "is right" } else { "is wrong" }
            )
        };
        let findings = numbers.iter().zip(&found).map(line).collect();
        let right = numbers.iter().zip(&found).all(|(n, &x)| n.accepts(x));
        let is_of = |gives: &[Option<f64>]| {
            numbers.iter().zip(&found).zip(gives).all(|((number, &x), gives)| {
                gives.is_none_or(|value| Number { value, ..number.clone() }.accepts(x))
            })
        };
        Ok(self.outcome(
            right,
            findings,
            |wrong| matches!(wrong, Wrong::Numbers(gives) if is_of(gives)),
        ))
    }

    fn outcome(
        &self,
        right: bool,
        findings: Vec<String>,
        is_of: impl Fn(&Wrong) -> bool,
    ) -> Outcome {
        let made = self.mistakes.iter().filter(|mistake| !right && is_of(&mistake.gives));
        Outcome { right, findings, diagnoses: made.map(Mistake::diagnosis).collect() }
    }
}

/// The outcome of a check of a file: the mistakes whose file does the same.
pub fn file_outcome(
    right: bool,
    findings: Vec<String>,
    mistakes: &[Mistake],
    same: impl Fn(&[u8]) -> Result<bool>,
) -> Result<Outcome> {
    let mut outcome = Outcome { right, findings, diagnoses: Vec::new() };
    for mistake in mistakes.iter().filter(|_| !right) {
        if let Wrong::File(bytes) = &mistake.gives
            && same(bytes)?
        {
            outcome.diagnoses.push(mistake.diagnosis());
        }
    }
    Ok(outcome)
}

fn file_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Circuit(_) => CircuitTask::FILE,
        Kind::Model(_) => ModelTask::FILE,
        _ => FunctionTask::FILE,
    }
}

fn accepts(numbers: &[Number], gives: &[Option<f64>]) -> bool {
    numbers.iter().zip(gives).all(|(n, x)| x.is_none_or(|x| n.accepts(x)))
}

/// A number with nine significant digits, in full unless it is very small.
fn nine_digits(value: f64) -> String {
    if value.abs() < 1e-4 {
        let rounded: f64 = format!("{value:.8e}").parse().unwrap_or(value);
        return format!("{rounded:e}");
    }
    let decimals = (8 - value.abs().log10().floor() as i32).max(0) as usize;
    let shown = format!("{value:.decimals$}");
    if decimals == 0 {
        return shown;
    }
    shown.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn letter(index: usize) -> char {
    char::from(b'A' + index as u8)
}

fn right_letters(options: &[Choice]) -> String {
    let right = options.iter().enumerate().filter(|(_, option)| option.right);
    right.map(|(i, _)| letter(i)).collect()
}

/// Each wrong option alone: what is chosen in error.
fn wrong_choices(options: &[Choice]) -> Vec<(String, Solution)> {
    let wrong = options.iter().enumerate().filter(|(_, option)| !option.right);
    let with = |i: usize| {
        let mut letters: Vec<char> = right_letters(options).chars().chain([letter(i)]).collect();
        letters.sort_unstable();
        Solution::Text(letters.into_iter().collect())
    };
    wrong.map(|(i, option)| (option.text.clone(), with(i))).collect()
}

/// Each item alone in the class it is mistaken for.
fn wrong_classes(items: &[Item]) -> Vec<(String, Solution)> {
    let classes: Vec<char> = items.iter().map(|item| item.class).collect();
    let with = |i: usize| {
        let mut classes = classes.clone();
        classes[i] = items[i].mistaken.0;
        Solution::Text(classes.into_iter().collect())
    };
    items.iter().enumerate().map(|(i, item)| (item.text.to_string(), with(i))).collect()
}

fn check_choice(options: &[Choice], answer: &str) -> Result<Outcome> {
    let mut chosen = vec![false; options.len()];
    for c in answer.chars().filter(|c| c.is_alphanumeric()) {
        let index = (0..options.len()).find(|&i| letter(i) == c.to_ascii_uppercase());
        let last = letter(options.len() - 1);
        let index = index
            .ok_or_else(|| Error::new(format!("letters A to {last}"), format!("{answer:?}")))?;
        chosen[index] = true;
    }
    let mut outcome = Outcome { right: true, ..Outcome::default() };
    let mut missing = 0;
    for (i, option) in options.iter().enumerate().filter(|(i, option)| chosen[*i] != option.right) {
        outcome.right = false;
        if option.right {
            missing += 1;
            continue;
        }
        outcome.findings.push(format!("{} is not true", letter(i)));
        outcome.diagnoses.push(Diagnosis {
            mistake: option.text.clone(),
            why: option.reason.clone(),
            experiment: option.experiment.clone(),
        });
    }
    if missing > 0 {
        outcome
            .findings
            .push(format!("{missing} more {} true", if missing == 1 { "is" } else { "are" }));
    }
    Ok(outcome)
}

fn check_classes(classes: &[(char, &str)], items: &[Item], answer: &str) -> Result<Outcome> {
    let letters: Vec<char> =
        answer.chars().filter(|c| c.is_alphabetic()).map(|c| c.to_ascii_uppercase()).collect();
    let names: String = classes.iter().map(|(c, _)| c).collect();
    if letters.len() != items.len() || letters.iter().any(|c| !names.contains(*c)) {
        let expected = format!("{} letters of {names}", items.len());
        return Err(Error::new(expected, format!("{answer:?}")));
    }
    let mut outcome = Outcome { right: true, ..Outcome::default() };
    for (i, (item, &class)) in items.iter().zip(&letters).enumerate() {
        if class == item.class {
            continue;
        }
        outcome.right = false;
        outcome.findings.push(format!("{} is not {class}", i + 1));
        if class == item.mistaken.0 {
            outcome.diagnoses.push(Diagnosis {
                mistake: item.text.to_string(),
                why: item.mistaken.1.to_string(),
                experiment: item.experiment.to_string(),
            });
        }
    }
    Ok(outcome)
}

fn read_bits(text: &str, n: usize) -> Result<Vec<bool>> {
    let bits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    if bits.len() != n || bits.iter().any(|c| !matches!(c, '0' | '1')) {
        return Err(Error::new(format!("{n} characters 0 or 1"), format!("{text:?}")));
    }
    Ok(bits.into_iter().map(|bit| bit == '1').collect())
}
