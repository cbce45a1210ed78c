//! Progress: how long work reports, what it says besides its result, and how it is asked to stop.
//!
//! `()` hears nothing and never stops; a flag stops the work when it is set. Work that is stopped ends with an
//! error of the kind [`Kind::Cancelled`](crate::Kind::Cancelled), never with an answer.

use std::sync::atomic::{AtomicBool, Ordering};

/// Who watches long work. Every method may be called from any thread.
pub trait Progress: Sync {
    /// A stretch of work begins: `total` of `what`, such as assignments.
    fn begin(&self, _total: u64, _what: &str) {}

    /// `n` more of them are done.
    fn advance(&self, _n: u64) {}

    /// Something worth knowing that is no part of the result.
    fn note(&self, _text: &str) {}

    /// Whether to stop now.
    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Progress for () {}

/// Hears nothing; stops when the flag is set.
impl Progress for AtomicBool {
    fn is_cancelled(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}
