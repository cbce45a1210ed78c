//! `compare`: the schemes of reasoning side by side, each compiled from the same circuit and verified.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{self, Options};
use circuit2tf::figure::chart::{Axis, Chart, Mark, Series};
use circuit2tf::model::{Dtype, Model, Scheme};
use circuit2tf::network::Network;
use circuit2tf::reasoning::cost::{Cost, Crossing};
use circuit2tf::reasoning::{coconut, cot, pause, universal};
use circuit2tf::verify::Verdict;
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::{Report, source, verify};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Circuits; a family with sizes A..B, such as adder:4..32, is taken at A, 2A, 4A and so on
    #[arg(required = true, value_name = "CIRCUIT")]
    circuits: Vec<String>,
    /// Only these schemes, separated by commas
    #[arg(long, value_name = "S", value_delimiter = ',')]
    scheme: Vec<Scheme>,
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
    #[arg(long, default_value = "f32")]
    dtype: Dtype,
    /// Assignments to sample where no certificate applies and not all can be tried; by default what takes
    /// some seconds, 100000 at most
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// Count without building and verifying the models of decoders
    #[arg(long)]
    no_verify: bool,
    /// What is printed, or written with -o
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// What the curves of an SVG show against the number of gates
    #[arg(long, value_enum, default_value_t)]
    plot: Quantity,
    /// Write the table or figure to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Csv,
    Markdown,
    Svg,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Quantity {
    #[default]
    Steps,
    Tokens,
    Parameters,
    MultiplyAdds,
    CacheBytes,
}

/// One circuit with all its schemes.
struct Compared {
    name: String,
    n_gates: usize,
    depth: usize,
    crossing: Crossing,
    rows: Vec<Row>,
}

struct Row {
    cost: Cost,
    verified: String,
    is_refuted: bool,
}

/// Assignments on which the states of live cuts are counted: all of so many inputs, else as many random ones.
const MEASURED_INPUTS: usize = 12;

/// Decoders of more parameters are counted and not built.
const MAX_BUILT: u128 = 1 << 26;

pub fn main(args: &Args) -> Result<Report> {
    let specs: Vec<String> =
        args.circuits.iter().map(|spec| sizes(spec)).collect::<Result<Vec<_>>>()?.concat();
    let mut all = Vec::with_capacity(specs.len());
    for spec in &specs {
        all.push(compare(args, spec)?);
    }
    let document = match args.format {
        Format::Text => text(args, &all),
        Format::Csv => csv(&all),
        Format::Markdown => markdown(&all),
        Format::Svg => figure(args, &all)?,
    };
    let is_refuted = all.iter().flat_map(|compared| &compared.rows).any(|row| row.is_refuted);
    let text = match &args.output {
        Some(path) => {
            source::write(path, document.as_bytes())?;
            format!("wrote {path}\n")
        }
        None => document,
    };
    let json = json!({
        "ceilings": ceilings(args),
        "circuits": all.iter().map(compared_json).collect::<Vec<_>>(),
    });
    Ok(Report { text: text.into_bytes(), json, status: u8::from(is_refuted) })
}

/// The specs that `name:A..B` stands for: sizes A, 2A, 4A up to B.
fn sizes(spec: &str) -> Result<Vec<String>> {
    let range =
        spec.split_once(':').and_then(|(name, sizes)| Some((name, sizes.split_once("..")?)));
    let Some((name, (first, last))) = range.filter(|_| !std::path::Path::new(spec).exists()) else {
        return Ok(vec![spec.to_string()]);
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|&n| n > 0);
    let (Some(first), Some(last)) = (number(first), number(last)) else {
        return Err(Error::new("sizes A..B of 1 or more", format!("{spec:?}")));
    };
    let doubled = std::iter::successors(Some(first), |n| n.checked_mul(2));
    Ok(doubled.take_while(|&n| n <= last).map(|n| format!("{name}:{n}")).collect())
}

fn compare(args: &Args, spec: &str) -> Result<Compared> {
    let source = source::circuit(spec)?;
    let options =
        Options { layers: args.layers, heads: args.heads, dtype: args.dtype, ..Options::default() };
    let network = compile::map(&source.circuit, &options)?.network;
    let schemes = if args.scheme.is_empty() { &Scheme::ALL[..] } else { &args.scheme };
    let mut rows = Vec::with_capacity(schemes.len());
    for &scheme in schemes {
        rows.push(row(args, &source, &network, (scheme, &options))?);
    }
    Ok(Compared {
        name: source.name,
        n_gates: network.n_nodes() - network.n_inputs(),
        depth: network.depth(),
        crossing: Crossing::measure(&network, &assignments(network.n_inputs())?),
        rows,
    })
}

/// All assignments if they are few, else some random ones.
fn assignments(n_inputs: usize) -> Result<Batch> {
    if n_inputs <= MEASURED_INPUTS {
        return Ok(Batch::counting(n_inputs, 0, 1 << n_inputs));
    }
    // A linear congruential generator (Knuth's MMIX constants), as good as any for counting states.
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 63 == 1
    };
    let columns: Vec<Vec<bool>> =
        (0..1 << MEASURED_INPUTS).map(|_| (0..n_inputs).map(|_| word()).collect()).collect();
    Batch::from_columns(n_inputs, &columns)
}

fn row(
    args: &Args,
    source: &source::Source,
    network: &Network,
    (scheme, options): (Scheme, &Options),
) -> Result<Row> {
    let (circuit, sha256) = (&source.circuit, &*source.sha256);
    let model = match scheme {
        Scheme::Recurrent => compile::compile(circuit, sha256, options)?,
        Scheme::Unrolled => {
            compile::compile(circuit, sha256, &Options { unroll: true, ..options.clone() })?
        }
        Scheme::Universal => universal::compile(circuit, sha256, options)?,
        Scheme::Pause => {
            let options = Options { layers: network.depth().max(1), ..options.clone() };
            let n_pauses = network.n_nodes() - network.n_inputs();
            pause::compile(circuit, sha256, n_pauses, &options)?
        }
        Scheme::Coconut | Scheme::Cot => return decoder(args, source, network, (scheme, options)),
    };
    verified(args, Cost::of_parallel(&model), &model, circuit)
}

/// A decoder is built only where it is small enough; its costs are known without.
fn decoder(
    args: &Args,
    source: &source::Source,
    network: &Network,
    (scheme, options): (Scheme, &Options),
) -> Result<Row> {
    let (cost, shape) = Cost::of_decoder(scheme, network, args.vocab, options)?;
    if args.no_verify || shape.parameters() > MAX_BUILT {
        let verified = "not built: counted from its sizes".to_string();
        return Ok(Row { cost, verified, is_refuted: false });
    }
    let (layers, fan_in, dtype) = (options.layers, options.heads, options.dtype);
    let model = match scheme {
        Scheme::Cot => {
            let options = cot::Options { vocab: args.vocab, fan_in, dtype, ..Default::default() };
            cot::compile(&source.circuit, &source.sha256, &options)?
        }
        _ => {
            let options = coconut::Options { layers, fan_in, dtype };
            coconut::compile(&source.circuit, &source.sha256, &options)?
        }
    };
    verified(args, cost, &model, &source.circuit)
}

/// What a comparison may spend on verifying a decoder: some seconds of multiply-adds.
const BUDGET: u128 = 1 << 34;
const MOST_SAMPLES: u128 = 100_000;

fn verified(args: &Args, cost: Cost, model: &Model, circuit: &Circuit) -> Result<Row> {
    let affordable = match model.scheme.is_parallel() {
        true => MOST_SAMPLES,
        false => (BUDGET / cost.multiply_adds.max(1)).clamp(64, MOST_SAMPLES),
    };
    let samples = args.samples.unwrap_or(affordable as u64);
    let verdict = verify::check_with(model, circuit, samples)?;
    let is_refuted = matches!(verdict, Verdict::Refuted(_));
    // The first words say how: `VERIFIED certificate`, `VERIFIED exhaustive 256`, `UNKNOWN sampled 100000`.
    let text = verdict.to_string();
    let n_words = if is_refuted || text.contains("certificate") { 2 } else { 3 };
    let verified = text.split(' ').take(n_words).collect::<Vec<_>>().join(" ");
    Ok(Row { cost, verified, is_refuted })
}

const COLUMNS: [&str; 13] = [
    "scheme",
    "passes",
    "steps",
    "tokens",
    "layers",
    "embedding",
    "blocks tied",
    "blocks untied",
    "unembedding",
    "multiply-adds",
    "cache bytes",
    "bits a pass",
    "verified",
];

fn cells(row: &Row) -> [String; 13] {
    let cost = &row.cost;
    [
        cost.scheme.to_string(),
        cost.passes.to_string(),
        cost.steps.to_string(),
        cost.tokens.to_string(),
        cost.layers.to_string(),
        cost.embedding.to_string(),
        cost.blocks.to_string(),
        cost.blocks_untied.to_string(),
        cost.unembedding.to_string(),
        cost.multiply_adds.to_string(),
        cost.cache_bytes.to_string(),
        decimal(cost.crossing_bits),
        row.verified.clone(),
    ]
}

fn decimal(x: f64) -> String {
    let text = format!("{x:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Bits of a token, of a latent step of the given width, and their ratio.
fn ceilings(args: &Args) -> Value {
    let token = (args.vocab.max(1) as f64).log2();
    let latent = args.dim as f64 * args.bits as f64;
    json!({ "token_bits": token, "latent_bits": latent, "ratio": latent / token })
}

fn facts(compared: &Compared) -> String {
    let crossing = &compared.crossing;
    format!(
        "{}: {} gates, depth {}; live cut {} bits; {} states after level {} on {} inputs ({} bits)",
        compared.name,
        compared.n_gates,
        compared.depth,
        crossing.live_cut,
        crossing.states,
        crossing.level,
        crossing.n_assignments,
        decimal(crossing.bits()),
    )
}

fn text(args: &Args, all: &[Compared]) -> String {
    let mut text = String::new();
    for compared in all {
        let rows: Vec<_> = compared.rows.iter().map(cells).collect();
        let width = |c: usize| {
            rows.iter().map(|row| row[c].len()).chain([COLUMNS[c].len()]).max().unwrap_or(0)
        };
        let line = |row: &[String; 13]| {
            let cell = |(c, cell): (usize, &String)| match c {
                0 => format!("{cell:<0$}", width(c)),
                12 => cell.clone(),
                _ => format!("{cell:>0$}", width(c)),
            };
            row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ") + "\n"
        };
        text += &format!("{}\n{}", facts(compared), line(&COLUMNS.map(str::to_string)));
        text.extend(rows.iter().map(line));
        text += "\n";
    }
    let (token, latent) = ((args.vocab.max(1) as f64).log2(), args.dim as f64 * args.bits as f64);
    text + &format!(
        "ceilings: a token of {} holds {} bits, a latent step of {} numbers of {} bits {}; what crosses \
         is the live cut\n",
        args.vocab,
        decimal(token),
        args.dim,
        args.bits,
        decimal(latent)
    )
}

fn csv(all: &[Compared]) -> String {
    let mut text = format!("circuit,gates,depth,live cut,states,{}\n", COLUMNS.join(","));
    for compared in all {
        for row in &compared.rows {
            let quoted = compared.name.replace('"', "\"\"");
            text += &format!(
                "\"{quoted}\",{},{},{},{},{}\n",
                compared.n_gates,
                compared.depth,
                compared.crossing.live_cut,
                compared.crossing.states,
                cells(row).join(",")
            );
        }
    }
    text
}

fn markdown(all: &[Compared]) -> String {
    let mut text = String::new();
    for compared in all {
        text += &format!("{}\n\n| {} |\n", facts(compared), COLUMNS.join(" | "));
        text += &format!("|{}\n", "---|".repeat(COLUMNS.len()));
        for row in &compared.rows {
            text += &format!("| {} |\n", cells(row).join(" | "));
        }
        text += "\n";
    }
    text
}

/// A curve for each scheme over the number of gates.
fn figure(args: &Args, all: &[Compared]) -> Result<String> {
    let (label, quantity): (&str, fn(&Cost) -> f64) = match args.plot {
        Quantity::Steps => ("sequential steps", |cost| cost.steps as f64),
        Quantity::Tokens => ("tokens emitted", |cost| cost.tokens as f64),
        Quantity::Parameters => ("parameters", |cost| cost.parameters() as f64),
        Quantity::MultiplyAdds => ("multiply-adds", |cost| cost.multiply_adds as f64),
        Quantity::CacheBytes => ("cache bytes", |cost| cost.cache_bytes as f64),
    };
    let mut series = Vec::new();
    for scheme in Scheme::ALL {
        let point = |compared: &Compared| {
            let row = compared.rows.iter().find(|row| row.cost.scheme == scheme)?;
            // A logarithmic axis has no place for 0.
            let point = (compared.n_gates as f64, quantity(&row.cost));
            (point.0 > 0.0 && point.1 > 0.0).then_some(point)
        };
        let mut points: Vec<(f64, f64)> = all.iter().filter_map(point).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !points.is_empty() {
            series.push(Series::new(scheme.name(), Mark::Line, points));
        }
    }
    let names: Vec<&str> = all.iter().map(|compared| compared.name.as_str()).collect();
    let chart = Chart {
        title: format!("{label} of each scheme"),
        description: format!("Over the number of gates of {}.", names.join(", ")),
        x: Axis::log("gates"),
        y: Axis::log(label),
        series,
    };
    chart.to_svg()
}

fn compared_json(compared: &Compared) -> Value {
    let row = |row: &Row| {
        let cost = &row.cost;
        // 128-bit counts do not fit in every JSON reader's numbers; these do, up to 2^53.
        let number = |n: u128| n as f64;
        json!({
            "scheme": cost.scheme.name(),
            "passes": cost.passes,
            "steps": cost.steps,
            "tokens": cost.tokens,
            "layers": cost.layers,
            "parameters": {
                "embedding": number(cost.embedding),
                "blocks": number(cost.blocks),
                "blocks_untied": number(cost.blocks_untied),
                "unembedding": number(cost.unembedding),
                "total": number(cost.parameters()),
                "total_untied": number(cost.parameters_untied()),
            },
            "multiply_adds": number(cost.multiply_adds),
            "cache_bytes": number(cost.cache_bytes),
            "crossing_bits": cost.crossing_bits,
            "verified": row.verified,
        })
    };
    let crossing = &compared.crossing;
    json!({
        "circuit": compared.name,
        "gates": compared.n_gates,
        "depth": compared.depth,
        "live_cut": crossing.live_cut,
        "states": crossing.states,
        "states_level": crossing.level,
        "states_inputs": crossing.n_assignments,
        "schemes": compared.rows.iter().map(row).collect::<Vec<_>>(),
    })
}
