//! A trace as a grid to read: nodes by level against layers; for many nodes, levels against layers.

use std::fmt::{self, Write};

use super::marked::Judged;
use super::{Mark, Marked, Trace};
use crate::model::{Applied, Schedule};

/// Rows and columns of a grid that people read.
const MAX_ROWS: usize = 200;
const MAX_COLUMNS: usize = 24;
const NAME_WIDTH: usize = 14;

/// A trace to be displayed.
#[derive(Debug, Clone)]
pub struct Grid<'t> {
    marked: &'t Marked,
    /// Numbers of layers; the gap is none.
    columns: Vec<Option<usize>>,
    is_coloured: bool,
    /// What is left out.
    pub notes: Vec<String>,
}

impl<'t> Grid<'t> {
    /// A grid of a trace; marks are told apart by their symbols, and by colours too if they may.
    pub fn new(marked: &'t Marked, is_coloured: bool) -> Self {
        let mut grid = Grid { marked, columns: Vec::new(), is_coloured, notes: Vec::new() };
        if let Some(nodes) = marked.judged.as_ref().map(|judged| judged.netlist.nodes().len())
            && nodes > MAX_ROWS
        {
            grid.notes.push(format!(
                "{nodes} nodes: right ones counted by level; --format csv has every node"
            ));
        }
        grid.columns = grid.choose_columns();
        grid
    }

    /// All numbers of layers, or the ends of loops, or the first and last of these.
    fn choose_columns(&mut self) -> Vec<Option<usize>> {
        let trace = &self.marked.trace;
        let mut steps: Vec<usize> = (0..trace.bits.len()).collect();
        if steps.len() > MAX_COLUMNS && trace.schedule.n_layers > 1 {
            self.notes.push("the ends of loops only; --format csv has every layer".to_string());
            let last = trace.bits.len() - 1;
            steps.retain(|&step| step == 0 || step == last || trace.loops_done(step).is_some());
        }
        if steps.len() <= MAX_COLUMNS {
            return steps.into_iter().map(Some).collect();
        }
        let (half, n) = (MAX_COLUMNS / 2, steps.len());
        self.notes.push(format!("the first and last {half} of {n} columns"));
        let last = steps[n - half..].iter().copied().map(Some);
        steps[..half].iter().copied().map(Some).chain([None]).chain(last).collect()
    }

    fn heads(&self, width: usize) -> String {
        let head = |&column: &Option<usize>| format!(" {:>width$}", head(self.trace(), column));
        self.columns.iter().map(head).collect()
    }

    fn trace(&self) -> &'t Trace {
        &self.marked.trace
    }

    /// A row per node by level, a column per layer.
    fn nodes(&self, judged: &Judged, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = judged.netlist.nodes();
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.sort_by_key(|&id| (nodes[id].level, id));
        write!(f, "{:>5}  {:<NAME_WIDTH$} {:<9}  ", "level", "node", "gate")?;
        writeln!(f, "after {}\n{:33}{}", unit(self.trace()), "", self.heads(5).trim_end())?;
        for id in order {
            let node = &nodes[id];
            write!(f, "{:>5}  {} {:<9} ", node.level, fitted(&node.name), node.operation)?;
            for &column in &self.columns {
                f.write_str(&match column {
                    None => "     …".to_string(),
                    Some(step) => self.cell(judged, id, step),
                })?;
            }
            f.write_char('\n')?;
        }
        f.write_str(&self.outputs(judged))?;
        let marks = Mark::ALL.map(|mark| format!("{} {}", mark.symbol(), mark.name()));
        f.write_str(&marks.join("  "))
    }

    fn cell(&self, judged: &Judged, id: usize, step: usize) -> String {
        let mark = judged.marks[step][id];
        let value = self.trace().value(step, judged.netlist.nodes()[id].position);
        // One question mark says it.
        let symbol = if value == '?' { ' ' } else { mark.symbol() };
        let text = format!("    {value}{symbol}");
        if self.is_coloured { format!("\x1b[{}m{text}\x1b[0m", colour(mark)) } else { text }
    }

    /// A row per level, a column per layer: how many nodes are right, of all.
    fn levels(&self, judged: &Judged) -> String {
        let nodes = judged.netlist.nodes();
        let n_levels = nodes.iter().map(|node| node.level + 1).max().unwrap_or(0);
        let mut members = vec![Vec::new(); n_levels];
        nodes.iter().enumerate().for_each(|(id, node)| members[node.level].push(id));
        let width = nodes.len().to_string().len().max(5);
        let mut text = format!("level   nodes  right after {}\n", unit(self.trace()));
        text += &format!("{:14}{}\n", "", self.heads(width));
        for (level, members) in members.iter().enumerate() {
            let right = |step: usize| {
                members.iter().filter(|&&id| judged.marks[step][id] == Mark::Right).count()
            };
            text += &format!("{level:>5} {:>7} ", members.len());
            for column in &self.columns {
                let cell = column.map_or("…".to_string(), |step| right(step).to_string());
                text += &format!(" {cell:>width$}");
            }
            text.push('\n');
        }
        text + &self.outputs(judged)
    }

    /// Bits of all positions, where nothing is known of them.
    fn bare(&self) -> String {
        let trace = self.trace();
        let mut text = String::new();
        for &column in &self.columns {
            let bits = column.map(|step| trace.values(step)).map(|bits| {
                let cut: String = bits.chars().take(MAX_ROWS).collect();
                if cut.len() < bits.len() { cut + "…" } else { cut }
            });
            text += &format!("{:>6}  {}\n", head(trace, column), bits.unwrap_or_default());
        }
        text + &halted(trace)
    }

    fn outputs(&self, judged: &Judged) -> String {
        let trace = self.trace();
        let last = trace.bits.len() - 1;
        let mut text = String::new();
        for (name, id) in judged.netlist.outputs().take(MAX_ROWS) {
            let bit = trace.value(last, judged.netlist.nodes()[id].position);
            let (mark, since) = (judged.marks[last][id].name(), judged.known_since[id]);
            let when = if last >= since { "known after" } else { "not known before" };
            text += &format!("output {name} = {bit} ({mark}), {when} {}\n", after(trace, since));
        }
        text += &halted(trace);
        match trace.fixed_since_loop {
            Some(loops) => text + &format!("fixed point after loop {loops}\n"),
            None => text,
        }
    }
}

impl fmt::Display for Grid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.marked.judged {
            Some(judged) if judged.netlist.nodes().len() <= MAX_ROWS => self.nodes(judged, f),
            Some(judged) => f.write_str(self.levels(judged).trim_end()),
            None => f.write_str(self.bare().trim_end()),
        }
    }
}

/// A column's head: `start`, the loop, or loop and layer; a layer of the prelude or the coda by its number.
fn head(trace: &Trace, column: Option<usize>) -> String {
    match column.map(|step| trace.applied(step)) {
        None => "…".to_string(),
        Some(None) => "start".to_string(),
        Some(Some(Applied::Prelude { layer })) => format!("p{layer}"),
        Some(Some(Applied::Core { in_loop, .. })) if trace.schedule.n_layers == 1 => {
            in_loop.to_string()
        }
        Some(Some(Applied::Core { in_loop, layer })) => format!("{in_loop}.{layer}"),
        Some(Some(Applied::Coda { layer })) => format!("c{layer}"),
    }
}

/// What the heads of columns count.
fn unit(trace: &Trace) -> &'static str {
    let Schedule { n_prelude, n_layers, n_coda, .. } = trace.schedule;
    match (n_layers, n_prelude + n_coda) {
        (1, 0) => "loop",
        (_, 0) => "loop.layer",
        (1, _) => "loop (p: prelude, c: coda)",
        _ => "loop.layer (p: prelude, c: coda)",
    }
}

/// The number of a terminal's colour.
fn colour(mark: Mark) -> u8 {
    match mark {
        Mark::Right => 32,
        Mark::Unknown => 2,
        Mark::Stale => 33,
        Mark::Wrong => 31,
    }
}

/// The first characters of a name, in a field.
fn fitted(name: &str) -> String {
    let cut = if name.chars().count() > NAME_WIDTH {
        name.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
    } else {
        name.to_string()
    };
    format!("{cut:<NAME_WIDTH$}")
}

/// When a model that halts does so.
fn halted(trace: &Trace) -> String {
    match (&trace.known, trace.halted_after_loop) {
        (None, _) => String::new(),
        (Some(_), Some(loops)) => format!("halts after loop {loops}: all outputs are known\n"),
        (Some(_), None) => "does not halt: an output is not known\n".to_string(),
    }
}

/// The loop, or the layer outside of it, by whose end `step` layers are done.
fn after(trace: &Trace, step: usize) -> String {
    match trace.applied(step) {
        Some(Applied::Prelude { layer }) => format!("layer {layer} of the prelude"),
        Some(Applied::Coda { layer }) => format!("layer {layer} of the coda"),
        _ => format!("loop {}", trace.loops_with(step)),
    }
}
