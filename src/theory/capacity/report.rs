//! The accounts of capacity as values: what tokens and states hold, what a circuit asks for, what latches hold.

use serde::Serialize;

use super::latch::{self, MAX_LEVELS, Survival};
use super::{Ceilings, Demand, ceiling, count, demand, noise};
use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::mapping;
use crate::model::Dtype;
use crate::progress::Progress;
use crate::reasoning::cot::{Bounds, Method, TokenSchedule};
use crate::table::{Cell, Document, Table, Tabular, number, row, words};

/// The largest ratio of signal to noise that is taken, in decibels: its power is a finite number, and that of
/// any less.
pub const MAX_DB: f64 = 300.0;

/// Noise as parts of a range of 2 for which worst-case levels are shown.
const WORST_CASE: [f64; 4] = [0.25, 0.1, 0.01, 0.001];

/// The usual width of an MLP, as a multiple of the residual stream's.
const USUAL_WIDTH: u64 = 4;

/// Levels of a circuit that are listed for people; of deeper ones only the largest cut is shown.
const MAX_ROWS: usize = 40;

/// What a token and a latent state can hold, and why their ratio misleads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// The vocabulary that was asked for.
    #[serde(flatten)]
    pub storage: Storage,
    /// Coordinates of a state.
    pub dim: u64,
    /// Bits of a coordinate.
    pub bits: u64,
    /// Bits of a state.
    pub state_bits: u64,
    /// Tokens that hold more than a state.
    pub tokens_to_exceed_a_state: u64,
    /// As much of vocabularies that are in use.
    pub vocabularies: Vec<Storage>,
    /// Formats that states are kept in.
    pub formats: Vec<NumberFormat>,
    /// By signal-to-noise ratio.
    pub gaussian: Vec<Gaussian>,
    /// By the bound on noise.
    pub worst_case: Vec<WorstCase>,
    /// What a layer can restore.
    pub restoration: Restoration,
    /// What a circuit asks for, if one is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit: Option<Asked>,
}

/// A token against a state, in bits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Storage {
    /// Tokens.
    pub vocabulary: u64,
    /// Bits of a token.
    pub token_bits: f64,
    /// Bits of a state over those of a token.
    pub ratio: f64,
}

/// What coordinates of a number format can hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberFormat {
    /// The format.
    pub dtype: Dtype,
    /// With both zeros.
    pub finite_patterns: u64,
    /// Bits of a coordinate.
    pub bits: f64,
    /// Bits of a state.
    pub state_bits: f64,
    /// With one zero.
    pub finite_values: u64,
    /// Bits of a state, with one zero.
    pub state_bits_one_zero: f64,
    /// Of equally spaced levels.
    pub readable_bits: u32,
    /// As many as a threshold tells apart.
    pub readable_levels: u64,
    /// Where a sum of ones stops.
    pub largest_count: u64,
}

/// Shannon's bits of a coordinate under Gaussian noise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gaussian {
    /// The signal-to-noise ratio in decibels.
    pub db: f64,
    /// Bits of a coordinate.
    pub bits: f64,
    /// Bits of a state.
    pub state_bits: f64,
    /// Over the bits of a token.
    pub ratio: f64,
}

/// Levels that are told apart whatever the noise below a bound does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorstCase {
    /// The bound, as a part of the range.
    pub noise: f64,
    /// How many there are.
    pub levels: f64,
    /// Bits of a coordinate.
    pub bits: f64,
}

/// What an MLP of the usual width can restore.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restoration {
    /// ReLU units of the MLP.
    pub hidden_units: u64,
    /// Levels of a coordinate that they restore.
    pub levels: u64,
    /// Bits of a coordinate.
    pub bits_a_coordinate: f64,
    /// Bits of a state.
    pub state_bits: f64,
    /// Units that a layer without a residual stream needs for as many levels.
    pub units: u64,
    /// Units of a layer that also has to clear the stream.
    pub units_in_a_residual_stream: u64,
}

/// What a circuit asks of tokens and loops.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// The circuit's.
    pub name: String,
    /// Gates and constants of its network.
    pub gates: u64,
    /// Levels of its network.
    pub depth: u64,
    /// Gates by level, from 1.
    pub widths: Vec<u64>,
    /// Live nodes after each level, from 0.
    pub cuts: Vec<u64>,
    /// Where most nodes are live.
    pub largest_cut: Cut,
    /// Gates that a token holds: whole bits of the vocabulary.
    pub gates_per_token: u64,
    /// Of one layer each.
    pub loops: u64,
    /// Gates a level; none if there are no levels.
    pub average_parallelism: Option<f64>,
    /// Tokens of a chain of thought.
    pub tokens: Tokens,
    /// Loops over tokens, unless there are no gates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_up: Option<SpeedUp>,
    /// The gates a level that the ratio of storage takes: at least, and enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism_for_the_ratio: Option<[f64; 2]>,
    #[serde(skip)]
    schedule: Bounds,
}

/// The level after which most nodes are live.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cut {
    /// Which, from 0.
    pub after_level: usize,
    /// Live ones.
    pub nodes: u64,
}

/// Numbers of tokens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tokens {
    /// No schedule has fewer.
    pub least: usize,
    /// Level by level.
    pub by_level: usize,
    /// The bound on those.
    pub most: usize,
    /// The gates with the longest way to an output first.
    pub by_critical_path: usize,
    /// Those of the schedule that was taken.
    pub reached: usize,
    /// Whether no schedule has fewer than that.
    pub reached_is_least: bool,
}

/// Tokens for each loop.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeedUp {
    /// By the least tokens.
    pub least: f64,
    /// By tokens level by level.
    pub by_level: f64,
    /// By the bound on those.
    pub most: f64,
    /// By those of the schedule that was taken.
    pub reached: f64,
}

impl Capacity {
    /// Accounts of these number formats, and of Gaussian noise at these signal-to-noise ratios in decibels.
    ///
    /// # Errors
    /// A ratio beyond [`MAX_DB`], or more coordinates than can be counted with.
    pub fn new(ceilings: &Ceilings, dtypes: &[Dtype], decibels: &[f64]) -> Result<Self> {
        if let Some(db) = decibels.iter().find(|db| !(-MAX_DB..=MAX_DB).contains(*db)) {
            let expected = format!("--snr-db from -{MAX_DB} to {MAX_DB}");
            return Err(Error::new(expected, db.to_string()));
        }
        let in_use = ceiling::VOCABULARIES.map(|vocabulary| {
            let other = Ceilings::new(vocabulary, ceilings.dim(), ceilings.bits());
            Storage::of(&other.expect("vocabularies in use are in range"))
        });
        Ok(Capacity {
            storage: Storage::of(ceilings),
            dim: ceilings.dim(),
            bits: ceilings.bits(),
            state_bits: ceilings.state_bits(),
            tokens_to_exceed_a_state: ceilings.tokens_to_exceed(),
            vocabularies: in_use.to_vec(),
            formats: dtypes.iter().map(|&dtype| NumberFormat::of(ceilings, dtype)).collect(),
            gaussian: decibels.iter().map(|&db| Gaussian::of(ceilings, db)).collect(),
            worst_case: WORST_CASE.into_iter().map(WorstCase::of).collect::<Result<_>>()?,
            restoration: Restoration::of(ceilings)?,
            circuit: None,
        })
    }

    /// With what a circuit asks for.
    ///
    /// # Errors
    /// The circuit is sequential, or cannot be mapped.
    pub fn with_circuit(self, name: &str, circuit: &Circuit, ceilings: &Ceilings) -> Result<Self> {
        Ok(Capacity { circuit: Some(Asked::of(name, circuit, ceilings)?), ..self })
    }
}

impl Storage {
    fn of(ceilings: &Ceilings) -> Self {
        Storage {
            vocabulary: ceilings.vocabulary(),
            token_bits: ceilings.token_bits(),
            ratio: ceilings.ratio(),
        }
    }
}

impl NumberFormat {
    fn of(ceilings: &Ceilings, dtype: Dtype) -> Self {
        let (patterns, values) = (ceiling::finite_patterns(dtype), ceiling::finite_values(dtype));
        let state = |count| ceilings.dim() as f64 * ceiling::bits_of(count);
        NumberFormat {
            dtype,
            finite_patterns: patterns,
            bits: ceiling::bits_of(patterns),
            state_bits: state(patterns),
            finite_values: values,
            state_bits_one_zero: state(values),
            readable_bits: noise::readable_bits(dtype),
            readable_levels: noise::readable_levels(dtype),
            largest_count: count::largest_count(dtype),
        }
    }
}

impl Gaussian {
    fn of(ceilings: &Ceilings, db: f64) -> Self {
        let bits = noise::gaussian_bits(db);
        let state_bits = ceilings.dim() as f64 * bits;
        Gaussian { db, bits, state_bits, ratio: state_bits / ceilings.token_bits() }
    }
}

impl WorstCase {
    fn of(r: f64) -> Result<Self> {
        let levels = noise::worst_case_levels(1.0, r)?;
        Ok(WorstCase { noise: r, levels, bits: levels.log2() })
    }
}

impl Restoration {
    fn of(ceilings: &Ceilings) -> Result<Self> {
        let dim = ceilings.dim();
        let hidden_units = USUAL_WIDTH * dim;
        let levels = noise::restorable_levels(dim, hidden_units)?;
        let state_bits = noise::latched_bits(dim, levels);
        Ok(Restoration {
            hidden_units,
            levels,
            bits_a_coordinate: state_bits / dim as f64,
            state_bits,
            units: noise::restoration_units(dim, levels),
            units_in_a_residual_stream: noise::residual_units(dim, levels),
        })
    }
}

impl Asked {
    fn of(name: &str, circuit: &Circuit, ceilings: &Ceilings) -> Result<Self> {
        let network = mapping::map(circuit, 2)?.network;
        let demand = Demand::of(&network);
        let per_token = ceilings.gates_per_token();
        let schedule = TokenSchedule::new(&network, per_token as usize, Method::Best).bounds;
        let (after_level, nodes) = demand.largest_cut();
        let average_parallelism = demand.average_parallelism();
        let depth = demand.depth();
        let for_ratio = || demand::parallelism_for(ceilings.ratio(), per_token);
        Ok(Asked {
            name: name.to_string(),
            gates: demand.gates(),
            depth,
            largest_cut: Cut { after_level, nodes },
            gates_per_token: per_token,
            loops: depth,
            average_parallelism,
            tokens: Tokens::of(&schedule),
            speed_up: average_parallelism.map(|_| SpeedUp::of(&schedule, depth)),
            parallelism_for_the_ratio: average_parallelism.map(|_| for_ratio()),
            widths: demand.widths,
            cuts: demand.cuts,
            schedule,
        })
    }
}

impl Tokens {
    fn of(schedule: &Bounds) -> Self {
        Tokens {
            least: schedule.lower,
            by_level: schedule.by_levels,
            most: schedule.upper,
            by_critical_path: schedule.by_critical_path,
            reached: schedule.reached,
            reached_is_least: schedule.is_least,
        }
    }
}

impl SpeedUp {
    fn of(schedule: &Bounds, depth: u64) -> Self {
        let ahead = |tokens: usize| tokens as f64 / depth as f64;
        SpeedUp {
            least: ahead(schedule.lower),
            by_level: ahead(schedule.by_levels),
            most: ahead(schedule.upper),
            reached: ahead(schedule.reached),
        }
    }
}

fn decimal(x: f64, digits: usize) -> Cell {
    Cell::rounded(x, format!("{x:.digits$}"))
}

impl Tabular for Capacity {
    fn document(&self) -> Document {
        let mut document = Document::default();
        self.storage_in(&mut document);
        self.formats_in(&mut document);
        self.noise_in(&mut document);
        self.restoration_in(&mut document);
        match &self.circuit {
            Some(asked) => self.circuit_in(asked, &mut document),
            None => document.prose(
                "with a circuit: what its levels ask for, and the speed-up that is left of these schedules",
            ),
        }
        document
    }
}

impl Capacity {
    fn storage_in(&self, document: &mut Document) {
        let Storage { vocabulary, token_bits, ratio } = &self.storage;
        document.line(format!(
            "storage: a token of V = {vocabulary} holds log2 V = {token_bits:.3} bits, a state of {} x {} bits {}: \
             ratio {ratio:.2}",
            self.dim, self.bits, self.state_bits
        ));
        let row = |s: &Storage| row![s.vocabulary, decimal(s.token_bits, 3), decimal(s.ratio, 2)];
        let table = Table::new([number("vocabulary"), number("bits a token"), number("ratio")]);
        document.table(table.with(self.vocabularies.iter().map(row)));
        document.line("");
        document.line("why the ratio misleads");
        document.line(format!(
            "context: tokens stay, and {} of them tell apart more than a state; both hold at most the n bits of the \
             input",
            self.tokens_to_exceed_a_state
        ));
    }

    fn formats_in(&self, document: &mut Document) {
        document.line(
            "formats: finite patterns, with both zeros and with one; equally spaced levels make p + 1 bits; a sum of \
             ones stops at 2^p",
        );
        let heads = ["finite", "bits", "a state", "one zero", "spaced", "largest count"];
        let row = |f: &NumberFormat| {
            row![
                f.dtype.name(),
                f.finite_patterns,
                decimal(f.bits, 3),
                decimal(f.state_bits, 0),
                decimal(f.state_bits_one_zero, 0),
                f.readable_bits,
                f.largest_count,
            ]
        };
        let table = Table::new([words("dtype")].into_iter().chain(heads.map(number)));
        document.table(table.with(self.formats.iter().map(row)));
    }

    fn noise_in(&self, document: &mut Document) {
        document.line("noise: Gaussian, 1/2 log2(1 + SNR) bits a coordinate");
        let row = |g: &Gaussian| {
            let db = Cell::rounded(g.db, g.db.to_string());
            row![db, decimal(g.bits, 3), decimal(g.state_bits, 1), decimal(g.ratio, 2)]
        };
        let table = Table::new(["dB", "bits", "a state", "ratio"].map(number));
        document.table(table.with(self.gaussian.iter().map(row)));
        document.line("noise: of less than r on [-1, 1] at worst, floor(1/r) + 1 levels");
        let row = |w: &WorstCase| {
            let levels = Cell::rounded(w.levels, w.levels.to_string());
            row![w.noise.to_string(), levels, decimal(w.bits, 3)]
        };
        let table = Table::new(["r", "levels", "bits"].map(number));
        document.table(table.with(self.worst_case.iter().map(row)));
    }

    fn restoration_in(&self, document: &mut Document) {
        let Restoration { hidden_units, levels, bits_a_coordinate, state_bits, .. } =
            &self.restoration;
        document.line(format!(
            "restoring each coordinate by itself: an exact staircase of M levels in {} coordinates takes 2 d (M - 1) \
             ReLU units; the {hidden_units} of an MLP give M = {levels}",
            self.dim
        ));
        document.line(format!(
            "  log2 {levels} = {bits_a_coordinate:.3} bits a coordinate, {} bits a state, ratio {:.2}; the residual \
             stream adds {} units (it adds d for M = 2 only)",
            state_bits.floor(),
            state_bits / self.storage.token_bits,
            self.restoration.units_in_a_residual_stream - self.restoration.units
        ));
    }

    fn circuit_in(&self, asked: &Asked, document: &mut Document) {
        let Asked { name, gates, depth, largest_cut: Cut { after_level, nodes }, .. } = asked;
        document.line("");
        document.line(format!("{name}: G = {gates} gates of fan-in 2, D = {depth} levels"));
        if asked.cuts.len() <= MAX_ROWS {
            document.table(asked.levels());
        } else {
            document.data(asked.levels());
        }
        document.line(format!(
            "largest cut: {nodes} bits after level {after_level}, of the {} that a state can hold",
            self.state_bits
        ));
        document.line(format!("tokens: {}", asked.schedule));
        document.line(format!("loops of one layer: {depth}"));
        let ahead = (&asked.speed_up, asked.average_parallelism, asked.parallelism_for_the_ratio);
        if let (Some(ahead), Some(parallelism), Some([least, enough])) = ahead {
            document.line(format!(
                "speed-up of loops over tokens: {:.2} (level by level {:.2}; bounds {:.2} to {:.2}), for G/D = \
                 {parallelism:.2}; the headline's {:.2} needs G/D >= {least:.0}, and has it from {enough:.0} on",
                ahead.reached, ahead.by_level, ahead.least, ahead.most, self.storage.ratio
            ));
        }
    }
}

impl Asked {
    fn levels(&self) -> Table {
        let gates = std::iter::once(&0).chain(&self.widths);
        let rows = gates.zip(&self.cuts).enumerate();
        let rows = rows.map(|(level, (&gates, &cut))| row![level, gates, cut]);
        let table = Table::new(["level", "gates", "live cut"].map(number));
        table.about("circuit", &self.name).with(rows)
    }
}

/// How many levels survive many loops of noise, by number format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latched {
    /// As a part of the whole interval.
    pub noise: f64,
    /// How many.
    pub loops: u64,
    /// Of random noise.
    pub seed: u64,
    /// No map holds more levels against noise that reaches its bound.
    pub bound: u64,
    /// No map holds more against noise that stays below its bound.
    pub bound_if_below: u64,
    /// More levels were not tried.
    pub most_tried: u64,
    /// By format.
    pub formats: Vec<Held>,
}

/// The levels that a number format held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The format.
    pub dtype: Dtype,
    /// Against noise that is always up or always down.
    pub adversarial: Survival,
    /// Against uniform noise.
    pub random: Survival,
}

impl Latched {
    /// Holds levels through `loops` loops in each number format, against the worst noise and against random
    /// noise drawn by `seed`.
    ///
    /// # Errors
    /// The noise is not a positive number, there is no loop, or `progress` is cancelled.
    pub fn measure(
        noise: f64,
        (loops, seed): (u64, u64),
        dtypes: &[Dtype],
        progress: &dyn Progress,
    ) -> Result<Self> {
        let bound = noise::latchable_levels(noise)?;
        let held = |&dtype: &Dtype| {
            let found = latch::experiment(dtype, noise, loops, seed, progress)?;
            Ok(Held { dtype, adversarial: found.adversarial, random: found.random })
        };
        Ok(Latched {
            noise,
            loops,
            seed,
            bound: bound.reaching,
            bound_if_below: bound.below,
            most_tried: MAX_LEVELS,
            formats: dtypes.iter().map(held).collect::<Result<_>>()?,
        })
    }
}

impl Tabular for Latched {
    fn document(&self) -> Document {
        let mut document = Document::default();
        document.line(format!(
            "noise r = {}: no map holds more than {} levels, {} if noise stays below r",
            self.noise, self.bound, self.bound_if_below
        ));
        document.line(format!("levels that survive {} loops, seed {}", self.loops, self.seed));
        let heads = [words("dtype"), number("adversarial"), number("random"), words("why no more")];
        let row = |held: &Held| {
            let (adversarial, random) = (held.adversarial.levels, held.random.levels);
            row![held.dtype.name(), adversarial, random, held.remark(self.bound)]
        };
        document.table(Table::new(heads).with(self.formats.iter().map(row)));
        document
    }
}

impl Held {
    /// Why the bound was not met.
    fn remark(&self, bound: u64) -> String {
        let held = self.adversarial.levels;
        match self.adversarial.one_more {
            Some(lost) if held == bound => {
                format!("of {} levels, {} is lost after loop {}", held + 1, lost.level, lost.after)
            }
            Some(_) => "precision ends before the noise".to_string(),
            None => format!("not more than {MAX_LEVELS} were tried"),
        }
    }
}
