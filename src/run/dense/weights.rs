//! A model's numbers as tensors on a device.
//!
//! The projections of all heads to queries, keys and values are one matrix, and so are the heads' output
//! projections: a sum over heads becomes part of a product.

use candle_core::{DType, Device, Result, Tensor};
use ndarray::{Array, Array2, Array3, Axis, Dimension, concatenate};

use crate::model::{Block, Model};

#[derive(Debug)]
pub struct Weights {
    /// `[d_vocab, d_model]`
    pub w_e: Tensor,
    /// `[n_ctx, d_model]`
    pub w_pos: Tensor,
    pub layers: Vec<Layer>,
    /// `[d_model, 2]`
    pub w_u: Tensor,
    /// `[2]`
    pub b_u: Tensor,
    /// `[outputs]`
    pub output_positions: Tensor,
}

#[derive(Debug)]
pub struct Layer {
    /// `[d_model, 3 n_heads d_head]`: all queries, all keys, all values.
    pub w_qkv: Tensor,
    /// `[3 n_heads d_head]`
    pub b_qkv: Tensor,
    /// `[n_heads d_head, d_model]`
    pub w_o: Tensor,
    /// `[d_model]`
    pub b_o: Tensor,
    /// `[d_model, d_mlp]`
    pub w_in: Tensor,
    /// `[d_mlp]`
    pub b_in: Tensor,
    /// `[d_mlp, d_model]`
    pub w_out: Tensor,
    /// `[d_model]`
    pub b_out: Tensor,
}

impl Weights {
    pub fn new(model: &Model, dtype: DType, device: &Device) -> Result<Self> {
        let tensor = Loader { dtype, device };
        let positions = model.output_positions.iter().map(|&position| position as u32);
        Ok(Weights {
            w_e: tensor.load(&model.w_e)?,
            w_pos: tensor.load(&model.w_pos)?,
            layers: model.blocks.iter().map(|b| Layer::new(b, &tensor)).collect::<Result<_>>()?,
            w_u: tensor.load(&model.w_u)?,
            b_u: tensor.load(&model.b_u)?,
            output_positions: Tensor::from_iter(positions, device)?,
        })
    }
}

impl Layer {
    fn new(block: &Block, tensor: &Loader) -> Result<Self> {
        let columns = [&block.w_q, &block.w_k, &block.w_v].map(side_by_side);
        let w_qkv = concatenate(Axis(1), &columns.each_ref().map(|w| w.view()));
        let biases = [&block.b_q, &block.b_k, &block.b_v].map(|b| b.view());
        let b_qkv = concatenate(Axis(0), &biases).expect("biases of a block have one shape");
        let (n_heads, d_head, d_model) = block.w_o.dim();
        let w_o = block.w_o.to_shape((n_heads * d_head, d_model));
        Ok(Layer {
            w_qkv: tensor.load(&w_qkv.expect("projections of a block have one shape"))?,
            b_qkv: tensor.load(&b_qkv.flatten().into_owned())?,
            w_o: tensor.load(&w_o.expect("heads lie one after the other").into_owned())?,
            b_o: tensor.load(&block.b_o)?,
            w_in: tensor.load(&block.w_in)?,
            b_in: tensor.load(&block.b_in)?,
            w_out: tensor.load(&block.w_out)?,
            b_out: tensor.load(&block.b_out)?,
        })
    }
}

/// `[n_heads, d_model, d_head]` as `[d_model, n_heads d_head]`.
fn side_by_side(w: &Array3<f64>) -> Array2<f64> {
    let (n_heads, d_model, d_head) = w.dim();
    let w = w.view().permuted_axes([1, 0, 2]);
    let w = w.to_shape((d_model, n_heads * d_head)).expect("as many numbers");
    w.into_owned()
}

struct Loader<'d> {
    dtype: DType,
    device: &'d Device,
}

impl Loader<'_> {
    /// The numbers, which are numbers of the dtype, as a tensor of the same shape.
    fn load<D: Dimension>(&self, array: &Array<f64, D>) -> Result<Tensor> {
        let numbers: Vec<f64> = array.iter().copied().collect();
        // Narrowed before it moves: not every device has f64.
        let tensor = Tensor::from_vec(numbers, array.shape(), &Device::Cpu)?;
        tensor.to_dtype(self.dtype)?.to_device(self.device)
    }
}
