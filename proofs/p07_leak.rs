//! Theorem 7 (finite temperature, real arithmetic). (a) If keys are all `2^m` addresses of `m` signs and a query
//! is `β` times one of them, the weight elsewhere is `λ = 1 - (1 + e^(-2β))^(-m)`; with fewer keys or a mask it
//! is less. (b) A gate of `k` operands by minterms of gain `s`, each operand read with a leak of at most
//! `(s - 1)/(2 k s)`, gives exactly its Boolean value. (c) From operands anywhere in `[0, 1]` it gives a value
//! in `[0, 1]`, if `s ≥ 1`.
//!
//! Proof. (a) A key at Hamming distance `r` scores `2βr` less, and there are `C(m, r)` of them: the sum of all
//! terms is `(1 + e^(-2β))^m`. (b) The bracket of row `a` at operands `u` is `1 - |u - a|_1`, and with
//! leaks `|u - v|_1 ≤ 1/2 - 1/(2s)` from the Boolean operands `v`. So that of row `v` is at least
//! `1/2 + 1/(2s)`, where the clamp is 1, and every other is at most `1/2 - 1/(2s)`, where it is 0; a row
//! whose gate value is 0 is shifted by -1 and is 0 anyway. (c) A row of positive clamp is within
//! `1/2 + 1/(2s) ≤ 1` of `u`. Of three such rows two are at distance 2, which is impossible; two at distance 1
//! have brackets whose sum is at most 1, and `clamp(1/2 + e) + clamp(1/2 - e) = 1`. End of proof.
//!
//! Claims: leak, finite-temperature, analog-range.
//!
//! Executed: (a) against sums over all keys; (b) for `k` to 3, all gates, rows and leaks of a dyadic grid, in
//! numbers that f64 holds exactly, and (c) on a grid. Every hypothesis is needed: one step more leak, or
//! a gain below 1/2, and values are wrong.

use crate::ground::*;

#[test]
fn the_leak_is_a_binomial_sum() {
    let longest = if is_long_range() { 18 } else { 11 };
    for m in 1..=longest {
        for beta in [0.25, 0.5, 1.0, 2.0, 3.0] {
            let weight = |a: u32| (-2.0 * beta * f64::from(a.count_ones())).exp();
            let total = |n: u32| (0..n).map(weight).sum::<f64>();
            let formula = 1.0 - (1.0 + (-2.0 * beta).exp()).powf(-f64::from(m));
            // A sum of n terms is off by n units in the last place at most.
            let tolerance = 2.0 * f64::from(1 << m) * f64::EPSILON;
            assert!(((1.0 - 1.0 / total(1 << m)) - formula).abs() <= tolerance, "{m} {beta}");
            let fewer = 1.0 - 1.0 / total((1 << m) - 1);
            assert!(fewer <= formula + tolerance, "a key fewer");
        }
    }
}

/// The gate of table `table`, by minterms of gain `s`, at operands `u`.
fn gate(table: u32, u: &[f64], s: f64) -> f64 {
    let minterm = |a: u32| {
        let distance = |(h, u): (usize, &f64)| if a >> h & 1 == 1 { 1.0 - u } else { *u };
        let bracket = 1.0 - u.iter().enumerate().map(distance).sum::<f64>();
        let y = bracket + f64::from(table >> a & 1) - 1.0;
        (s * (y - 0.5) + 0.5).max(0.0) - (s * (y - 0.5) - 0.5).max(0.0)
    };
    (0..1 << u.len()).map(minterm).sum()
}

/// Whether all gates of `k` operands are exact with operand `h` off by `leaks[h]`, in 96ths.
fn is_exact(k: u32, leaks: &[u32], s: f64) -> bool {
    let row_is_exact = |row: u32| {
        let off = |h: u32| f64::from(leaks[h as usize]) / 96.0;
        let u: Vec<f64> =
            (0..k).map(|h| if row >> h & 1 == 1 { 1.0 - off(h) } else { off(h) }).collect();
        // 96ths are no dyadic numbers; rounding is far below the ramps' flat parts but at the bound itself.
        (0..1u32 << (1 << k))
            .all(|table| (gate(table, &u, s) - f64::from(table >> row & 1)).abs() < 1e-12)
    };
    (0..1 << k).all(row_is_exact)
}

#[test]
fn gates_bear_leaks_up_to_the_bound_and_no_more() {
    // The bound in 96ths: 96 (s - 1) / (2 k s).
    for (k, s, bound) in
        [(1, 2.0, 24), (1, 4.0, 36), (2, 2.0, 12), (2, 4.0, 18), (3, 2.0, 8), (3, 4.0, 12)]
    {
        assert_eq!(f64::from(bound), 96.0 * (s - 1.0) / (2.0 * f64::from(k) * s));
        let step = if is_long_range() || k < 3 { 1 } else { 4 };
        let grid: Vec<u32> = (0..=bound).step_by(step).collect();
        let n = grid.len();
        for code in 0..n.pow(k) {
            let leaks: Vec<u32> = (0..k).map(|h| grid[code / n.pow(h) % n]).collect();
            assert!(is_exact(k, &leaks, s), "{k} {s} {leaks:?}");
        }
        assert!(!is_exact(k, &vec![bound + 1; k as usize], s), "{k} {s}");
    }
}

#[test]
fn values_stay_between_0_and_1() {
    let parts = if is_long_range() { 32 } else { 8 };
    // Fewer rows give less: the gate that is always 1 is the largest.
    let largest = |k: u32, s: f64| {
        let all = ((1u64 << (1 << k)) - 1) as u32;
        let point = |code: usize| -> Vec<f64> {
            (0..k)
                .map(|h| (code / (parts + 1usize).pow(h) % (parts + 1)) as f64 / parts as f64)
                .collect()
        };
        (0..(parts + 1).pow(k)).map(|code| gate(all, &point(code), s)).fold(0.0, f64::max)
    };
    for k in 1..=4 {
        for s in [1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0] {
            assert_eq!(largest(k, s), 1.0, "{k} {s}");
        }
    }
    assert!(largest(2, 0.25) > 1.0);
}
