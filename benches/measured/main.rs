//! One table of what was aimed at: every figure beside its target and beside a limit, which no engine that
//! does the row's work can pass on this machine, computed from what the machine does in the same run.
//!
//! `cargo bench --bench measured`. A word after `--` picks rows; `--all` really runs what is otherwise
//! extrapolated from a part, as the row then says. `TORCH_PYTHON` names a Python that has torch, and
//! `--features gpu` adds the gpu engine. `x limit` is how many times worse than the limit a figure is: 1
//! cannot be improved, and less is an error of the table. `MiB` is the peak of memory of the command, or of
//! this process meanwhile.
//!
//! # What the limits are
//!
//! The probes are `support/machine.rs`. "Numbers" are what the resident engine keeps of a layer's output; how
//! many operands each has and how many multiply-adds it takes is counted in the plan at hand.
//!
//! - A whole command (`commands`): the time of `circuit2tf --version`, then the bytes of its files once
//!   through a core, then the work. Processor time is of one core; in wall time all cores share files and work.
//! - Full model, many assignments: each number of each layer of each assignment is the slower of its
//!   multiply-adds at the core's peak and of its operands loaded from, and itself stored to, the first-level
//!   cache. The row of a single core notes both.
//! - Full model, one assignment: the same, but every operand is loaded through an index of its own, and the
//!   state is copied once a layer in the cache where it lies.
//! - Incremental: every number of an assignment is a bit, found once, whatever the loops: of many assignments
//!   it is stored to the first-level cache, of one its operands are loaded through indices. The engine itself
//!   looks a number up whenever an operand has changed.
//! - Two threads: twice one.
//! - `dense`: the multiply-adds of all matrix products, and for every exponential as many as a polynomial of
//!   the least degree that reaches the format's last place on half a power of two to either side, at the peak
//!   of the format; formats without arithmetic of their own count as f32. The figure is the time relative to
//!   PyTorch's; so is the limit.
//! - gpu: as full, on all cores, if the device that it names is software; otherwise none.

use circuit2tf::{Error, Result};

use crate::machine::Machine;

mod commands;
mod dense;
mod engines;
#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/runs.rs"]
mod runs;

/// The part by which a figure and the probes of its limit may err.
const NOISE: f64 = 0.05;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Wall,
    Cpu,
    NodesPerSecond,
    TimesOneThread,
    /// Time over PyTorch's.
    TimesTorch,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Wall => "s wall",
            Unit::Cpu => "s cpu",
            Unit::NodesPerSecond => "nodes/s",
            Unit::TimesOneThread => "x 1 thread",
            Unit::TimesTorch => "x torch",
        }
    }

    /// How much worse `a` is than `b`.
    fn times_worse(self, a: f64, b: f64) -> f64 {
        match self {
            Unit::Wall | Unit::Cpu | Unit::TimesTorch => a / b,
            Unit::NodesPerSecond | Unit::TimesOneThread => b / a,
        }
    }
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    what: String,
    unit: Unit,
    /// Nothing if this could not be measured here; the note says why.
    figure: Option<f64>,
    target: Option<f64>,
    limit: Option<f64>,
    /// MiB
    peak: Option<f64>,
    note: String,
}

impl Row {
    fn times_limit(&self) -> Option<f64> {
        let (figure, limit) = self.figure.zip(self.limit)?;
        Some(self.unit.times_worse(figure, limit))
    }

    fn is_met(&self) -> Option<bool> {
        let (figure, target) = self.figure.zip(self.target)?;
        Some(self.unit.times_worse(figure, target) <= 1.0)
    }
}

/// What the arguments ask for.
#[derive(Debug)]
struct Asked {
    word: Option<String>,
    all: bool,
}

impl Asked {
    fn new() -> Self {
        let mut asked = Asked { word: None, all: false };
        for argument in std::env::args().skip(1) {
            match argument.strip_prefix("--") {
                Some(flag) => asked.all |= flag == "all",
                None => asked.word = Some(argument),
            }
        }
        asked
    }

    /// Whether a row of this name is to be measured; says so.
    fn for_row(&self, what: &str) -> bool {
        let picked = self.word.as_ref().is_none_or(|word| what.contains(word));
        if picked {
            eprintln!("measuring {what}");
        }
        picked
    }
}

fn main() -> Result<()> {
    let asked = Asked::new();
    // First, while this process is small: a child's peak counts what its parent held when it was started.
    let measured = commands::measure(&asked)?;
    let machine = Machine::probe();
    println!(
        "one core: {:.2e} multiply-adds/s in f32, {:.2e} B/s loaded and {:.2e} B/s stored in its first-level \
         cache, {:.2e} loads/s through indices; circuit2tf --version {:.4} s; {} cores",
        machine.multiply_adds,
        machine.loads,
        machine.stores,
        machine.picks,
        measured.start.wall,
        n_cores()
    );
    let mut rows = engines::rows(&asked, &machine)?;
    rows.extend(dense::rows(&asked, &machine)?);
    rows.splice(0..0, measured.rows(&machine)?);
    print(&rows);
    require_limits(&rows)
}

/// A figure that is better than its limit shows that one of them is wrong.
fn require_limits(rows: &[Row]) -> Result<()> {
    match rows.iter().find(|row| row.times_limit().is_some_and(|x| x < 1.0 - NOISE)) {
        None => Ok(()),
        Some(row) => Err(Error::new("no figure beyond its limit", row.what.clone())),
    }
}

fn n_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn print(rows: &[Row]) {
    println!(
        "{:<44} {:>9} {:<10} {:>9} {:<6} {:>9} {:>7} {:>6}  note",
        "what", "figure", "", "target", "", "limit", "x limit", "MiB"
    );
    for row in rows {
        let number = |x: Option<f64>| x.map_or("-".to_string(), short);
        let met = row.is_met().map_or("", |is_met| if is_met { "met" } else { "missed" });
        println!(
            "{:<44} {:>9} {:<10} {:>9} {met:<6} {:>9} {:>7} {:>6}  {}",
            row.what,
            number(row.figure),
            row.unit.name(),
            number(row.target),
            number(row.limit),
            row.times_limit().map_or("-".to_string(), |x| format!("{x:.2}")),
            row.peak.map_or("-".to_string(), |mib| format!("{mib:.0}")),
            row.note
        );
    }
}

/// Three digits.
fn short(x: f64) -> String {
    match x {
        1000.0.. => format!("{x:.2e}"),
        100.0.. => format!("{x:.0}"),
        10.0.. => format!("{x:.1}"),
        1.0.. => format!("{x:.2}"),
        0.1.. => format!("{x:.3}"),
        _ => format!("{x:.5}"),
    }
}
