//! What a verdict by running rests on where sums round.
//!
//! Where no sum rounds, in any order, every honest runner gets the engine's bits, and the verdict is exact: the
//! engine says so itself, or the resident engine's premises do. An engine may know of a run that all have its logits,
//! exact or not ([`Alike`]). Elsewhere a [`Judge`] asks the [`Enclosure`], which holds what every honest runner computes,
//! of each assignment. A difference counts only
//! if every runner that a certificate covers has it; a bit that rounding could decide makes the verdict unknown.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use rayon::prelude::*;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::verdict::as_bits;
use super::{Counterexample, bit_string, compare};
use crate::batch::{Batch, parse_bits};
use crate::error::{Error, Result};
use crate::model::{Model, Pass};
use crate::progress::Progress;
use crate::run::{Alike, Decision, Enclosure, Engine, Resident, Softmax};

/// How far bits that were run depend on who runs the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// No sum rounds, in any order.
    Exact,
    /// Sums round, and every logit leads by more than that changes.
    Bounded {
        /// The lead of the closest call.
        lead: f64,
        /// How much of it rounding can take.
        bound: f64,
    },
    /// Rounding could decide a bit, of the first such input.
    Undecided(Undecided),
    /// Sums may round, and by how much was not looked at.
    Unbounded,
}

/// A bit that honest runners may not agree about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undecided {
    /// One bit per input.
    #[serde(serialize_with = "as_bits", deserialize_with = "of_bits")]
    pub input: Vec<bool>,
    /// The output's number.
    pub output: usize,
    /// By how much the logit leads, and how much of it rounding can take; none where a number may not be finite,
    /// or where the scheme has no enclosure.
    pub margin: Option<(f64, f64)>,
}

fn of_bits<'d, D: Deserializer<'d>>(deserializer: D) -> std::result::Result<Vec<bool>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_bits(&text).map_err(D::Error::custom)
}

impl Rounding {
    /// Whether every honest runner gets the bits that were found.
    pub fn is_settled(&self) -> bool {
        matches!(self, Rounding::Exact | Rounding::Bounded { .. })
    }

    /// Of two parts of the assignments together, `self` the earlier.
    pub fn join(self, later: Rounding) -> Self {
        use Rounding::{Bounded, Exact, Unbounded, Undecided};
        match (self, later) {
            (first @ Undecided(_), _) | (_, first @ Undecided(_)) => first,
            (Unbounded, _) | (_, Unbounded) => Unbounded,
            (Exact, other) | (other, Exact) => other,
            (Bounded { lead, bound }, Bounded { lead: other, bound: of_other }) => {
                let (lead, bound) = closer((lead, bound), (other, of_other));
                Bounded { lead, bound }
            }
        }
    }
}

/// The call of which rounding can take more of what is left.
fn closer(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    if b.0 - b.1 < a.0 - a.1 { b } else { a }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rounding::Exact => f.write_str("exact"),
            Rounding::Unbounded => f.write_str("sums-may-round"),
            Rounding::Bounded { lead, bound } => {
                write!(
                    f,
                    "lead>={} rounding<={}",
                    digits(*lead, f64::floor),
                    digits(*bound, f64::ceil)
                )
            }
            Rounding::Undecided(Undecided { input, output, margin }) => {
                let input = bit_string(input);
                write!(f, "rounding could decide output {output} on input={input}")?;
                match margin {
                    None => f.write_str(" (its numbers are not enclosed)"),
                    Some((lead, bound)) => {
                        let (lead, bound) = (digits(*lead, f64::floor), digits(*bound, f64::ceil));
                        write!(f, " (logits lead by {lead}, rounding bound {bound})")
                    }
                }
            }
        }
    }
}

/// Three digits, the last one rounded by `to_side`.
fn digits(x: f64, to_side: fn(f64) -> f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    let exponent = x.abs().log10().floor() as i32;
    let unit = 10f64.powi(exponent - 2);
    // Twelve digits first: what is off by the rounding of f64 is meant to be the number.
    let steps = (x / unit * 1e9).round() / 1e9;
    let rounded: f64 = format!("{}e{}", to_side(steps), exponent - 2).parse().unwrap_or(x);
    if (-4..6).contains(&exponent) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// How it is found out whether bits are those of every honest runner.
enum Means<'m> {
    /// Nothing rounds.
    Exact,
    /// Prepared once it is asked.
    Enclosed(&'m Model, Box<OnceLock<Enclosure<'m>>>),
    /// There is no enclosure for the scheme.
    None,
}

fn enclosure<'e, 'm>(
    model: &'m Model,
    prepared: &'e OnceLock<Enclosure<'m>>,
) -> Result<&'e Enclosure<'m>> {
    match prepared.get() {
        Some(enclosure) => Ok(enclosure),
        None => {
            let enclosure = Enclosure::new(model)?;
            Ok(prepared.get_or_init(|| enclosure))
        }
    }
}

/// Whether no sum rounds, by what the engine knows or by the resident engine's premises.
fn is_exact(engine: &dyn Engine) -> bool {
    engine.is_exact() || Resident::new(engine.model()).is_ok_and(|engine| engine.is_exact())
}

/// Says of bits that an engine found whether every honest runner finds them.
pub(super) struct Judge<'m> {
    means: Means<'m>,
    engine: String,
    n_loops: usize,
    /// Whether assignments without a difference are looked at.
    looks_at_all: bool,
    is_exact: AtomicBool,
    /// Whether, by the engine, all honest runners have the logits of every run.
    is_alike: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    closest: Option<(f64, f64)>,
    /// By number the first assignment with a bit that rounding could decide.
    undecided: Option<(u64, Undecided)>,
}

/// Inputs, the circuit's outputs, and an engine's.
#[derive(Clone, Copy)]
pub(super) struct Outcome<'b> {
    pub inputs: &'b Batch,
    pub expected: &'b Batch,
    pub got: &'b Batch,
    /// What the engine knows of others.
    pub alike: Option<Alike>,
}

impl<'m> Judge<'m> {
    /// `looks_at_all` is for a verdict on all assignments; of a sample only differences are looked at.
    pub fn new(runner: &'m dyn Engine, n_loops: usize, looks_at_all: bool) -> Self {
        let model = runner.model();
        let means = match model.scheme.pass() {
            _ if is_exact(runner) => Means::Exact,
            Pass::Halting => Means::None,
            Pass::Looped | Pass::Thoughts | Pass::Tokens => {
                Means::Enclosed(model, Box::new(OnceLock::new()))
            }
        };
        let [is_exact, is_alike] = [(); 2].map(|()| AtomicBool::new(true));
        let (engine, seen) = (runner.name().to_string(), Mutex::new(Seen::default()));
        Judge { means, engine, n_loops, looks_at_all, is_exact, is_alike, seen }
    }

    /// The first difference that every runner has, of assignments of which the first has the number `start`.
    ///
    /// # Errors
    /// It was cancelled, the decoder refuses the model, or the engine finds a bit that no honest runner finds.
    pub fn settle(
        &self,
        start: u64,
        outcome: Outcome,
        progress: &dyn Progress,
    ) -> Result<Option<Counterexample>> {
        let Outcome { inputs, expected, got, alike } = outcome;
        match &self.means {
            Means::Exact => Ok(compare(inputs, expected, got)),
            Means::None => {
                if let Some((a, output)) = expected.first_difference(got) {
                    self.doubt(start + a as u64, &inputs.column(a), output, None);
                }
                Ok(None)
            }
            Means::Enclosed(model, prepared) => {
                self.note_alike(alike);
                if alike.is_some() && expected.first_difference(got).is_none() {
                    return Ok(None);
                }
                let enclosure = enclosure(model, prepared)?;
                let look = |a: usize| {
                    if progress.is_cancelled() {
                        Err(Error::cancelled(0, 0, "assignments were compared"))
                    } else {
                        self.look(enclosure, start, a, outcome)
                    }
                };
                let assignments = (0..inputs.n_assignments()).into_par_iter();
                assignments.find_map_first(|a| look(a).transpose()).transpose()
            }
        }
    }

    fn look(
        &self,
        enclosure: &Enclosure,
        start: u64,
        a: usize,
        Outcome { inputs, expected, got, alike }: Outcome,
    ) -> Result<Option<Counterexample>> {
        let number = start + a as u64;
        let differs = (0..got.n_signals()).any(|o| expected.get(o, a) != got.get(o, a));
        if !differs && (alike.is_some() || !self.must_look_at(number)) {
            return Ok(None);
        }
        let input = inputs.column(a);
        let found = enclosure.run(&input, self.n_loops, Softmax::Wide)?;
        self.is_exact.fetch_and(found.is_exact, Ordering::Relaxed);
        let is_wrong = |o: usize, d: &Decision| d.bit == Some(!expected.get(o, a));
        if found.outputs.iter().enumerate().any(|(o, d)| is_wrong(o, d)) {
            // A certificate covers runners that take softmax in the dtype, too. Equal scores share the weight alike here,
            // as in f32: that a sum of more than 2^p of them stalls in the dtype is not looked at.
            let all = enclosure.run(&input, self.n_loops, Softmax::Either)?.outputs;
            if let Some(output) = (0..all.len()).find(|&o| is_wrong(o, &all[o])) {
                let expected = expected.get(output, a);
                return Ok(Some(Counterexample { input, output, expected }));
            }
            let output = found.outputs.iter().enumerate().position(|(o, d)| is_wrong(o, d));
            let output = output.unwrap_or_default();
            self.doubt(number, &input, output, Some(all[output]));
            return Ok(None);
        }
        for (output, &decision) in found.outputs.iter().enumerate() {
            match decision.bit {
                None => {
                    self.doubt(number, &input, output, Some(decision));
                    return Ok(None);
                }
                Some(bit) if bit != got.get(output, a) => return self.fault(&input, output),
                Some(_) => self.note(decision),
            }
        }
        Ok(None)
    }

    /// After a doubt no later assignment can settle anything but a difference.
    fn must_look_at(&self, number: u64) -> bool {
        let seen = self.seen.lock().expect("no thread panics with the lock");
        let is_later = |(first, _): &(u64, Undecided)| *first < number;
        self.looks_at_all && !seen.undecided.as_ref().is_some_and(is_later)
    }

    fn doubt(&self, number: u64, input: &[bool], output: usize, decision: Option<Decision>) {
        let margin = decision.map(|decision| (decision.lead, decision.bound));
        let margin = margin.filter(|(lead, bound)| lead.is_finite() && bound.is_finite());
        let mut seen = self.seen.lock().expect("no thread panics with the lock");
        if seen.undecided.as_ref().is_none_or(|(first, _)| number < *first) {
            seen.undecided = Some((number, Undecided { input: input.to_vec(), output, margin }));
        }
    }

    fn note_alike(&self, alike: Option<Alike>) {
        self.is_alike.fetch_and(alike.is_some(), Ordering::Relaxed);
        if let Some(Alike { is_exact, lead }) = alike {
            self.is_exact.fetch_and(is_exact, Ordering::Relaxed);
            self.note(Decision { bit: None, lead, bound: 0.0 });
        }
    }

    fn note(&self, Decision { lead, bound, .. }: Decision) {
        let mut seen = self.seen.lock().expect("no thread panics with the lock");
        seen.closest = Some(seen.closest.map_or((lead, bound), |old| closer(old, (lead, bound))));
    }

    fn fault(&self, input: &[bool], output: usize) -> Result<Option<Counterexample>> {
        let found = format!("another bit of output {output} on input={}", bit_string(input));
        Err(Error::new(format!("bits of {} that some honest runner finds", self.engine), found)
            .hint("the engine or the enclosure of its numbers is at fault, please report it"))
    }

    /// What was settled, of all that was looked at.
    pub fn rounding(self) -> Rounding {
        let seen = self.seen.into_inner().expect("no thread panics with the lock");
        let is_alike = self.is_alike.into_inner();
        match (self.means, seen) {
            (Means::Exact, _) => Rounding::Exact,
            (_, Seen { undecided: Some((_, undecided)), .. }) => Rounding::Undecided(undecided),
            (Means::Enclosed(..), seen) if self.looks_at_all || is_alike => match seen.closest {
                Some((lead, bound)) if !self.is_exact.into_inner() => {
                    Rounding::Bounded { lead, bound }
                }
                _ => Rounding::Exact,
            },
            _ => Rounding::Unbounded,
        }
    }
}

/// The difference of outputs, of a model that is run on few assignments, from those expected; none if rounding could
/// decide it.
///
/// # Errors
/// The engine fails, or finds a bit that no honest runner finds.
pub(super) fn settle_one(
    engine: &dyn Engine,
    n_loops: usize,
    inputs: &Batch,
    expected: &Batch,
) -> Result<Option<Counterexample>> {
    let got = engine.run(inputs, n_loops)?;
    let outcome = Outcome { inputs, expected, got: &got, alike: None };
    Judge::new(engine, n_loops, false).settle(0, outcome, &())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_err_to_the_side_asked_for() {
        let both = |x: f64| [digits(x, f64::floor), digits(x, f64::ceil)];
        assert_eq!(both(0.5), ["0.5", "0.5"]);
        assert_eq!(both(0.001), ["0.001", "0.001"]);
        assert_eq!(both(1.23456), ["1.23", "1.24"]);
        assert_eq!(both(3.0000001e-7), ["3e-7", "3.01e-7"]);
        assert_eq!(both(0.0), ["0", "0"]);
        assert_eq!(both(1e300), ["1e300", "1e300"]);
        assert_eq!(both(f64::INFINITY), ["inf", "inf"]);
    }

    #[test]
    fn of_parts_the_least_that_is_known_counts() {
        let undecided =
            |output| Rounding::Undecided(Undecided { input: vec![false], output, margin: None });
        let bounded = |lead| Rounding::Bounded { lead, bound: 0.5 };
        let cases = [
            (Rounding::Exact, Rounding::Exact, Rounding::Exact),
            (Rounding::Exact, bounded(2.0), bounded(2.0)),
            (bounded(2.0), bounded(1.0), bounded(1.0)),
            (bounded(1.0), Rounding::Unbounded, Rounding::Unbounded),
            (Rounding::Unbounded, undecided(3), undecided(3)),
            (undecided(1), undecided(0), undecided(1)),
        ];
        for (a, b, expected) in cases {
            assert_eq!(a.join(b), expected);
        }
    }
}
