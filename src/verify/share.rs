//! Which part of the assignments is this machine's: by number, or by its place in a job array.

use std::env;
use std::str::FromStr;

use super::Part;
use crate::error::{Error, Result};

/// Which part of the assignments, as text `I/N`, `auto` or `auto/N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// This one.
    Given(Part),
    /// That of this task in a job array, of as many as the array has tasks or as are said here.
    Auto {
        /// How many parts there are.
        count: Option<u64>,
    },
}

impl FromStr for Share {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new("a shard I/N, auto or auto/N", format!("{text:?}"));
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        match text.split_once('/') {
            None if text == "auto" => Ok(Share::Auto { count: None }),
            None => Err(wrong()),
            Some(("auto", count)) => Ok(Share::Auto { count: Some(number(count)?) }),
            Some((index, count)) => Part::new(number(index)?, number(count)?).map(Share::Given),
        }
    }
}

impl Share {
    /// The part, by the environment of a job array if it is to be that of this task.
    ///
    /// # Errors
    /// The process is no such task, or the array has another number of tasks.
    pub fn part(self) -> Result<Part> {
        match self {
            Share::Given(part) => Ok(part),
            Share::Auto { count } => from_environment(count, |name| env::var(name).ok()),
        }
    }
}

/// The part of this task of a Slurm job array or of a Kubernetes indexed job.
fn from_environment(count: Option<u64>, get: impl Fn(&str) -> Option<String>) -> Result<Part> {
    let number = |name: &str| -> Result<Option<u64>> {
        let Some(text) = get(name) else { return Ok(None) };
        let wrong = || Error::new(format!("a number in {name}"), format!("{text:?}"));
        text.parse().map(Some).map_err(|_| wrong())
    };
    if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let of_array = number("SLURM_ARRAY_TASK_COUNT")?;
        let (Some(all), Some(distance)) = (count.or(of_array), id.checked_sub(first)) else {
            return Err(Error::new(
                "SLURM_ARRAY_TASK_COUNT, and a SLURM_ARRAY_TASK_ID of SLURM_ARRAY_TASK_MIN or more",
                format!("task {id} of an array that starts at {first}"),
            )
            .hint("--shard auto/N gives the number of shards"));
        };
        if of_array.is_some_and(|n| n != all) {
            let found = format!("a job array of {} tasks", of_array.unwrap_or_default());
            return Err(Error::new(format!("{all} tasks, one a shard"), found));
        }
        return Part::new(distance / step + 1, all);
    }
    match (number("JOB_COMPLETION_INDEX")?, count) {
        (Some(index), Some(count)) => Part::new(index.saturating_add(1), count),
        (Some(_), None) => Err(Error::new("--shard auto/N", "--shard auto")
            .hint("an indexed job does not say how many completions it has")),
        (None, _) => Err(Error::new(
            "a task of a Slurm job array (SLURM_ARRAY_TASK_ID) or of a Kubernetes indexed job \
             (JOB_COMPLETION_INDEX)",
            "neither variable in the environment",
        )
        .hint("--shard I/N says which shard this is")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_read_and_slips_are_errors() {
        let part = |i, n| Share::Given(Part::new(i, n).unwrap());
        assert_eq!("3/8".parse::<Share>().unwrap(), part(3, 8));
        assert_eq!("auto".parse::<Share>().unwrap(), Share::Auto { count: None });
        assert_eq!("auto/5".parse::<Share>().unwrap(), Share::Auto { count: Some(5) });
        for wrong in ["", "3", "0/8", "9/8", "3/0", "-1/2", "a/b", "auto/", "1/2/3"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_environment_of_a_job_array_says_which_part() {
        type Variables = &'static [(&'static str, &'static str)];
        const SLURM: Variables = &[
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        const KUBERNETES: Variables = &[("JOB_COMPLETION_INDEX", "2")];
        // The number of shards given, the variables, and what is found.
        type Case = (Option<u64>, Variables, Option<(u64, u64)>);
        let cases: [Case; 9] = [
            (None, SLURM, Some((3, 4))),
            (Some(4), SLURM, Some((3, 4))),
            (Some(5), SLURM, None),
            (None, &SLURM[..1], None),
            (Some(9), &SLURM[..1], Some((8, 9))),
            (Some(3), KUBERNETES, Some((3, 3))),
            (Some(2), KUBERNETES, None),
            (None, KUBERNETES, None),
            (Some(3), &[("SLURM_ARRAY_TASK_ID", "x")], None),
        ];
        for (count, variables, expected) in cases {
            let get = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.to_string())
            };
            let found = from_environment(count, get).ok().map(|part| (part.index(), part.count()));
            assert_eq!(found, expected, "{count:?} {variables:?}");
        }
        assert!(from_environment(Some(2), |_| None).is_err());
    }
}
