//! The certificate's time: every benchmark file that compiles, and random circuits of 10^2 to 10^6 gates.
//!
//! "read" parses the model file's bytes, "certify" is the proof; both are single-threaded. The last
//! column is the time of the two per position. Arguments, if any, pick benchmark files by part of their
//! path.

use std::path::{Path, PathBuf};
use std::time::Instant;

use circuit2tf::Result;
use circuit2tf::circuit::Circuit;
use circuit2tf::compile::{Options, compile};
use circuit2tf::family;
use circuit2tf::format;
use circuit2tf::model::file;
use circuit2tf::verify::Verdict;
use circuit2tf::verify::certificate::certify;

/// The small files of the public collection; `CIRCUIT2TF_BENCHMARKS` names the folder of the whole.
const PUBLIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/circuits/public");

fn main() -> Result<()> {
    let picked: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!(
        "{:<34} {:>8} {:>6} {:>5} {:>9} {:>9} {:>8}  verdict",
        "circuit", "N", "depth", "d", "read s", "certify s", "ns/pos"
    );
    let mut total = 0.0;
    let folder = std::env::var("CIRCUIT2TF_BENCHMARKS").unwrap_or(PUBLIC.to_string());
    for path in files(Path::new(&folder)) {
        let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
        if !picked.is_empty() && !picked.iter().any(|part| name.contains(part)) {
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if let Ok(loaded) = format::read(&bytes, &name) {
            total += report(&name, &loaded.circuit)?;
        }
    }
    println!("all files: {total:.2} s");
    if picked.is_empty() {
        for exponent in 2..=6 {
            let spec = format!("random:n=128,gates={},seed=7", 10u64.pow(exponent));
            report(&spec, &family::generate(&spec)?)?;
        }
        report("sha256", &family::generate("sha256")?)?;
    }
    Ok(())
}

/// All files below `directory`, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let expand = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    paths.into_iter().flat_map(expand).collect()
}

/// Compiles, reads and certifies; the seconds of the latter two.
fn report(name: &str, circuit: &Circuit) -> Result<f64> {
    if circuit.require_combinational().is_err() || circuit.outputs().is_empty() {
        return Ok(0.0);
    }
    let bytes = file::to_bytes(&compile(circuit, "", &Options::default())?);
    let start = Instant::now();
    let model = file::from_bytes(&bytes, name)?;
    let read = start.elapsed().as_secs_f64();
    drop(bytes);
    let start = Instant::now();
    let certificate = certify(&model, circuit);
    let proof = start.elapsed().as_secs_f64();
    let verdict = match Verdict::from(&certificate) {
        Verdict::Verified { .. } => "VERIFIED".to_string(),
        other => other.to_string(),
    };
    let per_position = (read + proof) * 1e9 / model.n_ctx() as f64;
    println!(
        "{name:<34} {:>8} {:>6} {:>5} {read:>9.4} {proof:>9.4} {per_position:>8.0}  {verdict}",
        model.n_ctx(),
        certificate.facts.depth,
        model.d_model()
    );
    Ok(read + proof)
}
