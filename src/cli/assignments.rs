//! Inputs given as bit strings, as lines of a file, or as numbers for words.

use circuit2tf::batch::{Batch, parse_bits};
use circuit2tf::circuit::word::{self, Assignment, Orders};
use circuit2tf::verify::bit_string;
use circuit2tf::{Error, Place, Result};
use serde_json::{Value, json};

use super::{Report, source, talk};

// Flattened into the arguments of a command, whose group has the same name.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Bit strings, one bit per input in the file's order
    #[arg(value_name = "BITS")]
    bits: Vec<String>,
    /// A file with one bit string per line, `-` for stdin
    #[arg(long, value_name = "FILE")]
    inputs: Option<String>,
    /// Sets an input, or the word NAME[0], NAME[1], … to a number: a=5, key=0x2b7e…
    #[arg(long, value_name = "NAME=VALUE", conflicts_with_all = ["bits", "inputs"])]
    set: Vec<String>,
    /// Which bit of a number NAME[0] is: lsb, msb or bytes; without NAME for all words
    #[arg(long, value_name = "[NAME=]ORDER")]
    order: Vec<String>,
}

/// The names of a circuit's or model's ports.
pub struct Ports<'a> {
    pub inputs: &'a [String],
    pub outputs: &'a [String],
    /// The declared bit orders.
    pub orders: Orders,
}

impl Args {
    /// Reads the assignments, evaluates them and reports the outputs.
    pub fn answer(
        &self,
        mut ports: Ports,
        evaluate: impl FnOnce(&Batch) -> Result<Batch>,
    ) -> Result<Report> {
        self.order.iter().try_for_each(|flag| ports.orders.flag(flag))?;
        ports.orders.check(&[ports.inputs, ports.outputs])?;
        let outputs = evaluate(&self.read(&ports)?)?;
        let columns: Vec<_> = (0..outputs.n_assignments()).map(|a| outputs.column(a)).collect();
        let strings: Vec<String> = columns.iter().map(|column| bit_string(column)).collect();
        let text: String = strings.iter().map(|line| format!("{line}\n")).collect();
        let mut json = json!({ "outputs": strings });
        // Numbers are for those who gave numbers; they are talk, and the bits the result.
        if !self.set.is_empty() {
            json["words"] = words(&ports, &columns[0])?;
        }
        Ok(Report { text: text.into_bytes(), json, status: 0 })
    }

    fn read(&self, ports: &Ports) -> Result<Batch> {
        let n_inputs = ports.inputs.len();
        if !self.set.is_empty() {
            return Batch::from_columns(n_inputs, &[self.assignment(ports)?]);
        }
        let mut columns = Vec::new();
        for text in &self.bits {
            columns.push(parse(text, n_inputs)?);
        }
        if let Some(file) = &self.inputs {
            columns.extend(lines(file, n_inputs)?);
        } else if self.bits.is_empty() {
            if n_inputs > 0 {
                return Err(Error::new(format!("{n_inputs} input bits"), "none").hint(
                    "give bit strings, --set NAME=VALUE, or --inputs FILE with one per line",
                ));
            }
            columns.push(Vec::new());
        }
        Batch::from_columns(n_inputs, &columns)
    }

    fn assignment(&self, ports: &Ports) -> Result<Vec<bool>> {
        let mut assignment = Assignment::new(ports.inputs, &ports.orders);
        self.set.iter().try_for_each(|setting| assignment.set(setting))?;
        let bits = assignment.finish()?;
        for reading in word::readings(ports.inputs, &bits, &ports.orders)? {
            talk::say(format_args!("in   {reading}"));
        }
        Ok(bits)
    }
}

/// Prints the outputs as words, and gives them as JSON.
fn words(ports: &Ports, bits: &[bool]) -> Result<Value> {
    let readings = word::readings(ports.outputs, bits, &ports.orders)?;
    let describe = |reading: &word::Reading| {
        talk::say(format_args!("out  {reading}"));
        json!({
            "name": reading.name,
            "value": reading.value,
            "decimal": reading.decimal,
            "order": reading.order.map(|order| order.name()),
        })
    };
    Ok(readings.iter().map(describe).collect())
}

pub fn lines(file: &str, n_inputs: usize) -> Result<Vec<Vec<bool>>> {
    let bytes = source::bytes(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let place = |l| Place::Line { file: source::name(file), line: l + 1, column: 1 };
    let line = |(l, line): (usize, &str)| parse(line.trim(), n_inputs).map_err(|e| e.at(place(l)));
    text.lines().enumerate().map(line).collect()
}

/// One bit string.
pub fn parse(text: &str, n_inputs: usize) -> Result<Vec<bool>> {
    let bits = parse_bits(text)?;
    if bits.len() != n_inputs {
        return Err(Error::new(format!("{n_inputs} bits"), bits.len().to_string())
            .hint("one character 0 or 1 per input, in the order of `circuit2tf info --json`"));
    }
    Ok(bits)
}
