//! Layers: a plan as buffers on a device, and states of assignments that go through it.
//!
//! A state is a matrix of numbers, a row per kept channel of a position, a lane per assignment, lanes
//! innermost. There are two: a layer reads one and writes the other.

use super::device::{Bindings, Device, MAX_ITERATIONS, Step};
use super::{put_words, refuse, word_at};
use crate::batch::Batch;
use crate::error::Result;
use crate::run::resident::{ResidentPlan, Sweep};

/// The words of a state that are aimed at: enough to keep a device busy, little enough for its caches.
const STATE_WORDS: usize = 1 << 23;

/// What stands for the input of a number that does not depend on one.
const NO_INPUT: u32 = u32::MAX;

/// A plan on a device.
#[derive(Debug)]
pub(super) struct Layers {
    n_rows: usize,
    n_inputs: usize,
    n_outputs: usize,
    /// The most lanes that a state can have.
    max_lanes: usize,
    start: wgpu::Buffer,
    layers: Vec<LayerBuffers>,
    outputs: wgpu::Buffer,
    terms: wgpu::Buffer,
}

/// The buffers of a layer, as `sweep.wgsl` reads them: programs, numbers, cells, sources.
#[derive(Debug)]
struct LayerBuffers([wgpu::Buffer; 4]);

impl Layers {
    /// # Errors
    /// The plan is too large for the device or has numbers that the device may change.
    pub(super) fn new(device: &Device, plan: &ResidentPlan<f32>, n_inputs: usize) -> Result<Self> {
        let n_rows = plan.start.len();
        // Checked here, so that the word that one lane needs of every row is there.
        let max_lanes = device.max_words() / n_rows.max(1);
        if max_lanes == 0 {
            let expected = format!("at most {} numbers that vary", device.max_words());
            return refuse(expected, n_rows.to_string());
        }
        let (outputs, terms) = read_outs(plan)?;
        let layers = plan.sweeps.iter().map(|sweep| LayerBuffers::new(device, sweep));
        Ok(Layers {
            n_rows,
            n_inputs,
            n_outputs: plan.outputs.len(),
            max_lanes,
            start: device.upload(&start(plan)?)?,
            layers: layers.collect::<Result<_>>()?,
            outputs: device.upload(&outputs)?,
            terms: device.upload(&terms)?,
        })
    }

    /// The lanes, a power of 2, that suit so many assignments.
    pub(super) fn fitting_lanes(&self, n_assignments: usize) -> usize {
        let aimed_at = (STATE_WORDS / self.n_rows.max(1)).max(1);
        let most = aimed_at.min(self.max_lanes);
        n_assignments.clamp(1, STATE_WORDS).next_power_of_two().min(1 << most.ilog2())
    }
}

/// Per row the input that sets it, and its numbers where that is 0 and 1.
fn start(plan: &ResidentPlan<f32>) -> Result<Vec<u32>> {
    let mut words = Vec::with_capacity(3 * plan.start.len());
    for &x in &plan.start {
        words.extend([NO_INPUT, normal(x)?, normal(x)?]);
    }
    for row in &plan.inputs {
        let [zero, one] = row.values;
        let to = &mut words[3 * row.row..][..3];
        to.copy_from_slice(&[row.input as u32, normal(zero)?, normal(one)?]);
    }
    Ok(words)
}

/// The bits of a number that no device flushes to 0.
fn normal(x: f32) -> Result<u32> {
    if x == 0.0 || x.is_normal() {
        Ok(x.to_bits())
    } else {
        refuse("states that are 0 or normal numbers of f32", format!("{x:e}"))
    }
}

/// The read-outs and their terms, as `read.wgsl` reads them.
fn read_outs(plan: &ResidentPlan<f32>) -> Result<(Vec<u32>, Vec<u32>)> {
    let (mut outputs, mut terms) = (Vec::new(), Vec::new());
    for read_out in &plan.outputs {
        require_short("logits", 32 * (1 + read_out.terms.len()))?;
        let [first, n] = [terms.len() / 2, read_out.terms.len()].map(|n| n as u32);
        outputs.extend([read_out.constant.to_bits(), first, n]);
        terms.extend(read_out.terms.iter().flat_map(|&(row, w)| [row as u32, w.to_bits()]));
    }
    Ok((outputs, terms))
}

/// An error unless an invocation's loops are short enough for every device.
fn require_short(what: &str, n_iterations: usize) -> Result<()> {
    if n_iterations <= MAX_ITERATIONS {
        Ok(())
    } else {
        refuse(format!("{what} of at most {MAX_ITERATIONS} steps"), n_iterations.to_string())
    }
}

/// A layer as words.
struct LayerWords {
    programs: Vec<u32>,
    numbers: Vec<u32>,
    cells: Vec<u32>,
}

impl LayerWords {
    fn new(sweep: &Sweep<f32>) -> Result<Self> {
        let mut words = LayerWords { programs: Vec::new(), numbers: Vec::new(), cells: Vec::new() };
        for program in &sweep.programs {
            let n = program.n_variables;
            let n_units = program.units.len() / (n + 2);
            require_short("cells", (1 + n) * (1 + n_units))?;
            words.programs.extend([n, n_units, words.numbers.len()].map(|x| x as u32));
            words.numbers.push(program.constant.to_bits());
            let weights = program.weights.iter().copied().chain(std::iter::repeat(0.0));
            words.numbers.extend(weights.take(n).map(f32::to_bits));
            words.numbers.extend(program.units.iter().map(|x| x.to_bits()));
        }
        for run in &sweep.cells.runs {
            let n = sweep.programs[run.program].n_variables;
            for (i, &row) in sweep.cells.destinations[run.cells.clone()].iter().enumerate() {
                let first_source = (run.first_source + i * n) as u32;
                words.cells.extend([run.program as u32, first_source, row]);
            }
        }
        Ok(words)
    }
}

impl LayerBuffers {
    fn new(device: &Device, sweep: &Sweep<f32>) -> Result<Self> {
        let words = LayerWords::new(sweep)?;
        Ok(LayerBuffers([
            device.upload(&words.programs)?,
            device.upload(&words.numbers)?,
            device.upload(&words.cells)?,
            device.upload(&sweep.cells.sources)?,
        ]))
    }
}

/// Two states of some assignments, and what carries the one into the other.
#[derive(Debug)]
pub(super) struct Lanes {
    shift: u32,
    /// Words of 32 assignments.
    words: usize,
    n_rows: usize,
    n_outputs: usize,
    input_bits: wgpu::Buffer,
    output_bits: wgpu::Buffer,
    states: [wgpu::Buffer; 2],
    /// Which state is the present one.
    now: usize,
    fill: [Bindings; 2],
    /// Per layer, by the state that it reads.
    sweeps: Vec<[Bindings; 2]>,
    read: [Bindings; 2],
}

impl Lanes {
    /// States of `n_lanes` lanes, a power of 2.
    ///
    /// # Errors
    /// The device cannot hold them.
    pub(super) fn new(device: &Device, layers: &Layers, n_lanes: usize) -> Result<Self> {
        let shift = n_lanes.ilog2();
        let words = n_lanes.div_ceil(32);
        let state = || device.zeros(layers.n_rows << shift);
        let states = [state()?, state()?];
        let input_bits = device.zeros(layers.n_inputs * words)?;
        let output_bits = device.zeros(layers.n_outputs * words)?;
        let parameters =
            |n_items: usize| device.parameters(&[[n_items as u32, shift, words as u32, 0]]);
        let of_rows = parameters(layers.n_rows)?;
        let of_outputs = parameters(layers.n_outputs * words)?;
        let [a, b] = &states;
        let fill =
            |state| device.bind(&device.fill, &of_rows, &[&layers.start, &input_bits, state]);
        let sweep = |layer: &LayerBuffers, now, next| {
            let [programs, numbers, cells, sources] = &layer.0;
            let buffers = [programs, numbers, cells, sources, now, next];
            device.bind(&device.sweep, &of_rows, &buffers)
        };
        let read = |state| {
            let buffers = [&layers.outputs, &layers.terms, state, &output_bits];
            device.bind(&device.read, &of_outputs, &buffers)
        };
        Ok(Lanes {
            shift,
            words,
            n_rows: layers.n_rows,
            n_outputs: layers.n_outputs,
            fill: [fill(a), fill(b)],
            sweeps: layers.layers.iter().map(|l| [sweep(l, a, b), sweep(l, b, a)]).collect(),
            read: [read(a), read(b)],
            input_bits,
            output_bits,
            states,
            now: 0,
        })
    }

    /// The number of lanes.
    pub(super) fn len(&self) -> usize {
        1 << self.shift
    }

    fn n_numbers(&self) -> u64 {
        (self.n_rows << self.shift) as u64
    }

    /// Sets the present state to that before the first layer, for the assignments from `first` on.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn fill(&self, device: &Device, inputs: &Batch, first: usize) -> Result<()> {
        let row = |input| {
            let row = inputs.words(input);
            (0..self.words).map(move |w| word_at(row, first + 32 * w))
        };
        let bits: Vec<u32> = (0..inputs.n_signals()).flat_map(row).collect();
        device.write(&self.input_bits, 0, &bits);
        let bindings = &self.fill[self.now];
        let n_invocations = self.n_numbers();
        device.execute(
            [Step { kernel: &device.fill, bindings, parameters: 0, n_invocations }].into_iter(),
        )
    }

    /// Applies the layers of the given numbers, in order.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn apply(
        &mut self,
        device: &Device,
        layers: impl Iterator<Item = usize>,
    ) -> Result<()> {
        let n_invocations = self.n_numbers();
        let mut now = self.now;
        let sweeps = &self.sweeps;
        let steps = layers.map(|layer| {
            let bindings = &sweeps[layer][now];
            now ^= 1;
            Step { kernel: &device.sweep, bindings, parameters: 0, n_invocations }
        });
        device.execute(steps)?;
        self.now = now;
        Ok(())
    }

    /// Writes the outputs' bits to the assignments from `first` on.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn read(&self, device: &Device, first: usize, outputs: &mut Batch) -> Result<()> {
        let n_words = self.n_outputs * self.words;
        let step = Step {
            kernel: &device.read,
            bindings: &self.read[self.now],
            parameters: 0,
            n_invocations: n_words as u64,
        };
        device.execute([step].into_iter())?;
        let bits = device.download(&self.output_bits, [(0, n_words)].into_iter())?;
        for (o, row) in bits.chunks(self.words).enumerate() {
            put_words(outputs.words_mut(o), first, row);
        }
        Ok(())
    }

    /// The numbers of the present state, row by row.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn numbers(&self, device: &Device) -> Result<Vec<f32>> {
        let n = self.n_rows << self.shift;
        let words = device.download(&self.states[self.now], [(0, n)].into_iter())?;
        Ok(words.into_iter().map(f32::from_bits).collect())
    }
}
