//! The ledger: what is claimed, how well it stands, and a check that runs.
//!
//! A claim's statement says no more than its reason and its check support: `Proved` means for all cases,
//! by the reason given, and the check goes through a finite part of them; `Verified` claims nothing
//! beyond that part; `Refuted` claims are false, and the check shows a case. A check runs models,
//! solvers and enumerations and can fail.

use std::fmt;

use crate::error::{Error, Result};

mod bounds;
mod models;

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// For all cases, by the reason given; the check goes through some of them.
    Proved,
    /// On the range of the check, by going through all of it; nothing is said beyond.
    Verified,
    /// False: the check shows a case.
    Refuted,
    /// Follows from something that is believed and not proved.
    Conditional,
    /// Nobody knows.
    Open,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Proved => "proved",
            Status::Verified => "verified",
            Status::Refuted => "refuted",
            Status::Conditional => "conditional",
            Status::Open => "open",
        })
    }
}

/// An entry of the ledger.
#[derive(Debug)]
pub struct Claim {
    pub id: &'static str,
    pub statement: &'static str,
    pub status: Status,
    pub assumptions: &'static str,
    /// The proof in brief, the counterexample, or the literature.
    pub reason: &'static str,
    /// What the check goes through; empty if there is none.
    pub range: &'static str,
    check: Option<fn(&mut Evidence) -> Result<()>>,
}

/// What a check found, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    pub findings: Vec<Finding>,
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub holds: bool,
    pub text: String,
}

impl Evidence {
    /// Whether there is evidence and all of it is as the claim's status says.
    pub fn holds(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(|finding| finding.holds)
    }

    fn note(&mut self, holds: bool, text: impl Into<String>) {
        self.findings.push(Finding { holds, text: text.into() });
    }
}

impl Claim {
    /// The command that runs the check, if there is one.
    pub fn command(&self) -> Option<String> {
        self.check.map(|_| format!("circuit2tf claims check {}", self.id))
    }

    /// Runs the check; none if the claim has none.
    ///
    /// # Errors
    /// Something in the check could not be built or run.
    pub fn check(&self) -> Result<Option<Evidence>> {
        let Some(check) = self.check else { return Ok(None) };
        let mut evidence = Evidence::default();
        check(&mut evidence)?;
        Ok(Some(evidence))
    }
}

/// All claims, in logical order.
pub fn claims() -> &'static [Claim] {
    &CLAIMS
}

/// The claim of that id.
///
/// # Errors
/// There is none.
pub fn claim(id: &str) -> Result<&'static Claim> {
    let found = CLAIMS.iter().find(|claim| claim.id == id);
    found.ok_or_else(|| {
        Error::new("the id of a claim", format!("{id:?}")).hint("`circuit2tf claims` lists them")
    })
}

/// The arithmetic under which compiled models are exact.
const EXACT: &str = "the dtype rounds to nearest, exp(0) = 1, and exp of less than minus the dtype's \
                     underflow threshold is 0";
const OBLIVIOUS: &str = "attention does not depend on the input and every head reads one token";

static CLAIMS: [Claim; 19] = [
    Claim {
        id: "simulation",
        statement: "A compiled model of L layers computes its circuit of depth D on every input after \
                    ceil(D/L) loops.",
        status: Status::Proved,
        assumptions: EXACT,
        reason: "One layer makes one synchronous step of all gates, exactly; after t steps every gate of \
                 level t or less holds its value (induction on the level).",
        range: "all inputs of 8 small circuits, L = 1, 2, 3, f32, by the reference engine",
        check: Some(models::simulation),
    },
    Claim {
        id: "universal-layer",
        statement: "The weights of a compiled layer depend on the number of heads and the length of \
                    addresses only, not on the circuit, which is written in the position embedding.",
        status: Status::Proved,
        assumptions: "one layer, the default temperature",
        reason: "Nothing that makes the layer reads the network.",
        range: "equality of all block tensors over 4 circuits of one address length",
        check: Some(models::universal_layer),
    },
    Claim {
        id: "more-loops",
        statement: "More loops than ceil(D/L) change nothing: the stream is a fixed point.",
        status: Status::Proved,
        assumptions: EXACT,
        reason: "Gates whose operands hold their values keep theirs, and all other channels return to \
                 their state after every layer.",
        range: "all inputs of 3 small circuits, the whole stream compared for twice the depth",
        check: Some(models::more_loops),
    },
    Claim {
        id: "self-stabilisation",
        statement: "From any Boolean states of the gates a compiled model is right after D layers.",
        status: Status::Proved,
        assumptions: EXACT,
        reason: "The induction of `simulation` does not use the initial states.",
        range: "all inputs of 3 small circuits from 8 random initial states each",
        check: Some(models::self_stabilisation),
    },
    Claim {
        id: "unit-norm",
        statement: "Before and after every layer each channel of a compiled model is +1 or -1 exactly, \
                    each position sums to 0 and has mean square 1: normalisation would be the identity.",
        status: Status::Proved,
        assumptions: EXACT,
        reason: "Every value has a negated twin and every address is balanced.",
        range: "all inputs of 2 small circuits in f64, f32, f16 and bf16, all layers",
        check: Some(models::unit_norm),
    },
    Claim {
        id: "depth-layers-needed",
        statement: "A model that is not looped needs as many layers as its circuit has levels.",
        status: Status::Refuted,
        assumptions: "none",
        reason: "A uniform average and an MLP count, lookup needs one layer, and levels collapse.",
        range: "4-bit adder of depth 7 in 4 and 3 layers; parity of 10 inputs and a 6-input table in \
                1; parity of 9 in 2: all inputs",
        check: Some(models::depth_layers_needed),
    },
    Claim {
        id: "collapse",
        statement: "Every network of fan-in 2 and depth D runs in ceil(D/c) layers with 2^c heads and an \
                    MLP of 2^(2^c + 1) + 2^c + 1 units, for c = 1, 2, 3.",
        status: Status::Proved,
        assumptions: EXACT,
        reason: "A node of level l is a function of at most 2^c nodes of level at most c (ceil(l/c) - 1).",
        range: "networks of 14 circuits, c = 1, 2, 3, all inputs; model shapes for the 4-bit adder",
        check: Some(bounds::collapse),
    },
    Claim {
        id: "symmetric-one-layer",
        statement: "Every symmetric function of n <= 256 inputs runs in one layer with one head and n \
                    MLP units.",
        status: Status::Proved,
        assumptions: "matrix products are accumulated in f32, or exactly",
        reason: "The average over 2^q tokens is the count divided by 2^q; the MLP interpolates.",
        range: "all 32 symmetric functions of 4 inputs in f32, f16 and bf16, all inputs",
        check: Some(models::symmetric_one_layer),
    },
    Claim {
        id: "hops-need-layers",
        statement: "Following a pointer k times needs k layers.",
        status: Status::Refuted,
        assumptions: "none",
        reason: "Pointers double: 2^r - 1 hops in r + 1 layers, one of which collects the table's bits.",
        range: "3 hops in 3 layers and 7 hops in 4, all tables of 4 entries and all starts",
        check: Some(models::hops_need_layers),
    },
    Claim {
        id: "oblivious-depth",
        statement: "With H heads and one bit per token the least number of layers of a function is its \
                    least depth in gates of H + 1 inputs.",
        status: Status::Proved,
        assumptions: OBLIVIOUS,
        reason: "A token's bit after a layer is a gate of its own and H read bits; conversely a tree of \
                 gates is laid on tokens, each gate on that of its leftmost leaf.",
        range: "H = 1, all 256 functions of 3 inputs, all models of 4 tokens and up to 2 layers",
        check: Some(bounds::oblivious_depth),
    },
    Claim {
        id: "oblivious-width",
        statement: "With H heads the output depends on at most (H + 1)^L inputs after L layers, however \
                    many tokens there are.",
        status: Status::Proved,
        assumptions: OBLIVIOUS,
        reason: "Induction: a token's field is the union of its own and H others.",
        range: "receptive fields of 6 compiled networks after every number of steps",
        check: Some(bounds::oblivious_width),
    },
    Claim {
        id: "census",
        statement: "Of the 65536 functions of 4 variables 7552 need 4 levels of two-input gates, and none \
                    needs more than 2 levels of three-input gates.",
        status: Status::Verified,
        assumptions: "complements are free",
        reason: "Dynamic programming over all truth tables.",
        range: "all functions of 4 variables",
        check: Some(bounds::census),
    },
    Claim {
        id: "fewer-loops-fail",
        statement: "Fewer than ceil(D/L) loops are wrong on some input.",
        status: Status::Refuted,
        assumptions: "gates start at 0",
        reason: "Paths as long as the depth may never matter: it depends on the circuit.",
        range: "the 4-bit array multiplier of depth 16 is right after 15 loops, all inputs; the 4-bit \
                adder of depth 7 is not after 6",
        check: Some(bounds::fewer_loops_fail),
    },
    Claim {
        id: "miter",
        statement: "T layers of a compiled model are wrong on some input exactly if the miter of T \
                    unrolled steps against the circuit is satisfiable.",
        status: Status::Proved,
        assumptions: EXACT,
        reason: "A compiled layer is one synchronous step.",
        range: "the solver's answer against the reference engine on all inputs, 4 circuits, every T up \
                to the depth",
        check: Some(bounds::miter),
    },
    Claim {
        id: "monotone",
        statement: "A number of layers that is right on all inputs stays right when it grows.",
        status: Status::Refuted,
        assumptions: "gates start at 0; true from the depth on, and of being right from all states",
        reason: "NAND(x, x) feeding NOR(., x), which is always 0, feeding OR(y, .).",
        range: "that network: 3 gates, right after 1, wrong after 2, right after 3 steps",
        check: Some(bounds::monotone),
    },
    Claim {
        id: "unchanged-outputs",
        statement: "Outputs that one loop left unchanged are right.",
        status: Status::Refuted,
        assumptions: "none",
        reason: "A tree of ANDs on ones gives 0 until its last level is done. If a layer leaves the whole \
                 stream unchanged, the outputs are right.",
        range: "the AND of 8 inputs by the reference engine",
        check: Some(models::unchanged_outputs),
    },
    Claim {
        id: "tied-capacity",
        statement: "A block of L layers looped R times computes everything that L R layers with \
                    weights of their own compute.",
        status: Status::Refuted,
        assumptions: "weights of bounded size",
        reason: "P parameters of b bits tell at most 2^(b P) functions apart, whatever R is. The \
                 looped functions are some of the others.",
        range: "all weights -1, 0, 1 of one unit per layer, two layers, inputs 0 to 3",
        check: Some(bounds::tied_capacity),
    },
    Claim {
        id: "parameter-ratio",
        statement: "A model of L R layers has R times the parameters of a block of L layers looped R times.",
        status: Status::Refuted,
        assumptions: "embeddings count",
        reason: "(L R p + e) / (L p + e) < R for e > 0.",
        range: "12 and 120 layers in the shape of GPT-2 small",
        check: Some(bounds::parameter_ratio),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_finds_what_its_claim_says() {
        for claim in claims() {
            match claim.check().unwrap() {
                Some(evidence) => assert!(evidence.holds(), "{}: {evidence:#?}", claim.id),
                None => assert!(matches!(claim.status, Status::Conditional | Status::Open)),
            }
            assert_eq!(claim.command().is_some(), !claim.range.is_empty());
        }
    }

    #[test]
    fn ids_differ_and_unknown_ones_are_errors() {
        for (i, a) in claims().iter().enumerate() {
            assert!(claims()[..i].iter().all(|b| a.id != b.id), "{}", a.id);
            assert_eq!(claim(a.id).unwrap().statement, a.statement);
        }
        assert!(claim("everything").is_err());
        assert!(!Evidence::default().holds());
    }
}
