//! Adapters: what devices this machine offers, by name.

use std::fmt;

use crate::error::{Error, Result};

/// A device that wgpu can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// As its driver calls it, such as `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: &'static str,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
}

impl Adapter {
    fn new(info: &wgpu::AdapterInfo) -> Self {
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        Adapter { name: info.name.clone(), backend: info.backend.to_str(), kind }
    }

    /// Whether the device is a program that runs on the processor.
    pub fn is_software(&self) -> bool {
        self.kind == "software"
    }

    /// How much it is to be preferred; the least first.
    fn rank(&self) -> usize {
        let kinds = ["discrete", "integrated", "virtual", "other", "software"];
        kinds.iter().position(|&kind| kind == self.kind).unwrap_or(kinds.len())
    }
}

/// The kind comes first, so that no line shows a software device's result without saying so.
impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = if self.is_software() { "software device" } else { self.kind };
        write!(f, "{device} ({}, {})", self.name, self.backend)
    }
}

/// The adapters of this machine, the preferred one first; none where there is no driver.
pub fn adapters() -> Vec<Adapter> {
    found().into_iter().map(|(adapter, _)| adapter).collect()
}

/// The preferred adapter.
///
/// # Errors
/// There is none.
pub(super) fn preferred() -> Result<(Adapter, wgpu::Adapter)> {
    found().into_iter().next().ok_or_else(|| {
        Error::new("a Vulkan, Metal or DX12 device", "none").hint(
            "install its driver; Debian's mesa-vulkan-drivers and libvulkan1 have a software device",
        )
    })
}

fn found() -> Vec<(Adapter, wgpu::Adapter)> {
    let instance =
        wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let described =
        adapters.into_iter().map(|adapter| (Adapter::new(&adapter.get_info()), adapter));
    let mut found: Vec<_> = described.collect();
    found.sort_by_key(|(adapter, _)| adapter.rank());
    found
}
