//! What this machine offers for running models.

use std::thread::available_parallelism;

use serde::Serialize;

use super::{Device, DeviceName, Simd};
use crate::table::{Document, Table, Tabular, row, words};

/// The devices of this machine, and the kinds of which there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Available {
    /// The processor first.
    pub devices: Vec<Offer>,
}

/// A device, or a kind of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// As `--device` has it, or the interface through which it is reached.
    pub name: String,
    /// The engines that run on it.
    pub engines: &'static [&'static str],
    /// Whether it can be used now.
    pub answers: bool,
    /// What it is; of the processor the architecture.
    pub description: Option<String>,
    /// Threads of the processor.
    pub threads: Option<usize>,
    /// Vector instructions of the processor.
    pub vector_instructions: Option<String>,
    /// Why it cannot be used.
    pub reason: Option<String>,
}

/// More devices of one kind are not looked for.
const MAX_DEVICES: usize = 64;

impl Available {
    /// Looks for devices of every kind that this program can use.
    pub fn find() -> Self {
        let mut devices = vec![Offer::processor()];
        devices.extend(candle(DeviceName::Cuda));
        devices.extend(candle(|_| DeviceName::Metal));
        devices.extend(adapters());
        Available { devices }
    }
}

impl Offer {
    fn processor() -> Self {
        Offer {
            name: DeviceName::Cpu.to_string(),
            engines: &["incremental", "resident", "reference", "dense"],
            answers: true,
            description: Some(std::env::consts::ARCH.to_string()),
            threads: Some(available_parallelism().map_or(1, usize::from)),
            vector_instructions: Some(Simd::detect().to_string()),
            reason: None,
        }
    }

    fn other(name: &str, engines: &'static [&'static str]) -> Self {
        Offer {
            name: name.to_string(),
            engines,
            answers: false,
            description: None,
            threads: None,
            vector_instructions: None,
            reason: None,
        }
    }

    /// What it is, or why it cannot be used.
    pub fn note(&self) -> String {
        match (self.threads, &self.vector_instructions) {
            (Some(threads), Some(simd)) => {
                let architecture = self.description.as_deref().unwrap_or_default();
                format!("{architecture}, {threads} threads, vector instructions: {simd}")
            }
            _ => self.reason.as_ref().or(self.description.as_ref()).cloned().unwrap_or_default(),
        }
    }
}

/// The processor in a few words.
pub fn processor() -> String {
    Offer::processor().note()
}

/// The devices of a kind that candle opens, or why the first does not answer.
fn candle(name: impl Fn(usize) -> DeviceName) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    while offers.len() < MAX_DEVICES {
        let name = name(offers.len());
        let opened = Device::open(name);
        let name = name.to_string();
        let is_new = offers.iter().all(|offer| offer.name != name);
        if !is_new || opened.is_err() && !offers.is_empty() {
            break;
        }
        let offer = Offer::other(&name, &["dense"]);
        match opened {
            Ok(_) => offers.push(Offer { answers: true, ..offer }),
            Err(error) => return vec![Offer { reason: Some(error.to_string()), ..offer }],
        }
    }
    offers
}

/// What the gpu engine finds.
#[cfg(feature = "gpu")]
fn adapters() -> Vec<Offer> {
    let offer = |adapter: &super::gpu::Adapter| Offer {
        answers: true,
        description: Some(adapter.to_string()),
        ..Offer::other(adapter.backend, &["gpu"])
    };
    match super::gpu::adapters().as_slice() {
        [] => vec![no_adapter("no driver answers")],
        found => found.iter().map(offer).collect(),
    }
}

#[cfg(not(feature = "gpu"))]
fn adapters() -> Vec<Offer> {
    vec![no_adapter("this program was built without the cargo feature gpu")]
}

fn no_adapter(why: &str) -> Offer {
    Offer { reason: Some(why.to_string()), ..Offer::other("vulkan", &["gpu"]) }
}

impl Tabular for Available {
    fn document(&self) -> Document {
        let mut document = Document::default();
        let row = |offer: &Offer| {
            let answers = if offer.answers { "yes" } else { "no" };
            row![&offer.name, answers, offer.engines.join(", "), offer.note()]
        };
        let table = Table::new(["device", "answers", "engines", "what it is"].map(words));
        document.table(table.with(self.devices.iter().map(row)));
        document
    }
}
