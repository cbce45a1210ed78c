//! What takes too long is said before it is begun, and an interrupted check is no verdict.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_circuit2tf");

/// Far more than any command below takes, and far less than running what it is asked to run.
const SOON: Duration = Duration::from_secs(20);

struct Folder(TempDir);

impl Folder {
    /// With the circuit `buf.bench`, and the model `endless`: 6 kB, 512 positions, 2^28 loops.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let model = include_bytes!("models/endless.st");
        fs::write(folder.path().join("endless"), model).unwrap();
        let buffer = "INPUT(x0)\nOUTPUT(y0)\ny0 = BUFF(x0)\n";
        fs::write(folder.path().join("buf.bench"), buffer).unwrap();
        Folder(folder)
    }

    fn start(&self, words: &str) -> Child {
        let mut command = Command::new(PROGRAM);
        command.args(words.split_whitespace()).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Exit status, stdout and stderr of a command that ends soon.
    fn call(&self, words: &str) -> (Option<i32>, String, String) {
        let mut child = self.start(words);
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > SOON {
                child.kill().unwrap();
                panic!("{words} does not end");
            }
            sleep(Duration::from_millis(5));
        }
        texts(child.wait_with_output().unwrap())
    }
}

fn texts(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_small_file_that_asks_for_endless_loops_is_refused_with_what_it_would_take() {
    let folder = Folder::new();
    for words in [
        "run endless 0",
        "run endless 1 --engine dense",
        "verify endless buf.bench --method exhaustive",
        "verify endless buf.bench --method sample",
        "verify endless buf.bench --method sample --samples 3 --engine reference",
        "verify endless buf.bench --method exhaustive --engine dense",
        "verify endless buf.bench --engines all",
        "verify endless buf.bench --engines reference,dense",
        "verify endless buf.bench --method exhaustive --shard 1/1 -o s.json",
        "halting endless --rule fixed-point",
        "halting endless --rule stable-output --circuit buf.bench",
        "trace endless 0",
        "trace endless 0 --circuit buf.bench",
        "plot stream endless -o x.svg",
        "plot attention endless -o x.svg",
    ] {
        let (status, out, err) = folder.call(words);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{words}: {err}");
        let last = err.lines().last().unwrap();
        assert!(last.starts_with("error: ") && last.contains("268435456"), "{words}: {err}");
        assert!(
            !folder.0.path().join("s.json").exists() && !folder.0.path().join("x.svg").exists()
        );
    }
    let (.., err) = folder.call("run endless 0");
    assert!(err.contains("--budget") && err.contains("--loops"), "{err}");
}

/// What does not run the loops is not hindered by their number; nor does anything else hang.
#[test]
fn commands_that_look_at_an_endless_model_end() {
    let folder = Folder::new();
    for (words, statuses) in [
        ("verify endless buf.bench", &[0, 1, 3][..]),
        ("verify endless buf.bench --method certificate --certificate c.json", &[0, 1, 3]),
        ("verify endless buf.bench --method miter", &[0, 1, 3]),
        ("check c.json endless buf.bench", &[0, 3]),
        ("decompile endless", &[0, 2]),
        ("info endless", &[0]),
        ("info endless --receptive-fields", &[0]),
        ("explore endless -o page.html", &[0, 2]),
        ("plot circuit endless --bits 1 -o x.svg", &[0, 2]),
        ("run endless 0 --loops 2", &[0]),
        ("trace endless 0 --loops 2", &[0]),
        ("verify endless buf.bench --loops 2 --method exhaustive", &[0, 3]),
        ("verify endless buf.bench --loops 2 --engines all", &[0, 3]),
    ] {
        let (status, out, err) = folder.call(words);
        assert!(statuses.contains(&status.unwrap()), "{words}: {status:?} {out}{err}");
    }
}

#[test]
fn an_exhaustive_check_that_takes_too_long_says_what_it_takes() {
    let folder = Folder::new();
    folder.call("compile adder:20 -o m");
    folder.call("compile adder:20 --scheme universal -o u");
    for words in [
        "verify m adder:20 --method exhaustive",
        "verify m adder:20 --method exhaustive --engine reference",
        "verify m adder:20 --method sample --samples 1000000000000",
        "verify u adder:20 --method exhaustive",
        "verify m adder:20 --method exhaustive --shard 1/2 -o s.json",
    ] {
        let (status, out, err) = folder.call(words);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{words}: {err}");
        assert!(err.contains("operations, ") && err.contains("--budget SECONDS"), "{err}");
    }
    folder.call("compile adder:2 -o small");
    let exhaustive = "verify small adder:2 --method exhaustive";
    for (budget, expected) in [("", 0), (" --budget 0", 2), (" --budget 1", 0)] {
        let (status, out, err) = folder.call(&format!("{exhaustive}{budget}"));
        assert_eq!(status, Some(expected), "{budget}: {out}{err}");
    }
}

/// Also where no assignment is under way: the status is that of an interrupt, and stdout is empty.
#[cfg(unix)]
#[test]
fn an_interrupt_is_no_verdict() {
    let folder = Folder::new();
    folder.call("compile mult:9 -o m");
    folder.call("compile adder:20 -o a");
    let budget = "--budget 1000000000000";
    for (words, counted) in [
        ("verify m mult-wallace:9 --method miter".to_string(), false),
        (format!("verify a adder:20 --method exhaustive {budget}"), true),
        (format!("verify a adder:20 --engines all --samples 1000000000 {budget}"), true),
        (format!("halting adder:20 --samples 1000000000000 {budget}"), true),
        (format!("run endless 0 {budget}"), false),
    ] {
        let child = folder.start(&words);
        sleep(Duration::from_millis(700));
        let interrupt = format!("kill -INT {}", child.id());
        Command::new("sh").args(["-c", &interrupt]).status().unwrap();
        let (status, out, err) = texts(child.wait_with_output().unwrap());
        assert_eq!((status, out.as_str()), (Some(130), ""), "{words}: {err}");
        let last = err.lines().last().unwrap();
        assert!(last.starts_with("error: stopped"), "{words}: {err}");
        assert_eq!(counted, last.contains(" of "), "{words}: {err}");
    }
}
