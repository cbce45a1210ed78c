//! Tokens against loops: what a state could hold, and what a computation can use.

use super::loops::rotated;
use super::{any, network};
use crate::course::function::FunctionTask;
use crate::course::task::{Choice, Kind, Mistake, Number, Task, Wrong};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::Result;
use crate::model::Dtype;
use crate::network::Network;
use crate::reasoning::cot::{Method, TokenSchedule};
use crate::theory::capacity::{Ceilings, Demand, ceiling, noise};

const VOCABULARY: Parameter = Parameter {
    name: "vocabulary",
    meaning: "tokens there are",
    default: 32768,
    range: (2, 1 << 30),
    drawn: &[32000, 32768, 50257, 65536, 128_256],
};

const DIMENSION: Parameter = Parameter {
    name: "dimension",
    meaning: "numbers of a state",
    default: 4096,
    range: (1, 1 << 20),
    drawn: &[768, 1024, 2048, 4096, 8192],
};

const INPUTS: Parameter = Parameter {
    name: "inputs",
    meaning: "bits of the parity",
    default: 1024,
    range: (2, 4096),
    drawn: &[64, 128, 256, 512, 1024, 2048],
};

pub static EXERCISES: [Exercise; 5] = [
    Exercise {
        number: 2,
        title: "Bits of a token, bits of a state",
        lesson: 9,
        stars: 1,
        minutes: 15,
        parameters: &[VOCABULARY, DIMENSION],
        statement: "A token is one of {vocabulary}. A state is {dimension} numbers in bfloat16, 16 bits each. At \
            most how many bits does a token tell, and at most how many a state? What is their ratio? And how \
            many bits has the state if only finite numbers count: of the 2^16 patterns those with all exponent \
            bits set are no numbers, and 7 bits are stored of the significand?",
        hints: &[
            "One of V possibilities tells log2 V bits.",
            "Every number of the state has 16 bits, finite or not.",
            "Patterns that are no finite numbers: both signs, 2^7 significands each.",
        ],
        worked: "**{token}** bits against **{state}**: a ratio of **{ratio}**. A finite bfloat16 is one of \
            {patterns}, which is {per_number} bits, so **{finite}** for the state. All of these are ceilings on \
            what can be stored; exercises 15, 21 and 25 are about what can be used.",
        require: any,
        facts: bits_facts,
        task: bits_of,
    },
    Exercise {
        number: 15,
        title: "Tokens for a tree, loops for a tree",
        lesson: 9,
        stars: 2,
        minutes: 25,
        parameters: &[INPUTS, VOCABULARY],
        statement: "The parity of {inputs} bits is a tree of two-input XORs, done level by level. A chain of \
            thought writes the results of g = floor(log2 {vocabulary}) gates into each token, and a token can use \
            only what earlier tokens hold. A looped layer does one level in each loop. How many tokens, how many \
            loops? What would tokens be at least if g gates could go into every token, whatever their level? And \
            how many tokens and loops each does the chain of XORs take, where every gate needs the one before?",
        hints: &[
            "A level of w gates takes ceil(w / g) tokens. The levels of the tree have half as many gates each.",
            "Near the root tokens are mostly empty.",
            "In the chain one gate can be done at a time, by a token or by a loop.",
        ],
        worked: "The levels have {widths} gates, which makes **{tokens}** tokens against **{loops}** loops, \
            {speedup} times as many; {gates} gates in full tokens would be **{bound}**. The chain takes \
            **{chain}** of either: no gain at all. The ratio of bits per state and bits per token, thousands, \
            appears nowhere. What counts is how many gates of this circuit can be done at once (another circuit of the \
            same function may have other tokens and loops). (A scheduler that mixes levels \
            where it may, that of `circuit2tf compile --scheme cot`, takes {scheduled} tokens for the tree.)",
        require: any,
        facts: schedule_facts,
        task: schedule,
    },
    Exercise {
        number: 21,
        title: "A latch under noise",
        lesson: 9,
        stars: 3,
        minutes: 25,
        parameters: &[
            Parameter {
                name: "noise",
                meaning: "noise r in thousandths of the range",
                default: 100,
                range: (1, 500),
                drawn: &[20, 30, 40, 60, 70, 90, 100, 150],
            },
            DIMENSION,
            Parameter {
                name: "expansion",
                meaning: "MLP units for each coordinate of the state",
                default: 4,
                range: (2, 64),
                drawn: &[2, 4, 8, 16],
            },
        ],
        statement: "A coordinate of a state lies in [0, 1] and is to hold one of M levels, restored after every \
            loop, each coordinate by itself. Noise moves it by less than r = {r} either way. What is the largest M? A \
            staircase that restores M levels exactly has two kinks at each of its M - 1 steps, one ReLU unit each: how \
            many units is that? With an MLP of {expansion} units for each coordinate, what is the largest M that \
            staircases can restore? How many bits does a state of {dimension} coordinates hold then?",
        hints: &[
            "Two neighbouring levels must be at least 2 r apart, so that their noise does not overlap.",
            "Levels 0 and 1 at the ends are levels too.",
            "2 (M - 1) units at most {expansion}. A coordinate of M levels holds log2 M bits.",
        ],
        worked: "**{levels}** levels, restored with **{units}** units a coordinate. {expansion} units restore \
            **{restored}** levels, so the state holds **{bits}** bits, against {nominal} if all 16 bits of every \
            number counted. What is not restored drifts away, loop by loop; without noise nothing need be restored. \
            (Staircases are one way: eight units hold 11 states in two coordinates, not 3 times 3, if the lines \
            where they bend are not parallel to the axes: `circuit2tf claims latch-of-lines`.)",
        require: any,
        facts: latch_facts,
        task: latch,
    },
    Exercise {
        number: 25,
        title: "Why the comparison misleads",
        lesson: 9,
        stars: 2,
        minutes: 15,
        parameters: &[
            VOCABULARY,
            DIMENSION,
            Parameter {
                name: "tokens",
                meaning: "tokens written so far",
                default: 5000,
                range: (1, 1 << 30),
                drawn: &[100, 1000, 5000, 10_000],
            },
            Parameter {
                name: "decibels",
                meaning: "signal to noise of a coordinate",
                default: 20,
                range: (1, 60),
                drawn: &[10, 20, 30],
            },
        ],
        statement: "A token of {vocabulary} tells {per_token} bits, a state of {dimension} numbers of 16 bits \
            could hold {nominal}: {ratio} times as much. Which of these are true?",
        hints: &[
            "A ceiling on storage is not a speed.",
            "Which of these compare one state with one token, and which with all that can be read?",
            "What is restored, what survives noise, what is needed by the next step?",
        ],
        worked: "**{answer}**.\n\n{reasons}",
        require: any,
        facts: misleading_facts,
        task: misleading,
    },
    Exercise {
        number: 27,
        title: "Write the scheduler",
        lesson: 9,
        stars: 2,
        minutes: 25,
        parameters: &[
            Parameter { drawn: &[16, 32, 64, 128, 256], default: 64, ..INPUTS },
            Parameter {
                name: "bits",
                meaning: "gates that go into a token",
                default: 15,
                range: (1, 64),
                drawn: &[4, 8, 15, 16],
            },
        ],
        statement: "Write the Rust function `tokens(widths: &[usize], bits: usize) -> usize`: how many tokens a \
            chain of thought takes for a circuit with `widths[l]` gates on level `l + 1`, done level by level, \
            with `bits` gates in a token. Fill in `course/schedule.rs`, which `circuit2tf course start 9` writes. It is run \
            on trees and chains of {inputs} inputs, adders, and a circuit without gates.",
        hints: &[
            "Each level by itself: a token cannot mix gates of two levels here.",
            "`usize::div_ceil`, and `iter().map(..).sum()`.",
        ],
        worked: "The sum over levels of the width divided by bits, rounded up. On the tree it gives {tree}.",
        require: any,
        facts: scheduler_facts,
        task: scheduler,
    },
];

fn bits_facts(_: &Values) -> Result<Facts> {
    let patterns = ceiling::finite_patterns(Dtype::Bf16);
    Ok(Facts::from([
        ("patterns", patterns.to_string()),
        ("per_number", format!("{:.5}", ceiling::bits_of(patterns))),
    ]))
}

/// A token of the vocabulary beside a state of 16-bit numbers.
fn ceilings(values: &Values) -> Result<Ceilings> {
    Ceilings::new(values.get("vocabulary"), values.get("dimension"), 16)
}

fn bits_of(values: &Values) -> Result<Task> {
    let (vocabulary, d, ceilings) =
        (values.real("vocabulary"), values.real("dimension"), ceilings(values)?);
    let (token, state) = (ceilings.token_bits(), ceilings.state_bits() as f64);
    let finite = d * ceiling::bits_of(ceiling::finite_patterns(Dtype::Bf16));
    let per_mantissa = d * f64::from(Dtype::Bf16.precision());
    let experiment = "circuit2tf compare parity:4 --scheme cot --vocab 16 --dim 64";
    Ok(Task::numbers(
        vec![
            Number { name: "token", unit: "bits", value: token, tolerance: 1e-3 },
            Number::whole("state", "bits", ceilings.state_bits() as usize),
            Number { name: "ratio", unit: "", value: ceilings.ratio(), tolerance: 1e-3 },
            Number { name: "finite", unit: "bits", value: finite, tolerance: 1e-5 },
        ],
        vec![
            Mistake::numbers(
                "numbers instead of bits",
                vec![None, Some(d), Some(d), None],
                "That compares numbers with tokens. A number has 16 bits, a token log2 V.",
                experiment,
            ),
            Mistake::numbers(
                "log2 of 32K is 32",
                vec![Some((vocabulary / 1000.0).floor()), None, None, None],
                "K is a thousand, or 2^10: log2 of it adds 10, it does not multiply.",
                experiment,
            ),
            Mistake::numbers(
                "natural logarithm",
                vec![Some(vocabulary.ln()), None, Some(state / vocabulary.ln()), None],
                "ln counts nats. Bits take log2.",
                experiment,
            ),
            Mistake::numbers(
                "all patterns are numbers",
                vec![None, None, None, Some(state)],
                "Infinities and not-a-numbers are patterns too, and no state holds them.",
                experiment,
            ),
            Mistake::numbers(
                "patterns instead of bits",
                vec![None, None, None, Some(ceiling::finite_patterns(Dtype::Bf16) as f64)],
                "That is how many finite numbers there are. One of them tells log2 of it, and there are d.",
                experiment,
            ),
            Mistake::numbers(
                "significand only",
                vec![None, Some(per_mantissa), Some(per_mantissa / token), None],
                "So many bits have levels that are equally spaced. The ceiling counts every pattern.",
                experiment,
            ),
        ],
    ))
}

/// Inputs of a smaller parity than the one that is asked about.
fn another(values: &Values) -> u64 {
    if values.get("inputs") == 8 { 4 } else { 8 }
}

/// Gates that go into a token.
fn gates_per_token(values: &Values) -> Result<u64> {
    Ok(Ceilings::new(values.get("vocabulary"), 1, 16)?.gates_per_token())
}

fn tree(values: &Values) -> Result<Network> {
    network(&format!("parity:{}", values.get("inputs")))
}

fn schedule_facts(values: &Values) -> Result<Facts> {
    let (network, g) = (tree(values)?, gates_per_token(values)?);
    let demand = Demand::of(&network);
    let list: Vec<String> = demand.widths.iter().map(u64::to_string).collect();
    let schedule = TokenSchedule::new(&network, g as usize, Method::Best);
    let speedup = schedule.bounds.by_levels as f64 / demand.depth() as f64;
    Ok(Facts::from([
        ("widths", list.join(", ")),
        ("gates", demand.gates().to_string()),
        ("speedup", format!("{speedup:.1}")),
        ("scheduled", schedule.tokens.len().to_string()),
    ]))
}

fn schedule(values: &Values) -> Result<Task> {
    let (tree, g) = (tree(values)?, gates_per_token(values)? as usize);
    let tokens = TokenSchedule::new(&tree, g, Method::Best).bounds;
    let (gates, loops) = (tokens.n_gates, tokens.depth);
    let chain = network(&format!("parity-chain:{}", values.get("inputs")))?.depth();
    let ratio = Ceilings::new(values.get("vocabulary"), 4096, 16)?.ratio();
    let experiment =
        format!("circuit2tf compare parity:{} --scheme cot,recurrent --dim 64", another(values));
    Ok(Task::numbers(
        vec![
            Number::whole("tokens", "tokens", tokens.by_levels),
            Number::whole("loops", "loops", loops),
            Number::whole("bound", "tokens", tokens.lower),
            Number::whole("chain", "tokens or loops", chain),
        ],
        vec![
            Mistake::numbers(
                "full tokens",
                vec![Some(tokens.lower as f64), None, None, None],
                "A token cannot hold a gate together with one of its operands. Tokens near the root stay empty.",
                &experiment,
            ),
            Mistake::numbers(
                "one gate for each token",
                vec![Some(gates as f64), None, Some(gates as f64), None],
                "A token of V possibilities can hold floor(log2 V) results.",
                &experiment,
            ),
            Mistake::numbers(
                "the capacity ratio is the speed-up",
                vec![Some((ratio * loops as f64).round()), None, None, None],
                "The ratio of bits says what a state could store. Tokens needed are set by gates and levels.",
                &experiment,
            ),
            Mistake::numbers(
                "the chain is packed too",
                vec![None, None, None, Some(gates.div_ceil(g) as f64)],
                "In the chain every gate waits for the one before: a token holds one new result.",
                format!(
                    "circuit2tf compare parity-chain:{} --scheme cot,recurrent --dim 64",
                    another(values)
                ),
            ),
        ],
    ))
}

fn latch_facts(values: &Values) -> Result<Facts> {
    let state = Ceilings::new(2, values.get("dimension"), 16)?;
    let r = values.real("noise") / 1000.0;
    Ok(Facts::from([("nominal", state.state_bits().to_string()), ("r", r.to_string())]))
}

fn latch(values: &Values) -> Result<Task> {
    let (noise, d) = (values.real("noise") / 1000.0, values.get("dimension"));
    let levels = noise::latchable_levels(noise)?.below;
    let units = noise::restoration_units(1, levels);
    let restored = noise::restorable_levels(1, values.get("expansion"))?;
    let bits = noise::latched_bits(d, restored);
    // Of another noise than is asked about.
    let other = if values.get("noise") == 200 { 0.25 } else { 0.2 };
    let experiment = format!("circuit2tf capacity latch --noise {other} --loops 1000");
    let all = 1.0 + (1000.0 / values.real("noise")).floor();
    Ok(Task::numbers(
        vec![
            Number::whole("levels", "levels", levels as usize),
            Number::whole("units", "units", units as usize),
            Number::whole("restored", "levels", restored as usize),
            Number::close("bits", "bits", bits),
        ],
        vec![
            Mistake::numbers(
                "levels r apart",
                vec![Some(all), Some(2.0 * (all - 1.0)), None, None],
                "Both neighbours are moved, each by nearly r: they must be 2 r apart.",
                &experiment,
            ),
            Mistake::numbers(
                "a level forgotten at the end",
                vec![Some(levels as f64 - 1.0), Some(2.0 * (levels as f64 - 2.0)), None, None],
                "So many steps fit into the range, and one level more than steps.",
                &experiment,
            ),
            Mistake::numbers(
                "one unit a step",
                vec![None, Some(levels as f64 - 1.0), Some(values.real("expansion") + 1.0), None],
                "A step starts to rise at one kink and stops at another.",
                &experiment,
            ),
            Mistake::numbers(
                "16 usable bits",
                vec![None, None, None, Some(16.0 * d as f64)],
                "A 16-bit number has 65536 patterns, but a latch restores only the levels its MLP has steps for.",
                &experiment,
            ),
        ],
    ))
}

fn misleading_facts(values: &Values) -> Result<Facts> {
    let ceilings = ceilings(values)?;
    Ok(Facts::from([
        ("per_token", format!("{:.2}", ceilings.token_bits())),
        ("nominal", ceilings.state_bits().to_string()),
        ("ratio", format!("{:.2}", ceilings.ratio())),
    ]))
}

fn misleading(values: &Values) -> Result<Task> {
    let (ceilings, tokens) = (ceilings(values)?, values.real("tokens"));
    let (token, state, ratio) = (ceilings.token_bits(), ceilings.state_bits(), ceilings.ratio());
    let noisy = values.real("dimension") * noise::gaussian_bits(values.real("decibels"));
    let choice = |text: String, right, reason: String, experiment: &str| Choice {
        text,
        right,
        reason,
        experiment: experiment.to_string(),
    };
    let options = vec![
        choice(
            format!("Latent reasoning is up to {ratio:.0} times faster than tokens on any problem."),
            false,
            "A ceiling on storage is not a speed. A chain of gates takes as many loops as tokens.".to_string(),
            "circuit2tf compare parity-chain:8 --scheme cot,recurrent --dim 64",
        ),
        choice(
            format!("At {} dB of noise the state carries about {noisy:.0} bits, not {state}.", values.get("decibels")),
            true,
            "(1/2) log2(1 + SNR) bits for each coordinate.".to_string(),
            "",
        ),
        choice(
            format!(
                "After {tokens} tokens a later step can read {:.0} bits of them, not {token:.2}.",
                tokens * token
            ),
            true,
            "Tokens stay in the context; they add up.".to_string(),
            "",
        ),
        choice(
            "A 16-bit float carries 16 usable bits, noise or not.".to_string(),
            false,
            format!(
                "Without noise thresholds tell all finite numbers apart; levels that are equally spaced make {} bits \
                 in bf16, and a latch restores fewer.",
                noise::readable_bits(Dtype::Bf16)
            ),
            "circuit2tf capacity latch --noise 0.2 --loops 1000",
        ),
        choice(
            "What a level must hand on is what is still needed above it, however wide the state is.".to_string(),
            true,
            "The live cut of the circuit sets the demand; a state that is wider than that stays empty.".to_string(),
            "",
        ),
        choice(
            "The keys and values kept for earlier tokens add information that the tokens do not have.".to_string(),
            false,
            "They are functions of the tokens: computed in advance, not new.".to_string(),
            "",
        ),
    ];
    let by = values.size("tokens") / 100 + values.size("decibels") / 10;
    Ok(Task::new(Kind::Choice(rotated(options, by)), Vec::new()))
}

/// Circuits on which a scheduler is tried.
fn workloads(values: &Values) -> Result<Vec<Network>> {
    let n = values.get("inputs");
    let specs = [
        format!("parity:{n}"),
        format!("parity-chain:{n}"),
        "adder:4".to_string(),
        "adder-ks:16".to_string(),
    ];
    let mut all: Vec<Network> = specs.iter().map(|spec| network(spec)).collect::<Result<_>>()?;
    all.push(Network::new(2, 1)?);
    Ok(all)
}

fn scheduler_facts(values: &Values) -> Result<Facts> {
    let tokens = tokens_by_levels(&tree(values)?, values.size("bits"));
    Ok(Facts::from([("tree", tokens.to_string())]))
}

fn tokens_by_levels(network: &Network, g: usize) -> usize {
    TokenSchedule::new(network, g, Method::Levels).tokens.len()
}

fn scheduler(values: &Values) -> Result<Task> {
    let bits = values.size("bits");
    let case = |network: &Network| {
        let call = format!("tokens(&{:?}, {bits})", Demand::of(network).widths);
        (call, tokens_by_levels(network, bits).to_string())
    };
    let answer = include_str!("../../../examples/course/answers/schedule.rs");
    let start = include_str!("../../../examples/course/exercises/schedule.rs");
    let with = |body: &str| {
        let head = answer.find("widths.iter()").expect("the answer sums over levels");
        let end = head + answer[head..].find('\n').expect("a line");
        format!("{}{body}{}", &answer[..head], &answer[end..]).into_bytes()
    };
    let mistake = |name, source: Vec<u8>, why: &str| Mistake {
        name,
        gives: Wrong::File(source),
        why: why.to_string(),
        experiment: "circuit2tf compare parity:8 --scheme cot --vocab 16 --dim 64".to_string(),
    };
    let mistakes = vec![
        mistake("not yet written", start.as_bytes().to_vec(), "This is the file as it was given."),
        mistake(
            "full tokens",
            with("widths.iter().sum::<usize>().div_ceil(bits)"),
            "That packs gates of different levels into one token.",
        ),
        mistake(
            "floor instead of ceil",
            with("widths.iter().map(|width| width / bits).sum()"),
            "A level with fewer gates than fit into a token still takes one.",
        ),
        mistake(
            "one gate for each token",
            with("widths.iter().sum()"),
            "bits gates go into a token.",
        ),
    ];
    let cases = workloads(values)?.iter().map(case).collect();
    Ok(Task::new(
        Kind::Function(FunctionTask { start_name: "schedule.rs", cases, answer }),
        mistakes,
    ))
}
