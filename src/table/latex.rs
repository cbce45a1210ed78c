//! Tables for LaTeX, with the rules of the package booktabs.

use super::{Cell, Table};

/// A `tabular`.
pub fn table(table: &Table) -> String {
    let sides = table.columns.iter().map(|column| if column.is_number { 'r' } else { 'l' });
    let sides: String = sides.collect();
    let heads: Vec<String> = table.columns.iter().map(|column| escaped(&column.head)).collect();
    let row =
        |row: &Vec<Cell>| line(&row.iter().map(|cell| escaped(&cell.shown)).collect::<Vec<_>>());
    let rows: String = table.rows.iter().map(row).collect();
    let heads = line(&heads);
    format!(
        "\\begin{{tabular}}{{{sides}}}\n\\toprule\n{heads}\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n"
    )
}

fn line(cells: &[String]) -> String {
    format!("{} \\\\\n", cells.join(" & "))
}

/// Lines that LaTeX does not set.
pub fn comment(text: &str) -> String {
    text.lines().map(|line| format!("% {line}").trim_end().to_string() + "\n").collect()
}

/// Text that LaTeX sets as it stands.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '<' => out += "\\textless{}",
            '>' => out += "\\textgreater{}",
            '|' => out += "\\textbar{}",
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            // Two would make one dash, and a bracket behind the end of a row would be an option of it.
            '-' => out += if out.ends_with('-') { "{}-" } else { "-" },
            '[' => out += "{[}",
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{number, row, words};

    #[test]
    fn a_table_has_the_rules_of_booktabs() {
        let costs = Table::new([words("scheme"), number("d_model")]);
        let expected = "\\begin{tabular}{lr}\n\\toprule\nscheme & d\\_model \\\\\n\\midrule\n\
                        cot & 7 \\\\\n\\bottomrule\n\\end{tabular}\n";
        assert_eq!(table(&costs.with([row!["cot", 7usize]])), expected);
    }

    #[test]
    fn what_latex_would_read_is_escaped() {
        let expected = "\\textbackslash{} 50 \\% \\& \\$\\#\\_\\{\\} \\textasciitilde{}\
                        \\textasciicircum{} \\textless{}\\textgreater{}\\textbar{} -{}-{}- {[}";
        assert_eq!(escaped("\\ 50 % & $#_{} ~^ <>| --- ["), expected);
        assert_eq!(comment("a\n\nb % c"), "% a\n%\n% b % c\n");
    }
}
