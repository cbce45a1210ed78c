//! `course start`: the files to start from, into a folder.

use std::fs;
use std::path::Path;

use circuit2tf::course::{self, start};
use circuit2tf::{Result, files};
use serde_json::json;

use super::super::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The lesson's number; all by default
    lesson: Option<usize>,
    /// The folder to write to
    #[arg(short, value_name = "DIR", default_value = start::FOLDER)]
    output: String,
}

/// Writes what is not there yet; a file that is there stays as it is.
pub fn main(args: &Args) -> Result<Report> {
    let lesson = args.lesson.map(course::lesson).transpose()?;
    let mut text = String::new();
    let mut files = Vec::new();
    for starter in start::starters(args.lesson) {
        files::make_folder(&args.output)?;
        let path = Path::new(&args.output).join(starter.name).to_string_lossy().into_owned();
        let (state, line) = if files::create(&path, starter.text.as_bytes())? {
            ("written", format!("wrote {path}\n"))
        } else if fs::read(&path).is_ok_and(|bytes| bytes == starter.text.as_bytes()) {
            ("there", format!("{path} is there already\n"))
        } else {
            let kept = "which is not as it was given; move it away to start anew";
            ("kept", format!("kept {path}, {kept}\n"))
        };
        text += &line;
        files.push(json!({ "file": path, "state": state }));
    }
    if files.is_empty() {
        text += "this lesson needs no files\n";
    }
    text += &format!(
        "read on: circuit2tf course lesson {}\n",
        lesson.map_or(1, |lesson| lesson.number)
    );
    let json = json!({ "folder": args.output, "files": files });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}
