//! A latch of two coordinates that no staircase for each coordinate is: four lines in the plane.
//!
//! A staircase of `M` levels in each of two coordinates has `2 (M - 1)` lines and `M²` cells; with eight ReLU units,
//! two a line, that is nine states. Four lines in general position have eleven cells.

use ndarray::{Array1, Array2, array};

use super::Draft;
use crate::error::Result;
use crate::layout::Spans;
use crate::model::{Block, Dtype, Model};

/// Lines `n · x = t`.
const LINES: [([f64; 2], f64); 4] =
    [([1.0, 1.0], -1.0), ([1.0, 0.0], -1.0), ([1.0, -1.0], 1.5), ([0.0, 1.0], 2.0)];

/// What being beyond a line adds to the state.
const STEPS: [[f64; 2]; 4] = [[2.625, 2.625], [4.0, 0.0], [2.5, -2.5], [0.0, 4.0]];

/// The state that is beyond no line.
const ORIGIN: [f64; 2] = [-4.25, -1.25];

/// The slope of the ramp at a line: it is flat from `1/8` on.
const GAIN: f64 = 4.0;

/// By how much a coordinate of a state may be off and be restored: `|n · x - t|` is at least 1/2 at every state and
/// a line's normal is at most 2 in the sum of its absolute values.
pub const NOISE: f64 = (0.5 - 0.5 / GAIN) / 2.0;

/// The states that the latch holds: one in each cell of the four lines that is its own cell's state.
pub fn states() -> Vec<[f64; 2]> {
    let state = |cell: usize| {
        let beyond = (0..4).filter(|k| cell >> k & 1 == 1);
        beyond.fold(ORIGIN, |x, k| [x[0] + STEPS[k][0], x[1] + STEPS[k][1]])
    };
    let holds = |&cell: &usize| {
        let x = state(cell);
        LINES.iter().enumerate().all(|(k, (normal, at))| {
            let side = normal[0] * x[0] + normal[1] * x[1] - at;
            if cell >> k & 1 == 1 { side >= 0.5 } else { side <= -0.5 }
        })
    };
    (0..16).filter(holds).map(state).collect()
}

/// The latch as a looped layer of one token, one head and eight MLP units, started at `start`.
///
/// The token reads itself: the head moves the state to the channels `read` and clears what it held, the MLP writes
/// `origin + Σ step_k [beyond line k]` of what was read. All numbers are multiples of 1/64 below 2^10.
///
/// # Errors
/// A number of the start is none of f32.
pub fn latch_of_four_lines(start: [f64; 2]) -> Result<Model> {
    let mut spans = Spans::default();
    let [states, reads] = ["state", "read"].map(|name| spans.add(name, 2));
    let mut draft = Draft::new(1, spans, (states.at(0), 0.0), states.at(0)).with_plain_ports(1);
    draft.w_e = Array2::zeros((3, 4));
    draft.w_pos = array![[start[0], start[1], 0.0, 0.0]];
    let mut block = Block::zeros(1, 4, 4, 8);
    for c in 0..2 {
        let [state, read] = [states.at(c), reads.at(c)];
        block.w_v[[0, state, state]] = 1.0;
        block.w_v[[0, read, read]] = 1.0;
        block.w_o[[0, state, state]] = -1.0;
        block.w_o[[0, state, read]] = 1.0;
        block.w_o[[0, read, read]] = -1.0;
    }
    for (k, (normal, at)) in LINES.iter().enumerate() {
        for (unit, half, sign) in [(2 * k, 0.5, 1.0), (2 * k + 1, -0.5, -1.0)] {
            for c in 0..2 {
                block.w_in[[reads.at(c), unit]] = GAIN * normal[c];
                block.w_out[[unit, states.at(c)]] = sign * STEPS[k][c];
            }
            block.b_in[unit] = half - GAIN * at;
        }
    }
    block.b_out = Array1::from(vec![ORIGIN[0], ORIGIN[1], 0.0, 0.0]);
    draft.finish(vec![block], 1, Dtype::F32)
}
