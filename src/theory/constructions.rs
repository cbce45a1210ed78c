//! Constructions: models of the theory that are no compiled circuits, by name, each with the circuit it computes.
//!
//! In goes `name:n`, out come a model and the circuit that an oracle evaluates; both have the same ports. Every
//! model is right by every runner of the literal pass; one that is right in some orders of summation only, such as
//! that of `shallow::running_sum`, is none of these.

use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::family::generate;
use crate::model::{Dtype, Model};
use crate::theory::shallow::equality;
use crate::theory::shallow::heads::parity_by_heads;
use crate::theory::shallow::rounding::parity_by_rounding;

/// A kind of models, one for each size.
#[derive(Debug)]
pub struct Construction {
    /// What a spec calls it.
    pub name: &'static str,
    /// What it is, and what its size `N` counts.
    pub what: &'static str,
    /// The claim that speaks of it.
    pub claim: &'static str,
    /// The family whose member of the same size it computes.
    family: &'static str,
    build: fn(usize) -> Result<Model>,
}

/// A model and what it computes.
#[derive(Debug)]
pub struct Constructed {
    /// The weights.
    pub model: Model,
    /// What they are to compute.
    pub circuit: Circuit,
}

/// All constructions, by name.
pub static CONSTRUCTIONS: &[Construction] = &[
    Construction {
        name: "equality",
        what: "two words of N bits compared by two layers of one head, f32",
        claim: "equality-two-layers",
        family: "eq",
        build: |n| equality(n, Dtype::F32),
    },
    Construction {
        name: "parity-f16",
        what: "the parity of N bits by one head without an MLP: rounding, f16",
        claim: "parity-by-rounding",
        family: "parity",
        build: |n| parity_by_rounding(n, Dtype::F16),
    },
    Construction {
        name: "parity-heads",
        what: "the parity of N <= 8 bits by N heads without an MLP: partial fractions, f64",
        claim: "parity-by-heads",
        family: "parity",
        build: parity_by_heads_in_f64,
    },
];

/// As many heads as f64 has the precision for: beyond, rounding decides bits (`proofs/p17_attention_without_mlp.rs`).
fn parity_by_heads_in_f64(n: usize) -> Result<Model> {
    const MOST: usize = 8;
    if n > MOST {
        return Err(Error::new(format!("1 to {MOST} heads in f64"), n.to_string()));
    }
    parity_by_heads(n, Dtype::F64)
}

/// The model that `name:n` names.
///
/// # Errors
/// No construction has the name, or it has no model of that size.
pub fn construct(spec: &str) -> Result<Constructed> {
    let (name, size) = spec.split_once(':').unwrap_or((spec, ""));
    let found = CONSTRUCTIONS.iter().find(|construction| construction.name == name);
    let names: Vec<&str> = CONSTRUCTIONS.iter().map(|construction| construction.name).collect();
    let construction = found.ok_or_else(|| {
        let expected = format!("a construction: {}", names.join(", "));
        Error::new(expected, format!("{name:?}")).hint("`circuit2tf construct` lists them")
    })?;
    let n = size
        .parse()
        .map_err(|_| Error::new(format!("a size, such as {name}:4"), format!("{spec:?}")))?;
    let model = (construction.build)(n)?;
    Ok(Constructed { model, circuit: generate(&format!("{}:{n}", construction.family))? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::ledger;

    #[test]
    fn ports_are_those_of_the_circuit_and_claims_exist() {
        for construction in CONSTRUCTIONS {
            for n in [1, 2, 5] {
                let built = construct(&format!("{}:{n}", construction.name)).unwrap();
                let names = built.circuit.input_names();
                assert_eq!(built.model.labels.input_names, names, "{}", construction.name);
                assert_eq!(built.model.output_positions.len(), built.circuit.outputs().len());
            }
            ledger::claim(construction.claim).unwrap();
        }
        let by_name = |pair: &[Construction]| pair[0].name < pair[1].name;
        assert!(CONSTRUCTIONS.windows(2).all(by_name));
    }

    #[test]
    fn unknown_names_and_sizes_are_errors() {
        for spec in [
            "",
            "parity",
            "parity-f16",
            "parity-f16:",
            "parity-f16:0",
            "parity-f16:x",
            "equality:900",
        ] {
            assert!(construct(spec).is_err(), "{spec}");
        }
        let error = construct("nothing:3").unwrap_err().to_string();
        assert!(error.contains("parity-f16"), "{error}");
    }
}
