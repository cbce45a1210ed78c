//! Engines held against each other and against the circuit, loop by loop.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::enumerate::{refute_in, stopped};
use super::{
    Assignments, Counterexample, Disagreement, Doubt, Progress, Run, Verdict, compare,
    require_same_ports,
};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::error::Result;
use crate::model::Model;
use crate::run::Engine;

/// Assignments that engines are given at once.
const BLOCK: u64 = 1024;

/// What came of holding an engine against the first one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// Where and after how many loops the outputs first differ from the first engine's.
    pub departure: Option<Disagreement>,
    /// Whether they do so after the last loop.
    pub differs_at_end: bool,
    /// Where the outputs differ from the circuit's at the end.
    pub wrong: Option<Counterexample>,
}

impl Agreement {
    /// What came of two parts of the assignments, of which `self` is the earlier.
    fn or(self, later: Agreement) -> Self {
        Agreement {
            departure: self.departure.or(later.departure),
            differs_at_end: self.differs_at_end || later.differs_at_end,
            wrong: self.wrong.or(later.wrong),
        }
    }
}

/// Runs every engine for 0, 1, …, `n_loops` loops on all assignments and compares the outputs with those of
/// the first engine, bit for bit; after the last loop also with the circuit's.
///
/// # Errors
/// The ports do not fit, an engine fails, or it was cancelled.
pub fn agree(
    model: &Model,
    circuit: &Circuit,
    engines: &[&dyn Engine],
    n_loops: usize,
    assignments: Assignments,
    progress: &dyn Progress,
) -> Result<Vec<Agreement>> {
    require_same_ports(model, circuit)?;
    let n_inputs = circuit.inputs().len();
    let total = assignments.total(n_inputs)?;
    let oracle = Oracle::new(circuit)?;
    let done = AtomicU64::new(0);
    let check = |b: u64| -> Result<Vec<Agreement>> {
        let start = b * BLOCK;
        let inputs = assignments.block(n_inputs, start, BLOCK.min(total - start) as usize);
        let expected = oracle.run(&inputs)?;
        let mut found = vec![Agreement::default(); engines.len()];
        for r in 0..=n_loops {
            if progress.is_cancelled() {
                return Err(stopped(&done, total));
            }
            let outputs: Vec<Batch> =
                engines.iter().map(|engine| engine.run(&inputs, r)).collect::<Result<_>>()?;
            for (e, found) in found.iter_mut().enumerate() {
                let pair = [(engines[0], &outputs[0]), (engines[e], &outputs[e])];
                let difference = difference(&inputs, &expected, pair, r);
                found.differs_at_end = difference.is_some();
                found.departure = found.departure.take().or(difference);
            }
            if r == n_loops {
                for (found, outputs) in found.iter_mut().zip(&outputs) {
                    found.wrong = compare(&inputs, &expected, outputs);
                }
            }
        }
        let n = inputs.n_assignments() as u64;
        progress.advance(n);
        done.fetch_add(n, Ordering::Relaxed);
        Ok(found)
    };
    let blocks = (0..total.div_ceil(BLOCK)).into_par_iter().map(check);
    let none = || vec![Agreement::default(); engines.len()];
    // Blocks are put together in order, so what is kept is the first of each kind.
    let found = blocks.try_reduce(none, |a, b| {
        Ok(a.into_iter().zip(b).map(|(earlier, later)| earlier.or(later)).collect())
    });
    found.map_err(|error| if error.is_cancelled() { stopped(&done, total) } else { error })
}

/// The first difference of two engines' outputs.
fn difference(
    inputs: &Batch,
    expected: &Batch,
    [(first, a), (second, b)]: [(&dyn Engine, &Batch); 2],
    after_loops: usize,
) -> Option<Disagreement> {
    let (assignment, output) = a.first_difference(b)?;
    Some(Disagreement {
        engines: [first, second].map(|engine| engine.name().to_string()),
        after_loops,
        input: inputs.column(assignment),
        output,
        expected: expected.get(output, assignment),
        first: a.get(output, assignment),
    })
}

/// The verdict of engines together, of which `found` is known.
///
/// Where all give the same bits in the end, what they say of the circuit counts, as far as rounding lets it. A
/// model that they do not run alike is not refuted: which of them is right is not known here.
///
/// # Errors
/// As [`agree`].
pub fn conclude(
    model: &Model,
    circuit: &Circuit,
    engines: &[&dyn Engine],
    found: &[Agreement],
    (n_loops, assignments): (usize, Assignments),
    progress: &dyn Progress,
) -> Result<Verdict> {
    let is_wrong = found.iter().any(|agreement| agreement.wrong.is_some());
    let departure = found.iter().find_map(|agreement| agreement.departure.clone());
    let differ_at_end = found.iter().any(|agreement| agreement.differs_at_end);
    // All give the same bits; an engine that is exact is fast, too.
    let exact = engines.iter().find(|engine| engine.is_exact());
    let Some(&engine) = exact.or(engines.first()) else {
        return Ok(Verdict::Unknown(Doubt::NoEngine));
    };
    if let Some(departure) = departure.filter(|_| !is_wrong || differ_at_end) {
        return Ok(Verdict::Unknown(Doubt::Engines(departure)));
    }
    let total = assignments.total(circuit.inputs().len())?;
    let (wrong, rounding) =
        refute_in(model, circuit, engine, n_loops, assignments, 0..total, progress)?;
    let names: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
    let run = Run { assignments, total, rounding, engine: names.join("+"), n_loops };
    Ok(wrong.map_or_else(|| run.verdict(), Verdict::Refuted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;
    use crate::run::Reference;

    /// The reference engine, with one output of one assignment turned over after the loops named.
    struct Slip<'m>(Reference<'m>, &'static [usize]);

    impl Engine for Slip<'_> {
        fn name(&self) -> &str {
            "slip"
        }

        fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
            let mut outputs = self.0.run(inputs, n_loops)?;
            if self.1.contains(&n_loops) {
                outputs.set(1, 5, !outputs.get(1, 5));
            }
            Ok(outputs)
        }
    }

    /// The verdict of the reference engine and a slip, in this order or the other.
    fn verdict_of(slips: &'static [usize], n_loops: usize, swap: bool) -> Verdict {
        let circuit = generate("adder:2").unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let reference = || Reference::new(&model).unwrap();
        let (right, slip) = (reference(), Slip(reference(), slips));
        let mut engines: [&dyn Engine; 2] = [&right, &slip];
        if swap {
            engines.reverse();
        }
        let (assignments, never) = (Assignments::All, std::sync::atomic::AtomicBool::new(false));
        let found = agree(&model, &circuit, &engines, n_loops, assignments, &never).unwrap();
        conclude(&model, &circuit, &engines, &found, (n_loops, assignments), &never).unwrap()
    }

    #[test]
    fn engines_that_differ_are_a_verdict_of_their_own() {
        let depth = 3;
        for swap in [false, true] {
            assert!(matches!(verdict_of(&[], depth, swap), Verdict::Verified(_)));
            // On the way, at the end, and where one of them is wrong in the end.
            for (slips, after) in [(&[1][..], 1), (&[0, 3], 0), (&[3], 3)] {
                let found = verdict_of(slips, depth, swap);
                assert_eq!(found.exit_status(), 3);
                let Verdict::Unknown(Doubt::Engines(found)) = found else { panic!("{found}") };
                assert_eq!((found.after_loops, found.output), (after, 1));
                // 5 is a = 1, b = 1, whose sum has bit 1 set, whatever the engines say.
                assert_eq!(found.input, [true, false, true, false]);
                assert!(found.expected, "{found}");
            }
            // All are wrong in the end: that counts, whatever they differed in before.
            for slips in [&[][..], &[1]] {
                let found = verdict_of(slips, depth - 1, swap);
                assert!(matches!(found, Verdict::Refuted(_)), "{found}");
            }
        }
    }
}
