//! Bits of many assignments at once: one row per signal, 64 assignments a word.
//!
//! The exchange format between oracle, engines and verification, and at the library's edge: many assignments come
//! and go as bitvec's rows ([`Batch::from_rows`], [`Batch::row`]); one assignment is a `&[bool]`, a bit per signal.
//! Inside, words are computed with. Bits beyond the last assignment of a
//! row are unspecified; compare batches through [`Batch::first_difference`] or mask with
//! [`Batch::tail_mask`].

use bitvec::prelude::{BitSlice, BitVec, Lsb0};

use crate::error::{Error, Result};

mod luts;

pub use luts::{Lut, LutProgram};

/// A matrix of bits, `n_signals` rows of `n_assignments` columns.
#[derive(Debug, Clone)]
pub struct Batch {
    n_signals: usize,
    n_assignments: usize,
    words_per_signal: usize,
    bits: BitVec<u64, Lsb0>,
}

/// The first six signals of [`counting_word`]: bit `r` of the `h`-th is bit `h` of `r`, so they are also the
/// projections on the operands of a truth table of 64 rows.
pub(crate) const COUNTING: [u64; 6] = [
    0xAAAA_AAAA_AAAA_AAAA,
    0xCCCC_CCCC_CCCC_CCCC,
    0xF0F0_F0F0_F0F0_F0F0,
    0xFF00_FF00_FF00_FF00,
    0xFFFF_0000_FFFF_0000,
    0xFFFF_FFFF_0000_0000,
];

/// The bits of `signal` under the assignments numbered `64 word .. 64 word + 64`, where signal `i` is bit
/// `i` of an assignment's number.
pub(crate) fn counting_word(signal: usize, word: u64) -> u64 {
    match COUNTING.get(signal) {
        Some(&pattern) => pattern,
        None if signal < 64 && word >> (signal - 6) & 1 == 1 => u64::MAX,
        None => 0,
    }
}

/// Bits as characters `0` and `1`, the first first.
pub fn bit_string(bits: &[bool]) -> String {
    bits.iter().map(|&bit| if bit { '1' } else { '0' }).collect()
}

/// The bits that [`bit_string`] writes as `text`.
///
/// # Errors
/// There are other characters.
pub fn parse_bits(text: &str) -> Result<Vec<bool>> {
    let bit = |c: char| match c {
        '0' | '1' => Ok(c == '1'),
        _ => Err(Error::new("characters 0 and 1", format!("{c:?}"))),
    };
    text.chars().map(bit).collect()
}

impl Batch {
    /// All bits 0.
    pub fn zeros(n_signals: usize, n_assignments: usize) -> Self {
        let words_per_signal = n_assignments.div_ceil(64);
        Batch {
            n_signals,
            n_assignments,
            words_per_signal,
            bits: BitVec::repeat(false, n_signals * words_per_signal * 64),
        }
    }

    /// The assignments numbered `start .. start + count`: input `i` is bit `i` of the number.
    ///
    /// # Panics
    /// `start` is no multiple of 64: callers split the range at words.
    pub fn counting(n_signals: usize, start: u64, count: usize) -> Self {
        assert!(start.is_multiple_of(64), "a range starts at a whole word");
        let mut batch = Batch::zeros(n_signals, count);
        for signal in 0..batch.n_signals {
            for (w, word) in batch.words_mut(signal).iter_mut().enumerate() {
                *word = counting_word(signal, start / 64 + w as u64);
            }
        }
        batch
    }

    /// One column per assignment, each a bit per signal.
    ///
    /// # Errors
    /// An assignment has not `n_signals` bits.
    pub fn from_columns(n_signals: usize, columns: &[Vec<bool>]) -> Result<Self> {
        let mut batch = Batch::zeros(n_signals, columns.len());
        for (a, column) in columns.iter().enumerate() {
            if column.len() != n_signals {
                return Err(Error::new(
                    format!("{n_signals} bits"),
                    format!("{} bits in assignment {}", column.len(), a + 1),
                ));
            }
            for (signal, &bit) in column.iter().enumerate() {
                batch.set(signal, a, bit);
            }
        }
        Ok(batch)
    }

    /// One row per signal, each a bit per assignment.
    ///
    /// ```
    /// use bitvec::prelude::{Lsb0, bits};
    /// use circuit2tf::batch::Batch;
    /// use circuit2tf::circuit::Oracle;
    ///
    /// let circuit = circuit2tf::family::generate("and:2")?;
    /// let inputs = [bits![u64, Lsb0; 0, 1, 1], bits![u64, Lsb0; 1, 1, 0]];
    /// let outputs = Oracle::new(&circuit)?.run(&Batch::from_rows(3, &inputs)?)?;
    /// assert_eq!(outputs.row(0), bits![0, 1, 0]);
    /// # Ok::<(), circuit2tf::Error>(())
    /// ```
    ///
    /// # Errors
    /// A row has not `n_assignments` bits.
    pub fn from_rows(n_assignments: usize, rows: &[&BitSlice<u64, Lsb0>]) -> Result<Self> {
        let mut batch = Batch::zeros(rows.len(), n_assignments);
        for (signal, row) in rows.iter().enumerate() {
            if row.len() != n_assignments {
                return Err(Error::new(
                    format!("{n_assignments} bits"),
                    format!("{} bits in row {}", row.len(), signal + 1),
                ));
            }
            let range = batch.bits_of(signal);
            batch.bits[range].copy_from_bitslice(row);
        }
        Ok(batch)
    }

    /// The number of rows.
    pub fn n_signals(&self) -> usize {
        self.n_signals
    }

    /// The number of columns.
    pub fn n_assignments(&self) -> usize {
        self.n_assignments
    }

    /// One row, a bit per assignment.
    pub fn row(&self, signal: usize) -> &BitSlice<u64, Lsb0> {
        &self.bits[self.bits_of(signal)]
    }

    fn bits_of(&self, signal: usize) -> std::ops::Range<usize> {
        let start = signal * self.words_per_signal * 64;
        start..start + self.n_assignments
    }

    /// The words of one row; the last may hold bits beyond the last assignment.
    pub fn words(&self, signal: usize) -> &[u64] {
        let start = signal * self.words_per_signal;
        &self.bits.as_raw_slice()[start..start + self.words_per_signal]
    }

    /// The words of one row, to be changed.
    pub fn words_mut(&mut self, signal: usize) -> &mut [u64] {
        let start = signal * self.words_per_signal;
        &mut self.bits.as_raw_mut_slice()[start..start + self.words_per_signal]
    }

    /// The words of a row: assignments over 64, rounded up.
    pub(crate) fn words_per_signal(&self) -> usize {
        self.words_per_signal
    }

    /// All rows, one after the other.
    pub fn raw(&self) -> &[u64] {
        self.bits.as_raw_slice()
    }

    /// All rows, one after the other.
    pub fn raw_mut(&mut self) -> &mut [u64] {
        self.bits.as_raw_mut_slice()
    }

    /// One bit.
    pub fn get(&self, signal: usize, assignment: usize) -> bool {
        debug_assert!(assignment < self.n_assignments);
        self.bits[signal * self.words_per_signal * 64 + assignment]
    }

    /// Sets one bit.
    pub fn set(&mut self, signal: usize, assignment: usize, bit: bool) {
        debug_assert!(assignment < self.n_assignments);
        self.bits.set(signal * self.words_per_signal * 64 + assignment, bit);
    }

    /// One assignment's bits, signal by signal.
    pub fn column(&self, assignment: usize) -> Vec<bool> {
        (0..self.n_signals).map(|signal| self.get(signal, assignment)).collect()
    }

    /// The bits of a row's last word that belong to an assignment.
    pub fn tail_mask(&self) -> u64 {
        match self.n_assignments % 64 {
            0 => u64::MAX,
            used => (1 << used) - 1,
        }
    }

    /// The first assignment, and in it the first signal, at which two batches of the same shape differ.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn first_difference(&self, other: &Batch) -> Option<(usize, usize)> {
        assert_eq!(
            (self.n_signals, self.n_assignments),
            (other.n_signals, other.n_assignments),
            "only batches of one shape can be compared"
        );
        let last = self.words_per_signal.saturating_sub(1);
        let mut first: Option<(usize, usize)> = None;
        for signal in 0..self.n_signals {
            let pairs = self.words(signal).iter().zip(other.words(signal));
            for (w, (a, b)) in pairs.enumerate() {
                let mask = if w == last { self.tail_mask() } else { u64::MAX };
                let difference = (a ^ b) & mask;
                if difference != 0 {
                    let assignment = 64 * w + difference.trailing_zeros() as usize;
                    if first.is_none_or(|(earliest, _)| assignment < earliest) {
                        first = Some((assignment, signal));
                    }
                    break;
                }
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_assigns_bit_i_of_the_number_to_signal_i() {
        let batch = Batch::counting(9, 128, 200);
        for a in 0..200 {
            let number = 128 + a;
            let column = batch.column(a);
            assert!((0..9).all(|i| column[i] == (number >> i & 1 == 1)), "assignment {number}");
        }
    }

    #[test]
    fn rows_go_in_and_out_and_are_as_long_as_each_other() {
        let batch = Batch::counting(7, 64, 100);
        let rows: Vec<&BitSlice<u64, Lsb0>> = (0..7).map(|signal| batch.row(signal)).collect();
        assert!(rows.iter().all(|row| row.len() == 100));
        let again = Batch::from_rows(100, &rows).unwrap();
        assert_eq!(again.first_difference(&batch), None);
        // A row that begins inside of a word.
        let shifted = Batch::from_rows(30, &[&batch.row(0)[1..31]]).unwrap();
        assert_eq!(shifted.words(0)[0] & shifted.tail_mask(), 0x1555_5555);
        let error = Batch::from_rows(100, &[rows[0], &rows[1][1..]]).unwrap_err().to_string();
        assert_eq!(error, "expected 100 bits, found 99 bits in row 2");
        assert_eq!(Batch::from_rows(3, &[]).unwrap().n_assignments(), 3);
    }

    #[test]
    fn the_first_difference_is_the_earliest_assignment_and_ignores_the_tail() {
        let a = Batch::zeros(3, 70);
        let mut b = Batch::zeros(3, 70);
        assert_eq!(a.first_difference(&b), None);
        b.words_mut(0)[1] |= 1 << 63;
        assert_eq!(a.first_difference(&b), None);
        b.set(0, 69, true);
        b.set(2, 65, true);
        assert_eq!(a.first_difference(&b), Some((65, 2)));
    }
}
