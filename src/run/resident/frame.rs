//! Static and dynamic channels of a model, and the stream before the first layer.
//!
//! A channel is static if no block writes it (its column of every W_O and W_out and its entry of every
//! b_O and b_out is 0) and both input tokens set it alike. It then holds one number per position, whatever
//! the inputs and however many loops, provided that nothing written is infinite: `x + 0·y = x`.

use super::exact::Sum;
use super::refuse;
use crate::error::Result;
use crate::model::{Block, Dtype, Model};

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
}

impl<'m> Frame<'m> {
    /// # Errors
    /// A number is not finite.
    pub fn new(model: &'m Model) -> Result<Self> {
        model.for_each_tensor(|name, _, numbers| {
            match numbers.iter().position(|x| !x.is_finite()) {
                None => Ok(()),
                Some(i) => refuse("finite numbers", format!("{} at {name}[{i}]", numbers[i])),
            }
        })?;
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
        let frame = Frame { model, dynamic, index, input };
        frame.require_finite_start()?;
        Ok(frame)
    }

    fn require_finite_start(&self) -> Result<()> {
        let w_e = &self.model.w_e;
        // Elsewhere the position embedding alone is there, which is finite.
        let channels =
            (0..self.model.d_model()).filter(|&c| w_e.column(c).iter().any(|&x| x != 0.0));
        let channels: Vec<usize> = channels.collect();
        for position in 0..self.model.n_ctx() {
            for &c in &channels {
                let tokens: &[bool] =
                    if self.input[position].is_some() { &[false, true] } else { &[false] };
                if tokens.iter().any(|&bit| !self.start(position, c, bit).is_finite()) {
                    return refuse(
                        "an embedding that does not overflow",
                        format!("position {position}, channel {c}"),
                    );
                }
            }
        }
        Ok(())
    }

    /// The stream before the first layer, as a number; `bit` matters at inputs only.
    pub fn start(&self, position: usize, channel: usize, bit: bool) -> f64 {
        let token = if self.input[position].is_some() { usize::from(bit) } else { Model::BLANK };
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

    /// The number that a static channel holds.
    pub fn at(&self, position: usize, channel: usize) -> f64 {
        debug_assert!(self.index[channel].is_none(), "only static channels are constant");
        self.start(position, channel, false)
    }

    /// The dynamic channels before the first layer.
    pub fn start_vector(&self, position: usize, bit: bool) -> Vec<f64> {
        self.dynamic.iter().map(|&c| self.start(position, c, bit)).collect()
    }
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
}
