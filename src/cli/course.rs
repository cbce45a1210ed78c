//! `course`: exercises, hints, answers and their check, progress, sheets, grading, the book.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use circuit2tf::course::progress::Progress;
use circuit2tf::course::report::{Checked, Hints, Lecture, Listing, Question, Standing, Worked};
use circuit2tf::course::{self, Instance, Solution};
use circuit2tf::{Error, Result, files};
use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{Output, Table};
use super::{Report, source, talk};

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
    List(Output<Table>),
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
    Progress(Output<Table>),
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
        Action::List(output) => output.plan()?.report(&Listing(state.read()?)),
        Action::Lesson { number } => Report::shown(&Lecture(course::lesson(*number)?)),
        Action::Show(which) => show(&which.instance()?, false),
        Action::Hint { which, all } => hint(&which.instance()?, *all, &state),
        Action::Check { which, answer } => check(&which.instance()?, &answer.join(" "), &state),
        Action::Answer { which, output } => answer(&which.instance()?, output.as_deref()),
        Action::Next => next(&state),
        Action::Progress(output) => output.plan()?.report(&Standing(state.read()?)),
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
            talk::say(format_args!("warning: progress is not kept: {error}"));
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

fn show(instance: &Instance, is_next: bool) -> Result<Report> {
    Report::shown(&Question::new(instance, is_next)?)
}

fn hint(instance: &Instance, all: bool, state: &State) -> Result<Report> {
    let hints = instance.hints()?;
    let mut progress = state.read()?;
    let record = progress.record_mut(instance.exercise.number);
    let seen = if all { hints.len() } else { (record.hints as usize + 1).min(hints.len()) };
    record.hints = seen as u64;
    state.keep(&progress);
    Report::shown(&Hints { instance, hints, seen })
}

fn check(instance: &Instance, answer: &str, state: &State) -> Result<Report> {
    let mut progress = state.read()?;
    let reader = |name: &str| {
        source::bytes(name).map_err(|error| {
            error.hint("the answer is the name of a file; `circuit2tf course start` writes those to start from")
        })
    };
    let outcome = instance.check(answer, &reader)?;
    let record = progress.record_mut(instance.exercise.number);
    record.tries += 1;
    record.solved |= outcome.right;
    state.keep(&progress);
    let status = u8::from(!outcome.right);
    Ok(Report { status, ..Report::shown(&Checked { instance, answer, outcome })? })
}

fn answer(instance: &Instance, output: Option<&str>) -> Result<Report> {
    let mut worked = Worked::new(instance)?;
    match (&worked.solution, output) {
        (Solution::Text(_), Some(path)) => {
            let found = format!("-o {path}");
            return Err(Error::new("an exercise whose answer is a file, for -o", found));
        }
        (Solution::File { name, bytes }, Some(path)) => {
            let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
            source::output(path, &[extension.expect("an answer's name ends in its format")])?;
            source::write(path, bytes)?;
            worked.written = Some(path);
        }
        (_, None) => {}
    }
    Report::shown(&worked)
}

fn next(state: &State) -> Result<Report> {
    let progress = state.read()?;
    let mut in_order = course::lessons().iter().flat_map(course::Lesson::exercises);
    match in_order.find(|exercise| !progress.record(exercise.number).solved) {
        Some(exercise) => show(&exercise.instance(None, &[])?, true),
        None => Ok(Report {
            text: b"all exercises are solved\n".to_vec(),
            json: json!({ "number": Value::Null }),
            status: 0,
        }),
    }
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
    files::make_folder(folder)?;
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
