//! Pointer doubling: `2^r - 1` hops in `r + 1` layers.
//!
//! A token for each entry of the table holds where it points, as the signs of an address. In one layer
//! every token fetches the pointer of the token it points to, so entry `i`, pointing at `f(i)`, comes to
//! point at `f(f(i))`: after `t` layers at `f^(2^t)(i)`. The start token, pointing at `s` at first,
//! hops `2^t` times in layer `t`, together `2^r - 1` times. One layer before that collects the bits
//! of the table into tokens. Attention depends on the input here: what is read is looked up.

use super::{Draft, INVERSE_TEMPERATURE};
use crate::error::{Error, Result};
use crate::model::{Block, Dtype, Model};

/// The channels of the stream, for addresses of `m` bits.
#[derive(Clone, Copy)]
struct Channels {
    m: usize,
}

impl Channels {
    /// The address of an entry, and whether the token belongs to the start: `m + 1` signs.
    fn address(self, j: usize) -> usize {
        j
    }

    /// Whether the token is input bit `j` of its entry.
    fn is_bit(self, j: usize) -> usize {
        self.m + 1 + j
    }

    /// Whether the token holds a pointer that others look up.
    fn is_entry(self) -> usize {
        2 * self.m + 1
    }

    /// Whether the token gives output bit `j`.
    fn is_output(self, j: usize) -> usize {
        2 * self.m + 2 + j
    }

    fn bit(self) -> usize {
        3 * self.m + 2
    }

    fn pointer(self, j: usize) -> usize {
        3 * self.m + 3 + j
    }

    fn fetched(self, j: usize) -> usize {
        4 * self.m + 3 + j
    }

    fn out(self) -> usize {
        5 * self.m + 3
    }

    fn names(self) -> Vec<String> {
        let each = |name: &'static str, n: usize| (0..n).map(move |j| format!("{name}[{j}]"));
        let mut names: Vec<String> = each("address", self.m + 1).collect();
        names.extend(each("is_bit", self.m));
        names.push("is_entry".to_string());
        names.extend(each("is_output", self.m));
        names.push("bit".to_string());
        names.extend(each("pointer", self.m).chain(each("fetched", self.m)));
        names.push("out".to_string());
        names
    }
}

/// The `2^doublings - 1`-th successor of a start under a table of `2^m` addresses of `m` bits, in
/// `doublings + 1` layers; ports as in the family `pointer`.
///
/// # Errors
/// `m` is not 1 to 4, or `doublings` not 1 to 30.
pub fn pointer_doubling(m: usize, doublings: usize, dtype: Dtype) -> Result<Model> {
    if !(1..=4).contains(&m) || !(1..=30).contains(&doublings) {
        let expected = "addresses of 1 to 4 bits and 1 to 30 doublings";
        return Err(Error::new(expected, format!("{m} bits and {doublings} doublings")));
    }
    let channels = Channels { m };
    let mut blocks = vec![look_up(collect(channels), channels)];
    blocks.resize(doublings + 1, look_up(follow(channels), channels));
    draft(channels).finish(blocks, 1, dtype)
}

/// Input bits of all entries and of the start, then the entries, then one copy of the start per output.
fn draft(channels: Channels) -> Draft {
    let m = channels.m;
    let n = 1usize << m;
    let n_bits = (n + 1) * m;
    let mut draft =
        Draft::new(n_bits + n + m, channels.names(), (channels.bit(), -1.0), channels.out());
    let mut address = |position: usize, entry: usize| {
        // The start's address is that of entry 0 with the last sign positive.
        for j in 0..=m {
            let set = if j == m { entry == n } else { entry < n && entry >> j & 1 == 1 };
            draft.w_pos[[position, channels.address(j)]] = if set { 1.0 } else { -1.0 };
        }
    };
    (0..n_bits).for_each(|position| address(position, position / m));
    (0..n).for_each(|entry| address(n_bits + entry, entry));
    (0..m).for_each(|j| address(n_bits + n + j, n));
    for position in 0..n_bits {
        let (entry, j) = (position / m, position % m);
        draft.w_pos[[position, channels.is_bit(j)]] = 1.0;
        let word = if entry < n { format!("f{entry}") } else { "start".to_string() };
        draft.inputs.push((position, format!("{word}[{j}]")));
    }
    (0..n).for_each(|entry| draft.w_pos[[n_bits + entry, channels.is_entry()]] = 1.0);
    for j in 0..m {
        draft.w_pos[[n_bits + n + j, channels.is_output(j)]] = 1.0;
        draft.outputs.push((n_bits + n + j, format!("end[{j}]")));
    }
    draft
}

/// A block whose keys are addresses, and the kind of the token with so much weight that a wrong kind
/// scores less than a wrong address.
fn block_with_keys(channels: Channels, kind: impl Fn(usize) -> usize) -> Block {
    let m = channels.m;
    let mut block = Block::zeros(m, channels.out() + 1, m + 2, 3 * m + 1);
    for h in 0..m {
        for j in 0..=m {
            block.w_k[[h, channels.address(j), j]] = 1.0;
        }
        block.w_k[[h, kind(h), m + 1]] = 2.0 * (m + 1) as f64;
        block.b_q[[h, m + 1]] = INVERSE_TEMPERATURE;
    }
    block
}

/// Head `j` fetches input bit `j` of the token's own entry.
fn collect(channels: Channels) -> Block {
    let mut block = block_with_keys(channels, |h| channels.is_bit(h));
    for h in 0..channels.m {
        for j in 0..=channels.m {
            block.w_q[[h, channels.address(j), j]] = INVERSE_TEMPERATURE;
        }
        block.w_v[[h, channels.bit(), 0]] = 1.0;
        block.w_o[[h, 0, channels.fetched(h)]] = 1.0;
    }
    block
}

/// Head 0 fetches the pointer of the entry that the token points to; the other heads add nothing.
fn follow(channels: Channels) -> Block {
    let mut block = block_with_keys(channels, |_| channels.is_entry());
    for j in 0..channels.m {
        block.w_q[[0, channels.pointer(j), j]] = INVERSE_TEMPERATURE;
        block.w_v[[0, channels.pointer(j), j]] = 1.0;
        block.w_o[[0, j, channels.fetched(j)]] = 1.0;
    }
    // No entry belongs to the start.
    block.b_q[[0, channels.m]] = -INVERSE_TEMPERATURE;
    block
}

/// The pointer becomes what was fetched, and `out` its bit where the token is an output.
///
/// `relu(x + 1) = x + 1` for signs `x`; `relu(x + 2 is_output - 2)` is 1 exactly if the token is that
/// output and `x` is +1.
fn look_up(mut block: Block, channels: Channels) -> Block {
    let m = channels.m;
    for j in 0..m {
        let (pointer, fetched) = (channels.pointer(j), channels.fetched(j));
        let [old, new, read] = [3 * j, 3 * j + 1, 3 * j + 2];
        block.w_in[[pointer, old]] = 1.0;
        block.b_in[old] = 1.0;
        block.w_out[[old, pointer]] = -1.0;
        block.w_in[[fetched, new]] = 1.0;
        block.b_in[new] = 1.0;
        block.w_out[[new, pointer]] = 1.0;
        block.w_out[[new, fetched]] = -1.0;
        block.b_out[fetched] = 1.0;
        block.w_in[[fetched, read]] = 1.0;
        block.w_in[[channels.is_output(j), read]] = 2.0;
        block.b_in[read] = -2.0;
        block.w_out[[read, channels.out()]] = 1.0;
    }
    block.w_in[[channels.out(), 3 * m]] = 1.0;
    block.w_out[[3 * m, channels.out()]] = -1.0;
    block
}
