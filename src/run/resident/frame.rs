//! Static and dynamic channels of a model, and the stream before the first layer.
//!
//! A channel is static if no block writes it (its column of every W_O and W_out and its entry of every
//! b_O and b_out is 0) and both input tokens set it alike. It then holds one number per position, whatever
//! the inputs and however many loops, provided that nothing written is infinite: `x + 0·y = x`.

use std::ops::Range;

use super::exact::{Bound, Sum, is_exact_sum};
use super::{in_chunks, refuse};
use crate::error::Result;
use crate::model::{Block, Dtype, Model};

/// The tensor of position embeddings.
const W_POS: &str = "pos_embed.W_pos";

/// A model with its channels split.
#[derive(Debug)]
pub struct Frame<'m> {
    pub model: &'m Model,
    /// The dynamic channels, in rising order; "dynamic index" is an index into this list.
    pub dynamic: Vec<usize>,
    /// The dynamic index of a channel.
    pub index: Vec<Option<usize>>,
    /// Per position the input that it holds.
    pub input: Vec<Option<usize>>,
    /// Per token whether its embedding is 0 throughout.
    is_zero: Vec<bool>,
    /// Per channel what bounds its numbers before the first layer, at all positions.
    bounds: Vec<Bound>,
}

impl<'m> Frame<'m> {
    /// # Errors
    /// A number is not finite.
    pub fn new(model: &'m Model) -> Result<Self> {
        let mut is_dynamic: Vec<bool> =
            (0..model.d_model()).map(|c| model.w_e[[0, c]] != model.w_e[[1, c]]).collect();
        for block in &model.blocks {
            mark_written(block, &mut is_dynamic);
        }
        let dynamic: Vec<usize> = (0..model.d_model()).filter(|&c| is_dynamic[c]).collect();
        let mut index = vec![None; model.d_model()];
        dynamic.iter().enumerate().for_each(|(d, &c)| index[c] = Some(d));
        let mut input = vec![None; model.n_ctx()];
        model.input_positions.iter().enumerate().for_each(|(i, &p)| input[p] = Some(i));
        let is_zero = model.w_e.outer_iter().map(|row| row.iter().all(|&x| x == 0.0)).collect();
        let mut frame = Frame { model, dynamic, index, input, is_zero, bounds: Vec::new() };
        require_finite(model)?;
        frame.bounds = frame.bounds_at_start()?;
        Ok(frame)
    }

    /// Per channel what bounds its numbers before the first layer, at all positions.
    fn bounds_at_start(&self) -> Result<Vec<Bound>> {
        let mut bounds = vec![Bound::EMPTY; self.model.d_model()];
        for of_chunk in in_chunks(self.model.n_ctx(), |positions| self.bounds_at(positions)) {
            for (bound, of_chunk) in bounds.iter_mut().zip(of_chunk?) {
                *bound = bound.or(of_chunk);
            }
        }
        Ok(bounds)
    }

    fn bounds_at(&self, positions: Range<usize>) -> Result<Vec<Bound>> {
        let mut bounds = vec![Bound::EMPTY; self.model.d_model()];
        // Most channels hold one magnitude, or 0; a number of the last magnitude bounds nothing new.
        let mut last = vec![0.0; bounds.len()];
        let is_new = |x: f64, last: f64| (x.abs() != last) & (x != 0.0);
        let mut buffer = Vec::new();
        for position in positions {
            for &bit in self.bits(position) {
                let row = self.row(position, bit, &mut buffer);
                if !row.iter().zip(&last).fold(false, |any, (&x, &last)| any | is_new(x, last)) {
                    continue;
                }
                for (c, &x) in row.iter().enumerate() {
                    if !x.is_finite() {
                        return self.refuse_start(position, c);
                    }
                    if is_new(x, last[c]) {
                        (bounds[c], last[c]) = (bounds[c].or(Bound::of(x)), x.abs());
                    }
                }
            }
        }
        Ok(bounds)
    }

    fn refuse_start<T>(&self, position: usize, channel: usize) -> Result<T> {
        let own = self.model.w_pos[[position, channel]];
        if !own.is_finite() {
            return refuse("finite numbers", format!("{own} at {W_POS}[{position}, {channel}]"));
        }
        let place = format!("position {position}, channel {channel}");
        refuse("an embedding that does not overflow", place)
    }

    /// The bits that a position can start with; elsewhere than at inputs they make no difference.
    pub fn bits(&self, position: usize) -> &'static [bool] {
        if self.input[position].is_some() { &[false, true] } else { &[false] }
    }

    /// The stream at a position before the first layer, `[d_model]`, formed in `buffer` if it is nowhere.
    pub fn row<'r>(&'r self, position: usize, bit: bool, buffer: &'r mut Vec<f64>) -> &'r [f64] {
        let own = self.model.w_pos.row(position).to_slice();
        if self.is_zero[self.token(position, bit)] {
            return own.expect("model arrays are row-major");
        }
        buffer.clear();
        buffer.extend((0..self.model.d_model()).map(|c| self.start(position, c, bit)));
        buffer
    }

    fn token(&self, position: usize, bit: bool) -> usize {
        if self.input[position].is_some() { usize::from(bit) } else { Model::BLANK }
    }

    /// The stream before the first layer, as a number; `bit` matters at inputs only.
    pub fn start(&self, position: usize, channel: usize, bit: bool) -> f64 {
        let token = self.token(position, bit);
        let (token, own) =
            (self.model.w_e[[token, channel]], self.model.w_pos[[position, channel]]);
        match self.model.dtype {
            // Weights are numbers of the dtype.
            _ if token == 0.0 => own,
            Dtype::F64 => token + own,
            // As the reference engine: the sum in f32, then rounded to the dtype.
            dtype => dtype.round(f64::from(token as f32 + own as f32)),
        }
    }

    /// Whether no embedding's sum rounds, of a token and a position.
    pub fn starts_exactly(&self) -> bool {
        let is_exact = |position: usize, bit: bool| {
            let token = self.token(position, bit);
            let rows = self.model.w_e.row(token);
            let pairs = rows.iter().zip(self.model.w_pos.row(position));
            self.is_zero[token]
                || pairs.into_iter().all(|(&t, &p)| is_exact_sum(self.model.dtype, t, p))
        };
        let positions = 0..self.model.n_ctx();
        positions.into_iter().all(|p| self.bits(p).iter().all(|&bit| is_exact(p, bit)))
    }

    /// The number that a static channel holds.
    pub fn at(&self, position: usize, channel: usize) -> f64 {
        debug_assert!(self.index[channel].is_none(), "only static channels are constant");
        self.start(position, channel, false)
    }
}

/// In all tensors but the position embeddings, which are looked at where they are added to the tokens'.
fn require_finite(model: &Model) -> Result<()> {
    model.for_each_tensor(|name, _, numbers| {
        // Without a way out of the loop, the processor looks at several numbers at once.
        if name == W_POS || numbers.iter().fold(true, |all, x| all & x.is_finite()) {
            return Ok(());
        }
        let i = numbers.iter().position(|x| !x.is_finite()).expect("one is not finite");
        refuse("finite numbers", format!("{} at {name}[{i}]", numbers[i]))
    })
}

fn mark_written(block: &Block, is_dynamic: &mut [bool]) {
    for ((_, _, c), &w) in block.w_o.indexed_iter() {
        is_dynamic[c] |= w != 0.0;
    }
    for ((_, c), &w) in block.w_out.indexed_iter() {
        is_dynamic[c] |= w != 0.0;
    }
    for (c, (&after_attention, &after_mlp)) in block.b_o.iter().zip(&block.b_out).enumerate() {
        is_dynamic[c] |= after_attention != 0.0 || after_mlp != 0.0;
    }
}

/// An affine map of the stream to one number, its zeros left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// Static channels with their weights.
    pub fixed: Vec<(usize, f64)>,
    /// Dynamic indices with their weights.
    pub dynamic: Vec<(usize, f64)>,
    pub bias: f64,
}

impl Affine {
    pub fn new(frame: &Frame, weight: impl Fn(usize) -> f64, bias: f64) -> Self {
        let mut affine = Affine { fixed: Vec::new(), dynamic: Vec::new(), bias };
        for c in (0..frame.model.d_model()).filter(|&c| weight(c) != 0.0) {
            match frame.index[c] {
                None => affine.fixed.push((c, weight(c))),
                Some(d) => affine.dynamic.push((d, weight(c))),
            }
        }
        affine
    }

    /// The bias and what the static channels of a position contribute.
    pub fn fixed_part(&self, frame: &Frame, position: usize) -> Sum {
        let mut sum = Sum::new(self.bias);
        for &(c, w) in &self.fixed {
            sum.add_product(frame.at(position, c), w);
        }
        sum
    }

    /// What bounds the same at all positions.
    pub fn bound(&self, frame: &Frame) -> Bound {
        let terms = self.fixed.iter().map(|&(c, w)| frame.bounds[c].times(w));
        terms.fold(Bound::of(self.bias), Bound::plus)
    }
}
