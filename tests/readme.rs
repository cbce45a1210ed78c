//! The README's console sessions, run as they stand.

use std::path::Path;

#[path = "support/session.rs"]
mod session;

#[test]
fn the_sessions_print_what_the_page_shows() {
    let folder = tempfile::tempdir().unwrap();
    copy_files("circuits", folder.path());
    let readme = include_str!("../README.md");
    let sessions = session::sessions(readme);
    assert!(sessions.len() > 5, "the page has {} commands", sessions.len());
    for (command, expected) in sessions {
        assert_eq!(session::run(&command, folder.path()), expected, "{command}");
    }
}

/// Copies the files of a folder of the repository, not those of folders in it, to the same place in `to`.
fn copy_files(folder: &str, to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::create_dir_all(to.join(folder)).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(folder).join(path.file_name().unwrap())).unwrap();
        }
    }
}
