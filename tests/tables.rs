//! The printer of tables from outside: every command that prints one prints it in every form, and each form
//! keeps its rules.

use std::process::{Command, Output};

/// Commands that print a table, each in some milliseconds.
const COMMANDS: &[&str] = &[
    "compare and:2 parity:4 --no-verify",
    "loops and:4 --table",
    "loops adder:2",
    "depth 0xe8",
    "depth adder:2",
    "depth parity:6",
    "census 2",
    "capacity",
    "capacity adder:2 --dtype f16",
    "capacity latch --loops 100 --dtype f16",
    "learn gradients and:2 --loops 3 --seeds 2 --gain 0.4 --beta 1",
    "learn parities 2 --loops 1 --seeds 2",
    "learn train and:2 --loops 1 --seeds 1 --steps 1",
    "claims",
    "claims census",
    "claims --references",
    "claims check universal-layer",
    "info adder:2",
    "families",
    "families random",
    "devices",
    "plot circuit adder:2 --bits 1101",
    "plot stream and:2",
    "plot attention and:2",
    "plot loops and:4",
    "plot tradeoff and:4",
    "course list",
    "course progress",
];

fn call(words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
    // No progress of somebody else.
    command.args(words.split(' ')).env("CIRCUIT2TF_STATE", "no/such/state").output().unwrap()
}

fn print(words: &str, format: &str) -> String {
    let words = format!("{words} --format {format}");
    let output = call(&words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What follows the first head of a table up to the next line that is none of its rows.
fn csv_tables(text: &str) -> Vec<Vec<csv::StringRecord>> {
    let read = |table: &str| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
        reader.records().collect::<Result<Vec<_>, _>>().unwrap_or_else(|e| panic!("{e}: {table}"))
    };
    text.split("\n\n").map(read).collect()
}

/// The reader refuses a table whose rows are not as long as its head.
#[test]
fn csv_is_tables_alone() {
    for words in COMMANDS {
        let tables = csv_tables(&print(words, "csv"));
        assert!(tables.iter().all(|table| !table.is_empty() && !table[0].is_empty()), "{words}");
    }
    let uneven = csv::Reader::from_reader("a,b\n1\n".as_bytes()).records().next().unwrap();
    assert!(uneven.is_err());
}

/// The bars of a line that are not escaped.
fn bars(line: &str) -> usize {
    line.replace("\\\\", "").replace("\\|", "").matches('|').count()
}

#[test]
fn markdown_tables_have_a_rule_and_as_many_cells_in_every_row() {
    for words in COMMANDS {
        let text = print(words, "markdown");
        let blocks = text.split("\n\n").filter(|block| block.starts_with('|'));
        let tables: Vec<Vec<&str>> = blocks.map(|block| block.lines().collect()).collect();
        assert!(!tables.is_empty(), "{words}: {text}");
        for table in tables {
            assert!(table[1].chars().all(|c| "|-: ".contains(c)), "{words}: {}", table[1]);
            assert!(table.iter().all(|line| bars(line) == bars(table[0])), "{words}: {table:#?}");
        }
    }
    assert_eq!(bars(r"| a \| b \\| c |"), 3);
}

/// Whether a text has a character that LaTeX reads and that is not escaped.
fn latex_fault(text: &str) -> Option<String> {
    let inside = text.lines().filter(|line| !line.starts_with('%') && !line.starts_with("\\begin"));
    for line in inside.filter(|line| !line.starts_with("\\end")) {
        let row = line.strip_suffix(" \\\\").unwrap_or(line);
        for cell in row.split(" & ") {
            let mut bare = cell.replace("\\textbackslash{}", "");
            for word in ["toprule", "midrule", "bottomrule"] {
                bare = bare.replace(&format!("\\{word}"), "");
            }
            for name in ["asciitilde", "asciicircum", "less", "greater", "bar"] {
                bare = bare.replace(&format!("\\text{name}{{}}"), "");
            }
            for c in ["\\&", "\\%", "\\$", "\\#", "\\_", "\\{", "\\}", "{}", "{[}"] {
                bare = bare.replace(c, "");
            }
            if bare.contains(['&', '%', '$', '#', '_', '{', '}', '~', '^', '\\', '<', '>', '|']) {
                return Some(line.to_string());
            }
        }
    }
    None
}

#[test]
fn latex_tables_are_closed_ruled_and_escaped() {
    for words in COMMANDS {
        let text = print(words, "latex");
        let count = |part: &str| text.matches(part).count();
        let n = count("\\begin{tabular}{");
        assert!(n > 0, "{words}: {text}");
        for part in ["\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}"] {
            assert_eq!(count(part), n, "{words}: {part}");
        }
        assert_eq!(latex_fault(&text), None, "{words}");
        for table in text.split("\\begin{tabular}{").skip(1) {
            let columns = table.find('}').unwrap();
            let rows = table.lines().filter(|line| line.ends_with(" \\\\"));
            for row in rows {
                assert_eq!(row.matches(" & ").count() + 1, columns, "{words}: {row}");
            }
        }
    }
    for fault in ["a_b \\\\", "50 % & x \\\\", "a < b \\\\", "x^2 \\\\"] {
        assert!(latex_fault(fault).is_some(), "{fault}");
    }
}

/// Rows of tables; the sentences beside them are wrapped by whoever shows them.
#[test]
fn text_tables_fit_a_page() {
    for words in [
        "compare and:2 parity:4 --no-verify",
        "learn gradients and:2 --loops 16 --seeds 2",
        "plot circuit adder:2",
        "plot stream adder:2",
        "plot tradeoff adder:4",
    ] {
        let text = print(words, "text");
        let parts = text.lines().filter(|line| line.ends_with(" parts)")).count();
        let rows = text.lines().filter(|line| line.contains("  "));
        for row in rows {
            assert!(row.chars().count() <= 80, "{words}: {row}");
        }
        assert!(parts > 0 || !words.starts_with("compare"), "{words}");
    }
}

#[test]
fn json_is_the_same_by_both_flags_and_says_what_made_it() {
    for words in COMMANDS {
        let json = print(words, "json");
        let output = call(&format!("{words} --json"));
        assert_eq!(json.as_bytes(), output.stdout, "{words}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["program_version"], env!("CARGO_PKG_VERSION"), "{words}");
        let command = json["command"].as_str().unwrap();
        assert!(!command.is_empty() && words.starts_with(command), "{words}: {command}");
    }
}

/// All digits stand in CSV, and few in the other forms.
#[test]
fn csv_has_the_numbers_of_json() {
    let json: serde_json::Value = serde_json::from_str(&print("capacity", "json")).unwrap();
    let csv = print("capacity", "csv");
    let bits = json["formats"][1]["bits"].as_f64().unwrap();
    assert!(
        csv.contains(&bits.to_string()) && !print("capacity", "text").contains(&bits.to_string())
    );
}

#[test]
fn files_are_written_in_the_form_of_their_extension_and_as_many_as_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let names = ["a.txt", "a.json", "a.csv", "a.md", "a.tex"];
    let flags: Vec<String> =
        names.iter().map(|name| format!("-o {}", path(name).display())).collect();
    let output = call(&format!("loops and:4 {}", flags.join(" ")));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), 6, "{said}");
    // The verdict is the last line whatever is written.
    assert!(said.lines().last().unwrap().starts_with("LOOPS least="), "{said}");
    for (name, format) in names.iter().zip(["text", "json", "csv", "markdown", "latex"]) {
        let written = std::fs::read_to_string(path(name)).unwrap();
        assert_eq!(written, print("loops and:4", format), "{name}");
    }
}

/// A command prints nothing on stderr when it is asked to be quiet, and its errors all the same.
#[test]
fn quiet_is_quiet_but_for_errors() {
    let noisy = call("run --help");
    assert_eq!(noisy.status.code(), Some(0));
    let words = "eval adder:2 --set a=1 --set b=2";
    assert!(!call(words).stderr.is_empty());
    for flag in ["-q", "--quiet"] {
        let output = call(&format!("{words} {flag}"));
        assert!(output.stderr.is_empty() && output.stdout == call(words).stdout);
    }
    let output = call("eval adder:2 01 -q");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "));
}

#[test]
fn threads_are_as_many_as_asked_for_and_change_no_result() {
    let words = "compare adder:4 --scheme universal";
    let all = call(words).stdout;
    for n in [1, 3] {
        assert_eq!(call(&format!("{words} --threads {n}")).stdout, all, "{n}");
    }
    for wrong in ["0", "-1", "many", "99999999"] {
        assert_eq!(call(&format!("{words} --threads {wrong}")).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn the_manual_has_a_page_for_every_command_and_shells_get_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert_eq!(call(&format!("man -o {}", pages.display())).status.code(), Some(0));
    let names: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in ["circuit2tf.1", "circuit2tf-compile.1", "circuit2tf-course-check.1"] {
        assert!(names.iter().any(|found| found == name), "{name} is none of {names:?}");
    }
    for name in &names {
        let page = std::fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(".TH ") && page.contains(".SH NAME"), "{name}");
        assert!(name == "circuit2tf.1" || page.contains("Example:"), "{name}");
    }
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef circuit2tf"),
        ("fish", "complete -c circuit2tf"),
    ] {
        let script = String::from_utf8(call(&format!("completions {shell}")).stdout).unwrap();
        assert!(script.contains(sign) && script.contains("decompile"), "{shell}");
    }
    assert_eq!(call("completions csh").status.code(), Some(2));
}
