//! The schemes of reasoning side by side, as a value: a row for each scheme of each circuit.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::cost::{Cost, Crossing};
use crate::table::{Cell, Document, Table, Tabular, number, row, words};
use crate::verify::{Assignments, Verdict};

pub mod measure;

/// Circuits with what each scheme costs for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Whatever the circuit.
    pub ceilings: Ceilings,
    /// In the order in which they were given.
    pub circuits: Vec<Compared>,
}

/// What a token and a latent step can hold at most, whatever the circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceilings {
    /// Tokens of the vocabulary.
    pub vocab: usize,
    /// Numbers of a latent step, and bits of each.
    pub dim: u64,
    /// Bits of a number.
    pub bits: u64,
}

impl Ceilings {
    /// Bits of a token, of a latent step, and their ratio.
    pub fn bits(self) -> [f64; 3] {
        let token = (self.vocab.max(1) as f64).log2();
        let latent = self.dim as f64 * self.bits as f64;
        [token, latent, latent / token]
    }
}

/// One circuit with all its schemes.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The circuit's.
    pub name: String,
    /// What it was taken from: circuits of one family are points of one curve.
    pub family: String,
    /// Gates of the circuit.
    pub n_gates: usize,
    /// Levels of its network.
    pub depth: usize,
    /// What it hands over from pass to pass.
    pub crossing: Crossing,
    /// One per scheme.
    pub rows: Vec<Row>,
}

/// One scheme for one circuit.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it costs.
    pub cost: Cost,
    /// Whether that is of a model that is right.
    pub verification: Verification,
    /// How many loops a model that halts takes.
    pub taken: Option<Taken>,
}

/// Whether the model was built and verified.
#[derive(Debug, Clone, PartialEq)]
pub enum Verification {
    /// It was, and this was found.
    Done(Verdict),
    /// Its costs are counted from its sizes, since that was asked for.
    NotAsked,
    /// Its costs are counted from its sizes, since it has too many parameters.
    TooLarge,
}

impl Verification {
    /// In a few words.
    pub fn brief(&self) -> String {
        match self {
            Verification::Done(verdict) => verdict.brief(),
            Verification::NotAsked => "not built: counted".to_string(),
            Verification::TooLarge => "too large to build: counted".to_string(),
        }
    }
}

/// Loops until the outputs were known.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Over the assignments.
    pub mean: f64,
    /// Of all of them.
    pub worst: usize,
    /// Which were run.
    pub assignments: Assignments,
    /// How many they are.
    pub n_assignments: u64,
}

impl Taken {
    fn measured_on(&self) -> String {
        match self.assignments {
            Assignments::All => format!("all {} inputs", self.n_assignments),
            Assignments::Sample { seed, .. } => {
                format!("a sample of {} inputs, seed {seed}", self.n_assignments)
            }
        }
    }
}

impl Comparison {
    /// Whether a model was found to be wrong.
    pub fn is_refuted(&self) -> bool {
        let mut rows = self.circuits.iter().flat_map(|compared| &compared.rows);
        rows.any(|row| matches!(row.verification, Verification::Done(Verdict::Refuted(_))))
    }
}

/// The columns of numbers; words stand before and after them.
const NUMBERS: [&str; 13] = [
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
];

/// Those of a scheme that always takes the same number of passes have no mean and no worst.
fn cells(row: &Row) -> [Cell; 15] {
    let cost = &row.cost;
    row![
        cost.scheme.name(),
        cost.passes,
        row.taken.as_ref().map(|taken| decimal(taken.mean)),
        row.taken.as_ref().map(|taken| taken.worst),
        cost.steps,
        cost.tokens,
        cost.layers,
        cost.embedding,
        cost.blocks,
        cost.blocks_untied,
        cost.unembedding,
        cost.multiply_adds,
        cost.cache_bytes,
        decimal(cost.crossing_bits),
        row.verification.brief(),
    ]
}

fn decimal(x: f64) -> Cell {
    Cell::rounded(x, two_digits(x))
}

fn two_digits(x: f64) -> String {
    let text = format!("{x:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

impl Compared {
    fn table(&self) -> Table {
        let heads =
            [words("scheme")].into_iter().chain(NUMBERS.map(number)).chain([words("verified")]);
        Table::new(heads)
            .about("circuit", &self.name)
            .about("gates", self.n_gates)
            .about("depth", self.depth)
            .about("live cut", self.crossing.live_cut)
            .about("states", self.crossing.states)
            .with(self.rows.iter().map(cells))
    }

    /// What crosses from level to level.
    fn facts(&self) -> String {
        let crossing = &self.crossing;
        format!(
            "{}: {} gates, depth {}; live cut {} bits; {} states after level {} on {} inputs ({} bits)",
            self.name,
            self.n_gates,
            self.depth,
            crossing.live_cut,
            crossing.states,
            crossing.level,
            crossing.n_assignments,
            two_digits(crossing.bits()),
        )
    }
}

impl Tabular for Comparison {
    fn document(&self) -> Document {
        let mut document = Document::default();
        for compared in &self.circuits {
            document.line(compared.facts());
            document.table(compared.table());
            if let Some(taken) = compared.rows.iter().find_map(|row| row.taken.as_ref()) {
                document.line(format!(
                    "mean, worst: loops until the outputs are known, on {}",
                    taken.measured_on()
                ));
            }
            document.line("");
        }
        let Ceilings { vocab, dim, bits } = self.ceilings;
        let [token, latent, _] = self.ceilings.bits().map(two_digits);
        document.line(format!(
            "ceilings: a token of {vocab} holds {token} bits, a latent step of {dim} numbers of {bits} bits {latent}; \
             what crosses is the live cut"
        ));
        document
    }
}

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [token, latent, ratio] = self.ceilings.bits();
        let json = json!({
            "ceilings": { "token_bits": token, "latent_bits": latent, "ratio": ratio },
            "circuits": self.circuits.iter().map(compared_json).collect::<Vec<_>>(),
        });
        json.serialize(serializer)
    }
}

fn compared_json(compared: &Compared) -> Value {
    let crossing = &compared.crossing;
    json!({
        "circuit": compared.name,
        "family": compared.family,
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
    let taken = |taken: &Taken| {
        json!({
            "mean": taken.mean,
            "worst": taken.worst,
            "exhaustive": taken.assignments == Assignments::All,
            "inputs": taken.n_assignments,
        })
    };
    let (verdict, not_built) = match &row.verification {
        Verification::Done(verdict) => (Some(verdict), None),
        Verification::NotAsked => (None, Some("not-asked")),
        Verification::TooLarge => (None, Some("too-large")),
    };
    json!({
        "scheme": cost.scheme,
        "passes": cost.passes,
        "loops_taken": row.taken.as_ref().map(taken),
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
        "verdict": verdict,
        "not_built": not_built,
    })
}
