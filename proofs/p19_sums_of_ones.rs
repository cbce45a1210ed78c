//! Theorem. Ones added one after the other in a binary format of `p` significand bits, ties to even, sum to their
//! number up to `2^p` and to `2^p` beyond: so wide a sum counts no further.
//!
//! Proof. Whole numbers up to `2^p` are numbers of the format. From `2^p` on its numbers are 2 apart: `2^p + 1` lies
//! halfway between two of them and is rounded to the one with the even significand, `2^p`. ∎
//!
//! Claims: average-stalls, threshold-fan-in, parity-at-constant-precision.
//!
//! Executed: every count up to `2^{p+2}` in bf16 and f16, to `2^{p+1}` in f32 in the long range. The order is a
//! hypothesis: in pairs the same ones are counted exactly ([`pairs_count_further`]).

use circuit2tf::model::Dtype;

use crate::ground::is_long_range;

fn require_stall(dtype: Dtype, most: u64) {
    let limit = 1u64 << dtype.precision();
    let mut sum = 0.0;
    for count in 1..=most {
        sum = dtype.round(sum + 1.0);
        assert_eq!(sum, count.min(limit) as f64, "{dtype}, {count} ones");
    }
}

#[test]
fn sums_count_to_the_precision_and_stay_there() {
    require_stall(Dtype::Bf16, 1 << 10);
    require_stall(Dtype::F16, 1 << 13);
    if is_long_range() {
        require_stall(Dtype::F32, 1 << 25);
    }
}

#[test]
fn pairs_count_further() {
    for dtype in [Dtype::Bf16, Dtype::F16] {
        let n = 1usize << (dtype.precision() + 2);
        let mut sums = vec![1.0; n];
        while sums.len() > 1 {
            sums = sums.chunks(2).map(|pair| dtype.round(pair[0] + pair[1])).collect();
        }
        assert_eq!(sums, [n as f64], "{dtype}");
    }
}
