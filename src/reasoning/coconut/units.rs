//! The MLPs of a continuous-thought decoder, hidden unit by hidden unit.
//!
//! A unit that belongs to thought `r` has `Σ c_j step_j - m` among what it reads, `c` being the code of `r` and `m` its
//! length: that is 0 at thought `r`, at most `-4` at every other, and `-m ≤ -2` where there is no step code; since without
//! it a unit reads at most 1, it is 0 anywhere else. With all slots 0 or 1:
//!
//! - a *minterm* `relu(Σ literals - (k - 1))`, a literal being `x` or `1 - x`, is 1 for one row of the operands and else 0;
//!   a gate is the sum of the rows where it is 1, or 1 less those where it is 0, whichever are fewer, the 1 being the
//! - *pulse* `relu(1)` of its thought;
//! - *clearing* `relu(x)` of a slot, subtracted, leaves 0 for the value to come;
//! - *absence* `relu(1 - K w)` is 1 where `w`, what was gathered, is 0, and 0 where it is `1/K` or more.

use ndarray::ArrayViewMut1;

use super::channels::Channels;
use super::slots::{Slots, Write};
use crate::layout::Span;
use crate::model::Block;
use crate::network::Network;

/// A hidden unit: `relu(Σ weight · channel + bias)`, and what it writes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    pub reads: Vec<(usize, f64)>,
    pub bias: f64,
    pub writes: Vec<(usize, f64)>,
}

impl Unit {
    fn new(bias: f64) -> Self {
        Unit { reads: Vec::new(), bias, writes: Vec::new() }
    }

    fn reading(mut self, channel: usize, weight: f64) -> Self {
        self.reads.push((channel, weight));
        self
    }

    fn writing(mut self, channel: usize, weight: f64) -> Self {
        self.writes.push((channel, weight));
        self
    }

    /// Made 0 but where the channels of `span` hold this code.
    fn only_at(mut self, span: Span, code: u32) -> Self {
        let sign = |j: usize| if code >> j & 1 == 1 { 1.0 } else { -1.0 };
        self.reads.extend(span.range().enumerate().map(|(j, channel)| (channel, sign(j))));
        self.bias -= span.range().len() as f64;
        self
    }

    /// Sets the unit's numbers in a block.
    pub fn write_to(&self, block: &mut Block, unit: usize) {
        let add = |mut numbers: ArrayViewMut1<f64>, entries: &[(usize, f64)]| {
            entries.iter().for_each(|&(channel, weight)| numbers[channel] += weight);
        };
        add(block.w_in.column_mut(unit), &self.reads);
        add(block.w_out.row_mut(unit), &self.writes);
        block.b_in[unit] = self.bias;
    }
}

/// What an output is, once the circuit is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Constant(bool),
    Slot(usize),
}

/// The units of all layers.
#[derive(Debug)]
pub(super) struct Units {
    channels: Channels,
    step_codes: Vec<u32>,
    pub layers: Vec<Vec<Unit>>,
    /// Added to the stream by the last layer.
    pub last_bias: Vec<(usize, f64)>,
}

impl Units {
    pub fn new(channels: Channels, n_layers: usize, n_steps: usize) -> Self {
        Units {
            channels,
            step_codes: channels.steps.first(n_steps),
            layers: vec![Vec::new(); n_layers],
            last_bias: Vec::new(),
        }
    }

    fn at_step(&self, unit: Unit, step: usize) -> Unit {
        unit.only_at(self.channels.step, self.step_codes[step])
    }

    /// In the first layer of step 0: slot `i` becomes 1 where `gather[i]` is not 0; gathered weights are cleared.
    pub fn digitise(&mut self, gain: f64) {
        let channels = self.channels;
        let mut pulse = self.at_step(Unit::new(1.0), 0);
        for i in 0..channels.gather.range().len() {
            let absence = Unit::new(1.0).reading(channels.gather.at(i), -gain);
            let absence = self.at_step(absence, 0).writing(channels.slot.at(i), -1.0);
            let clearing = Unit::new(0.0).reading(channels.gather.at(i), 1.0);
            self.layers[0].extend([absence, clearing.writing(channels.gather.at(i), -1.0)]);
            pulse = pulse.writing(channels.slot.at(i), 1.0);
        }
        self.layers[0].push(pulse);
    }

    /// The gates of one level, in a layer of a step.
    pub fn compute(
        &mut self,
        network: &Network,
        slots: &Slots,
        writes: &[Write],
        layer: usize,
        step: usize,
    ) {
        let channels = self.channels;
        let mut pulse = self.at_step(Unit::new(1.0), step);
        for write in writes {
            let target = channels.slot.at(write.slot);
            if write.is_used {
                let clearing = Unit::new(0.0).reading(target, 1.0).writing(target, -1.0);
                let clearing = self.at_step(clearing, step);
                self.layers[layer].push(clearing);
            }
            let operands = distinct(network.operands(write.node));
            let rows = rows(network, write.node, &operands);
            let few = 2 * rows.iter().filter(|&&value| value).count() <= rows.len();
            for row in (0..rows.len()).filter(|&row| rows[row] == few) {
                let minterm = minterm(channels, slots, &operands, row);
                let minterm = self.at_step(minterm, step);
                self.layers[layer].push(minterm.writing(target, if few { 1.0 } else { -1.0 }));
            }
            if !few {
                pulse = pulse.writing(target, 1.0);
            }
        }
        if !pulse.writes.is_empty() {
            self.layers[layer].push(pulse);
        }
    }

    /// In the first layer: `answer` becomes the output whose code is in `select`.
    pub fn answer(&mut self, sources: &[Source]) {
        let channels = self.channels;
        for (&source, code) in sources.iter().zip(channels.outputs.first(sources.len())) {
            let unit = match source {
                Source::Constant(false) => continue,
                Source::Constant(true) => Unit::new(1.0),
                Source::Slot(slot) => Unit::new(0.0).reading(channels.slot.at(slot), 1.0),
            };
            let unit = unit.only_at(channels.select, code);
            self.layers[0].push(unit.writing(channels.answer, 1.0));
        }
    }

    /// In the last layer: `step` and `ask` become 0, so that the next position's embedding can be added.
    pub fn erase(&mut self) {
        let channels = self.channels;
        let Some(last) = self.layers.last_mut() else { return };
        for step in channels.step.range() {
            last.push(Unit::new(1.0).reading(step, 1.0).writing(step, -1.0));
            self.last_bias.push((step, 1.0));
        }
        let ask = channels.ask;
        last.push(Unit::new(0.0).reading(ask, 1.0).writing(ask, -1.0));
    }

    /// Hidden units that every layer has.
    pub fn d_mlp(&self) -> usize {
        self.layers.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// 1 where the operands are those of `row`, else 0.
fn minterm(channels: Channels, slots: &Slots, operands: &[u32], row: usize) -> Unit {
    let mut unit = Unit::new(1.0 - operands.len() as f64);
    for (h, &operand) in operands.iter().enumerate() {
        let slot = slots.slot[operand as usize].expect("constants are folded and operands live");
        let is_set = row >> h & 1 == 1;
        unit = unit.reading(channels.slot.at(slot), if is_set { 1.0 } else { -1.0 });
        unit.bias += if is_set { 0.0 } else { 1.0 };
    }
    unit
}

/// The operands, each once.
fn distinct(operands: &[u32]) -> Vec<u32> {
    let mut found = Vec::with_capacity(operands.len());
    for &operand in operands {
        if !found.contains(&operand) {
            found.push(operand);
        }
    }
    found
}

/// The gate's values over its distinct operands.
fn rows(network: &Network, gate: usize, distinct: &[u32]) -> Vec<bool> {
    let place = |p: &u32| distinct.iter().position(|d| d == p).expect("it is among them");
    let places: Vec<usize> = network.operands(gate).iter().map(place).collect();
    let full = |row: usize| places.iter().enumerate().map(|(h, &i)| (row >> i & 1) << h).sum();
    (0..1usize << distinct.len()).map(|row| network.value(gate, full(row))).collect()
}
