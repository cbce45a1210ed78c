//! Console sessions of Markdown pages: read, run, and compared with what the page shows.

use std::path::Path;
use std::process::Command;

/// The commands of every console block with the lines shown below each.
pub fn sessions(text: &str) -> Vec<(String, Vec<String>)> {
    let mut sessions: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            sessions.push((command.to_string(), Vec::new()));
        } else if inside {
            sessions.last_mut().expect("a block starts with a command").1.push(line.to_string());
        }
    }
    sessions
}

/// What the command prints, stderr before stdout, as a reader of the page sees it.
pub fn run(command: &str, folder: &Path) -> Vec<String> {
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("circuit2tf"), "{command}");
    let output = Command::new(env!("CARGO_BIN_EXE_circuit2tf"))
        .args(words)
        .current_dir(folder)
        // Nothing but the program is needed.
        .env("PATH", "")
        .env("CIRCUIT2TF_STATE", folder.join("course.json"))
        .output()
        .expect("the program starts");
    let text = [output.stderr, output.stdout].concat();
    String::from_utf8(text).expect("text").lines().map(str::to_string).collect()
}
