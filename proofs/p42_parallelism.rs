//! Theorem. If a gate follows its operands, tokens of `g` gates need at least `max(D, ⌈G/g⌉)` steps, and
//! level by level at most `⌈(G - D)/g⌉ + D` and less than `G/g + D`; loops need `D`. So loops are ahead by
//! less than `(G/D)/g + 1`, whatever a state could store: of these schedules of this circuit, not of its function.
//!
//! Proof. A longest path takes `D` steps, one gate after the other, and `t` steps hold `g t` gates. A level
//! of `w ≥ 1` gates takes `⌈w/g⌉ ≤ (w - 1)/g + 1` tokens; the sum over `D` levels is at most
//! `(G - D)/g + D`, and it is whole. End of proof.
//!
//! Claims: latent-speed-up, storage-ratio, parallelism-bound.
//!
//! Executed: families and random networks, every `g` to 40. The hypothesis: if a token could hold gates
//! that follow each other, a chain would need fewer than `D`.

use circuit2tf::family::generate;
use circuit2tf::mapping::map;
use circuit2tf::reasoning::cot::{Bounds, Method, TokenSchedule};

fn bounds(spec: &str, g: usize) -> Bounds {
    let network = map(&generate(spec).unwrap(), 2).unwrap().network;
    TokenSchedule::new(&network, g, Method::Best).bounds
}

#[test]
fn schedules_by_level_lie_within_the_bounds() {
    let named = ["parity:100", "parity-chain:20", "adder:8", "adder-ks:32", "mult:6", "decoder:4"];
    let random = (0..20).map(|seed| format!("random:n=8,gates=60,seed={seed}"));
    for spec in named.iter().map(|spec| spec.to_string()).chain(random) {
        for g in 1..=40 {
            let tokens = bounds(&spec, g);
            let (gates, depth) = (tokens.n_gates, tokens.depth);
            assert!(tokens.lower >= depth && tokens.lower * g >= gates, "{spec} {g}");
            assert!(
                tokens.lower <= tokens.by_levels && tokens.by_levels <= tokens.upper,
                "{spec} {g}"
            );
            assert!(g * tokens.by_levels < gates + g * depth.max(1), "{spec} {g}");
        }
        let one = bounds(&spec, 1);
        assert_eq!(one.by_levels, one.n_gates, "one gate a token");
        assert_eq!(bounds(&spec, one.n_gates.max(1)).by_levels, one.depth, "a level a token");
    }
}

#[test]
fn without_order_among_gates_the_depth_would_not_bound() {
    let chain = bounds("parity-chain:31", 15);
    assert_eq!((chain.n_gates.div_ceil(15), chain.lower), (2, 30));
}
