//! The files that lessons and exercises start from: they are in the program, which writes them to a folder.

/// The folder that the lessons name.
pub const FOLDER: &str = "course";

/// A file to start from.
#[derive(Debug)]
pub struct Starter {
    /// The lesson that uses it.
    pub lesson: usize,
    /// Its name in the folder.
    pub name: &'static str,
    /// What is in it.
    pub text: &'static str,
}

const STARTERS: [Starter; 3] = [
    Starter {
        lesson: 1,
        name: "full-adder.bench",
        text: include_str!("../../examples/course/full-adder.bench"),
    },
    Starter {
        lesson: 6,
        name: "parity.json",
        text: include_str!("../../examples/course/exercises/parity.json"),
    },
    Starter {
        lesson: 9,
        name: "schedule.rs",
        text: include_str!("../../examples/course/exercises/schedule.rs"),
    },
];

/// The files of a lesson, or of all; a lesson may have none.
pub fn starters(lesson: Option<usize>) -> impl Iterator<Item = &'static Starter> {
    STARTERS.iter().filter(move |starter| lesson.is_none_or(|lesson| lesson == starter.lesson))
}
