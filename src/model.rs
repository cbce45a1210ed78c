//! Model: a whole transformer as numbers, with the positions of its ports and names for reading it.
//!
//! Numbers are held as `f64`, which contains every value of the file dtypes exactly; `dtype` says which
//! one the model is written and run in. A [`Model`] has been checked: shapes agree, ports are in range,
//! every number is one of its dtype. It knows nothing of circuits.

use std::collections::BTreeMap;
use std::ops::Deref;

use ndarray::{Array, Array1, Array2, Array3, Dimension};

use crate::error::{Error, Result};

mod dtype;
pub mod file;
mod pass;
mod schedule;
mod scheme;
pub mod sparse;

pub use dtype::Dtype;
pub use pass::Pass;
pub use schedule::{Applied, Schedule};
pub use scheme::{Scheme, unknown};

/// Which positions a query may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Every position reads every position.
    Bidirectional,
    /// Position `i` reads positions `0..=i`.
    Causal,
}

/// One transformer layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// `[n_heads, d_model, d_head]`
    pub w_q: Array3<f64>,
    /// `[n_heads, d_model, d_head]`
    pub w_k: Array3<f64>,
    /// `[n_heads, d_model, d_head]`
    pub w_v: Array3<f64>,
    /// `[n_heads, d_head]`
    pub b_q: Array2<f64>,
    /// `[n_heads, d_head]`
    pub b_k: Array2<f64>,
    /// `[n_heads, d_head]`
    pub b_v: Array2<f64>,
    /// `[n_heads, d_head, d_model]`
    pub w_o: Array3<f64>,
    /// `[d_model]`
    pub b_o: Array1<f64>,
    /// `[d_model, d_mlp]`
    pub w_in: Array2<f64>,
    /// `[d_mlp]`
    pub b_in: Array1<f64>,
    /// `[d_mlp, d_model]`
    pub w_out: Array2<f64>,
    /// `[d_model]`
    pub b_out: Array1<f64>,
}

impl Block {
    /// A block of the given shape with every number 0.
    pub fn zeros(n_heads: usize, d_model: usize, d_head: usize, d_mlp: usize) -> Self {
        let heads = || Array3::zeros((n_heads, d_model, d_head));
        let biases = || Array2::zeros((n_heads, d_head));
        Block {
            w_q: heads(),
            w_k: heads(),
            w_v: heads(),
            b_q: biases(),
            b_k: biases(),
            b_v: biases(),
            w_o: Array3::zeros((n_heads, d_head, d_model)),
            b_o: Array1::zeros(d_model),
            w_in: Array2::zeros((d_model, d_mlp)),
            b_in: Array1::zeros(d_mlp),
            w_out: Array2::zeros((d_mlp, d_model)),
            b_out: Array1::zeros(d_model),
        }
    }

    /// The number of parameters.
    pub fn n_parameters(&self) -> usize {
        let heads = 3 * (self.w_q.len() + self.b_q.len()) + self.w_o.len() + self.b_o.len();
        heads + self.w_in.len() + self.b_in.len() + self.w_out.len() + self.b_out.len()
    }
}

/// Text that travels with the numbers and that no runner needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// One per input.
    pub input_names: Vec<String>,
    /// One per output.
    pub output_names: Vec<String>,
    /// One per coordinate of the residual stream.
    pub channel_names: Vec<String>,
    /// The depth of the network that was compiled.
    pub depth: usize,
    /// Of the circuit file's bytes or the family spec's text, in hexadecimal.
    pub source_sha256: String,
    /// Declared bit orders of words, by base name.
    pub word_orders: BTreeMap<String, String>,
}

/// The numbers of a model, not yet checked; [`Model::new`] checks them.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// How the sequence goes through the blocks.
    pub scheme: Scheme,
    /// The format of the weights and of a literal forward pass.
    pub dtype: Dtype,
    /// Which positions a position reads.
    pub attention: Attention,
    /// How often the core is applied: the blocks between prelude and coda.
    pub n_loops: usize,
    /// Blocks at the start that are applied once.
    pub n_prelude: usize,
    /// Blocks at the end that are applied once.
    pub n_coda: usize,
    /// `[d_vocab, d_model]`: the tokens 0, 1 and, where the whole sequence is run at once, blank.
    pub w_e: Array2<f64>,
    /// `[n_ctx, d_model]`
    pub w_pos: Array2<f64>,
    /// Prelude, core and coda.
    pub blocks: Vec<Block>,
    /// `[d_model, d_vocab_out]`; token 1 against token 0 is the bit.
    pub w_u: Array2<f64>,
    /// `[d_vocab_out]`
    pub b_u: Array1<f64>,
    /// Where each input's token stands.
    pub input_positions: Vec<usize>,
    /// Where each output is read.
    pub output_positions: Vec<usize>,
    /// What a scheme's forward pass needs besides, as named vectors `scheme.*` of the file.
    pub scheme_vectors: BTreeMap<String, Vec<i64>>,
    /// What is said of it to people.
    pub labels: Labels,
    /// The compiler's claim, as named vectors of the file; a runner ignores it.
    pub claim: BTreeMap<String, Vec<i64>>,
}

impl Parts {
    /// Brings every array into row-major order, which the file and the engines read them in.
    fn make_row_major(&mut self) {
        let Parts { w_e, w_pos, blocks, w_u, b_u, .. } = self;
        [w_e, w_pos, w_u].into_iter().for_each(row_major);
        row_major(b_u);
        for block in blocks {
            let Block { w_q, w_k, w_v, b_q, b_k, b_v, w_o, b_o, w_in, b_in, w_out, b_out } = block;
            [w_q, w_k, w_v, w_o].into_iter().for_each(row_major);
            [b_q, b_k, b_v, w_in, w_out].into_iter().for_each(row_major);
            [b_o, b_in, b_out].into_iter().for_each(row_major);
        }
    }
}

fn row_major<D: Dimension>(array: &mut Array<f64, D>) {
    if !array.is_standard_layout() {
        *array = array.as_standard_layout().into_owned();
    }
}

/// A checked model; reads as its [`Parts`].
#[derive(Debug, Clone, PartialEq)]
pub struct Model(Parts);

impl Deref for Model {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// See [`Model::with_loops`].
const MAX_LOOPS: usize = 1 << 28;

impl Model {
    /// The vector of a decoder's file with the bit of the token that each output is.
    pub const OUTPUT_SLOTS: &str = "scheme.output_slots";

    /// The token, besides the bits 0 and 1, that says nothing.
    pub const BLANK: usize = 2;

    /// Checks shapes, ports, names and that each number is one of the dtype; arrays in another order than
    /// row-major, such as transposes, are copied into it.
    ///
    /// Numbers that are infinite or not a number are let through: engines run them as what they are and
    /// the certificate refuses them.
    ///
    /// # Errors
    /// The first part that does not fit, with the shape expected.
    pub fn new(parts: Parts) -> Result<Self> {
        let model = Model::of_numbers(parts)?;
        model.check_numbers()?;
        Ok(model)
    }

    /// [`Model::new`] for numbers that were made from the dtype's own.
    fn of_numbers(mut parts: Parts) -> Result<Self> {
        parts.make_row_major();
        let model = Model(parts);
        let ends = model.n_prelude.saturating_add(model.n_coda);
        if model.blocks.len() <= ends {
            let expected = format!("more layers than the {ends} of prelude and coda");
            return Err(Error::new(expected, model.blocks.len().to_string()));
        }
        model.check_shapes()?;
        model.check_ports()?;
        Ok(model)
    }

    /// An error unless the whole sequence goes through the blocks at once, as against token by token.
    ///
    /// # Errors
    /// The model's scheme is a decoder's.
    pub fn require_parallel(&self) -> Result<()> {
        if self.scheme.is_parallel() {
            return Ok(());
        }
        let found = format!("one of the scheme {}", self.scheme);
        Err(Error::new("a model that runs on the whole sequence at once", found))
    }

    /// An error unless every input goes through the same layers, all positions at once.
    ///
    /// # Errors
    /// The model's scheme stops by what it reads, or is a decoder's.
    pub fn require_fixed_steps(&self) -> Result<()> {
        let Some(why) = self.scheme.pass().uncertified() else { return Ok(()) };
        let found = format!("the scheme {}, which {why}", self.scheme);
        Err(Error::new(
            "a scheme with a fixed number of layers (recurrent, pause, unrolled)",
            found,
        ))
    }

    /// An error unless all blocks are looped, so that the stream between two loops can be read.
    ///
    /// # Errors
    /// There is a prelude or a coda.
    pub fn require_core_only(&self) -> Result<()> {
        match (self.n_prelude, self.n_coda) {
            (0, 0) => Ok(()),
            (p, c) => Err(Error::new(
                "a model without prelude and coda",
                format!("{p} layers before the loop and {c} after it"),
            )
            .hint("what is read between two loops has not been through the coda")),
        }
    }

    /// The model with its ports in another order: input `i` is the old one of number `inputs[i]`.
    ///
    /// # Panics
    /// The numbers are no permutations.
    pub fn with_ports(self, inputs: &[usize], outputs: &[usize]) -> Self {
        let Model(mut parts) = self;
        reorder(&mut parts.input_positions, inputs);
        reorder(&mut parts.labels.input_names, inputs);
        reorder(&mut parts.output_positions, outputs);
        reorder(&mut parts.labels.output_names, outputs);
        // One of another length is for the engine to refuse.
        let slots = parts.scheme_vectors.get_mut(Model::OUTPUT_SLOTS);
        slots
            .filter(|slots| slots.len() == outputs.len())
            .into_iter()
            .for_each(|s| reorder(s, outputs));
        Model(parts)
    }

    /// The model with another number of loops.
    ///
    /// # Errors
    /// There are more than 2^28: no circuit that fits in memory is so deep, and it is a slip of the keyboard.
    pub fn with_loops(self, n_loops: usize) -> Result<Self> {
        match n_loops {
            n_loops if n_loops > MAX_LOOPS => {
                Err(Error::new(format!("at most {MAX_LOOPS} loops"), n_loops.to_string()))
            }
            n_loops => Model::of_numbers(Parts { n_loops, ..self.into_parts() }),
        }
    }

    /// The parts, to make another model of.
    pub fn into_parts(self) -> Parts {
        self.0
    }

    /// The length of the sequence.
    pub fn n_ctx(&self) -> usize {
        self.w_pos.nrows()
    }

    /// The width of the residual stream.
    pub fn d_model(&self) -> usize {
        self.w_pos.ncols()
    }

    /// Tokens that can be read.
    pub fn d_vocab(&self) -> usize {
        self.w_e.nrows()
    }

    /// Tokens that can be written.
    pub fn d_vocab_out(&self) -> usize {
        self.w_u.ncols()
    }

    /// Layers of the core, which is what is looped.
    pub fn n_layers(&self) -> usize {
        self.blocks.len() - self.n_prelude - self.n_coda
    }

    /// In which order the blocks are applied.
    pub fn schedule(&self) -> Schedule {
        self.schedule_of(self.n_loops)
    }

    /// [`Model::schedule`] with another number of loops.
    pub fn schedule_of(&self, n_loops: usize) -> Schedule {
        let (n_prelude, n_coda) = (self.n_prelude, self.n_coda);
        Schedule { n_prelude, n_layers: self.n_layers(), n_coda, n_loops }
    }

    /// Heads of a block.
    pub fn n_heads(&self) -> usize {
        self.blocks[0].w_q.dim().0
    }

    /// The width of a head.
    pub fn d_head(&self) -> usize {
        self.blocks[0].w_q.dim().2
    }

    /// ReLU units of a block.
    pub fn d_mlp(&self) -> usize {
        self.blocks[0].b_in.len()
    }

    fn check_shapes(&self) -> Result<()> {
        let (d, d_mlp, heads, d_head) =
            (self.d_model(), self.d_mlp(), self.n_heads(), self.d_head());
        // Where a position or a head has no number, a small file can ask for any number of them.
        if d == 0 || (heads > 0 && d_head == 0) {
            let found = format!("d_model = {d}, d_head = {d_head}");
            return Err(Error::new("d_model and d_head of 1 or more", found));
        }
        let (d_vocab, d_vocab_out) = if self.scheme.is_parallel() {
            (3, 2)
        } else {
            (self.d_vocab().max(2), self.d_vocab_out().max(2))
        };
        expect_shape("embed.W_E", self.w_e.shape(), &[d_vocab, d])?;
        expect_shape("unembed.W_U", self.w_u.shape(), &[d, d_vocab_out])?;
        expect_shape("unembed.b_U", self.b_u.shape(), &[d_vocab_out])?;
        for (l, block) in self.blocks.iter().enumerate() {
            for (name, shape) in block_shapes(heads, d, d_head, d_mlp) {
                expect_shape(&format!("blocks.{l}.{name}"), block_tensor(block, name).0, &shape)?;
            }
        }
        Ok(())
    }

    fn check_ports(&self) -> Result<()> {
        let n = self.n_ctx();
        let ports = self.input_positions.iter().chain(&self.output_positions);
        if let Some(position) = ports.into_iter().find(|&&position| position >= n) {
            return Err(Error::new(format!("port positions below {n}"), position.to_string()));
        }
        let mut seen = vec![false; n];
        for &position in &self.input_positions {
            if std::mem::replace(&mut seen[position], true) {
                return Err(Error::new(
                    "one position for each input",
                    format!("position {position} twice"),
                ));
            }
        }
        let labels = &self.labels;
        expect_count("input_names", labels.input_names.len(), self.input_positions.len())?;
        expect_count("output_names", labels.output_names.len(), self.output_positions.len())?;
        expect_count("channel_names", labels.channel_names.len(), self.d_model())
    }

    fn check_numbers(&self) -> Result<()> {
        let dtype = self.dtype;
        let check = |name: &str, numbers: &[f64]| match dtype.first_outside(numbers) {
            None => Ok(()),
            Some(number) => Err(Error::new(
                format!("numbers of dtype {} in {name}", dtype.name()),
                format!("{number:e}, which it would round"),
            )),
        };
        self.for_each_tensor(|name, _, numbers| check(name, numbers))
    }

    /// Calls `f` with name, shape and numbers (row-major) of every float tensor, in the order of the
    /// file.
    ///
    /// # Errors
    /// The first that `f` returns.
    pub fn for_each_tensor(
        &self,
        mut f: impl FnMut(&str, &[usize], &[f64]) -> Result<()>,
    ) -> Result<()> {
        f("embed.W_E", self.w_e.shape(), slice(self.w_e.as_slice()))?;
        f("pos_embed.W_pos", self.w_pos.shape(), slice(self.w_pos.as_slice()))?;
        for (l, block) in self.blocks.iter().enumerate() {
            for name in BLOCK_TENSORS {
                let (shape, numbers) = block_tensor(block, name);
                f(&format!("blocks.{l}.{name}"), shape, numbers)?;
            }
        }
        f("unembed.W_U", self.w_u.shape(), slice(self.w_u.as_slice()))?;
        f("unembed.b_U", self.b_u.shape(), slice(self.b_u.as_slice()))
    }
}

/// Puts the entry of number `order[i]` in place `i`.
fn reorder<T: Clone>(entries: &mut Vec<T>, order: &[usize]) {
    assert_eq!(entries.len(), order.len(), "an order of all entries");
    let mut seen = vec![false; order.len()];
    order.iter().for_each(|&i| assert!(!std::mem::replace(&mut seen[i], true), "{i} once"));
    *entries = order.iter().map(|&i| entries[i].clone()).collect();
}

/// The tensors of a block, as they are named in the file.
pub(crate) const BLOCK_TENSORS: [&str; 12] = [
    "attn.W_Q",
    "attn.b_Q",
    "attn.W_K",
    "attn.b_K",
    "attn.W_V",
    "attn.b_V",
    "attn.W_O",
    "attn.b_O",
    "mlp.W_in",
    "mlp.b_in",
    "mlp.W_out",
    "mlp.b_out",
];

/// Shape and numbers of a block's tensor.
///
/// # Panics
/// The name is none of [`BLOCK_TENSORS`].
pub(crate) fn block_tensor<'b>(block: &'b Block, name: &str) -> (&'b [usize], &'b [f64]) {
    match name {
        "attn.W_Q" => (block.w_q.shape(), slice(block.w_q.as_slice())),
        "attn.b_Q" => (block.b_q.shape(), slice(block.b_q.as_slice())),
        "attn.W_K" => (block.w_k.shape(), slice(block.w_k.as_slice())),
        "attn.b_K" => (block.b_k.shape(), slice(block.b_k.as_slice())),
        "attn.W_V" => (block.w_v.shape(), slice(block.w_v.as_slice())),
        "attn.b_V" => (block.b_v.shape(), slice(block.b_v.as_slice())),
        "attn.W_O" => (block.w_o.shape(), slice(block.w_o.as_slice())),
        "attn.b_O" => (block.b_o.shape(), slice(block.b_o.as_slice())),
        "mlp.W_in" => (block.w_in.shape(), slice(block.w_in.as_slice())),
        "mlp.b_in" => (block.b_in.shape(), slice(block.b_in.as_slice())),
        "mlp.W_out" => (block.w_out.shape(), slice(block.w_out.as_slice())),
        "mlp.b_out" => (block.b_out.shape(), slice(block.b_out.as_slice())),
        _ => unreachable!("{name} is no tensor of a block"),
    }
}

/// The shape every tensor of a block must have.
pub(crate) fn block_shapes(
    heads: usize,
    d: usize,
    d_head: usize,
    d_mlp: usize,
) -> Vec<(&'static str, Vec<usize>)> {
    let shape = |name: &str| match name {
        "attn.W_O" => vec![heads, d_head, d],
        "attn.b_O" | "mlp.b_out" => vec![d],
        "mlp.W_in" => vec![d, d_mlp],
        "mlp.b_in" => vec![d_mlp],
        "mlp.W_out" => vec![d_mlp, d],
        "attn.b_Q" | "attn.b_K" | "attn.b_V" => vec![heads, d_head],
        _ => vec![heads, d, d_head],
    };
    BLOCK_TENSORS.iter().map(|&name| (name, shape(name))).collect()
}

/// Arrays of a model are in row-major order: [`Model::new`] sees to it.
fn slice(numbers: Option<&[f64]>) -> &[f64] {
    numbers.expect("model arrays are contiguous and row-major")
}

fn expect_shape(name: &str, found: &[usize], expected: &[usize]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::new(format!("{name} of shape {expected:?}"), format!("{found:?}")))
}

fn expect_count(name: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::new(format!("{expected} {name}"), found.to_string()))
}

#[cfg(test)]
mod tests {
    use ndarray::ShapeBuilder;

    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;

    /// Leaves each number at its index, in column-major order.
    fn twist<D: Dimension>(array: &mut Array<f64, D>) {
        let mut other = Array::zeros(array.raw_dim().f());
        other.assign(array);
        *array = other;
    }

    /// Leaves each number at its index, from the last in memory to the first.
    fn reverse(array: &mut Array1<f64>) {
        *array = array.iter().rev().copied().collect();
        array.invert_axis(ndarray::Axis(0));
    }

    #[test]
    fn the_order_of_arrays_in_memory_does_not_matter() {
        let model = compile(&generate("adder:2").unwrap(), "", &Options::default()).unwrap();
        let mut parts = model.clone().into_parts();
        [&mut parts.w_e, &mut parts.w_pos, &mut parts.w_u].into_iter().for_each(twist);
        reverse(&mut parts.b_u);
        for block in &mut parts.blocks {
            let Block { w_q, w_k, w_v, b_q, b_k, b_v, w_o, b_o, w_in, b_in, w_out, b_out } = block;
            [w_q, w_k, w_v, w_o].into_iter().for_each(twist);
            [b_q, b_k, b_v, w_in, w_out].into_iter().for_each(twist);
            [b_o, b_in, b_out].into_iter().for_each(reverse);
        }
        assert!(parts.blocks[0].w_in.as_slice().is_none() && parts.b_u.as_slice().is_none());
        let twisted = Model::new(parts).unwrap();
        assert_eq!(twisted, model);
        assert_eq!(file::to_bytes(&twisted), file::to_bytes(&model));
    }
}
