//! Read-out: the bit of a node is the sign of its value.

use ndarray::{Array1, Array2};

use crate::layout::Layout;

/// `W_U` and `b_U`: logit 1 is the value, logit 0 its negative, so the margin is 2 on a `±1` stream.
pub(super) fn read_out(layout: &Layout) -> (Array2<f64>, Array1<f64>) {
    let mut w_u = Array2::zeros((layout.d_model(), 2));
    w_u[[layout.value(), 0]] = -1.0;
    w_u[[layout.value(), 1]] = 1.0;
    (w_u, Array1::zeros(2))
}
