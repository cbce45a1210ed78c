//! `plot`: figures as SVG files.

use circuit2tf::compile::{self, Options};
use circuit2tf::figure::chart::{Axis, Chart, Mark, Series};
use circuit2tf::figure::circuit::{self, State};
use circuit2tf::figure::heatmap::Heatmap;
use circuit2tf::model::Model;
use circuit2tf::theory::tightness;
use circuit2tf::trace::{self, Netlist, Trace};
use circuit2tf::{Error, Result, mapping};
use clap::Subcommand;
use serde_json::json;

use super::subject::Subject;
use super::{Report, assignments, source, subject};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    figure: Figure,
}

#[derive(Debug, Subcommand)]
enum Figure {
    /// The circuit by levels, with what the model holds if bits are given
    Circuit(Drawn),
    /// The residual stream as a heat map
    Stream(Drawn),
    /// The attention matrix of a head
    Attention {
        #[command(flatten)]
        drawn: Drawn,
        /// The head, from 0
        #[arg(long, default_value_t = 0)]
        head: usize,
    },
    /// Wrong inputs by number of layers, from gates at 0 and at 1
    Loops(Counted),
    /// Loops against parameters of a layer, for more heads and for more levels a layer
    Tradeoff(Counted),
}

#[derive(Debug, clap::Args)]
struct Drawn {
    #[command(flatten)]
    subject: subject::Args,
    /// One bit per input, in the file's order; zeros by default
    #[arg(long)]
    bits: Option<String>,
    /// Layers applied, over all loops; all by default
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    /// The SVG file to write
    #[arg(short, long, value_name = "FILE")]
    output: String,
}

#[derive(Debug, clap::Args)]
struct Counted {
    /// The circuit
    circuit: String,
    /// The SVG file to write
    #[arg(short, long, value_name = "FILE")]
    output: String,
}

pub fn main(args: &Args) -> Result<Report> {
    let output = args.figure.output();
    source::output(output, &["svg"])?;
    let svg = match &args.figure {
        Figure::Circuit(drawn) => drawn.circuit(),
        Figure::Stream(drawn) => drawn.stream(),
        Figure::Attention { drawn, head } => drawn.attention(*head),
        Figure::Loops(counted) => wrong_inputs(&counted.circuit),
        Figure::Tradeoff(counted) => tradeoff(&counted.circuit),
    }?;
    source::write(output, svg.as_bytes())?;
    let text = format!("wrote {output} (SVG, {} kB)\n", svg.len().div_ceil(1000));
    Ok(Report {
        text: text.into_bytes(),
        json: json!({ "figure": output, "bytes": svg.len() }),
        status: 0,
    })
}

impl Figure {
    /// The file to write.
    fn output(&self) -> &str {
        match self {
            Figure::Circuit(drawn) | Figure::Stream(drawn) | Figure::Attention { drawn, .. } => {
                &drawn.output
            }
            Figure::Loops(counted) | Figure::Tradeoff(counted) => &counted.output,
        }
    }
}

impl Drawn {
    fn circuit(&self) -> Result<String> {
        let subject = self.subject.load()?;
        let netlist = subject.netlist()?;
        let state = match (&self.bits, self.step) {
            (None, None) => None,
            _ => Some(self.state(&subject, &netlist)?),
        };
        circuit::draw(&netlist, &subject.name, state.as_ref())
    }

    fn state(&self, subject: &Subject, netlist: &Netlist) -> Result<State> {
        let (inputs, model) = (self.inputs(subject)?, &subject.model);
        let step = self.step(model)?;
        let trace = Trace::run(model, &inputs, step.div_ceil(model.n_layers()))?;
        let values = netlist.values(&inputs)?;
        let known = netlist.known_since(&values);
        let bits = &trace.bits[step];
        let held = netlist.nodes().iter().map(|node| bits[node.position]).collect();
        Ok(State { bits: held, marks: netlist.marks(&values, &known, bits, step) })
    }

    /// In the order of the model's file as they are given, and in the circuit's as they are returned.
    fn inputs(&self, subject: &Subject) -> Result<Vec<bool>> {
        let n_inputs = subject.model.input_positions.len();
        match &self.bits {
            Some(text) => Ok(subject.pairing.circuit_input(&assignments::parse(text, n_inputs)?)),
            None => Ok(vec![false; n_inputs]),
        }
    }

    fn step(&self, model: &Model) -> Result<usize> {
        model.require_core_only()?;
        let all = model.n_layers().saturating_mul(model.n_loops);
        match self.step {
            Some(step) if step > all => {
                Err(Error::new(format!("--step of at most {all}"), step.to_string()))
            }
            step => Ok(step.unwrap_or(all)),
        }
    }

    fn stream(&self) -> Result<String> {
        let subject = self.subject.load()?;
        let (inputs, step) = (self.inputs(&subject)?, self.step(&subject.model)?);
        let rows = trace::stream_after(&subject.model, &inputs, step)?;
        Heatmap {
            title: format!("{}: residual stream, layers applied: {step}", subject.name),
            description: "A row per position, a column per channel; + is 1, − is -1.".to_string(),
            row_names: position_names(&subject),
            column_names: subject.model.labels.channel_names.clone(),
            rows,
        }
        .to_svg()
    }

    fn attention(&self, head: usize) -> Result<String> {
        let subject = self.subject.load()?;
        let model = &subject.model;
        let (inputs, step) = (self.inputs(&subject)?, self.step(model)?);
        let layer = step % model.n_layers();
        let rows = trace::attention_after(model, &inputs, step, head)?;
        let names = position_names(&subject);
        Heatmap {
            title: format!("{}: attention of layer {}, head {head}", subject.name, layer + 1),
            description: "A row per query, a column per key; a full square is weight 1."
                .to_string(),
            row_names: names.clone(),
            column_names: names,
            rows,
        }
        .to_svg()
    }
}

/// Names of the positions: those of the nodes where the network is known.
fn position_names(subject: &Subject) -> Vec<String> {
    let mut names: Vec<String> = (0..subject.model.n_ctx()).map(|p| format!("p{p}")).collect();
    if let Ok(netlist) = subject.netlist() {
        netlist.nodes().iter().for_each(|node| names[node.position] = node.name.clone());
    }
    names
}

fn wrong_inputs(spec: &str) -> Result<String> {
    let source = source::circuit(spec)?;
    let network = mapping::map(&source.circuit, 2)?.network;
    let series = |name: &str, start: bool| -> Result<Series> {
        let counts = tightness::wrong_inputs(&network, start)?;
        let points = counts.iter().enumerate().map(|(t, &n)| (t as f64, n as f64));
        Ok(Series::new(name, Mark::Line, points))
    };
    Chart {
        title: format!("{}: wrong inputs by number of layers", source.name),
        description: "How many inputs have a wrong output after each number of layers.".to_string(),
        x: Axis::linear("layers applied"),
        y: Axis::linear("wrong inputs"),
        series: vec![series("gates start at 0", false)?, series("gates start at 1", true)?],
    }
    .to_svg()
}

fn tradeoff(spec: &str) -> Result<String> {
    let source = source::circuit(spec)?;
    let point = |heads: usize, collapse: usize| -> Result<(f64, f64)> {
        let options = Options { heads, collapse, ..Options::default() };
        let model = compile::compile(&source.circuit, &source.sha256, &options)?;
        Ok((model.blocks[0].n_parameters() as f64, model.n_loops as f64))
    };
    let heads =
        (2..=Options::MAX_HEADS).map(|heads| point(heads, 1)).collect::<Result<Vec<_>>>()?;
    let collapse = (1..=3).map(|collapse| point(2, collapse)).collect::<Result<Vec<_>>>()?;
    Chart {
        title: format!("{}: loops against parameters of a layer", source.name),
        description: "More heads, or more levels a layer, make a layer larger and loops fewer."
            .to_string(),
        x: Axis::log("parameters of a layer"),
        y: Axis::linear("loops"),
        series: vec![
            Series::new("2 to 6 heads, a level a layer", Mark::Line, heads),
            Series::new("1 to 3 levels a layer, from 2 heads", Mark::Line, collapse),
        ],
    }
    .to_svg()
}
