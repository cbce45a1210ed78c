//! Programs on batches: look-up tables of three operands, level by level.
//!
//! What an oracle hands to a device: plain data that knows no circuit. Values are numbered: 0 is the constant
//! 0, then the inputs, then the tables' results in order. A table reads values of lower levels only, so that
//! all tables of a level can be evaluated at once.

use super::Batch;
use crate::error::{Error, Result};

/// A function of three values; bit `a + 2b + 4c` of `table` is its value at `a`, `b`, `c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lut {
    /// The function.
    pub table: u8,
    /// The numbers of the values `a`, `b` and `c`.
    pub operands: [u32; 3],
}

/// Levels of tables, and which values are the outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LutProgram {
    n_inputs: usize,
    luts: Vec<Lut>,
    /// The number of tables up to the end of each level.
    level_ends: Vec<usize>,
    /// A value each, and whether its complement is meant.
    outputs: Vec<(u32, bool)>,
}

impl LutProgram {
    /// # Errors
    /// The levels are not those of the tables, or an operand or output is no value of a lower level.
    pub fn new(
        n_inputs: usize,
        luts: Vec<Lut>,
        level_ends: Vec<usize>,
        outputs: Vec<(u32, bool)>,
    ) -> Result<Self> {
        let program = LutProgram { n_inputs, luts, level_ends, outputs };
        let first = 1 + n_inputs;
        let mut start = 0;
        for &end in &program.level_ends {
            let Some(level) = program.luts.get(start..end) else {
                return Err(Error::new("levels in order", format!("one that ends at {end}")));
            };
            let operands = level.iter().flat_map(|lut| lut.operands);
            require_below(first + start, operands)?;
            start = end;
        }
        if start != program.luts.len() {
            return Err(Error::new(format!("{start} tables"), program.luts.len().to_string()));
        }
        require_below(program.n_values(), program.outputs.iter().map(|&(value, _)| value))?;
        Ok(program)
    }

    /// The number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// The number of values: the constant, inputs and tables.
    pub fn n_values(&self) -> usize {
        1 + self.n_inputs + self.luts.len()
    }

    /// The tables, level by level.
    pub fn luts(&self) -> &[Lut] {
        &self.luts
    }

    /// Per level the numbers of its tables.
    pub fn levels(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let starts = [0].into_iter().chain(self.level_ends.iter().copied());
        starts.zip(&self.level_ends).map(|(start, &end)| start..end)
    }

    /// A value each, and whether its complement is meant.
    pub fn outputs(&self) -> &[(u32, bool)] {
        &self.outputs
    }

    /// The outputs of every assignment, by definition; devices are held against it.
    ///
    /// # Errors
    /// `inputs` has not one row per input.
    pub fn run(&self, inputs: &Batch) -> Result<Batch> {
        self.require_inputs(inputs)?;
        let mut outputs = Batch::zeros(self.outputs.len(), inputs.n_assignments());
        let mut values = vec![0; self.n_values()];
        for w in 0..inputs.words_per_signal() {
            for input in 0..self.n_inputs {
                values[1 + input] = inputs.words(input)[w];
            }
            for (i, lut) in self.luts.iter().enumerate() {
                values[1 + self.n_inputs + i] = lut.word(lut.operands.map(|v| values[v as usize]));
            }
            for (o, &(value, is_complemented)) in self.outputs.iter().enumerate() {
                let flip = if is_complemented { u64::MAX } else { 0 };
                outputs.words_mut(o)[w] = values[value as usize] ^ flip;
            }
        }
        Ok(outputs)
    }

    /// An error unless the batch has a row per input.
    pub(crate) fn require_inputs(&self, inputs: &Batch) -> Result<()> {
        if inputs.n_signals() == self.n_inputs {
            return Ok(());
        }
        let expected = format!("{} input rows", self.n_inputs);
        Err(Error::new(expected, inputs.n_signals().to_string()))
    }
}

impl Lut {
    /// The results for 64 assignments.
    fn word(self, [a, b, c]: [u64; 3]) -> u64 {
        let row = |row: u32| {
            let pick = |bit: u32, word: u64| if row >> bit & 1 == 1 { word } else { !word };
            pick(0, a) & pick(1, b) & pick(2, c)
        };
        let ones = (0..8).filter(|&r| self.table >> r & 1 == 1);
        ones.fold(0, |word, r| word | row(r))
    }
}

fn require_below(n_values: usize, mut values: impl Iterator<Item = u32>) -> Result<()> {
    match values.find(|&value| value as usize >= n_values) {
        None => Ok(()),
        Some(value) => Err(Error::new(
            format!("a value below {n_values}, of a lower level"),
            value.to_string(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_refused_unless_tables_read_lower_levels() {
        let and = |a, b| Lut { table: 0x88, operands: [a, b, 0] };
        let program = |luts: &[Lut], ends: &[usize], output| {
            LutProgram::new(2, luts.to_vec(), ends.to_vec(), vec![(output, false)])
        };
        assert!(program(&[and(1, 2), and(1, 3)], &[1, 2], 4).is_ok());
        assert!(program(&[and(1, 2), and(1, 3)], &[2], 4).is_err(), "within a level");
        assert!(program(&[and(1, 3)], &[1], 3).is_err(), "itself");
        assert!(program(&[and(1, 2)], &[1], 4).is_err(), "no such output");
        assert!(program(&[and(1, 2)], &[2], 3).is_err(), "no such table");
        assert!(program(&[and(1, 2)], &[1, 0], 3).is_err(), "levels out of order");
        assert!(program(&[and(1, 2)], &[], 2).is_err(), "a table of no level");
    }

    #[test]
    fn every_table_gives_its_rows() {
        for table in 0..=u8::MAX {
            let luts = vec![Lut { table, operands: [1, 2, 3] }];
            let program = LutProgram::new(3, luts, vec![1], vec![(4, false), (4, true)]).unwrap();
            let outputs = program.run(&Batch::counting(3, 0, 8)).unwrap();
            let words = [0, 1].map(|o| (outputs.words(o)[0] & outputs.tail_mask()) as u8);
            assert_eq!(words, [table, !table]);
        }
    }
}
