//! `run`: a model on inputs.

use circuit2tf::circuit::word::Orders;
use circuit2tf::model::{Model, Parts, Scheme};
use circuit2tf::run::{Decoder, Engine, Halting, Reference, Resident, Rule};
use circuit2tf::{Error, Result};

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
    /// The engine that runs the model
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
}

/// The engines by name.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub enum EngineName {
    /// The fastest engine that accepts the model
    #[default]
    Auto,
    /// The literal forward pass
    Reference,
    /// The forward pass, partially evaluated; refuses models that this could change
    Resident,
}

impl EngineName {
    /// The engine, ready to run `model`.
    pub fn prepare(self, model: &Model) -> Result<Box<dyn Engine + '_>> {
        match model.scheme {
            Scheme::Universal => return Ok(Box::new(self.halting(model, Rule::Known)?)),
            Scheme::Coconut | Scheme::Cot => return Ok(Box::new(Decoder::new(model)?)),
            Scheme::Recurrent | Scheme::Pause | Scheme::Unrolled => {}
        }
        match self {
            EngineName::Auto => match Resident::new(model) {
                Ok(engine) => Ok(Box::new(engine)),
                Err(refusal) => {
                    let engine = Reference::new(model)?;
                    eprintln!("note: running the reference engine: {refusal}");
                    Ok(Box::new(engine))
                }
            },
            EngineName::Reference => Ok(Box::new(Reference::new(model)?)),
            EngineName::Resident => Ok(Box::new(Resident::new(model)?)),
        }
    }
}

impl EngineName {
    /// The engine, ready to run `model` until the rule stops it.
    pub fn halting(self, model: &Model, rule: Rule) -> Result<Halting<'_>> {
        match self {
            EngineName::Auto => Halting::new(model, rule),
            EngineName::Reference => Halting::by_reference(model, rule),
            EngineName::Resident => Halting::by_resident(model, rule),
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
    let model = with_loops(source::model(&args.model)?.0, args.loops)?;
    let engine = args.engine.prepare(&model)?;
    let ports = assignments::Ports {
        inputs: &model.labels.input_names,
        outputs: &model.labels.output_names,
        orders: Orders::declared_as(&model.labels.word_orders)?,
    };
    args.assignments.answer(ports, |inputs| engine.run(inputs, model.n_loops))
}
