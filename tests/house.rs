//! The house rules that a program can check: who imports whom, what each file holds, how long it takes.
//!
//! Sources are read as text with comments and string literals blanked out. The checks return what they
//! object to, and each is shown a text that breaks its rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What every room may import besides itself: values that all rooms exchange.
const SHARED: [&str; 5] = ["batch", "content", "error", "progress", "table"];

/// Rooms and what they may import; `lib` is the front door, which only declares and re-exports.
const IMPORTS: [(&str, &[&str]); 25] = [
    ("batch", &[]),
    ("table", &[]),
    ("content", &[]),
    ("error", &[]),
    ("progress", &[]),
    ("circuit", &[]),
    ("files", &[]),
    ("format", &["circuit", "files"]),
    ("family", &["circuit"]),
    ("network", &["circuit"]),
    ("mapping", &["circuit", "network"]),
    ("layout", &["circuit"]),
    ("model", &["files"]),
    ("claim", &["circuit"]),
    ("compile", &["circuit", "layout", "model", "claim", "mapping", "network"]),
    ("run", &["model"]),
    (
        "reasoning",
        &["circuit", "network", "mapping", "layout", "model", "claim", "compile", "run", "verify"],
    ),
    ("sat", &["circuit", "network"]),
    ("verify", &["circuit", "claim", "model", "run", "network", "sat"]),
    (
        "theory",
        &[
            "circuit",
            "network",
            "mapping",
            "model",
            "sat",
            "family",
            "layout",
            "compile",
            "run",
            "verify",
            "reasoning",
        ],
    ),
    ("trace", &["circuit", "claim", "mapping", "model", "network", "run", "verify"]),
    ("selftest", &["circuit", "compile", "family", "model", "run", "verify"]),
    ("figure", &["circuit", "compile", "mapping", "model", "reasoning", "theory", "trace"]),
    ("explorer", &["figure", "model", "trace"]),
    (
        "course",
        &[
            "circuit",
            "network",
            "mapping",
            "model",
            "sat",
            "family",
            "format",
            "layout",
            "claim",
            "compile",
            "run",
            "verify",
            "reasoning",
            "theory",
            "trace",
            "figure",
            "explorer",
        ],
    ),
];

/// A crate of its own in a folder of `src/`, which may use these crates and none of this project.
const CHECKER: &str = "checker";
const CHECKER_CRATES: [&str; 3] = ["serde", "serde_json", "sha2"];

/// Crates and the only rooms that may name them.
const CRATES: [(&str, &[&str]); 6] = [
    ("circuit2tf_checker", &["verify/certificate", CHECKER]),
    ("petgraph", &["circuit/graph"]),
    ("ndarray", &["model", "compile", "run", "reasoning", "theory", "trace"]),
    ("candle_core", &["run/dense", "run/device", "reasoning/learning"]),
    ("candle_nn", &["reasoning/learning"]),
    ("wgpu", &["run/gpu"]),
];

const MAX_LINES: usize = 70;

/// Folders below `src/`: a room, and a room's own rooms.
const MAX_FOLDERS: usize = 2;

/// A source file: its path below `src/` without the extension, such as `verify/shrink`, and its text.
struct Source {
    module: String,
    text: String,
    /// The text without comments and the contents of literals, line for line.
    code: String,
}

impl Source {
    fn new(module: &str, text: &str) -> Self {
        Source { module: module.to_string(), text: text.to_string(), code: code_of(text) }
    }

    fn is_of(&self, room: &str) -> bool {
        self.module.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn room(&self) -> &str {
        self.module.split('/').next().unwrap_or_default()
    }

    /// The code without the test module at its end: tests may import what they like.
    fn tested(&self) -> &str {
        match self.module.ends_with("/tests") {
            true => "",
            false => self.code.split("#[cfg(test)]\nmod ").next().unwrap_or_default(),
        }
    }

    fn is_program(&self) -> bool {
        matches!(self.room(), "main" | "cli")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    let source = |path: &PathBuf| {
        let module = path.strip_prefix(root).unwrap().with_extension("");
        let module = module.to_str().unwrap().replace(std::path::MAIN_SEPARATOR, "/");
        Source::new(&module, &fs::read_to_string(path).unwrap())
    };
    files.iter().map(source).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The text with comments and the contents of string and character literals replaced by spaces.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (length, is_code) = token(rest);
        let (token, after) = rest.split_at(length);
        match is_code {
            true => code.push_str(token),
            false => code.extend(token.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
        }
        rest = after;
    }
    code
}

/// The length of the comment, literal or character that `text` starts with, and whether it is code.
fn token(text: &str) -> (usize, bool) {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let word = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if text.starts_with("//") {
        (text.find('\n').unwrap_or(text.len()), false)
    } else if text.starts_with('"') {
        (quoted(text, '"'), false)
    } else if let Some(hashes) = raw_string(text) {
        let end = format!("\"{}", "#".repeat(hashes));
        let open = 2 + hashes;
        (text[open..].find(&end).map_or(text.len(), |at| open + at + end.len()), false)
    } else if text.starts_with("'\\")
        || text.chars().nth(2) == Some('\'') && first == 1 && text.starts_with('\'')
    {
        (quoted(text, '\''), false)
    } else {
        (word.max(first), true)
    }
}

/// The number of `#` of the raw string that `text` starts with, if it does.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The rooms that a file names through `crate::`, or by climbing to the root with `super::`.
fn imports(source: &Source) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    let climb = "super::".repeat(1 + source.module.matches('/').count());
    for prefix in ["crate::", climb.as_str()] {
        for (at, _) in source.tested().match_indices(prefix) {
            let rest = &source.tested()[at + prefix.len()..];
            let heads = match rest.strip_prefix('{') {
                Some(group) => group_heads(group),
                None => Vec::from_iter(head(rest)),
            };
            // What `super` leads to in a test module inside a file is not the root.
            let is_room = |head: &String| IMPORTS.iter().any(|(room, _)| room == head);
            rooms.extend(heads.into_iter().filter(|head| prefix == "crate::" || is_room(head)));
        }
    }
    rooms
}

/// The first word of a path.
fn head(path: &str) -> Option<String> {
    let path = path.trim_start();
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    (end > 0).then(|| path[..end].to_string())
}

/// The first words of the paths in `{a::b, c::{d, e}}`, whose opening brace is gone.
fn group_heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = Vec::from_iter(head(group));
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(head(&group[at + 1..])),
            _ => {}
        }
    }
    heads
}

fn forbidden_imports(source: &Source) -> Vec<String> {
    if source.module == "lib" || source.is_of(CHECKER) {
        return Vec::new();
    }
    let named = imports(source);
    if source.is_program() {
        let inside = |room: &&String| room.as_str() != "cli";
        let complain =
            |room| format!("{} imports crate::{room}, not the public library", source.module);
        return named.iter().filter(inside).map(complain).collect();
    }
    let room = source.room();
    let Some((name, allowed)) = IMPORTS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{} is in no room of the table", source.module)];
    };
    let may = |import: &&String| {
        let import = import.as_str();
        import == room || SHARED.contains(&import) || allowed.contains(&import)
    };
    // Names with a capital are re-exports of the front door: `crate::Error`.
    let is_room = |import: &&String| import.starts_with(char::is_lowercase);
    let wrong = named.iter().filter(is_room).filter(|import| !may(import));
    wrong
        .map(|import| format!("{} imports {import}, which {name} may not", source.module))
        .collect()
}

fn forbidden_crates(source: &Source) -> Vec<String> {
    let named = |name: &str| {
        let before = |at: usize| source.code[..at].chars().next_back();
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let hits = source.code.match_indices(name);
        hits.into_iter().any(|(at, _)| {
            !is_word(before(at)) && !is_word(source.code[at + name.len()..].chars().next())
        })
    };
    let wrong = |(name, rooms): &&(&str, &[&str])| {
        named(name) && !rooms.iter().any(|room| source.is_of(room))
    };
    let complain = |(name, rooms): &(&str, &[&str])| {
        format!("{} names {name}, which only {} may", source.module, rooms.join(", "))
    };
    CRATES.iter().filter(wrong).map(complain).collect()
}

fn bad_place(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    if source.module == "mod" || source.module.ends_with("/mod") {
        wrong.push(format!("{}.rs: a room is room.rs beside room/", source.module));
    }
    if source.module.matches('/').count() > MAX_FOLDERS {
        wrong.push(format!("{} is more than {MAX_FOLDERS} folders deep", source.module));
    }
    wrong
}

fn missing_head(source: &Source) -> Vec<String> {
    let has_head = source.text.starts_with("//! ");
    Vec::from_iter((!has_head).then(|| format!("{} does not open with //!", source.module)))
}

/// Functions of more than [`MAX_LINES`] lines, from `fn` to the closing brace.
fn long_functions(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    for (start, line) in source.code.lines().enumerate() {
        let Some(name) = line.split("fn ").nth(1).and_then(head) else { continue };
        let length = function_lines(&source.code, start);
        if length > MAX_LINES {
            let place = format!("{}:{}", source.module, start + 1);
            wrong.push(format!("{place}: fn {name} has {length} lines"));
        }
    }
    wrong
}

fn function_lines(code: &str, start: usize) -> usize {
    let mut depth = 0i32;
    for (l, line) in code.lines().skip(start).enumerate() {
        let opened = depth > 0 || line.contains('{');
        depth += line.matches('{').count() as i32 - line.matches('}').count() as i32;
        let declaration_only = !opened && line.trim_end().ends_with(';');
        if depth == 0 && (opened || declaration_only) {
            return l + 1;
        }
    }
    code.lines().count() - start
}

fn assert_none(check: impl Fn(&Source) -> Vec<String>) {
    let wrong: Vec<String> = sources().iter().flat_map(check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rooms_import_what_the_table_allows() {
    assert_none(forbidden_imports);
}

#[test]
fn crates_are_named_only_in_their_rooms() {
    assert_none(forbidden_crates);
}

#[test]
fn files_lie_in_rooms_and_open_with_what_they_are() {
    assert_none(bad_place);
    assert_none(missing_head);
}

#[test]
fn functions_fit_in_the_eye() {
    assert_none(long_functions);
}

#[test]
fn the_code_map_names_every_room_and_no_other() {
    let front_door = include_str!("../src/lib.rs");
    let rooms: BTreeSet<String> = sources()
        .iter()
        .filter(|source| !source.is_program() && source.module != "lib" && !source.is_of(CHECKER))
        .map(|source| source.room().to_string())
        .collect();
    let tabled: BTreeSet<String> = IMPORTS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(rooms, tabled);
    for room in rooms.iter().filter(|room| !["error", "progress"].contains(&room.as_str())) {
        let names = ["`{}`", "[`mod@{}`]", "(mod@{})"].map(|name| name.replace("{}", room));
        assert!(names.iter().any(|name| front_door.contains(name)), "no {room} in src/lib.rs");
    }
}

/// The three absences, by name, so that nobody loosens the table without meeting them here.
#[test]
fn the_three_absences_hold() {
    let allowed = |room: &str| IMPORTS.iter().find(|(name, _)| *name == room).unwrap().1;
    for trusted in ["compile", "layout", "mapping"] {
        assert!(!allowed("verify").contains(&trusted), "the checker does not trust the compiler");
    }
    assert!(!allowed("run").contains(&"circuit"), "a model is whole without its circuit");
    assert!(CRATES.contains(&("petgraph", &["circuit/graph"])));
}

/// The crates under a `[dependencies]` of any kind.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    for section in manifest.split("\n[").skip(1) {
        let (title, lines) = section.split_once(']').unwrap_or_default();
        let entries = lines.lines().filter_map(|line| line.split_once('='));
        match title.rsplit('.').next() {
            Some(kind) if kind.ends_with("dependencies") => {
                names.extend(entries.map(|(name, _)| name.trim().to_string()));
            }
            Some(name) if title.contains("dependencies.") => names.push(name.to_string()),
            _ => {}
        }
    }
    names
}

/// The wall: what checks a certificate cannot name what found it, as it is another crate that knows nothing of this one.
#[test]
fn the_checker_depends_on_nothing_of_ours() {
    let manifest = include_str!("../src/checker/Cargo.toml");
    assert_eq!(dependencies(manifest), CHECKER_CRATES);
    assert!(!manifest.contains("path = \"..") && !manifest.contains("build ="), "{manifest}");
    for source in sources().iter().filter(|source| source.is_of(CHECKER)) {
        for way in ["include", "#[path", "circuit2tf::"] {
            assert!(!source.code.contains(way), "{} has {way}", source.module);
        }
    }
    let other = "[package]\n[dependencies]\na = \"1\"\n[target.x.dependencies]\nb.path = \"..\"\n\
                 [dev-dependencies.c]\npath = \"..\"\n";
    assert_eq!(dependencies(other), ["a", "b.path", "c"]);
}

/// What has to be trusted, in lines of code: those that are neither empty nor a comment.
#[test]
fn the_lines_that_are_trusted_are_counted() {
    let sources = sources();
    let lines = sources.iter().filter(|source| source.is_of(CHECKER)).flat_map(|s| s.code.lines());
    let n_lines = lines.filter(|line| !line.trim().is_empty()).count();
    for (name, text) in [
        ("README.md", include_str!("../README.md")),
        ("examples/certificate.md", include_str!("../examples/certificate.md")),
    ] {
        let says = format!("{n_lines} lines of code");
        assert!(text.contains(&says), "{name} does not say that the checker has {says}");
    }
}

#[test]
fn every_check_can_say_no() {
    type Check = fn(&Source) -> Vec<String>;
    let long = format!("//! A.\nfn f() {{\n{}}}\n", "    g();\n".repeat(MAX_LINES - 1));
    let longest = format!("//! A.\nfn f() {{\n{}}}\n", "    g();\n".repeat(MAX_LINES - 2));
    let cases: &[(Check, &str, &str, bool)] = &[
        (forbidden_imports, "verify/sample", "use crate::compile::compile;", true),
        (forbidden_imports, "verify", "fn f(l: &crate::layout::Layout) {}", true),
        (forbidden_imports, "verify", "use crate::{claim, mapping::map};", true),
        (
            forbidden_imports,
            "verify",
            "use crate::{\n    model::{Model, file},\n    mapping,\n};",
            true,
        ),
        (forbidden_imports, "verify", "use crate::{model::{Model, compile}, run::Engine};", false),
        (forbidden_imports, "verify", "// use crate::compile;\nuse crate::run::Engine;", false),
        (forbidden_imports, "verify", "let s = \"crate::compile\";", false),
        (forbidden_imports, "verify", "let s = r#\"\"crate::compile\"\"#;", false),
        (forbidden_imports, "verify", "let c = '\"'; use crate::compile; let d = '\"';", true),
        (forbidden_imports, "verify", "fn f<'a>(x: &'a str) -> crate::compile::T<'a> {}", true),
        (forbidden_imports, "verify", "use super::compile::compile;", true),
        (forbidden_imports, "verify/sample", "use super::super::{model, layout};", true),
        (forbidden_imports, "verify/sample", "use super::{Progress, compare};", false),
        (
            forbidden_imports,
            "verify",
            "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::compile;",
            false,
        ),
        (forbidden_imports, "verify", "#[cfg(test)]\nuse crate::compile;", true),
        (forbidden_imports, "verify/certificate", "use crate::compile::compile;", true),
        (forbidden_imports, "checker/layer", "use crate::compile::compile;", false),
        (forbidden_imports, "run/dense", "use crate::circuit::Circuit;", true),
        (forbidden_imports, "run/dense", "use crate::{Error, model::Model};", false),
        (forbidden_imports, "family/adder", "use crate::mapping::map;", true),
        (forbidden_imports, "cellar", "", true),
        (forbidden_imports, "cli/run", "use crate::run::Engine;", true),
        (forbidden_imports, "cli/run", "use circuit2tf::run::Engine;", false),
        (forbidden_crates, "verify", "use petgraph::graph::DiGraph;", true),
        (forbidden_crates, "circuit/graph", "use petgraph::graph::DiGraph;", false),
        (forbidden_crates, "circuit/graphs", "use petgraph::graph::DiGraph;", true),
        (forbidden_crates, "layout", "fn f() -> ndarray::Array1<f64> {}", true),
        (forbidden_crates, "layout", "fn ndarrays() {} // ndarray", false),
        (forbidden_crates, "run/reference", "use wgpu::Device;", true),
        (bad_place, "run/mod", "", true),
        (bad_place, "run/gpu/shader/half", "", true),
        (bad_place, "format/blif/cover", "", false),
        (missing_head, "run", "use crate::model;\n//! Late.", true),
        (missing_head, "run", "//! Engines.", false),
        (long_functions, "run", &long, true),
        (long_functions, "run", &longest, false),
    ];
    for (check, module, text, objects) in cases {
        let found = check(&Source::new(module, text));
        assert_eq!(!found.is_empty(), *objects, "{module}: {text}\n{found:?}");
    }
}
