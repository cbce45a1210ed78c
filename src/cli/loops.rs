//! `loops`: how many loops of the compiled block are needed?

use std::time::Duration;

use circuit2tf::mapping;
use circuit2tf::network::Network;
use circuit2tf::sat::Limits;
use circuit2tf::theory::tightness::{self, Correctness, Loops, Witness};
use circuit2tf::verify::bit_string;
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::{Report, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit
    circuit: String,
    /// Layers of the block
    #[arg(long, value_name = "L", default_value_t = 1)]
    layers: usize,
    /// The largest fan-in of a node, one attention head each
    #[arg(long, value_name = "K", default_value_t = 2)]
    heads: usize,
    /// Take the circuit's gates as they are, not the nodes that compile makes of them, some of which hold
    /// a gate's complement and so start from its other value
    #[arg(long, conflicts_with = "heads")]
    gates: bool,
    /// Also count the wrong inputs after every number of layers, by trying all
    #[arg(long)]
    table: bool,
    /// The most conflicts of one question to the SAT solver
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    conflicts: u64,
    /// The most seconds for solving; what is undecided then stays so
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

pub fn main(args: &Args) -> Result<Report> {
    if args.layers == 0 {
        return Err(Error::new("--layers of 1 or more", "0"));
    }
    let source = source::circuit(&args.circuit)?;
    let network = match args.gates {
        true => mapping::gates(&source.circuit)?,
        false => mapping::map(&source.circuit, args.heads)?.network,
    };
    let table = if args.table { Some(count(&network)?) } else { None };
    let limits =
        Limits { conflicts: Some(args.conflicts), time: Some(Duration::from_secs(args.timeout)) };
    let loops = tightness::loops(&network, args.layers, limits)?;
    let mut text =
        format!("{}: depth {}, layers a loop {}\n", source.name, loops.depth, args.layers);
    let mut json = loops_json(&loops);
    if let Some([zero, one]) = &table {
        text += &table_text(zero, one);
        json["wrong_inputs"] = json!({ "from_0": zero, "from_1": one });
    }
    text += &describe(&loops);
    let status = if is_decided(&loops) { 0 } else { 3 };
    Ok(Report { text: text.into_bytes(), json, status })
}

fn count(network: &Network) -> Result<[Vec<u64>; 2]> {
    Ok([tightness::wrong_inputs(network, false)?, tightness::wrong_inputs(network, true)?])
}

fn table_text(zero: &[u64], one: &[u64]) -> String {
    let rows = zero.iter().zip(one).enumerate();
    let rows = rows.map(|(t, (zero, one))| format!("{t:>6} {zero:>16} {one:>16}\n"));
    format!("layers   wrong, gates 0   wrong, gates 1\n{}", rows.collect::<String>())
}

fn describe(loops: &Loops) -> String {
    let mut text = format!("right from gates at 0: {} loops\n", ranges(&loops.from_zero, is_right));
    let undecided = ranges(&loops.from_zero, |c| *c == Correctness::Undecided);
    if !undecided.is_empty() {
        text += &format!("undecided from gates at 0: {undecided} loops\n");
    }
    if loops.is_right_then_wrong() {
        text += "more loops can be wrong again: the least number is no safe number\n";
    }
    let least = loops.least_from_zero();
    if let Some(Correctness::Wrong(witness)) =
        least.and_then(|least| loops.from_zero.get(least.checked_sub(1)?))
    {
        text += &format!("one fewer is wrong on {}\n", bit_string(&witness.input));
    }
    if let Some(Correctness::Wrong(witness)) = &loops.from_any.one_fewer {
        text += &format!(
            "from all gate states, {} is wrong on {} with nodes at {}\n",
            loops.from_any.loops - 1,
            bit_string(&witness.input),
            bit_string(&witness.start)
        );
    }
    let [zero, any, kleene] = numbers(loops);
    text + &format!("LOOPS least={zero} from-all-states={any} kleene={kleene}\n")
}

/// The three answers; an upper bound that may not be the least has `<=` before it.
fn numbers(loops: &Loops) -> [String; 3] {
    let bound = |n: usize, exact: bool| if exact { n.to_string() } else { format!("<={n}") };
    let first_right = loops.from_zero.iter().position(is_right).unwrap_or(loops.depth);
    [
        bound(first_right, loops.least_from_zero().is_some()),
        bound(loops.from_any.loops, is_exact(loops)),
        bound(loops.kleene.0, loops.kleene.1),
    ]
}

fn is_right(correctness: &Correctness) -> bool {
    *correctness == Correctness::Right
}

fn is_exact(loops: &Loops) -> bool {
    loops.from_any.one_fewer != Some(Correctness::Undecided)
}

fn is_decided(loops: &Loops) -> bool {
    loops.least_from_zero().is_some() && is_exact(loops) && loops.kleene.1
}

/// The indices of what is `wanted`, as `1, 3-7`.
fn ranges(all: &[Correctness], wanted: impl Fn(&Correctness) -> bool) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (r, _) in all.iter().enumerate().filter(|(_, c)| wanted(c)) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == r => *last = r,
            _ => ranges.push((r, r)),
        }
    }
    let text = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn loops_json(loops: &Loops) -> Value {
    let witness =
        |w: &Witness| json!({ "input": bit_string(&w.input), "nodes": bit_string(&w.start) });
    let correctness = |c: &Correctness| match c {
        Correctness::Right => json!({ "status": "right" }),
        Correctness::Undecided => json!({ "status": "undecided" }),
        Correctness::Wrong(found) => json!({ "status": "wrong", "witness": witness(found) }),
    };
    json!({
        "depth": loops.depth,
        "layers": loops.layers,
        "from_zero": {
            "least": loops.least_from_zero(),
            "by_loops": loops.from_zero.iter().map(correctness).collect::<Vec<_>>(),
        },
        "from_all_states": {
            "loops": loops.from_any.loops,
            "one_fewer": loops.from_any.one_fewer.as_ref().map(correctness),
        },
        "kleene": { "loops": loops.kleene.0, "least": loops.kleene.1 },
        "lemmas": loops.lemmas,
    })
}
