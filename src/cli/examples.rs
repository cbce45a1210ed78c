//! An example of every command, which stands in its help and on its page of the manual.

use clap::{Command, CommandFactory};

use super::Cli;

/// Commands without the program's name, and an example of each without it.
const EXAMPLES: &[(&str, &str)] = &[
    ("compile", "compile adder:8 -o adder.safetensors --layers 2 --dtype bf16 --verify"),
    ("construct", "construct parity-f16:16 -o parity.safetensors --circuit parity.blif"),
    ("run", "run adder.safetensors --set a=200 --set b=100"),
    ("eval", "eval adder:2 1000 0110"),
    ("verify", "verify adder.safetensors adder:8 --certificate adder.json"),
    ("verify merge", "verify merge adder.safetensors adder:8 shard1.json shard2.json"),
    ("check", "check adder.json adder.safetensors adder:8"),
    ("decompile", "decompile adder.safetensors -o adder.blif"),
    ("loops", "loops and:8 --table --format markdown"),
    ("compare", "compare parity:8..64 adder:4..32 --plot steps,parameters -o growth.svg"),
    ("halting", "halting adder:4 --rule known"),
    ("depth", "depth 0xe8"),
    ("census", "census 3 --format csv"),
    ("capacity", "capacity parity:1024 --vocab 50257 --dim 768 --dtype f16"),
    ("capacity latch", "capacity latch --noise 0.1 --loops 1000 --format latex"),
    ("learn", "learn parities 6 --seeds 2"),
    ("learn gradients", "learn gradients parity:4 --loops 12 -o norms.csv -o norms.svg"),
    ("learn parities", "learn parities 6 --loops 3 --seeds 2"),
    ("learn train", "learn train parity:4 --loops 1,2,3 -o runs.csv -o runs.svg"),
    ("claims", "claims --references --format bibtex -o references.bib"),
    ("claims check", "claims check more-loops"),
    ("devices", "devices"),
    ("selftest", "selftest --engine dense --seed 3"),
    ("trace", "trace adder.safetensors 1101001011010010 --circuit adder:8"),
    ("plot", "plot loops and:8 -o loops.svg"),
    ("plot circuit", "plot circuit adder:2 --bits 1101 --step 1 -o circuit.svg"),
    ("plot stream", "plot stream adder:2 --bits 1101 -o stream.svg"),
    ("plot attention", "plot attention adder:2 --head 1 -o attention.svg"),
    ("plot loops", "plot loops and:8 -o loops.csv"),
    ("plot tradeoff", "plot tradeoff adder:8 -o tradeoff.svg"),
    ("explore", "explore adder:2 -o adder.html"),
    ("info", "info adder.safetensors --receptive-fields"),
    ("gen", "gen random:n=16,gates=1000,seed=7 -o random.aig"),
    ("convert", "convert adder.blif adder.v"),
    ("course", "course next"),
    ("course start", "course start 1"),
    ("course list", "course list"),
    ("course lesson", "course lesson 1"),
    ("course show", "course show 3 --seed 7"),
    ("course hint", "course hint 3"),
    ("course check", "course check 3 10 40 3"),
    ("course answer", "course answer 28 -o answer.bench"),
    ("course next", "course next"),
    ("course progress", "course progress"),
    ("course reset", "course reset 3"),
    ("course sheet", "course sheet --seed SECRET --roster class.csv --format html -o sheets"),
    ("course grade", "course grade answers.csv --seed SECRET --roster class.csv --format csv"),
    ("course book", "course book -o book"),
    ("families", "families adder"),
    ("man", "man -o man1"),
    ("completions", "completions bash"),
    ("schema", "schema"),
];

/// The program's command line, with an example of every command in its help.
pub fn command() -> Command {
    EXAMPLES.iter().fold(Cli::command(), |program, (path, example)| {
        let names: Vec<&str> = path.split(' ').collect();
        with_example(program, &names, example)
    })
}

fn with_example(command: Command, path: &[&str], example: &str) -> Command {
    match path {
        [] => {
            let line = format!("Example:\n  circuit2tf {example}");
            match command.get_after_long_help().map(ToString::to_string) {
                Some(more) => command.after_long_help(format!("{more}\n\n{line}")).after_help(line),
                None => command.after_help(line),
            }
        }
        [name, below @ ..] => {
            command.mut_subcommand(name, |command| with_example(command, below, example))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of a command and of those below it.
    fn paths(command: &Command, prefix: &str) -> Vec<String> {
        let below = command.get_subcommands().flat_map(|below| {
            let path = format!("{prefix} {}", below.get_name()).trim().to_string();
            [vec![path.clone()], paths(below, &path)].concat()
        });
        below.collect()
    }

    #[test]
    fn every_command_has_an_example_that_the_program_reads_as_that_command() {
        let all = paths(&Cli::command(), "");
        let named: Vec<&str> = EXAMPLES.iter().map(|(path, _)| *path).collect();
        for path in &all {
            let n = named.iter().filter(|named| *named == path).count();
            assert_eq!(n, 1, "{path} has {n} examples");
        }
        assert_eq!(all.len(), named.len());
        for (path, example) in EXAMPLES {
            let words = ["circuit2tf"].into_iter().chain(example.split(' '));
            let matches = command().try_get_matches_from(words);
            let matches = matches.unwrap_or_else(|error| panic!("{example}: {error}"));
            assert!(crate::cli::command_name(&matches).starts_with(path), "{example}");
        }
    }

    #[test]
    fn a_path_that_is_no_command_is_seen() {
        assert!(!paths(&Cli::command(), "").contains(&"capacity nothing".to_string()));
        assert!(command().try_get_matches_from(["circuit2tf", "capacity", "--nothing"]).is_err());
    }

    #[test]
    fn flags_do_not_stand_in_each_others_way() {
        command().debug_assert();
    }
}
