//! `man`, `completions` and `schema`: what manuals, shells and other programs want to know of this one.

use std::path::Path;

use circuit2tf::{Result, files};
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use super::examples::command;
use super::{Report, source};

/// The name of the program in scripts and pages.
const NAME: &str = "circuit2tf";

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder for a page of every command; without it the program's page goes to stdout
    #[arg(short, long, value_name = "DIR")]
    output: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// The pages of the manual, in section 1.
pub fn man(args: &ManArgs) -> Result<Report> {
    let mut program = command().disable_help_subcommand(true);
    program.build();
    let Some(folder) = &args.output else {
        let page = page(&program);
        let json = json!({ "page": String::from_utf8_lossy(&page) });
        return Ok(Report { text: page, json, status: 0 });
    };
    files::make_folder(folder)?;
    let mut files = Vec::new();
    let mut waiting = vec![&program];
    while let Some(command) = waiting.pop() {
        waiting.extend(command.get_subcommands());
        let name = Man::new(command.clone()).get_filename();
        let path = Path::new(folder).join(name).to_string_lossy().into_owned();
        source::write(&path, &page(command))?;
        files.push(path);
    }
    files.sort();
    let text = format!("wrote {} pages to {folder}\n", files.len());
    let json = json!({ "folder": folder, "files": files });
    Ok(Report { text: text.into_bytes(), json, status: 0 })
}

fn page(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).expect("memory takes all that is written");
    page
}

/// A script that completes commands and flags.
pub fn completions(args: &CompletionsArgs) -> Result<Report> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), NAME, &mut script);
    let json = json!({
        "shell": args.shell.to_string(),
        "script": String::from_utf8_lossy(&script),
    });
    Ok(Report { text: script, json, status: 0 })
}

/// The JSON Schema of what every command prints with --json.
pub fn schema() -> Result<Report> {
    let json = serde_json::from_str(circuit2tf::SCHEMA).expect("the schema is JSON");
    Ok(Report { text: circuit2tf::SCHEMA.as_bytes().to_vec(), json, status: 0 })
}
