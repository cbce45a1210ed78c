//! Receptive fields: the inputs that each output of a model can depend on, from its weights alone.
//!
//! A position's state after a layer is a function of its own state before it and of the states that its
//! heads read. Where a softmax row is one-hot in the model's arithmetic whatever the input (`attention`),
//! a head reads its target only; elsewhere, where queries or keys depend on the input or no score leads by
//! enough, it may read every position that the mask lets through. So the field of an output is what a walk
//! backwards through the layers meets: an upper bound, that paths through zero weights, constant gates and
//! the like do not lower. With `H` heads and one-hot rows it has at most `(H + 1)^T` inputs after `T`
//! layers. Nothing else is assumed of the model, but that no number overflows: `0 · x` is 0 for finite `x`.

use std::ops::Range;

use super::attention::{self, Rows};
use super::exact::Arithmetic;
use super::frame::{self, Frame};
use crate::model::{Attention, Model};

/// What an output can depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// Numbers of inputs, ascending.
    pub inputs: Vec<usize>,
    /// Why no bound by the number of heads and layers holds: a row on the way that is not known to be
    /// one-hot, so that the head may read everything it sees. None if all rows on the way are one-hot.
    pub unbounded: Option<String>,
}

/// The receptive field of every output after the model's loops; see the module's head.
pub fn receptive_fields(model: &Model) -> Vec<Field> {
    let wiring = Wiring::new(model);
    let mut input_at = vec![None; model.n_ctx()];
    model.input_positions.iter().enumerate().for_each(|(i, &p)| input_at[p] = Some(i));
    let field = |&output: &usize| {
        let (positions, unbounded) = wiring.walk(output);
        let mut inputs: Vec<usize> = positions.iter().filter_map(|&p| input_at[p]).collect();
        inputs.sort_unstable();
        Field { inputs, unbounded }
    };
    model.output_positions.iter().map(field).collect()
}

/// What every head of every position may read.
struct Wiring<'m> {
    model: &'m Model,
    /// Per distinct layer and head.
    layers: Vec<Vec<Rows>>,
    /// The distinct layer that each layer is equal to.
    kind: Vec<usize>,
}

impl<'m> Wiring<'m> {
    fn new(model: &'m Model) -> Self {
        let (layers, kind) = Self::read(model).unwrap_or_else(|reason| {
            let rows = || Rows::Unsettled(reason.clone());
            (vec![(0..model.n_heads()).map(|_| rows()).collect()], vec![0; model.blocks.len()])
        });
        Wiring { model, layers, kind }
    }

    /// The rows of the distinct layers, or why none can be read.
    fn read(model: &Model) -> Result<(Vec<Vec<Rows>>, Vec<usize>), String> {
        let place = |failure: super::Failure| failure.place;
        model.require_fixed_steps().map_err(|error| error.to_string())?;
        frame::require_finite(model).map_err(place)?;
        let layers = frame::distinct_layers(model).map_err(place)?;
        let mut arithmetic = Arithmetic::new(model.dtype);
        let frame = Frame::without_states(model, &layers, &mut arithmetic).map_err(place)?;
        let rows = |&layer| attention::find_rows(&frame, layer, layers.len(), &mut arithmetic);
        let rows = layers.iter().map(rows).collect();
        Ok((rows, frame::kinds(model, &layers)))
    }

    /// The positions that `output` depends on after all layers, and the first row met that is not known to
    /// be one-hot.
    ///
    /// Goes from the last layer to the first. A position once met is met by all earlier layers too, since a
    /// position keeps its own state, so each is expanded once per distinct layer.
    fn walk(&self, output: usize) -> (Vec<usize>, Option<String>) {
        let mut walk = Walk {
            is_met: vec![false; self.model.n_ctx()],
            met: Vec::new(),
            everything_below: 0,
            unbounded: None,
        };
        walk.meet(output);
        let mut expanded = vec![0; self.layers.len()];
        let mut apply = |blocks: Range<usize>, walk: &mut Walk| {
            for kind in blocks.rev().map(|l| self.kind[l]) {
                let end = walk.met.len();
                for next in expanded[kind]..end {
                    self.expand(&self.layers[kind], walk.met[next], walk);
                }
                expanded[kind] = end;
            }
        };
        let schedule = self.model.schedule();
        let core = schedule.n_prelude..schedule.n_prelude + schedule.n_layers;
        apply(core.end..schedule.n_blocks(), &mut walk);
        for _ in 0..schedule.n_loops {
            let before = walk.met.len();
            apply(core.clone(), &mut walk);
            // A loop that met nothing new: no other one will.
            if walk.met.len() == before {
                break;
            }
        }
        apply(0..core.start, &mut walk);
        (walk.met, walk.unbounded)
    }

    /// Meets what the heads of a layer may read at `position`.
    fn expand(&self, heads: &[Rows], position: usize, walk: &mut Walk) {
        for rows in heads {
            let (target, reason) = match rows {
                Rows::Settled(targets, reason) => (targets[position], reason.as_ref()),
                Rows::Unsettled(reason) => (None, Some(reason)),
            };
            match target {
                Some(target) => walk.meet(target as usize),
                None => {
                    walk.unbounded = walk.unbounded.take().or_else(|| reason.cloned());
                    walk.meet_below(match self.model.attention {
                        Attention::Bidirectional => self.model.n_ctx(),
                        Attention::Causal => position + 1,
                    });
                }
            }
        }
    }
}

/// Positions met on the way backwards, in the order of meeting.
struct Walk {
    is_met: Vec<bool>,
    met: Vec<usize>,
    /// All positions below it have been met at once.
    everything_below: usize,
    unbounded: Option<String>,
}

impl Walk {
    fn meet(&mut self, position: usize) {
        if !std::mem::replace(&mut self.is_met[position], true) {
            self.met.push(position);
        }
    }

    fn meet_below(&mut self, end: usize) {
        (self.everything_below..end).for_each(|position| self.meet(position));
        self.everything_below = self.everything_below.max(end);
    }
}
