//! What one hard head decides: the literal of highest score that is true.

use super::{Draft, INVERSE_TEMPERATURE};
use crate::error::{Error, Result};
use crate::layout::Spans;
use crate::model::{Block, Dtype, Model};

/// A literal: the variable, and its value where the literal is true.
pub type Item = (usize, bool);

/// The function that is, at an input, the answer of the first item that is true of it: one hard head attends to the
/// token whose score is highest, and reads the answer there.
///
/// The first layer has no attention. Its MLP gives each token the score and the answer of its variable's value, since
/// an embedding can only add what a token and what a position contributes. Scores differ by 128 or more, so that
/// the softmax of the second layer is one-hot in f32. The token that is read at holds no bit.
///
/// # Errors
/// `order` does not hold both values of `n` variables, once each.
pub fn decision_list(order: &[(Item, bool)]) -> Result<Model> {
    let n = order.len() / 2;
    let mut spans = Spans::default();
    let place = spans.add("position", n);
    let [bit, base, answer, out] = spans.each(["bit", "score", "answer", "out"]);
    let empty = Block::zeros(1, spans.width(), 1, n.max(1));
    let mut draft = Draft::new(n + 1, spans, (bit, 0.0), out);
    let mut start = empty.clone();
    let found = |variable: usize, value: bool| -> Result<(f64, f64)> {
        let at = order.iter().position(|&(item, _)| item == (variable, value));
        let at = at.ok_or_else(|| {
            Error::new(format!("variable {variable} at {value} in the order"), "none")
        })?;
        let score = (order.len() - at) as f64 * INVERSE_TEMPERATURE;
        Ok((score, f64::from(u8::from(order[at].1))))
    };
    for i in 0..n {
        let [(low, no), (high, yes)] = [found(i, false)?, found(i, true)?];
        draft.w_pos[[i, place.at(i)]] = 1.0;
        draft.w_pos[[i, base]] = low;
        draft.w_pos[[i, answer]] = no;
        // One unit a position: 1 where the bit is.
        start.w_in[[bit, i]] = 1.0;
        start.w_in[[place.at(i), i]] = 1.0;
        start.b_in[i] = -1.0;
        start.w_out[[i, base]] = high - low;
        start.w_out[[i, answer]] = yes - no;
        draft.inputs.push((i, format!("x[{i}]")));
    }
    draft.outputs.push((n, "y".to_string()));
    let mut read = empty;
    read.b_q[[0, 0]] = 1.0;
    read.w_k[[0, base, 0]] = 1.0;
    read.w_v[[0, answer, 0]] = 1.0;
    read.w_o[[0, 0, out]] = 1.0;
    draft.finish(vec![start, read], 1, Dtype::F32)
}
