//! Runs of an engine: their inputs, their time, and the memory that they take.

use std::hint::black_box;
use std::time::Instant;

use circuit2tf::Result;
use circuit2tf::batch::Batch;

/// Seconds after which no further run is made.
const ENOUGH: f64 = 1.0;
const MAX_RUNS: usize = 7;

/// `n` assignments of `n_inputs` bits that look random.
pub fn pattern(n_inputs: usize, n: usize) -> Batch {
    let mut inputs = Batch::zeros(n_inputs, n);
    let words = inputs.raw_mut().iter_mut().enumerate();
    words.for_each(|(w, word)| *word = (w as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    inputs
}

/// The least seconds of several runs.
pub fn least_seconds<T>(mut run: impl FnMut() -> Result<T>) -> Result<f64> {
    let (mut best, mut total) = (f64::INFINITY, 0.0);
    for _ in 0..MAX_RUNS {
        let start = Instant::now();
        black_box(run()?);
        let seconds = start.elapsed().as_secs_f64();
        (best, total) = (best.min(seconds), total + seconds);
        if total > ENOUGH {
            break;
        }
    }
    Ok(best)
}

/// Lets the peak of memory start anew, where the system can do that.
pub fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process has held since, in MiB, where the system tells it.
pub fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
