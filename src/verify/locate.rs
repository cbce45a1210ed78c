//! Where a wrong model leaves the circuit: the first node whose value is wrong, and since when.

use crate::circuit::{Circuit, NodeId};
use crate::claim::Claim;
use crate::error::Result;
use crate::model::{Applied, Model, Schedule};
use crate::run::Reference;

/// The first node, in topological order, whose position holds a wrong bit after the last layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    pub node: NodeId,
    pub position: usize,
    /// Layers after which the position is wrong for good: 0 if it never was right, else 1 + the last
    /// number of layers after which it was right.
    pub since_step: usize,
    pub schedule: Schedule,
}

impl Departure {
    /// The application of a layer since which the node is wrong; none for the embedding.
    pub fn since(&self) -> Option<Applied> {
        self.schedule.applied(self.since_step.checked_sub(1)?)
    }
}

/// Runs the reference engine on `input` and compares every claimed position with the oracle.
///
/// None if all claimed positions are right at the end.
///
/// # Errors
/// The model has no claim that fits the circuit, or is too large for the reference engine.
pub fn locate(
    model: &Model,
    circuit: &Circuit,
    input: &[bool],
    n_loops: usize,
) -> Result<Option<Departure>> {
    let claim = Claim::from_vectors(&model.claim, circuit)?;
    let values = circuit.evaluate_nodes(input)?;
    let engine = Reference::new(model)?;
    let claimed: Vec<_> = claim.origin.iter().take(model.n_ctx()).enumerate().collect();
    let expected = |(position, origin): &(usize, &Option<crate::circuit::Literal>)| {
        origin.map(|l| (*position, l.node, values[l.node.index()] ^ l.complemented))
    };
    let expected: Vec<_> = claimed.iter().filter_map(expected).collect();
    let mut wrong_since: Vec<Option<usize>> = vec![None; expected.len()];
    engine.trace(input, n_loops, |step| {
        for (since, &(position, _, bit)) in wrong_since.iter_mut().zip(&expected) {
            match step.bits[position] == bit {
                true => *since = None,
                false => *since = since.or(Some(step.n_steps)),
            }
        }
    })?;
    let departures =
        expected.iter().zip(&wrong_since).filter_map(|(&(position, node, _), since)| {
            let schedule = model.schedule_of(n_loops);
            since.map(|since_step| Departure { node, position, since_step, schedule })
        });
    Ok(departures.min_by_key(|departure| (departure.node, departure.position)))
}
