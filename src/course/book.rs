//! The book: the lessons as pages of HTML with their exercises.
//!
//! A page is self-contained: its styles are in it and nothing is fetched. Lessons are the Markdown files
//! of `examples/course`, whose console sessions a test runs.

use pulldown_cmark::{Event, Options, Parser, Tag, html::push_html};

use super::{Lesson, lessons, sheet};
use crate::compile::{Options as Compilation, compile};
use crate::error::Result;
use crate::model::Model;
use crate::trace::Netlist;
use crate::{explorer, family, figure};

/// A picture of a lesson.
#[derive(Debug)]
pub struct Figure {
    /// The circuit, as a family.
    pub circuit: &'static str,
    /// What it shows of it.
    pub kind: FigureKind,
    /// What stands below.
    pub caption: &'static str,
}

/// What a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureKind {
    /// The circuit by levels, in the page.
    Levels,
    /// A page of its own, on which the model runs.
    Explorer,
}

/// A file of the book.
#[derive(Debug)]
pub struct Page {
    /// Its name in the folder of the book.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

macro_rules! lesson {
    ($number:literal, $file:literal, $title:literal, $figures:expr) => {
        Lesson {
            number: $number,
            file: $file,
            title: $title,
            text: include_str!(concat!("../../examples/course/", $file, ".md")),
            figures: &$figures,
        }
    };
}

const fn levels(circuit: &'static str, caption: &'static str) -> Figure {
    Figure { circuit, kind: FigureKind::Levels, caption }
}

const fn explorer(circuit: &'static str, caption: &'static str) -> Figure {
    Figure { circuit, kind: FigureKind::Explorer, caption }
}

pub(super) const LESSONS: &[Lesson] = &[
    lesson!(
        1,
        "01-one-layer",
        "What one layer does",
        [
            levels(
                "adder:2",
                "An adder of two 2-bit numbers, by levels. One layer does one level."
            ),
            explorer(
                "adder:2",
                "The same adder as a model: click the inputs, and move through the layers."
            ),
        ]
    ),
    lesson!(
        2,
        "02-loops",
        "Looping the layer",
        [
            levels("parity-chain:6", "The chain of XORs: a gate on each level."),
            levels("parity:8", "The tree of XORs: half as many gates on each level."),
        ]
    ),
    lesson!(
        3,
        "03-sharp-attention",
        "Attention that reads one token",
        [explorer(
            "and:4",
            "Make the attention softer, and watch where the proof fails and which gates go wrong."
        )]
    ),
    lesson!(
        4,
        "04-every-input",
        "Right on every input",
        [explorer("and:8", "The AND of 8 bits: set all inputs to 1 and stop one layer early.")]
    ),
    lesson!(
        5,
        "05-when-to-stop",
        "When to stop",
        [explorer(
            "adder:4",
            "When is each output known? Compare inputs with a long carry and with none."
        )]
    ),
    lesson!(
        6,
        "06-fewer-layers",
        "Fewer layers than levels",
        [levels("adder:4", "The ripple adder: the carry goes through all levels.")]
    ),
    lesson!(
        7,
        "07-where-depth-counts",
        "Where depth is needed",
        [levels(
            "majority:3",
            "The majority of three needs more levels than hearing three inputs would take."
        )]
    ),
    lesson!(
        8,
        "08-one-layer-bounds",
        "What one layer cannot do",
        [levels(
            "eq:4",
            "Equality: pairs of bits are compared first, then the results are joined."
        )]
    ),
    lesson!(
        9,
        "09-tokens-and-loops",
        "Tokens against loops",
        [
            levels("adder-ks:4", "The prefix adder: many gates on each level, few levels."),
            explorer(
                "parity:8",
                "A tree in loops, and the same as a chain of thought, token by token."
            ),
        ]
    ),
    lesson!(10, "10-tied-weights", "What tied weights cost", []),
    lesson!(11, "11-known-and-open", "What is and isn't known", []),
];

/// All files of the book: an index, and a page for each lesson.
///
/// # Errors
/// An exercise's statement could not be computed.
pub fn render() -> Result<Vec<Page>> {
    let mut pages = vec![Page { name: "index.html".to_string(), bytes: index().into_bytes() }];
    for lesson in lessons() {
        let html = sheet::page(lesson.title, &body(lesson, &mut pages)?);
        pages.push(Page { name: format!("{}.html", lesson.file), bytes: html.into_bytes() });
    }
    Ok(pages)
}

fn index() -> String {
    let mut markdown = String::from(
        "# A course on loops and depth\n\nEach lesson asks something, lets you predict, and then runs it. \
         The commands are those of `circuit2tf`. A word that is new is explained in lesson 1.\n\n",
    );
    for lesson in lessons() {
        let exercises = lesson.exercises();
        let numbers: Vec<String> =
            exercises.iter().map(|exercise| exercise.number.to_string()).collect();
        let (number, title, file) = (lesson.number, lesson.title, lesson.file);
        markdown +=
            &format!("{number}. [{title}]({file}.html): exercises {}\n", numbers.join(", "));
    }
    sheet::html("A course on loops and depth", &markdown)
}

/// The lesson's text, its figures and its exercises; pages of explorers are added to `pages`.
fn body(lesson: &Lesson, pages: &mut Vec<Page>) -> Result<String> {
    let mut html = String::new();
    let (before, after) = around_figures(lesson.text);
    let markdown = |text| Parser::new_ext(text, Options::ENABLE_TABLES).map(to_page);
    push_html(&mut html, markdown(before));
    for figure in lesson.figures {
        html += &drawn(lesson, figure, pages)?;
    }
    push_html(&mut html, markdown(after));
    html += "<h2>Exercises, with their default numbers</h2>\n";
    for exercise in lesson.exercises() {
        let instance = exercise.instance(None, &[])?;
        let mut text = instance.statement()?;
        text += &format!("\n\n`circuit2tf course check {} ANSWER`\n", exercise.number);
        html += &format!(
            "<details>\n<summary>Exercise {}. {}</summary>\n",
            exercise.number, exercise.title
        );
        push_html(&mut html, Parser::new_ext(&text, Options::ENABLE_TABLES));
        html += "</details>\n";
    }
    Ok(html + &neighbours(lesson))
}

/// A lesson's text before and after its figures, which stand where there is something to see: at the end
/// of the section that runs the model, before the next heading.
fn around_figures(text: &str) -> (&str, &str) {
    let runs = ["\n## Run\n", "\n## Look\n", "\n## Predict\n"];
    let start = runs.iter().find_map(|heading| Some(text.find(heading)? + heading.len()));
    let next = start.and_then(|start| Some(start + text[start..].find("\n## ")?));
    text.split_at(next.unwrap_or(text.len()))
}

/// A figure as HTML.
fn drawn(lesson: &Lesson, shown: &Figure, pages: &mut Vec<Page>) -> Result<String> {
    let (model, netlist) = subject(shown.circuit)?;
    let content = match shown.kind {
        FigureKind::Levels => figure::circuit::draw(&netlist, shown.circuit, None)?,
        FigureKind::Explorer => {
            let name = format!("{}-{}.html", lesson.file, shown.circuit.replace(':', "-"));
            let page = explorer::page(&model, &netlist, shown.circuit)?;
            pages.push(Page { name: name.clone(), bytes: page.into_bytes() });
            format!(
                "<iframe src=\"{name}\" title=\"The model of {circuit}\" loading=\"lazy\"></iframe>\n\
                 <p><a href=\"{name}\">The model of {circuit} on a page of its own</a></p>\n",
                circuit = shown.circuit
            )
        }
    };
    Ok(format!("<figure>\n{content}\n<figcaption>{}</figcaption>\n</figure>\n", shown.caption))
}

/// A circuit's model, one layer that is looped, and its network.
fn subject(spec: &str) -> Result<(Model, Netlist)> {
    let circuit = family::generate(spec)?;
    let model = compile(&circuit, "", &Compilation::default())?;
    let netlist = Netlist::of(&model, Some(&circuit))?;
    Ok((model, netlist))
}

/// Links between lessons lead to their pages.
fn to_page(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let page = dest_url.strip_suffix(".md").map(|name| format!("{name}.html").into());
            Event::Start(Tag::Link { link_type, dest_url: page.unwrap_or(dest_url), title, id })
        }
        other => other,
    }
}

fn neighbours(lesson: &Lesson) -> String {
    let link = |lesson: &Lesson, word: &str| {
        format!("<a href=\"{}.html\">{word}: {}</a>\n", lesson.file, lesson.title)
    };
    let at = lesson.number - 1;
    let before = at.checked_sub(1).map(|before| link(&lessons()[before], "Before"));
    let after = lessons().get(at + 1).map(|after| link(after, "Next"));
    let links: String =
        [before, Some("<a href=\"index.html\">All lessons</a>\n".to_string()), after]
            .into_iter()
            .flatten()
            .collect();
    format!("<nav>\n{links}</nav>\n")
}
