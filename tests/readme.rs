//! The README's console sessions, run as they stand.

use std::path::Path;
use std::process::Command;

/// The commands of every console block with the lines shown below each.
fn sessions(text: &str) -> Vec<(String, Vec<String>)> {
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
fn run(command: &str, folder: &Path) -> Vec<String> {
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("circuit2tf"), "{command}");
    let output = Command::new(env!("CARGO_BIN_EXE_circuit2tf"))
        .args(words)
        .current_dir(folder)
        .output()
        .expect("the program starts");
    let text = [output.stderr, output.stdout].concat();
    String::from_utf8(text).expect("text").lines().map(str::to_string).collect()
}

#[test]
fn the_sessions_print_what_the_page_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("circuits")).unwrap();
    for entry in std::fs::read_dir(root.join("circuits")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let copy = folder.path().join("circuits").join(path.file_name().unwrap());
            std::fs::copy(&path, copy).unwrap();
        }
    }
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let sessions = sessions(&readme);
    assert!(sessions.len() > 5, "the page has {} commands", sessions.len());
    for (command, expected) in sessions {
        assert_eq!(run(&command, folder.path()), expected, "{command}");
    }
}
