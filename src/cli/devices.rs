//! `devices`: what this machine offers for running models.

use std::thread::available_parallelism;

use circuit2tf::Result;
use circuit2tf::run::{Device, DeviceName, Simd};
use serde_json::{Value, json};

use super::Report;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// A device, or a kind of them.
struct Entry {
    name: String,
    engines: &'static str,
    /// Whether it can be used now.
    answers: bool,
    /// What it is, or why it cannot be used.
    note: String,
}

pub fn main(_: &Args) -> Result<Report> {
    let entries = entries();
    let text: String = entries.iter().map(line).collect();
    let json = json!({ "devices": entries.iter().map(entry_json).collect::<Vec<Value>>() });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

fn entries() -> Vec<Entry> {
    let mut entries = vec![processor()];
    entries.extend(candle(DeviceName::Cuda));
    entries.extend(candle(|_| DeviceName::Metal));
    entries.extend(adapters());
    entries
}

/// The processor in a few words, as `selftest` prints it too.
pub fn describe_processor() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} threads, vector instructions: {}", std::env::consts::ARCH, Simd::detect())
}

fn processor() -> Entry {
    Entry {
        name: DeviceName::Cpu.to_string(),
        engines: "incremental, resident, reference, dense",
        answers: true,
        note: describe_processor(),
    }
}

/// More devices of one kind are not looked for.
const MAX_DEVICES: usize = 64;

/// The devices of a kind that candle opens, or why the first does not answer.
fn candle(name: impl Fn(usize) -> DeviceName) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    while entries.len() < MAX_DEVICES {
        let name = name(entries.len());
        let opened = Device::open(name);
        let answers = opened.is_ok();
        if !answers && !entries.is_empty() || entries.iter().any(|e| e.name == name.to_string()) {
            break;
        }
        let note = opened.map_or_else(|error| error.to_string(), |_| "answers".to_string());
        entries.push(Entry { name: name.to_string(), engines: "dense", answers, note });
        if !answers {
            break;
        }
    }
    entries
}

/// What the gpu engine finds.
#[cfg(feature = "gpu")]
fn adapters() -> Vec<Entry> {
    let found = circuit2tf::run::gpu::adapters();
    let entry = |adapter: &circuit2tf::run::gpu::Adapter| Entry {
        name: adapter.backend.to_string(),
        engines: "gpu",
        answers: true,
        note: adapter.to_string(),
    };
    match found.as_slice() {
        [] => vec![no_adapter("no driver answers")],
        found => found.iter().map(entry).collect(),
    }
}

#[cfg(not(feature = "gpu"))]
fn adapters() -> Vec<Entry> {
    vec![no_adapter("this program was built without the cargo feature gpu")]
}

fn no_adapter(why: &str) -> Entry {
    Entry { name: "vulkan".to_string(), engines: "gpu", answers: false, note: why.to_string() }
}

fn line(entry: &Entry) -> String {
    let answers = if entry.answers { "yes" } else { "no" };
    format!("{:8} {answers:3} {:26} {}\n", entry.name, entry.engines, entry.note)
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "name": entry.name,
        "engines": entry.engines.split(", ").collect::<Vec<_>>(),
        "answers": entry.answers,
        "note": entry.note,
    })
}
