//! The course: every exercise starts unsolved, its worked answer passes, every mistake is recognised, and
//! the numbers of the theory come out for the default parameters.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use circuit2tf::course::{self, Instance, Solution, Task};
use circuit2tf::{Error, Result};

#[path = "support/session.rs"]
mod session;

/// Seeds that are gone through besides the defaults.
const SEEDS: u64 = 20;

/// The outcome of an answer, whose file, if it is one, is in memory.
fn check(instance: &Instance, task: &Task, solution: &Solution) -> course::Outcome {
    let (answer, bytes) = match solution {
        Solution::Text(text) => (text.as_str(), Vec::new()),
        Solution::File { name, bytes } => (*name, bytes.clone()),
    };
    let reader = |name: &str| -> Result<Vec<u8>> {
        if name == answer {
            Ok(bytes.clone())
        } else {
            Err(Error::message(format!("no file {name}")))
        }
    };
    task.check(answer, &reader).unwrap_or_else(|error| {
        panic!("exercise {}{}: {answer}: {error}", instance.exercise.number, instance.flags)
    })
}

fn each_instance(f: impl FnMut(Instance)) {
    each_instance_of(SEEDS, f);
}

fn each_instance_of(n_seeds: u64, mut f: impl FnMut(Instance)) {
    for exercise in course::exercises() {
        // Programs are built by rustc: a seed or two are enough.
        let is_program = exercise.instance(None, &[]).unwrap().task().unwrap().is_program();
        let seeds = if is_program { n_seeds.min(1) } else { n_seeds };
        for seed in [None].into_iter().chain((0..seeds).map(Some)) {
            f(exercise.instance(seed, &[]).unwrap());
        }
    }
}

#[test]
fn worked_answers_pass() {
    each_instance(|instance| {
        let place = format!("exercise {}{}", instance.exercise.number, instance.flags);
        let task = instance.task().unwrap();
        let solution = task.solution().unwrap();
        let outcome = check(&instance, &task, &solution);
        assert!(outcome.right, "{place}: {solution:?} {outcome:?}");
        assert!(outcome.diagnoses.is_empty(), "{place}");
        for text in [instance.statement().unwrap(), instance.worked().unwrap()] {
            assert!(!text.contains("NaN") && !text.contains("inf "), "{place}: {text}");
        }
        assert!(instance.hints().unwrap().len() >= 2, "{place} has too few hints");
    });
}

#[test]
fn every_mistake_is_recognised_and_wrong() {
    let mut seen = BTreeMap::new();
    each_instance(|instance| {
        let number = instance.exercise.number;
        let task = instance.task().unwrap();
        for (mistake, solution) in task.wrong_answers() {
            let place = format!("exercise {number}{}: {mistake}", instance.flags);
            let outcome = check(&instance, &task, &solution);
            assert!(!outcome.right, "{place}: {solution:?} passes");
            let found = outcome.diagnoses.iter().any(|d| d.mistake == mistake && !d.why.is_empty());
            assert!(found, "{place}: {outcome:?}");
            *seen.entry(number).or_insert(0) += 1;
        }
    });
    for exercise in course::exercises() {
        assert!(
            seen.get(&exercise.number).is_some_and(|&n| n >= 2),
            "exercise {}",
            exercise.number
        );
    }
}

/// What the theory says of the default parameters, and of others where it names them.
#[test]
fn the_numbers_of_the_theory_come_out() {
    /// An exercise, its parameters, and what its worked answer must say.
    type Case = (usize, &'static [(&'static str, u64)], &'static str);
    let cases: &[Case] = &[
        (1, &[], "120 120 10 7.15"),
        (1, &[("layers", 24), ("recurrent", 12), ("loops", 2)], "24 24 2 1.68"),
        (3, &[], "10 40 3"),
        (4, &[], "1.932 8.397 52 46.5 8.67"),
        (4, &[("address", 16)], "2.169 12.557 52 46.5 8.67"),
        (5, &[], "56 7711 57344"),
        (2, &[], "15 65536 4369.07 65512.9"),
        (8, &[], "3 7"),
        (9, &[], "7 4 3 11 37 521"),
        (10, &[], "7552 0 24"),
        (10, &[("levels", 2)], "1458 64594 24"),
        (11, &[], "4 8 40"),
        (12, &[], "1 99.609375 256"),
        (13, &[], "101"),
        (14, &[], "7 5.22"),
        (14, &[("width", 8)], "15 7.72"),
        (14, &[("width", 10)], "19 8.48"),
        (15, &[], "76 10 69 1023"),
        (16, &[], "256 2048 2^24 0.5"),
        (17, &[], "10 4096 12"),
        (18, &[], "16000000 2^24 2^20"),
        (19, &[], "16 16 2"),
        (20, &[], "3 0.00625"),
        (21, &[], "6 10 3 6492"),
        (22, &[], "0 1e-12"),
        (23, &[], "FCTTFO"),
        (24, &[], "16 4"),
    ];
    for (number, set, answer) in cases {
        let set: Vec<(String, u64)> = set.iter().map(|(n, v)| (n.to_string(), *v)).collect();
        let instance = course::exercise(*number).unwrap().instance(None, &set).unwrap();
        let task = instance.task().unwrap();
        let outcome = check(&instance, &task, &Solution::Text(answer.to_string()));
        assert!(outcome.right, "exercise {number}: {answer}: {outcome:?}");
    }
}

#[test]
fn exercises_are_numbered_and_lie_in_lessons() {
    let numbers: Vec<usize> = course::exercises().iter().map(|exercise| exercise.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    for exercise in course::exercises() {
        let lesson = course::lessons().iter().find(|lesson| lesson.number == exercise.lesson);
        assert!(lesson.is_some() && (1..=3).contains(&exercise.stars) && exercise.minutes > 0);
        for parameter in exercise.parameters {
            let (least, most) = parameter.range;
            for value in parameter.drawn.iter().chain([&parameter.default]) {
                assert!((least..=most).contains(value), "{} {}", exercise.number, parameter.name);
            }
        }
    }
}

#[test]
fn seeds_change_numbers_and_the_same_seed_gives_the_same() {
    for exercise in course::exercises() {
        let values = |seed| exercise.instance(Some(seed), &[]).unwrap().values;
        assert_eq!(values(7), values(7));
        if !exercise.parameters.is_empty() {
            assert!(
                (0..SEEDS).any(|seed| values(seed) != values(0)),
                "exercise {}",
                exercise.number
            );
        }
    }
}

#[test]
fn parameters_are_named_and_bounded() {
    let exercise = course::exercise(3).unwrap();
    let with = |name: &str, value| exercise.instance(None, &[(name.to_string(), value)]);
    assert!(with("depth", 5).is_ok());
    assert!(with("depth", 0).is_err() && with("depth", u64::MAX).is_err());
    assert!(with("height", 5).unwrap_err().to_string().contains("layers"));
    assert!(course::exercise(0).is_err() && course::exercise(999).is_err());
}

/// An empty folder: whoever has the program has all that lessons and exercises need.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_lessons_print_what_they_show_in_an_empty_folder() {
    for lesson in course::lessons() {
        let folder = folder();
        let sessions = session::sessions(lesson.text);
        assert!(sessions.len() >= 2, "lesson {} has {} commands", lesson.number, sessions.len());
        for (command, expected) in sessions {
            assert_eq!(
                session::run(&command, folder.path()),
                expected,
                "{}: {command}",
                lesson.file
            );
        }
    }
}

/// Each lesson is a file of its own, and names every exercise of its own and no unknown one.
#[test]
fn lessons_end_with_their_exercises() {
    for lesson in course::lessons() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/course");
        let text = std::fs::read_to_string(path.join(format!("{}.md", lesson.file))).unwrap();
        assert_eq!(text, lesson.text);
        assert!(
            text.starts_with(&format!("# {}. {}\n", lesson.number, lesson.title)),
            "{}",
            lesson.file
        );
        let end = text.split("## Exercises").nth(1).expect("a lesson ends with exercises");
        let named: Vec<usize> = end.split("**").filter_map(|word| word.parse().ok()).collect();
        let mut own: Vec<usize> = course::exercises()
            .iter()
            .filter(|exercise| exercise.lesson == lesson.number)
            .map(|exercise| exercise.number)
            .collect();
        own.sort_by_key(|number| named.iter().position(|n| n == number));
        assert_eq!(named, own, "{}", lesson.file);
    }
}

/// The answers that are words, of all exercises with their own numbers and of some drawn ones.
fn text_answers() -> Vec<(String, Vec<String>)> {
    let mut answers = Vec::new();
    for exercise in course::exercises() {
        let instance = exercise.instance(None, &[]).unwrap();
        if let Solution::Text(text) = instance.task().unwrap().solution().unwrap() {
            answers.push((format!("exercise {}", exercise.number), words(&text)));
        }
    }
    answers
}

/// Numbers and words, without what stands between them.
fn words(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let words = text.split(|c| !is_word(c)).map(|word| word.trim_end_matches('.'));
    words.filter(|word| !word.is_empty()).map(str::to_string).collect()
}

/// What a diagnosis tells a student to run is about the mistake: it runs anywhere, and shows neither the
/// answer that is asked for nor that of another exercise.
#[test]
fn what_there_is_to_see_runs_and_is_no_answer() {
    let answers = text_answers();
    let folder = folder();
    let mut outputs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    each_instance_of(3, |instance| {
        let task = instance.task().unwrap();
        let place = format!("exercise {}{}", instance.exercise.number, instance.flags);
        let own = match task.solution().unwrap() {
            Solution::Text(text) => words(&text),
            Solution::File { .. } => Vec::new(),
        };
        for (mistake, solution) in task.wrong_answers() {
            for diagnosis in check(&instance, &task, &solution).diagnoses {
                let command = diagnosis.experiment;
                if command.is_empty() {
                    continue;
                }
                let seen = outputs.entry(command).or_insert_with_key(|command| {
                    let given: Vec<&str> = command.split_whitespace().collect();
                    assert!(given[0] == "circuit2tf" && given[1] != "course", "{place}: {command}");
                    let output = program(folder.path()).args(&given[1..]).output().unwrap();
                    let code = output.status.code();
                    assert!(matches!(code, Some(0 | 1 | 3)), "{place}: {command}: {output:?}");
                    words(&String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
                });
                let shows = |answer: &[String]| {
                    !answer.is_empty() && seen.windows(answer.len()).any(|part| part == answer)
                };
                let telling = own.iter().filter(|word| word.len() > 1);
                if shows(&own)
                    || telling.clone().count() > 0 && telling.clone().all(|w| seen.contains(w))
                {
                    wrong
                        .push(format!("{place}, {mistake}: its own answer {own:?} is in {seen:?}"));
                }
                for (other, _) in answers.iter().filter(|(_, answer)| shows(answer)) {
                    wrong.push(format!("{place}, {mistake}: the answer of {other} is in {seen:?}"));
                }
            }
        }
    });
    assert!(outputs.len() > 30, "{:?}", outputs.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A diagnosis says what it knows: which part of the answer a mistake gives, not what somebody did.
#[test]
fn diagnoses_assert_no_more_than_they_know() {
    each_instance_of(0, |instance| {
        let task = instance.task().unwrap();
        for (mistake, solution) in task.wrong_answers() {
            for diagnosis in check(&instance, &task, &solution).diagnoses {
                let place = format!("exercise {}, {mistake}", instance.exercise.number);
                let text = format!("{} {}", diagnosis.text(), diagnosis.why);
                let asserts =
                    ["You ", " you ", "Your ", " your "].iter().any(|word| text.contains(word));
                assert!(!asserts, "{place}: {text}");
                assert!(
                    diagnosis.about.is_none() || text.contains("is what one gets from"),
                    "{place}"
                );
            }
        }
    });
    let folder = folder();
    let (_, text) = run(folder.path(), "check 3 9 40 3");
    assert!(text.contains("loops 9 is what one gets from \"floor instead of ceil\""), "{text}");
    // Of an answer that is wrong in two ways, the part that a mistake explains is named.
    let (_, text) = run(folder.path(), "check 3 37 40 77");
    assert!(text.contains("loops 37 is what one gets from \"a loop for each level\""), "{text}");
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuit2tf"));
    command.current_dir(folder).env("CIRCUIT2TF_STATE", folder.join("state/course.json"));
    command
}

/// Exit status and output of `circuit2tf course …`.
fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let output = program(folder).arg("course").args(line.split_whitespace()).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn a_student_goes_through_an_exercise() {
    let folder = folder();
    let run = |line: &str| run(folder.path(), line);
    let (status, text) = run("list");
    assert!(status == Some(0) && text.contains("How many loops") && !text.contains("solved"));
    assert!(run("show 3").1.contains("depth 37"));
    assert!(run("hint 3").1.starts_with("1 of 2") && run("hint 3").1.contains("2 of 2"));
    let (status, text) = run("check 3 9 36 1");
    assert!(
        status == Some(1) && text.contains("floor instead of ceil") && text.ends_with("WRONG\n"),
        "{text}"
    );
    let (status, text) = run("check 3 11 44 7");
    assert!(status == Some(1) && text.contains("course hint 3"), "{text}");
    assert_eq!(run("check 3 ten").0, Some(2));
    assert_eq!(
        run("check 3 10, 40, 3"),
        (Some(0), "loops 10 is right\napplied 40 is right\nidle 3 is right\nRIGHT\n".to_string())
    );
    assert!(run("list").1.contains("solved"));
    assert!(run("progress").1.contains("3  solved      3      2  How many loops"));
    assert!(run("--json progress").1.contains("\"solved\": 1"));
    assert!(run("next").1.starts_with("Exercise 6"));
    assert!(run("answer 3 --seed 5").1.contains("fixed point"));
    assert_eq!(run("reset 3").0, Some(0));
    assert!(run("progress").1.starts_with("0 of"));
}

/// Flags may stand after the answer, and a number may be negative.
#[test]
fn flags_stand_before_or_after_the_answer() {
    let folder = folder();
    let run = |line: &str| run(folder.path(), line);
    for line in [
        "check 3 13 39 2 --seed 7",
        "check --seed 7 3 13 39 2",
        "check 3 --seed 7 13 39 2",
        "check 1 24 24 2 1.68 --set layers=24,recurrent=12,loops=2",
        "check 3 10 40 3 --json",
    ] {
        let (status, text) = run(line);
        assert_eq!(status, Some(0), "{line}: {text}");
    }
    let other = folder.path().join("other.json");
    assert_eq!(run(&format!("check 3 10 40 3 --state {}", other.display())).0, Some(0));
    assert!(std::fs::read_to_string(other).unwrap().contains("\"solved\": true"));
    let (status, text) = run("check 3 10 40 -3");
    assert!(status == Some(1) && text.contains("idle -3 is wrong"), "{text}");
    assert_eq!(run("check 3 10 40 3 --colour").0, Some(2));
}

#[test]
fn a_broken_state_file_is_an_error_and_stays_as_it_is() {
    let folder = folder();
    let state = folder.path().join("state/course.json");
    std::fs::create_dir(folder.path().join("state")).unwrap();
    for broken in ["{\"version\": 1, \"exer", "{\"version\": 9, \"exercises\": {}}", ""] {
        std::fs::write(&state, broken).unwrap();
        for line in ["check 3 10 40 3", "hint 3", "list", "reset"] {
            let (status, text) = run(folder.path(), line);
            assert!(status == Some(2) && text.contains("course.json"), "{line}: {text}");
        }
        assert_eq!(std::fs::read_to_string(&state).unwrap(), broken);
    }
}

/// Files that are handed out start unsolved, and answers that are written out pass, through the program.
#[test]
fn answers_that_are_files_start_unsolved_and_pass_when_worked() {
    let folder = folder();
    assert_eq!(run(folder.path(), "start").0, Some(0));
    for (number, start) in
        [(7, Some("course/parity.json")), (27, Some("course/schedule.rs")), (28, None), (29, None)]
    {
        if let Some(start) = start {
            let (status, text) = run(folder.path(), &format!("check {number} {start}"));
            assert_eq!(status, Some(1), "{number}: {text}");
        }
        let file = format!("answer-{number}");
        assert_eq!(run(folder.path(), &format!("answer {number} -o {file}")).0, Some(0));
        let (status, text) = run(folder.path(), &format!("check {number} {file}"));
        assert_eq!(status, Some(0), "{number}: {text}");
        std::fs::write(folder.path().join(&file), "neither circuit nor model nor program").unwrap();
        assert_eq!(run(folder.path(), &format!("check {number} {file}")).0, Some(2), "{number}");
    }
}

#[test]
fn a_program_that_never_ends_is_stopped() {
    let folder = folder();
    let endless =
        "pub fn tokens(_: &[usize], _: usize) -> usize { loop { println!(\"on and on\"); } }";
    std::fs::write(folder.path().join("endless.rs"), endless).unwrap();
    let (status, text) = run(folder.path(), "check 27 endless.rs");
    assert!(status == Some(2) && text.contains("goes on"), "{text}");
    std::fs::write(
        folder.path().join("panics.rs"),
        "pub fn tokens(_: &[usize], _: usize) -> usize { panic!() }",
    )
    .unwrap();
    assert_eq!(run(folder.path(), "check 27 panics.rs").0, Some(1));
}

#[test]
fn a_course_starts_with_its_files_and_never_over_changed_ones() {
    let folder = folder();
    let run = |line: &str| run(folder.path(), line);
    let (status, text) = run("start");
    assert_eq!(status, Some(0), "{text}");
    for file in ["full-adder.bench", "parity.json", "schedule.rs"] {
        assert!(text.contains(&format!("wrote course/{file}\n")), "{text}");
        assert!(folder.path().join("course").join(file).exists());
    }
    assert!(text.ends_with("read on: circuit2tf course lesson 1\n"), "{text}");
    let mine = folder.path().join("course/parity.json");
    std::fs::write(&mine, "mine").unwrap();
    let (status, text) = run("start");
    assert!(status == Some(0) && text.contains("course/schedule.rs is there already"), "{text}");
    assert!(text.contains("kept course/parity.json") && !text.contains("wrote"), "{text}");
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    std::fs::remove_file(&mine).unwrap();
    // What is there may be anything: a folder, or a link to nowhere.
    std::fs::create_dir(&mine).unwrap();
    assert!(run("start 6").1.contains("kept course/parity.json"));
    assert!(run("start 2").1.starts_with("this lesson needs no files\n"));
    assert_eq!(run("start 6 -o elsewhere").1.lines().next(), Some("wrote elsewhere/parity.json"));
    assert!(run("--json start 1 -o third").1.contains("\"state\": \"written\""));
    for (line, part) in [
        ("start 99", "a lesson from 1 to"),
        ("start -o elsewhere/parity.json", "name of a folder"),
        ("start -o elsewhere/parity.json/x", "cannot make the folder"),
    ] {
        let (status, text) = run(line);
        assert!(status == Some(2) && text.contains(part), "{line}: {text}");
    }
    let (status, text) = run("check 7 course/mine.json");
    assert!(status == Some(2) && text.contains("course start"), "{text}");
}

#[test]
fn percent_and_units_are_read_and_other_words_are_errors() {
    let folder = folder();
    for (line, status) in [
        ("check 12 1 99.609375% 256", 0),
        ("check 12 1 99.609375 % 256", 0),
        ("check 12 1, 99.609375 percent, 256 tests", 0),
        ("check 12 1 0.99609375 256", 1),
        ("check 12 1 input 99.609375 256 tokens", 2),
        ("check 16 256 2,048 16,777,216 0.5", 2),
        ("check 16 256 2048 16,777,216 50%", 0),
        ("check 22 0 10^−12", 0),
        ("check 3 10 loops, 40 layers and 3 layers", 0),
        ("check 3 idle = 3, loops = 10, applied = 40", 0),
        ("check 3 10 layers 40 loops 3", 2),
    ] {
        let (found, text) = run(folder.path(), line);
        assert_eq!(found, Some(status), "{line}: {text}");
    }
}

/// Where progress cannot be kept the answer still counts.
#[test]
fn an_unwritable_state_is_a_warning() {
    let folder = folder();
    std::fs::write(folder.path().join("file"), "").unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    for state in ["file/x/course.json", "file/course.json", "folder", "/proc/none/course.json"] {
        for (line, status) in
            [("check 3 10 40 3", 0), ("check 3 9 40 3", 1), ("hint 3", 0), ("list", 0)]
        {
            let (found, text) = run(folder.path(), &format!("{line} --state {state}"));
            assert_eq!(found, Some(status), "{line} --state {state}: {text}");
            let warnings = text.matches("warning: progress is not kept").count();
            assert!(
                warnings == 1 || line == "list" && warnings == 0,
                "{line} --state {state}: {text}"
            );
        }
        // To forget is all that is asked for here.
        assert_eq!(run(folder.path(), &format!("reset --state {state}")).0, Some(2), "{state}");
    }
}

const ROSTER: &str = "student,mail\nAda Lovelace,a@x\n\"../Bob, jr.\",b@x\ncyd,c@x\n";
/// Of the roster's students, in files' names.
const STEMS: [&str; 3] = ["Ada-Lovelace", "Bob--jr", "cyd"];
const SHEETS: &str = "--roster roster.csv --seed long-secret --exercises 3,17";

/// A folder with the roster, its sheets in `out`, their keys in `keys`, and what `--json` says of them.
fn sheets_of_a_roster() -> (tempfile::TempDir, serde_json::Value) {
    let folder = folder();
    std::fs::write(folder.path().join("roster.csv"), ROSTER).unwrap();
    let (status, list) = run(folder.path(), &format!("sheet {SHEETS} -o out --json"));
    assert_eq!(status, Some(0), "{list}");
    assert_eq!(run(folder.path(), &format!("sheet {SHEETS} --answers")).0, Some(0));
    let (json, _) = list.split_once("\n}").unwrap();
    let list = serde_json::from_str(&format!("{json}\n}}")).unwrap();
    (folder, list)
}

fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).unwrap()
}

/// The line of a sheet or key that has an exercise's numbers.
fn asked(text: &str) -> Option<&str> {
    text.lines().find(|line| line.contains("depth"))
}

/// Everyone's numbers are their own, no sheet tells its seed, and the secret prints keys.
#[test]
fn a_roster_gives_sheets_whose_keys_need_the_secret() {
    let (folder, list) = sheets_of_a_roster();
    let folder = folder.path();
    let sheets = STEMS.map(|stem| read(folder, &format!("out/sheet-{stem}.md")));
    assert_eq!(std::fs::read_dir(folder.join("out")).unwrap().count(), 3);
    assert!(sheets[0] != sheets[1] && sheets[1] != sheets[2]);
    for (i, (sheet, stem)) in sheets.iter().zip(STEMS).enumerate() {
        let seed = list["sheets"][i]["seed"].to_string();
        assert!(!sheet.contains(&seed) && !sheet.contains("long-secret"), "{sheet}");
        // The key has the sheet's numbers, and no number on the sheet prints it.
        let key = read(folder, &format!("keys/key-{stem}.md"));
        assert!(asked(sheet).is_some() && asked(sheet) == asked(&key), "{key}");
        let numbers = sheet.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
        for number in numbers.collect::<std::collections::BTreeSet<_>>() {
            let line = format!("sheet --seed {number} --exercises 3,17 --answers");
            let (_, other) = run(folder, &line);
            let is_key = other.contains(key.lines().last().unwrap());
            assert!(asked(&other) != asked(&key) || !is_key, "{number}");
        }
    }
    assert_eq!(run(folder, "sheet --seed long-secret -o sheet.html").0, Some(0));
    assert!(read(folder, "sheet.html").starts_with("<!doctype html>"));
}

/// Repeated answers and strangers are named; another secret has other answers.
#[test]
fn a_roster_is_graded_by_its_secret() {
    let (folder, list) = sheets_of_a_roster();
    let folder = folder.path();
    let mut answers = String::from("student,exercise,answer\n");
    for (i, stem) in STEMS.iter().enumerate() {
        let key = read(folder, &format!("keys/key-{stem}.md"));
        let answer = key.lines().filter_map(|line| line.strip_prefix('`')).next().unwrap();
        let student = list["sheets"][i]["student"].as_str().unwrap();
        answers += &format!("\"{student}\",3,{}\n", answer.trim_end_matches('`'));
    }
    answers += "eve,3,1 2 3\ncyd,17,1 1 1\ncyd,17,2 2 2\n";
    std::fs::write(folder.join("answers.csv"), answers).unwrap();
    let (status, table) = run(folder, "grade answers.csv --roster roster.csv --seed long-secret");
    assert_eq!(status, Some(0), "{table}");
    for line in [
        "../Bob, jr.   1   -      1",
        "Ada Lovelace  1   -      1",
        "cyd           1   0      1",
        "cyd, exercise 17: answered 2 times, and the last counts",
        "eve, exercise 3: not counted, since nobody of that name is on the roster",
    ] {
        assert!(table.lines().any(|found| found == line), "{line}:\n{table}");
    }
    let (_, other) = run(folder, "grade answers.csv --roster roster.csv --seed another-secret");
    assert!(!other.contains("1   -      1"));
}

#[test]
fn a_roster_without_secret_or_students_is_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("roster.csv"), ROSTER).unwrap();
    std::fs::write(
        folder.path().join("answers.csv"),
        "student,exercise,answer\neve,3,1\neve,3,2\n",
    )
    .unwrap();
    for (line, part) in [
        ("sheet --roster roster.csv", "--seed"),
        ("grade answers.csv --roster roster.csv", "--seed"),
        ("sheet --roster missing.csv --seed long-secret", "cannot read"),
        ("sheet --roster answers.csv --seed long-secret", "every student once"),
        ("sheet --seed long-secret -o sheet.pdf", ".md or .html"),
        ("sheet --roster roster.csv --seed long-secret -o roster.csv", "name of a folder"),
    ] {
        let (status, text) = run(folder.path(), line);
        assert!(status == Some(2) && text.contains(part), "{line}: {text}");
    }
}

#[test]
fn sheets_differ_by_seed_and_keys_have_the_answers() {
    let folder = folder();
    let sheet = |flags: &str| run(folder.path(), &format!("sheet --exercises 3,4,8 {flags}")).1;
    assert_eq!(sheet("--seed 1"), sheet("--seed 1"));
    assert_ne!(sheet("--seed 1"), sheet("--seed 2"));
    assert!(!sheet("").contains("### Answer") && sheet("--answers").contains("`10 40 3`"));
    let html = sheet("--format html --answers");
    assert!(html.starts_with("<!doctype html>") && !html.contains("http"), "{html}");
}

#[test]
fn the_book_is_whole() {
    let folder = folder();
    assert_eq!(run(folder.path(), "book -o book").0, Some(0));
    let mut links = Vec::new();
    for entry in std::fs::read_dir(folder.path().join("book")).unwrap() {
        let html = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!html.contains("src=\"http") && !html.contains("{answer}"));
        links.extend(
            html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_string()),
        );
    }
    assert!(links.len() > 20);
    for link in links.iter().filter(|link| link.ends_with(".html")) {
        assert!(folder.path().join("book").join(link).exists(), "{link}");
    }
}
