//! The enclosure: a forward pass in intervals that hold what every honest runner computes.
//!
//! Honest runners take the literal pass, but differ where sums round: in the order of summation, in accumulators of
//! f32 or wider (f64 for f64), in fused operations, in a bias added before the product is rounded or after, in heads
//! summed in one product or one by one, in the last units of `exp`. Every number here is the least and the greatest
//! that such a runner can hold (`sum`, `softmax`, `layer`); rounding is monotone, so intervals often close again to one
//! number. A bit is decided where the logits' intervals are disjoint. Gradual underflow is assumed, as IEEE 754 has it.
//!
//! Where nothing rounds (the lemma of `resident/exact`, and softmax rows that are one-hot or uniform) every
//! interval is a point, and the pass says so: it is exact. A number that is not finite, or may not be, decides nothing.

use std::ops::Range;

pub use self::interval::Interval;
use self::layer::{Affine, Layer, Pass, Row, Store};
pub use self::softmax::Softmax;
use self::sum::Formats;
use super::decoder::Decoder;
use super::require_inputs;
use super::resident::exact::is_exact_sum;
use crate::batch::Batch;
use crate::error::Result;
use crate::model::{Attention, Model};

mod decoding;
mod interval;
mod layer;
mod softmax;
pub(super) mod sum;

/// What honest runners may do; less is for tests, which then find a runner outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumptions {
    /// Of the error that accumulation is proved to keep within, the part that is taken in.
    pub accumulation: f64,
    /// Units in the last place by which `exp` may be off.
    pub exp_ulps: f64,
    /// Of the error of a rounded difference of scores, the part that is taken in.
    pub rounded_difference: f64,
    /// A bias may be a term of the product, too.
    pub bias_apart: bool,
    /// Heads may be summed one by one, too.
    pub heads_apart: bool,
}

impl Default for Assumptions {
    fn default() -> Self {
        Assumptions {
            accumulation: 1.0,
            exp_ulps: 4.0,
            rounded_difference: 1.0,
            bias_apart: true,
            heads_apart: true,
        }
    }
}

/// What a row of numbers is, in the order in which they are shown: per layer and head the queries, keys and values
/// of each position, then per position its heads' scores, weights and what they read, the stream, the hidden units, the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// `x W_Q + b_Q`
    Queries,
    /// `x W_K + b_K`
    Keys,
    /// `x W_V + b_V`
    Values,
    /// Products of queries and keys.
    Scores,
    /// The softmax of scores.
    Weights,
    /// Values by weights.
    Read,
    /// The residual stream.
    Stream,
    /// `relu(x W_in + b_in)`
    Hidden,
    /// `x W_U + b_U`
    Logits,
}

/// Is shown every row of numbers.
type See<'s> = &'s mut dyn FnMut(Quantity, &[Interval]);

/// What can be said of one bit, over all honest runners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// None where runners may differ, or a number is not finite.
    pub bit: Option<bool>,
    /// By how much the logit leads, in the middle of what runners find; not a number if a number is not finite.
    pub lead: f64,
    /// By how much that may differ.
    pub bound: f64,
}

impl Decision {
    /// Where a number is not finite.
    const LOST: Decision = Decision { bit: None, lead: f64::NAN, bound: f64::INFINITY };

    /// Whether `logits[1]` exceeds `logits[0]`.
    fn new(logits: [Interval; 2]) -> Self {
        let [zero, one] = logits;
        let bit = match () {
            () if one.lo > zero.hi => Some(true),
            () if one.hi <= zero.lo => Some(false),
            () => None,
        };
        let lead = (one.middle() - zero.middle()).abs();
        Decision { bit, lead, bound: one.radius() + zero.radius() }
    }

    /// How far rounding is from deciding.
    fn slack(self) -> f64 {
        self.lead - self.bound
    }
}

/// What every honest runner finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Enclosed {
    /// One for each output.
    pub outputs: Vec<Decision>,
    /// Nothing rounded, in any order.
    pub is_exact: bool,
}

/// The enclosures of one model.
#[derive(Debug)]
pub struct Enclosure<'m> {
    model: &'m Model,
    formats: Formats,
    layers: Vec<Layer>,
    unembedding: Affine,
    /// Of a scheme that goes token by token.
    decoder: Option<Decoder<'m>>,
    /// A number that is not finite is in the file.
    is_lost: bool,
}

impl<'m> Enclosure<'m> {
    /// Prepares a model.
    ///
    /// # Errors
    /// It is a decoder's and the decoder refuses it.
    pub fn new(model: &'m Model) -> Result<Self> {
        Enclosure::with(model, Assumptions::default())
    }

    /// [`Enclosure::new`] for other runners.
    ///
    /// # Errors
    /// As [`Enclosure::new`].
    pub fn with(model: &'m Model, assumed: Assumptions) -> Result<Self> {
        let decoder = if model.scheme.is_parallel() { None } else { Some(Decoder::new(model)?) };
        let mut is_lost = false;
        model.for_each_tensor(|_, _, numbers| {
            is_lost |= !numbers.iter().all(|x| x.is_finite());
            Ok(())
        })?;
        Ok(Enclosure {
            model,
            formats: Formats::new(model.dtype, assumed),
            layers: model.blocks.iter().map(Layer::new).collect(),
            unembedding: Affine::new(model.w_u.view(), model.b_u.view()),
            decoder,
            is_lost,
        })
    }

    /// What every honest runner finds for one assignment.
    ///
    /// # Errors
    /// `inputs` is not one bit per input, or `n_loops` asks a decoder for more positions than there are.
    pub fn run(&self, inputs: &[bool], n_loops: usize, softmax: Softmax) -> Result<Enclosed> {
        self.trace(inputs, n_loops, softmax, &mut |_, _| {})
    }

    /// [`Enclosure::run`], showing `see` every row of numbers on the way.
    ///
    /// # Errors
    /// As [`Enclosure::run`].
    pub fn trace(
        &self,
        inputs: &[bool],
        n_loops: usize,
        softmax: Softmax,
        see: &mut dyn FnMut(Quantity, &[Interval]),
    ) -> Result<Enclosed> {
        require_inputs(self.model, &Batch::zeros(inputs.len(), 0))?;
        let mut pass = Pass { formats: self.formats, softmax, is_exact: true };
        let found = match &self.decoder {
            _ if self.is_lost => None,
            Some(decoder) => self.decode(decoder, inputs, n_loops, &mut pass, see)?,
            None => self.whole(inputs, n_loops, &mut pass, see),
        };
        let lost = || vec![Decision::LOST; self.model.output_positions.len()];
        let is_exact = pass.is_exact && found.is_some();
        Ok(Enclosed { outputs: found.unwrap_or_else(lost), is_exact })
    }

    /// The whole sequence at once.
    fn whole(
        &self,
        inputs: &[bool],
        n_loops: usize,
        pass: &mut Pass,
        see: See,
    ) -> Option<Vec<Decision>> {
        let mut rows = self.start(inputs, pass)?;
        rows.iter().for_each(|row| see(Quantity::Stream, row));
        let model = self.model;
        let (prelude, core) = (model.n_prelude, model.n_prelude + model.n_layers());
        self.apply(0..prelude, &mut rows, pass, see)?;
        for _ in 0..n_loops {
            let before = rows.clone();
            self.apply(prelude..core, &mut rows, pass, see)?;
            // Further loops would change nothing either.
            if rows == before {
                break;
            }
        }
        self.apply(core..model.blocks.len(), &mut rows, pass, see)?;
        self.read(&rows, pass, see)
    }

    /// What every honest runner finds that stops after the first loop, or before it, after which `channel` holds
    /// more than a half at all outputs, or after `n_loops`; none where runners may differ in that.
    ///
    /// # Errors
    /// As [`Enclosure::run`], or the model has a prelude or a coda, or is a decoder's.
    pub fn run_until_halted(
        &self,
        inputs: &[bool],
        n_loops: usize,
        channel: usize,
    ) -> Result<Option<Vec<Decision>>> {
        self.model.require_parallel()?;
        self.model.require_core_only()?;
        require_inputs(self.model, &Batch::zeros(inputs.len(), 0))?;
        let mut pass = Pass { formats: self.formats, softmax: Softmax::Either, is_exact: true };
        if self.is_lost {
            Ok(None)
        } else {
            Ok(self.until_halted(inputs, n_loops, channel, &mut pass))
        }
    }

    fn until_halted(
        &self,
        inputs: &[bool],
        n_loops: usize,
        channel: usize,
        pass: &mut Pass,
    ) -> Option<Vec<Decision>> {
        let see: See = &mut |_, _| {};
        let mut rows = self.start(inputs, pass)?;
        for r in 0..=n_loops {
            let known = self.model.output_positions.iter().map(|&p| rows[p][channel]);
            let (stops, goes_on) =
                (known.clone().all(|x| x.lo > 0.5), known.clone().any(|x| x.hi <= 0.5));
            match stops || r == n_loops {
                _ if !stops && !goes_on => return None,
                true => return self.read(&rows, pass, see),
                false => self.apply(0..self.layers.len(), &mut rows, pass, see)?,
            }
        }
        None
    }

    fn read(&self, rows: &[Row], pass: &mut Pass, see: See) -> Option<Vec<Decision>> {
        let mut read = |&position: &usize| {
            let logits = self.unembedding.apply(&rows[position], pass)?;
            see(Quantity::Logits, &logits);
            Some(Decision::new([logits[0], logits[1]]))
        };
        self.model.output_positions.iter().map(&mut read).collect()
    }

    fn apply(
        &self,
        layers: Range<usize>,
        rows: &mut Vec<Row>,
        pass: &mut Pass,
        see: See,
    ) -> Option<()> {
        let n = rows.len();
        let causal = self.model.attention == Attention::Causal;
        let n_visible = |i: usize| if causal { i + 1 } else { n };
        for layer in &self.layers[layers] {
            let mut stores: Vec<Store> = layer.stores();
            *rows = layer.apply(rows, &mut stores, &n_visible, pass, see)?;
        }
        Some(())
    }

    fn start(&self, inputs: &[bool], pass: &mut Pass) -> Option<Vec<Row>> {
        let mut tokens = vec![Model::BLANK; self.model.n_ctx()];
        for (&position, &bit) in self.model.input_positions.iter().zip(inputs) {
            tokens[position] = usize::from(bit);
        }
        let row = |(position, &token): (usize, &usize)| self.embed(token, position, pass);
        tokens.iter().enumerate().map(row).collect()
    }

    /// `W_E[token] + W_pos`
    fn embed(&self, token: usize, position: usize, pass: &mut Pass) -> Option<Row> {
        let token: Row = self.model.w_e.row(token).iter().map(|&x| Interval::point(x)).collect();
        self.place(&token, position, pass)
    }

    /// A token's embedding or a thought, and `W_pos`.
    fn place(&self, row: &[Interval], position: usize, pass: &mut Pass) -> Option<Row> {
        let dtype = self.formats.dtype;
        let add = |(&x, &at): (&Interval, &f64)| {
            pass.is_exact &= x.is_point() && is_exact_sum(dtype, x.lo, at);
            x.add(Interval::point(at), dtype).finite()
        };
        row.iter().zip(self.model.w_pos.row(position)).map(add).collect()
    }
}
