//! What is printed: lines and tables, written as text, CSV, Markdown or LaTeX by one printer.
//!
//! In go a document's lines and the cells of its tables; out comes text. Invariant: every row has as many cells
//! as its table has columns, a cell is escaped for the form it is written in, and a table of text is at
//! most [`WIDTH`] columns wide, or says in how many parts it is shown. JSON is not written here: a result that
//! is [`Tabular`] serialises itself.

use serde::Serialize;

mod latex;
mod text;

/// The columns of a page of text.
pub const WIDTH: usize = 80;

/// A form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For a terminal, aligned.
    #[default]
    Text,
    /// RFC 4180: the tables, and no line beside them. Tables of other columns follow behind an empty line.
    Csv,
    /// GitHub's, with pipe tables.
    Markdown,
    /// A `tabular` for each table, for the packages `booktabs` and `inputenc`; lines are comments.
    Latex,
}

/// A result that can be shown as a document, and serialises itself as JSON.
pub trait Tabular: Serialize {
    /// Its lines and tables.
    fn document(&self) -> Document;
}

/// Lines and tables, in the order they are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    /// A line of every form but CSV.
    Line(String),
    /// A line of text alone; what it says stands in a table of the other forms.
    Prose(String),
    /// The line that says what was found, the last one.
    Verdict(String),
    Table(Table),
    /// A table that only text has: a look at what the other forms have whole.
    Glance(Table),
    /// A table of every form but text.
    Data(Table),
}

/// Rows of cells under the heads of their columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What all rows are about: columns of the same cell in CSV, and no part of the other forms.
    context: Vec<(String, Cell)>,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// The head of a column, and on which side its cells stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    head: String,
    is_number: bool,
}

/// A column of words, which begin at the left.
pub fn words(head: impl Into<String>) -> Column {
    Column { head: head.into(), is_number: false }
}

/// A column of numbers, which end at the right.
pub fn number(head: impl Into<String>) -> Column {
    Column { head: head.into(), is_number: true }
}

/// What stands in a row under one head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    shown: String,
    /// With all digits, for CSV, where fewer are shown to people.
    whole: Option<String>,
}

impl Cell {
    /// A number that people see rounded, as `shown`.
    pub fn rounded(number: f64, shown: impl Into<String>) -> Self {
        Cell { shown: shown.into(), whole: Some(number.to_string()) }
    }

    /// A number that people see as a power of ten with three digits.
    pub fn scientific(number: f64) -> Self {
        Cell { shown: format!("{number:.2e}"), whole: Some(format!("{number:e}")) }
    }

    fn whole(&self) -> &str {
        self.whole.as_deref().unwrap_or(&self.shown)
    }
}

macro_rules! cell_of {
    ($($type:ty),*) => {$(
        impl From<$type> for Cell {
            fn from(value: $type) -> Self {
                Cell { shown: value.to_string(), whole: None }
            }
        }
    )*};
}

cell_of!(&str, String, &String, usize, u8, u32, u64, u128);

/// Nothing is an empty cell.
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Cell::default, Into::into)
    }
}

/// A row of cells from values of several types.
#[doc(hidden)]
#[macro_export]
macro_rules! table_row {
    ($($value:expr),* $(,)?) => { [$($crate::table::Cell::from($value)),*] };
}

pub use table_row as row;

impl Table {
    /// A table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Table { context: Vec::new(), columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Says in a column of CSV what all rows are about.
    #[must_use]
    pub fn about(mut self, head: &str, cell: impl Into<Cell>) -> Self {
        self.context.push((head.to_string(), cell.into()));
        self
    }

    /// Adds a row.
    ///
    /// # Panics
    /// It has another number of cells than the table has columns: a fault of the caller.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<Cell> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns.len(), "a row has a cell for each column");
        self.rows.push(cells);
    }

    /// The table with these rows.
    ///
    /// # Panics
    /// As [`Table::push`].
    #[must_use]
    pub fn with<const N: usize>(mut self, rows: impl IntoIterator<Item = [Cell; N]>) -> Self {
        rows.into_iter().for_each(|row| self.push(row));
        self
    }

    fn heads(&self) -> Vec<String> {
        let context = self.context.iter().map(|(head, _)| head);
        context.chain(self.columns.iter().map(|column| &column.head)).cloned().collect()
    }

    fn csv_rows(&self) -> String {
        let row = |row: &Vec<Cell>| {
            let context = self.context.iter().map(|(_, cell)| cell.whole());
            csv_line(context.chain(row.iter().map(Cell::whole)))
        };
        self.rows.iter().map(row).collect()
    }

    fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let heads = self.columns.iter().map(|column| escape_markdown(&column.head)).collect();
        let rule = |column: &Column| if column.is_number { "---:|" } else { "---|" };
        let rules: String = self.columns.iter().map(rule).collect();
        let row = |row: &Vec<Cell>| line(row.iter().map(|c| escape_markdown(&c.shown)).collect());
        format!("{}|{rules}\n{}", line(heads), self.rows.iter().map(row).collect::<String>())
    }
}

fn csv_line<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let line = fields.map(quoted).collect::<Vec<_>>().join(",");
    // An empty line would be none.
    if line.is_empty() { "\"\"\n".to_string() } else { line + "\n" }
}

/// A field of a CSV file, RFC 4180.
pub fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_string()
    }
}

/// Punctuation that Markdown would read, or that would end a cell, with a backslash before it; code between
/// backticks stays as it is, but for a bar.
fn escape_markdown(cell: &str) -> String {
    let mut escaped = String::with_capacity(cell.len());
    let mut is_code = false;
    for c in cell.chars() {
        is_code ^= c == '`';
        match c {
            '|' => escaped += "\\|",
            '\\' | '*' | '_' | '<' | '[' | '~' if !is_code => escaped.extend(['\\', c]),
            '\n' => escaped += "<br>",
            c => escaped.push(c),
        }
    }
    escaped
}

impl Document {
    /// Adds a line.
    pub fn line(&mut self, line: impl Into<String>) {
        self.blocks.push(Block::Line(line.into()));
    }

    /// Adds a line that only text has; the other forms have a table that says the same.
    pub fn prose(&mut self, line: impl Into<String>) {
        self.blocks.push(Block::Prose(line.into()));
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table(table));
    }

    /// Adds a table that only text has; the other forms have one with more in it.
    pub fn glance(&mut self, table: Table) {
        self.blocks.push(Block::Glance(table));
    }

    /// Adds a table that text does not have: what it says in lines, or shows at a glance.
    pub fn data(&mut self, table: Table) {
        self.blocks.push(Block::Data(table));
    }

    /// Adds the line that says what was found.
    pub fn conclude(&mut self, line: impl Into<String>) {
        self.blocks.push(Block::Verdict(line.into()));
    }

    /// The line that says what was found, if there is one.
    pub fn verdict(&self) -> Option<&str> {
        self.blocks.iter().rev().find_map(|block| match block {
            Block::Verdict(line) => Some(line.as_str()),
            _ => None,
        })
    }

    /// The document in a form, with a line's end at its end.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Csv => self.csv(),
            Format::Markdown => self.markdown(),
            Format::Latex => self.latex(),
        }
    }

    fn text(&self) -> String {
        let block = |block: &Block| match block {
            Block::Line(line) | Block::Prose(line) | Block::Verdict(line) => format!("{line}\n"),
            Block::Table(table) | Block::Glance(table) => text::table(table),
            Block::Data(_) => String::new(),
        };
        self.blocks.iter().map(block).collect()
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Table(table) | Block::Data(table) => Some(table),
            Block::Line(_) | Block::Prose(_) | Block::Verdict(_) | Block::Glance(_) => None,
        })
    }

    fn csv(&self) -> String {
        let mut text = String::new();
        let mut tables = self.tables().peekable();
        while let Some(table) = tables.next() {
            let heads = table.heads();
            let separator = if text.is_empty() { "" } else { "\n" };
            text += separator;
            text += &csv_line(heads.iter().map(String::as_str));
            text += &table.csv_rows();
            while let Some(same) = tables.next_if(|next| next.heads() == heads) {
                text += &same.csv_rows();
            }
        }
        text
    }

    /// Paragraphs and tables with an empty line between them.
    fn markdown(&self) -> String {
        let block = |block: &Block| match block {
            Block::Line(line) | Block::Verdict(line) => {
                Some(escape_markdown(line.trim())).filter(|line| !line.is_empty())
            }
            Block::Prose(_) | Block::Glance(_) => None,
            Block::Table(table) | Block::Data(table) => Some(table.markdown()),
        };
        let blocks: Vec<String> = self.blocks.iter().filter_map(block).collect();
        let blocks = blocks.iter().map(|block| block.trim_end());
        blocks.collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn latex(&self) -> String {
        let block = |block: &Block| match block {
            Block::Line(line) | Block::Verdict(line) => latex::comment(line),
            Block::Prose(_) | Block::Glance(_) => String::new(),
            Block::Table(table) | Block::Data(table) => latex::table(table),
        };
        self.blocks.iter().map(block).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let mut document = Document::default();
        document.line("costs of two");
        document.prose("only for people");
        let costs = || Table::new([words("scheme"), number("bits_a pass")]);
        let first = [row!["a,b|c", Cell::rounded(1.0 / 3.0, "0.33")]];
        document.table(costs().about("circuit", "x\"y").with(first));
        document.data(costs().about("circuit", "z").with([row!["50 % \\ {~^} <#&$>", 2usize]]));
        document.conclude("DONE 2");
        document
    }

    #[test]
    fn each_form_has_its_own_rules() {
        let text =
            "costs of two\nonly for people\nscheme  bits_a pass\na,b|c          0.33\nDONE 2\n";
        assert_eq!(document().render(Format::Text), text);
        let csv = "circuit,scheme,bits_a pass\n\"x\"\"y\",\"a,b|c\",0.3333333333333333\n\
                   z,50 % \\ {~^} <#&$>,2\n";
        assert_eq!(document().render(Format::Csv), csv);
        let markdown = "costs of two\n\n| scheme | bits\\_a pass |\n|---|---:|\n| a,b\\|c | 0.33 |\n\n\
                        | scheme | bits\\_a pass |\n|---|---:|\n\
                        | 50 % \\\\ {\\~^} \\<#&$> | 2 |\n\nDONE 2\n";
        assert_eq!(document().render(Format::Markdown), markdown);
        assert_eq!(document().verdict(), Some("DONE 2"));
    }

    #[test]
    fn tables_of_other_columns_are_set_apart_in_csv() {
        let mut document = Document::default();
        document.table(Table::new([words("a")]).with([row!["1"]]));
        document.table(Table::new([words("b")]).with([row!["2"]]));
        assert_eq!(document.render(Format::Csv), "a\n1\n\nb\n2\n");
    }

    #[test]
    fn code_in_markdown_keeps_its_characters() {
        assert_eq!(escape_markdown("`a_b | c` d_e"), "`a_b \\| c` d\\_e");
    }

    #[test]
    #[should_panic(expected = "a cell for each column")]
    fn a_row_of_another_length_is_a_fault() {
        Table::new([words("a")]).push(row!["1", "2"]);
    }
}
