//! `selftest`: the engines on a device against the oracle and the reference engine.

use circuit2tf::Result;
use circuit2tf::run::DeviceName;
use circuit2tf::selftest::{Plan, Tested};
use serde_json::json;

use super::{Report, choice, progress::Bar};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The device: cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceName,
    /// The engine; by default all that run on the device, which for gpu is the one that `devices` lists first
    #[arg(long, value_parser = choice::of::<Tested>(Tested::ALL.map(|t| (t.name(), t.about()))))]
    engine: Option<Tested>,
    /// Seed of the sampled assignments
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

pub fn main(args: &Args) -> Result<Report> {
    let plan = Plan { device: args.device, engine: args.engine, seed: args.seed };
    let table = plan.run(&Bar::default())?;
    let status = u8::from(!table.has_passed());
    Ok(Report { text: format!("{table}\n").into_bytes(), json: json!(table), status })
}
