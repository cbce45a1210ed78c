//! Programs of look-up tables on a device: a dispatch per level, 32 assignments a word.
//!
//! Every value has its own words; a level reads those of lower levels and writes its own.

use std::sync::{Mutex, PoisonError};

use super::device::{Bindings, Device, Step};
use super::{put_words, word_at};
use crate::batch::{Batch, LutProgram};
use crate::error::Result;
use crate::run::RunLuts;

/// The words of all values that are aimed at: enough to keep a device busy.
const VALUE_WORDS: usize = 1 << 22;

/// A program on a device.
#[derive(Debug)]
pub(super) struct Luts<'d> {
    device: &'d Device,
    program: LutProgram,
    luts: wgpu::Buffer,
    /// The values of the last run, for another one of as many words.
    values: Mutex<Option<Values>>,
}

/// The words of all values.
#[derive(Debug)]
struct Values {
    shift: u32,
    values: wgpu::Buffer,
    bindings: Bindings,
}

impl<'d> Luts<'d> {
    /// # Errors
    /// The device cannot hold the program with one word a value.
    pub(super) fn new(device: &'d Device, program: &LutProgram) -> Result<Self> {
        let words = program.luts().iter().flat_map(|lut| {
            let [a, b, c] = lut.operands;
            [u32::from(lut.table), a, b, c]
        });
        let luts = device.upload(&words.collect::<Vec<_>>())?;
        let luts = Luts { device, program: program.clone(), luts, values: Mutex::new(None) };
        // Tried now, so that a program that does not fit is refused before it is needed.
        let one_word = Values::new(&luts, 0)?;
        *luts.values.lock().unwrap_or_else(PoisonError::into_inner) = Some(one_word);
        Ok(luts)
    }

    /// The words a value, as a power of 2, that suit so many assignments.
    fn fitting_shift(&self, n_assignments: usize) -> u32 {
        let n_values = self.program.n_values();
        let fitting = self.device.max_words().min(VALUE_WORDS) / n_values;
        let needed = n_assignments.div_ceil(32).next_power_of_two();
        needed.ilog2().min(fitting.max(1).ilog2())
    }

    /// Evaluates the assignments from `first` on.
    fn run_block(
        &self,
        values: &Values,
        inputs: &Batch,
        first: usize,
        outputs: &mut Batch,
    ) -> Result<()> {
        let words = 1usize << values.shift;
        let row = |input| {
            let row = inputs.words(input);
            (0..words).map(move |w| word_at(row, first + 32 * w))
        };
        let bits: Vec<u32> = (0..inputs.n_signals()).flat_map(row).collect();
        // Value 0 is the constant 0, and stays so.
        self.device.write(&values.values, words, &bits);
        let level = |(parameters, level): (usize, std::ops::Range<usize>)| Step {
            kernel: &self.device.level,
            bindings: &values.bindings,
            parameters,
            n_invocations: (level.len() << values.shift) as u64,
        };
        self.device.execute(self.program.levels().enumerate().map(level))?;
        let rows = self.program.outputs().iter();
        let rows = rows.map(|&(value, _)| ((value as usize) << values.shift, words));
        let bits = self.device.download(&values.values, rows)?;
        for (o, row) in bits.chunks(words).enumerate() {
            let flip = if self.program.outputs()[o].1 { u32::MAX } else { 0 };
            let row: Vec<u32> = row.iter().map(|word| word ^ flip).collect();
            put_words(outputs.words_mut(o), first, &row);
        }
        Ok(())
    }
}

impl Values {
    fn new(luts: &Luts, shift: u32) -> Result<Self> {
        let device = luts.device;
        let values = device.zeros(luts.program.n_values() << shift)?;
        let first_value = 1 + luts.program.n_inputs();
        let level = |level: std::ops::Range<usize>| {
            [level.len(), level.start, first_value + level.start, shift as usize].map(|x| x as u32)
        };
        let parameters =
            device.parameters(&luts.program.levels().map(level).collect::<Vec<_>>())?;
        let bindings = device.bind(&device.level, &parameters, &[&luts.luts, &values]);
        Ok(Values { shift, values, bindings })
    }
}

impl RunLuts for Luts<'_> {
    fn run(&self, inputs: &Batch) -> Result<Batch> {
        self.program.require_inputs(inputs)?;
        let n = inputs.n_assignments();
        let mut outputs = Batch::zeros(self.program.outputs().len(), n);
        let shift = self.fitting_shift(n);
        // Calls from several threads take turns: they share the values.
        let mut kept = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let values = match kept.take() {
            Some(values) if values.shift == shift => values,
            _ => Values::new(self, shift)?,
        };
        for first in (0..n).step_by(32 << shift) {
            self.run_block(&values, inputs, first, &mut outputs)?;
        }
        *kept = Some(values);
        Ok(outputs)
    }
}
