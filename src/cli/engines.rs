//! `verify --engines`: engines held against each other.

use circuit2tf::Result;
use circuit2tf::circuit::Circuit;
use circuit2tf::model::Model;
use circuit2tf::run::{Effort, Engine};
use circuit2tf::verify::{self, Agreement, Assignments, Statement, Subject};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::Report;
use super::progress::Bar;
use super::run::{EngineArgs, EngineName};

/// Up to so many inputs engines are compared on all assignments.
const FEW_INPUTS: usize = 20;

/// All assignments where there are few inputs, else a sample.
pub fn assignments(circuit: &Circuit, count: u64, seed: u64) -> Assignments {
    match circuit.inputs().len() {
        0..=FEW_INPUTS => Assignments::All,
        _ => Assignments::Sample { count, seed },
    }
}

/// Compares the engines named, or all; those that refuse the model are listed with the reason.
pub fn compare(
    model: &Model,
    circuit: &Circuit,
    subject: Subject,
    args: EngineArgs,
    (names, assignments): (&[String], Assignments),
) -> Result<Report> {
    let mut ready: Vec<Box<dyn Engine + '_>> = Vec::new();
    let mut refusals: Vec<(String, String)> = Vec::new();
    for name in chosen(names)? {
        match name.prepare(model) {
            Ok(engine) => ready.push(engine),
            Err(error) => refusals.push((name.to_string(), error.to_string())),
        }
    }
    let engines: Vec<&dyn Engine> = ready.iter().map(|engine| &**engine).collect();
    let total = assignments.total(circuit.inputs().len())?;
    require_affordable(args, model, &engines, total)?;
    let bar = Bar::new(total);
    let found = verify::agree(model, circuit, &engines, model.n_loops, assignments, &bar)?;
    let mut text = String::new();
    for (engine, agreement) in engines.iter().zip(&found) {
        text += &format!("{:<12} {}\n", engine.name(), line(agreement));
    }
    refusals.iter().for_each(|(name, why)| text += &format!("{name:<12} not run: {why}\n"));
    let asked = (model.n_loops, assignments);
    let verdict = verify::conclude(model, circuit, &engines, &found, asked, &Bar::new(total))?;
    let statement = Statement { verdict, subject };
    text += &format!("{statement}\n");
    let mut json = json!(statement);
    json["engines"] = engines.iter().zip(&found).map(|(e, a)| entry(e.name(), a)).collect();
    json["not_run"] =
        refusals.iter().map(|(name, why)| json!({"engine": name, "why": why})).collect();
    Ok(Report { text: text.into_bytes(), json, status: statement.verdict.exit_status() })
}

/// Seconds that comparing engines may take: each runs 0, 1, …, all loops.
const SECONDS: u64 = 600;

fn require_affordable(
    args: EngineArgs,
    model: &Model,
    engines: &[&dyn Engine],
    total: u64,
) -> Result<()> {
    let n_loops = model.n_loops;
    let effort = |engine: &&dyn Engine| Effort::new(model, *engine, total, n_loops);
    let all = engines.iter().map(effort).reduce(Effort::and);
    // Runs of 0 to n loops are (n + 1) / 2 runs of n.
    let all = all.map(|effort| effort.times((n_loops as u64 / 2).saturating_add(1)));
    let what = format!("{} engines after each of {n_loops} loops", engines.len());
    all.map_or(Ok(()), |effort| args.require(effort, SECONDS, &what))
}

/// The engines asked for; the literal one first, since the others are held against it.
fn chosen(names: &[String]) -> Result<Vec<EngineName>> {
    if names == ["all"] {
        return Ok(EngineName::value_variants()
            .iter()
            .copied()
            .filter(|e| *e != EngineName::Auto)
            .collect());
    }
    let parse = |name: &String| {
        EngineName::from_str(name, false).map_err(|_| {
            let known = EngineName::value_variants().iter().map(EngineName::to_string);
            let known = known.collect::<Vec<_>>().join(", ");
            circuit2tf::Error::new(format!("all, or engines of {known}"), format!("{name:?}"))
        })
    };
    names.iter().map(parse).collect()
}

fn line(agreement: &Agreement) -> String {
    match (&agreement.departure, &agreement.wrong) {
        (Some(difference), _) => {
            format!("differs from {} {difference}", difference.engines[0])
        }
        (None, Some(wrong)) => format!("differs from the circuit: {wrong}"),
        (None, None) => "same bits after every loop".to_string(),
    }
}

fn entry(name: &str, agreement: &Agreement) -> Value {
    json!({ "engine": name, "departure": agreement.departure, "wrong": agreement.wrong })
}
