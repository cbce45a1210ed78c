//! The README's console sessions, run as they stand.

#[path = "support/session.rs"]
mod session;

#[test]
fn the_sessions_print_what_the_page_shows() {
    let folder = tempfile::tempdir().unwrap();
    session::copy_files("circuits", folder.path());
    let readme = include_str!("../README.md");
    let sessions = session::sessions(readme);
    assert!(sessions.len() > 5, "the page has {} commands", sessions.len());
    for (command, expected) in sessions {
        assert_eq!(session::run(&command, folder.path()), expected, "{command}");
    }
}
