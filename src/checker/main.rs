//! `circuit2tf-checker CERTIFICATE MODEL [CIRCUIT.bench]`: is a kept certificate a proof?
//!
//! Without a circuit file it is a proof about the circuit that the certificate carries. Exit status: 0 verified, 2 refused or not readable, 3 all but
//! the comparison with the circuit.

use std::process::ExitCode;

use circuit2tf_checker::{Report, Subject, check, sha256};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (certificate, model, circuit) = match &arguments[..] {
        [certificate, model] => (certificate, model, None),
        [certificate, model, circuit] => (certificate, model, Some(circuit)),
        _ => {
            eprintln!("usage: circuit2tf-checker CERTIFICATE MODEL [CIRCUIT.bench]");
            return ExitCode::from(2);
        }
    };
    match run(certificate, model, circuit) {
        Ok((line, status)) => {
            println!("{line}");
            ExitCode::from(status)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(certificate: &str, model: &str, circuit: Option<&String>) -> Result<(String, u8), String> {
    let read = |path: &str| std::fs::read(path).map_err(|error| format!("{path}: {error}"));
    let (kept, model) = (read(certificate)?, read(model)?);
    let bench = circuit.map(|circuit| read(circuit)).transpose()?;
    let report = check(&kept, &model, &Subject { bench, ..Subject::default() });
    let report = report.map_err(|refusal| format!("{certificate}: {refusal}"))?;
    let (word, status) = match report.n_compared {
        Some(_) => ("VERIFIED", 0),
        None => ("UNKNOWN all but the circuit:", 3),
    };
    let Report { n_inputs, n_loops, n_positions, depth, .. } = report;
    let model = &sha256(&model)[..12];
    let what = format!("all 2^{n_inputs} inputs, any order of summation, loops>={n_loops}");
    let line = format!("{word} {what} positions={n_positions} depth={depth} model={model}");
    Ok((line, status))
}
