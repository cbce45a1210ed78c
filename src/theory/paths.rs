//! Paths in directed graphs, by search: what circuits of the family `reach` are held against.

/// The pairs of different vertices among `n`, in the order of the family's inputs and outputs.
pub fn pairs(n: usize) -> Vec<[usize; 2]> {
    (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| [i, j])).collect()
}

/// For each of the [`pairs`] whether `edges`, a bit for each of them, lead from the first vertex to the second.
pub fn paths(n: usize, edges: &[bool]) -> Vec<bool> {
    let pairs = pairs(n);
    let mut reached: Vec<Vec<bool>> = (0..n).map(|i| (0..n).map(|j| i == j).collect()).collect();
    // Every round goes one edge further, and a simple path has at most n - 1.
    for _ in 0..n {
        for ([i, j], _) in pairs.iter().zip(edges).filter(|(_, edge)| **edge) {
            reached.iter_mut().for_each(|from| from[*j] |= from[*i]);
        }
    }
    pairs.iter().map(|&[i, j]| reached[i][j]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_that_meet_are_a_path_and_others_are_not() {
        let edges: Vec<bool> =
            pairs(3).iter().map(|pair| matches!(pair, [0, 1] | [1, 2])).collect();
        let found: Vec<bool> =
            pairs(3).iter().map(|pair| matches!(pair, [0, 1] | [1, 2] | [0, 2])).collect();
        assert_eq!(paths(3, &edges), found);
    }
}
