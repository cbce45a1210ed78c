//! `-o` and `--format`: where a result goes, and in which form.

use circuit2tf::table::{self, Tabular};
use circuit2tf::{Error, Result};
use clap::ValueEnum;

use super::{Report, json_text, source};

/// A form that a command's result can have; the first is the usual one.
pub trait Form: ValueEnum + Copy + Send + Sync + 'static {
    /// What it is.
    fn kind(self) -> Kind;
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Document(table::Format),
    Json,
    Svg,
    Bibtex,
}

/// The forms of a table.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Table {
    /// Aligned for a terminal, at most 80 columns wide or in parts
    Text,
    /// What --json prints
    Json,
    /// The tables with all digits (RFC 4180)
    Csv,
    /// Pipe tables
    Markdown,
    /// A tabular for each table, with the rules of booktabs
    Latex,
}

/// The forms of a table that is also drawn.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Figure {
    /// Aligned for a terminal, at most 80 columns wide or in parts
    Text,
    /// What --json prints
    Json,
    /// The tables with all digits (RFC 4180)
    Csv,
    /// Pipe tables
    Markdown,
    /// A tabular for each table, with the rules of booktabs
    Latex,
    /// A figure
    Svg,
}

impl Form for Table {
    fn kind(self) -> Kind {
        match self {
            Table::Text => Kind::Document(table::Format::Text),
            Table::Json => Kind::Json,
            Table::Csv => Kind::Document(table::Format::Csv),
            Table::Markdown => Kind::Document(table::Format::Markdown),
            Table::Latex => Kind::Document(table::Format::Latex),
        }
    }
}

impl Form for Figure {
    fn kind(self) -> Kind {
        match self {
            Figure::Text => Table::Text.kind(),
            Figure::Json => Table::Json.kind(),
            Figure::Csv => Table::Csv.kind(),
            Figure::Markdown => Table::Markdown.kind(),
            Figure::Latex => Table::Latex.kind(),
            Figure::Svg => Kind::Svg,
        }
    }
}

impl Kind {
    fn extension(self) -> &'static str {
        match self {
            Kind::Document(table::Format::Text) => "txt",
            Kind::Document(table::Format::Csv) => "csv",
            Kind::Document(table::Format::Markdown) => "md",
            Kind::Document(table::Format::Latex) => "tex",
            Kind::Json => "json",
            Kind::Svg => "svg",
            Kind::Bibtex => "bib",
        }
    }
}

// Flattened into the arguments of a command.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Output<F: Form> {
    /// Write what would be printed to a file, whose extension says the format; may be given again
    #[arg(short, long, value_name = "FILE")]
    output: Vec<String>,
    /// The form of what is printed, or of the file: the first by default, or what the file's extension says
    #[arg(long, value_enum, value_name = "F")]
    format: Option<F>,
}

impl<F: Form> Default for Output<F> {
    fn default() -> Self {
        Output { output: Vec::new(), format: None }
    }
}

/// What goes where.
pub struct Plan {
    files: Vec<(String, Kind)>,
    printed: Kind,
}

impl<F: Form> Output<F> {
    /// Looks at the names of the files before the work.
    ///
    /// # Errors
    /// A name that cannot be written, or whose extension says another form.
    pub fn plan(&self) -> Result<Plan> {
        let flag = self.format.map(Form::kind);
        let file = |path: &String| Ok((path.clone(), kind_of::<F>(path, flag)?));
        let files = self.output.iter().map(file).collect::<Result<_>>()?;
        Ok(Plan { files, printed: flag.unwrap_or(F::value_variants()[0].kind()) })
    }
}

fn kind_of<F: Form>(path: &str, flag: Option<Kind>) -> Result<Kind> {
    if let Some(kind) = flag {
        return source::require_extension(path, kind.extension()).map(|()| kind);
    }
    let kinds: Vec<Kind> = F::value_variants().iter().map(|form| form.kind()).collect();
    let extensions: Vec<&str> = kinds.iter().map(|kind| kind.extension()).collect();
    let extension = source::output(path, &extensions)?;
    let kind = kinds.iter().copied().find(|kind| Some(kind.extension()) == extension);
    Ok(kind.unwrap_or(kinds[0]))
}

impl Plan {
    /// Whether something is printed or written that has no lines beside its tables.
    pub fn omits_lines(&self) -> bool {
        let csv = Kind::Document(table::Format::Csv);
        self.files.iter().map(|(_, kind)| *kind).chain([self.printed]).any(|kind| kind == csv)
    }

    /// Writes and prints a result that is not drawn.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn report(self, found: &impl Tabular) -> Result<Report> {
        self.draw(found, &|_| Err(Error::message("this result is not drawn")))
    }

    /// Writes and prints a result, the forms that are no document by `other`.
    ///
    /// # Errors
    /// A file cannot be written, or there is nothing to draw.
    pub fn draw(
        self,
        found: &impl Tabular,
        other: &dyn Fn(Kind) -> Result<String>,
    ) -> Result<Report> {
        let document = found.document();
        let json = serde_json::to_value(found).expect("results are maps with strings as keys");
        let text = |kind: Kind| match kind {
            Kind::Document(format) => Ok(document.render(format)),
            Kind::Json => Ok(json_text(&json)),
            Kind::Svg | Kind::Bibtex => other(kind),
        };
        if self.files.is_empty() {
            let text = text(self.printed)?;
            return Ok(Report { text: text.into_bytes(), json, status: 0 });
        }
        // All of them before anything is written, since drawing can fail.
        let texts = self.files.iter().map(|(_, kind)| text(*kind)).collect::<Result<Vec<_>>>()?;
        let mut said = String::new();
        for ((path, _), text) in self.files.iter().zip(&texts) {
            source::write(path, text.as_bytes())?;
            said += &format!("wrote {path}\n");
        }
        said += &document.verdict().map_or(String::new(), |verdict| format!("{verdict}\n"));
        Ok(Report { text: said.into_bytes(), json, status: 0 })
    }
}
