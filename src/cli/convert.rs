//! `gen`, `convert` and `decompile`: circuits into files.

use circuit2tf::circuit::Circuit;
use circuit2tf::format::{self, FORMATS, Format, aiger};
use circuit2tf::reasoning::sizes::CircuitSizes;
use circuit2tf::{Result, family, verify};
use serde_json::json;

use super::{Report, print_notes, source};

#[derive(Debug, clap::Args)]
pub struct GenArgs {
    /// The family with its parameters, for example adder:8
    spec: String,
    /// The file to write; without it the circuit goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    #[arg(long, value_parser = format, help = names("the file's extension"))]
    format: Option<&'static Format>,
}

#[derive(Debug, clap::Args)]
pub struct DecompileArgs {
    /// The model file
    model: String,
    /// The file to write; without it the circuit goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    #[arg(long, value_parser = format, help = names("the file's extension"))]
    format: Option<&'static Format>,
}

#[derive(Debug, clap::Args)]
pub struct ConvertArgs {
    /// The circuit to read
    #[arg(value_name = "IN")]
    input: String,
    /// The file to write, `-` for stdout
    #[arg(value_name = "OUT")]
    output: String,
    #[arg(long, value_parser = format, help = names("OUT's extension"))]
    format: Option<&'static Format>,
}

/// The format that a flag names.
fn format(name: &str) -> Result<&'static Format> {
    format::named(&FORMATS, name)
}

fn names(default: &str) -> String {
    let names = FORMATS.map(|format| format.name);
    format!("{}; default: {default}", format::listed(&names, "or"))
}

pub fn generate(args: &GenArgs) -> Result<Report> {
    let output = args.output.as_deref().unwrap_or("-");
    let format = format_of(output, args.format)?;
    let circuit = family::generate(&args.spec)?;
    let reading = String::new();
    let source =
        source::Source { name: args.spec.clone(), circuit, sha256: String::new(), reading };
    write(&source, output, format)
}

pub fn convert(args: &ConvertArgs) -> Result<Report> {
    let format = format_of(&args.output, args.format)?;
    write(&source::circuit(&args.input)?, &args.output, format)
}

pub fn decompile(args: &DecompileArgs) -> Result<Report> {
    let output = args.output.as_deref().unwrap_or("-");
    let format = format_of(output, args.format)?;
    let (model, sha256) = source::model_with_sha256(&args.model)?;
    let circuit = verify::decompile(&model)?;
    let reading = String::new();
    let source = source::Source { name: args.model.clone(), circuit, sha256, reading };
    write(&source, output, format)
}

/// The format to write `output` in, before the work.
fn format_of(output: &str, flag: Option<&'static Format>) -> Result<&'static Format> {
    match flag {
        _ if output == "-" => Ok(flag.unwrap_or(&aiger::ASCII)),
        Some(format) => source::require_extension(output, format.extension).map(|()| format),
        None => {
            format::of_name(output).map_err(|error| error.hint("--format says it"))?;
            by_extension(output)
        }
    }
}

fn write(source: &source::Source, output: &str, format: &Format) -> Result<Report> {
    let written = format::write(&source.circuit, format)?;
    print_notes(&written.notes);
    let mut json = json!({ "output": output, "format": format.name, "notes": written.notes });
    let text = match output {
        "-" => {
            // A binary circuit has no place in JSON; it needs a file.
            json["circuit"] = std::str::from_utf8(&written.bytes).ok().into();
            written.bytes
        }
        _ => {
            source::write(output, &written.bytes)?;
            let read = CircuitSizes::of(&source.name, &source.circuit);
            format!("{read}\nwrote {output} ({})\n", format.name).into_bytes()
        }
    };
    Ok(Report { text, json, status: 0 })
}

/// Writes a circuit in the format of the file's extension.
pub fn write_circuit(circuit: &Circuit, path: &str) -> Result<()> {
    let written = format::write(circuit, format::of_name(path)?)?;
    print_notes(&written.notes);
    source::write(path, &written.bytes)
}

/// The format that the extension of a file to write names, before the work.
pub fn by_extension(path: &str) -> Result<&'static Format> {
    let format = format::of_name(path)?;
    source::require_extension(path, format.extension)?;
    Ok(format)
}
