//! Balanced codes: words of `m` entries `±1`, half of them `+1`, of which two differ in two entries or more.

use crate::error::{Error, Result};

/// The balanced codes of one even length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes {
    m: usize,
}

impl Codes {
    /// The shortest codes of which there are `n`.
    ///
    /// # Errors
    /// `n` is above 2^28.
    pub(crate) fn shortest(n: usize) -> Result<Self> {
        let lengths = (2..=30).step_by(2);
        match lengths.into_iter().find(|&m| n_codes(m) >= n as u64) {
            Some(m) => Ok(Codes { m }),
            None => Err(Error::new(format!("at most {} nodes", n_codes(30)), n.to_string())),
        }
    }

    /// Entries of a code.
    pub fn length(self) -> usize {
        self.m
    }

    /// The first `n` codes as bit masks: bit `j` is set where entry `j` is `+1`.
    ///
    /// Codes are the `m`-bit numbers with `m/2` ones in increasing order, so two of them differ in at
    /// least two entries.
    pub fn first(self, n: usize) -> Vec<u32> {
        let mut code = (1u32 << (self.m / 2)) - 1;
        let mut codes = Vec::with_capacity(n);
        for _ in 0..n {
            codes.push(code);
            code = next_with_as_many_ones(code);
        }
        codes
    }
}

/// The number of balanced codes of length `m`: the central binomial coefficient.
fn n_codes(m: usize) -> u64 {
    (1..=m as u64 / 2).fold(1, |product, i| product * (m as u64 / 2 + i) / i)
}

/// The next larger number with as many ones (Gosper's hack, HAKMEM item 175); wraps past the last.
fn next_with_as_many_ones(code: u32) -> u32 {
    let lowest = code & code.wrapping_neg();
    let ripple = code.wrapping_add(lowest);
    let ones = (ripple ^ code) >> 2 >> lowest.trailing_zeros();
    ripple | ones
}
