//! `families`: the generated circuits.

use circuit2tf::family::{Family, Parameter, families};
use circuit2tf::{Error, Result};
use serde_json::{Value, json};

use super::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The family to describe; all by default
    family: Option<String>,
}

pub fn main(args: &Args) -> Result<Report> {
    let wanted = |family: &&Family| args.family.as_deref().is_none_or(|name| name == family.name);
    let chosen: Vec<&Family> = families().iter().filter(wanted).collect();
    if chosen.is_empty() {
        let found = args.family.as_deref().unwrap_or_default();
        return Err(
            Error::new("a family", format!("{found:?}")).hint("`circuit2tf families` lists them")
        );
    }
    let text: String = chosen.iter().map(|family| describe(family)).collect();
    let list: Vec<Value> = chosen.iter().map(|family| family_json(family)).collect();
    Ok(Report { text: text.into_bytes(), json: json!({ "families": list }), status: 0 })
}

fn describe(family: &Family) -> String {
    let mut text = format!("{}: {}\n", family.name, family.about);
    for parameter in family.parameters {
        let default =
            default(parameter).map_or(String::new(), |value| format!(", default {value}"));
        text += &format!(
            "    {}: {} ({}{default})\n",
            parameter.name, parameter.about, parameter.values
        );
    }
    text += &format!("    gates {}, depth {}\n", family.size.text, family.depth.text);
    text += &format!("    example: {}\n", family.example);
    text
}

fn default(parameter: &Parameter) -> Option<String> {
    parameter.default.map(|value| parameter.values.show(value))
}

fn family_json(family: &Family) -> Value {
    let parameter = |p: &Parameter| json!({ "name": p.name, "about": p.about, "values": p.values.to_string(), "default": default(p) });
    json!({
        "name": family.name,
        "about": family.about,
        "example": family.example,
        "parameters": family.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "gates": family.size.text,
        "depth": family.depth.text,
    })
}
