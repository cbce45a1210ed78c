//! The explorer: one HTML page in which a model's own weights run, to be watched and broken.
//!
//! In: a model, the network that it computes, and a name. Out: a page that needs nothing else, no network
//! and no server: the model file's bytes in base64, the circuit and where its nodes are drawn as JSON, and
//! the modules of `explorer/`, which are plain JavaScript and are joined here. Invariant: the same model
//! gives the same bytes, and no name in it can end the element that it stands in.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::figure::layered::Layered;
use crate::figure::svg::escape;
use crate::model::{Model, file};
use crate::trace::{Netlist, Node};

/// The most nodes and positions of a model that a page shows.
pub const MAX_NODES: usize = 300;

/// The most bytes of a page.
pub const MAX_BYTES: usize = 2_000_000;

const PAGE: &str = include_str!("explorer/page.html");
const STYLE: &str = include_str!("explorer/page.css");

/// The modules, each after those it imports.
const MODULES: [&str; 7] = [
    include_str!("explorer/arithmetic.js"),
    include_str!("explorer/weights.js"),
    include_str!("explorer/forward.js"),
    include_str!("explorer/netlist.js"),
    include_str!("explorer/proof.js"),
    include_str!("explorer/draw.js"),
    include_str!("explorer/page.js"),
];

/// The page for `model`, which computes `netlist`, under the title `name`.
///
/// # Errors
/// The model is a decoder or has a prelude or a coda, or it has more than [`MAX_NODES`] nodes or positions, or the page would exceed
/// [`MAX_BYTES`].
pub fn page(model: &Model, netlist: &Netlist, name: &str) -> Result<String> {
    require_looped(model)?;
    let n_nodes = netlist.nodes().len().max(model.n_ctx());
    if n_nodes > MAX_NODES {
        return Err(Error::new(
            format!("at most {MAX_NODES} nodes for a page"),
            format!("{n_nodes}"),
        )
        .hint(
            "`trace` has no such limit, and a smaller circuit of the same family shows the same",
        ));
    }
    let layered = Layered::new(netlist)?;
    let data = json!({
        "model": BASE64_STANDARD.encode(file::to_bytes(model)),
        "netlist": netlist_json(netlist),
        "layout": layout_json(&layered),
        "depth": netlist.depth(),
        "proved": netlist.is_proved(),
        "parameters": n_parameters(model),
    });
    // `<` ends no string of JSON, and without it nothing in the data ends the script element.
    let data = data.to_string().replace('<', "\\u003c");
    let page = fill(&[
        ("{{TITLE}}", &escape(name)),
        ("{{STYLE}}", STYLE),
        ("{{DATA}}", &data),
        ("{{SCRIPT}}", &joined(&MODULES)),
    ]);
    if page.len() > MAX_BYTES {
        let found = format!("{}, {} of them weights", page.len(), file::to_bytes(model).len());
        return Err(Error::new(format!("a page of at most {MAX_BYTES} bytes"), found)
            .hint("fewer layers, looped, compute the same"));
    }
    Ok(page)
}

/// Whether a page can show a model of this scheme.
///
/// # Errors
/// The model is a decoder or has a prelude or a coda.
pub fn require_looped(model: &Model) -> Result<()> {
    let hint = "the page shows looped models only; `circuit2tf trace` shows what a decoder writes";
    model.require_parallel().map_err(|error| error.hint(hint))?;
    model.require_core_only()
}

/// The page with each mark replaced wherever it stands in the page itself, but not in what is put in.
fn fill(marks: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = PAGE;
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        let (mark, text) = marks
            .iter()
            .find(|(mark, _)| from.starts_with(mark))
            .expect("the page has only marks that are filled");
        filled.push_str(text);
        rest = &from[mark.len()..];
    }
    filled + rest
}

/// The modules as one: what they import stands before them.
fn joined(modules: &[&str]) -> String {
    let mut script = String::new();
    for line in modules.iter().flat_map(|module| module.lines()) {
        if !line.starts_with("import ") {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script
}

fn netlist_json(netlist: &Netlist) -> Value {
    let node = |node: &Node| {
        let rows: String = node.rows.iter().map(|&row| if row { '1' } else { '0' }).collect();
        json!({
            "name": node.name,
            "gate": node.operation,
            "level": node.level,
            "position": node.position,
            "operands": node.operands,
            "rows": rows,
        })
    };
    let output = |(name, node): (&str, usize)| json!({ "name": name, "node": node });
    json!({
        "nInputs": netlist.n_inputs(),
        "nodes": netlist.nodes().iter().map(node).collect::<Vec<_>>(),
        "outputs": netlist.outputs().map(output).collect::<Vec<_>>(),
    })
}

fn layout_json(layered: &Layered) -> Value {
    let round = |row: f64| (row * 100.0).round() / 100.0;
    let wires: Vec<Value> = layered
        .wires
        .iter()
        .map(|wire| {
            let points: Vec<Value> =
                wire.points.iter().map(|&(column, row)| json!([column, round(row)])).collect();
            json!({ "from": wire.from, "to": wire.to, "points": points })
        })
        .collect();
    json!({
        "columns": layered.n_columns,
        "height": round(layered.height),
        "rows": layered.rows.iter().map(|&row| round(row)).collect::<Vec<_>>(),
        "wires": wires,
    })
}

fn n_parameters(model: &Model) -> usize {
    let blocks: usize = model.blocks.iter().map(|block| block.n_parameters()).sum();
    model.w_e.len() + model.w_pos.len() + blocks + model.w_u.len() + model.b_u.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Builder, GateKind};
    use crate::compile::{Options, compile};
    use crate::family::generate;

    fn page_of(circuit: &crate::circuit::Circuit, options: &Options) -> Result<String> {
        let model = compile(circuit, "", options)?;
        page(&model, &Netlist::of(&model, Some(circuit))?, "a circuit")
    }

    #[test]
    fn a_hostile_name_stays_a_name() {
        let hostile = "</script><script>alert(1)</script><!-- {{DATA}} \u{2028}";
        let mut builder = Builder::new();
        let a = builder.input(hostile).unwrap();
        let b = builder.input("b").unwrap();
        let and = builder.gate(GateKind::And, &[a.into(), b.into()]).unwrap();
        builder.output(format!("{hostile} out"), and).unwrap();
        let circuit = builder.finish().unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let netlist = Netlist::of(&model, Some(&circuit)).unwrap();
        let page = page(&model, &netlist, hostile).unwrap();
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("<!-- "), "a comment could swallow the rest");
        assert!(page.contains("&lt;/script&gt;") && page.contains("\\u003c/script>"));
    }

    #[test]
    fn pages_are_small_alike_and_refused_when_too_large() {
        let circuit = generate("random:n=20,gates=270,seed=1").unwrap();
        let page = page_of(&circuit, &Options::default()).unwrap();
        assert!(page.len() < MAX_BYTES);
        assert_eq!(page, page_of(&circuit, &Options::default()).unwrap());
        assert!(page_of(&generate("adder:64").unwrap(), &Options::default()).is_err());
        let deep = generate("parity-chain:120").unwrap();
        let unrolled = Options { unroll: true, ..Options::default() };
        assert!(page_of(&deep, &Options::default()).is_ok());
        assert!(page_of(&deep, &unrolled).is_err());
    }

    #[test]
    fn the_modules_join_into_one() {
        let script = joined(&MODULES);
        let begins = |word: &str| script.lines().any(|line| line.starts_with(word));
        assert!(!begins("import ") && !begins("export "));
        let mut names: Vec<&str> = script
            .lines()
            .filter_map(|line| {
                let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
                let declares =
                    ["const", "let", "function", "class", "async"].contains(&words.next()?);
                let name = words.find(|word| !word.is_empty() && *word != "function")?;
                declares.then_some(name)
            })
            .collect();
        let total = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), total, "a name is declared twice");
        assert!(names.contains(&"makeRunner") && names.contains(&"tryAll"));
    }
}
