//! The table of formats: a row more is a format more, and a row says what its format holds.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Builder, Circuit, GateKind, LatchInit, Literal, Oracle, TruthTable};
use circuit2tf::format::{
    self, FORMATS, Format, Holds, Loaded, Options, Written, json, named, of_extension, read_among,
};
use circuit2tf::{Error, Result};

/// A format that is in no room of the crate: `table`, then the values of one output, 64 rows at most.
static TABLE: Format = Format {
    name: "table",
    title: "table",
    extension: "tt",
    holds: Holds { tables: true, ..Holds::GATES },
    has_modules: false,
    has_bad_states: false,
    detect: |opening| opening.word == b"table",
    read: read_table,
    write: write_table,
};

fn read_table(bytes: &[u8], file: &str, _: &Options) -> Result<Loaded> {
    let text = String::from_utf8_lossy(bytes);
    let rows = text.trim().strip_prefix("table ").unwrap_or_default();
    let n = rows.len().max(1).ilog2() as usize;
    if rows.len() != 1 << n || n > 6 || !rows.bytes().all(|row| matches!(row, b'0' | b'1')) {
        return Err(Error::new("2^n rows of 0 and 1", format!("{rows:?} in {file}")));
    }
    let bits = rows.bytes().rev().fold(0, |bits, row| bits << 1 | u64::from(row == b'1'));
    let mut builder = Builder::new();
    let inputs = (0..n).map(|i| Ok(builder.input(format!("x{i}"))?.into()));
    let inputs: Vec<Literal> = inputs.collect::<Result<_>>()?;
    let gate = builder.gate(GateKind::Lut(TruthTable::new(n, bits)?), &inputs)?.literal();
    builder.output("y", gate)?;
    Ok(Loaded { circuit: builder.finish()?, format: &TABLE, notes: Vec::new() })
}

fn write_table(circuit: &Circuit) -> Result<Written> {
    let n = circuit.inputs().len();
    let values = Oracle::new(circuit)?.run(&Batch::counting(n, 0, 1 << n))?;
    let rows = (0..1 << n).map(|row| if values.get(0, row) { '1' } else { '0' });
    let text = format!("table {}\n", rows.collect::<String>());
    Ok(Written { bytes: text.into_bytes(), notes: Vec::new() })
}

#[test]
fn a_row_more_is_a_format_more() {
    let formats: Vec<&'static Format> = FORMATS.into_iter().chain([&TABLE]).collect();
    let read =
        |text: &str, options: &Options| read_among(&formats, text.as_bytes(), "file", options);
    let loaded = read("# the majority\ntable 00010111\n", &Options::default());
    // Comments are passed over before the format is known; whether they may stand is the reader's to say.
    assert!(loaded.is_err());
    let loaded = read("table 00010111\n", &Options::default()).unwrap();
    assert_eq!(loaded.format, &TABLE);
    let written = format::write(&loaded.circuit, loaded.format).unwrap();
    assert_eq!(written.bytes, b"table 00010111\n");
    // Through another format and back.
    let bench = format::write(&loaded.circuit, named(&formats, "bench").unwrap()).unwrap();
    let again = read(std::str::from_utf8(&bench.bytes).unwrap(), &Options::default()).unwrap();
    assert_eq!(format::write(&again.circuit, &TABLE).unwrap().bytes, b"table 00010111\n");

    assert_eq!(named(&formats, "table").unwrap(), &TABLE);
    assert_eq!(of_extension(&formats, "A.TT"), Some(&TABLE));
    let error = named(&formats, "vhdl").unwrap_err().to_string();
    assert!(error.contains("verilog, json, table"), "{error}");
    let error = read("?", &Options::default()).unwrap_err().to_string();
    assert!(error.contains("Verilog (.v), JSON and table (.tt)"), "{error}");
    let options = Options { top: Some("m".to_string()), bad_as_outputs: false };
    let error = read("table 01", &options).unwrap_err().to_string();
    assert!(
        error.contains("a Verilog or BLIF file for --top") && error.contains("table"),
        "{error}"
    );

    assert!(format::read(b"table 01", "file").is_err() && named(&FORMATS, "table").is_err());
}

/// What is left of a circuit that was written and read; none if the format refuses it.
fn through(format: &Format, circuit: &str) -> Option<Circuit> {
    let circuit = json::read(circuit.as_bytes(), "circuit").unwrap().circuit;
    let written = format::write(&circuit, format).ok()?;
    let name = format!("written.{}", format.extension);
    Some(format::read(&written.bytes, &name).unwrap().circuit)
}

const TABLES: &str = r#"{"circuit2tf": 1, "inputs": ["north", "east", "up"],
    "gates": [{"name": "g", "kind": "LUT", "table": "0x16", "fanins": ["north", "east", "up"]}],
    "outputs": [{"name": "goal", "literal": "g"}]}"#;
const LATCH: &str = r#"{"circuit2tf": 1, "inputs": ["a"],
    "latches": [{"name": "q", "next": "a", "init": "INIT"}],
    "outputs": [{"name": "y", "literal": "q"}]}"#;
const PROPERTY: &str = r#"{"circuit2tf": 1, "inputs": ["a"], "outputs": [{"name": "y", "literal": "a"}],
    "properties": [{"kind": "bad", "name": "b", "literals": ["a"]}]}"#;
const ORDER: &str = r#"{"circuit2tf": 1, "inputs": ["a[0]", "a[1]"], "word_orders": {"a": "msb"},
    "outputs": [{"name": "y", "literal": "a[0]"}]}"#;

#[test]
fn a_row_says_what_its_format_holds() {
    for format in FORMATS {
        let table = through(format, TABLES).unwrap();
        let latch = through(format, &LATCH.replace("INIT", "0"));
        let reset = through(format, &LATCH.replace("INIT", "1"));
        let starts_at_1 = |circuit: &Circuit| circuit.latches()[0].init == LatchInit::One;
        let order = through(format, ORDER).unwrap();
        let found = Holds {
            names: table.input_names() == ["north", "east", "up"],
            tables: table.nodes().any(|node| matches!(table.kind(node), GateKind::Lut(_))),
            latches: latch.is_some_and(|circuit| circuit.latches().len() == 1),
            resets: reset.as_ref().is_some_and(starts_at_1),
            properties: through(format, PROPERTY).is_some_and(|c| c.properties().len() == 1),
            orders: !order.word_orders().is_empty(),
        };
        assert_eq!(format.holds, found, "{format}");
    }
}
