//! What is said on stderr beside the result, unless --quiet asks for silence.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on nothing is said, or all is.
pub fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// A line of talk.
pub fn say(line: impl Display) {
    if !is_quiet() {
        eprintln!("{line}");
    }
}

/// What a reader skipped, a writer renamed, or a command left out.
pub fn note(note: impl Display) {
    say(format_args!("note: {note}"));
}
