//! `trace`: what every node holds after each layer, as a grid, CSV or JSON; of a decoder what it writes.

use std::fmt::Write;
use std::io::IsTerminal;

use circuit2tf::circuit::Circuit;
use circuit2tf::model::{Applied, Model, Pass, Schedule};
use circuit2tf::table::quoted;
use circuit2tf::trace::{Mark, Netlist, Trace};
use circuit2tf::verify::{Pairing, bit_string};
use circuit2tf::{Error, Result};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::{Report, assignments, emissions, run, source, talk};

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
        let model = run::with_loops(model, args.loops)?;
        return emissions::report(&model, &inputs, args.format == Format::Csv);
    }
    // What the model should compute does not depend on how long it is watched.
    let pairing = match circuit {
        Some(circuit) => Pairing::new(&model, circuit, None)?,
        None => Pairing::default(),
    };
    let model = pairing.arrange(model);
    let netlist = netlist(&model, circuit);
    let model = run::with_loops(model, args.loops)?;
    let arranged = pairing.circuit_input(&inputs);
    let trace = Trace::run(&model, &arranged, model.n_loops)?;
    let marked = netlist.map(|netlist| Marked::new(netlist, &arranged, &trace)).transpose()?;
    let text = match (args.format, &marked) {
        (Format::Csv, _) => csv(&trace, marked.as_ref()),
        (Format::Grid, Some(marked)) if marked.netlist.nodes().len() <= MAX_ROWS => {
            nodes_grid(&trace, marked)
        }
        (Format::Grid, Some(marked)) => levels_grid(&trace, marked),
        (Format::Grid, None) => bare_grid(&trace),
    };
    let json = trace_json(&model, &inputs, &trace, marked.as_ref());
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// The most bits of all traces together.
const MAX_BITS: usize = 1 << 28;

/// Many inputs: per input and number of layers the bit at each position.
fn many(model: &Model, file: &str) -> Result<Report> {
    let inputs = assignments::lines(file, model.input_positions.len())?;
    let n_steps = model.schedule().n_steps().saturating_add(1);
    if inputs.len().saturating_mul(n_steps).saturating_mul(model.n_ctx()) > MAX_BITS {
        let expected = format!("traces of at most {MAX_BITS} bits together");
        let found = format!("{} inputs, {n_steps} steps of {}", inputs.len(), model.n_ctx());
        return Err(Error::new(expected, found).hint("trace fewer inputs at a time"));
    }
    let run = |input: &Vec<bool>| Trace::run(model, input, model.n_loops);
    let traces: Vec<Trace> = inputs.par_iter().map(run).collect::<Result<_>>()?;
    let mut text = "inputs,step,bits\n".to_string();
    let mut json = Vec::new();
    for (input, trace) in inputs.iter().zip(&traces) {
        let steps: Vec<String> = trace.bits.iter().map(|bits| bit_string(bits)).collect();
        for (step, bits) in steps.iter().enumerate() {
            let _ = writeln!(text, "{},{step},{bits}", bit_string(input));
        }
        json.push(json!({ "inputs": bit_string(input), "steps": steps }));
    }
    Ok(Report { text: text.into_bytes(), json: json!({ "traces": json }), status: 0 })
}

/// A trace with what is known of it.
struct Marked {
    netlist: Netlist,
    known_since: Vec<usize>,
    expected: Vec<bool>,
    /// Per number of layers, of every node.
    marks: Vec<Vec<Mark>>,
}

impl Marked {
    fn new(netlist: Netlist, inputs: &[bool], trace: &Trace) -> Result<Self> {
        let expected = netlist.values(inputs)?;
        let known_since = netlist.known_since(&expected);
        let steps = trace.bits.iter().enumerate();
        let marks = steps.map(|(step, bits)| {
            let mut marks = netlist.marks(&expected, &known_since, bits, step);
            for (id, node) in netlist.nodes().iter().enumerate() {
                if !trace.is_known(step, node.position) {
                    let is_late = known_since[id] <= step;
                    marks[id] = if is_late { Mark::Wrong } else { Mark::Unknown };
                }
            }
            marks
        });
        Ok(Marked { marks: marks.collect(), expected, known_since, netlist })
    }
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

/// Rows and columns of a grid that people read.
const MAX_ROWS: usize = 200;
const MAX_COLUMNS: usize = 24;
const NAME_WIDTH: usize = 14;

/// The numbers of layers that are shown: all, or the ends of loops, or the first and last of these. The
/// gap is none.
fn columns(trace: &Trace) -> Vec<Option<usize>> {
    let mut steps: Vec<usize> = (0..trace.bits.len()).collect();
    if steps.len() > MAX_COLUMNS && trace.schedule.n_layers > 1 {
        talk::note("the ends of loops only; --format csv has every layer");
        let last = trace.bits.len() - 1;
        steps.retain(|&step| step == 0 || step == last || trace.loops_done(step).is_some());
    }
    if steps.len() <= MAX_COLUMNS {
        return steps.into_iter().map(Some).collect();
    }
    let ends = MAX_COLUMNS / 2;
    talk::note(format_args!("the first and last {ends} of {} columns", steps.len()));
    let last = &steps[steps.len() - MAX_COLUMNS / 2..];
    let first = steps[..MAX_COLUMNS / 2].iter().copied().map(Some);
    first.chain([None]).chain(last.iter().copied().map(Some)).collect()
}

/// A column's head: `start`, the loop, or loop and layer; a layer of the prelude or the coda by its number.
fn head(trace: &Trace, column: Option<usize>) -> String {
    match column.map(|step| trace.applied(step)) {
        None => "…".to_string(),
        Some(None) => "start".to_string(),
        Some(Some(Applied::Prelude { layer })) => format!("p{layer}"),
        Some(Some(Applied::Core { in_loop, .. })) if trace.schedule.n_layers == 1 => {
            in_loop.to_string()
        }
        Some(Some(Applied::Core { in_loop, layer })) => format!("{in_loop}.{layer}"),
        Some(Some(Applied::Coda { layer })) => format!("c{layer}"),
    }
}

/// What the heads of columns count.
fn unit(trace: &Trace) -> &'static str {
    let Schedule { n_prelude, n_layers, n_coda, .. } = trace.schedule;
    match (n_layers, n_prelude + n_coda) {
        (1, 0) => "loop",
        (_, 0) => "loop.layer",
        (1, _) => "loop (p: prelude, c: coda)",
        _ => "loop.layer (p: prelude, c: coda)",
    }
}

fn heads(trace: &Trace, columns: &[Option<usize>], width: usize) -> String {
    let heads = columns.iter().map(|&column| format!(" {:>width$}", head(trace, column)));
    heads.collect()
}

/// Whether marks may be coloured; they are told apart by their symbols too. <https://no-color.org>
fn is_coloured() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        && std::io::stdout().is_terminal()
}

fn paint(mark: Mark, text: &str, coloured: bool) -> String {
    let colour = match mark {
        Mark::Right => 32,
        Mark::Unknown => 2,
        Mark::Stale => 33,
        Mark::Wrong => 31,
    };
    if coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_string() }
}

/// A row per node by level, a column per layer.
fn nodes_grid(trace: &Trace, marked: &Marked) -> String {
    let (columns, coloured) = (columns(trace), is_coloured());
    let nodes = marked.netlist.nodes();
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|&id| (nodes[id].level, id));
    let mut text = format!("{:>5}  {:<NAME_WIDTH$} {:<9}  ", "level", "node", "gate");
    let _ = writeln!(text, "after {}", unit(trace));
    let _ = writeln!(text, "{:33}{}", "", heads(trace, &columns, 5).trim_end());
    for id in order {
        let node = &nodes[id];
        let _ = write!(text, "{:>5}  {} {:<9} ", node.level, fitted(&node.name), node.operation);
        for &column in &columns {
            text += &match column {
                None => "     …".to_string(),
                Some(step) => {
                    let mark = marked.marks[step][id];
                    let value = trace.value(step, node.position);
                    // One question mark says it.
                    let symbol = if value == '?' { ' ' } else { mark.symbol() };
                    paint(mark, &format!("    {value}{symbol}"), coloured)
                }
            };
        }
        text.push('\n');
    }
    text + &outputs_text(trace, marked) + &legend()
}

/// A row per level, a column per layer: how many nodes are right, of all.
fn levels_grid(trace: &Trace, marked: &Marked) -> String {
    let n_nodes = marked.netlist.nodes().len();
    talk::note(format_args!(
        "{n_nodes} nodes: right ones counted by level; --format csv has every node"
    ));
    let columns = columns(trace);
    let nodes = marked.netlist.nodes();
    let n_levels = nodes.iter().map(|node| node.level + 1).max().unwrap_or(0);
    let mut members = vec![Vec::new(); n_levels];
    nodes.iter().enumerate().for_each(|(id, node)| members[node.level].push(id));
    let width = nodes.len().to_string().len().max(5);
    let mut text = format!("level   nodes  right after {}\n", unit(trace));
    let _ = writeln!(text, "{:14}{}", "", heads(trace, &columns, width));
    for (level, members) in members.iter().enumerate() {
        let right = |step: usize| {
            members.iter().filter(|&&id| marked.marks[step][id] == Mark::Right).count()
        };
        let _ = write!(text, "{level:>5} {:>7} ", members.len());
        for column in &columns {
            let cell = column.map_or("…".to_string(), |step| right(step).to_string());
            let _ = write!(text, " {cell:>width$}");
        }
        text.push('\n');
    }
    text + &outputs_text(trace, marked)
}

/// Bits of all positions, where nothing is known of them.
fn bare_grid(trace: &Trace) -> String {
    let mut text = String::new();
    for column in columns(trace) {
        let bits = column.map(|step| trace.values(step));
        let bits = bits.map(|bits| {
            let cut: String = bits.chars().take(MAX_ROWS).collect();
            if cut.len() < bits.len() { cut + "…" } else { cut }
        });
        let _ = writeln!(text, "{:>6}  {}", head(trace, column), bits.unwrap_or_default());
    }
    text + &halted_text(trace)
}

/// When a model that halts does so.
fn halted_text(trace: &Trace) -> String {
    match (&trace.known, trace.halted_after_loop) {
        (None, _) => String::new(),
        (Some(_), Some(loops)) => format!("halts after loop {loops}: all outputs are known\n"),
        (Some(_), None) => "does not halt: an output is not known\n".to_string(),
    }
}

/// The first characters of a name, in a field.
fn fitted(name: &str) -> String {
    let cut = match name.chars().count() > NAME_WIDTH {
        true => name.chars().take(NAME_WIDTH - 1).chain(['…']).collect(),
        false => name.to_string(),
    };
    format!("{cut:<NAME_WIDTH$}")
}

fn outputs_text(trace: &Trace, marked: &Marked) -> String {
    let last = trace.bits.len() - 1;
    let mut text = String::new();
    for (name, id) in marked.netlist.outputs().take(MAX_ROWS) {
        let bit = trace.value(last, marked.netlist.nodes()[id].position);
        let mark = marked.marks[last][id];
        let known = after(trace, marked.known_since[id]);
        let when = if last >= marked.known_since[id] { "known after" } else { "not known before" };
        let _ = writeln!(text, "output {name} = {bit} ({}), {when} {known}", mark.name());
    }
    text += &halted_text(trace);
    match trace.fixed_since_loop {
        Some(loops) => text + &format!("fixed point after loop {loops}\n"),
        None => text,
    }
}

/// The loop, or the layer outside of it, by whose end `step` layers are done.
fn after(trace: &Trace, step: usize) -> String {
    match trace.applied(step) {
        Some(Applied::Prelude { layer }) => format!("layer {layer} of the prelude"),
        Some(Applied::Coda { layer }) => format!("layer {layer} of the coda"),
        _ => format!("loop {}", known_after_loop(trace, step)),
    }
}

/// The number of loops with which `step` layers are done.
fn known_after_loop(trace: &Trace, step: usize) -> usize {
    step.saturating_sub(trace.schedule.n_prelude).div_ceil(trace.schedule.n_layers)
}

fn legend() -> String {
    let marks = Mark::ALL.map(|mark| format!("{} {}", mark.symbol(), mark.name()));
    format!("{}\n", marks.join("  "))
}

/// The loop, or the part outside of it, and the layer within that `step` layers end with.
fn part_and_layer(trace: &Trace, step: usize) -> (String, usize) {
    match trace.applied(step) {
        None => ("0".to_string(), 0),
        Some(Applied::Prelude { layer }) => ("prelude".to_string(), layer),
        Some(Applied::Core { in_loop, layer }) => (in_loop.to_string(), layer),
        Some(Applied::Coda { layer }) => ("coda".to_string(), layer),
    }
}

/// One line per node and number of layers.
fn csv(trace: &Trace, marked: Option<&Marked>) -> String {
    let mut text = "step,loop,layer,position,level,name,gate,bit,expected,mark\n".to_string();
    for (step, bits) in trace.bits.iter().enumerate() {
        let (r, l) = part_and_layer(trace, step);
        match marked {
            None => (0..bits.len()).for_each(|position| {
                let value = trace.value(step, position);
                let _ = writeln!(text, "{step},{r},{l},{position},,,,{value},,");
            }),
            Some(marked) => {
                for (id, node) in marked.netlist.nodes().iter().enumerate() {
                    let _ = writeln!(
                        text,
                        "{step},{r},{l},{},{},{},{},{},{},{}",
                        node.position,
                        node.level,
                        quoted(&node.name),
                        quoted(&node.operation),
                        trace.value(step, node.position),
                        u8::from(marked.expected[id]),
                        marked.marks[step][id].name(),
                    );
                }
            }
        }
    }
    text
}

fn trace_json(model: &Model, inputs: &[bool], trace: &Trace, marked: Option<&Marked>) -> Value {
    let step = |step: usize| {
        let mut json = json!({ "step": step, "bits": bit_string(&trace.bits[step]) });
        match trace.applied(step) {
            None => {}
            Some(Applied::Core { in_loop, layer }) => {
                (json["loop"], json["layer"]) = (in_loop.into(), layer.into());
            }
            Some(Applied::Prelude { layer } | Applied::Coda { layer }) => {
                (json["part"], json["layer"]) =
                    (part_and_layer(trace, step).0.into(), layer.into());
            }
        }
        if let Some(known) = &trace.known {
            json["known"] = bit_string(&known[step]).into();
        }
        if let Some(marked) = marked {
            let symbols = marked.marks[step].iter().map(|mark| mark.symbol());
            json["marks"] = symbols.collect::<String>().into();
        }
        json
    };
    let last = trace.bits.len() - 1;
    let outputs: String =
        model.output_positions.iter().map(|&position| trace.value(last, position)).collect();
    json!({
        "inputs": bit_string(inputs),
        "outputs": outputs,
        "n_prelude": trace.schedule.n_prelude,
        "n_layers": trace.schedule.n_layers,
        "n_coda": trace.schedule.n_coda,
        "n_loops": model.n_loops,
        "fixed_since_loop": trace.fixed_since_loop,
        "halted_after_loop": trace.halted_after_loop,
        "steps": (0..trace.bits.len()).map(step).collect::<Vec<_>>(),
        "nodes": marked.map(nodes_json),
        "output_nodes": marked.map(|marked| outputs_json(marked, trace)),
    })
}

fn nodes_json(marked: &Marked) -> Vec<Value> {
    let node = |(id, node): (usize, &circuit2tf::trace::Node)| {
        json!({
            "position": node.position,
            "name": node.name,
            "gate": node.operation,
            "level": node.level,
            "operands": node.operands,
            "expected": u8::from(marked.expected[id]),
            "known_since_step": marked.known_since[id],
        })
    };
    marked.netlist.nodes().iter().enumerate().map(node).collect()
}

fn outputs_json(marked: &Marked, trace: &Trace) -> Vec<Value> {
    let output = |(name, id): (&str, usize)| {
        json!({
            "name": name,
            "node": id,
            "known_after_loop": known_after_loop(trace, marked.known_since[id]),
        })
    };
    marked.netlist.outputs().map(output).collect()
}
