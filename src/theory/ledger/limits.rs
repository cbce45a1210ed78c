//! What depends on conjectures, and what is open.

use super::{Claim, Status};

pub(super) const CLAIMS: &[Claim] = &[Claim {
    id: "log-depth-barrier",
    statement: "Some explicit function in P needs a growing number of layers of polynomial size and \
                    logarithmic precision.",
    status: Status::Open,
    assumptions: "none",
    reason: "Such models of constant depth are TC0 (Merrill and Sabharwal 2023); even NEXP is not \
                 known to lie outside TC0.",
    range: "",
    check: None,
}];
