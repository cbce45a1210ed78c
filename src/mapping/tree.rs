//! Trees of least depth for wide associative gates.
//!
//! In: leaves with their levels. Out: one root, every inner node over at most `k` children. The root's
//! level is the least that any tree of `k`-input gates over these leaves has, and the number of gates,
//! `⌈(n-1)/(k-1)⌉`, is the least too.
//!
//! Proof (an exchange argument; Golumbic, "Combinational merging", 1976). Pad the leaves with leaves at
//! level -∞ until `n-1` is a multiple of `k-1`; a tree of least size then has full gates only, and any
//! tree becomes one without a deeper leaf by moving leaves up into free slots. In a best tree take a
//! gate farthest from the root: its `k` children are leaves. Exchanging them with the `k` earliest
//! leaves puts earlier leaves at the greatest distance and later ones nearer, so the root gets no later.
//! So some best tree joins the `k` earliest leaves, whose gate is a leaf of a smaller problem. Only
//! the first gate holds padding: it takes `2 + (n-2) mod (k-1)` leaves, every later one `k`.

use std::collections::VecDeque;

/// Joins `leaves`, pairs of a level and a value, into one by calls of `join` on at most `k` at a time.
///
/// `join` returns the value of the new gate; its level is 1 + the highest child's. Ties go to the
/// earlier leaf in the slice and to leaves before gates, so the tree is a function of its arguments.
///
/// # Panics
/// There is no leaf or `k` is below 2: callers have a gate of at least one operand.
pub fn join_earliest<T: Copy>(
    leaves: &mut [(u32, T)],
    k: usize,
    mut join: impl FnMut(&[(u32, T)]) -> T,
) -> (u32, T) {
    assert!(!leaves.is_empty() && k >= 2, "a tree has a leaf and gates of two inputs");
    leaves.sort_by_key(|leaf| leaf.0);
    let mut queues = Queues { leaves, joined: VecDeque::new() };
    let mut take = 2 + queues.len().saturating_sub(2) % (k - 1);
    let mut group = Vec::with_capacity(k);
    while queues.len() > 1 {
        group.clear();
        group.extend(std::iter::from_fn(|| queues.pop()).take(take));
        let level = 1 + group.iter().map(|item| item.0).max().expect("a group of two or more");
        queues.joined.push_back((level, join(&group)));
        take = k;
    }
    queues.pop().expect("one item is left")
}

/// The level of the root of that tree, from the leaves' levels in any order, for few leaves.
///
/// On every level the signals there are, gates and leaves, are joined `k` at a time.
pub fn root_level(levels: &[u32], k: usize) -> u32 {
    let last = levels.iter().copied().max().unwrap_or(0);
    let first = levels.iter().copied().min().unwrap_or(0);
    let mut signals = 0;
    for level in first.. {
        signals += levels.iter().filter(|&&leaf| leaf == level).count();
        if level >= last && signals <= 1 {
            return level;
        }
        signals = signals.div_ceil(k);
    }
    unreachable!("signals get fewer on every level after the last leaf")
}

/// The items not joined yet. Gates come out in the order of their levels, so two sorted queues do the
/// work of a heap.
struct Queues<'a, T> {
    leaves: &'a [(u32, T)],
    joined: VecDeque<(u32, T)>,
}

impl<T: Copy> Queues<'_, T> {
    fn len(&self) -> usize {
        self.leaves.len() + self.joined.len()
    }

    fn pop(&mut self) -> Option<(u32, T)> {
        match (self.leaves.split_first(), self.joined.front()) {
            (Some((leaf, rest)), gate) if gate.is_none_or(|gate| leaf.0 <= gate.0) => {
                self.leaves = rest;
                Some(*leaf)
            }
            _ => self.joined.pop_front(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_and_size(levels: &[u32], k: usize) -> (u32, usize) {
        let mut leaves: Vec<_> = levels.iter().map(|&level| (level, ())).collect();
        let mut size = 0;
        let (level, ()) = join_earliest(&mut leaves, k, |group| {
            assert!((2..=k).contains(&group.len()));
            size += 1;
        });
        (level, size)
    }

    /// The least level over all trees, by trying every group of 2 to `k` items as a gate.
    fn least_level(levels: &[u32], k: usize) -> u32 {
        if let [level] = levels {
            return *level;
        }
        let mut best = u32::MAX;
        for group in 1usize..1 << levels.len() {
            if !(2..=k).contains(&(group.count_ones() as usize)) {
                continue;
            }
            let (inside, mut rest): (Vec<_>, Vec<_>) =
                (0..levels.len()).partition(|&i| group >> i & 1 == 1);
            let joined = 1 + inside.iter().map(|&i| levels[i]).max().unwrap();
            rest.iter_mut().for_each(|i| *i = levels[*i] as usize);
            let mut next: Vec<u32> = rest.iter().map(|&level| level as u32).collect();
            next.push(joined);
            best = best.min(least_level(&next, k));
        }
        best
    }

    #[test]
    fn no_tree_of_up_to_five_leaves_is_shallower() {
        for k in 2..=4 {
            for n in 1..=5u32 {
                for code in 0..4u32.pow(n) {
                    let levels: Vec<u32> = (0..n).map(|i| code / 4u32.pow(i) % 4).collect();
                    let (level, size) = level_and_size(&levels, k);
                    assert_eq!(level, least_level(&levels, k), "{levels:?} at k = {k}");
                    assert_eq!(level, root_level(&levels, k), "{levels:?} at k = {k}");
                    assert_eq!(size, (n as usize - 1).div_ceil(k - 1), "{levels:?} at k = {k}");
                }
            }
        }
    }

    #[test]
    fn no_tree_of_six_leaves_is_shallower() {
        for code in 0..3u32.pow(6) {
            // Levels 0, 1 and 3: a gap that a tree of the others can hide in.
            let levels: Vec<u32> =
                (0..6).map(|i| [0, 1, 3][(code / 3u32.pow(i) % 3) as usize]).collect();
            assert_eq!(level_and_size(&levels, 2).0, least_level(&levels, 2), "{levels:?}");
        }
    }

    #[test]
    fn late_leaves_come_last() {
        assert_eq!(level_and_size(&[0; 8], 2), (3, 7));
        assert_eq!(level_and_size(&[0, 0, 0, 0, 3], 2), (4, 4));
        assert_eq!(level_and_size(&[9, 0, 0, 0], 2), (10, 3));
        assert_eq!(level_and_size(&[0; 7], 3), (2, 3));
    }
}
