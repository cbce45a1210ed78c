//! Checks that count, enumerate and solve.

use std::collections::BTreeSet;

use super::Evidence;
use super::models::is_right;
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::mapping::{self, Mapped};
use crate::network::Network;
use crate::sat::Limits;
use crate::theory::depth::{self, Basis, Census};
use crate::theory::tightness::{self, Correctness, Start, Unrolling};

fn map(spec: &str) -> Result<Mapped> {
    mapping::map(&generate(spec)?, 2)
}

pub(super) fn collapse(evidence: &mut Evidence) -> Result<()> {
    let named = ["adder:4", "parity-chain:9", "mult:3", "majority:7"].map(String::from);
    let random = (0..10).map(|seed| format!("random:n=6,gates=40,seed={seed}"));
    for spec in named.into_iter().chain(random) {
        let mapped = map(&spec)?;
        for c in 1..=3 {
            let collapsed = mapping::collapse(&mapped, c)?.network;
            let depth = mapped.network.depth();
            let text = format!("{spec}: depth {depth}, {c} levels in one: {}", collapsed.depth());
            let right =
                collapsed.depth() == depth.div_ceil(c) && agree(&mapped.network, &collapsed);
            evidence.note(right, text);
        }
    }
    let adder = generate("adder:4")?;
    for (c, shape) in [(1, (7, 2, 11)), (2, (4, 4, 37)), (3, (3, 8, 521))] {
        let model = compile(&adder, "", &Options { collapse: c, ..Options::default() })?;
        let found = (model.n_loops, model.n_heads(), model.d_mlp());
        evidence.note(found == shape, format!("adder:4, c = {c}: layers, heads, units {found:?}"));
    }
    Ok(())
}

/// Whether two networks have the same outputs on all inputs.
fn agree(a: &Network, b: &Network) -> bool {
    let outputs = |network: &Network, input: &[bool]| {
        let values = network.evaluate(input);
        network.outputs().iter().map(|&id| values[id as usize]).collect::<Vec<_>>()
    };
    (0..1usize << a.n_inputs()).all(|number| {
        let input: Vec<bool> = (0..a.n_inputs()).map(|i| number >> i & 1 == 1).collect();
        outputs(a, &input) == outputs(b, &input)
    })
}

pub(super) fn oblivious_depth(evidence: &mut Evidence) -> Result<()> {
    let census = Census::new(3, Basis::Binary)?;
    for (layers, computed) in depth::tiny_oblivious_models().iter().enumerate() {
        let within = |f: u16| census.depth(f).is_some_and(|depth| depth <= layers);
        let same = (0..256).all(|f| computed[usize::from(f)] == within(f));
        let n = computed.iter().filter(|&&computed| computed).count();
        evidence.note(same, format!("{layers} layers compute {n} functions, those of that depth"));
    }
    Ok(())
}

pub(super) fn oblivious_width(evidence: &mut Evidence) -> Result<()> {
    for spec in ["parity:16", "adder:4", "mux:3", "majority:7", "mult:4", "adder-ks:8"] {
        let network = map(spec)?.network;
        let largest = |steps: usize| {
            let fields = depth::receptive_fields(&network, steps);
            fields.iter().map(|field| field.iter().filter(|&&bit| bit).count()).max().unwrap_or(0)
        };
        // A compiled layer's gates ignore their own state: its fan-in alone bounds the field.
        let bound = |steps: usize| depth::receptive_field_bound(network.k() - 1, steps);
        let within = (0..=network.depth()).all(|steps| largest(steps) as u128 <= bound(steps));
        evidence
            .note(within, format!("{spec}: fields within 2^T for T = 0 to {}", network.depth()));
    }
    Ok(())
}

pub(super) fn census(evidence: &mut Evidence) -> Result<()> {
    for (basis, expected) in
        [(Basis::Binary, &[10, 60, 1458, 56456, 7552][..]), (Basis::Ternary, &[10, 932, 64594])]
    {
        let counts = Census::new(4, basis)?.counts();
        evidence.note(counts == expected, format!("{}: {counts:?} by depth", basis.name()));
    }
    Ok(())
}

pub(super) fn fewer_loops_fail(evidence: &mut Evidence) -> Result<()> {
    for (spec, depth, least) in [("mult:4", 16, 15), ("adder:4", 7, 7)] {
        let circuit = generate(spec)?;
        let found = tightness::loops(&map(spec)?.network, 1, Limits::default())?;
        let model = compile(&circuit, "", &Options::default())?;
        let right = is_right(&model, &circuit, least)? && !is_right(&model, &circuit, least - 1)?;
        evidence.note(
            right && (found.depth, found.least_from_zero()) == (depth, Some(least)),
            format!("{spec}: depth {depth}, least number of loops {least}"),
        );
    }
    Ok(())
}

pub(super) fn miter(evidence: &mut Evidence) -> Result<()> {
    for spec in ["adder:3", "and:7", "mux:2", "majority:5"] {
        let circuit = generate(spec)?;
        let network = map(spec)?.network;
        let model = compile(&circuit, "", &Options::default())?;
        let mut unrolling = Unrolling::new(&network)?;
        let mut agreed = true;
        for steps in 0..=network.depth() {
            let answer = unrolling.check(steps, Start::All(false), Limits::default())?;
            let right = is_right(&model, &circuit, steps)?;
            agreed &= match answer {
                Correctness::Right => right,
                Correctness::Wrong(_) => !right,
                Correctness::Undecided => false,
            };
        }
        evidence.note(agreed, format!("{spec}: T = 0 to {}", network.depth()));
    }
    Ok(())
}

pub(super) fn monotone(evidence: &mut Evidence) -> Result<()> {
    let mut network = Network::new(2, 2)?;
    let nand = network.gate(&[0, 0], |row| row != 3)?;
    let never = network.gate(&[nand, 0], |row| row == 0)?;
    let or = network.gate(&[1, never], |row| row != 0)?;
    network.output(or)?;
    let wrong = tightness::wrong_inputs(&network, false)?;
    evidence.note(
        matches!(wrong[..], [_, 0, again, 0] if again > 0),
        format!("wrong inputs of 4 after 0, 1, 2, 3 steps: {wrong:?}"),
    );
    Ok(())
}

/// The functions that two layers `x <- b2 + w2 relu(w1 x + b1)` compute on 0 to 3, as values.
fn two_layers(first: &[i32; 4], second: &[i32; 4]) -> [i32; 4] {
    let layer = |&[w1, b1, w2, b2]: &[i32; 4], x: i32| b2 + w2 * (w1 * x + b1).max(0);
    [0, 1, 2, 3].map(|x| layer(second, layer(first, x)))
}

pub(super) fn tied_capacity(evidence: &mut Evidence) -> Result<()> {
    let weights: Vec<[i32; 4]> =
        (0..81).map(|code| [1, 3, 9, 27].map(|place| code / place % 3 - 1)).collect();
    let tied: BTreeSet<_> = weights.iter().map(|w| two_layers(w, w)).collect();
    let untied: BTreeSet<_> =
        weights.iter().flat_map(|w| weights.iter().map(move |v| two_layers(w, v))).collect();
    evidence.note(
        tied.is_subset(&untied) && tied.len() < untied.len() && tied.len() <= 81,
        format!("{} functions tied, {} untied, from 81 weights a layer", tied.len(), untied.len()),
    );
    Ok(())
}

pub(super) fn parameter_ratio(evidence: &mut Evidence) -> Result<()> {
    let (d, vocabulary, context) = (768u64, 50257, 1024);
    let layer = 12 * d * d + 13 * d;
    let rest = (vocabulary + context) * d + 2 * d;
    let [block, unrolled] = [12, 120].map(|layers| layers * layer + rest);
    evidence.note(
        (block, unrolled) == (124_439_808, 889_929_984) && unrolled < 10 * block,
        format!(
            "12 layers {block}, 120 layers {unrolled}: ratio {:.2}",
            unrolled as f64 / block as f64
        ),
    );
    Ok(())
}
