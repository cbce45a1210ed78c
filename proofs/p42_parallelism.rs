//! Theorem. If a gate follows its operands, tokens of `g` gates need at least `max(D, ⌈G/g⌉)` steps, and
//! level by level at most `⌈(G - D)/g⌉ + D` and less than `G/g + D`; loops need `D`. So loops are ahead by
//! less than `(G/D)/g + 1`, whatever a state could store.
//!
//! Proof. A longest path takes `D` steps, one gate after the other, and `t` steps hold `g t` gates. A level
//! of `w ≥ 1` gates takes `⌈w/g⌉ ≤ (w - 1)/g + 1` tokens; the sum over `D` levels is at most
//! `(G - D)/g + D`, and it is whole. End of proof.
//!
//! Executed: families and random networks, every `g` to 40. The hypothesis: if a token could hold gates
//! that follow each other, a chain would need fewer than `D`.

use circuit2tf::family::generate;
use circuit2tf::mapping::map;
use circuit2tf::theory::capacity::Demand;

fn demand(spec: &str) -> Demand {
    Demand::of(&map(&generate(spec).unwrap(), 2).unwrap().network)
}

#[test]
fn schedules_by_level_lie_within_the_bounds() {
    let named = ["parity:100", "parity-chain:20", "adder:8", "adder-ks:32", "mult:6", "decoder:4"];
    let random = (0..20).map(|seed| format!("random:n=8,gates=60,seed={seed}"));
    for spec in named.iter().map(|spec| spec.to_string()).chain(random) {
        let demand = demand(&spec);
        let (gates, depth) = (demand.gates(), demand.depth());
        for g in 1..=40 {
            let tokens = demand.tokens(g);
            assert!(tokens.least >= depth && tokens.least * g >= gates, "{spec} {g}");
            assert!(
                tokens.least <= tokens.by_level && tokens.by_level <= tokens.most,
                "{spec} {g}"
            );
            assert!(g * tokens.by_level < gates + g * depth.max(1), "{spec} {g}");
        }
        assert_eq!(demand.tokens(1).by_level, gates, "one gate a token");
        assert_eq!(demand.tokens(gates.max(1)).by_level, depth, "a level a token");
    }
}

#[test]
fn without_order_among_gates_the_depth_would_not_bound() {
    let chain = demand("parity-chain:31");
    assert_eq!((chain.gates().div_ceil(15), chain.tokens(15).least), (2, 30));
}
