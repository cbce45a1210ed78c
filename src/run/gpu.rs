//! The resident engine and the oracle as compute shaders, on any device that wgpu knows.
//!
//! In goes a model, partially evaluated by [`Resident`](super::Resident) with all its premises checked, and
//! planned in f32; a device then carries out what is left of each layer, an invocation per number and
//! assignment, a dispatch per layer. The shaders (`*.wgsl`) are the kernel's arithmetic.
//!
//! Invariant: after every layer of every loop each number is what the resident engine computes. Reason: it
//! was checked on the weights that every term of every sum is a multiple of one power of 2 that is a normal
//! number of f32, and that magnitudes add up to at most 2^23 of it (`resident::exact`), so no operation
//! rounds, in any order, fused or not, and none meets a subnormal number, which devices may flush. A model
//! of another dtype, f64 included, runs if its plan passes the same check in f32, and is refused if not.

use std::sync::{Mutex, PoisonError};

use ndarray::Array2;

pub use self::adapter::{Adapter, adapters};
pub use self::device::Device;
use self::layers::{Lanes, Layers};
use self::luts::Luts;
use super::{Engine, LutDevice, Pace, Resident, RunLuts, Step, require_inputs};
use crate::batch::{Batch, LutProgram};
use crate::error::{Error, Result};
use crate::model::{Dtype, Model};

mod adapter;
mod device;
mod layers;
mod luts;

/// A compute shader with its entry point `main`.
#[derive(Debug, Clone, Copy)]
struct Shader {
    name: &'static str,
    text: &'static str,
    /// Buffers that it reads, between its parameters and the one that it writes.
    n_read: u32,
}

const SHADERS: [Shader; 4] = [
    Shader { name: "fill", text: include_str!("gpu/fill.wgsl"), n_read: 2 },
    Shader { name: "sweep", text: include_str!("gpu/sweep.wgsl"), n_read: 5 },
    Shader { name: "read", text: include_str!("gpu/read.wgsl"), n_read: 3 },
    Shader { name: "level", text: include_str!("gpu/level.wgsl"), n_read: 1 },
];

/// The engine for one model on one device.
#[derive(Debug)]
pub struct Gpu<'m> {
    device: Device,
    name: String,
    model: &'m Model,
    resident: Resident<'m>,
    layers: Layers,
    /// The states of the last run, for another one of as many assignments.
    lanes: Mutex<Option<Lanes>>,
}

impl<'m> Gpu<'m> {
    /// Prepares a model on the preferred device.
    ///
    /// # Errors
    /// There is no device, a premise of partial evaluation fails, the plan is not exact in f32, or the
    /// device cannot hold it.
    pub fn new(model: &'m Model) -> Result<Self> {
        Self::on(Device::open()?, model)
    }

    /// Prepares a model on a device.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn on(device: Device, model: &'m Model) -> Result<Self> {
        let resident = Resident::computed_in(Dtype::F32, model, &[])?;
        let plan = resident.plan_in_f32().expect("it was asked to compute in f32");
        let layers = Layers::new(&device, plan, model.input_positions.len())?;
        let name = format!("gpu on {}", device.adapter());
        Ok(Gpu { device, name, model, resident, layers, lanes: Mutex::new(None) })
    }

    /// Runs one assignment and shows `observe` the number of layers applied and the stream, `[n_ctx, d_model]`,
    /// before the first layer and after each.
    ///
    /// # Errors
    /// `inputs` is not one bit per input, or the device failed.
    pub fn trace(
        &self,
        inputs: &[bool],
        n_loops: usize,
        mut observe: impl FnMut(usize, &Array2<f64>),
    ) -> Result<()> {
        let inputs = Batch::from_columns(inputs.len(), &[inputs.to_vec()])?;
        require_inputs(self.model, &inputs)?;
        let mut lanes = Lanes::new(&self.device, &self.layers, 1)?;
        lanes.fill(&self.device, &inputs, 0)?;
        observe(0, &self.resident.stream(&lanes.numbers(&self.device)?));
        for (layer, n_steps) in self.resident.schedule(n_loops).zip(1..) {
            lanes.apply(&self.device, [layer].into_iter())?;
            observe(n_steps, &self.resident.stream(&lanes.numbers(&self.device)?));
        }
        Ok(())
    }
}

impl Engine for Gpu<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &Model {
        self.model
    }

    fn is_exact(&self) -> bool {
        self.resident.is_exact()
    }

    fn pace(&self) -> Pace {
        Pace::Lookups
    }

    fn run(&self, inputs: &Batch, n_loops: usize) -> Result<Batch> {
        require_inputs(self.model, inputs)?;
        let n = inputs.n_assignments();
        let mut outputs = Batch::zeros(self.model.output_positions.len(), n);
        let n_lanes = self.layers.fitting_lanes(n);
        // Calls from several threads take turns: they share the states.
        let mut kept = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lanes = match kept.take() {
            Some(lanes) if lanes.len() == n_lanes => lanes,
            _ => Lanes::new(&self.device, &self.layers, n_lanes)?,
        };
        for first in (0..n).step_by(n_lanes) {
            lanes.fill(&self.device, inputs, first)?;
            lanes.apply(&self.device, self.resident.schedule(n_loops))?;
            lanes.read(&self.device, first, &mut outputs)?;
        }
        *kept = Some(lanes);
        Ok(outputs)
    }

    fn block(&self) -> usize {
        self.layers.fitting_lanes(usize::MAX).next_multiple_of(64)
    }

    fn device(&self) -> Option<&dyn LutDevice> {
        Some(&self.device)
    }

    fn trace(&self, inputs: &[bool], n_loops: usize, see: &mut dyn FnMut(Step)) -> Result<()> {
        Gpu::trace(self, inputs, n_loops, |n_steps, stream| {
            see(Step::read(self.model, n_steps, stream.clone()));
        })
    }
}

impl LutDevice for Device {
    fn load<'d>(&'d self, program: &LutProgram) -> Result<Box<dyn RunLuts + 'd>> {
        Ok(Box::new(Luts::new(self, program)?))
    }
}

/// Up to 32 bits of a row of a batch, from assignment `first` on, that do not cross a word.
fn word_at(row: &[u64], first: usize) -> u32 {
    row.get(first / 64).map_or(0, |word| (word >> (first % 64)) as u32)
}

/// Adds words of bits to a row that is 0 there, from assignment `first` on; those beyond the row are dropped.
fn put_words(row: &mut [u64], first: usize, words: &[u32]) {
    for (at, &word) in (first..).step_by(32).zip(words) {
        if let Some(to) = row.get_mut(at / 64) {
            *to |= u64::from(word) << (at % 64);
        }
    }
}

/// A premise of the shaders that does not hold.
fn refuse<T>(expected: impl Into<String>, found: impl Into<String>) -> Result<T> {
    Err(Error::new(expected, found).hint("the shaders need it; --engine resident does not"))
}

#[cfg(test)]
mod tests {
    use wgpu::naga::front::wgsl;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;

    /// Without any driver: the shaders are valid and need nothing that a device may lack.
    #[test]
    fn the_shaders_are_valid() {
        let validate = |text: &str| {
            let module = wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
            Validator::new(ValidationFlags::all(), Capabilities::empty())
                .validate(&module)
                .map_err(|error| error.emit_to_string(text))?;
            let n_buffers = module.global_variables.iter().filter(|(_, v)| v.binding.is_some());
            Ok::<usize, String>(n_buffers.count())
        };
        for shader in SHADERS {
            let n_buffers =
                validate(shader.text).unwrap_or_else(|e| panic!("{}: {e}", shader.name));
            assert_eq!(n_buffers, shader.n_read as usize + 2, "{}", shader.name);
            let broken = shader.text.replacen("0u", "0.5", 1);
            assert!(validate(&broken).is_err(), "{}", shader.name);
        }
    }

    #[test]
    fn words_of_a_row_are_taken_and_put_where_they_belong() {
        let row = [0x8765_4321_0FED_CBA9, 5];
        assert_eq!(word_at(&row, 0), 0x0FED_CBA9);
        assert_eq!(word_at(&row, 32), 0x8765_4321);
        assert_eq!(word_at(&row, 4) & 0xF, 0xA);
        assert_eq!(word_at(&row, 64), 5);
        assert_eq!(word_at(&row, 128), 0);
        let mut copy = [0; 2];
        put_words(&mut copy, 0, &[0x0FED_CBA9, 0x8765_4321, 5, 7, 9]);
        assert_eq!(copy, [0x8765_4321_0FED_CBA9, 0x0000_0007_0000_0005]);
        put_words(&mut copy, 70, &[1]);
        assert_eq!(copy[1], 0x0000_0007_0000_0045);
    }
}
