//! `capacity`: the headline ratio of latent states to tokens, why it misleads, and what latches hold.

use circuit2tf::mapping;
use circuit2tf::model::Dtype;
use circuit2tf::reasoning::cot::{Method, TokenSchedule};
use circuit2tf::theory::capacity::latch::{self, Experiment, Survival};
use circuit2tf::theory::capacity::{Ceilings, Demand, ceiling, count, demand, noise};
use circuit2tf::{Error, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use super::progress::Bar;
use super::{Report, source};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// A circuit whose tokens and loops are counted too
    circuit: Option<String>,
    /// Tokens of the vocabulary
    #[arg(long, value_name = "V", default_value_t = 32_768)]
    vocab: u64,
    /// Coordinates of a latent state
    #[arg(long, value_name = "D", default_value_t = 4096)]
    dim: u64,
    /// Bits of a coordinate [default: those of --dtype, or 16]
    #[arg(long, value_name = "B")]
    bits: Option<u64>,
    /// Show this number format only: f32, f16, bf16 or f64
    #[arg(long)]
    dtype: Option<Dtype>,
    /// Signal-to-noise ratios in decibels
    #[arg(
        long,
        value_name = "DB",
        value_delimiter = ',',
        default_values_t = [10.0, 20.0, 30.0, 40.0],
        allow_negative_numbers = true
    )]
    snr_db: Vec<f64>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Hold levels through many loops under bounded noise, and find how many survive
    Latch(LatchArgs),
}

#[derive(Debug, clap::Args)]
struct LatchArgs {
    /// How far noise may move a level, as a part of the whole interval
    #[arg(long, value_name = "R", default_value_t = 0.03, allow_negative_numbers = true)]
    noise: f64,
    /// Compute in this number format only: f32, f16, bf16 or f64
    #[arg(long)]
    dtype: Option<Dtype>,
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    loops: u64,
    /// Of the random noise
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

/// The largest ratio of signal to noise that is a finite number, in decibels, and some less.
const MAX_DB: f64 = 300.0;

/// Levels of a circuit that are listed; of deeper ones only the largest cut is shown.
const MAX_ROWS: usize = 40;

pub fn main(args: &Args) -> Result<Report> {
    if let Some(Action::Latch(args)) = &args.action {
        return latch(args);
    }
    let ceilings = Ceilings::new(args.vocab, args.dim, bits(args)?)?;
    if let Some(db) = args.snr_db.iter().find(|db| !(-MAX_DB..=MAX_DB).contains(*db)) {
        let expected = format!("--snr-db from -{MAX_DB} to {MAX_DB}");
        return Err(Error::new(expected, db.to_string()));
    }
    let sections = [
        headline(&ceilings),
        formats(&ceilings, &formats_shown(args.dtype)),
        noisy(&ceilings, &args.snr_db)?,
        restoration(&ceilings)?,
    ];
    let mut text = String::new();
    let mut json = json!({});
    let circuit = args.circuit.as_deref().map(|spec| circuit(spec, &ceilings)).transpose()?;
    for (lines, values) in sections.into_iter().chain(circuit) {
        text += &lines;
        for (key, value) in values.as_object().into_iter().flatten() {
            json[key] = value.clone();
        }
    }
    if args.circuit.is_none() {
        text += "with a circuit: what its levels ask for, and the speed-up that is left of these schedules\n";
    }
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// Bits of a coordinate, by `--bits` and `--dtype`.
fn bits(args: &Args) -> Result<u64> {
    let of_dtype = args.dtype.map(|dtype| 8 * dtype.size() as u64);
    match (args.bits, of_dtype) {
        (Some(bits), Some(dtype)) if bits != dtype => {
            let found = format!("--bits {bits}");
            Err(Error::new(format!("--bits {dtype}, the size of --dtype"), found))
        }
        (bits, dtype) => Ok(bits.or(dtype).unwrap_or(16)),
    }
}

fn formats_shown(dtype: Option<Dtype>) -> Vec<Dtype> {
    dtype.map_or(Dtype::ALL.to_vec(), |dtype| vec![dtype])
}

fn headline(ceilings: &Ceilings) -> (String, Value) {
    let (token, state, ratio) = (ceilings.token_bits(), ceilings.state_bits(), ceilings.ratio());
    let (d, b, tokens) = (ceilings.dim(), ceilings.bits(), ceilings.tokens_to_exceed());
    let mut text = format!(
        "storage: a token of V = {} holds log2 V = {token:.3} bits, a state of {d} x {b} bits {state}: \
         ratio {ratio:.2}\n",
        ceilings.vocabulary()
    );
    let mut others = Vec::new();
    for vocabulary in ceiling::VOCABULARIES {
        let other = Ceilings::new(vocabulary, d, b).expect("vocabularies in use are in range");
        let (bits, ratio) = (other.token_bits(), other.ratio());
        text += &format!("  V = {vocabulary:<7} {bits:.3} bits  ratio {ratio:.2}\n");
        others.push(json!({ "vocabulary": vocabulary, "token_bits": bits, "ratio": ratio }));
    }
    text += "\nwhy the ratio misleads\n";
    text += &format!(
        "context: tokens stay, and {tokens} of them tell apart more than a state; both hold at most the \
         n bits of the input\n"
    );
    let json = json!({
        "vocabulary": ceilings.vocabulary(), "dim": d, "bits": b, "token_bits": token,
        "state_bits": state, "ratio": ratio, "tokens_to_exceed_a_state": tokens,
        "vocabularies": others,
    });
    (text, json)
}

fn formats(ceilings: &Ceilings, dtypes: &[Dtype]) -> (String, Value) {
    let mut text = format!(
        "formats: finite patterns, with both zeros and with one; equally spaced levels make p + 1 bits; a sum \
         of ones stops at 2^p\n  {:<5} {:>20} {:>9} {:>11} {:>11} {:>9} {:>17}\n",
        "dtype", "finite", "bits", "a state", "one zero", "spaced", "largest count"
    );
    let mut list = Vec::new();
    for &dtype in dtypes {
        let patterns = ceiling::finite_patterns(dtype);
        let state = |count| ceilings.dim() as f64 * ceiling::bits_of(count);
        let [both, one] = [patterns, ceiling::finite_values(dtype)].map(state);
        let bits = ceiling::bits_of(patterns);
        let (readable, largest) = (noise::readable_bits(dtype), count::largest_count(dtype));
        text += &format!(
            "  {:<5} {patterns:>20} {bits:>9.5} {both:>11.1} {one:>11.1} {readable:>9} {largest:>17}\n",
            dtype.name()
        );
        list.push(json!({
            "dtype": dtype.name(), "finite_patterns": patterns, "bits": bits, "state_bits": both,
            "finite_values": ceiling::finite_values(dtype), "state_bits_one_zero": one,
            "readable_bits": readable, "readable_levels": noise::readable_levels(dtype),
            "largest_count": largest,
        }));
    }
    (text, json!({ "formats": list }))
}

/// Noise as parts of a range of 2 for which worst-case levels are shown.
const WORST_CASE: [f64; 4] = [0.25, 0.1, 0.01, 0.001];

fn noisy(ceilings: &Ceilings, decibels: &[f64]) -> Result<(String, Value)> {
    let mut text = "noise: Gaussian, 1/2 log2(1 + SNR) bits a coordinate\n".to_string();
    let mut gaussian = Vec::new();
    for &db in decibels {
        let bits = noise::gaussian_bits(db);
        let state = ceilings.dim() as f64 * bits;
        let ratio = state / ceilings.token_bits();
        text += &format!("  {db:>6} dB  {bits:>8.3}  a state {state:>12.1}  ratio {ratio:.2}\n");
        gaussian.push(json!({ "db": db, "bits": bits, "state_bits": state, "ratio": ratio }));
    }
    text += "noise: of less than r on [-1, 1] at worst, floor(1/r) + 1 levels\n";
    let mut worst = Vec::new();
    for r in WORST_CASE {
        let levels = noise::worst_case_levels(1.0, r)?;
        let bits = levels.log2();
        text += &format!("  r = {r:<6} {levels:>5} levels  {bits:>7.3} bits\n");
        worst.push(json!({ "noise": r, "levels": levels, "bits": bits }));
    }
    Ok((text, json!({ "gaussian": gaussian, "worst_case": worst })))
}

/// The usual width of an MLP, as a multiple of the residual stream's.
const USUAL_WIDTH: u64 = 4;

fn restoration(ceilings: &Ceilings) -> Result<(String, Value)> {
    let dim = ceilings.dim();
    let hidden = USUAL_WIDTH * dim;
    let levels = noise::restorable_levels(dim, hidden)?;
    let bits = noise::latched_bits(dim, levels);
    let [units, residual] =
        [noise::restoration_units(dim, levels), noise::residual_units(dim, levels)];
    let text = format!(
        "restoring each coordinate by itself: an exact staircase of M levels in {dim} coordinates takes 2 d (M - 1) \
         ReLU units; the {hidden} of an MLP give M = {levels}\n  log2 {levels} = {:.3} bits a coordinate, {} bits a state, \
         ratio {:.2}; the residual stream adds {} units (it adds d for M = 2 only)\n",
        bits / dim as f64,
        bits.floor(),
        bits / ceilings.token_bits(),
        residual - units
    );
    let json = json!({ "restoration": {
        "hidden_units": hidden, "levels": levels, "bits_a_coordinate": bits / dim as f64,
        "state_bits": bits, "units": units, "units_in_a_residual_stream": residual,
    }});
    Ok((text, json))
}

fn circuit(spec: &str, ceilings: &Ceilings) -> Result<(String, Value)> {
    let source = source::circuit(spec)?;
    let network = mapping::map(&source.circuit, 2)?.network;
    let demand = Demand::of(&network);
    let per_token = ceilings.gates_per_token();
    let tokens = TokenSchedule::new(&network, per_token as usize, Method::Best).bounds;
    let (gates, depth) = (demand.gates(), demand.depth());
    let parallelism = demand.average_parallelism();
    let (at, cut) = demand.largest_cut();
    let mut text =
        format!("\n{}: G = {gates} gates of fan-in 2, D = {depth} levels\n", source.name);
    text += &levels_text(&demand);
    text += &format!(
        "largest cut: {cut} bits after level {at}, of the {} that a state can hold\n\
         tokens: {tokens}\nloops of one layer: {depth}\n",
        ceilings.state_bits(),
    );
    let mut json = json!({
        "name": source.name, "gates": gates, "depth": depth, "widths": demand.widths,
        "cuts": demand.cuts, "largest_cut": { "after_level": at, "nodes": cut },
        "gates_per_token": per_token, "loops": depth, "average_parallelism": parallelism,
        "tokens": {
            "least": tokens.lower, "by_level": tokens.by_levels, "most": tokens.upper,
            "by_critical_path": tokens.by_critical_path, "reached": tokens.reached,
            "reached_is_least": tokens.is_least,
        },
    });
    if let Some(parallelism) = parallelism {
        let ahead = |tokens: usize| tokens as f64 / depth as f64;
        let [least, enough] = demand::parallelism_for(ceilings.ratio(), per_token);
        text += &format!(
            "speed-up of loops over tokens: {:.2} (level by level {:.2}; bounds {:.2} to {:.2}), for G/D = {parallelism:.2}; the \
             headline's {:.2} needs G/D >= {least:.0}, and has it from {enough:.0} on\n",
            ahead(tokens.reached),
            ahead(tokens.by_levels),
            ahead(tokens.lower),
            ahead(tokens.upper),
            ceilings.ratio()
        );
        json["speed_up"] = json!({
            "least": ahead(tokens.lower), "by_level": ahead(tokens.by_levels),
            "most": ahead(tokens.upper), "reached": ahead(tokens.reached),
        });
        json["parallelism_for_the_ratio"] = json!([least, enough]);
    }
    Ok((text, json!({ "circuit": json })))
}

fn levels_text(demand: &Demand) -> String {
    if demand.cuts.len() > MAX_ROWS {
        return String::new();
    }
    let gates = std::iter::once(&0).chain(&demand.widths);
    let rows = gates.zip(&demand.cuts).enumerate();
    let rows = rows.map(|(level, (gates, cut))| format!("{level:>7} {gates:>9} {cut:>9}\n"));
    format!("  level     gates  live cut\n{}", rows.collect::<String>())
}

fn latch(args: &LatchArgs) -> Result<Report> {
    let dtypes = formats_shown(args.dtype);
    let bound = noise::latchable_levels(args.noise)?;
    let mut text = format!(
        "noise r = {}: no map holds more than {} levels, {} if noise stays below r\n\
         levels that survive {} loops, seed {}\n  dtype  adversarial  random\n",
        args.noise, bound.reaching, bound.below, args.loops, args.seed
    );
    let mut list = Vec::new();
    let bar = Bar::counting(dtypes.len() as u64, "formats");
    for dtype in dtypes {
        let found = latch::experiment(dtype, args.noise, args.loops, args.seed, &bar)?;
        text += &format!(
            "  {:<5} {:>12} {:>7}{}\n",
            dtype.name(),
            found.adversarial.levels,
            found.random.levels,
            remark(&found)
        );
        list.push(json!({
            "dtype": dtype.name(), "adversarial": survival(&found.adversarial),
            "random": survival(&found.random),
        }));
    }
    let json = json!({
        "noise": args.noise, "loops": args.loops, "seed": args.seed, "bound": bound.reaching,
        "bound_if_below": bound.below, "most_tried": latch::MAX_LEVELS, "formats": list,
    });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

/// Why the bound was not met.
fn remark(found: &Experiment) -> String {
    let held = found.adversarial.levels;
    match found.adversarial.one_more {
        Some(loss) if held == found.bound.reaching => {
            format!("  of {} levels, {} is lost after loop {}", held + 1, loss.level, loss.after)
        }
        Some(_) => "  precision ends before the noise".to_string(),
        None => format!("  not more than {} were tried", latch::MAX_LEVELS),
    }
}

fn survival(survival: &Survival) -> Value {
    let loss = |loss: latch::Loss| json!({ "level": loss.level, "after_loop": loss.after });
    json!({ "levels": survival.levels, "one_more_is_lost": survival.one_more.map(loss) })
}
