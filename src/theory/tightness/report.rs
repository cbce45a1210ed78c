//! The answer to how many loops are needed, as a value that is shown and serialises itself.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Correctness, Loops, Witness, wrong_inputs};
use crate::error::Result;
use crate::network::Network;
use crate::table::{Document, Table, Tabular, number, row, words};
use crate::verify::bit_string;

/// How many loops a circuit needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopsReport {
    /// The circuit's.
    pub name: String,
    /// What was decided.
    pub loops: Loops,
    /// How many inputs are wrong before, if that was counted.
    pub wrong_inputs: Option<WrongInputs>,
}

/// How many inputs are wrong after 0, 1, … layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrongInputs {
    /// From gates at 0.
    pub from_0: Vec<u64>,
    /// From gates at 1.
    pub from_1: Vec<u64>,
}

impl WrongInputs {
    /// Tries all inputs.
    ///
    /// # Errors
    /// The network has more inputs than can be tried.
    pub fn count(network: &Network) -> Result<Self> {
        let [from_0, from_1] = [false, true].map(|start| wrong_inputs(network, start));
        Ok(WrongInputs { from_0: from_0?, from_1: from_1? })
    }
}

impl LoopsReport {
    /// Whether no limit of the solver left a least number open.
    pub fn is_decided(&self) -> bool {
        self.loops.least_from_zero().is_some() && is_exact(&self.loops) && self.loops.kleene.1
    }
}

impl Serialize for LoopsReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let loops = &self.loops;
        let mut json = json!({
            "circuit": self.name,
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
            "decided": self.is_decided(),
            "lemmas": loops.lemmas,
        });
        if let Some(wrong) = &self.wrong_inputs {
            json["wrong_inputs"] = json!(wrong);
        }
        json.serialize(serializer)
    }
}

fn correctness(correctness: &Correctness) -> Value {
    match correctness {
        Correctness::Right => json!({ "status": "right" }),
        Correctness::Undecided => json!({ "status": "undecided" }),
        Correctness::Wrong(Witness { input, start }) => {
            let witness = json!({ "input": bit_string(input), "nodes": bit_string(start) });
            json!({ "status": "wrong", "witness": witness })
        }
    }
}

impl Tabular for LoopsReport {
    fn document(&self) -> Document {
        let loops = &self.loops;
        let mut document = Document::default();
        let (name, depth, layers) = (&self.name, loops.depth, loops.layers);
        document.line(format!("{name}: depth {depth}, layers a loop {layers}"));
        match &self.wrong_inputs {
            Some(wrong) => document.table(wrong_table(wrong)),
            None => document.data(by_loops(loops)),
        }
        let right = ranges(&loops.from_zero, is_right);
        document.line(format!("right from gates at 0: {right} loops"));
        let undecided = ranges(&loops.from_zero, |c| *c == Correctness::Undecided);
        if !undecided.is_empty() {
            document.line(format!("undecided from gates at 0: {undecided} loops"));
        }
        if loops.is_right_then_wrong() {
            document.line("more loops can be wrong again: the least number is no safe number");
        }
        witnesses(loops, &mut document);
        let [zero, any, kleene] = numbers(loops);
        document.conclude(format!("LOOPS least={zero} from-all-states={any} kleene={kleene}"));
        document
    }
}

fn wrong_table(wrong: &WrongInputs) -> Table {
    let rows = wrong.from_0.iter().zip(&wrong.from_1).enumerate();
    let heads = ["layers", "wrong, gates 0", "wrong, gates 1"].map(number);
    Table::new(heads).with(rows.map(|(t, (&zero, &one))| row![t, zero, one]))
}

fn by_loops(loops: &Loops) -> Table {
    let row = |(r, correctness): (usize, &Correctness)| match correctness {
        Correctness::Right => row![r, "right", ""],
        Correctness::Undecided => row![r, "undecided", ""],
        Correctness::Wrong(witness) => row![r, "wrong", bit_string(&witness.input)],
    };
    let heads = [number("loops"), words("from gates at 0"), words("wrong on")];
    Table::new(heads).with(loops.from_zero.iter().enumerate().map(row))
}

fn witnesses(loops: &Loops, document: &mut Document) {
    let one_fewer = loops.least_from_zero().and_then(|least| least.checked_sub(1));
    if let Some(Correctness::Wrong(witness)) = one_fewer.map(|r| &loops.from_zero[r]) {
        document.line(format!("one fewer is wrong on {}", bit_string(&witness.input)));
    }
    if let Some(Correctness::Wrong(witness)) = &loops.from_any.one_fewer {
        document.line(format!(
            "from all gate states, {} is wrong on {} with nodes at {}",
            loops.from_any.loops - 1,
            bit_string(&witness.input),
            bit_string(&witness.start)
        ));
    }
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

/// The indices of what is `wanted`, as `1, 3-7`.
fn ranges(all: &[Correctness], wanted: impl Fn(&Correctness) -> bool) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (r, _) in all.iter().enumerate().filter(|(_, c)| wanted(c)) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == r => *last = r,
            _ => ranges.push((r, r)),
        }
    }
    let text = |&(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}
