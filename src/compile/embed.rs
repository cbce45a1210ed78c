//! The embedding: the circuit, written row by row into the position table.

use ndarray::{Array2, ArrayViewMut1};

use crate::layout::Layout;
use crate::model::Model;
use crate::network::Network;

/// `W_E`, `[3, d_model]`: tokens 0 and 1 set the value of an input, the blank nothing.
pub(super) fn tokens(layout: &Layout) -> Array2<f64> {
    let mut w_e = Array2::zeros((3, layout.d_model()));
    for (token, sign) in [(0, -1.0), (1, 1.0)] {
        w_e[[token, layout.value()]] = sign;
        w_e[[token, layout.not_value()]] = -sign;
    }
    debug_assert!(w_e.row(Model::BLANK).iter().all(|&x| x == 0.0));
    w_e
}

/// `W_pos`, `[n_ctx, d_model]`: address, operands, truth table and first state of every node.
///
/// A constant starts at its value, so that a circuit of depth 0 needs no layer; a gate starts at 0 (any
/// start heals within `level` layers). An input's value comes with its token.
pub(super) fn positions(network: &Network, layout: &Layout) -> Array2<f64> {
    let codes = layout.codes(network.n_nodes());
    let mut w_pos = Array2::zeros((network.n_nodes(), layout.d_model()));
    for (id, mut row) in w_pos.outer_iter_mut().enumerate() {
        write_code(&mut row, layout.address().start, codes[id], layout);
        for (h, &operand) in network.operands(id).iter().enumerate() {
            write_code(&mut row, layout.pointer(h).start, codes[operand as usize], layout);
            row[layout.fetch(h)] = 1.0;
            row[layout.not_fetch(h)] = -1.0;
        }
        for r in 0..layout.n_rows() {
            let sign = sign(network.value(id, r));
            row[layout.table(r)] = sign;
            row[layout.not_table(r)] = -sign;
        }
        if id >= network.n_inputs() {
            let start = sign(network.is_source(id) && network.value(id, 0));
            row[layout.value()] = start;
            row[layout.not_value()] = -start;
        }
    }
    w_pos
}

fn write_code(row: &mut ArrayViewMut1<f64>, start: usize, code: u32, layout: &Layout) {
    for j in 0..layout.code_length() {
        row[start + j] = sign(code >> j & 1 == 1);
    }
}

fn sign(bit: bool) -> f64 {
    if bit { 1.0 } else { -1.0 }
}
