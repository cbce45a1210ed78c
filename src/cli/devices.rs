//! `devices`: what this machine offers for running models.

use circuit2tf::Result;
use circuit2tf::run::Available;

use super::Report;
use super::output::{Output, Table};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output<Table>,
}

pub fn main(args: &Args) -> Result<Report> {
    args.output.plan()?.report(&Available::find())
}
