//! Scheduling: which gate goes into which token, `g` gates a token, none beside an operand of its own.
//!
//! The least number of tokens is the least makespan of unit tasks with precedence on `g` machines. With `G`
//! gates and `D` levels it lies between `max(D, ⌈G/g⌉)` and `⌈(G - D)/g⌉ + D` (Graham 1966, Brent 1974): a
//! schedule that leaves no machine idle while a gate is ready has at most `D` tokens that are not full, as
//! each of these takes a gate off every longest path that remains. Both schedules here reach that:
//!
//! - by levels: `Σ ⌈w/g⌉` over the widths `w` of the levels;
//! - by critical path: of the gates that are ready, those with the longest path still ahead first (Hu 1961),
//!   which is optimal for trees.
//!
//! The better one is taken, and for [`MAX_EXACT`] gates or fewer, where neither meets the lower bound of Hu
//! (gates with at least `h` levels to go need `⌈their number / g⌉ + h - 1` tokens), the best of all, by search.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;

use crate::network::Network;

/// The most gates for which all schedules are searched.
pub const MAX_EXACT: usize = 16;

/// Which gates stand in which token, and how good that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSchedule {
    /// Per token the nodes of the network in it, in the order of slots.
    pub tokens: Vec<Vec<u32>>,
    /// What schedules of the network need.
    pub bounds: Bounds,
}

/// The tokens that schedules of one network need at `gates_per_token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most gates of a token.
    pub gates_per_token: usize,
    /// Gates and constants.
    pub n_gates: usize,
    /// The longest chain of them.
    pub depth: usize,
    /// `max(D, ⌈G/g⌉)`
    pub lower: usize,
    /// `⌈(G - D)/g⌉ + D`
    pub upper: usize,
    /// What scheduling level by level needs.
    pub by_levels: usize,
    /// What scheduling by critical path needs.
    pub by_critical_path: usize,
    /// What the schedule that was taken needs.
    pub reached: usize,
    /// Whether no schedule needs less.
    pub is_least: bool,
}

/// How gates are put into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The best schedule that is found.
    #[default]
    Best,
    /// Level by level.
    Levels,
}

impl Bounds {
    /// The fields in order, as a vector of the model file.
    pub fn to_vector(&self) -> Vec<i64> {
        let counts = [
            self.gates_per_token,
            self.n_gates,
            self.depth,
            self.lower,
            self.upper,
            self.by_levels,
            self.by_critical_path,
            self.reached,
            usize::from(self.is_least),
        ];
        counts.iter().map(|&count| count as i64).collect()
    }

    /// The bounds in a vector of that form.
    pub fn from_vector(vector: &[i64]) -> Option<Self> {
        let counts: Option<Vec<usize>> = vector.iter().map(|&x| usize::try_from(x).ok()).collect();
        match counts?.as_slice() {
            &[
                gates_per_token,
                n_gates,
                depth,
                lower,
                upper,
                by_levels,
                by_critical_path,
                reached,
                is_least,
            ] => Some(Bounds {
                gates_per_token,
                n_gates,
                depth,
                lower,
                upper,
                by_levels,
                by_critical_path,
                reached,
                is_least: is_least == 1,
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bounds { gates_per_token, n_gates, depth, lower, upper, reached, .. } = self;
        let least = if self.is_least { ", the least" } else { "" };
        write!(
            f,
            "{reached} tokens{least} (between {lower} and {upper}; by levels {}, by critical path {}) for \
             {n_gates} gates on {depth} levels, {gates_per_token} a token",
            self.by_levels, self.by_critical_path
        )
    }
}

impl TokenSchedule {
    /// Schedules the gates and constants of a network; `g` is at least 1.
    pub fn new(network: &Network, g: usize, method: Method) -> Self {
        let g = g.max(1);
        let tasks = Tasks::new(network);
        let by_levels = tasks.by_levels(g);
        let by_critical_path = tasks.by_critical_path(g);
        let needs = (by_levels.len(), by_critical_path.len());
        let chosen = match method {
            Method::Levels => by_levels,
            Method::Best if needs.0 <= needs.1 => by_levels,
            Method::Best => by_critical_path,
        };
        // Searched only where the bounds leave something open, which for trees they do not (Hu 1961).
        let hu = tasks.hu_bound(g);
        let least = needs.0.min(needs.1);
        let searched = (least > hu && tasks.len() <= MAX_EXACT).then(|| tasks.search(g));
        let is_least =
            |n: usize| n == hu || searched.as_ref().is_some_and(|found| found.len() == n);
        let chosen = match &searched {
            Some(found) if method == Method::Best && found.len() < chosen.len() => found.clone(),
            _ => chosen,
        };
        let (n_gates, depth) = (tasks.len(), tasks.depth());
        let bounds = Bounds {
            gates_per_token: g,
            n_gates,
            depth,
            lower: depth.max(n_gates.div_ceil(g)),
            upper: (n_gates - depth).div_ceil(g) + depth,
            by_levels: needs.0,
            by_critical_path: needs.1,
            reached: chosen.len(),
            is_least: is_least(chosen.len()),
        };
        let node = |&task: &u32| task + network.n_inputs() as u32;
        let tokens = chosen.iter().map(|token| token.iter().map(node).collect()).collect();
        TokenSchedule { tokens, bounds }
    }
}

/// Gates and constants as tasks, in the order of the network.
struct Tasks {
    /// The distinct tasks that each one waits for, and those that wait for it.
    operands: Vec<Vec<u32>>,
    readers: Vec<Vec<u32>>,
    /// Tasks on the longest path that ends, and on the longest that begins, with each one.
    levels: Vec<u32>,
    heights: Vec<u32>,
}

impl Tasks {
    fn new(network: &Network) -> Self {
        let first = network.n_inputs();
        let n = network.n_nodes() - first;
        let mut tasks = Tasks {
            operands: Vec::with_capacity(n),
            readers: vec![Vec::new(); n],
            levels: Vec::with_capacity(n),
            heights: vec![1; n],
        };
        for task in 0..n {
            let gates = network.operands(first + task).iter().map(|&p| p as usize);
            // An input is there from the start, and a constant, which reads itself, waits for nothing.
            let gates = gates.filter(|&p| p >= first && p != first + task);
            let mut operands: Vec<u32> = gates.map(|p| (p - first) as u32).collect();
            operands.sort_unstable();
            operands.dedup();
            let level = operands.iter().map(|&p| tasks.levels[p as usize]).max();
            tasks.levels.push(1 + level.unwrap_or(0));
            for &operand in &operands {
                tasks.readers[operand as usize].push(task as u32);
            }
            tasks.operands.push(operands);
        }
        for task in (0..n).rev() {
            let height = tasks.readers[task].iter().map(|&r| tasks.heights[r as usize]).max();
            tasks.heights[task] = 1 + height.unwrap_or(0);
        }
        tasks
    }

    fn len(&self) -> usize {
        self.operands.len()
    }

    fn depth(&self) -> usize {
        self.levels.iter().copied().max().unwrap_or(0) as usize
    }

    /// Tasks that can start at once.
    fn ready(&self) -> impl Iterator<Item = u32> {
        (0..self.len() as u32).filter(|&task| self.operands[task as usize].is_empty())
    }

    fn by_levels(&self, g: usize) -> Vec<Vec<u32>> {
        let mut levels = vec![Vec::new(); self.depth()];
        for (task, &level) in self.levels.iter().enumerate() {
            levels[level as usize - 1].push(task as u32);
        }
        levels.iter().flat_map(|level| level.chunks(g).map(<[u32]>::to_vec)).collect()
    }

    fn by_critical_path(&self, g: usize) -> Vec<Vec<u32>> {
        // The longest way to go first; ties by number, so that the schedule is the same each time.
        let urgency = |task: u32| (self.heights[task as usize], Reverse(task));
        let mut ready: BinaryHeap<_> = self.ready().map(urgency).collect();
        let mut missing: Vec<usize> = self.operands.iter().map(Vec::len).collect();
        let mut tokens = Vec::new();
        while !ready.is_empty() {
            let n = g.min(ready.len());
            let token: Vec<u32> = std::iter::repeat_with(|| ready.pop())
                .take(n)
                .flatten()
                .map(|(_, r)| r.0)
                .collect();
            // Behind the token, not in it: a gate does not share a token with its operand.
            for &reader in token.iter().flat_map(|&task| &self.readers[task as usize]) {
                missing[reader as usize] -= 1;
                if missing[reader as usize] == 0 {
                    ready.push(urgency(reader));
                }
            }
            tokens.push(token);
        }
        tokens
    }

    /// The largest over `h` of `⌈|tasks with at least h levels to go| / g⌉ + h - 1`.
    fn hu_bound(&self, g: usize) -> usize {
        let mut heights = self.heights.clone();
        heights.sort_unstable_by_key(|&height| Reverse(height));
        let bounds = heights.iter().enumerate();
        bounds.map(|(i, &height)| (i + 1).div_ceil(g) + height as usize - 1).max().unwrap_or(0)
    }

    /// A schedule of least length, for [`MAX_EXACT`] tasks at most: the sets of tasks that can be done after
    /// each number of tokens, until one is all. To leave a slot empty that a ready task could fill never helps.
    fn search(&self, g: usize) -> Vec<Vec<u32>> {
        debug_assert!(self.len() <= MAX_EXACT, "callers check");
        let all = (1u32 << self.len()) - 1;
        // Per number of tokens: for each set that can be done, the set before.
        // Any way to a set is as good as another, so the first is kept; in order, so that it is the same each time.
        let mut reached = vec![BTreeMap::from([(0, 0)])];
        while !reached[reached.len() - 1].contains_key(&all) {
            let mut next = BTreeMap::new();
            for &done in reached[reached.len() - 1].keys() {
                for token in self.fullest_tokens(done, g) {
                    next.entry(done | token).or_insert(done);
                }
            }
            reached.push(next);
        }
        let mut tokens = Vec::new();
        let mut done = all;
        for sets in reached[1..].iter().rev() {
            let before = sets[&done];
            tokens.push((0..32).filter(|&task| (done & !before) >> task & 1 == 1).collect());
            done = before;
        }
        tokens.reverse();
        tokens
    }

    /// The sets of ready tasks that fill a token, or all of them if they do not.
    fn fullest_tokens(&self, done: u32, g: usize) -> Vec<u32> {
        let is_done = |&p: &u32| done >> p & 1 == 1;
        let is_ready =
            |&task: &u32| !is_done(&task) && self.operands[task as usize].iter().all(is_done);
        let ready = (0..self.len() as u32).filter(is_ready).fold(0u32, |set, task| set | 1 << task);
        if ready.count_ones() as usize <= g {
            return vec![ready];
        }
        // All subsets, in decreasing order of their numbers.
        let subsets = std::iter::successors(Some(ready), |&subset| {
            (subset != 0).then(|| (subset - 1) & ready)
        });
        subsets.filter(|subset| subset.count_ones() as usize == g).collect()
    }
}

#[cfg(test)]
mod tests {
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
                assert!(
                    token_of[operand as usize].is_none_or(|before| before < token),
                    "gate {id}"
                );
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
                        assert!(
                            (bounds.lower..=bounds.upper).contains(&n),
                            "{spec} g={g}: {bounds}"
                        );
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
}
