//! Checks a kept certificate: that a model's weights compute a circuit, for all inputs, any number of further loops
//! and any order of summation.
//!
//! In: the bytes of a model file, of a certificate file, and the circuit. The certificate carries a witness of what
//! was found in the weights, and everything that is said there is multiplied out here. It calls nothing of
//! what found it: this crate depends on nothing of the project and has readers of its own. Those could have been shared, with a
//! vocabulary of models and circuits in a third crate; but then a slip in them would be on both sides. What looks like the program's
//! (`json`, sums in `layer`) stands twice, since nothing may be called from there.
//!
//! Proof. Static channels are written by nobody, and the others are in one of two states at every position
//! (`frame`); queries and keys read static channels, and every softmax row is one-hot at the witness' target
//! (`attention`); so a layer takes each position to the state that its type's table gives for those of its
//! targets (`layer`): a synchronous step of a network, whatever the input. Inputs are latched, levels are
//! finite, and there are as many steps as the outputs' highest level (`wiring`); the network is the circuit
//! (`compare`), and the read-out tells the states apart. Every sum on the way is exact (`sum`).
//!
//! What is trusted: this crate, its JSON and SHA-256, and that the circuit in the certificate is the one that is
//! meant. [`check`] holds it against one that the caller passes, or against a circuit file in the format BENCH, which it reads
//! itself; without either it is a statement about the circuit in the certificate.

mod attention;
mod bench;
pub mod circuit;
mod compare;
mod frame;
mod json;
mod layer;
mod model;
mod sum;
mod wiring;

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use attention::Scores;
use circuit::Circuit;
use frame::Frame;
use json::Entry;
use model::Model;
use sum::{Arithmetic, Number, Sum};
use wiring::{Node, Wiring};

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The entry of the certificate, or the part of the model.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

type Checked<T> = Result<T, Refusal>;

impl Refusal {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Refusal { place: place.into(), reason: reason.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.reason)
    }
}

impl std::error::Error for Refusal {}

/// What the certificate must be about. What is none is taken from the certificate.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Of the circuit's source, in hexadecimal.
    pub circuit_sha256: Option<String>,
    /// `name` or `position`.
    pub pairing: Option<String>,
    /// The circuit as a certificate has it.
    pub circuit: Option<Value>,
    /// A circuit file in the format BENCH, which is read here.
    pub bench: Option<Vec<u8>>,
}

/// What was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Inputs of the circuit.
    pub n_inputs: usize,
    /// The length of the sequence.
    pub n_positions: usize,
    /// The loops that are certified; more change nothing.
    pub n_loops: usize,
    /// Layers that differ from all before them.
    pub n_kinds: usize,
    /// Channels that change.
    pub n_dynamic: usize,
    /// Types of positions, over all distinct layers.
    pub n_types: usize,
    /// The highest level of an output.
    pub depth: usize,
    /// The least lead of a score; none if no row has a second one.
    pub gap: Option<f64>,
    /// What it must exceed.
    pub threshold: f64,
    /// The least Hamming distance of keys that the code lemma was used with.
    pub distance: Option<u32>,
    /// Softmax rows that were multiplied out.
    pub n_enumerated: usize,
    /// A bound on all partial sums.
    pub largest: f64,
    /// Comparisons with the circuit; none if the witness claims nothing, and the circuit is not compared.
    pub n_compared: Option<usize>,
}

/// The version of the certificate file that is read.
pub const VERSION: &str = "3";

/// Checks a certificate file against a model file.
///
/// # Errors
/// The first entry that is wrong, or the part of the model that it does not hold for.
pub fn check(certificate: &[u8], model: &[u8], subject: &Subject) -> Result<Report, Refusal> {
    let document = json::parse(certificate)?;
    if let Some(version) = document.get("version").filter(|&version| version != VERSION) {
        return Err(Refusal::new("version", format!("is {version}, not {VERSION:?}")));
    }
    let [format, _, program, model_sha256, circuit_sha256, pairing, loops, circuit, witness] =
        Entry::root(&document).object([
            "format",
            "version",
            "program",
            "model_sha256",
            "circuit_sha256",
            "pairing",
            "loops",
            "circuit",
            "witness",
        ])?;
    format.require("circuit2tf certificate")?;
    program.text()?;
    model_sha256.require(&sha256(model))?;
    circuit_sha256.require(subject.circuit_sha256.as_deref().unwrap_or(circuit_sha256.text()?))?;
    pairing.require(subject.pairing.as_deref().unwrap_or(pairing.text()?))?;
    if let Some(right) = &subject.circuit {
        circuit.require_equal(right)?;
    }
    if let Some(file) = &subject.bench {
        circuit_sha256.require(&sha256(file))?;
        bench::require_same(&circuit, file)?;
    }
    let circuit = Circuit::read(&circuit)?;
    let mut model = Model::read(model)?;
    pair(&mut model, &circuit, &pairing)?;
    let n_loops = loops.count(u64::MAX)?;
    multiply_out(&model, &circuit, (&loops, n_loops), &witness)
}

/// A hash in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Brings the model's ports into the order of the circuit's.
fn pair(model: &mut Model, circuit: &Circuit, pairing: &Entry) -> Checked<()> {
    let sizes = (circuit.inputs.len(), circuit.outputs.len());
    if (model.inputs.len(), model.outputs.len()) != sizes {
        return Err(Refusal::new("circuit", "has not as many inputs and outputs as the model"));
    }
    let order = |names: &[String], wanted: &[String], positions: &[usize]| {
        let mut free: Vec<Option<&String>> = names.iter().map(Some).collect();
        let mut places = std::collections::HashMap::<&String, Vec<usize>>::new();
        names
            .iter()
            .enumerate()
            .rev()
            .for_each(|(i, name)| places.entry(name).or_default().push(i));
        let take = |name: &String| {
            let i = places.get_mut(name)?.pop()?;
            free[i].take().map(|_| positions[i])
        };
        wanted.iter().map(take).collect::<Option<Vec<usize>>>()
    };
    match pairing.text()? {
        "position" => Ok(()),
        "name" => {
            let inputs = order(&model.input_names, &circuit.input_names, &model.inputs);
            let outputs = order(&model.output_names, &circuit.output_names, &model.outputs);
            let named = inputs.zip(outputs);
            (model.inputs, model.outputs) =
                named.ok_or_else(|| pairing.refuse("by which the ports do not fit"))?;
            Ok(())
        }
        _ => Err(pairing.refuse("is neither name nor position")),
    }
}

/// Everything that the witness says.
fn multiply_out(
    model: &Model,
    circuit: &Circuit,
    (loops, n_loops): (&Entry, usize),
    witness: &Entry,
) -> Checked<Report> {
    let mut arithmetic = Arithmetic { format: model.format, largest: 0.0 };
    let [dynamic, states, kinds, layers, levels, claims] =
        witness.object(["dynamic", "states", "kinds", "layers", "levels", "claims"])?;
    let frame = Frame::new(model, &dynamic, &states, &mut arithmetic)?;
    let kinds = frame::kinds(model, &kinds)?;
    let (mut wirings, mut scores, mut n_types) = (Vec::new(), Scores::none(), 0);
    for (entry, &block) in layers.array_of(kinds.len())?.iter().zip(&kinds) {
        let [targets_entry, types_entry, tables] = entry.object(["targets", "types", "tables"])?;
        let targets = targets_entry.integers(model.n * model.heads, 0, model.n as i64)?;
        let types = types_entry.integers(model.n, 0, model.n as i64)?;
        let found = (&targets_entry, &targets[..]);
        let found = attention::require_targets(&frame, block, found, kinds.len(), &mut arithmetic)?;
        attention::require_no_leak(&frame, block, found.gap, &mut arithmetic)?;
        let types = (&types_entry, &types[..]);
        let tables = layer::require_tables(&frame, block, types, &tables, &mut arithmetic)?;
        n_types += tables.len();
        let rows = targets.chunks_exact(model.heads).zip(types.1);
        wirings.push(rows.map(|(row, &kind)| Node::new(row, &tables[kind as usize])).collect());
        scores = Scores {
            gap: scores.gap.min(found.gap),
            distance: scores.distance.into_iter().chain(found.distance).min(),
            n_enumerated: scores.n_enumerated + found.n_enumerated,
        };
    }
    let (positions, depth) = wiring::require_levels(&frame, &wirings, &levels)?;
    if model.n_steps(n_loops) < depth {
        return Err(loops.refuse(format!("are too few for outputs on level {depth}")));
    }
    require_read_out(&frame, &mut arithmetic)?;
    let n_compared = compare(model, circuit, (&wirings, &positions), &claims)?;
    Ok(Report {
        n_inputs: model.inputs.len(),
        n_positions: model.n,
        n_loops,
        n_kinds: kinds.len(),
        n_dynamic: frame.dynamic.len(),
        n_types,
        depth,
        gap: scores.gap.is_finite().then_some(scores.gap),
        threshold: model.format.threshold(),
        distance: scores.distance,
        n_enumerated: scores.n_enumerated,
        largest: arithmetic.largest,
        n_compared,
    })
}

fn compare(
    model: &Model,
    circuit: &Circuit,
    (wirings, positions): (&[Wiring], &[usize]),
    claims: &Entry,
) -> Checked<Option<usize>> {
    if claims.value().is_null() {
        return Ok(None);
    }
    compare::require_claims(model, circuit, wirings, positions, claims).map(Some)
}

/// At every output state 1 is read as 1 and state 0 as 0: logit 1 exceeds logit 0 or does not.
fn require_read_out(frame: &Frame, arithmetic: &mut Arithmetic) -> Checked<()> {
    let weights = frame::columns(&frame.model.w_u, 2);
    for &position in &frame.model.outputs {
        for bit in [0, 1].into_iter().filter(|&bit| frame.occurs[bit]) {
            let mut logit = |token: usize| {
                let weights = &weights[token];
                let mut sum = frame::static_sum(frame, position, frame.model.b_u[token], weights);
                for (i, channel) in frame.dynamic.iter().enumerate() {
                    let of_channel = weights.iter().filter(|weight| weight.0 == *channel);
                    let state = Number::new(frame.states[bit][i]);
                    of_channel.for_each(|&(_, weight)| sum.add_product(state, weight));
                }
                add_up(&sum, arithmetic, position)
            };
            let (zero, one) = (logit(0)?, logit(1)?);
            if (one > zero) != (bit == 1) {
                let reason = format!("reads state {bit} at position {position} as {}", 1 - bit);
                return Err(Refusal::new("unembed.W_U", reason));
            }
        }
    }
    Ok(())
}

fn add_up(sum: &Sum, arithmetic: &mut Arithmetic, position: usize) -> Checked<f64> {
    let rounds = || Refusal::new("unembed.W_U", format!("rounds at position {position}"));
    arithmetic.exact(sum).ok_or_else(rounds)
}
