//! Rounding to bf16 without leaving f32: the nearest number whose last 16 bits are 0, ties to even.
//!
//! Each number by itself takes a branch for what is not a number; here there is none, so that the compiler turns
//! the loop into vector instructions, for each instruction set, chosen at run time. A carry out of the
//! fraction raises the exponent, as it should, from the largest number to infinity too.

use super::super::simd::Simd;

/// Rounds all numbers.
pub fn round_to_bf16(numbers: &mut [f32]) {
    match Simd::detect() {
        // SAFETY: the processor was asked for AVX-512F and FMA.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => unsafe { avx512(numbers) },
        // SAFETY: the processor was asked for AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => unsafe { avx2(numbers) },
        Simd::Plain => all(numbers),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn avx512(numbers: &mut [f32]) {
    all(numbers);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(numbers: &mut [f32]) {
    all(numbers);
}

/// Inlined into each of its callers, so that each compiles it for its own instruction set.
#[inline(always)]
fn all(numbers: &mut [f32]) {
    const KEPT: u32 = 0xFFFF_0000;
    const QUIET: u32 = 0x0040_0000;
    for x in numbers {
        let bits = x.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) & KEPT;
        let bits = if x.is_nan() { bits & KEPT | QUIET } else { rounded };
        *x = f32::from_bits(bits);
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    /// Every number of bf16, infinities and what is no number among them, and what lies around the middle
    /// between it and the next.
    #[test]
    fn rounding_is_that_of_the_format_bit_for_bit() {
        let middles = [0, 1, 0x3FFF, 0x7FFF, 0x8000, 0x8001, 0xFFFF];
        let bits = (0..=u16::MAX).flat_map(|high| middles.map(|low| u32::from(high) << 16 | low));
        let numbers: Vec<f32> = bits.map(f32::from_bits).collect();
        let [mut best, mut plain] = [(); 2].map(|()| numbers.clone());
        round_to_bf16(&mut best);
        all(&mut plain);
        for (i, x) in numbers.iter().enumerate() {
            let expected = bf16::from_f32(*x).to_f32().to_bits();
            assert_eq!([best[i].to_bits(), plain[i].to_bits()], [expected; 2], "{x:e}");
        }
    }
}
