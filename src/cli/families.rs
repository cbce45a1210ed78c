//! `families`: the generated circuits.

use circuit2tf::Result;
use circuit2tf::family::catalogue::Catalogue;

use super::Report;
use super::output::{Output, Table};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The family to describe; all by default
    family: Option<String>,
    #[command(flatten)]
    output: Output<Table>,
}

pub fn main(args: &Args) -> Result<Report> {
    args.output.plan()?.report(&Catalogue::of(args.family.as_deref())?)
}
