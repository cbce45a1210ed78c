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
    /// What is said of the answer.
    pub text: String,
    /// Whether it is right.
    pub right: bool,
    /// Why it is right, or which mistake it is and what shows that.
    pub reason: String,
    /// What to try.
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
    /// Numbers, one for each name.
    Numbers(Vec<Number>),
    /// The letters of all options that are right.
    Choice(Vec<Choice>),
    /// One letter for each item.
    Classes(&'static [(char, &'static str)], Vec<Item>),
    /// A word of bits.
    Bits(Vec<bool>),
    /// An input on which a model is wrong, of so many bits.
    Counterexample {
        /// One.
        found: Vec<bool>,
        /// Whether another one is.
        refute: Refute,
    },
    /// A circuit in a file.
    Circuit(Box<CircuitTask>),
    /// A model in a file.
    Model(Box<ModelTask>),
    /// A function in Rust, in a file.
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
    /// Why it is wrong.
    pub why: String,
    /// A command line that shows it.
    pub experiment: String,
}

/// A question with its right answer and the mistakes.
pub struct Task {
    /// What is asked for.
    pub kind: Kind,
    pub(super) mistakes: Vec<Mistake>,
}

/// What was said to an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Whether the answer is right.
    pub right: bool,
    /// What was found, line by line.
    pub findings: Vec<String>,
    /// The mistakes that give just this answer.
    pub diagnoses: Vec<Diagnosis>,
}

/// A mistake that gives exactly the answer, or a statement that was taken for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The part of the answer that the mistake gives, such as `loops 9`; none where a statement was judged.
    pub about: Option<String>,
    /// What was done.
    pub mistake: String,
    /// Why it is wrong.
    pub why: String,
    /// A command that shows it.
    pub experiment: String,
}

impl Diagnosis {
    /// What is known: that the mistake gives this, not that it was made.
    pub fn text(&self) -> String {
        let Diagnosis { about, mistake, why, .. } = self;
        match about {
            Some(about) => format!("{about} is what one gets from \"{mistake}\". {why}"),
            None => format!("\"{mistake}\" {why}"),
        }
    }
}

/// An answer that can be handed in: words, or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Solution {
    /// A value, or letters.
    Text(String),
    /// A file, as bytes.
    File {
        /// Its name.
        name: &'static str,
        /// What is in it.
        bytes: Vec<u8>,
    },
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

    fn diagnosis(&self, about: String) -> Diagnosis {
        Diagnosis {
            about: Some(about),
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
                let findings = first.map(finding).into_iter().collect();
                Ok(self.outcome(found == *bits, findings, |wrong| wrong.is_bits(&found)))
            }
            Kind::Counterexample { found, refute } => {
                let input = read_bits(answer, found.len())?;
                let (right, seen) = refute(&input)?;
                Ok(self.outcome(right, vec![seen], |wrong| wrong.is_bits(&input)))
            }
            Kind::Circuit(task) => task.check(answer, &self.mistakes, reader),
            Kind::Model(task) => task.check(answer, &self.mistakes, reader),
            Kind::Function(task) => task.check(answer, &self.mistakes, reader),
        }
    }

    fn check_numbers(&self, numbers: &[Number], answer: &str) -> Result<Outcome> {
        let slots: Vec<_> =
            numbers.iter().map(|n| number::Slot { name: n.name, unit: n.unit }).collect();
        let found = number::read_list(answer, &slots)?;
        let line = |(n, &x): (&Number, &f64)| {
            format!(
                "{} {} {}",
                n.name,
                read_back(x),
                if n.accepts(x) { "is right" } else { "is wrong" }
            )
        };
        let findings = numbers.iter().zip(&found).map(line).collect();
        let right = numbers.iter().zip(&found).all(|(n, &x)| n.accepts(x));
        Ok(self.outcome(right, findings, |wrong| match wrong {
            Wrong::Numbers(gives) => given(numbers, gives, &found),
            _ => None,
        }))
    }

    /// The outcome with the mistakes of which `about` says what of the answer they give.
    fn outcome(
        &self,
        right: bool,
        findings: Vec<String>,
        about: impl Fn(&Wrong) -> Option<String>,
    ) -> Outcome {
        let made = self.mistakes.iter().filter(|_| !right);
        let diagnosis = |mistake: &Mistake| Some(mistake.diagnosis(about(&mistake.gives)?));
        Outcome { right, findings, diagnoses: made.filter_map(diagnosis).collect() }
    }
}

impl Wrong {
    fn is_bits(&self, found: &[bool]) -> Option<String> {
        matches!(self, Wrong::Bits(bits) if bits == found).then(|| "this".to_string())
    }
}

/// The numbers of an answer that a mistake gives, by name, if it gives all that it touches.
fn given(numbers: &[Number], gives: &[Option<f64>], found: &[f64]) -> Option<String> {
    let mut about = Vec::new();
    for ((number, &x), gives) in numbers.iter().zip(found).zip(gives) {
        let Some(value) = *gives else { continue };
        if !(Number { value, ..number.clone() }.accepts(x)) {
            return None;
        }
        if !number.accepts(x) {
            about.push(format!("{} {}", number.name, read_back(x)));
        }
    }
    (!about.is_empty()).then(|| about.join(", "))
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
            outcome.diagnoses.push(mistake.diagnosis("this".to_string()));
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

/// A number of an answer as it was read, so that nothing is hidden by rounding.
fn read_back(value: f64) -> String {
    let is_short = value.fract() == 0.0 && value.abs() < 1e15;
    if is_short { format!("{value}") } else { nine_digits(value) }
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
    let chosen = read_choice(options.len(), answer)?;
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
            about: None,
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

/// The options whose letters are given: `AC`, `a, c`, `A and C`, or `none`.
fn read_choice(n: usize, answer: &str) -> Result<Vec<bool>> {
    let mut chosen = vec![false; n];
    let words = answer.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !matches!(*word, "" | "and" | "none")) {
        for c in word.chars() {
            let index = (0..n).find(|&i| letter(i) == c.to_ascii_uppercase());
            let index = index.ok_or_else(|| {
                let expected = format!("letters A to {}, or none", letter(n - 1));
                Error::new(expected, format!("{answer:?}"))
            })?;
            chosen[index] = true;
        }
    }
    Ok(chosen)
}

/// A letter for each item, in order; numbers beside the letters say for which.
fn read_classes(n: usize, names: &str, answer: &str) -> Result<Vec<char>> {
    let wrong = || {
        let expected = format!("{n} letters of {names}, one for each in order");
        Error::new(expected, format!("{answer:?}"))
    };
    let mut classes = vec![None; n];
    let (mut number, mut next) = (String::new(), 0);
    for c in answer.chars() {
        match c.to_ascii_uppercase() {
            digit if digit.is_ascii_digit() => number.push(digit),
            class if names.contains(class) => {
                let given = number.parse::<usize>().ok().and_then(|given| given.checked_sub(1));
                let place = if number.is_empty() { Some(next) } else { given }.ok_or_else(wrong)?;
                let slot =
                    classes.get_mut(place).filter(|slot| slot.is_none()).ok_or_else(wrong)?;
                *slot = Some(class);
                (number, next) = (String::new(), place + 1);
            }
            other if other.is_alphabetic() => return Err(wrong()),
            _ => {}
        }
    }
    classes.into_iter().map(|class| class.ok_or_else(wrong)).collect()
}

fn check_classes(classes: &[(char, &str)], items: &[Item], answer: &str) -> Result<Outcome> {
    let names: String = classes.iter().map(|(c, _)| c).collect();
    let letters = read_classes(items.len(), &names, answer)?;
    let mut outcome = Outcome { right: true, ..Outcome::default() };
    for (i, (item, &class)) in items.iter().zip(&letters).enumerate() {
        if class == item.class {
            continue;
        }
        outcome.right = false;
        outcome.findings.push(format!("{} is not {class}", i + 1));
        if class == item.mistaken.0 {
            outcome.diagnoses.push(Diagnosis {
                about: None,
                mistake: item.text.to_string(),
                why: item.mistaken.1.to_string(),
                experiment: item.experiment.to_string(),
            });
        }
    }
    Ok(outcome)
}

fn read_bits(text: &str, n: usize) -> Result<Vec<bool>> {
    let is_mark = |c: &char| c.is_whitespace() || matches!(c, ',' | ';' | '/' | '|' | '_');
    let bits: Vec<char> = text.chars().filter(|c| !is_mark(c)).collect();
    if bits.len() != n || bits.iter().any(|c| !matches!(c, '0' | '1')) {
        return Err(Error::new(format!("{n} characters 0 or 1"), format!("{text:?}")));
    }
    Ok(bits.into_iter().map(|bit| bit == '1').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_bits_are_read_as_students_write_them_and_nothing_is_guessed() {
        for text in ["AC", "a c", "A, C", "A and C", "(A; C)"] {
            assert_eq!(read_choice(3, text).unwrap(), [true, false, true], "{text}");
        }
        assert_eq!(read_choice(3, "none").unwrap(), [false; 3]);
        for text in ["AD", "A or C", "1", "A: yes"] {
            assert!(read_choice(3, text).is_err(), "{text}");
        }
        for text in ["TFO", "t f o", "1T 2F 3O", "1. T, 2. F, 3. O", "3O 1T 2F"] {
            assert_eq!(read_classes(3, "TFCO", text).unwrap(), ['T', 'F', 'O'], "{text}");
        }
        for text in ["TF", "TFOC", "TFX", "1T 1F 3O", "0T 1F 2O", "4T 2F 3O", "true false open"] {
            assert!(read_classes(3, "TFCO", text).is_err(), "{text}");
        }
        for text in ["101", "1 0 1", "1,0,1", "10/1", "1|0|1", "10_1"] {
            assert_eq!(read_bits(text, 3).unwrap(), [true, false, true], "{text}");
        }
        for text in ["10", "1012", "0b101", "1-01"] {
            assert!(read_bits(text, 3).is_err(), "{text}");
        }
    }
}
