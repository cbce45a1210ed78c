//! The course: every exercise starts unsolved, its worked answer passes, every mistake is recognised, and
//! the numbers of the theory come out for the default parameters.

use std::collections::BTreeMap;

use circuit2tf::course::{self, Instance, Solution};
use circuit2tf::{Error, Result};

/// Seeds that are gone through besides the defaults.
const SEEDS: u64 = 20;

/// The outcome of an answer, whose file, if it is one, is in memory.
fn check(instance: &Instance, solution: &Solution) -> course::Outcome {
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
    instance.check(answer, &reader).unwrap_or_else(|error| {
        panic!("exercise {}{}: {answer}: {error}", instance.exercise.number, instance.flags)
    })
}

fn each_instance(mut f: impl FnMut(Instance)) {
    for exercise in course::exercises() {
        // Programs are built by rustc: a seed or two are enough.
        let is_program = exercise.instance(None, &[]).unwrap().task().unwrap().is_program();
        let seeds = if is_program { 1 } else { SEEDS };
        for seed in [None].into_iter().chain((0..seeds).map(Some)) {
            f(exercise.instance(seed, &[]).unwrap());
        }
    }
}

#[test]
fn worked_answers_pass() {
    each_instance(|instance| {
        let place = format!("exercise {}{}", instance.exercise.number, instance.flags);
        let solution = instance.task().unwrap().solution().unwrap();
        let outcome = check(&instance, &solution);
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
        for (mistake, solution) in instance.task().unwrap().wrong_answers() {
            let place = format!("exercise {number}{}: {mistake}", instance.flags);
            let outcome = check(&instance, &solution);
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
    let cases: &[(usize, &[(&str, u64)], &str)] = &[
        (1, &[], "120 120 10 7.15"),
        (1, &[("layers", 24), ("recurrent", 12), ("loops", 2)], "24 24 2 1.68"),
        (3, &[], "10 40 3"),
        (4, &[], "1.932 8.397 52 46.5 8.67"),
        (4, &[("address", 16)], "2.169 12.557 52 46.5 8.67"),
        (5, &[], "37 2490 37888"),
        (16, &[], "256 2048 2^24 0.5"),
    ];
    for (number, set, answer) in cases {
        let set: Vec<(String, u64)> = set.iter().map(|(n, v)| (n.to_string(), *v)).collect();
        let instance = course::exercise(*number).unwrap().instance(None, &set).unwrap();
        let outcome = check(&instance, &Solution::Text(answer.to_string()));
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
