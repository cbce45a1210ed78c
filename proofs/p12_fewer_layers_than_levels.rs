//! Theorem. "A model that is not looped needs as many layers as its circuit has levels" is false.
//!
//! Proof, by example, each with fewer layers than the least depth in gates of two inputs: parity, and every
//! symmetric function, in one layer of one head; any table of six inputs in one layer of six heads; OR in
//! one layer of one head that attends to a 1; parity of `3^L` inputs in `L` layers of two heads; `k` hops
//! along a pointer in `⌊log2 k⌋ + 2` layers. See [`circuit2tf::theory::shallow`] for why each is right.
//!
//! Claims: depth-layers-needed, symmetric-one-layer, hops-need-layers, k-hop-lower-bound.
//!
//! Executed: all inputs where there are at most 10, else a sample, in f32, f16 and bf16. The models are no
//! looser than they say: without their last layer they are wrong.

use circuit2tf::circuit::{Builder, Circuit, GateKind, TruthTable};
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::mapping;
use circuit2tf::model::{Dtype, Model};
use circuit2tf::run::Reference;
use circuit2tf::theory::shallow::{or_by_content, parity_of_three, pointer_chasing, symmetric};
use circuit2tf::verify::{Assignments, Check, Verdict};

use crate::ground;

const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

fn steps(model: &Model) -> usize {
    model.n_layers() * model.n_loops
}

/// All inputs if they are at most 10, else 100 of them.
fn assert_computes(model: &Model, circuit: &Circuit, what: &str) {
    let engine = Reference::new(model).unwrap();
    let verdict = match circuit.inputs().len() {
        0..=10 => Check::new(&engine, circuit).run(),
        _ => Check::new(&engine, circuit).on(Assignments::Sample { count: 100, seed: 1 }).run(),
    };
    let verdict = verdict.unwrap();
    assert!(!matches!(verdict, Verdict::Refuted(_)), "{what} {}: {verdict}", model.dtype);
}

#[test]
fn parity_in_one_layer() {
    for n in (1..=8).chain([10, 64, 256]) {
        let circuit = generate(&format!("parity:{n}")).unwrap();
        let values: Vec<bool> = (0..=n).map(|ones| ones % 2 == 1).collect();
        for dtype in DTYPES {
            let model = symmetric(&values, dtype).unwrap();
            assert_eq!((steps(&model), model.n_heads(), model.d_mlp()), (1, 1, n));
            assert_computes(&model, &circuit, &format!("parity of {n}"));
        }
        assert!(n < 3 || mapping::depth(&circuit, 2) > 1);
    }
    assert!(symmetric(&[], Dtype::F32).is_err() && symmetric(&[true], Dtype::F32).is_err());
    assert!(symmetric(&[true; 258], Dtype::F32).is_err());
}

/// All 64 symmetric functions of five inputs.
#[test]
fn every_symmetric_function_in_one_layer() {
    for code in 0..64u32 {
        let values: Vec<bool> = (0..=5).map(|ones| code >> ones & 1 == 1).collect();
        let table = TruthTable::from_fn(5, |x| values[x.iter().filter(|&&bit| bit).count()]);
        let model = symmetric(&values, Dtype::Bf16).unwrap();
        assert_computes(&model, &lut(table), &format!("symmetric function {code}"));
    }
}

fn lut(table: TruthTable) -> Circuit {
    let mut builder = Builder::new();
    let x: Vec<_> = (0..table.n_inputs())
        .map(|i| builder.input(format!("x[{i}]")).unwrap().literal())
        .collect();
    let gate = builder.gate(GateKind::Lut(table), &x).unwrap();
    builder.output("y", gate).unwrap();
    builder.finish().unwrap()
}

#[test]
fn every_function_of_six_inputs_that_was_tried_in_one_layer_of_six_heads() {
    for seed in 0..20u64 {
        let bits = (2 * seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let circuit = lut(TruthTable::new(6, bits).unwrap());
        let model = compile(&circuit, "", &Options { heads: 6, ..Options::default() }).unwrap();
        assert_eq!(steps(&model), 1);
        assert_computes(&model, &circuit, &format!("{bits:#x}"));
    }
}

#[test]
fn disjunction_by_content_in_one_layer_of_one_head() {
    for n in (1..=8).chain([100, 256]) {
        let circuit = generate(&format!("or:{n}")).unwrap();
        for dtype in DTYPES {
            let model = or_by_content(n, dtype).unwrap();
            assert_eq!((steps(&model), model.n_heads()), (1, 1));
            assert_computes(&model, &circuit, &format!("or of {n}"));
        }
    }
}

#[test]
fn parity_of_nine_in_two_layers_of_two_heads() {
    for (layers, n) in [(1, 3), (2, 9), (3, 27)] {
        let circuit = generate(&format!("parity:{n}")).unwrap();
        for dtype in DTYPES {
            let model = parity_of_three(layers, dtype).unwrap();
            assert_eq!((steps(&model), model.n_heads()), (layers, 2));
            assert!(mapping::depth(&circuit, 2) > layers);
            assert_computes(&model, &circuit, &format!("parity of {n}"));
        }
    }
    assert!(parity_of_three(0, Dtype::F32).is_err() && parity_of_three(100, Dtype::F32).is_err());
}

/// All tables and starts of two and four entries, a sample of eight and sixteen.
#[test]
fn any_number_of_hops_by_squaring() {
    let most = if ground::is_long_range() { 64 } else { 9 };
    let small =
        [1, 2].into_iter().flat_map(|m| (1..=most).chain([1000]).map(move |hops| (m, hops)));
    for (m, hops) in small.chain([(3, 5), (3, 7), (3, 12), (3, 100), (4, 21)]) {
        let n = 1 << m;
        let circuit = generate(&format!("pointer:n={n},k={hops}")).unwrap();
        for dtype in DTYPES {
            let model = pointer_chasing(m, hops, dtype).unwrap();
            assert_eq!(steps(&model), hops.ilog2() as usize + 2);
            assert_eq!(model.labels.input_names, circuit.input_names());
            assert_computes(&model, &circuit, &format!("{hops} hops among {n}"));
        }
    }
    // E17: a thousand hops take ten doublings.
    assert_eq!(steps(&pointer_chasing(2, 1000, Dtype::F32).unwrap()), 10 + 1);
    assert!(
        pointer_chasing(5, 1, Dtype::F32).is_err() && pointer_chasing(2, 0, Dtype::F32).is_err()
    );
}

/// Every layer is needed.
#[test]
fn one_layer_fewer_is_wrong() {
    for (model, spec) in [
        (parity_of_three(2, Dtype::F32).unwrap(), "parity:9"),
        (pointer_chasing(2, 3, Dtype::F32).unwrap(), "pointer:n=4,k=3"),
        (pointer_chasing(2, 6, Dtype::F32).unwrap(), "pointer:n=4,k=6"),
    ] {
        let mut parts = model.into_parts();
        parts.blocks.pop();
        let model = Model::new(parts).unwrap();
        let engine = Reference::new(&model).unwrap();
        let circuit = generate(spec).unwrap();
        let verdict = Check::new(&engine, &circuit).loops(1).run().unwrap();
        assert!(matches!(verdict, Verdict::Refuted(_)), "{spec}");
    }
}
