//! Theorem 31 (token schedules). With `g` gates a token, and no gate in a token with its operand, `G` gates whose
//! longest chain has `D` need at least `max(D, ⌈G/g⌉)` tokens. A schedule that leaves no slot empty while a gate
//! is ready has at most `⌈(G - D)/g⌉ + D`.
//!
//! Proof. Lower: a token takes at most `g` gates, and at most one of a chain. Upper: let `p` be the number of tokens
//! that are not full. Each takes all gates that are ready, so it shortens every longest chain that remains, by one:
//! `p ≤ D`. The full ones take `g f ≤ G - p` gates, each token that is not full at least one. So there are
//! `f + p ≤ (G - p)/g + p` tokens, which grows with `p ≤ D`. ∎ (Graham 1966; Brent 1974.)
//!
//! Claims: token-bounds, levels-least, latent-speed-up.
//!
//! Checked: random circuits and every `g` up to 6, level by level and by critical path. Level by level leaves slots
//! empty, but a level of `w` gates takes `⌈w/g⌉ ≤ (w - 1)/g + 1` tokens, and the sum over the levels is the bound.
//!
//! The hypothesis that no slot stays empty is needed: see [`one_gate_a_token_exceeds_the_bound`].

use circuit2tf::mapping;
use circuit2tf::reasoning::cot::{Method, TokenSchedule};
use proptest::prelude::*;

use crate::ground::*;

proptest! {
    #![proptest_config(cases(100))]
    #[test]
    fn schedules_of_random_circuits_are_within_the_bounds(
        circuit in circuits(6, 40),
        g in 1usize..=6,
    ) {
        let network = mapping::map(&circuit, 2).unwrap().network;
        let schedule = TokenSchedule::new(&network, g, Method::Best);
        let bounds = schedule.bounds;
        let (n, depth) = (network.n_nodes() - network.n_inputs(), network.depth());
        // A constant is a gate without operands, on no level of the network.
        prop_assert!(bounds.n_gates == n && bounds.depth >= depth && bounds.depth <= depth.max(1));
        prop_assert_eq!(bounds.lower, bounds.depth.max(n.div_ceil(g)));
        for tokens in [bounds.by_levels, bounds.by_critical_path, bounds.reached] {
            prop_assert!(bounds.lower <= tokens && tokens <= bounds.upper, "{}", bounds);
        }
        let mut token_of = vec![None; network.n_nodes()];
        for (t, token) in schedule.tokens.iter().enumerate() {
            prop_assert!(!token.is_empty() && token.len() <= g);
            token.iter().for_each(|&node| token_of[node as usize] = Some(t));
        }
        for id in network.n_inputs()..network.n_nodes() {
            prop_assert!(token_of[id].is_some());
            let operands = network.operands(id).iter().filter(|&&p| p as usize != id);
            for &operand in operands {
                prop_assert!(token_of[operand as usize] < token_of[id]);
            }
        }
    }
}

/// Seven gates, three levels, four slots: a token a gate is in order but leaves slots empty.
#[test]
fn one_gate_a_token_exceeds_the_bound() {
    let circuit = circuit2tf::family::generate("parity:8").unwrap();
    let network = mapping::map(&circuit, 2).unwrap().network;
    let bounds = TokenSchedule::new(&network, 4, Method::Best).bounds;
    let idle = TokenSchedule::new(&network, 1, Method::Best).bounds.reached;
    assert_eq!((bounds.upper, idle), (4, 7));
}
