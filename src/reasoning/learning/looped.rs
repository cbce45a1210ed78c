//! A looped model whose every number is a variable, and the truth table it is held against.

use candle_core::{D, DType, Device, Tensor, Var};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::from_candle;
use crate::batch::Batch;
use crate::circuit::{Circuit, Oracle};
use crate::compile::{Options, compile};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::model::{Attention, Model};

/// The slope of the compiled MLP's ramps.
pub const COMPILED_GAIN: f64 = 2.0;

/// The most inputs: all assignments are one batch.
pub const MAX_INPUTS: usize = 10;

/// The most positions.
pub const MAX_POSITIONS: usize = 64;

/// Where the numbers of a model begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Normal numbers: embeddings of variance 1, matrices of 1 over their fan-in, biases 0.
    Random,
    /// The compiled weights.
    Construction,
    /// The compiled weights, each with a normal number of this deviation added.
    Noisy(f64),
}

/// All assignments of a circuit's inputs as tokens, and its outputs on them.
#[derive(Debug, Clone)]
pub struct Task {
    /// `[2^n · n_ctx]`, token ids, assignment by assignment
    pub(super) tokens: Vec<u32>,
    /// `[2^n, n_outputs]`, row-major
    pub(super) targets: Vec<bool>,
    pub(super) n_assignments: usize,
}

/// A one-layer looped model as variables, by the names of the model file.
#[derive(Debug)]
pub struct Looped {
    variables: Vec<(String, Var)>,
    outputs: Tensor,
    n_ctx: usize,
    d_model: usize,
}

impl Task {
    /// The truth table of a circuit, laid on the positions of a model compiled from it.
    ///
    /// # Errors
    /// More than [`MAX_INPUTS`] inputs, or the circuit is sequential.
    pub fn new(circuit: &Circuit, model: &Model) -> Result<Self> {
        let n_inputs = circuit.inputs().len();
        if n_inputs > MAX_INPUTS {
            let expected = format!("at most {MAX_INPUTS} inputs, to train on all assignments");
            return Err(Error::new(expected, n_inputs.to_string()));
        }
        let inputs = Batch::counting(n_inputs, 0, 1 << n_inputs);
        let outputs = Oracle::new(circuit)?.run(&inputs)?;
        let mut task = Task { tokens: vec![], targets: vec![], n_assignments: 1 << n_inputs };
        for a in 0..task.n_assignments {
            let mut tokens = vec![Model::BLANK as u32; model.n_ctx()];
            for (&position, bit) in model.input_positions.iter().zip(inputs.column(a)) {
                tokens[position] = u32::from(bit);
            }
            task.tokens.extend(tokens);
            task.targets.extend(outputs.column(a));
        }
        Ok(task)
    }

    /// All assignments of the inputs.
    pub fn n_assignments(&self) -> usize {
        self.n_assignments
    }

    /// The targets as class numbers, `[2^n · n_outputs]`.
    pub(super) fn classes(&self) -> Result<Tensor> {
        let classes: Vec<u32> = self.targets.iter().map(|&bit| u32::from(bit)).collect();
        Tensor::new(classes, &Device::Cpu).map_err(from_candle)
    }
}

/// Compiles a circuit for learning: one layer, bidirectional, f64, with softened slopes.
///
/// `gain` is the slope `s` of the ramps `relu(s z + ½) - relu(s z - ½)`: above ½ they are flat around the
/// states `z = 1` and `z ≤ -1`, at ½ these are their kinks, below they are not flat there.
///
/// # Errors
/// The compiler's, more than [`MAX_POSITIONS`] positions, or a gain or temperature that is no positive number.
pub fn soft_model(circuit: &Circuit, gain: f64, inverse_temperature: f64) -> Result<Model> {
    for (what, value) in [("a gain", gain), ("an inverse temperature", inverse_temperature)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Error::new(format!("{what} above 0"), value.to_string()));
        }
    }
    let options =
        Options { dtype: crate::model::Dtype::F64, inverse_temperature, ..Options::default() };
    let model = compile(circuit, "", &options)?;
    if model.n_ctx() > MAX_POSITIONS {
        let expected = format!("a circuit of at most {MAX_POSITIONS} nodes");
        return Err(Error::new(expected, model.n_ctx().to_string()));
    }
    let layout = Layout::new(options.heads, model.n_ctx())?;
    let mut parts = model.into_parts();
    let ratio = gain / COMPILED_GAIN;
    for block in &mut parts.blocks {
        for unit in 0..2 * layout.n_rows() {
            let half_step = if unit % 2 == 0 { 0.5 } else { -0.5 };
            block.w_in.column_mut(unit).mapv_inplace(|w| w * ratio);
            block.b_in[unit] = (block.b_in[unit] - half_step) * ratio + half_step;
        }
    }
    Model::new(parts)
}

/// A normal number (Box and Muller 1958).
pub(super) fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// What a product with the tensor sums over; 0 for biases.
fn fan_in(name: &str, shape: &[usize]) -> usize {
    match name.rsplit('.').next().unwrap_or_default() {
        "W_E" | "W_pos" => 1,
        "W_O" => shape[0] * shape[1],
        "W_in" | "W_out" | "W_U" => shape[0],
        "W_Q" | "W_K" | "W_V" => shape[1],
        _ => 0,
    }
}

impl Looped {
    /// The shape of `model`, which has one bidirectional layer, with numbers from `start`.
    ///
    /// # Errors
    /// The model has more layers or is causal.
    pub fn new(model: &Model, start: Start, seed: u64) -> Result<Self> {
        if model.n_layers() != 1 || model.attention != Attention::Bidirectional {
            return Err(Error::new("a model of one bidirectional layer", "another"));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut variables = Vec::new();
        model.for_each_tensor(|name, shape, numbers| {
            let fan_in = fan_in(name, shape);
            let random = fan_in.max(1) as f64;
            let mut begin = |compiled: f64| match start {
                Start::Construction => compiled,
                Start::Noisy(deviation) => compiled + deviation * normal(&mut rng),
                Start::Random if fan_in == 0 => 0.0,
                Start::Random => normal(&mut rng) / random.sqrt(),
            };
            let numbers: Vec<f64> = numbers.iter().map(|&x| begin(x)).collect();
            let variable = Var::from_vec(numbers, shape, &Device::Cpu).map_err(from_candle)?;
            variables.push((name.to_string(), variable));
            Ok(())
        })?;
        let outputs: Vec<u32> = model.output_positions.iter().map(|&p| p as u32).collect();
        let outputs = Tensor::new(outputs, &Device::Cpu).map_err(from_candle)?;
        Ok(Looped { variables, outputs, n_ctx: model.n_ctx(), d_model: model.d_model() })
    }

    /// Names and variables, in the order of the model file.
    pub fn variables(&self) -> &[(String, Var)] {
        &self.variables
    }

    /// Numbers that are trained.
    pub fn n_parameters(&self) -> usize {
        self.variables.iter().map(|(_, variable)| variable.elem_count()).sum()
    }

    fn get(&self, name: &str) -> &Tensor {
        let found = self.variables.iter().find(|(own, _)| own == name);
        found.expect("a model has every tensor of the file").1.as_tensor()
    }

    /// `[assignments, n_ctx, d_model]`
    pub(super) fn embed(&self, tokens: &[u32]) -> candle_core::Result<Tensor> {
        let assignments = tokens.len() / self.n_ctx;
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let rows = self.get("embed.W_E").index_select(&ids, 0)?;
        rows.reshape((assignments, self.n_ctx, self.d_model))?
            .broadcast_add(self.get("pos_embed.W_pos"))
    }

    /// The stream after one more loop.
    pub(super) fn step(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = (x + self.attend(x)?)?;
        let [w_in, b_in, w_out, b_out] = ["W_in", "b_in", "W_out", "b_out"]
            .map(|name| self.get(&format!("blocks.0.mlp.{name}")));
        let hidden = x.broadcast_matmul(w_in)?.broadcast_add(b_in)?.relu()?;
        x + hidden.broadcast_matmul(w_out)?.broadcast_add(b_out)?
    }

    /// What all heads write, `[assignments, n_ctx, d_model]`.
    fn attend(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (a, n, _) = x.dims3()?;
        let (heads, _, d_head) = self.get("blocks.0.attn.W_Q").dims3()?;
        let x = x.reshape((a, 1, n, self.d_model))?;
        let project = |letter: &str| {
            let bias =
                self.get(&format!("blocks.0.attn.b_{letter}")).reshape((heads, 1, d_head))?;
            let weights = self.get(&format!("blocks.0.attn.W_{letter}"));
            x.broadcast_matmul(&weights.unsqueeze(0)?)?.broadcast_add(&bias)
        };
        let scores = project("Q")?.matmul(&project("K")?.transpose(2, 3)?.contiguous()?)?;
        let read = softmax(&scores)?.matmul(&project("V")?.contiguous()?)?;
        let written = read.broadcast_matmul(&self.get("blocks.0.attn.W_O").unsqueeze(0)?)?;
        written.sum(1)?.broadcast_add(self.get("blocks.0.attn.b_O"))
    }

    /// Logits at the output positions, `[assignments · n_outputs, 2]`.
    pub(super) fn read(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let at_outputs = x.index_select(&self.outputs, 1)?;
        let (assignments, outputs, _) = at_outputs.dims3()?;
        let logits = at_outputs
            .broadcast_matmul(self.get("unembed.W_U"))?
            .broadcast_add(self.get("unembed.b_U"))?;
        logits.reshape((assignments * outputs, 2))
    }

    /// The logits of all assignments of a task after `n_loops` loops.
    pub(super) fn logits(&self, task: &Task, n_loops: usize) -> candle_core::Result<Tensor> {
        let mut x = self.embed(&task.tokens)?;
        for _ in 0..n_loops {
            x = self.step(&x)?;
        }
        self.read(&x)
    }

    /// Output bits that are right, of `2^n · n_outputs`.
    ///
    /// # Errors
    /// candle's.
    pub fn n_right(&self, task: &Task, n_loops: usize) -> Result<usize> {
        let logits = self.logits(task, n_loops).and_then(|l| l.to_vec2::<f64>());
        let logits = logits.map_err(from_candle)?;
        let right = |(logit, &target): (&Vec<f64>, &bool)| {
            (logit[1] > logit[0]) == target && logit.iter().all(|x| x.is_finite())
        };
        Ok(logits.iter().zip(&task.targets).filter(|&pair| right(pair)).count())
    }
}

/// Softmax over the last dimension, in operations that have a backward pass.
fn softmax(scores: &Tensor) -> candle_core::Result<Tensor> {
    let terms = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    terms.broadcast_div(&terms.sum_keepdim(D::Minus1)?)
}

/// Mean cross-entropy of logits `[m, 2]` against classes `[m]`.
pub(super) fn cross_entropy(logits: &Tensor, classes: &Tensor) -> candle_core::Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let normaliser = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let chosen = shifted.gather(&classes.unsqueeze(1)?, 1)?;
    (normaliser - chosen)?.mean_all()?.to_dtype(DType::F64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::INVERSE_TEMPERATURE;
    use crate::family::generate;
    use crate::run::Reference;

    #[test]
    fn the_constructed_weights_do_what_the_reference_engine_does() {
        for (spec, gain) in [("parity:4", COMPILED_GAIN), ("adder:2", 0.5), ("majority:3", 7.0)] {
            let circuit = generate(spec).unwrap();
            let model = soft_model(&circuit, gain, INVERSE_TEMPERATURE).unwrap();
            let task = Task::new(&circuit, &model).unwrap();
            let looped = Looped::new(&model, Start::Construction, 0).unwrap();
            assert_eq!(looped.n_right(&task, model.n_loops).unwrap(), task.targets.len(), "{spec}");
            assert!(looped.n_right(&task, 0).unwrap() < task.targets.len());
            let engine = Reference::new(&model).unwrap();
            let inputs = Batch::counting(circuit.inputs().len(), 0, task.n_assignments);
            let mut x = looped.embed(&task.tokens).unwrap();
            for step in 0..=model.n_loops {
                let streams = x.to_vec3::<f64>().unwrap();
                for (a, expected) in streams.iter().enumerate() {
                    let bits = inputs.column(a);
                    engine
                        .trace(&bits, step, |seen| {
                            if seen.n_steps == step {
                                let rows: Vec<f64> = seen.stream.iter().copied().collect();
                                assert_eq!(rows, expected.concat(), "{spec} {a} {step}");
                            }
                        })
                        .unwrap();
                }
                x = looped.step(&x).unwrap();
            }
        }
    }

    #[test]
    fn starts_follow_from_their_seed() {
        let model = soft_model(&generate("parity:2").unwrap(), 2.0, 256.0).unwrap();
        let numbers = |start, seed| -> Vec<f64> {
            let looped = Looped::new(&model, start, seed).unwrap();
            let tensors = looped.variables().iter();
            tensors.flat_map(|(_, v)| v.flatten_all().unwrap().to_vec1::<f64>().unwrap()).collect()
        };
        assert_eq!(numbers(Start::Random, 3), numbers(Start::Random, 3));
        assert_ne!(numbers(Start::Random, 3), numbers(Start::Random, 4));
        assert_eq!(numbers(Start::Noisy(0.0), 3), numbers(Start::Construction, 4));
    }

    #[test]
    fn what_is_too_large_or_soft_is_refused() {
        let parity = generate("parity:12").unwrap();
        let model = soft_model(&parity, 2.0, 256.0).unwrap();
        assert!(Task::new(&parity, &model).is_err());
        assert!(soft_model(&generate("adder:16").unwrap(), 2.0, 256.0).is_err());
        for gain in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(soft_model(&parity, gain, 256.0).is_err());
        }
    }
}
