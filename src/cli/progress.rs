//! Progress on stderr when it is a terminal, and a clean stop on Ctrl-C.

use std::process::exit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use circuit2tf::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use super::talk;

static CANCELLED: AtomicBool = AtomicBool::new(false);

/// How much of the work under way is done, and of how much.
static DONE: AtomicU64 = AtomicU64::new(0);
static TOTAL: AtomicU64 = AtomicU64::new(0);

/// A progress bar; indicatif hides it where stderr is no terminal.
#[derive(Default)]
pub struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    /// A bar for `total` of `what`. While it is there Ctrl-C asks the work to stop.
    pub fn counting(total: u64, what: &str) -> Self {
        let bar = Bar::default();
        bar.begin(total, what);
        bar
    }

    fn with(&self, f: impl FnOnce(&mut Option<ProgressBar>)) {
        f(&mut self.0.lock().expect("no thread panics with the lock"));
    }
}

/// How long work may take to notice that it shall stop: one run of a large model can take longer.
const GRACE: Duration = Duration::from_secs(1);

/// From now on Ctrl-C ends the program with a status that is no verdict's.
pub fn catch_interrupts() {
    // Where there can be no handler, the system's does.
    let _ = ctrlc::set_handler(stop);
}

/// Asks the work to stop, and ends the program if it does not or does not listen: no file is ever open for long.
fn stop() {
    CANCELLED.store(true, Ordering::Relaxed);
    if TOTAL.load(Ordering::Relaxed) > 0 {
        sleep(GRACE);
    }
    let [done, total] = [&DONE, &TOTAL].map(|count| count.load(Ordering::Relaxed));
    match total {
        0 => eprintln!("error: stopped"),
        _ => eprintln!("error: stopped: {done} of {total} were done"),
    }
    exit(i32::from(super::INTERRUPTED))
}

impl Progress for Bar {
    fn begin(&self, total: u64, what: &str) {
        DONE.store(0, Ordering::Relaxed);
        TOTAL.store(total, Ordering::Relaxed);
        let template = format!("{{bar:30}} {{human_pos}}/{{human_len}} {what}, {{eta}}");
        let style = ProgressStyle::with_template(&template);
        let next = if talk::is_quiet() { ProgressBar::hidden() } else { ProgressBar::new(total) };
        let next = next.with_style(style.expect("the template is well-formed"));
        self.with(|bar| bar.replace(next).iter().for_each(ProgressBar::finish_and_clear));
    }

    fn advance(&self, n: u64) {
        DONE.fetch_add(n, Ordering::Relaxed);
        self.with(|bar| bar.iter().for_each(|bar| bar.inc(n)));
    }

    fn note(&self, text: &str) {
        self.with(|bar| match bar {
            Some(bar) => bar.suspend(|| talk::note(text)),
            None => talk::note(text),
        });
    }

    fn is_cancelled(&self) -> bool {
        CANCELLED.load(Ordering::Relaxed)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.with(|bar| bar.iter().for_each(ProgressBar::finish_and_clear));
        TOTAL.store(0, Ordering::Relaxed);
    }
}
