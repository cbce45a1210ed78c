//! Problem sheets: a student's exercises with that student's numbers, as Markdown or a page of HTML.

use super::{Instance, Lesson, exercise, lessons};
use crate::course::Solution;
use crate::error::Result;

/// A sheet to print.
#[derive(Debug)]
pub struct Sheet<'s> {
    /// Draws the numbers; none for the defaults.
    pub seed: Option<u64>,
    /// The exercises by number; none for all, in the order of the lessons.
    pub exercises: &'s [usize],
    /// With worked answers.
    pub answers: bool,
}

impl Sheet<'_> {
    pub fn title(&self) -> String {
        let what = if self.answers { "Key" } else { "Problem sheet" };
        self.seed.map_or(what.to_string(), |seed| format!("{what}, seed {seed}"))
    }

    /// The sheet as Markdown.
    ///
    /// # Errors
    /// An exercise does not exist, or an answer could not be computed.
    pub fn markdown(&self) -> Result<String> {
        let mut text = format!("# {}\n", self.title());
        if !self.answers {
            let seed = self.seed.map_or(String::new(), |seed| seed.to_string());
            text += &format!(
                "\nHand in a CSV file with the header `student,seed,exercise,answer` and a line for each \
                 exercise, such as `NAME,{seed},3,\"1 2 3\"`. To try an answer first: `circuit2tf course \
                 check NUMBER ANSWER{}`.\n",
                self.seed.map_or(String::new(), |seed| format!(" --seed {seed}"))
            );
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

    fn numbers(&self) -> Vec<usize> {
        if !self.exercises.is_empty() {
            return self.exercises.to_vec();
        }
        let in_order = lessons().iter().flat_map(Lesson::exercises);
        in_order.map(|exercise| exercise.number).collect()
    }
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
