//! Devices of the dense engine: their names, and opening them.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "candle")]
use candle_core as candle;

use crate::error::{Error, Result};

/// The name of a device: `cpu`, `cuda`, `cuda:1`, `metal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceName {
    /// This processor.
    #[default]
    Cpu,
    /// An NVIDIA device by its number.
    Cuda(usize),
    /// The first Apple device.
    Metal,
}

impl DeviceName {
    /// Whether this program was built with what the device needs.
    pub fn is_compiled_in(self) -> bool {
        match self {
            DeviceName::Cpu => true,
            DeviceName::Cuda(_) => cfg!(feature = "cuda"),
            DeviceName::Metal => cfg!(feature = "metal"),
        }
    }

    /// The cargo feature that the device needs.
    fn feature(self) -> &'static str {
        match self {
            DeviceName::Cpu => "default",
            DeviceName::Cuda(_) => "cuda",
            DeviceName::Metal => "metal",
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceName::Cpu => f.write_str("cpu"),
            DeviceName::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            DeviceName::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            None if text == "cpu" => Ok(DeviceName::Cpu),
            None if text == "cuda" => Ok(DeviceName::Cuda(0)),
            None if text == "metal" => Ok(DeviceName::Metal),
            Some(("cuda", ordinal)) if ordinal.parse::<u16>().is_ok() => {
                Ok(DeviceName::Cuda(ordinal.parse().expect("it was parsed into fewer bits")))
            }
            _ => Err(Error::new("a device: cpu, cuda, cuda:N or metal", format!("{text:?}"))),
        }
    }
}

/// A device that answered.
#[derive(Debug, Clone)]
pub struct Device {
    name: DeviceName,
    #[cfg(feature = "candle")]
    pub(super) inner: candle::Device,
}

impl Device {
    /// The processor.
    pub fn cpu() -> Self {
        Device {
            name: DeviceName::Cpu,
            #[cfg(feature = "candle")]
            inner: candle::Device::Cpu,
        }
    }

    /// Opens a device.
    ///
    /// # Errors
    /// This program was built without it, or it does not answer; the hint says what to do.
    pub fn open(name: DeviceName) -> Result<Self> {
        if !name.is_compiled_in() {
            let error = Error::not_compiled_in(&format!("the device {name}"), name.feature());
            let hint = format!("{}, or --device cpu", error.hint);
            return Err(error.hint(hint));
        }
        Device::connect(name)
    }

    #[cfg(not(feature = "candle"))]
    fn connect(name: DeviceName) -> Result<Self> {
        Ok(Device { name })
    }

    #[cfg(feature = "candle")]
    fn connect(name: DeviceName) -> Result<Self> {
        // Not `cuda_if_available`: it does not fall back, and a silent fallback would be no help.
        let opened = match name {
            DeviceName::Cpu => Ok(candle::Device::Cpu),
            DeviceName::Cuda(ordinal) => candle::Device::new_cuda(ordinal),
            DeviceName::Metal => candle::Device::new_metal(0),
        };
        match opened {
            Ok(inner) => Ok(Device { name, inner }),
            Err(error) => Err(Error::new(format!("the device {name}"), one_line(&error))
                .hint("`circuit2tf devices` lists what answers; --device cpu always does")),
        }
    }

    /// Its name.
    pub fn name(&self) -> DeviceName {
        self.name
    }

    /// An error of a computation on this device.
    #[cfg(feature = "candle")]
    pub(super) fn error(&self, error: &candle::Error) -> Error {
        Error::message(format!("the dense engine on {}: {}", self.name, one_line(error)))
    }
}

/// The first line of what candle says; a backtrace may follow it.
#[cfg(feature = "candle")]
fn one_line(error: &candle::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [DeviceName::Cpu, DeviceName::Cuda(0), DeviceName::Cuda(7), DeviceName::Metal] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert_eq!("cuda".parse(), Ok(DeviceName::Cuda(0)));
        for bad in ["", "gpu", "cuda:", "cuda:-1", "cuda:99999999999", "cpu:0", "CUDA"] {
            assert!(bad.parse::<DeviceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error_with_a_hint() {
        assert!(Device::open(DeviceName::Cpu).is_ok());
        for name in [DeviceName::Cuda(0), DeviceName::Metal] {
            if !name.is_compiled_in() {
                let error = Device::open(name).unwrap_err();
                assert!(error.found.contains("without"), "{error}");
                assert!(error.hint.contains("--features"), "{error}");
            }
        }
    }
}
