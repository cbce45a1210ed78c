//! Files that commands write: the extension says the format, no input is ever replaced, and a file is there
//! whole or not at all, however the run ends.
//!
//! One table holds every command that writes a file, and a test finds commands that it lacks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A command with `IN` for its input, and `OUT` for what it writes.
struct Case {
    words: &'static str,
    input: Input,
    /// The extensions that it takes; none for a folder.
    extensions: &'static [&'static str],
    /// Whether a name without an extension is enough.
    nameless: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Input {
    None,
    Circuit,
    Model,
    /// A CSV file with students.
    Table,
    /// A CSV file with their answers.
    Answers,
}

const fn case(
    words: &'static str,
    input: Input,
    extensions: &'static [&'static str],
    nameless: bool,
) -> Case {
    Case { words, input, extensions, nameless }
}

const CIRCUITS: &[&str] = &["aag", "aig", "bench", "blif", "txt", "v", "json"];

/// What a table is written as, and what is also drawn or cited.
const TABLES: &[&str] = &["txt", "json", "csv", "md", "tex"];
const FIGURES: &[&str] = &["txt", "json", "csv", "md", "tex", "svg"];
const LITERATURE: &[&str] = &["txt", "json", "csv", "md", "tex", "bib"];

const CASES: &[Case] = &[
    case("gen adder:2 -o OUT", Input::None, CIRCUITS, false),
    case("convert IN OUT", Input::Circuit, CIRCUITS, false),
    case("decompile IN -o OUT", Input::Model, CIRCUITS, false),
    case("compile IN -o OUT", Input::Circuit, &["safetensors", "st"], true),
    case("construct parity-f16:2 -o OUT", Input::None, &["safetensors", "st"], true),
    case("verify IN adder:2 --certificate OUT", Input::Model, &["json", "cert"], true),
    case("verify IN adder:2 --loops 1 --shrink OUT", Input::Model, CIRCUITS, false),
    case(
        "verify IN adder:2 --method exhaustive --shard 1/1 -o OUT",
        Input::Model,
        &["json", "shard"],
        true,
    ),
    case("halting IN -o OUT", Input::Circuit, &["csv", "svg"], false),
    case("compare IN -o OUT", Input::Circuit, FIGURES, true),
    case("plot circuit IN -o OUT", Input::Model, FIGURES, true),
    case("plot stream IN -o OUT", Input::Circuit, FIGURES, true),
    case("plot attention IN -o OUT", Input::Circuit, FIGURES, true),
    case("plot loops IN -o OUT", Input::Circuit, FIGURES, true),
    case("plot tradeoff IN -o OUT", Input::Circuit, FIGURES, true),
    case("explore IN -o OUT", Input::Circuit, &["html", "htm"], true),
    case("learn gradients IN --loops 1 --seeds 1 -o OUT", Input::Circuit, FIGURES, true),
    case("learn parities 2 --loops 1 --seeds 1 -o OUT", Input::None, TABLES, true),
    case("learn train IN --loops 1 --seeds 1 --steps 1 -o OUT", Input::Circuit, FIGURES, true),
    case("info IN -o OUT", Input::Model, TABLES, true),
    case("loops IN -o OUT", Input::Circuit, TABLES, true),
    case("depth IN -o OUT", Input::Circuit, TABLES, true),
    case("census 2 -o OUT", Input::None, TABLES, true),
    case("capacity IN -o OUT", Input::Circuit, TABLES, true),
    case("capacity latch --loops 10 --dtype f16 -o OUT", Input::None, TABLES, true),
    case("families adder -o OUT", Input::None, TABLES, true),
    case("devices -o OUT", Input::None, TABLES, true),
    case("claims census -o OUT", Input::None, TABLES, true),
    case("claims --references -o OUT", Input::None, LITERATURE, true),
    case("claims check universal-layer -o OUT", Input::None, TABLES, true),
    case("course list -o OUT", Input::None, TABLES, true),
    case("course progress -o OUT", Input::None, TABLES, true),
    case("course grade IN -o OUT", Input::Answers, TABLES, true),
    case("course answer 28 -o OUT", Input::None, &["bench"], true),
    case("course answer 7 -o OUT", Input::None, &["json"], true),
    case("course answer 27 -o OUT", Input::None, &["rs"], true),
    case("course sheet --exercises 3 -o OUT", Input::None, &["md", "html"], true),
    case("course sheet --exercises 3 --seed a-secret --roster IN -o OUT", Input::Table, &[], true),
    case("course start -o OUT", Input::None, &[], true),
    case("course book -o OUT", Input::None, &[], true),
    case("man -o OUT", Input::None, &[], true),
];

/// Extensions that say something, for a name that is wrong for a command.
const OTHERS: &[&str] = &[
    "aag",
    "aig",
    "bench",
    "blif",
    "txt",
    "v",
    "json",
    "safetensors",
    "st",
    "html",
    "svg",
    "csv",
    "md",
    "tex",
    "bib",
    "rs",
    "png",
    "pdf",
    "onnx",
    "doc",
    "gguf",
];

struct Session(TempDir);

impl Session {
    /// A folder with a circuit, a model that is wrong after one loop, and a class.
    fn new() -> Self {
        let session = Session(tempfile::tempdir().unwrap());
        session.ok("gen adder:2 -o circuit.bench");
        session.ok("compile adder:2 -o model.safetensors");
        fs::write(session.path("table.csv"), "student\nada\n").unwrap();
        fs::write(session.path("answers.csv"), "student,exercise,answer\nada,3,10 40 3\n").unwrap();
        session
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, words: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
        command.args(words.split_whitespace()).current_dir(self.0.path());
        command.env("CIRCUIT2TF_STATE", self.path("state.json")).output().unwrap()
    }

    fn ok(&self, words: &str) {
        let output = self.call(words);
        assert_eq!(output.status.code(), Some(0), "{words}: {}", text(&output.stderr));
    }

    /// The call ends with status 2 and says `part`; no file is made or changed.
    fn refused(&self, words: &str, part: &str) {
        let before = self.files();
        let output = self.call(words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(part), "{words}: {said} lacks {part}");
        assert!(output.stdout.is_empty(), "{words}");
        assert!(self.files() == before, "{words}: {said}: files were changed");
    }

    fn files(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(&path).unwrap_or_default()))
            .collect();
        files.sort();
        files
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Case {
    fn input(&self) -> &'static str {
        match self.input {
            Input::None => "",
            Input::Circuit => "circuit.bench",
            Input::Model => "model.safetensors",
            Input::Table => "table.csv",
            Input::Answers => "answers.csv",
        }
    }

    fn command(&self, output: &str) -> String {
        self.words.replace("IN", self.input()).replace("OUT", output)
    }
}

/// What a file holds, by its first bytes.
fn is_of(extension: &str, bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
    let first = start.lines().next().unwrap_or_default();
    match extension {
        "aag" => first.starts_with("aag "),
        "aig" => first.starts_with("aig "),
        "bench" => start.contains("INPUT("),
        "blif" => start.contains(".model"),
        "v" => start.contains("module "),
        "json" | "cert" | "shard" => first.starts_with(['{', '[']),
        "safetensors" | "st" => bytes[8] == b'{',
        "html" | "htm" => first.eq_ignore_ascii_case("<!doctype html>"),
        "svg" => first.starts_with("<svg"),
        "csv" => first.contains(',') && !first.contains(['|', '<', '{']),
        "md" => first.starts_with(['#', '|']) || start.contains("\n|"),
        "tex" => start.contains("\\begin{tabular}"),
        "bib" => first.starts_with('@'),
        "rs" => start.contains("pub fn "),
        "txt" => !first.contains(['<', '|', '{']) && !first.starts_with("student,"),
        _ => panic!("no sign of {extension}"),
    }
}

#[test]
fn the_extension_says_the_format() {
    let session = Session::new();
    for case in CASES {
        for extension in case.extensions {
            for name in [format!("out.{extension}"), format!("out.{}", extension.to_uppercase())] {
                let words = case.command(&name);
                let output = session.call(&words);
                assert_ne!(output.status.code(), Some(2), "{words}: {}", text(&output.stderr));
                let bytes =
                    fs::read(session.path(&name)).unwrap_or_else(|e| panic!("{words}: {e}"));
                assert!(
                    is_of(extension, &bytes),
                    "{words}: {}",
                    text(&bytes[..bytes.len().min(80)])
                );
                fs::remove_file(session.path(&name)).unwrap();
            }
        }
        if case.extensions.is_empty() {
            session.refused(&case.command("out.html"), "name of a folder");
            continue;
        }
        for other in OTHERS.iter().filter(|other| !case.extensions.contains(other)) {
            let named = format!(".{}", case.extensions[0]);
            session.refused(&case.command(&format!("out.{other}")), &named);
        }
        if !case.nameless {
            session.refused(&case.command("out"), ".");
        }
    }
    for (words, part) in [
        ("gen adder:2 --format blif -o x.aag", "a name that ends in .blif"),
        ("convert circuit.bench x.svg --format aag", "a name that ends in .aag"),
        ("compare circuit.bench --format csv -o x.svg", "a name that ends in .csv"),
        ("course sheet --exercises 3 --format md -o x.html", "a name that ends in .md"),
        (
            "verify model.safetensors adder:2 --loops 1 --certificate x.json --shrink ./x.json",
            "same file",
        ),
        ("learn gradients --loops 1 --seeds 1 -o x.csv -o ./x.csv", "same file"),
        ("claims -o x.bib", "--references, for BibTeX"),
        ("course answer 3 -o x", "answer is a file"),
    ] {
        session.refused(words, part);
    }
    session.ok("gen adder:2 --format blif -o circuit");
    session.ok("gen adder:2 --format bench -o circuit.isc");
}

/// Whether a command's help offers to write a file.
fn writes(help: &str) -> bool {
    let flags = ["-o, --output", "-o <", "--certificate <", "--shrink <", "[OUT]", "<OUT>"];
    flags.iter().any(|flag| help.contains(flag))
}

/// The commands below one, by its help.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names =
        lines.take_while(|line| line.starts_with(' ')).filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_string).collect()
}

#[test]
fn the_table_has_every_command_that_writes() {
    let session = Session(tempfile::tempdir().unwrap());
    let help = |words: &str| text(&session.call(&format!("{words} --help")).stdout);
    let mut lacking = Vec::new();
    let mut seen = 0;
    for command in commands(&help("")) {
        let below: Vec<String> =
            commands(&help(&command)).iter().map(|name| format!("{command} {name}")).collect();
        for name in [command].into_iter().chain(below) {
            let is_tabled = CASES.iter().any(|case| case.words.starts_with(&format!("{name} ")));
            seen += usize::from(is_tabled);
            if writes(&help(&name)) && !is_tabled {
                lacking.push(name);
            }
        }
    }
    assert!(seen > 15, "{seen} commands are in the table");
    assert!(lacking.is_empty(), "not in the table: {lacking:?}");
}

/// The input under another path, and through links of both kinds, is the input.
#[test]
#[cfg(unix)]
fn no_command_replaces_its_input() {
    for case in CASES.iter().filter(|case| case.input != Input::None && !case.extensions.is_empty())
    {
        for extension in case.extensions {
            let session = Session::new();
            // Readers go by content.
            let input = format!("input.{extension}");
            fs::rename(session.path(case.input()), session.path(&input)).unwrap();
            let soft = format!("soft.{extension}");
            std::os::unix::fs::symlink(&input, session.path(&soft)).unwrap();
            let hard = format!("hard.{extension}");
            fs::hard_link(session.path(&input), session.path(&hard)).unwrap();
            fs::create_dir(session.path("folder")).unwrap();
            let whole = session.path(&input).to_string_lossy().into_owned();
            for output in
                [&input, &format!("./{input}"), &format!("folder/../{input}"), &whole, &soft, &hard]
            {
                let words = case.words.replace("IN", &input).replace("OUT", output);
                session.refused(&words, "the same file as the input");
                let words = case.words.replace("IN", &soft).replace("OUT", output);
                session.refused(&words, "the same file as the input");
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn what_comes_from_stdin_is_an_input_too() {
    let session = Session::new();
    let before = session.files();
    for words in ["convert - circuit.bench", "convert /dev/stdin circuit.bench"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
        let stdin = fs::File::open(session.path("circuit.bench")).unwrap();
        command.args(words.split(' ')).current_dir(session.0.path()).stdin(stdin);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(
            text(&output.stderr).contains("the same file as the input"),
            "{}",
            text(&output.stderr)
        );
        assert!(session.files() == before);
    }
    // The circuit, the second of two inputs, is one too.
    fs::write(session.path("c.json"), fs::read(session.path("circuit.bench")).unwrap()).unwrap();
    session.refused(
        "verify model.safetensors c.json --certificate c.json",
        "the same file as the input c.json",
    );
}

#[test]
fn names_that_cannot_be_written_are_errors_with_a_hint_before_the_work() {
    let session = Session::new();
    fs::create_dir(session.path("folder")).unwrap();
    fs::write(session.path("file"), "").unwrap();
    for case in CASES.iter().filter(|case| !case.extensions.is_empty()) {
        let extension = case.extensions[0];
        let folder = format!("folder.{extension}");
        fs::create_dir(session.path(&folder)).unwrap();
        session.refused(&case.command(&folder), "hint: give the name of a file in it");
        session.refused(
            &case.command(&format!("missing/x.{extension}")),
            "hint: the folder must exist",
        );
        session.refused(&case.command(&format!("file/x.{extension}")), "hint: ");
        fs::remove_dir(session.path(&folder)).unwrap();
    }
    for case in CASES.iter().filter(|case| case.extensions.is_empty()) {
        session.refused(&case.command("file"), "hint: ");
        session.refused(&case.command("file/x"), "hint: ");
    }
    #[cfg(target_os = "linux")]
    for words in [
        "gen adder:2 --format aag -o /dev/full",
        "compile adder:2 -o /dev/full",
        "explore adder:2 -o /dev/full",
        "plot circuit adder:2 -o /dev/full",
        "verify model.safetensors adder:2 --certificate /dev/full",
        "course answer 28 -o /dev/full",
    ] {
        session.refused(words, "hint: there is no room left");
    }
}

/// Killed in the middle of a write, by the limit on the size of a file.
#[test]
#[cfg(target_os = "linux")]
fn a_write_that_is_killed_leaves_nothing_behind() {
    use std::os::unix::process::ExitStatusExt;
    let session = Session::new();
    fs::write(session.path("old.blif"), "old").unwrap();
    let before = session.files();
    for name in ["new.blif", "old.blif"] {
        let program = env!("CARGO_BIN_EXE_circuit2tf");
        let line = format!("ulimit -c 0; ulimit -f 8; exec {program} gen mult:16 -o {name}");
        let output =
            Command::new("sh").args(["-c", &line]).current_dir(session.0.path()).output().unwrap();
        assert!(output.status.signal().is_some(), "{line}: {output:?}");
        assert!(session.files() == before, "{line}: {:?}", names(session.0.path()));
    }
    session.ok("gen mult:16 -o new.blif");
    session.ok("gen mult:16 -o old.blif");
    assert!(fs::metadata(session.path("old.blif")).unwrap().len() > 8 * 1024);
    assert!(!names(session.0.path()).iter().any(|name| name.starts_with('.')));
}

#[cfg(unix)]
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// A link stays one, also to a file that is not there yet; a file that is replaced keeps its permissions.
#[test]
#[cfg(unix)]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let session = Session::new();
    fs::create_dir(session.path("folder")).unwrap();
    symlink("folder/real.blif", session.path("link.blif")).unwrap();
    for _ in 0..2 {
        session.ok("gen adder:2 -o link.blif");
        assert!(fs::symlink_metadata(session.path("link.blif")).unwrap().is_symlink());
        assert!(is_of("blif", &fs::read(session.path("folder/real.blif")).unwrap()));
    }
    let mode = |name: &str| fs::metadata(session.path(name)).unwrap().permissions().mode() & 0o777;
    fs::write(session.path("ordinary"), "").unwrap();
    assert_eq!(mode("folder/real.blif"), mode("ordinary"));
    fs::set_permissions(session.path("folder/real.blif"), fs::Permissions::from_mode(0o600))
        .unwrap();
    session.ok("gen adder:3 -o link.blif");
    assert_eq!(mode("folder/real.blif"), 0o600);
}
