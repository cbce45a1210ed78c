//! Answers that are files: circuits, compared by SAT, and models, checked by certificate or by running.

use std::time::Duration;

use super::task::{Mistake, Outcome, Solution, file_outcome};
use crate::batch::Batch;
use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::format::{self, bench};
use crate::mapping;
use crate::model::{Model, file, sparse};
use crate::run::{Engine, Reference};
use crate::sat::Limits;
use crate::verify::{self, Equivalence, Verdict, bit_string, certificate};

/// Reads the file of that name.
pub type Reader<'r> = dyn Fn(&str) -> Result<Vec<u8>> + 'r;

const LIMITS: Limits = Limits { conflicts: Some(1_000_000), time: Some(Duration::from_secs(30)) };

/// A circuit is asked for.
#[derive(Debug, Clone)]
pub struct CircuitTask {
    pub reference: Circuit,
    /// The most levels of two-input gates, as `circuit2tf info` counts them.
    pub most_depth: usize,
    pub most_gates: usize,
}

impl CircuitTask {
    pub const FILE: &'static str = "answer.bench";

    pub fn how_to_answer(&self) -> String {
        let (inputs, outputs) = (self.reference.inputs().len(), self.reference.outputs().len());
        format!(
            "Answer. The name of a circuit file (bench, BLIF, AIGER, Verilog, JSON) with {inputs} inputs, \
             {outputs} output, depth at most {} and at most {} gates; it is compared on all inputs by SAT.",
            self.most_depth, self.most_gates
        )
    }

    pub fn solution(&self) -> Result<Solution> {
        Ok(Solution::File { name: Self::FILE, bytes: bench(&self.reference)? })
    }

    pub fn check(&self, answer: &str, mistakes: &[Mistake], reader: &Reader) -> Result<Outcome> {
        let circuit = format::read(&reader(answer)?, answer)?.circuit;
        let mut findings = Vec::new();
        let differs = differ(&self.reference, &circuit)?;
        if let Some(input) = &differs {
            let [expected, got] = [&self.reference, &circuit].map(|c| c.evaluate(input));
            let (expected, got) = (bit_string(&expected?), bit_string(&got?));
            let input = bit_string(input);
            findings.push(format!("wrong on {input}: it gives {got}, and {expected} is asked for"));
        }
        let sizes = [
            ("depth", mapping::depth(&circuit, 2), self.most_depth),
            ("gates", circuit.n_gates(), self.most_gates),
        ];
        for (what, found, most) in sizes.iter().filter(|(_, found, most)| found > most) {
            findings.push(format!("{what} {found}, and at most {most} is asked for"));
        }
        file_outcome(findings.is_empty(), findings, mistakes, |bytes| {
            let wrong = format::read(bytes, Self::FILE)?.circuit;
            let as_deep = mapping::depth(&wrong, 2) == mapping::depth(&circuit, 2);
            Ok((differs.is_some() || as_deep) && differ(&wrong, &circuit)?.is_none())
        })
    }
}

/// The circuit as a bench file.
///
/// # Errors
/// The format cannot say it.
pub fn bench(circuit: &Circuit) -> Result<Vec<u8>> {
    Ok(format::write(circuit, &bench::FORMAT)?.bytes)
}

/// An input on which two circuits differ.
fn differ(a: &Circuit, b: &Circuit) -> Result<Option<Vec<bool>>> {
    match verify::equivalent(a, b, LIMITS)? {
        Equivalence::Equal { .. } => Ok(None),
        Equivalence::Differ(input) => Ok(Some(input)),
        Equivalence::Undecided => {
            Err(Error::message("it could not be decided in time whether the circuit is right"))
        }
    }
}

/// How a model must be shown to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The certificate accepts it, so it is right in any order of summation and for any more loops.
    Certificate,
    /// The literal forward pass is right on all inputs.
    Exhaustive,
}

/// A model is asked for.
#[derive(Debug, Clone)]
pub struct ModelTask {
    pub reference: Circuit,
    pub proof: Proof,
    /// The most layers times loops.
    pub most_layers: usize,
    pub most_heads: usize,
    pub solution: Model,
}

/// The most positions of a model that is run.
const MAX_POSITIONS: usize = 512;

impl ModelTask {
    pub const FILE: &'static str = "answer.json";

    pub fn how_to_answer(&self) -> String {
        let how = match self.proof {
            Proof::Certificate => "The certificate must accept it",
            Proof::Exhaustive => "It is run on all inputs",
        };
        format!(
            "Answer. The name of a model file, safetensors or the JSON list of weights that `circuit2tf \
             course answer` shows for exercise 7. Layers times loops: at most {}; heads: at most {}. {how}.",
            self.most_layers, self.most_heads
        )
    }

    pub fn solution(&self) -> Result<Solution> {
        Ok(Solution::File {
            name: Self::FILE,
            bytes: sparse::to_json(&self.solution)?.into_bytes(),
        })
    }

    pub fn check(&self, answer: &str, mistakes: &[Mistake], reader: &Reader) -> Result<Outcome> {
        let model = read_model(&reader(answer)?, answer)?;
        verify::require_same_ports(&model, &self.reference)?;
        model.require_parallel()?;
        let steps = model.n_layers().saturating_mul(model.n_loops);
        let sizes = [
            ("layers times loops", steps, self.most_layers),
            ("heads", model.n_heads(), self.most_heads),
            ("positions", model.n_ctx(), MAX_POSITIONS),
        ];
        let large = sizes.iter().filter(|(_, found, most)| found > most);
        let mut findings: Vec<String> = large
            .map(|(what, found, most)| format!("{found} {what}, and at most {most} are asked for"))
            .collect();
        if !findings.is_empty() {
            return Ok(Outcome { right: false, findings, diagnoses: Vec::new() });
        }
        let verdict = self.verdict(&model)?;
        findings.push(verdict.to_string());
        let right = matches!(verdict, Verdict::Verified { .. });
        let (bits, condition) = (all_outputs(&model)?, first_failure(&model, &self.reference));
        file_outcome(right, findings, mistakes, |bytes| {
            let wrong = read_model(bytes, Self::FILE)?;
            let as_certified = || first_failure(&wrong, &self.reference) == condition;
            Ok(all_outputs(&wrong)? == bits && (self.proof == Proof::Exhaustive || as_certified()))
        })
    }

    fn verdict(&self, model: &Model) -> Result<Verdict> {
        let engine = Reference::new(model)?;
        let run = verify::Check::new(&engine, &self.reference).run()?;
        match (self.proof, &run) {
            (Proof::Exhaustive, _) | (_, Verdict::Refuted(_)) => Ok(run),
            (Proof::Certificate, _) => Ok(Verdict::from(&verify::prove(model, &self.reference))),
        }
    }
}

fn read_model(bytes: &[u8], name: &str) -> Result<Model> {
    if file::is_model(bytes) {
        file::from_bytes(bytes, name)
    } else {
        sparse::from_json(bytes, name)
    }
}

/// The outputs of a model on all assignments.
fn all_outputs(model: &Model) -> Result<Vec<Vec<bool>>> {
    let n = model.input_positions.len();
    let outputs = Reference::new(model)?.run(&Batch::counting(n, 0, 1 << n), model.n_loops)?;
    Ok((0..1 << n).map(|a| outputs.column(a)).collect())
}

/// The first condition of the certificate that fails.
fn first_failure(model: &Model, circuit: &Circuit) -> Option<String> {
    let conditions = certificate::certify(model, circuit).conditions;
    conditions.into_iter().find(|c| c.failure.is_some()).map(|condition| condition.id)
}
