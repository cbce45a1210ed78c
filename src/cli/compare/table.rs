//! The comparison as text, CSV, Markdown and JSON: a row for each scheme.

use circuit2tf::verify::Assignments;
use serde_json::{Value, json};

use super::{Args, Compared, Row, Taken};

const COLUMNS: [&str; 15] = [
    "scheme",
    "passes",
    "mean",
    "worst",
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
/// Columns of words, which begin at the left.
const WORDS: [usize; 2] = [0, COLUMNS.len() - 1];

/// Those of a scheme that always takes the same number of passes have no mean and no worst.
fn cells(row: &Row) -> [String; 15] {
    let cost = &row.cost;
    let taken = |of: fn(&Taken) -> String| row.taken.as_ref().map_or(String::new(), of);
    [
        cost.scheme.to_string(),
        cost.passes.to_string(),
        taken(|taken| decimal(taken.mean)),
        taken(|taken| taken.worst.to_string()),
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

pub fn text(args: &Args, all: &[Compared]) -> String {
    let mut text = String::new();
    for compared in all {
        text += &format!("{}\n", facts(compared));
        let mut rows = vec![COLUMNS.map(str::to_string)];
        rows.extend(compared.rows.iter().map(cells));
        let width = |c: usize| rows.iter().map(|row| row[c].len()).max().unwrap_or(0);
        for row in &rows {
            let cell = |(c, cell): (usize, &String)| match WORDS.contains(&c) {
                true => format!("{cell:<0$}", width(c)),
                false => format!("{cell:>0$}", width(c)),
            };
            let line = row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
            text += &format!("{}\n", line.trim_end());
        }
        text += &format!("{}\n", remarks(compared));
    }
    text + &ceilings_text(args)
}

/// What crosses from level to level.
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

/// On what mean and worst were measured: a line, or none.
fn remarks(compared: &Compared) -> String {
    let taken = compared.rows.iter().find_map(|row| row.taken.as_ref());
    taken.map_or(String::new(), |taken| {
        format!("mean, worst: loops until the outputs are known, on {}\n", measured_on(taken))
    })
}

fn measured_on(taken: &Taken) -> String {
    match taken.assignments {
        Assignments::All => format!("all {} inputs", taken.n_assignments),
        Assignments::Sample { seed, .. } => {
            format!("a sample of {} inputs, seed {seed}", taken.n_assignments)
        }
    }
}

/// Bits of a token, of a latent step of the given width, and their ratio.
fn ceilings(args: &Args) -> [f64; 3] {
    let token = (args.vocab.max(1) as f64).log2();
    let latent = args.dim as f64 * args.bits as f64;
    [token, latent, latent / token]
}

fn ceilings_text(args: &Args) -> String {
    let [token, latent, _] = ceilings(args).map(decimal);
    format!(
        "ceilings: a token of {} holds {token} bits, a latent step of {} numbers of {} bits {latent}; what \
         crosses is the live cut\n",
        args.vocab, args.dim, args.bits,
    )
}

pub fn csv(all: &[Compared]) -> String {
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

pub fn markdown(args: &Args, all: &[Compared]) -> String {
    let mut text = String::new();
    for compared in all {
        text += &format!("{}\n\n| {} |\n", facts(compared), COLUMNS.join(" | "));
        text += &format!("|{}\n", "---|".repeat(COLUMNS.len()));
        for row in &compared.rows {
            text += &format!("| {} |\n", cells(row).join(" | "));
        }
        text += &format!("\n{}\n", remarks(compared));
    }
    text + &ceilings_text(args)
}

pub fn json(args: &Args, all: &[Compared]) -> Value {
    let [token, latent, ratio] = ceilings(args);
    json!({
        "ceilings": { "token_bits": token, "latent_bits": latent, "ratio": ratio },
        "circuits": all.iter().map(compared_json).collect::<Vec<_>>(),
    })
}

fn compared_json(compared: &Compared) -> Value {
    let crossing = &compared.crossing;
    json!({
        "circuit": compared.name,
        "gates": compared.n_gates,
        "depth": compared.depth,
        "live_cut": crossing.live_cut,
        "states": crossing.states,
        "states_level": crossing.level,
        "states_inputs": crossing.n_assignments,
        "schemes": compared.rows.iter().map(row_json).collect::<Vec<_>>(),
    })
}

fn row_json(row: &Row) -> Value {
    let cost = &row.cost;
    // 128-bit counts do not fit in every JSON reader's numbers; these do, up to 2^53.
    let number = |n: u128| n as f64;
    json!({
        "scheme": cost.scheme.name(),
        "passes": cost.passes,
        "loops_taken": row.taken.as_ref().map(taken_json),
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
}

fn taken_json(taken: &Taken) -> Value {
    json!({
        "mean": taken.mean,
        "worst": taken.worst,
        "exhaustive": taken.assignments == Assignments::All,
        "inputs": taken.n_assignments,
    })
}
