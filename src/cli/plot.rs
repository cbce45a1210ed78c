//! `plot`: figures, and the numbers in them.

use circuit2tf::figure::circuit::{Drawing, State};
use circuit2tf::figure::{loops, model};
use circuit2tf::model::Model;
use circuit2tf::{Error, Result};
use clap::{Subcommand, ValueEnum};

use super::output::{Form, Kind, Output, Table};
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

/// The forms of a figure.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// The figure
    Svg,
    /// Its numbers, aligned for a terminal, at most 80 columns wide or in parts
    Text,
    /// What --json prints
    Json,
    /// Its numbers with all digits (RFC 4180)
    Csv,
    /// Its numbers in a pipe table
    Markdown,
    /// Its numbers in a tabular, with the rules of booktabs
    Latex,
}

impl Form for Format {
    fn kind(self) -> Kind {
        match self {
            Format::Svg => Kind::Svg,
            Format::Text => Table::Text.kind(),
            Format::Json => Table::Json.kind(),
            Format::Csv => Table::Csv.kind(),
            Format::Markdown => Table::Markdown.kind(),
            Format::Latex => Table::Latex.kind(),
        }
    }
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
    #[command(flatten)]
    output: Output<Format>,
}

#[derive(Debug, clap::Args)]
struct Counted {
    /// The circuit
    circuit: String,
    #[command(flatten)]
    output: Output<Format>,
}

pub fn main(args: &Args) -> Result<Report> {
    match &args.figure {
        Figure::Circuit(drawn) => drawn.circuit(),
        Figure::Stream(drawn) => drawn.stream(),
        Figure::Attention { drawn, head } => drawn.attention(*head),
        Figure::Loops(counted) => {
            let plan = counted.output.plan()?;
            let source = source::circuit(&counted.circuit)?;
            let chart = loops::wrong_inputs(&source.name, &source.circuit)?;
            plan.draw(&chart, &|_| chart.to_svg())
        }
        Figure::Tradeoff(counted) => {
            let plan = counted.output.plan()?;
            let source = source::circuit(&counted.circuit)?;
            let chart = loops::tradeoff(&source.name, &source.circuit)?;
            plan.draw(&chart, &|_| chart.to_svg())
        }
    }
}

impl Drawn {
    fn circuit(&self) -> Result<Report> {
        let plan = self.output.plan()?;
        let subject = self.subject.load()?;
        let netlist = subject.netlist()?;
        let state = match (&self.bits, self.step) {
            (None, None) => None,
            _ => {
                let (inputs, step) = (self.inputs(&subject)?, self.step(&subject.model)?);
                Some(State::after(&subject.model, &netlist, &inputs, step)?)
            }
        };
        let drawing = Drawing { title: subject.name, netlist, state };
        plan.draw(&drawing, &|_| drawing.to_svg())
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

    fn stream(&self) -> Result<Report> {
        let plan = self.output.plan()?;
        let subject = self.subject.load()?;
        let (inputs, step) = (self.inputs(&subject)?, self.step(&subject.model)?);
        let netlist = subject.netlist().ok();
        let named = (subject.name.as_str(), netlist.as_ref());
        let map = model::stream(&subject.model, named, &inputs, step)?;
        plan.draw(&map, &|_| map.to_svg())
    }

    fn attention(&self, head: usize) -> Result<Report> {
        let plan = self.output.plan()?;
        let subject = self.subject.load()?;
        let (inputs, step) = (self.inputs(&subject)?, self.step(&subject.model)?);
        let netlist = subject.netlist().ok();
        let named = (subject.name.as_str(), netlist.as_ref());
        let map = model::attention(&subject.model, named, &inputs, (step, head))?;
        plan.draw(&map, &|_| map.to_svg())
    }
}
