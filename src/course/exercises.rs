//! The exercises, one file for each subject; this file collects them and holds what they share.

use super::{Exercise, Facts, Values};
use crate::error::Result;
use crate::family;
use crate::mapping;
use crate::network::Network;

mod capacity;
mod correct;
mod halting;
mod known;
mod layer;
mod loops;
mod oblivious;
mod one_layer;
mod precision;
mod shallow;
mod tied;

/// All exercises, by number.
pub fn all() -> Vec<&'static Exercise> {
    let subjects: [&[Exercise]; 11] = [
        &layer::EXERCISES,
        &loops::EXERCISES,
        &precision::EXERCISES,
        &correct::EXERCISES,
        &halting::EXERCISES,
        &shallow::EXERCISES,
        &oblivious::EXERCISES,
        &one_layer::EXERCISES,
        &capacity::EXERCISES,
        &tied::EXERCISES,
        &known::EXERCISES,
    ];
    let mut all: Vec<&Exercise> = subjects.into_iter().flatten().collect();
    all.sort_by_key(|exercise| exercise.number);
    all
}

/// All combinations of the parameters are asked about.
fn any(_: &Values) -> Result<()> {
    Ok(())
}

fn no_facts(_: &Values) -> Result<Facts> {
    Ok(Facts::new())
}

/// The network of two-input gates that a family's circuit is compiled from.
fn network(spec: &str) -> Result<Network> {
    Ok(mapping::map(&family::generate(spec)?, 2)?.network)
}

/// Bits of a number, the least significant first.
fn bits(number: u64, n: usize) -> Vec<bool> {
    (0..n).map(|i| number >> i & 1 == 1).collect()
}

/// `⌈log₂ n⌉` of a positive number.
fn log2_ceil(n: usize) -> usize {
    n.next_power_of_two().ilog2() as usize
}
