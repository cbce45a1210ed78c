//! Tables for a terminal: aligned columns, two spaces apart.
//!
//! A table that is too wide is shown in parts that each begin with its first column, and says so below. A
//! cell of words that is too wide for a part is broken at spaces.

use unicode_width::UnicodeWidthStr;

use super::{Cell, Column, Table, WIDTH};

const GAP: usize = 2;

/// A column of words is not made narrower than this for the table to fit.
const NARROWEST: usize = 20;

/// The table's lines.
pub fn table(table: &Table) -> String {
    let widths = widths(table);
    let parts = parts(&widths);
    let part = |columns: &Vec<usize>| lines(table, columns, &widths);
    let text = parts.iter().map(part).collect::<Vec<_>>().join("\n");
    match parts.len() {
        0 | 1 => text,
        n => format!("{text}({} columns in {n} parts)\n", table.columns.len()),
    }
}

/// The columns' widths. The widest column of words gives way, if that makes the table fit; none leaves no room
/// beside the first.
fn widths(table: &Table) -> Vec<usize> {
    let of = |(c, column): (usize, &Column)| {
        let cells = table.rows.iter().map(|row| row[c].shown.width());
        cells.chain([column.head.width()]).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = table.columns.iter().enumerate().map(of).collect();
    let words = (0..widths.len()).filter(|&c| !table.columns[c].is_number);
    if let Some(widest) = words.max_by_key(|&c| widths[c]) {
        let others = widths.iter().map(|width| width + GAP).sum::<usize>() - widths[widest] - GAP;
        if others + NARROWEST <= WIDTH {
            widths[widest] = widths[widest].min(WIDTH - others);
        }
    }
    if widths.iter().map(|width| width + GAP).sum::<usize>() > WIDTH + GAP {
        let first = widths[0].min(WIDTH / 2);
        widths.iter_mut().for_each(|width| *width = (*width).min(WIDTH - GAP - first));
        widths[0] = first;
    }
    widths
}

/// The columns of each part: as many as fit beside the first.
fn parts(widths: &[usize]) -> Vec<Vec<usize>> {
    let Some(&first) = widths.first() else { return Vec::new() };
    let mut parts = vec![vec![0]];
    let mut used = first;
    for (c, width) in widths.iter().enumerate().skip(1) {
        if used + GAP + width > WIDTH {
            parts.push(vec![0]);
            used = first;
        }
        parts.last_mut().expect("there is one").push(c);
        used += GAP + width;
    }
    parts
}

fn lines(table: &Table, columns: &[usize], widths: &[usize]) -> String {
    let heads: Vec<Cell> = table.columns.iter().map(|column| column.head.as_str().into()).collect();
    let row = |row: &Vec<Cell>| {
        let broken: Vec<Vec<String>> =
            columns.iter().map(|&c| broken(&row[c].shown, widths[c])).collect();
        let height = broken.iter().map(Vec::len).max().unwrap_or(0);
        let line = |l: usize| {
            let cell = |(at, &c): (usize, &usize)| {
                let cell = broken[at].get(l).map_or("", String::as_str);
                let space = " ".repeat(widths[c].saturating_sub(cell.width()));
                if table.columns[c].is_number { space + cell } else { cell.to_string() + &space }
            };
            let cells: Vec<String> = columns.iter().enumerate().map(cell).collect();
            format!("{}\n", cells.join(&" ".repeat(GAP)).trim_end())
        };
        (0..height).map(line).collect::<String>()
    };
    row(&heads) + &table.rows.iter().map(row).collect::<String>()
}

/// The lines that a cell takes: broken at spaces, and a word that is wider inside.
fn broken(cell: &str, width: usize) -> Vec<String> {
    if cell.width() <= width {
        return vec![cell.to_string()];
    }
    let mut lines = vec![String::new()];
    for word in cell.split(' ').flat_map(|word| pieces(word, width)) {
        let last = lines.last_mut().expect("there is one");
        if last.is_empty() {
            *last = word;
        } else if last.width() + 1 + word.width() <= width {
            *last += " ";
            *last += &word;
        } else {
            lines.push(word);
        }
    }
    lines
}

/// A word in pieces of at most so many columns.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let last = pieces.last_mut().expect("there is one");
        let longer = format!("{last}{c}");
        if longer.width() <= width || last.is_empty() {
            *last = longer
        } else {
            pieces.push(c.to_string())
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{number, row, words};

    #[test]
    fn numbers_end_and_words_begin_in_one_column() {
        let costs = Table::new([words("scheme"), number("passes"), words("how")]);
        let text =
            table(&costs.with([row!["cot", 7usize, "sampled"], row!["pause", 12345678u64, ""]]));
        let expected = "scheme    passes  how\ncot            7  sampled\npause   12345678\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_wide_table_comes_in_parts_and_says_so() {
        let columns = (0..12).map(|c| number(format!("column {c:03}")));
        let mut wide = Table::new([words("name")].into_iter().chain(columns));
        wide.push([Cell::from("x")].into_iter().chain((0..12usize).map(Cell::from)));
        let text = table(&wide);
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert_eq!(text.matches("name  ").count(), 2, "{text}");
        assert!(text.ends_with("(13 columns in 2 parts)\n"), "{text}");
        assert!((0..12).all(|c| text.contains(&format!("column {c:03}"))), "{text}");
    }

    #[test]
    fn a_wide_cell_is_broken_at_spaces_and_a_wide_word_inside() {
        let long = format!("{} {}", "word ".repeat(30), "x".repeat(200));
        let text =
            table(&Table::new([words("id"), words("text")]).with([row!["a", long.as_str()]]));
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        let letters = |text: &str| text.chars().filter(|&c| c == 'x').count();
        assert_eq!(letters(&text), 201, "{text}");
        let alone = table(&Table::new([words("text")]).with([row![long.as_str()]]));
        assert!(alone.lines().all(|line| line.width() <= WIDTH), "{alone}");
    }

    #[test]
    fn words_give_way_to_numbers_where_that_makes_a_table_fit() {
        let long = "word ".repeat(30);
        let row = row!["a", long.trim(), 123456789u64];
        let text = table(&Table::new([words("id"), words("text"), number("n")]).with([row]));
        assert!(
            text.lines().all(|line| line.width() <= WIDTH) && !text.contains("parts"),
            "{text}"
        );
        assert_eq!(text.lines().nth(1).unwrap().width(), WIDTH, "{text}");
    }

    #[test]
    fn a_table_without_rows_or_columns_is_its_heads() {
        assert_eq!(table(&Table::new([words("a"), words("b")])), "a  b\n");
        assert_eq!(table(&Table::new([])), "");
    }
}
