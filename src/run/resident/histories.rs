//! Histories: one assignment, 64 layers at a time.
//!
//! Where the same layer is applied again and again, a cell's bit after a layer is its truth table at what its
//! operands held before it. Let bit `i` of a word be what a cell holds after `64w + i` layers: the truth table,
//! applied to the words of the operands, gives the cell's bits one layer later, 64 of them at once. That asks
//! for an order in which operands come first, so for a layer in which no cell depends on its own past, unless
//! it only keeps what it holds. A layer that is not so has no histories.
//!
//! A layer is a function, so a cell is computed in a window only if an operand's bit changed there or with the
//! first bit of it; otherwise the cell's word is one bit 64 times, exactly. Cells that have settled are not even
//! looked at: a cell's level is 0 if it keeps what it holds, otherwise 1 more than its operands' highest, and by
//! induction it holds the same after any number of layers that is not below its level.

use super::incremental::{LayerTables, Lists, Word, look_up};

/// Layers of a window: the bits of a word.
const WINDOW: usize = 64;

/// A layer's cells in rising order of level; a place is a number in that order.
#[derive(Debug)]
pub struct Histories {
    /// Per place the row of the cell.
    rows: Vec<u32>,
    /// Per level the number of cells up to it.
    ends: Vec<usize>,
    /// Per place the truth table.
    tables: Vec<u64>,
    /// Per place the places that the cell reads.
    sources: Lists,
}

impl Histories {
    /// None if a cell depends on its own past.
    pub fn new(layer: &LayerTables) -> Option<Self> {
        let (rows, ends) = by_level(layer)?;
        let mut place_of = vec![0; rows.len()];
        rows.iter().enumerate().for_each(|(place, &row)| place_of[row as usize] = place as u32);
        let lengths: Vec<u32> =
            rows.iter().map(|&row| layer.sources.of(row as usize).len() as u32).collect();
        let mut sources = Lists::new(&lengths);
        for (place, &row) in rows.iter().enumerate() {
            let of_row = layer.sources.of(row as usize);
            let of_place = sources.of_mut(place);
            of_place.iter_mut().zip(of_row).for_each(|(to, &from)| *to = place_of[from as usize]);
        }
        let tables = rows.iter().map(|&row| layer.tables[row as usize]).collect();
        Some(Histories { rows, ends, tables, sources })
    }

    /// The rows after `n_layers` layers, all 64 bits of a word alike, and how many numbers were computed;
    /// `start` is what they hold before the first.
    pub fn run(&self, start: &[u64], n_layers: usize) -> (Vec<u64>, u64) {
        let mut words: Vec<u64> = self.rows.iter().map(|&row| start[row as usize]).collect();
        // What each place holds when the next window begins.
        let mut ahead: Vec<bool> = words.iter().map(|&word| word & 1 == 1).collect();
        // Whether a bit of a place's word differs from the one before it; in the first window nothing is known.
        let mut changes = vec![true; words.len()];
        let (mut computed, mut n_settled) = (0, 0);
        for first in (0..n_layers).step_by(WINDOW) {
            // Those that hold the same since the layer before the window.
            let settled = n_settled..self.n_up_to(first.saturating_sub(1));
            n_settled = settled.end;
            for place in settled {
                (words[place], changes[place]) = (u64::splat(ahead[place]), false);
            }
            let n_steps = WINDOW.min(n_layers - first) as u64;
            for place in n_settled..words.len() {
                let sources = self.sources.of(place);
                let mut next = u64::splat(ahead[place]);
                if first == 0 || sources.iter().any(|&from| changes[from as usize]) {
                    let later = look_up(self.tables[place], sources, &words);
                    next = later << 1 | u64::from(ahead[place]);
                    ahead[place] = later >> (WINDOW - 1) == 1;
                    computed += n_steps;
                }
                changes[place] =
                    first == 0 || next != u64::splat(words[place] >> (WINDOW - 1) == 1);
                words[place] = next;
            }
        }
        let at_end = |place: usize| match n_layers % WINDOW {
            0 => ahead[place],
            i => words[place] >> i & 1 == 1,
        };
        let mut state = start.to_vec();
        for (place, &row) in self.rows.iter().enumerate() {
            state[row as usize] = u64::splat(at_end(place));
        }
        (state, computed)
    }

    /// The number of cells of a level up to `level`.
    fn n_up_to(&self, level: usize) -> usize {
        self.ends.get(level).copied().unwrap_or(self.rows.len())
    }
}

/// The rows by level, and per level the number of rows up to it; none if a row is in a circle.
fn by_level(layer: &LayerTables) -> Option<(Vec<u32>, Vec<usize>)> {
    let n_rows = layer.tables.len();
    let alone: Vec<Option<Alone>> = (0..n_rows).map(|row| alone(layer, row)).collect();
    let keeps = |row: usize| alone[row] == Some(Alone::Keeps);
    let n_missing = |row: usize| match alone[row] {
        Some(Alone::Forgets) => 0,
        _ => layer.sources.of(row).len() as u32,
    };
    let mut missing: Vec<u32> = (0..n_rows).map(n_missing).collect();
    let mut rows: Vec<u32> = (0..n_rows as u32).filter(|&row| keeps(row as usize)).collect();
    let mut ends = vec![rows.len()];
    // A constant may hold something else before the first layer.
    let mut next: Vec<u32> = (0..n_rows as u32).filter(|&row| missing[row as usize] == 0).collect();
    let mut first = 0;
    loop {
        for &row in &rows[first..] {
            for &reader in layer.readers.of(row as usize) {
                if alone[reader as usize].is_some() {
                    continue;
                }
                missing[reader as usize] -= 1;
                if missing[reader as usize] == 0 {
                    next.push(reader);
                }
            }
        }
        if next.is_empty() {
            return (rows.len() == n_rows).then_some((rows, ends));
        }
        first = rows.len();
        rows.append(&mut next);
        ends.push(rows.len());
    }
}

/// What becomes of a cell that reads itself alone, once or more.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Alone {
    Keeps,
    /// It holds the same, whatever it held.
    Forgets,
}

/// None for a cell that reads others, or nothing, or changes for ever.
fn alone(layer: &LayerTables, row: usize) -> Option<Alone> {
    let sources = layer.sources.of(row);
    if sources.is_empty() || sources.iter().any(|&from| from as usize != row) {
        return None;
    }
    let table = layer.tables[row];
    let last = (1u32 << sources.len()) - 1;
    match (table & 1 == 1, table >> last & 1 == 1) {
        (false, true) => Some(Alone::Keeps),
        (true, false) => None,
        _ => Some(Alone::Forgets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a cell that reads itself.
    const IDENTITY: u64 = 0b10;

    /// A layer of cells, each a truth table and the rows that it reads.
    fn layer(cells: &[(u64, &[u32])]) -> LayerTables {
        let lengths: Vec<u32> = cells.iter().map(|(_, rows)| rows.len() as u32).collect();
        let mut sources = Lists::new(&lengths);
        let lists = cells.iter().enumerate();
        lists.for_each(|(row, (_, rows))| sources.of_mut(row).copy_from_slice(rows));
        let tables = cells.iter().map(|&(table, _)| table).collect();
        LayerTables { tables, readers: sources.transposed(), sources }
    }

    fn step(layer: &LayerTables, state: &[u64]) -> Vec<u64> {
        let rows = 0..state.len();
        rows.map(|row| look_up(layer.tables[row], layer.sources.of(row), state)).collect()
    }

    /// A chain over several windows, fed by a gate of stale values, constants that start wrong, and rows out
    /// of order.
    fn chain() -> LayerTables {
        let mut cells: Vec<(u64, Vec<u32>)> =
            vec![(0b0110, vec![1, 2]), (IDENTITY, vec![1]), (1, vec![]), (0, vec![])];
        // Row r reads row r + 1; the last reads row 0.
        for row in 4..N - 1 {
            let third = if row % 7 == 0 { 3 } else { 1 };
            cells.push((0b1001_0110, vec![row + 1, third, 2]));
        }
        cells.push((0b01, vec![0]));
        layer(&cells.iter().map(|(t, rows)| (*t, &**rows)).collect::<Vec<(u64, &[u32])>>())
    }

    /// Rows of the chain.
    const N: u32 = 200;

    /// The states of the chain, one layer after the other.
    fn states(layer: &LayerTables, n_layers: usize) -> Vec<Vec<u64>> {
        let pattern = |row: u32| u64::splat(row.wrapping_mul(0x9E37_79B9) >> 13 & 1 == 1);
        let mut states = vec![(0..N).map(pattern).collect::<Vec<u64>>()];
        (0..n_layers).for_each(|n| states.push(step(layer, &states[n])));
        states
    }

    #[test]
    fn every_number_of_layers_gives_the_state_of_layer_after_layer() {
        let layer = chain();
        let histories = Histories::new(&layer).expect("there is no circle");
        let states = states(&layer, 300);
        assert!(states[128..].windows(2).any(|pair| pair[0] != pair[1]), "three windows change");
        for (n_layers, state) in states.iter().enumerate() {
            assert_eq!(histories.run(&states[0], n_layers).0, *state, "{n_layers}");
        }
    }

    /// Where an operand changed with the layer before a window or in it, and nowhere else.
    #[test]
    fn cells_are_computed_where_an_operand_changed() {
        const N_WINDOWS: usize = 5;
        let layer = chain();
        let histories = Histories::new(&layer).expect("there is no circle");
        let states = states(&layer, N_WINDOWS * WINDOW);
        let (mut expected, mut n_all) = (0, 0);
        for window in 0..N_WINDOWS {
            let bits = (window * WINDOW).max(1)..(window + 1) * WINDOW;
            let changes = |&from: &u32| {
                bits.clone().any(|n| states[n][from as usize] != states[n - 1][from as usize])
            };
            // All but the one that keeps what it holds.
            let cells = (0..N as usize).filter(|&row| row != 1);
            let computed =
                cells.filter(|&row| window == 0 || layer.sources.of(row).iter().any(changes));
            expected += (computed.count() * WINDOW) as u64;
            n_all += (N as usize * WINDOW) as u64;
            assert_eq!(histories.run(&states[0], (window + 1) * WINDOW).1, expected, "{window}");
        }
        assert!(2 * expected < n_all, "more than half is skipped");
    }

    #[test]
    fn circles_have_no_histories() {
        let keeps: (u64, &[u32]) = (IDENTITY, &[0]);
        assert!(Histories::new(&layer(&[keeps])).is_some());
        assert!(Histories::new(&layer(&[])).is_some());
        assert!(Histories::new(&layer(&[(0b01, &[0])])).is_none(), "it oscillates");
        let twice = Histories::new(&layer(&[(0b1010, &[0, 0]), (0b1111, &[1, 1])])).unwrap();
        assert_eq!(twice.run(&[u64::MAX, 0], 70).0, [u64::MAX, u64::MAX]);
        assert!(Histories::new(&layer(&[(IDENTITY, &[1]), (IDENTITY, &[0])])).is_none());
        assert!(Histories::new(&layer(&[keeps, (0b0110, &[0, 1])])).is_none());
    }
}
