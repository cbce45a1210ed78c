//! Topological order of gates that a file lists in any order.

/// Where a gate is in the depth-first walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// The gates `0..n` so that operands come before their readers; a list that is in such an order
/// already keeps it. `operand(gate, pin)` is the gate on a pin, or `None` for a source; `pins(gate)`
/// is the number of pins.
///
/// Time is linear in the pins, and the walk keeps its own stack: depth costs no call.
///
/// # Errors
/// A gate that lies on a cycle.
pub(super) fn topological_order(
    n: usize,
    pins: impl Fn(usize) -> usize,
    operand: impl Fn(usize, usize) -> Option<usize>,
) -> Result<Vec<usize>, usize> {
    let mut marks = vec![Mark::New; n];
    let mut order = Vec::with_capacity(n);
    let mut stack = Vec::new();
    for root in 0..n {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        stack.push((root, 0));
        while let Some((gate, pin)) = stack.last_mut() {
            let gate = *gate;
            if *pin == pins(gate) {
                marks[gate] = Mark::Done;
                order.push(gate);
                stack.pop();
                continue;
            }
            let next = operand(gate, *pin);
            *pin += 1;
            match next.map(|next| (next, marks[next])) {
                Some((next, Mark::New)) => {
                    marks[next] = Mark::Open;
                    stack.push((next, 0));
                }
                Some((next, Mark::Open)) => return Err(next),
                Some((_, Mark::Done)) | None => {}
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(operands: &[&[usize]]) -> Result<Vec<usize>, usize> {
        topological_order(operands.len(), |g| operands[g].len(), |g, p| Some(operands[g][p]))
    }

    #[test]
    fn operands_come_first_and_a_sorted_list_stays() {
        assert_eq!(order(&[&[2], &[], &[1]]), Ok(vec![1, 2, 0]));
        assert_eq!(order(&[&[], &[], &[0, 1]]), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn a_cycle_names_one_of_its_gates() {
        assert_eq!(order(&[&[], &[2], &[3], &[2]]), Err(2));
        assert_eq!(order(&[&[0]]), Err(0));
    }

    #[test]
    fn a_chain_of_a_million_backwards_does_not_recurse() {
        let n = 1_000_000;
        let chain = topological_order(n, |_| 1, |g, _| (g + 1 < n).then_some(g + 1)).unwrap();
        assert_eq!((chain[0], chain[n - 1]), (n - 1, 0));
    }
}
