//! `construct`: models of the theory that are no compiled circuits.

use circuit2tf::Result;
use circuit2tf::model::file;
use circuit2tf::reasoning::sizes::{CircuitSizes, ModelSizes};
use circuit2tf::theory::constructions::{CONSTRUCTIONS, Constructed, Construction, construct};
use serde_json::{Value, json};

use super::{Report, convert, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A construction and its size, such as parity-f16:16; all names are listed by default
    #[arg(value_name = "NAME:N", requires = "output")]
    spec: Option<String>,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL", requires = "spec")]
    output: Option<String>,
    /// A file for the circuit that the model computes, in the format of its extension
    #[arg(long, value_name = "CIRCUIT", requires = "spec")]
    circuit: Option<String>,
}

pub fn main(args: &Args) -> Result<Report> {
    let (Some(spec), Some(output)) = (&args.spec, &args.output) else { return Ok(list()) };
    // What cannot be written is an error before anything is.
    source::output(output, &file::EXTENSIONS)?;
    args.circuit.as_deref().map(convert::by_extension).transpose()?;
    let Constructed { model, circuit } = construct(spec)?;
    source::write(output, &file::to_bytes(&model))?;
    if let Some(path) = &args.circuit {
        convert::write_circuit(&circuit, path)?;
    }
    let sizes = ModelSizes::of(output, &model);
    let text = format!("{}\n{sizes}\n", CircuitSizes::of(spec, &circuit));
    let json = json!({ "model": output, "circuit": args.circuit, "info": sizes });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

fn list() -> Report {
    let line = |c: &Construction| {
        format!("{:<16}{} (claim {})\n", format!("{}:N", c.name), c.what, c.claim)
    };
    let text: String = CONSTRUCTIONS.iter().map(line).collect();
    let entry = |c: &Construction| json!({ "name": c.name, "what": c.what, "claim": c.claim });
    let list: Vec<Value> = CONSTRUCTIONS.iter().map(entry).collect();
    Report { text: text.into_bytes(), json: json!({ "constructions": list }), status: 0 }
}
