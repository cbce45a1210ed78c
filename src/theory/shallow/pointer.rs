//! Pointer chasing by doubling: `k` hops in `⌊log2 k⌋ + 2` layers, for every `k`.
//!
//! A token for each entry of the table holds where it points, as the signs of an address. In one layer
//! every token fetches the pointer of the token it points to, so entry `i`, pointing at `f(i)`, comes to
//! point at `f(f(i))`: after `t` layers at `f^(2^t)(i)`. The start token, pointing at `s` at first, hops
//! `2^t` times in layer `t` if digit `t` of `k` is 1, else it keeps its pointer: the powers of `f` commute,
//! so it ends at `f^k(s)`. One layer before that collects the bits of the table into tokens. Attention
//! depends on the input here: what is read is looked up.

use super::{Draft, INVERSE_TEMPERATURE};
use crate::error::{Error, Result};
use crate::layout::{Span, Spans};
use crate::model::{Block, Dtype, Model};

/// The channels of the stream, for addresses of `m` bits.
#[derive(Clone, Copy)]
struct Channels {
    m: usize,
    /// The address of an entry, and whether the token belongs to the start: `m + 1` signs.
    address: Span,
    /// Whether the token is input bit `j` of its entry.
    is_bit: Span,
    /// Whether the token holds a pointer that others look up.
    is_entry: usize,
    /// Whether the token gives output bit `j`.
    is_output: Span,
    bit: usize,
    pointer: Span,
    fetched: Span,
    out: usize,
    d_model: usize,
}

impl Channels {
    fn new(m: usize) -> (Self, Spans) {
        let mut spans = Spans::default();
        let channels = Channels {
            m,
            address: spans.add("address", m + 1),
            is_bit: spans.add("is_bit", m),
            is_entry: spans.one("is_entry"),
            is_output: spans.add("is_output", m),
            bit: spans.one("bit"),
            pointer: spans.add("pointer", m),
            fetched: spans.add("fetched", m),
            out: spans.one("out"),
            d_model: spans.width(),
        };
        (channels, spans)
    }
}

/// The `hops`-th successor of a start under a table of `2^m` addresses of `m` bits, in
/// `⌊log2 hops⌋ + 2` layers; ports as in the family `pointer`.
///
/// # Errors
/// `m` is not 1 to 4, or `hops` is 0.
pub fn pointer_chasing(m: usize, hops: u64, dtype: Dtype) -> Result<Model> {
    if !(1..=4).contains(&m) || hops == 0 {
        let expected = "addresses of 1 to 4 bits and a hop or more";
        return Err(Error::new(expected, format!("{m} bits and {hops} hops")));
    }
    let (channels, spans) = Channels::new(m);
    let mut blocks = vec![look_up(collect(channels), channels, true)];
    let digits = (0..=hops.ilog2()).map(|t| hops >> t & 1 == 1);
    blocks.extend(digits.map(|hop| look_up(follow(channels), channels, hop)));
    draft(channels, spans).finish(blocks, 1, dtype)
}

/// Input bits of all entries and of the start, then the entries, then one copy of the start per output.
fn draft(channels: Channels, spans: Spans) -> Draft {
    let m = channels.m;
    let n = 1usize << m;
    let n_bits = (n + 1) * m;
    let mut draft = Draft::new(n_bits + n + m, spans, (channels.bit, -1.0), channels.out);
    let mut address = |position: usize, entry: usize| {
        // The start's address is that of entry 0 with the last sign positive.
        for j in 0..=m {
            let set = if j == m { entry == n } else { entry < n && entry >> j & 1 == 1 };
            draft.w_pos[[position, channels.address.at(j)]] = if set { 1.0 } else { -1.0 };
        }
    };
    (0..n_bits).for_each(|position| address(position, position / m));
    (0..n).for_each(|entry| address(n_bits + entry, entry));
    (0..m).for_each(|j| address(n_bits + n + j, n));
    for position in 0..n_bits {
        let (entry, j) = (position / m, position % m);
        draft.w_pos[[position, channels.is_bit.at(j)]] = 1.0;
        let word = if entry < n { format!("f{entry}") } else { "start".to_string() };
        draft.inputs.push((position, format!("{word}[{j}]")));
    }
    (0..n).for_each(|entry| draft.w_pos[[n_bits + entry, channels.is_entry]] = 1.0);
    for j in 0..m {
        draft.w_pos[[n_bits + n + j, channels.is_output.at(j)]] = 1.0;
        draft.outputs.push((n_bits + n + j, format!("end[{j}]")));
    }
    draft
}

/// A block whose keys are addresses, and the kind of the token with so much weight that a wrong kind
/// scores less than a wrong address.
fn block_with_keys(channels: Channels, kind: impl Fn(usize) -> usize) -> Block {
    let m = channels.m;
    let mut block = Block::zeros(m, channels.d_model, m + 2, UNITS * m + 1);
    for h in 0..m {
        for j in 0..=m {
            block.w_k[[h, channels.address.at(j), j]] = 1.0;
        }
        block.w_k[[h, kind(h), m + 1]] = 2.0 * (m + 1) as f64;
        block.b_q[[h, m + 1]] = INVERSE_TEMPERATURE;
    }
    block
}

/// Head `j` fetches input bit `j` of the token's own entry.
fn collect(channels: Channels) -> Block {
    let mut block = block_with_keys(channels, |h| channels.is_bit.at(h));
    for h in 0..channels.m {
        for j in 0..=channels.m {
            block.w_q[[h, channels.address.at(j), j]] = INVERSE_TEMPERATURE;
        }
        block.w_v[[h, channels.bit, 0]] = 1.0;
        block.w_o[[h, 0, channels.fetched.at(h)]] = 1.0;
    }
    block
}

/// Head 0 fetches the pointer of the entry that the token points to; the other heads add nothing.
fn follow(channels: Channels) -> Block {
    let mut block = block_with_keys(channels, |_| channels.is_entry);
    for j in 0..channels.m {
        block.w_q[[0, channels.pointer.at(j), j]] = INVERSE_TEMPERATURE;
        block.w_v[[0, channels.pointer.at(j), j]] = 1.0;
        block.w_o[[0, j, channels.fetched.at(j)]] = 1.0;
    }
    // No entry belongs to the start.
    block.b_q[[0, channels.m]] = -INVERSE_TEMPERATURE;
    block
}

/// The units of the MLP per bit of an address.
const UNITS: usize = 4;

/// The pointer becomes what was fetched, except at the start unless it is to `hop`; `out` becomes the bit
/// fetched where the token is an output.
///
/// `relu(x + 1) = x + 1` for signs `x`, and `relu(x + 1 - 2 is_output) = 0` at an output, so that units
/// that subtract twice that change nothing at the start. `relu(x + 2 is_output - 2)` is 1 exactly if the
/// token is that output and `x` is +1.
fn look_up(mut block: Block, channels: Channels, hop: bool) -> Block {
    let m = channels.m;
    for j in 0..m {
        let (pointer, fetched) = (channels.pointer.at(j), channels.fetched.at(j));
        let [old, new, clear, read] = [0, 1, 2, 3].map(|unit| UNITS * j + unit);
        for (unit, from, to, weight) in [
            (old, pointer, pointer, -1.0),
            (new, fetched, pointer, 1.0),
            (clear, fetched, fetched, -1.0),
        ] {
            block.w_in[[from, unit]] = 1.0;
            block.b_in[unit] = 1.0;
            block.w_out[[unit, to]] = weight;
        }
        if !hop {
            for output in (0..m).map(|i| channels.is_output.at(i)) {
                block.w_in[[output, old]] = -2.0;
                block.w_in[[output, new]] = -2.0;
            }
        }
        block.b_out[fetched] = 1.0;
        block.w_in[[fetched, read]] = 1.0;
        block.w_in[[channels.is_output.at(j), read]] = 2.0;
        block.b_in[read] = -2.0;
        block.w_out[[read, channels.out]] = 1.0;
    }
    block.w_in[[channels.out, UNITS * m]] = 1.0;
    block.w_out[[UNITS * m, channels.out]] = -1.0;
    block
}
