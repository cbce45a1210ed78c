//! Problem sheets: a student's exercises with that student's numbers, as Markdown or a page of HTML.

use super::{Instance, Lesson, exercise, lessons};
use crate::course::Solution;
use crate::error::Result;

/// A sheet to print.
#[derive(Debug)]
pub struct Sheet<'s> {
    /// Whose it is; none for a sheet that is the same for all.
    pub student: Option<&'s str>,
    /// Draws the numbers; none for the defaults. It stands on no sheet, or the sheet would tell its key.
    pub seed: Option<u64>,
    /// The exercises by number; none for all, in the order of the lessons.
    pub exercises: &'s [usize],
    /// With worked answers.
    pub answers: bool,
}

impl Sheet<'_> {
    /// The heading.
    pub fn title(&self) -> String {
        let what = if self.answers { "Key" } else { "Problem sheet" };
        self.student.map_or(what.to_string(), |student| format!("{what} for {student}"))
    }

    /// The sheet as Markdown.
    ///
    /// # Errors
    /// An exercise does not exist, or an answer could not be computed.
    pub fn markdown(&self) -> Result<String> {
        let mut text = format!("# {}\n", escaped(&self.title()));
        if !self.answers {
            text += &self.how_to_hand_in();
        }
        for number in self.numbers() {
            let instance = exercise(number)?.instance(self.seed, &[])?;
            text += &format!("\n## Exercise {number}. {}\n\n", instance.exercise.title);
            text += &format!("{}\n", instance.statement()?);
            if self.answers {
                text += &key(&instance)?;
            }
        }
        Ok(text)
    }

    fn how_to_hand_in(&self) -> String {
        let student = self.student.unwrap_or("NAME");
        let student = if student.contains([',', '"']) {
            format!("\"{}\"", student.replace('"', "\"\""))
        } else {
            student.to_string()
        };
        let first = match self.seed {
            Some(_) => {
                "To practise with other numbers first: `circuit2tf course show NUMBER --seed 1`."
            }
            None => "To try an answer first: `circuit2tf course check NUMBER ANSWER`.",
        };
        format!(
            "\nHand in a CSV file with the header `student,exercise,answer` and a line for each exercise, such \
             as `{},3,\"1 2 3\"`. {first}\n",
            student.replace('`', "'")
        )
    }

    fn numbers(&self) -> Vec<usize> {
        if !self.exercises.is_empty() {
            return self.exercises.to_vec();
        }
        let in_order = lessons().iter().flat_map(Lesson::exercises);
        in_order.map(|exercise| exercise.number).collect()
    }
}

/// A name in which nothing is markup.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| ['\\', c].into_iter().skip(usize::from(!c.is_ascii_punctuation())))
        .collect()
}

fn key(instance: &Instance) -> Result<String> {
    let mut text = format!("\n### Answer\n\n{}\n", instance.worked()?);
    match instance.task()?.solution()? {
        Solution::Text(answer) => text += &format!("\n`{answer}`\n"),
        Solution::File { name, bytes } => {
            let content = String::from_utf8_lossy(&bytes).into_owned();
            text += &format!("\n`{name}`:\n\n```text\n{}\n```\n", content.trim_end());
        }
    }
    Ok(text)
}

/// A page of its own for some Markdown: no network, light and dark, readable on a phone.
pub fn html(title: &str, markdown: &str) -> String {
    use pulldown_cmark::{Options, Parser, html::push_html};
    let mut body = String::new();
    push_html(&mut body, Parser::new_ext(markdown, Options::ENABLE_TABLES));
    page(title, &body)
}

/// A page around a body.
pub fn page(title: &str, body: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n\
         </html>\n"
    )
}

const STYLE: &str = include_str!("book.css");
