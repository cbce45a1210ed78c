use super::*;
use crate::family::generate;
use crate::mapping;

fn network(spec: &str) -> Network {
    mapping::map(&generate(spec).unwrap(), 2).unwrap().network
}

/// An error unless every gate stands in one token, after its operands', with at most `g` in a token.
fn require_schedule(network: &Network, schedule: &TokenSchedule, g: usize) {
    let mut token_of = vec![None; network.n_nodes()];
    for (t, token) in schedule.tokens.iter().enumerate() {
        assert!((1..=g).contains(&token.len()), "token {t} holds {}", token.len());
        for &node in token {
            assert_eq!(token_of[node as usize].replace(t), None, "node {node} twice");
        }
    }
    for id in network.n_inputs()..network.n_nodes() {
        let token = token_of[id].expect("every gate is scheduled");
        for &operand in network.operands(id).iter().filter(|&&p| p as usize != id) {
            assert!(token_of[operand as usize].is_none_or(|before| before < token), "gate {id}");
        }
    }
}

/// The least number of tokens by trying every subset of the ready tasks, full or not.
fn brute_force(tasks: &Tasks, g: usize, done: u32, known: &mut BTreeMap<u32, usize>) -> usize {
    let all = (1u32 << tasks.len()) - 1;
    if done == all {
        return 0;
    }
    if let Some(&least) = known.get(&done) {
        return least;
    }
    let is_done = |&p: &u32| done >> p & 1 == 1;
    let is_ready = |t: u32| !is_done(&t) && tasks.operands[t as usize].iter().all(is_done);
    let subsets = (1..=all).filter(|subset| {
        subset.count_ones() as usize <= g
            && (0..tasks.len() as u32).all(|t| subset >> t & 1 == 0 || is_ready(t))
    });
    let subsets: Vec<u32> = subsets.collect();
    let least = subsets.iter().map(|subset| 1 + brute_force(tasks, g, done | subset, known));
    let least = least.min().expect("some task is ready");
    known.insert(done, least);
    least
}

/// Random gates over few inputs, so that the precedence is not that of levels only.
fn random_network(seed: u64, n_gates: usize) -> Network {
    let mut state = seed;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % bound
    };
    let mut network = Network::new(2, 2).unwrap();
    for _ in 0..n_gates {
        let n = network.n_nodes();
        let operands = [below(n) as u32, below(n) as u32];
        network.gate(&operands, |row| row == 3).unwrap();
    }
    network
}

#[test]
fn schedules_keep_the_order_and_the_bounds() {
    for spec in ["parity:64", "parity-chain:20", "adder-ks:16", "mult:4", "aes-sbox", "mux:3"] {
        let network = network(spec);
        for g in [1, 2, 3, 7, 15, 100] {
            for method in [Method::Best, Method::Levels] {
                let schedule = TokenSchedule::new(&network, g, method);
                require_schedule(&network, &schedule, g);
                let bounds = schedule.bounds;
                assert_eq!(schedule.tokens.len(), bounds.reached);
                for n in [bounds.by_levels, bounds.by_critical_path, bounds.reached] {
                    assert!((bounds.lower..=bounds.upper).contains(&n), "{spec} g={g}: {bounds}");
                }
            }
        }
    }
}

#[test]
fn the_numbers_of_the_theory_come_out() {
    let bounds = |spec: &str| TokenSchedule::new(&network(spec), 15, Method::Best).bounds;
    let parity = bounds("parity:1024");
    assert_eq!((parity.n_gates, parity.depth, parity.by_levels), (1023, 10, 76));
    assert_eq!((parity.lower, parity.upper), (69, 78));
    assert_eq!(bounds("parity:64").by_levels, 9);
    assert_eq!(bounds("parity-chain:1024").reached, 1023);
    let adder = bounds("adder-ks:64");
    assert_eq!((adder.n_gates, adder.depth, adder.lower, adder.upper), (1091, 13, 73, 85));
    // A tree, so the critical path is optimal, and it is better than level by level.
    assert!(parity.is_least && parity.by_critical_path < parity.by_levels, "{parity}");
}

#[test]
fn small_networks_get_the_least_number_of_tokens() {
    let mut searched = 0;
    for seed in 0..60 {
        let network = random_network(seed, 3 + seed as usize % 6);
        let tasks = Tasks::new(&network);
        for g in 1..=3 {
            let schedule = TokenSchedule::new(&network, g, Method::Best);
            require_schedule(&network, &schedule, g);
            let least = brute_force(&tasks, g, 0, &mut BTreeMap::new());
            assert_eq!(schedule.bounds.reached, least, "seed {seed}, g = {g}");
            assert_eq!(tasks.search(g).len(), least);
            assert!(schedule.bounds.is_least);
            assert!(tasks.hu_bound(g) <= least);
            searched += usize::from(tasks.hu_bound(g) < least);
        }
    }
    assert!(searched > 0, "the bound alone would have done");
}

/// Two gates that wait for the same one cannot both follow it at once: a level schedule that leaves slots empty is
/// not least.
#[test]
fn level_by_level_can_be_more_than_the_least() {
    let mut network = Network::new(2, 3).unwrap();
    let wide: Vec<u32> = (0..3).map(|i| network.gate(&[i], |row| row == 0).unwrap()).collect();
    let second = network.gate(&[wide[0]], |row| row == 0).unwrap();
    network.gate(&[second], |row| row == 0).unwrap();
    let bounds = TokenSchedule::new(&network, 2, Method::Best).bounds;
    assert_eq!((bounds.by_levels, bounds.reached, bounds.is_least), (4, 3, true));
}

#[test]
fn nothing_to_schedule_takes_no_token() {
    let network = Network::new(2, 3).unwrap();
    let schedule = TokenSchedule::new(&network, 4, Method::Best);
    assert!(schedule.tokens.is_empty());
    assert_eq!(
        (schedule.bounds.lower, schedule.bounds.upper, schedule.bounds.is_least),
        (0, 0, true)
    );
}

#[test]
fn bounds_survive_the_file() {
    let bounds = TokenSchedule::new(&network("mult:3"), 3, Method::Best).bounds;
    assert_eq!(Bounds::from_vector(&bounds.to_vector()), Some(bounds));
    assert_eq!(Bounds::from_vector(&[1, 2]), None);
    assert_eq!(Bounds::from_vector(&[-1; 9]), None);
}
