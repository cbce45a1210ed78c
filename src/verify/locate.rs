//! Where a wrong model leaves the circuit: the first node whose value is wrong, and since when, or that
//! fewer layers were applied than it needs.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::read_network;
use crate::circuit::{Circuit, NodeId};
use crate::claim::Claim;
use crate::error::{Error, Result};
use crate::model::{Applied, Model, Parts, Pass, Schedule};
use crate::run::{Effort, Pace, Reference, halting_channel};

/// The first node, in topological order, whose position holds a wrong bit after the last layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The node of the circuit.
    pub node: NodeId,
    /// Its position in the sequence.
    pub position: usize,
    /// Layers after which the position is wrong for good: 0 if it never was right, else 1 + the last
    /// number of layers after which it was right.
    pub since_step: usize,
    /// What was applied.
    pub schedule: Schedule,
    /// Layers after which the position holds its value, in the network that the weights are; none where
    /// they are none.
    pub level: Option<usize>,
    /// Whether the model says that it knows the position's bit, where models say that; true elsewhere.
    pub is_known: bool,
}

impl Departure {
    /// The application of a layer since which the node is wrong; none for the embedding.
    pub fn since(&self) -> Option<Applied> {
        self.schedule.applied(self.since_step.checked_sub(1)?)
    }

    /// Whether as many layers were applied as the node needs: before, it is not done, and not yet wrong.
    pub fn is_reached(&self) -> bool {
        self.level.is_none_or(|level| level <= self.schedule.n_steps())
    }
}

/// The longest run that is looked into, by estimate.
const MAX_SECONDS: u64 = 60;

/// Runs the reference engine on `input` and compares every claimed position with the oracle.
///
/// None if all claimed positions are right at the end. A node that was reached goes before those that were
/// not.
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
    if !claim.fits(circuit, &model.input_positions) {
        return Err(Error::new("a claim about this circuit", "one about another"));
    }
    Effort::at(model, Pace::Literal, 1, n_loops).require(MAX_SECONDS, "a run layer by layer")?;
    let values = circuit.evaluate_nodes(input)?;
    let engine = Reference::new(model)?;
    let claimed: Vec<_> = claim.origin.iter().take(model.n_ctx()).enumerate().collect();
    let expected = |(position, origin): &(usize, &Option<crate::circuit::Literal>)| {
        origin.map(|l| (*position, l.node, values[l.node.index()] ^ l.complemented))
    };
    let expected: Vec<_> = claimed.iter().filter_map(expected).collect();
    let mut wrong_since: Vec<Option<usize>> = vec![None; expected.len()];
    let channel = match model.scheme.pass() {
        Pass::Halting => Some(halting_channel(model)?),
        Pass::Looped | Pass::Thoughts | Pass::Tokens => None,
    };
    let mut unknown = BTreeSet::new();
    engine.trace(input, n_loops, |step| {
        let is_unknown = |&p: &usize| channel.is_some_and(|c| step.stream[[p, c]] < 0.5);
        unknown = (0..model.n_ctx()).filter(is_unknown).collect();
        for (since, &(position, _, bit)) in wrong_since.iter_mut().zip(&expected) {
            if step.bits[position] == bit {
                *since = None
            } else {
                *since = since.or(Some(step.n_steps))
            }
        }
    })?;
    let levels = levels(model);
    let departures =
        expected.iter().zip(&wrong_since).filter_map(|(&(position, node, _), since)| {
            let (schedule, level) = (model.schedule_of(n_loops), levels.get(&position).copied());
            let is_known = !unknown.contains(&position);
            since.map(|since_step| Departure {
                node,
                position,
                since_step,
                schedule,
                level,
                is_known,
            })
        });
    // What is in no output's cone has no level, and is not what makes an output wrong.
    Ok(departures
        .min_by_key(|d| (d.level.is_none(), !d.is_reached(), !d.is_known, d.node, d.position)))
}

/// The level of every position of the network that the weights are; of none where they are none.
fn levels(model: &Model) -> BTreeMap<usize, usize> {
    // As many loops as there can be levels: that they are too few may be what is wrong.
    let parts = Parts { n_loops: model.n_ctx(), ..model.clone().into_parts() };
    let reading = Model::new(parts).and_then(|model| read_network(&model));
    let Ok(reading) = reading else { return BTreeMap::new() };
    let levels = reading.network.levels().iter().map(|&level| level as usize);
    reading.positions.iter().copied().zip(levels).collect()
}
