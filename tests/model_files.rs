//! Model files that other readers would take in two ways, and files that are something else.

use circuit2tf::compile::{Options, compile};
use circuit2tf::model::file;

/// A model file, cut into its header and its tensors.
fn parts() -> (String, Vec<u8>) {
    let circuit = circuit2tf::family::generate("and:3").unwrap();
    let bytes = file::to_bytes(&compile(&circuit, "", &Options::default()).unwrap());
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (String::from_utf8(bytes[8..8 + length].to_vec()).unwrap(), bytes[8 + length..].to_vec())
}

fn whole(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn refusal(bytes: &[u8]) -> String {
    match file::from_bytes(bytes, "f.safetensors") {
        Ok(_) => panic!("this was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_is_read_only_if_every_reader_reads_the_same() {
    let (header, data) = parts();
    assert!(file::from_bytes(&whole(&header, &data), "f").is_ok());
    let entry = &header[header.find("\"embed.W_E\":").unwrap()..];
    let entry = &entry[..=entry.find('}').unwrap()];
    let other = entry.replacen("[0,", "[ 0,", 1);
    let named_twice = |entry: &str| header.replacen('{', &format!("{{{entry},"), 1);
    for (header, part) in [
        (named_twice(entry), "\"embed.W_E\" comes twice"),
        (named_twice(&other), "\"embed.W_E\" comes twice"),
        (named_twice("\"embed\\u002eW_E\":{}"), "\"embed.W_E\" comes twice"),
        (
            header.replacen("\"n_loops\":", "\"n_heads\":\"1\",\"n_loops\":", 1),
            "\"n_heads\" comes twice",
        ),
        (named_twice("\"__metadata__\":{}"), "\"__metadata__\" comes twice"),
        (format!("  {header}"), "begins with \"{\" at byte 8, found ' '"),
        (format!("\n{header}"), "begins with \"{\" at byte 8, found '\\n'"),
        ("[]".to_string(), "begins with \"{\" at byte 8, found '['"),
    ] {
        let bytes = whole(&header, &data);
        assert!(refusal(&bytes).contains(part), "{}", refusal(&bytes));
    }
    let [longer, shorter] = [[&data[..], b"\0"].concat(), data[..data.len() - 4].to_vec()];
    assert!(refusal(&whole(&header, &longer)).contains("more behind the last tensor"));
    assert!(refusal(&whole(&header, &shorter)).contains("fewer"));
    assert!(refusal(&whole(&header, &data)[..20]).contains("bytes in a file of 20; hint"));
    assert!(refusal(b"abc").contains("found 3 bytes"));
}

#[test]
fn a_file_of_another_kind_is_called_by_its_kind() {
    for (bytes, what, hint) in [
        (
            &b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"[..],
            "Git LFS pointer",
            "git lfs pull",
        ),
        (b"<!DOCTYPE html><html></html>", "an HTML page", "fetch the file again"),
        (b"\n<HTML>", "an HTML page", "fetch the file again"),
        (b"PK\x03\x04\x00\x00\x00\x00\x00", "a zip archive", "safetensors"),
        (b"\x1F\x8B\x08\x00\x00\x00\x00\x00\x00", "packed with gzip", "unpack"),
        (b"GGUF\x03\x00\x00\x00\x00", "a GGUF file", "safetensors"),
    ] {
        let error = refusal(bytes);
        assert!(error.starts_with("f.safetensors: expected a model file"), "{error}");
        assert!(error.contains(what) && error.contains(hint), "{error}");
        let error = circuit2tf::format::read(bytes, "f.bench").unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}
