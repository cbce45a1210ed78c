//! Ehrenfeucht-Haussler rank, and what one hard head decides.

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Start, Uniformity, Weighting};
use super::{Claim, Evidence, Ground, Kind, Status, lut};
use crate::batch::Batch;
use crate::circuit::TruthTable;
use crate::error::Result;
use crate::run::{Engine, Reference};
use crate::theory::shallow::{Item, decision_list};

const ONE_HARD_HEAD: Scope = Scope {
    arithmetic: Arithmetic::Any,
    uniformity: Uniformity::PerLength,
    attention: scope::Attention {
        weighting: Weighting::UniqueHard,
        reads: Reads::One,
        mask: Mask::Any,
    },
    start: Start::OneSymbol,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "rank-census",
        statement: "Of the 65536 functions of 4 variables 2, 1048, 53212, 11272 and 2 have \
                    Ehrenfeucht-Haussler rank 0 to 4; rank 4 is the two parities.",
        status: Status::Verified,
        kind: Kind::Fact,
        ground: Ground::Machine,
        scope: None,
        proofs: &[],
        sources: &["ehrenfeucht1989", "barcelo2025"],
        assumptions: "none",
        reason: "Dynamic programming over cofactors. The rank is the number of chain-of-thought steps of \
                 one layer with one hard head (Barceló, Kozachinskiy and Steifer 2025); for one step that is checked \
                 in rank-of-one-head.",
        elsewhere: "",
        range: "all functions of 3 and of 4 variables",
        check: Some(rank_census),
    },
    Claim {
        id: "rank-of-one-head",
        statement: "The functions of n <= 4 bits that one unique-hard head computes, with any read-out of the one token \
                    it reads, are exactly those of Ehrenfeucht-Haussler rank 0 or 1: 14, 96 and 1050 functions of 2, \
                    3 and 4 bits.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Machine,
        scope: Some(ONE_HARD_HEAD),
        proofs: &[],
        sources: &["barcelo2025"],
        assumptions: "a token for each bit, whose score and answer depend on its place and its bit; the token that \
                      answers holds none; ties go to one of the tokens by a rule",
        reason: "Of the 2n literals the head reads the true one of highest score: a decision list, and what these \
                 compute is what has rank 1 at most. Gone through: all orders of scores, all read-outs.",
        elsewhere: "a head that averages, before an MLP, computes parities, whose rank is n (symmetric-one-layer); \
                    more steps reach higher ranks (rank-census)",
        range: "all orders and read-outs for n = 2, 3, 4; by the reference engine a model for each of the 96 functions \
                of 3 bits, and 48 models of 3 bits with other orders and read-outs, all of rank 1 at most",
        check: Some(rank_of_one_head),
    },
];

/// The ranks of all functions of `n` variables, by truth table.
fn ranks(n: usize) -> Vec<u32> {
    let below = if n > 0 { ranks(n - 1) } else { Vec::new() };
    let constant = (1usize << (1 << n)) - 1;
    let cofactor = |f: usize, variable: usize, value: usize| -> usize {
        let rows = (0..1usize << n).filter(|row| row >> variable & 1 == value);
        rows.enumerate().map(|(at, row)| (f >> row & 1) << at).sum()
    };
    let rank = |f: usize| {
        let split = |variable: usize| {
            let [a, b] = [0, 1].map(|value| below[cofactor(f, variable, value)]);
            if a == b { a + 1 } else { a.max(b) }
        };
        if f == 0 || f == constant { 0 } else { (0..n).map(split).min().unwrap_or(0) }
    };
    (0..=constant).map(rank).collect()
}

fn rank_census(evidence: &mut Evidence) -> Result<()> {
    for (n, expected) in [(3, &[2, 94, 158, 2][..]), (4, &[2, 1048, 53212, 11272, 2])] {
        let ranks = ranks(n);
        let count = |rank: u32| ranks.iter().filter(|&&found| found == rank).count();
        let counts: Vec<usize> = (0..=n as u32).map(count).collect();
        let parity = (0..1usize << n).fold(0, |f, row| f | (row.count_ones() as usize % 2) << row);
        let of_parity = ranks[parity] == n as u32 && ranks[ranks.len() - 1 - parity] == n as u32;
        evidence.note(
            counts == expected && of_parity,
            format!("{n} variables: {counts:?} by rank, the parities at {n}"),
        );
    }
    Ok(())
}

/// The functions of `n` variables that some order of the literals and some read-out give, by truth table.
fn lists(n: usize) -> Vec<bool> {
    let all = (1usize << (1 << n)) - 1;
    let mut computed = vec![false; all + 1];
    let literals: Vec<usize> = (0..2 * n).map(|l| true_at(n, (l / 2, l % 2 == 1))).collect();
    // The rows that no literal so far is true of, and the function on the others.
    let mut todo = vec![(all, 0usize, 0usize)];
    let mut seen = std::collections::HashSet::new();
    while let Some((open, used, function)) = todo.pop() {
        if open == 0 {
            computed[function] = true;
            continue;
        }
        for (l, &rows) in literals.iter().enumerate().filter(|(l, _)| used >> l & 1 == 0) {
            for answer in [0, rows & open] {
                let next = (open & !rows, used | 1 << l, function | answer);
                if seen.insert(next) {
                    todo.push(next);
                }
            }
        }
    }
    computed
}

/// The truth table of a literal.
fn true_at(n: usize, (variable, value): Item) -> usize {
    (0..1usize << n).filter(|row| (row >> variable & 1 == 1) == value).map(|row| 1 << row).sum()
}

/// A list of all literals for a function of three variables, if there is one: the literals that decide first.
fn list_of(function: usize) -> Option<Vec<(Item, bool)>> {
    let (mut open, mut list) = (0xff, Vec::<(Item, bool)>::new());
    let literals: Vec<Item> = (0..6).map(|l| (l / 2, l % 2 == 1)).collect();
    while list.len() < literals.len() {
        let unused = literals.iter().filter(|item| list.iter().all(|(used, _)| used != *item));
        // Of what is still open, a literal under which the function is constant.
        let found = unused.copied().find_map(|item| {
            let rows = true_at(3, item) & open;
            let ones = rows & function;
            (ones == 0 || ones == rows).then_some((item, rows != 0 && ones == rows))
        });
        let (item, answer) = found?;
        open &= !true_at(3, item);
        list.push((item, answer));
    }
    Some(list)
}

fn rank_of_one_head(evidence: &mut Evidence) -> Result<()> {
    for (n, expected) in [(2, 14), (3, 96), (4, 1050)] {
        let (computed, ranks) = (lists(n), ranks(n));
        let same = (0..computed.len()).all(|f| computed[f] == (ranks[f] <= 1));
        let count = computed.iter().filter(|&&computed| computed).count();
        evidence.note(
            same && count == expected,
            format!("{n} bits: {count} functions by one head, those of rank 0 and 1"),
        );
    }
    let ranks = ranks(3);
    let mut right = true;
    for function in (0..256).filter(|&f| ranks[f] <= 1) {
        let list = list_of(function).unwrap_or_default();
        let circuit = lut(TruthTable::new(3, function as u64)?)?;
        right &= evidence.computes(&decision_list(&list)?, &circuit, 1)?;
    }
    evidence.note(right, "3 bits: a model for each of the 96, right on all inputs");
    let mut within = true;
    for code in 0..48usize {
        let mut items: Vec<Item> = (0..6).map(|l| (l / 2, l % 2 == 1)).collect();
        items.rotate_left(code % 6);
        items.swap(code % 5, 5 - code % 3);
        let list: Vec<(Item, bool)> = items
            .into_iter()
            .enumerate()
            .map(|(l, item)| (item, code >> (l % 5) & 1 == 1))
            .collect();
        let model = decision_list(&list)?;
        let outputs = Reference::new(&model)?.run(&Batch::counting(3, 0, 8), 1)?;
        evidence.n_models += 1;
        let function: usize = (0..8).map(|row| usize::from(outputs.get(0, row)) << row).sum();
        within &= ranks[function] <= 1;
    }
    evidence.note(within, "3 bits: 48 other models, of rank 0 or 1");
    Ok(())
}
