//! Theorem. (a) If one layer of `H` heads of width `w`, whose numbers have `p` bits, decides at a token whose
//! query does not depend on the input whether two words of `n` bits are equal, then `H (w + 1) p ≥ n`,
//! whatever MLP follows. (b) Two layers of one head of width `⌈log2 n⌉ + 1` with two MLP units do decide it.
//!
//! Proof. (a) Of a word's tokens a head needs a normaliser and a weighted sum of width `w`: that is a message of
//! `H (w + 1) p` bits, and what follows depends on the two words' messages only. Words with one message
//! have one row in the matrix of the function; equality has `2^n` different rows. (b) See
//! [`circuit2tf::theory::shallow::equality()`]. End of proof.
//!
//! Executed: (a) rows by enumeration, of equality and of parity, which the bound does not touch. (b) all pairs
//! of words for small `n` in every dtype, a sample where `n` is 256: there in bf16 the model's 16 bits a
//! number and width 9 are fewer than one layer needs. Without its first layer the model is wrong.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use circuit2tf::batch::Batch;
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Engine, Reference};
use circuit2tf::theory::shallow::equality;
use circuit2tf::verify::{Verdict, exhaustive};

use crate::ground::*;

#[test]
fn equality_has_all_rows_and_parity_two() {
    let largest = if is_long_range() { 13 } else { 9 };
    for n in 1..=largest {
        let rows = |f: &dyn Fn(u32, u32) -> bool| {
            let row = |a: u32| (0..1 << n).map(|b| f(a, b)).collect::<Vec<bool>>();
            (0..1 << n).map(row).collect::<HashSet<_>>().len()
        };
        assert_eq!(rows(&|a, b| a == b), 1 << n);
        assert_eq!(rows(&|a, b| (a ^ b).count_ones() % 2 == 1), 2);
    }
}

#[test]
fn two_layers_decide_equality() {
    let largest = if is_long_range() { 8 } else { 5 };
    for n in 1..=largest {
        let circuit = generate(&format!("eq:{n}")).unwrap();
        for dtype in Dtype::ALL.into_iter().filter(|&dtype| dtype != Dtype::F64) {
            let model = equality(n, dtype).unwrap();
            assert_eq!((model.n_layers(), model.n_loops, model.n_heads()), (2, 1, 1));
            assert_eq!(model.labels.input_names, circuit.input_names());
            let engine = Reference::new(&model).unwrap();
            let verdict =
                exhaustive(&model, &circuit, &engine, 1, &AtomicBool::new(false)).unwrap();
            assert!(matches!(verdict, Verdict::Verified { .. }), "{n} {dtype}: {verdict}");
        }
    }
    assert!(equality(0, Dtype::F32).is_err() && equality(513, Dtype::F32).is_err());
}

/// Equal words, and words that differ in one place, which is the hardest to see, or in all.
fn hard_pairs(n: usize) -> Vec<(Vec<bool>, bool)> {
    let word: Vec<bool> = (0..n).map(|i| i * i % 7 < 3).collect();
    let pair = |changed: &dyn Fn(usize) -> bool| {
        [word.clone(), (0..n).map(|i| word[i] ^ changed(i)).collect()].concat()
    };
    let mut pairs = vec![(pair(&|_| false), true), (pair(&|_| true), false)];
    pairs.extend([0, 1, n / 2, n - 1].map(|place| (pair(&|i| i == place), false)));
    pairs
}

fn is_right(model: &Model, pairs: &[(Vec<bool>, bool)]) -> bool {
    let columns: Vec<Vec<bool>> = pairs.iter().map(|(pair, _)| pair.clone()).collect();
    let batch = Batch::from_columns(columns[0].len(), &columns).unwrap();
    let outputs = Reference::new(model).unwrap().run(&batch, 1).unwrap();
    pairs.iter().enumerate().all(|(a, (_, equal))| outputs.get(0, a) == *equal)
}

#[test]
fn narrower_than_one_layer_could_be() {
    let (n, bits) = (256, 16);
    let model = equality(n, Dtype::Bf16).unwrap();
    assert!(model.n_heads() * (model.d_head() + 1) * bits < n);
    assert!(is_right(&model, &hard_pairs(n)));
}

#[test]
fn one_layer_of_the_two_is_wrong() {
    let model = equality(4, Dtype::F32).unwrap();
    assert!(is_right(&model, &hard_pairs(4)));
    for l in 0..2 {
        let one = changed(&model, |parts| {
            parts.blocks.remove(l);
        });
        assert!(!is_right(&one, &hard_pairs(4)));
    }
}
