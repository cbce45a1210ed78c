//! Where depth is needed: attention that does not depend on the input, and gates of bounded fan-in.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{any, no_facts};
use crate::circuit::{Builder, Circuit, GateKind, Literal, TruthTable};
use crate::course::files::{CircuitTask, bench};
use crate::course::task::{Kind, Mistake, Number, Task, Wrong};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::{Error, Result};
use crate::theory::depth::{Basis, Census, least_depth, least_layers_unbounded};

pub static EXERCISES: [Exercise; 3] = [
    Exercise {
        number: 8,
        title: "Who can hear whom",
        lesson: 7,
        stars: 1,
        minutes: 15,
        parameters: &[
            Parameter {
                name: "heads",
                meaning: "heads H, each of which reads one token",
                default: 4,
                range: (2, 64),
                drawn: &[2, 3, 4, 5, 7, 8],
            },
            Parameter {
                name: "inputs",
                meaning: "inputs that the function depends on",
                default: 100,
                range: (2, 1_000_000),
                drawn: &[20, 50, 100, 200, 500, 1000],
            },
        ],
        statement: "Attention is oblivious if every head reads one token and which one that is does not depend on the \
            input. (An average over all tokens does not depend on the input either, but is no one token.) A token \
            starts with one variable, its complement or a constant; any number of tokens may start with the same. A \
            function depends on {inputs} inputs. At least how many layers does it take with {heads} \
            heads, and with one head? Tokens may hold as much as they like after that, what a layer makes of them may \
            be another thing at every token and in every layer, and as many extra tokens as you like may be added.",
        hints: &[
            "After one layer a token knows about itself and one token for each head.",
            "After L layers it can depend on at most (H + 1)^L inputs.",
            "That many layers are enough too: gather by a tree, look the answer up at the end.",
        ],
        worked: "**{layers}** layers, and **{one_head}** with one head: the least L with (H + 1)^L at least \
            {inputs}. Extra tokens are no help, since they hear no more. Two things escape in one layer: an average \
            over all tokens, which counts (with a wide MLP it gives their parity), and attention that depends on the \
            input: to get the OR, ask for a 1, and it is found wherever it is.",
        require: any,
        facts: no_facts,
        task: field,
    },
    Exercise {
        number: 10,
        title: "A census of small functions",
        lesson: 7,
        stars: 2,
        minutes: 20,
        parameters: &[Parameter {
            name: "levels",
            meaning: "levels of gates",
            default: 4,
            range: (2, 4),
            drawn: &[2, 3, 4],
        }],
        statement: "There are 65536 functions of four variables. How many of them need exactly {levels} levels \
            of two-input gates (any gate, so complements are free)? How many need exactly {levels} levels of \
            three-input gates? And how many of the 256 functions of three variables need exactly 3 levels of \
            two-input gates?",
        hints: &[
            "Nobody counts this by hand. `circuit2tf census` does, level by level.",
            "Two variables and any three-input gate at the top: Shannon expansion about one variable.",
        ],
        worked: "**{binary}**, **{ternary}** and **{three}**. By levels, two-input gates: {binary_all}; \
            three-input gates: {ternary_all}. With one oblivious head and one bit per token, layers are levels of \
            two-input gates; with two heads they are levels of three-input gates. So functions that need four \
            layers with one head need two with two heads. The majority of three is one of the {three}: \
            least depth {majority}.",
        require: any,
        facts: census_facts,
        task: census,
    },
    Exercise {
        number: 28,
        title: "As shallow as can be",
        lesson: 7,
        stars: 2,
        minutes: 25,
        parameters: &[Parameter {
            name: "function",
            meaning: "truth table of a function of three variables, row 0 in its lowest bit, as a number",
            default: 0xe8,
            range: (1, 254),
            drawn: &[0xe8, 0xd4, 0x1e, 0x2b, 0x6a, 0x86, 0xca, 0x71, 0xb8, 0x78],
        }],
        statement: "The function {hex} of x0, x1, x2 has the truth table\n\n{rows}\nWrite a circuit file for it \
            whose depth in two-input gates is the least there is.",
        hints: &[
            "`circuit2tf depth {hex}` says how many levels it takes.",
            "Pick a variable, set it to 0 and to 1: two functions of two variables, one gate each. How does one \
             gate more join them, if the two have something in common?",
            "In bench: `INPUT(x0)` ... `OUTPUT(y)`, `y = OR(a, b)`, with AND, OR, NAND, NOR, XOR, XNOR, NOT.",
        ],
        worked: "Its least depth over all two-input gates is {least}, found by going through all functions level \
            by level; the circuit below meets it.",
        require: depends_on_all,
        facts: table_facts,
        task: shallow_circuit,
    },
];

fn field(values: &Values) -> Result<Task> {
    let (heads, inputs) = (values.size("heads"), values.size("inputs"));
    let layers = least_layers_unbounded(inputs, heads);
    let one_head = least_layers_unbounded(inputs, 1);
    let experiment = "circuit2tf claims check oblivious-width";
    let forgotten = least_layers_unbounded(inputs, heads - 1);
    Ok(Task::numbers(
        vec![
            Number::whole("layers", "layers", layers),
            Number::whole("one_head", "layers", one_head),
        ],
        vec![
            Mistake::numbers(
                "own state forgotten",
                vec![Some(forgotten as f64), None],
                "A token brings its own state as one more operand: base H + 1, not H.",
                experiment,
            ),
            Mistake::numbers(
                "one head can only pass on",
                vec![None, Some(inputs as f64 - 1.0)],
                "With one head a token joins its own state with another's: fields double.",
                experiment,
            ),
            Mistake::numbers(
                "softmax sees everything",
                vec![Some(1.0), Some(1.0)],
                "Then the head reads an average, not one token. An average and a wide MLP count in one layer, \
                 but this head reads one token.",
                "circuit2tf claims check symmetric-one-layer",
            ),
            Mistake::numbers(
                "floor instead of ceil",
                vec![Some(layers as f64 - 1.0), None],
                "That many layers hear fewer inputs than there are.",
                experiment,
            ),
        ],
    ))
}

/// The counts of [`Census`], computed once for each number of variables and basis: it takes seconds.
fn counts(n: usize, basis: Basis) -> Result<Vec<usize>> {
    static KNOWN: Mutex<BTreeMap<(usize, &str), Vec<usize>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().expect("nothing panics while it is held");
    if let Some(counts) = known.get(&(n, basis.name())) {
        return Ok(counts.clone());
    }
    let counts = Census::new(n, basis)?.counts();
    known.insert((n, basis.name()), counts.clone());
    Ok(counts)
}

fn census_facts(_: &Values) -> Result<Facts> {
    let list = |basis| -> Result<String> {
        Ok(counts(4, basis)?.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
    };
    let majority = least_depth(TruthTable::new(3, 0xe8)?, Basis::Binary)?;
    Ok(Facts::from([
        ("binary_all", list(Basis::Binary)?),
        ("ternary_all", list(Basis::Ternary)?),
        ("majority", majority.map_or_else(String::new, |depth| depth.to_string())),
    ]))
}

fn census(values: &Values) -> Result<Task> {
    let levels = values.size("levels");
    let at = |counts: &[usize], level: usize| counts.get(level).copied().unwrap_or(0);
    let within = |counts: &[usize]| Some(counts.iter().take(levels + 1).sum::<usize>() as f64);
    let (binary, ternary) = (counts(4, Basis::Binary)?, counts(4, Basis::Ternary)?);
    let (three, nand) = (counts(3, Basis::Binary)?, counts(4, Basis::Nand)?);
    let de_morgan = counts(4, Basis::DeMorgan)?;
    let experiment = "circuit2tf census 2";
    Ok(Task::numbers(
        vec![
            Number::whole("binary", "functions", at(&binary, levels)),
            Number::whole("ternary", "functions", at(&ternary, levels)),
            Number::whole("three", "functions", at(&three, 3)),
        ],
        vec![
            Mistake::numbers(
                "at most for exactly",
                vec![within(&binary), within(&ternary), None],
                "That counts all that are done within so many levels.",
                experiment,
            ),
            Mistake::numbers(
                "NAND gates only",
                vec![Some(at(&nand, levels) as f64), None, None],
                "This is the count for NAND alone. Any two-input gate is allowed.",
                experiment,
            ),
            Mistake::numbers(
                "XOR is no gate",
                vec![Some(at(&de_morgan, levels) as f64), None, None],
                "This is the count for AND and OR with complemented variables. XOR is a gate too.",
                experiment,
            ),
            Mistake::numbers(
                "three-input gates are no better",
                vec![None, Some(at(&binary, levels) as f64), None],
                "Two levels of three-input gates do every function of four variables.",
                "circuit2tf depth 0x6996",
            ),
        ],
    ))
}

fn table(values: &Values) -> Result<TruthTable> {
    TruthTable::new(3, values.get("function"))
}

fn depends_on_all(values: &Values) -> Result<()> {
    let table = table(values)?;
    if (0..3).all(|h| table.depends_on(h)) {
        return Ok(());
    }
    Err(Error::new(
        "a function that depends on all three variables",
        format!("{:#04x}", table.bits()),
    ))
}

fn table_facts(values: &Values) -> Result<Facts> {
    let table = table(values)?;
    let row = |r: usize| {
        let [x0, x1, x2] = [r & 1, r >> 1 & 1, r >> 2 & 1];
        format!("| {x0} | {x1} | {x2} | {} |\n", u8::from(table.at(r)))
    };
    let rows: String = (0..8).map(row).collect();
    let least = least_depth(table, Basis::Binary)?.unwrap_or(0);
    Ok(Facts::from([
        ("hex", format!("{:#04x}", table.bits())),
        ("rows", format!("| x0 | x1 | x2 | y |\n|---|---|---|---|\n{rows}")),
        ("least", least.to_string()),
    ]))
}

/// A circuit of two-input gates for a table, of least depth: the mapping finds one from a single gate.
fn circuit(table: TruthTable) -> Result<Circuit> {
    let mut builder = Builder::new();
    let x: Vec<Literal> =
        (0..3).map(|i| builder.input(format!("x{i}")).map(Literal::from)).collect::<Result<_>>()?;
    let y = builder.gate(GateKind::Lut(table), &x)?;
    builder.output("y", y)?;
    let network = crate::mapping::map(&builder.finish()?, 2)?.network;
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    network.to_circuit(&names(&["x0", "x1", "x2"]), &names(&["y"]))
}

/// The table with its variables, or its rows, in another order.
fn reordered(table: TruthTable, row: impl Fn(usize) -> usize) -> TruthTable {
    TruthTable::from_fn(3, |bits| {
        let r = bits.iter().enumerate().map(|(i, &bit)| usize::from(bit) << i).sum();
        table.at(row(r))
    })
}

fn shallow_circuit(values: &Values) -> Result<Task> {
    let table = table(values)?;
    let reference = circuit(table)?;
    let least = least_depth(table, Basis::Binary)?.unwrap_or(0);
    let task = CircuitTask { reference, most_depth: least, most_gates: 12 };
    let mistake = |name, wrong: TruthTable, why: &str| -> Result<Option<Mistake>> {
        // A function that is its own mirror image cannot be mistaken that way.
        if wrong == table || !(0..3).all(|h| wrong.depends_on(h)) {
            return Ok(None);
        }
        Ok(Some(Mistake {
            name,
            gives: Wrong::File(bench(&circuit(wrong)?)?),
            why: why.to_string(),
            // The input on which it is wrong is shown already.
            experiment: String::new(),
        }))
    };
    let mirrored = |r: usize| (r & 1) << 2 | r & 2 | r >> 2;
    let all = [
        mistake("complement", table.complement(), "The output is 1 exactly where it should be 0.")?,
        mistake(
            "table read from the top",
            reordered(table, |r| 7 - r),
            "Row 0, all inputs 0, is the lowest bit of the number, not the highest.",
        )?,
        mistake(
            "variables the other way round",
            reordered(table, mirrored),
            "x0 is the lowest bit of the row's number, x2 the highest.",
        )?,
        mistake(
            "parity instead",
            TruthTable::new(3, 0x96)?,
            "This is the XOR of the three variables.",
        )?,
    ];
    Ok(Task::new(Kind::Circuit(Box::new(task)), all.into_iter().flatten().collect()))
}
