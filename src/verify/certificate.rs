//! The certificate: a proof from the numbers alone that a model computes a circuit.
//!
//! In: a model and a circuit. Out: the conditions that were checked, with their margins, and a verdict. No
//! input is ever run. If all conditions hold, then for every input, for the model's number of loops and
//! every larger one, and for every order of summation, the literal forward pass in the model's dtype gives
//! the circuit's outputs. If one fails the verdict is unknown and names it; a model may be right and
//! outside of what is checked here. Neither the compiler nor the claim is trusted.
//!
//! Proof. Invariant: before and after every layer, each position's static channels are those it started with,
//! and its dynamic channels are one of two vectors, state 0 or state 1 (`frame`). It holds for the embedding
//! (C8). Scores do not depend on states (C2), and every softmax row is one-hot (C4, `attention`), or leaks no
//! more than is rounded away (C5, `leak`), so a head adds what its target's state says (C3); the MLP then leaves
//! one of the two vectors, given by a truth table (C6, `mlp`). So a layer is a synchronous step of a network
//! (`wiring`), whatever the input. In this network inputs are latched and levels are finite (C10), so from
//! `level` steps on, however many, a position holds the value that its operands define; the outputs do after the
//! model's layers (C11), and that value is the circuit's (C10, `cut`). The read-out finds it (C12). All sums on
//! the way are exact in the dtype, in any order (C13, `exact`). End of proof.
//!
//! Who is covered: every runner whose accumulators are the dtype's or wider, with sums in any order and the
//! softmax taken in the dtype, in f32 or in anything wider ([`ASSUMPTIONS`]).
//!
//! The proof is about the pass of a fixed number of layers over the whole sequence. Schemes with another pass,
//! which stop by what they read or go token by token, are refused by name before anything is looked at (C0).
//!
//! Conditions are numbered as in the theory the construction comes from; C7 and C9 concern inexact states and
//! norms, which are refused.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::model::{Attention, Block, Model};
use crate::network::Network;

mod attention;
mod cut;
mod exact;
mod fold;
mod frame;
mod json;
mod leak;
mod mlp;
mod read_out;
mod receptive;
mod wiring;
mod witness;

use exact::Arithmetic;
use frame::Frame;
use read_out::ReadOut;
use wiring::{Cone, Wiring};
use witness::Witness;

pub use json::{CertificateFile, Prover};
pub use receptive::{Field, receptive_fields};

/// A condition of the proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// `C0` to `C13`.
    pub id: String,
    /// What is checked, in words.
    pub statement: String,
    /// By how much it holds, and in what unit, where that can be said.
    pub margin: Option<(f64, String)>,
    /// Where and how it fails; none if it holds.
    pub failure: Option<String>,
}

/// What was found on the way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The format of the weights.
    pub dtype: String,
    /// Which positions a position reads.
    pub attention: String,
    /// The length of the sequence.
    pub n_positions: usize,
    /// Inputs of the circuit.
    pub n_inputs: usize,
    /// Outputs of the circuit.
    pub n_outputs: usize,
    /// Heads of a layer.
    pub n_heads: usize,
    /// Layers of the core.
    pub n_layers: usize,
    /// Loops that were certified; more change nothing.
    pub n_loops: usize,
    /// Layers that differ from each other.
    pub n_distinct_layers: usize,
    /// Channels that a layer writes or a token changes.
    pub n_dynamic_channels: usize,
    /// The highest level of an output in the network that was read from the weights.
    pub depth: usize,
    /// The least lead of a target's score; none if no row has a second one.
    pub gap: Option<f64>,
    /// What the lead must exceed: see [`Dtype::softmax_threshold`](crate::model::Dtype::softmax_threshold).
    pub threshold: f64,
    /// The bound on the Hamming distance of two keys, where the distance lemma was used.
    pub distance: Option<u32>,
    /// Softmax rows whose scores were enumerated.
    pub n_enumerated: usize,
    /// Types of positions, over all distinct layers.
    pub n_types: usize,
    /// A bound on the magnitude of every intermediate result.
    pub largest: f64,
    /// How the network was compared with the circuit.
    pub comparison: String,
}

/// The conditions checked, up to the first that failed, and the facts; see the module's head.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// In the order of checking.
    pub conditions: Vec<Condition>,
    /// What was found on the way.
    pub facts: Facts,
    witness: Witness,
}

/// The ids of all conditions, in order.
pub const CONDITIONS: [&str; 12] =
    ["C0", "C1", "C2", "C3", "C4", "C5", "C6", "C8", "C10", "C11", "C12", "C13"];

/// What the proof takes for granted.
pub const ASSUMPTIONS: [&str; 4] = [
    "an operation on numbers of the dtype whose exact result is a number of the dtype returns it; sums may be \
     in any order, and accumulators the dtype's or wider",
    "the softmax subtracts the largest score of a row before it exponentiates, and is taken in the dtype, in f32 \
     or in a wider format",
    "exp(0) = 1, and in the dtype and in f32 exp(x) = 0 for x at or below minus the threshold; in a wider format \
     it is off by a few units in the last place",
    "weights in a format wider than the dtype are rounded to it, or the values are added up in f32 or wider",
];

/// A condition that does not hold, and the place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    condition: &'static str,
    place: String,
}

type Checked<T> = std::result::Result<T, Failure>;

impl Failure {
    fn new(condition: &'static str, place: impl Into<String>) -> Self {
        Failure { condition, place: place.into() }
    }

    /// The failure in a larger place.
    fn within(self, place: impl std::fmt::Display) -> Self {
        Failure { place: format!("{place}, {}", self.place), ..self }
    }
}

/// Checks every condition for a model and a circuit.
pub fn certify(model: &Model, circuit: &Circuit) -> Certificate {
    certify_or(model, circuit, &|_, _| None)
}

/// Like [`certify`]; where the claim does not lead to a proof that the network read from the weights is
/// the circuit, `equivalence` is asked, which returns how it proved that, or none.
pub fn certify_or(
    model: &Model,
    circuit: &Circuit,
    equivalence: &dyn Fn(&Network, &Circuit) -> Option<String>,
) -> Certificate {
    let mut certificate = Certificate::new(model);
    if let Err(failure) = certificate.examine(model, circuit, equivalence) {
        certificate.conditions.push(Condition {
            id: failure.condition.to_string(),
            statement: statement(failure.condition).to_string(),
            margin: None,
            failure: Some(failure.place),
        });
    }
    certificate
        .conditions
        .sort_by_key(|condition| CONDITIONS.iter().position(|&id| id == condition.id));
    certificate
}

/// A network read from the weights of a model, and the position of each of its nodes.
#[derive(Debug, Clone)]
pub struct NetworkReading {
    /// What the weights compute.
    pub network: Network,
    /// One per node.
    pub positions: Vec<usize>,
}

/// The network that the weights compute, whatever the claim says: all conditions but the comparison with
/// a circuit hold for it.
///
/// # Errors
/// A condition fails, or the layers compute different networks.
pub fn read_network(model: &Model) -> Result<NetworkReading> {
    let mut certificate = Certificate::new(model);
    let reading = certificate.read(model).and_then(|reading| reading.network());
    let (network, positions) = reading.map_err(|failure| {
        Error::new(
            "weights that can be read as a network",
            format!("{} fails: {}", failure.condition, failure.place),
        )
    })?;
    Ok(NetworkReading { network, positions })
}

/// What the weights say, before any circuit is looked at.
struct Reading<'m> {
    frame: Frame<'m>,
    /// Those of the distinct layers.
    wirings: Vec<Wiring>,
    cone: Cone,
}

impl Reading<'_> {
    /// The one network of all layers.
    fn network(&self) -> Checked<(Network, Vec<usize>)> {
        let fail = |place: String| Failure::new("C10", place);
        for &position in &self.cone.positions {
            let mut nodes = self.wirings.iter().map(|wiring| wiring.node(position as usize));
            let first = nodes.next();
            if nodes.any(|node| Some(node) != first) {
                return Err(fail(format!(
                    "layers compute different functions at position {position}"
                )));
            }
        }
        let network = wiring::to_network(&self.frame, &self.wirings[0], &self.cone);
        network.map_err(|error| fail(error.to_string()))
    }
}

impl Certificate {
    fn new(model: &Model) -> Self {
        let attention = match model.attention {
            Attention::Bidirectional => "bidirectional",
            Attention::Causal => "causal",
        };
        let facts = Facts {
            dtype: model.dtype.name().to_string(),
            attention: attention.to_string(),
            n_positions: model.n_ctx(),
            n_inputs: model.input_positions.len(),
            n_outputs: model.output_positions.len(),
            n_heads: model.n_heads(),
            n_layers: model.n_layers(),
            n_loops: model.n_loops,
            threshold: model.dtype.softmax_threshold(),
            ..Facts::default()
        };
        Certificate { conditions: Vec::new(), facts, witness: Witness::default() }
    }

    /// Whether every condition was checked and holds.
    pub fn is_proof(&self) -> bool {
        let passed = |condition: &Condition| condition.failure.is_none();
        self.conditions.iter().all(passed)
            && self.conditions.iter().map(|condition| &condition.id).eq(CONDITIONS)
    }

    fn pass(&mut self, id: &'static str, margin: Option<(f64, &str)>) {
        self.conditions.push(Condition {
            id: id.to_string(),
            statement: statement(id).to_string(),
            // JSON has no infinity.
            margin: margin
                .filter(|(number, _)| number.is_finite())
                .map(|(number, unit)| (number, unit.to_string())),
            failure: None,
        });
    }

    fn examine(
        &mut self,
        model: &Model,
        circuit: &Circuit,
        equivalence: &dyn Fn(&Network, &Circuit) -> Option<String>,
    ) -> Checked<()> {
        super::require_same_ports(model, circuit)
            .map_err(|error| Failure::new("C10", error.to_string()))?;
        let reading = self.read(model)?;
        let compared = cut::require_equal(model, circuit, &reading.wirings, &reading.cone);
        self.facts.comparison = match compared {
            Ok((n_checked, claims)) => {
                self.witness.set_claims(model, circuit, claims);
                format!("{n_checked} cuts of the claim")
            }
            Err(failure) => {
                let proved =
                    reading.network().ok().and_then(|(network, _)| equivalence(&network, circuit));
                proved.ok_or(failure)?
            }
        };
        self.pass("C10", None);
        Ok(())
    }

    /// Reads the network from the weights: every condition but C10, of which the topology is checked.
    fn read<'m>(&mut self, model: &'m Model) -> Checked<Reading<'m>> {
        model.require_fixed_steps().map_err(|error| Failure::new("C0", error.to_string()))?;
        frame::require_size(model)?;
        frame::require_finite(model)?;
        self.pass("C0", None);
        let layers = frame::distinct_layers(model)?;
        self.facts.n_distinct_layers = layers.len();
        let mut arithmetic = Arithmetic::new(model.dtype);
        let frame = Frame::new(model, &layers, &mut arithmetic)?;
        self.facts.n_dynamic_channels = frame.dynamic().len();
        self.pass("C1", None);
        self.pass("C8", None);
        self.witness = Witness::new(&frame, &layers);
        let wirings = self.read_layers(&frame, &layers, &mut arithmetic)?;
        let cone = Cone::new(&frame, &wirings)?;
        self.witness.set_levels(cone.levels.clone());
        self.check_depth(model, &cone)?;
        self.check_read_out(&frame, &mut arithmetic)?;
        self.facts.largest = arithmetic.largest();
        let spare = 1.0 / arithmetic.share_of_precision();
        self.pass("C13", spare.is_finite().then_some((spare, "limit over the largest sum")));
        Ok(Reading { frame, wirings, cone })
    }

    /// C2 to C6, each for all layers.
    fn read_layers(
        &mut self,
        frame: &Frame,
        layers: &[(usize, &Block)],
        arithmetic: &mut Arithmetic,
    ) -> Checked<Vec<Wiring>> {
        layers.iter().try_for_each(|&layer| attention::require_oblivious(frame, layer))?;
        self.pass("C2", None);
        let heads = layers.iter().map(|&layer| mlp::head_outputs(frame, layer, arithmetic));
        let heads = heads.collect::<Checked<Vec<_>>>()?;
        self.pass("C3", None);
        let find = |&layer| attention::find_targets(frame, layer, layers.len(), arithmetic);
        let targets = layers.iter().map(find);
        let targets = targets.collect::<Checked<Vec<_>>>()?;
        self.note_targets(&targets);
        self.check_leaks(frame, layers, &targets, arithmetic)?;
        let mut wirings = Vec::with_capacity(layers.len());
        for ((&layer, heads), targets) in layers.iter().zip(&heads).zip(targets) {
            let tables = mlp::find_tables(frame, layer, heads, arithmetic)?;
            self.facts.n_types += tables.n_types();
            wirings.push(Wiring::new(heads.len(), &targets, &tables));
            self.witness.add_layer(heads.len(), targets, tables);
        }
        self.pass("C6", None);
        Ok(wirings)
    }

    fn note_targets(&mut self, targets: &[attention::Targets]) {
        let gap = targets.iter().map(|targets| targets.gap).fold(f64::INFINITY, f64::min);
        self.facts.gap = gap.is_finite().then_some(gap);
        self.facts.distance = targets.iter().filter_map(|targets| targets.distance).min();
        self.facts.n_enumerated = targets.iter().map(|targets| targets.n_enumerated).sum();
        let margin = self.facts.gap.map(|gap| gap / self.facts.threshold);
        self.pass("C4", margin.map(|margin| (margin, "times the threshold")));
    }

    fn check_leaks(
        &mut self,
        frame: &Frame,
        layers: &[(usize, &Block)],
        targets: &[attention::Targets],
        arithmetic: &mut Arithmetic,
    ) -> Checked<()> {
        let mut margin = f64::INFINITY;
        for (&layer, targets) in layers.iter().zip(targets) {
            let lead = leak::require_hidden(frame, layer, targets.gap, arithmetic)?;
            if lead > 0.0 {
                margin = margin.min(targets.gap / lead);
            }
        }
        self.pass("C5", Some((margin, "times the lead that takes")));
        Ok(())
    }

    fn check_depth(&mut self, model: &Model, cone: &Cone) -> Checked<()> {
        let levels = model.output_positions.iter().map(|&position| cone.levels[position]);
        let depth = levels.max().flatten().unwrap_or(0) as usize;
        self.facts.depth = depth;
        let n_steps = model.schedule().n_steps();
        match n_steps.checked_sub(depth) {
            None => Err(Failure::new(
                "C11",
                format!("{n_steps} layers in all for outputs of level {depth}"),
            )),
            Some(spare) => {
                self.pass("C11", Some((spare as f64, "layers to spare")));
                Ok(())
            }
        }
    }

    fn check_read_out(&mut self, frame: &Frame, arithmetic: &mut Arithmetic) -> Checked<()> {
        let positions: BTreeSet<usize> = frame.model().output_positions.iter().copied().collect();
        let read_out = ReadOut::new(frame);
        let mut margin: Option<f64> = None;
        for position in positions {
            for bit in frame.bits() {
                let (read, lead) = read_out.read(frame, position, frame.state(bit), arithmetic)?;
                if read != bit {
                    let place = format!(
                        "state {} at position {position} is read as {}",
                        u8::from(bit),
                        u8::from(read)
                    );
                    return Err(Failure::new("C12", place));
                }
                margin = Some(margin.map_or(lead, |margin| margin.min(lead)));
            }
        }
        self.pass("C12", margin.map(|margin| (margin, "between the logits")));
        Ok(())
    }
}

/// What a condition says.
fn statement(id: &str) -> &'static str {
    match id {
        "C0" => "the scheme takes every input through the same layers, and every number is finite",
        "C1" => "no layer writes a static channel, and no token changes one",
        "C2" => "no query or key depends on a dynamic channel",
        "C3" => "what a head adds depends on its target's state alone, exactly",
        "C4" => "in every softmax row the target's score leads by more than the threshold",
        "C5" => "what a softmax in a wider format gives to other positions is rounded away",
        "C6" => {
            "every layer takes each type of position, whatever its state, to one of the two states, \
             given by the states of its targets, exactly"
        }
        "C8" => "every position starts in one of the two states, inputs in that of their bit",
        "C10" => {
            "inputs are latched, outputs depend on nothing in a circle, and they are the circuit's"
        }
        "C11" => "the layers are at least as many as the highest level of an output",
        "C12" => "state 1 is read as 1 and state 0 as 0, at every output",
        "C13" => "every sum of products is exact in the dtype in any order, and none overflows",
        _ => "",
    }
}
