//! Theorem (Barrington 1989). A formula of AND, OR and complement of depth `D` has a program of `4^D` instructions
//! over the permutations of five things; so products of permutations are as hard as all of NC1. They are no harder
//! than depth `4 ⌈log2 n⌉`, and reachability among `n` vertices than depth `q (1 + q)`, `q = ⌈log2(n - 1)⌉`.
//!
//! Proof. [`circuit2tf::theory::programs`]: a commutator of two 5-cycles that is a 5-cycle is the identity as
//! soon as one factor is; conjugation changes the cycle, and a factor at the end complements, at no instruction
//! more; so `4^D` by induction. Products are associative: a tree of `⌈log2 n⌉` levels of Boolean
//! matrix products, each an AND and an OR of five. Squaring "at most `2^t` edges apart" is an AND and an OR of
//! `n - 1` things; `q` squarings reach all simple paths. End of proof. That constant depth is not enough for
//! the first is conditional: with a model for each length it follows from nonuniform TC0 ≠ NC1.
//!
//! Claims: group-word-problem, permutation-programs, reachability.
//!
//! Executed: programs of all formulas of depth 0 to 2 with literals of their own, and of depth 3 for a part
//! of the complements; such a program multiplied by a compiled model; depths of the families; reachability
//! against a search. The hypothesis is needed: among four things no commutator of 4-cycles is a 4-cycle, as
//! commutators are even and 4-cycles are not.

use circuit2tf::batch::Batch;
use circuit2tf::family::generate;
use circuit2tf::mapping;
use circuit2tf::run::{Engine, Reference};
use circuit2tf::theory::paths::{pairs, paths};
use circuit2tf::theory::programs::{CYCLE, Formula, IDENTITY, Instruction, Permutation, run};

use crate::ground::*;

/// The formula on variables `0..2^depth`, literals and gates by the bits of two numbers.
fn formula(depth: u32, complements: usize, ors: usize) -> Formula {
    let n = 1usize << depth;
    let literals = (0..n).map(|i| (i, complements >> i & 1 == 1)).collect();
    Formula::new(literals, (0..n - 1).map(|g| ors >> g & 1 == 1).collect()).unwrap()
}

fn assert_program(formula: &Formula) {
    let program = formula.program();
    assert_eq!(program.len(), 4usize.pow(formula.depth() as u32));
    for values in assignments(formula.literals.len()) {
        let expected = if formula.evaluate(&values) { CYCLE } else { IDENTITY };
        assert_eq!(run(&program, &values), expected, "{formula:?} {values:?}");
    }
}

#[test]
fn formulas_have_programs_of_length_four_to_the_depth() {
    for depth in 0..=2 {
        let n = 1usize << depth;
        for complements in 0..1 << n {
            (0..1 << (n - 1)).for_each(|ors| assert_program(&formula(depth, complements, ors)));
        }
    }
    let complements = if is_long_range() { 0..256 } else { 0..1 };
    for complements in complements {
        let step = if is_long_range() { 1 } else { 9 };
        for ors in (0..128).step_by(step) {
            assert_program(&formula(3, complements ^ 0x5a, ors));
        }
    }
    assert!(Formula::new(vec![(0, false); 3], vec![true; 2]).is_err());
    assert!(Formula::new(vec![(0, false); 2], vec![]).is_err());
}

/// The instructions' permutations as the matrices that the family `s5` multiplies.
fn matrices(program: &[Instruction], values: &[bool]) -> Vec<bool> {
    let matrix = |a: Permutation| (0..25).map(move |e| usize::from(a[e / 5]) == e % 5);
    program.iter().flat_map(|i| matrix(i.at[usize::from(values[i.variable])])).collect()
}

/// A formula of depth 1 by a compiled model, one of depth 2 by the circuit.
#[test]
fn programs_are_multiplied_by_the_group_product() {
    let product = generate("s5:4").unwrap();
    let model = model(&product, |_| {});
    let engine = Reference::new(&model).unwrap();
    for ors in 0..2 {
        let formula = formula(1, 2, ors);
        let columns: Vec<Vec<bool>> =
            assignments(2).map(|values| matrices(&formula.program(), &values)).collect();
        let outputs = engine.run(&Batch::from_columns(100, &columns).unwrap(), model.n_loops);
        let outputs = outputs.unwrap();
        for (a, values) in assignments(2).enumerate() {
            assert_eq!(outputs.get(1, a), formula.evaluate(&values), "0 goes to 1 in the cycle");
            assert_eq!(outputs.get(0, a), !formula.evaluate(&values));
        }
    }
    let product = generate("s5:16").unwrap();
    for ors in 0..8 {
        let formula = formula(2, 6, ors);
        let program = formula.program();
        for values in assignments(4) {
            let found = product.evaluate(&matrices(&program, &values)).unwrap();
            assert_eq!(found[1], formula.evaluate(&values));
        }
    }
}

#[test]
fn four_things_are_too_few() {
    let all: Vec<[usize; 4]> = (0..256)
        .map(|code| [0, 1, 2, 3].map(|x| code >> (2 * x) & 3))
        .filter(|p| (0..4).all(|x| p.contains(&x)))
        .collect();
    let then = |a: [usize; 4], b: [usize; 4]| a.map(|x| b[x]);
    let is_cycle = |a: &[usize; 4]| {
        let orbit = [a[0], a[a[0]], a[a[a[0]]], a[a[a[a[0]]]]];
        orbit[3] == 0 && !orbit[..3].contains(&0)
    };
    let inverse = |a: [usize; 4]| *all.iter().find(|&&b| then(a, b) == [0, 1, 2, 3]).unwrap();
    for &a in &all {
        for &b in &all {
            assert!(!is_cycle(&then(then(a, b), then(inverse(a), inverse(b)))));
        }
    }
}

fn ceil_log2(n: usize) -> usize {
    n.next_power_of_two().ilog2() as usize
}

#[test]
fn products_and_reachability_have_logarithmic_depth() {
    let largest = if is_long_range() { 40 } else { 12 };
    for n in 2..=largest {
        let depth = |spec: String| mapping::depth(&generate(&spec).unwrap(), 2);
        assert!(depth(format!("s5:{n}")) <= 4 * ceil_log2(n), "{n}");
        let q = ceil_log2(n - 1);
        assert!(depth(format!("reach:{n}")) <= q * (1 + q), "{n}");
    }
}

#[test]
fn squaring_finds_the_paths() {
    let largest = if is_long_range() { 5 } else { 4 };
    for n in 2..=largest {
        let circuit = generate(&format!("reach:{n}")).unwrap();
        for edges in assignments(pairs(n).len()) {
            assert_eq!(circuit.evaluate(&edges).unwrap(), paths(n, &edges));
        }
    }
}
