//! What this machine offers for running models.

use std::fmt;
use std::thread::available_parallelism;

use serde::Serialize;

use super::{Device, DeviceName, Simd};

/// A device, or a kind of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// As in `--device`; of the gpu engine the interface.
    pub name: String,
    /// What runs there.
    pub engines: Vec<&'static str>,
    /// Whether it can be used now.
    pub answers: bool,
    /// What it is, or why it cannot be used.
    pub note: String,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answers, engines) = (if self.answers { "yes" } else { "no" }, self.engines.join(", "));
        write!(f, "{:8} {answers:3} {engines:26} {}", self.name, self.note)
    }
}

/// The processor, and for every other kind of device those that answer, or why none does.
pub fn devices() -> Vec<Offer> {
    let mut offers = vec![Offer {
        name: DeviceName::Cpu.to_string(),
        engines: vec!["incremental", "resident", "reference", "dense"],
        answers: true,
        note: processor(),
    }];
    offers.extend(opened(DeviceName::Cuda));
    offers.extend(opened(|_| DeviceName::Metal));
    offers.extend(adapters());
    offers
}

/// The processor in a few words.
pub fn processor() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} threads, vector instructions: {}", std::env::consts::ARCH, Simd::detect())
}

/// More devices of one kind are not looked for.
const MAX_DEVICES: usize = 64;

/// The devices of a kind that open, or why the first does not answer.
fn opened(name: impl Fn(usize) -> DeviceName) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    while offers.len() < MAX_DEVICES {
        let name = name(offers.len());
        let opened = Device::open(name);
        let (name, answers) = (name.to_string(), opened.is_ok());
        if !answers && !offers.is_empty() || offers.iter().any(|offer| offer.name == name) {
            break;
        }
        let note = opened.map_or_else(|error| error.to_string(), |_| "answers".to_string());
        offers.push(Offer { name, engines: vec!["dense"], answers, note });
        if !answers {
            break;
        }
    }
    offers
}

/// What the gpu engine finds.
#[cfg(feature = "gpu")]
fn adapters() -> Vec<Offer> {
    let found = super::gpu::adapters();
    let offer = |adapter: &super::gpu::Adapter| Offer {
        name: adapter.backend.to_string(),
        engines: vec!["gpu"],
        answers: true,
        note: adapter.to_string(),
    };
    match found.as_slice() {
        [] => vec![no_adapter("no driver answers")],
        found => found.iter().map(offer).collect(),
    }
}

#[cfg(not(feature = "gpu"))]
fn adapters() -> Vec<Offer> {
    vec![no_adapter("this program was built without the cargo feature gpu")]
}

fn no_adapter(why: &str) -> Offer {
    let (name, note) = ("vulkan".to_string(), why.to_string());
    Offer { name, engines: vec!["gpu"], answers: false, note }
}
