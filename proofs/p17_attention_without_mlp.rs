//! Theorem. One layer of attention without an MLP, read by the sign of a linear form at a token whose query
//! does not depend on the input, computes the parity of `n` bits with `n` heads and not with fewer, at any
//! precision.
//!
//! Proof. Not with `k < n`: head `j` reads `s_j / d_j`, both sums of terms that depend on one bit each, with
//! `d_j > 0`. Times `Π d_j`, a linear form of `k` heads and a constant is a sum of products of at most `k`
//! factors of one bit each; each leaves one of `n` bits out, so its alternating sum over all inputs is 0.
//! If its sign were parity's, all terms of that sum would have one sign. With `n`: see
//! [`circuit2tf::theory::shallow::heads`]. End of proof.
//!
//! Executed: the alternating sums of random integer models; the partial fractions in integers; the models
//! on all inputs. Precision is what it costs: the margin falls by more than 4 a head, and in f32 and f64 the
//! models go wrong where it falls below what is rounded.

use std::sync::atomic::AtomicBool;

use circuit2tf::family::generate;
use circuit2tf::model::Dtype;
use circuit2tf::run::Reference;
use circuit2tf::theory::shallow::heads::{MAX_EXACT, fractions, parity_by_heads};
use circuit2tf::verify::{Verdict, exhaustive};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::ground::*;

/// What a bit adds to a head's sum at 0 and at 1, by bit.
type Form = Vec<[i128; 2]>;

/// `Σ_x (-1)^|x| (constant + Σ_j s_j(x) / d_j(x)) Π d_j(x)` over `n` bits.
fn alternating(heads: &[[Form; 2]], constant: i128, n: usize) -> i128 {
    let at = |form: &Form, x: usize| -> i128 { (0..n).map(|bit| form[bit][x >> bit & 1]).sum() };
    let value = |x: usize| {
        let all: i128 = heads.iter().map(|[_, d]| at(d, x)).product();
        let terms = (0..heads.len()).map(|j| {
            let others = (0..heads.len()).filter(|&i| i != j).map(|i| at(&heads[i][1], x));
            at(&heads[j][0], x) * others.product::<i128>()
        });
        constant * all + terms.sum::<i128>()
    };
    (0..1usize << n).map(|x| if x.count_ones() % 2 == 1 { -value(x) } else { value(x) }).sum()
}

#[test]
fn fewer_heads_have_no_alternating_sum() {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let n_models = if is_long_range() { 2000 } else { 50 };
    for k in 1..=6 {
        let mut others = 0;
        for _ in 0..n_models {
            let mut form = |least: i128| -> Form {
                (0..=k).map(|_| [(); 2].map(|()| rng.random_range(least..=9))).collect()
            };
            let heads: Vec<[Form; 2]> = (0..k).map(|_| [form(-9), form(1)]).collect();
            let constant = rng.random_range(-9..=9);
            assert_eq!(alternating(&heads, constant, k + 1), 0);
            others += usize::from(alternating(&heads, constant, k) != 0);
        }
        assert!(others > 0, "{k} heads over {k} bits");
    }
}

#[test]
fn the_fractions_are_exact() {
    for n in 1..=MAX_EXACT {
        let fractions = fractions(n).unwrap();
        // One more than the identity needs.
        assert!((0..=n as i128).all(|c| fractions.is_exact_at(c)), "{n}");
        let mut wrong = fractions.clone();
        wrong.numerators[n / 2] += 1;
        assert!(!(0..n as i128).all(|c| wrong.is_exact_at(c)), "{n}");
    }
    assert!(fractions(0).is_err() && fractions(MAX_EXACT + 1).is_err());
}

fn is_parity(n: usize, dtype: Dtype) -> bool {
    let model = parity_by_heads(n, dtype).unwrap();
    assert_eq!((model.n_heads(), model.n_layers(), model.n_loops), (n, 1, 1));
    assert!(model.blocks[0].w_out.iter().all(|&w| w == 0.0), "no MLP");
    let circuit = generate(&format!("parity:{n}")).unwrap();
    let engine = Reference::new(&model).unwrap();
    let verdict = exhaustive(&model, &circuit, &engine, 1, &AtomicBool::new(false)).unwrap();
    matches!(verdict, Verdict::Verified { .. })
}

#[test]
fn as_many_heads_as_bits_compute_parity_until_precision_ends() {
    let right = |dtype| (1..=MAX_EXACT).take_while(|&n| is_parity(n, dtype)).count();
    let (single, double) = (right(Dtype::F32), right(Dtype::F64));
    assert!((4..8).contains(&single), "f32: {single}");
    assert!((8..MAX_EXACT).contains(&double), "f64: {double}");
}
