//! Which coordinates of the residual stream hold what.
//!
//! | channels | width | content |
//! |---|---|---|
//! | `slot[s]` | largest live cut | the live values, 0 or 1 |
//! | `gather[i]` | inputs that are read | at input `i` a 1; where inputs are gathered, what is fetched |
//! | `step[j]` | even, `C(m, m/2)` thoughts or more | a balanced code of the thought's number, `±1` |
//! | `select[j]` | even, likewise | a balanced code of the output that is to be answered, `±1` |
//! | `bit` | 1 | `±1`, the token that is read |
//! | `ask` | 1 | 1 at the last token of the prompt |
//! | `state` | 1 | 1 at the last thought |
//! | `recall` | 1 | 1 where a token is answered, but for the first |
//! | `answer` | 1 | the bit to be answered |
//!
//! What a position does not use is 0.

use crate::error::Result;
use crate::layout::Codes;

/// The coordinates of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub n_slots: usize,
    pub n_gathered: usize,
    pub steps: Codes,
    pub outputs: Codes,
}

impl Channels {
    pub fn new(
        n_slots: usize,
        n_gathered: usize,
        n_steps: usize,
        n_outputs: usize,
    ) -> Result<Self> {
        let (steps, outputs) = (Codes::shortest(n_steps)?, Codes::shortest(n_outputs)?);
        Ok(Channels { n_slots, n_gathered, steps, outputs })
    }

    pub fn slot(self, slot: usize) -> usize {
        slot
    }

    pub fn gather(self, input: usize) -> usize {
        self.n_slots + input
    }

    pub fn step(self, j: usize) -> usize {
        self.gather(self.n_gathered) + j
    }

    pub fn select(self, j: usize) -> usize {
        self.step(self.steps.length()) + j
    }

    pub fn bit(self) -> usize {
        self.select(self.outputs.length())
    }

    pub fn ask(self) -> usize {
        self.bit() + 1
    }

    pub fn state(self) -> usize {
        self.bit() + 2
    }

    pub fn recall(self) -> usize {
        self.bit() + 3
    }

    pub fn answer(self) -> usize {
        self.bit() + 4
    }

    pub fn d_model(self) -> usize {
        self.answer() + 1
    }

    /// A name for every coordinate, in order.
    pub fn names(self) -> Vec<String> {
        let numbered = |name: &str, n: usize| {
            let names = (0..n).map(|j| format!("{name}[{j}]"));
            names.collect::<Vec<_>>()
        };
        let mut names = numbered("slot", self.n_slots);
        names.extend(numbered("gather", self.n_gathered));
        names.extend(numbered("step", self.steps.length()));
        names.extend(numbered("select", self.outputs.length()));
        names.extend(["bit", "ask", "state", "recall", "answer"].map(String::from));
        names
    }
}
