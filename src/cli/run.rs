//! `run`: a model on inputs.

use circuit2tf::Result;
use circuit2tf::circuit::word::Orders;
use circuit2tf::model::Model;
use circuit2tf::run::{Budget, DeviceName, EngineKind};
use circuit2tf::verify::Policy;

use super::progress::Bar;
use super::{Report, assignments, choice, source, talk};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model file
    model: String,
    #[command(flatten)]
    assignments: assignments::Args,
    /// Loops to run, instead of the model's own number
    #[arg(long, value_name = "R")]
    loops: Option<usize>,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Which engine runs a model, and where.
// Flattened into the arguments of a command.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(skip)]
pub struct EngineArgs {
    /// The engine that runs the model
    #[arg(long, default_value_t, value_parser = choice::of::<EngineKind>(engines()))]
    engine: EngineKind,
    /// The device of the dense engine: cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceName>,
    /// The most seconds that running may take, as estimated from its size: 600, and 10 for one assignment
    #[arg(long, value_name = "SECONDS")]
    budget: Option<u64>,
}

fn engines() -> [(&'static str, &'static str); EngineKind::ALL.len()] {
    EngineKind::ALL.map(|kind| (kind.name(), kind.about()))
}

impl EngineArgs {
    /// The policy with this engine, device and budget.
    pub fn policy(self) -> Policy {
        Policy {
            engine: self.engine,
            device: self.device.unwrap_or_default(),
            budget: self.budget.map_or_else(Budget::default, Budget::of),
            ..Policy::default()
        }
    }
}

/// The model with the number of loops asked for, or its own.
pub fn with_loops(model: Model, asked: Option<usize>) -> Result<Model> {
    match asked {
        Some(n_loops) => model.with_loops(n_loops),
        None => Ok(model),
    }
}

pub fn main(args: &Args) -> Result<Report> {
    let model = with_loops(source::model(&args.model)?, args.loops)?;
    let policy = args.engine.policy();
    let engine = policy.prepare(&model, &Bar::default())?;
    let ports = assignments::Ports {
        inputs: &model.labels.input_names,
        outputs: &model.labels.output_names,
        orders: Orders::declared_as(&model.labels.word_orders)?,
    };
    let report = args.assignments.answer(ports, |inputs| {
        policy.budget.require(&*engine, inputs.n_assignments() as u64)?;
        engine.run(inputs, model.n_loops)
    })?;
    if policy.engine == EngineKind::Incremental {
        engine.remark().iter().for_each(talk::note);
    }
    Ok(report)
}
