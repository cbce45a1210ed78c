//! Theorem. (a) Over the reals one layer of attention without an MLP, read by the sign of a linear form with a
//! constant at a token whose query and whose read-out do not depend on its own bit, computes the parity of `n`
//! bits with `n` heads and not with fewer. (b) In a format of `p` bits, the residual stream being in it, one head
//! with `W_Q = 0` and `d_model = 3` computes the parity of `n` bits for all `n ≤ 2^(p-1)`, whatever the order of sums
//! and the width of accumulators from the format's up. (c) In f16, with accumulators of f32 or wider, one head with
//! `d_model = n + 2` computes any symmetric function of `n ≤ 32` bits.
//!
//! Proof. (a) Not with `k < n`: head `j` reads `s_j / d_j`, both sums of terms that depend on one bit each, with
//! `d_j > 0`. Times `Π d_j`, a linear form of `k` heads and a constant is a sum of products of at most `k`
//! factors of one bit each; each leaves one of `n` bits out, so its alternating sum over all inputs is 0.
//! If its sign were parity's, all terms of that sum would have one sign. With `n`: see
//! [`circuit2tf::theory::shallow::heads`]. (b), (c) [`circuit2tf::theory::shallow::rounding`]. End of proof.
//!
//! Claims: alternating-sum, parity-without-mlp-at-any-precision, parity-by-rounding, symmetric-by-rounding,
//! k-heads-margin, parity-by-heads.
//!
//! Executed: the alternating sums of random integer models; the partial fractions in integers; the models
//! on all inputs. Precision is what (a) costs: the margin falls by more than 4 a head, and in f32 and f64 the
//! models go wrong where it falls below what is rounded. (b) on all inputs of 16 bits by two engines, and of 6 bits
//! by every runner that a certificate speaks of. That something rounds is needed: the same numbers in f64, which
//! holds all of theirs, compute no parity.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Oracle;
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::{Dense, Device, Engine, Reference};
use circuit2tf::theory::shallow::heads::{MAX_EXACT, fractions, parity_by_heads};
use circuit2tf::verify::{Check, Verdict};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use circuit2tf::theory::shallow::rounding::{
    MAX_SYMMETRIC, parity_by_rounding, symmetric_by_rounding,
};

use crate::ground::*;
use crate::runner;

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
    let verdict = Check::new(&engine, &circuit).loops(1).run().unwrap();
    matches!(verdict, Verdict::Verified { .. })
}

#[test]
fn as_many_heads_as_bits_compute_parity_until_precision_ends() {
    let right = |dtype| (1..=MAX_EXACT).take_while(|&n| is_parity(n, dtype)).count();
    let (single, double) = (right(Dtype::F32), right(Dtype::F64));
    assert!((4..8).contains(&single), "f32: {single}");
    assert!((8..MAX_EXACT).contains(&double), "f64: {double}");
}

/// Whether an engine's bits are those of the parity of `n` bits, on all inputs.
fn is_parity_by(engine: &dyn Engine, n: usize) -> bool {
    let inputs = Batch::counting(n, 0, 1 << n);
    let circuit = generate(&format!("parity:{n}")).unwrap();
    let expected = Oracle::new(&circuit).unwrap().run(&inputs).unwrap();
    engine.run(&inputs, 1).unwrap().first_difference(&expected).is_none()
}

fn has_no_mlp(model: &Model) -> bool {
    let block = &model.blocks[0];
    model.n_layers() == 1 && block.w_out.iter().chain(&block.b_out).all(|&w| w == 0.0)
}

#[test]
fn one_head_that_rounds_computes_the_parity_of_sixteen_bits() {
    for (dtype, n) in [(Dtype::F16, 16), (Dtype::Bf16, 8), (Dtype::F32, 8), (Dtype::F64, 8)] {
        let model = parity_by_rounding(n, dtype).unwrap();
        assert!(has_no_mlp(&model) && (model.n_heads(), model.d_model()) == (1, 3));
        assert!(model.blocks[0].w_q.iter().chain(&model.blocks[0].b_q).all(|&w| w == 0.0));
        assert!(is_parity_by(&Reference::new(&model).unwrap(), n), "{dtype}");
        assert!(is_parity_by(&Dense::new(&model, &Device::cpu()).unwrap(), n), "{dtype}");
    }
    let mut exact = parity_by_rounding(16, Dtype::F16).unwrap().into_parts();
    exact.dtype = Dtype::F64;
    let exact = Model::new(exact).unwrap();
    assert!(!is_parity_by(&Reference::new(&exact).unwrap(), 16), "nothing rounds");
    assert!(
        parity_by_rounding(129, Dtype::Bf16).is_err() && parity_by_rounding(0, Dtype::F16).is_err()
    );
}

/// Every order, accumulators of the dtype and wider, biases first and last, softmax in the dtype and in f32.
#[test]
fn one_head_that_rounds_is_right_by_every_runner() {
    let n = 6;
    for dtype in [Dtype::F16, Dtype::Bf16, Dtype::F32] {
        let model = parity_by_rounding(n, dtype).unwrap();
        for variant in runner::covered(&model) {
            for input in assignments(n) {
                let odd = input.iter().filter(|&&bit| bit).count() % 2 == 1;
                assert_eq!(runner::run(&model, &input, 1, variant), [odd], "{dtype} {variant:?}");
            }
        }
    }
}

#[test]
fn staircases_span_every_symmetric_function() {
    let model = symmetric_by_rounding(&(0..=16).map(|c| c % 2 == 1).collect::<Vec<_>>()).unwrap();
    assert!(has_no_mlp(&model) && model.d_model() == 18);
    assert!(is_parity_by(&Reference::new(&model).unwrap(), 16));
    for n in [1, 5, MAX_SYMMETRIC] {
        for seed in 0..3usize {
            let values: Vec<bool> =
                (0..=n).map(|c| (c * c + seed * c + seed / 3) % 7 < 3).collect();
            let model = symmetric_by_rounding(&values).unwrap();
            for variant in runner::honest(&model).into_iter().step_by(11) {
                for (ones, &value) in values.iter().enumerate() {
                    let input: Vec<bool> = (0..n).map(|i| i < ones).collect();
                    let found = runner::run(&model, &input, 1, variant);
                    assert_eq!(found, [value], "{n} bits, {ones} ones, {variant:?}");
                }
            }
        }
    }
    assert!(symmetric_by_rounding(&[true]).is_err() && symmetric_by_rounding(&[true; 34]).is_err());
}
