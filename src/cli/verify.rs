//! `verify`: does a model compute a circuit?

use circuit2tf::run::EngineKind;
use circuit2tf::verify::certificate::CertificateFile;
use circuit2tf::verify::{
    Method, Policy, Share, Subject, compare_engines, decide_part, decide_watched,
};
use circuit2tf::{Error, Result};

use super::progress::Bar;
use super::run::EngineArgs;
use super::source::{self, PairArgs};
use super::{Report, choice, convert, shard};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Command {
    #[command(subcommand)]
    merge: Option<Merge>,
    // Not an `Option`: one that holds another flattened struct, the engine's flags, is never there.
    #[command(flatten)]
    check: Args,
}

#[derive(Debug, clap::Subcommand)]
enum Merge {
    /// Put the shards of a check together and give its verdict
    Merge(shard::MergeArgs),
}

pub fn main(command: &Command) -> Result<Report> {
    match &command.merge {
        Some(Merge::Merge(args)) => shard::main(args),
        None => check(&command.check),
    }
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model file
    #[arg(required = true)]
    model: Option<String>,
    /// The circuit
    #[arg(required = true)]
    circuit: Option<String>,
    /// How to check; by default a certificate, and where it fails a search for a wrong input, which goes through
    /// all inputs if there are at most 12. Schemes without a certificate are run: all inputs if they are few, else
    /// a sample
    #[arg(long, value_parser = choice::of::<Method>(methods()))]
    method: Option<Method>,
    /// Assignments to sample; 10000 unless the scheme has no certificate, and 100000 then
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// Seed of the sample
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Loops to check, instead of the model's own number
    #[arg(long, value_name = "R")]
    loops: Option<usize>,
    #[command(flatten)]
    pair: PairArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Where to keep the certificate (JSON), for `circuit2tf check`
    #[arg(long, value_name = "FILE")]
    certificate: Option<String>,
    /// Where to write the fan-in cone of the first wrong node, if the model is refuted
    #[arg(long, value_name = "FILE")]
    shrink: Option<String>,
    /// Go through one part of the assignments, which are cut in 64s: I/N, or auto or auto/N in a job array
    #[arg(long, value_name = "I/N", requires = "output")]
    shard: Option<Share>,
    /// Where to keep what a shard found, for `circuit2tf verify merge`
    #[arg(short, long, value_name = "FILE", requires = "shard")]
    output: Option<String>,
    /// Compare engines with each other and with the circuit, loop by loop: all, or names
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["method", "shard"])]
    engines: Vec<String>,
}

fn methods() -> [(&'static str, &'static str); Method::ALL.len()] {
    Method::ALL.map(|method| (method.name(), method.about()))
}

fn check(args: &Args) -> Result<Report> {
    // Before the work, which may be long, so that no verdict is lost to a slip in a name.
    args.shrink.as_deref().map(convert::by_extension).transpose()?;
    args.certificate.as_deref().map(|path| source::output(path, &["json", "cert"])).transpose()?;
    args.output.as_deref().map(|path| source::output(path, &["json", "shard"])).transpose()?;
    let named = "required unless a subcommand is given, which has its own arguments";
    let model = source::model_with_sha256(args.model.as_deref().expect(named))?;
    let source = source::circuit(args.circuit.as_deref().expect(named))?;
    let mut subject = source.subject(model, args.pair)?;
    if let Some(n_loops) = args.loops {
        subject = subject.with_loops(n_loops)?;
    }
    let (method, samples, seed) = (args.method, args.samples, args.seed);
    let policy = Policy { method, samples, seed, ..args.engine.policy() };
    if !args.engines.is_empty() {
        let comparison =
            compare_engines(&subject, &engines(&args.engines)?, &policy, &Bar::default())?;
        return Ok(Report::about(&comparison, &comparison.statement));
    }
    if let (Some(share), Some(path)) = (args.shard, &args.output) {
        let (shard, statement) = decide_part(&subject, &policy, share.part()?, &Bar::default())?;
        source::write(path, shard.to_json().as_bytes())?;
        return Ok(Report::of(&statement));
    }
    decide(args, &subject, &policy)
}

fn decide(args: &Args, subject: &Subject, policy: &Policy) -> Result<Report> {
    if args.certificate.is_some() && !policy.certifies(subject.model()) {
        return Err(Error::new("--certificate with the method certificate", "another method"));
    }
    let decision = decide_watched(subject, policy, &Bar::default())?;
    if let (Some(path), Some(certificate)) = (&args.certificate, &decision.certificate) {
        // Whatever it says.
        let file = CertificateFile::new(certificate, subject.identity(), subject.circuit());
        source::write(path, file.to_json().as_bytes())?;
    }
    if let (Some(path), Some(cone)) = (&args.shrink, decision.cone(subject.circuit())?) {
        convert::write_circuit(&cone, path)?;
    }
    Ok(Report::about(&decision, &decision.statement))
}

/// The engines asked for; the literal one first, since the others are held against it.
fn engines(names: &[String]) -> Result<Vec<EngineKind>> {
    if names == ["all"] {
        Ok(EngineKind::ALL.into_iter().filter(|kind| *kind != EngineKind::Auto).collect())
    } else {
        names.iter().map(|name| name.parse()).collect()
    }
}
