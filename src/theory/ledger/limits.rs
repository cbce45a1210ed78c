//! What depends on conjectures, and what is open.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Start, Uniformity, Weighting};
use super::{Claim, Evidence, Ground, Kind, Status, lut, map};
use crate::batch::Batch;
use crate::circuit::{Circuit, TruthTable};
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::model::{Dtype, Model};
use crate::run::Reference;
use crate::theory::paths::{pairs, paths};
use crate::theory::programs::{CYCLE, Formula, IDENTITY, run};
use crate::theory::shallow::rounding::parity_by_rounding;
use crate::theory::shallow::{self, pointer_chasing};
use crate::verify::certificate::certify;

/// Logarithmic precision and polynomial size; a model for each length, as circuits are.
const LOG_PER_LENGTH: Scope = Scope {
    arithmetic: Arithmetic::LogarithmicPrecision,
    uniformity: Uniformity::PerLength,
    attention: scope::Attention { weighting: Weighting::Any, reads: Reads::Many, mask: Mask::Any },
    start: Start::OneSymbol,
};

/// One model for all lengths: Merrill and Sabharwal's class.
const LOG_ONE_MODEL: Scope = Scope { uniformity: Uniformity::OneModel, ..LOG_PER_LENGTH };

/// Embedding width times heads below `N^(1 - e)`.
const NARROW: Scope = LOG_PER_LENGTH;

const CONSTANT: Scope = Scope { arithmetic: Arithmetic::ConstantPrecision, ..LOG_PER_LENGTH };

/// C-RASP's: rounded but inside attention, a causal mask, one model for all lengths.
const COUNTING: Scope = Scope {
    arithmetic: Arithmetic::RoundedOutsideAttention,
    uniformity: Uniformity::OneModel,
    attention: scope::Attention {
        weighting: Weighting::Softmax,
        reads: Reads::Many,
        mask: Mask::Causal,
    },
    start: Start::OneSymbol,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "k-hop-lower-bound",
        statement: "Following a pointer k times among N entries needs Omega(log k) layers of total width \
                    N^(1 - e).",
        status: Status::Conditional,
        kind: Kind::Bound,
        ground: Ground::Literature,
        scope: Some(NARROW),
        proofs: &["p12_fewer_layers_than_levels"],
        sources: &["sanford2024"],
        assumptions: "telling one cycle of n vertices from two takes Omega(log n) rounds of massively parallel \
                      computation; if only no constant number of rounds does, no constant number of layers does",
        reason: "Layers simulate rounds and are simulated by them (Sanford, Hsu and Telgarsky 2024). The \
                 upper bound is hops-need-layers.",
        elsewhere: "at width N a layer can look the whole table up; where k exceeds N, f^k is f^j for a \
                    smaller j (among 4 entries f^1000 is f^4)",
        range: "no part of the bound, which speaks of all models and of growth, and hangs on a conjecture; that fewer \
                layers than floor(log2 k) + 2 of the model of hops-need-layers are wrong, for 2 to 15 hops among 16 \
                entries in a line",
        check: Some(fewer_layers_of_hops),
    },
    Claim {
        id: "group-word-problem",
        statement: "The product of n permutations of five elements needs a number of layers that grows with \
                    n, at polynomial size and logarithmic precision, with a model for each length.",
        status: Status::Conditional,
        kind: Kind::Bound,
        ground: Ground::Literature,
        scope: Some(LOG_PER_LENGTH),
        proofs: &["p51_logarithmic_depth"],
        sources: &["barrington1989", "merrill2023"],
        assumptions: "nonuniform TC0 is not nonuniform NC1; for one model for all lengths it is enough that uniform TC0 \
                      is not uniform NC1",
        reason: "The problem is complete for NC1 (Barrington 1989), and such models of constant depth are in \
                 TC0 (Merrill and Sabharwal 2023).",
        elsewhere: "at constant precision it is proved (parity-at-constant-precision), as the problem contains parity; at \
                    exponential size one layer looks the product up (depth-layers-needed)",
        range: "no part of the bound: no finite set of models contradicts it or the conjecture; the upper bound, \
                4 ceil(log2 n) layers: depths for n = 2 to 9, certificates of compiled \
                models for n = 2, 3, 4; with one loop fewer such a model is wrong on one of 20 samples, n = 2, 3",
        check: Some(group_word_problem),
    },
    Claim {
        id: "permutation-programs",
        statement: "A formula of ANDs, ORs and complements of depth D has a program of 4^D instructions, each of \
                    which turns one variable into a permutation of five elements, whose product tells its value.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p51_logarithmic_depth"],
        sources: &["barrington1989"],
        assumptions: "none",
        reason: "A commutator of two 5-cycles that is a 5-cycle is the identity as soon as one factor is; \
                 complements and other cycles cost no instruction (Barrington 1989).",
        elsewhere: "",
        range: "all complete formulas of depth 0, 1 and 2 on variables of their own, with all complements, all \
                inputs; depth 3 with one choice of complements",
        check: Some(permutation_programs),
    },
    Claim {
        id: "reachability",
        statement: "Whether a path leads from vertex to vertex among n takes depth q (1 + q) in gates of two \
                    inputs, q = ceil(log2(n - 1)).",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p51_logarithmic_depth"],
        sources: &[],
        assumptions: "none",
        reason: "Squaring the relation \"at most 2^t edges apart\" takes an AND and an OR of n - 1 things, and q \
                 squarings reach all simple paths. That a constant number of layers is not enough would \
                 follow, with a model for each length, from NL not being in nonuniform TC0.",
        elsewhere: "",
        range: "depths for n = 2 to 9; all graphs of 2 to 4 vertices against a search; certificates of compiled \
                models for n = 2, 3, 4",
        check: Some(reachability),
    },
    Claim {
        id: "log-depth-barrier",
        statement: "Some explicit function in P needs a growing number of layers of polynomial size and \
                    logarithmic precision, with a model for each length.",
        status: Status::Open,
        kind: Kind::Bound,
        ground: Ground::Nothing,
        scope: Some(LOG_PER_LENGTH),
        proofs: &[],
        sources: &["merrill2023", "london2025"],
        assumptions: "none",
        reason: "Such models of constant depth are nonuniform TC0 (Merrill and Sabharwal 2023, London and Kanade 2025); \
                 even NEXP is not known to lie outside nonuniform TC0. There is nothing to check: a model that broke \
                 it would have to serve all lengths.",
        elsewhere: "with one model for all lengths it is proved of functions beyond P (uniform-barrier)",
        range: "",
        check: None,
    },
    Claim {
        id: "uniform-barrier",
        statement: "Quantified Boolean formulas, and the permanent, need a growing number of layers of polynomial size \
                    and logarithmic precision, with one model for all lengths.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Literature,
        scope: Some(LOG_ONE_MODEL),
        proofs: &[],
        sources: &["merrill2023", "merrill2025", "chiang2025", "stockmeyer1973", "allender1999"],
        assumptions: "a machine of logarithmic space writes the model of each length down; for the permanent the circuits \
                      of TC0 that the models are have to be DLOGTIME-uniform",
        reason: "Such models of constant depth are in uniform TC0, which is within L; quantified formulas are complete \
                 for PSPACE (Stockmeyer and Meyer 1973), and L is not PSPACE by the space hierarchy. The permanent \
                 is not in DLOGTIME-uniform TC0 (Allender 1999).",
        elsewhere: "with a model for each length it is open (log-depth-barrier); with a model for each length of any size \
                    one layer is enough, as the check shows by running it",
        range: "no part of the bound, which speaks of all lengths together; the elsewhere: all 64 sentences of two quantifiers and a table, and all 16 permanents of 2 by 2 \
                matrices of bits, by a lookup of one layer",
        check: Some(one_length_is_easy),
    },
    Claim {
        id: "parity-at-constant-precision",
        statement: "At constant precision and polynomial size parity of n bits needs Omega(log n / log log n) layers.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Literature,
        scope: Some(CONSTANT),
        proofs: &["p19_sums_of_ones"],
        sources: &["hao2022", "hastad1986", "li2024", "london2025"],
        assumptions: "sums inside of attention are rounded to the constant precision too",
        reason: "Such models of L layers are circuits of depth O(L) with ANDs and ORs of any fan-in and polynomial size, \
                 and parity takes those of depth Omega(log n / log log n) (Håstad 1986).",
        elsewhere: "with precision that grows one layer is enough (symmetric-one-layer, parity-by-rounding); if sums in \
                    attention are exact, constant precision decides majority (depth-at-fixed-precision)",
        range: "no part of the bound; models of one layer in bf16, which are right up to a length: that of \
                symmetric-one-layer at 256 bits, that of parity-by-rounding at 128 and, continued, not at 256",
        check: Some(one_precision_ends),
    },
    Claim {
        id: "depth-at-fixed-precision",
        statement: "With rounding everywhere but inside of attention, a causal mask and one model for all lengths, k + 1 \
                    layers decide a language that k layers do not, whatever their width.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Literature,
        scope: Some(COUNTING),
        proofs: &[],
        sources: &["yang2025"],
        assumptions: "the class of C-RASP; not that of parity-at-constant-precision, since its heads count",
        reason: "Such models are as expressive as C-RASP, layer for layer, and its depth hierarchy is strict (Yang, \
                 Cadilhac and Chiang 2025).",
        elsewhere: "for each single length one layer of any width decides every language (depth-layers-needed)",
        range: "",
        check: None,
    },
];

fn group_word_problem(evidence: &mut Evidence) -> Result<()> {
    for n in 2..=9usize {
        let spec = format!("s5:{n}");
        let bound = 4 * n.next_power_of_two().ilog2() as usize;
        let depth = map(&spec)?.network.depth();
        let mut holds = depth <= bound;
        let mut text = format!("{n} permutations: depth {depth} of at most {bound}");
        if n <= 4 {
            let circuit = generate(&spec)?;
            let model = compile(&circuit, "", &Options::default())?;
            holds &= certify(&model, &circuit).is_proof() && model.n_loops <= bound;
            text += ", certified for all inputs";
        }
        evidence.note(holds, text);
    }
    for n in [2, 3] {
        let circuit = generate(&format!("s5:{n}"))?;
        let model = compile(&circuit, "", &Options::default())?;
        let inputs = permutations(n, 20)?;
        let engine = Reference::new(&model)?;
        let right = evidence.agrees(&engine, &circuit, &inputs, model.n_loops)?;
        let early = evidence.agrees(&engine, &circuit, &inputs, model.n_loops - 1)?;
        evidence.note(right && !early, format!("{n} permutations: a loop fewer is wrong"));
    }
    Ok(())
}

/// Random products of `n` permutations of five things, as matrices of bits.
fn permutations(n: usize, n_products: usize) -> Result<Batch> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut product = || -> Vec<bool> {
        let mut bits = Vec::new();
        for _ in 0..n {
            let mut images = [0, 1, 2, 3, 4];
            images.shuffle(&mut rng);
            bits.extend(images.into_iter().flat_map(|to| (0..5).map(move |i| i == to)));
        }
        bits
    };
    let columns: Vec<Vec<bool>> = (0..n_products).map(|_| product()).collect();
    Batch::from_columns(25 * n, &columns)
}

/// `k` hops from the first of 16 entries that stand in a line, and fewer layers than the model has.
fn fewer_layers_of_hops(evidence: &mut Evidence) -> Result<()> {
    for hops in 2..=15u64 {
        let circuit = generate(&format!("pointer:n=16,k={hops}"))?;
        let model = pointer_chasing(4, hops, Dtype::F32)?;
        let line = (0..16).flat_map(|i| bits((i + 1).min(15), 4)).chain(bits(0, 4));
        let inputs = Batch::from_columns(68, &[line.collect()])?;
        let layers = model.n_layers();
        let right = evidence.agrees(&Reference::new(&model)?, &circuit, &inputs, 1)?;
        let mut parts = model.into_parts();
        parts.blocks.pop();
        let shorter = Model::new(parts)?;
        let wrong = !evidence.agrees(&Reference::new(&shorter)?, &circuit, &inputs, 1)?;
        evidence.note(
            right && wrong,
            format!("{hops} hops: {layers} layers, and not one fewer of them"),
        );
    }
    Ok(())
}

fn bits(number: usize, n: usize) -> impl Iterator<Item = bool> {
    (0..n).map(move |i| number >> i & 1 == 1)
}

/// Whether `Q x Q' y f(x, y)`; bits 0 and 1 of a sentence say whether its quantifiers are "for all".
fn sentence(bits: &[bool]) -> bool {
    let quantified =
        |for_all: bool, no: bool, yes: bool| if for_all { no && yes } else { no || yes };
    let inner = |x: usize| quantified(bits[1], bits[2 + 2 * x], bits[3 + 2 * x]);
    quantified(bits[0], inner(0), inner(1))
}

fn one_length_is_easy(evidence: &mut Evidence) -> Result<()> {
    let tables = [
        ("64 sentences of two quantifiers", TruthTable::from_fn(6, sentence)),
        // a d + b c, its two bits.
        ("16 permanents, low bit", TruthTable::from_fn(4, |m| (m[0] && m[3]) ^ (m[1] && m[2]))),
        ("16 permanents, high bit", TruthTable::from_fn(4, |m| m.iter().all(|&bit| bit))),
    ];
    for (what, table) in tables {
        let (heads, circuit) = (table.n_inputs(), lut(table)?);
        let model = compile(&circuit, "", &Options { heads, ..Options::default() })?;
        let right = evidence.computes(&model, &circuit, model.n_loops)?;
        evidence.note(
            right && model.n_layers() * model.n_loops == 1,
            format!("{what}: one layer of {heads} heads and {} units", model.d_mlp()),
        );
    }
    Ok(())
}

fn one_precision_ends(evidence: &mut Evidence) -> Result<()> {
    let odd: Vec<bool> = (0..=256).map(|ones| ones % 2 == 1).collect();
    let mut wider = parity_by_rounding(256, Dtype::F16)?.into_parts();
    // The numbers of 128 bits in bf16, for more tokens.
    wider.dtype = Dtype::Bf16;
    wider.w_pos.column_mut(2).fill(256.0);
    wider.b_u[1] = -256.0;
    for (what, n, model, expected) in [
        ("a head and an MLP that count", 256, shallow::symmetric(&odd, Dtype::Bf16)?, true),
        ("a head that rounds", 128, parity_by_rounding(128, Dtype::Bf16)?, true),
        ("a head that rounds", 256, Model::new(wider)?, false),
    ] {
        let counts: Vec<Vec<bool>> = (0..=n).map(|c| (0..n).map(|i| i < c).collect()).collect();
        let inputs = Batch::from_columns(n, &counts)?;
        let circuit = generate(&format!("parity:{n}"))?;
        let right = evidence.agrees(&Reference::new(&model)?, &circuit, &inputs, 1)?;
        let verdict = if right { "right" } else { "wrong" };
        evidence.note(right == expected, format!("bf16, {what}, {n} bits, every count: {verdict}"));
    }
    Ok(())
}

fn permutation_programs(evidence: &mut Evidence) -> Result<()> {
    for depth in 0..=3u32 {
        let n = 1usize << depth;
        let choices = if depth < 3 { 0..1 << n } else { 0x5a..0x5b };
        let (mut right, mut n_formulas) = (true, 0);
        for (complements, ors) in choices.flat_map(|c| (0..1usize << (n - 1)).map(move |o| (c, o)))
        {
            let literals = (0..n).map(|i| (i, complements >> i & 1 == 1)).collect();
            let formula = Formula::new(literals, (0..n - 1).map(|g| ors >> g & 1 == 1).collect())?;
            let program = formula.program();
            right &= program.len() == 4usize.pow(depth);
            right &= (0..1usize << n).all(|number| {
                let values: Vec<bool> = (0..n).map(|i| number >> i & 1 == 1).collect();
                let expected = if formula.evaluate(&values) { CYCLE } else { IDENTITY };
                run(&program, &values) == expected
            });
            n_formulas += 1;
        }
        let length = 4usize.pow(depth);
        evidence
            .note(right, format!("depth {depth}: {n_formulas} formulas, {length} instructions"));
    }
    Ok(())
}

fn reachability(evidence: &mut Evidence) -> Result<()> {
    for n in 2..=9usize {
        let spec = format!("reach:{n}");
        let q = (n - 1).next_power_of_two().ilog2() as usize;
        let depth = map(&spec)?.network.depth();
        let mut holds = depth <= q * (1 + q);
        let mut text = format!("{n} vertices: depth {depth} of {}", q * (1 + q));
        if n <= 4 {
            let circuit = generate(&spec)?;
            holds &= finds_all_paths(&circuit, n)?;
            holds &= certify(&compile(&circuit, "", &Options::default())?, &circuit).is_proof();
            text += ", all graphs, certified";
        }
        evidence.note(holds, text);
    }
    Ok(())
}

/// Whether the circuit's outputs are what a search finds, in every graph of `n` vertices.
fn finds_all_paths(circuit: &Circuit, n: usize) -> Result<bool> {
    let n_edges = pairs(n).len();
    for graph in 0..1usize << n_edges {
        let edges: Vec<bool> = (0..n_edges).map(|e| graph >> e & 1 == 1).collect();
        if circuit.evaluate(&edges)? != paths(n, &edges) {
            return Ok(false);
        }
    }
    Ok(true)
}
