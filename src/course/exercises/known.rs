//! What is and isn't known about required depth.

use super::{any, log2_ceil};
use crate::course::task::{Item, Kind, Mistake, Number, Task};
use crate::course::{Exercise, Facts, Parameter, Values};
use crate::error::Result;

pub static EXERCISES: [Exercise; 2] = [
    Exercise {
        number: 23,
        title: "True, false, conditional, open",
        lesson: 11,
        stars: 3,
        minutes: 30,
        parameters: &[Parameter {
            name: "choice",
            meaning: "which of the statements are asked, and in which order",
            default: 0,
            range: (0, 15),
            drawn: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        }],
        statement: "Which of these are proved (T), refuted (F), follow from something believed but not proved \
            (C), or are open (O)?",
        hints: &[
            "For each: which heads, which precision, which size, one model for all lengths or one for each? Without \
             those a depth claim says little.",
            "A construction refutes. A counting or communication argument proves. A complexity class gives \
             conditions.",
        ],
        worked: "**{answer}**.\n\n{reasons}",
        require: any,
        facts: |_| Ok(Facts::new()),
        task: classify,
    },
    Exercise {
        number: 24,
        title: "Barrington's five people",
        lesson: 11,
        stars: 3,
        minutes: 40,
        parameters: &[Parameter {
            name: "depth",
            meaning: "levels of AND in the formula",
            default: 2,
            range: (1, 4),
            drawn: &[1, 2, 3, 4],
        }],
        statement: "Barrington's theorem turns a formula into a list of permutations of five things, one for each \
            entry and depending on one input bit, whose product is the identity if the formula is 0 and a fixed \
            five-cycle if it is 1. An AND of f and g becomes the commutator of their programs, f g f^-1 g^-1. A \
            formula is a full binary tree of ANDs of depth {depth}. How long is its program? A looped layer \
            multiplies neighbouring permutations, halving the list: how many loops does the product take?",
        hints: &[
            "The program of a single variable has length 1.",
            "A commutator contains each of the two programs twice.",
            "Halving a list of n entries takes ceil(log2 n) loops.",
        ],
        worked: "Length **{length}**, compiled and run on all {assignments} inputs: right on {right}. The product \
            takes **{loops}** loops, although the formula has depth {depth}. So nothing was gained in depth. \
            What is gained is uniformity: every step of the product is the same operation, in a group of 120 \
            elements, whatever the formula. That is why this word problem stands for all formulas of logarithmic \
            depth.",
        require: any,
        facts: barrington_facts,
        task: barrington,
    },
];

const CLASSES: &[(char, &str)] =
    &[('T', "proved"), ('F', "refuted"), ('C', "conditional"), ('O', "open")];

const fn item(
    text: &'static str,
    class: char,
    reason: &'static str,
    mistaken: (char, &'static str),
    experiment: &'static str,
) -> Item {
    Item { text, class, reason, mistaken, experiment }
}

static ITEMS: [Item; 16] = [
    item(
        "Every transformer that computes the parity of n bits needs about log n layers.",
        'F',
        "One head counts and a wide MLP takes the parity: one layer.",
        ('T', "Layers are not levels of two-input gates: a head adds up all tokens at once."),
        "circuit2tf claims check symmetric-one-layer",
    ),
    item(
        "Products of n permutations of five things need a growing number of layers, for models of polynomial \
              size and logarithmic precision, one for each length.",
        'C',
        "Such models of constant depth are in nonuniform TC0, and this problem is complete for NC1: it follows if \
             nonuniform TC0 and NC1 differ, which is believed.",
        ('T', "It follows only if TC0 is not NC1, which nobody has proved."),
        "circuit2tf claims group-word-problem",
    ),
    item(
        "The same products need a growing number of layers at constant precision everywhere, the sums of attention \
              included, and polynomial size.",
        'T',
        "Constant precision everywhere and constant depth is AC0, which cannot do parity, and the problem contains \
             parity.",
        ('C', "No assumption is needed: parity is not in AC0, which is proved."),
        "circuit2tf claims parity-at-constant-precision",
    ),
    item(
        "With everything rounded to a fixed precision but the sums in attention, a causal mask and one model for all \
              lengths, one more layer computes more.",
        'T',
        "In this class, that of C-RASP, the depth hierarchy is strict (Yang, Cadilhac, Chiang 2025).",
        ('O', "It is proved for this class. Open it is for precision that grows."),
        "circuit2tf claims depth-at-fixed-precision",
    ),
    item(
        "With H heads that each read one token, the same for every input, extra blank tokens let two layers compute \
              functions of more than (H + 1)^2 inputs.",
        'F',
        "The answer's token hears (H + 1)^2 inputs in two layers, however many blank tokens there are.",
        ('T', "Blank tokens add width, not depth: they hear no further."),
        "circuit2tf claims check oblivious-width",
    ),
    item(
        "Some explicit function in P needs log n layers, for models of polynomial size and logarithmic \
              precision, one for each length.",
        'O',
        "It would put an explicit function outside nonuniform TC0; not even NEXP is known to have one.",
        ('T', "Nobody can prove it today: it would separate P from nonuniform TC0."),
        "circuit2tf claims log-depth-barrier",
    ),
    item(
        "A compiled model that is looped one time too few is wrong on some input.",
        'F',
        "Not always: paths as long as the depth may never matter. The array multiplier of 4 bits is a case.",
        ('T', "The depth is an upper bound. Whether it is needed is decided circuit by circuit."),
        "circuit2tf claims check fewer-loops-fail",
    ),
    item(
        "A block of L layers looped R times computes everything that L R layers compute, with weights of b bits.",
        'F',
        "P parameters of b bits tell at most 2^(bP) functions apart, whatever R is.",
        ('T', "Tied layers are some of the untied ones, not all."),
        "circuit2tf claims check tied-capacity",
    ),
    item(
        "With one head that reads one token, the same for every input, and one bit per token, layers are exactly \
              levels of two-input gates. (A token starts with a variable, its complement or a constant, in any \
              number of copies, and what a layer does may be another thing at every token.)",
        'T',
        "Each layer is one gate of the token's own bit and one that is read, and a tree of gates fits on tokens.",
        ('C', "It is proved, and checked by going through all small models."),
        "circuit2tf claims check oblivious-depth",
    ),
    item(
        "Following a pointer k times among more than k entries needs k layers.",
        'F',
        "Pointers double: about log2 k layers.",
        ('T', "That steps depend on each other does not make them sequential."),
        "circuit2tf claims check hops-need-layers",
    ),
    item(
        "Following a pointer k times among more than k entries needs about log k layers, for narrow models.",
        'C',
        "It follows from a conjecture about parallel computation: telling one cycle of n vertices from two takes \
             about log n rounds.",
        ('T', "The bound rests on the 1-vs-2-cycle conjecture."),
        "circuit2tf claims k-hop-lower-bound",
    ),
    item(
        "If a model with suitable weights exists, training finds it.",
        'F',
        "At exact weights the gradient through a loop is 0, and parities defeat gradient descent in general.",
        ('O', "There are functions for which it is proved that gradients tell next to nothing."),
        "circuit2tf learn gradients parity:2 --loops 4 --seeds 2",
    ),
    item(
        "Quantified Boolean formulas need a growing number of layers, for models of polynomial size and logarithmic \
              precision, if one model serves all lengths.",
        'T',
        "Such models of constant depth are in uniform TC0 and so in L, which is not PSPACE.",
        (
            'O',
            "Open it is with a model for each length. One model for all lengths is a weaker class.",
        ),
        "circuit2tf claims uniform-barrier",
    ),
    item(
        "One layer of one head without an MLP does not compute the parity of two bits, at any precision.",
        'F',
        "Over the real numbers that is so. In f16 one head does up to 1024 bits: adding to the residual stream rounds.",
        ('T', "The proof is about real numbers. Rounding is no linear function."),
        "circuit2tf claims parity-by-rounding",
    ),
    item(
        "A compiled model with fewer layers than its circuit has levels is wrong on some input, however many pause \
              tokens it has.",
        'F',
        "Pause tokens change no bit; but some circuits are right early, such as the array multiplier of 4 bits.",
        (
            'T',
            "It is right that tokens do not help. Whether fewer layers do is decided circuit by circuit.",
        ),
        "circuit2tf claims pause-tokens-for-layers",
    ),
    item(
        "One layer of H heads of width w and p-bit numbers, whose sums are exact, compares words of n bits only if \
              H (w + 1) p is at least n, whatever MLP follows.",
        'T',
        "What a word tells is that many bits, and it must tell all words apart.",
        (
            'F',
            "That is so where a sum over both words is rounded on the way. Exact sums are messages.",
        ),
        "circuit2tf claims one-layer-equality",
    ),
];

/// Statements asked at once.
const ASKED: usize = 6;

fn classify(values: &Values) -> Result<Task> {
    let mut items = ITEMS.to_vec();
    items.rotate_left(values.size("choice"));
    items.truncate(ASKED);
    Ok(Task::new(Kind::Classes(CLASSES, items), Vec::new()))
}

/// A permutation of 0 to 4: where each goes.
type Permutation = [usize; 5];

const IDENTITY: Permutation = [0, 1, 2, 3, 4];

/// First `p`, then `q`.
fn then(p: Permutation, q: Permutation) -> Permutation {
    p.map(|i| q[i])
}

fn inverse(p: Permutation) -> Permutation {
    let mut inverse = IDENTITY;
    p.iter().enumerate().for_each(|(i, &to)| inverse[to] = i);
    inverse
}

/// One entry: a variable, and the permutation if it is 1; the identity if it is 0.
type Entry = (usize, Permutation);

/// Two five-cycles whose commutator is a five-cycle.
const A: Permutation = [1, 2, 3, 4, 0];
const B: Permutation = [2, 0, 4, 1, 3];

/// The program of a tree of ANDs over variables from `first`, and the five-cycle it gives if all are 1.
fn compile_tree(depth: usize, first: usize) -> (Vec<Entry>, Permutation) {
    if depth == 0 {
        return (vec![(first, A)], A);
    }
    let half = 1 << (depth - 1);
    let f = as_cycle(compile_tree(depth - 1, first), A);
    let g = as_cycle(compile_tree(depth - 1, first + half), B);
    let program = [f.clone(), g.clone(), inverted(&f), inverted(&g)].concat();
    (program, then(then(A, B), then(inverse(A), inverse(B))))
}

/// The program conjugated, so that it gives `wanted` in place of the five-cycle it gives: as long as before.
fn as_cycle((program, gives): (Vec<Entry>, Permutation), wanted: Permutation) -> Vec<Entry> {
    let mut c = IDENTITY;
    let (mut from, mut to) = (0, 0);
    for _ in 0..5 {
        c[from] = to;
        (from, to) = (gives[from], wanted[to]);
    }
    // Then `c⁻¹ p c` goes from c(i) to c(p(i)).
    let conjugate = |&(variable, p): &Entry| (variable, then(then(inverse(c), p), c));
    program.iter().map(conjugate).collect()
}

fn inverted(program: &[Entry]) -> Vec<Entry> {
    program.iter().rev().map(|&(variable, p)| (variable, inverse(p))).collect()
}

fn product(program: &[Entry], inputs: usize) -> Permutation {
    let chosen = program.iter().filter(|(variable, _)| inputs >> variable & 1 == 1);
    chosen.fold(IDENTITY, |product, &(_, p)| then(product, p))
}

fn barrington_facts(values: &Values) -> Result<Facts> {
    let depth = values.size("depth");
    let (program, cycle) = compile_tree(depth, 0);
    let all = 1usize << (1 << depth);
    let right = |&x: &usize| product(&program, x) == if x + 1 == all { cycle } else { IDENTITY };
    let count = (0..all).filter(right).count();
    Ok(Facts::from([("assignments", all.to_string()), ("right", count.to_string())]))
}

fn barrington(values: &Values) -> Result<Task> {
    let depth = values.size("depth");
    let length = compile_tree(depth, 0).0.len();
    let experiment = "circuit2tf info s5:8";
    Ok(Task::numbers(
        vec![
            Number::whole("length", "permutations", length),
            Number::whole("loops", "loops", log2_ceil(length)),
        ],
        vec![
            Mistake::numbers(
                "one entry for each leaf",
                vec![Some((1u64 << depth) as f64), Some(depth as f64)],
                "A commutator uses each of its two programs twice: four times the length per level.",
                experiment,
            ),
            Mistake::numbers(
                "loops are the formula's depth",
                vec![None, Some(depth as f64)],
                "The list is longer than the formula has leaves, and halving it takes more steps.",
                experiment,
            ),
            Mistake::numbers(
                "one after the other",
                vec![None, Some(length as f64 - 1.0)],
                "A product may be bracketed as one likes: neighbours can be multiplied at the same time.",
                experiment,
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_compute_their_formula_on_all_inputs() {
        for depth in 0..=4usize {
            let (program, cycle) = compile_tree(depth, 0);
            let all = 1usize << (1 << depth);
            assert_eq!(program.len(), 4usize.pow(depth as u32));
            assert_ne!(cycle, IDENTITY);
            for x in 0..all {
                let expected = if x + 1 == all { cycle } else { IDENTITY };
                assert_eq!(product(&program, x), expected, "{depth} {x:b}");
            }
        }
    }

    #[test]
    fn classes_of_statements_are_known_ones() {
        for item in &ITEMS {
            let known = |c: char| CLASSES.iter().any(|(class, _)| *class == c);
            assert!(known(item.class) && known(item.mistaken.0) && item.class != item.mistaken.0);
        }
    }
}
