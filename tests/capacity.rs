//! `capacity` and `learn` from outside: what they print, and what they refuse.

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;

fn call(words: &str) -> (i32, String, String) {
    let output = cargo_bin_cmd!("circuit2tf").args(words.split_whitespace()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(words: &str) -> Value {
    let (status, stdout, stderr) = call(&format!("{words} --json"));
    assert_eq!(status, 0, "{words}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn the_headline_and_what_is_left_of_it() {
    let found = json("capacity parity:1024");
    assert_eq!(
        (found["token_bits"].as_f64(), found["state_bits"].as_u64()),
        (Some(15.0), Some(65536))
    );
    assert_eq!(found["tokens_to_exceed_a_state"], 4370);
    assert_eq!(found["restoration"]["levels"], 3);
    let tokens = &found["circuit"]["tokens"];
    assert_eq!(
        (&tokens["least"], &tokens["by_level"], &tokens["most"]),
        (&69.into(), &76.into(), &78.into())
    );
    assert_eq!(found["circuit"]["speed_up"]["by_level"], 7.6);
    assert_eq!(found["circuit"]["cuts"][1], 512);
    let (_, text, _) = call("capacity --vocab 50257 --dim 768 --dtype f16");
    assert!(text.contains("ratio 786.8") && !text.contains("bf16"), "{text}");
}

#[test]
fn latches_are_measured_against_their_bound() {
    let found = json("capacity latch --noise 0.1 --loops 1000 --dtype f32");
    assert_eq!((&found["bound"], &found["bound_if_below"]), (&5.into(), &6.into()));
    assert_eq!(found["formats"][0]["adversarial"]["levels"], 5);
}

#[test]
fn learning_reports_curves_and_runs() {
    let found = json("learn gradients and:2 --loops 2 --seeds 2 --gain 2,0.4 --beta 1");
    let norms = |c: usize| found["curves"][c]["norms"][2][0].as_f64().unwrap();
    assert_eq!(norms(0), 0.0);
    assert!(norms(1) > 0.0);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let files = format!("-o {} -o {}", path("runs.csv"), path("runs.svg"));
    let found = json(&format!("learn train and:2 --loops 1 --steps 5 --seeds 2 {files}"));
    assert_eq!(found["cells"].as_array().unwrap().len(), 3);
    assert_eq!(found["cells"][1]["runs"][0]["right_bits"][0], 4);
    let csv = std::fs::read_to_string(path("runs.csv")).unwrap();
    assert_eq!((csv.lines().count(), csv.starts_with("circuit,start,loops,")), (4, true));
    assert!(std::fs::read_to_string(path("runs.svg")).unwrap().starts_with("<svg"));
    let found = json("learn parities 4 --seeds 1 --loops 1");
    assert_eq!(found["starts"][0]["signals"].as_array().unwrap().len(), 16);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for words in [
        "capacity --vocab 0",
        "capacity --vocab 1",
        "capacity --vocab 18446744073709551615",
        "capacity --dim 0",
        "capacity --dim 18446744073709551615",
        "capacity --bits 0",
        "capacity --bits 99999999999",
        "capacity --bits 8 --dtype f32",
        "capacity --snr-db NaN",
        "capacity --snr-db 1e9",
        "capacity nothing:1",
        "capacity latch --noise NaN",
        "capacity latch --noise 0",
        "capacity latch --noise -1",
        "capacity latch --noise inf",
        "capacity latch --loops 0",
        "learn gradients --loops 0",
        "learn gradients --loops 1000000",
        "learn gradients --gain NaN",
        "learn gradients --beta inf",
        "learn gradients --seeds 0",
        "learn gradients parity:12",
        "learn parities 40",
        "learn train --rate NaN",
        "learn train --steps 0",
        "learn train --loops 0",
        "learn train --noise NaN",
        "learn train aes128",
    ] {
        let (status, stdout, stderr) = call(words);
        assert_eq!((status, stdout.as_str()), (2, ""), "{words}: {stderr}");
        assert!(stderr.contains("error: ") && !stderr.contains("panicked"), "{words}: {stderr}");
    }
}
