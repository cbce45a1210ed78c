//! `course`: exercises, hints, answers and their check, progress, sheets, grading, the book.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use circuit2tf::course::progress::Progress;
use circuit2tf::course::{self, Instance, Outcome, Solution};
use circuit2tf::{Error, Result, files};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Report, source};

mod sheets;
mod start;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file that keeps your progress [default: circuit2tf/course.json in the user's state folder]
    #[arg(long, global = true, value_name = "FILE")]
    state: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the files that lessons start from; a file that is there stays as it is
    Start(start::Args),
    /// List the exercises by lesson
    List,
    /// Show a lesson
    Lesson {
        /// The lesson's number
        number: usize,
    },
    /// Show an exercise
    Show(Which),
    /// Show the next hint of an exercise
    Hint {
        #[command(flatten)]
        which: Which,
        /// Show all hints
        #[arg(long)]
        all: bool,
    },
    /// Check an answer: exit status 0 if it is right, 1 if it is wrong
    Check {
        #[command(flatten)]
        which: Which,
        /// Numbers, letters, bits, or the name of a file; whatever the exercise asks for
        #[arg(required = true, allow_negative_numbers = true)]
        answer: Vec<String>,
    },
    /// Show the worked answer, with its numbers computed now
    Answer {
        #[command(flatten)]
        which: Which,
        /// Write an answer that is a file to this file
        #[arg(short, value_name = "FILE")]
        output: Option<String>,
    },
    /// Show the first exercise that is not solved yet
    Next,
    /// Show what is solved
    Progress,
    /// Forget the progress of an exercise, or of all
    Reset {
        /// The exercise's number; all by default
        number: Option<usize>,
    },
    /// Print a problem sheet, or one for each student of a roster
    Sheet(sheets::SheetArgs),
    /// Grade the answers of a class: a file with student, exercise, answer and perhaps seed (CSV with a
    /// header, or JSON)
    Grade(sheets::GradeArgs),
    /// Write the lessons as HTML
    Book {
        /// The folder to write to
        #[arg(short, value_name = "DIR")]
        output: String,
    },
}

/// An exercise and its numbers.
#[derive(Debug, clap::Args)]
struct Which {
    /// The exercise's number
    number: usize,
    /// Draw the numbers by this seed
    #[arg(long)]
    seed: Option<u64>,
    /// Set numbers by hand: NAME=VALUE,…
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',', value_parser = setting)]
    set: Vec<(String, u64)>,
}

fn setting(text: &str) -> std::result::Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    let value = value.parse().map_err(|_| format!("{value:?} is no whole number"))?;
    Ok((name.to_string(), value))
}

pub fn main(args: &Args) -> Result<Report> {
    let state = State::at(args.state.as_deref());
    match &args.action {
        Action::Start(args) => start::main(args),
        Action::List => list(&state),
        Action::Lesson { number } => lesson(*number),
        Action::Show(which) => show(&which.instance()?),
        Action::Hint { which, all } => hint(&which.instance()?, *all, &state),
        Action::Check { which, answer } => check(&which.instance()?, &answer.join(" "), &state),
        Action::Answer { which, output } => answer(&which.instance()?, output.as_deref()),
        Action::Next => next(&state),
        Action::Progress => progress(&state),
        Action::Reset { number } => reset(*number, &state),
        Action::Sheet(args) => sheets::print(args),
        Action::Grade(args) => sheets::grade(args),
        Action::Book { output } => book(output),
    }
}

impl Which {
    fn instance(&self) -> Result<Instance> {
        course::exercise(self.number)?.instance(self.seed, &self.set)
    }
}

/// Where progress is kept; nowhere, if there is neither a flag nor a home.
struct State {
    path: Option<PathBuf>,
    /// Once is enough.
    is_warned: Cell<bool>,
}

impl State {
    fn at(flag: Option<&str>) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let chosen = flag.map(PathBuf::from).or(variable("CIRCUIT2TF_STATE").map(PathBuf::from));
        let folder = variable("XDG_STATE_HOME").map(PathBuf::from);
        let folder = folder.or(variable("HOME").map(|home| Path::new(&home).join(".local/state")));
        let kept = folder.map(|folder| folder.join("circuit2tf").join("course.json"));
        State { path: chosen.or(kept), is_warned: Cell::new(false) }
    }

    /// The progress; none where there is no file yet, or one that cannot be opened.
    ///
    /// # Errors
    /// There is a file, and it holds something else.
    fn read(&self) -> Result<Progress> {
        let Some(path) = &self.path else { return Ok(Progress::default()) };
        let name = path.to_string_lossy();
        match files::read(&*name) {
            Ok(bytes) => Progress::from_json(&String::from_utf8_lossy(&bytes), &name),
            Err(error) => {
                // Missing files and folders are a start.
                if !matches!(error.kind(), std::io::ErrorKind::NotFound) {
                    self.warn(&Error::io(&name, "read", &error));
                }
                Ok(Progress::default())
            }
        }
    }

    /// Keeps the progress, or warns that it could not: what was asked for is done all the same.
    fn keep(&self, progress: &Progress) {
        self.write(progress).unwrap_or_else(|error| self.warn(&error));
    }

    fn warn(&self, error: &Error) {
        if !self.is_warned.replace(true) {
            eprintln!("warning: progress is not kept: {error}");
        }
    }

    fn write(&self, progress: &Progress) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let name = path.to_string_lossy();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::io(&name, "write", &error))?;
        }
        // What cannot be read is nobody's to replace.
        if let Err(error) = files::read(&*name)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::io(&name, "read", &error));
        }
        source::write(&name, progress.to_json().as_bytes())
    }
}

fn list(state: &State) -> Result<Report> {
    let progress = state.read()?;
    let mut text = String::new();
    let mut json = Vec::new();
    for lesson in course::lessons() {
        text += &format!("{}. {}\n", lesson.number, lesson.title);
        for exercise in lesson.exercises() {
            let record = progress.record(exercise.number);
            let mark = if record.solved { "solved" } else { "" };
            let (number, title, minutes) = (exercise.number, exercise.title, exercise.minutes);
            let stars = "*".repeat(exercise.stars.into());
            text += &format!("  {number:>3}  {stars:<3}  {minutes:>3} min  {mark:<6}  {title}\n");
            json.push(json!({
                "number": number, "title": title, "lesson": lesson.number, "stars": exercise.stars,
                "minutes": minutes, "solved": record.solved, "parameters": parameters(exercise),
            }));
        }
    }
    text += "* easy  ** takes thought  *** hard; read a lesson first: circuit2tf course lesson 1\n";
    Ok(Report { text: text.into_bytes(), json: json!({ "exercises": json }), status: 0 })
}

fn lesson(number: usize) -> Result<Report> {
    let lesson = course::lesson(number)?;
    let json = json!({ "number": number, "title": lesson.title, "text": lesson.text });
    Ok(Report { text: lesson.text.as_bytes().to_vec(), json, status: 0 })
}

fn parameters(exercise: &course::Exercise) -> Vec<Value> {
    let parameter = |p: &course::Parameter| json!({ "name": p.name, "meaning": p.meaning, "default": p.default, "range": [p.range.0, p.range.1] });
    exercise.parameters.iter().map(parameter).collect()
}

fn heading(instance: &Instance) -> String {
    format!("Exercise {}. {}\n\n", instance.exercise.number, instance.exercise.title)
}

fn show(instance: &Instance) -> Result<Report> {
    let statement = instance.statement()?;
    let (number, flags) = (instance.exercise.number, &instance.flags);
    let mut text = heading(instance) + &wrapped(&statement);
    text += &format!("\ncircuit2tf course check {number} ANSWER{flags}\n");
    let values: serde_json::Map<String, Value> =
        instance.values.iter().map(|(name, value)| (name.to_string(), value.into())).collect();
    let json = json!({ "number": number, "title": instance.exercise.title, "lesson": instance.exercise.lesson,
        "statement": statement, "values": values, "parameters": parameters(instance.exercise) });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// Long lines broken at spaces; indented lines and table rows stay as they are.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 100;
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

fn hint(instance: &Instance, all: bool, state: &State) -> Result<Report> {
    let hints = instance.hints()?;
    let mut progress = state.read()?;
    let record = progress.record_mut(instance.exercise.number);
    let seen = if all { hints.len() } else { (record.hints as usize + 1).min(hints.len()) };
    record.hints = seen as u64;
    state.keep(&progress);
    let line = |(i, hint): (usize, &String)| format!("{} of {}. {hint}\n", i + 1, hints.len());
    let mut text: String = hints[..seen].iter().enumerate().map(line).collect();
    if seen == hints.len() {
        let (number, flags) = (instance.exercise.number, &instance.flags);
        text += &format!("These are all; the answer: circuit2tf course answer {number}{flags}\n");
    }
    let json = json!({ "hints": hints[..seen], "of": hints.len() });
    Ok(Report { text: wrapped(&text).into_bytes(), json, status: 0 })
}

fn check(instance: &Instance, answer: &str, state: &State) -> Result<Report> {
    let number = instance.exercise.number;
    let mut progress = state.read()?;
    let reader = |name: &str| {
        source::bytes(name).map_err(|error| {
            error.hint("the answer is the name of a file; `circuit2tf course start` writes those to start from")
        })
    };
    let outcome = instance.check(answer, &reader)?;
    let record = progress.record_mut(number);
    record.tries += 1;
    record.solved |= outcome.right;
    state.keep(&progress);
    let mut text = said(&outcome);
    if !outcome.right && outcome.diagnoses.is_empty() {
        text += "no known mistake gives this answer; for a hint: ";
        text += &format!("circuit2tf course hint {number}{}\n", instance.flags);
    }
    text += if outcome.right { "RIGHT\n" } else { "WRONG\n" };
    let json = json!({ "number": number, "answer": answer, "outcome": outcome_json(&outcome) });
    Ok(Report { text: text.into_bytes(), json, status: u8::from(!outcome.right) })
}

fn said(outcome: &Outcome) -> String {
    let mut text: String = outcome.findings.iter().map(|line| format!("{line}\n")).collect();
    for diagnosis in &outcome.diagnoses {
        text += &wrapped(&diagnosis.text());
        if !diagnosis.experiment.is_empty() {
            text += &format!("see it: {}\n", diagnosis.experiment);
        }
    }
    text
}

fn outcome_json(outcome: &Outcome) -> Value {
    let diagnosis = |d: &course::Diagnosis| json!({ "about": d.about, "mistake": d.mistake, "why": d.why, "experiment": d.experiment });
    let diagnoses: Vec<Value> = outcome.diagnoses.iter().map(diagnosis).collect();
    json!({ "right": outcome.right, "findings": outcome.findings, "diagnoses": diagnoses })
}

/// The largest file that is printed, in bytes.
const MOST_SHOWN: usize = 4096;

fn answer(instance: &Instance, output: Option<&str>) -> Result<Report> {
    let worked = instance.worked()?;
    let solution = instance.task()?.solution()?;
    if let (Solution::File { name, .. }, Some(path)) = (&solution, output) {
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
        source::output(path, &[extension.expect("an answer's name ends in its format")])?;
    }
    let mut text = heading(instance) + &wrapped(&worked);
    let json = match &solution {
        Solution::Text(answer) => json!({ "text": answer }),
        Solution::File { name, bytes } => {
            json!({ "file": name, "content": String::from_utf8_lossy(bytes) })
        }
    };
    match (&solution, output) {
        (Solution::Text(_), Some(path)) => {
            return Err(Error::new(
                "an exercise whose answer is a file, for -o",
                format!("-o {path}"),
            ));
        }
        (Solution::Text(answer), None) => text += &format!("\nanswer: {answer}\n"),
        (Solution::File { bytes, .. }, Some(path)) => {
            source::write(path, bytes)?;
            text += &format!("\nwrote {path}\n");
        }
        (Solution::File { name, bytes }, None) if bytes.len() > MOST_SHOWN => {
            let number = instance.exercise.number;
            let flags = &instance.flags;
            text += &format!("\n{name} has {} bytes; to write it: ", bytes.len());
            text += &format!("circuit2tf course answer {number}{flags} -o {name}\n");
        }
        (Solution::File { name, bytes }, None) => {
            text += &format!("\n{name}:\n\n{}", String::from_utf8_lossy(bytes));
        }
    }
    let json = json!({ "number": instance.exercise.number, "worked": worked, "answer": json });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

fn next(state: &State) -> Result<Report> {
    let progress = state.read()?;
    let mut in_order = course::lessons().iter().flat_map(course::Lesson::exercises);
    match in_order.find(|exercise| !progress.record(exercise.number).solved) {
        Some(exercise) => {
            let mut report = show(&exercise.instance(None, &[])?)?;
            let line = format!("circuit2tf course lesson {}\n", exercise.lesson);
            report.text.extend(line.into_bytes());
            Ok(report)
        }
        None => Ok(Report {
            text: b"all exercises are solved\n".to_vec(),
            json: Value::Null,
            status: 0,
        }),
    }
}

fn progress(state: &State) -> Result<Report> {
    let progress = state.read()?;
    let exercises: Vec<_> = course::lessons().iter().flat_map(course::Lesson::exercises).collect();
    let mut text = String::new();
    let mut json = Vec::new();
    for exercise in &exercises {
        let record = progress.record(exercise.number);
        if record == Default::default() {
            continue;
        }
        let solved = if record.solved { "solved" } else { "open" };
        let (number, title) = (exercise.number, exercise.title);
        text += &format!(
            "{number:>3}  {solved:<6}  tries {}  hints {}  {title}\n",
            record.tries, record.hints
        );
        json.push(json!({ "number": number, "solved": record.solved, "tries": record.tries, "hints": record.hints }));
    }
    let solved = exercises.iter().filter(|e| progress.record(e.number).solved).count();
    text += &format!("{solved} of {} solved\n", exercises.len());
    if solved < exercises.len() {
        text += "circuit2tf course next\n";
    }
    let json = json!({ "exercises": json, "solved": solved, "of": exercises.len() });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

fn reset(number: Option<usize>, state: &State) -> Result<Report> {
    let mut progress = state.read()?;
    match number {
        Some(number) => progress.forget(course::exercise(number)?.number),
        None => progress = Progress::default(),
    }
    state.write(&progress)?;
    let what = number.map_or("all exercises".to_string(), |number| format!("exercise {number}"));
    let json = json!({ "reset": number });
    Ok(Report { text: format!("forgot {what}\n").into_bytes(), json, status: 0 })
}

fn book(folder: &str) -> Result<Report> {
    start::make_folder(folder)?;
    let files = course::book::render()?;
    for file in &files {
        source::write(&Path::new(folder).join(&file.name).to_string_lossy(), &file.bytes)?;
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let text = format!("wrote {} files; start at {folder}/index.html\n", names.len());
    Ok(Report {
        text: text.into_bytes(),
        json: json!({ "folder": folder, "files": names }),
        status: 0,
    })
}
