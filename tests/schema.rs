//! What every command prints with --json is as the schema says, and the schema notices when it is not.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

#[path = "support/schema.rs"]
mod schema;

/// Lines in the order in which their files are made; together they go through every command, and through the
/// forms that its document has. Refutations and gaps in knowledge are documents too.
const LINES: &[&str] = &[
    "gen adder:2 -o adder.bench",
    "gen adder:2",
    "convert adder.bench adder.v",
    "compile adder:2 -o m.st",
    "compile adder.bench -o n.st --verify",
    "compile adder:2 -o u.st --scheme universal",
    "compile adder:2 -o cot.st --scheme cot",
    "compile adder:2 -o thoughts.st --scheme coconut",
    "compile adder:2 -o ends.st --prelude 1 --coda 1",
    "construct",
    "construct parity-f16:4 -o parity.st --circuit parity.blif",
    "run m.st 0000 1111",
    "run m.st --set a=1 --set b=3",
    "eval adder:2 0000",
    "verify m.st adder:2 --certificate kept.json",
    "verify m.st adder:2 --method miter",
    "verify m.st adder:2 --method exhaustive",
    "verify m.st adder:2 --method sample --samples 20",
    "verify m.st adder:2 --loops 1",
    "verify m.st adder:2 --loops 1 --method exhaustive",
    "verify u.st adder:2",
    "verify u.st adder:2 --method sample --samples 20",
    "verify cot.st adder:2",
    "verify parity.st parity.blif --method certificate",
    "verify parity.st parity.blif",
    "verify m.st adder:2 --engines all",
    "verify m.st adder:2 --method exhaustive --shard 1/2 -o one.json",
    "verify m.st adder:2 --method exhaustive --shard 2/2 -o two.json",
    "verify merge m.st adder:2 one.json two.json",
    "check kept.json m.st adder:2",
    "decompile m.st",
    "decompile m.st -o back.blif",
    "loops and:4",
    "loops adder:4 --table --layers 2",
    "compare and:2 adder:2",
    "compare parity:4 --no-verify",
    "halting adder:2",
    "halting and:4 --rule stable-output",
    "depth 0xe8",
    "depth parity:6",
    "census 2",
    "capacity",
    "capacity adder:2 --dtype f16",
    "capacity latch --loops 10 --dtype f16",
    "learn gradients and:2 --loops 2 --seeds 1 --gain 0.4 --beta 1",
    "learn parities 2 --loops 1 --seeds 1",
    "learn train and:2 --loops 1 --seeds 1 --steps 1",
    "claims",
    "claims census",
    "claims --references",
    "claims check universal-layer",
    "devices",
    "selftest --engine dense --seed 3",
    "trace m.st 1010 --circuit adder:2",
    "trace u.st 1010 --circuit adder:2",
    "trace ends.st 1010",
    "trace cot.st 1010",
    "trace thoughts.st 1010",
    "trace m.st --inputs inputs.txt",
    "plot circuit adder:2 --bits 1010",
    "plot circuit adder:2",
    "plot stream and:2",
    "plot attention and:2",
    "plot loops and:4",
    "plot tradeoff and:4",
    "explore and:2 -o page.html",
    "info adder:2",
    "info m.st",
    "info cot.st",
    "info m.st --receptive-fields",
    "course start",
    "course list",
    "course lesson 1",
    "course show 3",
    "course hint 3",
    "course check 3 9 36 1",
    "course check 3 10 40 3",
    "course answer 3",
    "course answer 28",
    "course next",
    "course progress",
    "course reset 3",
    "course sheet --exercises 3",
    "course sheet --exercises 3 --seed a-long-secret --roster class.csv -o sheets",
    "course grade answers.csv",
    "course book -o book",
    "families",
    "families random",
    "man",
    "man -o man1",
    "completions bash",
    "schema",
];

fn program(folder: &Path, line: &str) -> (Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_circuit2tf"))
        .args(line.split(' '))
        .arg("--json")
        .current_dir(folder)
        .env("CIRCUIT2TF_STATE", folder.join("state.json"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout);
    (document.unwrap_or_else(|error| panic!("{line}: {error}; {said}")), said)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("inputs.txt", "1010\n0000\n");
    write("class.csv", "student\nada\nbob\n");
    write(
        "answers.csv",
        "student,seed,exercise,answer\nada,,3,10 40 3\nbob,,3,9 36 1\nbob,5,99,1\n",
    );
    folder
}

fn the_schema() -> Value {
    serde_json::from_str(circuit2tf::SCHEMA).unwrap()
}

/// The commands that do something, with those below them, by the program's help.
fn commands(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
    command.args(prefix.split_whitespace()).arg("--help").current_dir(folder);
    let help = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| line.starts_with(' '));
    let names = lines.filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    // A command that only leads to others has no document of its own.
    let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap();
    let leads = usage.ends_with("<COMMAND>");
    let own = (!leads && !prefix.is_empty()).then(|| prefix.to_string());
    let below = names.iter().flat_map(|name| commands(folder, format!("{prefix} {name}").trim()));
    own.into_iter().chain(below).collect()
}

/// A value of another type.
fn other(value: &Value) -> Value {
    match value {
        Value::Null => json!([[["neither"]]]),
        Value::Bool(_) => json!("neither"),
        Value::Number(_) => json!("a number in words"),
        Value::String(_) => json!(0.5),
        Value::Array(_) => json!({ "a list": "of entries" }),
        Value::Object(_) => json!(["of entries"]),
    }
}

/// Every document that differs from this one in one place: another type, an entry more, an entry less; of the
/// items of a list the first stands for all.
fn broken(document: &Value) -> Vec<(String, Value)> {
    let mut all = vec![("".to_string(), other(document))];
    let mut inside = |key: String, make: &dyn Fn(Value) -> Value, part: &Value| {
        let deeper = broken(part).into_iter();
        all.extend(deeper.map(|(at, part)| (format!("/{key}{at}"), make(part))));
    };
    match document {
        Value::Array(items) if !items.is_empty() => {
            let make = |item| {
                let mut items = items.clone();
                items[0] = item;
                Value::Array(items)
            };
            inside("0".to_string(), &make, &items[0]);
        }
        Value::Object(entries) => {
            for (key, part) in entries {
                let make = |part| {
                    let mut entries = entries.clone();
                    entries.insert(key.clone(), part);
                    Value::Object(entries)
                };
                inside(key.clone(), &make, part);
            }
            let mut more = entries.clone();
            more.insert("an entry that nobody knows".to_string(), json!({ "x": ["y"] }));
            all.push(("/+".to_string(), Value::Object(more)));
        }
        _ => {}
    }
    all
}

/// Places where the schema says less than a type: the one entry that is a schema itself.
fn is_free(command: &str, at: &str) -> bool {
    command == "schema" && !matches!(at, "" | "/command" | "/program_version")
}

#[test]
fn what_every_command_prints_is_as_the_schema_says_and_what_is_broken_is_not() {
    let folder = folder();
    let schema = the_schema();
    let mut seen = BTreeSet::new();
    let mut n_broken = 0;
    for line in LINES {
        let (document, said) = program(folder.path(), line);
        let faults = schema::faults(&schema, &document);
        assert!(faults.is_empty(), "{line}: {faults:#?}\n{document:#}\n{said}");
        let command = document["command"].as_str().unwrap().to_string();
        assert!(line.starts_with(&command), "{line}: {command}");
        assert_eq!(document["program_version"], circuit2tf::VERSION, "{line}");
        for (at, broken) in broken(&document) {
            let is_valid = schema::faults(&schema, &broken).is_empty();
            assert_eq!(is_valid, is_free(&command, &at), "{line}: changed at {at} in {broken:#}");
            n_broken += 1;
        }
        seen.insert(command);
    }
    assert!(n_broken > 2000, "{n_broken}");
    assert_eq!(
        seen,
        commands(folder.path(), ""),
        "commands of the lines above, and of the program"
    );
    let known = schema["properties"]["command"]["enum"].as_array().unwrap().iter();
    let known: BTreeSet<String> = known.map(|name| name.as_str().unwrap().to_string()).collect();
    assert_eq!(seen, known, "commands of the program, and of the schema");
}

/// An entry that must be there is missed.
#[test]
fn no_entry_can_be_left_out_unless_the_schema_says_so() {
    let folder = folder();
    let schema = the_schema();
    for (line, optional) in [
        ("loops and:4", &[][..]),
        ("census 2", &[]),
        ("families random", &[]),
        ("capacity", &[]),
        ("compile adder:2 -o m.st", &[]),
        ("verify m.st adder:2 --method exhaustive", &[]),
        ("info adder:2", &[]),
        ("run m.st --set a=1 --set b=3", &["words"]),
    ] {
        let (document, _) = program(folder.path(), line);
        for key in document.as_object().unwrap().keys() {
            let mut less = document.clone();
            less.as_object_mut().unwrap().remove(key);
            let is_valid = schema::faults(&schema, &less).is_empty();
            assert_eq!(is_valid, optional.contains(&key.as_str()), "{line} without {key}");
        }
    }
}

/// What the program prints is the file, and nothing in it is a path of this machine.
#[test]
fn the_program_prints_the_schema() {
    let output = Command::new(env!("CARGO_BIN_EXE_circuit2tf")).arg("schema").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), circuit2tf::SCHEMA);
    assert_eq!(the_schema()["$schema"], "https://json-schema.org/draft/2020-12/schema");
}
