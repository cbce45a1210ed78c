//! The widest vector instructions that this processor has, asked for at run time.

use std::fmt;

/// An instruction set that inner loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simd {
    /// None is used.
    Plain,
    /// Eight numbers of 32 bits at once.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen numbers of 32 bits at once.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Simd {
    /// The widest that this processor has; asking again is cheap.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma") {
                return Simd::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Simd::Avx2;
            }
        }
        Simd::Plain
    }
}

impl fmt::Display for Simd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Simd::Plain => "the target's own",
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => "AVX2 and FMA",
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => "AVX-512F and FMA",
        })
    }
}
