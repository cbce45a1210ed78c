//! `trace`: what every node holds after each layer, as a grid, CSV or JSON; of a decoder what it writes.

use std::io::IsTerminal;

use circuit2tf::Result;
use circuit2tf::circuit::Circuit;
use circuit2tf::model::{Model, Pass};
use circuit2tf::trace::{Grid, Marked, Netlist, Trace, Written};
use circuit2tf::verify::{Pairing, bit_string};
use serde_json::{Value, json};

use super::{Report, assignments, print_notes, run, source, talk};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model file
    model: String,
    /// One bit per input, in the file's order
    bits: Option<String>,
    /// A file with one bit string per line, `-` for stdin: the bits of all positions for each of them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bits", "circuit"])]
    inputs: Option<String>,
    /// Loops to run, instead of the model's own number
    #[arg(long, value_name = "R")]
    loops: Option<usize>,
    /// The circuit that was compiled: names for the nodes, and what is right where the weights are broken
    #[arg(long, value_name = "CIRCUIT")]
    circuit: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Nodes by level against layers; for many nodes, levels against layers
    #[default]
    Grid,
    /// One line per node and layer
    Csv,
}

pub fn main(args: &Args) -> Result<Report> {
    let model = source::model(&args.model)?;
    let circuit = args.circuit.as_deref().map(source::circuit).transpose()?;
    let circuit = circuit.as_ref().map(|source| &source.circuit);
    if let Some(file) = &args.inputs {
        return many(&run::with_loops(model, args.loops)?, file);
    }
    let text = args.bits.as_deref().unwrap_or_default();
    let inputs = assignments::parse(text, model.input_positions.len())?;
    if !model.scheme.is_parallel() {
        let written = Written::run(&run::with_loops(model, args.loops)?, &inputs)?;
        let text = match args.format {
            Format::Csv => written.to_csv(),
            Format::Grid => format!("{written}\n"),
        };
        return Ok(Report { text: text.into_bytes(), json: json!(written), status: 0 });
    }
    // What the model should compute does not depend on how long it is watched.
    let pairing = match circuit {
        Some(circuit) => Pairing::new(&model, circuit, None)?,
        None => Pairing::default(),
    };
    let model = pairing.arrange(model);
    let netlist = netlist(&model, circuit);
    let model = run::with_loops(model, args.loops)?;
    let marked = Marked::run(&model, &pairing.circuit_input(&inputs), netlist)?;
    let text = match args.format {
        Format::Csv => marked.to_csv(),
        Format::Grid => {
            let grid = Grid::new(&marked, is_coloured());
            print_notes(&grid.notes);
            format!("{grid}\n")
        }
    };
    let mut json = json!(marked);
    json["inputs"] = bit_string(&inputs).into();
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// Many inputs: per input and number of layers the bit at each position.
fn many(model: &Model, file: &str) -> Result<Report> {
    let inputs = assignments::lines(file, model.input_positions.len())?;
    let traces = Trace::run_all(model, &inputs)?;
    let mut text = "inputs,step,bits\n".to_string();
    let mut json: Vec<Value> = Vec::new();
    for (input, trace) in inputs.iter().map(|input| bit_string(input)).zip(&traces) {
        let steps: Vec<String> = trace.bits.iter().map(|bits| bit_string(bits)).collect();
        let lines = steps.iter().enumerate().map(|(step, bits)| format!("{input},{step},{bits}\n"));
        text.extend(lines);
        json.push(json!({ "inputs": input, "steps": steps }));
    }
    Ok(Report { text: text.into_bytes(), json: json!({ "traces": json }), status: 0 })
}

/// None, with a note, where it cannot be said what the model should compute.
fn netlist(model: &Model, circuit: Option<&Circuit>) -> Option<Netlist> {
    let netlist = Netlist::of(model, circuit);
    let note = |error: &circuit2tf::Error| match (model.scheme.pass(), circuit) {
        // States of three values are no network of bits.
        (Pass::Halting, None) => {
            talk::note("--circuit gives the nodes their names and says what is right");
        }
        _ => talk::note(format_args!("what is right is not known: {error}")),
    };
    netlist.inspect_err(note).ok()
}

/// Whether marks may be coloured; they are told apart by their symbols too. <https://no-color.org>
fn is_coloured() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        && std::io::stdout().is_terminal()
}
