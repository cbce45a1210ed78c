//! Readers on damaged files: whatever the bytes, they give a circuit or an error, never a panic, and a
//! circuit that is read can be written and read again.
//!
//! `CIRCUIT2TF_FUZZ=1000000` sets the number of damaged files.

use std::fs;
use std::path::Path;

use circuit2tf::format::{self, Loaded, aiger, bristol, json};
use proptest::prelude::*;
use proptest::sample::Index;

/// Damaged files by default.
const CASES: u32 = 2000;

/// One change to the bytes of a file; positions are taken modulo its length.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    SwapLines(Index, Index),
    Truncate(Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let n = bytes.len();
        let range = |at: &Index, length: usize| {
            let start = at.index(n + 1);
            start..n.min(start + length)
        };
        match self {
            Damage::Set(at, byte) => bytes[range(at, 1)].fill(*byte),
            Damage::Insert(at, new) => drop(bytes.splice(range(at, 0), new.iter().copied())),
            Damage::Remove(at, length) => drop(bytes.drain(range(at, *length))),
            Damage::Repeat(at, length) => {
                let range = range(at, *length);
                let copy = bytes[range.clone()].to_vec();
                drop(bytes.splice(range.start..range.start, copy));
            }
            Damage::SwapLines(a, b) => {
                let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
                let (a, b) = (a.index(lines.len()), b.index(lines.len()));
                lines.swap(a, b);
                *bytes = lines.join(&b'\n');
            }
            Damage::Truncate(at) => bytes.truncate(at.index(bytes.len() + 1)),
        }
    }
}

/// What may be inserted: what formats react to, numbers that lie, and random bytes.
/// What is inserted; some of it twice, so that it is more often.
const TOKENS: &[&str] = &[
    "0",
    "1",
    "2",
    "7",
    "\n",
    " ",
    "\r\n",
    "\t",
    "-",
    "!",
    "=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    ",",
    ".",
    "\\",
    "#",
    "c\n",
    "i0 a\n",
    "1000000000",
    "4294967295",
    "18446744073709551616",
    "AND",
    "EQ",
    "MAND",
    "INPUT(",
    "OUTPUT(",
    ".names ",
    ".latch ",
    ".end\n",
    "assign ",
    "module m (",
    "endmodule\n",
    "m u (",
    "`ifdef A\n",
    "`else\n",
    "`endif\n",
    "`define A `A(",
    "`A",
    "#(.W(9))",
    "parameter W = ",
    "{4{",
    "{999999999{",
    "[1 +: 2]",
    "[-1:99999999]",
    "'sd9",
    "4'bz",
    " <<< ",
    " && !",
    " ? ",
    "signed ",
    "(* \"",
    "*)",
    ".blackbox\n",
    ".subckt m ",
    "0x",
    "null",
    "\u{FEFF}",
    "é",
];

fn insertion() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => prop::sample::select(TOKENS).prop_map(|token: &str| token.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..5),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        2 => (at(), prop::sample::select(b"0123456789 \n-!".to_vec()))
            .prop_map(|(at, byte)| Damage::Set(at, byte)),
        3 => (at(), insertion()).prop_map(|(at, new)| Damage::Insert(at, new)),
        2 => (at(), 1usize..12).prop_map(|(at, length)| Damage::Remove(at, length)),
        2 => (at(), 1usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
        2 => (at(), at()).prop_map(|(a, b)| Damage::SwapLines(a, b)),
        1 => at().prop_map(Damage::Truncate),
    ]
}

/// The names and bytes of the files in `circuits/spec` and `circuits/bad`, sorted.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in ["circuits/spec", "circuits/bad"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if !matches!(extension, Some("error" | "truth" | "md")) {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.push((name, fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

type Read = fn(&[u8], &str) -> circuit2tf::Result<Loaded>;

/// The front door, which goes on to every reader by content and name, and the readers behind it.
const READERS: [Read; 4] = [format::read, aiger::read, bristol::read, json::read];

/// Reads, and where that gives a circuit, writes it in its format and reads that.
fn read_and_return(read: Read, bytes: &[u8], name: &str) {
    match read(bytes, name) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(loaded) => {
            let Ok(written) = format::write(&loaded.circuit, loaded.format) else { return };
            let back = read(&written.bytes, name).unwrap_or_else(|error| {
                panic!("{error} in:\n{}", String::from_utf8_lossy(&written.bytes))
            });
            assert_eq!(back.circuit.inputs().len(), loaded.circuit.inputs().len());
            assert_eq!(back.circuit.outputs().len(), loaded.circuit.outputs().len());
        }
    }
}

fn cases() -> u32 {
    let cases = std::env::var("CIRCUIT2TF_FUZZ").ok();
    cases.map_or(CASES, |cases| cases.parse().expect("CIRCUIT2TF_FUZZ is a number"))
}

#[test]
fn the_corpus_itself_is_read_without_a_panic() {
    for (name, bytes) in corpus() {
        READERS.iter().for_each(|read| read_and_return(*read, &bytes, &name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_read_or_refused(
        file in any::<Index>(),
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        thread_local!(static CORPUS: Vec<(String, Vec<u8>)> = corpus());
        let (name, mut bytes) = CORPUS.with(|corpus| file.get(corpus).clone());
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        READERS.iter().for_each(|read| read_and_return(*read, &bytes, &name));
    }
}
