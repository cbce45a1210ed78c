//! `course sheet` and `course grade`: a class gets its sheets, and hands in its answers.

use std::path::Path;

use circuit2tf::course::{class, roster, sheet};
use circuit2tf::table::quoted;
use circuit2tf::{Error, Place, Result, files};
use serde_json::json;

use super::super::output::{Output, Table};
use super::super::{Report, source, talk};

#[derive(Debug, clap::Args)]
pub struct SheetArgs {
    /// A secret of yours that the numbers are drawn by; it stands on no sheet, and prints the key and grades.
    /// Without one, the exercises' own numbers
    #[arg(long, value_name = "SECRET")]
    seed: Option<String>,
    /// A CSV file with a column student: everyone gets a sheet with numbers of their own
    #[arg(long, value_name = "FILE", requires = "seed")]
    roster: Option<String>,
    /// The file to write, .md or .html; with a roster the folder [default: stdout; sheets, or keys]
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<String>,
    /// How it is written: md, or what the file's extension says
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The numbers of the exercises; all by default
    #[arg(long, value_delimiter = ',')]
    exercises: Vec<usize>,
    /// With worked answers: the key
    #[arg(long)]
    answers: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Md,
    Html,
}

#[derive(Debug, clap::Args)]
pub struct GradeArgs {
    /// The file of answers
    file: String,
    /// The secret of the sheets; without one, every answer is graded by the seed that it names
    #[arg(long, value_name = "SECRET")]
    seed: Option<String>,
    /// The roster of the sheets
    #[arg(long, value_name = "FILE", requires = "seed")]
    roster: Option<String>,
    #[command(flatten)]
    output: Output<Table>,
    /// Build and run students' programs too, with your rights
    #[arg(long)]
    run_code: bool,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Format::Md => "md",
            Format::Html => "html",
        }
    }

    fn document(self, sheet: &sheet::Sheet) -> Result<String> {
        let markdown = sheet.markdown()?;
        Ok(match self {
            Format::Md => markdown,
            Format::Html => sheet::html(&sheet.title(), &markdown),
        })
    }
}

impl SheetArgs {
    fn sheet<'a>(&'a self, student: Option<&'a str>) -> sheet::Sheet<'a> {
        let seed = self.seed.as_deref().map(|secret| roster::seed_of(secret, student));
        sheet::Sheet { student, seed, exercises: &self.exercises, answers: self.answers }
    }
}

pub fn print(args: &SheetArgs) -> Result<Report> {
    if let Some(path) = &args.roster {
        return print_for_all(args, &students(path)?);
    }
    let format = match (args.format, &args.output) {
        (Some(format), Some(path)) => {
            source::require_extension(path, format.extension()).map(|()| format)?
        }
        (None, Some(path)) => match source::output(path, &["md", "html"])? {
            Some("html") => Format::Html,
            _ => Format::Md,
        },
        (format, None) => format.unwrap_or(Format::Md),
    };
    let document = format.document(&args.sheet(None))?;
    let json = json!({ "format": format.extension(), "text": document });
    let text = match &args.output {
        Some(path) => {
            source::write(path, document.as_bytes())?;
            format!("wrote {path}\n")
        }
        None => document,
    };
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// Secrets of fewer characters are found by trying, from the numbers of one sheet.
const SHORTEST: usize = 8;

/// A file for each student, and the list of whose numbers came from which seed.
fn print_for_all(args: &SheetArgs, students: &[String]) -> Result<Report> {
    if args.seed.as_ref().is_some_and(|secret| secret.chars().count() < SHORTEST) {
        let note = format!("a secret of fewer than {SHORTEST} characters is found by trying");
        talk::note(note);
    }
    let format = args.format.unwrap_or(Format::Md);
    let kind = if args.answers { "key" } else { "sheet" };
    let folder = args.output.clone().unwrap_or(format!("{kind}s"));
    // All of them before anything is written.
    let documents = students.iter().map(|student| format.document(&args.sheet(Some(student))));
    let documents = documents.collect::<Result<Vec<_>>>()?;
    files::make_folder(&folder)?;
    let mut text = String::from("student,seed,file\n");
    let mut sheets = Vec::new();
    for ((student, stem), document) in
        students.iter().zip(roster::file_stems(students)).zip(&documents)
    {
        let name = format!("{kind}-{stem}.{}", format.extension());
        let path = Path::new(&folder).join(name).to_string_lossy().into_owned();
        source::write(&path, document.as_bytes())?;
        let seed = args.sheet(Some(student)).seed.expect("a roster requires a secret");
        text += &format!("{},{seed},{}\n", quoted(student), quoted(&path));
        sheets.push(json!({ "student": student, "seed": seed, "file": path }));
    }
    talk::note("the seeds print answers (course answer N --seed S); keep this list");
    let json = json!({ "folder": folder, "sheets": sheets });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// The text of a file, in which no name is guessed.
fn utf8(path: &str) -> Result<String> {
    String::from_utf8(source::bytes(path)?).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Error::new("text in UTF-8", "a byte that is none")
            .at(Place::Byte { file: source::name(path), offset })
            .hint("spreadsheets save as \"CSV UTF-8\"")
    })
}

fn students(path: &str) -> Result<Vec<String>> {
    roster::read(&utf8(path)?, &source::name(path))
}

pub fn grade(args: &GradeArgs) -> Result<Report> {
    let plan = args.output.plan()?;
    let roster = args.roster.as_deref().map(students).transpose()?;
    let answers = class::read(&utf8(&args.file)?, &source::name(&args.file))?;
    let folder = Path::new(&args.file).parent().unwrap_or(Path::new("")).to_path_buf();
    let reader = |name: &str| source::bytes(&folder.join(name).to_string_lossy());
    let class = class::Class { secret: args.seed.as_deref(), roster: roster.as_deref() };
    let grades = class::grade(&answers, &class, args.run_code, &reader);
    if plan.omits_lines() {
        super::super::print_notes(&grades.notes());
    }
    plan.report(&grades)
}
