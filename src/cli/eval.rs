//! `eval`: the oracle.

use circuit2tf::Result;
use circuit2tf::circuit::Oracle;
use circuit2tf::circuit::word::Orders;

use super::{Report, assignments, source};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The circuit
    circuit: String,
    #[command(flatten)]
    assignments: assignments::Args,
}

pub fn main(args: &Args) -> Result<Report> {
    let circuit = source::circuit(&args.circuit)?.circuit;
    let oracle = Oracle::new(&circuit)?;
    let output_names: Vec<String> = circuit.outputs().iter().map(|o| o.name.clone()).collect();
    let ports = assignments::Ports {
        inputs: circuit.input_names(),
        outputs: &output_names,
        orders: Orders::declared_by(&circuit),
    };
    args.assignments.answer(ports, |inputs| oracle.run(inputs))
}
