//! What a softmax leaks that is taken in a wider format than its threshold is for (C5).
//!
//! Behind a lead `Δ` above the threshold exponentials are 0 in the dtype and in f32. In f64, say, they are not:
//! `n - 1` of them come to `λ = (n - 1) e^-Δ` at most.
//!
//! Lemma. Let the exponentials, each off by a few units in the last place and so at most twice the true one,
//! their sum and the quotients be taken in f32 or anything wider, no narrower than the dtype, which has precision
//! `p` and least normal number `2^q`. Let the weights then be rounded to the dtype, or not, the values be added
//! up in a format as wide, in any order, and the sum be rounded to the dtype. Let `V` bound the entries that a
//! head can read from any position, let `v` be the target's, and `Λ = 32 λ e^(n / 2^23)`. If `Λ ≤ 2^-(p+1)`, and
//! `Λ V ≤ 2^-(p+1) |v|`, or `Λ V ≤ 2^(q-p)` where `v = 0`, the head reads `v`.
//!
//! Proof. (1) `a` being a number of a format, rounding moves `a + t` by `|t|` at most, so the rounded sum is off
//! `a` by `2|t|` at most. (2) `n` terms, added up in any order, come to at most `(1 + 2^-24)^n ≤ e^(n / 2^24)`
//! times the sum of their magnitudes. So the computed exponentials of the others come to at most
//! `m = 2 λ e^(n / 2^24)`; by (1) the denominator is between 1 and `1 + 2m`, the target's weight off 1 by `4m` at
//! most, and the other weights are no larger than their exponentials. (3) If weights are rounded to the dtype,
//! the target's is 1, as `4m < 2^-(p+1)`, and the others are 0, as `e^-Δ` is below the threshold's `2^(q-p)` by
//! more than those units, `Δ` being a number of the dtype and the threshold none. Else the target's product is
//! off `v` by `8 m V` by (1), those of the others are at most twice their true size (a subnormal product can be
//! rounded to its double), and by (1) and (2) they move the sum by `4 m V e^(n / 2^24)`. Both together are below
//! `Λ V`, so the sum is nearer to `v` than half of the distance to another number of the dtype: that half is at
//! least `2^-(p+1) |v|`, and `2^(q-p)` at 0. End of proof.

use super::exact::Arithmetic;
use super::frame::Frame;
use super::{Checked, Failure, mlp};
use crate::model::{Block, Dtype};

/// C5: the lead that hides the leak in every entry that a head of the layer reads, given that scores lead by
/// `gap`. Minus infinity if there is nothing to hide.
pub fn require_hidden(
    frame: &Frame,
    (l, block): (usize, &Block),
    gap: f64,
    arithmetic: &mut Arithmetic,
) -> Checked<f64> {
    let model = frame.model();
    let n = model.n_ctx();
    let too_little = |place: String, lead: f64| {
        let leads = format!("scores lead by {gap}, {lead:.2} needed");
        Failure::new("C5", format!("layer {l}{place} of {} others: {leads}", n - 1))
    };
    // Of the weight itself.
    let mut most = sufficient_lead(model.dtype, n, 1.0, 1.0);
    if gap <= most {
        return Err(too_little(": a weight of 1 shows the leak".to_string(), most));
    }
    for h in 0..model.n_heads() {
        let values = frame.bits().map(|bit| mlp::values(frame, block, h, bit, arithmetic));
        let values = values
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Failure::new("C5", format!("layer {l}, head {h}: a value rounds")))?;
        for t in 0..model.d_head() {
            let largest = values.iter().map(|entries| entries[t].abs()).fold(0.0, f64::max);
            for entries in &values {
                let lead = sufficient_lead(model.dtype, n, largest, entries[t].abs());
                if gap <= lead {
                    let value = format!("a value of {:e} beside {largest:e}", entries[t]);
                    return Err(too_little(format!(", head {h}: {value} shows the leak"), lead));
                }
                most = most.max(lead);
            }
        }
    }
    Ok(most)
}

/// The lead by which a value is read as it is, among `n` positions with values of magnitude `largest` at most.
fn sufficient_lead(dtype: Dtype, n: usize, largest: f64, value: f64) -> f64 {
    let (n, p) = (n as f64, f64::from(dtype.precision()));
    let half_a_step = if value == 0.0 {
        -dtype.underflow_threshold()
    } else {
        value.ln() - (p + 1.0) * std::f64::consts::LN_2
    };
    (32.0 * (n - 1.0)).ln() + n / f64::from(1 << 23) + largest.ln() - half_a_step
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt, SeedableRng};

    /// What a runner reads at the target: softmax in f64, the weights not rounded, the values added up in
    /// random pairs in f64 or f32.
    fn read(values: &[f64], lead: f64, (dtype, wide): (Dtype, Dtype), rng: &mut impl Rng) -> f64 {
        let terms: Vec<f64> =
            (0..values.len()).map(|j| if j == 0 { 1.0 } else { (-lead).exp() }).collect();
        let sum: f64 = terms.iter().sum();
        let products =
            terms.iter().zip(values).map(|(term, v)| wide.round(wide.round(term / sum) * v));
        let mut products: Vec<f64> = products.collect();
        while products.len() > 1 {
            let [a, b] =
                [(); 2].map(|()| products.swap_remove(rng.random_range(0..products.len())));
            products.push(wide.round(a + b));
        }
        dtype.round(products[0])
    }

    #[test]
    fn a_sufficient_lead_hides_the_leak_and_one_much_smaller_does_not() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut shown = 0;
        for dtype in [Dtype::F16, Dtype::Bf16, Dtype::F32] {
            for (largest, value) in [(1.0, 1.0), (1.0, 0.0), (4096.0, -0.125), (3.0, 0.0)] {
                for n in [2, 3, 50, 1000] {
                    let mut values = vec![largest; n];
                    values[0] = value;
                    let lead = sufficient_lead(dtype, n, largest, value.abs());
                    for wide in [Dtype::F32, Dtype::F64] {
                        let found = read(&values, lead, (dtype, wide), &mut rng);
                        assert_eq!(found, value, "{largest} {value} {n} in {dtype}, {wide}");
                    }
                    let less = lead - 1000f64.ln();
                    let leaky = read(&values, less, (dtype, Dtype::F64), &mut rng);
                    shown += usize::from(leaky != value);
                }
            }
        }
        // Beside a value of the same size the sum is `v` whatever the weights.
        assert_eq!(shown, 3 * 3 * 4);
    }

    #[test]
    fn more_positions_larger_values_and_zeros_need_more() {
        for dtype in Dtype::ALL {
            let lead = |n, largest, value| sufficient_lead(dtype, n, largest, value);
            assert!(lead(100, 1.0, 1.0) > lead(10, 1.0, 1.0));
            assert!(lead(10, 2.0, 1.0) > lead(10, 1.0, 1.0));
            assert!(lead(10, 1.0, 0.0) > dtype.underflow_threshold());
            assert_eq!(lead(1, 1.0, 1.0), f64::NEG_INFINITY);
            assert_eq!(lead(10, 0.0, 0.0), f64::NEG_INFINITY);
        }
    }
}
