//! `compare`: the schemes of reasoning side by side, each compiled from the same circuit and verified.

use circuit2tf::figure::growth::{self, Quantity};
use circuit2tf::model::Dtype;
use circuit2tf::reasoning::comparison::{Ceilings, Comparison, measure};
use circuit2tf::reasoning::{Compiler, Request};
use circuit2tf::{Error, Result};

use super::compile::scheme;
use super::output::{Figure, Output};
use super::progress::Bar;
use super::{Report, choice, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Circuits; a family with sizes A..B, such as adder:4..32, is taken at A, 2A, 4A and so on
    #[arg(required = true, value_name = "CIRCUIT")]
    circuits: Vec<String>,
    /// Only these schemes, separated by commas
    #[arg(long, value_name = "S", value_parser = scheme, value_delimiter = ',')]
    scheme: Vec<&'static dyn Compiler>,
    /// Tokens of the vocabulary of the scheme cot
    #[arg(long, value_name = "V", default_value_t = 2)]
    vocab: usize,
    /// Width that the ceiling of a latent step is also computed for
    #[arg(long, value_name = "D", default_value_t = 4096)]
    dim: u64,
    /// Bits of a number at that width
    #[arg(long, value_name = "B", default_value_t = 16)]
    bits: u64,
    /// Layers of the looped block and of the coconut decoder
    #[arg(long, value_name = "L", default_value_t = 1)]
    layers: usize,
    /// The largest fan-in of a node
    #[arg(long, value_name = "K", default_value_t = 2)]
    heads: usize,
    /// The number format
    #[arg(long, value_parser = choice::dtype(), default_value = "f32")]
    dtype: Dtype,
    /// Assignments to sample where no certificate applies and not all can be tried; by default what takes
    /// some seconds, 100000 at most
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// Count without building and verifying the models of decoders
    #[arg(long)]
    no_verify: bool,
    /// What the curves of an SVG show against the number of gates: a row of panels each, and a column for
    /// each family
    #[arg(long, value_parser = choice::quantity(), value_delimiter = ',', default_value = "steps")]
    plot: Vec<Quantity>,
    #[command(flatten)]
    output: Output<Figure>,
}

pub fn main(args: &Args) -> Result<Report> {
    let plan = args.output.plan()?;
    let specs: Vec<String> =
        args.circuits.iter().map(|spec| sizes(spec)).collect::<Result<Vec<_>>>()?.concat();
    // All of them before the work, which may be long.
    let sources: Vec<_> = specs.iter().map(|spec| source::circuit(spec)).collect::<Result<_>>()?;
    let comparison = args.plan();
    let compared = |source: &source::Source| {
        let source::Source { name, circuit, sha256, .. } = source;
        let family = &family(name);
        comparison.compare(measure::Source { name, family, circuit, sha256 }, &Bar::default())
    };
    let circuits = sources.iter().map(compared).collect::<Result<_>>()?;
    let ceilings = Ceilings { vocab: args.vocab, dim: args.dim, bits: args.bits };
    let comparison = Comparison { ceilings, circuits };
    let status = u8::from(comparison.is_refuted());
    let figure = |_| growth::figure(&args.plot, &comparison.circuits);
    Ok(Report { status, ..plan.draw(&comparison, &figure)? })
}

impl Args {
    fn plan(&self) -> measure::Plan {
        let request = Request {
            layers: Some(self.layers),
            heads: self.heads,
            dtype: self.dtype,
            vocab: Some(self.vocab),
            ..Request::default()
        };
        let (schemes, samples, builds) = (self.scheme.clone(), self.samples, !self.no_verify);
        measure::Plan { schemes, request, samples, builds }
    }
}

/// The specs that `name:A..B` stands for: sizes A, 2A, 4A up to B.
fn sizes(spec: &str) -> Result<Vec<String>> {
    let range =
        spec.split_once(':').and_then(|(name, sizes)| Some((name, sizes.split_once("..")?)));
    let Some((name, (first, last))) = range.filter(|_| !std::path::Path::new(spec).exists()) else {
        return Ok(vec![spec.to_string()]);
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|&n| n > 0);
    let range = number(first).zip(number(last)).filter(|(first, last)| first <= last);
    let Some((first, last)) = range else {
        return Err(Error::new("sizes A..B of 1 or more, A at most B", format!("{spec:?}")));
    };
    let doubled = std::iter::successors(Some(first), |n| n.checked_mul(2));
    Ok(doubled.take_while(|&n| n <= last).map(|n| format!("{name}:{n}")).collect())
}

/// The name of a family, for the circuits in it; files are one.
fn family(name: &str) -> String {
    if std::path::Path::new(name).exists() || name == "stdin" {
        "files".to_string()
    } else {
        name.split(':').next().unwrap_or(name).to_string()
    }
}
