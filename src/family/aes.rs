//! AES-128 encryption of one block (FIPS 197), key schedule included.
//!
//! Ports follow the Bristol Fashion circuit of the same name: the key, then the plaintext; each is the
//! byte string read as one big-endian number, least significant bit first, so bit `j` of byte `k` is
//! bit `8 (15 - k) + j` of its word.

use super::builder::{GateBuilder, Signal};
use super::sbox::Substitution;
use super::{Family, Formula, always};
use crate::circuit::Circuit;
use crate::error::Result;

pub(super) const AES128: Family = Family {
    name: "aes128",
    about: "the AES-128 ciphertext of a plaintext block under a key (FIPS 197)",
    example: "aes128",
    parameters: &[],
    size: Formula::new("31412", |_| Some(31_412)),
    depth: Formula::new("251", |_| Some(251)),
    condition: always,
    build: |_| build(),
};

const ROUNDS: usize = 10;

/// Eight bits, least significant first.
type Byte = Vec<Signal>;

fn build() -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let key = netlist.input_word("key", 128);
    let plaintext = netlist.input_word("plaintext", 128);
    let mut cipher = Cipher { netlist: &mut netlist, substitution: Substitution::new() };
    let ciphertext = cipher.encrypt(&bytes(&plaintext), bytes(&key));
    let bits: Vec<Signal> = ciphertext.into_iter().rev().flatten().collect();
    netlist.output_word("ciphertext", &bits);
    netlist.finish()
}

/// The bytes of a word, in the order of the byte string.
fn bytes(word: &[Signal]) -> Vec<Byte> {
    word.chunks_exact(8).rev().map(<[Signal]>::to_vec).collect()
}

/// Blocks and keys are 16 bytes, byte `4 c + r` being row `r` of column `c` of the state.
struct Cipher<'a> {
    netlist: &'a mut GateBuilder,
    substitution: Substitution,
}

impl Cipher<'_> {
    fn encrypt(&mut self, plaintext: &[Byte], mut key: Vec<Byte>) -> Vec<Byte> {
        let mut state = self.add_all(plaintext, &key);
        let mut round_constant = 1u8;
        for round in 1..=ROUNDS {
            key = self.next_key(&key, round_constant);
            round_constant = (round_constant << 1) ^ ((round_constant >> 7) * 0x1B);
            state = state.iter().map(|byte| self.substitute(byte)).collect();
            state = shift_rows(&state);
            if round < ROUNDS {
                state = state.chunks_exact(4).flat_map(|c| self.mix_column(c)).collect();
            }
            state = self.add_all(&state, &key);
        }
        state
    }

    /// The next round key: its first column from the last, turned and substituted, then each from its
    /// left neighbour.
    fn next_key(&mut self, key: &[Byte], round_constant: u8) -> Vec<Byte> {
        let mut previous: Vec<Byte> =
            [13, 14, 15, 12].iter().map(|&i| self.substitute(&key[i])).collect();
        for (j, bit) in previous[0].iter_mut().enumerate() {
            *bit = bit.flip_if(round_constant >> j & 1 == 1);
        }
        let mut next = Vec::with_capacity(16);
        for column in key.chunks_exact(4) {
            previous = self.add_all(column, &previous);
            next.extend_from_slice(&previous);
        }
        next
    }

    /// `2 a_i + 3 a_(i+1) + a_(i+2) + a_(i+3) = 2 (a_i + a_(i+1)) + a_(i+1) + (a_(i+2) + a_(i+3))`.
    fn mix_column(&mut self, column: &[Byte]) -> Vec<Byte> {
        let next = |i: usize| (i + 1) % 4;
        let pairs: Vec<Byte> = (0..4).map(|i| self.add(&column[i], &column[next(i)])).collect();
        let mixed = (0..4).map(|i| {
            let doubled = self.double(&pairs[i]);
            let rest = self.add(&column[next(i)], &pairs[(i + 2) % 4]);
            self.add(&doubled, &rest)
        });
        mixed.collect()
    }

    /// The byte times `x`, modulo `x^8 + x^4 + x^3 + x + 1`.
    fn double(&mut self, byte: &Byte) -> Byte {
        let top = byte[7];
        let mut doubled = vec![top];
        doubled.extend_from_slice(&byte[..7]);
        for tap in [1, 3, 4] {
            doubled[tap] = self.netlist.xor(doubled[tap], top);
        }
        doubled
    }

    fn substitute(&mut self, byte: &Byte) -> Byte {
        self.substitution.apply(self.netlist, byte)
    }

    fn add(&mut self, a: &Byte, b: &Byte) -> Byte {
        a.iter().zip(b).map(|(&a, &b)| self.netlist.xor(a, b)).collect()
    }

    fn add_all(&mut self, a: &[Byte], b: &[Byte]) -> Vec<Byte> {
        a.iter().zip(b).map(|(a, b)| self.add(a, b)).collect()
    }
}

/// Row `r` moves `r` columns to the left.
fn shift_rows(state: &[Byte]) -> Vec<Byte> {
    (0..16).map(|i| state[(i + 4 * (i % 4)) % 16].clone()).collect()
}
