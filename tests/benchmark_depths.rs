//! The depth of every benchmark circuit is at most the one in the benchmarks' own table.

use circuit2tf::{format, mapping};

#[path = "support/public.rs"]
#[allow(dead_code, reason = "each test file uses a part")]
mod public;

/// The rows of the table that give a depth: file, inputs, outputs, latches and depth.
fn table(readme: &str) -> Vec<(&str, [usize; 4])> {
    readme
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let number = |i: usize| cells.get(i)?.parse().ok();
            Some((*cells.get(1)?, [number(3)?, number(4)?, number(5)?, number(7)?]))
        })
        .collect()
}

#[test]
fn no_benchmark_is_deeper_than_its_table_says() {
    let readme = public::readme();
    let rows = table(&readme);
    assert!(rows.len() >= 67, "{} rows of the table were understood", rows.len());
    let mut deeper = Vec::new();
    for (file, [inputs, outputs, latches, expected]) in rows {
        let bytes = std::fs::read(public::folder().join(file)).unwrap();
        let circuit = format::read(&bytes, file).unwrap().circuit;
        let ports = [circuit.inputs().len(), circuit.outputs().len(), circuit.latches().len()];
        assert_eq!(ports, [inputs, outputs, latches], "{file}");
        let depth = mapping::depth(&circuit, 2);
        if depth < expected {
            println!("{file}: {depth}, the table has {expected}");
        }
        if depth > expected {
            deeper.push(format!("{file}: {depth}, the table has {expected}"));
        }
        if circuit.require_combinational().is_ok() {
            let network = mapping::map(&circuit, 2).unwrap().network;
            assert_eq!(network.depth(), depth.max(usize::from(network.depth() == 1)), "{file}");
        }
    }
    assert!(deeper.is_empty(), "{deeper:#?}");
}
