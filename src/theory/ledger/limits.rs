//! What depends on conjectures, and what is open.

use super::{Claim, Evidence, Status, map};
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::verify::certificate::certify;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "k-hop-lower-bound",
        statement: "Following a pointer k times among N entries needs Omega(log k) layers of total width \
                    N^(1 - e).",
        status: Status::Conditional,
        assumptions: "no constant number of rounds of massively parallel computation tells one cycle from \
                      two",
        reason: "Layers simulate rounds and are simulated by them (Sanford, Hsu and Telgarsky 2024). The \
                 upper bound is hops-need-layers.",
        range: "",
        check: None,
    },
    Claim {
        id: "group-word-problem",
        statement: "The product of n permutations of five elements needs a number of layers that grows with \
                    n, at polynomial size and logarithmic precision.",
        status: Status::Conditional,
        assumptions: "TC0 is not NC1",
        reason: "The problem is complete for NC1 (Barrington 1989), and such models of constant depth are in \
                 TC0 (Merrill and Sabharwal 2023).",
        range: "the upper bound only, 4 ceil(log2 n) layers: depths for n = 2 to 9, certificates of compiled \
                models for n = 2, 3, 4",
        check: Some(group_word_problem),
    },
    Claim {
        id: "log-depth-barrier",
        statement: "Some explicit function in P needs a growing number of layers of polynomial size and \
                    logarithmic precision.",
        status: Status::Open,
        assumptions: "none",
        reason: "Such models of constant depth are TC0 (Merrill and Sabharwal 2023); even NEXP is not \
                 known to lie outside TC0.",
        range: "",
        check: None,
    },
];

fn group_word_problem(evidence: &mut Evidence) -> Result<()> {
    for n in 2..=9usize {
        let spec = format!("s5:{n}");
        let bound = 4 * n.next_power_of_two().ilog2() as usize;
        let depth = map(&spec)?.network.depth();
        let mut holds = depth <= bound;
        let mut text = format!("{n} permutations: depth {depth} of at most {bound}");
        if n <= 4 {
            let circuit = generate(&spec)?;
            let model = compile(&circuit, "", &Options::default())?;
            holds &= certify(&model, &circuit).is_proof() && model.n_loops <= bound;
            text += ", certified for all inputs";
        }
        evidence.note(holds, text);
    }
    Ok(())
}
