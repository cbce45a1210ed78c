//! Equality of two words in two layers of one head, which no one layer so narrow decides if sums are exact.
//!
//! A bit of `a` and the bit of `b` in the same place have the same address; in layer 1 both read the bit
//! of `b`, and the MLP notes in `a`'s token whether they differ. Layer 2 averages the notes of all tokens:
//! the average is 0 exactly if the words are equal, whatever it is rounded to otherwise.

use super::{Draft, INVERSE_TEMPERATURE};
use crate::error::{Error, Result};
use crate::layout::{Span, Spans};
use crate::model::{Block, Dtype, Model};

/// The most bits of a word.
const MAX_BITS: usize = 512;

/// Whether two words of `n` bits are equal, in two layers of one head of width `⌈log2 n⌉ + 1` and an MLP of
/// two units; ports as in the family `eq`.
///
/// With `P = 2n` tokens and `c` differing places the average is `c/P`, and the answer
/// `relu(1 - 2P mean)`: 1 at 0, and 0 where the mean is `1/(2P)` or more, which leaves a factor of 2 to
/// rounding. A softmax sum that stalls below `P` makes the average larger only.
///
/// # Errors
/// Not 1 to 512 bits.
pub fn equality(n: usize, dtype: Dtype) -> Result<Model> {
    if !(1..=MAX_BITS).contains(&n) {
        return Err(Error::new(format!("words of 1 to {MAX_BITS} bits"), n.to_string()));
    }
    let (channels, spans) = Channels::new(n.next_power_of_two().ilog2() as usize);
    let blocks = vec![compare(channels), count(channels, n)];
    draft((channels, spans), n).finish(blocks, 1, dtype)
}

/// The channels of the stream, for places of `m` signs.
#[derive(Clone, Copy)]
struct Channels {
    m: usize,
    place: Span,
    /// Whether the token is of the second word, its bit, the bit fetched, whether they differ, the average of that
    /// note, the answer.
    others: [usize; 6],
    d_model: usize,
}

impl Channels {
    fn new(m: usize) -> (Self, Spans) {
        let mut spans = Spans::default();
        let place = spans.add("place", m);
        let others = spans.each(["is_second", "bit", "fetched", "differs", "mean", "out"]);
        (Channels { m, place, others, d_model: spans.width() }, spans)
    }

    /// A block of one head with every number 0.
    fn block(self) -> Block {
        Block::zeros(1, self.d_model, self.m + 1, 2)
    }
}

fn draft((channels, spans): (Channels, Spans), n: usize) -> Draft {
    let [is_second, bit, .., out] = channels.others;
    let mut draft = Draft::new(2 * n, spans, (bit, 0.0), out);
    for position in 0..2 * n {
        let (word, place) = (["a", "b"][position / n], position % n);
        for j in 0..channels.m {
            draft.w_pos[[position, channels.place.at(j)]] =
                if place >> j & 1 == 1 { 1.0 } else { -1.0 };
        }
        draft.w_pos[[position, is_second]] = if word == "b" { 1.0 } else { -1.0 };
        draft.inputs.push((position, format!("{word}[{place}]")));
    }
    draft.outputs.push((0, "eq".to_string()));
    draft
}

/// Fetches the bit of `b` in the token's place and notes whether the token's own is another.
fn compare(channels: Channels) -> Block {
    let [is_second, bit, fetched, differs, ..] = channels.others;
    let mut block = channels.block();
    for j in 0..channels.m {
        block.w_q[[0, channels.place.at(j), j]] = INVERSE_TEMPERATURE;
        block.w_k[[0, channels.place.at(j), j]] = 1.0;
    }
    block.b_q[[0, channels.m]] = INVERSE_TEMPERATURE;
    block.w_k[[0, is_second, channels.m]] = 1.0;
    block.w_v[[0, bit, 0]] = 1.0;
    block.w_o[[0, 0, fetched]] = 1.0;
    for (unit, sign) in [(0, 1.0), (1, -1.0)] {
        block.w_in[[bit, unit]] = sign;
        block.w_in[[fetched, unit]] = -sign;
        block.w_out[[unit, differs]] = 1.0;
    }
    block
}

/// Averages the notes and gives 1 where there is none.
fn count(channels: Channels, n: usize) -> Block {
    let [.., differs, mean, out] = channels.others;
    let mut block = channels.block();
    block.w_v[[0, differs, 0]] = 1.0;
    block.w_o[[0, 0, mean]] = 1.0;
    block.w_in[[mean, 0]] = -4.0 * n as f64;
    block.b_in[0] = 1.0;
    block.w_out[[0, out]] = 1.0;
    block
}
