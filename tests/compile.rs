//! The compiler, the reference engine and verification on small circuits, end to end.

use circuit2tf::circuit::{Builder, Circuit, GateKind, Literal};
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model, file};
use circuit2tf::run::Reference;
use circuit2tf::verify::{Check, Verdict};

/// A ripple-carry adder of two `n`-bit numbers, least significant bits first.
fn ripple_adder(n: usize) -> Circuit {
    let mut builder = Builder::new();
    let bits = |builder: &mut Builder, name: &str| -> Vec<Literal> {
        (0..n).map(|i| builder.input(format!("{name}[{i}]")).unwrap().into()).collect()
    };
    let (a, b) = (bits(&mut builder, "a"), bits(&mut builder, "b"));
    let mut carry: Option<Literal> = None;
    for i in 0..n {
        let half = builder.gate(GateKind::Xor, &[a[i], b[i]]).unwrap().literal();
        let both = builder.gate(GateKind::And, &[a[i], b[i]]).unwrap().literal();
        let (sum, next) = match carry {
            None => (half, both),
            Some(carry) => {
                let sum = builder.gate(GateKind::Xor, &[half, carry]).unwrap().literal();
                let passed = builder.gate(GateKind::And, &[half, carry]).unwrap().literal();
                (sum, builder.gate(GateKind::Or, &[both, passed]).unwrap().literal())
            }
        };
        builder.output(format!("sum[{i}]"), sum).unwrap();
        carry = Some(next);
    }
    builder.output("carry", carry.unwrap()).unwrap();
    builder.finish().unwrap()
}

fn check(model: &Model, circuit: &Circuit, n_loops: usize) -> Verdict {
    let engine = Reference::new(model).unwrap();
    Check::new(&engine, circuit).loops(n_loops).run().unwrap()
}

#[test]
fn an_adder_adds_in_every_dtype_mask_and_schedule() {
    let circuit = ripple_adder(3);
    for dtype in Dtype::ALL {
        for (layers, unroll, causal) in
            [(1, false, false), (2, false, true), (3, true, false), (9, false, true)]
        {
            let options = Options { layers, unroll, causal, dtype, ..Options::default() };
            let model = compile(&circuit, "", &options).unwrap();
            let verdict = check(&model, &circuit, model.n_loops);
            assert!(matches!(verdict, Verdict::Verified { .. }), "{options:?}: {verdict}");
        }
    }
}

#[test]
fn one_layer_too_few_is_refuted_and_more_loops_change_nothing() {
    let circuit = ripple_adder(3);
    let model = compile(&circuit, "", &Options::default()).unwrap();
    assert_eq!(model.n_loops, 5);
    assert!(matches!(check(&model, &circuit, 4), Verdict::Refuted(_)));
    for n_loops in [5, 6, 11] {
        assert!(matches!(check(&model, &circuit, n_loops), Verdict::Verified { .. }));
    }
}

/// The second so large that its numbers are decoded in parts.
#[test]
fn a_model_file_reads_back_as_the_same_model_and_the_same_bytes() {
    for circuit in [ripple_adder(2), generate("random:n=16,gates=10000,seed=1").unwrap()] {
        for dtype in Dtype::ALL {
            let options = Options { dtype, layers: 2, ..Options::default() };
            let model = compile(&circuit, "5ource", &options).unwrap();
            let bytes = file::to_bytes(&model);
            let read = file::from_bytes(&bytes, "model").unwrap();
            assert!(read == model, "{dtype}");
            assert!(file::to_bytes(&read) == bytes, "{dtype}");
        }
    }
}
