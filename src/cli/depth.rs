//! `depth` and `census`: how many levels functions need.

use std::path::Path;

use circuit2tf::circuit::TruthTable;
use circuit2tf::mapping;
use circuit2tf::theory::depth::{self, Basis, Census};
use circuit2tf::{Error, Result};
use serde_json::{Map, Value, json};

use super::{Report, source};

#[derive(Debug, clap::Args)]
#[command(after_long_help = CLASS)]
pub struct Args {
    /// A truth table as a hexadecimal number, row 0 in its lowest bit (0xe8 is the majority of three), or
    /// a circuit
    #[arg(value_name = "FUNCTION|CIRCUIT")]
    what: String,
}

#[derive(Debug, clap::Args)]
pub struct CensusArgs {
    /// The number of variables, at most 4
    #[arg(default_value_t = 4)]
    variables: usize,
}

/// What least layers are the least of.
const CLASS: &str = "\
Least layers are those of models whose heads read one token each, which token not depending on the input; \
a token starts with one variable, its complement or a constant, in any number of copies, and may hold anything \
after that; what a layer does may be another thing at every token and in every layer. With one bit a token they \
are the least depth in gates of H + 1 inputs: `binary` for one head, `ternary` for two. A head that averages \
over tokens is not among them, though an average does not depend on the input: it computes parity in one layer \
(`circuit2tf claims oblivious-depth`).";

/// The numbers of heads that are shown.
const HEADS: [usize; 4] = [1, 2, 4, 8];

pub fn main(args: &Args) -> Result<Report> {
    if args.what.starts_with("0x") && !Path::new(&args.what).exists() {
        let (line, json) = function(&args.what, parse(&args.what)?)?;
        return Ok(Report { text: line.into_bytes(), json: json!([json]), status: 0 });
    }
    let circuit = source::circuit(&args.what)?.circuit;
    let relevant = depth::relevant_inputs(&circuit)?;
    let tables = match circuit.inputs().len() {
        0..=depth::MAX_VARIABLES => depth::tables(&circuit)?,
        _ => Vec::new(),
    };
    let mut text = format!("written with depth {}\n", mapping::depth(&circuit, 2));
    let mut list = Vec::new();
    for (o, output) in circuit.outputs().iter().enumerate() {
        let (line, json) = match tables.get(o) {
            Some(&table) => function(&output.name, table)?,
            None => (bounds(&output.name, relevant[o].len()), json!({ "name": output.name })),
        };
        text += &line;
        list.push(json);
        list[o]["relevant_inputs"] = json!(relevant[o].len());
    }
    Ok(Report { text: text.into_bytes(), json: list.into(), status: 0 })
}

/// The function that a number of 1, 2 or 4 hexadecimal digits is the table of.
fn parse(text: &str) -> Result<TruthTable> {
    let digits = &text[2..];
    let n_inputs = match digits.len() {
        1 => 2,
        2 => 3,
        4 => 4,
        _ => {
            let expected = "a table of 1, 2 or 4 hexadecimal digits, for 2, 3 or 4 variables";
            return Err(Error::new(expected, format!("{text:?}")));
        }
    };
    let bits = u64::from_str_radix(digits, 16);
    let bits = bits.map_err(|_| Error::new("hexadecimal digits after 0x", format!("{text:?}")))?;
    TruthTable::new(n_inputs, bits)
}

fn function(name: &str, table: TruthTable) -> Result<(String, Value)> {
    let relevant = (0..table.n_inputs()).filter(|&h| table.depends_on(h)).count();
    let mut line = bounds(name, relevant);
    let mut depths = Map::new();
    for basis in Basis::ALL {
        let depth = depth::least_depth(table, basis)?;
        let shown = depth.map_or("impossible".to_string(), |depth| depth.to_string());
        line += &format!("  {}: {shown}\n", basis.name());
        depths.insert(basis.name().to_string(), depth.into());
    }
    Ok((line, json!({ "name": name, "relevant_inputs": relevant, "least_depth": depths })))
}

fn bounds(name: &str, relevant: usize) -> String {
    let layers = |heads| depth::least_layers_unbounded(relevant, heads);
    let bounds: Vec<_> = HEADS.iter().map(|&h| format!("{h}: {}", layers(h))).collect();
    format!(
        "{name}: depends on {relevant} inputs; least layers by heads that read one token each, the same for \
         every input, if tokens are unbounded: {}\n",
        bounds.join("  ")
    )
}

pub fn census(args: &CensusArgs) -> Result<Report> {
    let mut text = format!("functions of {} variables by least depth\n", args.variables);
    let mut json = Map::new();
    for basis in Basis::ALL {
        let counts = Census::new(args.variables, basis)?.counts();
        let list: Vec<String> = counts.iter().map(usize::to_string).collect();
        text += &format!("{:>12}: {}\n", basis.name(), list.join(" "));
        json.insert(basis.name().to_string(), json!(counts));
    }
    Ok(Report { text: text.into_bytes(), json: json.into(), status: 0 })
}
