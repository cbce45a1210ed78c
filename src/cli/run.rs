//! `run`: a model on inputs.

use std::fmt;

use circuit2tf::circuit::word::Orders;
use circuit2tf::model::{Model, Parts, Scheme};
use circuit2tf::run::{
    Decoder, Dense, Device, DeviceName, Effort, Engine, Halting, Incremental, Reference, Resident,
    Rule,
};
use circuit2tf::{Error, Result};
use clap::ValueEnum;

use super::{Report, assignments, source};

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
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(skip)]
pub struct EngineArgs {
    /// The engine that runs the model
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// The device of the dense engine: cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceName>,
    /// The most seconds that running may take, as estimated from its size: 600, and 10 for one assignment
    #[arg(long, value_name = "SECONDS")]
    budget: Option<u64>,
}

/// What running may take where nothing else is asked for, in seconds: a block of assignments, which cannot be
/// stopped in between, and all of them.
const BLOCK_SECONDS: u64 = 10;
const RUN_SECONDS: u64 = 600;

impl EngineArgs {
    /// An error unless an engine can go through so many assignments in the time allowed.
    pub fn require_affordable(
        self,
        model: &Model,
        engine: &dyn Engine,
        n_assignments: u64,
    ) -> Result<()> {
        let effort = |n| Effort::new(model, engine, n, model.n_loops);
        let what = format!("a run of {n_assignments} assignments, {} loops each,", model.n_loops);
        self.require(effort(n_assignments.min(1)), BLOCK_SECONDS, &what)?;
        self.require(effort(n_assignments), RUN_SECONDS, &what)
    }

    /// An error unless it takes so many seconds, or as many as are allowed.
    pub fn require(self, effort: Effort, seconds: u64, what: &str) -> Result<()> {
        effort.require(self.budget.unwrap_or(seconds), what).map_err(|error| {
            error.hint("--budget SECONDS allows more, --loops R and --samples N ask for less")
        })
    }

    /// How many assignments can be gone through in the time allowed.
    pub fn affordable(self, model: &Model, engine: &dyn Engine) -> u64 {
        let one = Effort::new(model, engine, 1, model.n_loops);
        one.fits(self.budget.unwrap_or(RUN_SECONDS))
    }

    /// The engine, ready to run `model`. A device other than the processor asks for the dense engine.
    pub fn prepare(self, model: &Model) -> Result<Box<dyn Engine + '_>> {
        match (self.engine, self.device) {
            (EngineName::Dense, device) => dense(model, device.unwrap_or_default()),
            (engine, None | Some(DeviceName::Cpu)) => engine.prepare(model),
            (EngineName::Auto, Some(device)) => dense(model, device),
            (engine, Some(device)) => {
                let found = format!("--engine {engine} on {device}");
                Err(Error::new("--engine dense for another device than cpu", found))
            }
        }
    }

    /// The engine, ready to run `model` until the rule stops it.
    pub fn halting(self, model: &Model, rule: Rule) -> Result<Halting<'_>> {
        match self.device {
            None | Some(DeviceName::Cpu) => self.engine.halting(model, rule),
            Some(device) => {
                Err(Error::new("--device cpu for a model that halts", device.to_string()))
            }
        }
    }

    /// Whether the engine was asked for that reports how much it could skip.
    fn is_incremental(self) -> bool {
        self.engine == EngineName::Incremental
    }
}

fn dense(model: &Model, device: DeviceName) -> Result<Box<dyn Engine + '_>> {
    Ok(Box::new(Dense::new(model, &Device::open(device)?)?))
}

/// The engines by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, clap::ValueEnum)]
pub enum EngineName {
    /// The fastest engine that accepts the model
    #[default]
    Auto,
    /// The literal forward pass
    Reference,
    /// The forward pass, partially evaluated; refuses models that this could change
    Resident,
    /// The resident engine, looking up only what can have changed; refuses models of more than two states
    Incremental,
    /// The resident engine on a GPU, as compute shaders; needs a build with `--features gpu`
    Gpu,
    /// The literal forward pass on many assignments at once, on any device
    Dense,
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("every engine has a name");
        f.write_str(value.get_name())
    }
}

impl EngineName {
    /// The engine on the processor, ready to run `model`.
    pub fn prepare(self, model: &Model) -> Result<Box<dyn Engine + '_>> {
        match model.scheme {
            Scheme::Universal => return Ok(Box::new(self.halting(model, Rule::Known)?)),
            Scheme::Coconut | Scheme::Cot => return Ok(Box::new(Decoder::new(model)?)),
            Scheme::Recurrent | Scheme::Pause | Scheme::Unrolled => {}
        }
        match self {
            EngineName::Auto => match Resident::new(model) {
                Ok(engine) => Ok(Incremental::of(engine).map_or_else(
                    |refused| Box::new(refused.0) as Box<dyn Engine>,
                    |engine| Box::new(engine) as Box<dyn Engine>,
                )),
                Err(refusal) => {
                    let engine = Reference::new(model)?;
                    eprintln!("note: running the reference engine: {refusal}");
                    Ok(Box::new(engine))
                }
            },
            EngineName::Reference => Ok(Box::new(Reference::new(model)?)),
            EngineName::Resident => Ok(Box::new(Resident::new(model)?)),
            EngineName::Incremental => Ok(Box::new(Incremental::new(model)?)),
            EngineName::Gpu => gpu(model),
            EngineName::Dense => dense(model, DeviceName::Cpu),
        }
    }
}

#[cfg(feature = "gpu")]
fn gpu(model: &Model) -> Result<Box<dyn Engine + '_>> {
    let engine = circuit2tf::run::gpu::Gpu::new(model)?;
    // Bits on stdout do not say what computed them.
    eprintln!("note: running {}", engine.name());
    Ok(Box::new(engine))
}

#[cfg(not(feature = "gpu"))]
fn gpu(_: &Model) -> Result<Box<dyn Engine + '_>> {
    Err(no_gpu())
}

/// The engine gpu in a program that was built without it.
#[cfg(not(feature = "gpu"))]
pub fn no_gpu() -> Error {
    Error::new("a build with the engine gpu", "one without it").hint("build with --features gpu")
}

impl EngineName {
    /// The engine, ready to run `model` until the rule stops it.
    pub fn halting(self, model: &Model, rule: Rule) -> Result<Halting<'_>> {
        match self {
            EngineName::Auto => Halting::new(model, rule),
            EngineName::Reference => Halting::by_reference(model, rule),
            EngineName::Resident => Halting::by_resident(model, rule),
            EngineName::Incremental | EngineName::Gpu | EngineName::Dense => {
                Err(Error::new("the engine reference or resident", self.to_string())
                    .hint("a model that halts is looked at between loops"))
            }
        }
    }
}

/// Loops beyond this are a slip of the keyboard: no circuit that fits in memory is so deep.
const MAX_LOOPS: usize = 1 << 28;

/// The model with the number of loops asked for, or its own.
pub fn with_loops(model: Model, asked: Option<usize>) -> Result<Model> {
    match asked.unwrap_or(model.n_loops) {
        n_loops if n_loops > MAX_LOOPS => {
            Err(Error::new(format!("at most {MAX_LOOPS} loops"), n_loops.to_string()))
        }
        n_loops if n_loops == model.n_loops => Ok(model),
        n_loops => Model::new(Parts { n_loops, ..model.into_parts() }),
    }
}

pub fn main(args: &Args) -> Result<Report> {
    let model = with_loops(source::model(&args.model)?, args.loops)?;
    let engine = args.engine.prepare(&model)?;
    let ports = assignments::Ports {
        inputs: &model.labels.input_names,
        outputs: &model.labels.output_names,
        orders: Orders::declared_as(&model.labels.word_orders)?,
    };
    let report = args.assignments.answer(ports, |inputs| {
        args.engine.require_affordable(&model, &*engine, inputs.n_assignments() as u64)?;
        engine.run(inputs, model.n_loops)
    })?;
    if args.engine.is_incremental() {
        engine.remark().iter().for_each(|remark| eprintln!("note: {remark}"));
    }
    Ok(report)
}
