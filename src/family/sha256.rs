//! The compression function of SHA-256 (FIPS 180-4).
//!
//! Ports follow the Bristol Fashion circuit of the same name: the padded block, then the chaining value;
//! each is its byte string read as one big-endian number, least significant bit first. Padding and
//! the initial value are the caller's. Sums of several words are reduced three words to two, the earliest
//! first, and end in one Brent-Kung adder.

use super::adder;
use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, always};
use crate::circuit::Circuit;
use crate::error::Result;

pub(super) const SHA256: Family = Family {
    name: "sha256",
    about: "next = the SHA-256 chaining value after a block and a state (FIPS 180-4)",
    example: "sha256",
    parameters: &[],
    size: Formula::new("133424", |_| Some(133_424)),
    depth: Formula::new("1549", |_| Some(1549)),
    condition: always,
    build: |_| build(),
};

const ROUNDS: usize = 64;
const WORD_BITS: usize = 32;

/// A 32-bit number, least significant bit first.
type Word = Vec<Signal>;

fn build() -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let block = netlist.input_word("block", 512);
    let state = netlist.input_word("state", 256);
    let words = |bits: &[Signal]| -> Vec<Word> {
        bits.chunks_exact(WORD_BITS).rev().map(<[Signal]>::to_vec).collect()
    };
    let start = words(&state);
    let mut compression = Compression { netlist: &mut netlist };
    let schedule = compression.schedule(words(&block));
    let end = compression.rounds(&start, &schedule);
    let next: Vec<Word> =
        start.into_iter().zip(end).map(|(start, end)| compression.sum(vec![start, end])).collect();
    let bits: Vec<Signal> = next.into_iter().rev().flatten().collect();
    netlist.output_word("next", &bits);
    netlist.finish()
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
fn round_constants() -> Vec<u32> {
    let is_prime = |n: &u128| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (2..).filter(is_prime).take(ROUNDS).map(|prime| cube_root(prime << 96) as u32).collect()
}

/// The floor of the cube root of a number below `2^126`.
fn cube_root(n: u128) -> u128 {
    (0..42).rev().fold(0, |root: u128, bit| {
        let larger = root | 1 << bit;
        if larger * larger * larger <= n { larger } else { root }
    })
}

struct Compression<'a> {
    netlist: &'a mut GateBuilder,
}

/// The third term of FIPS 180-4's sigma functions: the larger ones rotate, the smaller ones shift.
enum Third {
    Rotate(usize),
    Shift(usize),
}

impl Compression<'_> {
    /// The message schedule: 64 words from the 16 of the block.
    fn schedule(&mut self, mut words: Vec<Word>) -> Vec<Word> {
        for t in words.len()..ROUNDS {
            let small0 = self.sigma(&words[t - 15], [7, 18], Third::Shift(3));
            let small1 = self.sigma(&words[t - 2], [17, 19], Third::Shift(10));
            let terms = vec![words[t - 16].clone(), small0, words[t - 7].clone(), small1];
            let word = self.sum(terms);
            words.push(word);
        }
        words
    }

    /// The 64 rounds on the working variables `a` to `h`.
    fn rounds(&mut self, start: &[Word], schedule: &[Word]) -> Vec<Word> {
        let mut state = start.to_vec();
        let mut b_xor_c = self.xor(&state[1], &state[2]);
        for (word, constant) in schedule.iter().zip(round_constants()) {
            let a_xor_b = self.xor(&state[0], &state[1]);
            let majority = self.majority(&state[1], &a_xor_b, &b_xor_c);
            self.round(&mut state, majority, word, constant);
            b_xor_c = a_xor_b;
        }
        state
    }

    /// One round; `T1` stays two words until it meets the other terms.
    fn round(&mut self, state: &mut [Word], majority: Word, word: &Word, constant: u32) {
        let (d, h) = (state[3].clone(), state[7].clone());
        let big0 = self.sigma(&state[0], [2, 13], Third::Rotate(22));
        let big1 = self.sigma(&state[4], [6, 11], Third::Rotate(25));
        let choice = self.choose(&state[4], &state[5], &state[6]);
        let [known, carried] = self.add_constant(&h, word, constant);
        let first = self.reduce(vec![known, carried, big1, choice]);
        let e = self.sum([first.clone(), vec![d]].concat());
        let a = self.sum([first, vec![big0, majority]].concat());
        state.rotate_right(1);
        state[0] = a;
        state[4] = e;
    }

    fn sigma(&mut self, x: &Word, rotations: [usize; 2], third: Third) -> Word {
        let rotated = |i: usize, by: usize| x[(i + by) % WORD_BITS];
        let sigma = (0..WORD_BITS).map(|i| {
            let third = match third {
                Third::Rotate(by) => rotated(i, by),
                Third::Shift(by) => x.get(i + by).copied().unwrap_or(Signal::FALSE),
            };
            self.netlist.xor_tree(&[rotated(i, rotations[0]), rotated(i, rotations[1]), third])
        });
        sigma.collect()
    }

    /// `f` where `e` is 1 and `g` where it is 0, as `(e (f + g)) + g`.
    fn choose(&mut self, e: &Word, f: &Word, g: &Word) -> Word {
        let choice = (0..WORD_BITS).map(|i| {
            let differ = self.netlist.xor(f[i], g[i]);
            let taken = self.netlist.and(e[i], differ);
            self.netlist.xor(taken, g[i])
        });
        choice.collect()
    }

    /// The majority is `b` unless both others differ from it; one difference is the last round's other.
    fn majority(&mut self, b: &Word, a_xor_b: &Word, b_xor_c: &Word) -> Word {
        let majority = (0..WORD_BITS).map(|i| {
            let outvoted = self.netlist.and(a_xor_b[i], b_xor_c[i]);
            self.netlist.xor(b[i], outvoted)
        });
        majority.collect()
    }

    fn xor(&mut self, a: &Word, b: &Word) -> Word {
        a.iter().zip(b).map(|(&a, &b)| self.netlist.xor(a, b)).collect()
    }

    /// The sum of words modulo `2^32`.
    fn sum(&mut self, terms: Vec<Word>) -> Word {
        let terms = self.reduce(terms);
        let mut sum = adder::add(self.netlist, &terms[0], &terms[1]);
        sum.truncate(WORD_BITS);
        sum
    }

    /// Two words with the same sum as all: three words become two, the earliest first.
    fn reduce(&mut self, mut terms: Vec<Word>) -> Vec<Word> {
        while terms.len() > 2 {
            terms.sort_by_key(|word| self.level(word));
            let three: Vec<Word> = terms.drain(..3).collect();
            let bits = (0..WORD_BITS)
                .map(|i| self.netlist.full_adder(three[0][i], three[1][i], three[2][i]));
            let (sums, carries): (Word, Word) = bits.unzip();
            terms.extend([sums, shifted(carries)]);
        }
        terms
    }

    /// The sum with a constant as two words: half the gates of a full adder or fewer.
    fn add_constant(&mut self, a: &Word, b: &Word, constant: u32) -> [Word; 2] {
        let bits = (0..WORD_BITS).map(|i| {
            let one = constant >> i & 1 == 1;
            let sum = self.netlist.xor(a[i], b[i]).flip_if(one);
            (sum, if one { self.netlist.or(a[i], b[i]) } else { self.netlist.and(a[i], b[i]) })
        });
        let (sums, carries): (Word, Word) = bits.unzip();
        [sums, shifted(carries)]
    }

    /// The latest bit of a word.
    fn level(&self, word: &Word) -> u32 {
        word.iter().map(|&bit| self.netlist.level(bit)).max().unwrap_or(0)
    }
}

/// Carries as a word: each belongs one bit higher, the last falls out.
fn shifted(mut carries: Word) -> Word {
    carries.pop();
    carries.insert(0, Signal::FALSE);
    carries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_constants_are_those_of_the_standard() {
        let constants = round_constants();
        assert_eq!(constants.len(), 64);
        assert_eq!(constants[..4], [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5]);
        assert_eq!(constants[60..], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2]);
    }
}
