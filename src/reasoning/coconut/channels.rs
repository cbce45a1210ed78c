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
use crate::layout::{Codes, Span, Spans};

/// The coordinates of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub steps: Codes,
    pub outputs: Codes,
    pub slot: Span,
    pub gather: Span,
    pub step: Span,
    pub select: Span,
    pub bit: usize,
    pub ask: usize,
    pub state: usize,
    pub recall: usize,
    pub answer: usize,
    pub d_model: usize,
}

impl Channels {
    /// The coordinates and their names.
    ///
    /// # Errors
    /// More thoughts or outputs than codes.
    pub fn new(
        n_slots: usize,
        n_gathered: usize,
        n_steps: usize,
        n_outputs: usize,
    ) -> Result<(Self, Spans)> {
        let (steps, outputs) = (Codes::shortest(n_steps)?, Codes::shortest(n_outputs)?);
        let mut spans = Spans::default();
        let channels = Channels {
            steps,
            outputs,
            slot: spans.add("slot", n_slots),
            gather: spans.add("gather", n_gathered),
            step: spans.add("step", steps.length()),
            select: spans.add("select", outputs.length()),
            bit: spans.one("bit"),
            ask: spans.one("ask"),
            state: spans.one("state"),
            recall: spans.one("recall"),
            answer: spans.one("answer"),
            d_model: spans.width(),
        };
        Ok((channels, spans))
    }
}
