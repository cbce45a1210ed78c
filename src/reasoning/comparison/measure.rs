//! Makes a comparison: each scheme compiled from the circuit, its costs counted, its model verified.

use super::{Compared, Row, Taken, Verification};
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::compile;
use crate::error::Result;
use crate::model::{Model, Pass};
use crate::network::Network;
use crate::progress::Progress;
use crate::reasoning::cost::{Cost, Crossing};
use crate::reasoning::{Compiler, Request, SCHEMES};
use crate::run::{Halting, Rule};
use crate::verify::{Policy, Subject, decide_watched, halting_times};

/// Assignments on which the states of live cuts are counted: all of so many inputs, else as many random ones.
const MEASURED_INPUTS: usize = 12;

/// Decoders of more parameters are counted and not built.
const MAX_BUILT: u128 = 1 << 26;

/// What a comparison may spend on verifying a decoder: some seconds of multiply-adds.
const BUDGET: u128 = 1 << 34;
const MOST_SAMPLES: u128 = 100_000;

/// What is compared, and how.
#[derive(Clone)]
pub struct Plan {
    /// None are all.
    pub schemes: Vec<&'static dyn Compiler>,
    /// Of which each scheme reads what it knows.
    pub request: Request,
    /// Assignments to try where a certificate does not apply and they are not all tried; by default what takes some
    /// seconds.
    pub samples: Option<u64>,
    /// Decoders are built and verified where they are small enough, and not only counted.
    pub builds: bool,
}

/// A circuit, what it is called, and what it was taken from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// Its name in the comparison.
    pub name: &'s str,
    /// Circuits of one family are points of one curve.
    pub family: &'s str,
    /// What is compiled.
    pub circuit: &'s Circuit,
    /// Identifies it in the models.
    pub sha256: &'s str,
}

impl Plan {
    /// Compares the schemes for one circuit.
    ///
    /// # Errors
    /// The circuit is sequential, a scheme cannot be compiled as is asked, or it was cancelled.
    pub fn compare(&self, source: Source, progress: &dyn Progress) -> Result<Compared> {
        let network = compile::map(source.circuit, &self.request.options())?.network;
        let schemes = if self.schemes.is_empty() { &SCHEMES[..] } else { &self.schemes };
        let mut rows = Vec::with_capacity(schemes.len());
        for &compiler in schemes {
            let mut request = self.request.read_by(compiler);
            request.layers = request.layers.filter(|_| compiler.repeats_layers());
            rows.push(self.row(source, &network, (compiler, &request), progress)?);
        }
        Ok(Compared {
            name: source.name.to_string(),
            family: source.family.to_string(),
            n_gates: network.n_nodes() - network.n_inputs(),
            depth: network.depth(),
            crossing: Crossing::measure(&network, &assignments(network.n_inputs())?),
            rows,
        })
    }

    fn row(
        &self,
        source: Source,
        network: &Network,
        (compiler, request): (&dyn Compiler, &Request),
        progress: &dyn Progress,
    ) -> Result<Row> {
        let pass = compiler.scheme().pass();
        let cost = compiler.cost(network, request)?;
        let is_large = cost.parameters() > MAX_BUILT;
        if !pass.is_parallel() && (is_large || !self.builds) {
            let verification =
                if self.builds { Verification::TooLarge } else { Verification::NotAsked };
            return Ok(Row { cost, verification, taken: None });
        }
        let model = compiler.compile(source.circuit, source.sha256, request)?;
        let policy = policy(self.samples(&cost));
        let subject = Subject::new(&model, source.circuit)?;
        let verdict = decide_watched(&subject, &policy, progress)?.statement.verdict;
        let taken = match pass {
            Pass::Halting => taken(&model, source.circuit, &policy, progress)?,
            Pass::Looped | Pass::Thoughts | Pass::Tokens => None,
        };
        Ok(Row { cost, verification: Verification::Done(verdict), taken })
    }

    fn samples(&self, cost: &Cost) -> u64 {
        let affordable = match cost.scheme.is_parallel() {
            true => MOST_SAMPLES,
            false => (BUDGET / cost.multiply_adds.max(1)).clamp(64, MOST_SAMPLES),
        };
        self.samples.unwrap_or(affordable as u64)
    }
}

/// After how many loops the model stops; none if nothing was tried.
fn taken(
    model: &Model,
    circuit: &Circuit,
    policy: &Policy,
    progress: &dyn Progress,
) -> Result<Option<Taken>> {
    let assignments = policy.assignments(circuit.inputs().len());
    let (engine, oracle) = (Halting::new(model, Rule::Known)?, Oracle::new(circuit)?);
    let plan = (model.n_loops, assignments);
    let times = halting_times(&engine, plan, &|inputs| oracle.run(inputs), progress)?;
    let (mean, worst) = (times.mean(), times.worst());
    let n_assignments = times.n_stopped();
    let taken = |(mean, worst)| Taken { mean, worst, assignments, n_assignments };
    Ok(mean.zip(worst).map(taken))
}

/// A certificate where there is one for the scheme, else all assignments if they are no more than so many, and a
/// sample of so many if they are.
fn policy(samples: u64) -> Policy {
    let (tried, few_runs) = (samples.max(1), samples);
    Policy { searches: false, samples: Some(samples), tried, few_runs, ..Policy::default() }
}

/// All assignments if they are few, else some random ones.
fn assignments(n_inputs: usize) -> Result<Batch> {
    if n_inputs <= MEASURED_INPUTS {
        return Ok(Batch::counting(n_inputs, 0, 1 << n_inputs));
    }
    // A linear congruential generator (Knuth's MMIX constants), as good as any for counting states.
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 63 == 1
    };
    let columns: Vec<Vec<bool>> =
        (0..1 << MEASURED_INPUTS).map(|_| (0..n_inputs).map(|_| word()).collect()).collect();
    Batch::from_columns(n_inputs, &columns)
}
