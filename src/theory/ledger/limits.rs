//! What depends on conjectures, and what is open.

use super::{Claim, Evidence, Status, map};
use crate::circuit::Circuit;
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::theory::paths::{pairs, paths};
use crate::theory::programs::{CYCLE, Formula, IDENTITY, run};
use crate::verify::certificate::certify;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "k-hop-lower-bound",
        statement: "Following a pointer k times among N entries needs Omega(log k) layers of total width \
                    N^(1 - e).",
        status: Status::Conditional,
        assumptions: "no constant number of rounds of massively parallel computation tells one cycle from \
                      two",
        reason: "Layers simulate rounds and are simulated by them (Sanford, Hsu and Telgarsky 2024). The \
                 upper bound is hops-need-layers.",
        range: "",
        check: None,
    },
    Claim {
        id: "group-word-problem",
        statement: "The product of n permutations of five elements needs a number of layers that grows with \
                    n, at polynomial size and logarithmic precision.",
        status: Status::Conditional,
        assumptions: "TC0 is not NC1",
        reason: "The problem is complete for NC1 (Barrington 1989), and such models of constant depth are in \
                 TC0 (Merrill and Sabharwal 2023).",
        range: "the upper bound only, 4 ceil(log2 n) layers: depths for n = 2 to 9, certificates of compiled \
                models for n = 2, 3, 4",
        check: Some(group_word_problem),
    },
    Claim {
        id: "permutation-programs",
        statement: "A formula of ANDs, ORs and complements of depth D has a program of 4^D instructions, each of \
                    which turns one variable into a permutation of five elements, whose product tells its value.",
        status: Status::Proved,
        assumptions: "none",
        reason: "A commutator of two 5-cycles that is a 5-cycle is the identity as soon as one factor is; \
                 complements and other cycles cost no instruction (Barrington 1989).",
        range: "all complete formulas of depth 0, 1 and 2 on variables of their own, with all complements, all \
                inputs; depth 3 with one choice of complements",
        check: Some(permutation_programs),
    },
    Claim {
        id: "reachability",
        statement: "Whether a path leads from vertex to vertex among n takes depth q (1 + q) in gates of two \
                    inputs, q = ceil(log2(n - 1)).",
        status: Status::Proved,
        assumptions: "none",
        reason: "Squaring the relation \"at most 2^t edges apart\" takes an AND and an OR of n - 1 things, and q \
                 squarings reach all simple paths. That a constant number of layers is not enough would \
                 follow from NL not being in TC0.",
        range: "depths for n = 2 to 9; all graphs of 2 to 4 vertices against a search; certificates of compiled \
                models for n = 2, 3, 4",
        check: Some(reachability),
    },
    Claim {
        id: "log-depth-barrier",
        statement: "Some explicit function in P needs a growing number of layers of polynomial size and \
                    logarithmic precision.",
        status: Status::Open,
        assumptions: "none",
        reason: "Such models of constant depth are TC0 (Merrill and Sabharwal 2023); even NEXP is not \
                 known to lie outside TC0.",
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
