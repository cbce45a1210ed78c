//! `info`: the sizes of a circuit or a model.

use circuit2tf::model::file;
use circuit2tf::reasoning::sizes::{CircuitSizes, ModelSizes};
use circuit2tf::{Error, Result};

use super::output::{Output, Plan, Table};
use super::{Report, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit or model file
    #[arg(value_name = "CIRCUIT|MODEL")]
    what: String,
    /// The inputs that each output of a model can depend on, from its weights: what its heads can read
    #[arg(long)]
    receptive_fields: bool,
    #[command(flatten)]
    output: Output<Table>,
}

pub fn main(args: &Args) -> Result<Report> {
    let plan = args.output.plan()?;
    if std::path::Path::new(&args.what).exists() || args.what == "-" {
        let bytes = source::bytes(&args.what)?;
        if file::is_model(&bytes) {
            let name = source::name(&args.what);
            let model = file::from_bytes(&bytes, &name)?;
            let sizes = ModelSizes::of(&name, &model);
            let with_fields = args.receptive_fields;
            return plan.report(&if with_fields { sizes.with_receptive_fields() } else { sizes });
        }
        return circuit(&source::circuit_from(bytes, &args.what)?, args, plan);
    }
    circuit(&source::circuit(&args.what)?, args, plan)
}

fn circuit(source: &source::Source, args: &Args, plan: Plan) -> Result<Report> {
    if args.receptive_fields {
        return Err(Error::new("a model for --receptive-fields", "a circuit"));
    }
    plan.report(&CircuitSizes::of(&source.name, &source.circuit))
}
