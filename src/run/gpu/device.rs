//! A device: buffers of words, kernels, and steps that are carried out one after the other.
//!
//! A step is a kernel on its bindings, one invocation per item. Steps see what earlier ones wrote: wgpu puts a
//! barrier between two dispatches that share a buffer; inside a dispatch there is no order. Whatever fails, a
//! lost device or memory that is not there, is an error of the call during which it was noticed.

use std::sync::{Arc, Mutex, PoisonError};

use super::adapter::{Adapter, preferred};
use crate::error::{Error, Result};

/// The most iterations of loops, nested ones added up, that an invocation may make: Mesa's llvmpipe ends all
/// loops of one after 65,535, silently.
pub(super) const MAX_ITERATIONS: usize = 60_000;

/// Invocations of a workgroup, as the shaders say.
const WORKGROUP: u64 = 64;
/// The most workgroups in a dimension; beyond it a second one is used.
const MAX_WORKGROUPS: u64 = 65_535;

/// Steps that are submitted at once, and their invocations: little enough for a driver that ends work that
/// takes seconds, and for the memory of recorded commands.
const MAX_STEPS: usize = 512;
const MAX_INVOCATIONS: u64 = 1 << 26;

/// An open device with its kernels; may be shared by engines and threads.
#[derive(Debug)]
pub struct Device {
    adapter: Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// The first failure that no call has returned yet.
    failure: Arc<Mutex<Option<String>>>,
    pub(super) fill: Kernel,
    pub(super) sweep: Kernel,
    pub(super) read: Kernel,
    pub(super) level: Kernel,
}

/// A shader, ready to run.
#[derive(Debug)]
pub(super) struct Kernel {
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::ComputePipeline,
}

/// A kernel's buffers: parameters, what is read, what is written.
pub(super) type Bindings = wgpu::BindGroup;

/// One dispatch.
pub(super) struct Step<'a> {
    pub kernel: &'a Kernel,
    pub bindings: &'a Bindings,
    /// Which of the parameters that [`Device::parameters`] was given.
    pub parameters: usize,
    pub n_invocations: u64,
}

impl Device {
    /// Opens the preferred device of this machine.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub fn open() -> Result<Self> {
        let (adapter, handle) = preferred()?;
        let descriptor = wgpu::DeviceDescriptor {
            required_limits: handle.limits(),
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(handle.request_device(&descriptor))
            .map_err(|error| Error::message(format!("cannot open {adapter}: {error}")))?;
        let failure = Arc::new(Mutex::new(None));
        let report = Arc::clone(&failure);
        // Without a handler an error would be a panic.
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let mut first = report.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| error.to_string());
        }));
        let [fill, sweep, read, level] = super::SHADERS.map(|shader| Kernel::new(&device, shader));
        let device = Device { adapter, device, queue, failure, fill, sweep, read, level };
        device.check()?;
        Ok(device)
    }

    /// What it is, by its driver.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The most 32-bit words that a buffer may have.
    pub(super) fn max_words(&self) -> usize {
        let limits = self.device.limits();
        let bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        // An item's number has 32 bits, with room for the last workgroups.
        (bytes / 4).min(1 << 30) as usize
    }

    /// A buffer of `n_words` zeros, at least one.
    ///
    /// # Errors
    /// The device has no buffers of that size.
    pub(super) fn zeros(&self, n_words: usize) -> Result<wgpu::Buffer> {
        use wgpu::BufferUsages as Usage;
        self.buffer(n_words, Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST)
    }

    fn buffer(&self, n_words: usize, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        if n_words > self.max_words() {
            let expected = format!("buffers of at most {} words", self.max_words());
            return Err(Error::new(expected, n_words.to_string())
                .hint(format!("that is what {} has; use another engine", self.adapter)));
        }
        let size = 4 * n_words.max(4) as u64;
        let descriptor =
            wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        Ok(self.device.create_buffer(&descriptor))
    }

    /// A buffer of the given words.
    ///
    /// # Errors
    /// The device has no buffers of that size.
    pub(super) fn upload(&self, words: &[u32]) -> Result<wgpu::Buffer> {
        let buffer = self.zeros(words.len())?;
        self.write(&buffer, 0, words);
        Ok(buffer)
    }

    /// Parameters of steps, a few words each.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn parameters(&self, of_steps: &[[u32; 4]]) -> Result<wgpu::Buffer> {
        let stride = self.parameter_stride() / 4;
        let mut words = vec![0; stride * of_steps.len().max(1)];
        for (to, from) in words.chunks_mut(stride).zip(of_steps) {
            to[..from.len()].copy_from_slice(from);
        }
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer(words.len(), usage)?;
        self.write(&buffer, 0, &words);
        Ok(buffer)
    }

    /// Bytes from one step's parameters to the next one's.
    fn parameter_stride(&self) -> usize {
        self.device.limits().min_uniform_buffer_offset_alignment.max(16) as usize
    }

    /// Writes words into a buffer, from word `at` on.
    pub(super) fn write(&self, buffer: &wgpu::Buffer, at: usize, words: &[u32]) {
        self.queue.write_buffer(buffer, 4 * at as u64, bytemuck::cast_slice(words));
    }

    /// Binds a kernel's parameters and buffers, in the order of its shader.
    pub(super) fn bind(
        &self,
        kernel: &Kernel,
        parameters: &wgpu::Buffer,
        buffers: &[&wgpu::Buffer],
    ) -> Bindings {
        let size = std::num::NonZeroU64::new(16);
        let parameters = wgpu::BufferBinding { buffer: parameters, offset: 0, size };
        let first = wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(parameters),
        };
        let others = buffers.iter().zip(1..).map(|(buffer, binding)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        });
        let entries: Vec<_> = [first].into_iter().chain(others).collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.layout,
            entries: &entries,
        })
    }

    /// Carries out the steps, in order, and waits for them.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn execute<'a>(&self, steps: impl Iterator<Item = Step<'a>>) -> Result<()> {
        let mut steps = steps.filter(|step| step.n_invocations > 0).peekable();
        while steps.peek().is_some() {
            self.submit(&mut steps);
            self.wait()?;
        }
        Ok(())
    }

    /// Submits some of the steps.
    fn submit<'a>(&self, steps: &mut impl Iterator<Item = Step<'a>>) {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let mut n_invocations = 0;
        for step in steps.take(MAX_STEPS) {
            let offset = step.parameters * self.parameter_stride();
            pass.set_pipeline(&step.kernel.pipeline);
            pass.set_bind_group(0, step.bindings, &[offset as u32]);
            let (x, y) = workgroups(step.n_invocations);
            pass.dispatch_workgroups(x, y, 1);
            n_invocations += step.n_invocations;
            if n_invocations >= MAX_INVOCATIONS {
                break;
            }
        }
        drop(pass);
        self.queue.submit([encoder.finish()]);
    }

    /// Words of a buffer: per range where it starts and how long it is.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn download(
        &self,
        buffer: &wgpu::Buffer,
        ranges: impl Iterator<Item = (usize, usize)> + Clone,
    ) -> Result<Vec<u32>> {
        let n_words = ranges.clone().map(|(_, len)| len).sum::<usize>();
        if n_words == 0 {
            return Ok(Vec::new());
        }
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.buffer(n_words, usage)?;
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut to = 0;
        for (from, len) in ranges.filter(|&(_, len)| len > 0) {
            let [from, len] = [from, len].map(|n| 4 * n as u64);
            encoder.copy_buffer_to_buffer(buffer, from, &staging, to, len);
            to += len;
        }
        self.queue.submit([encoder.finish()]);
        // What goes wrong in mapping shows when the mapped range is asked for.
        staging.slice(..to).map_async(wgpu::MapMode::Read, |_| ());
        self.wait()?;
        let bytes = staging.slice(..to).get_mapped_range().map_err(|error| self.failed(&error))?;
        Ok(bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect())
    }

    fn wait(&self) -> Result<()> {
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| self.failed(&error))?;
        self.check()
    }

    /// An error if something failed since the last call.
    fn check(&self) -> Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), |failure| Err(self.failed(&failure)))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Error {
        Error::message(format!("{} failed: {error}", self.adapter))
            .hint("--engine resident runs on the processor")
    }
}

impl Kernel {
    fn new(device: &wgpu::Device, shader: super::Shader) -> Self {
        let layout = layout(device, shader.n_read);
        let source = wgpu::ShaderSource::Wgsl(shader.text.into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(shader.name),
            source,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(shader.name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        Kernel { layout, pipeline }
    }
}

/// Parameters, then `n_read` buffers that are read, then one that is written.
fn layout(device: &wgpu::Device, n_read: u32) -> wgpu::BindGroupLayout {
    let entry = |binding| {
        let ty = match binding {
            0 => wgpu::BufferBindingType::Uniform,
            _ => wgpu::BufferBindingType::Storage { read_only: binding <= n_read },
        };
        wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset: binding == 0,
                min_binding_size: None,
            },
            count: None,
        }
    };
    let entries: Vec<_> = (0..n_read + 2).map(entry).collect();
    let descriptor = wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries };
    device.create_bind_group_layout(&descriptor)
}

/// Workgroups in two dimensions for so many invocations, and few more.
fn workgroups(n_invocations: u64) -> (u32, u32) {
    let n = n_invocations.div_ceil(WORKGROUP);
    let x = n.clamp(1, MAX_WORKGROUPS);
    (x as u32, n.div_ceil(x) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workgroups_cover_every_invocation_within_the_limits() {
        for n in [1, 63, 64, 65, 64 * MAX_WORKGROUPS, 64 * MAX_WORKGROUPS + 1, 1 << 30] {
            let (x, y) = workgroups(n);
            let covered = u64::from(x) * u64::from(y) * WORKGROUP;
            assert!(covered >= n && covered < n + WORKGROUP * (u64::from(x) + 1), "{n}: {x}, {y}");
            assert!(u64::from(x) <= MAX_WORKGROUPS && u64::from(y) <= MAX_WORKGROUPS, "{n}");
            assert!(covered <= 1 << 32, "an item's number fits 32 bits");
        }
    }
}
