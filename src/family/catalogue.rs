//! The families as a list that is shown and serialises itself.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Family, Parameter, families};
use crate::error::{Error, Result};
use crate::table::{Document, Table, Tabular, row, words};

/// Families with what their circuits are made of.
#[derive(Debug, Clone)]
pub struct Catalogue(pub Vec<&'static Family>);

impl Catalogue {
    /// All families, or the one of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn of(name: Option<&str>) -> Result<Self> {
        let wanted = |family: &&Family| name.is_none_or(|name| name == family.name);
        let chosen: Vec<&Family> = families().iter().filter(wanted).collect();
        if chosen.is_empty() {
            let found = format!("{:?}", name.unwrap_or_default());
            let error = Error::new("a family", found);
            return Err(error.hint("`circuit2tf families` lists them"));
        }
        Ok(Catalogue(chosen))
    }
}

fn default(parameter: &Parameter) -> Option<String> {
    parameter.default.map(|value| parameter.values.show(value))
}

/// A parameter in a line: its name, what it is, its values and its default.
fn line(parameter: &Parameter) -> String {
    let default = default(parameter).map_or(String::new(), |value| format!(", default {value}"));
    format!("{}: {} ({}{default})", parameter.name, parameter.about, parameter.values)
}

impl Tabular for Catalogue {
    fn document(&self) -> Document {
        let mut document = Document::default();
        let heads = ["family", "what it is", "parameters", "gates", "depth", "example"];
        let mut table = Table::new(heads.map(words));
        for family in &self.0 {
            let parameters: Vec<String> = family.parameters.iter().map(line).collect();
            document.prose(format!("{}: {}", family.name, family.about));
            parameters.iter().for_each(|line| document.prose(format!("    {line}")));
            document.prose(format!("    gates {}, depth {}", family.size.text, family.depth.text));
            document.prose(format!("    example: {}", family.example));
            table.push(row![
                family.name,
                family.about,
                parameters.join("; "),
                family.size.text,
                family.depth.text,
                family.example,
            ]);
        }
        document.data(table);
        document
    }
}

impl Serialize for Catalogue {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let parameter = |p: &Parameter| {
            json!({
                "name": p.name,
                "about": p.about,
                "values": p.values.to_string(),
                "default": default(p),
            })
        };
        let family = |family: &&Family| {
            json!({
                "name": family.name,
                "about": family.about,
                "example": family.example,
                "parameters": family.parameters.iter().map(parameter).collect::<Vec<_>>(),
                "gates": family.size.text,
                "depth": family.depth.text,
            })
        };
        let families: Vec<Value> = self.0.iter().map(family).collect();
        json!({ "families": families }).serialize(serializer)
    }
}
